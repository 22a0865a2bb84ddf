//! `token device`: a Molto-2 itself. posternd is asked only who would lose a token; nothing of this changes what it keeps.

use std::path::Path;

use serde::Serialize;

use super::args::{DeviceCommand, ReaderArgs};
use super::{Bench, Waiting, words};
use crate::cli::input::Ask;
use crate::cli::out::End;
use crate::control::{Failure, TokenInfo, TokenSource, check};
use crate::secret::Secret;
use crate::text::shown;
use crate::tokens::ApduChannel;
use crate::tokens::desk::{Placed, Trouble};
use crate::tokens::program::{Kind, PRESS_PAUSE, PRESS_WORDS, delete_seed, factory_reset, set_customer_key, set_title};

/// `token device ...`.
pub fn manage(bench: &mut Bench<'_, '_, '_>, command: DeviceCommand) -> Result<u8, End> {
    match command {
        DeviceCommand::Show { reader } => show(bench, &reader),
        DeviceCommand::Title {
            title,
            profile,
            reader,
            key_file,
        } => {
            let device = Device::find(bench, &reader)?;
            device.has(profile)?;
            let key = bench.key(key_file.as_deref())?;
            let written = device.on(bench, |channel, serial| {
                set_title(channel, serial, profile, &title, key.as_ref())
            })?;
            bench.done(&format!(
                "profile {profile} of {} is now called {}",
                device.name(),
                shown(&written)
            ))
        }
        DeviceCommand::Delete {
            profile,
            reader,
            key_file,
            yes,
        } => delete(bench, profile, &reader, key_file.as_deref(), yes),
        DeviceCommand::Key {
            new_key_file,
            key_file,
            reader,
        } => new_key(bench, &new_key_file, key_file.as_deref(), &reader),
        DeviceCommand::Reset { reader, yes } => {
            let device = Device::find(bench, &reader)?;
            let question = format!("every profile of {} is emptied. Type yes:", device.name());
            agreed(bench, &device, None, &question, yes)?;
            device.press(bench, |channel, serial, waited| factory_reset(channel, serial, waited))?;
            bench.done(&format!("{} is empty and has the maker's customer key", device.name()))
        }
    }
}

fn show(bench: &mut Bench<'_, '_, '_>, reader: &ReaderArgs) -> Result<u8, End> {
    let (placed, kind) = find(bench, reader)?;
    if bench.out.json {
        bench.out.document(&placed)?;
        return Ok(0);
    }
    bench.out.line(&words::placed(&placed))?;
    for profile in placed
        .profiles
        .iter()
        .filter(|one| one.occupied || !one.title.is_empty())
    {
        let state = if profile.occupied { "holds a seed" } else { "empty" };
        bench
            .out
            .line(format!("{:>3}  {:<13} {}", profile.number, state, shown(&profile.title)).trim_end())?;
    }
    if kind == Kind::Molto2 {
        let full = placed.profiles.iter().filter(|one| one.occupied).count();
        bench
            .out
            .line(&format!("{full} of {} profiles hold a seed", placed.profiles.len()))?;
    } else if !placed.clock_free {
        bench.out.line("its seed is lost when its clock is set")?;
    }
    Ok(0)
}

fn delete(
    bench: &mut Bench<'_, '_, '_>,
    profile: u8,
    reader: &ReaderArgs,
    key_file: Option<&Path>,
    yes: bool,
) -> Result<u8, End> {
    let device = Device::find(bench, reader)?;
    let occupied = device.has(profile)?;
    if !occupied {
        return Err(Failure::refused(format!("profile {profile} holds no seed")).into());
    }
    let key = bench.key(key_file)?;
    let question = format!(
        "the seed in profile {profile} of {} is deleted. Type yes:",
        device.name()
    );
    agreed(bench, &device, Some(profile), &question, yes)?;
    let there = device.on(bench, |channel, serial| {
        delete_seed(channel, serial, profile, key.as_ref())
    })?;
    bench.done(&match there {
        true => format!("profile {profile} of {} is empty", device.name()),
        false => format!("profile {profile} of {} was empty already", device.name()),
    })
}

fn new_key(
    bench: &mut Bench<'_, '_, '_>,
    new_key_file: &Path,
    key_file: Option<&Path>,
    reader: &ReaderArgs,
) -> Result<u8, End> {
    let new: Secret = bench.input.secret(new_key_file, Ask::New("new customer key"))?;
    check::customer_key(new.expose())?;
    let old = bench.key(key_file)?;
    let device = Device::find(bench, reader)?;
    device.press(bench, |channel, serial, waited| {
        set_customer_key(channel, serial, old.as_ref(), &new, waited)
    })?;
    bench.say("keep the key: without it only a factory reset helps; give it to the box by `postern token molto-key`");
    bench.done(&format!("{} has its new customer key", device.name()))
}

