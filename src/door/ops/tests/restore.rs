//! R20: a box whose store was damaged and restored from its daily copy.

use super::*;
use crate::control::operators::{LogIn, OperatorAdd, OperatorSet};
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

#[tokio::test(flavor = "multi_thread")]
async fn r20_after_a_restore_operators_are_no_more_than_they_were_and_the_first_start_stays_shut() {
    const PASSWORD: &str = "correct horse battery";
    let add = |name: &str, role| {
        Request::OperatorAdd(OperatorAdd {
            name: name.to_owned(),
            role,
            password: Secret::from(PASSWORD),
            line: String::new(),
        })
    };
    let set = |name: &str, role, enabled| {
        Request::OperatorSet(OperatorSet {
            name: name.to_owned(),
            role,
            enabled,
            password: None,
        })
    };
    for in_copy in [true, false] {
        let rig = Rig::open();
        let state = rig.dir.path().join("state");
        let copy = || rig.door.copy_store(crate::clock::wall()).unwrap();
        if !in_copy {
            copy();
        }
        // Long gone, and another one of that name: neither comes back as the first.
        rig.ok(add("zoe", Role::Installer)).await;
        for name in ["anna", "carl", "dora", "emil", "fred", "gerd"] {
            rig.ok(add(name, Role::Installer)).await;
        }
        rig.ok(Request::OperatorRemove { name: "zoe".to_owned() }).await;
        rig.ok(Request::OperatorRemove {
            name: "carl".to_owned(),
        })
        .await;
        rig.ok(add("carl", Role::Installer)).await;
        let Answer::OperatorToken(made) = rig
            .ok(Request::OperatorTokenAdd {
                name: "anna".to_owned(),
            })
            .await
        else {
            panic!("no token");
        };
        let confirm = Request::OperatorTokenConfirm {
            name: "anna".to_owned(),
            code: code(&made.seed, -1),
        };
        rig.ok(confirm).await;
        let add_token = Request::OperatorTokenAdd {
            name: "gerd".to_owned(),
        };
        let Answer::OperatorToken(gerd) = rig.ok(add_token).await else {
            panic!("no token");
        };
        if in_copy {
            copy();
        }
        let secret = Request::OperatorSet(OperatorSet {
            name: "fred".to_owned(),
            role: None,
            enabled: None,
            password: Some(Secret::from("another good password")),
        });
        rig.ok(secret).await;
        let confirm = Request::OperatorTokenConfirm {
            name: "gerd".to_owned(),
            code: code(&gerd.seed, 0),
        };
        rig.ok(confirm).await;
        rig.ok(add("ben", Role::Helpdesk)).await;
        rig.ok(set("carl", None, Some(false))).await;
        rig.ok(set("dora", Some(Role::Auditor), None)).await;
        rig.ok(Request::OperatorRemove {
            name: "emil".to_owned(),
        })
        .await;
        rig.door.close();
        let Rig { ops, door, dir, .. } = rig;
        drop((ops, door));
        let db = state.join(STORE_DIR).join("db");
        let whole = std::fs::read(&db).unwrap();
        std::fs::write(&db, &whole[..whole.len() / 2]).unwrap();
        let rig = Rig::open_at(dir);
        assert!(rig.ops.hello().operators, "nobody at the console makes a first one");
        let stand: Vec<_> = rig
            .door
            .store
            .operators()
            .iter()
            .map(|one| (one.name.clone(), one.role, one.enabled))
            .collect();
        let one = |name: &str, role, enabled| (name.to_owned(), role, enabled);
        let mut wanted = vec![
            one("anna", Role::Installer, in_copy),
            one("carl", Role::Installer, false),
            one("dora", Role::Auditor, in_copy),
            one("ben", Role::Helpdesk, false),
            one("fred", Role::Installer, false),
            one("gerd", Role::Installer, false),
        ];
        if in_copy {
            wanted.push(one("emil", Role::Installer, false));
        }
        let mut stand = stand;
        stand.sort();
        wanted.sort();
        assert_eq!(stand, wanted);
        let replaced = rig.door.store.operators();
        let mut replaced = replaced
            .iter()
            .filter(|one| ["fred", "gerd"].contains(&one.name.as_str()));
        assert!(replaced.all(|one| one.password.is_empty() && one.token.is_none()));
        let log_in = |code| {
            rig.ops.log_in(
                990,
                LogIn {
                    name: "anna".to_owned(),
                    password: Secret::from(PASSWORD),
                    code: Some(code),
                    line: "tty1".to_owned(),
                },
            )
        };
        if in_copy {
            let waits = log_in(code(&made.seed, 0)).await.err().unwrap();
            assert_eq!(
                waits.message, "name, password or code is wrong",
                "no word of a right password"
            );
            let stale = || {
                let acts = rig.acts().into_iter();
                acts.filter_map(|act| act.result.err())
                    .any(|why| why.contains("restored"))
            };
            for _ in 0..100 {
                if stale() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            assert!(stale(), "R23: on record");
            rig.door.raise_steps().unwrap();
            assert!(
                log_in(code(&made.seed, 0)).await.is_err(),
                "void: nobody knows whether it was used"
            );
        } else {
            assert!(
                log_in(code(&made.seed, 0)).await.is_err(),
                "disabled, without a password"
            );
            let password = Request::OperatorSet(OperatorSet {
                name: "anna".to_owned(),
                role: None,
                enabled: Some(true),
                password: Some(Secret::from(PASSWORD)),
            });
            rig.fails(FailureKind::Refused, set("anna", None, Some(true))).await;
            rig.ok(password).await;
            assert!(log_in(code(&made.seed, 0)).await.is_ok());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_the_copy_before_a_schema_is_raised_knows_how_far_the_operators_journal_went() {
    let password = |name: &str| {
        Request::OperatorSet(OperatorSet {
            name: name.to_owned(),
            role: None,
            enabled: None,
            password: Some(Secret::from("another good password")),
        })
    };
    let rig = Rig::open();
    for name in ["anna", "ben"] {
        let add = OperatorAdd {
            name: name.to_owned(),
            role: Role::Installer,
            password: Secret::from("correct horse battery"),
            line: String::new(),
        };
        rig.ok(Request::OperatorAdd(add)).await;
    }
    rig.ok(password("ben")).await;
    rig.door.close();
    let Rig { ops, door, dir, .. } = rig;
    drop((ops, door));
    let store = dir.path().join("state").join(STORE_DIR);
    // As the posternd of schema 2 would have left it: an older head, and nothing counted that it did not know.
    let db = sled::Config::new().path(&store).open().unwrap();
    let mut head = db.get("mstore").unwrap().unwrap().to_vec();
    assert_eq!(u32::from(head[1]), crate::store::SCHEMA);
    head[1] = 2;
    let counters = db.get("mcounters").unwrap().unwrap();
    db.insert("mstore", head).unwrap();
    db.insert("mcounters", &counters[..counters.len() - 1]).unwrap();
    db.flush().unwrap();
    drop((db, counters));
    let rig = Rig::open_at(dir);
    rig.ok(password("anna")).await;
    rig.door.close();
    let Rig { ops, door, dir, .. } = rig;
    drop((ops, door));
    let whole = std::fs::read(store.join("db")).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    std::fs::write(store.join("db"), &whole[..used / 2]).unwrap();
    let rig = Rig::open_at(dir);
    let alarms = rig.door.alarms.list();
    assert!(alarms.iter().any(|alarm| alarm.code == "store-restored"), "{alarms:?}");
    let operators = rig.door.store.operators();
    let mut stand: Vec<_> = operators
        .iter()
        .map(|one| (one.name.as_str(), one.enabled, one.password.is_empty()))
        .collect();
    stand.sort_unstable();
    assert_eq!(
        stand,
        [("anna", false, true), ("ben", true, false)],
        "Ben's password was changed before the copy, Anna's after it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_r24_a_restored_box_without_operators_is_no_first_start() {
    let add = || OperatorAdd {
        name: "anna".to_owned(),
        role: Role::Installer,
        password: Secret::from("correct horse battery"),
        line: String::new(),
    };
    let rig = Rig::open();
    assert!(!rig.ops.hello().operators);
    rig.door.copy_store(crate::clock::wall()).unwrap();
    rig.ok(Request::OperatorAdd(add())).await;
    rig.door.close();
    let Rig { ops, door, dir, .. } = rig;
    drop((ops, door));
    let state = dir.path().join("state");
    std::fs::remove_dir_all(state.join(STORE_DIR)).unwrap();
    std::fs::remove_dir_all(state.join(crate::door::start::OPERATORS_DIR)).unwrap();
    let mut rig = Rig::open_at(dir);
    for _ in 0..2 {
        assert!(rig.door.store.operators().is_empty());
        assert!(rig.ops.hello().operators, "the console asks for a login");
        let first = rig.ops.first(990, add()).await.err().unwrap();
        assert_eq!(first.kind, FailureKind::LogInFirst, "{first}");
        rig = rig.reopen();
    }
    rig.ok(Request::OperatorAdd(add())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_an_operator_without_a_record_is_put_on_record_at_the_next_start() {
    let rig = Rig::open();
    let add = OperatorAdd {
        name: "anna".to_owned(),
        role: Role::Installer,
        password: Secret::from("correct horse battery"),
        line: String::new(),
    };
    rig.ok(Request::OperatorAdd(add)).await;
    let known = rig.door.store.operators()[0].clone();
    let lost = crate::store::records::Operator {
        name: "ben".to_owned(),
        ..known
    };
    rig.door
        .store
        .apply(vec![crate::store::Change::AddOperator(lost)])
        .unwrap();
    let rig = rig.reopen().reopen();
    let acts = rig.acts().into_iter().filter(|act| act.action == "operator add");
    let told: Vec<_> = acts.map(|act| (act.target, act.line)).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1].0, "ben, role installer");
    assert_eq!(told[1].1, "(found without a record)");
}
