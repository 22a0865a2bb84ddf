//! Frames on the control sockets: four bytes of length (big endian), then that many bytes of JSON. In: values and streams; out:
//! bytes and values. A frame may hold a secret, so its memory is wiped after use, and an error never repeats what stood in it.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};
use zeroize::Zeroizing;

use super::peer::Door;

/// The version of what is spoken here. It grows with every change that an older side would not understand.
pub const PROTOCOL: u32 = 4;
/// Most bytes of JSON in a frame.
pub const FRAME_MAX: usize = 1024 * 1024;
/// Bytes of the length.
const HEADER: usize = 4;

/// The first frame on every connection, from the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// [`PROTOCOL`] of the daemon.
    pub protocol: u32,
    /// Its version.
    pub version: String,
    /// Which socket this is.
    pub door: Door,
}

impl Greeting {
    /// The daemon's own.
    pub fn of(door: Door) -> Self {
        Self {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            door,
        }
    }

    /// Nothing if the two sides understand one another, else one line that names the older one.
    pub fn mismatch(&self) -> Option<String> {
        let mine = env!("CARGO_PKG_VERSION");
        match self.protocol.cmp(&PROTOCOL) {
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Less => Some(format!(
                "posternd is older ({}) than this program ({mine}): restart posternd, so that the installed version runs",
                crate::text::shown(&self.version)
            )),
            std::cmp::Ordering::Greater => Some(format!(
                "this program ({mine}) is older than posternd ({}): use the one that was installed with it",
                crate::text::shown(&self.version)
            )),
        }
    }
}

/// What is wrong with a frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// More than [`FRAME_MAX`] bytes.
    #[error("a frame of {0} bytes: more than 1 MiB is not taken")]
    TooLong(usize),
    /// The stream ended inside a frame.
    #[error("the connection ended in the middle of a frame")]
    Truncated,
    /// No JSON, or not what is expected. Its text is not repeated: it may hold a secret.
    #[error("a frame that is not understood (at byte {0})")]
    NotUnderstood(usize),
    /// The stream failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Grows without leaving copies behind: each outgrown buffer is wiped.
struct Wiped {
    bytes: Zeroizing<Vec<u8>>,
    limit: usize,
    wanted: usize,
}

impl Write for Wiped {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.wanted = self.wanted.saturating_add(piece.len());
        if self.wanted > self.limit {
            // What does not fit is counted, not kept: the error then says how long it would have been.
            return Ok(piece.len());
        }
        if self.wanted > self.bytes.capacity() {
            let room = self.wanted.max(self.bytes.capacity() * 2);
            let mut larger = Zeroizing::new(Vec::with_capacity(room));
            larger.extend_from_slice(&self.bytes);
            self.bytes = larger;
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A value as a whole frame, length first.
///
/// # Errors
/// [`FrameError::TooLong`]; [`FrameError::NotUnderstood`] if the value cannot be JSON.
pub fn encode<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    let mut out = Wiped {
        bytes: Zeroizing::new(Vec::with_capacity(1024)),
        limit: FRAME_MAX + HEADER,
        wanted: 0,
    };
    out.write_all(&[0; HEADER])?;
    serde_json::to_writer(&mut out, value).map_err(|_| FrameError::NotUnderstood(0))?;
    let length = out.wanted - HEADER;
    if length > FRAME_MAX {
        return Err(FrameError::TooLong(length));
    }
    let header = u32::try_from(length).map_err(|_| FrameError::TooLong(length))?;
    if let Some(place) = out.bytes.first_chunk_mut::<HEADER>() {
        *place = header.to_be_bytes();
    }
    Ok(out.bytes)
}

/// A value from the JSON of a frame.
///
/// # Errors
/// [`FrameError::NotUnderstood`].
pub fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(json).map_err(|e| FrameError::NotUnderstood(e.column()))
}

fn room_for(header: [u8; HEADER]) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    let length = usize::try_from(u32::from_be_bytes(header)).unwrap_or(usize::MAX);
    if length > FRAME_MAX {
        return Err(FrameError::TooLong(length));
    }
    Ok(Zeroizing::new(vec![0; length]))
}

fn ended(error: io::Error) -> FrameError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => FrameError::Truncated,
        _ => FrameError::Io(error),
    }
}

/// Reads the JSON of the next frame; `None` where the stream ended between two frames.
///
/// # Errors
/// [`FrameError`]; afterwards the stream is of no use.
pub fn read(stream: &mut impl Read) -> Result<Option<Zeroizing<Vec<u8>>>, FrameError> {
    let mut header = [0; HEADER];
    let (first, rest) = header.split_at_mut(1);
    loop {
        match stream.read(first) {
            Ok(0) => return Ok(None),
            Ok(_) => break,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.into()),
        }
    }
    stream.read_exact(rest).map_err(ended)?;
    let mut json = room_for(header)?;
    stream.read_exact(&mut json).map_err(ended)?;
    Ok(Some(json))
}

