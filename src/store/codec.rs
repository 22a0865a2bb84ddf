//! Names and bytes of the records in sled. In: typed records; out: key and value, and back. A key is a letter and big-endian
//! numbers, so that records stand in the order of their numbers; a value is a version byte, then postcard, sealed under the key as its
//! name (R21) unless nothing in it is secret.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::records::{
    Client, ClientId, Operator, OperatorId, SeedMark, SeedState, Settings, Tenant, Token, Unassigned, User, UserId,
};
use super::{StoreError, older};
use crate::seal::Sealer;

/// The version byte of a value, where nothing else is said.
const VERSION: u8 = 1;
/// The most bytes of a value: beyond 64 KB sled begins to keep them in files of their own.
const VALUE_MAX: usize = 60_000;

/// Users with their tokens.
pub(super) const USERS: u8 = b'u';
/// Clients.
pub(super) const CLIENTS: u8 = b'c';
/// Tenants.
pub(super) const TENANTS: u8 = b't';
/// Operators.
pub(super) const OPERATORS: u8 = b'o';
/// Tokens that nobody has yet.
pub(super) const UNASSIGNED: u8 = b'd';
/// The settings.
pub(super) const SETTINGS: &[u8] = b"g";
/// Seeds' last steps.
pub(super) const SEEDS: u8 = b's';
/// The caller's blobs.
pub(super) const LIVE: u8 = b'l';
/// Schema and key.
pub(super) const META: &[u8] = b"mstore";
/// What is counted.
pub(super) const COUNTERS: &[u8] = b"mcounters";
/// The journal's position.
pub(super) const FOLDED: &[u8] = b"mfolded";
/// That the store came from a copy.
pub(super) const RESTORED: &[u8] = b"mrestored";

/// A user and the user's tokens are one record: they are always wanted together, and sled takes room by the record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) user: User,
    /// In the order they were added.
    pub(super) tokens: Vec<Token>,
}

/// A key by its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    User(UserId),
    Client(ClientId),
    Tenant(&'a str),
    Operator(OperatorId),
    Unassigned(SeedMark),
    Settings,
    Seed(SeedMark),
    Live(u8, &'a [u8]),
    Meta,
}

impl Key<'_> {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(18);
        match self {
            Key::User(id) => out.extend([USERS].into_iter().chain(id.0.to_be_bytes())),
            Key::Client(id) => out.extend([CLIENTS].into_iter().chain(id.0.to_be_bytes())),
            Key::Tenant(domain) => out.extend([TENANTS].iter().chain(domain.as_bytes())),
            Key::Operator(id) => out.extend([OPERATORS].into_iter().chain(id.0.to_be_bytes())),
            Key::Unassigned(mark) => out.extend([UNASSIGNED].iter().chain(&mark.0)),
            Key::Settings => out.extend_from_slice(SETTINGS),
            Key::Seed(mark) => out.extend([SEEDS].iter().chain(&mark.0)),
            Key::Live(kind, key) => out.extend([LIVE, *kind].iter().chain(*key)),
            Key::Meta => out.extend_from_slice(META),
        }
        out
    }

    /// None: not a key that is known.
    pub(super) fn parse(bytes: &[u8]) -> Option<Key<'_>> {
        let (first, rest) = bytes.split_first()?;
        let number = |bytes: &[u8]| Some(u64::from_be_bytes(bytes.try_into().ok()?));
        Some(match *first {
            USERS => Key::User(UserId(number(rest)?)),
            CLIENTS => Key::Client(ClientId(number(rest)?)),
            TENANTS => Key::Tenant(std::str::from_utf8(rest).ok()?),
            OPERATORS => Key::Operator(OperatorId(number(rest)?)),
            UNASSIGNED => Key::Unassigned(SeedMark(rest.try_into().ok()?)),
            SEEDS => Key::Seed(SeedMark(rest.try_into().ok()?)),
            LIVE => rest.split_first().map(|(kind, key)| Key::Live(*kind, key))?,
            _ if bytes == SETTINGS => Key::Settings,
            _ if [META, COUNTERS, FOLDED, RESTORED].contains(&bytes) => Key::Meta,
            _ => return None,
        })
    }
}

