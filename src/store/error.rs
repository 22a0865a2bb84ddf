//! Why the store refuses. Each is one line: what is wrong and what to do.

use std::io;
use std::path::PathBuf;

use super::records::UserId;

/// Why the store does not open. Only [`OpenError::Corrupt`] is proven corruption (R20).
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds it, after ten seconds of trying; the text names the process where the system tells.
    #[error("{0} is in use by {1}: stop that one first")]
    Locked(PathBuf, String),
    /// Sealed under another master key.
    #[error("the store was sealed under another key: put the right key file or credential back")]
    WrongKey,
    /// The disk refused.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// Written by a newer posternd.
    #[error("the store has schema {found}, this posternd knows {known}: install the newer posternd again")]
    NewerSchema {
        /// In the store.
        found: u32,
        /// [`super::SCHEMA`].
        known: u32,
    },
    /// What is on the disk is not what was written.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// Others could read or change it (R21).
    #[error("{0} has mode {1:04o}; it must be {2:04o}: chmod it")]
    Permissions(PathBuf, u32, u32),
    /// It belongs to somebody else.
    #[error("{0} belongs to user {1}, not to user {2} whom posternd runs as: chown it")]
    Owner(PathBuf, u32, u32),
    /// Corrupt, and no copy opens.
    #[error("the store is damaged ({detail}) and there is no readable copy in {copies}: it was left where it is")]
    NoCopy {
        /// What is damaged.
        detail: String,
        /// Where copies were looked for.
        copies: PathBuf,
    },
    /// The copy could not be put in the damaged store's place.
    #[error("the store is damaged ({detail}) and was not replaced: {source}")]
    Restore {
        /// What is damaged.
        detail: String,
        /// Why the copy did not go in.
        source: CopyError,
    },
}

/// Why an operation on the open store failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A user of that name is there already.
    #[error("a user of that name exists already")]
    NameTaken,
    /// A client of that name is there already.
    #[error("a client of that name exists already")]
    ClientNameTaken,
    /// An operator of that name is there already.
    #[error("an operator of that name exists already")]
    OperatorNameTaken,
    /// A client with the very same address range is there already.
    #[error("another client has that address range already")]
    NetTaken,
    /// The seed stands in another token: one seed, one token (R16).
    #[error("that secret is in another token already")]
    SeedTaken {
        /// Who holds it.
        user: UserId,
    },
    /// The seed stands in a token that nobody has yet: it is assigned or forgotten first (R16).
    #[error("that secret is in a token already that nobody has yet")]
    SeedUnassigned,
    /// No such user, token, client, tenant or operator.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A token cannot move to another user.
    #[error("a token cannot move to another user: remove it there first")]
    OtherUser,
    /// Longer than 60,000 bytes.
    #[error("the record is too long for the store")]
    TooLong,
    /// A record does not open or decode.
    #[error("a record of the store is damaged: restart posternd, which will check the store")]
    Damaged,
    /// The disk refused. After that the store takes no more changes until posternd is started again.
    #[error("the store cannot be written: {0}")]
    Io(String),
    /// An earlier change failed on the disk.
    #[error("the store takes no changes since one failed on the disk: see the log, then restart posternd")]
    Failed,
}

/// Why a copy was not made or not taken.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The disk refused.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// Not a copy at all, or of a format this posternd does not know.
    #[error("{0} is not a copy of a store")]
    NotACopy(PathBuf),
    /// Made under another master key.
    #[error("{0} was sealed under another key")]
    WrongKey(PathBuf),
    /// Cut or changed.
    #[error("{0} is cut or damaged")]
    Damaged(PathBuf),
    /// There is a store where the copy should go.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// The store's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The restored store does not open.
    #[error("the restored store does not open: {0}")]
    Open(Box<OpenError>),
}
