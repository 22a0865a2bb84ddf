//! Answers that do not fit, or that come when nobody waits for them here any more.

use super::*;
use crate::console::event::Event;

fn names() -> Vec<String> {
    vec![ANNA.to_owned(), BERND.to_owned()]
}

fn writes(desk: &mut Desk) -> bool {
    desk.reader_asks().iter().any(|ask| matches!(ask, Ask::Write(..)))
}

#[test]
fn a_key_for_another_token_profile_or_user_is_written_nowhere() {
    for answer in [
        made(ANNA, SERIAL_2, Vec::new()),
        made(BERND, SERIAL_1, Vec::new()),
        Answer::TokenProgramming(made_in(ANNA, SERIAL_1, 0)),
    ] {
        let mut desk = opened(Program::new(ANNA));
        place(&mut desk, SERIAL_1);
        desk.keys(&[Key::Enter]);
        desk.answer(is_program, Ok(answer));
        assert!(!writes(&mut desk));
        assert_eq!(desk.app.screen(), "program");
        assert!(desk.text().contains("not for what was asked"), "{}", desk.text());
    }
}

#[test]
fn a_token_that_changed_while_the_key_was_made_is_looked_at_anew() {
    for failure in [Failure::failed("not now"), Failure::exists("somebody has it")] {
        let mut desk = opened(Program::new(ANNA));
        place(&mut desk, SERIAL_1);
        desk.keys(&[Key::Enter]);
        desk.tells(Reader::Placed(placed(PORT, SERIAL_2)));
        desk.answer(is_program, Err(failure));
        // Typed ahead, it does not count.
        desk.event(Event::Key(Key::Enter));
        assert_eq!(desk.app.screen(), "program");
        assert!(!desk.asked.iter().any(|(_, request)| is_program(request)));
        let asks = |request: &Request| matches!(request, Request::SerialShow { serial } if serial == SERIAL_2);
        let report = SerialReport {
            tokens: vec![active(BERND, SERIAL_2)],
            unassigned: Vec::new(),
        };
        desk.answer(asks, Ok(Answer::Serial(report)));
        assert!(
            desk.text().contains("Held by   bernd@contoso.example"),
            "{}",
            desk.text()
        );
    }
}

#[test]
fn a_late_failure_leaves_the_end_of_a_run_where_it_is() {
    let mut desk = opened(Program::many(names()));
    desk.keys(&[Key::Char('s')]);
    quiet(&mut desk);
    place(&mut desk, SERIAL_1);
    desk.keys(&[Key::Enter]);
    desk.wait(10);
    desk.keys(&[Key::Esc]);
    assert_eq!(desk.app.screen(), "program-summary");
    desk.answer(is_program, Err(Failure::failed("not now")));
    assert_eq!(desk.app.screen(), "program-summary");
    assert!(desk.text().contains("not now"), "{}", desk.text());
}

#[test]
fn a_key_that_was_made_after_the_run_was_ended_stands_in_the_table() {
    let mut desk = opened(Program::many(names()));
    place(&mut desk, SERIAL_1);
    desk.keys(&[Key::Char('s')]);
    quiet(&mut desk);
    desk.keys(&[Key::Enter]);
    desk.wait(10);
    desk.keys(&[Key::Esc]);
    desk.answer(is_program, Ok(made(BERND, SERIAL_1, Vec::new())));
    assert!(!writes(&mut desk));
    let text = flat(&desk);
    assert!(
        text.contains("bernd@contoso.example 8659622000001 begun: program it again"),
        "{text}"
    );
}

#[test]
fn a_run_is_not_ended_while_a_code_is_checked_and_a_late_yes_counts() {
    let mut desk = opened(Program::many(names()));
    place(&mut desk, SERIAL_1);
    let (number, _) = write(&mut desk, ANNA, SERIAL_1);
    finish(&mut desk, number, ANNA, SERIAL_1);
    desk.types(CODE);
    desk.keys(&[Key::Enter, Key::Esc]);
    assert_eq!(desk.app.screen(), "program-code");
    desk.wait(10);
    desk.keys(&[Key::Esc]);
    assert_eq!(desk.app.screen(), "program-summary");
    desk.answer(is_confirm, Ok(Answer::Token(Box::new(active(ANNA, SERIAL_1)))));
    let text = flat(&desk);
    assert!(text.contains("anna@contoso.example 8659622000001 confirmed"), "{text}");
}

#[test]
fn what_was_written_while_nobody_was_logged_in_is_noted_after_the_next_login() {
    for end in ["down", "ended"] {
        let mut desk = opened(Program::new(ANNA));
        place(&mut desk, SERIAL_1);
        let (number, _) = write(&mut desk, ANNA, SERIAL_1);
        desk.event(match end {
            "down" => Event::Down("posternd has stopped".to_owned()),
            _ => Event::Ended("carl has disabled you".to_owned()),
        });
        desk.tells(Reader::Written(number, NOON));
        assert!(!desk.asked.iter().any(|(_, request)| is_written(request)));
        desk.log_in(crate::console::testing::session(Role::Helpdesk));
        assert!(
            flat(&desk).contains("of anna@contoso.example was written after its screen was left"),
            "{end}: {}",
            desk.text()
        );
        desk.answer(is_written, Ok(Answer::Token(Box::new(token(ANNA, SERIAL_1, true)))));
        // An auditor is told, and notes nothing.
        let mut desk = opened(Program::new(ANNA));
        place(&mut desk, SERIAL_1);
        let (number, _) = write(&mut desk, ANNA, SERIAL_1);
        desk.event(Event::Ended("carl has disabled you".to_owned()));
        desk.tells(Reader::Written(number, NOON));
        desk.log_in(crate::console::testing::session(Role::Auditor));
        assert!(flat(&desk).contains("nobody noted it"), "{}", desk.text());
        assert!(!desk.asked.iter().any(|(_, request)| is_written(request)));
    }
}

#[test]
fn a_token_that_refused_the_key_is_not_tried_again() {
    let mut desk = opened(Program::new(ANNA));
    place(&mut desk, SERIAL_1);
    let (number, _) = write(&mut desk, ANNA, SERIAL_1);
    let trouble = Trouble {
        words: "the token refuses the key".to_owned(),
        left: Left::AsBefore,
        key_refused: true,
    };
    desk.tells(Reader::Failed(number, trouble));
    assert!(!desk.text().contains("start over"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    assert!(!desk.asked.iter().any(|(_, request)| is_program(request)));
    desk.keys(&[Key::Char('n')]);
    assert_eq!(desk.app.screen(), "program");
}
