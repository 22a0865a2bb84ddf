//! RADIUS clients.

use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::control::check::{net_text, parse_net};
use crate::control::{ClientInfo, ClientMade};
use crate::store::records::{First, Net, Unmatched};

fn add(name: &str, net: &str, fields: ClientFields) -> Request {
    Request::ClientAdd(ClientAdd {
        name: name.to_owned(),
        net: parse_net(net).unwrap(),
        fields,
    })
}

fn set(name: &str, fields: ClientFields) -> Request {
    Request::ClientSet(ClientSet {
        name: name.to_owned(),
        rename: None,
        net: None,
        fields,
        make_secret: false,
    })
}

fn fields() -> ClientFields {
    ClientFields::default()
}

fn mode(mode: crate::store::records::Mode) -> ClientFields {
    ClientFields {
        mode: Some(mode),
        ..fields()
    }
}

fn made(answer: Answer) -> ClientMade {
    match answer {
        Answer::ClientMade(made) => *made,
        other => panic!("{other:?}"),
    }
}

fn client(answer: Answer) -> ClientInfo {
    match answer {
        Answer::Client(info) => *info,
        other => panic!("{other:?}"),
    }
}

const CODE_ONLY: crate::store::records::Mode = crate::store::records::Mode::CodeOnly;
const APPEND: crate::store::records::Mode = crate::store::records::Mode::Append;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_client_has_the_defaults_and_a_secret_shown_once() {
    let rig = Rig::open();
    let made = made(rig.ok(add("vpn", "192.0.2.1", fields())).await);
    let secret = made.secret.unwrap();
    assert_eq!((secret.len(), made.client.secret_length), (32, 32));
    assert!(
        secret
            .expose()
            .iter()
            .all(|b| b.is_ascii_alphanumeric() && !b"0O1IL".contains(b))
    );
    let info = &made.client;
    assert_eq!(
        (info.mode, info.first, info.unmatched),
        (APPEND, First::Entra, Unmatched::Refuse)
    );
    assert!(
        info.require_message_authenticator && info.warnings.is_empty(),
        "{info:?}"
    );
    assert_eq!(info.reject_delay, Duration::from_secs(1));
    assert_eq!(rig.door.store.clients()[0].secret, secret);
    // It answers at once, without a restart.
    let source: SocketAddr = "192.0.2.1:5000".parse().unwrap();
    assert!(rig.door.clients().find(source).is_some());
    assert_eq!(rig.last_act(), ("client add".to_owned(), "vpn".to_owned(), Ok(())));
    let record = format!("{:?}", rig.acts());
    assert!(!record.contains(secret.expose_str().unwrap()), "R21");
    let again = made_twice(&rig).await;
    assert_ne!(again, secret);
}

