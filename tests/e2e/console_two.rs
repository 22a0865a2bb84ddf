//! Several operators at one box: what one changes the others see, and nobody is offered what the role does not allow (R24).

use std::time::{Duration, Instant};

use crate::console_line::{OPERATOR, console, log_in, operator, ready};
use crate::harness::Door;
use crate::line::{Line, key};
use crate::packet::Request;

const ANNA: &str = "anna@contoso.example";
/// A change is on every screen within this time.
const SOON: Duration = Duration::from_secs(1);

/// A box in use, with operators of all roles.
fn staffed() -> Door {
    let door = Door::open();
    ready(&door);
    door.enrolled(ANNA);
    operator(&door, OPERATOR, "installer");
    operator(&door, "jo", "helpdesk");
    operator(&door, "kim", "auditor");
    door
}

fn at_home(door: &Door, name: &str) -> Line {
    let mut line = console(door, 80, 24, &[]);
    log_in(&mut line, name);
    line
}

/// How long after a key on one line a word stands on another.
fn seen(at: &mut Line, keys: &str, on: &mut Line, word: &str) -> Duration {
    at.send(keys);
    let start = Instant::now();
    on.expect(word);
    start.elapsed()
}

#[test]
fn what_one_console_changes_the_others_show_within_a_second() {
    let door = staffed();
    let (mut installer, mut user, mut list) = (at_home(&door, OPERATOR), at_home(&door, "jo"), at_home(&door, "kim"));
    user.send(&format!("u{ANNA}\r"));
    user.expect("May log in");
    list.send("u");
    list.expect(ANNA);
    assert!(!list.screen().contains("disabled"));
    installer.send(&format!("u{ANNA}\r"));
    installer.expect("Disable");
    let mut took = Vec::new();
    for _ in 0..2 {
        installer.press("d");
        took.push(seen(&mut installer, key::ENTER, &mut user, "every login is refused"));
        list.expect("disabled");
        installer.expect("Enable");
        installer.press("d");
        took.push(seen(&mut installer, key::ENTER, &mut user, "May log in"));
        list.expect_gone("disabled");
        installer.expect("Disable");
    }
    took.sort_unstable();
    println!("on the other line after {took:?}");
    assert!(took[1] <= SOON, "{took:?}");
    // And what is no operator's doing: a login.
    list.press(key::ESC);
    list.expect("0 accepted, 0 refused");
    let start = Instant::now();
    let nas = door.client("lab", "127.0.0.1", &["--reject-delay", "0s"]);
    nas.ask(&Request::login(ANNA, "nothing"));
    list.expect("1 refused");
    println!("a login was there after {:?}", start.elapsed());
}

#[test]
fn r24_a_helpdesk_is_not_offered_settings() {
    let door = staffed();
    let mut line = at_home(&door, "jo");
    for word in ["Operators", "Import", "Set-up"] {
        assert!(!line.screen().contains(word), "{word} is offered:\n{}", line.screen());
    }
    for letter in ["o", "i", "s"] {
        line.press(letter);
        assert!(
            line.screen().contains("NSWERING"),
            "{letter} leads somewhere:\n{}",
            line.screen()
        );
    }
    let nothing_to_set = |line: &mut Line, title: &str| {
        line.expect(title);
        line.settle();
        let hints = line.screen().lines().last().unwrap_or_default().to_owned();
        for word in ["add", "edit", "new secret", "remove", "prove"] {
            assert!(!hints.contains(word), "{word:?} is offered: {hints}");
        }
        for letter in ["a", "e", "s", "x", "p", "o", "\x1b[3~"] {
            line.press(letter);
            assert!(
                line.screen().contains(title),
                "{letter} leads somewhere:\n{}",
                line.screen()
            );
        }
    };
    line.send("c");
    line.expect("192.0.2.10");
    nothing_to_set(&mut line, "| Clients");
    line.send(key::ENTER);
    nothing_to_set(&mut line, "| Client gw-1");
    line.press(key::ESC);
    line.press(key::ESC);
    line.expect("NSWERING");
    line.send("d");
    nothing_to_set(&mut line, "| Directories");
    line.press(key::ESC);
    line.expect("NSWERING");
    line.send(&format!("u{ANNA}\r"));
    line.expect("New token");
    for word in ["Disable", "Exempt", "Local password", "Remove the user"] {
        assert!(!line.screen().contains(word), "{word} is offered:\n{}", line.screen());
    }
}

#[test]
fn r24_an_auditor_changes_nothing() {
    let door = staffed();
    let before = door.json(&["user", "show", ANNA]);
    let clients = door.json(&["client", "list"]);
    let mut line = at_home(&door, "kim");
    for word in ["Enrol", "Unlock", "Bypass", "Operators", "Import"] {
        assert!(!line.screen().contains(word), "{word} is offered:\n{}", line.screen());
    }
    for letter in ["e", "k", "b", "o", "i", "s"] {
        line.press(letter);
        assert!(
            line.screen().contains("NSWERING"),
            "{letter} leads somewhere:\n{}",
            line.screen()
        );
    }
    line.send(&format!("u{ANNA}\r"));
    line.expect("May log in");
    for letter in ["e", "r", "b", "u", "d", "x", "p", "t", "\x1b[3~", "c"] {
        line.press(letter);
        // All that is left to Enter.
        line.send(key::ENTER);
        line.expect("Why:");
        line.press(key::ESC);
        line.expect("May log in");
    }
    line.press("w");
    line.expect("Why:");
    line.press("u");
    line.press("b");
    line.expect("Why:");
    for _ in 0..3 {
        line.press(key::ESC);
    }
    line.expect("NSWERING");
    line.press("c");
    line.expect("gw-1");
    line.press("a");
    line.press(key::ENTER);
    for letter in ["s", "e", "x", "\x1b[3~"] {
        line.press(letter);
    }
    line.expect("gw-1");
    assert_eq!(door.json(&["user", "show", ANNA]), before);
    assert_eq!(
        door.json(&["client", "list"])["clients"].as_array().map(Vec::len),
        clients["clients"].as_array().map(Vec::len)
    );
}
