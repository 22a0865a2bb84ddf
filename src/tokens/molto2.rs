//! A Molto-2, over USB: 50 or 100 profiles, each with a seed, a title and settings of its own. In: a channel with a device on it; out:
//! what is in it, and at the end [`Seeded`]. Each step is a value that only the step before can make, and that the step after uses
//! up:
//!
//! ```text
//! find -> Found -> choose -> Chosen -> authenticate -> Open -> configure -> Configured -> authenticate_again -> Ready -> seed
//!           |                   \-> filled -> Filled -> authenticate -> OpenClock -> set      -> Titled <- title <- Seeded
//!           |-> authenticate -> Manager -> delete, change_key
//!           \-> reset
//! ```
//!
//! An occupied profile becomes [`Chosen`] only where the caller says that it may go. The notes do not say whether the configuration
//! ends the authentication here as it does on single-profile tokens; once more does no harm, so the order is the same. There is a
//! command for the time alone, and no note says that it costs the seed. No command reads a seed back.
//!
//! A new customer key and a factory reset wait for a button on the device (90xx): see [`Press`].

use super::apdu::{Body, Command};
use super::channel::ApduChannel;
use super::crypto::{BLOCK, Key, Seed, derive};
use super::exchange::{DONE, Fault, Info, ask, authenticate, challenge, parse_info};
use super::models::{self, Ability, MOLTO2_V2_PROFILES, TokenTime, algorithm_byte};
use crate::secret::Secret;
use crate::store::records::TotpParameters;
use crate::text::shown_bytes;

/// Most bytes of a title.
pub const TITLE_MAX: usize = 12;

/// How long the display shows a code: 0, 1, 2, 3 are 15, 30, 60, 120 s.
pub const DISPLAY: u8 = 2;

/// Bytes of a customer key, as the maker's own tools take it.
pub const CUSTOMER_KEY: usize = 16;

/// Hash, digits and period, as a Molto-2 can have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    algorithm: u8,
    digits: u8,
    period: u8,
}

impl Settings {
    /// # Errors
    /// One line: what a Molto-2 cannot do.
    pub fn new(p: &TotpParameters) -> Result<Settings, String> {
        const ABILITY: &Ability = &models::MOLTO2;
        ABILITY.check(p)?;
        let algorithm = algorithm_byte(p.algorithm).ok_or_else(|| format!("{} has no such hash", ABILITY.name))?;
        Ok(Settings {
            algorithm,
            digits: p.digits,
            period: p.period,
        })
    }
}

/// A profile's title: a name, cut to 12 bytes of UTF-8 between two characters. Control characters are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title(String);

impl Title {
    /// None: nothing is left of the name, so there is no title to write.
    pub fn new(name: &str) -> Option<Title> {
        let mut title = String::with_capacity(TITLE_MAX);
        for c in name.trim().chars().filter(|c| !c.is_control()) {
            if title.len() + c.len_utf8() > TITLE_MAX {
                break;
            }
            title.push(c);
        }
        let length = title.trim_end().len();
        title.truncate(length);
        (!title.is_empty()).then_some(Title(title))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a profile tells of itself without authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Public {
    /// Its title; shown text.
    pub title: String,
    /// It holds a seed.
    pub occupied: bool,
}

/// Reads `95 1F 70 1D flag title[16] timeA[4] timeB[4] alg step digits seedpresent`. Only the last byte says whether there is a
/// seed: an empty profile has settings too. Any value but 0 counts as a seed, so that none is written over by mistake.
///
/// # Errors
/// [`Fault::Malformed`].
pub fn parse_profile(data: &[u8]) -> Result<Public, Fault> {
    let parsed = (|| {
        let body = data.strip_prefix(&[0x95, 0x1F, 0x70, 0x1D])?;
        let body = <&[u8; 0x1D]>::try_from(body).ok()?;
        let title = body.get(1..17)?.split(|byte| *byte == 0).next()?;
        Some(Public {
            title: shown_bytes(title),
            occupied: *body.last()? != 0,
        })
    })();
    parsed.ok_or(Fault::Malformed)
}

/// Finds the device. Nothing is changed.
///
/// # Errors
/// [`Fault`].
pub fn find(channel: &mut dyn ApduChannel) -> Result<Found<'_>, Fault> {
    let info = info(channel)?;
    Ok(Found { channel, info })
}

/// Asks for serial number and clock.
fn info(channel: &mut dyn ApduChannel) -> Result<Info, Fault> {
    parse_info(&ask(channel, &Command::ask([0x41, 0x00, 0x00]))?.data)
}

/// A device. Nothing was written.
pub struct Found<'c> {
    channel: &'c mut dyn ApduChannel,
    info: Info,
}

