//! The box's own copy of a release. In: a [`Source`]; out: a folder whose manifest is signed and whose files are what was signed, each
//! read back from the box's own disk. A power cut leaves `new`, from which the next fetch goes on with the files that are whole, or
//! `release`, which is whole. Nothing is written past what the manifest says.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ring::digest::{Context, SHA256};

use super::manifest::{self, Keys, MANIFEST, MANIFEST_MAX, Manifest, SIGNATURE, SIGNATURE_MAX, UpdateError, Version};
use super::source::Source;
use crate::host::files;

/// Where the copy is made and kept.
pub const STAGING_DIR: &str = "/var/lib/postern-host/update";
/// The copy while it is made.
const NEW: &str = "new";
/// The copy when it is whole: what systemd-sysupdate reads.
const RELEASE: &str = "release";
/// Left free on the disk: the store and the journal go on meanwhile.
const RESERVE: u64 = 64 << 20;
const PIECE: usize = 256 * 1024;

/// The folder of the copies.
#[derive(Clone, Debug)]
pub struct Staging(PathBuf);

fn io(path: &Path) -> impl Fn(std::io::Error) -> UpdateError + '_ {
    move |error| UpdateError::Io(path.to_owned(), error)
}

impl Staging {
    /// `dir` is [`STAGING_DIR`] on the box.
    pub fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// The whole copy.
    pub fn release(&self) -> PathBuf {
        self.0.join(RELEASE)
    }

    /// Where notes beside it lie.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// Makes the copy, and says how far it is, 0 to 100.
    ///
    /// # Errors
    /// What is wrong with the release, with where it comes from, or with the disk.
    pub fn fetch(
        &self,
        source: &mut dyn Source,
        keys: &Keys,
        running: &Version,
        tell: &dyn Fn(u8),
        stop: &AtomicBool,
    ) -> Result<Manifest, UpdateError> {
        let (bytes, signatures) = source.manifest()?;
        let manifest = Manifest::parse(&bytes, &signatures, keys)?;
        manifest.follows(running)?;
        let new = self.0.join(NEW);
        make_dir(&self.0)?;
        if fs::read(new.join(MANIFEST)).ok().as_deref() != Some(bytes.as_slice()) {
            remove(&new)?;
            make_dir(&new)?;
        }
        // What lies there and is not of this release would be room lost.
        remove(&self.release())?;
        keep_only(&new, &manifest)?;
        self.room(&new, &manifest)?;
        for (name, bytes) in [(SIGNATURE, &signatures), (MANIFEST, &bytes)] {
            let path = new.join(name);
            files::keep(&path, bytes, files::PRIVATE).map_err(io(&path))?;
        }
        let (whole, mut done) = (manifest.size().max(1), 0);
        for file in &manifest.files {
            let path = new.join(&file.name);
            if !is_whole(&path, file)? {
                let mut from = source.open(&file.name)?;
                let mut copied = 0;
                let mut told = |more: u64| {
                    copied += more;
                    tell(u8::try_from((done + copied) * 100 / whole).unwrap_or(100).min(99));
                };
                copy(from.as_mut(), source.called(), &path, file, &mut told, stop)?;
            }
            done += file.size;
        }
        let checked = check(&new, keys, true)?;
        fs::rename(&new, self.release()).map_err(io(&new))?;
        sync_dir(&self.0)?;
        tell(100);
        Ok(checked)
    }

    /// The whole copy, looked at again as if it came from anywhere; none where there is none.
    ///
    /// # Errors
    /// It is not what was signed any more.
    pub fn ready(&self, keys: &Keys) -> Result<Option<Manifest>, UpdateError> {
        if !self.release().exists() {
            return Ok(None);
        }
        check(&self.release(), keys, true).map(Some)
    }

    /// What the whole copy is said to be: the signature is checked, the files are not read.
    ///
    /// # Errors
    /// As [`Staging::ready`].
    pub fn known(&self, keys: &Keys) -> Result<Option<Manifest>, UpdateError> {
        if !self.release().exists() {
            return Ok(None);
        }
        check(&self.release(), keys, false).map(Some)
    }

    /// Removes the copies.
    ///
    /// # Errors
    /// The disk.
    pub fn forget(&self) -> Result<(), UpdateError> {
        remove(&self.0.join(NEW))?;
        remove(&self.release())
    }

