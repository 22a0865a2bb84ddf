//! Hardware tokens that the box programs: nobody is ever left with two halves, and nothing counts before its code has come.

use super::*;
use crate::control::{HardwareList, SerialReport, TokenList, TokenProgramming};
use crate::store::records::{Algorithm, Timestamp, TokenId, TokenSource, TokenStatus};

const ANNA: &str = "anna@contoso.example";
const BEN: &str = "ben@contoso.example";
/// An OTPC-P2-i, by its prefix.
const SERIAL: &str = "8659622000001";

fn asked(user: &str, replace: bool) -> TokenProgram {
    TokenProgram {
        user: user.to_owned(),
        serial: SERIAL.to_owned(),
        model: "OTPC-P2-i".to_owned(),
        profile: None,
        parameters: TotpParameters::default(),
        replace,
    }
}

fn program(user: &str, replace: bool) -> Request {
    Request::TokenProgram(asked(user, replace))
}

fn programming(answer: Answer) -> TokenProgramming {
    match answer {
        Answer::TokenProgramming(made) => *made,
        other => panic!("{other:?}"),
    }
}

fn written(user: &str, id: TokenId) -> Request {
    Request::TokenWritten {
        user: user.to_owned(),
        id,
    }
}

fn confirm(user: &str, code: &Secret) -> Request {
    Request::TokenConfirm {
        user: user.to_owned(),
        code: code.clone(),
    }
}

fn clock_set(user: &str, id: TokenId) -> Request {
    Request::TokenClockSet {
        user: user.to_owned(),
        id,
    }
}

fn since(token: &TokenInfo) -> Option<Option<Timestamp>> {
    match token.source {
        TokenSource::Programmed(programmed) => Some(programmed.written),
        _ => None,
    }
}

async fn tokens(rig: &Rig, user: &str) -> Vec<TokenInfo> {
    match rig.ok(Request::TokenList { user: user.to_owned() }).await {
        Answer::Tokens(TokenList { tokens }) => tokens,
        other => panic!("{other:?}"),
    }
}

async fn both() -> Rig {
    let rig = Rig::open();
    rig.user(ANNA).await;
    rig.user(BEN).await;
    rig
}

/// A token of this user's that was programmed and confirmed.
async fn in_use(rig: &Rig, user: &str) -> (TokenId, Secret) {
    let made = programming(rig.ok(program(user, true)).await);
    rig.ok(written(user, made.token.id)).await;
    rig.ok(confirm(user, &code(&made.seed, 0))).await;
    (made.token.id, made.seed)
}