/// Why a profile is not [`Chosen`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotChosen {
    /// The link failed, or the answer was not of the known shape.
    Fault(Fault),
    /// The device has no such profile; the status word that said so.
    Missing(u16),
    /// It holds a seed, and nobody said that it may go; its title.
    Occupied(String),
}

impl<'c> Found<'c> {
    /// Its serial number.
    pub fn serial(&self) -> &str {
        &self.info.serial
    }

    /// Its clock, seconds since 1970.
    pub fn utc(&self) -> u32 {
        self.info.utc
    }

    /// One profile; none: the device refuses the number, so it has none of it.
    ///
    /// # Errors
    /// [`Fault::Link`], [`Fault::Malformed`].
    pub fn profile(&mut self, number: u8) -> Result<Option<Public>, Fault> {
        self.read(number).map(Result::ok)
    }

    fn read(&mut self, number: u8) -> Result<Result<Public, u16>, Fault> {
        if number >= MOLTO2_V2_PROFILES {
            return Ok(Err(0x6A86));
        }
        match ask(self.channel, &Command::plain([0x41, 0x00, number], &Body::of(&[0x70]))) {
            Ok(response) => parse_profile(&response.data).map(Ok),
            Err(Fault::Refused(status)) => Ok(Err(status)),
            Err(fault) => Err(fault),
        }
    }

    /// All profiles, by number, up to the first that the device refuses: 50 or 100.
    ///
    /// # Errors
    /// [`Fault::Link`], [`Fault::Malformed`].
    pub fn profiles(&mut self) -> Result<Vec<Public>, Fault> {
        let mut all = Vec::with_capacity(usize::from(MOLTO2_V2_PROFILES));
        for number in 0..MOLTO2_V2_PROFILES {
            match self.profile(number)? {
                Some(profile) => all.push(profile),
                None => break,
            }
        }
        Ok(all)
    }

    /// The first profile without a seed; none: all hold one.
    ///
    /// # Errors
    /// [`Fault::Link`], [`Fault::Malformed`].
    pub fn first_free(&mut self) -> Result<Option<u8>, Fault> {
        for number in 0..MOLTO2_V2_PROFILES {
            match self.profile(number)? {
                Some(profile) if !profile.occupied => return Ok(Some(number)),
                Some(_) => {}
                None => break,
            }
        }
        Ok(None)
    }

    /// A profile to write a seed to: an empty one, or with `replace` any.
    ///
    /// # Errors
    /// [`NotChosen`], and the device, to go on asking.
    pub fn choose(mut self, number: u8, replace: bool) -> Result<Chosen<'c>, (Found<'c>, NotChosen)> {
        match self.read(number) {
            Ok(Ok(profile)) if profile.occupied && !replace => Err((self, NotChosen::Occupied(profile.title))),
            Ok(Ok(profile)) => Ok(Chosen {
                device: self,
                number,
                occupied: profile.occupied,
            }),
            Ok(Err(status)) => Err((self, NotChosen::Missing(status))),
            Err(fault) => Err((self, NotChosen::Fault(fault))),
        }
    }

    /// Shows that we know the customer key, for the device as a whole. Nothing is written.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn authenticate(self, key: Key) -> Result<Manager<'c>, Fault> {
        authenticate(self.channel, &key, &challenge(None))?;
        Ok(Manager { device: self, key })
    }

    /// Empties every profile and brings the maker's customer key back, once the button is pressed: see [`Press`].
    pub fn reset(self) -> Press<'c> {
        Press::new(self, Command::ask([0x56, 0x00, 0x00]))
    }
}

/// A profile that may be written to. Nothing was written.
pub struct Chosen<'c> {
    device: Found<'c>,
    number: u8,
    occupied: bool,
}

