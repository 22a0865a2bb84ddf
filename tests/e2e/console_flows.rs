//! What a helpdesk does all day, typed at the real console and read from its screen, with real logins between. Keys are counted.

use crate::console_line::{OPERATOR, console, log_in, operator, ready};
use crate::eye::{app, scan, typed};
use crate::harness::PASSWORD;
use crate::lab::Site;
use crate::line::{Line, key};
use crate::packet::{ACCEPT, REJECT};
use crate::totp::early_in_a_step;

const ANNA: &str = "anna@contoso.example";
const ZOE: &str = "zoe@contoso.example";
const STATION: &str = "203.0.113.7";

/// A site with somebody in it, and a helpdesk's console on a line of this kind.
fn helpdesk(caps: &str) -> (Site, Line) {
    let site = Site::open(&[]);
    ready(&site.door);
    operator(&site.door, OPERATOR, "installer");
    operator(&site.door, "jo", "helpdesk");
    let mut line = console(&site.door, 80, 24, &["--caps", caps]);
    log_in(&mut line, "jo");
    (site, line)
}

fn enrol_and_log_in(caps: &str, read: impl FnOnce(&mut Line) -> crate::totp::Token) {
    let (site, mut line) = helpdesk(caps);
    line.keys = 0;
    line.key("e");
    line.send(ANNA);
    line.key(key::ENTER);
    line.expect("Type the code");
    line.settle();
    let token = read(&mut line);
    early_in_a_step();
    line.send(&token.code());
    line.key(key::ENTER);
    line.expect("is active");
    line.expect("NSWERING");
    println!("enrol and confirm: {} keys", line.keys);
    assert!(line.keys <= 12, "{} keys", line.keys);
    let credential = format!("{PASSWORD}{}", token.later(1));
    assert_eq!(site.login(ANNA, &credential), ACCEPT, "{}", site.door.reason(ANNA));
    line.expect("1 accepted");
}

#[test]
fn a_user_is_enrolled_by_the_qr_code_on_the_screen_and_let_in() {
    enrol_and_log_in("ansi16-unicode", |line| {
        let token = app(&scan(&line.screen()));
        assert_eq!(typed(&line.screen()).seed, token.seed, "the key is another one");
        token
    });
}

#[test]
fn a_user_is_enrolled_on_a_line_of_letters_and_let_in() {
    enrol_and_log_in("mono-ascii", |line| {
        let token = typed(&line.screen());
        line.resize(132, 43);
        line.expect("##");
        line.settle();
        assert_eq!(app(&scan(&line.screen())).seed, token.seed, "the code is another one");
        line.resize(80, 24);
        line.expect("Type this key");
        token
    });
}

#[test]
fn a_wrong_code_is_explained_from_the_first_screen() {
    let (site, mut line) = helpdesk("mono-ascii");
    let token = site.door.enrolled(ANNA);
    assert_eq!(site.login(ANNA, &format!("{PASSWORD}{}", token.wrong())), REJECT);
    line.keys = 0;
    line.key("w");
    line.send(ANNA);
    line.key(key::ENTER);
    line.expect("Wrong code");
    println!("why: {} keys", line.keys);
    assert!(line.keys <= 3, "{} keys", line.keys);
}

#[test]
fn r17_ten_wrong_codes_lock_and_the_helpdesk_unlocks() {
    let (site, mut line) = helpdesk("ansi16-unicode");
    let token = site.door.enrolled(ZOE);
    for code in token.wrongs(10) {
        assert_eq!(site.login_from(STATION, ZOE, &format!("{PASSWORD}{code}")), REJECT);
    }
    early_in_a_step();
    let credential = format!("{PASSWORD}{}", token.code());
    assert_eq!(site.login_from(STATION, ZOE, &credential), REJECT, "it is not locked");
    line.send(&format!("u{ZOE}"));
    line.expect("locked");
    line.press(key::ESC);
    line.expect("NSWERING");
    line.keys = 0;
    line.key("k");
    line.send(ZOE);
    line.key(key::ENTER);
    line.expect("unlocked");
    println!("unlock: {} keys", line.keys);
    assert!(line.keys <= 4, "{} keys", line.keys);
    let credential = format!("{PASSWORD}{}", token.later(1));
    assert_eq!(
        site.login_from(STATION, ZOE, &credential),
        ACCEPT,
        "{}",
        site.door.reason(ZOE)
    );
}
