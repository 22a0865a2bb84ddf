//! The readers' thread and the screens. It looks at readers while a screen stands that reads; of readers and tokens it tells
//! every screen, of a job the one that asked, wherever that stands: what was written must not get lost because a question stands
//! on top. What became of a job while nobody was logged in is kept until somebody is. In: what it tells, what screens ask; out: both
//! with the numbers that the other side knows.

use std::time::Duration;

use super::asks::Asker;
use super::{App, Tone};
use crate::console::event::Effect;
use crate::control::{Request, Role, TokenId, TokenInfo};
use crate::text::shown;
use crate::tokens::desk::{Ask, Told};

/// A job counts for so long as if somebody were there.
const JOB_MAX: Duration = Duration::from_secs(60);
/// Work of a screen counts for so long at most: what takes longer has come to a halt.
const WORK_MAX: Duration = Duration::from_secs(2 * 3600);
/// The number of no screen: what is asked under it is answered to nobody, and said all the same.
const NOBODY: u64 = 0;

/// A token as posternd made it, to be written.
#[derive(Clone, Debug)]
pub(super) struct Made {
    user: String,
    id: TokenId,
    serial: String,
}

impl Made {
    pub(super) fn of(token: &TokenInfo) -> Self {
        Self {
            user: token.user.clone(),
            id: token.id,
            serial: token.serial.clone(),
        }
    }
}

/// What a job does, and to which token.
#[derive(Clone, Debug)]
enum Deed {
    /// Writes a key; with the token as posternd made it.
    Write { serial: String, made: Option<Made> },
    /// Sets a clock.
    Clock { serial: String },
}

/// Whose job it is: the screen, and the number that it gave.
#[derive(Clone, Debug)]
pub(super) struct Job {
    layer: u64,
    own: u64,
    /// Since then.
    began: Duration,
    deed: Deed,
}

/// What became of a job while nobody was logged in.
#[derive(Debug)]
pub(super) struct Late(Deed, Told);

impl App {
    /// A screen asks; a job gets a number that no other has.
    pub(super) fn ask_reader(&mut self, layer: u64, ask: Ask, effects: &mut Vec<Effect>) {
        let ask = match ask {
            Ask::Write(own, job) => {
                let deed = Deed::Write {
                    serial: job.serial.clone(),
                    made: self.made.take().filter(|made| made.serial == job.serial),
                };
                Ask::Write(self.job(layer, own, deed), job)
            }
            Ask::SetClock {
                number: own,
                device,
                serial,
                profile,
                parameters,
                customer_key,
            } => {
                let deed = Deed::Clock { serial: serial.clone() };
                Ask::SetClock {
                    number: self.job(layer, own, deed),
                    device,
                    serial,
                    profile,
                    parameters,
                    customer_key,
                }
            }
            ask @ (Ask::Watch(_) | Ask::Use(_)) => ask,
        };
        effects.push(Effect::Reader(ask));
    }

    fn job(&mut self, layer: u64, own: u64, deed: Deed) -> u64 {
        self.numbers += 1;
        let began = self.context.now.mono;
        let job = Job {
            layer,
            own,
            began,
            deed,
        };
        self.jobs.insert(self.numbers, job);
        self.numbers
    }

    /// While a token is being written somebody stands before it, for as long as that may take; a backup or restore needs nobody there.
    pub(super) fn note_jobs(&mut self) {
        let now = self.context.now.mono;
        let busy = self.jobs.values().map(|job| now.min(job.began + JOB_MAX)).max();
        self.last_job = self.last_job.max(busy.unwrap_or_default());
        if !self.layers.iter().any(|layer| layer.screen.works()) {
            self.works_since = None;
            return;
        }
        let since = *self.works_since.get_or_insert(now);
        if now.saturating_sub(since) < WORK_MAX {
            self.last_job = now;
        }
    }

