//! Everything that can go wrong on the way, and how long it may take to find out.

use super::*;
use crate::tokens::channel::{ApduChannel, Response};
use crate::tokens::pn532::Link;
use crate::tokens::pn532::chip::{COMMAND_MAX, Listing};

const CHALLENGE: &str = "80 4B 08 00 01 00";
const ANSWER: &str = "d54100 1122334455667788 9000";

fn good() -> Response {
    Response {
        data: hex("1122334455667788"),
        status: 0x9000,
    }
}

fn framed(body: &str) -> Vec<u8> {
    frame::encode(&hex(body)).unwrap().to_vec()
}

/// One command to the token over this brain: what came, how often the command was sent, how often an answer was asked for again.
fn exchange(
    mut token: impl FnMut(&[u8], usize) -> Pieces + Send + 'static,
) -> (Result<Response, LinkError>, usize, usize) {
    let mut turn = 0;
    let (mut chip, written) = chip(move |bytes| {
        turn += 1;
        token(bytes, turn)
    });
    let target = chip.list(Listing::ToTalk).unwrap().unwrap();
    let got = Link::new(&mut chip, &target).unwrap().transmit(&hex(CHALLENGE));
    let written = written.lock();
    let sent = written.iter().filter(|w| w.get(6) == Some(&0x40)).count();
    let asked = written.iter().filter(|w| **w == frame::NACK).count();
    (got, sent, asked)
}

#[test]
fn junk_before_between_and_behind_does_no_harm() {
    let (got, sent, asked) = exchange(|_, _| {
        vec![
            (1, hex("55 00 ff 12 00 00 00 ff 31")),
            (2, frame::ACK.to_vec()),
            (3, hex("00 00 ff 20 e0 d5 41")),
            (4, framed(ANSWER)),
            (4, hex("ff ff 00 ff")),
        ]
    });
    assert_eq!((got, sent, asked), (Ok(good()), 1, 0));
}

#[test]
fn an_answer_arrives_byte_by_byte_with_pauses() {
    let (got, sent, asked) = exchange(|_, _| {
        let bytes = [frame::ACK.to_vec(), framed(ANSWER)].concat();
        bytes.iter().zip(1..).map(|(byte, i)| (i * 50, vec![*byte])).collect()
    });
    assert_eq!((got, sent, asked), (Ok(good()), 1, 0));
}

#[test]
fn a_broken_answer_is_asked_for_again_and_its_echo_answers_nothing_else() {
    for place in [4, 5, 9, 16] {
        let (got, sent, asked) = exchange(move |bytes, turn| {
            if turn == 1 {
                let mut broken = framed(ANSWER);
                broken[place] ^= 0x10;
                return vec![(1, frame::ACK.to_vec()), (2, broken)];
            }
            assert_eq!(bytes, frame::NACK);
            vec![(1, framed(ANSWER)), (9, framed("d54100 6982"))]
        });
        assert_eq!((got, sent, asked), (Ok(good()), 1, 1), "{place}");
    }
    // The second answer above, which nobody asked for, must not be taken for the answer to the next command.
    let mut turn = 0;
    let (mut chip, _) = chip(move |_| {
        turn += 1;
        match turn {
            1 => vec![
                (1, frame::ACK.to_vec()),
                (2, hex("00 00 ff 05 fb d5 41 00 90 01 5a 00")),
            ],
            2 => vec![(1, framed("d54100 9000")), (20, framed("d54100 9000"))],
            _ => answer("d54100 6983"),
        }
    });
    let target = chip.list(Listing::ToTalk).unwrap().unwrap();
    let mut link = Link::new(&mut chip, &target).unwrap();
    assert_eq!(link.transmit(&hex(CHALLENGE)).unwrap().status, 0x9000);
    assert_eq!(link.transmit(&hex(CHALLENGE)).unwrap().status, 0x6983);
}

