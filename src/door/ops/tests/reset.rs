//! A factory reset is on record before the helper is asked for it, and so is one that came to nothing (R23).

use std::io::Write;
use std::os::unix::net::UnixListener;

use super::operators::PASSWORD;
use super::*;
use crate::control::frame;
use crate::door::events::OperatorEvent;
use crate::host::ops::{Ask, HostAnswer, HostRequest};

fn reset(password: &str) -> Request {
    Request::Host(HostRequest::FactoryReset {
        operator: Some("ines".to_owned()),
        password: Some(Secret::from(password)),
    })
}

impl Rig {
    /// What is on record of resets: the target, and how it went.
    fn resets(&self) -> Vec<(String, Result<(), String>)> {
        let acts = self.acts().into_iter().filter(|act| act.action == "host factory-reset");
        acts.map(|act| (act.target, act.result)).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_a_factory_reset_is_on_record_before_the_helper_hears_of_it() {
    let mut rig = Rig::open();
    rig.operator("ines", Role::Installer).await;
    let socket = rig.dir.path().join("host.sock");
    rig.ops = DoorOps::new(Arc::clone(&rig.door), crate::door::ops::IDLE, socket.clone());
    let listener = UnixListener::bind(&socket).unwrap();
    let door = Arc::clone(&rig.door);
    let helper = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let asked: Ask = frame::decode(&frame::read(&mut stream).unwrap().unwrap()).unwrap();
        let entries = door.operators.read(Order::Oldest, 0, u64::MAX);
        let on_disk = entries.filter_map(|entry| decode(&entry.unwrap().payload));
        let before = on_disk
            .filter(|event| matches!(event, OperatorEvent::Act(act) if act.action == "host factory-reset"))
            .count();
        let done = "it restarts".to_owned();
        let answer: Result<HostAnswer, Failure> = Ok(HostAnswer::Done { done });
        stream.write_all(&frame::encode(&answer).unwrap()).unwrap();
        (asked, before)
    });
    rig.ok(reset(PASSWORD)).await;
    let (asked, before) = helper.join().unwrap();
    assert!(
        matches!(
            asked,
            Ask::Operator(HostRequest::FactoryReset {
                operator: None,
                password: None
            })
        ),
        "no password goes further"
    );
    assert_eq!(before, 1, "on the disk when the helper was asked");
    let resets = rig.resets();
    assert!(
        resets[0].0.contains("begins") && resets.iter().all(|one| one.1.is_ok()),
        "{resets:?}"
    );
    assert_eq!(resets.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_a_factory_reset_that_the_helper_did_not_take_is_on_record_too() {
    let rig = Rig::open();
    rig.operator("ines", Role::Installer).await;
    // There is no helper here.
    let (seat, _) = rig.log_in("ines", PASSWORD, None).await.ok().unwrap();
    let failure = rig.ask_as(&seat, reset(PASSWORD)).await.unwrap_err();
    let resets = rig.resets();
    assert_eq!(resets.len(), 2, "{resets:?}");
    assert!(resets[0].1.is_ok() && resets[0].0.contains("begins"));
    assert_eq!(resets[1].1, Err(failure.message));
    // Who has no right to it begins none.
    assert!(rig.ask(reset("not the password")).await.is_err());
    let resets = rig.resets();
    assert!(resets.len() == 3 && resets[2].1.is_err(), "{resets:?}");
}
