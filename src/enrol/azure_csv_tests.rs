//! Token files as they come: every shape of the facts, and what is wrong with the rest.

use super::*;
use crate::control::Timestamp;
use crate::enrol::rows::FILE_MAX;
use crate::enrol::token_file::{Format, Keys};
use crate::secret::Secret;
use proptest::prelude::*;

const HEADER: &str = "upn,serial number,secret key,time interval,manufacturer,model\n";

/// As the command line reads it.
fn parse(bytes: &[u8]) -> Result<TokenFile, FileError> {
    crate::enrol::token_file::read(bytes, Some(Format::AzureCsv), &Keys::None, Timestamp(0))
}

fn read(text: &str) -> TokenFile {
    parse(text.as_bytes()).unwrap()
}

/// A key of 20 bytes of its own for every number.
fn key(number: u64) -> String {
    let mut bytes = [7; 20];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    base32::encode(&Secret::new(bytes.to_vec())).to_string()
}

fn only(file: &TokenFile) -> &Row {
    assert_eq!(file.bad, []);
    assert_eq!(file.rows.len(), 1);
    &file.rows[0]
}

#[test]
fn microsofts_sample_is_read() {
    let file = read(
        "upn,serial number,secret key,time interval,manufacturer,model\n\
         helga@contoso.com,1234567,2234567abcdef2234567abcdef,60,Contoso,HardwareKey\n",
    );
    let row = only(&file);
    assert_eq!(
        (row.line, row.user.as_str(), row.serial.as_str()),
        (2, "helga@contoso.com", "1234567")
    );
    assert_eq!(
        (row.kind, row.manufacturer.as_str(), row.model.as_str()),
        (Kind::Totp { period: 60 }, "Contoso", "HardwareKey")
    );
    assert_eq!(row.seed.len(), 16);
}

#[test]
fn every_shape_of_a_file_gives_the_same_row() {
    let k = key(1);
    let grouped = base32::groups(&k);
    let plain = format!(
        "upn,serial number,secret key,time interval,manufacturer,model\nanna@contoso.example,0012,{k},30,Acme,One\n"
    );
    let expected = read(&plain);
    only(&expected);
    let shapes = [
        format!("\u{feff}{plain}"),
        plain.replace('\n', "\r\n"),
        plain.replace('\n', "\r"),
        plain.trim_end().to_owned(),
        plain.replace(',', ";"),
        plain.replace(',', "\t"),
        plain.replace("time interval", "timeinterval"),
        plain.replace(
            "serial number,secret key,time interval",
            "Serial_Number,SECRET KEY,Time-Interval",
        ),
        plain.replace("upn", " UPN "),
        plain.replace(&k, &k.to_lowercase()),
        plain.replace(&k, &grouped),
        plain.replace(&k, &format!("\"{}\"", *grouped)),
        plain.replace(&k, &format!("{k}======")),
        plain.replace("anna@contoso.example", "\"anna@contoso.example\""),
        plain.replace("0012", "=\"0012\""),
        plain.replace("0012", "\"=\"\"0012\"\"\""),
        plain.replace("0012", "'0012"),
        format!("{plain}\n,,,,,\n;;;\n   \n"),
        plain
            .replace("model\n", "model,note\n")
            .replace("One\n", "One,\"a \"\"note\"\"\"\n"),
        plain.replace("One\n", "One,,\n"),
    ];
    for shape in shapes {
        assert_eq!(read(&shape), expected, "{shape:?}");
    }
    let hinted = read(&format!("sep=;\r\n{}", plain.replace(',', ";")));
    assert_eq!((only(&hinted).line, &only(&hinted).seed), (3, &expected.rows[0].seed));
}

#[test]
fn columns_stand_in_any_order_and_names_may_be_left_out_at_the_end() {
    let file = read(&format!(
        "Secret Key,extra,UPN,timeinterval,serial number\n{},x,anna,60,S1\n",
        key(1)
    ));
    let row = only(&file);
    assert_eq!(
        (row.user.as_str(), row.serial.as_str(), row.kind, row.model.as_str()),
        ("anna", "S1", Kind::Totp { period: 60 }, "")
    );
}

