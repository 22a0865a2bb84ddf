//! Vendors' tokens that nobody has yet: read from a file without users, given out by serial number.

use super::*;
use crate::control::{RowOutcome, RowResult, UnassignedInfo};
use crate::factors::second::hotp;
use crate::store::records::{Algorithm, HotpParameters, OtpParameters, TokenSource, TokenStatus};

const ANNA: &str = "anna@contoso.example";
const BEN: &str = "ben@contoso.example";

const COUNTED: HotpParameters = HotpParameters {
    algorithm: Algorithm::Sha1,
    digits: 6,
};

fn row(line: u64, user: &str, n: u8, serial: &str) -> ImportRow {
    ImportRow {
        line,
        user: user.to_owned(),
        serial: serial.to_owned(),
        seed: seed(n),
        parameters: OtpParameters::default(),
        counter: 0,
        model: "Token2 C301-i".to_owned(),
    }
}

async fn import(rig: &Rig, rows: Vec<ImportRow>) -> Vec<RowResult> {
    let batch = ImportBatch {
        rows,
        dry_run: true,
        active: false,
    };
    let report = |answer| match answer {
        Answer::Import(report) => report.results,
        other => panic!("{other:?}"),
    };
    let dry = report(rig.ok(Request::ImportBatch(batch.clone())).await);
    let wet = ImportBatch {
        dry_run: false,
        ..batch
    };
    let wet = report(rig.ok(Request::ImportBatch(wet)).await);
    assert_eq!(dry, wet, "a dry run says the same");
    wet
}

fn assign(user: &str, serial: &str, model: Option<&str>) -> Request {
    Request::TokenAssign(TokenAssign {
        user: user.to_owned(),
        serial: serial.to_owned(),
        model: model.map(str::to_owned),
    })
}

fn forget(serial: &str, model: Option<&str>) -> Request {
    Request::UnassignedRemove {
        serial: serial.to_owned(),
        model: model.map(str::to_owned),
    }
}

async fn list(rig: &Rig, search: &str) -> Vec<UnassignedInfo> {
    let page = PageAsk {
        search: search.to_owned(),
        offset: 0,
        limit: 1_000,
    };
    match rig.ok(Request::UnassignedList(page)).await {
        Answer::Unassigned(list) => {
            assert_eq!(list.tokens.len() as u64, list.total);
            list.tokens
        }
        other => panic!("{other:?}"),
    }
}

async fn both() -> Rig {
    let rig = Rig::open();
    rig.user(ANNA).await;
    rig.user(BEN).await;
    rig
}

fn outcomes(results: &[RowResult]) -> Vec<(u64, RowOutcome, bool)> {
    results.iter().map(|r| (r.line, r.outcome, r.unassigned)).collect()
}

