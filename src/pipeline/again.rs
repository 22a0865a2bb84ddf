//! A login sent again in a new packet (R9): a client that gave up and began anew must not spend a second code, nor ask the directory
//! twice. In: what identifies a login, its packet's waiter; out: whether it is the first, joins the first one in flight, or hears the
//! first one's verdict.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::store::records::Timestamp;

/// A verdict is given again for this long from the first packet (R9).
pub const VERDICT_KEPT: Duration = Duration::from_secs(30);
/// An Accept is repeated this often at most (R9).
pub const ACCEPT_REPEATS: u8 = 3;
/// Most logins remembered (R9).
pub const LOGINS_KEPT: usize = 100_000;
/// Most packets that join one login in flight.
const JOIN_MAX: usize = 64;

/// What identifies a login: keyed hash over client record, NAS-Identifier, NAS-IP-Address, user, credential, State and
/// Calling-Station-Id. There is none without a Calling-Station-Id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LoginKey(pub [u8; 32]);

/// The generations of user, client and tenant that a verdict stands on; any change voids it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basis {
    /// The user's number and generation; none for a name that is not in the store.
    pub user: Option<(u64, u64)>,
    /// The client's generation.
    pub client: u64,
    /// When the tenant of the name's domain was made, and its generation; none where there is no tenant.
    pub tenant: Option<(u64, u64)>,
}

/// What a first packet ended in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Access-Accept.
    Accept,
    /// Access-Reject.
    Reject,
    /// Access-Challenge with this State; given again while it is unanswered.
    Challenge([u8; 16]),
}

/// The place of a login in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    key: LoginKey,
    number: u64,
}

/// What to do with a login.
pub enum Met<W> {
    /// The first: decide it, then [`Again::ended`] with its place. The waiter comes back.
    First(W, Place),
    /// Joined the first one, which is in flight and will answer it.
    Joined,
    /// Enough have joined already, or something was changed since the first began: this one is let go, and may ask again. The
    /// waiter comes back.
    Enough(W),
    /// The first one's verdict.
    Verdict {
        /// What it was.
        kept: Kept,
        /// When the first packet came.
        first_at: Timestamp,
        /// The waiter comes back.
        waiter: W,
    },
}

enum Stage<W> {
    InFlight { basis: Basis, waiters: Vec<W> },
    Ended { kept: Kept, basis: Basis, repeated: u8 },
}

struct Held<W> {
    number: u64,
    at: Instant,
    first_at: Timestamp,
    stage: Stage<W>,
}

struct Inner<W> {
    held: HashMap<LoginKey, Held<W>>,
    order: VecDeque<(Instant, LoginKey, u64)>,
    next: u64,
}

/// The memory of logins. `W` is what waits for a reply.
pub struct Again<W> {
    inner: Mutex<Inner<W>>,
}

impl<W> Default for Again<W> {
    fn default() -> Self {
        Self {
            inner: Mutex::new(Inner {
                held: HashMap::new(),
                order: VecDeque::new(),
                next: 0,
            }),
        }
    }
}

impl<W> Again<W> {
    /// Meets a login. `basis` is what user and client are now.
    pub fn meet(&self, key: LoginKey, basis: Basis, waiter: W, now: Instant, at: Timestamp) -> Met<W> {
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        inner.expire(now);
        if let Some(held) = inner.held.get_mut(&key)
            && now.saturating_duration_since(held.at) < VERDICT_KEPT
        {
            match &mut held.stage {
                Stage::InFlight { basis: began, waiters } => {
                    // What was changed since is for those who come after: the verdict to come stands on what was before.
                    if waiters.len() >= JOIN_MAX || *began != basis {
                        return Met::Enough(waiter);
                    }
                    waiters.push(waiter);
                    return Met::Joined;
                }
                Stage::Ended {
                    kept,
                    basis: stood,
                    repeated,
                } if *stood == basis => {
                    let again = match kept {
                        Kept::Accept => *repeated < ACCEPT_REPEATS,
                        Kept::Reject | Kept::Challenge(_) => true,
                    };
                    if again {
                        *repeated = repeated.saturating_add(1);
                        return Met::Verdict {
                            kept: kept.clone(),
                            first_at: held.first_at,
                            waiter,
                        };
                    }
                }
                Stage::Ended { .. } => {}
            }
        }
        inner.next += 1;
        let number = inner.next;
        inner.held.insert(
            key,
            Held {
                number,
                at: now,
                first_at: at,
                stage: Stage::InFlight {
                    basis,
                    waiters: Vec::new(),
                },
            },
        );
        inner.order.push_back((now, key, number));
        Met::First(waiter, Place { key, number })
    }

