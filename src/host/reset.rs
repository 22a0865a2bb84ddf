//! Factory reset. In: a mark that an operator asked for it, or the boot entry and the prepared stick; out: a box without data, that starts as
//! on its first day. A power cut leaves the old box (before the mark) or a box that goes on with the reset at its next start.
//!
//! 1. the mark, on the disk
//! 2. keys are written over and removed, then everything else that was Postern's, then the rest of /var
//! 3. the partition of the data is taken out of the partition table: from here on the initrd makes a new one, as at the first start
//! 4. where it was encrypted, its header with all key slots is written over: nothing of it can be opened again, by no TPM
//!
//! What an SSD keeps in cells that it has replaced, nobody can write over. Where the data was encrypted that does not matter; where there
//! was no TPM, the documents say so.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::exec::Machine;
use super::ops::HostAnswer;
use super::recovery::{self, Note, Purpose};
use super::update::trial::SYSTEMCTL;
use super::{files, stick};
use crate::control::ops::Failure;
use crate::store::records::Timestamp;

/// The word on the boot line.
pub const RESET_WORD: &str = "postern.reset";
/// The mark.
const MARK: &str = "/var/lib/postern-host/reset";
/// What opens everything else; first to go.
const KEYS: [&str; 3] = [
    "/var/lib/postern/key",
    "/var/lib/postern-host/postern.key.cred",
    "/var/lib/systemd/credential.secret",
];
/// Written over before they are removed.
const OURS: [&str; 3] = ["/var/lib/postern", "/var/lib/postern-host", "/var/lib/systemd"];
const FSTRIM: &str = "/usr/sbin/fstrim";
const SFDISK: &str = "/usr/sbin/sfdisk";
/// posternd in its own unit, but with `--recovery`: with a note for a reset it writes the record, sends it, and ends.
const UNIT: &str = "posternd-recovery.service";
const RECORD_WAIT: Duration = Duration::from_secs(60);
const TRIM_WAIT: Duration = Duration::from_secs(10 * 60);
/// A LUKS2 header with its key slots, as systemd-repart makes it.
const LUKS_HEADER: u64 = 16 << 20;
const PIECE: usize = 1 << 20;
/// Folders in one another.
const DEPTH_MAX: usize = 64;

/// Who asked, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    at: Timestamp,
    by: String,
}

/// What a start with or without a mark came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody asked.
    Nothing,
    /// The box is empty, and is starting again.
    Emptied,
}

/// An operator asks for it; their right and password were checked, and it is on record.
///
/// # Errors
/// The mark could not be written: nothing happens then.
pub fn ask(machine: &dyn Machine, now: Timestamp) -> Result<HostAnswer, Failure> {
    mark(machine, now, "console").map_err(|error| {
        Failure::failed(format!(
            "nothing was deleted, since the mark could not be written: {error}; look at the disk"
        ))
    })?;
    let done = "the box restarts, deletes everything it has and starts as on its first day".to_owned();
    machine
        .run(SYSTEMCTL, &["--no-block", "reboot"], b"")
        .map_err(|error| {
            Failure::failed(format!(
                "everything is deleted at the next start, but the box did not restart: {error}"
            ))
        })?;
    Ok(HostAnswer::Done { done })
}

fn mark(machine: &dyn Machine, now: Timestamp, by: &str) -> io::Result<()> {
    let mark = Mark {
        at: now,
        by: by.to_owned(),
    };
    files::keep(
        &machine.path(MARK),
        &serde_json::to_vec(&mark).unwrap_or_default(),
        files::PRIVATE,
    )
}

/// `postern-host reset-if-asked`, at every start before anything uses the data; `by_entry`: the boot menu's entry was chosen.
///
/// # Errors
/// Why the box is not empty, one line. It goes on at the next start if the mark stands.
pub fn if_asked(
    machine: &dyn Machine,
    by_entry: bool,
    now: &dyn Fn() -> Timestamp,
    stick_wait: Duration,
) -> Result<Outcome, String> {
    if !machine.path(MARK).exists() {
        if !by_entry {
            return Ok(Outcome::Nothing);
        }
        by_stick(machine, now, stick_wait)?;
    }
    empty(machine)?;
    Ok(Outcome::Emptied)
}

/// The prepared stick, the record, and then the mark.
fn by_stick(machine: &dyn Machine, now: &dyn Fn() -> Timestamp, stick_wait: Duration) -> Result<(), String> {
    let name = recovery::wait_for_stick(machine, Purpose::Reset, stick_wait)?;
    let at = now();
    // The box's own record goes with everything else, so this one must be there.
    recovery::record_on_stick(machine, "factory reset by boot entry: everything is deleted", at)
        .map_err(|error| format!("nothing was deleted, since it could not be put on record on the stick: {error}"))?;
    let _ = stick::release(machine);
    let note = Note {
        purpose: Purpose::Reset,
        at,
        stick: name,
    };
    // A store that does not open any more is a reason for a reset, none against it.
    let recorded = recovery::leave_note(machine, &note)
        .map_err(|error| error.to_string())
        .and_then(|()| {
            machine
                .run_for(RECORD_WAIT, SYSTEMCTL, &["start", UNIT])
                .map_err(|error| error.to_string())
        });
    if let Err(error) = recorded {
        tracing::warn!("the reset is on record on the stick alone: {error}");
    }
    let _ = files::remove(&machine.path(recovery::NOTE_FILE));
    mark(machine, at, "boot entry")
        .map_err(|error| format!("nothing was deleted, since the mark could not be written: {error}"))
}

