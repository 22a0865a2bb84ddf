//! The audit log, newest first. In: the newest records, and what comes after them; out: a row each, one in full with Enter, why with
//! one key. What comes in moves the rows only while one stands at the top, and never more often than a slow line can follow.
//!
//! ```text
//! Postern box-1 | Log                                      anna installer  14:05
//!   All logins and changes, newest first
//!
//! > 14:04         anna@contoso.example  refused Wrong code: it is of no token of an~
//!   14:01         bernd@contoso.example let in  Let in: password right at Entra I~
//!   1 Mar 17:05   anna                  done    user unlock bernd@contoso.example
//!
//! Enter in full  w why  f filter  Esc back  ? help
//! ```

mod entry;
mod filter;

use std::time::Duration;

use ratatui::layout::Rect;

use super::why::Why;
use crate::console::action::{Action, Told};
use crate::console::key::Key;
use crate::console::page::{Look, Page, Sign};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::list::List;
use crate::control::{Answer, Failure, LOG_LIMIT_MAX, LogAsk, LogEntry, LogFilter, LogKind, LogPage, Request};
use crate::text::shown;
use crate::times::shown_near;
use entry::Entry;
use filter::Filter;

const FILTER: u32 = 2;

/// Rows above the list: what is shown, and a blank one.
const HEAD: u16 = 2;
/// Rows below the list that stay blank: a full one is the longest text that a slow line has to carry.
const BLANK: u16 = 1;
/// Columns of the time and of the outcome: what follows begins on a tab stop, which a slow line reaches by one byte.
const TIME: u16 = 14;
const OUTCOME: u16 = 8;
/// Records that are kept: more cannot be asked for at once.
const KEPT: usize = LOG_LIMIT_MAX as usize;
/// Between two times that rows move by themselves: a full screen takes a line of 9600 baud two seconds.
const MOVES_EVERY: Duration = Duration::from_secs(5);

/// The screen.
#[derive(Debug)]
pub struct Log {
    filter: LogFilter,
    /// Newest first.
    entries: Vec<LogEntry>,
    /// Newer than those, newest first; not in the list yet.
    newer: Vec<LogEntry>,
    /// Where to go on; none before the first answer.
    next: Option<u64>,
    /// Older records were not looked at.
    cut_off: bool,
    /// The tag of its questions: an answer to what was asked with another filter is nobody's.
    round: u32,
    flying: bool,
    /// Something moved while a question was on its way.
    again: bool,
    list: List,
    /// When rows moved last by themselves.
    moved: Option<Duration>,
}

impl Log {
    /// Of everything.
    pub fn new() -> Self {
        Self::with(LogFilter::default())
    }

    /// Of what the filter lets through.
    pub fn with(filter: LogFilter) -> Self {
        Self {
            filter,
            entries: Vec::new(),
            newer: Vec::new(),
            next: None,
            cut_off: false,
            round: 0,
            flying: false,
            again: false,
            list: List::new(0),
            moved: None,
        }
    }

    fn height(context: &Context) -> u16 {
        context.size.1.saturating_sub(3 + HEAD + BLANK).max(1)
    }

    fn ask(&mut self) -> Vec<Action> {
        if self.flying {
            self.again = true;
            return Vec::new();
        }
        self.flying = true;
        let ask = LogAsk {
            filter: self.filter.clone(),
            after: self.next,
            limit: LOG_LIMIT_MAX,
            wait_ms: 0,
        };
        vec![Action::Ask(self.round, Request::Log(ask))]
    }

    /// The newest records anew, with this filter.
    fn restart(&mut self, filter: LogFilter) -> Vec<Action> {
        *self = Self {
            round: self.round.wrapping_add(1),
            ..Self::with(filter)
        };
        self.ask()
    }

    fn take(&mut self, page: LogPage, context: &Context) -> Vec<Action> {
        let mut entries = page.entries;
        entries.reverse();
        let is_first = self.next.is_none();
        self.next = Some(page.next);
        if is_first {
            self.cut_off = page.more;
            self.entries = entries;
            self.list.set_length(self.entries.len());
            return Vec::new();
        }
        if page.more {
            // More than a page came at once: the newest will do.
            return self.restart(self.filter.clone());
        }
        entries.append(&mut self.newer);
        self.newer = entries;
        self.settle(context);
        Vec::new()
    }

    /// Takes the newer records into the list, if one stands at its top and it is time.
    fn settle(&mut self, context: &Context) {
        let now = context.now.mono;
        let is_time = self.moved.is_none_or(|moved| now.saturating_sub(moved) >= MOVES_EVERY);
        if self.newer.is_empty() || self.list.at().unwrap_or(0) != 0 || !is_time {
            return;
        }
        self.moved = Some(now);
        self.join();
    }

    fn join(&mut self) {
        let mut entries = std::mem::take(&mut self.newer);
        entries.append(&mut self.entries);
        entries.truncate(KEPT);
        self.entries = entries;
        self.list.set_length(self.entries.len());
    }

    fn here(&self) -> Option<&LogEntry> {
        self.list.at().and_then(|at| self.entries.get(at))
    }

