//! Codes that were spent for a login which then heard "not available" (R1, R15). In: such a code with the login it was spent for; out:
//! its proof, once, to the same login sent again. No second login is let in by it: the first one never was.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::decide::CodeProof;
use crate::guard::Subject;
use crate::store::records::ClientId;

/// As long as a login sent again is the same login (R9).
pub const OWED_FOR: Duration = Duration::from_secs(30);
/// Most codes remembered; beyond them the person waits for the next code.
pub const OWED_KEPT: usize = 10_000;

/// A code that was spent for a login, and until when it is that login's. Made where the code is spent; never made longer.
#[derive(Debug)]
pub(super) struct Debt {
    pub(super) owing: Owing,
    pub(super) until: Instant,
}

/// Whose login: person, client, keyed hash of password and code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owing {
    /// Who.
    pub subject: Subject,
    /// Through which client.
    pub client: ClientId,
    /// Keyed hash of what was typed: both parts.
    pub typed: u64,
}

/// The codes that are owed.
#[derive(Default)]
pub struct Owed(Mutex<HashMap<Owing, (CodeProof, Instant)>>);

impl Owed {
    /// Keeps a spent code for the same login.
    pub(super) fn keep(&self, debt: Debt, proof: CodeProof, now: Instant) {
        let mut owed = self.0.lock();
        if owed.len() >= OWED_KEPT {
            owed.retain(|_, (_, until)| *until > now);
        }
        if owed.len() < OWED_KEPT {
            owed.insert(debt.owing, (proof, debt.until));
        }
    }

    /// Takes it; of two who ask at once, one gets it.
    pub(super) fn take(&self, owing: Owing, now: Instant) -> Option<(CodeProof, Debt)> {
        let (proof, until) = self.0.lock().remove(&owing)?;
        (now < until).then_some((proof, Debt { owing, until }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::audit::SecondUsed;
    use crate::store::records::UserId;

    const ANNA: Subject = Subject::User(UserId(1));
    const LOGIN: Owing = Owing {
        subject: ANNA,
        client: ClientId(1),
        typed: 7,
    };

    fn proof() -> CodeProof {
        CodeProof::new(ANNA, SecondUsed::Totp, None)
    }

    fn debt(until: Instant) -> Debt {
        Debt { owing: LOGIN, until }
    }

    #[test]
    fn r15_an_owed_code_is_given_back_once_to_the_same_login() {
        let owed = Owed::default();
        let now = Instant::now();
        owed.keep(debt(now + OWED_FOR), proof(), now);
        assert!(owed.take(Owing { typed: 8, ..LOGIN }, now).is_none());
        let other = Owing {
            client: ClientId(2),
            ..LOGIN
        };
        assert!(owed.take(other, now).is_none());
        assert!(owed.take(LOGIN, now).is_some());
        assert!(owed.take(LOGIN, now).is_none());
    }

    #[test]
    fn r15_not_for_longer_than_a_login_is_the_same_however_often_it_comes() {
        let owed = Owed::default();
        let now = Instant::now();
        owed.keep(debt(now + OWED_FOR), proof(), now);
        let later = now + OWED_FOR - Duration::from_secs(1);
        let (proof, debt) = owed.take(LOGIN, later).unwrap();
        owed.keep(debt, proof, later);
        assert!(owed.take(LOGIN, now + OWED_FOR).is_none());
    }
}
