//! A session on record, and the record played again. In: what happened, event by event; out: lines of JSON without secrets, from
//! which a test makes the same screens. A secret that was typed or answered is on record as a stand-in of its shape and length, so
//! that the session goes the same way without it.
//!
//! The first line says where the session was: the line, its size and what it shows, the zone, the version. Each line after it is a
//! moment and an event:
//!
//! ```text
//! {"line":"ttyS0","columns":80,"rows":24,"caps":{..},"zone":"Europe/Berlin","version":"0.1.0",...}
//! {"now":{"wall":1772460300000,"mono":{"secs":12,"nanos":0}},"event":{"key":{"char":"e"}}}
//! ```
//!
//! What a session read from a disk (the list of token files) is not on record; a replay has no directories to look at.

use std::io::{BufRead, Lines, Write};

use jiff::tz::{Offset, TimeZone};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::app::App;
use super::caps::Caps;
use super::event::{Event, Now};
use super::key::Key;
use super::screen::Context;
use crate::control::{Answer, BackupAnswer};
use crate::secret::Secret;

/// What stands for letters, by position: long enough for every password, none that a check refuses, and good Base32.
const LETTERS: &[u8] = b"quietlampoverstonesevengreenriversandafoxbehindthemill";
/// What stands for digits, by position: good Base32 too.
const DIGITS: &[u8] = b"7526437";

/// Where a session was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    line: String,
    columns: u16,
    rows: u16,
    caps: Caps,
    qr_inverted: bool,
    /// The zone's name, or its offset in seconds where it has none.
    zone: String,
    version: String,
}

impl Head {
    fn new(context: &Context) -> Self {
        let zone = &context.zone;
        let offset = || zone.to_fixed_offset().map_or(0, Offset::seconds).to_string();
        Self {
            line: context.line.clone(),
            columns: context.size.0,
            rows: context.size.1,
            caps: context.caps,
            qr_inverted: context.qr_inverted,
            zone: zone.iana_name().map_or_else(offset, str::to_owned),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn context(self) -> Context {
        let fixed = || {
            let seconds: i32 = self.zone.parse().ok()?;
            Some(TimeZone::fixed(Offset::from_seconds(seconds).ok()?))
        };
        let zone = TimeZone::get(&self.zone).ok().or_else(fixed);
        Context {
            now: Now::default(),
            zone: zone.unwrap_or(TimeZone::UTC),
            caps: self.caps,
            size: (self.columns, self.rows),
            session: None,
            hello: None,
            up: false,
            troubles: Vec::new(),
            silent: None,
            line: self.line,
            import_dirs: Vec::new(),
            qr_inverted: self.qr_inverted,
        }
    }
}

/// One line after the first.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    now: Now,
    event: Event,
}

/// Writes a record.
#[derive(Debug)]
pub struct Recorder<W>(W);

impl<W: Write> Recorder<W> {
    /// Begins one.
    ///
    /// # Errors
    /// It could not be written.
    pub fn new(to: W, context: &Context) -> std::io::Result<Self> {
        let mut recorder = Self(to);
        recorder.line(&Head::new(context))?;
        Ok(recorder)
    }

    /// What is about to happen; called before the application handles it, since that knows what is being typed.
    ///
    /// # Errors
    /// It could not be written.
    pub fn record(&mut self, app: &App, event: &Event, now: Now) -> std::io::Result<()> {
        let event = match event {
            // Whatever somebody goes on typing while something else came up may be the rest of a password.
            Event::Key(Key::Char(c)) if app.is_shut(now) => Event::Key(Key::Char(char_in(*c, 0))),
            Event::Key(key) => Event::Key(without_secret(*key, app)),
            Event::Answer(number, answer) => match answer.as_ref() {
                Ok(answer) => Event::Answer(*number, Box::new(Ok(stand_in(answer.clone())))),
                Err(_) => event.clone(),
            },
            event => event.clone(),
        };
        self.line(&Entry { now, event })
    }

    /// Flushes.
    ///
    /// # Errors
    /// It could not be written.
    pub fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }

    fn line(&mut self, line: &impl Serialize) -> std::io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.0.write_all(&text)
    }
}

/// The key, or what stands for it where it is a part of a secret.
fn without_secret(key: Key, app: &App) -> Key {
    match (key, app.secret_typed()) {
        (Key::Char(character), Some(at)) if !app.is_shortcut(character) => Key::Char(char_in(character, at)),
        (key, _) => key,
    }
}

/// What stands for a character at a place: a digit for a digit, a letter for the rest.
fn char_in(character: char, at: usize) -> char {
    let signs = if character.is_ascii_digit() { DIGITS } else { LETTERS };
    let sign = signs.iter().cycle().nth(at % signs.len().max(1));
    sign.map_or('x', |sign| char::from(*sign))
}

