//! Many at once: what is good once is good once, however many ask in the same moment (R10, R16, R18), and no client takes more than
//! its share (R8).

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use crate::harness::{PASSWORD, Rows};
use crate::lab::{Lab, Site};
use crate::packet::{ACCEPT, CHALLENGE, Nas, REJECT, Request, STATE};
use crate::totp::Token;

const USER: &str = "anna@contoso.example";

/// A datagram and the port it goes out from, so that it can be sent once more as a gateway does.
struct Sent {
    request: Request,
    socket: UdpSocket,
}

fn prepare(nas: &Nas, requests: Vec<Request>) -> Vec<Sent> {
    let each = requests.into_iter();
    each.map(|request| Sent {
        request,
        socket: nas.socket(),
    })
    .collect()
}

/// Sends all before it waits for any; the codes of the replies, 0 where none came.
fn send(nas: &Nas, all: &[&Sent], patience: Duration) -> Vec<u8> {
    for sent in all {
        sent.socket
            .send_to(&sent.request.bytes(&nas.secret), nas.server)
            .unwrap();
    }
    let start = Instant::now();
    let left = || patience.saturating_sub(start.elapsed()).max(Duration::from_millis(5));
    let collect = |sent: &&Sent| {
        nas.collect(&sent.socket, &sent.request, start, left())
            .map_or(0, |reply| reply.code)
    };
    all.iter().map(collect).collect()
}

/// The codes of the replies to requests sent at once.
fn at_once(nas: &Nas, requests: Vec<Request>, patience: Duration) -> Vec<u8> {
    let all = prepare(nas, requests);
    send(nas, &all.iter().collect::<Vec<_>>(), patience)
}

/// Those that heard nothing.
fn unheard<'a>(all: &'a [Sent], codes: &[u8]) -> Vec<&'a Sent> {
    all.iter()
        .zip(codes)
        .filter(|(_, code)| **code == 0)
        .map(|(sent, _)| sent)
        .collect()
}

fn accepts(codes: &[u8]) -> usize {
    codes.iter().filter(|code| **code == ACCEPT).count()
}

const LONG: Duration = Duration::from_secs(10);

#[test]
fn r16_of_a_hundred_logins_with_one_code_one_is_let_in() {
    let site = Site::with_lab(Lab::open_with(&["--delay", "100ms"]), &[]);
    let door = &site.door;
    let gate = door.client("gate", "127.0.0.2", &["--mode", "code-only", "--reject-delay", "0s"]);
    let gate = Nas {
        source: "127.0.0.2".parse().unwrap(),
        ..gate
    };
    let mut rows = Rows::default();
    for round in 0..5 {
        let user = format!("user{round}@contoso.example");
        let code = door.enrolled(&user).code();
        let logins: Vec<_> = (0..100)
            .map(|_| Request::login(&user, &format!("{PASSWORD}{code}")))
            .collect();
        let codes = at_once(&site.nas, logins, LONG);
        rows.same("append: answered", 0, codes.iter().filter(|code| **code == 0).count());
        rows.same("append", 1, accepts(&codes));
        rows.same("the directory was asked once", 1, site.lab.seen(&user));
        let user = format!("gate{round}@contoso.example");
        let code = door.enrolled(&user).code();
        let logins: Vec<_> = (0..100).map(|_| Request::login(&user, &code)).collect();
        rows.same("code-only", 1, accepts(&at_once(&gate, logins, LONG)));
    }
    rows.end();
}

#[test]
fn r18_of_many_with_one_bypass_code_one_is_let_in() {
    let site = Site::open(&[]);
    let door = &site.door;
    door.enrolled(USER);
    for _ in 0..5 {
        let code = door.json(&["user", "bypass", USER])["code"]
            .as_str()
            .unwrap()
            .to_owned();
        let logins: Vec<_> = (0..50)
            .map(|_| Request::login(USER, &format!("{PASSWORD}{code}")))
            .collect();
        assert_eq!(accepts(&at_once(&site.nas, logins, LONG)), 1);
    }
}

