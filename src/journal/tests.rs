#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::os::unix::fs::PermissionsExt;

use super::files::CHECKPOINT;
use super::*;

mod faults;

fn key() -> Zeroizing<[u8; 32]> {
    Zeroizing::new([7; 32])
}

const SMALL: Limits = Limits {
    segment_bytes: 300,
    keep: Duration::from_secs(1000),
    keep_bytes: u64::MAX,
};

/// Opens the journal below a temporary directory; what was replayed.
fn open(dir: &Path, limits: Limits, from: u64) -> (Journal, Opening, Vec<(u64, u64, String)>) {
    let mut seen = Vec::new();
    let (journal, opening) = Journal::open(&dir.join("j"), &key(), limits, from, &mut |entry| {
        seen.push((
            entry.seq,
            entry.at.0,
            String::from_utf8(entry.payload.to_vec()).unwrap(),
        ));
    })
    .unwrap();
    (journal, opening, seen)
}

fn fill(journal: &Journal, numbers: std::ops::RangeInclusive<u64>) {
    for n in numbers {
        assert_eq!(
            journal
                .append_wait(Timestamp(n * 1000), format!("entry {n}").into_bytes())
                .unwrap(),
            n
        );
    }
}

fn numbers(seen: &[(u64, u64, String)]) -> Vec<u64> {
    seen.iter()
        .for_each(|(seq, at, text)| assert_eq!((*at, text), (seq * 1000, &format!("entry {seq}"))));
    seen.iter().map(|(seq, ..)| *seq).collect()
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(dir.join("j"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.retain(|path| path.extension().is_some_and(|end| end == "jrn"));
    found.sort();
    found
}

fn verified(dir: &Path) -> Report {
    Journal::verify(&dir.join("j"), &key()).unwrap()
}

#[test]
fn r16_entries_come_back_in_order_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, opening, _) = open(dir.path(), SMALL, 0);
    assert_eq!((opening.first_seq, opening.next_seq, opening.torn_bytes), (1, 1, 0));
    fill(&journal, 1..=20);
    drop(journal);
    assert!(segments(dir.path()).len() > 3, "small segments end");
    let (journal, opening, seen) = open(dir.path(), SMALL, 0);
    assert_eq!(numbers(&seen), (1..=20).collect::<Vec<_>>());
    assert_eq!((opening.next_seq, opening.damage.len()), (21, 0));
    fill(&journal, 21..=22);
    drop(journal);
    for from in 1..=23 {
        let (_, opening, seen) = open(dir.path(), SMALL, from);
        assert_eq!(numbers(&seen), (from..=22).collect::<Vec<_>>());
        assert_eq!((opening.first_seq, opening.damage.len()), (1, 0));
    }
    assert_eq!(
        (verified(dir.path()).entries, verified(dir.path()).damage.len()),
        (22, 0)
    );
}

#[test]
fn r16_a_tail_torn_at_any_byte_loses_the_torn_entry_only() {
    let made = tempfile::tempdir().unwrap();
    let (journal, ..) = open(made.path(), Limits::default(), 0);
    fill(&journal, 1..=3);
    drop(journal);
    let path = &segments(made.path())[0];
    let whole = fs::read(path).unwrap();
    let last = whole.len() - record::RECORD_OVERHEAD - "entry 3".len();
    for cut in last..whole.len() {
        for garbage in [0, 3, 5000] {
            let mut torn = whole[..cut].to_vec();
            torn.resize(cut + garbage, 0);
            fs::write(path, &torn).unwrap();
            let (journal, opening, seen) = open(made.path(), Limits::default(), 0);
            let lost = (cut + garbage - last) as u64;
            assert_eq!((numbers(&seen), opening.torn_bytes), (vec![1, 2], lost), "cut at {cut}");
            assert!(opening.damage.is_empty());
            fill(&journal, 3..=4);
            drop(journal);
            assert_eq!(
                (verified(made.path()).entries, verified(made.path()).damage.len()),
                (4, 0)
            );
        }
    }
}

