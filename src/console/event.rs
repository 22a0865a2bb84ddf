//! What can happen to the console. One channel carries all of it to the runner, and nothing else changes the state.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::key::Key;
use crate::control::{Answer, Failure, Hello, Moved, Timestamp, Trouble};
use crate::tokens::desk;

/// A moment, by the box's clock and by one that cannot be set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// The box's clock.
    pub wall: Timestamp,
    /// Since the console's start.
    pub mono: Duration,
}

/// Something happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// The line has this size now: columns, rows.
    Size(u16, u16),
    /// A second has passed.
    Tick,
    /// The first frame with what waits to be seen under this number has left on the line, so that somebody can have seen it.
    Seen(u64),
    /// posternd answered what was asked under this number.
    Answer(u64, Box<Result<Answer, Failure>>),
    /// posternd is there.
    Up(Hello),
    /// posternd is not there, and why: one line.
    Down(String),
    /// What keeps the box from working is this now: read while posternd is not there.
    Troubles(Vec<Trouble>),
    /// Something moved in the box.
    Moved(Moved),
    /// posternd ended the session, and why: one line.
    Ended(String),
    /// The readers' thread tells of readers, tokens and what it was asked to do. No secret stands in it.
    Reader(desk::Told),
}

/// What the runner is to do, besides drawing.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask posternd; the answer comes back under this number.
    Ask(u64, Box<crate::control::Request>),
    /// The readers' thread is to do something; what comes of it is told by [`Event::Reader`].
    Reader(desk::Ask),
    /// Paint the whole screen anew, and ask the line for its size.
    Repaint,
    /// Take everything off the screen and out of the scroll-back, then paint anew: somebody's secrets stood there.
    Wipe,
    /// The line shows more or less from now on: remember it.
    Caps(super::caps::Caps),
    /// The program ends.
    Quit,
}
