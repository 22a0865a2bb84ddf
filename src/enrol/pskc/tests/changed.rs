//! Encrypted files that somebody changed, cut off, or wrote without what proves them.

use super::*;

const KEY: [u8; 16] = [9; 16];

fn keys() -> Keys {
    Keys::Key(Secret::new(KEY.to_vec()))
}

fn sealed() -> String {
    let rows = [row(1), row(2), row(3)];
    write(&rows, &Protection::Key(Secret::new(KEY.to_vec())), &mut counting())
        .unwrap()
        .to_string()
}

/// The text with the nth part between two marks replaced.
fn replace_nth(text: &str, first: &str, last: &str, nth: usize, new: &str) -> String {
    let start = text.match_indices(first).nth(nth).unwrap().0 + first.len();
    let end = start + text[start..].find(last).unwrap();
    format!("{}{new}{}", &text[..start], &text[end..])
}

fn between<'a>(text: &'a str, first: &str, last: &str, nth: usize) -> &'a str {
    let start = text.match_indices(first).nth(nth).unwrap().0 + first.len();
    let end = start + text[start..].find(last).unwrap();
    &text[start..end]
}

const CIPHER: (&str, &str) = ("<xenc:CipherValue>", "</xenc:CipherValue>");
const MAC: (&str, &str) = ("<ValueMAC>", "</ValueMAC>");

#[test]
fn a_value_that_was_changed_is_refused_and_loses_no_other() {
    let text = sealed();
    for (mark, nth) in [(CIPHER, 2), (MAC, 1)] {
        let mut value = BASE64.decode(between(&text, mark.0, mark.1, nth).as_bytes()).unwrap();
        for at in 0..value.len() {
            value[at] ^= 0x80;
            let found = taken(
                &replace_nth(&text, mark.0, mark.1, nth, &BASE64.encode(&value)),
                &keys(),
            );
            assert_eq!(found.rows.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 3]);
            assert_eq!(
                found.bad[0].reason,
                "serial number S2: the MAC of Secret is wrong: it was changed or damaged"
            );
            value[at] ^= 0x80;
        }
    }
    // A MAC that is cut short is none.
    let short = BASE64.encode(&BASE64.decode(between(&text, MAC.0, MAC.1, 0).as_bytes()).unwrap()[..10]);
    assert_eq!(
        taken(&replace_nth(&text, MAC.0, MAC.1, 0, &short), &keys()).rows.len(),
        2
    );
}

#[test]
fn a_file_of_one_key_that_was_changed_gives_nothing() {
    let text = figure(6);
    let mac = replace_nth(&text, MAC.0, MAC.1, 0, "Su+NvtQfmvfJzF6bmQiJqoLRExd=");
    assert_eq!(taken_or(&mac), None, "no Base64");
    let mac = replace_nth(&text, MAC.0, MAC.1, 0, "Tu+NvtQfmvfJzF6bmQiJqoLRExc=");
    assert_eq!(refused(&mac, &shared()), FileError::Wrong("key"));
    for at in [0, 20, 40] {
        let value = between(&text, CIPHER.0, CIPHER.1, 0).trim();
        let mut bytes = BASE64.decode(value.as_bytes()).unwrap();
        bytes[at] ^= 1;
        let changed = text.replacen(value, &BASE64.encode(&bytes), 1);
        assert_eq!(
            refused(&changed, &shared()),
            FileError::Wrong("key"),
            "the MAC's key, byte {at}"
        );
    }
}

/// The seed, if the file gives it.
fn taken_or(text: &str) -> Option<Row> {
    read(text.as_bytes(), None, &shared(), NOW)
        .ok()
        .and_then(|file| file.rows.into_iter().next())
}

#[test]
fn a_value_without_a_proof_is_never_taken() {
    let text = sealed();
    let start = text.find("<MACMethod").unwrap();
    let end = text.find("</MACMethod>").unwrap() + "</MACMethod>".len();
    let without = format!("{}{}", &text[..start], &text[end..]);
    let found = taken(&without, &keys());
    assert_eq!((found.rows.len(), found.bad.len()), (0, 3));
    assert!(found.bad[0].reason.contains("the file names no MAC"), "{:?}", found.bad);
    let value = between(&text, MAC.0, MAC.1, 0);
    let found = taken(&text.replace(&format!("<ValueMAC>{value}</ValueMAC>"), ""), &keys());
    assert_eq!(found.rows.len(), 2);
    assert!(found.bad[0].reason.contains("it has no MAC"), "{:?}", found.bad);
    // A method that names no MAC is none.
    let found = taken(
        &text.replace(" Algorithm=\"http://www.w3.org/2000/09/xmldsig#hmac-sha1\"", ""),
        &keys(),
    );
    assert_eq!((found.rows.len(), found.bad.len()), (0, 3));
    // Another MAC, another hash, another place for the key.
    for (old, new) in [
        ("xmldsig#hmac-sha1", "xmldsig#hmac-md5"),
        ("<MACKey>", "<MACKeyReference>x</MACKeyReference><MACKey>"),
        ("aes128-cbc", "tripledes-cbc"),
    ] {
        let error = refused(&text.replacen(old, new, 1), &keys());
        assert!(
            matches!(error, FileError::Pskc(PskcError::Unsupported(_))),
            "{new}: {error:?}"
        );
    }
    assert_eq!(
        refused(&text.replace("hmac-sha1", "hmac-sha256"), &keys()),
        FileError::Wrong("key")
    );
}

