//! The box's own way to a token against simulated readers and tokens: what goes wrong on the way, one thing after the other, on a line
//! whose time is made up; and on a PTY, as a serial port has it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use postern::secret::Secret;
use postern::store::records::Algorithm;
use postern::tokens::LinkError;
use postern::tokens::desk::{Left, Step};
use postern::tokens::find;
use postern::tokens::program::{self, Kind};

use crate::sim::codes;
use crate::sim::faults::{Cut, End, Event, Faults, Hits, Way, What};
use crate::sim::molto2::Molto2;
use crate::sim::reader::Reader;
use crate::sim::single::{Single, Switch};
use crate::sim::{Applet, Field, lock, wall_clock};
use crate::token_rig::{Direct, MOLTO, OLD, Outcome, Rig, SERIAL, Task, Time, content, honest, old_single, profile};

const NEW: &[u8] = b"12345678901234567890";
/// What a whole programming of a single token takes.
const STEPS: [Step; 4] = [Step::Authenticate, Step::Configure, Step::AuthenticateAgain, Step::Seed];

fn task() -> Task {
    Task::single(SERIAL, NEW)
}

/// One try on a reader at which this goes wrong. What is said of the token is true, and the next try succeeds.
fn under(faults: Faults, what: &str) -> Outcome {
    let (rig, token) = Rig::single(faults);
    let before = content(&token, &rig.time);
    let (outcome, steps) = rig.tries(&task());
    honest(
        (&outcome, !steps.is_empty()),
        &task(),
        &before,
        &content(&token, &rig.time),
        what,
    );
    rig.field.place(token.clone());
    rig.plug_in();
    let (again, steps) = rig.tries(&task());
    assert!(again.is_written(), "{what}: {again:?} after {outcome:?}");
    assert_eq!(steps, STEPS);
    outcome
}

/// How many commands to the chip, and to the token, a whole programming takes.
fn counts() -> (usize, usize) {
    let (rig, _token) = Rig::single(Faults::default());
    assert!(rig.tries(&task()).0.is_written());
    let chip = lock(&rig.chip);
    (chip.traffic().commands, chip.traffic().exchanges)
}

#[test]
fn a_reader_that_asks_again_or_is_misheard_once_does_no_harm() {
    let (commands, _) = counts();
    for at in 0..commands {
        let nack = Faults {
            nack: Hits::At(at),
            ..Faults::default()
        };
        assert!(under(nack, "nack").is_written(), "{at}");
        let checksum = Faults {
            checksum: Hits::At(at),
            ..Faults::default()
        };
        assert!(under(checksum, "checksum").is_written(), "{at}");
    }
    let rough = Faults {
        pieces: Some((1, Duration::from_millis(3))),
        junk: vec![0x00, 0xff, 0x55, 0x00, 0x00, 0xff, 0x03, 0xfd],
        parts: Some(3),
        thinks: Duration::from_millis(150),
        ..Faults::default()
    };
    assert!(under(rough, "pieces, junk, parts").is_written());
}

#[test]
fn a_reader_that_is_never_understood_is_said_to_be_the_trouble() {
    for (faults, what) in [
        (
            Faults {
                checksum: Hits::Always,
                ..Faults::default()
            },
            "arrive broken",
        ),
        (
            Faults {
                nack: Hits::Always,
                ..Faults::default()
            },
            "arrive broken",
        ),
        (
            Faults {
                error: Hits::Always,
                ..Faults::default()
            },
            "does not know",
        ),
        (
            Faults {
                lost: Hits::Always,
                ..Faults::default()
            },
            "did not answer",
        ),
    ] {
        match under(faults, what) {
            Outcome::Unreached(LinkError::Reader(words)) => assert!(words.contains(what), "{words}"),
            other => panic!("{what}: {other:?}"),
        }
    }
    // Nobody there at all.
    let (rig, _token) = Rig::single(Faults::default());
    lock(&rig.chip).follow(Faults {
        cut: Some(Cut {
            way: Way::In,
            after: 0,
            end: End::Silence,
        }),
        ..Faults::default()
    });
    assert!(matches!(rig.tries(&task()).0, Outcome::Unreached(LinkError::Reader(words)) if words.contains("no PN532")));
}

#[test]
fn a_command_that_is_refused_or_unanswered_leaves_what_is_said() {
    let (commands, _) = counts();
    for at in 0..commands {
        for (what, faults) in [
            (
                "error",
                Faults {
                    error: Hits::At(at),
                    ..Faults::default()
                },
            ),
            (
                "lost",
                Faults {
                    lost: Hits::At(at),
                    ..Faults::default()
                },
            ),
        ] {
            under(faults, &format!("{what} {at}"));
        }
    }
}

