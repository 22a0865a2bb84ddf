//! What is lost, and what does not come back with it: counters after a loss of the journal, seeds and clocks after a restore (R20).

use super::*;
use crate::store::STORE_DIR;
use crate::store::records::TokenStatus;

const ANNA: &str = "anna@contoso.example";
const BEN: &str = "ben@contoso.example";

fn resync(user: &str, first: Secret, second: Secret) -> Request {
    Request::TokenResync {
        user: user.to_owned(),
        first,
        second,
    }
}

fn confirm(user: &str, code: Secret) -> Request {
    Request::TokenConfirm {
        user: user.to_owned(),
        code,
    }
}

fn row(n: u8, serial: &str, parameters: OtpParameters) -> ImportRow {
    ImportRow {
        line: 2,
        user: String::new(),
        serial: serial.to_owned(),
        seed: seed(n),
        parameters,
        counter: 0,
        model: "Key".to_owned(),
    }
}

fn import(row: ImportRow) -> Request {
    Request::ImportBatch(ImportBatch {
        rows: vec![row],
        dry_run: false,
        active: false,
    })
}

fn assign(user: &str, serial: &str) -> Request {
    Request::TokenAssign(TokenAssign {
        user: user.to_owned(),
        serial: serial.to_owned(),
        model: None,
    })
}

fn forget(serial: &str) -> Request {
    Request::UnassignedRemove {
        serial: serial.to_owned(),
        model: None,
    }
}

/// Without its store's end, so that the copy takes its place; with `journal` lost, that too.
fn damage(rig: Rig, restore: bool, journal: bool) -> Rig {
    rig.door.close();
    let Rig { ops, door, dir, .. } = rig;
    drop((ops, door));
    let state = dir.path().join("state");
    if restore {
        let db = state.join(STORE_DIR).join("db");
        let whole = std::fs::read(&db).unwrap();
        std::fs::write(&db, &whole[..whole.len() / 2]).unwrap();
    }
    if journal {
        std::fs::remove_dir_all(state.join(crate::door::start::LOGINS_DIR)).unwrap();
    }
    Rig::open_at(dir)
}

