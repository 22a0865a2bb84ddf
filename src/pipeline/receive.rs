//! First stages of the way (R1): size and shape, client by source, authenticator. In: a datagram and where it came from; out:
//! [`Verified`], which only this file can make, or a [`Drop`] with its cause. Never answers, never looks at a name.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use super::clients::{ClientEntry, ClientTable};
use crate::audit::{Reason, Stages};
use crate::radius::authenticator::{MessageAuthenticator, accounting_authenticator_valid, message_authenticator};
use crate::radius::kinds;
use crate::radius::packet::Packet;
use crate::store::records::Timestamp;

/// Which service a socket gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// RFC 2865, port 1812.
    Authentication,
    /// RFC 2866, port 1813.
    Accounting,
}

/// Where and when a datagram came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Who sent it, IPv4-mapped addresses already unmapped.
    pub source: SocketAddr,
    /// Number of the listening socket.
    pub socket: u16,
    /// Its service.
    pub service: Service,
    /// The address that was asked: the reply leaves from there (R8).
    pub local: Option<IpAddr>,
    /// By the monotonic clock.
    pub at: Instant,
    /// By the wall clock.
    pub wall: Timestamp,
}

/// A datagram that is not answered, and why.
#[derive(Debug)]
pub struct Dropped {
    /// For counters and the log.
    pub reason: Reason,
    /// What was passed before.
    pub stages: Stages,
    /// The client, if it was known.
    pub client: Option<Arc<ClientEntry>>,
    /// More words for the log, if there are any.
    pub detail: Option<String>,
}

impl Dropped {
    fn new(reason: Reason, stages: Stages, client: Option<Arc<ClientEntry>>) -> Self {
        Self {
            reason,
            stages,
            client,
            detail: None,
        }
    }
}

/// A RADIUS packet by its form.
pub struct Shaped<'a> {
    packet: Packet<'a>,
}

/// A packet from a source that a client record names.
pub struct FromClient<'a> {
    packet: Packet<'a>,
    client: Arc<ClientEntry>,
}

/// A packet that knew the shared secret, as far as its kind can prove that.
pub struct Verified<'a> {
    packet: Packet<'a>,
    client: Arc<ClientEntry>,
}

/// Size and shape (RFC 2865 3).
pub fn shape<'a>(datagram: &'a [u8]) -> Result<Shaped<'a>, Dropped> {
    match Packet::parse(datagram) {
        Ok(packet) => Ok(Shaped { packet }),
        Err(malformed) => {
            let mut dropped = Dropped::new(Reason::Malformed, Stages::default(), None);
            dropped.detail = Some(malformed.to_string());
            Err(dropped)
        }
    }
}

impl<'a> Shaped<'a> {
    /// Client by source, the longest prefix.
    pub fn client(self, table: &ClientTable, source: SocketAddr) -> Result<FromClient<'a>, Dropped> {
        match table.find(source) {
            Some(client) => Ok(FromClient {
                packet: self.packet,
                client,
            }),
            None => Err(Dropped::new(Reason::UnknownClient, Stages::SHAPE, None)),
        }
    }
}

impl<'a> FromClient<'a> {
    /// Request Authenticator and Message-Authenticator (R6).
    pub fn verify(self, service: Service) -> Result<Verified<'a>, Dropped> {
        let Self { packet, client } = self;
        let passed = Stages::SHAPE.and(Stages::CLIENT);
        let refuse = |reason| Err(Dropped::new(reason, passed, Some(Arc::clone(&client))));
        let status_server = packet.code() == kinds::STATUS_SERVER;
        let fits = match service {
            Service::Authentication => status_server || packet.code() == kinds::ACCESS_REQUEST,
            Service::Accounting => status_server || packet.code() == kinds::ACCOUNTING_REQUEST,
        };
        if !fits {
            let mut dropped = Dropped::new(Reason::Malformed, passed, Some(Arc::clone(&client)));
            dropped.detail = Some(format!(
                "{} does not belong on this port",
                kinds::code_name(packet.code())
            ));
            return Err(dropped);
        }
        match message_authenticator(&packet, &client.secret) {
            MessageAuthenticator::Invalid => return refuse(Reason::WrongSecret),
            MessageAuthenticator::Valid => {}
            MessageAuthenticator::Absent if packet.code() == kinds::ACCOUNTING_REQUEST => {}
            MessageAuthenticator::Absent => {
                if status_server || packet.has(kinds::PROXY_STATE) || packet.has(kinds::EAP_MESSAGE) {
                    return refuse(if client.record.require_message_authenticator && !status_server {
                        Reason::NoMessageAuthenticator
                    } else {
                        Reason::UnprotectedProxy
                    });
                }
                if client.record.require_message_authenticator {
                    return refuse(Reason::NoMessageAuthenticator);
                }
            }
        }
        if packet.code() == kinds::ACCOUNTING_REQUEST && !accounting_authenticator_valid(&packet, &client.secret) {
            return refuse(Reason::WrongSecret);
        }
        Ok(Verified { packet, client })
    }
}

impl<'a> Verified<'a> {
    /// What may be looked at from here on.
    pub fn packet(&self) -> &Packet<'a> {
        &self.packet
    }

    /// Whose packet.
    pub fn client(&self) -> &Arc<ClientEntry> {
        &self.client
    }
}
