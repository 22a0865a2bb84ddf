use super::line::{Line, Wish};
use super::names::Names;
use super::power::Power;
use super::recovery::Recovery;
use super::samples::{answer, done, last, ready, report, said, sticks, update};
use super::set_clock::SetClock;
use super::ssh::Ssh;
use super::stick::Sticks;
use super::update::Update;
use super::zones::Zones;
use super::*;
use crate::console::key::Key;
use crate::console::testing::{Desk, NOON, snapshot};
use crate::control::{Answer, ClockReport, Failure, HostReport, Timestamp, UpdateReport, UpdateSource, UpdateStage};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl anna@desk";
const PRINT: &str = "SHA256:Rn4K3cQ2p0TgQ7nQ2m1cV0l9S8Jt4oX1yPz6WqEabcd";

fn shows(ask: &HostRequest) -> bool {
    *ask == HostRequest::Show
}

fn lists(ask: &HostRequest) -> bool {
    *ask == HostRequest::Sticks
}

fn on(screen: Box<dyn Screen>) -> Desk {
    Desk::on(screen, Role::Installer)
}

fn refused(words: &str) -> Result<Answer, Failure> {
    Err(Failure::refused(words))
}

fn clock(trusted: bool) -> Result<Answer, Failure> {
    Ok(Answer::Clock(ClockReport {
        trusted,
        source: if trusted { "ntp" } else { "none" }.to_owned(),
        now: NOON,
        newest_seen: None,
        waiting_for: None,
    }))
}

fn names(desk: &mut Desk, role: Role) {
    desk.open(Box::new(Names::new()), role);
    answer(desk, shows, said(report()));
    desk.answer(|r| *r == Request::TimeShow, clock(true));
}

fn some_zones() -> Vec<String> {
    ["America/New_York", "Asia/Vientiane", "Europe/Vienna", "GMT", "UTC"]
        .map(str::to_owned)
        .to_vec()
}

#[test]
fn the_name_is_checked_where_it_is_typed_and_kept_where_it_is_refused() {
    let mut desk = Desk::new(80, 24, Default::default());
    names(&mut desk, Role::Installer);
    desk.keys(&[Key::Char('n'), Key::Char('-'), Key::Enter]);
    assert!(
        desk.text().contains("letters, digits and dashes, 64 at most"),
        "{}",
        desk.text()
    );
    desk.keys(&[Key::Backspace]);
    desk.types("0");
    desk.keys(&[Key::Enter]);
    let name = "box-10".to_owned();
    assert_eq!(last(&desk), HostRequest::NameSet { name });
    answer(
        &mut desk,
        |ask| matches!(ask, HostRequest::NameSet { .. }),
        refused("the disk is full"),
    );
    assert!(desk.text().contains("[box-10") && desk.text().contains("the disk is full"));
    desk.keys(&[Key::Enter]);
    answer(
        &mut desk,
        |ask| matches!(ask, HostRequest::NameSet { .. }),
        said(report()),
    );
    assert_eq!(desk.app.screen(), "name-and-time");
    assert!(desk.text().contains("The name is set."), "{}", desk.text());
}

#[test]
fn a_zone_is_found_by_a_part_of_its_name_and_the_console_shows_it_at_once() {
    let mut desk = on(Box::new(Zones::of(1, some_zones(), "UTC")));
    assert!(desk.text().contains("> UTC"), "{}", desk.text());
    desk.types("new y");
    assert!(desk.text().contains("1 of 5") && desk.text().contains("> America/New_York"));
    desk.keys(&[Key::Ctrl('u')]);
    desk.types("vie");
    assert!(desk.text().contains("2 of 5"), "{}", desk.text());
    desk.types("x");
    assert!(desk.text().contains("No zone is called that"));
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.app.screen(), "time-zones");

    let mut desk = Desk::new(80, 24, Default::default());
    names(&mut desk, Role::Installer);
    desk.keys(&[Key::Char('z')]);
    desk.types("europe/vienna");
    desk.keys(&[Key::Enter]);
    let (zone, servers) = ("Europe/Vienna".to_owned(), Vec::new());
    assert_eq!(
        last(&desk),
        HostRequest::TimeSet {
            zone: zone.clone(),
            servers
        }
    );
    let set = HostReport { zone, ..report() };
    answer(&mut desk, |ask| matches!(ask, HostRequest::TimeSet { .. }), said(set));
    assert!(
        desk.text().contains("The time zone is Europe/Vienna."),
        "{}",
        desk.text()
    );
    assert!(
        desk.text().lines().next().unwrap().ends_with("15:05"),
        "{}",
        desk.text()
    );
}