#[test]
fn a_line_without_a_user_is_a_token_of_nobody() {
    let names = ["", "-", "n/a", "UPN", "<user principal name>", "[upn]"];
    let lines: String = (1..)
        .zip(names)
        .map(|(n, upn)| format!("{upn},S{n},{},60,Acme,One\n", key(n)))
        .collect();
    let file = read(&format!("{HEADER}{lines}"));
    assert_eq!((file.rows.len(), &file.bad), (names.len(), &Vec::new()));
    assert!(file.rows.iter().all(|row| row.user.is_empty()));
    let bare = read(&format!("serial number,secret key,timeinterval\nS1,{},30\n", key(1)));
    let row = only(&bare);
    assert_eq!(
        (row.user.as_str(), row.serial.as_str(), row.kind),
        ("", "S1", Kind::Totp { period: 30 })
    );
}

#[test]
fn a_separator_inside_quotes_belongs_to_the_field() {
    let file = read(&format!(
        "{HEADER}anna,S1,{},30,\"Acme, Inc.\",\"One \"\"X\"\"\"\n",
        key(1)
    ));
    let row = only(&file);
    assert_eq!(
        (row.manufacturer.as_str(), row.model.as_str()),
        ("Acme, Inc.", "One \"X\"")
    );
}

#[test]
fn utf_16_is_read_and_broken_utf_16_is_told() {
    let text = format!(
        "{}änna@contoso.example\tS1\t{}\t30\t\t\r\n",
        HEADER.replace(',', "\t"),
        key(1)
    );
    let little: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let big: Vec<u8> = [0xfe, 0xff]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_be_bytes))
        .collect();
    assert_eq!(only(&parse(&little).unwrap()).user, "änna@contoso.example");
    assert_eq!(parse(&little), parse(&big));
    assert_eq!(parse(&little[..little.len() - 1]), Err(FileError::Utf16));
    assert_eq!(parse(&[0xff, 0xfe, 0x00, 0xd8]), Err(FileError::Utf16));
    assert_eq!(parse(&little[2..]), Err(FileError::Binary));
}

#[test]
fn a_file_that_is_none_is_refused_in_one_line() {
    assert_eq!(parse(b""), Err(FileError::Empty));
    assert_eq!(parse(b"\xef\xbb\xbf\r\n\r\n"), Err(FileError::Empty));
    assert_eq!(parse(b"PK\x03\x04\0\0\0"), Err(FileError::Binary));
    assert_eq!(parse(&vec![b'x'; FILE_MAX + 1]), Err(FileError::TooLarge));
    let no_header = parse(format!("anna,S1,{},30,Acme,One\n", key(1)).as_bytes()).unwrap_err();
    assert_eq!(
        no_header,
        FileError::Header {
            line: 1,
            missing: "serial number"
        }
    );
    assert!(!no_header.to_string().contains('\n'));
    let missing = |header: &str| parse(header.as_bytes()).unwrap_err();
    assert_eq!(
        missing("upn;serial number;secret key\n"),
        FileError::Header {
            line: 1,
            missing: "time interval"
        }
    );
    assert_eq!(
        missing("\nupn,time interval,serial number\n"),
        FileError::Header {
            line: 2,
            missing: "secret key"
        }
    );
    assert_eq!(
        missing("User Principal Name,serial number,secret key,time interval\n"),
        FileError::Header {
            line: 1,
            missing: "upn"
        }
    );
    assert_eq!(
        missing("upn,UPN,serial number,secret key,time interval\n"),
        FileError::Twice("upn")
    );
    assert_eq!(parse(HEADER.as_bytes()), Ok(TokenFile::default()));
    let junk = format!("{HEADER}{}", "x\n".repeat(100_001));
    assert_eq!(parse(junk.as_bytes()), Err(FileError::AllWrong("lines")));
}