async fn made_twice(rig: &Rig) -> Secret {
    made(rig.ok(add("gate", "192.0.2.2", fields())).await).secret.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_ranges_are_unique() {
    let rig = Rig::open();
    rig.ok(add("vpn", "192.0.2.0/24", fields())).await;
    let line = rig.fails(FailureKind::Exists, add("vpn", "192.0.2.9", fields())).await;
    assert!(line.contains("vpn"), "{line}");
    let line = rig
        .fails(FailureKind::Exists, add("gate", "192.0.2.0/24", fields()))
        .await;
    assert!(line.contains("client vpn"), "{line}");
    rig.fails(FailureKind::Usage, add("two words", "192.0.2.9", fields()))
        .await;
    // A range as a caller may send it: IPv4-mapped, host bits set.
    let odd = ClientAdd {
        name: "odd".to_owned(),
        net: Net {
            address: "::ffff:198.51.100.77".parse().unwrap(),
            length: 120,
        },
        fields: fields(),
    };
    let info = made(rig.ok(Request::ClientAdd(odd.clone())).await).client;
    assert_eq!(net_text(&info.net), "198.51.100.0/24");
    for (address, length) in [("::ffff:198.51.100.77", 95), ("192.0.2.1", 33), ("2001:db8::", 129)] {
        let net = Net {
            address: address.parse().unwrap(),
            length,
        };
        let name = "bad".to_owned();
        rig.fails(
            FailureKind::Usage,
            Request::ClientAdd(ClientAdd {
                name,
                net,
                ..odd.clone()
            }),
        )
        .await;
    }
    rig.ok(Request::ClientRemove { name: "vpn".to_owned() }).await;
    assert_eq!(rig.last_act().1, "vpn", "a restore finds it by its very name (R20)");
    let source: SocketAddr = "192.0.2.1:5000".parse().unwrap();
    assert!(rig.door.clients().find(source).is_none());
    rig.fails(FailureKind::NotFound, Request::ClientShow { name: "vpn".to_owned() })
        .await;
    let Answer::Clients(list) = rig.ok(Request::ClientList).await else {
        panic!("no list")
    };
    assert_eq!(list.clients.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_code_only_implies_no_first_factor() {
    let rig = Rig::open();
    let info = made(rig.ok(add("gate", "192.0.2.1", mode(CODE_ONLY))).await).client;
    assert_eq!(info.first, First::None);
    let bad = [
        ClientFields {
            first: Some(First::Entra),
            ..mode(CODE_ONLY)
        },
        ClientFields {
            unmatched: Some(Unmatched::PasswordOnly),
            ..mode(CODE_ONLY)
        },
        ClientFields {
            first: Some(First::None),
            ..fields()
        },
    ];
    for fields in bad {
        rig.fails(FailureKind::Usage, add("bad", "192.0.2.9", fields)).await;
    }
    // Away from it the default stands again; `none` does not stay behind.
    assert_eq!(client(rig.ok(set("gate", mode(APPEND))).await).first, First::Entra);
    let local = ClientFields {
        first: Some(First::Local),
        unmatched: Some(Unmatched::PasswordOnly),
        ..fields()
    };
    assert_eq!(client(rig.ok(set("gate", local)).await).first, First::Local);
    let line = rig.fails(FailureKind::Usage, set("gate", mode(CODE_ONLY))).await;
    assert!(line.contains("--unmatched-users refuse"), "{line}");
    let both = ClientFields {
        unmatched: Some(Unmatched::Refuse),
        ..mode(CODE_ONLY)
    };
    assert_eq!(client(rig.ok(set("gate", both)).await).first, First::None);
    rig.fails(
        FailureKind::Usage,
        set(
            "gate",
            ClientFields {
                first: Some(First::Entra),
                ..fields()
            },
        ),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_what_is_weak_is_told() {
    let rig = Rig::open();
    let weak = ClientFields {
        secret: Some(Secret::from("fifteen letters")),
        require_message_authenticator: Some(false),
        unmatched: Some(Unmatched::PasswordOnly),
        reject_delay: Some(Duration::ZERO),
        ..fields()
    };
    let made = made(rig.ok(add("old", "0.0.0.0/0", weak)).await);
    assert_eq!(made.secret, None, "a secret that was given is not shown");
    let text = made.client.warnings.join("\n");
    for word in [
        "BlastRADIUS",
        "password alone",
        "every address",
        "at once",
        "15 characters",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(made.client.warnings.len(), 5);
    let strong = ClientFields {
        secret: Some(Secret::from("sixteen letters!")),
        require_message_authenticator: Some(true),
        unmatched: Some(Unmatched::Refuse),
        reject_delay: Some(Duration::from_secs(1)),
        ..fields()
    };
    let before = rig.door.store.clients()[0].generation;
    let change = ClientSet {
        name: "old".to_owned(),
        rename: Some("new".to_owned()),
        net: Some(parse_net("192.0.2.1").unwrap()),
        fields: strong,
        make_secret: false,
    };
    let info = client(rig.ok(Request::ClientSet(change)).await);
    assert!(info.warnings.is_empty() && info.name == "new", "{info:?}");
    assert!(rig.door.store.clients()[0].generation > before, "R9");
    assert!(rig.last_act().1.contains("old") && rig.last_act().1.contains("new"));
    rig.fails(FailureKind::Usage, set("new", fields())).await;
    for secret in [Secret::from(""), Secret::new(vec![b'x'; 129])] {
        let fields = ClientFields {
            secret: Some(secret),
            ..fields()
        };
        rig.fails(FailureKind::Usage, set("new", fields)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_is_made_on_request_shown_once_and_counts() {
    let rig = Rig::open();
    let first = made(rig.ok(add("vpn", "192.0.2.1", fields())).await).secret.unwrap();
    let renew = |fields| {
        Request::ClientSet(ClientSet {
            name: "vpn".to_owned(),
            rename: None,
            net: None,
            fields,
            make_secret: true,
        })
    };
    let second = made(rig.ok(renew(fields())).await).secret.unwrap();
    assert!(second.len() == 32 && second != first);
    assert_eq!(rig.door.store.clients()[0].secret, second);
    let both = ClientFields {
        secret: Some(Secret::from("sixteen letters!")),
        ..fields()
    };
    rig.fails(FailureKind::Usage, renew(both)).await;
    assert_eq!(rig.door.store.clients()[0].secret, second, "and nothing was changed");
}
