//! Counter tokens (RFC 4226) from outside: oathtool is the token, radclient the VPN.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{DOMAIN, Door, PASSWORD, Rows, run, word};
use crate::lab::{QUICK, Site};
use crate::packet::{ACCEPT, CHALLENGE, REJECT, Request, STATE};
use crate::real_peers::{login_words, radclient};
use crate::totp::Token;

const USER: &str = "anna@contoso.example";

/// A counter token in somebody's hand.
struct Counter(Token);

impl Counter {
    fn new(digits: u32) -> Counter {
        Counter(Token { digits, ..Token::new() })
    }

    /// What oathtool shows with this counter.
    fn at(&self, counter: u64) -> String {
        let arguments = [
            "-b".to_owned(),
            "--hotp".to_owned(),
            format!("-d{}", self.0.digits),
            format!("-c{counter}"),
            self.0.base32(),
        ];
        let said = run(Command::new("oathtool").args(arguments), "");
        assert_eq!(said.status, 0, "{said:?}");
        said.out.trim().to_owned()
    }

    fn add(&self, door: &Door, user: &str, counter: u64, more: &[&str]) {
        let (digits, counter) = (self.0.digits.to_string(), counter.to_string());
        let arguments = [
            [
                "token",
                "add",
                user,
                "--kind",
                "hotp",
                "--secret-file",
                "-",
                "--qr",
                "none",
            ]
            .as_slice(),
            &["--digits", &digits, "--counter", &counter],
            more,
        ]
        .concat();
        door.ok_in(&arguments, &format!("{}\n", self.0.base32()));
    }
}

/// A user with an active counter token of 6 digits.
fn enrolled(door: &Door, user: &str, counter: u64) -> Counter {
    door.user(user);
    let token = Counter::new(6);
    token.add(door, user, counter, &["--active"]);
    token
}

#[test]
fn r16_radclient_logs_in_with_each_code_once() {
    let site = Site::open(&[]);
    let (file, server) = (site.door.secret_file("vpn"), site.door.auth.to_string());
    let token = enrolled(&site.door, USER, 0);
    // Each from a station of its own: refusals alike are one record (R23), and a login sent again is the same login (R9).
    let stations = std::cell::Cell::new(0);
    let login = |counter: u64| {
        stations.set(stations.get() + 1);
        let words = login_words(USER, &format!("{PASSWORD}{}", token.at(counter)));
        let words = format!("{words}, Calling-Station-Id = \"192.0.2.{}\"", stations.get());
        let heard = radclient(&file, &server, "auth", &words);
        (heard.code, site.door.reason(USER))
    };
    let accept = ("Access-Accept".to_owned(), "accepted".to_owned());
    let reject = |reason: &str| ("Access-Reject".to_owned(), reason.to_owned());
    let mut rows = Rows::default();
    rows.same("the first", accept.clone(), login(0));
    rows.same("again", reject("code-used"), login(0));
    rows.same("nine skipped", accept.clone(), login(10));
    for older in [10, 9, 1, 0] {
        rows.same(
            &format!("no. {older}, below the last"),
            reject("code-used"),
            login(older),
        );
    }
    rows.same("ten skipped", reject("counter-ahead"), login(21));
    rows.same("a thousand ahead", reject("counter-ahead"), login(1_011));
    rows.same("more than a thousand ahead", reject("wrong-code"), login(1_012));
    let told = site.door.ok(&["explain", USER]);
    rows.hold(&told, told.contains("its counter is 10 codes ahead\n"));
    rows.hold(&told, told.contains(&format!("postern token resync {USER} CODE CODE")));
    let resync = |first: u64, second: u64| {
        let said = site
            .door
            .cli(&["token", "resync", USER, &token.at(first), &token.at(second)]);
        (said.status, format!("{}{}", said.out, said.err))
    };
    rows.same("no two that follow each other", 1, resync(21, 23).0);
    let (status, told) = resync(21, 22);
    rows.same(&told, 0, status);
    rows.hold(&told, told.contains("its next code is no. 23"));
    rows.same("resync spends both", 1, resync(21, 22).0);
    rows.same("what resync took", reject("code-used"), login(22));
    rows.same("after the resync", accept, login(23));
    rows.end();
}

