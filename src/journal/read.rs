//! Entries read back from the disk, for the log and for explanations. In: a range and an order; out: entries, a segment at a time
//! in memory. Reads only what is known to be on the disk; a segment that was pruned meanwhile is passed over.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::files::{Segment, list};
use super::record::{Chain, Head, scan};
use super::{JournalError, Order, OwnedEntry};

/// See [`super::Journal::read`].
pub(super) struct Entries {
    chain: Chain,
    /// Segments still to read, in the wanted order, each with the first number that is not its own.
    segments: VecDeque<(Segment, u64)>,
    order: Order,
    from: u64,
    to: u64,
    ready: VecDeque<OwnedEntry>,
    failed: Option<JournalError>,
}

impl Entries {
    /// Entries with `from <= seq <= to`, where `to` is on the disk already.
    pub(super) fn new(dir: PathBuf, chain: Chain, order: Order, from: u64, to: u64) -> Self {
        let (listed, failed) = match list(&dir, &chain) {
            Ok(listed) => (listed, None),
            Err(e) => (Vec::new(), Some(JournalError::Io(Arc::new(e)))),
        };
        let ends: Vec<u64> = listed
            .iter()
            .skip(1)
            .map(|next| next.first_seq)
            .chain([u64::MAX])
            .collect();
        let mut segments: VecDeque<(Segment, u64)> = listed
            .into_iter()
            .zip(ends)
            .filter(|(segment, end)| *end > from && segment.first_seq <= to)
            .collect();
        if order == Order::Newest {
            segments.make_contiguous().reverse();
        }
        Self {
            chain,
            segments,
            order,
            from,
            to,
            ready: VecDeque::new(),
            failed,
        }
    }

    fn load(&mut self, segment: &Segment, end: u64) -> Result<(), JournalError> {
        let bytes = match std::fs::read(&segment.path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(JournalError::Io(Arc::new(e))),
        };
        let head = segment.head.unwrap_or(Head {
            first_seq: segment.first_seq,
            ..Head::default()
        });
        let (from, to) = (self.from, self.to);
        let end = end.min(to.saturating_add(1));
        let ready = &mut self.ready;
        scan(&bytes, &head, end, &self.chain, &mut |_, record| {
            if (from..=to).contains(&record.seq) {
                ready.push_back(OwnedEntry {
                    seq: record.seq,
                    at: record.at,
                    payload: record.payload.to_vec(),
                });
            }
        });
        Ok(())
    }
}

impl Iterator for Entries {
    type Item = Result<OwnedEntry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(failed) = self.failed.take() {
            return Some(Err(failed));
        }
        while self.ready.is_empty() {
            let (segment, end) = self.segments.pop_front()?;
            if let Err(e) = self.load(&segment, end) {
                return Some(Err(e));
            }
        }
        match self.order {
            Order::Oldest => self.ready.pop_front(),
            Order::Newest => self.ready.pop_back(),
        }
        .map(Ok)
    }
}
