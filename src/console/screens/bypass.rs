//! A bypass code: what a helpdesk reads to a user whose token is at home (R18). In: minutes; out: a code in groups, shown this once
//! and wiped when the screen closes.
//!
//! ```text
//! Postern box-1 | Bypass code                              anna installer  14:05
//!
//!   anna@contoso.example
//!
//!       H7KQ3  M9WXP
//!
//!   It stands in the place of the token's code: once, until 14:10 (5 minutes).
//!   It is not shown again. Esc takes it off the screen.
//! ```

use ratatui::layout::Rect;
use zeroize::Zeroizing;

use super::users::FINISHED;
use crate::console::action::{Action, Told};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, digits};
use crate::console::widgets::form::{Form, Typed};
use crate::control::{Answer, BYPASS_MINUTES, BYPASS_MINUTES_MAX, BypassCode, Failure, Request};
use crate::text::shown;
use crate::times::shown_near;

/// Characters of a group: short enough to be said in one breath.
const GROUP: usize = 5;

/// Asks for the minutes, then shows the code.
#[derive(Debug)]
pub struct Bypass {
    user: String,
    form: Form,
    code: Option<BypassCode>,
    waiting: bool,
}

impl Bypass {
    /// For this user.
    pub fn new(user: &str) -> Self {
        let hint = format!("1 to {BYPASS_MINUTES_MAX} minutes. A code that was given out before is void then.");
        let minutes = Field::new(2, digits).with(&BYPASS_MINUTES.to_string());
        Self {
            user: user.to_owned(),
            form: Form::new().field("minutes", "Good for minutes", minutes, &hint),
            code: None,
            waiting: false,
        }
    }

    fn ask(&mut self) -> Vec<Action> {
        let minutes = self.form.text("minutes").parse::<u8>().ok();
        let Some(minutes) = minutes.filter(|minutes| (1..=BYPASS_MINUTES_MAX).contains(minutes)) else {
            let wrong = format!("Type a number from 1 to {BYPASS_MINUTES_MAX}.");
            self.form.set_wrong("minutes", Some(wrong));
            return Vec::new();
        };
        self.waiting = true;
        let name = self.user.clone();
        vec![Action::Ask(0, Request::UserBypass { name, minutes })]
    }
}

/// A code in groups, two blanks between.
fn groups(code: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(code.len() * 2));
    for (at, character) in code.chars().enumerate() {
        if at > 0 && at.is_multiple_of(GROUP) {
            out.push_str("  ");
        }
        out.push(character);
    }
    out
}

