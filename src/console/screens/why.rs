//! Why a user got in, or did not. In: posternd's explanation; out: how the user stands now, then the last attempts in plain words,
//! newest first, with what to do.
//!
//! ```text
//! Postern box-1 | Why: anna@contoso.example                anna installer  14:05
//!
//!   anna@contoso.example is locked at 192.0.2.7 until 14:20:00: wait, or run: postern
//!   user unlock anna@contoso.example (here: u)
//!
//!   14:01  refused, 3 times alike
//!          Wrong code
//!          To do: type the newest code
//!
//! u unlock  b bypass code  o open the user  Esc back  ? help
//! ```

use ratatui::layout::Rect;

use super::bypass::Bypass;
use super::commands::near_user;
use super::user::User;
use crate::console::action::{Action, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::scroll::{Paragraph, Scroll};
use crate::control::{Answer, ExplainedAttempt, Explanation, Failure, Request, Role};
use crate::text::shown;
use crate::times::shown_near;

const EXPLAIN: u32 = 1;
const UNLOCK: u32 = 2;

/// Columns before what happened.
const INDENT: usize = 7;
/// The widest that a line is: longer ones are hard to read.
const WIDE: u16 = 110;

/// The screen.
#[derive(Debug)]
pub struct Why {
    user: String,
    asked: Asked,
    told: Option<Explanation>,
    failed: Option<String>,
    scroll: Scroll,
}

impl Why {
    /// Of this user, who need not exist.
    pub fn new(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            asked: Asked::new(EXPLAIN),
            told: None,
            failed: None,
            scroll: Scroll::default(),
        }
    }

    /// Unlocking is what the explanation asks for.
    fn wants_unlock(&self) -> bool {
        let command = "postern user unlock";
        self.told.as_ref().is_some_and(|told| {
            told.summary.contains(command) || told.attempts.iter().any(|attempt| attempt.todo.contains(command))
        })
    }

    /// The last attempt failed at the code, so that a code of another kind helps.
    fn wants_bypass(&self) -> bool {
        let last = self.told.as_ref().and_then(|told| told.attempts.first());
        last.is_some_and(|attempt| attempt.outcome == "reject" && attempt.reason.contains("code"))
    }

    fn paragraphs(&self, context: &Context) -> Vec<Paragraph> {
        let Some(told) = &self.told else {
            let words = self.failed.clone().unwrap_or_default();
            return vec![(words, Look::Bad)];
        };
        let mut lines = vec![(near_user(&told.summary), Look::Strong)];
        for attempt in &told.attempts {
            lines.push((String::new(), Look::Plain));
            lines.extend(of_attempt(attempt, context));
        }
        lines
    }

    fn area(area: Rect) -> Rect {
        Rect {
            x: area.x.saturating_add(2),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(4).min(WIDE),
            height: area.height.saturating_sub(1),
        }
    }
}

/// An outcome in a word or two.
pub fn outcome_words(outcome: &str) -> &str {
    match outcome {
        "accept" => "let in",
        "reject" => "refused",
        "challenge" => "asked for a code",
        "silent" => "not answered",
        other => other,
    }
}

/// How an outcome looks.
pub fn outcome_look(outcome: &str) -> Look {
    match outcome {
        "accept" => Look::Good,
        "reject" | "silent" | "refused" => Look::Bad,
        _ => Look::Plain,
    }
}

fn of_attempt(attempt: &ExplainedAttempt, context: &Context) -> Vec<Paragraph> {
    let at = shown_near(attempt.at, context.now.wall, &context.zone);
    let alike = match attempt.count {
        0 | 1 => String::new(),
        more => format!(", {more} times alike"),
    };
    let head = format!("{at:<INDENT$}{}{alike}", outcome_words(&attempt.outcome));
    // A time with its date is longer than the indent.
    let head = match at.len() < INDENT {
        true => head,
        false => format!("{at}  {}{alike}", outcome_words(&attempt.outcome)),
    };
    let mut lines = vec![(head, outcome_look(&attempt.outcome))];
    let todo = match attempt.todo.as_str() {
        "" => None,
        todo => Some(format!("To do: {}", near_user(todo))),
    };
    let indent = " ".repeat(INDENT);
    let texts = [Some(attempt.what.clone()), todo].into_iter().flatten();
    lines.extend(texts.map(|text| (format!("{indent}{text}"), Look::Plain)));
    lines
}