impl<'c> Chosen<'c> {
    /// Shows that we know the customer key. Nothing is written.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn authenticate(self, key: Key) -> Result<Open<'c>, Fault> {
        let link = Link::authenticated(self.device, self.number, key)?;
        Ok(Open { link })
    }

    /// The same profile, if it holds a seed, so that it has a clock to set.
    pub fn filled(self) -> Option<Filled<'c>> {
        self.occupied.then_some(Filled { chosen: self })
    }
}

/// The profile that all further steps speak to.
struct Link<'c> {
    device: Found<'c>,
    number: u8,
    key: Key,
}

impl<'c> Link<'c> {
    fn authenticated(device: Found<'c>, number: u8, key: Key) -> Result<Link<'c>, Fault> {
        authenticate(device.channel, &key, &challenge(None))?;
        Ok(Link { device, number, key })
    }

    /// Sends a body with its MAC to the profile.
    fn send(&mut self, ins: u8, p1: u8, body: &Body) -> Result<(), Fault> {
        let command = Command::signed(&self.key, [ins, p1, self.number], body);
        ask(self.device.channel, &command).map(drop)
    }
}

/// A device that takes our key. Nothing was written.
pub struct Open<'c> {
    link: Link<'c>,
}

impl<'c> Open<'c> {
    /// Writes hash, digits, period and time. From here on the profile holds no seed that anybody may rely on.
    ///
    /// # Errors
    /// [`Fault`]; see [`Fault::not_done`].
    pub fn configure(mut self, settings: Settings, time: TokenTime) -> Result<Configured<'c>, Fault> {
        let [a, b, c, d] = time.bytes();
        let Settings {
            algorithm,
            digits,
            period,
        } = settings;
        let body = Body::of(&[
            0x81, 0x14, 0x1F, 0x01, DISPLAY, 0x0F, 0x04, a, b, c, d, 0x86, 0x09, 0x0A, 0x01, algorithm, 0x0B, 0x01,
            digits, 0x0D, 0x01, period,
        ]);
        self.link.send(0xD4, 0x01, &body)?;
        Ok(Configured { link: self.link })
    }
}

/// A profile that is configured and has, for all we know, no seed.
pub struct Configured<'c> {
    link: Link<'c>,
}

/// Why a configured profile is not [`Ready`].
pub use super::single::NotReady;

impl<'c> Configured<'c> {
    /// Shows that we know the key once more, to the same device.
    ///
    /// # Errors
    /// [`NotReady`].
    pub fn authenticate_again(self) -> Result<Ready<'c>, NotReady> {
        let Link { device, number, key } = self.link;
        let info = info(device.channel).map_err(NotReady::Fault)?;
        if info.serial != device.info.serial {
            return Err(NotReady::Other(info.serial));
        }
        let link = Link::authenticated(device, number, key).map_err(NotReady::Fault)?;
        Ok(Ready { link })
    }
}

/// A profile that is configured, on a device that is authenticated since: the only one that takes a seed.
pub struct Ready<'c> {
    link: Link<'c>,
}

impl<'c> Ready<'c> {
    /// Writes the seed.
    ///
    /// # Errors
    /// [`Fault`]; what is in the profile then is not known.
    pub fn seed(mut self, seed: Seed) -> Result<Seeded<'c>, Fault> {
        let body = seed.sealed(&self.link.key);
        self.link.send(0xC5, 0x01, &body)?;
        Ok(Seeded { link: self.link })
    }
}

/// The device said that the profile took the seed. Only its code proves that it shows the right ones.
pub struct Seeded<'c> {
    link: Link<'c>,
}

impl Seeded<'_> {
    /// Writes the title.
    ///
    /// # Errors
    /// [`Fault`]: the profile may have its new seed and an old title.
    pub fn title(mut self, title: &Title) -> Result<(), Fault> {
        // 12 bytes at most: always one block.
        let body = Body::padded(title.as_str().as_bytes()).ok_or(Fault::Malformed)?;
        let body = self.link.key.encrypt(body);
        self.link.send(0xD5, 0x00, &body)
    }
}

/// A profile that holds a seed.
pub struct Filled<'c> {
    chosen: Chosen<'c>,
}

impl<'c> Filled<'c> {
    /// Shows that we know the customer key. Nothing is written.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn authenticate(self, key: Key) -> Result<OpenClock<'c>, Fault> {
        let Chosen { device, number, .. } = self.chosen;
        let link = Link::authenticated(device, number, key)?;
        Ok(OpenClock { link })
    }
}

