//! Codes of a token that is there: the first one of a token that waits for it, or two that follow each other for one whose clock
//! is far off. In: digits; out: the token as it then stands, as one line. Both spend their codes (R16).
//!
//! ```text
//! Postern box-1 | Set a token right                        anna installer  14:05
//!
//!   anna@contoso.example
//!
//! > First code         [123456    ]
//!   Next code          [          ]
//!
//!   Type the code that the token shows now.
//! ```

use ratatui::layout::Rect;

use super::commands::at_user;
use super::enrol::told_token;
use crate::console::action::{Action, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, digits};
use crate::console::widgets::form::{Form, Typed};
use crate::control::{Answer, Failure, Request, check};
use crate::secret::Secret;
use crate::text::shown;

/// The longest code.
const DIGITS_MAX: usize = 8;
const FIRST: &str = "first";
const NEXT: &str = "next";

/// One code or two.
#[derive(Debug)]
pub struct Codes {
    user: String,
    is_resync: bool,
    form: Form,
    waiting: bool,
}

impl Codes {
    /// The first code of a token that waits for it.
    pub fn confirm(user: &str) -> Self {
        let form = Form::new().field(
            FIRST,
            "Code",
            Field::new(DIGITS_MAX, digits),
            "Type the code that the token shows now. From then on it counts.",
        );
        Self::with(user, false, form)
    }

    /// Two codes of a token whose clock is far off.
    pub fn resync(user: &str) -> Self {
        let form = Form::new()
            .field(
                FIRST,
                "First code",
                Field::new(DIGITS_MAX, digits),
                "Type the code that the token shows now.",
            )
            .field(
                NEXT,
                "Next code",
                Field::new(DIGITS_MAX, digits),
                "Wait until the token shows another code, and type that one.",
            );
        Self::with(user, true, form)
    }

    fn with(user: &str, is_resync: bool, form: Form) -> Self {
        Self {
            user: user.to_owned(),
            is_resync,
            form,
            waiting: false,
        }
    }

    fn ask(&mut self) -> Vec<Action> {
        let fields: &[&'static str] = if self.is_resync { &[FIRST, NEXT] } else { &[FIRST] };
        for field in fields {
            if check::code(self.form.text(field)).is_err() {
                let wrong = "A code is 6 or 8 digits, as the token shows it.".to_owned();
                self.form.set_wrong(field, Some(wrong));
            }
        }
        if self.form.go_to_wrong() {
            return Vec::new();
        }
        self.waiting = true;
        let user = self.user.clone();
        let code = |form: &mut Form, field| -> Secret { form.take_secret(field) };
        let request = match self.is_resync {
            false => Request::TokenConfirm {
                user,
                code: code(&mut self.form, FIRST),
            },
            true => Request::TokenResync {
                user,
                first: code(&mut self.form, FIRST),
                second: code(&mut self.form, NEXT),
            },
        };
        vec![Action::Ask(0, request)]
    }
}

impl Screen for Codes {
    fn name(&self) -> &'static str {
        if self.is_resync { "resync" } else { "confirm-token" }
    }

    fn title(&self) -> String {
        let title = match self.is_resync {
            true => "Set a token right",
            false => "Confirm a token",
        };
        title.to_owned()
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
            Ok(Answer::Token(token)) => vec![Action::Say(Tone::Done, told_token(&token)), Action::Close],
            Ok(_) => Vec::new(),
            Err(failure) => {
                self.form.go(FIRST);
                self.form.set_wrong(FIRST, Some(at_user(&failure.message)));
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
        let enter = if self.is_resync { "next, set right" } else { "confirm" };
        vec![("Enter", enter), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        match self.is_resync {
            true => &[
                "For a token whose clock has drifted, or which was pressed so often, that its codes are refused. Two codes that follow \
                 each other tell how far; afterwards its codes are taken again. Both codes are used up.",
            ],
            false => &["A new token counts once its first code was typed here. The code is used up."],
        }
    }

    fn types(&self, character: char) -> bool {
        self.form.types(character)
    }

    /// Codes are shown as they are typed; a record keeps a stand-in all the same.
    fn secret_typed(&self) -> Option<usize> {
        Some(self.form.typed_at())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::testing::{Desk, snapshot};
    use crate::control::Role;

    #[test]
    fn two_codes_are_asked_for_and_a_short_one_is_told_at_its_field() {
        let mut desk = Desk::on(Box::new(Codes::resync("anna@contoso.example")), Role::Helpdesk);
        desk.types("123456");
        desk.keys(&[Key::Enter]);
        desk.types("6543");
        desk.keys(&[Key::Enter]);
        assert!(desk.asked.is_empty() && desk.text().contains("A code is 6 or 8 digits"));
        desk.types("21");
        desk.keys(&[Key::Enter]);
        let Some((_, Request::TokenResync { user, first, second })) = desk.asked.last() else {
            panic!("{:?}", desk.asked);
        };
        assert_eq!(user, "anna@contoso.example");
        assert_eq!((first.expose(), second.expose()), (&b"123456"[..], &b"654321"[..]));
    }

    #[test]
    fn a_screen_that_waits_can_be_left() {
        use crate::console::screens::{bypass::Bypass, local_password::LocalPassword};
        let anna = "anna@contoso.example";
        let screens: [Box<dyn Screen>; 3] = [
            Box::new(Codes::confirm(anna)),
            Box::new(Bypass::new(anna)),
            Box::new(LocalPassword::new(anna)),
        ];
        for screen in screens {
            let name = screen.name();
            let mut desk = Desk::on(screen, Role::Installer);
            for _ in 0..2 {
                desk.types(if name == "bypass" { "" } else { "12345678" });
                desk.keys(&[Key::Enter]);
            }
            assert!(desk.last_word() != "status", "{name} asked nothing");
            desk.keys(&[Key::Esc]);
            assert_eq!(desk.app.screen(), "home", "{name}");
        }
    }

    #[test]
    fn a_refused_code_keeps_the_screen_and_names_the_key() {
        let mut desk = Desk::on(Box::new(Codes::confirm("anna@contoso.example")), Role::Helpdesk);
        desk.types("123456");
        desk.keys(&[Key::Enter]);
        desk.answer(
            |_| true,
            Err(Failure::refused(
                "that is a code of another time: run `postern token resync` with two codes, then confirm",
            )),
        );
        assert_eq!(desk.app.screen(), "confirm-token");
        assert!(desk.text().contains("(here: r)"));
    }

    #[test]
    fn screens() {
        snapshot("confirm-token", |desk| {
            desk.open(Box::new(Codes::confirm("anna@contoso.example")), Role::Helpdesk);
            desk.types("12");
        });
        snapshot("resync", |desk| {
            desk.open(Box::new(Codes::resync("anna@contoso.example")), Role::Helpdesk);
            desk.types("123456");
            desk.keys(&[Key::Enter]);
        });
    }
}
