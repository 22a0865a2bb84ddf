//! Where a control socket lies in the file system: how it is made, whom it is open to, and how a dead one is told from a live one.
//! In: a path; out: a listening socket. Nobody can connect before owner, group and mode are set, since it listens only then.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::{Group, geteuid};
use tokio::net::{UnixListener, UnixSocket};

use super::peer::Door;

/// The file name of the console's socket, beside the other.
pub const CONSOLE_SOCKET: &str = "console.sock";
/// Whose members are installers (R24).
pub const ADMIN_GROUP: &str = "postern-admin";
/// Whose members may show a console (R24).
pub const CONSOLE_GROUP: &str = "postern-console";
/// A Unix socket's path holds 107 bytes and a NUL (unix(7)).
const PATH_MAX: usize = 107;

/// Why a socket could not be made: one line.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody answers there.
    #[error("{0} is in use: another posternd runs; stop it, or name another socket with --control")]
    Live(PathBuf),
    /// Something that is no socket.
    #[error("{0} is there and is no socket: move it away, or name another socket with --control")]
    NotASocket(PathBuf),
    /// No folder.
    #[error("the folder of {0} is not there: make it, or name another socket with --control")]
    NoFolder(PathBuf),
    /// A folder to make the socket in that others may write in, or that somebody else has put there.
    #[error(
        "{path} is {what}, and whoever has it could take the socket's place: remove it; the service's unit makes it anew"
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// The path is too long.
    #[error("{0} is too long for a socket: 107 bytes at most")]
    TooLong(PathBuf),
    /// The file system said no.
    #[error("{path} could not be made a socket: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

/// A bound socket's file. Dropping it removes the file, if it is still this one.
#[derive(Debug)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// What the operator should know, one line.
    pub note: Option<String>,
    identity: (u64, u64),
    /// Held as long as the socket lives, so that two daemons that start at once cannot both find a dead socket and replace it.
    _lock: File,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Ok(found) = std::fs::symlink_metadata(&self.path)
            && (found.dev(), found.ino()) == self.identity
        {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// `console.sock` in the folder of the other socket (R24).
pub fn console_path(control: &Path) -> PathBuf {
    control.with_file_name(CONSOLE_SOCKET)
}

/// Binds, opens to the right group, then listens.
pub(super) fn bind(path: &Path, door: Door, backlog: u32) -> Result<(UnixListener, Place), BindError> {
    use std::os::unix::ffi::OsStrExt;
    let failed = |error| BindError::Io {
        path: path.to_owned(),
        error,
    };
    if path.as_os_str().as_bytes().len() > PATH_MAX {
        return Err(BindError::TooLong(path.to_owned()));
    }
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(BindError::NoFolder(path.to_owned()));
    }
    let lock = lock_beside(path)?;
    clear(path)?;
    let socket = UnixSocket::new_stream().map_err(failed)?;
    let note = match birthplace(path, door)? {
        Some(born) => {
            clear(&born)?;
            socket.bind(&born).map_err(failed)?;
            let note = open_to_group(&born, door).map_err(failed)?;
            std::fs::rename(&born, path).map_err(failed)?;
            note
        }
        None => {
            socket.bind(path).map_err(failed)?;
            open_to_group(path, door).map_err(failed)?
        }
    };
    let made = std::fs::symlink_metadata(path).map_err(failed)?;
    let place = Place {
        path: path.to_owned(),
        note,
        identity: (made.dev(), made.ino()),
        _lock: lock,
    };
    let listener = socket.listen(backlog).map_err(failed)?;
    Ok((listener, place))
}

/// Where the socket is made if its unit has put a folder there: `.control` or `.console` beside it, set-group-ID, so that what is made
/// in it has the folder's group. Under systemd posternd may change no file's group, but it may move its own.
/// One that somebody else has, or may write in, is refused: a daemon by hand with `--control /tmp/x/control.sock` meets whatever lies there.
fn birthplace(path: &Path, door: Door) -> Result<Option<PathBuf>, BindError> {
    let name = match door {
        Door::Control => ".control",
        Door::Console => ".console",
    };
    let folder = path.with_file_name(name);
    let found = match std::fs::symlink_metadata(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(BindError::Io { path: folder, error }),
        Ok(found) => found,
    };
    let (uid, mode) = (geteuid().as_raw(), found.mode() & 0o7777);
    let what = match () {
        () if !found.is_dir() => "no folder".to_owned(),
        () if found.uid() != uid => format!("a folder of the user {}, and not of {uid}", found.uid()),
        () if mode & 0o077 != 0 => format!("a folder with the mode {mode:04o} instead of 2700"),
        () => return Ok(Some(folder.join("sock"))),
    };
    Err(BindError::NotOurs { path: folder, what })
}

