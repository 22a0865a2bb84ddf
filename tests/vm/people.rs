//! What people do at the box's serial line: the set-up by keystrokes, a client, a user, a log-in.

use std::time::Duration;

use crate::eye::typed;
use crate::line::{Line, key};
use crate::machine::{Appliance, BOOT, GATEWAY, On, Vm};
use crate::packet::{ACCEPT, Request};
use crate::totp::{Token, early_in_a_step, now};

pub const OPERATOR: &str = "anna";
pub const PASSPHRASE: &str = "seven green bottles";
/// Of the user, in the box.
pub const PASSWORD: &str = "correct horse battery";
pub const ANNA: &str = "anna@contoso.example";
/// Of a backup.
const SEALED: &str = "four words of mine";
/// To copy and to verify a release, or to write it into the other slot; to write a backup or to look at one.
pub const COPIED: Duration = Duration::from_secs(300);
/// A slow line under emulation; ARM64 on a busy machine wants the most.
const STEP: Duration = Duration::from_secs(120);

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

/// Reads the shared secret of the client that was just made.
fn shared_secret(line: &mut Line) -> Vec<u8> {
    sees(line, "Shared secret of gw-1");
    line.settle();
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
    groups.concat().into_bytes()
}

/// The set-up up to the first user, who has a token then: an operator, the line, the clock, the network, no directory (so the user has a
/// password in the box), and the client where it is wanted. Its secret, and the token.
fn to_the_first_login(vm: &mut Vm, client: bool) -> (Vec<u8>, Token) {
    let line = &mut vm.line;
    assert!(
        line.sees_within("Step 1 of 9", BOOT),
        "no console came:\n{}",
        line.screen()
    );
    line.settle();
    println!("the console stands {:?} after power-on", vm.started.elapsed());
    line.press(&format!("{OPERATOR}\r{PASSPHRASE}\r"));
    step(line, &format!("{PASSPHRASE}\r"), "Step 2 of 9");
    step(line, key::ENTER, "Step 3 of 9");
    sees(line, "rusted");
    step(line, key::ENTER, "Step 4 of 9");
    step(line, key::ENTER, "Step 5 of 9");
    step(line, "s", "Step 6 of 9");
    let mut secret = Vec::new();
    if client {
        step(line, "a", "The first client");
        line.press(&format!("gw-1\r{GATEWAY}\r"));
        line.press(key::RIGHT);
        sees(line, "password and code in one field");
        line.press(key::ENTER);
        secret = shared_secret(line);
        line.press(key::ESC);
        sees(line, "may ask this box");
        step(line, key::ENTER, "Step 7 of 9");
    } else {
        step(line, "s", "Step 7 of 9");
    }
    line.press(&format!("{ANNA}\r"));
    line.press(&format!("{PASSWORD}\r"));
    line.press(&format!("{PASSWORD}\r"));
    sees(line, "Type the code");
    line.settle();
    // A serial line shows letters: the key is typed off the screen.
    let token = typed(&line.screen());
    early_in_a_step();
    line.send(&format!("{}\r", token.code()));
    sees(line, "has a token that counts");
    step(line, key::ENTER, "Step 8 of 9");
    (secret, token)
}

/// The whole set-up by keystrokes, to the first login that is let in: the client's shared secret and the user's token.
pub fn set_up_wholly(vm: &mut Vm) -> (Vec<u8>, Token) {
    let (secret, token) = to_the_first_login(vm, true);
    next_step();
    let credential = format!("{PASSWORD}{}", token.code());
    let reply = vm.nas(&secret).ask(&Request::login(ANNA, &credential));
    assert_eq!(reply.code, ACCEPT, "{}", vm.line.screen());
    println!("first Access-Accept {:?} after power-on", vm.started.elapsed());
    let line = &mut vm.line;
    sees(line, "THE FIRST LOGIN WAS LET IN");
    step(line, key::ENTER, "Step 9 of 9");
    step(line, key::ENTER, "NSWERING");
    (secret, token)
}

/// The set-up without a client; then one that checks the password itself.
pub fn set_up(vm: &mut Vm) -> (Vec<u8>, Token) {
    let (_, token) = to_the_first_login(vm, false);
    let line = &mut vm.line;
    step(line, key::ENTER, "Step 9 of 9");
    step(line, key::ENTER, "NSWERING");
    (add_client(vm), token)
}

/// A client for which the box checks the code alone; its shared secret, read from the screen.
fn add_client(vm: &mut Vm) -> Vec<u8> {
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
    line.press(key::ENTER);
    let secret = shared_secret(line);
    step(line, key::ESC, "gw-1");
    secret
}

/// The next step of everybody's code: one that was not used is right then.
pub fn next_step() {
    let step = now() / 30;
    while now() / 30 == step {
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A box that is set up, switched off; the shared secret of its one client and the token of its one user.
pub fn settled(on: &On) -> (Appliance, Vec<u8>, Token) {
    let appliance = Appliance::new(8);
    let mut vm = appliance.on(on);
    let (secret, token) = set_up(&mut vm);
    vm.cut();
    (appliance, secret, token)
}

/// Logs in on a line that shows the log-in; false where the power went before.
pub fn log_in(line: &mut Line) -> bool {
    log_in_as(line, OPERATOR, PASSPHRASE)
}

/// The same for anybody.
pub fn log_in_as(line: &mut Line, name: &str, passphrase: &str) -> bool {
    if !line.sees_within("Password", BOOT) {
        return false;
    }
    line.settle();
    line.send(&format!("{name}\r{passphrase}\r\r"));
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

/// Logs in and opens a screen of System.
pub fn system(vm: &mut Vm, letter: &str, title: &str) {
    assert!(log_in(&mut vm.line), "{}", vm.line.screen());
    step(&mut vm.line, "y", "| System");
    step(&mut vm.line, letter, title);
}

/// Fetches a release from the one stick that is plugged in, up to the question whether it is meant.
pub fn fetch_update(vm: &mut Vm, version: &str) {
    system(vm, "u", "| Update");
    vm.line.press("s");
    let ready = format!("{version} is verified and ready");
    assert!(vm.line.sees_within(&ready, COPIED), "{}", vm.line.screen());
    step(&mut vm.line, "a", "on trial");
}

/// Mounts the one stick that is plugged in, from the first screen.
pub fn mount(vm: &mut Vm) {
    step(&mut vm.line, "y", "| System");
    step(&mut vm.line, "s", "| Stick");
    vm.line.press(key::ENTER);
    sees(&mut vm.line, "MOUNTED");
    step(&mut vm.line, key::ESC, "| System");
}

/// Writes a backup onto the stick that is mounted.
pub fn back_up(vm: &mut Vm) {
    step(&mut vm.line, "b", "| Backup");
    step(&mut vm.line, key::ENTER, "The same again");
    vm.line.press(&format!("{SEALED}\r"));
    vm.line.press(&format!("{SEALED}\r"));
    vm.line.send(&format!("{PASSPHRASE}\r"));
    let written = vm.line.sees_within("The backup is written", COPIED);
    assert!(written, "{}", vm.line.screen());
}

/// Looks at the backup on the stick that is mounted, up to the word that restores it.
pub fn look_at_backup(vm: &mut Vm) {
    step(&mut vm.line, "e", "| Restore");
    step(&mut vm.line, key::ENTER, "Passphrase");
    vm.line.send(&format!("{SEALED}\r"));
    let whole = vm.line.sees_within("The file is whole", COPIED);
    assert!(whole, "{}", vm.line.screen());
    println!("{}\n", vm.line.screen());
    step(&mut vm.line, key::ENTER, "type restore");
}
