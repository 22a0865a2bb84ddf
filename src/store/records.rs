//! The records that the store keeps: users, tokens, clients, tenants, operators, settings. Plain data; the store versions and seals them,
//! the pipeline reads them, `control` changes them. Nothing here decides anything.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

mod operators;
mod tenants;

pub use operators::{Operator, OperatorId, OperatorToken, Role};
pub use tenants::{Override, Proof, Tenant};

/// Milliseconds since 1970-01-01T00:00:00Z, by the box's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Whole seconds since 1970, as TOTP counts them (RFC 6238 4.2).
    pub fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This much later.
    pub fn plus(self, by: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
    }

    /// This much earlier, 1970 at the earliest.
    pub fn minus(self, by: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// A user's number; never given twice, so that an audit record names one person only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub u64);

/// A token's number; never given twice. The operator names a token by it (`token remove USER ID`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenId(pub u64);

/// A RADIUS client's number; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientId(pub u64);

/// A seed's name that says nothing of the seed: HMAC-SHA256 under a key of the box, first 16 bytes. The last step hangs on it, so
/// that removing a token and adding its seed again does not make old codes good (R16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeedMark(pub [u8; 16]);

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Given by the store.
    pub id: UserId,
    /// The canonical name (R3): case-folded, with its domain, normalised.
    pub name: String,
    /// A disabled user is refused before anything else is looked at.
    pub enabled: bool,
    /// Needs no second factor; the password alone is enough (R2), and the audit says so.
    pub exempt: bool,
    /// argon2id hash in PHC form. A user who has one is checked against it alone (R4).
    pub local_password: Option<Secret>,
    /// When the record was made.
    pub created: Timestamp,
    /// Grows by one with every change to the user or the user's tokens; a verdict kept for R9 is void when it differs.
    pub generation: u64,
}

/// The hash of a TOTP (RFC 6238 1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// HMAC-SHA-1, what every authenticator understands.
    #[default]
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

/// How a token makes its codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TotpParameters {
    /// The hash.
    pub algorithm: Algorithm,
    /// 6 or 8.
    pub digits: u8,
    /// Seconds a code lasts: 30 or 60.
    pub period: u8,
}

impl Default for TotpParameters {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Sha1,
            digits: 6,
            period: 30,
        }
    }
}

/// How a counter token makes its codes (RFC 4226). The counter itself is the seed's last step plus one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HotpParameters {
    /// The hash.
    pub algorithm: Algorithm,
    /// 6 or 8.
    pub digits: u8,
}

/// What moves a token's codes on: the time (RFC 6238) or a counter (RFC 4226).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OtpParameters {
    /// The time.
    Totp(TotpParameters),
    /// A counter, one further with each code that is shown.
    Hotp(HotpParameters),
}

impl Default for OtpParameters {
    fn default() -> Self {
        Self::Totp(TotpParameters::default())
    }
}

impl From<TotpParameters> for OtpParameters {
    fn from(parameters: TotpParameters) -> Self {
        Self::Totp(parameters)
    }
}

impl OtpParameters {
    /// The hash.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Totp(p) => p.algorithm,
            Self::Hotp(p) => p.algorithm,
        }
    }

    /// Digits of a code.
    pub fn digits(&self) -> u8 {
        match self {
            Self::Totp(p) => p.digits,
            Self::Hotp(p) => p.digits,
        }
    }

    /// Seconds a code lasts; none with a counter.
    pub fn period(&self) -> Option<u8> {
        match self {
            Self::Totp(p) => Some(p.period),
            Self::Hotp(_) => None,
        }
    }
}

/// Where a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenStatus {
    /// Made, not yet confirmed by a code: does not count.
    Pending,
    /// Counts.
    Active,
    /// A counter token after a loss (R20): its counter may be behind, so it does not count until two codes have come.
    Resync,
}

