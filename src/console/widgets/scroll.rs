//! Text that may be longer than its area: paragraphs with looks, moved by whole pages and rows.

use ratatui::layout::Rect;

use crate::console::key::Key;
use crate::console::page::{Look, Page, wrap};

/// A paragraph and how it looks.
pub type Paragraph = (String, Look);

/// How far down one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scroll {
    top: usize,
}

impl Scroll {
    /// A key; answers whether it was for the text. `height` is the rows of the area, `rows` those of the text.
    pub fn on(&mut self, key: Key, height: u16, rows: usize) -> bool {
        let last = rows.saturating_sub(usize::from(height));
        let page = usize::from(height.max(1));
        let to = match key {
            Key::Up => self.top.saturating_sub(1),
            Key::Down => self.top + 1,
            Key::PageUp => self.top.saturating_sub(page),
            Key::PageDown | Key::Char(' ') => self.top + page,
            Key::Home => 0,
            Key::End => last,
            _ => return false,
        };
        self.top = to.min(last);
        true
    }

    /// Rows that paragraphs take in `width` columns.
    pub fn rows(paragraphs: &[Paragraph], width: u16) -> usize {
        paragraphs
            .iter()
            .map(|(text, _)| wrap(text, usize::from(width)).len())
            .sum()
    }

    /// Draws what stands in the area; where more follows, the last row says so.
    pub fn draw(&self, page: &mut Page<'_>, area: Rect, paragraphs: &[Paragraph]) {
        let lines: Vec<(String, Look)> = paragraphs
            .iter()
            .flat_map(|(text, look)| {
                wrap(text, usize::from(area.width))
                    .into_iter()
                    .map(move |line| (line, *look))
            })
            .collect();
        let height = usize::from(area.height);
        let top = self.top.min(lines.len().saturating_sub(height));
        let left = lines.len().saturating_sub(top + height);
        for (row, (text, look)) in (0..area.height).zip(lines.iter().skip(top)) {
            let last = row + 1 == area.height;
            if last && left > 0 {
                let more = format!("({} more lines: Page Down)", left + 1);
                page.line(area, row, &more, Look::Faint);
            } else {
                page.line(area, row, text, *look);
            }
        }
    }
}
