//! Whether a network can be: what an operator has set, against the interfaces that are there. In: settings and names; out: nothing, or
//! one line that says what is wrong and what to do. Pure.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::host::ops::{HostAddress, Link, NetworkSettings};
use crate::text::shown;

/// Most entries.
pub const LINKS_MAX: usize = 16;
/// Most addresses of one entry.
pub const ADDRESSES_MAX: usize = 8;
/// Most name servers.
pub const DNS_MAX: usize = 4;
/// The kernel's names of interfaces hold 15 bytes (IFNAMSIZ).
const NAME_MAX: usize = 15;

/// An entry's name: `eth0`, `eth0 VLAN 10`.
pub fn named(link: &Link) -> String {
    let interface = shown(&link.interface);
    match link.vlan {
        None => interface,
        Some(vlan) => format!("{interface} VLAN {vlan}"),
    }
}

/// The name of a VLAN's own interface: the last letters of a long name tell more than its first.
pub fn vlan_name(interface: &str, vlan: u16) -> String {
    let tail = format!(".{vlan}");
    let letters: Vec<char> = interface.chars().collect();
    let from = letters.len().saturating_sub(NAME_MAX.saturating_sub(tail.len()));
    letters.into_iter().skip(from).collect::<String>() + &tail
}

/// A name that can stand in a file of networkd's.
pub fn plain(name: &str) -> bool {
    let letters = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.');
    !name.is_empty() && name.len() <= NAME_MAX && name.bytes().all(letters) && name != "." && name != ".."
}

/// Looks at everything.
///
/// # Errors
/// One line: what is wrong first, and what to do.
pub fn check(network: &NetworkSettings, known: &[String]) -> Result<(), String> {
    if network.links.len() > LINKS_MAX {
        return Err(format!(
            "there are more than {LINKS_MAX} interfaces and VLANs: leave some out"
        ));
    }
    let mut seen = BTreeSet::new();
    let mut names = BTreeSet::new();
    for link in &network.links {
        one(link, known)?;
        if !seen.insert((&link.interface, link.vlan)) {
            return Err(format!("{} stands twice: set it once", named(link)));
        }
        if let Some(vlan) = link.vlan
            && !names.insert(vlan_name(&link.interface, vlan))
        {
            return Err(format!(
                "{} and another one would have the same name: give one of them another VLAN number",
                named(link)
            ));
        }
    }
    nets_apart(&network.links)?;
    one_gateway_each(&network.links)?;
    if !any_address(&network.links, known) {
        return Err("no interface would have an address: set one, or DHCP".to_owned());
    }
    name_servers(&network.dns)
}

/// One entry by itself.
fn one(link: &Link, known: &[String]) -> Result<(), String> {
    if !known.contains(&link.interface) || !plain(&link.interface) {
        let there = match known {
            [] => "there is none; plug one in".to_owned(),
            some => format!("there is {}", some.join(", ")),
        };
        return Err(format!(
            "there is no wired interface {}: {there}",
            shown(&link.interface)
        ));
    }
    if let Some(vlan) = link.vlan
        && !(1..=4094).contains(&vlan)
    {
        return Err(format!("VLAN {vlan} cannot be: it is 1 to 4094 (IEEE 802.1Q)"));
    }
    if link.dhcp && !(link.addresses.is_empty() && link.gateways.is_empty()) {
        return Err(format!(
            "{} has DHCP and an address or gateway of its own: choose one of the two",
            named(link)
        ));
    }
    if link.addresses.len() > ADDRESSES_MAX {
        return Err(format!(
            "{} has more than {ADDRESSES_MAX} addresses: leave some out",
            named(link)
        ));
    }
    for address in &link.addresses {
        host_address(address)?;
    }
    for gateway in &link.gateways {
        reachable(*gateway, link)?;
    }
    Ok(())
}

/// An address that a host can have.
fn host_address(one: &HostAddress) -> Result<(), String> {
    let HostAddress { address, length } = *one;
    let text = format!("{address}/{length}");
    let whole: u8 = if address.is_ipv4() { 32 } else { 128 };
    if !(1..=whole).contains(&length) {
        return Err(format!("{text} has a bad length: it is 1 to {whole} bits"));
    }
    if let Some(what) = no_host(address) {
        return Err(format!("{text} is {what}: give the box an address of its own"));
    }
    match ends(one) {
        Some((first, _)) if first == address => Err(format!(
            "{text} is the network itself: give the box an address inside it"
        )),
        Some((_, Some(last))) if last == address => Err(format!(
            "{text} is the network's broadcast address: give the box another one inside it"
        )),
        _ => Ok(()),
    }
}

/// What an address is that no host on a network can have; none: it can.
fn no_host(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => match v4 {
            Ipv4Addr::BROADCAST => Some("the broadcast address"),
            _ if v4.octets().first() == Some(&0) => Some("no host's address"),
            _ if v4.is_loopback() => Some("a loopback address"),
            _ if v4.is_multicast() => Some("a multicast address"),
            _ if v4.octets().first() >= Some(&240) => Some("a reserved address"),
            _ => None,
        },
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => Some("IPv4 in the clothes of IPv6 (write it as IPv4)"),
        IpAddr::V6(v6) => match v6 {
            Ipv6Addr::UNSPECIFIED => Some("no host's address"),
            _ if v6.is_loopback() => Some("a loopback address"),
            _ if v6.is_multicast() => Some("a multicast address"),
            _ if v6.is_unicast_link_local() => Some("link-local, which the box makes by itself"),
            _ => None,
        },
    }
}

