//! Operators' records.

use super::*;

#[test]
fn an_operator_s_record_stands_again_after_opening_and_holds_no_secret_in_clear() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let add = |name| Change::AddOperator(operator(name, Role::Installer));
    let applied = store.apply(vec![add("anna"), add("otto")]).unwrap();
    assert_eq!(applied.operators, [OperatorId(1), OperatorId(2)]);
    assert_eq!(store.apply(vec![add("anna")]), Err(StoreError::OperatorNameTaken));
    let mut otto = store.operators()[1].clone();
    otto.name = "anna".to_owned();
    assert_eq!(
        store.apply(vec![Change::PutOperator(otto)]),
        Err(StoreError::OperatorNameTaken)
    );
    store.apply(vec![Change::RemoveOperator(OperatorId(2))]).unwrap();
    assert_eq!(
        store.apply(vec![Change::RemoveOperator(OperatorId(2))]),
        Err(StoreError::NotFound("operator"))
    );
    let before = contents(&store);
    drop(store);
    let (store, _) = open(dir.path());
    assert_eq!(contents(&store), before);
    assert_eq!(store.apply(vec![add("otto")]).unwrap().operators, [OperatorId(3)]);
    drop(store);
    let db = std::fs::read(dir.path().join(STORE_DIR).join("db")).unwrap();
    for secret in ["operator's own seed", "operator's hash"] {
        assert!(!db.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret}");
    }
}

#[test]
fn what_ends_a_session_raises_the_generation_and_what_a_login_writes_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    store
        .apply(vec![Change::AddOperator(operator("anna", Role::Installer))])
        .unwrap();
    let moves = store.moves();
    let put = |change: fn(&mut Operator)| {
        let mut one = store.operators()[0].clone();
        let before = one.generation;
        change(&mut one);
        store.apply(vec![Change::PutOperator(one)]).unwrap();
        store.operators()[0].generation - before
    };
    assert_eq!(put(|one| one.wrong += 1), 0);
    assert_eq!(put(|one| one.token.as_mut().unwrap().last_step += 1), 0);
    assert_eq!(put(|one| one.last = Some(Timestamp(9))), 0);
    assert_eq!(put(|one| one.role = Role::Auditor), 1);
    assert_eq!(put(|one| one.enabled = false), 1);
    assert_eq!(put(|one| one.password = Secret::from("another")), 1);
    assert_eq!(store.moves(), moves + 6);
}

#[test]
fn a_store_of_schema_1_is_read_and_belongs_to_schema_2_from_then_on() {
    use super::super::{codec, disk, open::Meta};
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 3);
    let before = contents(&store);
    let changes = 1_u64;
    drop(store);
    let path = dir.path().join(STORE_DIR);
    let made = disk::prepare(&path, None).unwrap().open().unwrap();
    let mut batch = sled::Batch::default();
    let meta = Meta {
        schema: 1,
        key_id: sealer().key_id(),
    };
    batch.insert(codec::META, codec::encode(&meta).unwrap());
    let counters = (3_u64, 3_u64, 0_u64, 3_u64, 3_u64, 0_u64, 0_u64, changes);
    batch.insert(codec::COUNTERS, codec::encode(&counters).unwrap());
    made.write(batch).unwrap();
    drop(made);
    let (store, _) = open(dir.path());
    assert_eq!(contents(&store), before);
    store
        .apply(vec![Change::AddOperator(operator("anna", Role::Installer))])
        .unwrap();
    drop(store);
    let (store, _) = open(dir.path());
    assert_eq!(store.operators().len(), 1);
}
