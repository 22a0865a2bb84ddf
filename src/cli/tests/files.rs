//! Token files of every kind on their way in, and the one on its way out.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::enrol::pskc::write::{Protection, write};
use crate::enrol::rows::{Kind, Row};
use crate::enrol::token_file::{self, Keys};

const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const PASSPHRASE: &str = "three tall ladders";

fn added(lines: &[u64], unassigned: bool) -> Result<Answer, Failure> {
    let result = |line: &u64| RowResult {
        line: *line,
        outcome: RowOutcome::Added,
        user_made: !unassigned,
        unassigned,
        note: None,
    };
    Ok(Answer::Import(ImportReport {
        results: lines.iter().map(result).collect(),
    }))
}

/// A PSKC file with a token of nobody's.
fn pskc(protection: &Protection) -> String {
    let row = Row {
        line: 1,
        user: String::new(),
        serial: "S1".to_owned(),
        seed: "12345678901234567890".into(),
        kind: Kind::Hotp { counter: 5 },
        algorithm: None,
        digits: Some(8),
        manufacturer: String::new(),
        model: "One".to_owned(),
        note: None,
    };
    write(&[row], protection, &mut |bytes| bytes.fill(3))
        .unwrap()
        .to_string()
}

fn rows(ran: &Ran) -> &[ImportRow] {
    match ran.asked.as_slice() {
        [Request::ImportBatch(batch)] => &batch.rows,
        other => panic!("{other:?}"),
    }
}

#[test]
fn other_files_are_told_by_their_content() {
    let json = format!(
        r#"{{"value":[{{"serialNumber":"S1","secretKey":"{KEY}","timeIntervalInSeconds":60,"hashFunction":"hmacsha256"}}]}}"#
    );
    let list = format!("otpauth://hotp/Contoso:anna?secret={KEY}&counter=5&digits=8\n");
    let plain = pskc(&Protection::Plain);
    for (text, format, algorithm, period, counter) in [
        (&json, "graph-json", Algorithm::Sha256, Some(60), 0),
        (&list, "otpauth", Algorithm::Sha1, None, 5),
        (&plain, "pskc", Algorithm::Sha1, None, 5),
    ] {
        for line in ["import t".to_owned(), format!("import t --format {format}")] {
            let ran = run_with(&line, &[("t", text)], vec![added(&[1], false)]);
            assert_eq!(ran.status, 0, "{line}: {}", ran.err);
            let row = &rows(&ran)[0];
            assert_eq!(
                (row.parameters.algorithm(), row.parameters.period(), row.counter),
                (algorithm, period, counter),
                "{line}"
            );
        }
        let ran = run_with("import t --format azure-csv", &[("t", text)], Vec::new());
        assert_eq!((ran.status, ran.asked.len()), (1, 0), "{}", ran.out);
    }
    for (text, words) in [
        ("{\"value\": 1}", "neither a token"),
        ("<?xml version=\"1.0\"?>", "the XML breaks off"),
        ("no header", "is no header"),
        (" ", "is empty"),
    ] {
        let ran = run_with("import t", &[("t", text)], vec![done()]);
        assert_eq!((ran.status, ran.asked.len(), ran.socket), (1, 0, None), "{text}");
        assert!(ran.err.contains(words) && ran.err.lines().count() == 1, "{}", ran.err);
    }
}

#[test]
fn tokens_of_nobody_are_named_and_what_the_file_says_of_itself_too() {
    let signed = pskc(&Protection::Plain).replace(
        "</KeyContainer>",
        "<s:Signature xmlns:s=\"http://www.w3.org/2000/09/xmldsig#\"/></KeyContainer>",
    );
    let ran = run_with("import t", &[("t", &signed)], vec![added(&[1], true)]);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(
        lines[0],
        "t: 1 keys, 1 tokens added, 0 users made, 0 there already, 0 refused"
    );
    assert_eq!(
        lines[1],
        "1 token is nobody's yet, to be given to users by serial number: S1"
    );
    assert!(
        lines[2].starts_with("note: the file is signed") && lines.len() == 3,
        "{}",
        ran.out
    );
    let json = run_with("--json import t", &[("t", &signed)], vec![added(&[1], true)]).json();
    assert_eq!((&json["place"], &json["unassigned"]), (&"key".into(), &1.into()));
    assert_eq!(json["unassigned_serials"][0], "S1");
}

