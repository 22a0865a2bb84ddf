//! Each part of a key: what is taken, and what is refused by words.

use super::*;

const HEAD: &str = "<KeyContainer Version=\"1.0\" xmlns=\"urn:ietf:params:xml:ns:keyprov:pskc\">";

/// A key of its own for every number; `old` becomes `new` in its package.
fn package(number: u8, old: &str, new: &str) -> String {
    let text = format!(
        "<KeyPackage><DeviceInfo><Manufacturer>Acme</Manufacturer><SerialNo>S{number}</SerialNo><Model>One</Model></DeviceInfo>\
         <Key Id=\"{number}\" Algorithm=\"urn:ietf:params:xml:ns:keyprov:pskc:totp\"><AlgorithmParameters><Suite>HMAC-SHA1</Suite>\
         <ResponseFormat Encoding=\"DECIMAL\" Length=\"6\"/></AlgorithmParameters>\
         <Data><Secret><PlainValue>{}</PlainValue></Secret><Time><PlainValue>0</PlainValue></Time>\
         <TimeInterval><PlainValue>30</PlainValue></TimeInterval></Data>\
         <UserId>u{number}@contoso.example</UserId><Policy><KeyUsage>OTP</KeyUsage></Policy></Key></KeyPackage>",
        BASE64.encode(&[number; 20])
    );
    assert!(old.is_empty() || text.contains(old), "{old} stands not in {text}");
    match old {
        "" => text,
        old => text.replace(old, new),
    }
}

fn file(packages: &str) -> String {
    format!("{HEAD}{packages}</KeyContainer>")
}

/// The only row of a file with this change.
fn changed(old: &str, new: &str) -> Row {
    let file = taken(&file(&package(1, old, new)), &Keys::None);
    assert_eq!((file.rows.len(), &file.bad), (1, &Vec::new()), "{new}");
    file.rows[0].clone()
}

#[test]
fn a_key_says_what_the_operator_need_not() {
    let row = changed("", "");
    assert_eq!(
        (row.user.as_str(), row.serial.as_str(), row.model.as_str()),
        ("u1@contoso.example", "S1", "One")
    );
    assert_eq!(
        (row.kind, row.algorithm, row.digits, row.note),
        (Kind::Totp { period: 30 }, Some(Algorithm::Sha1), Some(6), None)
    );
    assert_eq!(changed("HMAC-SHA1", "HMAC-SHA512").algorithm, Some(Algorithm::Sha512));
    assert_eq!(changed("<Suite>HMAC-SHA1</Suite>", "").algorithm, None);
    let bare = changed(
        "<AlgorithmParameters><Suite>HMAC-SHA1</Suite><ResponseFormat Encoding=\"DECIMAL\" Length=\"6\"/></AlgorithmParameters>",
        "",
    );
    assert_eq!((bare.algorithm, bare.digits), (None, None));
    assert_eq!(
        changed("Length=\"6\"", "Length=\"8\" CheckDigits=\"false\"").digits,
        Some(8)
    );
    assert_eq!(changed(">30<", ">60<").kind, Kind::Totp { period: 60 });
    assert_eq!(
        changed("<TimeInterval><PlainValue>30</PlainValue></TimeInterval>", "").kind,
        Kind::Totp { period: 30 },
        "what RFC 6238 has"
    );
    let hotp = |old: &str, new: &str| changed(old, new).kind;
    assert_eq!(hotp("pskc:totp", "pskc:hotp"), Kind::Hotp { counter: 0 });
    let seen = changed(
        "<Time><PlainValue>0<",
        "<TimeDrift><PlainValue>-4</PlainValue></TimeDrift><Time><PlainValue>0<",
    );
    assert!(seen.note.unwrap().contains("its TimeDrift was left aside"));
}

#[test]
fn a_user_is_a_user_name_or_a_name_that_is_nothing_else() {
    let user = |text: &str| changed("u1@contoso.example", text).user;
    assert_eq!(user("UID=anna@contoso.example"), "anna@contoso.example");
    assert_eq!(user(" uid = anna "), "anna");
    assert_eq!(user(r"UID=o\,neil\2b@contoso.example"), "o,neil+@contoso.example");
    for other in [
        "CN=Anna Huber",
        "UID=anna,DC=contoso,DC=example",
        "UID=anna+CN=Anna",
        "UID=anna huber",
        "Anna Huber",
        r"UID=anna\",
        r"UID=\ff",
        "UID=",
    ] {
        let row = changed("u1@contoso.example", other);
        assert_eq!(row.user, "", "{other}");
        let unclear = row.note.is_some_and(|note| note.contains("is no user name here"));
        assert!(unclear || other == "UID=", "{other}");
    }
    let device = changed("<Model>", "<UserId>ben</UserId><Model>");
    assert_eq!(device.user, "u1@contoso.example", "the key's own goes first");
}

