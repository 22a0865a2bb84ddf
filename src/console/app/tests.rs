mod readers;

use super::*;
use crate::console::caps::Caps;
use crate::console::screen::Hint;
use crate::console::testing::{Desk, hello, session};
use crate::control::{Answer, DirectoryLogin, Failure, FailureKind, Role};

/// A screen that says on itself what happened to it.
#[derive(Debug, Default)]
struct Plain {
    said: Vec<String>,
    secret: bool,
    types: bool,
}

impl Screen for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn title(&self) -> String {
        "Plain".to_owned()
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        self.said.push("refreshed".to_owned());
        Vec::new()
    }

    fn watches(&self) -> Topics {
        Topics::RECORDS
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        self.said.push(format!("{key:?}"));
        match key {
            Key::Esc => vec![Action::Close],
            Key::Char('a') => vec![Action::Ask(7, Request::Ping)],
            Key::Char('u') => vec![Action::Ask(8, unlock())],
            Key::Char('o') => vec![Action::Open(Box::<Plain>::default())],
            Key::Char('s') => vec![Action::Say(Tone::Done, "it is done".to_owned())],
            Key::Char('t') => vec![Action::CloseWith(Told::Yes(3))],
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        self.said.push(format!("answer {tag}"));
        match answer {
            Ok(_) => vec![Action::Open(Box::<Plain>::default()), Action::Close],
            Err(failure) => vec![Action::Fail(failure)],
        }
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        self.said.push(format!("{told:?}"));
        Vec::new()
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = page.area();
        for (row, line) in (0..).zip(&self.said) {
            page.line(area, row, line, crate::console::page::Look::Plain);
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("a", "ask")]
    }

    fn help(&self) -> &'static [&'static str] {
        &["This is explained."]
    }

    fn types(&self, _character: char) -> bool {
        self.types
    }

    fn secret_typed(&self) -> Option<usize> {
        self.secret.then_some(0)
    }

    fn shows_secret(&self) -> bool {
        self.secret
    }
}

use crate::console::page::Page;

/// On a plain screen above the first one, with nothing asked.
fn desk() -> Desk {
    let mut desk = Desk::on(Box::<Plain>::default(), Role::Installer);
    desk.asked.clear();
    desk.effects.clear();
    desk
}

fn pong() -> Result<Answer, Failure> {
    Ok(Answer::Done { done: String::new() })
}

fn unlock() -> Request {
    Request::UserUnlock {
        name: "anna@contoso.example".to_owned(),
    }
}

fn pings(request: &Request) -> bool {
    *request == Request::Ping
}

fn moved(records: u64, log: u64) -> Event {
    Event::Moved(Moved {
        records,
        log,
        ..Moved::default()
    })
}

fn stays(desk: &Desk) -> usize {
    desk.asked.iter().filter(|(_, r)| *r == Request::Stay).count()
}

#[test]
fn a_late_answer_to_a_closed_screen_changes_nothing() {
    let mut desk = desk();
    desk.types("a");
    desk.keys(&[Key::Esc]);
    let (before, layers) = (desk.text(), desk.app.layers.len());
    desk.answer(pings, pong());
    assert_eq!((desk.text(), desk.app.layers.len()), (before, layers));
    desk.event(Event::Answer(999, Box::new(pong())));
    assert_eq!(desk.app.screen(), "home");
}

#[test]
fn what_became_of_a_change_is_said_also_after_its_screen_was_left() {
    let failure = Failure::new(FailureKind::Unreachable, "the store cannot be written");
    let done = || Answer::Done {
        done: "anna is unlocked".to_owned(),
    };
    for (answer, words) in [
        (
            Err(failure),
            "Not done: user unlock anna@contoso.example: the store cannot be written",
        ),
        (Ok(done()), "anna is unlocked"),
    ] {
        let mut desk = desk();
        desk.types("u");
        desk.keys(&[Key::Esc]);
        desk.answer(|request| *request == unlock(), answer);
        assert!(desk.text().contains(words), "{}", desk.text());
        // Keys that were on their way already do not take it away.
        desk.burst(&[Key::Down, Key::Down], 100);
        assert!(desk.text().contains(words), "{}", desk.text());
        desk.burst(&[Key::Down], 100);
        assert!(!desk.text().contains(words), "{}", desk.text());
    }
}

