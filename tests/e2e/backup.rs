//! A box as one file, and back (R20, R21, R25): on another box, on the same one, with files that are none, and cut at any moment.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::harness::{Door, Rows, Running, Said, repository, run, word};
use crate::lab::QUICK;
use crate::packet::{ACCEPT, Nas, REJECT};
use crate::totp::{Token, early_in_a_step};

mod broken;
mod large;
mod peers;
mod power;

pub const ANNA: &str = "anna@contoso.example";
pub const BEN: &str = "ben@contoso.example";
const HANS: &str = "hans@contoso.example";
pub const PASSPHRASE: &str = "three tall ladders";
/// A restore, or a raise of steps, is over by then.
const PATIENCE: Duration = Duration::from_secs(30);

/// A credentials folder as systemd would make it.
pub fn credential(dir: &Path, byte: u8) -> (String, String) {
    let folder = dir.join(format!("credentials-{byte}"));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("postern.key");
    std::fs::write(&path, [byte; 32]).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
    ("CREDENTIALS_DIRECTORY".to_owned(), folder.to_str().unwrap().to_owned())
}

/// A box with this credential.
pub fn box_under(byte: u8) -> Door {
    let mut door = Door::open();
    door.daemon.terminate();
    std::fs::remove_dir_all(door.path().join("state")).unwrap();
    let credential = credential(door.path(), byte);
    door.env.push(credential);
    door.reopen();
    door
}

/// A gateway that asks for the code alone.
pub fn gateway(door: &Door) -> Nas {
    door.client(
        "vpn",
        "127.0.0.1",
        &[["--mode", "code-only"].as_slice(), &QUICK].concat(),
    )
}

