//! PSKC files (RFC 6030): keys of tokens as XML, in clear or encrypted. In: the text of a file and what opens it; out: rows, and the
//! keys that are wrong, by their number. A key that was encrypted is taken only after its MAC was checked, and a file with keys in
//! clear among encrypted ones is refused as a whole: no seed of an encrypted file is believed that somebody could have changed. What
//! stands there in clear beside the keys (names, serial numbers, counters) has no MAC, and signatures are not checked: notes say so.
//!
//! - `xml` elements by namespace, with limits; no DTD, no entity
//! - `crypt` the ciphers and MACs by their names; `sealing` which of them a file uses, and what opens it
//! - `read` a container; `key` one key of it; `policy` whether the key may be used, and when
//! - `write` a file of our own

mod crypt;
mod key;
mod policy;
mod read;
mod sealing;
pub mod write;
mod xml;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;

pub(super) use read::parse;

/// What is wrong with a whole PSKC file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PskcError {
    /// No XML, or cut off.
    #[error("line {0}: there the XML breaks off or goes wrong; take the whole file from where it came")]
    Xml(usize),
    /// Bytes that are no UTF-8.
    #[error("the file is not UTF-8: save it again as UTF-8")]
    NotUtf8,
    /// A document type: a way to make a small file large, or to read other files.
    #[error("line {0}: the file has a document type or an entity of its own, which is not taken: PSKC needs neither")]
    Doctype(usize),
    /// Deeper, wider or longer than any token file.
    #[error("line {0}: more elements, attributes or text in one place than a token file has")]
    TooMuch(usize),
    /// Another kind of XML.
    #[error("the file is XML, but no PSKC: it begins with {0}")]
    Other(String),
    /// A draft of what became RFC 6030.
    #[error("the file is of a draft of PSKC before RFC 6030, or of another version: ask its maker for RFC 6030")]
    Version,
    /// What tells how the values are encrypted comes too late or twice.
    #[error("{0} stands twice or behind the first key: RFC 6030 puts it once, before the keys")]
    Order(&'static str),
    /// Keys in clear and encrypted values in one file, in whatever order.
    #[error(
        "the file is encrypted, and holds a key in clear: somebody may have put it there, so nothing of the file is taken; ask its \
         maker for another"
    )]
    Mixed,
    /// A way of encrypting that is not read.
    #[error("the file cannot be opened here: {0}")]
    Unsupported(String),
    /// The key that was given is of another length.
    #[error("the key has {has} bytes, and the file was encrypted with one of {wants}")]
    KeyLength {
        /// Bytes given.
        has: usize,
        /// Bytes wanted.
        wants: usize,
    },
}
