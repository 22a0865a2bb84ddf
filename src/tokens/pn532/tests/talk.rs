//! What is said when nothing goes wrong, byte by byte.

use super::*;
use crate::tokens::channel::{ApduChannel, Response};
use crate::tokens::pn532::Link;
use crate::tokens::pn532::chip::{Listing, Target};

const INFO: &str = "80 41 00 00 02 02 11";

#[test]
fn the_transcript_of_the_facts() {
    let (mut chip, written) = chip(|bytes| {
        assert_eq!(bytes, hex("00 00 ff 0a f6 d4 40 01 80 41 00 00 02 02 11 15 00"));
        answer("d54100 9000")
    });
    let target = chip.list(Listing::ToTalk).unwrap().unwrap();
    let mut link = Link::new(&mut chip, &target).unwrap();
    let got = link.transmit(&hex(INFO)).unwrap();
    assert_eq!(
        got,
        Response {
            data: vec![],
            status: 0x9000
        }
    );
    drop(link);
    let said: Vec<_> = written.lock().clone();
    let wanted = [
        "5555 0000000000000000000000000000",
        "00 00 ff 03 fd d4 14 01 17 00",
        "00 00 ff 02 fe d4 02 2a 00",
        "00 00 ff 06 fa d4 32 05 ff 01 02 f3 00",
        "00 00 ff 03 fd d4 12 14 06 00",
        "00 00 ff 04 fc d4 4a 01 00 e1 00",
        "00 00 ff 0a f6 d4 40 01 80 41 00 00 02 02 11 15 00",
        "00 00 ff 03 fd d4 52 01 d9 00",
    ];
    assert_eq!(said, wanted.map(hex));
}

#[test]
fn a_token_is_told_apart_from_a_card_and_from_nothing() {
    for (list, wanted) in [
        ("d54b00", Ok(None)),
        (
            "d54b 01 01 0344 20 07 04112233445566 0675",
            Ok(Some(("04112233445566", true))),
        ),
        ("d54b 01 01 0004 08 04 aabbccdd", Ok(Some(("aabbccdd", false)))),
        ("d54b 01 01 0004 08 04 aabbcc", Err(())),
        ("d54b 01 01 00", Err(())),
        ("d54b", Err(())),
    ] {
        let fake = Fake::new(move |bytes: &[u8]| match bytes.get(6) {
            Some(0x4a) => answer(list),
            _ => usual(bytes).unwrap(),
        });
        let mut chip = Pn532::new(Box::new(fake));
        match (chip.list(Listing::ToTalk), wanted) {
            (Ok(None), Ok(None)) | (Err(LinkError::Reader(_)), Err(())) => {}
            (Ok(Some(found)), Ok(Some((id, speaks)))) => {
                assert_eq!((found.id.clone(), found.speaks_iso_dep()), (hex(id), speaks));
                match Link::new(&mut chip, &found) {
                    Ok(_) => assert!(speaks),
                    Err(error) => assert!(!speaks && error.to_string().contains("speaks no ISO 14443-4")),
                }
            }
            (got, _) => panic!("{list}: {got:?}"),
        }
    }
}

#[test]
fn a_long_answer_comes_in_pieces() {
    let (mut chip, written) = chip(|bytes| {
        let rest = bytes.get(5..) == Some(&hex("d44001 eb00"));
        match rest {
            // 260 bytes do not fit in a normal frame.
            false => answer(&format!("d54140{}", "ab".repeat(260))),
            true => answer("d54100 0102 6a80"),
        }
    });
    let target = chip.list(Listing::ToTalk).unwrap().unwrap();
    let got = Link::new(&mut chip, &target).unwrap().transmit(&hex(INFO)).unwrap();
    assert_eq!((got.data.len(), got.status), (262, 0x6a80));
    assert!(got.data.starts_with(&[0xab; 260]) && got.data.ends_with(&[1, 2]));
    assert!(written.lock().contains(&hex("00 00 ff 03 fd d4 40 01 eb 00")));
}

#[test]
fn the_status_word_may_itself_be_cut_in_two() {
    let (mut chip, _) = chip(|bytes| match bytes.len() {
        10 => answer("d54100 00"),
        _ => answer("d54140 11 90"),
    });
    let target = chip.list(Listing::ToTalk).unwrap().unwrap();
    let got = Link::new(&mut chip, &target).unwrap().transmit(&hex(INFO)).unwrap();
    assert_eq!(
        got,
        Response {
            data: vec![0x11],
            status: 0x9000
        }
    );
}

