//! Stores and copies of earlier schemas. Those of schema 2 in `schema2/` are the bytes that the last posternd of that schema wrote: three
//! users, two tokens of Anna's, one that was removed from Ben, a client, a tenant, an operator, settings, spent steps folded up to 42.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::open::Meta;
use super::*;

const DB: &[u8] = include_bytes!("schema2/db");
const CONF: &[u8] = include_bytes!("schema2/conf");
const MARK: &[u8] = include_bytes!("schema2/mark");
const COPY: &[u8] = include_bytes!("schema2/copy.sealed");

/// Kind and key of a blob of the fixture.
const BLOB: (u8, &[u8]) = (1, &[9]);

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A state directory as the older posternd left it.
fn older(dir: &Path) {
    let store = dir.join(STORE_DIR);
    fs::create_dir(&store).unwrap();
    fs::set_permissions(&store, fs::Permissions::from_mode(0o700)).unwrap();
    fs::create_dir(store.join("blobs")).unwrap();
    fs::set_permissions(store.join("blobs"), fs::Permissions::from_mode(0o700)).unwrap();
    for (name, bytes) in [("db", DB), ("conf", CONF), ("mark", MARK)] {
        write(&store.join(name), bytes);
    }
}

/// What stands in the fixture, as it is read now.
fn expected() -> Contents {
    let id = |id, user| User { id: UserId(id), ..user };
    let anna = UserId(1);
    let hash = |seed: &str, id: u64, token: Token| Token {
        id: TokenId(id),
        user: anna,
        mark: mark(seed),
        ..token
    };
    let seed = |seed: &str, token: Option<u64>, user: u64, last_step, drift| {
        let state = SeedState {
            token: token.map(TokenId),
            user: Some(UserId(user)),
            last_step,
            drift,
            ..SeedState::default()
        };
        (mark(seed), state)
    };
    let mut seeds = vec![
        seed("seed number 00001", Some(1), 1, Some(1000), 2),
        seed("seed number 00002", Some(2), 1, None, 0),
        seed("seed number 00003", None, 2, Some(900), -1),
    ];
    seeds.sort_by_key(|(mark, _)| *mark);
    let eight = TotpParameters {
        algorithm: Algorithm::Sha256,
        digits: 8,
        period: 60,
    };
    Contents {
        users: vec![
            User {
                generation: 3,
                ..id(1, user("anna@contoso.example"))
            },
            User {
                generation: 3,
                enabled: false,
                exempt: true,
                local_password: None,
                ..id(2, user("ben@contoso.example"))
            },
            User {
                generation: 1,
                ..id(3, user("carl@contoso.example"))
            },
        ],
        tokens: vec![
            // One with a serial number came from a file, one without from an app.
            Token {
                source: TokenSource::File,
                ..hash("seed number 00001", 1, token(anna, "seed number 00001"))
            },
            Token {
                serial: String::new(),
                model: String::new(),
                status: TokenStatus::Pending,
                parameters: eight.into(),
                source: TokenSource::App,
                ..hash("seed number 00002", 2, token(anna, "seed number 00002"))
            },
        ],
        clients: vec![Client {
            id: ClientId(1),
            generation: 1,
            ..client("vpn", 1)
        }],
        tenants: vec![Tenant {
            generation: 1,
            ..tenant("contoso.example")
        }],
        operators: vec![Operator {
            id: OperatorId(1),
            generation: 1,
            ..operator("otto", Role::Installer)
        }],
        settings: Settings {
            issuer: String::from("Contoso"),
            molto_key: None,
        },
        seeds,
        unassigned: Vec::new(),
    }
}

fn schema(store: &Store) -> u32 {
    let meta = store.0.disk.get(codec::META).unwrap().unwrap();
    codec::decode::<Meta>(&meta).unwrap().schema
}

#[test]
fn a_store_of_schema_2_is_read_whole_and_raised_with_its_first_change() {
    let dir = tempfile::tempdir().unwrap();
    older(dir.path());
    for _ in 0..2 {
        let (store, opened) = open(dir.path());
        assert_eq!(
            (opened.schema, opened.users, opened.tokens, opened.folded),
            (2, 3, 2, 42)
        );
        assert_eq!(contents(&store), expected());
        assert_eq!(store.live_get(BLOB.0, BLOB.1).unwrap(), Some(vec![8]));
        assert_eq!(schema(&store), 2, "looking changes nothing");
    }
    let (store, _) = open(dir.path());
    let added = store
        .apply(vec![
            Change::AddToken(token(UserId(3), "seed number 00004")),
            Change::AddUnassigned(vendor("86596221", "a vendor's seed", false)),
        ])
        .unwrap();
    assert_eq!(added.tokens, [TokenId(4)], "no number is given twice");
    assert_eq!(schema(&store), SCHEMA);
    let before = contents(&store);
    drop(store);
    let (store, opened) = open(dir.path());
    assert_eq!((opened.schema, opened.tokens), (SCHEMA, 3));
    assert_eq!(contents(&store), before, "records of both versions side by side");
    let anna = store.0.disk.get(&Key::User(UserId(1)).bytes()).unwrap().unwrap();
    let carl = store.0.disk.get(&Key::User(UserId(3)).bytes()).unwrap().unwrap();
    assert_eq!((anna[0], carl[0]), (1, 2));
    // Spent codes stay spent through all of it (R16).
    assert_eq!(
        store.spend(mark("seed number 00001"), 1000, 0),
        Spend::Already { last_step: 1000 }
    );
    assert_eq!(store.seed(mark("seed number 00003")).unwrap().last_step, Some(900));
}

