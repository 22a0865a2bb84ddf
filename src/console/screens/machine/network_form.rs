//! One interface or VLAN: DHCP or addresses of its own, and the name servers of the whole box. In: what an installer types; out: the
//! network as a whole with this change, on trial.
//!
//! ```text
//! Postern box-1 | Set eth0                                 anna installer  14:05
//!
//!   Addresses          < static > those below
//! > IPv4 addresses     [192.0.2.10/24                                 ]
//!   IPv4 gateway       [192.0.2.1                                     ]
//!   IPv6 addresses     [                                              ]
//!   IPv6 gateway       [                                              ]
//!   VLAN               [                                              ]
//!   Name servers       [192.0.2.53                                    ]
//!   Then               < set > on trial for a minute
//! ```

use std::net::IpAddr;

use ratatui::layout::Rect;

use super::trial::Trial;
use super::{ask, link_name};
use crate::console::action::{Action, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, digits};
use crate::console::widgets::form::{Form, Typed};
use crate::console::widgets::inset::below;
use crate::control::check::machine;
use crate::control::{Answer, Failure, HostAddress, HostAnswer, HostRequest, Link, NetworkSettings};

/// The longest list of addresses that can be typed.
const LIST_MAX: usize = 160;
/// Fields that stay as typed when the form's kind changes.
const KEPT: [&str; 7] = ["interface", "ipv4", "gateway4", "ipv6", "gateway6", "vlan", "dns"];
/// The word of a change that takes the entry away.
const REMOVE: &str = "remove";

/// The form.
#[derive(Debug)]
pub struct NetworkForm {
    network: NetworkSettings,
    /// The interfaces to choose from, for a new VLAN; else the one that is set.
    interfaces: Vec<String>,
    /// What is changed; none for a new VLAN.
    of: Option<(String, Option<u16>)>,
    form: Form,
    waiting: bool,
}

/// Characters of addresses with blanks and commas between them.
fn addresses(character: char) -> bool {
    character.is_ascii_hexdigit() || matches!(character, '.' | ':' | '/' | ',' | ' ')
}

/// The rows for this way of getting addresses.
fn form(how: &str, interfaces: &[String], is_new: bool, may_remove: bool) -> Form {
    let mut form = Form::new();
    if is_new {
        let all: Vec<(&str, &str)> = interfaces.iter().map(|one| (one.as_str(), "")).collect();
        form = form
            .choice(
                "interface",
                "Interface",
                &all,
                "The wired interface that carries the VLAN.",
            )
            .field(
                "vlan",
                "VLAN",
                Field::new(4, digits),
                "Its number on the switch, 1 to 4094.",
            );
    }
    form = form.choice(
        "how",
        "Addresses",
        &[
            ("dhcp", "as the network gives them"),
            ("static", "those below"),
            ("none", "no address: not used, or for its VLANs alone"),
        ],
        "Left and Right change it. By DHCP: IPv4 by DHCP, IPv6 by router advertisements.",
    );
    if how == "static" {
        for (key, label, gateway_key, gateway, sample) in [
            ("ipv4", "IPv4 addresses", "gateway4", "IPv4 gateway", "192.0.2.10/24"),
            ("ipv6", "IPv6 addresses", "gateway6", "IPv6 gateway", "2001:db8::10/64"),
        ] {
            let hint =
                format!("With the length of the network: {sample}. Several have blanks between them; empty for none.");
            form = form.field(key, label, Field::new(LIST_MAX, addresses), &hint).field(
                gateway_key,
                gateway,
                Field::new(45, addresses),
                "The router that leads to everywhere else; empty for none.",
            );
        }
    }
    if !is_new {
        form = form.field(
            "vlan",
            "VLAN",
            Field::new(4, digits),
            "Empty, unless the switch sends this network with a tag: then its number.",
        );
    }
    let mut then = vec![("set", "on trial for a minute")];
    if may_remove {
        then.push((REMOVE, "take this entry away"));
    }
    let mut form = form
        .field(
            "dns",
            "Name servers",
            Field::new(LIST_MAX, addresses),
            "Of the whole box: addresses with blanks between them; empty: those that DHCP gives.",
        )
        .choice(
            "then",
            "Then",
            &then,
            "Enter does it. If nobody confirms it in a minute, the old network comes back.",
        );
    form.set("how", how);
    form
}

fn list<T: ToString>(values: impl Iterator<Item = T>) -> String {
    values.map(|one| one.to_string()).collect::<Vec<_>>().join(" ")
}

