//! Any reader that pcscd knows (PC/SC). In: a reader's name, command APDUs; out: names of readers, answers, or why the link failed.
//! Nothing is sent but what is asked for: no SELECT, and no probing while readers are listed.
//!
//! The calls of libpcsclite themselves stand outside the library, in `src/bin/readers`, and are handed in by [`provide`]: only programs
//! that have readers are linked with it. A linker looks at whole object files, so anything here that named it would make posternd need
//! it too, on a box that may have none.

mod apdu;
mod choose;

use std::sync::OnceLock;

use super::channel::{ApduChannel, LinkError, Response};

pub use apdu::Block;
pub use choose::choose;

/// Blocks to one token and back. Dropping it resets the token and lets it go.
pub trait Blocks: Send {
    /// One block and its answer, in bounded time.
    ///
    /// # Errors
    /// Why there is none; after that, the same for ever.
    fn exchange(&mut self, block: &[u8]) -> Block;
}

/// A token that was taken.
pub struct Opened {
    /// The way to it.
    pub blocks: Box<dyn Blocks>,
    /// The full name of its reader.
    pub reader: String,
    /// It speaks T=0, where a block has no room for both data and the length of the answer; else T=1, or raw.
    pub t0: bool,
}

/// What libpcsclite does, each in bounded time.
#[derive(Clone, Copy, Debug)]
pub struct Library {
    /// As [`list`].
    pub list: fn() -> Result<Vec<String>, LinkError>,
    /// As [`present`].
    pub present: fn(&str) -> Result<bool, LinkError>,
    /// As [`open`].
    pub open: fn(&str) -> Result<Opened, LinkError>,
}

/// What the program handed in.
static LIBRARY: OnceLock<Library> = OnceLock::new();

/// Hands the library in, once, at the start of a program that has readers.
pub fn provide(library: Library) {
    // A second one would be the same.
    let _ = LIBRARY.set(library);
}

fn library() -> Result<&'static Library, LinkError> {
    let library = LIBRARY.get();
    library.ok_or_else(|| LinkError::Reader("this program does not speak with pcscd".to_owned()))
}

/// The names of the readers that pcscd knows now, in its order; empty where none is plugged in.
///
/// # Errors
/// [`LinkError::Reader`] with words: pcscd does not run, refuses this user, does not answer.
pub fn list() -> Result<Vec<String>, LinkError> {
    (library()?.list)()
}

/// Whether something lies on a reader, by its full name; nothing is sent to it.
///
/// # Errors
/// As [`list`]; [`LinkError::ReaderGone`] where there is no such reader.
pub fn present(name: &str) -> Result<bool, LinkError> {
    (library()?.present)(name)
}

/// Takes the token that lies on a reader, alone: no other program may speak to it until it is dropped. The reader is named in full, or
/// by a part of its name that no other one has; an empty name is the only reader that something lies on.
///
/// # Errors
/// [`LinkError::TokenGone`] where nothing lies there; [`LinkError::ReaderGone`] where no name is said and there is no reader;
/// [`LinkError::Silent`] where what lies there does not answer (a token that is switched off); [`LinkError::Reader`] with words where
/// there is no such reader, another program has the token, pcscd does not run.
pub fn open(name: &str) -> Result<Card, LinkError> {
    (library()?.open)(name).map(Card)
}

/// Whether a reader of this name is a Molto-2 itself: a token with many profiles on USB (maker's notes: the name contains "Molto").
pub fn is_molto2(name: &str) -> bool {
    name.to_lowercase().contains("molto")
}

/// A token on a reader that pcscd knows, held alone. Dropping it resets the token and lets it go.
pub struct Card(Opened);

impl Card {
    /// The full name of its reader.
    pub fn reader(&self) -> &str {
        &self.0.reader
    }
}

impl ApduChannel for Card {
    fn transmit(&mut self, command: &[u8]) -> Result<Response, LinkError> {
        let Opened { blocks, t0, .. } = &mut self.0;
        apdu::carry(command, *t0, &mut |block| blocks.exchange(block))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_molto2_is_told_by_its_readers_name() {
        for (name, molto) in [
            ("TOKEN2 Molto2 00 00", true),
            ("Token2 MOLTO2 (1234) 00 00", true),
            ("TOKEN2 FIDO2 Security Key 00 00", false),
            ("ACS ACR122U PICC Interface 00 00", false),
            ("", false),
        ] {
            assert_eq!(is_molto2(name), molto, "{name}");
        }
    }

    #[test]
    fn a_program_without_the_library_says_so() {
        let words = LinkError::Reader("this program does not speak with pcscd".to_owned());
        assert_eq!(list(), Err(words.clone()));
        assert_eq!(open("").err(), Some(words));
    }
}
