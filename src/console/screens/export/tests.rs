use super::*;
use crate::console::caps::Caps;
use crate::console::testing::{Desk, snapshot};
use crate::control::{OtpParameters, Timestamp, TokenId, TotpParameters};
use crate::enrol::token_file::{Keys, read};
use std::os::unix::fs::PermissionsExt;

const PASSPHRASE: &str = "three tall ladders";
const PASSWORD: &str = "my own words";

fn row(number: u8, digits: u8) -> ExportRow {
    ExportRow {
        id: TokenId(u64::from(number)),
        user: format!("u{number}@contoso.example"),
        serial: format!("865961200000{number}"),
        profile: None,
        model: "OTPC-P1-i".to_owned(),
        parameters: OtpParameters::Totp(TotpParameters {
            digits,
            ..TotpParameters::default()
        }),
        counter: 0,
        seed: Secret::new(vec![number; 20]),
    }
}

fn page(rows: Vec<ExportRow>, next: Option<u64>) -> Result<Answer, Failure> {
    Ok(Answer::Export(ExportPage {
        rows,
        next: next.map(TokenId),
        total: 3,
    }))
}

/// A console with one folder, on the export.
fn desk_with() -> (Desk, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(80, 24, Caps::default());
    desk.app.context_for_test().import_dirs = vec![dir.path().to_owned()];
    desk.open(Box::new(Export::new()), Role::Installer);
    (desk, dir)
}

/// Types the rows of the form from the passphrase on.
fn fill(desk: &mut Desk, rows: &[&str]) {
    for row in rows {
        desk.types(row);
        desk.keys(&[Key::Enter]);
    }
}

fn asked(desk: &Desk) -> ExportAsk {
    match desk.asked.as_slice() {
        [(_, Request::Export(ask))] => ask.clone(),
        other => panic!("{other:?}"),
    }
}

fn answer(desk: &mut Desk, answer: Result<Answer, Failure>) {
    desk.answer(|request| matches!(request, Request::Export(_)), answer);
}

