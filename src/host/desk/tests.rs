use std::sync::Arc;

use super::*;
use crate::control::ops::FailureKind;
use crate::host::ops::{HostAddress, Link};
use crate::host::testing::Fake;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g anna";

fn desk() -> (Desk, Arc<Fake>) {
    let fake = Arc::new(Fake::new());
    let machine: Arc<dyn Machine> = Arc::<Fake>::clone(&fake);
    (Desk::new(machine), fake)
}

fn report(answer: HostAnswer) -> HostReport {
    match answer {
        HostAnswer::Report(report) => *report,
        other => panic!("{other:?}"),
    }
}

fn asked(desk: &mut Desk, request: HostRequest, at: Instant) -> HostReport {
    report(desk.ask(Ask::Operator(request), NOW, at).unwrap())
}

fn fixed(address: &str) -> NetworkSettings {
    NetworkSettings {
        links: vec![Link {
            interface: "eth0".to_owned(),
            vlan: None,
            dhcp: false,
            addresses: vec![HostAddress {
                address: address.parse().unwrap(),
                length: 24,
            }],
            gateways: Vec::new(),
        }],
        dns: Vec::new(),
    }
}

fn stands(fake: &Fake) -> String {
    fake.get("/run/systemd/network/10-postern-eth0.network")
}

#[test]
fn a_new_network_goes_back_by_itself_unless_it_is_confirmed() {
    let (mut desk, fake) = desk();
    let at = Instant::now();
    assert!(desk.due().is_none());
    let shown = asked(&mut desk, HostRequest::NetworkSet(fixed("192.0.2.10")), at);
    assert_eq!(shown.reverts_in, Some(60));
    assert!(stands(&fake).contains("Address=192.0.2.10/24"));
    assert!(fake.ran().contains(&"/usr/bin/networkctl reload".to_owned()));
    assert!(
        settings::load(fake.as_ref()).settings.network.links.is_empty(),
        "not kept yet"
    );
    let until = desk.due().unwrap();
    desk.tick(until - Duration::from_millis(1));
    assert!(!stands(&fake).is_empty());
    desk.tick(until);
    assert!(stands(&fake).is_empty() && desk.due().is_none());
    assert!(fake.ran().contains(&"/usr/bin/networkctl reload".to_owned()));
    // Too late.
    let late = desk
        .ask(Ask::Operator(HostRequest::NetworkConfirm), NOW, until)
        .unwrap_err();
    assert_eq!(late.kind, FailureKind::Refused);
    // In time.
    asked(&mut desk, HostRequest::NetworkSet(fixed("192.0.2.11")), at);
    let shown = asked(&mut desk, HostRequest::NetworkConfirm, at);
    assert_eq!((shown.reverts_in, shown.network), (None, fixed("192.0.2.11")));
    desk.tick(at + Duration::from_secs(3600));
    assert!(stands(&fake).contains("192.0.2.11"));
    assert_eq!(settings::load(fake.as_ref()).settings.network, fixed("192.0.2.11"));
}

#[test]
fn a_new_network_goes_back_when_this_program_starts_anew() {
    let (mut desk, fake) = desk();
    let at = Instant::now();
    asked(&mut desk, HostRequest::NetworkSet(fixed("192.0.2.10")), at);
    drop(desk);
    let machine: Arc<dyn Machine> = Arc::<Fake>::clone(&fake);
    let mut desk = Desk::new(machine);
    assert!(stands(&fake).is_empty());
    assert_eq!(asked(&mut desk, HostRequest::Show, at).reverts_in, None);
}

#[test]
fn a_network_that_cannot_be_changes_nothing() {
    let (mut desk, fake) = desk();
    let mut network = fixed("192.0.2.10");
    network.links[0].interface = "eth7".to_owned();
    let failure = desk.ask(Ask::Operator(HostRequest::NetworkSet(network)), NOW, Instant::now());
    assert_eq!(failure.unwrap_err().kind, FailureKind::Usage);
    assert!(fake.ran().is_empty() && desk.due().is_none());
    // networkd does not take it.
    fake.programs(|program, _, _| (program.ends_with("networkctl")).then(|| Err("no".to_owned())));
    let failure = desk.ask(
        Ask::Operator(HostRequest::NetworkSet(fixed("192.0.2.10"))),
        NOW,
        Instant::now(),
    );
    assert!(failure.unwrap_err().message.contains("before is back"));
    assert!(stands(&fake).is_empty() && desk.due().is_none());
}

