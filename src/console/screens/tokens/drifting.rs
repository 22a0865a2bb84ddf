//! Clocks that go wrong: tokens whose codes will be refused within 60 days if they drift on, the soonest first. In: posternd's list;
//! out: one of them.
//!
//! ```text
//! Postern box-1 | Clocks                                   anna installer  14:05
//!
//!   User                          Token                        Leaves     A day
//! > anna@contoso.example          OTPC-P2-i 8659622000001      14 Mar     +1.2 s
//! ```

use ratatui::layout::Rect;

use super::drift::{Drift, rate_words};
use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::screens::home::count;
use crate::console::screens::program::device_words;
use crate::console::widgets::asked::Asked;
use crate::console::widgets::columns::columns;
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::list::List;
use crate::control::{Answer, DriftInfo, DriftList, Failure, Request};
use crate::text::shown;
use crate::times::{shown_day, shown_near};

/// Columns of the token, the day and the rate.
const DEVICE: u16 = 24;
const DAY: u16 = 12;
const RATE: u16 = 8;

/// The list.
#[derive(Debug)]
pub struct Drifting {
    list: List,
    found: Option<DriftList>,
    asked: Asked,
}

impl Drifting {
    /// Asks for the list itself.
    pub fn new() -> Self {
        Self {
            list: List::new(0),
            found: None,
            asked: Asked::new(0),
        }
    }

    fn here(&self) -> Option<&DriftInfo> {
        self.found.as_ref()?.tokens.get(self.list.at()?)
    }

    fn take(&mut self, found: DriftList) {
        let here = self.here().map(|one| one.token.id);
        self.list.set_length(found.tokens.len());
        if let Some(id) = here {
            match found.tokens.iter().position(|one| one.token.id == id) {
                Some(at) => self.list.go(at),
                None => self.list.unmark(),
            }
        }
        self.found = Some(found);
    }
}

fn rows_of(size: (u16, u16)) -> u16 {
    size.1.saturating_sub(3 + 4)
}

impl Screen for Drifting {
    fn name(&self) -> &'static str {
        "tokens-clocks"
    }

    fn title(&self) -> String {
        "Clocks of tokens".to_owned()
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        self.asked.ask(Request::DriftList)
    }

    fn watches(&self) -> Topics {
        Topics::RECORDS
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        match key {
            Key::Esc => vec![Action::Close],
            Key::Enter => match self.here() {
                Some(one) => vec![Action::Open(Box::new(Drift::new(one.clone())))],
                None => Vec::new(),
            },
            key => {
                self.list.on(key, rows_of(context.size));
                Vec::new()
            }
        }
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let mut actions = self.asked.landed();
        match answer {
            Ok(Answer::Drift(found)) => self.take(found),
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = inset(page.area());
        let Some(found) = &self.found else {
            return page.line(area, 0, "Asking posternd ...", Look::Plain);
        };
        let words = match (found.as_of, found.total) {
            (None, _) => "Not worked out yet since the box started: look again in some minutes.".to_owned(),
            (Some(_), 0) => "No token's clock drifts so far that its codes would be refused within 60 days.".to_owned(),
            (Some(at), total) => {
                let at = shown_near(at, context.now.wall, &context.zone);
                let total = count(total, "token");
                format!("{total}, as worked out at {at}. After its day a token's codes are refused.")
            }
        };
        page.line(area, 0, &words, Look::Plain);
        if found.tokens.is_empty() {
            return;
        }
        let glyphs = page.caps().glyphs;
        let names = area.width.saturating_sub(DEVICE + DAY + RATE + 3).min(66);
        let row = |cells: [&str; 4]| {
            let [user, token, day, rate] = cells;
            columns(&[(user, names), (token, DEVICE), (day, DAY), (rate, RATE)], glyphs)
        };
        let head = row(["User", "Token", "Good until", "A day"]);
        page.line(area, 2, &head, Look::Faint);
        let body = Rect {
            x: area.x.saturating_sub(2),
            width: area.width.saturating_add(2),
            ..below(area, 3)
        };
        self.list.draw(page, body, |number| {
            let Some(one) = found.tokens.get(number) else {
                return (String::new(), Look::Plain);
            };
            let day = shown_day(one.leaves, context.now.wall, &context.zone);
            let look = match one.leaves <= context.now.wall {
                true => Look::Warn,
                false => Look::Plain,
            };
            let (user, device) = (shown(&one.token.user), device_words(&one.token));
            (row([&user, &device, &day, &rate_words(one.millis_per_day)]), look)
        });
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Enter", "open"), ("Up/Down", "choose"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Each login tells how far a token's clock is off. A clock that drifts on the same way leaves the window in which its codes \
             are taken: these tokens do so within 60 days, the soonest first. A day: the seconds that the clock gains or loses in one.",
            "Open one to see how it went, and to set it right before its user is refused.",
        ]
    }
}