#[test]
fn an_answer_without_an_end_is_none_and_the_chip_is_brought_up_again() {
    for piece in ["d54140", "d54140 00", &format!("d54140{}", "00".repeat(250))] {
        let piece = piece.to_owned();
        let (mut chip, written) = chip(move |_| answer(&piece));
        let target = chip.list(Listing::ToTalk).unwrap().unwrap();
        assert_eq!(
            Link::new(&mut chip, &target).unwrap().transmit(&hex(INFO)),
            Err(LinkError::Silent)
        );
        assert!(written.lock().len() < 80);
        assert_eq!(
            written.lock().last().unwrap(),
            &frame::ACK,
            "it is stopped, and not released as if it listened"
        );
        let before = written.lock().len();
        assert!(chip.list(Listing::ToTalk).unwrap().is_some());
        assert!(written.lock()[before].starts_with(&[0x55, 0x55]));
    }
}

#[test]
fn a_token_that_stays_is_seen_without_being_told_anything() {
    let (mut chip, written) = chip(|_| panic!("nothing is said to it"));
    let target = chip.list(Listing::ToTalk).unwrap().unwrap();
    drop(Link::new(&mut chip, &target).unwrap());
    let before = written.lock().len();
    for _ in 0..2 {
        let seen = chip.list(Listing::ToSee).unwrap().unwrap();
        assert!(!seen.is_other_than(&target));
        chip.release(seen.number);
    }
    // Automatic RATS goes off once and stays off.
    let wanted = [
        "00 00 ff 03 fd d4 12 04 16 00",
        "00 00 ff 04 fc d4 4a 01 00 e1 00",
        "00 00 ff 03 fd d4 52 01 d9 00",
        "00 00 ff 04 fc d4 4a 01 00 e1 00",
        "00 00 ff 03 fd d4 52 01 d9 00",
    ];
    assert_eq!(written.lock()[before..], wanted.map(hex));
}

#[test]
fn another_card_is_known_by_its_identifier_unless_that_is_made_up() {
    let card = |id: &str, sak| Target {
        number: 1,
        sak,
        id: hex(id),
    };
    assert!(card("01020304", 0x20).is_other_than(&card("01020305", 0x20)));
    assert!(card("01020304", 0x20).is_other_than(&card("01020304", 0x08)));
    assert!(card("08020304", 0x20).is_other_than(&card("01020304", 0x20)));
    assert!(!card("08020304", 0x20).is_other_than(&card("08999999", 0x20)));
    assert!(card("08020304050607", 0x20).is_other_than(&card("08020304050608", 0x20)));
}

#[test]
fn a_chip_that_looks_for_ever_is_stopped() {
    let fake = Fake::new(|bytes: &[u8]| match bytes.get(6) {
        Some(0x32) => vec![
            (1, frame::ACK.to_vec()),
            (2, frame::encode(&[frame::REFUSED]).unwrap().to_vec()),
        ],
        Some(0x4a) => vec![(1, frame::ACK.to_vec())],
        _ => usual(bytes).unwrap(),
    });
    let written = fake.written();
    let mut chip = Pn532::new(Box::new(fake));
    for _ in 0..2 {
        assert_eq!(chip.list(Listing::ToTalk), Ok(None));
        assert_eq!(written.lock().last().unwrap(), &frame::ACK);
    }
    let woken = written.lock().iter().filter(|w| w.starts_with(&[0x55])).count();
    assert_eq!(woken, 1, "that is no failure");
}

#[test]
fn what_is_no_pn532_is_not_taken_for_one() {
    // Silence, an echo, a prompt, another chip of the family, one that answers wrongly.
    type Brain = fn(&[u8]) -> Pieces;
    let others: [Brain; 5] = [
        |_| vec![],
        |bytes| vec![(1, bytes.to_vec())],
        |_| vec![(1, b"login: ".to_vec())],
        |bytes| match bytes.get(6) {
            Some(0x02) => answer("d503 33010607"),
            _ => usual(bytes).unwrap(),
        },
        |bytes| match bytes.get(6) {
            Some(0x02) => answer("d503 32"),
            _ => usual(bytes).unwrap(),
        },
    ];
    for brain in others {
        let fake = Fake::new(brain);
        let mut chip = Pn532::new(Box::new(fake));
        assert!(matches!(chip.bring_up(), Err(LinkError::Reader(_))));
    }
}
