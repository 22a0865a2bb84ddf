//! The simulated tokens against the vectors of the maker's notes, so that what the box is tested against is tested.

use std::sync::{Arc, Mutex};

use crate::sim::cipher::{self, signed};
use crate::sim::codes::{self, Manner};
use crate::sim::molto2::{self, Molto2};
use crate::sim::single::{self, Single};
use crate::sim::{Applet, Challenges, Clock};

pub const CHALLENGE: [u8; 8] = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88];
const SEED: &[u8] = b"12345678901234567890";
const TIME: u64 = 0x6553_f100;

pub const INFO: &str = "80410000020211";
pub const INFO_SAID: &str = "0000000e383635393632323030303030303100006553f1009000";
const CHALLENGED: &str = "804b08000100";
pub const ANSWER: &str = "80ce0000108b7450f22721bc29985c2c460b65045d";
const CONFIG: &str = "84d400001781111f01010f046553f10086060a01010d011e4ffdc288";
const SEED_20: &str = "84c50100245e5856092fd3228d4d33eee3daac4b55ce37d18d332b7ac6a40e8661fa23042af47b0153";
const SEED_16: &str = "84c50100245e5856092fd3228d4d33eee3daac4b55d219efc9972fed9191df027fd36a80b0442ee403";
const UNPADDED: &str = "84c50100145e5856092fd3228d4d33eee3daac4b5567f73e05";

