//! Replies, built and signed. In: what a reply needs of its request, a code, attributes; out: signed bytes. It owns what it needs,
//! so it can be signed when the request's datagram is gone. Never cuts a packet short: what does not fit is an error.

use super::{Authenticator, BuildError, HEADER_LEN, MAX_LEN, MAX_VALUE_LEN, Packet, SharedSecret, kinds};

/// What a reply needs of its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyTo {
    /// The request's identifier.
    pub identifier: u8,
    /// The request's authenticator.
    pub authenticator: Authenticator,
    /// The request was a Status-Server: its reply carries a Message-Authenticator whatever its code (RFC 5997 section 3).
    pub status_server: bool,
    /// The request's Proxy-State attributes as they came, header bytes included.
    proxy_states: Vec<u8>,
}

impl ReplyTo {
    /// Copies what is needed; allocates only if there are Proxy-States.
    pub fn of(request: &Packet<'_>) -> Self {
        Self {
            identifier: request.identifier(),
            authenticator: *request.authenticator(),
            status_server: request.code() == kinds::STATUS_SERVER,
            proxy_states: proxy_states(request),
        }
    }
}

fn proxy_states(request: &Packet<'_>) -> Vec<u8> {
    let mut all = Vec::new();
    for attribute in request.attributes().filter(|a| a.kind == kinds::PROXY_STATE) {
        let end = attribute.offset + 2 + attribute.value.len();
        all.extend_from_slice(request.bytes().get(attribute.offset..end).unwrap_or_default());
    }
    all
}

/// A reply in the making. Attributes stand in the order they were added, behind the Message-Authenticator; the request's
/// Proxy-States come last, unchanged and in their order (RFC 2865 section 5.33).
#[derive(Clone)]
pub struct Reply {
    bytes: Vec<u8>,
    signs_message: bool,
    proxy_states: Vec<u8>,
    error: Option<BuildError>,
}

impl Reply {
    /// A reply of this code to a request, with its Proxy-States.
    pub fn to(code: u8, request: &Packet<'_>) -> Self {
        Self::new(code, &ReplyTo::of(request))
    }

    /// As [`Reply::to`], when the request itself is gone.
    pub fn new(code: u8, to: &ReplyTo) -> Self {
        let mut reply = Self::start(code, to.identifier, &to.authenticator, to.status_server);
        reply.proxy_states.clone_from(&to.proxy_states);
        reply
    }

    /// A reply from the bare parts: no Proxy-States.
    pub fn to_parts(code: u8, identifier: u8, authenticator: &Authenticator) -> Self {
        Self::start(code, identifier, authenticator, false)
    }

    /// Access-Accept, -Reject and -Challenge begin with a Message-Authenticator (R6), and so does every reply to a Status-Server.
    fn start(code: u8, identifier: u8, authenticator: &Authenticator, status_server: bool) -> Self {
        let signs_message = status_server
            || matches!(
                code,
                kinds::ACCESS_ACCEPT | kinds::ACCESS_REJECT | kinds::ACCESS_CHALLENGE
            );
        Self {
            bytes: start(code, identifier, authenticator, signs_message),
            signs_message,
            proxy_states: Vec::new(),
            error: None,
        }
    }

    /// Adds an attribute. A value over 253 bytes is an error that [`Reply::sign`] tells.
    pub fn attribute(mut self, kind: u8, value: &[u8]) -> Self {
        if let Err(error) = push(&mut self.bytes, kind, value) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Adds text as Reply-Message attributes of up to 253 bytes each, split between characters. Empty text adds none.
    pub fn reply_message(mut self, text: &str) -> Self {
        let mut rest = text;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.floor_char_boundary(MAX_VALUE_LEN));
            self = self.attribute(kinds::REPLY_MESSAGE, now.as_bytes());
            rest = later;
        }
        self
    }

    /// Takes the Proxy-States of this request, in the place of those that the reply had.
    pub fn proxy_states_of(mut self, request: &Packet<'_>) -> Self {
        self.proxy_states = proxy_states(request);
        self
    }

    /// The signed bytes: Message-Authenticator (RFC 3579 section 3.2), HMAC-MD5 with the request's authenticator in the header, then the
    /// Response Authenticator (RFC 2865 section 3), MD5 over the same with the secret at its end.
    pub fn sign(self, secret: &SharedSecret) -> Result<Vec<u8>, BuildError> {
        let mut bytes = self.bytes;
        bytes.extend_from_slice(&self.proxy_states);
        finish(&mut bytes, self.error)?;
        if self.signs_message {
            put_message_authenticator(&mut bytes, secret);
        }
        let authenticator = secret.md5_after(&[&bytes]);
        put_authenticator(&mut bytes, &authenticator);
        Ok(bytes)
    }
}

/// Shows the code and size only.
impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply")
            .field("code", &self.bytes.first())
            .field("length", &(self.bytes.len() + self.proxy_states.len()))
            .finish_non_exhaustive()
    }
}

/// The value of an EAP-Message that ends an EAP conversation with Failure (RFC 3748 section 4.2), for the identifier of the request's
/// own EAP-Message ([`eap_identifier`]).
pub fn eap_failure(identifier: u8) -> [u8; 4] {
    [4, identifier, 0, 4]
}

