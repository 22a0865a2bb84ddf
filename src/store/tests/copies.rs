//! Copies, and recovery from them.

use std::fs;

use super::*;

fn filled(dir: &Path) -> Store {
    let (store, _) = open(dir);
    many(&store, 1200);
    store
        .apply(vec![
            Change::AddClient(client("vpn", 1)),
            Change::PutTenant(tenant("contoso.example")),
            Change::AddOperator(operator("anna", Role::Installer)),
            Change::AddUnassigned(vendor("86596221", "a vendor's seed", false)),
            Change::AddUnassigned(vendor("86596222", "a counter's seed", true)),
        ])
        .unwrap();
    store
        .apply(vec![Change::PutSettings(Settings {
            issuer: String::from("Contoso"),
            molto_key: Some(Secret::from("customer key of the house")),
        })])
        .unwrap();
    assert_eq!(store.spend(mark("seed number 00001"), 500, 1), Spend::Done);
    store
        .live_put(vec![Live {
            kind: 1,
            key: vec![9],
            value: Some(vec![8]),
        }])
        .unwrap();
    store.fold(42).unwrap();
    store
}

/// Damages the store so that it is proven corrupt.
fn damage(dir: &Path) {
    let db = dir.join(STORE_DIR).join("db");
    let whole = fs::read(&db).unwrap();
    fs::write(&db, &whole[..whole.len() / 2]).unwrap();
}

fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn r20_a_copy_brings_everything_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let before = contents(&store);
    let copy = dir.path().join("copy.sealed");
    store.copy_to(&copy, Timestamp(1234)).unwrap();
    assert_eq!(
        std::os::unix::fs::MetadataExt::mode(&fs::metadata(&copy).unwrap()) & 0o7777,
        0o600
    );
    let into = dir.path().join("other");
    assert_eq!(
        Store::restore_copy(&copy, &into, &sealer()).unwrap(),
        (Timestamp(1234), 42)
    );
    let (restored, opened) = Store::open(&into, &sealer()).unwrap();
    assert_eq!(contents(&restored), before);
    assert_eq!((opened.users, opened.tokens, opened.folded), (1200, 1200, 42));
    assert_eq!(restored.live_get(1, &[9]).unwrap(), Some(vec![8]));
    assert_eq!(
        opened.restored,
        Some(Restored {
            copy_at: Timestamp(1234),
            folded: 42
        })
    );
    let added = restored
        .apply(vec![Change::AddUser(user("next@contoso.example"))])
        .unwrap();
    assert_eq!(added.users, [UserId(1201)]);
    drop(restored);
    // It says where it came from until R20 is done.
    let (restored, opened) = Store::open(&into, &sealer()).unwrap();
    assert!(opened.restored.is_some());
    restored.settle_restore().unwrap();
    drop(restored);
    assert_eq!(Store::open(&into, &sealer()).unwrap().1.restored, None);
    let again = Store::restore_copy(&copy, &into, &sealer());
    assert!(matches!(again, Err(CopyError::Exists(_))));
}

#[test]
fn r20_a_cut_changed_or_foreign_copy_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let copy = dir.path().join("copy.sealed");
    store.copy_to(&copy, Timestamp(1)).unwrap();
    let whole = fs::read(&copy).unwrap();
    assert!(whole.len() > 2 * 64 * 1024, "several chunks");
    let into = dir.path().join("other");
    let before = entries(dir.path());
    let refused = |bytes: &[u8], sealer: &Sealer| {
        fs::write(&copy, bytes).unwrap();
        let error = Store::restore_copy(&copy, &into, sealer).unwrap_err();
        assert_eq!(entries(dir.path()), before, "{error}");
        error
    };
    let lens = (0..60)
        .chain((0..whole.len()).step_by(9_973))
        .chain(whole.len() - 40..whole.len());
    for len in lens {
        let error = refused(&whole[..len], &sealer());
        assert!(
            matches!(error, CopyError::Damaged(_) | CopyError::NotACopy(_)),
            "cut to {len}: {error}"
        );
    }
    for at in (0..whole.len()).step_by(4_999).chain(0..60) {
        let mut bad = whole.clone();
        bad[at] ^= 1;
        let error = refused(&bad, &sealer());
        match at {
            0..8 => assert!(matches!(error, CopyError::NotACopy(_))),
            8..16 => assert!(matches!(error, CopyError::WrongKey(_))),
            _ => assert!(matches!(error, CopyError::Damaged(_)), "byte {at}: {error}"),
        }
    }
    // Chunks left out or behind the end.
    let first = u32::from_be_bytes(whole[48..52].try_into().unwrap()) as usize;
    let without = [&whole[..48], &whole[52 + first..]].concat();
    assert!(matches!(refused(&without, &sealer()), CopyError::Damaged(_)));
    assert!(matches!(
        refused(&[&whole[..], b"x"].concat(), &sealer()),
        CopyError::Damaged(_)
    ));
    let other = Sealer::new(&MasterKey::from_bytes([6; 32]));
    assert!(matches!(refused(&whole, &other), CopyError::WrongKey(_)));
    fs::write(&copy, &whole).unwrap();
    Store::restore_copy(&copy, &into, &sealer()).unwrap();
}

