//! How the import looks, step by step. Draws only; the state is its parent's.

use ratatui::layout::Rect;

use super::super::home::count;
use super::{Import, Sealed, Step, Work};
use crate::console::page::{Look, Page};
use crate::console::screen::Context;
use crate::console::widgets::inset::inset;
use crate::console::widgets::scroll::Paragraph;
use crate::control::RowOutcome;
use crate::enrol::batches::Summary;
use crate::enrol::rows::{Place, Wanted};

/// Rows above the list of lines.
const ABOVE_NOTES: u16 = 6;
/// Lines that are listed; of a file with more mistakes the first ones tell enough.
const NOTES_MAX: usize = 1_000;

/// Columns and rows of the list of lines.
pub fn notes_size(size: (u16, u16)) -> (u16, u16) {
    let rows = size.1.saturating_sub(3).saturating_sub(ABOVE_NOTES);
    (size.0.saturating_sub(4), rows)
}

/// The step where one is.
pub fn draw(import: &Import, page: &mut Page<'_>, context: &Context) {
    let area = page.area();
    let inner = inset(area);
    match (&import.step, &import.work) {
        (Step::Pick, _) => import.pick.draw(page),
        (Step::Sealed(sealed), _) => sealed_file(sealed, page, inner),
        (_, None) => {}
        (Step::Options, Some(work)) => options(work, page, area, inner),
        (Step::Running { .. }, Some(work)) => running(work, page, inner),
        (Step::Ended { stopped }, Some(work)) => {
            let words = sum(&work.summary, *stopped);
            let look = if stopped.is_some() { Look::Warn } else { Look::Plain };
            page.wrapped(
                Rect {
                    height: inner.height.min(4),
                    ..inner
                },
                &words,
                look,
            );
            let (width, height) = notes_size(context.size);
            let below = Rect {
                y: area.y.saturating_add(ABOVE_NOTES),
                width: width.min(inner.width),
                height: height.min(area.height.saturating_sub(ABOVE_NOTES)),
                ..inner
            };
            import.scroll.draw(page, below, &work.notes);
        }
    }
}

fn sealed_file(sealed: &Sealed, page: &mut Page<'_>, inner: Rect) {
    let words = format!("{} is encrypted. It is opened by {}:", sealed.name, sealed.wanted);
    page.line(inner, 0, &words, Look::Plain);
    let y = inner.y.saturating_add(2);
    sealed.field.draw(page, inner.x, y, inner.width.min(66), true);
    let below = Rect {
        y: inner.y.saturating_add(4),
        height: inner.height.saturating_sub(4),
        ..inner
    };
    let hint = match sealed.wanted {
        Wanted::Passphrase { .. } => "Whoever made the file has it. Opening takes a moment.",
        Wanted::Key { .. } => {
            "Whoever made the file has it: 32, 48 or 64 hexadecimal digits, or the same key as Base64."
        }
    };
    page.wrapped(below, hint, Look::Plain);
}

fn options(work: &Work, page: &mut Page<'_>, area: Rect, inner: Rect) {
    let tokens = work.batches.rows();
    let (place, places) = (work.place.word(), work.place.words());
    let words = match (tokens, work.fresh.refused) {
        (0, bad) => format!("The file holds no token, and {bad} wrong {places}: Enter lists them."),
        (tokens, 0) => format!("The file holds {tokens} tokens, and no wrong {place}."),
        (tokens, bad) => {
            format!("The file holds {tokens} tokens, and {bad} wrong {places}: they are listed after the trial.")
        }
    };
    page.line(inner, 0, &words, Look::Plain);
    let below = Rect {
        y: area.y.saturating_add(3),
        height: area.height.saturating_sub(3),
        ..area
    };
    work.form.draw(page, below, true);
}

fn running(work: &Work, page: &mut Page<'_>, inner: Rect) {
    let words = match work.summary.dry_run {
        true => "Trying: nothing is written.",
        false => "Writing.",
    };
    page.line(inner, 0, words, Look::Plain);
    let (done, whole) = (work.done, work.batches.rows());
    let y = inner.y.saturating_add(2);
    if inner.height > 2 {
        page.bar(inner.x, y, inner.width.min(50), number(done), number(whole));
    }
    page.line(
        inner,
        4,
        &format!("{done} of {whole} {}", work.place.words()),
        Look::Plain,
    );
}

fn number(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// What became of the file, in a few sentences.
pub fn sum(summary: &Summary, stopped: Option<u64>) -> String {
    let tokens = count(number(summary.added), "token");
    let users = count(number(summary.users_made), "user");
    let same = number(summary.same);
    let places = summary.place.words();
    let refused = match summary.refused {
        1 => format!("1 {}", summary.place.word()),
        refused => format!("{refused} {places}"),
    };
    let counts = match summary.dry_run {
        true => format!(
            "Nothing is written yet. Would be added: {tokens}, {users}. There already: {same}. Refused: {refused}."
        ),
        false => format!("Added: {tokens}, {users}. There already: {same}. Refused: {refused}."),
    };
    match stopped {
        Some(_) if summary.dry_run => format!("The trial stopped before its end. {counts}"),
        Some(0) => format!("Stopped before the first line was written. {counts}"),
        Some(line) => {
            format!("Stopped: the {places} up to {line} are done, import the file again to go on. {counts}")
        }
        None => counts,
    }
}

/// What is said before it is written.
pub fn question(summary: &Summary, active: bool) -> Vec<String> {
    let mut lines = vec![format!(
        "{} and {} are added. Refused {}: {}.",
        count(number(summary.added), "token"),
        count(number(summary.users_made), "user"),
        summary.place.words(),
        summary.refused
    )];
    lines.extend(summary.nobodys());
    lines.push(
        match active {
            true => "Their codes are taken from then on.",
            false => "Each counts after its first code was typed.",
        }
        .to_owned(),
    );
    lines
}

/// The lines to look at, and what to do about them.
pub fn notes(summary: &Summary) -> Vec<Paragraph> {
    let mut notes: Vec<Paragraph> = Vec::new();
    notes.extend(summary.nobodys().map(|words| (words, Look::Plain)));
    notes.extend(
        summary
            .remarks
            .iter()
            .map(|remark| (format!("Note: {remark}"), Look::Plain)),
    );
    if summary.short_keys > 0 {
        let words = format!(
            "{} keys have fewer than 16 bytes: replace those tokens when you can.",
            summary.short_keys
        );
        notes.push((words, Look::Warn));
    }
    let place = match summary.place {
        Place::Line => "Line",
        Place::Entry => "Entry",
        Place::Key => "Key",
    };
    for note in summary.notes.iter().take(NOTES_MAX) {
        let reason = note.note.as_deref().unwrap_or("refused");
        let (word, look) = match note.outcome {
            RowOutcome::Refused => ("", Look::Warn),
            RowOutcome::Added | RowOutcome::Same => ("taken, but ", Look::Plain),
        };
        notes.push((format!("{place} {}: {word}{reason}", note.line), look));
    }
    if summary.notes.len() > NOTES_MAX {
        let words = format!(
            "And {} {} more: set these right first.",
            summary.notes.len() - NOTES_MAX,
            summary.place.words()
        );
        notes.push((words, Look::Plain));
    }
    notes
}
