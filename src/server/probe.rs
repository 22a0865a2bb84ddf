//! The internal probe: a Status-Server packet over loopback to the box's own sockets, answered by the packet's path itself (parse,
//! client, Message-Authenticator, duplicates, the journal's thread, outbox). In: the addresses; out: whether all of them answer. What
//! systemd's watchdog hears hangs on it; clock and directories do not (R19).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::door::Door;
use crate::radius::authenticator::verify_reply;
use crate::radius::request::Request;
use crate::radius::shared_secret::SharedSecret;
use crate::secret::Secret;

/// How often the box asks itself, and alarms where it does not answer.
pub const PROBE_EVERY: Duration = Duration::from_secs(10);
/// How long an answer may take: a slow disk is no dead box.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// The box does not answer itself.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The probe's own socket.
    #[error("the internal probe could not be sent to {0}: {1}")]
    Io(SocketAddr, #[source] io::Error),
    /// Silence, or something else.
    #[error("{0} did not answer the internal probe")]
    Silent(SocketAddr),
}

struct One {
    socket: UdpSocket,
    target: SocketAddr,
    secret: SharedSecret,
    next: AtomicU8,
}

/// The probe, one socket for each authentication address.
pub struct Probe(Vec<One>);

impl Probe {
    /// Opens the probe's sockets and makes them known to the door, each by its address and port and a secret of its own.
    pub async fn open(door: &Door) -> Result<Probe, ProbeError> {
        let targets = door.listening.lock().auth.clone();
        let mut all = Vec::new();
        for target in targets {
            let to = match target.ip() {
                IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
                other => other,
            };
            let to = SocketAddr::new(to, target.port());
            let io = |error| ProbeError::Io(target, error);
            let socket = UdpSocket::bind(SocketAddr::new(to.ip(), 0)).await.map_err(io)?;
            socket.connect(to).await.map_err(io)?;
            let mut bytes = vec![0; 32];
            crate::door::fill_random(&mut bytes);
            let secret = Secret::new(bytes);
            door.add_probe(socket.local_addr().map_err(io)?, secret.clone());
            all.push(One {
                socket,
                target: to,
                secret: SharedSecret::new(&secret),
                next: AtomicU8::new(0),
            });
        }
        Ok(Probe(all))
    }

    /// Asks every address once; a lost datagram is sent again.
    pub async fn ask(&self) -> Result<(), ProbeError> {
        for one in &self.0 {
            one.ask().await?;
        }
        Ok(())
    }
}

impl One {
    async fn ask(&self) -> Result<(), ProbeError> {
        let io = |error| ProbeError::Io(self.target, error);
        let authenticator = crate::door::random16();
        let request =
            Request::status_server(self.next.fetch_add(1, Ordering::Relaxed), authenticator).sign(&self.secret);
        let Ok(request) = request else {
            return Err(ProbeError::Silent(self.target));
        };
        for _ in 0..2 {
            self.socket.send(&request).await.map_err(io)?;
            let mut buffer = [0; 4096];
            let until = tokio::time::Instant::now() + PROBE_TIMEOUT;
            while let Ok(received) = tokio::time::timeout_at(until, self.socket.recv(&mut buffer)).await {
                let length = received.map_err(io)?;
                if buffer
                    .get(..length)
                    .is_some_and(|reply| verify_reply(reply, &authenticator, &self.secret).is_ok())
                {
                    return Ok(());
                }
            }
        }
        Err(ProbeError::Silent(self.target))
    }
}
