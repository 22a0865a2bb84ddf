//! A new box, set up at the real console by somebody who has never seen it: from no operator to the first login that was let in,
//! with a laboratory tenant and a real gateway. It is left in the middle and taken up again. Every screen's bytes are counted.

use nix::sys::signal::Signal;

use crate::console_line::{OPERATOR, PASSPHRASE, console, log_in};
use crate::eye::{app, scan};
use crate::harness::{Door, PASSWORD};
use crate::lab::Lab;
use crate::line::{Line, key};
use crate::packet::{ACCEPT, CHALLENGE, Nas, REJECT, Request, STATE};
use crate::totp::early_in_a_step;

const ANNA: &str = "anna@contoso.example";
const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const CLIENT: &str = "66666666-7777-8888-9999-aaaaaaaaaaaa";
/// The most bytes of a screen of the set-up.
const SCREEN: usize = 1500;
const FULL: [&str; 2] = ["--caps", "ansi16-unicode"];

/// Presses keys that lead to a screen, and counts what it cost.
fn step(line: &mut Line, keys: &str, title: &str) {
    let mut bytes = line.press(keys).bytes;
    let before = line.bytes;
    line.expect(title);
    line.settle();
    bytes += line.bytes - before;
    println!("{title}: {bytes} bytes");
    assert!(bytes <= SCREEN, "{title}: {bytes} bytes");
}

/// The step at which the set-up is taken up again. A machine without a network has to pass that step first.
fn again(door: &Door, title: &str) -> Line {
    let mut line = console(door, 80, 24, &FULL);
    line.expect("Password");
    line.send(&format!("{OPERATOR}\r{PASSPHRASE}\r\r"));
    line.expect(" of 9: ");
    if line.screen().contains("Step 4 of 9") {
        step(&mut line, "n", "Step 5 of 9");
        step(&mut line, "n", "Step 6 of 9");
    }
    line.expect(title);
    line.settle();
    line
}

/// The operator, the line, the clock, the network.
fn begin(line: &mut Line) {
    line.expect("Step 1 of 9");
    line.settle();
    println!("Step 1 of 9: {} bytes with the console's start", line.bytes);
    assert!(line.bytes <= SCREEN);
    // None by default, and none that is guessed at once.
    line.press(&format!("{OPERATOR}\rpassword1234\r"));
    line.expect("assword");
    assert!(line.screen().contains("Step 1 of 9"));
    line.press(key::UP);
    line.press("\x15");
    step(line, &format!("{PASSPHRASE}\r{PASSPHRASE}\r"), "Step 2 of 9");
    for _ in 0..3 {
        line.press(key::DOWN);
    }
    line.press("@#|\\{}");
    line.expect("The keyboard is right");
    line.expect("äöü");
    step(line, key::ENTER, "Step 3 of 9");
    line.expect("rusted");
    step(line, key::ENTER, "Step 4 of 9");
    line.expect("RADIUS");
    step(line, key::ENTER, "Step 5 of 9");
}

/// The two IDs, the laboratory's address on the further page, and the proof.
fn entra(line: &mut Line, lab: &Lab) {
    step(line, "e", "Add an Entra tenant");
    line.press("contoso.example\rno tenant\r");
    line.expect("Tenant ID");
    line.press(key::UP);
    line.press("\x15");
    line.press(&format!("{TENANT}\r{CLIENT}\r"));
    line.press(key::RIGHT);
    step(line, key::ENTER, "Cloud");
    line.press(&key::DOWN.repeat(2));
    line.press(&format!("\x15{}", lab.authority()));
    line.press(&key::DOWN.repeat(12));
    step(line, key::ENTER, "Prove contoso.example");
    line.press("prove@contoso.example\rnot the password\r");
    line.expect("NOT PROVEN");
    line.expect("AADSTS50126");
    // The name stands there still; the password does not.
    line.press(key::ENTER);
    line.press(&format!("{PASSWORD}\r"));
    line.expect(" PROVEN");
    step(line, key::ENTER, "Step 5 of 9");
    line.expect("is proven and on");
}

