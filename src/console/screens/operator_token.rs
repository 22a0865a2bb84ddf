//! stub
use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::Page;
use crate::console::screen::{Context, Hint, Screen};
/// A token for an operator's own login.
#[derive(Debug)]
pub struct OperatorToken {
    name: String,
}
impl OperatorToken {
    /// For whom.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }
}
impl Screen for OperatorToken {
    fn name(&self) -> &'static str {
        "operator-token"
    }
    fn title(&self) -> String {
        self.name.clone()
    }
    fn on(&mut self, _key: Key, _context: &Context) -> Vec<Action> {
        vec![Action::Close]
    }
    fn draw(&self, _page: &mut Page<'_>, _context: &Context) {}
    fn hints(&self, _context: &Context) -> Vec<Hint> {
        Vec::new()
    }
    fn help(&self) -> &'static [&'static str] {
        &[]
    }
}
