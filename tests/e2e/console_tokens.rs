//! Hardware tokens at the real console: a simulated token on a simulated reader, keys typed on the line, the token's display read, a
//! real login afterwards.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::console_line::{OPERATOR, console, log_in, operator, ready};
use crate::console_tmux::Tmux;
use crate::harness::{Door, PASSWORD};
use crate::lab::Site;
use crate::line::{Line, key};
use crate::packet::{ACCEPT, REJECT};
use crate::sim::faults::{Event, Faults, What};
use crate::sim::reader::Reader;
use crate::sim::single::{Quartz, Single};
use crate::sim::{Field, codes, lock, wall_clock};
use crate::totp::{Token, early_in_a_step};

const ANNA: &str = "anna@contoso.example";
/// An OTPC-P2-i.
const SERIAL: u64 = 86_596_220_000_001;
/// A miniOTP-2-i, whose clock can be set without losing its key.
const FREE: u64 = 86_596_000_000_001;

type Hardware = Arc<Mutex<Single>>;

/// A table with a reader on it, at a port under a link of its own.
struct Table {
    field: Field,
    reader: Reader,
}

impl Table {
    fn at(door: &Door) -> Table {
        let field = Field::default();
        let reader = Reader::start(Some(&door.path().join("reader")), &field, Faults::default()).unwrap();
        Table { field, reader }
    }

    /// A token from the drawer, its clock a little ahead, on the reader.
    fn place(&self, serial: u64) -> Hardware {
        let clock = wall_clock();
        let mut token = Single::new(&serial.to_string(), &clock);
        token.quartz = Quartz::ahead(&clock, 90);
        let token = Arc::new(Mutex::new(token));
        self.field.place(token.clone());
        token
    }
}