#[test]
fn an_answer_that_stays_broken_is_given_up() {
    let (got, sent, asked) = exchange(|bytes, _| match bytes == frame::NACK {
        true => vec![(1, hex("00 00 ff 05 fb d5 41 00 90 01 5a 00"))],
        false => vec![
            (1, frame::ACK.to_vec()),
            (2, hex("00 00 ff 05 fb d5 41 00 90 01 5a 00")),
        ],
    });
    assert!(matches!(got, Err(LinkError::Reader(words)) if words.contains("broken")));
    assert_eq!((sent, asked), (1, 3));
}

#[test]
fn a_frame_that_the_chip_did_not_get_is_sent_again() {
    let (got, sent, _) = exchange(|_, turn| match turn {
        1 | 2 => vec![(1, frame::NACK.to_vec())],
        _ => answer(ANSWER),
    });
    assert_eq!((got, sent), (Ok(good()), 3));
    let (got, sent, _) = exchange(|_, _| vec![(1, frame::NACK.to_vec())]);
    assert!(matches!(got, Err(LinkError::Reader(_))));
    assert_eq!(sent, 3);
}

#[test]
fn a_nack_that_a_broken_ack_and_an_answer_make_begins_nothing_twice() {
    // The ACK's last byte, broken, and the answer's first two: 00 ff ff 00 00.
    let (got, sent, _) = exchange(|_, _| vec![(1, [hex("00 00 ff 00 ff ff"), framed(ANSWER)].concat())]);
    assert!(matches!(got, Err(LinkError::Reader(_))));
    assert_eq!(sent, 1);
    // The ACK without its second byte but one, and the same.
    let (got, sent, _) = exchange(|_, _| vec![(1, [hex("00 00 ff ff 00"), framed(ANSWER)].concat())]);
    assert_eq!((got, sent), (Ok(good()), 1));
}

#[test]
fn a_lost_ack_is_no_loss_and_a_command_that_nobody_took_is_not_sent_twice() {
    let (got, sent, _) = exchange(|_, _| vec![(3, framed(ANSWER))]);
    assert_eq!((got, sent), (Ok(good()), 1));
    let (got, sent, _) = exchange(|_, _| {
        let mut ack = frame::ACK.to_vec();
        ack[4] = 0xfe;
        vec![(1, ack), (900, framed(ANSWER))]
    });
    assert_eq!((got, sent), (Ok(good()), 1));
    let (got, sent, _) = exchange(|_, _| vec![]);
    assert!(matches!(got, Err(LinkError::Reader(_))));
    assert_eq!(sent, 1);
}

#[test]
fn harmless_commands_are_sent_again_when_nobody_took_them() {
    let mut lists = 0;
    let fake = Fake::new(move |bytes: &[u8]| match bytes.get(6) {
        Some(0x4a) => {
            lists += 1;
            if lists == 1 { vec![] } else { usual(bytes).unwrap() }
        }
        _ => usual(bytes).unwrap(),
    });
    assert!(Pn532::new(Box::new(fake)).list(Listing::ToTalk).unwrap().is_some());
}

#[test]
fn the_chips_errors_are_told_apart() {
    for (status, wanted) in [
        ("01", LinkError::TokenGone),
        ("29", LinkError::TokenGone),
        ("2b", LinkError::TokenGone),
        // With other bits above.
        ("c1", LinkError::TokenGone),
        ("41", LinkError::TokenGone),
        ("13", LinkError::Silent),
        ("02", LinkError::Silent),
        ("27", LinkError::Silent),
        ("10", LinkError::Reader("its chip reports error 10".to_owned())),
    ] {
        let (got, ..) = exchange(move |_, _| answer(&format!("d541{status}")));
        assert_eq!(got, Err(wanted), "{status}");
    }
    // An error is not overlooked for the bytes behind it, and no status is no answer.
    assert_eq!(exchange(|_, _| answer("d54101 9000")).0, Err(LinkError::TokenGone));
    for short in ["d541", "d54100", "d54100 90"] {
        assert_eq!(exchange(move |_, _| answer(short)).0, Err(LinkError::Silent), "{short}");
    }
    let (got, ..) = exchange(|_, _| vec![(1, frame::ACK.to_vec()), (2, framed("7f"))]);
    assert!(matches!(got, Err(LinkError::Reader(_))));
}

