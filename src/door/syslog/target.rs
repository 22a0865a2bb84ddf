//! Where lines go. In: `udp:HOST:PORT`, `tcp:HOST:PORT` or `unix:/PATH`; out: a target, and a link to it that carries lines and
//! notices when its peer is gone. It never waits without a limit.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket, UnixDatagram, lookup_host};
use tokio::time::timeout;

use super::line::framed;
use crate::text::shown;

/// Name, handshake: within this time, or the target counts as gone.
const CONNECT: Duration = Duration::from_secs(5);
/// A batch must be taken within this time.
const SEND: Duration = Duration::from_secs(10);
/// TCP bytes that stay unconfirmed for this long end the connection (TCP_USER_TIMEOUT, RFC 5482).
pub(super) const UNCONFIRMED: Duration = Duration::from_secs(20);
/// The longest path of a socket (`sockaddr_un`).
const PATH_MAX: usize = 107;

/// Where the records are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Datagrams to a host and port: a line each (RFC 5426).
    Udp(String, u16),
    /// A connection to a host and port, with octet counting (RFC 6587 3.4.1).
    Tcp(String, u16),
    /// Datagrams to a socket of this machine, such as `/dev/log`.
    Unix(PathBuf),
}

/// Not a target.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("syslog: {0} is no target: write udp:HOST:PORT, tcp:HOST:PORT or unix:/PATH, an IPv6 address in brackets")]
pub struct NoTarget(String);

impl FromStr for Target {
    type Err = NoTarget;

    fn from_str(text: &str) -> Result<Self, NoTarget> {
        let bad = || NoTarget(format!("\"{}\"", shown(text)));
        let (kind, rest) = text.split_once(':').ok_or_else(bad)?;
        match kind {
            "unix" if rest.starts_with('/') && rest.len() > 1 && rest.len() <= PATH_MAX && !rest.contains('\0') => {
                Ok(Self::Unix(rest.into()))
            }
            "udp" | "tcp" => {
                let (host, port) = host_port(rest).ok_or_else(bad)?;
                Ok(if kind == "udp" {
                    Self::Udp(host, port)
                } else {
                    Self::Tcp(host, port)
                })
            }
            _ => Err(bad()),
        }
    }
}

fn host_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let digits = port.bytes().all(|b| b.is_ascii_digit());
    let port = port.parse().ok().filter(|port| digits && *port != 0)?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.to_string(),
        None => {
            let name = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
            Some(host)
                .filter(|host| !host.is_empty() && host.bytes().all(name))?
                .to_owned()
        }
    };
    Some((host, port))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, host, port) = match self {
            Self::Udp(host, port) => ("udp", host, port),
            Self::Tcp(host, port) => ("tcp", host, port),
            Self::Unix(path) => return write!(f, "unix:{}", path.display()),
        };
        if host.contains(':') {
            write!(f, "{kind}:[{host}]:{port}")
        } else {
            write!(f, "{kind}:{host}:{port}")
        }
    }
}

/// An open way to a target.
pub(super) enum Link {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Unix(UnixDatagram),
}

/// How a link ended.
pub(super) enum End {
    /// The peer closed it in good order.
    Closed,
    /// What was sent last may not have arrived.
    Broken(io::Error),
}

impl Link {
    pub(super) async fn open(target: &Target) -> io::Result<Link> {
        timeout(CONNECT, Self::connect(target)).await?
    }

