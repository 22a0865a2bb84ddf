//! The box's own way to a token, over a simulated chip on a line without a wire: its time is made up, so that waiting costs none and
//! is counted all the same.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use postern::secret::Secret;
use postern::store::records::{Algorithm, Timestamp, TotpParameters};
use postern::tokens::desk::{Job, Left, Step, Trouble};
use postern::tokens::pn532::Link;
use postern::tokens::pn532::chip::{Listing, Pn532, Wire};
use postern::tokens::program::{self, Kind};
use postern::tokens::{ApduChannel, LinkError, Response};

use crate::sim::chip::{Chip, Piece};
use crate::sim::codes;
use crate::sim::faults::Faults;
use crate::sim::molto2::{self, Molto2};
use crate::sim::single::Single;
use crate::sim::{Challenges, Clock, Field, Token, lock};

/// What a token held before.
pub const OLD: &[u8] = b"the seed it held before";
/// When everything begins, in milliseconds since 1970.
const BEGIN: u64 = 1_700_000_000_000;
/// Nobody waits longer than this for one try, whatever happens.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A time that passes only where somebody waits.
#[derive(Clone)]
pub struct Time(Arc<AtomicU64>);

impl Time {
    pub fn new() -> Time {
        Time(Arc::new(AtomicU64::new(BEGIN)))
    }

    /// Stands at this machine's time.
    pub fn wall() -> Time {
        Time(Arc::new(AtomicU64::new(crate::sim::wall_clock()())))
    }

    pub fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    fn pass(&self, time: Duration) {
        // Less than a millisecond passes too, or nobody's patience would ever end.
        let milliseconds = u64::try_from(time.as_micros().div_ceil(1000)).unwrap();
        self.0.fetch_add(milliseconds, Ordering::AcqRel);
    }

    /// For the tokens.
    pub fn clock(&self) -> Clock {
        let time = self.clone();
        Arc::new(move || time.now())
    }
}

/// A line whose other end is a simulated chip.
struct Straight {
    chip: Arc<Mutex<Chip>>,
    time: Time,
    begin: u64,
    coming: VecDeque<Piece>,
}

impl Straight {
    fn take(&mut self) {
        let mut chip = lock(&self.chip);
        self.coming.extend(std::iter::from_fn(|| chip.says()));
    }
}

impl Wire for Straight {
    fn read(&mut self, into: &mut [u8], wait: Duration) -> Result<usize, LinkError> {
        assert!(!into.is_empty());
        lock(&self.chip).look_again();
        self.take();
        let Some(piece) = self.coming.front_mut() else {
            if lock(&self.chip).unplugged() {
                return Err(LinkError::ReaderGone);
            }
            self.time.pass(wait);
            return Ok(0);
        };
        if piece.pause > wait {
            piece.pause -= wait;
            self.time.pass(wait);
            return Ok(0);
        }
        self.time.pass(std::mem::take(&mut piece.pause));
        let count = piece.bytes.len().min(into.len());
        into[..count].copy_from_slice(&piece.bytes[..count]);
        piece.bytes.drain(..count);
        if piece.bytes.is_empty() {
            self.coming.pop_front();
        }
        Ok(count)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        let mut chip = lock(&self.chip);
        if chip.unplugged() {
            return Err(LinkError::ReaderGone);
        }
        chip.hear(bytes);
        Ok(())
    }

    fn clear(&mut self) -> Result<(), LinkError> {
        self.take();
        // What is still on its way cannot be thrown away.
        while self.coming.front().is_some_and(|piece| piece.pause.is_zero()) {
            self.coming.pop_front();
        }
        Ok(())
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.time.now() - self.begin)
    }
}

/// A token without any reader.
pub struct Direct(pub Token);

impl ApduChannel for Direct {
    fn transmit(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        let answer = lock(&self.0).apdu(command);
        let (data, status) = answer.split_last_chunk::<2>().ok_or(LinkError::Silent)?;
        Ok(Response {
            data: data.to_vec(),
            status: u16::from_be_bytes(*status),
        })
    }
}

