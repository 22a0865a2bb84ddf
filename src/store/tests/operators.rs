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
