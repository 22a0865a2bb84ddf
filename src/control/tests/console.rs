//! `console.sock`: who may what, when a session ends, what is told unasked.

use std::time::Instant;

use parking_lot::Mutex;

use super::*;
use crate::secret::Secret;

/// What stands in for posternd's operators: whoever has a name with a role in it gets in.
pub struct Hall(Mutex<State>);

struct State {
    operators: bool,
    clock_trusted: bool,
    token: bool,
    over: Option<String>,
    role: Role,
    moved: Moved,
    idle: Duration,
    said: Vec<String>,
}

impl Default for Hall {
    fn default() -> Self {
        Self(Mutex::new(State {
            operators: true,
            clock_trusted: true,
            token: false,
            over: None,
            role: Role::Installer,
            moved: Moved::default(),
            idle: Duration::from_secs(300),
            said: Vec::new(),
        }))
    }
}

#[derive(Debug)]
pub struct Chair {
    pub name: String,
}

impl Hall {
    pub fn hello(&self) -> Hello {
        let state = self.0.lock();
        Hello {
            version: "test".to_owned(),
            host: "box1".to_owned(),
            operators: state.operators,
            answering: true,
            clock_trusted: state.clock_trusted,
        }
    }

    pub fn log_in(&self, name: &str) -> Result<(Chair, Session), Failure> {
        let mut state = self.0.lock();
        state.role = match name {
            "auditor" => Role::Auditor,
            "helpdesk" => Role::Helpdesk,
            "installer" => Role::Installer,
            _ => return Err(Failure::refused("name, password or code is wrong")),
        };
        state.over = None;
        let session = Session {
            operator: name.to_owned(),
            role: state.role,
            clock_only: !state.clock_trusted,
            idle_seconds: 300,
            last: None,
            failures: 0,
        };
        Ok((Chair { name: name.to_owned() }, session))
    }

    pub fn first(&self, name: &str) -> Result<(Chair, Session), Failure> {
        self.0.lock().operators = true;
        self.log_in(name)
    }

    pub fn standing(&self, chair: &Chair) -> Result<Standing, String> {
        let state = self.0.lock();
        match &state.over {
            Some(why) => Err(why.clone()),
            None => Ok(Standing {
                operator: chair.name.clone(),
                line: "tty1".to_owned(),
                seat: 1,
                role: state.role,
                token: state.token,
                clock_trusted: state.clock_trusted,
            }),
        }
    }

    pub fn said(&self, words: String) {
        self.0.lock().said.push(words);
    }

    pub fn moved(&self) -> Moved {
        self.0.lock().moved
    }

    pub fn idle(&self) -> Duration {
        self.0.lock().idle
    }
}

impl Rig {
    fn hall<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.echo.hall.0.lock())
    }

    fn console(&self) -> Console {
        let mut stream = UnixStream::connect(console_path(&self.path)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        frame::read(&mut stream).unwrap().unwrap();
        Console(stream)
    }
}

/// Speaks frames.
struct Console(UnixStream);

impl Console {
    fn send(&mut self, request: &Request) {
        self.0.write_all(&frame::encode(request).unwrap()).unwrap();
    }

    fn hear(&mut self) -> Result<Answer, Failure> {
        let json = frame::read(&mut self.0).unwrap().expect("the connection stands");
        frame::decode::<Result<Answer, Failure>>(&json).unwrap()
    }

    fn ask(&mut self, request: &Request) -> Result<Answer, Failure> {
        self.send(request);
        self.hear()
    }

    fn log_in(&mut self, name: &str) -> Result<Answer, Failure> {
        self.ask(&Request::LogIn(LogIn {
            name: name.to_owned(),
            password: Secret::from("correct horse"),
            code: None,
            line: "tty1".to_owned(),
        }))
    }
}

fn remove() -> Request {
    Request::UserRemove {
        name: "anna@contoso.example".to_owned(),
    }
}

fn kind(answer: Result<Answer, Failure>) -> FailureKind {
    answer.expect_err("it was answered").kind
}

