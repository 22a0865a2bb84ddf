//! The audit log read back: pages in words, what follows, the chain's check, and `explain`. In: both journals; out: plain data. Reads
//! the disk off the packet's threads, a bounded stretch at a time.

use std::sync::Arc;
use std::time::Duration;

mod explain;
mod filter;

use super::Door;
use crate::audit::Outcome;
use crate::control::answers::{ChainReport, LogPage};
use crate::control::asks::{LOG_LIMIT_MAX, LOG_WAIT_MAX_MS, LogAsk};
use crate::control::ops::Failure;
use crate::factors::first::entra::table;
use crate::journal::{Journal, JournalError, Order, OwnedEntry};
use crate::store::records::Timestamp;
use filter::Filter;

/// Most records looked at for one page; the next page goes on from there.
const SCAN_MAX: usize = 200_000;
/// Records are in the order in which they were written; a clock that is set right may go back by a little.
const STEP_BACK: Duration = Duration::from_secs(60);
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
        let filter = Filter::new(&ask.filter, self)?;
        match ask.after {
            // From the beginning, but what is older is not wanted: then not from the beginning.
            Some(0) => {
                let from = ask.filter.since.map(|since| self.log_start(since)).transpose()?;
                self.page_after(Cursor::from(from.unwrap_or(0)), limit, &filter)
            }
            Some(after) => self.page_after(Cursor::from(after), limit, &filter),
            None => self.page_newest(limit, &filter),
        }
    }

    /// Where a reader stands who has seen everything older than this, found from the newest record backwards.
    pub(super) fn log_start(&self, since: Timestamp) -> Result<u64, Failure> {
        let since = since.minus(STEP_BACK);
        let older = |journal: &Journal| {
            for entry in journal.read(Order::Newest, 0, u64::MAX) {
                let entry = entry.map_err(unreadable)?;
                if entry.at < since {
                    return Ok(entry.seq);
                }
            }
            Ok(0)
        };
        let cursor = Cursor {
            login: older(&self.logins)?,
            operator: older(&self.operators)?,
        };
        Ok(cursor.number())
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
        let mut more = false;
        for (seen, record) in merged(self, Order::Newest, Cursor::default()).enumerate() {
            let record = record.map_err(unreadable)?;
            if found.len() >= limit || filter.is_before(record.at()) {
                break;
            }
            if seen >= SCAN_MAX {
                more = true;
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
            more,
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
