//! Mode challenge: name and password first, then the code (R10), and what hangs on it.

use std::time::Duration;

use crate::harness::{PASSWORD, Rows};
use crate::lab::Site;
use crate::packet::{ACCEPT, CHALLENGE, NAS_IDENTIFIER, PROXY_STATE, REJECT, REPLY_MESSAGE, Reply, Request, STATE};

const USER: &str = "anna@contoso.example";

fn site(more: &[&str]) -> Site {
    Site::open(&[["--mode", "challenge"].as_slice(), more].concat())
}

/// The first step.
fn first(site: &Site, user: &str) -> Reply {
    let reply = site.nas.ask(&Request::login(user, PASSWORD));
    assert_eq!(
        reply.code,
        CHALLENGE,
        "first step: {reply:?}\n{}",
        site.door.reason(user)
    );
    reply
}

/// The second step.
fn second(site: &Site, user: &str, state: &[u8], code: &str) -> u8 {
    site.nas.ask(&Request::login(user, code).attr(STATE, state)).code
}

#[test]
fn r10_password_then_code() {
    let site = site(&["--prompt", "Code, please"]);
    let token = site.door.enrolled(USER);
    let challenge = first(&site, USER);
    assert_eq!(challenge.all(REPLY_MESSAGE), [b"Code, please"]);
    assert_eq!(challenge.state().len(), 16);
    assert_eq!(site.door.last(USER).1, "code-awaited");
    assert_eq!(second(&site, USER, challenge.state(), &token.code()), ACCEPT);
    assert_eq!(site.lab.seen(USER), 1, "the password is checked once");
    assert_eq!(
        second(&site, USER, challenge.state(), &token.later(1)),
        REJECT,
        "a State is good for one answer"
    );
    assert_eq!(site.door.reason(USER), "unknown-state");
    assert_eq!(
        site.lab.seen(USER),
        1,
        "R10: a State that is not known reaches no directory"
    );
}

#[test]
fn r10_wrong_answers_end_it() {
    let site = site(&["--challenge-timeout", "5s"]);
    let door = &site.door;
    let token = door.enrolled(USER);
    let mut rows = Rows::default();
    let mut asked = 0;
    let mut step = |name: &str, state: &[u8], credential: &str, code: u8, reason: &str, asked: u64| {
        rows.same(name, code, second(&site, USER, state, credential));
        rows.same(name, reason.to_owned(), door.reason(USER));
        rows.same(&format!("{name}: directory"), asked, site.lab.seen(USER));
    };
    asked += 1;
    let state = first(&site, USER).state().to_vec();
    step("wrong code", &state, &token.wrong(), REJECT, "wrong-code", asked);
    step(
        "right code, same State",
        &state,
        &token.code(),
        REJECT,
        "unknown-state",
        asked,
    );
    step("made-up State", &[7; 16], &token.code(), REJECT, "unknown-state", asked);
    step("short State", &[7; 3], &token.code(), REJECT, "unknown-state", asked);
    asked += 1;
    let state = first(&site, USER).state().to_vec();
    step(
        "the password again",
        &state,
        PASSWORD,
        REJECT,
        "password-instead-of-code",
        asked,
    );
    asked += 1;
    let state = first(&site, USER).state().to_vec();
    std::thread::sleep(Duration::from_millis(5300));
    step("too late", &state, &token.code(), REJECT, "expired-state", asked);
    rows.end();
    let said = site.nas.ask(&Request::login(USER, "not it")).code;
    assert_eq!(said, REJECT, "a wrong password is refused at the first step");
    assert_eq!(door.reason(USER), "wrong-password");
}

