//! `postern explain USER`: how a user stands, and the last attempts in words (R23). In: the state and the records; out: sentences.
//! Never decides anything.

use serde::{Deserialize, Serialize};

use super::words::{Teller, Words, argument, format_time, words};
use super::{Attempt, Outcome};
use crate::store::records::Timestamp;
use crate::text::shown;

/// The most names that are offered for one that nobody has.
pub const SIMILAR_MAX: usize = 3;

/// A lock that stands (R17).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lock {
    /// At one calling station.
    Station {
        /// Calling-Station-Id, shown text.
        station: String,
        /// Until then.
        until: Timestamp,
    },
    /// At one client, which sends no Calling-Station-Id.
    Client {
        /// The client's name.
        client: String,
        /// Until then.
        until: Timestamp,
    },
    /// At every station without an Accept in the last 30 days.
    User {
        /// Until then; none: until an Accept or an unlock.
        until: Option<Timestamp>,
    },
}

/// How a user stands now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserStatus {
    /// In the store.
    pub known: bool,
    /// Not disabled.
    pub enabled: bool,
    /// Needs no code.
    pub exempt: bool,
    /// Has a password on this box (R4).
    pub local_password: bool,
    /// Tokens that count.
    pub active_tokens: usize,
    /// Tokens that wait for their first code.
    pub pending_tokens: usize,
    /// A bypass code stands open (R18).
    pub bypass: bool,
    /// Locks that stand.
    pub locks: Vec<Lock>,
    /// The budget of wrong passwords is used up (R14).
    pub budget_spent: bool,
}

/// What else `explain` looks at.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// When the oldest record that is kept was written.
    pub since: Timestamp,
    /// The box's time.
    pub now: Timestamp,
    /// Packets that were dropped before they had a user (unknown client, wrong secret, no Message-Authenticator), newest first.
    pub dropped: &'a [Attempt],
    /// Names that look like this one: see [`similar`].
    pub similar: &'a [String],
}

/// One attempt, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldAttempt {
    /// When.
    pub at: Timestamp,
    /// What the client heard.
    pub outcome: Outcome,
    /// The reason's kebab-case name.
    pub reason: String,
    /// How many alike.
    pub count: u32,
    /// What happened and what to do.
    #[serde(flatten)]
    pub words: Words,
}

/// Why a user got in, or did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Who.
    pub user: String,
    /// How the user stands now, one line.
    pub summary: String,
    /// What to do about that, if the user cannot log in as it stands.
    pub todo: Option<String>,
    /// The attempts, in the order in which they were given.
    pub attempts: Vec<ToldAttempt>,
}

/// Explains a user's last attempts, newest first.
pub fn explain(
    user: &str,
    status: &UserStatus,
    attempts: &[Attempt],
    surroundings: &Surroundings<'_>,
    teller: &Teller<'_>,
) -> Explanation {
    let user = shown(user);
    let (standing, mut todo) = standing(&user, status, teller);
    let mut summary = standing;
    if attempts.is_empty() {
        let (silence, hint) = silence(surroundings, teller);
        summary = format!("{summary}; {silence}");
        todo = todo.or(Some(hint));
    }
    if !status.known && !surroundings.similar.is_empty() {
        let names = surroundings.similar.iter().take(SIMILAR_MAX).map(|name| shown(name));
        summary = format!("{summary}; similar names: {}", names.collect::<Vec<_>>().join(", "));
    }
    Explanation {
        summary,
        todo,
        attempts: attempts
            .iter()
            .map(|attempt| ToldAttempt {
                at: attempt.at,
                outcome: attempt.outcome,
                reason: attempt.reason.code(),
                count: attempt.count,
                words: words(attempt, attempts, teller),
            })
            .collect(),
        user,
    }
}

