//! An operator at the door: name, password, and a code for one who has a token. What was wrong stands below the form until something
//! else is typed; only the secrets have to be typed again.
//!
//! ```text
//! Postern box-1 | Log in                                                     14:05
//!
//!   Locked: no key for 5m
//!
//!   Name               [anna                                          ]
//! > Password           [************                                  ]
//!   Code               [                                              ]
//!
//!   Your password, then Enter.
//! ```

use std::time::Duration;

use ratatui::layout::Rect;

use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::field::{Field, any, digits, name};
use crate::console::widgets::form::{Form, Typed};
use crate::control::{Answer, Failure, Hello, LogIn, Request};

/// Tags of questions to posternd.
const LOG_IN: u32 = 0;
const HELLO: u32 = 1;
const LOG_OUT: u32 = 2;
/// What anybody may know is asked for again after so long.
const AGAIN: Duration = Duration::from_secs(60);
/// Whoever left after typing has gone after so long: what was typed is nobody else's to send.
const FORGET: Duration = Duration::from_secs(60);

/// The door.
#[derive(Debug)]
pub struct Login {
    why: String,
    form: Form,
    /// The name and the secrets are on their way.
    waiting: bool,
    /// Whoever had asked went away before the answer.
    left: bool,
    /// What was wrong with the last ones.
    wrong: Option<String>,
    hello: Option<Hello>,
    asked: Asked,
    asked_at: Option<Duration>,
    last_key: Duration,
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
            .field(
                "password",
                "Password",
                Field::secret(120, any),
                "Your password, then Enter.",
            )
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
            left: false,
            wrong: None,
            hello: None,
            asked: Asked::new(HELLO),
            asked_at: None,
            last_key: Duration::ZERO,
        }
    }

    /// An empty form; what was asked of posternd stays asked.
    fn begin_anew(&mut self, why: Option<&str>) {
        *self = Self {
            hello: self.hello.take(),
            asked: std::mem::replace(&mut self.asked, Asked::new(HELLO)),
            asked_at: self.asked_at,
            last_key: self.last_key,
            left: self.left || self.waiting,
            ..Self::new(why)
        };
    }

    fn log_in(&mut self, context: &Context) -> Vec<Action> {
        for (key, words) in [("name", "Type your name first."), ("password", "Type your password.")] {
            if self.form.text(key).is_empty() {
                self.form.go(key);
                self.wrong = Some(words.to_owned());
                return Vec::new();
            }
        }
        if self.left {
            self.wrong = Some("posternd has not answered the last login yet: wait a moment.".to_owned());
            return Vec::new();
        }
        self.waiting = true;
        let code = self.form.take_secret("code");
        let ask = LogIn {
            name: self.form.text("name").to_owned(),
            password: self.form.take_secret("password"),
            code: (!code.is_empty()).then_some(code),
            line: context.line.clone(),
        };
        vec![Action::Ask(LOG_IN, Request::LogIn(ask))]
    }
}

