//! What a console shows of those who do not get in: sources that knock, and what a client was seen to send.

use postern::control::{Answer, Knock, Request};

use crate::desk::{Console, GOOD, USER};
use crate::harness::Door;
use crate::lab::QUICK;
use crate::packet::Request as Packet;

#[test]
fn who_knocks_is_kept_and_what_a_client_sends_is_told() {
    let door = Door::open();
    door.operator("anna", "installer");
    let nas = door.client("vpn", "127.0.0.1", &QUICK);
    let stranger = crate::packet::Nas {
        source: "127.0.0.9".parse().unwrap(),
        ..nas.clone()
    };
    let forgetful = crate::packet::Nas {
        secret: b"another secret".to_vec(),
        ..nas.clone()
    };
    for _ in 0..3 {
        assert!(stranger.silent(&Packet::login(USER, "x")));
    }
    assert!(forgetful.silent(&Packet::login(USER, "x")));
    assert!(nas.silent(&Packet::unsigned().user(USER).password(b"x")));
    assert!(nas.silent_bytes(b"GET / HTTP/1.1"));
    let mut console = Console::open(&door);
    console.log_in("anna", GOOD, None).unwrap();
    let Ok(Answer::Knocks(list)) = console.ask(&Request::Knocks) else {
        panic!("no list");
    };
    let told: Vec<_> = list
        .knocks
        .iter()
        .map(|k: &Knock| (k.reason.as_str(), k.address.as_str(), k.client.as_str(), k.count))
        .collect();
    assert_eq!(
        told,
        [
            ("malformed", "127.0.0.1", "vpn", 1),
            ("no-message-authenticator", "127.0.0.1", "vpn", 1),
            ("wrong-secret", "127.0.0.1", "vpn", 1),
            ("unknown-client", "127.0.0.9", "", 3),
        ]
    );
    for knock in &list.knocks {
        assert!(
            !knock.what.is_empty() && !knock.todo.is_empty() && !knock.what.contains('\n'),
            "{knock:?}"
        );
        assert!(knock.first <= knock.last);
    }
    assert!(list.knocks[3].todo.contains("postern client add NAME 127.0.0.9"));
    let chap = Packet::access()
        .user(USER)
        .attr(3, &[7; 17])
        .station("203.0.113.7")
        .attr(crate::packet::NAS_IDENTIFIER, b"gate1");
    nas.ask(&chap);
    assert!(nas.alive());
    let Ok(Answer::Client(client)) = console.ask(&Request::ClientShow { name: "vpn".to_owned() }) else {
        panic!("no client");
    };
    let seen = client.seen;
    assert_eq!((seen.method.as_str(), seen.nas.as_str()), ("CHAP", "gate1"));
    assert_eq!(
        (seen.message_authenticator, seen.calling_station),
        (Some(true), Some(true))
    );
    assert_eq!((seen.status_server, seen.wrong_secret, seen.unprotected), (true, 1, 1));
    assert!(seen.wrong_secret_last.is_some() && seen.unprotected_last.is_some());
    let status = door.json(&["status"]);
    assert_eq!(status["last_hour"]["dropped-unknown-client"], 3);
    assert_eq!(status["last_hour"]["rejects"], 1);
}
