//! Seeds that leave the box (R25): whose password, which tokens, what is on record.

use super::operators::{PASSWORD, set};
use super::*;
use crate::control::answers::ExportPage;
use crate::store::Change;
use crate::store::records::{Programmed, Timestamp, Token, TokenId, TokenSource, TokenStatus};

const ANNA: &str = "anna@contoso.example";

impl Rig {
    /// A hardware token of a user's; without a source an app's.
    fn hardware(&self, user: &str, number: u8, source: TokenSource, status: TokenStatus) {
        let seed = seed(number);
        let token = Token {
            id: TokenId(0),
            user: self.id(user),
            parameters: TotpParameters::default().into(),
            mark: self.door.sealer.seed_mark(seed.expose()),
            seed,
            status,
            serial: format!("865961200000{number}"),
            model: "OTPC-P1-i".to_owned(),
            created: Timestamp(1),
            source,
        };
        self.door.store.apply(vec![Change::AddToken(token)]).unwrap();
    }

    /// At `control.sock`, by a user of this number.
    async fn export(&self, uid: u32, ask: ExportAsk) -> Result<ExportPage, Failure> {
        let peer = Peer {
            uid,
            door: peer::Door::Control,
            operator: String::new(),
            line: String::new(),
            seat: 0,
            rights: Rights::for_test(Role::Installer),
        };
        match self.ops.perform(&peer, Request::Export(ask)).await {
            Ok(Answer::Export(page)) => Ok(page),
            Ok(other) => panic!("{other:?}"),
            Err(failure) => Err(failure),
        }
    }
}

fn programmed(profile: Option<u8>) -> TokenSource {
    TokenSource::Programmed(Programmed {
        profile,
        written: Some(Timestamp(1)),
    })
}

fn ask(operator: Option<&str>, password: Option<&str>) -> ExportAsk {
    ExportAsk {
        operator: operator.map(str::to_owned),
        password: password.map(Secret::from),
        after: None,
    }
}

fn seeds(page: &ExportPage) -> Vec<u8> {
    page.rows.iter().map(|row| row.seed.expose()[0]).collect()
}

use TokenStatus::{Active, Pending, Resync};