#[test]
fn bad_lines_are_named_by_number_and_reason_and_lose_no_other() {
    let k = key;
    let lines = [
        (format!("anna,S1,{},30,Acme,One", k(1)), ""),
        (format!(",,{},30,,", k(2)), "neither a user name nor a serial number"),
        (format!("anna,S3,{},45,,", k(3)), "45 is neither 30 nor 60"),
        (format!("anna,S4,{},,,", k(4)), "no time interval"),
        ("anna,S5,NOT BASE32!,30,,".to_owned(), "character 11 of the key"),
        ("anna,S6,,30,,".to_owned(), "the key is empty"),
        ("anna,S7,GEZDGNBV,30,,".to_owned(), "fewer than 10"),
        ("anna,S8,AAAAAAAAAAAAAAAAAAAAAAAA,30,,".to_owned(), "all zeros"),
        (
            format!("anna,S1,{},30,acme,ONE", k(9)),
            "serial number S1 is in line 2 already",
        ),
        (format!("anna,S10,{},30,,", k(1)), "same key is in line 2 already"),
        (format!("anna,\"S11,{},30,,", k(11)), "a quote is opened and not closed"),
        (format!("an na,S12,{},30,,", k(12)), "has a blank"),
        (
            format!("anna\u{202e},S13,{},30,,", k(13)),
            "anna\\u{202e} holds a character that cannot be seen",
        ),
        (format!("anna,8.65961E+12,{},30,,", k(14)), "changed by a spreadsheet"),
        (format!("anna;S15;{};30;;", k(15)), "one field only"),
        (
            format!("anna,S16,{},30,{},", k(16), "m".repeat(65)),
            "manufacturer is longer",
        ),
        (
            format!("{}@x,S17,{},30,,", "n".repeat(253), k(17)),
            "user name is longer",
        ),
        ("anna,S18".to_owned(), "no time interval"),
        ("x".repeat(5000), "longer than 4,096"),
        (format!("berta,,{},60,,", k(20)), ""),
        (format!("clara,,{},60,,", k(21)), ""),
    ];
    let text: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
    let mut bytes = format!("{HEADER}{text}").into_bytes();
    bytes.extend_from_slice(b"anna,S\xe4,KEY,30,,\n");
    let file = parse(&bytes).unwrap();
    let mut bad = file.bad.iter();
    for (number, (line, reason)) in (2..).zip(&lines) {
        if reason.is_empty() {
            assert!(file.rows.iter().any(|row| row.line == number), "line {number}: {line}");
        } else {
            let found = bad.next().unwrap();
            assert_eq!(found.line, number, "{line}");
            assert!(
                found.reason.contains(reason),
                "line {number}: {:?} has no {reason:?}",
                found.reason
            );
        }
    }
    assert!(bad.next().unwrap().reason.contains("not UTF-8"));
    assert!(bad.next().is_none());
}

#[test]
fn of_100_000_lines_with_every_tenth_broken_the_others_are_read() {
    let mut text = HEADER.to_owned();
    for number in 0..100_000_u64 {
        let line = match (number % 10, number / 10 % 4) {
            (9, 0) => format!("user{number}@contoso.example,S{number},{},31,Acme,One", key(number)),
            (9, 1) => format!("\"user{number}@contoso.example,S{number},{},30,Acme,One", key(number)),
            (9, 2) => format!("user{number}@contoso.example,S{number},0189,30,Acme,One"),
            (9, _) => "\u{7f}".to_owned(),
            _ => format!("user{number}@contoso.example,S{number},{},30,Acme,One", key(number)),
        };
        text.push_str(&line);
        text.push('\n');
    }
    let file = read(&text);
    assert_eq!(file.rows.len(), 90_000);
    assert_eq!(file.bad.len(), 10_000);
    assert!(file.bad.iter().all(|bad| (bad.line - 2) % 10 == 9));
    assert!(
        file.rows
            .iter()
            .all(|row| row.user == format!("user{}@contoso.example", row.line - 2))
    );
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes);
        let mut file = HEADER.as_bytes().to_vec();
        file.extend_from_slice(&bytes);
        let _ = parse(&file);
    }

    #[test]
    fn any_line_loses_no_other(line in "[^\r\n\0]{0,80}") {
        let text = format!("{HEADER}anna,S1,{},30,,\n{line}\nberta,S2,{},30,,\n", key(1), key(2));
        let file = read(&text);
        for (number, name) in [(2, "anna"), (4, "berta")] {
            prop_assert!(file.rows.iter().any(|row| row.line == number && row.user == name), "{:?}", file.bad);
        }
    }
}

#[test]
fn two_makers_may_print_the_same_serial_number() {
    let keys = [1, 2, 3, 4].map(|n| base32::encode(&Secret::new(vec![n; 20])));
    let line =
        |n: usize, maker: &str, model: &str| format!("u{n}@contoso.example,S1,{},30,{maker},{model}\n", *keys[n]);
    let text = [
        HEADER.to_owned(),
        line(0, "Acme", "One"),
        line(1, "Bolt", "One"),
        line(2, "Acme", "Two"),
        line(3, "ACME", "one"),
    ];
    let file = parse(text.concat().as_bytes()).unwrap();
    assert_eq!(file.rows.len(), 3, "{:?}", file.bad);
    assert!(file.bad[0].line == 5 && file.bad[0].reason.contains("line 2 already"));
}
