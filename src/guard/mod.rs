//! What stands between a guesser and a user: lockouts (R17), the directory's budget (R14), bypass codes (R18), for each person one
//! [`UserGuard`]. In: attempts and their ends, with the time; out: whether the next may go on. Pure: time comes as an argument, and
//! nothing here reads a disk. [`Guards`] keeps them by person behind sharded locks; what must survive a restart is told by the
//! journal's events and folded into the store.

mod budget;
mod clients;
mod lockout;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

pub use budget::{Budget, BudgetPermit, BudgetRefusal, WRONG_PASSWORD_MEMORY};
pub use clients::{ClientWatch, WRONG_USERS_ALARM};
pub use lockout::{Lock, LockoutPermit, Lockouts, MissKind, STATION_LIMIT, USER_LIMIT};

use crate::store::records::{ClientId, Timestamp, UserId};

/// Whom a guard stands for: a user of the store, or a name that is not there (keyed hash of its canonical form).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// In the store.
    User(UserId),
    /// Not in the store; only a password-only client makes these.
    Name([u8; 16]),
}

/// Where a login comes from, as lockouts count it: the Calling-Station-Id, or, where there is none, the client (R17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Station {
    /// Keyed hash of the Calling-Station-Id, letters folded.
    Calling(u64),
    /// No Calling-Station-Id: the client itself.
    Client(ClientId),
}

/// The guard of one person.
#[derive(Debug, Default)]
pub struct UserGuard {
    /// Wrong codes and wrong local passwords.
    pub lockouts: Lockouts,
    /// Wrong passwords at the directory.
    pub budget: Budget,
    /// In memory only: void at restart (R18).
    pub bypass: Option<crate::factors::second::bypass::Bypass>,
    /// Changed since it was folded.
    pub dirty: bool,
}

/// What a fold keeps of a guard.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Folded {
    /// See [`UserGuard::lockouts`].
    pub lockouts: Lockouts,
    /// See [`UserGuard::budget`].
    pub budget: Budget,
}

impl UserGuard {
    /// Nothing worth keeping: the guard of somebody who never failed and has not been here.
    pub fn is_blank(&self) -> bool {
        self.lockouts.is_blank() && self.budget.is_blank() && self.bypass.is_none()
    }
}

const SHARDS: usize = 64;
/// Names that are not in the store are guarded too, but never more than this many at once in each shard: a flood of invented names
/// costs memory here, not safety, since none of them has a second factor to lose.
const NAMES_PER_SHARD: usize = 1_024;

/// All guards, by person.
pub struct Guards {
    shards: Vec<Mutex<HashMap<Subject, UserGuard>>>,
    hasher: RandomState,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(HashMap::new())).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Guards {
    /// Does something with the guard of one person, alone. What was changed is marked for the next fold.
    pub fn with<R>(&self, subject: Subject, act: impl FnOnce(&mut UserGuard) -> R) -> R {
        let at = (self.hasher.hash_one(subject) as usize) % SHARDS;
        let Some(shard) = self.shards.get(at).or(self.shards.first()) else {
            return act(&mut UserGuard::default());
        };
        let mut shard = shard.lock();
        if matches!(subject, Subject::Name(_)) && !shard.contains_key(&subject) && shard.len() >= NAMES_PER_SHARD {
            let names = shard.keys().filter(|s| matches!(s, Subject::Name(_))).count();
            if names >= NAMES_PER_SHARD {
                // The least interesting name goes: one that holds no wrong password, or else any.
                let out = shard
                    .iter()
                    .filter(|(s, _)| matches!(s, Subject::Name(_)))
                    .min_by_key(|(_, g)| !g.budget.is_blank())
                    .map(|(s, _)| *s);
                if let Some(out) = out {
                    shard.remove(&out);
                }
            }
        }
        let guard = shard.entry(subject).or_default();
        guard.dirty = true;
        let result = act(guard);
        if guard.is_blank()
            && !guard.lockouts.is_pending()
            && !guard.budget.is_pending()
            && matches!(subject, Subject::Name(_))
        {
            shard.remove(&subject);
        }
        result
    }

    /// Looks without changing; nothing if there is no guard yet.
    pub fn look<R>(&self, subject: Subject, look: impl FnOnce(&UserGuard) -> R) -> Option<R> {
        let at = (self.hasher.hash_one(subject) as usize) % SHARDS;
        self.shards
            .get(at)
            .and_then(|shard| shard.lock().get(&subject).map(look))
    }

    /// Puts back what a fold kept.
    pub fn restore(&self, subject: Subject, folded: Folded) {
        self.with(subject, |slot| {
            slot.lockouts = folded.lockouts;
            slot.budget = folded.budget;
            slot.dirty = false;
        });
    }

    /// Forgets one person.
    pub fn forget(&self, subject: Subject) {
        let at = (self.hasher.hash_one(subject) as usize) % SHARDS;
        if let Some(shard) = self.shards.get(at) {
            shard.lock().remove(&subject);
        }
    }

    /// The guards of users that changed since the last call, each cloned; they count as folded then.
    pub fn take_dirty(&self) -> Vec<(UserId, Folded)> {
        let mut out = Vec::new();
        for shard in &self.shards {
            for (subject, guard) in shard.lock().iter_mut() {
                if let (Subject::User(id), true) = (subject, guard.dirty) {
                    guard.dirty = false;
                    out.push((
                        *id,
                        Folded {
                            lockouts: guard.lockouts.clone(),
                            budget: guard.budget.clone(),
                        },
                    ));
                }
            }
        }
        out
    }

    /// The clock was set back: no time that is kept lies ahead of it.
    pub fn clamp(&self, now: Timestamp) {
        for shard in &self.shards {
            for guard in shard.lock().values_mut() {
                guard.lockouts.clamp(now);
                guard.budget.clamp(now);
                guard.dirty = true;
            }
        }
    }

    /// Voids every bypass code (R20).
    pub fn void_bypass(&self) {
        for shard in &self.shards {
            shard.lock().values_mut().for_each(|guard| guard.bypass = None);
        }
    }

    /// Users who cannot log in from a new station now, and when that began to be so.
    pub fn locked(&self) -> Vec<UserId> {
        let mut out = Vec::new();
        for shard in &self.shards {
            out.extend(shard.lock().iter().filter_map(|(subject, guard)| match subject {
                Subject::User(id) if guard.lockouts.is_user_locked() => Some(*id),
                _ => None,
            }));
        }
        out
    }
}