/// The gateway at this address, with the secret that stands on the screen.
fn client(line: &mut Line, door: &Door) -> Nas {
    step(line, "a", "The first client");
    line.press("gw-1\r127.0.0.1\r");
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
    Nas {
        server: door.auth,
        secret: groups.concat().into_bytes(),
        source: "127.0.0.1".parse().unwrap(),
    }
}

/// What a gateway sends that is not as it should be, and the words that say so.
fn what_is_wrong(line: &mut Line, nas: &Nas) {
    let stranger = Nas {
        source: "127.0.0.9".parse().unwrap(),
        ..nas.clone()
    };
    stranger.throw(&Request::login(ANNA, "x").bytes(&nas.secret));
    line.expect("127.0.0.9, which is no client of this box");
    line.press("a");
    line.expect("[127.0.0.9 ");
    line.press(key::ESC);
    let login = Request::login(ANNA, "x");
    let unsigned = Request::unsigned().user(ANNA).password(b"x");
    let chap = Request::access().user(ANNA).attr(3, &[7; 17]);
    for (packet, words) in [
        (login.bytes(b"another secret"), "shared secret of gw-1 is not"),
        (unsigned.bytes(&nas.secret), "gw-1 sends no Message-Authenticator"),
        (chap.bytes(&nas.secret), "CHAP"),
    ] {
        nas.throw(&packet);
        line.expect(words);
        line.settle();
    }
    println!("{}", line.screen());
}

#[test]
fn a_new_box_is_set_up_without_a_manual() {
    let (door, lab) = (Door::open(), Lab::open());
    let mut line = console(&door, 80, 24, &[]);
    begin(&mut line);
    entra(&mut line, &lab);
    // Left in the middle: the next one goes on at the next step.
    line.press("\x18");
    line.expect("The set-up waits");
    line.end();
    let mut line = again(&door, "Step 6 of 9");
    let nas = client(&mut line, &door);
    let secret = String::from_utf8(nas.secret.clone()).unwrap();
    step(&mut line, key::ENTER, "What to type at");
    assert!(line.screen().contains(&secret), "{}", line.screen());
    for _ in 0..2 {
        line.press(key::ESC);
    }
    line.expect("may ask this box");
    assert!(!line.history().contains(&secret));
    step(&mut line, key::ENTER, "Step 7 of 9");
    // The domain follows from the tenant.
    line.press("anna\r");
    line.expect("Type the code");
    line.settle();
    let token = app(&scan(&line.screen()));
    early_in_a_step();
    line.send(&format!("{}\r", token.code()));
    line.expect("anna@contoso.example has a token that counts");
    step(&mut line, key::ENTER, "Step 8 of 9");
    line.expect("Nothing has come yet");
    // The line is lost while one waits, and the set-up goes on there.
    line.signal_console(Signal::SIGKILL);
    assert!(line.ended(crate::line::PATIENCE).is_some());
    let mut line = console(&door, 80, 24, &FULL);
    log_in(&mut line, OPERATOR);
    step(&mut line, "s", "Step 8 of 9");
    what_is_wrong(&mut line, &nas);
    // FortiGate asks for the code itself.
    let code = |code: &str, state: &[u8]| nas.ask(&Request::login(ANNA, code).attr(STATE, state)).code;
    let asked = nas.ask(&Request::login(ANNA, PASSWORD));
    assert_eq!(asked.code, CHALLENGE);
    assert_eq!(code(&token.wrong(), asked.state()), REJECT);
    line.expect("Wrong code");
    let asked = nas.ask(&Request::login(ANNA, PASSWORD));
    assert_eq!(code(&token.later(1), asked.state()), ACCEPT);
    line.expect("THE FIRST LOGIN WAS LET IN");
    line.expect(ANNA);
    step(&mut line, key::ENTER, "Step 9 of 9");
    step(&mut line, key::ENTER, "NSWERING");
    assert!(!line.screen().contains("Set-up"), "it is done:\n{}", line.screen());
}
