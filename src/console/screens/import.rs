//! A token file into the box: chosen or typed, read here with the console's own rights (R25), opened with what is asked for where it
//! is encrypted, tried without writing, then written batch by batch, so that the screen lives while it goes. What was wrong is listed,
//! line by line.
//!
//! ```text
//! Postern box-1 | Import                                   anna installer  14:05
//!
//!   A token file: Azure's CSV, Graph's JSON, PSKC, a list of otpauth URIs
//!
//! > tokens.csv                          212 KiB  /run/postern/usb
//!   Another file: type its path
//!
//! Postern box-1 | Import: tokens.csv                       anna installer  14:05
//!
//!   Nothing is written yet. Would be added: 2498 tokens, 2400 users. There
//!   already: 0. Refused: 3 lines.
//!
//!   Line 17: the key has 3 characters: one is missing or too many
//! ```

mod choices;
mod draw;
mod files;

use std::path::Path;

use super::backup_words::strange;
use super::confirm::Confirm;
use super::pick::{self, Pick, Picked};
use crate::console::action::{Action, Told, Tone};
use crate::console::key::Key;
use crate::console::page::Page;
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, any};
use crate::console::widgets::form::{Form, Typed};
use crate::console::widgets::scroll::{Paragraph, Scroll};
use crate::control::{Answer, Failure, Request};
use crate::enrol::batches::{Batches, Sent, Summary};
use crate::enrol::rows::{FileError, Place, TokenFile, Wanted};
use crate::enrol::token_file::{self, Keys};
use crate::secret::Secret;
use crate::text::shown;
use choices::{options, settings};
use files::Found;

/// What is said where the file is chosen.
static WHICH: pick::Words = pick::Words {
    none: "No token file lies where the box looks for one. Plug in a USB stick, and it appears here (on an appliance once it is mounted: \
           System, Stick); or type the path of a file.",
    some: "A file with tokens: Azure's CSV, Graph's JSON, PSKC, or an otpauth URI on each line. Nothing is written before you have seen \
           what would be.",
    other: "Another file: type its path",
    path: "The path of a token file on this box:",
    example: "Such as /home/anna/tokens.csv. The console reads it as its own user.",
};
/// The longest passphrase or key that can be typed.
const SECRET_MAX: usize = 256;
/// The question whether to stop in the middle.
const STOP: u32 = 1;
/// The question whether to write.
const WRITE: u32 = 2;

/// Where one is.
#[derive(Debug)]
enum Step {
    /// A file is chosen.
    Pick,
    /// The file is encrypted: what opens it is typed.
    Sealed(Sealed),
    /// How the file is taken.
    Options,
    /// Batches are on their way.
    Running { sent: Sent, stopped: bool },
    /// It is done, or was tried; `stopped` is the last line that was written where it did not come to its end.
    Ended { stopped: Option<u64> },
}

/// A file that is encrypted, and what is typed to open it.
#[derive(Debug)]
struct Sealed {
    name: String,
    bytes: Secret,
    wanted: Wanted,
    field: Field,
}

/// A file that was read and understood.
#[derive(Debug)]
struct Work {
    name: String,
    place: Place,
    batches: Batches,
    /// Before anything was sent.
    fresh: Summary,
    summary: Summary,
    form: Form,
    /// Rows that were answered, and the file's line of the last one.
    done: usize,
    last: u64,
    /// What stands below the sum, made once: the list may be long.
    notes: Vec<Paragraph>,
}

/// The import.
#[derive(Debug)]
pub struct Import {
    pick: Pick<Found>,
    scroll: Scroll,
    step: Step,
    work: Option<Work>,
}

impl Import {
    /// Begins with the list of files.
    pub fn new() -> Self {
        Self {
            pick: Pick::new(&WHICH, files::find),
            scroll: Scroll::default(),
            step: Step::Pick,
            work: None,
        }
    }

    /// Reads a file; what is wrong is said, and one stays where one is.
    fn read(&mut self, path: &Path, context: &Context) -> Vec<Action> {
        let name = path
            .file_name()
            .map_or_else(String::new, |name| shown(&name.to_string_lossy()));
        match files::read(path) {
            Ok(mut bytes) => {
                let bytes = Secret::new(std::mem::take(&mut *bytes));
                self.understand(name, bytes, &Keys::None, context)
            }
            Err(line) => vec![Action::Fail(Failure::refused(line))],
        }
    }

