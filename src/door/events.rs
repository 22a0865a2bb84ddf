//! What the two journals hold. In: events; out: bytes with a version in front, and back. Never a password, a code or a secret.

use serde::{Deserialize, Serialize};

use crate::audit::{Attempt, OperatorAct, Spent};
use crate::guard::{MissKind, Station};
use crate::store::records::{Timestamp, UserId};

/// The version written.
const VERSION: u8 = 2;

/// An accounting packet (RFC 2866), as far as it is logged. All text is shown text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounting {
    /// The client's name.
    pub client: String,
    /// User-Name.
    pub user: String,
    /// Calling-Station-Id.
    pub station: String,
    /// Acct-Session-Id.
    pub session: String,
    /// Acct-Status-Type: start, stop, interim-update, on, off, or its number.
    pub status: String,
    /// Acct-Session-Time in seconds, at stop.
    pub seconds: Option<u32>,
}

/// In the journal of logins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A decision.
    Attempt(Box<Attempt>),
    /// A wrong code or local password that counted (R17).
    Miss(UserId, Station, MissKind),
    /// A wrong password at the directory (R14).
    WrongPassword(UserId),
    /// A right one.
    RightPassword(UserId),
    /// `user unlock`.
    Unlocked(UserId),
    /// Spent by an operator: confirm, resync (R16).
    Spent(UserId, Spent),
    /// An accounting packet.
    Accounting(Accounting),
    /// The person is gone; its number is never given again.
    Removed(UserId),
}

/// In the journal of operators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperatorEvent {
    /// What somebody did.
    Act(OperatorAct),
    /// What the box did or saw: start, stop, alarm.
    System {
        /// When.
        at: Timestamp,
        /// Kebab-case word.
        code: String,
        /// In plain words.
        words: String,
    },
}

/// An event's bytes.
pub fn encode<E: Serialize>(event: &E) -> Vec<u8> {
    // Plain data without maps or floats always encodes; an empty payload reads as unknown.
    postcard::to_extend(event, vec![VERSION]).unwrap_or_default()
}

/// Reads an event back; none where the bytes are of a newer version.
pub fn decode<'a, E: Deserialize<'a>>(payload: &'a [u8]) -> Option<E> {
    match payload.split_first() {
        Some((&VERSION, rest)) => postcard::from_bytes(rest).ok(),
        _ => None,
    }
}
