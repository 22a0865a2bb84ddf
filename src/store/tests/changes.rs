//! Changes, steps, folding.

use super::*;

#[test]
fn r16_a_step_is_spent_once_among_many_threads() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 4);
    for step in 1..=50 {
        let done: usize = std::thread::scope(|scope| {
            let one = || {
                (0..4)
                    .filter(|n| store.spend(mark(&format!("seed number {n:05}")), step, 1) == Spend::Done)
                    .count()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(done, 4, "step {step}");
    }
    assert_eq!(
        store.spend(mark("seed number 00000"), 50, 0),
        Spend::Already { last_step: 50 }
    );
    assert_eq!(
        store.spend(mark("seed number 00000"), 49, 0),
        Spend::Already { last_step: 50 }
    );
    assert_eq!(store.spend(mark("nobody's seed"), 1, 0), Spend::Unknown);
    let state = store.seed(mark("seed number 00003")).unwrap();
    assert_eq!(
        (state.last_step, state.drift, state.user),
        (Some(50), 1, Some(UserId(4)))
    );
}

#[test]
fn r16_a_seed_keeps_its_last_step_when_its_token_goes_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 2);
    let seed = "seed number 00000";
    assert_eq!(store.spend(mark(seed), 100, -1), Spend::Done);
    let gone = store.apply(vec![Change::RemoveToken(TokenId(1))]).unwrap();
    assert_eq!(gone, Applied::default());
    let kept = SeedState {
        token: None,
        user: Some(UserId(1)),
        last_step: Some(100),
        drift: -1,
        ..SeedState::default()
    };
    assert_eq!(store.seed(mark(seed)), Some(kept));
    assert_eq!(store.spend(mark(seed), 101, 0), Spend::Unknown, "no token has it");
    drop(store);
    let (store, opened) = open(dir.path());
    assert_eq!((opened.users, opened.tokens), (2, 1));
    assert_eq!(store.seed(mark(seed)), Some(kept), "on the disk with the removal");
    let back = store.apply(vec![Change::AddToken(token(UserId(2), seed))]).unwrap();
    assert_eq!(back.tokens, [TokenId(3)], "no number is given twice");
    assert_eq!(store.spend(mark(seed), 100, 0), Spend::Already { last_step: 100 });
    store.apply(vec![Change::RemoveUser(UserId(2))]).unwrap();
    assert_eq!(store.seed(mark(seed)).unwrap().last_step, Some(100));
    assert_eq!(store.tokens_of(UserId(2)).unwrap(), []);
    assert_eq!(store.counts(), (1, 0));
    drop(store);
    let (store, _) = open(dir.path());
    let added = store.apply(vec![Change::AddUser(user("new@contoso.example"))]).unwrap();
    assert_eq!(added.users, [UserId(3)], "no number is given twice");
    assert_eq!(store.seed(mark(seed)).unwrap().last_step, Some(100));
}

#[test]
fn r16_one_seed_under_two_users_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 2);
    let taken = Err(StoreError::SeedTaken { user: UserId(1) });
    assert_eq!(
        store.apply(vec![Change::AddToken(token(UserId(2), "seed number 00000"))]),
        taken
    );
    assert_eq!(
        store.apply(vec![Change::AddToken(token(UserId(1), "seed number 00000"))]),
        taken
    );
    let mut moved = store.token(TokenId(2)).unwrap().unwrap();
    moved.seed = Secret::from("seed number 00000");
    assert_eq!(store.apply(vec![Change::PutToken(moved.clone())]), taken);
    moved.user = UserId(1);
    assert_eq!(store.apply(vec![Change::PutToken(moved)]), Err(StoreError::OtherUser));
    let twice = vec![
        Change::AddToken(token(UserId(1), "x")),
        Change::AddToken(token(UserId(2), "x")),
    ];
    assert_eq!(store.apply(twice), taken);
    assert_eq!(store.seed(mark("x")), None);
    // In one group a seed may change hands.
    let group = vec![
        Change::RemoveToken(TokenId(1)),
        Change::AddToken(token(UserId(2), "seed number 00000")),
    ];
    store.apply(group).unwrap();
    assert_eq!(store.seed(mark("seed number 00000")).unwrap().user, Some(UserId(2)));
    assert_eq!(store.tokens_of(UserId(2)).unwrap().len(), 2);
}

