//! The journal's directory: which segments there are, what they hold, what pruning left. In: a directory; out: its segments in
//! order, walked and proven. Never changes a file, but for [`write_whole`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::record::{Chain, HEAD_LEN, Head, Kind, Mac, Record, Scan, scan};
use super::{Damage, OpenError};
use crate::store::records::Timestamp;

/// What a segment's file name ends in; before it stands the number of its first entry, 20 digits.
const SUFFIX: &str = ".jrn";
/// What pruning leaves.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// Held while a process has the journal open.
pub(super) const LOCK: &str = "lock";

pub(super) fn segment_path(dir: &Path, first_seq: u64) -> PathBuf {
    dir.join(format!("{first_seq:020}{SUFFIX}"))
}

fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// A segment on the disk.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    /// By its name.
    pub(super) first_seq: u64,
    pub(super) bytes: u64,
    /// If it is good.
    pub(super) head: Option<Head>,
}

/// Makes the directory (0700) if it is not there; refuses one that is open to others (R21).
pub(super) fn prepare(dir: &Path) -> Result<(), OpenError> {
    let fail = |e| OpenError::Io(dir.to_owned(), e);
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => sync_dir(parent(dir)).map_err(fail)?,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(fail(e)),
    }
    closed_to_others(dir, 0o700)?;
    for entry in fs::read_dir(dir).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        closed_to_others(&path, 0o600)?;
    }
    Ok(())
}

fn closed_to_others(path: &Path, wanted: u32) -> Result<(), OpenError> {
    let mode = fs::symlink_metadata(path)
        .map_err(|e| OpenError::Io(path.to_owned(), e))?
        .mode()
        & 0o7777;
    if mode & !wanted & 0o7777 != 0 {
        return Err(OpenError::Permissions(path.to_owned(), mode, wanted));
    }
    Ok(())
}

/// Of a name without a directory, the current one.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// The segments, oldest first.
pub(super) fn list(dir: &Path, chain: &Chain) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let file_name = name(&path);
        let Some(first_seq) = file_name.strip_suffix(SUFFIX).and_then(|digits| digits.parse().ok()) else {
            continue;
        };
        let mut file = File::open(&path)?;
        let mut bytes = Vec::with_capacity(HEAD_LEN);
        (&mut file).take(HEAD_LEN as u64).read_to_end(&mut bytes)?;
        let head = Head::decode(&bytes, chain, Kind::Segment).filter(|head| head.first_seq == first_seq);
        segments.push(Segment {
            path,
            first_seq,
            bytes: file.metadata()?.len(),
            head,
        });
    }
    segments.sort_by_key(|segment| segment.first_seq);
    Ok(segments)
}

/// Where the journal begins after pruning: `Ok(None)` if it was never pruned, the inner error if the file is not what was written.
pub(super) fn checkpoint(dir: &Path, chain: &Chain) -> io::Result<Option<Result<Head, ()>>> {
    match fs::read(dir.join(CHECKPOINT)) {
        Ok(bytes) => Ok(Some(Head::decode(&bytes, chain, Kind::Checkpoint).ok_or(()))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Segments of which nothing could be read, which were renamed.
pub(super) fn set_aside(dir: &Path) -> io::Result<Vec<Damage>> {
    let mut damage = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let first = name(&path).strip_suffix(".bad").and_then(|digits| digits.parse().ok());
        if let Some(seq) = first {
            let (file, what) = (
                name(&path),
                String::from("nothing in this segment could be read; it was set aside"),
            );
            damage.push(Damage {
                file,
                offset: 0,
                seq,
                next: seq.saturating_add(1),
                what,
            });
        }
    }
    Ok(damage)
}

/// Writes a small file so that a power cut leaves the old one or the new one.
pub(super) fn write_whole(dir: &Path, file_name: &str, bytes: &[u8]) -> io::Result<()> {
    let beside = dir.join(format!("{file_name}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, dir.join(file_name))?;
    sync_dir(dir)
}

/// What a walk over segments found.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk {
    /// The number after the last good entry.
    pub(super) next_seq: u64,
    /// Its MAC.
    pub(super) mac: Mac,
    /// The newest time.
    pub(super) newest_at: Timestamp,
    /// Good entries.
    pub(super) entries: u64,
    /// The last segment: where its last good entry ends; none if not even its head was written.
    pub(super) good: Option<usize>,
    /// The last segment has a hole or a bad head: nothing may be appended to it.
    pub(super) closed: bool,
    /// Bytes behind the last good entry of the last segment.
    pub(super) tail: u64,
    /// What is wrong.
    pub(super) damage: Vec<Damage>,
}

/// Reads the segments and gives every good entry below `end` to `each`. `before` is where the chain stands before the first of
/// them, where that is known.
pub(super) fn walk(
    segments: &[Segment],
    before: Option<Head>,
    end: u64,
    chain: &Chain,
    each: &mut dyn FnMut(Record<'_>),
) -> Result<Walk, OpenError> {
    let mut walk = Walk::default();
    let mut known = before;
    for (i, segment) in segments.iter().enumerate() {
        let last = i + 1 == segments.len();
        let bytes = fs::read(&segment.path).map_err(|e| OpenError::Io(segment.path.clone(), e))?;
        let mut damage = |offset: usize, (seq, next): (u64, u64), what: &str| {
            let (file, offset, what) = (name(&segment.path), offset as u64, what.to_owned());
            walk.damage.push(Damage {
                file,
                offset,
                seq,
                next,
                what,
            });
        };
        let head = match (segment.head, known) {
            (Some(head), Some(known)) if head.first_seq > known.first_seq => {
                damage(
                    0,
                    (known.first_seq, head.first_seq),
                    "the entries before this segment are missing",
                );
                head
            }
            (Some(head), Some(known)) if head.first_seq == known.first_seq && head.mac_before != known.mac_before => {
                damage(
                    0,
                    (head.first_seq, head.first_seq.saturating_add(1)),
                    "this segment does not follow the one before",
                );
                head
            }
            (Some(head), _) => head,
            (None, known) => known
                .filter(|known| known.first_seq == segment.first_seq)
                .unwrap_or(Head {
                    first_seq: segment.first_seq,
                    ..Head::default()
                }),
        };
        let stop = segments.get(i + 1).map_or(end, |next| next.first_seq.min(end));
        let found = scan(&bytes, &head, stop, chain, &mut |_, record| each(record));
        if segment.head.is_none() && (found.records > 0 || bytes.len() > HEAD_LEN || !last) {
            damage(
                0,
                (head.first_seq, head.first_seq.saturating_add(1)),
                "the segment's head was changed",
            );
        }
        for hole in &found.holes {
            damage(
                hole.offset,
                (hole.seq, hole.found),
                &format!("changed or missing; the next good entry is {}", hole.found),
            );
        }
        if !last && found.next_seq < stop {
            damage(
                found.good,
                (found.next_seq, stop),
                "the rest of this segment was changed or cut",
            );
        }
        walk.take(&found, segment.head.is_some(), bytes.len());
        known = Some(Head {
            first_seq: found.next_seq,
            at_before: found.newest_at,
            mac_before: found.mac,
        });
    }
    Ok(walk)
}

impl Walk {
    fn take(&mut self, found: &Scan, head_good: bool, len: usize) {
        self.next_seq = found.next_seq;
        self.mac = found.mac;
        self.newest_at = found.newest_at;
        self.entries += found.records;
        self.good = (head_good || found.records > 0 || len > HEAD_LEN).then_some(found.good);
        self.closed = !head_good || !found.holes.is_empty();
        self.tail = (len - found.good) as u64;
    }
}
