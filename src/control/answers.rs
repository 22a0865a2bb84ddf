//! What the operations answer. Plain data, good for a frame, for `--json` and for text; a secret stands only where the operation
//! exists to show it once (R21). Every text from elsewhere is already shown text (R22).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::wire;
use crate::secret::Secret;
use crate::store::records::{
    Algorithm, Charset, First, Mode, Net, Order, Override, Timestamp, TokenId, TokenStatus, Unavailable, Unmatched,
};

/// Someone is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {
    /// The daemon's version.
    pub version: String,
}

/// The box at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Whether RADIUS requests are answered now.
    pub answering: bool,
    /// If not: why, in plain words, and what to do.
    #[serde(default)]
    pub because: Option<String>,
    /// The daemon's version.
    pub version: String,
    /// When it started.
    #[serde(with = "wire::when")]
    pub since: Timestamp,
    /// The clock (R19).
    pub clock: ClockReport,
    /// Where authentication is served.
    pub auth: Vec<SocketAddr>,
    /// Where accounting is served.
    pub acct: Vec<SocketAddr>,
    /// Users in the store.
    pub users: u64,
    /// Tokens in the store.
    pub tokens: u64,
    /// Clients in the store.
    pub clients: u64,
    /// Directories.
    pub tenants: Vec<TenantHealth>,
    /// What stands and wants somebody, the gravest first.
    pub alarms: Vec<Alarm>,
    /// Counts since the start, by kebab-case name.
    pub counters: BTreeMap<String, u64>,
}

/// Something wants somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Kebab-case name that does not change with the words.
    pub code: String,
    /// What is wrong, one line.
    pub what: String,
    /// What to do, one line.
    pub todo: String,
    /// Since when.
    #[serde(with = "wire::when")]
    pub since: Timestamp,
}

/// Whether a directory can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantHealth {
    /// The domain of its users' names.
    pub domain: String,
    /// Whether logins ask it.
    pub state: TenantState,
    /// Not asked until then, after an outage or 429 (R14).
    #[serde(default, with = "wire::when::option")]
    pub paused_until: Option<Timestamp>,
}

/// Whether a tenant may be asked (R13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TenantState {
    /// Not proven: off.
    Off,
    /// Proven: on.
    Proven,
    /// Switched on unproven.
    Unproven,
}

/// The clock (R19).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReport {
    /// Whether codes can be checked by it.
    pub trusted: bool,
    /// Why it is trusted, or not: `ntp`, `rtc`, `confirmed`, `system`, `none`.
    pub source: String,
    /// What it shows.
    #[serde(with = "wire::when")]
    pub now: Timestamp,
    /// The newest trusted time that was ever seen.
    #[serde(default, with = "wire::when::option")]
    pub newest_seen: Option<Timestamp>,
    /// If it is not trusted: what it waits for, in plain words, and what to do.
    #[serde(default)]
    pub waiting_for: Option<String>,
}

/// A RADIUS client, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientInfo {
    /// The operator's word for it.
    pub name: String,
    /// Where it asks from.
    #[serde(with = "wire::net")]
    pub net: Net,
    /// How the code comes.
    pub mode: Mode,
    /// Where the password is checked.
    pub first: First,
    /// R6.
    pub require_message_authenticator: bool,
    /// Order in one field.
    pub order: Order,
    /// Between password and code.
    pub delimiter: Option<char>,
    /// Names that are not in the store.
    pub unmatched: Unmatched,
    /// R11.
    #[serde(rename = "reject_delay_ms", with = "wire::millis")]
    pub reject_delay: Duration,
    /// The time a directory has.
    #[serde(rename = "deadline_ms", with = "wire::millis")]
    pub deadline: Duration,
    /// While a directory cannot be asked (R15).
    pub unavailable: Unavailable,
    /// The Reply-Message of an Access-Challenge.
    pub prompt: String,
    /// How long a challenge stands open.
    #[serde(rename = "challenge_timeout_ms", with = "wire::millis")]
    pub challenge_timeout: Duration,
    /// Character set on the wire.
    pub charset: Charset,
    /// Most verified requests in flight (R8).
    pub in_flight: u32,
    /// When it was made.
    #[serde(with = "wire::when")]
    pub created: Timestamp,
    /// Characters of the shared secret: a hint to a mistyped one, no more.
    pub secret_length: u32,
    /// When a verified packet of it came last, since the daemon's start.
    #[serde(default, with = "wire::when::option")]
    pub last_packet: Option<Timestamp>,
    /// What the operator should know of these settings, each one line.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// All clients, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientList {
    /// The clients.
    pub clients: Vec<ClientInfo>,
}

/// A client that was just made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientMade {
    /// The client.
    pub client: ClientInfo,
    /// The secret, if the box made it: printable ASCII, shown this once.
    #[serde(default, with = "wire::text::option")]
    pub secret: Option<Secret>,
}

/// A user in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Seconds a code lasts.
    pub period: u8,
    /// Of a hardware token; empty for an app.
    pub serial: String,
    /// Of a hardware token; empty for an app.
    pub model: String,
    /// When the record was made.
    #[serde(with = "wire::when")]
    pub created: Timestamp,
    /// Seconds by which its clock was ahead (positive) or behind at the last code.
    pub drift_seconds: i32,
    /// When the step of its last code began.
    #[serde(default, with = "wire::when::option")]
    pub last_code: Option<Timestamp>,
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