#[test]
fn r23_a_flipped_byte_anywhere_is_named_and_hides_nothing_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, ..) = open(dir.path(), SMALL, 0);
    fill(&journal, 1..=15);
    drop(journal);
    let files = segments(dir.path());
    assert_eq!(files.len(), 3);
    let size = |n: u64| record::RECORD_OVERHEAD + format!("entry {n}").len();
    for path in &files {
        let whole = fs::read(path).unwrap();
        let first: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        for i in 0..whole.len() {
            let mut bad = whole.clone();
            bad[i] ^= 0x40;
            fs::write(path, &bad).unwrap();
            let (mut hit, mut end) = (first, record::HEAD_LEN + size(first));
            while i >= end {
                hit += 1;
                end += size(hit);
            }
            let report = verified(dir.path());
            if hit == 15 && i >= record::HEAD_LEN {
                // The very last entry: as if it had never been whole.
                assert_eq!((report.last_seq, report.unfinished_bytes), (14, size(15) as u64));
                continue;
            }
            let found = report
                .damage
                .first()
                .unwrap_or_else(|| panic!("{path:?} byte {i} went unseen"));
            assert_eq!(found.file, path.file_name().unwrap().to_str().unwrap());
            assert_eq!(found.seq, hit, "{path:?} byte {i}: {found}");
            if i % 7 == 0 {
                let copy = tempfile::tempdir().unwrap();
                fs::create_dir(copy.path().join("j")).unwrap();
                fs::set_permissions(copy.path().join("j"), fs::Permissions::from_mode(0o700)).unwrap();
                for file in segments(dir.path()) {
                    fs::copy(&file, copy.path().join("j").join(file.file_name().unwrap())).unwrap();
                }
                let (_, opening, seen) = open(copy.path(), SMALL, 0);
                assert_eq!(opening.next_seq, 16);
                assert!(!opening.damage.is_empty());
                assert!(
                    seen.len() >= 13 && numbers(&seen).last() == Some(&15),
                    "byte {i}: {seen:?}"
                );
            }
        }
        fs::write(path, &whole).unwrap();
    }
}

#[test]
fn r23_missing_segments_are_seen() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, ..) = open(dir.path(), SMALL, 0);
    fill(&journal, 1..=20);
    drop(journal);
    let files = segments(dir.path());
    for path in &files[..files.len() - 1] {
        let bytes = fs::read(path).unwrap();
        fs::remove_file(path).unwrap();
        let report = verified(dir.path());
        assert!(!report.damage.is_empty(), "{path:?}");
        assert!(!open(dir.path(), SMALL, 0).1.damage.is_empty(), "{path:?}");
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    fs::remove_file(files.last().unwrap()).unwrap();
    // What the store has folded proves that the end is missing, and its numbers are not given again.
    let (journal, opening, _) = open(dir.path(), SMALL, 21);
    assert_eq!((opening.damage.len(), opening.next_seq), (1, 21));
    assert_eq!(journal.append_wait(Timestamp(1), vec![1]).unwrap(), 21);
    assert!(!journal.check().unwrap().damage.is_empty());
}

#[test]
fn r23_pruning_leaves_a_chain_that_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, ..) = open(dir.path(), SMALL, 0);
    fill(&journal, 1..=20);
    let before = segments(dir.path());
    assert_eq!(
        journal.prune(Timestamp(1_000_000), u64::MAX).unwrap(),
        0,
        "nothing is old yet"
    );
    assert_eq!(
        journal.prune(Timestamp(9_000_000), 1).unwrap(),
        0,
        "nothing is folded yet"
    );
    let went = journal.prune(Timestamp(1_010_500), u64::MAX).unwrap();
    assert!(went > 0 && went < before.len() - 1);
    let report = journal.check().unwrap();
    assert_eq!((report.pruned, report.damage.len(), report.last_seq), (true, 0, 20));
    assert!(report.first_seq > 1 && report.first_seq <= 11);
    fill(&journal, 21..=25);
    drop(journal);
    assert_eq!(verified(dir.path()).damage, []);
    let (journal, opening, seen) = open(dir.path(), SMALL, 0);
    assert_eq!(
        (opening.first_seq, seen[0].0, opening.damage.len()),
        (report.first_seq, report.first_seq, 0)
    );
    drop(journal);
    // A leftover of an interrupted pruning is no damage, and goes.
    fs::write(&before[0], b"anything").unwrap();
    fs::set_permissions(&before[0], fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(verified(dir.path()).damage, []);
    drop(open(dir.path(), SMALL, 0));
    assert!(!before[0].exists());
    // Somebody else's pruning is damage.
    let left = segments(dir.path());
    let bytes = fs::read(&left[0]).unwrap();
    fs::remove_file(&left[0]).unwrap();
    assert_eq!(verified(dir.path()).damage[0].seq, report.first_seq);
    fs::write(&left[0], bytes).unwrap();
    assert_eq!(verified(dir.path()).damage, []);
    let checkpoint = dir.path().join("j").join(CHECKPOINT);
    let mut bytes = fs::read(&checkpoint).unwrap();
    bytes[9] ^= 1;
    fs::write(&checkpoint, &bytes).unwrap();
    assert_eq!(verified(dir.path()).damage[0].file, CHECKPOINT);
    fs::remove_file(&checkpoint).unwrap();
    assert_eq!(verified(dir.path()).damage[0].seq, 1);
}

