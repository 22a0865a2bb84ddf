//! What goes wrong on the way of a token, and how it is taken up again.

use super::*;

#[test]
fn a_link_lost_says_what_is_left_and_starts_over_with_the_same_key() {
    for (left, words) in [
        (Left::AsBefore, "nothing was written"),
        (Left::Unknown, "may hold no key"),
    ] {
        let mut desk = opened(Program::new(ANNA));
        place(&mut desk, SERIAL_1);
        let (number, _) = write(&mut desk, ANNA, SERIAL_1);
        desk.tells(Reader::Step(number, Step::Authenticate));
        take_away(&mut desk);
        let trouble = Trouble {
            words: "the token was taken away: place it again and start over".to_owned(),
            left,
            key_refused: false,
        };
        desk.tells(Reader::Failed(number, trouble));
        assert_eq!(desk.app.screen(), "program-trouble");
        let text = desk.text();
        assert!(
            text.contains("NOT WRITTEN: the token was taken away") && text.contains(words),
            "{text}"
        );
        desk.keys(&[Key::Enter]);
        assert!(
            desk.asked.iter().all(|(_, request)| !is_program(request)),
            "it is not there"
        );
        // Another token is not the one that was begun.
        desk.tells(Reader::Placed(placed(PORT, SERIAL_2)));
        desk.keys(&[Key::Enter]);
        assert!(
            desk.asked.iter().all(|(_, request)| !is_program(request)),
            "another one is there"
        );
        desk.tells(Reader::Placed(placed(PORT, SERIAL_1)));
        let (number, _) = write(&mut desk, ANNA, SERIAL_1);
        finish(&mut desk, number, ANNA, SERIAL_1);
        confirm(&mut desk, ANNA, SERIAL_1);
        assert_eq!(desk.app.screen(), "program-done");
    }
}

#[test]
fn another_token_after_a_failure_leaves_no_second_half() {
    let mut desk = opened(Program::new(ANNA));
    place(&mut desk, SERIAL_1);
    let (number, _) = write(&mut desk, ANNA, SERIAL_1);
    let trouble = Trouble {
        words: "the token does not answer".to_owned(),
        left: Left::Unknown,
        key_refused: false,
    };
    desk.tells(Reader::Failed(number, trouble));
    desk.keys(&[Key::Char('n')]);
    desk.answer(
        |request| matches!(request, Request::TokenRemove { user, id: TokenId(9) } if user == ANNA),
        Ok(Answer::Done {
            done: "token #9 of anna@contoso.example is removed".to_owned(),
        }),
    );
    assert_eq!(desk.app.screen(), "program");
}