use RowOutcome::{Added, Refused, Same};

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_user_are_kept_until_they_are_given_out() {
    let rig = both().await;
    rig.token(ANNA, Some(&seed(9)), true).await;
    import(&rig, vec![row(2, BEN, 8, "100")]).await;
    let eight = ImportRow {
        parameters: TotpParameters {
            digits: 8,
            ..TotpParameters::default()
        }
        .into(),
        ..row(9, "", 1, "101")
    };
    let rows = vec![
        row(2, "", 1, "101"),
        row(3, " ", 2, "102"),
        row(4, "", 3, ""),
        row(5, "", 1, "101"),
        row(6, "", 9, "106"),
        row(7, "", 4, "100"),
        row(8, "", 5, "101"),
        eight,
        row(10, ANNA, 6, "102"),
        row(11, ANNA, 7, "103"),
        ImportRow {
            counter: 5,
            ..row(12, "", 10, "112")
        },
    ];
    let wanted = [
        (2, Added, true),
        (3, Added, true),
        (4, Refused, false),
        (5, Same, true),
        (6, Refused, false),
        (7, Refused, false),
        (8, Refused, false),
        (9, Refused, false),
        (10, Refused, false),
        (11, Added, false),
        (12, Refused, false),
    ];
    let got = import(&rig, rows.clone()).await;
    assert_eq!(outcomes(&got), wanted);
    let note = |line: u64| got.iter().find(|r| r.line == line).unwrap().note.clone().unwrap();
    assert!(note(4).contains("neither a user nor a serial number"), "{}", note(4));
    assert!(
        note(6).contains(ANNA) && note(7).contains(BEN),
        "{} {}",
        note(6),
        note(7)
    );
    assert!(note(8).contains("line 2") && note(10).contains("line 3"));
    assert_eq!(
        rig.last_act().1,
        format!("11 rows: 3 added (2 unassigned), 1 there already, 7 refused, for {ANNA}")
    );
    let there = list(&rig, "").await;
    assert_eq!(
        there.iter().map(|one| one.serial.as_str()).collect::<Vec<_>>(),
        ["101", "102"]
    );
    assert_eq!(there[0].model, "Token2 C301-i");
    assert_eq!((list(&rig, "2").await.len(), list(&rig, "c301").await.len()), (2, 2));
    // The same file once more, after a restart: it is all there.
    let rig = rig.reopen();
    let again = import(&rig, rows).await;
    assert_eq!(again.iter().filter(|r| r.outcome == Added).count(), 0, "{again:?}");
    assert_eq!(again.iter().filter(|r| r.outcome == Same && r.unassigned).count(), 3);
    let other = import(&rig, vec![row(2, "", 20, "101")]).await;
    assert!(
        other[0].note.as_ref().is_some_and(|note| note.contains("another key")),
        "{other:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r16_a_token_is_given_out_once_and_counts_after_its_code() {
    let rig = both().await;
    import(&rig, vec![row(2, "", 1, "AB-1"), row(3, "", 2, "AB-2")]).await;
    rig.fails(FailureKind::NotFound, assign("carl@contoso.example", "AB-1", None))
        .await;
    rig.fails(FailureKind::NotFound, assign(ANNA, "AB", None)).await;
    rig.fails(FailureKind::NotFound, assign(ANNA, "AB-1", Some("C302-i")))
        .await;
    rig.fails(FailureKind::Usage, assign(ANNA, " ", None)).await;
    let given = token(rig.ok(assign(ANNA, " ab-1", None)).await);
    assert_eq!(
        (given.status, given.source, given.serial.as_str(), given.user.as_str()),
        (TokenStatus::Pending, TokenSource::File, "AB-1", ANNA)
    );
    let (word, target, _) = rig.last_act();
    assert_eq!(
        (word.as_str(), target),
        ("token assign", format!("{ANNA} #{} (Token2 C301-i AB-1)", given.id.0))
    );
    assert_eq!(rig.acts().pop().unwrap().users, [ANNA]);
    assert_eq!(list(&rig, "").await.len(), 1);
    let line = rig.fails(FailureKind::NotFound, assign(BEN, "AB-1", None)).await;
    assert!(line.contains(&format!("#{} of {ANNA}", given.id.0)), "{line}");
    // The key is with a user or with nobody.
    let line = rig
        .fails(FailureKind::Refused, token_add(BEN, Some(&seed(2)), true))
        .await;
    assert!(line.contains("unassigned token with serial number AB-2"), "{line}");
    let rig = rig.reopen();
    let confirm = |code: &Secret| Request::TokenConfirm {
        user: ANNA.to_owned(),
        code: code.clone(),
    };
    let right = code(&seed(1), 0);
    assert_eq!(token(rig.ok(confirm(&right)).await).status, TokenStatus::Active);
    rig.fails(FailureKind::Exists, confirm(&right)).await;
    // Removed, read in again, given to somebody else: the code stays spent.
    let remove = Request::TokenRemove {
        user: ANNA.to_owned(),
        id: given.id,
    };
    rig.ok(remove).await;
    import(&rig, vec![row(2, "", 1, "AB-1")]).await;
    rig.ok(assign(BEN, "AB-1", None)).await;
    let late = Request::TokenConfirm {
        user: BEN.to_owned(),
        code: right,
    };
    let line = rig.fails(FailureKind::Refused, late).await;
    assert!(line.contains("used already"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_users_gives_out_what_nobody_had() {
    let rig = both().await;
    import(
        &rig,
        vec![row(2, "", 1, "101"), row(3, "", 2, "102"), row(4, "", 3, "103")],
    )
    .await;
    let bare = ImportRow {
        model: String::new(),
        ..row(3, "carl@contoso.example", 2, "")
    };
    let rows = vec![
        row(2, ANNA, 1, "101"),
        bare,
        row(4, BEN, 3, "999"),
        row(5, BEN, 4, "103"),
    ];
    let got = import(&rig, rows).await;
    assert_eq!(
        outcomes(&got),
        [
            (2, Added, false),
            (3, Added, false),
            (4, Refused, false),
            (5, Refused, false)
        ]
    );
    assert!(got[1].user_made && got[2].note.as_ref().unwrap().contains("serial number 103"));
    let carl = rig.show("carl@contoso.example").await;
    assert_eq!(
        (carl.tokens[0].serial.as_str(), carl.tokens[0].model.as_str()),
        ("102", "Token2 C301-i")
    );
    assert_eq!(list(&rig, "").await.len(), 1);
    assert_eq!(rig.door.store.counts(), (3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_makers_print_the_same_number() {
    let rig = both().await;
    let other = ImportRow {
        model: "Fabrikam Key".to_owned(),
        ..row(3, "", 2, "101")
    };
    let got = import(&rig, vec![row(2, "", 1, "101"), other]).await;
    assert!(got.iter().all(|row| row.outcome == Added), "{got:?}");
    for request in [assign(ANNA, "101", None), forget("101", None)] {
        let line = rig.fails(FailureKind::Refused, request).await;
        assert!(line.contains("--model") && line.contains("'Fabrikam Key'"), "{line}");
    }
    let given = token(rig.ok(assign(ANNA, "101", Some("fabrikam key"))).await);
    assert_eq!(given.model, "Fabrikam Key");
    let line = done(rig.ok(forget("101", None)).await);
    assert!(line.contains("Token2 C301-i 101"), "{line}");
    assert_eq!(rig.last_act().1, "Token2 C301-i 101");
    rig.fails(FailureKind::NotFound, forget("102", None)).await;
    assert_eq!(list(&rig, "").await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn r16_a_counter_token_s_codes_before_its_counter_are_spent() {
    let rig = both().await;
    let counted = |user: &str, n, serial: &str| ImportRow {
        parameters: OtpParameters::Hotp(COUNTED),
        counter: 7,
        ..row(2, user, n, serial)
    };
    import(&rig, vec![counted("", 1, "101"), counted(BEN, 2, "102")]).await;
    // Without a clean end: nothing but the store knows of it.
    let Rig {
        ops,
        door,
        dir,
        _outbox,
    } = rig;
    drop((ops, door, _outbox));
    let rig = Rig::open_at(dir);
    let given = token(rig.ok(assign(ANNA, "101", None)).await);
    assert_eq!((given.counter, given.period), (Some(7), None));
    assert_eq!(rig.show(BEN).await.tokens[0].counter, Some(7));
    let confirm = |counter| Request::TokenConfirm {
        user: ANNA.to_owned(),
        code: Secret::from(hotp::code_at(&seed(1), &COUNTED, counter).as_str()),
    };
    rig.fails(FailureKind::Refused, confirm(6)).await;
    let active = token(rig.ok(confirm(7)).await);
    assert_eq!((active.status, active.counter), (TokenStatus::Active, Some(8)));
}

#[tokio::test(flavor = "multi_thread")]
async fn users_without_a_token_are_listed() {
    let rig = both().await;
    rig.token(ANNA, Some(&seed(1)), true).await;
    let names = async |without_token| {
        let search = UserSearch {
            search: String::new(),
            offset: 0,
            limit: 10,
            without_token,
        };
        match rig.ok(Request::UserList(search)).await {
            Answer::Users(list) => (
                list.users.into_iter().map(|user| user.name).collect::<Vec<_>>(),
                list.total,
            ),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(names(true).await, (vec![BEN.to_owned()], 1));
    assert_eq!(names(false).await.1, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_a_box_of_the_older_schema_is_copied_before_it_is_raised() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let store = state.join(crate::store::STORE_DIR);
    let files: [(&str, &[u8]); 3] = [
        ("db", include_bytes!("../../../store/tests/schema2/db")),
        ("conf", include_bytes!("../../../store/tests/schema2/conf")),
        ("mark", include_bytes!("../../../store/tests/schema2/mark")),
    ];
    for folder in [&state, &store, &store.join("blobs")] {
        std::fs::create_dir(folder).unwrap();
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    }
    let file = |path: std::path::PathBuf, bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    file(state.join(crate::seal::KEY_FILE), &[5; 32]);
    for (name, bytes) in files {
        file(store.join(name), bytes);
    }
    let copies = || match std::fs::read_dir(state.join(crate::store::COPIES_DIR)) {
        Ok(entries) => entries.count(),
        Err(_) => 0,
    };
    let rig = Rig::open_at(dir);
    assert_eq!((rig.door.store.counts(), copies()), ((3, 2), 1));
    let anna = rig.show(ANNA).await;
    assert_eq!(anna.tokens[0].source, TokenSource::File);
    let rig = rig.reopen();
    assert_eq!(copies(), 1, "once");
    // The raised store is damaged: the copy takes its place, and is raised in its turn.
    rig.door.close();
    let Rig { ops, door, dir, .. } = rig;
    drop((ops, door));
    let db = store.join("db");
    let whole = std::fs::read(&db).unwrap();
    std::fs::write(&db, &whole[..whole.len() / 2]).unwrap();
    let rig = Rig::open_at(dir);
    assert_eq!(rig.show(ANNA).await.tokens, anna.tokens);
    let operators = rig.door.store.operators();
    assert_eq!(
        (operators.len(), operators[0].enabled),
        (1, true),
        "the copy knows how far the journal went"
    );
}