impl Screen for Bypass {
    fn name(&self) -> &'static str {
        "bypass"
    }

    fn title(&self) -> String {
        "Bypass code".to_owned()
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        match (key, &self.code) {
            (Key::Esc, None) => vec![Action::Close],
            _ if self.waiting => Vec::new(),
            (Key::Esc | Key::Enter, Some(code)) => vec![Action::CloseWith(Told::Picked(FINISHED, code.user.clone()))],
            (_, Some(_)) => Vec::new(),
            (key, None) => match self.form.on(key) {
                Typed::Done => self.ask(),
                _ => Vec::new(),
            },
        }
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        self.waiting = false;
        match answer {
            Ok(Answer::Bypass(code)) => {
                self.code = Some(code);
                Vec::new()
            }
            Ok(_) => Vec::new(),
            Err(failure) => {
                self.form.set_wrong("minutes", Some(failure.message));
                Vec::new()
            }
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = page.area();
        let inner = Rect {
            x: area.x.saturating_add(2),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(1),
        };
        let name = self.code.as_ref().map_or(&self.user, |code| &code.user);
        page.line(inner, 0, &shown(name), Look::Strong);
        let Some(code) = &self.code else {
            let form = Rect {
                x: area.x,
                y: inner.y.saturating_add(2),
                width: area.width.saturating_sub(2),
                height: inner.height.saturating_sub(2),
            };
            return self.form.draw(page, form, !self.waiting);
        };
        let text = groups(code.code.expose_str().unwrap_or_default());
        page.put(
            inner.x.saturating_add(4),
            inner.y.saturating_add(2),
            inner.width,
            &text,
            Look::Strong,
        );
        let minutes = match code.minutes {
            1 => "1 minute".to_owned(),
            some => format!("{some} minutes"),
        };
        let until = shown_near(code.until, context.now.wall, &context.zone);
        let words = format!("It stands in the place of the token's code: once, until {until} ({minutes}).");
        page.line(inner, 4, &words, Look::Plain);
        page.line(
            inner,
            5,
            "Capitals and blanks do not matter when it is typed.",
            Look::Plain,
        );
        page.line(
            inner,
            7,
            "It is not shown again. Esc takes it off the screen.",
            Look::Plain,
        );
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        match self.code {
            Some(_) => vec![("Esc", "done, take it off the screen")],
            None => vec![("Enter", "make the code"), ("Esc", "back")],
        }
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "A bypass code is for a user whose token is out of reach. It stands in the place of the token's code for one login, and is \
             void afterwards, when its time is over, and when the box starts anew.",
            "Make sure first that whoever asks for it is the user: call back on a number that you know.",
        ]
    }

    fn types(&self, character: char) -> bool {
        self.code.is_none() && self.form.types(character)
    }

    fn shows_secret(&self) -> bool {
        self.code.is_some()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::console::event::Effect;
    use crate::console::testing::{Desk, NOON, snapshot};
    use crate::control::Role;
    use crate::secret::Secret;

    fn code(minutes: u8) -> Answer {
        Answer::Bypass(BypassCode {
            user: "anna@contoso.example".to_owned(),
            code: Secret::from("H7KQ3M9WXP"),
            minutes,
            until: NOON.plus(Duration::from_secs(u64::from(minutes) * 60)),
        })
    }

    fn lead(desk: &mut Desk) {
        desk.open(Box::new(Bypass::new("anna@contoso.example")), Role::Helpdesk);
        desk.keys(&[Key::Enter]);
        desk.answer(|request| matches!(request, Request::UserBypass { .. }), Ok(code(5)));
    }

    #[test]
    fn the_code_is_shown_in_groups_and_wiped_with_the_screen() {
        let mut desk = Desk::new(80, 24, Default::default());
        lead(&mut desk);
        assert!(desk.text().contains("H7KQ3  M9WXP"));
        desk.effects.clear();
        desk.keys(&[Key::Esc]);
        assert!(desk.effects.contains(&Effect::Wipe));
        assert!(!desk.text().contains("H7KQ3"));
    }

    #[test]
    fn r21_the_screen_does_not_print_the_code() {
        let mut bypass = Bypass::new("anna@contoso.example");
        let mut desk = Desk::new(80, 24, Default::default());
        lead(&mut desk);
        bypass.answered(0, Ok(code(5)), desk.app.context());
        assert!(!format!("{bypass:?} {:?}", desk.app).contains("H7KQ3"));
    }

    #[test]
    fn r18_only_1_to_60_minutes_are_asked_for() {
        for (typed, asked) in [("0", false), ("1", true), ("60", true), ("61", false), ("", false)] {
            let mut desk = Desk::on(Box::new(Bypass::new("anna")), Role::Helpdesk);
            desk.keys(&[Key::Backspace]);
            desk.types(typed);
            desk.keys(&[Key::Enter]);
            assert_eq!(desk.last_word() == "user bypass", asked, "{typed}");
            assert_ne!(desk.text().contains("Type a number from 1 to 60."), asked, "{typed}");
        }
    }

    #[test]
    fn a_refusal_stands_at_the_field() {
        let mut desk = Desk::on(Box::new(Bypass::new("anna@contoso.example")), Role::Helpdesk);
        desk.keys(&[Key::Enter]);
        desk.answer(
            |_| true,
            Err(Failure::refused(
                "anna@contoso.example has no active token, and a bypass code only stands in for one",
            )),
        );
        assert!(desk.text().contains("has no active token"));
        assert_eq!(desk.app.screen(), "bypass");
    }

    #[test]
    fn screens() {
        snapshot("bypass", lead);
        snapshot("bypass-minutes", |desk| {
            desk.open(Box::new(Bypass::new("anna@contoso.example")), Role::Helpdesk);
        });
        snapshot("bypass-refused", |desk| {
            desk.open(Box::new(Bypass::new("anna@contoso.example")), Role::Helpdesk);
            desk.keys(&[Key::Enter]);
            desk.answer(
                |_| true,
                Err(Failure::refused(
                    "anna@contoso.example has no active token, and a bypass code only stands in for one: add one with `postern \
                     token add`, or confirm it with `postern token confirm`",
                )),
            );
        });
    }
}
