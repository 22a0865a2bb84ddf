//! The way of a token from the drawer to a hand. In: a channel with a token on it, what is to be written, the box's clock; out: what
//! the token is, or when it took everything, or what happened, what is in it now and what to do. Asks posternd nothing, keeps
//! nothing, writes nothing twice: only while a Molto-2 waits for its button is it asked again.
//!
//! 1. What the token cannot do is refused before anything is sent: parameters, seed, a clock that no token can hold.
//! 2. It is looked at first, always: another serial number than the job's is refused.
//! 3. Authenticate, configure (with the box's time at that moment), authenticate again to the same token, seed; on a Molto-2 the title.
//!    One try of the key each time. [`write`](fn@write) says yes only to "done" at the seed, and then whatever becomes of the title;
//!    whether the token shows the right codes is proven by a code, and by nothing here.
//! 4. Whatever fails from the configuration on leaves [`Left::Unknown`]: the token may hold no seed, so it is started over, with
//!    another seed.

mod device;
mod words;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;

use super::channel::{ApduChannel, LinkError};
use super::crypto::{Key, Seed};
use super::desk::{Job, Left, Placed, Profile, Step, Trouble};
use super::exchange::Fault;
use super::models::{self, TokenTime};
use super::molto2::{self, NotChosen, Title};
use super::single::{self, NotReady, Stranger};
use crate::secret::Secret;
use crate::store::records::{Timestamp, TotpParameters};
use crate::text::shown;

pub use super::models::Kind;
pub use device::{
    PRESS_ASKS, PRESS_PAUSE, PRESS_WORDS, Waited, delete_seed, factory_reset, set_customer_key, set_title,
};

use words::{At, refused, unfit, unsure, unsure_clock, untouched};

/// Why what lies on a reader cannot be programmed: one line, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nothing can be said of it: the link failed.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// It answers, and is nothing that we program.
    #[error("{0}")]
    Card(String),
}

/// A clock to be set.
#[derive(Clone, Copy, Debug)]
pub struct ClockJob<'a> {
    /// The token that must lie there: another one is refused.
    pub serial: &'a str,
    /// Which profile of a token with several.
    pub profile: Option<u8>,
    /// What the token was programmed with. A token with one profile takes its time only together with hash and period: others than
    /// it has would change its codes. A Molto-2 takes the time alone.
    pub parameters: TotpParameters,
    /// The customer key of a Molto-2, where it is not the maker's.
    pub customer_key: Option<&'a Secret>,
}

/// What lies on the reader. Nothing is written, no key is tried.
///
/// # Errors
/// [`Unfit`].
pub fn look(channel: &mut dyn ApduChannel, kind: Kind, device: &str, now: Timestamp) -> Result<Placed, Unfit> {
    let ahead = |utc: u32| Some(i64::from(utc).saturating_sub_unsigned(now.seconds()));
    match kind {
        Kind::Single => {
            let found = single::find(channel).map_err(unfit::single)?;
            Ok(Placed {
                device: device.to_owned(),
                serial: found.serial().to_owned(),
                model: found.model().name.to_owned(),
                clock_ahead: ahead(found.utc()),
                clock_free: found.model().clock_free,
                profiles: Vec::new(),
            })
        }
        Kind::Molto2 => {
            let mut found = find_molto2(channel)?;
            let profiles = found.profiles().map_err(unfit::molto2)?;
            if profiles.is_empty() {
                return Err(unfit::without_profiles());
            }
            Ok(Placed {
                device: device.to_owned(),
                serial: found.serial().to_owned(),
                model: models::molto2_name(profiles.len()).to_owned(),
                clock_ahead: ahead(found.utc()),
                clock_free: true,
                profiles: (0..)
                    .zip(profiles)
                    .map(|(number, profile)| Profile {
                        number,
                        title: profile.title,
                        occupied: profile.occupied,
                    })
                    .collect(),
            })
        }
    }
}

/// Writes a seed. `step` is told of each step before it begins. The answer is the box's clock when the token's time was set.
///
/// # Errors
/// [`Trouble`]: what happened, what is in the token, what to do.
pub fn write(
    channel: &mut dyn ApduChannel,
    kind: Kind,
    job: &Job,
    clock: &dyn Fn() -> Timestamp,
    step: &mut dyn FnMut(Step),
) -> Result<Timestamp, Trouble> {
    let seed = Seed::new(&job.seed).map_err(refused)?;
    TokenTime::of(clock()).map_err(refused)?;
    match kind {
        Kind::Single => write_single(channel, job, seed, clock, step),
        Kind::Molto2 => write_molto2(channel, job, seed, clock, step),
    }
}

