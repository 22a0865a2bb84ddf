//! Who may come to this console by SSH: fingerprints of public keys. In: a key that is pasted, or a file on a stick; out: the keys as they
//! are to be. None: SSH is off.
//!
//! ```text
//! Postern box-1 | SSH keys                                 anna installer  14:05
//!
//!   SSH is on, for these keys. It leads to this console's login, and to
//!   nothing else.
//!
//!   SHA256:ifQ+... anna@desk
//!
//! > t Type or paste a key
//!   f From a file on a stick
//!   x Take one away
//!   o Off
//! ```

use std::path::PathBuf;

use super::line::{Line, Wish};
use super::{ask, paragraphs};
use crate::console::action::{Action, Told, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::screens::choose::Choose;
use crate::console::screens::confirm::Confirm;
use crate::console::screens::sticks;
use crate::console::widgets::asked::Asked;
use crate::console::widgets::inset::below;
use crate::console::widgets::menu::{Chose, Entry, Menu};
use crate::control::check::machine;
use crate::control::{Answer, Failure, HostAnswer, HostRequest, Request};
use crate::text::shown;

/// Tags of questions to posternd.
const SHOW: u32 = 0;
const SET: u32 = 1;
/// Tags of questions to the operator.
const OFF: u32 = 1;
const FILE: u32 = 2;
const AWAY: u32 = 3;
/// Bytes of a file of public keys.
const FILE_MAX: u64 = 64 * 1024;

/// The keys.
#[derive(Debug)]
pub struct Ssh {
    /// Fingerprints and comments; none: not known yet.
    keys: Option<Vec<String>>,
    asked: Asked,
    menu: Menu,
}

/// The fingerprint alone.
fn fingerprint(line: &str) -> String {
    line.split(' ').next().unwrap_or_default().to_owned()
}

/// Whether a file is one of public keys, by its name.
fn is_keys(name: &str) -> bool {
    name.ends_with(".pub") || name.starts_with("authorized_keys")
}

/// The keys in a file: each line that is not empty and no remark.
fn keys_of(text: &str) -> Result<Vec<String>, String> {
    let lines = text.lines().map(str::trim).enumerate();
    let mut keys = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        keys.push(machine::ssh_key(line).map_err(|why| format!("line {}: {why}", number + 1))?);
    }
    match keys.is_empty() {
        true => Err("no key stands in this file".to_owned()),
        false => Ok(keys),
    }
}

impl Ssh {
    /// Asks for what it shows itself.
    pub fn new() -> Self {
        Self {
            keys: None,
            asked: Asked::new(SHOW),
            menu: Menu::default(),
        }
    }

    fn fingerprints(&self) -> Vec<String> {
        self.keys.iter().flatten().map(|line| fingerprint(line)).collect()
    }

    fn entries(&self) -> Vec<Entry> {
        let mut entries = vec![('t', "Type or paste a key"), ('f', "From a file on a stick")];
        if self.keys.as_ref().is_some_and(|keys| !keys.is_empty()) {
            entries.extend([('x', "Take one away"), ('o', "Off: no SSH any more")]);
        }
        entries
    }

    fn chosen(&self, letter: char, context: &Context) -> Vec<Action> {
        let screen: Box<dyn Screen> = match letter {
            't' => {
                let keep = self.fingerprints();
                Box::new(Line::new(Wish::SshKey { keep }, ""))
            }
            'f' => return self.files(context),
            'x' => {
                let keys = self.keys.iter().flatten();
                let choices = keys.map(|line| (fingerprint(line), shown_key(line))).collect();
                let lines = vec!["Which key is taken away? Sessions that it has opened end.".to_owned()];
                Box::new(Choose::new(AWAY, "Take a key away", lines, choices))
            }
            _ => {
                let line = "Nobody comes to this console by SSH any more; all keys are forgotten.".to_owned();
                Box::new(Confirm::new(OFF, "SSH off", vec![line]))
            }
        };
        vec![Action::Open(screen)]
    }

    fn files(&self, context: &Context) -> Vec<Action> {
        let found = sticks::files(&context.import_dirs, is_keys);
        if found.is_empty() {
            let words =
                "no file of public keys (.pub) was found: plug in a stick, mount it (System, Stick), and try again";
            return vec![Action::Fail(Failure::refused(words))];
        }
        let choices = found
            .iter()
            .map(|path| {
                let path = path.to_string_lossy();
                (path.to_string(), shown(&path))
            })
            .collect();
        let lines = vec!["Every key in the file is added.".to_owned()];
        vec![Action::Open(Box::new(Choose::new(
            FILE,
            "A file of public keys",
            lines,
            choices,
        )))]
    }

