//! The firewall (nftables). In: who may send RADIUS and whether SSH is on; out: one ruleset that takes the place of the one before at
//! once, or not at all. RADIUS is told apart before connections are tracked: a flood fills no table, and a client that was removed
//! is shut out at once, since nothing remembers it. Others send 20 packets a second in all, so that the console can show who knocks.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::exec::{ExecError, Machine};
use super::ops::Firewall;
use crate::store::records::Net;

const NFT: &str = "/usr/sbin/nft";
/// What was loaded last, so that a restarted helper knows it.
const LAST: &str = "/run/postern-host/firewall.json";
/// Packets a second from those who are no clients, and how many at once.
const STRANGERS: u32 = 20;
/// Most clients and ports that are taken.
const CLIENTS_MAX: usize = 20_000;
const PORTS_MAX: usize = 32;

/// Before posternd has said who its clients are: nobody, at the usual ports.
pub fn at_boot() -> Firewall {
    Firewall {
        ports: vec![crate::config::AUTH_PORT, crate::config::ACCT_PORT],
        clients: Vec::new(),
    }
}

/// What was loaded last since the boot.
pub fn last(machine: &dyn Machine) -> Firewall {
    let bytes = std::fs::read(machine.path(LAST)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_else(|_| at_boot())
}

/// Whether it can be.
///
/// # Errors
/// One line.
pub fn check(firewall: &Firewall) -> Result<(), String> {
    if firewall.clients.len() > CLIENTS_MAX || firewall.ports.len() > PORTS_MAX {
        return Err(format!(
            "the firewall takes {CLIENTS_MAX} clients and {PORTS_MAX} ports: leave some out"
        ));
    }
    let bad = firewall.clients.iter().find(|net| {
        let whole = if net.address.is_ipv4() { 32 } else { 128 };
        net.length > whole
    });
    match bad {
        Some(net) => Err(format!("{}/{} is no network", net.address, net.length)),
        None => Ok(()),
    }
}

/// Loads it in the place of the one before.
///
/// # Errors
/// nft did not take it; then the one before stands.
pub fn load(machine: &dyn Machine, firewall: &Firewall, ssh: bool) -> Result<(), ExecError> {
    machine.run(NFT, &["-f", "-"], rules(firewall, ssh).as_bytes())?;
    let text = serde_json::to_vec(firewall).unwrap_or_default();
    if let Err(error) = super::files::write(&machine.path(LAST), &text, super::files::PRIVATE) {
        tracing::warn!(%error, "{LAST} could not be written");
    }
    Ok(())
}

/// First and last address of each network, those that meet as one: nft refuses ranges that overlap.
fn ranges(nets: impl Iterator<Item = (u128, u128)>) -> Vec<(u128, u128)> {
    let mut sorted: Vec<(u128, u128)> = nets.collect();
    sorted.sort_unstable();
    let mut out: Vec<(u128, u128)> = Vec::new();
    for (first, end) in sorted {
        match out.last_mut() {
            Some((_, last)) if first <= last.saturating_add(1) => *last = end.max(*last),
            _ => out.push((first, end)),
        }
    }
    out
}

fn v4(net: &Net) -> Option<(u128, u128)> {
    let IpAddr::V4(address) = net.address else { return None };
    let host = u32::MAX.checked_shr(u32::from(net.length)).unwrap_or(0);
    Some((
        u128::from(address.to_bits() & !host),
        u128::from(address.to_bits() | host),
    ))
}

fn v6(net: &Net) -> Option<(u128, u128)> {
    let IpAddr::V6(address) = net.address else { return None };
    let host = u128::MAX.checked_shr(u32::from(net.length)).unwrap_or(0);
    Some((address.to_bits() & !host, address.to_bits() | host))
}

/// A set of nft's, which holds nothing where there is nothing to hold.
fn set(out: &mut String, name: &str, kind: &str, elements: &[String]) {
    let _ = writeln!(out, "\tset {name} {{");
    let _ = writeln!(out, "\t\ttype {kind}; flags interval;");
    if !elements.is_empty() {
        let _ = writeln!(out, "\t\telements = {{ {} }}", elements.join(", "));
    }
    out.push_str("\t}\n");
}

fn range_text<A: ToString + From<B>, B>((first, last): (u128, u128), of: impl Fn(u128) -> B) -> String {
    let (first, last) = (A::from(of(first)).to_string(), A::from(of(last)).to_string());
    if first == last {
        first
    } else {
        format!("{first}-{last}")
    }
}

/// The ruleset. Pure.
pub fn rules(firewall: &Firewall, ssh: bool) -> String {
    let mut ports = firewall.ports.clone();
    ports.sort_unstable();
    ports.dedup();
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    let four: Vec<String> = ranges(firewall.clients.iter().filter_map(v4))
        .into_iter()
        .map(|range| {
            range_text::<Ipv4Addr, Ipv4Addr>(range, |bits| {
                Ipv4Addr::from_bits(u32::try_from(bits).unwrap_or(u32::MAX))
            })
        })
        .collect();
    let six: Vec<String> = ranges(firewall.clients.iter().filter_map(v6))
        .into_iter()
        .map(|range| range_text::<Ipv6Addr, Ipv6Addr>(range, Ipv6Addr::from_bits))
        .collect();
    // Named first, so that the next line finds something to delete.
    let mut out = "table inet postern\ndelete table inet postern\ntable inet postern {\n".to_owned();
    set(&mut out, "radius", "inet_service", &ports);
    set(&mut out, "clients4", "ipv4_addr", &four);
    set(&mut out, "clients6", "ipv6_addr", &six);
    let ssh = if ssh { "\t\ttcp dport 22 accept\n" } else { "" };
    let _ = write!(
        out,
        "\tchain early {{
\t\ttype filter hook prerouting priority raw; policy accept;
\t\tudp dport @radius notrack
\t}}
\tchain late {{
\t\ttype filter hook output priority raw; policy accept;
\t\tudp sport @radius notrack
\t}}
\tchain radius {{
\t\tip saddr @clients4 accept
\t\tip6 saddr @clients6 accept
\t\tlimit rate {STRANGERS}/second burst {STRANGERS} packets accept
\t\tdrop
\t}}
\tchain input {{
\t\ttype filter hook input priority filter; policy drop;
\t\tiif \"lo\" accept
\t\tudp dport @radius jump radius
\t\tct state established,related accept
\t\ticmp type destination-unreachable icmp code frag-needed limit rate 20/second accept
\t\ticmpv6 type packet-too-big limit rate 20/second accept
\t\ticmpv6 type {{ nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert }} ip6 hoplimit 255 accept
\t\ticmpv6 type mld-listener-query ip6 saddr fe80::/10 accept
\t\tudp sport 67 udp dport 68 accept
\t\tip6 saddr fe80::/10 udp dport 546 accept
{ssh}\t}}
\tchain forward {{
\t\ttype filter hook forward priority filter; policy drop;
\t}}
}}
"
    );
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::host::testing::Fake;

    fn wall(clients: &[&str]) -> Firewall {
        Firewall {
            ports: vec![1813, 1812, 1812],
            clients: clients
                .iter()
                .map(|text| crate::control::check::parse_net(text).unwrap())
                .collect(),
        }
    }

    #[test]
    fn clients_are_ranges_that_do_not_meet() {
        let rules = rules(
            &wall(&[
                "192.0.2.7",
                "192.0.2.6",
                "10.0.0.0/8",
                "10.1.0.0/16",
                "2001:db8::/32",
                "2001:db8::1",
                "198.51.100.9",
            ]),
            false,
        );
        for line in [
            "elements = { 1812, 1813 }",
            "elements = { 10.0.0.0-10.255.255.255, 192.0.2.6-192.0.2.7, 198.51.100.9 }",
            "elements = { 2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff }",
        ] {
            assert!(rules.contains(line), "{rules}");
        }
        assert!(!rules.contains("dport 22"));
    }

    #[test]
    fn everybody_and_nobody_can_be_clients() {
        let all = rules(&wall(&["0.0.0.0/0", "192.0.2.7", "::/0"]), true);
        assert!(all.contains("elements = { 0.0.0.0-255.255.255.255 }"), "{all}");
        assert!(
            all.contains("elements = { ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff }"),
            "{all}"
        );
        assert!(all.contains("tcp dport 22 accept"));
        let none = rules(&wall(&[]), false);
        assert_eq!(none.matches("elements").count(), 1, "{none}");
    }

    #[test]
    fn what_was_loaded_last_is_known_and_a_refused_one_is_not() {
        let fake = Fake::new();
        assert_eq!(last(&fake), at_boot());
        load(&fake, &wall(&["192.0.2.7"]), false).unwrap();
        assert_eq!(last(&fake), wall(&["192.0.2.7"]));
        assert!(fake.inputs()[0].starts_with("table inet postern\ndelete table"));
        fake.programs(|_, _, _| Some(Err("no".to_owned())));
        assert!(load(&fake, &wall(&["192.0.2.8"]), false).is_err());
        assert_eq!(last(&fake), wall(&["192.0.2.7"]));
    }

    #[test]
    fn what_cannot_be_a_network_is_refused() {
        let mut firewall = wall(&["192.0.2.7"]);
        check(&firewall).unwrap();
        firewall.clients[0].length = 33;
        assert!(check(&firewall).is_err());
    }
}