    fn head(&self) -> String {
        let (user, client) = (self.filter.user.as_deref(), self.filter.client.as_deref());
        match (user.map(shown), client.map(shown)) {
            (None, None) => "All logins and changes, newest first".to_owned(),
            (Some(user), None) => format!("Of {user}, newest first"),
            (None, Some(client)) => format!("Through {client}, newest first"),
            (Some(user), Some(client)) => format!("Of {user} through {client}, newest first"),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

/// Whose row it is: who logged in, or which operator did something.
fn who(entry: &LogEntry) -> &str {
    match entry.kind {
        LogKind::Login if entry.user.is_empty() => &entry.client,
        LogKind::Login => &entry.user,
        LogKind::Operator => &entry.by,
        LogKind::System => "Postern",
    }
}

/// The outcome in a word.
fn outcome(entry: &LogEntry) -> &str {
    match entry.outcome.as_str() {
        "accept" => "let in",
        "reject" => "refused",
        "challenge" => "asked",
        "silent" => "silent",
        other => other,
    }
}

fn words(entry: &LogEntry) -> String {
    match entry.count {
        0 | 1 => entry.words.clone(),
        more => format!("{more} x {}", entry.words),
    }
}

impl Screen for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn title(&self) -> String {
        "Log".to_owned()
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        self.ask()
    }

    fn watches(&self) -> Topics {
        Topics {
            records: true,
            ..Topics::LOG
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        match key {
            Key::Esc => return vec![Action::Close],
            Key::Enter => {
                if let Some(entry) = self.here() {
                    return vec![Action::Open(Box::new(Entry::new(entry.clone())))];
                }
            }
            Key::Char('w') => {
                if let Some(entry) = self.here().filter(|entry| !entry.user.is_empty()) {
                    return vec![Action::Open(Box::new(Why::new(&entry.user)))];
                }
            }
            Key::Char('f') => return vec![Action::Open(Box::new(Filter::new(FILTER, &self.filter)))],
            Key::Char('a') => return self.restart(LogFilter::default()),
            key => {
                if self.list.on(key, Self::height(context)) && self.list.at() == Some(0) {
                    // At the top one sees the newest.
                    self.join();
                    self.moved = Some(context.now.mono);
                }
            }
        }
        Vec::new()
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        if tag != self.round {
            return Vec::new();
        }
        self.flying = false;
        let mut actions = match answer {
            Ok(Answer::Log(page)) => self.take(page, context),
            Ok(_) => Vec::new(),
            Err(failure) => vec![Action::Fail(failure)],
        };
        if std::mem::take(&mut self.again) {
            actions.extend(self.ask());
        }
        actions
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        match told {
            Told::Picked(FILTER, text) => self.restart(filter::read(&text)),
            _ => Vec::new(),
        }
    }

    fn tick(&mut self, context: &Context) -> Vec<Action> {
        self.settle(context);
        Vec::new()
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = page.area();
        let x = area.x.saturating_add(2);
        let mut head = self.head();
        if !self.newer.is_empty() && self.list.at() != Some(0) {
            head = format!("{head}. {} newer: Home", self.newer.len());
        }
        page.put(x, area.y, area.width.saturating_sub(2), &head, Look::Faint);
        let below = Rect {
            y: area.y.saturating_add(HEAD),
            height: area.height.saturating_sub(HEAD + BLANK),
            ..area
        };
        if self.entries.is_empty() && self.next.is_some() {
            let words = match self.cut_off {
                true => "Nothing of the kind in the newest records.",
                false => "Nothing yet.",
            };
            page.put(x, below.y, below.width.saturating_sub(2), words, Look::Plain);
        }
        let names = (below.width.saturating_sub(2 + TIME + OUTCOME) * 2 / 5).clamp(12, 40);
        let top = self.list.top(below.height);
        for (line, (number, entry)) in (0..below.height).zip(self.entries.iter().enumerate().skip(top)) {
            let y = below.y.saturating_add(line);
            if self.list.at() == Some(number) {
                page.put(below.x, y, 1, page.sign(Sign::Marker), Look::Strong);
            }
            let time = shown_near(entry.at, context.now.wall, &context.zone);
            page.put(x, y, TIME.saturating_sub(1), &time, Look::Plain);
            let mut at = x.saturating_add(TIME);
            page.put(at, y, names.saturating_sub(1), &shown(who(entry)), Look::Plain);
            at = at.saturating_add(names);
            // No look of its own: in every row it would be a tenth of the screen's bytes.
            page.put(at, y, OUTCOME.saturating_sub(1), outcome(entry), Look::Plain);
            at = at.saturating_add(OUTCOME);
            page.put(at, y, below.right().saturating_sub(at), &words(entry), Look::Plain);
        }
        let shown_rows = self.entries.len().saturating_sub(top);
        let is_end = shown_rows < usize::from(below.height);
        if self.entries.len() >= KEPT && is_end {
            let y = below.y.saturating_add(u16::try_from(shown_rows).unwrap_or(0));
            let words = format!("The newest {KEPT} are shown here. Filter by user or client (f) to see older ones.");
            page.put(x, y, below.width.saturating_sub(2), &words, Look::Faint);
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        let mut hints = vec![("Enter", "in full"), ("w", "why"), ("f", "filter")];
        if self.filter != LogFilter::default() {
            hints.push(("a", "all again"));
        }
        hints.extend([("Up/Down", "choose"), ("Home", "newest"), ("Esc", "back")]);
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "What happened, newest first: logins, what operators did, what the box did. `3 x` stands for that many alike. While the \
             marker is at the top, what is new comes in by itself; further down nothing moves, and Home goes to the newest.",
            "Enter shows a record in full, w why its user got in or did not. f shows the records of one user or one client alone.",
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
