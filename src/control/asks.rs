//! What the operations take. Plain data; what can be wrong in it is told by `check` before it is sent, and by the daemon, whose
//! word counts. A field that is `None` leaves things as they are, or takes the documented default where something is made.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::wire;
use crate::secret::Secret;
use crate::store::records::{
    Charset, First, Mode, Net, Order, OtpParameters, Override, Timestamp, TokenId, TotpParameters, Unavailable,
    Unmatched,
};

/// The longest a log request may wait for something new, in milliseconds.
pub const LOG_WAIT_MAX_MS: u32 = 10_000;
/// Most log entries in one answer.
pub const LOG_LIMIT_MAX: u32 = 500;
/// Most users in one answer.
pub const USERS_LIMIT_MAX: u32 = 1_000;
/// Most rows in one [`ImportBatch`].
pub const IMPORT_BATCH_MAX: usize = 1_000;
/// Most tokens in one [`ExportAsk`]'s answer.
pub const EXPORT_LIMIT_MAX: usize = 1_000;
/// Minutes that a bypass code is good for where the operator says nothing (R18).
pub const BYPASS_MINUTES: u8 = 5;
/// The most minutes that a bypass code may be good for (R18).
pub const BYPASS_MINUTES_MAX: u8 = 60;

/// What stands between password and code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delimiter {
    /// Nothing.
    None,
    /// This character.
    Is(char),
}

impl From<Delimiter> for Option<char> {
    fn from(delimiter: Delimiter) -> Self {
        match delimiter {
            Delimiter::None => None,
            Delimiter::Is(c) => Some(c),
        }
    }
}

/// The settings of a RADIUS client, as an operator names them; `None` is "leave it" or "the default".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientFields {
    /// The shared secret; 1 to 128 bytes.
    #[serde(with = "wire::bytes::option", skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// How the code comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Where the password is checked. `code-only` implies `none` (R2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<First>,
    /// R6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_message_authenticator: Option<bool>,
    /// Order in one field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// Between password and code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Delimiter>,
    /// Names that are not in the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmatched: Option<Unmatched>,
    /// R11.
    #[serde(
        rename = "reject_delay_ms",
        with = "wire::millis::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub reject_delay: Option<Duration>,
    /// The time a directory has.
    #[serde(
        rename = "deadline_ms",
        with = "wire::millis::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub deadline: Option<Duration>,
    /// While a directory cannot be asked (R15).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<Unavailable>,
    /// The Reply-Message of an Access-Challenge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// How long a challenge stands open.
    #[serde(
        rename = "challenge_timeout_ms",
        with = "wire::millis::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub challenge_timeout: Option<Duration>,
    /// Character set on the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charset: Option<Charset>,
    /// Most verified requests in flight (R8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u32>,
}

/// A new RADIUS client. Without a secret the daemon makes one of 32 characters and answers it, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientAdd {
    /// The operator's word for it.
    pub name: String,
    /// Where it asks from.
    #[serde(with = "wire::net")]
    pub net: Net,
    /// The rest.
    pub fields: ClientFields,
}

/// A change to a RADIUS client. With `make_secret` the answer is that of a new client: it shows the secret, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSet {
    /// Which.
    pub name: String,
    /// Its new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rename: Option<String>,
    /// Where it asks from now.
    #[serde(default, with = "wire::net::option", skip_serializing_if = "Option::is_none")]
    pub net: Option<Net>,
    /// The rest.
    pub fields: ClientFields,
    /// The daemon makes a new shared secret, as for a new client.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub make_secret: bool,
}

/// A new user. The name is made canonical by the daemon (R3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserAdd {
    /// As the operator wrote it.
    pub name: String,
    /// A local password, in clear: the daemon hashes it. The user is then checked against it alone (R4).
    #[serde(default, with = "wire::bytes::option", skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Needs no code (R2).
    pub exempt: bool,
}

/// What becomes of a local password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PasswordChange {
    /// This one from now on, in clear: the daemon hashes it.
    To(#[serde(with = "wire::bytes")] Secret),
    /// None: the directory is asked from now on.
    Remove,
}

/// A change to a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserSet {
    /// Which.
    pub name: String,
    /// Needs no code (R2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exempt: Option<bool>,
    /// The local password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordChange>,
}

/// A page of the user list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserSearch {
    /// What the name contains, in any case; empty for everybody.
    pub search: String,
    /// How many to leave out, in the order of the names.
    pub offset: u32,
    /// How many to answer, [`USERS_LIMIT_MAX`] at most.
    pub limit: u32,
    /// Only enabled users who have no token that counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_token: bool,
}

/// A page of some list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageAsk {
    /// What serial number or model contains, in any case; empty for all.
    pub search: String,
    /// How many to leave out.
    pub offset: u32,
    /// How many to answer, [`USERS_LIMIT_MAX`] at most.
    pub limit: u32,
}

