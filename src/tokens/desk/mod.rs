//! The readers' thread of a console. In: [`Ask`]; out: [`Told`]. It owns the readers, looks once a second which are there while
//! somebody wants to know, says what lies on each that can be used, and writes a seed when it is told to. It asks posternd nothing
//! and decides nothing. After a job, whatever came of it, what lies there is looked at and told anew.
//!
//! - this file: what is asked and told
//! - `thread` the thread: which readers are there, which of them is used, what comes next
//! - `reader` one reader: what lies on it, and the jobs for it

mod reader;
#[cfg(test)]
mod tests;
mod thread;

pub use thread::{Desk, spawn};

use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::store::records::{Timestamp, TotpParameters};

/// Which kind of link a reader has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// A PN532 on a USB serial port.
    Pn532,
    /// A reader that pcscd knows.
    Pcsc,
}

/// A reader, or a serial port that may be one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reader {
    /// How it is named on a command line: `/dev/ttyUSB0`, `pcsc:NAME`.
    pub device: String,
    /// In words for a person: its name as USB or pcscd tells.
    pub name: String,
    /// How it is reached.
    pub link: Link,
    /// It was asked and answered as a reader does; a serial port that nobody chose and no udev rule marked is not asked.
    pub proven: bool,
    /// Why it cannot be used, one line; none: it can.
    pub trouble: Option<String>,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Which reader it lies on.
    pub device: String,
    /// As the token says.
    pub serial: String,
    /// As its serial number says: `OTPC-P2-i`.
    pub model: String,
    /// Seconds by which its clock is ahead (positive) of the box's, or behind; none where it was not told.
    pub clock_ahead: Option<i64>,
    /// Its clock can be set without losing the seed.
    pub clock_free: bool,
    /// The profiles of a token with several; empty with one.
    pub profiles: Vec<Profile>,
}

/// One profile of a token with several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Its number.
    pub number: u8,
    /// Its title; shown text.
    pub title: String,
    /// It holds a seed.
    pub occupied: bool,
}

/// A step of the writing, for the progress line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Shows that we know the token's key.
    Authenticate,
    /// Hash, digits, period and time.
    Configure,
    /// Once more, since the configuration ends it.
    AuthenticateAgain,
    /// The seed.
    Seed,
    /// The title of a profile.
    Title,
    /// The time alone.
    Clock,
}

/// What is in the token after something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Left {
    /// What was in it before: nothing was written.
    AsBefore,
    /// No seed, or the old or new one: it is not known, so start over.
    Unknown,
}

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What happened and what to do, in plain words, one line.
    pub words: String,
    /// What is in the token now.
    pub left: Left,
    /// The token did not take the key: nobody may try again by itself, since a few more tries lock it for good.
    #[serde(default)]
    pub key_refused: bool,
}

/// A seed to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Which reader.
    pub device: String,
    /// The token that must lie there: another one is refused.
    pub serial: String,
    /// Which profile of a token with several.
    pub profile: Option<u8>,
    /// What the profile is called: the user's name, cut to what fits.
    pub title: String,
    /// Hash, digits, period.
    pub parameters: TotpParameters,
    /// The seed.
    pub seed: Secret,
    /// The customer key of a Molto-2, where it is not the maker's.
    pub customer_key: Option<Secret>,
    /// An occupied profile may be written over: the operator was asked.
    pub replace: bool,
}

/// What the desk is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Somebody wants to know of readers and tokens, or nobody does any more: then every reader is let go.
    Watch(bool),
    /// Use this reader, although no rule marked it: ask it now.
    Use(String),
    /// Write a seed; told by [`Told::Step`], then [`Told::Written`] or [`Told::Failed`] with this number.
    Write(u64, Box<Job>),
    /// Set the time alone, of the token with this serial number (and profile), on this reader.
    SetClock {
        /// The number it is told under.
        number: u64,
        /// Which reader.
        device: String,
        /// The token that must lie there.
        serial: String,
        /// Which profile of a token with several.
        profile: Option<u8>,
        /// What the token was programmed with: a token with one profile takes its time only together with these.
        parameters: TotpParameters,
        /// The customer key of a Molto-2, where it is not the maker's.
        customer_key: Option<Secret>,
    },
}

/// What the desk tells. No secret stands in it, so that it may be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// The readers that are there now; told when they change, and after [`Ask::Watch`].
    Readers(Vec<Reader>),
    /// A token lies on a reader.
    Placed(Placed),
    /// Something lies on a reader that cannot be programmed, and why: one line.
    Unfit {
        /// Which reader.
        device: String,
        /// Why, and what to do.
        why: String,
    },
    /// Nothing lies on the reader any more.
    Gone {
        /// Which reader.
        device: String,
    },
    /// How far a job is.
    Step(u64, Step),
    /// The token has taken it; the box's clock when its time was set.
    Written(u64, Timestamp),
    /// It failed.
    Failed(u64, Trouble),
}