#[test]
fn bad_keys_are_named_by_number_and_lose_no_other() {
    let far = "<Policy><StartDate>2030-01-01T00:00:00+01:00</StartDate>";
    let changes: &[(&str, &str, &str)] = &[
        ("", "", ""),
        ("pskc:totp", "pskc:ocra", "neither time-based nor counter-based"),
        (
            " Algorithm=\"urn:ietf:params:xml:ns:keyprov:pskc:totp\"",
            "",
            "what kind of key it is",
        ),
        ("DECIMAL", "ALPHANUMERIC", "its codes are ALPHANUMERIC"),
        ("Length=\"6\"", "Length=\"7\"", "7 digits"),
        ("Length=\"6\"", "", "unknown number"),
        ("Length=\"6\"", "Length=\"6\" CheckDigits=\"true\"", "check digit"),
        ("Length=\"6\"", "Length=\"6\" CheckDigit=\"1\"", "check digit"),
        ("HMAC-SHA1", "HMAC-MD5", "its hash HMAC-MD5"),
        (">30<", ">45<", "lasts 45 seconds"),
        (">30<", ">-30<", "its TimeInterval is no number"),
        ("</Secret>", "</Secret><Secret/>", "Secret stands there twice"),
        (
            "<PlainValue>0",
            "<PlainValue>0</PlainValue><PlainValue>1",
            "PlainValue stands there twice",
        ),
        ("<Secret><PlainValue>", "<Secret><PlainValue>!", "its key is no Base64"),
        (
            "<Secret><PlainValue>",
            "<Secret><PlainValue>MTIzNA==</PlainValue><X>",
            "",
        ),
        ("KeyUsage>OTP", "KeyUsage>CR", "something else than one-time passwords"),
        (
            "<Policy>",
            "<Policy><NumberOfTransactions>5</NumberOfTransactions>",
            "a certain number of times",
        ),
        (
            "<Policy>",
            "<Policy><PINPolicy PINUsageMode=\"Append\"/>",
            "come with a PIN (Append)",
        ),
        (
            "<Policy>",
            "<Policy><PINPolicy PINUsageMode=\"Local\" OnWeekDays=\"true\"/>",
            "PIN's policy is not known",
        ),
        (
            "<Policy>",
            "<Policy><PINPolicy PINUsageMode=\"Local\"><X/></PINPolicy>",
            "PIN's policy is not known",
        ),
        ("<Policy>", "<Policy><Somewhere/>", "its policy has Somewhere"),
        (
            "<Policy>",
            "<Policy><KeyUsage xmlns=\"u\">OTP</KeyUsage>",
            "its policy has KeyUsage",
        ),
        ("<Policy>", far, "it is good from 2030-01-01T00:00:00+01:00 on"),
        (
            "<Policy>",
            "<Policy><ExpiryDate>2022-09-01</ExpiryDate>",
            "it was good until 2022-09-01",
        ),
        (
            "<Model>",
            "<ExpiryDate>2026-03-02T14:04:59</ExpiryDate><Model>",
            "its device was good until",
        ),
        (
            "<Policy>",
            "<Policy><ExpiryDate>soon</ExpiryDate>",
            "its ExpiryDate soon is no date",
        ),
        (
            "<Model>",
            "<SerialNo>other</SerialNo><Model>",
            "SerialNo stands there twice",
        ),
        ("Acme", "Acme\u{202e}", "cannot be seen"),
        (
            "One</Model>",
            "One</Model></DeviceInfo><DeviceInfo>",
            "DeviceInfo stands there twice",
        ),
        ("<Key ", "<Other ", "XML"),
        ("", "", ""),
    ];
    for (old, new, reason) in changes {
        let middle = package(2, old, new);
        if *reason == "XML" {
            let file = taken(&file(&middle.replace("</Key>", "</Other>")), &Keys::None);
            assert!(file.bad[0].reason.contains("holds no key"), "{file:?}");
            continue;
        }
        let text = file(&[package(1, "", ""), middle.replace("<X>", ""), package(3, "", "")].concat());
        let whole = read(text.as_bytes(), None, &Keys::None, NOW);
        if new.contains("<X>") {
            assert!(matches!(whole, Err(FileError::Pskc(PskcError::Xml(1)))), "{whole:?}");
            continue;
        }
        let found = whole.unwrap();
        let lines: Vec<u64> = found.rows.iter().map(|row| row.line).collect();
        match *reason {
            "" => assert_eq!(lines, [1, 2, 3], "{new}"),
            reason => {
                assert_eq!(lines, [1, 3], "{new}");
                let bad = &found.bad[0];
                assert!(bad.line == 2 && bad.reason.contains(reason), "{new}: {bad:?}");
                assert!(!bad.reason.contains(&BASE64.encode(&[2; 20])[..8]), "R21: {bad:?}");
            }
        }
    }
}

