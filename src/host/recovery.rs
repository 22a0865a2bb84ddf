//! The prepared stick: who has it and the box in hand may make a new installer, or empty the box. In: a stick; out: a secret on it, of which
//! the box keeps the SHA-256, and later a note for posternd, which puts on record what is about to happen before it lets it
//! happen. This program makes no operator and reads no store; it alone can write that note.
//!
//! The secret is good for one recovery. Preparing a stick again makes every earlier one worthless.

use std::time::{Duration, Instant};

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::exec::Machine;
use super::ops::StickList;
use super::update::slots;
use super::update::trial::SYSTEMCTL;
use super::{files, stick, troubles};
use crate::control::ops::Failure;
use crate::store::records::Timestamp;
use crate::text::shown;

/// The file on the stick.
pub const STICK_FILE: &str = "postern-recovery";
/// What happened by this stick, one line each: a factory reset takes the box's own record with it.
pub const STICK_RECORD: &str = "postern-record.txt";
/// What posternd reads before a recovery: written by root, at this start.
pub const NOTE_FILE: &str = "/run/postern-host/recovery.json";
/// The word on the boot line.
pub const RECOVER_WORD: &str = "postern.recover";
/// The hash of the prepared stick's secret.
const KEPT: &str = "/var/lib/postern-host/recovery";
/// The same where the box's data cannot be opened any more: good for a factory reset alone.
const KEPT_BOOT: &str = "/efi/postern/reset-stick";
/// posternd in its own unit, but with `--recovery`.
const UNIT: &str = "posternd-recovery.service";
/// The trouble's word.
const WAITING: &str = "recovery-stick";
/// The stick is waited for so long; then the box starts as always.
pub const STICK_WAIT: Duration = Duration::from_secs(30 * 60);
/// Somebody has so long to type a name and a password.
const INSTALLER_WAIT: Duration = Duration::from_secs(60 * 60);
/// Between two looks for a stick.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const SECRET_LEN: usize = 32;
const FILE_MAX: u64 = 4096;
const RECORD_MAX: u64 = 64 * 1024;

/// What the box keeps of a prepared stick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// SHA-256 of the secret, hexadecimal digits.
    hash: String,
    /// When it was prepared.
    at: Timestamp,
    /// The number of its file system, to know it in a list.
    volume: String,
}

/// What a note is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A new installer.
    Installer,
    /// The box is emptied.
    Reset,
}

/// For posternd: the prepared stick was there, and this is to happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Note {
    /// What.
    pub purpose: Purpose,
    /// By the box's clock, which nobody may have set yet.
    pub at: Timestamp,
    /// The stick's name, shown text.
    pub stick: String,
}

/// Makes the stick that recovery wants.
///
/// # Errors
/// There is no such stick, or it cannot be written.
pub fn prepare(machine: &dyn Machine, id: &str, now: Timestamp) -> Result<StickList, Failure> {
    let mut secret = zeroize::Zeroizing::new([0_u8; SECRET_LEN]);
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), secret.as_mut())
        .map_err(|_| Failure::failed("the system gives no random numbers: restart the box"))?;
    stick::mount(machine, id)?;
    prepare_with(machine, id, &secret, now)?;
    stick::list(machine)
}