#[test]
fn a_key_in_clear_has_no_place_in_an_encrypted_file() {
    let text = sealed();
    let (start, end) = (
        text.find("<EncryptedValue>").unwrap(),
        text.find("</EncryptedValue>").unwrap(),
    );
    let mine = format!("<PlainValue>{}</PlainValue>", BASE64.encode(&[66; 20]));
    let changed = format!("{}{mine}{}", &text[..start], &text[end + "</EncryptedValue>".len()..]);
    let mixed = FileError::Pskc(PskcError::Mixed);
    assert_eq!(refused(&changed, &keys()), mixed);
    let both = format!("{}{mine}{}", &text[..start], &text[start..]);
    assert_eq!(refused(&both, &keys()), mixed);
    // The file is encrypted though it does not say how: the head is cut out.
    let (start, end) = (
        text.find("<EncryptionKey>").unwrap(),
        text.find("</EncryptionKey>").unwrap(),
    );
    let headless = format!("{}{}", &text[..start], &text[end + "</EncryptionKey>".len()..]);
    assert_eq!(
        refused(&headless, &Keys::None),
        FileError::Wanted(Wanted::Key { name: String::new() })
    );
    assert_eq!(taken(&headless, &keys()).rows.len(), 3);
    // Nor is a key in clear taken before the first encrypted one, or where that one is bad for another reason.
    let (start, end) = (
        changed.find("<EncryptionKey>").unwrap(),
        changed.find("</EncryptionKey>").unwrap(),
    );
    let headless = format!("{}{}", &changed[..start], &changed[end + "</EncryptionKey>".len()..]);
    let (start, end) = (
        headless.find("<MACMethod").unwrap(),
        headless.find("</MACMethod>").unwrap(),
    );
    let headless = format!("{}{}", &headless[..start], &headless[end + "</MACMethod>".len()..]);
    for keys in [keys(), Keys::None, Keys::Passphrase("three tall ladders".into())] {
        assert_eq!(refused(&headless, &keys), mixed);
        let (first, others) = headless.split_once("</KeyPackage>").unwrap();
        let others = others.replace("pskc:totp", "pskc:ocra");
        assert_eq!(refused(&format!("{first}</KeyPackage>{others}"), &keys), mixed);
        // With nothing encrypted left, what was given says that it should be.
        let tail = &others[others.rfind("</KeyPackage>").unwrap() + "</KeyPackage>".len()..];
        let alone = read(format!("{first}</KeyPackage>{tail}").as_bytes(), None, &keys, NOW);
        match keys {
            Keys::None => assert_eq!(alone.unwrap().notes, [""; 0]),
            _ => assert_eq!(alone.unwrap_err(), FileError::NotEncrypted),
        }
    }
}

#[test]
fn an_encrypted_file_says_once_what_its_mac_does_not_protect() {
    let notes = taken(&sealed(), &keys()).notes;
    assert!(
        notes.len() == 1 && notes[0].contains("names, serial numbers and counters"),
        "{notes:?}"
    );
}

/// Counters and intervals are encrypted in two ways; both are in use.
#[test]
fn encrypted_numbers_are_decimal_or_bytes() {
    let number = |value: &[u8], name: &str, kind: &str| {
        let key = Secret::new(KEY.to_vec());
        let value = seal(&key, &[5; 16], value).unwrap();
        let mut text = write(&[row(1)], &Protection::Key(key), &mut counting())
            .unwrap()
            .to_string();
        // The random bytes count: a salt is not drawn, so the MAC's key is the first 20.
        let mac_key = Secret::new((1..=20).collect());
        let mac = BASE64.encode(&Keyed::Sha1.mac(&mac_key, &value).unwrap());
        let uri = "http://www.w3.org/2001/04/xmlenc#aes128-cbc";
        let sealed = format!(
            "<{name}><EncryptedValue><xenc:EncryptionMethod Algorithm=\"{uri}\"/><xenc:CipherData><xenc:CipherValue>{}\
             </xenc:CipherValue></xenc:CipherData></EncryptedValue><ValueMAC>{mac}</ValueMAC></{name}>",
            BASE64.encode(&value)
        );
        text = text.replace("<TimeInterval><PlainValue>60</PlainValue></TimeInterval>", &sealed);
        taken(&text.replace("pskc:totp", kind), &keys())
    };
    for (bytes, period) in [(b"30".as_slice(), 30), (&[30], 30), (&[0, 0, 0, 60], 60), (b"60", 60)] {
        assert_eq!(
            number(bytes, "TimeInterval", "pskc:totp").rows[0].kind,
            Kind::Totp { period },
            "{bytes:?}"
        );
    }
    for (bytes, counter) in [
        (b"42".as_slice(), 42),
        (&[0], 0),
        (&[1, 0], 256),
        (&[0xff; 8], u64::MAX),
        (b"18446744073709551615", u64::MAX),
    ] {
        assert_eq!(
            number(bytes, "Counter", "pskc:hotp").rows[0].kind,
            Kind::Hotp { counter },
            "{bytes:?}"
        );
    }
    for bytes in [b"".as_slice(), &[1; 9], b"18446744073709551616", b"-1 of nine"] {
        let found = number(bytes, "Counter", "pskc:hotp");
        assert!(
            found.bad[0].reason.contains("its Counter is no number"),
            "{bytes:?}: {found:?}"
        );
    }
}

