//! One operator: how they stand, and what an installer may change.
//!
//! ```text
//! Postern box-1 | Operator: berta                          anna installer  14:05
//!
//!   Role                helpdesk
//!   State               locked 4 min
//!   Code at the login   no
//!   Logged in           never
//!   Made                1 Mar 10:31
//!
//! > r Role
//!   p New password
//!   t Token for the login
//!   u Unlock
//!   d Disable
//!   x Remove
//! ```

use std::time::Duration;

use ratatui::layout::Rect;

use super::confirm::{Confirm, word_for};
use super::operator_form::OperatorForm;
use super::operator_token::OperatorToken;
use super::operators::{LOCK_AGAIN, code, state};
use crate::console::action::{Action, Told, Tone};
use crate::console::app::role_word;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::menu::{Chose, Entry, Menu};
use crate::console::widgets::rows::Rows;
use crate::control::{Answer, Failure, OperatorInfo, OperatorSet, Request};
use crate::times::shown_near;

/// Tags of questions to posternd.
const LIST: u32 = 0;
const CHANGE: u32 = 1;
const REMOVE: u32 = 2;
/// Tags of questions to the operator.
const SURE_REMOVE: u32 = 1;
const SURE_DISABLE: u32 = 2;
const SURE_NO_TOKEN: u32 = 3;
/// Columns of the labels.
const LABEL: u16 = 20;

/// One operator.
#[derive(Debug)]
pub struct Operator {
    operator: OperatorInfo,
    asked: Asked,
    asked_at: Duration,
    menu: Menu,
}

impl Operator {
    /// As the list knew it; it asks for news itself.
    pub fn new(operator: OperatorInfo) -> Self {
        Self {
            menu: Menu::new(&entries(&operator)),
            operator,
            asked: Asked::new(LIST),
            asked_at: Duration::ZERO,
        }
    }

    fn take(&mut self, operator: OperatorInfo) {
        self.menu.set(&entries(&operator));
        self.operator = operator;
    }

    fn set_enabled(&self, enabled: bool) -> Vec<Action> {
        let set = OperatorSet {
            name: self.operator.name.clone(),
            role: None,
            enabled: Some(enabled),
            password: None,
        };
        vec![Action::Ask(CHANGE, Request::OperatorSet(set))]
    }

    fn sure(&self, tag: u32, title: &str, line: String) -> Vec<Action> {
        let title = format!("{title} {}", self.operator.name);
        vec![Action::Open(Box::new(Confirm::new(tag, &title, vec![line])))]
    }

    fn chosen(&self, letter: char) -> Vec<Action> {
        let name = self.operator.name.clone();
        match letter {
            'r' => vec![Action::Open(Box::new(OperatorForm::role(&self.operator)))],
            'p' => vec![Action::Open(Box::new(OperatorForm::password(&name)))],
            't' => vec![Action::Open(Box::new(OperatorToken::new(&name)))],
            'n' => self.sure(
                SURE_NO_TOKEN,
                "No code for",
                format!("{name} logs in by the password alone from then on."),
            ),
            'u' => vec![Action::Ask(CHANGE, Request::OperatorUnlock { name })],
            'e' => self.set_enabled(true),
            'd' => self.sure(
                SURE_DISABLE,
                "Disable",
                format!("{name} cannot log in until an installer enables the name again; sessions of {name} end now."),
            ),
            'x' => {
                let line = format!(
                    "{name} and the token for the login are removed; sessions of {name} end now. The log keeps the name."
                );
                let title = format!("Remove {name}");
                let confirm = Confirm::strong(SURE_REMOVE, &title, vec![line], word_for(&name, "remove"));
                vec![Action::Open(Box::new(confirm))]
            }
            _ => Vec::new(),
        }
    }
}

/// What can be done with this one now.
fn entries(operator: &OperatorInfo) -> Vec<Entry> {
    let mut entries = vec![('r', "Role"), ('p', "New password")];
    entries.push(match operator.token {
        true => ('n', "No token any more"),
        false => ('t', "Token for the login"),
    });
    if operator.locked_seconds.is_some() {
        entries.push(('u', "Unlock"));
    }
    entries.push(match operator.enabled {
        true => ('d', "Disable"),
        false => ('e', "Enable"),
    });
    entries.push(('x', "Remove"));
    entries
}

