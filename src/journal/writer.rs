//! The journal's thread: takes what waits, writes it as one group, one `fdatasync`, then says so to each. In: the queue; out:
//! groups on the disk. Never says "done" for what the disk did not confirm, and goes on trying after an error.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use super::disk::{Disk, SegmentFile};
use super::files::{Segment, list, segment_path, walk};
use super::record::{self, Chain, HEAD_LEN, Head, Kind, Mac, RECORD_OVERHEAD};
use super::{Done, JournalError};
use crate::store::records::Timestamp;

/// The most bytes of one group.
const GROUP_BYTES: usize = 4 << 20;
/// The most bytes that may wait.
const QUEUE_BYTES: usize = 64 << 20;
/// How long an entry that nobody waits for may wait for company.
const IDLE_WAIT: Duration = Duration::from_millis(50);

/// What waits.
pub(super) struct Item {
    /// None: a barrier.
    pub(super) entry: Option<(Timestamp, Vec<u8>)>,
    pub(super) done: Option<Done>,
}

impl Item {
    fn bytes(&self) -> usize {
        self.entry
            .as_ref()
            .map_or(0, |(_, payload)| payload.len() + RECORD_OVERHEAD)
    }

    fn finish(self, outcome: Result<u64, JournalError>) {
        if let Some(done) = self.done
            && catch_unwind(AssertUnwindSafe(|| done(outcome))).is_err()
        {
            tracing::error!("what waited for a journal entry failed; the journal goes on");
        }
    }
}

#[derive(Default)]
struct Waiting {
    items: VecDeque<Item>,
    bytes: usize,
    /// How many of them somebody waits for.
    urgent: usize,
    /// Since when the oldest waits.
    since: Option<Instant>,
    closed: bool,
}

/// Between those who append and the thread.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            waiting: Mutex::new(Waiting::default()),
            wake: Condvar::new(),
        }
    }

    pub(super) fn push(&self, item: Item) {
        let mut waiting = self.waiting.lock();
        if waiting.closed || waiting.bytes > QUEUE_BYTES {
            let refused = if waiting.closed {
                JournalError::Closed
            } else {
                JournalError::Busy
            };
            drop(waiting);
            return item.finish(Err(refused));
        }
        let urgent = item.done.is_some();
        let first = waiting.items.is_empty();
        waiting.bytes += item.bytes();
        waiting.urgent += usize::from(urgent);
        waiting.since.get_or_insert_with(Instant::now);
        waiting.items.push_back(item);
        let wake = first || (urgent && waiting.urgent == 1);
        drop(waiting);
        if wake {
            self.wake.notify_one();
        }
    }

    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.wake.notify_one();
    }

    /// The next group; none when the journal is closed and nothing waits.
    fn take(&self) -> Option<Vec<Item>> {
        let mut waiting = self.waiting.lock();
        while !waiting.closed && waiting.urgent == 0 && waiting.bytes < GROUP_BYTES {
            match waiting.since.map(|since| since + IDLE_WAIT) {
                Some(until) if until <= Instant::now() => break,
                Some(until) => drop(self.wake.wait_until(&mut waiting, until)),
                None => self.wake.wait(&mut waiting),
            }
        }
        let (mut group, mut bytes) = (Vec::with_capacity(waiting.items.len().min(4096)), 0);
        while bytes < GROUP_BYTES
            && let Some(item) = waiting.items.pop_front()
        {
            bytes += item.bytes();
            waiting.urgent -= usize::from(item.done.is_some());
            group.push(item);
        }
        waiting.bytes -= bytes;
        waiting.since = (!waiting.items.is_empty()).then(Instant::now);
        if group.is_empty() { None } else { Some(group) }
    }
}

/// The segment that is written to.
pub(super) struct Active {
    pub(super) file: Box<dyn SegmentFile>,
    pub(super) path: PathBuf,
    /// Bytes that are on the disk and good.
    pub(super) good: u64,
    pub(super) first_seq: u64,
}

/// The thread's own state.
pub(super) struct Writer {
    pub(super) dir: PathBuf,
    pub(super) chain: Chain,
    pub(super) segment_bytes: u64,
    pub(super) disk: Box<dyn Disk>,
    pub(super) active: Option<Active>,
    pub(super) next_seq: u64,
    pub(super) mac: Mac,
    pub(super) newest_at: Timestamp,
    pub(super) durable: watch::Sender<u64>,
}