/// Where a token's seed came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenSource {
    /// Made by the box or typed by an operator: an app as a rule.
    #[default]
    App,
    /// From a vendor's or another server's token file.
    File,
    /// Made by this box and written to a hardware token here: it may be exported (R25).
    Programmed(Programmed),
}

/// A hardware token that this box programmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programmed {
    /// Which profile of a token that has several; none of one that has a single one.
    pub profile: Option<u8>,
    /// When the token took the seed; none: it is not known to hold it.
    pub written: Option<Timestamp>,
}

/// A vendor's token that nobody has yet. The seed is inside, so the record is sealed as a whole at rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unassigned {
    /// What is printed on it; never empty.
    pub serial: String,
    /// Manufacturer and model.
    pub model: String,
    /// How it makes its codes.
    pub parameters: OtpParameters,
    /// The counter of its next code; 0 where the time moves it.
    pub counter: u64,
    /// The shared key.
    pub seed: Secret,
    /// The seed's name: the record's key. The store sets it.
    pub mark: SeedMark,
    /// When the record was made.
    pub created: Timestamp,
}

/// A one-time-code token of one user. The seed is inside, so the record is sealed as a whole at rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Given by the store.
    pub id: TokenId,
    /// Whose it is.
    pub user: UserId,
    /// Time or counter, digits, hash.
    pub parameters: OtpParameters,
    /// The shared key (RFC 4226), 10 bytes or more.
    pub seed: Secret,
    /// The seed's name in [`crate::store::Store::seed`].
    pub mark: SeedMark,
    /// Pending or active.
    pub status: TokenStatus,
    /// Serial number of a hardware token; empty for an app.
    pub serial: String,
    /// Manufacturer and model of a hardware token; empty for an app.
    pub model: String,
    /// When the record was made.
    pub created: Timestamp,
    /// Where its seed came from.
    pub source: TokenSource,
}

/// What is remembered of a seed for ever, outside the sealed part (R16, R21).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedState {
    /// The token that holds the seed now; none after removal.
    pub token: Option<TokenId>,
    /// The user who held it last: one seed under two users is refused (R16).
    pub user: Option<UserId>,
    /// The highest step (with a counter token the highest counter) that was really spent; see [`SeedState::last`].
    pub last_step: Option<u64>,
    /// Steps by which the token's clock was ahead (positive) or behind at its last code.
    pub drift: i8,
    /// A counter moves its codes on, or did last.
    pub counts: bool,
    /// The counter of a counter token's first code, as it was declared: no code was spent for it, so it may be declared anew.
    pub begins: u32,
    /// What was spent while the seed was of the other kind, by time or by counter.
    pub other: Option<u64>,
    /// Counters may have been spent that nobody knows of (R20): no counter token of this seed counts before a resync.
    pub stale: bool,
}

/// Steps of the time are above this since 1986, and no key is pressed so often.
pub const TIME_STEPS: u64 = 1 << 24;

impl SeedState {
    /// The highest step or counter whose code is not taken any more: it was spent, or lies before a declared start.
    pub fn last(&self) -> Option<u64> {
        let declared = u64::from(self.begins).checked_sub(1).filter(|_| self.counts);
        self.last_step.max(declared)
    }

    /// The same seed in a token that a counter moves, or the time: what was spent as the one says nothing of the other, and is
    /// remembered all the same (R16).
    pub fn turned(mut self, counts: bool) -> Self {
        match (self.counts, counts) {
            (false, true) => {
                // A journal that is read again tells steps before anybody knows of which kind they are.
                let both = [self.last_step, self.other].into_iter().flatten();
                self.last_step = both.clone().filter(|step| *step < TIME_STEPS).max();
                self.other = both.filter(|step| *step >= TIME_STEPS).max();
                self.drift = 0;
            }
            (true, false) => {
                std::mem::swap(&mut self.last_step, &mut self.other);
                self.drift = 0;
            }
            _ => {}
        }
        self.counts = counts;
        self
    }
}

