//! Folders to which a small file may be written, or from which one is read: mounted sticks, and whatever folder was named for token files. In: the folders
//! where sticks are mounted; out: those that can be offered, and a file in one of them. A file that is there is never written over,
//! and links are not followed.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::control::STICK_DIR;
use crate::text::shown;

/// Where sticks are mounted: a folder there counts only if something is mounted on it.
pub const ROOTS: [&str; 4] = [STICK_DIR, "/media", "/run/media", "/mnt"];
/// Most directory entries that are looked at in all.
const ENTRIES_MAX: usize = 200;
/// Directories below the named ones.
const DEPTH_MAX: usize = 2;

/// The folders that can be offered, by name.
pub fn folders(dirs: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = ENTRIES_MAX;
    for dir in dirs {
        let is_root = ROOTS.iter().any(|root| Path::new(root) == dir.as_path());
        if dir.is_dir() && (!is_root || is_mounted(dir)) {
            found.push(dir.clone());
        }
        below(dir, DEPTH_MAX, &mut left, &mut found);
    }
    found
}

fn below(dir: &Path, depth: usize, left: &mut usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let mut dirs = Vec::new();
    for entry in entries.take(*left).flatten() {
        *left = left.saturating_sub(1);
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            dirs.push(entry.path());
        }
    }
    dirs.sort();
    for dir in dirs {
        if is_mounted(&dir) {
            found.push(dir);
        } else if depth > 1 && *left > 0 {
            below(&dir, depth - 1, left, found);
        }
    }
}

/// The files in these folders, and right below them, whose names are wanted. Links are not followed.
pub fn files(dirs: &[PathBuf], wanted: fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = ENTRIES_MAX;
    for dir in folders(dirs) {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries.take(left).flatten() {
            left = left.saturating_sub(1);
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_file && entry.file_name().to_str().is_some_and(wanted) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// What a release calls its list of files.
const MANIFEST: &str = "manifest.json";
/// Bytes of such a list.
const MANIFEST_MAX: u64 = 64 * 1024;
/// Releases that are named.
const RELEASES_MAX: usize = 4;

/// The versions of the releases that seem to lie in these folders and right below them: what they say of themselves, which nobody has
/// checked.
pub fn releases(dirs: &[PathBuf]) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Manifest {
        product: String,
        version: String,
    }
    let mut left = ENTRIES_MAX;
    let mut places = Vec::new();
    for dir in folders(dirs) {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries.take(left).flatten() {
            left = left.saturating_sub(1);
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                places.push(entry.path());
            }
        }
        places.push(dir);
    }
    let mut found: Vec<String> = places
        .iter()
        .filter_map(|place| read(&place.join(MANIFEST), MANIFEST_MAX).ok())
        .filter_map(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok())
        .filter(|manifest| manifest.product == "postern")
        .map(|manifest| shown(&manifest.version))
        .collect();
    found.sort();
    found.dedup();
    found.truncate(RELEASES_MAX);
    found
}

/// A small file's bytes.
///
/// # Errors
/// One line: what is wrong and what to do.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let name = shown(&path.to_string_lossy());
    let wrong = |error: std::io::Error| format!("{name} cannot be read: {error}");
    let metadata = fs::symlink_metadata(path).map_err(wrong)?;
    if !metadata.is_file() || metadata.len() > most {
        return Err(format!("{name} is no file of at most {most} bytes"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(wrong)?;
    file.take(most).read_to_end(&mut bytes).map_err(wrong)?;
    Ok(bytes)
}

/// Whether something is mounted there: it lies on another device than the folder that holds it.
fn is_mounted(dir: &Path) -> bool {
    let device = |path: &Path| fs::symlink_metadata(path).map(|metadata| metadata.dev()).ok();
    match dir.parent() {
        Some(parent) => device(dir).is_some_and(|own| device(parent).is_some_and(|above| above != own)),
        None => false,
    }
}

/// Writes a new file, to the disk, before it answers.
///
/// # Errors
/// One line: what is wrong and what to do.
pub fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, String> {
    let path = folder.join(name);
    let text = shown(&path.to_string_lossy());
    let wrong = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => format!("{text} is there already: take it away, or wait a minute"),
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            format!("{text} may not be written by the console: the stick is mounted for another user, or read-only")
        }
        std::io::ErrorKind::StorageFull => format!("{text} could not be written: the stick is full"),
        _ => format!("{text} could not be written: {error}"),
    };
    let open = |path: &Path| -> std::io::Result<File> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
    };
    let mut file = open(&path).map_err(wrong)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Half a list is worse than none.
        let _ = fs::remove_file(&path);
        return Err(wrong(error));
    }
    Ok(path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_named_folder_is_offered_and_what_is_only_a_folder_is_not() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        let dirs = [dir.path().to_owned(), dir.path().join("missing")];
        assert_eq!(folders(&dirs), [dir.path().to_owned()]);
        // Something is mounted at /proc on every machine that runs this.
        assert!(is_mounted(Path::new("/proc")) && !is_mounted(Path::new("/")));
        assert!(folders(&[PathBuf::from("/")]).contains(&PathBuf::from("/proc")));
    }

    #[test]
    fn a_file_is_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = write(dir.path(), "list.txt", b"one").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let line = write(dir.path(), "list.txt", b"two").unwrap_err();
        assert!(line.contains("is there already") && !line.contains('\n'), "{line}");
        assert_eq!(fs::read(&path).unwrap(), b"one");
        let line = write(&dir.path().join("gone"), "list.txt", b"").unwrap_err();
        assert!(line.contains("could not be written"), "{line}");
    }
}
