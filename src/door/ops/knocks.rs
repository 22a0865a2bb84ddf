//! Who knocks: sources that led to no login. In: what was dropped; out: the list, in the same words as the log's.

use jiff::tz::TimeZone;

use crate::audit::words::{Teller, words};
use crate::audit::{Attempt, Outcome, Stages};
use crate::control::answers::{Knock, KnockList};
use crate::control::ops::Answer;
use crate::door::Door;
use crate::door::drops::Knocked;

/// The list, newest first.
pub(super) fn list(door: &Door) -> Answer {
    let knocks = door.drops.knocks().into_iter().map(told).collect();
    Answer::Knocks(KnockList { knocks })
}

fn told(knocked: Knocked) -> Knock {
    let attempt = Attempt {
        at: knocked.last,
        took_ms: 0,
        user: None,
        name: String::new(),
        client: None,
        client_name: knocked.client.clone(),
        source: Some(knocked.source),
        station: String::new(),
        nas: String::new(),
        outcome: Outcome::Silent,
        reason: knocked.reason,
        stages: Stages::default(),
        directory: None,
        spent: None,
        count: 1,
    };
    let teller = Teller {
        zone: &TimeZone::UTC,
        fix: &|_| None,
    };
    let words = words(&attempt, std::slice::from_ref(&attempt), &teller);
    Knock {
        address: knocked.network.to_string(),
        source: knocked.source.to_string(),
        client: knocked.client,
        reason: attempt.reason.code(),
        what: words.what,
        todo: words.todo.unwrap_or_default(),
        first: knocked.first,
        last: knocked.last,
        count: knocked.count,
    }
}
