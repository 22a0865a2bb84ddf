use std::path::Path;
use std::process::Command;

use ratatui::buffer::Buffer;

use super::*;
use crate::console::caps::{Caps, Color, Glyphs};
use crate::console::event::Effect;
use crate::console::screens::users::{Purpose, Users};
use crate::console::testing::{Desk, NOON, snapshot};
use crate::control::{Algorithm, TokenId, TokenStatus, TotpParameters, UserInfo, UserList, UserRow};
use crate::secret::Secret;

const ANNA: &str = "anna@contoso.example";
const SEED: &str = "12345678901234567890";
const KEY: &str = "GEZDGNBVGY3TQOJQ";

fn token(user: &str, status: TokenStatus, parameters: TotpParameters) -> TokenInfo {
    TokenInfo {
        id: TokenId(3),
        user: user.to_owned(),
        status,
        algorithm: parameters.algorithm,
        digits: parameters.digits,
        period: Some(parameters.period),
        counter: None,
        serial: String::new(),
        model: String::new(),
        source: crate::control::TokenSource::App,
        created: NOON,
        drift_seconds: 0,
        last_code: None,
    }
}

fn made(user: &str, seed: &[u8], parameters: TotpParameters) -> Answer {
    Answer::TokenMade(Box::new(TokenMade {
        token: token(user, TokenStatus::Pending, parameters),
        seed: Secret::new(seed.to_vec()),
        issuer: "Postern".to_owned(),
        warnings: Vec::new(),
    }))
}

fn row(name: &str) -> UserRow {
    UserRow {
        name: name.to_owned(),
        enabled: true,
        ..UserRow::default()
    }
}

fn user(name: &str) -> Answer {
    Answer::User(Box::new(UserInfo {
        row: row(name),
        created: NOON,
        tokens: Vec::new(),
        locks: Vec::new(),
        budget: None,
        bypass_until: None,
    }))
}

fn is_add(request: &Request) -> bool {
    matches!(request, Request::TokenAdd(_))
}

/// The token of Anna stands on the screen.
fn lead(desk: &mut Desk) {
    desk.open(Box::new(Enrol::new(ANNA)), Role::Helpdesk);
    desk.answer(is_add, Ok(made(ANNA, SEED.as_bytes(), TotpParameters::default())));
}

fn with(columns: u16, rows: u16, caps: Caps) -> Desk {
    let mut desk = Desk::new(columns, rows, caps);
    lead(&mut desk);
    desk
}

fn active() -> Answer {
    Answer::Token(Box::new(token(ANNA, TokenStatus::Active, TotpParameters::default())))
}

const ASCII: Caps = Caps {
    color: Color::Mono,
    glyphs: Glyphs::Ascii,
};

#[test]
fn somebody_new_is_enrolled_with_four_keys_beside_name_and_code() {
    // From the first screen one key opens the list; the issue allows twelve in all.
    let mut keys = 1;
    let mut desk = Desk::on(Box::new(Users::new(Purpose::Enrol)), Role::Helpdesk);
    let nobody = || {
        Answer::Users(UserList {
            users: Vec::new(),
            total: 0,
        })
    };
    desk.answer(|_| true, Ok(nobody()));
    desk.types(ANNA);
    desk.answer(|_| true, Ok(nobody()));
    desk.answer(|_| true, Ok(nobody()));
    desk.keys(&[Key::Enter]);
    keys += 1;
    desk.answer(|request| matches!(request, Request::UserAdd(_)), Ok(user(ANNA)));
    desk.answer(is_add, Ok(made(ANNA, SEED.as_bytes(), TotpParameters::default())));
    desk.types("123456");
    desk.keys(&[Key::Enter]);
    keys += 1;
    desk.answer(|request| matches!(request, Request::TokenConfirm { .. }), Ok(active()));
    assert_eq!(desk.app.screen(), "home", "both screens have closed");
    assert!(desk.text().contains("Token #3 of anna@contoso.example is active"));
    assert!(desk.effects.contains(&Effect::Wipe));
    assert!(keys <= 12, "{keys}");
}