#[test]
fn r20_a_corrupt_store_is_set_aside_and_the_newest_copy_that_opens_takes_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    for day in 1..=9 {
        store.copy_daily(dir.path(), Timestamp(day * 86_400_000)).unwrap();
    }
    let copies = entries(&dir.path().join(COPIES_DIR));
    assert_eq!(
        (copies.len(), copies[6].as_str()),
        (COPIES_KEPT, "store-0000777600000.sealed")
    );
    let kept = contents(&store);
    many_more(&store);
    drop(store);
    // The newest is damaged: the one before is taken.
    fs::write(dir.path().join(COPIES_DIR).join(&copies[6]), b"PSTNCPY1 but no more").unwrap();
    damage(dir.path());
    let (store, opened, recovered) = Store::open_or_recover(dir.path(), &sealer(), Timestamp(777)).unwrap();
    let recovered = recovered.unwrap();
    assert_eq!((recovered.copy_at, recovered.folded), (Timestamp(8 * 86_400_000), 42));
    assert_eq!(
        opened.restored,
        Some(Restored {
            copy_at: recovered.copy_at,
            folded: 42
        })
    );
    assert_eq!(contents(&store), kept);
    assert_eq!(recovered.set_aside, dir.path().join("store.corrupt-0000000000777"));
    assert!(recovered.set_aside.join("db").exists());
    drop(store);
    let (_, _, again) = Store::open_or_recover(dir.path(), &sealer(), Timestamp(778)).unwrap();
    assert_eq!(again, None);
}

fn many_more(store: &Store) {
    store
        .apply(vec![Change::AddUser(user("late@contoso.example"))])
        .unwrap();
}

#[test]
fn r20_without_a_copy_a_corrupt_store_stays_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    drop(filled(dir.path()));
    damage(dir.path());
    let before = entries(dir.path());
    let refused = Store::open_or_recover(dir.path(), &sealer(), Timestamp(777)).unwrap_err();
    assert!(matches!(refused, OpenError::NoCopy { .. }), "{refused}");
    assert_eq!(entries(dir.path()), before);
}

#[test]
fn r20_a_power_cut_between_the_renames_is_finished_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let kept = contents(&store);
    let copy = store.copy_daily(dir.path(), Timestamp(5)).unwrap();
    drop(store);
    Store::restore_copy(&copy, &dir.path().join("store.restored"), &sealer()).unwrap();
    fs::rename(
        dir.path().join(STORE_DIR),
        dir.path().join("store.corrupt-0000000000009"),
    )
    .unwrap();
    let (store, _, recovered) = Store::open_or_recover(dir.path(), &sealer(), Timestamp(10)).unwrap();
    assert_eq!(contents(&store), kept);
    assert_eq!(
        recovered.unwrap().set_aside,
        dir.path().join("store.corrupt-0000000000009")
    );
}

#[test]
fn r20_a_store_that_is_gone_is_damaged_and_not_new() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let kept = contents(&store);
    store.copy_daily(dir.path(), Timestamp(5)).unwrap();
    drop(store);
    fs::remove_dir_all(dir.path().join(STORE_DIR)).unwrap();
    let (store, _, recovered) = Store::open_or_recover(dir.path(), &sealer(), Timestamp(10)).unwrap();
    assert_eq!(contents(&store), kept);
    assert_eq!(recovered.unwrap().detail, "its files are missing");
    drop(store);
    // Without a copy: what was set aside, or a journal, tells that there was one.
    for trace in ["store.corrupt-0000000000009", "journal/00000000000000000001.jrn"] {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join(trace)).unwrap();
        let refused = Store::open_or_recover(dir.path(), &sealer(), Timestamp(10)).unwrap_err();
        assert!(matches!(refused, OpenError::NoCopy { .. }), "{refused}");
    }
    // What every new file system has tells nothing, whoever may look into it.
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("lost+found/found.jrn")).unwrap();
    fs::create_dir(dir.path().join("copies")).unwrap();
    let (_, opened, recovered) = Store::open_or_recover(dir.path(), &sealer(), Timestamp(10)).unwrap();
    assert_eq!((opened.users, recovered), (0, None));
}

#[test]
fn r20_a_store_that_cannot_be_looked_at_is_not_taken_for_gone() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    store.copy_daily(dir.path(), Timestamp(5)).unwrap();
    drop(store);
    let (place, aside) = (dir.path().join(STORE_DIR), dir.path().join("aside"));
    fs::rename(&place, &aside).unwrap();
    // A link to itself: no look at it is answered.
    std::os::unix::fs::symlink(STORE_DIR, &place).unwrap();
    let refused = Store::open_or_recover(dir.path(), &sealer(), Timestamp(777)).unwrap_err();
    assert!(matches!(refused, OpenError::Io(..)), "{refused}");
    fs::remove_file(&place).unwrap();
    fs::rename(&aside, &place).unwrap();
    let (store, opened, recovered) = Store::open_or_recover(dir.path(), &sealer(), Timestamp(778)).unwrap();
    assert_eq!((opened.users, recovered), (1200, None));
    drop(store);
}
