//! Operators at `console.sock` of the real daemon: who may what, when a session ends, what is told, what goes on record.

use std::io::Write;
use std::time::{Duration, Instant};

use postern::control::{
    Answer, Failure, FailureKind, LogAsk, LogFilter, Moved, OperatorSet, Request, Role, UserAdd, frame,
};
use postern::secret::Secret;

use crate::desk::{Console, GOOD, USER, add, every_request, kind};
use crate::harness::{Door, Rows, word};
use crate::lab::QUICK;
use crate::packet::{ACCEPT, REJECT, Request as Packet};
use crate::totp::{Token, now};

/// Something that moves.
type Change<'a> = &'a mut dyn FnMut();
/// What it moves.
type Number = fn(&Moved) -> u64;

#[test]
fn r24_nothing_is_answered_before_a_login_and_the_first_operator_once() {
    let door = Door::open();
    let mut rows = Rows::default();
    let mut console = Console::open(&door);
    let before = |console: &mut Console, rows: &mut Rows, when: &str| {
        for (request, least) in every_request() {
            let answer = console.ask(&request);
            let row = format!("{when}: {}", request.word());
            match (&request, least) {
                (Request::LogIn(_), _) => rows.same(&row, Some(FailureKind::Refused), kind(answer)),
                // The only one there may be is an installer.
                (Request::OperatorAdd(_), _) if when == "no operator" => {
                    rows.same(&row, Some(FailureKind::Refused), kind(answer));
                }
                (_, None) => rows.same(&row, None, kind(answer)),
                _ => rows.same(&row, Some(FailureKind::LogInFirst), kind(answer)),
            }
        }
    };
    before(&mut console, &mut rows, "no operator");
    // Eight consoles at once: one makes the first operator.
    let consoles: Vec<Console> = (0..8).map(|_| Console::open(&door)).collect();
    let tries: Vec<_> = consoles
        .into_iter()
        .enumerate()
        .map(|(n, mut console)| {
            std::thread::spawn(move || {
                let answer = console.ask(&add(&format!("operator{n}"), Role::Installer));
                (answer, console)
            })
        })
        .collect();
    let mut won = 0;
    for one in tries {
        let (answer, mut console) = one.join().unwrap();
        match answer {
            Ok(Answer::Session(session)) => {
                won += 1;
                rows.same("its role", Role::Installer, session.role);
                rows.same("it is logged in", None, kind(console.ask(&Request::OperatorList)));
            }
            other => {
                rows.same("the others", Some(FailureKind::LogInFirst), kind(other));
                rows.same(
                    "are not logged in",
                    Some(FailureKind::LogInFirst),
                    kind(console.ask(&Request::Status)),
                );
            }
        }
    }
    rows.same("who made it", 1, won);
    before(&mut console, &mut rows, "one operator");
    let list = door.json(&["operator", "list"]);
    rows.same("operators", Some(1), list["operators"].as_array().map(Vec::len));
    rows.end();
}

#[test]
fn r24_each_role_may_what_it_may_and_refusals_are_on_record() {
    let door = Door::open();
    let mut rows = Rows::default();
    for (name, role) in [
        ("ina", Role::Installer),
        ("hans", Role::Helpdesk),
        ("aude", Role::Auditor),
    ] {
        door.operator(name, &format!("{role:?}").to_lowercase());
        let mut console = Console::open(&door);
        let session = console.log_in(name, GOOD, None).unwrap();
        rows.same(&format!("{name}: role"), role, session.role);
        for (request, least) in every_request() {
            let mut answer = console.ask(&request);
            // What was told unasked after Watch.
            while matches!(answer, Ok(Answer::Moved(_))) && !matches!(request, Request::Watch) {
                answer = console.hear();
            }
            let refused = kind(answer) == Some(FailureKind::NotAllowed);
            let row = format!("{name}: {}", request.word());
            rows.same(&row, least.is_some_and(|least| least > role), refused);
        }
    }
    let log = door.json(&["log", "--user", "hans"]);
    let entries = log["entries"].as_array().unwrap();
    let refused = entries
        .iter()
        .find(|entry| entry["reason"] == "user remove")
        .expect("on record");
    rows.same("outcome", "refused".to_owned(), word(refused, "outcome"));
    rows.same("by", "hans at ttyS0".to_owned(), word(refused, "by"));
    rows.hold("a look is not", entries.iter().all(|entry| entry["reason"] != "status"));
    rows.end();
}

