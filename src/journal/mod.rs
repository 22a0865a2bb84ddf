//! The journal: what must never be forgotten, in append-only segment files. In: opaque payloads with their time; out: the same in
//! order, after any restart, each proven to be what was written by a chain of MACs (R23). Never looks into a payload, never
//! changes a byte that is on the disk, never says "done" before the `fdatasync` (R16).

mod disk;
mod files;
mod read;
mod record;
mod types;
mod verify;
mod whole;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use zeroize::Zeroizing;

use crate::store::records::Timestamp;
use disk::{Disk, RealDisk};
use files::{CHECKPOINT, LOCK, Segment, Walk};
use record::{Chain, Kind};
pub use types::{
    Damage, Done, Entry, JournalError, Limits, OpenError, Opening, Order, OwnedEntry, PAYLOAD_MAX, Report,
};
use verify::{survey, verify};
pub use whole::{EachFile, goes_on_from, is_file_name};
use writer::{Active, Item, Queue, Writer};

/// How long opening waits for a process that is just ending.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// An open journal. Cheap to clone; the last one dropped writes out what waits.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    chain: Chain,
    limits: Limits,
    queue: Arc<Queue>,
    newest: watch::Receiver<u64>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// One at a time: pruning, checking.
    upkeep: Mutex<()>,
    /// Locked while the journal is open.
    _lock: File,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Journal({})", self.0.dir.display())
    }
}