/// A tenant, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantInfo {
    /// The domain of its users' names.
    pub domain: String,
    /// Whether logins ask it.
    pub state: TenantState,
    /// Since when it is proven or switched on.
    #[serde(default, with = "wire::when::option")]
    pub state_since: Option<Timestamp>,
    /// Not asked until then (R14).
    #[serde(default, with = "wire::when::option")]
    pub paused_until: Option<Timestamp>,
    /// Directory (tenant) ID.
    pub tenant: String,
    /// Application (client) ID.
    pub client_id: String,
    /// Has a client secret.
    pub confidential: bool,
    /// Scheme, host and port.
    pub authority: String,
    /// OAuth2 scope.
    pub scope: String,
    /// Trusts a private authority.
    pub private_ca: bool,
    /// HTTP proxy.
    #[serde(default)]
    pub proxy: Option<String>,
    /// NetBIOS prefixes.
    pub prefixes: Vec<String>,
    /// Names without a domain belong here.
    pub default: bool,
    /// A user without MFA is let in.
    pub allow_without_mfa: bool,
    /// 50079 and 50072 go on.
    pub allow_unregistered: bool,
    /// 50158 goes on.
    pub allow_external: bool,
    /// Verdicts by AADSTS code (R12).
    pub overrides: BTreeMap<u32, Override>,
    /// Wrong passwords a user in 24 h (R14).
    pub budget: u8,
    /// What the operator should know, each one line.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// All tenants, by domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantList {
    /// The tenants.
    pub tenants: Vec<TenantInfo>,
}

/// What a directory said to one login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryAnswer {
    /// The verdict's word: `continue`, `refuse`, `configuration`, `unavailable` and the like.
    pub verdict: String,
    /// AADSTS number.
    #[serde(default)]
    pub code: Option<u32>,
    /// What it means, in plain words, one line.
    pub words: String,
    /// For a support call.
    #[serde(default)]
    pub correlation: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
}

/// What `entra prove` saw (R13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProveReport {
    /// Which tenant.
    pub domain: String,
    /// The name that was sent.
    pub user: String,
    /// The answer to the right password.
    pub right: DirectoryAnswer,
    /// The answer to the wrong one; not asked if the first answer settled it.
    #[serde(default)]
    pub wrong: Option<DirectoryAnswer>,
    /// Entra is on for this domain now.
    pub proven: bool,
    /// What that means, one line.
    pub words: String,
    /// What to do, one line; empty if nothing.
    pub todo: String,
}

/// What `entra test` saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestReport {
    /// Which tenant.
    pub domain: String,
    /// The name that was sent.
    pub user: String,
    /// The answer.
    pub answer: DirectoryAnswer,
    /// Whether a login with this password and a right code would be let in.
    pub would_pass: bool,
    /// What a login would do, in plain words, one line.
    pub login: String,
    /// What to do, one line; empty if nothing.
    pub todo: String,
}

/// What kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogKind {
    /// A login.
    Login,
    /// Something an operator did.
    Operator,
    /// Something the box did or saw: start, stop, alarm.
    System,
}

/// An audit record, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Its number in the journal; grows, may leave gaps.
    pub seq: u64,
    /// When.
    #[serde(with = "wire::when")]
    pub at: Timestamp,
    /// What kind.
    pub kind: LogKind,
    /// Who logged in, or was changed; empty if nobody.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The client's name, or the source address of an unknown one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client: String,
    /// Calling-Station-Id.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub station: String,
    /// `accept`, `reject`, `challenge`, `silent`; of an operator's record `done`, `refused`; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub outcome: String,
    /// The reason's kebab-case name; of an operator's record the operation's word.
    pub reason: String,
    /// The same in plain words, one line.
    pub words: String,
    /// Who did it: the operator's name, or `uid 1000`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// The directory's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory_code: Option<u32>,
    /// The directory's correlation ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// The stages that were passed, in the order of R1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<String>,
    /// How many alike this record stands for (R23).
    pub count: u32,
}

/// A page of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// The records, in the order in which they were written.
    pub entries: Vec<LogEntry>,
    /// What to give as `after` to go on, also where no record of the page matched.
    pub next: u64,
    /// There is more right now.
    pub more: bool,
}

/// Whether the audit log's chain holds (R23).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainReport {
    /// Nothing is missing or changed between the checkpoint and the end.
    pub whole: bool,
    /// How many records were checked.
    pub records: u64,
    /// When the oldest of them was written.
    #[serde(default, with = "wire::when::option")]
    pub from: Option<Timestamp>,
    /// When the newest of them was written.
    #[serde(default, with = "wire::when::option")]
    pub to: Option<Timestamp>,
    /// What was found, in plain words, one line.
    pub words: String,
}

/// One attempt, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedAttempt {
    /// When.
    #[serde(with = "wire::when")]
    pub at: Timestamp,
    /// `accept`, `reject`, `challenge`, `silent`.
    pub outcome: String,
    /// The reason's kebab-case name.
    pub reason: String,
    /// What happened, in plain words.
    pub what: String,
    /// What to do; empty if nothing.
    pub todo: String,
}

/// Why a user got in, or did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Who, canonical.
    pub user: String,
    /// How the user stands now, one line: `can log in`, `locked at station .. until ..`.
    pub summary: String,
    /// The last attempts, newest first.
    pub attempts: Vec<ExplainedAttempt>,
}
