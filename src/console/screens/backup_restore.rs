//! A backup takes the place of everything in this box. In: a file on a stick and its passphrase; out: what it holds, then, after a word was
//! typed, a box that starts anew. The file is read here with the console's own rights (R25), and nothing is changed before the word.
//!
//! ```text
//! Postern box-1 | Restore                                  anna installer  14:05
//!
//!   The file holds:
//!
//!   Box        box-1
//!   Made       2026-03-01 14:05:00 by Postern 0.1.0
//!   Holds      3 users, 4 tokens, 1 client
//!   Operators  anna
//! ```

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use super::backup_words::{SECRET_MAX, draw_held, find, late, strange};
use super::confirm::Confirm;
use super::pick::{self, Pick, Picked};
use crate::console::action::{Action, Told};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, any};
use crate::console::widgets::form::{Form, Typed};
use crate::console::widgets::inset::inset;
use crate::control::{Answer, BackupAnswer, BackupHolds, BackupRequest, Failure, PIECE_MAX, Request, RestoreNow, Role};
use crate::secret::Secret;
use crate::text::shown;

/// The question that is asked before it is done.
const SURE: u32 = 1;
/// What is said where the file is chosen.
static WHICH: pick::Words = pick::Words {
    none: "No backup was found. Plug in the stick with it, and it appears here; or type its path.",
    some: "Which one? Nothing is changed before you have seen what it holds.",
    other: "Another file: type its path",
    path: "The path of a backup on this box:",
    example: "The console reads it as its own user.",
};

/// Where one is.
#[derive(Debug)]
enum Step {
    /// A file is chosen.
    Pick,
    /// Its passphrase.
    Form(PathBuf),
    /// It goes to posternd, which then looks at it.
    Sending(Box<Sending>),
    /// What it holds.
    Holds(Box<Held>),
    /// Decided: posternd starts anew.
    Restored(String),
}

/// A file on its way.
#[derive(Debug)]
struct Sending {
    path: PathBuf,
    file: File,
    bytes: u64,
    received: u64,
    ticket: String,
    passphrase: Secret,
    looking: bool,
}

/// A file that was looked at.
#[derive(Debug)]
struct Held {
    path: PathBuf,
    ticket: String,
    holds: BackupHolds,
    /// It was decided, and is not answered yet.
    asked: bool,
}

/// The restore.
#[derive(Debug)]
pub struct Restore {
    pick: Pick<PathBuf>,
    form: Form,
    step: Step,
    /// Counts the attempts: an answer to one that was given up is none to the next.
    attempt: u32,
}

fn form() -> Form {
    Form::new().field(
        "passphrase",
        "Passphrase",
        Field::secret(SECRET_MAX, any),
        "The one that was chosen for this file.",
    )
}

fn ask(ask: BackupRequest) -> Request {
    Request::Backup(ask)
}

impl Restore {
    /// Begins with the list of files.
    pub fn new() -> Self {
        Self {
            pick: Pick::new(&WHICH, find),
            form: form(),
            step: Step::Pick,
            attempt: 0,
        }
    }

    /// Opens the file and says that it comes.
    fn begin(&mut self) -> Vec<Action> {
        let Step::Form(path) = &self.step else {
            return Vec::new();
        };
        let path = path.clone();
        let passphrase = self.form.take_secret("passphrase");
        if passphrase.is_empty() {
            return self.wrong("Type the passphrase of the file.".to_owned());
        }
        let name = shown(&path.to_string_lossy());
        let opened = File::open(&path).and_then(|file| Ok((file.metadata()?, file)));
        let (file, bytes) = match opened {
            Ok((about, file)) if about.is_file() => (file, about.len()),
            Ok(_) => return self.wrong(format!("{name} is no file.")),
            Err(error) => return self.wrong(format!("{name} cannot be read: {error}")),
        };
        self.attempt = self.attempt.wrapping_add(1);
        self.step = Step::Sending(Box::new(Sending {
            path,
            file,
            bytes,
            received: 0,
            ticket: String::new(),
            passphrase,
            looking: false,
        }));
        vec![Action::Ask(self.attempt, ask(BackupRequest::Send { bytes }))]
    }

