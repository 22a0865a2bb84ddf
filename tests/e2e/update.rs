//! `posternd --trial`: the first start of a new version, on a copy; and `posternd --recovery`: one new installer, with RADIUS silent. Both on
//! the real program, with the bytes of the state directory compared.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use postern::control::{FailureKind, Request, Role};

use crate::desk::{Console, add, every_request, kind};
use crate::harness::{Door, Running, Said, repository, run, word};
use crate::packet::{ACCEPT, Request as Packet};

/// Every file below, with its bytes and when it was written.
fn bytes_of(dir: &Path, into: &mut BTreeMap<String, (Vec<u8>, std::time::SystemTime)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let about = std::fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            into.insert(path.display().to_string(), (Vec::new(), about.modified().unwrap()));
            bytes_of(&path, into);
        } else if about.is_file() {
            into.insert(
                path.display().to_string(),
                (std::fs::read(&path).unwrap(), about.modified().unwrap()),
            );
        }
    }
}

fn all_bytes(dir: &Path) -> BTreeMap<String, (Vec<u8>, std::time::SystemTime)> {
    let mut all = BTreeMap::new();
    bytes_of(dir, &mut all);
    all
}

fn posternd(state: &Path, auth: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posternd"));
    let config = state.with_file_name("empty.toml");
    std::fs::write(&config, "acct = []\n").unwrap();
    command.arg("--config").arg(config).arg("--state-dir").arg(state);
    command
        .args(["--auth", auth])
        .args(more)
        .env("RUNTIME_DIRECTORY", state.parent().unwrap());
    command
}

fn trial(state: &Path, auth: &str) -> Said {
    let copy = format!("--trial={}", state.with_file_name("copy").display());
    run(&mut posternd(state, auth, &[&copy]), "")
}

/// A store of the schema before, as the posternd of that schema wrote it.
fn older(dir: &Path) -> std::path::PathBuf {
    let state = dir.join("state");
    let folder = |path: &Path| {
        std::fs::create_dir(path).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
    };
    folder(&state);
    folder(&state.join("store"));
    folder(&state.join("store/blobs"));
    let file = |path: &Path, bytes: &[u8]| {
        std::fs::write(path, bytes).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    file(&state.join("key"), &[5; 32]);
    for name in ["db", "conf", "mark"] {
        let from = repository("src/store/tests/schema2").join(name);
        file(&state.join("store").join(name), &std::fs::read(from).unwrap());
    }
    state
}

#[test]
fn r20_a_trial_of_a_newer_schema_leaves_the_real_store_s_bytes_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let state = older(dir.path());
    let before = all_bytes(&state);
    for _ in 0..2 {
        let said = trial(&state, "127.0.0.1:0");
        assert_eq!(said.status, 0, "{said:?}");
        assert!((said.err + &said.out).contains("this version answers"));
        assert_eq!(all_bytes(&state), before);
        assert!(!dir.path().join("copy").exists() && !dir.path().join("why").exists());
    }
    // The same store is raised by a start that is no trial, and the copy of before is kept: then the bytes are others.
    let control = dir.path().join("control.sock");
    let mut real = Running::start(posternd(&state, "127.0.0.1:0", &[]).arg("--control").arg(control));
    assert!(real.wait_for("ready"), "{}", real.said());
    assert_eq!(real.terminate(), Some(0));
    assert_ne!(all_bytes(&state), before);
    assert_eq!(std::fs::read_dir(state.join("copies")).unwrap().count(), 1);
}

#[test]
fn r20_a_trial_answers_nobody_and_spends_nothing() {
    let mut door = Door::open();
    let mut nas = door.client("vpn", "127.0.0.1", &["--mode", "code-only"]);
    let token = door.enrolled("anna@contoso.example");
    assert_eq!(door.daemon.terminate(), Some(0));
    let state = door.path().join("state");
    let before = all_bytes(&state);
    let stop = AtomicBool::new(false);
    let code = token.code();
    std::thread::scope(|scope| {
        // The gateway keeps asking all the time, with a code that is right.
        let asking = scope.spawn(|| {
            let mut replies = 0;
            while !stop.load(Ordering::Acquire) {
                let socket = nas.socket();
                socket
                    .set_read_timeout(Some(std::time::Duration::from_millis(20)))
                    .unwrap();
                let packet = Packet::login("anna@contoso.example", &code).bytes(&nas.secret);
                let _ = socket.send_to(&packet, nas.server);
                let mut buffer = [0; 4096];
                replies += usize::from(socket.recv(&mut buffer).is_ok());
            }
            replies
        });
        for _ in 0..5 {
            let said = trial(&state, &door.auth.to_string());
            assert_eq!(said.status, 0, "{said:?}");
        }
        stop.store(true, Ordering::Release);
        assert_eq!(asking.join().unwrap(), 0);
    });
    assert_eq!(all_bytes(&state), before);
    // The code that came meanwhile is still good.
    door.reopen();
    nas.server = door.auth;
    assert_eq!(nas.ask(&Packet::login("anna@contoso.example", &code)).code, ACCEPT);
}

#[test]
fn r19_what_would_not_answer_fails_its_trial_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let state = older(dir.path());
    let before = all_bytes(&state);
    let why = || std::fs::read_to_string(dir.path().join("why")).unwrap();
    // Another server has the port.
    let busy = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let said = trial(&state, &busy.local_addr().unwrap().to_string());
    assert_eq!(said.status, 1);
    assert!(why().contains("another RADIUS server runs there"), "{}", why());
    // A store of a posternd to come, as after a way back: nothing is set aside, nothing is written.
    std::fs::write(state.join("key"), [6; 32]).unwrap();
    let changed = all_bytes(&state);
    assert_eq!(trial(&state, "127.0.0.1:0").status, 1);
    assert_eq!(why().lines().count(), 1);
    assert_eq!(all_bytes(&state), changed);
    assert_eq!(changed.len(), before.len());
    assert!(!dir.path().join("copy").exists());
}

