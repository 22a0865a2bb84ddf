//! The box's own way to write a token, against simulated tokens that were written from the notes and not from it; no link in between,
//! so that every command can be looked at. What the display shows afterwards is the judge.

use std::sync::{Arc, Mutex};

use postern::secret::Secret;
use postern::store::records::{Algorithm, Timestamp, TotpParameters};
use postern::tokens::desk::{Job, Left, Trouble};
use postern::tokens::program::{self, ClockJob, Kind};
use postern::tokens::{ApduChannel, LinkError, Response, models};

use crate::sim::codes::{self, Manner};
use crate::sim::molto2::Molto2;
use crate::sim::single::Single;
use crate::sim::{Applet, Clock, lock};

const NOW: Timestamp = Timestamp(1_700_000_012_345);
const OLD: &[u8] = b"the seed it held before";
const SEED: &[u8] = b"the seed it is to hold";
const MOLTO: &str = "84101000000001";
const HOUSE: &str = "key of the house";

fn clock() -> Clock {
    Arc::new(|| NOW.0)
}

/// A link without anything that could go wrong, but for what is planned.
struct Direct<A: Applet> {
    token: Arc<Mutex<A>>,
    /// After so many commands another token lies there; a real link would have said so.
    swap: Option<(usize, Arc<Mutex<A>>)>,
    /// Before so many commands the link ends.
    end: usize,
    /// The command that the link ends with reaches the token.
    late: bool,
    sent: usize,
}

impl<A: Applet> Direct<A> {
    fn to(token: &Arc<Mutex<A>>) -> Direct<A> {
        lock(token).contact();
        Direct {
            token: token.clone(),
            swap: None,
            end: usize::MAX,
            late: false,
            sent: 0,
        }
    }
}

impl<A: Applet> ApduChannel for Direct<A> {
    fn transmit(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        if self.sent > self.end || self.sent == self.end && !self.late {
            return Err(LinkError::TokenGone);
        }
        if let Some((_, other)) = self.swap.take_if(|(at, _)| *at == self.sent) {
            lock(&other).contact();
            self.token = other;
        }
        self.sent += 1;
        let mut answer = lock(&self.token).apdu(command);
        if self.sent > self.end {
            return Err(LinkError::TokenGone);
        }
        let status = answer.split_off(answer.len() - 2);
        Ok(Response {
            data: answer,
            status: u16::from_be_bytes([status[0], status[1]]),
        })
    }
}

fn all_parameters(digits: &[u8]) -> Vec<TotpParameters> {
    let mut all = Vec::new();
    for algorithm in [Algorithm::Sha1, Algorithm::Sha256] {
        for period in [30, 60] {
            all.extend(digits.iter().map(|&digits| TotpParameters {
                algorithm,
                digits,
                period,
            }));
        }
    }
    all
}

fn manner(p: TotpParameters) -> Manner {
    Manner {
        algorithm: if p.algorithm == Algorithm::Sha1 { 1 } else { 2 },
        digits: p.digits,
        step: p.period,
    }
}

fn job(serial: &str, parameters: TotpParameters, seed: &[u8]) -> Job {
    Job {
        device: "direct".to_owned(),
        serial: serial.to_owned(),
        profile: None,
        title: "zoë.müller@example.org".to_owned(),
        parameters,
        seed: Secret::new(seed.to_vec()),
        customer_key: None,
        replace: false,
    }
}

fn write(channel: &mut dyn ApduChannel, kind: Kind, job: &Job) -> Result<Timestamp, Trouble> {
    program::write(channel, kind, job, &|| NOW, &mut |_| {})
}

fn single(serial: &str) -> Arc<Mutex<Single>> {
    let mut token = Single::new(serial, &clock());
    token.seed = Some(OLD.to_vec());
    Arc::new(Mutex::new(token))
}

fn molto(profiles: usize) -> Arc<Mutex<Molto2>> {
    Arc::new(Mutex::new(Molto2::new(MOLTO, profiles, &clock())))
}