/// How a user stands, and what to do about it.
fn standing(user: &str, status: &UserStatus, teller: &Teller<'_>) -> (String, Option<String>) {
    let u = argument(user, "USER");
    let run = |what: String, command: String| (what, Some(command));
    if !status.known {
        return run(
            format!("{user} is no user of this box"),
            format!("correct the name; or run: postern user add {u}, then: postern token add {u}"),
        );
    }
    if !status.enabled {
        return run(format!("{user} is disabled"), format!("run: postern user enable {u}"));
    }
    if let Some(lock) = status.locks.first() {
        let until = |at: Timestamp| format_time(at, teller.zone, "%Y-%m-%d %H:%M:%S");
        let what = match lock {
            Lock::Station { station, until: at } => format!("{user} is locked at {station} until {}", until(*at)),
            Lock::Client { client, until: at } => format!("{user} is locked at {client} until {}", until(*at)),
            Lock::User { until: Some(at) } => {
                format!(
                    "{user} is locked, but for devices of the last 30 days, until {}",
                    until(*at)
                )
            }
            Lock::User { until: None } => format!("{user} is locked, but for devices of the last 30 days"),
        };
        let more = match status.locks.len() {
            1 => String::new(),
            n => format!(" and at {} more", n - 1),
        };
        return run(
            format!("{what}{more}"),
            format!("wait, or run: postern user unlock {u}"),
        );
    }
    if status.budget_spent {
        return run(
            format!("{user} sent too many wrong passwords in 24 h, so the directory is not asked"),
            format!("let the user find the right password, then run: postern user unlock {u}"),
        );
    }
    let password = if status.local_password {
        "with the password of this box"
    } else {
        "with the directory's password"
    };
    if status.exempt {
        return (format!("{user} may log in {password}, without a code"), None);
    }
    match (status.active_tokens, status.pending_tokens) {
        (0, _) if status.bypass => (
            format!("{user} may log in {password} and a bypass code, and has no token"),
            None,
        ),
        (0, 0) => run(format!("{user} has no token"), format!("run: postern token add {u}")),
        (0, _) => run(
            format!("the token of {user} was never confirmed"),
            format!("run, with the code it shows now: postern token confirm {u} CODE"),
        ),
        (1, _) => (format!("{user} may log in {password} and a code"), None),
        (n, _) => (
            format!("{user} may log in {password} and a code of one of {n} tokens"),
            None,
        ),
    }
}

/// Nothing came: since when, and what did come instead.
fn silence(surroundings: &Surroundings<'_>, teller: &Teller<'_>) -> (String, String) {
    let since = format_time(surroundings.since, teller.zone, "%Y-%m-%d %H:%M");
    let nothing = format!("no login of this name has arrived since {since}");
    match surroundings.dropped.first() {
        None => (
            format!("{nothing}: the VPN does not reach this box, or sends another name"),
            "check the address, port 1812 and the route on the VPN, and see what arrives with: postern log --follow"
                .to_owned(),
        ),
        Some(last) => {
            let count: u64 = surroundings
                .dropped
                .iter()
                .map(|attempt| u64::from(attempt.count))
                .sum();
            let told = words(last, surroundings.dropped, teller);
            let packets = if count == 1 {
                "a packet was".to_owned()
            } else {
                format!("{count} packets were")
            };
            (
                format!(
                    "{nothing}, but {packets} dropped, the last at {}: {}",
                    format_time(last.at, teller.zone, "%Y-%m-%d %H:%M:%S"),
                    told.what
                ),
                told.todo.unwrap_or_default(),
            )
        }
    }
}

/// Names that look like one that nobody has: the same before the `@`, or two slips away at most; the nearest first.
pub fn similar<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let local = |name: &str| name.split('@').next().unwrap_or_default().to_owned();
    let (name, own) = (name.to_lowercase(), local(&name.to_lowercase()));
    let most = if own.chars().count() < 4 { 1 } else { 2 };
    let mut near: Vec<(usize, &str)> = known
        .filter(|other| *other != name)
        .filter_map(|other| {
            if local(other) == own {
                return Some((0, other));
            }
            slips(&name, other, most).map(|slips| (slips, other))
        })
        .collect();
    near.sort_unstable();
    near.truncate(SIMILAR_MAX);
    near.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// Letters to change, leave out or put in to come from one name to the other (Levenshtein), if `most` are enough.