#[test]
fn dates_in_the_future_are_told_once_for_the_file() {
    let until = |date: &str| format!("<Policy><StartDate>2026-03-02</StartDate><ExpiryDate>{date}</ExpiryDate>");
    let packages = [
        package(1, "<Policy>", &until("2037-12-31T00:00:00Z")),
        package(2, "<Policy>", &until("2036-01-01")),
        package(3, "", ""),
        package(4, "pskc:totp", "pskc:pin"),
        package(5, "<Model>", "<ExpiryDate>2038-01-01</ExpiryDate><Model>"),
    ];
    let found = taken(&file(&packages.concat()), &Keys::None);
    assert_eq!((found.rows.len(), found.notes.len()), (4, 1));
    let note = "3 of the keys have a date on which they end, the first 2036-01-01: the box does not end them by itself";
    assert_eq!(found.notes[0], note);
    assert!(found.rows.iter().all(|row| row.note.is_none()));
}

#[test]
fn a_file_of_something_else_says_what_it_is() {
    let of = |text: &str| refused(text, &Keys::None);
    assert_eq!(of("<html/>"), FileError::Pskc(PskcError::Other("html".to_owned())));
    for other in [
        "<KeyContainer Version=\"1.0\"/>".to_owned(),
        "<KeyContainer Version=\"1.0\" xmlns=\"urn:ietf:params:xml:ns:keyprov:pskc:1.0\"/>".to_owned(),
        HEAD.replace("1.0", "2.0") + "</KeyContainer>",
        HEAD.replace(" Version=\"1.0\"", "") + "</KeyContainer>",
    ] {
        assert_eq!(of(&other), FileError::Pskc(PskcError::Version), "{other}");
    }
    let draft = package(1, "", "").replace("KeyPackage>", "Device>");
    assert_eq!(of(&file(&draft)), FileError::Pskc(PskcError::Version));
    let key = "<EncryptionKey/>";
    for (text, word) in [
        (package(1, "", "") + key, "EncryptionKey"),
        (package(1, "", "") + "<MACMethod/>", "MACMethod"),
    ] {
        assert_eq!(of(&file(&text)), FileError::Pskc(PskcError::Order(word)), "{text}");
    }
    assert_eq!(
        refused(&file(&format!("{key}{key}")), &shared()),
        FileError::Pskc(PskcError::Order("EncryptionKey"))
    );
    assert_eq!(
        of(&format!("<!DOCTYPE x>{}", file(""))),
        FileError::Pskc(PskcError::Doctype(1))
    );
    assert_eq!(
        read(b"<a>\xff</a>", None, &Keys::None, NOW),
        Err(FileError::Pskc(PskcError::NotUtf8))
    );
    assert_eq!(taken(&file(""), &Keys::None).rows.len(), 0);
}

#[test]
fn utf_16_is_read_too() {
    let text = file(&package(1, "Acme", "Acmé"));
    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let found = read(&wide, None, &Keys::None, NOW).unwrap();
    assert_eq!(found.rows[0].manufacturer, "Acm\u{e9}");
}

#[test]
fn a_package_with_several_keys_gives_each() {
    let two = package(1, "</Key></KeyPackage>", "</Key>") + &package(2, "", "").replace("<KeyPackage>", "");
    let start = two.rfind("<DeviceInfo>").unwrap();
    let end = two.rfind("</DeviceInfo>").unwrap() + "</DeviceInfo>".len();
    let text = file(&format!("{}{}", &two[..start], &two[end..]));
    let found = taken(&text, &Keys::None);
    assert_eq!(found.rows.len(), 1);
    assert_eq!(found.bad[0].reason, "the serial number S1 is in key 1 already");
}