#[test]
fn whatever_happens_to_a_token_at_any_command_is_said_and_hurts_no_other() {
    let (_, exchanges) = counts();
    for at in 0..exchanges {
        for late in [false, true] {
            for number in 0..7 {
                let time = Time::new();
                let token = old_single(SERIAL, &time);
                let other = old_single("86596220000002", &time);
                let what = match number {
                    0 => What::Taken,
                    1 => What::Swapped(other.clone()),
                    2 => What::Moved,
                    3 => What::Unplugged,
                    4 => What::Status(0x01),
                    5 => What::Status(0x13),
                    _ => What::Status(0x29),
                };
                let rig = Rig::with(
                    token.clone(),
                    time.clone(),
                    Faults {
                        event: Some(Event { at, late, what }),
                        ..Faults::default()
                    },
                );
                let said = format!("{number} at {at}, late {late}");
                let (before, others) = (content(&token, &time), content(&other, &time));
                let (outcome, steps) = rig.tries(&task());
                let now = content(&token, &time);
                honest((&outcome, !steps.is_empty()), &task(), &before, &now, &said);
                assert_eq!(content(&other, &time), others, "{said}");
                // Before the configuration was sent nothing is in doubt; from then on everything is.
                let sure = steps.len() < 2;
                let left = if sure { Left::AsBefore } else { Left::Unknown };
                assert_eq!(outcome.left(), Some(left), "{said}: {outcome:?}");
                rig.field.place(token.clone());
                rig.plug_in();
                assert!(rig.tries(&task()).0.is_written(), "{said}");
            }
        }
    }
}

/// A card that takes no APDUs.
struct Ticket;

impl Applet for Ticket {
    fn apdu(&mut self, _: &[u8]) -> Vec<u8> {
        panic!("nobody sends it anything")
    }

    fn contact(&mut self) {
        panic!("nobody begins ISO 14443-4 with it")
    }

    fn sak(&self) -> u8 {
        0x08
    }
}

#[test]
fn what_cannot_be_programmed_is_told_and_left_alone() {
    let (rig, token) = Rig::single(Faults::default());
    rig.field.take();
    assert_eq!(rig.tries(&task()).0, Outcome::Unreached(LinkError::TokenGone));
    lock(&token).switch = Switch::Off;
    rig.field.place(token.clone());
    assert_eq!(rig.tries(&task()).0, Outcome::Unreached(LinkError::TokenGone));
    rig.field.place(Arc::new(Mutex::new(Ticket)));
    let ticket = rig.tries(&task()).0;
    assert!(matches!(ticket, Outcome::Unreached(LinkError::Unfit(words)) if words.contains("not a token")));

    let refused = |token: &Arc<Mutex<Single>>, task: &Task, words: &str| {
        let rig = Rig::with(token.clone(), Time::new(), Faults::default());
        let seed = lock(token).seed.clone();
        match rig.tries(task).0 {
            Outcome::Failed(trouble) => {
                assert!(trouble.words.contains(words), "{}", trouble.words);
                assert_eq!(trouble.left, Left::AsBefore);
            }
            other => panic!("{words}: {other:?}"),
        }
        assert_eq!(lock(token).seed, seed);
    };
    let time = Time::new();
    refused(&old_single("86596220000002", &time), &task(), "86596220000002");
    let strange = old_single("12345670000001", &time);
    refused(&strange, &Task::single("12345670000001", NEW), "no model is known");
    let deaf = old_single(SERIAL, &time);
    lock(&deaf).switch = Switch::Deaf;
    refused(&deaf, &task(), "nothing was written");
    refused(&old_single(SERIAL, &time), &Task::single(SERIAL, &[0; 20]), "");
    let mut long = task();
    long.job.parameters.algorithm = Algorithm::Sha512;
    refused(&old_single(SERIAL, &time), &long, "");
    let mut eight = task();
    eight.job.parameters.digits = 8;
    refused(&old_single(SERIAL, &time), &eight, "");
}

