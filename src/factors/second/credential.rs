//! The one field in which password and code come (R5). In: the field's bytes, decrypted, in UTF-8, and how this client writes
//! them; out: the ways in which they may be read, likeliest first. Pure; it knows no user, compares nothing and decides nothing:
//! the password of a split may be empty, and the code is only shaped like one.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thiserror::Error;

use super::bypass;
use crate::secret::Secret;
use crate::store::records::Order;

/// What a split takes the code for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Digits of one of the user's lengths.
    Otp,
    /// Ten characters of the bypass alphabet.
    Bypass,
}

/// One way to read the field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Split<'a> {
    /// What is left for the password; may be empty.
    pub password: &'a [u8],
    /// What is shaped like a code.
    pub code: &'a [u8],
    /// What it is shaped like.
    pub kind: Kind,
}

impl std::fmt::Debug for Split<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Split")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// How this client's users write password and code, and which codes the user may have.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    /// Which comes first.
    pub order: Order,
    /// Between the two, if the client has one.
    pub delimiter: Option<char>,
    /// Lengths of the user's codes in digits, in any order.
    pub lengths: &'a [usize],
    /// Whether a bypass code of the user stands open.
    pub bypass: bool,
}

/// The ways to read the field, longest code first (R5); the caller takes the first whose code is right. The code is the end of the
/// field (or its beginning, as the client's order says), since a password may end in digits itself. Where the client has a
/// delimiter, it must stand next to the code and belongs to neither.
pub fn splits<'a>(field: &'a [u8], shape: &Shape<'_>) -> impl Iterator<Item = Split<'a>> + use<'a> {
    let (order, delimiter) = (shape.order, shape.delimiter);
    codes(shape).into_iter().filter_map(move |(kind, length)| {
        let (rest, code) = cut(field, order, kind, length)?;
        let mut bytes = [0; 4];
        let password = match (delimiter.map(|c| c.encode_utf8(&mut bytes).as_bytes()), order) {
            (None, _) => rest,
            (Some(delimiter), Order::PasswordCode) => rest.strip_suffix(delimiter)?,
            (Some(delimiter), Order::CodePassword) => rest.strip_prefix(delimiter)?,
        };
        Some(Split { password, code, kind })
    })
}

/// The field as a code and nothing else: the answer to a challenge, and the whole field of a code-only client (R5).
pub fn whole<'a>(field: &'a [u8], lengths: &[usize], bypass: bool) -> Option<Split<'a>> {
    let shape = Shape {
        order: Order::PasswordCode,
        delimiter: None,
        lengths,
        bypass,
    };
    splits(field, &shape).find(|split| split.password.is_empty())
}

/// Kinds and lengths, longest first, each once.
fn codes(shape: &Shape<'_>) -> Vec<(Kind, usize)> {
    let mut lengths = shape.lengths.to_vec();
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    lengths.dedup();
    let bypass = shape.bypass.then_some((Kind::Bypass, bypass::LENGTH));
    bypass
        .into_iter()
        .chain(lengths.into_iter().map(|length| (Kind::Otp, length)))
        .collect()
}

/// The field cut into (rest, code), if a code of this kind and length stands at its end (or beginning).
fn cut(field: &[u8], order: Order, kind: Kind, length: usize) -> Option<(&[u8], &[u8])> {
    let taken = match kind {
        Kind::Otp => length,
        Kind::Bypass => match order {
            Order::PasswordCode => spread(field.iter().rev(), length)?,
            Order::CodePassword => spread(field.iter(), length)?,
        },
    };
    let (rest, code) = match order {
        Order::PasswordCode => field.split_at_checked(field.len().checked_sub(taken)?)?,
        Order::CodePassword => {
            let (code, rest) = field.split_at_checked(taken)?;
            (rest, code)
        }
    };
    let shaped = kind == Kind::Bypass || (length > 0 && code.iter().all(u8::is_ascii_digit));
    shaped.then_some((rest, code))
}

/// How many bytes hold this many letters of a bypass code, blanks and dashes among them not counted; nothing else may stand there.
fn spread<'a>(bytes: impl Iterator<Item = &'a u8>, letters: usize) -> Option<usize> {
    let (mut taken, mut found) = (0, 0);
    for byte in bytes {
        if bypass::is_letter(*byte) {
            found += 1;
        } else if !(bypass::is_gap(*byte) && found > 0) {
            return None;
        }
        taken += 1;
        if found == letters {
            return Some(taken);
        }
    }
    None
}

