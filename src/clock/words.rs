//! The clock's state in words, for `time show`, `status` and the log. In: the gate's state; out: sentences. Decides nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Basis, State, Why};
use crate::store::records::Timestamp;

/// What `postern time show` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The box's clock.
    pub now: Timestamp,
    /// Whether codes are checked by it.
    pub trusted: bool,
    /// What the trust rests on.
    pub basis: Option<Basis>,
    /// The newest time that was ever trusted.
    pub newest: Option<Timestamp>,
    /// One sentence: trusted from where, or not and why.
    pub words: String,
    /// What to do, where there is something.
    pub todo: Option<String>,
}

impl Report {
    /// From the gate's state.
    pub fn new(state: State, now: Timestamp, newest: Option<Timestamp>) -> Self {
        let (basis, words, todo) = match state {
            State::Trusted(basis) => (Some(basis), trusted(basis).to_owned(), None),
            State::Waiting(why) => (None, waiting(why), todo(why)),
        };
        Self {
            now,
            trusted: basis.is_some(),
            basis,
            newest,
            words,
            todo,
        }
    }
}

fn trusted(basis: Basis) -> &'static str {
    match basis {
        Basis::System => "The clock is trusted: the system looks after it.",
        Basis::Ntp => "The clock is trusted: a time server set it since the box started.",
        Basis::Rtc => "The clock is trusted: it was set from the hardware clock when the box started.",
        Basis::Confirmed => "The clock is trusted: an operator confirmed it since the box started.",
    }
}

fn waiting(why: Why) -> String {
    match why {
        Why::NotReadYet => "The clock was not read yet: logins are not answered.".to_owned(),
        Why::NoSource => {
            "No time server was reached since the box started and it has no hardware clock: logins are not answered."
                .to_owned()
        }
        Why::TooEarly => "The clock shows a date before 2026, which is wrong: logins are not answered.".to_owned(),
        Why::Backwards { by } => format!(
            "The clock is {} behind the newest time this box has seen: logins are not answered.",
            duration(by)
        ),
        Why::AheadAtStart { by } => format!(
            "The clock is {} ahead of the newest time this box has seen, and no time server has said that this is right: \
             logins are not answered.",
            duration(by)
        ),
        Why::JumpedAhead { by } => format!(
            "The clock jumped {} ahead while the box was running, and no time server has said that this is right: \
             logins are not answered.",
            duration(by)
        ),
        Why::NewestLost => {
            "The file with the newest time this box has seen cannot be read: logins are not answered.".to_owned()
        }
    }
}

fn todo(why: Why) -> Option<String> {
    Some(match why {
        Why::NotReadYet => return None,
        Why::NoSource | Why::AheadAtStart { .. } | Why::JumpedAhead { .. } | Why::NewestLost => {
            "Let the box reach a time server; or compare its clock with a watch, set it if it is wrong, and run: postern time confirm"
                .to_owned()
        }
        Why::TooEarly => "Let the box reach a time server; or set its clock and run: postern time confirm".to_owned(),
        Why::Backwards { by } => format!(
            "If the clock is right, run: postern time confirm. Otherwise set it, or let it catch up, which takes {}.",
            duration(by)
        ),
    })
}

/// A duration as people say it, in its largest unit and the next.
pub(crate) fn duration(d: Duration) -> String {
    let s = d.as_secs();
    let (large, small) = match s {
        0..60 => return format!("{s} s"),
        60..3_600 => (format!("{} min", s / 60), (s % 60, "s")),
        3_600..86_400 => (format!("{} h", s / 3_600), (s % 3_600 / 60, "min")),
        _ => (format!("{} d", s / 86_400), (s % 86_400 / 3_600, "h")),
    };
    match small {
        (0, _) => large,
        (n, unit) => format!("{large} {n} {unit}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn r19_every_state_has_words_and_every_wait_a_way_out() {
        let by = Duration::from_secs(90_061);
        for why in [
            Why::NoSource,
            Why::TooEarly,
            Why::Backwards { by },
            Why::AheadAtStart { by },
            Why::JumpedAhead { by },
            Why::NewestLost,
        ] {
            let report = Report::new(State::Waiting(why), Timestamp(0), None);
            assert!(!report.trusted && report.words.ends_with("logins are not answered."));
            assert!(report.todo.is_some_and(|todo| todo.contains("postern time confirm")));
        }
        for basis in [Basis::System, Basis::Ntp, Basis::Rtc, Basis::Confirmed] {
            let report = Report::new(State::Trusted(basis), Timestamp(0), Some(Timestamp(1)));
            assert!(report.trusted && report.todo.is_none() && report.basis == Some(basis));
        }
    }

    #[test]
    fn durations_as_people_say_them() {
        for (s, said) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (95, "1 min 35 s"),
            (3_600, "1 h"),
            (3_660, "1 h 1 min"),
            (90_061, "1 d 1 h"),
            (864_000, "10 d"),
        ] {
            assert_eq!(duration(Duration::from_secs(s)), said);
        }
    }
}
