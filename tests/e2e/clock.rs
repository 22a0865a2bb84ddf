//! The clock gate (R19), by a clock that `libfaketime` sets wrong.

use std::path::PathBuf;

use crate::harness::{Door, Rows};
use crate::lab::QUICK;
use crate::packet::{ACCEPT, Nas, Request, STATUS_SERVER};
use crate::totp::{Token, now};

const USER: &str = "anna@contoso.example";
const DAY: i64 = 86_400;

/// Where Debian puts the library, for any architecture.
fn library() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().filter_map(Result::ok);
    folders
        .map(|folder| folder.path().join("faketime/libfaketime.so.1"))
        .find(|file| file.exists())
        .expect("libfaketime (scripts/setup test)")
}

/// A door that has seen today, and a client that sends codes alone.
fn door() -> (Door, Nas, Token) {
    let door = Door::open();
    let nas = door.client(
        "vpn",
        "127.0.0.1",
        &[["--mode", "code-only"].as_slice(), &QUICK].concat(),
    );
    let token = door.enrolled(USER);
    assert_eq!(nas.login(USER, &token.later(-1)), ACCEPT);
    (door, nas, token)
}

/// Stops the door and starts it with the clock set by so many seconds.
pub fn set_clock(door: &mut Door, seconds: i64) {
    assert_eq!(door.daemon.terminate(), Some(0));
    door.env = vec![
        ("LD_PRELOAD".into(), library().to_str().unwrap().into()),
        ("FAKETIME".into(), format!("{seconds:+}")),
        ("FAKETIME_DONT_FAKE_MONOTONIC".into(), "1".into()),
    ];
    door.reopen();
}

fn trusted(door: &Door) -> bool {
    let clock = door.json(&["time", "show"]);
    clock["trusted"].as_bool().unwrap_or_else(|| panic!("{clock}"))
}

#[test]
fn r19_a_clock_far_ahead_or_behind_answers_nobody_until_confirmed() {
    let mut rows = Rows::default();
    for seconds in [3 * DAY, -3600] {
        let (mut door, mut nas, token) = door();
        set_clock(&mut door, seconds);
        nas.server = door.auth;
        let code = token.at(now().saturating_add_signed(seconds));
        rows.hold(&format!("{seconds}: not trusted"), !trusted(&door));
        rows.same(
            &format!("{seconds}: status"),
            Some(false),
            door.json(&["status"])["answering"].as_bool(),
        );
        rows.hold(
            &format!("{seconds}: a login hears nothing"),
            nas.silent(&Request::login(USER, &code)),
        );
        let status = Request::access().code(STATUS_SERVER);
        rows.hold(&format!("{seconds}: Status-Server hears nothing"), nas.silent(&status));
        door.ok(&["time", "confirm"]);
        rows.hold(&format!("{seconds}: trusted"), trusted(&door));
        rows.hold(&format!("{seconds}: Status-Server"), nas.alive());
        if seconds > 0 {
            rows.same(
                &format!("{seconds}: the code was not burnt"),
                ACCEPT,
                nas.login(USER, &code),
            );
        }
    }
    rows.end();
}

#[test]
fn r19_a_little_is_tolerated() {
    let mut rows = Rows::default();
    for seconds in [-20, 3600] {
        let (mut door, mut nas, _) = door();
        set_clock(&mut door, seconds);
        nas.server = door.auth;
        rows.hold(&format!("{seconds}: trusted"), trusted(&door));
        rows.hold(&format!("{seconds}: answers"), nas.alive());
    }
    rows.end();
}
