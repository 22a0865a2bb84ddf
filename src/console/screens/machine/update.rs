//! The box's version and the next one: copied and verified first, then written beside the one that runs and started on trial. In: where
//! it comes from, and an installer's word; out: requests, and how far they are. While something is under way it is asked every two
//! seconds, and no more is drawn than what changed.
//!
//! ```text
//! Postern box-1 | Update                                   anna installer  14:05
//!
//!   Runs          0.1.0
//!   Other slot    0.0.9
//!   Last update   0.1.0 was kept: RADIUS answered its probe
//!   Next          0.2.0 is verified and ready
//!   On the stick  0.2.0: checked when it is fetched
//!
//! > a Apply
//!   n What is new in it
//!   s From a stick
//!   w From a web server
//!   d Forget what was fetched
//! ```

use std::time::Duration;

use super::ask;
use super::line::{Line, Wish};
use super::notes::Notes;
use super::stick::Sticks;
use crate::console::action::{Action, Told, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::screens::confirm::Confirm;
use crate::console::screens::sticks;
use crate::console::widgets::asked::Asked;
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::menu::{Chose, Entry, Menu};
use crate::console::widgets::rows::Rows;
use crate::control::{
    Answer, Failure, HostAnswer, HostRequest, Request, Role, StickList, UpdateReport, UpdateSource, UpdateStage,
};

/// Tags of questions to posternd.
const SHOW: u32 = 0;
const STICKS: u32 = 1;
const MOUNT: u32 = 2;
const FETCH: u32 = 3;
const APPLY: u32 = 4;
const DROP: u32 = 5;
/// The question whether to apply.
const SURE: u32 = 1;
/// What is under way is asked for so often.
const AGAIN: Duration = Duration::from_secs(2);
/// From the restart to the first login that is answered, about.
const RESTART_SECONDS: u32 = 60;
/// Columns of the labels.
const LABEL: u16 = 14;

const APPLY_IT: Entry = ('a', "Apply");
const NOTES: Entry = ('n', "What is new in it");
const STICK: Entry = ('s', "From a stick");
const WEB: Entry = ('w', "From a web server");
const FORGET: Entry = ('d', "Forget what was fetched");

/// Updates.
#[derive(Debug)]
pub struct Update {
    report: Option<UpdateReport>,
    asked: Asked,
    asked_at: Duration,
    /// Releases that seem to lie on the mounted stick.
    on_stick: Vec<String>,
    menu: Menu,
}

impl Update {
    /// Asks for what it shows itself.
    pub fn new() -> Self {
        Self {
            report: None,
            asked: Asked::new(SHOW),
            asked_at: Duration::ZERO,
            on_stick: Vec::new(),
            menu: Menu::default(),
        }
    }

    fn stage(&self) -> UpdateStage {
        self.report
            .as_ref()
            .map(|report| report.stage.clone())
            .unwrap_or_default()
    }

    fn is_busy(&self) -> bool {
        matches!(self.stage(), UpdateStage::Fetching { .. } | UpdateStage::Writing)
    }

    fn entries(&self) -> Vec<Entry> {
        let is_trial = self.report.as_ref().is_none_or(|report| report.trial);
        match self.stage() {
            _ if is_trial => Vec::new(),
            UpdateStage::Idle => vec![STICK, WEB],
            UpdateStage::Fetching { .. } => vec![('d', "Stop it")],
            UpdateStage::Ready { notes, .. } if notes.is_empty() => vec![APPLY_IT, STICK, WEB, FORGET],
            UpdateStage::Ready { .. } => vec![APPLY_IT, NOTES, STICK, WEB, FORGET],
            UpdateStage::Writing => Vec::new(),
            UpdateStage::Failed { .. } => vec![STICK, WEB, FORGET],
        }
    }

    fn chosen(&self, letter: char) -> Vec<Action> {
        match letter {
            's' => vec![ask(STICKS, HostRequest::Sticks)],
            'w' => vec![Action::Open(Box::new(Line::new(Wish::Url, "https://")))],
            'n' => match self.stage() {
                UpdateStage::Ready { version, notes } => vec![Action::Open(Box::new(Notes::new(&version, &notes)))],
                _ => Vec::new(),
            },
            'd' => vec![ask(DROP, HostRequest::UpdateDrop)],
            _ => {
                let UpdateStage::Ready { version, .. } = self.stage() else {
                    return Vec::new();
                };
                let running = self.report.as_ref().map_or("", |report| report.running.as_str());
                let lines = vec![
                    format!(
                        "{version} is written beside {running}, and the box restarts into it: logins wait about {RESTART_SECONDS} s."
                    ),
                    format!(
                        "It runs on trial: if RADIUS does not answer there, the box goes back to {running} by itself. Users, tokens and \
                         settings are carried over."
                    ),
                ];
                vec![Action::Open(Box::new(Confirm::new(
                    SURE,
                    &format!("Update to {version}"),
                    lines,
                )))]
            }
        }
    }

    /// The stick that is mounted is used; the only one is mounted first; of several one is chosen.
    fn with_stick(&self, list: &StickList) -> Vec<Action> {
        match (&list.mounted, list.sticks.as_slice()) {
            (Some(_), _) => vec![ask(FETCH, HostRequest::UpdateFetch(UpdateSource::Stick))],
            (None, [only]) => vec![ask(MOUNT, HostRequest::StickMount { id: only.id.clone() })],
            (None, []) => vec![Action::Fail(Failure::refused(
                "no stick is there: plug in the one with the release's files",
            ))],
            (None, _) => vec![
                Action::Open(Box::new(Sticks::new())),
                Action::Say(
                    Tone::Look,
                    "Mount the one with the release's files, then come back.".to_owned(),
                ),
            ],
        }
    }
}

impl Default for Update {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen for Update {
    fn name(&self) -> &'static str {
        "update"
    }

    fn title(&self) -> String {
        "Update".to_owned()
    }

    fn refresh(&mut self, context: &Context) -> Vec<Action> {
        self.asked_at = context.now.mono;
        // Where nothing is under way: a stick that is being read is slow.
        if !self.is_busy() {
            self.on_stick = sticks::releases(&context.import_dirs);
        }
        self.asked.ask(Request::Host(HostRequest::UpdateShow))
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
        match told {
            Told::Yes(SURE) => vec![ask(APPLY, HostRequest::UpdateApply)],
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            SHOW => self.asked.landed(),
            _ => Vec::new(),
        };
        // From here on: a late answer makes no hurry.
        self.asked_at = context.now.mono;
        match answer {
            Ok(Answer::Host(HostAnswer::Update(report))) => {
                self.report = Some(report);
                self.menu.set(&self.entries());
            }
            Ok(Answer::Host(HostAnswer::Sticks(list))) if tag == STICKS || list.mounted.is_some() => {
                actions.extend(self.with_stick(&list));
            }
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn tick(&mut self, context: &Context) -> Vec<Action> {
        let is_due = context.now.mono.saturating_sub(self.asked_at) >= AGAIN;
        match self.is_busy() && is_due && !self.asked.flying() {
            true => self.refresh(context),
            false => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = page.area();
        let Some(report) = &self.report else {
            return page.line(inset(area), 0, "Asking posternd ...", Look::Plain);
        };
        let mut rows = Rows::new(page, inset(area), LABEL);
        match report.trial {
            true => rows.field(
                "Runs",
                &format!("{}, ON TRIAL: not kept yet", report.running),
                Look::Warn,
            ),
            false => rows.field("Runs", &report.running, Look::Plain),
        }
        rows.field("Other slot", report.other.as_deref().unwrap_or("empty"), Look::Plain);
        rows.field("Last update", report.last.as_deref().unwrap_or("none"), Look::Plain);
        let (words, look) = match &report.stage {
            UpdateStage::Idle => ("nothing was fetched".to_owned(), Look::Plain),
            UpdateStage::Fetching { percent } => (format!("{percent:>3} % copied and verified"), Look::Plain),
            UpdateStage::Ready { version, .. } => (format!("{version} is verified and ready"), Look::Good),
            UpdateStage::Writing => (
                "being written; the box restarts by itself: leave it on".to_owned(),
                Look::Warn,
            ),
            UpdateStage::Failed { why } => (format!("FAILED: {why}"), Look::Bad),
        };
        rows.field("Next", &words, look);
        if !self.on_stick.is_empty() {
            let words = format!("{}: checked when it is fetched", self.on_stick.join(", "));
            rows.field("On the stick", &words, Look::Plain);
        }
        if context.may(Role::Installer) {
            rows.gap();
            let used = rows.below().y.saturating_sub(area.y);
            self.menu.draw(page, below(area, used));
        }
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        match context.may(Role::Installer) && self.menu.height() > 0 {
            true => vec![("Up/Down, Enter or a letter", "choose"), ("Esc", "back")],
            false => vec![("Esc", "back")],
        }
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "A release is copied into the box and its signature is checked before anything is written. It goes into the other slot: the \
             version that runs stays as it is.",
            "The box starts the new version on trial. It is kept if RADIUS answers; if not, the box goes back by itself, and says so here.",
            "Leaving this screen stops nothing.",
        ]
    }
}
