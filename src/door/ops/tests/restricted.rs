//! Operators made by recovery take no secret out for a day (R25), nor does anybody whom they give rights.

use super::operators::{PASSWORD, set};
use super::*;
use crate::door::staff::restricted::{LIVE_RESTRICTED, RESTRICTED_FOR};
use crate::store::Live;

fn ask(operator: &str) -> Request {
    Request::Export(ExportAsk {
        operator: Some(operator.to_owned()),
        password: Some(Secret::from(PASSWORD)),
        after: None,
    })
}

impl Rig {
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
    assert!(
        line.message.contains("cannot export, back up or restore until 20"),
        "{line}"
    );
    assert_eq!(rig.acts().pop().unwrap().result, Err(line.message));
    // Kept over a restart.
    let rig = rig.reopen();
    assert!(rig.exports("rita").await.is_err());
    let until = rig.door.restricted_until("rita").unwrap().unwrap();
    let left = until.since(crate::clock::wall());
    assert!(left <= RESTRICTED_FOR && left > RESTRICTED_FOR / 2, "{left:?}");
    // Over.
    let over = crate::clock::wall().0.to_be_bytes().to_vec();
    let value = Some(over);
    let key = b"rita".to_vec();
    let kind = LIVE_RESTRICTED;
    rig.door.store.live_put(vec![Live { kind, key, value }]).unwrap();
    assert!(rig.exports("rita").await.is_ok());
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
    let until = |name| rig.door.restricted_until(name).unwrap();
    assert!(until("eve").is_some() && until("eve") == until("rita") && until("otto").is_none());
}
