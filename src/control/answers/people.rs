//! Answers about users and their tokens.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::wire;
use crate::secret::Secret;
use crate::store::records::{
    Algorithm, HotpParameters, OtpParameters, Timestamp, TokenId, TokenSource, TokenStatus, TotpParameters,
};

/// A user in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    /// The canonical name.
    pub name: String,
    /// Not disabled.
    pub enabled: bool,
    /// Needs no code.
    pub exempt: bool,
    /// Has a password in the box.
    pub local_password: bool,
    /// Tokens that count.
    pub active_tokens: u32,
    /// Tokens that wait for a confirmation.
    pub pending_tokens: u32,
    /// Counter tokens that wait for a resync (R20).
    #[serde(default)]
    pub resync_tokens: u32,
    /// Locked somewhere (R17).
    pub locked: bool,
}

/// A page of users, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserList {
    /// The page.
    pub users: Vec<UserRow>,
    /// How many the search found in all.
    pub total: u64,
}

/// A user in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfo {
    /// As in the list.
    #[serde(flatten)]
    pub row: UserRow,
    /// When the record was made.
    #[serde(with = "wire::when")]
    pub created: Timestamp,
    /// The tokens.
    pub tokens: Vec<TokenInfo>,
    /// Where the user is locked now.
    pub locks: Vec<LockInfo>,
    /// Wrong passwords at the directory in the last 24 h, and how many there may be (R14); none without a directory.
    #[serde(default)]
    pub budget: Option<BudgetInfo>,
    /// A bypass code is good until then (R18).
    #[serde(default, with = "wire::when::option")]
    pub bypass_until: Option<Timestamp>,
}

/// A lock (R17).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockInfo {
    /// Where, in plain words: `at station 192.0.2.7`, `at every new station`, `at client vpn`.
    pub place: String,
    /// Wrong codes counted there.
    pub wrong: u32,
    /// Until then; none: until an Access-Accept or an unlock.
    #[serde(default, with = "wire::when::option")]
    pub until: Option<Timestamp>,
}

/// The budget at the directory (R14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetInfo {
    /// Wrong passwords in the last 24 h.
    pub spent: u8,
    /// How many there may be.
    pub of: u8,
}

/// A bypass code, shown this once (R18).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BypassCode {
    /// Whose, canonical.
    pub user: String,
    /// The code.
    #[serde(with = "wire::text")]
    pub code: Secret,
    /// Minutes it is good for.
    pub minutes: u8,
    /// Until then, by the box's clock.
    #[serde(with = "wire::when")]
    pub until: Timestamp,
}

/// A token, without its seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// Its number.
    pub id: TokenId,
    /// Whose, canonical.
    pub user: String,
    /// Pending or active.
    pub status: TokenStatus,
    /// Hash.
    pub algorithm: Algorithm,
    /// Digits of a code.
    pub digits: u8,
    /// Seconds a code lasts; none with a counter token (RFC 4226).
    pub period: Option<u8>,
    /// The counter of a counter token's next code; none where the time moves it.
    #[serde(default)]
    pub counter: Option<u64>,
    /// Of a hardware token; empty for an app.
    pub serial: String,
    /// Of a hardware token; empty for an app.
    pub model: String,
    /// Where its seed came from.
    pub source: TokenSource,
    /// When the record was made.
    #[serde(with = "wire::when")]
    pub created: Timestamp,
    /// Seconds by which its clock was ahead (positive) or behind at the last code.
    pub drift_seconds: i32,
    /// When the step of its last code began.
    #[serde(default, with = "wire::when::option")]
    pub last_code: Option<Timestamp>,
}

impl TokenInfo {
    /// When the first code begins that is not spent, by the box's clock; none with a counter, and where none was spent. It lies ahead
    /// where the token's clock was ahead and was set back: until then what the token shows is spent (R16).
    pub fn next_code(&self) -> Option<Timestamp> {
        let period = Duration::from_secs(u64::from(self.period?));
        Some(self.last_code?.plus(period))
    }

    /// How it makes its codes.
    pub fn parameters(&self) -> OtpParameters {
        let (algorithm, digits) = (self.algorithm, self.digits);
        match self.period {
            Some(period) => OtpParameters::Totp(TotpParameters {
                algorithm,
                digits,
                period,
            }),
            None => OtpParameters::Hotp(HotpParameters { algorithm, digits }),
        }
    }
}

/// The tokens of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenList {
    /// The tokens, by number.
    pub tokens: Vec<TokenInfo>,
}

/// A token that was just made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenMade {
    /// The token.
    pub token: TokenInfo,
    /// The seed, shown this once.
    #[serde(rename = "key", with = "wire::key")]
    pub seed: Secret,
    /// The issuer for the URI, from the settings.
    pub issuer: String,
    /// What the operator should know, each one line.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowOutcome {
    /// Written; in a dry run: would be.
    Added,
    /// There already, the same in all: nothing to do.
    Same,
    /// Not written.
    Refused,
}

/// A row's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowResult {
    /// Line of the file.
    pub line: u64,
    /// What became of it.
    pub outcome: RowOutcome,
    /// The user was made too.
    #[serde(default)]
    pub user_made: bool,
    /// It is nobody's yet: kept until it is assigned.
    #[serde(default)]
    pub unassigned: bool,
    /// Why it was refused, or a warning, one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What became of a batch, in the order of its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// One for each row.
    pub results: Vec<RowResult>,
}