#[test]
fn every_model_shows_the_codes_of_what_was_written() {
    for model in models::MODELS {
        let serial = format!("{}0000001", model.prefix);
        for parameters in all_parameters(&[6]) {
            for length in [10, 16, 20, 32, 48, 63] {
                let seed: Vec<u8> = (1..=length).collect();
                let token = single(&serial);
                lock(&token).quartz.set(1);
                let placed = program::look(&mut Direct::to(&token), Kind::Single, "x", NOW).unwrap();
                assert_eq!((placed.serial.as_str(), placed.model.as_str()), (&*serial, model.name));
                assert_eq!(placed.clock_ahead, Some(1 - 1_700_000_012));
                let job = job(&serial, parameters, &seed);
                assert_eq!(write(&mut Direct::to(&token), Kind::Single, &job), Ok(NOW));
                let shown = lock(&token).display().unwrap().0;
                assert_eq!(shown, codes::code(&seed, manner(parameters), NOW.seconds()));
            }
        }
    }
}

#[test]
fn a_link_that_ends_at_any_command_leaves_what_is_said_of_the_token() {
    for serial in ["86596220000001", "86596320000001"] {
        for end in 0..8 {
            for late in [false, true] {
                let token = single(serial);
                let mut link = Direct {
                    end,
                    late,
                    ..Direct::to(&token)
                };
                let job = job(serial, TotpParameters::default(), SEED);
                let trouble = write(&mut link, Kind::Single, &job).unwrap_err();
                let held = lock(&token).seed.clone();
                if trouble.left == Left::AsBefore {
                    assert_eq!(held.as_deref(), Some(OLD), "{serial} {end} {late}");
                }
                assert_eq!(trouble.left == Left::AsBefore, end < 3, "{}", trouble.words);
                // Started over, it works, whatever was left.
                assert_eq!(write(&mut Direct::to(&token), Kind::Single, &job), Ok(NOW));
                assert_eq!(lock(&token).seed.as_deref(), Some(SEED));
            }
        }
    }
}

#[test]
fn a_token_that_is_put_in_anothers_place_keeps_its_seed() {
    // Between the look and the challenge, and between the configuration and what follows it, only the link can tell.
    for at in [0, 2, 3, 4, 6, 7] {
        let (first, second) = (single("86596220000001"), single("86596220000002"));
        let mut link = Direct {
            swap: Some((at, second.clone())),
            ..Direct::to(&first)
        };
        let job = job("86596220000001", TotpParameters::default(), SEED);
        let trouble = write(&mut link, Kind::Single, &job).unwrap_err();
        assert_eq!(lock(&second).seed.as_deref(), Some(OLD), "{at}");
        let held = lock(&first).seed.clone();
        match trouble.left {
            Left::AsBefore => assert_eq!(held.as_deref(), Some(OLD), "{at}"),
            Left::Unknown => assert_eq!(held, None, "{at}"),
        }
    }
}

#[test]
fn a_clock_is_set_and_the_seed_stays_or_nothing_is_done() {
    for model in models::MODELS {
        for parameters in all_parameters(&[6]) {
            let serial = format!("{}0000001", model.prefix);
            let token = single(&serial);
            assert!(write(&mut Direct::to(&token), Kind::Single, &job(&serial, parameters, SEED)).is_ok());
            lock(&token).quartz.set(1_699_999_000);
            let job = ClockJob {
                serial: &serial,
                profile: None,
                parameters,
                customer_key: None,
            };
            let set = program::set_clock(&mut Direct::to(&token), Kind::Single, &job, &|| NOW, &mut |_| {});
            assert_eq!(set.is_ok(), model.clock_free, "{}", model.name);
            let right = codes::code(SEED, manner(parameters), NOW.seconds());
            assert_eq!(lock(&token).display().unwrap().0 == right, model.clock_free);
            assert_eq!(lock(&token).seed.as_deref(), Some(SEED));
        }
    }
}

