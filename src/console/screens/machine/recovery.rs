//! The recovery stick: without it the entries Recovery and Factory reset of the boot menu do nothing. In: a stick that an installer
//! chooses; out: one request.
//!
//! ```text
//! Postern box-1 | Recovery stick                           anna installer  14:05
//!
//!   Whoever starts the box with this stick in it may make a new installer, or
//!   empty the box ...
//!
//! > sda1     KINGSTON, vfat, 8.0 GB
//! ```

use super::ask;
use super::stick::Seen;
use crate::console::action::{Action, Told, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::screens::confirm::Confirm;
use crate::control::{Answer, Failure, HostAnswer, HostRequest, Request};

/// Tags of questions to posternd.
const STICKS: u32 = 0;
const SHOW: u32 = 1;
const PREPARE: u32 = 2;
/// The question whether this stick.
const SURE: u32 = 1;

/// The recovery stick.
#[derive(Debug)]
pub struct Recovery {
    seen: Seen,
    /// A stick was prepared before; none: not known yet.
    is_prepared: Option<bool>,
    /// The one that was asked about.
    chosen: String,
    waiting: bool,
}

impl Recovery {
    /// Asks for what it shows itself.
    pub fn new() -> Self {
        Self {
            seen: Seen::new(STICKS),
            is_prepared: None,
            chosen: String::new(),
            waiting: false,
        }
    }
}

impl Default for Recovery {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen for Recovery {
    fn name(&self) -> &'static str {
        "recovery-stick"
    }

    fn title(&self) -> String {
        "Recovery stick".to_owned()
    }

    fn refresh(&mut self, context: &Context) -> Vec<Action> {
        let mut actions = self.seen.ask(context);
        if self.is_prepared.is_none() {
            actions.push(Action::Ask(SHOW, Request::Host(HostRequest::Show)));
        }
        actions
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        match key {
            Key::Esc => vec![Action::Close],
            Key::Enter if !self.waiting => {
                let Some(id) = self.seen.here() else {
                    return Vec::new();
                };
                let mut lines = vec![format!(
                    "The stick {id} becomes this box's recovery stick. Whoever has it and stands before the box can make themselves an \
                     installer: keep it locked away, as a key."
                )];
                if self.is_prepared != Some(false) {
                    lines.push(
                        "A stick that was prepared before is one no more, and can be used for anything else."
                            .to_owned(),
                    );
                }
                self.chosen = id;
                vec![Action::Open(Box::new(Confirm::new(
                    SURE,
                    "Prepare a recovery stick",
                    lines,
                )))]
            }
            key => {
                self.seen.at.on(key, 10);
                Vec::new()
            }
        }
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        if told != Told::Yes(SURE) {
            return Vec::new();
        }
        self.waiting = true;
        let id = self.chosen.clone();
        vec![ask(PREPARE, HostRequest::RecoveryPrepare { id })]
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            STICKS => self.seen.landed(),
            _ => Vec::new(),
        };
        if tag == PREPARE {
            self.waiting = false;
        }
        match answer {
            Ok(Answer::Host(HostAnswer::Sticks(list))) => {
                self.seen.take(list);
                if tag == PREPARE {
                    self.is_prepared = Some(true);
                    let words = "The recovery stick is ready, and may be pulled out: keep it in a safe place.";
                    actions.push(Action::Say(Tone::Done, words.to_owned()));
                }
            }
            Ok(Answer::Host(HostAnswer::Report(report))) => self.is_prepared = Some(report.recovery),
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn tick(&mut self, context: &Context) -> Vec<Action> {
        match self.waiting {
            false => self.seen.tick(context),
            true => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let what = "With this stick in the box, its boot menu lets in somebody who has lost every installer's password, or empties the \
                    box. Without the stick those entries do nothing.";
        let state = match (self.waiting, self.is_prepared) {
            (true, _) => "Preparing the stick: do not pull it out ...",
            (_, Some(true)) => "A stick is prepared. Preparing another makes it worthless.",
            (_, Some(false)) => {
                "NO STICK IS PREPARED: if every installer's password is lost, the box can only be set up anew."
            }
            (_, None) => "",
        };
        let look = match self.is_prepared {
            Some(false) => Look::Warn,
            _ => Look::Plain,
        };
        let mut lines = vec![(what.to_owned(), Look::Plain)];
        if !state.is_empty() {
            lines.push((state.to_owned(), look));
        }
        self.seen.draw(page, lines);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Enter", "prepare this one"), ("Up/Down", "choose"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Recovery makes a new installer where every password is lost. It needs somebody before the box with this stick; no login is \
             answered meanwhile, and it is on record.",
            "An installer who was made so can neither export nor back up nor restore for 24 hours in which the box runs.",
            "Keep the stick in a safe place, not beside the box.",
        ]
    }
}
