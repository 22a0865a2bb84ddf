//! USB sticks. In: what the kernel shows of block devices; out: a list, and one of them mounted for the console. Only what hangs on USB is
//! looked at, never a disk that the box itself is on, and nothing on a stick is run, followed or trusted.
//!
//! It is mounted by mount(2): no program stands between that would read /etc/fstab, call helpers by the file system's name or make an
//! option of a label. vfat and exfat belong to the console's user, so that it can write there; ext4 has owners of its own and is
//! mounted read-only.

pub mod volume;

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount as mount_at, umount2};

use super::exec::Machine;
use super::files;
use super::ops::{STICK_DIR, Stick, StickList};
use crate::control::ops::Failure;
use crate::text::shown;
use volume::{LOOK, Volume};

/// Whose the files on a stick are.
const OWNER: &str = "postern-console";
/// Most block devices that are looked at.
const DEVICES_MAX: usize = 256;
const SECTOR: u64 = 512;

/// A stick, and what the box needs to mount it.
pub(in crate::host) struct Found {
    pub(in crate::host) stick: Stick,
    pub(in crate::host) volume: Volume,
    device: PathBuf,
}

/// A block device of the kernel's list.
struct Block {
    name: String,
    /// The disk's own name, for a partition.
    disk: String,
    /// Its folder, all links followed.
    folder: PathBuf,
    usb: bool,
}

/// The sticks that are there.
///
/// # Errors
/// None today; the shape is that of the others.
pub fn list(machine: &dyn Machine) -> Result<StickList, Failure> {
    let found = find(machine);
    let mounted = mounted(machine);
    let gone = mounted
        .as_ref()
        .is_some_and(|name| !found.iter().any(|one| one.stick.id == *name));
    if gone {
        let _ = umount2(&machine.path(STICK_DIR), MntFlags::MNT_DETACH);
    }
    Ok(StickList {
        sticks: found.into_iter().map(|one| one.stick).collect(),
        mounted: mounted.filter(|_| !gone),
    })
}

/// Mounts one under [`STICK_DIR`]; one that is mounted stays so, another one is released first.
///
/// # Errors
/// There is no such stick, or it cannot be mounted: what the kernel said.
pub fn mount(machine: &dyn Machine, id: &str) -> Result<StickList, Failure> {
    // One that was pulled out goes first.
    list(machine)?;
    let found = find(machine);
    let Some(found) = found.iter().find(|one| one.stick.id == id) else {
        return Err(Failure::not_found(format!(
            "there is no stick {}: plug it in, and look at the list again",
            shown(id)
        )));
    };
    match mounted(machine) {
        Some(name) if name == id => return list(machine),
        Some(_) => drop(release(machine)?),
        None => {}
    }
    let place = machine.path(STICK_DIR);
    std::fs::create_dir_all(&place).map_err(|error| Failure::failed(format!("{STICK_DIR}: {error}")))?;
    let mut flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_NOATIME;
    let options = match found.volume.system {
        // The kernel writes a file out when it is closed: somebody will pull the stick without asking.
        "vfat" => Some(format!("{},flush", owner())),
        "exfat" => Some(owner()),
        _ => {
            flags |= MsFlags::MS_RDONLY;
            // Nothing of it is played back, not even its journal.
            Some("noload".to_owned())
        }
    };
    let system = Some(found.volume.system);
    let done = mount_at(Some(&found.device), &place, system, flags, options.as_deref());
    done.map_err(|error| {
        let hint = match error {
            nix::errno::Errno::EROFS => "its write protection is on: switch it off",
            nix::errno::Errno::ENODEV => "this box does not know that file system: format the stick as FAT32",
            _ => "check it on another machine, or take another one",
        };
        Failure::failed(format!(
            "the stick {} cannot be mounted: {}; {hint}",
            found.stick.id,
            io::Error::from(error)
        ))
    })?;
    list(machine)
}

/// Writes everything out and unmounts it.
///
/// # Errors
/// It was pulled out before, is in use, or could not be written to its end.
pub fn release(machine: &dyn Machine) -> Result<StickList, Failure> {
    let place = machine.path(STICK_DIR);
    let Some(name) = mounted(machine) else {
        return list(machine);
    };
    if !find(machine).iter().any(|one| one.stick.id == name) {
        let _ = umount2(&place, MntFlags::MNT_DETACH);
        return Err(Failure::failed(
            "the stick was pulled out before it was released: what was written last may be missing on it, look at it on another machine",
        ));
    }
    let written = File::open(&place).and_then(|dir| nix::unistd::syncfs(&dir).map_err(Into::into));
    match umount2(&place, MntFlags::empty()) {
        Err(nix::errno::Errno::EBUSY) => {
            return Err(Failure::refused(
                "the stick is in use: wait until what is copied is done",
            ));
        }
        Err(error) => {
            return Err(Failure::failed(format!(
                "the stick cannot be released: {}",
                io::Error::from(error)
            )));
        }
        Ok(()) => {}
    }
    written.map_err(|error| {
        Failure::failed(format!(
            "the stick could not be written to its end ({error}): do not rely on it"
        ))
    })?;
    list(machine)
}

/// The name of the device that is mounted under [`STICK_DIR`].
pub(in crate::host) fn mounted(machine: &dyn Machine) -> Option<String> {
    let place = machine.path(STICK_DIR);
    let table = std::fs::read_to_string(machine.path("/proc/thread-self/mountinfo")).ok()?;
    let line = table
        .lines()
        .filter_map(Mount::parse)
        .rfind(|one| Path::new(&one.at) == place)?;
    let device = Path::new(&line.source).file_name()?;
    Some(device.to_string_lossy().into_owned())
}

