use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::{BASE32_NOPAD, BASE64};

use super::*;
use crate::console::event::Effect;
use crate::console::screens::operator_form::OperatorForm;
use crate::console::testing::{NOON, hello, session, text_of};
use crate::control::strength;
use crate::control::{
    Algorithm, BypassCode, Failure, OperatorInfo, OperatorList, OperatorTokenMade, Request, Role, TokenId, TokenInfo,
    TokenMade, TokenStatus,
};
use crate::enrol::base32;
use crate::tokens::desk;

mod tokens;

/// A place to write that can be looked at afterwards.
#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A session that is recorded while it goes; each event's screen is kept.
struct Live {
    app: App,
    recorder: Recorder<Shared>,
    written: Shared,
    now: Now,
    /// Questions, not answered yet.
    asked: Vec<(u64, Request)>,
    /// Numbers of the seeds that were to be written.
    jobs: Vec<u64>,
    /// After each event: the screen's name and its text.
    screens: Vec<(&'static str, String)>,
}

impl Live {
    fn new() -> Self {
        let head = Head {
            line: "ttyS0".to_owned(),
            columns: 80,
            rows: 24,
            caps: Caps::FULL,
            qr_inverted: false,
            zone: "3600".to_owned(),
            version: String::new(),
        };
        let context = head.context();
        let written = Shared::default();
        Self {
            recorder: Recorder::new(written.clone(), &context).unwrap(),
            app: App::new(context, false),
            written,
            now: Now {
                wall: NOON,
                mono: Duration::from_secs(1),
            },
            asked: Vec::new(),
            jobs: Vec::new(),
            screens: Vec::new(),
        }
    }

    /// Something happens, and the frame that shows it leaves; a key is pressed by somebody who has read the screen.
    fn event(&mut self, event: Event) {
        if matches!(event, Event::Key(_)) && self.app.is_shut(self.now) {
            self.now.mono += Duration::from_millis(500);
        }
        self.take(event);
        if let Some(number) = self.app.unseen() {
            self.take(Event::Seen(number));
        }
    }

    fn take(&mut self, event: Event) {
        self.now.mono += Duration::from_millis(100);
        self.recorder.record(&self.app, &event, self.now).unwrap();
        for effect in self.app.handle(event, self.now) {
            match effect {
                Effect::Ask(number, request) => self.asked.push((number, *request)),
                Effect::Reader(desk::Ask::Write(number, _)) => self.jobs.push(number),
                _ => {}
            }
        }
        let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
        self.app.draw(&mut buffer);
        self.screens.push((self.app.screen(), text_of(&buffer)));
    }

    fn types(&mut self, text: &str) {
        text.chars().for_each(|c| self.event(Event::Key(Key::Char(c))));
    }

    fn enter(&mut self) {
        self.event(Event::Key(Key::Enter));
    }

    fn answer(&mut self, word: &str, answer: Result<Answer, Failure>) {
        let at = self.asked.iter().position(|(_, r)| r.word() == word);
        let (number, _) = self
            .asked
            .remove(at.unwrap_or_else(|| panic!("{word}: {:?}", self.asked)));
        self.event(Event::Answer(number, Box::new(answer)));
    }