/// A profile whose clock may be set, on a device that takes our key.
pub struct OpenClock<'c> {
    link: Link<'c>,
}

impl OpenClock<'_> {
    /// Writes the time alone.
    ///
    /// # Errors
    /// [`Fault`]; see [`Fault::not_done`].
    pub fn set(mut self, time: TokenTime) -> Result<(), Fault> {
        let [a, b, c, d] = time.bytes();
        self.link
            .send(0xD4, 0x01, &Body::of(&[0x81, 0x06, 0x0F, 0x04, a, b, c, d]))
    }
}

/// A device that takes our key, for what is not one profile's programming. Nothing was written.
pub struct Manager<'c> {
    device: Found<'c>,
    key: Key,
}

impl<'c> Manager<'c> {
    /// Deletes the seed of a profile; its title stays. Whether there was one: false where it was empty already (6A83). Devices were
    /// seen to do this without authentication, the notes ask for it.
    ///
    /// # Errors
    /// [`Fault`]; see [`Fault::not_done`].
    pub fn delete(self, number: u8) -> Result<bool, Fault> {
        match ask(self.device.channel, &Command::ask([0xE6, 0x00, number])) {
            Ok(_) => Ok(true),
            Err(Fault::Refused(0x6A83)) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Gives a profile another title; its seed stays.
    ///
    /// # Errors
    /// [`Fault`]; see [`Fault::not_done`].
    pub fn title(self, number: u8, title: &Title) -> Result<(), Fault> {
        let body = Body::padded(title.as_str().as_bytes()).ok_or(Fault::Malformed)?;
        let body = self.key.encrypt(body);
        let command = Command::signed(&self.key, [0xD5, 0x00, number], &body);
        ask(self.device.channel, &command).map(drop)
    }

    /// Gives the device a new customer key, once the button is pressed: see [`Press`].
    pub fn change_key(self, new: &Secret) -> Press<'c> {
        let mut plain = zeroize::Zeroizing::new([0; 2 * BLOCK]);
        let fresh = derive(new.expose());
        // 00, the key, 80, zeros.
        let tail = fresh.iter().chain(&[0x80]);
        plain.iter_mut().skip(1).zip(tail).for_each(|(to, from)| *to = *from);
        let body = self.key.encrypt(Body::of(&plain));
        let command = Command::signed(&self.key, [0xD7, 0x00, 0x00], &body);
        Press::new(self.device, command)
    }
}

/// A command that the device carries out only when somebody presses its button. Any 90xx means that it waits. What it answers
/// afterwards the notes leave open, so no answer is a proof: the caller looks at the device again. Asking again is harmless: it says
/// the same thing with the same key.
pub struct Press<'c> {
    device: Found<'c>,
    command: Command,
    asked: bool,
}

/// How far a [`Press`] is.
pub enum Pressed<'c> {
    /// It waits for the button: ask again in a moment.
    Waiting(Press<'c>),
    /// It waits no more: look at it again.
    Over(Found<'c>),
}

impl<'c> Press<'c> {
    fn new(device: Found<'c>, command: Command) -> Press<'c> {
        Press {
            device,
            command,
            asked: false,
        }
    }

    /// Asks once.
    ///
    /// # Errors
    /// [`Fault`] where the device refuses from the first, or the link fails. Once it has waited, anything but "I wait" says only that
    /// it waits no more.
    pub fn ask(mut self) -> Result<Pressed<'c>, Fault> {
        let response = self.device.channel.transmit(self.command.as_slice())?;
        let first = !self.asked;
        self.asked = true;
        match response.status {
            DONE if !first => Ok(Pressed::Over(self.device)),
            status if status >> 8 == DONE >> 8 => Ok(Pressed::Waiting(self)),
            status if first => Err(Fault::Refused(status)),
            _ => Ok(Pressed::Over(self.device)),
        }
    }

    /// The device, to look at while it waits.
    pub fn device(&mut self) -> &mut Found<'c> {
        &mut self.device
    }

    /// Waits no longer; the device may go on doing so.
    pub fn give_up(self) -> Found<'c> {
        self.device
    }
}