/// Sticks with a file system that the box mounts, by name.
pub(in crate::host) fn find(machine: &dyn Machine) -> Vec<Found> {
    let blocks = blocks(machine);
    let own = own_disks(machine, &blocks);
    let prepared = super::recovery::prepared_volume(machine);
    let mut found: Vec<Found> = blocks
        .iter()
        .filter(|block| block.usb && !own.contains(&block.disk))
        .filter_map(|block| look(machine, block, prepared.as_deref()))
        .collect();
    found.sort_by(|a, b| a.stick.id.cmp(&b.stick.id));
    found
}

fn look(machine: &dyn Machine, block: &Block, prepared: Option<&str>) -> Option<Found> {
    let size: u64 = read(&block.folder.join("size")).parse().ok()?;
    let device = machine.path("/dev").join(&block.name);
    let mut bytes = vec![0; LOOK];
    File::open(&device).ok()?.read_exact_at(&mut bytes, 0).ok()?;
    let volume = volume::volume(&bytes)?;
    let disk = machine.path("/sys/class/block").join(&block.disk);
    let maker = [read(&disk.join("device/vendor")), read(&disk.join("device/model"))].join(" ");
    let name = match volume.label.as_str() {
        "" => shown(maker.trim()),
        label => label.to_owned(),
    };
    Some(Found {
        stick: Stick {
            id: block.name.clone(),
            name,
            system: volume.system.to_owned(),
            size: size.saturating_mul(SECTOR),
            recovery: prepared == Some(volume.number.as_str()),
        },
        volume,
        device,
    })
}

fn blocks(machine: &dyn Machine) -> Vec<Block> {
    let class = machine.path("/sys/class/block");
    let entries = std::fs::read_dir(&class)
        .into_iter()
        .flatten()
        .flatten()
        .take(DEVICES_MAX);
    entries
        .filter_map(|entry| {
            let folder = entry.path().canonicalize().ok()?;
            let name = entry.file_name().into_string().ok()?;
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric());
            let disk = match folder.join("partition").exists() {
                true => folder.parent()?.file_name()?.to_str()?.to_owned(),
                false => name.clone(),
            };
            let bus = |part: &std::ffi::OsStr| {
                let part = part.to_string_lossy();
                part.strip_prefix("usb")
                    .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
            };
            let usb = folder.iter().any(bus);
            plain.then_some(Block {
                name,
                disk,
                folder,
                usb,
            })
        })
        .collect()
}

/// Disks that the box is on: something of them is mounted elsewhere than as a stick, is under another device (dm-verity, dm-crypt), or is
/// called as its partitions are. A box may well start from a disk on USB.
fn own_disks(machine: &dyn Machine, blocks: &[Block]) -> BTreeSet<String> {
    let table = std::fs::read_to_string(machine.path("/proc/thread-self/mountinfo")).unwrap_or_default();
    let place = machine.path(STICK_DIR);
    let elsewhere: BTreeSet<String> = table
        .lines()
        .filter_map(Mount::parse)
        .filter(|mount| Path::new(&mount.at) != place)
        .map(|mount| mount.device)
        .collect();
    let own = |block: &&Block| {
        let held = std::fs::read_dir(block.folder.join("holders")).is_ok_and(|mut all| all.next().is_some());
        let called = read(&block.folder.join("uevent"))
            .lines()
            .any(|line| line.starts_with("PARTNAME=postern"));
        held || called || elsewhere.contains(&read(&block.folder.join("dev")))
    };
    blocks.iter().filter(own).map(|block| block.disk.clone()).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

/// One line of mountinfo (proc_pid_mountinfo(5)).
struct Mount {
    /// `MAJOR:MINOR`.
    device: String,
    at: String,
    source: String,
}

impl Mount {
    fn parse(line: &str) -> Option<Mount> {
        let (before, behind) = line.split_once(" - ")?;
        let mut before = before.split(' ');
        let device = before.nth(2)?.to_owned();
        let at = unescaped(before.nth(1)?);
        let source = unescaped(behind.split(' ').nth(1)?);
        Some(Mount { device, at, source })
    }
}

/// `\040` is a blank.
fn unescaped(text: &str) -> String {
    ["\\040", "\\011", "\\012"]
        .iter()
        .zip([" ", "\t", "\n"])
        .fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
        .replace("\\134", "\\")
}

fn owner() -> String {
    let user = nix::unistd::User::from_name(OWNER).ok().flatten();
    let (uid, gid) = user.map_or((0, 0), |user| (user.uid.as_raw(), user.gid.as_raw()));
    format!("uid={uid},gid={gid},umask=0077")
}

/// The mounted stick's folder, for what postern-host itself writes there.
pub(in crate::host) fn folder(machine: &dyn Machine) -> PathBuf {
    machine.path(STICK_DIR)
}

/// A small file of the mounted stick, read without following a link.
pub(in crate::host) fn small(machine: &dyn Machine, name: &str, max: u64) -> io::Result<Vec<u8>> {
    use std::io::Read;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
    let file = File::options()
        .read(true)
        .custom_flags(flags)
        .open(folder(machine).join(name))?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    file.take(max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes a small file onto the mounted stick, whole and written out when this returns.
pub(in crate::host) fn put(machine: &dyn Machine, name: &str, bytes: &[u8]) -> io::Result<()> {
    // vfat and exfat refuse a mode without the bits that the mount gives.
    files::keep(&folder(machine).join(name), bytes, 0o700)?;
    Ok(nix::unistd::syncfs(&File::open(folder(machine))?)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
