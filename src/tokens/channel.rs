//! Bytes to a token and back. In: one command APDU (ISO 7816-4); out: the answer's data and its status word, or why the link
//! failed. What stands in the bytes is not looked at here.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A token's answer.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Response {
    /// Everything before the status word.
    pub data: Vec<u8>,
    /// The status word: 0x9000 is "done".
    pub status: u16,
}

impl fmt::Debug for Response {
    /// The status word alone: challenges and answers are nobody's business (R21).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({} bytes, {:04x})", self.data.len(), self.status)
    }
}

/// Why nothing came back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Nothing lies on the reader, or it was taken away in the middle.
    #[error("the token was taken away")]
    TokenGone,
    /// The reader was unplugged, or its port is closed.
    #[error("the reader was unplugged")]
    ReaderGone,
    /// The reader cannot be used: it says nothing that can be understood, another program has it, pcscd does not run; in plain words,
    /// without bytes.
    #[error("the reader cannot be used: {0}")]
    Reader(String),
    /// Something lies on the reader that is no token: why, and what to do, in one line.
    #[error("{0}")]
    Unfit(String),
    /// The token did not answer in time, or not in a form that can be understood.
    #[error("the token does not answer")]
    Silent,
}

/// A link to one token. Dropping it lets the token go.
pub trait ApduChannel: Send {
    /// One command, one answer. Blocks, two seconds at most where the link works, plus what the token itself takes.
    ///
    /// # Errors
    /// [`LinkError`]; whether the token took the command is then unknown.
    fn transmit(&mut self, command: &[u8]) -> Result<Response, LinkError>;
}
