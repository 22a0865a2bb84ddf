//! Microsoft Entra tenants: where one is asked, what its answers mean besides the table, and whether it may be asked at all. Plain data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::secret::Secret;

/// An administrator's override of one AADSTS code (R12); the table's own verdicts and the rule of what may be overridden are in
/// `factors::first::entra`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Override {
    /// Go on: the password was right.
    Continue,
    /// Refuse.
    Refuse,
    /// Refuse, and alarm as for a mistake in the set-up.
    Configuration,
    /// Treat as not available.
    Unavailable,
}

/// Whether a tenant may be asked, and why (R13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// Not proven: off.
    Missing,
    /// `entra prove` saw the right answers then.
    Proven(Timestamp),
    /// Switched on by `--enable`; an alarm stands.
    Unproven(Timestamp),
}

/// A Microsoft Entra tenant. The client secret is inside, so the record is sealed as a whole at rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// The domain of its users' names, lower case: the record's key.
    pub domain: String,
    /// NetBIOS prefixes (`CONTOSO\anna`) that mean this domain, lower case.
    pub prefixes: Vec<String>,
    /// Names without a domain belong here.
    pub default: bool,
    /// Directory (tenant) ID, or a verified domain.
    pub tenant: String,
    /// Application (client) ID.
    pub client_id: String,
    /// Of a confidential client; a public client has none.
    pub client_secret: Option<Secret>,
    /// Scheme, host and port of the token endpoint, without a path.
    pub authority: String,
    /// The OAuth2 scope.
    pub scope: String,
    /// PEM of a private authority, besides the system's own.
    pub ca_pem: Option<String>,
    /// An HTTP proxy by its settings alone (R13).
    pub proxy: Option<String>,
    /// A 200 with a token, that is a user without MFA, is let in.
    pub allow_without_mfa: bool,
    /// 50079 and 50072 (the user must first register for MFA) go on.
    pub allow_unregistered: bool,
    /// 50158 (third-party MFA) goes on.
    pub allow_external: bool,
    /// By AADSTS code.
    pub overrides: BTreeMap<u32, Override>,
    /// Whether it may be asked.
    pub proof: Proof,
    /// Wrong passwords that one user may send there in 24 h (R14): 6, or 2 in the US government cloud.
    pub budget: u8,
    /// When the record was made.
    pub created: Timestamp,
    /// Grows by one with every change.
    pub generation: u64,
}