#[test]
fn what_posternd_could_not_take_down_is_told_to_it_again() {
    let mut desk = opened(Program::new(ANNA));
    place(&mut desk, SERIAL_1);
    let (number, _) = write(&mut desk, ANNA, SERIAL_1);
    desk.tells(Reader::Written(number, NOON));
    desk.answer(is_written, Err(Failure::failed("the store cannot be written")));
    assert!(flat(&desk).contains("the store cannot be written"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    desk.answer(is_written, Ok(Answer::Token(Box::new(token(ANNA, SERIAL_1, true)))));
    assert_eq!(desk.app.screen(), "program-code");
}

#[test]
fn a_wrong_code_says_why_and_the_token_waits() {
    let mut desk = opened(Program::new(ANNA));
    place(&mut desk, SERIAL_1);
    let (number, _) = write(&mut desk, ANNA, SERIAL_1);
    finish(&mut desk, number, ANNA, SERIAL_1);
    desk.types("12345");
    desk.keys(&[Key::Enter]);
    assert!(desk.text().contains("has 6 digits") && desk.asked.iter().all(|(_, request)| !is_confirm(request)));
    desk.types("6");
    desk.keys(&[Key::Enter]);
    desk.answer(
        is_confirm,
        Err(Failure::refused("that is no code of a token that waits")),
    );
    assert!(
        desk.text().contains("that is no code of a token that waits"),
        "{}",
        desk.text()
    );
    desk.keys(&[Key::Esc]);
    assert_eq!(desk.app.screen(), "home");
    assert!(
        desk.text()
            .contains("OTPC-P2-i 8659622000001 of anna@contoso.example waits for its code"),
        "{}",
        desk.text()
    );
}

#[test]
fn a_token_that_was_written_before_only_needs_its_code() {
    let mut desk = Desk::on(Box::new(Program::new(ANNA)), Role::Helpdesk);
    let mut older = token(ANNA, SERIAL_2, true);
    if let TokenSource::Programmed(programmed) = &mut older.source {
        programmed.written = Some(NOON.minus(Duration::from_secs(60)));
    }
    settle(
        &mut desk,
        &[token(ANNA, SERIAL_1, true), older],
        &SerialReport::default(),
    );
    assert_eq!(desk.app.screen(), "program-code");
    assert!(
        desk.text().contains("OTPC-P2-i 8659622000001 was written 14:05"),
        "{}",
        desk.text()
    );
    confirm(&mut desk, ANNA, SERIAL_1);
    assert_eq!(desk.app.screen(), "program-done");
    // Or another one is taken.
    let mut desk = Desk::on(Box::new(Program::new(ANNA)), Role::Helpdesk);
    settle(&mut desk, &[token(ANNA, SERIAL_1, true)], &SerialReport::default());
    desk.keys(&[Key::Char('n')]);
    settle(&mut desk, &[token(ANNA, SERIAL_1, true)], &SerialReport::default());
    assert_eq!(desk.app.screen(), "program");
    // One that was begun is programmed again.
    let mut desk = Desk::on(Box::new(Program::new(ANNA)), Role::Helpdesk);
    settle(&mut desk, &[token(ANNA, SERIAL_1, false)], &SerialReport::default());
    assert!(
        desk.text().contains("was begun 14:05 and is not known to hold its key"),
        "{}",
        desk.text()
    );
}

#[test]
fn somebody_new_is_made_with_the_token_and_not_before() {
    let mut desk = opened(Program::make("Carla@contoso.example"));
    place(&mut desk, SERIAL_1);
    assert!(desk.asked.is_empty() && desk.text().contains("Not on the box yet"));
    desk.keys(&[Key::Enter]);
    let is_add = |request: &Request| matches!(request, Request::UserAdd(_));
    desk.answer(
        is_add,
        Ok(Answer::User(Box::new(info("carla@contoso.example", Vec::new())))),
    );
    let Some((_, Request::TokenProgram(ask))) = desk.asked.last() else {
        panic!("{:?}", desk.asked);
    };
    assert_eq!(ask.user, "carla@contoso.example");
    desk.answer(is_program, Ok(made("carla@contoso.example", SERIAL_1, Vec::new())));
    let (number, _) = job(&mut desk);
    // R3: another spelling of somebody who is there gets the token.
    let mut other = opened(Program::make("CONTOSO\\anna"));
    place(&mut other, SERIAL_1);
    other.keys(&[Key::Enter]);
    other.answer(
        is_add,
        Err(Failure::exists("there is a user anna@contoso.example already")),
    );
    other.answer(is_program, Ok(made(ANNA, SERIAL_1, Vec::new())));
    assert!(other.text().contains(ANNA), "{}", other.text());
    // And a failure on the way writes nothing; the user is not made twice.
    desk.tells(Reader::Failed(
        number,
        Trouble {
            words: "the reader was unplugged".to_owned(),
            left: Left::Unknown,
            key_refused: false,
        },
    ));
    desk.keys(&[Key::Enter]);
    assert!(desk.asked.iter().any(|(_, request)| is_program(request)));
    assert!(!desk.asked.iter().any(|(_, request)| is_add(request)));
}
