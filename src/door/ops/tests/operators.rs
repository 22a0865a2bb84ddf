//! Operators: the first one, logins and their lockout, codes, changes and what they end.

use std::time::Duration;

use super::*;
use crate::control::operators::{LogIn, OperatorAdd, OperatorInfo, OperatorSet, Session};
use crate::control::peer::Standing;
use crate::door::staff::seats::Seat;

pub(super) const PASSWORD: &str = "correct horse battery";

pub(super) fn new(name: &str, role: Role) -> OperatorAdd {
    OperatorAdd {
        name: name.to_owned(),
        role,
        password: Secret::from(PASSWORD),
        line: "tty1".to_owned(),
    }
}

impl Rig {
    pub(super) async fn operator(&self, name: &str, role: Role) -> OperatorInfo {
        match self.ok(Request::OperatorAdd(new(name, role))).await {
            Answer::Operator(info) => info,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn log_in(
        &self,
        name: &str,
        password: &str,
        code: Option<Secret>,
    ) -> Result<(Seat, Session), Failure> {
        let ask = LogIn {
            name: name.to_owned(),
            password: Secret::from(password),
            code,
            line: "ttyS0".to_owned(),
        };
        self.ops.log_in(990, ask).await
    }

    /// As the operator of this seat.
    pub(super) async fn ask_as(&self, seat: &Seat, request: Request) -> Result<Answer, Failure> {
        let Standing { operator, line, .. } = self.ops.standing(seat).unwrap();
        let peer = Peer {
            uid: 990,
            door: peer::Door::Console,
            operator,
            line,
            seat: seat.number,
            rights: Rights::for_test(Role::Installer),
        };
        self.ops.perform(&peer, request).await
    }

    pub(super) async fn info(&self, name: &str) -> OperatorInfo {
        let Answer::Operators(list) = self.ok(Request::OperatorList).await else {
            panic!("no list");
        };
        list.operators.into_iter().find(|one| one.name == name).expect(name)
    }

    /// Once what is noted in the background is on the disk.
    pub(super) async fn wrong(&self, name: &str, count: u32) {
        for _ in 0..200 {
            let operators = self.door.store.operators();
            if operators.iter().any(|one| one.name == name && one.wrong == count) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{count} wrong ones of {name} were not noted");
    }
}

pub(super) fn set(name: &str) -> OperatorSet {
    OperatorSet {
        name: name.to_owned(),
        role: None,
        enabled: None,
        password: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r24_of_two_first_operators_one_is_made() {
    let rig = Rig::open();
    assert!(!rig.ops.hello().operators);
    let weak = OperatorAdd {
        password: Secret::from("installer-2026"),
        ..new("anna", Role::Installer)
    };
    assert_eq!(rig.ops.first(990, weak).await.err().unwrap().kind, FailureKind::Refused);
    let helpdesk = rig.ops.first(990, new("anna", Role::Helpdesk)).await;
    assert_eq!(helpdesk.err().unwrap().kind, FailureKind::Refused);
    let (a, b) = tokio::join!(
        rig.ops.first(990, new("anna", Role::Installer)),
        rig.ops.first(990, new("ben", Role::Installer))
    );
    let (won, lost) = if a.is_ok() { (a, b) } else { (b, a) };
    let (seat, session) = won.ok().unwrap();
    assert_eq!(
        (session.role, session.clock_only, session.last),
        (Role::Installer, false, None)
    );
    assert_eq!(lost.err().unwrap().kind, FailureKind::LogInFirst);
    assert_eq!(rig.door.store.operators().len(), 1);
    assert_eq!(rig.ops.standing(&seat).unwrap().role, Role::Installer);
    let acts = rig.acts();
    let told: Vec<_> = acts
        .iter()
        .map(|act| (act.action.as_str(), act.result.is_ok()))
        .collect();
    assert!(
        told.contains(&("operator add", true)) && told.contains(&("log in", true)),
        "{told:?}"
    );
    assert_eq!(acts.last().unwrap().line, "tty1");
}

#[tokio::test(flavor = "multi_thread")]
async fn r24_one_text_for_every_wrong_login_and_a_lock_for_every_name() {
    let rig = Rig::open();
    rig.operator("anna", Role::Installer).await;
    rig.operator("ben", Role::Helpdesk).await;
    let (seat, session) = rig.log_in("Anna ", PASSWORD, None).await.ok().unwrap();
    assert_eq!((session.operator.as_str(), session.failures), ("anna", 0));
    let acts = rig.acts().len();
    assert_eq!(rig.info("anna").await.lines, ["ttyS0"]);
    assert_eq!(rig.acts().len(), acts, "a list is a look");
    rig.ops.left(990, seat, "").await;
    assert!(rig.info("anna").await.lines.is_empty());
    for name in ["anna", "nobody"] {
        for _ in 0..5 {
            let failure = rig.log_in(name, "wrong", None).await.err().unwrap();
            assert_eq!(failure, Failure::refused("name, password or code is wrong"), "{name}");
        }
        let locked = rig.log_in(name, PASSWORD, None).await.err().unwrap();
        assert!(locked.message.contains("wait 60 seconds"), "{name}: {locked}");
    }
    assert!(rig.info("anna").await.locked_seconds.is_some_and(|left| left <= 60));
    assert!(
        rig.log_in("ben", PASSWORD, None).await.is_ok(),
        "one name is not another"
    );
    rig.wrong("anna", 5).await;
    // A restart begins the lock again, an installer ends it.
    let rig = rig.reopen();
    assert!(rig.info("anna").await.locked_seconds.is_some());
    assert!(rig.log_in("anna", PASSWORD, None).await.is_err());
    rig.ok(Request::OperatorUnlock {
        name: "anna".to_owned(),
    })
    .await;
    let (_, session) = rig.log_in("anna", PASSWORD, None).await.ok().unwrap();
    assert_eq!(session.failures, 5);
    assert!(session.last.is_some());
    rig.door.close();
    // R23: the failures alike are one record and a count.
    let failed: Vec<_> = rig
        .acts()
        .into_iter()
        .filter(|act| act.action == "log in" && act.target == "anna")
        .collect();
    let failed: Vec<_> = failed.iter().filter(|act| act.result.is_err()).collect();
    let wrong: Vec<_> = failed
        .iter()
        .filter(|act| act.result == Err("wrong password".to_owned()))
        .map(|act| act.count)
        .collect();
    assert_eq!(wrong, [1, 4]);
    assert!(
        failed.iter().all(|act| act.operator.is_empty() && act.line == "ttyS0"),
        "{failed:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_a_name_that_nobody_has_is_not_written_down() {
    let rig = Rig::open();
    let first = OperatorAdd {
        password: Secret::from("short"),
        ..new("my-secret.passphrase", Role::Installer)
    };
    assert!(rig.ops.first(990, first).await.is_err());
    rig.operator("anna", Role::Installer).await;
    assert!(rig.log_in("My Secret Pa$$phrase", "anna", None).await.is_err());
    assert!(rig.log_in("my-secret.passphrase", "anna", None).await.is_err());
    rig.door.close();
    let acts = rig.acts();
    let last = acts.last().unwrap();
    assert_eq!(
        (last.action.as_str(), last.target.as_str()),
        ("log in", "(a name that nobody has)")
    );
    let all = format!("{acts:?}").to_lowercase();
    assert!(!all.contains("passphrase") && !all.contains("secret"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r16_an_operator_s_code_is_asked_and_good_once() {
    let rig = Rig::open();
    rig.operator("anna", Role::Installer).await;
    let token_add = Request::OperatorTokenAdd {
        name: "anna".to_owned(),
    };
    let Answer::OperatorToken(made) = rig.ok(token_add.clone()).await else {
        panic!("no token");
    };
    assert_eq!((made.seed.len(), made.issuer.as_str()), (20, "Postern"));
    assert!(rig.log_in("anna", PASSWORD, None).await.is_ok(), "not confirmed yet");
    let confirm = |code| Request::OperatorTokenConfirm {
        name: "anna".to_owned(),
        code,
    };
    rig.fails(FailureKind::Refused, confirm(code(&made.seed, 9))).await;
    rig.ok(confirm(code(&made.seed, 0))).await;
    rig.fails(FailureKind::Exists, token_add).await;
    assert!(rig.info("anna").await.token);
    for (what, given) in [
        ("none", None),
        ("spent", Some(code(&made.seed, 0))),
        ("far", Some(code(&made.seed, 2))),
        ("no digits", Some(Secret::from("hello"))),
    ] {
        let failure = rig.log_in("anna", PASSWORD, given).await.err().expect(what);
        assert_eq!(failure.message, "name, password or code is wrong", "{what}");
    }
    let next = code(&made.seed, 1);
    // The same code at two consoles at once: one gets in.
    let (a, b) = tokio::join!(
        rig.log_in("anna", PASSWORD, Some(next.clone())),
        rig.log_in("anna", PASSWORD, Some(next.clone()))
    );
    assert!(a.is_ok() != b.is_ok());
    let rig = rig.reopen();
    assert!(
        rig.log_in("anna", PASSWORD, Some(next)).await.is_err(),
        "spent on the disk"
    );
    rig.ok(Request::OperatorTokenRemove {
        name: "anna".to_owned(),
    })
    .await;
    assert!(rig.log_in("anna", PASSWORD, None).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn r24_one_installer_stays_and_nobody_raises_or_ends_the_own_name() {
    let rig = Rig::open();
    rig.fails(FailureKind::Refused, Request::OperatorAdd(new("ben", Role::Auditor)))
        .await;
    rig.operator("anna", Role::Installer).await;
    rig.operator("ben", Role::Auditor).await;
    rig.fails(FailureKind::Exists, Request::OperatorAdd(new("anna", Role::Auditor)))
        .await;
    rig.fails(FailureKind::Usage, Request::OperatorAdd(new("Anna", Role::Auditor)))
        .await;
    let role = |name, role| {
        Request::OperatorSet(OperatorSet {
            role: Some(role),
            ..set(name)
        })
    };
    let enabled = |name, enabled| {
        Request::OperatorSet(OperatorSet {
            enabled: Some(enabled),
            ..set(name)
        })
    };
    let remove = |name: &str| Request::OperatorRemove { name: name.to_owned() };
    for request in [role("anna", Role::Helpdesk), enabled("anna", false), remove("anna")] {
        let line = rig.fails(FailureKind::Refused, request).await;
        assert!(line.contains("last installer"), "{line}");
    }
    rig.ok(role("ben", Role::Installer)).await;
    let (seat, _) = rig.log_in("ben", PASSWORD, None).await.ok().unwrap();
    for request in [role("ben", Role::Helpdesk), enabled("ben", false), remove("ben")] {
        let refused = rig.ask_as(&seat, request).await.unwrap_err();
        assert!(refused.message.contains("own"), "{refused}");
    }
    rig.ask_as(&seat, enabled("anna", false)).await.unwrap();
    let act = rig.acts().pop().unwrap();
    assert_eq!(
        (act.target.as_str(), act.by().as_str()),
        ("anna, disabled", "ben at ttyS0")
    );
    assert!(rig.log_in("anna", PASSWORD, None).await.is_err(), "disabled");
    rig.fails(FailureKind::Refused, remove("ben")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r24_a_change_ends_the_sessions_of_its_operator() {
    let rig = Rig::open();
    rig.operator("anna", Role::Installer).await;
    rig.operator("ben", Role::Installer).await;
    let ways = [
        OperatorSet {
            role: Some(Role::Auditor),
            ..set("ben")
        },
        OperatorSet {
            password: Some(Secret::from("another good password")),
            ..set("ben")
        },
        OperatorSet {
            enabled: Some(false),
            ..set("ben")
        },
    ];
    let mut password = PASSWORD;
    for (way, why) in ways.into_iter().zip(["another role", "was changed", "was disabled"]) {
        let (seat, _) = rig.log_in("ben", password, None).await.ok().unwrap();
        let (others, _) = rig.log_in("anna", PASSWORD, None).await.ok().unwrap();
        if way.password.is_some() {
            password = "another good password";
        }
        rig.ok(Request::OperatorSet(way)).await;
        let over = rig.ops.standing(&seat).unwrap_err();
        assert!(over.contains(why), "{over}");
        assert!(rig.ops.standing(&others).is_ok());
    }
    // The own password, with the old one as proof: this session goes on, the others end.
    let (here, _) = rig.log_in("anna", PASSWORD, None).await.ok().unwrap();
    let (there, _) = rig.log_in("anna", PASSWORD, None).await.ok().unwrap();
    let own = |old: &str| Request::OperatorPassword {
        old: Secret::from(old),
        new: Secret::from("yet another password"),
    };
    assert!(rig.ask_as(&here, own("wrong")).await.is_err());
    assert_eq!(rig.door.staff.locks.wrong("anna"), 1);
    rig.ask_as(&here, own(PASSWORD)).await.unwrap();
    assert!(rig.ops.standing(&here).is_ok());
    assert!(rig.ops.standing(&there).is_err());
    let act = rig
        .acts()
        .into_iter()
        .find(|act| act.action == "operator password" && act.result.is_ok());
    assert!(act.unwrap().staff.is_some(), "R20: a restore finds it");
    assert!(rig.log_in("anna", "yet another password", None).await.is_ok());
    rig.fails(FailureKind::Usage, own(PASSWORD)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_an_operator_s_acts_are_found_by_name_and_say_where() {
    let rig = Rig::open();
    rig.operator("anna", Role::Installer).await;
    rig.operator("ben", Role::Installer).await;
    let (seat, _) = rig.log_in("ben", PASSWORD, None).await.ok().unwrap();
    rig.ask_as(
        &seat,
        Request::OperatorUnlock {
            name: "anna".to_owned(),
        },
    )
    .await
    .unwrap();
    let refused = Failure::new(
        FailureKind::NotAllowed,
        "user remove is for an installer: ask one to do it",
    );
    let by = rig.ops.standing(&seat).unwrap();
    for _ in 0..3 {
        let request = Request::UserRemove {
            name: "carl@contoso.example".to_owned(),
        };
        rig.ops.refused(990, Some(&by), &request, &refused);
    }
    rig.door.close();
    let rig = rig.reopen();
    let ask = |name: &str| {
        Request::Log(LogAsk {
            filter: crate::control::LogFilter {
                user: Some(name.to_owned()),
                ..Default::default()
            },
            after: None,
            limit: 100,
            wait_ms: 0,
        })
    };
    let Answer::Log(page) = rig.ok(ask("ben")).await else {
        panic!("no page");
    };
    let told: Vec<_> = page
        .entries
        .iter()
        .map(|entry| {
            (
                entry.reason.as_str(),
                entry.outcome.as_str(),
                entry.by.as_str(),
                entry.count,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("operator add", "done", "otto at ttyS0", 1),
            ("log in", "done", "ben at ttyS0", 1),
            ("operator unlock", "done", "ben at ttyS0", 1),
            ("user remove", "refused", "ben at ttyS0", 1),
            ("user remove", "refused", "ben at ttyS0", 2),
        ]
    );
}