/// How a client sends the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Password and code in one field.
    #[default]
    Append,
    /// Password first, then the code in answer to an Access-Challenge.
    Challenge,
    /// The code alone: the gateway checks the password itself (R2).
    CodeOnly,
}

/// Which first factor a client's users have. A user with a local password is checked against it whatever stands here (R4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum First {
    /// Microsoft Entra ID, the tenant chosen by the name's domain.
    #[default]
    Entra,
    /// Only users with a local password.
    Local,
    /// None: only with [`Mode::CodeOnly`].
    None,
}

/// Which comes first in one field (mode append).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// `password` then `code`.
    #[default]
    PasswordCode,
    /// `code` then `password`.
    CodePassword,
}

/// What becomes of a name that is not in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unmatched {
    /// Refused.
    #[default]
    Refuse,
    /// Let in by the directory's password alone, unless Entra says that the user has a second factor (R2).
    PasswordOnly,
}

/// What a client hears while a directory cannot be asked (R15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unavailable {
    /// Access-Reject.
    #[default]
    Reject,
    /// Nothing, so that the client turns to its second server.
    Drop,
}

/// Character set of User-Name and User-Password on this client's wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Charset {
    /// UTF-8 (RFC 2865 5).
    #[default]
    Utf8,
    /// ISO 8859-1, as some old gear sends.
    Latin1,
}

/// An address range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Net {
    /// First address, host bits zero, never IPv4-mapped.
    pub address: IpAddr,
    /// Bits that count.
    pub length: u8,
}

/// A RADIUS client (RFC 2865: "NAS"): who may ask, and how it is answered. The shared secret is inside, so the record is sealed as
/// a whole at rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Given by the store.
    pub id: ClientId,
    /// The operator's word for it.
    pub name: String,
    /// Where it asks from; the longest prefix wins.
    pub net: Net,
    /// The shared secret (RFC 2865 3).
    pub secret: Secret,
    /// How the code comes.
    pub mode: Mode,
    /// Where the password is checked.
    pub first: First,
    /// R6: drop a request without Message-Authenticator.
    pub require_message_authenticator: bool,
    /// Order in one field.
    pub order: Order,
    /// Between password and code, if the users type one.
    pub delimiter: Option<char>,
    /// Names that are not in the store.
    pub unmatched: Unmatched,
    /// No Access-Reject leaves earlier than this after its request (R11).
    pub reject_delay: Duration,
    /// The time a directory has.
    pub deadline: Duration,
    /// While a directory cannot be asked.
    pub unavailable: Unavailable,
    /// The Reply-Message of an Access-Challenge.
    pub prompt: String,
    /// How long a challenge stands open.
    pub challenge_timeout: Duration,
    /// Character set on the wire.
    pub charset: Charset,
    /// Most verified requests in flight (R8).
    pub in_flight: u32,
    /// When the record was made.
    pub created: Timestamp,
    /// Grows by one with every change.
    pub generation: u64,
}

/// [`Client::reject_delay`] where the operator says nothing (R11).
pub const REJECT_DELAY: Duration = Duration::from_secs(1);
/// [`Client::deadline`] where the operator says nothing: inside NetScaler's 3 s window (facts: clients give up after 3 to 10 s).
pub const DEADLINE: Duration = Duration::from_millis(2500);
/// [`Client::challenge_timeout`] where the operator says nothing: what FortiGate allows.
pub const CHALLENGE_TIMEOUT: Duration = Duration::from_secs(60);
/// [`Client::prompt`] where the operator says nothing.
pub const PROMPT: &str = "Enter the code from your token or app";
/// [`Client::in_flight`] where the operator says nothing.
pub const IN_FLIGHT: u32 = 10_000;

/// Settings of the whole box.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Issuer shown in an authenticator; `Postern` where empty.
    pub issuer: String,
    /// The customer key of this house's Molto-2 tokens, where it is not the maker's.
    pub molto_key: Option<Secret>,
}
