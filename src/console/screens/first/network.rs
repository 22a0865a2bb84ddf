//! Step 4: how the box stands on the network, and what is missing. In: posternd's report; out: nothing. On an appliance the network is
//! set on a screen of its own, on another box by its system's tools.
//!
//! ```text
//! Postern box-1 | Step 4 of 9: network                     anna installer  14:05
//!
//!   Host                box-1
//!   eth0                up, 192.0.2.7/24
//!   eth1                no link
//!   Gateway             192.0.2.1
//!   Name servers        192.0.2.53
//!   RADIUS              [::]:1812
//!
//!   Everything that the box needs is there ...
//!
//! > n Go on
//! ```

use std::net::SocketAddr;

use super::{Choices, LEAVE, NETWORK, common, go, hints, title};
use crate::console::action::Action;
use crate::console::guide::address;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::screens::machine::network as machine;
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::menu::Entry;
use crate::console::widgets::scroll::{Paragraph, Scroll};
use crate::control::{Answer, Failure, HostAnswer, HostRequest, Interface, NetworkReport, Request};

const SHOW: u32 = 0;
const STATUS: u32 = 1;
const HOST: u32 = 2;

const GO_ON: Entry = ('n', "Go on");
const SET: Entry = ('s', "Set the network");
const AGAIN: Entry = ('r', "Look again");

/// The network.
#[derive(Debug)]
pub struct Network {
    report: Option<NetworkReport>,
    auth: Vec<SocketAddr>,
    /// The network can be set here.
    is_appliance: bool,
    menu: Choices,
}

/// What is missing, in words; nothing where all is there.
fn missing(report: &NetworkReport) -> Vec<&'static str> {
    let mut lines = Vec::new();
    if report.interfaces.iter().all(|one| !one.up) {
        lines.push("No interface has a link: plug in the cable, or switch the port on.");
    } else if address::addresses(report).is_empty() {
        lines.push("The box has no address, so no gateway can ask it.");
    }
    if report.gateways.is_empty() {
        lines
            .push("There is no default gateway: the box reaches nothing outside its own network, so not Entra either.");
    }
    if report.dns.is_empty() {
        lines.push("There is no name server: the box finds neither Entra nor a time server by name.");
    }
    lines
}

fn interface(one: &Interface) -> String {
    match (one.up, one.addresses.is_empty()) {
        (false, _) => "no link".to_owned(),
        (true, true) => "up, without an address".to_owned(),
        (true, false) => format!("up, {}", one.addresses.join(", ")),
    }
}

impl Network {
    /// Nothing is known yet.
    pub fn new() -> Self {
        let mut menu = Choices::default();
        menu.set(&[GO_ON, AGAIN]);
        Self {
            report: None,
            auth: Vec::new(),
            is_appliance: false,
            menu,
        }
    }

    fn paragraphs(&self, report: &NetworkReport) -> Vec<Paragraph> {
        let field = crate::console::screens::client::field;
        let list = |items: &[String]| match items.is_empty() {
            true => "none".to_owned(),
            false => items.join(", "),
        };
        let mut lines = vec![field("Host", &report.host)];
        for one in &report.interfaces {
            lines.push(field(&one.name, &interface(one)));
        }
        lines.push(field("Gateway", &list(&report.gateways)));
        lines.push(field("Name servers", &list(&report.dns)));
        let auth: Vec<String> = self.auth.iter().map(ToString::to_string).collect();
        lines.push(field("RADIUS", &list(&auth)));
        lines.push((String::new(), Look::Plain));
        let missing = missing(report);
        if missing.is_empty() {
            let words = "Everything that the box needs is there: an address for the gateways to ask, a way out to Entra, and name \
                         servers.";
            lines.push((words.to_owned(), Look::Good));
        }
        lines.extend(missing.into_iter().map(|line| (line.to_owned(), Look::Warn)));
        let words = match self.is_appliance {
            true => {
                "Give the box an address that stays: the gateways know it by that. Set it here, or at the DHCP server."
            }
            false => {
                "The network is set on the box itself: in its network settings (systemd-networkd: files in /etc/systemd/network), or at \
                 the DHCP server. Give the box an address that stays: the gateways know it by that."
            }
        };
        lines.extend([(String::new(), Look::Plain), (words.to_owned(), Look::Plain)]);
        lines
    }
}

