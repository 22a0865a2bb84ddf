//! What is remembered of a seed, changed in a group.

use super::*;

#[test]
fn r16_a_counter_begins_where_it_is_told_and_never_goes_back() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 1);
    let new = |seed: &str, steps: &[u64]| {
        let raise = steps.iter().map(|step| Change::RaiseStep(mark(seed), *step));
        std::iter::once(Change::AddToken(token(UserId(1), seed)))
            .chain(raise)
            .collect()
    };
    store.apply(new("counter one", &[41, 7])).unwrap();
    assert_eq!(
        store.spend(mark("counter one"), 41, 0),
        Spend::Already { last_step: 41 }
    );
    assert_eq!(store.spend(mark("counter one"), 60, 0), Spend::Done);
    store.apply(vec![Change::RaiseStep(mark("counter one"), 50)]).unwrap();
    assert_eq!(store.seed(mark("counter one")).unwrap().last_step, Some(60));
    // Nothing of a group that is refused.
    let refused = [new("counter one", &[99]), new("counter two", &[99])].concat();
    assert!(store.apply(refused).is_err());
    assert_eq!(store.seed(mark("counter one")).unwrap().last_step, Some(60));
    assert_eq!(store.seed(mark("counter two")), None);
    store.apply(new("counter three", &[7])).unwrap();
    let id = store.seed(mark("counter three")).unwrap().token.unwrap();
    let gone = vec![Change::RemoveToken(id), Change::RaiseStep(mark("counter three"), 9)];
    store.apply(gone).unwrap();
    drop(store);
    let (store, opened) = open(dir.path());
    assert_eq!(opened.tokens, 2);
    let one = store.seed(mark("counter one")).unwrap();
    assert_eq!(
        (one.last_step, one.user),
        (Some(60), Some(UserId(1))),
        "on the disk with the change, and what was spent until then"
    );
    let three = store.seed(mark("counter three")).unwrap();
    assert_eq!((three.last_step, three.token), (Some(9), None));
}

#[test]
fn r16_a_step_is_raised_and_a_drift_forgotten_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    many(&store, 2);
    let (first, second) = (mark("seed number 00000"), mark("seed number 00001"));
    store.apply(vec![Change::RaiseStep(first, 41)]).unwrap();
    assert_eq!(store.spend(first, 41, 0), Spend::Already { last_step: 41 });
    store.apply(vec![Change::RaiseStep(first, 7)]).unwrap();
    assert_eq!(store.spend(second, 900, 3), Spend::Done);
    store.apply(vec![Change::ForgetDrift(second)]).unwrap();
    let kept = |store: &Store| {
        assert_eq!(store.seed(first).unwrap().last_step, Some(41), "never lowered");
        let state = store.seed(second).unwrap();
        assert_eq!((state.last_step, state.drift), (Some(900), 0));
        assert_eq!(state.token, Some(TokenId(2)));
    };
    kept(&store);
    drop(store);
    let (store, _) = open(dir.path());
    kept(&store);
    // The journal's entries from before come again and change nothing.
    store.raise_step(second, 900, 3);
    store.raise_step(second, 899, 2);
    kept(&store);
}
