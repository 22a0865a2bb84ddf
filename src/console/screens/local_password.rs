//! A user's password on this box: set, typed twice, or removed. In: the password; out: one line of what was done. A user with one is
//! checked against it alone, and no directory is asked (R4).
//!
//! ```text
//! Postern box-1 | Local password                           anna installer  14:05
//!
//!   anna@contoso.example
//!
//! > New password       [************                                  ]
//!   The same again     [                                              ]
//! ```

use ratatui::layout::Rect;

use crate::console::action::{Action, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, any};
use crate::console::widgets::form::{Form, Typed};
use crate::control::{Answer, Failure, PasswordChange, Request, UserSet};
use crate::text::shown;

/// The most characters of a password: what one RADIUS attribute holds (RFC 2865 5.2).
const PASSWORD_MAX: usize = 128;

/// The screen.
#[derive(Debug)]
pub struct LocalPassword {
    user: String,
    form: Form,
    waiting: bool,
}

impl LocalPassword {
    /// For this user.
    pub fn new(user: &str) -> Self {
        let form = Form::new()
            .field(
                "new",
                "New password",
                Field::secret(PASSWORD_MAX, any),
                "From then on this password counts, and the directory is not asked for this user.",
            )
            .field("again", "The same again", Field::secret(PASSWORD_MAX, any), "");
        Self {
            user: user.to_owned(),
            form,
            waiting: false,
        }
    }

    fn ask(&mut self) -> Vec<Action> {
        let (new, again) = (self.form.take_secret("new"), self.form.take_secret("again"));
        self.form.go("new");
        let wrong = match (new.is_empty(), new == again) {
            (true, _) => Some("Type a password, and the same again below.".to_owned()),
            (_, false) => Some("The two were not the same: type both again.".to_owned()),
            (false, true) => None,
        };
        if wrong.is_some() {
            self.form.set_wrong("new", wrong);
            return Vec::new();
        }
        self.waiting = true;
        let set = UserSet {
            name: self.user.clone(),
            exempt: None,
            password: Some(PasswordChange::To(new)),
        };
        vec![Action::Ask(0, Request::UserSet(set))]
    }
}

impl Screen for LocalPassword {
    fn name(&self) -> &'static str {
        "local-password"
    }

    fn title(&self) -> String {
        "Local password".to_owned()
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        match key {
            Key::Esc => vec![Action::Close],
            _ if self.waiting => Vec::new(),
            key => match self.form.on(key) {
                Typed::Done => self.ask(),
                _ => Vec::new(),
            },
        }
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        self.waiting = false;
        match answer {
            Ok(Answer::User(user)) => {
                let done = format!("The password of {} is kept on this box now", shown(&user.row.name));
                vec![Action::Say(Tone::Done, done), Action::Close]
            }
            Ok(_) => Vec::new(),
            Err(failure) => {
                self.form.set_wrong("new", Some(failure.message));
                Vec::new()
            }
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = page.area();
        page.put(
            area.x.saturating_add(2),
            area.y.saturating_add(1),
            area.width.saturating_sub(4),
            &shown(&self.user),
            Look::Strong,
        );
        let form = Rect {
            y: area.y.saturating_add(3),
            width: area.width.saturating_sub(2).min(100),
            height: area.height.saturating_sub(3),
            ..area
        };
        self.form.draw(page, form, !self.waiting);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Enter", "next, set it"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "For a user whom no directory knows. The password is kept on this box as a hash alone; nobody can read it again. The code of \
             the token is asked for as before.",
        ]
    }

    fn types(&self, character: char) -> bool {
        self.form.types(character)
    }

    fn secret_typed(&self) -> Option<usize> {
        self.form.secret_typed()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::testing::{Desk, snapshot};
    use crate::control::Role;

    fn typed(first: &str, second: &str) -> Desk {
        let mut desk = Desk::on(Box::new(LocalPassword::new("anna@contoso.example")), Role::Installer);
        desk.types(first);
        desk.keys(&[Key::Enter]);
        desk.types(second);
        desk.keys(&[Key::Enter]);
        desk
    }

    #[test]
    fn it_is_typed_twice_and_sent_once() {
        let desk = typed("correct horse", "correct horse");
        let Some((_, Request::UserSet(set))) = desk.asked.last() else {
            panic!("{:?}", desk.asked);
        };
        assert_eq!(set.password, Some(PasswordChange::To("correct horse".into())));
        assert!(!desk.text().contains("correct") && !format!("{:?}", desk.app).contains("correct"));
        for (first, second) in [("correct horse", "correct hors"), ("", "")] {
            assert!(typed(first, second).asked.is_empty(), "{first}");
        }
    }

    #[test]
    fn screens() {
        snapshot("local-password", |desk| {
            desk.open(Box::new(LocalPassword::new("anna@contoso.example")), Role::Installer);
            desk.types("correct horse");
            desk.keys(&[Key::Enter]);
            desk.types("correct");
            desk.keys(&[Key::Enter]);
        });
    }
}
