//! Token files, a batch at a time.

use super::*;
use crate::control::{RowOutcome, RowResult};
use crate::store::records::TokenStatus;

const ANNA: &str = "anna@contoso.example";

fn row(line: u64, user: &str, key: &Secret, serial: &str) -> ImportRow {
    ImportRow {
        line,
        user: user.to_owned(),
        serial: serial.to_owned(),
        seed: key.clone(),
        parameters: crate::store::records::OtpParameters::default(),
        counter: 0,
        model: "Contoso HardwareKey".to_owned(),
    }
}

fn batch(rows: Vec<ImportRow>, dry_run: bool) -> Request {
    Request::ImportBatch(ImportBatch {
        rows,
        dry_run,
        active: true,
    })
}

fn results(answer: Answer) -> Vec<RowResult> {
    match answer {
        Answer::Import(report) => report.results,
        other => panic!("{other:?}"),
    }
}

fn outcomes(results: &[RowResult]) -> Vec<(u64, RowOutcome, bool)> {
    results.iter().map(|r| (r.line, r.outcome, r.user_made)).collect()
}

use RowOutcome::{Added, Refused, Same};

#[tokio::test(flavor = "multi_thread")]
async fn each_row_is_written_or_refused_for_itself() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    rig.token(ANNA, Some(&seed(1)), true).await;
    let eight = ImportRow {
        parameters: TotpParameters {
            digits: 8,
            ..TotpParameters::default()
        }
        .into(),
        ..row(12, ANNA, &seed(1), "")
    };
    let rows = vec![
        row(2, "Ben@Contoso.example", &seed(2), "100"),
        row(3, ANNA, &seed(3), "101"),
        // A second token of a user made above, behind a row of somebody else.
        row(4, "ben@contoso.example", &seed(4), "102"),
        row(5, ANNA, &seed(1), ""),
        row(6, "carl@contoso.example", &seed(1), "103"),
        row(7, "carl@contoso.example", &seed(2), "104"),
        row(8, "ben@contoso.example", &seed(2), "100"),
        row(9, "not a name", &seed(5), "105"),
        row(10, "carl@contoso.example", &Secret::new(vec![5; 9]), "106"),
        row(11, "carl@contoso.example", &seed(6), "100"),
        eight,
        row(13, "carl@contoso.example", &Secret::new(vec![7; 10]), "107"),
        row(14, "carl@contoso.example", &Secret::new(vec![0; 20]), "108"),
    ];
    let expected = [
        (2, Added, true),
        (3, Added, false),
        (4, Added, false),
        (5, Same, false),
        (6, Refused, false),
        (7, Refused, false),
        (8, Same, false),
        (9, Refused, false),
        (10, Refused, false),
        (11, Refused, false),
        (12, Refused, false),
        (13, Added, true),
        (14, Refused, false),
    ];
    // A dry run tells the same and writes nothing.
    let dry = results(rig.ok(batch(rows.clone(), true)).await);
    assert_eq!(outcomes(&dry), expected);
    assert_eq!(rig.door.store.counts(), (1, 1));
    assert!(rig.last_act().1.contains("dry run"));
    let wet = results(rig.ok(batch(rows.clone(), false)).await);
    assert_eq!(wet, dry);
    assert_eq!(rig.door.store.counts(), (3, 5));
    let notes = |line: u64| wet.iter().find(|r| r.line == line).unwrap().note.clone().unwrap();
    assert!(notes(6).contains(ANNA) && notes(7).contains("line 2") && notes(11).contains("serial number 100"));
    assert!(notes(13).contains("10 bytes"), "a short key is taken, with a warning");
    assert!(
        wet.iter()
            .all(|r| r.note.as_ref().is_none_or(|note| !note.contains('\n')))
    );
    let (word, target, result) = rig.last_act();
    assert_eq!(
        (word.as_str(), target.as_str(), result),
        (
            "import",
            "13 rows: 4 added, 2 there already, 7 refused, for anna@contoso.example, ben@contoso.example, carl@contoso.example",
            Ok(())
        )
    );
    let ben = rig.show("ben@contoso.example").await;
    assert_eq!((ben.tokens.len(), ben.tokens[0].status), (2, TokenStatus::Active));
    assert_eq!(ben.tokens[0].model, "Contoso HardwareKey");
    // Once more: everything good is there.
    let again = results(rig.ok(batch(rows, false)).await);
    assert!(again.iter().all(|r| r.outcome != Added && !r.user_made), "{again:?}");
    assert_eq!(again.iter().filter(|r| r.outcome == Same).count(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serial_number_belongs_to_one_user_across_batches() {
    let rig = Rig::open();
    rig.ok(batch(vec![row(2, ANNA, &seed(1), "A-1")], false)).await;
    let other = |line, serial: &str, n| row(line, "ben@contoso.example", &seed(n), serial);
    let got = results(rig.ok(batch(vec![other(2, "a-1", 2), other(3, "A-2", 3)], false)).await);
    assert_eq!(outcomes(&got), [(2, Refused, false), (3, Added, true)]);
    // Another maker may print the same number; and what was removed is free again.
    let maker = ImportRow {
        model: "Fabrikam Key".to_owned(),
        ..other(2, "A-1", 4)
    };
    assert_eq!(results(rig.ok(batch(vec![maker], false)).await)[0].outcome, Added);
    rig.ok(Request::UserRemove { name: ANNA.to_owned() }).await;
    assert_eq!(
        results(rig.ok(batch(vec![other(2, "A-1", 2)], false)).await)[0].outcome,
        Added
    );
    // Found in the store by a box that has just started.
    let rig = rig.reopen();
    let got = results(rig.ok(batch(vec![row(2, ANNA, &seed(9), "A-1")], false)).await);
    assert_eq!(got[0].outcome, Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_the_store_refuses_loses_only_the_bad_row() {
    let rig = Rig::open();
    let mut rows = vec![
        row(2, ANNA, &seed(1), "1"),
        row(3, "ben@contoso.example", &seed(2), "3"),
        row(4, "ben@contoso.example", &seed(3), "4"),
    ];
    // One record holds a user with all tokens: so many of them do not fit.
    for n in 0..200u64 {
        let mut key = vec![9; 60];
        key.splice(0..8, n.to_be_bytes());
        rows.push(ImportRow {
            model: "\u{1f511}".repeat(64),
            ..row(5 + n, "full@contoso.example", &Secret::new(key), &format!("{n:064}"))
        });
    }
    let got = results(rig.ok(batch(rows, false)).await);
    assert_eq!(
        outcomes(&got)[..3],
        [(2, Added, true), (3, Added, true), (4, Added, false)]
    );
    let refused = got.iter().filter(|r| r.outcome == Refused).count();
    let tokens = rig.door.store.counts().1;
    assert!(
        refused > 0 && tokens + refused == 203,
        "{refused} refused, {tokens} tokens"
    );
    assert!(got.iter().filter(|r| r.line >= 5 && r.user_made).count() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_rows_take_no_time_and_more_are_too_many() {
    let rig = Rig::open();
    let rows: Vec<ImportRow> = (0..1_000u64)
        .map(|n| {
            let mut key = vec![1; 20];
            key.splice(0..8, n.to_be_bytes());
            row(
                n + 2,
                &format!("user{n}@contoso.example"),
                &Secret::new(key),
                &n.to_string(),
            )
        })
        .collect();
    // R23: the record names everybody, its words the first of them.
    let everybody = || {
        let act = rig.acts().pop().unwrap();
        assert!(act.target.contains(" and 980 more"), "{}", act.target);
        let named = rig.acts().iter().flat_map(|act| act.users.clone()).count();
        assert_eq!(named, 1_000);
    };
    let begun = std::time::Instant::now();
    let got = results(rig.ok(batch(rows.clone(), false)).await);
    let took = begun.elapsed();
    assert!(got.iter().all(|r| r.outcome == Added && r.user_made));
    assert_eq!(rig.door.store.counts(), (1_000, 1_000));
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
    everybody();
    let many: Vec<ImportRow> = rows.iter().cycle().take(1_001).cloned().collect();
    rig.fails(FailureKind::Usage, batch(many, false)).await;
}
