//! Clocks of hardware tokens as operators see them. In: what the door worked out, or one token's logins; out: rows with what to do about
//! each. Changes nothing.

use super::common::{Target, find, store_failure};
use super::tokens;
use crate::audit::words::{argument, span};
use crate::control::answers::{DriftHistory, DriftInfo, DriftList, DriftPoint};
use crate::control::ops::{Answer, Failure, FailureKind};
use crate::door::Door;
use crate::door::drift::Leaver;
use crate::factors::second::drift::Cause;
use crate::factors::second::totp;
use crate::store::records::{OtpParameters, Timestamp, Token, TokenId, TokenSource, TokenStatus};
use crate::text::shown;
use crate::tokens::models::by_serial;

/// Logins in an answer.
const POINTS: usize = 200;

/// `token drift`.
pub(super) fn list(door: &Door) -> Result<Answer, Failure> {
    let clocks = door.clocks.list();
    let now = crate::clock::wall();
    let (mut rows, mut gone) = (Vec::with_capacity(clocks.soonest.len()), 0);
    for one in &clocks.soonest {
        // Removed, disabled or set right since: no row.
        let token = door.store.token(one.token).map_err(store_failure)?;
        let user = door.store.user(one.user).map_err(store_failure)?;
        match (token, user) {
            (Some(token), Some(user)) if user.enabled && token.status == TokenStatus::Active => {
                rows.push(row(door, &user.name, &token, one, now));
            }
            _ => gone += 1,
        }
    }
    Ok(Answer::Drift(DriftList {
        as_of: clocks.as_of,
        tokens: rows,
        total: clocks.total.saturating_sub(gone),
    }))
}

fn row(door: &Door, user: &str, token: &Token, one: &Leaver, now: Timestamp) -> DriftInfo {
    DriftInfo {
        offset_seconds: rounded(one.estimate.ahead(now) / 1000.0),
        millis_per_day: rounded(one.estimate.millis_per_day),
        logins: one.estimate.logins,
        last: one.estimate.last,
        leaves: one.leaving.at,
        why: why(user, token, one, now),
        token: tokens::info(door, user, token),
    }
}

/// Why its codes will be refused, and what to do.
fn why(user: &str, token: &Token, one: &Leaver, now: Timestamp) -> String {
    let rate = one.estimate.millis_per_day;
    let gains = if rate < 0.0 { "loses" } else { "gains" };
    let clock = format!("its clock {gains} {:.1} s a day", rate.abs() / 1000.0);
    let (u, id) = (argument(user, "USER"), token.id.0);
    let is_settable = by_serial(&token.serial).is_some_and(|model| model.clock_free)
        || matches!(token.source, TokenSource::Programmed(programmed) if programmed.profile.is_some());
    let set = format!("set its clock at a reader: postern token clock {u} {id} --device DEVICE");
    let resync = format!("set it right with two codes: postern token resync {u} CODE CODE");
    let is_past = one.leaving.at <= now;
    let last = one.estimate.last;
    match (one.leaving.cause, is_past) {
        (Cause::Limit, _) => {
            let is = if is_past { "is" } else { "will be" };
            let what = format!("{clock} and {is} further off than the box follows");
            match is_settable {
                true => format!("{what}: {set}"),
                false => format!("{what}: give the user another token, or program this one anew"),
            }
        }
        (Cause::Seldom, true) => {
            let idle = span(now.since(last));
            let then = if is_settable { set } else { resync };
            format!("{clock}, and its last login was {idle} ago: most of its codes are refused by now; {then}")
        }
        (Cause::Seldom, false) => {
            let after = span(one.leaving.at.since(last));
            let then = if is_settable { set } else { resync };
            format!(
                "{clock}, which is too much after {after} without a login: let the user log in before that, or {then}"
            )
        }
    }
}

/// `token drift USER ID`.
pub(super) fn show(door: &Door, name: &str, id: TokenId) -> Result<Answer, Failure> {
    let user = find(door, name, &mut Target::default())?;
    let all = door.store.tokens_of(user.id).map_err(store_failure)?;
    let Some(token) = all.into_iter().find(|token| token.id == id) else {
        return Err(Failure::not_found(format!(
            "{} has no token #{}: look with `postern token list`",
            shown(&user.name),
            id.0
        )));
    };
    let OtpParameters::Totp(parameters) = token.parameters else {
        return Err(Failure::refused(format!(
            "token #{} of {} has no clock: a counter moves its codes on",
            id.0,
            shown(&user.name)
        )));
    };
    let course = door
        .trail_of(&token, &parameters)
        .map_err(|error| Failure::new(FailureKind::Failed, format!("the log cannot be read: {error}")))?;
    let newest = course.points.len().saturating_sub(POINTS);
    let point = |(at, step): &(Timestamp, u64)| DriftPoint {
        at: *at,
        seconds: seconds_off(totp::step_at(&parameters, *at), *step, parameters.period),
    };
    let forecast = door.forecast(token.mark, &course.trail, crate::clock::wall());
    Ok(Answer::DriftHistory(DriftHistory {
        points: course.points.iter().skip(newest).map(point).collect(),
        millis_per_day: course.trail.estimate().map(|estimate| rounded(estimate.millis_per_day)),
        leaves: forecast.map(|(_, leaving)| leaving.at),
    }))
}

/// Seconds from the box's step to the code's.
fn seconds_off(present: u64, step: u64, period: u8) -> i32 {
    let steps = i64::try_from(step).unwrap_or(i64::MAX) - i64::try_from(present).unwrap_or(i64::MAX);
    i32::try_from(steps.saturating_mul(i64::from(period))).unwrap_or_default()
}

fn rounded(number: f64) -> i32 {
    number.round() as i32
}