#[test]
fn an_enter_too_many_does_not_leave_the_token_unseen() {
    let mut desk = Desk::on(Box::new(Enrol::new(ANNA)), Role::Helpdesk);
    desk.keys(&[Key::Enter, Key::Enter]);
    desk.answer(is_add, Ok(made(ANNA, SEED.as_bytes(), TotpParameters::default())));
    assert!(desk.text().contains("GEZD"));
}

#[test]
fn esc_does_not_leave_a_token_unseen_while_it_is_made() {
    let mut desk = Desk::on(Box::new(Enrol::new(ANNA)), Role::Helpdesk);
    desk.wait(9);
    desk.keys(&[Key::Esc]);
    assert_eq!(desk.app.screen(), "enrol");
    desk.answer(is_add, Ok(made(ANNA, SEED.as_bytes(), TotpParameters::default())));
    assert!(desk.text().contains("GEZD"));
    // posternd is dead still: nobody is held, and what may be there is said.
    let mut desk = Desk::on(Box::new(Enrol::new(ANNA)), Role::Helpdesk);
    desk.wait(10);
    assert!(desk.text().contains("Esc back"), "{}", desk.text());
    desk.keys(&[Key::Esc]);
    assert_eq!(desk.app.screen(), "home");
    assert!(desk.text().contains("may have been made"), "{}", desk.text());
}

#[test]
fn a_wrong_code_says_why_and_the_token_stays() {
    let mut desk = with(80, 24, Caps::FULL);
    desk.types("123456");
    desk.keys(&[Key::Enter]);
    let Some((_, Request::TokenConfirm { user, code })) = desk.asked.last() else {
        panic!("{:?}", desk.asked);
    };
    assert_eq!((user.as_str(), code.expose()), (ANNA, &b"123456"[..]));
    let line = "that is a code of another time, 90 s behind this box's clock: type the newest one";
    desk.answer(|_| true, Err(Failure::refused(line)));
    let text = desk.text();
    assert!(text.contains("another time") && text.contains("Is the phone"), "{text}");
    assert!(text.contains("GEZD GNBV") && text.contains('█'));
    desk.types("654321");
    desk.keys(&[Key::Enter]);
    desk.answer(|request| matches!(request, Request::TokenConfirm { .. }), Ok(active()));
    assert_eq!(desk.app.screen(), "home");
}

#[test]
fn a_short_code_is_told_before_anybody_is_asked() {
    let mut desk = with(80, 24, Caps::FULL);
    desk.types("12345");
    desk.keys(&[Key::Enter]);
    assert!(desk.asked.is_empty() && desk.text().contains("has 6 digits"));
    desk.types("67");
    assert!(desk.text().contains("[123456    ]"), "{}", desk.text());
}

#[test]
fn leaving_asks_what_becomes_of_the_token_and_removes_it_unless_told_otherwise() {
    let mut desk = with(80, 24, Caps::FULL);
    desk.keys(&[Key::Esc]);
    assert_eq!((desk.app.screen(), desk.asked.len()), ("choose", 0));
    desk.keys(&[Key::Esc]);
    assert_eq!(desk.app.screen(), "enrol", "Esc there goes back to the code");
    desk.keys(&[Key::Esc, Key::Enter]);
    desk.effects.clear();
    desk.answer(
        |request| matches!(request, Request::TokenRemove { id: TokenId(3), .. }),
        Ok(Answer::Done {
            done: "token #3 of anna@contoso.example is removed".to_owned(),
        }),
    );
    assert_eq!(desk.app.screen(), "home");
    assert!(desk.effects.contains(&Effect::Wipe));
    let mut desk = with(80, 24, Caps::FULL);
    desk.keys(&[Key::Esc, Key::Down, Key::Enter]);
    assert_eq!((desk.app.screen(), desk.asked.len()), ("home", 0));
    assert!(desk.text().contains("waits for its first code"));
}

