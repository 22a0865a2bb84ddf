//! The audit log read back: pages in words, what follows, the chain's check, and `explain`. In: both journals; out: plain data. Reads
//! the disk off the packet's threads, a bounded stretch at a time.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::Door;
use super::events::{Accounting, Event, OperatorEvent, decode};
use crate::audit::explain::{Lock, Surroundings, UserStatus, explain, similar};
use crate::audit::words::{Teller, words};
use crate::audit::{Attempt, Outcome};
use crate::control::answers::{ChainReport, ExplainedAttempt, Explanation, LogEntry, LogKind, LogPage};
use crate::control::asks::{LOG_LIMIT_MAX, LOG_WAIT_MAX_MS, LogAsk, LogFilter};
use crate::control::ops::Failure;
use crate::factors::first::entra::table;
use crate::guard::{Station, Subject};
use crate::journal::{Journal, JournalError, Order, OwnedEntry};
use crate::pipeline::request::station_key;
use crate::store::records::{Timestamp, TokenStatus};

/// Most records looked at for one page; the next page goes on from there.
const SCAN_MAX: usize = 200_000;
/// Attempts that `explain` tells.
const EXPLAINED: usize = 10;
/// Records of the same user around them, to tell who used a code before.
const AROUND: usize = 100;
/// The part of a cursor that counts logins; the rest counts operators' records.
const LOGIN_BITS: u32 = 40;

/// Where a reader is in both journals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cursor {
    login: u64,
    operator: u64,
}

impl Cursor {
    fn from(number: u64) -> Self {
        Self {
            login: number & ((1 << LOGIN_BITS) - 1),
            operator: number >> LOGIN_BITS,
        }
    }

    fn number(self) -> u64 {
        self.operator << LOGIN_BITS | self.login
    }
}

/// A record of either journal.
enum Record {
    Login(OwnedEntry),
    Operator(OwnedEntry),
}

impl Record {
    fn at(&self) -> Timestamp {
        match self {
            Record::Login(entry) | Record::Operator(entry) => entry.at,
        }
    }
}

/// Both journals as one, by time.
struct Merged<A: Iterator, B: Iterator> {
    logins: std::iter::Peekable<A>,
    operators: std::iter::Peekable<B>,
    newest_first: bool,
}

impl<A, B> Iterator for Merged<A, B>
where
    A: Iterator<Item = Result<OwnedEntry, JournalError>>,
    B: Iterator<Item = Result<OwnedEntry, JournalError>>,
{
    type Item = Result<Record, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let login_next = match (self.logins.peek(), self.operators.peek()) {
            (None, None) => return None,
            (Some(Err(_)), _) | (Some(_), None) => true,
            (_, Some(Err(_))) | (None, Some(_)) => false,
            (Some(Ok(login)), Some(Ok(operator))) => (login.at <= operator.at) != self.newest_first,
        };
        if login_next {
            self.logins.next().map(|entry| entry.map(Record::Login))
        } else {
            self.operators.next().map(|entry| entry.map(Record::Operator))
        }
    }
}

fn merged(
    door: &Door,
    order: Order,
    after: Cursor,
) -> Merged<
    impl Iterator<Item = Result<OwnedEntry, JournalError>> + Send + use<>,
    impl Iterator<Item = Result<OwnedEntry, JournalError>> + Send + use<>,
> {
    Merged {
        logins: door
            .logins
            .read(order, after.login.saturating_add(1), u64::MAX)
            .peekable(),
        operators: door
            .operators
            .read(order, after.operator.saturating_add(1), u64::MAX)
            .peekable(),
        newest_first: order == Order::Newest,
    }
}

fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::new(
        crate::control::ops::FailureKind::Failed,
        format!("the log cannot be read: {error}"),
    )
}

fn fix(code: u32) -> Option<String> {
    table::row(code).and_then(|row| row.fix).map(str::to_owned)
}

fn newest(journal: &Journal) -> u64 {
    *journal.newest().borrow()
}

