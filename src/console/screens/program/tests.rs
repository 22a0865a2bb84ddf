mod late;
mod many;
mod screens;
mod several;
mod ways;

use super::*;
use crate::console::screens::bench::tests::{placed, reader};
use crate::console::screens::users::{Purpose, Users};
use crate::console::testing::{Desk, NOON};
use crate::control::{
    Algorithm, Programmed, Role, TokenId, TokenInfo, TokenProgramming, TokenSource, TokenStatus, UserInfo, UserList,
    UserRow,
};
use crate::secret::Secret;
use crate::tokens::desk::{Ask, Job, Left, Profile, Step, Told as Reader, Trouble};

const ANNA: &str = "anna@contoso.example";
const BERND: &str = "bernd@contoso.example";
const PORT: &str = "/dev/ttyUSB0";
const SERIAL_1: &str = "8659622000001";
const SERIAL_2: &str = "8659622000002";
const KEY: &[u8] = b"a key of twenty byte";
const CODE: &str = "123456";

/// A pending token of this user, written or not.
pub fn token(user: &str, serial: &str, written: bool) -> TokenInfo {
    TokenInfo {
        id: TokenId(9),
        user: user.to_owned(),
        status: TokenStatus::Pending,
        algorithm: Algorithm::Sha1,
        digits: 6,
        period: Some(30),
        counter: None,
        serial: serial.to_owned(),
        model: "OTPC-P2-i".to_owned(),
        source: TokenSource::Programmed(Programmed {
            profile: None,
            written: written.then_some(NOON),
        }),
        created: NOON,
        drift_seconds: 0,
        last_code: None,
    }
}

pub fn active(user: &str, serial: &str) -> TokenInfo {
    TokenInfo {
        status: TokenStatus::Active,
        ..token(user, serial, true)
    }
}

pub fn info(user: &str, tokens: Vec<TokenInfo>) -> UserInfo {
    let count = |status| u32::try_from(tokens.iter().filter(|token| token.status == status).count()).unwrap();
    UserInfo {
        row: UserRow {
            name: user.to_owned(),
            enabled: true,
            exempt: false,
            local_password: false,
            active_tokens: count(TokenStatus::Active),
            pending_tokens: count(TokenStatus::Pending),
            resync_tokens: 0,
            locked: false,
        },
        created: NOON,
        tokens,
        locks: Vec::new(),
        budget: None,
        bypass_until: None,
    }
}

fn clock(trusted: bool) -> Answer {
    Answer::Clock(ClockReport {
        trusted,
        source: "ntp".to_owned(),
        now: NOON,
        newest_seen: None,
        waiting_for: (!trusted).then(|| "No time server was reached.".to_owned()),
    })
}

/// Answers what a screen asks by itself: the clock, the user, who has the token.
fn settle(desk: &mut Desk, tokens: &[TokenInfo], report: &SerialReport) {
    for _ in 0..20 {
        let Some((_, request)) = desk.asked.iter().find(|(_, request)| {
            matches!(
                request,
                Request::TimeShow | Request::UserShow { .. } | Request::SerialShow { .. }
            )
        }) else {
            return;
        };
        let request = request.clone();
        let answer = match &request {
            Request::UserShow { name } => Answer::User(Box::new(info(name, tokens.to_vec()))),
            Request::SerialShow { .. } => Answer::Serial(report.clone()),
            _ => clock(true),
        };
        desk.answer(|asked| *asked == request, Ok(answer));
    }
    panic!("it asks for ever");
}