#[test]
fn a_new_seed_in_a_token_frees_the_old_one_and_sets_the_mark() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 1);
    let mut changed = store.tokens_of(UserId(1)).unwrap().remove(0);
    assert_eq!(changed.mark, mark("seed number 00000"), "the store sets the mark");
    changed.seed = Secret::from("another seed");
    store.apply(vec![Change::PutToken(changed)]).unwrap();
    assert_eq!(store.token(TokenId(1)).unwrap().unwrap().mark, mark("another seed"));
    assert_eq!(store.seed(mark("seed number 00000")).unwrap().token, None);
    assert_eq!(store.seed(mark("another seed")).unwrap().token, Some(TokenId(1)));
}

#[test]
fn r16_folding_keeps_steps_and_position_and_replay_only_raises() {
    let dir = tempfile::tempdir().unwrap();
    let (store, opened) = open(dir.path());
    assert_eq!((opened.folded, store.folded()), (0, 0));
    many(&store, 2500);
    for n in 0..2500 {
        assert_eq!(
            store.spend(mark(&format!("seed number {n:05}")), 1000 + n, 1),
            Spend::Done
        );
    }
    store.fold(77).unwrap();
    store.fold(70).unwrap();
    assert_eq!(store.folded(), 77);
    assert_eq!(store.spend(mark("seed number 00000"), 9999, 0), Spend::Done);
    let before = contents(&store);
    drop(store);
    let (store, opened) = open(dir.path());
    assert_eq!((opened.folded, store.folded()), (77, 77));
    assert_eq!(store.seed(mark("seed number 00007")).unwrap().last_step, Some(1007));
    assert_eq!(
        store.seed(mark("seed number 00000")).unwrap().last_step,
        Some(1000),
        "not folded: the journal's part"
    );
    store.raise_step(mark("seed number 00000"), 9999, 0);
    store.raise_step(mark("seed number 00000"), 500, 1);
    store.raise_step(mark("a seed of a lost token"), 44, 0);
    assert_eq!(
        store.seed(mark("seed number 00000")),
        before
            .seeds
            .iter()
            .find(|s| s.0 == mark("seed number 00000"))
            .map(|s| s.1)
    );
    store.fold(78).unwrap();
    drop(store);
    let (store, _) = open(dir.path());
    assert_eq!(store.seed(mark("a seed of a lost token")).unwrap().last_step, Some(44));
    store
        .apply(vec![Change::AddToken(token(UserId(1), "a seed of a lost token"))])
        .unwrap();
    assert_eq!(
        store.spend(mark("a seed of a lost token"), 44, 0),
        Spend::Already { last_step: 44 }
    );
}

#[test]
fn blobs_are_read_back_before_and_after_folding() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let live = |key: &str, value: Option<&str>| Live {
        kind: 3,
        key: key.as_bytes().to_vec(),
        value: value.map(|value| value.as_bytes().to_vec()),
    };
    let text = |found: Vec<(Vec<u8>, Vec<u8>)>| -> Vec<(String, String)> {
        found
            .into_iter()
            .map(|(k, v)| (String::from_utf8(k).unwrap(), String::from_utf8(v).unwrap()))
            .collect()
    };
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    store
        .live_put(vec![
            live("b", Some("1")),
            live("a", Some("2")),
            Live {
                kind: 4,
                ..live("a", Some("other"))
            },
        ])
        .unwrap();
    assert_eq!(text(store.live_scan(3).unwrap()), [pair("a", "2"), pair("b", "1")]);
    store.fold(1).unwrap();
    store
        .live_put(vec![live("b", None), live("c", Some("")), live("a", Some("3"))])
        .unwrap();
    assert_eq!(text(store.live_scan(3).unwrap()), [pair("a", "3"), pair("c", "")]);
    assert_eq!(
        (store.live_get(3, b"a").unwrap(), store.live_get(3, b"b").unwrap()),
        (Some(b"3".to_vec()), None)
    );
    drop(store);
    let (store, _) = open(dir.path());
    assert_eq!(
        text(store.live_scan(3).unwrap()),
        [pair("a", "2"), pair("b", "1")],
        "what was not folded is the journal's part"
    );
    store.live_put(vec![live("b", None)]).unwrap();
    store.fold(2).unwrap();
    drop(store);
    let (store, _) = open(dir.path());
    assert_eq!(text(store.live_scan(3).unwrap()), [pair("a", "2")]);
    assert_eq!(store.live_get(4, b"a").unwrap(), Some(b"other".to_vec()));
    assert_eq!(
        store.live_put(vec![live(&"k".repeat(256), None)]),
        Err(StoreError::TooLong)
    );
    assert_eq!(
        store.live_put(vec![live("k", Some(&"v".repeat(60_001)))]),
        Err(StoreError::TooLong)
    );
}