    fn record(&self) -> String {
        String::from_utf8(self.written.0.lock().unwrap().clone()).unwrap()
    }
}

const PASSWORD: &str = "Tall\"Giraffe 90210 \u{e9}t\u{e9}";
const NEW: &str = "nine blue candles, 4 winds";
const CODE: &str = "918273";
const SEED: &[u8] = b"\x01\x02\xfe\xdc\x98seedseedseed\x00\xff\x10";
const BYPASS: &str = "48159263";
const SHARED: &str = "Zk9xPq2Lm7Rt4Vw8";

/// Logs in, changes the own password, enrols somebody, makes a bypass code and a token of the operator's own.
fn session_with_secrets() -> Live {
    let mut live = Live::new();
    live.event(Event::Up(hello()));
    live.types("anna");
    live.enter();
    live.types(PASSWORD);
    live.enter();
    live.types(CODE);
    live.enter();
    live.answer("log in", Ok(Answer::Session(session(Role::Installer))));
    live.event(Event::Tick);
    // Own password, from the first screen by its keys.
    live.types("yp");
    live.types(PASSWORD);
    live.enter();
    live.types(NEW);
    live.enter();
    live.types("nine blue candle");
    live.event(Event::Key(Key::Backspace));
    live.types("es, 4 winds");
    live.enter();
    let done = Answer::Done {
        done: "the password is changed".to_owned(),
    };
    live.answer("operator password", Ok(done));
    // A token of the operator's own.
    live.event(Event::Key(Key::Esc));
    live.types("o");
    live.answer("operator list", Ok(operators()));
    live.enter();
    live.answer("operator list", Ok(operators()));
    live.types("t");
    let [_, made, ..] = answers();
    live.answer("operator token add", Ok(made));
    live.types(CODE);
    live.enter();
    let failure = Failure::refused("this code is one of another time: wait for the next one");
    live.answer("operator token confirm", Err(failure));
    live.types(CODE);
    live.event(Event::Tick);
    live.event(Event::Key(Key::Esc));
    live
}

fn operators() -> Answer {
    let anna = OperatorInfo {
        name: "anna".to_owned(),
        role: Role::Installer,
        enabled: true,
        token: false,
        token_pending: false,
        locked_seconds: None,
        created: NOON,
        last: None,
        lines: vec!["ttyS0".to_owned()],
    };
    Answer::Operators(OperatorList { operators: vec![anna] })
}

fn token() -> TokenInfo {
    TokenInfo {
        id: TokenId(3),
        user: "berta@contoso.example".to_owned(),
        status: TokenStatus::Pending,
        algorithm: Algorithm::Sha1,
        digits: 6,
        period: Some(30),
        counter: None,
        serial: String::new(),
        model: String::new(),
        source: crate::control::TokenSource::App,
        created: NOON,
        drift_seconds: 0,
        last_code: None,
    }
}

/// Every answer that holds a secret.
fn answers() -> [Answer; 4] {
    let seed = || Secret::new(SEED.to_vec());
    [
        Answer::TokenMade(Box::new(TokenMade {
            token: token(),
            seed: seed(),
            issuer: "Postern".to_owned(),
            warnings: Vec::new(),
        })),
        Answer::OperatorToken(OperatorTokenMade {
            operator: "anna".to_owned(),
            seed: seed(),
            issuer: "Postern".to_owned(),
        }),
        Answer::Bypass(BypassCode {
            user: "berta@contoso.example".to_owned(),
            code: Secret::from(BYPASS),
            minutes: 5,
            until: NOON,
        }),
        Answer::ClientMade(Box::new(crate::control::ClientMade {
            client: serde_json::from_value(serde_json::json!({
                "name": "vpn", "net": "192.0.2.1", "mode": "append", "first": "entra",
                "require_message_authenticator": true, "order": "password-code", "delimiter": null,
                "unmatched": "refuse", "reject_delay_ms": 1000, "deadline_ms": 2500, "unavailable": "reject",
                "prompt": "", "challenge_timeout_ms": 60000, "charset": "utf8", "in_flight": 1,
                "created": "2026-03-01T10:31:04.250Z", "secret_length": 16
            }))
            .unwrap(),
            secret: Some(Secret::from(SHARED)),
        })),
    ]
}

/// No form of the secret stands in the text.
fn holds_none(record: &str, secret: &[u8]) {
    let raw = String::from_utf8_lossy(secret).into_owned();
    let escaped = serde_json::to_string(&raw).unwrap();
    let numbers = serde_json::to_string(&secret).unwrap();
    for form in [
        raw.clone(),
        escaped.trim_matches('"').to_owned(),
        BASE64.encode(secret),
        BASE32_NOPAD.encode(secret),
        numbers,
    ] {
        assert!(!record.contains(&form), "{form} is on record");
    }
    // Keys are on record one by one.
    let keys: String = record
        .lines()
        .skip(1)
        .filter_map(|line| match serde_json::from_str::<Entry>(line).unwrap().event {
            Event::Key(Key::Char(c)) => Some(c),
            _ => None,
        })
        .collect();
    assert!(!keys.contains(&raw), "{raw} was typed and is on record: {keys}");
}

#[test]
fn r21_no_secret_that_was_typed_or_answered_is_on_record() {
    let mut live = session_with_secrets();
    for answer in answers() {
        live.event(Event::Answer(12_345, Box::new(Ok(answer))));
    }
    let record = live.record();
    for secret in [
        PASSWORD.as_bytes(),
        NEW.as_bytes(),
        CODE.as_bytes(),
        SEED,
        BYPASS.as_bytes(),
        SHARED.as_bytes(),
    ] {
        holds_none(&record, secret);
    }
    assert!(
        record.contains("anna") || record.contains(r#"{"char":"a"}"#),
        "names are on record"
    );
}

#[test]
fn a_replay_gives_the_screens_of_the_session() {
    let live = session_with_secrets();
    let record = live.record();
    let mut replay = Replay::new(record.as_bytes()).unwrap();
    let key = base32::groups(&BASE32_NOPAD.encode(SEED));
    let key = &key[..19];
    let (mut same, mut shown) = (0, 0);
    for (number, (name, text)) in live.screens.iter().enumerate() {
        let screen = text_of(&replay.next().unwrap().unwrap());
        assert_eq!(replay.app().screen(), *name, "event {number}");
        if text.contains(key) {
            // All but the key and its drawing, which stands left of the words.
            let words = |text: &str| -> Vec<String> {
                let rows = text.lines().skip(1).map(|row| row.chars().skip(38).collect::<String>());
                let is_group = |word: &str| word.len() == 4 && !word.contains(|c: char| c.is_ascii_lowercase());
                rows.filter(|row| !row.split(' ').any(is_group)).collect()
            };
            assert_eq!(words(&screen), words(text), "event {number}");
            assert!(!screen.contains(key), "{screen}");
            shown += 1;
        } else {
            assert_eq!(&screen, text, "event {number}");
            same += 1;
        }
    }
    assert!(same > 100 && shown > 10, "{same} {shown}");
    assert!(replay.next().is_none());
}

#[test]
fn r21_what_is_typed_on_while_posternd_goes_and_comes_is_not_on_record() {
    let mut live = Live::new();
    live.event(Event::Up(hello()));
    live.types("anna");
    live.enter();
    live.types("tall");
    live.event(Event::Down("posternd has stopped".to_owned()));
    "GIRAF".chars().for_each(|c| live.take(Event::Key(Key::Char(c))));
    live.event(Event::Up(hello()));
    "ZEBRA".chars().for_each(|c| live.take(Event::Key(Key::Char(c))));
    let record = live.record();
    for character in "GIRAFZEB".chars() {
        assert!(!record.contains(&format!("{{\"char\":\"{character}\"}}")), "{record}");
    }
}

#[test]
fn a_stand_in_passes_where_a_good_password_does() {
    for length in strength::PASSWORD_MIN..=strength::PASSWORD_MAX {
        let typed: String = (0..length).map(|at| char_in('\u{e9}', at)).collect();
        assert_eq!(strength::password("anna", &typed), Ok(()), "{typed}");
        assert_eq!(typed.chars().count(), length);
    }
    let code: String = CODE.chars().enumerate().map(|(at, c)| char_in(c, at)).collect();
    assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()) && code != CODE);
}

