//! The console: the whole box from a screen or a serial line, for people who have never seen it and people in a hurry.
//!
//! In: keys from the line, answers from posternd; out: a screen. It knows posternd by [`crate::control`] alone, over `console.sock`
//! (R24), reads no store, and never leads to a shell.
//!
//! - `key` and `caps` what a line can say and show
//! - `term`           the line itself: bytes into keys, frames into bytes

pub mod caps;
pub mod key;
pub mod term;
