//! Answers about what happened: the audit log, its chain, and a user's attempts in plain words.

use serde::{Deserialize, Serialize};

use crate::control::wire;
use crate::store::records::Timestamp;

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
    /// There is more right now; of the newest records: older ones were not looked at, since the search goes back so far only.
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
    /// How many alike this record stands for (R23).
    pub count: u32,
}

/// Why a user got in, or did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Who, canonical.
    pub user: String,
    /// How the user stands now, one line: may log in, locked until when, or what stands in the way.
    pub summary: String,
    /// The last attempts, newest first.
    pub attempts: Vec<ExplainedAttempt>,
}