fn note(door: &Door, purpose: &str) -> String {
    let path = door.path().join("recovery.json");
    let text = format!(r#"{{"purpose":"{purpose}","at":1763800000000,"stick":"RESCUE"}}"#);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    format!("--recovery={}", path.display())
}

/// posternd in recovery on the state of a door that was closed.
fn recovery(door: &Door, note: &str) -> Running {
    let mut command = posternd(&door.path().join("state"), &door.auth.to_string(), &[note]);
    Running::start(command.arg("--control").arg(door.control()))
}

#[test]
fn r24_recovery_makes_one_restricted_installer_on_record_and_nothing_else() {
    let mut door = Door::open();
    let mut nas = door.client("vpn", "127.0.0.1", &["--mode", "code-only"]);
    let token = door.enrolled("anna@contoso.example");
    door.operator("ines", "installer");
    assert_eq!(door.daemon.terminate(), Some(0));
    let note = note(&door, "installer");
    let mut daemon = recovery(&door, &note);
    assert!(daemon.wait_for("a new installer may be made"), "{}", daemon.said());
    // RADIUS is silent: the port is not even taken.
    let socket = std::net::UdpSocket::bind(door.auth).unwrap();
    drop(socket);
    assert!(nas.silent(&Packet::login("anna@contoso.example", &token.code())));
    let mut console = Console::open(&door);
    for (request, _) in every_request() {
        if !matches!(
            request,
            Request::OperatorAdd(_) | Request::Ping | Request::Hello | Request::Watch
        ) {
            assert!(console.ask(&request).is_err(), "{}", request.word());
        }
    }
    assert!(console.log_in("ines", crate::desk::GOOD, None).is_err());
    assert_ne!(door.cli(&["status"]).status, 0);
    assert_ne!(door.cli(&["user", "list"]).status, 0);
    assert_eq!(
        kind(console.ask(&add("rita", Role::Helpdesk))),
        Some(FailureKind::Refused)
    );
    assert_eq!(
        kind(console.ask(&add("ines", Role::Installer))),
        Some(FailureKind::Exists)
    );
    console.ask(&add("rita", Role::Installer)).unwrap();
    assert!(Console::open(&door).ask(&add("more", Role::Installer)).is_err());
    assert!(daemon.child.wait().unwrap().success(), "{}", daemon.said());
    door.reopen();
    let status = door.ok(&["status"]);
    assert!(status.contains("rita was made an installer by recovery"), "{status}");
    let page = door.json(&["log"]);
    let acts: Vec<String> = page["entries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| word(entry, "outcome") == "done")
        .map(|entry| word(entry, "reason"))
        .collect();
    let place = |what: &str| {
        acts.iter()
            .rposition(|act| act == what)
            .unwrap_or_else(|| panic!("{what}: {acts:?}"))
    };
    assert!(
        place("recovery") < place("operator add") && place("operator add") < place("recovery operator"),
        "{acts:?}"
    );
    // The new one logs in, the others still do, and for a day the new one takes no secret out.
    let mut console = Console::open(&door);
    console.log_in("rita", crate::desk::GOOD, None).unwrap();
    let mut every = every_request().into_iter().map(|(request, _)| request);
    let mut export = every.find(|request| request.word() == "export").unwrap();
    if let Request::Export(ask) = &mut export {
        ask.password = Some(crate::desk::GOOD.into());
    }
    let failure = console.ask(&export).unwrap_err();
    assert!(failure.message.contains("recovery"), "{failure}");
    Console::open(&door).log_in("ines", crate::desk::GOOD, None).unwrap();
    nas.server = door.auth;
    assert_eq!(
        nas.ask(&Packet::login("anna@contoso.example", &token.code())).code,
        ACCEPT
    );
}

#[test]
fn r24_without_the_root_helper_s_note_there_is_no_recovery() {
    let mut door = Door::open();
    door.operator("ines", "installer");
    assert_eq!(door.daemon.terminate(), Some(0));
    let state = door.path().join("state");
    let before = all_bytes(&state);
    let missing = format!("--recovery={}", door.path().join("none").display());
    assert!(!recovery(&door, &missing).child.wait().unwrap().success());
    let flag = note(&door, "installer");
    let path = door.path().join("recovery.json");
    for (mode, owner) in [(0o666, 0), (0o664, 0), (0o644, 65_534)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        std::os::unix::fs::chown(&path, Some(owner), None).unwrap();
        assert!(
            !recovery(&door, &flag).child.wait().unwrap().success(),
            "{mode:o} {owner}"
        );
    }
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
    assert!(!recovery(&door, &flag).child.wait().unwrap().success());
    assert_eq!(all_bytes(&state), before);
}

#[test]
fn r23_a_factory_reset_is_on_record_and_posternd_ends() {
    let mut door = Door::open();
    assert_eq!(door.daemon.terminate(), Some(0));
    let flag = note(&door, "reset");
    assert!(recovery(&door, &flag).child.wait().unwrap().success());
    door.reopen();
    let page = door.json(&["log"]);
    let entries = page["entries"].as_array().unwrap();
    let act = entries
        .iter()
        .find(|entry| word(entry, "reason") == "host factory-reset")
        .unwrap();
    assert!(act.to_string().contains("by the prepared stick RESCUE"), "{act}");
}
