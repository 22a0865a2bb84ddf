//! What a screen is: a small state that keys and answers change, and a drawing of it that changes nothing. A screen knows neither
//! the line nor the socket; what it wants done it says by actions.

use std::fmt::Debug;

use jiff::tz::TimeZone;

use super::action::{Action, Told};
use super::caps::Caps;
use super::event::Now;
use super::key::Key;
use super::page::Page;
use crate::control::{Answer, Failure, Hello, Role, Session, Timestamp, Trouble};
use crate::tokens::desk;

/// What every screen may look at.
#[derive(Clone, Debug)]
pub struct Context {
    /// The time of the event that is being handled.
    pub now: Now,
    /// The zone that times are shown in.
    pub zone: TimeZone,
    /// What the line can show.
    pub caps: Caps,
    /// Columns and rows of the whole screen.
    pub size: (u16, u16),
    /// Who is logged in.
    pub session: Option<Session>,
    /// What posternd said of itself; none before it answered.
    pub hello: Option<Hello>,
    /// posternd answers now.
    pub up: bool,
    /// What keeps the box from working, as postern-host wrote it; looked at while posternd is not there.
    pub troubles: Vec<Trouble>,
    /// posternd owes an answer since then, longer than any takes.
    pub silent: Option<Timestamp>,
    /// The line's name: `tty1`, `ttyS0`, `pts/3`.
    pub line: String,
    /// Where token files may lie, in the order in which they are shown.
    pub import_dirs: Vec<std::path::PathBuf>,
    /// QR codes are drawn for a light ground, since the operator said so.
    pub qr_inverted: bool,
}

impl Context {
    /// Whether the operator's role is enough; posternd checks it again at each operation.
    pub fn may(&self, role: Role) -> bool {
        self.session.as_ref().is_some_and(|session| session.role >= role)
    }
}

/// What a screen is to be refreshed for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Topics {
    /// Users, tokens, clients, directories, operators.
    pub records: bool,
    /// Logins and other entries of the log.
    pub log: bool,
    /// Unknown sources.
    pub knocks: bool,
    /// Alarms, clock, whether the box answers.
    pub state: bool,
}

impl Topics {
    /// Nothing.
    pub const NONE: Self = Self {
        records: false,
        log: false,
        knocks: false,
        state: false,
    };
    /// Everything.
    pub const ALL: Self = Self {
        records: true,
        log: true,
        knocks: true,
        state: true,
    };
    /// Records alone.
    pub const RECORDS: Self = Self {
        records: true,
        ..Self::NONE
    };
    /// The log alone.
    pub const LOG: Self = Self {
        log: true,
        ..Self::NONE
    };

    /// Whether they have one in common.
    pub fn meets(self, other: Self) -> bool {
        (self.records && other.records)
            || (self.log && other.log)
            || (self.knocks && other.knocks)
            || (self.state && other.state)
    }
}

/// A key and what it does here, for the bottom line: `("Enter", "open")`.
pub type Hint = (&'static str, &'static str);

/// A screen.
pub trait Screen: Debug + Send {
    /// Its kebab-case name, for records and documents.
    fn name(&self) -> &'static str;

    /// Its title, a few words.
    fn title(&self) -> String;

    /// Asks for what it shows: when it opens, when it is on top again, when posternd is back, when something moved.
    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        Vec::new()
    }

    /// What it is refreshed for.
    fn watches(&self) -> Topics {
        Topics::NONE
    }

    /// A key.
    fn on(&mut self, key: Key, context: &Context) -> Vec<Action>;

    /// posternd's answer to what it asked with this tag.
    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        answer.err().map(Action::Fail).into_iter().collect()
    }

    /// The screen above has closed and says this.
    fn told(&mut self, _told: Told, _context: &Context) -> Vec<Action> {
        Vec::new()
    }

    /// Somebody looks at the readers here: while such a screen stands, the readers' thread looks at them too.
    fn reads(&self) -> bool {
        false
    }

    /// The readers' thread tells something. Of readers and tokens every screen hears, also one below a question; of a job the
    /// screen alone that asked for it, under the number that it gave.
    fn reader(&mut self, _told: &desk::Told, _context: &Context) -> Vec<Action> {
        Vec::new()
    }

    /// A second has passed.
    fn tick(&mut self, _context: &Context) -> Vec<Action> {
        Vec::new()
    }

    /// Draws itself on the body of the page: 80 columns and 21 rows at least.
    fn draw(&self, page: &mut Page<'_>, context: &Context);

    /// The keys that work here, the most wanted first: as many as fit the bottom line are shown.
    fn hints(&self, context: &Context) -> Vec<Hint>;

    /// Where one is and what can be done here: short paragraphs for `?`.
    fn help(&self) -> &'static [&'static str];

    /// Whether this character belongs to a field that is being typed in, so that it is no shortcut (`?` above all).
    fn types(&self, _character: char) -> bool {
        false
    }

    /// The characters before the cursor, where a secret is being typed: a record keeps a stand-in for each.
    fn secret_typed(&self) -> Option<usize> {
        None
    }

    /// A question that a single key answers: keys that were typed before it could be read are no answer to it. Asked once, as the
    /// screen opens; a screen that comes to a question later says so by [`Action::Unseen`].
    fn asks(&self) -> bool {
        false
    }

    /// The row of the note belongs to the body, for a screen that needs every row; a note stands over it until the next key.
    fn takes_note(&self) -> bool {
        false
    }

    /// Work of minutes is under way that needs no key: nobody is locked out meanwhile, and the idle time counts from its end.
    fn works(&self) -> bool {
        false
    }

    /// A secret stands on the screen, so that leaving it wipes it at once.
    fn shows_secret(&self) -> bool {
        false
    }
}