    /// What stands in a file.
    fn understand(&mut self, name: String, bytes: Secret, keys: &Keys, context: &Context) -> Vec<Action> {
        match token_file::read(bytes.expose(), None, keys, context.now.wall) {
            Ok(file) => {
                self.begin(name, file);
                Vec::new()
            }
            Err(FileError::Wanted(wanted)) => {
                self.step = Step::Sealed(Sealed {
                    name,
                    bytes,
                    wanted,
                    field: Field::secret(SECRET_MAX, any),
                });
                Vec::new()
            }
            Err(error) => vec![Action::Fail(Failure::refused(format!("{name}: {error}")))],
        }
    }

    /// Opens the file with what was typed; where that is wrong, it is typed again.
    fn open(&mut self, context: &Context) -> Vec<Action> {
        let Step::Sealed(sealed) = &mut self.step else {
            return Vec::new();
        };
        if sealed.field.is_empty() {
            return Vec::new();
        }
        let typed = sealed.field.take_secret();
        let keys = match &sealed.wanted {
            Wanted::Passphrase { .. } => Keys::Passphrase(typed),
            Wanted::Key { .. } => match token_file::file_key(typed.expose()) {
                Ok(key) => Keys::Key(key),
                Err(line) => return vec![Action::Fail(Failure::refused(line))],
            },
        };
        let (name, bytes) = (sealed.name.clone(), sealed.bytes.clone());
        self.understand(name, bytes, &keys, context)
    }

    /// The choices for a file that was understood.
    fn begin(&mut self, name: String, file: TokenFile) {
        let fresh = Summary::new(&file, true);
        self.work = Some(Work {
            name,
            place: file.place,
            batches: Batches::new(file.rows, settings(&options(), true)),
            summary: fresh.clone(),
            fresh,
            form: options(),
            done: 0,
            last: 0,
            notes: Vec::new(),
        });
        self.step = Step::Options;
    }

    /// Begins to send, from the first row.
    fn run(&mut self, dry_run: bool) -> Vec<Action> {
        let Some(work) = &mut self.work else { return Vec::new() };
        work.batches.restart(settings(&work.form, dry_run));
        work.summary = work.fresh.clone();
        work.summary.dry_run = dry_run;
        (work.done, work.last) = (0, 0);
        self.scroll = Scroll::default();
        self.step = Step::Running {
            sent: Sent::default(),
            stopped: false,
        };
        self.send()
    }

    /// The next batch, or the end.
    fn send(&mut self) -> Vec<Action> {
        let (Step::Running { sent, stopped }, Some(work)) = (&mut self.step, &mut self.work) else {
            return Vec::new();
        };
        match work.batches.next_batch() {
            Some((batch, next)) if !*stopped => {
                *sent = next;
                vec![Action::Ask(0, Request::ImportBatch(batch))]
            }
            Some(_) => {
                let last = work.last;
                self.end(Some(last))
            }
            None => self.end(None),
        }
    }

    fn end(&mut self, stopped: Option<u64>) -> Vec<Action> {
        self.step = Step::Ended { stopped };
        let Some(work) = &mut self.work else { return Vec::new() };
        work.summary.sort();
        if !work.summary.dry_run {
            work.batches.forget();
        }
        work.notes = draw::notes(&work.summary);
        match work.summary.dry_run || stopped.is_some() {
            true => Vec::new(),
            false => vec![Action::Say(Tone::Done, format!("{} is imported", work.name))],
        }
    }

    fn ask_to_write(&self) -> Vec<Action> {
        let Some(work) = &self.work else { return Vec::new() };
        let lines = draw::question(&work.summary, settings(&work.form, false).active);
        let title = format!("Write {}", work.name);
        vec![Action::Open(Box::new(Confirm::new(WRITE, &title, lines)))]
    }

    /// Whether a write would change anything.
    fn is_worth_writing(&self) -> bool {
        self.work
            .as_ref()
            .is_some_and(|work| work.summary.dry_run && work.summary.added > 0)
            && matches!(self.step, Step::Ended { stopped: None })
    }

    fn back(&mut self) -> Vec<Action> {
        match &self.step {
            Step::Pick => return vec![Action::Close],
            Step::Ended { .. } if self.work.as_ref().is_some_and(|work| !work.summary.dry_run) => {
                return vec![Action::Close];
            }
            Step::Ended { .. } => self.step = Step::Options,
            Step::Running { .. } => {
                let lines = vec![
                    "What is written stays written; importing the file again goes on where it stopped.".to_owned(),
                    "Stop after the lines that are on their way?".to_owned(),
                ];
                let question = Confirm::new(STOP, "Stop the import", lines);
                return vec![Action::Open(Box::new(question))];
            }
            Step::Sealed(_) | Step::Options => {
                self.work = None;
                self.pick.again();
                self.step = Step::Pick;
            }
        }
        Vec::new()
    }
}

