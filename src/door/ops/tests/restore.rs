//! R20: a box whose store was damaged and restored from its daily copy.

use super::*;
use crate::factors::second::totp;
use crate::store::STORE_DIR;

const ANNA: &str = "anna@contoso.example";
const BEN: &str = "ben@contoso.example";

/// Anna has a token whose code of now was spent after the copy was made; Ben was disabled after it. Then the store is damaged.
async fn damaged() -> (tempfile::TempDir, Secret) {
    let rig = Rig::open();
    rig.user(ANNA).await;
    rig.user(BEN).await;
    let key = seed(5);
    rig.token(ANNA, Some(&key), true).await;
    let state = rig.dir.path().join("state");
    rig.door.store.copy_daily(&state, crate::clock::wall()).unwrap();
    let spend = Request::TokenResync {
        user: ANNA.to_owned(),
        first: code(&key, -1),
        second: code(&key, 0),
    };
    rig.ok(spend).await;
    rig.ok(Request::UserDisable { name: BEN.to_owned() }).await;
    rig.door.close();
    let Rig { ops, door, dir, .. } = rig;
    drop((ops, door));
    let db = state.join(STORE_DIR).join("db");
    let whole = std::fs::read(&db).unwrap();
    std::fs::write(&db, &whole[..whole.len() / 2]).unwrap();
    (dir, key)
}

fn last_step(rig: &Rig) -> u64 {
    let tokens = rig.door.store.tokens_of(rig.id(ANNA)).unwrap();
    rig.door
        .store
        .seed(tokens[0].mark)
        .unwrap()
        .last_step
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_after_a_restore_spent_codes_are_read_from_the_journal_and_the_disabled_stay_so() {
    let (dir, _) = damaged().await;
    let rig = Rig::open_at(dir);
    let spent = rig.spent();
    assert_eq!(spent.len(), 1);
    assert_eq!(last_step(&rig), spent[0].step);
    assert!(!rig.show(BEN).await.row.enabled, "disabled since the copy");
    assert!(rig.show(ANNA).await.row.enabled);
    assert!(rig.door.answers(), "the journal is whole: nothing waits");
    let alarms = rig.door.alarms.list();
    assert!(alarms.iter().any(|alarm| alarm.code == "store-restored"), "{alarms:?}");
    // Numbers given since the copy stand in the records, and are given to nobody else.
    rig.user("carl@contoso.example").await;
    assert!(rig.id("carl@contoso.example").0 > 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_after_a_restore_without_the_journal_every_code_up_to_now_is_void() {
    let (dir, _) = damaged().await;
    std::fs::remove_dir_all(dir.path().join("state").join(crate::door::start::LOGINS_DIR)).unwrap();
    let rig = Rig::open_at(dir);
    assert!(!rig.door.answers(), "nothing is answered before the steps are raised");
    rig.door.raise_steps().unwrap();
    assert!(rig.door.answers());
    let p = TotpParameters::default();
    assert!(
        last_step(&rig) > totp::step_at(&p, crate::clock::wall()),
        "the highest that the window takes"
    );
    let rig = rig.reopen();
    assert!(rig.door.answers(), "once is enough");
}
