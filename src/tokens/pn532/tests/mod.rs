//! A chip of the tests' own, in memory: it answers as the facts say, or as a test tells it to. Its time is made up, so that waiting
//! costs none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod faults;
mod talk;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER_PERMISSIVE;
use parking_lot::Mutex;

use super::chip::{Pn532, Wire};
use super::frame;
use crate::tokens::channel::LinkError;

pub fn hex(text: &str) -> Vec<u8> {
    HEXLOWER_PERMISSIVE.decode(text.replace(' ', "").as_bytes()).unwrap()
}

/// Milliseconds after what was written, and the bytes that come then.
pub type Pieces = Vec<(u64, Vec<u8>)>;

/// What was written to the line, frame by frame.
pub type Written = Arc<Mutex<Vec<Vec<u8>>>>;

/// What a line has seen: its time, and how many bytes came.
pub type Seen = Arc<Mutex<(Duration, usize)>>;

/// A line whose other end is a function.
pub struct Fake<F> {
    seen: Seen,
    coming: VecDeque<(Duration, Vec<u8>)>,
    written: Written,
    brain: F,
    /// The line breaks when so many bytes have come.
    pub breaks_after: Option<usize>,
}

impl<F: FnMut(&[u8]) -> Pieces + Send> Fake<F> {
    pub fn new(brain: F) -> Self {
        Self {
            seen: Seen::default(),
            coming: VecDeque::new(),
            written: Written::default(),
            brain,
            breaks_after: None,
        }
    }

    pub fn written(&self) -> Written {
        Arc::clone(&self.written)
    }

    pub fn seen(&self) -> Seen {
        Arc::clone(&self.seen)
    }
}

impl<F: FnMut(&[u8]) -> Pieces + Send> Wire for Fake<F> {
    fn read(&mut self, into: &mut [u8], wait: Duration) -> Result<usize, LinkError> {
        if self.breaks_after == Some(0) {
            return Err(LinkError::ReaderGone);
        }
        assert!(!into.is_empty());
        let mut seen = self.seen.lock();
        match self.coming.front_mut() {
            Some((at, bytes)) if *at <= seen.0 + wait => {
                seen.0 = seen.0.max(*at);
                let count = bytes.len().min(into.len()).min(self.breaks_after.unwrap_or(usize::MAX));
                into[..count].copy_from_slice(&bytes[..count]);
                bytes.drain(..count);
                if bytes.is_empty() {
                    self.coming.pop_front();
                }
                if let Some(left) = &mut self.breaks_after {
                    *left -= count;
                }
                seen.1 += count;
                Ok(count)
            }
            _ => {
                seen.0 += wait;
                Ok(0)
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        if self.breaks_after == Some(0) {
            return Err(LinkError::ReaderGone);
        }
        self.written.lock().push(bytes.to_vec());
        let now = self.now();
        for (after, piece) in (self.brain)(bytes) {
            if !piece.is_empty() {
                self.coming.push_back((now + Duration::from_millis(after), piece));
            }
        }
        self.coming.make_contiguous().sort_by_key(|(at, _)| *at);
        Ok(())
    }

    fn clear(&mut self) -> Result<(), LinkError> {
        let now = self.now();
        self.coming.retain(|(at, _)| *at > now);
        Ok(())
    }

    fn now(&self) -> Duration {
        self.seen.lock().0
    }
}

/// ACK and a frame, a millisecond and three after the command.
pub fn answer(body: &str) -> Pieces {
    vec![
        (1, frame::ACK.to_vec()),
        (3, frame::encode(&hex(body)).unwrap().to_vec()),
    ]
}

/// What a PN532 says to everything that comes before a talk, and to the end of one; none: it is something else. A token lies there.
pub fn usual(written: &[u8]) -> Option<Pieces> {
    let token = "d54b 01 01 0044 20 04 01020304 067577810280";
    Some(match written.get(5..written.len().saturating_sub(2)) {
        _ if written.starts_with(&[0x55, 0x55]) || written == frame::ACK => vec![],
        Some([0xd4, 0x14, 0x01]) => answer("d515"),
        Some([0xd4, 0x02]) => answer("d503 32010607"),
        Some([0xd4, 0x12, _]) => answer("d513"),
        Some([0xd4, 0x32, ..]) => answer("d533"),
        Some([0xd4, 0x4a, 0x01, 0x00]) => answer(token),
        Some([0xd4, 0x52, _]) => answer("d55300"),
        _ => return None,
    })
}

/// A chip with a token, whose answers to commands to the token come from a function.
pub fn chip(mut token: impl FnMut(&[u8]) -> Pieces + Send + 'static) -> (Pn532, Written) {
    let fake = Fake::new(move |bytes: &[u8]| usual(bytes).unwrap_or_else(|| token(bytes)));
    let written = fake.written();
    (Pn532::new(Box::new(fake)), written)
}