#[test]
fn an_encrypted_file_is_opened_by_what_is_named_or_typed() {
    let by_key = pskc(&Protection::Key(Secret::new(vec![0xab; 16])));
    let by_word = pskc(&Protection::Passphrase(PASSPHRASE.into(), 2));
    let hex = "ab".repeat(16);
    for (text, line, files) in [
        (&by_key, "import t --key-file k", vec![("k", hex.as_str())]),
        (
            &by_key,
            "import t",
            vec![("Key of the file (hexadecimal or Base64)", hex.as_str())],
        ),
        (&by_word, "import t --passphrase-file p", vec![("p", PASSPHRASE)]),
        (&by_word, "import t", vec![("Passphrase of the file", PASSPHRASE)]),
    ] {
        let files = [vec![("t", text.as_str())], files].concat();
        let ran = run_with(line, &files, vec![added(&[1], true)]);
        assert_eq!(
            (ran.status, rows(&ran)[0].seed.expose()),
            (0, b"12345678901234567890".as_slice()),
            "{line}"
        );
    }
    for (text, line, files, status, words) in [
        (
            &by_key,
            "import t",
            vec![],
            1,
            "opened by a key (\"Pre-shared-key\"), so name it with --key-file",
        ),
        (
            &by_word,
            "import t",
            vec![],
            1,
            "opened by a passphrase (\"Passphrase\"), so name it with --passphrase-file",
        ),
        (
            &by_word,
            "import t",
            vec![("Passphrase of the file", "wrong")],
            1,
            "the passphrase is wrong",
        ),
        (
            &by_word,
            "import t --passphrase-file p",
            vec![("p", "wrong")],
            1,
            "the passphrase is wrong",
        ),
        (
            &by_word,
            "import t --key-file k",
            vec![("k", hex.as_str())],
            1,
            "name that with --passphrase-file",
        ),
        (
            &by_key,
            "import t --passphrase-file k",
            vec![("k", hex.as_str())],
            1,
            "name that with --key-file",
        ),
        (
            &by_key,
            "import t --key-file k",
            vec![("k", "short")],
            2,
            "--key-file: that is no key",
        ),
        (
            &by_key,
            "import t",
            vec![("Key of the file (hexadecimal or Base64)", "x")],
            2,
            "that is no key",
        ),
    ] {
        let files = [vec![("t", text.as_str())], files].concat();
        let ran = run_with(line, &files, vec![done()]);
        assert_eq!((ran.status, ran.asked.len()), (status, 0), "{line}: {}", ran.err);
        assert!(
            ran.err.contains(words) && ran.err.lines().count() == 1,
            "{line}: {}",
            ran.err
        );
        assert!(
            !ran.err.contains("wrong\"") && !ran.err.contains(&hex),
            "R21: {}",
            ran.err
        );
    }
    let plain = pskc(&Protection::Plain);
    let ran = run_with("import t --passphrase-file p", &[("t", &plain), ("p", "x")], Vec::new());
    assert!(
        ran.status == 1 && ran.err.contains("not encrypted, though"),
        "{}",
        ran.err
    );
}

