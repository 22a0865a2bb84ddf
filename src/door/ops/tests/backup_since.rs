//! R20: what was withdrawn or replaced since a copy or a backup does not come back with it.

use super::*;
use crate::control::check::parse_net;
use crate::factors::first::local;
use crate::store::STORE_DIR;
use crate::store::records::{Override, Proof, Unmatched};

const ANNA: &str = "anna@contoso.example";
const USERS: [&str; 6] = ["exempt", "changed", "removed", "first", "given", "same"];
const OLD: &str = "old pass phrase words";
const NEW: &str = "new pass phrase words";

fn name(user: &str) -> String {
    format!("{user}@contoso.example")
}

fn entra(domain: &str, change: impl FnOnce(&mut EntraSet)) -> Request {
    let mut ask = EntraSet {
        domain: domain.to_owned(),
        ..EntraSet::default()
    };
    change(&mut ask);
    Request::EntraSet(ask)
}

fn user_set(user: &str, exempt: Option<bool>, password: Option<PasswordChange>) -> Request {
    Request::UserSet(UserSet {
        name: name(user),
        exempt,
        password,
    })
}

fn client_set(name: &str, fields: ClientFields) -> Request {
    Request::ClientSet(ClientSet {
        name: name.to_owned(),
        rename: None,
        net: None,
        fields,
        make_secret: false,
    })
}

async fn before(rig: &Rig) {
    for domain in ["gone.example", "moved.example", "narrow.example", "same.example"] {
        let set = entra(domain, |ask| {
            ask.tenant = Some("11111111-2222-3333-4444-555555555555".to_owned());
            ask.client_id = Some("66666666-7777-8888-9999-aaaaaaaaaaaa".to_owned());
            ask.enable = true;
            ask.allow_without_mfa = Some(true);
            ask.overrides.insert(50_158, Some(Override::Continue));
        });
        rig.ok(set).await;
    }
    for user in USERS {
        let add = UserAdd {
            name: name(user),
            password: (!["first", "exempt"].contains(&user)).then(|| OLD.into()),
            exempt: user == "exempt",
        };
        rig.ok(Request::UserAdd(add)).await;
    }
    for (name, net) in [("vpn", "192.0.2.1"), ("other", "192.0.2.2")] {
        let fields = ClientFields {
            secret: Some("an old shared secret that was here".into()),
            unmatched: Some(Unmatched::PasswordOnly),
            require_message_authenticator: Some(false),
            ..ClientFields::default()
        };
        let (name, net) = (name.to_owned(), parse_net(net).unwrap());
        rig.ok(Request::ClientAdd(ClientAdd { name, net, fields })).await;
    }
}

async fn since(rig: &Rig) {
    let to = |password: &str| Some(PasswordChange::To(password.into()));
    rig.ok(user_set("exempt", Some(false), None)).await;
    rig.ok(user_set("changed", None, to(NEW))).await;
    rig.ok(user_set("removed", None, Some(PasswordChange::Remove))).await;
    rig.ok(user_set("first", None, to(NEW))).await;
    // What was granted since is in no copy, and not what this is about.
    rig.ok(user_set("given", Some(true), None)).await;
    rig.fails(FailureKind::Refused, user_set("same", None, to(""))).await;
    let fields = ClientFields {
        secret: Some("a new shared secret that is here now".into()),
        ..ClientFields::default()
    };
    rig.ok(client_set("vpn", fields)).await;
    let fields = ClientFields {
        unmatched: Some(Unmatched::Refuse),
        require_message_authenticator: Some(true),
        prompt: Some("Code".to_owned()),
        ..ClientFields::default()
    };
    rig.ok(client_set("other", fields)).await;
    let domain = "gone.example".to_owned();
    rig.ok(Request::EntraRemove { domain }).await;
    let other = "99999999-2222-3333-4444-555555555555".to_owned();
    rig.ok(entra("moved.example", |ask| ask.tenant = Some(other))).await;
    rig.ok(entra("narrow.example", |ask| ask.allow_without_mfa = Some(false)))
        .await;
    rig.ok(entra("same.example", |ask| ask.budget = Some(4))).await;
}

