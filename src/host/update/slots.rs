//! Which version runs, which lies in the other slot, and how the last update went. In: the boot partition's folder of kernel images, the
//! boot loader's variable, and two notes of this program's; out: words. The boot loader counts: a new kernel image is called
//! `postern_VERSION+1.efi`, is renamed to `postern_VERSION+0-1.efi` when it is started the first time, and loses the count when it is
//! kept; one with no tries left is started only where there is nothing else.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::manifest::{UpdateError, Version};
use crate::host::exec::Machine;
use crate::host::{files, troubles};
use crate::store::records::Timestamp;
use crate::text::shown;

/// The folder of kernel images on the boot partition.
const KERNELS: &str = "/efi/EFI/Linux";
/// The boot partition.
const BOOT: &str = "/efi";
/// Set by systemd-boot where the image that it started has a count: four bytes, then the path in UTF-16.
const COUNT_PATH: &str = "/sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/// What takes the count off.
const BLESS: &str = "/usr/lib/systemd/systemd-bless-boot";
/// The image's own description.
const OS_RELEASE: &str = "/usr/lib/os-release";
/// An update that was written and of which it is not known yet how it ends.
const APPLIED: &str = "/var/lib/postern-host/update-applied.json";
/// How the last one ended.
const LAST: &str = "/var/lib/postern-host/update-last.json";
/// The trouble's word.
const FAILED: &str = "update-failed";
/// What a version that runs but is none is called.
pub const UNKNOWN: &str = "unknown";

/// An update that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// What ran when it was written.
    pub from: String,
    /// What was written.
    pub to: String,
    /// When.
    pub at: Timestamp,
    /// Why its trial failed.
    #[serde(default)]
    pub failed: Option<String>,
}

/// How the last one ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// Plain words.
    pub words: String,
    /// It was not kept.
    pub failed: bool,
}

/// The version of the image that runs, by its os-release.
pub fn running(machine: &dyn Machine) -> Option<Version> {
    let text = files::read(machine, OS_RELEASE);
    let version = text.lines().find_map(|line| line.strip_prefix("IMAGE_VERSION="))?;
    version.trim_matches('"').parse().ok()
}

/// The same as text.
pub fn running_text(machine: &dyn Machine) -> String {
    running(machine).map_or_else(|| UNKNOWN.to_owned(), |version| version.to_string())
}

/// A kernel image on the boot partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Its version.
    pub version: Version,
    /// Tries left, where it has a count.
    pub left: Option<u32>,
    /// The file.
    pub path: PathBuf,
}

/// All of them, oldest first.
pub fn kernels(machine: &dyn Machine) -> Vec<Kernel> {
    let dir = machine.path(KERNELS);
    let mut found: Vec<Kernel> = std::fs::read_dir(&dir)
        .into_iter()
        .flatten()
        .flatten()
        .take(64)
        .filter_map(|entry| kernel(&entry.file_name().to_string_lossy(), entry.path()))
        .collect();
    found.sort_by(|a, b| a.version.cmp(&b.version));
    found
}

fn kernel(name: &str, path: PathBuf) -> Option<Kernel> {
    let inside = name.strip_prefix("postern_")?.strip_suffix(".efi")?;
    let (version, left) = match inside.split_once('+') {
        None => (inside, None),
        Some((version, count)) => {
            let left = count.split_once('-').map_or(count, |(left, _)| left);
            (version, Some(left.parse().ok()?))
        }
    };
    let version = version.parse().ok()?;
    Some(Kernel { version, left, path })
}

/// The newest version that does not run, where there is one.
pub fn other(machine: &dyn Machine) -> Option<String> {
    let running = running(machine);
    let mut all = kernels(machine).into_iter().map(|kernel| kernel.version).rev();
    all.find(|version| Some(version) != running.as_ref())
        .map(|version| version.to_string())
}

/// Whether the system that runs was started with a count that nobody has taken off yet. Where the firmware keeps no variable (none is
/// left at run time, as on some boards), the count in the name of its kernel image says so.
pub fn on_trial(machine: &dyn Machine) -> bool {
    let Ok(variable) = std::fs::read(machine.path(COUNT_PATH)) else {
        return counted(machine).is_some();
    };
    let units: Vec<u16> = variable
        .get(4..)
        .unwrap_or_default()
        .chunks_exact(2)
        .map(|unit| u16::from_le_bytes(unit.try_into().unwrap_or_default()))
        .take_while(|unit| *unit != 0)
        .collect();
    let path = String::from_utf16_lossy(&units).replace('\\', "/");
    if path.split('/').any(|part| part == "..") {
        return true;
    }
    // A boot partition that cannot be read: then nobody can have taken it off.
    let boot = machine.path(BOOT);
    boot.join(path.trim_start_matches('/')).exists() || !boot.join("EFI").exists()
}

