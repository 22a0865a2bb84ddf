//! Tokens, and the codes that operators type (R16).

use super::*;
use crate::store::records::{TokenId, TokenStatus};

const ANNA: &str = "anna@contoso.example";
const BEN: &str = "ben@contoso.example";

fn confirm(user: &str, code: &Secret) -> Request {
    Request::TokenConfirm {
        user: user.to_owned(),
        code: code.clone(),
    }
}

fn resync(first: &Secret, second: &Secret) -> Request {
    Request::TokenResync {
        user: ANNA.to_owned(),
        first: first.clone(),
        second: second.clone(),
    }
}

async fn both() -> Rig {
    let rig = Rig::open();
    rig.user(ANNA).await;
    rig.user(BEN).await;
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_made_with_twenty_random_bytes_and_waits() {
    let rig = both().await;
    let made = rig.token(ANNA, None, false).await;
    assert_eq!((made.seed.len(), made.token.status), (20, TokenStatus::Pending));
    assert_eq!((made.issuer.as_str(), made.warnings.len()), ("Postern", 0));
    assert_ne!(made.seed, rig.token(ANNA, None, false).await.seed);
    assert_eq!(rig.last_act(), ("token add".to_owned(), ANNA.to_owned(), Ok(())));
    let add = |seed: Vec<u8>, digits| {
        Request::TokenAdd(TokenAdd {
            user: ANNA.to_owned(),
            seed: Some(Secret::new(seed)),
            parameters: TotpParameters {
                digits,
                ..TotpParameters::default()
            }
            .into(),
            counter: 0,
            active: true,
        })
    };
    for (bad, digits) in [(vec![1; 9], 6), (vec![1; 81], 6), (vec![0; 20], 6), (vec![1; 20], 7)] {
        rig.fails(FailureKind::Usage, add(bad, digits)).await;
    }
    let Answer::TokenMade(made) = rig.ok(add(vec![1; 10], 8)).await else {
        panic!("not made")
    };
    assert!(made.warnings[0].contains("10 bytes") && made.warnings[1].contains("Microsoft Authenticator"));
}

#[tokio::test(flavor = "multi_thread")]
async fn r16_one_seed_is_in_one_token() {
    let rig = both().await;
    let key = seed(1);
    let made = rig.token(ANNA, Some(&key), true).await;
    let line = rig.fails(FailureKind::Exists, token_add(ANNA, Some(&key), true)).await;
    assert!(line.contains("is active"), "{line}");
    let line = rig.fails(FailureKind::Refused, token_add(BEN, Some(&key), true)).await;
    assert!(line.contains(ANNA), "{line}");
    let remove = |user: &str, id| Request::TokenRemove {
        user: user.to_owned(),
        id,
    };
    rig.fails(FailureKind::NotFound, remove(BEN, made.token.id)).await;
    rig.ok(remove("ANNA@contoso.example", made.token.id)).await;
    let target = format!("{ANNA} #{}", made.token.id.0);
    assert_eq!(rig.last_act(), ("token remove".to_owned(), target, Ok(())));
    rig.fails(FailureKind::NotFound, remove(ANNA, TokenId(999))).await;
    rig.token(BEN, Some(&key), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r16_confirm_spends_its_code_on_the_disk() {
    let rig = both().await;
    let key = seed(1);
    let made = rig.token(ANNA, Some(&key), false).await;
    let right = code(&key, 0);
    let line = rig.fails(FailureKind::Refused, confirm(ANNA, &code(&seed(9), 0))).await;
    assert!(line.contains("no code of a token"), "{line}");
    rig.fails(FailureKind::Usage, confirm(ANNA, &"12345".into())).await;
    let info = token(rig.ok(confirm(ANNA, &right)).await);
    assert_eq!((info.id, info.status), (made.token.id, TokenStatus::Active));
    assert!(info.last_code.is_some());
    let mark = rig.door.sealer.seed_mark(key.expose());
    let spent = rig.spent();
    assert!(matches!(&spent[..], [Spent { mark: m, .. }] if *m == mark), "{spent:?}");
    assert_eq!(rig.door.store.seed(mark).unwrap().last_step, Some(spent[0].step));
    // Now it is active: there is nothing to confirm, and the code is not good again.
    let line = rig.fails(FailureKind::Exists, confirm(ANNA, &code(&key, 1))).await;
    assert!(line.contains("active already"), "{line}");
    assert_eq!(rig.spent().len(), 1, "nothing is spent by that");
    // Removed and added again, it remembers.
    rig.ok(Request::TokenRemove {
        user: ANNA.to_owned(),
        id: made.token.id,
    })
    .await;
    rig.token(ANNA, Some(&key), false).await;
    let line = rig.fails(FailureKind::Refused, confirm(ANNA, &right)).await;
    assert!(line.contains("used already"), "{line}");
    let text = format!("{:?}", rig.acts());
    assert!(!text.contains(right.expose_str().unwrap()), "R21: no code on record");
    // And after a restart that knows the journal alone.
    let rig = rig.reopen();
    rig.fails(FailureKind::Refused, confirm(ANNA, &right)).await;
    rig.ok(confirm(ANNA, &code(&key, 1))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn confirm_says_what_is_wrong_with_a_code() {
    let rig = both().await;
    let line = rig.fails(FailureKind::Refused, confirm(ANNA, &"123456".into())).await;
    assert!(line.contains("no token that waits"), "{line}");
    let key = seed(2);
    rig.token(ANNA, Some(&key), false).await;
    let line = rig.fails(FailureKind::Refused, confirm(ANNA, &code(&key, -6))).await;
    assert!(line.contains("behind") && line.contains("token resync"), "{line}");
    let line = rig.fails(FailureKind::Refused, confirm(ANNA, &code(&key, 6))).await;
    assert!(line.contains("ahead"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r16_resync_finds_a_far_clock_and_spends_both_codes() {
    let rig = both().await;
    let key = seed(3);
    let made = rig.token(ANNA, Some(&key), true).await;
    let (first, second) = (code(&key, 9), code(&key, 10));
    rig.fails(FailureKind::Usage, resync(&first, &first)).await;
    let line = rig.fails(FailureKind::Refused, resync(&second, &first)).await;
    assert!(line.contains("one after the other"), "{line}");
    let info = token(rig.ok(resync(&first, &second)).await);
    assert_eq!((info.id, info.drift_seconds), (made.token.id, 300));
    let spent = rig.spent();
    assert_eq!((spent.len(), spent[0].drift), (1, 10));
    let line = rig.fails(FailureKind::Refused, resync(&first, &second)).await;
    assert!(line.contains("used already"), "{line}");
    let Answer::Tokens(list) = rig.ok(Request::TokenList { user: ANNA.to_owned() }).await else {
        panic!("no list")
    };
    assert_eq!(list.tokens[0].drift_seconds, 300);
    assert_eq!(
        list.tokens[0].last_code,
        Some(totp::begins(&TotpParameters::default(), spent[0].step))
    );
    let other = Request::TokenResync {
        user: BEN.to_owned(),
        first: code(&key, 11),
        second: code(&key, 12),
    };
    let line = rig.fails(FailureKind::Refused, other).await;
    assert!(line.contains("no token"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_drifted_in_the_drawer_can_be_confirmed_after_a_resync() {
    let rig = both().await;
    let key = seed(4);
    rig.token(ANNA, Some(&key), false).await;
    rig.fails(FailureKind::Refused, confirm(ANNA, &code(&key, 7))).await;
    let info = token(rig.ok(resync(&code(&key, 7), &code(&key, 8))).await);
    assert_eq!(info.status, TokenStatus::Pending);
    let info = token(rig.ok(confirm(ANNA, &code(&key, 9))).await);
    assert_eq!(info.status, TokenStatus::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_no_code_is_checked_while_the_clock_is_not_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let rig = Rig::open_at(dir);
    rig.user(ANNA).await;
    let key = seed(5);
    rig.token(ANNA, Some(&key), false).await;
    rig.door.close();
    let Rig { ops, door, dir, .. } = rig;
    drop((ops, door));
    // The newest time lies in the future: this clock is behind it.
    let file = state.join("newest-time");
    let newest = crate::clock::wall().plus(std::time::Duration::from_secs(86_400));
    std::fs::write(&file, newest.0.to_string()).unwrap();
    let rig = Rig::open_at(dir);
    assert!(!rig.door.answers());
    let right = code(&key, 0);
    let line = rig.fails(FailureKind::Refused, confirm(ANNA, &right)).await;
    assert!(line.contains("postern time confirm"), "{line}");
    let Answer::Status(status) = rig.ok(Request::Status).await else {
        panic!("no status")
    };
    assert!(!status.answering && status.because.is_some_and(|why| why.contains("time confirm")));
    assert!(status.clock.waiting_for.is_some() && status.clock.source == "none");
    rig.ok(Request::TimeConfirm).await;
    rig.ok(confirm(ANNA, &right)).await;
}
