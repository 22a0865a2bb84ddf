//! How much a directory is asked, and what becomes of logins while it does not answer: budget and pauses (R14), unavailable (R15).

use std::time::{Duration, Instant};

use crate::harness::{PASSWORD, Rows};
use crate::lab::Site;
use crate::packet::{ACCEPT, CALLING_STATION, CHALLENGE, REJECT, Request, SILENCE, STATE};

#[test]
fn r14_the_budget_of_wrong_passwords() {
    let site = Site::open(&["--mode", "challenge"]);
    let door = &site.door;
    let user = "anna@contoso.example";
    let token = door.enrolled(user);
    let known = "192.0.2.1";
    let try_one = |station: &str, password: &str| {
        let reply = site
            .nas
            .ask(&Request::login(user, password).attr(CALLING_STATION, station.as_bytes()));
        (reply.code, door.reason(user), site.lab.seen(user))
    };
    let challenge = site.nas.ask(&Request::login(user, PASSWORD).station(known));
    let answer = Request::login(user, &token.code())
        .station(known)
        .attr(STATE, challenge.state());
    assert_eq!(site.nas.ask(&answer).code, ACCEPT);
    let mut rows = Rows::default();
    let refused = |reason: &str, seen| (REJECT, reason.to_owned(), seen);
    for n in 1..=3 {
        rows.same(
            &format!("stranger's try {n}"),
            refused("wrong-password", 1 + n),
            try_one("192.0.2.66", &format!("wrong {n}")),
        );
    }
    rows.same(
        "half is kept for known stations",
        refused("budget-spent", 4),
        try_one("192.0.2.66", "wrong 4"),
    );
    rows.same(
        "even with the right one",
        refused("budget-spent", 4),
        try_one("192.0.2.67", PASSWORD),
    );
    for n in 4..=6 {
        rows.same(
            &format!("known station's try {n}"),
            refused("wrong-password", 1 + n),
            try_one(known, &format!("wrong {n}")),
        );
    }
    rows.same("all spent", refused("budget-spent", 7), try_one(known, PASSWORD));
    door.ok(&["user", "unlock", user]);
    rows.same(
        "unlocked",
        (CHALLENGE, "code-awaited".to_owned(), 8),
        try_one(known, PASSWORD),
    );
    rows.end();
}

#[test]
fn r14_r1_a_throttled_tenant_is_left_alone_and_no_code_is_burnt() {
    let site = Site::open(&[]);
    let door = &site.door;
    let [busy, anna] = ["http-429-2@contoso.example", "anna@contoso.example"].map(|user| (user, door.enrolled(user)));
    assert_eq!(site.login(busy.0, &format!("{PASSWORD}{}", busy.1.code())), REJECT);
    assert_eq!(door.reason(busy.0), "directory-unavailable");
    let credential = format!("{PASSWORD}{}", anna.1.code());
    assert_eq!(site.login(anna.0, &credential), REJECT);
    assert_eq!(
        (door.reason(anna.0), site.lab.seen(anna.0)),
        ("directory-paused".to_owned(), 0)
    );
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(
        site.login(anna.0, &credential),
        ACCEPT,
        "Retry-After is over; the same code still opens"
    );
}

#[test]
fn r15_unavailable_is_a_reject_or_silence_and_never_an_accept() {
    let site = Site::open(&["--deadline", "500ms"]);
    let door = &site.door;
    let mut rows = Rows::default();
    let users: Vec<_> = ["slow-5000", "http-500", "http-503"]
        .iter()
        .map(|name| format!("{name}@contoso.example"))
        .map(|user| (door.enrolled(&user), user))
        .collect();
    for (token, user) in &users {
        let start = Instant::now();
        rows.same(user, REJECT, site.login(user, &format!("{PASSWORD}{}", token.code())));
        rows.hold(
            &format!("{user}: {:?}", start.elapsed()),
            start.elapsed() < Duration::from_millis(1200),
        );
        let reason = door.reason(user);
        rows.hold(
            &format!("{user}: {reason}"),
            ["directory-unavailable", "directory-paused"].contains(&reason.as_str()),
        );
        rows.same(
            "nothing is counted",
            0,
            door.json(&["user", "show", user])["locks"].as_array().unwrap().len(),
        );
    }
    door.ok(&["client", "set", "vpn", "--unavailable", "drop"]);
    for (token, user) in &users {
        let request = Request::login(user, &format!("{PASSWORD}{}", token.later(1)));
        rows.hold(
            user,
            site.nas
                .try_from(&site.nas.socket(), &request, SILENCE + Duration::from_millis(600))
                .is_none(),
        );
    }
    rows.end();
}

#[test]
fn r15_a_directory_that_is_gone_lets_nobody_in() {
    let mut site = Site::open(&[]);
    let user = "anna@contoso.example";
    let token = site.door.enrolled(user);
    site.lab.process.kill();
    assert_eq!(site.login(user, &format!("{PASSWORD}{}", token.code())), REJECT);
    assert_eq!(site.door.reason(user), "directory-unavailable");
}

#[test]
fn r14_several_users_locked_at_once_raise_an_alarm() {
    let site = Site::open(&[]);
    let door = &site.door;
    for user in [
        "code-50053@contoso.example",
        "codes-50053@contoso.example",
        "nocodes-50053@contoso.example",
    ] {
        let token = door.enrolled(user);
        assert_eq!(site.login(user, &format!("{PASSWORD}{}", token.code())), REJECT);
        assert_eq!(door.reason(user), "locked-at-directory", "{user}");
    }
    let start = Instant::now();
    loop {
        let alarms = door.json(&["status"])["alarms"].to_string();
        if alarms.contains("50053") {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(5), "no alarm: {alarms}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn r14_a_loop_of_requests_pauses_that_user_alone() {
    let site = Site::open(&[]);
    let door = &site.door;
    let [looping, anna] =
        ["code-50196@contoso.example", "anna@contoso.example"].map(|user| (user, door.enrolled(user)));
    assert_eq!(
        site.login(looping.0, &format!("{PASSWORD}{}", looping.1.code())),
        REJECT
    );
    assert_eq!(door.reason(looping.0), "directory-back-off");
    assert_eq!(
        site.login(looping.0, &format!("{PASSWORD}{}", looping.1.later(1))),
        REJECT
    );
    assert_eq!(
        (door.reason(looping.0), site.lab.seen(looping.0)),
        ("user-paused".to_owned(), 1)
    );
    assert_eq!(
        site.login(anna.0, &format!("{PASSWORD}{}", anna.1.code())),
        ACCEPT,
        "others go on"
    );
}
