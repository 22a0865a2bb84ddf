//! R20: a backup and the box that it becomes again: what of the box stays, whichever of its journals is broken.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;
use crate::control::backup::{BackupAnswer, BackupHolds, BackupMake, BackupRequest, GoesOn, PIECE_MAX, RestoreNow};
use crate::control::operators::{OperatorAdd, OperatorSet};
use crate::door::ops::backup::FORGOTTEN;
use crate::door::start::{LOGINS_DIR, OPERATORS_DIR};
use crate::host::ops::{HostAnswer, HostReport};
use crate::store::COPIES_DIR;
use crate::store::records::OperatorId;

const ANNA: &str = "anna@contoso.example";
const BEN: &str = "ben@contoso.example";
const PASSPHRASE: &str = "three tall ladders";

impl Rig {
    async fn backup_ask(&self, ask: BackupRequest) -> Result<Answer, Failure> {
        let root = Peer {
            uid: 0,
            door: peer::Door::Control,
            operator: String::new(),
            line: String::new(),
            seat: 0,
            rights: Rights::for_test(Role::Installer),
        };
        self.ops.perform(&root, Request::Backup(ask)).await
    }

    async fn backup_answer(&self, ask: BackupRequest) -> BackupAnswer {
        match self.backup_ask(ask).await {
            Ok(Answer::Backup(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    /// The file of a backup.
    pub(super) async fn backup(&self) -> Vec<u8> {
        let make = BackupMake {
            operator: None,
            password: None,
            passphrase: PASSPHRASE.into(),
        };
        let BackupAnswer::Made(made) = self.backup_answer(BackupRequest::Make(make)).await else {
            panic!("none was made");
        };
        let mut file = Vec::new();
        while (file.len() as u64) < made.bytes {
            let (ticket, offset) = (made.ticket.clone(), file.len() as u64);
            match self.backup_answer(BackupRequest::Read { ticket, offset }).await {
                BackupAnswer::Piece { bytes } => file.extend_from_slice(bytes.expose()),
                other => panic!("{other:?}"),
            }
        }
        file
    }

    async fn sent(&self, file: &[u8]) -> String {
        let bytes = file.len() as u64;
        let BackupAnswer::Ticket { ticket, .. } = self.backup_answer(BackupRequest::Send { bytes }).await else {
            panic!("no ticket");
        };
        for (number, piece) in file.chunks(PIECE_MAX).enumerate() {
            let (ticket, offset) = (ticket.clone(), (number * PIECE_MAX) as u64);
            let bytes = Secret::new(piece.to_vec());
            self.backup_answer(BackupRequest::Piece { ticket, offset, bytes }).await;
        }
        ticket
    }

    async fn looked(&self, file: &[u8]) -> (String, BackupHolds) {
        let ticket = self.sent(file).await;
        let look = BackupRequest::Look {
            ticket: ticket.clone(),
            passphrase: PASSPHRASE.into(),
        };
        match self.backup_answer(look).await {
            BackupAnswer::Holds(holds) => (ticket, holds),
            other => panic!("{other:?}"),
        }
    }

    /// The box as the file makes it.
    pub(super) async fn restored(self, file: &[u8]) -> (Self, BackupHolds) {
        let (ticket, holds) = self.looked(file).await;
        let now = RestoreNow {
            ticket,
            operator: None,
            password: None,
        };
        match self.backup_ask(BackupRequest::Restore(now)).await {
            Ok(Answer::Done { .. }) => {}
            other => panic!("{other:?}"),
        }
        (self.reopen(), holds)
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    async fn installer(&self, name: &str) -> OperatorId {
        let add = OperatorAdd {
            name: name.to_owned(),
            role: Role::Installer,
            password: "correct horse battery".into(),
            line: String::new(),
        };
        self.ok(Request::OperatorAdd(add)).await;
        let operators = self.door.store.operators();
        operators.iter().find(|one| one.name == name).unwrap().id
    }

    /// Name, number, enabled.
    fn staff(&self) -> Vec<(String, u64, bool)> {
        let operators = self.door.store.operators();
        let mut all: Vec<_> = operators
            .iter()
            .map(|one| (one.name.clone(), one.id.0, one.enabled))
            .collect();
        all.sort();
        all
    }

    /// A byte of a record in a journal is changed, which the next record but one proves to have been written.
    fn broken(self, folder: &str) -> Self {
        self.door.close();
        let Self { ops, door, dir, .. } = self;
        drop((ops, door));
        let folder = dir.path().join("state").join(folder);
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let segment = files
            .filter(|path| path.extension().is_some_and(|end| end == "jrn"))
            .max();
        let segment = segment.unwrap();
        let mut bytes = std::fs::read(&segment).unwrap();
        bytes[56 + 24 + 2] ^= 1;
        std::fs::write(&segment, bytes).unwrap();
        Self::open_at(dir)
    }
}

/// Anna's code was spent, Ben was disabled, Olga came and Carl was disabled, all since the backup.
async fn since_a_backup() -> (Rig, Vec<u8>, u64) {
    let rig = Rig::open();
    rig.user(ANNA).await;
    rig.user(BEN).await;
    let key = seed(5);
    rig.token(ANNA, Some(&key), true).await;
    for user in [ANNA, BEN, ANNA] {
        rig.ok(Request::UserUnlock { name: user.to_owned() }).await;
    }
    rig.installer("carl").await;
    rig.installer("anna").await;
    let file = rig.backup().await;
    let spend = Request::TokenResync {
        user: ANNA.to_owned(),
        first: code(&key, -1),
        second: code(&key, 0),
    };
    rig.ok(spend).await;
    rig.ok(Request::UserDisable { name: BEN.to_owned() }).await;
    // Numbers that are given and lie in no journal as the highest.
    let gone = rig.installer("paul").await;
    rig.ok(Request::OperatorRemove {
        name: "paul".to_owned(),
    })
    .await;
    let olga = rig.installer("olga").await.0;
    assert!(olga > gone.0);
    let off = OperatorSet {
        name: "carl".to_owned(),
        role: None,
        enabled: Some(false),
        password: None,
    };
    rig.ok(Request::OperatorSet(off)).await;
    (rig, file, olga)
}

fn last_step(rig: &Rig) -> u64 {
    let tokens = rig.door.store.tokens_of(rig.id(ANNA)).unwrap();
    rig.door.store.seed(tokens[0].mark).unwrap().last_step.unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_a_box_whose_journals_go_on_keeps_its_operators_under_their_numbers() {
    let (rig, file, olga) = since_a_backup().await;
    let (before, spent) = (rig.staff(), last_step(&rig));
    let old = rig.door.copy_store(crate::clock::wall()).unwrap();
    let (rig, holds) = rig.restored(&file).await;
    let copies = std::fs::read_dir(rig.state().join(COPIES_DIR)).unwrap();
    let copies: Vec<_> = copies.map(|entry| entry.unwrap().path()).collect();
    assert!(
        copies.len() == 1 && copies[0] > old,
        "one of the restored store: {copies:?}"
    );
    let kept = rig.state().join(crate::backup::BEFORE_DIR).join(COPIES_DIR);
    assert!(
        kept.join(old.file_name().unwrap()).exists(),
        "what was before lies with the rest of it"
    );
    assert_eq!(holds.goes_on, GoesOn::BOTH);
    assert_eq!(rig.staff(), before, "names, numbers, who is disabled");
    assert!(before.contains(&("olga".to_owned(), olga, true)), "{before:?}");
    assert_eq!(last_step(&rig), spent);
    assert!(!rig.show(BEN).await.row.enabled);
    assert!(rig.installer("zoe").await.0 > olga, "no number is given twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_a_broken_journal_of_logins_takes_no_operators_with_it() {
    let (rig, file, _) = since_a_backup().await;
    let (before, acts) = (rig.staff(), rig.acts().len());
    let rig = rig.broken(LOGINS_DIR);
    let (rig, holds) = rig.restored(&file).await;
    let operators = true;
    assert_eq!(
        holds.goes_on,
        GoesOn {
            operators,
            ..GoesOn::NONE
        }
    );
    assert_eq!(rig.staff(), before, "operators are as they were");
    assert!(rig.acts().len() > acts, "and so is their log");
    assert!(!rig.show(BEN).await.row.enabled, "disabled since");
    let events = rig.events();
    assert!(
        !events.iter().any(|event| matches!(event, Event::Spent(..))),
        "it came from the backup: {events:?}"
    );
    assert!(!rig.door.answers(), "nobody knows which codes were spent");
    rig.door.raise_steps().unwrap();
    let p = TotpParameters::default();
    assert!(last_step(&rig) > totp::step_at(&p, crate::clock::wall()));
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_a_broken_journal_of_operators_takes_no_spent_codes_with_it() {
    let (rig, file, olga) = since_a_backup().await;
    let spent = last_step(&rig);
    let rig = rig.broken(OPERATORS_DIR);
    let (rig, holds) = rig.restored(&file).await;
    let logins = true;
    assert_eq!(holds.goes_on, GoesOn { logins, ..GoesOn::NONE });
    let names: Vec<String> = rig.staff().into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["anna", "carl"], "they came from the backup");
    assert_eq!(last_step(&rig), spent, "the code that was spent since");
    assert!(rig.events().iter().any(|event| matches!(event, Event::Spent(..))));
    assert!(rig.door.answers(), "the journal of spent codes is whole");
    assert!(
        rig.installer("zoe").await.0 > olga + 1_000_000,
        "above what this box had given"
    );
    assert!(!rig.state().join("restored.json").exists(), "it is settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn r25_who_was_disabled_while_the_backup_was_made_gets_none() {
    let rig = Rig::open();
    rig.installer("anna").await;
    rig.installer("carl").await;
    let copying = rig.door.copying.lock();
    let make = BackupMake {
        operator: Some("carl".to_owned()),
        password: Some("correct horse battery".into()),
        passphrase: PASSPHRASE.into(),
    };
    let making = rig.backup_ask(BackupRequest::Make(make));
    let meanwhile = async {
        let folder = rig.state().join(crate::backup::MAKING_DIR);
        for _ in 0..2000 {
            if folder.exists() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(folder.exists(), "it is being made");
        let off = OperatorSet {
            name: "carl".to_owned(),
            role: None,
            enabled: Some(false),
            password: None,
        };
        rig.ok(Request::OperatorSet(off)).await;
        drop(copying);
    };
    let (made, ()) = tokio::join!(making, meanwhile);
    let failure = made.unwrap_err();
    assert!(failure.message.contains("was changed just now"), "{failure}");
    assert!(!rig.state().join(crate::backup::MAKING_DIR).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_goes_on_with_is_dropped_by_itself() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    let file = rig.backup().await;
    let (ticket, _) = rig.looked(&file).await;
    let staged = rig.state().join(crate::backup::RESTORING_DIR);
    let forget = |ticket: &str, after: Duration| rig.ops.0.forget(ticket, Instant::now() + after);
    let left = forget(&ticket, Duration::from_secs(60)).unwrap();
    assert!(left < FORGOTTEN && staged.exists(), "somebody may read the screen");
    assert_eq!(forget("another", FORGOTTEN), None);
    assert!(staged.exists(), "it is another's");
    assert_eq!(forget(&ticket, FORGOTTEN), None);
    assert!(!staged.exists(), "its parts are gone");
    let now = RestoreNow {
        ticket,
        operator: None,
        password: None,
    };
    let failure = rig.backup_ask(BackupRequest::Restore(now)).await.unwrap_err();
    assert!(failure.message.contains("begin again"), "{failure}");
    // Esc: at once, whatever else is being made.
    let (ticket, _) = rig.looked(&file).await;
    assert!(staged.exists());
    rig.backup_ask(BackupRequest::Drop { ticket }).await.unwrap();
    assert!(!staged.exists());
}

/// postern-host, which tells how the machine is set.
fn helper(dir: &std::path::Path) -> PathBuf {
    let path = dir.join("host.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let asked = crate::control::frame::read(&mut stream).unwrap().unwrap();
            assert!(String::from_utf8_lossy(&asked).contains("show"), "{asked:?}");
            let report = HostReport {
                name: "box-1".to_owned(),
                zone: "Europe/Vienna".to_owned(),
                ..HostReport::default()
            };
            let answer: Result<HostAnswer, Failure> = Ok(HostAnswer::Report(Box::new(report)));
            let bytes = crate::control::frame::encode(&answer).unwrap();
            std::io::Write::write_all(&mut stream, &bytes).unwrap();
        }
    });
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn another_boxs_name_and_address_are_told_and_not_taken() {
    let mut a = Rig::open();
    let socket = helper(a.dir.path());
    a.ops = DoorOps::new(Arc::clone(&a.door), crate::door::ops::IDLE, socket);
    a.user(ANNA).await;
    let file = a.backup().await;
    let (_, own) = a.looked(&file).await;
    assert_eq!(
        own.machine,
        ["name box-1", "network by DHCP", "time zone Europe/Vienna"]
    );
    assert_eq!(own.machine_words(), None, "it is its own");
    let (b, holds) = Rig::open().restored(&file).await;
    let words = holds.machine_words().unwrap();
    assert!(
        words.contains("name box-1, network by DHCP, time zone Europe/Vienna"),
        "{words}"
    );
    let alarms = b.door.alarms.list();
    let told = &alarms.iter().find(|alarm| alarm.code == "store-restored").unwrap().what;
    assert!(told.contains("had: name box-1, network by DHCP"), "{told}");
}
