//! What fails at consoles and is alike within a minute is one record with a count (R23); so are logins and log-outs beyond some. In:
//! acts; out: those to be written now. Bounded, so that no flood of them pushes out what operators did.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::audit::OperatorAct;
use crate::door::refusals::TOGETHER;
use crate::store::records::Timestamp;

/// Kinds counted apart in one minute, of each operator and of those who are none; the rest is counted together.
const KINDS: usize = 32;
/// The same of names that no operator has.
const STRANGERS: usize = 4;
/// Logins of one name, and log-outs, that are written one by one in a minute; the rest is counted.
const ONE_BY_ONE: u32 = 10;
/// What stands for the names that are counted together.
const OTHERS: &str = "(other names)";

#[derive(Clone, PartialEq, Eq, Hash)]
struct Kind {
    uid: u32,
    operator: String,
    line: String,
    action: String,
    target: String,
    result: Result<(), String>,
    stranger: bool,
}

struct Counted {
    since: Timestamp,
    written: u32,
    more: u32,
    last: OperatorAct,
}

/// Those of the last minute.
#[derive(Default)]
pub struct Alike(Mutex<HashMap<Kind, Counted>>);

impl Alike {
    /// The record to write for this act, if one is to be written now. `stranger`: it names no operator.
    pub fn take(&self, mut act: OperatorAct, stranger: bool) -> Option<OperatorAct> {
        let mut kinds = self.0.lock();
        let mut kind = Kind {
            uid: act.uid,
            operator: act.operator.clone(),
            // Whoever gets in says what line it is: of what was done, the name alone counts.
            line: if act.result.is_ok() {
                String::new()
            } else {
                act.line.clone()
            },
            action: act.action.clone(),
            target: act.target.clone(),
            // Why a login failed is one of a few words; of other acts the reason may name anything, and the last one is kept.
            result: match act.action.as_str() {
                "log in" => act.result.clone(),
                _ => act.result.clone().map_err(|_| String::new()),
            },
            stranger,
        };
        let strangers = || kinds.keys().filter(|kind| kind.stranger).count();
        let own = |kind: &&Kind| kind.result.is_err() && kind.operator == act.operator;
        let failed = kinds.keys().filter(own).count();
        let full = act.result.is_err() && (failed >= KINDS || (stranger && strangers() >= STRANGERS));
        if full && !kinds.contains_key(&kind) {
            OTHERS.clone_into(&mut act.target);
            act.users.clear();
            (act.user, act.client, act.staff) = (None, None, None);
            act.line.clear();
            kind = Kind {
                line: String::new(),
                target: OTHERS.to_owned(),
                ..kind
            };
        }
        if let Some(counted) = kinds.get_mut(&kind) {
            if act.result.is_ok() && counted.written < ONE_BY_ONE {
                counted.written += 1;
                return Some(act);
            }
            // What is older than a minute is written by `due`, within a second.
            counted.more = counted.more.saturating_add(1);
            counted.last = act;
            return None;
        }
        let counted = Counted {
            since: act.at,
            written: 1,
            more: 0,
            last: act.clone(),
        };
        kinds.insert(kind, counted);
        Some(act)
    }

    /// The records of minutes that are over; all of them with `everything`.
    pub fn due(&self, now: Timestamp, everything: bool) -> Vec<OperatorAct> {
        let mut out = Vec::new();
        self.0.lock().retain(|_, counted| {
            // A clock that was set back ends a minute too.
            let over = everything || now.since(counted.since) >= TOGETHER || now < counted.since;
            if over && counted.more > 0 {
                out.push(OperatorAct {
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

    fn failed(at: u64, name: &str) -> OperatorAct {
        OperatorAct {
            at: Timestamp(at),
            uid: 990,
            operator: String::new(),
            line: "tty1".to_owned(),
            action: "log in".to_owned(),
            target: name.to_owned(),
            users: Vec::new(),
            user: None,
            client: None,
            staff: None,
            result: Err("wrong password".to_owned()),
            count: 1,
        }
    }

    #[test]
    fn r23_alike_failures_of_a_minute_are_one_record_with_a_count() {
        let alike = Alike::default();
        assert!(alike.take(failed(0, "anna"), false).is_some());
        for n in 1..50 {
            assert!(alike.take(failed(n, "anna"), false).is_none());
        }
        assert!(
            alike.take(failed(50, "ben"), false).is_some(),
            "another name is another record"
        );
        assert!(alike.due(Timestamp(59_000), false).is_empty());
        let due = alike.due(Timestamp(60_050), false);
        assert_eq!(due.iter().map(|act| act.count).collect::<Vec<_>>(), [49]);
        assert!(alike.take(failed(60_051, "anna"), false).is_some());
    }

    #[test]
    fn r23_ten_logins_a_minute_are_written_one_by_one_whatever_line_they_name() {
        let alike = Alike::default();
        let written = (0..1000)
            .filter_map(|n| {
                let act = OperatorAct {
                    operator: "anna".to_owned(),
                    line: format!("line{n}"),
                    result: Ok(()),
                    ..failed(n, "anna")
                };
                alike.take(act, false)
            })
            .count();
        assert_eq!(written, 10);
        let due = alike.due(Timestamp(60_000), false);
        assert_eq!(due.iter().map(|act| act.count).collect::<Vec<_>>(), [990]);
    }

    #[test]
    fn r23_an_operator_s_failed_requests_are_few_records_whatever_they_name() {
        let alike = Alike::default();
        let written = (0..10_000)
            .filter_map(|n| {
                let act = OperatorAct {
                    operator: "anna".to_owned(),
                    action: "user unlock".to_owned(),
                    result: Err(format!("there is no user nobody{n}")),
                    ..failed(n, &format!("nobody{n}"))
                };
                alike.take(act, false)
            })
            .count();
        assert_eq!(written, KINDS + 1);
    }

    #[test]
    fn r23_a_flood_of_names_is_no_flood_of_records() {
        let alike = Alike::default();
        let written = (0..10_000)
            .filter_map(|n| alike.take(failed(n, &format!("nobody{n}")), true))
            .count();
        assert_eq!(written, STRANGERS + 1);
        assert!(
            alike.take(failed(10_000, "anna"), false).is_some(),
            "an operator's name stands apart"
        );
        let due = alike.due(Timestamp(0), true);
        assert_eq!(due.iter().map(|act| act.count).sum::<u32>(), 10_000 - 5);
        assert!(due.iter().all(|act| act.target == OTHERS));
    }
}