    /// The first one ended; those that joined come back to be answered alike, of an Accept [`ACCEPT_REPEATS`] at most: the caller
    /// lets the rest go. `None` keeps nothing (unavailable, silence).
    pub fn ended(&self, place: Place, kept: Option<(Kept, Basis)>) -> Vec<W> {
        let Place { key, number } = place;
        let mut inner = self.inner.lock();
        // Another took the place after 30 s: its waiters are not this one's.
        let Some(held) = inner.held.get_mut(&key).filter(|held| held.number == number) else {
            return Vec::new();
        };
        let Stage::InFlight { waiters, .. } = &mut held.stage else {
            return Vec::new();
        };
        let waiters = std::mem::take(waiters);
        match kept {
            Some((kept, basis)) => {
                let repeated = u8::try_from(waiters.len()).unwrap_or(u8::MAX);
                held.stage = Stage::Ended { kept, basis, repeated };
            }
            None => {
                inner.held.remove(&key);
            }
        }
        waiters
    }

    /// The challenge was answered: a first step sent again starts anew.
    pub fn answered(&self, key: LoginKey) {
        let mut inner = self.inner.lock();
        if inner.held.get(&key).is_some_and(|h| {
            matches!(
                h.stage,
                Stage::Ended {
                    kept: Kept::Challenge(_),
                    ..
                }
            )
        }) {
            inner.held.remove(&key);
        }
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.inner.lock().held.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<W> Inner<W> {
    fn expire(&mut self, now: Instant) {
        while let Some((at, key, number)) = self.order.front().copied() {
            let old = now.saturating_duration_since(at) >= VERDICT_KEPT;
            if !old && self.order.len() < LOGINS_KEPT {
                break;
            }
            self.order.pop_front();
            // One in flight still has its waiters to answer; it goes when it ends.
            if let Some(held) = self.held.get(&key)
                && held.number == number
            {
                if matches!(held.stage, Stage::InFlight { .. }) {
                    self.order.push_back((at, key, number));
                    break;
                }
                self.held.remove(&key);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    const KEY: LoginKey = LoginKey([1; 32]);
    const BASIS: Basis = Basis {
        user: Some((1, 1)),
        client: 1,
        tenant: None,
    };
    const AT: Timestamp = Timestamp(1);

    fn first(a: &Again<u8>, now: Instant) -> Place {
        match a.meet(KEY, BASIS, 0, now, AT) {
            Met::First(0, place) => place,
            _ => panic!("not the first"),
        }
    }

    #[test]
    fn r9_joins_in_flight_and_all_are_answered() {
        let a = Again::default();
        let now = Instant::now();
        let place = first(&a, now);
        assert!(matches!(a.meet(KEY, BASIS, 1, now, AT), Met::Joined));
        assert!(matches!(a.meet(KEY, BASIS, 2, now, AT), Met::Joined));
        assert_eq!(a.ended(place, Some((Kept::Reject, BASIS))), [1, 2]);
    }

    #[test]
    fn r9_an_accept_is_repeated_three_times_at_most() {
        let a = Again::default();
        let now = Instant::now();
        let place = first(&a, now);
        a.ended(place, Some((Kept::Accept, BASIS)));
        for _ in 0..3 {
            assert!(matches!(
                a.meet(KEY, BASIS, 1, now, AT),
                Met::Verdict { kept: Kept::Accept, .. }
            ));
        }
        assert!(matches!(a.meet(KEY, BASIS, 1, now, AT), Met::First(_, _)));
    }

    #[test]
    fn r9_those_who_joined_count_as_repeats() {
        let a = Again::default();
        let now = Instant::now();
        let place = first(&a, now);
        for n in 1..=2 {
            assert!(matches!(a.meet(KEY, BASIS, n, now, AT), Met::Joined));
        }
        a.ended(place, Some((Kept::Accept, BASIS)));
        assert!(matches!(a.meet(KEY, BASIS, 1, now, AT), Met::Verdict { .. }));
        assert!(matches!(a.meet(KEY, BASIS, 1, now, AT), Met::First(_, _)));
    }

    #[test]
    fn r9_not_without_end_join_one_login() {
        let a = Again::default();
        let now = Instant::now();
        let place = first(&a, now);
        for _ in 0..JOIN_MAX {
            assert!(matches!(a.meet(KEY, BASIS, 1, now, AT), Met::Joined));
        }
        assert!(matches!(a.meet(KEY, BASIS, 4, now, AT), Met::Enough(4)));
        assert_eq!(a.ended(place, Some((Kept::Accept, BASIS))).len(), JOIN_MAX);
        assert!(matches!(a.meet(KEY, BASIS, 5, now, AT), Met::First(5, _)));
    }

    #[test]
    fn r9_thirty_seconds_from_the_first_never_extended() {
        let a = Again::default();
        let now = Instant::now();
        let place = first(&a, now);
        a.ended(place, Some((Kept::Reject, BASIS)));
        assert!(matches!(
            a.meet(KEY, BASIS, 1, now + Duration::from_secs(29), AT),
            Met::Verdict { .. }
        ));
        assert!(matches!(
            a.meet(KEY, BASIS, 1, now + Duration::from_secs(30), AT),
            Met::First(_, _)
        ));
    }

    #[test]
    fn r9_void_after_any_change() {
        for changed in [
            Basis {
                user: Some((1, 2)),
                ..BASIS
            },
            Basis { client: 2, ..BASIS },
            Basis { user: None, ..BASIS },
            Basis {
                tenant: Some((1, 1)),
                ..BASIS
            },
        ] {
            let a = Again::default();
            let now = Instant::now();
            let place = first(&a, now);
            a.ended(place, Some((Kept::Accept, BASIS)));
            assert!(matches!(a.meet(KEY, changed, 1, now, AT), Met::First(_, _)));
        }
    }

    #[test]
    fn r9_nobody_joins_across_a_change() {
        let a = Again::default();
        let now = Instant::now();
        let place = first(&a, now);
        let changed = Basis { client: 2, ..BASIS };
        assert!(matches!(a.meet(KEY, changed, 1, now, AT), Met::Enough(1)));
        a.ended(place, Some((Kept::Accept, BASIS)));
        assert!(matches!(a.meet(KEY, changed, 1, now, AT), Met::First(1, _)));
    }

    #[test]
    fn r9_unavailable_is_not_kept() {
        let a = Again::default();
        let now = Instant::now();
        let place = first(&a, now);
        a.ended(place, None);
        first(&a, now);
    }

    #[test]
    fn r9_an_unanswered_challenge_is_given_again() {
        let a = Again::default();
        let now = Instant::now();
        let place = first(&a, now);
        a.ended(place, Some((Kept::Challenge([9; 16]), BASIS)));
        assert!(
            matches!(a.meet(KEY, BASIS, 1, now, AT), Met::Verdict { kept: Kept::Challenge(s), .. } if s == [9; 16])
        );
        a.answered(KEY);
        first(&a, now);
    }

    #[test]
    fn r9_at_most_a_hundred_thousand() {
        let a = Again::default();
        let now = Instant::now();
        for n in 0..LOGINS_KEPT as u64 + 100 {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&n.to_be_bytes());
            let Met::First(_, place) = a.meet(LoginKey(key), BASIS, 0, now, AT) else {
                panic!("not the first")
            };
            a.ended(place, Some((Kept::Reject, BASIS)));
        }
        assert!(a.len() <= LOGINS_KEPT);
    }
}
