//! The thread over pseudo-terminals, with the small chip of `testing`. What a token does with its commands is tested elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::thread::spawn_with;
use super::*;
use crate::tokens::channel::LinkError;
use crate::tokens::find::{Finder, Settings};
use crate::tokens::pn532::port::Port;
use crate::tokens::testing::{Card, Plugged, TOKEN_TIME, Table, Tree};

/// How long anything may take to be told.
const PATIENCE: Duration = Duration::from_secs(20);
/// Nothing is told for so long: nothing changed. Several polls, and a look for readers.
const STILL: Duration = Duration::from_millis(1_300);

fn clock() -> Timestamp {
    Timestamp((TOKEN_TIME + 5) * 1_000)
}

/// A desk over a tree of folders, and what it tells.
struct Rig {
    tree: Tree,
    desk: Desk,
    told: Receiver<Told>,
}

impl Rig {
    fn new(tree: Tree, settings: Settings) -> Self {
        let (sender, told) = channel();
        let finder = Finder::new(tree.places(), settings).with_pcsc(|| Ok(Vec::new()));
        let desk = spawn_with(finder, clock, move |told| drop(sender.send(told))).unwrap();
        Self { tree, desk, told }
    }

    /// With one marked reader.
    fn with(table: &Arc<Mutex<Table>>) -> (Self, Plugged) {
        let (tree, plugged) = (Tree::new(), Plugged::new(table));
        tree.plug(0, &plugged.path);
        tree.tag(0);
        (Self::new(tree, Settings::default()), plugged)
    }

    fn next(&self) -> Told {
        self.told.recv_timeout(PATIENCE).expect("nothing is told")
    }

    fn still(&self) {
        match self.told.recv_timeout(STILL) {
            Err(RecvTimeoutError::Timeout) => {}
            got => panic!("{got:?}"),
        }
    }

    /// The only reader, as it is told next.
    fn reader(&self) -> Reader {
        match self.next() {
            Told::Readers(readers) if readers.len() == 1 => readers[0].clone(),
            told => panic!("{told:?}"),
        }
    }

    fn proven(&self) {
        let reader = self.reader();
        assert!(reader.proven && reader.trouble.is_none(), "{reader:?}");
    }

    fn placed(&self) -> Placed {
        match self.next() {
            Told::Placed(placed) => placed,
            told => panic!("{told:?}"),
        }
    }

    fn gone(&self) {
        let told = self.next();
        assert!(matches!(told, Told::Gone { .. }), "{told:?}");
    }

    fn device(&self, number: u8) -> String {
        self.tree
            .path(&format!("dev/ttyUSB{number}"))
            .to_string_lossy()
            .into_owned()
    }

    fn write(&self, number: u64, serial: &str) {
        self.desk.ask(Ask::Write(number, Box::new(job(self.device(0), serial))));
    }

    /// All that is told of a job: its steps and its end.
    fn job(&self, number: u64) -> (Vec<Step>, Result<Timestamp, Trouble>) {
        let mut steps = Vec::new();
        loop {
            match self.next() {
                Told::Step(of, step) if of == number => steps.push(step),
                Told::Written(of, at) if of == number => return (steps, Ok(at)),
                Told::Failed(of, trouble) if of == number => return (steps, Err(trouble)),
                told => panic!("{told:?}"),
            }
        }
    }
}

fn job(device: String, serial: &str) -> Job {
    Job {
        device,
        serial: serial.to_owned(),
        profile: None,
        title: "anna".to_owned(),
        parameters: TotpParameters::default(),
        seed: Secret::from("12345678901234567890"),
        customer_key: None,
        replace: false,
    }
}

fn table(card: Option<Card>) -> Arc<Mutex<Table>> {
    Arc::new(Mutex::new(Table {
        card,
        ..Table::default()
    }))
}

