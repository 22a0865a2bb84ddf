//! Any reader that pcscd knows (PC/SC). In: a reader's name, command APDUs; out: names of readers, answers, or why the link failed.
//! Nothing is sent but what is asked for: no SELECT, and no probing while readers are listed.
//!
//! **What bounds the time.** A call of libpcsclite is a message to pcscd over a Unix socket, and it waits for the answer without a
//! limit of its own. For a block to a token the limit is the driver's (libccid: 3 s), which a token may prolong as often as it
//! likes; of a pcscd that is stuck there is none. `SCardCancel` ends only the waiting for a change, never `SCardTransmit`. So the
//! calls of one link run on a thread of its own, and whoever asked waits [`PATIENCE`] at most. After that the link is given up for
//! good, since a late answer could be taken for the next command's; its thread ends when pcscd answers or goes away, and lets the
//! token go then. [`LINKS_MAX`] bounds how many such threads a stuck pcscd can hold.

mod apdu;
mod link;

use std::time::Duration;

use super::channel::{ApduChannel, LinkError, Response};
use link::Link;

/// How long pcscd may take over one call, the token's own time included: more than a driver's 3 s, so that its word comes first.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Most links of this process at a time, those included that wait for a pcscd that does not answer.
pub const LINKS_MAX: usize = 16;

/// The names of the readers that pcscd knows now, in its order; empty where none is plugged in.
///
/// # Errors
/// [`LinkError::Reader`] with words: pcscd does not run, refuses this user, does not answer.
pub fn list() -> Result<Vec<String>, LinkError> {
    link::ask(link::Service::readers)
}

/// Whether something lies on a reader, by its full name; nothing is sent to it.
///
/// # Errors
/// As [`list`]; [`LinkError::ReaderGone`] where there is no such reader.
pub fn present(name: &str) -> Result<bool, LinkError> {
    let name = name.to_owned();
    link::ask(move |service| service.present(&name))
}

/// Takes the token that lies on a reader, alone: no other program may speak to it until it is dropped. The reader is named in full, or
/// by a part of its name that no other one has; an empty name is the only reader that something lies on.
///
/// # Errors
/// [`LinkError::TokenGone`] where nothing lies there; [`LinkError::ReaderGone`] where no name is said and there is no reader;
/// [`LinkError::Silent`] where what lies there does not answer (a token that is
/// switched off); [`LinkError::Reader`] with words where there is no such reader, another program has the token, pcscd does not run.
pub fn open(name: &str) -> Result<Card, LinkError> {
    let (link, opened) = Link::open(name)?;
    Ok(Card {
        link,
        reader: opened.reader,
        t0: opened.protocol == pcsc::Protocol::T0,
    })
}

/// Whether a reader of this name is a Molto-2 itself: a token with many profiles on USB (maker's notes: the name contains "Molto").
pub fn is_molto2(name: &str) -> bool {
    name.to_lowercase().contains("molto")
}

/// A token on a reader that pcscd knows, held alone. Dropping it resets the token and lets it go.
pub struct Card {
    link: Link,
    reader: String,
    t0: bool,
}

impl Card {
    /// The full name of its reader.
    pub fn reader(&self) -> &str {
        &self.reader
    }
}

impl ApduChannel for Card {
    fn transmit(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        let link = &mut self.link;
        apdu::carry(command, self.t0, &mut |block| link.exchange(block))
    }
}
