//! Answers about hardware tokens: what is being programmed, who has a serial number, what nobody has yet, how clocks drift, what is
//! exported.

use serde::{Deserialize, Serialize};

use super::TokenInfo;
use crate::control::wire;
use crate::secret::Secret;
use crate::store::records::{OtpParameters, Timestamp, TokenId};

/// What is to be written to a hardware token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenProgramming {
    /// The token, pending.
    pub token: TokenInfo,
    /// The seed for the hardware token; shown nowhere.
    #[serde(rename = "key", with = "wire::key")]
    pub seed: Secret,
    /// Tokens that go when the code of this one comes: what the hardware token held before.
    pub replaces: Vec<TokenInfo>,
    /// The customer key of this house's Molto-2 tokens, where the token is one and the key is not the maker's.
    #[serde(default, with = "wire::bytes::option", skip_serializing_if = "Option::is_none")]
    pub customer_key: Option<Secret>,
}

/// What the box knows of a serial number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SerialReport {
    /// The tokens of users that have it.
    pub tokens: Vec<TokenInfo>,
    /// The tokens of nobody that have it.
    pub unassigned: Vec<UnassignedInfo>,
}

/// A token that nobody has yet, without its seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnassignedInfo {
    /// What is printed on it.
    pub serial: String,
    /// Manufacturer and model.
    pub model: String,
    /// How it makes its codes.
    pub parameters: OtpParameters,
    /// When the record was made.
    #[serde(with = "wire::when")]
    pub created: Timestamp,
}

/// A page of the tokens that nobody has yet, by serial number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnassignedList {
    /// The page.
    pub tokens: Vec<UnassignedInfo>,
    /// How many the search found in all.
    pub total: u64,
}

/// A page of the hardware tokens that users have, by user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HardwareList {
    /// The page.
    pub tokens: Vec<TokenInfo>,
    /// How many the search found in all.
    pub total: u64,
}

/// How a token's clock goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftInfo {
    /// The token.
    pub token: TokenInfo,
    /// Seconds by which its clock is ahead (positive) or behind now, by what its logins tell.
    pub offset_seconds: i32,
    /// Milliseconds that it gains (positive) or loses in a day.
    pub millis_per_day: i32,
    /// From so many logins since its clock was set.
    pub logins: u32,
    /// The last of them.
    #[serde(with = "wire::when")]
    pub last: Timestamp,
    /// When it leaves the window: from then on most of its codes are refused. It may be past.
    #[serde(with = "wire::when")]
    pub leaves: Timestamp,
    /// Why, in plain words, and what to do.
    pub why: String,
}

/// The tokens that leave the window within 60 days, or left it within the last 60, the soonest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftList {
    /// When the box worked it out; none: not yet since its start.
    #[serde(default, with = "wire::when::option")]
    pub as_of: Option<Timestamp>,
    /// The tokens, 500 at most.
    pub tokens: Vec<DriftInfo>,
    /// How many there are in all.
    pub total: u64,
}

/// One login's drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftPoint {
    /// When.
    #[serde(with = "wire::when")]
    pub at: Timestamp,
    /// Seconds from the box's step to the code's: ahead (positive) or behind.
    pub seconds: i32,
}

/// How one token's clock went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftHistory {
    /// The newest logins, oldest first, 200 at most.
    pub points: Vec<DriftPoint>,
    /// Milliseconds that it gains (positive) or loses in a day; none: too few logins to tell.
    pub millis_per_day: Option<i32>,
    /// When it leaves the window, if it goes on so.
    #[serde(default, with = "wire::when::option")]
    pub leaves: Option<Timestamp>,
}

/// A token as it leaves the box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportRow {
    /// Its number.
    pub id: TokenId,
    /// Whose.
    pub user: String,
    /// Serial number.
    pub serial: String,
    /// Which profile of a token that has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<u8>,
    /// Manufacturer and model.
    pub model: String,
    /// How it makes its codes.
    pub parameters: OtpParameters,
    /// The counter of its next code; 0 where the time moves it.
    #[serde(default)]
    pub counter: u64,
    /// The key.
    #[serde(with = "wire::bytes")]
    pub seed: Secret,
}

/// Some of the tokens that this box programmed, by number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportPage {
    /// The tokens.
    pub rows: Vec<ExportRow>,
    /// Ask on with [`super::super::ExportAsk::after`]; none: these were the last.
    #[serde(default)]
    pub next: Option<TokenId>,
    /// How many there are in all.
    pub total: u64,
}
