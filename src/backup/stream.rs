//! What is inside a backup: parts, each with its name, length and hash, ended by a trailer with the hash of everything. In: parts; out: bytes,
//! and back. A stream that was cut, also between two parts, or whose parts were changed is told.
//!
//! ```text
//! stream  magic 8 | format u32 | the head as a part | parts | trailer
//! part    1 | name's length u16 | name | length u64 | bytes | SHA-256 of the bytes 32
//! trailer 0 | number of parts u32 | SHA-256 of all bytes before the trailer 32
//! ```
//! Numbers are big-endian. The head is the first part in every format, so that a newer one can be named.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::records::Timestamp;

const MAGIC: &[u8; 8] = b"PSTNBKUP";
/// The format that is written; formats 1 up to it are read.
pub const FORMAT: u32 = 1;
/// The head's name.
const HEAD: &str = "head";
/// Most bytes of a head.
const HEAD_MAX: u64 = 64 * 1024;
/// Most bytes of a name.
const NAME_MAX: usize = 200;

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Of the posternd that made it.
    pub version: String,
    /// The store's schema.
    pub schema: u32,
    /// When, by the box's clock.
    pub made: Timestamp,
    /// The box's host name.
    pub host: String,
    /// [`crate::seal::Sealer::key_id`] in hexadecimal digits.
    pub key_id: String,
    /// How many users.
    pub users: u64,
    /// How many tokens they have.
    pub tokens: u64,
    /// RADIUS clients.
    pub clients: u64,
    /// Operators' names.
    pub operators: Vec<String>,
    /// The newest entry of the journal of logins.
    pub logins: u64,
    /// The newest entry of the operators' journal.
    pub acts: u64,
    /// A journal was not whole when the backup was made.
    pub damaged: bool,
    /// How the machine was set ([`super::machine`]); none: it was no appliance, or the backup is older.
    #[serde(default)]
    pub machine: Vec<String>,
}

/// Why a stream is not read.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// Something else is in the file.
    #[error("this is no backup of Postern: the passphrase is right, but something else is in the file")]
    Foreign,
    /// A format that this posternd does not know.
    #[error(
        "the backup was made by a newer Postern ({version}, format {format}): update this box first, nothing was changed"
    )]
    Newer {
        /// Of the posternd that made it.
        version: String,
        /// Its format.
        format: u32,
    },
    /// Cut or changed.
    #[error("the file is damaged or cut: take another copy of it, nothing was changed")]
    Damaged,
    /// The system.
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => StreamError::Damaged,
            _ => StreamError::Io(error),
        }
    }
}

/// Writes a stream.
pub struct Writer<W: Write> {
    out: W,
    hash: Sha256,
    count: u32,
}

impl<W: Write> Writer<W> {
    /// Begins with the head.
    ///
    /// # Errors
    /// Of `out`.
    pub fn begin(out: W, head: &Head) -> io::Result<Self> {
        let mut writer = Self {
            out,
            hash: Sha256::new(),
            count: 0,
        };
        writer.put(MAGIC)?;
        writer.put(&FORMAT.to_be_bytes())?;
        let head = serde_json::to_vec(head).map_err(io::Error::other)?;
        writer.part(HEAD, head.len() as u64, &mut head.as_slice())?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.out.write_all(bytes)
    }

    /// A part of so many bytes.
    ///
    /// # Errors
    /// Of `out` or `from`; `from` had not that many bytes.
    pub fn part(&mut self, name: &str, length: u64, from: &mut dyn Read) -> io::Result<()> {
        let short = u16::try_from(name.len()).map_err(io::Error::other)?;
        self.put(&[1])?;
        self.put(&short.to_be_bytes())?;
        self.put(name.as_bytes())?;
        self.put(&length.to_be_bytes())?;
        let mut hash = Sha256::new();
        let mut left = length;
        let mut piece = zeroize::Zeroizing::new(vec![0; 64 * 1024]);
        while left > 0 {
            let wanted = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let buffer = piece.get_mut(..wanted).unwrap_or_default();
            from.read_exact(buffer)?;
            hash.update(&*buffer);
            left -= wanted as u64;
            self.hash.update(&*buffer);
            self.out.write_all(buffer)?;
        }
        self.put(&hash.finalize())?;
        self.count += 1;
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    /// Of `out`.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0])?;
        self.out.write_all(&self.count.to_be_bytes())?;
        self.out.write_all(&self.hash.finalize())?;
        Ok(self.out)
    }
}

/// Reads a stream.
pub struct Reader<R: Read> {
    from: R,
    hash: Sha256,
    count: u32,
    /// What it says of itself.
    pub head: Head,
}

/// A part whose bytes come next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub length: u64,
}