/// What happens to a Molto-2, over a reader as well: any applet may lie there.
#[test]
fn whatever_happens_to_a_molto2_at_any_command_is_said() {
    let task = Task::molto2(3, NEW);
    let (rig, _token) = Rig::molto2(Faults::default());
    assert!(rig.tries(&task).0.is_written());
    let exchanges = lock(&rig.chip).traffic().exchanges;
    for at in 0..exchanges {
        for late in [false, true] {
            for what in [What::Taken, What::Moved, What::Unplugged, What::Status(0x13)] {
                let (rig, token) = Rig::molto2(Faults {
                    event: Some(Event { at, late, what }),
                    ..Faults::default()
                });
                let before = profile(&token, &rig.time);
                let (outcome, steps) = rig.tries(&task);
                let said = format!("at {at}, late {late}");
                honest(
                    (&outcome, !steps.is_empty()),
                    &task,
                    &before,
                    &profile(&token, &rig.time),
                    &said,
                );
                rig.field.place(token.clone());
                rig.plug_in();
                assert!(rig.tries(&task).0.is_written(), "{said}");
            }
        }
    }
}

#[test]
fn an_occupied_profile_is_written_over_only_when_that_was_said() {
    let (rig, token) = Rig::molto2(Faults::default());
    let mut task = Task::molto2(3, NEW);
    task.job.replace = false;
    let before = profile(&token, &rig.time);
    match rig.tries(&task).0 {
        Outcome::Failed(trouble) => assert!(trouble.words.contains("profile 0 is free"), "{}", trouble.words),
        other => panic!("{other:?}"),
    }
    assert_eq!(profile(&token, &rig.time), before);
    task.job.profile = Some(0);
    task.job.title = "anna@contoso.example".to_owned();
    assert!(rig.tries(&task).0.is_written());
    let token = lock(&token);
    assert_eq!(token.profiles[0].seed.as_deref(), Some(NEW));
    assert_eq!(token.profiles[0].title, b"anna@contoso.example"[..12]);
    assert_eq!(token.profiles[3].seed.as_deref(), Some(OLD));
}

#[test]
fn a_molto2_gets_a_customer_key_is_looked_at_and_is_reset() {
    let time = Time::new();
    let token = Arc::new(Mutex::new(Molto2::new(MOLTO, 100, &time.clock())));
    let mut link = Direct(token.clone());
    let now = postern::store::records::Timestamp(time.now());
    let key = Secret::new(b"sixteen bytes ok".to_vec());
    let press = |token: &Arc<Mutex<Molto2>>, asked: u32| {
        if asked == 2 {
            lock(token).press();
        }
    };
    // Nobody presses: nothing has changed.
    assert!(program::set_customer_key(&mut link, MOLTO, None, &key, &mut |_| {}).is_err());
    let mut task = Task::molto2(99, NEW);
    assert!(task.write(&mut link, &time, &mut Vec::new()).is_written());
    // Somebody does: the new key alone opens it, and a wrong one costs a try and nothing else.
    program::set_customer_key(&mut link, MOLTO, None, &key, &mut |asked| press(&token, asked)).unwrap();
    let refused = task.write(&mut link, &time, &mut Vec::new());
    assert!(
        matches!(&refused, Outcome::Failed(trouble) if trouble.left == Left::AsBefore && trouble.words.contains("9 more"))
    );
    task.job.customer_key = Some(key.clone());
    task.job.profile = Some(1);
    assert!(task.write(&mut link, &time, &mut Vec::new()).is_written());

    let placed = program::look(&mut link, Kind::Molto2, "simulated", now).unwrap();
    assert_eq!((placed.serial.as_str(), placed.profiles.len()), (MOLTO, 100));
    let occupied: Vec<u8> = placed
        .profiles
        .iter()
        .filter(|p| p.occupied)
        .map(|p| p.number)
        .collect();
    assert_eq!(occupied, [1, 99]);
    assert_eq!(placed.profiles[1].title, "anna");
    assert!(program::delete_seed(&mut link, MOLTO, 1, Some(&key)).unwrap());
    assert!(!program::delete_seed(&mut link, MOLTO, 1, Some(&key)).unwrap());

    assert!(program::factory_reset(&mut link, MOLTO, &mut |_| {}).is_err());
    assert!(lock(&token).profiles[99].seed.is_some());
    program::factory_reset(&mut link, MOLTO, &mut |asked| press(&token, asked)).unwrap();
    assert!(lock(&token).profiles.iter().all(|profile| profile.seed.is_none()));
    task.job.customer_key = None;
    assert!(task.write(&mut link, &time, &mut Vec::new()).is_written());
}

