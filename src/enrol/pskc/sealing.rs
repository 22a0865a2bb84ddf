//! How a PSKC file is encrypted, and what opens it (RFC 6030 6). In: its `EncryptionKey` and `MACMethod`, what the operator gave, and
//! values; out: plain values. A value in CBC is opened only after its MAC was checked; where no value of a file can be opened, the key
//! is wrong, and nothing of the file is taken.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::PskcError;
use super::crypt::{Cipher, Keyed};
use super::xml::{Element, Space};
use crate::enrol::rows::{FileError, Wanted};
use crate::enrol::token_file::Keys;
use crate::secret::Secret;
use crate::text::shown;

/// More rounds of PBKDF2 are no passphrase's protection any more, but a way to stop a console: it waits until they are done.
const ROUNDS_MAX: u32 = 2_000_000;
/// Bytes of a salt.
const SALT_MAX: usize = 1024;

/// Why a value, or the whole file, is not taken.
pub(super) enum No {
    /// Nothing of the file.
    File(FileError),
    /// This key only.
    Key(String),
}

impl From<String> for No {
    fn from(reason: String) -> Self {
        Self::Key(reason)
    }
}

impl From<&str> for No {
    fn from(reason: &str) -> Self {
        Self::Key(reason.to_owned())
    }
}

impl From<FileError> for No {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<PskcError> for No {
    fn from(error: PskcError) -> Self {
        Self::File(error.into())
    }
}

/// A value of a key.
pub(super) enum Value<'a> {
    /// It is not there.
    Missing,
    /// In clear, as text.
    Plain(&'a str),
    /// It was encrypted, and is proven to be whole.
    Opened(Secret),
}

/// How a file is encrypted, and how far opening it went.
pub(super) struct Sealing<'k> {
    keys: &'k Keys,
    /// The file is encrypted, or says that it is.
    is_sealed: bool,
    /// A key stands in it in clear.
    has_plain: bool,
    /// What opens values.
    key: Option<Secret>,
    mac: Option<(Keyed, Secret)>,
    /// Values that were opened.
    opened: usize,
    /// Values whose MAC was wrong.
    failed: usize,
    /// The key that a value wanted, where it had another length.
    unfit: Option<usize>,
}

impl<'k> Sealing<'k> {
    pub(super) fn new(keys: &'k Keys) -> Self {
        Self {
            keys,
            is_sealed: false,
            has_plain: false,
            key: None,
            mac: None,
            opened: 0,
            failed: 0,
            unfit: None,
        }
    }

    /// The file's `EncryptionKey`.
    pub(super) fn encryption_key(&mut self, element: &Element) -> Result<(), FileError> {
        let unsupported = |words: &str| PskcError::Unsupported(words.to_owned());
        let derived = [Space::Xenc11, Space::Pskc].map(|space| element.all(space, "DerivedKey").next());
        if let Some(derived) = derived.into_iter().flatten().next() {
            return self.derived(derived);
        }
        if element.children.iter().any(|child| child.is(Space::Ds, "X509Data")) {
            return Err(
                unsupported("it is encrypted for a certificate; ask its maker for a key or a passphrase").into(),
            );
        }
        let names = element.all(Space::Ds, "KeyName").map(Element::text);
        let name = names.map(shown).next().unwrap_or_default();
        self.shared(name)
    }

    /// A key that was agreed on before.
    fn shared(&mut self, name: String) -> Result<(), FileError> {
        self.is_sealed = true;
        let wanted = Wanted::Key { name };
        self.key = match self.keys {
            Keys::Key(key) => Some(key.clone()),
            Keys::None => return Err(FileError::Wanted(wanted)),
            Keys::Passphrase(_) => return Err(FileError::Other(wanted)),
        };
        Ok(())
    }

    /// A key that comes of a passphrase (RFC 6030 6.2).
    fn derived(&mut self, element: &Element) -> Result<(), FileError> {
        self.is_sealed = true;
        let name = by_name(element, "MasterKeyName").map_or_else(String::new, |name| shown(name.text()));
        let wanted = Wanted::Passphrase { name };
        let way = Pbkdf2::of(element).map_err(PskcError::Unsupported)?;
        let passphrase = match self.keys {
            Keys::Passphrase(passphrase) => passphrase,
            Keys::None => return Err(FileError::Wanted(wanted)),
            Keys::Key(_) => return Err(FileError::Other(wanted)),
        };
        let key = way.keyed.pbkdf2(passphrase, &way.salt, way.rounds, way.length);
        self.key = Some(key.ok_or_else(|| PskcError::Unsupported("PBKDF2 with HMAC-SHA224 is not known".to_owned()))?);
        Ok(())
    }