#[test]
fn r24_without_a_log_in_nothing_is_performed() {
    let rig = Rig::start();
    let mut console = rig.console();
    assert!(matches!(console.ask(&Request::Ping), Ok(Answer::Pong(_))));
    assert!(matches!(console.ask(&Request::Hello), Ok(Answer::Hello(_))));
    let first = Request::OperatorAdd(OperatorAdd {
        name: "installer".to_owned(),
        role: Role::Installer,
        password: Secret::from("correct horse"),
        line: "tty1".to_owned(),
    });
    for request in [
        Request::Status,
        Request::TimeShow,
        Request::TimeConfirm,
        Request::Watch,
        Request::Stay,
        Request::LogOut,
        Request::OperatorList,
        first.clone(),
        remove(),
    ] {
        let refused = console.ask(&request).unwrap_err();
        assert_eq!(refused, Failure::new(FailureKind::LogInFirst, "log in first"));
    }
    let said = rig.hall(|state| state.said.clone());
    assert_eq!(
        said,
        ["time confirm", "operator add", "user remove"].map(|word| format!("nobody was refused {word}")),
        "R23: what would have gone on record"
    );
    assert_eq!(kind(console.log_in("nobody")), FailureKind::Refused);
    assert_eq!(kind(console.ask(&Request::Status)), FailureKind::LogInFirst);
    rig.hall(|state| state.operators = false);
    assert_eq!(kind(console.ask(&Request::Status)), FailureKind::LogInFirst);
    assert!(
        matches!(console.ask(&first), Ok(Answer::Session(_))),
        "the first one, and no other"
    );
    assert_eq!(rig.asked(), 0);
    assert_eq!(kind(console.ask(&remove())), FailureKind::Refused, "performed");
    assert_eq!(rig.asked(), 1);
}

#[test]
fn r24_the_role_is_looked_at_with_each_request() {
    let rig = Rig::start();
    let mut console = rig.console();
    console.log_in("helpdesk").unwrap();
    assert_eq!(kind(console.ask(&remove())), FailureKind::NotAllowed);
    assert_eq!(rig.asked(), 0);
    let by = console
        .ask(&Request::UserUnlock {
            name: "anna".to_owned(),
        })
        .unwrap_err();
    assert!(by.message.ends_with("as Helpdesk"), "{by}");
    // One connection's login is no other's.
    assert_eq!(kind(rig.console().ask(&Request::Status)), FailureKind::LogInFirst);
    rig.hall(|state| state.over = Some("the operator was disabled".to_owned()));
    let over = console.ask(&Request::Status).unwrap_err();
    assert_eq!(over.kind, FailureKind::LogInFirst);
    assert!(over.message.contains("the operator was disabled"), "{over}");
    let said = rig.hall(|state| state.said.clone());
    assert_eq!(
        said,
        [
            "helpdesk was refused user remove",
            "helpdesk left (the operator was disabled)"
        ]
    );
}

