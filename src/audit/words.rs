//! An audit record in plain words (R23): what happened and what to do, for a helpdesk in a hurry. In: the record, its neighbours,
//! a time zone; out: two short sentences. Never decides anything, and has no password, code or secret to tell, since a record
//! holds none.

mod codes;
mod reasons;

use std::fmt;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::Attempt;
use crate::store::records::Timestamp;

/// The most characters of either sentence.
pub const WORDS_MAX: usize = 300;

/// What happened, and what to do about it. Neither ends in a full stop, and `todo` begins small, so that they can be put together
/// as "what: todo" (which is what `Display` does) or stand apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// What happened.
    pub what: String,
    /// What to do; nothing where there is nothing to do.
    pub todo: Option<String>,
}

impl Words {
    fn new(what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            todo: Some(todo.into()),
        }
    }

    fn fine(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            todo: None,
        }
    }

    fn cut(self) -> Self {
        Self {
            what: cut(self.what),
            todo: self.todo.map(cut),
        }
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.todo {
            Some(todo) => write!(f, ": {todo}"),
            None => Ok(()),
        }
    }
}

/// What is needed besides the records: the zone in which times are told, and what to do about one of the directory's codes (the
/// `fix` column of the table in `factors::first::entra`).
#[derive(Clone, Copy)]
pub struct Teller<'a> {
    /// The zone of the box, or UTC.
    pub zone: &'a TimeZone,
    /// By AADSTS number.
    pub fix: &'a dyn Fn(u32) -> Option<String>,
}

/// An attempt in words. `around` are the records of the same user (or, where there is none, of the same client), newest first,
/// this one among them: with them it can be told who used a code before.
pub fn words(attempt: &Attempt, around: &[Attempt], teller: &Teller<'_>) -> Words {
    let told = Told {
        attempt,
        around,
        teller,
    };
    reasons::words(&told).cut()
}

/// One line for the log: time in UTC, what the client heard, who, through which client and from where, why, the directory's code,
/// and how often.
pub fn line(attempt: &Attempt) -> String {
    let teller = Teller {
        zone: &TimeZone::UTC,
        fix: &|_| None,
    };
    let what = words(attempt, std::slice::from_ref(attempt), &teller).what;
    let time = format_time(attempt.at, &TimeZone::UTC, "%Y-%m-%dT%H:%M:%SZ");
    let mut line = format!("{time} {}", attempt.outcome);
    if !attempt.name.is_empty() {
        line.push_str(&format!(" to {}", attempt.name));
    }
    line.push_str(&format!(" through {}", client(attempt)));
    if !attempt.station.is_empty() {
        line.push_str(&format!(" from {}", attempt.station));
    }
    line.push_str(&format!(": {what}"));
    if let Some(code) = attempt.directory.as_ref().and_then(|said| said.code) {
        let code = format!("AADSTS{code}");
        if !what.contains(&code) {
            line.push_str(&format!(" ({code})"));
        }
    }
    if attempt.count > 1 {
        line.push_str(&format!(" x{}", attempt.count));
    }
    line
}

/// An attempt that is being told.
struct Told<'a> {
    attempt: &'a Attempt,
    around: &'a [Attempt],
    teller: &'a Teller<'a>,
}

impl Told<'_> {
    /// The user's name for a sentence.
    fn user(&self) -> &str {
        match self.attempt.name.as_str() {
            "" => "the user",
            name => name,
        }
    }

    /// The user's name for a command.
    fn user_arg(&self) -> String {
        argument(&self.attempt.name, "USER")
    }

    /// The client's name for a command.
    fn client_arg(&self) -> String {
        argument(&self.attempt.client_name, "NAME")
    }

    /// The domain of the user's name for a command.
    fn domain_arg(&self) -> String {
        argument(
            self.attempt.name.split_once('@').map_or("", |(_, domain)| domain),
            "DOMAIN",
        )
    }

    fn client(&self) -> String {
        client(self.attempt)
    }

    /// The calling station for a sentence.
    fn station(&self) -> &str {
        match self.attempt.station.as_str() {
            "" => "this device",
            station => station,
        }
    }

    /// A time of the same day by its seconds, another with its date.
    fn clock(&self, at: Timestamp) -> String {
        let zone = self.teller.zone;
        let day = |at| format_time(at, zone, "%Y-%m-%d");
        if day(at) == day(self.attempt.at) {
            format_time(at, zone, "%H:%M:%S")
        } else {
            format_time(at, zone, "%Y-%m-%d %H:%M:%S")
        }
    }

    /// The directory's code in brackets, to stand behind a sentence.
    fn code(&self) -> String {
        match self.attempt.directory.as_ref().and_then(|said| said.code) {
            Some(code) => format!(" (AADSTS{code})"),
            None => String::new(),
        }
    }

    /// The directory's code for a command.
    fn code_arg(&self) -> String {
        let code = self.attempt.directory.as_ref().and_then(|said| said.code);
        code.map_or_else(|| "CODE".to_owned(), |code| code.to_string())
    }

    /// Where in Entra's sign-in log to look.
    fn sign_in_log(&self) -> String {
        match self
            .attempt
            .directory
            .as_ref()
            .and_then(|said| said.correlation.as_deref())
        {
            Some(id) => format!("Entra's sign-in log (correlation ID {id})"),
            None => "Entra's sign-in log".to_owned(),
        }
    }

    /// The table's advice on the directory's code.
    fn fix(&self) -> Option<String> {
        let code = self.attempt.directory.as_ref()?.code?;
        (self.teller.fix)(code)
    }
}

/// The client for a sentence: its name, or where the packet came from.
fn client(attempt: &Attempt) -> String {
    match (attempt.client_name.as_str(), attempt.source) {
        ("", Some(source)) => source.to_canonical().to_string(),
        ("", None) => "an unknown client".to_owned(),
        (name, _) => name.to_owned(),
    }
}

/// Text as one argument of a command line; `placeholder` where there is none.
pub(crate) fn argument(text: &str, placeholder: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "._@+-/:,".contains(c);
    if text.is_empty() {
        placeholder.to_owned()
    } else if text.chars().all(plain) && !text.starts_with('-') {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// A duration in whole seconds, at least one, or in larger units from two minutes on.
pub(crate) fn span(d: Duration) -> String {
    match d.as_millis().div_ceil(1000).max(1) {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7_200 => format!("{} min", s / 60),
        s @ 7_200..172_800 => format!("{} h", s / 3_600),
        s => format!("{} days", s / 86_400),
    }
}

/// A moment in a zone; the bare number where it is beyond the calendar.
pub(crate) fn format_time(at: Timestamp, zone: &TimeZone, format: &str) -> String {
    i64::try_from(at.0)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .map(|at| at.to_zoned(zone.clone()).strftime(format).to_string())
        .unwrap_or_else(|| format!("{} ms", at.0))
}

fn cut(text: String) -> String {
    if text.chars().count() <= WORDS_MAX {
        return text;
    }
    let mut short: String = text.chars().take(WORDS_MAX - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