fn write_single(
    channel: &mut dyn ApduChannel,
    job: &Job,
    seed: Seed,
    clock: &dyn Fn() -> Timestamp,
    step: &mut dyn FnMut(Step),
) -> Result<Timestamp, Trouble> {
    let settings = single::Settings::new(&job.parameters).map_err(refused)?;
    let found = find_single(channel, &job.serial, job.profile)?;
    step(Step::Authenticate);
    let open = found
        .authenticate()
        .map_err(|fault| untouched(Kind::Single, At::Key, &fault))?;
    step(Step::Configure);
    let now = clock();
    let time = TokenTime::of(now).map_err(refused)?;
    let configured = open
        .configure(settings, time)
        .map_err(|fault| configuring(Kind::Single, "the token", &fault))?;
    step(Step::AuthenticateAgain);
    let ready = configured
        .authenticate_again()
        .map_err(|why| not_ready(Kind::Single, "the token", why))?;
    step(Step::Seed);
    ready
        .seed(seed)
        .map_err(|fault| unsure(Kind::Single, At::Seed, "the token", &fault))?;
    Ok(now)
}

fn write_molto2(
    channel: &mut dyn ApduChannel,
    job: &Job,
    seed: Seed,
    clock: &dyn Fn() -> Timestamp,
    step: &mut dyn FnMut(Step),
) -> Result<Timestamp, Trouble> {
    let settings = molto2::Settings::new(&job.parameters).map_err(refused)?;
    let chosen = choose(find_device(channel, &job.serial)?, job.profile, job.replace)?;
    let name = format!("profile {}", job.profile.unwrap_or_default());
    step(Step::Authenticate);
    let open = chosen
        .authenticate(Key::molto2(job.customer_key.as_ref()))
        .map_err(|fault| untouched(Kind::Molto2, At::Key, &fault))?;
    step(Step::Configure);
    let now = clock();
    let time = TokenTime::of(now).map_err(refused)?;
    let configured = open
        .configure(settings, time)
        .map_err(|fault| configuring(Kind::Molto2, &name, &fault))?;
    step(Step::AuthenticateAgain);
    let ready = configured
        .authenticate_again()
        .map_err(|why| not_ready(Kind::Molto2, &name, why))?;
    step(Step::Seed);
    let seeded = ready
        .seed(seed)
        .map_err(|fault| unsure(Kind::Molto2, At::Seed, &name, &fault))?;
    if let Some(title) = Title::new(&job.title) {
        step(Step::Title);
        // The seed is taken: a title that fails is a missing name on a display and no failed writing. Whoever heard "failed" would
        // write another seed over this one. There is no place in the answer for it; `set_title` can write it later.
        let _ = seeded.title(&title);
    }
    Ok(now)
}

/// Sets a clock and leaves the seed where it is: refused on every model where that would wipe it. The answer is the box's clock then.
///
/// On a token with one profile this is the configuration with the parameters that it has, since the notes have no command for the
/// time alone; that its seed stays is what the notes say of the three models with a free clock. Not tried on a physical token, so
/// the caller asks for a code afterwards.
///
/// # Errors
/// [`Trouble`].
pub fn set_clock(
    channel: &mut dyn ApduChannel,
    kind: Kind,
    job: &ClockJob<'_>,
    clock: &dyn Fn() -> Timestamp,
    step: &mut dyn FnMut(Step),
) -> Result<Timestamp, Trouble> {
    TokenTime::of(clock()).map_err(refused)?;
    match kind {
        Kind::Single => {
            let settings = single::Settings::new(&job.parameters).map_err(refused)?;
            let found = find_single(channel, job.serial, job.profile)?;
            let model = found.model();
            let free = found.free_clock().ok_or_else(|| words::clock_not_free(model.name))?;
            step(Step::Authenticate);
            let open = free.authenticate().map_err(|fault| untouched(kind, At::Key, &fault))?;
            step(Step::Clock);
            let now = clock();
            let time = TokenTime::of(now).map_err(refused)?;
            open.set(settings, time).map_err(|fault| setting_clock(kind, &fault))?;
            Ok(now)
        }
        Kind::Molto2 => {
            // Nothing is written over, so an occupied profile is what is wanted.
            let chosen = choose(find_device(channel, job.serial)?, job.profile, true)?;
            let filled = chosen
                .filled()
                .ok_or_else(|| words::clock_of_nothing(job.profile.unwrap_or_default()))?;
            step(Step::Authenticate);
            let open = filled
                .authenticate(Key::molto2(job.customer_key))
                .map_err(|fault| untouched(kind, At::Key, &fault))?;
            step(Step::Clock);
            let now = clock();
            let time = TokenTime::of(now).map_err(refused)?;
            open.set(time).map_err(|fault| setting_clock(kind, &fault))?;
            Ok(now)
        }
    }
}