#[test]
fn r10_a_state_is_bound_to_client_user_and_station() {
    let site = site(&[]);
    let door = &site.door;
    let token = door.enrolled(USER);
    let other = door.enrolled("ben@contoso.example");
    let state = first(&site, USER).state().to_vec();
    assert_eq!(
        second(&site, "ben@contoso.example", &state, &other.code()),
        REJECT,
        "another user"
    );
    assert_eq!(door.reason("ben@contoso.example"), "foreign-state");

    let login = Request::login(USER, PASSWORD).station("192.0.2.7");
    let state = site.nas.ask(&login).state().to_vec();
    let answer = |station: &str| Request::login(USER, &token.code()).station(station).attr(STATE, &state);
    assert_eq!(
        site.nas.ask(&answer("192.0.2.8")).code,
        REJECT,
        "another calling station"
    );
    assert_eq!(door.reason(USER), "foreign-state");
    assert_eq!(site.lab.seen("ben@contoso.example"), 0);
}

#[test]
fn r9_the_first_step_sent_again_gets_the_same_challenge() {
    let site = site(&[]);
    let token = site.door.enrolled(USER);
    let login = || {
        Request::login(USER, PASSWORD)
            .station("192.0.2.7")
            .attr(NAS_IDENTIFIER, b"gate")
    };
    let one = site.nas.ask(&login());
    let two = site.nas.ask(&login());
    assert_eq!((one.code, two.code), (CHALLENGE, CHALLENGE));
    assert_eq!(one.state(), two.state());
    assert_eq!(site.lab.seen(USER), 1, "one login, one request");
    let answer = Request::login(USER, &token.code())
        .station("192.0.2.7")
        .attr(NAS_IDENTIFIER, b"gate")
        .attr(STATE, one.state());
    assert_eq!(site.nas.ask(&answer).code, ACCEPT);
    let three = site.nas.ask(&login());
    assert_ne!(three.state(), one.state(), "an answered challenge is not given again");
}

#[test]
fn proxy_states_are_echoed_in_order_in_every_reply() {
    let site = site(&[]);
    let token = site.door.enrolled(USER);
    let with = |request: Request| {
        request
            .attr(PROXY_STATE, b"one")
            .attr(PROXY_STATE, b"\x00\xfftwo")
            .attr(PROXY_STATE, b"3")
    };
    let expected: [&[u8]; 3] = [b"one", b"\x00\xfftwo", b"3"];
    let challenge = site.nas.ask(&with(Request::login(USER, PASSWORD)));
    assert_eq!(
        (challenge.code, challenge.all(PROXY_STATE)),
        (CHALLENGE, expected.to_vec())
    );
    let accept = site.nas.ask(&with(
        Request::login(USER, &token.code()).attr(STATE, challenge.state()),
    ));
    assert_eq!((accept.code, accept.all(PROXY_STATE)), (ACCEPT, expected.to_vec()));
    let reject = site.nas.ask(&with(Request::login("nobody", "x")));
    assert_eq!((reject.code, reject.all(PROXY_STATE)), (REJECT, expected.to_vec()));
}

#[test]
fn r18_r4_bypass_and_local_passwords_work_in_two_steps() {
    let site = site(&[]);
    let door = &site.door;
    door.ok_in(
        &["user", "add", "local@contoso.example", "--password-file", "-"],
        "tall stairs down\n",
    );
    door.token("local@contoso.example");
    let challenge = site.nas.ask(&Request::login("local", "tall stairs down"));
    assert_eq!(challenge.code, CHALLENGE);
    let code = door.json(&["user", "bypass", "local@contoso.example"])["code"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(second(&site, "local", challenge.state(), &code), ACCEPT);
    assert_eq!(site.lab.seen("local@contoso.example"), 0);
}

#[test]
fn r19_r20_challenges_are_void_after_a_restart() {
    let mut site = site(&[]);
    let token = site.door.enrolled(USER);
    let state = first(&site, USER).state().to_vec();
    site.door.kill_and_reopen();
    site.nas.server = site.door.auth;
    assert_eq!(second(&site, USER, &state, &token.code()), REJECT);
    assert_eq!(site.door.reason(USER), "unknown-state");
    assert_eq!(site.lab.seen(USER), 1);
}