#[test]
fn a_posternd_that_stands_still_is_said_and_its_answer_takes_that_back() {
    let mut desk = desk();
    let words = "NO ANSWER from posternd since 14:05";
    desk.app.asks.clear();
    desk.types("a");
    desk.wait(9);
    assert!(!desk.text().contains(words));
    desk.wait(1);
    assert!(desk.text().contains(words), "{}", desk.text());
    desk.types("x");
    desk.wait(1);
    assert!(desk.text().contains(words), "it is said again after a key");
    // The first screen says it in the place of what was known, and asked itself meanwhile.
    desk.keys(&[Key::Esc]);
    assert!(
        desk.text().contains(words) && !desk.text().contains("ANSWERING"),
        "{}",
        desk.text()
    );
    desk.answer(pings, pong());
    assert!(!desk.text().contains(words), "{}", desk.text());
}

#[test]
fn who_waits_for_a_directory_is_not_told_that_posternd_stands_still() {
    let mut desk = desk();
    desk.app.asks.clear();
    let login = DirectoryLogin {
        user: "anna@contoso.example".to_owned(),
        password: "correct horse".into(),
    };
    desk.app
        .ask(Asker::Application, Request::EntraTest(login), &mut Vec::new());
    desk.types("a");
    desk.wait(30);
    assert!(!desk.text().contains("NO ANSWER"), "{}", desk.text());
}

#[test]
fn an_answer_to_a_screen_below_reaches_it_and_opens_and_closes_nothing() {
    let mut desk = desk();
    desk.types("ao");
    let layers = desk.app.layers.len();
    desk.answer(pings, pong());
    assert_eq!(desk.app.layers.len(), layers);
    desk.keys(&[Key::Esc]);
    assert!(desk.text().contains("answer 7"), "{}", desk.text());
}

#[test]
fn who_closes_tells_the_screen_below_before_it_asks_anew() {
    let mut desk = desk();
    desk.types("ot");
    let text = desk.text();
    let (told, refreshed) = (text.find("Yes(3)").unwrap(), text.rfind("refreshed").unwrap());
    assert!(told < refreshed, "{text}");
}

#[test]
fn r24_a_lock_wipes_the_screen_and_forgets_everything() {
    let mut desk = desk();
    desk.types("ao");
    let (number, _) = *desk.asked.iter().find(|(_, r)| pings(r)).unwrap();
    desk.wait(300);
    assert_eq!(desk.app.screen(), "login");
    assert!(desk.text().contains("Locked: no key for 5m"), "{}", desk.text());
    assert!(desk.effects.contains(&Effect::Wipe));
    assert!(desk.asked.iter().any(|(_, r)| *r == Request::LogOut));
    assert_eq!(desk.app.layers.len(), 1);
    assert!(desk.app.context().session.is_none());
    assert!(!format!("{:?}", desk.app.layers).contains("Plain"));
    // What was asked before may be answered with a refusal: it locks nobody out.
    let failure = Failure::new(FailureKind::LogInFirst, "log in first");
    desk.app.log_in_for_test(session(Role::Helpdesk));
    desk.event(Event::Answer(number, Box::new(Err(failure))));
    assert_eq!(desk.app.screen(), "home");
}

#[test]
fn r24_a_key_keeps_the_session_and_posternd_may_end_it() {
    let mut desk = desk();
    desk.wait(299);
    desk.types("x");
    desk.wait(299);
    assert_eq!(desk.app.screen(), "plain");
    desk.event(Event::Ended("carl has disabled this operator".to_owned()));
    assert_eq!(desk.app.screen(), "login");
    assert!(desk.text().contains("carl has disabled this operator"));
    assert!(desk.effects.contains(&Effect::Wipe));
    // Nobody is logged in: an end is no news.
    desk.types("berta");
    desk.event(Event::Ended("again".to_owned()));
    assert!(desk.text().contains("[berta"), "{}", desk.text());
}

