//! The budget of wrong passwords at the directory (R14): so that the box never spends what Entra's smart lockout allows a user, and
//! so that a guesser at an unknown station cannot use up what the user's own stations need.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::store::records::Timestamp;

/// The window in which wrong passwords count together.
pub const BUDGET_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// A password that the directory refused is not sent there again for this long: clients repeat by themselves within seconds. Not
/// longer, since a password that was just changed may need some minutes to reach the directory and is right then.
pub const WRONG_PASSWORD_MEMORY: Duration = Duration::from_secs(5 * 60);

/// Wrong passwords of one user at the directory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Budget {
    wrong: Vec<Timestamp>,
    #[serde(skip)]
    pending: u8,
    #[serde(skip)]
    refused: Vec<(u64, Timestamp)>,
}

/// Why the directory is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetRefusal {
    /// Used up for this station; the flag says whether known stations still may.
    Spent {
        /// Whether the other half is left.
        known_stations_may: bool,
    },
    /// The directory refused this very password a moment ago.
    SamePassword,
}

/// The right to send one password to the directory; must end in [`Budget::wrong`], [`Budget::right`] or [`Budget::release`].
#[derive(Debug)]
#[must_use]
pub struct BudgetPermit {
    what: u64,
}

impl Budget {
    /// Nothing counted.
    pub fn is_blank(&self) -> bool {
        self.wrong.is_empty()
    }

    /// Whether a request is under way.
    pub fn is_pending(&self) -> bool {
        self.pending > 0
    }

    /// Wrong passwords that count now.
    pub fn used(&self, now: Timestamp) -> usize {
        self.wrong.iter().filter(|at| now.since(**at) < BUDGET_WINDOW).count()
    }

    /// Whether a password may be sent, without taking anything: R1 asks this before the code is spent.
    pub fn may(&self, limit: u8, known: bool, now: Timestamp) -> Result<(), BudgetRefusal> {
        let used = self.used(now) + usize::from(self.pending);
        let limit = usize::from(limit);
        let mine = if known { limit } else { limit / 2 };
        if used < mine {
            Ok(())
        } else {
            Err(BudgetRefusal::Spent {
                known_stations_may: used < limit,
            })
        }
    }

    /// Takes the right to send this password. `what` is a keyed hash of it. Requests under way count as wrong ones.
    pub fn begin(&mut self, what: u64, limit: u8, known: bool, now: Timestamp) -> Result<BudgetPermit, BudgetRefusal> {
        self.refused.retain(|(_, at)| now.since(*at) < WRONG_PASSWORD_MEMORY);
        if self.refused.iter().any(|(hash, _)| *hash == what) {
            return Err(BudgetRefusal::SamePassword);
        }
        self.may(limit, known, now)?;
        self.pending = self.pending.saturating_add(1);
        Ok(BudgetPermit { what })
    }

    /// The directory said that the password is wrong.
    pub fn wrong(&mut self, permit: BudgetPermit, now: Timestamp) {
        if self.refused.len() >= 16 {
            self.refused.remove(0);
        }
        self.refused.push((permit.what, now));
        self.release(permit);
        self.count(now);
    }

    /// Counts one: from [`Budget::wrong`], and from the journal at start.
    pub fn count(&mut self, now: Timestamp) {
        self.wrong.retain(|at| now.since(*at) < BUDGET_WINDOW);
        if self.wrong.len() < 16 {
            self.wrong.push(now);
        }
    }

    /// As [`Budget::count`] from the journal at start: what a fold took in already is not counted again.
    pub fn count_once(&mut self, at: Timestamp) {
        if !self.wrong.contains(&at) {
            self.count(at);
        }
    }

    /// The clock was set back: no time that is kept lies ahead of it.
    pub fn clamp(&mut self, now: Timestamp) {
        self.wrong.iter_mut().for_each(|at| *at = (*at).min(now));
        self.refused.clear();
    }

    /// The directory said that the password is right: what was wrong before counts no more.
    pub fn right(&mut self, permit: BudgetPermit) {
        self.release(permit);
        self.reset();
    }

    /// A right password, from the journal at start.
    pub fn reset(&mut self) {
        self.wrong.clear();
        self.refused.clear();
    }

    /// The directory said nothing about the password.
    pub fn release(&mut self, _permit: BudgetPermit) {
        self.pending = self.pending.saturating_sub(1);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    const T: Timestamp = Timestamp(1_800_000_000_000);

    fn wrong(b: &mut Budget, what: u64, limit: u8, known: bool, now: Timestamp) -> Result<(), BudgetRefusal> {
        let permit = b.begin(what, limit, known, now)?;
        b.wrong(permit, now);
        Ok(())
    }

    #[test]
    fn r14_half_of_six_is_kept_for_known_stations() {
        let mut b = Budget::default();
        for i in 0..3 {
            wrong(&mut b, i, 6, false, T).unwrap();
        }
        assert_eq!(
            wrong(&mut b, 9, 6, false, T),
            Err(BudgetRefusal::Spent {
                known_stations_may: true
            })
        );
        for i in 10..13 {
            wrong(&mut b, i, 6, true, T).unwrap();
        }
        assert_eq!(
            wrong(&mut b, 99, 6, true, T),
            Err(BudgetRefusal::Spent {
                known_stations_may: false
            })
        );
    }

    #[test]
    fn r14_government_cloud_allows_two() {
        let mut b = Budget::default();
        wrong(&mut b, 1, 2, false, T).unwrap();
        assert!(wrong(&mut b, 2, 2, false, T).is_err());
        wrong(&mut b, 3, 2, true, T).unwrap();
        assert!(wrong(&mut b, 4, 2, true, T).is_err());
    }

    #[test]
    fn r14_a_right_password_and_a_day_clear_it() {
        let mut b = Budget::default();
        for i in 0..6 {
            wrong(&mut b, i, 6, true, T).unwrap();
        }
        assert_eq!(b.may(6, true, T.plus(BUDGET_WINDOW)), Ok(()));
        let mut b = Budget::default();
        wrong(&mut b, 1, 6, true, T).unwrap();
        let permit = b.begin(2, 6, true, T).unwrap();
        b.right(permit);
        assert_eq!(b.used(T), 0);
    }

    #[test]
    fn r14_the_same_wrong_password_is_not_sent_twice() {
        let mut b = Budget::default();
        wrong(&mut b, 1, 6, true, T).unwrap();
        assert_eq!(wrong(&mut b, 1, 6, true, T), Err(BudgetRefusal::SamePassword));
        wrong(&mut b, 1, 6, true, T.plus(WRONG_PASSWORD_MEMORY)).unwrap();
        assert_eq!(b.used(T), 2);
    }

    #[test]
    fn r14_requests_under_way_count() {
        let mut b = Budget::default();
        let permits: Vec<_> = (0..6).map(|i| b.begin(i, 6, true, T).unwrap()).collect();
        assert!(b.begin(7, 6, true, T).is_err());
        for permit in permits {
            b.release(permit);
        }
        assert!(b.begin(8, 6, true, T).is_ok());
    }
}
