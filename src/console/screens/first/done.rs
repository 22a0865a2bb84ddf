//! Step 9: what comes next. In: nothing; out: back to the first screen.
//!
//! ```text
//! Postern box-1 | Step 9 of 9: done                        anna installer  14:05
//!
//!   This box is set up. What comes next:
//!
//!   A second operator  ...
//! ```

use super::{DONE, common};
use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::rows::Rows;

/// What is worth doing soon.
const NEXT: [(&str, &str); 5] = [
    (
        "A second operator",
        "Operators on the first screen: another installer, so that nobody is locked out, and the helpdesk with a role of its own.",
    ),
    (
        "The other users",
        "Enrol on the first screen one by one, or Import for a file of tokens that are there already.",
    ),
    (
        "The key",
        "Keep a copy of the box's key (STATE_DIR/key, or the credential postern.key) somewhere else: without it a backup cannot be \
         opened.",
    ),
    (
        "The log elsewhere",
        "Send it to a syslog server (--syslog), so that nobody who gets into the box can shorten it.",
    ),
    (
        "The documents",
        "README.md and the folder docs; ? on every screen says what it is for.",
    ),
];

/// The end.
#[derive(Debug)]
pub struct Done;

impl Done {
    /// The end.
    pub fn new() -> Self {
        Self
    }
}

impl Screen for Done {
    fn name(&self) -> &'static str {
        "set-up-done"
    }

    fn title(&self) -> String {
        super::title(DONE)
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        match key {
            Key::Enter => vec![Action::Home],
            key => common(DONE, key).unwrap_or_default(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = inset(page.area());
        page.line(area, 0, "This box is set up. What comes next:", Look::Strong);
        let mut rows = Rows::new(page, below(area, 2), 19);
        for (label, words) in NEXT {
            rows.field(label, words, Look::Plain);
            rows.gap();
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Enter", "to the first screen"), ("Esc", "step back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &["The set-up is done. It can be gone through again at any time; nothing in it is lost by that."]
    }
}
