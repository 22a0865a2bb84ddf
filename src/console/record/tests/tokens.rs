//! A hardware token that was programmed, on record and played again.

use super::*;
use crate::console::screens::bench::tests::{placed, reader};
use crate::control::{Programmed, TokenProgramming, TokenSource, UserList};

const USER: &str = "berta@contoso.example";
const SERIAL: &str = "8659622000001";
const PORT: &str = "/dev/ttyUSB0";

fn hardware(status: TokenStatus) -> TokenInfo {
    TokenInfo {
        status,
        serial: SERIAL.to_owned(),
        model: "OTPC-P2-i".to_owned(),
        source: TokenSource::Programmed(Programmed {
            profile: None,
            written: Some(NOON),
        }),
        ..token()
    }
}

/// Logs in, and programs a token for somebody.
fn session_with_a_reader() -> Live {
    let mut live = Live::new();
    live.event(Event::Up(hello()));
    live.types("anna");
    live.enter();
    live.types(PASSWORD);
    live.enter();
    live.enter();
    live.answer("log in", Ok(Answer::Session(session(Role::Helpdesk))));
    live.types("p");
    let nobody = || {
        Answer::Users(UserList {
            users: Vec::new(),
            total: 0,
        })
    };
    live.answer("user list", Ok(nobody()));
    live.types(USER);
    live.answer("user list", Ok(nobody()));
    live.answer("user list", Ok(nobody()));
    live.enter();
    live.event(Event::Reader(desk::Told::Readers(vec![reader(PORT)])));
    live.event(Event::Reader(desk::Told::Placed(placed(PORT, SERIAL))));
    live.enter();
    let exists = Failure::exists("there is a user berta@contoso.example already");
    live.answer("user add", Err(exists));
    let made = TokenProgramming {
        token: hardware(TokenStatus::Pending),
        seed: Secret::new(SEED.to_vec()),
        replaces: Vec::new(),
        customer_key: Some(Secret::from(SHARED)),
    };
    live.answer("token program", Ok(Answer::TokenProgramming(Box::new(made))));
    let job = live.jobs[0];
    live.event(Event::Reader(desk::Told::Step(job, desk::Step::Seed)));
    live.event(Event::Reader(desk::Told::Written(job, NOON)));
    let pending = Answer::Token(Box::new(hardware(TokenStatus::Pending)));
    live.answer("token written", Ok(pending));
    live.types(CODE);
    live.enter();
    let active = Answer::Token(Box::new(hardware(TokenStatus::Active)));
    live.answer("token confirm", Ok(active));
    assert_eq!(live.app.screen(), "program-done");
    live
}

#[test]
fn r21_neither_the_seed_nor_the_code_of_a_hardware_token_is_on_record() {
    let record = session_with_a_reader().record();
    for secret in [SEED, CODE.as_bytes(), SHARED.as_bytes(), PASSWORD.as_bytes()] {
        holds_none(&record, secret);
    }
    assert!(record.contains(SERIAL), "what the readers told is on record");
}

#[test]
fn a_replay_goes_the_way_of_the_token_again() {
    let live = session_with_a_reader();
    let record = live.record();
    let mut replay = Replay::new(record.as_bytes()).unwrap();
    for (number, (name, text)) in live.screens.iter().enumerate() {
        let screen = text_of(&replay.next().unwrap().unwrap());
        assert_eq!(replay.app().screen(), *name, "event {number}");
        // What is typed as a code is another one, of the same length.
        if *name == "program-code" {
            assert_eq!(screen.len(), text.len(), "event {number}");
        } else {
            assert_eq!(&screen, text, "event {number}");
        }
    }
    assert!(replay.next().is_none());
}