fn lock_beside(path: &Path) -> Result<File, BindError> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let lock = path.with_file_name(name);
    let failed = |error| BindError::Io {
        path: lock.clone(),
        error,
    };
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&lock)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(BindError::Live(path.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Removes a dead socket; leaves a live one and everything else alone.
fn clear(path: &Path) -> Result<(), BindError> {
    let failed = |error| BindError::Io {
        path: path.to_owned(),
        error,
    };
    match std::fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(failed(e)),
        Ok(found) if !found.file_type().is_socket() => return Err(BindError::NotASocket(path.to_owned())),
        Ok(_) => {}
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(failed),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(failed(e)),
        Ok(_) => Err(BindError::Live(path.to_owned())),
    }
}

/// 0660 and the door's group where there is one and it may be given, else 0600 (R24).
fn open_to_group(path: &Path, door: Door) -> io::Result<Option<String>> {
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    let name = match door {
        Door::Control => ADMIN_GROUP,
        Door::Console => CONSOLE_GROUP,
    };
    let Some(group) = Group::from_name(name)? else {
        let needed = geteuid().is_root();
        return Ok(needed.then(|| format!("there is no group {name}: only root can use {}", path.display())));
    };
    if std::fs::symlink_metadata(path)?.gid() == group.gid.as_raw() {
        std::fs::set_permissions(path, Permissions::from_mode(0o660))?;
        return Ok(None);
    }
    match std::os::unix::fs::chown(path, None, Some(group.gid.as_raw())) {
        Ok(()) => {
            std::fs::set_permissions(path, Permissions::from_mode(0o660))?;
            Ok(None)
        }
        // By hand, without root: the socket stays with the daemon's own user (R24).
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Ok(Some(format!(
            "{} is open to this user alone: it can be given to the group {name} only by root or a member",
            path.display()
        ))),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn r24_a_socket_is_born_in_its_groups_folder_and_moved_to_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let born = dir.path().join(".control");
        std::fs::create_dir(&born).unwrap();
        // Any group will do; root may give one.
        if geteuid().is_root() {
            std::os::unix::fs::chown(&born, None, Some(12_345)).unwrap();
        }
        std::fs::set_permissions(&born, Permissions::from_mode(0o2700)).unwrap();
        let group = std::fs::metadata(&born).unwrap().gid();
        let path = dir.path().join("control.sock");
        // What a daemon that was killed left behind, in both places.
        drop(std::os::unix::net::UnixListener::bind(born.join("sock")).unwrap());
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let (listener, place) = bind(&path, Door::Control, 1).unwrap();
        let made = std::fs::symlink_metadata(&path).unwrap();
        assert!(made.file_type().is_socket());
        if Group::from_name(ADMIN_GROUP).unwrap().is_none() {
            assert_eq!(made.gid(), group);
            assert_eq!(made.mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(&born).unwrap().count(), 0);
        std::os::unix::net::UnixStream::connect(&path).unwrap();
        drop((listener, place));
        assert!(!path.exists());
        // The console's has no folder here: it is made at its place.
        let console = dir.path().join("console.sock");
        let (_listener, _place) = bind(&console, Door::Console, 1).unwrap();
        assert!(console.exists());
    }

    #[tokio::test]
    async fn r24_a_folder_that_is_somebody_elses_or_open_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (born, path) = (dir.path().join(".control"), dir.path().join("control.sock"));
        let refused = |what: &str| {
            let line = bind(&path, Door::Control, 1).unwrap_err().to_string();
            assert!(
                line.contains(what) && line.contains("remove it") && !line.contains('\n'),
                "{line}"
            );
            assert!(!path.exists(), "nothing was made");
        };
        for mode in [0o2770, 0o2702, 0o777, 0o2710] {
            std::fs::create_dir(&born).unwrap();
            std::fs::set_permissions(&born, Permissions::from_mode(mode)).unwrap();
            refused(&format!("mode {mode:04o}"));
            std::fs::remove_dir(&born).unwrap();
        }
        let elsewhere = dir.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        std::fs::set_permissions(&elsewhere, Permissions::from_mode(0o2700)).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &born).unwrap();
        refused("no folder");
        std::fs::remove_file(&born).unwrap();
        if geteuid().is_root() {
            std::fs::rename(&elsewhere, &born).unwrap();
            std::os::unix::fs::chown(&born, Some(12_345), None).unwrap();
            refused("of the user 12345");
            std::fs::remove_dir(&born).unwrap();
        }
        // Without one it is made at its place.
        drop(bind(&path, Door::Control, 1).unwrap());
    }
}
