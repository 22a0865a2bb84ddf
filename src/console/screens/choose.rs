//! One of a few things is to be chosen. In: a title, some lines, the choices; out: the chosen one's word to the screen below, or
//! nothing.
//!
//! ```text
//! Postern box-1 | The token is not confirmed               anna installer  14:05
//!
//!   Token #3 of anna@contoso.example waits for its first code.
//!
//! > Remove it: nothing is left of it
//!   Keep it: it counts once its first code is confirmed
//! ```

use ratatui::layout::Rect;

use crate::console::action::{Action, Told};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::list::List;

/// A choice: its word for the screen below, and what it says here.
pub type Choice = (String, String);

/// Some choices.
#[derive(Debug)]
pub struct Choose {
    tag: u32,
    title: String,
    lines: Vec<String>,
    choices: Vec<Choice>,
    list: List,
}

impl Choose {
    /// Asks; the word of the chosen one is told as [`Told::Picked`] with the tag. The marker begins at the first.
    pub fn new(tag: u32, title: &str, lines: Vec<String>, choices: Vec<Choice>) -> Self {
        Self {
            tag,
            title: title.to_owned(),
            lines,
            list: List::new(choices.len()),
            choices,
        }
    }
}

impl Screen for Choose {
    fn name(&self) -> &'static str {
        "choose"
    }

    fn title(&self) -> String {
        self.title.clone()
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        match key {
            Key::Esc => vec![Action::Close],
            Key::Enter => match self.list.at().and_then(|at| self.choices.get(at)) {
                Some((word, _)) => vec![Action::CloseWith(Told::Picked(self.tag, word.clone()))],
                None => Vec::new(),
            },
            key => {
                self.list.on(key, 10);
                Vec::new()
            }
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = page.area();
        let mut inner = Rect {
            x: area.x.saturating_add(2),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(4).min(100),
            height: area.height.saturating_sub(1),
        };
        for line in &self.lines {
            let rows = page.wrapped(inner, line, Look::Plain).saturating_add(1);
            inner.y = inner.y.saturating_add(rows);
            inner.height = inner.height.saturating_sub(rows);
        }
        let below = Rect {
            x: area.x,
            width: area.width,
            ..inner
        };
        self.list.draw(page, below, |at| {
            let text = self.choices.get(at).map(|(_, words)| words.clone());
            (text.unwrap_or_default(), Look::Plain)
        });
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Enter", "take this one"), ("Up/Down", "choose"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &["Choose one with Up and Down, then press Enter. Esc goes back, and nothing is changed."]
    }
}
