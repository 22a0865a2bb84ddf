//! Clocks of tokens: the list, one token's history, and the clock alone.

use super::*;

const PORT: &str = "/dev/ttyUSB0";
const DAY: Duration = Duration::from_secs(86_400);

fn later(days: u32) -> Timestamp {
    NOON.plus(DAY * days)
}

fn drifting(id: u64, user: &str, offset: i32, rate: i32, days: u32) -> DriftInfo {
    DriftInfo {
        token: token(id, user, &format!("8659600000000{id}"), None),
        offset_seconds: offset,
        millis_per_day: rate,
        logins: 12,
        last: NOON,
        leaves: later(days),
        why: "its clock gains 1.3 s a day and will be further off than the box follows: set its clock at a reader: postern token \
              clock anna@contoso.example 1 --device DEVICE"
            .to_owned(),
    }
}

/// What posternd has worked out.
pub fn list() -> DriftList {
    DriftList {
        as_of: Some(NOON),
        tokens: vec![drifting(1, ANNA, 22, 1_250, 12), drifting(2, BERND, -18, -900, 40)],
        total: 2,
    }
}

fn points() -> Vec<DriftPoint> {
    (0..12)
        .map(|number: u32| DriftPoint {
            at: NOON.minus(DAY * (24 - number * 2)),
            seconds: i32::try_from(number).unwrap() * 3 - 11,
        })
        .collect()
}

/// One token's clock, as it went.
pub fn history(desk: &mut Desk) {
    desk.open(
        Box::new(super::drift::Drift::new(drifting(1, ANNA, 22, 1_250, 12))),
        Role::Helpdesk,
    );
    let history = DriftHistory {
        points: points(),
        millis_per_day: Some(1_250),
        leaves: Some(later(12)),
    };
    desk.answer(
        |request| matches!(request, Request::DriftShow { user, id: TokenId(1) } if user == ANNA),
        Ok(Answer::DriftHistory(history)),
    );
}

fn clock_of(desk: &mut Desk, clock_free: bool) {
    desk.open(Box::new(TokenClock::new(&token(3, ANNA, SERIAL, None))), Role::Helpdesk);
    settle(desk);
    desk.tells(Reader::Readers(vec![reader(PORT)]));
    desk.tells(Reader::Placed(crate::tokens::desk::Placed {
        clock_free,
        clock_ahead: Some(41),
        ..placed(PORT, SERIAL)
    }));
}

/// A token that keeps its key.
pub fn free(desk: &mut Desk) {
    clock_of(desk, true);
}

/// A token that would lose it.
pub fn bound(desk: &mut Desk) {
    clock_of(desk, false);
}

fn set_clock(desk: &mut Desk) -> (u64, TotpParameters, bool) {
    let mut asks = desk.reader_asks().into_iter().filter_map(|ask| match ask {
        Ask::SetClock {
            number,
            serial,
            device,
            parameters,
            customer_key,
            profile: None,
        } => {
            assert_eq!((serial.as_str(), device.as_str()), (SERIAL, PORT));
            Some((number, parameters, customer_key.is_some()))
        }
        _ => None,
    });
    asks.next().expect("the clock was to be set")
}

#[test]
fn the_soonest_is_opened_and_leads_to_what_can_be_done() {
    let mut desk = opened(super::drifting::Drifting::new(), Role::Helpdesk);
    assert!(
        desk.text().contains("14 Mar") && desk.text().contains("+1.3 s"),
        "{}",
        desk.text()
    );
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.app.screen(), "tokens-clock-history");
    for (letter, screen) in [('c', "token-clock"), ('p', "program"), ('r', "resync"), ('u', "user")] {
        desk.keys(&[Key::Char(letter)]);
        assert_eq!(desk.app.screen(), screen);
        desk.keys(&[Key::Esc]);
    }
    // An auditor looks.
    let mut desk = Desk::on(
        Box::new(super::drift::Drift::new(drifting(1, ANNA, 22, 1_250, 12))),
        Role::Auditor,
    );
    for letter in ['c', 'p', 'r'] {
        desk.keys(&[Key::Char(letter)]);
        assert_eq!(desk.app.screen(), "tokens-clock-history", "{letter}");
    }
}

#[test]
fn the_drawing_shows_how_the_clock_went() {
    let mut desk = Desk::new(80, 24, Caps::default());
    history(&mut desk);
    let text = desk.text();
    assert!(
        text.contains("22 s ahead by 12 logins. If it goes on so, its codes are taken until 14 Mar."),
        "{text}"
    );
    let drawing = text.lines().skip(8).take(7);
    let logins: usize = drawing.map(|line| line.matches('x').count()).sum();
    assert_eq!(logins, 12, "{text}");
}

