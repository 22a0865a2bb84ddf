//! The network has changed, and is on trial: confirmed by a key, or taken back by another or by itself. A session that begins while a
//! trial runs comes here first. One number changes once a second: a handful of bytes.
//!
//! ```text
//! Postern box-1 | The network is on trial                  anna installer  14:05
//!
//!   The network has changed. It is taken back in 57 s unless you confirm.
//!
//!   eth0            192.0.2.10/24, gateway 192.0.2.1
//!   Name servers    192.0.2.53
//!
//!   Enter: the new network stays. Esc: the old one comes back at once.
//! ```

use std::time::Duration;

use super::{ask, dns_words, link_name, link_words};
use crate::console::action::{Action, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::inset::inset;
use crate::console::widgets::rows::Rows;
use crate::control::{Answer, Failure, HostAnswer, HostReport, HostRequest, NetworkSettings, Request};

/// Tags of questions to posternd.
const SHOW: u32 = 0;
const CONFIRM: u32 = 1;
const REVERT: u32 = 2;
/// When the time is over, it is asked so often what became of it.
const AGAIN: Duration = Duration::from_secs(2);
/// Columns of the names.
const LABEL: u16 = 16;

/// A network on trial.
#[derive(Debug)]
pub struct Trial {
    network: NetworkSettings,
    /// Seconds that were left at that time.
    left: u32,
    at: Duration,
    asked: Asked,
    asked_at: Duration,
    /// It was decided, and the answer is on its way.
    decided: bool,
}

impl Trial {
    /// As a report says.
    pub fn new(report: &HostReport, context: &Context) -> Self {
        Self {
            network: report.network.clone(),
            left: report.reverts_in.unwrap_or(0),
            at: context.now.mono,
            asked: Asked::new(SHOW),
            asked_at: context.now.mono,
            decided: false,
        }
    }

    fn left(&self, context: &Context) -> u64 {
        let gone = context.now.mono.saturating_sub(self.at).as_secs();
        u64::from(self.left).saturating_sub(gone)
    }

    fn decide(&mut self, tag: u32, request: HostRequest) -> Vec<Action> {
        if self.decided {
            return Vec::new();
        }
        self.decided = true;
        vec![ask(tag, request)]
    }

    fn ask(&mut self, context: &Context) -> Vec<Action> {
        self.asked_at = context.now.mono;
        self.asked.ask(Request::Host(HostRequest::Show))
    }
}

impl Screen for Trial {
    fn name(&self) -> &'static str {
        "network-trial"
    }

    fn title(&self) -> String {
        "The network is on trial".to_owned()
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        match key {
            Key::Enter => self.decide(CONFIRM, HostRequest::NetworkConfirm),
            Key::Esc => self.decide(REVERT, HostRequest::NetworkRevert),
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            SHOW => self.asked.landed(),
            _ => {
                self.decided = false;
                Vec::new()
            }
        };
        match (answer, tag) {
            (Ok(Answer::Host(HostAnswer::Report(report))), _) if report.reverts_in.is_some() => {
                self.left = report.reverts_in.unwrap_or(0);
                self.at = context.now.mono;
                self.network = report.network;
            }
            (Ok(_), SHOW) if self.decided => {}
            (Ok(_), tag) => {
                let (tone, words) = match tag {
                    CONFIRM => (Tone::Done, "The new network stays."),
                    REVERT => (Tone::Done, "The network is as it was before."),
                    _ => (
                        Tone::Look,
                        "The trial of the network is over: the old one is back, or somebody decided it elsewhere.",
                    ),
                };
                actions.extend([Action::Close, Action::Say(tone, words.to_owned())]);
            }
            (Err(failure), tag) => {
                // It may be over already.
                if tag != SHOW {
                    actions.extend(self.ask(context));
                } else if self.left(context) == 0 {
                    actions.push(Action::Close);
                }
                actions.push(Action::Fail(failure));
            }
        }
        actions
    }

    fn tick(&mut self, context: &Context) -> Vec<Action> {
        let is_due = context.now.mono.saturating_sub(self.asked_at) >= AGAIN;
        match self.left(context) == 0 && is_due && !self.decided && !self.asked.flying() {
            true => self.ask(context),
            false => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = inset(page.area());
        let mut rows = Rows::new(page, area, LABEL);
        let words = match (self.decided, self.left(context)) {
            (true, _) => "Asking posternd ...".to_owned(),
            (_, 0) => "The network has changed. Its time is over: it is being taken back.".to_owned(),
            (_, left) => format!("The network has changed. It is taken back in {left} s unless you confirm."),
        };
        rows.line(&words, Look::Warn);
        rows.gap();
        for link in &self.network.links {
            let name = link_name(&link.interface, link.vlan);
            rows.field(&name, &link_words(Some(link)), Look::Plain);
        }
        if self.network.links.is_empty() {
            rows.field("Interfaces", "DHCP", Look::Plain);
        }
        rows.field("Name servers", &dns_words(&self.network), Look::Plain);
        rows.gap();
        rows.line(
            "Look whether the box can be reached where it has to be, then confirm.",
            Look::Plain,
        );
        rows.gap();
        rows.line(
            "Enter: the new network stays. Esc: the old one comes back at once.",
            Look::Strong,
        );
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Enter", "it stays"), ("Esc", "take it back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "The new network is in use, on trial. If nobody confirms it in time, the old one comes back by itself: so a wrong address \
             cuts nobody off for good.",
        ]
    }

    fn asks(&self) -> bool {
        true
    }
}
