//! Tokens by serial number, hardware tokens by user, users without a token: from memory.

use std::time::{Duration, Instant};

use super::*;

fn printed(serial: &str, seed: &str) -> Token {
    Token {
        serial: serial.to_owned(),
        ..token(UserId(0), seed)
    }
}

fn begun(serial: &str, seed: &str) -> Token {
    Token {
        status: TokenStatus::Pending,
        source: TokenSource::Programmed(Programmed {
            profile: None,
            written: None,
        }),
        ..printed(serial, seed)
    }
}

fn with(store: &Store, serial: &str) -> Vec<(String, u64)> {
    let found = store.with_serial(serial).unwrap().into_iter();
    found.map(|(user, token)| (user.name, token.id.0)).collect()
}

fn named(name: &str, id: u64) -> (String, u64) {
    (name.to_owned(), id)
}

#[test]
fn tokens_are_found_by_serial_number_whatever_is_done_to_them() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    store
        .apply(vec![
            Change::AddUser(user("anna")),
            Change::AddToken(printed("AB-1", "1")),
            Change::AddToken(printed("", "2")),
            Change::AddUser(user("ben")),
            Change::AddToken(printed("ab-1", "3")),
            Change::AddToken(printed("AB-2", "4")),
        ])
        .unwrap();
    let check = |store: &Store| {
        assert_eq!(with(store, " ab-1"), [named("anna", 1), named("ben", 3)]);
        assert_eq!(with(store, "AB-2"), [named("ben", 4)]);
        assert_eq!(with(store, "AB"), []);
        assert_eq!(with(store, ""), [], "no serial number is not one");
    };
    check(&store);
    drop(store);
    let (store, _) = open(dir.path());
    check(&store);
    let changed = Token {
        id: TokenId(4),
        user: UserId(2),
        ..printed("AB-3", "4")
    };
    store
        .apply(vec![Change::PutToken(changed), Change::RemoveToken(TokenId(1))])
        .unwrap();
    assert_eq!(with(&store, "ab-1"), [named("ben", 3)]);
    assert_eq!(
        (with(&store, "AB-2"), with(&store, "AB-3")),
        (vec![], vec![named("ben", 4)])
    );
    store.apply(vec![Change::RemoveUser(UserId(2))]).unwrap();
    assert_eq!((with(&store, "ab-1"), with(&store, "AB-3")), (vec![], vec![]));
    assert_eq!(store.hardware("", false, 0, 9).unwrap().1, 0);
}

#[test]
fn hardware_tokens_stand_by_user_page_by_page() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let mut group = Vec::new();
    for name in ["carl", "anna", "ben"] {
        group.push(Change::AddUser(user(name)));
        for n in 0..3 {
            group.push(Change::AddToken(printed(
                &format!("{name}-{n}"),
                &format!("{name} {n}"),
            )));
            group.push(Change::AddToken(printed("", &format!("{name} app {n}"))));
        }
    }
    group.push(Change::AddToken(begun("P-1", "begun")));
    store.apply(group).unwrap();
    let page = |part: &str, begun, offset, limit| {
        let (page, total) = store.hardware(part, begun, offset, limit).unwrap();
        let page: Vec<_> = page
            .into_iter()
            .map(|(user, token)| format!("{user}/{}", token.serial))
            .collect();
        (page, total)
    };
    let all = [
        "anna/anna-0",
        "anna/anna-1",
        "anna/anna-2",
        "ben/ben-0",
        "ben/ben-1",
        "ben/ben-2",
        "ben/P-1",
        "carl/carl-0",
        "carl/carl-1",
        "carl/carl-2",
    ];
    assert_eq!(page("", false, 0, 100), (all.map(str::to_owned).to_vec(), 10));
    for (offset, limit) in [(0, 1), (1, 4), (2, 2), (5, 3), (6, 1), (9, 5), (10, 5), (3, 0)] {
        let wanted: Vec<String> = all
            .iter()
            .skip(offset)
            .take(limit)
            .map(|row| (*row).to_owned())
            .collect();
        assert_eq!(page("", false, offset, limit), (wanted, 10), "{offset}, {limit}");
    }
    assert_eq!(page("", true, 0, 9), (vec!["ben/P-1".to_owned()], 1));
    assert_eq!(page("p-1", false, 0, 9), (vec!["ben/P-1".to_owned()], 1));
    assert_eq!(page("ANNA", false, 1, 1), (vec!["anna/anna-1".to_owned()], 3));
    assert_eq!(page("molto", false, 0, 2).1, 10, "by model");
    assert_eq!(page("anna", true, 0, 9).1, 0);
    // The code has come: it is none of those that wait.
    let mut token = store.with_serial("P-1").unwrap().remove(0).1;
    token.status = TokenStatus::Active;
    store.apply(vec![Change::PutToken(token)]).unwrap();
    assert_eq!((page("", true, 0, 9).1, page("", false, 0, 9).1), (0, 10));
}

