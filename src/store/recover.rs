//! A store that is proven corrupt gives way to the newest copy that opens (R20). In: the state directory; out: an open store, and
//! what was done. Never deletes a store, never acts on anything but [`OpenError::Corrupt`].

use std::fs;
use std::io;
use std::path::Path;

use super::records::Timestamp;
use super::{COPIES_DIR, CopyError, OpenError, Opened, Recovered, STORE_DIR, Store, copy, disk};
use crate::seal::Sealer;

/// A store made from a copy that has not its place yet.
const READY: &str = "store.restored";
/// What a corrupt store is called; behind it stands the time in milliseconds.
const ASIDE: &str = "store.corrupt-";

pub(super) fn open_or_recover(
    state_dir: &Path,
    sealer: &Sealer,
    now: Timestamp,
) -> Result<(Store, Opened, Option<Recovered>), OpenError> {
    let dir = state_dir.join(STORE_DIR);
    let fail = |e| OpenError::Io(state_dir.to_owned(), e);
    let ready = state_dir.join(READY);
    // What cannot be looked at is not taken for gone.
    let there = |path: &Path| path.try_exists().map_err(|e| OpenError::Io(path.to_owned(), e));
    if !there(&dir)? && there(&ready)? {
        // A power cut between the two renames below.
        fs::rename(&ready, &dir)
            .and_then(|()| disk::sync_dir(state_dir))
            .map_err(fail)?;
        let (store, opened) = Store::open(&dir, sealer)?;
        let recovered = opened.restored.map(|restored| Recovered {
            copy_at: restored.copy_at,
            folded: restored.folded,
            set_aside: newest_aside(state_dir),
            detail: String::from("found before a power cut"),
        });
        return Ok((store, opened, recovered));
    }
    let detail = if !there(&dir.join(disk::DATA))? && was_there(state_dir).map_err(fail)? {
        // An empty store in its place would have no operators: a first start, open to whoever is at the console.
        String::from("its files are missing")
    } else {
        match Store::open(&dir, sealer) {
            Ok((store, opened)) => return Ok((store, opened, None)),
            Err(OpenError::Corrupt(detail)) => detail,
            Err(other) => return Err(other),
        }
    };
    tracing::error!("the store is damaged: {detail}");
    let copies = state_dir.join(COPIES_DIR);
    if there(&ready)? {
        // Of an earlier try that a power cut ended.
        fs::remove_dir_all(&ready).map_err(fail)?;
    }
    let mut made = None;
    for path in copy::copies(&copies).map_err(fail)? {
        match Store::restore_copy(&path, &ready, sealer) {
            Ok(about) => {
                made = Some(about);
                break;
            }
            // A full disk is no reason to take an older copy.
            Err(e @ CopyError::Io(..)) => return Err(OpenError::Restore { detail, source: e }),
            Err(e) => tracing::error!("a copy was passed over: {e}"),
        }
    }
    let Some((copy_at, folded)) = made else {
        return Err(OpenError::NoCopy { detail, copies });
    };
    let aside = state_dir.join(format!("{ASIDE}{:013}", now.0));
    if there(&aside)? {
        return Err(fail(io::Error::other(format!("{} is there already", aside.display()))));
    }
    if there(&dir)? {
        fs::rename(&dir, &aside).map_err(fail)?;
    }
    fs::rename(&ready, &dir)
        .and_then(|()| disk::sync_dir(state_dir))
        .map_err(fail)?;
    let (store, opened) = Store::open(&dir, sealer)?;
    tracing::error!(
        "the damaged store is now {}; the copy of {} ms took its place",
        aside.display(),
        copy_at.0
    );
    Ok((
        store,
        opened,
        Some(Recovered {
            copy_at,
            folded,
            set_aside: aside,
            detail,
        }),
    ))
}

/// Whether there was a store: a copy of one, one that was set aside, or a segment of a journal tells.
fn was_there(state_dir: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(state_dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(ASIDE) {
            return Ok(true);
        }
        let ending = match name.as_ref() {
            COPIES_DIR => ".sealed",
            // Root's own, on a file system that begins here.
            STORE_DIR | "lost+found" => continue,
            _ => ".jrn",
        };
        if !entry.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(entry.path())? {
            if file?.file_name().to_string_lossy().ends_with(ending) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn newest_aside(state_dir: &Path) -> std::path::PathBuf {
    let names = fs::read_dir(state_dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let aside = names.filter(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(ASIDE))
    });
    aside.max().unwrap_or_default()
}