#[test]
fn a_group_is_made_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 3);
    let before = contents(&store);
    let (good, bad) = (user("new@contoso.example"), user("user00001@contoso.example"));
    let refused = store.apply(vec![
        Change::AddUser(good.clone()),
        Change::RemoveUser(UserId(1)),
        Change::AddClient(client("vpn", 1)),
        Change::PutTenant(tenant("contoso.example")),
        Change::AddUser(bad),
    ]);
    assert_eq!(refused, Err(StoreError::NameTaken));
    assert_eq!(contents(&store), before);
    let long = User {
        name: "n".repeat(70_000),
        ..good
    };
    assert_eq!(
        store.apply(vec![Change::RemoveUser(UserId(1)), Change::AddUser(long)]),
        Err(StoreError::TooLong)
    );
    for missing in [
        Change::PutUser(User {
            id: UserId(9),
            ..user("x")
        }),
        Change::RemoveUser(UserId(9)),
        Change::AddToken(token(UserId(9), "x")),
        Change::AddToken(token(UserId(0), "x")),
        Change::PutToken(token(UserId(1), "x")),
        Change::RemoveToken(TokenId(9)),
        Change::PutClient(client("x", 9)),
        Change::RemoveClient(ClientId(9)),
        Change::RemoveTenant(String::from("x")),
    ] {
        let refused = store.apply(vec![missing.clone()]);
        assert!(
            matches!(refused, Err(StoreError::NotFound(_))),
            "{missing:?}: {refused:?}"
        );
    }
    assert_eq!(contents(&store), before);
    drop(store);
    assert_eq!(contents(&open(dir.path()).0), before);
}

#[test]
fn names_may_be_swapped_and_taken_over_within_a_group() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    store
        .apply(vec![
            Change::AddUser(user("a")),
            Change::AddUser(user("b")),
            Change::AddUser(user("c")),
        ])
        .unwrap();
    let named = |id: u64, name: &str| {
        Change::PutUser(User {
            id: UserId(id),
            ..user(name)
        })
    };
    store
        .apply(vec![
            named(1, "x"),
            named(2, "a"),
            named(1, "b"),
            Change::RemoveUser(UserId(3)),
            Change::AddUser(user("c")),
        ])
        .unwrap();
    let find = |store: &Store, name: &str| store.user_named(name).unwrap().map(|user| user.id.0);
    let check = |store: &Store| {
        let found = ["a", "b", "c", "x"].map(|name| find(store, name));
        assert_eq!(found, [Some(2), Some(1), Some(4), None]);
        assert_eq!(store.search("", 0, 9).1, 3);
    };
    check(&store);
    drop(store);
    check(&open(dir.path()).0);
}

