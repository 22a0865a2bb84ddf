//! A PSKC file of our own (RFC 6030). In: rows, how it is protected, and random bytes; out: the text, wiped. What is encrypted is
//! written as RFC 6030's examples have it (AES-CBC, HMAC-SHA1 over the ciphertext, PBKDF2 with its default hash), since that is
//! what every reader knows; its strength lies in the rounds.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::crypt::{BLOCK, Cipher, Keyed, seal};
use crate::control::Algorithm;
use crate::enrol::rows::{Kind, Row};
use crate::enrol::wiped::Wiped;
use crate::secret::Secret;

/// Rounds of PBKDF2 with HMAC-SHA1 (OWASP's figure for that hash).
pub const ROUNDS: u32 = 1_300_000;
/// Bytes of a salt (RFC 8018 4.1 asks for 8 or more).
const SALT: usize = 16;
/// Bytes of a key that comes of a passphrase.
const DERIVED: usize = 16;
/// Bytes of the MAC's key: as long as its hash (RFC 2104 3).
const MAC_KEY: usize = 20;
/// The URI of HMAC-SHA1.
const HMAC_SHA1: &str = "http://www.w3.org/2000/09/xmldsig#hmac-sha1";
/// About what a key takes in the file, so that the text seldom outgrows its memory.
const ROW_BYTES: usize = 1_600;

/// How the seeds are protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Not at all.
    Plain,
    /// By a key of 16, 24 or 32 bytes that was agreed on before.
    Key(Secret),
    /// By a passphrase and so many rounds of PBKDF2; [`ROUNDS`] but in tests.
    Passphrase(Secret, u32),
}