#[test]
fn r19_the_clock_is_set_and_then_confirmed() {
    let mut desk = on(Box::new(SetClock::new()));
    assert!(desk.text().contains("[2026-03-02"), "{}", desk.text());
    desk.keys(&[Key::Ctrl('u')]);
    desk.types("2025-03-02");
    desk.keys(&[Key::Enter]);
    desk.types("14:07");
    desk.keys(&[Key::Enter]);
    assert!(desk.text().contains("before 2026 is wrong"), "{}", desk.text());
    desk.keys(&[Key::Ctrl('u')]);
    desk.types("2026-03-02");
    desk.keys(&[Key::Enter, Key::Enter]);
    let at = Timestamp(NOON.0 + 120_000);
    assert_eq!(last(&desk), HostRequest::ClockSet { at });
    answer(
        &mut desk,
        |ask| matches!(ask, HostRequest::ClockSet { .. }),
        said(report()),
    );
    assert_eq!(desk.app.screen(), "clock");
    desk.answer(|r| *r == Request::TimeShow, clock(false));
    desk.keys(&[Key::Char('c'), Key::Enter]);
    assert!(desk.asked.iter().any(|(_, request)| *request == Request::TimeConfirm));
}

#[test]
fn power_is_asked_about_first_and_says_what_becomes_of_logins() {
    for (key, words, request) in [
        ('r', "For about a minute no login is answered", HostRequest::Reboot),
        ('o', "until somebody switches the box on again", HostRequest::PowerOff),
    ] {
        let mut desk = on(Box::new(Power::new()));
        desk.keys(&[Key::Char(key)]);
        assert!(desk.text().contains(words), "{}", desk.text());
        desk.keys(&[Key::Esc]);
        assert!(desk.asked.is_empty());
        desk.keys(&[Key::Char(key), Key::Enter]);
        assert_eq!(last(&desk), request);
        answer(&mut desk, |ask| *ask == request, done("the box restarts"));
        assert!(desk.text().contains("the box restarts"));
    }
}

#[test]
fn r25_emptying_the_box_wants_its_name_and_the_own_password() {
    let mut desk = on(Box::new(Power::new()));
    desk.keys(&[Key::Char('f')]);
    desk.types("box-2");
    desk.keys(&[Key::Enter]);
    desk.types("my own words");
    desk.keys(&[Key::Enter]);
    assert!(desk.text().contains("This box is called box-1."), "{}", desk.text());
    assert!(desk.asked.is_empty());
    desk.keys(&[Key::Backspace, Key::Char('1'), Key::Enter, Key::Enter]);
    let HostRequest::FactoryReset { operator, password } = last(&desk) else {
        panic!("{:?}", desk.asked)
    };
    assert_eq!(operator, None, "at the console it is one's own");
    assert_eq!(password.unwrap().expose_str(), Some("my own words"));
    answer(
        &mut desk,
        |ask| matches!(ask, HostRequest::FactoryReset { .. }),
        refused("name or password is wrong"),
    );
    assert!(desk.text().contains("name or password is wrong"), "{}", desk.text());
    assert!(!desk.text().contains('*'), "nothing secret stays: {}", desk.text());
}

#[test]
fn a_stick_is_mounted_and_released_and_then_may_be_pulled_out() {
    let mut desk = on(Box::new(Sticks::new()));
    assert!(desk.text().contains("Looking for sticks"));
    answer(&mut desk, lists, sticks(None));
    desk.keys(&[Key::Enter]);
    let id = "sda1".to_owned();
    assert_eq!(last(&desk), HostRequest::StickMount { id });
    answer(
        &mut desk,
        |ask| matches!(ask, HostRequest::StickMount { .. }),
        sticks(Some("sda1")),
    );
    assert!(
        desk.text().contains("MOUNTED") && desk.text().contains("Enter release"),
        "{}",
        desk.text()
    );
    desk.keys(&[Key::Enter, Key::Enter]);
    assert!(desk.text().contains("do not pull the stick out yet"), "{}", desk.text());
    desk.wait(9);
    assert_eq!(
        desk.asked.len(),
        1,
        "nothing is asked behind a slow stick: {:?}",
        desk.asked
    );
    answer(&mut desk, |ask| *ask == HostRequest::StickRelease, sticks(None));
    assert!(
        desk.text().contains("The stick may be pulled out now."),
        "{}",
        desk.text()
    );
    desk.wait(4);
    assert_eq!(desk.asked.len(), 1, "sticks come and go");
}

