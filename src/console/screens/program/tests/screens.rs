//! The screens, drawn, and what they cost on the line.

use super::several::molto;
use super::*;
use crate::console::screens::bench::tests::port;
use crate::console::testing::snapshot;

/// In a role, with a reader and nothing on it.
fn open(desk: &mut Desk, screen: Program) {
    desk.open(Box::new(screen), Role::Helpdesk);
    quiet(desk);
    desk.tells(Reader::Readers(vec![reader(PORT)]));
}

fn with_token(desk: &mut Desk) {
    open(desk, Program::new(ANNA));
    place(desk, SERIAL_1);
}

fn written(desk: &mut Desk) {
    with_token(desk);
    let (number, _) = write(desk, ANNA, SERIAL_1);
    finish(desk, number, ANNA, SERIAL_1);
}

type Lead = fn(&mut Desk);

const SCREENS: [(&str, Lead); 18] = [
    ("program-no-reader", |desk| {
        open(desk, Program::new(ANNA));
        desk.tells(Reader::Readers(Vec::new()));
    }),
    ("program-ports", |desk| {
        open(desk, Program::new(ANNA));
        let mut busy = reader("pcsc:ACS ACR122U 00 00");
        busy.name = "ACS ACR122U 00 00".to_owned();
        busy.link = desk::Link::Pcsc;
        busy.trouble = Some("another program has it: end that first".to_owned());
        desk.tells(Reader::Readers(vec![port("/dev/ttyUSB0"), port("/dev/ttyUSB1"), busy]));
    }),
    ("program-place", |desk| {
        open(desk, Program::make("carla@contoso.example"))
    }),
    ("program", with_token),
    ("program-unfit", |desk| {
        open(desk, Program::new(ANNA));
        desk.tells(Reader::Unfit {
            device: PORT.to_owned(),
            why: "it is no token that can be programmed: take it away".to_owned(),
        });
    }),
    ("program-clock", |desk| {
        desk.open(Box::new(Program::new(ANNA)), Role::Helpdesk);
        desk.answer(|request| *request == Request::TimeShow, Ok(clock(false)));
        quiet(desk);
        desk.tells(Reader::Readers(vec![reader(PORT)]));
        place(desk, SERIAL_1);
    }),
    ("program-molto", |desk| {
        open(desk, Program::new(ANNA));
        let mut usb = reader("pcsc:Molto");
        usb.link = desk::Link::Pcsc;
        usb.name = "TOKEN2 Molto2 00 00".to_owned();
        desk.tells(Reader::Readers(vec![reader(PORT), usb]));
        desk.tells(Reader::Placed(placed(PORT, SERIAL_1)));
        desk.tells(Reader::Placed(molto(&[0, 1, 3])));
        quiet(desk);
    }),
    ("program-reused", |desk| {
        open(desk, Program::new(ANNA));
        desk.tells(Reader::Placed(placed(PORT, SERIAL_1)));
        let report = SerialReport {
            tokens: vec![active(BERND, SERIAL_1)],
            unassigned: Vec::new(),
        };
        settle(desk, &[], &report);
        desk.keys(&[Key::Enter]);
        desk.answer(is_program, Err(Failure::exists("somebody has it")));
    }),
    ("program-writing", |desk| {
        with_token(desk);
        let (number, _) = write(desk, ANNA, SERIAL_1);
        for step in [Step::Authenticate, Step::Configure, Step::AuthenticateAgain] {
            desk.tells(Reader::Step(number, step));
        }
    }),
    ("program-trouble", |desk| {
        with_token(desk);
        let (number, _) = write(desk, ANNA, SERIAL_1);
        take_away(desk);
        let trouble = Trouble {
            words: "the token was taken away in the middle".to_owned(),
            left: Left::Unknown,
            key_refused: false,
        };
        desk.tells(Reader::Failed(number, trouble));
    }),
    ("program-code", written),
    ("program-code-wrong", |desk| {
        written(desk);
        desk.types(CODE);
        desk.keys(&[Key::Enter]);
        let line = "that is no code that the token shows now: wait for the next one and type it";
        desk.answer(is_confirm, Err(Failure::refused(line)));
    }),
    ("program-resume", |desk| {
        desk.open(Box::new(Program::new(ANNA)), Role::Helpdesk);
        settle(desk, &[token(ANNA, SERIAL_1, true)], &SerialReport::default());
    }),
    ("program-done", |desk| {
        desk.open(Box::new(Program::new(ANNA).from_list()), Role::Helpdesk);
        quiet(desk);
        desk.tells(Reader::Readers(vec![reader(PORT)]));
        place(desk, SERIAL_1);
        desk.keys(&[Key::Enter]);
        let before = TokenInfo {
            id: TokenId(7),
            ..active(BERND, SERIAL_1)
        };
        desk.answer(is_program, Ok(made(ANNA, SERIAL_1, vec![before])));
        let (number, _) = job(desk);
        finish(desk, number, ANNA, SERIAL_1);
        confirm(desk, ANNA, SERIAL_1);
    }),
    ("program-many", |desk| {
        desk.open(Box::new(Program::without_token("contoso")), Role::Helpdesk);
        let rows = (0..3).map(|number| info(&format!("user{number}@contoso.example"), Vec::new()).row);
        let list = UserList {
            users: rows.collect(),
            total: 1_234,
        };
        desk.answer(
            |request| matches!(request, Request::UserList(_)),
            Ok(Answer::Users(list)),
        );
    }),
    ("program-many-next", |desk| {
        let people = [ANNA, BERND, "carla@contoso.example"].map(str::to_owned);
        open(desk, Program::many(people));
        place(desk, SERIAL_1);
        let (number, _) = write(desk, ANNA, SERIAL_1);
        finish(desk, number, ANNA, SERIAL_1);
        confirm(desk, ANNA, SERIAL_1);
        quiet(desk);
    }),
    ("users-program", |desk| {
        desk.open(Box::new(Users::new(Purpose::Program)), Role::Helpdesk);
        let rows = [ANNA, BERND, "carla@contoso.example"].map(|name| info(name, Vec::new()).row);
        let list = UserList {
            users: rows.to_vec(),
            total: 3,
        };
        desk.answer(
            |request| matches!(request, Request::UserList(_)),
            Ok(Answer::Users(list)),
        );
        desk.keys(&[Key::Down, Key::Char(' '), Key::Char(' ')]);
    }),
    ("program-summary", |desk| {
        desk.open(Box::new(Users::new(Purpose::Program)), Role::Helpdesk);
        super::many::mixed(desk);
    }),
];

#[test]
fn screens() {
    for (name, lead) in SCREENS {
        snapshot(name, lead);
    }
}

#[test]
fn a_screen_costs_few_bytes_and_a_step_fewer() {
    for (name, lead) in SCREENS {
        let mut desk = Desk::new(80, 24, Default::default());
        lead(&mut desk);
        assert!(desk.painted() <= 1_500, "{name} takes {} bytes", desk.painted());
        let (_, step) = desk.bytes(Key::Down);
        assert!(step <= 100, "{name}: a step of {step} bytes");
    }
}