#[test]
fn ways_of_pbkdf2_that_are_not_read_are_named() {
    let text = figure(7);
    let keys = Keys::Passphrase("qwerty".into());
    for (old, new, words) in [
        (
            "<IterationCount>1000<",
            "<IterationCount>2000001<",
            "2000001 rounds: at most 2000000",
        ),
        ("<IterationCount>1000<", "<IterationCount>0<", "0 rounds"),
        (
            "<IterationCount>1000<",
            "<IterationCount>99999999999<",
            "IterationCount 99999999999",
        ),
        ("<KeyLength>16<", "<KeyLength>17<", "a key of 17 bytes"),
        ("<KeyLength>16<", "<KeyLength>4000000000<", "a key of 4000000000 bytes"),
        ("<Specified>Ej7/PEpyEpw=<", "<Specified><", "lacks its salt"),
        ("<PRF/>", "<PRF Algorithm=\"x#hmac-md5\"/>", "PBKDF2 with hmac-md5"),
        ("pkcs-5v2-0#pbkdf2", "pkcs-5v2-0#pbkdf1", "pbkdf1"),
        ("pkcs5:PBKDF2-params>", "pkcs5:Other>", "lacks its parameters"),
    ] {
        assert!(text.contains(old), "{old}");
        let error = refused(&text.replace(old, new), &keys);
        assert!(
            matches!(&error, FileError::Pskc(PskcError::Unsupported(line)) if line.contains(words)),
            "{new}: {error:?}"
        );
    }
    // The hash by attribute, as text, and without a word for it; the children in any of the namespaces that are in use.
    for (old, new) in [
        (
            "<PRF/>",
            "<PRF Algorithm=\"http://www.w3.org/2000/09/xmldsig#hmac-sha1\"/>",
        ),
        ("<PRF/>", "<PRF>http://www.w3.org/2000/09/xmldsig#hmac-sha1</PRF>"),
        ("<PRF/>", ""),
        ("pkcs5:PBKDF2-params", "xenc11:PBKDF2-params"),
        ("<KeyLength>16</KeyLength>", ""),
        ("<KeyLength>16</KeyLength>", "<pkcs5:KeyLength>16</pkcs5:KeyLength>"),
        ("schemas/pkcs-5v2-0#pbkdf2", "schemas/xmlenc11#pbkdf2"),
    ] {
        assert_eq!(
            taken(&text.replace(old, new), &keys).rows[0].seed.expose(),
            SEED,
            "{new}"
        );
    }
}

#[test]
fn cut_off_at_every_byte_a_file_gives_nothing() {
    let text = sealed();
    for cut in 0..text.trim_end().len() {
        let cut = &text.as_bytes()[..cut];
        assert!(
            read(cut, Some(crate::enrol::token_file::Format::Pskc), &keys(), NOW).is_err(),
            "at {}",
            cut.len()
        );
    }
}

proptest! {
    /// Whatever is changed: each key is either as it was or refused.
    #[test]
    fn a_changed_byte_gives_no_other_seed(at in 0_usize..6_000, to: u8) {
        let text = sealed();
        let mut bytes = text.into_bytes();
        let at = at % bytes.len();
        bytes[at] = to;
        if let Ok(file) = read(&bytes, Some(crate::enrol::token_file::Format::Pskc), &keys(), NOW) {
            for row in &file.rows {
                prop_assert!((1..=3).any(|n| row.seed.expose() == [n; 20]), "byte {at} to {to}");
            }
        }
    }

    #[test]
    fn any_packages_are_answered(text in "(<(Key|Data|Secret|Policy|EncryptedValue|ValueMAC)[ >/]|\\PC{0,10}|</[A-Za-z]{1,9}>){0,30}") {
        let whole = format!("<KeyContainer Version=\"1.0\" xmlns=\"urn:ietf:params:xml:ns:keyprov:pskc\"><KeyPackage>{text}</KeyPackage></KeyContainer>");
        let _ = read(whole.as_bytes(), None, &keys(), NOW);
    }
}
