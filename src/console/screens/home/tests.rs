use super::super::machine::samples;
use super::*;
use crate::console::caps::Caps;
use crate::console::testing::{Desk, NOON, session, snapshot};
use crate::control::{Alarm, ClockReport, FailureKind, Moved, Session};

const HOUR: Duration = Duration::from_secs(3_600);

fn alarm(code: &str, what: &str, todo: &str) -> Alarm {
    Alarm {
        code: code.to_owned(),
        what: what.to_owned(),
        todo: todo.to_owned(),
        since: NOON.minus(HOUR),
    }
}

fn tenant(domain: &str, state: TenantState) -> TenantHealth {
    TenantHealth {
        domain: domain.to_owned(),
        state,
        paused_until: None,
    }
}

/// A box that works.
fn well() -> StatusReport {
    StatusReport {
        answering: true,
        because: None,
        version: "0.1.0".to_owned(),
        since: NOON.minus(30 * HOUR),
        clock: ClockReport {
            trusted: true,
            source: "ntp".to_owned(),
            now: NOON,
            newest_seen: Some(NOON),
            waiting_for: None,
        },
        auth: vec!["[::]:1812".parse().unwrap()],
        acct: vec!["[::]:1813".parse().unwrap()],
        users: 1_204,
        tokens: 1_190,
        clients: 2,
        tenants: vec![tenant("contoso.example", TenantState::Proven)],
        alarms: Vec::new(),
        counters: Default::default(),
        last_hour: [("accepts", 412), ("rejects", 7), ("challenges", 3), ("dropped", 0)]
            .map(|(name, count)| (name.to_owned(), count))
            .into(),
    }
}

/// A box in trouble.
fn ill() -> StatusReport {
    const WAITS: &str =
        "No time server was reached since the box started and it has no hardware clock: logins are not answered.";
    const TODO: &str = "Let the box reach a time server; or compare its clock with a watch, set it if it is wrong, and run: postern \
                        time confirm";
    let paused = TenantHealth {
        paused_until: Some(NOON.plus(Duration::from_secs(900))),
        ..tenant("contoso.example", TenantState::Proven)
    };
    StatusReport {
        answering: false,
        because: Some(format!("{WAITS} {TODO}")),
        clock: ClockReport {
            trusted: false,
            source: "none".to_owned(),
            now: NOON,
            newest_seen: None,
            waiting_for: Some(format!("{WAITS} {TODO}")),
        },
        tenants: vec![
            paused,
            tenant("fabrikam.example", TenantState::Unproven),
            tenant("a-subsidiary-with-a-long-name.fabrikam.example", TenantState::Off),
            tenant("d.example", TenantState::Proven),
            tenant("e.example", TenantState::Proven),
        ],
        alarms: vec![
            alarm("clock", WAITS, TODO),
            alarm(
                "entra-unproven-fabrikam.example",
                "Entra for fabrikam.example was switched on without a proof",
                "Run `postern entra prove USER` with a right password",
            ),
            alarm(
                "journal-damage",
                "The journal was damaged: record 17 does not follow record 15 in segment 3 of the logins, which ends there",
                "Run `postern log --verify`; keep the files for whoever looks into it",
            ),
            alarm(
                "store",
                "The store cannot be written: no space left on device",
                "Make room on the disk",
            ),
        ],
        ..well()
    }
}

/// A box that nothing was done with.
fn new() -> StatusReport {
    StatusReport {
        users: 0,
        tokens: 0,
        clients: 0,
        tenants: Vec::new(),
        last_hour: Default::default(),
        ..well()
    }
}

fn answer(desk: &mut Desk, report: StatusReport) {
    desk.answer(|r| *r == Request::Status, Ok(Answer::Status(Box::new(report))));
}

fn home(role: Role, report: StatusReport) -> Desk {
    let mut desk = Desk::new(80, 24, Caps::default());
    desk.log_in(session(role));
    answer(&mut desk, report);
    desk
}

fn moved(desk: &mut Desk, log: u64) {
    desk.event(crate::console::event::Event::Moved(Moved {
        log,
        ..Moved::default()
    }));
}