#[tokio::test(flavor = "multi_thread")]
async fn r16_a_token_counts_only_when_its_code_has_come() {
    let rig = both().await;
    let made = programming(rig.ok(program("ANNA@contoso.example", false)).await);
    assert_eq!((made.seed.len(), made.token.user.as_str()), (20, ANNA));
    assert_eq!(
        (made.token.status, since(&made.token)),
        (TokenStatus::Pending, Some(None))
    );
    assert_eq!((made.replaces.len(), made.customer_key.is_none()), (0, true));
    let (word, target, _) = rig.last_act();
    assert_eq!(
        (word.as_str(), target),
        (
            "token program",
            format!("{ANNA} #{} (OTPC-P2-i {SERIAL})", made.token.id.0)
        )
    );
    let told = token(rig.ok(written(ANNA, made.token.id)).await);
    assert_eq!(told.status, TokenStatus::Pending, "written is not proven");
    assert!(since(&told).flatten().is_some());
    assert_eq!(rig.show(ANNA).await.row.active_tokens, 0);
    rig.fails(FailureKind::Refused, confirm(ANNA, &code(&seed(9), 0))).await;
    let right = code(&made.seed, 0);
    let active = token(rig.ok(confirm(ANNA, &right)).await);
    assert_eq!((active.id, active.status), (made.token.id, TokenStatus::Active));
    let alone = format!("{ANNA} #{} (OTPC-P2-i {SERIAL})", made.token.id.0);
    assert_eq!(rig.last_act().1, alone, "nobody else is concerned");
    rig.fails(FailureKind::Exists, confirm(ANNA, &right)).await;
    // Told once more, late: nothing is undone by it.
    let late = token(rig.ok(written(ANNA, made.token.id)).await);
    assert_eq!(late, active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_never_reported_as_written_is_proven_by_its_code() {
    let rig = both().await;
    let made = programming(rig.ok(program(ANNA, false)).await);
    let active = token(rig.ok(confirm(ANNA, &code(&made.seed, 0))).await);
    assert!(since(&active).flatten().is_some(), "{active:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn seeds_are_as_long_as_the_hash_and_no_two_are_the_same() {
    let rig = both().await;
    let with = |algorithm, digits, profile| {
        let parameters = TotpParameters {
            algorithm,
            digits,
            period: 60,
        };
        Request::TokenProgram(TokenProgram {
            parameters,
            profile,
            ..asked(ANNA, false)
        })
    };
    let mut seeds = std::collections::BTreeSet::new();
    for (algorithm, length) in [(Algorithm::Sha1, 20), (Algorithm::Sha256, 32)] {
        for _ in 0..3 {
            let made = programming(rig.ok(with(algorithm, 6, None)).await);
            assert_eq!((made.seed.len(), made.token.algorithm), (length, algorithm));
            assert!(seeds.insert(made.seed.expose().to_vec()));
        }
    }
    let bad = [
        with(Algorithm::Sha512, 6, None),
        with(Algorithm::Sha1, 8, None),
        with(Algorithm::Sha1, 10, Some(1)),
        with(Algorithm::Sha1, 6, Some(100)),
        Request::TokenProgram(TokenProgram {
            serial: " ".to_owned(),
            ..asked(ANNA, false)
        }),
    ];
    for bad in bad {
        rig.fails(FailureKind::Usage, bad).await;
    }
    rig.fails(FailureKind::NotFound, program("carl@contoso.example", false))
        .await;
    rig.ok(Request::UserDisable { name: BEN.to_owned() }).await;
    let line = rig.fails(FailureKind::Refused, program(BEN, false)).await;
    assert!(line.contains("is disabled"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_left_with_two_halves_of_one_token() {
    let rig = both().await;
    let first = programming(rig.ok(program(ANNA, false)).await);
    rig.ok(written(ANNA, first.token.id)).await;
    let second = programming(rig.ok(program(ANNA, false)).await);
    // The link may fail now: then the hardware still holds the first.
    assert_eq!(tokens(&rig, ANNA).await.len(), 2);
    rig.ok(written(ANNA, second.token.id)).await;
    assert_eq!(
        tokens(&rig, ANNA)
            .await
            .iter()
            .map(|token| token.id)
            .collect::<Vec<_>>(),
        [second.token.id]
    );
    // What was begun before is not believed any more, whoever still holds its number or its code.
    let line = rig.fails(FailureKind::NotFound, written(ANNA, first.token.id)).await;
    assert!(line.contains("once more"), "{line}");
    rig.fails(FailureKind::Refused, confirm(ANNA, &code(&first.seed, 0)))
        .await;
    // Another profile is another token.
    let profile = |profile| {
        Request::TokenProgram(TokenProgram {
            profile: Some(profile),
            ..asked(ANNA, false)
        })
    };
    rig.ok(profile(1)).await;
    rig.ok(profile(2)).await;
    rig.ok(profile(2)).await;
    assert_eq!(tokens(&rig, ANNA).await.len(), 3);
    // An app's token is no hardware that was written.
    let app = rig.token(ANNA, Some(&seed(1)), false).await;
    let line = rig.fails(FailureKind::Refused, written(ANNA, app.token.id)).await;
    assert!(line.contains("not programmed on this box"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reused_token_asks_first_and_goes_from_its_user_only_with_the_new_code() {
    let rig = both().await;
    let (old, old_seed) = in_use(&rig, BEN).await;
    let line = rig.fails(FailureKind::Exists, program(ANNA, false)).await;
    assert!(line.contains(&format!("#{} of {BEN}", old.0)), "{line}");
    assert_eq!(tokens(&rig, ANNA).await, []);
    let made = programming(rig.ok(program(ANNA, true)).await);
    assert_eq!((made.replaces.len(), made.replaces[0].id), (1, old));
    rig.ok(written(ANNA, made.token.id)).await;
    // The power may fail now, or somebody puts the token down: Ben's stays as it is.
    let rig = rig.reopen();
    assert_eq!(tokens(&rig, BEN).await[0].status, TokenStatus::Active);
    let before = rig.door.store.generation(rig.id(BEN));
    rig.ok(confirm(ANNA, &code(&made.seed, 0))).await;
    assert_eq!(tokens(&rig, BEN).await, []);
    assert!(rig.door.store.generation(rig.id(BEN)) > before, "R9");
    let act = rig.acts().pop().unwrap();
    assert_eq!(act.users, [ANNA, BEN], "on record with both");
    assert_eq!(
        act.target,
        format!(
            "{ANNA} #{} (OTPC-P2-i {SERIAL}) removes #{} of {BEN}",
            made.token.id.0, old.0
        )
    );
    assert!(
        rig.door
            .store
            .seed(rig.door.sealer.seed_mark(old_seed.expose()))
            .unwrap()
            .last_step
            .is_some()
    );
    // Of one's own too: the old seed is in it no more.
    rig.fails(FailureKind::Exists, program(ANNA, false)).await;
    let again = programming(rig.ok(program(ANNA, true)).await);
    rig.ok(confirm(ANNA, &code(&again.seed, 0))).await;
    let left = tokens(&rig, ANNA).await;
    assert_eq!((left.len(), left[0].id), (1, again.token.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_somebody_else_began_and_one_of_the_vendor_go_with_the_code() {
    let rig = both().await;
    let bens = programming(rig.ok(program(BEN, false)).await);
    let row = ImportRow {
        line: 2,
        user: String::new(),
        serial: SERIAL.to_owned(),
        seed: seed(7),
        parameters: crate::store::records::OtpParameters::default(),
        counter: 0,
        model: "Token2 OTPC-P2-i".to_owned(),
    };
    let batch = ImportBatch {
        rows: vec![row.clone()],
        dry_run: false,
        active: false,
    };
    rig.ok(Request::ImportBatch(batch.clone())).await;
    let line = rig.fails(FailureKind::Exists, program(ANNA, false)).await;
    assert!(line.contains("unassigned token Token2 OTPC-P2-i"), "{line}");
    let made = programming(rig.ok(program(ANNA, true)).await);
    assert_eq!(made.replaces[0].id, bens.token.id);
    rig.ok(confirm(ANNA, &code(&made.seed, 0))).await;
    assert_eq!(tokens(&rig, BEN).await, []);
    assert!(rig.door.store.unassigned_with_serial(SERIAL).is_empty());
    let act = rig.acts().pop().unwrap();
    assert!(
        act.target
            .ends_with(&format!("of {BEN} and the vendor's seed of Token2 OTPC-P2-i {SERIAL}"))
    );
    // And it does not come back with the vendor's file.
    let Answer::Import(report) = rig.ok(Request::ImportBatch(batch)).await else {
        panic!("no report");
    };
    let note = report.results[0].note.clone().unwrap();
    assert!(note.contains("programmed on this box"), "{note}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_no_token_is_programmed_while_the_clock_is_not_trusted() {
    let rig = both().await;
    let (id, _) = in_use(&rig, ANNA).await;
    rig.door.close();
    let Rig { ops, door, dir, .. } = rig;
    drop((ops, door));
    let newest = crate::clock::wall().plus(std::time::Duration::from_secs(86_400));
    std::fs::write(dir.path().join("state").join("newest-time"), newest.0.to_string()).unwrap();
    let rig = Rig::open_at(dir);
    for request in [program(BEN, true), clock_set(ANNA, id)] {
        let line = rig.fails(FailureKind::Refused, request).await;
        assert!(line.contains("postern time confirm"), "{line}");
    }
    assert_eq!(tokens(&rig, BEN).await, []);
    rig.ok(Request::TimeConfirm).await;
    rig.ok(program(BEN, true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r16_a_clock_that_was_set_forgets_its_drift_and_no_spent_code() {
    let rig = both().await;
    let key = seed(3);
    let made = rig.token(ANNA, Some(&key), true).await;
    let far = Request::TokenResync {
        user: ANNA.to_owned(),
        first: code(&key, 9),
        second: code(&key, 10),
    };
    let ahead = token(rig.ok(far).await);
    assert_eq!(ahead.drift_seconds, 300);
    let set = token(rig.ok(clock_set(ANNA, made.token.id)).await);
    assert_eq!((set.drift_seconds, set.last_code), (0, ahead.last_code));
    let next = set.next_code().unwrap();
    assert!(
        next > crate::clock::wall(),
        "the clock went back: codes up to then are spent"
    );
    assert_eq!(
        rig.last_act(),
        ("token clock".to_owned(), format!("{ANNA} #{}", made.token.id.0), Ok(()))
    );
    // Without a clean end: the journal still tells of the old drift, and of the spent step.
    let Rig {
        ops,
        door,
        dir,
        _outbox,
    } = rig;
    drop((ops, door, _outbox));
    let rig = Rig::open_at(dir);
    let now = &tokens(&rig, ANNA).await[0];
    assert_eq!((now.drift_seconds, now.last_code), (0, ahead.last_code));
    let counted = TokenAdd {
        user: ANNA.to_owned(),
        seed: Some(seed(4)),
        parameters: hotp(),
        counter: 3,
        active: false,
    };
    let Answer::TokenMade(counted) = rig.ok(Request::TokenAdd(counted)).await else {
        panic!("not made");
    };
    assert_eq!(counted.token.counter, Some(3), "codes before the counter are spent");
    let line = rig.fails(FailureKind::Refused, clock_set(ANNA, counted.token.id)).await;
    assert!(line.contains("no clock"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r21_the_customer_key_goes_to_molto_tokens_alone_and_on_no_record() {
    let rig = both().await;
    let key = Secret::from("KEY-OF-THIS-HOUSE");
    let set = |key| Request::MoltoKeySet { key };
    rig.fails(FailureKind::Usage, set(Some(Secret::from("")))).await;
    let line = done(rig.ok(set(Some(key.clone()))).await);
    assert!(!line.contains("KEY-OF"), "{line}");
    assert_eq!(
        rig.last_act(),
        ("token molto-key".to_owned(), "a key of this house".to_owned(), Ok(()))
    );
    let molto = || {
        Request::TokenProgram(TokenProgram {
            profile: Some(3),
            ..asked(ANNA, false)
        })
    };
    let rig = rig.reopen();
    assert_eq!(programming(rig.ok(molto()).await).customer_key, Some(key));
    assert_eq!(programming(rig.ok(program(ANNA, false)).await).customer_key, None);
    rig.ok(set(None)).await;
    assert_eq!(programming(rig.ok(molto()).await).customer_key, None);
    for act in rig.acts() {
        assert!(!format!("{act:?}").contains("KEY-OF"), "{act:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hardware_tokens_are_listed_and_found_by_serial_number() {
    let rig = both().await;
    let (used, _) = in_use(&rig, BEN).await;
    let other = TokenProgram {
        serial: "8659610000777".to_owned(),
        model: "C301-i".to_owned(),
        ..asked(ANNA, false)
    };
    let begun = programming(rig.ok(Request::TokenProgram(other)).await);
    rig.token(ANNA, Some(&seed(1)), true).await;
    let list = async |which, search: &str| {
        let page = PageAsk {
            search: search.to_owned(),
            offset: 0,
            limit: 10,
        };
        match rig.ok(Request::HardwareList(HardwareAsk { which, page })).await {
            Answer::Hardware(HardwareList { tokens, total }) => {
                assert_eq!(tokens.len() as u64, total);
                tokens.into_iter().map(|token| token.id).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    let (all, pending) = (HardwareWhich::All, HardwareWhich::Pending);
    assert_eq!(list(all, "").await, [begun.token.id, used]);
    assert_eq!(list(pending, "").await, [begun.token.id]);
    assert_eq!(list(all, " BEN").await, [used]);
    assert_eq!(list(all, "c301").await, [begun.token.id]);
    assert_eq!(list(pending, SERIAL).await, []);
    let show = async |serial: &str| match rig
        .ok(Request::SerialShow {
            serial: serial.to_owned(),
        })
        .await
    {
        Answer::Serial(SerialReport { tokens, unassigned }) => (tokens.len(), unassigned.len()),
        other => panic!("{other:?}"),
    };
    assert_eq!((show(SERIAL).await, show("8659").await), ((1, 0), (0, 0)));
    rig.fails(FailureKind::Usage, Request::SerialShow { serial: String::new() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_what_was_programmed_over_does_not_come_back_with_a_copy() {
    let rig = both().await;
    let (old, _) = in_use(&rig, BEN).await;
    let batch = |serial: &str, n| {
        Request::ImportBatch(ImportBatch {
            rows: vec![ImportRow {
                line: 2,
                user: String::new(),
                serial: serial.to_owned(),
                seed: seed(n),
                parameters: crate::store::records::OtpParameters::default(),
                counter: 0,
                model: "Key".to_owned(),
            }],
            dry_run: false,
            active: false,
        })
    };
    let forget = |serial: &str| Request::UnassignedRemove {
        serial: serial.to_owned(),
        model: None,
    };
    rig.ok(batch("V-1", 1)).await;
    rig.ok(batch("V-2", 2)).await;
    // Forgotten and read in again before the copy: it was in it.
    rig.ok(forget("V-2")).await;
    rig.ok(batch("V-2", 2)).await;
    rig.door.copy_store(crate::clock::wall()).unwrap();
    let made = programming(rig.ok(program(ANNA, true)).await);
    rig.ok(confirm(ANNA, &code(&made.seed, 0))).await;
    rig.ok(forget("V-1")).await;
    rig.door.close();
    let Rig { ops, door, dir, .. } = rig;
    drop((ops, door));
    let db = dir.path().join("state").join(crate::store::STORE_DIR).join("db");
    let whole = std::fs::read(&db).unwrap();
    std::fs::write(&db, &whole[..whole.len() / 2]).unwrap();
    let rig = Rig::open_at(dir);
    assert_eq!(
        rig.door.store.token(old).unwrap(),
        None,
        "its hardware holds another seed"
    );
    assert_eq!(tokens(&rig, BEN).await, []);
    assert!(rig.door.store.unassigned_with_serial("V-1").is_empty());
    assert_eq!(rig.door.store.unassigned_with_serial("V-2").len(), 1);
}

fn hotp() -> crate::store::records::OtpParameters {
    crate::store::records::OtpParameters::Hotp(crate::store::records::HotpParameters {
        algorithm: Algorithm::Sha1,
        digits: 6,
    })
}
