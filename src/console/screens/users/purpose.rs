//! What the list of users was opened for, and what Enter then does.

use crate::console::screen::Screen;
use crate::console::screens::bypass::Bypass;
use crate::console::screens::enrol::Enrol;
use crate::console::screens::program::Program;
use crate::console::screens::user::User;
use crate::console::screens::why::Why;

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
