//! Labels and values from the top of an area down, long values over several rows: what a screen that only shows is made of.

use ratatui::layout::Rect;

use crate::console::page::{Look, Page, wrap};

/// Fills an area from its top.
#[derive(Debug)]
pub struct Rows<'a, 'b> {
    page: &'a mut Page<'b>,
    area: Rect,
    label: u16,
    used: u16,
}

impl<'a, 'b> Rows<'a, 'b> {
    /// Over an area, with labels of so many columns.
    pub fn new(page: &'a mut Page<'b>, area: Rect, label: u16) -> Self {
        Self {
            page,
            area,
            label: label.min(area.width),
            used: 0,
        }
    }

    /// Rows that are left.
    pub fn left(&self) -> u16 {
        self.area.height.saturating_sub(self.used)
    }

    /// Rows that [`Rows::line`] would take for this text.
    pub fn spans(&self, text: &str) -> u16 {
        u16::try_from(wrap(text, usize::from(self.area.width)).len()).unwrap_or(u16::MAX)
    }

    /// A label and its value, which takes the rows it needs.
    pub fn field(&mut self, label: &str, value: &str, look: Look) {
        let Some(mut rest) = self.rest() else { return };
        self.page.put(rest.x, rest.y, self.label, label, Look::Faint);
        rest.x = rest.x.saturating_add(self.label);
        rest.width = rest.width.saturating_sub(self.label);
        self.used = self.used.saturating_add(self.page.wrapped(rest, value, look));
    }

    /// A line over the whole width.
    pub fn line(&mut self, text: &str, look: Look) {
        let Some(rest) = self.rest() else { return };
        self.used = self.used.saturating_add(self.page.wrapped(rest, text, look));
    }

    /// An empty row.
    pub fn gap(&mut self) {
        self.used = self.used.saturating_add(1);
    }

    /// What is left below, for something else to be drawn on.
    pub fn below(self) -> Rect {
        super::inset::below(self.area, self.used)
    }

    fn rest(&self) -> Option<Rect> {
        (self.left() > 0).then(|| Rect {
            y: self.area.y.saturating_add(self.used),
            height: self.left(),
            ..self.area
        })
    }
}