/// The first address of the network, and for IPv4 the last one; none where the network has no such (RFC 3021, RFC 6164).
fn ends(one: &HostAddress) -> Option<(IpAddr, Option<IpAddr>)> {
    match one.address {
        IpAddr::V4(v4) if one.length <= 30 => {
            let mask = u32::MAX.checked_shr(u32::from(one.length)).unwrap_or(0);
            let bits = v4.to_bits();
            Some((
                Ipv4Addr::from_bits(bits & !mask).into(),
                Some(Ipv4Addr::from_bits(bits | mask).into()),
            ))
        }
        IpAddr::V6(v6) if one.length <= 126 => {
            let mask = u128::MAX.checked_shr(u32::from(one.length)).unwrap_or(0);
            Some((Ipv6Addr::from_bits(v6.to_bits() & !mask).into(), None))
        }
        _ => None,
    }
}

/// The address lies in the network of the other.
fn inside(address: IpAddr, net: &HostAddress) -> bool {
    match (address, net.address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let mask = u32::MAX.checked_shr(u32::from(net.length)).unwrap_or(0);
            (a.to_bits() | mask) == (b.to_bits() | mask)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let mask = u128::MAX.checked_shr(u32::from(net.length)).unwrap_or(0);
            (a.to_bits() | mask) == (b.to_bits() | mask)
        }
        _ => false,
    }
}

/// The gateway can be reached from one of the entry's addresses.
fn reachable(gateway: IpAddr, link: &Link) -> Result<(), String> {
    let name = named(link);
    if let IpAddr::V6(v6) = gateway
        && v6.is_unicast_link_local()
    {
        // Routers are often known by that address alone (RFC 4861).
        return match link.addresses.iter().any(|one| one.address.is_ipv6()) {
            true => Ok(()),
            false => Err(format!("{name} has a gateway for IPv6 and no IPv6 address: set one")),
        };
    }
    if let Some(what) = no_host(gateway) {
        return Err(format!("the gateway {gateway} is {what}: name the router's address"));
    }
    let Some(net) = link.addresses.iter().find(|net| inside(gateway, net)) else {
        return Err(format!(
            "the gateway {gateway} is in no network of {name}: correct it, or the length of the address"
        ));
    };
    if link.addresses.iter().any(|one| one.address == gateway) {
        return Err(format!(
            "the gateway {gateway} is the box itself: name the router's address"
        ));
    }
    match ends(net) {
        Some((first, last)) if first == gateway || last == Some(gateway) => Err(format!(
            "the gateway {gateway} is the network's own or broadcast address: name the router's address"
        )),
        _ => Ok(()),
    }
}

/// No address twice, and no network on two entries: an answer would leave by the wrong one (R8).
fn nets_apart(links: &[Link]) -> Result<(), String> {
    let all = |from: usize| {
        let rest = links.iter().enumerate().skip(from);
        rest.flat_map(|(at, link)| link.addresses.iter().map(move |one| (at, link, one)))
    };
    let mut seen = BTreeSet::new();
    if let Some((.., one)) = all(0).find(|(.., one)| !seen.insert(one.address)) {
        return Err(format!("the address {} stands twice: set it once", one.address));
    }
    for (at, link, one) in all(0) {
        let meets = |other: &HostAddress| inside(other.address, one) || inside(one.address, other);
        if let Some((_, other, _)) = all(at.saturating_add(1)).find(|(_, _, other)| meets(other)) {
            return Err(format!(
                "{} and {} are in the same network ({}/{}): keep it on one of them",
                named(link),
                named(other),
                one.address,
                one.length
            ));
        }
    }
    Ok(())
}

fn one_gateway_each(links: &[Link]) -> Result<(), String> {
    let gateways = || links.iter().flat_map(|link| &link.gateways);
    for (family, count) in [
        ("IPv4", gateways().filter(|one| one.is_ipv4()).count()),
        ("IPv6", gateways().filter(|one| one.is_ipv6()).count()),
    ] {
        if count > 1 {
            return Err(format!("there are {count} default gateways for {family}: keep one"));
        }
    }
    Ok(())
}

/// Somewhere an address would be, or DHCP.
fn any_address(links: &[Link], known: &[String]) -> bool {
    let left_alone = |name: &String| !links.iter().any(|link| link.interface == *name);
    links.iter().any(|link| link.dhcp || !link.addresses.is_empty()) || known.iter().any(left_alone)
}

fn name_servers(dns: &[IpAddr]) -> Result<(), String> {
    if dns.len() > DNS_MAX {
        return Err(format!("there are more than {DNS_MAX} name servers: leave some out"));
    }
    let mut seen = BTreeSet::new();
    for server in dns {
        if let Some(what) = no_host(*server) {
            return Err(format!("the name server {server} is {what}: name another one"));
        }
        if !seen.insert(server) {
            return Err(format!("the name server {server} stands twice: name it once"));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#[path = "check_tests.rs"]
pub mod tests;
