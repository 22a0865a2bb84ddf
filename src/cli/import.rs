//! `postern import`: a token file, read here (R25) and sent in batches, so that progress shows itself and one bad line loses no
//! other. Exit status 0 when every line was written or was there already, 1 when some were refused.

use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Around;
use super::args::Format;
use super::deliver::unexpected;
use super::out::{End, Out};
use super::plan::{self, not_built};
use crate::control::{Answer, Failure, Request, RowOutcome};
use crate::enrol::azure_csv;
use crate::enrol::batches::{Batches, Kind, Settings, Summary};
use crate::text::shown;

/// Reads, sends, sums up.
pub fn import(plan: plan::Import, path: &Path, around: &mut Around<'_>, out: &mut Out<'_>) -> Result<u8, End> {
    let name = shown(&plan.file.to_string_lossy());
    let bytes = around.input.file(&plan.file, azure_csv::FILE_MAX)?;
    if plan.format == Format::Auto {
        refuse_other_formats(&bytes)?;
    }
    let file = azure_csv::parse(&bytes).map_err(|e| Failure::refused(format!("{name}: {e}")))?;
    drop(bytes);
    let mut summary = Summary::new(&file, plan.dry_run);
    if !file.rows.is_empty() {
        let mut asker = (around.connect)(path)?;
        let settings = Settings {
            dry_run: plan.dry_run,
            active: plan.active,
            parameters: plan.parameters,
        };
        let mut batches = Batches::new(file.rows, settings);
        let bar = progress(batches.rows(), around.view.progress && !out.json);
        let mut done = 0_u64;
        while let Some((batch, sent)) = batches.next_batch() {
            let request = Request::ImportBatch(batch);
            let report = match asker.ask(&request) {
                Ok(Answer::Import(report)) if report.results.len() == sent.rows => report,
                Ok(_) => return Err(unexpected(&request).into()),
                Err(failure) => return Err(interrupted(failure, done, plan.dry_run).into()),
            };
            bar.inc(u64::try_from(sent.rows).unwrap_or(0));
            done = sent.last;
            summary.count(report.results, sent);
        }
        bar.finish_and_clear();
    }
    summary.sort();
    if out.json {
        out.document(&summary)?;
    } else {
        print(&name, &summary, out)?;
    }
    Ok(u8::from(summary.refused > 0))
}

/// JSON and XML are other formats, which are known and not read yet.
fn refuse_other_formats(bytes: &[u8]) -> Result<(), Failure> {
    match Kind::of(bytes) {
        Kind::Csv => Ok(()),
        Kind::Json => Err(not_built("graph-json")),
        Kind::Xml => Err(not_built("pskc")),
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