/// The kernel image of the version that runs, where it has a count and there is none without.
fn counted(machine: &dyn Machine) -> Option<Kernel> {
    let running = running(machine)?;
    let mut own: Vec<Kernel> = kernels(machine)
        .into_iter()
        .filter(|kernel| kernel.version == running)
        .collect();
    match own.iter().all(|kernel| kernel.left.is_some()) {
        true => own.pop(),
        false => None,
    }
}

/// Takes the count off: systemd's own program where the boot loader's variable is, which it wants; else the image is renamed here.
///
/// # Errors
/// One line: it is still there, or nobody knows.
pub fn bless(machine: &dyn Machine) -> Result<(), String> {
    let counted = match machine.path(COUNT_PATH).exists() {
        true => None,
        false => counted(machine),
    };
    let Some(kernel) = counted else {
        return machine
            .run(BLESS, &["good"], b"")
            .map(drop)
            .map_err(|error| error.to_string());
    };
    let good = kernel.path.with_file_name(format!("postern_{}.efi", kernel.version));
    let renamed =
        std::fs::rename(&kernel.path, &good).and_then(|()| std::fs::File::open(machine.path(KERNELS))?.sync_all());
    renamed.map_err(|error| format!("{}: {error}", shown(&kernel.path.to_string_lossy())))
}

/// Remembers that an update is being written, on the disk.
///
/// # Errors
/// The disk.
pub fn note_applied(machine: &dyn Machine, applied: &Applied) -> Result<(), UpdateError> {
    keep(machine, APPLIED, applied)
}

/// Forgets it: nothing was written.
pub fn forget_applied(machine: &dyn Machine) {
    if let Err(error) = files::remove(&machine.path(APPLIED)) {
        tracing::error!(%error, "{APPLIED} could not be removed");
    }
}

/// What was written and has not ended.
pub fn applied(machine: &dyn Machine) -> Option<Applied> {
    serde_json::from_slice(&std::fs::read(machine.path(APPLIED)).ok()?).ok()
}

/// How the last update ended.
pub fn last(machine: &dyn Machine) -> Option<Last> {
    serde_json::from_slice(&std::fs::read(machine.path(LAST)).ok()?).ok()
}

/// Puts on record how an update ended, on the disk; a failure is a trouble from now on.
///
/// # Errors
/// The disk.
pub fn note_last(machine: &dyn Machine, words: String, failed: bool) -> Result<(), UpdateError> {
    keep(machine, LAST, &Last { words, failed })?;
    tell(machine);
    Ok(())
}

/// At every start: the trouble, where the last update failed.
pub fn tell(machine: &dyn Machine) {
    match last(machine) {
        Some(last) if last.failed => troubles::raise(
            machine,
            troubles::trouble(
                FAILED,
                last.words,
                "The box works as before the update; get a newer release, or tell who made it",
            ),
        ),
        _ => troubles::clear(machine, FAILED),
    }
}

/// At a start that is no trial: how the update that was written last ended, if it is not known yet.
///
/// # Errors
/// The disk.
pub fn settle(machine: &dyn Machine) -> Result<(), UpdateError> {
    let Some(applied) = applied(machine) else {
        tell(machine);
        return Ok(());
    };
    let (now, from, to) = (running_text(machine), shown(&applied.from), shown(&applied.to));
    let tried = kernels(machine)
        .into_iter()
        .find(|kernel| kernel.version.to_string() == applied.to);
    if now == applied.to {
        note_last(machine, format!("the update from {from} to {to} was kept"), false)?;
    } else {
        let why = match (&applied.failed, tried.as_ref().map(|kernel| kernel.left)) {
            (Some(why), _) => format!("its trial failed: {}", shown(why)),
            (None, Some(Some(0))) => "it did not come up in its trial, or the power was cut in it".to_owned(),
            (None, Some(None)) => {
                // It is good, and stays: somebody chose the version before at the boot menu.
                note_last(
                    machine,
                    format!("the update from {from} to {to} was kept; {now} was started by hand"),
                    false,
                )?;
                forget_applied(machine);
                return Ok(());
            }
            (None, Some(_)) => "the box was not started into it".to_owned(),
            (None, None) => "the power was cut while it was written".to_owned(),
        };
        note_last(
            machine,
            format!("the update to {to} was not kept, {now} runs again: {why}"),
            true,
        )?;
        // So that the boot loader's list holds nothing that does not work, and the same version can be written again.
        if let Some(kernel) = tried
            && let Err(error) = files::remove(&kernel.path)
        {
            tracing::warn!(%error, path = ?kernel.path, "it could not be removed");
        }
    }
    forget_applied(machine);
    Ok(())
}

fn keep<T: Serialize>(machine: &dyn Machine, path: &str, what: &T) -> Result<(), UpdateError> {
    let path = machine.path(path);
    let text = serde_json::to_vec(what).unwrap_or_default();
    files::keep(&path, &text, files::PRIVATE).map_err(|error| UpdateError::Io(path, error))
}
