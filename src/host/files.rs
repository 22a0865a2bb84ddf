//! Files of the machine. In: a path that was made here, bytes and a mode; out: the whole file or the one before, never a piece of it. What
//! must survive a power cut is on the disk when the call returns. It follows no name that a caller chose.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::exec::Machine;

/// Root alone.
pub const PRIVATE: u32 = 0o600;
/// Everybody may read it.
pub const PUBLIC: u32 = 0o644;

/// Writes a file under `/run`, which no power cut survives anyway. Folders that are missing are made, open to be read.
///
/// # Errors
/// What the system said.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let beside = beside(path, bytes, mode)?;
    drop(beside.1);
    fs::rename(&beside.0, path)
}

/// As [`write`]; on the disk when this returns.
///
/// # Errors
/// What the system said; then the file is as it was before.
pub fn keep(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let (place, file) = beside(path, bytes, mode)?;
    let kept = file.sync_all().and_then(|()| fs::rename(&place, path));
    if kept.is_err() {
        let _ = fs::remove_file(&place);
    }
    kept?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn beside(path: &Path, bytes: &[u8], mode: u32) -> io::Result<(std::path::PathBuf, File)> {
    if let Some(folder) = path.parent()
        && !folder.exists()
    {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let place = path.with_file_name(name);
    // What a power cut left there.
    match fs::remove_file(&place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&place)?;
    // The umask has its say at the making only.
    let written = file
        .set_permissions(fs::Permissions::from_mode(mode))
        .and_then(|()| file.write_all(bytes));
    if let Err(error) = written {
        let _ = fs::remove_file(&place);
        return Err(error);
    }
    Ok((place, file))
}

/// Removes a file; one that is not there is no error.
///
/// # Errors
/// What the system said.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What a file of the machine holds, without blanks around it; nothing where it cannot be read.
pub fn read(machine: &dyn Machine, path: &str) -> String {
    let text = fs::read_to_string(machine.path(path)).unwrap_or_default();
    text.trim().to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_and_has_its_mode_whatever_lay_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        for (bytes, mode) in [(b"one".as_slice(), PUBLIC), (b"two", PRIVATE)] {
            // A piece that a power cut left behind.
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path.with_file_name("b.new"), b"garbage").unwrap();
            keep(&path, bytes, mode).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
            assert!(!path.with_file_name("b.new").exists());
        }
        write(&path, b"three", PUBLIC).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        remove(&path).unwrap();
        remove(&path).unwrap();
        // Where it cannot be written, the file before stays.
        fs::create_dir(&path).unwrap();
        fs::write(path.join("x"), b"").unwrap();
        assert!(keep(&path, b"four", PUBLIC).is_err());
        assert!(!path.with_file_name("b.new").exists());
    }
}