#[test]
fn shortcuts_are_on_record_as_they_are_also_beside_a_secret() {
    let mut live = Live::new();
    live.event(Event::Up(hello()));
    live.types("anna");
    live.enter();
    live.enter();
    // The code's field takes digits alone: a question mark asks for help there.
    live.types("?");
    assert!(
        live.record().lines().last().unwrap().contains(r#""?""#),
        "{}",
        live.record()
    );
    let app = replay(live.record().as_bytes()).unwrap();
    let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
    app.draw(&mut buffer);
    assert!(text_of(&buffer).contains("Help: Log in"), "{}", text_of(&buffer));
}

#[test]
fn what_is_no_record_is_refused_in_one_line() {
    for (text, words) in [("", "empty"), ("{}\n", "line 1"), ("hello", "line 1")] {
        assert!(replay(text.as_bytes()).unwrap_err().contains(words), "{text}");
    }
    let live = Live::new();
    let record = format!("{}nonsense\n", live.record());
    assert!(replay(record.as_bytes()).unwrap_err().starts_with("line 2: "));
}

#[test]
fn r21_a_form_of_the_operators_password_says_when_it_is_typed() {
    // A record relies on it; the screens that have such a field are all named here.
    let live = Live::new();
    let mut form = OperatorForm::password("berta");
    assert_eq!(crate::console::screen::Screen::secret_typed(&form), Some(0));
    crate::console::screen::Screen::on(&mut form, Key::Char('x'), live.app.context());
    assert_eq!(crate::console::screen::Screen::secret_typed(&form), Some(1));
}