/// What stands on the token's display, early in its step.
fn code(token: &Hardware) -> String {
    loop {
        let (code, left) = lock(token).display().expect("a code on the display");
        if left > 5 {
            return code;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What will stand there in the next step: the code of now may be spent.
fn next_code(token: &Hardware) -> String {
    drop(code(token));
    let token = lock(token);
    let next = u64::from(token.quartz.now()) + u64::from(token.manner.step);
    codes::code(token.seed.as_ref().unwrap(), token.manner, next)
}

/// A helpdesk's console with a reader beside it.
fn helpdesk(door: &Door, caps: &str) -> Line {
    ready(door);
    operator(door, OPERATOR, "installer");
    operator(door, "jo", "helpdesk");
    let reader = door.path().join("reader");
    let mut line = console(door, 80, 24, &["--caps", caps, "--reader", reader.to_str().unwrap()]);
    log_in(&mut line, "jo");
    line
}

#[test]
fn a_token_from_the_drawer_is_programmed_with_four_keys_and_lets_its_user_in() {
    for caps in ["mono-ascii", "ansi16-unicode"] {
        let site = Site::open(&[]);
        let table = Table::at(&site.door);
        site.door.user(ANNA);
        let mut line = helpdesk(&site.door, caps);
        let token = table.place(SERIAL);
        line.keys = 0;
        line.key("p");
        line.send(ANNA);
        line.key(key::ENTER);
        line.expect("OTPC-P2-i 86596220000001");
        line.expect("nobody");
        line.expect("90 s ahead of the box");
        line.settle();
        line.key(key::ENTER);
        line.expect("Let the token show a code");
        early_in_a_step();
        line.send(&code(&token));
        line.key(key::ENTER);
        line.expect("anna@contoso.example has a token.");
        println!("program and verify: {} keys", line.keys);
        assert!(line.keys <= 8, "{} keys", line.keys);
        let credential = format!("{PASSWORD}{}", next_code(&token));
        assert_eq!(site.login(ANNA, &credential), ACCEPT, "{}", site.door.reason(ANNA));
        line.key(key::ENTER);
        line.expect("NSWERING");
    }
}

#[test]
fn a_token_is_programmed_in_tmux() {
    let site = Site::open(&[]);
    let table = Table::at(&site.door);
    ready(&site.door);
    operator(&site.door, OPERATOR, "installer");
    let reader = site.door.path().join("reader");
    let tmux = Tmux::open(&site.door, &format!("--reader '{}'", reader.display()));
    tmux.log_in(OPERATOR);
    // Somebody who is not on the box yet is made with the token.
    tmux.types(&format!("p{ANNA}"));
    tmux.press(&["Enter"]);
    tmux.expect("Place the token on the reader");
    let token = table.place(SERIAL);
    tmux.expect("Enter makes a new key");
    std::thread::sleep(Duration::from_millis(800));
    tmux.press(&["Enter"]);
    tmux.expect("Let the token show a code");
    tmux.types(&code(&token));
    tmux.press(&["Enter"]);
    tmux.expect("anna@contoso.example has a token.");
    let credential = format!("{PASSWORD}{}", next_code(&token));
    assert_eq!(site.login(ANNA, &credential), ACCEPT, "{}", site.door.reason(ANNA));
}

#[test]
fn a_token_that_is_taken_away_in_the_middle_is_good_for_nobody_until_it_is_programmed_again() {
    let site = Site::open(&[]);
    let table = Table::at(&site.door);
    site.door.user(ANNA);
    let mut line = helpdesk(&site.door, "mono-ascii");
    let token = table.place(SERIAL);
    line.send(&format!("p{ANNA}"));
    line.press(key::ENTER);
    line.expect("nobody");
    line.settle();
    // The looks are over: the next commands to the token are those of the writing. It goes after the configuration.
    table.reader.follow(Faults {
        event: Some(Event {
            at: 4,
            late: true,
            what: What::Taken,
        }),
        ..Faults::default()
    });
    line.press(key::ENTER);
    line.expect("NOT WRITTEN");
    line.expect("Place OTPC-P2-i 86596220000001 on the reader again");
    assert!(lock(&token).display().is_none(), "it holds no key now");
    // Left here, it waits, and is told so where it is looked for.
    line.press(key::ESC);
    line.expect("may hold no key");
    line.press(key::ESC);
    line.expect("NSWERING");
    line.press("tw");
    line.expect("not written");
    table.reader.follow(Faults::default());
    table.field.place(token.clone());
    line.press(key::ENTER);
    line.expect("Enter makes a new key");
    line.expect("Held by   anna@contoso.example, token #");
    line.settle();
    line.press(key::ENTER);
    line.expect("Let the token show a code");
    line.press(&code(&token));
    line.press(key::ENTER);
    line.expect("anna@contoso.example has a token.");
    let tokens = site.door.json(&["token", "list", ANNA]);
    assert_eq!(
        tokens["tokens"].as_array().unwrap().len(),
        1,
        "no second half: {tokens}"
    );
}

#[test]
fn a_token_that_was_written_and_not_confirmed_needs_only_its_code_later() {
    let site = Site::open(&[]);
    let table = Table::at(&site.door);
    site.door.user(ANNA);
    let mut line = helpdesk(&site.door, "mono-ascii");
    let token = table.place(SERIAL);
    line.send(&format!("p{ANNA}"));
    line.press(key::ENTER);
    line.expect("nobody");
    line.settle();
    line.press(key::ENTER);
    line.expect("Let the token show a code");
    // It does not count before its code has come.
    assert_eq!(site.login(ANNA, &format!("{PASSWORD}{}", code(&token))), REJECT);
    line.press(key::ESC);
    line.expect("waits for its code");
    line.press(key::ESC);
    line.expect("NSWERING");
    line.send(&format!("p{ANNA}"));
    line.press(key::ENTER);
    line.expect("was written");
    line.press(&code(&token));
    line.press(key::ENTER);
    line.expect("anna@contoso.example has a token.");
}

#[test]
fn a_token_that_somebody_has_asks_for_a_word_and_is_the_other_ones_no_more() {
    let site = Site::open(&[]);
    let table = Table::at(&site.door);
    site.door.user(ANNA);
    site.door.user("carla@contoso.example");
    let mut line = helpdesk(&site.door, "mono-ascii");
    let token = table.place(SERIAL);
    for (number, user) in ["carla@contoso.example", ANNA].iter().enumerate() {
        line.send(&format!("p{user}"));
        line.press(key::ENTER);
        line.expect("Held by");
        line.settle();
        line.press(key::ENTER);
        if number == 1 {
            line.expect("carla@contoso.example's, who logs in with it");
            line.press("carla\r");
        }
        line.expect("Let the token show a code");
        // Whoever has just answered a question looks before typing: what comes sooner is not taken.
        line.settle();
        std::thread::sleep(Duration::from_millis(700));
        line.press(&code(&token));
        line.press(key::ENTER);
        line.expect(&format!("{user} has a token."));
        line.press(key::ENTER);
        line.expect("NSWERING");
    }
    let tokens = site.door.json(&["token", "list", "carla@contoso.example"]);
    assert_eq!(tokens["tokens"].as_array().unwrap().len(), 0, "{tokens}");
}

#[test]
fn a_makers_token_is_given_to_somebody_by_its_serial_number() {
    let site = Site::open(&[]);
    let token = Token::new();
    let file = site.door.path().join("drawer.csv");
    let rows = format!(
        "upn,serial number,secret key,time interval,manufacturer,model\r\n,1100004821,{},30,Contoso,HardwareKey\r\n",
        token.base32()
    );
    std::fs::write(&file, rows).unwrap();
    site.door
        .ok(&["import", file.to_str().unwrap(), "--format", "azure-csv"]);
    site.door.user(ANNA);
    let mut line = helpdesk(&site.door, "mono-ascii");
    line.press("t");
    line.expect("In the drawer       1");
    line.keys = 0;
    line.key("s");
    // As a scanner does it.
    line.send("1100004821\r");
    line.expect("in the drawer, sha1");
    line.settle();
    std::thread::sleep(Duration::from_millis(500));
    line.key(key::ENTER);
    line.expect("Assign a token: to whom?");
    line.send(ANNA);
    line.key(key::ENTER);
    line.expect("is for anna@contoso.example: type its code");
    early_in_a_step();
    line.send(&token.code());
    line.key(key::ENTER);
    line.expect("is active");
    println!("assign and verify: {} keys", line.keys);
    let credential = format!("{PASSWORD}{}", token.later(1));
    assert_eq!(site.login(ANNA, &credential), ACCEPT, "{}", site.door.reason(ANNA));
}

#[test]
fn many_tokens_are_programmed_one_after_another_without_leaving_the_screen() {
    const USERS: u64 = 10;
    let door = Door::open();
    let table = Table::at(&door);
    for number in 0..USERS {
        door.user(&format!("user{number}@contoso.example"));
    }
    let mut line = helpdesk(&door, "mono-ascii");
    line.send("puser");
    line.press("\x1bOQ");
    line.expect("10 users have no token");
    line.press(key::ENTER);
    line.keys = 0;
    for number in 0..USERS {
        line.expect(&format!("user {} of {USERS}", number + 1));
        // The last one is taken away before the next one comes.
        table.field.take();
        line.expect("Place the token on the reader");
        let token = table.place(SERIAL + number);
        line.expect(&format!("OTPC-P2-i {}", SERIAL + number));
        line.expect("nobody");
        line.settle();
        line.key(key::ENTER);
        line.expect("Let the token show a code");
        line.send(&code(&token));
        line.key(key::ENTER);
    }
    line.expect("Of 10 users: 10 confirmed.");
    assert_eq!(line.keys as u64, USERS * 2);
    line.press(key::ENTER);
    line.expect("users");
    let hardware = door.json(&["token", "hardware"]);
    assert_eq!(hardware["total"], USERS, "{hardware}");
}

#[test]
fn a_reader_that_is_plugged_in_later_is_seen_and_one_that_is_pulled_out_too() {
    let door = Door::open();
    let mut table = Table::at(&door);
    table.reader.unplug();
    door.user(ANNA);
    let mut line = helpdesk(&door, "mono-ascii");
    line.send(&format!("p{ANNA}"));
    line.press(key::ENTER);
    line.expect("No reader is");
    table.reader.plug_in(Faults::default()).unwrap();
    line.expect("Place the token on the reader");
    table.place(SERIAL);
    line.expect("OTPC-P2-i 86596220000001");
    table.reader.unplug();
    line.expect("No reader is");
    table.reader.plug_in(Faults::default()).unwrap();
    line.expect("OTPC-P2-i 86596220000001");
}

#[test]
fn a_clock_is_set_and_the_key_stays() {
    let site = Site::open(&[]);
    let table = Table::at(&site.door);
    site.door.user(ANNA);
    let mut line = helpdesk(&site.door, "mono-ascii");
    let token = table.place(FREE);
    line.send(&format!("p{ANNA}"));
    line.press(key::ENTER);
    line.expect("nobody");
    line.settle();
    line.press(key::ENTER);
    line.expect("Let the token show a code");
    line.press(&code(&token));
    line.press(key::ENTER);
    line.expect("has a token.");
    line.press(key::ENTER);
    line.expect("NSWERING");
    // Its clock drifts far off.
    let seeds = lock(&token).seeds;
    lock(&token).quartz = Quartz::ahead(&wall_clock(), 400);
    table.field.place(token.clone());
    line.send(&format!("u{ANNA}"));
    line.press(key::ENTER);
    line.expect("Set its clock");
    line.press("k");
    line.expect("Enter sets its clock");
    line.expect("its clock 6 min ahead");
    line.settle();
    line.press(key::ENTER);
    line.expect("is set to the box");
    assert_eq!(lock(&token).seeds, seeds, "its key was not touched");
    let credential = format!("{PASSWORD}{}", next_code(&token));
    assert_eq!(site.login(ANNA, &credential), ACCEPT, "{}", site.door.reason(ANNA));
}
