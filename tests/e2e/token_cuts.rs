//! Every step of programming a token cut off at every byte, both ways, by silence and by unplugging, and every byte of it damaged: the
//! box never believes a token that does not hold exactly the seed, says what is left, ends in time, and the next try succeeds.

use postern::store::records::Timestamp;
use std::fmt::Debug;

use postern::tokens::desk::Left;
use postern::tokens::program::{self, ClockJob, Kind};

use crate::sim::faults::{Cut, Damage, End, Faults, How, Way};
use crate::sim::lock;
use crate::token_rig::{Content, OLD, Outcome, Rig, SERIAL, Task, Time, content, honest, old_single, profile};

const NEW: &[u8] = b"12345678901234567890";
const NEXT: &[u8] = b"abcdefghijklmnopqrst";

/// How many bytes go each way where nothing goes wrong.
fn lengths(rig: &Rig) -> [(Way, usize); 2] {
    let chip = lock(&rig.chip);
    [
        (Way::In, chip.traffic().heard.len()),
        (Way::Out, chip.traffic().said.len()),
    ]
}

/// Every cut there is.
fn cuts(lengths: [(Way, usize); 2]) -> impl Iterator<Item = Cut> {
    lengths.into_iter().flat_map(|(way, length)| {
        (0..=length).flat_map(move |after| [End::Silence, End::Unplugged].map(|end| Cut { way, after, end }))
    })
}

/// Every byte, damaged in every way that the tests know.
fn damages(lengths: [(Way, usize); 2]) -> impl Iterator<Item = Damage> {
    let ways = [
        How::Flipped(0x01),
        How::Flipped(0x80),
        How::Flipped(0xff),
        How::Dropped,
        How::Doubled,
    ];
    lengths
        .into_iter()
        .flat_map(move |(way, length)| (0..length).flat_map(move |at| ways.map(|how| Damage { way, at, how })))
}

/// How often it ended in which way.
#[derive(Debug, Default)]
struct Sum {
    unreached: usize,
    as_before: usize,
    unknown: usize,
    written: usize,
}

impl Sum {
    fn count(&mut self, outcome: &Outcome) {
        match (outcome, outcome.left()) {
            (Outcome::Unreached(_), _) => self.unreached += 1,
            (_, Some(Left::AsBefore)) => self.as_before += 1,
            (_, Some(Left::Unknown)) => self.unknown += 1,
            (_, None) => self.written += 1,
        }
    }

    fn all(&self) -> [usize; 4] {
        [self.unreached, self.as_before, self.unknown, self.written]
    }
}

/// A token in use on a reader that follows a plan, and the way to look into it.
type Scene = (Rig, Box<dyn Fn(&Time) -> Content>);

fn single(faults: Faults) -> Scene {
    let (rig, token) = Rig::single(faults);
    (rig, Box::new(move |time| content(&token, time)))
}

fn molto2(faults: Faults) -> Scene {
    let (rig, token) = Rig::molto2(faults);
    (rig, Box::new(move |time| profile(&token, time)))
}

/// Follows each of the plans: what is said of the token is true, and when nothing goes wrong any more, the next try succeeds.
fn each<T: Debug>(
    scene: fn(Faults) -> Scene,
    tasks: &[Task; 2],
    plans: impl Fn([(Way, usize); 2]) -> Vec<(T, Faults)>,
) -> Sum {
    let [task, next] = tasks;
    let (whole, look) = scene(Faults::default());
    let before = look(&whole.time);
    assert_eq!(before.seed.as_deref(), Some(OLD));
    let (outcome, steps) = whole.tries(task);
    assert!(outcome.is_written(), "{outcome:?}");
    assert!(!steps.is_empty());
    honest(
        (&outcome, true),
        task,
        &before,
        &look(&whole.time),
        "nothing went wrong",
    );

    let mut sum = Sum::default();
    for (what, faults) in plans(lengths(&whole)) {
        let what = format!("{what:?}");
        let (rig, look) = scene(faults);
        let before = look(&rig.time);
        let (outcome, steps) = rig.tries(task);
        honest((&outcome, !steps.is_empty()), task, &before, &look(&rig.time), &what);
        sum.count(&outcome);
        if outcome.is_written() {
            continue;
        }
        // The line is whole again, and whoever was told to start over does.
        if lock(&rig.chip).unplugged() {
            rig.plug_in();
        } else {
            lock(&rig.chip).follow(Faults::default());
        }
        let before = look(&rig.time);
        let (again, _) = rig.tries(next);
        assert!(again.is_written(), "{what}: {again:?} after {outcome:?}");
        honest((&again, true), next, &before, &look(&rig.time), &what);
    }
    sum
}

