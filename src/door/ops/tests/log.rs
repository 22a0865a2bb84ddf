//! `log` and `explain` on an open box.

use std::time::{Duration, Instant};

use super::entra::{RIGHT, contoso, prove, with_directory};
use super::*;
use crate::audit::words::samples::attempt;
use crate::audit::{Attempt, Reason};
use crate::control::{ClientAdd, ClientFields, ClientSet, Explanation, LogEntry, LogFilter};
use crate::door::events::{Accounting, encode};
use crate::factors::second::bypass::{self, Bypass};
use crate::guard::Subject;
use crate::store::records::Timestamp;

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
    write(rig, crate::clock::wall(), &Event::Attempt(Box::new(attempt)));
}

fn write(rig: &Rig, at: Timestamp, event: &Event) {
    rig.door.logins.append_wait(at, encode(event)).unwrap();
}

async fn log(rig: &Rig, filter: LogFilter) -> Vec<LogEntry> {
    match rig.ok(ask_log(filter, None)).await {
        Answer::Log(page) => page.entries,
        other => panic!("{other:?}"),
    }
}

fn ask_log(filter: LogFilter, after: Option<u64>) -> Request {
    Request::Log(LogAsk {
        filter,
        after,
        limit: 100,
        wait_ms: 0,
    })
}

fn of_user(user: &str) -> LogFilter {
    LogFilter {
        user: Some(user.to_owned()),
        ..LogFilter::default()
    }
}

fn of_client(client: &str) -> LogFilter {
    LogFilter {
        client: Some(client.to_owned()),
        ..LogFilter::default()
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn r23_log_of_a_user_finds_everything_about_the_user() {
    let rig = Rig::open();
    rig.ok(contoso()).await;
    rig.user("anna").await;
    let made = rig.token("anna", Some(&seed(1)), true).await;
    rig.ok(Request::TokenRemove {
        user: "anna".to_owned(),
        id: made.token.id,
    })
    .await;
    let row = |line, user: &str, n| ImportRow {
        line,
        user: user.to_owned(),
        serial: String::new(),
        seed: seed(n),
        parameters: crate::store::records::OtpParameters::default(),
        counter: 0,
        model: String::new(),
    };
    let rows = vec![row(2, "anna", 5), row(3, "ben", 6)];
    rig.ok(Request::ImportBatch(ImportBatch {
        rows,
        dry_run: false,
        active: true,
    }))
    .await;
    for user in ["Anna", "ben"] {
        let accounting = Event::Accounting(Accounting {
            client: "vpn1".to_owned(),
            user: user.to_owned(),
            station: String::new(),
            session: "1".to_owned(),
            status: "start".to_owned(),
            seconds: None,
        });
        write(&rig, crate::clock::wall(), &accounting);
    }
    let mut told: Vec<String> = log(&rig, of_user("ANNA@contoso.example"))
        .await
        .into_iter()
        .map(|entry| entry.reason)
        .collect();
    told.sort();
    assert_eq!(told, ["accounting", "import", "token add", "token remove", "user add"]);
    let ben = log(&rig, of_user("ben")).await;
    assert_eq!(ben.len(), 2, "{ben:?}");
    let login = DirectoryLogin {
        user: "carl".to_owned(),
        password: "".into(),
    };
    rig.fails(FailureKind::Usage, Request::EntraTest(login)).await;
    assert_eq!(log(&rig, of_user("carl")).await.len(), 1);
    // What cannot be a name is no silence.
    rig.fails(FailureKind::Refused, ask_log(of_user("FABRIKAM\\anna"), None))
        .await;
    rig.fails(FailureKind::Usage, ask_log(of_user("a@b@c"), None)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn log_of_an_unknown_client_is_found_by_its_address() {
    let rig = Rig::open();
    let mut stranger = attempt(Reason::UnknownClient);
    stranger.client_name.clear();
    stranger.source = Some("::ffff:192.0.2.9".parse().unwrap());
    record(&rig, stranger);
    record(&rig, attempt(Reason::WrongCode));
    for address in ["192.0.2.9", "::ffff:192.0.2.9"] {
        let found = log(&rig, of_client(address)).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].client.as_str(), found[0].reason.as_str()),
            ("192.0.2.9", "unknown-client")
        );
    }
    assert_eq!(log(&rig, of_client("vpn1")).await.len(), 1);
    assert!(log(&rig, of_client("nowhere")).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn log_since_a_time_begins_there() {
    let rig = Rig::open();
    let now = crate::clock::wall();
    for n in 0..50u64 {
        let at = Timestamp(now.0 - 3_600_000 + n * 60_000);
        let attempt = Attempt {
            at,
            ..attempt(Reason::WrongCode)
        };
        write(&rig, at, &Event::Attempt(Box::new(attempt)));
    }
    // Records 1 to 50; the newest is eleven minutes old, and one minute is looked at beyond.
    let since = Timestamp(now.0 - 20 * 60_000);
    assert_eq!(rig.door.log_start(since).unwrap() & 0xff, 39);
    let filter = LogFilter {
        since: Some(since),
        ..LogFilter::default()
    };
    let Answer::Log(page) = rig.ok(ask_log(filter, Some(0))).await else {
        panic!("no page")
    };
    let logins = page.entries.iter().filter(|entry| entry.reason == "wrong-code").count();
    assert_eq!((logins, page.more), (10, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_after_a_restore_what_was_disabled_or_removed_is_so_again_whatever_its_name_was() {
    let rig = Rig::open();
    for name in ["anna", "ben", "carl"] {
        rig.user(name).await;
    }
    let made = rig.token("ben", Some(&seed(1)), true).await;
    let fields = || ClientFields {
        secret: Some("a secret of twenty letters".into()),
        ..ClientFields::default()
    };
    for (name, net) in [("vpn1", "192.0.2.1"), ("vpn2", "192.0.2.2")] {
        rig.ok(Request::ClientAdd(ClientAdd {
            name: name.to_owned(),
            net: crate::control::check::parse_net(net).unwrap(),
            fields: fields(),
        }))
        .await;
    }
    let state = rig.dir.path().join("state");
    rig.door.store.copy_daily(&state, crate::clock::wall()).unwrap();
    // Now everybody has another name.
    rig.ok(contoso()).await;
    rig.ok(Request::ClientSet(ClientSet {
        name: "vpn1".to_owned(),
        rename: Some("gate".to_owned()),
        net: None,
        fields: ClientFields::default(),
        make_secret: false,
    }))
    .await;
    rig.ok(Request::UserDisable {
        name: "anna".to_owned(),
    })
    .await;
    rig.ok(Request::TokenRemove {
        user: "ben".to_owned(),
        id: made.token.id,
    })
    .await;
    rig.ok(Request::ClientRemove {
        name: "gate".to_owned(),
    })
    .await;
    rig.door.close();
    let Rig { ops, door, dir, .. } = rig;
    drop((ops, door));
    let db = state.join(crate::store::STORE_DIR).join("db");
    let whole = std::fs::read(&db).unwrap();
    std::fs::write(&db, &whole[..whole.len() / 2]).unwrap();
    let rig = Rig::open_at(dir);
    assert!(!rig.show("anna").await.row.enabled, "R20");
    let ben = rig.show("ben").await;
    assert!(ben.row.enabled && ben.tokens.is_empty(), "{ben:?}");
    assert!(rig.show("carl").await.row.enabled);
    let clients = rig.door.store.clients();
    let names: Vec<&str> = clients.iter().map(|client| client.name.as_str()).collect();
    assert_eq!(names, ["vpn2"]);
}