#[test]
fn one_word_says_whether_the_box_answers_and_why_not() {
    assert!(home(Role::Auditor, well()).text().contains("\n  ANSWERING\n"));
    let text = home(Role::Auditor, ill()).text();
    assert!(text.contains("\n  NOT ANSWERING: No time server"), "{text}");
    assert!(
        !text.contains("postern time confirm"),
        "a command line is no help here: {text}"
    );
}

#[test]
fn only_what_the_role_may_is_offered() {
    let all = [
        "e Enrol",
        "w Why",
        "u Users",
        "k Unlock",
        "b Bypass",
        "l Log",
        "c Clients",
        "d Directories",
    ];
    for (role, offered, hidden) in [
        (
            Role::Installer,
            [all.as_slice(), &["o Operators", "i Import", "y System"]].concat(),
            vec![],
        ),
        (
            Role::Helpdesk,
            all.to_vec(),
            vec!["o Operators", "i Import", "s Set-up"],
        ),
        (
            Role::Auditor,
            vec!["w Why", "u Users", "l Log", "y System"],
            vec!["e Enrol", "k Unlock", "b Bypass", "i Import"],
        ),
    ] {
        let text = home(role, well()).text();
        for word in offered {
            assert!(text.contains(word), "{role:?} {word}: {text}");
        }
        for word in hidden {
            assert!(!text.contains(word), "{role:?} {word}: {text}");
        }
    }
    let empty = StatusReport { clients: 0, ..well() };
    let mut desk = home(Role::Installer, empty.clone());
    assert!(
        desk.text().contains("| Set-up"),
        "a new box begins with its set-up: {}",
        desk.text()
    );
    desk.keys(&[Key::Ctrl('x')]);
    answer(&mut desk, empty.clone());
    assert!(
        desk.app.screen() == "home" && desk.text().contains("s Set-up"),
        "{}",
        desk.text()
    );
    let quiet = StatusReport { users: 1, ..well() };
    let text = home(Role::Installer, quiet).text();
    assert!(
        text.contains("ANSWERING") && text.contains("s Set-up"),
        "the first login is still to come: {text}"
    );
    assert!(!home(Role::Helpdesk, empty).text().contains("Set-up"));
}

#[test]
fn it_is_live_and_asks_once_at_a_time() {
    let mut desk = home(Role::Auditor, well());
    desk.asked.clear();
    moved(&mut desk, 1);
    moved(&mut desk, 2);
    moved(&mut desk, 3);
    assert_eq!(desk.asked.len(), 1);
    answer(&mut desk, ill());
    assert!(desk.text().contains("NOT ANSWERING"));
    assert_eq!(desk.asked.len(), 1, "what moved meanwhile is asked for");
    answer(&mut desk, well());
    assert!(desk.text().contains("\n  ANSWERING"));
    desk.wait(59);
    assert!(desk.asked.is_empty());
    desk.wait(2);
    assert_eq!(desk.asked.len(), 1, "the counts of the last hour grow old");
}

#[test]
fn what_of_the_machine_is_on_trial_is_said_and_a_box_without_one_says_nothing() {
    let shows = |ask: &HostRequest| *ask == HostRequest::Show;
    let mut desk = home(Role::Auditor, well());
    samples::answer(&mut desk, shows, Err(Failure::failed("this box is no appliance")));
    let text = desk.text();
    assert!(!text.contains("On trial") && !text.contains("appliance"), "{text}");
    let mut desk = home(Role::Auditor, well());
    let trial = HostReport {
        reverts_in: Some(30),
        ..samples::report()
    };
    samples::answer(&mut desk, shows, samples::said(trial));
    let update = UpdateReport {
        trial: true,
        ..UpdateReport::default()
    };
    let update = Ok(Answer::Host(HostAnswer::Update(update)));
    samples::answer(&mut desk, |ask| *ask == HostRequest::UpdateShow, update);
    let text = desk.text();
    assert!(
        text.contains("the network: taken back unless") && text.contains("this version: kept once"),
        "{text}"
    );
    desk.wait(6);
    samples::answer(&mut desk, shows, samples::said(samples::report()));
    assert!(!desk.text().contains("the network: taken back"), "{}", desk.text());
}