impl NetworkForm {
    /// An interface or VLAN that is there.
    pub fn edit(network: &NetworkSettings, interface: &str, vlan: Option<u16>) -> Self {
        let mut links = network.links.iter();
        let link = links.find(|one| one.interface == interface && one.vlan == vlan);
        let how = match link {
            None => "dhcp",
            Some(link) if link.dhcp => "dhcp",
            Some(link) if link.addresses.is_empty() => "none",
            Some(_) => "static",
        };
        let interfaces = vec![interface.to_owned()];
        let mut form = form(how, &interfaces, false, link.is_some());
        if let Some(link) = link {
            fill(&mut form, link);
        }
        form.set("dns", &list(network.dns.iter()));
        Self {
            network: network.clone(),
            interfaces,
            of: Some((interface.to_owned(), vlan)),
            form,
            waiting: false,
        }
    }

    /// A VLAN more.
    pub fn add(network: &NetworkSettings, interfaces: &[String]) -> Self {
        let mut form = form("dhcp", interfaces, true, false);
        form.set("dns", &list(network.dns.iter()));
        Self {
            network: network.clone(),
            interfaces: interfaces.to_vec(),
            of: None,
            form,
            waiting: false,
        }
    }

    /// Another kind has other rows; what was typed stays.
    fn rebuild(&mut self) {
        let how = self.form.text("how").to_owned();
        let may_remove = self.is_set();
        let mut fresh = form(&how, &self.interfaces, self.of.is_none(), may_remove);
        for key in KEPT {
            fresh.set(key, self.form.text(key));
        }
        fresh.go("how");
        self.form = fresh;
    }

    /// There is an entry that could be taken away.
    fn is_set(&self) -> bool {
        let is_it = |link: &Link| self.of.as_ref().is_some_and(|of| *of == key_of(link));
        self.network.links.iter().any(is_it)
    }

    /// The entries but the one that is changed.
    fn others(&self) -> Vec<Link> {
        let links = self.network.links.iter();
        let others = links.filter(|link| self.of.as_ref().is_none_or(|of| *of != key_of(link)));
        others.cloned().collect()
    }

    /// The network as it is to be.
    fn read(&self) -> Result<NetworkSettings, (&'static str, String)> {
        let text = |key: &str| self.form.text(key);
        let mut links = self.others();
        let dns = machine::name_servers(text("dns")).map_err(|line| ("dns", line))?;
        if text("then") == REMOVE {
            return Ok(NetworkSettings { links, dns });
        }
        let interface = match &self.of {
            Some((interface, _)) => interface.clone(),
            None => text("interface").to_owned(),
        };
        let vlan = machine::vlan(text("vlan")).map_err(|line| ("vlan", line))?;
        if self.of.is_none() && vlan.is_none() {
            return Err(("vlan", "type the VLAN's number".to_owned()));
        }
        if links.iter().any(|link| key_of(link) == (interface.clone(), vlan)) {
            let name = link_name(&interface, vlan);
            return Err(("vlan", format!("{name} is set already: choose it in the list")));
        }
        let link = self.link(interface, vlan, &links)?;
        // An untagged interface does DHCP by itself.
        if link.vlan.is_some() || !link.dhcp {
            links.push(link);
        }
        Ok(NetworkSettings { links, dns })
    }

    fn link(&self, interface: String, vlan: Option<u16>, others: &[Link]) -> Result<Link, (&'static str, String)> {
        let how = self.form.text("how");
        let mut link = Link {
            interface,
            vlan,
            dhcp: how == "dhcp",
            addresses: Vec::new(),
            gateways: Vec::new(),
        };
        if how != "static" {
            return Ok(link);
        }
        for (v6, key, gateway_key) in [(false, "ipv4", "gateway4"), (true, "ipv6", "gateway6")] {
            let own = machine::host_addresses(self.form.text(key), v6).map_err(|line| (key, line))?;
            let gateway = machine::gateway(self.form.text(gateway_key), v6, &own);
            let gateway = gateway.map_err(|line| (gateway_key, line))?;
            let has_one = |link: &&Link| link.gateways.iter().any(|one| one.is_ipv6() == v6);
            if let (Some(_), Some(other)) = (gateway, others.iter().find(has_one)) {
                let name = link_name(&other.interface, other.vlan);
                return Err((
                    gateway_key,
                    format!("{name} has a gateway already, and the box has one: leave one of them empty"),
                ));
            }
            link.addresses.extend(own);
            link.gateways.extend(gateway);
        }
        match link.addresses.is_empty() {
            true => Err(("ipv4", "type an address, or choose dhcp above".to_owned())),
            false => Ok(link),
        }
    }

