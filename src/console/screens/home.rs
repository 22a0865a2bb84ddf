//! The first screen after the login: whether the box answers, what can be done, and how things stand.
//!
//! ```text
//! Postern box-1 | Status                                   anna installer  14:05
//!
//!   ANSWERING
//!
//! > e Enrol           Clock       trusted: by a time server
//!   w Why             RADIUS      [::]:1812, accounting [::]:1813
//!   u Users           Entra       contoso.example: on, proven
//!   k Unlock          Last hour   412 accepted, 7 refused
//!   b Bypass                      3 asked for a code, 0 dropped
//!   l Log             Holds       1204 users, 1190 tokens, 2 clients
//!   c Clients
//!   d Directories     Alarms      1 (a shows all)
//!   o Operators       The store cannot be written: no space left on device
//!   i Import          Since 13:50. To do: Make room on the disk
//!   y System
//! ```

use std::time::Duration;

use ratatui::layout::Rect;

use super::alarms::{self, Alarms};
use super::clock::{self, Clock};
use super::confirm::Confirm;
use super::machine::trial::Trial;
use super::menu;
use crate::console::action::{Action, Told, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::menu::{Chose, Menu};
use crate::console::widgets::rows::Rows;
use crate::control::{
    Answer, Failure, HostAnswer, HostReport, HostRequest, Request, Role, StatusReport, TenantHealth, TenantState,
    Timestamp, UpdateReport,
};
use crate::times::shown_near;

/// Its name.
pub const NAME: &str = "home";
/// Tags of questions to posternd.
const STATUS: u32 = 0;
const MACHINE: u32 = 1;
const UPDATE: u32 = 2;
/// While something of the machine is on trial it is asked for so often, else as [`AGAIN`] says.
const TRIAL_AGAIN: Duration = Duration::from_secs(5);
/// Nothing moved for so long: counts of the last hour grow old by themselves.
const AGAIN: Duration = Duration::from_secs(60);
/// Columns of the menu.
const MENU: u16 = 20;
/// Columns of the labels.
const LABEL: u16 = 12;
/// Directories that are shown; the rest is counted.
const TENANTS: usize = 3;
/// A box with fewer users may still wait for its first login.
const FEW_USERS: u64 = 10;
/// The question whether to log out.
const LOG_OUT: u32 = 1;

/// The screens that stand after a login, the first one lowest. `had_none` is true for the operator who was just made as the first.
pub fn after_login(context: &Context, had_none: bool) -> Vec<Box<dyn Screen>> {
    if context.session.as_ref().is_some_and(|session| session.clock_only) {
        return vec![Box::new(Clock::only())];
    }
    let set_up = had_none.then(menu::set_up).flatten();
    let mut screens: Vec<Box<dyn Screen>> = vec![Box::new(Home::new(set_up.is_some()))];
    screens.extend(set_up);
    screens
}

/// The first screen.
#[derive(Debug)]
pub struct Home {
    report: Option<Box<StatusReport>>,
    asked: Asked,
    asked_at: Duration,
    menu: Menu,
    /// The failed logins were said.
    said: bool,
    /// The set-up was opened by itself, once.
    led: bool,
    /// The network is on trial, and the version that runs is.
    trials: (bool, bool),
    machine_asked: Asked,
    /// When the machine was asked for last; none: never.
    machine_at: Option<Duration>,
}

impl Home {
    /// With `led` the set-up is not opened by itself.
    pub fn new(led: bool) -> Self {
        Self {
            report: None,
            asked: Asked::new(STATUS),
            asked_at: Duration::ZERO,
            menu: Menu::default(),
            said: false,
            led,
            trials: (false, false),
            machine_asked: Asked::new(MACHINE),
            machine_at: None,
        }
    }

    /// The set-up is offered.
    fn set_up(&self) -> bool {
        self.report
            .as_ref()
            .is_some_and(|report| is_begun(report) || waits_for_a_login(report))
    }

    /// Asks how the machine is, seldom: most often nothing of it is on trial, and not every box is an appliance.
    fn ask_machine(&mut self, context: &Context) -> Vec<Action> {
        let again = match self.trials {
            (false, false) => AGAIN,
            _ => TRIAL_AGAIN,
        };
        let now = context.now.mono;
        let is_fresh = self.machine_at.is_some_and(|at| now.saturating_sub(at) < again);
        if is_fresh || self.machine_asked.flying() {
            return Vec::new();
        }
        self.machine_at = Some(now);
        self.machine_asked.ask(Request::Host(HostRequest::Show))
    }

    /// How the machine is set: a network on trial is looked at first of all.
    fn machine(&mut self, report: &HostReport, context: &Context) -> Vec<Action> {
        let is_trial = report.reverts_in.is_some();
        let is_new = is_trial && !self.trials.0;
        self.trials.0 = is_trial;
        let mut actions = vec![Action::Ask(UPDATE, Request::Host(HostRequest::UpdateShow))];
        if is_new && context.may(Role::Installer) {
            actions.push(Action::Open(Box::new(Trial::new(report, context))));
        }
        actions
    }

    fn open(&self, letter: char) -> Vec<Action> {
        match menu::open(letter) {
            Some(screen) => vec![Action::Open(screen)],
            None => vec![Action::Say(Tone::Look, "This screen is not there yet.".to_owned())],
        }
    }
}

/// No gateway may ask yet, or nobody has a token: without both nobody can log in.
fn is_begun(report: &StatusReport) -> bool {
    report.clients == 0 || report.tokens == 0
}

/// A new box, by its few users, that has let nobody in since it started.
fn waits_for_a_login(report: &StatusReport) -> bool {
    report.users < FEW_USERS && report.counters.get("accepts").copied().unwrap_or(0) == 0
}

impl Screen for Home {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> String {
        "Status".to_owned()
    }

    fn refresh(&mut self, context: &Context) -> Vec<Action> {
        self.menu.set(&menu::entries(context, self.set_up()));
        self.asked_at = context.now.mono;
        let mut actions = self.asked.ask(Request::Status);
        if self.trials.0 {
            // It may have been decided just now.
            self.machine_at = None;
        }
        actions.extend(self.ask_machine(context));
        if !std::mem::replace(&mut self.said, true) {
            actions.extend(failures(context));
        }
        actions
    }

    fn watches(&self) -> Topics {
        Topics::ALL
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if key == Key::Esc {
            let who = context.session.as_ref().map_or("", |session| session.operator.as_str());
            let lines = vec![format!("Log {who} out on this line?")];
            return vec![Action::Open(Box::new(Confirm::new(LOG_OUT, "Log out", lines)))];
        }
        match self.menu.on(key) {
            Chose::This(letter) => self.open(letter),
            Chose::Moved => Vec::new(),
            Chose::NotMine if key == Key::Char('a') => {
                let known = self.report.as_ref().map(|report| report.alarms.clone());
                vec![Action::Open(Box::new(Alarms::new(known)))]
            }
            Chose::NotMine => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            STATUS => self.asked.landed(),
            MACHINE => self.machine_asked.landed(),
            _ => Vec::new(),
        };
        match answer {
            Ok(Answer::Status(report)) => self.report = Some(report),
            Ok(Answer::Host(HostAnswer::Report(report))) => {
                actions.extend(self.machine(&report, context));
                return actions;
            }
            Ok(Answer::Host(HostAnswer::Update(UpdateReport { trial, .. }))) => {
                self.trials.1 = trial;
                return actions;
            }
            // The System screen says why there is none.
            Err(_) if tag != STATUS => return actions,
            Ok(_) => return actions,
            Err(failure) => {
                actions.push(Action::Fail(failure));
                return actions;
            }
        }
        self.menu.set(&menu::entries(context, self.set_up()));
        let begun = self.report.as_ref().is_some_and(|report| is_begun(report));
        if !std::mem::replace(&mut self.led, true) && begun && context.may(Role::Installer) {
            actions.extend(menu::set_up().map(Action::Open));
        }
        actions
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        match told {
            Told::Yes(LOG_OUT) => vec![Action::LogOut],
            _ => Vec::new(),
        }
    }

    fn tick(&mut self, context: &Context) -> Vec<Action> {
        match context.now.mono.saturating_sub(self.asked_at) >= AGAIN {
            true => self.refresh(context),
            false => self.ask_machine(context),
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = page.area();
        let below = Rect {
            y: area.y.saturating_add(1),
            height: area.height.saturating_sub(1),
            ..area
        };
        let used = self.draw_word(page, below, context).saturating_add(1);
        let below = Rect {
            y: below.y.saturating_add(used),
            height: below.height.saturating_sub(used),
            ..below
        };
        let column = Rect {
            width: below.width.min(MENU),
            ..below
        };
        self.menu.draw(page, column);
        if let Some(report) = &self.report {
            let rest = Rect {
                x: below.x.saturating_add(MENU),
                width: below.width.saturating_sub(MENU),
                ..below
            };
            draw_report(page, rest, report, self.trials, context);
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        let mut hints = vec![("Up/Down, Enter or a letter", "choose")];
        if self.report.as_ref().is_some_and(|report| !report.alarms.is_empty()) {
            hints.push(("a", "alarms"));
        }
        hints.push(("Esc", "log out"));
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "ANSWERING: logins through the VPN are answered. NOT ANSWERING: they are not, and the line says why and what to do. NO \
             ANSWER: posternd stands still, and nobody can say.",
            "Below on the left stands what can be done, on the right how things stand; what changes in the box changes here within a \
             second. Why shows a user's last attempts in plain words: begin there when somebody cannot get in.",
            "Dropped are packets that no known gateway sent, or that were sent with a wrong shared secret: Log shows from where.",
        ]
    }
}

impl Home {
    /// Whether the box answers; the rows that it took.
    fn draw_word(&self, page: &mut Page<'_>, area: Rect, context: &Context) -> u16 {
        let line = Rect {
            x: area.x.saturating_add(2),
            width: area.width.saturating_sub(4),
            height: area.height.min(4),
            ..area
        };
        if let Some(since) = context.silent {
            // What was known then says nothing of now.
            return page.wrapped(line, &no_answer(since, context), Look::Bad);
        }
        match &self.report {
            None => page.wrapped(line, "Asking posternd ...", Look::Plain),
            Some(report) if report.answering => page.wrapped(line, "ANSWERING", Look::Good),
            Some(report) => {
                let because = report.because.as_deref().unwrap_or("the log says why (l)");
                let words = format!("NOT ANSWERING: {}", alarms::here(because));
                page.wrapped(line, &words, Look::Bad)
            }
        }
    }
}

fn draw_report(
    page: &mut Page<'_>,
    area: Rect,
    report: &StatusReport,
    (network, update): (bool, bool),
    context: &Context,
) {
    let mut rows = Rows::new(page, area, LABEL);
    let (mut words, look) = clock::state(&report.clock);
    if !report.clock.trusted {
        words.push_str(": y, then c");
    }
    rows.field("Clock", &words, look);
    let (words, look) = radius(report);
    rows.field("RADIUS", &words, look);
    if report.tenants.is_empty() {
        rows.field("Entra", "no directory is set up", Look::Plain);
    }
    for (number, tenant) in report.tenants.iter().take(TENANTS).enumerate() {
        let (words, look) = directory(tenant, context);
        rows.field(if number == 0 { "Entra" } else { "" }, &words, look);
    }
    if report.tenants.len() > TENANTS {
        let more = format!("and {} more (d)", report.tenants.len() - TENANTS);
        rows.field("", &more, Look::Plain);
    }
    let hour = |name: &str| report.last_hour.get(name).copied().unwrap_or(0);
    let words = format!("{} accepted, {} refused", hour("accepts"), hour("rejects"));
    rows.field("Last hour", &words, Look::Plain);
    let words = format!("{} asked for a code, {} dropped", hour("challenges"), hour("dropped"));
    rows.field("", &words, Look::Plain);
    let holds = [
        count(report.users, "user"),
        count(report.tokens, "token"),
        count(report.clients, "client"),
    ];
    rows.field("Holds", &holds.join(", "), Look::Plain);
    rows.gap();
    if network {
        rows.field(
            "On trial",
            "the network: taken back unless confirmed (y, n)",
            Look::Warn,
        );
    }
    if update {
        rows.field("On trial", "this version: kept once RADIUS answers (y, u)", Look::Warn);
    }
    if report.alarms.is_empty() {
        rows.field("Alarms", "none", Look::Plain);
        return;
    }
    let words = format!("{} (a shows all)", report.alarms.len());
    rows.field("Alarms", &words, Look::Warn);
    draw_alarms(&mut rows, report, context);
}

/// As many as fit whole, the first one always. What the first line says already is not said again.
fn draw_alarms(rows: &mut Rows<'_, '_>, report: &StatusReport, context: &Context) {
    let because = report.because.as_deref().unwrap_or_default();
    let others = report.alarms.iter().filter(|alarm| !because.contains(&alarm.what));
    for (number, alarm) in others.enumerate() {
        let what = alarms::here(&alarm.what);
        let todo = alarms::todo(alarm, context);
        if number > 0 && rows.spans(&what).saturating_add(rows.spans(&todo)) > rows.left() {
            return;
        }
        rows.line(&what, Look::Warn);
        rows.line(&todo, Look::Plain);
    }
}

/// posternd is there and says nothing.
pub fn no_answer(since: Timestamp, context: &Context) -> String {
    let since = shown_near(since, context.now.wall, &context.zone);
    format!("NO ANSWER from posternd since {since}")
}

/// How many logins with this name failed since the last one.
fn failures(context: &Context) -> Option<Action> {
    let session = context.session.as_ref().filter(|session| session.failures > 0)?;
    let since = match session.last {
        Some(last) => format!(
            "your last login ({})",
            shown_near(last, context.now.wall, &context.zone)
        ),
        None => "you were made an operator".to_owned(),
    };
    let words = format!(
        "{} as {} since {since}: if that was not you, tell an installer.",
        count(u64::from(session.failures), "failed login"),
        session.operator
    );
    Some(Action::Say(Tone::Look, words))
}

fn radius(report: &StatusReport) -> (String, Look) {
    let list = |addresses: &[std::net::SocketAddr]| {
        let words: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        words.join(", ")
    };
    match (report.auth.is_empty(), report.acct.is_empty()) {
        (true, _) => ("listens nowhere".to_owned(), Look::Bad),
        (false, true) => (list(&report.auth), Look::Plain),
        (false, false) => (
            format!("{}, accounting {}", list(&report.auth), list(&report.acct)),
            Look::Plain,
        ),
    }
}

fn directory(tenant: &TenantHealth, context: &Context) -> (String, Look) {
    let (words, look) = match (tenant.state, tenant.paused_until) {
        (TenantState::Off, _) => ("off, not proven".to_owned(), Look::Warn),
        (_, Some(until)) => {
            let until = shown_near(until, context.now.wall, &context.zone);
            (format!("paused until {until}"), Look::Warn)
        }
        (TenantState::Proven, None) => ("on, proven".to_owned(), Look::Plain),
        (TenantState::Unproven, None) => ("on, but not proven".to_owned(), Look::Warn),
    };
    (format!("{}: {words}", tenant.domain), look)
}

/// `1 user`, `2 users`.
pub fn count(number: u64, word: &str) -> String {
    match number {
        1 => format!("1 {word}"),
        number => format!("{number} {word}s"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
