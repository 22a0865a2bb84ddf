//! A login at a directory, to prove the tenant or to see what it says. In: a name and a password; out: the directory's answer in
//! words, and what to do. The password is asked for once, sent once and kept nowhere.
//!
//! ```text
//! Postern box-1 | Prove contoso.example                    anna installer  14:05
//!
//!   PROVEN: logins of contoso.example are checked at Entra now.
//!
//!   Asked as            anna@contoso.example
//!   Right password      AADSTS50076: MFA is required: the password is right
//!   Wrong password      AADSTS50126: name or password are wrong
//!   For Microsoft       11111111-2222-3333-4444-555555555555
//!
//! Enter done  Esc back  ? help
//! ```

use crate::console::action::{Action, Told};
use crate::console::guide::entra;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, any};
use crate::console::widgets::form::{Form, Typed};
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::scroll::{Paragraph, Scroll};
use crate::control::check::USER_NAME_MAX;
use crate::control::{Answer, DirectoryAnswer, DirectoryLogin, Failure, ProveReport, Request, TestReport};

/// The tenant was proven; told with its domain.
pub const PROVEN: u32 = 1_001;

/// What was answered.
#[derive(Debug)]
enum Said {
    Prove(Box<ProveReport>),
    Test(Box<TestReport>),
}

/// The question.
#[derive(Debug)]
pub struct DirectoryAsk {
    domain: String,
    prove: bool,
    form: Form,
    waiting: bool,
    said: Option<Said>,
    scroll: Scroll,
}

impl DirectoryAsk {
    /// A right password and a wrong one are sent.
    pub fn prove(domain: &str) -> Self {
        Self::new(domain, true)
    }

    /// One login is sent.
    pub fn test(domain: &str) -> Self {
        Self::new(domain, false)
    }

    fn new(domain: &str, prove: bool) -> Self {
        let form = Form::new()
            .field(
                "user",
                "User",
                Field::new(USER_NAME_MAX, any),
                "Somebody of that domain who has MFA in Entra: the name, as in anna@contoso.example.",
            )
            .field(
                "password",
                "Password",
                Field::secret(256, any),
                "The right one. It is sent to Entra and kept nowhere.",
            );
        Self {
            domain: domain.to_owned(),
            prove,
            form,
            waiting: false,
            said: None,
            scroll: Scroll::default(),
        }
    }

    /// The name with its domain.
    fn user(&self) -> String {
        let user = self.form.text("user").trim();
        match user.contains(['@', '\\']) {
            true => user.to_owned(),
            false => format!("{user}@{}", self.domain),
        }
    }

    fn is_proven(&self) -> bool {
        matches!(&self.said, Some(Said::Prove(report)) if report.proven)
    }

    fn send(&mut self) -> Vec<Action> {
        for (key, wrong) in [
            ("user", "Whose login?"),
            ("password", "An empty password is never sent."),
        ] {
            if self.form.text(key).trim().is_empty() {
                self.form.set_wrong(key, Some(wrong.to_owned()));
                self.form.go(key);
                return Vec::new();
            }
        }
        let login = DirectoryLogin {
            user: self.user(),
            password: self.form.take_secret("password"),
        };
        self.waiting = true;
        vec![Action::Ask(
            0,
            match self.prove {
                true => Request::EntraProve(login),
                false => Request::EntraTest(login),
            },
        )]
    }

    fn paragraphs(&self) -> Vec<Paragraph> {
        match &self.said {
            Some(Said::Prove(report)) => proved(report),
            Some(Said::Test(report)) => tested(report),
            None => Vec::new(),
        }
    }
}

/// A directory's answer in words.
fn said(label: &str, answer: &DirectoryAnswer) -> Paragraph {
    let code = answer.code.map(|code| format!("AADSTS{code}"));
    // Mostly the words name it themselves.
    let code = code.filter(|code| !answer.words.contains(code.as_str()));
    let code = code.map_or(String::new(), |code| format!("{code}: "));
    let words = format!("{code}{} ({} ms)", answer.words, answer.took_ms);
    (format!("{label}: {words}"), Look::Plain)
}

