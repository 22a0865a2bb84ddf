//! Sealed copies of the whole store, and the way back. In: an open store, or a file; out: a file that opens under the box's key
//! only, or a store. A cut, changed, reordered or foreign copy is refused before anything is made of it.
//!
//! ```text
//! head    magic 8 | key id 8 | nonce 16 | time u64 | folded u64
//! chunk   length u32 | XChaCha20-Poly1305, nonce: the head's and a count; associated data: the head and whether it is the last
//! inside  key's length u16 | value's length u32 | key | value ..., in the last chunk the number of records u64
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};
use zeroize::Zeroizing;

use super::codec::{self, COUNTERS, Key, RESTORED};
use super::open::{Counters, FromCopy};
use super::records::Timestamp;
use super::{COPIES_DIR, COPIES_KEPT, CopyError, Live, Numbers, Opened, Store, StoreError, disk, open};
use crate::seal::{self, Sealer};

const MAGIC: &[u8; 8] = b"PSTNCPY1";
const HEAD_LEN: usize = 48;
/// Bytes of records that are sealed together.
const CHUNK: usize = 64 * 1024;
/// Records written at once while restoring.
const BATCH: usize = 1000;

/// What a copy says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct About {
    pub(super) at: Timestamp,
    pub(super) folded: u64,
}

/// More numbers than a box gives between two copies.
const NUMBERS_LEFT_OUT: u64 = 1_000_000;

impl Store {
    /// Writes a sealed copy of everything in the store (the last fold included) to `path`, by way of a file beside it. Changes
    /// wait meanwhile, logins do not.
    pub fn copy_to(&self, path: &Path, now: Timestamp) -> Result<(), CopyError> {
        self.copy_with(path, now, None)
    }

    fn copy_with(&self, path: &Path, now: Timestamp, instead: Option<Instead>) -> Result<(), CopyError> {
        let fail = |e| CopyError::Io(path.to_owned(), e);
        let beside = path.with_extension("new");
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .map_err(fail)?;
        self.write_copy(file, now, instead)
            .inspect_err(|_| drop(fs::remove_file(&beside)))
            .map_err(|e| match e {
                Failure::Io(e) => CopyError::Io(beside.clone(), e),
                Failure::Store(e) => CopyError::Store(e),
            })?;
        fs::rename(&beside, path).map_err(fail)?;
        disk::sync_dir(path.parent().unwrap_or(Path::new("."))).map_err(fail)
    }

    /// Writes a sealed copy to `copies/store-<ms>.sealed` in `state_dir` and removes the oldest beyond [`COPIES_KEPT`].
    pub fn copy_daily(&self, state_dir: &Path, now: Timestamp) -> Result<PathBuf, CopyError> {
        self.copy_kept(state_dir, now, None)
    }

    /// Before the schema is raised: as [`Store::copy_daily`], of the store as it lies on the disk, so that the posternd that wrote it
    /// reads the copy. In the copy `live` stands in the place of what the store has under its key. None: the schema is this
    /// posternd's already, and nothing was done.
    pub fn copy_before_raise(
        &self,
        state_dir: &Path,
        now: Timestamp,
        live: &Live,
    ) -> Result<Option<PathBuf>, CopyError> {
        if !self.0.behind.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let value = live.value.as_ref().map(|value| codec::versioned(value)).transpose()?;
        let instead = (Key::Live(live.kind, &live.key).bytes(), value);
        self.copy_kept(state_dir, now, Some(instead)).map(Some)
    }

