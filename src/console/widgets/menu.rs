//! A column of what can be done: a marker, a letter, a word. Up, Down and Enter choose as the letter does.

use ratatui::layout::Rect;

use super::list::List;
use crate::console::key::Key;
use crate::console::page::{Look, Page, Sign};

/// A letter and its word.
pub type Entry = (char, &'static str);

/// What a key came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chose {
    /// Nothing here: the key is the screen's.
    NotMine,
    /// The marker moved, or could not.
    Moved,
    /// This one.
    This(char),
}

/// A column of entries.
#[derive(Clone, Debug, Default)]
pub struct Menu {
    entries: Vec<Entry>,
    list: List,
}

impl Menu {
    /// With these entries.
    pub fn new(entries: &[Entry]) -> Self {
        Self {
            entries: entries.to_vec(),
            list: List::new(entries.len()),
        }
    }

    /// Other entries; the marker stays at its letter, or goes to the first where that is gone.
    pub fn set(&mut self, entries: &[Entry]) {
        let here = self.here();
        self.entries = entries.to_vec();
        self.list.set_length(entries.len());
        let at = self.entries.iter().position(|(letter, _)| Some(*letter) == here);
        self.list.go(at.unwrap_or(0));
    }

    /// The letter where one is.
    pub fn here(&self) -> Option<char> {
        let at = self.list.at()?;
        self.entries.get(at).map(|(letter, _)| *letter)
    }

    /// Rows that it takes.
    pub fn height(&self) -> u16 {
        u16::try_from(self.entries.len()).unwrap_or(u16::MAX)
    }

    /// A key. A letter moves the marker too, so that one finds oneself there afterwards.
    pub fn on(&mut self, key: Key) -> Chose {
        match key {
            Key::Enter => self.here().map_or(Chose::NotMine, Chose::This),
            Key::Char(typed) => {
                let typed = typed.to_ascii_lowercase();
                match self.entries.iter().position(|(letter, _)| *letter == typed) {
                    Some(at) => {
                        self.list.go(at);
                        Chose::This(typed)
                    }
                    None => Chose::NotMine,
                }
            }
            key if self.list.on(key, self.height()) => Chose::Moved,
            _ => Chose::NotMine,
        }
    }

    /// Draws it from the top of the area.
    pub fn draw(&self, page: &mut Page<'_>, area: Rect) {
        for (row, (number, (letter, word))) in (0..area.height).zip(self.entries.iter().enumerate()) {
            let y = area.y.saturating_add(row);
            if self.list.at() == Some(number) {
                page.put(area.x, y, 1, page.sign(Sign::Marker), Look::Strong);
            }
            let mut text = [0; 4];
            let x = area.x.saturating_add(2);
            page.put(x, y, 1, letter.encode_utf8(&mut text), Look::Strong);
            let width = area.width.saturating_sub(4);
            page.put(x.saturating_add(2), y, width, word, Look::Plain);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn arrows_and_letters_do_the_same_and_the_marker_follows() {
        let mut menu = Menu::new(&[('e', "Enrol"), ('w', "Why"), ('y', "System")]);
        assert_eq!(menu.on(Key::Down), Chose::Moved);
        assert_eq!(menu.on(Key::Enter), Chose::This('w'));
        assert_eq!(menu.on(Key::Char('Y')), Chose::This('y'));
        assert_eq!(menu.on(Key::Enter), Chose::This('y'));
        assert_eq!(menu.on(Key::Char('q')), Chose::NotMine);
        assert_eq!(menu.on(Key::Esc), Chose::NotMine);
        menu.set(&[('y', "System"), ('e', "Enrol")]);
        assert_eq!(menu.here(), Some('y'));
        menu.set(&[('e', "Enrol"), ('w', "Why")]);
        assert_eq!(menu.here(), Some('e'));
        menu.set(&[]);
        assert_eq!((menu.here(), menu.on(Key::Enter)), (None, Chose::NotMine));
    }
}
