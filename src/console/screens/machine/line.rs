//! One line that is typed for the machine: its name, time servers, the address of an update, an SSH key. In: what it is for; out: one
//! request. What is wrong is said below it, and nothing that was typed is lost before it is done.
//!
//! ```text
//! Postern box-1 | Host name                                anna installer  14:05
//!
//!   The name stands above each screen, in the log, and in backups.
//!
//!   [box-1                                         ]
//!
//! Enter set it  Esc back  F1 help
//! ```

use super::{ask, paragraphs};
use crate::console::action::{Action, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, any, word};
use crate::console::widgets::inset::below;
use crate::control::check::machine;
use crate::control::{Answer, Failure, HostRequest, UpdateSource};

/// The longest list of servers that can be typed.
const LIST_MAX: usize = 200;

/// What the line is for.
#[derive(Debug)]
pub enum Wish {
    /// The host's name.
    Name,
    /// Time servers; the zone stays.
    Servers {
        /// As it is.
        zone: String,
    },
    /// Where an update lies.
    Url,
    /// One SSH key more.
    SshKey {
        /// Fingerprints of those that stay.
        keep: Vec<String>,
    },
}

/// One line.
#[derive(Debug)]
pub struct Line {
    wish: Wish,
    field: Field,
    wrong: Option<String>,
    waiting: bool,
}

fn list(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | ':' | ',' | ' ')
}

fn name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-')
}

impl Line {
    /// For this, with what stands now.
    pub fn new(wish: Wish, now: &str) -> Self {
        let field = match &wish {
            Wish::Name => Field::new(machine::HOST_NAME_MAX, name),
            Wish::Servers { .. } => Field::new(LIST_MAX, list),
            Wish::Url => Field::new(machine::URL_MAX, word),
            Wish::SshKey { .. } => Field::new(machine::SSH_KEY_MAX, any),
        };
        Self {
            field: field.with(now),
            wish,
            wrong: None,
            waiting: false,
        }
    }

    /// What is asked for, or what is wrong.
    fn request(&self) -> Result<HostRequest, String> {
        let text = self.field.text().trim();
        match &self.wish {
            Wish::Name => Ok(HostRequest::NameSet {
                name: machine::host_name(text)?,
            }),
            Wish::Servers { zone } => Ok(HostRequest::TimeSet {
                zone: zone.clone(),
                servers: machine::time_servers(text)?,
            }),
            Wish::Url => Ok(HostRequest::UpdateFetch(UpdateSource::Url {
                url: machine::update_url(text)?,
            })),
            Wish::SshKey { keep } => {
                let mut keys = keep.clone();
                keys.push(machine::ssh_key(text)?);
                match keys.len() > machine::SSH_KEYS_MAX {
                    true => Err(format!(
                        "{} keys are enough: take one away first",
                        machine::SSH_KEYS_MAX
                    )),
                    false => Ok(HostRequest::SshSet { keys }),
                }
            }
        }
    }

    fn done(&self) -> Option<&'static str> {
        match &self.wish {
            Wish::Name => Some("The name is set."),
            Wish::Servers { .. } => Some("The time servers are set."),
            Wish::Url => None,
            Wish::SshKey { .. } => Some("The key is added: SSH leads to this console, and to nothing else."),
        }
    }
}

impl Screen for Line {
    fn name(&self) -> &'static str {
        "machine-line"
    }

    fn title(&self) -> String {
        let words = match &self.wish {
            Wish::Name => "Host name",
            Wish::Servers { .. } => "Time servers",
            Wish::Url => "Update from a web server",
            Wish::SshKey { .. } => "Add an SSH key",
        };
        words.to_owned()
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        match key {
            Key::Esc => return vec![Action::Close],
            _ if self.waiting => {}
            Key::Enter => match self.request() {
                Ok(request) => {
                    self.waiting = true;
                    return vec![ask(0, request)];
                }
                Err(line) => self.wrong = Some(line),
            },
            key => {
                if self.field.on(key) {
                    self.wrong = None;
                }
            }
        }
        Vec::new()
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        self.waiting = false;
        match answer {
            Ok(_) => {
                let said = self.done().map(|words| Action::Say(Tone::Done, words.to_owned()));
                [Action::Close].into_iter().chain(said).collect()
            }
            Err(failure) => {
                self.wrong = Some(failure.message);
                Vec::new()
            }
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let words = match &self.wish {
            Wish::Name => {
                "The name stands above each screen, in the log, and in backups. Letters, digits and dashes, such as box-1."
            }
            Wish::Servers { .. } => {
                "Names or addresses, blanks between them; several are better than one. Empty: those that the image has."
            }
            Wish::Url => {
                "The folder on a web server that holds the release's files. The box copies them and checks their signature; nothing else \
                 changes before you say so."
            }
            Wish::SshKey { .. } => {
                "Paste the line of a public key: the file that ends in .pub. Whoever holds its private key comes to this console's \
                 login, and to nothing else."
            }
        };
        let area = paragraphs(page, &[(words.to_owned(), Look::Plain)]);
        let inner = ratatui::layout::Rect {
            x: area.x.saturating_add(2),
            width: area.width.saturating_sub(4).min(100),
            ..area
        };
        self.field.draw(page, inner.x, inner.y, inner.width, !self.waiting);
        let rest = below(inner, 2);
        match (&self.wrong, self.waiting) {
            (_, true) => page.line(rest, 0, "Asking posternd ...", Look::Plain),
            (Some(wrong), _) => {
                page.wrapped(rest, wrong, Look::Bad);
            }
            (None, _) => {}
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        let words = match &self.wish {
            Wish::Url => "fetch it",
            Wish::SshKey { .. } => "add it",
            _ => "set it",
        };
        vec![("Enter", words), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &["One line for the machine. Esc goes back, and nothing is changed. Ctrl-U empties the line."]
    }

    fn types(&self, character: char) -> bool {
        !self.waiting && self.field.accepts(character)
    }

    /// Somebody may paste the private key.
    fn secret_typed(&self) -> Option<usize> {
        matches!(self.wish, Wish::SshKey { .. }).then(|| self.field.at())
    }
}
