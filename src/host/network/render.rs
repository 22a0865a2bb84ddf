//! Network settings as files of systemd-networkd and systemd-resolved (systemd.network(5), systemd.netdev(5), resolved.conf(5)). In:
//! settings that were checked; out: names and texts. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::check::vlan_name;
use crate::host::ops::{Link, NetworkSettings};

/// Files of this program begin so; those of the image come after.
pub const PREFIX: &str = "10-postern-";
/// For every wired interface without an entry: after the others, before the image's own.
pub const DEFAULT: &str = "10-postern-~any.network";

/// What DHCP and router advertisements may say.
#[derive(Clone, Copy)]
struct Taken {
    dns: bool,
    ntp: bool,
}

/// The files by name. Time servers that an operator has named go before those of DHCP.
pub fn networkd(network: &NetworkSettings, own_servers: bool) -> BTreeMap<String, String> {
    let taken = Taken {
        dns: network.dns.is_empty(),
        ntp: !own_servers,
    };
    let mut files = BTreeMap::new();
    let interfaces: BTreeSet<&str> = network.links.iter().map(|link| link.interface.as_str()).collect();
    for interface in interfaces {
        let of = |vlan: bool| {
            let links = network.links.iter().filter(move |link| link.interface == interface);
            links.filter(move |link| link.vlan.is_some() == vlan)
        };
        let mut text = matching(&format!("Name={interface}"));
        match of(false).next() {
            Some(link) => entry(&mut text, link, taken),
            // It carries its VLANs and nothing else.
            None => text.push_str("DHCP=no\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n"),
        }
        for link in of(true) {
            let name = vlan_name(interface, link.vlan.unwrap_or_default());
            // A section may come in pieces.
            let _ = write!(text, "\n[Network]\nVLAN={name}\n");
        }
        files.insert(format!("{PREFIX}{interface}.network"), text);
        for link in of(true) {
            let vlan = link.vlan.unwrap_or_default();
            let name = vlan_name(interface, vlan);
            let netdev = format!("[NetDev]\nName={name}\nKind=vlan\n\n[VLAN]\nId={vlan}\n");
            files.insert(format!("{PREFIX}{name}.netdev"), netdev);
            let mut text = matching(&format!("Name={name}"));
            entry(&mut text, link, taken);
            files.insert(format!("{PREFIX}{name}.network"), text);
        }
    }
    let mut text = matching("Type=ether\nKind=!*");
    dhcp(&mut text, taken);
    files.insert(DEFAULT.to_owned(), text);
    files
}

fn matching(rule: &str) -> String {
    format!("[Match]\n{rule}\n\n[Link]\nRequiredForOnline=no\n\n[Network]\nLLMNR=no\nMulticastDNS=no\nLLDP=no\n")
}

fn entry(text: &mut String, link: &Link, taken: Taken) {
    if link.dhcp {
        dhcp(text, taken);
        return;
    }
    text.push_str("DHCP=no\nIPv6AcceptRA=no\n");
    if link.addresses.is_empty() {
        text.push_str("LinkLocalAddressing=no\n");
    } else {
        text.push_str("LinkLocalAddressing=ipv6\n");
    }
    for one in &link.addresses {
        let _ = writeln!(text, "Address={}/{}", one.address, one.length);
    }
    for gateway in &link.gateways {
        let _ = writeln!(text, "Gateway={gateway}");
    }
}

fn dhcp(text: &mut String, Taken { dns, ntp }: Taken) {
    let yes = |value: bool| if value { "yes" } else { "no" };
    let (dns, ntp) = (yes(dns), yes(ntp));
    // DHCPv6 is asked where a router says so (RFC 4861 4.2), which is the default of IPv6AcceptRA.
    let _ = write!(
        text,
        "DHCP=ipv4\nIPv6AcceptRA=yes\nLinkLocalAddressing=ipv6\n\n\
         [DHCPv4]\nClientIdentifier=mac\nUseHostname=no\nUseTimezone=no\nUseDNS={dns}\nUseNTP={ntp}\n\n\
         [DHCPv6]\nUseHostname=no\nUseDNS={dns}\nUseNTP={ntp}\n\n\
         [IPv6AcceptRA]\nUseDNS={dns}\n"
    );
}

/// The drop-in of systemd-resolved: name servers that an operator has named are asked for everything, and nobody else's ever.
pub fn resolved(network: &NetworkSettings) -> String {
    let mut text = "[Resolve]\nFallbackDNS=\nLLMNR=no\nMulticastDNS=no\n".to_owned();
    if !network.dns.is_empty() {
        let servers: Vec<String> = network.dns.iter().map(ToString::to_string).collect();
        let _ = write!(text, "DNS={}\nDomains=~.\n", servers.join(" "));
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::super::check::tests::link;
    use super::*;

    #[test]
    fn files_are_as_networkd_wants_them() {
        let network = NetworkSettings {
            links: vec![
                link("eth0 192.0.2.10/24 2001:db8::10/64 >192.0.2.1 >fe80::1"),
                link("eth0.10 dhcp"),
                link("eth1.20 10.0.0.2/8"),
                link("eth2"),
            ],
            dns: vec!["192.0.2.53".parse().unwrap(), "2001:db8::53".parse().unwrap()],
        };
        let files = networkd(&network, true);
        let all: String = files.iter().map(|(name, text)| format!("# {name}\n{text}\n")).collect();
        let golden = include_str!("golden.txt");
        assert_eq!(all, golden, "\n{all}");
        assert_eq!(
            resolved(&network),
            "[Resolve]\nFallbackDNS=\nLLMNR=no\nMulticastDNS=no\nDNS=192.0.2.53 2001:db8::53\nDomains=~.\n"
        );
    }

    #[test]
    fn without_settings_every_port_does_dhcp_and_takes_what_it_says() {
        let none = NetworkSettings::default();
        let files = networkd(&none, false);
        assert_eq!(files.keys().collect::<Vec<_>>(), [DEFAULT]);
        let text = &files[DEFAULT];
        assert!(
            text.contains("UseDNS=yes\nUseNTP=yes") && !text.contains("=no\nUseNTP=no"),
            "{text}"
        );
        assert_eq!(resolved(&none), "[Resolve]\nFallbackDNS=\nLLMNR=no\nMulticastDNS=no\n");
        // The file for all comes after each one of an interface, and before the image's.
        assert!(DEFAULT > "10-postern-zzz.network" && DEFAULT < "90-postern.network");
    }
}
