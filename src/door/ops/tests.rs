//! The operations on a real box in a folder of its own: store, journals, clock, guards. Only the directory is a small server here.

use std::sync::{Arc, mpsc};

use crate::audit::{OperatorAct, Spent};
use crate::clock::Mode;
use crate::control::asks::*;
use crate::control::ops::{Answer, Failure, FailureKind, Request};
use crate::control::peer::{self, Operations, Peer, Rights, Role};
use crate::control::{TokenInfo, TokenMade, UserInfo};
use crate::door::Door;
use crate::door::events::{Event, OperatorEvent, decode};
use crate::door::ops::DoorOps;
use crate::door::reply::Outgoing;
use crate::door::start::Start;
use crate::factors::second::totp;
use crate::journal::Order;
use crate::secret::Secret;
use crate::store::records::{Algorithm, HotpParameters, OtpParameters, TotpParameters, UserId};

mod backup;
mod backup_since;
mod codes;
mod counters;
mod drift;
mod entra;
mod export;
mod hardware;
mod import;
mod log;
mod losses;
mod operators;
mod people;
mod reset;
mod restore;
mod restricted;
mod reuse;
mod settings;
mod turns;
mod unassigned;

/// A box that is open.
struct Rig {
    ops: DoorOps,
    door: Arc<Door>,
    _outbox: mpsc::Receiver<Outgoing>,
    dir: tempfile::TempDir,
}

impl Rig {
    fn open() -> Self {
        Self::open_at(tempfile::tempdir().unwrap())
    }

    fn open_at(dir: tempfile::TempDir) -> Self {
        let (outbox, receiver) = mpsc::channel();
        let door = Start {
            state_dir: &dir.path().join("state"),
            credentials: None,
            mode: Mode::System,
            outbox,
            runtime: tokio::runtime::Handle::current(),
        }
        .open()
        .unwrap();
        Self {
            ops: DoorOps::new(
                Arc::clone(&door),
                crate::door::ops::IDLE,
                "/nonexistent/host.sock".into(),
            ),
            door,
            _outbox: receiver,
            dir,
        }
    }

    /// Closed cleanly, and opened again on the same state.
    fn reopen(self) -> Self {
        self.door.close();
        let Self { ops, door, dir, .. } = self;
        drop((ops, door));
        Self::open_at(dir)
    }

    async fn ask(&self, request: Request) -> Result<Answer, Failure> {
        let peer = Peer {
            uid: 1000,
            door: peer::Door::Control,
            operator: "otto".to_owned(),
            line: "ttyS0".to_owned(),
            seat: 0,
            rights: Rights::for_test(Role::Installer),
        };
        self.ops.perform(&peer, request).await
    }

    async fn ok(&self, request: Request) -> Answer {
        let word = request.word();
        self.ask(request)
            .await
            .unwrap_or_else(|failure| panic!("{word}: {failure}"))
    }

    /// It must fail, in one line.
    async fn fails(&self, kind: FailureKind, request: Request) -> String {
        let word = request.word();
        match self.ask(request).await {
            Err(failure) => {
                assert_eq!(failure.kind, kind, "{word}: {failure}");
                assert!(
                    !failure.message.is_empty() && !failure.message.contains('\n'),
                    "{failure}"
                );
                failure.message
            }
            Ok(answer) => panic!("{word}: {answer:?}"),
        }
    }

    async fn user(&self, name: &str) -> UserInfo {
        let add = UserAdd {
            name: name.to_owned(),
            password: None,
            exempt: false,
        };
        user(self.ok(Request::UserAdd(add)).await)
    }

    async fn show(&self, name: &str) -> UserInfo {
        user(self.ok(Request::UserShow { name: name.to_owned() }).await)
    }

    async fn token(&self, user: &str, seed: Option<&Secret>, active: bool) -> TokenMade {
        match self.ok(token_add(user, seed, active)).await {
            Answer::TokenMade(made) => *made,
            other => panic!("{other:?}"),
        }
    }

    /// An active counter token, or a pending one.
    async fn counter_token(&self, user: &str, seed: &Secret, counter: u64, active: bool) -> TokenMade {
        let add = Request::TokenAdd(TokenAdd {
            user: user.to_owned(),
            seed: Some(seed.clone()),
            parameters: OtpParameters::Hotp(HOTP),
            counter,
            active,
        });
        match self.ok(add).await {
            Answer::TokenMade(made) => *made,
            other => panic!("{other:?}"),
        }
    }

    fn id(&self, name: &str) -> UserId {
        self.door.store.user_named(name).unwrap().unwrap().id
    }

    /// The operators' records, oldest first.
    fn acts(&self) -> Vec<OperatorAct> {
        let entries = self.door.operators.read(Order::Oldest, 0, u64::MAX);
        entries
            .filter_map(|entry| match decode(&entry.unwrap().payload) {
                Some(OperatorEvent::Act(act)) => Some(act),
                _ => None,
            })
            .collect()
    }

    /// The last operator's record: what was done to what, and how it ended.
    fn last_act(&self) -> (String, String, Result<(), String>) {
        let act = self.acts().pop().expect("nothing on record");
        assert_eq!((act.uid, act.operator.as_str()), (1000, "otto"));
        (act.action, act.target, act.result)
    }

    /// What the journal of logins holds on the disk, oldest first.
    fn events(&self) -> Vec<Event> {
        let entries = self.door.logins.read(Order::Oldest, 0, u64::MAX);
        entries.filter_map(|entry| decode(&entry.unwrap().payload)).collect()
    }

    fn spent(&self) -> Vec<Spent> {
        let events = self.events().into_iter();
        events
            .filter_map(|event| match event {
                Event::Spent(_, spent) => Some(spent),
                _ => None,
            })
            .collect()
    }
}

fn user(answer: Answer) -> UserInfo {
    match answer {
        Answer::User(info) => *info,
        other => panic!("{other:?}"),
    }
}

fn token(answer: Answer) -> TokenInfo {
    match answer {
        Answer::Token(info) => *info,
        other => panic!("{other:?}"),
    }
}

fn done(answer: Answer) -> String {
    match answer {
        Answer::Done { done } => done,
        other => panic!("{other:?}"),
    }
}

fn token_add(user: &str, seed: Option<&Secret>, active: bool) -> Request {
    Request::TokenAdd(TokenAdd {
        user: user.to_owned(),
        seed: seed.cloned(),
        parameters: crate::store::records::OtpParameters::default(),
        counter: 0,
        active,
    })
}

fn seed(byte: u8) -> Secret {
    Secret::new(vec![byte; 20])
}

const HOTP: HotpParameters = HotpParameters {
    algorithm: Algorithm::Sha1,
    digits: 6,
};

/// The code of a counter.
fn counted(seed: &Secret, counter: u64) -> Secret {
    Secret::from(crate::factors::second::hotp::code_at(seed, &HOTP, counter).as_str())
}

/// The code of a step so many from now.
fn code(seed: &Secret, off: i64) -> Secret {
    let p = TotpParameters::default();
    let step = totp::step_at(&p, crate::clock::wall());
    Secret::from(totp::code_at(seed, &p, step.checked_add_signed(off).unwrap()).as_str())
}
