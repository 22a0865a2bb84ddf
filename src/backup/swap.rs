//! A restored state takes the old one's place. In: a staged directory and a list of names; out: a state directory that is wholly the old one
//! or wholly the new one, wherever a power cut comes (R20). [`commit`] writes what is to be done, which is the one step that decides;
//! [`finish`] does it at the next start, before anything is opened. The old state lies in `before-restore` afterwards.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::unpack::NEW_DIR;
use super::{BEFORE_DIR, BEFORE_KEPT, MAKING_DIR, RESTORING_DIR};
use crate::store::records::Timestamp;

/// How long it waits for a posternd that is just ending.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// What is to be done, in the state directory; it is there from the decision until it is done.
const MARKER: &str = "restore.json";
/// What was done, until it is on record in what was restored.
const DONE: &str = "restored.json";

/// A restore that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Names that come from the staged directory.
    pub bring: Vec<String>,
    /// Names that go and have none in the place of.
    pub take: Vec<String>,
    /// The box's own journal of operators stays, and they with it: what it tells since the backup is done again.
    pub goes_on: bool,
    /// When.
    pub at: Timestamp,
    /// The peer's uid, the operator's name and line, for the record.
    pub by: (u32, String, String),
    /// What was restored, in words.
    pub words: String,
    /// It is on record in what was restored.
    pub told: bool,
    /// How the machine was set that the backup was made on, where it was another one.
    #[serde(default)]
    pub machine: Vec<String>,
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn put(state_dir: &Path, name: &str, plan: &Plan) -> io::Result<()> {
    let bytes = serde_json::to_vec(plan).map_err(io::Error::other)?;
    let beside = state_dir.join(format!("{name}.new"));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&beside, state_dir.join(name))?;
    sync(state_dir)
}

