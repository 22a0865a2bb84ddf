//! `postern explain USER`: how a user stands, and the last attempts in words (R23). In: the state and the records; out: sentences.
//! Never decides anything.

use serde::{Deserialize, Serialize};

use super::words::{Teller, Words, argument, format_time, words};
use super::{Attempt, Outcome};
use crate::store::records::Timestamp;
use crate::text::shown;

/// How a moment is told.
const TIME: &str = "%Y-%m-%d %H:%M:%S";
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

/// How the directory of a user's domain stands; asked for users without a local password alone (R4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DirectoryStanding {
    /// Logins ask it, or it is not needed.
    #[default]
    Fine,
    /// No tenant is set for the domain; empty where the name has none.
    NoTenant {
        /// Shown text.
        domain: String,
    },
    /// Set, but its settings do not work.
    Broken {
        /// Shown text.
        domain: String,
    },
    /// Never proven (R13).
    Off {
        /// Shown text.
        domain: String,
    },
    /// The tenant is paused after 429 or an outage (R14).
    Paused {
        /// Shown text.
        domain: String,
        /// Until then.
        until: Timestamp,
    },
    /// The directory saw a loop of this user's requests (R14).
    UserPaused {
        /// Until then.
        until: Timestamp,
    },
}

/// What is left of the budget of wrong passwords (R14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BudgetStanding {
    /// Enough.
    #[default]
    Left,
    /// The half for known stations alone.
    KnownStations,
    /// Nothing.
    Spent,
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
    /// Counter tokens that wait for a resync (R20).
    pub resync_tokens: usize,
    /// A bypass code stands open, its time not over (R18).
    pub bypass: bool,
    /// Locks that stand.
    pub locks: Vec<Lock>,
    /// What is left of the budget of wrong passwords.
    pub budget: BudgetStanding,
    /// The directory of the user's domain.
    pub directory: DirectoryStanding,
    /// The box answers nobody now, and why: a sentence or two (R19, R20).
    pub silent: Option<String>,
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
    match (status.active_tokens, status.pending_tokens) {
        _ if status.exempt => {}
        (0, _) if status.resync_tokens > 0 => {
            return run(
                format!(
                    "the counter token of {user} needs a resync, since this box lost the record of the codes that were used"
                ),
                format!("run, with two codes that follow each other: postern token resync {u} CODE CODE"),
            );
        }
        // A bypass code stands in for a token and does not replace one: without a token it helps nobody.
        (0, 0) => return run(format!("{user} has no token"), format!("run: postern token add {u}")),
        (0, _) => {
            return run(
                format!("the token of {user} was never confirmed"),
                format!("run, with the code it shows now: postern token confirm {u} CODE"),
            );
        }
        _ => {}
    }
    if let Some((what, todo)) = locked(user, &u, status, teller) {
        return run(what, todo);
    }
    if let Some(why) = &status.silent {
        let why = why.trim_end_matches('.');
        return run(
            format!("nobody is answered now: {why}"),
            "see more with: postern status".to_owned(),
        );
    }
    if let Some((what, todo)) = at_directory(user, &u, status, teller) {
        return run(what, todo);
    }
    let password = if status.local_password {
        "with the password of this box"
    } else {
        "with the directory's password"
    };
    let code = match (status.exempt, status.bypass, status.active_tokens) {
        (true, _, _) => ", without a code".to_owned(),
        (_, true, _) => " and a code, or the bypass code that was given out".to_owned(),
        (_, _, 1) => " and a code".to_owned(),
        (_, _, n) => format!(" and a code of one of {n} tokens"),
    };
    (format!("{user} may log in {password}{code}"), None)
}

/// The locks that stand (R17), the first by name.
fn locked(user: &str, u: &str, status: &UserStatus, teller: &Teller<'_>) -> Option<(String, String)> {
    let until = |at: Timestamp| format_time(at, teller.zone, TIME);
    let what = match status.locks.first()? {
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
    Some((
        format!("{what}{more}"),
        format!("wait, or run: postern user unlock {u}"),
    ))
}

/// Why the directory is not asked for this user now (R13, R14), where it would be.
fn at_directory(user: &str, u: &str, status: &UserStatus, teller: &Teller<'_>) -> Option<(String, String)> {
    if status.local_password {
        return None;
    }
    let until = |at: Timestamp| format_time(at, teller.zone, TIME);
    let but = format!("so {user} cannot log in with the directory's password");
    match &status.directory {
        DirectoryStanding::Fine => {}
        DirectoryStanding::NoTenant { domain } => {
            let what = match domain.as_str() {
                "" => "no tenant is set up".to_owned(),
                domain => format!("no tenant is set up for {domain}"),
            };
            let domain = argument(domain, "DOMAIN");
            return Some((
                format!("{what}, {but}"),
                format!(
                    "run: postern entra set --domain {domain} --tenant ID --client-id ID, then: postern entra prove {u}"
                ),
            ));
        }
        DirectoryStanding::Broken { domain } => {
            return Some((
                format!("the tenant of {domain} cannot be asked as it is set up, {but}"),
                "see what is wrong with: postern status".to_owned(),
            ));
        }
        DirectoryStanding::Off { domain } => {
            return Some((
                format!("Entra is off for {domain}, {but}"),
                format!("run, with a right password: postern entra prove {u}"),
            ));
        }
        DirectoryStanding::Paused { domain, until: at } => {
            return Some((
                format!("Entra is not asked for {domain} until {}, {but} before", until(*at)),
                "wait; if it comes back often, check the way to the Internet with: postern status".to_owned(),
            ));
        }
        DirectoryStanding::UserPaused { until: at } => {
            return Some((
                format!(
                    "Entra saw too many logins of {user} in a row and is not asked until {}",
                    until(*at)
                ),
                "find what logs in over and over and stop it".to_owned(),
            ));
        }
    }
    let what = match status.budget {
        BudgetStanding::Left => return None,
        BudgetStanding::KnownStations => {
            format!("{user} sent too many wrong passwords in 24 h; only devices of the last 30 days may log in")
        }
        BudgetStanding::Spent => {
            format!("{user} sent too many wrong passwords in 24 h, so the directory is not asked")
        }
    };
    Some((
        what,
        format!("let the user find the right password, then run: postern user unlock {u}"),
    ))
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
mod tests;