/// Bytes as the notes write them.
pub fn hex(text: &str) -> Vec<u8> {
    let text: String = text.split_whitespace().collect();
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// A clock that stands at the vectors' time.
pub fn stands() -> Clock {
    Arc::new(|| TIME * 1000)
}

/// A token of the vectors, with any serial number.
pub fn single(serial: &str) -> Single {
    let mut token = Single::new(serial, &stands());
    token.challenges = Challenges::Fixed(CHALLENGE);
    token
}

/// The token of the vectors.
pub fn p2() -> Single {
    single("86596220000001")
}

/// Sends commands and compares the answers, byte for byte.
fn says(token: &mut dyn Applet, lines: &[(&str, &str)]) {
    for (command, answer) in lines {
        assert_eq!(token.apdu(&hex(command)), hex(answer), "{command}");
    }
}

#[test]
fn the_whole_transcript_of_a_single_token() {
    let mut token = p2();
    let challenged = "1122334455667788 9000";
    says(&mut token, &[(INFO, INFO_SAID)]);
    says(
        &mut token,
        &[(CHALLENGED, challenged), (ANSWER, "9000"), (CONFIG, "9000")],
    );
    says(
        &mut token,
        &[(CHALLENGED, challenged), (ANSWER, "9000"), (SEED_20, "9000")],
    );
    assert_eq!(token.seed.as_deref(), Some(SEED));
    assert_eq!(token.manner, Manner::default());
    says(&mut token, &[(SEED_16, "9000")]);
    assert_eq!(token.seed.as_deref(), Some(&SEED[..16]));
    says(&mut token, &[(UNPADDED, "6a80")]);
    assert_eq!(
        token.seed.as_deref(),
        Some(&SEED[..16]),
        "what was refused changes nothing"
    );
    says(&mut token, &[(CONFIG, "9000")]);
    assert_eq!(token.seed, None, "a configuration wipes the seed");
}

#[test]
fn a_configuration_ends_the_authentication_and_spares_the_seed_only_where_the_time_is_free() {
    for (serial, spared) in [
        ("86596220000001", false),
        ("86596210000001", false),
        ("86596010000001", false),
        ("86596090000001", false),
        ("86596100000001", false),
        ("86596000000001", true),
        ("86596120000001", true),
        ("86596320000001", true),
    ] {
        let mut token = single(serial);
        token.seed = Some(SEED.to_vec());
        let _ = token.apdu(&hex(CHALLENGED));
        says(&mut token, &[(ANSWER, "9000"), (CONFIG, "9000"), (SEED_20, "6983")]);
        assert_eq!(token.seed.is_some(), spared, "{serial}");
    }
}

#[test]
fn a_single_token_refuses_what_is_out_of_order_or_damaged() {
    let mut token = p2();
    says(&mut token, &[(SEED_20, "6983"), (CONFIG, "6983")]);
    let _ = token.apdu(&hex(CHALLENGED));
    says(&mut token, &[(SEED_20, "6983")]);
    says(&mut token, &[(ANSWER, "9000")]);
    // Every bit of a signed command counts, but for its class byte and length.
    for command in [hex(SEED_20), hex(CONFIG)] {
        for at in (1..4).chain(5..command.len()) {
            for bit in 0..8 {
                let mut damaged = command.clone();
                damaged[at] ^= 1 << bit;
                assert_eq!(token.apdu(&damaged), hex("6983"), "byte {at}, bit {bit}");
            }
        }
        for length in 0..command.len() {
            assert_eq!(token.apdu(&command[..length]), hex("6700"), "{length} bytes");
        }
    }
    assert_eq!(token.seed, None);
    says(&mut token, &[(SEED_20, "9000")]);
    // One wrong answer, and nothing is possible before the next contact; what it holds stays.
    let _ = token.apdu(&hex(CHALLENGED));
    let mut wrong = hex(ANSWER);
    wrong[20] ^= 1;
    assert_eq!(token.apdu(&wrong), hex("6983"));
    says(&mut token, &[(SEED_20, "6a80"), (CONFIG, "6a80"), (ANSWER, "6a80")]);
    let _ = token.apdu(&hex(CHALLENGED));
    says(&mut token, &[(ANSWER, "6a80"), (INFO, INFO_SAID)]);
    assert_eq!(token.seed.as_deref(), Some(SEED));
    token.contact();
    let _ = token.apdu(&hex(CHALLENGED));
    says(&mut token, &[(ANSWER, "9000"), (ANSWER, "6a80")]);
}

#[test]
fn a_single_token_takes_only_values_that_it_knows() {
    let mut token = p2();
    let mut configure = |body: &str| {
        let _ = token.apdu(&hex(CHALLENGED));
        says(&mut token, &[(ANSWER, "9000")]);
        token.apdu(&signed(&single::KEY, 0xd4, 0, 0, &hex(body)))
    };
    for lit in 0..=3 {
        let body = format!("81111f01{lit:02x}0f046553f10086060a01020d013c");
        assert_eq!(configure(&body), hex("9000"), "{body}");
    }
    for body in [
        "81111f01040f046553f10086060a01010d011e",
        "81111f01010f046553f10086060a01030d011e",
        "81111f01010f046553f10086060a01010d010f",
        "81111f01010e046553f10086060a01010d011e",
        "81141f01010f046553f10086090a01010b01060d011e",
        "81060f046553f100",
        "",
    ] {
        assert_eq!(configure(body), hex("6a80"), "{body}");
    }
    assert_eq!((token.manner.algorithm, token.manner.step), (2, 60));
    // Zeros alone clear; 48 bytes want a block of padding more; none is none.
    token.seed = Some(SEED.to_vec());
    let _ = token.apdu(&hex(CHALLENGED));
    says(&mut token, &[(ANSWER, "9000")]);
    let mut write = |plain: &[u8]| token.apdu(&signed(&single::KEY, 0xc5, 1, 0, &cipher::encrypt(&single::KEY, plain)));
    assert_eq!(write(&[7; 48]), hex("6a80"));
    assert_eq!(write(&cipher::padded(&[7; 48])), hex("9000"));
    assert_eq!(write(&cipher::padded(&[])), hex("6a80"));
    assert_eq!(write(&cipher::padded(&[0; 20])), hex("9000"));
    assert_eq!(token.seed, None);
}

#[test]
fn a_tokens_clock_goes_on_and_drifts_from_what_it_was_set_to() {
    let time = Arc::new(Mutex::new(TIME * 1000));
    let read = time.clone();
    let clock: Clock = Arc::new(move || *read.lock().unwrap());
    let mut token = Single::new("86596220000001", &clock);
    token.quartz = single::Quartz::ahead(&clock, 90);
    assert_eq!(u64::from(token.quartz.now()), TIME + 90);
    token.quartz.set(u32::try_from(TIME).unwrap());
    token.quartz.drift = -20;
    *time.lock().unwrap() += 100_000_000;
    assert_eq!(u64::from(token.quartz.now()), TIME + 100_000 - 2);
    assert_eq!(token.display(), None);
    token.seed = Some(SEED.to_vec());
    let (code, left) = token.display().unwrap();
    assert_eq!(code, codes::code(SEED, Manner::default(), TIME + 100_000 - 2));
    assert_eq!(left, 30 - (TIME + 99_998) % 30);
}

#[test]
fn the_codes_are_those_of_rfc_6238() {
    let (sha1, sha256) = (SEED, b"12345678901234567890123456789012".as_slice());
    let eight = |algorithm| Manner {
        algorithm,
        digits: 8,
        step: 30,
    };
    for (time, first, second) in [
        (59, "94287082", "46119246"),
        (1_111_111_109, "07081804", "68084774"),
        (20_000_000_000, "65353130", "77737706"),
    ] {
        assert_eq!(codes::code(sha1, eight(1), time), first);
        assert_eq!(codes::code(sha256, eight(2), time), second);
    }
    // RFC 4226, appendix D: the tenth value with ten digits is its whole 31 bits.
    let ten = Manner {
        algorithm: 1,
        digits: 10,
        step: 1,
    };
    assert_eq!(codes::code(SEED, ten, 0), "1284755224");
}

#[test]
fn the_vectors_of_a_molto2() {
    let mut token = Molto2::new("84101000000001", 100, &stands());
    token.challenges = Challenges::Fixed(CHALLENGE);
    assert_eq!(
        molto2::key(molto2::MAKERS_KEY).as_slice(),
        hex("099250fdb017f442da429ecbbee17f79")
    );
    says(
        &mut token,
        &[
            (
                "80 41 00 00 00",
                "0000000e 3834313031303030303030303031 0000 6553f100 9000",
            ),
            (
                "80 41 00 02 01 70",
                "95 1f 70 1d 00 00000000000000000000000000000000 6553f100 6553f100 01 1e 06 00 9000",
            ),
            ("80 41 00 02 01 70 00", "6ffb"),
            ("80 41 00 64 01 70", "6a86"),
            (
                "84c50102245d848c69eb8e884e7d20591ff89adeff31fd80354bf08248e60d457774bbf06e9d9f396d",
                "6982",
            ),
            ("80 4b 08 00 00", "1122334455667788 9000"),
            ("80 ce 00 00 10 550ec1328f963eb02972bb141e1cf521", "9000"),
            ("84d401021a81141f01020f046553f10086090a01010b01060d011e1d87ec54", "9000"),
            (
                "84c50102245d848c69eb8e884e7d20591ff89adeff31fd80354bf08248e60d457774bbf06e9d9f396d",
                "9000",
            ),
            ("84d5000214934363a4a0b27fe53ac3fbdbdc50a2706d031c44", "9000"),
            (
                "80 41 00 02 01 70",
                "95 1f 70 1d 20 476f6f676c6500000000000000000000 6553f100 6553f100 01 1e 06 01 9000",
            ),
            ("80 e6 00 02 00", "9000"),
            ("80 e6 00 02 00", "6a83"),
        ],
    );
    assert_eq!(token.profiles[2].title, b"Google");
    assert_eq!(token.display(2), None);
}

#[test]
fn a_molto2_counts_wrong_answers_and_waits_for_its_button() {
    let mut token = Molto2::new("84101000000001", 50, &stands());
    let old = molto2::key(molto2::MAKERS_KEY);
    let new = molto2::key(b"of this house");
    let answer = |token: &mut Molto2, key: &cipher::Key| {
        let challenge = token.apdu(&hex("804b080000"));
        let body = cipher::encrypt(key, &[&challenge[..8], &[0; 8]].concat());
        token.apdu(&[hex("80ce000010"), body].concat())
    };
    assert_eq!(answer(&mut token, &new), hex("6309"));
    assert_eq!(answer(&mut token, &new), hex("6308"));
    assert_eq!(answer(&mut token, &old), hex("9000"));
    assert_eq!(answer(&mut token, &new), hex("6309"), "a right one counts anew");
    assert_eq!(answer(&mut token, &old), hex("9000"));

    token.profiles[7].seed = Some(SEED.to_vec());
    let body = cipher::encrypt(&old, &cipher::padded(&[&[0], new.as_slice()].concat()));
    let command = signed(&old, 0xd7, 0, 0, &body);
    assert_eq!((command.len(), command[4]), (41, 0x24));
    assert_eq!(token.apdu(&command), hex("9060"));
    assert!(token.waits());
    assert_eq!(
        answer(&mut token, &old),
        hex("9000"),
        "nothing happened before the button"
    );
    token.press();
    assert!(!token.waits());
    assert_eq!(answer(&mut token, &old), hex("6309"));
    assert_eq!(answer(&mut token, &new), hex("9000"));
    assert!(token.profiles[7].seed.is_some());

    says(&mut token, &[("8056000000", "9060")]);
    assert!(token.profiles[7].seed.is_some());
    token.press();
    assert!(token.profiles[7].seed.is_none());
    assert_eq!(answer(&mut token, &old), hex("9000"));
    for left in (0..10).rev() {
        assert_eq!(answer(&mut token, &new), [0x63, left]);
    }
    assert_eq!(answer(&mut token, &old), hex("6983"), "locked");
}

#[test]
fn a_molto2_sets_the_time_alone_and_knows_its_values() {
    let mut token = Molto2::new("84101000000001", 50, &stands());
    token.challenges = Challenges::Fixed(CHALLENGE);
    token.profiles[3].seed = Some(SEED.to_vec());
    let _ = token.apdu(&hex("804b080000"));
    says(&mut token, &[("80ce000010550ec1328f963eb02972bb141e1cf521", "9000")]);
    let key = molto2::key(molto2::MAKERS_KEY);
    let mut configure = |body: &str| token.apdu(&signed(&key, 0xd4, 1, 3, &hex(body)));
    assert_eq!(configure("81060f0400000e10"), hex("9000"));
    for digits in ["04", "06", "08", "0a"] {
        let body = format!("81141f01000f0400000e1086090a01020b01{digits}0d013c");
        assert_eq!(configure(&body), hex("9000"), "{body}");
    }
    assert_eq!(configure("81141f01000f0400000e1086090a01020b01050d013c"), hex("6a80"));
    assert_eq!(configure("81141f01000f0400000e1086090a01000b01060d013c"), hex("6a80"));
    assert_eq!(token.profiles[3].quartz.now(), 3600);
    assert_eq!(
        token.profiles[3].seed.as_deref(),
        Some(SEED),
        "neither takes the seed away"
    );
    let manner = Manner {
        algorithm: 2,
        digits: 10,
        step: 60,
    };
    assert_eq!(token.display(3).unwrap(), (codes::code(SEED, manner, 3600), 60));
}