#[test]
fn a_recovery_stick_is_prepared_after_a_word_about_keeping_it() {
    let mut desk = on(Box::new(Recovery::new()));
    answer(&mut desk, lists, sticks(None));
    answer(&mut desk, shows, said(report()));
    assert!(desk.text().contains("NO STICK IS PREPARED"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    assert!(desk.text().contains("keep it locked away"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    let id = "sda1".to_owned();
    assert_eq!(last(&desk), HostRequest::RecoveryPrepare { id });
    answer(
        &mut desk,
        |ask| matches!(ask, HostRequest::RecoveryPrepare { .. }),
        sticks(None),
    );
    assert!(desk.text().contains("keep it in a safe place"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    assert!(
        desk.text().contains("prepared before is one no more"),
        "{}",
        desk.text()
    );
}

fn update_shows(ask: &HostRequest) -> bool {
    *ask == HostRequest::UpdateShow
}

#[test]
fn an_update_is_fetched_from_the_only_stick_shown_as_it_goes_and_applied_after_a_question() {
    let mut desk = on(Box::new(Update::new()));
    answer(&mut desk, update_shows, update(UpdateStage::Idle));
    desk.keys(&[Key::Char('s')]);
    answer(&mut desk, lists, sticks(Some("sda1")));
    assert_eq!(last(&desk), HostRequest::UpdateFetch(UpdateSource::Stick));
    let fetching = |percent| update(UpdateStage::Fetching { percent });
    answer(&mut desk, |ask| matches!(ask, HostRequest::UpdateFetch(_)), fetching(3));
    assert!(desk.text().contains("  3 % copied"), "{}", desk.text());
    desk.wait(6);
    assert_eq!(desk.asked.len(), 1, "one question at a time");
    let bytes = desk.bytes_of(|desk| answer(desk, update_shows, fetching(41)));
    assert!(bytes <= 40, "{bytes} bytes for a step of the copy");
    desk.wait(1);
    assert!(desk.asked.is_empty(), "not more often than every two seconds");
    desk.wait(1);
    answer(&mut desk, update_shows, update(ready("0.2.0")));
    desk.keys(&[Key::Char('n')]);
    assert!(desk.text().contains("searched by calling station"), "{}", desk.text());
    desk.keys(&[Key::Esc]);
    assert_eq!(desk.app.screen(), "update");
    desk.keys(&[Key::Char('a')]);
    let text = desk.text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("logins wait about 60 s") && text.contains("goes back to 0.1.0 by itself"),
        "{text}"
    );
    desk.keys(&[Key::Enter]);
    assert_eq!(last(&desk), HostRequest::UpdateApply);
    answer(
        &mut desk,
        |ask| *ask == HostRequest::UpdateApply,
        update(UpdateStage::Writing),
    );
    assert!(desk.text().contains("leave it on"), "{}", desk.text());
}

#[test]
fn an_update_comes_from_a_web_server_too_and_a_failure_says_why() {
    let mut desk = on(Box::new(Update::new()));
    answer(&mut desk, update_shows, update(UpdateStage::Idle));
    desk.keys(&[Key::Char('w'), Key::Enter]);
    assert!(desk.text().contains("https://server.example/folder"), "{}", desk.text());
    desk.types("get.contoso.example/postern");
    desk.keys(&[Key::Enter]);
    let url = "https://get.contoso.example/postern".to_owned();
    assert_eq!(last(&desk), HostRequest::UpdateFetch(UpdateSource::Url { url }));
    let why = "the signature is not this house's: fetch the release again".to_owned();
    let fetches = |ask: &HostRequest| matches!(ask, HostRequest::UpdateFetch(_));
    answer(&mut desk, fetches, update(UpdateStage::Fetching { percent: 0 }));
    assert_eq!(desk.app.screen(), "update");
    answer(&mut desk, update_shows, update(UpdateStage::Failed { why }));
    assert!(desk.text().contains("FAILED: the signature"), "{}", desk.text());
}

#[test]
fn what_lies_on_the_stick_is_named_before_it_is_fetched() {
    let dir = tempfile::tempdir().unwrap();
    let write = |folder: &str, text: &str| {
        std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        std::fs::write(dir.path().join(folder).join("manifest.json"), text).unwrap();
    };
    write(
        "postern-0.2.0",
        r#"{"format":1,"product":"postern","version":"0.2.0","files":[]}"#,
    );
    write("other", r#"{"product":"something","version":"9"}"#);
    write("broken", "{");
    let mut desk = Desk::new(80, 24, Default::default());
    desk.app.context_for_test().import_dirs = vec![dir.path().to_owned()];
    desk.open(Box::new(Update::new()), Role::Auditor);
    answer(&mut desk, update_shows, update(UpdateStage::Idle));
    let text = desk.text();
    assert!(
        text.contains("On the stick  0.2.0: checked when it is fetched"),
        "{text}"
    );
}

#[test]
fn a_version_on_trial_is_not_written_over() {
    let mut desk = on(Box::new(Update::new()));
    let trial = UpdateReport {
        running: "0.2.0".to_owned(),
        trial: true,
        other: Some("0.1.0".to_owned()),
        ..UpdateReport::default()
    };
    answer(
        &mut desk,
        update_shows,
        Ok(Answer::Host(crate::control::HostAnswer::Update(trial))),
    );
    assert!(
        desk.text().contains("ON TRIAL") && !desk.text().contains("From a stick"),
        "{}",
        desk.text()
    );
}

#[test]
fn an_ssh_key_is_added_beside_the_others_and_all_go_with_off() {
    let mut desk = on(Box::new(Ssh::new()));
    let one = HostReport {
        ssh: vec![format!("{PRINT} berta@desk")],
        ..report()
    };
    answer(&mut desk, shows, said(one.clone()));
    desk.keys(&[Key::Char('t')]);
    desk.types("-----BEGIN OPENSSH PRIVATE KEY-----");
    desk.keys(&[Key::Enter]);
    assert!(desk.text().contains("that is a private key"), "{}", desk.text());
    desk.keys(&[Key::Ctrl('u')]);
    desk.types(KEY);
    desk.keys(&[Key::Enter]);
    let keys = vec![PRINT.to_owned(), KEY.to_owned()];
    assert_eq!(last(&desk), HostRequest::SshSet { keys });
    answer(
        &mut desk,
        |ask| matches!(ask, HostRequest::SshSet { .. }),
        said(one.clone()),
    );
    answer(&mut desk, shows, said(one));
    desk.keys(&[Key::Char('o'), Key::Enter]);
    assert_eq!(last(&desk), HostRequest::SshSet { keys: Vec::new() });
}

#[test]
fn ssh_keys_are_read_from_a_file_on_a_stick_line_by_line() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("anna.pub"), format!("# mine\n{KEY}\n")).unwrap();
    std::fs::write(dir.path().join("bad.pub"), "hello\n").unwrap();
    std::fs::write(dir.path().join("id_ed25519"), "no public key").unwrap();
    let mut desk = on(Box::new(Ssh::new()));
    desk.app.context_for_test().import_dirs = vec![dir.path().to_owned()];
    answer(&mut desk, shows, said(report()));
    desk.keys(&[Key::Char('f')]);
    assert!(!desk.text().contains("id_ed25519"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    let keys = vec![KEY.to_owned()];
    assert_eq!(last(&desk), HostRequest::SshSet { keys });
    desk.keys(&[Key::Char('f'), Key::Down, Key::Enter]);
    assert!(
        desk.text().contains("line 1: hello is no kind of key"),
        "{}",
        desk.text()
    );
}

#[test]
fn each_role_is_offered_what_it_may() {
    for (role, letters) in [
        (Role::Auditor, "nmu"),
        (Role::Helpdesk, "nmsu"),
        (Role::Installer, "nmsurko"),
    ] {
        let desk = Desk::on(Box::new(Power::new()), role);
        let offered: String = entries(desk.app.context()).iter().map(|(letter, _)| *letter).collect();
        assert_eq!(offered, letters, "{role:?}");
        for letter in letters.chars() {
            let mut desk = Desk::on(open(letter).unwrap(), role);
            let mut asks = desk.asked.drain(..);
            assert!(asks.all(|(_, request)| role >= request.needs()), "{letter}");
        }
    }
}

#[test]
fn on_a_slow_line_a_screen_of_the_machine_costs_1500_bytes_and_a_step_60() {
    for letter in "nmsurko".chars() {
        let mut desk = on(open(letter).unwrap());
        for (_, request) in std::mem::take(&mut desk.asked) {
            desk.asked.push((0, request));
        }
        let (screen, step) = desk.bytes(Key::Down);
        assert!(screen <= 1_500 && step <= 60, "{letter}: {screen} {step}");
    }
}

mod drawn;
