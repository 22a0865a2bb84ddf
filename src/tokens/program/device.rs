//! A Molto-2 as a whole: delete a profile's seed, give the device a customer key of the house, empty it. In: a channel, the serial
//! number that must be there, keys; out: done, or what happened. The last two wait for a button on the device, for a bounded time.

use std::time::Duration;

use super::words::{At, refused, unclear, untouched};
use super::{Kind, find_device};
use crate::secret::Secret;
use crate::tokens::channel::ApduChannel;
use crate::tokens::crypto::Key;
use crate::tokens::desk::{Left, Trouble};
use crate::tokens::exchange::Fault;
use crate::tokens::molto2::{CUSTOMER_KEY, Found, Press, Pressed, Title};

/// What to say while the device waits.
pub const PRESS_WORDS: &str = "press the button with the arrow up on the Molto-2";

/// How long to wait between two questions whether the button was pressed.
pub const PRESS_PAUSE: Duration = Duration::from_millis(500);

/// How often it is asked: half a minute in all.
pub const PRESS_ASKS: u32 = 60;

/// Told before each pause, from 0 on, [`PRESS_ASKS`] times at most: shows [`PRESS_WORDS`] and waits [`PRESS_PAUSE`].
pub type Waited<'a> = &'a mut dyn FnMut(u32);

/// Deletes the seed of one profile. Whether there was one.
///
/// # Errors
/// [`Trouble`].
pub fn delete_seed(
    channel: &mut dyn ApduChannel,
    serial: &str,
    profile: u8,
    customer_key: Option<&Secret>,
) -> Result<bool, Trouble> {
    let manager = find_device(channel, serial)?
        .authenticate(Key::molto2(customer_key))
        .map_err(|fault| untouched(Kind::Molto2, At::Key, &fault))?;
    manager.delete(profile).map_err(|fault| {
        if fault.not_done() {
            untouched(Kind::Molto2, At::Deletion, &fault)
        } else {
            let state = format!("profile {profile} may still hold its seed, or none: look at the Molto-2 again");
            unclear(At::Deletion, &fault, &state)
        }
    })
}

/// Gives a profile another title. What was written: as much of it as fits.
///
/// # Errors
/// [`Trouble`].
pub fn set_title(
    channel: &mut dyn ApduChannel,
    serial: &str,
    profile: u8,
    title: &str,
    customer_key: Option<&Secret>,
) -> Result<String, Trouble> {
    let title = Title::new(title).ok_or_else(|| refused("a title has a character at least: nothing was written"))?;
    let manager = find_device(channel, serial)?
        .authenticate(Key::molto2(customer_key))
        .map_err(|fault| untouched(Kind::Molto2, At::Key, &fault))?;
    manager.title(profile, &title).map_err(|fault| {
        if fault.not_done() {
            untouched(Kind::Molto2, At::Retitle, &fault)
        } else {
            let state = format!("profile {profile} may have its old title or the new one: look at the Molto-2 again");
            unclear(At::Retitle, &fault, &state)
        }
    })?;
    Ok(title.as_str().to_owned())
}

/// Gives the device a new customer key: the maker's is public. Proven at the end by authenticating with the new one, once.
///
/// # Errors
/// [`Trouble`].
pub fn set_customer_key(
    channel: &mut dyn ApduChannel,
    serial: &str,
    old: Option<&Secret>,
    new: &Secret,
    waited: Waited<'_>,
) -> Result<(), Trouble> {
    if new.len() != CUSTOMER_KEY {
        return Err(refused(format!(
            "a customer key has {CUSTOMER_KEY} bytes, this one has {}: nothing was written",
            new.len()
        )));
    }
    let manager = find_device(channel, serial)?
        .authenticate(Key::molto2(old))
        .map_err(|fault| untouched(Kind::Molto2, At::Key, &fault))?;
    let at = At::CustomerKey;
    let either = "it takes the old key or the new one: set it up again with either";
    let (device, _) = wait(manager.change_key(new), at, either, waited, |_| Ok(false))?;
    match device.authenticate(Key::molto2(Some(new))) {
        Ok(_) => Ok(()),
        Err(Fault::Locked | Fault::WrongKey { .. }) => Err(Trouble {
            key_refused: true,
            ..refused(
                "the Molto-2 does not take the new customer key, so it has the old one: unplug it so that it waits no more, plug it \
                 in again, start over, and press its button when you are asked to",
            )
        }),
        Err(fault) => Err(unclear(at, &fault, either)),
    }
}

/// Empties every profile and brings the maker's customer key back. Proven by a profile that is not any more what it was: the last one
/// with a seed or a title, since the first ones may come back with what the maker puts there. A device that shows neither has only its
/// word.
///
/// # Errors
/// [`Trouble`].
pub fn factory_reset(channel: &mut dyn ApduChannel, serial: &str, waited: Waited<'_>) -> Result<(), Trouble> {
    let at = At::Reset;
    let mut device = find_device(channel, serial)?;
    let profiles = device
        .profiles()
        .map_err(|fault| untouched(Kind::Molto2, At::Look, &fault))?;
    let witness = (0..)
        .zip(profiles)
        .filter(|(_, profile)| profile.occupied || !profile.title.is_empty())
        .last();
    let changed = |device: &mut Found<'_>| match &witness {
        Some((number, before)) => Ok(device.profile(*number)?.is_some_and(|after| after != *before)),
        None => Ok(false),
    };
    let state = "it may be empty or not: look at the Molto-2 again";
    let (mut device, over) = wait(device.reset(), at, state, waited, changed)?;
    match &witness {
        Some(_) if changed(&mut device).map_err(|fault| unclear(at, &fault, state))? => Ok(()),
        Some(_) => Err(refused(
            "nobody pressed the button, so the Molto-2 was not reset: unplug it so that it waits no more, plug it in again, start \
             over, and press it when you are asked to",
        )),
        None if over => Ok(()),
        None => Err(Trouble {
            words: "the Molto-2 does not say that it was reset, and nothing was in it that could be seen to go: look at its display"
                .to_owned(),
            left: Left::Unknown,
            key_refused: false,
        }),
    }
}

/// Asks until the device waits no more, `seen` says that it is done, or the time is up. The device, and whether it waits no more.
fn wait<'c>(
    mut press: Press<'c>,
    at: At,
    state: &str,
    waited: Waited<'_>,
    seen: impl Fn(&mut Found<'c>) -> Result<bool, Fault>,
) -> Result<(Found<'c>, bool), Trouble> {
    for asked in 0..PRESS_ASKS {
        let answer = press.ask().map_err(|fault| {
            if asked == 0 && fault.not_done() {
                untouched(Kind::Molto2, at, &fault)
            } else {
                unclear(at, &fault, state)
            }
        })?;
        press = match answer {
            Pressed::Over(device) => return Ok((device, true)),
            Pressed::Waiting(press) => press,
        };
        waited(asked);
        if seen(press.device()).map_err(|fault| unclear(at, &fault, state))? {
            return Ok((press.give_up(), true));
        }
    }
    Ok((press.give_up(), false))
}
