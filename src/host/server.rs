//! `host.sock`. In: connections of posternd's, one request each; out: one answer each. Whoever is neither posternd's user nor root is let
//! go without a word (R24). One request at a time, so that two changes never meet; the socket is systemd's, or made by hand.

use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt};

use super::helper::Helper;
use super::ops::{Ask, HostAnswer};
use crate::control::frame;
use crate::control::ops::Failure;

/// A request must be whole, and its answer taken, within this: whoever is slow keeps the others waiting.
const PEER_TIME: Duration = Duration::from_secs(5);
/// After a failed accept (no file descriptors left, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The longest wait between two looks at what is due.
const LOOK: Duration = Duration::from_secs(60);

/// The socket that systemd has handed over: standard input (`StandardInput=socket`), or the third descriptor.
///
/// # Errors
/// There is none.
pub fn inherited() -> io::Result<UnixListener> {
    let listens = |fd: &OwnedFd| getsockopt(fd, sockopt::AcceptConn).unwrap_or(false);
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    if listens(&stdin) {
        return Ok(stdin.into());
    }
    let third = sd_notify::listen_fds()?.next().ok_or_else(|| {
        io::Error::other("systemd has handed over no socket: start postern-host.socket, or name one with --socket")
    })?;
    // A number becomes a descriptor without `unsafe` by asking the kernel for a copy of one's own.
    let own = rustix::process::pidfd_open(rustix::process::getpid(), rustix::process::PidfdFlags::empty())?;
    let fd = rustix::process::pidfd_getfd(own, third, rustix::process::PidfdGetfdFlags::empty())?;
    match listens(&fd) {
        true => Ok(fd.into()),
        false => Err(io::Error::other("what systemd has handed over is no listening socket")),
    }
}

/// Makes a socket by hand, for its owner alone.
///
/// # Errors
/// What the system said.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    super::files::remove(path)?;
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves until the process ends. `posternd` is the user that may ask besides root.
pub fn serve(listener: &UnixListener, helper: &mut Helper, posternd: Option<u32>) {
    loop {
        let now = Instant::now();
        helper.tick(now);
        let wait = helper
            .next()
            .map_or(LOOK, |next| next.saturating_duration_since(now).min(LOOK));
        // A moment more, so that what is due is due when we look.
        let wait = PollTimeout::try_from(wait + Duration::from_millis(2)).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, wait) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "host.sock cannot be waited for");
                std::thread::sleep(ACCEPT_PAUSE);
            }
        }
        match listener.accept() {
            Ok((stream, _)) => {
                if let Err(error) = one(&stream, helper, posternd) {
                    tracing::debug!(%error, "a connection ended");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                std::thread::sleep(ACCEPT_PAUSE);
            }
        }
    }
}

fn one(mut stream: &UnixStream, helper: &mut Helper, posternd: Option<u32>) -> io::Result<()> {
    let peer = getsockopt(&stream, sockopt::PeerCredentials)?;
    if peer.uid() != 0 && Some(peer.uid()) != posternd {
        tracing::warn!(
            uid = peer.uid(),
            pid = peer.pid(),
            fd = stream.as_raw_fd(),
            "R24: only posternd is answered here"
        );
        return Ok(());
    }
    stream.set_read_timeout(Some(PEER_TIME))?;
    stream.set_write_timeout(Some(PEER_TIME))?;
    let Some(json) = frame::read(&mut stream).map_err(io::Error::other)? else {
        return Ok(());
    };
    let asked = frame::decode::<Ask>(&json).map_err(|error| {
        Failure::usage(format!(
            "postern-host does not understand posternd ({error}): restart the box, so that both are of one version"
        ))
    });
    let (answer, after) = match asked.and_then(|ask| {
        let word = match &ask {
            Ask::Operator(request) => request.word(),
            Ask::Firewall(_) => "firewall",
        };
        let outcome = helper.ask(ask, Instant::now());
        match &outcome {
            Ok(_) => tracing::info!("{word}"),
            Err(failure) => tracing::warn!("{word}: {failure}"),
        }
        outcome
    }) {
        Ok((answer, after)) => (Ok(answer), after),
        Err(failure) => (Err(failure), None),
    };
    let sent = frame::encode::<Result<HostAnswer, Failure>>(&answer)
        .map_err(io::Error::other)
        .and_then(|bytes| stream.write_all(&bytes));
    if let Some(after) = after {
        helper.after(after);
    }
    sent
}