/// The identifier in the request's first EAP-Message: its second byte (RFC 3748 section 4).
pub fn eap_identifier(request: &Packet<'_>) -> Option<u8> {
    request.first(kinds::EAP_MESSAGE)?.get(1).copied()
}

/// A packet's first bytes; with room for a Message-Authenticator as first attribute where one is wanted.
pub(super) fn start(code: u8, identifier: u8, authenticator: &Authenticator, with_message: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend_from_slice(&[code, identifier, 0, 0]);
    bytes.extend_from_slice(authenticator);
    if with_message {
        bytes.extend_from_slice(&[kinds::MESSAGE_AUTHENTICATOR, 18]);
        bytes.extend_from_slice(&[0; 16]);
    }
    bytes
}

/// Adds one attribute.
pub(super) fn push(bytes: &mut Vec<u8>, kind: u8, value: &[u8]) -> Result<(), BuildError> {
    let length = match u8::try_from(value.len() + 2) {
        Ok(length) if value.len() <= MAX_VALUE_LEN => length,
        _ => return Err(BuildError::ValueTooLong(kind)),
    };
    bytes.extend_from_slice(&[kind, length]);
    bytes.extend_from_slice(value);
    Ok(())
}

/// Writes the Length field, or tells the first error.
pub(super) fn finish(bytes: &mut [u8], error: Option<BuildError>) -> Result<(), BuildError> {
    if let Some(error) = error {
        return Err(error);
    }
    match (u16::try_from(bytes.len()), bytes.get_mut(2..4)) {
        (Ok(length), Some(field)) if usize::from(length) <= MAX_LEN => {
            field.copy_from_slice(&length.to_be_bytes());
            Ok(())
        }
        _ => Err(BuildError::PacketTooLong),
    }
}

/// Fills the Message-Authenticator that [`start`] made room for.
pub(super) fn put_message_authenticator(bytes: &mut [u8], secret: &SharedSecret) {
    let hmac = secret.hmac(&[bytes]);
    if let Some(field) = bytes.get_mut(HEADER_LEN + 2..HEADER_LEN + 18) {
        field.copy_from_slice(&hmac);
    }
}

