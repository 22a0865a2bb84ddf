//! Rows with a marker before the one where one is. The rows move by whole pages, so that a step on a slow line costs two cells.

use ratatui::layout::Rect;

use crate::console::key::Key;
use crate::console::page::{Look, Page, Sign};

/// Where one is among rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    at: usize,
    length: usize,
    /// No row is marked, until an arrow marks one: the page stays where it is.
    is_unmarked: bool,
}

impl List {
    /// Among so many rows.
    pub fn new(length: usize) -> Self {
        Self {
            at: 0,
            length,
            is_unmarked: false,
        }
    }

    /// There are so many rows now; the marker stays where it is, if it can.
    pub fn set_length(&mut self, length: usize) {
        self.length = length;
        self.at = self.at.min(length.saturating_sub(1));
    }

    /// The row where one is; none where there are no rows, or none is marked.
    pub fn at(&self) -> Option<usize> {
        (self.at < self.length && !self.is_unmarked).then_some(self.at)
    }

    /// Goes to a row.
    pub fn go(&mut self, at: usize) {
        self.at = at.min(self.length.saturating_sub(1));
        self.is_unmarked = false;
    }

    /// Marks none until an arrow does: where nobody has chosen, or what was chosen is gone, Enter must not find another row.
    pub fn unmark(&mut self) {
        self.is_unmarked = true;
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
            // The first arrow marks the row that is there.
            Key::Up | Key::Down if self.is_unmarked => self.at,
            Key::Up => self.at.saturating_sub(1),
            Key::Down => self.at + 1,
            Key::PageUp => self.at.saturating_sub(page),
            Key::PageDown => self.at + page,
            Key::Home => 0,
            Key::End => last,
            _ => return false,
        };
        self.at = to.min(last);
        self.is_unmarked = false;
        true
    }

    /// Draws the rows of the page where one is: `row` gives the text of one and how it looks.
    pub fn draw(&self, page: &mut Page<'_>, area: Rect, mut row: impl FnMut(usize) -> (String, Look)) {
        let top = self.top(area.height);
        for (line, number) in (0..area.height).zip(top..self.length) {
            let y = area.y.saturating_add(line);
            if self.at() == Some(number) {
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

    #[test]
    fn a_list_without_a_marker_gets_one_by_an_arrow_alone() {
        let mut list = List::new(25);
        list.go(12);
        list.unmark();
        list.set_length(24);
        assert!(!list.on(Key::Enter, 10));
        assert_eq!((list.at(), list.top(10)), (None, 10));
        list.on(Key::Down, 10);
        assert_eq!(list.at(), Some(12));
        list.on(Key::Down, 10);
        assert_eq!(list.at(), Some(13));
    }
}