/// The words of the screen, however its lines are broken.
fn flat(desk: &Desk) -> String {
    desk.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn quiet(desk: &mut Desk) {
    settle(desk, &[], &SerialReport::default());
}

/// On the screen, with a reader and nothing on it.
fn opened(screen: Program) -> Desk {
    let mut desk = Desk::on(Box::new(screen), Role::Helpdesk);
    quiet(&mut desk);
    desk.tells(Reader::Readers(vec![reader(PORT)]));
    desk
}

fn place(desk: &mut Desk, serial: &str) {
    desk.tells(Reader::Placed(placed(PORT, serial)));
    quiet(desk);
}

fn take_away(desk: &mut Desk) {
    desk.tells(Reader::Gone {
        device: PORT.to_owned(),
    });
}

fn is_program(request: &Request) -> bool {
    matches!(request, Request::TokenProgram(_))
}

fn is_written(request: &Request) -> bool {
    matches!(request, Request::TokenWritten { .. })
}

fn is_confirm(request: &Request) -> bool {
    matches!(request, Request::TokenConfirm { .. })
}

/// The same for a profile of a token with several.
fn made_in(user: &str, serial: &str, profile: u8) -> Box<TokenProgramming> {
    let Answer::TokenProgramming(mut made) = made(user, serial, Vec::new()) else {
        panic!("nothing was made");
    };
    made.token.source = TokenSource::Programmed(Programmed {
        profile: Some(profile),
        written: None,
    });
    made
}

fn made(user: &str, serial: &str, replaces: Vec<TokenInfo>) -> Answer {
    Answer::TokenProgramming(Box::new(TokenProgramming {
        token: token(user, serial, false),
        seed: Secret::new(KEY.to_vec()),
        replaces,
        customer_key: None,
    }))
}

/// The one job that the readers' thread was asked for.
fn job(desk: &mut Desk) -> (u64, Job) {
    let mut jobs = desk.reader_asks().into_iter().filter_map(|ask| match ask {
        Ask::Write(number, job) => Some((number, *job)),
        _ => None,
    });
    let job = jobs.next().expect("a job");
    assert!(jobs.next().is_none(), "one job alone");
    job
}

/// Enter, and the token is being written; answers the number of the job.
fn write(desk: &mut Desk, user: &str, serial: &str) -> (u64, Job) {
    desk.keys(&[Key::Enter]);
    desk.answer(is_program, Ok(made(user, serial, Vec::new())));
    job(desk)
}

/// Written: the code is asked for.
fn finish(desk: &mut Desk, number: u64, user: &str, serial: &str) {
    for step in [Step::Authenticate, Step::Configure, Step::AuthenticateAgain, Step::Seed] {
        desk.tells(Reader::Step(number, step));
    }
    desk.tells(Reader::Written(number, NOON));
    desk.answer(is_written, Ok(Answer::Token(Box::new(token(user, serial, true)))));
}

fn confirm(desk: &mut Desk, user: &str, serial: &str) {
    desk.types(CODE);
    desk.keys(&[Key::Enter]);
    desk.answer(is_confirm, Ok(Answer::Token(Box::new(active(user, serial)))));
}

#[test]
fn four_keys_beside_name_and_code_program_and_verify_a_token() {
    let people = || {
        Answer::Users(UserList {
            users: vec![info(ANNA, Vec::new()).row],
            total: 1,
        })
    };
    let mut desk = Desk::new(80, 24, Default::default());
    desk.log_in(crate::console::testing::session(Role::Helpdesk));
    desk.reader_asks();
    let mut keys = 0;
    let mut press = |desk: &mut Desk, key: Key| {
        keys += 1;
        desk.keys(&[key]);
    };
    press(&mut desk, Key::Char('p'));
    desk.answer(|request| matches!(request, Request::UserList(_)), Ok(people()));
    desk.types(ANNA);
    desk.answer(|request| matches!(request, Request::UserList(_)), Ok(people()));
    desk.answer(|request| matches!(request, Request::UserList(_)), Ok(people()));
    press(&mut desk, Key::Enter);
    assert_eq!(
        (desk.app.screen(), desk.reader_asks()),
        ("program", vec![Ask::Watch(true)])
    );
    quiet(&mut desk);
    desk.tells(Reader::Readers(vec![reader(PORT)]));
    place(&mut desk, SERIAL_1);
    press(&mut desk, Key::Enter);
    desk.answer(is_program, Ok(made(ANNA, SERIAL_1, Vec::new())));
    let (number, _) = job(&mut desk);
    finish(&mut desk, number, ANNA, SERIAL_1);
    desk.types(CODE);
    press(&mut desk, Key::Enter);
    desk.answer(is_confirm, Ok(Answer::Token(Box::new(active(ANNA, SERIAL_1)))));
    assert_eq!(desk.app.screen(), "program-done");
    assert!(
        desk.text().contains("anna@contoso.example has a token."),
        "{}",
        desk.text()
    );
    assert_eq!(keys, 4);
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.app.screen(), "home", "both screens have closed");
    assert_eq!(desk.reader_asks(), [Ask::Watch(false)]);
}

#[test]
fn the_seed_goes_to_the_token_that_was_looked_at_and_nowhere_else() {
    let mut desk = opened(Program::new(ANNA));
    place(&mut desk, SERIAL_1);
    desk.keys(&[Key::Enter]);
    let Some((_, Request::TokenProgram(ask))) = desk.asked.last() else {
        panic!("{:?}", desk.asked);
    };
    assert_eq!((ask.user.as_str(), ask.serial.as_str()), (ANNA, SERIAL_1));
    assert_eq!(
        (ask.model.as_str(), ask.profile, ask.replace),
        ("OTPC-P2-i", None, false)
    );
    desk.answer(is_program, Ok(made(ANNA, SERIAL_1, Vec::new())));
    let (_, job) = job(&mut desk);
    assert_eq!((job.device.as_str(), job.serial.as_str()), (PORT, SERIAL_1));
    assert_eq!(
        (job.title.as_str(), job.seed.expose(), job.replace),
        ("anna", KEY, false)
    );
    // R21: it stands on no screen, and nowhere in the application.
    let inside = format!("{:?}", desk.app);
    assert!(!inside.contains("a key of twenty") && !desk.text().contains("a key of"));
}