#[test]
fn r24_a_quiet_session_ends_and_looking_does_not_keep_it() {
    let rig = Rig::start();
    rig.hall(|state| state.idle = Duration::from_millis(900));
    let mut console = rig.console();
    console.log_in("installer").unwrap();
    console.ask(&Request::Watch).unwrap();
    let begun = Instant::now();
    let mut until = begun;
    while begun.elapsed() < Duration::from_millis(1200) {
        std::thread::sleep(Duration::from_millis(100));
        console.ask(&Request::Stay).unwrap();
        until = Instant::now();
    }
    let why = loop {
        console.send(&Request::Explain {
            user: "anna".to_owned(),
        });
        match console.hear() {
            Ok(Answer::Ended { why }) => break why,
            answer => assert_eq!(kind(answer), FailureKind::Refused, "performed"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(until.elapsed() > Duration::from_millis(700), "{:?}", until.elapsed());
    assert_eq!(why, "no key for a minute");
    // The connection stands: a login screen, and another login.
    assert_eq!(kind(console.hear()), FailureKind::LogInFirst);
    assert!(console.log_in("auditor").is_ok());
    assert!(console.ask(&Request::LogOut).is_ok());
    assert_eq!(kind(console.ask(&Request::Status)), FailureKind::LogInFirst);
}

#[test]
fn r24_a_session_does_not_end_while_its_backup_is_made_and_idle_counts_from_the_end() {
    let rig = Rig::start();
    rig.hall(|state| state.idle = Duration::from_millis(900));
    let mut console = rig.console();
    console.log_in("installer").unwrap();
    console.ask(&Request::Watch).unwrap();
    let look = Request::Backup(BackupRequest::Look {
        ticket: "slow".to_owned(),
        passphrase: "x".into(),
    });
    let begun = Instant::now();
    let answer = console.ask(&look);
    assert!(begun.elapsed() >= Duration::from_millis(1800), "{:?}", begun.elapsed());
    assert_eq!(
        answer,
        Ok(Answer::Done {
            done: "slow".to_owned()
        }),
        "the answer came to its session"
    );
    let ended = Instant::now();
    let Ok(Answer::Ended { why }) = console.hear() else {
        panic!("the session goes on for ever");
    };
    assert_eq!(why, "no key for a minute");
    assert!(ended.elapsed() > Duration::from_millis(700), "{:?}", ended.elapsed());
}

#[test]
fn what_moves_is_told_unasked_at_most_twice_a_second_and_only_to_who_watches() {
    let rig = Rig::start();
    let (mut watching, mut other) = (rig.console(), rig.console());
    watching.log_in("auditor").unwrap();
    other.log_in("auditor").unwrap();
    assert_eq!(watching.ask(&Request::Watch), Ok(Answer::Moved(Moved::default())));
    let begun = Instant::now();
    // Half a frame: what is told in between must not cost the rest of it.
    let frame = frame::encode(&Request::Explain {
        user: "anna".to_owned(),
    })
    .unwrap();
    watching.0.write_all(&frame[..7]).unwrap();
    let mut heard = 0;
    while begun.elapsed() < Duration::from_millis(1300) {
        rig.hall(|state| state.moved.records += 1);
        std::thread::sleep(Duration::from_millis(20));
    }
    watching.0.write_all(&frame[7..]).unwrap();
    let answer = loop {
        match watching.hear() {
            Ok(Answer::Moved(_)) => heard += 1,
            answer => break answer,
        }
    };
    assert_eq!(kind(answer), FailureKind::Refused, "performed");
    assert!((2..=3).contains(&heard), "{heard}");
    assert_eq!(
        kind(other.ask(&remove())),
        FailureKind::NotAllowed,
        "nothing came before it"
    );
    rig.hall(|state| state.over = Some("the operator was removed".to_owned()));
    let ended = loop {
        match watching.hear() {
            Ok(Answer::Moved(_)) => {}
            other => break other,
        }
    };
    let why = "the operator was removed".to_owned();
    assert_eq!(ended, Ok(Answer::Ended { why }));
}

#[test]
fn r19_while_the_clock_is_not_trusted_a_login_leads_to_the_clock_alone() {
    let rig = Rig::start();
    rig.hall(|state| state.clock_trusted = false);
    let mut console = rig.console();
    for token in [false, true] {
        rig.hall(|state| (state.clock_trusted, state.token) = (false, token));
        console.log_in("installer").unwrap();
        for request in [Request::OperatorList, Request::ClientList, remove()] {
            let refused = console.ask(&request).unwrap_err();
            assert_eq!(refused.kind, FailureKind::NotAllowed);
            assert!(refused.message.starts_with("the clock comes first"), "{refused}");
        }
        let said = rig.hall(|state| state.said.pop());
        assert_eq!(said.as_deref(), Some("installer was refused user remove"), "R23");
        assert!(console.ask(&Request::TimeShow).is_ok());
        assert!(console.ask(&Request::Watch).is_ok());
        let at = crate::control::Timestamp(1_772_460_300_000);
        for request in [
            Request::Host(crate::control::HostRequest::ClockSet { at }),
            Request::TimeConfirm,
        ] {
            assert_eq!(kind(console.ask(&request)), FailureKind::Refused, "performed");
        }
        rig.hall(|state| state.clock_trusted = true);
        if token {
            let Ok(Answer::Ended { why }) = console.ask(&remove()) else {
                panic!("the session stands");
            };
            assert!(why.contains("log in again with your code"), "{why}");
            assert_eq!(kind(console.hear()), FailureKind::LogInFirst);
        } else {
            assert_eq!(kind(console.ask(&remove())), FailureKind::Refused, "performed");
        }
    }
}

#[test]
fn a_console_that_reads_nothing_costs_its_own_connection_only() {
    let rig = Rig::start();
    let mut stalled = rig.console();
    stalled.log_in("installer").unwrap();
    let much = Request::ClientShow {
        name: "1000000".to_owned(),
    };
    for _ in 0..4 {
        stalled.send(&much);
    }
    let begun = Instant::now();
    let mut other = rig.console();
    other.log_in("installer").unwrap();
    assert_eq!(kind(other.ask(&remove())), FailureKind::Refused);
    assert!(Client::connect(&rig.path).unwrap().ask(&Request::Ping).is_ok());
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn silent_connections_do_not_shut_the_console_s_door() {
    let rig = Rig::start();
    let mut held = rig.console();
    held.log_in("installer").unwrap();
    let mut silent: Vec<Console> = (1..server::CONNECTIONS_MAX).map(|_| rig.console()).collect();
    for _ in 0..3 {
        assert!(
            rig.console().log_in("installer").is_ok(),
            "the oldest silent one made room"
        );
    }
    assert!(frame::read(&mut silent[0].0).unwrap().is_none(), "its connection ended");
    assert_eq!(
        kind(held.ask(&remove())),
        FailureKind::Refused,
        "who is logged in stays"
    );
}

#[test]
fn a_connection_without_an_operator_ends_when_it_is_silent_for_long() {
    let rig = Rig::start_with(Duration::from_millis(600));
    let (mut held, mut silent) = (rig.console(), rig.console());
    held.log_in("installer").unwrap();
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(250));
        silent.ask(&Request::Hello).unwrap();
    }
    let begun = Instant::now();
    assert!(frame::read(&mut silent.0).unwrap().is_none());
    assert!(begun.elapsed() > Duration::from_millis(400), "{:?}", begun.elapsed());
    assert_eq!(
        kind(held.ask(&remove())),
        FailureKind::Refused,
        "who is logged in stays"
    );
}
