//! What changes while a login is under way: whoever is disabled, removed or out of budget by then is not let in (R2, R9, R14, R17).

use std::time::{Duration, Instant};

use crate::harness::{PASSWORD, Rows};
use crate::lab::{Lab, Site};
use crate::packet::{ACCEPT, CHALLENGE, REJECT, Request, STATE};

const SLOW: [&str; 2] = ["--delay", "600ms"];
type Change = (&'static str, fn(&Site, &str));

/// What an operator may do in between.
const CHANGES: [Change; 4] = [
    ("user disable", |site, user| {
        site.door.ok(&["user", "disable", user]);
    }),
    ("user remove", |site, user| {
        site.door.ok(&["user", "remove", user]);
    }),
    ("token remove", |site, user| {
        let id = site.door.json(&["token", "list", user])["tokens"][0]["id"].to_string();
        site.door.ok(&["token", "remove", user, &id]);
    }),
    ("client remove", |site, _| {
        site.door.ok(&["client", "remove", "vpn"]);
    }),
];

#[test]
fn r2_a_change_while_the_directory_thinks() {
    let site = Site::with_lab(Lab::open_with(&SLOW), &[]);
    let mut rows = Rows::default();
    // What the operator takes from the user counts at once; a code that was right and spent before stays so.
    for (n, (name, change)) in CHANGES[..2].iter().enumerate() {
        let user = format!("user{n}@contoso.example");
        let token = site.door.enrolled(&user);
        let request = Request::login(&user, &format!("{PASSWORD}{}", token.code()));
        let socket = site.nas.socket();
        let start = Instant::now();
        socket
            .send_to(&request.bytes(&site.nas.secret), site.nas.server)
            .unwrap();
        std::thread::sleep(Duration::from_millis(150));
        change(&site, &user);
        let reply = site
            .nas
            .collect(&socket, &request, start, Duration::from_secs(2))
            .map(|reply| reply.code);
        rows.hold(&format!("{name}: {reply:?}"), reply != Some(ACCEPT));
        rows.same(
            &format!("{name}: the directory was asked before"),
            1,
            site.lab.seen(&user),
        );
    }
    rows.end();
}

#[test]
fn r2_a_change_between_the_two_steps() {
    let site = Site::open(&["--mode", "challenge"]);
    let mut rows = Rows::default();
    for (n, (name, change)) in CHANGES.iter().enumerate() {
        let user = format!("user{n}@contoso.example");
        let token = site.door.enrolled(&user);
        let challenge = site.nas.ask(&Request::login(&user, PASSWORD));
        rows.same(name, CHALLENGE, challenge.code);
        change(&site, &user);
        let answer = Request::login(&user, &token.code()).attr(STATE, challenge.state());
        let reply = site
            .nas
            .try_from(&site.nas.socket(), &answer, Duration::from_secs(1))
            .map(|reply| reply.code);
        rows.hold(&format!("{name}: {reply:?}"), reply != Some(ACCEPT));
    }
    rows.end();
}

#[test]
fn r14_many_wrong_passwords_at_once_do_not_outrun_the_budget() {
    let site = Site::with_lab(Lab::open_with(&["--delay", "200ms"]), &["--mode", "challenge"]);
    let user = "anna@contoso.example";
    site.door.enrolled(user);
    let codes: Vec<u8> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..30)
            .map(|n| {
                scope.spawn({
                    let nas = &site.nas;
                    move || nas.login(user, &format!("guess number {n}"))
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(codes.iter().all(|code| *code == REJECT), "{codes:?}");
    let seen = site.lab.seen(user);
    assert!(
        (1..=3).contains(&seen),
        "half the budget of 6 is for strangers, and {seen} were sent"
    );
}

#[test]
fn r17_wrong_local_passwords_lock_too() {
    let site = Site::open(&[]);
    let door = &site.door;
    let user = "glass@contoso.example";
    door.ok_in(
        &["user", "add", user, "--password-file", "-", "--exempt"],
        "in an emergency\n",
    );
    for n in 0..10 {
        assert_eq!(site.login(user, &format!("guess number {n}")), REJECT);
    }
    assert_eq!(site.login(user, "in an emergency"), REJECT);
    assert_eq!(door.reason(user), "client-locked");
    door.ok(&["user", "unlock", user]);
    assert_eq!(site.login(user, "in an emergency"), ACCEPT);
}

#[test]
fn r17_a_lock_survives_a_restart() {
    let mut site = Site::open(&[]);
    let user = "anna@contoso.example";
    let token = site.door.enrolled(user);
    for code in token.wrongs(10) {
        assert_eq!(site.login(user, &format!("{PASSWORD}{code}")), REJECT);
    }
    assert_eq!(site.door.daemon.terminate(), Some(0));
    site.door.reopen();
    site.nas.server = site.door.auth;
    assert_eq!(site.login(user, &format!("{PASSWORD}{}", token.code())), REJECT);
    assert_eq!(site.door.reason(user), "client-locked");
}