    async fn connect(target: &Target) -> io::Result<Link> {
        let (host, port) = match target {
            Target::Udp(host, port) | Target::Tcp(host, port) => (host.as_str(), *port),
            Target::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                return Ok(Link::Unix(socket));
            }
        };
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in lookup_host((host, port)).await? {
            let opened = match target {
                Target::Udp(..) => udp(address).await,
                _ => tcp(address).await,
            };
            match opened {
                Ok(link) => return Ok(link),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Hands all lines over. After an error none, some or all of them may have arrived, and the link is of no use.
    pub(super) async fn send(&mut self, lines: &[String]) -> io::Result<()> {
        timeout(SEND, self.carry(lines)).await?
    }

    async fn carry(&mut self, lines: &[String]) -> io::Result<()> {
        match self {
            Link::Udp(socket) => {
                for line in lines {
                    socket.send(line.as_bytes()).await?;
                }
            }
            Link::Unix(socket) => {
                for line in lines {
                    socket.send(line.as_bytes()).await?;
                }
            }
            Link::Tcp(stream) => {
                let bytes: String = lines.iter().map(|line| framed(line)).collect();
                stream.write_all(bytes.as_bytes()).await?;
            }
        }
        Ok(())
    }

    /// Returns when the link has ended by itself. What a peer says is passed over.
    pub(super) async fn ended(&self) -> End {
        let mut buffer = [0; 512];
        loop {
            let read = match self {
                Link::Udp(socket) => match socket.readable().await {
                    // An answer, even an empty one, ends nothing; an ICMP error does.
                    Ok(()) => socket.try_recv(&mut buffer).map(|_| 1),
                    Err(error) => Err(error),
                },
                Link::Tcp(stream) => match stream.readable().await {
                    Ok(()) => stream.try_read(&mut buffer),
                    Err(error) => Err(error),
                },
                Link::Unix(_) => std::future::pending().await,
            };
            match read {
                Ok(0) => return End::Closed,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return End::Broken(error),
            }
        }
    }

    /// The end in good order: what was written still arrives.
    pub(super) async fn close(self) {
        if let Link::Tcp(mut stream) = self {
            let _ = timeout(CONNECT, stream.shutdown()).await;
        }
    }
}

async fn udp(address: SocketAddr) -> io::Result<Link> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(address).await?;
    Ok(Link::Udp(socket))
}

async fn tcp(address: SocketAddr) -> io::Result<Link> {
    let stream = TcpStream::connect(address).await?;
    let millis = u32::try_from(UNCONFIRMED.as_millis()).unwrap_or(u32::MAX);
    setsockopt(&stream, sockopt::TcpUserTimeout, &millis)?;
    // A peer that vanished without a word is noticed also while nothing is sent.
    setsockopt(&stream, sockopt::KeepAlive, &true)?;
    setsockopt(&stream, sockopt::TcpKeepIdle, &30)?;
    setsockopt(&stream, sockopt::TcpKeepInterval, &10)?;
    Ok(Link::Tcp(stream))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn targets_read_and_show() {
        for (text, target) in [
            ("udp:192.0.2.5:514", Target::Udp("192.0.2.5".into(), 514)),
            (
                "tcp:log.contoso.example:6514",
                Target::Tcp("log.contoso.example".into(), 6514),
            ),
            ("tcp:[2001:db8::5]:514", Target::Tcp("2001:db8::5".into(), 514)),
            ("unix:/dev/log", Target::Unix("/dev/log".into())),
        ] {
            assert_eq!(text.parse::<Target>().unwrap(), target);
            assert_eq!(target.to_string(), text);
        }
        for bad in [
            "",
            "udp",
            "udp:",
            "udp:514",
            "udp:192.0.2.5",
            "udp:192.0.2.5:",
            "udp::514",
            "udp:h:0",
            "udp:h:65536",
            "udp:h:+514",
            "tcp:2001:db8::5:514",
            "tcp:[192.0.2.5]:514",
            "tcp:[::1:514",
            "tcp:a b:514",
            "tls:h:514",
            "TCP:h:514",
            "unix:",
            "unix:/",
            "unix:dev/log",
            "192.0.2.5:514",
        ] {
            let error = bad.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(bad) && error.contains("udp:HOST:PORT"), "{error}");
            assert!(!error.contains('\n'));
        }
        let long = format!("unix:/{}", "a".repeat(PATH_MAX));
        assert!(long.parse::<Target>().is_err());
    }
}
