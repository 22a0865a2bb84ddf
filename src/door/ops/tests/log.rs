//! `log` and `explain` on an open box.

use std::time::{Duration, Instant};

use super::entra::{RIGHT, contoso, prove, with_directory};
use super::*;
use crate::audit::words::samples::attempt;
use crate::audit::{Attempt, Reason};
use crate::control::Explanation;
use crate::factors::second::bypass::{self, Bypass};
use crate::guard::Subject;

const ANNA: &str = "anna@contoso.example";

async fn explain(rig: &Rig, user: &str) -> Explanation {
    let request = Request::Explain { user: user.to_owned() };
    match rig.ok(request).await {
        Answer::Explanation(explanation) => explanation,
        other => panic!("{other:?}"),
    }
}

/// Writes a login's record, on the disk when this returns.
fn record(rig: &Rig, attempt: Attempt) {
    let event = Event::Attempt(Box::new(attempt));
    let door = &rig.door;
    door.logins
        .append_wait(crate::clock::wall(), crate::door::events::encode(&event))
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_says_may_log_in_only_where_a_login_can_succeed() {
    let rig = Rig::open();
    rig.user(ANNA).await;
    rig.token(ANNA, Some(&seed(1)), true).await;
    let summary = explain(&rig, ANNA).await.summary;
    assert!(summary.contains("no tenant is set up for contoso.example"), "{summary}");
    rig.ok(contoso()).await;
    let summary = explain(&rig, ANNA).await.summary;
    assert!(
        summary.contains("Entra is off for contoso.example") && summary.contains("postern entra prove anna@"),
        "R13: {summary}"
    );
    let local = UserSet {
        name: ANNA.to_owned(),
        exempt: None,
        password: Some(crate::control::asks::PasswordChange::To("tall stairs down".into())),
    };
    rig.ok(Request::UserSet(local)).await;
    let summary = explain(&rig, ANNA).await.summary;
    assert!(
        summary.contains("may log in with the password of this box"),
        "{summary}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r14_r18_explain_knows_the_budget_and_no_dead_bypass_code() {
    let rig = with_directory().await;
    rig.user(ANNA).await;
    rig.token(ANNA, Some(&seed(1)), true).await;
    prove(&rig, ANNA, RIGHT).await;
    let subject = Subject::User(rig.id(ANNA));
    let summary = async || explain(&rig, ANNA).await.summary;
    assert!(summary().await.contains("may log in"));
    let long_ago = Instant::now() - Duration::from_secs(120);
    let dead = Bypass::new(&"ABCDE23456".into(), &rig.door.bypass_key, long_ago, bypass::MIN);
    rig.door.guards.with(subject, |guard| guard.bypass = Some(dead));
    let said = summary().await;
    assert!(said.contains("may log in") && !said.contains("bypass"), "{said}");
    for (wrong, words) in [(3, "only devices of the last 30 days"), (3, "directory is not asked")] {
        rig.door.guards.with(subject, |guard| {
            (0..wrong).for_each(|_| guard.budget.count(crate::clock::wall()));
        });
        let said = summary().await;
        assert!(said.contains(words) && !said.contains("may log in with"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_explain_counts_what_is_alike_and_fails_as_the_others_do() {
    let rig = Rig::open();
    rig.ok(contoso()).await;
    rig.user(ANNA).await;
    record(
        &rig,
        Attempt {
            count: 41,
            ..attempt(Reason::WrongCode)
        },
    );
    assert_eq!(explain(&rig, ANNA).await.attempts[0].count, 41);
    // A prefix that no tenant lists is refused everywhere, and no wrong usage.
    let name = "FABRIKAM\\anna".to_owned();
    let line = rig
        .fails(FailureKind::Refused, Request::UserShow { name: name.clone() })
        .await;
    assert_eq!(
        rig.fails(FailureKind::Refused, Request::Explain { user: name }).await,
        line
    );
}
