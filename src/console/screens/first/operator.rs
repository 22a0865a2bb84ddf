//! Step 1: the first operator, while none exists (R24). In: a name, a password twice; out: an installer who is logged in on this
//! line. The box has no password of its own, so this is the only way in.
//!
//! ```text
//! Postern box-1 | Step 1 of 9: the first operator                          14:05
//!
//!   Welcome. This box has no operator yet: make yourself one. You may do
//!   everything then, and make others later.
//!
//! > Name               [anna                                          ]
//!   Password           [                                              ]
//!   The same again     [                                              ]
//!
//!   Small letters and digits, beginning with a letter: anna.
//! ```

use super::title;
use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, any};
use crate::console::widgets::form::{Form, Typed};
use crate::console::widgets::inset::{below, inset};
use crate::control::{Answer, Failure, OperatorAdd, Request, Role, strength};

/// The first operator.
#[derive(Debug)]
pub struct Operator {
    form: Form,
    waiting: bool,
}

fn name_character(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit() || matches!(character, '.' | '_' | '-')
}

/// posternd's line as a sentence.
fn sentence(line: &str) -> String {
    let mut letters = line.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

impl Operator {
    /// Nothing is typed yet.
    pub fn new() -> Self {
        let form = Form::new()
            .field(
                "name",
                "Name",
                Field::new(strength::NAME_RANGE.1, name_character),
                "Small letters and digits, beginning with a letter, such as anna. It stands in the log at all you do.",
            )
            .field(
                "password",
                "Password",
                Field::secret(strength::PASSWORD_MAX, any),
                "At least 12 characters; four words that do not belong together are good. Keyboards differ in where their signs are: \
                 letters and digits are found on all of them.",
            )
            .field("again", "The same again", Field::secret(strength::PASSWORD_MAX, any), "");
        Self { form, waiting: false }
    }

    /// What is wrong with the rows; of the last one only once the two cannot become the same any more, or are whole.
    fn check(&mut self, key: &'static str, whole: bool) {
        let name = self.form.text("name");
        let (password, again) = (self.form.text("password"), self.form.text("again"));
        let wrong = match key {
            "name" => strength::name(name).err().map(sentence),
            "password" => strength::password(name, password).err().map(sentence),
            _ if (whole && again != password) || !password.starts_with(again) => {
                Some("This is not the same as above.".to_owned())
            }
            _ => None,
        };
        self.form.set_wrong(key, wrong);
    }

    fn send(&mut self, context: &Context) -> Vec<Action> {
        for key in ["name", "password", "again"] {
            self.check(key, true);
        }
        if self.form.go_to_wrong() {
            return Vec::new();
        }
        self.waiting = true;
        // Wiped here; the other one goes.
        drop(self.form.take_secret("again"));
        vec![Action::Ask(
            0,
            Request::OperatorAdd(OperatorAdd {
                name: self.form.text("name").to_owned(),
                role: Role::Installer,
                password: self.form.take_secret("password"),
                line: context.line.clone(),
            }),
        )]
    }

    /// How good the password is so far, in words.
    fn draw_strength(&self, page: &mut Page<'_>, area: ratatui::layout::Rect) {
        let (name, password) = (self.form.text("name"), self.form.text("password"));
        if password.is_empty() || self.waiting {
            return;
        }
        match strength::password(name, password) {
            Ok(()) if self.form.text("again") == password => {
                page.line(
                    area,
                    0,
                    "The password is good, and the same twice. Enter makes the operator.",
                    Look::Good,
                );
            }
            Ok(()) => page.line(area, 0, "The password is good.", Look::Good),
            // Said below the row while one is there.
            Err(_) if self.form.here() == "password" => {}
            Err(line) => {
                page.wrapped(area, &sentence(line), Look::Warn);
            }
        }
    }
}

impl Screen for Operator {
    fn name(&self) -> &'static str {
        "set-up-operator"
    }

    fn title(&self) -> String {
        title(1)
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if self.waiting {
            return Vec::new();
        }
        let before = self.form.here();
        match self.form.on(key) {
            Typed::Changed(row) => {
                if row != "name" {
                    self.check(row, false);
                }
                // The second one is compared with what stands above now.
                if row == "password" && !self.form.text("again").is_empty() {
                    self.check("again", false);
                }
            }
            Typed::Moved if !self.form.text(before).is_empty() => self.check(before, true),
            Typed::Moved | Typed::NotMine => {}
            Typed::Done => return self.send(context),
        }
        Vec::new()
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        self.waiting = false;
        self.form.go("password");
        match answer {
            // The application clears all screens and begins with those of somebody who is logged in.
            Ok(Answer::Session(session)) => vec![Action::LoggedIn(session)],
            Ok(_) => Vec::new(),
            Err(failure) => vec![Action::Fail(failure)],
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = inset(page.area());
        let words = "Welcome. This box has no operator and no password yet: make yourself its first operator. You may do everything \
                     then, and make others later.";
        let rows = page.wrapped(area, words, Look::Plain);
        let rest = below(area, rows.saturating_add(1));
        let form = ratatui::layout::Rect {
            x: rest.x.saturating_sub(2),
            width: rest.width.saturating_add(2),
            ..rest
        };
        self.form.draw(page, form, !self.waiting);
        let under = below(rest, 8);
        if self.waiting {
            page.line(under, 0, "Asking posternd ...", Look::Plain);
        }
        self.draw_strength(page, under);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Enter", "next, make the operator"), ("Up/Down", "field")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "An operator works at this console. The first one is an installer, who may do everything; others can be made later, for \
             the helpdesk (users and tokens) or to look only.",
            "There is no password by default and no way around this one: keep it where another installer finds it, or make a second \
             installer soon.",
            "Whoever reaches this line first makes the first operator. Do it before the box stands where others reach it.",
        ]
    }

    fn types(&self, character: char) -> bool {
        self.form.types(character)
    }

    fn secret_typed(&self) -> Option<usize> {
        self.form.secret_typed()
    }
}
