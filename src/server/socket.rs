//! One UDP socket: many datagrams a call, each with the address that was asked, so that its reply leaves from there (R8). In: the
//! network; out: calls of [`Door::handle`]. Errors are counted and waited out, never the end.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockFlag, SockType, SockaddrIn,
    SockaddrIn6, SockaddrLike, SockaddrStorage, bind, getsockname, recvmmsg, sendmsg, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::door::Door;
use crate::door::reply::Origin;
use crate::pipeline::receive::{Arrival, Service};

/// Receive buffer asked of the kernel: a thousand logins answered at once come back in a burst.
pub const RECEIVE_BUFFER: usize = 4 << 20;
/// Datagrams taken in one call.
const BATCH: usize = 32;
/// One byte more than a RADIUS packet may have: what fills it is too long.
const DATAGRAM_MAX: usize = 4_097;
/// How often a quiet thread looks whether it should stop.
const LOOK_UP: i64 = 200;
/// After an error; doubled while it stays, to a second.
const ERROR_PAUSE: Duration = Duration::from_millis(5);

/// A bound socket.
pub struct Socket {
    fd: OwnedFd,
    /// Where it listens.
    pub address: SocketAddr,
    /// For what.
    pub service: Service,
    v6: bool,
}

impl Socket {
    /// Binds it. `own_v4`: the same port is served on IPv4 by a socket of its own.
    pub fn bind(address: SocketAddr, service: Service, own_v4: bool) -> io::Result<Socket> {
        let any_v6 = matches!(address.ip(), IpAddr::V6(ip) if ip.is_unspecified());
        match Self::open(address, service, own_v4) {
            Err(error) if any_v6 && no_ipv6(&error) => {
                tracing::warn!(%address, "there is no IPv6 here: IPv4 alone is served");
                Self::open(
                    SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())),
                    service,
                    false,
                )
            }
            other => other,
        }
    }

    fn open(address: SocketAddr, service: Service, own_v4: bool) -> io::Result<Socket> {
        let v6 = address.is_ipv6();
        let family = if v6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
        let fd = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
        if v6 {
            setsockopt(&fd, sockopt::Ipv6V6Only, &own_v4)?;
            setsockopt(&fd, sockopt::Ipv6RecvPacketInfo, &true)?;
        } else {
            setsockopt(&fd, sockopt::Ipv4PacketInfo, &true)?;
        }
        if setsockopt(&fd, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
            setsockopt(&fd, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
        }
        setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::milliseconds(LOOK_UP))?;
        bind(fd.as_raw_fd(), &SockaddrStorage::from(address))?;
        let bound: SockaddrStorage = getsockname(fd.as_raw_fd())?;
        Ok(Socket {
            address: address_of(&bound).unwrap_or(address),
            fd,
            service,
            v6,
        })
    }

    /// Receives until `stop`.
    pub(super) fn receive(&self, number: u16, door: &Arc<Door>, stop: &AtomicBool) {
        let mut buffers = vec![[0_u8; DATAGRAM_MAX]; BATCH];
        let mut headers = self.headers();
        let mut pause = ERROR_PAUSE;
        while !stop.load(Ordering::Acquire) {
            let mut without_address = false;
            {
                let mut slices: Vec<[IoSliceMut<'_>; 1]> = buffers.iter_mut().map(|b| [IoSliceMut::new(b)]).collect();
                match recvmmsg(
                    self.fd.as_raw_fd(),
                    &mut headers,
                    slices.iter_mut(),
                    MsgFlags::MSG_WAITFORONE,
                    None,
                ) {
                    Ok(messages) => {
                        pause = ERROR_PAUSE;
                        let (at, wall) = (Instant::now(), crate::clock::wall());
                        for message in messages {
                            let local = message.cmsgs().ok().and_then(|mut all| all.find_map(|one| asked(&one)));
                            without_address |= local.is_none();
                            let Some(source) = message.address.as_ref().and_then(address_of) else {
                                continue;
                            };
                            let source = unmapped(source);
                            let arrival = Arrival {
                                source,
                                socket: number,
                                service: self.service,
                                local,
                                at,
                                wall,
                            };
                            if let Some(datagram) = message.iovs().next() {
                                door.handle(datagram, &arrival);
                            } else {
                                door.handle(&[], &arrival);
                            }
                        }
                    }
                    Err(Errno::EAGAIN | Errno::EINTR) => {}
                    Err(error) => {
                        // ECONNREFUSED and the like speak of a datagram sent before; ENOMEM passes. Nothing ends the loop.
                        door.counters.receive_errors.add();
                        tracing::warn!(%error, "receiving failed; it goes on");
                        std::thread::sleep(pause);
                        pause = (pause * 2).min(Duration::from_secs(1));
                    }
                }
            }
            if without_address {
                // The kernel wrote a shorter control length into a header that is used again.
                headers = self.headers();
            }
        }
    }

    fn headers(&self) -> MultiHeaders<SockaddrStorage> {
        let space = if self.v6 {
            cmsg_space!(libc::in6_pktinfo)
        } else {
            cmsg_space!(libc::in_pktinfo)
        };
        MultiHeaders::preallocate(BATCH, Some(space))
    }

    /// Sends a reply from the address that was asked.
    pub(super) fn send(&self, bytes: &[u8], origin: &Origin) -> io::Result<()> {
        let iov = [IoSlice::new(bytes)];
        let sent = if self.v6 {
            let to = SockaddrIn6::from(as_v6(origin.source));
            let info = origin.local.map(|local| libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr {
                    s6_addr: mapped(local).octets(),
                },
                ipi6_ifindex: 0,
            });
            let from = info.as_ref().map(ControlMessage::Ipv6PacketInfo);
            sendmsg(self.fd.as_raw_fd(), &iov, from.as_slice(), MsgFlags::empty(), Some(&to))
        } else {
            let SocketAddr::V4(to) = origin.source else {
                return Err(io::ErrorKind::AddrNotAvailable.into());
            };
            let info = match origin.local {
                Some(IpAddr::V4(local)) => Some(libc::in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: libc::in_addr {
                        s_addr: u32::from(local).to_be(),
                    },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                }),
                _ => None,
            };
            let from = info.as_ref().map(ControlMessage::Ipv4PacketInfo);
            sendmsg(
                self.fd.as_raw_fd(),
                &iov,
                from.as_slice(),
                MsgFlags::empty(),
                Some(&SockaddrIn::from(to)),
            )
        };
        sent.map(drop).map_err(io::Error::from)
    }
}