#[test]
fn r9_a_generation_grows_with_user_and_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 2);
    let id = UserId(1);
    let mut last = store.generation(id).unwrap();
    let other = store.generation(UserId(2));
    let mut grown = |change| {
        store.apply(vec![change]).unwrap();
        let now = store.generation(id).unwrap();
        assert!(now > last, "{now} after {last}");
        assert_eq!(store.user(id).unwrap().unwrap().generation, now);
        last = now;
    };
    grown(Change::PutUser(User {
        id,
        enabled: false,
        ..user("user00000@contoso.example")
    }));
    grown(Change::AddToken(token(id, "second")));
    grown(Change::PutToken(Token {
        id: TokenId(3),
        status: TokenStatus::Pending,
        ..token(id, "second")
    }));
    grown(Change::RemoveToken(TokenId(1)));
    assert_eq!(store.generation(UserId(2)), other);
    assert_eq!(
        store
            .tokens_of(id)
            .unwrap()
            .iter()
            .map(|token| token.id.0)
            .collect::<Vec<_>>(),
        [3]
    );
    assert_eq!(store.generation(UserId(7)), None);
}

#[test]
fn clients_and_tenants_are_unique_and_snapshots_follow() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let old = store.clients();
    let added = store
        .apply(vec![
            Change::AddClient(client("vpn", 1)),
            Change::AddClient(client("wifi", 2)),
        ])
        .unwrap();
    assert_eq!(added.clients, [ClientId(1), ClientId(2)]);
    assert_eq!((old.len(), store.clients().len()), (0, 2));
    assert_eq!(
        store.apply(vec![Change::AddClient(client("vpn", 3))]),
        Err(StoreError::ClientNameTaken)
    );
    assert_eq!(
        store.apply(vec![Change::AddClient(client("x", 2))]),
        Err(StoreError::NetTaken)
    );
    let renamed = Client {
        id: ClientId(2),
        ..client("vpn", 2)
    };
    assert_eq!(
        store.apply(vec![Change::PutClient(renamed)]),
        Err(StoreError::ClientNameTaken)
    );
    store
        .apply(vec![Change::PutClient(Client {
            id: ClientId(2),
            ..client("lan", 2)
        })])
        .unwrap();
    assert_eq!(
        (store.clients()[1].name.as_str(), store.clients()[1].generation),
        ("lan", 2)
    );
    let settings = Settings {
        issuer: String::from("Contoso"),
        molto_key: None,
    };
    store
        .apply(vec![
            Change::PutTenant(tenant("b.example")),
            Change::PutTenant(tenant("a.example")),
        ])
        .unwrap();
    store
        .apply(vec![
            Change::PutTenant(tenant("b.example")),
            Change::PutSettings(settings.clone()),
        ])
        .unwrap();
    let domains = |store: &Store| -> Vec<(String, u64)> {
        store
            .tenants()
            .iter()
            .map(|tenant| (tenant.domain.clone(), tenant.generation))
            .collect()
    };
    assert_eq!(
        domains(&store),
        [(String::from("a.example"), 1), (String::from("b.example"), 2)]
    );
    store
        .apply(vec![
            Change::RemoveTenant(String::from("a.example")),
            Change::RemoveClient(ClientId(1)),
        ])
        .unwrap();
    let before = contents(&store);
    drop(store);
    let (store, _) = open(dir.path());
    assert_eq!(contents(&store), before);
    assert_eq!(store.settings().issuer, "Contoso");
    assert_eq!(
        store.apply(vec![Change::AddClient(client("vpn", 1))]).unwrap().clients,
        [ClientId(3)]
    );
}

#[test]
fn search_finds_by_part_and_counts_all() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 30);
    let (page, total) = store.search("0002", 1, 3);
    assert_eq!(total, 11);
    assert_eq!(
        page.iter().map(|(_, name)| &name[..9]).collect::<Vec<_>>(),
        ["user00020", "user00021", "user00022"]
    );
    assert_eq!(
        (store.search("", 29, 5).0.len(), store.search("nobody", 0, 5).1),
        (1, 0)
    );
    assert_eq!(store.user_named("user00002").unwrap(), None, "a part is not the name");
    assert_eq!(
        store.user_named("user00002@contoso.example").unwrap().unwrap().id,
        UserId(3)
    );
}
