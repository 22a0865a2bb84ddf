use super::super::machine::samples;
use super::*;
use crate::console::testing::{Desk, NOON, snapshot};
use crate::control::{ClockReport, Role};
use std::time::Duration;

fn status() -> Result<Answer, Failure> {
    Ok(Answer::Status(Box::new(StatusReport {
        answering: true,
        because: None,
        version: "0.1.0".to_owned(),
        since: NOON.minus(Duration::from_secs(108_000)),
        clock: ClockReport {
            trusted: true,
            source: "rtc".to_owned(),
            now: NOON,
            newest_seen: Some(NOON),
            waiting_for: None,
        },
        auth: vec!["[::]:1812".parse().unwrap()],
        acct: vec!["[::]:1813".parse().unwrap()],
        users: 3,
        tokens: 2,
        clients: 1,
        tenants: Vec::new(),
        alarms: Vec::new(),
        counters: Default::default(),
        last_hour: Default::default(),
    })))
}

fn network() -> Result<Answer, Failure> {
    let interface = |name: &str, up: bool, addresses: &[&str]| Interface {
        name: name.to_owned(),
        up,
        mac: "00:00:5e:00:53:01".to_owned(),
        addresses: addresses.iter().map(|&one| one.to_owned()).collect(),
    };
    Ok(Answer::Network(NetworkReport {
        host: "box-1".to_owned(),
        interfaces: vec![
            interface("eth0", true, &["192.0.2.7/24", "2001:db8::7/64"]),
            interface("eth1", false, &[]),
        ],
        gateways: vec!["192.0.2.1".to_owned()],
        dns: vec!["192.0.2.53".to_owned(), "2001:db8::53".to_owned()],
    }))
}

fn chain(whole: bool) -> Result<Answer, Failure> {
    Ok(Answer::Chain(ChainReport {
        whole,
        records: 1_216,
        from: Some(NOON.minus(Duration::from_secs(86_400))),
        to: Some(NOON),
        words: match whole {
            true => "logins: 1204 records, whole; operators: 12 records, whole".to_owned(),
            false => "logins: not whole: record 17 does not follow record 15".to_owned(),
        },
    }))
}

fn answered(desk: &mut Desk) {
    desk.answer(|r| *r == Request::Status, status());
    desk.answer(|r| *r == Request::Network, network());
}

#[test]
fn the_log_is_checked_once_at_a_time_and_the_result_stays() {
    let mut desk = Desk::on(Box::new(System::new()), Role::Auditor);
    answered(&mut desk);
    desk.keys(&[Key::Char('v'), Key::Char('v')]);
    let checks = desk.asked.iter().filter(|(_, r)| *r == Request::LogVerify);
    assert_eq!(checks.count(), 1);
    assert!(desk.text().contains("being checked"));
    desk.answer(|r| *r == Request::LogVerify, chain(false));
    let text = desk.text();
    assert!(
        text.contains("NOT WHOLE (1 Mar") && text.contains("logins: not whole: record 17"),
        "{text}"
    );
    desk.keys(&[Key::Char('v')]);
    desk.answer(
        |r| *r == Request::LogVerify,
        Err(Failure::failed("the disk cannot be read")),
    );
    assert!(!desk.text().contains("being checked"));
}

#[test]
fn this_lines_look_goes_round_and_is_shown() {
    let mut desk = Desk::on(Box::new(System::new()), Role::Auditor);
    answered(&mut desk);
    assert!(desk.text().contains("ttyS0, 80x24, mono, ASCII"));
    desk.keys(&[Key::Char('t')]);
    assert!(desk.text().contains("ttyS0, 80x24, colours, ASCII"));
}