fn no_ipv6(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL | Errno::EPROTONOSUPPORT)
    )
}

/// The address that was asked, by the packet's control message.
fn asked(message: &ControlMessageOwned) -> Option<IpAddr> {
    match message {
        // `ipi_spec_dst` is the local address of the packet; `ipi_addr` may be a broadcast address.
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr))))
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => {
            let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
            (!address.is_multicast()).then_some(IpAddr::V6(address))
        }
        _ => None,
    }
}

fn address_of(storage: &SockaddrStorage) -> Option<SocketAddr> {
    match storage.family()? {
        AddressFamily::Inet => storage.as_sockaddr_in().map(|a| SocketAddr::from((a.ip(), a.port()))),
        AddressFamily::Inet6 => storage
            .as_sockaddr_in6()
            .map(|a| SocketAddr::V6(SocketAddrV6::new(a.ip(), a.port(), a.flowinfo(), a.scope_id()))),
        _ => None,
    }
}

/// An IPv4-mapped address as IPv4 (R8); others as they are, with the scope that a link-local one needs.
fn unmapped(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::from((v4, address.port())),
        IpAddr::V6(_) => address,
    }
}

fn as_v6(address: SocketAddr) -> SocketAddrV6 {
    match address {
        SocketAddr::V6(address) => address,
        SocketAddr::V4(address) => SocketAddrV6::new(address.ip().to_ipv6_mapped(), address.port(), 0, 0),
    }
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}
