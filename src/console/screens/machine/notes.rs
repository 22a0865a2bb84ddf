//! What is new in the version that is ready, by its own words. In: lines of the signed manifest; out: nothing.
//!
//! ```text
//! Postern box-1 | New in 0.2.0                             anna installer  14:05
//!
//!   Added:
//!   - The log can be searched by calling station.
//! ```

use ratatui::layout::Rect;

use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::scroll::{Paragraph, Scroll};
use crate::text::shown;

/// The screen.
#[derive(Debug)]
pub struct Notes {
    version: String,
    lines: Vec<Paragraph>,
    scroll: Scroll,
}

impl Notes {
    /// Of this version.
    pub fn new(version: &str, notes: &[String]) -> Self {
        Self {
            version: shown(version),
            lines: notes.iter().map(|line| (shown(line), Look::Plain)).collect(),
            scroll: Scroll::default(),
        }
    }

    fn area(area: Rect) -> Rect {
        Rect {
            x: area.x.saturating_add(2),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(1),
        }
    }
}

impl Screen for Notes {
    fn name(&self) -> &'static str {
        "update-notes"
    }

    fn title(&self) -> String {
        format!("New in {}", self.version)
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        match key {
            Key::Esc | Key::Enter => vec![Action::Close],
            key => {
                let area = Self::area(Rect::new(0, 0, context.size.0, context.size.1.saturating_sub(3)));
                let rows = Scroll::rows(&self.lines, area.width);
                self.scroll.on(key, area.height, rows);
                Vec::new()
            }
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = Self::area(page.area());
        self.scroll.draw(page, area, &self.lines);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Up/Down, Page Down", "read on"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &["What the release says of itself: it is signed together with what is written."]
    }
}
