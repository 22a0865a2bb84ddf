//! What is remembered of every seed, in memory: the last step, and who holds it. In: steps; out: whether this call spent one. The
//! compare-and-set of R16 is here, under one lock a shard. Durable through the journal (by the caller) and, later, by folding.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::Spend;
use super::records::{SeedMark, SeedState, TIME_STEPS, TokenId, UserId};

const SHARDS: usize = 32;
/// In [`Slot`]: no step was spent yet. Steps count half minutes since 1970.
const NO_STEP: u64 = u64::MAX;

/// [`SeedState`] in half the room: there is one for every seed the box has seen.
#[derive(Clone, Copy)]
struct Slot {
    token: u64,
    user: u64,
    last_step: u64,
    other: u64,
    begins: u32,
    drift: i8,
    counts: bool,
    stale: bool,
    dirty: bool,
}

impl Slot {
    fn new(state: SeedState) -> Self {
        Self {
            token: state.token.map_or(0, |id| id.0),
            user: state.user.map_or(0, |id| id.0),
            last_step: state.last_step.unwrap_or(NO_STEP),
            other: state.other.unwrap_or(NO_STEP),
            begins: state.begins,
            drift: state.drift,
            counts: state.counts,
            stale: state.stale,
            dirty: false,
        }
    }

    fn state(&self) -> SeedState {
        SeedState {
            token: (self.token != 0).then_some(TokenId(self.token)),
            user: (self.user != 0).then_some(UserId(self.user)),
            last_step: self.step(),
            drift: self.drift,
            counts: self.counts,
            begins: self.begins,
            other: (self.other != NO_STEP).then_some(self.other),
            stale: self.stale,
        }
    }

    fn turn(&mut self, counts: bool) {
        if self.counts != counts {
            *self = Slot {
                dirty: self.dirty,
                ..Slot::new(self.state().turned(counts))
            };
        }
    }

    fn step(&self) -> Option<u64> {
        (self.last_step != NO_STEP).then_some(self.last_step)
    }
}

#[derive(Default)]
struct Shard {
    slots: HashMap<SeedMark, Slot>,
    dirty: Vec<SeedMark>,
}

impl Shard {
    fn touch(&mut self, mark: SeedMark) {
        if let Some(slot) = self.slots.get_mut(&mark)
            && !slot.dirty
        {
            slot.dirty = true;
            self.dirty.push(mark);
        }
    }
}

/// All seeds.
pub(super) struct Seeds(Vec<Mutex<Shard>>);

