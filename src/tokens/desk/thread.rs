//! The thread that owns the readers. In: [`Ask`]; out: [`Told`], by the function it was started with. It never holds up who asks: to
//! ask only sends. Each thing it does ends within a time that is known beforehand, and between two of them it listens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::reader::{Held, untouched};
use super::{Ask, Reader, Step, Told, Trouble};
use crate::store::records::Timestamp;
use crate::tokens::channel::{ApduChannel, LinkError};
use crate::tokens::find::ports::Places;
use crate::tokens::find::{Candidate, Finder, Settings, Way, words};
use crate::tokens::pn532::chip::Pn532;
use crate::tokens::pn532::port::Port;
use crate::tokens::program::{self, ClockJob, Kind};

/// How often it looks which readers are there.
const SCAN: Duration = Duration::from_secs(1);
/// How often it looks what lies on a reader.
const POLL: Duration = Duration::from_millis(250);
/// A port that could not be opened is tried again after this: whoever had it may be done.
const REOPEN: Duration = Duration::from_secs(1);
/// A port that did not answer is asked again after this, and after twice of it; one that was chosen for good again and again.
const ASK_AGAIN: Duration = Duration::from_secs(3);
const ASKS_MAX: u32 = 3;
/// Dropping the desk waits so long for a job that has begun. It goes on to its end without us: a token must not stay half written.
const DROP_MAX: Duration = Duration::from_secs(3);

