//! The first screen after the login.

use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::Page;
use crate::console::screen::{Context, Hint, Screen};

/// The screens that stand after a login, the first one lowest. `had_none` is true for the operator who was just made as the first.
pub fn after_login(_context: &Context, _had_none: bool) -> Vec<Box<dyn Screen>> {
    vec![Box::new(Home)]
}

/// The first screen.
#[derive(Debug)]
pub struct Home;

impl Screen for Home {
    fn name(&self) -> &'static str {
        "home"
    }

    fn title(&self) -> String {
        "Status".to_owned()
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        match key {
            Key::Esc => vec![Action::LogOut],
            _ => Vec::new(),
        }
    }

    fn draw(&self, _page: &mut Page<'_>, _context: &Context) {}

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Esc", "log out")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[]
    }
}
