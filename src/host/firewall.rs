//! What the firewall lets in, as one ruleset of nftables (nft(8)) that takes the place of the one before at once. In: the clients' networks,
//! RADIUS ports, whether SSH is on; out: a text for `nft -f -`. RADIUS is matched without connection tracking: a client that is
//! removed is shut out with its next packet, and a flood fills no table. Pure, but for [`apply`].

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::IpAddr;

use super::exec::{ExecError, Machine};
use super::ops::Firewall;
use crate::store::records::Net;

const NFT: &str = "/usr/sbin/nft";
/// From addresses that are no client's, all together, so that the console can show who knocks.
pub const STRANGERS_A_SECOND: u32 = 20;
/// Most networks: more than any box has gateways.
pub const CLIENTS_MAX: usize = 10_000;
/// Most ports.
pub const PORTS_MAX: usize = 16;

/// The whole ruleset.
pub fn ruleset(firewall: &Firewall, ssh: bool) -> String {
    let (mut v4, mut v6) = (BTreeSet::new(), BTreeSet::new());
    for net in firewall.clients.iter().take(CLIENTS_MAX) {
        let text = element(net);
        if net.address.is_ipv4() {
            v4.insert(text)
        } else {
            v6.insert(text)
        };
    }
    let ports: BTreeSet<String> = firewall.ports.iter().take(PORTS_MAX).map(u16::to_string).collect();
    let ports = ports.into_iter().collect::<Vec<_>>().join(", ");
    let mut text = "table inet postern\ndelete table inet postern\ntable inet postern {\n".to_owned();
    set(&mut text, "clients4", "ipv4_addr", &v4);
    set(&mut text, "clients6", "ipv6_addr", &v6);
    if !ports.is_empty() {
        let _ = write!(
            text,
            "  chain untracked_in {{\n    type filter hook prerouting priority raw; policy accept;\n    udp dport {{ {ports} }} notrack\n  }}\n  \
             chain untracked_out {{\n    type filter hook output priority raw; policy accept;\n    udp sport {{ {ports} }} notrack\n  }}\n"
        );
    }
    text.push_str("  chain input {\n    type filter hook input priority filter; policy drop;\n    iif lo accept\n");
    if !ports.is_empty() {
        let _ = write!(
            text,
            "    udp dport {{ {ports} }} ip saddr @clients4 accept\n    udp dport {{ {ports} }} ip6 saddr @clients6 accept\n    \
             udp dport {{ {ports} }} limit rate {STRANGERS_A_SECOND}/second burst {STRANGERS_A_SECOND} packets accept\n    \
             udp dport {{ {ports} }} drop\n"
        );
    }
    // Neighbours and routers (RFC 4890 4.4.1), what a too long packet meets, DHCP's answers, and the box's own connections.
    text.push_str(
        "    ct state established,related accept\n    \
         icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } ip6 hoplimit 255 accept\n    \
         icmpv6 type packet-too-big accept\n    icmp type destination-unreachable accept\n    \
         udp sport 67 udp dport 68 accept\n    ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept\n",
    );
    if ssh {
        text.push_str("    tcp dport 22 accept\n");
    }
    text.push_str("  }\n  chain forward {\n    type filter hook forward priority filter; policy drop;\n  }\n}\n");
    text
}

fn set(text: &mut String, name: &str, kind: &str, elements: &BTreeSet<String>) {
    let _ = writeln!(text, "  set {name} {{\n    type {kind}; flags interval; auto-merge;");
    if !elements.is_empty() {
        let elements: Vec<&str> = elements.iter().map(String::as_str).collect();
        let _ = writeln!(text, "    elements = {{ {} }}", elements.join(", "));
    }
    text.push_str("  }\n");
}

/// A network as nft reads it; host bits are none of it (R8: a mapped address is its IPv4 one already).
fn element(net: &Net) -> String {
    let whole: u8 = if net.address.is_ipv4() { 32 } else { 128 };
    let length = net.length.min(whole);
    let address = match net.address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::from(std::net::Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::from(std::net::Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    };
    format!("{address}/{length}")
}

/// Puts it in the place of the one before, wholly or not at all.
///
/// # Errors
/// nft refused it: the one before stands.
pub fn apply(machine: &dyn Machine, firewall: &Firewall, ssh: bool) -> Result<(), ExecError> {
    machine
        .run(NFT, &["-f", "-"], ruleset(firewall, ssh).as_bytes())
        .map(drop)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::control::check::parse_net;

    fn of(clients: &[&str]) -> Firewall {
        Firewall {
            ports: vec![1812, 1813, 1812],
            clients: clients.iter().map(|one| parse_net(one).unwrap()).collect(),
        }
    }

    #[test]
    fn r8_clients_stand_in_the_set_of_their_family() {
        let text = ruleset(&of(&["192.0.2.10", "2001:db8::/64", "0.0.0.0/0"]), false);
        assert!(text.contains("elements = { 0.0.0.0/0, 192.0.2.10/32 }"), "{text}");
        assert!(text.contains("elements = { 2001:db8::/64 }"), "{text}");
        assert!(
            text.contains("udp dport { 1812, 1813 } ip saddr @clients4 accept"),
            "{text}"
        );
        assert!(!text.contains("dport 22"), "{text}");
        assert!(ruleset(&of(&[]), true).contains("tcp dport 22 accept"));
    }

    #[test]
    fn a_box_that_listens_nowhere_lets_nobody_in() {
        let text = ruleset(&Firewall::default(), false);
        assert!(
            text.contains("policy drop") && !text.contains("notrack") && !text.contains("clients4 accept"),
            "{text}"
        );
    }
}
