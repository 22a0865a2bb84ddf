//! Counter tokens (RFC 4226) under the operators' hands: added, confirmed, set right, and after a restore (R16, R20).

use super::*;
use crate::store::STORE_DIR;
use crate::store::records::TokenStatus;

const ANNA: &str = "anna@contoso.example";
const BEN: &str = "ben@contoso.example";

fn confirm(code: Secret) -> Request {
    Request::TokenConfirm {
        user: ANNA.to_owned(),
        code,
    }
}

fn resync(first: Secret, second: Secret) -> Request {
    Request::TokenResync {
        user: ANNA.to_owned(),
        first,
        second,
    }
}

async fn tokens(rig: &Rig) -> Vec<TokenInfo> {
    rig.show(ANNA).await.tokens
}

#[tokio::test(flavor = "multi_thread")]
async fn r16_a_counter_token_begins_where_it_is_told_and_is_confirmed_in_its_window() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    let key = seed(1);
    let made = rig.counter_token(ANNA, &key, 100, false).await;
    assert_eq!((made.token.counter, made.token.period), (Some(100), None));
    assert!(
        made.warnings.iter().any(|line| line.contains("no counter tokens")),
        "{:?}",
        made.warnings
    );
    let line = rig.fails(FailureKind::Refused, confirm(counted(&key, 99))).await;
    assert!(line.contains("used already"), "{line}");
    let line = rig.fails(FailureKind::Refused, confirm(counted(&key, 110))).await;
    assert!(
        line.contains("its counter is 10 codes ahead") && line.contains("token resync"),
        "{line}"
    );
    let info = token(rig.ok(confirm(counted(&key, 109))).await);
    assert_eq!(
        (info.status, info.counter, info.last_code),
        (TokenStatus::Active, Some(110), None)
    );
    assert_eq!(
        rig.spent().last().map(|spent| (spent.step, spent.drift)),
        Some((109, 0))
    );
    let line = rig.fails(FailureKind::Exists, confirm(counted(&key, 112))).await;
    assert!(line.contains("active already"), "{line}");
    // What the store and the journal know together is known again after a restart.
    let rig = rig.reopen();
    assert_eq!(tokens(&rig).await[0].counter, Some(110));
    // Removed and added with its first counter, it remembers, and says so.
    let remove = Request::TokenRemove {
        user: ANNA.to_owned(),
        id: info.id,
    };
    rig.ok(remove).await;
    let made = rig.counter_token(ANNA, &key, 0, false).await;
    assert_eq!(made.token.counter, Some(110));
    assert!(
        made.warnings.iter().any(|line| line.contains("goes on from 110")),
        "{:?}",
        made.warnings
    );
    let ahead = Request::TokenAdd(TokenAdd {
        user: ANNA.to_owned(),
        seed: None,
        parameters: OtpParameters::default(),
        counter: 5,
        active: false,
    });
    rig.fails(FailureKind::Usage, ahead).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r16_resync_takes_two_codes_within_a_thousand_and_spends_both() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    let (key, other) = (seed(2), seed(3));
    rig.counter_token(ANNA, &key, 0, true).await;
    let line = rig
        .fails(FailureKind::Refused, resync(counted(&key, 1_001), counted(&key, 1_002)))
        .await;
    assert!(line.contains("within 1000 codes of the last one"), "{line}");
    rig.token(ANNA, Some(&other), true).await;
    let line = rig
        .fails(FailureKind::Refused, resync(counted(&key, 600), counted(&key, 602)))
        .await;
    assert!(line.contains("20 steps of now, or within 1000 codes"), "{line}");
    let info = token(rig.ok(resync(counted(&key, 600), counted(&key, 601))).await);
    assert_eq!((info.status, info.counter), (TokenStatus::Active, Some(602)));
    let line = rig
        .fails(FailureKind::Refused, resync(counted(&key, 600), counted(&key, 601)))
        .await;
    assert!(line.contains("used already"), "{line}");
    // A pending one stays pending.
    let drawer = seed(4);
    rig.counter_token(ANNA, &drawer, 0, false).await;
    let info = token(rig.ok(resync(counted(&drawer, 70), counted(&drawer, 71))).await);
    assert_eq!(info.status, TokenStatus::Pending);
    let info = token(rig.ok(confirm(counted(&drawer, 72))).await);
    assert_eq!(info.status, TokenStatus::Active);
}