fn stands(rig: &Rig) {
    let user = |user: &str| rig.door.store.user_named(&name(user)).unwrap().unwrap();
    let fits = |who: &str, password: &str| {
        let hash = user(who).local_password;
        hash.is_some_and(|hash| local::verify(&hash, &password.into()))
    };
    assert!(!user("exempt").exempt, "withdrawn since");
    assert!(!user("given").exempt, "of the copy");
    for who in ["changed", "first"] {
        assert!(
            user(who).local_password.is_some(),
            "R4: {who} is nobody else's to check"
        );
        assert!(!fits(who, OLD) && !fits(who, NEW), "{who}");
    }
    assert_eq!(user("removed").local_password, None);
    assert!(
        fits("same", OLD) && fits("given", OLD),
        "nothing was withdrawn of theirs"
    );
    assert!(USERS.into_iter().all(|who| user(who).enabled));
    let clients = rig.door.store.clients();
    let client = |name: &str| clients.iter().find(|client| client.name == name).unwrap();
    for secret in [
        "an old shared secret that was here",
        "a new shared secret that is here now",
    ] {
        assert_ne!(client("vpn").secret, secret.into(), "replaced since: nobody knows it");
    }
    assert_eq!(client("vpn").unmatched, Unmatched::PasswordOnly);
    assert_eq!(client("other").secret, "an old shared secret that was here".into());
    assert_eq!(client("other").unmatched, Unmatched::Refuse);
    assert!(client("other").require_message_authenticator);
    let tenants = rig.door.store.tenants();
    let tenant = |domain: &str| tenants.iter().find(|tenant| tenant.domain == domain).unwrap();
    for domain in ["gone.example", "moved.example"] {
        assert_eq!(tenant(domain).proof, Proof::Missing, "{domain} is off");
    }
    let narrow = tenant("narrow.example");
    assert!(narrow.proof != Proof::Missing && !narrow.allow_without_mfa && narrow.overrides.is_empty());
    let same = tenant("same.example");
    assert!(same.proof != Proof::Missing && same.allow_without_mfa && !same.overrides.is_empty());
    let alarms = rig.door.alarms.list();
    let told = &alarms.iter().find(|alarm| alarm.code == "store-restored").unwrap().what;
    for words in [
        "no longer exempt, as was decided since: exempt@contoso.example",
        "sets one: changed@contoso.example, first@contoso.example",
        "shared secrets that were replaced since",
        "sets one: vpn",
        "until `postern entra prove`: gone.example, moved.example",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_what_was_withdrawn_since_a_backup_does_not_come_back_with_it() {
    let rig = Rig::open();
    before(&rig).await;
    let file = rig.backup().await;
    since(&rig).await;
    let (rig, _) = rig.restored(&file).await;
    stands(&rig);
    // What is set from now on stands, also when the power goes before anything else was folded.
    rig.ok(user_set("changed", None, Some(PasswordChange::To(NEW.into()))))
        .await;
    let rig = rig.reopen();
    let user = rig.door.store.user_named(&name("changed")).unwrap().unwrap();
    assert!(local::verify(&user.local_password.unwrap(), &NEW.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_what_was_withdrawn_since_the_daily_copy_does_not_come_back_with_it() {
    let rig = Rig::open();
    before(&rig).await;
    rig.door.copy_store(crate::clock::wall()).unwrap();
    since(&rig).await;
    rig.user(ANNA).await;
    rig.door.close();
    let Rig { ops, door, dir, .. } = rig;
    drop((ops, door));
    let db = dir.path().join("state").join(STORE_DIR).join("db");
    let whole = std::fs::read(&db).unwrap();
    std::fs::write(&db, &whole[..whole.len() / 2]).unwrap();
    let rig = Rig::open_at(dir);
    assert!(rig.door.store.user_named(ANNA).unwrap().is_none(), "the copy's");
    stands(&rig);
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_what_was_set_before_the_copy_stays_as_it_was_set() {
    let rig = Rig::open();
    before(&rig).await;
    since(&rig).await;
    let file = rig.backup().await;
    let (rig, _) = rig.restored(&file).await;
    let user = rig.door.store.user_named(&name("changed")).unwrap().unwrap();
    assert!(local::verify(&user.local_password.unwrap(), &NEW.into()));
    let clients = rig.door.store.clients();
    let vpn = clients.iter().find(|client| client.name == "vpn").unwrap();
    assert_eq!(vpn.secret, "a new shared secret that is here now".into());
}