fn cut_off(lengths: [(Way, usize); 2]) -> Vec<(Cut, Faults)> {
    let plan = |cut| Faults {
        cut: Some(cut),
        ..Faults::default()
    };
    cuts(lengths).map(|cut| (cut, plan(cut))).collect()
}

fn damaged(lengths: [(Way, usize); 2]) -> Vec<(Damage, Faults)> {
    let plan = |damage| Faults {
        damage: Some(damage),
        ..Faults::default()
    };
    damages(lengths).map(|damage| (damage, plan(damage))).collect()
}

fn two_singles() -> [Task; 2] {
    [NEW, NEXT].map(|seed| Task::single(SERIAL, seed))
}

fn two_moltos() -> [Task; 2] {
    [NEW, NEXT].map(|seed| Task::molto2(3, seed))
}

#[test]
fn programming_cut_off_at_every_byte() {
    let sum = each(single, &two_singles(), cut_off);
    assert!(sum.all().iter().all(|&count| count > 10), "{sum:?}");
}

#[test]
fn programming_a_molto2_cut_off_at_every_byte() {
    let sum = each(molto2, &two_moltos(), cut_off);
    assert!(sum.all().iter().all(|&count| count > 10), "{sum:?}");
}

#[test]
fn programming_with_any_byte_damaged() {
    let sum = each(single, &two_singles(), damaged);
    assert!(sum.written > 100 && sum.unknown > 10, "{sum:?}");
}

#[test]
fn programming_a_molto2_with_any_byte_damaged() {
    let sum = each(molto2, &two_moltos(), damaged);
    assert!(sum.written > 100 && sum.unknown > 10, "{sum:?}");
}

#[test]
fn setting_a_clock_cut_off_at_every_byte_loses_no_seed() {
    let serial = "86596000000007";
    let rig = |faults| {
        let time = Time::new();
        let token = old_single(serial, &time);
        (Rig::with(token.clone(), time, faults), token)
    };
    let job = ClockJob {
        serial,
        profile: None,
        parameters: postern::store::records::TotpParameters::default(),
        customer_key: None,
    };
    let set = |rig: &Rig| {
        let clock = || Timestamp(rig.time.now());
        let mut link = rig.open().ok()?;
        Some(program::set_clock(&mut link, Kind::Single, &job, &clock, &mut |_| {}))
    };
    let (whole, token) = rig(Faults::default());
    assert_eq!(content(&token, &whole.time).ahead, 40);
    assert!(set(&whole).unwrap().is_ok());
    let mut unknown = 0;
    for cut in cuts(lengths(&whole)) {
        let (rig, token) = rig(Faults {
            cut: Some(cut),
            ..Faults::default()
        });
        let before = content(&token, &rig.time);
        let done = set(&rig);
        let now = content(&token, &rig.time);
        assert_eq!((now.seed.as_deref(), now.manner), (Some(OLD), before.manner), "{cut:?}");
        match done {
            None => assert_eq!(now, before, "{cut:?}"),
            Some(Ok(_)) => assert!(now.ahead.abs() <= 1, "{cut:?}: {now:?}"),
            Some(Err(trouble)) if trouble.left == Left::AsBefore => assert_eq!(now, before, "{cut:?}: {trouble:?}"),
            Some(Err(trouble)) => {
                unknown += 1;
                assert!(trouble.words.contains("old or the new"), "{cut:?}: {trouble:?}");
            }
        }
        lock(&rig.chip).follow(Faults::default());
        rig.plug_in();
        assert!(set(&rig).unwrap().is_ok());
        assert!(content(&token, &rig.time).ahead.abs() <= 1);
    }
    assert!(unknown > 10);
}