/// Opens a reader's port as the command line does and writes to what lies there.
fn at_port(reader: &Reader, task: &Task) -> Outcome {
    let clock = wall_clock();
    match find::open(reader.path().to_str().unwrap(), Some(task.kind)) {
        Err(why) => Outcome::Unreached(why),
        Ok((mut link, _)) => {
            let now = || postern::store::records::Timestamp(clock());
            match program::write(&mut *link, task.kind, &task.job, &now, &mut |_| {}) {
                Ok(at) => Outcome::Written(at),
                Err(trouble) => Outcome::Failed(trouble),
            }
        }
    }
}

/// A token without a seed on a reader that is plugged in.
fn plugged_in(serial: &str, faults: Faults) -> (Reader, Arc<Mutex<Single>>) {
    let token = Arc::new(Mutex::new(Single::new(serial, &wall_clock())));
    let reader = Reader::start(None, &Field::with(&token), faults).unwrap();
    (reader, token)
}

#[test]
fn every_model_is_programmed_at_a_port_and_shows_the_codes() {
    for prefix in [
        "8659612", "8659622", "8659621", "8659600", "8659601", "8659609", "8659610", "8659632",
    ] {
        let task = Task::single(&format!("{prefix}0000042"), NEW);
        let (reader, token) = plugged_in(&task.job.serial, Faults::default());
        let (mut link, kind) = find::open(reader.path().to_str().unwrap(), None).unwrap();
        assert_eq!(kind, Kind::Single);
        let now = postern::store::records::Timestamp(wall_clock()());
        let placed = program::look(&mut *link, kind, "port", now).unwrap();
        assert_eq!(
            (placed.serial.as_str(), placed.clock_ahead.map(i64::abs) <= Some(1)),
            (task.job.serial.as_str(), true)
        );
        assert_eq!(placed.clock_free, ["8659612", "8659600", "8659632"].contains(&prefix));
        drop(link);
        let outcome = at_port(&reader, &task);
        assert!(outcome.is_written(), "{prefix}: {outcome:?}");
        let token = lock(&token);
        let manner = codes::Manner {
            algorithm: 2,
            digits: 6,
            step: 60,
        };
        assert_eq!(
            (token.seed.as_deref(), token.manner),
            (Some(NEW), manner),
            "{}",
            placed.model
        );
        assert!(wall_clock()().div_euclid(1000).abs_diff(u64::from(token.quartz.now())) <= 1);
    }
}

#[test]
fn a_rough_line_at_a_port() {
    let faults = Faults {
        pieces: Some((3, Duration::from_millis(1))),
        junk: vec![0x55, 0x00, 0xaa],
        parts: Some(5),
        nack: Hits::At(7),
        checksum: Hits::At(9),
        thinks: Duration::from_millis(3),
        ..Faults::default()
    };
    let (reader, token) = plugged_in(SERIAL, faults);
    let outcome = at_port(&reader, &task());
    assert!(outcome.is_written(), "{outcome:?}");
    assert_eq!(lock(&token).seed.as_deref(), Some(NEW));
}

#[test]
fn a_reader_unplugged_at_any_byte_at_a_port() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("reader");
    let token = Arc::new(Mutex::new(Single::new(SERIAL, &wall_clock())));
    let mut reader = Reader::start(Some(&link), &Field::with(&token), Faults::default()).unwrap();
    assert!(at_port(&reader, &task()).is_written());
    let traffic = reader.traffic();
    let (start, mut sure) = (Instant::now(), 0);
    let ways = [(Way::In, traffic.heard.len()), (Way::Out, traffic.said.len())];
    for (way, length) in ways {
        // The cuts between them are made where time costs none (`token_cuts`).
        for after in (0..length).step_by(3) {
            lock(&token).seed = Some(OLD.to_vec());
            let cut = Cut {
                way,
                after,
                end: End::Unplugged,
            };
            reader
                .plug_in(Faults {
                    cut: Some(cut),
                    ..Faults::default()
                })
                .unwrap();
            let begin = Instant::now();
            let outcome = at_port(&reader, &task());
            assert!(begin.elapsed() < Duration::from_secs(10), "{cut:?}: {outcome:?}");
            let seed = lock(&token).seed.clone();
            let left = outcome.left();
            sure += usize::from(left == Some(Left::AsBefore));
            match left {
                None => assert_eq!(seed.as_deref(), Some(NEW), "{cut:?}"),
                Some(Left::AsBefore) => assert_eq!(seed.as_deref(), Some(OLD), "{cut:?}: {outcome:?}"),
                Some(Left::Unknown) => {}
            }
            assert!(start.elapsed() < Duration::from_secs(300), "{cut:?}");
        }
    }
    assert!(sure > 20);
    reader.plug_in(Faults::default()).unwrap();
    assert!(at_port(&reader, &task()).is_written());
}