/// On the stick that is mounted, with this secret.
fn prepare_with(machine: &dyn Machine, id: &str, secret: &[u8; SECRET_LEN], now: Timestamp) -> Result<(), Failure> {
    let found = stick::find(machine).into_iter().find(|one| one.stick.id == id);
    let found = found.ok_or_else(|| Failure::not_found("the stick is not there any more: plug it in again"))?;
    if found.stick.system == "ext4" {
        return Err(Failure::refused(
            "an ext4 stick is only read here: format it as FAT32 or exFAT",
        ));
    }
    let digits = zeroize::Zeroizing::new(data_encoding::HEXLOWER.encode(secret));
    let text = zeroize::Zeroizing::new(format!(
        "Who has this stick and the Postern box in hand can take the box over. Lock it away.\r\n{}\r\n",
        *digits
    ));
    stick::put(machine, STICK_FILE, text.as_bytes())
        .map_err(|error| Failure::failed(format!("the stick cannot be written: {error}; take another one")))?;
    let kept = Kept {
        hash: data_encoding::HEXLOWER.encode(digest(&SHA256, secret).as_ref()),
        at: now,
        volume: found.volume.number,
    };
    let text = serde_json::to_vec(&kept).unwrap_or_default();
    files::keep(&machine.path(KEPT), &text, files::PRIVATE).map_err(|error| {
        Failure::failed(format!(
            "the stick counts for nothing, since the box could not note it: {error}"
        ))
    })?;
    // Where this fails, a box that lost its data must be written anew.
    if let Err(error) = files::keep(&machine.path(KEPT_BOOT), &text, 0o700) {
        tracing::warn!(%error, "the boot partition could not be written");
    }
    Ok(())
}

/// Whether a stick was prepared and not spent.
pub fn is_prepared(machine: &dyn Machine) -> bool {
    kept(machine, KEPT).is_some()
}

/// The number of the prepared stick's file system.
pub(in crate::host) fn prepared_volume(machine: &dyn Machine) -> Option<String> {
    kept(machine, KEPT)
        .or_else(|| kept(machine, KEPT_BOOT))
        .map(|kept| kept.volume)
}

fn kept(machine: &dyn Machine, path: &str) -> Option<Kept> {
    serde_json::from_slice(&std::fs::read(machine.path(path)).ok()?).ok()
}