impl Door {
    /// A page of the log; waits for something new if asked to.
    pub async fn read_log(self: &Arc<Self>, ask: LogAsk) -> Result<LogPage, Failure> {
        let wait = Duration::from_millis(u64::from(ask.wait_ms.min(LOG_WAIT_MAX_MS)));
        let until = tokio::time::Instant::now() + wait;
        let (mut logins, mut operators) = (self.logins.newest(), self.operators.newest());
        let mut ask = ask;
        loop {
            logins.mark_unchanged();
            operators.mark_unchanged();
            let (door, this) = (Arc::clone(self), ask.clone());
            let page = tokio::task::spawn_blocking(move || door.page(&this))
                .await
                .map_err(unreadable)??;
            if !page.entries.is_empty() || page.more || ask.after.is_none() {
                return Ok(page);
            }
            ask.after = Some(page.next);
            let new = async {
                tokio::select! { r = logins.changed() => r, r = operators.changed() => r }
            };
            match tokio::time::timeout_at(until, new).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Ok(page),
            }
        }
    }

    fn page(&self, ask: &LogAsk) -> Result<LogPage, Failure> {
        let limit = usize::try_from(ask.limit.clamp(1, LOG_LIMIT_MAX)).unwrap_or(1);
        let filter = Filter::new(&ask.filter, self);
        match ask.after {
            Some(after) => self.page_after(Cursor::from(after), limit, &filter),
            None => self.page_newest(limit, &filter),
        }
    }

    fn page_after(&self, after: Cursor, limit: usize, filter: &Filter) -> Result<LogPage, Failure> {
        let mut cursor = after;
        let mut page = LogPage {
            entries: Vec::new(),
            next: cursor.number(),
            more: false,
        };
        for (seen, record) in merged(self, Order::Oldest, after).enumerate() {
            if page.entries.len() >= limit || seen >= SCAN_MAX {
                page.more = true;
                break;
            }
            let record = record.map_err(unreadable)?;
            cursor = step(cursor, &record);
            page.entries.extend(filter.entry(&record, cursor));
            page.next = cursor.number();
        }
        Ok(page)
    }

    fn page_newest(&self, limit: usize, filter: &Filter) -> Result<LogPage, Failure> {
        let end = Cursor {
            login: newest(&self.logins),
            operator: newest(&self.operators),
        };
        let mut found = Vec::new();
        for (seen, record) in merged(self, Order::Newest, Cursor::default()).enumerate() {
            let record = record.map_err(unreadable)?;
            if found.len() >= limit || seen >= SCAN_MAX || filter.is_before(record.at()) {
                break;
            }
            if filter.entry(&record, Cursor::default()).is_some() {
                found.push(record);
            }
        }
        found.reverse();
        // Each record's number is where a reader stands who has seen it and all before it.
        let first = |wanted: fn(&Record) -> Option<u64>| found.iter().find_map(wanted).map(|seq| seq.saturating_sub(1));
        let mut cursor = Cursor {
            login: first(|r| if let Record::Login(e) = r { Some(e.seq) } else { None }).unwrap_or(end.login),
            operator: first(|r| if let Record::Operator(e) = r { Some(e.seq) } else { None }).unwrap_or(end.operator),
        };
        let mut entries = Vec::with_capacity(found.len());
        for record in &found {
            cursor = step(cursor, record);
            entries.extend(filter.entry(record, cursor));
        }
        Ok(LogPage {
            entries,
            next: end.number(),
            more: false,
        })
    }

    /// Checks the chain of both journals (R23).
    pub async fn verify_log(self: &Arc<Self>) -> Result<ChainReport, Failure> {
        let door = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let mut report = ChainReport {
                whole: true,
                records: 0,
                from: None,
                to: None,
                words: String::new(),
            };
            let mut words = Vec::new();
            for (name, journal) in [("logins", &door.logins), ("operators", &door.operators)] {
                let found = journal.check().map_err(unreadable)?;
                report.records = report.records.saturating_add(found.entries);
                report.whole &= found.damage.is_empty();
                let ends = [
                    journal.read(Order::Oldest, 0, u64::MAX).next(),
                    journal.read(Order::Newest, 0, u64::MAX).next(),
                ];
                for entry in ends.into_iter().flatten().flatten() {
                    report.from = Some(report.from.map_or(entry.at, |from| from.min(entry.at)));
                    report.to = Some(report.to.map_or(entry.at, |to| to.max(entry.at)));
                }
                match found.damage.first() {
                    None => words.push(format!("{name}: {} records, whole", found.entries)),
                    Some(damage) => words.push(format!("{name}: not whole: {damage}")),
                }
                if found.pruned {
                    words.push(format!("older {name} were pruned by the box itself"));
                }
            }
            words.push("root could have cut the newest records: compare with what was sent elsewhere".to_owned());
            report.words = words.join("; ");
            Ok(report)
        })
        .await
        .map_err(unreadable)?
    }

    /// The last attempts of a user in plain words.
    pub async fn explain(self: &Arc<Self>, user: &str) -> Result<Explanation, Failure> {
        let (door, user) = (Arc::clone(self), user.to_owned());
        tokio::task::spawn_blocking(move || door.explain_now(&user))
            .await
            .map_err(unreadable)?
    }

    fn explain_now(&self, typed: &str) -> Result<Explanation, Failure> {
        let name = self
            .domains()
            .canonical_str(typed)
            .map_err(|error| Failure::usage(format!("{}: {error}", crate::text::shown(typed))))?;
        let shown = crate::text::shown(name.as_str());
        let user = self.store.user_named(name.as_str()).map_err(unreadable)?;
        let id = user.as_ref().map(|user| user.id);
        let (mut attempts, mut dropped, mut oldest) = (Vec::new(), Vec::new(), self.since);
        for entry in self.logins.read(Order::Newest, 0, u64::MAX).take(SCAN_MAX) {
            let entry = entry.map_err(unreadable)?;
            oldest = entry.at;
            if attempts.len() >= AROUND {
                break;
            }
            if let Some(Event::Attempt(attempt)) = decode::<Event>(&entry.payload) {
                if (id.is_some() && attempt.user == id) || attempt.name == shown {
                    attempts.push(*attempt);
                } else if attempt.name.is_empty() && attempt.outcome == Outcome::Silent && dropped.len() < EXPLAINED {
                    dropped.push(*attempt);
                }
            }
        }
        let now = crate::clock::wall();
        let status = match &user {
            None => UserStatus::default(),
            Some(user) => {
                let tokens = self.store.tokens_of(user.id).map_err(unreadable)?;
                let count = |status| tokens.iter().filter(|token| token.status == status).count();
                UserStatus {
                    known: true,
                    enabled: user.enabled,
                    exempt: user.exempt,
                    local_password: user.local_password.is_some(),
                    active_tokens: count(TokenStatus::Active),
                    pending_tokens: count(TokenStatus::Pending),
                    bypass: self
                        .guards
                        .look(Subject::User(user.id), |g| g.bypass.is_some())
                        .unwrap_or_default(),
                    locks: self.locks_of(user.id, &attempts, now),
                    ..UserStatus::default()
                }
            }
        };
        let near = match user {
            Some(_) => Vec::new(),
            None => {
                let part: String = name.as_str().chars().take(2).collect();
                let (names, _) = self.store.search(&part, 0, 10_000);
                similar(name.as_str(), names.iter().map(|(_, name)| name.as_str()))
            }
        };
        let zone = TimeZone::system();
        let teller = Teller { zone: &zone, fix: &fix };
        let around = Surroundings {
            since: oldest,
            now,
            dropped: &dropped,
            similar: &near,
        };
        let told = explain(name.as_str(), &status, &attempts, &around, &teller);
        let mut summary = told.summary;
        if let Some(todo) = told.todo {
            summary = format!("{summary}: {todo}");
        }
        let attempts = told
            .attempts
            .into_iter()
            .take(EXPLAINED)
            .map(|attempt| ExplainedAttempt {
                at: attempt.at,
                outcome: outcome(attempt.outcome),
                reason: attempt.reason,
                what: attempt.words.what,
                todo: attempt.words.todo.unwrap_or_default(),
            })
            .collect();
        Ok(Explanation {
            user: told.user,
            summary,
            attempts,
        })
    }

    /// The locks that stand for a user, with the names of their places as far as the records tell them.
    fn locks_of(&self, user: crate::store::records::UserId, attempts: &[Attempt], now: Timestamp) -> Vec<Lock> {
        self.guards
            .look(Subject::User(user), |guard| {
                let mut locks: Vec<Lock> = guard
                    .lockouts
                    .places(now)
                    .into_iter()
                    .filter_map(|(station, _, until)| {
                        let until = until?;
                        Some(match station {
                            Station::Calling(_) => Lock::Station {
                                station: self.station_name(station, attempts),
                                until,
                            },
                            Station::Client(_) => Lock::Client {
                                client: self.station_name(station, attempts),
                                until,
                            },
                        })
                    })
                    .collect();
                if guard.lockouts.is_user_locked() {
                    locks.push(Lock::User { until: None });
                }
                locks
            })
            .unwrap_or_default()
    }

    /// A lockout's place in words: guards keep hashes of calling stations, the records their text.
    pub(super) fn station_name(&self, station: Station, attempts: &[Attempt]) -> String {
        match station {
            Station::Client(id) => {
                let clients = self.store.clients();
                clients
                    .iter()
                    .find(|client| client.id == id)
                    .map_or_else(|| "a removed client".to_owned(), |c| c.name.clone())
            }
            Station::Calling(key) => attempts
                .iter()
                .find(|attempt| !attempt.station.is_empty() && station_key(&attempt.station, &self.sealer) == key)
                .map_or_else(|| "an earlier station".to_owned(), |attempt| attempt.station.clone()),
        }
    }
}

fn step(cursor: Cursor, record: &Record) -> Cursor {
    match record {
        Record::Login(entry) => Cursor {
            login: entry.seq,
            ..cursor
        },
        Record::Operator(entry) => Cursor {
            operator: entry.seq,
            ..cursor
        },
    }
}

fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Accept => "accept",
        Outcome::Reject => "reject",
        Outcome::Challenge => "challenge",
        Outcome::Silent => "silent",
    }
    .to_owned()
}

/// Which records, and in which words.
struct Filter {
    user: Option<(String, Option<crate::store::records::UserId>)>,
    client: Option<String>,
    since: Option<Timestamp>,
    zone: TimeZone,
}

impl Filter {
    fn new(filter: &LogFilter, door: &Door) -> Self {
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

    fn is_before(&self, at: Timestamp) -> bool {
        self.since.is_some_and(|since| at < since)
    }

    fn entry(&self, record: &Record, cursor: Cursor) -> Option<LogEntry> {
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
