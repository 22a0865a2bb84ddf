use super::*;
use crate::console::caps::Caps;
use crate::console::testing::{Desk, NOON, snapshot};
use crate::control::GoesOn;
use std::os::unix::fs::PermissionsExt;

const PASSPHRASE: &str = "three tall ladders";
const PASSWORD: &str = "my own words";

/// What a backup of the samples holds.
pub fn holds() -> BackupHolds {
    BackupHolds {
        host: "box-1".to_owned(),
        made: NOON,
        version: "0.1.0".to_owned(),
        users: 3,
        tokens: 4,
        clients: 1,
        operators: vec!["anna".to_owned(), "otto".to_owned()],
        goes_on: GoesOn::BOTH,
        damaged: false,
        machine: [
            "name box-1",
            "eth0 address 10.0.0.2/24",
            "eth0 gateway 10.0.0.1",
            "name server 10.0.0.3",
            "time zone Europe/Vienna",
        ]
        .map(str::to_owned)
        .to_vec(),
    }
}

fn made(bytes: u64) -> Result<Answer, Failure> {
    Ok(Answer::Backup(BackupAnswer::Made(BackupMade {
        ticket: "t1".to_owned(),
        bytes,
        holds: holds(),
    })))
}

fn piece(bytes: &[u8]) -> Result<Answer, Failure> {
    Ok(Answer::Backup(BackupAnswer::Piece {
        bytes: Secret::new(bytes.to_vec()),
    }))
}

fn answer(desk: &mut Desk, answer: Result<Answer, Failure>) {
    desk.answer(|request| matches!(request, Request::Backup(_)), answer);
}

/// A console with one folder, on the backup, with everything typed.
fn desk_with(rows: [&str; 3]) -> (Desk, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(80, 24, Caps::default());
    desk.app.context_for_test().import_dirs = vec![dir.path().to_owned()];
    desk.open(Box::new(Backup::new()), Role::Installer);
    desk.keys(&[Key::Enter]);
    for row in rows {
        desk.types(row);
        desk.keys(&[Key::Enter]);
    }
    (desk, dir)
}

fn files(dir: &tempfile::TempDir) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.path()).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn r25_the_file_comes_in_pieces_and_lies_there_whole_with_mode_0600() {
    let (mut desk, dir) = desk_with([PASSPHRASE, PASSPHRASE, PASSWORD]);
    let [(_, Request::Backup(BackupRequest::Make(make)))] = desk.asked.as_slice() else {
        panic!("{:?}", desk.asked);
    };
    assert_eq!(
        (&make.operator, &make.password, &make.passphrase),
        (&None, &Some(PASSWORD.into()), &PASSPHRASE.into())
    );
    assert!(desk.text().contains("posternd makes the backup"), "{}", desk.text());
    answer(&mut desk, made(7));
    answer(&mut desk, piece(b"abcd"));
    assert!(desk.text().contains("4 of 7 bytes are written"), "{}", desk.text());
    let offsets: Vec<_> = desk.asked.iter().map(|(_, request)| request.clone()).collect();
    let read = BackupRequest::Read {
        ticket: "t1".to_owned(),
        offset: 4,
    };
    assert_eq!(offsets, [Request::Backup(read)]);
    answer(&mut desk, piece(b"efg"));
    let found = files(&dir);
    assert!(
        found.len() == 1 && found[0].ends_with("postern-backup-20260302-140500.age"),
        "{found:?}"
    );
    assert_eq!(std::fs::read(&found[0]).unwrap(), b"abcdefg");
    assert_eq!(
        std::fs::metadata(&found[0]).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    assert!(desk.text().contains("The backup is written:"), "{}", desk.text());
    let printed = format!("{:?}", desk.app);
    assert!(
        !printed.contains("ladders") && !printed.contains("own words"),
        "R21: {printed}"
    );
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.app.screen(), "home");
}

fn dropped(desk: &Desk) -> bool {
    let ticket = "t1".to_owned();
    desk.asked
        .iter()
        .any(|(_, request)| *request == Request::Backup(BackupRequest::Drop { ticket: ticket.clone() }))
}

#[test]
fn what_is_given_up_is_dropped_at_once_and_leaves_no_file() {
    // While it comes.
    let (mut desk, dir) = desk_with([PASSPHRASE, PASSPHRASE, PASSWORD]);
    answer(&mut desk, made(7));
    desk.keys(&[Key::Esc]);
    assert!(dropped(&desk) && files(&dir).is_empty(), "{:?}", desk.asked);
    // Before it is made: with the answer.
    let (mut desk, _dir) = desk_with([PASSPHRASE, PASSPHRASE, PASSWORD]);
    desk.keys(&[Key::Esc]);
    assert!(!dropped(&desk));
    answer(&mut desk, made(7));
    assert!(dropped(&desk), "{:?}", desk.asked);
    desk.asked.remove(0);
    assert!(desk.text().contains("The same again"), "{}", desk.text());
    // The same where the screen was left.
    let (mut desk, _dir) = desk_with([PASSPHRASE, PASSPHRASE, PASSWORD]);
    desk.keys(&[Key::Esc, Key::Esc, Key::Esc]);
    assert_eq!(desk.app.screen(), "home");
    answer(&mut desk, made(7));
    assert!(dropped(&desk), "{:?}", desk.asked);
}

