//! What the two journals hold. In: events; out: bytes with a version in front, and back. Never a password, a code or a secret.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::audit::{Attempt, OperatorAct, Spent};
use crate::guard::{MissKind, Station};
use crate::store::records::{ClientId, SeedMark, Timestamp, UserId};

/// The version written.
const VERSION: u8 = 3;
/// The version before, which had operators' acts without a line and a count. It is still read.
const OLDER: u8 = 2;

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
    // Variants are known by their place: new ones stand last
    /// Every code until then was made void (R20); the journal goes on from here.
    Voided,
    /// The clock of the token with this seed was set: what its codes told of it before is over.
    ClockSet(UserId, SeedMark),
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

/// What the journals hold, in this version's bytes and in the older one's.
pub trait Recorded: DeserializeOwned {
    /// Reads the older version.
    fn older(bytes: &[u8]) -> Option<Self>;
}

impl Recorded for Event {
    fn older(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

impl Recorded for OperatorEvent {
    fn older(bytes: &[u8]) -> Option<Self> {
        Some(match postcard::from_bytes(bytes).ok()? {
            OperatorEvent2::Act(act) => Self::Act(OperatorAct {
                at: act.at,
                uid: act.uid,
                operator: act.operator,
                line: String::new(),
                action: act.action,
                target: act.target,
                users: act.users,
                user: act.user,
                client: act.client,
                staff: None,
                result: act.result,
                count: 1,
            }),
            OperatorEvent2::System { at, code, words } => Self::System { at, code, words },
        })
    }
}

/// [`OperatorEvent`] as version 2 wrote it.
#[derive(Serialize, Deserialize)]
enum OperatorEvent2 {
    Act(OperatorAct2),
    System { at: Timestamp, code: String, words: String },
}

#[derive(Serialize, Deserialize)]
struct OperatorAct2 {
    at: Timestamp,
    uid: u32,
    operator: String,
    action: String,
    target: String,
    users: Vec<String>,
    user: Option<UserId>,
    client: Option<ClientId>,
    result: Result<(), String>,
}

/// Reads an event back; none where the bytes are of a newer version.
pub fn decode<E: Recorded>(payload: &[u8]) -> Option<E> {
    match payload.split_first() {
        Some((&VERSION, rest)) => postcard::from_bytes(rest).ok(),
        Some((&OLDER, rest)) => E::older(rest),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn r23_records_of_the_older_version_are_read() {
        let act = OperatorEvent2::Act(OperatorAct2 {
            at: Timestamp(5),
            uid: 1000,
            operator: String::new(),
            action: "user disable".to_owned(),
            target: "anna@contoso.example".to_owned(),
            users: vec!["anna@contoso.example".to_owned()],
            user: Some(UserId(3)),
            client: None,
            result: Err("no".to_owned()),
        });
        let Some(OperatorEvent::Act(read)) = decode(&postcard::to_extend(&act, vec![OLDER]).unwrap()) else {
            panic!("not read");
        };
        assert_eq!((read.uid, read.user, read.count), (1000, Some(UserId(3)), 1));
        assert_eq!((read.by().as_str(), read.result), ("uid 1000", Err("no".to_owned())));
        let removed = Event::Removed(UserId(3));
        let older = postcard::to_extend(&removed, vec![OLDER]).unwrap();
        assert_eq!(decode::<Event>(&older), Some(removed.clone()));
        assert_eq!(decode::<Event>(&encode(&removed)), Some(removed.clone()));
        let newer = postcard::to_extend(&removed, vec![VERSION + 1]).unwrap();
        assert_eq!(decode::<Event>(&newer), None);
    }
}
