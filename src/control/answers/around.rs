//! Answers about what stands around the box: who knocks, what a client was seen to send, the network.

use serde::{Deserialize, Serialize};

use crate::control::wire;
use crate::store::records::Timestamp;

/// Packets from somewhere that led to no login, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnockList {
    /// At most 256.
    pub knocks: Vec<Knock>,
}

/// Packets from one source that were dropped for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Knock {
    /// The address; of IPv6 the /64 without its length: `2001:db8:0:1::`.
    pub address: String,
    /// The address of the last one, whole: what a client's record would name.
    #[serde(default)]
    pub source: String,
    /// The client that the address belongs to; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client: String,
    /// The reason's kebab-case name: `unknown-client`, `wrong-secret`, `no-message-authenticator`, ...
    pub reason: String,
    /// What is wrong, in plain words, one line.
    pub what: String,
    /// What to do, one line.
    pub todo: String,
    /// The first.
    #[serde(with = "wire::when")]
    pub first: Timestamp,
    /// The last.
    #[serde(with = "wire::when")]
    pub last: Timestamp,
    /// How many.
    pub count: u64,
}

/// What a client was seen to send since the daemon's start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSeen {
    /// The last Access-Request carried a Message-Authenticator; none before the first one.
    #[serde(default)]
    pub message_authenticator: Option<bool>,
    /// How the last Access-Request carried the password: `PAP`, `CHAP`, `MS-CHAP`, `EAP`, `none`; empty before the first one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// The last Access-Request carried a Calling-Station-Id.
    #[serde(default)]
    pub calling_station: Option<bool>,
    /// Its NAS-Identifier, or its NAS-IP-Address; empty for neither.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nas: String,
    /// It asked by Status-Server.
    pub status_server: bool,
    /// Packets dropped for a wrong shared secret, and the last one.
    pub wrong_secret: u64,
    /// The last packet with a wrong shared secret.
    #[serde(default, with = "wire::when::option")]
    pub wrong_secret_last: Option<Timestamp>,
    /// Packets dropped since they carried no Message-Authenticator.
    pub unprotected: u64,
    /// The last of those.
    #[serde(default, with = "wire::when::option")]
    pub unprotected_last: Option<Timestamp>,
}

/// How the box stands on the network, as the daemon sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkReport {
    /// The host name.
    pub host: String,
    /// Each interface but the loopback.
    pub interfaces: Vec<Interface>,
    /// Default gateways.
    pub gateways: Vec<String>,
    /// Name servers.
    pub dns: Vec<String>,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// As the kernel names it.
    pub name: String,
    /// It is up, and there is a link.
    pub up: bool,
    /// Hardware address; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mac: String,
    /// Addresses with their prefix lengths: `192.0.2.7/24`.
    pub addresses: Vec<String>,
}
