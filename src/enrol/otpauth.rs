//! The `otpauth` URI of a token. In: issuer, name, key, parameters; out: the URI in two pieces, text and key, so that the QR code
//! can be made of two segments. The label is cut where the code would not fit a console of 80x24; it is for display only.

use zeroize::Zeroizing;

use super::base32;
use crate::secret::Secret;
use crate::store::records::{Algorithm, OtpParameters, TotpParameters};

/// The issuer where the settings name none.
pub const ISSUER: &str = "Postern";
/// Most characters of the encoded issuer, so that room stays for the name.
const ISSUER_MAX: usize = 20;
/// Data bits of a QR code of version 5, level L (ISO/IEC 18004, table 7): 41 columns and 21 rows in half blocks.
const VERSION_5_BITS: usize = 108 * 8;
/// Bits before the data of a byte segment and of an alphanumeric one, up to version 9: mode and count (ISO/IEC 18004, 7.4).
const SEGMENT_BITS: usize = (4 + 8) + (4 + 9);
/// A label cut shorter than this says nothing; then the code may grow instead.
const LABEL_MIN: usize = 12;

/// An `otpauth` URI, the key last.
#[derive(Clone, Debug)]
pub struct Uri {
    text: String,
    key: Secret,
}

impl Uri {
    /// Builds it. `counter` is that of a counter token's next code, which such a URI must name; the time's have none. Defaults of
    /// the parameters are left out; `issuer=` is left out where the whole would not fit version 5, and the label is cut where that
    /// is not enough.
    pub fn new(issuer: &str, name: &str, seed: &Secret, parameters: OtpParameters, counter: u64) -> Self {
        let issuer = if issuer.is_empty() { ISSUER } else { issuer };
        let issuer = encoded(issuer.trim(), false);
        let issuer = cut(&issuer, ISSUER_MAX).trim_end_matches("%20");
        let name = encoded(name, true);
        let key = base32::encode(seed);
        let mut query = String::new();
        if parameters.algorithm() != Algorithm::default() {
            query.push_str(&format!("algorithm={}&", algorithm_word(parameters.algorithm())));
        }
        let default = TotpParameters::default();
        if parameters.digits() != default.digits {
            query.push_str(&format!("digits={}&", parameters.digits()));
        }
        let kind = match parameters {
            OtpParameters::Totp(p) => {
                if p.period != default.period {
                    query.push_str(&format!("period={}&", p.period));
                }
                "totp"
            }
            OtpParameters::Hotp(_) => {
                query.push_str(&format!("counter={counter}&"));
                "hotp"
            }
        };
        let build = |name: &str, issuer_too: bool| {
            let extra = if issuer_too {
                format!("issuer={issuer}&")
            } else {
                String::new()
            };
            format!("otpauth://{kind}/{issuer}:{name}?{extra}{query}secret=")
        };
        let room = text_room(key.len());
        let whole = build(&name, true);
        let lean = build(&name, false);
        let text = if whole.len() <= room {
            whole
        } else if lean.len() <= room {
            lean
        } else {
            let left = name.len().saturating_sub(lean.len() - room);
            if left >= LABEL_MIN {
                build(cut(&name, left), false)
            } else {
                lean
            }
        };
        Self {
            text,
            key: Secret::from(key.as_str()),
        }
    }

    /// Everything before the key.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The key as Base32 without padding.
    pub fn key(&self) -> &str {
        self.key.expose_str().unwrap_or_default()
    }

    /// The whole URI.
    pub fn whole(&self) -> Zeroizing<String> {
        let mut whole = Zeroizing::new(String::with_capacity(self.text.len() + self.key.len()));
        whole.push_str(&self.text);
        whole.push_str(self.key());
        whole
    }
}

/// Bytes of text that fit version 5 beside a key of so many characters (11 bits for two, 6 for one).
fn text_room(key: usize) -> usize {
    let key_bits = 11 * (key / 2) + 6 * (key % 2);
    VERSION_5_BITS.saturating_sub(SEGMENT_BITS + key_bits) / 8
}

/// The word of a hash in a URI.
fn algorithm_word(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Sha1 => "SHA1",
        Algorithm::Sha256 => "SHA256",
        Algorithm::Sha512 => "SHA512",
    }
}

