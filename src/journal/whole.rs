//! All of a journal as files, for a backup, and whether one journal goes on from another. In: an open journal; out: its files up to the newest
//! entry on the disk. Changes nothing, and appends go on meanwhile.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Journal;
use super::files::{CHECKPOINT, list};
use super::record::{Head, scan};

/// Takes a file's name and bytes.
pub type EachFile<'a> = dyn FnMut(&str, &[u8]) -> io::Result<()> + 'a;

fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Whether a file of this name belongs to a journal: a segment, one that was set aside, the checkpoint.
pub fn is_file_name(name: &str) -> bool {
    let digits = |stem: &str| stem.len() == 20 && stem.bytes().all(|byte| byte.is_ascii_digit());
    name == CHECKPOINT
        || [".jrn", ".bad"]
            .iter()
            .any(|end| name.strip_suffix(end).is_some_and(digits))
}

impl Journal {
    /// Gives the checkpoint and every segment, oldest first, up to the newest entry on the disk at the time of this call, whose number it
    /// answers. A segment at a time is in memory. Nothing is pruned meanwhile.
    ///
    /// # Errors
    /// A file could not be read, or `each` says so.
    pub fn each_file(&self, each: &mut EachFile<'_>) -> io::Result<u64> {
        let _alone = self.0.upkeep.lock();
        let newest = *self.0.newest.borrow();
        let mut others: Vec<PathBuf> = fs::read_dir(&self.0.dir)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()?;
        others.retain(|path| is_file_name(&name(path)) && path.extension().is_none_or(|end| end != "jrn"));
        others.sort();
        for path in others {
            each(&name(&path), &fs::read(&path)?)?;
        }
        let segments = list(&self.0.dir, &self.0.chain)?;
        let segments: Vec<_> = segments.into_iter().filter(|one| one.first_seq <= newest).collect();
        for (number, segment) in segments.iter().enumerate() {
            let mut bytes = fs::read(&segment.path)?;
            if number + 1 == segments.len() {
                let head = segment.head.unwrap_or(Head {
                    first_seq: segment.first_seq,
                    ..Head::default()
                });
                let found = scan(&bytes, &head, newest.saturating_add(1), &self.0.chain, &mut |_, _| {});
                // What is behind it was not on the disk for certain, and is nobody's.
                if found.next_seq > newest {
                    bytes.truncate(found.good);
                }
            }
            each(&name(&segment.path), &bytes)?;
        }
        Ok(newest)
    }
}

/// Whether the journal in `now` goes on from all that stands in `then`: the newest segment there begins the one of that name here. The chain
/// of MACs proves the rest. Both are of one key.
///
/// # Errors
/// A file could not be read.
pub fn goes_on_from(now: &Path, then: &Path) -> io::Result<bool> {
    let mut segments: Vec<PathBuf> = fs::read_dir(then)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    segments.retain(|path| path.extension().is_some_and(|end| end == "jrn"));
    let Some(last) = segments.into_iter().max() else {
        return Ok(true);
    };
    let bytes = fs::read(&last)?;
    let file = match fs::File::open(now.join(name(&last))) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    file.take(bytes.len() as u64).read_to_end(&mut found)?;
    Ok(found == bytes)
}