    fn copy_kept(&self, state_dir: &Path, now: Timestamp, instead: Option<Instead>) -> Result<PathBuf, CopyError> {
        let dir = state_dir.join(COPIES_DIR);
        let fail = |e| CopyError::Io(dir.clone(), e);
        match std::os::unix::fs::DirBuilderExt::mode(&mut fs::DirBuilder::new(), 0o700).create(&dir) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(fail(e)),
            _ => disk::sync_dir(state_dir).map_err(fail)?,
        }
        let path = dir.join(format!("store-{:013}.sealed", now.0));
        self.copy_with(&path, now, instead)?;
        let old = copies(&dir).map_err(fail)?.into_iter().skip(COPIES_KEPT);
        // With a clock that went back the new one is among them.
        for old in old.filter(|old| *old != path) {
            fs::remove_file(&old).map_err(fail)?;
        }
        Ok(path)
    }

    /// Makes a store in `into_dir`, which must not exist, from a copy; it is looked at whole before anything is made. The new
    /// store says where it came from until [`Store::settle_restore`]. Returns the copy's time and folded position.
    pub fn restore_copy(path: &Path, into_dir: &Path, sealer: &Sealer) -> Result<(Timestamp, u64), CopyError> {
        Self::restore_copy_seen(path, into_dir, sealer, &mut |_, _| {})
    }

    /// As [`Store::restore_copy`]; `seen` looks at the new store while it is open as proof.
    pub fn restore_copy_seen(
        path: &Path,
        into_dir: &Path,
        sealer: &Sealer,
        seen: &mut dyn FnMut(&Store, &Opened),
    ) -> Result<(Timestamp, u64), CopyError> {
        if into_dir
            .try_exists()
            .map_err(|e| CopyError::Io(into_dir.to_owned(), e))?
        {
            return Err(CopyError::Exists(into_dir.to_owned()));
        }
        let about = restore(path, into_dir, sealer, seen)?;
        Ok((about.at, about.folded))
    }

    /// The last numbers that were given.
    pub fn numbers(&self) -> Numbers {
        let counters = self.0.writer.lock();
        Numbers {
            user: counters.user,
            token: counters.token,
            client: counters.client,
            operator: counters.operator,
        }
    }

    /// Numbers up to these were given by this box or stand in its records: they are given to nobody else.
    pub fn raise_numbers(&self, given: Numbers) -> Result<(), StoreError> {
        self.numbers_above(given, 0)
    }

    /// After a restore, before anybody is added: numbers that were given since the copy was made stand in the audit and in the
    /// journal, and are given to nobody else. `seen`: the highest in what was read of them; many more are left out, since what was given
    /// last may stand in neither.
    pub fn skip_numbers(&self, seen: Numbers) -> Result<(), StoreError> {
        self.numbers_above(seen, NUMBERS_LEFT_OUT)
    }

    fn numbers_above(&self, given: Numbers, more: u64) -> Result<(), StoreError> {
        let mut counters = self.0.writer.lock();
        let mut next: Counters = *counters;
        next.changes += 1;
        for (number, given) in [
            (&mut next.user, given.user),
            (&mut next.token, given.token),
            (&mut next.client, given.client),
            (&mut next.operator, given.operator),
        ] {
            *number = (*number).max(given).saturating_add(more);
        }
        let mut batch = sled::Batch::default();
        batch.insert(COUNTERS, codec::encode(&next)?);
        self.0.commit(batch, 1, &mut counters, next)
    }

    /// What R20 asks after a restore is done: the store no longer says that it came from a copy.
    pub fn settle_restore(&self) -> Result<(), StoreError> {
        let mut counters = self.0.writer.lock();
        let mut next: Counters = *counters;
        next.changes += 1;
        let mut batch = sled::Batch::default();
        batch.remove(RESTORED);
        batch.insert(COUNTERS, codec::encode(&next)?);
        self.0.commit(batch, 1, &mut counters, next)
    }

    fn write_copy(&self, file: File, now: Timestamp, instead: Option<Instead>) -> Result<(), Failure> {
        let _still = self.0.writer.lock();
        let folded = self.0.folded.load(Ordering::SeqCst);
        let mut out = Chunks::new(file, &self.0.sealer, About { at: now, folded })?;
        let (left_out, value) = instead.unzip();
        let read = self.0.disk.each(b"", &mut |key, value| match &left_out {
            Some(left_out) if *left_out == key => Ok(()),
            _ => out.record(key, value),
        });
        read.unwrap_or_else(|trouble| Err(Failure::Store(trouble.on_use())))?;
        if let (Some(key), Some(value)) = (left_out, value.flatten()) {
            out.record(&key, &value)?;
        }
        out.finish().map_err(Failure::Io)
    }
}

