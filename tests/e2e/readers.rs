//! The readers' thread of a console against simulated readers on pseudo-terminals: tokens come and go, are written one after another,
//! and readers are unplugged whenever it hurts most.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use postern::secret::Secret;
use postern::store::records::{Timestamp, TotpParameters};
use postern::tokens::desk::{self, Ask, Desk, Job, Left, Told, Trouble};
use postern::tokens::find;

use crate::sim::faults::{Event, Faults, Hits, What};
use crate::sim::reader::Reader;
use crate::sim::single::{Single, Switch};
use crate::sim::{Field, lock, wall_clock};

/// How long anything may take to be told.
const PATIENCE: Duration = Duration::from_secs(30);

fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(u64::try_from(since.as_millis()).unwrap())
}

/// Tokens out of one drawer.
fn token(number: u32) -> Arc<Mutex<Single>> {
    Arc::new(Mutex::new(Single::new(&format!("8659622{number:07}"), &wall_clock())))
}

fn seed(number: u32) -> String {
    format!("a seed of twenty {number:03}")
}

/// A desk that watches one chosen port.
struct Sitting {
    desk: Desk,
    told: Receiver<Told>,
    port: PathBuf,
    _folder: tempfile::TempDir,
}

impl Sitting {
    /// The port has a name that stays the same, as a link of udev's.
    fn new(field: &Field, faults: Faults) -> (Sitting, Reader) {
        let folder = tempfile::tempdir().unwrap();
        let port = folder.path().join("reader");
        let reader = Reader::start(Some(&port), field, faults).unwrap();
        let settings = find::Settings {
            readers: vec![port.to_str().unwrap().parse().unwrap()],
            own_lines: Vec::new(),
        };
        let (sender, told) = channel();
        let desk = desk::spawn(settings, clock, move |told| drop(sender.send(told))).unwrap();
        desk.ask(Ask::Watch(true));
        let sitting = Sitting {
            desk,
            told,
            port,
            _folder: folder,
        };
        (sitting, reader)
    }

    fn device(&self) -> String {
        self.port.to_string_lossy().into_owned()
    }

    /// Takes what is told until this comes.
    fn until<T>(&self, what: &str, wanted: impl Fn(Told) -> Option<T>) -> T {
        loop {
            let told = self.told.recv_timeout(PATIENCE);
            match wanted(told.unwrap_or_else(|_| panic!("not told: {what}"))) {
                Some(found) => return found,
                None => continue,
            }
        }
    }

    fn placed(&self) -> String {
        self.until("placed", |told| match told {
            Told::Placed(placed) => Some(placed.serial),
            Told::Unfit { why, .. } => panic!("{why}"),
            _ => None,
        })
    }

    fn gone(&self) {
        self.until("gone", |told| matches!(told, Told::Gone { .. }).then_some(()));
    }

    fn write(&self, number: u32, serial: &str) -> Result<Timestamp, Trouble> {
        let job = Job {
            device: self.device(),
            serial: serial.to_owned(),
            profile: None,
            title: String::new(),
            parameters: TotpParameters::default(),
            seed: Secret::from(seed(number)),
            customer_key: None,
            replace: false,
        };
        let number = u64::from(number);
        self.desk.ask(Ask::Write(number, Box::new(job)));
        self.until("the end of a job", |told| match told {
            Told::Written(of, at) if of == number => Some(Ok(at)),
            Told::Failed(of, trouble) if of == number => Some(Err(trouble)),
            _ => None,
        })
    }
}

fn held(token: &Arc<Mutex<Single>>) -> Option<Vec<u8>> {
    lock(token).seed.clone()
}

#[test]
fn tokens_are_written_one_after_another_over_a_bad_line() {
    let faults = Faults {
        pieces: Some((3, Duration::from_millis(2))),
        junk: vec![0x55, 0x00, 0xff, 0x31],
        nack: Hits::At(7),
        checksum: Hits::At(9),
        parts: Some(5),
        ..Faults::default()
    };
    let field = Field::default();
    let (sitting, _reader) = Sitting::new(&field, faults);
    for number in 1..=4 {
        let token = token(number);
        let serial = lock(&token).serial().to_owned();
        field.place(token.clone());
        assert_eq!(sitting.placed(), serial);
        // Another one's seed is not written to it.
        let refused = sitting.write(900 + number, "86596220000999").unwrap_err();
        assert_eq!((refused.left, held(&token)), (Left::AsBefore, None));
        assert_eq!(sitting.placed(), serial, "after a job it is looked at anew");
        sitting.write(number, &serial).unwrap();
        assert_eq!(held(&token), Some(seed(number).into_bytes()));
        assert_eq!(sitting.placed(), serial);
        field.take();
        sitting.gone();
    }
}

#[test]
fn a_token_that_switches_itself_off_is_gone_and_comes_back() {
    let token = token(1);
    let field = Field::with(&token);
    let (sitting, _reader) = Sitting::new(&field, Faults::default());
    sitting.placed();
    lock(&token).switch = Switch::Off;
    sitting.gone();
    let trouble = sitting.write(1, "86596220000001").unwrap_err();
    assert!(
        trouble.left == Left::AsBefore && trouble.words.contains("no token lies on the reader"),
        "{trouble:?}"
    );
    lock(&token).switch = Switch::Deaf;
    let why = sitting.until("unfit", |told| match told {
        Told::Unfit { why, .. } => Some(why),
        told => panic!("{told:?}"),
    });
    assert!(why.contains("switch the token on"), "{why}");
    lock(&token).switch = Switch::Off;
    sitting.gone();
    lock(&token).switch = Switch::On;
    sitting.placed();
    sitting.write(2, "86596220000001").unwrap();
    assert_eq!(held(&token), Some(seed(2).into_bytes()));
}

#[test]
fn a_reader_that_is_unplugged_in_the_middle_works_again_when_it_is_plugged_in() {
    let token = token(1);
    let field = Field::with(&token);
    let (sitting, mut reader) = Sitting::new(&field, Faults::default());
    sitting.placed();
    for at in 0..8 {
        let event = Event {
            at,
            late: at % 2 == 1,
            what: What::Unplugged,
        };
        reader.follow(Faults {
            event: Some(event),
            ..Faults::default()
        });
        lock(&token).seed = Some(b"old".to_vec());
        let trouble = sitting.write(1, "86596220000001").unwrap_err();
        if trouble.left == Left::AsBefore {
            assert_eq!(held(&token).as_deref(), Some(b"old".as_slice()), "{at}: {trouble:?}");
        }
        sitting.gone();
        sitting.until("no reader", |told| match told {
            Told::Readers(readers) => readers[0].trouble.is_some().then_some(()),
            told => panic!("{told:?}"),
        });
        reader.plug_in(Faults::default()).unwrap();
        sitting.until("the reader", |told| match told {
            Told::Readers(readers) => readers[0].proven.then_some(()),
            told => panic!("{told:?}"),
        });
        sitting.placed();
        let again = sitting.write(2, "86596220000001");
        assert!(
            again.is_ok() && held(&token) == Some(seed(2).into_bytes()),
            "{at}: {again:?}"
        );
        sitting.placed();
    }
}
