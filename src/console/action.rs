//! What a screen wants done. Actions bubble up to the application, which alone does them.

use super::screen::Screen;
use crate::control::{Failure, Request, Session};
use crate::tokens::desk;

/// How a line of words is meant; a word says so too, so that no colour carries it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It was done.
    Done,
    /// Worth a look.
    Look,
    /// It failed.
    Bad,
}

/// What a closing screen tells the one below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The question with this tag was answered with yes.
    Yes(u32),
    /// Something was chosen or typed, for the question with this tag.
    Picked(u32, String),
}

/// What a screen wants done.
#[derive(Debug)]
pub enum Action {
    /// Ask posternd; the answer comes to this screen with the tag.
    Ask(u32, Request),
    /// The readers' thread is to do something. The number of a job is this screen's own: what becomes of it comes to this screen
    /// alone, under that number.
    Reader(desk::Ask),
    /// What this screen shows from now on is a question that nobody has seen yet: keys that come before it could be read are no
    /// answer to it.
    Unseen,
    /// Another screen on top of this one.
    Open(Box<dyn Screen>),
    /// Another screen in the place of this one.
    Replace(Box<dyn Screen>),
    /// This screen is done.
    Close,
    /// This screen is done, and tells the one below.
    CloseWith(Told),
    /// Back to the first screen.
    Home,
    /// One line at the bottom, until the next key.
    Say(Tone, String),
    /// A failure, as one line at the bottom.
    Fail(Failure),
    /// Somebody has logged in.
    LoggedIn(Session),
    /// The operator goes.
    LogOut,
    /// The next of mono and colours, ASCII and Unicode.
    NextCaps,
    /// Everything that was on the screen was secret: wipe it, scroll-back too.
    Wipe,
    /// QR codes the other way round from now on: dark on light, or light on dark.
    InvertQr,
}