#[test]
fn a_token_is_told_once_when_it_comes_and_once_when_it_goes() {
    let table = table(None);
    let (rig, _plugged) = Rig::with(&table);
    rig.still();
    assert_eq!(table.lock().heard, 0, "nobody watches");
    rig.desk.ask(Ask::Watch(true));
    rig.proven();
    rig.still();
    table.lock().card = Some(Card::TOKEN);
    let placed = rig.placed();
    assert_eq!(
        (placed.device, placed.serial.as_str()),
        (rig.device(0), Card::TOKEN.serial)
    );
    assert_eq!((placed.model.as_str(), placed.clock_ahead), ("OTPC-P2-i", Some(-5)));
    rig.still();
    assert_eq!(table.lock().apdus, [0x41], "a token that stays is asked nothing more");
    table.lock().card = None;
    rig.gone();
    table.lock().card = Some(Card::OTHER);
    assert_eq!(rig.placed().serial, Card::OTHER.serial);
    // One for another, in one move.
    table.lock().card = Some(Card::TOKEN);
    rig.gone();
    assert_eq!(rig.placed().serial, Card::TOKEN.serial);
    rig.still();
}

#[test]
fn what_is_no_token_is_told_once_with_the_reason() {
    let table = table(Some(Card::TICKET));
    let (rig, _plugged) = Rig::with(&table);
    rig.desk.ask(Ask::Watch(true));
    rig.proven();
    match rig.next() {
        Told::Unfit { device, why } => assert!(
            device == rig.device(0) && why.contains("speaks no ISO 14443-4"),
            "{why}"
        ),
        told => panic!("{told:?}"),
    }
    rig.still();
    rig.write(1, Card::TOKEN.serial);
    let (steps, failed) = rig.job(1);
    let trouble = failed.unwrap_err();
    assert!(steps.is_empty() && trouble.left == Left::AsBefore && trouble.words.contains("nothing was written"));
    assert!(matches!(rig.next(), Told::Unfit { .. }), "it is looked at anew");
    table.lock().card = None;
    rig.gone();
    assert!(table.lock().apdus.is_empty());
}

#[test]
fn a_seed_is_written_step_by_step_and_the_token_is_looked_at_anew() {
    let table = table(Some(Card::TOKEN));
    let (rig, _plugged) = Rig::with(&table);
    rig.desk.ask(Ask::Watch(true));
    rig.proven();
    rig.placed();
    rig.write(7, Card::TOKEN.serial);
    let (steps, done) = rig.job(7);
    assert_eq!(
        steps,
        [Step::Authenticate, Step::Configure, Step::AuthenticateAgain, Step::Seed]
    );
    assert_eq!(done, Ok(clock()));
    rig.placed();
    let said = table.lock().apdus.clone();
    assert_eq!(said, [0x41, 0x41, 0x4b, 0xce, 0xd4, 0x41, 0x4b, 0xce, 0xc5, 0x41]);
    // Another token than the job's: refused before anything is written.
    rig.write(8, Card::OTHER.serial);
    let (steps, failed) = rig.job(8);
    assert_eq!((steps.len(), failed.unwrap_err().left), (0, Left::AsBefore));
    rig.placed();
    table.lock().card = None;
    rig.gone();
    rig.write(9, Card::TOKEN.serial);
    let trouble = rig.job(9).1.unwrap_err();
    assert!(
        trouble.left == Left::AsBefore && trouble.words.contains("no token lies on the reader"),
        "{trouble:?}"
    );
}