#[test]
fn r24_a_session_that_is_gone_leads_to_the_login() {
    let mut desk = desk();
    desk.types("a");
    let failure = Failure::new(FailureKind::LogInFirst, "no key for 5 minutes: log in again");
    desk.answer(pings, Err(failure));
    assert_eq!(desk.app.screen(), "login");
    assert!(desk.text().contains("no key for 5 minutes: log in again"));
}

#[test]
fn posternd_hears_of_keys_every_15_seconds_at_most_and_of_the_last_one() {
    let mut desk = desk();
    for _ in 0..65 {
        desk.wait(1);
        desk.burst(&[Key::Char('x')], 0);
    }
    assert_eq!(stays(&desk), 4);
    desk.asked.clear();
    desk.wait(300 - 1);
    assert_eq!(stays(&desk), 1, "the keys since the last Stay, and nothing after them");
}

#[test]
fn down_and_up_again_lead_to_the_login_and_keep_nothing() {
    let mut desk = desk();
    desk.types("a");
    desk.event(Event::Down("posternd has stopped".to_owned()));
    assert_eq!(desk.app.screen(), "waiting");
    assert!(desk.text().contains("posternd has stopped"));
    assert!(desk.effects.contains(&Effect::Wipe));
    assert!(!desk.text().contains("anna"), "{}", desk.text());
    desk.event(Event::Down("no one is there yet".to_owned()));
    assert!(desk.text().contains("no one is there yet"));
    desk.keys(&[Key::Esc, Key::Enter, Key::Char('x')]);
    desk.event(Event::Up(hello()));
    assert_eq!(desk.app.screen(), "login");
    assert!(desk.text().contains("posternd was restarted: log in again"));
    assert!(desk.app.context().session.is_none());
    // Said to who was thrown out, and to nobody else.
    desk.event(Event::Down("posternd has stopped".to_owned()));
    desk.event(Event::Up(hello()));
    assert!(!desk.text().contains("restarted"), "{}", desk.text());
    desk.answer(pings, pong());
    assert_eq!(desk.app.layers.len(), 1);
}

#[test]
fn r21_the_rest_of_a_password_is_no_name() {
    let mut desk = desk();
    let rest: Vec<Key> = "giraffe 90210\r".chars().map(Key::Char).collect();
    desk.burst(&[Key::Char('t'), Key::Char('a')], 150);
    desk.event(Event::Down("posternd has stopped".to_owned()));
    desk.burst(&rest[..3], 150);
    desk.event(Event::Up(hello()));
    desk.burst(&rest[3..], 150);
    desk.burst(&[Key::Enter], 499);
    let empty = "> Name               [      ";
    assert!(desk.text().contains(empty), "{}", desk.text());
    // The same where posternd, or nobody at the keys, has ended the session.
    desk.app.log_in_for_test(session(Role::Helpdesk));
    desk.event(Event::Ended("carl has disabled this operator".to_owned()));
    desk.burst(&rest, 150);
    assert!(desk.text().contains(empty), "{}", desk.text());
    desk.burst(&[Key::Char('a')], 500);
    desk.burst(&[Key::Char('n')], 10);
    assert!(desk.text().contains("[an   "), "{}", desk.text());
}

#[test]
fn who_logs_out_may_log_in_at_once() {
    let mut desk = desk();
    desk.keys(&[Key::Esc, Key::Esc, Key::Enter]);
    assert_eq!(desk.app.screen(), "login");
    desk.burst(&[Key::Char('b')], 10);
    assert!(desk.text().contains("[b "), "{}", desk.text());
}

#[test]
fn only_what_a_screen_watches_refreshes_it() {
    let mut desk = desk();
    let refreshed = |desk: &Desk| desk.text().matches("refreshed").count();
    desk.event(moved(5, 5));
    assert_eq!(refreshed(&desk), 1, "the first one says where the counts begin");
    desk.event(moved(5, 6));
    assert_eq!(refreshed(&desk), 1);
    desk.event(moved(6, 6));
    assert_eq!(refreshed(&desk), 2);
}

