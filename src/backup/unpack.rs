//! A backup as a state directory beside the real one, proven whole. In: the file and its passphrase; out: what it holds, laid out under
//! `restoring/new`, or the one reason why not. Nothing outside of `restoring` is touched, and nothing here takes anybody's place:
//! [`super::swap`] does.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::age::{AgeError, Opened};
use super::pack::{BESIDE, KEY, STORE, create, fresh};
use super::stream::{Head, Part, Reader, StreamError};
use crate::door::start::{LOGINS_DIR, OPERATORS_DIR};
use crate::journal::{self, Journal, Limits};
use crate::seal::{KEY_FILE, KEY_LEN, MasterKey, SEALED_KEY_FILE, Sealer};
use crate::secret::Secret;
use crate::store::records::Timestamp;
use crate::store::{self, CopyError, SCHEMA, STORE_DIR, Store};

/// The staged state directory, below the folder of the restore.
pub const NEW_DIR: &str = "new";

/// Most parts: both journals at their longest have a quarter of it.
pub(super) const PARTS_MAX: u32 = 1024;
/// Most bytes of a file of a journal, which is read whole: eight times what a segment grows to.
pub(super) const SEGMENT_MAX: u64 = 64 << 20;
/// Most bytes of a small file beside.
pub(super) const BESIDE_MAX: u64 = 4096;
/// A store is opened in less memory than so many of its bytes; half of what is free is left to the store that is open.
const STORE_SHARE: u64 = 2;

/// Most operators that are named.
const NAMES_MAX: usize = 100;

/// Why a backup is not taken. Each is one line, and nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// No backup, another passphrase, damaged.
    #[error(transparent)]
    Age(#[from] AgeError),
    /// What is inside.
    #[error(transparent)]
    Stream(StreamError),
    /// A store of a newer schema.
    #[error(
        "the backup was made by a newer Postern ({0}), whose store this one does not read: update this box first, nothing was changed"
    )]
    Newer(String),
    /// Whole as a file, but what is inside does not hold.
    #[error("the backup does not hold what it says ({0}): take another one, nothing was changed")]
    Wrong(String),
    /// More than any box makes.
    #[error("the backup holds {0}, more than any box makes: take another one, nothing was changed")]
    TooMuch(String),
    /// Not on this box.
    #[error(
        "the backup's store has {0} MB, and {1} MB of memory are free: restore it on a larger box, nothing was changed"
    )]
    NoMemory(u64, u64),
    /// The system.
    #[error("{0}: {1}; nothing was changed")]
    Io(PathBuf, #[source] io::Error),
}

impl From<StreamError> for UnpackError {
    fn from(error: StreamError) -> Self {
        UnpackError::Stream(error)
    }
}

/// What is in a staged store, counted there: what a file says of itself is nobody's proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// When the store's copy was made, as it stands under the box's own key.
    pub made: Timestamp,
    /// Users.
    pub users: u64,
    /// Their tokens.
    pub tokens: u64,
    /// RADIUS clients.
    pub clients: u64,
    /// Names of operators who are enabled, [`NAMES_MAX`] at most.
    pub operators: Vec<String>,
}

impl Found {
    fn of(store: &Store, opened: &store::Opened) -> Self {
        let operators = store.operators();
        let enabled = operators.iter().filter(|one| one.enabled);
        Self {
            made: Timestamp(0),
            users: opened.users as u64,
            tokens: opened.tokens as u64,
            clients: store.clients().len() as u64,
            operators: enabled.map(|one| one.name.clone()).take(NAMES_MAX).collect(),
        }
    }
}

/// A backup that was proven, laid out.
pub struct Staged {
    /// What it says of itself.
    pub head: Head,
    /// What is in its store.
    pub found: Found,
    /// The folder that is laid out as a state directory.
    pub new: PathBuf,
    /// Of the backup's master key.
    pub sealer: Sealer,
}

/// What in a journal's record this posternd understands.
pub struct Readers {
    /// In the journal of logins.
    pub login: fn(&[u8]) -> bool,
    /// In the operators' journal.
    pub act: fn(&[u8]) -> bool,
}

fn wrong(what: impl Into<String>) -> UnpackError {
    UnpackError::Wrong(what.into())
}