    fn wrong(&mut self, line: String) -> Vec<Action> {
        self.form.set_wrong("passphrase", Some(line));
        self.form.go("passphrase");
        Vec::new()
    }

    /// posternd has taken a piece, or has looked at all of it.
    fn came(&mut self, answer: BackupAnswer) -> Result<Option<Request>, Failure> {
        let Step::Sending(sending) = &mut self.step else {
            return Ok(None);
        };
        match answer {
            BackupAnswer::Ticket { ticket, received } if !sending.looking => {
                if received < sending.received || received > sending.bytes {
                    return Err(strange());
                }
                (sending.ticket, sending.received) = (ticket.clone(), received);
                if received == sending.bytes {
                    sending.looking = true;
                    let passphrase = sending.passphrase.clone();
                    return Ok(Some(ask(BackupRequest::Look { ticket, passphrase })));
                }
                let wanted = (PIECE_MAX as u64).min(sending.bytes - received);
                let mut bytes = Vec::with_capacity(PIECE_MAX);
                let read = (&mut sending.file).take(wanted).read_to_end(&mut bytes);
                if read.is_err() || bytes.is_empty() {
                    return Err(Failure::failed(
                        "the file cannot be read any more: is the stick still in?",
                    ));
                }
                let (offset, bytes) = (received, Secret::new(bytes));
                Ok(Some(ask(BackupRequest::Piece { ticket, offset, bytes })))
            }
            BackupAnswer::Holds(holds) if sending.looking => {
                self.step = Step::Holds(Box::new(Held {
                    path: sending.path.clone(),
                    ticket: sending.ticket.clone(),
                    holds,
                    asked: false,
                }));
                Ok(None)
            }
            _ => Err(strange()),
        }
    }

    /// Back to the form, and posternd forgets the file.
    fn given_up(&mut self, line: Option<String>) -> Vec<Action> {
        let (path, ticket) = match &self.step {
            Step::Sending(sending) => (sending.path.clone(), sending.ticket.clone()),
            Step::Holds(held) => (held.path.clone(), held.ticket.clone()),
            _ => return Vec::new(),
        };
        self.attempt = self.attempt.wrapping_add(1);
        self.step = Step::Form(path);
        self.form = form();
        if let Some(line) = line {
            self.wrong(line);
        }
        match ticket.is_empty() {
            true => Vec::new(),
            false => vec![Action::Ask(
                self.attempt.wrapping_sub(1),
                ask(BackupRequest::Drop { ticket }),
            )],
        }
    }

    fn back(&mut self) -> Vec<Action> {
        match &self.step {
            Step::Pick => vec![Action::Close],
            Step::Form(_) => {
                self.form = form();
                self.pick.again();
                self.step = Step::Pick;
                Vec::new()
            }
            Step::Holds(held) if held.asked => Vec::new(),
            Step::Sending(_) | Step::Holds(_) => self.given_up(None),
            Step::Restored(_) => Vec::new(),
        }
    }

    fn sure(&self, context: &Context) -> Vec<Action> {
        let Step::Holds(held) = &self.step else {
            return Vec::new();
        };
        let host = context.hello.as_ref().map_or("this box", |hello| hello.host.as_str());
        let lines = vec![
            format!("Everything in {host} gives way to the backup of {}.", held.holds.host),
            "RADIUS is silent for some seconds, this session ends, and codes that were shown until then count no more."
                .to_owned(),
        ];
        vec![Action::Open(Box::new(Confirm::strong(
            SURE, "Restore", lines, "restore",
        )))]
    }
}

impl Default for Restore {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen for Restore {
    fn name(&self) -> &'static str {
        "restore"
    }