pub fn passphrase_file(door: &Door) -> String {
    let path = door.path().join("passphrase");
    std::fs::write(&path, PASSPHRASE).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A backup of this box; the file.
pub fn backup(door: &Door, name: &str) -> PathBuf {
    let file = door.path().join(name);
    let out = door.ok(&[
        "backup",
        file.to_str().unwrap(),
        "--passphrase-file",
        &passphrase_file(door),
    ]);
    assert!(out.contains("operators") && out.lines().count() == 1, "{out}");
    file
}

pub fn restore(door: &Door, file: &Path) -> Said {
    let file = file.to_str().unwrap();
    door.cli(&["restore", file, "--passphrase-file", &passphrase_file(door), "--yes"])
}

/// Once codes are checked again.
pub fn answers(door: &Door) {
    let start = Instant::now();
    while door.json(&["status"])["answering"] != true {
        assert!(start.elapsed() < PATIENCE, "{}", door.daemon.said());
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub fn users(door: &Door) -> Vec<String> {
    let list = door.json(&["user", "list"]);
    let users = list["users"].as_array().unwrap();
    users
        .iter()
        .map(|user| user["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The first code that is taken again, which may be some steps away.
fn first_good(nas: &Nas, user: &str, token: &Token) -> Duration {
    let start = Instant::now();
    loop {
        early_in_a_step();
        if nas.login(user, &token.code()) == ACCEPT {
            return start.elapsed();
        }
        assert!(start.elapsed() < Duration::from_secs(150), "no code is good any more");
        std::thread::sleep(Duration::from_secs(5));
    }
}

#[test]
fn r20_r21_a_box_moves_to_another_one() {
    let a = box_under(1);
    let nas = gateway(&a);
    let (anna, ben) = (a.enrolled(ANNA), a.enrolled(BEN));
    a.operator("otto", "installer");
    a.user(HANS);
    let counter = Token::new().base32();
    a.ok_in(
        &[
            "token",
            "add",
            HANS,
            "--kind",
            "hotp",
            "--active",
            "--secret-file",
            "-",
            "--qr",
            "none",
        ],
        &counter,
    );
    early_in_a_step();
    let code = anna.code();
    assert_eq!(nas.login(ANNA, &code), ACCEPT);
    let file = backup(&a, "box.age");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    let again = a.cli(&[
        "backup",
        file.to_str().unwrap(),
        "--passphrase-file",
        &passphrase_file(&a),
    ]);
    assert!(again.status == 1 && again.err.contains("is there already"), "{again:?}");
    assert!(a.ok(&["log"]).contains("backup"), "{}", a.ok(&["log"]));

    let mut b = box_under(2);
    b.user("zoe@contoso.example");
    let restored = restore(&b, &file);
    assert_eq!(restored.status, 0, "{restored:?} {}", b.daemon.said());
    assert!(
        restored.out.contains("another box") && restored.out.contains("runs again"),
        "{restored:?}"
    );
    answers(&b);
    let mut rows = Rows::default();
    rows.same(
        "users",
        vec![ANNA.to_owned(), BEN.to_owned(), HANS.to_owned()],
        users(&b),
    );
    rows.hold("operator", b.ok(&["operator", "list"]).contains("otto"));
    rows.same("log", 0, b.cli(&["log", "--verify"]).status);
    let log = b.ok(&["log"]);
    rows.hold(&log, log.contains("restore") && log.contains(ANNA));
    let state = b.path().join("state");
    rows.hold(
        "key.sealed",
        state.join("key.sealed").exists() && !state.join("key").exists(),
    );
    rows.hold("before", state.join("before-restore/store").exists());
    rows.hold(
        "nothing staged",
        !state.join("restoring").exists() && !state.join("restored.json").exists(),
    );
    let nas = Nas { server: b.auth, ..nas };
    // The same code, and every other one that the first box may have taken since.
    rows.same("the spent code", REJECT, nas.login(ANNA, &code));
    rows.same("one of now", REJECT, nas.login(BEN, &ben.code()));
    let took = first_good(&nas, BEN, &ben);
    println!("the first code was good {} s after the restore", took.as_secs());
    rows.same("the next one", ACCEPT, {
        early_in_a_step();
        nas.login(ANNA, &anna.code())
    });
    let hans = b.json(&["token", "list", HANS]);
    rows.same(
        "a counter token",
        "resync".to_owned(),
        word(&hans["tokens"][0], "status"),
    );
    rows.same(
        "alarms",
        vec!["counter-tokens".to_owned(), "store-restored".to_owned()],
        {
            let status = b.json(&["status"]);
            let alarms = status["alarms"].as_array().unwrap();
            alarms
                .iter()
                .map(|alarm| alarm["code"].as_str().unwrap().to_owned())
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect()
        },
    );
    // It is a box like any other.
    assert_eq!(b.daemon.terminate(), Some(0), "{}", b.daemon.said());
    b.reopen();
    rows.same("after a restart", 3, users(&b).len());
    rows.end();

    // A credential that was changed: one clear line, and nothing is lost.
    b.daemon.terminate();
    let good = std::mem::take(&mut b.env);
    let other = credential(b.path(), 3);
    let mut refused = Running::start(
        Command::new(env!("CARGO_BIN_EXE_posternd"))
            .arg("--state-dir")
            .arg(b.path().join("state"))
            .arg("--control")
            .arg(b.control())
            .args(["--auth", "127.0.0.1:0", "--acct", "127.0.0.1:0"])
            .env(&other.0, &other.1),
    );
    assert!(refused.wait_for("the credential was changed"), "{}", refused.said());
    b.env = good;
    b.reopen();
    assert_eq!(users(&b).len(), 3);
}

#[test]
fn r20_an_old_backup_on_its_own_box_gives_nobody_anything_back() {
    let door = Door::open();
    let nas = gateway(&door);
    let (anna, ben) = (door.enrolled(ANNA), door.enrolled(BEN));
    door.operator("otto", "installer");
    let file = backup(&door, "old.age");
    early_in_a_step();
    let code = anna.code();
    assert_eq!(nas.login(ANNA, &code), ACCEPT);
    door.ok(&["user", "disable", BEN]);
    door.user("carl@contoso.example");
    door.operator("olga", "installer");
    door.ok(&["operator", "set", "otto", "--disable"]);
    let restored = restore(&door, &file);
    assert_eq!(restored.status, 0, "{restored:?} {}", door.daemon.said());
    assert!(restored.out.contains("of this box"), "{restored:?}");
    answers(&door);
    let mut rows = Rows::default();
    rows.same("users", vec![ANNA.to_owned(), BEN.to_owned()], users(&door));
    rows.same("the spent code", REJECT, nas.login(ANNA, &code));
    rows.same("why", "code-used".to_owned(), door.reason(ANNA));
    rows.same("a disabled user", REJECT, nas.login(BEN, &ben.code()));
    let operators = door.json(&["operator", "list"]);
    let enabled = |name: &str| {
        let all = operators["operators"].as_array().unwrap();
        all.iter()
            .find(|one| one["name"] == name)
            .map(|one| one["enabled"] == true)
    };
    rows.same("olga", Some(true), enabled("olga"));
    rows.same("otto", Some(false), enabled("otto"));
    rows.same("log", 0, door.cli(&["log", "--verify"]).status);
    let log = door.ok(&["log"]);
    rows.hold(&log, log.contains("carl@contoso.example") && log.contains("restore"));
    // The log told which codes were spent: the next one is good at once.
    rows.hold("the next code", first_good(&nas, ANNA, &anna) < Duration::from_secs(45));
    rows.end();
}

/// Somebody of the group that may use `control.sock`, who is not root.
fn as_nobody(door: &Door, arguments: &[&str], input: &str) -> Said {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command
        .arg(env!("CARGO_BIN_EXE_postern"))
        .arg("--control")
        .arg(door.control());
    run(command.args(arguments), input)
}

#[test]
fn r25_backup_and_restore_want_an_installers_password() {
    if !nix::unistd::geteuid().is_root() {
        let left_out = std::env::var_os("POSTERN_WITHOUT_ROOT").is_some();
        assert!(
            left_out,
            "this test wants root; set POSTERN_WITHOUT_ROOT=1 to leave it out"
        );
        println!("left out: not root");
        return;
    }
    let door = Door::open();
    door.operator("otto", "installer");
    door.user(ANNA);
    let passphrase = passphrase_file(&door);
    for (path, mode) in [
        (door.path().to_owned(), 0o777),
        (door.control(), 0o666),
        (PathBuf::from(&passphrase), 0o644),
    ] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let file = door.path().join("mine.age");
    let file = file.to_str().unwrap();
    let mut rows = Rows::default();
    for (flags, password, line) in [
        (vec![], "", "name the installer with --operator NAME"),
        (vec!["--operator", "otto"], "wrong\n", "name or password is wrong"),
    ] {
        let arguments = [["backup", file, "--passphrase-file", &passphrase].as_slice(), &flags].concat();
        let said = as_nobody(&door, &arguments, password);
        rows.hold(
            &format!("{said:?}"),
            said.status != 0 && said.err.contains(line) && said.err.lines().count() == 1,
        );
        rows.hold("no file", !Path::new(file).exists());
    }
    let good = format!("{}\n", crate::desk::GOOD);
    let said = as_nobody(
        &door,
        &["backup", file, "--passphrase-file", &passphrase, "--operator", "otto"],
        &good,
    );
    rows.same(&format!("{said:?}"), 0, said.status);
    let arguments = ["restore", file, "--passphrase-file", &passphrase, "--yes"];
    let said = as_nobody(&door, &arguments, "");
    rows.hold(
        &format!("{said:?}"),
        said.status != 0 && said.err.contains("--operator NAME"),
    );
    // The new socket is for its group again, which this machine has not.
    let (control, done) = (door.control(), Arc::new(AtomicBool::new(false)));
    let over = Arc::clone(&done);
    let opens = std::thread::spawn(move || {
        while !over.load(Ordering::Acquire) {
            let _ = std::fs::set_permissions(&control, std::fs::Permissions::from_mode(0o666));
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let said = as_nobody(&door, &[arguments.as_slice(), &["--operator", "otto"]].concat(), &good);
    done.store(true, Ordering::Release);
    opens.join().unwrap();
    rows.same(&format!("{said:?}"), 0, said.status);
    rows.hold("by whom", door.ok(&["log"]).contains("by the password of otto"));
    rows.end();
}
