//! The outbox: replies are made and sent here, on a thread of their own, so that the journal's thread goes back to its disk at once.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::socket::Socket;
use crate::door::Door;
use crate::door::reply::{Origin, Outgoing};

/// A full send buffer is tried again this often, a millisecond apart; the client asks again after that.
const TRIES: u32 = 5;

/// Runs until [`Outgoing::End`].
pub(super) fn run(outgoing: &Receiver<Outgoing>, sockets: &[Socket], door: &Arc<Door>) {
    while let Ok(next) = outgoing.recv() {
        match next {
            Outgoing::Make(waiter, kind) => {
                if let Some(bytes) = door.make(&waiter, &kind) {
                    let origin = waiter.origin;
                    // Its place among those in flight is free before the client can know of the reply.
                    drop(waiter);
                    send(sockets, &bytes, &origin, door);
                }
            }
            Outgoing::Again(bytes, origin) => send(sockets, &bytes, &origin, door),
            Outgoing::End => return,
        }
    }
}

fn send(sockets: &[Socket], bytes: &[u8], origin: &Origin, door: &Door) {
    let Some(socket) = sockets.get(usize::from(origin.socket)) else {
        return;
    };
    for attempt in 1..=TRIES {
        match socket.send(bytes, origin) {
            Ok(()) => return,
            Err(error) if attempt < TRIES && passes(&error) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => {
                door.counters.send_errors.add();
                tracing::debug!(%error, to = %origin.source, "a reply could not be sent");
                return;
            }
        }
    }
}

fn passes(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(nix::errno::Errno::from_raw),
        Some(
            nix::errno::Errno::EAGAIN
                | nix::errno::Errno::ENOBUFS
                | nix::errno::Errno::EINTR
                | nix::errno::Errno::ECONNREFUSED
        )
    )
}