fn slips(one: &str, other: &str, most: usize) -> Option<usize> {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len().abs_diff(other.len()) > most {
        return None;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        let mut next = vec![left];
        for (b, above) in other.iter().zip(row.iter().skip(1)) {
            let here = (diagonal + usize::from(a != b)).min(left + 1).min(above + 1);
            diagonal = *above;
            left = here;
            next.push(here);
        }
        if next.iter().all(|cost| *cost > most) {
            return None;
        }
        row = next;
    }
    row.last().copied().filter(|slips| *slips <= most)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::audit::Reason;
    use crate::audit::words::samples::attempt;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn told(status: &UserStatus, attempts: &[Attempt], dropped: &[Attempt], similar: &[String]) -> Explanation {
        let surroundings = Surroundings {
            since: Timestamp(NOW.0 - 86_400_000),
            now: NOW,
            dropped,
            similar,
        };
        let teller = Teller {
            zone: &TimeZone::UTC,
            fix: &|_| None,
        };
        explain("anna@contoso.example", status, attempts, &surroundings, &teller)
    }

    fn usual() -> UserStatus {
        UserStatus {
            known: true,
            enabled: true,
            active_tokens: 1,
            ..UserStatus::default()
        }
    }

    #[test]
    fn how_a_user_stands() {
        let some = [attempt(Reason::WrongCode)];
        let cases: [(UserStatus, &str, Option<&str>); 9] = [
            (
                UserStatus::default(),
                "no user of this box",
                Some("postern user add anna@contoso.example"),
            ),
            (
                UserStatus {
                    enabled: false,
                    ..usual()
                },
                "is disabled",
                Some("postern user enable"),
            ),
            (
                UserStatus {
                    active_tokens: 0,
                    ..usual()
                },
                "has no token",
                Some("postern token add"),
            ),
            (
                UserStatus {
                    active_tokens: 0,
                    pending_tokens: 1,
                    ..usual()
                },
                "never confirmed",
                Some("postern token confirm"),
            ),
            (
                UserStatus {
                    active_tokens: 0,
                    bypass: true,
                    ..usual()
                },
                "bypass code",
                None,
            ),
            (
                UserStatus {
                    budget_spent: true,
                    ..usual()
                },
                "wrong passwords",
                Some("postern user unlock"),
            ),
            (
                UserStatus {
                    exempt: true,
                    local_password: true,
                    ..usual()
                },
                "of this box, without a code",
                None,
            ),
            (usual(), "may log in with the directory's password and a code", None),
            (
                UserStatus {
                    active_tokens: 2,
                    ..usual()
                },
                "one of 2 tokens",
                None,
            ),
        ];
        for (status, summary, todo) in cases {
            let told = told(&status, &some, &[], &[]);
            assert!(told.summary.contains(summary), "{}", told.summary);
            assert_eq!(told.todo.is_some(), todo.is_some(), "{}", told.summary);
            assert!(told.todo.unwrap_or_default().contains(todo.unwrap_or_default()));
            assert_eq!(told.attempts.len(), 1);
        }
    }

    #[test]
    fn r17_locks_are_told_with_their_end() {
        let station = Lock::Station {
            station: "203.0.113.7".to_owned(),
            until: NOW,
        };
        let client = Lock::Client {
            client: "vpn1".to_owned(),
            until: NOW,
        };
        for (locks, said) in [
            (vec![station.clone()], "locked at 203.0.113.7 until 2026-09-21 14:13:20"),
            (
                vec![client.clone(), station],
                "locked at vpn1 until 2026-09-21 14:13:20 and at 1 more",
            ),
            (vec![Lock::User { until: None }], "but for devices of the last 30 days"),
        ] {
            let told = told(&UserStatus { locks, ..usual() }, &[], &[], &[]);
            assert!(told.summary.contains(said), "{}", told.summary);
            assert!(told.todo.unwrap().contains("postern user unlock anna@contoso.example"));
        }
    }

    #[test]
    fn nothing_arrived() {
        let told = told(&usual(), &[], &[], &[]);
        assert!(
            told.summary
                .contains("no login of this name has arrived since 2026-09-20 14:13")
        );
        assert!(
            told.summary
                .contains("the VPN does not reach this box, or sends another name")
        );
        assert!(told.todo.unwrap().contains("1812"));
    }

    #[test]
    fn nothing_arrived_but_packets_were_dropped() {
        let mut dropped = attempt(Reason::UnknownClient);
        dropped.name.clear();
        dropped.client_name.clear();
        dropped.count = 12;
        let told = told(&usual(), &[], &[dropped], &[]);
        assert!(told.summary.contains("12 packets were dropped"), "{}", told.summary);
        assert_eq!(
            told.todo.unwrap(),
            "if this is your VPN, run: postern client add NAME 192.0.2.9"
        );
    }

    #[test]
    fn a_name_that_nobody_has() {
        let known = [
            "anna@contoso.example",
            "bert@contoso.example",
            "anna@fabrikam.example",
            "hanna@contoso.example",
        ];
        assert_eq!(
            similar("ana@contoso.example", known.into_iter()),
            ["anna@contoso.example"],
            "a short name may be one slip away"
        );
        assert_eq!(
            similar("anna@contoso.exmaple", known.into_iter()),
            ["anna@contoso.example", "anna@fabrikam.example"]
        );
        assert_eq!(
            similar("berta", ["bert", "berta", "gert", "robert"].into_iter()),
            ["bert", "gert"]
        );
        assert!(similar("", known.into_iter()).is_empty());
        let told = told(&UserStatus::default(), &[], &[], &["anna@fabrikam.example".to_owned()]);
        assert!(told.summary.ends_with("similar names: anna@fabrikam.example"));
    }

    #[test]
    fn json_has_the_words_beside_the_reason() {
        let told = told(&usual(), &[attempt(Reason::WrongCode)], &[], &[]);
        let json = serde_json::to_value(&told).unwrap();
        assert_eq!(json["attempts"][0]["reason"], "wrong-code");
        assert!(json["attempts"][0]["what"].is_string() && json["attempts"][0]["todo"].is_string());
        assert_eq!(serde_json::from_value::<Explanation>(json).unwrap(), told);
    }
}
