//! What is known of a user, in words: how the user stands in one line, then password, locks, bypass code, tokens. Pure.

use crate::console::page::{Look, wrap};
use crate::console::screen::Context;
use crate::console::widgets::scroll::Paragraph;
use crate::control::{Algorithm, LockInfo, TokenId, TokenInfo, TokenSource, TokenStatus, UserInfo};
use crate::times::shown_near;

/// Columns of a label.
const LABEL: usize = 11;

/// How the user stands, the gravest first.
pub(super) fn standing(info: &UserInfo) -> (&'static str, Look) {
    let row = &info.row;
    match (row.active_tokens, row.pending_tokens) {
        _ if !row.enabled => ("Disabled: every login is refused.", Look::Bad),
        (0, _) if !row.exempt && row.resync_tokens > 0 => (
            "Token needs a resync: logins are refused until two of its codes have come.",
            Look::Warn,
        ),
        (0, 0) if !row.exempt => ("No token: every login is refused until there is one.", Look::Warn),
        (0, _) if !row.exempt => (
            "Token not confirmed: logins are refused until its first code is confirmed.",
            Look::Warn,
        ),
        _ if row.locked => ("Locked after too many wrong codes. Unlock clears it.", Look::Warn),
        _ if info.budget.is_some_and(|budget| budget.spent >= budget.of) => (
            "Too many wrong passwords: the directory is not asked. Unlock clears it.",
            Look::Warn,
        ),
        _ if row.exempt => (
            "Exempt: may log in with the password alone, without a code.",
            Look::Warn,
        ),
        _ => ("May log in with password and code.", Look::Good),
    }
}

/// Everything else, as lines of this width.
pub(super) fn lines(info: &UserInfo, width: u16, context: &Context) -> Vec<Paragraph> {
    let mut lines = Vec::new();
    let near = |at| shown_near(at, context.now.wall, &context.zone);
    let password = match (info.row.local_password, info.budget) {
        (true, _) => "on this box",
        (false, Some(_)) => "at the directory",
        (false, None) => "at the directory; none is set up for this name",
    };
    let mut words = vec![password.to_owned()];
    if let Some(budget) = info.budget {
        words.push(format!("{} of {} wrong ones in 24 hours", budget.spent, budget.of));
    }
    put(&mut lines, "Password", &words, width, Look::Plain);
    if let Some(until) = info.bypass_until {
        let words = format!("given out, good until {}", near(until));
        put(&mut lines, "Bypass", &[words], width, Look::Plain);
    }
    for lock in &info.locks {
        put(&mut lines, "Locked", &[locked(lock, near)], width, Look::Warn);
    }
    if info.tokens.is_empty() {
        put(&mut lines, "Token", &["none".to_owned()], width, Look::Plain);
    }
    for token in &info.tokens {
        lines.push((String::new(), Look::Plain));
        let words = token_words(token, near);
        put(
            &mut lines,
            &format!("Token #{}", token.id.0),
            &words,
            width,
            Look::Plain,
        );
    }
    lines.push((String::new(), Look::Plain));
    put(&mut lines, "Made", &[near(info.created)], width, Look::Plain);
    lines
}

/// A label, then each of the words on lines of their own behind it.
fn put(lines: &mut Vec<Paragraph>, label: &str, words: &[String], width: u16, look: Look) {
    let width = usize::from(width).saturating_sub(LABEL).max(1);
    let mut label = label;
    for line in words.iter().flat_map(|words| wrap(words, width)) {
        lines.push((format!("{label:<LABEL$}{line}"), look));
        label = "";
    }
}

fn locked(lock: &LockInfo, near: impl Fn(crate::control::Timestamp) -> String) -> String {
    let until = match lock.until {
        Some(at) => format!("until {}", near(at)),
        None => "until a login there or an unlock".to_owned(),
    };
    format!("{} {until}, {} wrong codes", lock.place, lock.wrong)
}

fn hash(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha1 => "sha1",
        Algorithm::Sha256 => "sha256",
        Algorithm::Sha512 => "sha512",
    }
}

fn token_words(token: &TokenInfo, near: impl Fn(crate::control::Timestamp) -> String) -> Vec<String> {
    let status = match token.status {
        TokenStatus::Active => "active",
        TokenStatus::Pending if is_unwritten(token) => "not written: place it (h)",
        TokenStatus::Pending if is_programmed(token) => "waits for its code: type it (c)",
        TokenStatus::Pending => "not confirmed",
        TokenStatus::Resync => "needs a resync",
    };
    let last = match (token.last_code, token.counter) {
        (Some(at), _) => format!("last code {}", near(at)),
        (None, Some(counter)) => format!("next code is no. {counter}, made {}", near(token.created)),
        (None, None) => format!("never used, made {}", near(token.created)),
    };
    let clock = match token.drift_seconds {
        0 => String::new(),
        ahead @ 1.. => format!(", clock {ahead} s ahead"),
        behind => format!(", clock {} s behind", behind.unsigned_abs()),
    };
    let mut words = vec![
        format!("{status}, {}", device(token)),
        format!(
            "{}, {} digits, {}",
            hash(token.algorithm),
            token.digits,
            moved_by(token)
        ),
        format!("{last}{clock}"),
    ];
    match token.source {
        TokenSource::Programmed(programmed) => {
            if let Some(profile) = programmed.profile {
                words.push(format!("profile {profile}"));
            }
            if let Some(at) = programmed.written {
                words.push(format!("programmed here {}", near(at)));
            }
        }
        TokenSource::File => words.push("from a file".to_owned()),
        TokenSource::App => {}
    }
    // The key of an app's token stands on a screen once; that of a device is in the device.
    if token.status == TokenStatus::Pending && token.model.is_empty() && token.serial.is_empty() {
        words.push("key never seen? remove the token".to_owned());
    }
    words
}

/// Begun here, and not known to hold its key.
fn is_unwritten(token: &TokenInfo) -> bool {
    matches!(token.source, TokenSource::Programmed(programmed) if programmed.written.is_none())
}

/// Its key was made here, or is being made.
fn is_programmed(token: &TokenInfo) -> bool {
    matches!(token.source, TokenSource::Programmed(_))
}

/// What holds the key.
fn device(token: &TokenInfo) -> String {
    match (token.model.as_str(), token.serial.as_str()) {
        ("", "") => "app".to_owned(),
        ("", serial) => format!("serial {serial}"),
        (model, "") => model.to_owned(),
        (model, serial) => format!("{model}, serial {serial}"),
    }
}

/// A token in one line, for a choice.
pub(super) fn token_line(token: &TokenInfo) -> String {
    let status = match token.status {
        TokenStatus::Active => "active",
        TokenStatus::Pending => "not confirmed",
        TokenStatus::Resync => "needs a resync",
    };
    format!(
        "#{}  {status}, {}, {}, {} digits, {}",
        token.id.0,
        device(token),
        hash(token.algorithm),
        token.digits,
        moved_by(token)
    )
}

/// What moves its codes on.
fn moved_by(token: &TokenInfo) -> String {
    token
        .period
        .map_or("counter".to_owned(), |period| format!("{period} s"))
}

/// Whether no token counts once this one is gone.
pub(super) fn is_last(info: &UserInfo, id: TokenId) -> bool {
    let is_active = |token: &&TokenInfo| token.status == TokenStatus::Active;
    let mut others = info.tokens.iter().filter(is_active).filter(|token| token.id != id);
    others.next().is_none() && info.tokens.iter().filter(is_active).any(|token| token.id == id) && !info.row.exempt
}
