//! The set-up of a new box, step by step, with no manual: from the first operator to the first login that was let in. In: answers of
//! posternd, which tell how far the box is; out: whatever the steps ask for. Each step is a screen in the place of the one before,
//! can be left at any time, and knows from posternd whether it is done: so the set-up is taken up again where it was left.
//!
//! ```text
//! operator (1) -> this line (2) -> clock (3) -> network (4) -> Entra (5) -> client (6) -> user (7) -> first login (8) -> done (9)
//! ```

mod client;
mod clock;
mod done;
mod entra;
pub mod find;
mod line;
mod network;
mod operator;
mod user;
mod waiting;

use ratatui::layout::Rect;

use crate::console::action::{Action, Tone};
use crate::console::key::Key;
use crate::console::page::Page;
use crate::console::screen::{Hint, Screen};
use crate::console::widgets::menu::{Chose, Entry, Menu};

/// The steps' names.
const STEPS: [&str; 9] = [
    "the first operator",
    "this line",
    "clock",
    "network",
    "Microsoft Entra",
    "the first client",
    "the first user",
    "the first login",
    "done",
];

/// The steps that others name.
const LINE: usize = 2;
const CLOCK: usize = 3;
const NETWORK: usize = 4;
const ENTRA: usize = 5;
const CLIENT: usize = 6;
const USER: usize = 7;
const LOGIN: usize = 8;
const DONE: usize = 9;

/// The first operator's own screen, before anybody can log in.
pub fn begin() -> Box<dyn Screen> {
    Box::new(operator::Operator::new())
}

/// The set-up for an installer who is logged in: at the first step that is not done.
pub fn wizard() -> Box<dyn Screen> {
    Box::new(find::Find::new())
}

/// `Step 3 of 9: clock`.
fn title(step: usize) -> String {
    let name = STEPS.get(step.saturating_sub(1)).unwrap_or(&"");
    format!("Step {step} of {}: {name}", STEPS.len())
}

/// The screen of a step, as it begins.
fn screen(step: usize) -> Box<dyn Screen> {
    match step {
        0..=LINE => Box::new(line::Line::new()),
        CLOCK => Box::new(clock::Clock::new()),
        NETWORK => Box::new(network::Network::new()),
        ENTRA => Box::new(entra::Entra::new()),
        CLIENT => Box::new(client::FirstClient::new()),
        USER => Box::new(user::FirstUser::new()),
        LOGIN => Box::new(waiting::Waiting::new()),
        _ => Box::new(done::Done::new()),
    }
}

/// On to a step.
fn go(step: usize) -> Vec<Action> {
    vec![Action::Replace(screen(step))]
}

/// The set-up is left.
fn leave() -> Vec<Action> {
    let words = "The set-up waits: s on the first screen goes on where it stands.";
    vec![Action::Close, Action::Say(Tone::Look, words.to_owned())]
}

/// What Esc and Ctrl-X mean at every step: one back, and away.
fn common(step: usize, key: Key) -> Option<Vec<Action>> {
    match key {
        Key::Esc if step <= LINE => Some(leave()),
        Key::Esc => Some(go(step - 1)),
        Key::Ctrl('x') => Some(leave()),
        _ => None,
    }
}

/// The hints of every step, behind its own.
fn hints(step: usize, mut own: Vec<Hint>) -> Vec<Hint> {
    if step > LINE {
        own.push(("Esc", "step back"));
    }
    own.push(("Ctrl-X", "leave"));
    own
}

/// What can be done at a step. Where that changes, the marker goes to the first entry, which is what comes next.
#[derive(Debug, Default)]
struct Choices {
    entries: &'static [Entry],
    menu: Menu,
}

impl Choices {
    fn set(&mut self, entries: &'static [Entry]) {
        if self.entries != entries {
            self.entries = entries;
            self.menu = Menu::new(entries);
        }
    }

    /// The letter of what was chosen by a key.
    fn on(&mut self, key: Key) -> Option<char> {
        match self.menu.on(key) {
            Chose::This(letter) => Some(letter),
            _ => None,
        }
    }

    fn height(&self) -> u16 {
        self.menu.height()
    }

    /// From the left edge of the page, so that the marker stands where it stands everywhere.
    fn draw(&self, page: &mut Page<'_>, under: Rect) {
        let whole = page.area();
        let area = Rect {
            x: whole.x,
            width: whole.width,
            ..under
        };
        self.menu.draw(page, area);
    }
}

/// What `?` says at the end of every step.
const LEAVE: &str = "The set-up can be left at any time with Ctrl-X; what was done is kept. It begins again at the first step that is not \
                     done: s on the first screen.";

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