#[test]
fn a_user_who_was_made_by_mistake_goes_too_if_the_operator_may() {
    for (role, offered) in [(Role::Installer, true), (Role::Helpdesk, false)] {
        let mut desk = Desk::on(Box::new(Enrol::make(ANNA)), role);
        desk.answer(|_| true, Ok(user(ANNA)));
        desk.answer(is_add, Ok(made(ANNA, SEED.as_bytes(), TotpParameters::default())));
        desk.keys(&[Key::Esc]);
        assert_eq!(desk.text().contains("the new user"), offered);
    }
}

#[test]
fn r3_another_spelling_of_somebody_who_is_there_gets_the_token() {
    let mut desk = Desk::on(Box::new(Enrol::make("CONTOSO\\anna")), Role::Helpdesk);
    desk.answer(
        |_| true,
        Err(Failure::exists("there is a user anna@contoso.example already")),
    );
    desk.answer(is_add, Ok(made(ANNA, SEED.as_bytes(), TotpParameters::default())));
    assert!(desk.text().contains(ANNA) && !desk.text().contains("A new user"));
    desk.types("123456");
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.asked.last().unwrap().1.target(), ANNA);
}

#[test]
fn a_token_that_cannot_be_made_says_why() {
    let mut desk = Desk::on(Box::new(Enrol::make("a b")), Role::Helpdesk);
    desk.answer(
        |_| true,
        Err(Failure::usage("the name holds a character that no name has")),
    );
    assert!(desk.text().contains("No token was made: the name holds a character"));
    desk.keys(&[Key::Esc]);
    assert_eq!(desk.app.screen(), "home");
}

#[test]
fn another_kind_takes_the_place_of_the_usual_one() {
    let mut desk = with(80, 24, Caps::FULL);
    desk.keys(&[
        Key::Char('o'),
        Key::Right,
        Key::Enter,
        Key::Right,
        Key::Enter,
        Key::Right,
        Key::Enter,
    ]);
    desk.answer(
        |request| matches!(request, Request::TokenRemove { .. }),
        Ok(Answer::Done { done: String::new() }),
    );
    let Some((_, Request::TokenAdd(add))) = desk.asked.last() else {
        panic!("{:?}", desk.asked);
    };
    let kind = TotpParameters {
        algorithm: Algorithm::Sha256,
        digits: 8,
        period: 60,
    };
    assert_eq!(add.parameters, kind.into());
    desk.answer(is_add, Ok(made(ANNA, &[7; 20], kind)));
    assert!(desk.text().contains("SHA-256, 8 digits, 60 seconds."));
    assert!(!desk.text().contains("GEZD"));
    // The same kind again changes nothing.
    desk.keys(&[Key::Char('o'), Key::Enter, Key::Enter, Key::Enter]);
    assert!(desk.asked.is_empty());
}

#[test]
fn r21_another_kind_takes_the_key_off_the_screen_even_where_it_fails() {
    let mut desk = with(80, 24, Caps::FULL);
    desk.keys(&[Key::Char('o'), Key::Right, Key::Enter, Key::Enter]);
    desk.effects.clear();
    desk.keys(&[Key::Enter]);
    assert!(desk.effects.contains(&Effect::Wipe), "{:?}", desk.effects);
    desk.answer(
        |request| matches!(request, Request::TokenRemove { .. }),
        Err(Failure::failed("the disk is full")),
    );
    assert!(!desk.text().contains("GEZD") && desk.text().contains("the disk is full"));
}

#[test]
fn r21_the_key_is_nowhere_but_on_the_screen() {
    let mut desk = with(80, 24, Caps::FULL);
    let inside = format!("{:?}", desk.app);
    assert!(!inside.contains(KEY) && !inside.contains(SEED) && !inside.contains("GEZD"));
    desk.effects.clear();
    desk.wait(301);
    assert_eq!(desk.app.screen(), "login");
    assert!(desk.effects.contains(&Effect::Wipe));
    assert!(!format!("{:?}", desk.app).contains("Made"));
}

