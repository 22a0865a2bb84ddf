//! The readers' thread and the screens. It looks at readers while a screen stands that reads; of readers and tokens it tells
//! every screen, of a job the one that asked, wherever that stands: what was written must not get lost because a question stands
//! on top. In: what it tells, what screens ask; out: both with the numbers that the other side knows.

use super::{App, Tone};
use crate::console::event::Effect;
use crate::tokens::desk::{Ask, Left, Told};

/// Whose job it is: the screen, and the number that it gave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    layer: u64,
    own: u64,
}

impl App {
    /// A screen asks; a job gets a number that no other has.
    pub(super) fn ask_reader(&mut self, layer: u64, ask: Ask, effects: &mut Vec<Effect>) {
        let ask = match ask {
            Ask::Write(own, job) => Ask::Write(self.job(layer, own), job),
            Ask::SetClock {
                number: own,
                device,
                serial,
                profile,
                parameters,
                customer_key,
            } => Ask::SetClock {
                number: self.job(layer, own),
                device,
                serial,
                profile,
                parameters,
                customer_key,
            },
            ask @ (Ask::Watch(_) | Ask::Use(_)) => ask,
        };
        effects.push(Effect::Reader(ask));
    }

    fn job(&mut self, layer: u64, own: u64) -> u64 {
        self.numbers += 1;
        self.jobs.insert(self.numbers, Job { layer, own });
        self.numbers
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
            Told::Step(..) => self.jobs.get(&number).copied(),
            _ => self.jobs.remove(&number),
        };
        let Some(job) = job else { return };
        if !self.tell(job.layer, &told, effects) {
            self.tell_nobody(&told);
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

    /// The screen that asked was left: what is in the token now is said all the same.
    fn tell_nobody(&mut self, told: &Told) {
        match told {
            Told::Written(..) => {
                let words = "The token was written after its screen was left, and nobody noted it: program it again";
                self.say(Tone::Look, words.to_owned());
            }
            Told::Failed(_, trouble) if trouble.left == Left::Unknown => self.say(Tone::Bad, trouble.words.clone()),
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