fn get(path: &Path) -> io::Result<Option<Plan>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn remove_dir(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether something of that name is there; what cannot be looked at is neither.
///
/// # Errors
/// Of the file system.
pub fn is_there(path: &Path) -> io::Result<bool> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Waits for a posternd that is just ending: what it has open is not taken away from it.
fn alone(state_dir: &Path) -> io::Result<Option<File>> {
    let file = match File::open(state_dir.join(crate::store::STORE_DIR).join("lock")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let until = Instant::now() + LOCK_WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => {
                return Err(io::Error::other("another posternd runs here: stop that one first"));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// All names below a folder, and the files, are on the disk.
fn sync_below(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => sync_below(&entry.path())?,
            false => sync(&entry.path())?,
        }
    }
    sync(dir)
}

/// Decides: when this returns, the next start brings the staged directory in, whatever happens in between.
///
/// # Errors
/// Of the file system; nothing was decided then.
pub fn commit(state_dir: &Path, plan: &Plan) -> io::Result<()> {
    let before = state_dir.join(BEFORE_DIR);
    remove_dir(&before)?;
    fs::DirBuilder::new().mode(0o700).create(&before)?;
    sync_below(&state_dir.join(RESTORING_DIR).join(NEW_DIR))?;
    sync(&state_dir.join(RESTORING_DIR))?;
    let decided = put(state_dir, MARKER, plan);
    if decided.is_err() {
        // It may stand there although it is not known to be on the disk: who hears of a failure has decided nothing.
        let _ = fs::remove_file(state_dir.join(MARKER));
        let _ = sync(state_dir);
    }
    decided
}

/// At a start, before anything is opened: brings in what was decided, and clears away what was not. Answers what is to be told.
///
/// # Errors
/// Of the file system; the next start goes on.
pub fn finish(state_dir: &Path) -> io::Result<Option<Plan>> {
    finish_with(state_dir, &mut || Ok(()))
}

/// As [`finish`]; `step` is called before every change, and may end it as a power cut would.
fn finish_with(state_dir: &Path, step: &mut dyn FnMut() -> io::Result<()>) -> io::Result<Option<Plan>> {
    let (staged, before) = (state_dir.join(RESTORING_DIR), state_dir.join(BEFORE_DIR));
    let new = staged.join(NEW_DIR);
    if get(&state_dir.join(MARKER))?.is_some() && !is_there(&new)? {
        // The folder goes after the marker only. Where it is not there, nothing can be brought in, and the box stays what it was.
        tracing::error!("a restore was decided, but what it was to bring in is gone: the box stays as it was");
        fs::remove_file(state_dir.join(MARKER))?;
        sync(state_dir)?;
    }
    if let Some(plan) = get(&state_dir.join(MARKER))? {
        let _alone = alone(state_dir)?;
        if !is_there(&before)? {
            fs::DirBuilder::new().mode(0o700).create(&before)?;
            sync(state_dir)?;
        }
        for name in &plan.bring {
            let (from, to, old) = (new.join(name), state_dir.join(name), before.join(name));
            // Where it is not there any more, it was brought in already.
            if !is_there(&from)? {
                continue;
            }
            if is_there(&to)? {
                step()?;
                fs::rename(&to, &old)?;
                // On the disk there before it is gone here.
                sync(&before)?;
            }
            step()?;
            fs::rename(&from, &to)?;
            sync(state_dir)?;
        }
        for name in &plan.take {
            let (from, to) = (state_dir.join(name), before.join(name));
            if is_there(&from)? {
                step()?;
                fs::rename(&from, &to)?;
            }
        }
        sync(&new)?;
        sync(&before)?;
        sync(state_dir)?;
        step()?;
        fs::rename(state_dir.join(MARKER), state_dir.join(DONE))?;
        sync(state_dir)?;
        tracing::warn!("{}; what was there before lies in {}", plan.words, before.display());
    }
    step()?;
    remove_dir(&staged)?;
    remove_dir(&state_dir.join(MAKING_DIR))?;
    get(&state_dir.join(DONE))
}

/// It is on record now: it is not told again.
///
/// # Errors
/// Of the file system.
pub fn told(state_dir: &Path, plan: &Plan) -> io::Result<()> {
    let plan = Plan {
        told: true,
        ..plan.clone()
    };
    put(state_dir, DONE, &plan)
}

/// Everything that a restore leads to is done.
///
/// # Errors
/// Of the file system.
pub fn settled(state_dir: &Path) -> io::Result<()> {
    match fs::remove_file(state_dir.join(DONE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes what was there before the last restore: always, or when it is older than [`BEFORE_KEPT`].
///
/// # Errors
/// Of the file system.
pub fn forget_before(state_dir: &Path, always: bool) -> io::Result<()> {
    let before = state_dir.join(BEFORE_DIR);
    // Decided, but not brought in yet: it is needed.
    if is_there(&state_dir.join(MARKER))? {
        return Ok(());
    }
    let old = match fs::metadata(&before) {
        Ok(there) => there.modified()?.elapsed().is_ok_and(|age| age > BEFORE_KEPT),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if always || old {
        tracing::info!("{} is removed", before.display());
        return remove_dir(&before);
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn lay(dir: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    fn plan() -> Plan {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Plan {
            bring: names(&["store", "journal", "key"]),
            take: names(&["copies", "key.sealed"]),
            goes_on: false,
            at: Timestamp(1),
            by: (0, String::new(), String::new()),
            words: "restored".to_owned(),
            told: false,
            machine: Vec::new(),
        }
    }

    const OLD: [(&str, &str); 5] = [
        ("store/db", "old"),
        ("journal/1", "old"),
        ("key", "old"),
        ("copies/1", "old"),
        ("newest-time", "kept"),
    ];

    fn box_with_staged() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        lay(dir.path(), &OLD);
        for name in ["store/db", "journal/1", "key"] {
            lay(dir.path(), &[(&format!("restoring/new/{name}"), "new")]);
        }
        dir
    }

    fn text(dir: &Path, name: &str) -> Option<String> {
        fs::read_to_string(dir.join(name)).ok()
    }

    fn state(dir: &Path) -> Vec<Option<String>> {
        let names = ["store/db", "journal/1", "key", "copies/1", "newest-time"];
        names.iter().map(|name| text(dir, name)).collect()
    }

    fn words(words: [&str; 5]) -> Vec<Option<String>> {
        let some = |word: &str| (!word.is_empty()).then(|| word.to_owned());
        words.into_iter().map(some).collect()
    }

    #[test]
    fn r20_a_decision_whose_folders_are_gone_does_not_keep_the_box_from_starting() {
        let dir = tempfile::tempdir().unwrap();
        lay(dir.path(), &[("store/db", "old"), ("restoring/new/store/db", "new")]);
        commit(dir.path(), &plan()).unwrap();
        fs::remove_dir_all(dir.path().join(BEFORE_DIR)).unwrap();
        let brought = finish(dir.path()).unwrap();
        assert!(brought.is_some());
        assert_eq!(fs::read_to_string(dir.path().join("store/db")).unwrap(), "new");
        assert_eq!(
            fs::read_to_string(dir.path().join(BEFORE_DIR).join("store/db")).unwrap(),
            "old"
        );
        settled(dir.path()).unwrap();
        lay(dir.path(), &[("restoring/new/store/db", "newer")]);
        commit(dir.path(), &plan()).unwrap();
        fs::remove_dir_all(dir.path().join(RESTORING_DIR)).unwrap();
        assert!(finish(dir.path()).unwrap().is_none());
        assert_eq!(fs::read_to_string(dir.path().join("store/db")).unwrap(), "new");
        assert!(finish(dir.path()).unwrap().is_none());
    }

    #[test]
    fn r20_what_cannot_be_looked_at_is_not_taken_for_gone() {
        let dir = box_with_staged();
        commit(dir.path(), &plan()).unwrap();
        // Something else stands where the folder was: no look below it is answered.
        let (staged, aside) = (dir.path().join(RESTORING_DIR), dir.path().join("aside"));
        fs::rename(&staged, &aside).unwrap();
        fs::write(&staged, "").unwrap();
        assert!(finish(dir.path()).is_err());
        assert!(forget_before(dir.path(), true).is_ok() && dir.path().join(BEFORE_DIR).exists());
        fs::remove_file(&staged).unwrap();
        fs::rename(&aside, &staged).unwrap();
        assert_eq!(finish(dir.path()).unwrap(), Some(plan()), "the decision stands");
        assert_eq!(state(dir.path()), words(["new", "new", "new", "", "kept"]));
    }

    #[test]
    fn r20_wherever_it_is_cut_the_state_is_wholly_old_or_wholly_new() {
        let steps = {
            let (dir, mut steps) = (box_with_staged(), 0_u32);
            commit(dir.path(), &plan()).unwrap();
            finish_with(dir.path(), &mut || {
                steps += 1;
                Ok(())
            })
            .unwrap();
            steps
        };
        assert!(steps >= 9, "{steps}");
        for cut in 0..steps {
            let dir = box_with_staged();
            commit(dir.path(), &plan()).unwrap();
            let mut left = cut;
            let ended = finish_with(dir.path(), &mut || {
                let go = left > 0;
                left = left.saturating_sub(1);
                match go {
                    true => Ok(()),
                    false => Err(io::Error::other("cut")),
                }
            });
            assert!(ended.is_err(), "cut before step {cut}");
            let done = finish(dir.path()).unwrap().unwrap();
            assert_eq!(done, plan(), "cut before step {cut}");
            assert_eq!(
                state(dir.path()),
                words(["new", "new", "new", "", "kept"]),
                "cut before step {cut}"
            );
            let before = state(&dir.path().join(BEFORE_DIR));
            assert_eq!(before, words(["old", "old", "old", "old", ""]), "cut before step {cut}");
            assert!(!dir.path().join(RESTORING_DIR).exists());
            // Said until it is on record, and done once.
            told(dir.path(), &done).unwrap();
            assert!(finish(dir.path()).unwrap().unwrap().told);
            settled(dir.path()).unwrap();
            assert_eq!(finish(dir.path()).unwrap(), None);
            assert_eq!(state(dir.path()), words(["new", "new", "new", "", "kept"]));
        }
    }

    #[test]
    fn r20_what_was_not_decided_is_cleared_away() {
        let dir = box_with_staged();
        assert_eq!(finish(dir.path()).unwrap(), None);
        assert_eq!(state(dir.path()), words(["old", "old", "old", "old", "kept"]));
        assert!(!dir.path().join(RESTORING_DIR).exists());
    }

    #[test]
    fn what_was_before_goes_when_it_is_told_to_and_not_before() {
        let dir = box_with_staged();
        forget_before(dir.path(), true).unwrap();
        commit(dir.path(), &plan()).unwrap();
        forget_before(dir.path(), true).unwrap();
        assert!(dir.path().join(BEFORE_DIR).exists(), "decided, not done");
        finish(dir.path()).unwrap();
        forget_before(dir.path(), false).unwrap();
        assert!(dir.path().join(BEFORE_DIR).exists(), "it is young");
        forget_before(dir.path(), true).unwrap();
        assert!(!dir.path().join(BEFORE_DIR).exists());
    }
}
