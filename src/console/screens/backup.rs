//! Everything of the box as one new file on a stick, under a passphrase (R25). In: a folder, a passphrase, the installer's own password; out:
//! one file with mode 0600, whole or none, written here with the console's own rights. What comes from posternd is sealed already.
//!
//! ```text
//! Postern box-1 | Backup                                   anna installer  14:05
//!
//!   Into /media/stick
//!
//! > Passphrase         [******************                            ]
//!   The same again     [******************                            ]
//!   Your own password  [                                              ]
//! ```

use std::path::PathBuf;

use ratatui::layout::Rect;

use super::backup_words::{SECRET_MAX, held, late, strange};
use super::pick::{self, Pick, Picked};
use super::sticks;
use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, any};
use crate::console::widgets::form::{Form, Typed};
use crate::console::widgets::inset::{below, inset};
use crate::control::{
    Answer, BackupAnswer, BackupHolds, BackupMade, BackupMake, BackupRequest, Failure, Request, Role, strength,
};
use crate::enrol::new_file::NewFile;
use crate::secret::Secret;
use crate::text::shown;
use crate::times::shown_at;

/// What is said where the folder is chosen.
static WHERE_TO: pick::Words = pick::Words {
    none: "No stick is there. Plug one in, and it appears here; or type the path of a folder.",
    some: "Where to? A new file is made there with everything of this box: users, tokens, settings, operators, the log. Whoever has \
           it and its passphrase can make every code.",
    ..pick::FOLDER
};

/// Where one is.
#[derive(Debug)]
enum Step {
    /// A folder is chosen.
    Pick,
    /// Passphrase and password.
    Form(PathBuf),
    /// posternd makes it, then it comes in pieces.
    Running(Box<Running>),
    /// The file lies there.
    Done(Box<Done>),
}

/// A backup under way.
#[derive(Debug)]
struct Running {
    folder: PathBuf,
    path: PathBuf,
    new: NewFile,
    /// What is made; none: it is being made.
    made: Option<BackupMade>,
    offset: u64,
}

/// A backup that was written.
#[derive(Debug)]
struct Done {
    path: String,
    holds: BackupHolds,
    warning: Option<String>,
}

/// The backup.
#[derive(Debug)]
pub struct Backup {
    pick: Pick<PathBuf>,
    form: Form,
    step: Step,
    /// Counts the attempts: an answer to one that was given up is none to the next.
    attempt: u32,
}

fn form() -> Form {
    Form::new()
        .field(
            "passphrase",
            "Passphrase",
            Field::secret(SECRET_MAX, any),
            "A new one, such as four words. Without it nobody opens the file: keep it apart from the stick.",
        )
        .field("again", "The same again", Field::secret(SECRET_MAX, any), "")
        .field(
            "password",
            "Your own password",
            Field::secret(SECRET_MAX, any),
            "The one that you log in with. The backup is on record.",
        )
}

/// `postern-backup-20260302-140500.age`: no two are alike.
fn file_name(context: &Context) -> String {
    let at = shown_at(context.now.wall, &context.zone);
    let digits: String = at.chars().filter(char::is_ascii_digit).take(14).collect();
    let (date, time) = digits.split_at_checked(8).unwrap_or((&digits, ""));
    format!("postern-backup-{date}-{time}.age")
}

impl Backup {
    /// Begins with the list of folders.
    pub fn new() -> Self {
        Self {
            pick: Pick::new(&WHERE_TO, sticks::folders),
            form: form(),
            step: Step::Pick,
            attempt: 0,
        }
    }

    fn wrong(&mut self, key: &'static str, line: String) -> Vec<Action> {
        self.form.set_wrong(key, Some(line));
        self.form.go(key);
        Vec::new()
    }

    /// Looks at what was typed, makes sure of the file, and asks.
    fn ask(&mut self, context: &Context) -> Vec<Action> {
        let Step::Form(folder) = &self.step else {
            return Vec::new();
        };
        let folder = folder.clone();
        let (first, again) = (self.form.text("passphrase"), self.form.text("again"));
        match strength::password("", first) {
            Err(line) => return self.wrong("passphrase", format!("The passphrase: {line}")),
            Ok(()) if first != again => return self.wrong("again", "The two were not the same.".to_owned()),
            Ok(()) => {}
        }
        let passphrase = Secret::from(first);
        let password = self.form.take_secret("password");
        if password.is_empty() {
            return self.wrong("password", "Type the password that you log in with.".to_owned());
        }
        let path = folder.join(file_name(context));
        let new = match NewFile::begin_large(&path) {
            Ok(new) => new,
            Err(line) => return vec![Action::Fail(Failure::refused(line))],
        };
        self.attempt = self.attempt.wrapping_add(1);
        self.step = Step::Running(Box::new(Running {
            folder,
            path,
            new,
            made: None,
            offset: 0,
        }));
        let make = BackupMake {
            operator: None,
            password: Some(password),
            passphrase,
        };
        vec![Action::Ask(self.attempt, Request::Backup(BackupRequest::Make(make)))]
    }

    /// What posternd answered: asks for the next piece, or ends the file.
    fn came(&mut self, answer: BackupAnswer) -> Result<Option<Request>, Failure> {
        let Step::Running(running) = &mut self.step else {
            return Ok(None);
        };
        match (answer, &running.made) {
            (BackupAnswer::Made(made), None) => running.made = Some(made),
            (BackupAnswer::Piece { bytes }, Some(_)) if !bytes.is_empty() => {
                running.new.add(bytes.expose()).map_err(Failure::failed)?;
                running.offset = running.offset.saturating_add(bytes.len() as u64);
            }
            _ => return Err(strange()),
        }
        let (offset, made) = (running.offset, running.made.as_ref().ok_or_else(strange)?);
        if offset < made.bytes {
            let ticket = made.ticket.clone();
            return Ok(Some(Request::Backup(BackupRequest::Read { ticket, offset })));
        }
        self.end()?;
        Ok(None)
    }

