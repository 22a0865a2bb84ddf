//! USB sticks: which are there, which one is mounted, and when it may be pulled out. In: an operator's choice; out: requests. What is on
//! a mounted stick is read and written by the screens that import and export.
//!
//! ```text
//! Postern box-1 | Stick                                    anna installer  14:05
//!
//!   A stick is mounted before it is used, and released before it is pulled
//!   out: Enter does both.
//!
//! > sda1     KINGSTON, vfat, 8.0 GB, MOUNTED
//!   sdb1     backup, exfat, 64.0 GB, RECOVERY STICK
//! ```

use std::time::Duration;

use super::{ask, paragraphs, stick_words};
use crate::console::action::{Action, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::list::List;
use crate::control::{Answer, Failure, HostAnswer, HostRequest, Request, StickList};

/// Tags of questions to posternd.
const SHOW: u32 = 0;
const MOUNT: u32 = 1;
const RELEASE: u32 = 2;
/// Sticks are looked for again after so long: one may have been plugged in.
pub const AGAIN: Duration = Duration::from_secs(3);

/// The sticks, looked for again and again: shared with the recovery stick's screen.
#[derive(Debug)]
pub struct Seen {
    /// None: nothing was answered yet.
    pub list: Option<StickList>,
    /// Where one is among them.
    pub at: List,
    asked: Asked,
    asked_at: Duration,
}

impl Seen {
    /// Nothing was asked yet; asks under this tag.
    pub fn new(tag: u32) -> Self {
        Self {
            list: None,
            at: List::new(0),
            asked: Asked::new(tag),
            asked_at: Duration::ZERO,
        }
    }

    /// Asks now.
    pub fn ask(&mut self, context: &Context) -> Vec<Action> {
        self.asked_at = context.now.mono;
        self.asked.ask(Request::Host(HostRequest::Sticks))
    }

    /// A second has passed.
    pub fn tick(&mut self, context: &Context) -> Vec<Action> {
        let is_due = context.now.mono.saturating_sub(self.asked_at) >= AGAIN;
        match is_due && !self.asked.flying() {
            true => self.ask(context),
            false => Vec::new(),
        }
    }

    /// An answer to what it asked is there.
    pub fn landed(&mut self) -> Vec<Action> {
        self.asked.landed()
    }

    /// Those that are there now; the marker stays at its own stick.
    pub fn take(&mut self, list: StickList) {
        let here = self.here();
        self.at.set_length(list.sticks.len());
        if let Some(at) = list.sticks.iter().position(|one| Some(&one.id) == here.as_ref()) {
            self.at.go(at);
        }
        self.list = Some(list);
    }

    /// The stick where one is.
    pub fn here(&self) -> Option<String> {
        let list = self.list.as_ref()?;
        let one = self.at.at().and_then(|at| list.sticks.get(at))?;
        Some(one.id.clone())
    }

    /// Words above, and the list or why there is none.
    pub fn draw(&self, page: &mut Page<'_>, mut lines: Vec<(String, Look)>) {
        let words = match &self.list {
            None => Some("Looking for sticks ..."),
            Some(list) if list.sticks.is_empty() => {
                Some("No stick is there. Plug one in, and it appears here: vfat (FAT32), exfat or ext4.")
            }
            Some(_) => None,
        };
        lines.extend(words.map(|words| (words.to_owned(), Look::Plain)));
        let area = paragraphs(page, &lines);
        if let Some(list) = &self.list {
            self.at.draw(page, area, |number| {
                let one = list.sticks.get(number);
                let words = one.map(|one| stick_words(one, list.mounted.as_deref()));
                (words.unwrap_or_default(), Look::Plain)
            });
        }
    }
}

/// Sticks.
#[derive(Debug)]
pub struct Sticks {
    seen: Seen,
    /// What is on its way takes as long as the stick.
    waiting: Option<&'static str>,
}

impl Sticks {
    /// Asks for what it shows itself.
    pub fn new() -> Self {
        Self {
            seen: Seen::new(SHOW),
            waiting: None,
        }
    }

    fn is_mounted(&self) -> bool {
        let mounted = self.seen.list.as_ref().and_then(|list| list.mounted.clone());
        mounted.is_some() && mounted == self.seen.here()
    }

    fn enter(&mut self) -> Vec<Action> {
        let Some(id) = self.seen.here() else {
            return Vec::new();
        };
        if self.is_mounted() {
            self.waiting = Some("Writing out what is left: do not pull the stick out yet ...");
            return vec![ask(RELEASE, HostRequest::StickRelease)];
        }
        self.waiting = Some("Mounting the stick ...");
        vec![ask(MOUNT, HostRequest::StickMount { id })]
    }
}

impl Default for Sticks {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen for Sticks {
    fn name(&self) -> &'static str {
        "stick"
    }

    fn title(&self) -> String {
        "Stick".to_owned()
    }

    fn refresh(&mut self, context: &Context) -> Vec<Action> {
        self.seen.ask(context)
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        match key {
            Key::Esc => vec![Action::Close],
            Key::Enter if self.waiting.is_none() => self.enter(),
            key => {
                self.seen.at.on(key, 10);
                Vec::new()
            }
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            SHOW => self.seen.landed(),
            _ => {
                self.waiting = None;
                Vec::new()
            }
        };
        match answer {
            Ok(Answer::Host(HostAnswer::Sticks(list))) => {
                let words = match tag {
                    MOUNT => Some("The stick is mounted: token files and the like are found on it now."),
                    RELEASE if list.mounted.is_none() => Some("The stick may be pulled out now."),
                    _ => None,
                };
                self.seen.take(list);
                actions.extend(words.map(|words| Action::Say(Tone::Done, words.to_owned())));
            }
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn tick(&mut self, context: &Context) -> Vec<Action> {
        match self.waiting {
            None => self.seen.tick(context),
            Some(_) => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let words = "A stick is mounted before it is used, and released before it is pulled out: Enter does either. One at a time.";
        let words = self.waiting.unwrap_or(words);
        self.seen.draw(page, vec![(words.to_owned(), Look::Plain)]);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        let enter = if self.is_mounted() { "release" } else { "mount" };
        vec![("Enter", enter), ("Up/Down", "choose"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "A mounted stick is found by Import, by the export of tokens, by backups and by updates. Nothing on it is ever run. A stick \
             with ext4 is only read.",
            "Release writes out what is left. Pull the stick out only after that: else what was written last may be lost.",
        ]
    }
}
