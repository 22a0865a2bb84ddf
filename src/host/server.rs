//! `postern-host serve`: the socket of the root helper. In: a listening socket, which systemd gives as standard input (or `--socket`), and
//! connections from posternd or root alone (R24); out: one answer a question. It does one thing after the other, and what is due by
//! itself (a network that nobody confirmed) between them. A bad or slow peer costs its own connection and nothing else.

use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use super::desk::Desk;
use super::exec::{Machine, ThisMachine};
use super::ops::{Ask, HostAnswer};
use crate::control::frame;
use crate::control::ops::Failure;

/// The user whom posternd runs as.
const POSTERND: &str = "postern";
/// A question, once begun, and the taking of an answer.
const PEER_LIMIT: Duration = Duration::from_secs(5);
/// Between two looks at what is due, at most.
const LOOK: Duration = Duration::from_secs(60);

/// Who may ask besides root.
#[derive(Clone, Copy, Debug)]
pub struct Peers(pub Option<u32>);

impl Peers {
    /// The user `postern`, where there is one.
    pub fn system() -> Self {
        let user = nix::unistd::User::from_name(POSTERND).ok().flatten();
        Self(user.map(|user| user.uid.as_raw()))
    }

    fn may(self, uid: u32) -> bool {
        uid == 0 || self.0 == Some(uid)
    }
}

/// The socket: systemd's, or one of one's own at `path`, for a run by hand.
///
/// # Errors
/// One line.
pub fn listener(path: Option<&Path>) -> Result<UnixListener, String> {
    match path {
        Some(path) => {
            let _ = std::fs::remove_file(path);
            let bound = UnixListener::bind(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(path, mode).map_err(|error| format!("{}: {error}", path.display()))?;
            Ok(bound)
        }
        None => {
            let copied = std::io::stdin().as_fd().try_clone_to_owned();
            let listener = copied.map(UnixListener::from).map_err(|error| error.to_string())?;
            // Anything else, a terminal say, has no address of a socket.
            listener.local_addr().map_err(|_| {
                "standard input is no socket: systemd starts this (postern-host.socket), or give --socket PATH"
                    .to_owned()
            })?;
            Ok(listener)
        }
    }
}

/// Serves until the socket fails.
///
/// # Errors
/// What the socket said.
pub fn serve(listener: &UnixListener, peers: Peers) -> std::io::Result<()> {
    let machine: Arc<dyn Machine> = Arc::new(ThisMachine);
    let mut desk = Desk::new(machine);
    listener.set_nonblocking(true)?;
    tracing::info!("ready");
    loop {
        let now = Instant::now();
        desk.tick(now);
        let wait = desk
            .due()
            .map_or(LOOK, |due| due.saturating_duration_since(now))
            .min(LOOK);
        let wait = PollTimeout::try_from(wait + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(listener.as_fd(), PollFlags::POLLIN)], wait) {
            Err(nix::errno::Errno::EINTR) | Ok(0) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        match listener.accept() {
            Ok((stream, _)) => answer(stream, peers, &mut desk),
            Err(error) => {
                tracing::warn!(%error, "a connection was not taken");
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

/// One connection, one question.
fn answer(mut stream: UnixStream, peers: Peers, desk: &mut Desk) {
    let uid = match getsockopt(&stream, PeerCredentials) {
        Ok(peer) => peer.uid(),
        Err(error) => return tracing::warn!(%error, "a peer without a name"),
    };
    if !peers.may(uid) {
        return tracing::warn!(uid, "R24: only posternd is answered here");
    }
    let limits = stream
        .set_nonblocking(false)
        .and_then(|()| stream.set_read_timeout(Some(PEER_LIMIT)))
        .and_then(|()| stream.set_write_timeout(Some(PEER_LIMIT)));
    if limits.is_err() {
        return;
    }
    let asked = frame::read(&mut stream);
    let ask = match asked.map(|json| json.map(|json| frame::decode::<Ask>(&json))) {
        Ok(Some(Ok(ask))) => ask,
        Ok(Some(Err(error))) | Err(error) => return tracing::warn!(%error, "a question that was not understood"),
        Ok(None) => return,
    };
    let word = match &ask {
        Ask::Operator(request) => request.word(),
        Ask::Firewall(_) => "firewall",
    };
    let answered: Result<HostAnswer, Failure> = desk.ask(ask, crate::clock::wall(), Instant::now());
    match &answered {
        Ok(_) => tracing::info!("{word}: done"),
        Err(failure) => tracing::warn!("{word}: {failure}"),
    }
    if let Ok(bytes) = frame::encode(&answered) {
        let _ = stream.write_all(&bytes);
    }
}