impl Screen for Operator {
    fn name(&self) -> &'static str {
        "operator"
    }

    fn title(&self) -> String {
        format!("Operator: {}", self.operator.name)
    }

    fn refresh(&mut self, context: &Context) -> Vec<Action> {
        self.asked_at = context.now.mono;
        self.asked.ask(Request::OperatorList)
    }

    fn watches(&self) -> Topics {
        Topics {
            records: true,
            state: true,
            ..Topics::NONE
        }
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        match self.menu.on(key) {
            Chose::This(letter) => self.chosen(letter),
            Chose::NotMine if key == Key::Esc => vec![Action::Close],
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            LIST => self.asked.landed(),
            _ => Vec::new(),
        };
        match answer {
            Err(failure) => actions.push(Action::Fail(failure)),
            Ok(Answer::Operators(list)) => {
                let found = list.operators.into_iter().find(|one| one.name == self.operator.name);
                match found {
                    Some(operator) => self.take(operator),
                    None => {
                        let words = format!("{} is not an operator any more", self.operator.name);
                        actions.extend([Action::Say(Tone::Look, words), Action::Close]);
                    }
                }
            }
            Ok(Answer::Operator(operator)) => {
                let words = match (operator.enabled, self.operator.enabled) {
                    (true, false) => format!("{} may log in again", operator.name),
                    (false, true) => format!("{} is disabled", operator.name),
                    _ => format!("{} logs in by the password alone", operator.name),
                };
                actions.push(Action::Say(Tone::Done, words));
                self.take(operator);
            }
            Ok(Answer::Done { done }) => {
                actions.push(Action::Say(Tone::Done, done));
                match tag {
                    REMOVE => actions.push(Action::Close),
                    _ => actions.extend(self.refresh(context)),
                }
            }
            Ok(_) => {}
        }
        actions
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        let name = self.operator.name.clone();
        match told {
            Told::Yes(SURE_DISABLE) => self.set_enabled(false),
            Told::Yes(SURE_REMOVE) => vec![Action::Ask(REMOVE, Request::OperatorRemove { name })],
            Told::Yes(SURE_NO_TOKEN) => vec![Action::Ask(CHANGE, Request::OperatorTokenRemove { name })],
            _ => Vec::new(),
        }
    }

    fn tick(&mut self, context: &Context) -> Vec<Action> {
        let is_locked = self.operator.locked_seconds.is_some();
        match is_locked && context.now.mono.saturating_sub(self.asked_at) >= LOCK_AGAIN {
            true => self.refresh(context),
            false => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = page.area();
        let inner = Rect {
            x: area.x.saturating_add(2),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(1).min(6),
        };
        let one = &self.operator;
        let near = |at| shown_near(at, context.now.wall, &context.zone);
        let mut rows = Rows::new(page, inner, LABEL);
        rows.field("Role", role_word(one.role), Look::Plain);
        let (words, look) = state(one);
        rows.field("State", &words, look);
        let words = match code(one) {
            "waits" => "no: a token was made, its first code was not typed yet",
            words => words,
        };
        rows.field("Code at the login", words, Look::Plain);
        let last = one.last.map_or("never".to_owned(), near);
        let words = match one.lines.is_empty() {
            true => last,
            false => format!("now, on {}", one.lines.join(", ")),
        };
        rows.field("Logged in", &words, Look::Plain);
        rows.field("Made", &near(one.created), Look::Plain);
        let below = Rect {
            y: area.y.saturating_add(7),
            height: area.height.saturating_sub(7),
            ..area
        };
        self.menu.draw(page, below);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Up/Down, Enter or a letter", "choose"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "What an installer may change of an operator. The box always keeps one installer who can log in: the last one can neither be \
             removed nor disabled nor made less.",
            "With a token the operator's own code is asked at each login, beside the password.",
        ]
    }
}