#[test]
fn an_enter_too_many_writes_nothing() {
    // A token lies there already when the screen opens.
    let mut desk = Desk::on(Box::new(Program::new(ANNA)), Role::Helpdesk);
    desk.tells(Reader::Readers(vec![reader(PORT)]));
    desk.tells(Reader::Placed(placed(PORT, SERIAL_1)));
    desk.burst(&[Key::Enter; 3], 150);
    assert!(!desk.asked.iter().any(|(_, request)| is_program(request)));
    // One that is placed while somebody presses keys was not seen either.
    let mut desk = opened(Program::new(ANNA));
    desk.burst(&[Key::Down], 1_000);
    desk.tells(Reader::Placed(placed(PORT, SERIAL_1)));
    desk.burst(&[Key::Enter], 399);
    assert!(!desk.asked.iter().any(|(_, request)| is_program(request)));
    desk.burst(&[Key::Enter], 400);
    assert!(desk.asked.iter().any(|(_, request)| is_program(request)));
}

#[test]
fn a_token_that_changed_under_the_hand_must_be_seen_again() {
    let mut desk = opened(Program::new(ANNA));
    place(&mut desk, SERIAL_1);
    desk.burst(&[Key::Down], 1_000);
    desk.tells(Reader::Placed(placed(PORT, SERIAL_2)));
    desk.burst(&[Key::Enter], 100);
    assert!(!desk.asked.iter().any(|(_, request)| is_program(request)));
    // The same one, looked at again, asks nobody to wait.
    desk.tells(Reader::Placed(placed(PORT, SERIAL_2)));
    desk.burst(&[Key::Enter], 400);
    let Some((_, Request::TokenProgram(ask))) = desk.asked.last() else {
        panic!("{:?}", desk.asked);
    };
    assert_eq!(ask.serial, SERIAL_2);
}

