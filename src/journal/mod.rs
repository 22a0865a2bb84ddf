//! The journal: what must never be forgotten, in append-only segment files. In: opaque payloads with their time; out: the same in
//! order, after any restart, each proven to be what was written by a chain of MACs (R23). Never looks into a payload, never
//! changes a byte that is on the disk, never says "done" before the `fdatasync` (R16).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use zeroize::Zeroizing;

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

/// Which entry [`Journal::read`] gives first.
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
    /// In plain words.
    pub what: String,
}

/// What [`Journal::verify`] found.
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
    /// After [`Journal::close`].
    #[error("the journal is closed")]
    Closed,
}

/// Runs on the journal's thread once the entry is on the disk, or will not be. Must be quick.
pub type Done = Box<dyn FnOnce(Result<u64, JournalError>) + Send>;

/// An open journal. Cheap to clone; the last one dropped writes out what waits.
#[derive(Clone)]
pub struct Journal;

impl Journal {
    /// Opens the journal in `dir` (made if missing) and replays its entries from `from_seq` on, oldest first.
    pub fn open(
        _dir: &Path,
        _chain_key: &Zeroizing<[u8; 32]>,
        _limits: Limits,
        _from_seq: u64,
        _each: &mut dyn FnMut(Entry<'_>),
    ) -> Result<(Journal, Opening), OpenError> {
        todo!()
    }
    /// Appends without waiting.
    pub fn append(&self, _at: Timestamp, _payload: Vec<u8>, _done: Option<Done>) {
        todo!()
    }
    /// Appends and waits for the disk.
    pub async fn append_durable(&self, _at: Timestamp, _payload: Vec<u8>) -> Result<u64, JournalError> {
        todo!()
    }
    /// As [`Journal::append_durable`], blocking the thread.
    pub fn append_wait(&self, _at: Timestamp, _payload: Vec<u8>) -> Result<u64, JournalError> {
        todo!()
    }
    /// Completes after a sync that was begun after this call: the newest entry's number.
    pub fn barrier(&self, _done: Done) {
        todo!()
    }
    /// Entries on the disk with `from <= seq <= to`.
    pub fn read(
        &self,
        _order: Order,
        _from: u64,
        _to: u64,
    ) -> Box<dyn Iterator<Item = Result<OwnedEntry, JournalError>> + Send> {
        todo!()
    }
    /// The newest entry on the disk (0: none), for following.
    pub fn newest(&self) -> watch::Receiver<u64> {
        todo!()
    }
    /// Checks the chain of the journal in `dir`, which nobody writes meanwhile.
    pub fn verify(_dir: &Path, _chain_key: &Zeroizing<[u8; 32]>) -> Result<Report, OpenError> {
        todo!()
    }
    /// Checks the chain of this journal up to the newest entry on the disk.
    pub fn check(&self) -> Result<Report, OpenError> {
        todo!()
    }
    /// Removes old segments by the limits, none that holds an entry `>= floor` (what is not folded yet). Returns how many went.
    pub fn prune(&self, _now: Timestamp, _floor: u64) -> Result<usize, JournalError> {
        todo!()
    }
    /// Writes out what waits; later appends are refused.
    pub fn close(&self) {
        todo!()
    }
}
