use super::*;
use crate::console::caps::Caps;
use crate::console::testing::{Desk, snapshot};
use crate::control::{Algorithm, FailureKind, ImportBatch, ImportReport, OtpParameters, Role, RowOutcome, RowResult};
use crate::enrol::base32;
use crate::enrol::pskc::write::{Protection, write};
use crate::enrol::rows::{Kind, Row};
use crate::secret::Secret;

const HEADER: &str = "upn,serial number,secret key,time interval,manufacturer,model\n";

fn line(number: u64) -> String {
    let mut bytes = [7; 20];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    let key = base32::encode(&Secret::new(bytes.to_vec()));
    format!("u{number}@contoso.example,S{number},{},60,Acme,One\n", *key)
}

/// A file of so many good lines and one bad one.
fn csv(lines: u64) -> String {
    let good: String = (0..lines).map(line).collect();
    format!("{HEADER}{good}anna@contoso.example,S,KEY,30,,\n")
}

/// A console whose directory holds these files, on the import.
fn desk_with(files: &[(&str, &str)]) -> (Desk, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let mut desk = Desk::new(80, 24, Caps::default());
    desk.app.context_for_test().import_dirs = vec![dir.path().to_owned()];
    desk.open(Box::new(Import::new()), Role::Installer);
    (desk, dir)
}

