//! R20: codes whose spending nobody knows of any more. In: what the opening of the journal found; out: a box where none of those codes
//! is good again: each time token's last step raised to the highest that its window could have accepted, each counter token
//! waiting for a resync. Begun again after every crash until it is done; until then nothing is answered.

use std::sync::atomic::Ordering;

use super::Door;
use super::alarms::Grave;
use super::events::{Event, encode};
use crate::factors::second::totp;
use crate::journal::Opening;
use crate::store::records::{OtpParameters, Timestamp, Token, TokenStatus};
use crate::store::{Change, Live, Store, StoreError};

/// Kind of the blob that says that it is due: the journal's gap is seen at one start alone.
const LIVE_RAISE: u8 = 3;
/// Tokens in one change of the store: one write to the disk for so many.
const GROUP: usize = 1_000;

/// Whether the journal goes on from what was folded, and nothing in it is missing from there on.
pub(super) fn goes_on(opening: &Opening, folded: u64) -> bool {
    let missing = opening.damage.iter().any(|damage| damage.next > folded);
    !missing && !opening.short && opening.first_seq <= folded.max(1)
}

/// Whether it is due, now or since an earlier start; remembered on the disk when this returns.
pub(super) fn is_due(store: &Store, whole: bool) -> Result<bool, StoreError> {
    if !whole {
        store.live_put(vec![due(true)])?;
        store.fold(store.folded())?;
    }
    Ok(!store.live_scan(LIVE_RAISE)?.is_empty())
}

/// It is due in this store, whatever the journal says; on the disk when this returns.
pub(in crate::door) fn make_due(store: &Store) -> Result<(), StoreError> {
    store.live_put(vec![due(true)])?;
    store.fold(store.folded())
}

/// Whether it is due in this store, or a token waits for a resync.
pub(in crate::door) fn is_stale(store: &Store) -> Result<bool, StoreError> {
    let mut stale = !store.live_scan(LIVE_RAISE)?.is_empty();
    store.each_seed(&mut |_, state| stale |= state.stale);
    Ok(stale)
}

fn due(is_due: bool) -> Live {
    Live {
        kind: LIVE_RAISE,
        key: Vec::new(),
        value: is_due.then(Vec::new),
    }
}

impl Door {
    /// Does it, once the clock is trusted.
    pub(in crate::door) fn raise_steps(&self) -> Result<(), StoreError> {
        let codes = self.raise_steps.load(Ordering::Acquire);
        let operators = self.staff.stale_steps.load(Ordering::Acquire);
        if !codes && !operators {
            return Ok(());
        }
        let Some(now) = self.clock.now() else { return Ok(()) };
        if operators {
            self.raise_operators(now)?;
        }
        if !codes {
            return self.settle_restore();
        }
        let counters = self.raise_users(now)?;
        // A journal that was lost wholly begins again with this: without it the next start would find it short once more.
        if let Err(error) = self.logins.append_wait(now, encode(&Event::Voided)) {
            return Err(StoreError::Io(error.to_string()));
        }
        // With the steps that were raised.
        self.store.live_put(vec![due(false)])?;
        self.fold()?;
        self.settle_restore()?;
        self.raise_steps.store(false, Ordering::Release);
        self.tell_waiting();
        let tokens = match counters {
            0 => String::new(),
            1 => "; 1 counter token waits for `postern token resync`".to_owned(),
            n => format!("; {n} counter tokens wait for `postern token resync`"),
        };
        self.system(
            "steps-raised",
            format!("Every code up to now was made void: the journal of spent codes was not whole{tokens}"),
        );
        Ok(())
    }

    /// A restore is done, whatever it came from.
    pub(in crate::door) fn settle_restore(&self) -> Result<(), StoreError> {
        self.store.settle_restore()?;
        // Left behind, it says no more than what is on record.
        if let Err(error) = crate::backup::swap::settled(&self.state_dir) {
            tracing::warn!(%error, "the note of the restore could not be removed");
        }
        Ok(())
    }