/// Percent-encoded but for RFC 3986's unreserved characters, and `@` in a name: as `%40` it takes two bytes more.
fn encoded(text: &str, at_stays: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if plain || (at_stays && byte == b'@') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The beginning of an encoded text, `most` characters at most, never inside an encoded character.
fn cut(encoded: &str, most: usize) -> &str {
    let mut end = 0;
    let mut rest = encoded.as_bytes();
    while let Some(first) = rest.first() {
        // A UTF-8 character of n bytes is n escapes; the leading byte tells n.
        let escape = rest.get(1..3).and_then(|hex| std::str::from_utf8(hex).ok());
        let step = match (first, escape.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(lead)) => 3 * usize::try_from(lead.leading_ones().max(1)).unwrap_or(1),
            _ => 1,
        };
        if end + step > most {
            break;
        }
        end += step;
        rest = rest.get(step..).unwrap_or_default();
    }
    encoded.get(..end).unwrap_or(encoded)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::store::records::HotpParameters;

    fn seed() -> Secret {
        Secret::from("12345678901234567890")
    }

    const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn default_uri(name: &str) -> String {
        Uri::new("", name, &seed(), OtpParameters::default(), 0)
            .whole()
            .to_string()
    }

    #[test]
    fn a_default_token_names_no_defaults_and_ends_in_the_key() {
        assert_eq!(
            default_uri("anna@contoso.example"),
            format!("otpauth://totp/Postern:anna@contoso.example?issuer=Postern&secret={KEY}")
        );
        let uri = Uri::new("Contoso GmbH & Co", "a:b c", &seed(), OtpParameters::default(), 0);
        assert_eq!(
            uri.text(),
            "otpauth://totp/Contoso%20GmbH%20%26:a%3Ab%20c?issuer=Contoso%20GmbH%20%26&secret="
        );
        assert_eq!(uri.key(), KEY);
    }

    #[test]
    fn other_parameters_are_named_before_the_key() {
        let mut parameters = TotpParameters {
            algorithm: Algorithm::Sha256,
            ..TotpParameters::default()
        };
        let uri = Uri::new("", "anna", &seed(), parameters.into(), 0);
        assert_eq!(
            uri.text(),
            "otpauth://totp/Postern:anna?issuer=Postern&algorithm=SHA256&secret="
        );
        (parameters.digits, parameters.period) = (8, 60);
        let uri = Uri::new("", "anna", &seed(), parameters.into(), 0);
        assert_eq!(
            uri.text(),
            "otpauth://totp/Postern:anna?algorithm=SHA256&digits=8&period=60&secret="
        );
    }

    #[test]
    fn a_counter_token_names_its_counter_and_no_period() {
        let hotp = |digits| {
            OtpParameters::Hotp(HotpParameters {
                algorithm: Algorithm::Sha1,
                digits,
            })
        };
        let uri = Uri::new("", "anna", &seed(), hotp(6), 0);
        assert_eq!(
            uri.text(),
            "otpauth://hotp/Postern:anna?issuer=Postern&counter=0&secret="
        );
        let uri = Uri::new("", "anna", &seed(), hotp(8), 41);
        assert_eq!(
            uri.text(),
            "otpauth://hotp/Postern:anna?issuer=Postern&digits=8&counter=41&secret="
        );
        // The counter stays where the label must go.
        let uri = Uri::new("", &"n".repeat(200), &seed(), hotp(8), u64::MAX);
        assert!(uri.text().ends_with("?digits=8&counter=18446744073709551615&secret="));
        assert_eq!(crate::enrol::qr::Qr::new(&uri).unwrap().version(), 5);
    }

    #[test]
    fn beyond_36_characters_issuer_goes_and_beyond_51_the_label_is_cut() {
        for length in 1..=120 {
            let name = "n".repeat(length);
            let uri = default_uri(&name);
            let shown = length.min(51);
            let issuer = if length <= 36 { "issuer=Postern&" } else { "" };
            let expected = format!("otpauth://totp/Postern:{}?{issuer}secret={KEY}", "n".repeat(shown));
            assert_eq!(uri, expected, "{length}");
        }
    }

    #[test]
    fn a_label_is_cut_between_characters() {
        // 6 characters each: 51 leave room for 8.
        let uri = default_uri(&"ä".repeat(20));
        assert_eq!(uri.matches("%C3%A4").count(), 8);
        assert_eq!(uri.matches('%').count(), 16);
        assert_eq!(cut("a%F0%9F%98%80b", 12), "a");
        assert_eq!(cut("a%F0%9F%98%80b", 13), "a%F0%9F%98%80");
        assert_eq!(cut("a%F0%9F%98%80b", 99), "a%F0%9F%98%80b");
        assert_eq!(cut("%", 1), "%");
    }

    #[test]
    fn a_very_long_key_keeps_its_label() {
        let uri = Uri::new(
            "",
            "anna@contoso.example",
            &Secret::new(vec![1; 80]),
            OtpParameters::default(),
            0,
        );
        assert_eq!(uri.text(), "otpauth://totp/Postern:anna@contoso.example?secret=");
    }
}
