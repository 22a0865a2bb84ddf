//! The clock: what it shows, whether it is trusted, and the confirmation by an operator who has compared it with a watch (R19).
//! While the clock is not trusted nobody's code can be checked, so an operator who logs in then comes here and nowhere else.
//!
//! ```text
//! Postern box-1 | Clock                                    anna installer  14:05
//!
//!   NOT TRUSTED
//!
//!   The box's clock   Monday 2026-03-02 14:05 UTC
//!   Newest seen       1 Mar 10:31
//!
//!   No time server was reached since the box started and it has no hardware
//!   clock: logins are not answered. Let the box reach a time server; or compare
//!   its clock with a watch, set it if it is wrong, and confirm it here: c
//! ```

use std::time::Duration;

use jiff::tz::TimeZone;
use ratatui::layout::Rect;

use super::alarms::here;
use super::confirm::Confirm;
use super::machine::set_clock::SetClock;
use crate::console::action::{Action, Told, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::rows::Rows;
use crate::control::{Answer, ClockReport, Failure, Request, Role, Timestamp};
use crate::times::shown_with_zone;

/// The question whether the clock is right.
const RIGHT: u32 = 1;
/// What the newest report says is asked; the confirmation has a tag of its own.
const SHOW: u32 = 0;
/// `time confirm`.
const CONFIRM: u32 = 2;
/// The report is asked for again after so long: a time server may have answered.
const AGAIN: Duration = Duration::from_secs(20);
/// Columns of the labels.
const LABEL: u16 = 18;

/// What the clock's trust rests on, in words.
pub fn state(report: &ClockReport) -> (String, Look) {
    if !report.trusted {
        return ("NOT TRUSTED".to_owned(), Look::Bad);
    }
    let by = match report.source.as_str() {
        "ntp" => "by a time server",
        "rtc" => "by the hardware clock",
        "confirmed" => "an operator confirmed it",
        _ => "the system looks after it",
    };
    (format!("trusted: {by}"), Look::Plain)
}

/// The clock.
#[derive(Debug)]
pub struct Clock {
    /// Nothing else may be looked at: Esc logs out.
    only: bool,
    report: Option<ClockReport>,
    /// By the console's clock, when the report came: what the box's clock shows now follows from it.
    at: Duration,
    asked: Asked,
}

impl Clock {
    /// Over another screen.
    pub fn new() -> Self {
        Self {
            only: false,
            report: None,
            at: Duration::ZERO,
            asked: Asked::new(SHOW),
        }
    }

    /// The only screen of an operator who logged in by password alone.
    pub fn only() -> Self {
        Self {
            only: true,
            ..Self::new()
        }
    }

    fn trusted(&self) -> bool {
        self.report.as_ref().is_some_and(|report| report.trusted)
    }

    /// What the box's clock shows now.
    fn now(&self, context: &Context) -> Option<Timestamp> {
        let report = self.report.as_ref()?;
        Some(report.now.plus(context.now.mono.saturating_sub(self.at)))
    }

    fn leave(&self) -> Vec<Action> {
        match self.only {
            true => vec![Action::LogOut],
            false => vec![Action::Close],
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// The day of the week, date, hour and minute: what a watch shows.
pub fn as_on_a_watch(at: Timestamp, zone: &TimeZone) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    let moment = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    moment
        .to_zoned(zone.clone())
        .strftime("%A %Y-%m-%d %H:%M %Z")
        .to_string()
}

impl Screen for Clock {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn title(&self) -> String {
        "Clock".to_owned()
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        self.asked.ask(Request::TimeShow)
    }

    fn watches(&self) -> Topics {
        Topics {
            state: true,
            ..Topics::NONE
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        match key {
            Key::Esc => self.leave(),
            Key::Enter if self.only && self.trusted() => self.leave(),
            Key::Char('c' | 'C') | Key::Enter if !self.trusted() => {
                if !context.may(Role::Installer) {
                    let words = "An installer has to confirm the clock; log in as one.".to_owned();
                    return vec![Action::Say(Tone::Look, words)];
                }
                let Some(now) = self.now(context) else {
                    return Vec::new();
                };
                let lines = vec![
                    format!("The box's clock shows:   {}", as_on_a_watch(now, &context.zone)),
                    "Compare the date and the time with a watch. A minute more or less does not matter, a wrong day or hour does: \
                     every code would be refused, and after a wrong date some could be used twice."
                        .to_owned(),
                    "Is the box's clock right?".to_owned(),
                ];
                vec![Action::Open(Box::new(Confirm::new(RIGHT, "Confirm the clock", lines)))]
            }
            Key::Char('s' | 'S') if !self.trusted() && context.may(Role::Installer) => {
                vec![Action::Open(Box::new(SetClock::new()))]
            }
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            SHOW => self.asked.landed(),
            _ => Vec::new(),
        };
        match answer {
            Ok(Answer::Clock(report)) => {
                if tag == CONFIRM && report.trusted {
                    actions.push(Action::Say(Tone::Done, "The clock is confirmed.".to_owned()));
                }
                self.report = Some(report);
                self.at = context.now.mono;
            }
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        match told {
            Told::Yes(RIGHT) => vec![Action::Ask(CONFIRM, Request::TimeConfirm)],
            _ => Vec::new(),
        }
    }

    fn tick(&mut self, context: &Context) -> Vec<Action> {
        let is_due = context.now.mono.saturating_sub(self.at) >= AGAIN;
        match is_due && !self.trusted() && !self.asked.flying() {
            true => self.refresh(context),
            false => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = page.area();
        let inner = Rect {
            x: area.x.saturating_add(2),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(4).min(100),
            height: area.height.saturating_sub(1),
        };
        let Some((report, now)) = self.report.as_ref().zip(self.now(context)) else {
            return page.line(inner, 0, "Asking posternd ...", Look::Plain);
        };
        let mut rows = Rows::new(page, inner, LABEL);
        match report.trusted {
            true => rows.line("TRUSTED", Look::Good),
            false => rows.line("NOT TRUSTED", Look::Bad),
        }
        rows.gap();
        rows.field("The box's clock", &as_on_a_watch(now, &context.zone), Look::Strong);
        if let Some(newest) = report.newest_seen.filter(|_| !report.trusted) {
            rows.field("Newest seen", &shown_with_zone(newest, &context.zone), Look::Plain);
        }
        rows.gap();
        if report.trusted {
            rows.line(&format!("The clock is {}.", state(report).0), Look::Plain);
            if self.only {
                rows.gap();
                rows.line(
                    "Logins are answered now. Press Enter and log in again to see the rest.",
                    Look::Plain,
                );
            }
            return;
        }
        if let Some(waiting) = &report.waiting_for {
            rows.line(&here(waiting).replace("(System, Clock)", "here: c"), Look::Plain);
        }
        if self.only {
            rows.gap();
            rows.line(
                "Until then nothing else can be done here: you logged in without your code.",
                Look::Plain,
            );
        }
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        let mut hints = Vec::new();
        if !self.trusted() && context.may(Role::Installer) {
            hints.push(("c", "the clock is right"));
            hints.push(("s", "set it"));
        }
        if self.only && self.trusted() {
            hints.push(("Enter", "log in again"));
        }
        hints.push(("Esc", if self.only { "log out" } else { "back" }));
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Codes follow the clock: if the clock is wrong, every code is. So the box answers no login until its clock is trusted: by a \
             time server, by a hardware clock that runs, or by an installer who has looked at a watch.",
            "s sets the clock by hand, where the box is an appliance. After a confirmation nothing more is asked until the box starts \
             again.",
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::testing::{Desk, NOON, session, snapshot};
    use crate::control::{FailureKind, Session};

    fn report(trusted: bool) -> Result<Answer, Failure> {
        Ok(Answer::Clock(ClockReport {
            trusted,
            source: if trusted { "confirmed" } else { "none" }.to_owned(),
            now: NOON,
            newest_seen: Some(NOON.minus(Duration::from_secs(86_400))),
            waiting_for: (!trusted).then(|| {
                "No time server was reached since the box started and it has no hardware clock: logins are not answered. Let the \
                 box reach a time server; or compare its clock with a watch, set it if it is wrong, and run: postern time confirm"
                    .to_owned()
            }),
        }))
    }

    fn clock_only(desk: &mut Desk, role: Role) {
        let session = Session {
            clock_only: true,
            ..session(role)
        };
        desk.log_in(session);
    }

    fn shows(request: &Request) -> bool {
        *request == Request::TimeShow
    }

    #[test]
    fn r19_a_login_without_trust_leads_to_the_clock_and_nowhere_else() {
        let mut desk = Desk::new(80, 24, Default::default());
        clock_only(&mut desk, Role::Installer);
        assert_eq!(desk.app.screen(), "clock");
        desk.answer(shows, report(false));
        assert!(!desk.text().contains("postern time confirm"), "{}", desk.text());
        desk.keys(&[Key::Char('c')]);
        assert!(desk.text().contains("Monday 2026-03-02 14:05 UTC"), "{}", desk.text());
        desk.keys(&[Key::Enter]);
        desk.answer(|r| *r == Request::TimeConfirm, report(true));
        assert!(desk.text().contains("The clock is confirmed."));
        desk.keys(&[Key::Enter]);
        assert_eq!(desk.app.screen(), "login");
        assert!(desk.asked.iter().any(|(_, r)| *r == Request::LogOut));
    }

    #[test]
    fn r19_a_clock_that_is_wrong_is_set_where_one_may_do_nothing_else() {
        let mut desk = Desk::new(80, 24, Default::default());
        clock_only(&mut desk, Role::Installer);
        desk.answer(shows, report(false));
        desk.keys(&[Key::Char('s')]);
        assert_eq!(desk.app.screen(), "set-clock");
        desk.keys(&[Key::Enter]);
        desk.types("14:07");
        desk.keys(&[Key::Enter]);
        let set = Ok(Answer::Host(crate::control::HostAnswer::Report(Box::default())));
        desk.answer(
            |r| matches!(r, Request::Host(crate::control::HostRequest::ClockSet { .. })),
            set,
        );
        assert_eq!(desk.app.screen(), "clock");
        desk.answer(shows, report(false));
        assert!(desk.text().contains("compare it once more"), "{}", desk.text());
    }

    #[test]
    fn a_refusal_is_shown_and_nothing_is_lost() {
        let mut desk = Desk::on(Box::new(Clock::new()), Role::Installer);
        desk.answer(shows, report(false));
        desk.keys(&[Key::Char('c'), Key::Enter]);
        let failure = Failure::new(FailureKind::Refused, "the clock shows a date before 2026: set it first");
        desk.answer(|r| *r == Request::TimeConfirm, Err(failure));
        assert!(desk.text().contains("Not done: the clock shows a date before 2026"));
        desk.keys(&[Key::Esc]);
        assert_eq!(desk.app.screen(), "home");
    }

    #[test]
    fn the_time_that_is_confirmed_is_the_one_of_now_and_a_helpdesk_confirms_none() {
        let mut desk = Desk::on(Box::new(Clock::new()), Role::Installer);
        desk.answer(shows, report(false));
        desk.wait(19);
        assert!(!desk.asked.iter().any(|(_, r)| shows(r)));
        desk.wait(60);
        assert_eq!(
            desk.asked.iter().filter(|(_, r)| shows(r)).count(),
            1,
            "asked again once, not for each tick"
        );
        desk.keys(&[Key::Char('c')]);
        assert!(desk.text().contains("14:06 UTC"), "{}", desk.text());

        let mut desk = Desk::on(Box::new(Clock::new()), Role::Helpdesk);
        desk.answer(shows, report(false));
        desk.keys(&[Key::Char('c')]);
        assert_eq!(desk.app.screen(), "clock");
        assert!(desk.text().contains("An installer has to"));
    }

    #[test]
    fn screens() {
        snapshot("clock-untrusted", |desk| {
            clock_only(desk, Role::Installer);
            desk.answer(shows, report(false));
        });
        snapshot("clock-confirm", |desk| {
            clock_only(desk, Role::Installer);
            desk.answer(shows, report(false));
            desk.keys(&[Key::Char('c')]);
        });
        snapshot("clock-trusted", |desk| {
            clock_only(desk, Role::Installer);
            desk.answer(shows, report(true));
        });
    }
}
