//! Codes: windows, hashes and lengths, what spends them (R16), what locks (R17), and bypass codes (R18).

use crate::harness::{PASSWORD, Rows};
use crate::lab::Site;
use crate::packet::{ACCEPT, REJECT};
use crate::totp::Token;

#[test]
fn r5_code_lengths_are_tried_longest_first_and_all_hashes_work() {
    let site = Site::open(&[]);
    let door = &site.door;
    let mut rows = Rows::default();
    for (n, (algorithm, digits, period)) in [("sha1", 8, 30), ("sha256", 6, 60), ("sha512", 8, 60), ("sha256", 8, 30)]
        .into_iter()
        .enumerate()
    {
        let user = format!("user{n}@contoso.example");
        door.user(&user);
        let token = Token {
            algorithm,
            digits,
            period,
            ..Token::new()
        };
        door.add_token(&user, &token);
        rows.same(
            &format!("{algorithm} {digits} {period}"),
            ACCEPT,
            site.login(&user, &format!("{PASSWORD}{}", token.code())),
        );
    }
    // A phone and a hardware token of 8 digits: either opens.
    let phone = door.enrolled("both@contoso.example");
    let hard = Token {
        digits: 8,
        ..Token::new()
    };
    door.add_token("both@contoso.example", &hard);
    rows.same(
        "8 digits of two tokens",
        ACCEPT,
        site.login("both", &format!("{PASSWORD}{}", hard.code())),
    );
    rows.same(
        "6 digits of two tokens",
        ACCEPT,
        site.login("both", &format!("{PASSWORD}{}", phone.code())),
    );
    rows.end();
}

#[test]
fn r16_the_window_is_one_step_either_side() {
    let site = Site::open(&[]);
    let door = &site.door;
    let mut rows = Rows::default();
    for (step, code, reason) in [
        (-1, ACCEPT, "accepted"),
        (1, ACCEPT, "accepted"),
        (-4, REJECT, "code-out-of-window"),
        (4, REJECT, "code-out-of-window"),
    ] {
        let user = format!("step{}@contoso.example", step + 10);
        let token = door.enrolled(&user);
        rows.same(
            &format!("step {step}"),
            code,
            site.login(&user, &format!("{PASSWORD}{}", token.later(step))),
        );
        rows.same(&format!("step {step}"), reason.to_owned(), door.reason(&user));
    }
    rows.end();
}

#[test]
fn r16_confirm_and_resync_spend_and_a_seed_remembers() {
    let site = Site::open(&[]);
    let door = &site.door;
    let user = "anna@contoso.example";
    door.user(user);
    let token = Token::new();
    let add = ["token", "add", user, "--secret-file", "-", "--qr", "none"];
    door.ok_in(&add, &token.base32());
    let code = token.code();
    assert_eq!(
        door.cli(&["token", "confirm", user, &token.wrong()]).status,
        1,
        "a wrong code confirms nothing"
    );
    door.ok(&["token", "confirm", user, &code]);
    assert_eq!(
        site.login(user, &format!("{PASSWORD}{code}")),
        REJECT,
        "confirm spends its code"
    );
    assert_eq!(door.reason(user), "code-used");

    // A clock some minutes off: only resync has the wide window, and it spends both codes.
    let (first, second) = (token.later(15), token.later(16));
    assert_eq!(site.login(user, &format!("{PASSWORD}{first}")), REJECT);
    assert_eq!(door.cli(&["token", "resync", user, &first, &token.wrong()]).status, 1);
    door.ok(&["token", "resync", user, &first, &second]);
    assert_eq!(
        site.login(user, &format!("{PASSWORD}{second}")),
        REJECT,
        "resync spends its codes"
    );
    assert_eq!(
        site.login(user, &format!("{PASSWORD}{}", token.later(17))),
        ACCEPT,
        "the drift is known now"
    );

    // Removing the seed and adding it again makes no old code good, and no second user may have it.
    let id = door.json(&["token", "list", user])["tokens"][0]["id"].to_string();
    door.ok(&["token", "remove", user, &id]);
    door.add_token(user, &token);
    assert_eq!(
        site.login(user, &format!("{PASSWORD}{}", token.later(17))),
        REJECT,
        "the seed remembers"
    );
    door.user("ben@contoso.example");
    let said = door.cli_in(
        &[
            "token",
            "add",
            "ben@contoso.example",
            "--secret-file",
            "-",
            "--qr",
            "none",
        ],
        &token.base32(),
    );
    assert_eq!(said.status, 1, "one seed, two users: {said:?}");
}