impl Default for Import {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen for Import {
    fn name(&self) -> &'static str {
        "import"
    }

    fn title(&self) -> String {
        match &self.work {
            Some(work) => format!("Import: {}", work.name),
            None => "Import".to_owned(),
        }
    }

    fn refresh(&mut self, context: &Context) -> Vec<Action> {
        if matches!(self.step, Step::Pick) {
            self.pick.look(context);
        }
        Vec::new()
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if key == Key::Esc && !matches!(self.step, Step::Pick) {
            return self.back();
        }
        if self.is_worth_writing() {
            match key {
                Key::Char('w' | 'W') => return self.run(false),
                // The key that tried must not write by itself: nobody may have read what would be.
                Key::Enter => return self.ask_to_write(),
                _ => {}
            }
        }
        match &mut self.step {
            Step::Pick => match self.pick.on(key, context) {
                Picked::Not => {}
                Picked::Back => return self.back(),
                Picked::Path(path) => return self.read(&path, context),
            },
            Step::Sealed(_) if key == Key::Enter => return self.open(context),
            Step::Sealed(sealed) => {
                sealed.field.on(key);
            }
            Step::Options => {
                let Some(work) = &mut self.work else { return Vec::new() };
                // Enter begins wherever one is: the choices are good as they stand.
                if key == Key::Enter || work.form.on(key) == Typed::Done {
                    return self.run(true);
                }
            }
            Step::Running { .. } => {}
            Step::Ended { .. } => {
                let (width, height) = draw::notes_size(context.size);
                if let Some(work) = &self.work {
                    self.scroll.on(key, height, Scroll::rows(&work.notes, width));
                }
            }
        }
        Vec::new()
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let (Step::Running { sent, .. }, Some(work)) = (&mut self.step, &mut self.work) else {
            return Vec::new();
        };
        let failure = match answer {
            Ok(Answer::Import(report)) if report.results.len() == sent.rows => {
                let sent = std::mem::take(sent);
                work.done = work.done.saturating_add(sent.rows);
                work.last = sent.last;
                work.summary.count(report.results, sent);
                return self.send();
            }
            Ok(_) => strange(),
            Err(failure) => failure,
        };
        let last = work.last;
        let mut actions = self.end(Some(last));
        actions.push(Action::Fail(failure));
        actions
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        let writes = self.is_worth_writing();
        match (told, &mut self.step) {
            (Told::Yes(STOP), Step::Running { stopped, .. }) => *stopped = true,
            (Told::Yes(WRITE), _) if writes => return self.run(false),
            _ => {}
        }
        Vec::new()
    }

    fn tick(&mut self, context: &Context) -> Vec<Action> {
        if matches!(self.step, Step::Pick) {
            self.pick.tick(context);
        }
        Vec::new()
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        draw::draw(self, page, context);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        match &self.step {
            Step::Pick => vec![("Enter", "read this file"), ("Esc", "back")],
            Step::Sealed(_) => vec![("Enter", "open it"), ("Esc", "another file")],
            Step::Options => vec![
                ("Enter", "try it, writing nothing"),
                ("Left/Right", "change"),
                ("Esc", "another file"),
            ],
            Step::Running { .. } => vec![("Esc", "stop")],
            Step::Ended { .. } if self.is_worth_writing() => {
                vec![("w", "write them"), ("Up/Down", "more lines"), ("Esc", "back")]
            }
            Step::Ended { .. } => vec![("Up/Down", "more lines"), ("Esc", "back")],
        }
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Takes tokens from a file: CSV as Azure MFA takes it, Microsoft Graph's JSON, PSKC (RFC 6030, also with a passphrase or a \
             key), or a text with an otpauth URI on each line. Users who are missing are made; a token without a user waits in the \
             drawer until it is given to somebody by its serial number.",
            "First everything is tried and nothing written: what would be refused is listed with its line and its reason. One bad line \
             loses no other; what is there already is left alone, so the same file may be imported twice. w then writes; Enter asks \
             first.",
            "Keep the file no longer than needed: whoever has it can make every code.",
        ]
    }

    fn types(&self, character: char) -> bool {
        match &self.step {
            Step::Pick => self.pick.types(character),
            Step::Sealed(sealed) => sealed.field.accepts(character),
            _ => false,
        }
    }

    fn secret_typed(&self) -> Option<usize> {
        match &self.step {
            Step::Sealed(sealed) => Some(sealed.field.at()),
            _ => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