#[test]
fn every_line_shows_a_code_it_has_room_for_and_the_key_in_any_case() {
    let bar = |desk: &Desk, of: char| desk.text().matches(of).count() > 100;
    for (columns, rows, caps, code, words) in [
        (80, 24, Caps::FULL, true, true),
        (80, 24, ASCII, false, true),
        (82, 43, ASCII, true, false),
        (81, 43, ASCII, false, true),
        (82, 42, ASCII, false, true),
        (132, 43, ASCII, true, true),
    ] {
        let desk = with(columns, rows, caps);
        let drawn = bar(&desk, if caps == ASCII { '#' } else { '█' });
        assert_eq!(drawn, code, "{columns}x{rows} {}", caps.words());
        assert_eq!(desk.text().contains("GEZD"), words, "{columns}x{rows}");
    }
    // Where the code takes all the room, typing shows the words; s goes back.
    let mut desk = with(82, 43, ASCII);
    desk.types("1");
    assert!(desk.text().contains("GEZD") && desk.text().contains("[1"));
    desk.keys(&[Key::Char('s')]);
    assert!(bar(&desk, '#'));
}

/// Modules of what is drawn, white or black as a camera sees it: letters on a dark ground.
fn modules(cells: &Buffer) -> Vec<Vec<bool>> {
    let mut rows = Vec::new();
    for y in cells.area.top()..cells.area.bottom() {
        let symbols: Vec<&str> = (cells.area.left()..cells.area.right())
            .map(|x| cells[(x, y)].symbol())
            .collect();
        rows.push(symbols.iter().map(|s| matches!(*s, "█" | "▀" | "#")).collect());
        rows.push(symbols.iter().map(|s| matches!(*s, "█" | "▄" | "#")).collect());
    }
    rows
}

/// A picture of it: a cell is one wide and two high, `ink` the brightness of letters.
fn picture(rows: &[Vec<bool>], ink_is_light: bool) -> Vec<u8> {
    const PIXELS: usize = 4;
    let (width, height) = (rows[0].len() * PIXELS, rows.len() * PIXELS);
    let mut out = format!("P5\n{width} {height}\n255\n").into_bytes();
    for y in 0..height {
        for x in 0..width {
            let is_light = rows[y / PIXELS][x / PIXELS] == ink_is_light;
            out.push(if is_light { 255 } else { 0 });
        }
    }
    out
}

/// What `zbarimg` reads from each picture, in their order.
fn read(folder: &Path, pictures: &[Vec<u8>]) -> Vec<String> {
    let mut command = Command::new("zbarimg");
    command.args(["-q", "--raw"]);
    for (number, picture) in pictures.iter().enumerate() {
        let file = folder.join(format!("{number:03}.pgm"));
        std::fs::write(&file, picture).unwrap();
        command.arg(file);
    }
    let output = command.output().expect("zbarimg is there (scripts/setup test)");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// xorshift64*: the test needs spread, not secrecy.
fn next(state: &mut u64) -> u64 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_F491_4F6C_DD1D)
}

/// A hundred users with names of 1 to 64 characters of many kinds, and their seeds.
fn people() -> Vec<(String, Vec<u8>)> {
    let mut state = 11;
    let letters: Vec<char> = "abcdefghijklmnopqrstuvwxyz0123456789.-_äøß中'+&%#".chars().collect();
    let mut person = |number: usize| {
        let length = 1 + number * 64 / 100;
        let mut name: String = (0..length)
            .map(|_| letters[usize::try_from(next(&mut state) >> 33).unwrap() % letters.len()])
            .collect();
        if number.is_multiple_of(2) && length > 20 {
            name = name.chars().take(length - 16).collect::<String>() + "@contoso.example";
        }
        let seed = (0..20).map(|_| (next(&mut state) >> 33) as u8).collect();
        (name, seed)
    };
    (0..100).map(&mut person).collect()
}

