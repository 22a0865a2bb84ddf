//! An open box as one sealed file. In: its store, its journals, its master key, a passphrase; out: the file, on the disk. Logins go on meanwhile.
//! The store's copy is made first and the journals are read up to an entry after it, so that nothing that the copy knows is missing
//! from them (R20).

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::age::Sealed;
use super::stream::{Head, Writer};
use crate::door::start::{LOGINS_DIR, OPERATORS_DIR};
use crate::journal::Journal;
use crate::process::fill_random;
use crate::seal::{MasterKey, Sealer};
use crate::secret::Secret;
use crate::store::records::Timestamp;
use crate::store::{CopyError, SCHEMA, Store};

/// The part with the master key.
pub const KEY: &str = "key";
/// The part with the store's copy.
pub const STORE: &str = "store";
/// Files of the state directory that stand beside store and journals and go with the box: the newest trusted time, and how far records were
/// sent.
pub const BESIDE: [&str; 2] = [crate::clock::reader::FILE, crate::door::syslog::POSITION_FILE];

/// The box as it is open.
pub struct Source<'a> {
    /// Where everything lies.
    pub state_dir: &'a Path,
    /// Records. What they say of the operators' journal's position (R20) was put there before.
    pub store: &'a Store,
    /// Spent codes.
    pub logins: &'a Journal,
    /// What operators did.
    pub operators: &'a Journal,
    /// Made from `key`.
    pub sealer: &'a Sealer,
    /// The master key.
    pub key: &'a MasterKey,
    /// Its host name, for whoever looks at the file.
    pub host: String,
    /// How its machine is set.
    pub machine: Vec<String>,
}

/// Why no backup was made: one line.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The store's copy.
    #[error("the store cannot be copied: {0}")]
    Copy(#[from] CopyError),
    /// Reading or writing.
    #[error("the backup cannot be made in {0}: {1}; make room on the disk")]
    Io(PathBuf, #[source] io::Error),
}

/// The folder of a backup in the making, emptied.
///
/// # Errors
/// Of the file system.
pub fn fresh(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::DirBuilder::new().mode(0o700).create(dir)
}

/// A new file for this user alone.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Makes the file as `dir/backup`, and answers what it says of itself. `dir` is emptied first, and holds nothing else afterwards.
///
/// # Errors
/// [`PackError`].
pub fn pack(
    source: &Source<'_>,
    passphrase: &Secret,
    dir: &Path,
    copied: &mut dyn FnMut(&Path) -> Result<(), CopyError>,
    now: Timestamp,
) -> Result<(PathBuf, Head), PackError> {
    let fail = |error| PackError::Io(dir.to_owned(), error);
    fresh(dir).map_err(fail)?;
    let copy = dir.join("store.copy");
    copied(&copy)?;
    // After the copy: whatever it knows is in them.
    let damaged = [source.logins, source.operators]
        .iter()
        .any(|journal| journal.check().map_or(true, |report| !report.damage.is_empty()));
    let (users, tokens) = source.store.counts();
    let mut head = Head {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema: SCHEMA,
        made: now,
        host: source.host.clone(),
        key_id: data_encoding::HEXLOWER.encode(&source.sealer.key_id()),
        users: users as u64,
        tokens: tokens as u64,
        clients: source.store.clients().len() as u64,
        operators: source.store.operators().iter().map(|one| one.name.clone()).collect(),
        logins: 0,
        acts: 0,
        damaged,
        machine: source.machine.clone(),
    };
    let path = dir.join("backup");
    let file = create(&path).map_err(fail)?;
    let sealed = Sealed::begin(BufWriter::with_capacity(256 * 1024, file), passphrase, &mut fill_random);
    (head.logins, head.acts) = (*source.logins.newest().borrow(), *source.operators.newest().borrow());
    let mut out = Writer::begin(sealed.map_err(fail)?, &head).map_err(fail)?;
    let mut part = |name: &str, bytes: &[u8]| out.part(name, bytes.len() as u64, &mut &*bytes);
    part(KEY, source.key.expose()).map_err(fail)?;
    for name in BESIDE {
        match fs::read(source.state_dir.join(name)) {
            Ok(bytes) => part(name, &bytes).map_err(fail)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fail(error)),
        }
    }
    let journals = [(LOGINS_DIR, source.logins), (OPERATORS_DIR, source.operators)];
    for (folder, journal) in journals {
        journal
            .each_file(&mut |name, bytes| part(&format!("{folder}/{name}"), bytes))
            .map_err(fail)?;
    }
    let mut store = File::open(&copy).map_err(fail)?;
    let length = store.metadata().map_err(fail)?.len();
    out.part(STORE, length, &mut store).map_err(fail)?;
    let end = || -> io::Result<()> {
        let mut file = out.finish()?.finish()?;
        file.flush()?;
        file.get_ref().sync_all()?;
        fs::remove_file(&copy)
    };
    end().map_err(fail)?;
    Ok((path, head))
}