#[test]
fn logging_out_takes_two_keys_and_one_may_think_better_of_it() {
    let mut desk = home(Role::Helpdesk, well());
    desk.keys(&[Key::Esc, Key::Esc]);
    assert_eq!(desk.app.screen(), "home");
    desk.keys(&[Key::Esc, Key::Enter]);
    assert_eq!(desk.app.screen(), "login");
    assert!(desk.asked.iter().any(|(_, r)| *r == Request::LogOut));
}

#[test]
fn r24_failed_logins_are_said_once() {
    let mut desk = Desk::new(80, 24, Caps::default());
    desk.log_in(Session {
        failures: 3,
        ..session(Role::Helpdesk)
    });
    assert!(
        desk.text()
            .contains("3 failed logins as anna since your last login (1 Mar 14:05)"),
        "{}",
        desk.text()
    );
    answer(&mut desk, well());
    assert!(desk.text().contains("3 failed logins"));
    desk.keys(&[Key::Down]);
    moved(&mut desk, 1);
    moved(&mut desk, 2);
    assert!(!desk.text().contains("failed logins"));
}

#[test]
fn a_failure_is_said_and_the_last_report_stays() {
    let mut desk = home(Role::Auditor, well());
    moved(&mut desk, 1);
    moved(&mut desk, 2);
    let failure = Failure::new(FailureKind::Failed, "posternd is busy: try again");
    desk.answer(|r| *r == Request::Status, Err(failure));
    let text = desk.text();
    assert!(
        text.contains("Not done: posternd is busy") && text.contains("ANSWERING"),
        "{text}"
    );
}

#[test]
fn all_alarms_are_one_key_away_and_scroll() {
    let mut desk = home(Role::Auditor, ill());
    assert!(!desk.text().contains("The store cannot be written"), "{}", desk.text());
    assert!(desk.text().contains("4 (a shows all)"));
    desk.keys(&[Key::Char('a')]);
    assert_eq!(desk.app.screen(), "alarms");
    assert!(
        desk.text().contains("The store cannot be written"),
        "known ones stand at once"
    );
    desk.keys(&[Key::Down, Key::Esc]);
    assert_eq!(desk.app.screen(), "home");
}

#[test]
fn on_a_slow_line_the_first_screen_costs_1500_bytes_and_a_step_40() {
    for report in [well(), ill()] {
        for caps in [Caps::default(), Caps::FULL] {
            let mut desk = Desk::new(80, 24, caps);
            desk.log_in(session(Role::Installer));
            answer(&mut desk, report.clone());
            let (screen, step) = desk.bytes(Key::Down);
            assert!(screen <= 1_500 && step <= 40, "{screen} {step}");
        }
    }
}

#[test]
fn screens() {
    let show = |role: Role, report: fn() -> StatusReport| {
        move |desk: &mut Desk| {
            desk.log_in(session(role));
            answer(desk, report());
        }
    };
    snapshot("home", show(Role::Installer, well));
    snapshot("home-helpdesk", show(Role::Helpdesk, well));
    snapshot("home-not-answering", show(Role::Installer, ill));
    snapshot("home-on-trial", |desk| {
        show(Role::Auditor, well)(desk);
        let trial = HostReport {
            reverts_in: Some(30),
            ..samples::report()
        };
        samples::answer(desk, |ask| *ask == HostRequest::Show, samples::said(trial));
        let update = UpdateReport {
            trial: true,
            ..UpdateReport::default()
        };
        let update = Ok(Answer::Host(HostAnswer::Update(update)));
        samples::answer(desk, |ask| *ask == HostRequest::UpdateShow, update);
    });
    snapshot("home-new", |desk| {
        desk.log_in(session(Role::Installer));
        answer(desk, new());
        desk.keys(&[Key::Ctrl('x')]);
        answer(desk, new());
    });
    snapshot("alarms", |desk| {
        desk.log_in(session(Role::Installer));
        answer(desk, ill());
        desk.keys(&[Key::Char('a')]);
    });
}
