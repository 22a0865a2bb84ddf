//! The journal on a disk that refuses: full, or failing to sync.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::disk::SegmentFile;
use super::*;

/// What goes wrong next.
#[derive(Default)]
struct Faults {
    /// Bytes that the disk still takes.
    room: AtomicU64,
    sync_fails: AtomicU64,
    cut_fails: AtomicU64,
}

fn fault(left: &AtomicU64) -> io::Result<()> {
    let spent = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
    if spent.is_ok() {
        Err(io::Error::from_raw_os_error(5))
    } else {
        Ok(())
    }
}

struct BadDisk(Arc<Faults>);
struct BadFile(Box<dyn SegmentFile>, Arc<Faults>);

impl Disk for BadDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(BadFile(RealDisk.create(path)?, Arc::clone(&self.0))))
    }
    fn reopen(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(BadFile(RealDisk.reopen(path)?, Arc::clone(&self.0))))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }
}

impl SegmentFile for BadFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let room = self.1.room.load(Ordering::SeqCst).min(bytes.len() as u64);
        self.1.room.fetch_sub(room, Ordering::SeqCst);
        self.0.write_at(offset, &bytes[..room as usize])?;
        if room < bytes.len() as u64 {
            Err(io::Error::from_raw_os_error(28))
        } else {
            Ok(())
        }
    }
    fn sync(&mut self) -> io::Result<()> {
        fault(&self.1.sync_fails)?;
        self.0.sync()
    }
    fn cut(&mut self, len: u64) -> io::Result<()> {
        fault(&self.1.cut_fails)?;
        self.0.cut(len)
    }
}

fn open_bad(dir: &Path, limits: Limits) -> (Journal, Arc<Faults>) {
    let faults = Arc::new(Faults::default());
    faults.room.store(u64::MAX, Ordering::SeqCst);
    let disk = Box::new(BadDisk(Arc::clone(&faults)));
    let opened = Journal::open_on(disk, &dir.join("j"), &key(), limits, 0, &mut |_| {}).unwrap();
    (opened.0, faults)
}

#[test]
fn r16_a_full_disk_refuses_and_the_journal_goes_on_when_there_is_room() {
    for room in [0, 1, 30, 46, 47, 60, 100] {
        for cut_fails in [0, 1] {
            let dir = tempfile::tempdir().unwrap();
            let (journal, faults) = open_bad(dir.path(), SMALL);
            let mut good = 0;
            for _ in 0..3 {
                fill(&journal, good + 1..=good + 4);
                good += 4;
                faults.room.store(room, Ordering::SeqCst);
                faults.cut_fails.store(cut_fails, Ordering::SeqCst);
                let mut refused = 0;
                while refused < 3 {
                    match journal.append_wait(Timestamp((good + 1) * 1000), format!("entry {}", good + 1).into_bytes())
                    {
                        Ok(seq) => {
                            good += 1;
                            assert_eq!(seq, good);
                        }
                        Err(JournalError::Io(e)) => {
                            assert_eq!(e.raw_os_error(), Some(28));
                            refused += 1;
                        }
                        Err(e) => panic!("{e}"),
                    }
                }
                faults.room.store(u64::MAX, Ordering::SeqCst);
                faults.cut_fails.store(0, Ordering::SeqCst);
            }
            fill(&journal, good + 1..=good + 2);
            assert_eq!(journal.check().unwrap().damage, []);
            drop(journal);
            let (_, opening, seen) = open(dir.path(), SMALL, 0);
            assert_eq!(numbers(&seen), (1..=good + 2).collect::<Vec<_>>());
            assert_eq!((opening.damage.len(), opening.torn_bytes), (0, 0));
        }
    }
}

#[test]
fn r16_after_a_failed_sync_the_segment_is_left() {
    for cut_fails in [0, 1] {
        let dir = tempfile::tempdir().unwrap();
        let (journal, faults) = open_bad(dir.path(), Limits::default());
        fill(&journal, 1..=3);
        faults.sync_fails.store(1, Ordering::SeqCst);
        faults.cut_fails.store(cut_fails, Ordering::SeqCst);
        assert!(matches!(
            journal.append_wait(Timestamp(9), b"lost".to_vec()),
            Err(JournalError::Io(_))
        ));
        assert_eq!(segments(dir.path()).len(), 1);
        // The new segment's head cannot be confirmed either, then it can.
        faults.sync_fails.store(1, Ordering::SeqCst);
        assert!(journal.append_wait(Timestamp(9), b"lost".to_vec()).is_err());
        fill(&journal, 4..=6);
        assert_eq!(segments(dir.path()).len(), 2);
        drop(journal);
        assert_eq!(verified(dir.path()).damage, []);
        let (_, opening, seen) = open(dir.path(), Limits::default(), 0);
        assert_eq!((numbers(&seen), opening.damage.len()), (vec![1, 2, 3, 4, 5, 6], 0));
    }
}
