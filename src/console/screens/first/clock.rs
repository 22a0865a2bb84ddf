//! Step 3: the clock. Codes are checked by it, so it has to be right and trusted (R19). In: posternd's report; out: a confirmation
//! by somebody who has looked at a watch.
//!
//! ```text
//! Postern box-1 | Step 3 of 9: clock                       anna installer  14:05
//!
//!   Monday 2026-03-02 14:05 UTC
//!
//!   Trusted: by a time server.
//!
//!   Compare it with a watch ...
//!
//! > n Go on
//! ```

use super::{CLOCK, Choices, LEAVE, common, go, hints, title};
use crate::console::action::{Action, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::screens::alarms::here;
use crate::console::screens::clock::{as_on_a_watch, state};
use crate::console::screens::machine::names::Names;
use crate::console::widgets::asked::Asked;
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::menu::Entry;
use crate::control::{Answer, ClockReport, Failure, HostAnswer, HostRequest, Request};

const SHOW: u32 = 0;
const CONFIRM: u32 = 1;
const HOST: u32 = 2;

const GO_ON: Entry = ('n', "Go on");
const SET: Entry = ('s', "Set the time zone, the time servers, or the clock");
const RIGHT: Entry = ('c', "The time is right: I have compared it with a watch");
const ANYWAY: Entry = ('n', "Go on; logins are not answered until the clock is trusted");

/// The clock.
#[derive(Debug)]
pub struct Clock {
    report: Option<ClockReport>,
    asked: Asked,
    /// Zone, servers and clock can be set here.
    is_appliance: bool,
    menu: Choices,
}

impl Clock {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self {
            report: None,
            asked: Asked::new(SHOW),
            is_appliance: false,
            menu: Choices::default(),
        }
    }

    fn take(&mut self, report: ClockReport) {
        self.report = Some(report);
        self.set_menu();
    }

    fn set_menu(&mut self) {
        let Some(report) = &self.report else { return };
        self.menu.set(match (report.trusted, self.is_appliance) {
            (true, false) => &[GO_ON],
            (true, true) => &[GO_ON, SET],
            (false, false) => &[RIGHT, ANYWAY],
            (false, true) => &[RIGHT, SET, ANYWAY],
        });
    }
}

impl Screen for Clock {
    fn name(&self) -> &'static str {
        "set-up-clock"
    }

    fn title(&self) -> String {
        title(CLOCK)
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        let mut actions = self.asked.ask(Request::TimeShow);
        if !self.is_appliance {
            actions.push(Action::Ask(HOST, Request::Host(HostRequest::Show)));
        }
        actions
    }

    fn watches(&self) -> Topics {
        Topics {
            state: true,
            ..Topics::NONE
        }
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        if let Some(actions) = common(CLOCK, key) {
            return actions;
        }
        match self.menu.on(key) {
            Some('c') => vec![Action::Ask(CONFIRM, Request::TimeConfirm)],
            Some('s') => vec![Action::Open(Box::new(Names::new()))],
            Some(_) => go(CLOCK + 1),
            None => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            SHOW => self.asked.landed(),
            _ => Vec::new(),
        };
        match answer {
            Ok(Answer::Clock(report)) => {
                if tag == CONFIRM {
                    actions.push(Action::Say(Tone::Done, "The clock is confirmed.".to_owned()));
                }
                self.take(report);
            }
            Ok(Answer::Host(HostAnswer::Report(_))) => {
                self.is_appliance = true;
                self.set_menu();
            }
            Ok(_) => {}
            // Not every box is an appliance.
            Err(_) if tag == HOST => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let mut area = inset(page.area());
        let mut time = as_on_a_watch(context.now.wall, &context.zone);
        if let Some(zone) = context.zone.iana_name().filter(|zone| *zone != "UTC") {
            time = format!("{time}, time zone {zone}");
        }
        page.line(area, 0, &time, Look::Strong);
        area = below(area, 2);
        let Some(report) = &self.report else {
            return page.line(area, 0, "Asking posternd ...", Look::Plain);
        };
        let (words, look) = state(report);
        let mut rows = page.wrapped(area, &words, look);
        if let Some(waiting) = &report.waiting_for {
            let words = here(waiting).replace("(System, Clock)", "below");
            rows = rows.saturating_add(page.wrapped(below(area, rows), &words, Look::Plain));
        }
        area = below(area, rows.saturating_add(1));
        let words = match self.is_appliance {
            true => {
                "Codes change every 30 seconds, so the box has to know the time. Best is a time server that it reaches by itself (NTP). \
                 If the time or the zone is wrong, set it here."
            }
            false => {
                "Codes change every 30 seconds, so the box has to know the time. Best is a time server that it reaches by itself (NTP). \
                 If the time or the zone is wrong, set it on the box: timedatectl set-time, timedatectl set-timezone."
            }
        };
        let rows = page.wrapped(area, words, Look::Plain);
        self.menu.draw(page, below(area, rows.saturating_add(1)));
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        hints(CLOCK, vec![("Enter", "take"), ("Up/Down", "choose")])
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Trusted is the time of a time server since the start, of a working hardware clock, or one that an operator has \
             confirmed. While the clock is not trusted the box answers no login, so that the gateway turns to its second server.",
            "Confirm it only after looking at a watch: with a wrong time right codes are refused, and old ones may count again.",
            LEAVE,
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::screens::machine::samples;
    use crate::console::testing::{Desk, NOON, snapshot};
    use crate::control::Role;

    fn on_an_appliance(desk: &mut Desk) {
        desk.open(Box::new(Clock::new()), Role::Installer);
        let report = ClockReport {
            trusted: false,
            source: "none".to_owned(),
            now: NOON,
            newest_seen: None,
            waiting_for: Some("No time server was reached since the box started.".to_owned()),
        };
        desk.answer(|r| *r == Request::TimeShow, Ok(Answer::Clock(report)));
        samples::answer(desk, |ask| *ask == HostRequest::Show, samples::said(samples::report()));
    }

    #[test]
    fn r19_on_an_appliance_the_time_is_set_from_here() {
        let mut desk = Desk::new(80, 24, Default::default());
        on_an_appliance(&mut desk);
        assert!(!desk.text().contains("timedatectl"), "{}", desk.text());
        desk.keys(&[Key::Char('s')]);
        assert_eq!(desk.app.screen(), "name-and-time");
    }

    #[test]
    fn screens() {
        snapshot("first-3-clock-appliance", on_an_appliance);
    }
}
