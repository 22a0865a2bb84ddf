//! `network ...`: how the box stands, and a change of one interface or of the name servers. The settings are one whole to posternd, so
//! they are read first, one entry is changed, and the whole is sent; the box takes it back unless it is confirmed.

use std::net::IpAddr;

use serde::Serialize;

use super::args::{NetworkCommand, SetArgs};
use super::{asked, lines, named, print, report};
use crate::cli::deliver::unexpected;
use crate::cli::out::{End, Out};
use crate::cli::plan::Plan as Whole;
use crate::cli::{Asker, View, show};
use crate::control::check::machine;
use crate::control::{
    Answer, Failure, HostAddress, HostAnswer, HostRequest, Link, NetworkReport, NetworkSettings, Request,
};
use crate::text::shown;

/// What needs more than one request.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan {
    /// As the kernel has it, and as it is set.
    Show,
    /// An interface or VLAN as a whole; name servers where they were named.
    Set(Link, Option<Vec<IpAddr>>),
    /// An interface or VLAN without settings.
    Remove(String, Option<u16>),
    /// Name servers.
    Dns(Vec<IpAddr>),
}

/// `network ...`
///
/// # Errors
/// One line: wrong usage.
pub fn plan(command: NetworkCommand) -> Result<Whole, Failure> {
    let plan = match command {
        NetworkCommand::Show => Plan::Show,
        NetworkCommand::Set(args) => set(args)?,
        NetworkCommand::Remove { interface, vlan } => Plan::Remove(interface, vlan),
        NetworkCommand::Dns { servers } => Plan::Dns(name_servers(&servers)?.unwrap_or_default()),
        NetworkCommand::Confirm => return Ok(Whole::Host(super::Plan::Ask(HostRequest::NetworkConfirm))),
        NetworkCommand::Revert => return Ok(Whole::Host(super::Plan::Ask(HostRequest::NetworkRevert))),
    };
    Ok(Whole::Host(super::Plan::Network(plan)))
}

fn set(args: SetArgs) -> Result<Plan, Failure> {
    let typed = named("an address", &args.addresses)?.unwrap_or_default();
    let (six, four): (Vec<&str>, Vec<&str>) = typed
        .split([' ', ','])
        .filter(|word| !word.is_empty())
        .partition(|word| word.contains(':'));
    let mut addresses: Vec<HostAddress> = Vec::new();
    let mut gateways = Vec::new();
    for (words, v6) in [(four, false), (six, true)] {
        let own = machine::host_addresses(&words.join(" "), v6);
        let own = own.map_err(|line| Failure::usage(format!("--address: {line}")))?;
        let mut named = args.gateways.iter().filter(|one| one.is_ipv6() == v6);
        let gateway = named.next().map(ToString::to_string).unwrap_or_default();
        if named.next().is_some() {
            return Err(Failure::usage(
                "--gateway: one for IPv4 and one for IPv6 at most: leave the other one out",
            ));
        }
        let gateway = machine::gateway(&gateway, v6, &own);
        gateways.extend(gateway.map_err(|line| Failure::usage(format!("--gateway: {line}")))?);
        addresses.extend(own);
    }
    let link = Link {
        interface: args.interface,
        vlan: args.vlan,
        dhcp: args.dhcp,
        addresses,
        gateways,
    };
    Ok(Plan::Set(link, name_servers(&args.dns)?))
}

fn name_servers(values: &[String]) -> Result<Option<Vec<IpAddr>>, Failure> {
    let text = named("a name server", values)?;
    let servers = text.map(|text| machine::name_servers(&text).map_err(Failure::usage));
    servers.transpose()
}

/// Asks, and prints what is answered.
///
/// # Errors
/// What posternd says, or standard output.
pub fn carry_out(plan: Plan, asker: &mut dyn Asker, view: &View, out: &mut Out<'_>) -> Result<u8, End> {
    if plan == Plan::Show {
        return stands(asker, out);
    }
    let before = report(asker)?;
    if let Plan::Set(link, _) = &plan
        && !before.interfaces.is_empty()
        && !before.interfaces.contains(&link.interface)
    {
        let line = format!(
            "there is no interface {}: there is {}",
            shown(&link.interface),
            before.interfaces.join(", ")
        );
        return Err(Failure::usage(line).into());
    }
    let network = changed(plan, &before.network, out)?;
    if network == before.network {
        out.note("it is set so already: nothing was changed");
        return print(&HostRequest::Show, &HostAnswer::Report(Box::new(before)), view, out);
    }
    let request = HostRequest::NetworkSet(network);
    let answer = asked(asker, &request)?;
    print(&request, &answer, view, out)
}

/// The settings with one of them changed.
fn changed(plan: Plan, before: &NetworkSettings, out: &mut Out<'_>) -> Result<NetworkSettings, Failure> {
    let mut network = before.clone();
    match plan {
        Plan::Show => {}
        Plan::Dns(dns) => network.dns = dns,
        Plan::Remove(interface, vlan) => {
            network.links.retain(|one| !is(one, &interface, vlan));
            if network.links.len() == before.links.len() {
                return Err(Failure::not_found(format!(
                    "{} has no settings: look with `postern network show`",
                    show::link_name(&interface, vlan)
                )));
            }
        }
        Plan::Set(link, dns) => {
            network.dns = dns.unwrap_or(network.dns);
            let same = |one: &Link| is(one, &link.interface, link.vlan);
            let had = network.links.iter().find(|one| same(one));
            if let Some(gateway) = had.and_then(|one| one.gateways.first())
                && !link.dhcp
                && link.gateways.is_empty()
            {
                let name = shown(&link.interface);
                out.note(&format!(
                    "warning: {name} had the gateway {gateway} and has none now: name it with --gateway"
                ));
            }
            let at = network.links.iter().position(same);
            // An untagged interface does DHCP by itself.
            if link.dhcp && link.vlan.is_none() {
                network.links.retain(|one| !same(one));
            } else if let Some(slot) = at.and_then(|at| network.links.get_mut(at)) {
                *slot = link;
            } else {
                network.links.push(link);
            }
        }
    }
    Ok(network)
}

fn is(link: &Link, interface: &str, vlan: Option<u16>) -> bool {
    link.interface == interface && link.vlan == vlan
}

/// What `network show --json` prints.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown<'a> {
    #[serde(flatten)]
    network: &'a NetworkReport,
    /// On an appliance.
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<&'a NetworkSettings>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    reverts_in: Option<u32>,
}

/// As the kernel has it; the settings where there is a postern-host.
fn stands(asker: &mut dyn Asker, out: &mut Out<'_>) -> Result<u8, End> {
    let Answer::Network(network) = asker.ask(&Request::Network)? else {
        return Err(unexpected(&Request::Network).into());
    };
    let set = report(asker).ok();
    if out.json {
        out.document(&Shown {
            network: &network,
            settings: set.as_ref().map(|report| &report.network),
            reverts_in: set.as_ref().and_then(|report| report.reverts_in),
        })?;
    }
    let mut said = show::network(&network);
    if let Some(report) = &set {
        said.push("Settings".to_owned());
        said.extend(show::network_set(report));
    }
    lines(said, out)
}