    /// The file's `MACMethod`.
    pub(super) fn mac_method(&mut self, element: &Element) -> Result<(), FileError> {
        let Some(uri) = element.attribute("Algorithm") else {
            // With AES key wrap some write a method that is none. A value that needs a MAC will miss it.
            return Ok(());
        };
        let key = self.key()?.clone();
        let keyed =
            Keyed::of(uri).ok_or_else(|| PskcError::Unsupported(format!("the MAC {} is not known", word(uri))))?;
        if element
            .children
            .iter()
            .any(|child| child.is(Space::Pskc, "MACKeyReference"))
        {
            return Err(PskcError::Unsupported("its MAC key is somewhere else".to_owned()).into());
        }
        let mac_key = match element.one(Space::Pskc, "MACKey").map_err(PskcError::Unsupported)? {
            Some(sealed) => {
                let (cipher, value) = encrypted(sealed).map_err(PskcError::Unsupported)?;
                let (has, wants) = (key.len(), cipher.key_length());
                if has != wants {
                    return Err(PskcError::KeyLength { has, wants }.into());
                }
                cipher.decrypt(&key, &value).ok_or_else(|| self.wrong())?
            }
            // Before RFC 6030 the key of the values served for their MACs too.
            None => key,
        };
        self.mac = Some((keyed, mac_key));
        Ok(())
    }

    /// What of a key stands in clear and what is encrypted, before anything else is asked of it. A seed in clear has no place in a file
    /// with encrypted values, before the first of them as little as behind it.
    pub(super) fn look(&mut self, key: &Element) -> Result<(), PskcError> {
        for part in key.all(Space::Pskc, "Data").flat_map(|data| &data.children) {
            let has = |name| part.all(Space::Pskc, name).next().is_some();
            self.is_sealed |= has("EncryptedValue");
            self.has_plain |= part.is(Space::Pskc, "Secret") && has("PlainValue");
        }
        match self.is_sealed && self.has_plain {
            true => Err(PskcError::Mixed),
            false => Ok(()),
        }
    }

    /// The value in an element such as `Secret` or `Counter`.
    pub(super) fn value<'e>(&mut self, element: Option<&'e Element>) -> Result<Value<'e>, No> {
        let Some(element) = element else {
            return Ok(Value::Missing);
        };
        let plain = element.one(Space::Pskc, "PlainValue")?;
        let sealed = element.one(Space::Pskc, "EncryptedValue")?;
        match (plain, sealed) {
            (None, None) => Ok(Value::Missing),
            (Some(_), Some(_)) => Err(format!("{} stands there in clear and encrypted", element.name).into()),
            (Some(plain), None) => Ok(Value::Plain(plain.text())),
            (None, Some(sealed)) => {
                let mac = element.text_of("ValueMAC")?;
                self.open(&element.name, sealed, mac).map(Value::Opened)
            }
        }
    }

    fn open(&mut self, what: &str, sealed: &Element, mac: &str) -> Result<Secret, No> {
        let key = self.key()?.clone();
        let (cipher, value) = encrypted(sealed).map_err(|line| format!("{what}: {line}"))?;
        if key.len() != cipher.key_length() {
            self.unfit = Some(cipher.key_length());
            return Err(format!(
                "{what} was encrypted with a key of {} bytes, and this one has {}",
                cipher.key_length(),
                key.len()
            )
            .into());
        }
        if let Cipher::Cbc { .. } = cipher {
            let Some((keyed, mac_key)) = &self.mac else {
                return Err(format!(
                    "{what} is encrypted, and nothing proves that it was not changed: the file names no MAC"
                )
                .into());
            };
            if mac.is_empty() {
                return Err(
                    format!("{what} is encrypted, and nothing proves that it was not changed: it has no MAC").into(),
                );
            }
            let mac = base64(mac).ok_or_else(|| format!("the MAC of {what} is no Base64"))?;
            if !keyed.is_of(mac_key, &value, &mac) {
                self.failed += 1;
                return Err(format!("the MAC of {what} is wrong: it was changed or damaged").into());
            }
        }
        let Some(plain) = cipher.decrypt(&key, &value) else {
            self.failed += 1;
            return Err(format!("{what} cannot be decrypted: it was changed or damaged").into());
        };
        self.opened += 1;
        Ok(plain)
    }

    /// The key of the values. A file that is encrypted and does not say how is taken to be so by a key that was agreed on.
    fn key(&mut self) -> Result<&Secret, FileError> {
        if self.key.is_none() {
            self.shared(String::new())?;
        }
        self.key.as_ref().ok_or(FileError::Wrong("key"))
    }

    /// The file is encrypted, in part at least.
    pub(super) fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    fn wrong(&self) -> FileError {
        FileError::Wrong(match self.keys {
            Keys::Passphrase(_) => "passphrase",
            Keys::Key(_) | Keys::None => "key",
        })
    }

    /// At the end: whether anything of the file may be taken.
    pub(super) fn end(&self) -> Result<(), FileError> {
        match (self.opened, self.failed, self.unfit, &self.key) {
            (0, 1.., _, _) => Err(self.wrong()),
            (0, _, Some(wants), Some(key)) => Err(PskcError::KeyLength { has: key.len(), wants }.into()),
            _ if !self.is_sealed && *self.keys != Keys::None => Err(FileError::NotEncrypted),
            _ => Ok(()),
        }
    }
}