#[test]
fn r17_spent_codes_never_count_and_codes_far_ahead_do() {
    let site = Site::open(&["--mode", "code-only"]);
    let token = enrolled(&site.door, USER, 40);
    let station = "192.0.2.9";
    assert_eq!(site.login_from(station, USER, &token.at(40)), ACCEPT);
    for spent in 21..=39 {
        assert_eq!(site.login_from(station, USER, &token.at(spent)), REJECT, "no. {spent}");
    }
    assert_eq!(site.door.reason(USER), "code-used");
    assert_eq!(
        site.login_from(station, USER, &token.at(41)),
        ACCEPT,
        "nineteen spent codes lock nobody"
    );
    for ahead in 60..70 {
        assert_eq!(site.login_from(station, USER, &token.at(ahead)), REJECT, "no. {ahead}");
    }
    assert_eq!(site.door.reason(USER), "counter-ahead");
    assert_eq!(site.login_from(station, USER, &token.at(42)), REJECT);
    assert_eq!(
        site.door.reason(USER),
        "station-locked",
        "a code far ahead may be guessed"
    );
    assert_eq!(site.login_from("192.0.2.10", USER, &token.at(42)), ACCEPT);
}

#[test]
fn r16_kill_9_gives_no_counter_back() {
    let mut door = Door::open();
    let mut nas = door.client(
        "vpn",
        "127.0.0.1",
        &[["--mode", "code-only"].as_slice(), &QUICK].concat(),
    );
    let token = enrolled(&door, USER, 7);
    let mut next = 7;
    for round in 0..4 {
        for _ in 0..3 {
            assert_eq!(nas.login(USER, &token.at(next)), ACCEPT, "round {round}, no. {next}");
            next += 3;
        }
        let last = next - 3;
        door.kill_and_reopen();
        nas.server = door.auth;
        for spent in [last, last - 1, last - 3] {
            assert_eq!(nas.login(USER, &token.at(spent)), REJECT, "round {round}, no. {spent}");
            assert_eq!(door.reason(USER), "code-used");
        }
        let tokens = door.json(&["token", "list", USER]);
        assert_eq!(tokens["tokens"][0]["counter"], last + 1, "{tokens}");
    }
    // A counter that was told at the beginning is as durable.
    let other = "ben@contoso.example";
    let drawer = enrolled(&door, other, 1_000_000);
    door.kill_and_reopen();
    nas.server = door.auth;
    assert_eq!(nas.login(other, &drawer.at(999_999)), REJECT);
    assert_eq!(nas.login(other, &drawer.at(1_000_000)), ACCEPT);
}

#[test]
fn r5_counter_and_time_beside_each_other_in_every_mode() {
    let site = Site::open(&[]);
    let door = &site.door;
    let mut rows = Rows::default();
    // Both of six digits, then a counter token of eight.
    let phone = door.enrolled(USER);
    let (short, long) = (Counter::new(6), Counter::new(8));
    short.add(door, USER, 0, &["--active"]);
    long.add(door, USER, 5, &["--active"]);
    for (what, code) in [
        ("six digits by counter", short.at(3)),
        ("six digits by time", phone.code()),
        ("eight digits by counter", long.at(6)),
        ("six digits by counter again", short.at(4)),
    ] {
        let credential = format!("{PASSWORD}{code}");
        rows.same(what, ACCEPT, site.login(USER, &credential));
        rows.same(what, REJECT, site.login_from(&code, USER, &credential));
        rows.same(what, "code-used".to_owned(), door.reason(USER));
    }
    let told = door.json(&["log", "--user", USER]).to_string();
    rows.hold(&told, told.contains("code of a counter token right"));
    door.ok(&["client", "set", "vpn", "--mode", "challenge"]);
    let challenge = site.nas.ask(&Request::login(USER, PASSWORD));
    rows.same("the first step", CHALLENGE, challenge.code);
    let answer = Request::login(USER, &long.at(7)).attr(STATE, challenge.state());
    rows.same("the second step", ACCEPT, site.nas.ask(&answer).code);
    // Made, confirmed in its window, used from there on.
    let other = format!("ben@{DOMAIN}");
    door.user(&other);
    let new = Counter::new(6);
    new.add(door, &other, 0, &[]);
    let far = door.cli(&["token", "confirm", &other, &new.at(12)]);
    rows.hold(
        &format!("{far:?}"),
        far.status == 1 && far.err.contains("its counter is 12 codes ahead"),
    );
    door.ok(&["token", "confirm", &other, &new.at(4)]);
    door.ok(&["client", "set", "vpn", "--mode", "append"]);
    rows.same(
        "confirm spends",
        REJECT,
        site.login(&other, &format!("{PASSWORD}{}", new.at(4))),
    );
    rows.same(
        "after it",
        ACCEPT,
        site.login(&other, &format!("{PASSWORD}{}", new.at(5))),
    );
    rows.end();
}