/// What lies on the reader now; nobody waits for it.
fn find(bench: &mut Bench<'_, '_, '_>, reader: &ReaderArgs) -> Result<(Placed, Kind), Failure> {
    let wait = Waiting {
        device: &reader.device,
        kind: reader.kind,
        seconds: 0,
        patient: false,
    };
    bench.placed(wait, &mut |_| None)
}

/// A Molto-2 that was found.
struct Device {
    reader: String,
    placed: Placed,
}

impl Device {
    fn find(bench: &mut Bench<'_, '_, '_>, reader: &ReaderArgs) -> Result<Device, Failure> {
        let (placed, kind) = find(bench, reader)?;
        if kind != Kind::Molto2 {
            return Err(Failure::refused(format!(
                "{} is no Molto-2: these commands are for those alone",
                words::placed(&placed)
            )));
        }
        bench.say(&words::placed(&placed));
        Ok(Device {
            reader: reader.device.clone(),
            placed,
        })
    }

    fn name(&self) -> String {
        format!("{} {}", self.placed.model, shown(&self.placed.serial))
    }

    /// Whether a profile that it has holds a seed.
    fn has(&self, number: u8) -> Result<bool, Failure> {
        let found = self.placed.profiles.iter().find(|one| one.number == number);
        found.map(|one| one.occupied).ok_or_else(|| {
            Failure::refused(format!(
                "this Molto-2 has no profile {number}: it has {}, counted from 0",
                self.placed.profiles.len()
            ))
        })
    }

    /// Does something with it, in a contact of its own.
    fn on<T>(
        &self,
        bench: &mut Bench<'_, '_, '_>,
        work: impl FnOnce(&mut dyn ApduChannel, &str) -> Result<T, Trouble>,
    ) -> Result<T, Failure> {
        let opened = bench.hardware.open(&self.reader, Some(Kind::Molto2));
        let (mut channel, _) =
            opened.map_err(|error| Failure::failed(format!("{error}; nothing was written: start over")))?;
        work(&mut *channel, &self.placed.serial).map_err(|trouble| Failure::failed(trouble.words))
    }

    /// The same, while somebody is to press its button.
    fn press(
        &self,
        bench: &mut Bench<'_, '_, '_>,
        work: impl FnOnce(&mut dyn ApduChannel, &str, &mut dyn FnMut(u32)) -> Result<(), Trouble>,
    ) -> Result<(), Failure> {
        let opened = bench.hardware.open(&self.reader, Some(Kind::Molto2));
        let (mut channel, _) =
            opened.map_err(|error| Failure::failed(format!("{error}; nothing was written: start over")))?;
        work(&mut *channel, &self.placed.serial, &mut |asked| {
            if asked == 0 {
                bench.say(PRESS_WORDS);
            }
            bench.hardware.pause(PRESS_PAUSE);
        })
        .map_err(|trouble| Failure::failed(trouble.words))
    }
}

/// Says who has a token on it, and asks.
fn agreed(
    bench: &mut Bench<'_, '_, '_>,
    device: &Device,
    profile: Option<u8>,
    question: &str,
    yes: bool,
) -> Result<(), Failure> {
    let on_it = |token: &TokenInfo| match (token.source, profile) {
        (TokenSource::Programmed(programmed), Some(_)) => programmed.profile == profile,
        _ => true,
    };
    match bench.serial(&device.placed.serial) {
        Ok(report) => {
            for token in report.tokens.iter().filter(|token| on_it(token)) {
                bench.say(&format!(
                    "{} is on it: it will show no code any more (`postern token remove {} {}`)",
                    words::token(token),
                    shown(&token.user),
                    token.id.0
                ));
            }
        }
        Err(failure) => bench.say(&format!("whose tokens are on it is not known: {}", failure.message)),
    }
    if yes {
        return Ok(());
    }
    let answer = bench.question(question)?;
    if answer.is_some_and(|line| matches!(line.trim().to_lowercase().as_str(), "y" | "yes")) {
        Ok(())
    } else {
        Err(Failure::refused("nothing was changed"))
    }
}

impl Bench<'_, '_, '_> {
    /// One line of what was done.
    fn done(&mut self, done: &str) -> Result<u8, End> {
        #[derive(Serialize)]
        struct Document<'d> {
            done: &'d str,
        }
        if self.out.json {
            self.out.document(&Document { done })?;
        } else {
            self.out.line(done)?;
        }
        Ok(0)
    }
}