#[test]
fn a_list_that_is_not_worked_out_yet_says_so() {
    let mut desk = Desk::on(Box::new(super::drifting::Drifting::new()), Role::Helpdesk);
    desk.answer(|_| true, Ok(Answer::Drift(DriftList::default())));
    assert!(desk.text().contains("Not worked out yet"), "{}", desk.text());
    let none = DriftList {
        as_of: Some(NOON),
        ..DriftList::default()
    };
    let mut desk = Desk::on(Box::new(super::drifting::Drifting::new()), Role::Helpdesk);
    desk.answer(|_| true, Ok(Answer::Drift(none)));
    assert!(desk.text().contains("No token's clock drifts"), "{}", desk.text());
}

#[test]
fn a_clock_is_set_where_the_key_stays_and_posternd_is_told() {
    let mut desk = Desk::new(80, 24, Caps::default());
    free(&mut desk);
    assert!(desk.text().contains("41 s ahead of the box's"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    let (number, parameters, has_key) = set_clock(&mut desk);
    assert_eq!((parameters, has_key), (TotpParameters::default(), false));
    // It is not left while the token is being written.
    desk.keys(&[Key::Esc]);
    assert_eq!(desk.app.screen(), "token-clock");
    desk.tells(Reader::Written(number, NOON));
    let is_set = |request: &Request| matches!(request, Request::TokenClockSet { id: TokenId(3), .. });
    desk.answer(is_set, Err(Failure::failed("the store cannot be written")));
    assert!(desk.text().contains("did not take that down"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    desk.answer(is_set, Ok(Answer::Token(Box::new(token(3, ANNA, SERIAL, None)))));
    assert_eq!(desk.app.screen(), "home");
    assert!(
        desk.text().contains("The clock of OTPC-P2-i 8659622000001 is set"),
        "{}",
        desk.text()
    );
}

#[test]
fn a_token_that_would_lose_its_key_is_not_touched_and_leads_to_programming() {
    let mut desk = Desk::new(80, 24, Caps::default());
    bound(&mut desk);
    desk.reader_asks();
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.app.screen(), "program");
    // The next screen is told anew what lies there.
    assert_eq!(desk.reader_asks(), [Ask::Watch(true)]);
}

#[test]
fn another_token_is_not_set() {
    let mut desk = Desk::new(80, 24, Caps::default());
    free(&mut desk);
    desk.tells(Reader::Placed(crate::tokens::desk::Placed {
        clock_free: true,
        ..placed(PORT, "8659622000099")
    }));
    desk.reader_asks();
    desk.keys(&[Key::Enter]);
    assert!(desk.reader_asks().is_empty());
    assert!(desk.text().contains("8659622000099 lies there"), "{}", desk.text());
}

#[test]
fn a_clock_that_could_not_be_set_says_what_is_left() {
    let mut desk = Desk::new(80, 24, Caps::default());
    free(&mut desk);
    desk.keys(&[Key::Enter]);
    let (number, ..) = set_clock(&mut desk);
    let trouble = Trouble {
        words: "the token was taken away".to_owned(),
        left: Left::AsBefore,
        key_refused: false,
    };
    desk.tells(Reader::Failed(number, trouble));
    assert!(
        desk.text().contains("NOT SET: the token was taken away"),
        "{}",
        desk.text()
    );
    assert!(desk.text().contains("as it was before"), "{}", desk.text());
    desk.keys(&[Key::Enter, Key::Enter]);
    set_clock(&mut desk);
}

#[test]
fn r21_a_customer_key_is_asked_for_a_molto_and_kept_nowhere() {
    let mut desk = Desk::new(80, 24, Caps::default());
    clock_of(&mut desk, true);
    desk.tells(Reader::Gone {
        device: PORT.to_owned(),
    });
    desk.tells(Reader::Placed(crate::tokens::desk::Placed {
        clock_free: true,
        profiles: vec![crate::tokens::desk::Profile {
            number: 0,
            title: String::new(),
            occupied: true,
        }],
        ..placed(PORT, SERIAL)
    }));
    desk.types("giraffe");
    assert_eq!(desk.app.secret_typed(), Some(7));
    assert!(!desk.text().contains("giraffe"));
    desk.keys(&[Key::Enter]);
    let (.., has_key) = set_clock(&mut desk);
    assert!(has_key && !format!("{:?}", desk.app).contains("giraffe"));
}

#[test]
fn a_clock_whose_key_was_refused_is_not_tried_again() {
    let mut desk = Desk::new(80, 24, Caps::default());
    free(&mut desk);
    desk.keys(&[Key::Enter]);
    let (number, ..) = set_clock(&mut desk);
    let trouble = Trouble {
        words: "the token refuses the key".to_owned(),
        left: Left::AsBefore,
        key_refused: true,
    };
    desk.tells(Reader::Failed(number, trouble));
    desk.keys(&[Key::Enter, Key::Enter]);
    assert!(
        desk.reader_asks().is_empty() && desk.text().contains("not tried again"),
        "{}",
        desk.text()
    );
}
