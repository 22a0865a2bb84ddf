//! The caller's side of a control socket, blocking. In: requests; out: answers, or one plain line that says why nobody answered
//! and what to do. One request at a time; a connection that failed is not used again.

use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::Group;

use super::START_TROUBLE;
use super::frame::{self, FrameError, Greeting};
use super::ops::{Answer, Failure, FailureKind, Request};
use super::place::ADMIN_GROUP;
use super::troubles::Troubles;

/// Where posternd listens if nothing else is named (design: command line contract).
pub const DEFAULT_SOCKET: &str = "/run/postern/control.sock";
/// How long an answer may take: a directory's deadline and a long poll lie well inside.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a backup or restore may take: with a log of a gigabyte on a slow card it is minutes.
const BACKUP_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How long the greeting may take.
const GREETING_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to posternd.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    path: PathBuf,
}

impl Client {
    /// Connects and reads the greeting.
    ///
    /// # Errors
    /// [`FailureKind::Unreachable`] with one line: no socket, no right, nobody there, another version.
    pub fn connect(path: &Path) -> Result<Self, Failure> {
        let stream = UnixStream::connect(path).map_err(|e| unreachable(no_connection(path, &e)))?;
        let mut client = Self {
            stream,
            path: path.to_owned(),
        };
        client.time_limit(GREETING_TIMEOUT)?;
        let json = frame::read(&mut client.stream).map_err(|e| client.broken(&e))?;
        let Some(json) = json else {
            return Err(unreachable(format!(
                "posternd closed the connection at {}: it is stopping or has too many; try again",
                path.display()
            )));
        };
        let greeting: Greeting = frame::decode(&json).map_err(|_| client.stranger())?;
        if let Some(line) = greeting.mismatch() {
            return Err(unreachable(line));
        }
        client.time_limit(ANSWER_TIMEOUT)?;
        Ok(client)
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// The daemon's own [`Failure`], or [`FailureKind::Unreachable`] where the connection broke; then it is not known whether the
    /// request was carried out.
    pub fn ask(&mut self, request: &Request) -> Result<Answer, Failure> {
        self.time_limit(match request {
            Request::Backup(_) => BACKUP_TIMEOUT,
            _ => ANSWER_TIMEOUT,
        })?;
        let bytes = frame::encode(request).map_err(|e| Failure::usage(format!("the request cannot be sent: {e}")))?;
        self.stream.write_all(&bytes).map_err(|e| self.broken(&e.into()))?;
        drop(bytes);
        let json = frame::read(&mut self.stream).map_err(|e| self.broken(&e))?;
        let json = json.ok_or_else(|| self.broken(&FrameError::Truncated))?;
        frame::decode::<Result<Answer, Failure>>(&json).map_err(|_| self.stranger())?
    }

    fn time_limit(&self, limit: Duration) -> Result<(), Failure> {
        self.stream
            .set_read_timeout(Some(limit))
            .and_then(|()| self.stream.set_write_timeout(Some(limit)))
            .map_err(|e| self.broken(&e.into()))
    }

    fn broken(&self, error: &FrameError) -> Failure {
        let path = self.path.display();
        unreachable(match error {
            FrameError::Io(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                format!("posternd at {path} did not answer in time: see its log (journalctl -u posternd)")
            }
            FrameError::TooLong(_) | FrameError::NotUnderstood(_) => return self.stranger(),
            FrameError::Truncated | FrameError::Io(_) => format!(
                "the connection to posternd at {path} broke: it may have stopped; look with `postern status`, then try again"
            ),
        })
    }

    fn stranger(&self) -> Failure {
        unreachable(format!(
            "what answers at {} is not posternd: name its socket with --control",
            self.path.display()
        ))
    }
}

fn unreachable(line: String) -> Failure {
    Failure::new(FailureKind::Unreachable, line)
}

/// Why `connect` failed, in words.
fn no_connection(path: &Path, error: &io::Error) -> String {
    let shown = path.display();
    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
        && let Some(trouble) = Troubles::new(&[path.with_file_name(START_TROUBLE)]).first()
    {
        return format!("posternd could not start. {} {}", trouble.what, trouble.todo);
    }
    match error.kind() {
        io::ErrorKind::NotFound => format!(
            "posternd does not run here (no socket {shown}): start it with `systemctl start posternd`, or name its socket with --control"
        ),
        io::ErrorKind::ConnectionRefused => match std::fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                format!("{shown} is no socket: name posternd's socket with --control")
            }
            _ => format!("posternd has stopped (nobody answers at {shown}): start it with `systemctl start posternd`"),
        },
        io::ErrorKind::PermissionDenied => match owner_group(path) {
            Some(group) => format!(
                "no right to use {shown}: join the group {group} (`usermod -aG {group} NAME` as root, then log in again), or use sudo"
            ),
            None => format!("no right to use {shown}: be the user who started posternd, or root (sudo)"),
        },
        _ => format!("{shown} cannot be used: {error}"),
    }
}

/// The group that may use the socket; none where only its owner may.
fn owner_group(path: &Path) -> Option<String> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.mode() & 0o060 == 0o060 => {
            let gid = nix::unistd::Gid::from_raw(found.gid());
            Some(
                Group::from_gid(gid)
                    .ok()
                    .flatten()
                    .map_or_else(|| gid.to_string(), |group| group.name),
            )
        }
        Ok(_) => None,
        // The folder itself is closed to us.
        Err(_) => Some(ADMIN_GROUP.to_owned()),
    }
}