impl Screen for Network {
    fn name(&self) -> &'static str {
        "set-up-network"
    }

    fn title(&self) -> String {
        title(NETWORK)
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        vec![
            Action::Ask(SHOW, Request::Network),
            Action::Ask(STATUS, Request::Status),
            Action::Ask(HOST, Request::Host(HostRequest::Show)),
        ]
    }

    fn watches(&self) -> Topics {
        Topics {
            state: true,
            ..Topics::NONE
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if let Some(actions) = common(NETWORK, key) {
            return actions;
        }
        match self.menu.on(key) {
            Some('r') => self.refresh(context),
            Some('s') => vec![Action::Open(Box::new(machine::Network::new()))],
            Some(_) => go(NETWORK + 1),
            None => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        match answer {
            Ok(Answer::Network(report)) => self.report = Some(report),
            Ok(Answer::Status(status)) => self.auth = status.auth,
            Ok(Answer::Host(HostAnswer::Report(_))) => self.is_appliance = true,
            Ok(_) => {}
            // Not every box is an appliance.
            Err(_) if tag == HOST => {}
            Err(failure) => return vec![Action::Fail(failure)],
        }
        if self.is_appliance {
            let lacks = self.report.as_ref().is_some_and(|report| !missing(report).is_empty());
            self.menu.set(match lacks {
                true => &[SET, AGAIN, GO_ON],
                false => &[GO_ON, SET, AGAIN],
            });
        }
        Vec::new()
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = inset(page.area());
        let Some(report) = &self.report else {
            return page.line(area, 0, "Asking posternd ...", Look::Plain);
        };
        let paragraphs = self.paragraphs(report);
        // The last rows are the menu's.
        let room = ratatui::layout::Rect {
            height: area.height.saturating_sub(self.menu.height().saturating_add(1)),
            ..area
        };
        Scroll::default().draw(page, room, &paragraphs);
        let rows = u16::try_from(Scroll::rows(&paragraphs, room.width)).unwrap_or(u16::MAX);
        let under = below(area, rows.min(room.height).saturating_add(1));
        self.menu.draw(page, under);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        hints(NETWORK, vec![("Enter", "take"), ("Up/Down", "choose")])
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "What the box needs: an address that the gateways can reach, UDP port 1812 open from them to here, a way to Entra (https, \
             port 443), name servers, and better a time server (NTP, port 123).",
            "This screen shows the network. On an appliance s sets it; on another box its own tools do.",
            LEAVE,
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::guide::samples::network;
    use crate::console::screens::machine::samples;
    use crate::console::testing::{Desk, snapshot};
    use crate::control::Role;

    fn on_an_appliance(desk: &mut Desk, report: NetworkReport) {
        desk.open(Box::new(Network::new()), Role::Installer);
        desk.answer(|r| *r == Request::Network, Ok(Answer::Network(report)));
        samples::answer(desk, |ask| *ask == HostRequest::Show, samples::said(samples::report()));
    }

    #[test]
    fn on_an_appliance_the_network_is_set_from_here_first_of_all_where_something_is_missing() {
        let mut desk = Desk::new(80, 24, Default::default());
        on_an_appliance(&mut desk, network());
        assert!(desk.text().contains("> n Go on"), "{}", desk.text());
        assert!(!desk.text().contains("systemd"), "{}", desk.text());
        let mut desk = Desk::new(80, 24, Default::default());
        let mut report = network();
        report.interfaces[0].addresses.clear();
        on_an_appliance(&mut desk, report);
        assert!(desk.text().contains("> s Set the network"), "{}", desk.text());
        desk.keys(&[Key::Enter]);
        assert_eq!(desk.app.screen(), "network");
    }

    #[test]
    fn screens() {
        snapshot("first-4-network-appliance", |desk| {
            let mut report = network();
            report.interfaces[0].addresses.clear();
            on_an_appliance(desk, report);
        });
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(missing(&network()), Vec::<&str>::new());
        let mut report = network();
        report.interfaces[0].addresses.clear();
        assert!(missing(&report)[0].contains("no address"));
        report.interfaces[0].up = false;
        assert!(missing(&report)[0].contains("cable"));
        report.gateways.clear();
        report.dns.clear();
        assert_eq!(missing(&report).len(), 3);
    }
}