#[test]
fn help_stands_over_a_screen_and_its_keys_do_not_reach_it() {
    let mut desk = desk();
    desk.types("?");
    assert!(desk.text().contains("Help: Plain") && desk.text().contains("This is explained."));
    desk.keys(&[Key::Down, Key::Esc]);
    assert!(
        !desk.text().contains("Help:") && !desk.text().contains("Esc\n"),
        "{}",
        desk.text()
    );
    assert_eq!(desk.app.screen(), "plain");
    // Where a question mark is typed, F1 helps.
    let typing = Plain {
        types: true,
        ..Plain::default()
    };
    desk.app.open_for_test(Box::new(typing));
    desk.types("?");
    assert!(
        desk.text().contains("Char('?')") && desk.text().contains("F1 help"),
        "{}",
        desk.text()
    );
    desk.keys(&[Key::F(1)]);
    assert!(desk.text().contains("Help: Plain"));
}

#[test]
fn help_is_gone_with_its_screen() {
    let mut desk = desk();
    desk.types("?");
    desk.wait(300);
    assert_eq!(desk.app.screen(), "login");
    assert!(!desk.text().contains("Help:"));
}

#[test]
fn nothing_but_ctrl_c_by_hand_ends_the_program() {
    let mut desk = desk();
    desk.keys(&[Key::Ctrl('c')]);
    assert!(!desk.effects.contains(&Effect::Quit));
    desk.app.may_quit = true;
    desk.keys(&[Key::Ctrl('c')]);
    assert_eq!(desk.effects, [Effect::Wipe, Effect::Quit]);
}

#[test]
fn a_window_too_small_takes_no_keys_and_loses_nothing() {
    let mut desk = desk();
    desk.event(Event::Size(79, 24));
    desk.types("ao");
    desk.keys(&[Key::Esc]);
    assert!(desk.asked.iter().all(|(_, r)| !pings(r)));
    assert!(desk.text().contains("This window is 79x24"), "{}", desk.text());
    desk.keys(&[Key::Ctrl('l')]);
    assert_eq!(desk.effects, [Effect::Repaint]);
    desk.event(Event::Size(80, 24));
    assert_eq!(desk.app.screen(), "plain");
}

#[test]
fn a_note_stands_until_the_next_key() {
    let mut desk = desk();
    desk.types("s");
    desk.wait(10);
    assert!(desk.text().contains("it is done"));
    desk.types("x");
    assert!(!desk.text().contains("it is done"));
}

#[test]
fn the_look_of_the_line_is_said_and_remembered() {
    let mut desk = desk();
    desk.keys(&[Key::Ctrl('t')]);
    assert_eq!(desk.effects, [Effect::Caps(Caps::default().next())]);
    assert!(desk.text().contains("This line: colours, ASCII"), "{}", desk.text());
}

#[test]
fn r21_a_screen_with_a_secret_is_wiped_when_it_goes() {
    let secret = || {
        Box::new(Plain {
            secret: true,
            ..Plain::default()
        })
    };
    let mut desk = desk();
    desk.app.open_for_test(secret());
    desk.keys(&[Key::Esc]);
    assert_eq!(desk.effects, [Effect::Wipe]);
    desk.effects.clear();
    desk.app.open_for_test(secret());
    desk.types("o");
    assert!(desk.effects.is_empty());
    desk.event(Event::Down("posternd has stopped".to_owned()));
    assert!(desk.effects.contains(&Effect::Wipe));
}

#[test]
fn the_way_to_the_help_is_always_shown() {
    let mut desk = Desk::on(Box::<Long>::default(), Role::Installer);
    assert!(desk.text().trim_end().ends_with("? help"), "{}", desk.text());
    desk.types("?");
    assert!(desk.text().trim_end().ends_with("? help"), "{}", desk.text());
}

/// More keys than fit.
#[derive(Debug, Default)]
struct Long;

impl Screen for Long {
    fn name(&self) -> &'static str {
        "long"
    }

    fn title(&self) -> String {
        "Long".repeat(40)
    }

    fn on(&mut self, _key: Key, _context: &Context) -> Vec<Action> {
        Vec::new()
    }

    fn draw(&self, _page: &mut Page<'_>, _context: &Context) {}

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("x", "does something or other here"); 9]
    }

    fn help(&self) -> &'static [&'static str] {
        &[]
    }
}
