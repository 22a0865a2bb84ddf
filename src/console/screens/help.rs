//! What `?` shows over any screen: where one is, every key that works there, and the keys that work everywhere.
//!
//! ```text
//! Postern box-1 | Help: Users                              anna installer  14:05
//!
//! Type a part of a name ...
//!
//! Enter      open
//! ...
//! ```

use ratatui::layout::Rect;

use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Screen};
use crate::console::widgets::scroll::{Paragraph, Scroll};

/// Help over a screen.
#[derive(Debug)]
pub struct Help {
    paragraphs: Vec<Paragraph>,
    scroll: Scroll,
}

/// Keys that work on every screen.
const EVERYWHERE: [(&str, &str); 5] = [
    ("Arrows, Enter, Esc", "are enough for everything: go, take, back"),
    ("Tab", "the next field"),
    ("Ctrl-L", "paint the screen anew and ask the line for its size"),
    ("Ctrl-T", "this line: mono or colours, ASCII or Unicode"),
    ("F1", "this help, also while typing"),
];

impl Help {
    /// The help of a screen.
    pub fn of(screen: &dyn Screen, context: &Context) -> Self {
        let mut paragraphs: Vec<Paragraph> = Vec::new();
        for words in screen.help() {
            paragraphs.push(((*words).to_owned(), Look::Plain));
            paragraphs.push((String::new(), Look::Plain));
        }
        for (key, words) in screen.hints(context) {
            paragraphs.push((format!("{key:<20}{words}"), Look::Plain));
        }
        paragraphs.push((String::new(), Look::Plain));
        for (key, words) in EVERYWHERE {
            paragraphs.push((format!("{key:<20}{words}"), Look::Plain));
        }
        Self {
            paragraphs,
            scroll: Scroll::default(),
        }
    }

    /// A key; false if it closes the help.
    pub fn on(&mut self, key: Key, size: (u16, u16)) -> bool {
        let width = size.0.saturating_sub(4);
        let rows = Scroll::rows(&self.paragraphs, width);
        self.scroll.on(key, size.1.saturating_sub(4), rows)
    }

    /// Draws it.
    pub fn draw(&self, page: &mut Page<'_>) {
        let area = page.area();
        let inner = Rect {
            x: area.x.saturating_add(2),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(1),
        };
        self.scroll.draw(page, inner, &self.paragraphs);
    }
}
