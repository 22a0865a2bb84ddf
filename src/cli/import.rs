//! `postern import`: a token file, read here (R25) and sent in batches, so that progress shows itself and one bad line loses no
//! other. Exit status 0 when every line was written or was there already, 1 when some were refused.

use std::collections::HashSet;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use super::Around;
use super::args::Format;
use super::deliver::unexpected;
use super::out::{End, Out};
use super::plan::{self, not_built};
use crate::control::{
    Answer, Failure, IMPORT_BATCH_MAX, ImportBatch, ImportRow, Request, RowOutcome, RowResult, TotpParameters,
};
use crate::enrol::{azure_csv, base32};
use crate::text::shown;

/// Bytes of a batch as a frame, at most; well under what a frame takes.
const BATCH_BYTES: usize = 700_000;

/// What was done with a file; the document of `--json`.
#[derive(Debug, Default, Serialize)]
struct Summary {
    /// Nothing was written.
    dry_run: bool,
    /// Lines with something on them, the header aside.
    lines: usize,
    /// Tokens written.
    added: usize,
    /// Users made.
    users_made: usize,
    /// Their names as far as a dry run needs them: what one batch would make, the next does not see.
    #[serde(skip)]
    new_users: HashSet<String>,
    /// Tokens that were there already.
    same: usize,
    /// Lines refused.
    refused: usize,
    /// Keys under 16 bytes among the tokens written.
    short_keys: usize,
    /// The lines that were refused, and those with a note.
    notes: Vec<RowResult>,
}

/// Reads, sends, sums up.
pub fn import(plan: plan::Import, path: &Path, around: &mut Around<'_>, out: &mut Out<'_>) -> Result<u8, End> {
    let name = shown(&plan.file.to_string_lossy());
    let bytes = around.input.file(&plan.file, azure_csv::FILE_MAX)?;
    if plan.format == Format::Auto {
        refuse_other_formats(&bytes)?;
    }
    let file = azure_csv::parse(&bytes).map_err(|e| Failure::refused(format!("{name}: {e}")))?;
    drop(bytes);
    let mut summary = Summary {
        dry_run: plan.dry_run,
        lines: file.rows.len() + file.bad.len(),
        refused: file.bad.len(),
        ..Summary::default()
    };
    summary.notes.extend(file.bad.into_iter().map(|bad| RowResult {
        line: bad.line,
        outcome: RowOutcome::Refused,
        user_made: false,
        note: Some(bad.reason),
    }));
    if !file.rows.is_empty() {
        let mut asker = (around.connect)(path)?;
        let bar = progress(file.rows.len(), around.view.progress && !out.json);
        let mut done = 0_u64;
        for batch in batches(file.rows, &plan) {
            let short: Vec<u64> = batch
                .rows
                .iter()
                .filter(|row| row.seed.len() < base32::KEY_WARN)
                .map(|row| row.line)
                .collect();
            let names: Vec<String> = match plan.dry_run {
                true => batch.rows.iter().map(|row| spelling(&row.user)).collect(),
                false => Vec::new(),
            };
            let sent = batch.rows.len();
            let last = batch.rows.last().map_or(0, |row| row.line);
            let request = Request::ImportBatch(batch);
            let report = match asker.ask(&request) {
                Ok(Answer::Import(report)) if report.results.len() == sent => report,
                Ok(_) => return Err(unexpected(&request).into()),
                Err(failure) => return Err(interrupted(failure, done, plan.dry_run).into()),
            };
            count(report.results, &short, names, &mut summary);
            bar.inc(u64::try_from(sent).unwrap_or(0));
            done = last;
        }
        bar.finish_and_clear();
    }
    summary.notes.sort_by_key(|note| note.line);
    if out.json {
        out.document(&summary)?;
    } else {
        print(&name, &summary, out)?;
    }
    Ok(u8::from(summary.refused > 0))
}

/// By the first character that is one: JSON and XML are other formats, which are known and not read yet.
fn refuse_other_formats(bytes: &[u8]) -> Result<(), Failure> {
    let plain = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match plain.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[') => Err(not_built("graph-json")),
        Some(b'<') => Err(not_built("pskc")),
        _ => Ok(()),
    }
}