#[test]
fn r23_pruning_by_size_keeps_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, ..) = open(
        dir.path(),
        Limits {
            keep_bytes: 700,
            ..SMALL
        },
        0,
    );
    fill(&journal, 1..=30);
    assert!(journal.prune(Timestamp(0), u64::MAX).unwrap() > 0);
    let bytes: u64 = segments(dir.path())
        .iter()
        .map(|path| fs::metadata(path).unwrap().len())
        .sum();
    assert!((300..=700).contains(&bytes), "{bytes}");
    assert_eq!(journal.check().unwrap().damage, []);
    let newest: Vec<u64> = journal
        .read(Order::Newest, 0, u64::MAX)
        .take(2)
        .map(|entry| entry.unwrap().seq)
        .collect();
    assert_eq!(newest, [30, 29]);
}

#[test]
fn r23_reading_goes_both_ways_within_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, ..) = open(dir.path(), SMALL, 0);
    let mut newest = journal.newest();
    assert_eq!(
        (
            *newest.borrow_and_update(),
            journal.read(Order::Oldest, 0, u64::MAX).count()
        ),
        (0, 0)
    );
    fill(&journal, 1..=20);
    assert!(newest.has_changed().unwrap());
    assert_eq!(*newest.borrow_and_update(), 20);
    for (from, to) in [(0, u64::MAX), (1, 20), (5, 5), (4, 13), (13, 4), (20, 30), (21, 30)] {
        let wanted: Vec<u64> = (from.max(1)..=to.min(20)).collect();
        let got: Vec<u64> = journal
            .read(Order::Oldest, from, to)
            .map(|entry| entry.unwrap().seq)
            .collect();
        assert_eq!(got, wanted);
        let mut back: Vec<u64> = journal
            .read(Order::Newest, from, to)
            .map(|entry| entry.unwrap().seq)
            .collect();
        back.reverse();
        assert_eq!(back, wanted);
    }
    let entry = journal.read(Order::Oldest, 7, 7).next().unwrap().unwrap();
    assert_eq!(
        entry,
        OwnedEntry {
            seq: 7,
            at: Timestamp(7000),
            payload: b"entry 7".to_vec()
        }
    );
}

