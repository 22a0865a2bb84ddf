//! Hardware tokens, whoever has them: what waits, what lies in the drawer, whose clocks go wrong. In: posternd's counts; out: the
//! list or the deed that is wanted. An auditor looks; the helpdesk acts; keys leave the box by an installer alone.
//!
//! ```text
//! Postern box-1 | Tokens                                   anna installer  14:05
//!
//! > h Hardware tokens            who has which, by name or serial number
//!   w Waiting            2       begun here: not written, or without their code
//!   d In the drawer      40      nobody has them yet
//!   c Clocks             3       leave the window within 60 days
//!   s By serial number           type or scan one: who has it, or who gets it
//!   m Many at once               a token for everybody who has none
//!   x Export                     the keys of the tokens that were programmed here
//!   k Molto-2 key                the customer key of this house
//! ```

mod assign;
mod clock;
mod drift;
mod drifting;
mod hardware;
mod molto_key;
mod unassigned;

use ratatui::layout::Rect;

use super::export::Export;
use super::program::Program;
use super::users::grouped;
use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::inset::below;
use crate::console::widgets::menu::{Chose, Entry, Menu};
use crate::control::{Answer, Failure, HardwareAsk, HardwareWhich, PageAsk, Request, Role, TokenInfo, TokenSource};
use crate::tokens::models::by_serial;

pub use assign::Assign;
pub use clock::TokenClock;

const PENDING: u32 = 1;
const DRAWER: u32 = 2;
const CLOCKS: u32 = 3;
/// Columns of the words, and of the count behind them.
const WORDS: u16 = 22;
const COUNT: u16 = 9;

/// What can be looked at or done, the least role for it, and a few words.
const ENTRIES: [(Entry, Role, &str); 8] = [
    (
        ('h', "Hardware tokens"),
        Role::Auditor,
        "who has which, by name or serial number",
    ),
    (
        ('w', "Waiting"),
        Role::Auditor,
        "begun here: not written, or without their code",
    ),
    (('d', "In the drawer"), Role::Auditor, "nobody has them yet"),
    (('c', "Clocks"), Role::Auditor, "leave the window within 60 days"),
    (
        ('s', "By serial number"),
        Role::Auditor,
        "type or scan one: who has it, or who gets it",
    ),
    (
        ('m', "Many at once"),
        Role::Helpdesk,
        "a token for everybody who has none",
    ),
    (
        ('x', "Export"),
        Role::Installer,
        "the keys of the tokens that were programmed here",
    ),
    (('k', "Molto-2 key"), Role::Installer, "the customer key of this house"),
];

/// The menu of them.
#[derive(Debug)]
pub struct Tokens {
    menu: Menu,
    pending: Option<u64>,
    drawer: Option<u64>,
    clocks: Option<u64>,
    pending_asked: Asked,
    drawer_asked: Asked,
    clocks_asked: Asked,
}

impl Tokens {
    /// Asks for the counts itself.
    pub fn new() -> Self {
        Self {
            menu: Menu::default(),
            pending: None,
            drawer: None,
            clocks: None,
            pending_asked: Asked::new(PENDING),
            drawer_asked: Asked::new(DRAWER),
            clocks_asked: Asked::new(CLOCKS),
        }
    }

    fn count(&self, letter: char) -> Option<u64> {
        match letter {
            'w' => self.pending,
            'd' => self.drawer,
            'c' => self.clocks,
            _ => None,
        }
    }
}

impl Default for Tokens {
    fn default() -> Self {
        Self::new()
    }
}

fn open(letter: char) -> Vec<Action> {
    let screen: Box<dyn Screen> = match letter {
        'h' => Box::new(hardware::Hardware::all()),
        'w' => Box::new(hardware::Hardware::pending()),
        'd' => Box::new(unassigned::Drawer::new()),
        'c' => Box::new(drifting::Drifting::new()),
        's' => Box::new(Assign::new()),
        'm' => Box::new(Program::without_token("")),
        'x' => Box::new(Export::new()),
        'k' => Box::new(molto_key::MoltoKey::new()),
        _ => return Vec::new(),
    };
    vec![Action::Open(screen)]
}

