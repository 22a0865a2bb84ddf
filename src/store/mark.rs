//! A small file beside sled that says how many changes the store acknowledged. In: a count; out: the same after any crash. It
//! is written after sled's own data is on the disk, so a store that counts fewer has lost some: that is proof of damage (R20).
//! Never decides what becomes of the store.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use parking_lot::Mutex;

use crate::seal::Sealer;

const NAME: &str = "mark";
/// Magic 8, key id 8, count 8, keyed hash 32.
const SLOT: usize = 56;
/// Slots lie in sectors of their own and are written in turn, so that a torn write leaves the one before.
const STRIDE: u64 = 4096;
const MAGIC: &[u8; 8] = b"PSTNMRK1";

/// The open file.
pub(super) struct Mark {
    file: File,
    sealer: Sealer,
    next_slot: Mutex<u64>,
}

/// What the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marked {
    /// Changes acknowledged.
    pub(super) count: u64,
    /// The key of the store, whether or not it is the key at hand.
    pub(super) key_id: [u8; 8],
}

/// None: there is no such file. `Some(None)`: neither slot is good.
pub(super) fn read(dir: &Path, sealer: &Sealer) -> io::Result<Option<Option<Marked>>> {
    let mut bytes = Vec::new();
    match File::open(dir.join(NAME)) {
        Ok(mut file) => file.read_to_end(&mut bytes)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let slots = bytes.chunks(STRIDE as usize).filter_map(|slot| parse(slot, sealer));
    Ok(Some(slots.max_by_key(|marked| marked.count)))
}

fn parse(slot: &[u8], sealer: &Sealer) -> Option<Marked> {
    let (body, hash) = slot.get(..SLOT)?.split_at_checked(24)?;
    let rest = body.strip_prefix(MAGIC)?;
    let (key_id, count) = (*rest.first_chunk()?, u64::from_le_bytes(*rest.get(8..)?.first_chunk()?));
    // Under another key the hash cannot be checked, but then the store is refused for that.
    (key_id != sealer.key_id() || hash == sealer.keyed_hash("store mark", body)).then_some(Marked { count, key_id })
}

impl Mark {
    /// Opens the file, or makes it.
    pub(super) fn open(dir: &Path, sealer: &Sealer) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(dir.join(NAME))?;
        Ok(Self {
            file,
            sealer: sealer.clone(),
            next_slot: Mutex::new(0),
        })
    }

    /// Says that this many changes are acknowledged.
    pub(super) fn set(&self, count: u64) -> io::Result<()> {
        let mut slot = Vec::with_capacity(SLOT);
        slot.extend_from_slice(MAGIC);
        slot.extend_from_slice(&self.sealer.key_id());
        slot.extend_from_slice(&count.to_le_bytes());
        let hash = self.sealer.keyed_hash("store mark", &slot);
        slot.extend_from_slice(&hash);
        let mut next = self.next_slot.lock();
        self.file.write_all_at(&slot, *next * STRIDE)?;
        *next = 1 - *next;
        self.file.sync_data()
    }
}