fn support<'a>(answers: impl Iterator<Item = &'a DirectoryAnswer>) -> Option<Paragraph> {
    let ids: Vec<&str> = answers.filter_map(|answer| answer.correlation.as_deref()).collect();
    let line = format!("For Microsoft's support: correlation ID {}", ids.join(", "));
    (!ids.is_empty()).then_some((line, Look::Faint))
}

fn blank() -> Paragraph {
    (String::new(), Look::Plain)
}

fn proved(report: &ProveReport) -> Vec<Paragraph> {
    let (word, look) = match report.proven {
        true => ("PROVEN", Look::Good),
        false => ("NOT PROVEN", Look::Bad),
    };
    let mut lines = vec![(format!("{word}: {}", report.words), look)];
    if !report.todo.is_empty() {
        lines.push((format!("- {}", report.todo), Look::Plain));
    }
    lines.extend([blank(), super::client::field("Asked as", &report.user), blank()]);
    lines.push(said("To the right password Entra said", &report.right));
    if let Some(wrong) = &report.wrong {
        lines.extend([blank(), said("To a wrong one", wrong)]);
    }
    lines.push(blank());
    lines.extend(support([&report.right].into_iter().chain(&report.wrong)));
    lines
}

fn tested(report: &TestReport) -> Vec<Paragraph> {
    let (word, look) = match report.would_pass {
        true => ("A LOGIN WOULD PASS", Look::Good),
        false => ("A LOGIN WOULD BE REFUSED", Look::Bad),
    };
    let mut lines = vec![(format!("{word}: {}", report.login), look)];
    if !report.todo.is_empty() {
        lines.push((format!("- {}", report.todo), Look::Plain));
    }
    lines.extend([blank(), super::client::field("Asked as", &report.user), blank()]);
    lines.extend([said("Entra said", &report.answer), blank()]);
    lines.extend(support([&report.answer].into_iter()));
    lines
}