    fn add_file(&self, path: &str) -> Vec<Action> {
        let read = sticks::read(&PathBuf::from(path), FILE_MAX);
        let keys = read.and_then(|bytes| keys_of(&String::from_utf8_lossy(&bytes)));
        match keys {
            Ok(more) => {
                let mut keys = self.fingerprints();
                keys.extend(more);
                match keys.len() > machine::SSH_KEYS_MAX {
                    true => {
                        let words = format!("{} keys are enough: take some away first", machine::SSH_KEYS_MAX);
                        vec![Action::Fail(Failure::refused(words))]
                    }
                    false => vec![ask(SET, HostRequest::SshSet { keys })],
                }
            }
            Err(line) => vec![Action::Fail(Failure::refused(line))],
        }
    }
}

impl Default for Ssh {
    fn default() -> Self {
        Self::new()
    }
}

/// A fingerprint and its comment, which somebody else wrote.
fn shown_key(line: &str) -> String {
    let comment = line.split_once(' ').map_or("", |(_, comment)| comment);
    format!("{} {}", shown(&fingerprint(line)), shown(comment))
        .trim_end()
        .to_owned()
}

impl Screen for Ssh {
    fn name(&self) -> &'static str {
        "ssh-keys"
    }

    fn title(&self) -> String {
        "SSH keys".to_owned()
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        self.asked.ask(Request::Host(HostRequest::Show))
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        match self.menu.on(key) {
            Chose::This(letter) => self.chosen(letter, context),
            Chose::NotMine if key == Key::Esc => vec![Action::Close],
            _ => Vec::new(),
        }
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        match told {
            Told::Yes(OFF) => vec![ask(SET, HostRequest::SshSet { keys: Vec::new() })],
            Told::Picked(FILE, path) => self.add_file(&path),
            Told::Picked(AWAY, gone) => {
                let mut keys = self.fingerprints();
                keys.retain(|one| *one != gone);
                vec![ask(SET, HostRequest::SshSet { keys })]
            }
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            SHOW => self.asked.landed(),
            _ => Vec::new(),
        };
        match answer {
            Ok(Answer::Host(HostAnswer::Report(report))) => {
                if tag == SET {
                    let words = match report.ssh.len() {
                        0 => "SSH is off.".to_owned(),
                        1 => "SSH is on, for one key.".to_owned(),
                        number => format!("SSH is on, for {number} keys."),
                    };
                    actions.push(Action::Say(Tone::Done, words));
                }
                self.keys = Some(report.ssh);
                self.menu.set(&self.entries());
            }
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let words = match &self.keys {
            None => "Asking posternd ...",
            Some(keys) if keys.is_empty() => {
                "SSH is off. A public key that is added here switches it on: it leads to this console's login, and to nothing else."
            }
            Some(_) => "SSH is on, for these keys. It leads to this console's login, and to nothing else.",
        };
        let area = paragraphs(page, &[(words.to_owned(), Look::Plain)]);
        let keys = self.keys.as_deref().unwrap_or_default();
        let room = area.height.saturating_sub(self.menu.height()).saturating_sub(1);
        let inner = ratatui::layout::Rect {
            x: area.x.saturating_add(2),
            width: area.width.saturating_sub(4),
            height: room,
            ..area
        };
        let fit = usize::from(room.saturating_sub(1));
        let mut used = 0;
        for (row, line) in (0..room).zip(keys.iter().take(fit)) {
            page.line(inner, row, &shown_key(line), Look::Plain);
            used = row.saturating_add(1);
        }
        if keys.len() > fit {
            page.line(
                inner,
                used,
                &format!("and {} more (x shows all)", keys.len() - fit),
                Look::Plain,
            );
            used = used.saturating_add(1);
        }
        let gap = u16::from(used > 0);
        self.menu.draw(page, below(area, used.saturating_add(gap)));
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Up/Down, Enter or a letter", "choose"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "SSH is off until a key is added, and knows keys alone, no password. Behind it stands the same login as here.",
            "A public key is the line in the file that ends in .pub. The fingerprint is what `ssh-keygen -lf` shows for it.",
        ]
    }
}
