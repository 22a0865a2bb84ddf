//! How each interface is set, and how the box stands on the network now.
//!
//! ```text
//! Postern box-1 | Network                                  anna installer  14:05
//!
//!   How each interface is set. A change is on trial for a minute.
//!
//! > eth0            192.0.2.10/24, gateway 192.0.2.1
//!   eth1            DHCP
//!   eth1 VLAN 20    DHCP
//!   Add a VLAN
//!
//!   Name servers    192.0.2.53
//!
//!   Now:
//!   eth0            up, 192.0.2.10/24
//! ```

use ratatui::layout::Rect;

use super::network_form::NetworkForm;
use super::trial::Trial;
use super::{dns_words, link_name, link_words, paragraphs};
use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::screens::system::draw_network;
use crate::console::widgets::asked::Asked;
use crate::console::widgets::inset::below;
use crate::console::widgets::list::List;
use crate::console::widgets::rows::Rows;
use crate::control::{Answer, Failure, HostAnswer, HostReport, HostRequest, NetworkReport, Request, Role};

/// Tags of questions to posternd.
const SHOW: u32 = 0;
const NOW: u32 = 1;
/// Columns of the names.
const LABEL: u16 = 16;
/// Interfaces and VLANs on one page.
const ROWS: u16 = 8;

/// The network.
#[derive(Debug)]
pub struct Network {
    report: Option<Box<HostReport>>,
    now: Option<NetworkReport>,
    asked: Asked,
    asked_now: Asked,
    list: List,
}

impl Network {
    /// Asks for what it shows itself.
    pub fn new() -> Self {
        Self {
            report: None,
            now: None,
            asked: Asked::new(SHOW),
            asked_now: Asked::new(NOW),
            list: List::new(0),
        }
    }

    /// Interface and VLAN of each row: every interface that is there, then what else is set.
    fn rows(&self) -> Vec<(String, Option<u16>)> {
        let Some(report) = &self.report else {
            return Vec::new();
        };
        let mut rows: Vec<(String, Option<u16>)> = Vec::new();
        let links = &report.network.links;
        for interface in &report.interfaces {
            rows.push((interface.clone(), None));
            let tagged = links
                .iter()
                .filter(|one| one.interface == *interface && one.vlan.is_some());
            rows.extend(tagged.map(|one| (interface.clone(), one.vlan)));
        }
        for link in links {
            let row = (link.interface.clone(), link.vlan);
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        rows
    }

    fn enter(&self) -> Vec<Action> {
        let (Some(report), Some(at)) = (&self.report, self.list.at()) else {
            return Vec::new();
        };
        let form = match self.rows().into_iter().nth(at) {
            Some((interface, vlan)) => NetworkForm::edit(&report.network, &interface, vlan),
            None => NetworkForm::add(&report.network, &report.interfaces),
        };
        vec![Action::Open(Box::new(form))]
    }

    fn row(&self, number: usize) -> String {
        let Some((interface, vlan)) = self.rows().into_iter().nth(number) else {
            return "Add a VLAN".to_owned();
        };
        let Some(report) = &self.report else {
            return String::new();
        };
        let mut links = report.network.links.iter();
        let link = links.find(|one| one.interface == interface && one.vlan == vlan);
        let mut words = link_words(link);
        if !report.interfaces.contains(&interface) {
            words.push_str(", but it is not there");
        }
        format!("{:<15} {words}", link_name(&interface, vlan))
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen for Network {
    fn name(&self) -> &'static str {
        "network"
    }

    fn title(&self) -> String {
        "Network".to_owned()
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        let mut actions = self.asked.ask(Request::Host(HostRequest::Show));
        actions.extend(self.asked_now.ask(Request::Network));
        actions
    }

    fn watches(&self) -> Topics {
        Topics {
            state: true,
            ..Topics::NONE
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        match key {
            Key::Esc => vec![Action::Close],
            Key::Enter if context.may(Role::Installer) => self.enter(),
            key => {
                self.list.on(key, ROWS);
                Vec::new()
            }
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            SHOW => self.asked.landed(),
            _ => self.asked_now.landed(),
        };
        match answer {
            Ok(Answer::Host(HostAnswer::Report(report))) => {
                if report.reverts_in.is_some() && context.may(Role::Installer) {
                    actions.push(Action::Open(Box::new(Trial::new(&report, context))));
                }
                self.report = Some(report);
                let more = usize::from(context.may(Role::Installer));
                self.list.set_length(self.rows().len().saturating_add(more));
            }
            Ok(Answer::Network(now)) => self.now = Some(now),
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
        let words = match context.may(Role::Installer) {
            true => "How each interface is set. A change is taken back after a minute, unless it is confirmed.",
            false => "How each interface is set. An installer may change it.",
        };
        let area = paragraphs(page, &[(words.to_owned(), Look::Plain)]);
        let height = u16::try_from(self.list.length()).unwrap_or(ROWS).min(ROWS);
        let rows = Rect {
            height: area.height.min(height),
            ..area
        };
        self.list.draw(page, rows, |number| (self.row(number), Look::Plain));
        let rest = below(area, height.saturating_add(1));
        let rest = Rect {
            x: rest.x.saturating_add(2),
            width: rest.width.saturating_sub(4),
            ..rest
        };
        let mut rows = Rows::new(page, rest, LABEL);
        rows.field("Name servers", &dns_words(&report.network), Look::Plain);
        if let Some(now) = &self.now {
            rows.gap();
            rows.line("As it is now:", Look::Plain);
            draw_network(&mut rows, now);
        }
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        let mut hints = Vec::new();
        if context.may(Role::Installer) {
            hints.extend([("Enter", "change"), ("Up/Down", "choose")]);
        }
        hints.push(("Esc", "back"));
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Each wired interface takes its addresses by DHCP until it is given others. A VLAN is an interface of its own.",
            "A change is on trial for a minute: if the box cannot be reached any more and nobody confirms it, the old network comes back \
             by itself.",
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#[path = "network_tests.rs"]
mod tests;