/// The URI by the rules of the QR code: issuer twice up to 36 characters of name, once up to 51, and the name cut beyond.
fn expected(name: &str, seed: &[u8]) -> String {
    let mut encoded: Vec<String> = Vec::new();
    for character in name.chars() {
        let mut bytes = [0; 4];
        let text = character.encode_utf8(&mut bytes);
        encoded.push(match character {
            'a'..='z' | '0'..='9' | '.' | '-' | '_' | '@' => text.to_owned(),
            _ => text.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        });
    }
    let length: usize = encoded.iter().map(String::len).sum();
    let mut label = String::new();
    for piece in encoded {
        if label.len() + piece.len() > 51 {
            break;
        }
        label.push_str(&piece);
    }
    let issuer = if length <= 36 { "issuer=Postern&" } else { "" };
    let key = data_encoding::BASE32_NOPAD.encode(seed);
    format!("otpauth://totp/Postern:{label}?{issuer}secret={key}")
}

#[test]
fn a_phone_reads_the_code_of_100_users_from_the_screen() {
    let folder = tempfile::tempdir().unwrap();
    let people = people();
    let wanted: Vec<String> = people.iter().map(|(name, seed)| expected(name, seed)).collect();
    assert!(people.iter().any(|(name, _)| name.chars().count() == 64));
    for (columns, rows, caps, keys, invert) in [
        (80, 24, Caps::FULL, "", false),
        (80, 24, Caps::FULL, "i", true),
        (132, 43, Caps::FULL, "s", false),
        (132, 43, ASCII, "", false),
        (82, 43, ASCII, "i", true),
    ] {
        let pictures: Vec<_> = people
            .iter()
            .map(|(name, seed)| {
                let mut desk = Desk::new(columns, rows, caps);
                desk.open(Box::new(Enrol::new(name)), Role::Helpdesk);
                desk.answer(is_add, Ok(made(name, seed, TotpParameters::default())));
                desk.types(keys);
                // Inverted it is for dark letters on light ground.
                picture(&modules(&desk.cells()), !invert)
            })
            .collect();
        let found = read(folder.path(), &pictures);
        assert_eq!(found, wanted, "{columns}x{rows}, {}", caps.words());
    }
}

#[test]
fn screens() {
    snapshot("enrol", lead);
    snapshot("enrol-large", |desk| {
        lead(desk);
        desk.keys(&[Key::Char('s')]);
    });
    snapshot("enrol-wrong", |desk| {
        desk.open(
            Box::new(Enrol::make("björn.ångström.with.a.name.of.some.length@contoso.example")),
            Role::Installer,
        );
        desk.answer(
            |_| true,
            Ok(user("björn.ångström.with.a.name.of.some.length@contoso.example")),
        );
        let name = "björn.ångström.with.a.name.of.some.length@contoso.example";
        desk.answer(is_add, Ok(made(name, SEED.as_bytes(), TotpParameters::default())));
        desk.types("123456");
        desk.keys(&[Key::Enter]);
        let line = format!(
            "that is no code of a token of {name} that waits for a confirmation: check the user and the key, then type what it shows now"
        );
        desk.answer(|_| true, Err(Failure::refused(line)));
    });
    snapshot("enrol-leave", |desk| {
        desk.open(Box::new(Enrol::make(ANNA)), Role::Installer);
        desk.answer(|_| true, Ok(user(ANNA)));
        desk.answer(is_add, Ok(made(ANNA, SEED.as_bytes(), TotpParameters::default())));
        desk.keys(&[Key::Esc]);
    });
    snapshot("enrol-failed", |desk| {
        desk.open(Box::new(Enrol::new(ANNA)), Role::Helpdesk);
        desk.answer(
            |_| true,
            Err(Failure::failed(
                "the store could not write: the disk is full, make room and try again",
            )),
        );
    });
    let special = TotpParameters {
        algorithm: Algorithm::Sha512,
        digits: 8,
        period: 60,
    };
    snapshot("enrol-special", |desk| {
        desk.open(Box::new(Enrol::new(ANNA)), Role::Helpdesk);
        let Answer::TokenMade(mut token) = made(ANNA, SEED.as_bytes(), special) else {
            panic!("not a token");
        };
        token.warnings = vec![
            "some apps, Microsoft Authenticator among them, ignore hash, digits and period and show codes that are refused: use an \
             app that heeds them, or sha1, 6 digits and 30 s"
                .to_owned(),
        ];
        desk.answer(is_add, Ok(Answer::TokenMade(token)));
    });
}