/// How a key comes of a passphrase.
struct Pbkdf2 {
    keyed: Keyed,
    salt: Vec<u8>,
    rounds: u32,
    length: usize,
}

impl Pbkdf2 {
    /// An error is what of it is not read here.
    fn of(derived: &Element) -> Result<Self, String> {
        let method =
            by_name(derived, "KeyDerivationMethod").ok_or("it does not say how a key comes of a passphrase")?;
        let uri = method.attribute("Algorithm").unwrap_or_default();
        if uri.rsplit_once('#').map(|(_, way)| way) != Some("pbkdf2") {
            return Err(format!("the key derivation {} is not known", word(uri)));
        }
        let parameters = by_name(method, "PBKDF2-params").ok_or("PBKDF2 lacks its parameters")?;
        let text = |name| by_name(parameters, name).map_or("", Element::text);
        let number = |name, otherwise: &str| {
            let text = Some(text(name)).filter(|text| !text.is_empty()).unwrap_or(otherwise);
            text.parse::<u32>()
                .map_err(|_| format!("PBKDF2 with {name} {} is not known", shown(text)))
        };
        let prf = by_name(parameters, "PRF");
        let named = prf.and_then(|prf| prf.attribute("Algorithm")).unwrap_or_default();
        // Some write the name as text.
        let prf = [named, text("PRF")].into_iter().find(|uri| !uri.is_empty());
        let keyed = match prf {
            None => Keyed::Sha1,
            Some(uri) => Keyed::of(uri).ok_or_else(|| format!("PBKDF2 with {} is not known", word(uri)))?,
        };
        let salt = by_name(parameters, "Salt").and_then(|salt| by_name(salt, "Specified"));
        let salt = salt.and_then(|salt| base64(salt.text()));
        let salt = salt.filter(|salt| (1..=SALT_MAX).contains(&salt.len()));
        let rounds = number("IterationCount", "")?;
        if rounds == 0 {
            return Err("PBKDF2 with 0 rounds, which protect nothing".to_owned());
        }
        if rounds > ROUNDS_MAX {
            return Err(format!(
                "PBKDF2 with {rounds} rounds: at most {ROUNDS_MAX} are taken, since more would stop this program for too long; ask \
                 its maker for a file with fewer"
            ));
        }
        let length = usize::try_from(number("KeyLength", "16")?).unwrap_or(usize::MAX);
        if !matches!(length, 16 | 24 | 32) {
            return Err(format!("PBKDF2 with a key of {length} bytes is not known"));
        }
        Ok(Self {
            keyed,
            salt: salt.ok_or("PBKDF2 lacks its salt")?.to_vec(),
            rounds,
            length,
        })
    }
}

/// What of a URI says which it is, shown text.
fn word(uri: &str) -> String {
    shown(uri.rsplit('#').next().unwrap_or_default())
}

/// A child by its name alone: RFC 6030's own example has children of these in no namespace, files in use have them in three.
fn by_name<'e>(element: &'e Element, name: &str) -> Option<&'e Element> {
    let known = |space| space != Space::Other;
    element
        .children
        .iter()
        .find(|child| child.name == name && known(child.space))
}

/// What an element of XML Encryption's `EncryptedDataType` says: how it is encrypted, and the bytes.
fn encrypted(element: &Element) -> Result<(Cipher, Zeroizing<Vec<u8>>), String> {
    let method = element.one(Space::Xenc, "EncryptionMethod")?;
    let uri = method
        .and_then(|method| method.attribute("Algorithm"))
        .unwrap_or_default();
    let cipher = match uri {
        "" => return Err("it does not say how it is encrypted".to_owned()),
        uri => Cipher::of(uri).ok_or_else(|| format!("the cipher {} is not known", word(uri)))?,
    };
    let data = element.one(Space::Xenc, "CipherData")?;
    let value = match data {
        Some(data) => data.one(Space::Xenc, "CipherValue")?,
        None => None,
    };
    let value = value
        .and_then(|value| base64(value.text()))
        .filter(|value| !value.is_empty());
    Ok((cipher, value.ok_or("it holds no Base64")?))
}

/// Base64 with blanks and line ends anywhere, as XML has it.
pub(super) fn base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(text.len()));
    plain.extend(text.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    BASE64.decode(&plain).ok().map(Zeroizing::new)
}
