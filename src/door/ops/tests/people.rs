//! Users, locks and bypass codes.

use std::time::Instant;

use super::*;
use crate::control::{Alarm, BudgetInfo};
use crate::door::alarms::Grave;
use crate::guard::{Station, Subject};
use crate::store::records::ClientId;

const ANNA: &str = "anna@contoso.example";

fn named(name: &str) -> String {
    name.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_a_user_has_one_name_and_is_added_once() {
    let rig = Rig::open();
    assert_eq!(rig.user("Anna@CONTOSO.example").await.row.name, ANNA);
    assert_eq!(rig.last_act(), (named("user add"), named(ANNA), Ok(())));
    let add = |name: &str| {
        Request::UserAdd(UserAdd {
            name: named(name),
            password: None,
            exempt: false,
        })
    };
    let line = rig.fails(FailureKind::Exists, add("ANNA@contoso.EXAMPLE")).await;
    assert!(line.contains(ANNA), "{line}");
    let (word, target, result) = rig.last_act();
    assert_eq!((word.as_str(), target.as_str(), result), ("user add", ANNA, Err(line)));
    for bad in ["", "anna\u{202e}", "@contoso.example", "a@b@c"] {
        rig.fails(FailureKind::Usage, add(bad)).await;
    }
    rig.fails(FailureKind::Refused, add("CONTOSO\\anna")).await;
    let line = rig
        .fails(FailureKind::NotFound, Request::UserShow { name: named("Ben") })
        .await;
    assert!(line.contains("ben") && line.contains("postern user add"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r4_a_local_password_is_hashed_and_a_short_one_refused() {
    let rig = Rig::open();
    let add = |password: &str| {
        Request::UserAdd(UserAdd {
            name: named(ANNA),
            password: Some(password.into()),
            exempt: true,
        })
    };
    let line = rig.fails(FailureKind::Refused, add("short")).await;
    assert!(line.contains("12 characters"), "{line}");
    assert!(rig.door.store.user_named(ANNA).unwrap().is_none());
    let made = user(rig.ok(add("correct horse")).await);
    assert!(made.row.local_password && made.row.exempt && made.row.enabled);
    let kept = rig.door.store.user_named(ANNA).unwrap().unwrap();
    let hash = kept.local_password.unwrap();
    assert!(crate::factors::first::local::verify(&hash, &"correct horse".into()));
    let set = |password| {
        Request::UserSet(UserSet {
            name: named(ANNA),
            exempt: None,
            password: Some(password),
        })
    };
    rig.ok(set(PasswordChange::To("battery staple".into()))).await;
    let kept = rig.door.store.user_named(ANNA).unwrap().unwrap();
    assert!(crate::factors::first::local::verify(
        &kept.local_password.unwrap(),
        &"battery staple".into()
    ));
    let shown = user(rig.ok(set(PasswordChange::Remove)).await);
    assert!(!shown.row.local_password && shown.row.exempt);
    for act in rig.acts() {
        let text = format!("{act:?}");
        assert!(!text.contains("horse") && !text.contains("staple"), "R21: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r9_every_change_of_a_user_voids_kept_verdicts() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    let id = rig.id(ANNA);
    let mut before = rig.door.store.generation(id).unwrap();
    let made = rig.token(ANNA, None, true).await;
    let mut grew = |what: &str| {
        let now = rig.door.store.generation(id).unwrap();
        assert!(now > before, "{what}");
        before = now;
    };
    grew("token add");
    let name = || named(ANNA);
    for request in [
        Request::UserDisable { name: name() },
        Request::UserEnable { name: name() },
        Request::UserUnlock { name: name() },
        Request::UserSet(UserSet {
            name: name(),
            exempt: Some(true),
            password: None,
        }),
        Request::TokenRemove {
            user: name(),
            id: made.token.id,
        },
    ] {
        let word = request.word();
        rig.ok(request).await;
        grew(word);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r17_r14_unlock_clears_locks_and_budget_and_a_restart_keeps_it() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    let (id, now) = (rig.id(ANNA), crate::clock::wall());
    let lock = |rig: &Rig| {
        rig.door.guards.with(Subject::User(id), |guard| {
            (0..10).for_each(|_| guard.lockouts.count(Station::Calling(7), now));
            (0..10).for_each(|_| guard.lockouts.count(Station::Client(ClientId(1)), now));
            (0..30).for_each(|n| guard.lockouts.count(Station::Calling(100 + n), now));
            guard.budget.count(now);
        });
    };
    lock(&rig);
    let net = crate::control::check::parse_net("192.0.2.1").unwrap();
    rig.ok(Request::ClientAdd(ClientAdd {
        name: named("vpn"),
        net,
        fields: ClientFields::default(),
    }))
    .await;
    let shown = rig.show(ANNA).await;
    assert!(shown.row.locked);
    let places: Vec<_> = shown.locks.iter().map(|lock| lock.place.as_str()).collect();
    assert_eq!(
        places,
        ["at every new station", "at client vpn", "at a calling station"]
    );
    assert_eq!((shown.locks[0].wrong, shown.locks[0].until), (50, None));
    assert!(shown.locks[1].until.is_some_and(|until| until > now));
    assert_eq!(shown.budget, None, "no tenant, no budget");
    rig.ok(Request::UserUnlock { name: named(ANNA) }).await;
    let shown = rig.show(ANNA).await;
    assert!(!shown.row.locked && shown.locks.is_empty());
    assert_eq!(
        rig.events(),
        [Event::Unlocked(id)],
        "on the disk, or a restart locks again"
    );
    // What was folded before the unlock is undone by the journal.
    let rig = rig.reopen();
    assert!(!rig.show(ANNA).await.row.locked);
}

#[tokio::test(flavor = "multi_thread")]
async fn r14_the_budget_is_shown_beside_its_limit() {
    let rig = Rig::open();
    rig.ok(entra::contoso()).await;
    rig.user(ANNA).await;
    rig.door.guards.with(Subject::User(rig.id(ANNA)), |guard| {
        guard.budget.count(crate::clock::wall());
    });
    assert_eq!(rig.show("anna").await.budget, Some(BudgetInfo { spent: 1, of: 6 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_user_is_gone_with_tokens_and_guard() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    let (id, key) = (rig.id(ANNA), seed(3));
    rig.token(ANNA, Some(&key), true).await;
    rig.door.guards.with(Subject::User(id), |guard| {
        guard.lockouts.count(Station::Calling(1), crate::clock::wall())
    });
    rig.door.store.spend(rig.door.sealer.seed_mark(key.expose()), 77, 0);
    assert!(done(rig.ok(Request::UserRemove { name: named(ANNA) }).await).contains("removed"));
    assert_eq!(rig.last_act(), (named("user remove"), named(ANNA), Ok(())));
    assert!(rig.door.guards.look(Subject::User(id), |_| ()).is_none());
    assert_eq!(rig.events(), [Event::Removed(id)]);
    assert_eq!(rig.door.store.counts(), (0, 0));
    // R16: the seed remembers, and may go to somebody else.
    rig.user("ben@contoso.example").await;
    let made = rig.token("ben@contoso.example", Some(&key), true).await;
    let p = TotpParameters::default();
    assert_eq!(made.token.last_code, Some(totp::begins(&p, 77)));
    rig.fails(FailureKind::NotFound, Request::UserRemove { name: named(ANNA) })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r18_a_bypass_code_is_for_those_who_need_one() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    let give = |minutes| Request::UserBypass {
        name: named(ANNA),
        minutes,
    };
    for minutes in [0, 61] {
        rig.fails(FailureKind::Usage, give(minutes)).await;
    }
    let line = rig.fails(FailureKind::Refused, give(5)).await;
    assert!(line.contains("no active token"), "{line}");
    rig.token(ANNA, None, false).await;
    rig.fails(FailureKind::Refused, give(5)).await;
    rig.token(ANNA, None, true).await;
    let Answer::Bypass(made) = rig.ok(give(60)).await else {
        panic!("no code")
    };
    assert_eq!((made.code.len(), made.minutes, made.user.as_str()), (10, 60, ANNA));
    let matches = rig.door.guards.look(Subject::User(rig.id(ANNA)), |guard| {
        let bypass = guard.bypass.as_ref().unwrap();
        bypass.matches(made.code.expose(), &rig.door.bypass_key, Instant::now())
    });
    assert_eq!(matches, Some(true));
    let until = rig.show(ANNA).await.bypass_until.unwrap();
    assert!(until.0.abs_diff(made.until.0) < 3_000, "{until:?} {:?}", made.until);
    let text = made.code.expose_str().unwrap().to_owned();
    assert!(!rig.acts().iter().any(|act| format!("{act:?}").contains(&text)), "R21");
    for (request, word) in [
        (Request::UserDisable { name: named(ANNA) }, "disabled"),
        (
            Request::UserSet(UserSet {
                name: named(ANNA),
                exempt: Some(true),
                password: None,
            }),
            "exempt",
        ),
    ] {
        rig.ok(request).await;
        let line = rig.fails(FailureKind::Refused, give(5)).await;
        assert!(line.contains(word), "{line}");
        rig.ok(Request::UserEnable { name: named(ANNA) }).await;
    }
    // Void at restart.
    let rig = rig.reopen();
    assert_eq!(rig.show(ANNA).await.bypass_until, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_listed_by_name_and_found_in_any_case() {
    let rig = Rig::open();
    for name in ["carl", "anna", "ben", "Änne"] {
        rig.user(name).await;
    }
    rig.token("ben", None, true).await;
    rig.token("ben", None, false).await;
    let search = |search: &str, offset, limit| {
        Request::UserList(UserSearch {
            search: named(search),
            offset,
            limit,
            without_token: false,
        })
    };
    let names = |answer| match answer {
        Answer::Users(list) => (
            list.users.iter().map(|row| row.name.clone()).collect::<Vec<_>>(),
            list.total,
        ),
        other => panic!("{other:?}"),
    };
    let all = ["anna", "ben", "carl", "änne"].map(named).to_vec();
    assert_eq!(names(rig.ok(search("", 0, 100)).await), (all, 4));
    assert_eq!(names(rig.ok(search("", 1, 1)).await), (vec![named("ben")], 4));
    assert_eq!(names(rig.ok(search("ÄN", 0, 10)).await), (vec![named("änne")], 1));
    let Answer::Users(list) = rig.ok(search("ben", 0, 10)).await else {
        panic!("no list")
    };
    assert_eq!((list.users[0].active_tokens, list.users[0].pending_tokens), (1, 1));
    assert!(
        rig.acts().iter().all(|act| act.action != "user list"),
        "looking leaves no record"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_counts_alarms_and_the_clock() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    rig.token(ANNA, None, true).await;
    rig.ok(entra::contoso()).await;
    rig.door.raise(
        "test",
        Grave::Nobody,
        named("All is lost"),
        "Find it",
        crate::clock::wall(),
    );
    let Answer::Status(status) = rig.ok(Request::Status).await else {
        panic!("no status")
    };
    assert_eq!((status.users, status.tokens, status.clients), (1, 1, 0));
    assert!(status.answering && status.because.is_none() && status.clock.trusted);
    assert_eq!(status.clock.source, "system");
    assert!(matches!(&status.alarms[..], [Alarm { code, .. }] if code == "test"));
    assert!(status.counters.contains_key("received"));
    assert_eq!(status.tenants[0].domain, "contoso.example");
    assert!(matches!(rig.ok(Request::Ping).await, Answer::Pong(pong) if !pong.version.is_empty()));
    let Answer::Clock(clock) = rig.ok(Request::TimeConfirm).await else {
        panic!("no clock")
    };
    assert_eq!((clock.source.as_str(), clock.waiting_for), ("confirmed", None));
    assert_eq!(rig.last_act(), (named("time confirm"), String::new(), Ok(())));
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_what_cannot_be_put_on_record_is_not_done() {
    let rig = Rig::open();
    rig.door.operators.close();
    let add = UserAdd {
        name: named(ANNA),
        password: None,
        exempt: false,
    };
    let line = rig.fails(FailureKind::Failed, Request::UserAdd(add)).await;
    assert!(
        line.contains("nothing was changed") && line.contains("on record"),
        "{line}"
    );
    assert!(rig.door.store.user_named(ANNA).unwrap().is_none());
}