#[test]
fn users_without_a_token_that_counts_are_known() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let resync = Token {
        status: TokenStatus::Resync,
        ..printed("R", "resync")
    };
    store
        .apply(vec![
            Change::AddUser(user("active")),
            Change::AddToken(printed("", "1")),
            Change::AddUser(user("none")),
            Change::AddUser(user("pending")),
            Change::AddToken(begun("2", "2")),
            Change::AddUser(user("resync")),
            Change::AddToken(resync),
            Change::AddUser(User {
                exempt: true,
                ..user("exempt")
            }),
            Change::AddUser(User {
                enabled: false,
                ..user("disabled")
            }),
        ])
        .unwrap();
    let bare = |store: &Store, part: &str| -> Vec<String> {
        let (page, total) = store.search_without_token(part, 0, 100);
        assert_eq!(page.len(), total);
        page.into_iter().map(|(_, name)| name).collect()
    };
    assert_eq!(bare(&store, ""), ["none", "pending"]);
    assert_eq!(bare(&store, "n"), ["none", "pending"]);
    assert_eq!(bare(&store, "no"), ["none"]);
    assert_eq!(store.search_without_token("", 1, 1).0[0].1, "pending");
    drop(store);
    let (store, _) = open(dir.path());
    assert_eq!(bare(&store, ""), ["none", "pending"]);
    let mut token = store.with_serial("2").unwrap().remove(0).1;
    token.status = TokenStatus::Active;
    store
        .apply(vec![
            Change::PutToken(token),
            Change::RemoveToken(TokenId(1)),
            Change::PutUser(User {
                id: UserId(6),
                ..user("enabled")
            }),
        ])
        .unwrap();
    assert_eq!(bare(&store, ""), ["active", "enabled", "none", "resync"]);
}

/// 100,000 users: what a screen asks for with each key that is pressed.
#[test]
fn lists_over_many_users_take_no_time() {
    let mut index = super::super::index::Index::default();
    for n in 0..100_000_u64 {
        let mut one = user(&format!("user{n:06}@contoso.example"));
        one.id = UserId(n + 1);
        let mut token = printed(&format!("{n:013}"), "seed");
        token.id = TokenId(n + 1);
        if n % 10 == 0 {
            token.status = TokenStatus::Pending;
        }
        index.put(&Person {
            user: one,
            tokens: vec![token],
        });
    }
    let begun = Instant::now();
    assert_eq!(index.search("", true, 9_000, 100).1, 10_000);
    assert_eq!(index.hardware(false, 99_950, 100).0.len(), 50);
    assert_eq!(
        index
            .search_hardware("0000000000042", false)
            .into_iter()
            .map(|(_, user, token)| (user, token))
            .collect::<Vec<_>>(),
        [(UserId(43), TokenId(43))]
    );
    assert_eq!(index.with_serial("0000000000042"), [(TokenId(43), UserId(43))]);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}, unoptimised");
}
