//! The order in which things are done, and how they come back.

use super::*;
use crate::host::network::check::tests::link;
use crate::host::testing::Fake;
use crate::store::records::Timestamp;

const FILES: &str = "/run/systemd/network/10-postern-eth0.network";
const RELOAD: &str = "/usr/bin/networkctl reload";

fn open(fake: &Arc<Fake>) -> Helper {
    Helper::open(Arc::clone(fake) as Arc<dyn Machine>)
}

fn fixed() -> NetworkSettings {
    NetworkSettings {
        links: vec![link("eth0 192.0.2.10/24 >192.0.2.1")],
        dns: Vec::new(),
    }
}

fn ask(helper: &mut Helper, request: HostRequest, now: Instant) -> Result<HostReport, Failure> {
    match helper.ask(Ask::Operator(request), now)? {
        (HostAnswer::Report(report), None) => Ok(*report),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_network_on_trial_goes_back_by_itself() {
    let fake = Arc::new(Fake::new());
    let mut helper = open(&fake);
    let now = Instant::now();
    let report = ask(&mut helper, HostRequest::NetworkSet(fixed()), now).unwrap();
    assert_eq!((report.network, report.reverts_in), (fixed(), Some(60)));
    assert!(fake.get(FILES).contains("Address=192.0.2.10/24"));
    assert_eq!(fake.get(settings::FILE), "", "nothing is kept before somebody says so");
    fake.ran();
    helper.tick(now + Duration::from_secs(59));
    assert!(fake.ran().is_empty());
    let later = ask(&mut helper, HostRequest::Show, now + Duration::from_millis(59_500)).unwrap();
    assert_eq!(later.reverts_in, Some(1));
    helper.tick(helper.next().unwrap());
    assert_eq!(fake.ran()[0], RELOAD);
    assert_eq!(fake.get(FILES), "");
    assert!(!fake.path(TRIAL).exists());
    let late = ask(&mut helper, HostRequest::NetworkConfirm, now).unwrap_err();
    assert!(late.message.contains("no network is on trial"), "{late}");
    assert_eq!(helper.next(), None);
}

#[test]
fn a_confirmed_network_stays_over_a_restart() {
    let fake = Arc::new(Fake::new());
    let mut helper = open(&fake);
    let now = Instant::now();
    assert!(ask(&mut helper, HostRequest::NetworkConfirm, now).is_err());
    ask(&mut helper, HostRequest::NetworkSet(fixed()), now).unwrap();
    let report = ask(&mut helper, HostRequest::NetworkConfirm, now).unwrap();
    assert_eq!((report.network, report.reverts_in), (fixed(), None));
    fake.ran();
    helper.tick(now + Duration::from_secs(120));
    assert!(fake.ran().is_empty());
    assert_eq!(ask(&mut open(&fake), HostRequest::Show, now).unwrap().network, fixed());
}

#[test]
fn a_helper_that_ends_or_an_operator_takes_the_trial_back() {
    let fake = Arc::new(Fake::new());
    let now = Instant::now();
    ask(&mut open(&fake), HostRequest::NetworkSet(fixed()), now).unwrap();
    assert!(fake.path(TRIAL).exists());
    // It was killed; the next one begins.
    let mut helper = open(&fake);
    assert_eq!(fake.get(FILES), "");
    assert!(!fake.path(TRIAL).exists());
    ask(&mut helper, HostRequest::NetworkSet(fixed()), now).unwrap();
    ask(&mut helper, HostRequest::NetworkRevert, now).unwrap();
    assert_eq!(fake.get(FILES), "");
    assert!(ask(&mut helper, HostRequest::NetworkRevert, now).is_err());
}

#[test]
fn a_network_that_networkd_does_not_take_is_taken_back_at_once() {
    let fake = Arc::new(Fake::new());
    let mut helper = open(&fake);
    fake.programs(|program, _, _| program.ends_with("networkctl").then(|| Err("bad".to_owned())));
    let failure = ask(&mut helper, HostRequest::NetworkSet(fixed()), Instant::now()).unwrap_err();
    assert!(failure.message.contains("was not changed"), "{failure}");
    assert_eq!((fake.get(FILES), helper.next()), (String::new(), None));
    // What could not be put back is a trouble, and tried again at the next start.
    assert_eq!(troubles::list(&*fake)[0].code, "network");
    fake.programs(|_, _, _| None);
    open(&fake);
    assert!(troubles::list(&*fake).is_empty());
}

#[test]
fn what_is_wrong_is_refused_before_anything_is_done() {
    let fake = Arc::new(Fake::new());
    let mut helper = open(&fake);
    let wrong = NetworkSettings {
        links: vec![link("wlan0 dhcp")],
        dns: Vec::new(),
    };
    for request in [
        HostRequest::NetworkSet(wrong),
        HostRequest::NameSet { name: "-x".to_owned() },
        HostRequest::TimeSet {
            zone: "../../etc".to_owned(),
            servers: Vec::new(),
        },
        HostRequest::TimeSet {
            zone: "UTC".to_owned(),
            servers: vec!["a b".to_owned()],
        },
        HostRequest::SshSet {
            keys: vec!["x".to_owned()],
        },
        HostRequest::ClockSet { at: Timestamp(0) },
    ] {
        assert!(
            ask(&mut helper, request.clone(), Instant::now()).is_err(),
            "{request:?}"
        );
    }
    assert!(fake.ran().is_empty());
    assert_eq!(fake.get(settings::FILE), "");
}

#[test]
fn settings_of_a_newer_version_are_not_changed() {
    let fake = Arc::new(Fake::new());
    fake.put(settings::FILE, r#"{"version":2,"name":"box-1"}"#);
    let mut helper = open(&fake);
    let failure = ask(
        &mut helper,
        HostRequest::NameSet { name: "x".to_owned() },
        Instant::now(),
    )
    .unwrap_err();
    assert!(failure.message.contains("newer version"), "{failure}");
    let report = ask(&mut helper, HostRequest::Show, Instant::now()).unwrap();
    assert_eq!(report.name, "box-1");
    assert_eq!(report.troubles[0].code, "settings-newer");
}

#[test]
fn name_and_time_are_kept_and_told() {
    let fake = Arc::new(Fake::new());
    fake.put("/usr/lib/os-release", "ID=debian\nIMAGE_VERSION=\"1.2.3\"\n");
    fake.put(VAR, "tpm\n");
    let mut helper = open(&fake);
    let now = Instant::now();
    ask(
        &mut helper,
        HostRequest::NameSet {
            name: "box-1".to_owned(),
        },
        now,
    )
    .unwrap();
    assert_eq!(fake.ran(), ["sethostname box-1"]);
    let time = HostRequest::TimeSet {
        zone: "Europe/Vienna".to_owned(),
        servers: vec!["ntp.contoso.example".to_owned()],
    };
    ask(&mut helper, time, now).unwrap();
    // DHCP's time servers are no longer taken.
    assert!(fake.ran().contains(&RELOAD.to_owned()));
    assert!(
        fake.get("/run/systemd/network/10-postern-~any.network")
            .contains("UseNTP=no")
    );
    let report = ask(&mut open(&fake), HostRequest::Show, now).unwrap();
    assert_eq!(
        (
            report.name.as_str(),
            report.zone.as_str(),
            report.version.as_str(),
            report.seal
        ),
        ("box-1", "Europe/Vienna", "1.2.3", Seal::Tpm)
    );
    assert_eq!(report.interfaces, ["eth0", "eth1"]);
}

#[test]
fn a_disk_that_takes_nothing_changes_nothing() {
    let fake = Arc::new(Fake::new());
    // A folder stands where the file should be.
    fake.put("/var/lib/postern-host/settings.json.new/x", "");
    let mut helper = open(&fake);
    let failure = ask(
        &mut helper,
        HostRequest::NameSet {
            name: "box-1".to_owned(),
        },
        Instant::now(),
    )
    .unwrap_err();
    assert!(failure.message.contains("make room"), "{failure}");
    assert_eq!(fake.ran(), ["sethostname box-1", "sethostname postern"]);
}

#[test]
fn power_comes_after_the_answer() {
    let fake = Arc::new(Fake::new());
    let mut helper = open(&fake);
    let (_, after) = helper.ask(Ask::Operator(HostRequest::Reboot), Instant::now()).unwrap();
    assert!(fake.ran().is_empty());
    helper.after(after.unwrap());
    assert_eq!(fake.ran(), ["/usr/bin/systemctl --no-block reboot"]);
    let (_, after) = helper
        .ask(Ask::Operator(HostRequest::PowerOff), Instant::now())
        .unwrap();
    helper.after(after.unwrap());
    assert_eq!(fake.ran(), ["/usr/bin/systemctl --no-block poweroff"]);
}

#[test]
fn ssh_opens_the_firewall_with_the_clients_as_they_are() {
    let fake = Arc::new(Fake::new());
    let mut helper = open(&fake);
    let clients = Firewall {
        ports: vec![1812],
        clients: vec![crate::control::check::parse_net("192.0.2.7").unwrap()],
    };
    helper.ask(Ask::Firewall(clients), Instant::now()).unwrap();
    assert!(!fake.inputs()[0].contains("dport 22"));
    // Another helper after it knows the clients all the same.
    let mut helper = open(&fake);
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f anna";
    let report = ask(
        &mut helper,
        HostRequest::SshSet {
            keys: vec![key.to_owned()],
        },
        Instant::now(),
    )
    .unwrap();
    assert!(
        report.ssh[0].starts_with("SHA256:") && report.ssh[0].ends_with(" anna"),
        "{:?}",
        report.ssh
    );
    let rules = fake.inputs().join("");
    assert!(rules.contains("dport 22") && rules.contains("192.0.2.7"), "{rules}");
}

#[test]
fn a_network_that_could_not_be_put_back_is_tried_until_it_is() {
    let fake = Arc::new(Fake::new());
    let mut helper = open(&fake);
    ask(&mut helper, HostRequest::NetworkSet(fixed()), Instant::now()).unwrap();
    fake.programs(|program, _, _| program.ends_with("networkctl").then(|| Err("busy".to_owned())));
    let due = helper.next().unwrap();
    helper.tick(due);
    assert!(fake.path(TRIAL).exists());
    let again = helper.next().unwrap();
    assert_eq!(again, due + AGAIN);
    helper.tick(again);
    assert!(helper.next().unwrap() > again);
    fake.programs(|_, _, _| None);
    helper.tick(again + AGAIN);
    assert!(!fake.path(TRIAL).exists() && helper.next().is_none());
}
