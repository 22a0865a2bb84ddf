//! What people do at the box's serial line: the set-up by keystrokes, a client, a user, a log-in.

use std::time::Duration;

use crate::eye::typed;
use crate::line::{Line, key};
use crate::machine::{BOOT, GATEWAY, Vm};
use crate::totp::{Token, early_in_a_step, now};

pub const OPERATOR: &str = "anna";
pub const PASSPHRASE: &str = "seven green bottles";
pub const ANNA: &str = "anna@contoso.example";
/// A slow line under emulation.
const STEP: Duration = Duration::from_secs(60);

/// Presses keys and waits for a title.
pub fn step(line: &mut Line, keys: &str, title: &str) {
    line.press(keys);
    sees(line, title);
    line.settle();
}

/// Must see the text, on a slow line too.
pub fn sees(line: &mut Line, text: &str) {
    assert!(
        line.sees_within(text, STEP),
        "{text:?} did not appear:\n{}",
        line.screen()
    );
}

/// The set-up, from the first screen of a new box to the last: an operator, the line, the clock, the network, a user with a token. The
/// Entra step is skipped; the client comes by the form, since the gateway checks the password itself.
pub fn set_up(vm: &mut Vm) -> Token {
    let line = &mut vm.line;
    assert!(
        line.sees_within("Step 1 of 9", BOOT),
        "no console came:\n{}",
        line.screen()
    );
    line.settle();
    line.press(&format!("{OPERATOR}\r{PASSPHRASE}\r"));
    step(line, &format!("{PASSPHRASE}\r"), "Step 2 of 9");
    step(line, key::ENTER, "Step 3 of 9");
    sees(line, "rusted");
    step(line, key::ENTER, "Step 4 of 9");
    step(line, key::ENTER, "Step 5 of 9");
    step(line, "s", "Step 6 of 9");
    step(line, "s", "Step 7 of 9");
    line.press(&format!("{ANNA}\r"));
    sees(line, "Type the code");
    line.settle();
    // A serial line shows letters: the key is typed off the screen.
    let token = typed(&line.screen());
    early_in_a_step();
    line.send(&format!("{}\r", token.code()));
    sees(line, "has a token that counts");
    step(line, key::ENTER, "Step 8 of 9");
    step(line, key::ENTER, "Step 9 of 9");
    step(line, key::ENTER, "NSWERING");
    token
}

/// A client for which the box checks the code alone; its shared secret, read from the screen.
pub fn add_client(vm: &mut Vm) -> Vec<u8> {
    let line = &mut vm.line;
    step(line, "c", "Clients");
    step(line, "a", "Add a client");
    line.press(&format!("gw-1\r{GATEWAY}\r"));
    line.press(key::RIGHT);
    line.press(key::RIGHT);
    sees(line, "code-only");
    for _ in 0..3 {
        line.press(key::DOWN);
    }
    step(line, key::ENTER, "Shared secret of gw-1");
    let screen = line.screen();
    let groups: Vec<&str> = screen
        .lines()
        .skip(2)
        .filter(|row| row.starts_with("      "))
        .flat_map(str::split_whitespace)
        .collect();
    assert!(
        groups.len() == 8 && groups.iter().all(|group| group.len() == 4),
        "{groups:?}\n{screen}"
    );
    step(line, key::ESC, "gw-1");
    groups.concat().into_bytes()
}

/// The next step of everybody's code: one that was not used is right then.
pub fn next_step() {
    let step = now() / 30;
    while now() / 30 == step {
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Logs in on a line that shows the log-in; false where the power went before.
pub fn log_in(line: &mut Line) -> bool {
    if !line.sees_within("Password", STEP) {
        return false;
    }
    line.settle();
    line.send(&format!("{OPERATOR}\r{PASSPHRASE}\r\r"));
    let inside = line.sees_within("NSWERING", STEP);
    line.settle();
    inside
}

/// Enrols somebody from the first screen; none where the power went before the box said that the token counts.
pub fn enrol(line: &mut Line, name: &str) -> Option<Token> {
    line.press("e");
    line.press(&format!("{name}\r"));
    if !line.sees_within("Type the code", STEP) {
        return None;
    }
    line.settle();
    let token = typed(&line.screen());
    early_in_a_step();
    line.press(&format!("{}\r", token.code()));
    line.sees_within("is active", STEP).then_some(token)
}