#[tokio::test(flavor = "multi_thread")]
async fn r25_only_what_was_programmed_here_and_counts_leaves() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    rig.user("ben@contoso.example").await;
    rig.hardware("ben@contoso.example", 1, programmed(Some(7)), Active);
    rig.hardware(ANNA, 2, TokenSource::App, Active);
    rig.hardware(ANNA, 3, TokenSource::File, Active);
    rig.hardware(ANNA, 4, programmed(None), Pending);
    rig.hardware(ANNA, 5, programmed(None), Resync);
    rig.hardware(ANNA, 6, programmed(None), Active);
    let page = rig.export(0, ask(None, None)).await.unwrap();
    assert_eq!((seeds(&page), page.total, page.next), (vec![1, 6], 2, None));
    assert_eq!(
        (page.rows[0].profile, page.rows[0].user.as_str()),
        (Some(7), "ben@contoso.example")
    );
    assert_eq!(
        (page.rows[1].profile, page.rows[1].serial.as_str()),
        (None, "8659612000006")
    );
    let act = rig.acts().pop().unwrap();
    assert_eq!(
        (act.uid, act.action.as_str(), act.target.as_str(), act.result),
        (0, "export", "2 seeds, as root", Ok(()))
    );
    assert_eq!(act.users, [ANNA, "ben@contoso.example"]);
    let behind = ExportAsk {
        after: Some(page.rows[0].id),
        ..ask(None, None)
    };
    let second = rig.export(0, behind).await.unwrap();
    assert_eq!((seeds(&second), second.total, second.next), (vec![6], 2, None));
    let act = rig.acts().pop().unwrap();
    assert!(
        act.target.starts_with("1 seed behind #") && act.users == [ANNA],
        "{act:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r25_who_is_not_root_names_an_installer_and_gives_the_password() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    rig.hardware(ANNA, 1, programmed(None), Active);
    rig.operator("otto", Role::Installer).await;
    rig.operator("helga", Role::Helpdesk).await;
    for (who, kind) in [
        (ask(None, None), FailureKind::Usage),
        (ask(None, Some(PASSWORD)), FailureKind::Usage),
        (ask(Some("otto"), None), FailureKind::Usage),
        (ask(Some("otto"), Some("wrong")), FailureKind::Refused),
        (ask(Some("nobody"), Some(PASSWORD)), FailureKind::Refused),
        (ask(Some("helga"), Some(PASSWORD)), FailureKind::Refused),
    ] {
        let failure = rig.export(1000, who.clone()).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{who:?}: {failure}");
        let act = rig.acts().pop().unwrap();
        assert_eq!((act.action.as_str(), act.users.len()), ("export", 0));
        assert!(
            act.result.is_err() && act.target == who.operator.unwrap_or_default(),
            "{:?}",
            act.target
        );
    }
    let other = rig.export(1000, ask(Some("helga"), Some(PASSWORD))).await.unwrap_err();
    assert_eq!(
        other,
        Failure::refused("name or password is wrong"),
        "no password is confirmed"
    );
    rig.wrong("helga", 2).await;
    let page = rig.export(1000, ask(Some(" Otto"), Some(PASSWORD))).await.unwrap();
    assert_eq!(seeds(&page), [1]);
    let act = rig.acts().pop().unwrap();
    assert_eq!(
        (act.target.as_str(), act.users.as_slice()),
        ("1 seed, by the password of otto", [ANNA.to_owned()].as_slice())
    );
    assert_eq!(
        act.staff,
        rig.door
            .store
            .operators()
            .iter()
            .find(|one| one.name == "otto")
            .map(|one| one.id)
    );
    // A password that is named is checked, root or not.
    assert!(rig.export(0, ask(Some("otto"), Some("wrong"))).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn r25_wrong_passwords_lock_the_name_as_at_a_login() {
    let rig = Rig::open();
    for name in ["otto", "nobody"] {
        if name == "otto" {
            rig.operator(name, Role::Installer).await;
        }
        for count in 1..=5 {
            let failure = rig.export(1000, ask(Some(name), Some("wrong"))).await.unwrap_err();
            assert_eq!(failure, Failure::refused("name or password is wrong"), "{name}");
            if name == "otto" {
                rig.wrong(name, count).await;
            }
        }
        let locked = rig.export(1000, ask(Some(name), Some(PASSWORD))).await.unwrap_err();
        assert!(locked.message.starts_with("too many wrong passwords"), "{locked}");
        let login = rig.log_in(name, PASSWORD, None).await.err().unwrap();
        assert_eq!(login, locked, "{name}: the lock is one");
    }
    // A right password here takes nothing off the count of a login with a code.
    rig.operator("berta", Role::Installer).await;
    for _ in 0..4 {
        assert!(rig.log_in("berta", "wrong", None).await.is_err());
    }
    rig.wrong("berta", 4).await;
    assert!(rig.export(1000, ask(Some("berta"), Some(PASSWORD))).await.is_ok());
    assert!(rig.log_in("berta", "wrong", None).await.is_err());
    let locked = rig.log_in("berta", PASSWORD, None).await.err().unwrap();
    assert!(locked.message.starts_with("too many"), "{locked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r25_at_a_console_the_own_password_is_asked_again() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    rig.hardware(ANNA, 1, programmed(None), Active);
    rig.operator("karl", Role::Installer).await;
    rig.operator("berta", Role::Installer).await;
    let (seat, _) = rig.log_in("karl", PASSWORD, None).await.ok().unwrap();
    let asks = |who: ExportAsk| rig.ask_as(&seat, Request::Export(who));
    for who in [
        ask(None, None),
        ask(None, Some("wrong")),
        ask(Some("berta"), Some(PASSWORD)),
    ] {
        assert!(asks(who.clone()).await.is_err(), "{who:?}");
    }
    rig.wrong("karl", 1).await;
    let Answer::Export(page) = asks(ask(None, Some(PASSWORD))).await.unwrap() else {
        panic!("no page");
    };
    assert_eq!(seeds(&page), [1]);
    let act = rig.acts().pop().unwrap();
    assert_eq!(
        (act.operator.as_str(), act.target.as_str()),
        ("karl", "1 seed, by the password of karl")
    );
    // Disabled, the session is over, and the seeds stay.
    let off = crate::control::operators::OperatorSet {
        enabled: Some(false),
        ..set("karl")
    };
    let standing = rig.ops.standing(&seat).unwrap();
    rig.ok(Request::OperatorSet(off)).await;
    let peer = Peer {
        uid: 990,
        door: peer::Door::Console,
        operator: standing.operator,
        line: standing.line,
        seat: seat.number,
        rights: Rights::for_test(Role::Installer),
    };
    let gone = rig.ops.perform(&peer, Request::Export(ask(None, Some(PASSWORD)))).await;
    assert!(gone.is_err(), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tokens_go_in_pages_and_each_is_given_once() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    let user = rig.id(ANNA);
    let count = EXPORT_LIMIT_MAX + 5;
    let tokens = (0..count).map(|number| {
        let mut bytes = vec![9; 20];
        bytes[..8].copy_from_slice(&(number as u64 + 1).to_be_bytes());
        let seed = Secret::new(bytes);
        Change::AddToken(Token {
            id: TokenId(0),
            user,
            parameters: TotpParameters::default().into(),
            mark: rig.door.sealer.seed_mark(seed.expose()),
            seed,
            status: Active,
            serial: format!("{number:0>64}"),
            model: "m".repeat(64),
            created: Timestamp(1),
            source: programmed(None),
        })
    });
    // One person's record is bounded: several users share them.
    let mut tokens: Vec<Change> = tokens.collect();
    for (n, part) in (0..).zip(tokens.chunks_mut(100)) {
        let name = format!("u{n}@contoso.example");
        rig.user(&name).await;
        for change in part.iter_mut() {
            if let Change::AddToken(token) = change {
                token.user = rig.id(&name);
            }
        }
        rig.door.store.apply(part.to_vec()).unwrap();
    }
    let (mut found, mut pages, mut who) = (Vec::new(), 0, ask(None, None));
    loop {
        let page = rig.export(0, who.clone()).await.unwrap();
        assert!(crate::control::frame::encode(&Answer::Export(page.clone())).is_ok());
        assert_eq!(page.total, count as u64);
        found.extend(page.rows.iter().map(|row| row.id));
        pages += 1;
        match page.next {
            Some(next) => who.after = Some(next),
            None => break,
        }
    }
    assert_eq!((found.len(), pages), (count, 2));
    assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn r25_emptying_the_box_asks_for_an_installers_password_as_an_export_does() {
    const WRONG: &str = "name or password is wrong";
    let rig = Rig::open();
    rig.operator("karl", Role::Installer).await;
    let (seat, _) = rig.log_in("karl", PASSWORD, None).await.ok().unwrap();
    let reset = |operator: Option<&str>, password: Option<&str>| {
        Request::Host(crate::host::ops::HostRequest::FactoryReset {
            operator: operator.map(str::to_owned),
            password: password.map(Secret::from),
        })
    };
    for (request, words) in [
        (reset(None, None), "the installer's password is missing"),
        (reset(None, Some("wrong")), WRONG),
        (reset(Some("berta"), Some(PASSWORD)), "your own password"),
    ] {
        let failure = rig.ask_as(&seat, request).await.unwrap_err();
        assert!(failure.message.contains(words), "{failure}");
    }
    rig.wrong("karl", 1).await;
    // There is no postern-host here: that is as far as it goes.
    let failure = rig.ask_as(&seat, reset(None, Some(PASSWORD))).await.unwrap_err();
    assert!(!failure.message.contains("password"), "{failure}");
}
