//! One reader that is used. In: the way to it, jobs; out: what lies on it, told when that changes, and how a job went.
//!
//! **How a token that stays is watched.** When something is laid on a reader it is looked at once, and let go. After that, a PN532
//! only chooses it by its identifier and lets it go again: the radio's part of a card answers that, the token's own program is not
//! begun and is told nothing, so that no talk and no try of a key is counted. It means that the desk does not notice a token whose
//! identifier is made up anew each time and that changes places with another within a quarter of a second, which is why every job
//! looks at the serial number first. A token that switches itself off vanishes from the field, and so is told as gone although it
//! lies there. What pcscd knows is watched by pcscd.

use std::path::Path;

use crate::store::records::Timestamp;
use crate::tokens::channel::{ApduChannel, LinkError};
use crate::tokens::desk::{Left, Placed, Told, Trouble};
use crate::tokens::find::{Candidate, Way, words};
use crate::tokens::pcsc;
use crate::tokens::pn532::Link;
use crate::tokens::pn532::chip::{Listing, Pn532, Target};
use crate::tokens::pn532::port::Port;
use crate::tokens::program::{self, Unfit};

/// How often something that does not answer is looked at before that is told.
const LOOKS: u8 = 3;
/// How often a job looks for its token, and how often a reader may fail one after another before it is given up.
const TRIES: u8 = 2;

/// What lies on a reader.
#[derive(Default)]
struct Lying {
    /// It was looked at, and need not be again.
    looked: bool,
    /// As what the chip found it.
    target: Option<Target>,
    /// That something lies there was told, and not yet that it is gone.
    told: bool,
    /// Looks without an answer.
    looks: u8,
    /// Why it could not be had, as it was told.
    refused: Option<String>,
}

/// A reader that is used.
pub struct Held {
    candidate: Candidate,
    /// Open while the reader is held.
    chip: Option<Pn532>,
    /// Something may lie there that was let go, and keeps quiet until it loses its power.
    let_go: bool,
    lying: Lying,
    /// Failures one after another.
    failures: u8,
}

impl Held {
    /// A reader that nothing is known of yet; with its chip where it was asked just now.
    pub fn new(candidate: Candidate, chip: Option<Pn532>) -> Self {
        Self {
            candidate,
            chip,
            let_go: true,
            lying: Lying::default(),
            failures: 0,
        }
    }

    /// The reader as it was found.
    pub fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// The same reader, as it was found again.
    pub fn found_again(&mut self, candidate: Candidate) {
        self.candidate = candidate;
    }

    /// Whatever lies there is looked at and told anew.
    pub fn forget(&mut self) {
        self.lying = Lying {
            told: self.lying.told,
            ..Lying::default()
        };
    }

    /// Tells that nothing lies there any more, if it was told that something does.
    pub fn gone(&mut self, tell: &dyn Fn(Told)) {
        if self.lying.told {
            tell(Told::Gone {
                device: self.candidate.reader.device.clone(),
            });
        }
        self.lying = Lying::default();
    }