/// A `SCRV1:` that is none (R5: refused, not read as something else).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("SCRV1 without two parts in base64: the VPN client built its static challenge wrongly")]
pub struct BadScrv1;

/// OpenVPN's static challenge, `SCRV1:` base64 of the password `:` base64 of the code; none where the field does not begin so.
/// Both parts may be empty, and the code may be anything: see [`whole`].
pub fn scrv1(field: &[u8]) -> Option<Result<(Secret, Secret), BadScrv1>> {
    let rest = field.strip_prefix(b"SCRV1:")?;
    let mut parts = rest.split(|byte| *byte == b':');
    let (Some(password), Some(code), None) = (parts.next(), parts.next(), parts.next()) else {
        return Some(Err(BadScrv1));
    };
    Some(match (decode(password), decode(code)) {
        (Some(password), Some(code)) => Ok((password, code)),
        _ => Err(BadScrv1),
    })
}

/// Base64 with its padding or without.
fn decode(text: &[u8]) -> Option<Secret> {
    let lenient = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    lenient.decode(text).ok().map(Secret::new)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    fn shape(order: Order, delimiter: Option<char>, lengths: &[usize], bypass: bool) -> Shape<'_> {
        Shape {
            order,
            delimiter,
            lengths,
            bypass,
        }
    }

    fn read(field: &str, shape: &Shape<'_>) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        splits(field.as_bytes(), shape)
            .map(|s| (text(s.password), text(s.code)))
            .collect()
    }

    fn pair(password: &str, code: &str) -> (String, String) {
        (password.to_owned(), code.to_owned())
    }

    #[test]
    fn r5_the_last_digits_are_the_code() {
        let usual = shape(Order::PasswordCode, None, &[6], false);
        assert_eq!(read("horse123456", &usual), [pair("horse", "123456")]);
        assert_eq!(read("horse99123456", &usual), [pair("horse99", "123456")]);
        assert_eq!(read("123456", &usual), [pair("", "123456")]);
        for none in ["", "horse", "12345", "horse12345x", "horse 12345", "horse12345\u{ff16}"] {
            assert!(read(none, &usual).is_empty(), "{none}");
        }
    }

    #[test]
    fn r5_the_longest_code_first() {
        let both = shape(Order::PasswordCode, None, &[6, 8, 6], true);
        assert_eq!(
            read("horse12345678", &both),
            [pair("horse", "12345678"), pair("horse12", "345678")]
        );
        assert_eq!(
            read("ab23456789", &both),
            [pair("", "ab23456789"), pair("ab", "23456789"), pair("ab23", "456789")]
        );
    }

    #[test]
    fn r5_the_code_first() {
        let first = shape(Order::CodePassword, None, &[8, 6], false);
        assert_eq!(
            read("12345699horse", &first),
            [pair("horse", "12345699"), pair("99horse", "123456")]
        );
        assert_eq!(read("123456", &first), [pair("", "123456")]);
        assert!(read("horse123456", &first).is_empty());
    }

    #[test]
    fn r5_a_delimiter_stands_next_to_the_code() {
        let last = shape(Order::PasswordCode, Some(','), &[6], true);
        assert_eq!(read("a,b,123456", &last), [pair("a,b", "123456")]);
        assert_eq!(read(",123456", &last), [pair("", "123456")]);
        assert!(read("horse123456", &last).is_empty());
        assert!(read("123456", &last).is_empty());
        assert_eq!(read("horse,ABCDE-23456", &last), [pair("horse", "ABCDE-23456")]);
        let first = shape(Order::CodePassword, Some(','), &[6], false);
        assert_eq!(read("123456,a,b", &first), [pair("a,b", "123456")]);
        let wide = shape(Order::PasswordCode, Some('€'), &[6], false);
        assert_eq!(read("horse€123456", &wide), [pair("horse", "123456")]);
        // A dash between password and bypass code is the delimiter, dashes inside are gaps.
        let dash = shape(Order::PasswordCode, Some('-'), &[6], true);
        assert_eq!(read("my-horse-ABCDE-23456", &dash), [pair("my-horse", "ABCDE-23456")]);
    }

    #[test]
    fn r18_a_bypass_code_in_the_place_of_the_code() {
        let with = shape(Order::PasswordCode, None, &[6], true);
        assert_eq!(read("horse!abcde23456", &with), [pair("horse!", "abcde23456")]);
        assert_eq!(read("horse!ABCDE 23456", &with), [pair("horse!", "ABCDE 23456")]);
        // Blanks before it belong to the password, blanks after it to nothing.
        assert_eq!(read("horse! abcde23456", &with), [pair("horse! ", "abcde23456")]);
        assert!(read("horse!abcde23456 ", &with).is_empty());
        let without = shape(Order::PasswordCode, None, &[6], false);
        assert!(read("horse!abcde23456", &without).is_empty());
        let first = shape(Order::CodePassword, None, &[6], true);
        assert_eq!(read("ABCDE-23456-horse", &first), [pair("-horse", "ABCDE-23456")]);
    }

    #[test]
    fn r5_nothing_but_the_code() {
        assert_eq!(whole(b"123456", &[6, 8], false).unwrap().code, b"123456");
        assert_eq!(whole(b"12345678", &[6, 8], false).unwrap().code, b"12345678");
        assert_eq!(whole(b"abcde-23456", &[6], true).unwrap().kind, Kind::Bypass);
        for none in [
            &b""[..],
            b"horse123456",
            b"1234567",
            b"123456 ",
            b" 123456",
            b"abcde23456",
        ] {
            assert_eq!(whole(none, &[6, 8], false), None);
        }
        assert_eq!(whole(b"", &[0], false), None);
    }

    #[test]
    fn r5_scrv1() {
        let field =
            |password: &str, code: &str| format!("SCRV1:{}:{}", STANDARD.encode(password), STANDARD.encode(code));
        let read = |field: &str| scrv1(field.as_bytes());
        let (password, code) = read(&field("ho:rse€", "123456")).unwrap().unwrap();
        assert_eq!(
            (password.expose_str(), code.expose_str()),
            (Some("ho:rse€"), Some("123456"))
        );
        let (password, code) = read("SCRV1::").unwrap().unwrap();
        assert!(password.is_empty() && code.is_empty());
        let bare = format!(
            "SCRV1:{}:{}",
            STANDARD_NO_PAD.encode("horse"),
            STANDARD_NO_PAD.encode("1234567")
        );
        assert_eq!(read(&bare).unwrap().unwrap().1.expose(), b"1234567");
        for bad in [
            "SCRV1:",
            "SCRV1:aG9yc2U=",
            "SCRV1:aG9yc2U=:MTIz:",
            "SCRV1:aG9y c2U=:MTIz",
            "SCRV1:!:MTIz",
            "SCRV1:horse123456",
        ] {
            assert_eq!(read(bad).unwrap().err(), Some(BadScrv1), "{bad}");
        }
        for other in ["", "SCRV1", "scrv1:aG9yc2U=:MTIz", "horse123456", " SCRV1:a:b"] {
            assert!(read(other).is_none(), "{other}");
        }
    }

    #[test]
    fn r21_a_split_does_not_print() {
        let split = whole(b"123456", &[6], false).unwrap();
        assert!(!format!("{split:?}").contains("123456"));
    }

    proptest! {
        #[test]
        fn r5_every_split_is_the_field_again(
            field in proptest::collection::vec(prop_oneof![Just(b','), Just(b'-'), b'0'..=b'9', b'A'..=b'F', any::<u8>()], 0..40),
            first in any::<bool>(), delimited in any::<bool>(), bypass in any::<bool>(),
        ) {
            let order = if first { Order::CodePassword } else { Order::PasswordCode };
            let delimiter = delimited.then_some(',');
            for split in splits(&field, &shape(order, delimiter, &[6, 8], bypass)) {
                let middle = if delimited { &b","[..] } else { b"" };
                let again = match order {
                    Order::PasswordCode => [split.password, middle, split.code].concat(),
                    Order::CodePassword => [split.code, middle, split.password].concat(),
                };
                prop_assert_eq!(&again, &field);
            }
            let _ = scrv1(&field);
            let _ = scrv1(&[b"SCRV1:", field.as_slice()].concat());
        }
    }
}
