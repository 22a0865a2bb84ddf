//! The daemon's sockets and threads. In: addresses; out: datagrams to [`Door::handle`], replies to the network. It looks into no
//! packet, and never ends on a receive error.

mod outbox;
mod probe;
mod socket;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use crate::door::reply::Outgoing;
use crate::door::{Door, Listening};
use crate::pipeline::receive::Service;
pub use probe::{PROBE_EVERY, Probe, ProbeError};
pub use socket::{RECEIVE_BUFFER, Socket};

/// Receiving threads for one authentication socket; accounting has one.
const THREADS_MAX: usize = 4;

/// Why an address cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("{address} cannot be served: {error}{hint}")]
pub struct ListenError {
    address: SocketAddr,
    error: io::Error,
    hint: &'static str,
}

/// Bound sockets, not served yet: nothing is answered before the box is open.
pub struct Bound {
    sockets: Arc<Vec<Socket>>,
}

/// The running threads.
pub struct Server {
    stop: Arc<AtomicBool>,
    receivers: Vec<JoinHandle<()>>,
    outbox: Option<JoinHandle<()>>,
    sender: mpsc::Sender<Outgoing>,
}

impl Bound {
    /// Binds every address. Where there is no IPv6, `[::]` becomes `0.0.0.0` (R8).
    pub fn bind(auth: &[SocketAddr], acct: &[SocketAddr]) -> Result<Bound, ListenError> {
        let wanted: Vec<(SocketAddr, Service)> = auth
            .iter()
            .map(|address| (*address, Service::Authentication))
            .chain(acct.iter().map(|address| (*address, Service::Accounting)))
            .collect();
        let mut sockets = Vec::new();
        for (address, service) in &wanted {
            // An IPv4 socket of its own on the same port: then [::] is for IPv6 alone.
            let own_v4 = wanted
                .iter()
                .any(|(other, _)| other.is_ipv4() && other.port() == address.port() && other.port() != 0);
            let socket = Socket::bind(*address, *service, own_v4).map_err(|error| ListenError {
                address: *address,
                hint: match error.kind() {
                    io::ErrorKind::AddrInUse => ": another RADIUS server runs there; stop it, or choose another port",
                    io::ErrorKind::PermissionDenied => ": this port is for root or for a service with the capability",
                    io::ErrorKind::AddrNotAvailable => ": this machine has no such address",
                    _ => "",
                },
                error,
            })?;
            sockets.push(socket);
        }
        Ok(Bound {
            sockets: Arc::new(sockets),
        })
    }

    /// The addresses that were bound.
    pub fn listening(&self) -> Listening {
        let of = |service| {
            self.sockets
                .iter()
                .filter(|s| s.service == service)
                .map(|s| s.address)
                .collect()
        };
        Listening {
            auth: of(Service::Authentication),
            acct: of(Service::Accounting),
        }
    }

    /// Serves until [`Server::stop`].
    pub fn serve(
        self,
        door: &Arc<Door>,
        outgoing: (mpsc::Sender<Outgoing>, mpsc::Receiver<Outgoing>),
    ) -> io::Result<Server> {
        let stop = Arc::new(AtomicBool::new(false));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut receivers = Vec::new();
        for (number, socket) in self.sockets.iter().enumerate() {
            let threads = if socket.service == Service::Authentication {
                cores.clamp(1, THREADS_MAX)
            } else {
                1
            };
            for thread in 0..threads {
                let (sockets, door, stop) = (Arc::clone(&self.sockets), Arc::clone(door), Arc::clone(&stop));
                let run = move || {
                    if let Some(socket) = sockets.get(number) {
                        socket.receive(u16::try_from(number).unwrap_or_default(), &door, &stop);
                    }
                };
                receivers.push(
                    std::thread::Builder::new()
                        .name(format!("receive-{number}-{thread}"))
                        .spawn(run)?,
                );
            }
        }
        let (sender, receiver) = outgoing;
        let (sockets, door) = (self.sockets, Arc::clone(door));
        let outbox = std::thread::Builder::new()
            .name("send".to_owned())
            .spawn(move || outbox::run(&receiver, &sockets, &door))?;
        Ok(Server {
            stop,
            receivers,
            outbox: Some(outbox),
            sender,
        })
    }
}

impl Server {
    /// Stops receiving; what is decided already is still recorded by [`Door::close`], and sent when [`Server::finish`] is called.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for receiver in self.receivers.drain(..) {
            let _ = receiver.join();
        }
    }

    /// Sends what is in the outbox, and ends.
    pub fn finish(mut self) {
        let _ = self.sender.send(Outgoing::End);
        if let Some(outbox) = self.outbox.take() {
            let _ = outbox.join();
        }
    }
}
