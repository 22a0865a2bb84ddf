//! Whether a packet comes from someone who knows the shared secret. In: a packet and a secret; out: absent, valid or invalid.
//! Compares in constant time. Whether an absent Message-Authenticator is good enough is not decided here (R6).

use subtle::ConstantTimeEq;

use super::{Authenticator, HEADER_LEN, Malformed, Packet, SharedSecret, kinds};

/// What was found where a Message-Authenticator belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageAuthenticator {
    /// There is none.
    Absent,
    /// There is one, and its sender knows the secret.
    Valid,
    /// There is one that does not fit, or it is not of 16 bytes.
    Invalid,
}

/// Checks a request's Message-Authenticator (RFC 3579 section 3.2): HMAC-MD5 over the packet with the field itself zeroed.
/// In Access-Request and Status-Server (RFC 5997 section 3) the request authenticator stands as it came. In accounting and dynamic
/// authorization requests it is computed after the Message-Authenticator, so it counts as zero (RFC 5176 section 3.4, which accounting
/// clients follow too).
pub fn message_authenticator(packet: &Packet<'_>, secret: &SharedSecret) -> MessageAuthenticator {
    let zero = [0; 16];
    let authenticator = match packet.code() {
        kinds::ACCESS_REQUEST | kinds::STATUS_SERVER => packet.authenticator(),
        _ => &zero,
    };
    check(packet, authenticator, secret)
}

/// The check for any packet, with the authenticator that its kind asks for.
fn check(packet: &Packet<'_>, authenticator: &Authenticator, secret: &SharedSecret) -> MessageAuthenticator {
    let Some(found) = packet.message_authenticator() else {
        return MessageAuthenticator::Absent;
    };
    let bytes = packet.bytes();
    let parts = (
        bytes.get(..4),
        bytes.get(HEADER_LEN..found.offset + 2),
        bytes.get(found.offset + 2 + 16..),
    );
    let (16, (Some(start), Some(before), Some(after))) = (found.value.len(), parts) else {
        return MessageAuthenticator::Invalid;
    };
    let expected = secret.hmac(&[start, authenticator, before, &[0; 16], after]);
    if bool::from(expected.ct_eq(found.value)) {
        MessageAuthenticator::Valid
    } else {
        MessageAuthenticator::Invalid
    }
}

/// Checks the request authenticator of an Accounting-Request (RFC 2866 section 3): MD5 over the packet with that field zeroed, then
/// the secret.
pub fn accounting_authenticator_valid(packet: &Packet<'_>, secret: &SharedSecret) -> bool {
    authenticator_fits(packet, &[0; 16], secret)
}

/// MD5 over code, identifier, Length, the given authenticator, the attributes and the secret is the packet's own authenticator.
fn authenticator_fits(packet: &Packet<'_>, authenticator: &Authenticator, secret: &SharedSecret) -> bool {
    let (Some(start), Some(attributes)) = (packet.bytes().get(..4), packet.bytes().get(HEADER_LEN..)) else {
        return false;
    };
    let expected = secret.md5_after(&[start, authenticator, attributes]);
    expected.ct_eq(packet.authenticator()).into()
}

/// Why a reply cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyFault {
    /// It is no RADIUS packet.
    #[error("the reply is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// Its Response Authenticator does not fit.
    #[error("the reply's authenticator does not fit: check that both sides have the same shared secret")]
    Authenticator,
    /// Its Message-Authenticator does not fit.
    #[error("the reply's Message-Authenticator does not fit: check that both sides have the same shared secret")]
    MessageAuthenticator,
}

/// Checks a reply against the authenticator of its request: the Response Authenticator (RFC 2865 section 3) and, where there is one,
/// the Message-Authenticator (RFC 3579 section 3.2). The result is `Absent` or `Valid`; a caller that acts on an Access-Accept must
/// insist on `Valid`, since without it the reply can be forged (CVE-2024-3596). The identifier is the caller's to compare.
pub fn verify_reply(
    reply: &[u8],
    request_authenticator: &Authenticator,
    secret: &SharedSecret,
) -> Result<MessageAuthenticator, ReplyFault> {
    let packet = Packet::parse(reply)?;
    if !authenticator_fits(&packet, request_authenticator, secret) {
        return Err(ReplyFault::Authenticator);
    }
    match check(&packet, request_authenticator, secret) {
        MessageAuthenticator::Invalid => Err(ReplyFault::MessageAuthenticator),
        found => Ok(found),
    }
}
