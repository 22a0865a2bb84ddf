//! `network`, `host`, `time`, `stick`, `recovery` and `update`: from the typed words to what the machine is asked, and what is printed.

use super::*;

mod network;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl anna@desk";
const NO_APPLIANCE: &str = "this box is no appliance (postern-host does not run): set it with the system's own tools";

fn link(interface: &str, vlan: Option<u16>, addresses: &[&str], gateways: &[&str]) -> Link {
    let own = |text: &&str| check::machine::host_address(text, text.contains(':')).unwrap();
    Link {
        interface: interface.to_owned(),
        vlan,
        dhcp: false,
        addresses: addresses.iter().map(own).collect(),
        gateways: gateways.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

fn dhcp(interface: &str, vlan: Option<u16>) -> Link {
    Link {
        dhcp: true,
        ..link(interface, vlan, &[], &[])
    }
}

fn settings(links: &[Link], dns: &[&str]) -> NetworkSettings {
    NetworkSettings {
        links: links.to_vec(),
        dns: dns.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

fn old() -> NetworkSettings {
    let eth0 = link("eth0", None, &["192.0.2.7/24"], &["192.0.2.1"]);
    settings(&[eth0, dhcp("eth1", Some(20))], &["192.0.2.53"])
}

fn machine() -> HostReport {
    HostReport {
        name: "box-1".to_owned(),
        version: "0.1.0".to_owned(),
        network: old(),
        interfaces: vec!["eth0".to_owned(), "eth1".to_owned()],
        zone: "UTC".to_owned(),
        servers: vec!["time.example".to_owned()],
        ssh: vec!["SHA256:abc bert@desk".to_owned()],
        troubles: vec![Trouble {
            code: "var-read-only".to_owned(),
            what: "the disk takes no more".to_owned(),
            todo: "replace it".to_owned(),
        }],
        ..HostReport::default()
    }
}

type Said = Result<Answer, Failure>;

fn report(report: HostReport) -> Said {
    Ok(Answer::Host(HostAnswer::Report(Box::new(report))))
}

fn stands() -> Said {
    report(machine())
}

fn trial(network: NetworkSettings) -> Said {
    report(HostReport {
        network,
        reverts_in: Some(60),
        ..machine()
    })
}

fn none() -> Said {
    Err(Failure::failed(NO_APPLIANCE))
}

fn went(words: &str) -> Said {
    Ok(Answer::Host(HostAnswer::Done { done: words.to_owned() }))
}

fn sticks(mounted: Option<&str>) -> Said {
    Ok(Answer::Host(HostAnswer::Sticks(StickList {
        sticks: vec![Stick {
            id: "sda1".to_owned(),
            name: "KING\u{1b}STON".to_owned(),
            system: "vfat".to_owned(),
            size: 8_000_000_000,
            recovery: true,
        }],
        mounted: mounted.map(str::to_owned),
    })))
}

fn update(stage: UpdateStage) -> Said {
    Ok(Answer::Host(HostAnswer::Update(UpdateReport {
        running: "0.1.0".to_owned(),
        other: Some("0.0.9".to_owned()),
        stage,
        ..UpdateReport::default()
    })))
}

fn ready() -> Said {
    update(UpdateStage::Ready {
        version: "0.2.0".to_owned(),
        notes: vec!["Added:".to_owned(), "- A name \u{202e}that turns".to_owned()],
    })
}

/// What the machine was asked.
fn asked(ran: &Ran) -> Vec<HostRequest> {
    let host = |request: &Request| match request {
        Request::Host(ask) => Some(ask.clone()),
        _ => None,
    };
    ran.asked.iter().filter_map(host).collect()
}

fn url() -> UpdateSource {
    UpdateSource::Url {
        url: "https://server.example/r".to_owned(),
    }
}

/// Every command with one request, and what it answers.
fn plain() -> Vec<(&'static str, HostRequest, Said)> {
    use HostRequest as Ask;
    let id = || "sda1".to_owned();
    let times = |zone: &str, servers: &[&str]| Ask::TimeSet {
        zone: zone.to_owned(),
        servers: servers.iter().map(|one| (*one).to_owned()).collect(),
    };
    let name = "box-1".to_owned();
    let reset = Ask::FactoryReset {
        operator: None,
        password: None,
    };
    vec![
        ("host show", Ask::Show, stands()),
        ("time servers", Ask::Show, stands()),
        ("host name Box-1", Ask::NameSet { name }, stands()),
        ("host ssh --clear", Ask::SshSet { keys: Vec::new() }, stands()),
        ("host reboot --yes", Ask::Reboot, went("it restarts")),
        ("host power-off --yes", Ask::PowerOff, went("it goes off")),
        ("host factory-reset --yes", reset, went("it is emptied")),
        ("network confirm", Ask::NetworkConfirm, stands()),
        ("network revert", Ask::NetworkRevert, stands()),
        (
            "time servers a.example 192.0.2.4 --zone Europe/Vienna",
            times("Europe/Vienna", &["a.example", "192.0.2.4"]),
            stands(),
        ),
        ("time servers '' --zone UTC", times("UTC", &[]), stands()),
        ("stick list", Ask::Sticks, sticks(None)),
        ("stick mount sda1", Ask::StickMount { id: id() }, sticks(Some("sda1"))),
        ("stick release", Ask::StickRelease, sticks(None)),
        ("recovery prepare sda1", Ask::RecoveryPrepare { id: id() }, sticks(None)),
        ("update show", Ask::UpdateShow, ready()),
        ("update fetch --stick", Ask::UpdateFetch(UpdateSource::Stick), ready()),
        (
            "update fetch https://server.example/r",
            Ask::UpdateFetch(url()),
            ready(),
        ),
        ("update apply --yes", Ask::UpdateApply, update(UpdateStage::Writing)),
        ("update drop", Ask::UpdateDrop, update(UpdateStage::Idle)),
    ]
}

#[test]
fn every_command_comes_to_its_request_and_to_text_or_one_document() {
    for (line, request, answer) in plain() {
        let ran = run_with(line, &[], vec![answer.clone()]);
        assert_eq!(asked(&ran), [request], "{line}: {}", ran.err);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{line}");
        assert!(
            !ran.out.is_empty() && !ran.out.contains('\u{1b}'),
            "{line}: {}",
            ran.out
        );
        let ran = run_with(&format!("--json {line}"), &[], vec![answer]);
        assert!(ran.status == 0 && ran.json().is_object(), "{line}: {}", ran.out);
    }
}

#[test]
fn a_box_without_postern_host_says_so_in_one_line() {
    let more = [
        "network set eth0 --dhcp",
        "network remove eth0",
        "network dns ''",
        "time servers --zone UTC",
        "time set '2026-03-02 14:05'",
        "host ssh --add key",
        "update apply",
        "host factory-reset",
        "update fetch --stick --wait",
    ];
    let lines = plain().into_iter().map(|(line, ..)| line).chain(more);
    for line in lines {
        let ran = run_with(line, &[("key", KEY)], vec![none()]);
        assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{line}");
        assert_eq!(ran.err, format!("postern: {NO_APPLIANCE}\n"), "{line}");
        assert_eq!(asked(&ran).len(), 1, "{line}");
    }
    let json = run_with("--json host show", &[], vec![none()]).json();
    assert_eq!(json["error"]["message"], NO_APPLIANCE);
}

#[test]
fn wrong_usage_is_told_before_anybody_is_asked() {
    let private = "-----BEGIN OPENSSH PRIVATE KEY-----";
    for line in [
        "network set eth0",
        "network set --dhcp",
        "network set eth0 --dhcp --address 192.0.2.7/24",
        "network set eth0 --dhcp --gateway 192.0.2.1",
        "network set eth0 --address 192.0.2.7",
        "network set eth0 --address 192.0.2.0/24",
        "network set eth0 --address '' --address 192.0.2.7/24",
        "network set eth0 --address 192.0.2.7/24 --gateway 198.51.100.1",
        "network set eth0 --address 192.0.2.7/24 --gateway 192.0.2.1 --gateway 192.0.2.2",
        "network set eth0 --dhcp --vlan 4095",
        "network set eth0 --dhcp --dns dns.example",
        "network remove",
        "network remove eth0 --vlan 0",
        "network dns",
        "network dns x",
        "host",
        "host name box_1",
        "host ssh",
        "host ssh --add key --clear",
        "host ssh --add private",
        "host ssh --add empty",
        "host factory-reset --operator Anna --yes",
        "time servers time_server",
        "time servers a '' b",
        "time set",
        "time set 14:05",
        "time set '2025-03-02 14:05'",
        "time set 2026-03-02 25:00",
        "stick mount",
        "recovery prepare",
        "update fetch",
        "update fetch --stick https://server.example/r",
        "update fetch ftp://server.example/r",
        "--json host reboot",
        "--json host factory-reset",
        "--json update apply",
    ] {
        let files = [("key", KEY), ("private", private), ("empty", "# none\n")];
        let ran = run_with(line, &files, vec![stands(), stands()]);
        let harmless = asked(&ran).iter().all(|ask| *ask == HostRequest::Show);
        assert!(ran.status == 2 && harmless, "{line}: {} {}", ran.status, ran.err);
        // Where no command follows at all, those that there are are told.
        let may_be_more = line.starts_with("--json") || line == "host";
        assert!(may_be_more || ran.err.lines().count() == 1, "{}", ran.err);
    }
}

#[test]
fn the_machine_is_told_in_words() {
    let ran = run_with("host show", &[], vec![stands()]);
    for words in [
        "TROUBLE                the disk takes no more\n                       to do: replace it\n",
        "Name servers           192.0.2.53\n",
        "Time servers           time.example\n",
        "SSH key                SHA256:abc bert@desk\n",
        "WHO HAS THE DISK",
        "postern recovery prepare ID",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    let ran = run_with("stick list", &[], vec![sticks(Some("sda1"))]);
    let row = "sda1         KING\\u{1b}STON, vfat, 8.0 GB, RECOVERY STICK, mounted at /run/postern-host/stick\n";
    assert_eq!(ran.out, row);
    let ran = run_with("update fetch --stick", &[], vec![ready()]);
    let notes = "What is new in 0.2.0:\n  Added:\n  - A name \\u{202e}that turns\n";
    assert!(ran.out.ends_with(notes), "{}", ran.out);
    let ran = run_with("update show", &[], vec![ready()]);
    assert!(ran.out.ends_with(notes), "{}", ran.out);
    for words in [
        "Runs                   0.1.0\n",
        "0.2.0 is verified",
        "postern update apply",
    ] {
        assert!(ran.out.contains(words), "{}", ran.out);
    }
}

#[test]
fn r24_ssh_keys_are_added_to_those_that_are_there() {
    let file = format!("# who may come\n\n{KEY}\n");
    let ran = run_with("host ssh --add key", &[("key", &file)], vec![stands(), stands()]);
    let keys = vec!["SHA256:abc".to_owned(), KEY.to_owned()];
    assert_eq!(
        asked(&ran),
        [HostRequest::Show, HostRequest::SshSet { keys }],
        "{}",
        ran.err
    );
    assert_eq!(ran.status, 0);
}

#[test]
fn r19_the_clock_is_set_in_the_boxs_own_zone() {
    let vienna = || {
        report(HostReport {
            zone: "Europe/Vienna".to_owned(),
            ..machine()
        })
    };
    // 15:05:01 in Vienna's winter.
    for line in ["time set '2026-03-02 15:05:01'", "time set 2026-03-02 15:05:01"] {
        let ran = run_with(line, &[], vec![vienna(), vienna()]);
        let at = Timestamp(1_772_460_301_000);
        assert_eq!(asked(&ran), [HostRequest::Show, HostRequest::ClockSet { at }], "{line}");
        assert!(ran.out.contains("2026-03-02 15:05:01 CET"), "{}", ran.out);
        assert!(ran.out.contains("postern time confirm"), "{}", ran.out);
    }
    let nowhere = HostReport {
        zone: "No/Where".to_owned(),
        ..machine()
    };
    let ran = run_with("time set '2026-03-02 15:05'", &[], vec![report(nowhere)]);
    assert_eq!((ran.status, asked(&ran).len()), (1, 1), "{}", ran.err);
    // What is not named stays.
    for (line, zone, server) in [
        ("time servers --zone Europe/Vienna", "Europe/Vienna", "time.example"),
        ("time servers b.example", "UTC", "b.example"),
    ] {
        let ran = run_with(line, &[], vec![stands(), stands()]);
        let set = HostRequest::TimeSet {
            zone: zone.to_owned(),
            servers: vec![server.to_owned()],
        };
        assert_eq!(asked(&ran), [HostRequest::Show, set], "{line}: {}", ran.err);
    }
}

#[test]
fn what_ends_logins_or_deletes_is_asked_back() {
    for (line, word, first) in [
        ("host reboot", "yes", None),
        ("host power-off", "yes", None),
        ("host factory-reset", "box-1", Some(stands())),
        ("update apply", "yes", Some(ready())),
    ] {
        let looks = usize::from(first.is_some());
        for (typed, status) in [(Some(word), 0), (Some("no"), 1), (Some("yess"), 1), (None, 2)] {
            let text = typed.map(|text| format!("{text}\n")).unwrap_or_default();
            let last = match line {
                "update apply" => update(UpdateStage::Writing),
                _ => went("it is done"),
            };
            let answers = first.clone().into_iter().chain([last]).collect();
            let ran = run_with(line, &[("-", &text)], answers);
            assert_eq!(ran.status, status, "{line} {typed:?}: {}", ran.err);
            assert_eq!(asked(&ran).len(), looks + usize::from(status == 0), "{line}");
            assert!(ran.err.contains(&format!("Type {word} to ")), "{line}: {}", ran.err);
        }
    }
    let ran = run_with("update apply", &[("-", "yes\n")], vec![update(UpdateStage::Idle)]);
    assert_eq!((ran.status, asked(&ran).len()), (1, 1), "{}", ran.err);
}

#[test]
fn r25_a_factory_reset_carries_the_installers_password_and_shows_it_nowhere() {
    let line = "host factory-reset --operator anna --password-file f";
    let reset = || HostRequest::FactoryReset {
        operator: Some("anna".to_owned()),
        password: Some(Secret::from("correct horse")),
    };
    let files = [("f", "correct horse"), ("-", "box-1\n")];
    let ran = run_with(line, &files, vec![stands(), went("it is emptied")]);
    assert_eq!(asked(&ran), [HostRequest::Show, reset()], "{}", ran.err);
    assert!(!(ran.out + &ran.err).contains("horse"));
    let ran = run_with(&format!("--json {line} --yes"), &files, vec![went("it is emptied")]);
    assert_eq!(asked(&ran), [reset()]);
    assert_eq!(ran.json()["done"], "it is emptied");
    let ran = run_with(
        "host factory-reset --operator anna --password-file none --yes",
        &files,
        vec![stands()],
    );
    assert_eq!((ran.status, ran.asked.len()), (1, 0), "{}", ran.err);
}

#[test]
fn an_update_is_waited_for_and_bad_news_is_in_the_exit_status() {
    let fetching = |percent| update(UpdateStage::Fetching { percent });
    let failed = || {
        update(UpdateStage::Failed {
            why: "the signature is not the maker's: fetch it again".to_owned(),
        })
    };
    let line = "update fetch --stick --wait";
    let fetch = || HostRequest::UpdateFetch(UpdateSource::Stick);
    let ran = run_with(line, &[], vec![fetching(0), fetching(50), ready()]);
    let show = HostRequest::UpdateShow;
    assert_eq!(asked(&ran), [fetch(), show.clone(), show.clone()]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("0.2.0 is verified and ready"), "{}", ran.out);
    let ran = run_with(line, &[], vec![fetching(0), failed()]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("postern: the signature is not"), "{}", ran.err);
    let ran = run_with(&format!("--json {line}"), &[], vec![failed()]);
    assert_eq!(ran.status, 1);
    assert!(ran.json()["stage"]["failed"]["why"].is_string());
    let ran = run_with(line, &[], vec![fetching(0), update(UpdateStage::Idle)]);
    assert_eq!(ran.status, 1, "{}", ran.out);
    // Without --wait how far it is, and a look at what failed is no failure.
    let ran = run_with("update fetch --stick", &[], vec![fetching(3)]);
    assert_eq!((ran.status, asked(&ran).len()), (0, 1));
    assert!(
        ran.out.contains("3 %") && ran.out.contains("postern update show"),
        "{}",
        ran.out
    );
    assert_eq!(run_with("update show", &[], vec![failed()]).status, 0);
}
