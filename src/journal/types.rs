//! What goes into the journal, what comes out, what opening and checking found, why something failed. Plain data.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::store::records::Timestamp;

/// The longest payload, in bytes.
pub const PAYLOAD_MAX: usize = 64 * 1024;

/// When segments end and go.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A segment that has grown to this many bytes is followed by a new one.
    pub segment_bytes: u64,
    /// Segments whose newest entry is older go.
    pub keep: Duration,
    /// The oldest segments go while all together hold more bytes than this.
    pub keep_bytes: u64,
}

impl Default for Limits {
    /// 8 MB a segment, 400 days, 1 GB.
    fn default() -> Self {
        Self {
            segment_bytes: 8 << 20,
            keep: Duration::from_secs(400 * 86_400),
            keep_bytes: 1 << 30,
        }
    }
}

/// An entry while the journal is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Counts from 1; never given twice to entries that were acknowledged.
    pub seq: u64,
    /// When, by the writer's word.
    pub at: Timestamp,
    /// What was appended.
    pub payload: &'a [u8],
}

/// An entry read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedEntry {
    /// See [`Entry::seq`].
    pub seq: u64,
    /// See [`Entry::at`].
    pub at: Timestamp,
    /// See [`Entry::payload`].
    pub payload: Vec<u8>,
}

/// Which entry [`super::Journal::read`] gives first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    Oldest,
    /// Newest first.
    Newest,
}

/// What opening found.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// The oldest entry that is there (or the next, if none is).
    pub first_seq: u64,
    /// The number that the next entry gets.
    pub next_seq: u64,
    /// It ended before the entry that was to be replayed first: what was written from there on is lost.
    pub short: bool,
    /// Bytes of an unfinished group that were cut from the end: never acknowledged to anybody.
    pub torn_bytes: u64,
    /// Places where entries that had been acknowledged are missing or changed. Entries behind them were replayed.
    pub damage: Vec<Damage>,
}

/// A place where the journal is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file} at byte {offset}: {what} (entry {seq})")]
pub struct Damage {
    /// The segment's file name.
    pub file: String,
    /// Where in the file.
    pub offset: u64,
    /// The first entry that is missing or changed.
    pub seq: u64,
    /// The first one behind it of which that is not so, as far as is known.
    pub next: u64,
    /// In plain words.
    pub what: String,
}

/// What [`super::Journal::verify`] found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Segments looked at.
    pub segments: usize,
    /// Entries whose chain is whole.
    pub entries: u64,
    /// The oldest entry.
    pub first_seq: u64,
    /// The newest entry.
    pub last_seq: u64,
    /// Whether older entries were pruned by the box itself.
    pub pruned: bool,
    /// Bytes of an unfinished group at the end.
    pub unfinished_bytes: u64,
    /// The places that are not right, oldest first; none: the chain is whole.
    pub damage: Vec<Damage>,
}

/// Why a journal does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds it.
    #[error("{0} is in use by another posternd: stop that one first")]
    Locked(PathBuf),
    /// Others could read or change it (R21).
    #[error("{0} has mode {1:04o}; it must be {2:04o}: chmod it")]
    Permissions(PathBuf, u32, u32),
    /// The disk.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

/// Why an entry was not written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// Longer than [`PAYLOAD_MAX`].
    #[error("an entry of {0} bytes is too long for the journal")]
    TooLong(usize),
    /// Too much waits for the disk already.
    #[error("the disk is too slow: too many entries wait to be written")]
    Busy,
    /// The disk refused, or did not confirm.
    #[error("the journal cannot be written: {0}")]
    Io(Arc<io::Error>),
    /// After [`super::Journal::close`].
    #[error("the journal is closed")]
    Closed,
}

/// Runs on the journal's thread once the entry is on the disk, or will not be. Must be quick.
pub type Done = Box<dyn FnOnce(Result<u64, JournalError>) + Send>;