#[test]
fn r17_wrong_codes_lock_a_station_and_not_the_user() {
    let site = Site::open(&[]);
    let door = &site.door;
    let user = "anna@contoso.example";
    let token = door.enrolled(user);
    assert_eq!(
        site.login_from("192.0.2.1", user, &format!("{PASSWORD}{}", token.code())),
        ACCEPT
    );
    let wrong = token.wrongs(60);
    for _ in 0..20 {
        assert_eq!(
            site.login_from("192.0.2.9", user, &format!("{PASSWORD}{}", wrong[0])),
            REJECT
        );
    }
    assert_ne!(door.reason(user), "station-locked", "the same wrong code counts once");
    for code in &wrong[1..10] {
        assert_eq!(site.login_from("192.0.2.9", user, &format!("{PASSWORD}{code}")), REJECT);
    }
    assert_eq!(
        site.login_from("192.0.2.9", user, &format!("{PASSWORD}{}", token.later(1))),
        REJECT
    );
    assert_eq!(door.reason(user), "station-locked");
    for (n, code) in wrong[10..50].iter().enumerate() {
        site.login_from(&format!("192.0.2.{}", 20 + n / 9), user, &format!("{PASSWORD}{code}"));
    }
    assert_eq!(
        site.login_from("192.0.2.200", user, &format!("{PASSWORD}{}", token.later(1))),
        REJECT
    );
    assert_eq!(door.reason(user), "user-locked", "50 in all lock every new station");
    assert_eq!(
        site.login_from("192.0.2.1", user, &format!("{PASSWORD}{}", token.later(1))),
        ACCEPT,
        "a station with an Accept in the last 30 days still may"
    );
    let other = "ben@contoso.example";
    let token = door.enrolled(other);
    for code in token.wrongs(10) {
        assert_eq!(site.login(other, &format!("{PASSWORD}{code}")), REJECT);
    }
    assert_eq!(site.login(other, &format!("{PASSWORD}{}", token.code())), REJECT);
    assert_eq!(
        door.reason(other),
        "client-locked",
        "without Calling-Station-Id: the user at that client"
    );
    door.ok(&["user", "unlock", other]);
    assert_eq!(site.login(other, &format!("{PASSWORD}{}", token.code())), ACCEPT);
}

#[test]
fn r18_a_bypass_code_works_once_and_not_after_a_restart() {
    let mut site = Site::open(&[]);
    let user = "anna@contoso.example";
    site.door.enrolled(user);
    let bypass = |site: &Site| {
        site.door.json(&["user", "bypass", user])["code"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let code = bypass(&site);
    assert_eq!(code.len(), 10);
    assert_eq!(site.login(user, &format!("{PASSWORD}{code}")), ACCEPT);
    assert_eq!(site.login(user, &format!("{PASSWORD}{code}")), REJECT);
    let code = bypass(&site);
    site.door.kill_and_reopen();
    site.nas.server = site.door.auth;
    assert_eq!(
        site.login(user, &format!("{PASSWORD}{code}")),
        REJECT,
        "void at restart"
    );
    for (minutes, status) in [("0", 2), ("61", 2), ("60", 0)] {
        assert_eq!(
            site.door.cli(&["user", "bypass", user, "--minutes", minutes]).status,
            status,
            "{minutes} minutes"
        );
    }
}