impl Writer {
    /// Until the queue is closed and empty.
    pub(super) fn run(mut self, queue: Arc<Queue>) {
        let mut buffer = Vec::new();
        while let Some(group) = queue.take() {
            let from = self.next_seq;
            match self.write(&group, &mut buffer) {
                Ok(()) => {
                    let mut seq = from;
                    self.durable.send_replace(self.next_seq - 1);
                    for item in group {
                        let own = if item.entry.is_some() { seq } else { seq - 1 };
                        seq = own + 1;
                        item.finish(Ok(own));
                    }
                }
                Err(e) => {
                    tracing::error!("the journal in {} cannot be written: {e}", self.dir.display());
                    let e = Arc::new(e);
                    group
                        .into_iter()
                        .for_each(|item| item.finish(Err(JournalError::Io(Arc::clone(&e)))));
                }
            }
            buffer.clear();
            buffer.shrink_to(256 * 1024);
        }
    }

    fn write(&mut self, group: &[Item], buffer: &mut Vec<u8>) -> io::Result<()> {
        if self
            .active
            .as_ref()
            .is_none_or(|active| active.good >= self.segment_bytes)
        {
            self.active = None;
            self.active = Some(self.begin()?);
        }
        let (mut mac, mut seq, mut newest_at) = (self.mac, self.next_seq, self.newest_at);
        for ((at, payload), place) in group.iter().filter_map(|item| item.entry.as_ref()).zip(0..) {
            mac = record::encode(buffer, &self.chain, &mac, seq, place, *at, payload);
            seq += 1;
            newest_at = newest_at.max(*at);
        }
        let Some(active) = &mut self.active else {
            return Err(io::Error::other("no segment"));
        };
        let (outcome, trusted) = match active.file.write_at(active.good, buffer) {
            Ok(()) => {
                let synced = active.file.sync();
                let trusted = synced.is_ok();
                (synced, trusted)
            }
            // What was written of the group must not be taken for entries. If it cannot be cut off, the next segment's head
            // says where this one ends.
            Err(e) => (
                Err(e),
                active.file.cut(active.good).and_then(|()| active.file.sync()).is_ok(),
            ),
        };
        if outcome.is_ok() {
            active.good += buffer.len() as u64;
        }
        if !trusted {
            self.next_must_be_new();
        }
        outcome?;
        (self.mac, self.next_seq, self.newest_at) = (mac, seq, newest_at);
        Ok(())
    }

    /// Makes the next segment; its head is on the disk when this returns.
    fn begin(&self) -> io::Result<Active> {
        let path = segment_path(&self.dir, self.next_seq);
        let head = Head {
            first_seq: self.next_seq,
            at_before: self.newest_at,
            mac_before: self.mac,
        };
        let mut file = self.disk.create(&path)?;
        let begun = file
            .write_at(0, &head.encode(&self.chain, Kind::Segment))
            .and_then(|()| file.sync());
        if let Err(e) = begun {
            // Otherwise the name would be taken at the next try.
            let _ = self.disk.remove(&path);
            return Err(e);
        }
        Ok(Active {
            file,
            path,
            good: HEAD_LEN as u64,
            first_seq: self.next_seq,
        })
    }

    /// After a failed `fdatasync` nobody knows which pages reached the disk: the segment is cut to what was confirmed before,
    /// looked at again, and never written to again.
    fn next_must_be_new(&mut self) {
        let Some(mut active) = self.active.take() else { return };
        let empty = active.first_seq == self.next_seq;
        let cut = if empty {
            self.disk.remove(&active.path)
        } else {
            active.file.cut(active.good)
        };
        if let Err(e) = cut {
            tracing::error!("{} keeps the end of a failed group: {e}", active.path.display());
        }
        if empty {
            return;
        }
        let whole = list(&self.dir, &self.chain).ok().and_then(|segments| {
            let segment: Vec<Segment> = segments
                .into_iter()
                .filter(|s| s.first_seq == active.first_seq)
                .collect();
            walk(&segment, None, self.next_seq, &self.chain, &mut |_| {}).ok()
        });
        if !whole.is_some_and(|walk| walk.next_seq == self.next_seq && walk.mac == self.mac && walk.damage.is_empty()) {
            tracing::error!(
                "{} does not read back as it was written: check the disk",
                active.path.display()
            );
        }
    }
}