#[test]
fn r16_many_threads_get_numbers_of_their_own_and_all_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, ..) = open(
        dir.path(),
        Limits {
            segment_bytes: 20_000,
            ..SMALL
        },
        0,
    );
    let mut given: Vec<u64> = std::thread::scope(|scope| {
        let work = |thread: u64| {
            let journal = journal.clone();
            move || -> Vec<u64> {
                (0..200)
                    .map(|n| journal.append_wait(Timestamp(n), vec![thread as u8; 9]).unwrap())
                    .collect()
            }
        };
        let threads: Vec<_> = (0..8).map(|thread| scope.spawn(work(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    given.sort_unstable();
    assert_eq!(given, (1..=1600).collect::<Vec<_>>());
    drop(journal);
    assert_eq!(
        (verified(dir.path()).entries, verified(dir.path()).damage.len()),
        (1600, 0)
    );
}

#[tokio::test]
async fn r16_done_comes_after_the_disk_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, ..) = open(dir.path(), SMALL, 0);
    assert_eq!(journal.append_durable(Timestamp(1), b"a".to_vec()).await.unwrap(), 1);
    let (sent, mut got) = tokio::sync::mpsc::unbounded_channel();
    for n in 0..50_u8 {
        let (sent, newest) = (sent.clone(), journal.newest());
        let done: Done = Box::new(move |seq| sent.send((n, seq.unwrap(), *newest.borrow())).unwrap());
        journal.append(Timestamp(2), vec![n], Some(done));
    }
    for n in 0..50_u8 {
        let (which, seq, newest) = got.recv().await.unwrap();
        assert_eq!((which, seq), (n, u64::from(n) + 2));
        assert!(newest >= seq);
    }
    // Nobody waits for this one, yet it is written.
    let mut newest = journal.newest();
    journal.append(Timestamp(3), b"quiet".to_vec(), None);
    newest.wait_for(|seq| *seq == 52).await.unwrap();
    let (done, outcome) = oneshot::channel();
    journal.barrier(Box::new(move |seq| drop(done.send(seq))));
    assert_eq!(outcome.await.unwrap().unwrap(), 52);
    let panics: Done = Box::new(|_| panic!("a caller's mistake"));
    journal.append(Timestamp(4), b"x".to_vec(), Some(panics));
    assert_eq!(journal.append_durable(Timestamp(4), b"y".to_vec()).await.unwrap(), 54);
    let long = journal.append_durable(Timestamp(4), vec![0; PAYLOAD_MAX + 1]).await;
    assert!(matches!(long, Err(JournalError::TooLong(_))));
    assert_eq!(
        journal
            .append_durable(Timestamp(4), vec![0; PAYLOAD_MAX])
            .await
            .unwrap(),
        55
    );
    journal.append(Timestamp(5), b"last".to_vec(), None);
    journal.close();
    assert!(matches!(
        journal.append_durable(Timestamp(5), vec![1]).await,
        Err(JournalError::Closed)
    ));
    drop(journal);
    assert_eq!(
        (verified(dir.path()).last_seq, verified(dir.path()).damage.len()),
        (56, 0)
    );
}

#[test]
fn r21_a_journal_open_to_others_or_to_another_process_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, ..) = open(dir.path(), SMALL, 0);
    fill(&journal, 1..=2);
    let path = dir.path().join("j");
    for entry in fs::read_dir(&path).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    }
    let again = |limits| Journal::open(&path, &key(), limits, 0, &mut |_| {}).map(|_| ());
    assert!(matches!(again(SMALL), Err(OpenError::Locked(_))));
    drop(journal);
    assert!(again(SMALL).is_ok());
    fs::set_permissions(&segments(dir.path())[0], fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(again(SMALL), Err(OpenError::Permissions(_, 0o640, 0o600))));
    fs::set_permissions(&segments(dir.path())[0], fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
    assert!(matches!(again(SMALL), Err(OpenError::Permissions(_, 0o750, 0o700))));
}

#[test]
fn r16_a_segment_whose_head_was_not_written_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, ..) = open(dir.path(), SMALL, 0);
    fill(&journal, 1..=5);
    drop(journal);
    for len in [0, 10, record::HEAD_LEN] {
        let next = dir.path().join("j").join("00000000000000000006.jrn");
        fs::write(&next, vec![0; len]).unwrap();
        fs::set_permissions(&next, fs::Permissions::from_mode(0o600)).unwrap();
        let (journal, opening, seen) = open(dir.path(), SMALL, 0);
        assert_eq!(
            (numbers(&seen).len(), opening.next_seq, opening.damage.len()),
            (5, 6, 0)
        );
        assert!(!next.exists());
        drop(journal);
    }
    let (journal, ..) = open(dir.path(), SMALL, 0);
    fill(&journal, 6..=6);
    drop(journal);
    assert_eq!(verified(dir.path()).damage, []);
}

#[test]
fn r23_a_segment_of_which_nothing_is_readable_is_kept_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, ..) = open(dir.path(), SMALL, 0);
    fill(&journal, 1..=20);
    drop(journal);
    let last = segments(dir.path()).pop().unwrap();
    let len = fs::metadata(&last).unwrap().len() as usize;
    assert!(len > record::HEAD_LEN);
    fs::write(&last, vec![0xee; len]).unwrap();
    for _ in 0..2 {
        let (journal, opening, _) = open(dir.path(), SMALL, 0);
        assert!(!opening.damage.is_empty());
        journal.append_wait(Timestamp(1), vec![1]).unwrap();
    }
    assert!(!verified(dir.path()).damage.is_empty());
    assert!(last.with_extension("bad").exists());
}