    fn title(&self) -> String {
        "Restore".to_owned()
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
        if !context.may(Role::Installer) {
            return if key == Key::Esc { self.back() } else { Vec::new() };
        }
        match &mut self.step {
            Step::Pick => match self.pick.on(key, context) {
                Picked::Not => {}
                Picked::Back => return self.back(),
                Picked::Path(file) if !file.is_file() => return pick::is_no(&file, "file"),
                Picked::Path(file) => self.step = Step::Form(file),
            },
            Step::Form(_) => {
                if matches!(self.form.on(key), Typed::Done) {
                    return self.begin();
                }
            }
            Step::Holds(held) if key == Key::Enter && !held.asked => return self.sure(context),
            Step::Sending(_) | Step::Holds(_) | Step::Restored(_) => {}
        }
        Vec::new()
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        match (told, &mut self.step) {
            (Told::Yes(SURE), Step::Holds(held)) => {
                held.asked = true;
                let now = RestoreNow {
                    ticket: held.ticket.clone(),
                    operator: None,
                    password: None,
                };
                vec![Action::Ask(self.attempt, ask(BackupRequest::Restore(now)))]
            }
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        if tag != self.attempt {
            return late(tag, &answer);
        }
        if let Step::Holds(held) = &mut self.step {
            return match answer {
                Ok(Answer::Done { done }) => {
                    self.step = Step::Restored(done);
                    Vec::new()
                }
                Ok(_) => vec![Action::Fail(strange())],
                Err(failure) => {
                    held.asked = false;
                    vec![Action::Fail(failure)]
                }
            };
        }
        let next = match answer {
            Ok(Answer::Backup(answer)) => self.came(answer),
            Ok(_) => Err(strange()),
            Err(failure) => Err(failure),
        };
        match next {
            Ok(Some(request)) => vec![Action::Ask(self.attempt, request)],
            Ok(None) => Vec::new(),
            Err(failure) => self.given_up(Some(failure.message)),
        }
    }

    fn tick(&mut self, context: &Context) -> Vec<Action> {
        if matches!(self.step, Step::Pick) {
            self.pick.tick(context);
        }
        Vec::new()
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = page.area();
        let inner = inset(area);
        if !context.may(Role::Installer) {
            page.line(inner, 0, "A restore is made by an installer: ask one.", Look::Plain);
            return;
        }
        match &self.step {
            Step::Pick => self.pick.draw(page),
            Step::Form(path) => {
                let below = pick::draw_chosen(page, area, "From", path);
                self.form.draw(page, below, true);
            }
            Step::Sending(sending) => {
                let words = match sending.looking {
                    true => "posternd looks at all of it. Nothing is changed yet.".to_owned(),
                    false => format!("{} of {} bytes are read.", sending.received, sending.bytes),
                };
                page.line(inner, 0, &words, Look::Plain);
            }
            Step::Holds(held) => draw_held(page, area, &held.holds, context),
            Step::Restored(done) => {
                let mut letters = done.chars();
                let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
                let words = format!(
                    "{first}{}. This screen goes on to the login by itself.",
                    letters.as_str()
                );
                page.wrapped(inner, &words, Look::Strong);
            }
        }
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        match &self.step {
            _ if !context.may(Role::Installer) => vec![("Esc", "back")],
            Step::Pick => vec![("Enter", "this file"), ("Esc", "back")],
            Step::Form(_) => vec![("Enter", "what it holds"), ("Esc", "another file")],
            Step::Sending(_) => vec![("Esc", "stop")],
            Step::Holds(held) if held.asked => Vec::new(),
            Step::Holds(_) => vec![("Enter", "restore it"), ("Esc", "no, nothing is changed")],
            Step::Restored(_) => Vec::new(),
        }
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Makes this box what a backup holds. First you see what is in the file; then a word must be typed. A file that is broken, of \
             another kind or under another passphrase changes nothing.",
            "Codes that were shown until then count no more: each user's next code does, within two minutes.",
            "What was in the box before is kept until the next backup or restore, 30 days at most.",
        ]
    }

    fn works(&self) -> bool {
        match &self.step {
            Step::Sending(_) | Step::Restored(_) => true,
            Step::Holds(held) => held.asked,
            _ => false,
        }
    }

    fn types(&self, character: char) -> bool {
        match &self.step {
            Step::Pick => self.pick.types(character),
            Step::Form(_) => self.form.types(character),
            _ => false,
        }
    }

    fn secret_typed(&self) -> Option<usize> {
        match &self.step {
            Step::Form(_) => self.form.secret_typed(),
            _ => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#[path = "backup_restore_tests.rs"]
mod tests;
