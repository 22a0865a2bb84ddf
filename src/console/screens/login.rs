//! An operator at the door: name, password, and a code for one who has a token.
//!
//! ```text
//! Postern box-1 | Log in                                                     14:05
//!
//!   Locked: no key for 5m
//!
//! > Name               [anna                          ]
//!   Password           [************                  ]
//!   Code               [                              ]
//!
//!   The code of your own token, if you have one; else leave it empty.
//! ```

use ratatui::layout::Rect;

use crate::console::action::{Action, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, any, digits, name};
use crate::console::widgets::form::{Form, Typed};
use crate::control::{Answer, Failure, LogIn, Request};

/// The door.
#[derive(Debug)]
pub struct Login {
    why: String,
    form: Form,
    waiting: bool,
}

impl Login {
    /// With what the operator should know first, one line.
    pub fn new(why: Option<&str>) -> Self {
        let form = Form::new()
            .field(
                "name",
                "Name",
                Field::new(32, name),
                "Your operator's name, then Enter.",
            )
            .field("password", "Password", Field::secret(120, any), "")
            .field(
                "code",
                "Code",
                Field::secret(8, digits),
                "The code of your own token, if you have one; else leave it empty and press Enter.",
            );
        Self {
            why: why.unwrap_or_default().to_owned(),
            form,
            waiting: false,
        }
    }
}

impl Screen for Login {
    fn name(&self) -> &'static str {
        "login"
    }

    fn title(&self) -> String {
        "Log in".to_owned()
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if self.waiting {
            return Vec::new();
        }
        match self.form.on(key) {
            Typed::Done => {}
            _ => return Vec::new(),
        }
        if self.form.text("name").is_empty() {
            self.form.go("name");
            return vec![Action::Say(Tone::Look, "Type your name first.".to_owned())];
        }
        self.waiting = true;
        let code = self.form.take_secret("code");
        vec![Action::Ask(
            0,
            Request::LogIn(LogIn {
                name: self.form.text("name").to_owned(),
                password: self.form.take_secret("password"),
                code: (!code.is_empty()).then_some(code),
                line: context.line.clone(),
            }),
        )]
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        self.waiting = false;
        self.form.go("password");
        match answer {
            Ok(Answer::Session(session)) => vec![Action::LoggedIn(session)],
            Ok(_) => Vec::new(),
            Err(failure) => vec![Action::Fail(failure)],
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = page.area();
        let inner = Rect {
            x: area.x,
            y: area.y.saturating_add(1),
            width: area.width,
            height: area.height.saturating_sub(1),
        };
        page.put(inner.x.saturating_add(2), inner.y, inner.width, &self.why, Look::Warn);
        let below = Rect {
            y: inner.y.saturating_add(2),
            height: inner.height.saturating_sub(2),
            ..inner
        };
        self.form.draw(page, below, !self.waiting);
        if self.waiting {
            page.put(
                inner.x.saturating_add(2),
                below.y.saturating_add(4),
                inner.width,
                "Checking ...",
                Look::Plain,
            );
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Enter", "next, log in"), ("Up/Down", "field")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Log in with the name and password that an installer gave you. After five wrong ones the name is locked for a minute, then for longer.",
        ]
    }

    fn types(&self, character: char) -> bool {
        self.form.types(character)
    }

    fn secret_typed(&self) -> Option<usize> {
        self.form.secret_typed()
    }
}
