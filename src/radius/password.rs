//! User-Password both ways (RFC 2865 section 5.2). In: the attribute's value or a password, the request's authenticator and the
//! shared secret; out: the other of the two. Never compares a password with anything.

use super::{Authenticator, BuildError, SharedSecret};
use crate::secret::Secret;

/// The longest password in bytes, and the longest value of a User-Password.
pub const MAX_PASSWORD_LEN: usize = 128;

/// Why a User-Password cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The value is not of 16, 32, ... 128 bytes. The number is what it has.
    #[error("User-Password has {0} bytes instead of 16, 32, ... 128: the client is broken, or it is not PAP")]
    Length(usize),
    /// There is a NUL before the padding (R5): a wrong shared secret, or a password that directories would cut.
    #[error("the password has a NUL inside: the shared secret is wrong, or the password must be changed")]
    NulInside,
}

/// Decodes a User-Password. Only the NULs at the end are padding and cut; one inside is refused (R5). An empty password comes out
/// as an empty secret: whether it may stand is the pipeline's question.
pub fn decode_user_password(
    value: &[u8],
    authenticator: &Authenticator,
    secret: &SharedSecret,
) -> Result<Secret, PasswordError> {
    let (blocks, rest) = value.as_chunks::<16>();
    if !rest.is_empty() || blocks.is_empty() || value.len() > MAX_PASSWORD_LEN {
        return Err(PasswordError::Length(value.len()));
    }
    let mut plain = zeroize::Zeroizing::new([0_u8; MAX_PASSWORD_LEN]);
    let mut before = authenticator;
    for (out, block) in plain.as_chunks_mut::<16>().0.iter_mut().zip(blocks) {
        *out = xor(&secret.md5_before(before), block);
        before = block;
    }
    // What lies behind the value's length is zero from the start, so it goes with the padding.
    let end = plain.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let password = plain.get(..end).unwrap_or_default();
    if password.contains(&0) {
        return Err(PasswordError::NulInside);
    }
    Ok(Secret::new(password.to_vec()))
}

/// Encodes a password of up to 128 bytes: padded with NULs to 16, 32, ... 128 bytes; an empty one is one block of padding.
pub fn encode_user_password(
    password: &[u8],
    authenticator: &Authenticator,
    secret: &SharedSecret,
) -> Result<Vec<u8>, BuildError> {
    if password.len() > MAX_PASSWORD_LEN {
        return Err(BuildError::PasswordTooLong);
    }
    let mut value = Vec::with_capacity(MAX_PASSWORD_LEN);
    let mut before = *authenticator;
    let mut rest = password;
    loop {
        let (now, later) = rest.split_at_checked(16).unwrap_or((rest, &[]));
        let mut block = zeroize::Zeroizing::new([0_u8; 16]);
        for (to, from) in block.iter_mut().zip(now) {
            *to = *from;
        }
        before = xor(&secret.md5_before(&before), &block);
        value.extend_from_slice(&before);
        rest = later;
        if rest.is_empty() {
            return Ok(value);
        }
    }
}

fn xor(a: &[u8; 16], b: &[u8; 16]) -> [u8; 16] {
    (u128::from_ne_bytes(*a) ^ u128::from_ne_bytes(*b)).to_ne_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use ::radius::core::avp::AVP;
    use proptest::prelude::*;

    fn secret() -> SharedSecret {
        SharedSecret::new(&Secret::from("xyzzy5461"))
    }

    fn roundtrip(password: &[u8]) -> Result<Secret, PasswordError> {
        let value = encode_user_password(password, &[7; 16], &secret()).unwrap();
        decode_user_password(&value, &[7; 16], &secret())
    }

    #[test]
    fn rfc2865_5_2_empty_128_and_129_bytes() {
        assert_eq!(encode_user_password(b"", &[7; 16], &secret()).unwrap().len(), 16);
        assert_eq!(roundtrip(b"").unwrap().expose(), b"");
        assert_eq!(
            encode_user_password(&[b'p'; 128], &[7; 16], &secret()).unwrap().len(),
            128
        );
        assert_eq!(roundtrip(&[b'p'; 128]).unwrap().expose(), [b'p'; 128]);
        assert_eq!(
            encode_user_password(&[b'p'; 129], &[7; 16], &secret()),
            Err(BuildError::PasswordTooLong)
        );
    }

    #[test]
    fn rfc2865_5_2_values_of_a_wrong_length() {
        for length in (0..=253).filter(|length| length % 16 != 0 || *length == 0 || *length > 128) {
            assert_eq!(
                decode_user_password(&vec![0x5a; length], &[7; 16], &secret()),
                Err(PasswordError::Length(length))
            );
        }
    }

    #[test]
    fn r5_a_nul_inside_is_refused_and_padding_is_cut() {
        assert_eq!(roundtrip(b"correct\0horse"), Err(PasswordError::NulInside));
        assert_eq!(roundtrip(b"\0horse"), Err(PasswordError::NulInside));
        assert_eq!(
            roundtrip(&[&[b'p'; 16][..], b"\0", b"q"].concat()),
            Err(PasswordError::NulInside)
        );
        assert_eq!(roundtrip(b"horse\0\0\0").unwrap().expose(), b"horse");
        assert_eq!(roundtrip(&[0; 128]).unwrap().expose(), b"");
    }

    #[test]
    fn r21_errors_do_not_tell_the_password() {
        let error = roundtrip(b"hush\0hush").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hush"));
    }

    proptest! {
        #[test]
        fn rfc2865_5_2_roundtrip(password in proptest::collection::vec(1_u8.., 0..=128), ra: [u8; 16], key in "[ -~]{1,80}") {
            let secret = SharedSecret::new(&Secret::from(key.as_str()));
            let value = encode_user_password(&password, &ra, &secret).unwrap();
            let decoded = decode_user_password(&value, &ra, &secret).unwrap();
            prop_assert_eq!(decoded.expose(), &password[..]);
            let theirs = AVP::from_user_password(2, &password, key.as_bytes(), &ra).unwrap();
            prop_assert_eq!(value, theirs.encode_bytes());
        }

        #[test]
        fn any_value_never_panics(value in proptest::collection::vec(any::<u8>(), 0..=255), ra: [u8; 16]) {
            let _ = decode_user_password(&value, &ra, &secret());
        }
    }
}