/// Writes a file. `random` fills bytes that nobody can guess.
///
/// # Errors
/// One line: the key has another length.
pub fn write(
    rows: &[Row],
    protection: &Protection,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<Zeroizing<String>, String> {
    let mut out = Wiped::with_capacity(ROW_BYTES.saturating_mul(rows.len()).saturating_add(4_096));
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str("<KeyContainer Version=\"1.0\" xmlns=\"urn:ietf:params:xml:ns:keyprov:pskc\"");
    let sealed = match protection {
        Protection::Plain => {
            out.push_str(">\n");
            None
        }
        Protection::Key(key) => Some(head(&mut out, key.clone(), None, random)?),
        Protection::Passphrase(passphrase, rounds) => {
            let mut salt = [0; SALT];
            random(&mut salt);
            let key = Keyed::Sha1.pbkdf2(passphrase, &salt, *rounds, DERIVED);
            let key = key.ok_or("PBKDF2 takes one round or more")?;
            Some(head(&mut out, key, Some((salt, *rounds)), random)?)
        }
    };
    for (number, row) in (1_usize..).zip(rows) {
        package(&mut out, number, row, sealed.as_ref(), random)?;
    }
    out.push_str("</KeyContainer>\n");
    Ok(out.into_inner())
}

/// What encrypts a file's values.
struct Sealed {
    key: Secret,
    uri: &'static str,
    mac_key: Secret,
}

impl Sealed {
    /// A value's ciphertext, the IV first.
    fn seal(&self, value: &Secret, random: &mut dyn FnMut(&mut [u8])) -> Result<Vec<u8>, String> {
        let mut iv = [0; BLOCK];
        random(&mut iv);
        seal(&self.key, &iv, value.expose()).ok_or_else(wrong_length)
    }
}

fn wrong_length() -> String {
    "the key for the file has 16, 24 or 32 bytes".to_owned()
}

/// The end of the root's tag, and how the file is encrypted.
fn head(
    out: &mut Wiped,
    key: Secret,
    derived: Option<([u8; SALT], u32)>,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<Sealed, String> {
    let uri = Cipher::cbc_uri(key.len()).ok_or_else(wrong_length)?;
    let mut mac_key = Zeroizing::new(vec![0; MAC_KEY]);
    random(&mut mac_key);
    let sealed = Sealed {
        key,
        uri,
        mac_key: Secret::new(std::mem::take(&mut *mac_key)),
    };
    out.push_str(" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\"");
    out.push_str(" xmlns:xenc11=\"http://www.w3.org/2009/xmlenc11#\"");
    out.push_str(" xmlns:pkcs5=\"http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#\">\n");
    out.push_str(" <EncryptionKey>\n");
    match derived {
        None => out.push_str("  <ds:KeyName>Pre-shared-key</ds:KeyName>\n"),
        Some((salt, rounds)) => {
            out.push_str("  <xenc11:DerivedKey>\n   <xenc11:KeyDerivationMethod Algorithm=");
            out.push_str("\"http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2\">\n");
            // Its children are in no namespace, as in figure 7.
            out.push_str("    <pkcs5:PBKDF2-params>\n     <Salt xmlns=\"\"><Specified>");
            out.push_str(&BASE64.encode(&salt));
            out.push_str("</Specified></Salt>\n     <IterationCount xmlns=\"\">");
            out.push_str(&rounds.to_string());
            out.push_str("</IterationCount>\n     <KeyLength xmlns=\"\">");
            out.push_str(&DERIVED.to_string());
            out.push_str("</KeyLength>\n     <PRF xmlns=\"\"/>\n    </pkcs5:PBKDF2-params>\n");
            out.push_str("   </xenc11:KeyDerivationMethod>\n");
            out.push_str("   <xenc11:MasterKeyName>Passphrase</xenc11:MasterKeyName>\n  </xenc11:DerivedKey>\n");
        }
    }
    out.push_str(" </EncryptionKey>\n <MACMethod Algorithm=\"");
    out.push_str(HMAC_SHA1);
    out.push_str("\">\n  <MACKey>\n");
    let value = sealed.seal(&sealed.mac_key, random)?;
    encrypted(out, sealed.uri, &value);
    out.push_str("  </MACKey>\n </MACMethod>\n");
    Ok(sealed)
}

/// The children of an encrypted value.
fn encrypted(out: &mut Wiped, uri: &str, value: &[u8]) {
    out.push_str("   <xenc:EncryptionMethod Algorithm=\"");
    out.push_str(uri);
    out.push_str("\"/>\n   <xenc:CipherData><xenc:CipherValue>");
    out.push_str(&BASE64.encode(value));
    out.push_str("</xenc:CipherValue></xenc:CipherData>\n");
}

/// One token.
fn package(
    out: &mut Wiped,
    number: usize,
    row: &Row,
    sealed: Option<&Sealed>,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<(), String> {
    out.push_str(" <KeyPackage>\n");
    let device = [
        ("Manufacturer", &row.manufacturer),
        ("SerialNo", &row.serial),
        ("Model", &row.model),
    ];
    if device.iter().any(|(_, text)| !text.is_empty()) {
        out.push_str("  <DeviceInfo>\n");
        for (name, text) in device {
            element(out, "   ", name, text);
        }
        out.push_str("  </DeviceInfo>\n");
    }
    out.push_str("  <Key Id=\"");
    out.push_str(&number.to_string());
    out.push_str("\" Algorithm=\"urn:ietf:params:xml:ns:keyprov:pskc:");
    out.push_str(match row.kind {
        Kind::Totp { .. } => "totp",
        Kind::Hotp { .. } => "hotp",
    });
    out.push_str("\">\n   <AlgorithmParameters>\n    <Suite>");
    out.push_str(match row.algorithm.unwrap_or_default() {
        Algorithm::Sha1 => "HMAC-SHA1",
        Algorithm::Sha256 => "HMAC-SHA256",
        Algorithm::Sha512 => "HMAC-SHA512",
    });
    out.push_str("</Suite>\n    <ResponseFormat Encoding=\"DECIMAL\" Length=\"");
    out.push_str(&row.digits.unwrap_or(6).to_string());
    out.push_str("\"/>\n   </AlgorithmParameters>\n   <Data>\n    <Secret>\n");
    match sealed {
        None => {
            out.push_str("     <PlainValue>");
            out.push_str(&Zeroizing::new(BASE64.encode(row.seed.expose())));
            out.push_str("</PlainValue>\n");
        }
        Some(sealed) => {
            let value = sealed.seal(&row.seed, random)?;
            out.push_str("     <EncryptedValue>\n");
            encrypted(out, sealed.uri, &value);
            out.push_str("     </EncryptedValue>\n     <ValueMAC>");
            let mac = Keyed::Sha1.mac(&sealed.mac_key, &value).ok_or_else(wrong_length)?;
            out.push_str(&BASE64.encode(&mac));
            out.push_str("</ValueMAC>\n");
        }
    }
    out.push_str("    </Secret>\n");
    let values = match row.kind {
        Kind::Totp { period } => vec![("Time", 0), ("TimeInterval", u64::from(period))],
        Kind::Hotp { counter } => vec![("Counter", counter)],
    };
    for (name, value) in values {
        out.push_str(&format!("    <{name}><PlainValue>{value}</PlainValue></{name}>\n"));
    }
    out.push_str("   </Data>\n");
    if !row.user.is_empty() {
        element(out, "   ", "UserId", &format!("UID={}", named(&row.user)));
    }
    out.push_str("   <Policy><KeyUsage>OTP</KeyUsage></Policy>\n  </Key>\n </KeyPackage>\n");
    Ok(())
}

/// An element with text; none where there is no text.
fn element(out: &mut Wiped, indent: &str, name: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    out.push_str(indent);
    out.push_str(&format!("<{name}>"));
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // XML has no way to write these (XML 1.0 2.2).
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out.push_str(&format!("</{name}>\n"));
}

/// A value of a distinguished name (RFC 4514 2.4).
fn named(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for (at, character) in value.chars().enumerate() {
        let first = at == 0 && matches!(character, ' ' | '#');
        if first || matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
