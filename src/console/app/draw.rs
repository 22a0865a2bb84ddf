//! How the application draws itself: title, body, note, keys. Changes nothing.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{App, COLUMNS_MIN, ROWS_MIN, role_word};
use crate::console::action::Tone;
use crate::console::page::{Look, Page};
use crate::console::screen::{Hint, Screen};
use crate::console::screens::too_small;
use crate::times;

impl App {
    /// Draws the whole screen; answers where the cursor is wanted.
    pub fn draw(&self, buffer: &mut Buffer) -> Option<Position> {
        let whole = buffer.area;
        if self.is_small() || whole.width < COLUMNS_MIN || whole.height < ROWS_MIN {
            too_small::draw(&mut Page::new(buffer, whole, self.context.caps));
            return None;
        }
        let top = self.top()?;
        let title = match &self.help {
            Some(_) => format!("Help: {}", top.title()),
            None => top.title(),
        };
        self.draw_title(&mut Page::new(buffer, whole, self.context.caps), whole, &title);
        let body = Rect {
            y: whole.y.saturating_add(1),
            height: whole.height.saturating_sub(if top.takes_note() { 2 } else { 3 }),
            ..whole
        };
        let mut page = Page::new(buffer, body, self.context.caps);
        match &self.help {
            Some(help) => help.draw(&mut page),
            None => top.draw(&mut page, &self.context),
        }
        let cursor = page.cursor();
        self.draw_foot(&mut Page::new(buffer, whole, self.context.caps), whole, top);
        cursor
    }

    fn draw_title(&self, page: &mut Page<'_>, whole: Rect, title: &str) {
        let context = &self.context;
        let host = context.hello.as_ref().map_or("", |hello| hello.host.as_str());
        let clock = times::shown_clock(context.now.wall, &context.zone);
        let right = match &context.session {
            Some(session) => format!("{} {}  {clock}", session.operator, role_word(session.role)),
            None => clock,
        };
        let width = u16::try_from(right.chars().count()).unwrap_or(0);
        let x = page.put(whole.x, whole.y, 30, &format!("Postern {host}"), Look::Strong);
        let start = whole.right().saturating_sub(width);
        page.put(
            x.saturating_add(1),
            whole.y,
            start.saturating_sub(x.saturating_add(3)),
            &format!("| {title}"),
            Look::Plain,
        );
        page.put(start, whole.y, width, &right, Look::Plain);
    }

    fn draw_foot(&self, page: &mut Page<'_>, whole: Rect, top: &dyn Screen) {
        let note = whole.bottom().saturating_sub(2);
        if let Some((tone, words)) = &self.note {
            let words = match tone {
                Tone::Bad => format!("Not done: {words}"),
                Tone::Done | Tone::Look => words.clone(),
            };
            page.note(whole, note, &words, Look::from(*tone));
        }
        let (hints, help): (Vec<Hint>, Hint) = match &self.help {
            Some(_) => (vec![("Esc", "back"), ("Up/Down", "more")], ("?", "help")),
            None if top.types('?') => (top.hints(&self.context), ("F1", "help")),
            None => (top.hints(&self.context), ("?", "help")),
        };
        let y = whole.bottom().saturating_sub(1);
        // The way to the help is always shown, and so begins behind whatever fits before it.
        let end = whole.right().saturating_sub(hint_width(help));
        let mut x = whole.x;
        for hint in hints {
            if x.saturating_add(hint_width(hint)).saturating_add(2) > end {
                break;
            }
            x = draw_hint(page, x, y, hint);
        }
        draw_hint(page, x, y, help);
    }
}

fn hint_width((key, words): Hint) -> u16 {
    u16::try_from(key.chars().count() + words.chars().count() + 1).unwrap_or(u16::MAX)
}

/// Draws one and answers where the next begins.
fn draw_hint(page: &mut Page<'_>, x: u16, y: u16, hint: Hint) -> u16 {
    let (key, words) = hint;
    let width = hint_width(hint);
    // Both plain: a look of its own for each key would be a tenth of a screen's bytes.
    let x = page.put(x, y, width, key, Look::Plain).saturating_add(1);
    page.put(x, y, width, words, Look::Plain).saturating_add(2)
}
