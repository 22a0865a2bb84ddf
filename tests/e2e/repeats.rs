//! Packets that come more than once: duplicates of a datagram (R7), and logins sent again in a new packet (R9).

use std::time::Duration;

use crate::harness::{PASSWORD, Rows};
use crate::lab::{Lab, Site};
use crate::packet::{ACCEPT, Nas, REJECT, Request};

const USER: &str = "anna@contoso.example";

fn slow() -> Lab {
    Lab::open_with(&["--delay", "600ms"])
}

/// Sends the very same datagram `times` times from one port, a pause apart, and gathers the replies.
fn duplicates(nas: &Nas, request: &Request, times: usize, pause: Duration) -> Vec<Vec<u8>> {
    let socket = nas.socket();
    let bytes = request.bytes(&nas.secret);
    for _ in 0..times {
        socket.send_to(&bytes, nas.server).unwrap();
        std::thread::sleep(pause);
    }
    let mut replies = Vec::new();
    let mut buffer = [0; 5000];
    socket.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
    while let Ok((length, _)) = socket.recv_from(&mut buffer) {
        replies.push(buffer[..length].to_vec());
    }
    replies
}

#[test]
fn r7_a_twin_in_flight_joins_and_a_later_one_gets_the_same_bytes() {
    let site = Site::with_lab(slow(), &[]);
    let token = site.door.enrolled(USER);
    let request = Request::login(USER, &format!("{PASSWORD}{}", token.code()));
    let replies = duplicates(&site.nas, &request, 3, Duration::from_millis(50));
    assert!(!replies.is_empty() && replies.len() <= 3, "{} replies", replies.len());
    assert!(
        replies.iter().all(|reply| *reply == replies[0] && reply[0] == ACCEPT),
        "{replies:02x?}"
    );
    assert_eq!(site.lab.seen(USER), 1);

    let other = "ben@contoso.example";
    let token = site.door.enrolled(other);
    let request = Request::login(other, &format!("{PASSWORD}{}", token.code()));
    let replies = duplicates(&site.nas, &request, 2, Duration::from_millis(1200));
    assert_eq!(replies.len(), 2, "each gets its reply");
    assert_eq!(replies[0], replies[1], "to the byte");
    assert_eq!(site.lab.seen(other), 1);
    assert_eq!(site.door.logins(other).len(), 1, "one decision, one record");
}

#[test]
fn r7_a_different_datagram_with_the_same_identifier_takes_its_place() {
    let site = Site::open(&[]);
    let token = site.door.enrolled(USER);
    let socket = site.nas.socket();
    let one = Request::login(USER, &format!("{PASSWORD}{}", token.wrong()));
    let mut two = Request::login(USER, &format!("{PASSWORD}{}", token.code()));
    two.id = one.id;
    assert_eq!(site.nas.ask_from(&socket, &one).code, REJECT);
    assert_eq!(site.nas.ask_from(&socket, &two).code, ACCEPT);
    let mut stranger = one.clone();
    stranger.authenticator = [9; 16];
    let forged = Nas {
        secret: b"forged".to_vec(),
        ..site.nas.clone()
    };
    socket.send_to(&stranger.bytes(&forged.secret), forged.server).unwrap();
    assert_eq!(
        site.nas.ask_from(&socket, &two).code,
        ACCEPT,
        "an unverified one takes no place"
    );
}