    /// Looks once, and tells what changed.
    ///
    /// # Errors
    /// [`LinkError::ReaderGone`]; [`LinkError::Reader`] after it failed again and again: it must be let go.
    pub fn poll(&mut self, now: Timestamp, tell: &dyn Fn(Told)) -> Result<(), LinkError> {
        let polled = match self.candidate.way.clone() {
            Some(Way::Port(path)) => self.poll_port(&path, now, tell),
            Some(Way::Pcsc(name)) => self.poll_pcsc(&name, now, tell),
            None => Err(LinkError::ReaderGone),
        };
        match polled {
            Ok(()) => self.failures = 0,
            Err(LinkError::ReaderGone) => return Err(LinkError::ReaderGone),
            Err(error) => {
                // Opened and brought up anew the next time.
                self.chip = None;
                self.failures += 1;
                if self.failures >= TRIES {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn poll_port(&mut self, path: &Path, now: Timestamp, tell: &dyn Fn(Told)) -> Result<(), LinkError> {
        let mut chip = self.take_chip(path)?;
        let polled = self.poll_chip(&mut chip, now, tell);
        self.chip = Some(chip);
        polled
    }

    fn poll_chip(&mut self, chip: &mut Pn532, now: Timestamp, tell: &dyn Fn(Told)) -> Result<(), LinkError> {
        if self.lying.looked {
            let there = chip.search(Listing::ToSee)?;
            if let Some(there) = &there {
                chip.release(there.number);
            }
            match (&there, &self.lying.target) {
                (Some(there), Some(seen)) if !there.is_other_than(seen) => return Ok(()),
                _ => self.gone(tell),
            }
            if there.is_none() {
                return Ok(());
            }
        }
        let found = match self.let_go {
            true => chip.search(Listing::ToTalk)?,
            false => chip.list(Listing::ToTalk)?,
        };
        self.let_go = found.is_some();
        let Some(target) = found else {
            self.gone(tell);
            return Ok(());
        };
        let looked = match Link::new(&mut *chip, &target) {
            Ok(mut link) => self.look(&mut link, now),
            Err(error) => Err(Unfit::Link(error)),
        };
        self.lying.target = Some(target);
        self.judge(looked, tell)
    }

    fn poll_pcsc(&mut self, name: &str, now: Timestamp, tell: &dyn Fn(Told)) -> Result<(), LinkError> {
        if !pcsc::present(name)? {
            self.gone(tell);
            return Ok(());
        }
        if self.lying.looked {
            return Ok(());
        }
        let looked = match pcsc::open(name) {
            Ok(mut card) => self.look(&mut card, now),
            // Another program has the token: that is no fault of the reader, and it may let go.
            Err(LinkError::Reader(words)) => {
                self.refused(words, tell);
                return Ok(());
            }
            Err(error) => Err(Unfit::Link(error)),
        };
        self.judge(looked, tell)
    }

    /// Tells why what lies there cannot be had just now, once.
    fn refused(&mut self, why: String, tell: &dyn Fn(Told)) {
        if self.lying.refused.as_ref() != Some(&why) {
            tell(self.unfit(why.clone()));
            self.lying.told = true;
            self.lying.refused = Some(why);
        }
    }

    fn look(&self, channel: &mut dyn ApduChannel, now: Timestamp) -> Result<Placed, Unfit> {
        program::look(channel, self.candidate.kind, &self.candidate.reader.device, now)
    }

    /// Tells what a look brought, once.
    fn judge(&mut self, looked: Result<Placed, Unfit>, tell: &dyn Fn(Told)) -> Result<(), LinkError> {
        let told = match looked {
            Ok(placed) => Told::Placed(placed),
            Err(Unfit::Link(error @ (LinkError::ReaderGone | LinkError::Reader(_)))) => return Err(error),
            Err(Unfit::Link(LinkError::TokenGone | LinkError::Silent)) => {
                self.lying.looks += 1;
                if self.lying.looks < LOOKS {
                    return Ok(());
                }
                self.unfit(
                    "what lies there does not answer: switch the token on and lay it flat on the reader".to_owned(),
                )
            }
            Err(Unfit::Link(LinkError::Unfit(why)) | Unfit::Card(why)) => self.unfit(why),
        };
        self.lying.looked = true;
        self.lying.told = true;
        tell(told);
        Ok(())
    }

    fn unfit(&self, why: String) -> Told {
        Told::Unfit {
            device: self.candidate.reader.device.clone(),
            why,
        }
    }

    /// Does a job with the token that lies there. Whatever comes of it, the token is looked at anew afterwards.
    ///
    /// # Errors
    /// The job's own, or [`Left::AsBefore`] with words where there was no token to begin with.
    pub fn job<T>(&mut self, work: impl FnOnce(&mut dyn ApduChannel) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let done = match self.candidate.way.clone() {
            Some(Way::Port(path)) => self.job_port(&path, work),
            Some(Way::Pcsc(name)) => match pcsc::open(&name) {
                Ok(mut card) => work(&mut card),
                Err(error) => Err(untouched(error)),
            },
            None => Err(untouched(LinkError::ReaderGone)),
        };
        self.forget();
        self.let_go = true;
        done
    }

    fn job_port<T>(
        &mut self,
        path: &Path,
        work: impl FnOnce(&mut dyn ApduChannel) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let mut tries = 1;
        let (mut chip, target) = loop {
            let error = match self.find(path) {
                Ok((chip, Some(target))) => break (chip, target),
                Ok((chip, None)) => {
                    self.chip = Some(chip);
                    LinkError::TokenGone
                }
                // A reader that was unplugged and plugged in again meanwhile is opened anew.
                Err(error) => error,
            };
            if tries >= TRIES {
                return Err(untouched(error));
            }
            tries += 1;
        };
        let done = match Link::new(&mut chip, &target) {
            Ok(mut link) => work(&mut link),
            Err(error) => Err(untouched(error)),
        };
        self.chip = Some(chip);
        done
    }

    fn find(&mut self, path: &Path) -> Result<(Pn532, Option<Target>), LinkError> {
        let mut chip = self.take_chip(path)?;
        let found = chip.search(Listing::ToTalk)?;
        Ok((chip, found))
    }

    fn take_chip(&mut self, path: &Path) -> Result<Pn532, LinkError> {
        match self.chip.take() {
            Some(chip) => Ok(chip),
            None => Ok(Pn532::new(Box::new(Port::open(path)?))),
        }
    }
}

/// A job that did not begin.
pub fn untouched(error: LinkError) -> Trouble {
    let words = match error {
        LinkError::TokenGone => {
            "no token lies on the reader, and nothing was written: place it again and start over".to_owned()
        }
        LinkError::ReaderGone => {
            "the reader is not there, and nothing was written: plug it in, place the token again and start over"
                .to_owned()
        }
        other => format!("nothing was written: {}", words(other)),
    };
    Trouble {
        words,
        left: Left::AsBefore,
        key_refused: false,
    }
}
