//! Codes that were used before, repeated or late, told from the records around them: who used it, how long ago, and whether the
//! VPN sent it by itself. In: an attempt among its neighbours; out: words.

use std::time::Duration;

use super::{Told, Words, format_time, span};
use crate::audit::{Attempt, Outcome, Reason};
use crate::store::records::{SeedMark, Timestamp};

/// The same code from the same device within this time is the VPN's own doing: clients give up after 3 to 10 s and try three
/// times (facts on RADIUS clients). Nobody logs out and in again in less.
const RESENT: Duration = Duration::from_secs(30);

/// A code this much older than the attempt was not typed from a token: OpenVPN repeats its first code when it makes new keys.
const OLD: Duration = Duration::from_secs(5 * 60);

/// A token's clock is off by less than this when its code is used, whatever was learned of it.
const NEAR: Duration = Duration::from_secs(3600);

/// A code that was spent before (R16).
pub(super) fn used(told: &Told<'_>, mark: SeedMark, step: u64) -> Words {
    let now = told.attempt;
    let earlier = |attempt: &&Attempt| attempt.at <= now.at && !std::ptr::eq(*attempt, now) && *attempt != now;
    let spent = |attempt: &Attempt, fits: &dyn Fn(u64) -> bool| {
        attempt
            .spent
            .is_some_and(|spent| spent.mark == mark && fits(spent.step))
    };
    // Newest first, so the last one found is the login that spent it.
    let same = told
        .around
        .iter()
        .filter(earlier)
        .rfind(|attempt| spent(attempt, &|s| s == step));
    if let Some(first) = same {
        return used_at(told, first, step);
    }
    let later = told
        .around
        .iter()
        .filter(earlier)
        .find(|attempt| spent(attempt, &|s| s > step));
    match later {
        Some(later) => {
            let is_counter = later
                .spent
                .is_some_and(|spent| code_time(spent.step, later.at).is_none());
            let next = if is_counter {
                "let the token show its next code"
            } else {
                "wait for the next code"
            };
            Words::new(
                format!(
                    "The code is older than the one that was used at {}; after a code, all before it are void",
                    told.clock(later.at)
                ),
                format!("{next}; if several tokens are in use, {OLD_TOKEN}"),
            )
        }
        None => Words::new(
            "The code was already used, or is older than one that was; a code is good once",
            "wait for the next code and log in with that",
        ),
    }
}

const OLD_TOKEN: &str = "let the user delete the copies that nobody needs";

fn used_at(told: &Told<'_>, first: &Attempt, step: u64) -> Words {
    let now = told.attempt;
    let after = now.at.since(first.at);
    let (code, next) = match code_time(step, first.at) {
        Some(at) => (
            format!("Code of {}", format_time(at, told.teller.zone, "%H:%M")),
            "wait for the next code",
        ),
        None => (
            format!("Code no. {step} of the token"),
            "let the token show its next code",
        ),
    };
    let at = told.clock(first.at);
    let same_client = first.client == now.client;
    let same_station = !now.station.is_empty() && first.station == now.station;
    let no_station = now.station.is_empty() && first.station.is_empty();
    let soon = after <= RESENT;
    let near = same_station || (no_station && same_client);
    let unanswered = matches!(first.reason, Reason::DirectoryUnavailable { .. });
    if near && first.outcome != Outcome::Accept && (unanswered || !(soon && same_station)) {
        return Words::new(
            format!("{code} was already used at {at} by a login {}", refused(&first.reason)),
            format!("{next} and log in with that"),
        );
    }
    if same_station && same_client && soon {
        return Words::new(
            format!(
                "{code} was already used at {at} by the same login; the VPN sent the login again after {}",
                span(after)
            ),
            format!("raise its RADIUS timeout above {}", span(after)),
        );
    }
    if same_station && soon {
        return Words::new(
            format!(
                "{code} was already used at {at} by the same device through {}",
                super::client(first)
            ),
            "two VPN gateways sent one login: let the second wait longer than this box takes, or ask only one",
        );
    }
    if no_station && same_client && soon {
        return Words::new(
            format!(
                "{code} was already used at {at} through {}, {} before; it sends no Calling-Station-Id, so it cannot be told \
                 whether the login was sent again",
                told.client(),
                span(after)
            ),
            format!(
                "{next}; if nobody typed it twice, let the VPN send Calling-Station-Id and raise its RADIUS timeout above {}",
                span(after)
            ),
        );
    }
    if near {
        let todo = if after >= OLD {
            "if nobody typed it, the VPN repeats an old code when it makes new keys: let it use a session token (OpenVPN: \
             auth-gen-token)"
                .to_owned()
        } else {
            format!("{next} and log in with that")
        };
        let who = if same_station {
            "by the same device"
        } else {
            "through the same client"
        };
        return Words::new(
            format!("{code} was already used at {at} {who}, {} before", span(after)),
            todo,
        );
    }
    let other = match first.station.as_str() {
        "" => super::client(first),
        station => station.to_owned(),
    };
    Words::new(
        format!("{code} was already used at {at} from elsewhere ({other}); somebody else or a second device used it"),
        format!(
            "ask the user; if it was not the user, run: postern user disable {}, and change the password",
            told.user_arg()
        ),
    )
}