/// Whether the clock of a token can be set and its key stays: by its serial number where it has one profile.
pub fn keeps_key(token: &TokenInfo) -> bool {
    token.period.is_some() && (has_profile(token) || by_serial(&token.serial).is_some_and(|model| model.clock_free))
}

/// Whether it is a token that can be programmed here at all.
fn is_ours(token: &TokenInfo) -> bool {
    has_profile(token) || by_serial(&token.serial).is_some()
}

fn has_profile(token: &TokenInfo) -> bool {
    matches!(token.source, TokenSource::Programmed(programmed) if programmed.profile.is_some())
}

/// The first row of a list, for its count alone.
fn one() -> PageAsk {
    PageAsk {
        search: String::new(),
        offset: 0,
        limit: 1,
    }
}

impl Screen for Tokens {
    fn name(&self) -> &'static str {
        "tokens"
    }

    fn title(&self) -> String {
        "Tokens".to_owned()
    }

    fn refresh(&mut self, context: &Context) -> Vec<Action> {
        let may: Vec<Entry> = ENTRIES
            .iter()
            .filter(|(_, role, _)| context.may(*role))
            .map(|(entry, ..)| *entry)
            .collect();
        self.menu.set(&may);
        let pending = HardwareAsk {
            which: HardwareWhich::Pending,
            page: one(),
        };
        let mut actions = self.pending_asked.ask(Request::HardwareList(pending));
        actions.extend(self.drawer_asked.ask(Request::UnassignedList(one())));
        actions.extend(self.clocks_asked.ask(Request::DriftList));
        actions
    }

    fn watches(&self) -> Topics {
        Topics::RECORDS
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        if key == Key::Esc {
            return vec![Action::Close];
        }
        match self.menu.on(key) {
            Chose::This(letter) => open(letter),
            Chose::Moved | Chose::NotMine => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            PENDING => self.pending_asked.landed(),
            DRAWER => self.drawer_asked.landed(),
            _ => self.clocks_asked.landed(),
        };
        match answer {
            Ok(Answer::Hardware(list)) => self.pending = Some(list.total),
            Ok(Answer::Unassigned(list)) => self.drawer = Some(list.total),
            Ok(Answer::Drift(list)) => self.clocks = list.as_of.map(|_| list.total),
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = below(page.area(), 1);
        let column = Rect {
            width: area.width.min(WORDS + 2),
            ..area
        };
        self.menu.draw(page, column);
        let may = ENTRIES.iter().filter(|(_, role, _)| context.may(*role));
        for (row, ((letter, _), _, words)) in (0..area.height).zip(may) {
            let y = area.y.saturating_add(row);
            let x = area.x.saturating_add(WORDS + 2);
            if let Some(count) = self.count(*letter) {
                let count = grouped(usize::try_from(count).unwrap_or(usize::MAX));
                page.put(x, y, COUNT, &count, Look::Strong);
            }
            let x = x.saturating_add(COUNT);
            page.put(x, y, area.right().saturating_sub(x), words, Look::Plain);
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Up/Down, Enter or a letter", "choose"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Hardware tokens. Waiting are those that were begun here and do not count yet: their writing was cut off, or nobody has \
             typed their code. Each is taken up where it stands.",
            "In the drawer lie tokens that came with a maker's file and have no user. By serial number one is found, or given to \
             somebody: a barcode scanner types the number and Enter.",
            "Clocks lists tokens whose clocks drift so far that their codes will be refused within 60 days. To program one token for one \
             user, press p on the first screen.",
            "Export writes the keys of the tokens that were programmed here to a stick, for Entra or another server: an installer's own \
             password is asked, and it goes on record.",
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