/// Steps 2 to 4; each can be done again.
fn empty(machine: &dyn Machine) -> Result<(), String> {
    tracing::warn!("factory reset: everything in /var is deleted");
    for key in KEYS {
        destroy(&machine.path(key)).map_err(|error| format!("{key} could not be written over: {error}"))?;
    }
    let keep = machine.path(MARK);
    for dir in OURS {
        let _ = clear(&machine.path(dir), &keep, true, DEPTH_MAX);
    }
    let var = machine.path("/var");
    let cleared = clear(&var, &keep, false, DEPTH_MAX);
    if let Err(error) = cleared {
        tracing::error!(%error, "not everything in /var could be deleted");
    }
    let _ = files::remove(&machine.path("/efi/postern/reset-stick"));
    if let Err(error) = machine.run_for(TRIM_WAIT, FSTRIM, &["/var"]) {
        tracing::info!("the disk was not told what is free: {error}");
    }
    match partition(machine) {
        Some(partition) => {
            // The keys are gone already; a box that tried for ever would be of no use.
            if let Err(error) = drop_partition(machine, &partition) {
                tracing::error!("{error}; the file system stays, empty");
            }
        }
        // No image: the files are gone, and that is all there is.
        None => tracing::warn!("no partition called postern-var was found"),
    }
    files::remove(&keep).map_err(|error| format!("the mark could not be removed: {error}"))?;
    machine
        .run(SYSTEMCTL, &["--no-block", "reboot"], b"")
        .map(drop)
        .map_err(|error| format!("the box is empty, but did not restart: {error}; switch it off and on"))
}

/// Writes random bytes over a file, where they lie, and removes it.
fn destroy(path: &Path) -> io::Result<()> {
    let about = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        about => about?,
    };
    if about.is_file() {
        let mut file = OpenOptions::new().write(true).open(path)?;
        scribble(&mut file, about.len())?;
    }
    fs::remove_file(path)
}

fn scribble(file: &mut File, length: u64) -> io::Result<()> {
    let mut random = File::open("/dev/urandom")?;
    let (mut left, mut piece) = (length, vec![0; PIECE]);
    while left > 0 {
        let size = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let part = piece.get_mut(..size).unwrap_or_default();
        random.read_exact(part)?;
        file.write_all(part)?;
        left -= size as u64;
    }
    file.sync_all()
}

/// Removes what is in a folder, on its own file system, but for `keep` and the folders that lead there. Goes on after an error; the first
/// one is told.
fn clear(dir: &Path, keep: &Path, over: bool, depth: usize) -> io::Result<()> {
    let mut first = Ok(());
    let device = match fs::symlink_metadata(dir) {
        Ok(about) if about.is_dir() => about.dev(),
        _ => return Ok(()),
    };
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path == keep {
            continue;
        }
        let removed = fs::symlink_metadata(&path).and_then(|about| match () {
            () if about.is_dir() && about.dev() != device => Ok(()),
            () if about.is_dir() && depth > 0 => {
                let inside = clear(&path, keep, over, depth - 1);
                match keep.starts_with(&path) {
                    true => inside,
                    false => inside.and_then(|()| fs::remove_dir(&path)),
                }
            }
            () if about.is_dir() => Err(io::Error::other("too many folders in one another")),
            () if over => destroy(&path),
            () => fs::remove_file(&path),
        });
        if first.is_ok() {
            first = removed;
        }
    }
    File::open(dir)?.sync_all()?;
    first
}

/// The partition of the data.
struct Partition {
    disk: String,
    name: String,
    number: u32,
}

/// On the disk that the verified root is on, as the initrd looks for it.
fn partition(machine: &dyn Machine) -> Option<Partition> {
    let class = machine.path("/sys/class/block");
    let blocks = || fs::read_dir(&class).into_iter().flatten().flatten();
    let text = |path: PathBuf| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let root = blocks().find(|entry| text(entry.path().join("dm/name")) == "root")?;
    let under = fs::read_dir(root.path().join("slaves")).ok()?.flatten().next()?;
    let disk = under
        .path()
        .canonicalize()
        .ok()?
        .parent()?
        .file_name()?
        .to_str()?
        .to_owned();
    blocks().find_map(|entry| {
        let folder = entry.path().canonicalize().ok()?;
        let called = text(folder.join("uevent"))
            .lines()
            .any(|line| line == "PARTNAME=postern-var");
        let same = folder.parent()?.file_name()?.to_str()? == disk;
        (called && same).then_some(())?;
        Some(Partition {
            disk: disk.clone(),
            name: folder.file_name()?.to_str()?.to_owned(),
            number: text(folder.join("partition")).parse().ok()?,
        })
    })
}

/// First out of the table: a header that is gone under a partition that is there would be a box that does not start. A power cut between
/// the two leaves a header that the new partition's own is written over at the next start.
fn drop_partition(machine: &dyn Machine, partition: &Partition) -> Result<(), String> {
    let device = machine.path("/dev").join(&partition.name);
    let fail = |error: io::Error| format!("{} could not be written over: {error}", partition.name);
    let mut head = [0; 6];
    let mut file = File::options().read(true).write(true).open(&device).map_err(fail)?;
    file.read_exact(&mut head).map_err(fail)?;
    let (disk, number) = (format!("/dev/{}", partition.disk), partition.number.to_string());
    machine
        .run(
            SFDISK,
            &["--no-reread", "--no-tell-kernel", "--delete", &disk, &number],
            b"",
        )
        .map_err(|error| format!("the partition of the data could not be removed: {error}"))?;
    if head == *b"LUKS\xba\xbe" {
        io::Seek::rewind(&mut file).map_err(fail)?;
        scribble(&mut file, LUKS_HEADER).map_err(fail)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
