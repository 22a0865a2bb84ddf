//! Tokens that nobody has yet.

use super::*;

fn add(serial: &str, seed: &str) -> Change {
    Change::AddUnassigned(vendor(serial, seed, false))
}

fn serials(store: &Store, part: &str) -> Vec<String> {
    let (rows, total) = store.search_unassigned(part, 0, usize::MAX);
    assert_eq!(rows.len(), total);
    rows.into_iter().map(|row| row.serial).collect()
}

#[test]
fn r16_a_seed_is_with_a_user_or_with_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 1);
    store.apply(vec![add("1001", "a vendor's seed")]).unwrap();
    let taken = Err(StoreError::SeedUnassigned);
    assert_eq!(store.apply(vec![add("1002", "a vendor's seed")]), taken);
    let to_user = Change::AddToken(token(UserId(1), "a vendor's seed"));
    assert_eq!(store.apply(vec![to_user.clone()]), taken);
    let mut moved = store.token(TokenId(1)).unwrap().unwrap();
    moved.seed = Secret::from("a vendor's seed");
    assert_eq!(store.apply(vec![Change::PutToken(moved)]), taken);
    assert_eq!(
        store.apply(vec![add("1003", "seed number 00000")]),
        Err(StoreError::SeedTaken { user: UserId(1) })
    );
    let twice = vec![add("1004", "x"), Change::AddToken(token(UserId(1), "x"))];
    assert_eq!(store.apply(twice), taken);
    assert_eq!(store.spend(mark("a vendor's seed"), 1, 0), Spend::Unknown);
    assert_eq!(serials(&store, ""), ["1001"]);
    // Assigned: one group.
    let assign = vec![Change::RemoveUnassigned(mark("a vendor's seed")), to_user];
    let applied = store.apply(assign.clone()).unwrap();
    assert_eq!(applied.tokens, [TokenId(2)]);
    assert_eq!(serials(&store, ""), [""; 0]);
    assert_eq!(store.unassigned(mark("a vendor's seed")).unwrap(), None);
    assert_eq!(store.spend(mark("a vendor's seed"), 1, 0), Spend::Done);
    assert_eq!(
        store.apply(assign),
        Err(StoreError::NotFound("unassigned token")),
        "all or nothing"
    );
    // And back, with its last step.
    store
        .apply(vec![Change::RemoveToken(TokenId(2)), add("1001", "a vendor's seed")])
        .unwrap();
    assert_eq!(store.seed(mark("a vendor's seed")).unwrap().last_step, Some(1));
    let before = contents(&store);
    drop(store);
    assert_eq!(contents(&open(dir.path()).0), before);
}

#[test]
fn r16_codes_before_a_counter_are_spent_from_the_first_day_on() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 1);
    store
        .apply(vec![Change::AddUnassigned(vendor("1001", "a counter's seed", true))])
        .unwrap();
    let seed = mark("a counter's seed");
    assert_eq!(store.seed(seed).unwrap().last(), Some(4));
    drop(store);
    // The power fails: nothing was folded, no journal knows of it.
    let (store, _) = open(dir.path());
    assert_eq!(store.seed(seed).unwrap().last(), Some(4));
    let assign = vec![
        Change::RemoveUnassigned(seed),
        Change::AddToken(counter_token("a counter's seed")),
    ];
    store.apply(assign).unwrap();
    assert_eq!(store.spend(seed, 4, 0), Spend::Already { last_step: 4 });
    assert_eq!(store.spend(seed, 5, 0), Spend::Done);
    // A file with an older counter does not make spent codes good again.
    store
        .apply(vec![
            Change::RemoveToken(TokenId(2)),
            Change::AddUnassigned(vendor("1001", "a counter's seed", true)),
        ])
        .unwrap();
    assert_eq!(store.seed(seed).unwrap().last(), Some(5));
}

fn counter_token(seed: &str) -> Token {
    Token {
        parameters: OtpParameters::Hotp(HotpParameters {
            algorithm: Algorithm::Sha1,
            digits: 6,
        }),
        ..token(UserId(1), seed)
    }
}

#[test]
fn r16_a_declared_counter_is_lowered_again_down_to_what_was_spent() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 1);
    let seed = mark("a key");
    let add = |counter| {
        vec![
            Change::AddToken(counter_token("a key")),
            Change::BeginsAt(seed, counter),
        ]
    };
    store.apply(add(5_000_000)).unwrap();
    assert_eq!(store.spend(seed, 100, 0), Spend::Already { last_step: 4_999_999 });
    store.apply(vec![Change::RemoveToken(TokenId(2))]).unwrap();
    drop(store);
    let (store, _) = open(dir.path());
    store.apply(add(100)).unwrap();
    assert_eq!(store.spend(seed, 99, 0), Spend::Already { last_step: 99 });
    assert_eq!(store.spend(seed, 100, 0), Spend::Done);
    store.apply(vec![Change::RemoveToken(TokenId(3))]).unwrap();
    store.apply(add(0)).unwrap();
    assert_eq!(store.seed(seed).unwrap().last(), Some(100), "spent stays spent");
    assert_eq!(store.spend(seed, 100, 0), Spend::Already { last_step: 100 });
}