    fn end(&mut self) -> Result<(), Failure> {
        let running = match std::mem::replace(&mut self.step, Step::Pick) {
            Step::Running(running) => *running,
            other => {
                self.step = other;
                return Ok(());
            }
        };
        self.step = Step::Form(running.folder);
        let warning = running.new.finish(b"").map_err(Failure::failed)?;
        self.form = form();
        let made = running.made.ok_or_else(strange)?;
        self.step = Step::Done(Box::new(Done {
            path: shown(&running.path.to_string_lossy()),
            holds: made.holds,
            warning,
        }));
        Ok(())
    }

    fn failed(&mut self, failure: Failure) -> Vec<Action> {
        let mut actions = self.given_up();
        actions.extend(self.wrong("password", failure.message));
        actions
    }

    /// Back to the form, and posternd forgets what it made.
    fn given_up(&mut self) -> Vec<Action> {
        let Step::Running(running) = &self.step else {
            return Vec::new();
        };
        let ticket = running.made.as_ref().map(|made| made.ticket.clone());
        self.step = Step::Form(running.folder.clone());
        let before = self.attempt;
        self.attempt = self.attempt.wrapping_add(1);
        let drop = ticket.map(|ticket| Request::Backup(BackupRequest::Drop { ticket }));
        drop.map(|drop| Action::Ask(before, drop)).into_iter().collect()
    }

    fn back(&mut self) -> Vec<Action> {
        match &self.step {
            Step::Pick | Step::Done(_) => return vec![Action::Close],
            Step::Form(_) => {
                self.form = form();
                self.pick.again();
                self.step = Step::Pick;
            }
            Step::Running(_) => return self.given_up(),
        }
        Vec::new()
    }

    fn draw_done(&self, page: &mut Page<'_>, area: Rect, done: &Done, context: &Context) {
        let inner = inset(area);
        page.line(inner, 0, "The backup is written:", Look::Strong);
        page.line(inner, 1, &done.path, Look::Plain);
        let mut row = 3;
        for line in held(&done.holds, context) {
            page.line(inner, row, &line, Look::Plain);
            row += 1;
        }
        let rest = "Take the stick out and keep it apart from its passphrase.".to_owned();
        let warning = done.warning.as_ref().map(|warning| format!("Note: {warning}."));
        let mut left = below(inner, row + 1);
        for (line, look) in [(Some(rest), Look::Plain), (warning, Look::Warn)] {
            let rows = line.map_or(0, |line| page.wrapped(left, &line, look));
            left = below(left, rows + 1);
        }
    }
}

impl Default for Backup {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen for Backup {
    fn name(&self) -> &'static str {
        "backup"
    }

    fn title(&self) -> String {
        "Backup".to_owned()
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
                Picked::Path(folder) if !folder.is_dir() => return pick::is_no(&folder, "folder"),
                Picked::Path(folder) => self.step = Step::Form(folder),
            },
            Step::Form(_) => {
                if matches!(self.form.on(key), Typed::Done) {
                    return self.ask(context);
                }
            }
            Step::Done(_) if key == Key::Enter => return vec![Action::Close],
            Step::Running(_) | Step::Done(_) => {}
        }
        Vec::new()
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        if tag != self.attempt || !matches!(self.step, Step::Running(_)) {
            return late(tag, &answer);
        }
        let next = match answer {
            Ok(Answer::Backup(answer)) => self.came(answer),
            Ok(_) => Err(strange()),
            Err(failure) => Err(failure),
        };
        match next {
            Ok(Some(request)) => vec![Action::Ask(self.attempt, request)],
            Ok(None) => Vec::new(),
            Err(failure) => self.failed(failure),
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
            page.line(inner, 0, "A backup is made by an installer: ask one.", Look::Plain);
            return;
        }
        match &self.step {
            Step::Pick => self.pick.draw(page),
            Step::Form(folder) => {
                let below = pick::draw_chosen(page, area, "Into", folder);
                self.form.draw(page, below, true);
            }
            Step::Running(running) => {
                let words = match &running.made {
                    None => "posternd makes the backup. Logins go on meanwhile.".to_owned(),
                    Some(made) => format!("{} of {} bytes are written.", running.offset, made.bytes),
                };
                page.line(inner, 0, &words, Look::Plain);
            }
            Step::Done(done) => self.draw_done(page, area, done, context),
        }
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        match &self.step {
            _ if !context.may(Role::Installer) => vec![("Esc", "back")],
            Step::Pick => vec![("Enter", "into this folder"), ("Esc", "back")],
            Step::Form(_) => vec![("Enter", "next, write the backup"), ("Esc", "another folder")],
            Step::Running(_) => vec![("Esc", "stop")],
            Step::Done(_) => vec![("Enter", "done")],
        }
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Writes everything of this box into one file under a passphrase: users, tokens, spent codes, settings, operators and the log. \
             Another box becomes this one by it: System, Restore.",
            "The program age opens the file too (age-encryption.org), with the same passphrase. Nobody can open it without.",
            "It asks for your own password; wrong ones count as at a login.",
        ]
    }

    fn works(&self) -> bool {
        matches!(self.step, Step::Running(_))
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
#[path = "backup_tests.rs"]
pub(super) mod tests;
