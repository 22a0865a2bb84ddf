//! `network`: one link is changed, all of them are sent, and the kernel's view is shown beside the settings.

use super::*;

#[test]
fn a_change_of_one_link_is_sent_with_all_the_others() {
    let eth0 = || old().links[0].clone();
    let vlan = || old().links[1].clone();
    let dns = &["192.0.2.53"];
    let table = [
        ("network set eth0 --dhcp", settings(&[vlan()], dns)),
        (
            "network set eth1 --vlan 20 --address 198.51.100.2/24 --address 2001:db8::2/64",
            settings(
                &[
                    eth0(),
                    link("eth1", Some(20), &["198.51.100.2/24", "2001:db8::2/64"], &[]),
                ],
                dns,
            ),
        ),
        (
            "network set eth1 --address 198.51.100.2/24 --gateway 198.51.100.1 --dns 192.0.2.1 --dns 192.0.2.2",
            settings(
                &[
                    eth0(),
                    vlan(),
                    link("eth1", None, &["198.51.100.2/24"], &["198.51.100.1"]),
                ],
                &["192.0.2.1", "192.0.2.2"],
            ),
        ),
        (
            "network set eth0 --vlan 5 --dhcp --dns ''",
            settings(&[eth0(), vlan(), dhcp("eth0", Some(5))], &[]),
        ),
        (
            "network set eth1 --address ''",
            settings(&[eth0(), vlan(), link("eth1", None, &[], &[])], dns),
        ),
        ("network remove eth0", settings(&[vlan()], dns)),
        ("network remove eth1 --vlan 20", settings(&[eth0()], dns)),
        (
            "network dns 2001:db8::53",
            settings(&[eth0(), vlan()], &["2001:db8::53"]),
        ),
        ("network dns ''", settings(&[eth0(), vlan()], &[])),
    ];
    for (line, network) in table {
        let ran = run_with(line, &[], vec![stands(), trial(network.clone())]);
        let wanted = [HostRequest::Show, HostRequest::NetworkSet(network.clone())];
        assert_eq!(asked(&ran), wanted, "{line}: {}", ran.err);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{line}");
        for words in ["taken back in 60 s", "postern network confirm"] {
            assert!(ran.out.contains(words), "{line}: {}", ran.out);
        }
        let json = run_with(&format!("--json {line}"), &[], vec![stands(), trial(network)]).json();
        assert_eq!(json["reverts-in"], 60, "{line}");
    }
    let same = "network set eth0 --address 192.0.2.7/24 --gateway 192.0.2.1";
    let ran = run_with(same, &[], vec![stands()]);
    assert_eq!((ran.status, asked(&ran).len()), (0, 1), "{}", ran.err);
    assert!(ran.err.contains("set so already"), "{}", ran.err);
    let ran = run_with("network remove eth1", &[], vec![stands()]);
    assert_eq!((ran.status, asked(&ran).len()), (1, 1));
    assert!(ran.err.contains("eth1 has no settings"), "{}", ran.err);
}

#[test]
fn r8_a_gateway_that_goes_with_an_address_is_told() {
    let line = "network set eth0 --address 192.0.2.8/24";
    let network = settings(
        &[link("eth0", None, &["192.0.2.8/24"], &[]), dhcp("eth1", Some(20))],
        &[],
    );
    let ran = run_with(line, &[], vec![stands(), trial(network)]);
    assert!(
        ran.err.contains("had the gateway 192.0.2.1 and has none now"),
        "{}",
        ran.err
    );
}

#[test]
fn network_show_is_the_kernels_and_the_machines_where_there_is_one() {
    let kernel = || {
        Ok(Answer::Network(NetworkReport {
            host: "box-1".to_owned(),
            interfaces: Vec::new(),
            gateways: vec!["192.0.2.1".to_owned()],
            dns: Vec::new(),
        }))
    };
    let ran = run_with("network show", &[], vec![kernel(), trial(old())]);
    for words in [
        "Gateway                192.0.2.1\n",
        "Settings\n",
        "eth0                   192.0.2.7/24, gateway 192.0.2.1\n",
        "eth1                   DHCP\n",
        "eth1 VLAN 20           DHCP\n",
        "ON TRIAL",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    let json = run_with("--json network show", &[], vec![kernel(), trial(old())]).json();
    assert_eq!(json["host"], "box-1");
    assert_eq!(json["settings"]["links"][1]["vlan"], 20);
    assert_eq!(json["reverts-in"], 60);
    let ran = run_with("network show", &[], vec![kernel(), none()]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert!(
        ran.out.contains("192.0.2.1") && !ran.out.contains("Settings"),
        "{}",
        ran.out
    );
    let json = run_with("--json network show", &[], vec![kernel(), none()]).json();
    assert!(json.get("settings").is_none() && json.get("reverts-in").is_none());
}