    fn room(&self, new: &Path, manifest: &Manifest) -> Result<(), UpdateError> {
        let at = nix::sys::statvfs::statvfs(&self.0).map_err(|error| io(&self.0)(error.into()))?;
        let free = at.blocks_available().saturating_mul(at.fragment_size());
        let there = manifest
            .files
            .iter()
            .filter_map(|file| fs::metadata(new.join(&file.name)).ok());
        let there: u64 = there.map(|about| about.len()).sum();
        let need = manifest.size().saturating_sub(there) + RESERVE;
        if free < need {
            return Err(UpdateError::Space {
                need: need.div_ceil(1_000_000),
                free: free / 1_000_000,
            });
        }
        Ok(())
    }
}

/// Signature and, where it is asked, every hash of a copy that lies on the box's own disk.
fn check(dir: &Path, keys: &Keys, hashes: bool) -> Result<Manifest, UpdateError> {
    let small = |name: &str, max: u64| {
        let path = dir.join(name);
        let mut bytes = Vec::new();
        let file = read(&path)?;
        file.take(max).read_to_end(&mut bytes).map_err(io(&path))?;
        Ok(bytes)
    };
    let manifest = Manifest::parse(&small(MANIFEST, MANIFEST_MAX)?, &small(SIGNATURE, SIGNATURE_MAX)?, keys)?;
    for file in manifest.files.iter().filter(|_| hashes) {
        if !is_whole(&dir.join(&file.name), file)? {
            return Err(UpdateError::Hash(file.name.clone()));
        }
    }
    Ok(manifest)
}

fn read(path: &Path) -> Result<File, UpdateError> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK);
    options.open(path).map_err(io(path))
}

/// Whether the file is there with the size and the hash that were signed.
fn is_whole(path: &Path, file: &manifest::File) -> Result<bool, UpdateError> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_file() && about.len() == file.size => {}
        _ => return Ok(false),
    }
    let (mut from, mut hash, mut piece) = (read(path)?, Context::new(&SHA256), vec![0; PIECE]);
    loop {
        match from.read(&mut piece).map_err(io(path))? {
            0 => break,
            length => hash.update(piece.get(..length).unwrap_or_default()),
        }
    }
    Ok(data_encoding::HEXLOWER.encode(hash.finish().as_ref()) == file.sha256)
}

/// Copies what the manifest says and no byte more; the hash is compared while it comes, so that a wrong file is known at its end.
fn copy(
    from: &mut dyn Read,
    called: &str,
    path: &Path,
    file: &manifest::File,
    told: &mut dyn FnMut(u64),
    stop: &AtomicBool,
) -> Result<(), UpdateError> {
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    let mut to = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(io(path))?;
    let (mut hash, mut piece, mut left) = (Context::new(&SHA256), vec![0; PIECE], file.size);
    let wrong = || {
        let _ = fs::remove_file(path);
        UpdateError::Hash(file.name.clone())
    };
    loop {
        if stop.load(Ordering::Acquire) {
            return Err(UpdateError::Stopped);
        }
        let length = from
            .read(&mut piece)
            .map_err(|error| UpdateError::Source(format!("{} could not be read from {called}: {error}", file.name)))?;
        if length == 0 {
            break;
        }
        let Some(rest) = left.checked_sub(length as u64) else {
            return Err(wrong());
        };
        left = rest;
        let bytes = piece.get(..length).unwrap_or_default();
        hash.update(bytes);
        to.write_all(bytes).map_err(io(path))?;
        told(length as u64);
    }
    if left > 0 || data_encoding::HEXLOWER.encode(hash.finish().as_ref()) != file.sha256 {
        return Err(wrong());
    }
    to.sync_all().map_err(io(path))
}

/// What has happened in a folder is on the disk.
fn sync_dir(dir: &Path) -> Result<(), UpdateError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io(dir))
}

fn make_dir(dir: &Path) -> Result<(), UpdateError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(io(dir))
}

fn remove(dir: &Path) -> Result<(), UpdateError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(dir)(error)),
        _ => Ok(()),
    }
}

fn keep_only(new: &Path, manifest: &Manifest) -> Result<(), UpdateError> {
    for entry in fs::read_dir(new).map_err(io(new))? {
        let entry = entry.map_err(io(new))?;
        let name = entry.file_name();
        let own = [MANIFEST, SIGNATURE].iter().any(|own| name == *own);
        if !own && !manifest.files.iter().any(|file| name == file.name.as_str()) {
            fs::remove_file(entry.path()).map_err(io(new))?;
        }
    }
    Ok(())
}
