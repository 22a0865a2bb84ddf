//! Tenants, and questions to a directory that is a small server here.

use std::collections::BTreeMap;

use axum::http::StatusCode;

use super::*;
use crate::control::{ProveReport, TenantInfo, TenantState, TestReport};
use crate::store::records::{Override, Proof, Timestamp};

const DOMAIN: &str = "contoso.example";
pub(super) const RIGHT: &str = "correct horse";

pub(super) fn set(change: impl FnOnce(&mut EntraSet)) -> Request {
    let mut ask = EntraSet {
        domain: DOMAIN.to_owned(),
        ..EntraSet::default()
    };
    change(&mut ask);
    Request::EntraSet(ask)
}

fn ids(ask: &mut EntraSet) {
    ask.tenant = Some("11111111-2222-3333-4444-555555555555".to_owned());
    ask.client_id = Some("66666666-7777-8888-9999-aaaaaaaaaaaa".to_owned());
}

/// A tenant of contoso.example.
pub(super) fn contoso() -> Request {
    set(ids)
}

fn tenant(answer: Answer) -> TenantInfo {
    match answer {
        Answer::Tenant(info) => *info,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn prove(rig: &Rig, user: &str, password: &str) -> ProveReport {
    match rig.ok(Request::EntraProve(login(user, password))).await {
        Answer::Prove(report) => *report,
        other => panic!("{other:?}"),
    }
}

async fn test(rig: &Rig, user: &str, password: &str) -> TestReport {
    match rig.ok(Request::EntraTest(login(user, password))).await {
        Answer::Test(report) => *report,
        other => panic!("{other:?}"),
    }
}

fn login(user: &str, password: &str) -> DirectoryLogin {
    DirectoryLogin {
        user: user.to_owned(),
        password: password.into(),
    }
}

/// A token endpoint: `anna` has MFA, `token` has none, for `blind` every password is right, `setup` meets a mistake.
async fn directory() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = axum::Router::new().fallback(|body: String| async move {
        let right = body.contains("password=correct+horse");
        let code = |code: u32| {
            let json = format!(
                "{{\"error\":\"invalid_grant\",\"error_codes\":[{code}],\"error_description\":\"AADSTS{code}: no\",\
                 \"correlation_id\":\"0a1b2c3d-0000-4000-8000-00000000000f\"}}"
            );
            (StatusCode::BAD_REQUEST, json)
        };
        match () {
            () if body.contains("username=blind") => code(50076),
            () if body.contains("username=setup") => code(7_000_218),
            () if !right => code(50126),
            () if body.contains("username=token") => (
                StatusCode::OK,
                "{\"token_type\":\"Bearer\",\"access_token\":\"abc\"}".to_owned(),
            ),
            () => code(50076),
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

pub(super) async fn with_directory() -> Rig {
    let rig = Rig::open();
    let authority = directory().await;
    rig.ok(set(|ask| {
        ids(ask);
        ask.authority = Some(authority);
    }))
    .await;
    rig
}

fn proof(rig: &Rig) -> Proof {
    rig.door.store.tenants()[0].proof
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_made_shown_and_removed() {
    let rig = Rig::open();
    let line = rig.fails(FailureKind::Usage, set(|_| ())).await;
    assert!(line.contains("--tenant and --client-id"), "{line}");
    let info = tenant(
        rig.ok(set(|ask| {
            ids(ask);
            ask.domain = "Contoso.Example".to_owned();
            ask.client_secret = Some("tenant secret words".into());
            ask.prefixes = Some(vec!["CONTOSO".to_owned(), "contoso\\".to_owned()]);
            ask.proxy = Some("http://user:hunter2@127.0.0.1:3128".to_owned());
            ask.scope = Some("openid offline_access".to_owned());
        }))
        .await,
    );
    assert_eq!(
        (info.domain.as_str(), info.state, info.default),
        (DOMAIN, TenantState::Off, true)
    );
    assert_eq!((info.budget, info.scope.as_str()), (6, "openid"));
    assert_eq!(info.prefixes, ["contoso"]);
    assert_eq!(info.proxy.as_deref(), Some("http://user@127.0.0.1:3128"), "R21");
    assert!(info.warnings[0].contains("offline_access") && info.warnings[1].contains("entra prove"));
    assert!(info.confidential);
    rig.user("CONTOSO\\anna").await;
    let info = tenant(rig.ok(set(|ask| ask.client_secret = Some("".into()))).await);
    assert!(!info.confidential);
    rig.fails(FailureKind::NotFound, show("fabrikam.example")).await;
    let Answer::Tenants(list) = rig.ok(show(DOMAIN)).await else {
        panic!("no list")
    };
    assert_eq!(list.tenants.len(), 1);
    let text = serde_json::to_string(&list).unwrap() + &format!("{:?}", rig.acts());
    assert!(
        !text.contains("tenant secret words") && !text.contains("hunter2"),
        "R21"
    );
    rig.ok(Request::EntraRemove {
        domain: DOMAIN.to_owned(),
    })
    .await;
    assert!(
        rig.door.store.user_named("anna@contoso.example").unwrap().is_some(),
        "users stay"
    );
    rig.fails(
        FailureKind::NotFound,
        Request::EntraRemove {
            domain: DOMAIN.to_owned(),
        },
    )
    .await;
}

fn show(domain: &str) -> Request {
    Request::EntraShow {
        domain: Some(domain.to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_r13_bad_settings_are_refused_in_one_line() {
    let rig = Rig::open();
    rig.ok(contoso()).await;
    let before = rig.door.store.tenants();
    for (kind, bad) in [
        (
            FailureKind::Refused,
            set(|ask| ask.authority = Some("http://login.example".to_owned())),
        ),
        (FailureKind::Refused, set(|ask| ask.ca_pem = Some("no pem".to_owned()))),
        (
            FailureKind::Refused,
            set(|ask| ask.proxy = Some("socks5://127.0.0.1".to_owned())),
        ),
        (FailureKind::Usage, set(|ask| ask.tenant = Some("common".to_owned()))),
        (
            FailureKind::Usage,
            set(|ask| ask.prefixes = Some(vec!["a b".to_owned()])),
        ),
        (FailureKind::Usage, set(|ask| ask.budget = Some(1))),
        (FailureKind::Usage, set(|ask| ask.budget = Some(10))),
        (FailureKind::Usage, set(|ask| ask.domain = "contoso".to_owned())),
        (
            FailureKind::Refused,
            set(|ask| ask.overrides = BTreeMap::from([(53003, Some(Override::Continue))])),
        ),
        (
            FailureKind::Refused,
            set(|ask| ask.overrides = BTreeMap::from([(50126, Some(Override::Continue))])),
        ),
    ] {
        rig.fails(kind, bad).await;
    }
    assert_eq!(rig.door.store.tenants(), before);
    let info = tenant(
        rig.ok(set(|ask| {
            ask.overrides = BTreeMap::from([(50158, Some(Override::Continue))])
        }))
        .await,
    );
    assert!(info.warnings.iter().any(|line| line.contains("AADSTS50158")));
    assert!(
        rig.door
            .alarms
            .list()
            .iter()
            .any(|a| a.code == "entra-override-contoso.example")
    );
    let info = tenant(rig.ok(set(|ask| ask.overrides = BTreeMap::from([(50158, None)]))).await);
    assert!(info.overrides.is_empty());
    assert!(
        !rig.door
            .alarms
            .list()
            .iter()
            .any(|a| a.code.starts_with("entra-override"))
    );
    // R14: another cloud, another budget; what an operator chose stays.
    let info = tenant(rig.ok(set(|ask| ask.authority = Some("usgov".to_owned()))).await);
    assert_eq!(info.budget, 2);
    tenant(rig.ok(set(|ask| ask.budget = Some(4))).await);
    let info = tenant(rig.ok(set(|ask| ask.authority = Some("public".to_owned()))).await);
    assert_eq!(info.budget, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_one_default_and_no_prefix_twice() {
    let rig = Rig::open();
    rig.ok(set(|ask| {
        ids(ask);
        ask.prefixes = Some(vec!["contoso".to_owned()]);
    }))
    .await;
    let fabrikam = |change: fn(&mut EntraSet)| {
        set(|ask| {
            ids(ask);
            ask.domain = "fabrikam.example".to_owned();
            change(ask);
        })
    };
    let line = rig
        .fails(
            FailureKind::Refused,
            fabrikam(|ask| ask.prefixes = Some(vec!["CONTOSO".to_owned()])),
        )
        .await;
    assert!(line.contains(DOMAIN), "{line}");
    assert!(!tenant(rig.ok(fabrikam(|_| ())).await).default);
    assert_eq!(rig.user("anna").await.row.name, "anna@contoso.example");
    let info = tenant(rig.ok(fabrikam(|ask| ask.default = Some(true))).await);
    assert!(
        info.default
            && info
                .warnings
                .iter()
                .any(|line| line.contains("no more to contoso.example"))
    );
    assert_eq!(rig.user("anna").await.row.name, "anna@fabrikam.example");
    let defaults: Vec<bool> = rig.door.store.tenants().iter().map(|t| t.default).collect();
    assert_eq!(defaults, [false, true]);
    rig.ok(fabrikam(|ask| ask.default = Some(false))).await;
    let line = rig
        .fails(
            FailureKind::Refused,
            Request::UserShow {
                name: "anna".to_owned(),
            },
        )
        .await;
    assert!(line.contains("NAME@DOMAIN"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_bare_names_get_the_first_tenants_domain() {
    let rig = Rig::open();
    for name in ["anna", "ben", "carl@fabrikam.example", "ben@contoso.example"] {
        rig.user(name).await;
    }
    rig.token("anna", Some(&seed(1)), true).await;
    let id = rig.id("anna");
    let line = rig.fails(FailureKind::Refused, contoso()).await;
    assert!(line.contains("ben@contoso.example"), "{line}");
    assert!(rig.door.store.tenants().is_empty());
    rig.ok(Request::UserRemove { name: "ben".to_owned() }).await;
    let info = tenant(rig.ok(contoso()).await);
    assert!(info.warnings[0].contains("1 users"), "{:?}", info.warnings);
    let target = "contoso.example: 1 users without a domain became NAME@contoso.example";
    assert_eq!(rig.last_act().1, target);
    assert_eq!(rig.id("anna@contoso.example"), id);
    assert_eq!(rig.show("ANNA").await.tokens.len(), 1);
    rig.show("carl@fabrikam.example").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r13_a_right_and_a_wrong_password_prove_a_tenant_and_a_change_voids_it() {
    let rig = with_directory().await;
    rig.fails(FailureKind::Usage, Request::EntraProve(login("anna", "")))
        .await;
    rig.fails(
        FailureKind::NotFound,
        Request::EntraProve(login("anna@fabrikam.example", RIGHT)),
    )
    .await;
    let report = prove(&rig, "anna", "not it").await;
    assert!(!report.proven && report.wrong.is_none() && report.right.code == Some(50126));
    assert!(
        report.words.contains("stays off") && report.todo.contains("Type it again"),
        "{report:?}"
    );
    let report = prove(&rig, "token", RIGHT).await;
    assert!(!report.proven && report.right.verdict == "token" && report.todo.contains("Require MFA"));
    let report = prove(&rig, "blind", RIGHT).await;
    assert!(
        !report.proven && report.wrong.is_some() && report.todo.contains("does not check"),
        "{report:?}"
    );
    assert_eq!(proof(&rig), Proof::Missing);
    let report = prove(&rig, "Anna@Contoso.Example", RIGHT).await;
    assert!(report.proven && report.todo.is_empty(), "{report:?}");
    assert_eq!(
        (report.user.as_str(), report.right.verdict.as_str()),
        ("anna@contoso.example", "continue")
    );
    assert_eq!(
        report.right.correlation.as_deref(),
        Some("0a1b2c3d-0000-4000-8000-00000000000f")
    );
    assert_eq!(report.wrong.unwrap().code, Some(50126));
    assert!(matches!(proof(&rig), Proof::Proven(_)));
    assert!(rig.door.directories.get(DOMAIN).is_ok(), "logins ask it at once");
    let record = rig.last_act();
    assert_eq!(
        (record.0.as_str(), record.1.as_str()),
        ("entra prove", "contoso.example (anna@contoso.example)")
    );
    // R23: what failed is not told as done.
    let failed: Vec<_> = rig.acts().into_iter().filter(|act| act.result.is_err()).collect();
    assert_eq!(failed.len(), 5, "{failed:?}");
    let last = failed.last().unwrap();
    assert_eq!(last.target, "contoso.example (blind@contoso.example)");
    let why = last.result.clone().unwrap_err();
    assert!(why.starts_with("not proven: ") && why.contains("stays off"), "{why}");
    assert_eq!(switches(&rig), ["entra-on"]);
    assert!(!format!("{:?}", rig.acts()).contains(RIGHT), "R21");
    // A mistyped password takes nothing away; a policy changes nothing; another scope does.
    let report = prove(&rig, "anna", "not it").await;
    assert!(!report.proven && report.words.contains("stays on"), "{report:?}");
    rig.ok(set(|ask| ask.allow_external = Some(true))).await;
    assert!(matches!(proof(&rig), Proof::Proven(_)));
    let info = tenant(rig.ok(set(|ask| ask.scope = Some("User.Read".to_owned()))).await);
    assert_eq!(info.state, TenantState::Off);
    assert!(info.warnings[0].contains("void"), "{:?}", info.warnings);
    assert!(rig.door.directories.get(DOMAIN).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn r13_a_tenant_that_takes_any_password_is_switched_off() {
    let rig = with_directory().await;
    prove(&rig, "anna", RIGHT).await;
    let report = prove(&rig, "blind", RIGHT).await;
    assert!(!report.proven && report.words.contains("switched off"), "{report:?}");
    assert_eq!(proof(&rig), Proof::Missing);
    assert!(rig.door.directories.get(DOMAIN).is_err());
    assert_eq!(switches(&rig), ["entra-on", "entra-off"]);
}

/// The records of a tenant that was switched, oldest first.
fn switches(rig: &Rig) -> Vec<String> {
    let entries = rig.door.operators.read(Order::Oldest, 0, u64::MAX);
    let codes = entries.filter_map(|entry| match decode(&entry.unwrap().payload) {
        Some(OperatorEvent::System { code, .. }) => Some(code),
        _ => None,
    });
    codes.filter(|code| code == "entra-on" || code == "entra-off").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn r13_enable_switches_on_unproven_with_an_alarm() {
    let rig = with_directory().await;
    let info = tenant(rig.ok(set(|ask| ask.enable = true)).await);
    assert_eq!(info.state, TenantState::Unproven);
    assert!(info.state_since.is_some_and(|at| at > Timestamp(0)));
    let alarms = || rig.door.alarms.list().into_iter().map(|a| a.code).collect::<Vec<_>>();
    assert_eq!(alarms(), ["entra-unproven-contoso.example"]);
    prove(&rig, "anna", RIGHT).await;
    assert!(alarms().is_empty());
    let info = tenant(rig.ok(set(|ask| ask.enable = true)).await);
    assert_eq!(info.state, TenantState::Proven, "a proof is not lost by it");
}

#[tokio::test(flavor = "multi_thread")]
async fn entra_test_tells_what_a_login_would_do_and_counts_nothing() {
    let rig = with_directory().await;
    let report = test(&rig, "anna", RIGHT).await;
    assert!(!report.would_pass && report.login.contains("not proven"), "{report:?}");
    prove(&rig, "anna", RIGHT).await;
    rig.user("anna").await;
    for (user, password, passes) in [("anna", RIGHT, true), ("anna", "wrong", false), ("token", RIGHT, false)] {
        let report = test(&rig, user, password).await;
        assert_eq!(report.would_pass, passes, "{user}: {report:?}");
        assert!(report.answer.words.starts_with("Entra answered"), "{report:?}");
        assert!(!report.login.contains('\n') && report.login.len() > 20, "{report:?}");
    }
    let report = test(&rig, "setup", RIGHT).await;
    assert!(report.todo.contains("Allow public client flows"), "{report:?}");
    assert!(
        rig.door
            .alarms
            .list()
            .iter()
            .any(|a| a.code == "entra-configuration-contoso.example")
    );
    test(&rig, "anna", RIGHT).await;
    assert!(rig.door.alarms.list().is_empty());
    assert_eq!(rig.show("anna").await.budget.unwrap().spent, 0);
    assert_eq!(rig.last_act().0, "entra test");
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_the_default_that_counts_is_told_and_when_bare_names_change() {
    let rig = Rig::open();
    let only = tenant(
        rig.ok(set(|ask| {
            ids(ask);
            ask.default = Some(false);
        }))
        .await,
    );
    assert!(only.default, "a single tenant is the default, whatever it says");
    rig.user("anna").await;
    let told = |info: &TenantInfo, words: &str| {
        let lines: Vec<_> = info
            .warnings
            .iter()
            .filter(|line| line.contains("without a domain"))
            .collect();
        assert!(lines.len() == 1 && lines[0].contains(words), "{:?}", info.warnings);
    };
    let second = |default| {
        set(|ask| {
            ids(ask);
            ask.domain = "fabrikam.example".to_owned();
            ask.default = default;
        })
    };
    let info = tenant(rig.ok(second(None)).await);
    told(&info, "refused now, no more taken for contoso.example's");
    let Answer::Tenants(list) = rig.ok(show(DOMAIN)).await else {
        panic!("no list")
    };
    assert!(!list.tenants[0].default);
    let info = tenant(rig.ok(second(Some(true))).await);
    told(&info, "belong to fabrikam.example now");
    let remove = |domain: &str| Request::EntraRemove {
        domain: domain.to_owned(),
    };
    let line = done(rig.ok(remove("fabrikam.example")).await);
    assert!(
        line.contains("belong to contoso.example now, no more to fabrikam.example"),
        "{line}"
    );
    let line = done(rig.ok(remove(DOMAIN)).await);
    assert!(line.contains("have none from now on"), "{line}");
}