#[test]
fn r24_a_change_elsewhere_ends_a_session_and_is_seen_within_a_second() {
    let door = Door::open();
    door.operator("anna", "installer");
    door.operator("ben", "helpdesk");
    let (mut anna, mut ben) = (Console::open(&door), Console::open(&door));
    anna.log_in("anna", GOOD, None).unwrap();
    ben.log_in("ben", GOOD, None).unwrap();
    let Ok(Answer::Moved(mut before)) = ben.ask(&Request::Watch) else {
        panic!("no watch");
    };
    // Records, log, knocks: each by somebody else.
    let nas = door.client("vpn", "127.0.0.1", &QUICK);
    let user = |name: &str| {
        Request::UserAdd(UserAdd {
            name: name.to_owned(),
            password: None,
            exempt: false,
        })
    };
    let stranger = crate::packet::Nas {
        source: "127.0.0.9".parse().unwrap(),
        ..nas.clone()
    };
    std::thread::sleep(Duration::from_millis(1200));
    while let Some(moved) = unread(&mut ben) {
        before = moved;
    }
    let changes: [(&str, Change<'_>, Number); 3] = [
        ("records", &mut || drop(anna.ask(&user(USER)).unwrap()), |m| m.records),
        ("log", &mut || assert_eq!(nas.login(USER, "123456"), REJECT), |m| m.log),
        (
            "knocks",
            &mut || assert!(stranger.silent(&Packet::login(USER, "x"))),
            |m| m.knocks,
        ),
    ];
    for (what, change, number) in changes {
        let begun = Instant::now();
        change();
        let changed = Instant::now();
        loop {
            let (moved, at) = ben.moved();
            let seen = number(&moved) > number(&before);
            before = moved;
            if seen {
                let late = at.saturating_duration_since(changed.max(begun));
                assert!(late < Duration::from_secs(1), "{what}: {late:?}");
                break;
            }
        }
    }
    let demote = Request::OperatorSet(OperatorSet {
        name: "ben".to_owned(),
        role: Some(Role::Auditor),
        enabled: None,
        password: None,
    });
    anna.ask(&demote).unwrap();
    let begun = Instant::now();
    let why = loop {
        match ben.hear() {
            Ok(Answer::Moved(_)) => {}
            Ok(Answer::Ended { why }) => break why,
            other => panic!("{other:?}"),
        }
    };
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(why.contains("another role"), "{why}");
    assert_eq!(kind(ben.ask(&Request::Status)), Some(FailureKind::LogInFirst));
    assert_eq!(ben.log_in("ben", GOOD, None).unwrap().role, Role::Auditor);
    // Without a watch the very next request finds out.
    let removed = door.ok(&["operator", "remove", "ben"]);
    assert!(removed.contains("is removed"), "{removed}");
    let over = ben.ask(&Request::Status).unwrap_err();
    assert!(
        over.kind == FailureKind::LogInFirst && over.message.contains("removed"),
        "{over}"
    );
}

/// What was told unasked and is there already.
fn unread(console: &mut Console) -> Option<Moved> {
    console.0.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let heard = frame::read(&mut console.0);
    console.0.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    match frame::decode::<Result<Answer, Failure>>(&heard.ok()??) {
        Ok(Ok(Answer::Moved(moved))) => Some(moved),
        other => panic!("{other:?}"),
    }
}

#[test]
fn r24_a_quiet_session_ends_after_its_minutes_and_looking_does_not_keep_it() {
    let door = Door::open_on("127.0.0.1", &["--console-idle", "1"]);
    door.operator("anna", "installer");
    let mut console = Console::open(&door);
    let session = console.log_in("anna", GOOD, None).unwrap();
    assert_eq!(session.idle_seconds, 60);
    let begun = Instant::now();
    loop {
        std::thread::sleep(Duration::from_secs(2));
        let answer = console.ask(&Request::Status);
        if let Err(failure) = answer {
            assert_eq!(failure.kind, FailureKind::LogInFirst);
            assert!(failure.message.contains("no key for a minute"), "{failure}");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(70), "it stands for ever");
    }
    assert!(begun.elapsed() >= Duration::from_secs(60), "{:?}", begun.elapsed());
    assert!(console.log_in("anna", GOOD, None).is_ok(), "the connection stands");
    let log = door.json(&["log", "--user", "anna"]);
    let out = log["entries"]
        .as_array()
        .unwrap()
        .iter()
        .find(|e| e["reason"] == "log out");
    assert!(word(out.expect("on record"), "words").contains("no key"), "{log}");
}

#[test]
fn r24_five_wrong_logins_lock_a_name_and_secrets_are_in_no_log() {
    let door = &mut Door::open();
    door.daemon.kill();
    door.env = vec![("POSTERN_LOG".into(), "trace".into())];
    door.reopen();
    door.operator("anna", "installer");
    let mut console = Console::open(door);
    let mut rows = Rows::default();
    for name in ["anna", "nobody"] {
        for _ in 0..5 {
            let failure = console.log_in(name, "a wrong pass phrase", None).unwrap_err();
            rows.same(name, "name, password or code is wrong".to_owned(), failure.message);
        }
        let failure = console.log_in(name, GOOD, None).unwrap_err();
        rows.hold(&format!("{name}: {failure}"), failure.message.contains("wait "));
    }
    let begun = Instant::now();
    let _ = console.log_in("anna", GOOD, None);
    rows.hold(
        "a locked name costs no hash",
        begun.elapsed() < Duration::from_millis(30),
    );
    let list = door.json(&["operator", "list"]);
    rows.hold(
        "locked",
        list["operators"][0]["locked_seconds"].as_u64().is_some_and(|s| s <= 60),
    );
    // A restart begins the lock again.
    std::thread::sleep(Duration::from_millis(300));
    door.kill_and_reopen();
    let mut console = Console::open(door);
    rows.hold("after a restart", console.log_in("anna", GOOD, None).is_err());
    door.ok(&["operator", "unlock", "anna"]);
    let session = console.log_in("anna", GOOD, None);
    rows.same("unlocked", Some(5), session.ok().map(|session| session.failures));
    let own = Request::OperatorPassword {
        old: Secret::from(GOOD),
        new: Secret::from("yet another pass phrase"),
    };
    rows.same("own password", None, kind(console.ask(&own)));
    let said = door.daemon.said();
    for secret in [GOOD, "a wrong pass phrase", "yet another pass phrase", "argon2id"] {
        rows.hold(&format!("{secret} is in the log"), !said.contains(secret));
    }
    let log = door.ok(&["log"]);
    rows.hold("on record", log.contains("log in anna was refused: wrong password"));
    rows.hold("without the password", !log.contains("pass phrase"));
    rows.end();
}

#[test]
fn r16_an_operator_s_own_code_is_asked_and_good_once() {
    let door = Door::open();
    door.operator("anna", "installer");
    let made = door.json(&["operator", "token", "add", "anna"]);
    let seed = data_encoding::BASE32_NOPAD
        .decode(word(&made, "key").as_bytes())
        .unwrap();
    let token = Token { seed, ..Token::new() };
    assert!(word(&made, "uri").starts_with("otpauth://totp/Postern:anna?issuer=Postern&secret="));
    let mut rows = Rows::default();
    let mut console = Console::open(&door);
    rows.hold("not confirmed: not asked", console.log_in("anna", GOOD, None).is_ok());
    let wrong = door.cli(&["operator", "token", "confirm", "anna", &token.wrong()]);
    rows.same("a wrong code confirms nothing", 1, wrong.status);
    let first = token.later(-1);
    door.ok(&["operator", "token", "confirm", "anna", &first]);
    rows.hold("no code", console.log_in("anna", GOOD, None).is_err());
    rows.hold("the spent one", console.log_in("anna", GOOD, Some(&first)).is_err());
    let code = token.code();
    rows.hold("the next one", console.log_in("anna", GOOD, Some(&code)).is_ok());
    let mut other = Console::open(&door);
    rows.hold("once", other.log_in("anna", GOOD, Some(&code)).is_err());
    door.ok(&["operator", "token", "remove", "anna"]);
    rows.hold("taken away", other.log_in("anna", GOOD, None).is_ok());
    rows.end();
}

#[test]
fn r19_a_login_by_password_alone_leads_to_the_clock_alone() {
    let mut door = Door::open();
    door.operator("anna", "installer");
    let made = door.json(&["operator", "token", "add", "anna"]);
    let seed = data_encoding::BASE32_NOPAD
        .decode(word(&made, "key").as_bytes())
        .unwrap();
    let token = Token { seed, ..Token::new() };
    door.ok(&["operator", "token", "confirm", "anna", &token.later(-1)]);
    let ahead = 3 * 86_400;
    crate::clock::set_clock(&mut door, ahead);
    let mut console = Console::open(&door);
    let session = console.log_in("anna", GOOD, None).unwrap();
    let mut rows = Rows::default();
    rows.hold("to the clock alone", session.clock_only);
    for (request, _) in every_request() {
        let wanted = match &request {
            Request::Ping | Request::Hello | Request::Status | Request::TimeShow | Request::Stay => None,
            Request::LogIn(_) => Some(FailureKind::Refused),
            // Below.
            Request::TimeConfirm | Request::LogOut | Request::Watch => continue,
            _ => Some(FailureKind::NotAllowed),
        };
        rows.same(request.word(), wanted, kind(console.ask(&request)));
    }
    let confirmed = console.ask(&Request::TimeConfirm);
    rows.hold(
        "confirmed",
        matches!(confirmed, Ok(Answer::Clock(clock)) if clock.trusted),
    );
    let over = console.ask(&Request::OperatorList).unwrap_err();
    rows.hold(
        &format!("{over}"),
        over.kind == FailureKind::LogInFirst && over.message.contains("with your code"),
    );
    rows.hold("no code", console.log_in("anna", GOOD, None).is_err());
    let code = token.at(now().saturating_add_signed(ahead));
    let session = console.log_in("anna", GOOD, Some(&code));
    rows.same("with it", Some(false), session.ok().map(|session| session.clock_only));
    rows.same("everything", None, kind(console.ask(&Request::OperatorList)));
    rows.end();
}

#[test]
fn a_console_that_reads_nothing_slows_no_login() {
    let door = Door::open();
    door.operator("anna", "installer");
    let nas = door.client(
        "vpn",
        "127.0.0.1",
        &[["--mode", "code-only"].as_slice(), &QUICK].concat(),
    );
    for n in 0..500 {
        let name = format!("somebody.with.a.long.name.{n:04}@contoso.example");
        if n % 25 == 0 {
            door.user(&name);
        }
    }
    let token = door.enrolled(USER);
    let stalled: Vec<Console> = (0..4)
        .map(|_| {
            let mut console = Console::open(&door);
            console.log_in("anna", GOOD, None).unwrap();
            console.ask(&Request::Watch).unwrap();
            let log = Request::Log(LogAsk {
                filter: LogFilter::default(),
                after: Some(0),
                limit: 500,
                wait_ms: 0,
            });
            console.0.set_nonblocking(true).unwrap();
            let bytes = frame::encode(&log).unwrap();
            for _ in 0..20_000 {
                if console.0.write(&bytes).unwrap_or(0) < bytes.len() {
                    break;
                }
            }
            console
        })
        .collect();
    assert_eq!(nas.login(USER, &token.code()), ACCEPT);
    let mut took: Vec<Duration> = (0..50)
        .map(|_| {
            let begun = Instant::now();
            assert!(nas.alive());
            begun.elapsed()
        })
        .collect();
    took.sort();
    assert!(
        took[25] < Duration::from_millis(100) && took[49] < Duration::from_secs(1),
        "{took:?}"
    );
    let mut other = Console::open(&door);
    assert!(other.log_in("anna", GOOD, None).is_ok(), "and no other console");
    drop(stalled);
}

#[test]
fn operators_are_looked_after_on_the_command_line() {
    let door = Door::open();
    let mut rows = Rows::default();
    let add = |name: &str, role: &str, password: &str| {
        let said = door.cli_in(&["operator", "add", name, "--role", role], password);
        (said.status, said.err)
    };
    for (row, wanted, (status, err)) in [
        ("the first is an installer", 1, add("ben", "helpdesk", GOOD)),
        ("weak", 1, add("anna", "installer", "password2026")),
        ("a name", 2, add("Anna", "installer", GOOD)),
        ("a role", 2, add("anna", "root", GOOD)),
        ("anna", 0, add("anna", "installer", GOOD)),
        ("twice", 1, add("anna", "installer", GOOD)),
        ("ben", 0, add("ben", "helpdesk", GOOD)),
    ] {
        rows.same(&format!("{row}: {err}"), wanted, status);
        rows.hold(
            &format!("{row}: one line: {err}"),
            status == 0 || err.lines().count() == 1,
        );
    }
    for (line, wanted) in [
        ("operator set anna --role helpdesk", 1),
        ("operator set anna --disable", 1),
        ("operator remove anna", 1),
        ("operator set ben --role installer", 0),
        ("operator set anna --disable", 0),
        ("operator set anna --enable", 0),
        ("operator unlock ben", 0),
        ("operator remove nobody", 1),
        ("operator remove ben", 0),
        ("operator token confirm anna 123456", 1),
        ("operator token remove anna", 1),
        ("network show", 0),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let said = door.cli(&words);
        rows.same(&format!("{line}: {}", said.err), wanted, said.status);
    }
    let list = door.json(&["operator", "list"]);
    rows.same("left", 1, list["operators"].as_array().map_or(0, Vec::len));
    rows.same("who", "anna".to_owned(), word(&list["operators"][0], "name"));
    let network = door.json(&["network", "show"]);
    rows.hold("a host name", !word(&network, "host").is_empty());
    let log = door.ok(&["log"]);
    rows.hold(
        &log,
        log.contains("operator add anna, role installer") && log.contains("uid "),
    );
    rows.end();
}
