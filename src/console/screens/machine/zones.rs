//! A time zone is chosen from those of the system's tz database: the list follows what is typed. In: the zone that is set; out: the
//! chosen one to the screen below.
//!
//! ```text
//! Postern box-1 | Time zone                                anna installer  14:05
//!
//!   Find [vie                     ]  2 of 418
//!
//! > Asia/Vientiane
//!   Europe/Vienna
//! ```

use ratatui::layout::Rect;

use crate::console::action::{Action, Told};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::Field;
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::list::List;

/// The longest name that is typed.
const TYPED_MAX: usize = 32;
/// Rows above the list.
const ABOVE: u16 = 3;

/// The time zones.
#[derive(Debug)]
pub struct Zones {
    tag: u32,
    all: Vec<String>,
    field: Field,
    /// Those that fit what was typed, by their place in `all`.
    found: Vec<usize>,
    list: List,
}

fn zone(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '/' | '_' | '-' | '+')
}

/// The names that the system's database has, without its copies of itself.
fn names() -> Vec<String> {
    let mut names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    names.retain(|name| !name.starts_with("posix/") && !name.starts_with("right/") && name.chars().all(zone));
    names.sort();
    names.dedup();
    if names.is_empty() {
        names.push("UTC".to_owned());
    }
    names
}

/// As one looks for it: a blank is written as `_` in the names.
fn folded(text: &str) -> String {
    text.to_ascii_lowercase().replace(['_', '-'], " ")
}

impl Zones {
    /// The one that is set is marked; the chosen one is told with the tag.
    pub fn new(tag: u32, now: &str) -> Self {
        Self::of(tag, names(), now)
    }

    /// As [`Zones::new`], with these names.
    pub fn of(tag: u32, all: Vec<String>, now: &str) -> Self {
        let mut zones = Self {
            tag,
            found: (0..all.len()).collect(),
            list: List::new(all.len()),
            all,
            field: Field::new(TYPED_MAX, |character| zone(character) || character == ' '),
        };
        if let Some(at) = zones.all.iter().position(|name| name == now) {
            zones.list.go(at);
        }
        zones
    }

    fn find(&mut self) {
        let typed = folded(self.field.text().trim());
        let all = self.all.iter().enumerate();
        self.found = all
            .filter(|(_, name)| folded(name).contains(&typed))
            .map(|(at, _)| at)
            .collect();
        // What was typed in full comes before names that hold it.
        let full = self
            .found
            .iter()
            .position(|at| self.all.get(*at).is_some_and(|name| folded(name) == typed));
        self.list = List::new(self.found.len());
        self.list.go(full.unwrap_or(0));
    }

    fn here(&self) -> Option<&String> {
        let at = self.list.at().and_then(|at| self.found.get(at))?;
        self.all.get(*at)
    }
}

impl Screen for Zones {
    fn name(&self) -> &'static str {
        "time-zones"
    }

    fn title(&self) -> String {
        "Time zone".to_owned()
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        let height = context.size.1.saturating_sub(3).saturating_sub(ABOVE);
        match key {
            Key::Esc => return vec![Action::Close],
            Key::Enter => {
                let zone = self.here().cloned();
                return zone
                    .map(|zone| Action::CloseWith(Told::Picked(self.tag, zone)))
                    .into_iter()
                    .collect();
            }
            Key::Up | Key::Down | Key::PageUp | Key::PageDown => {
                self.list.on(key, height);
            }
            key => {
                if self.field.on(key) {
                    self.find();
                }
            }
        }
        Vec::new()
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = page.area();
        let top = inset(area);
        let x = page.put(top.x, top.y, 5, "Find", Look::Plain).saturating_add(1);
        self.field.draw(page, x, top.y, 26, true);
        let words = format!("{} of {}", self.found.len(), self.all.len());
        page.put(x.saturating_add(28), top.y, 20, &words, Look::Plain);
        let rows = below(area, ABOVE);
        if self.found.is_empty() {
            let inner = Rect {
                x: rows.x.saturating_add(2),
                width: rows.width.saturating_sub(4),
                ..rows
            };
            page.line(
                inner,
                0,
                "No zone is called that: try the name of a large city.",
                Look::Warn,
            );
        }
        self.list.draw(page, rows, |number| {
            let name = self.found.get(number).and_then(|at| self.all.get(*at));
            (name.cloned().unwrap_or_default(), Look::Plain)
        });
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Enter", "take this one"), ("Up/Down", "choose"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &["Type a part of the zone's name, such as the largest city near the box, and press Enter."]
    }

    fn types(&self, character: char) -> bool {
        self.field.accepts(character)
    }
}
