//! PSKC files: the figures of RFC 6030, what may be wrong with each part of a key, and files that somebody changed.

use data_encoding::{BASE64, HEXLOWER};
use proptest::prelude::*;

use super::crypt::{Keyed, seal};
use super::write::{Protection, write};
use super::*;
use crate::control::{Algorithm, Timestamp};
use crate::enrol::rows::{FileError, Kind, Place, Row, TokenFile, Wanted};
use crate::enrol::token_file::{Keys, read};
use crate::secret::Secret;

mod changed;
mod parts;

/// 2026-03-02.
const NOW: Timestamp = Timestamp(1_772_460_300_000);
const SEED: &[u8] = b"12345678901234567890";

fn shared() -> Keys {
    Keys::Key(Secret::new(
        HEXLOWER.decode(b"12345678901234567890123456789012").unwrap(),
    ))
}

fn figure(number: u8) -> String {
    let path = format!("{}/tests/files/rfc6030/figure{number}.xml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn taken(text: &str, keys: &Keys) -> TokenFile {
    read(text.as_bytes(), None, keys, NOW).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn refused(text: &str, keys: &Keys) -> FileError {
    read(text.as_bytes(), None, keys, NOW).unwrap_err()
}

/// Bytes from 1 on: nobody guesses less.
fn counting() -> impl FnMut(&mut [u8]) {
    let mut next = 0_u8;
    move |bytes| {
        for byte in bytes {
            next = next.wrapping_add(1);
            *byte = next;
        }
    }
}

fn row(number: u8) -> Row {
    Row {
        line: u64::from(number),
        user: format!("u{number}@contoso.example"),
        serial: format!("S{number}"),
        seed: Secret::new(vec![number; 20]),
        kind: Kind::Totp { period: 60 },
        algorithm: Some(Algorithm::Sha256),
        digits: Some(8),
        manufacturer: "Acme & Söhne".to_owned(),
        model: "<One>".to_owned(),
        note: None,
    }
}

#[test]
fn rfc_6030s_plain_figures() {
    let file = taken(&figure(2), &Keys::None);
    assert_eq!(file.place, Place::Key);
    assert_eq!(
        (file.bad[0].line, file.bad[0].reason.as_str()),
        (1, "Id 12345678: the key has 4 bytes: fewer than 10 are not safe")
    );

    let file = taken(&figure(3), &Keys::None);
    let [row] = file.rows.as_slice() else {
        panic!("{file:?}")
    };
    assert_eq!(
        (
            row.line,
            row.user.as_str(),
            row.serial.as_str(),
            row.manufacturer.as_str()
        ),
        (1, "", "987654321", "Manufacturer")
    );
    assert_eq!(
        (row.kind, row.digits, row.algorithm),
        (Kind::Hotp { counter: 0 }, Some(8), None)
    );
    assert_eq!(row.seed.expose(), SEED);
    assert!(
        row.note
            .as_deref()
            .unwrap()
            .contains("its user UID=jsmith,DC=example-bank,DC=net is no user name")
    );

    let file = taken(&figure(4), &Keys::None);
    assert!(
        file.bad[0]
            .reason
            .contains("serial number 987654321: it holds no key, but names MasterKeyLabel"),
        "{file:?}"
    );

    let file = taken(&figure(5), &Keys::None);
    assert_eq!((file.rows.len(), file.rows[0].seed.expose()), (1, SEED));
    assert!(
        file.bad[0].line == 2 && file.bad[0].reason.contains("it is a PIN"),
        "{file:?}"
    );

    let file = taken(&figure(9), &Keys::None);
    assert_eq!(
        (file.rows[0].digits, file.rows[0].serial.as_str()),
        (Some(6), "0755225266")
    );
    assert!(file.notes[0].contains("signature was not checked"), "{:?}", file.notes);
}

#[test]
fn rfc_6030s_figure_10_is_taken_by_its_dates() {
    let file = taken(&figure(10), &Keys::None);
    assert_eq!((file.rows.len(), file.bad.len()), (0, 4));
    assert_eq!(
        file.bad[0].reason,
        "serial number 654321: it was good until 2006-05-31T00:00:00Z"
    );
    // 2006-05-10, when the first two were good; both hold the same key.
    let file = read(figure(10).as_bytes(), None, &Keys::None, Timestamp(1_147_219_200_000)).unwrap();
    assert_eq!(file.rows.len(), 1);
    assert!(file.notes[0].starts_with("2 of the keys have a date on which they end, the first 2006-05-31T00:00:00Z"));
    assert_eq!(file.bad[0].reason, "the same key is in key 1 already");
    // 2006-04-10, when only the fourth was.
    let file = read(figure(10).as_bytes(), None, &Keys::None, Timestamp(1_144_627_200_000)).unwrap();
    assert_eq!(
        (file.rows.len(), file.rows[0].line, file.rows[0].serial.as_str()),
        (1, 4, "9999999")
    );
    assert!(
        file.bad[0]
            .reason
            .ends_with("it is good from 2006-05-01T00:00:00Z on: import it then"),
        "{file:?}"
    );
}

#[test]
fn rfc_6030s_encrypted_figures_open_with_their_key_alone() {
    let qwerty = Keys::Passphrase("qwerty".into());
    for (number, keys, counter) in [(6, shared(), 0), (7, qwerty.clone(), 0)] {
        let file = taken(&figure(number), &keys);
        assert_eq!((file.rows.len(), file.bad.len()), (1, 0), "{file:?}");
        assert_eq!(
            (file.rows[0].seed.expose(), file.rows[0].kind),
            (SEED, Kind::Hotp { counter })
        );
    }
    let name = |name: &str| name.to_owned();
    let wanted = Wanted::Key {
        name: name("Pre-shared-key"),
    };
    assert_eq!(refused(&figure(6), &Keys::None), FileError::Wanted(wanted.clone()));
    assert_eq!(refused(&figure(6), &qwerty), FileError::Other(wanted));
    let wanted = Wanted::Passphrase {
        name: name("My Password 1"),
    };
    assert_eq!(refused(&figure(7), &Keys::None), FileError::Wanted(wanted.clone()));
    assert_eq!(refused(&figure(7), &shared()), FileError::Other(wanted));
    for wrong in ["qwerty ", "Qwerty", "x"] {
        let error = refused(&figure(7), &Keys::Passphrase(wrong.into()));
        assert_eq!(error, FileError::Wrong("passphrase"), "{wrong}");
    }
    for first in 0..=255 {
        let mut key = vec![7; 16];
        key[0] = first;
        assert_eq!(
            refused(&figure(6), &Keys::Key(Secret::new(key))),
            FileError::Wrong("key")
        );
    }
    let long = Keys::Key(Secret::new(vec![1; 32]));
    assert_eq!(
        refused(&figure(6), &long),
        FileError::Pskc(PskcError::KeyLength { has: 32, wants: 16 })
    );
    let error = refused(&figure(8), &shared());
    assert!(
        matches!(&error, FileError::Pskc(PskcError::Unsupported(words)) if words.contains("certificate")),
        "{error}"
    );
    assert_eq!(refused(&figure(3), &shared()), FileError::NotEncrypted);
}

#[test]
fn every_error_is_one_line_without_a_secret() {
    for error in [
        refused(&figure(6), &Keys::None),
        refused(&figure(7), &Keys::Passphrase("wrong horse".into())),
        refused(&figure(7), &shared()),
        refused(&figure(8), &Keys::None),
        refused("<KeyContainer", &Keys::None),
    ] {
        let line = error.to_string();
        assert!(
            !line.contains('\n') && !line.contains("horse") && line.len() > 20,
            "{line}"
        );
    }
}

#[test]
fn what_is_written_is_read_again() {
    let rows = [
        row(1),
        Row {
            kind: Kind::Hotp { counter: u64::MAX },
            algorithm: Some(Algorithm::Sha512),
            digits: Some(6),
            user: "o'\"#neil, +co=;\\<>@contoso.example".replace(' ', ""),
            ..row(2)
        },
        Row {
            user: "break-glass".to_owned(),
            serial: String::new(),
            ..row(3)
        },
        Row {
            user: String::new(),
            ..row(4)
        },
    ];
    for size in [16, 24, 32] {
        let key = Secret::new(vec![9; size]);
        let text = write(&rows, &Protection::Key(key.clone()), &mut counting()).unwrap();
        let file = taken(&text, &Keys::Key(key));
        assert_eq!(
            (file.bad.as_slice(), file.rows.as_slice()),
            ([].as_slice(), rows.as_slice()),
            "{size}"
        );
    }
    let passphrase = Secret::from("three tall ladders");
    let text = write(&rows, &Protection::Passphrase(passphrase.clone(), 2), &mut counting()).unwrap();
    assert_eq!(taken(&text, &Keys::Passphrase(passphrase)).rows, rows);
    let plain = write(&rows, &Protection::Plain, &mut counting()).unwrap();
    assert_eq!(taken(&plain, &Keys::None).rows, rows);
    // Nothing of a seed stands in an encrypted file, and no two IVs are alike.
    for row in &rows {
        assert!(plain.contains(&BASE64.encode(row.seed.expose())) && !text.contains(&BASE64.encode(row.seed.expose())));
    }
    let values = text.split("<xenc:CipherValue>").skip(1).map(|part| &part[..20]);
    assert_eq!(values.collect::<std::collections::HashSet<_>>().len(), rows.len() + 1);
    assert!(write(&rows, &Protection::Key(Secret::new(vec![1; 20])), &mut counting()).is_err());
}
