//! Rows with a marker before the one where one is. The rows move by whole pages, so that a step on a slow line costs two cells.

use ratatui::layout::Rect;

use crate::console::key::Key;
use crate::console::page::{Look, Page, Sign};

/// Where one is among rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    at: usize,
    length: usize,
}

impl List {
    /// Among so many rows.
    pub fn new(length: usize) -> Self {
        Self { at: 0, length }
    }

    /// There are so many rows now; the marker stays where it is, if it can.
    pub fn set_length(&mut self, length: usize) {
        self.length = length;
        self.at = self.at.min(length.saturating_sub(1));
    }

    /// The row where one is; none where there are no rows.
    pub fn at(&self) -> Option<usize> {
        (self.at < self.length).then_some(self.at)
    }

    /// Goes to a row.
    pub fn go(&mut self, at: usize) {
        self.at = at.min(self.length.saturating_sub(1));
    }

    /// Rows in all.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The first row of the page where one is.
    pub fn top(&self, height: u16) -> usize {
        match usize::from(height) {
            0 => 0,
            height => self.at - self.at % height,
        }
    }

    /// A key; answers whether it was for the list. `height` is the rows of a page.
    pub fn on(&mut self, key: Key, height: u16) -> bool {
        let last = self.length.saturating_sub(1);
        let page = usize::from(height.max(1));
        let to = match key {
            Key::Up => self.at.saturating_sub(1),
            Key::Down => self.at + 1,
            Key::PageUp => self.at.saturating_sub(page),
            Key::PageDown => self.at + page,
            Key::Home => 0,
            Key::End => last,
            _ => return false,
        };
        self.at = to.min(last);
        true
    }

    /// Draws the rows of the page where one is: `row` gives the text of one and how it looks.
    pub fn draw(&self, page: &mut Page<'_>, area: Rect, mut row: impl FnMut(usize) -> (String, Look)) {
        let top = self.top(area.height);
        for (line, number) in (0..area.height).zip(top..self.length) {
            let y = area.y.saturating_add(line);
            if number == self.at {
                page.put(area.x, y, 1, page.sign(Sign::Marker), Look::Strong);
            }
            let (text, look) = row(number);
            let x = area.x.saturating_add(2);
            page.put(x, y, area.width.saturating_sub(2), &text, look);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_stays_inside_and_pages_are_whole() {
        let mut list = List::new(25);
        assert_eq!((list.at(), list.top(10)), (Some(0), 0));
        list.on(Key::Up, 10);
        assert_eq!(list.at(), Some(0));
        list.on(Key::End, 10);
        assert_eq!((list.at(), list.top(10)), (Some(24), 20));
        list.on(Key::PageUp, 10);
        assert_eq!((list.at(), list.top(10)), (Some(14), 10));
        list.set_length(3);
        assert_eq!(list.at(), Some(2));
        list.set_length(0);
        assert_eq!((list.at(), list.top(0)), (None, 0));
        assert!(!list.on(Key::Enter, 10));
    }
}
