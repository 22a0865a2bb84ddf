//! How the export looks, step by step. Draws only; the state is its parent's.

use ratatui::layout::Rect;

use super::super::home::count;
use super::{Export, Step};
use crate::console::page::{Look, Page};
use crate::console::screen::Context;
use crate::console::widgets::scroll::Paragraph;
use crate::control::Role;
use crate::enrol::export::Made;
use crate::text::shown;

/// Rows above the list of folders.
const ABOVE_LIST: u16 = 5;
/// Rows above what is said of the file.
const ABOVE_NOTES: u16 = 5;
/// Tokens that are listed as left out.
const NOTES_MAX: usize = 1_000;

/// Rows of the list of folders, on a screen of this size.
pub fn list_height(size: (u16, u16)) -> u16 {
    size.1.saturating_sub(3).saturating_sub(ABOVE_LIST)
}

/// Columns and rows of what is said of the file.
pub fn notes_size(size: (u16, u16)) -> (u16, u16) {
    let rows = size.1.saturating_sub(3).saturating_sub(ABOVE_NOTES);
    (size.0.saturating_sub(4), rows)
}

/// The step where one is.
pub fn draw(export: &Export, page: &mut Page<'_>, context: &Context) {
    let area = page.area();
    let inner = Rect {
        x: area.x.saturating_add(2),
        y: area.y.saturating_add(1),
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(1),
    };
    if !context.may(Role::Installer) {
        page.wrapped(
            inner,
            "Seeds leave the box with an installer only: ask one.",
            Look::Plain,
        );
        return;
    }
    match &export.step {
        Step::Pick => pick(export, page, area, inner),
        Step::Path(field) => {
            page.line(inner, 0, "The path of a folder on this box:", Look::Plain);
            field.draw(page, inner.x, inner.y.saturating_add(2), inner.width, true);
            page.line(
                inner,
                4,
                "Such as /home/anna. The console writes there as its own user.",
                Look::Plain,
            );
        }
        Step::Form(folder) => {
            let words = format!("Into {}", shown(&folder.to_string_lossy()));
            page.line(inner, 0, &words, Look::Plain);
            let form = Rect {
                y: area.y.saturating_add(3),
                width: area.width.saturating_sub(2).min(100),
                height: area.height.saturating_sub(3),
                ..area
            };
            export.form.draw(page, form, true);
        }
        Step::Running(running) => {
            let tokens = u64::try_from(running.rows.len()).unwrap_or(u64::MAX);
            page.line(inner, 0, "Asking posternd for the tokens.", Look::Plain);
            page.line(inner, 2, &format!("{} so far", count(tokens, "token")), Look::Plain);
        }
        Step::Done(made) => done(export, made, page, area, inner, context),
    }
}

fn pick(export: &Export, page: &mut Page<'_>, area: Rect, inner: Rect) {
    let words = match export.found.is_empty() {
        true => {
            "No stick is there. Plug one in, and it appears here (on an appliance once it is mounted: System, Stick); or type the path \
             of a folder."
        }
        false => {
            "Where to? A new file is made there with the tokens that this box programmed. Whoever has such a file, and its passphrase \
             where it has one, can make every code."
        }
    };
    let above = Rect {
        height: inner.height.min(3),
        ..inner
    };
    page.wrapped(above, words, Look::Plain);
    let below = Rect {
        y: area.y.saturating_add(ABOVE_LIST),
        height: area.height.saturating_sub(ABOVE_LIST),
        ..area
    };
    export.list.draw(page, below, |number| {
        let text = match export.found.get(number) {
            None => "Another folder: type its path".to_owned(),
            Some(folder) => shown(&folder.to_string_lossy()),
        };
        (text, Look::Plain)
    });
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