/// Which hardware tokens a list holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HardwareWhich {
    /// All that have a serial number.
    #[default]
    All,
    /// Those that were begun here and wait: for the writing to end, or for their code.
    Pending,
}

/// A page of the hardware tokens that users have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HardwareAsk {
    /// Which of them.
    pub which: HardwareWhich,
    /// The page; the search looks at users' names too.
    pub page: PageAsk,
}

/// A hardware token is to be programmed for a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenProgram {
    /// Whose.
    pub user: String,
    /// As the token says.
    pub serial: String,
    /// As the token or its serial number says.
    pub model: String,
    /// Which profile of a Molto-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<u8>,
    /// Hash, digits, period.
    pub parameters: TotpParameters,
    /// The operator was asked: what is in the token now, and who has it, may go. Without it a token that somebody has is refused.
    pub replace: bool,
}

/// A vendor's token becomes a user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenAssign {
    /// Whose.
    pub user: String,
    /// As printed on it.
    pub serial: String,
    /// Where two makers print the same number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// Seeds of tokens that this box programmed, [`EXPORT_LIMIT_MAX`] at most, by number (R25).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportAsk {
    /// The installer whose password it is; at the console the one who is logged in. Root at `control.sock` needs neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// That installer's password.
    #[serde(default, with = "wire::bytes::option", skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Tokens with a higher number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<TokenId>,
}

/// A new token of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenAdd {
    /// Whose.
    pub user: String,
    /// The seed; without one the daemon makes 20 bytes.
    #[serde(default, with = "wire::bytes::option", skip_serializing_if = "Option::is_none")]
    pub seed: Option<Secret>,
    /// Time or counter, hash, digits, period.
    pub parameters: OtpParameters,
    /// The counter of the next code; 0 where the time moves it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub counter: u64,
    /// Counts at once, without a confirmation.
    pub active: bool,
}

fn is_zero(counter: &u64) -> bool {
    *counter == 0
}

/// One row of a token file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportRow {
    /// Line of the file, 1 for the header: the result names it.
    pub line: u64,
    /// Whose; made if missing. Empty: nobody's yet, kept under its serial number until it is assigned.
    pub user: String,
    /// Serial number.
    pub serial: String,
    /// The key.
    #[serde(with = "wire::bytes")]
    pub seed: Secret,
    /// Time or counter, hash, digits, period.
    pub parameters: OtpParameters,
    /// The counter of the next code; 0 where the time moves it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub counter: u64,
    /// Manufacturer and model.
    pub model: String,
}

/// Some rows of a token file, [`IMPORT_BATCH_MAX`] at most: each is written or refused for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportBatch {
    /// The rows.
    pub rows: Vec<ImportRow>,
    /// Says what would happen and writes nothing.
    pub dry_run: bool,
    /// The tokens count at once, without a confirmation.
    pub active: bool,
}

/// A tenant made or changed. For a new one `tenant` and `client_id` must be there; a change of tenant, client ID, scope or
/// authority voids the proof (R13).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EntraSet {
    /// The domain of its users' names: which tenant.
    pub domain: String,
    /// Directory (tenant) ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Application (client) ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Of a confidential client; empty bytes make it a public one again.
    #[serde(with = "wire::bytes::option", skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Secret>,
    /// Scheme, host and port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// OAuth2 scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// PEM text of a private authority; empty for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// HTTP proxy; empty for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// NetBIOS prefixes, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefixes: Option<Vec<String>>,
    /// Names without a domain belong here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<bool>,
    /// A user without MFA is let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_without_mfa: Option<bool>,
    /// 50079 and 50072 go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_unregistered: Option<bool>,
    /// 50158 goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_external: Option<bool>,
    /// Verdicts by AADSTS code (R12); `None` as a value takes the override away.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub overrides: BTreeMap<u32, Option<Override>>,
    /// Wrong passwords a user in 24 h (R14).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<u8>,
    /// Switches it on unproven; an alarm says so.
    pub enable: bool,
}

/// A login at a directory, to prove or to test it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryLogin {
    /// Whose: its domain chooses the tenant.
    pub user: String,
    /// The right password.
    #[serde(with = "wire::bytes")]
    pub password: Secret,
}

/// Which audit records are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogFilter {
    /// Of this user only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Of this client only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Not older than this.
    #[serde(with = "wire::when::option", skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// A page of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogAsk {
    /// Which records.
    pub filter: LogFilter,
    /// With it: records with a higher number, oldest first, `limit` at most. Without: the newest `limit` records. Either way they
    /// are answered in the order in which they were written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// How many, [`LOG_LIMIT_MAX`] at most.
    pub limit: u32,
    /// Where nothing is there yet: how long to wait for something, [`LOG_WAIT_MAX_MS`] at most; 0 answers at once.
    pub wait_ms: u32,
}
