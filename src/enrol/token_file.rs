//! A token file of any kind, read. In: the bytes of a file, what kind it is said to be, what opens it, and the time; out: rows, and
//! the places that are wrong. The one way in for the command line and the console.

use std::ops::Deref;

use zeroize::Zeroizing;

use super::rows::{FILE_MAX, FileError, TokenFile};
use super::{azure_csv, graph_json, otpauth_list, pskc};
use crate::control::Timestamp;
use crate::secret::Secret;

/// Kinds of token files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Azure MFA's CSV.
    AzureCsv,
    /// Microsoft Graph's JSON.
    GraphJson,
    /// RFC 6030.
    Pskc,
    /// An `otpauth` URI on each line.
    Otpauth,
}

impl Format {
    /// By the first character that is one; what is nothing else is lines with separators.
    pub fn of(text: &[u8]) -> Self {
        let plain = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let begins = |line: &[u8], word: &[u8]| line.get(..word.len()).is_some_and(|b| b.eq_ignore_ascii_case(word));
        let mut lines = plain
            .split(|byte| matches!(byte, b'\n' | b'\r'))
            .map(<[u8]>::trim_ascii);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"));
        match first.unwrap_or_default() {
            [b'{' | b'[', ..] => Self::GraphJson,
            [b'<', ..] => Self::Pskc,
            line if begins(line, b"otpauth") => Self::Otpauth,
            _ => Self::AzureCsv,
        }
    }
}

/// What opens an encrypted file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Keys {
    /// Nothing is at hand.
    #[default]
    None,
    /// A key that was agreed on before: 16, 24 or 32 bytes.
    Key(Secret),
    /// A passphrase.
    Passphrase(Secret),
}

/// Reads a file; without a format by its content.
///
/// # Errors
/// [`FileError`] where nothing can be read, or nothing may be taken; a bad line is no error.
pub fn read(bytes: &[u8], format: Option<Format>, keys: &Keys, now: Timestamp) -> Result<TokenFile, FileError> {
    if bytes.len() > FILE_MAX {
        return Err(FileError::TooLarge);
    }
    let text = as_utf8(bytes)?;
    if text.trim_ascii().is_empty() {
        return Err(FileError::Empty);
    }
    let format = format.unwrap_or_else(|| Format::of(&text));
    if format != Format::Pskc && *keys != Keys::None {
        return Err(FileError::NotEncrypted);
    }
    match format {
        Format::AzureCsv => azure_csv::parse(&text),
        Format::GraphJson => graph_json::parse(&text),
        Format::Pskc => pskc::parse(&text, keys, now),
        Format::Otpauth => otpauth_list::parse(&text),
    }
}

/// A key as it stands in a file or is typed: 32, 48 or 64 hexadecimal digits, else Base64, else the bytes themselves; 16, 24 or 32
/// bytes come of it.
///
/// # Errors
/// One line that does not repeat it.
pub fn file_key(text: &[u8]) -> Result<Secret, String> {
    use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER_PERMISSIVE};
    let trimmed = text.trim_ascii();
    let good = |key: &Secret| matches!(key.len(), 16 | 24 | 32);
    let decoded = [HEXLOWER_PERMISSIVE, BASE64, BASE64_NOPAD]
        .into_iter()
        .filter_map(|encoding| encoding.decode(trimmed).ok().map(Secret::new));
    let raw = [text, trimmed].map(|bytes| Secret::new(bytes.to_vec()));
    decoded.chain(raw).find(good).ok_or_else(|| {
        "that is no key: it is 16, 24 or 32 bytes, as hexadecimal digits, as Base64, or as they are".to_owned()
    })
}

/// Text as it is, or turned from UTF-16 into memory that is wiped.
pub(super) enum Text<'a> {
    Same(&'a [u8]),
    Turned(Zeroizing<String>),
}

impl Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Same(bytes) => bytes,
            Self::Turned(text) => text.as_bytes(),
        }
    }
}

/// UTF-8 without its mark; UTF-16 with a mark is turned into it. What is no UTF-8 is found later, line by line.
pub(super) fn as_utf8(bytes: &[u8]) -> Result<Text<'_>, FileError> {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, odd) = rest.as_chunks::<2>();
        if !odd.is_empty() {
            return Err(FileError::Utf16);
        }
        // Two bytes of UTF-16 are three of UTF-8 at most: the text never outgrows its memory.
        let mut text = Zeroizing::new(String::with_capacity(pairs.len().saturating_mul(3)));
        for c in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
            text.push(c.map_err(|_| FileError::Utf16)?);
        }
        Ok(Text::Turned(text))
    };
    let plain = match bytes {
        [0xff, 0xfe, rest @ ..] => return wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => rest,
        rest => rest,
    };
    if plain.contains(&0) {
        return Err(FileError::Binary);
    }
    Ok(Text::Same(plain))
}

/// The lines with their numbers, without line ends. LF and CRLF; CR alone where there is no LF at all.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let end = if text.contains(&b'\n') { b'\n' } else { b'\r' };
    text.split(move |byte| *byte == end)
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .zip(1..)
        .map(|(line, number)| (number, line))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_format_is_known_by_its_first_character() {
        for (text, format) in [
            (" \r\n{}", Format::GraphJson),
            ("\u{feff}[", Format::GraphJson),
            ("<?xml?>", Format::Pskc),
            ("# mine\n\nOTPAUTH://totp/a", Format::Otpauth),
            ("upn,serial", Format::AzureCsv),
            ("#", Format::AzureCsv),
            ("", Format::AzureCsv),
        ] {
            assert_eq!(Format::of(text.as_bytes()), format, "{text:?}");
        }
    }

    #[test]
    fn a_key_is_hexadecimal_or_base64_or_bytes() {
        let key = |text: &str| file_key(text.as_bytes()).map(|key| key.expose().to_vec());
        let hex = key("12345678901234567890123456789012\n").unwrap();
        assert_eq!(hex, key("EjRWeJASNFZ4kBI0VniQEg==").unwrap());
        assert_eq!(hex, key("EjRWeJASNFZ4kBI0VniQEg").unwrap());
        assert_eq!(key("sixteen letters!").unwrap(), b"sixteen letters!");
        assert_eq!(file_key(&[10; 16]).unwrap().expose(), [10; 16]);
        assert_eq!(key(&"ab".repeat(32)).unwrap(), [0xab; 32]);
        for bad in ["", "123456", &"ab".repeat(33), "EjRWeJASNFZ4kBI0VniQ"] {
            let line = key(bad).unwrap_err();
            assert!(
                line.starts_with("that is no key") && !line.contains("EjRW"),
                "{bad}: {line}"
            );
        }
    }

    #[test]
    fn a_key_for_a_file_that_needs_none_is_refused() {
        let keys = Keys::Passphrase("qwerty".into());
        let plain = b"upn,serial number,secret key,time interval\n";
        assert_eq!(read(plain, None, &keys, Timestamp(0)), Err(FileError::NotEncrypted));
        assert_eq!(read(b" \n\t", None, &keys, Timestamp(0)), Err(FileError::Empty));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0..5) {
            let format = [None, Some(Format::AzureCsv), Some(Format::GraphJson), Some(Format::Pskc), Some(Format::Otpauth)];
            let _ = read(&bytes, format[kind as usize], &Keys::None, Timestamp(0));
        }
    }
}
