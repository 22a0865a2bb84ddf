//! What goes wrong on the way to a token, and when: a plan that a simulated reader follows.

use std::time::Duration;

use super::Token;

/// Which of the answers something befalls, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hits {
    /// None.
    #[default]
    Never,
    /// This one.
    At(usize),
    /// All.
    Always,
}

impl Hits {
    /// Whether it befalls this one.
    pub fn hit(self, number: usize) -> bool {
        match self {
            Self::Never => false,
            Self::At(at) => at == number,
            Self::Always => true,
        }
    }
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the box to the reader.
    In,
    /// From the reader to the box.
    Out,
}

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing arrives any more, either way.
    Silence,
    /// The reader is unplugged.
    Unplugged,
}

/// The line ends after so many bytes of one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Whose bytes count.
    pub way: Way,
    /// How many of them still arrive.
    pub after: usize,
    /// What then.
    pub end: End,
}

/// What happens to a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// These bits are turned over.
    Flipped(u8),
    /// It does not arrive.
    Dropped,
    /// It arrives twice.
    Doubled,
}

/// One byte does not arrive as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Which way it goes.
    pub way: Way,
    /// Which of the bytes that go this way, counted from 0.
    pub at: usize,
    /// What happens to it.
    pub how: How,
}

impl Damage {
    /// Bytes as they arrive, when `before` were sent before them.
    pub fn befalls(self, before: usize, bytes: &mut Vec<u8>) {
        let Some(at) = self.at.checked_sub(before).filter(|&at| at < bytes.len()) else {
            return;
        };
        match self.how {
            How::Flipped(bits) => bytes[at] ^= bits,
            How::Dropped => drop(bytes.remove(at)),
            How::Doubled => bytes.insert(at, bytes[at]),
        }
    }
}

/// What happens to the token.
#[derive(Clone)]
pub enum What {
    /// It is taken away.
    Taken,
    /// Another one lies there in its place.
    Swapped(Token),
    /// It is moved and back at once: the same token, a new contact.
    Moved,
    /// The reader reports this status in its low six bits.
    Status(u8),
    /// The reader is unplugged.
    Unplugged,
}

/// Something that happens at one command to the token.
#[derive(Clone)]
pub struct Event {
    /// At which, counted from 0.
    pub at: usize,
    /// The token has taken the command, and the answer is lost; else the command is.
    pub late: bool,
    /// What happens.
    pub what: What,
}

/// The plan. The default is a reader at which nothing goes wrong.
#[derive(Clone, Default)]
pub struct Faults {
    /// What it says comes in pieces of so many bytes, with pauses.
    pub pieces: Option<(usize, Duration)>,
    /// Stands before each of its frames.
    pub junk: Vec<u8>,
    /// Commands that it answers with a NACK and does not take.
    pub nack: Hits,
    /// Commands that it answers with its error frame and does not take.
    pub error: Hits,
    /// Answers that arrive with a wrong checksum.
    pub checksum: Hits,
    /// Answers that do not arrive.
    pub lost: Hits,
    /// Longer answers of a token come in parts of so many bytes.
    pub parts: Option<usize>,
    /// How long a token takes for a command.
    pub thinks: Duration,
    /// Where the line ends.
    pub cut: Option<Cut>,
    /// What happens to a byte.
    pub damage: Option<Damage>,
    /// What happens to the token.
    pub event: Option<Event>,
    /// Where nothing lies on it, it says so at once, without being told to.
    pub hasty: bool,
}
