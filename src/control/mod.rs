//! What operators can ask of the daemon, as types, and the way there: a Unix socket with length-limited frames.
//!
//! In: a [`Request`](ops::Request) from the command line or the console. Out: an [`Answer`](ops::Answer) or one plain line, a
//! [`Failure`](ops::Failure). The command line and the console know nothing of the daemon but what stands here. No operation
//! runs without [`Rights`](peer::Rights), and only the server makes those (R24). Nothing here touches the store or a file that
//! an operator named (R25).
//!
//! - `ops` the list of operations and answers, `rights` who may ask for them; `asks`, `answers` and `operators` what they carry; `failure` how they fail
//! - `check` and `strength` what can be seen to be wrong before anything is asked
//! - `frame` bytes on the socket; `server`, `connection` and `place` the daemon's side, `client` the caller's; `peer` who asks and
//!   what they may
//! - `troubles` what keeps the box from working, where nobody answers
//! - `wire` how secrets, times and addresses look inside a frame and in `--json`

pub mod answers;
pub mod asks;
pub mod backup;
pub mod check;
pub mod client;
mod connection;
pub mod failure;
pub mod frame;
pub mod operators;
pub mod ops;
pub mod peer;
pub mod place;
mod rights;
pub mod server;
pub mod strength;
pub mod troubles;
pub mod wire;

/// The machine's own operations ([`Request::Host`]).
pub use crate::host::ops::*;
pub use answers::*;
pub use asks::*;
pub use backup::*;
pub use operators::*;
pub use ops::{Answer, Failure, FailureKind, Request};
pub use peer::{Door, Operations, Peer, Rights, Role, Standing};

/// The plain enums and numbers of the records, so that the command line and the console need no other room of the house.
pub use crate::store::records::{
    Algorithm, CHALLENGE_TIMEOUT, Charset, ClientId, DEADLINE, First, HotpParameters, IN_FLIGHT, Mode, Net, Order,
    OtpParameters, Override, PROMPT, Programmed, REJECT_DELAY, Timestamp, TokenId, TokenSource, TokenStatus,
    TotpParameters, Unavailable, Unmatched, UserId,
};

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
