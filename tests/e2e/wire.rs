//! What comes off the wire and must not hurt: authenticators (R6), sources and reply addresses (R8), protocols that cannot work,
//! Status-Server, accounting, and everything malformed.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::harness::{Door, PASSWORD, Rows};
use crate::lab::{Lab, Site};
use crate::packet::{
    ACCEPT, EAP_MESSAGE, MESSAGE_AUTHENTICATOR, Nas, PROXY_STATE, REJECT, Request, SILENCE, STATE, STATUS_SERVER,
    USER_NAME, USER_PASSWORD,
};

const USER: &str = "anna@contoso.example";

fn plain(credential: &str) -> Request {
    Request::unsigned().user(USER).password(credential.as_bytes())
}

#[test]
fn r6_message_authenticator_is_required_unless_the_client_says_no() {
    let site = Site::open(&[]);
    let token = site.door.enrolled(USER);
    let credential = format!("{PASSWORD}{}", token.code());
    let mut rows = Rows::default();
    let mut silent = |name: &str, request: Request| rows.hold(name, site.nas.silent(&request));
    silent("required and absent", plain(&credential));
    silent("wrong", plain(&credential).wrongly_signed());
    silent("two, both right", plain(&credential).signed().signed());
    silent("of 15 bytes", plain(&credential).attr(MESSAGE_AUTHENTICATOR, &[0; 15]));
    silent("Status-Server without one", Request::unsigned().code(STATUS_SERVER));
    site.door
        .ok(&["client", "set", "vpn", "--require-message-authenticator", "no"]);
    silent("wrong, where none is required", plain(&credential).wrongly_signed());
    silent("two, where none is required", plain(&credential).signed().signed());
    silent("Proxy-State without one", plain(&credential).attr(PROXY_STATE, b"x"));
    silent(
        "EAP-Message without one",
        Request::unsigned().user(USER).attr(EAP_MESSAGE, &[2, 1, 0, 5, 1]),
    );
    silent(
        "Status-Server without one, still",
        Request::unsigned().code(STATUS_SERVER),
    );
    rows.same("directory", 0, site.lab.seen(USER));
    rows.same(
        "none, where none is required",
        ACCEPT,
        site.nas.ask(&plain(&credential)).code,
    );
    rows.end();
}