fn progress(rows: usize, visible: bool) -> ProgressBar {
    if !visible {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr_with_hz(4);
    let bar = ProgressBar::with_draw_target(Some(u64::try_from(rows).unwrap_or(0)), target);
    match ProgressStyle::with_template("{bar:40} {pos} of {len} lines, {eta} left") {
        Ok(style) => bar.with_style(style.progress_chars("##-")),
        Err(_) => bar,
    }
}

/// The rows in batches, each of so many rows and bytes that a frame holds it.
fn batches(rows: Vec<azure_csv::Row>, plan: &plan::Import) -> impl Iterator<Item = ImportBatch> {
    let (dry_run, active, parameters) = (plan.dry_run, plan.active, plan.parameters);
    let mut rows = rows.into_iter().peekable();
    std::iter::from_fn(move || {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(row) = rows.next_if(|row| {
            // Base64 and JSON's escapes take up to twice the room; names of the fields and numbers under 200 bytes.
            bytes += 200
                + 2 * (row.upn.len() + row.serial.len() + row.manufacturer.len() + row.model.len() + row.seed.len());
            batch.len() < IMPORT_BATCH_MAX && (batch.is_empty() || bytes <= BATCH_BYTES)
        }) {
            batch.push(ImportRow {
                line: row.line,
                user: row.upn,
                serial: row.serial,
                seed: row.seed,
                parameters: TotpParameters {
                    period: row.period,
                    ..parameters
                },
                model: [row.manufacturer, row.model].join(" ").trim().to_owned(),
            });
        }
        (!batch.is_empty()).then_some(ImportBatch {
            rows: batch,
            dry_run,
            active,
        })
    })
}

/// One spelling of a name, near enough to the daemon's to count users with.
fn spelling(name: &str) -> String {
    name.nfkc().collect::<String>().to_lowercase()
}

/// `names` stand beside the results in a dry run, and are empty otherwise.
fn count(results: Vec<RowResult>, short: &[u64], names: Vec<String>, summary: &mut Summary) {
    let mut names = names.into_iter();
    for result in results {
        let name = names.next();
        match result.outcome {
            RowOutcome::Added => {
                summary.added += 1;
                summary.short_keys += usize::from(short.binary_search(&result.line).is_ok());
            }
            RowOutcome::Same => summary.same += 1,
            RowOutcome::Refused => summary.refused += 1,
        }
        let seen = name.is_some_and(|name| result.user_made && !summary.new_users.insert(name));
        summary.users_made += usize::from(result.user_made && !seen);
        if result.note.is_some() || result.outcome == RowOutcome::Refused {
            summary.notes.push(result);
        }
    }
}

/// Says how far it came: what is written stays, and a second run leaves it alone.
fn interrupted(failure: Failure, done: u64, dry_run: bool) -> Failure {
    if dry_run || done == 0 {
        return failure;
    }
    Failure::new(
        failure.kind,
        format!(
            "{} (the lines up to {done} are done; import the file again to go on)",
            failure.message
        ),
    )
}

fn print(name: &str, summary: &Summary, out: &mut Out<'_>) -> std::io::Result<()> {
    let would = if summary.dry_run { "would be " } else { "" };
    out.line(&format!(
        "{name}: {} lines, {} tokens {would}added, {} users {would}made, {} there already, {} refused",
        summary.lines, summary.added, summary.users_made, summary.same, summary.refused
    ))?;
    for note in &summary.notes {
        let reason = note.note.as_deref().unwrap_or("refused");
        let word = if note.outcome == RowOutcome::Refused {
            "refused"
        } else {
            "note"
        };
        out.line(&format!("line {}: {word}: {reason}", note.line))?;
    }
    if summary.short_keys > 0 {
        out.note(&format!(
            "warning: {} keys have fewer than 16 bytes (RFC 4226 asks for 16): replace those tokens when you can",
            summary.short_keys
        ));
    }
    if summary.refused > 0 {
        out.note(&format!(
            "postern: {} lines were refused: set them right and import the file again, what is there is left alone",
            summary.refused
        ));
    }
    Ok(())
}
