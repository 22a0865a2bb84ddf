//! What can be a network and what cannot, row by row.

use super::*;

fn known() -> Vec<String> {
    ["eth0", "eth1", "enx001122334455", "eny001122334455"]
        .map(str::to_owned)
        .to_vec()
}

/// An entry: `INTERFACE[.VLAN] ADDRESS/LENGTH... >GATEWAY...`, or `INTERFACE[.VLAN] dhcp`.
pub fn link(text: &str) -> Link {
    let mut words = text.split_whitespace();
    let (interface, vlan) = match words.next().unwrap().split_once('.') {
        Some((name, vlan)) => (name, Some(vlan.parse().unwrap())),
        None => (text.split_whitespace().next().unwrap(), None),
    };
    let mut link = Link {
        interface: interface.to_owned(),
        vlan,
        dhcp: false,
        addresses: Vec::new(),
        gateways: Vec::new(),
    };
    for word in words {
        if word == "dhcp" {
            link.dhcp = true;
        } else if let Some(gateway) = word.strip_prefix('>') {
            link.gateways.push(gateway.parse().unwrap());
        } else {
            let (address, length) = word.split_once('/').unwrap();
            link.addresses.push(HostAddress {
                address: address.parse().unwrap(),
                length: length.parse().unwrap(),
            });
        }
    }
    link
}

fn checked(links: &[&str], dns: &[&str]) -> Result<(), String> {
    let network = NetworkSettings {
        links: links.iter().map(|text| link(text)).collect(),
        dns: dns.iter().map(|text| text.parse().unwrap()).collect(),
    };
    check(&network, &known())
}

#[test]
fn what_can_be_is_taken() {
    for links in [
        [].as_slice(),
        &["eth0 dhcp"],
        &["eth0"],
        &["eth0 192.0.2.10/24 >192.0.2.1"],
        &["eth0 192.0.2.10/24 2001:db8::10/64 >192.0.2.1 >fe80::1"],
        &["eth0 192.0.2.0/31 >192.0.2.1"],
        &["eth0 192.0.2.7/32"],
        &["eth0 2001:db8::/127 >2001:db8::1"],
        &["eth0.1 dhcp", "eth0.4094 192.0.2.10/24", "eth0 198.51.100.4/25"],
        &["eth0 10.0.0.1/9", "eth1 10.128.0.1/9"],
        &["enx001122334455.4094 dhcp"],
        &["eth0 192.0.2.10/24 192.0.2.11/24"],
    ] {
        assert_eq!(checked(links, &["192.0.2.53", "2001:db8::53"]), Ok(()), "{links:?}");
    }
}

#[test]
fn what_cannot_be_is_told_in_one_line_with_what_to_do() {
    let many = vec!["eth0 dhcp"; 17];
    let addresses = (1..10).map(|n| format!(" 192.0.2.{n}/24")).collect::<String>();
    let addresses = format!("eth0{addresses}");
    for (links, word) in [
        (many.as_slice(), "more than 16"),
        (&["wlan0 dhcp"], "no wired interface wlan0"),
        (&["eth0.0 dhcp"], "1 to 4094"),
        (&["eth0.4095 dhcp"], "1 to 4094"),
        (&["eth0 dhcp 192.0.2.1/24"], "choose one"),
        (&["eth0 dhcp", "eth0 dhcp"], "stands twice"),
        (&["enx001122334455.4094 dhcp", "eny001122334455.4094 dhcp"], "same name"),
        (&[addresses.as_str()], "more than 8"),
        (&["eth0 192.0.2.0/24"], "network itself"),
        (&["eth0 192.0.2.255/24"], "broadcast"),
        (&["eth0 255.255.255.255/32"], "broadcast"),
        (&["eth0 224.0.0.1/24"], "multicast"),
        (&["eth0 127.0.0.2/8"], "loopback"),
        (&["eth0 0.1.2.3/8"], "no host"),
        (&["eth0 240.1.2.3/8"], "reserved"),
        (&["eth0 192.0.2.1/0"], "1 to 32"),
        (&["eth0 192.0.2.1/33"], "1 to 32"),
        (&["eth0 2001:db8::1/129"], "1 to 128"),
        (&["eth0 2001:db8::/64"], "network itself"),
        (&["eth0 ::1/128"], "loopback"),
        (&["eth0 ::/64"], "no host"),
        (&["eth0 ff02::1/64"], "multicast"),
        (&["eth0 fe80::1/64"], "link-local"),
        (&["eth0 ::ffff:192.0.2.1/120"], "write it as IPv4"),
        (&["eth0 192.0.2.10/24 >198.51.100.1"], "in no network"),
        (&["eth0 192.0.2.10/24 >192.0.2.10"], "the box itself"),
        (&["eth0 192.0.2.10/24 >192.0.2.255"], "broadcast"),
        (&["eth0 192.0.2.10/24 >192.0.2.0"], "own or broadcast"),
        (&["eth0 192.0.2.10/24 >fe80::1"], "no IPv6 address"),
        (&["eth0 192.0.2.10/24 >192.0.2.1 >192.0.2.2"], "2 default gateways"),
        (
            &["eth0 192.0.2.10/24 >192.0.2.1", "eth1 10.0.0.2/8 >10.0.0.1"],
            "2 default gateways",
        ),
        (&["eth0 192.0.2.10/24", "eth1 192.0.2.10/24"], "stands twice"),
        (&["eth0 192.0.2.10/24", "eth1 192.0.2.11/25"], "same network"),
        (&["eth0 10.1.1.1/30", "eth0.7 10.0.0.1/8"], "same network"),
        (
            &["eth0", "eth1", "enx001122334455", "eny001122334455"],
            "no interface would have",
        ),
    ] {
        let said = checked(links, &[]).unwrap_err();
        assert!(said.contains(word), "{links:?}: {said}");
        assert!(!said.contains('\n') && said.contains(':'), "{said}");
    }
    for (dns, word) in [
        (
            ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"].as_slice(),
            "more than 4",
        ),
        (&["127.0.0.53"], "loopback"),
        (&["192.0.2.1", "192.0.2.1"], "twice"),
        (&["0.0.0.0"], "no host"),
    ] {
        let said = checked(&["eth0 dhcp"], dns).unwrap_err();
        assert!(said.contains(word), "{dns:?}: {said}");
    }
}

#[test]
fn a_name_that_is_no_interface_s_never_gets_into_a_file() {
    let network = |name: &str| NetworkSettings {
        links: vec![Link {
            interface: name.to_owned(),
            ..link("eth0 dhcp")
        }],
        dns: Vec::new(),
    };
    for name in [
        "",
        "..",
        "a/b",
        "eth0\nDHCP=yes",
        "eth0 eth1",
        "eth*",
        "abcdefghijklmnop",
    ] {
        // Even where the kernel knew such a name.
        assert!(check(&network(name), &[name.to_owned()]).is_err(), "{name:?}");
    }
}

#[test]
fn names_of_vlans_fit_the_kernel() {
    assert_eq!(vlan_name("eth0", 10), "eth0.10");
    assert_eq!(vlan_name("enx001122334455", 4094), "1122334455.4094");
    assert_eq!(vlan_name("enp0s31f6", 4094), "enp0s31f6.4094");
}