/// Why the login that spent the code failed all the same.
fn refused(reason: &Reason) -> &'static str {
    match reason {
        Reason::WrongPassword | Reason::WrongLocalPassword | Reason::WrongPasswordAgain => "whose password was wrong",
        Reason::DirectoryUnavailable { .. } | Reason::DirectoryBackOff => "that the directory did not answer",
        _ => "that was refused",
    }
}

/// When the code was shown; none: it is of a counter token. The record says neither that nor whether the token counts in 30 or 60 s:
/// the one that lies near its use is meant, since the other is decades away, and nobody presses a button sixty million times.
fn code_time(step: u64, used: Timestamp) -> Option<Timestamp> {
    let times = [30_000, 60_000].map(|period| Timestamp(step.saturating_mul(period)));
    let near = |at: &Timestamp| used.0.abs_diff(at.0) <= NEAR.as_millis().try_into().unwrap_or(u64::MAX);
    times.into_iter().find(near)
}

/// The same wrong code again (R17).
pub(super) fn wrong_again(told: &Told<'_>) -> Words {
    let now = told.attempt;
    let wrong = |attempt: &&Attempt| {
        matches!(
            attempt.reason,
            Reason::WrongCode
                | Reason::WrongCodeAgain
                | Reason::CodeOutOfWindow { .. }
                | Reason::CounterAhead { .. }
                | Reason::TokenNeedsResync
        ) && attempt.at <= now.at
            && attempt.station == now.station
            && attempt.client == now.client
            && now.at.since(attempt.at) <= RESENT
    };
    let alike: Vec<&Attempt> = told.around.iter().filter(wrong).collect();
    let times: u32 = alike.iter().map(|attempt| attempt.count).sum();
    match alike.last() {
        Some(first) if first.at < now.at => Words::new(
            format!(
                "The VPN client repeats the same wrong code by itself: {times} times in {}; it counts once",
                span(now.at.since(first.at))
            ),
            "let the user type a new code; if the VPN client can, set its retries to 1",
        ),
        _ => Words::new(
            "The same wrong code came again; it counts once",
            "wait for the next code and log in with that",
        ),
    }
}

/// A code of one of the user's tokens, outside the window.
pub(super) fn out_of_window(told: &Told<'_>, seconds: i32) -> Words {
    let off = span(Duration::from_secs(u64::from(seconds.unsigned_abs())));
    let resync = format!("postern token resync {} CODE CODE", told.user_arg());
    if seconds > 0 {
        return Words::new(
            format!("The token's clock is {off} ahead of this box"),
            format!("correct the phone's clock; for a hardware token, with two codes that follow each other: {resync}"),
        );
    }
    Words::new(
        format!("The code is {off} old: it was typed late, or the token's clock is {off} behind"),
        format!(
            "log in with a fresh code; if that fails alike, correct the phone's clock, or with two codes that follow each \
             other: {resync}"
        ),
    )
}

/// A code of one of the user's counter tokens, beyond the window.
pub(super) fn counter_ahead(told: &Told<'_>, codes: u32) -> Words {
    Words::new(
        format!(
            "The code may be one of the token's, pressed often without a login: then its counter is {codes} codes ahead"
        ),
        format!(
            "resync, with two codes that follow each other: postern token resync {} CODE CODE",
            told.user_arg()
        ),
    )
}

/// A counter token whose counter nobody knows (R20).
pub(super) fn needs_resync(told: &Told<'_>) -> Words {
    Words::new(
        format!(
            "The counter token of {} needs a resync, since this box lost the record of the codes that were used",
            told.user()
        ),
        format!(
            "with two codes that follow each other, run: postern token resync {} CODE CODE",
            told.user_arg()
        ),
    )
}

/// A code of no token. Several in a row are rarely slips.
pub(super) fn wrong(told: &Told<'_>) -> Words {
    let now = told.attempt;
    let row = told
        .around
        .iter()
        .filter(|attempt| attempt.at <= now.at)
        .take_while(|attempt| attempt.outcome != Outcome::Accept)
        .filter(|attempt| attempt.reason == Reason::WrongCode)
        .count();
    let list = format!("postern token list {}", told.user_arg());
    if row >= 3 {
        return Words::new(
            format!(
                "Wrong code: it is of no token of {}, {row} different codes in a row",
                told.user()
            ),
            format!("the app or token is probably of another account or was set up anew: compare it with: {list}"),
        );
    }
    Words::new(
        format!("Wrong code: it is of no token of {}", told.user()),
        format!("log in with the next code; if that fails too, compare the app or token with: {list}"),
    )
}