/// A record that holds a secret and lies sealed.
pub(super) trait Sealed: Serialize + DeserializeOwned {
    /// The version it is written in.
    const VERSION: u8 = VERSION;

    /// Reads what version 1 wrote, where another one is written now.
    fn older(_plain: &[u8]) -> Option<Self> {
        None
    }
}

impl Sealed for Person {
    const VERSION: u8 = 2;

    fn older(plain: &[u8]) -> Option<Self> {
        older::person(plain)
    }
}

impl Sealed for Settings {
    const VERSION: u8 = 2;

    fn older(plain: &[u8]) -> Option<Self> {
        older::settings(plain)
    }
}

impl Sealed for Client {}
impl Sealed for Tenant {}
impl Sealed for Operator {}
impl Sealed for Unassigned {}

/// What a record is sealed under: its key, and from version 2 on the version too, so that its bytes are not taken for those of
/// another one.
fn name(key: &[u8], version: u8) -> Vec<u8> {
    let version = (version > VERSION).then_some(version);
    key.iter().copied().chain(version).collect()
}

/// A record that holds a secret, sealed under its key.
pub(super) fn seal<T: Sealed>(sealer: &Sealer, key: &[u8], record: &T) -> Result<Vec<u8>, StoreError> {
    // Room enough that the secret is seldom copied to a larger place and left behind.
    let plain = postcard::to_extend(record, Vec::with_capacity(1024)).map(Zeroizing::new);
    let plain = plain.map_err(|_| StoreError::TooLong)?;
    let sealed = sealer.seal(&name(key, T::VERSION), &plain);
    let sealed = sealed.map_err(|e| StoreError::Io(e.to_string()))?;
    with_version(T::VERSION, &sealed)
}

/// The reverse of [`seal`], older versions too.
pub(super) fn open<T: Sealed>(sealer: &Sealer, key: &[u8], value: &[u8]) -> Option<T> {
    let (version, sealed) = value.split_first()?;
    if ![VERSION, T::VERSION].contains(version) {
        return None;
    }
    let plain = sealer.open(&name(key, *version), sealed).ok()?;
    match *version == T::VERSION {
        true => exactly(&plain),
        false => T::older(&plain),
    }
}

/// A record without a secret.
pub(super) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, StoreError> {
    versioned(&postcard::to_allocvec(record).map_err(|_| StoreError::TooLong)?)
}

/// The reverse of [`encode`].
pub(super) fn decode<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    let (version, rest) = value.split_first()?;
    (*version == VERSION).then(|| exactly(rest))?
}

/// What is remembered of a seed is written in this version.
const SEED_VERSION: u8 = 2;

/// What is remembered of a seed.
pub(super) fn encode_seed(state: &SeedState) -> Result<Vec<u8>, StoreError> {
    let plain = postcard::to_allocvec(state).map_err(|_| StoreError::TooLong)?;
    with_version(SEED_VERSION, &plain)
}

/// The reverse of [`encode_seed`], older versions too.
pub(super) fn decode_seed(value: &[u8]) -> Option<SeedState> {
    match value.split_first()? {
        (&SEED_VERSION, rest) => exactly(rest),
        (&VERSION, rest) => older::seed(rest),
        _ => None,
    }
}

/// A blob of the caller's.
pub(super) fn versioned(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    with_version(VERSION, bytes)
}

fn with_version(version: u8, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    if bytes.len() > VALUE_MAX {
        return Err(StoreError::TooLong);
    }
    let mut out = Vec::with_capacity(1 + bytes.len());
    out.push(version);
    out.extend_from_slice(bytes);
    Ok(out)
}

/// The reverse of [`versioned`].
pub(super) fn unversioned(value: &[u8]) -> Option<&[u8]> {
    value
        .split_first()
        .filter(|(version, _)| **version == VERSION)
        .map(|(_, rest)| rest)
}

/// A record and nothing behind it.
pub(super) fn exactly<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((record, [])) => Some(record),
        _ => None,
    }
}