/// The copies, newest first.
pub(super) fn copies(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    match fs::read_dir(dir) {
        Ok(entries) => {
            for entry in entries {
                let path = entry?.path();
                let name = path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default();
                if name.starts_with("store-") && name.ends_with(".sealed") {
                    found.push(path);
                }
            }
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    found.sort();
    found.reverse();
    Ok(found)
}

/// A key, and what stands in a copy in the place of what the store has there.
type Instead = (Vec<u8>, Option<Vec<u8>>);

enum Failure {
    Io(io::Error),
    Store(StoreError),
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        Failure::Io(e)
    }
}

/// Nonce and associated data of a chunk.
fn frame(head: &[u8], count: u64, last: bool) -> ([u8; 24], Vec<u8>) {
    let mut nonce = [0; 24];
    let parts = head.iter().skip(16).take(16).copied().chain(count.to_be_bytes());
    nonce.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    let mut aad = head.to_vec();
    aad.push(u8::from(last));
    (nonce, aad)
}

/// Seals records into a file.
struct Chunks<'a> {
    file: File,
    sealer: &'a Sealer,
    head: Vec<u8>,
    plain: Zeroizing<Vec<u8>>,
    count: u64,
    records: u64,
}

impl<'a> Chunks<'a> {
    fn new(mut file: File, sealer: &'a Sealer, about: About) -> io::Result<Self> {
        let mut head = Vec::with_capacity(HEAD_LEN);
        head.extend_from_slice(MAGIC);
        head.extend_from_slice(&sealer.key_id());
        let mut nonce = [0; 16];
        seal::random(&mut nonce)?;
        head.extend_from_slice(&nonce);
        head.extend_from_slice(&about.at.0.to_be_bytes());
        head.extend_from_slice(&about.folded.to_be_bytes());
        file.write_all(&head)?;
        let plain = Zeroizing::new(Vec::with_capacity(2 * CHUNK));
        Ok(Self {
            file,
            sealer,
            head,
            plain,
            count: 0,
            records: 0,
        })
    }

    fn record(&mut self, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        let lens = (u16::try_from(key.len()), u32::try_from(value.len()));
        let (Ok(key_len), Ok(value_len)) = lens else {
            return Err(Failure::Store(StoreError::TooLong));
        };
        self.plain.extend_from_slice(&key_len.to_be_bytes());
        self.plain.extend_from_slice(&value_len.to_be_bytes());
        self.plain.extend_from_slice(key);
        self.plain.extend_from_slice(value);
        self.records += 1;
        if self.plain.len() >= CHUNK {
            Ok(self.chunk(false)?)
        } else {
            Ok(())
        }
    }

    fn chunk(&mut self, last: bool) -> io::Result<()> {
        let (nonce, aad) = frame(&self.head, self.count, last);
        let payload = Payload {
            msg: &self.plain,
            aad: &aad,
        };
        let sealed = self.sealer.copies().encrypt(XNonce::from_slice(&nonce), payload);
        let sealed = sealed.map_err(|_| io::Error::other("sealing failed"))?;
        self.file
            .write_all(&u32::try_from(sealed.len()).unwrap_or(u32::MAX).to_be_bytes())?;
        self.file.write_all(&sealed)?;
        self.plain.clear();
        self.count += 1;
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        if !self.plain.is_empty() {
            self.chunk(false)?;
        }
        let records = self.records;
        self.plain.extend_from_slice(&records.to_be_bytes());
        self.chunk(true)?;
        self.file.sync_all()
    }
}