impl Screen for Why {
    fn name(&self) -> &'static str {
        "why"
    }

    fn title(&self) -> String {
        format!("Why: {}", shown(&self.user))
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        self.asked.ask(Request::Explain {
            user: self.user.clone(),
        })
    }

    fn watches(&self) -> Topics {
        Topics {
            records: true,
            ..Topics::LOG
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        match key {
            Key::Esc => vec![Action::Close],
            Key::Char('u') if context.may(Role::Helpdesk) => {
                let name = self.user.clone();
                vec![Action::Ask(UNLOCK, Request::UserUnlock { name })]
            }
            Key::Char('b') if context.may(Role::Helpdesk) => vec![Action::Open(Box::new(Bypass::new(&self.user)))],
            Key::Char('o') => vec![Action::Open(Box::new(User::new(&self.user)))],
            key => {
                let area = Self::area(Rect::new(0, 0, context.size.0, context.size.1.saturating_sub(3)));
                let rows = Scroll::rows(&self.paragraphs(context), area.width);
                self.scroll.on(key, area.height, rows);
                Vec::new()
            }
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        if tag == UNLOCK {
            return match answer {
                Ok(Answer::Done { done }) => {
                    let mut actions = vec![Action::Say(Tone::Done, done)];
                    actions.extend(self.asked.ask(Request::Explain {
                        user: self.user.clone(),
                    }));
                    actions
                }
                Ok(_) => Vec::new(),
                Err(failure) => vec![Action::Fail(failure)],
            };
        }
        match answer {
            Ok(Answer::Explanation(told)) => {
                self.failed = None;
                self.told = Some(told);
            }
            Ok(_) => {}
            Err(failure) if self.told.is_none() => self.failed = Some(failure.message),
            Err(_) => {}
        }
        self.asked.landed()
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = Self::area(page.area());
        self.scroll.draw(page, area, &self.paragraphs(context));
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        let mut hints = Vec::new();
        if context.may(Role::Helpdesk) {
            if self.wants_unlock() {
                hints.push(("u", "unlock"));
            }
            if self.wants_bypass() {
                hints.push(("b", "bypass code"));
            }
        }
        hints.extend([("o", "open the user"), ("Down", "more"), ("Esc", "back")]);
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "How the user stands now, then the last attempts, newest first: what the VPN was told, what happened, and what to do. What \
             moves is shown at once.",
            "u unlocks the user, b makes a bypass code, o opens the user. A To do that names a command also says which key does it here.",
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::event::Event;
    use crate::console::testing::{Desk, NOON, snapshot};
    use crate::control::Moved;
    use std::time::Duration;

    fn attempt(minutes: u64, outcome: &str, reason: &str, what: &str, todo: &str) -> ExplainedAttempt {
        ExplainedAttempt {
            at: NOON.minus(Duration::from_secs(60 * minutes)),
            outcome: outcome.to_owned(),
            reason: reason.to_owned(),
            what: what.to_owned(),
            todo: todo.to_owned(),
            count: 1,
        }
    }

    fn locked() -> Explanation {
        let unlock = "wait; or, if it was the user, run: postern user unlock anna@contoso.example";
        Explanation {
            user: "anna@contoso.example".to_owned(),
            summary: "anna@contoso.example is locked at 192.0.2.7 until 2026-03-02 14:20:00: wait, or run: postern user unlock \
                      anna@contoso.example"
                .to_owned(),
            attempts: vec![
                attempt(
                    1,
                    "reject",
                    "station-locked",
                    "Too many wrong codes from 192.0.2.7: locked there until 14:20",
                    unlock,
                ),
                ExplainedAttempt {
                    count: 9,
                    ..attempt(
                        2,
                        "reject",
                        "wrong-code",
                        "The code is wrong",
                        "type the newest code of the token; if it is refused again, run: postern token resync \
                         anna@contoso.example CODE CODE",
                    )
                },
                attempt(
                    60 * 21,
                    "accept",
                    "accepted",
                    "Let in: password right at Entra ID; code right",
                    "",
                ),
            ],
        }
    }

    fn lead(desk: &mut Desk) {
        desk.open(Box::new(Why::new("anna@contoso.example")), Role::Helpdesk);
        desk.answer(
            |request| matches!(request, Request::Explain { .. }),
            Ok(Answer::Explanation(locked())),
        );
    }

    #[test]
    fn what_helps_is_offered_and_done_with_one_key() {
        let mut desk = Desk::new(80, 24, Default::default());
        lead(&mut desk);
        assert!(desk.text().contains("u unlock"));
        desk.keys(&[Key::Char('u')]);
        desk.answer(
            |request| matches!(request, Request::UserUnlock { name } if name == "anna@contoso.example"),
            Ok(Answer::Done {
                done: "anna@contoso.example is unlocked".to_owned(),
            }),
        );
        assert!(desk.text().contains("anna@contoso.example is unlocked"));
        assert_eq!(desk.last_word(), "explain", "it looks again");
    }

    #[test]
    fn an_auditor_is_offered_nothing_that_changes_something() {
        let mut desk = Desk::new(80, 24, Default::default());
        desk.open(Box::new(Why::new("anna@contoso.example")), Role::Auditor);
        desk.answer(|_| true, Ok(Answer::Explanation(locked())));
        assert!(!desk.text().contains("u unlock"));
        desk.keys(&[Key::Char('u'), Key::Char('b')]);
        assert_eq!((desk.asked.len(), desk.app.screen()), (0, "why"));
    }

    #[test]
    fn a_new_attempt_is_shown_at_once_and_one_stays_where_one_was() {
        let mut desk = Desk::new(80, 24, Default::default());
        lead(&mut desk);
        desk.event(Event::Moved(Moved::default()));
        desk.event(Event::Moved(Moved {
            log: 1,
            ..Moved::default()
        }));
        let mut next = locked();
        next.summary = "anna@contoso.example may log in".to_owned();
        desk.answer(
            |request| matches!(request, Request::Explain { .. }),
            Ok(Answer::Explanation(next)),
        );
        assert!(desk.text().contains("may log in"));
    }

    #[test]
    fn screens() {
        snapshot("why", lead);
        snapshot("why-unknown", |desk| {
            desk.open(Box::new(Why::new("ana@contoso.example")), Role::Helpdesk);
            let told = Explanation {
                user: "ana@contoso.example".to_owned(),
                summary: "ana@contoso.example is no user of this box; nothing arrived for this name since 2026-03-01 08:00:00; \
                          similar names: anna@contoso.example: correct the name; or run: postern user add ana@contoso.example, \
                          then: postern token add ana@contoso.example"
                    .to_owned(),
                attempts: Vec::new(),
            };
            desk.answer(|_| true, Ok(Answer::Explanation(told)));
        });
        snapshot("why-failed", |desk| {
            desk.open(Box::new(Why::new("CONTOSO\\anna")), Role::Helpdesk);
            desk.answer(
                |_| true,
                Err(Failure::usage(
                    "the prefix contoso is listed for no domain: add it to its tenant, or write NAME@DOMAIN",
                )),
            );
        });
    }
}