/// How a try ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No token was reached.
    Unreached(LinkError),
    /// It failed.
    Failed(Trouble),
    /// It is said to be written, at this time.
    Written(Timestamp),
}

impl Outcome {
    pub fn is_written(&self) -> bool {
        matches!(self, Outcome::Written(_))
    }

    /// What is said to be in the token.
    pub fn left(&self) -> Option<Left> {
        match self {
            Outcome::Unreached(_) => Some(Left::AsBefore),
            Outcome::Failed(trouble) => Some(trouble.left),
            Outcome::Written(_) => None,
        }
    }
}

/// What the box is told to write.
#[derive(Clone)]
pub struct Task {
    pub kind: Kind,
    pub job: Job,
}

impl Task {
    pub fn single(serial: &str, seed: &[u8]) -> Task {
        Task {
            kind: Kind::Single,
            job: Job {
                device: "simulated".to_owned(),
                serial: serial.to_owned(),
                profile: None,
                title: "anna".to_owned(),
                parameters: TotpParameters {
                    algorithm: Algorithm::Sha256,
                    digits: 6,
                    period: 60,
                },
                seed: Secret::new(seed.to_vec()),
                customer_key: None,
                replace: false,
            },
        }
    }

    pub fn molto2(profile: u8, seed: &[u8]) -> Task {
        let mut task = Task::single(MOLTO, seed);
        task.kind = Kind::Molto2;
        task.job.profile = Some(profile);
        task.job.replace = true;
        task
    }

    /// As `tokens::desk` and the command line do it.
    pub fn write(&self, channel: &mut dyn ApduChannel, time: &Time, steps: &mut Vec<Step>) -> Outcome {
        let clock = || Timestamp(time.now());
        match program::write(channel, self.kind, &self.job, &clock, &mut |step| steps.push(step)) {
            Ok(at) => Outcome::Written(at),
            Err(trouble) => Outcome::Failed(trouble),
        }
    }
}

pub const SERIAL: &str = "86596220000001";
pub const MOLTO: &str = "84101000000001";

/// A chip, what lies on it, and a time.
pub struct Rig {
    pub chip: Arc<Mutex<Chip>>,
    pub field: Field,
    pub time: Time,
}

impl Rig {
    /// With a token on it.
    pub fn with(token: Token, time: Time, faults: Faults) -> Rig {
        let field = Field::default();
        field.place(token);
        Rig {
            chip: Arc::new(Mutex::new(Chip::new(&field, faults))),
            field,
            time,
        }
    }

    /// A single-profile token that holds an old seed, on a reader.
    pub fn single(faults: Faults) -> (Rig, Arc<Mutex<Single>>) {
        let time = Time::new();
        let token = old_single(SERIAL, &time);
        (Rig::with(token.clone(), time, faults), token)
    }

    /// A Molto-2 whose fourth profile holds an old seed, on a reader.
    pub fn molto2(faults: Faults) -> (Rig, Arc<Mutex<Molto2>>) {
        let time = Time::new();
        let mut token = Molto2::new(MOLTO, 50, &time.clock());
        token.challenges = Challenges::Counted(0);
        token.profiles[3].seed = Some(OLD.to_vec());
        token.profiles[3].title = b"before".to_vec();
        let token = Arc::new(Mutex::new(token));
        (Rig::with(token.clone(), time, faults), token)
    }

    /// Unplugged and plugged in again.
    pub fn plug_in(&self) {
        *lock(&self.chip) = Chip::new(&self.field, Faults::default());
    }

    /// A new contact.
    pub fn open(&self) -> Result<Link<Pn532>, LinkError> {
        let wire = Straight {
            chip: self.chip.clone(),
            time: self.time.clone(),
            begin: self.time.now(),
            coming: VecDeque::new(),
        };
        let mut chip = Pn532::new(Box::new(wire));
        chip.bring_up()?;
        match chip.search(Listing::ToTalk)? {
            Some(target) => Link::new(chip, &target),
            None => Err(LinkError::TokenGone),
        }
    }

