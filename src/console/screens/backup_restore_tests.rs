use super::super::backup::tests::holds;
use super::*;
use crate::console::caps::Caps;
use crate::console::testing::{Desk, snapshot};
use crate::control::GoesOn;

const PASSPHRASE: &str = "three tall ladders";

fn ticket(received: u64) -> Result<Answer, Failure> {
    Ok(Answer::Backup(BackupAnswer::Ticket {
        ticket: "t1".to_owned(),
        received,
    }))
}

fn held_of(goes_on: GoesOn) -> BackupHolds {
    BackupHolds { goes_on, ..holds() }
}

fn held_answer(goes_on: GoesOn) -> Result<Answer, Failure> {
    Ok(Answer::Backup(BackupAnswer::Holds(held_of(goes_on))))
}

fn answer(desk: &mut Desk, answer: Result<Answer, Failure>) {
    desk.answer(|request| matches!(request, Request::Backup(_)), answer);
}

fn asked(desk: &Desk) -> BackupRequest {
    match desk.asked.as_slice() {
        [(_, Request::Backup(ask))] => ask.clone(),
        other => panic!("{other:?}"),
    }
}

/// A console with a backup in a folder, whose passphrase was typed.
fn desk_with() -> (Desk, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("box.age"), b"sealed").unwrap();
    std::fs::write(dir.path().join("tokens.csv"), b"x").unwrap();
    let mut desk = Desk::new(80, 24, Caps::default());
    desk.app.context_for_test().import_dirs = vec![dir.path().to_owned()];
    desk.open(Box::new(Restore::new()), Role::Installer);
    assert!(
        desk.text().contains("box.age") && !desk.text().contains("tokens.csv"),
        "{}",
        desk.text()
    );
    desk.keys(&[Key::Enter]);
    desk.types(PASSPHRASE);
    desk.keys(&[Key::Enter]);
    (desk, dir)
}

#[test]
fn r20_nothing_is_asked_for_before_a_word_was_typed() {
    let (mut desk, _dir) = desk_with();
    assert_eq!(asked(&desk), BackupRequest::Send { bytes: 6 });
    answer(&mut desk, ticket(0));
    let piece = BackupRequest::Piece {
        ticket: "t1".to_owned(),
        offset: 0,
        bytes: Secret::from("sealed"),
    };
    assert_eq!(asked(&desk), piece);
    answer(&mut desk, ticket(6));
    let look = BackupRequest::Look {
        ticket: "t1".to_owned(),
        passphrase: PASSPHRASE.into(),
    };
    assert_eq!(asked(&desk), look);
    answer(&mut desk, held_answer(GoesOn::NONE));
    assert!(
        desk.text().contains("The file is whole") && desk.text().contains("otto"),
        "{}",
        desk.text()
    );
    desk.keys(&[Key::Enter]);
    desk.types("yes");
    desk.keys(&[Key::Enter]);
    assert!(
        desk.asked.is_empty() && desk.text().contains("That is another word"),
        "{}",
        desk.text()
    );
    desk.keys(&[Key::Ctrl('u')]);
    desk.types("restore");
    desk.keys(&[Key::Enter]);
    assert!(matches!(asked(&desk), BackupRequest::Restore(now) if now.ticket == "t1"));
    // No second time, and no way back.
    desk.keys(&[Key::Enter, Key::Esc]);
    assert_eq!(desk.asked.len(), 1);
    let done = "the backup of box-1 is restored, and posternd starts anew".to_owned();
    answer(&mut desk, Ok(Answer::Done { done }));
    assert!(
        desk.text().contains("The backup of box-1 is restored"),
        "{}",
        desk.text()
    );
}

