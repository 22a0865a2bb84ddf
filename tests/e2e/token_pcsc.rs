//! `postern token program` and its like over the real pcscd, with simulated tokens in virtual readers and a real posternd: a token
//! is believed only when it is written whole and its code has come, whatever happens on the way, and nothing waits for ever.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use serde_json::Value;

use crate::harness::{Door, Rows, Said, run, word};
use crate::lab::QUICK;
use crate::packet::{ACCEPT, Nas};
use crate::pcscd::{MOLTO, NFC, Pcscd, timed};
use crate::sim::codes;
use crate::sim::faults::{Event, What};
use crate::sim::molto2::Molto2;
use crate::sim::single::{Quartz, Single, Switch};
use crate::sim::{Applet, Field, lock, wall_clock};
use crate::totp::{early_in_a_step, now};

pub(crate) const USER: &str = "anna@contoso.example";
pub(crate) const OTHER: &str = "berta@contoso.example";
pub(crate) const SERIAL: &str = "86596220000001";
/// One whose clock may be set alone.
pub(crate) const FREE: &str = "86596120000001";

pub(crate) fn single(serial: &str) -> Arc<Mutex<Single>> {
    Arc::new(Mutex::new(Single::new(serial, &wall_clock())))
}

/// A door with two users, and a client that sends codes alone.
pub(crate) fn door() -> (Door, Nas) {
    let door = Door::open();
    let nas = door.client(
        "vpn",
        "127.0.0.1",
        &[["--mode", "code-only"].as_slice(), &QUICK].concat(),
    );
    door.user(USER);
    door.user(OTHER);
    (door, nas)
}

/// A person at the command line: types each answer when it is time.
pub(crate) struct Person {
    child: std::process::Child,
}

impl Person {
    fn at(door: &Door, pcscd: &Pcscd, arguments: &[&str]) -> Person {
        let mut command = door.postern(arguments);
        pcscd.with(&mut command);
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Person { child }
    }

    fn types(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
    }

