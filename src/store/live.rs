//! Folding: what changes with every login (last steps, and blobs of the caller's such as lockouts) is kept in memory and written to
//! sled in batches, with the journal's position up to which it is complete. In: states; out: a position from which a replay
//! makes up for the rest. Not durable by itself: the journal is.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use super::codec::{self, COUNTERS, FOLDED, Key};
use super::{Inner, Live, Store, StoreError};

/// Records in one batch.
const BATCH: usize = 1000;

/// Blobs that are not in sled yet.
#[derive(Default)]
pub(super) struct Pending {
    stamp: u64,
    blobs: HashMap<Name, Waiting>,
}

/// Kind and key.
type Name = (u8, Vec<u8>);
/// When it was put, and the blob or its removal.
type Waiting = (u64, Option<Vec<u8>>);
/// A key of the caller's and its blob.
pub type Blob = (Vec<u8>, Vec<u8>);

impl Store {
    /// Writes what was spent since the last call, and the blobs put with [`Store::live_put`], together with `position`: the number
    /// of the first journal entry that is not in it. Everything before that entry must have been applied already. A replay from
    /// there after a crash finds steps already raised, which is harmless; the position goes with the last of the blobs.
    pub fn fold(&self, position: u64) -> Result<(), StoreError> {
        let inner = &self.0;
        let mut counters = inner.writer.lock();
        let taken = inner.seeds.take_dirty();
        let pending: Vec<_> = {
            let pending = inner.pending.lock();
            pending
                .blobs
                .iter()
                .map(|(key, (stamp, value))| (key.clone(), *stamp, value.clone()))
                .collect()
        };
        if taken.is_empty() && pending.is_empty() && position <= inner.folded.load(Ordering::SeqCst) {
            return Ok(());
        }
        let written = inner.write_fold(&taken, &pending, position, &mut counters);
        if let Err(e) = written {
            inner.seeds.give_back(&taken);
            return Err(e);
        }
        inner.folded.fetch_max(position, Ordering::SeqCst);
        let mut waiting = inner.pending.lock();
        for (key, stamp, _) in pending {
            if waiting.blobs.get(&key).is_some_and(|(now, _)| *now == stamp) {
                waiting.blobs.remove(&key);
            }
        }
        Ok(())
    }

    /// The position of the last [`Store::fold`]: replay the journal from here. 0: from its beginning.
    pub fn folded(&self) -> u64 {
        self.0.folded.load(Ordering::SeqCst)
    }

    /// A blob as it was put last, folded or not.
    pub fn live_get(&self, kind: u8, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some((_, value)) = self.0.pending.lock().blobs.get(&(kind, key.to_vec())) {
            return Ok(value.clone());
        }
        let found = self.0.disk.get(&Key::Live(kind, key).bytes())?;
        found
            .map(|value| {
                codec::unversioned(&value)
                    .map(<[u8]>::to_vec)
                    .ok_or(StoreError::Damaged)
            })
            .transpose()
    }

    /// Puts blobs, in memory; they are written with the next [`Store::fold`]. Keys of 255 bytes, blobs of 60,000 at most.
    pub fn live_put(&self, batch: Vec<Live>) -> Result<(), StoreError> {
        let long = |live: &Live| {
            live.key.len() > 255
                || live
                    .value
                    .as_ref()
                    .is_some_and(|value| codec::versioned(value).is_err())
        };
        if batch.iter().any(long) {
            return Err(StoreError::TooLong);
        }
        let mut pending = self.0.pending.lock();
        for live in batch {
            pending.stamp += 1;
            let stamp = pending.stamp;
            pending.blobs.insert((live.kind, live.key), (stamp, live.value));
        }
        Ok(())
    }

    /// Every key and blob of a kind, by key.
    pub fn live_scan(&self, kind: u8) -> Result<Vec<Blob>, StoreError> {
        // A fold between the two looks would hide what it moves.
        let _still = self.0.writer.lock();
        let mut found = std::collections::BTreeMap::new();
        let prefix = Key::Live(kind, b"").bytes();
        let read = self.0.disk.each(&prefix, &mut |key, value| {
            let key = key.get(prefix.len()..).ok_or(StoreError::Damaged)?;
            found.insert(
                key.to_vec(),
                codec::unversioned(value).ok_or(StoreError::Damaged)?.to_vec(),
            );
            Ok(())
        });
        read.unwrap_or_else(|trouble| Err(trouble.on_use()))?;
        for ((_, key), (_, value)) in self.0.pending.lock().blobs.iter().filter(|((of, _), _)| *of == kind) {
            match value {
                Some(value) => drop(found.insert(key.clone(), value.clone())),
                None => drop(found.remove(key)),
            }
        }
        Ok(found.into_iter().collect())
    }
}

type Taken = (super::records::SeedMark, super::records::SeedState);
type Put = (Name, u64, Option<Vec<u8>>);

impl Inner {
    fn write_fold(
        &self,
        taken: &[Taken],
        pending: &[Put],
        position: u64,
        counters: &mut super::open::Counters,
    ) -> Result<(), StoreError> {
        let mut seeds = taken.chunks(BATCH).peekable();
        let mut batch = sled::Batch::default();
        while let Some(chunk) = seeds.next() {
            for (mark, state) in chunk {
                batch.insert(Key::Seed(*mark).bytes(), codec::encode_seed(state)?);
            }
            if seeds.peek().is_some() {
                self.disk.write_many(std::mem::take(&mut batch), chunk.len())?;
            }
        }
        // The blobs before the position: should the power fail between, the journal's entries since the older position come again,
        // and whoever keeps the blobs tells by their time what is in them already.
        let mut pending = pending.chunks(BATCH).peekable();
        let mut last = 0;
        while let Some(chunk) = pending.next() {
            for ((kind, key), _, value) in chunk {
                let key = Key::Live(*kind, key).bytes();
                match value {
                    Some(value) => batch.insert(key, codec::versioned(value)?),
                    None => batch.remove(key),
                }
            }
            last = chunk.len();
            if pending.peek().is_some() {
                self.disk.write_many(std::mem::take(&mut batch), BATCH + chunk.len())?;
            }
        }
        let position = position.max(self.folded.load(Ordering::SeqCst));
        batch.insert(FOLDED, codec::encode(&position)?);
        let mut next = *counters;
        next.changes += 1;
        batch.insert(COUNTERS, codec::encode(&next)?);
        self.commit(batch, BATCH.min(taken.len()) + last, counters, next)
    }
}