#[test]
fn r20_a_copy_that_the_older_posternd_reads_is_made_before_the_schema_is_raised() {
    let dir = tempfile::tempdir().unwrap();
    older(dir.path());
    let (store, _) = open(dir.path());
    let live = Live {
        kind: BLOB.0,
        key: BLOB.1.to_vec(),
        value: Some(vec![7, 7]),
    };
    let copy = store.copy_before_raise(dir.path(), Timestamp(5), &live).unwrap();
    let copy = copy.expect("no copy was made");
    assert_eq!(schema(&store), 2);
    store.raise_schema().unwrap();
    assert_eq!(schema(&store), SCHEMA);
    assert_eq!(store.copy_before_raise(dir.path(), Timestamp(6), &live).unwrap(), None);
    assert_eq!(contents(&store), expected());
    // Each record of the copy is the older posternd's own, but for the blob that was asked for.
    let read = |path: &Path| {
        let mut records = std::collections::BTreeMap::new();
        copy::read_copy(path, &sealer(), &mut |key, value| {
            records.insert(key.to_vec(), value.to_vec());
            Ok(())
        })
        .unwrap();
        records
    };
    let theirs = dir.path().join("theirs.sealed");
    write(&theirs, COPY);
    let mut wanted = read(&theirs);
    let blob = Key::Live(BLOB.0, BLOB.1).bytes();
    assert_eq!(wanted.insert(blob, vec![1, 7, 7]), Some(vec![1, 8]));
    assert_eq!(read(&copy), wanted);
    // And it brings everything back here too.
    let into = dir.path().join("other");
    Store::restore_copy(&copy, &into, &sealer()).unwrap();
    let (restored, opened) = Store::open(&into, &sealer()).unwrap();
    assert_eq!((opened.schema, contents(&restored)), (2, expected()));
}

#[test]
fn r20_a_copy_of_schema_2_is_restored() {
    let dir = tempfile::tempdir().unwrap();
    older(dir.path());
    fs::create_dir(dir.path().join(COPIES_DIR)).unwrap();
    write(&dir.path().join(COPIES_DIR).join("store-0000000001234.sealed"), COPY);
    fs::write(dir.path().join(STORE_DIR).join("db"), &DB[..DB.len() / 2]).unwrap();
    let (store, opened, recovered) = Store::open_or_recover(dir.path(), &sealer(), Timestamp(9)).unwrap();
    let recovered = recovered.expect("not recovered");
    assert_eq!((recovered.copy_at, recovered.folded), (Timestamp(1234), 42));
    assert_eq!((opened.schema, contents(&store)), (2, expected()));
    store.settle_restore().unwrap();
    assert_eq!(schema(&store), SCHEMA);
}

#[test]
fn r21_a_record_s_bytes_are_not_taken_for_those_of_another_version() {
    for (make, from, to) in [(older as fn(&Path), 1, 2), (newer, 2, 1)] {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path());
        let raw = disk::prepare(&dir.path().join(STORE_DIR), None)
            .unwrap()
            .open()
            .unwrap();
        let key = Key::User(UserId(3)).bytes();
        let mut value = raw.get(&key).unwrap().unwrap().to_vec();
        assert_eq!(value[0], from);
        value[0] = to;
        let mut batch = sled::Batch::default();
        batch.insert(key, value);
        raw.write(batch).unwrap();
        drop(raw);
        let refused = Store::open(&dir.path().join(STORE_DIR), &sealer());
        assert!(matches!(refused, Err(OpenError::Corrupt(what)) if what == "user 3 does not open"));
    }
}

/// Three users, written now.
fn newer(dir: &Path) {
    many(&open(dir).0, 3);
}

#[test]
fn a_store_of_schema_1_is_read_and_raised_too() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 3);
    let before = contents(&store);
    drop(store);
    let made = disk::prepare(&dir.path().join(STORE_DIR), None)
        .unwrap()
        .open()
        .unwrap();
    let mut batch = sled::Batch::default();
    let meta = Meta {
        schema: 1,
        key_id: sealer().key_id(),
    };
    batch.insert(codec::META, codec::encode(&meta).unwrap());
    let counters = (3_u64, 3_u64, 0_u64, 3_u64, 3_u64, 0_u64, 0_u64, 1_u64);
    batch.insert(codec::COUNTERS, codec::encode(&counters).unwrap());
    made.write(batch).unwrap();
    drop(made);
    let (store, opened) = open(dir.path());
    assert_eq!((opened.schema, contents(&store)), (1, before));
    store
        .apply(vec![Change::AddOperator(operator("anna", Role::Installer))])
        .unwrap();
    drop(store);
    let (store, opened) = open(dir.path());
    assert_eq!((opened.schema, store.operators().len()), (SCHEMA, 1));
}
