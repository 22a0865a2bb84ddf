//! Tokens with one profile, over NFC. In: a channel with a token on it; out: its model, and at the end [`Seeded`]. Each step is a
//! value that only the step before can make, and that the step after uses up, so the order cannot be wrong and nothing is tried
//! twice:
//!
//! ```text
//! find -> Found -> authenticate -> Open -> configure -> Configured -> authenticate_again -> Ready -> seed -> Seeded
//!           \-> free_clock -> FreeClock -> authenticate -> OpenClock -> set -> (the clock is set)
//! ```
//!
//! A channel is a link to one token: whoever puts another one there breaks it. The serial number is compared once more before the
//! seed all the same.
//!
//! The configuration carries the time, and on most models it wipes the seed and ends the authentication: so it comes first, always,
//! and nothing is a token with a seed but what took the seed last.
//!
//! The notes have no command for the time alone. On the three models with a free clock the configuration leaves the seed where it
//! is, so their clock is set by it; but it says hash, period and display time too, which cannot be read back: the caller must know
//! hash and period, and the display time becomes [`DISPLAY`]. On any other model it would wipe the seed, so [`Found::free_clock`] is
//! the only way there. No command reads a seed back, resets a token or changes its key.

use super::apdu::{Body, Command};
use super::channel::ApduChannel;
use super::crypto::{Key, Seed};
use super::exchange::{Fault, Info, ask, authenticate, challenge, parse_info};
use super::models::{self, Ability, Model, TokenTime, algorithm_byte};
use crate::store::records::TotpParameters;

/// How long the display shows a code: 0, 1, 2, 3 are 15, 30, 60, 120 s.
pub const DISPLAY: u8 = 1;

/// Hash and period, as a single-profile token can have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    algorithm: u8,
    period: u8,
}

impl Settings {
    /// # Errors
    /// One line: what such a token cannot do.
    pub fn new(p: &TotpParameters) -> Result<Settings, String> {
        const ABILITY: &Ability = &models::SINGLE;
        ABILITY.check(p)?;
        let algorithm = algorithm_byte(p.algorithm).ok_or_else(|| format!("{} has no such hash", ABILITY.name))?;
        Ok(Settings {
            algorithm,
            period: p.period,
        })
    }

    fn command(self, key: &Key, time: TokenTime) -> Command {
        let [a, b, c, d] = time.bytes();
        let Settings { algorithm, period } = self;
        let body = Body::of(&[
            0x81, 0x11, 0x1F, 0x01, DISPLAY, 0x0F, 0x04, a, b, c, d, 0x86, 0x06, 0x0A, 0x01, algorithm, 0x0D, 0x01,
            period,
        ]);
        Command::signed(key, [0xD4, 0x00, 0x00], &body)
    }
}

/// Asks what lies there: serial number and clock. No authentication, nothing is changed.
///
/// # Errors
/// [`Fault`].
pub fn info(channel: &mut dyn ApduChannel) -> Result<Info, Fault> {
    let command = Command::plain([0x41, 0x00, 0x00], &Body::of(&[0x02, 0x11]));
    parse_info(&ask(channel, &command)?.data)
}

/// Why what lies there is not [`Found`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// It did not answer as a token does.
    Fault(Fault),
    /// It has this serial number, which no model that we know has.
    Unknown(String),
}

/// Finds the token that lies there.
///
/// # Errors
/// [`Stranger`].
pub fn find(channel: &mut dyn ApduChannel) -> Result<Found<'_>, Stranger> {
    let info = info(channel).map_err(Stranger::Fault)?;
    match models::by_serial(&info.serial) {
        Some(model) => Ok(Found {
            link: Link {
                channel,
                key: Key::single(),
                serial: info.serial,
            },
            model,
            utc: info.utc,
        }),
        None => Err(Stranger::Unknown(info.serial)),
    }
}

/// The token that all steps speak to.
struct Link<'c> {
    channel: &'c mut dyn ApduChannel,
    key: Key,
    serial: String,
}