#[test]
fn while_the_clock_is_not_trusted_nothing_is_programmed_and_enter_leads_to_the_clock() {
    let mut desk = Desk::on(Box::new(Program::new(ANNA)), Role::Helpdesk);
    desk.answer(|request| *request == Request::TimeShow, Ok(clock(false)));
    desk.tells(Reader::Readers(vec![reader(PORT)]));
    place(&mut desk, SERIAL_1);
    // Looking at the token asked nothing of the clock: it is still not trusted.
    assert!(desk.text().contains("clock is not trusted"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.app.screen(), "clock");
    assert!(!desk.asked.iter().any(|(_, request)| is_program(request)));
    // Trusted meanwhile: the screen asks again when it is back.
    desk.answer(|request| *request == Request::TimeShow, Ok(clock(true)));
    desk.keys(&[Key::Esc]);
    quiet(&mut desk);
    assert!(!desk.text().contains("not trusted"), "{}", desk.text());
    desk.keys(&[Key::Enter]);
    assert!(desk.asked.iter().any(|(_, request)| is_program(request)));
}

#[test]
fn a_token_that_somebody_has_asks_by_name_and_by_a_word() {
    let mut desk = opened(Program::new(ANNA));
    let report = SerialReport {
        tokens: vec![TokenInfo {
            id: TokenId(7),
            ..active(BERND, SERIAL_1)
        }],
        unassigned: Vec::new(),
    };
    desk.tells(Reader::Placed(placed(PORT, SERIAL_1)));
    settle(&mut desk, &[], &report);
    assert!(
        desk.text()
            .contains("Held by   bernd@contoso.example, token #7, active"),
        "{}",
        desk.text()
    );
    desk.keys(&[Key::Enter]);
    let exists = || Err(Failure::exists("8659622000001 is token #7 of bernd@contoso.example"));
    desk.answer(is_program, exists());
    assert_eq!(desk.app.screen(), "confirm");
    let text = flat(&desk);
    assert!(
        text.contains("bernd@contoso.example's, who logs in with it (token #7)"),
        "{text}"
    );
    // No, and nothing is asked for.
    desk.keys(&[Key::Enter, Key::Esc]);
    assert!(desk.asked.iter().all(|(_, request)| !is_program(request)));
    assert_eq!(desk.app.screen(), "program");
    desk.keys(&[Key::Enter]);
    desk.answer(is_program, exists());
    desk.types("bernd");
    desk.keys(&[Key::Enter]);
    let Some((_, Request::TokenProgram(ask))) = desk.asked.iter().rev().find(|(_, request)| is_program(request)) else {
        panic!("{:?}", desk.asked);
    };
    assert!(ask.replace);
    desk.answer(is_program, Ok(made(ANNA, SERIAL_1, report.tokens.clone())));
    let (number, _) = job(&mut desk);
    finish(&mut desk, number, ANNA, SERIAL_1);
    assert!(
        desk.text()
            .contains("With its code token #7 of bernd@contoso.example ends."),
        "{}",
        desk.text()
    );
    confirm(&mut desk, ANNA, SERIAL_1);
    assert!(
        desk.text().contains("Token #7 of bernd@contoso.example is gone"),
        "{}",
        desk.text()
    );
}

#[test]
fn a_yes_to_a_question_about_a_token_that_was_taken_away_is_a_no() {
    let mut desk = opened(Program::new(ANNA));
    place(&mut desk, SERIAL_1);
    desk.keys(&[Key::Enter]);
    desk.answer(is_program, Err(Failure::exists("somebody has it")));
    assert!(desk.text().contains("somebody has it"));
    desk.tells(Reader::Placed(placed(PORT, SERIAL_2)));
    desk.types("replace");
    desk.keys(&[Key::Enter]);
    assert!(
        desk.asked.iter().all(|(_, request)| !is_program(request)),
        "{:?}",
        desk.asked
    );
    assert!(desk.text().contains("no longer lies there"), "{}", desk.text());
}

#[test]
fn what_was_written_is_noted_although_a_question_or_the_help_stands_on_top() {
    for over in ["help", "question"] {
        let mut desk = opened(Program::new(ANNA));
        place(&mut desk, SERIAL_1);
        let (number, _) = write(&mut desk, ANNA, SERIAL_1);
        match over {
            "help" => desk.keys(&[Key::F(1)]),
            _ => desk.push(Box::new(crate::console::screens::confirm::Confirm::new(
                1,
                "Over it",
                Vec::new(),
            ))),
        }
        desk.tells(Reader::Written(number, NOON));
        desk.answer(is_written, Ok(Answer::Token(Box::new(token(ANNA, SERIAL_1, true)))));
        desk.keys(&[Key::Esc]);
        assert_eq!(desk.app.screen(), "program-code", "{over}");
    }
}

#[test]
fn a_job_of_an_earlier_screen_is_not_taken_for_one_of_this() {
    let mut desk = opened(Program::new(ANNA));
    place(&mut desk, SERIAL_1);
    let (first, _) = write(&mut desk, ANNA, SERIAL_1);
    desk.wait(10);
    desk.keys(&[Key::Esc]);
    assert!(desk.text().contains("is begun and may hold no key:"), "{}", desk.text());
    desk.push(Box::new(Program::new(BERND)));
    quiet(&mut desk);
    place(&mut desk, SERIAL_2);
    let (second, _) = write(&mut desk, BERND, SERIAL_2);
    assert!(first != second);
    desk.tells(Reader::Written(first, NOON));
    assert_eq!(desk.app.screen(), "program-writing");
    assert!(
        flat(&desk).contains("8659622000001 of anna@contoso.example was written after its screen was left"),
        "{}",
        desk.text()
    );
    let told: Vec<_> = desk.asked.iter().filter(|(_, request)| is_written(request)).collect();
    assert!(
        matches!(told.as_slice(), [(_, Request::TokenWritten { user, .. })] if user == ANNA),
        "{told:?}"
    );
    desk.answer(is_written, Err(Failure::failed("the store cannot be written")));
    assert_eq!(desk.app.screen(), "program-writing");
    desk.tells(Reader::Written(second, NOON));
    assert!(desk.asked.iter().any(|(_, request)| is_written(request)));
}

#[test]
fn r24_nobody_looks_at_the_readers_once_the_session_is_gone() {
    for end in ["idle", "down", "ended"] {
        let mut desk = opened(Program::new(ANNA));
        assert_eq!(desk.reader_asks(), [Ask::Watch(true)]);
        match end {
            "idle" => desk.wait(300),
            "down" => desk.event(crate::console::event::Event::Down("posternd has stopped".to_owned())),
            _ => desk.event(crate::console::event::Event::Ended("carl has disabled you".to_owned())),
        }
        assert_eq!(desk.reader_asks(), [Ask::Watch(false)], "{end}");
        // Whatever is told later changes nothing.
        let before = desk.text();
        desk.tells(Reader::Placed(placed(PORT, SERIAL_1)));
        desk.tells(Reader::Written(1, NOON));
        assert_eq!(desk.text(), before);
    }
}

#[test]
fn r21_the_record_of_a_code_is_a_stand_in() {
    let mut desk = opened(Program::new(ANNA));
    place(&mut desk, SERIAL_1);
    assert_eq!(desk.app.secret_typed(), None);
    let (number, _) = write(&mut desk, ANNA, SERIAL_1);
    finish(&mut desk, number, ANNA, SERIAL_1);
    desk.types("12");
    assert_eq!(desk.app.secret_typed(), Some(2));
}
