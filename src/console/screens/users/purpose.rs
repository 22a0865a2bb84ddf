//! What the list of users was opened for, and what Enter then does.

use crate::console::screen::Screen;
use crate::console::screens::bypass::Bypass;
use crate::console::screens::enrol::Enrol;
use crate::console::screens::program::Program;
use crate::console::screens::user::User;
use crate::console::screens::why::Why;

/// How one is found, and what stands behind a name.
const FIND: &str = "Type a part of a name: the list shows whose names contain it. Up, Down, Page Up and Page Down choose, Enter takes the \
                    marked one. A name typed in full, and the only one found, are marked at once. Ctrl-U empties the field.";
const BEHIND: &str = "Behind a name stands what is not as usual: disabled (every login is refused), locked (too many wrong codes), no \
                      token (refused until there is one), token not confirmed (its first code is awaited), exempt (needs no code), \
                      local password (kept on this box).";
const MANY: &str = "For many users in one run, mark each with Space, then press Enter; or press F2 for everybody without a token whose \
                    name contains what was typed. Esc takes the marks away.";

/// What the list was opened for: Enter does it with the marked user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Look at one.
    Open,
    /// A new token, also for somebody who is not on the box yet.
    Enrol,
    /// A new key for a hardware token, also for somebody who is not on the box yet.
    Program,
    /// Why somebody got in, or did not.
    Why,
    /// Clear locks.
    Unlock,
    /// A bypass code.
    Bypass,
    /// Who gets a token of the drawer: told to the screen below.
    Assign,
}

impl Purpose {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Open => "Users",
            Self::Enrol => "Enrol: who?",
            Self::Program => "Program a token: for whom?",
            Self::Why => "Why: who?",
            Self::Unlock => "Unlock: who?",
            Self::Bypass => "Bypass code: for whom?",
            Self::Assign => "Assign a token: to whom?",
        }
    }

    /// What Enter does, for the last row.
    pub(super) fn enter(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Enrol => "enrol",
            Self::Program => "program",
            Self::Why => "why",
            Self::Unlock => "unlock",
            Self::Bypass => "bypass code",
            Self::Assign => "this one",
        }
    }

    /// Where one is and what can be done.
    pub(super) fn help(self) -> &'static [&'static str] {
        match self {
            Self::Program => &[FIND, MANY, BEHIND],
            _ => &[FIND, BEHIND],
        }
    }

    /// Somebody who is not on the box yet may be meant.
    pub(super) fn makes(self) -> bool {
        matches!(self, Self::Enrol | Self::Program)
    }

    /// The screen for a user; none where no screen is needed.
    pub(super) fn screen(self, name: &str) -> Option<Box<dyn Screen>> {
        match self {
            Self::Open => Some(Box::new(User::new(name))),
            Self::Enrol => Some(Box::new(Enrol::new(name))),
            Self::Program => Some(Box::new(Program::new(name).from_list())),
            Self::Why => Some(Box::new(Why::new(name))),
            Self::Bypass => Some(Box::new(Bypass::new(name))),
            Self::Unlock | Self::Assign => None,
        }
    }

    /// The screen for somebody who is made first.
    pub(super) fn make(self, name: &str) -> Option<Box<dyn Screen>> {
        match self {
            Self::Enrol => Some(Box::new(Enrol::make(name))),
            Self::Program => Some(Box::new(Program::make(name).from_list())),
            Self::Open | Self::Why | Self::Unlock | Self::Bypass | Self::Assign => None,
        }
    }
}
