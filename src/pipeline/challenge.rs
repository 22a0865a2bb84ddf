//! Open challenges (R10). In: a right password with all that was learned with it; out: the same, once, to whoever brings the State
//! from the same client, for the same user, from the same calling station.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::again::{Basis, LoginKey};
use super::decide::PasswordProof;
use crate::audit::DirectorySaid;
use crate::guard::{Station, Subject};
use crate::store::records::ClientId;

/// Most challenges open at once; the oldest goes first.
pub const CHALLENGES_KEPT: usize = 100_000;
/// An expired State is told from an unknown one for this long, for the log's sake only.
const EXPIRED_KEPT: Duration = Duration::from_secs(10 * 60);

/// What stands open until the code comes.
#[derive(Clone, Debug)]
pub struct Open {
    /// The client that asked.
    pub client: ClientId,
    /// Whose password was right.
    pub subject: Subject,
    /// From where.
    pub station: Station,
    /// The proof of the first step; survives to the Accept.
    pub password: PasswordProof,
    /// What the directory said then, for the record.
    pub directory: Option<DirectorySaid>,
    /// Keyed hash of the first step's password: a client that sends it again cannot do challenges.
    pub password_hash: u64,
    /// The first step's place in the memory of logins.
    pub login: Option<LoginKey>,
    /// What the first step stood on; a change since then voids it.
    pub basis: Basis,
    /// Until then.
    pub until: Instant,
}

/// Why a State opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Never given out here, answered already, or long gone.
    Unknown,
    /// Ran out.
    Expired,
    /// Given to another client, user or calling station.
    Foreign,
}

#[derive(Default)]
struct Inner {
    open: HashMap<[u8; 16], Open>,
    order: VecDeque<(Instant, [u8; 16])>,
}

/// All open challenges.
#[derive(Default)]
pub struct Challenges {
    inner: Mutex<Inner>,
}

impl Challenges {
    /// Opens one. `state` is 16 random bytes.
    pub fn open(&self, state: [u8; 16], open: Open, now: Instant) {
        let mut inner = self.inner.lock();
        while let Some((until, old)) = inner.order.front().copied() {
            if inner.order.len() < CHALLENGES_KEPT && now < until + EXPIRED_KEPT {
                break;
            }
            inner.order.pop_front();
            inner.open.remove(&old);
        }
        inner.order.push_back((open.until, state));
        inner.open.insert(state, open);
    }

    /// Looks at what a State would open, without taking it.
    pub fn look(
        &self,
        state: &[u8],
        client: ClientId,
        subject: Subject,
        station: Station,
        now: Instant,
    ) -> Result<Open, Closed> {
        let state: [u8; 16] = state.try_into().map_err(|_| Closed::Unknown)?;
        let inner = self.inner.lock();
        let open = inner.open.get(&state).ok_or(Closed::Unknown)?;
        if (open.client, open.subject, open.station) != (client, subject, station) {
            return Err(Closed::Foreign);
        }
        if now >= open.until {
            return Err(Closed::Expired);
        }
        Ok(open.clone())
    }

    /// Takes it: good for one answer. Of two who bring it at once, one gets it.
    pub fn take(&self, state: &[u8]) -> Option<Open> {
        let state: [u8; 16] = state.try_into().ok()?;
        self.inner.lock().open.remove(&state)
    }

    /// Voids all (R20), or those of one person.
    pub fn void(&self, subject: Option<Subject>) {
        self.inner
            .lock()
            .open
            .retain(|_, open| subject.is_some_and(|s| s != open.subject));
    }

    /// How many stand open.
    pub fn len(&self) -> usize {
        self.inner.lock().open.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::audit::FirstUsed;
    use crate::store::records::UserId;

    const ANNA: Subject = Subject::User(UserId(1));
    const HOME: Station = Station::Calling(1);
    const STATE: [u8; 16] = [7; 16];

    fn one(now: Instant) -> (Challenges, Instant) {
        let c = Challenges::default();
        let until = now + Duration::from_secs(60);
        let open = Open {
            client: ClientId(1),
            subject: ANNA,
            station: HOME,
            password: PasswordProof::new(ANNA, FirstUsed::Entra),
            directory: None,
            password_hash: 1,
            login: None,
            basis: Basis {
                user: Some((1, 1)),
                client: 1,
                tenant: None,
            },
            until,
        };
        c.open(STATE, open, now);
        (c, until)
    }

    #[test]
    fn r10_bound_to_client_user_and_station() {
        let now = Instant::now();
        let (c, _) = one(now);
        assert!(c.look(&STATE, ClientId(1), ANNA, HOME, now).is_ok());
        for (client, subject, station) in [
            (ClientId(2), ANNA, HOME),
            (ClientId(1), Subject::User(UserId(2)), HOME),
            (ClientId(1), ANNA, Station::Calling(2)),
        ] {
            assert_eq!(
                c.look(&STATE, client, subject, station, now).unwrap_err(),
                Closed::Foreign
            );
        }
    }

    #[test]
    fn r10_good_for_one_answer_and_not_for_ever() {
        let now = Instant::now();
        let (c, until) = one(now);
        assert_eq!(
            c.look(&STATE, ClientId(1), ANNA, HOME, until).unwrap_err(),
            Closed::Expired
        );
        assert!(c.take(&STATE).is_some());
        assert!(c.take(&STATE).is_none());
        assert_eq!(
            c.look(&STATE, ClientId(1), ANNA, HOME, now).unwrap_err(),
            Closed::Unknown
        );
        assert_eq!(
            c.look(b"short", ClientId(1), ANNA, HOME, now).unwrap_err(),
            Closed::Unknown
        );
    }

    #[test]
    fn r10_at_most_so_many_and_void_at_will() {
        let now = Instant::now();
        let (c, until) = one(now);
        let open = c.look(&STATE, ClientId(1), ANNA, HOME, now).unwrap();
        for n in 0..CHALLENGES_KEPT as u128 + 10 {
            c.open(n.to_be_bytes(), Open { until, ..open.clone() }, now);
        }
        assert!(c.len() <= CHALLENGES_KEPT);
        c.void(Some(Subject::User(UserId(9))));
        assert!(!c.is_empty());
        c.void(Some(ANNA));
        assert!(c.is_empty());
    }
}