/// An answer without its secrets. Every answer is named, so that a new one is looked at here.
fn stand_in(mut answer: Answer) -> Answer {
    match &mut answer {
        Answer::TokenMade(made) => made.seed = bytes_in(&made.seed),
        Answer::OperatorToken(made) => made.seed = bytes_in(&made.seed),
        Answer::ClientMade(made) => made.secret = made.secret.as_ref().map(text_in),
        Answer::Bypass(bypass) => bypass.code = text_in(&bypass.code),
        Answer::TokenProgramming(made) => {
            made.seed = bytes_in(&made.seed);
            made.customer_key = made.customer_key.as_ref().map(bytes_in);
        }
        Answer::Export(page) => page.rows.iter_mut().for_each(|row| row.seed = bytes_in(&row.seed)),
        // Sealed, and as long as the file.
        Answer::Backup(BackupAnswer::Piece { bytes }) => *bytes = bytes_in(bytes),
        Answer::Serial(_)
        | Answer::Unassigned(_)
        | Answer::Hardware(_)
        | Answer::Drift(_)
        | Answer::DriftHistory(_)
        | Answer::Pong(_)
        | Answer::Status(_)
        | Answer::Client(_)
        | Answer::Clients(_)
        | Answer::User(_)
        | Answer::Users(_)
        | Answer::Token(_)
        | Answer::Tokens(_)
        | Answer::Import(_)
        | Answer::Tenant(_)
        | Answer::Tenants(_)
        | Answer::Prove(_)
        | Answer::Test(_)
        | Answer::Clock(_)
        | Answer::Log(_)
        | Answer::Chain(_)
        | Answer::Explanation(_)
        | Answer::Knocks(_)
        | Answer::Network(_)
        | Answer::Hello(_)
        | Answer::Session(_)
        | Answer::Moved(_)
        | Answer::Ended { .. }
        | Answer::Operator(_)
        | Answer::Operators(_)
        | Answer::Host(_)
        | Answer::Backup(_)
        | Answer::Done { .. } => {}
    }
    answer
}

/// Bytes of the same number.
fn bytes_in(secret: &Secret) -> Secret {
    Secret::new(
        b"12345678901234567890"
            .iter()
            .copied()
            .cycle()
            .take(secret.len())
            .collect(),
    )
}

/// Text of the same shape.
fn text_in(secret: &Secret) -> Secret {
    let text = Zeroizing::new(secret.expose_str().unwrap_or_default().to_owned());
    Secret::from(
        text.chars()
            .enumerate()
            .map(|(at, c)| char_in(c, at))
            .collect::<String>(),
    )
}

/// A record that is played again: each item is the screen after an event.
#[derive(Debug)]
pub struct Replay<R> {
    lines: Lines<R>,
    app: App,
    number: usize,
}

impl<R: BufRead> Replay<R> {
    /// Reads where the session was.
    ///
    /// # Errors
    /// One line: this is no record.
    pub fn new(reader: R) -> Result<Self, String> {
        let mut lines = reader.lines();
        let first = lines.next().ok_or("the record is empty")?;
        let first = first.map_err(|error| format!("the record cannot be read: {error}"))?;
        let head: Head = serde_json::from_str(&first).map_err(|error| format!("line 1 is no record's: {error}"))?;
        Ok(Self {
            lines,
            app: App::new(head.context(), false),
            number: 1,
        })
    }

    /// The application as it stands.
    pub fn app(&self) -> &App {
        &self.app
    }

    fn step(&mut self, line: std::io::Result<String>) -> Result<Buffer, String> {
        self.number += 1;
        let number = self.number;
        let line = line.map_err(|error| format!("the record cannot be read: {error}"))?;
        let entry: Entry = serde_json::from_str(&line).map_err(|error| format!("line {number}: {error}"))?;
        // Nobody answers and nothing is shown: what was answered then stands in the record.
        drop(self.app.handle(entry.event, entry.now));
        let (columns, rows) = self.app.context().size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        self.app.draw(&mut buffer);
        Ok(buffer)
    }
}

impl<R: BufRead> Iterator for Replay<R> {
    type Item = Result<Buffer, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.lines.next()?;
        Some(self.step(line))
    }
}

/// Plays a record to its end.
///
/// # Errors
/// One line: what of it is no record.
pub fn replay(reader: impl BufRead) -> Result<App, String> {
    let mut replay = Replay::new(reader)?;
    for screen in &mut replay {
        screen?;
    }
    Ok(replay.app)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