/// Lays out the backup in `file` under `dir/new`. `credential`: the key that a master key lies under on this box. `free`: bytes of memory that
/// may be used.
///
/// # Errors
/// [`UnpackError`].
pub fn unpack(
    file: &Path,
    passphrase: &Secret,
    dir: &Path,
    credential: Option<&MasterKey>,
    readers: &Readers,
    free: Option<u64>,
) -> Result<Staged, UnpackError> {
    let new = dir.join(NEW_DIR);
    let fail = |error| UnpackError::Io(dir.to_owned(), error);
    fresh(&new).map_err(fail)?;
    let copy = dir.join("store.copy");
    let _ = fs::remove_file(&copy);
    let file = File::open(file).map_err(fail)?;
    let opened = Opened::begin(BufReader::with_capacity(256 * 1024, file), passphrase, free)?;
    let mut reader = Reader::begin(opened)?;
    if reader.head.schema > SCHEMA {
        return Err(UnpackError::Newer(crate::text::shown(&reader.head.version)));
    }
    for folder in [LOGINS_DIR, OPERATORS_DIR] {
        let made = fs::DirBuilder::new().mode(0o700).create(new.join(folder));
        made.map_err(fail)?;
    }
    let (mut key, mut has_store, mut parts) = (None, false, 0);
    while let Some(part) = reader.next_part()? {
        parts += 1;
        bounded(&part, parts, free)?;
        if part.name == KEY {
            key = Some(take_key(&mut reader, &part)?);
            continue;
        }
        has_store |= part.name == STORE;
        let path = place(&part.name, &new, &copy).ok_or_else(|| wrong("a part of an unknown name"))?;
        let file = create(&path).map_err(fail)?;
        let mut out = BufWriter::new(file);
        reader.bytes(&part, &mut out)?;
        let file = out.into_inner().map_err(|error| fail(error.into_error()))?;
        file.sync_all().map_err(fail)?;
    }
    let head = reader.head;
    let key = key.ok_or_else(|| wrong("no key"))?;
    let sealer = Sealer::new(&key);
    if data_encoding::HEXLOWER.encode(&sealer.key_id()) != head.key_id {
        return Err(wrong("another key"));
    }
    let (name, bytes) = match credential {
        Some(credential) => (SEALED_KEY_FILE, credential.seal_key(&key)),
        None => (KEY_FILE, Ok(key.expose().to_vec())),
    };
    let bytes = bytes
        .map(zeroize::Zeroizing::new)
        .map_err(|error| wrong(error.to_string()))?;
    let written = create(&new.join(name)).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()
    });
    written.map_err(fail)?;
    if !has_store {
        return Err(wrong("no store"));
    }
    chain(
        &new.join(LOGINS_DIR),
        &sealer,
        "logins",
        (head.logins, head.damaged),
        readers.login,
    )?;
    chain(
        &new.join(OPERATORS_DIR),
        &sealer,
        "operators",
        (head.acts, head.damaged),
        readers.act,
    )?;
    let mut found = None;
    let mut seen = |store: &Store, opened: &store::Opened| found = Some(Found::of(store, opened));
    let restored = Store::restore_copy_seen(&copy, &new.join(STORE_DIR), &sealer, &mut seen);
    let (made, _) = restored.map_err(|error| match error {
        CopyError::Io(path, error) => UnpackError::Io(path, error),
        CopyError::Open(error) => match *error {
            store::OpenError::NewerSchema { .. } => UnpackError::Newer(crate::text::shown(&head.version)),
            store::OpenError::Io(path, error) => UnpackError::Io(path, error),
            other => wrong(other.to_string()),
        },
        other => wrong(other.to_string()),
    })?;
    fs::remove_file(&copy).map_err(fail)?;
    let found = found.ok_or_else(|| wrong("no store"))?;
    let found = Found { made, ..found };
    Ok(Staged {
        head,
        found,
        new,
        sealer,
    })
}

/// Before anything of a part is written: whoever made the file chose what it says of itself.
pub(super) fn bounded(part: &Part, parts: u32, free: Option<u64>) -> Result<(), UnpackError> {
    if parts > PARTS_MAX {
        return Err(UnpackError::TooMuch(format!("more than {PARTS_MAX} parts")));
    }
    let most = match part.name.as_str() {
        STORE => match free.filter(|free| part.length > free / STORE_SHARE) {
            Some(free) => return Err(UnpackError::NoMemory(part.length >> 20, free >> 20)),
            None => return Ok(()),
        },
        KEY => KEY_LEN as u64,
        name if BESIDE.contains(&name) => BESIDE_MAX,
        _ => SEGMENT_MAX,
    };
    match part.length > most {
        true => Err(UnpackError::TooMuch(format!("a part of {} MB", part.length >> 20))),
        false => Ok(()),
    }
}

fn take_key<R: io::Read>(reader: &mut Reader<R>, part: &Part) -> Result<MasterKey, UnpackError> {
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(KEY_LEN));
    if part.length != KEY_LEN as u64 {
        return Err(wrong("no key"));
    }
    reader.bytes(part, &mut *bytes)?;
    let bytes: [u8; KEY_LEN] = bytes.as_slice().try_into().map_err(|_| wrong("no key"))?;
    Ok(MasterKey::from_bytes(bytes))
}

/// Where a part lies. Names that stand in no list of this posternd's lead nowhere.
fn place(name: &str, new: &Path, copy: &Path) -> Option<PathBuf> {
    if name == STORE {
        return Some(copy.to_owned());
    }
    if BESIDE.contains(&name) {
        return Some(new.join(name));
    }
    let (folder, file) = name.split_once('/')?;
    let known = [LOGINS_DIR, OPERATORS_DIR].contains(&folder) && journal::is_file_name(file);
    known.then(|| new.join(folder).join(file))
}

/// Every record of a journal is there, proven, and understood.
fn chain(
    dir: &Path,
    sealer: &Sealer,
    name: &str,
    (newest, damaged): (u64, bool),
    reads: fn(&[u8]) -> bool,
) -> Result<(), UnpackError> {
    let mut unread = 0_u64;
    let opened = Journal::open(dir, &sealer.chain_key(name), Limits::default(), 0, &mut |entry| {
        unread += u64::from(!reads(entry.payload));
    });
    let (journal, opening) = opened.map_err(|error| wrong(error.to_string()))?;
    journal.close();
    if unread > 0 {
        return Err(UnpackError::Newer(format!(
            "{unread} records of {name} are of its kind"
        )));
    }
    // What was written between the head and the journals is more, never less.
    let short = opening.next_seq.saturating_sub(1) < newest || opening.torn_bytes > 0;
    if (short || !opening.damage.is_empty()) && !damaged {
        return Err(wrong(format!("the log of {name} is not whole")));
    }
    Ok(())
}
