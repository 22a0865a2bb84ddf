//! A datagram whose shape was checked. In: the bytes that came; out: a view of code, identifier, authenticator and attributes in
//! their order. Says nothing about who sent it: that is [`super::authenticator`]'s part. Allocates nothing.

use super::{Authenticator, HEADER_LEN, MAX_LEN, kinds};

/// Why a datagram is not a RADIUS packet. Such datagrams are dropped and counted, never answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Malformed {
    /// Fewer than 20 bytes.
    #[error("shorter than a RADIUS header (20 bytes)")]
    TooShort,
    /// More than 4096 bytes.
    #[error("longer than a RADIUS packet may be (4096 bytes)")]
    TooLong,
    /// The Length field says less than 20 or more than 4096.
    #[error("the Length field is not between 20 and 4096")]
    LengthField,
    /// The datagram ends before the Length field says.
    #[error("the datagram is shorter than its Length field says")]
    Truncated,
    /// An attribute's length byte is 0 or 1, or one byte is left where an attribute should be.
    #[error("an attribute is shorter than its own two bytes of header")]
    AttributeTooShort,
    /// An attribute reaches beyond the end of the packet.
    #[error("an attribute reaches beyond the end of the packet")]
    AttributeOverrun,
    /// A second User-Password, State or Message-Authenticator; the number is the attribute's kind.
    #[error("attribute {0} came twice and may come once")]
    Repeated(u8),
}

/// One attribute in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The attribute's number, one of [`kinds`] or another.
    pub kind: u8,
    /// What it holds, 0 to 253 bytes.
    pub value: &'a [u8],
    /// Where its kind byte stands, in bytes from the start of the packet.
    pub offset: usize,
}

/// A well-formed packet: the Length field holds, and so does every attribute's length.
#[derive(Clone, Copy)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    attributes: &'a [u8],
    code: u8,
    identifier: u8,
    authenticator: &'a Authenticator,
    message_authenticator: Option<Attribute<'a>>,
}

impl<'a> Packet<'a> {
    /// Checks a datagram's size, Length field (RFC 2865 section 3: bytes beyond it are padding and ignored) and every attribute's
    /// length, in one walk; refuses a second User-Password, State or Message-Authenticator.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Malformed> {
        if datagram.len() > MAX_LEN {
            return Err(Malformed::TooLong);
        }
        let header = datagram.first_chunk::<HEADER_LEN>().ok_or(Malformed::TooShort)?;
        let [code, identifier, high, low, authenticator @ ..] = header;
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if !(HEADER_LEN..=MAX_LEN).contains(&length) {
            return Err(Malformed::LengthField);
        }
        let bytes = datagram.get(..length).ok_or(Malformed::Truncated)?;
        let attributes = bytes.get(HEADER_LEN..).ok_or(Malformed::Truncated)?;

        let mut walk = Attributes::over(attributes);
        let (mut passwords, mut states, mut message_authenticator) = (0_u8, 0_u8, None);
        while let Some(attribute) = walk.advance()? {
            let seen_before = match attribute.kind {
                kinds::USER_PASSWORD => std::mem::replace(&mut passwords, 1) > 0,
                kinds::STATE => std::mem::replace(&mut states, 1) > 0,
                kinds::MESSAGE_AUTHENTICATOR => message_authenticator.replace(attribute).is_some(),
                _ => false,
            };
            if seen_before {
                return Err(Malformed::Repeated(attribute.kind));
            }
        }
        Ok(Self {
            bytes,
            attributes,
            code: *code,
            identifier: *identifier,
            authenticator,
            message_authenticator,
        })
    }

    /// The packet's code, one of [`kinds`] or another.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// The number that ties a reply to its request.
    pub fn identifier(&self) -> u8 {
        self.identifier
    }

    /// The request's or the reply's authenticator.
    pub fn authenticator(&self) -> &'a Authenticator {
        self.authenticator
    }

    /// The whole packet, without padding.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// All attributes in the order they came.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::over(self.attributes)
    }

    /// The value of the first attribute of this kind.
    pub fn first(&self, kind: u8) -> Option<&'a [u8]> {
        self.all(kind).next()
    }

    /// The values of all attributes of this kind, in order.
    pub fn all(&self, kind: u8) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.attributes()
            .filter(move |attribute| attribute.kind == kind)
            .map(|attribute| attribute.value)
    }

    /// The first attribute of this kind as a 32-bit number; nothing if there is none or it is not of four bytes.
    pub fn first_u32(&self, kind: u8) -> Option<u32> {
        self.first(kind)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// How many attributes of this kind there are.
    pub fn count(&self, kind: u8) -> usize {
        self.all(kind).count()
    }

    /// Whether there is an attribute of this kind.
    pub fn has(&self, kind: u8) -> bool {
        self.first(kind).is_some()
    }

    /// The Message-Authenticator in its place, not checked.
    pub(super) fn message_authenticator(&self) -> Option<Attribute<'a>> {
        self.message_authenticator
    }
}

