//! The box as a machine: network, name and time, power, sticks, updates, SSH keys. All of it is asked of posternd, which asks
//! postern-host; a box that is no appliance has none of these screens.
//!
//! - `network`, `network_form`, `trial` addresses, and the minute in which a change is confirmed or taken back
//! - `names`, `zones`, `set_clock` name, time zone, time servers, the clock by hand
//! - `power`, `reset` restart, power off, factory reset
//! - `stick`, `recovery` USB sticks; `update`, `notes` the other version; `ssh` keys for SSH
//! - `line` one line that is typed for any of these

pub mod line;
pub mod names;
pub mod network;
pub mod network_form;
pub mod notes;
pub mod power;
pub mod recovery;
pub mod reset;
pub mod set_clock;
pub mod ssh;
pub mod stick;
pub mod trial;
pub mod update;
pub mod zones;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub mod samples;

use ratatui::layout::Rect;

use crate::console::action::Action;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Screen};
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::menu::Entry;
use crate::control::{HostRequest, Link, NetworkSettings, Request, Role, Stick};

/// Letters, words, and the least role that each is for.
const ENTRIES: [(Entry, Role); 7] = [
    (('n', "Network"), Role::Auditor),
    (('m', "Name and time"), Role::Auditor),
    (('s', "Stick"), Role::Helpdesk),
    (('u', "Update"), Role::Auditor),
    (('r', "Recovery stick"), Role::Installer),
    (('k', "SSH keys"), Role::Installer),
    (('o', "Restart, power off"), Role::Installer),
];

/// What this operator may on an appliance.
pub fn entries(context: &Context) -> Vec<Entry> {
    let mine = ENTRIES.iter().filter(|(_, role)| context.may(*role));
    mine.map(|(entry, _)| *entry).collect()
}

/// The screen behind a letter.
pub fn open(letter: char) -> Option<Box<dyn Screen>> {
    match letter {
        'n' => Some(Box::new(network::Network::new())),
        'm' => Some(Box::new(names::Names::new())),
        's' => Some(Box::new(stick::Sticks::new())),
        'u' => Some(Box::new(update::Update::new())),
        'r' => Some(Box::new(recovery::Recovery::new())),
        'k' => Some(Box::new(ssh::Ssh::new())),
        'o' => Some(Box::new(power::Power::new())),
        _ => None,
    }
}

/// Asks for something of the machine.
pub fn ask(tag: u32, request: HostRequest) -> Action {
    Action::Ask(tag, Request::Host(request))
}

/// `eth0`, `eth0 VLAN 20`.
pub fn link_name(interface: &str, vlan: Option<u16>) -> String {
    match vlan {
        None => interface.to_owned(),
        Some(vlan) => format!("{interface} VLAN {vlan}"),
    }
}

/// How an interface is set, in one line.
pub fn link_words(link: Option<&Link>) -> String {
    let Some(link) = link else {
        return "DHCP".to_owned();
    };
    let mut parts: Vec<String> = Vec::new();
    if link.dhcp {
        parts.push("DHCP".to_owned());
    }
    let addresses = link.addresses.iter();
    parts.extend(addresses.map(|one| format!("{}/{}", one.address, one.length)));
    parts.extend(link.gateways.iter().map(|one| format!("gateway {one}")));
    match parts.is_empty() {
        true => "no address".to_owned(),
        false => parts.join(", "),
    }
}

/// The name servers, in one line.
pub fn dns_words(network: &NetworkSettings) -> String {
    let words: Vec<String> = network.dns.iter().map(ToString::to_string).collect();
    match words.is_empty() {
        true => "those that DHCP gives".to_owned(),
        false => words.join(", "),
    }
}

/// Bytes as they are printed on a stick: `8.0 GB`.
pub fn size(bytes: u64) -> String {
    let (unit, word) = match bytes {
        0..1_000_000_000 => (1_000_000, "MB"),
        1_000_000_000..1_000_000_000_000 => (1_000_000_000, "GB"),
        _ => (1_000_000_000_000, "TB"),
    };
    let tenths = bytes.saturating_mul(10) / unit;
    format!("{}.{} {word}", tenths / 10, tenths % 10)
}

/// One stick, in one line.
pub fn stick_words(stick: &Stick, mounted: Option<&str>) -> String {
    let mut words = format!("{:<8} {}, {}, {}", stick.id, stick.name, stick.system, size(stick.size));
    if stick.recovery {
        words.push_str(", RECOVERY STICK");
    }
    if mounted == Some(&stick.id) {
        words.push_str(", MOUNTED");
    }
    words
}

/// Paragraphs from the top of the body, with an empty row behind each; answers the area below them, as wide as the body.
pub fn paragraphs(page: &mut Page<'_>, lines: &[(String, Look)]) -> Rect {
    let area = page.area();
    let mut inner = inset(area);
    inner.width = inner.width.min(100);
    for (line, look) in lines {
        let rows = page.wrapped(inner, line, *look).saturating_add(1);
        inner = below(inner, rows);
    }
    Rect {
        x: area.x,
        width: area.width,
        ..inner
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