fn exported(number: u8, digits: u8) -> ExportRow {
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

/// A folder, and the command line with a file in it.
fn folder(line: &str) -> (tempfile::TempDir, PathBuf, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.csv");
    let line = line.replace("FILE", path.to_str().unwrap());
    (dir, path, line)
}

#[test]
fn r25_an_export_asks_page_by_page_and_leaves_a_file_of_mode_0600() {
    let (_dir, path, line) = folder("export FILE --operator otto");
    let pages = vec![
        page(vec![exported(1, 6), exported(2, 6)], Some(2)),
        page(vec![exported(3, 6)], None),
    ];
    let ran = run_with(&line, &[("-", "the password")], pages);
    assert_eq!(
        (ran.status, ran.out),
        (0, format!("{}: 3 tokens (azure-csv)\n", path.display()))
    );
    assert!(
        ran.err.contains("whoever has the file can make every code"),
        "{}",
        ran.err
    );
    let asked: Vec<_> = ran
        .asked
        .iter()
        .map(|request| match request {
            Request::Export(ask) => (ask.operator.as_deref(), ask.password.clone(), ask.after),
            other => panic!("{other:?}"),
        })
        .collect();
    let password = Some(Secret::from("the password"));
    assert_eq!(
        asked,
        [
            (Some("otto"), password.clone(), None),
            (Some("otto"), password, Some(TokenId(2)))
        ]
    );
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let text = std::fs::read(&path).unwrap();
    let file = token_file::read(&text, None, &Keys::None, NOW).unwrap();
    assert_eq!((file.rows.len(), file.rows[2].seed.expose()), (3, [3; 20].as_slice()));
    // Root names nobody, and gives no password.
    let (_dir, _, line) = folder("--json export FILE");
    let ran = run_with(&line, &[], vec![page(vec![exported(1, 6)], None)]);
    assert_eq!(
        (ran.json()["tokens"].as_u64(), &ran.json()["format"]),
        (Some(1), &"azure-csv".into())
    );
    assert!(matches!(&ran.asked[0], Request::Export(ask) if ask.operator.is_none() && ask.password.is_none()));
}

#[test]
fn an_export_for_other_servers_is_encrypted_unless_told_otherwise() {
    let hex = "cd".repeat(16);
    for (flags, keys) in [
        ("--key-file k", Keys::Key(Secret::new(vec![0xcd; 16]))),
        ("--plain", Keys::None),
    ] {
        let (_dir, path, line) = folder(&format!("export FILE --format pskc {flags}"));
        let ran = run_with(&line, &[("k", &hex)], vec![page(vec![exported(1, 8)], None)]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert_eq!(
            ran.err.contains("whoever has the file"),
            flags == "--plain",
            "{}",
            ran.err
        );
        let text = std::fs::read(&path).unwrap();
        let file = token_file::read(&text, None, &keys, NOW).unwrap();
        assert_eq!(
            (file.rows[0].digits, file.rows[0].user.as_str()),
            (Some(8), "u1@contoso.example")
        );
    }
    let (_dir, path, line) = folder("export FILE --format pskc --passphrase-file p");
    for weak in ["qwerty", "password1234", "aaaaaaaaaaaaaa"] {
        let ran = run_with(&line, &[("p", weak)], Vec::new());
        assert!(
            ran.status == 1 && ran.err.contains("passphrase: the password"),
            "{weak}: {}",
            ran.err
        );
    }
    let ran = run_with(&line, &[("p", PASSPHRASE)], vec![page(vec![exported(1, 8)], None)]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    let text = std::fs::read(&path).unwrap();
    assert!(token_file::read(&text, None, &Keys::Passphrase(PASSPHRASE.into()), NOW).is_ok());
}

#[test]
fn what_entra_cannot_take_is_left_out_and_the_status_says_so() {
    let (_dir, path, line) = folder("export FILE");
    let ran = run_with(&line, &[], vec![page(vec![exported(1, 8), exported(2, 6)], None)]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err
            .starts_with("left out: 8659612000001 of u1@contoso.example: a file for Entra"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("postern: 1 tokens are not in the file"), "{}", ran.err);
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
}

#[test]
fn no_seed_leaves_the_box_where_the_file_cannot_be_written() {
    let (dir, path, line) = folder("export FILE");
    std::fs::write(&path, "mine").unwrap();
    let ran = run_with(&line, &[], vec![page(vec![exported(1, 6)], None)]);
    assert_eq!((ran.status, ran.asked.len(), ran.socket), (1, 0, None));
    assert!(ran.err.contains("is there already"), "{}", ran.err);
    let ran = run_with(&format!("{line} --force"), &[], vec![page(vec![exported(1, 6)], None)]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    // Nothing is left of an export that failed.
    std::fs::remove_file(&path).unwrap();
    for answers in [
        vec![Err(Failure::refused("name or password is wrong"))],
        vec![page(vec![exported(1, 6)], Some(1)), Err(Failure::failed("gone"))],
        vec![page(vec![exported(1, 6)], Some(1)), page(Vec::new(), Some(1))],
        vec![page(Vec::new(), None)],
        vec![page(vec![exported(1, 8)], None)],
    ] {
        let ran = run_with(&line, &[], answers);
        assert_eq!((ran.status, ran.err.lines().count()), (1, 1), "{}", ran.err);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{}", ran.err);
    }
}

#[test]
fn seeds_go_to_standard_output_but_never_to_a_terminal() {
    let ran = run_with("export -", &[], vec![page(vec![exported(1, 6)], None)]);
    assert!(
        ran.status == 0 && ran.out.starts_with("upn,serial number,"),
        "{}",
        ran.out
    );
    let terminal = View {
        terminal: true,
        ..view()
    };
    let ran = run_in(terminal, "export -", &[], vec![page(vec![exported(1, 6)], None)]);
    assert_eq!((ran.status, ran.asked.len(), ran.out.as_str()), (2, 0, ""));
    let ran = run_with("--json export -", &[], Vec::new());
    assert_eq!((ran.status, ran.json()["error"]["kind"].as_str()), (2, Some("usage")));
}