/// Shows the size only: a packet holds an encoded password.
impl std::fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packet")
            .field("code", &self.code)
            .field("identifier", &self.identifier)
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// A walk over the attributes of a packet.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Attributes<'a> {
    fn over(attributes: &'a [u8]) -> Self {
        Self {
            rest: attributes,
            offset: HEADER_LEN,
        }
    }

    fn advance(&mut self) -> Result<Option<Attribute<'a>>, Malformed> {
        let (kind, length) = match self.rest {
            [] => return Ok(None),
            [kind, length, ..] if *length >= 2 => (*kind, usize::from(*length)),
            _ => return Err(Malformed::AttributeTooShort),
        };
        let (attribute, rest) = self.rest.split_at_checked(length).ok_or(Malformed::AttributeOverrun)?;
        let value = attribute.get(2..).unwrap_or_default();
        let offset = self.offset;
        self.rest = rest;
        self.offset += length;
        Ok(Some(Attribute { kind, value, offset }))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    /// The packet was walked when it was parsed, so an error cannot come here; it would end the walk.
    fn next(&mut self) -> Option<Attribute<'a>> {
        self.advance().ok().flatten()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A packet with these attribute bytes and a right Length field.
    fn packet(attributes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(HEADER_LEN + attributes.len()).unwrap();
        let mut bytes = vec![kinds::ACCESS_REQUEST, 7];
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&[0x5a; 16]);
        bytes.extend_from_slice(attributes);
        bytes
    }

    fn fault(datagram: &[u8]) -> Malformed {
        Packet::parse(datagram).expect_err("it is malformed")
    }

    #[test]
    fn rfc2865_3_header_and_attributes_are_read_in_order() {
        let bytes = packet(&[1, 6, b'a', b'n', b'n', b'a', 33, 2, 32, 3, b'v', 33, 3, b'x']);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!((packet.code(), packet.identifier()), (kinds::ACCESS_REQUEST, 7));
        assert_eq!(packet.authenticator(), &[0x5a; 16]);
        let seen: Vec<_> = packet.attributes().map(|a| (a.kind, a.value, a.offset)).collect();
        assert_eq!(
            seen,
            [
                (1, &b"anna"[..], 20),
                (33, &b""[..], 26),
                (32, &b"v"[..], 28),
                (33, &b"x"[..], 31)
            ]
        );
        assert_eq!(packet.first(kinds::PROXY_STATE), Some(&b""[..]));
        assert_eq!(packet.count(kinds::PROXY_STATE), 2);
        assert_eq!(packet.first(kinds::STATE), None);
        assert!(packet.has(kinds::USER_NAME) && !packet.has(kinds::STATE));
    }

    #[test]
    fn rfc2865_3_bytes_beyond_length_are_padding() {
        let mut bytes = packet(&[1, 3, b'a']);
        let whole = bytes.clone();
        bytes.extend_from_slice(&[0, 0, 1, 0]);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.bytes(), whole);
        assert_eq!(packet.attributes().count(), 1);
    }

    #[test]
    fn rfc2865_3_every_truncation_is_malformed() {
        let bytes = packet(&[1, 6, b'a', b'n', b'n', b'a', 32, 5, b'v', b'p', b'n']);
        for length in 0..bytes.len() {
            let expected = if length < HEADER_LEN {
                Malformed::TooShort
            } else {
                Malformed::Truncated
            };
            assert_eq!(fault(&bytes[..length]), expected, "cut to {length} bytes");
        }
        assert!(Packet::parse(&bytes).is_ok());
    }

    #[test]
    fn rfc2865_5_truncations_with_an_adapted_length_field_end_inside_an_attribute() {
        let attributes = [1, 6, b'a', b'n', b'n', b'a', 32, 5, b'v', b'p', b'n'];
        for cut in 0..attributes.len() {
            let bytes = packet(&attributes[..cut]);
            match cut {
                0 | 6 => assert!(Packet::parse(&bytes).is_ok()),
                1 | 7 => assert_eq!(fault(&bytes), Malformed::AttributeTooShort),
                _ => assert_eq!(fault(&bytes), Malformed::AttributeOverrun),
            }
        }
    }

    #[test]
    fn rfc2865_5_attribute_lengths_0_1_2_and_255() {
        assert_eq!(fault(&packet(&[1, 0, 0, 0])), Malformed::AttributeTooShort);
        assert_eq!(fault(&packet(&[1, 1, 0, 0])), Malformed::AttributeTooShort);
        assert!(Packet::parse(&packet(&[1, 2])).is_ok());
        let mut longest = vec![1, 255];
        longest.extend_from_slice(&[b'a'; 253]);
        assert_eq!(Packet::parse(&packet(&longest)).unwrap().first(1).unwrap().len(), 253);
        longest.pop();
        assert_eq!(fault(&packet(&longest)), Malformed::AttributeOverrun);
    }

    #[test]
    fn rfc2865_3_4096_bytes_are_read_and_4097_are_not() {
        let mut attributes = Vec::new();
        for _ in 0..15 {
            attributes.extend_from_slice(&[26, 255]);
            attributes.extend_from_slice(&[0; 253]);
        }
        attributes.extend_from_slice(&[26, 251]);
        attributes.extend_from_slice(&[0; 249]);
        let mut bytes = packet(&attributes);
        assert_eq!(bytes.len(), MAX_LEN);
        assert_eq!(Packet::parse(&bytes).unwrap().count(kinds::VENDOR_SPECIFIC), 16);
        bytes.push(0);
        assert_eq!(fault(&bytes), Malformed::TooLong);
    }

    #[test]
    fn rfc2865_3_length_fields_out_of_bounds() {
        let mut bytes = packet(&[]);
        for length in [0_u16, 1, 19, 4097, 65535] {
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            assert_eq!(fault(&bytes), Malformed::LengthField, "Length {length}");
        }
        bytes[2..4].copy_from_slice(&21_u16.to_be_bytes());
        assert_eq!(fault(&bytes), Malformed::Truncated);
    }

    #[test]
    fn r6_second_password_state_or_message_authenticator_is_malformed() {
        for kind in [kinds::USER_PASSWORD, kinds::STATE, kinds::MESSAGE_AUTHENTICATOR] {
            let one = [kind, 3, 1];
            assert!(Packet::parse(&packet(&one)).is_ok());
            let two = [kind, 3, 1, 1, 3, b'a', kind, 3, 2];
            assert_eq!(fault(&packet(&two)), Malformed::Repeated(kind));
        }
        assert!(Packet::parse(&packet(&[1, 3, b'a', 1, 3, b'b'])).is_ok());
    }

    #[test]
    fn rfc2865_5_33_200_proxy_states_keep_their_order() {
        let attributes: Vec<u8> = (0..200_u8).flat_map(|n| [kinds::PROXY_STATE, 3, n]).collect();
        let bytes = packet(&attributes);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.count(kinds::PROXY_STATE), 200);
        assert!(packet.all(kinds::PROXY_STATE).eq((0..200_u8).map(|n| [n])));
    }

    #[test]
    fn r21_a_packet_does_not_print_its_attributes() {
        let bytes = packet(&[2, 3, 0xee]);
        assert_eq!(
            format!("{:?}", Packet::parse(&bytes).unwrap()),
            "Packet { code: 1, identifier: 7, length: 23, .. }"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(datagram in proptest::collection::vec(any::<u8>(), 0..5000)) {
            if let Ok(packet) = Packet::parse(&datagram) {
                let walked: usize = packet.attributes().map(|a| a.value.len() + 2).sum();
                prop_assert_eq!(walked + HEADER_LEN, packet.bytes().len());
            }
        }

        #[test]
        fn any_attribute_bytes_never_panic(attributes in proptest::collection::vec(0_u8..6, 0..200)) {
            let bytes = packet(&attributes);
            if let Ok(packet) = Packet::parse(&bytes) {
                let walked: usize = packet.attributes().map(|a| a.value.len() + 2).sum();
                prop_assert_eq!(walked, attributes.len());
            }
        }
    }
}
