//! Which records of the journals are wanted, and each of them in words. In: a filter and a record; out: a log entry, or none.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{Cursor, Record, fix, outcome, unreadable};
use crate::audit::words::{Teller, words};
use crate::audit::{Attempt, OperatorAct};
use crate::control::answers::{LogEntry, LogKind};
use crate::control::asks::LogFilter;
use crate::control::ops::Failure;
use crate::control::strength;
use crate::door::Door;
use crate::door::events::{Accounting, Event, OperatorEvent, decode};
use crate::door::ops::canonical;
use crate::names::Domains;
use crate::store::records::{Timestamp, UserId};
use crate::text::shown;

/// Which records, and in which words.
pub(super) struct Filter {
    user: Option<(String, Option<UserId>)>,
    /// An operator's name as typed.
    operator: Option<String>,
    /// A client's name, or the address of an unknown one.
    client: Option<String>,
    since: Option<Timestamp>,
    domains: Arc<Domains>,
    zone: TimeZone,
}

impl Filter {
    /// # Errors
    /// What was typed cannot be a user's name.
    pub(super) fn new(filter: &LogFilter, door: &Door) -> Result<Self, Failure> {
        let operator = filter.user.clone().filter(|name| strength::name(name).is_ok());
        let known = |name: &String| door.store.operators().iter().any(|operator| operator.name == *name);
        let user = match &filter.user {
            None => None,
            Some(typed) => match canonical(door, typed) {
                Ok(name) => {
                    let user = door.store.user_named(name.as_str()).map_err(unreadable)?;
                    Some((shown(name.as_str()), user.map(|user| user.id)))
                }
                // No user's name as the tenants are, but an operator's.
                Err(_) if operator.as_ref().is_some_and(known) => Some((typed.clone(), None)),
                Err(failure) => return Err(failure),
            },
        };
        let client = filter.client.as_ref().map(|name| match name.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().to_string(),
            Err(_) => name.clone(),
        });
        Ok(Self {
            user,
            operator,
            client,
            since: filter.since,
            domains: door.domains(),
            zone: TimeZone::system(),
        })
    }

    pub(super) fn is_before(&self, at: Timestamp) -> bool {
        self.since.is_some_and(|since| at < since)
    }

    pub(super) fn entry(&self, record: &Record, cursor: Cursor) -> Option<LogEntry> {
        if self.is_before(record.at()) {
            return None;
        }
        let (entry, of_user) = match record {
            Record::Login(entry) => match decode::<Event>(&entry.payload)? {
                Event::Attempt(attempt) => {
                    let of_user = self.is_of(std::slice::from_ref(&attempt.name), attempt.user);
                    (self.attempt(&attempt), of_user)
                }
                Event::Accounting(accounting) => {
                    // As it came on the wire, so that an operator finds it under any spelling.
                    let name = self.domains.canonical_str(&accounting.user);
                    let name = name.map_or_else(|_| accounting.user.clone(), |name| shown(name.as_str()));
                    (accounted(entry.at, accounting), self.is_of(&[name], None))
                }
                _ => return None,
            },
            Record::Operator(entry) => match decode::<OperatorEvent>(&entry.payload)? {
                OperatorEvent::Act(act) => {
                    let of_user = self.is_of(&act.users, act.user) || self.is_by(&act);
                    (acted(act), of_user)
                }
                OperatorEvent::System { at, code, words } => {
                    let entry = LogEntry {
                        kind: LogKind::System,
                        reason: code,
                        words,
                        ..blank(at)
                    };
                    (entry, self.user.is_none())
                }
            },
        };
        let of_client = self.client.as_ref().is_none_or(|wanted| *wanted == entry.client);
        (of_user && of_client).then_some(LogEntry {
            seq: cursor.number(),
            ..entry
        })
    }

    /// Whether one of these names, or this number, is the user's who is wanted.
    fn is_of(&self, names: &[String], id: Option<UserId>) -> bool {
        match &self.user {
            None => true,
            Some((name, user)) => names.contains(name) || (user.is_some() && id == *user),
        }
    }

    /// Whether the operator who is wanted did it, or was changed by it, or tried to log in.
    fn is_by(&self, act: &OperatorAct) -> bool {
        let Some(wanted) = &self.operator else {
            return false;
        };
        let of_operators = act.action.starts_with("operator ") || act.action == "log in";
        act.operator == *wanted || (of_operators && act.target.split([',', ' ']).next() == Some(wanted))
    }

    fn attempt(&self, attempt: &Attempt) -> LogEntry {
        let teller = Teller {
            zone: &self.zone,
            fix: &fix,
        };
        LogEntry {
            kind: LogKind::Login,
            user: attempt.name.clone(),
            client: if attempt.client_name.is_empty() {
                let source = attempt.source.map(|source| source.to_canonical().to_string());
                source.unwrap_or_default()
            } else {
                attempt.client_name.clone()
            },
            station: attempt.station.clone(),
            outcome: outcome(attempt.outcome),
            reason: attempt.reason.code(),
            words: words(attempt, std::slice::from_ref(attempt), &teller).what,
            directory_code: attempt.directory.as_ref().and_then(|said| said.code),
            correlation: attempt.directory.as_ref().and_then(|said| said.correlation.clone()),
            stages: attempt.stages.names().into_iter().map(str::to_owned).collect(),
            count: attempt.count,
            ..blank(attempt.at)
        }
    }
}

fn acted(act: OperatorAct) -> LogEntry {
    let by = act.by();
    LogEntry {
        kind: LogKind::Operator,
        user: match act.users.as_slice() {
            [one] => one.clone(),
            _ => act.target.clone(),
        },
        outcome: if act.result.is_ok() { "done" } else { "refused" }.to_owned(),
        words: match &act.result {
            Ok(()) => format!("{} {}", act.action, act.target).trim_end().to_owned(),
            Err(why) => format!("{} {} was refused: {why}", act.action, act.target),
        },
        reason: act.action,
        by,
        count: act.count,
        ..blank(act.at)
    }
}

fn accounted(at: Timestamp, accounting: Accounting) -> LogEntry {
    let seconds = accounting
        .seconds
        .map(|seconds| format!(" after {seconds} s"))
        .unwrap_or_default();
    LogEntry {
        kind: LogKind::Login,
        user: accounting.user,
        client: accounting.client,
        station: accounting.station,
        reason: "accounting".to_owned(),
        words: format!(
            "accounting: {}{seconds}, session {}",
            accounting.status, accounting.session
        ),
        ..blank(at)
    }
}

fn blank(at: Timestamp) -> LogEntry {
    LogEntry {
        seq: 0,
        at,
        kind: LogKind::System,
        user: String::new(),
        client: String::new(),
        station: String::new(),
        outcome: String::new(),
        reason: String::new(),
        words: String::new(),
        by: String::new(),
        directory_code: None,
        correlation: None,
        stages: Vec::new(),
        count: 1,
    }
}