impl Screen for DirectoryAsk {
    fn name(&self) -> &'static str {
        match (&self.said, self.prove) {
            (None, true) => "directory-prove",
            (None, false) => "directory-test",
            (Some(_), true) => "directory-proved",
            (Some(_), false) => "directory-tested",
        }
    }

    fn title(&self) -> String {
        match self.prove {
            true => format!("Prove {}", self.domain),
            false => format!("Test a login at {}", self.domain),
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if self.said.is_some() {
            match key {
                Key::Enter if self.is_proven() => {
                    return vec![Action::CloseWith(Told::Picked(PROVEN, self.domain.clone()))];
                }
                Key::Esc if self.is_proven() => {
                    return vec![Action::CloseWith(Told::Picked(PROVEN, self.domain.clone()))];
                }
                Key::Esc => return vec![Action::Close],
                Key::Enter => {
                    self.said = None;
                    self.form.go("password");
                }
                key => {
                    let area = inset(page_area(context));
                    let rows = Scroll::rows(&self.paragraphs(), area.width);
                    self.scroll.on(key, area.height, rows);
                }
            }
            return Vec::new();
        }
        if key == Key::Esc {
            return vec![Action::Close];
        }
        if self.waiting {
            return Vec::new();
        }
        match self.form.on(key) {
            Typed::Done => self.send(),
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        self.waiting = false;
        self.scroll = Scroll::default();
        match answer {
            Ok(Answer::Prove(report)) => self.said = Some(Said::Prove(report)),
            Ok(Answer::Test(report)) => self.said = Some(Said::Test(report)),
            Ok(_) => {}
            Err(failure) => return vec![Action::Fail(failure)],
        }
        Vec::new()
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = inset(page.area());
        if self.said.is_some() {
            return self.scroll.draw(page, area, &self.paragraphs());
        }
        let words = match self.prove {
            true => {
                "One login with the right password and one with a wrong one are sent to Entra. If it tells them apart, the tenant is \
                 proven and switched on."
            }
            false => {
                "One login is sent to Entra. The answer is shown in words, with what a login at the VPN would come to."
            }
        };
        let rows = page.wrapped(area, words, Look::Plain);
        let rest = below(area, rows.saturating_add(1));
        let form = ratatui::layout::Rect {
            x: rest.x.saturating_sub(2),
            width: rest.width.saturating_add(2),
            ..rest
        };
        self.form.draw(page, form, !self.waiting);
        if self.waiting {
            page.line(
                below(rest, 3),
                0,
                "Asking Entra: this may take some seconds. Esc leaves.",
                Look::Plain,
            );
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        match (&self.said, self.is_proven()) {
            (Some(_), true) => vec![("Enter", "done")],
            (Some(_), false) => vec![("Enter", "again"), ("Esc", "back")],
            (None, _) => vec![("Enter", "next, send"), ("Up/Down", "field"), ("Esc", "back")],
        }
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "The box checks a password by asking Entra to log that person in. A person with MFA gets the answer that MFA is required: \
             so Entra says that the password was right, and the box goes on to its own code.",
            "Take a person of the kind that will log in: with MFA in Entra, not a guest, not an account of the administrators with \
             rules of its own.",
            entra::NOT_POSSIBLE,
        ]
    }

    fn types(&self, character: char) -> bool {
        self.said.is_none() && self.form.types(character)
    }

    fn secret_typed(&self) -> Option<usize> {
        match self.said {
            None => self.form.secret_typed(),
            Some(_) => None,
        }
    }
}

fn page_area(context: &Context) -> ratatui::layout::Rect {
    ratatui::layout::Rect::new(0, 0, context.size.0, context.size.1.saturating_sub(3))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::guide::samples::{directory_answer as answer, proof as report};
    use crate::console::testing::{Desk, snapshot};
    use crate::control::Role;

    fn typed(desk: &mut Desk) {
        desk.types("anna");
        desk.keys(&[Key::Enter]);
        desk.types("correct horse");
        desk.keys(&[Key::Enter]);
    }

    fn open(desk: &mut Desk, prove: bool) {
        desk.open(Box::new(DirectoryAsk::new("contoso.example", prove)), Role::Installer);
    }

    fn test_report() -> TestReport {
        TestReport {
            domain: "contoso.example".to_owned(),
            user: "anna@contoso.example".to_owned(),
            answer: answer(53_003, "AADSTS53003: blocked by Conditional Access"),
            would_pass: false,
            login: "the login is refused".to_owned(),
            todo: "see the sign-in log in Entra for the policy that blocked it".to_owned(),
        }
    }

    #[test]
    fn the_screens() {
        snapshot("directory-prove", |desk| open(desk, true));
        snapshot("directory-proved", |desk| {
            open(desk, true);
            typed(desk);
            desk.answer(|_| true, Ok(Answer::Prove(Box::new(report(true)))));
        });
        snapshot("directory-not-proved", |desk| {
            open(desk, true);
            typed(desk);
            desk.answer(|_| true, Ok(Answer::Prove(Box::new(report(false)))));
        });
        snapshot("directory-tested", |desk| {
            open(desk, false);
            typed(desk);
            desk.answer(|_| true, Ok(Answer::Test(Box::new(test_report()))));
        });
    }

    #[test]
    fn r13_the_name_gets_its_domain_and_the_password_is_kept_nowhere() {
        let mut desk = Desk::on(Box::new(DirectoryAsk::prove("contoso.example")), Role::Installer);
        typed(&mut desk);
        let Some((_, Request::EntraProve(login))) = desk.asked.last() else {
            panic!()
        };
        assert_eq!(login.user, "anna@contoso.example");
        assert_eq!(login.password.expose(), b"correct horse");
        assert!(!format!("{:?}", desk.app).contains("horse"));
        desk.answer(|_| true, Ok(Answer::Prove(Box::new(report(false)))));
        desk.keys(&[Key::Enter]);
        assert_eq!(desk.app.screen(), "directory-prove");
        assert!(desk.text().contains("[anna "), "the name stays for another try");
        assert!(!desk.text().contains('*'), "the password does not");
    }

    #[test]
    fn r5_an_empty_password_is_not_sent() {
        let mut desk = Desk::on(Box::new(DirectoryAsk::test("contoso.example")), Role::Installer);
        desk.types("anna");
        desk.keys(&[Key::Enter, Key::Enter]);
        assert!(desk.asked.is_empty());
        assert!(desk.text().contains("An empty password is never sent."));
    }
}