#[test]
fn a_wrong_secret_and_an_unknown_source_hear_nothing() {
    let site = Site::open(&[]);
    site.door.enrolled(USER);
    let stranger = Nas {
        secret: b"another secret".to_vec(),
        ..site.nas.clone()
    };
    assert!(stranger.silent(&Request::login(USER, "x")));
    let elsewhere = Nas {
        source: "127.0.0.77".parse().unwrap(),
        ..site.nas.clone()
    };
    assert!(
        elsewhere.silent(&Request::login(USER, "x")),
        "127.0.0.77 is no client's address"
    );
    site.door.client("range", "127.0.0.64/26", &[]);
    assert!(
        elsewhere.silent(&Request::login(USER, "x")),
        "the range's client has another secret"
    );
    assert!(site.nas.alive());
    let status = site.door.json(&["status"]);
    let counted: u64 = status["counters"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(serde_json::Value::as_u64)
        .sum();
    assert!(counted >= 3, "dropped packets are counted: {status}");
}

#[test]
fn the_longest_prefix_wins() {
    let door = Door::open();
    let wide = door.client("wide", "127.0.0.0/8", &[]);
    let narrow = door.client("narrow", "127.0.0.64/26", &[]);
    let one = door.client("one", "127.0.0.70", &[]);
    let at = |nas: &Nas, source: &str| Nas {
        source: source.parse().unwrap(),
        ..nas.clone()
    };
    let mut rows = Rows::default();
    for (name, nas, source) in [
        ("wide", &wide, "127.0.0.1"),
        ("narrow", &narrow, "127.0.0.65"),
        ("one", &one, "127.0.0.70"),
    ] {
        rows.hold(name, at(nas, source).alive());
    }
    rows.hold(
        "the narrower one's secret counts",
        at(&wide, "127.0.0.70").silent(&Request::access().code(STATUS_SERVER)),
    );
    rows.end();
}

#[test]
fn r8_replies_leave_from_the_address_that_was_asked() {
    let door = Door::open_on("::", &[]);
    let v4 = door.client("v4", "127.0.0.1", &[]);
    let v6 = door.client("v6", "::1", &[]);
    for (nas, address) in [(&v4, "127.0.0.1"), (&v4, "127.0.0.2"), (&v4, "127.9.8.7"), (&v6, "::1")] {
        let nas = Nas {
            server: SocketAddr::new(address.parse().unwrap(), door.auth.port()),
            source: if address.contains(':') {
                IpAddr::V6(Ipv6Addr::LOCALHOST)
            } else {
                "127.0.0.1".parse().unwrap()
            },
            ..nas.clone()
        };
        let reply = nas.ask(&Request::access().code(STATUS_SERVER));
        assert_eq!((reply.code, reply.from), (ACCEPT, nas.server), "asked at {address}");
    }
}

#[test]
fn r8_an_ipv6_client_logs_in() {
    let site = Site::with(Door::open_on("::1", &[]), Lab::open(), &[]);
    let token = site.door.enrolled(USER);
    assert_eq!(site.login(USER, &format!("{PASSWORD}{}", token.code())), ACCEPT);
}

#[test]
fn several_addresses_are_served() {
    let second = SocketAddr::from(([127, 0, 0, 2], crate::harness::free_port()));
    let door = Door::open_on("127.0.0.1", &["--auth", &second.to_string()]);
    let nas = door.client("vpn", "127.0.0.1", &[]);
    assert!(nas.alive());
    let there = Nas { server: second, ..nas };
    assert!(there.alive());
}

#[test]
fn status_server_and_accounting_are_answered() {
    let site = Site::open(&[]);
    let reply = site
        .nas
        .ask(&Request::access().code(STATUS_SERVER).attr(PROXY_STATE, b"s"));
    assert_eq!((reply.code, reply.all(PROXY_STATE)), (ACCEPT, vec![b"s".as_slice()]));
    let file = site.door.secret_file("vpn");
    for kind in ["Start", "Interim-Update", "Stop"] {
        let words = format!("User-Name={USER},Acct-Status-Type={kind},Acct-Session-Id=one,Proxy-State=0x01\n");
        let target = site.door.acct.to_string();
        let said = crate::harness::run(
            std::process::Command::new("radclient").args(["-x", "-r", "2", "-t", "3", "-S", &file, &target, "acct"]),
            &words,
        );
        assert!(said.out.contains("Received Accounting-Response"), "{kind}: {said:?}");
    }
}

#[test]
fn eap_chap_and_mschap_are_refused_at_once() {
    let site = Site::open(&[]);
    let door = &site.door;
    door.enrolled(USER);
    let vendor = |kind: u8, length: usize| {
        let mut value = vec![0, 0, 0x01, 0x37, kind, length as u8 + 2];
        value.resize(6 + length, 7);
        value
    };
    let base = || Request::access().user(USER);
    let mut rows = Rows::default();
    for (name, request) in [
        ("CHAP", base().attr(3, &[7; 17]).attr(60, &[7; 16])),
        ("MS-CHAP", base().attr(26, &vendor(11, 8)).attr(26, &vendor(1, 50))),
        ("MS-CHAPv2", base().attr(26, &vendor(11, 16)).attr(26, &vendor(25, 50))),
        ("no password at all", base()),
    ] {
        rows.same(name, REJECT, site.nas.ask(&request).code);
        rows.same(name, "not-pap".to_owned(), door.reason(USER));
    }
    let reply = site
        .nas
        .ask(&base().attr(EAP_MESSAGE, &[2, 9, 0, 9, 1, b'a', b'n', b'n', b'a']));
    rows.same("EAP", REJECT, reply.code);
    rows.same(
        "EAP-Failure with the identifier",
        vec![[4u8, 9, 0, 4].as_slice()],
        reply.all(EAP_MESSAGE),
    );
    rows.same("directory", 0, site.lab.seen(USER));
    rows.end();
}

#[test]
fn every_truncation_and_every_bad_length_is_dropped() {
    let site = Site::open(&[]);
    let token = site.door.enrolled(USER);
    let good = Request::login(USER, &format!("{PASSWORD}{}", token.wrong()))
        .attr(32, b"gate")
        .bytes(&site.nas.secret);
    let socket = site.nas.socket();
    let send = |bytes: &[u8]| {
        socket.send_to(bytes, site.nas.server).unwrap();
    };
    for length in 0..good.len() {
        send(&good[..length]);
        let mut honest = good[..length].to_vec();
        if length >= 20 {
            honest[2..4].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
            send(&honest);
        }
    }
    for value in [0u8, 1, 2, 19, 255] {
        let mut bytes = good.clone();
        bytes[21] = value;
        send(&bytes);
        bytes = good.clone();
        (bytes[2], bytes[3]) = (0, value);
        send(&bytes);
    }
    for code in (0..=255u8).filter(|code| ![1, 12].contains(code)) {
        let mut bytes = good.clone();
        bytes[0] = code;
        send(&bytes);
    }
    let mut long = good.clone();
    long.resize(4097, 0);
    send(&long);
    (long[2], long[3]) = (0x10, 0x01);
    send(&long);
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    let mut buffer = [0; 5000];
    let answered = socket.recv_from(&mut buffer);
    assert!(
        answered.is_err(),
        "answered {:02x?}",
        &buffer[..answered.map_or(0, |a| a.0)]
    );
    assert!(site.nas.alive());
    assert_eq!(site.door.logins(USER).len(), 0);
}

#[test]
fn odd_packets_that_are_well_formed() {
    let site = Site::open(&[]);
    let door = &site.door;
    let token = door.enrolled(USER);
    let nas = &site.nas;
    let right = |step| format!("{PASSWORD}{}", token.later(step)).into_bytes();
    let mut rows = Rows::default();
    let mut many = Request::access().user(USER).password(b"x");
    for n in 0..200u8 {
        many = many.attr(PROXY_STATE, &[n, 1, 2, 3]);
    }
    let reply = nas.ask(&many);
    rows.same("200 Proxy-States", 200, reply.all(PROXY_STATE).len());
    rows.hold(
        "in order",
        reply
            .all(PROXY_STATE)
            .iter()
            .enumerate()
            .all(|(n, v)| usize::from(v[0]) == n),
    );
    let mut full = Request::login(USER, "x");
    let mut room = 4096 - full.bytes(b"s").len();
    while room > 257 {
        full = full.attr(25, &[b'c'; 253]);
        room -= 255;
    }
    let full = full.attr(25, &vec![b'c'; room - 2]);
    rows.same("4,096 bytes", 4096, full.bytes(b"s").len());
    rows.same("4,096 bytes", REJECT, nas.ask(&full).code);
    let padded = [Request::login(USER, "x").bytes(&nas.secret), vec![0; 30]].concat();
    rows.hold(
        "padding after the packet is not looked at (RFC 2865 3)",
        !nas.silent_bytes(&padded),
    );
    let named = |name: &[u8]| Request::access().attr(USER_NAME, name).password(b"x");
    for (name, request, wanted) in [
        ("password of 128 bytes", Request::login(USER, &"p".repeat(128)), REJECT),
        ("name of 253 bytes", named(&[b'n'; 253]), REJECT),
        ("invalid UTF-8 in the name", named(b"an\xff\xfe\xc3"), REJECT),
        (
            "escape and right-to-left in the name",
            named("a\u{1b}[2J\u{202e}b@contoso.example".as_bytes()),
            REJECT,
        ),
        ("empty name", named(b""), REJECT),
        ("no name", Request::access().password(b"x"), REJECT),
    ] {
        let reply = nas.try_from(&nas.socket(), &request, Duration::from_secs(5));
        // An attribute without a value is malformed (RFC 2865 5): no answer is right there too.
        let fine =
            reply.as_ref().is_some_and(|reply| reply.code == wanted) || (reply.is_none() && name == "empty name");
        rows.hold(&format!("{name}: {reply:?}"), fine);
    }
    let nul = [b"corr\0ect horse".as_slice(), token.code().as_bytes()].concat();
    rows.same(
        "NUL inside the password",
        REJECT,
        nas.ask(&Request::access().user(USER).password(&nul)).code,
    );
    rows.same(
        "NUL inside the password",
        "unreadable-password".to_owned(),
        door.reason(USER),
    );
    rows.same("nothing reached the directory", 0, site.lab.seen(USER));
    rows.same(
        "and then a login",
        ACCEPT,
        nas.ask(&Request::access().user(USER).password(&right(0))).code,
    );
    let text = door.ok(&["log"]);
    rows.hold(
        "R22: no control characters on the screen",
        !text.contains('\u{1b}') && !text.contains('\u{202e}'),
    );
    rows.end();
}

#[test]
fn two_of_what_may_stand_once_are_dropped() {
    let site = Site::open(&[]);
    site.door.enrolled(USER);
    let base = || Request::login(USER, "x");
    let mut rows = Rows::default();
    for (name, request) in [
        ("two User-Password", base().password(b"y")),
        ("two State", base().attr(STATE, &[1; 16]).attr(STATE, &[2; 16])),
        ("two Message-Authenticator", base().signed()),
        ("attribute of type 0", base().attr(0, b"x")),
    ] {
        let silent = site.nas.silent(&request);
        rows.hold(name, silent || name == "attribute of type 0");
    }
    // These can be answered, but only with a refusal, and nothing of them goes on.
    for length in [15, 17, 144] {
        let request = Request::access().user(USER).attr(USER_PASSWORD, &vec![1; length]);
        let reply = site.nas.try_from(&site.nas.socket(), &request, SILENCE);
        rows.hold(
            &format!("User-Password of {length} bytes"),
            reply.is_none_or(|reply| reply.code == REJECT),
        );
    }
    rows.same("directory", 0, site.lab.seen(USER));
    rows.hold("alive", site.nas.alive());
    rows.end();
}

#[test]
fn noise_from_everywhere_stops_nothing() {
    let site = Site::open(&[]);
    let token = site.door.enrolled(USER);
    let socket = UdpSocket::bind("127.0.0.5:0").unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for n in 0..5000usize {
        let bytes: Vec<u8> = (0..n % 300)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as u8
            })
            .collect();
        socket.send_to(&bytes, site.nas.server).unwrap();
        if n % 50 == 0 {
            site.nas.throw(&bytes);
        }
    }
    assert_eq!(site.login(USER, &format!("{PASSWORD}{}", token.code())), ACCEPT);
    assert!(
        site.door.daemon.said().lines().count() < 200,
        "one line an hour per cause and source"
    );
}