impl Link<'_> {
    fn authenticate(&mut self) -> Result<(), Fault> {
        authenticate(self.channel, &self.key, &challenge(Some(&Body::of(&[0x00]))))
    }
}

/// A token whose model is known. Nothing was written.
pub struct Found<'c> {
    link: Link<'c>,
    model: &'static Model,
    utc: u32,
}

impl<'c> Found<'c> {
    /// Its serial number.
    pub fn serial(&self) -> &str {
        &self.link.serial
    }

    /// What it is.
    pub fn model(&self) -> &'static Model {
        self.model
    }

    /// Its clock, seconds since 1970.
    pub fn utc(&self) -> u32 {
        self.utc
    }

    /// Shows that we know the key. Nothing is written.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn authenticate(mut self) -> Result<Open<'c>, Fault> {
        self.link.authenticate()?;
        Ok(Open { link: self.link })
    }

    /// The same token, if its clock can be set without losing the seed.
    pub fn free_clock(self) -> Option<FreeClock<'c>> {
        self.model.clock_free.then_some(FreeClock { link: self.link })
    }
}

/// A token that takes our key. Nothing was written.
pub struct Open<'c> {
    link: Link<'c>,
}

impl<'c> Open<'c> {
    /// Writes hash, period and time. From here on it holds no seed that anybody may rely on.
    ///
    /// # Errors
    /// [`Fault`]; see [`Fault::not_done`].
    pub fn configure(self, settings: Settings, time: TokenTime) -> Result<Configured<'c>, Fault> {
        ask(self.link.channel, &settings.command(&self.link.key, time))?;
        Ok(Configured { link: self.link })
    }
}

/// A token that is configured and has, for all we know, no seed.
pub struct Configured<'c> {
    link: Link<'c>,
}

/// Why a configured token is not [`Ready`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// It failed.
    Fault(Fault),
    /// Another token lies there now, with this serial number.
    Other(String),
}

impl<'c> Configured<'c> {
    /// Shows that we know the key once more, to the same token: another one that was put in its place gets no seed.
    ///
    /// # Errors
    /// [`NotReady`].
    pub fn authenticate_again(mut self) -> Result<Ready<'c>, NotReady> {
        let info = info(self.link.channel).map_err(NotReady::Fault)?;
        if info.serial != self.link.serial {
            return Err(NotReady::Other(info.serial));
        }
        self.link.authenticate().map_err(NotReady::Fault)?;
        Ok(Ready { link: self.link })
    }
}

/// A token that is configured, and authenticated since: the only one that takes a seed.
pub struct Ready<'c> {
    link: Link<'c>,
}

impl Ready<'_> {
    /// Writes the seed.
    ///
    /// # Errors
    /// [`Fault`]; what is in the token then is not known.
    pub fn seed(self, seed: Seed) -> Result<Seeded, Fault> {
        let body = seed.sealed(&self.link.key);
        ask(
            self.link.channel,
            &Command::signed(&self.link.key, [0xC5, 0x01, 0x00], &body),
        )?;
        Ok(Seeded(()))
    }
}

/// The token said that it took the seed. Only its code proves that it shows the right ones.
#[derive(Debug)]
pub struct Seeded(());

/// A token whose clock may be set.
pub struct FreeClock<'c> {
    link: Link<'c>,
}

impl<'c> FreeClock<'c> {
    /// Shows that we know the key. Nothing is written.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn authenticate(mut self) -> Result<OpenClock<'c>, Fault> {
        self.link.authenticate()?;
        Ok(OpenClock { link: self.link })
    }
}

/// A token that takes our key and whose clock may be set.
pub struct OpenClock<'c> {
    link: Link<'c>,
}

impl OpenClock<'_> {
    /// Writes the time, and with it hash and period: they must be those that the token has, or its codes become others.
    ///
    /// # Errors
    /// [`Fault`]; see [`Fault::not_done`].
    pub fn set(self, settings: Settings, time: TokenTime) -> Result<(), Fault> {
        ask(self.link.channel, &settings.command(&self.link.key, time))?;
        Ok(())
    }
}
