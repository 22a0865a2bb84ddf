//! The box off and on again. In: an operator's wish, after a question that says what becomes of logins; out: one request. Emptying the
//! box has a screen of its own.
//!
//! ```text
//! Postern box-1 | Restart, power off                       anna installer  14:05
//!
//!   While the box is off, no login through it is answered. Sessions that
//!   stand at the gateways go on.
//!
//! > r Restart
//!   o Power off
//!   f Factory reset
//! ```

use super::reset::Reset;
use super::{ask, paragraphs};
use crate::console::action::{Action, Told, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::screens::confirm::Confirm;
use crate::console::widgets::menu::{Chose, Entry, Menu};
use crate::control::{Answer, Failure, HostAnswer, HostRequest};

/// Tags of questions to the operator.
const RESTART: u32 = 1;
const OFF: u32 = 2;

const ENTRIES: [Entry; 3] = [('r', "Restart"), ('o', "Power off"), ('f', "Factory reset")];

/// Restart, power off, factory reset.
#[derive(Debug)]
pub struct Power {
    menu: Menu,
}

impl Power {
    /// The three of them.
    pub fn new() -> Self {
        Self {
            menu: Menu::new(&ENTRIES),
        }
    }
}

impl Default for Power {
    fn default() -> Self {
        Self::new()
    }
}

/// The box's name, where posternd said it.
pub fn host(context: &Context) -> String {
    context
        .hello
        .as_ref()
        .map_or("the box", |hello| hello.host.as_str())
        .to_owned()
}

impl Screen for Power {
    fn name(&self) -> &'static str {
        "power"
    }

    fn title(&self) -> String {
        "Restart, power off".to_owned()
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        let host = host(context);
        let (tag, title, line) = match self.menu.on(key) {
            Chose::This('r') => (
                RESTART,
                format!("Restart {host}"),
                "For about a minute no login is answered; gateways turn to their second server, if they have one. Then the box \
                 answers again by itself, unless its clock has to be confirmed first.",
            ),
            Chose::This('o') => (
                OFF,
                format!("Power off {host}"),
                "No login is answered until somebody switches the box on again by its button: not from here, and not over SSH.",
            ),
            Chose::This(_) => return vec![Action::Open(Box::new(Reset::new()))],
            Chose::NotMine if key == Key::Esc => return vec![Action::Close],
            _ => return Vec::new(),
        };
        let lines = vec![line.to_owned(), "Sessions that stand at the gateways go on.".to_owned()];
        vec![Action::Open(Box::new(Confirm::new(tag, &title, lines)))]
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        match told {
            Told::Yes(RESTART) => vec![ask(RESTART, HostRequest::Reboot)],
            Told::Yes(OFF) => vec![ask(OFF, HostRequest::PowerOff)],
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        match answer {
            Ok(Answer::Host(HostAnswer::Done { done })) => vec![Action::Say(Tone::Done, done)],
            Ok(_) => Vec::new(),
            Err(failure) => vec![Action::Fail(failure)],
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let words = "While the box is off, no login through it is answered. Sessions that stand at the gateways go on.";
        let area = paragraphs(page, &[(words.to_owned(), Look::Plain)]);
        self.menu.draw(page, area);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Up/Down, Enter or a letter", "choose"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Nothing is lost by a restart, or by pulling the plug. Each of these asks before it does anything.",
            "Factory reset empties the box; it asks for your password.",
        ]
    }
}