#[test]
fn name_time_and_keys_are_checked_kept_and_put_in_place() {
    let (mut desk, fake) = desk();
    let at = Instant::now();
    asked(
        &mut desk,
        HostRequest::NameSet {
            name: "Box-1".to_owned(),
        },
        at,
    );
    assert!(fake.ran().contains(&"sethostname box-1".to_owned()));
    let time = |zone: &str, servers: &[&str]| HostRequest::TimeSet {
        zone: zone.to_owned(),
        servers: servers.iter().map(|&one| one.to_owned()).collect(),
    };
    for bad in [
        "../../etc/passwd",
        "Europe/../UTC",
        "/UTC",
        "Mars/Olympus",
        "",
        "Europe",
    ] {
        let refused = desk.ask(Ask::Operator(time(bad, &[])), NOW, at).unwrap_err();
        assert_eq!(refused.kind, FailureKind::Usage, "{bad}");
    }
    assert!(desk.ask(Ask::Operator(time("UTC", &["a b\nNTP=x"])), NOW, at).is_err());
    let shown = asked(&mut desk, time("Europe/Vienna", &["ntp.contoso.example"]), at);
    assert_eq!((shown.zone.as_str(), shown.name.as_str()), ("Europe/Vienna", "box-1"));
    assert!(
        fake.get("/run/systemd/timesyncd.conf.d/20-postern.conf")
            .contains("NTP=ntp.contoso.example")
    );
    fake.inputs();
    let shown = asked(
        &mut desk,
        HostRequest::SshSet {
            keys: vec![KEY.to_owned()],
        },
        at,
    );
    assert!(
        shown.ssh[0].starts_with("SHA256:") && shown.ssh[0].ends_with("ssh-ed25519 anna"),
        "{:?}",
        shown.ssh
    );
    assert!(fake.inputs()[0].contains("tcp dport 22"));
    let print = shown.ssh[0].split(' ').next().unwrap().to_owned();
    let kept = asked(&mut desk, HostRequest::SshSet { keys: vec![print] }, at);
    assert_eq!(kept.ssh, shown.ssh, "a fingerprint keeps its key");
    let keys = vec!["SHA256:AAAA".to_owned()];
    let unknown = desk.ask(Ask::Operator(HostRequest::SshSet { keys }), NOW, at);
    assert!(unknown.is_err(), "{unknown:?}");
    fake.inputs();
    assert!(
        fake.ran()
            .contains(&"/usr/bin/systemctl --no-block start postern-ssh.service".to_owned())
    );
    asked(&mut desk, HostRequest::SshSet { keys: Vec::new() }, at);
    assert!(!fake.inputs()[0].contains("tcp dport 22"));
    assert!(!fake.path(KEYS).exists());
    let kept = settings::load(fake.as_ref()).settings;
    assert_eq!(
        (kept.name.as_str(), kept.zone.as_str(), kept.ssh.len()),
        ("box-1", "Europe/Vienna", 0)
    );
}

#[test]
fn r19_the_clock_is_set_and_not_before_2026() {
    let (mut desk, fake) = desk();
    let set = |at| Ask::Operator(HostRequest::ClockSet { at });
    assert!(desk.ask(set(Timestamp(FLOOR.0 - 1)), NOW, Instant::now()).is_err());
    desk.ask(set(NOW), NOW, Instant::now()).unwrap();
    assert_eq!(fake.ran(), [format!("clock_settime {}", NOW.0)]);
}

#[test]
fn the_firewall_is_as_it_was_where_nft_refuses_and_is_found_again() {
    let (mut desk, fake) = desk();
    let firewall = Firewall {
        ports: vec![1812],
        clients: vec![crate::control::check::parse_net("192.0.2.10").unwrap()],
    };
    fake.programs(|program, _, _| program.ends_with("nft").then(|| Err("no".to_owned())));
    assert!(desk.ask(Ask::Firewall(firewall.clone()), NOW, Instant::now()).is_err());
    assert_eq!(desk.firewall, Firewall::default());
    fake.programs(|_, _, _| None);
    desk.ask(Ask::Firewall(firewall.clone()), NOW, Instant::now()).unwrap();
    let machine: Arc<dyn Machine> = Arc::<Fake>::clone(&fake);
    assert_eq!(Desk::new(machine).firewall, firewall);
}

#[test]
fn power_and_unknown_keys() {
    let (mut desk, fake) = desk();
    desk.ask(Ask::Operator(HostRequest::Reboot), NOW, Instant::now())
        .unwrap();
    desk.ask(Ask::Operator(HostRequest::PowerOff), NOW, Instant::now())
        .unwrap();
    assert_eq!(
        fake.ran(),
        [
            "/usr/bin/systemctl --no-block reboot",
            "/usr/bin/systemctl --no-block poweroff"
        ]
    );
    let keys = vec!["command=\"/bin/sh\" ssh-ed25519 AAAA".to_owned()];
    assert!(
        desk.ask(Ask::Operator(HostRequest::SshSet { keys }), NOW, Instant::now())
            .is_err()
    );
}