#[test]
fn the_profiles_of_a_molto2_are_written_one_by_one() {
    let token = molto(100);
    lock(&token).profiles[0].seed = Some(OLD.to_vec());
    for (number, parameters) in (1..).zip(all_parameters(&[6, 8])) {
        let job = Job {
            profile: Some(number),
            ..job(MOLTO, parameters, SEED)
        };
        assert_eq!(write(&mut Direct::to(&token), Kind::Molto2, &job), Ok(NOW));
        let shown = lock(&token).display(usize::from(number)).unwrap().0;
        assert_eq!(shown, codes::code(SEED, manner(parameters), NOW.seconds()));
    }
    let placed = program::look(&mut Direct::to(&token), Kind::Molto2, "x", NOW).unwrap();
    assert_eq!((placed.profiles.len(), placed.model.as_str()), (100, "Molto-2v2"));
    assert_eq!(placed.profiles[1].title, "zoë.müller");
    let filled: Vec<bool> = placed.profiles.iter().map(|profile| profile.occupied).collect();
    assert_eq!(filled, (0..100).map(|number| number < 9).collect::<Vec<_>>());
    // The first holds what it held, until somebody says that it may go.
    let mut first = Job {
        profile: Some(0),
        ..job(MOLTO, TotpParameters::default(), SEED)
    };
    let trouble = write(&mut Direct::to(&token), Kind::Molto2, &first).unwrap_err();
    assert!(trouble.words.contains("profile 9 is free"), "{}", trouble.words);
    assert_eq!(lock(&token).profiles[0].seed.as_deref(), Some(OLD));
    first.replace = true;
    assert_eq!(write(&mut Direct::to(&token), Kind::Molto2, &first), Ok(NOW));
    // A clock, alone.
    lock(&token).profiles[8].quartz.set(1_000);
    let job = ClockJob {
        serial: MOLTO,
        profile: Some(8),
        parameters: TotpParameters::default(),
        customer_key: None,
    };
    let set = program::set_clock(&mut Direct::to(&token), Kind::Molto2, &job, &|| NOW, &mut |_| {});
    assert_eq!(set, Ok(NOW));
    assert_eq!(lock(&token).profiles[8].quartz.now(), 1_700_000_012);
    assert_eq!(lock(&token).profiles[8].seed.as_deref(), Some(SEED));
    assert_eq!(
        program::look(&mut Direct::to(&molto(50)), Kind::Molto2, "x", NOW)
            .unwrap()
            .model,
        "Molto-2"
    );
}

#[test]
fn a_molto2_gets_the_key_of_the_house_and_is_emptied() {
    let token = molto(50);
    let house = Secret::from(HOUSE);
    let presses = |after: u32| {
        let token = token.clone();
        move |asked: u32| {
            if asked == after {
                lock(&token).press();
            }
        }
    };
    let change = |mut waited: &mut dyn FnMut(u32)| {
        program::set_customer_key(&mut Direct::to(&token), MOLTO, None, &house, &mut waited)
    };
    let trouble = change(&mut |_| {}).unwrap_err();
    assert!(trouble.words.contains("press its button"), "{}", trouble.words);
    assert_eq!(change(&mut presses(3)), Ok(()));
    let mut job = Job {
        profile: Some(7),
        ..job(MOLTO, TotpParameters::default(), SEED)
    };
    let trouble = write(&mut Direct::to(&token), Kind::Molto2, &job).unwrap_err();
    assert!(trouble.words.contains("locks after 9 more tries"), "{}", trouble.words);
    job.customer_key = Some(house.clone());
    assert_eq!(write(&mut Direct::to(&token), Kind::Molto2, &job), Ok(NOW));

    let delete = |number| program::delete_seed(&mut Direct::to(&token), MOLTO, number, Some(&house));
    assert_eq!((delete(7), delete(7)), (Ok(true), Ok(false)));
    assert_eq!(lock(&token).profiles[7].seed, None);

    job.profile = Some(9);
    assert_eq!(write(&mut Direct::to(&token), Kind::Molto2, &job), Ok(NOW));
    let reset = |waited: &mut dyn FnMut(u32)| program::factory_reset(&mut Direct::to(&token), MOLTO, waited);
    assert!(reset(&mut |_| {}).is_err());
    assert_eq!(reset(&mut presses(2)), Ok(()));
    assert!(lock(&token).profiles.iter().all(|profile| profile.seed.is_none()));
    job.customer_key = None;
    assert_eq!(write(&mut Direct::to(&token), Kind::Molto2, &job), Ok(NOW));
}
