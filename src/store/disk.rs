//! sled with what it lacks (design.md, "Store"): an `fdatasync` after every flush, leftovers of snapshots removed, permissions,
//! a lock that names its holder, panics on damaged files caught. In: keys and values; out: the same, durable. Knows no records.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{OpenError, StoreError};

/// sled's cache, in bytes.
const CACHE: u64 = 8 << 20;
/// How long opening waits for a process that is just ending.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Looks at sled after each record written, so that it frees memory.
const CALLS_A_RECORD: usize = 4;
const LOCK: &str = "lock";
/// sled's own files; they are made before sled makes them, so that they are never open to others.
pub(super) const DATA: &str = "db";
const CONFIG: &str = "conf";
const BLOBS: &str = "blobs";

/// What is done with a key and its value; an error ends the walk.
pub(super) type Each<'a, E> = dyn FnMut(&[u8], &[u8]) -> Result<(), E> + 'a;

/// The open database.
pub(super) struct Disk {
    db: sled::Db,
    data: File,
    dir: PathBuf,
    failed: AtomicBool,
    /// Locked while the store is open; after `db`, so that it is let go last.
    _lock: File,
}

/// A directory made ready and locked, before sled sees it.
pub(super) struct Prepared {
    dir: PathBuf,
    lock: File,
    until: Instant,
    /// There was nothing in it.
    pub(super) new: bool,
}

fn fail(path: &Path) -> impl Fn(io::Error) -> OpenError + '_ {
    |e| OpenError::Io(path.to_owned(), e)
}

/// `fsync` of a directory.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    File::open(dir)?.sync_all()
}

/// Makes the directory if it is not there, refuses one that is open to others (R21), locks it.
pub(super) fn prepare(dir: &Path, wait: Option<Duration>) -> Result<Prepared, OpenError> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => sync_dir(dir.parent().unwrap_or(Path::new("/"))).map_err(fail(dir))?,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(fail(dir)(e)),
    }
    closed_to_others(dir, 0o700)?;
    let mut found = 0;
    for entry in fs::read_dir(dir).map_err(fail(dir))? {
        let entry = entry.map_err(fail(dir))?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        found += usize::from(name != LOCK);
        // sled makes these anew whenever it likes, with the mode it likes; the directory keeps others out.
        if name != BLOBS && !name.starts_with("snap.") {
            closed_to_others(&path, 0o600)?;
        }
    }
    let until = Instant::now() + wait.unwrap_or(LOCK_WAIT);
    let lock = lock(dir, until)?;
    for name in [DATA, CONFIG].into_iter().filter(|_| found == 0) {
        let path = dir.join(name);
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(fail(&path))?;
    }
    Ok(Prepared {
        dir: dir.to_owned(),
        lock,
        until,
        new: found == 0,
    })
}

fn closed_to_others(path: &Path, wanted: u32) -> Result<(), OpenError> {
    let meta = fs::symlink_metadata(path).map_err(fail(path))?;
    let mode = meta.mode() & 0o7777;
    if mode & !wanted & 0o7777 != 0 {
        return Err(OpenError::Permissions(path.to_owned(), mode, wanted));
    }
    let me = nix::unistd::geteuid().as_raw();
    if meta.uid() != me {
        return Err(OpenError::Owner(path.to_owned(), meta.uid(), me));
    }
    Ok(())
}

fn lock(dir: &Path, until: Instant) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let mut file = OpenOptions::new();
    let mut file = file
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(fail(&path))?;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(e)) => return Err(fail(&path)(e)),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let holder = match holder.trim().parse::<u32>() {
                    Ok(pid) => format!("another posternd (process {pid})"),
                    Err(_) => String::from("another posternd"),
                };
                return Err(OpenError::Locked(dir.to_owned(), holder));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    let named = file
        .set_len(0)
        .and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
    named.map_err(fail(&path))?;
    Ok(file)
}

