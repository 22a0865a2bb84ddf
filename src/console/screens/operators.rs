//! Who may use this console: every operator with role, code and state. From here one is added, or opened to be changed.
//!
//! ```text
//! Postern box-1 | Operators: 3                             anna installer  14:05
//!
//!   Name                  Role       Code   State          Logged in
//! > anna                  installer  asked  enabled        on ttyS0
//!   berta                 helpdesk   no     locked 4 min   1 Mar 10:31
//!   carl                  auditor    waits  disabled       never
//! ```

use std::time::Duration;

use ratatui::layout::Rect;

use super::operator::Operator;
use super::operator_form::OperatorForm;
use crate::console::action::Action;
use crate::console::app::role_word;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::list::List;
use crate::control::{Answer, Failure, OperatorInfo, Request};
use crate::times::shown_near;

/// A lock runs out by itself: while one holds, the list is asked for again after so long.
pub const LOCK_AGAIN: Duration = Duration::from_secs(30);
/// Columns that the others need beside the name.
const OTHERS: usize = 55;

/// The list.
#[derive(Debug)]
pub struct Operators {
    operators: Option<Vec<OperatorInfo>>,
    asked: Asked,
    asked_at: Duration,
    list: List,
}

impl Operators {
    /// Asks for the list itself.
    pub fn new() -> Self {
        Self {
            operators: None,
            asked: Asked::new(0),
            asked_at: Duration::ZERO,
            list: List::default(),
        }
    }

    fn here(&self) -> Option<&OperatorInfo> {
        self.operators.as_ref()?.get(self.list.at()?)
    }
}

impl Default for Operators {
    fn default() -> Self {
        Self::new()
    }
}

/// How long a lock still holds: `4 min`, `2 h`; never shorter than it is.
pub fn shown_lock(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..5_400 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3_600)),
    }
}

/// Whether a code is asked at the login.
pub fn code(operator: &OperatorInfo) -> &'static str {
    match (operator.token, operator.token_pending) {
        (true, _) => "asked",
        (false, true) => "waits",
        (false, false) => "no",
    }
}

/// In one or two words how an operator stands.
pub fn state(operator: &OperatorInfo) -> (String, Look) {
    match (operator.enabled, operator.locked_seconds) {
        (false, _) => ("disabled".to_owned(), Look::Warn),
        (true, Some(seconds)) => (format!("locked {}", shown_lock(seconds)), Look::Warn),
        (true, None) => ("enabled".to_owned(), Look::Plain),
    }
}

/// Columns of the longest name, as far as the other columns leave them room.
fn name_width(operators: &[OperatorInfo], columns: u16) -> usize {
    let names = operators.iter().map(|one| one.name.chars().count());
    let room = usize::from(columns).saturating_sub(OTHERS).max(20);
    names.max().unwrap_or(0).clamp(20, room)
}

fn row(operator: &OperatorInfo, width: usize, context: &Context) -> (String, Look) {
    let (state, look) = state(operator);
    let seen = match operator.last {
        _ if !operator.lines.is_empty() => format!("on {}", operator.lines.join(", ")),
        Some(last) => shown_near(last, context.now.wall, &context.zone),
        None => "never".to_owned(),
    };
    let role = role_word(operator.role);
    (
        columns(width, [&operator.name, role, code(operator), &state, &seen]),
        look,
    )
}

fn columns(width: usize, [name, role, code, state, seen]: [&str; 5]) -> String {
    let name = match name.chars().count() > width {
        true => format!("{}~", name.chars().take(width.saturating_sub(1)).collect::<String>()),
        false => name.to_owned(),
    };
    format!("{name:<width$}  {role:<9}  {code:<5}  {state:<13}  {seen}")
}

/// Rows of a page of the list.
fn height(area: Rect) -> u16 {
    area.height.saturating_sub(2)
}

impl Screen for Operators {
    fn name(&self) -> &'static str {
        "operators"
    }

    fn title(&self) -> String {
        match &self.operators {
            Some(operators) => format!("Operators: {}", operators.len()),
            None => "Operators".to_owned(),
        }
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

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        let rows = height(Rect::new(0, 0, context.size.0, context.size.1.saturating_sub(3)));
        match key {
            Key::Esc => vec![Action::Close],
            Key::Char('n' | 'N') => vec![Action::Open(Box::new(OperatorForm::add()))],
            Key::Enter => match self.here() {
                Some(operator) => vec![Action::Open(Box::new(Operator::new(operator.clone())))],
                None => Vec::new(),
            },
            key => {
                self.list.on(key, rows);
                Vec::new()
            }
        }
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let mut actions = self.asked.landed();
        match answer {
            Ok(Answer::Operators(answer)) => {
                let here = self.here().map(|operator| operator.name.clone());
                self.list.set_length(answer.operators.len());
                if let Some(at) = answer.operators.iter().position(|one| Some(&one.name) == here.as_ref()) {
                    self.list.go(at);
                }
                self.operators = Some(answer.operators);
            }
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn tick(&mut self, context: &Context) -> Vec<Action> {
        let is_locked = self.operators.iter().flatten().any(|one| one.locked_seconds.is_some());
        match is_locked && context.now.mono.saturating_sub(self.asked_at) >= LOCK_AGAIN {
            true => self.refresh(context),
            false => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = page.area();
        let head = Rect {
            x: area.x.saturating_add(2),
            width: area.width.saturating_sub(2),
            ..area
        };
        let Some(operators) = &self.operators else {
            return page.line(head, 1, "Asking posternd ...", Look::Plain);
        };
        let width = name_width(operators, context.size.0);
        let words = columns(width, ["Name", "Role", "Code", "State", "Logged in"]);
        page.line(head, 1, &words, Look::Faint);
        let body = Rect {
            y: area.y.saturating_add(2),
            height: height(area),
            ..area
        };
        self.list.draw(page, body, |number| {
            operators
                .get(number)
                .map_or((String::new(), Look::Plain), |one| row(one, width, context))
        });
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Enter", "open"), ("n", "new operator"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Operators log in at this console: an installer may do everything, the helpdesk looks after users, an auditor only looks.",
            "Code: `asked` means that the operator's own code is asked at each login, `waits` that a token was made and its first code was \
             not typed yet.",
            "State: `locked` after wrong passwords or codes, and for how long; `disabled` by an installer.",
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#[path = "operators_tests.rs"]
mod tests;
