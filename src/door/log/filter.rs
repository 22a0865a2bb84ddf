//! Which records of the journals are wanted, and each of them in words. In: a filter and a record; out: a log entry, or none.

use jiff::tz::TimeZone;

use super::{Cursor, Record, fix, outcome};
use crate::audit::Attempt;
use crate::audit::words::{Teller, words};
use crate::control::answers::{LogEntry, LogKind};
use crate::control::asks::LogFilter;
use crate::door::Door;
use crate::door::events::{Accounting, Event, OperatorEvent, decode};
use crate::store::records::{Timestamp, UserId};

/// Which records, and in which words.
pub(super) struct Filter {
    user: Option<(String, Option<UserId>)>,
    client: Option<String>,
    since: Option<Timestamp>,
    zone: TimeZone,
}

impl Filter {
    pub(super) fn new(filter: &LogFilter, door: &Door) -> Self {
        let user = filter
            .user
            .as_ref()
            .map(|typed| match door.domains().canonical_str(typed) {
                Ok(name) => {
                    let id = door.store.user_named(name.as_str()).ok().flatten().map(|user| user.id);
                    (crate::text::shown(name.as_str()), id)
                }
                Err(_) => (crate::text::shown(typed), None),
            });
        Self {
            user,
            client: filter.client.clone(),
            since: filter.since,
            zone: TimeZone::system(),
        }
    }

    pub(super) fn is_before(&self, at: Timestamp) -> bool {
        self.since.is_some_and(|since| at < since)
    }

    pub(super) fn entry(&self, record: &Record, cursor: Cursor) -> Option<LogEntry> {
        if self.is_before(record.at()) {
            return None;
        }
        let entry = match record {
            Record::Login(entry) => match decode::<Event>(&entry.payload)? {
                Event::Attempt(attempt) => {
                    if let Some((name, id)) = &self.user
                        && attempt.name != *name
                        && (id.is_none() || attempt.user != *id)
                    {
                        return None;
                    }
                    return self
                        .client_fits(&attempt.client_name)
                        .then(|| self.attempt(&attempt, cursor));
                }
                Event::Accounting(accounting) => accounted(entry.at, accounting),
                _ => return None,
            },
            Record::Operator(entry) => match decode::<OperatorEvent>(&entry.payload)? {
                OperatorEvent::Act(act) => LogEntry {
                    kind: LogKind::Operator,
                    user: act.target.clone(),
                    outcome: if act.result.is_ok() { "done" } else { "refused" }.to_owned(),
                    reason: act.action.clone(),
                    words: match &act.result {
                        Ok(()) => format!("{} {}", act.action, act.target).trim_end().to_owned(),
                        Err(why) => format!("{} {} was refused: {why}", act.action, act.target),
                    },
                    by: if act.operator.is_empty() {
                        format!("uid {}", act.uid)
                    } else {
                        act.operator
                    },
                    ..blank(act.at)
                },
                OperatorEvent::System { at, code, words } => LogEntry {
                    kind: LogKind::System,
                    reason: code,
                    words,
                    ..blank(at)
                },
            },
        };
        if let Some((name, _)) = &self.user
            && entry.user != *name
        {
            return None;
        }
        self.client_fits(&entry.client).then_some(LogEntry {
            seq: cursor.number(),
            ..entry
        })
    }

    fn client_fits(&self, client: &str) -> bool {
        self.client.as_ref().is_none_or(|wanted| wanted == client)
    }

    fn attempt(&self, attempt: &Attempt, cursor: Cursor) -> LogEntry {
        let teller = Teller {
            zone: &self.zone,
            fix: &fix,
        };
        LogEntry {
            seq: cursor.number(),
            kind: LogKind::Login,
            user: attempt.name.clone(),
            client: if attempt.client_name.is_empty() {
                attempt.source.map(|source| source.to_string()).unwrap_or_default()
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