#[test]
fn r24_nobody_is_locked_out_while_it_is_made_and_idle_counts_from_the_end() {
    let (mut desk, _dir) = desk_with([PASSPHRASE, PASSPHRASE, PASSWORD]);
    desk.wait(1200);
    assert_eq!(desk.app.screen(), "backup");
    let stays = desk.asked.iter().filter(|(_, request)| *request == Request::Stay);
    assert!(stays.count() > 20, "posternd hears that it goes on");
    desk.asked.retain(|(_, request)| *request != Request::Stay);
    answer(&mut desk, made(2));
    answer(&mut desk, piece(b"ab"));
    assert!(desk.text().contains("The backup is written:"), "{}", desk.text());
    desk.wait(298);
    assert_eq!(desk.app.screen(), "backup");
    desk.wait(3);
    assert_eq!(desk.app.screen(), "login");
    // What never ends is no reason to stay for ever.
    let (mut desk, _dir) = desk_with([PASSPHRASE, PASSPHRASE, PASSWORD]);
    desk.wait(2 * 3600 + 301);
    assert_eq!(desk.app.screen(), "login");
}

#[test]
fn what_is_weak_or_differs_asks_nobody_and_a_refusal_leaves_no_file() {
    let (mut desk, dir) = desk_with(["short", "short", PASSWORD]);
    assert!(
        desk.text().contains("The passphrase: the password is"),
        "{}",
        desk.text()
    );
    assert!(desk.asked.is_empty() && files(&dir).is_empty());
    let (desk_two, dir_two) = desk_with([PASSPHRASE, "three tall laddies", PASSWORD]);
    assert!(
        desk_two.text().contains("The two were not the same."),
        "{}",
        desk_two.text()
    );
    assert!(desk_two.asked.is_empty() && files(&dir_two).is_empty());
    (desk, _) = desk_with([PASSPHRASE, PASSPHRASE, PASSWORD]);
    answer(&mut desk, Err(Failure::refused("name or password is wrong")));
    assert!(desk.text().contains("name or password is wrong"), "{}", desk.text());
    // Stopped half way: nothing is left of it, and what comes late is nobody's.
    let (mut desk, dir) = desk_with([PASSPHRASE, PASSPHRASE, PASSWORD]);
    answer(&mut desk, made(7));
    answer(&mut desk, piece(b"abcd"));
    desk.keys(&[Key::Esc]);
    answer(&mut desk, piece(b"efg"));
    assert!(files(&dir).is_empty(), "{:?}", files(&dir));
}

#[test]
fn r25_who_is_no_installer_sees_a_sentence_alone() {
    let mut desk = Desk::on(Box::new(Backup::new()), Role::Helpdesk);
    desk.keys(&[Key::Enter, Key::Enter]);
    assert!(desk.text().contains("made by an installer"), "{}", desk.text());
    assert!(desk.asked.is_empty());
}

#[test]
fn screens() {
    fn begin(desk: &mut Desk, step: Step) {
        let mut backup = Backup::new();
        backup.pick = Pick::new(&WHERE_TO, |_| vec!["/media/stick".into()]);
        backup.step = step;
        desk.open(Box::new(backup), Role::Installer);
    }
    snapshot("backup", |desk| begin(desk, Step::Pick));
    snapshot("backup-form", |desk| {
        begin(desk, Step::Form("/media/stick".into()));
        desk.types("three tall");
    });
    snapshot("backup-running", |desk| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let running = Running {
            folder: "/media/stick".into(),
            new: NewFile::begin_large(&path).unwrap(),
            path,
            made: match made(14_230_112) {
                Ok(Answer::Backup(BackupAnswer::Made(made))) => Some(made),
                other => panic!("{other:?}"),
            },
            offset: 4_194_304,
        };
        begin(desk, Step::Running(Box::new(running)));
    });
    snapshot("backup-done", |desk| {
        let done = Done {
            path: "/media/stick/postern-backup-20260302-140500.age".to_owned(),
            holds: holds(),
            warning: Some("others on this machine can read the file: its file system keeps no permissions".to_owned()),
        };
        begin(desk, Step::Done(Box::new(done)));
    });
}