#[test]
fn after_an_error_nothing_more_is_said_to_the_token() {
    let (mut chip, written) = chip(|_| answer("d54101"));
    let target = chip.list(Listing::ToTalk).unwrap().unwrap();
    let mut link = Link::new(&mut chip, &target).unwrap();
    assert_eq!(link.transmit(&hex(CHALLENGE)), Err(LinkError::TokenGone));
    let before = written.lock().len();
    assert_eq!(link.transmit(&hex(CHALLENGE)), Err(LinkError::TokenGone));
    assert_eq!(written.lock().len(), before);
}

#[test]
fn a_late_answer_answers_nothing_else() {
    let mut turn = 0;
    let (mut chip, _) = chip(move |_| {
        turn += 1;
        match turn {
            // It has the command, and answers when nobody waits any more.
            1 => vec![(1, frame::ACK.to_vec()), (2_020, framed("d54100 9000"))],
            _ => vec![(1, frame::ACK.to_vec())],
        }
    });
    for _ in 0..2 {
        let target = chip.list(Listing::ToTalk).unwrap().unwrap();
        assert!(
            Link::new(&mut chip, &target)
                .unwrap()
                .transmit(&hex(CHALLENGE))
                .is_err()
        );
    }
}

#[test]
fn too_long_a_command_is_refused_before_it_is_sent() {
    let (mut chip, written) = chip(|bytes| {
        assert!(bytes.len() < 280);
        answer("d54100 9000")
    });
    let target = chip.list(Listing::ToTalk).unwrap().unwrap();
    let mut link = Link::new(&mut chip, &target).unwrap();
    assert!(link.transmit(&[0x80; 262]).is_ok());
    let before = written.lock().len();
    assert!(matches!(link.transmit(&[0x80; 263]), Err(LinkError::Reader(_))));
    assert_eq!(written.lock().len(), before);
}

/// From the first byte to a chained answer, with the line silent, or gone, after each count of bytes.
#[test]
fn cut_off_at_every_byte_there_is_no_answer_and_no_endless_wait() {
    let talk = |cut: Option<usize>, gone: bool| {
        let mut left = cut.filter(|_| !gone).unwrap_or(usize::MAX);
        let mut fake = Fake::new(move |bytes: &[u8]| {
            let mut pieces = usual(bytes).unwrap_or_else(|| match bytes.get(5..) == Some(&hex("d44001 eb00")) {
                true => answer("d54100 3344 9000"),
                false => answer("d54140 1122"),
            });
            for (_, piece) in &mut pieces {
                piece.truncate(left);
                left -= piece.len();
            }
            pieces
        });
        fake.breaks_after = cut.filter(|_| gone);
        let seen = fake.seen();
        let mut chip = Pn532::new(Box::new(fake));
        let found = chip.list(Listing::ToTalk);
        let listed = seen.lock().0;
        let got = found.and_then(|target| {
            let mut link = Link::new(&mut chip, &target.unwrap()).unwrap();
            let got = link.transmit(&hex(CHALLENGE));
            got.map(|got| (got, seen.lock().1))
        });
        drop(chip);
        let took = seen.lock().0 - listed;
        (got, listed, took)
    };
    let (got, ..) = talk(None, false);
    let (got, total) = got.unwrap();
    assert_eq!((got.data.as_slice(), got.status), (hex("11223344").as_slice(), 0x9000));
    assert!(total > 100);
    for cut in 0..total {
        for gone in [false, true] {
            let (got, listed, took) = talk(Some(cut), gone);
            assert!(got.is_err(), "{cut} {gone}: {got:?}");
            assert_eq!(got == Err(LinkError::ReaderGone), gone, "{cut}");
            let most = COMMAND_MAX + Duration::from_millis(600);
            assert!(listed <= most && took <= most, "{cut}: {listed:?} {took:?}");
        }
    }
}