impl Journal {
    /// Opens the journal in `dir` (made if missing, its parent must be there) and replays its entries from `from_seq` on, oldest
    /// first. An unfinished group at the end, which nobody was told of, is cut off; other bad places are named in
    /// [`Opening::damage`], and the good entries behind them are replayed too.
    pub fn open(
        dir: &Path,
        chain_key: &Zeroizing<[u8; 32]>,
        limits: Limits,
        from_seq: u64,
        each: &mut dyn FnMut(Entry<'_>),
    ) -> Result<(Journal, Opening), OpenError> {
        Self::open_on(Box::new(RealDisk), dir, chain_key, limits, from_seq, each)
    }

    fn open_on(
        disk: Box<dyn Disk>,
        dir: &Path,
        chain_key: &Zeroizing<[u8; 32]>,
        limits: Limits,
        from_seq: u64,
        each: &mut dyn FnMut(Entry<'_>),
    ) -> Result<(Journal, Opening), OpenError> {
        files::prepare(dir)?;
        let lock = lock(dir)?;
        let chain = Chain::new(chain_key);
        let fail = |e| OpenError::Io(dir.to_owned(), e);
        let (segments, begin, mut damage) = survey(dir, &chain)?;
        // An interrupted pruning is finished: what lies wholly before the checkpoint goes.
        let (gone, segments): (Vec<_>, Vec<_>) = segments
            .into_iter()
            .partition(|segment| segment.first_seq < begin.first_seq);
        for segment in gone {
            fs::remove_file(&segment.path).map_err(fail)?;
        }
        let start = segments
            .iter()
            .rposition(|segment| segment.first_seq <= from_seq)
            .unwrap_or(0);
        let wanted = segments.get(start..).unwrap_or_default();
        let before = if start == 0 { Some(begin) } else { None };
        let mut walk = files::walk(wanted, before, u64::MAX, &chain, &mut |record| {
            if record.seq >= from_seq {
                each(Entry {
                    seq: record.seq,
                    at: record.at,
                    payload: record.payload,
                });
            }
        })?;
        if segments.is_empty() {
            walk = Walk {
                next_seq: begin.first_seq,
                mac: begin.mac_before,
                newest_at: begin.at_before,
                ..walk
            };
        }
        damage.append(&mut walk.damage);
        damage.extend(files::set_aside(dir).map_err(fail)?);
        let torn_bytes = if walk.closed { 0 } else { walk.tail };
        let mut active = match wanted.last() {
            Some(last) => reopen(disk.as_ref(), last, &walk, torn_bytes).map_err(fail)?,
            None => None,
        };
        let short = from_seq > walk.next_seq;
        if short {
            let (file, what) = (
                String::from("the end"),
                String::from("entries that had been written are missing"),
            );
            damage.push(Damage {
                file,
                offset: 0,
                seq: walk.next_seq,
                next: from_seq,
                what,
            });
            walk.next_seq = from_seq;
            active = None;
        }
        let (durable, newest) = watch::channel(walk.next_seq - 1);
        let opening = Opening {
            first_seq: segments.first().map_or(walk.next_seq, |segment| segment.first_seq),
            next_seq: walk.next_seq,
            short,
            torn_bytes,
            damage,
        };
        let queue = Arc::new(Queue::new());
        let writer = Writer {
            dir: dir.to_owned(),
            chain: chain.clone(),
            segment_bytes: limits.segment_bytes,
            disk,
            active,
            next_seq: walk.next_seq,
            mac: walk.mac,
            newest_at: walk.newest_at,
            durable,
        };
        let for_thread = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name(String::from("journal"))
            .spawn(move || writer.run(for_thread))
            .map_err(fail)?;
        let (dir, thread, upkeep) = (dir.to_owned(), Mutex::new(Some(thread)), Mutex::new(()));
        let inner = Inner {
            dir,
            chain,
            limits,
            queue,
            newest,
            thread,
            upkeep,
            _lock: lock,
        };
        Ok((Self(Arc::new(inner)), opening))
    }

    /// Appends without waiting. `done` runs on the journal's thread after the group's `fdatasync`, in the order of the appends;
    /// at once on this thread if the entry is refused unwritten. Without `done` the entry rides with the next group, within 50 ms.
    pub fn append(&self, at: Timestamp, payload: Vec<u8>, done: Option<Done>) {
        if payload.len() > PAYLOAD_MAX {
            if let Some(done) = done {
                done(Err(JournalError::TooLong(payload.len())));
            }
            return;
        }
        self.0.queue.push(Item {
            entry: Some((at, payload)),
            done,
        });
    }

    /// Appends and waits until the entry is on the disk: its number.
    pub async fn append_durable(&self, at: Timestamp, payload: Vec<u8>) -> Result<u64, JournalError> {
        let (done, outcome) = oneshot::channel();
        self.append(at, payload, Some(Box::new(move |result| drop(done.send(result)))));
        outcome.await.unwrap_or(Err(JournalError::Closed))
    }

    /// As [`Journal::append_durable`], blocking the thread; not for async code, not from within a [`Done`].
    pub fn append_wait(&self, at: Timestamp, payload: Vec<u8>) -> Result<u64, JournalError> {
        let (done, outcome) = mpsc::sync_channel(1);
        self.append(at, payload, Some(Box::new(move |result| drop(done.send(result)))));
        outcome.recv().unwrap_or(Err(JournalError::Closed))
    }

    /// Completes after a sync that was begun after this call, with the newest entry's number, though nothing is written: a probe.
    pub fn barrier(&self, done: Done) {
        self.0.queue.push(Item {
            entry: None,
            done: Some(done),
        });
    }

    /// Entries on the disk with `from <= seq <= to`, up to the newest at the time of this call. Reads a segment at a time.
    pub fn read(
        &self,
        order: Order,
        from: u64,
        to: u64,
    ) -> impl Iterator<Item = Result<OwnedEntry, JournalError>> + Send + use<> {
        let to = to.min(*self.0.newest.borrow());
        read::Entries::new(self.0.dir.clone(), self.0.chain.clone(), order, from, to)
    }

    /// The newest entry on the disk (0: none yet), to follow: wait for a change, then [`Journal::read`].
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.0.newest.clone()
    }

    /// Checks the chain of the journal in `dir`, to which nobody writes meanwhile (R23).
    pub fn verify(dir: &Path, chain_key: &Zeroizing<[u8; 32]>) -> Result<Report, OpenError> {
        verify(dir, &Chain::new(chain_key), None)
    }

    /// Checks the chain of this journal up to the newest entry on the disk, while it goes on (R23). Takes seconds for a large one.
    pub fn check(&self) -> Result<Report, OpenError> {
        let _alone = self.0.upkeep.lock();
        let newest = *self.0.newest.borrow();
        verify(&self.0.dir, &self.0.chain, Some(newest))
    }

    /// Removes old segments as [`Limits`] say, but none with an entry `>= floor`: what is not folded into the store yet. Leaves a
    /// checkpoint from which the chain goes on (R23). Returns how many went.
    pub fn prune(&self, now: Timestamp, floor: u64) -> Result<usize, JournalError> {
        let _alone = self.0.upkeep.lock();
        let io = |e| JournalError::Io(Arc::new(e));
        let segments = files::list(&self.0.dir, &self.0.chain).map_err(io)?;
        let mut bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
        let (mut gone, mut checkpoint) = (Vec::new(), None);
        for (segment, next) in segments.iter().zip(segments.iter().skip(1)) {
            // Where the next one's head is bad, nobody can say how old this one is, nor go on with the chain.
            let Some(head) = next.head else { break };
            let old = now.since(head.at_before) > self.0.limits.keep;
            if next.first_seq > floor || !(old || bytes > self.0.limits.keep_bytes) {
                break;
            }
            bytes -= segment.bytes;
            gone.push(&segment.path);
            checkpoint = Some(head);
        }
        if let Some(head) = checkpoint {
            let bytes = head.encode(&self.0.chain, Kind::Checkpoint);
            files::write_whole(&self.0.dir, CHECKPOINT, &bytes).map_err(io)?;
        }
        for path in &gone {
            fs::remove_file(path).map_err(io)?;
        }
        Ok(gone.len())
    }

    /// Writes out what waits; later appends are refused.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Inner {
    fn close(&self) {
        self.queue.close();
        let thread = self.thread.lock().take();
        // The last journal may be dropped by what ran on its own thread.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id())
            && thread.join().is_err()
        {
            tracing::error!("the journal's thread failed");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let fail = |e| OpenError::Io(path.clone(), e);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(fail)?;
    let until = Instant::now() + LOCK_WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(e)) => return Err(fail(e)),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => {
                return Err(OpenError::Locked(dir.to_owned()));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Opens the last segment to append to it, its torn tail cut off; none if a new one must be begun.
fn reopen(disk: &dyn Disk, last: &Segment, walk: &Walk, torn: u64) -> io::Result<Option<Active>> {
    let Some(good) = walk.good else {
        // Not even the head was written: nothing was ever in it.
        disk.remove(&last.path)?;
        return Ok(None);
    };
    if walk.closed {
        if walk.next_seq == last.first_seq {
            // Nothing in it is readable, and its successor will bear its name.
            fs::rename(&last.path, last.path.with_extension("bad"))?;
        }
        return Ok(None);
    }
    let mut file = disk.reopen(&last.path)?;
    if torn > 0 {
        file.cut(good as u64)?;
    }
    // What a killed process wrote may be in memory only, and is now taken for written.
    file.sync()?;
    Ok(Some(Active {
        file,
        path: last.path.clone(),
        good: good as u64,
        first_seq: last.first_seq,
    }))
}
