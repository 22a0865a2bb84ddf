//! Refusals alike within a minute are one record with a count (R23). In: attempts; out: those to be written now. The first is
//! written at once, the rest of its minute as one more. What was spent is always written.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use crate::audit::{Attempt, Outcome};
use crate::store::records::Timestamp;

/// How long alike refusals count together (R23).
pub const TOGETHER: Duration = Duration::from_secs(60);
/// Most kinds counted at once; beyond them every refusal is a record of its own.
const KINDS: usize = 10_000;

#[derive(PartialEq, Eq, Hash)]
struct Kind {
    name: String,
    client: String,
    source: Option<std::net::IpAddr>,
    station: String,
    outcome: Outcome,
    reason: String,
}

struct Counted {
    since: Timestamp,
    more: u32,
    last: Attempt,
}

/// Refusals of the last minute.
#[derive(Default)]
pub struct Refusals {
    kinds: Mutex<HashMap<Kind, Counted>>,
}

impl Refusals {
    /// The record to write for this attempt, if one is to be written now.
    pub fn take(&self, attempt: Attempt) -> Option<Attempt> {
        if attempt.spent.is_some() || matches!(attempt.outcome, Outcome::Accept | Outcome::Challenge) {
            return Some(attempt);
        }
        let kind = Kind {
            name: attempt.name.clone(),
            client: attempt.client_name.clone(),
            source: attempt.client.is_none().then_some(attempt.source).flatten(),
            station: attempt.station.clone(),
            outcome: attempt.outcome,
            reason: attempt.reason.code(),
        };
        let mut kinds = self.kinds.lock();
        let full = kinds.len() >= KINDS;
        match kinds.get_mut(&kind) {
            Some(counted) if attempt.at.since(counted.since) < TOGETHER => {
                counted.more = counted.more.saturating_add(1);
                counted.last = attempt;
                None
            }
            _ if full => Some(attempt),
            _ => {
                let older = kinds.insert(
                    kind,
                    Counted {
                        since: attempt.at,
                        more: 0,
                        last: attempt.clone(),
                    },
                );
                // The minute before, if its count was not written yet, is told by this one's count.
                let more = older.map_or(0, |older| older.more);
                Some(Attempt {
                    count: attempt.count.saturating_add(more),
                    ..attempt
                })
            }
        }
    }

    /// The records of minutes that are over; all of them with `everything`.
    pub fn due(&self, now: Timestamp, everything: bool) -> Vec<Attempt> {
        let mut out = Vec::new();
        self.kinds.lock().retain(|_, counted| {
            let over = everything || now.since(counted.since) >= TOGETHER;
            if over && counted.more > 0 {
                out.push(Attempt {
                    count: counted.more,
                    ..counted.last.clone()
                });
            }
            !over
        });
        out
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::audit::{FirstUsed, Reason, SecondUsed, Stages};

    fn attempt(at: u64, reason: Reason, outcome: Outcome) -> Attempt {
        Attempt {
            at: Timestamp(at),
            took_ms: 0,
            user: None,
            name: "anna@contoso.example".into(),
            client: None,
            client_name: "vpn".into(),
            source: None,
            station: String::new(),
            nas: String::new(),
            outcome,
            reason,
            stages: Stages::default(),
            directory: None,
            spent: None,
            count: 1,
        }
    }

    #[test]
    fn r23_alike_refusals_of_a_minute_are_one_record_with_a_count() {
        let r = Refusals::default();
        assert_eq!(r.take(attempt(0, Reason::WrongCode, Outcome::Reject)).unwrap().count, 1);
        for n in 1..50 {
            assert!(r.take(attempt(n, Reason::WrongCode, Outcome::Reject)).is_none());
        }
        assert!(
            r.take(attempt(1, Reason::NoCode, Outcome::Reject)).is_some(),
            "another reason is another record"
        );
        assert!(r.due(Timestamp(1000), false).is_empty());
        let due = r.due(Timestamp(60_000), false);
        assert_eq!(due.len(), 1);
        assert_eq!(due[0].count, 49);
        assert!(r.take(attempt(60_001, Reason::WrongCode, Outcome::Reject)).is_some());
    }

    #[test]
    fn r23_an_accept_is_always_written() {
        let r = Refusals::default();
        let reason = Reason::Accepted {
            first: FirstUsed::Entra,
            second: SecondUsed::Totp,
        };
        for n in 0..5 {
            assert!(r.take(attempt(n, reason.clone(), Outcome::Accept)).is_some());
        }
    }
}
