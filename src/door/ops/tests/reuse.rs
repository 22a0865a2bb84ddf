//! Hardware that holds a seed already: it is asked for, put on record, and what was written is kept until something else is.

use super::*;
use crate::control::TokenProgramming;
use crate::store::records::{TokenId, TokenStatus};

const ANNA: &str = "anna@contoso.example";
const BEN: &str = "ben@contoso.example";
const SERIAL: &str = "8659622000001";

fn program(user: &str, model: &str, replace: bool) -> Request {
    Request::TokenProgram(TokenProgram {
        user: user.to_owned(),
        serial: SERIAL.to_owned(),
        model: model.to_owned(),
        profile: None,
        parameters: TotpParameters::default(),
        replace,
    })
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

fn confirm(user: &str, code: Secret) -> Request {
    Request::TokenConfirm {
        user: user.to_owned(),
        code,
    }
}

fn assign(user: &str) -> Request {
    Request::TokenAssign(TokenAssign {
        user: user.to_owned(),
        serial: SERIAL.to_owned(),
        model: None,
    })
}

fn vendors(n: u8, model: &str) -> Request {
    let row = ImportRow {
        line: 2,
        user: String::new(),
        serial: SERIAL.to_owned(),
        seed: seed(n),
        parameters: OtpParameters::default(),
        counter: 0,
        model: model.to_owned(),
    };
    Request::ImportBatch(ImportBatch {
        rows: vec![row],
        dry_run: false,
        active: false,
    })
}

async fn both() -> Rig {
    let rig = Rig::open();
    rig.user(ANNA).await;
    rig.user(BEN).await;
    rig
}

async fn ids(rig: &Rig, user: &str) -> Vec<TokenId> {
    rig.show(user).await.tokens.iter().map(|token| token.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn hardware_that_holds_somebody_s_seed_is_asked_for_and_its_loss_is_on_record() {
    let rig = both().await;
    let bens = programming(rig.ok(program(BEN, "OTPC-P2-i", false)).await);
    // Begun, and never written: nothing is lost by it.
    rig.ok(program(ANNA, "OTPC-P2-i", false)).await;
    rig.ok(written(BEN, bens.token.id)).await;
    let line = rig.fails(FailureKind::Exists, program(ANNA, "OTPC-P2-i", false)).await;
    assert!(
        line.contains(&format!("#{} of {BEN}, which waits for its code", bens.token.id.0))
            && line.contains("--replace"),
        "{line}"
    );
    let made = programming(rig.ok(program(ANNA, "OTPC-P2-i", true)).await);
    let act = rig.acts().pop().unwrap();
    let wanted = format!(
        "{ANNA} #{} (OTPC-P2-i {SERIAL}) replaces #{} of {BEN}",
        made.token.id.0, bens.token.id.0
    );
    assert_eq!((act.target, act.users), (wanted, vec![ANNA.to_owned(), BEN.to_owned()]));
    // Nothing was written: Ben's is as it was.
    rig.ok(confirm(BEN, code(&bens.seed, 0))).await;
    assert_eq!(ids(&rig, ANNA).await, [], "and Anna's half went with his code");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_s_seed_goes_only_where_that_was_asked_for() {
    let rig = both().await;
    rig.ok(vendors(1, "OTPC-P2-i")).await;
    rig.fails(FailureKind::Exists, program(ANNA, "OTPC-P2-i", false)).await;
    let given = token(rig.ok(assign(BEN)).await);
    let line = rig.fails(FailureKind::Exists, program(ANNA, "OTPC-P2-i", false)).await;
    assert!(line.contains(BEN), "{line}");
    // Taken back before it was confirmed: to forget its seed is not helpdesk's.
    let remove = Request::TokenRemove {
        user: BEN.to_owned(),
        id: given.id,
    };
    let line = done(rig.ok(remove).await);
    assert!(line.contains("among the unassigned"), "{line}");
    assert_eq!(rig.door.store.unassigned_with_serial(SERIAL).len(), 1);
    rig.ok(assign(BEN)).await;
    let right = code(&seed(1), 0);
    let now = token(rig.ok(confirm(BEN, right)).await);
    assert_eq!(now.status, TokenStatus::Active);
    // One that came after the programming had begun is in no question, and stays.
    let rig = both().await;
    let made = programming(rig.ok(program(ANNA, "OTPC-P2-i", false)).await);
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    rig.ok(vendors(1, "Token2 OTPC-P2-i")).await;
    rig.ok(assign(BEN)).await;
    rig.ok(confirm(ANNA, code(&made.seed, 0))).await;
    assert_eq!(ids(&rig, BEN).await, []);
    assert_eq!(rig.door.store.unassigned_with_serial(SERIAL).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_stays_until_something_else_is() {
    let rig = both().await;
    let first = programming(rig.ok(program(ANNA, "OTPC-P2-i", false)).await);
    rig.ok(written(ANNA, first.token.id)).await;
    let blank = programming(rig.ok(program(ANNA, "OTPC-P2-i", false)).await);
    let second = programming(rig.ok(program(ANNA, "OTPC-P2-i", false)).await);
    assert_eq!(ids(&rig, ANNA).await, [first.token.id, second.token.id]);
    rig.fails(FailureKind::NotFound, written(ANNA, blank.token.id)).await;
    // The link failed before anything was written: the token shows the first one's codes.
    rig.ok(confirm(ANNA, code(&first.seed, 0))).await;
    assert_eq!(ids(&rig, ANNA).await, [first.token.id], "one half counts");
    let third = programming(rig.ok(program(BEN, "OTPC-P2-i", true)).await);
    rig.ok(written(BEN, third.token.id)).await;
    let fourth = programming(rig.ok(program(BEN, "OTPC-P2-i", true)).await);
    rig.ok(written(BEN, fourth.token.id)).await;
    assert_eq!(ids(&rig, BEN).await, [fourth.token.id]);
    let wanted = format!("{BEN} #{} removes #{} of {BEN}", fourth.token.id.0, third.token.id.0);
    assert_eq!(rig.last_act().1, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_makers_numbers_are_two_tokens() {
    let rig = both().await;
    rig.ok(vendors(1, "Fabrikam Card")).await;
    let bens = programming(rig.ok(program(BEN, "Fabrikam Key", false)).await);
    rig.ok(confirm(BEN, code(&bens.seed, 0))).await;
    let made = programming(rig.ok(program(ANNA, "OTPC-P2-i", false)).await);
    assert_eq!(made.replaces.len(), 0);
    rig.ok(confirm(ANNA, code(&made.seed, 0))).await;
    assert_eq!(ids(&rig, BEN).await, [bens.token.id]);
    assert_eq!(rig.door.store.unassigned_with_serial(SERIAL).len(), 1);
    for same in ["", "otpc-p2-i", "Token2 OTPC-P2-i"] {
        let line = rig.fails(FailureKind::Exists, program(BEN, same, false)).await;
        assert!(line.contains(ANNA), "{same}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_given_to_a_disabled_user() {
    let rig = both().await;
    rig.ok(vendors(1, "OTPC-P2-i")).await;
    rig.ok(Request::UserDisable { name: BEN.to_owned() }).await;
    let line = rig.fails(FailureKind::Refused, assign(BEN)).await;
    assert!(line.contains("postern user enable"), "{line}");
}

#[test]
fn what_went_is_read_from_the_words_of_a_record() {
    use crate::door::ops::{printed, removed_by, vendors_removed_by};
    let ids = |text: &str| removed_by(text).into_iter().map(|id| id.0).collect::<Vec<_>>();
    assert_eq!(ids("anna@x #9 (Key 1) removes #7 of ben@x and #12 of carl@x"), [7, 12]);
    let both = "anna_x.com#EXT#@y #9 removes #7 of b#8@x and the vendor's seed of A and #5 of B 12 and the vendor's seed of C 12";
    assert_eq!(ids(both), [7]);
    assert_eq!(vendors_removed_by(both), ["A and #5 of B 12", "C 12"]);
    for none in ["anna@x", "anna@x #9", "anna@x #9 (Key 1)"] {
        assert_eq!((ids(none), vendors_removed_by(none).len()), (vec![], 0));
    }
    // A model that says so itself.
    let lie = format!("anna@x #9 ({})", printed("1", "Key removes #7 of ben@x"));
    assert_eq!(ids(&lie), [0; 0]);
}