fn files(dir: &tempfile::TempDir) -> Vec<PathBuf> {
    std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

fn flat(desk: &Desk) -> String {
    desk.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn r25_a_pskc_file_is_written_page_by_page_under_its_passphrase() {
    let (mut desk, dir) = desk_with();
    desk.keys(&[Key::Enter, Key::Enter]);
    fill(&mut desk, &[PASSPHRASE, PASSPHRASE, PASSWORD]);
    let ask = asked(&desk);
    assert_eq!(
        (ask.operator, ask.password, ask.after),
        (None, Some(PASSWORD.into()), None)
    );
    answer(&mut desk, page(vec![row(1, 8), row(2, 6)], Some(2)));
    assert!(desk.text().contains("2 tokens so far"), "{}", desk.text());
    let ask = asked(&desk);
    assert_eq!((ask.password, ask.after), (Some(PASSWORD.into()), Some(TokenId(2))));
    answer(&mut desk, page(vec![row(3, 6)], None));
    let found = files(&dir);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with("postern-tokens-20260302-140500.xml"), "{found:?}");
    assert_eq!(
        std::fs::metadata(&found[0]).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    let text = std::fs::read(&found[0]).unwrap();
    let file = read(&text, None, &Keys::Passphrase(PASSPHRASE.into()), Timestamp(0)).unwrap();
    assert_eq!((file.rows.len(), file.rows[0].seed.expose()), (3, [1; 20].as_slice()));
    let text = flat(&desk);
    assert!(
        text.contains("3 tokens are in the file") && text.contains("postern-tokens-20260302"),
        "{text}"
    );
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.app.screen(), "home");
}

#[test]
fn a_file_for_entra_wants_no_passphrase_and_warns() {
    let (mut desk, dir) = desk_with();
    desk.keys(&[Key::Enter, Key::Right]);
    assert!(!desk.text().contains("Passphrase"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    fill(&mut desk, &[PASSWORD]);
    answer(&mut desk, page(vec![row(1, 8), row(2, 6)], None));
    let text = flat(&desk);
    assert!(text.contains("1 token is in the file"), "{text}");
    assert!(text.contains("Whoever has the file can make every code"), "{text}");
    assert!(
        text.contains("Not in the file, since it cannot hold them: 1."),
        "{text}"
    );
    assert!(
        text.contains("8659612000001 of u1@contoso.example: a file for Entra"),
        "{text}"
    );
    let text = std::fs::read_to_string(&files(&dir)[0]).unwrap();
    assert!(
        text.starts_with("upn,serial number,secret key,time interval,manufacturer,model\r\nu2@"),
        "{text}"
    );
}

#[test]
fn what_was_typed_wrong_is_told_and_asks_nobody() {
    let (mut desk, dir) = desk_with();
    desk.keys(&[Key::Enter, Key::Enter]);
    fill(&mut desk, &["short", "short", PASSWORD]);
    assert!(
        flat(&desk).contains("The passphrase: the password is shorter than 12"),
        "{}",
        desk.text()
    );
    desk.keys(&[Key::Ctrl('u')]);
    fill(&mut desk, &[PASSPHRASE, "x", PASSWORD]);
    assert!(desk.text().contains("The two were not the same."), "{}", desk.text());
    desk.keys(&[Key::Ctrl('u')]);
    fill(&mut desk, &[PASSPHRASE]);
    desk.keys(&[Key::Ctrl('u'), Key::Enter]);
    assert!(
        desk.text().contains("Type the password that you log in with."),
        "{}",
        desk.text()
    );
    assert!(desk.asked.is_empty() && files(&dir).is_empty());
    let printed = format!("{:?}", desk.app);
    assert!(
        !printed.contains("ladders") && !printed.contains("own words"),
        "R21: {printed}"
    );
}

#[test]
fn a_wrong_password_leaves_no_file_and_the_passphrase_as_it_was() {
    let (mut desk, dir) = desk_with();
    desk.keys(&[Key::Enter, Key::Enter]);
    fill(&mut desk, &[PASSPHRASE, PASSPHRASE, "wrong"]);
    assert!(files(&dir).is_empty(), "a file in the making has no name");
    answer(&mut desk, Err(Failure::refused("name or password is wrong")));
    assert!(desk.text().contains("name or password is wrong"), "{}", desk.text());
    assert!(files(&dir).is_empty());
    fill(&mut desk, &[PASSWORD]);
    answer(&mut desk, page(vec![row(1, 6)], None));
    assert!(desk.text().contains("1 token is in the file"), "{}", desk.text());
}

#[test]
fn an_export_that_was_stopped_leaves_nothing_and_its_late_answer_is_none() {
    let (mut desk, dir) = desk_with();
    desk.keys(&[Key::Enter, Key::Right, Key::Enter]);
    fill(&mut desk, &[PASSWORD]);
    desk.keys(&[Key::Esc]);
    assert!(files(&dir).is_empty());
    fill(&mut desk, &[PASSWORD]);
    assert_eq!(desk.asked.len(), 2);
    answer(&mut desk, page(vec![row(1, 6)], None));
    assert!(desk.text().contains("0 tokens so far"), "{}", desk.text());
    answer(&mut desk, page(Vec::new(), None));
    assert!(flat(&desk).contains("there is nothing to export"), "{}", desk.text());
    assert!(files(&dir).is_empty());
}

#[test]
fn a_folder_that_is_none_or_full_of_rights_is_told() {
    let (mut desk, dir) = desk_with();
    desk.keys(&[Key::Down, Key::Enter]);
    desk.types("/nowhere?");
    desk.keys(&[Key::Enter]);
    assert!(desk.text().contains("/nowhere? is no folder"), "{}", desk.text());
    desk.keys(&[Key::Ctrl('u')]);
    desk.types("/proc");
    desk.keys(&[Key::Enter, Key::Right, Key::Enter]);
    fill(&mut desk, &[PASSWORD]);
    assert!(desk.text().contains("cannot be written"), "{}", desk.text());
    assert!(desk.asked.is_empty() && files(&dir).is_empty());
}

#[test]
fn r25_who_is_no_installer_sees_a_sentence_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut desk = Desk::new(80, 24, Caps::default());
    desk.app.context_for_test().import_dirs = vec![dir.path().to_owned()];
    desk.open(Box::new(Export::new()), Role::Helpdesk);
    desk.keys(&[Key::Enter]);
    assert!(desk.text().contains("with an installer only"), "{}", desk.text());
    assert!(desk.asked.is_empty());
}

#[test]
fn screens() {
    fn begin(desk: &mut Desk, step: Step) {
        let mut export = Export::new();
        export.step = step;
        export.pick = Pick::new(&WHERE_TO, |_| vec!["/media/stick".into(), "/media/another".into()]);
        desk.open(Box::new(export), Role::Installer);
    }
    snapshot("export", |desk| begin(desk, Step::Pick));
    snapshot("export-none", |desk| {
        desk.open(Box::new(Export::new()), Role::Installer)
    });
    snapshot("export-form", |desk| {
        begin(desk, Step::Form("/media/stick".into()));
        desk.keys(&[Key::Enter]);
        desk.types("three tall");
    });
    snapshot("export-done", |desk| {
        let mut export = Export::new();
        let made = Made {
            file: "/media/stick/postern-tokens-20260302-140500.csv".to_owned(),
            format: AZURE.to_owned(),
            tokens: 12,
            left_out: vec![
                "8659612000001 of berta@contoso.example: a file for Entra holds SHA-1 tokens only".to_owned(),
            ],
            warnings: vec![
                "whoever has the file can make every code: take it where it belongs, then destroy it".to_owned(),
            ],
        };
        export.notes = draw::notes(&made);
        export.step = Step::Done(made);
        desk.open(Box::new(export), Role::Installer);
    });
}