    /// The thread tells something.
    pub(super) fn reader(&mut self, told: Told, effects: &mut Vec<Effect>) {
        let (number, told) = match told {
            Told::Step(number, step) => (number, Told::Step(self.own(number), step)),
            Told::Written(number, at) => (number, Told::Written(self.own(number), at)),
            Told::Failed(number, trouble) => (number, Told::Failed(self.own(number), trouble)),
            told @ (Told::Readers(_) | Told::Placed(_) | Told::Unfit { .. } | Told::Gone { .. }) => {
                let layers: Vec<u64> = self.layers.iter().map(|layer| layer.number).collect();
                for number in layers {
                    self.tell(number, &told, effects);
                }
                return;
            }
        };
        let job = match told {
            Told::Step(..) => self.jobs.get(&number).cloned(),
            _ => self.jobs.remove(&number),
        };
        let Some(job) = job else { return };
        // The screen may have to answer it: nobody is locked out in between.
        self.last_job = self.last_job.max(self.context.now.mono.min(job.began + JOB_MAX));
        if self.tell(job.layer, &told, effects) || matches!(told, Told::Step(..)) {
            return;
        }
        let late = Late(job.deed, told);
        match self.context.session.is_some() {
            true => self.tell_nobody(late, effects),
            false => self.late.push(late),
        }
    }

    fn own(&self, number: u64) -> u64 {
        self.jobs.get(&number).map_or(0, |job| job.own)
    }

    /// Answers whether the screen still stands.
    fn tell(&mut self, number: u64, told: &Told, effects: &mut Vec<Effect>) -> bool {
        let Some(layer) = self.layers.iter_mut().find(|layer| layer.number == number) else {
            return false;
        };
        let actions = layer.screen.reader(told, &self.context);
        self.apply_from(number, actions, effects);
        true
    }

    /// Somebody is logged in again: what became of the jobs meanwhile is said.
    pub(super) fn tell_late(&mut self, effects: &mut Vec<Effect>) {
        for late in std::mem::take(&mut self.late) {
            self.tell_nobody(late, effects);
        }
    }

    /// The screen that asked was left: what is in the token now is said all the same, and noted by whoever may note it.
    fn tell_nobody(&mut self, Late(deed, told): Late, effects: &mut Vec<Effect>) {
        let may_note = self
            .context
            .session
            .as_ref()
            .is_some_and(|one| one.role != Role::Auditor);
        match (told, deed) {
            (Told::Written(..), Deed::Write { made: Some(made), .. }) if may_note => {
                let words = format!(
                    "{} of {} was written after its screen was left: it waits for its code",
                    shown(&made.serial),
                    shown(&made.user)
                );
                self.say(Tone::Look, words);
                let (user, id) = (made.user, made.id);
                self.ask(Asker::Layer(NOBODY, 0), Request::TokenWritten { user, id }, effects);
            }
            (Told::Written(..), Deed::Write { serial, .. }) => {
                let words = format!(
                    "{} was written after its screen was left, and nobody noted it: program it again",
                    shown(&serial)
                );
                self.say(Tone::Look, words);
            }
            (Told::Written(..), Deed::Clock { serial }) => {
                let words = format!(
                    "The clock of {} was set after its screen was left, and nobody noted it: set it again",
                    shown(&serial)
                );
                self.say(Tone::Look, words);
            }
            (Told::Failed(_, trouble), Deed::Write { serial, .. } | Deed::Clock { serial }) => {
                self.say(Tone::Bad, format!("{} ({})", trouble.words, shown(&serial)));
            }
            _ => {}
        }
    }

    /// Whether somebody reads now, told to the thread where that has changed. Where another screen reads than before, the thread
    /// tells it everything anew.
    pub(super) fn watch(&mut self, effects: &mut Vec<Effect>) {
        let reads = self.context.session.is_some() && self.layers.iter().any(|layer| layer.screen.reads());
        let is_fresh = std::mem::take(&mut self.reads_anew);
        if reads != self.watches || (reads && is_fresh) {
            effects.push(Effect::Reader(Ask::Watch(reads)));
        }
        self.watches = reads;
    }
}
