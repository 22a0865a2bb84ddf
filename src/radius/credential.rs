//! What kind of proof an Access-Request carries. In: a packet; out: the kind, with the encoded password where it is PAP.
//! Decodes and decides nothing.

use super::{Packet, kinds};

/// The proof in an Access-Request. Only PAP can be checked against a directory and a code; the others are told apart so that
/// the log can say what to set on the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// User-Password, still encoded ([`super::decode_user_password`]).
    Pap(&'a [u8]),
    /// CHAP-Password (RFC 2865 section 5.3).
    Chap,
    /// MS-CHAP-Response, or a lone MS-CHAP-Challenge (RFC 2548 section 2.1).
    MsChap,
    /// MS-CHAP2-Response (RFC 2548 section 2.3).
    MsChapV2,
    /// EAP-Message (RFC 3579); it comes before the others, since RFC 3579 section 3.1 allows none beside it.
    Eap,
    /// None of these.
    None,
}

impl<'a> Credential<'a> {
    /// Looks through the attributes. Where there are several kinds, EAP comes first, then PAP, CHAP, MS-CHAPv2 and MS-CHAP.
    pub fn of(packet: &Packet<'a>) -> Self {
        let mut found = Self::None;
        for attribute in packet.attributes() {
            let here = match attribute.kind {
                kinds::EAP_MESSAGE => return Self::Eap,
                kinds::USER_PASSWORD => Self::Pap(attribute.value),
                kinds::CHAP_PASSWORD => Self::Chap,
                kinds::VENDOR_SPECIFIC => microsoft(attribute.value),
                _ => continue,
            };
            if here.rank() > found.rank() {
                found = here;
            }
        }
        found
    }

    fn rank(&self) -> u8 {
        match self {
            Self::None => 0,
            Self::MsChap => 1,
            Self::MsChapV2 => 2,
            Self::Chap => 3,
            Self::Pap(_) => 4,
            Self::Eap => 5,
        }
    }

    /// The kind in words, for the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pap(_) => "PAP",
            Self::Chap => "CHAP",
            Self::MsChap => "MS-CHAP",
            Self::MsChapV2 => "MS-CHAPv2",
            Self::Eap => "EAP",
            Self::None => "no password",
        }
    }
}

/// One Vendor-Specific value: vendor number in four bytes, then attributes of the usual shape (RFC 2865 section 5.26).
fn microsoft<'a>(value: &[u8]) -> Credential<'a> {
    let Some((vendor, mut rest)) = value.split_first_chunk::<4>() else {
        return Credential::None;
    };
    let mut found = Credential::None;
    if u32::from_be_bytes(*vendor) != kinds::VENDOR_MICROSOFT {
        return found;
    }
    while let [kind, length, ..] = rest {
        match *kind {
            kinds::MS_CHAP2_RESPONSE => return Credential::MsChapV2,
            kinds::MS_CHAP_RESPONSE | kinds::MS_CHAP_CHALLENGE => found = Credential::MsChap,
            _ => {}
        }
        rest = rest.get(usize::from(*length).max(2)..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::radius::Request;
    use crate::radius::SharedSecret;
    use crate::secret::Secret;
    use proptest::prelude::*;

    fn name_of(attributes: &[(u8, &[u8])]) -> &'static str {
        let mut request = Request::access(1, [0; 16]);
        for (kind, value) in attributes {
            request = request.attribute(*kind, value);
        }
        let bytes = request.sign(&SharedSecret::new(&Secret::from("s"))).unwrap();
        Credential::of(&Packet::parse(&bytes).unwrap()).name()
    }

    fn vendor(number: u32, inner: &[u8]) -> Vec<u8> {
        [&number.to_be_bytes()[..], inner].concat()
    }

    #[test]
    fn each_kind_is_told_apart() {
        assert_eq!(name_of(&[]), "no password");
        assert_eq!(name_of(&[(2, &[0; 16])]), "PAP");
        assert_eq!(name_of(&[(3, &[0; 17])]), "CHAP");
        assert_eq!(
            name_of(&[(26, &vendor(311, &[11, 3, 0])), (26, &vendor(311, &[1, 3, 0]))]),
            "MS-CHAP"
        );
        assert_eq!(
            name_of(&[(26, &vendor(311, &[11, 3, 0])), (26, &vendor(311, &[25, 3, 0]))]),
            "MS-CHAPv2"
        );
        assert_eq!(name_of(&[(26, &vendor(311, &[11, 3, 0, 25, 3, 0]))]), "MS-CHAPv2");
        assert_eq!(name_of(&[(79, &[2, 1, 0, 4])]), "EAP");
        assert_eq!(name_of(&[(26, &vendor(9, &[25, 3, 0]))]), "no password");
        assert_eq!(name_of(&[(26, &[0, 0, 1])]), "no password");
    }

    #[test]
    fn eap_comes_first_and_pap_before_chap() {
        assert_eq!(name_of(&[(2, &[0; 16]), (79, &[2, 1, 0, 4])]), "EAP");
        assert_eq!(name_of(&[(3, &[0; 17]), (2, &[0; 16])]), "PAP");
        assert_eq!(name_of(&[(2, &[0; 16]), (3, &[0; 17])]), "PAP");
    }

    proptest! {
        #[test]
        fn any_vendor_bytes_never_panic(inner in proptest::collection::vec(any::<u8>(), 0..60)) {
            name_of(&[(26, &vendor(311, &inner))]);
        }
    }
}
