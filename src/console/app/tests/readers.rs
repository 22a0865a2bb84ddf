//! Who hears what the readers' thread tells, and when it looks.

use super::*;
use crate::tokens::desk::{Ask, Left, Step, Told as Reader, Trouble};

/// A screen that reads, and says on itself what it was told.
#[derive(Debug, Default)]
struct Reads(Vec<String>);

impl Screen for Reads {
    fn name(&self) -> &'static str {
        "reads"
    }

    fn title(&self) -> String {
        "Reads".to_owned()
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        match key {
            Key::Esc => vec![Action::Close],
            Key::Char('w') => vec![Action::Reader(Ask::Write(700, Box::new(job())))],
            Key::Char('o') => vec![Action::Open(Box::<Plain>::default())],
            Key::Char('r') => vec![Action::Replace(Box::<Reads>::default())],
            Key::Char('u') => vec![Action::Unseen],
            key => {
                self.0.push(format!("{key:?}"));
                Vec::new()
            }
        }
    }

    fn reads(&self) -> bool {
        true
    }

    fn reader(&mut self, told: &Reader, _context: &Context) -> Vec<Action> {
        self.0.push(format!("{told:?}"));
        vec![Action::Ask(9, Request::Ping)]
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = page.area();
        for (row, line) in (0..).zip(&self.0) {
            page.line(area, row, line, crate::console::page::Look::Plain);
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        Vec::new()
    }

    fn help(&self) -> &'static [&'static str] {
        &[]
    }
}

fn job() -> crate::tokens::desk::Job {
    crate::tokens::desk::Job {
        device: "/dev/ttyUSB0".to_owned(),
        serial: "8659622000001".to_owned(),
        profile: None,
        title: String::new(),
        parameters: Default::default(),
        seed: "12345678901234567890".into(),
        customer_key: None,
        replace: false,
    }
}

fn gone() -> Reader {
    Reader::Gone {
        device: "/dev/ttyUSB0".to_owned(),
    }
}

fn reading() -> Desk {
    let mut desk = Desk::on(Box::<Reads>::default(), Role::Helpdesk);
    assert_eq!(desk.reader_asks(), [Ask::Watch(true)]);
    desk
}

fn number(desk: &mut Desk) -> u64 {
    match desk.reader_asks().as_slice() {
        [Ask::Write(number, _)] => *number,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_readers_are_looked_at_while_a_screen_reads_and_not_a_moment_longer() {
    let mut desk = reading();
    desk.keys(&[Key::Char('o')]);
    assert!(desk.reader_asks().is_empty(), "a question on top changes nothing");
    desk.keys(&[Key::Esc, Key::Esc]);
    assert_eq!(desk.reader_asks(), [Ask::Watch(false)]);
    // Another screen that reads in the place of one is told everything anew.
    let mut desk = reading();
    desk.keys(&[Key::Char('r')]);
    assert_eq!(desk.reader_asks(), [Ask::Watch(true)]);
}

#[test]
fn a_screen_below_hears_of_readers_and_of_its_own_job_under_its_own_number() {
    let mut desk = reading();
    desk.keys(&[Key::Char('w')]);
    let number = number(&mut desk);
    assert!(number != 700, "no two screens have the same");
    desk.keys(&[Key::Char('o')]);
    desk.tells(gone());
    desk.tells(Reader::Step(number, Step::Seed));
    desk.tells(Reader::Written(number, crate::console::testing::NOON));
    assert_eq!(
        desk.asked.iter().filter(|(_, request)| pings(request)).count(),
        3,
        "it asks from below"
    );
    desk.keys(&[Key::Esc]);
    let text = desk.text();
    assert!(
        text.contains("Step(700, Seed)") && text.contains("Written(700, "),
        "{text}"
    );
    assert!(text.contains("Gone"), "{text}");
    // Told twice, it is told once.
    desk.tells(Reader::Written(number, crate::console::testing::NOON));
    assert_eq!(desk.text().matches("Written").count(), 1);
}

#[test]
fn what_is_in_a_token_after_a_failure_is_said_also_where_the_screen_was_left() {
    let mut desk = reading();
    desk.keys(&[Key::Char('w')]);
    let number = number(&mut desk);
    desk.keys(&[Key::Esc]);
    let trouble = Trouble {
        words: "the token may hold no seed".to_owned(),
        left: Left::Unknown,
        key_refused: false,
    };
    desk.tells(Reader::Failed(number, trouble));
    assert!(
        desk.text().contains("Not done: the token may hold no seed"),
        "{}",
        desk.text()
    );
}

#[test]
fn r24_nobody_is_locked_out_while_a_token_is_written_and_a_minute_of_it_at_most() {
    // The session of a test lasts 300 s without a key.
    let mut desk = reading();
    desk.wait(280);
    desk.keys(&[Key::Char('w')]);
    let job = number(&mut desk);
    desk.wait(50);
    desk.tells(Reader::Step(job, Step::Seed));
    desk.wait(309);
    assert_eq!(desk.app.screen(), "reads", "a minute and 300 s have not gone by yet");
    desk.wait(1);
    assert_eq!(desk.app.screen(), "login");
    // What becomes of it is kept for the next login.
    let trouble = Trouble {
        words: "the token was taken away".to_owned(),
        left: Left::AsBefore,
        key_refused: false,
    };
    desk.tells(Reader::Failed(job, trouble));
    assert!(!desk.text().contains("taken away"));
    desk.log_in(crate::console::testing::session(Role::Helpdesk));
    assert!(
        desk.text().contains("the token was taken away (8659622000001)"),
        "{}",
        desk.text()
    );
}

#[test]
fn a_question_that_comes_later_is_answered_by_nobody_who_has_not_seen_it() {
    let mut desk = reading();
    desk.burst(&[Key::Char('a')], 10);
    assert!(desk.text().contains("Char('a')"));
    desk.is_stalled = true;
    desk.burst(&[Key::Char('u')], 10);
    desk.burst(&[Key::Char('b')], 5_000);
    assert!(!desk.text().contains("Char('b')"), "its frame has not left");
    desk.is_stalled = false;
    desk.see();
    desk.burst(&[Key::Char('c')], 399);
    assert!(!desk.text().contains("Char('c')"));
    desk.burst(&[Key::Char('d')], 400);
    assert!(desk.text().contains("Char('d')"));
}

#[test]
fn a_frame_from_before_the_question_is_not_taken_for_its_own() {
    let mut desk = reading();
    desk.is_stalled = true;
    desk.burst(&[Key::Char('u')], 1_000);
    let before = desk.app.unseen().unwrap();
    // Asked anew before the first frame has left.
    let mut effects = Vec::new();
    desk.app.apply(vec![Action::Unseen], &mut effects);
    desk.event(Event::Seen(before));
    desk.burst(&[Key::Char('b')], 5_000);
    assert!(!desk.text().contains("Char('b')"), "{}", desk.text());
}