#[test]
fn r16_steps_of_the_time_are_no_counters_and_both_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 1);
    let (seed, now) = (mark("a key"), 58_000_000);
    let (by_time, by_counter) = (token(UserId(1), "a key"), counter_token("a key"));
    store.apply(vec![Change::AddToken(by_time.clone())]).unwrap();
    assert_eq!(store.spend(seed, now, 0), Spend::Done);
    store.apply(vec![Change::RemoveToken(TokenId(2))]).unwrap();
    store.apply(vec![Change::AddToken(by_counter.clone())]).unwrap();
    assert_eq!(store.spend(seed, 3, 0), Spend::Done, "the key is not dead");
    store.apply(vec![Change::RemoveToken(TokenId(3))]).unwrap();
    drop(store);
    let (store, _) = open(dir.path());
    store.apply(vec![Change::AddToken(by_time)]).unwrap();
    assert_eq!(store.spend(seed, now, 0), Spend::Already { last_step: now });
    store.apply(vec![Change::RemoveToken(TokenId(4))]).unwrap();
    store.apply(vec![Change::AddToken(by_counter)]).unwrap();
    // The journal's entries from before come again.
    store.raise_step(seed, now, 0);
    assert_eq!(store.spend(seed, 3, 0), Spend::Already { last_step: 3 });
    assert_eq!(store.spend(seed, 4, 0), Spend::Done);
}

#[test]
fn r20_a_stale_counter_token_waits_for_a_resync_whatever_way_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 1);
    let seed = mark("a key");
    store.make_stale(seed);
    store.fold(1).unwrap();
    drop(store);
    let (store, _) = open(dir.path());
    let active = Token {
        status: TokenStatus::Active,
        ..counter_token("a key")
    };
    store.apply(vec![Change::AddToken(active.clone())]).unwrap();
    let status = |id| store.token(TokenId(id)).unwrap().unwrap().status;
    assert_eq!((status(2), store.waiting_for_resync()), (TokenStatus::Resync, 1));
    let token = store.token(TokenId(2)).unwrap().unwrap();
    let put = Change::PutToken(Token {
        status: TokenStatus::Active,
        ..token
    });
    store.apply(vec![put.clone()]).unwrap();
    assert_eq!(status(2), TokenStatus::Resync);
    assert_eq!(store.search_without_token("", 0, 9).1, 0, "it is no lack of a token");
    store.apply(vec![Change::Resynced(seed), put]).unwrap();
    assert_eq!((status(2), store.waiting_for_resync()), (TokenStatus::Active, 0));
}

#[test]
fn r21_no_seed_of_a_token_of_nobody_lies_open_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    store
        .apply(vec![
            add("1001", "a vendor's own seed"),
            Change::PutSettings(Settings {
                issuer: String::new(),
                molto_key: Some(Secret::from("customer key of the house")),
            }),
        ])
        .unwrap();
    assert_eq!(
        store.settings().molto_key,
        Some(Secret::from("customer key of the house"))
    );
    drop(store);
    let db = std::fs::read(dir.path().join(STORE_DIR).join("db")).unwrap();
    for secret in ["a vendor's own seed", "customer key of the house"] {
        assert!(!db.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret}");
    }
    assert_eq!(
        open(dir.path()).0.settings().molto_key,
        Some(Secret::from("customer key of the house"))
    );
}

#[test]
fn tokens_of_nobody_are_found_by_serial_number_and_model() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let model = |serial: &str, seed: &str, model: &str| {
        Change::AddUnassigned(Unassigned {
            model: model.to_owned(),
            ..vendor(serial, seed, false)
        })
    };
    let mut group: Vec<Change> = (0..30)
        .map(|n| add(&format!("A-{n:02}"), &format!("seed {n:04}")))
        .collect();
    group.push(model("a-07", "another maker's", "Fabrikam Key"));
    store.apply(group).unwrap();
    let check = |store: &Store| {
        let (page, total) = store.search_unassigned("a-1", 2, 3);
        let page: Vec<_> = page.iter().map(|row| row.serial.as_str()).collect();
        assert_eq!((page, total), (vec!["A-12", "A-13", "A-14"], 10));
        assert_eq!(serials(store, "FABRIKAM"), ["a-07"]);
        assert_eq!(serials(store, "").len(), 31);
        let two = store.unassigned_with_serial(" a-07 ");
        assert_eq!(two.len(), 2);
        assert!(two.iter().all(|row| row.serial.eq_ignore_ascii_case("A-07")));
        assert_eq!(store.unassigned_with_serial("A-0"), []);
        let whole = store.unassigned(two[0].mark).unwrap().unwrap();
        assert_eq!((whole.mark, whole.model), (two[0].mark, two[0].model.clone()));
    };
    check(&store);
    drop(store);
    check(&open(dir.path()).0);
}

#[test]
fn r20_a_lost_or_doubled_token_of_nobody_proves_corruption() {
    for (what, text) in [("lost", "were counted"), ("doubled", "token 1 is nobody's too")] {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = open(dir.path());
        many(&store, 1);
        store.apply(vec![add("1001", "a vendor's seed")]).unwrap();
        let mut batch = sled::Batch::default();
        if what == "lost" {
            batch.remove(Key::Unassigned(mark("a vendor's seed")).bytes());
        } else {
            let double = Unassigned {
                mark: mark("seed number 00000"),
                ..vendor("1002", "seed number 00000", false)
            };
            let key = Key::Unassigned(double.mark).bytes();
            let value = codec::seal(&sealer(), &key, &double).unwrap();
            batch.insert(key, value);
        }
        store.0.disk.write(batch).unwrap();
        drop(store);
        match Store::open(&dir.path().join(STORE_DIR), &sealer()) {
            Err(OpenError::Corrupt(detail)) => assert!(detail.contains(text), "{detail}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}
