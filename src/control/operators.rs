//! Operators of the console: how one logs in, what is known of one, what moved in the box while one looks. Plain data for the
//! frames of `console.sock` (R24) and for `postern operator`.

use serde::{Deserialize, Serialize};

use super::peer::Role;
use super::wire;
use crate::secret::Secret;
use crate::store::records::Timestamp;

/// What anybody at `console.sock` may know before a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The daemon's version.
    pub version: String,
    /// The box's host name.
    pub host: String,
    /// At least one operator exists; while none does, the console may make the first one and nothing else (R24).
    pub operators: bool,
    /// Whether RADIUS requests are answered now.
    pub answering: bool,
    /// Whether the clock is trusted; while it is not, a login leads to the clock screen only (R19).
    pub clock_trusted: bool,
}

/// An operator at the door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// Name.
    pub name: String,
    /// Password.
    #[serde(with = "wire::bytes")]
    pub password: Secret,
    /// The operator's own code, for one who has a token.
    #[serde(default, with = "wire::text::option", skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
    /// The line that the console stands on (`tty1`, `ttyS0`, `pts/3`): for the record.
    pub line: String,
}

/// An operator who is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Name.
    pub operator: String,
    /// What the operator may.
    pub role: Role,
    /// Only the clock may be looked at and confirmed, since it is not trusted (R19).
    pub clock_only: bool,
    /// Without a key for so many seconds, posternd ends it.
    pub idle_seconds: u32,
    /// When this operator logged in before.
    #[serde(default, with = "wire::when::option")]
    pub last: Option<Timestamp>,
    /// Wrong passwords or codes for this name since then.
    pub failures: u32,
}

/// A new operator. At `console.sock` the first one may be made without a login, and is then logged in on that connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorAdd {
    /// 2 to 32 of `a-z 0-9 . _ -`, beginning with a letter.
    pub name: String,
    /// What the operator may; the first one is an installer.
    pub role: Role,
    /// In clear: the daemon hashes it. At least 12 characters, none of the usual ones.
    #[serde(with = "wire::bytes")]
    pub password: Secret,
    /// The line that the console stands on; empty from the command line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub line: String,
}

/// A change to an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorSet {
    /// Which.
    pub name: String,
    /// What the operator may from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// A disabled operator cannot log in; sessions end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// A new password, in clear: the daemon hashes it.
    #[serde(default, with = "wire::bytes::option", skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
}

/// An operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorInfo {
    /// Name.
    pub name: String,
    /// What the operator may.
    pub role: Role,
    /// Not disabled.
    pub enabled: bool,
    /// Logs in with a code too.
    pub token: bool,
    /// A token was made and waits for its first code.
    pub token_pending: bool,
    /// Locked after wrong passwords or codes, for so many seconds more.
    #[serde(default)]
    pub locked_seconds: Option<u64>,
    /// When the record was made.
    #[serde(with = "wire::when")]
    pub created: Timestamp,
    /// The last login.
    #[serde(default, with = "wire::when::option")]
    pub last: Option<Timestamp>,
    /// Sessions that stand now: the lines.
    pub lines: Vec<String>,
}

/// All operators, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorList {
    /// The operators.
    pub operators: Vec<OperatorInfo>,
}

/// A token made for an operator's own login: TOTP by the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorTokenMade {
    /// Whose.
    pub operator: String,
    /// The seed, shown this once.
    #[serde(rename = "key", with = "wire::key")]
    pub seed: Secret,
    /// The issuer for the URI, from the settings.
    pub issuer: String,
}

/// What moves while somebody looks. Each number grows with a change; what they count is nobody's business.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Users, tokens, clients, tenants, operators, settings: something an operator changed.
    pub records: u64,
    /// Logins and other entries of the audit log.
    pub log: u64,
    /// Unknown sources and packets that could not be verified.
    pub knocks: u64,
    /// Alarms, the clock, directories, whether the box answers.
    pub state: u64,
}
