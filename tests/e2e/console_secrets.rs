//! What must not stay on a line: secrets after a lock, a log-out or the end; and what no key leads to: a shell.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::console_line::{OPERATOR, PASSPHRASE, console, log_in, operator, ready};
use crate::eye::typed;
use crate::harness::Door;
use crate::line::{Line, key};
use crate::totp::early_in_a_step;

const ANNA: &str = "anna@contoso.example";
/// Takes the scroll-back away.
const WIPE: &[u8] = b"\x1b[3J";

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// A door whose consoles lock after a minute, an operator, and a user with a token.
fn door() -> Door {
    let door = Door::open_on("127.0.0.1", &["--console-idle", "1"]);
    ready(&door);
    door.enrolled(ANNA);
    operator(&door, OPERATOR, "installer");
    door
}

/// A line on which a new token's key stands, and what of it is on the screen.
fn with_key(door: &Door, columns: u16, rows: u16) -> (Line, Vec<String>) {
    let mut line = console(door, columns, rows, &["--caps", "ansi16-unicode"]);
    log_in(&mut line, OPERATOR);
    line.send(&format!("e{ANNA}\r"));
    line.expect("Type the code");
    line.settle();
    let key = typed(&line.screen()).base32();
    let mut secrets: Vec<String> = key
        .as_bytes()
        .chunks(4)
        .map(|group| String::from_utf8_lossy(group).into_owned())
        .collect();
    // Rows of the QR code.
    secrets.extend(line.screen().lines().filter_map(|row| {
        let code: String = row.chars().take_while(|c| " █▀▄".contains(*c)).collect();
        (code.trim().chars().count() > 20).then(|| code.trim().to_owned())
    }));
    assert!(secrets.len() > 20, "{secrets:?}");
    (line, secrets)
}

/// A line on which a bypass code stands.
fn with_bypass(door: &Door) -> (Line, Vec<String>) {
    let mut line = console(door, 80, 24, &[]);
    log_in(&mut line, OPERATOR);
    line.send(&format!("b{ANNA}\r"));
    line.expect("Good for minutes");
    line.send(key::ENTER);
    line.expect("It is not shown again");
    line.settle();
    let code = line.screen().lines().nth(4).unwrap_or_default().trim().to_owned();
    assert_eq!(code.len(), 12, "no bypass code: {code:?}\n{}", line.screen());
    let mut groups: Vec<String> = code.split_whitespace().map(str::to_owned).collect();
    groups.push(code);
    (line, groups)
}

/// Nothing of it is to be seen, scrolled up or not; the scroll-back was taken away, and nothing of it was sent after that.
fn is_gone(line: &mut Line, from: usize, secrets: &[String], when: &str) {
    line.settle();
    let sent = line.since(from).to_vec();
    let wiped = find(&sent, WIPE).unwrap_or_else(|| panic!("{when}: the scroll-back was not taken away"));
    let history = line.history();
    for secret in secrets {
        assert!(
            !history.contains(secret.as_str()),
            "{when}: {secret:?} can still be seen:\n{history}"
        );
        let after = find(&sent[wiped..], secret.as_bytes());
        assert_eq!(after, None, "{when}: {secret:?} was sent after the wiping");
    }
}

#[test]
fn r24_an_idle_console_locks_and_shows_no_secret_any_more() {
    let door = door();
    let (mut first, key) = with_key(&door, 80, 24);
    let (mut second, bypass) = with_bypass(&door);
    let (first_from, second_from) = (first.bytes, second.bytes);
    assert!(
        first.sees_within("no key for", Duration::from_secs(70)),
        "{}",
        first.screen()
    );
    second.expect("no key for");
    for line in [&mut first, &mut second] {
        line.expect("Password");
    }
    is_gone(&mut first, first_from, &key, "a key, after the lock");
    is_gone(&mut second, second_from, &bypass, "a bypass code, after the lock");
    // Nobody is logged in any more, here and at posternd: the next one has to.
    first.press(key::ESC);
    first.expect("Password");
    log_in(&mut first, OPERATOR);
}

#[test]
fn a_secret_goes_with_its_screen_the_log_out_and_the_end() {
    let door = door();
    let (mut line, key) = with_key(&door, 100, 37);
    let from = line.bytes;
    line.press(key::ESC);
    line.expect("Remove the token");
    line.send(key::ENTER);
    line.expect("is removed");
    is_gone(&mut line, from, &key, "a key, after its screen");
    drop(line);
    let (mut line, code) = with_bypass(&door);
    let from = line.bytes;
    line.press(key::ESC);
    line.expect("NSWERING");
    is_gone(&mut line, from, &code, "a bypass code, after its screen");
    let from = line.bytes;
    line.press(key::ESC);
    line.send(key::ENTER);
    line.expect("Logged out");
    is_gone(&mut line, from, &[ANNA.to_owned()], "the log-out");
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let (mut line, code) = with_bypass(&door);
        let from = line.bytes;
        line.signal_console(signal);
        assert!(line.ended(Duration::from_secs(5)).is_some());
        is_gone(&mut line, from, &code, signal.as_str());
    }
    let (mut line, code) = with_bypass(&door);
    let from = line.bytes;
    let mut door = door;
    door.daemon.kill();
    line.expect("Waiting for posternd");
    is_gone(&mut line, from, &code, "a bypass code, after posternd went");
    drop(line);
    door.daemon.kill();
}

