//! The tokens that this box programmed, as a new file on a stick, for Entra or another server (R25). In: a folder, the kind of file,
//! a passphrase for it, and the installer's own password; out: one file with mode 0600, whole or none, written here with the
//! console's own rights. The seeds are wiped as soon as it is written, and no key of one is ever on the screen.
//!
//! ```text
//! Postern box-1 | Export tokens                            anna installer  14:05
//!
//!   Into /media/stick
//!
//! > Kind of file       < pskc >  for other servers, encrypted
//!   Passphrase         [******************                            ]
//!   The same again     [******************                            ]
//!   Your own password  [                                              ]
//! ```

mod draw;

use std::path::{Path, PathBuf};

use super::backup_words::{SECRET_MAX, strange};
use super::pick::{self, Pick, Picked};
use super::sticks;
use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::Page;
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, any};
use crate::console::widgets::form::{Form, Typed};
use crate::console::widgets::scroll::{Paragraph, Scroll};
use crate::control::{Answer, ExportAsk, ExportPage, ExportRow, Failure, Request, Role, strength};
use crate::enrol::export::{Made, Target, make};
use crate::enrol::new_file::NewFile;
use crate::enrol::pskc::write::{Protection, ROUNDS};
use crate::process::fill_random;
use crate::secret::Secret;
use crate::text::shown;
use crate::times::shown_at;

/// What is said where the folder is chosen.
static WHERE_TO: pick::Words = pick::Words {
    none: "No stick is there. Plug one in, and it appears here (on an appliance once it is mounted: System, Stick); or type the path of \
           a folder.",
    some: "Where to? A new file is made there with the tokens that this box programmed. Whoever has such a file, and its passphrase \
           where it has one, can make every code.",
    ..pick::FOLDER
};
/// The kinds of files, as they are chosen.
const PSKC: &str = "pskc";
const AZURE: &str = "azure-csv";

/// Where one is.
#[derive(Debug)]
enum Step {
    /// A folder is chosen.
    Pick,
    /// Kind, passphrase, password.
    Form(PathBuf),
    /// Pages are on their way.
    Running(Running),
    /// The file lies there.
    Done(Made),
}

/// An export under way.
#[derive(Debug)]
struct Running {
    folder: PathBuf,
    new: NewFile,
    path: PathBuf,
    target: Target,
    password: Secret,
    rows: Vec<ExportRow>,
}

/// The export.
#[derive(Debug)]
pub struct Export {
    pick: Pick<PathBuf>,
    form: Form,
    step: Step,
    /// What to know of the file, below the sum.
    notes: Vec<Paragraph>,
    scroll: Scroll,
    /// Counts the attempts: an answer to one that was given up is none to the next.
    attempt: u32,
}

impl Export {
    /// Begins with the list of folders.
    pub fn new() -> Self {
        Self {
            pick: Pick::new(&WHERE_TO, sticks::folders),
            form: form(PSKC),
            step: Step::Pick,
            notes: Vec::new(),
            scroll: Scroll::default(),
            attempt: 0,
        }
    }

    /// Looks at what was typed, makes sure of the file, and asks for the first page.
    fn ask(&mut self, context: &Context) -> Vec<Action> {
        let Step::Form(folder) = &self.step else {
            return Vec::new();
        };
        let folder = folder.clone();
        let Some(target) = self.target() else {
            return Vec::new();
        };
        let password = self.form.take_secret("password");
        if password.is_empty() {
            return self.wrong("password", "Type the password that you log in with.".to_owned());
        }
        let path = folder.join(file_name(&target, context));
        let new = match NewFile::begin(&path, false) {
            Ok(new) => new,
            Err(line) => return vec![Action::Fail(Failure::refused(line))],
        };
        self.attempt = self.attempt.wrapping_add(1);
        let first = request(&password, None);
        self.step = Step::Running(Running {
            folder,
            new,
            path,
            target,
            password,
            rows: Vec::new(),
        });
        vec![Action::Ask(self.attempt, first)]
    }

    /// The kind of file with its passphrase; none where something is wrong with that, which is then said.
    fn target(&mut self) -> Option<Target> {
        if self.form.text("kind") == AZURE {
            return Some(Target::AzureCsv);
        }
        let (first, again) = (self.form.text("passphrase"), self.form.text("again"));
        let wrong = match strength::password("", first) {
            Err(line) => Some(("passphrase", format!("The passphrase: {line}"))),
            Ok(()) if first != again => Some(("again", "The two were not the same.".to_owned())),
            Ok(()) => None,
        };
        let passphrase = Secret::from(first);
        match wrong {
            None => Some(Target::Pskc(Protection::Passphrase(passphrase, ROUNDS))),
            Some((key, line)) => {
                self.wrong(key, line);
                None
            }
        }
    }

    fn wrong(&mut self, key: &'static str, line: String) -> Vec<Action> {
        self.form.set_wrong(key, Some(line));
        self.form.go(key);
        Vec::new()
    }

    /// A page has come: the next one, or the file.
    fn page(&mut self, page: ExportPage) -> Vec<Action> {
        let Step::Running(running) = &mut self.step else {
            return Vec::new();
        };
        let last = running.rows.last().map(|row| row.id);
        running.rows.extend(page.rows);
        match page.next {
            // Each page begins behind the one before, or this would never end.
            Some(next) if last.is_none_or(|last| next > last) => {
                vec![Action::Ask(self.attempt, request(&running.password, Some(next)))]
            }
            Some(_) => self.failed(Failure::failed("posternd answered the same page again")),
            None => self.write(),
        }
    }