    /// Waits for a display to show a code and types it; nothing if the program ends before.
    fn types_what_is_shown(&mut self, display: impl Fn() -> Option<String>) {
        let start = Instant::now();
        loop {
            if let Some(code) = display() {
                let _ = writeln!(self.child.stdin.as_mut().unwrap(), "{code}");
                return;
            }
            if self.child.try_wait().unwrap().is_some() {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "nothing is shown");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn ends(mut self) -> Said {
        drop(self.child.stdin.take());
        let output = self.child.wait_with_output().unwrap();
        Said {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The tokens of a user: status and serial number.
pub(crate) fn tokens(door: &Door, user: &str) -> Vec<(String, String)> {
    let list = door.json(&["token", "list", user]);
    let row = |one: &Value| (word(one, "status"), word(one, "serial"));
    list["tokens"].as_array().unwrap().iter().map(row).collect()
}

pub(crate) fn shows(token: &Arc<Mutex<Single>>) -> Option<String> {
    lock(token).display().map(|(code, _)| code)
}

/// The code after the one that is shown: the shown one is spent by the confirmation.
pub(crate) fn next_code(token: &Arc<Mutex<Single>>) -> String {
    let token = lock(token);
    let seed = token.seed.clone().unwrap();
    codes::code(&seed, token.manner, now() + u64::from(token.manner.step))
}

/// Programs a token to its end.
pub(crate) fn programs(door: &Door, pcscd: &Pcscd, token: &Arc<Mutex<Single>>, more: &[&str]) -> Said {
    let device = format!("pcsc:{}", NFC.name);
    let arguments = [
        ["token", "program", USER, "--device", &device, "--yes"].as_slice(),
        more,
    ]
    .concat();
    early_in_a_step();
    let before = lock(token).seeds;
    let mut person = Person::at(door, pcscd, &arguments);
    person.types_what_is_shown(|| {
        let written = lock(token).seeds > before;
        written.then(|| shows(token)).flatten()
    });
    person.ends()
}

#[test]
fn a_single_token_is_programmed_over_pcscd_and_logs_in() {
    let (door, nas) = door();
    let pcscd = Pcscd::start(NFC);
    let token = single(SERIAL);
    lock(&token).quartz = Quartz::ahead(&wall_clock(), 95);
    let field = Field::with(&token);
    let _slot = pcscd.slot(NFC, &field);
    let said = programs(&door, &pcscd, &token, &[]);
    assert_eq!(said.status, 0, "{said:?}\n{}", door.daemon.said());
    assert!(
        ["95", "96"].iter().any(|s| said
            .err
            .contains(&format!("OTPC-P2-i 86596220000001, its clock is {s} s ahead"))),
        "{said:?}"
    );
    assert_eq!(tokens(&door, USER), [("active".to_owned(), SERIAL.to_owned())]);
    assert_eq!(nas.login(USER, &next_code(&token)), ACCEPT);
    // The seed went nowhere but into the token and the store.
    let seed = lock(&token).seed.clone().unwrap();
    let written = [
        data_encoding::HEXLOWER.encode(&seed),
        data_encoding::BASE32_NOPAD.encode(&seed).to_lowercase(),
    ];
    let log = door.ok(&["--json", "log"]).to_lowercase();
    let all = format!(
        "{}{}{log}{}{}",
        said.out,
        said.err,
        door.daemon.said(),
        pcscd.daemon.said()
    )
    .to_lowercase();
    assert!(written.iter().all(|seed| !all.contains(seed)), "{all}");
    // Another hash and period, for another user: anna's goes with the new one's code, and not before.
    let more = ["--algorithm", "sha256", "--period", "60", "--replace"];
    let device = format!("pcsc:{}", NFC.name);
    let arguments = ["token", "program", OTHER, "--device", &device];
    let mut person = Person::at(&door, &pcscd, &[arguments.as_slice(), &more].concat());
    person.types("y");
    let first = seed;
    person.types_what_is_shown(|| {
        let new = lock(&token).seed.as_ref().is_some_and(|seed| *seed != first);
        assert_eq!(tokens(&door, USER).len(), 1, "still hers");
        new.then(|| shows(&token)).flatten()
    });
    let said = person.ends();
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.err.contains("that one goes when the new code comes"), "{said:?}");
    assert_eq!((tokens(&door, USER).len(), tokens(&door, OTHER).len()), (0, 1));
}

#[test]
fn a_molto_is_known_by_its_readers_name_and_takes_profiles() {
    let (door, nas) = door();
    let pcscd = Pcscd::start(MOLTO);
    let molto = Arc::new(Mutex::new(Molto2::new("84101000000001", 100, &wall_clock())));
    lock(&molto).profiles[0].seed = Some(vec![1; 20]);
    let _slot = pcscd.slot(MOLTO, &Field::with(&molto));
    let program = |more: &[&str]| {
        early_in_a_step();
        let arguments = ["token", "program", USER, "--device", "pcsc", "--yes"];
        let mut person = Person::at(&door, &pcscd, &[arguments.as_slice(), more].concat());
        person.types_what_is_shown(|| lock(&molto).display(1).map(|(code, _)| code));
        person.ends()
    };
    let said = program(&[]);
    assert_eq!(said.status, 0, "{said:?}\n{}", pcscd.daemon.said());
    let profile = lock(&molto).profiles[1].clone();
    assert_eq!(profile.title, b"anna@contoso");
    let code = codes::code(&profile.seed.unwrap(), profile.manner, now() + 30);
    assert_eq!(nas.login(USER, &code), ACCEPT);
    // The profile is hers now; nobody gets it without being asked.
    let said = program(&["--profile", "1"]);
    assert!(
        said.status == 1 && said.err.contains("--replace says that this may be"),
        "{said:?}"
    );
    let mut show = Command::new(env!("CARGO_BIN_EXE_postern"));
    let show = run(
        pcscd.with(show.args(["token", "device", "show", "--device", "pcsc:molto"])),
        "",
    );
    assert!(
        show.out.contains("  1  holds a seed  anna@contoso\n2 of 100"),
        "{show:?}"
    );
}

#[test]
fn taken_away_at_any_command_no_token_is_believed_and_the_next_try_is_good() {
    let (door, nas) = door();
    let pcscd = Pcscd::start(NFC);
    let token = single(SERIAL);
    let field = Field::with(&token);
    let slot = pcscd.slot(NFC, &field);
    let device = format!("pcsc:{}", NFC.name);
    let mut rows = Rows::default();
    // Look; again, two for the key, configuration; again, two for the key, seed.
    for at in 1..9 {
        for late in [false, true] {
            pcscd.wait("the token", |pcscd| {
                let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
                let show = command.args(["token", "device", "show", "--device", &device]);
                run(pcscd.with(show), "").status == 0
            });
            slot.plan(Some(Event {
                at,
                late,
                what: What::Taken,
            }));
            let arguments = ["token", "program", USER, "--device", &device, "--yes", "--wait", "5"];
            let (said, took) = timed(pcscd.with(&mut door.postern(&arguments)), "123456\n");
            let row = format!("{at} {late}");
            rows.same(&format!("{row}: {}", said.err), 1, said.status);
            rows.hold(&format!("{row}: in time: {took:?}"), took < Duration::from_secs(10));
            rows.hold(&format!("{row}: why: {}", said.err), said.err.contains("taken away"));
            rows.same(
                &format!("{row}: what is in it: {}", said.err),
                at >= 4,
                said.err.contains("the token may hold no seed"),
            );
            let list = tokens(&door, USER);
            rows.same(&row, vec![("pending".to_owned(), SERIAL.to_owned())], list);
            slot.plan(None);
            field.place(token.clone());
        }
    }
    let said = programs(&door, &pcscd, &token, &[]);
    rows.same(&format!("at last: {said:?}"), 0, said.status);
    rows.same(
        "one token",
        vec![("active".to_owned(), SERIAL.to_owned())],
        tokens(&door, USER),
    );
    rows.same("logs in", ACCEPT, nas.login(USER, &next_code(&token)));
    rows.end();
}

/// A token that does something at one of its commands.
struct Trap<F: FnMut() + Send> {
    token: Arc<Mutex<Single>>,
    left: usize,
    act: F,
}

impl<F: FnMut() + Send> Applet for Trap<F> {
    fn apdu(&mut self, command: &[u8]) -> Vec<u8> {
        let answer = lock(&self.token).apdu(command);
        match self.left.checked_sub(1) {
            Some(0) => {
                self.left = 0;
                (self.act)();
            }
            Some(left) => self.left = left,
            None => {}
        }
        answer
    }

    fn contact(&mut self) {
        lock(&self.token).contact();
    }
}

#[test]
fn pcscd_killed_in_the_middle_leaves_nobody_with_half_a_token() {
    let mut pcscd = Pcscd::start(NFC);
    let device = format!("pcsc:{}", NFC.name);
    let mut rows = Rows::default();
    for at in [2, 5, 9] {
        let (door, _) = door();
        let token = single(SERIAL);
        let pid = pcscd.pid();
        let trap = Trap {
            token: token.clone(),
            left: at,
            act: move || kill(pid, Signal::SIGKILL).unwrap(),
        };
        let field = Field::with(&Arc::new(Mutex::new(trap)));
        {
            let _slot = pcscd.slot(NFC, &field);
            let mut command = door.postern(&["token", "program", USER, "--device", &device, "--yes"]);
            let (said, took) = timed(pcscd.with(&mut command), "123456\n");
            rows.same(&format!("{at}: {}", said.err), 1, said.status);
            rows.hold(&format!("{at}: {took:?}"), took < Duration::from_secs(10));
            rows.hold(
                &format!("{at}: {}", said.err),
                said.err.contains("the reader was unplugged") || said.err.contains("pcscd does not run"),
            );
            rows.hold(
                &format!("{at}: not active"),
                tokens(&door, USER).iter().all(|one| one.0 == "pending"),
            );
        }
        pcscd.start_again();
        let field = Field::with(&token);
        let _slot = pcscd.slot(NFC, &field);
        let said = programs(&door, &pcscd, &token, &[]);
        rows.same(&format!("{at} again: {said:?}"), 0, said.status);
        let active = vec![("active".to_owned(), SERIAL.to_owned())];
        rows.same(&format!("{at} again"), active, tokens(&door, USER));
    }
    rows.end();
}

#[test]
fn a_pcscd_that_hangs_holds_nobody_up() {
    let (door, _) = door();
    let pcscd = Pcscd::start(NFC);
    let token = single(SERIAL);
    let pid = pcscd.pid();
    let trap = Trap {
        token: token.clone(),
        left: 5,
        act: move || kill(pid, Signal::SIGSTOP).unwrap(),
    };
    let field = Field::with(&Arc::new(Mutex::new(trap)));
    let _slot = pcscd.slot(NFC, &field);
    let device = format!("pcsc:{}", NFC.name);
    let mut command = door.postern(&["token", "program", USER, "--device", &device, "--yes"]);
    let (said, took) = timed(pcscd.with(&mut command), "123456\n");
    assert!(said.status == 1 && said.err.contains("stopped answering"), "{said:?}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    let (said, took) = timed(pcscd.with(command.args(["token", "readers"])), "");
    assert!(
        said.status == 0 && said.err.contains("pcscd does not answer"),
        "{said:?}"
    );
    assert!(took < Duration::from_secs(15), "{took:?}");
    pcscd.signal(Signal::SIGCONT);
    pcscd.wait("the reader", |pcscd| {
        pcscd.readers()["readers"].as_array().is_some_and(|all| !all.is_empty())
    });
    let said = programs(&door, &pcscd, &token, &[]);
    assert_eq!(said.status, 0, "{said:?}");
}

#[test]
fn readers_come_and_go_and_what_is_missing_is_told() {
    let names = |pcscd: &Pcscd| -> Vec<String> {
        let document = pcscd.readers();
        let all = document["readers"].as_array().unwrap().iter();
        all.map(|one| word(one, "device"))
            .filter(|device| device.starts_with("pcsc:"))
            .collect()
    };
    let (door, _) = door();
    let mut pcscd = Pcscd::unplugged(NFC);
    // pcscd keeps its name although its driver does not start.
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    let said = run(
        pcscd.with(command.args(["token", "device", "show", "--device", "pcsc"])),
        "",
    );
    assert_eq!(
        (said.status, said.err.as_str()),
        (1, "postern: the reader is not there: plug it in\n")
    );
    // Somebody waits for a reader and a token; both come, the token switched off at first.
    let token = single(SERIAL);
    lock(&token).switch = Switch::Off;
    let field = Field::with(&token);
    early_in_a_step();
    let mut person = Person::at(&door, &pcscd, &["token", "program", USER, "--device", "pcsc", "--yes"]);
    std::thread::sleep(Duration::from_millis(700));
    pcscd.plug();
    let _slot = pcscd.slot(NFC, &field);
    pcscd.wait("the reader", |pcscd| names(pcscd).len() == 2);
    lock(&token).switch = Switch::On;
    person.types_what_is_shown(|| shows(&token));
    let said = person.ends();
    assert_eq!(said.status, 0, "{said:?}");
    for words in ["the reader is not there: plug it in", "no token lies on the reader"] {
        assert!(said.err.contains(words), "{words}: {said:?}");
    }
    let show = |device: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        run(
            pcscd.with(command.args(["token", "device", "show", "--device", device])),
            "",
        )
    };
    let said = show("pcsc:Molto");
    assert!(
        said.status == 1
            && said
                .err
                .contains("pcscd knows no reader Molto; it knows: Virtual PCD 00 00, Virtual PCD 00 01"),
        "{said:?}"
    );
    field.take();
    pcscd.wait("the token's end", |_| show("pcsc").status == 1);
    let said = show("pcsc:virtual");
    assert!(
        said.status == 1 && said.err.contains("no token lies on the reader"),
        "{said:?}"
    );
    // No right to the socket, no pcscd behind it, none at all.
    std::fs::set_permissions(pcscd.socket(), std::fs::Permissions::from_mode(0o660)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    let said = run(
        pcscd.with(command.uid(65_534).gid(65_534).args(["token", "readers"])),
        "",
    );
    assert!(said.err.contains("no right to speak with pcscd"), "{said:?}");
    pcscd.daemon.kill();
    for gone in [false, true] {
        if gone {
            let _ = std::fs::remove_file(pcscd.socket());
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        let said = run(pcscd.with(command.args(["token", "readers"])), "");
        assert!(said.status == 0 && said.err.contains("pcscd does not run"), "{said:?}");
    }
    pcscd.start_again();
    pcscd.wait("the reader again", |pcscd| !names(pcscd).is_empty());
}
