//! How an operation fails: a kind for programs, one plain line for people.

use serde::{Deserialize, Serialize};

/// What kind of failure; `postern` ends with 2 for [`FailureKind::Usage`] and with 1 for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The request itself cannot be right.
    Usage,
    /// A rule forbids it.
    Refused,
    /// There is no such user, client, token or tenant.
    NotFound,
    /// There is one already.
    Exists,
    /// The peer has no right to ask this (R24).
    NotAllowed,
    /// Nobody is logged in on this connection, or no longer (R24).
    LogInFirst,
    /// The box could not do it: a disk, a directory, a time-out.
    Failed,
    /// Nobody answered on the socket, or something else did.
    Unreachable,
}

/// Why something was not done: one plain line that says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// The line; foreign text in it is already shown text (R22).
    pub message: String,
}

impl Failure {
    /// A failure of some kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The request itself cannot be right.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// A rule forbids it.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Refused, message)
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(FailureKind::NotFound, message)
    }

    /// There is one already.
    pub fn exists(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Exists, message)
    }

    /// The box could not do it.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Failed, message)
    }

    /// The program's exit status (design: command line contract).
    pub fn exit_status(&self) -> u8 {
        match self.kind {
            FailureKind::Usage => 2,
            _ => 1,
        }
    }
}
