//! Operators of the box: who may log in at a console, and as what. Plain data.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::secret::Secret;

/// An operator's number; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorId(pub u64);

/// What an operator may, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Looks only.
    Auditor,
    /// Users: enrol, resync, unlock, bypass.
    Helpdesk,
    /// Everything.
    Installer,
}

/// Somebody who may log in at a console. Password and seed are inside, so the record is sealed as a whole at rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Given by the store.
    pub id: OperatorId,
    /// Lower case ASCII; unique.
    pub name: String,
    /// What the operator may.
    pub role: Role,
    /// A disabled operator does not get in.
    pub enabled: bool,
    /// argon2id hash in PHC form; an empty one fits no password.
    pub password: Secret,
    /// For the operator's own code.
    pub token: Option<OperatorToken>,
    /// Wrong passwords and codes in a row: they lock the name.
    pub wrong: u32,
    /// Wrong ones since the last login, for the operator to see.
    pub failures: u32,
    /// The last login.
    pub last: Option<Timestamp>,
    /// When the record was made.
    pub created: Timestamp,
    /// Grows by one when role, enabled or password change: what ends a session.
    pub generation: u64,
}

/// An operator's own token: TOTP by the defaults, its seed made by the box and by nobody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorToken {
    /// The key (RFC 6238).
    pub seed: Secret,
    /// Its first code has come: it is asked at each login.
    pub confirmed: bool,
    /// The highest step that was spent (R16).
    pub last_step: u64,
}
