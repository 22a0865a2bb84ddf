//! What happened, as text.

use jiff::tz::TimeZone;

use super::count;
use crate::control::{ChainReport, Explanation, LogEntry, LogKind};
use crate::times::shown_at;

/// A record on one line: when, outcome, who, through which client, why.
pub fn entry(entry: &LogEntry, zone: &TimeZone) -> String {
    let dash = |text: &str| {
        if text.is_empty() {
            "-".to_owned()
        } else {
            text.to_owned()
        }
    };
    let who = match entry.kind {
        LogKind::Login => dash(&entry.user),
        LogKind::Operator | LogKind::System => dash(&entry.by),
    };
    let mut line = format!(
        "{}  {:<9} {:<32} {:<14} {}",
        shown_at(entry.at, zone),
        dash(&entry.outcome),
        who,
        dash(&entry.client),
        entry.words
    );
    let mut beside = Vec::new();
    if !entry.station.is_empty() {
        beside.push(format!("from {}", entry.station));
    }
    if let Some(code) = entry.directory_code {
        beside.push(format!("AADSTS{code}"));
    }
    if entry.count > 1 {
        beside.push(format!("{} alike", entry.count));
    }
    if !beside.is_empty() {
        line.push_str(&format!(" [{}]", beside.join(", ")));
    }
    line
}

/// The chain.
pub fn chain(report: &ChainReport, zone: &TimeZone) -> Vec<String> {
    let span = match (report.from, report.to) {
        (Some(from), Some(to)) => format!(", {} to {}", shown_at(from, zone), shown_at(to, zone)),
        _ => String::new(),
    };
    let state = if report.whole { "whole" } else { "BROKEN" };
    let mut lines = vec![format!(
        "the log is {state}: {} checked{span}",
        count(report.records, "record")
    )];
    if report.whole && !report.words.is_empty() {
        lines.push(report.words.clone());
    }
    lines
}

/// A user's attempts.
pub fn explanation(explanation: &Explanation, zone: &TimeZone) -> Vec<String> {
    let mut lines = vec![explanation.summary.clone()];
    for attempt in &explanation.attempts {
        lines.push(String::new());
        let alike = match attempt.count {
            0 | 1 => String::new(),
            n => format!("  [{n} alike]"),
        };
        lines.push(format!("{}  {}{alike}", shown_at(attempt.at, zone), attempt.outcome));
        lines.push(format!("    {}", attempt.what));
        if !attempt.todo.is_empty() {
            lines.push(format!("    To do: {}", attempt.todo));
        }
    }
    lines
}