    /// An alarm stands while counter tokens wait for a resync: their users are refused until then.
    pub(in crate::door) fn tell_waiting(&self) {
        let tokens = match self.store.waiting_for_resync() {
            0 => return self.alarms.clear("counter-tokens"),
            1 => "1 counter token waits for a resync and counts".to_owned(),
            n => format!("{n} counter tokens wait for a resync and count"),
        };
        let what = format!("{tokens} for no login: this box lost the record of the codes that were used");
        let todo =
            "Run `postern token resync` with two codes of each; until then `postern user bypass` lets its user in";
        self.raise("counter-tokens", Grave::Some, what, todo, crate::clock::wall());
    }

    /// How many counter tokens wait for a resync by it.
    fn raise_users(&self, now: Timestamp) -> Result<usize, StoreError> {
        let (mut group, mut counters) = (Vec::new(), 0);
        // Those of counters and those without a token: what comes back with them later waits as well.
        let mut stale = Vec::new();
        self.store.each_seed(&mut |mark, state| {
            if state.counts || state.token.is_none() {
                stale.push(mark);
            }
        });
        // All numbers at once: a page could pass somebody over while another is removed.
        let (users, _) = self.store.search("", 0, usize::MAX);
        for (user, _) in users {
            for token in self.store.tokens_of(user)? {
                match token.parameters {
                    OtpParameters::Totp(parameters) => {
                        let drift = self.store.seed(token.mark).map(|seed| seed.drift).unwrap_or_default();
                        let highest = totp::highest_acceptable(&parameters, now, drift);
                        self.store.raise_step(token.mark, highest, drift);
                    }
                    // No clock says how far it may have come: none of them counts before two codes have told, pending ones, removed
                    // ones and those of nobody neither.
                    OtpParameters::Hotp(_) if token.status == TokenStatus::Active => {
                        counters += 1;
                        stale.push(token.mark);
                        group.push(Change::PutToken(Token {
                            status: TokenStatus::Resync,
                            ..token
                        }));
                    }
                    OtpParameters::Hotp(_) => stale.push(token.mark),
                }
            }
            if group.len() >= GROUP {
                self.store.apply(std::mem::take(&mut group))?;
            }
        }
        if !group.is_empty() {
            self.store.apply(group)?;
        }
        // One that was given out and used since the copy is nobody's again.
        for row in self.store.search_unassigned("", 0, usize::MAX).0 {
            if let OtpParameters::Totp(parameters) = row.parameters {
                let drift = self.store.seed(row.mark).map(|seed| seed.drift).unwrap_or_default();
                let highest = totp::highest_acceptable(&parameters, now, drift);
                self.store.raise_step(row.mark, highest, drift);
            } else {
                stale.push(row.mark);
            }
        }
        stale.into_iter().for_each(|mark| self.store.make_stale(mark));
        Ok(counters)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::journal::Damage;

    #[test]
    fn r20_a_journal_is_whole_where_nothing_from_the_fold_on_is_missing() {
        let opening = |first_seq, short, damage: &[(u64, u64)]| Opening {
            first_seq,
            next_seq: 900,
            short,
            damage: damage
                .iter()
                .map(|(seq, next)| Damage {
                    file: "a".to_owned(),
                    offset: 0,
                    seq: *seq,
                    next: *next,
                    what: "b".to_owned(),
                })
                .collect(),
            ..Opening::default()
        };
        assert!(goes_on(&opening(1, false, &[]), 0) && goes_on(&opening(500, false, &[]), 500));
        assert!(
            !goes_on(&opening(501, false, &[]), 500),
            "pruned or lost beyond the fold"
        );
        assert!(!goes_on(&opening(500, true, &[]), 500));
        assert!(goes_on(&opening(1, false, &[(300, 500)]), 500), "all of it was folded");
        for hole in [(300, 501), (500, 501), (700, 800)] {
            assert!(!goes_on(&opening(1, false, &[hole]), 500), "{hole:?}");
        }
    }
}