/// Anna has two counter tokens and one that the time moves, Ben one that is pending; the store is copied, then one code of each
/// active token is spent. `restored`: then the store is damaged.
async fn spent(restored: bool) -> (tempfile::TempDir, Secret, Secret) {
    let rig = Rig::open();
    rig.user(ANNA).await;
    rig.user(BEN).await;
    let (count, time) = (seed(5), seed(6));
    rig.counter_token(ANNA, &count, 7, true).await;
    rig.counter_token(ANNA, &seed(7), 0, true).await;
    rig.token(ANNA, Some(&time), true).await;
    rig.counter_token(BEN, &seed(8), 3, false).await;
    // The copy is of a box that has been at work.
    rig.ok(resync(counted(&count, 7), counted(&count, 8))).await;
    let state = rig.dir.path().join("state");
    rig.door.copy_store(crate::clock::wall()).unwrap();
    assert!(rig.door.store.folded() > 1);
    rig.ok(resync(counted(&count, 11), counted(&count, 12))).await;
    rig.ok(resync(code(&time, -1), code(&time, 0))).await;
    rig.door.close();
    let Rig { ops, door, dir, .. } = rig;
    drop((ops, door));
    if restored {
        let db = state.join(STORE_DIR).join("db");
        let whole = std::fs::read(&db).unwrap();
        std::fs::write(&db, &whole[..whole.len() / 2]).unwrap();
    }
    (dir, count, time)
}

fn lose_journal(dir: &tempfile::TempDir) {
    std::fs::remove_dir_all(dir.path().join("state").join(crate::door::start::LOGINS_DIR)).unwrap();
}

fn statuses(tokens: &[TokenInfo]) -> Vec<TokenStatus> {
    tokens.iter().map(|token| token.status).collect()
}

const WAITING: [TokenStatus; 3] = [TokenStatus::Resync, TokenStatus::Resync, TokenStatus::Active];

#[tokio::test(flavor = "multi_thread")]
async fn r20_after_a_restore_with_a_whole_journal_counter_tokens_go_on() {
    let (dir, ..) = spent(true).await;
    let rig = Rig::open_at(dir);
    assert!(rig.door.answers(), "nothing waits");
    let tokens = tokens(&rig).await;
    assert_eq!(statuses(&tokens), [TokenStatus::Active; 3]);
    assert_eq!(tokens[0].counter, Some(13), "from the journal");
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_without_a_whole_journal_active_counter_tokens_wait_for_a_resync() {
    for restored in [true, false] {
        let (dir, count, time) = spent(restored).await;
        lose_journal(&dir);
        let rig = Rig::open_at(dir);
        assert!(
            !rig.door.answers(),
            "restored {restored}: nothing is answered before that"
        );
        rig.door.raise_steps().unwrap();
        assert!(rig.door.answers());
        assert_eq!(statuses(&tokens(&rig).await), WAITING, "restored {restored}");
        assert_eq!(rig.show(BEN).await.tokens[0].status, TokenStatus::Pending);
        let row = rig.show(ANNA).await.row;
        assert_eq!((row.active_tokens, row.resync_tokens), (1, 2));
        // Once is enough, and a restart gives nothing back.
        let rig = rig.reopen();
        assert!(rig.door.answers(), "restored {restored}");
        assert_eq!(statuses(&tokens(&rig).await), WAITING);
        let line = rig.fails(FailureKind::Refused, confirm(counted(&count, 13))).await;
        assert!(line.contains("needs a resync"), "{line}");
        rig.fails(FailureKind::Refused, resync(code(&time, -1), code(&time, 0)))
            .await;
        let info = token(rig.ok(resync(counted(&count, 13), counted(&count, 14))).await);
        assert_eq!((info.status, info.counter), (TokenStatus::Active, Some(15)));
        let rig = rig.reopen();
        assert_eq!(statuses(&tokens(&rig).await)[0], TokenStatus::Active);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_a_lost_journal_is_remembered_until_the_clock_is_trusted() {
    for restored in [true, false] {
        let (dir, ..) = spent(restored).await;
        lose_journal(&dir);
        // The newest time lies in the future: this clock is behind it.
        let file = dir.path().join("state").join("newest-time");
        let newest = crate::clock::wall().plus(std::time::Duration::from_secs(86_400));
        std::fs::write(&file, newest.0.to_string()).unwrap();
        let mut rig = Rig::open_at(dir);
        for _ in 0..2 {
            rig.door.raise_steps().unwrap();
            assert!(!rig.door.answers(), "restored {restored}");
            assert_eq!(statuses(&tokens(&rig).await), [TokenStatus::Active; 3]);
            // Something is on record again, and folded, before the power goes.
            rig.ok(Request::UserUnlock { name: BEN.to_owned() }).await;
            rig.door.fold().unwrap();
            rig = rig.reopen();
        }
        rig.ok(Request::TimeConfirm).await;
        assert!(!rig.door.answers(), "restored {restored}");
        rig.door.raise_steps().unwrap();
        assert!(rig.door.answers());
        assert_eq!(statuses(&tokens(&rig).await), WAITING, "restored {restored}");
    }
}
