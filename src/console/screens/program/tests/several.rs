//! Where there is something to choose: a port, a profile, a kind of codes.

use super::*;

#[test]
fn a_serial_port_is_asked_only_where_the_operator_chose_it() {
    let mut desk = opened(Program::new(ANNA));
    desk.reader_asks();
    let port = crate::console::screens::bench::tests::port;
    desk.tells(Reader::Readers(vec![port("/dev/ttyS1"), port("/dev/ttyUSB3")]));
    assert!(desk.text().contains("> USB Serial (/dev/ttyS1)"), "{}", desk.text());
    desk.keys(&[Key::Down, Key::Enter]);
    assert_eq!(desk.reader_asks(), [Ask::Use("/dev/ttyUSB3".to_owned())]);
    desk.tells(Reader::Readers(vec![reader("/dev/ttyUSB3")]));
    assert!(
        desk.text()
            .contains("Place the token on the reader: USB Serial (/dev/ttyUSB3)."),
        "{}",
        desk.text()
    );
    desk.keys(&[Key::Enter]);
    assert!(desk.reader_asks().is_empty() && desk.text().contains("Place the token on the reader first"));
}

/// A Molto-2 with these profiles taken.
pub fn molto(taken: &[u8]) -> desk::Placed {
    let profile = |number| Profile {
        number,
        title: if taken.contains(&number) { "GitHub" } else { "" }.to_owned(),
        occupied: taken.contains(&number),
    };
    desk::Placed {
        model: "Molto-2".to_owned(),
        clock_ahead: None,
        clock_free: true,
        profiles: (0..50).map(profile).collect(),
        ..placed("pcsc:Molto", "8652000000001")
    }
}

#[test]
fn the_first_free_profile_is_meant_and_a_taken_one_asks_first() {
    let mut desk = opened(Program::new(ANNA));
    desk.tells(Reader::Placed(molto(&[0, 1, 3])));
    quiet(&mut desk);
    assert!(
        desk.text().contains(">   2  free") && desk.text().contains("  3  holds a key: GitHub"),
        "{}",
        desk.text()
    );
    assert!(!desk.text().contains("radio"), "a USB token has none");
    desk.keys(&[Key::Enter]);
    let Some((_, Request::TokenProgram(ask))) = desk.asked.last() else {
        panic!("{:?}", desk.asked);
    };
    assert_eq!(ask.profile, Some(2));
    let mut made = made_in(ANNA, "8652000000001", 2);
    made.customer_key = Some(Secret::from("our own key"));
    desk.answer(is_program, Ok(Answer::TokenProgramming(made)));
    let (_, job) = job(&mut desk);
    assert_eq!((job.profile, job.replace), (Some(2), false));
    assert_eq!(job.customer_key.unwrap().expose(), b"our own key");

    let mut desk = opened(Program::new(ANNA));
    desk.tells(Reader::Placed(molto(&[0, 1, 3])));
    quiet(&mut desk);
    desk.keys(&[Key::Down, Key::Enter]);
    assert_eq!(desk.app.screen(), "confirm");
    assert!(
        desk.text().contains("profile 3 holds a key already, called GitHub"),
        "{}",
        desk.text()
    );
    desk.types("replace");
    desk.keys(&[Key::Enter]);
    let made = || Ok(Answer::TokenProgramming(made_in(ANNA, "8652000000001", 3)));
    desk.answer(is_program, made());
    let (_, job) = self::job(&mut desk);
    assert_eq!((job.profile, job.replace), (Some(3), true));
}

#[test]
fn a_profile_that_may_hold_half_a_key_of_this_try_is_written_over_without_a_question() {
    for (left, may) in [(Left::AsBefore, false), (Left::Unknown, true)] {
        let mut desk = opened(Program::new(ANNA));
        desk.tells(Reader::Placed(molto(&[0, 1, 3])));
        quiet(&mut desk);
        desk.keys(&[Key::Enter]);
        let made = || Ok(Answer::TokenProgramming(made_in(ANNA, "8652000000001", 2)));
        desk.answer(is_program, made());
        let (number, job) = self::job(&mut desk);
        assert!(!job.replace);
        let words = "the token was taken away".to_owned();
        let trouble = Trouble {
            words,
            left,
            key_refused: false,
        };
        desk.tells(Reader::Failed(number, trouble));
        desk.keys(&[Key::Enter]);
        desk.answer(is_program, made());
        let (_, job) = self::job(&mut desk);
        assert_eq!((job.profile, job.replace), (Some(2), may), "{left:?}");
    }
}

#[test]
fn another_kind_is_made_where_it_was_chosen() {
    let mut desk = opened(Program::new(ANNA));
    place(&mut desk, SERIAL_1);
    desk.keys(&[Key::Char('o'), Key::Down, Key::Down, Key::Down, Key::Enter]);
    assert!(desk.text().contains("SHA-256, 6 digits, 60 seconds"), "{}", desk.text());
    quiet(&mut desk);
    let (_, job) = write(&mut desk, ANNA, SERIAL_1);
    assert_eq!(
        (job.parameters.algorithm, job.parameters.period),
        (Algorithm::Sha256, 60)
    );
}