#[test]
fn r9_a_login_sent_again_hears_the_first_verdict() {
    let site = Site::with_lab(slow(), &[]);
    let door = &site.door;
    let token = door.enrolled(USER);
    let credential = format!("{PASSWORD}{}", token.code());
    let again = |credential: &str| {
        site.nas
            .ask(&Request::login(USER, credential).station("192.0.2.7"))
            .code
    };
    // Two packets while the directory still thinks, then two later: an Accept is repeated three times at most.
    let early: Vec<u8> = std::thread::scope(|scope| {
        let first = scope.spawn(|| again(&credential));
        std::thread::sleep(Duration::from_millis(150));
        let second = scope.spawn(|| again(&credential));
        vec![first.join().unwrap(), second.join().unwrap()]
    });
    assert_eq!(early, [ACCEPT, ACCEPT]);
    assert_eq!([again(&credential), again(&credential)], [ACCEPT, ACCEPT]);
    assert_eq!(again(&credential), REJECT, "a fourth repeat is refused");
    assert_eq!(door.reason(USER), "code-used");
    assert_eq!(site.lab.seen(USER), 1, "one login, one request");
    assert!(
        door.logins(USER).iter().any(|entry| entry["reason"] == "sent-again"),
        "{:?}",
        door.logins(USER)
    );
}

#[test]
fn r9_a_wrong_password_sent_again_asks_the_directory_once() {
    let site = Site::open(&[]);
    let token = site.door.enrolled(USER);
    let credential = format!("wrong{}", token.code());
    for _ in 0..5 {
        assert_eq!(site.login_from("192.0.2.7", USER, &credential), REJECT);
    }
    assert_eq!(site.lab.seen(USER), 1);
}

#[test]
fn r9_only_where_everything_agrees() {
    let mut rows = Rows::default();
    let site = Site::open(&[]);
    let login = |user: &str, code: &str| {
        Request::login(user, &format!("{PASSWORD}{code}"))
            .station("192.0.2.7")
            .attr(32, b"gate")
    };
    for (n, (name, change)) in [
        (
            "no Calling-Station-Id",
            (|u, c| Request::login(u, &format!("{PASSWORD}{c}"))) as fn(&str, &str) -> Request,
        ),
        ("another Calling-Station-Id", |u, c| {
            Request::login(u, &format!("{PASSWORD}{c}"))
                .station("192.0.2.8")
                .attr(32, b"gate")
        }),
        ("another NAS-Identifier", |u, c| {
            Request::login(u, &format!("{PASSWORD}{c}"))
                .station("192.0.2.7")
                .attr(32, b"other")
        }),
        ("another NAS-IP-Address", |u, c| {
            Request::login(u, &format!("{PASSWORD}{c}"))
                .station("192.0.2.7")
                .attr(32, b"gate")
                .attr(4, &[192, 0, 2, 1])
        }),
        ("another password", |u, c| {
            Request::login(u, &format!("x{PASSWORD}{c}"))
                .station("192.0.2.7")
                .attr(32, b"gate")
        }),
    ]
    .into_iter()
    .enumerate()
    {
        let user = format!("user{n}@contoso.example");
        let code = site.door.enrolled(&user).code();
        rows.same(name, ACCEPT, site.nas.ask(&login(&user, &code)).code);
        rows.same(name, REJECT, site.nas.ask(&change(&user, &code)).code);
    }
    // Void after any change to the user.
    let user = "changed@contoso.example";
    let code = site.door.enrolled(user).code();
    rows.same("before the change", ACCEPT, site.nas.ask(&login(user, &code)).code);
    site.door.ok(&["user", "disable", user]);
    rows.same("after a disable", REJECT, site.nas.ask(&login(user, &code)).code);
    site.door.ok(&["user", "enable", user]);
    rows.same("after an enable", REJECT, site.nas.ask(&login(user, &code)).code);
    rows.end();
}

#[test]
fn r9_an_unavailable_directory_is_not_remembered() {
    let site = Site::open(&[]);
    let user = "http-503-1@contoso.example";
    let code = site.door.enrolled(user).code();
    let credential = format!("{PASSWORD}{code}");
    assert_eq!(site.login_from("192.0.2.7", user, &credential), REJECT);
    assert_eq!(site.login_from("192.0.2.7", user, &credential), REJECT);
    let reasons: Vec<_> = site
        .door
        .logins(user)
        .iter()
        .map(|entry| entry["reason"].clone())
        .collect();
    assert!(!reasons.iter().any(|reason| reason == "sent-again"), "{reasons:?}");
}
