//! `postern log`: pages of the audit log, and what comes next. With `--json` one document, with `--follow --json` one a line.

use std::time::{Duration, Instant};

use super::deliver::unexpected;
use super::out::{End, Out};
use super::{Asker, View, plan, show};
use crate::control::{Answer, LOG_LIMIT_MAX, LOG_WAIT_MAX_MS, LogAsk, LogEntry, LogPage, Request};

/// An empty page that comes sooner than this was not waited for; the next one is asked for after as long again.
const SOON: Duration = Duration::from_millis(500);

/// Prints, and goes on if it is told to.
pub fn log(asker: &mut dyn Asker, plan: plan::Log, view: &View, out: &mut Out<'_>) -> Result<u8, End> {
    let follow = plan.follow;
    let newest = plan.limit.is_some();
    let mut found = 0_usize;
    let mut all = Vec::new();
    let mut ask = LogAsk {
        filter: plan.filter,
        after: if plan.limit.is_some() { None } else { Some(0) },
        limit: plan.limit.unwrap_or(LOG_LIMIT_MAX),
        wait_ms: 0,
    };
    let mut cut_off;
    loop {
        let page = page(asker, &ask)?;
        found += page.entries.len();
        print(page.entries, follow, &mut all, view, out)?;
        cut_off = newest && page.more;
        // The newest so many are one page; everything since goes on to the end.
        let more = page.more && ask.after.is_some_and(|after| page.next > after);
        ask.after = Some(page.next);
        if !more {
            break;
        }
    }
    if !follow {
        if out.json {
            out.document(&serde_json::json!({ "entries": all, "more": cut_off }))?;
        } else if found == 0 {
            out.note("no records");
        }
    }
    if cut_off {
        out.note("older records were not looked at: name a time with --since to search all since then");
    }
    if !follow {
        return Ok(0);
    }
    ask.limit = LOG_LIMIT_MAX;
    ask.wait_ms = LOG_WAIT_MAX_MS;
    loop {
        out.flush()?;
        let asked = Instant::now();
        let page = page(asker, &ask)?;
        if page.entries.is_empty() && !page.more && asked.elapsed() < SOON {
            std::thread::sleep(SOON);
        }
        ask.after = Some(page.next);
        print(page.entries, follow, &mut all, view, out)?;
    }
}

fn page(asker: &mut dyn Asker, ask: &LogAsk) -> Result<LogPage, End> {
    let request = Request::Log(ask.clone());
    match asker.ask(&request)? {
        Answer::Log(page) => Ok(page),
        _ => Err(unexpected(&request).into()),
    }
}

fn print(
    entries: Vec<LogEntry>,
    follow: bool,
    all: &mut Vec<LogEntry>,
    view: &View,
    out: &mut Out<'_>,
) -> std::io::Result<()> {
    if out.json && !follow {
        all.extend(entries);
        return Ok(());
    }
    for entry in &entries {
        if out.json {
            out.document(entry)?;
        } else {
            out.line(&show::entry(entry, &view.zone))?;
        }
    }
    Ok(())
}