#[test]
fn a_clock_is_set_where_that_costs_nothing() {
    let table = table(Some(Card {
        serial: "86596000000001",
        ..Card::TOKEN
    }));
    let (rig, _plugged) = Rig::with(&table);
    rig.desk.ask(Ask::SetClock {
        number: 3,
        device: rig.device(0),
        serial: "86596000000001".to_owned(),
        profile: None,
        parameters: TotpParameters::default(),
        customer_key: None,
    });
    assert_eq!(
        rig.job(3),
        (vec![Step::Authenticate, Step::Clock], Ok(clock())),
        "although nobody watches"
    );
    // And the reader was let go.
    let end = Instant::now() + PATIENCE;
    while Port::open(&rig.tree.path("dev/ttyUSB0")).is_err() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn unplugged_at_any_command_and_plugged_in_again_it_works_without_a_restart() {
    let table = table(Some(Card::TOKEN));
    let (rig, plugged) = Rig::with(&table);
    let mut plugged = Some(plugged);
    rig.desk.ask(Ask::Watch(true));
    rig.proven();
    rig.placed();
    // Look, challenge, answer, configuration; look, challenge, answer, seed.
    for at in 0..8_usize {
        table.lock().unplug_in = Some(at);
        let number = at as u64;
        rig.write(number, Card::TOKEN.serial);
        let trouble = rig.job(number).1.unwrap_err();
        // Look, challenge and answer change nothing; from the configuration on nobody knows.
        let left = if at < 3 { Left::AsBefore } else { Left::Unknown };
        assert_eq!(trouble.left, left, "{at}: {trouble:?}");
        assert!(trouble.words.contains("unplugged"), "{trouble:?}");
        drop(plugged.take());
        rig.tree.unplug(0);
        rig.gone();
        // The port may vanish a moment after its line.
        loop {
            match rig.next() {
                Told::Readers(readers) if readers.is_empty() => break,
                Told::Readers(readers) => assert!(!readers[0].proven, "{readers:?}"),
                told => panic!("{told:?}"),
            }
        }
        table.lock().unplug_in = None;
        plugged = Some(Plugged::new(&table));
        rig.tree.plug(0, &plugged.as_ref().unwrap().path);
        rig.proven();
        assert_eq!(rig.placed().serial, Card::TOKEN.serial);
    }
    rig.write(99, Card::TOKEN.serial);
    assert_eq!(rig.job(99).1, Ok(clock()));
    drop(plugged);
}

#[test]
fn a_port_that_nobody_marked_is_asked_when_it_is_chosen() {
    let table = table(Some(Card::TOKEN));
    let (tree, plugged) = (Tree::new(), Plugged::new(&table));
    tree.plug(0, &plugged.path);
    let rig = Rig::new(tree, Settings::default());
    rig.desk.ask(Ask::Watch(true));
    let reader = rig.reader();
    assert!(!reader.proven && reader.trouble.is_none());
    rig.write(1, Card::TOKEN.serial);
    assert!(rig.job(1).1.unwrap_err().words.contains("the reader is not there"));
    rig.still();
    assert_eq!(table.lock().heard, 0);
    rig.desk.ask(Ask::Use(rig.device(0)));
    rig.proven();
    rig.placed();
    // Chosen once more: everything is told anew.
    rig.desk.ask(Ask::Use(rig.device(0)));
    rig.proven();
    rig.placed();
    rig.desk.ask(Ask::Use("/dev/nothing".to_owned()));
    rig.still_there_and("it is not there");
}

impl Rig {
    /// Two readers are told: the first has this trouble, the second none.
    fn still_there_and(&self, words: &str) {
        loop {
            match self.next() {
                Told::Readers(readers) if readers.len() == 2 => {
                    assert!(readers[0].trouble.as_ref().unwrap().contains(words), "{readers:?}");
                    assert_eq!(readers[1].trouble, None);
                    return;
                }
                Told::Gone { .. } | Told::Readers(_) => {}
                told => panic!("{told:?}"),
            }
        }
    }
}

#[test]
fn what_lies_on_any_reader_that_can_be_used_is_told() {
    let (first, second) = (table(Some(Card::TOKEN)), table(None));
    let (tree, one, two) = (Tree::new(), Plugged::new(&first), Plugged::new(&second));
    tree.plug(0, &one.path);
    tree.plug(1, &two.path);
    tree.tag(0);
    let rig = Rig::new(tree, Settings::default());
    rig.desk.ask(Ask::Watch(true));
    assert!(matches!(rig.next(), Told::Readers(readers) if readers[0].proven && !readers[1].proven));
    assert_eq!(rig.placed().device, rig.device(0));
    second.lock().card = Some(Card::OTHER);
    rig.still();
    assert_eq!(second.lock().heard, 0);
    // The second one is asked when it is chosen, and the first one stays.
    rig.desk.ask(Ask::Use(rig.device(1)));
    assert!(matches!(rig.next(), Told::Readers(readers) if readers.iter().all(|reader| reader.proven)));
    let placed = rig.placed();
    assert_eq!(
        (placed.device, placed.serial.as_str()),
        (rig.device(1), Card::OTHER.serial)
    );
    rig.desk
        .ask(Ask::Write(4, Box::new(job(rig.device(1), Card::OTHER.serial))));
    assert_eq!(rig.job(4).1, Ok(clock()));
    assert!(!first.lock().apdus.contains(&0xc5) && second.lock().apdus.contains(&0xc5));
}

#[test]
fn a_busy_port_says_so_and_is_used_when_it_is_free() {
    let table = table(Some(Card::TOKEN));
    let (rig, plugged) = Rig::with(&table);
    let other = Port::open(&plugged.path).unwrap();
    rig.desk.ask(Ask::Watch(true));
    let reader = rig.reader();
    assert!(reader.trouble.unwrap().contains("another program uses it"));
    rig.still();
    drop(other);
    rig.proven();
    rig.placed();
    assert!(Port::open(&plugged.path).is_err(), "it is ours");
    rig.desk.ask(Ask::Watch(false));
    let end = Instant::now() + PATIENCE;
    while Port::open(&plugged.path).is_err() {
        assert!(Instant::now() < end, "it is not let go");
        std::thread::sleep(Duration::from_millis(10));
    }
    rig.still();
    // Whoever watches again is told everything.
    rig.desk.ask(Ask::Watch(true));
    rig.proven();
    rig.placed();
}

#[test]
fn a_reader_that_falls_silent_is_told_and_comes_back() {
    let table = table(Some(Card::TOKEN));
    let (rig, _plugged) = Rig::with(&table);
    rig.desk.ask(Ask::Watch(true));
    rig.proven();
    rig.placed();
    table.lock().mute = true;
    rig.gone();
    let reader = rig.reader();
    assert!(!reader.proven && reader.trouble.is_some(), "{reader:?}");
    table.lock().mute = false;
    loop {
        match rig.next() {
            Told::Readers(readers) if readers[0].proven => break,
            Told::Readers(_) => {}
            told => panic!("{told:?}"),
        }
    }
    rig.placed();
}

#[test]
fn to_ask_never_blocks_and_dropping_ends_it_in_a_bounded_time() {
    let table = table(Some(Card::TOKEN));
    let (rig, _plugged) = Rig::with(&table);
    rig.desk.ask(Ask::Watch(true));
    rig.proven();
    rig.placed();
    table.lock().thinks = Duration::from_millis(300);
    let start = Instant::now();
    for number in 0..50 {
        rig.write(number, Card::TOKEN.serial);
    }
    assert!(start.elapsed() < Duration::from_millis(100));
    assert!(matches!(rig.next(), Told::Step(0, Step::Authenticate)));
    let start = Instant::now();
    drop(rig.desk);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    // The job that had begun is done, and no other one begins.
    let told: Vec<_> = std::iter::from_fn(|| rig.told.recv_timeout(PATIENCE).ok()).collect();
    assert_eq!(told.last(), Some(&Told::Written(0, clock())));
    assert!(
        Port::open(&rig.tree.path("dev/ttyUSB0")).is_ok(),
        "the reader is let go"
    );
}

#[test]
fn words_of_a_job_that_did_not_begin_say_what_to_do() {
    for (error, words) in [
        (LinkError::TokenGone, "place it again"),
        (LinkError::ReaderGone, "plug it in"),
        (
            LinkError::Reader("it is too hot: let it cool down".to_owned()),
            "let it cool down",
        ),
        (LinkError::Silent, "does not answer"),
    ] {
        let trouble = super::reader::untouched(error);
        assert_eq!(trouble.left, Left::AsBefore);
        assert!(
            trouble.words.contains(words) && trouble.words.contains("nothing was written"),
            "{trouble:?}"
        );
    }
}
