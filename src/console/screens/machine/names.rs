//! What the box is called and what time it keeps: host name, time zone, time servers, and the clock by hand.
//!
//! ```text
//! Postern box-1 | Name and time                            anna installer  14:05
//!
//!   Host name      box-1
//!   Time zone      Europe/Vienna
//!   Time servers   those of the image
//!   Clock          Monday 2026-03-02 14:05 CET, trusted: by a time server
//!
//! > n Host name
//!   z Time zone
//!   t Time servers
//!   c Set the clock by hand
//! ```

use std::time::Duration;

use super::line::{Line, Wish};
use super::set_clock::SetClock;
use super::zones::Zones;
use super::{ask, paragraphs};
use crate::console::action::{Action, Told, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::screens::clock::{as_on_a_watch, state};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::menu::{Chose, Entry, Menu};
use crate::console::widgets::rows::Rows;
use crate::control::{Answer, ClockReport, Failure, HostAnswer, HostReport, HostRequest, Request, Role};

/// Tags of questions to posternd.
const SHOW: u32 = 0;
const CLOCK: u32 = 1;
const ZONE: u32 = 2;
/// The question which zone.
const PICK: u32 = 1;
/// Columns of the labels.
const LABEL: u16 = 15;

const ENTRIES: [Entry; 4] = [
    ('n', "Host name"),
    ('z', "Time zone"),
    ('t', "Time servers"),
    ('c', "Set the clock by hand"),
];

/// Name and time.
#[derive(Debug)]
pub struct Names {
    report: Option<Box<HostReport>>,
    clock: Option<ClockReport>,
    /// When the clock's report came, by the clock that cannot be set.
    at: Duration,
    asked: Asked,
    asked_clock: Asked,
    menu: Menu,
}

impl Names {
    /// Asks for what it shows itself.
    pub fn new() -> Self {
        Self {
            report: None,
            clock: None,
            at: Duration::ZERO,
            asked: Asked::new(SHOW),
            asked_clock: Asked::new(CLOCK),
            menu: Menu::new(&ENTRIES),
        }
    }

    fn chosen(&self, letter: char) -> Vec<Action> {
        let Some(report) = &self.report else {
            return Vec::new();
        };
        let screen: Box<dyn Screen> = match letter {
            'n' => Box::new(Line::new(Wish::Name, &report.name)),
            'z' => Box::new(Zones::new(PICK, &report.zone)),
            't' => {
                let zone = report.zone.clone();
                Box::new(Line::new(Wish::Servers { zone }, &report.servers.join(" ")))
            }
            'c' => Box::new(SetClock::new()),
            _ => return Vec::new(),
        };
        vec![Action::Open(screen)]
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen for Names {
    fn name(&self) -> &'static str {
        "name-and-time"
    }

    fn title(&self) -> String {
        "Name and time".to_owned()
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        let mut actions = self.asked.ask(Request::Host(HostRequest::Show));
        actions.extend(self.asked_clock.ask(Request::TimeShow));
        actions
    }

    fn watches(&self) -> Topics {
        Topics {
            state: true,
            ..Topics::NONE
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if key == Key::Esc {
            return vec![Action::Close];
        }
        if !context.may(Role::Installer) {
            return Vec::new();
        }
        match self.menu.on(key) {
            Chose::This(letter) => self.chosen(letter),
            _ => Vec::new(),
        }
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        match (told, &self.report) {
            (Told::Picked(PICK, zone), Some(report)) if zone != report.zone => {
                let servers = report.servers.clone();
                vec![ask(ZONE, HostRequest::TimeSet { zone, servers })]
            }
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            SHOW => self.asked.landed(),
            CLOCK => self.asked_clock.landed(),
            _ => Vec::new(),
        };
        match answer {
            Ok(Answer::Host(HostAnswer::Report(report))) => {
                if tag == ZONE {
                    let words = format!("The time zone is {}.", report.zone);
                    actions.push(Action::Say(Tone::Done, words));
                }
                self.report = Some(report);
            }
            Ok(Answer::Clock(clock)) => {
                self.clock = Some(clock);
                self.at = context.now.mono;
            }
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let Some(report) = &self.report else {
            paragraphs(page, &[("Asking posternd ...".to_owned(), Look::Plain)]);
            return;
        };
        let area = page.area();
        let mut rows = Rows::new(page, inset(area), LABEL);
        rows.field("Host name", &report.name, Look::Plain);
        rows.field("Time zone", &report.zone, Look::Plain);
        let servers = match report.servers.is_empty() {
            true => "those of the image".to_owned(),
            false => report.servers.join(", "),
        };
        rows.field("Time servers", &servers, Look::Plain);
        if let Some(clock) = &self.clock {
            let now = clock.now.plus(context.now.mono.saturating_sub(self.at));
            let (words, look) = state(clock);
            rows.field(
                "Clock",
                &format!("{}, {words}", as_on_a_watch(now, &context.zone)),
                look,
            );
        }
        if context.may(Role::Installer) {
            rows.gap();
            let used = rows.below().y.saturating_sub(area.y);
            self.menu.draw(page, below(area, used));
        }
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        match context.may(Role::Installer) {
            true => vec![("Up/Down, Enter or a letter", "choose"), ("Esc", "back")],
            false => vec![("Esc", "back")],
        }
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "With a time server the clock is right by itself, and trusted. Without one, and without a hardware clock, it is set by hand \
             after each start, and an installer confirms it.",
            "The zone changes what is shown; codes do not depend on it.",
        ]
    }
}
