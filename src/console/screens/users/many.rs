//! Several users marked for one run. They stay marked whatever is searched for meanwhile.

use std::collections::BTreeSet;

use super::{Marked, Users};
use crate::console::action::{Action, Tone};
use crate::console::key::Key;
use crate::console::screen::Context;

/// The most that are marked: as many as one run takes.
const MARKS_MAX: usize = 1_000;

/// Who is marked.
#[derive(Debug, Default)]
pub(super) struct Marks(BTreeSet<String>);

impl Marks {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// All of them, by name.
    pub(super) fn names(self) -> Vec<String> {
        self.0.into_iter().collect()
    }
}

impl Users {
    /// Space: the user where one is, marked or no longer, and on to the next one.
    pub(super) fn mark(&mut self, context: &Context) -> Vec<Action> {
        let name = match self.marked() {
            Marked::User(name) if self.is_fresh() => name,
            _ => {
                let words = "Choose one with Up and Down, then press Space";
                return vec![Action::Say(Tone::Look, words.to_owned())];
            }
        };
        if !self.marks.0.remove(&name) {
            if self.marks.0.len() >= MARKS_MAX {
                let words = format!("{MARKS_MAX} are marked, which is the most at once");
                return vec![Action::Say(Tone::Look, words)];
            }
            self.marks.0.insert(name);
        }
        // Down, if there is one.
        self.list.on(Key::Down, 1);
        self.ask_if_moved(context)
    }
}
