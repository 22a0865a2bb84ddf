//! Which of the box's addresses a gateway has to ask. In: the network as posternd sees it, and where the gateway stands; out: the
//! address in the gateway's own network, or else the first that others can reach. Pure.

use std::net::{IpAddr, SocketAddr};

use crate::control::{Net, NetworkReport};

/// RADIUS authentication, where posternd does not say otherwise (RFC 2865 3).
pub const PORT: u16 = 1812;

/// An address with the bits of its network, as [`NetworkReport`] shows it.
fn parsed(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = text.split_once('/').unwrap_or((text, ""));
    let address: IpAddr = address.parse().ok()?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    Some((address, length.parse().unwrap_or(whole)))
}

/// Whether others can reach an address: neither loopback nor link-local.
fn reachable(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unspecified(),
    }
}

/// Whether two addresses agree in their first bits.
fn agree(a: IpAddr, b: IpAddr, length: u8) -> bool {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
            a.to_bits() & mask == b.to_bits() & mask
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
            a.to_bits() & mask == b.to_bits() & mask
        }
        _ => false,
    }
}

/// The addresses by which the box can be reached, those of interfaces that are up, IPv4 first.
pub fn addresses(network: &NetworkReport) -> Vec<IpAddr> {
    let mut found: Vec<IpAddr> = each(network).map(|(address, _)| address).collect();
    found.sort_by_key(IpAddr::is_ipv6);
    found
}

fn each(network: &NetworkReport) -> impl Iterator<Item = (IpAddr, u8)> {
    network
        .interfaces
        .iter()
        .filter(|interface| interface.up)
        .flat_map(|interface| interface.addresses.iter())
        .filter_map(|text| parsed(text))
        .filter(|(address, _)| reachable(address))
}

/// The address that a gateway of this range has to ask; none where the box has no address.
pub fn asked_at(network: &NetworkReport, gateway: Option<&Net>) -> Option<IpAddr> {
    let near = gateway.and_then(|net| {
        each(network)
            .find(|(address, length)| agree(*address, net.address, *length))
            .map(|(address, _)| address)
    });
    let kind = |address: &IpAddr| gateway.is_none_or(|net| net.address.is_ipv4() == address.is_ipv4());
    let all = addresses(network);
    near.or_else(|| all.iter().copied().find(kind))
        .or_else(|| all.first().copied())
}

/// The port to ask at, from where posternd serves.
pub fn port(auth: &[SocketAddr]) -> u16 {
    auth.first().map_or(PORT, SocketAddr::port)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::control::Interface;
    use crate::control::check::parse_net;

    fn interface(name: &str, up: bool, addresses: &[&str]) -> Interface {
        Interface {
            name: name.to_owned(),
            up,
            mac: String::new(),
            addresses: addresses.iter().map(|a| (*a).to_owned()).collect(),
        }
    }

    fn network(interfaces: Vec<Interface>) -> NetworkReport {
        NetworkReport {
            host: "box-1".to_owned(),
            interfaces,
            gateways: Vec::new(),
            dns: Vec::new(),
        }
    }

    #[test]
    fn the_address_in_the_gateways_own_network_is_taken() {
        let network = network(vec![
            interface("eth0", true, &["198.51.100.7/24", "fe80::7/64", "2001:db8:1::7/64"]),
            interface("eth1", true, &["192.0.2.7/24"]),
        ]);
        let at = |text: &str| asked_at(&network, Some(&parse_net(text).unwrap())).unwrap().to_string();
        assert_eq!(at("192.0.2.10"), "192.0.2.7");
        assert_eq!(at("198.51.100.0/24"), "198.51.100.7");
        assert_eq!(at("203.0.113.9"), "198.51.100.7", "the first of the kind");
        assert_eq!(at("2001:db8:9::1"), "2001:db8:1::7");
        assert_eq!(asked_at(&network, None).unwrap().to_string(), "198.51.100.7");
    }

    #[test]
    fn what_nobody_reaches_is_no_address() {
        let network = network(vec![
            interface("eth0", true, &["169.254.3.4/16", "fe80::7/64"]),
            interface("eth1", false, &["192.0.2.7/24"]),
        ]);
        assert_eq!(asked_at(&network, None), None);
        assert_eq!(port(&[]), 1812);
        assert_eq!(port(&["[::]:18120".parse().unwrap()]), 18120);
    }
}
