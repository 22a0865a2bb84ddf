//! How the box stands on the network, as the kernel and the resolver's file say it. In: nothing; out: a report for people. It changes
//! nothing, asks nobody, and holds nothing: what cannot be read is left out.

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrStorage;

use crate::control::answers::{Interface, NetworkReport};
use crate::text::shown;

/// Lines of a file of the kernel's that are looked at: a route table may be long.
const LINES: usize = 10_000;

/// The report.
pub fn report() -> NetworkReport {
    NetworkReport {
        host: shown(super::syslog::host().trim()),
        interfaces: interfaces(),
        gateways: gateways(&read("/proc/net/route"), &read("/proc/net/ipv6_route")),
        dns: name_servers(&read("/etc/resolv.conf")),
    }
}

fn read(path: &str) -> String {
    read_to_string(path).unwrap_or_default()
}

fn interfaces() -> Vec<Interface> {
    let mut found: BTreeMap<String, Interface> = BTreeMap::new();
    for one in getifaddrs().into_iter().flatten() {
        if one.flags.contains(InterfaceFlags::IFF_LOOPBACK) {
            continue;
        }
        let up = one.flags.contains(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING);
        let name = shown(&one.interface_name);
        let interface = found.entry(name.clone()).or_insert(Interface {
            name,
            up,
            mac: String::new(),
            addresses: Vec::new(),
        });
        if let Some(mac) = mac(&one) {
            interface.mac = mac;
        }
        interface.addresses.extend(address(&one));
    }
    found.into_values().collect()
}

fn mac(one: &InterfaceAddress) -> Option<String> {
    let bytes = one.address.as_ref()?.as_link_addr()?.addr()?;
    let hex = bytes.map(|byte| format!("{byte:02x}"));
    (bytes != [0; 6]).then(|| hex.join(":"))
}

fn address(one: &InterfaceAddress) -> Option<String> {
    let address = ip(one.address.as_ref()?)?;
    let length = match one.netmask.as_ref().and_then(ip) {
        Some(IpAddr::V4(mask)) => mask.to_bits().count_ones(),
        Some(IpAddr::V6(mask)) => mask.to_bits().count_ones(),
        None => return Some(address.to_string()),
    };
    Some(format!("{address}/{length}"))
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

/// The gateways of default routes, from the kernel's two tables (proc(5)).
fn gateways(v4: &str, v6: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in v4.lines().skip(1).take(LINES) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [_, "00000000", gateway, ..] = words.as_slice()
            && let Ok(gateway) = u32::from_str_radix(gateway, 16)
            && gateway != 0
        {
            // The kernel prints the number as it lies in memory.
            found.push(Ipv4Addr::from(gateway.to_ne_bytes()).to_string());
        }
    }
    for line in v6.lines().take(LINES) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [to, "00", _, _, gateway, ..] = words.as_slice()
            && u128::from_str_radix(to, 16) == Ok(0)
            && let Ok(gateway) = u128::from_str_radix(gateway, 16)
            && gateway != 0
        {
            found.push(Ipv6Addr::from_bits(gateway).to_string());
        }
    }
    found.dedup();
    found
}

/// `nameserver` lines (resolv.conf(5)).
fn name_servers(text: &str) -> Vec<String> {
    let server = |line: &str| {
        let mut words = line.split_whitespace();
        let (Some("nameserver"), Some(address)) = (words.next(), words.next()) else {
            return None;
        };
        Some(shown(address))
    };
    text.lines().take(LINES).filter_map(server).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn default_routes_are_found_in_the_kernel_s_tables() {
        let number = u32::from_ne_bytes([192, 0, 2, 1]);
        let v4 = format!(
            "Iface\tDestination\tGateway \tFlags\nlo\t00000000\t00000000\t0001\neth0\t000200C0\t00000000\t0001\n\
             eth0\t00000000\t{number:08X}\t0003\t0\n"
        );
        let zero = "0".repeat(32);
        let v6 = format!(
            "{zero} 00 {zero} 00 20010db8000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n\
             {zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200 lo\n\
             fe80000000000000{} 40 {zero} 00 {zero} 00000100 00000001 00000000 00000001 eth0\n",
            "0".repeat(16)
        );
        assert_eq!(gateways(&v4, &v6), ["192.0.2.1", "2001:db8::1"]);
        assert!(gateways("", "garbage\n").is_empty());
    }

    #[test]
    fn name_servers_are_read_and_comments_are_not() {
        let text = "# nameserver 192.0.2.9\nsearch contoso.example\nnameserver 192.0.2.53\nnameserver\n nameserver 2001:db8::53\n";
        assert_eq!(name_servers(text), ["192.0.2.53", "2001:db8::53"]);
    }

    #[test]
    fn the_report_names_no_loopback() {
        let report = report();
        assert!(report.interfaces.iter().all(|one| one.name != "lo"), "{report:?}");
        assert!(!report.host.contains("\\u{a}"), "{report:?}");
    }
}