/// The token with this serial number, or nothing is done.
fn find_single<'c>(
    channel: &'c mut dyn ApduChannel,
    serial: &str,
    profile: Option<u8>,
) -> Result<single::Found<'c>, Trouble> {
    if let Some(number) = profile {
        return Err(refused(format!(
            "a token with one profile has no profile {number}: leave the profile out, or choose a Molto-2"
        )));
    }
    let found = single::find(channel).map_err(|stranger| match stranger {
        Stranger::Fault(Fault::Link(link)) => untouched(Kind::Single, At::Look, &Fault::Link(link)),
        stranger => refused(unfit::single(stranger)),
    })?;
    same(found.serial(), serial)?;
    Ok(found)
}

/// The Molto-2 with this serial number, or nothing is done.
fn find_device<'c>(channel: &'c mut dyn ApduChannel, serial: &str) -> Result<molto2::Found<'c>, Trouble> {
    let found = find_molto2(channel).map_err(|why| match why {
        Unfit::Link(link) => untouched(Kind::Molto2, At::Look, &Fault::Link(link)),
        Unfit::Card(words) => refused(words),
    })?;
    same(found.serial(), serial)?;
    Ok(found)
}

fn find_molto2(channel: &mut dyn ApduChannel) -> Result<molto2::Found<'_>, Unfit> {
    let found = molto2::find(channel).map_err(unfit::molto2)?;
    match models::by_serial(found.serial()) {
        Some(model) => Err(unfit::not_molto2(model.name)),
        None => Ok(found),
    }
}

fn same(found: &str, wanted: &str) -> Result<(), Trouble> {
    if found == wanted {
        return Ok(());
    }
    Err(refused(format!(
        "token {} lies there, not {}: nothing was written, place the right one",
        shown(found),
        shown(wanted)
    )))
}

/// The profile that was asked for; where there is none, or it is occupied, the words name the first that is free.
fn choose(mut device: molto2::Found<'_>, number: Option<u8>, replace: bool) -> Result<molto2::Chosen<'_>, Trouble> {
    let look = |fault: &Fault| untouched(Kind::Molto2, At::Look, fault);
    let Some(number) = number else {
        let free = device.first_free().map_err(|fault| look(&fault))?;
        return Err(words::no_profile_said(free));
    };
    match device.choose(number, replace) {
        Ok(chosen) => Ok(chosen),
        Err((_, NotChosen::Fault(fault))) => Err(look(&fault)),
        Err((_, NotChosen::Missing(status))) => Err(words::no_such_profile(number, status)),
        Err((mut device, NotChosen::Occupied(title))) => {
            let free = device.first_free().map_err(|fault| look(&fault))?;
            Err(words::occupied(number, &title, free))
        }
    }
}

/// A failed configuration: if the token says that it did not do it, what was in it is still there.
fn configuring(kind: Kind, what: &str, fault: &Fault) -> Trouble {
    if fault.not_done() {
        untouched(kind, At::Configuration, fault)
    } else {
        unsure(kind, At::Configuration, what, fault)
    }
}

fn setting_clock(kind: Kind, fault: &Fault) -> Trouble {
    if fault.not_done() {
        untouched(kind, At::Clock, fault)
    } else {
        unsure_clock(kind, fault)
    }
}

fn not_ready(kind: Kind, what: &str, why: NotReady) -> Trouble {
    match why {
        NotReady::Fault(fault) => unsure(kind, At::KeyAgain, what, &fault),
        NotReady::Other(serial) => Trouble {
            words: format!(
                "another token ({}) lies there now, which got no seed; the first may hold none: place the first again and start over",
                shown(&serial)
            ),
            left: Left::Unknown,
            key_refused: false,
        },
    }
}