#[test]
fn r15_a_counter_code_is_owed_to_the_login_that_heard_not_available() {
    let site = Site::open(&["--deadline", "300ms"]);
    let user = "slow-1500@contoso.example";
    let token = enrolled(&site.door, user, 0);
    let credential = format!("{PASSWORD}{}", token.at(0));
    for times in 1..=2 {
        assert_eq!(site.login(user, &credential), REJECT);
        assert_eq!(
            site.door.reason(user),
            "directory-unavailable",
            "try {times}: not spent for nothing"
        );
    }
    assert_eq!(site.login(user, &format!("another password{}", token.at(0))), REJECT);
    assert_eq!(site.door.reason(user), "code-used", "to that login alone");
}

/// Waits for the first copy of the store, which is made a minute after the start.
fn wait_for_copy(door: &Door) {
    let copies = door.path().join("state").join("copies");
    let begun = Instant::now();
    while std::fs::read_dir(&copies).map_or(0, Iterator::count) == 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "no copy of the store was made"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    // Renamed into its place when it is whole; what is folded with it follows at once.
    std::thread::sleep(Duration::from_millis(500));
}

#[test]
fn r20_after_a_restore_without_the_journal_a_counter_token_needs_a_resync() {
    let mut door = Door::open();
    let mut nas = door.client(
        "vpn",
        "127.0.0.1",
        &[["--mode", "code-only"].as_slice(), &QUICK].concat(),
    );
    let (anna, both) = (enrolled(&door, USER, 0), "both@contoso.example");
    let count = enrolled(&door, both, 0);
    let phone = door.token(both);
    assert_eq!(nas.login(USER, &anna.at(0)), ACCEPT);
    assert_eq!(nas.login(both, &count.at(0)), ACCEPT);
    wait_for_copy(&door);
    for counter in 1..=3 {
        assert_eq!(nas.login(USER, &anna.at(counter)), ACCEPT);
    }
    door.daemon.kill();
    let state = door.path().join("state");
    let db = state.join("store").join("db");
    let whole = std::fs::read(&db).unwrap();
    std::fs::write(&db, &whole[..whole.len() / 2]).unwrap();
    std::fs::remove_dir_all(state.join("journal")).unwrap();
    door.reopen();
    nas.server = door.auth;
    let mut rows = Rows::default();
    // Until the steps are raised nothing is answered; that takes a second.
    let begun = Instant::now();
    while !door.json(&["status"])["answering"].as_bool().unwrap() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", door.daemon.said());
        std::thread::sleep(Duration::from_millis(100));
    }
    for counter in [1, 3, 4] {
        rows.same(&format!("no. {counter}"), REJECT, nas.login(USER, &anna.at(counter)));
        rows.same("why", "token-needs-resync".to_owned(), door.reason(USER));
    }
    let told = door.ok(&["explain", USER]);
    rows.hold(&told, told.contains(&format!("postern token resync {USER} CODE CODE")));
    rows.same(
        "status",
        "resync".to_owned(),
        word(&door.json(&["token", "list", USER])["tokens"][0], "status"),
    );
    // Beside a token that counts, its codes are told apart from wrong ones.
    rows.same("beside another", REJECT, nas.login(both, &count.at(1)));
    rows.same("why", "token-needs-resync".to_owned(), door.reason(both));
    rows.same("the other, void up to now", REJECT, nas.login(both, &phone.code()));
    rows.same("why", "code-used".to_owned(), door.reason(both));
    door.kill_and_reopen();
    nas.server = door.auth;
    rows.same("after a restart", REJECT, nas.login(USER, &anna.at(4)));
    rows.same("why", "token-needs-resync".to_owned(), door.reason(USER));
    door.ok(&["token", "resync", USER, &anna.at(4), &anna.at(5)]);
    rows.same("resync spends", REJECT, nas.login(USER, &anna.at(5)));
    rows.same("after the resync", ACCEPT, nas.login(USER, &anna.at(6)));
    rows.end();
}
