//! Operators' requests that wait for their turn: what became of their operators meanwhile counts, and nothing slow stands in the way.

use std::time::Duration;

use super::operators::PASSWORD;
use super::*;
use crate::door::staff::seats::Seat;
use crate::store::Change;
use crate::store::records::Operator;

const NEW: &str = "yet another password";

fn own(old: &str, new: &str) -> Request {
    Request::OperatorPassword {
        old: Secret::from(old),
        new: Secret::from(new),
    }
}

fn peer(seat: &Seat) -> Peer {
    Peer {
        uid: 990,
        door: peer::Door::Console,
        operator: seat.name.clone(),
        line: seat.line.clone(),
        seat: seat.number,
        rights: Rights::for_test(Role::Installer),
    }
}

impl Rig {
    /// The record becomes another one, as another change would make it.
    fn alter(&self, name: &str, act: impl FnOnce(&mut Operator)) {
        let operators = self.door.store.operators();
        let mut operator = operators.iter().find(|one| one.name == name).unwrap().clone();
        act(&mut operator);
        self.door.store.apply(vec![Change::PutOperator(operator)]).unwrap();
    }

    /// What the request comes to if its turn comes only after `meanwhile`.
    async fn waits(&self, seat: &Seat, request: Request, meanwhile: impl FnOnce()) -> Result<Answer, Failure> {
        let (ops, peer) = (DoorOps(Arc::clone(&self.ops.0)), peer(seat));
        let task = {
            let _changes = self.ops.0.changes.lock();
            let task = tokio::spawn(async move { ops.perform(&peer, request).await });
            std::thread::sleep(Duration::from_millis(700));
            meanwhile();
            task
        };
        task.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r24_a_disabled_operator_who_changes_the_own_password_stays_out() {
    let rig = Rig::open();
    rig.operator("anna", Role::Installer).await;
    rig.operator("ben", Role::Installer).await;
    let (seat, _) = rig.log_in("ben", PASSWORD, None).await.ok().unwrap();
    let waited = rig
        .waits(&seat, own(PASSWORD, NEW), || {
            rig.alter("ben", |ben| ben.enabled = false);
        })
        .await;
    assert!(waited.is_err(), "{waited:?}");
    assert_eq!(rig.ops.standing(&seat).unwrap_err(), "the operator was disabled");
    rig.alter("ben", |ben| ben.enabled = true);
    assert!(rig.ops.standing(&seat).is_err(), "what is over is over");
    assert!(rig.log_in("ben", NEW, None).await.is_err());
    assert!(rig.log_in("ben", PASSWORD, None).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn r24_rights_are_looked_at_when_it_is_done() {
    let rig = Rig::open();
    rig.operator("anna", Role::Installer).await;
    rig.user("carl@contoso.example").await;
    let remove = || Request::UserRemove {
        name: "carl@contoso.example".to_owned(),
    };
    for (n, way) in [
        |ben: &mut Operator| ben.role = Role::Auditor,
        |ben: &mut Operator| ben.enabled = false,
        |ben: &mut Operator| ben.password = Secret::from("another hash"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("ben{n}");
        rig.operator(&name, Role::Installer).await;
        let (seat, _) = rig.log_in(&name, PASSWORD, None).await.ok().unwrap();
        let waited = rig.waits(&seat, remove(), || rig.alter(&name, way)).await.unwrap_err();
        assert_eq!(waited.kind, FailureKind::LogInFirst, "{waited}");
        rig.door
            .store
            .user_named("carl@contoso.example")
            .unwrap()
            .expect("there");
    }
    rig.operator("dora", Role::Installer).await;
    let (seat, _) = rig.log_in("dora", PASSWORD, None).await.ok().unwrap();
    rig.waits(&seat, remove(), || ()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_slow_is_done_while_others_changes_wait() {
    let rig = Rig::open();
    rig.operator("anna", Role::Installer).await;
    let (seat, _) = rig.log_in("anna", PASSWORD, None).await.ok().unwrap();
    let weak = rig.ask_as(&seat, own("wrong", "short")).await.unwrap_err();
    assert!(!weak.message.contains("old password"), "{weak}");
    assert_eq!(rig.door.staff.locks.wrong("anna"), 0);
    let before = rig.acts().len();
    for _ in 0..50 {
        rig.ask_as(&seat, own("wrong", "short")).await.unwrap_err();
    }
    assert!(rig.acts().len() <= before + 1, "R23: they are counted");
    // Answered while somebody else's change goes on: the password is checked before the turn.
    let ops = DoorOps(Arc::clone(&rig.ops.0));
    let by = peer(&seat);
    let wrong = {
        let _changes = rig.ops.0.changes.lock();
        let (tell, told) = mpsc::channel();
        tokio::spawn(async move { tell.send(ops.perform(&by, own("wrong", NEW)).await) });
        told.recv_timeout(Duration::from_secs(10))
            .expect("it waits for its turn")
    };
    assert_eq!(wrong.unwrap_err().message, "the old password is wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn r24_a_proof_counts_only_if_its_operator_may_still_give_it() {
    let rig = super::entra::with_directory().await;
    rig.operator("anna", Role::Installer).await;
    rig.operator("ben", Role::Installer).await;
    rig.user("carl@contoso.example").await;
    let (seat, _) = rig.log_in("ben", PASSWORD, None).await.ok().unwrap();
    let prove = Request::EntraProve(DirectoryLogin {
        user: "carl@contoso.example".to_owned(),
        password: super::entra::RIGHT.into(),
    });
    let waited = rig
        .waits(&seat, prove, || rig.alter("ben", |ben| ben.role = Role::Helpdesk))
        .await;
    assert_eq!(waited.unwrap_err().kind, FailureKind::LogInFirst);
    assert!(!crate::factors::first::entra::decide::is_on(
        &rig.door.store.tenants()[0]
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_a_stop_waits_for_what_is_under_way_and_nothing_is_changed_after_it() {
    let rig = Rig::open();
    let add = |name: &str| {
        Request::UserAdd(UserAdd {
            name: name.to_owned(),
            password: None,
            exempt: false,
        })
    };
    let ops = DoorOps(Arc::clone(&rig.ops.0));
    let by = Peer {
        door: peer::Door::Control,
        uid: 1000,
        operator: String::new(),
        line: String::new(),
        seat: 0,
        rights: Rights::for_test(Role::Installer),
    };
    let finish = {
        let _changes = rig.ops.0.changes.lock();
        let late = add("late@contoso.example");
        // A peer that is gone: nobody waits for the answer.
        tokio::spawn(async move { ops.perform(&by, late).await });
        std::thread::sleep(Duration::from_millis(200));
        let ops = DoorOps(Arc::clone(&rig.ops.0));
        let finish = tokio::spawn(async move { ops.finish().await });
        std::thread::sleep(Duration::from_millis(200));
        assert!(!finish.is_finished(), "it waits");
        finish
    };
    finish.await.unwrap();
    let act = rig.acts().pop().expect("on record when the stop has waited");
    assert_eq!(act.target, "late@contoso.example");
    assert!(act.result.is_err(), "its turn came after the stop");
    assert!(rig.door.store.user_named("late@contoso.example").unwrap().is_none());
    rig.fails(FailureKind::Failed, add("later@contoso.example")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_what_was_done_without_a_record_goes_on_record_before_anything_else() {
    let rig = Rig::open();
    rig.user("anna@contoso.example").await;
    let mut lost = rig.acts().pop().unwrap();
    lost.target = "lost@contoso.example".to_owned();
    rig.door.staff.unwritten.lock().push(lost);
    rig.user("ben@contoso.example").await;
    let told: Vec<_> = rig.acts().into_iter().map(|act| act.target).collect();
    assert_eq!(
        told,
        ["anna@contoso.example", "lost@contoso.example", "ben@contoso.example"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r24_wrong_codes_lock_a_name_like_wrong_passwords_and_the_lock_is_on_record() {
    let rig = Rig::open();
    rig.operator("anna", Role::Installer).await;
    rig.operator("ben", Role::Installer).await;
    let name = || "ben".to_owned();
    let Answer::OperatorToken(made) = rig.ok(Request::OperatorTokenAdd { name: name() }).await else {
        panic!("no token");
    };
    let code = code(&made.seed, 0);
    rig.ok(Request::OperatorTokenConfirm { name: name(), code }).await;
    for _ in 0..5 {
        let wrong = rig
            .log_in("ben", PASSWORD, Some(Secret::from("000000")))
            .await
            .err()
            .unwrap();
        assert_eq!(wrong.message, "name, password or code is wrong");
    }
    let locked = rig.log_in("ben", PASSWORD, None).await.err().unwrap();
    assert!(locked.message.contains("wait"), "{locked}");
    let (seat, _) = rig.log_in("anna", PASSWORD, None).await.ok().unwrap();
    // The own password is no way round a lock.
    for _ in 0..5 {
        rig.ask_as(&seat, own("wrong", NEW)).await.unwrap_err();
    }
    let locked = rig.ask_as(&seat, own(PASSWORD, NEW)).await.unwrap_err();
    assert!(locked.message.contains("wait"), "{locked}");
    rig.door.close();
    let why: Vec<_> = rig.acts().into_iter().filter_map(|act| act.result.err()).collect();
    assert!(why.iter().any(|why| why == "the name is locked"), "{why:?}");
}