#[test]
fn a_file_that_is_refused_says_why_and_what_was_sent_is_forgotten() {
    let (mut desk, _dir) = desk_with();
    answer(&mut desk, ticket(0));
    answer(&mut desk, ticket(6));
    let line = "the passphrase is wrong (or the head of the file was damaged): nothing was changed; try again";
    answer(&mut desk, Err(Failure::refused(line)));
    assert!(desk.text().contains("the passphrase is wrong"), "{}", desk.text());
    let forget = BackupRequest::Drop {
        ticket: "t1".to_owned(),
    };
    assert_eq!(asked(&desk), forget);
    // Looked at, and left alone.
    let (mut desk, _dir) = desk_with();
    answer(&mut desk, ticket(0));
    answer(&mut desk, ticket(6));
    answer(&mut desk, held_answer(GoesOn::BOTH));
    desk.keys(&[Key::Esc]);
    assert_eq!(asked(&desk), forget);
    let printed = format!("{:?}", desk.app);
    assert!(!printed.contains("ladders"), "R21: {printed}");
}

#[test]
fn what_is_given_up_before_its_ticket_came_is_dropped_with_it() {
    let (mut desk, _dir) = desk_with();
    desk.keys(&[Key::Esc]);
    assert_eq!(asked(&desk), BackupRequest::Send { bytes: 6 });
    answer(&mut desk, ticket(0));
    let drop = BackupRequest::Drop {
        ticket: "t1".to_owned(),
    };
    assert_eq!(asked(&desk), drop);
    let done = "nothing was changed".to_owned();
    answer(&mut desk, Ok(Answer::Done { done }));
    assert!(
        desk.asked.is_empty() && desk.text().contains("Passphrase"),
        "{}",
        desk.text()
    );
}

#[test]
fn r24_nobody_is_locked_out_while_the_file_is_looked_at() {
    let (mut desk, _dir) = desk_with();
    answer(&mut desk, ticket(0));
    answer(&mut desk, ticket(6));
    desk.wait(1200);
    assert!(desk.text().contains("posternd looks at all of it"), "{}", desk.text());
    answer(&mut desk, held_answer(GoesOn::NONE));
    assert!(desk.text().contains("The file is whole"), "{}", desk.text());
    desk.wait(302);
    assert_eq!(desk.app.screen(), "login", "it was shown, and nobody came");
}

#[test]
fn r25_who_is_no_installer_sees_a_sentence_alone() {
    let mut desk = Desk::on(Box::new(Restore::new()), Role::Helpdesk);
    desk.keys(&[Key::Enter, Key::Enter]);
    assert!(desk.text().contains("made by an installer"), "{}", desk.text());
    assert!(desk.asked.is_empty());
}

#[test]
fn screens() {
    fn begin(desk: &mut Desk, step: Step) {
        let mut restore = Restore::new();
        restore.pick = Pick::new(&WHICH, |_| {
            [
                "postern-backup-20260302-140500.age",
                "postern-backup-20260201-080000.age",
            ]
            .map(|name| PathBuf::from("/media/stick").join(name))
            .to_vec()
        });
        restore.step = step;
        desk.open(Box::new(restore), Role::Installer);
    }
    fn of(goes_on: GoesOn) -> Step {
        Step::Holds(Box::new(Held {
            path: "/media/stick/box.age".into(),
            ticket: String::new(),
            holds: held_of(goes_on),
            asked: false,
        }))
    }
    snapshot("restore", |desk| begin(desk, Step::Pick));
    snapshot("restore-form", |desk| {
        begin(
            desk,
            Step::Form("/media/stick/postern-backup-20260302-140500.age".into()),
        );
        desk.types("three tall");
    });
    snapshot("restore-holds", |desk| begin(desk, of(GoesOn::NONE)));
    snapshot("restore-own", |desk| begin(desk, of(GoesOn::BOTH)));
    let (logins, operators) = (true, true);
    snapshot("restore-own-operators", |desk| {
        begin(
            desk,
            of(GoesOn {
                operators,
                ..GoesOn::NONE
            }),
        );
    });
    snapshot("restore-own-logins", |desk| {
        begin(desk, of(GoesOn { logins, ..GoesOn::NONE }));
    });
    snapshot("restore-confirm", |desk| {
        begin(desk, of(GoesOn::NONE));
        desk.keys(&[Key::Enter]);
    });
    snapshot("restore-done", |desk| {
        let done = "the backup of box-1 of 2026-03-02 14:05:00 UTC is restored, and posternd starts anew; what was there lies in \
                    /var/lib/postern/before-restore until the next backup or for 30 days";
        begin(desk, Step::Restored(done.to_owned()));
    });
}
