//! Hardware tokens at the box: how they are reached, what is said to them, what they answered. In: bytes of a reader, a seed to be
//! written; out: what the token is, and whether it took the seed.
//!
//! - `channel` bytes to a token and back, over either link: [`ApduChannel`]
//! - `pn532` a reader on a USB serial port; `pcsc` any reader that pcscd knows; `find` which of them are there
//! - `apdu`, `crypto` the bodies of the commands; `exchange` one command, one answer; `models` serial numbers and what they can do
//! - `single` tokens with one profile over NFC, `molto2` tokens with many over USB: pure protocol, the same over both links
//! - `program` the way of a token from the drawer to a user's hand, step by step: used by the command line and the desk
//! - `desk` a thread that owns the readers for a console: asked by [`desk::Ask`], tells by [`desk::Told`]
//!
//! Nothing of all this was tried on physical tokens: it follows the maker's published notes, and its tests go against simulators
//! pinned to their vectors (docs/tokens.md).

pub mod apdu;
pub mod channel;
pub mod crypto;
pub mod desk;
pub mod exchange;
pub mod find;
pub mod models;
pub mod molto2;
pub mod pcsc;
pub mod pn532;
pub mod program;
pub mod single;
#[cfg(test)]
mod testing;

pub use channel::{ApduChannel, LinkError, Response};