impl Seeds {
    pub(super) fn new() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }

    fn with<T>(&self, mark: SeedMark, work: impl FnOnce(&mut Shard) -> T) -> Option<T> {
        let [first, ..] = mark.0;
        self.0
            .get(usize::from(first) % SHARDS)
            .map(|shard| work(&mut shard.lock()))
    }

    pub(super) fn load(&self, mark: SeedMark, state: SeedState) {
        self.with(mark, |shard| shard.slots.insert(mark, Slot::new(state)));
    }

    pub(super) fn get(&self, mark: SeedMark) -> Option<SeedState> {
        self.with(mark, |shard| shard.slots.get(&mark).map(Slot::state))?
    }

    /// See [`super::Store::spend`].
    pub(super) fn spend(&self, mark: SeedMark, step: u64, drift: i8) -> Spend {
        let outcome = self.with(mark, |shard| {
            let slot = shard.slots.get_mut(&mark).filter(|slot| slot.token != 0)?;
            if let Some(last_step) = slot.state().last().filter(|last| *last >= step) {
                return Some(Spend::Already { last_step });
            }
            slot.last_step = step;
            slot.drift = drift;
            shard.touch(mark);
            Some(Spend::Done)
        });
        outcome.flatten().unwrap_or(Spend::Unknown)
    }

    /// See [`super::Store::raise_step`].
    pub(super) fn raise(&self, mark: SeedMark, step: u64, drift: i8) {
        self.with(mark, |shard| {
            let slot = shard
                .slots
                .entry(mark)
                .or_insert_with(|| Slot::new(SeedState::default()));
            if slot.counts && step >= TIME_STEPS {
                // From when the time moved it.
                let other = slot.state().other.max(Some(step));
                slot.other = other.unwrap_or(NO_STEP);
                shard.touch(mark);
            } else if slot.step().is_none_or(|last| last < step) {
                slot.last_step = step;
                slot.drift = drift;
                shard.touch(mark);
            }
        });
    }

    /// What another memory of the seed knows is known here too: the higher of each, and who holds it stays.
    pub(super) fn merge(&self, mark: SeedMark, from: SeedState) {
        self.with(mark, |shard| {
            let nobodys = SeedState { token: None, ..from };
            let slot = shard.slots.entry(mark).or_insert_with(|| Slot::new(nobodys));
            let own = slot.state();
            let from = from.turned(own.counts);
            let state = SeedState {
                last_step: own.last_step.max(from.last_step),
                other: own.other.max(from.other),
                begins: own.begins.max(from.begins),
                stale: own.stale || from.stale,
                drift: if from.last_step > own.last_step {
                    from.drift
                } else {
                    own.drift
                },
                ..own
            };
            *slot = Slot {
                dirty: slot.dirty,
                ..Slot::new(state)
            };
            shard.touch(mark);
        });
    }

    /// Who holds the seed from now on; the step stays.
    pub(super) fn hold(&self, mark: SeedMark, token: Option<TokenId>, user: Option<UserId>) {
        self.with(mark, |shard| {
            let slot = shard
                .slots
                .entry(mark)
                .or_insert_with(|| Slot::new(SeedState::default()));
            slot.token = token.map_or(0, |id| id.0);
            slot.user = user.map_or(0, |id| id.0);
        });
    }

    /// A counter moves the seed's codes on from now on, or the time.
    pub(super) fn turn(&self, mark: SeedMark, counts: bool) {
        self.change(mark, |slot| slot.turn(counts));
    }

    /// Where its counter is declared to begin.
    pub(super) fn begin(&self, mark: SeedMark, counter: u32) {
        self.change(mark, |slot| slot.begins = counter);
    }

    /// Whether a counter token of this seed must be resynchronised before it counts.
    pub(super) fn stale(&self, mark: SeedMark, stale: bool) {
        self.change(mark, |slot| slot.stale = stale);
    }

    fn change(&self, mark: SeedMark, change: impl FnOnce(&mut Slot)) {
        self.with(mark, |shard| {
            let slot = shard.slots.entry(mark);
            change(slot.or_insert_with(|| Slot::new(SeedState::default())));
            shard.touch(mark);
        });
    }

    /// What was learned of the token's clock is void; the step stays.
    pub(super) fn level(&self, mark: SeedMark) {
        self.with(mark, |shard| {
            if let Some(slot) = shard.slots.get_mut(&mark) {
                slot.drift = 0;
                shard.touch(mark);
            }
        });
    }

    /// What changed since the last call; whoever takes it must write it, or [`Seeds::give_back`].
    pub(super) fn take_dirty(&self) -> Vec<(SeedMark, SeedState)> {
        let mut out = Vec::new();
        for shard in &self.0 {
            let mut shard = shard.lock();
            for mark in std::mem::take(&mut shard.dirty) {
                if let Some(slot) = shard.slots.get_mut(&mark) {
                    slot.dirty = false;
                    out.push((mark, slot.state()));
                }
            }
        }
        out
    }

    pub(super) fn give_back(&self, taken: &[(SeedMark, SeedState)]) {
        for (mark, _) in taken {
            self.with(*mark, |shard| shard.touch(*mark));
        }
    }

    /// Every seed, in no order. The shard is locked meanwhile: `each` must not come back here.
    pub(super) fn each(&self, each: &mut dyn FnMut(SeedMark, SeedState)) {
        for shard in &self.0 {
            shard
                .lock()
                .slots
                .iter()
                .for_each(|(mark, slot)| each(*mark, slot.state()));
        }
    }

    pub(super) fn shrink(&self) {
        self.0.iter().for_each(|shard| shard.lock().slots.shrink_to_fit());
    }
}