impl Screen for Login {
    fn name(&self) -> &'static str {
        "login"
    }

    fn title(&self) -> String {
        "Log in".to_owned()
    }

    fn refresh(&mut self, context: &Context) -> Vec<Action> {
        self.hello.clone_from(&context.hello);
        Vec::new()
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        self.last_key = context.now.mono;
        if key == Key::Esc {
            self.begin_anew(None);
            return Vec::new();
        }
        if self.waiting {
            return Vec::new();
        }
        match self.form.on(key) {
            Typed::Done => self.log_in(context),
            Typed::Changed(_) => {
                self.wrong = None;
                Vec::new()
            }
            Typed::Moved | Typed::NotMine => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        if tag == HELLO {
            if let Ok(Answer::Hello(hello)) = answer {
                self.hello = Some(hello);
            }
            return self.asked.landed();
        }
        if tag == LOG_OUT {
            return Vec::new();
        }
        if std::mem::take(&mut self.left) {
            // Nobody is there to use it.
            return match answer {
                Ok(Answer::Session(_)) => vec![Action::Ask(LOG_OUT, Request::LogOut)],
                _ => Vec::new(),
            };
        }
        self.waiting = false;
        self.form.go("password");
        match answer {
            Ok(Answer::Session(session)) => return vec![Action::LoggedIn(session)],
            Ok(_) => {}
            Err(failure) => self.wrong = Some(sentence(&failure.message)),
        }
        Vec::new()
    }

    fn tick(&mut self, context: &Context) -> Vec<Action> {
        let now = context.now.mono;
        let is_typed = ["name", "password", "code"]
            .iter()
            .any(|key| !self.form.text(key).is_empty());
        if is_typed && !self.waiting && now.saturating_sub(self.last_key) >= FORGET {
            let why = std::mem::take(&mut self.why);
            self.begin_anew(Some(&why));
        }
        if self.asked_at.is_some_and(|at| now.saturating_sub(at) < AGAIN) {
            return Vec::new();
        }
        self.asked_at = Some(now);
        self.asked.ask(Request::Hello)
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = page.area();
        let above = Rect {
            x: area.x.saturating_add(2),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(1).min(2),
        };
        page.wrapped(above, &self.why, Look::Warn);
        let form = Rect {
            y: area.y.saturating_add(3),
            height: area.height.saturating_sub(3),
            ..area
        };
        let is_quiet = self.waiting || self.wrong.is_some();
        self.form.draw(page, form, !self.waiting);
        let below = Rect {
            y: form.y.saturating_add(4),
            height: area.bottom().saturating_sub(form.y.saturating_add(4)).min(3),
            ..above
        };
        if is_quiet {
            // In the place of the row's own words.
            page.blank(below);
        }
        match &self.wrong {
            _ if self.waiting => page.line(below, 0, "Checking ...", Look::Plain),
            Some(wrong) => {
                page.wrapped(below, wrong, Look::Bad);
            }
            None => {}
        }
        if self.hello.as_ref().is_some_and(|hello| !hello.clock_trusted) {
            let note = Rect {
                y: below.y.saturating_add(4),
                height: area.bottom().saturating_sub(below.y.saturating_add(4)),
                ..above
            };
            let words = "NOT ANSWERING: the clock is not trusted, so no code can be checked. Log in by name and password to look \
                         at the clock; nothing else can be done before it is set right.";
            page.wrapped(note, words, Look::Warn);
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Enter", "next, log in"), ("Up/Down", "field"), ("Esc", "begin anew")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Log in with the name and password that an installer gave you. After five wrong ones the name is locked for a minute, then \
             for longer.",
            "Nobody can read a password out of this box. Who has forgotten it asks an installer for a new one.",
        ]
    }

    fn types(&self, character: char) -> bool {
        self.form.types(character)
    }

    fn secret_typed(&self) -> Option<usize> {
        self.form.secret_typed()
    }
}