impl<R: Read> Reader<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// [`StreamError`].
    pub fn begin(from: R) -> Result<Self, StreamError> {
        let mut reader = Self {
            from,
            hash: Sha256::new(),
            count: 0,
            head: Head {
                version: String::new(),
                schema: 0,
                made: Timestamp(0),
                host: String::new(),
                key_id: String::new(),
                users: 0,
                tokens: 0,
                clients: 0,
                operators: Vec::new(),
                logins: 0,
                acts: 0,
                damaged: false,
                machine: Vec::new(),
            },
        };
        let mut magic = [0; 8];
        // Too short for the magic is something else; what the sealing refuses is damaged.
        reader.from.read_exact(&mut magic).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => StreamError::Foreign,
            _ => error.into(),
        })?;
        reader.hash.update(magic);
        if &magic != MAGIC {
            return Err(StreamError::Foreign);
        }
        let format = u32::from_be_bytes(reader.take()?);
        let part = reader.next_part()?.ok_or(StreamError::Damaged)?;
        if part.name != HEAD || part.length > HEAD_MAX {
            return Err(StreamError::Damaged);
        }
        let mut bytes = Vec::new();
        reader.bytes(&part, &mut bytes)?;
        if format != FORMAT {
            let head: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let version = head.get("version").and_then(|version| version.as_str());
            let version = crate::text::shown(version.unwrap_or("of an unknown version"));
            return Err(StreamError::Newer { version, format });
        }
        reader.head = serde_json::from_slice(&bytes).map_err(|_| StreamError::Damaged)?;
        Ok(reader)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], StreamError> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes)?;
        self.hash.update(bytes);
        Ok(bytes)
    }

    /// The next part; none at the proven end. Its bytes must be taken by [`Reader::bytes`] before the next call.
    ///
    /// # Errors
    /// [`StreamError`].
    pub fn next_part(&mut self) -> Result<Option<Part>, StreamError> {
        let before = self.hash.clone();
        let [kind] = self.take()?;
        if kind == 0 {
            let count = u32::from_be_bytes(self.take()?);
            let hash: [u8; 32] = self.take()?;
            let proven = count == self.count && hash == <[u8; 32]>::from(before.finalize());
            let nothing_more = self.from.read(&mut [0])? == 0;
            return match proven && nothing_more {
                true => Ok(None),
                false => Err(StreamError::Damaged),
            };
        }
        let length = usize::from(u16::from_be_bytes(self.take()?));
        if kind != 1 || length > NAME_MAX {
            return Err(StreamError::Damaged);
        }
        let mut name = vec![0; length];
        self.from.read_exact(&mut name)?;
        self.hash.update(&name);
        let name = String::from_utf8(name).map_err(|_| StreamError::Damaged)?;
        let length = u64::from_be_bytes(self.take()?);
        Ok(Some(Part { name, length }))
    }

    /// The bytes of a part, into `out`, and proves them.
    ///
    /// # Errors
    /// [`StreamError`]; `out` holds what is not to be used then.
    pub fn bytes(&mut self, part: &Part, out: &mut dyn Write) -> Result<(), StreamError> {
        let (mut hash, mut left) = (Sha256::new(), part.length);
        let mut piece = zeroize::Zeroizing::new(vec![0; 64 * 1024]);
        while left > 0 {
            let wanted = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let buffer = piece.get_mut(..wanted).unwrap_or_default();
            self.from.read_exact(buffer)?;
            hash.update(&*buffer);
            self.hash.update(&*buffer);
            out.write_all(buffer).map_err(StreamError::Io)?;
            left -= wanted as u64;
        }
        let said: [u8; 32] = self.take()?;
        self.count += 1;
        match said == <[u8; 32]>::from(hash.finalize()) {
            true => Ok(()),
            false => Err(StreamError::Damaged),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn head() -> Head {
        Head {
            version: "0.1.0".to_owned(),
            schema: 3,
            made: Timestamp(5),
            host: "box-1".to_owned(),
            key_id: "00".to_owned(),
            users: 1,
            tokens: 2,
            clients: 3,
            operators: vec!["anna".to_owned()],
            logins: 4,
            acts: 5,
            damaged: false,
            machine: Vec::new(),
        }
    }

    fn stream(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = Writer::begin(Vec::new(), &head()).unwrap();
        for (name, bytes) in parts {
            writer.part(name, bytes.len() as u64, &mut &bytes[..]).unwrap();
        }
        writer.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, StreamError> {
        let mut reader = Reader::begin(bytes)?;
        let mut parts = Vec::new();
        while let Some(part) = reader.next_part()? {
            let mut bytes = Vec::new();
            reader.bytes(&part, &mut bytes)?;
            parts.push((part.name, bytes));
        }
        Ok(parts)
    }

    #[test]
    fn parts_come_back_and_every_cut_and_every_changed_byte_is_told() {
        let whole = stream(&[("key", &[7; 32]), ("journal/1", &[]), ("store", &[9; 500])]);
        let parts = read(&whole).unwrap();
        assert_eq!(parts.len(), 3);
        assert_eq!((parts[2].0.as_str(), parts[2].1.len()), ("store", 500));
        assert_eq!(Reader::begin(whole.as_slice()).unwrap().head, head());
        for at in 0..whole.len() {
            assert!(read(&whole[..at]).is_err(), "cut at {at}");
            let mut bad = whole.clone();
            bad[at] ^= 1;
            assert!(read(&bad).is_err(), "byte {at}");
        }
        let longer: Vec<u8> = whole.iter().copied().chain([0]).collect();
        assert!(read(&longer).is_err());
    }

    #[test]
    fn a_newer_format_names_the_version_and_anything_else_is_foreign() {
        let mut newer = stream(&[]);
        newer[11] = 2;
        let line = read(&newer).unwrap_err().to_string();
        assert!(line.contains("newer Postern (0.1.0, format 2)"), "{line}");
        for foreign in [b"".as_slice(), b"hello", b"hello, this is another file"] {
            assert!(matches!(read(foreign), Err(StreamError::Foreign)));
        }
    }
}
