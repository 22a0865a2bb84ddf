//! A token's key as people write it (Base32, RFC 4648 6). In: text in upper or lower case, with blanks, dashes or padding;
//! out: the key, or one line that says what is wrong. An error never repeats the key.

use data_encoding::{BASE32_NOPAD, Encoding, Specification};
use std::sync::LazyLock;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Least bytes of a key: what hardware tokens with 80-bit keys have. RFC 4226 4 asks for 16.
pub const KEY_MIN: usize = 10;
/// Below this an operator is warned (RFC 4226 4, R6: "at least 128 bits").
pub const KEY_WARN: usize = 16;
/// Most bytes of a key.
pub const KEY_MAX: usize = 80;
/// Most characters of a key (facts: Azure's token files).
pub const TEXT_MAX: usize = 128;

/// Base32 whose last character may have bits left over: Microsoft's own sample of a token file has one.
static LENIENT: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
    specification.check_trailing_bits = false;
    specification.encoding().unwrap_or(BASE32_NOPAD)
});

/// What is wrong with a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing.
    #[error("the key is empty")]
    Empty,
    /// A character that Base32 has not. The position counts what was typed, from 1.
    #[error("character {0} of the key is not Base32: it takes the letters A to Z and the digits 2 to 7")]
    Character(usize),
    /// A number of characters that Base32 cannot give.
    #[error("the key has {0} characters: one is missing or too many")]
    Incomplete(usize),
    /// Too short.
    #[error("the key has {0} bytes: fewer than 10 are not safe")]
    Short(usize),
    /// Too long.
    #[error("the key is longer than 128 characters")]
    Long,
    /// Nothing but zeros, which tokens take for "clear".
    #[error("the key is all zeros: that is no key")]
    Zero,
}

/// A key from text. Blanks, dashes and padding at the end are dropped.
///
/// # Errors
/// [`KeyError`].
pub fn decode(text: &str) -> Result<Secret, KeyError> {
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    let mut padded = false;
    for (position, c) in text.chars().enumerate() {
        match c.to_ascii_uppercase() {
            ' ' | '\t' | '-' | '\u{a0}' => {}
            '=' => padded = true,
            c @ ('A'..='Z' | '2'..='7') if !padded => plain.push(c),
            _ => return Err(KeyError::Character(position + 1)),
        }
    }
    match plain.len() {
        0 => return Err(KeyError::Empty),
        length if length > TEXT_MAX => return Err(KeyError::Long),
        length if matches!(length % 8, 1 | 3 | 6) => return Err(KeyError::Incomplete(length)),
        _ => {}
    }
    let bytes = LENIENT
        .decode(plain.as_bytes())
        .map_err(|_| KeyError::Incomplete(plain.len()))?;
    let key = Secret::new(bytes);
    check(&key)?;
    Ok(key)
}

/// The bounds of a key, wherever it came from.
///
/// # Errors
/// [`KeyError::Short`], [`KeyError::Long`], [`KeyError::Zero`].
pub fn check(key: &Secret) -> Result<(), KeyError> {
    match key.len() {
        length if length < KEY_MIN => Err(KeyError::Short(length)),
        length if length > KEY_MAX => Err(KeyError::Long),
        _ if key.expose().iter().all(|byte| *byte == 0) => Err(KeyError::Zero),
        _ => Ok(()),
    }
}

/// One line if the key is good but short.
pub fn warning(key: &Secret) -> Option<String> {
    (key.len() < KEY_WARN).then(|| {
        format!(
            "the key has {} bytes: RFC 4226 asks for 16 or more, replace the token when you can",
            key.len()
        )
    })
}

/// The key as Base32 without padding, as an authenticator takes it.
pub fn encode(key: &Secret) -> Zeroizing<String> {
    Zeroizing::new(BASE32_NOPAD.encode(key.expose()))
}

/// In groups of four, for typing: `GEZD GNBV ...`.
pub fn groups(key: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(key.len() + key.len() / 4));
    for (position, c) in key.chars().enumerate() {
        if position > 0 && position % 4 == 0 {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn a_key_is_read_however_it_is_written() {
        for text in [
            RFC.to_owned(),
            RFC.to_lowercase(),
            groups(RFC).to_string(),
            RFC.as_bytes()
                .chunks(4)
                .map(|c| std::str::from_utf8(c).unwrap())
                .collect::<Vec<_>>()
                .join("-"),
            format!("  {RFC}\t"),
            format!("{RFC}======"),
        ] {
            assert_eq!(decode(&text).unwrap().expose(), b"12345678901234567890", "{text}");
        }
        // Microsoft's sample: 26 characters whose last one has bits left over.
        assert_eq!(decode("2234567abcdef2234567abcdef").unwrap().len(), 16);
        assert_eq!(decode("MFRGGZDFMZTWQ2LK").unwrap().expose(), b"abcdefghij");
    }

    #[test]
    fn what_is_no_key_is_told_without_repeating_it() {
        for (text, error) in [
            ("", KeyError::Empty),
            (" - ==", KeyError::Empty),
            ("GEZDGNBVGY3TQ0JQ", KeyError::Character(14)),
            ("GEZD GNBV 1", KeyError::Character(11)),
            ("GEZDGNBV=GEZDGNBV", KeyError::Character(10)),
            ("GEZDGNBVGY3TQÖJQ", KeyError::Character(14)),
            ("GEZDGNBVGY3TQOJQG", KeyError::Incomplete(17)),
            ("MFRGGZDFMZTWQ2L", KeyError::Short(9)),
            ("AAAAAAAAAAAAAAAAAAAAAAAA", KeyError::Zero),
        ] {
            assert_eq!(decode(text).unwrap_err(), error, "{text}");
        }
        assert_eq!(decode(&"B".repeat(128)).unwrap().len(), 80);
        assert_eq!(decode(&"B".repeat(136)).unwrap_err(), KeyError::Long);
    }

    #[test]
    fn a_short_key_warns() {
        assert!(warning(&Secret::new(vec![1; 15])).unwrap().contains("15 bytes"));
        assert_eq!(warning(&Secret::new(vec![1; 16])), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes in proptest::collection::vec(any::<u8>(), KEY_MIN..=KEY_MAX)) {
            prop_assume!(bytes.iter().any(|b| *b != 0));
            let key = Secret::new(bytes);
            let text = groups(&encode(&key)).to_lowercase();
            prop_assert_eq!(decode(&text).unwrap(), key);
        }

        #[test]
        fn any_text_is_answered(text in "\\PC{0,200}") {
            let _ = decode(&text);
        }
    }
}
