//! RADIUS as bytes (RFC 2865, 2866, 3579, 5997). In: one datagram or the parts of a reply; out: a checked view of it, or signed
//! bytes. No sockets, no clock, no random numbers: authenticators and identifiers are given by the caller.
//!
//! The numbers of codes and attributes come from the `radius` crate. The walk over the attributes, User-Password and every
//! signature are done here, since the crate keeps no order, cuts passwords at a NUL and cannot sign a reply's Message-Authenticator.
//!
//! - [`kinds`]: the numbers
//! - [`packet`]: a datagram whose shape was checked in one walk
//! - [`credential`]: what kind of proof an Access-Request carries
//! - [`shared_secret`]: a client's secret, prepared for hashing
//! - [`authenticator`]: Message-Authenticator and the authenticators of accounting and of replies, checked
//! - [`password`]: User-Password, both ways
//! - [`reply`], [`request`]: builders that sign

pub mod authenticator;
pub mod credential;
pub mod kinds;
pub mod packet;
pub mod password;
pub mod reply;
pub mod request;
pub mod shared_secret;

#[cfg(test)]
mod vectors;

pub use authenticator::{
    MessageAuthenticator, ReplyFault, accounting_authenticator_valid, message_authenticator, verify_reply,
};
pub use credential::Credential;
pub use packet::{Attribute, Malformed, Packet};
pub use password::{PasswordError, decode_user_password, encode_user_password};
pub use reply::{Reply, ReplyTo, eap_failure};
pub use request::Request;
pub use shared_secret::SharedSecret;

/// Length of the header in bytes: code, identifier, Length, authenticator (RFC 2865 section 3).
pub const HEADER_LEN: usize = 20;

/// The longest packet in bytes (RFC 2865 section 3).
pub const MAX_LEN: usize = 4096;

/// The longest value of one attribute in bytes: its length byte counts the two bytes before the value.
pub const MAX_VALUE_LEN: usize = 253;

/// A request or response authenticator (RFC 2865 section 3).
pub type Authenticator = [u8; 16];

/// Why a packet could not be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// An attribute's value is longer than [`MAX_VALUE_LEN`] bytes; the number is the attribute's kind.
    #[error("a value of attribute {0} is longer than 253 bytes: send less or split it")]
    ValueTooLong(u8),
    /// The whole packet is longer than [`MAX_LEN`] bytes.
    #[error("the packet would be longer than 4096 bytes: send fewer attributes")]
    PacketTooLong,
    /// The User-Password is longer than 128 bytes.
    #[error("the password is longer than 128 bytes, which is all that RADIUS can carry")]
    PasswordTooLong,
}