/// No stick is prepared from now on.
pub(in crate::host) fn spend(machine: &dyn Machine) -> std::io::Result<()> {
    // Both are tried, the one that recovery looks at first: the boot partition may be read-only.
    let gone = [KEPT, KEPT_BOOT].map(|path| {
        let path = machine.path(path);
        files::remove(&path)?;
        match path.parent().filter(|folder| folder.exists()) {
            Some(folder) => std::fs::File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    });
    gone.into_iter().collect()
}

/// Why a stick does not count, for the one who plugged it in.
fn fits(machine: &dyn Machine, purpose: Purpose) -> Result<(), String> {
    // Without its data the box has nothing that a new installer could use, and nobody can have prepared a stick meanwhile.
    let lost = machine.path("/run/postern-host/var-lost").exists();
    let kept = match purpose {
        Purpose::Reset if lost => kept(machine, KEPT_BOOT),
        _ => kept(machine, KEPT),
    };
    let Some(kept) = kept else {
        return Err(
            "no stick was ever prepared for this box, or it was used up: write the image to the disk anew".to_owned(),
        );
    };
    let bytes = stick::small(machine, STICK_FILE, FILE_MAX)
        .map_err(|_| format!("the stick has no file {STICK_FILE}: plug in the one that was prepared"))?;
    let text = zeroize::Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
    let digits = text.lines().map(str::trim).find(|line| line.len() == SECRET_LEN * 2);
    let secret = digits.and_then(|digits| data_encoding::HEXLOWER.decode(digits.as_bytes()).ok());
    let secret = zeroize::Zeroizing::new(secret.unwrap_or_default());
    let hash = data_encoding::HEXLOWER.encode(digest(&SHA256, &secret).as_ref());
    if bool::from(hash.as_bytes().ct_eq(kept.hash.as_bytes())) {
        return Ok(());
    }
    Err("the stick was prepared for another box, or another one was prepared since: plug in the newest".to_owned())
}

/// Waits until the prepared stick is in the box and mounted, and says on the console what is missing. Returns its name.
///
/// # Errors
/// It did not come.
pub(in crate::host) fn wait_for_stick(
    machine: &dyn Machine,
    purpose: Purpose,
    at_most: Duration,
) -> Result<String, String> {
    let begun = Instant::now();
    let mut said = String::new();
    loop {
        let mut missing = "the prepared USB stick is not in the box".to_owned();
        // What was prepared is vfat or exfat: a stranger's ext4 is not even looked at.
        for found in stick::find(machine)
            .into_iter()
            .filter(|found| found.stick.system != "ext4")
        {
            let tried = stick::mount(machine, &found.stick.id).map_err(|failure| failure.message);
            match tried.and_then(|_| fits(machine, purpose)) {
                Ok(()) => {
                    troubles::clear(machine, WAITING);
                    return Ok(found.stick.name);
                }
                Err(why) => missing = why,
            }
        }
        if missing != said {
            let what = match purpose {
                Purpose::Installer => format!("Recovery waits, no login is answered: {missing}"),
                Purpose::Reset => format!("Factory reset waits, nothing is deleted: {missing}"),
            };
            let todo = "Plug the stick in; to leave, switch the box off and on";
            troubles::raise(machine, troubles::trouble(WAITING, what, todo));
            said = missing;
        }
        if begun.elapsed() >= at_most {
            return Err(said);
        }
        std::thread::sleep(LOOK_EVERY.min(at_most));
    }
}

/// Puts a line onto the stick: what happens, when, to which box.
///
/// # Errors
/// The stick cannot be written.
pub(in crate::host) fn record_on_stick(machine: &dyn Machine, what: &str, now: Timestamp) -> std::io::Result<()> {
    let mut text = stick::small(machine, STICK_RECORD, RECORD_MAX).unwrap_or_default();
    let at = i64::try_from(now.0)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let at = at.map(|at| at.to_string()).unwrap_or_default();
    let (host, id) = (
        files::read(machine, "/proc/sys/kernel/hostname"),
        files::read(machine, "/etc/machine-id"),
    );
    text.extend_from_slice(format!("{at} {what}; box {} {}\r\n", shown(&host), shown(&id)).as_bytes());
    stick::put(machine, STICK_RECORD, &text)
}

/// Leaves the note for posternd, which reads it at its start and puts it on record.
pub(in crate::host) fn leave_note(machine: &dyn Machine, note: &Note) -> std::io::Result<()> {
    let text = serde_json::to_vec(note).unwrap_or_default();
    files::write(&machine.path(NOTE_FILE), &text, files::PUBLIC)
}

/// `postern-host recover`: the box was started by its recovery entry. Returns when the box may start as always: `Ok` with a new
/// installer made.
///
/// # Errors
/// Why there is none, one line.
pub fn recover(machine: &dyn Machine, now: &dyn Fn() -> Timestamp, stick_wait: Duration) -> Result<(), String> {
    if slots::on_trial(machine) {
        return Err("this version runs on trial: let the box start as always first".to_owned());
    }
    let name = wait_for_stick(machine, Purpose::Installer, stick_wait)?;
    let note = Note {
        purpose: Purpose::Installer,
        at: now(),
        stick: name,
    };
    if let Err(error) = record_on_stick(machine, "recovery: a new installer may be made", note.at) {
        tracing::warn!(%error, "the stick could not be written");
    }
    let _ = stick::release(machine);
    leave_note(machine, &note).map_err(|error| format!("{NOTE_FILE}: {error}"))?;
    let made = machine.run_for(INSTALLER_WAIT, SYSTEMCTL, &["start", UNIT]);
    let _ = files::remove(&machine.path(NOTE_FILE));
    made.map_err(|error| {
        let _ = machine.run(SYSTEMCTL, &["stop", UNIT], b"");
        format!("no new installer was made: {error}")
    })?;
    spend(machine).map_err(|error| format!("the stick could not be made worthless: {error}; prepare another one"))
}

/// Whether a word stands on the boot line.
pub(in crate::host) fn on_boot_line(machine: &dyn Machine, word: &str) -> bool {
    files::read(machine, "/proc/cmdline")
        .split_ascii_whitespace()
        .any(|one| one == word)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub(in crate::host) mod tests;
