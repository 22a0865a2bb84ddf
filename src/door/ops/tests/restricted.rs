//! Operators made by recovery take no secret out for a day in which the box runs (R25), nor does anybody whom they give rights; a week
//! long everybody is told. No clock that can be set shortens it (R19).

use std::time::{Duration, Instant};

use super::operators::{PASSWORD, set};
use super::*;
use crate::door::staff::restricted::{RESTRICTED_FOR, TOLD_FOR};

fn ask(operator: &str) -> Request {
    Request::Export(ExportAsk {
        operator: Some(operator.to_owned()),
        password: Some(Secret::from(PASSWORD)),
        after: None,
    })
}

const MINUTE: Duration = Duration::from_secs(60);

impl Rig {
    /// What is left to the operator once so much more has run.
    fn left(&self, name: &str, ran: Duration) -> Option<Duration> {
        self.door.restricted_left(name, Instant::now() + ran).unwrap()
    }

    /// So much ran, and is counted; how long everybody is told of a recovery from then on.
    fn ran(&self, time: Duration) -> Option<Duration> {
        let mut counted = self.door.staff.counted.lock();
        *counted -= time;
        drop(counted);
        self.door.count_down(Instant::now()).unwrap()
    }

    async fn exports(&self, operator: &str) -> Result<Answer, Failure> {
        let peer = self.peer(peer::Door::Control, "");
        self.ops.perform(&peer, ask(operator)).await
    }

    fn peer(&self, door: peer::Door, operator: &str) -> Peer {
        Peer {
            uid: 1000,
            door,
            operator: operator.to_owned(),
            line: String::new(),
            seat: 0,
            rights: Rights::for_test(Role::Installer),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r25_an_operator_made_by_recovery_exports_nothing_for_a_day() {
    let rig = Rig::open();
    for name in ["otto", "rita"] {
        rig.operator(name, Role::Installer).await;
    }
    rig.door.restrict("rita").unwrap();
    assert!(rig.exports("otto").await.is_ok());
    let line = rig.exports("rita").await.unwrap_err();
    assert_eq!(line.kind, FailureKind::Refused);
    let words = "cannot export, back up or restore until this box has run for 24 more hours";
    assert!(line.message.contains(words), "{line}");
    assert_eq!(rig.acts().pop().unwrap().result, Err(line.message));
    // Kept over a restart: what was left, not until when.
    let rig = rig.reopen();
    let left = rig.left("rita", Duration::ZERO).unwrap();
    assert!(left < RESTRICTED_FOR && left > RESTRICTED_FOR - MINUTE, "{left:?}");
    // A day that the monotonic clock counted, in steps.
    rig.ran(RESTRICTED_FOR / 2);
    let half = rig.left("rita", Duration::ZERO).unwrap();
    assert!(half <= left - RESTRICTED_FOR / 2 && half > left - RESTRICTED_FOR / 2 - MINUTE);
    let rig = rig.reopen();
    let line = rig.exports("rita").await.unwrap_err();
    assert!(line.message.contains("has run for 12 more hours"), "{line}");
    rig.ran(RESTRICTED_FOR / 2 - MINUTE);
    assert!(rig.exports("rita").await.is_err());
    rig.ran(RESTRICTED_FOR / 2);
    assert!(rig.exports("rita").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_what_ran_before_a_recovery_shortens_nothing() {
    let rig = Rig::open();
    rig.operator("rita", Role::Installer).await;
    let later = Instant::now() + MINUTE;
    rig.door.restrict("otto").unwrap();
    rig.door.count_down(later).unwrap();
    assert!(rig.left("otto", MINUTE).unwrap() <= RESTRICTED_FOR - MINUTE + Duration::from_secs(1));
    // Of the minute that is counted already nothing is taken from another's day.
    rig.door.restrict("rita").unwrap();
    assert_eq!(rig.left("rita", Duration::ZERO), Some(RESTRICTED_FOR));
    // Half a step that was not counted when posternd was killed is lost, to the safe side.
    rig.door.fold().unwrap();
    let left = rig.left("rita", MINUTE);
    let Rig { ops, door, dir, .. } = rig;
    drop((ops, door));
    let rig = Rig::open_at(dir);
    assert!(rig.left("rita", Duration::ZERO) >= left);
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_everybody_is_told_of_a_recovery_for_a_week_in_which_the_box_runs() {
    let rig = Rig::open();
    let told = |rig: &Rig| rig.door.alarms.list().iter().any(|alarm| alarm.code == "recovery");
    assert!(!told(&rig));
    // By the box's clock it was ten days ago: it may have been set ahead since.
    let at = crate::clock::wall().minus(Duration::from_secs(10 * 24 * 3600));
    let act = OperatorAct {
        at,
        uid: 0,
        operator: String::new(),
        line: "tty1".to_owned(),
        action: crate::door::ops::RECOVERED.to_owned(),
        target: "rita".to_owned(),
        users: Vec::new(),
        user: None,
        client: None,
        staff: None,
        result: Ok(()),
        count: 1,
    };
    let payload = crate::door::events::encode(&OperatorEvent::Act(act));
    rig.door.operators.append_wait(at, payload).unwrap();
    let rig = rig.reopen();
    assert!(told(&rig));
    assert!(rig.ran(TOLD_FOR - MINUTE).is_some());
    let rig = rig.reopen();
    assert!(told(&rig));
    assert!(rig.ran(MINUTE).is_none());
    let rig = rig.reopen();
    assert!(!told(&rig));
}

#[tokio::test(flavor = "multi_thread")]
async fn r25_whom_a_restricted_operator_gives_rights_is_restricted_too() {
    let rig = Rig::open();
    for name in ["otto", "rita", "eve"] {
        rig.operator(name, Role::Installer).await;
    }
    rig.door.restrict("rita").unwrap();
    let (otto, _) = rig.log_in("otto", PASSWORD, None).await.ok().unwrap();
    let (rita, _) = rig.log_in("rita", PASSWORD, None).await.ok().unwrap();
    let new = |name| Request::OperatorAdd(super::operators::new(name, Role::Installer));
    rig.ask_as(&otto, new("free")).await.unwrap();
    assert!(rig.exports("free").await.is_ok());
    rig.ask_as(&rita, new("puppet")).await.unwrap();
    assert!(rig.exports("puppet").await.is_err());
    // Somebody else is not restricted by a try that came to nothing.
    assert!(rig.ask_as(&rita, new("eve")).await.is_err());
    assert!(rig.exports("eve").await.is_ok());
    let password = crate::control::OperatorSet {
        password: Some(Secret::from("another good one")),
        ..set("eve")
    };
    rig.ask_as(&rita, Request::OperatorSet(password)).await.unwrap();
    let now = Instant::now();
    let left = |name| rig.door.restricted_left(name, now).unwrap();
    assert!(left("otto").is_none());
    let (eve, rita) = (left("eve").unwrap(), left("rita").unwrap());
    assert!(eve >= rita && eve <= RESTRICTED_FOR);
}
