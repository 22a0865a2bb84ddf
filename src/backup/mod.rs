//! Backup and restore: everything of a box in one file under a passphrase, and back. In: an open box, or such a file; out: the file, or
//! a whole state directory that takes the place of the old one in one step (R20). A file that is broken, foreign, newer or under another
//! passphrase changes nothing.
//!
//! - [`age`] the file: age v1 under a passphrase, as the program `age` writes and reads it
//! - [`stream`] what is inside: parts with their lengths and hashes, ended by a trailer
//! - [`pack`] an open box into such a stream; [`unpack`] a stream into a staged state directory, proven whole
//! - [`machine`] how the machine was set, in words, for who restores the backup on another one
//! - [`swap`] the staged directory takes the old one's place, at a start, by renames that a power cut may end anywhere

pub mod age;
pub mod machine;
pub mod pack;
pub mod stream;
pub mod swap;
pub mod unpack;

/// The staged state directory of a restore under way, in the state directory.
pub const RESTORING_DIR: &str = "restoring";
/// What was there before the last restore.
pub const BEFORE_DIR: &str = "before-restore";
/// A backup that is being made and handed out.
pub const MAKING_DIR: &str = "backup";
/// How long [`BEFORE_DIR`] is kept.
pub const BEFORE_KEPT: std::time::Duration = std::time::Duration::from_secs(30 * 86_400);

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
