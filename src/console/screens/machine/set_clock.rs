//! The clock, set by hand where there is no time server. In: date and time as a watch shows them; out: the clock is set, and the screen
//! follows on which it is confirmed (R19).
//!
//! ```text
//! Postern box-1 | Set the clock                            anna installer  14:05
//!
//!   Date               [2026-03-02                                    ]
//! > Time               [14:05                                         ]
//!
//!   The zone is UTC. Press Enter as the minute begins.
//! ```

use ratatui::layout::Rect;

use super::ask;
use crate::console::action::{Action, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::screens::clock::Clock;
use crate::console::widgets::field::Field;
use crate::console::widgets::form::{Form, Typed};
use crate::console::widgets::inset::below;
use crate::control::check::machine;
use crate::control::{Answer, Failure, HostRequest};
use crate::times::shown_at;

/// The form.
#[derive(Debug)]
pub struct SetClock {
    form: Form,
    is_filled: bool,
    waiting: bool,
}

fn digit(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, '-' | ':')
}

impl SetClock {
    /// An empty form; the date that the box has is filled in where it can be right.
    pub fn new() -> Self {
        let form = Form::new()
            .field("date", "Date", Field::new(10, digit), "Year, month, day: 2026-03-02.")
            .field(
                "time",
                "Time",
                Field::new(8, digit),
                "Hours and minutes, 24 hours: 14:05. Type the minute that comes, and press Enter as it begins.",
            );
        Self {
            form,
            is_filled: false,
            waiting: false,
        }
    }
}

impl Default for SetClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen for SetClock {
    fn name(&self) -> &'static str {
        "set-clock"
    }

    fn title(&self) -> String {
        "Set the clock".to_owned()
    }

    fn refresh(&mut self, context: &Context) -> Vec<Action> {
        if !std::mem::replace(&mut self.is_filled, true) {
            let now = shown_at(context.now.wall, &context.zone);
            let date: String = now.chars().take(10).collect();
            if machine::clock(&date, "12:00", &context.zone).is_ok() {
                self.form.set("date", &date);
            }
        }
        Vec::new()
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if key == Key::Esc {
            return vec![Action::Close];
        }
        if self.waiting || self.form.on(key) != Typed::Done {
            return Vec::new();
        }
        match machine::clock(self.form.text("date"), self.form.text("time"), &context.zone) {
            Ok(at) => {
                self.waiting = true;
                vec![ask(0, HostRequest::ClockSet { at })]
            }
            Err((key, line)) => {
                self.form.set_wrong(key, Some(line));
                self.form.go(key);
                Vec::new()
            }
        }
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        self.waiting = false;
        match answer {
            Ok(_) => {
                let said = Action::Say(Tone::Done, "The clock is set: compare it once more.".to_owned());
                // Whoever came from the clock alone goes back to it.
                let is_alone = context.session.as_ref().is_some_and(|session| session.clock_only);
                let next = match is_alone {
                    true => Action::Close,
                    false => Action::Replace(Box::new(Clock::new())),
                };
                vec![next, said]
            }
            Err(failure) => vec![Action::Fail(failure)],
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = below(page.area(), 1);
        let area = Rect {
            width: area.width.min(100),
            ..area
        };
        self.form.draw(page, area, !self.waiting);
        let rest = below(area, 6);
        let rest = Rect {
            x: rest.x.saturating_add(2),
            width: rest.width.saturating_sub(4),
            ..rest
        };
        let zone = context.zone.iana_name().unwrap_or("the box's own");
        let words = match self.waiting {
            true => "Asking posternd ...".to_owned(),
            false => format!("The zone is {zone}: date and time as a watch there shows them."),
        };
        page.wrapped(rest, &words, Look::Plain);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Enter", "next, set at the end"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Sets the box's clock where no time server can be reached. Codes follow the clock: half a minute more or less does not \
             matter, an hour does.",
            "Then the clock is confirmed: until then the box does not trust it, and answers no login.",
        ]
    }

    fn types(&self, character: char) -> bool {
        self.form.types(character)
    }
}