/// posternd's line as a sentence of its own.
fn sentence(line: &str) -> String {
    let mut characters = line.chars();
    match characters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), characters.as_str().trim_end_matches('.')),
        None => String::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::caps::Caps;
    use crate::console::testing::{Desk, hello, session, snapshot};
    use crate::control::{FailureKind, Role};

    fn desk() -> Desk {
        Desk::new(80, 24, Caps::default())
    }

    fn types(desk: &mut Desk) {
        desk.types("anna");
        desk.keys(&[Key::Enter]);
        desk.types("correct horse battery");
        desk.keys(&[Key::Enter]);
        desk.types("123456");
        desk.keys(&[Key::Enter]);
    }

    fn logs_in(request: &Request) -> bool {
        matches!(request, Request::LogIn(_))
    }

    fn refuse(desk: &mut Desk, line: &str) {
        desk.answer(logs_in, Err(Failure::new(FailureKind::Refused, line)));
    }

    #[test]
    fn r24_a_login_asks_with_the_line_and_leaves_no_secret() {
        let mut desk = desk();
        types(&mut desk);
        let Some((_, Request::LogIn(ask))) = desk.asked.last().cloned() else {
            panic!("{:?}", desk.asked)
        };
        assert_eq!((ask.name.as_str(), ask.line.as_str()), ("anna", "ttyS0"));
        assert_eq!(ask.password.expose_str(), Some("correct horse battery"));
        assert_eq!(ask.code.unwrap().expose_str(), Some("123456"));
        assert!(
            desk.text().contains("Checking") && !desk.text().contains('*'),
            "{}",
            desk.text()
        );
        desk.types("x");
        desk.answer(logs_in, Ok(Answer::Session(session(Role::Auditor))));
        assert_eq!(desk.app.screen(), "home");
    }

    #[test]
    fn what_is_wrong_stands_until_something_is_typed_and_the_name_stays() {
        let mut desk = desk();
        types(&mut desk);
        refuse(&mut desk, "wrong name, password or code");
        assert!(desk.text().contains("Wrong name, password or code."), "{}", desk.text());
        assert!(desk.text().contains("[anna ") && desk.text().contains("> Password"));
        desk.keys(&[Key::Up]);
        assert!(desk.text().contains("Wrong name"));
        desk.keys(&[Key::Down]);
        desk.types("c");
        assert!(!desk.text().contains("Wrong name"), "{}", desk.text());
    }

    #[test]
    fn nothing_is_asked_without_a_name_or_a_password_and_a_code_may_be_empty() {
        let mut desk = desk();
        desk.asked.clear();
        desk.keys(&[Key::Enter, Key::Enter, Key::Enter]);
        assert!(desk.text().contains("Type your name first.") && desk.text().contains("> Name"));
        desk.types("anna");
        desk.keys(&[Key::Enter, Key::Enter, Key::Enter]);
        assert!(desk.text().contains("Type your password.") && desk.text().contains("> Password"));
        assert!(desk.asked.is_empty());
        desk.types("correct horse battery");
        desk.keys(&[Key::Enter, Key::Enter]);
        assert!(matches!(&desk.asked[0].1, Request::LogIn(ask) if ask.code.is_none()));
    }

    #[test]
    fn esc_begins_anew() {
        let mut desk = desk();
        desk.types("annna");
        desk.keys(&[Key::Enter]);
        desk.types("abc");
        desk.keys(&[Key::Esc]);
        assert!(
            desk.text().contains("> Name               [  ") && !desk.text().contains('*'),
            "{}",
            desk.text()
        );
    }

    #[test]
    fn a_login_that_is_not_answered_can_be_left_and_lets_nobody_in() {
        let mut desk = desk();
        types(&mut desk);
        desk.keys(&[Key::Esc]);
        assert!(desk.text().contains("> Name               [  "), "{}", desk.text());
        types(&mut desk);
        assert!(
            desk.text().contains("not answered the last login yet"),
            "{}",
            desk.text()
        );
        desk.answer(logs_in, Ok(Answer::Session(session(Role::Auditor))));
        assert_eq!(desk.app.screen(), "login");
        assert_eq!(desk.last_word(), "log out");
        assert!(!desk.asked.iter().any(|(_, request)| logs_in(request)));
    }

    #[test]
    fn r21_what_was_typed_is_forgotten_after_a_minute_without_a_key() {
        let mut desk = desk();
        desk.log_in(session(Role::Helpdesk));
        desk.wait(300);
        desk.types("anna");
        desk.keys(&[Key::Enter]);
        desk.types("correct horse battery");
        desk.wait(59);
        assert!(desk.text().contains("[anna ") && desk.text().contains("***"));
        desk.wait(1);
        assert!(
            !desk.text().contains("anna") && !desk.text().contains('*'),
            "{}",
            desk.text()
        );
        assert!(
            desk.text().contains("Locked: no key") && desk.text().contains("> Name"),
            "{}",
            desk.text()
        );
        desk.asked.clear();
        desk.keys(&[Key::Enter, Key::Enter, Key::Enter]);
        assert!(!desk.asked.iter().any(|(_, request)| logs_in(request)));
    }

    #[test]
    fn r19_an_untrusted_clock_is_said_before_anybody_logs_in() {
        let mut desk = desk();
        let untrusted = Hello {
            clock_trusted: false,
            answering: false,
            ..hello()
        };
        desk.wait(1);
        desk.answer(|r| *r == Request::Hello, Ok(Answer::Hello(untrusted)));
        assert!(
            desk.text().contains("NOT ANSWERING: the clock is not trusted"),
            "{}",
            desk.text()
        );
        desk.wait(61);
        desk.answer(|r| *r == Request::Hello, Ok(Answer::Hello(hello())));
        assert!(!desk.text().contains("NOT ANSWERING"));
    }

    #[test]
    fn screens() {
        snapshot("login", |desk| {
            desk.types("anna");
            desk.keys(&[Key::Enter]);
            desk.types("correct");
        });
        snapshot("login-locked", |desk| {
            types(desk);
            refuse(
                desk,
                "too many wrong passwords or codes for that name: wait 4 minutes, or ask an installer to unlock it",
            );
        });
        snapshot("login-clock", |desk| {
            let untrusted = Hello {
                clock_trusted: false,
                ..hello()
            };
            desk.event(crate::console::event::Event::Up(untrusted));
        });
        snapshot("login-idle", |desk| {
            desk.log_in(session(Role::Helpdesk));
            desk.wait(300);
        });
        snapshot("waiting", |desk| {
            let why = "posternd does not answer yet (no one at /run/postern/console.sock)";
            desk.event(crate::console::event::Event::Down(why.to_owned()));
        });
        snapshot("help", |desk| desk.keys(&[Key::F(1)]));
    }
}
