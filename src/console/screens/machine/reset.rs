//! The box is emptied. In: an installer's own password and the host's name, typed; out: one request. What goes and what stays is said
//! first, for nothing brings it back but a backup.
//!
//! ```text
//! Postern box-1 | Factory reset                            anna installer  14:05
//!
//!   EVERYTHING ON THIS BOX GOES: users, tokens, clients, directories,
//!   operators, the log, network and name. ...
//!
//! > The box's name     [                                              ]
//!   Your own password  [                                              ]
//! ```

use super::power::host;
use super::{ask, paragraphs};
use crate::console::action::{Action, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, any, word};
use crate::console::widgets::form::{Form, Typed};
use crate::control::check::machine::HOST_NAME_MAX;
use crate::control::{Answer, Failure, HostAnswer, HostRequest, strength};

/// The question before everything goes.
#[derive(Debug)]
pub struct Reset {
    form: Form,
    waiting: bool,
}

impl Reset {
    /// Nothing typed yet.
    pub fn new() -> Self {
        let form = Form::new()
            .field(
                "name",
                "The box's name",
                Field::new(HOST_NAME_MAX, word),
                "As it stands at the top left of this screen: so that it is this box that you mean.",
            )
            .field(
                "password",
                "Your own password",
                Field::secret(strength::PASSWORD_MAX, any),
                "The one that you log in with. With Enter the box is emptied, and this cannot be undone.",
            );
        Self { form, waiting: false }
    }

    fn done(&mut self, context: &Context) -> Vec<Action> {
        let host = host(context);
        if self.form.text("name").trim() != host {
            self.form.set_wrong("name", Some(format!("This box is called {host}.")));
            self.form.go("name");
            return Vec::new();
        }
        let password = self.form.take_secret("password");
        if password.is_empty() {
            let words = "Type the password that you log in with.".to_owned();
            self.form.set_wrong("password", Some(words));
            return Vec::new();
        }
        self.waiting = true;
        let request = HostRequest::FactoryReset {
            operator: None,
            password: Some(password),
        };
        vec![ask(0, request)]
    }
}

impl Default for Reset {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen for Reset {
    fn name(&self) -> &'static str {
        "factory-reset"
    }

    fn title(&self) -> String {
        "Factory reset".to_owned()
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if key == Key::Esc {
            return vec![Action::Close];
        }
        if !self.waiting && self.form.on(key) == Typed::Done {
            return self.done(context);
        }
        Vec::new()
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        match answer {
            Ok(Answer::Host(HostAnswer::Done { done })) => vec![Action::Say(Tone::Done, done)],
            Ok(_) => Vec::new(),
            Err(failure) => {
                self.waiting = false;
                self.form.set_wrong("password", Some(failure.message));
                self.form.go("password");
                Vec::new()
            }
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let host = host(context);
        let goes = format!(
            "EVERYTHING ON {host} GOES: users, tokens, clients, directories, operators, the log, name and network. No login is answered \
             until it is set up again."
        );
        let stays = "What stays: the version that runs, and what lies on sticks. A backup on a stick, made before and opened with its \
                     passphrase, brings everything back on this box or on another. Without one, every token that was enrolled here is \
                     worthless.";
        let area = paragraphs(page, &[(goes, Look::Bad), (stays.to_owned(), Look::Plain)]);
        match self.waiting {
            true => page.line(area, 0, "  The box is emptied, and starts anew ...", Look::Strong),
            false => self.form.draw(
                page,
                ratatui::layout::Rect {
                    width: area.width.min(100),
                    ..area
                },
                true,
            ),
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Enter", "next, empty the box"), ("Esc", "no, back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "For a box that goes to somebody else, or begins anew. Make a backup on a stick first, if anything of it may be wanted again.",
            "A wrong password counts as at a login, and the reset is on record before it begins.",
        ]
    }

    fn asks(&self) -> bool {
        true
    }

    fn types(&self, character: char) -> bool {
        !self.waiting && self.form.types(character)
    }

    fn secret_typed(&self) -> Option<usize> {
        self.form.secret_typed()
    }
}