    /// Makes the file; whatever comes of it, the seeds are gone afterwards.
    fn write(&mut self) -> Vec<Action> {
        let running = match std::mem::replace(&mut self.step, Step::Pick) {
            Step::Running(running) => running,
            other => {
                self.step = other;
                return Vec::new();
            }
        };
        let Running {
            folder,
            new,
            path,
            target,
            rows,
            ..
        } = running;
        self.step = Step::Form(folder);
        let (text, mut made) = match make(rows, &target, &mut fill_random) {
            Ok(made) => made,
            Err(line) => return vec![Action::Fail(Failure::refused(line))],
        };
        match new.finish(text.as_bytes()) {
            Ok(warning) => made.warnings.extend(warning),
            Err(line) => return vec![Action::Fail(Failure::failed(line))],
        }
        made.file = shown_path(&path);
        self.notes = draw::notes(&made);
        self.scroll = Scroll::default();
        // The passphrase is not needed again.
        self.form = form(PSKC);
        self.step = Step::Done(made);
        Vec::new()
    }

    /// Back to the form; the file in the making goes.
    fn failed(&mut self, failure: Failure) -> Vec<Action> {
        if let Step::Running(running) = &self.step {
            self.step = Step::Form(running.folder.clone());
        }
        self.wrong("password", failure.message)
    }

    fn back(&mut self) -> Vec<Action> {
        match &self.step {
            Step::Pick | Step::Done(_) => return vec![Action::Close],
            Step::Form(_) => {
                self.form = form(PSKC);
                self.pick.again();
                self.step = Step::Pick;
            }
            Step::Running(running) => self.step = Step::Form(running.folder.clone()),
        }
        Vec::new()
    }
}

impl Default for Export {
    fn default() -> Self {
        Self::new()
    }
}

fn request(password: &Secret, after: Option<crate::control::TokenId>) -> Request {
    Request::Export(ExportAsk {
        operator: None,
        password: Some(password.clone()),
        after,
    })
}

/// What is asked for; a file for Entra has no passphrase.
fn form(kind: &str) -> Form {
    let mut form = Form::new().choice(
        "kind",
        "Kind of file",
        &[(PSKC, "for other servers, encrypted"), (AZURE, "for Entra, in clear")],
        "Left and Right change it. Entra takes nothing but a file in clear.",
    );
    if kind == PSKC {
        form = form
            .field(
                "passphrase",
                "Passphrase",
                Field::secret(SECRET_MAX, any),
                "A new one for this file, such as four words. Tell it to whoever reads the file, by another way.",
            )
            .field("again", "The same again", Field::secret(SECRET_MAX, any), "");
    }
    form = form.field(
        "password",
        "Your own password",
        Field::secret(SECRET_MAX, any),
        "The one that you log in with. The export is on record with the names of the users.",
    );
    form.set("kind", kind);
    form
}

/// `postern-tokens-20260302-140500.xml`: no two are alike.
fn file_name(target: &Target, context: &Context) -> String {
    let at = shown_at(context.now.wall, &context.zone);
    let digits: String = at.chars().filter(char::is_ascii_digit).take(14).collect();
    let (date, time) = digits.split_at_checked(8).unwrap_or((&digits, ""));
    let end = match target {
        Target::AzureCsv => "csv",
        Target::Pskc(_) => "xml",
    };
    format!("postern-tokens-{date}-{time}.{end}")
}

fn shown_path(path: &Path) -> String {
    let parts = [path.parent(), path.file_name().map(Path::new)];
    let parts: Vec<String> = parts
        .iter()
        .flatten()
        .map(|part| shown(&part.to_string_lossy()))
        .collect();
    parts.join("/")
}

impl Screen for Export {
    fn name(&self) -> &'static str {
        "export"
    }

    fn title(&self) -> String {
        "Export tokens".to_owned()
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
            Step::Form(_) => match self.form.on(key) {
                Typed::Done => return self.ask(context),
                Typed::Changed("kind") => self.form = form(self.form.text("kind")),
                _ => {}
            },
            Step::Running(_) => {}
            Step::Done(_) if key == Key::Enter => return vec![Action::Close],
            Step::Done(_) => {
                let (width, height) = draw::notes_size(context.size);
                self.scroll.on(key, height, Scroll::rows(&self.notes, width));
            }
        }
        Vec::new()
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        if tag != self.attempt || !matches!(self.step, Step::Running(_)) {
            return Vec::new();
        }
        match answer {
            Ok(Answer::Export(page)) => self.page(page),
            Ok(_) => self.failed(strange()),
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
        draw::draw(self, page, context);
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        match &self.step {
            _ if !context.may(Role::Installer) => vec![("Esc", "back")],
            Step::Pick => vec![("Enter", "into this folder"), ("Esc", "back")],
            Step::Form(_) => vec![
                ("Enter", "next, write the file"),
                ("Left/Right", "change"),
                ("Esc", "another folder"),
            ],
            Step::Running(_) => vec![("Esc", "stop")],
            Step::Done(_) => vec![("Enter", "done"), ("Up/Down", "more lines")],
        }
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Writes the tokens that were programmed at this box and confirmed by their first code into a file, so that Entra or another \
             server takes their codes too. Seeds from apps and from vendors' files do not leave the box.",
            "For Entra the file is in clear: take it to Entra at once and destroy it. For other servers it is PSKC (RFC 6030) under a \
             passphrase that you choose.",
            "It asks for your own password, wrong ones count as at a login, and the log names everybody whose seed left.",
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
mod tests;
