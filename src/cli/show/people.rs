//! Users and their tokens as text.

use jiff::tz::TimeZone;

use super::{field, parameters, word};
use crate::control::{
    BypassCode, RowOutcome, RowResult, TokenInfo, TokenList, TokenMade, TokenStatus, UserInfo, UserRow,
};
use crate::enrol::base32;
use crate::times::shown_at;

/// A user in a list: name, then what is not as usual.
pub fn user_row(row: &UserRow) -> String {
    format!("{:<40} {}", row.name, state(row)).trim_end().to_owned()
}

fn state(row: &UserRow) -> String {
    let mut words = Vec::new();
    if !row.enabled {
        words.push("disabled".to_owned());
    }
    if row.locked {
        words.push("locked".to_owned());
    }
    if row.exempt {
        words.push("exempt".to_owned());
    }
    if row.local_password {
        words.push("local password".to_owned());
    }
    match (row.active_tokens, row.pending_tokens) {
        (0, 0) if row.exempt => {}
        (0, _) if row.resync_tokens > 0 => words.push("token needs a resync".to_owned()),
        (0, 0) => words.push("no token".to_owned()),
        (0, _) => words.push("token not confirmed".to_owned()),
        (1, _) => words.push("1 token".to_owned()),
        (some, _) => words.push(format!("{some} tokens")),
    }
    words.join(", ")
}

/// One user.
pub fn user(user: &UserInfo, zone: &TimeZone) -> Vec<String> {
    let row = &user.row;
    let mut lines = vec![
        field("User", &row.name),
        field("State", if row.enabled { "enabled" } else { "DISABLED" }),
        field("Exempt", if row.exempt { "yes: no code is asked for" } else { "no" }),
        field(
            "Password",
            if row.local_password {
                "in the box"
            } else {
                "at the directory"
            },
        ),
        field("Made", &shown_at(user.created, zone)),
    ];
    if user.tokens.is_empty() {
        lines.push(field(
            "Token",
            if row.exempt {
                "none"
            } else {
                "none: refused until there is one"
            },
        ));
    }
    lines.extend(user.tokens.iter().map(|one| field("Token", &token_line(one, zone))));
    for lock in &user.locks {
        let until = lock.until.map_or("until a login or an unlock".to_owned(), |at| {
            format!("until {}", shown_at(at, zone))
        });
        lines.push(field(
            "LOCKED",
            &format!("{} {until}, {} wrong codes", lock.place, lock.wrong),
        ));
    }
    if let Some(budget) = user.budget {
        lines.push(field(
            "Wrong passwords",
            &format!("{} of {} in 24 hours", budget.spent, budget.of),
        ));
    }
    if let Some(until) = user.bypass_until {
        lines.push(field("Bypass code", &format!("good until {}", shown_at(until, zone))));
    }
    lines
}

/// A token of a user whose name stands elsewhere.
pub fn token_line(token: &TokenInfo, zone: &TimeZone) -> String {
    let status = match token.status {
        TokenStatus::Active => "active",
        TokenStatus::Pending => "NOT CONFIRMED",
        TokenStatus::Resync => "NEEDS A RESYNC",
    };
    let kind = [token.model.as_str(), token.serial.as_str()].join(" ");
    let kind = if kind.trim().is_empty() { "app" } else { kind.trim() };
    let last = match (token.last_code, token.counter) {
        (Some(at), _) => format!("last code {}", shown_at(at, zone)),
        (None, Some(counter)) => format!("next code is no. {counter}"),
        (None, None) => "never used".to_owned(),
    };
    let drift = match token.drift_seconds {
        0 => String::new(),
        ahead @ 1.. => format!(", {ahead} s ahead"),
        behind => format!(", {} s behind", behind.unsigned_abs()),
    };
    let parameters = parameters(&word(&token.algorithm), token.digits, token.period);
    format!("{} {status}, {kind}, {parameters}, {last}{drift}", token.id.0)
}

/// The tokens of a user.
pub fn tokens(list: &TokenList, zone: &TimeZone) -> Vec<String> {
    if list.tokens.is_empty() {
        return vec!["no token: add one with `postern token add USER`".to_owned()];
    }
    list.tokens.iter().map(|token| token_line(token, zone)).collect()
}

/// A token that was given out, confirmed or set right.
pub fn token(token: &TokenInfo) -> Vec<String> {
    let moved = match (token.drift_seconds, token.counter) {
        (_, Some(counter)) => format!("its next code is no. {counter}"),
        (0, None) if token.status == TokenStatus::Pending && token.last_code.is_none() => {
            "no code of it has come yet".to_owned()
        }
        (0, None) => "its clock is right".to_owned(),
        (ahead @ 1.., None) => format!("its clock is {ahead} s ahead"),
        (behind, None) => format!("its clock is {} s behind", behind.unsigned_abs()),
    };
    let mut lines = vec![format!(
        "token {} of {} is {}; {moved}",
        token.id.0,
        token.user,
        word(&token.status)
    )];
    if token.status == TokenStatus::Pending {
        lines.push(format!("It counts after: postern token confirm {} CODE", token.user));
    }
    lines
}

/// A new token without its QR code.
pub fn token_made(made: &TokenMade, uri: &str) -> Vec<String> {
    let token = &made.token;
    let mut lines = vec![format!(
        "token {} of {} is {}",
        token.id.0,
        token.user,
        word(&token.status)
    )];
    if !uri.is_empty() {
        lines.push(field("URI", uri));
    }
    lines.push(field("Key", &base32::groups(&base32::encode(&made.seed))));
    lines
}

/// A bypass code.
pub fn bypass(bypass: &BypassCode, zone: &TimeZone) -> Vec<String> {
    vec![
        format!("Bypass code for {}, shown this once:", bypass.user),
        String::new(),
        format!("    {}", bypass.code.expose_str().unwrap_or_default()),
        String::new(),
        format!(
            "It stands in the place of the token's code, once, until {} ({} minutes).",
            shown_at(bypass.until, zone),
            bypass.minutes
        ),
    ]
}

/// A row of an import.
pub fn import_row(row: &RowResult) -> String {
    let outcome = match row.outcome {
        RowOutcome::Added if row.user_made => "added, and its user",
        RowOutcome::Added if row.unassigned => "added, unassigned",
        RowOutcome::Added => "added",
        RowOutcome::Same => "there already",
        RowOutcome::Refused => "refused",
    };
    match &row.note {
        Some(note) => format!("line {}: {outcome}: {note}", row.line),
        None => format!("line {}: {outcome}", row.line),
    }
}