/// Ctrl-C, Ctrl-Z, Ctrl-\, Ctrl-D, Ctrl-], Ctrl-S and Ctrl-Q, a break's NUL, and what terminals send for keys that nobody has.
const KEYS: [&str; 22] = [
    "\x03",
    "\x1a",
    "\x1c",
    "\x04",
    "\x1d",
    "\x13",
    "\x11",
    "\0",
    "!",
    ":!",
    "~.",
    "\x1b\x1b\x1b",
    "\x1b!",
    "\x1bOP",
    "\x1b[24~",
    "\x1b[200~!\x1b[201~",
    "\x1b]0;x\x07",
    "\x1b[<0;1;1M",
    "\x1b[1;1R",
    "\u{9b}A",
    "\x01",
    "\x1a\x1a\x03\x03\x1c\x1c\x04\x04",
];

/// None of them ends, stops or starts anything.
fn only_keys(line: &mut Line, there: &str) {
    let pid = line.console_pid();
    for keys in KEYS {
        line.press(keys);
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
        assert!(
            matches!(state, Some('S' | 'R' | 'D')),
            "{keys:?} ends or stops it: {state:?}\n{}",
            line.screen()
        );
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        assert!(children.is_empty(), "{keys:?} starts something: {children}");
    }
    for _ in 0..4 {
        if !line.screen().contains(there) {
            line.press(key::ESC);
        }
    }
    line.expect(there);
    assert_eq!(line.ended(Duration::ZERO), None);
}

#[test]
fn r24_no_key_leads_to_a_shell() {
    let door = door();
    let mut line = console(&door, 80, 24, &[]);
    line.expect("Password");
    only_keys(&mut line, "Password");
    // Ctrl-U empties the field.
    line.press("\x15");
    log_in(&mut line, OPERATOR);
    only_keys(&mut line, "NSWERING");
}

/// What was typed, as the record has it: the letters of its keys, one after the other.
fn letters(record: &str) -> String {
    let key = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["event"]["key"]["char"].as_str().map(str::to_owned)
    };
    record.lines().filter_map(key).collect()
}

#[test]
fn r21_a_record_of_a_session_holds_no_secret() {
    let door = door();
    let file = door.path().join("session.jsonl");
    let arguments = ["--caps", "ansi16-unicode", "--record", file.to_str().unwrap()];
    let mut line = console(&door, 80, 24, &arguments);
    line.expect("Password");
    line.press(&format!("{OPERATOR}\ra mistyped password\r\r"));
    line.expect("Password");
    line.press("\x15");
    line.send(&format!("{PASSPHRASE}\r\r"));
    line.expect("NSWERING");
    let mut secrets = vec![PASSPHRASE.to_owned(), "a mistyped password".to_owned()];
    // A key, shown, and a code, typed.
    line.send(&format!("e{ANNA}\r"));
    line.expect("Type the code");
    line.settle();
    let token = typed(&line.screen());
    early_in_a_step();
    let code = token.code();
    line.send(&format!("{code}\r"));
    line.expect("is active");
    secrets.extend([token.base32(), code]);
    // A bypass code, shown.
    line.send(&format!("b{ANNA}\r"));
    line.expect("Good for minutes");
    line.send(key::ENTER);
    line.expect("It is not shown again");
    secrets.push(
        line.screen()
            .lines()
            .nth(4)
            .unwrap_or_default()
            .split_whitespace()
            .collect(),
    );
    line.press(key::ESC);
    // A shared secret, shown.
    line.press("ca");
    line.press("gw-9\r192.0.2.99\r\r\r\r\r");
    line.expect("It is shown this once");
    line.settle();
    let groups: Vec<String> = line.screen().lines().skip(3).take(3).map(str::to_owned).collect();
    secrets.push(groups.concat().split_whitespace().collect());
    assert_eq!(secrets.last().map(String::len), Some(32), "{groups:?}");
    line.press(key::ESC);
    line.press(key::ESC);
    line.expect("NSWERING");
    // A password of a user's own, typed twice.
    line.send(&format!("u{ANNA}\r"));
    line.expect("Local password");
    line.press("p");
    line.press("horses like green apples\rhorses like green apples\r");
    line.expect("May log in");
    secrets.push("horses like green apples".to_owned());
    line.end();
    let record = std::fs::read_to_string(&file).unwrap();
    let typed = letters(&record);
    assert!(typed.contains(ANNA), "the record is no record: {typed}");
    for secret in secrets {
        // Six digits may be a part of some time.
        let stands = secret.len() > 6 && record.contains(&secret);
        assert!(!stands && !typed.contains(&secret), "{secret:?} is on record");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "others may read the record");
}
