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
    pub(super) fn keep(&self, owing: Owing, proof: CodeProof, now: Instant) {
        let mut owed = self.0.lock();
        if owed.len() >= OWED_KEPT {
            owed.retain(|_, (_, until)| *until > now);
        }
        if owed.len() < OWED_KEPT {
            // From the first time, never extended.
            let until = owed.get(&owing).map_or(now + OWED_FOR, |(_, until)| *until);
            owed.insert(owing, (proof, until));
        }
    }

    /// Takes it; of two who ask at once, one gets it.
    pub(super) fn take(&self, owing: &Owing, now: Instant) -> Option<CodeProof> {
        let (proof, until) = self.0.lock().remove(owing)?;
        (now < until).then_some(proof)
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

    #[test]
    fn r15_an_owed_code_is_given_back_once_to_the_same_login() {
        let owed = Owed::default();
        let now = Instant::now();
        owed.keep(LOGIN, CodeProof::new(ANNA, SecondUsed::Totp, None), now);
        assert!(owed.take(&Owing { typed: 8, ..LOGIN }, now).is_none());
        assert!(
            owed.take(
                &Owing {
                    client: ClientId(2),
                    ..LOGIN
                },
                now
            )
            .is_none()
        );
        assert!(owed.take(&LOGIN, now).is_some());
        assert!(owed.take(&LOGIN, now).is_none());
    }

    #[test]
    fn r15_not_for_longer_than_a_login_is_the_same() {
        let owed = Owed::default();
        let now = Instant::now();
        owed.keep(LOGIN, CodeProof::new(ANNA, SecondUsed::Totp, None), now);
        assert!(owed.take(&LOGIN, now + OWED_FOR).is_none());
    }
}
