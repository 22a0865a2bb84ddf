//! How the export looks, step by step. Draws only; the state is its parent's.

use ratatui::layout::Rect;

use super::super::home::count;
use super::super::pick::draw_chosen;
use super::{Export, Step};
use crate::console::page::{Look, Page};
use crate::console::screen::Context;
use crate::console::widgets::inset::inset;
use crate::console::widgets::scroll::Paragraph;
use crate::control::Role;
use crate::enrol::export::Made;

/// Rows above what is said of the file.
const ABOVE_NOTES: u16 = 5;
/// Tokens that are listed as left out.
const NOTES_MAX: usize = 1_000;

/// Columns and rows of what is said of the file.
pub fn notes_size(size: (u16, u16)) -> (u16, u16) {
    let rows = size.1.saturating_sub(3).saturating_sub(ABOVE_NOTES);
    (size.0.saturating_sub(4), rows)
}

/// The step where one is.
pub fn draw(export: &Export, page: &mut Page<'_>, context: &Context) {
    let area = page.area();
    let inner = inset(area);
    if !context.may(Role::Installer) {
        page.wrapped(
            inner,
            "Seeds leave the box with an installer only: ask one.",
            Look::Plain,
        );
        return;
    }
    match &export.step {
        Step::Pick => export.pick.draw(page),
        Step::Form(folder) => {
            let below = draw_chosen(page, area, "Into", folder);
            export.form.draw(page, below, true);
        }
        Step::Running(running) => {
            let tokens = u64::try_from(running.rows.len()).unwrap_or(u64::MAX);
            page.line(inner, 0, "Asking posternd for the tokens.", Look::Plain);
            page.line(inner, 2, &format!("{} so far", count(tokens, "token")), Look::Plain);
        }
        Step::Done(made) => done(export, made, page, area, inner, context),
    }
}

fn done(export: &Export, made: &Made, page: &mut Page<'_>, area: Rect, inner: Rect, context: &Context) {
    let tokens = u64::try_from(made.tokens).unwrap_or(u64::MAX);
    let verb = if made.tokens == 1 { "is" } else { "are" };
    page.line(
        inner,
        0,
        &format!("{} {verb} in the file", count(tokens, "token")),
        Look::Strong,
    );
    page.line(inner, 1, &made.file, Look::Plain);
    let (width, height) = notes_size(context.size);
    let below = Rect {
        y: area.y.saturating_add(ABOVE_NOTES),
        width: width.min(inner.width),
        height: height.min(area.height.saturating_sub(ABOVE_NOTES)),
        ..inner
    };
    export.scroll.draw(page, below, &export.notes);
}

/// What to know of a file.
pub fn notes(made: &Made) -> Vec<Paragraph> {
    let mut notes: Vec<Paragraph> = Vec::new();
    for warning in &made.warnings {
        let mut letters = warning.chars();
        let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
        notes.push((format!("{first}{}.", letters.as_str()), Look::Warn));
    }
    if !made.left_out.is_empty() {
        let words = format!(
            "Not in the file, since it cannot hold them: {}. Take a PSKC file for them.",
            made.left_out.len()
        );
        notes.push((words, Look::Warn));
    }
    let lines = made.left_out.iter().take(NOTES_MAX);
    notes.extend(lines.map(|line| (line.clone(), Look::Plain)));
    if made.left_out.len() > NOTES_MAX {
        notes.push((format!("And {} more.", made.left_out.len() - NOTES_MAX), Look::Plain));
    }
    notes
}
