//! Answers about directories: tenants, and what one said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::TenantState;
use crate::control::wire;
use crate::store::records::{Override, Timestamp};

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