impl Prepared {
    /// Opens sled here.
    pub(super) fn open(self) -> Result<Disk, OpenError> {
        let dir = self.dir;
        if !self.new && !dir.join(DATA).try_exists().map_err(fail(&dir))? {
            return Err(OpenError::Corrupt(String::from("its data file is missing")));
        }
        for entry in fs::read_dir(&dir).map_err(fail(&dir))? {
            let path = entry.map_err(fail(&dir))?.path();
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            if name.starts_with("snap.") && name.ends_with(".generating") {
                fs::remove_file(&path).map_err(fail(&path))?;
            }
        }
        let db = loop {
            let config = sled::Config::new()
                .path(&dir)
                .cache_capacity(CACHE)
                .flush_every_ms(None);
            match caught(|| config.open()) {
                Ok(db) => break db,
                Err(Trouble::Sled(sled::Error::Io(e))) if e.to_string().contains("could not acquire lock") => {
                    if Instant::now() >= self.until {
                        return Err(OpenError::Locked(dir, String::from("another process")));
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(trouble) => return Err(trouble.on_open(&dir)),
            }
        };
        let data = File::open(dir.join(DATA)).map_err(fail(&dir))?;
        let disk = Disk {
            db,
            data,
            dir,
            failed: AtomicBool::new(false),
            _lock: self.lock,
        };
        disk.tighten()
            .and_then(|()| sync_dir(&disk.dir))
            .map_err(fail(&disk.dir))?;
        Ok(disk)
    }
}

/// What sled answered, a panic of its included.
pub(super) enum Trouble {
    Sled(sled::Error),
    Panic(String),
}

impl Trouble {
    /// Only what proves damage is called so (R20).
    pub(super) fn on_open(self, dir: &Path) -> OpenError {
        match self {
            // A file that ends where sled's own bookkeeping says that it goes on.
            Trouble::Sled(sled::Error::Io(e)) if e.kind() == io::ErrorKind::UnexpectedEof => {
                OpenError::Corrupt(format!("its data file is cut: {e}"))
            }
            Trouble::Sled(sled::Error::Io(e)) => OpenError::Io(dir.to_owned(), e),
            Trouble::Sled(sled::Error::Corruption { .. }) => {
                OpenError::Corrupt("its data file does not hold what was written".to_owned())
            }
            Trouble::Sled(e) => OpenError::Corrupt(e.to_string()),
            Trouble::Panic(what) => OpenError::Corrupt(what),
        }
    }

    pub(super) fn on_use(self) -> StoreError {
        match self {
            Trouble::Sled(sled::Error::Io(e)) => StoreError::Io(e.to_string()),
            Trouble::Sled(_) | Trouble::Panic(_) => StoreError::Damaged,
        }
    }
}

/// sled panics on some damage; that must not end the thread that asked.
pub(super) fn caught<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, Trouble> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.map_err(Trouble::Sled),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(Trouble::Panic(crate::text::shown(&text.unwrap_or_default())))
        }
    }
}

impl Disk {
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        caught(|| self.db.get(key)).map_err(Trouble::on_use)
    }

    /// Every record whose key begins so, in order, until `each` says stop by an error of its own.
    pub(super) fn each<E>(&self, prefix: &[u8], each: &mut Each<'_, E>) -> Result<Result<(), E>, Trouble> {
        caught(|| {
            for pair in self.db.scan_prefix(prefix) {
                let (key, value) = pair?;
                if let Err(e) = each(&key, &value) {
                    return Ok(Err(e));
                }
            }
            Ok(Ok(()))
        })
    }

    /// Writes the batch, all or nothing; it is on the disk when this returns. After a failure nobody knows what is, so nothing
    /// more is written.
    pub(super) fn write(&self, batch: sled::Batch) -> Result<(), StoreError> {
        self.write_many(batch, 1)
    }

    /// As [`Disk::write`], for a batch of about so many records.
    pub(super) fn write_many(&self, batch: sled::Batch, records: usize) -> Result<(), StoreError> {
        if self.failed.load(Ordering::SeqCst) {
            return Err(StoreError::Failed);
        }
        let written = caught(|| {
            self.db.apply_batch(batch)?;
            let flushed = self.db.flush()?;
            // sled frees what a batch replaced only while other calls go by, a little with each: 100,000 users imported in
            // groups of 1,000 left 600 MB behind, 40 MB with these calls.
            for _ in 0..records.saturating_mul(CALLS_A_RECORD) {
                self.db.get(b"-")?;
            }
            Ok(flushed)
        })
        .map_err(Trouble::on_use)
        .and_then(|_| self.sync().map_err(|e| StoreError::Io(e.to_string())));
        written.inspect_err(|e| {
            self.failed.store(true, Ordering::SeqCst);
            tracing::error!("{e}; the store takes no more changes until posternd is started again");
        })
    }

    /// Where it lies.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether a write failed since the store was opened.
    pub(super) fn failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// sled's flush only starts the writing of the data file, and leaves what it keeps beside it alone.
    fn sync(&self) -> io::Result<()> {
        self.data.sync_data()?;
        let blobs = self.dir.join(BLOBS);
        let mut any = false;
        for entry in fs::read_dir(&blobs)? {
            File::open(entry?.path())?.sync_all()?;
            any = true;
        }
        if any { sync_dir(&blobs) } else { Ok(()) }
    }

    /// What sled made with the process's mask is closed to others.
    fn tighten(&self) -> io::Result<()> {
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            match (
                entry.file_type()?.is_dir(),
                entry.file_name().to_string_lossy().starts_with("snap."),
            ) {
                (true, _) => set(&entry.path(), 0o700)?,
                (false, true) => set(&entry.path(), 0o600)?,
                _ => {}
            }
        }
        fs::read_dir(self.dir.join(BLOBS))?.try_for_each(|entry| set(&entry?.path(), 0o600))
    }
}