/// Writes the header's authenticator.
pub(super) fn put_authenticator(bytes: &mut [u8], authenticator: &Authenticator) {
    if let Some(field) = bytes.get_mut(4..HEADER_LEN) {
        field.copy_from_slice(authenticator);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::radius::{MessageAuthenticator, Request, verify_reply};
    use crate::secret::Secret;
    use proptest::prelude::*;

    fn secret() -> SharedSecret {
        SharedSecret::new(&Secret::from("xyzzy5461"))
    }

    fn request(attributes: &[(u8, &[u8])]) -> Vec<u8> {
        let mut request = Request::access(9, [0x33; 16]);
        for (kind, value) in attributes {
            request = request.attribute(*kind, value);
        }
        request.sign(&secret()).unwrap()
    }

    #[test]
    fn r6_message_authenticator_is_first_in_accept_reject_and_challenge() {
        let asked = request(&[]);
        let asked = Packet::parse(&asked).unwrap();
        for code in [kinds::ACCESS_ACCEPT, kinds::ACCESS_REJECT, kinds::ACCESS_CHALLENGE] {
            let bytes = Reply::to(code, &asked)
                .attribute(kinds::CLASS, b"vpn")
                .sign(&secret())
                .unwrap();
            let reply = Packet::parse(&bytes).unwrap();
            assert_eq!((reply.code(), reply.identifier()), (code, 9));
            let order: Vec<u8> = reply.attributes().map(|a| a.kind).collect();
            assert_eq!(order, [kinds::MESSAGE_AUTHENTICATOR, kinds::CLASS]);
            assert_eq!(
                verify_reply(&bytes, &[0x33; 16], &secret()),
                Ok(MessageAuthenticator::Valid)
            );
        }
    }

    #[test]
    fn rfc2866_an_accounting_response_has_none_unless_status_server_asked() {
        let bytes = Reply::to_parts(kinds::ACCOUNTING_RESPONSE, 1, &[3; 16])
            .sign(&secret())
            .unwrap();
        assert_eq!(bytes.len(), HEADER_LEN);
        assert_eq!(
            verify_reply(&bytes, &[3; 16], &secret()),
            Ok(MessageAuthenticator::Absent)
        );
        let asked = Request::status_server(1, [3; 16]).sign(&secret()).unwrap();
        let asked = Packet::parse(&asked).unwrap();
        let bytes = Reply::to(kinds::ACCOUNTING_RESPONSE, &asked).sign(&secret()).unwrap();
        assert_eq!(
            verify_reply(&bytes, &[3; 16], &secret()),
            Ok(MessageAuthenticator::Valid)
        );
    }

    #[test]
    fn rfc2865_5_33_200_proxy_states_come_back_in_order_when_the_datagram_is_gone() {
        let states: Vec<[u8; 12]> = (0..200_u8).map(|n| [n; 12]).collect();
        let attributes: Vec<(u8, &[u8])> = states.iter().map(|s| (kinds::PROXY_STATE, &s[..])).collect();
        let bytes = request(&attributes);
        let to = ReplyTo::of(&Packet::parse(&bytes).unwrap());
        drop(bytes);
        let bytes = Reply::new(kinds::ACCESS_REJECT, &to).sign(&secret()).unwrap();
        let reply = Packet::parse(&bytes).unwrap();
        assert!(reply.all(kinds::PROXY_STATE).eq(states.iter().map(|s| &s[..])));
        assert!(verify_reply(&bytes, &[0x33; 16], &secret()).is_ok());
    }

    #[test]
    fn rfc2865_5_33_proxy_states_are_never_echoed_twice() {
        let bytes = request(&[
            (kinds::PROXY_STATE, b"a"),
            (kinds::USER_NAME, b"n"),
            (kinds::PROXY_STATE, b""),
        ]);
        let asked = Packet::parse(&bytes).unwrap();
        let reply = Reply::to(kinds::ACCESS_ACCEPT, &asked)
            .proxy_states_of(&asked)
            .sign(&secret())
            .unwrap();
        let reply = Packet::parse(&reply).unwrap();
        assert!(reply.all(kinds::PROXY_STATE).eq([&b"a"[..], b""]));
    }

    #[test]
    fn rfc2865_3_what_does_not_fit_is_an_error() {
        let reply = || Reply::to_parts(kinds::ACCESS_ACCEPT, 1, &[0; 16]);
        assert_eq!(
            reply().attribute(25, &[0; 254]).sign(&secret()),
            Err(BuildError::ValueTooLong(25))
        );
        assert_eq!(
            reply().attribute(25, &[0; 70_000]).sign(&secret()),
            Err(BuildError::ValueTooLong(25))
        );
        let full = (0..15).fold(reply(), |reply, _| reply.attribute(25, &[0; 253]));
        let exactly = full
            .clone()
            .attribute(25, &[0; MAX_LEN - HEADER_LEN - 18 - 15 * 255 - 2]);
        assert_eq!(exactly.clone().sign(&secret()).unwrap().len(), MAX_LEN);
        assert_eq!(
            exactly.attribute(25, &[]).sign(&secret()),
            Err(BuildError::PacketTooLong)
        );
    }

    #[test]
    fn rfc2865_5_18_reply_message_is_split_between_characters() {
        let text = format!("a{}", "ä€".repeat(200));
        let bytes = Reply::to_parts(kinds::ACCESS_CHALLENGE, 1, &[0; 16])
            .reply_message(&text)
            .sign(&secret())
            .unwrap();
        let reply = Packet::parse(&bytes).unwrap();
        let parts: Vec<&str> = reply
            .all(kinds::REPLY_MESSAGE)
            .map(|part| std::str::from_utf8(part).expect("whole characters"))
            .collect();
        assert_eq!(parts.len(), 4);
        assert_eq!(parts.concat(), text);
        let none = Reply::to_parts(kinds::ACCESS_CHALLENGE, 1, &[0; 16])
            .reply_message("")
            .sign(&secret())
            .unwrap();
        assert!(!Packet::parse(&none).unwrap().has(kinds::REPLY_MESSAGE));
    }

    #[test]
    fn rfc3748_4_2_eap_is_refused_with_failure() {
        let bytes = request(&[(kinds::EAP_MESSAGE, &[2, 77, 0, 9, 1, b'a', b'n', b'n', b'a'])]);
        let identifier = eap_identifier(&Packet::parse(&bytes).unwrap()).unwrap();
        assert_eq!(eap_failure(identifier), [4, 77, 0, 4]);
        assert_eq!(eap_identifier(&Packet::parse(&request(&[(79, &[2])])).unwrap()), None);
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed() {
        let bytes = Reply::to_parts(kinds::ACCESS_REJECT, 1, &[3; 16])
            .reply_message("no")
            .sign(&secret())
            .unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(verify_reply(&changed, &[3; 16], &secret()).is_err(), "byte {at}");
        }
        assert!(verify_reply(&bytes, &[4; 16], &secret()).is_err());
        assert!(verify_reply(&bytes, &[3; 16], &SharedSecret::new(&Secret::from("other"))).is_err());
    }

    proptest! {
        #[test]
        fn any_attributes_come_back(
            code in prop::sample::select(vec![2_u8, 3, 5, 11]), id: u8, ra: [u8; 16],
            attributes in prop::collection::vec((90_u8.., prop::collection::vec(any::<u8>(), 0..=253)), 0..12),
        ) {
            let mut reply = Reply::to_parts(code, id, &ra);
            for (kind, value) in &attributes {
                reply = reply.attribute(*kind, value);
            }
            let bytes = reply.sign(&secret()).unwrap();
            prop_assert!(verify_reply(&bytes, &ra, &secret()).is_ok());
            let packet = Packet::parse(&bytes).unwrap();
            let skip = usize::from(code != 5);
            let seen: Vec<_> = packet.attributes().skip(skip).map(|a| (a.kind, a.value.to_vec())).collect();
            prop_assert_eq!(seen, attributes);
        }
    }
}