/// As [`read`], for the daemon: waits `idle` for the first byte and `busy` for the rest.
///
/// # Errors
/// [`FrameError`]; `TimedOut` inside [`FrameError::Io`] when `busy` has passed. `None` also when `idle` has passed.
pub async fn read_async(
    stream: &mut (impl AsyncRead + Unpin),
    idle: std::time::Duration,
    busy: std::time::Duration,
) -> Result<Option<Zeroizing<Vec<u8>>>, FrameError> {
    let mut header = [0; HEADER];
    match tokio::time::timeout(idle, stream.read(header.split_at_mut(1).0)).await {
        Err(_) | Ok(Ok(0)) => return Ok(None),
        Ok(Ok(_)) => {}
        Ok(Err(e)) => return Err(e.into()),
    }
    let remainder = async {
        stream.read_exact(header.split_at_mut(1).1).await.map_err(ended)?;
        let mut json = room_for(header)?;
        stream.read_exact(&mut json).await.map_err(ended)?;
        Ok(Some(json))
    };
    tokio::time::timeout(busy, remainder)
        .await
        .unwrap_or_else(|_| Err(FrameError::Io(io::ErrorKind::TimedOut.into())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::control::ops::Request;
    use crate::secret::Secret;
    use proptest::prelude::*;

    fn confirm() -> Request {
        Request::TokenConfirm {
            user: "anna@contoso.example".to_owned(),
            code: Secret::from("123456"),
        }
    }

    #[test]
    fn a_frame_comes_back_and_its_length_leads() {
        let frame = encode(&confirm()).unwrap();
        assert_eq!(
            u32::from_be_bytes(frame[..4].try_into().unwrap()) as usize,
            frame.len() - 4
        );
        let mut stream = &frame[..];
        let json = read(&mut stream).unwrap().unwrap();
        assert_eq!(decode::<Request>(&json).unwrap(), confirm());
        assert!(read(&mut stream).unwrap().is_none(), "a clean end is no error");
    }

    #[test]
    fn every_truncation_is_told_from_a_clean_end() {
        let frame = encode(&confirm()).unwrap();
        for cut in 1..frame.len() {
            assert!(
                matches!(read(&mut &frame[..cut]), Err(FrameError::Truncated)),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn a_long_frame_is_refused_on_both_sides() {
        let fits = "x".repeat(FRAME_MAX - 2);
        assert_eq!(encode(&fits).unwrap().len(), FRAME_MAX + 4);
        let long = "x".repeat(FRAME_MAX - 1);
        assert!(matches!(encode(&long), Err(FrameError::TooLong(n)) if n == FRAME_MAX + 1));
        // Only the length is sent: nothing of that size is set aside for it.
        let mut claim = &0xffff_ffff_u32.to_be_bytes()[..];
        assert!(matches!(read(&mut claim), Err(FrameError::TooLong(_))));
        let mut http = &b"HTTP/1.1 400 Bad Request\r\n"[..];
        assert!(matches!(read(&mut http), Err(FrameError::TooLong(_))));
    }

    #[test]
    fn r21_an_error_does_not_repeat_a_secret() {
        for json in [
            r#"{"token-confirm":{"user":["hunter2"],"code":"hunter2"}}"#,
            r#"{"hunter2":{}}"#,
            r#"{"entra-test":{"user":"anna","password":"hunter2"}}"#,
            r#"{"entra-test":{"user":"anna","password":7,"hunter2":1}}"#,
        ] {
            let error = decode::<Request>(json.as_bytes()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn fields_that_are_not_known_are_refused() {
        assert!(decode::<Request>(br#"{"explain":{"user":"anna"}}"#).is_ok());
        assert!(decode::<Request>(br#"{"explain":{"user":"anna","extra":1}}"#).is_err());
        assert!(decode::<Request>(br#"{"user-list":{"search":"","offset":0,"limit":1,"extra":1}}"#).is_err());
        assert!(
            decode::<Request>(br#"{"explain":{"user":"anna"}} {}"#).is_err(),
            "trailing bytes"
        );
    }

    #[test]
    fn the_greeting_names_the_older_side() {
        let mut greeting = Greeting::of(Door::Control);
        assert_eq!(greeting.mismatch(), None);
        greeting.protocol = PROTOCOL + 1;
        assert!(greeting.mismatch().unwrap().starts_with("this program"));
        greeting.protocol = PROTOCOL - 1;
        assert!(greeting.mismatch().unwrap().starts_with("posternd is older"));
    }

    #[tokio::test]
    async fn a_slow_sender_is_cut_off_and_an_idle_one_is_let_go() {
        use std::time::Duration;
        use tokio::io::AsyncWriteExt;
        let short = Duration::from_millis(30);
        let long = Duration::from_secs(10);
        let (mut ours, mut theirs) = tokio::io::duplex(64);
        assert!(read_async(&mut ours, short, long).await.unwrap().is_none());
        theirs.write_all(&[0, 0]).await.unwrap();
        let error = read_async(&mut ours, long, short).await.unwrap_err();
        assert!(matches!(error, FrameError::Io(e) if e.kind() == io::ErrorKind::TimedOut));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode::<Request>(&bytes);
            let mut stream = &bytes[..];
            while let Ok(Some(_)) = read(&mut stream) {}
        }
    }
}