/// The readers' thread. Dropping it ends the thread and lets every reader go.
pub struct Desk {
    asks: Option<Sender<Ask>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the readers' thread. It does nothing until it is asked. `tell` is called on that thread and should not block.
///
/// # Errors
/// The system starts no thread.
pub fn spawn(
    settings: Settings,
    clock: fn() -> Timestamp,
    tell: impl Fn(Told) + Send + 'static,
) -> std::io::Result<Desk> {
    spawn_with(Finder::new(Places::default(), settings), clock, tell)
}

/// The same with readers that are looked for elsewhere.
pub(super) fn spawn_with(
    finder: Finder,
    clock: fn() -> Timestamp,
    tell: impl Fn(Told) + Send + 'static,
) -> std::io::Result<Desk> {
    let (sender, asks) = channel();
    let stop = Arc::new(AtomicBool::new(false));
    let now = Instant::now();
    let worker = Worker {
        finder,
        clock,
        tell: Box::new(tell),
        stop: Arc::clone(&stop),
        watched: false,
        candidates: Vec::new(),
        asked: BTreeMap::new(),
        held: BTreeMap::new(),
        told: None,
        scan_at: now,
        poll_at: now,
    };
    let thread = std::thread::Builder::new()
        .name("readers".to_owned())
        .spawn(move || worker.run(&asks))?;
    Ok(Desk {
        asks: Some(sender),
        stop,
        thread: Some(thread),
    })
}

impl Desk {
    /// Asks; the answer is told. Never blocks.
    pub fn ask(&self, ask: Ask) {
        if let Some(asks) = &self.asks {
            // The thread ends only when the desk is dropped.
            let _ = asks.send(ask);
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.asks = None;
        let end = Instant::now() + DROP_MAX;
        let Some(thread) = self.thread.take() else { return };
        while !thread.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
        if thread.is_finished() {
            let _ = thread.join();
        }
    }
}

/// What came of asking a port, or of using a reader.
struct Asked {
    stamp: (u64, u64),
    /// Why it cannot be used; none: it is a reader.
    trouble: Option<String>,
    /// How often it was asked in vain.
    tries: u32,
    /// When it is asked again; none: when it is plugged in again, or chosen.
    again: Option<Instant>,
}

struct Worker {
    finder: Finder,
    clock: fn() -> Timestamp,
    tell: Box<dyn Fn(Told) + Send>,
    stop: Arc<AtomicBool>,
    watched: bool,
    /// What was there at the last look.
    candidates: Vec<Candidate>,
    /// By device.
    asked: BTreeMap<String, Asked>,
    /// The readers that are used now, by device.
    held: BTreeMap<String, Held>,
    /// The readers as they were last told.
    told: Option<Vec<Reader>>,
    scan_at: Instant,
    poll_at: Instant,
}

impl Worker {
    fn run(mut self, asks: &Receiver<Ask>) {
        while !self.stop.load(Ordering::Acquire) {
            let ask = match self.watched {
                true => asks.recv_timeout(self.due()),
                false => asks.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            if self.stop.load(Ordering::Acquire) {
                return;
            }
            match ask {
                Ok(ask) => self.obey(ask),
                Err(RecvTimeoutError::Timeout) => self.work(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// How long there is nothing to do.
    fn due(&self) -> Duration {
        match self.unasked() {
            Some(_) => Duration::ZERO,
            None => self.scan_at.min(self.poll_at).saturating_duration_since(Instant::now()),
        }
    }

    fn obey(&mut self, ask: Ask) {
        let now = Instant::now();
        match ask {
            Ask::Watch(true) => {
                self.watched = true;
                self.told = None;
                // What failed may do better now, and what lies there is told to whoever watches now.
                self.asked.retain(|_, asked| asked.trouble.is_none());
                self.held.values_mut().for_each(Held::forget);
                (self.scan_at, self.poll_at) = (now, now);
            }
            Ask::Watch(false) => {
                self.watched = false;
                self.told = None;
                self.held.clear();
            }
            Ask::Use(device) => {
                match self.held.get_mut(&device) {
                    Some(held) => held.forget(),
                    None => drop(self.asked.remove(&device)),
                }
                self.told = None;
                self.finder.choose(device);
                (self.scan_at, self.poll_at) = (now, now);
            }
            Ask::Write(number, job) => self.job(number, &job.device, |channel, kind, clock, step| {
                program::write(channel, kind, &job, clock, step)
            }),
            Ask::SetClock {
                number,
                device,
                serial,
                profile,
                parameters,
                customer_key,
            } => self.job(number, &device, |channel, kind, clock, step| {
                let job = ClockJob {
                    serial: &serial,
                    profile,
                    parameters,
                    customer_key: customer_key.as_ref(),
                };
                program::set_clock(channel, kind, &job, clock, step)
            }),
        }
    }

    /// One thing that is due.
    fn work(&mut self) {
        if Instant::now() >= self.scan_at {
            self.scan();
        }
        if let Some(candidate) = self.unasked() {
            self.ask(&candidate);
        }
        if Instant::now() >= self.poll_at {
            self.poll();
            self.poll_at = Instant::now() + POLL;
        }
    }

    /// Which readers are there.
    fn scan(&mut self) {
        self.candidates = self.finder.look();
        let now = Instant::now();
        self.scan_at = now + SCAN;
        let (candidates, tell) = (&self.candidates, &self.tell);
        // What is not there any more, or is another one by now, is forgotten.
        let stays = |device: &str, way: Option<&Way>, stamp| {
            let same = |c: &&Candidate| c.reader.device == device && c.way.is_some() && c.stamp == stamp;
            candidates
                .iter()
                .find(same)
                .is_some_and(|c| way.is_none() || c.way.as_ref() == way)
        };
        self.held.retain(|device, held| {
            let stays = stays(device, held.candidate().way.as_ref(), held.candidate().stamp);
            if !stays {
                held.gone(tell);
            }
            stays
        });
        self.asked.retain(|device, asked| {
            // A reader that failed in use and is no port is simply tried again.
            let again = asked.again.is_some_and(|again| again <= now);
            let asks = candidates.iter().any(|c| c.reader.device == *device && c.may_ask);
            stays(device, None, asked.stamp) && (asks || !again)
        });
        self.settle();
        if self.unasked().is_none() {
            self.publish();
        }
    }

    /// A port that may be asked what it is and was not yet, or is to be asked again.
    fn unasked(&self) -> Option<Candidate> {
        let now = Instant::now();
        let due = |candidate: &&Candidate| match self.asked.get(&candidate.reader.device) {
            None => true,
            Some(asked) => asked.again.is_some_and(|again| again <= now),
        };
        self.candidates.iter().filter(|c| c.may_ask).find(due).cloned()
    }

    fn ask(&mut self, candidate: &Candidate) {
        let Some(Way::Port(path)) = &candidate.way else { return };
        let device = candidate.reader.device.clone();
        let tries = self.asked.get(&device).map_or(0, |asked| asked.tries);
        let now = Instant::now;
        let mut asked = Asked {
            stamp: candidate.stamp,
            trouble: None,
            tries: 0,
            again: None,
        };
        match Port::open(path) {
            Err(error) => {
                asked.trouble = Some(error.to_string());
                asked.again = Some(now() + REOPEN);
            }
            Ok(port) => {
                let mut chip = Pn532::new(Box::new(port));
                match chip.bring_up() {
                    Ok(()) => {
                        let held = Held::new(candidate.clone(), Some(chip));
                        self.held.insert(device.clone(), held);
                        self.poll_at = now();
                    }
                    // It is there no more: the next look will tell.
                    Err(LinkError::ReaderGone) => {
                        asked.trouble = Some(words(LinkError::ReaderGone));
                        asked.again = Some(now() + REOPEN);
                    }
                    Err(error) => {
                        asked.trouble = Some(words(error));
                        asked.tries = tries + 1;
                        asked.again = (candidate.patient || asked.tries < ASKS_MAX)
                            .then(|| now() + ASK_AGAIN * asked.tries.min(ASKS_MAX));
                    }
                }
            }
        }
        self.asked.insert(device, asked);
        self.settle();
        self.publish();
    }

    /// Why a candidate cannot be used, and whether it is a reader.
    fn state(&self, candidate: &Candidate) -> (bool, Option<String>) {
        let asked = self.asked.get(&candidate.reader.device);
        let trouble = candidate.reader.trouble.clone();
        let trouble = trouble.or_else(|| asked.and_then(|asked| asked.trouble.clone()));
        let proven = candidate.reader.proven || asked.is_some_and(|asked| asked.trouble.is_none());
        (proven && candidate.way.is_some(), trouble)
    }

    /// Holds the readers that can be used, all of them, and lets the others go.
    fn settle(&mut self) {
        let used: Vec<Candidate> = self
            .candidates
            .iter()
            .filter(|candidate| self.state(candidate) == (true, None))
            .cloned()
            .collect();
        let tell = &self.tell;
        self.held.retain(|device, held| {
            let stays = used.iter().any(|candidate| candidate.reader.device == *device);
            if !stays {
                held.gone(tell);
            }
            stays
        });
        for candidate in used {
            match self.held.get_mut(&candidate.reader.device) {
                Some(held) => held.found_again(candidate),
                None => drop(
                    self.held
                        .insert(candidate.reader.device.clone(), Held::new(candidate, None)),
                ),
            }
        }
    }

    /// Tells the readers if they changed.
    fn publish(&mut self) {
        let readers: Vec<Reader> = self
            .candidates
            .iter()
            .map(|candidate| {
                let (proven, trouble) = self.state(candidate);
                Reader {
                    proven,
                    trouble,
                    ..candidate.reader.clone()
                }
            })
            .collect();
        if self.told.as_ref() != Some(&readers) {
            (self.tell)(Told::Readers(readers.clone()));
            self.told = Some(readers);
        }
    }

    /// What lies on the readers that are used.
    fn poll(&mut self) {
        let now = (self.clock)();
        let mut failed = Vec::new();
        for (device, held) in &mut self.held {
            if let Err(error) = held.poll(now, &self.tell) {
                held.gone(&self.tell);
                failed.push((device.clone(), held.candidate().stamp, error));
            }
        }
        for (device, stamp, error) in failed {
            self.held.remove(&device);
            self.asked.remove(&device);
            self.scan_at = Instant::now();
            if error != LinkError::ReaderGone {
                let asked = Asked {
                    stamp,
                    trouble: Some(words(error)),
                    tries: 0,
                    again: Some(Instant::now() + ASK_AGAIN),
                };
                self.asked.insert(device, asked);
            }
        }
    }

    /// Does a job on a reader and tells how it went.
    fn job(
        &mut self,
        number: u64,
        device: &str,
        work: impl FnOnce(
            &mut dyn ApduChannel,
            Kind,
            &dyn Fn() -> Timestamp,
            &mut dyn FnMut(Step),
        ) -> Result<Timestamp, Trouble>,
    ) {
        let mut other = None;
        let held = match self.held.get_mut(device) {
            Some(held) => Some(held),
            None => {
                // Another reader than the one that is used, or nobody watches.
                let mut candidates = self.finder.look().into_iter();
                let allowed = |c: &Candidate| c.may_ask || matches!(c.way, Some(Way::Pcsc(_)));
                let found = candidates.find(|c| c.reader.device == device && allowed(c));
                found.map(|candidate| other.insert(Held::new(candidate, None)))
            }
        };
        let (clock, tell) = (self.clock, &self.tell);
        let done = match held {
            None => Err(untouched(LinkError::ReaderGone)),
            Some(held) => {
                let kind = held.candidate().kind;
                held.job(|channel| work(channel, kind, &clock, &mut |step| tell(Told::Step(number, step))))
            }
        };
        match done {
            Ok(at) => tell(Told::Written(number, at)),
            Err(trouble) => tell(Told::Failed(number, trouble)),
        }
        self.poll_at = Instant::now();
    }
}