/// The screen as one line, however its sentences are broken.
fn flat(desk: &Desk) -> String {
    desk.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn batch(desk: &Desk) -> ImportBatch {
    match desk.asked.last() {
        Some((_, Request::ImportBatch(batch))) => batch.clone(),
        _ => panic!("{:?}", desk.asked),
    }
}

/// Answers the batch that is on its way: every row added, but for the lines named.
fn added(desk: &mut Desk, refused: &[u64]) {
    let batch = batch(desk);
    let results = batch.rows.iter().map(|row| {
        let bad = refused.contains(&row.line);
        RowResult {
            line: row.line,
            outcome: if bad { RowOutcome::Refused } else { RowOutcome::Added },
            user_made: !bad,
            unassigned: false,
            note: bad.then(|| "the key belongs to berta@contoso.example".to_owned()),
        }
    });
    let report = ImportReport {
        results: results.collect(),
    };
    desk.answer(|r| matches!(r, Request::ImportBatch(_)), Ok(Answer::Import(report)));
}

#[test]
fn a_file_is_tried_first_and_written_then_batch_by_batch() {
    let text = csv(2_500);
    let (mut desk, _dir) = desk_with(&[("tokens.csv", &text)]);
    assert!(desk.text().contains("> tokens.csv"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    assert!(desk.asked.is_empty(), "reading asks nobody");
    assert!(desk.text().contains("2500 tokens, and 1 wrong line"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    assert!(batch(&desk).dry_run && !batch(&desk).active);
    added(&mut desk, &[]);
    assert!(desk.text().contains("1000 of 2500 lines"), "{}", desk.text());
    added(&mut desk, &[1500]);
    added(&mut desk, &[]);
    let text = flat(&desk);
    assert!(
        text.contains("Nothing is written yet. Would be added: 2499 tokens, 2499 users."),
        "{text}"
    );
    assert!(text.contains("Line 1500: the key belongs to berta"), "{text}");
    assert!(text.contains("Line 2502: the key has 3 characters"), "{text}");
    desk.keys(&[Key::Char('w')]);
    assert!(!batch(&desk).dry_run);
    assert_eq!(batch(&desk).rows[0].line, 2);
    for _ in 0..3 {
        added(&mut desk, &[1500]);
    }
    let text = flat(&desk);
    assert!(text.contains("Added: 2499 tokens, 2499 users."), "{text}");
    assert!(desk.asked.is_empty());
    desk.keys(&[Key::Enter]);
    assert!(desk.asked.is_empty(), "Enter does not write twice");
    desk.keys(&[Key::Esc]);
    assert_eq!(desk.app.screen(), "home");
}

#[test]
fn the_key_that_tried_does_not_write() {
    let (mut desk, _dir) = desk_with(&[("tokens.csv", &csv(1))]);
    desk.keys(&[Key::Enter, Key::Enter]);
    added(&mut desk, &[]);
    assert!(desk.text().contains("w write them"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    assert_eq!((desk.app.screen(), desk.asked.len()), ("confirm", 0));
    desk.keys(&[Key::Esc]);
    assert!(desk.text().contains("Nothing is written yet"), "{}", desk.text());
    desk.keys(&[Key::Enter, Key::Char('y')]);
    assert!(!batch(&desk).dry_run);
}

#[test]
fn the_choices_reach_the_batches() {
    let (mut desk, _dir) = desk_with(&[("tokens.csv", &csv(1))]);
    desk.keys(&[
        Key::Enter,
        Key::Right,
        Key::Down,
        Key::Right,
        Key::Down,
        Key::Right,
        Key::Enter,
    ]);
    let batch = batch(&desk);
    let parameters = batch.rows[0].parameters;
    assert!(batch.active);
    assert_eq!(
        (parameters.digits(), parameters.period(), parameters.algorithm()),
        (8, Some(60), Algorithm::Sha256)
    );
}

#[test]
fn a_stop_comes_after_the_batch_on_its_way_and_says_how_far_it_came() {
    let (mut desk, _dir) = desk_with(&[("tokens.csv", &csv(2_500))]);
    desk.keys(&[Key::Enter, Key::Enter]);
    (0..3).for_each(|_| added(&mut desk, &[]));
    desk.keys(&[Key::Char('w')]);
    added(&mut desk, &[]);
    desk.keys(&[Key::Esc, Key::Enter]);
    assert_eq!(desk.asked.len(), 1, "one batch is on its way");
    added(&mut desk, &[]);
    assert!(desk.asked.is_empty());
    let text = flat(&desk);
    assert!(text.contains("Stopped: the lines up to 2001 are done"), "{text}");
    assert!(text.contains("Added: 2000 tokens"), "{text}");
}

#[test]
fn a_failure_in_the_middle_says_how_far_it_came() {
    let (mut desk, _dir) = desk_with(&[("tokens.csv", &csv(1_500))]);
    desk.keys(&[Key::Enter, Key::Enter]);
    (0..2).for_each(|_| added(&mut desk, &[]));
    desk.keys(&[Key::Char('w')]);
    added(&mut desk, &[]);
    let failure = Failure::new(FailureKind::Failed, "the disk is full");
    desk.answer(|r| matches!(r, Request::ImportBatch(_)), Err(failure));
    let text = flat(&desk);
    assert!(text.contains("Stopped: the lines up to 1001 are done"), "{text}");
    assert!(text.contains("Not done: the disk is full"), "{text}");
}

#[test]
fn what_cannot_be_read_is_said_and_one_stays() {
    let (mut desk, dir) = desk_with(&[
        ("a.json", "[1,]"),
        ("b.csv", "name;key\n"),
        ("c.csv", ""),
        ("d.xml", "<html/>"),
    ]);
    for words in [
        "the JSON breaks off",
        "is no header",
        "the file is empty",
        "is XML, but no PSKC",
    ] {
        desk.keys(&[Key::Enter]);
        assert!(desk.text().contains(words), "{words}: {}", desk.text());
        desk.keys(&[Key::Down]);
    }
    desk.keys(&[Key::Enter]);
    desk.types("/missing?.csv");
    desk.keys(&[Key::Enter]);
    assert!(
        desk.text().contains("there is no file /missing?.csv"),
        "{}",
        desk.text()
    );
    assert!(desk.text().contains("[/missing?.csv"), "nothing typed is lost");
    desk.keys(&[Key::Ctrl('u')]);
    let path = dir.path().join("t.odd");
    std::fs::write(&path, csv(1)).unwrap();
    desk.types(path.to_str().unwrap());
    desk.keys(&[Key::Enter]);
    assert!(desk.text().contains("Import: t.odd"), "{}", desk.text());
}

/// A PSKC file with a counter token of nobody's.
fn pskc(protection: &Protection) -> String {
    let row = Row {
        line: 1,
        user: String::new(),
        serial: "1000117803294".to_owned(),
        seed: "12345678901234567890".into(),
        kind: Kind::Hotp { counter: 5 },
        algorithm: Some(Algorithm::Sha1),
        digits: Some(6),
        manufacturer: "Acme".to_owned(),
        model: "c100".to_owned(),
        note: None,
    };
    write(&[row], protection, &mut |bytes| bytes.fill(3))
        .unwrap()
        .to_string()
}

#[test]
fn an_encrypted_file_asks_for_what_opens_it_until_that_is_right() {
    let by_word = pskc(&Protection::Passphrase("three tall ladders".into(), 2));
    let by_key = pskc(&Protection::Key(Secret::new(vec![0xab; 16])));
    let (mut desk, _dir) = desk_with(&[("a.pskcxml", &by_word), ("b.xml", &by_key)]);
    desk.keys(&[Key::Enter]);
    assert!(flat(&desk).contains("a.pskcxml is encrypted. It is opened by a passphrase (\"Passphrase\"):"));
    desk.types("three tall ladder?");
    assert!(
        !desk.text().contains("ladder") && !format!("{:?}", desk.app).contains("ladder"),
        "R21"
    );
    desk.keys(&[Key::Enter]);
    assert!(
        desk.text().contains("the passphrase is wrong, or the file was changed"),
        "{}",
        desk.text()
    );
    desk.types("three tall ladders");
    desk.keys(&[Key::Enter]);
    assert!(
        flat(&desk).contains("The file holds 1 tokens, and no wrong key."),
        "{}",
        desk.text()
    );
    desk.keys(&[Key::Esc, Key::Down, Key::Enter]);
    assert!(flat(&desk).contains("It is opened by a key"), "{}", desk.text());
    desk.types("too short");
    desk.keys(&[Key::Enter]);
    assert!(desk.text().contains("that is no key"), "{}", desk.text());
    desk.types(&"ab".repeat(16));
    desk.keys(&[Key::Enter, Key::Enter]);
    let row = &batch(&desk).rows[0];
    assert_eq!(
        (row.user.as_str(), row.counter, row.seed.expose()),
        ("", 5, b"12345678901234567890".as_slice())
    );
    assert!(matches!(row.parameters, OtpParameters::Hotp(_)));
    // Leaving an encrypted file goes back to the list.
    desk.keys(&[Key::Esc]);
}

#[test]
fn tokens_of_nobody_are_counted_and_named() {
    let (mut desk, _dir) = desk_with(&[("a.xml", &pskc(&Protection::Plain))]);
    desk.keys(&[Key::Enter, Key::Enter]);
    let result = RowResult {
        line: 1,
        outcome: RowOutcome::Added,
        user_made: false,
        unassigned: true,
        note: None,
    };
    let report = ImportReport { results: vec![result] };
    desk.answer(|r| matches!(r, Request::ImportBatch(_)), Ok(Answer::Import(report)));
    let text = flat(&desk);
    assert!(
        text.contains("Would be added: 1 token, 0 users. There already: 0. Refused: 0 keys."),
        "{text}"
    );
    assert!(
        text.contains("1 token is nobody's yet, to be given to users by serial number: 1000117803294"),
        "{text}"
    );
    desk.keys(&[Key::Enter]);
    assert!(flat(&desk).contains("1 token is nobody's yet"), "{}", desk.text());
}

#[test]
fn a_stick_that_is_plugged_in_appears() {
    let (mut desk, dir) = desk_with(&[]);
    assert!(desk.text().contains("Plug in a USB stick"), "{}", desk.text());
    std::fs::create_dir(dir.path().join("usb1")).unwrap();
    std::fs::write(dir.path().join("usb1/tokens.csv"), csv(1)).unwrap();
    desk.wait(3);
    assert!(desk.text().contains("tokens.csv"), "{}", desk.text());
}

#[test]
fn a_trial_that_would_add_nothing_offers_no_write() {
    let (mut desk, _dir) = desk_with(&[("tokens.csv", &csv(2))]);
    desk.keys(&[Key::Enter, Key::Enter]);
    added(&mut desk, &[2, 3]);
    assert!(!desk.text().contains("write them"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    assert!(desk.asked.is_empty());
}

#[test]
fn r21_no_key_stands_in_what_the_screen_prints() {
    let (mut desk, _dir) = desk_with(&[("tokens.csv", &csv(2))]);
    desk.keys(&[Key::Enter, Key::Enter]);
    let key = base32::encode(&Secret::new(vec![7; 10]));
    let printed = format!("{:?}", desk.app);
    assert!(
        printed.contains("u1@contoso.example") && !printed.contains(&key[..8]),
        "{printed}"
    );
}

#[test]
fn screens() {
    /// The list that the import shows, without a directory of this machine in it.
    fn found(desk: &mut Desk) {
        let mut import = Import::new();
        import.pick = Pick::new(&WHICH, |_| {
            [
                ("tokens.csv", 216_000),
                ("an older delivery/hardware-tokens-of-the-branch-office.csv", 900),
            ]
            .map(|(name, size)| Found {
                path: std::path::Path::new("/run/postern/usb").join(name),
                size,
            })
            .to_vec()
        });
        desk.open(Box::new(import), Role::Installer);
    }
    snapshot("import", found);
    snapshot("import-none", |desk| {
        desk.open(Box::new(Import::new()), Role::Installer)
    });
    let sealed = tempfile::tempdir().unwrap();
    let text = pskc(&Protection::Passphrase("three tall ladders".into(), 2));
    std::fs::write(sealed.path().join("tokens.pskcxml"), &text).unwrap();
    snapshot("import-sealed", |desk| {
        desk.app.context_for_test().import_dirs = vec![sealed.path().to_owned()];
        desk.open(Box::new(Import::new()), Role::Installer);
        desk.keys(&[Key::Enter]);
        desk.types("three tall");
    });
    let text = csv(1_700);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tokens.csv"), &text).unwrap();
    let begin = |desk: &mut Desk| {
        desk.app.context_for_test().import_dirs = vec![dir.path().to_owned()];
        desk.open(Box::new(Import::new()), Role::Installer);
        desk.keys(&[Key::Enter]);
    };
    snapshot("import-options", begin);
    snapshot("import-running", |desk| {
        begin(desk);
        desk.keys(&[Key::Enter]);
        added(desk, &[]);
    });
    snapshot("import-tried", |desk| {
        begin(desk);
        desk.keys(&[Key::Enter]);
        added(desk, &(2..40).collect::<Vec<u64>>());
        added(desk, &[]);
    });
    snapshot("import-write", |desk| {
        begin(desk);
        desk.keys(&[Key::Enter]);
        (0..2).for_each(|_| added(desk, &[17]));
        desk.keys(&[Key::Enter]);
    });
    snapshot("import-written", |desk| {
        begin(desk);
        desk.keys(&[Key::Enter]);
        (0..2).for_each(|_| added(desk, &[17]));
        desk.keys(&[Key::Char('w')]);
        (0..2).for_each(|_| added(desk, &[17]));
    });
}