/// Reads a whole copy and gives every record to `each`; whoever acts on them must have read it to its end once before.
pub(super) fn read_copy(
    path: &Path,
    sealer: &Sealer,
    each: &mut disk::Each<'_, CopyError>,
) -> Result<About, CopyError> {
    let file = File::open(path).map_err(|e| CopyError::Io(path.to_owned(), e))?;
    let mut file = BufReader::with_capacity(128 * 1024, file);
    let damaged = || CopyError::Damaged(path.to_owned());
    let cut = |e: io::Error| match e.kind() {
        io::ErrorKind::UnexpectedEof => CopyError::Damaged(path.to_owned()),
        _ => CopyError::Io(path.to_owned(), e),
    };
    let mut head = [0; HEAD_LEN];
    file.read_exact(&mut head).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => CopyError::NotACopy(path.to_owned()),
        _ => CopyError::Io(path.to_owned(), e),
    })?;
    if !head.starts_with(MAGIC) {
        return Err(CopyError::NotACopy(path.to_owned()));
    }
    if head.get(8..16) != Some(&sealer.key_id()) {
        return Err(CopyError::WrongKey(path.to_owned()));
    }
    let number = |at: usize| {
        head.get(at..)
            .and_then(|rest| rest.first_chunk().copied())
            .map_or(0, u64::from_be_bytes)
    };
    let about = About {
        at: Timestamp(number(32)),
        folded: number(40),
    };
    let (mut count, mut records) = (0, 0);
    loop {
        let mut len = [0; 4];
        file.read_exact(&mut len).map_err(cut)?;
        let len = u32::from_be_bytes(len) as usize;
        if len > 4 * CHUNK {
            return Err(damaged());
        }
        let mut sealed = vec![0; len];
        file.read_exact(&mut sealed).map_err(cut)?;
        let opened = |last| {
            let (nonce, aad) = frame(&head, count, last);
            let payload = Payload {
                msg: sealed.as_slice(),
                aad: &aad,
            };
            sealer
                .copies()
                .decrypt(XNonce::from_slice(&nonce), payload)
                .ok()
                .map(Zeroizing::new)
        };
        if let Some(plain) = opened(false) {
            let mut rest = plain.as_slice();
            while !rest.is_empty() {
                let (key, value, after) = split(rest).ok_or_else(damaged)?;
                each(key, value)?;
                records += 1;
                rest = after;
            }
            count += 1;
            continue;
        }
        let last = opened(true).ok_or_else(damaged)?;
        let end = file.read(&mut [0]).map_err(|e| CopyError::Io(path.to_owned(), e))?;
        if last.as_slice() != u64::to_be_bytes(records) || end != 0 {
            return Err(damaged());
        }
        return Ok(about);
    }
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (key_len, rest) = bytes.split_first_chunk::<2>()?;
    let (value_len, rest) = rest.split_first_chunk::<4>()?;
    let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*key_len)))?;
    let (value, rest) = rest.split_at_checked(u32::from_be_bytes(*value_len) as usize)?;
    Some((key, value, rest))
}

/// Makes the store beside `into_dir`, opens it once as proof, then gives it its name.
fn restore(
    path: &Path,
    into_dir: &Path,
    sealer: &Sealer,
    seen: &mut dyn FnMut(&Store, &Opened),
) -> Result<About, CopyError> {
    let about = read_copy(path, sealer, &mut |key, _| match Key::parse(key) {
        Some(_) => Ok(()),
        None => Err(CopyError::Damaged(path.to_owned())),
    })?;
    let beside = into_dir.with_extension("restoring");
    let fail = |e| CopyError::Io(beside.clone(), e);
    if beside.try_exists().map_err(fail)? {
        fs::remove_dir_all(&beside).map_err(fail)?;
    }
    let opened = |e| CopyError::Open(Box::new(e));
    let made = disk::prepare(&beside, Some(Duration::ZERO))
        .and_then(disk::Prepared::open)
        .map_err(opened)?;
    let (mut batch, mut waiting) = (sled::Batch::default(), 0);
    read_copy(path, sealer, &mut |key, value| {
        batch.insert(key, value);
        waiting += 1;
        if waiting >= BATCH {
            waiting = 0;
            made.write_many(std::mem::take(&mut batch), BATCH)?;
        }
        Ok(())
    })?;
    let from = FromCopy {
        copy_at: about.at,
        folded: about.folded,
    };
    batch.insert(RESTORED, codec::encode(&from)?);
    made.write(batch)?;
    drop(made);
    let (proven, found) = open::open(&beside, sealer, None).map_err(opened)?;
    seen(&proven, &found);
    drop(proven);
    fs::rename(&beside, into_dir).map_err(fail)?;
    disk::sync_dir(into_dir.parent().unwrap_or(Path::new("."))).map_err(fail)?;
    Ok(about)
}