    /// One try from the first byte on; it must end in time.
    pub fn tries(&self, task: &Task) -> (Outcome, Vec<Step>) {
        let begin = self.time.now();
        let mut steps = Vec::new();
        let outcome = match self.open() {
            Err(why) => Outcome::Unreached(why),
            Ok(mut link) => task.write(&mut link, &self.time, &mut steps),
        };
        let took = Duration::from_millis(self.time.now() - begin);
        assert!(took < PATIENCE, "{took:?}: {outcome:?}");
        (outcome, steps)
    }
}

/// A token that is in use, with the default manner; its clock is 40 s fast.
pub fn old_single(serial: &str, time: &Time) -> Arc<Mutex<Single>> {
    let mut token = Single::new(serial, &time.clock());
    token.challenges = Challenges::Counted(0);
    token.seed = Some(OLD.to_vec());
    token.quartz = crate::sim::single::Quartz::ahead(&time.clock(), 40);
    Arc::new(Mutex::new(token))
}

/// What is in a token, or a profile, and how far its clock is ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub seed: Option<Vec<u8>>,
    pub manner: codes::Manner,
    pub title: Vec<u8>,
    pub ahead: i64,
}

/// Of a token with one profile.
pub fn content(token: &Mutex<Single>, time: &Time) -> Content {
    let token = lock(token);
    Content {
        seed: token.seed.clone(),
        manner: token.manner,
        title: Vec::new(),
        ahead: i64::from(token.quartz.now()) - i64::try_from(time.now() / 1000).unwrap(),
    }
}

/// Of the profile of a Molto-2 that held the old seed.
pub fn profile(token: &Mutex<Molto2>, time: &Time) -> Content {
    let token = lock(token);
    let profile: &molto2::Profile = &token.profiles[3];
    Content {
        seed: profile.seed.clone(),
        manner: profile.manner,
        title: profile.title.clone(),
        ahead: i64::from(profile.quartz.now()) - i64::try_from(time.now() / 1000).unwrap(),
    }
}

/// What was said must be true, whatever happened on the way: `before` is what was in the token, `now` is what is. `begun`: a step was
/// told; before that, the words may be of what lies there alone.
pub fn honest((outcome, begun): (&Outcome, bool), task: &Task, before: &Content, now: &Content, what: &str) {
    let new = now.seed.as_deref() == Some(task.job.seed.expose());
    match outcome {
        Outcome::Written(_) => {
            assert!(new, "{what}: believed written");
            let parameters = &task.job.parameters;
            assert_eq!(
                (now.manner.algorithm, now.manner.step),
                (2, parameters.period),
                "{what}"
            );
            assert_eq!(now.manner.digits, parameters.digits, "{what}");
            assert!(now.ahead.abs() <= 1, "{what}: its clock is wrong by {} s", now.ahead);
            if task.kind == Kind::Molto2 {
                // The title is the last thing, and may be missing.
                assert!(
                    now.title == task.job.title.as_bytes() || now.title == before.title,
                    "{what}"
                );
            }
        }
        Outcome::Unreached(_) => assert_eq!(now, before, "{what}: {outcome:?}"),
        Outcome::Failed(trouble) => {
            let words = &trouble.words;
            assert!(!words.contains('\n') && words.len() < 240, "{what}: {words}");
            match trouble.left {
                Left::AsBefore => {
                    assert_eq!(now, before, "{what}: {words}");
                    assert!(!begun || words.contains("nothing was written"), "{what}: {words}");
                }
                Left::Unknown => {
                    assert!(words.contains("may hold no seed"), "{what}: {words}");
                    let says = ["start over", "do not try again"].map(|says| words.contains(says));
                    assert!(says[0] != says[1], "{what}: {words}");
                }
            }
        }
    }
}