    fn done(&mut self) -> Vec<Action> {
        match self.read() {
            Ok(network) if network == self.network => vec![
                Action::Close,
                Action::Say(Tone::Look, "Nothing was changed.".to_owned()),
            ],
            Ok(network) => {
                self.waiting = true;
                vec![ask(0, HostRequest::NetworkSet(network))]
            }
            Err((key, line)) => {
                self.form.set_wrong(key, Some(line));
                self.form.go(key);
                Vec::new()
            }
        }
    }

    /// What is wrong with the row that was left, said at once.
    fn check(&mut self, key: &'static str) {
        let text = self.form.text(key);
        let own = |key: &str, v6: bool| machine::host_addresses(self.form.text(key), v6).unwrap_or_default();
        let wrong = match key {
            "ipv4" => machine::host_addresses(text, false).err(),
            "ipv6" => machine::host_addresses(text, true).err(),
            "gateway4" => machine::gateway(text, false, &own("ipv4", false)).err(),
            "gateway6" => machine::gateway(text, true, &own("ipv6", true)).err(),
            "vlan" => machine::vlan(text).err(),
            "dns" => machine::name_servers(text).err(),
            _ => None,
        };
        self.form.set_wrong(key, wrong);
    }
}

fn key_of(link: &Link) -> (String, Option<u16>) {
    (link.interface.clone(), link.vlan)
}

fn fill(form: &mut Form, link: &Link) {
    for (v6, key, gateway_key) in [(false, "ipv4", "gateway4"), (true, "ipv6", "gateway6")] {
        let own = link.addresses.iter().filter(|one| one.address.is_ipv6() == v6);
        form.set(
            key,
            &list(own.map(|HostAddress { address, length }| format!("{address}/{length}"))),
        );
        let gateways = link.gateways.iter().filter(|one: &&IpAddr| one.is_ipv6() == v6);
        form.set(gateway_key, &list(gateways));
    }
    form.set("vlan", &link.vlan.map(|vlan| vlan.to_string()).unwrap_or_default());
}

impl Screen for NetworkForm {
    fn name(&self) -> &'static str {
        "network-form"
    }

    fn title(&self) -> String {
        match &self.of {
            None => "Add a VLAN".to_owned(),
            Some((interface, vlan)) => format!("Set {}", link_name(interface, *vlan)),
        }
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        if self.waiting {
            return match key {
                Key::Esc => vec![Action::Close],
                _ => Vec::new(),
            };
        }
        let before = self.form.here();
        match self.form.on(key) {
            Typed::Changed("how") => self.rebuild(),
            Typed::Moved => self.check(before),
            Typed::Done => return self.done(),
            Typed::NotMine if key == Key::Esc => return vec![Action::Close],
            Typed::Changed(_) | Typed::NotMine => {}
        }
        Vec::new()
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        self.waiting = false;
        match answer {
            Ok(Answer::Host(HostAnswer::Report(report))) if report.reverts_in.is_some() => {
                vec![Action::Replace(Box::new(Trial::new(&report, context)))]
            }
            Ok(_) => vec![Action::Close, Action::Say(Tone::Done, "The network is set.".to_owned())],
            Err(failure) => vec![Action::Fail(failure)],
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = below(page.area(), 1);
        let area = Rect {
            width: area.width.min(100),
            ..area
        };
        self.form.draw(page, area, !self.waiting);
        if self.waiting {
            let rest = below(area, self.form.height().saturating_sub(2));
            let rest = Rect {
                x: rest.x.saturating_add(2),
                ..rest
            };
            page.line(rest, 0, "Changing the network ...", Look::Plain);
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![
            ("Enter", "next, set at the end"),
            ("Up/Down", "row"),
            ("Left/Right", "choose"),
            ("Esc", "back"),
        ]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Addresses are written with the length of their network, as 192.0.2.10/24; 255.255.255.0 is 24. The gateway is the router in \
             that network.",
            "The name servers are those of the whole box, whichever interface leads to them.",
            "Whatever is set here is on trial for a minute: it has to be confirmed on the next screen.",
        ]
    }

    fn types(&self, character: char) -> bool {
        self.form.types(character)
    }
}
