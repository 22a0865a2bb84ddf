//! What the operations answer. Plain data, good for a frame, for `--json` and for text; a secret stands only where the operation
//! exists to show it once (R21). Every text from elsewhere is already shown text (R22).

mod around;
mod directory;
mod hardware;
mod log;
mod people;

pub use around::*;
pub use directory::*;
pub use hardware::*;
pub use log::*;
pub use people::*;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::wire;
use crate::secret::Secret;
use crate::store::records::{Charset, First, Mode, Net, Order, Timestamp, Unavailable, Unmatched};

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
    /// The same for the last hour (of whole minutes), by the same names.
    #[serde(default)]
    pub last_hour: BTreeMap<String, u64>,
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
    /// What it was seen to send.
    #[serde(default)]
    pub seen: ClientSeen,
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