#[test]
fn anybody_may_set_a_password_of_their_own() {
    let mut desk = Desk::on(Box::new(System::new()), Role::Auditor);
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.app.screen(), "own-password");
    desk.types("the old password");
    desk.keys(&[Key::Enter]);
    desk.types("quiet lamp over stone");
    desk.keys(&[Key::Enter]);
    desk.types("quiet lamp over stone");
    desk.keys(&[Key::Enter]);
    let asked = desk.asked.last().map(|(_, request)| request.clone()).unwrap();
    let Request::OperatorPassword { old, new } = asked else {
        panic!("{asked:?}")
    };
    assert_eq!(old.expose_str(), Some("the old password"));
    assert_eq!(new.expose_str(), Some("quiet lamp over stone"));
    let failure = Failure::refused("the password now is another one: type it again");
    desk.answer(|r| matches!(r, Request::OperatorPassword { .. }), Err(failure));
    assert!(desk.text().contains("> Password now"), "{}", desk.text());
    assert!(!desk.text().contains('*'), "nothing secret stays: {}", desk.text());
}

fn machine(report: crate::control::HostReport) -> impl Fn(&mut Desk) {
    move |desk: &mut Desk| {
        answered(desk);
        samples::answer(desk, |ask| *ask == HostRequest::Show, samples::said(report.clone()));
    }
}

/// As a box answers that is no appliance.
fn none(desk: &mut Desk) {
    answered(desk);
    let words = "this box is no appliance (postern-host does not run): set its network, clock and name with the system's own tools";
    samples::answer(desk, |ask| *ask == HostRequest::Show, Err(Failure::failed(words)));
}

#[test]
fn the_machine_is_offered_on_an_appliance_alone_and_as_the_role_may() {
    let all = [
        "n Network",
        "m Name and time",
        "s Stick",
        "u Update",
        "r Recovery stick",
        "k SSH keys",
        "o Restart",
    ];
    let mut desk = Desk::on(Box::new(System::new()), Role::Installer);
    none(&mut desk);
    let text = desk.text();
    assert!(
        all.iter().all(|word| !text.contains(word)) && !text.contains("Not done"),
        "{text}"
    );
    assert!(text.contains("this box is no appliance"), "{text}");
    for (role, hidden) in [
        (Role::Installer, [].as_slice()),
        (Role::Helpdesk, &["r Recovery stick", "k SSH keys", "o Restart"]),
        (
            Role::Auditor,
            &["s Stick", "r Recovery stick", "k SSH keys", "o Restart"],
        ),
    ] {
        let mut desk = Desk::on(Box::new(System::new()), role);
        machine(samples::report())(&mut desk);
        let text = desk.text();
        for word in all {
            assert_eq!(text.contains(word), !hidden.contains(&word), "{role:?} {word}: {text}");
        }
    }
}

#[test]
fn the_machines_screens_open_and_what_is_wrong_with_it_is_said() {
    for (letter, name) in [
        ('n', "network"),
        ('m', "name-and-time"),
        ('s', "stick"),
        ('u', "update"),
        ('r', "recovery-stick"),
        ('k', "ssh-keys"),
        ('o', "power"),
    ] {
        let mut desk = Desk::on(Box::new(System::new()), Role::Installer);
        machine(samples::report())(&mut desk);
        desk.keys(&[Key::Char(letter)]);
        assert_eq!(desk.app.screen(), name);
    }
    let mut desk = Desk::on(Box::new(System::new()), Role::Auditor);
    let trouble = crate::control::Trouble {
        code: "var-read-only".to_owned(),
        what: "The disk can only be read.".to_owned(),
        todo: "Make a backup, and change the disk".to_owned(),
    };
    machine(crate::control::HostReport {
        troubles: vec![trouble],
        reverts_in: Some(9),
        ..samples::report()
    })(&mut desk);
    let text = desk.text();
    assert!(
        text.contains("The disk can only be read.") && text.contains("ON TRIAL"),
        "{text}"
    );
}

#[test]
fn screens() {
    snapshot("system", |desk| {
        desk.open(Box::new(System::new()), Role::Installer);
        answered(desk);
        desk.keys(&[Key::Char('v')]);
        desk.answer(|r| *r == Request::LogVerify, chain(true));
    });
    snapshot("system-appliance", |desk| {
        desk.open(Box::new(System::new()), Role::Installer);
        machine(samples::report())(desk);
    });
    snapshot("system-no-appliance", |desk| {
        desk.open(Box::new(System::new()), Role::Installer);
        none(desk);
    });
}