fn alarm(rig: &Rig) -> Option<String> {
    let alarms = rig.door.alarms.list().into_iter();
    alarms
        .filter(|one| one.code == "counter-tokens")
        .map(|one| one.what)
        .next()
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_no_counter_token_of_before_the_loss_counts_without_two_codes() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    rig.user(BEN).await;
    let (active, pending, gone, drawer) = (seed(1), seed(2), seed(3), seed(4));
    rig.counter_token(ANNA, &active, 0, true).await;
    rig.counter_token(BEN, &pending, 0, false).await;
    let removed = rig.counter_token(ANNA, &gone, 0, true).await;
    let remove = Request::TokenRemove {
        user: ANNA.to_owned(),
        id: removed.token.id,
    };
    rig.ok(remove).await;
    rig.ok(import(row(4, "D-1", OtpParameters::Hotp(HOTP)))).await;
    // It has been at work, or no record would be missing.
    rig.ok(resync(ANNA, counted(&active, 0), counted(&active, 1))).await;
    rig.door.copy_store(crate::clock::wall()).unwrap();
    let rig = damage(rig, false, true);
    assert_eq!(alarm(&rig), None);
    rig.door.raise_steps().unwrap();
    let rig = rig.reopen();
    rig.door.tell_waiting();
    assert!(alarm(&rig).unwrap().starts_with("1 counter token waits"));
    // Pending ones and those of nobody are not confirmed with one code.
    rig.ok(assign(BEN, "D-1")).await;
    for key in [&pending, &drawer] {
        let line = rig.fails(FailureKind::Refused, confirm(BEN, counted(key, 1))).await;
        assert!(line.contains("postern token resync"), "{line}");
        rig.ok(resync(BEN, counted(key, 1), counted(key, 2))).await;
        let info = token(rig.ok(confirm(BEN, counted(key, 3))).await);
        assert_eq!(info.status, TokenStatus::Active);
    }
    // One that was removed does not come back as active.
    let made = rig.counter_token(ANNA, &gone, 0, true).await;
    assert_eq!(made.token.status, TokenStatus::Resync);
    assert!(
        made.warnings.iter().any(|line| line.contains("token resync")),
        "{:?}",
        made.warnings
    );
    rig.door.tell_waiting();
    assert!(alarm(&rig).unwrap().starts_with("2 counter tokens wait"));
    // Until then a bypass code stands in.
    let bypass = Request::UserBypass {
        name: ANNA.to_owned(),
        minutes: 5,
    };
    rig.ok(bypass).await;
    for key in [&active, &gone] {
        let info = token(rig.ok(resync(ANNA, counted(key, 4), counted(key, 5))).await);
        assert_eq!(info.status, TokenStatus::Active);
    }
    assert_eq!(alarm(&rig), None);
    // A key that is new since is in nobody's lost record.
    let made = rig.counter_token(ANNA, &seed(5), 0, true).await;
    assert_eq!(made.token.status, TokenStatus::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn r16_a_counter_typed_wrong_does_not_kill_a_key() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    let key = seed(1);
    let add = |counter| {
        Request::TokenAdd(TokenAdd {
            user: ANNA.to_owned(),
            seed: Some(seed(1)),
            parameters: OtpParameters::Hotp(HOTP),
            counter,
            active: false,
        })
    };
    rig.fails(FailureKind::Usage, add(58_000_000)).await;
    let wrong = rig.counter_token(ANNA, &key, 9_000_000, false).await;
    let remove = |id| Request::TokenRemove {
        user: ANNA.to_owned(),
        id,
    };
    rig.ok(remove(wrong.token.id)).await;
    let rig = rig.reopen();
    let right = rig.counter_token(ANNA, &key, 90, false).await;
    assert_eq!(right.token.counter, Some(90));
    rig.ok(confirm(ANNA, counted(&key, 90))).await;
    // Known further on than a file says.
    rig.ok(remove(right.token.id)).await;
    let mut late = row(1, "V-1", OtpParameters::Hotp(HOTP));
    late.counter = 50;
    let Answer::Import(report) = rig.ok(import(late)).await else {
        panic!("no report");
    };
    let note = report.results[0].note.clone().unwrap();
    assert!(note.contains("goes on from 91"), "{note}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_clocks_and_vendors_seeds_are_after_a_restore_as_they_were_left() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    rig.user(BEN).await;
    let key = seed(1);
    let made = rig.token(ANNA, Some(&key), true).await;
    rig.ok(resync(ANNA, code(&key, 9), code(&key, 10))).await;
    for (n, serial) in [(2, "V-1"), (3, "V-2"), (4, "V-3"), (5, "V-4")] {
        rig.ok(import(row(n, serial, OtpParameters::default()))).await;
    }
    rig.door.copy_store(crate::clock::wall()).unwrap();
    let clock = Request::TokenClockSet {
        user: ANNA.to_owned(),
        id: made.token.id,
    };
    rig.ok(clock).await;
    rig.ok(assign(BEN, "V-1")).await;
    rig.ok(forget("V-2")).await;
    let program = TokenProgram {
        user: BEN.to_owned(),
        serial: "V-3".to_owned(),
        model: "Maker Key".to_owned(),
        profile: None,
        parameters: TotpParameters::default(),
        replace: true,
    };
    let Answer::TokenProgramming(programmed) = rig.ok(Request::TokenProgram(program)).await else {
        panic!("not programmed");
    };
    rig.ok(confirm(BEN, code(&programmed.seed, 0))).await;
    let rig = damage(rig, true, false);
    assert_eq!(rig.show(ANNA).await.tokens[0].drift_seconds, 0);
    let (rows, _) = rig.door.store.search_unassigned("", 0, 9);
    assert_eq!(rows.iter().map(|row| row.serial.as_str()).collect::<Vec<_>>(), ["V-4"]);
    let alarms = rig.door.alarms.list();
    let restored = alarms.iter().find(|alarm| alarm.code == "store-restored").unwrap();
    assert!(restored.what.contains("nobody's no more (1)"), "{}", restored.what);
}