#[test]
fn r10_of_many_answers_to_one_challenge_one_counts() {
    let site = Site::open(&["--mode", "challenge"]);
    let door = &site.door;
    for round in 0..5 {
        let user = format!("user{round}@contoso.example");
        let (one, other) = (door.enrolled(&user), door.token(&user));
        let challenge = site.nas.ask(&Request::login(&user, PASSWORD));
        assert_eq!(challenge.code, CHALLENGE);
        let answer = |n: usize| if n.is_multiple_of(2) { one.code() } else { other.code() };
        let answers: Vec<_> = (0..50)
            .map(|n| Request::login(&user, &answer(n)).attr(STATE, challenge.state()))
            .collect();
        let codes = at_once(&site.nas, answers, LONG);
        assert_eq!(
            (codes.contains(&0), accepts(&codes)),
            (false, 1),
            "two good codes, one State"
        );
    }
}

#[test]
fn r9_many_copies_of_one_login_are_one() {
    let site = Site::with_lab(Lab::open_with(&["--delay", "300ms"]), &[]);
    let code = site.door.enrolled(USER).code();
    let copies: Vec<_> = (0..20)
        .map(|_| Request::login(USER, &format!("{PASSWORD}{code}")).station("192.0.2.7"))
        .collect();
    let all = prepare(&site.nas, copies);
    let mut codes = send(&site.nas, &all.iter().collect::<Vec<_>>(), Duration::from_secs(2));
    // What the box let go is sent again by the gateway, the same datagram from the same port, and is answered then.
    codes.extend(send(&site.nas, &unheard(&all, &codes), Duration::from_secs(2)));
    assert_eq!(site.lab.seen(USER), 1, "one request for one login");
    // The first and three repeats.
    assert!((1..=4).contains(&accepts(&codes)), "{codes:?}");
    let heard = codes.iter().filter(|code| [ACCEPT, REJECT].contains(code)).count();
    assert_eq!(heard, 20, "in the end each hears something: {codes:?}");
}

#[test]
fn r17_many_wrong_codes_at_once_do_not_outrun_the_lock() {
    let site = Site::open(&["--mode", "code-only"]);
    let token = site.door.enrolled(USER);
    let logins: Vec<_> = token
        .wrongs(200)
        .iter()
        .map(|code| Request::login(USER, code))
        .collect();
    let codes = at_once(&site.nas, logins, LONG);
    assert_eq!(accepts(&codes), 0);
    let tried: u64 = site
        .door
        .logins(USER)
        .iter()
        .filter(|entry| entry["reason"] == "wrong-code")
        .filter_map(|entry| entry["count"].as_u64())
        .sum();
    assert!(tried <= 10, "{tried} codes were looked at before the lock");
    assert_eq!(site.login(USER, &token.code()), REJECT);
}

#[test]
fn r8_a_client_has_so_many_in_flight_and_no_more() {
    let site = Site::with_lab(Lab::open_with(&["--delay", "700ms"]), &["--in-flight", "5"]);
    let door = &site.door;
    let users: Vec<_> = (0..20).map(|n| format!("user{n}@contoso.example")).collect();
    let tokens: Vec<_> = users.iter().map(|user| door.enrolled(user)).collect();
    let login = |(user, token): (&String, &Token)| Request::login(user, &format!("{PASSWORD}{}", token.code()));
    let all = prepare(&site.nas, users.iter().zip(&tokens).map(login).collect());
    let codes = send(&site.nas, &all.iter().collect::<Vec<_>>(), Duration::from_secs(2));
    assert_eq!(
        (unheard(&all, &codes).len(), accepts(&codes)),
        (15, 5),
        "five at a time, the rest dropped"
    );
    assert!(site.nas.alive(), "the room is given back");
    let late = unheard(&all, &codes);
    let again = send(&site.nas, &late[..5], Duration::from_secs(2));
    assert_eq!(
        accepts(&again),
        5,
        "what was dropped burnt no code, and the same datagram is heard when there is room"
    );
}
