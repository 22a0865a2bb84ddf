//! What of this box stays in a restore (R20). In: the open box and a staged backup; out: which of its two journals go on from the
//! backup's, the staged store with what this box knows and the backup does not, and the names that are to take the old ones' place.

use std::fs;
use std::io;
use std::path::Path;

use super::common::store_failure;
use crate::backup::swap;
use crate::backup::unpack::Staged;
use crate::clock::reader::FILE as NEWEST_FILE;
use crate::control::backup::GoesOn;
use crate::control::ops::Failure;
use crate::door::staff::restricted::LIVE_RESTRICTED;
use crate::door::start::{LOGINS_DIR, OPERATORS_DIR};
use crate::door::syslog::{POSITION_FILE, merge_positions};
use crate::door::{Door, raise};
use crate::journal;
use crate::seal::{KEY_FILE, SEALED_KEY_FILE};
use crate::store::{COPIES_DIR, Change, Live, STORE_DIR, Store};

fn same_key(door: &Door, staged: &Staged) -> bool {
    staged.sealer.key_id() == door.sealer.key_id()
}

/// Which of the box's own journals go on from the backup's: then it is of this box, and they tell all that was done since. Each for
/// itself, so that a broken one takes nothing away with the other.
pub(super) fn goes_on(door: &Door, staged: &Staged) -> io::Result<GoesOn> {
    if !same_key(door, staged) {
        return Ok(GoesOn::NONE);
    }
    let of = |folder: &str| journal::goes_on_from(&door.state_dir.join(folder), &staged.new.join(folder));
    Ok(GoesOn {
        logins: of(LOGINS_DIR)?,
        operators: of(OPERATORS_DIR)?,
    })
}

/// What this box knows and the backup does not is put into the store that is to come (R20): numbers that were given and spent steps of the
/// same seeds; where the operators' log goes on, the operators as they are now. Where the log of logins does not, nobody knows which codes
/// were spent since the backup: all up to the start are made void, and counter tokens wait for a resync.
pub(super) fn settle(door: &Door, staged: &Staged, goes_on: GoesOn) -> Result<(), Failure> {
    let failed = |error: String| Failure::failed(format!("{error}; nothing was changed"));
    let opened = Store::open(&staged.new.join(STORE_DIR), &staged.sealer);
    let (store, _) = opened.map_err(|error| failed(error.to_string()))?;
    let mut seeds = Vec::new();
    if same_key(door, staged) {
        store.raise_numbers(door.store.numbers()).map_err(store_failure)?;
        door.store.each_seed(&mut |mark, state| seeds.push((mark, state)));
    }
    for (mark, state) in seeds {
        store.merge_seed(mark, state);
    }
    if goes_on.operators {
        let then = store.operators();
        let mut changes: Vec<Change> = then.iter().map(|old| Change::RemoveOperator(old.id)).collect();
        changes.extend(door.store.operators().iter().cloned().map(Change::KeepOperator));
        store.apply(changes).map_err(store_failure)?;
        let gone = store.live_scan(LIVE_RESTRICTED).map_err(store_failure)?;
        let kept = door.store.live_scan(LIVE_RESTRICTED).map_err(store_failure)?;
        let live = |key, value| Live {
            kind: LIVE_RESTRICTED,
            key,
            value,
        };
        let gone = gone.into_iter().map(|(key, _)| live(key, None));
        let kept = kept.into_iter().map(|(key, value)| live(key, Some(value)));
        store.live_put(gone.chain(kept).collect()).map_err(store_failure)?;
    }
    if !goes_on.logins || raise::is_stale(&door.store).map_err(store_failure)? {
        raise::make_due(&store).map_err(store_failure)?;
    }
    // To the disk, with the position in the journal that it had.
    store.fold(store.folded()).map_err(store_failure)
}

/// Which names come in, and which go without one in their place.
pub(super) fn names(door: &Door, staged: &Staged, goes_on: GoesOn) -> io::Result<(Vec<String>, Vec<String>)> {
    let (state_dir, new) = (door.state_dir.as_path(), staged.new.as_path());
    let mut wanted = vec![STORE_DIR];
    if !goes_on.logins {
        wanted.push(LOGINS_DIR);
    }
    if !goes_on.operators {
        wanted.push(OPERATORS_DIR);
    }
    if goes_on != GoesOn::BOTH {
        // How far each log was sent goes with that log.
        merge_positions(state_dir, new, goes_on)?;
        wanted.push(POSITION_FILE);
        if !keeps_newest(state_dir, new)? {
            wanted.push(NEWEST_FILE);
        }
    }
    if !same_key(door, staged) {
        wanted.extend([KEY_FILE, SEALED_KEY_FILE]);
    }
    let (mut bring, mut take) = (Vec::new(), Vec::new());
    for name in wanted {
        match swap::is_there(&new.join(name))? {
            true => bring.push(name.to_owned()),
            false if name == NEWEST_FILE => {}
            false => take.push(name.to_owned()),
        }
    }
    // Of the store that goes: a copy from before would undo the restore. The start makes the first one anew.
    take.extend([COPIES_DIR.to_owned(), "store.restored".to_owned()]);
    Ok((bring, take))
}

/// The newest trusted time is taken back by nothing (R19).
fn keeps_newest(state_dir: &Path, new: &Path) -> io::Result<bool> {
    let newest = |dir: &Path| -> io::Result<Option<u64>> {
        match fs::read(dir.join(NEWEST_FILE)) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).trim_end().parse().unwrap_or(0))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    };
    let (now, then) = (newest(state_dir)?, newest(new)?);
    Ok(now.is_some() && now.unwrap_or(0) >= then.unwrap_or(0))
}
