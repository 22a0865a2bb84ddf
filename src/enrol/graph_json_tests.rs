//! Graph's JSON in its three shapes, and what is wrong with the rest.

use super::*;
use crate::control::Timestamp;
use crate::enrol::token_file::{Keys, read};
use crate::secret::Secret;
use proptest::prelude::*;

fn file(text: &str) -> TokenFile {
    read(text.as_bytes(), None, &Keys::None, Timestamp(0)).unwrap()
}

fn refused(text: &str) -> FileError {
    read(text.as_bytes(), None, &Keys::None, Timestamp(0)).unwrap_err()
}

/// A token of its own for every number, with more fields.
fn token(number: u8, more: &str) -> String {
    let key = base32::encode(&Secret::new(vec![number; 20]));
    format!(
        r#"{{"serialNumber":"S{number}","manufacturer":"Contoso","model":"One","secretKey":"{}","timeIntervalInSeconds":30{more}}}"#,
        *key
    )
}

#[test]
fn one_object_and_a_list_and_a_value_give_the_same_row() {
    let one = token(
        1,
        r#","hashFunction":"hmacsha256","assignTo":{"id":"anna@contoso.example"}"#,
    );
    let expected = file(&one);
    assert_eq!((expected.place, &expected.bad), (Place::Entry, &Vec::new()));
    let row = &expected.rows[0];
    assert_eq!(
        (row.line, row.user.as_str(), row.serial.as_str(), row.model.as_str()),
        (1, "anna@contoso.example", "S1", "One")
    );
    assert_eq!(
        (row.kind, row.algorithm, row.digits, row.seed.expose()),
        (
            Kind::Totp { period: 30 },
            Some(Algorithm::Sha256),
            None,
            [1; 20].as_slice()
        )
    );
    for shape in [
        format!("[{one}]"),
        format!(r#"{{"@context":"x","value":[{one}]}}"#),
        format!("\u{feff} \r\n{one}\n"),
        one.replacen('{', r#"{"@odata.type":"x","displayName":["a",{"b":1.5}],"#, 1),
        one.replace(":30,", r#":"30","#),
    ] {
        assert_eq!(file(&shape), expected, "{shape}");
    }
    let bare = file(&token(2, r#","assignTo":null"#));
    assert_eq!((bare.rows[0].user.as_str(), bare.rows[0].algorithm), ("", None));
}

#[test]
fn a_directorys_object_is_no_user_and_says_so() {
    let found = file(&token(
        1,
        r#","assignTo":{"id":"0cadbf92-af6b-4cf4-ba77-3f381e059551"}"#,
    ));
    assert_eq!(found.rows[0].user, "");
    let note = found.rows[0].note.as_deref().unwrap();
    assert!(
        note.contains("0cadbf92-af6b") && note.contains("by the serial number"),
        "{note}"
    );
}

#[test]
fn bad_entries_are_named_by_number_and_lose_no_other() {
    let good = |n| (token(n, ""), "");
    let entries = [
        good(1),
        ("7".to_owned(), "no object"),
        ("null".to_owned(), "no object"),
        (
            token(2, r#","serialNumber":"again""#),
            "serialNumber stands there twice",
        ),
        (token(3, "").replace(":30", ":45"), "45 is neither 30 nor 60"),
        (token(4, "").replace(":30", ":-30"), "timeIntervalInSeconds is no text"),
        (
            token(5, "").replace("timeInterval", "interval"),
            "no timeIntervalInSeconds",
        ),
        (token(6, r#","hashFunction":"hmacmd5""#), "hmacmd5 is neither"),
        (token(7, r#","hashFunction":1"#), "hashFunction is no text"),
        (token(8, r#","assignTo":"anna""#), "assignTo is no object"),
        (token(9, r#","assignTo":{}"#), "assignTo is no object"),
        (token(10, r#","assignTo":{"id":"an na@x"}"#), "has a blank"),
        (token(1, "").replace("S1", "S11"), "the same key is in entry 1 already"),
        (
            token(11, "").replace("S11", "s1"),
            "serial number s1 is in entry 1 already",
        ),
        (
            r#"{"serialNumber":"S13","timeIntervalInSeconds":30}"#.to_owned(),
            "the key is empty",
        ),
        (
            token(14, "").replace("S14", ""),
            "neither a user name nor a serial number",
        ),
        (token(15, "").replace(r#""S15""#, "15"), "serialNumber is no text"),
        (token(16, "").replace("S16", r"S\u202e"), "cannot be seen"),
        good(20),
        good(21),
    ];
    let text = entries
        .iter()
        .map(|(entry, _)| entry.as_str())
        .collect::<Vec<_>>()
        .join(",");
    let found = file(&format!("[{text}]"));
    let mut bad = found.bad.iter();
    for (number, (entry, reason)) in (1..).zip(&entries) {
        if reason.is_empty() {
            assert!(
                found.rows.iter().any(|row| row.line == number),
                "entry {number}: {entry}"
            );
        } else {
            let bad = bad.next().unwrap();
            assert!(
                bad.line == number && bad.reason.contains(reason),
                "entry {number}: {bad:?}"
            );
        }
    }
    assert!(bad.next().is_none());
}

#[test]
fn what_is_no_json_of_tokens_is_refused_in_one_line() {
    let key = base32::encode(&Secret::new(vec![1; 20]));
    for text in [
        "{",
        "[{\"serialNumber\":}]",
        "[1,]",
        "{}{}",
        &format!("[{{\"secretKey\":\"{}", *key),
        &"[".repeat(1_000),
    ] {
        let error = refused(text);
        assert!(matches!(error, FileError::Json { line: 1, .. }), "{text}: {error:?}");
        assert!(!error.to_string().contains(&key[..8]), "R21: {error}");
    }
    for text in ["{}", r#"{"value":{}}"#, r#"{"value":[],"value":[]}"#, r#"{"name":"x"}"#] {
        assert_eq!(refused(text), FileError::NoTokens, "{text}");
    }
    assert_eq!(file("[]").rows.len() + file(r#"{"value":[]}"#).bad.len(), 0);
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "[\\[{]\\PC{0,200}") {
        let _ = read(text.as_bytes(), None, &Keys::None, Timestamp(0));
    }

    #[test]
    fn a_file_that_is_cut_off_is_refused(cut in 0_usize..400) {
        let whole = format!("[{},{}]", token(1, ""), token(2, ""));
        let cut = cut.min(whole.len() - 1);
        prop_assert!(read(&whole.as_bytes()[..cut], None, &Keys::None, Timestamp(0)).is_err());
    }
}
