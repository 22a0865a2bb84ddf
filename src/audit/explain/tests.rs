//! How users stand, told.

use jiff::tz::TimeZone;

use super::*;
use crate::audit::Reason;
use crate::audit::words::samples::attempt;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn told(status: &UserStatus, attempts: &[Attempt], dropped: &[Attempt], similar: &[String]) -> Explanation {
    let surroundings = Surroundings {
        since: Timestamp(NOW.0 - 86_400_000),
        now: NOW,
        dropped,
        similar,
    };
    let teller = Teller {
        zone: &TimeZone::UTC,
        fix: &|_| None,
    };
    explain("anna@contoso.example", status, attempts, &surroundings, &teller)
}

fn usual() -> UserStatus {
    UserStatus {
        known: true,
        enabled: true,
        active_tokens: 1,
        ..UserStatus::default()
    }
}

#[test]
fn how_a_user_stands() {
    let some = [attempt(Reason::WrongCode)];
    let cases: [(UserStatus, &str, Option<&str>); 10] = [
        (
            UserStatus::default(),
            "no user of this box",
            Some("postern user add anna@contoso.example"),
        ),
        (
            UserStatus {
                enabled: false,
                ..usual()
            },
            "is disabled",
            Some("postern user enable"),
        ),
        (
            UserStatus {
                active_tokens: 0,
                ..usual()
            },
            "has no token",
            Some("postern token add"),
        ),
        (
            UserStatus {
                active_tokens: 0,
                resync_tokens: 1,
                pending_tokens: 1,
                ..usual()
            },
            "the counter token of anna@contoso.example needs a resync",
            Some("postern token resync anna@contoso.example CODE CODE"),
        ),
        (
            UserStatus {
                active_tokens: 0,
                pending_tokens: 1,
                ..usual()
            },
            "never confirmed",
            Some("postern token confirm"),
        ),
        (
            UserStatus {
                active_tokens: 0,
                bypass: true,
                ..usual()
            },
            "has no token",
            Some("postern token add"),
        ),
        (
            UserStatus {
                budget: BudgetStanding::Spent,
                ..usual()
            },
            "wrong passwords",
            Some("postern user unlock"),
        ),
        (
            UserStatus {
                exempt: true,
                local_password: true,
                ..usual()
            },
            "of this box, without a code",
            None,
        ),
        (usual(), "may log in with the directory's password and a code", None),
        (
            UserStatus {
                active_tokens: 2,
                ..usual()
            },
            "one of 2 tokens",
            None,
        ),
    ];
    for (status, summary, todo) in cases {
        let told = told(&status, &some, &[], &[]);
        assert!(told.summary.contains(summary), "{}", told.summary);
        assert_eq!(told.todo.is_some(), todo.is_some(), "{}", told.summary);
        assert!(told.todo.unwrap_or_default().contains(todo.unwrap_or_default()));
        assert_eq!(told.attempts.len(), 1);
    }
}

#[test]
fn r17_locks_are_told_with_their_end() {
    let station = Lock::Station {
        station: "203.0.113.7".to_owned(),
        until: NOW,
    };
    let client = Lock::Client {
        client: "vpn1".to_owned(),
        until: NOW,
    };
    for (locks, said) in [
        (vec![station.clone()], "locked at 203.0.113.7 until 2026-09-21 14:13:20"),
        (
            vec![client.clone(), station],
            "locked at vpn1 until 2026-09-21 14:13:20 and at 1 more",
        ),
        (vec![Lock::User { until: None }], "but for devices of the last 30 days"),
    ] {
        let told = told(&UserStatus { locks, ..usual() }, &[], &[], &[]);
        assert!(told.summary.contains(said), "{}", told.summary);
        assert!(told.todo.unwrap().contains("postern user unlock anna@contoso.example"));
    }
}

#[test]
fn nothing_arrived() {
    let told = told(&usual(), &[], &[], &[]);
    assert!(
        told.summary
            .contains("no login of this name has arrived since 2026-09-20 14:13")
    );
    assert!(
        told.summary
            .contains("the VPN does not reach this box, or sends another name")
    );
    assert!(told.todo.unwrap().contains("1812"));
}

#[test]
fn nothing_arrived_but_packets_were_dropped() {
    let mut dropped = attempt(Reason::UnknownClient);
    dropped.name.clear();
    dropped.client_name.clear();
    dropped.count = 12;
    let told = told(&usual(), &[], &[dropped], &[]);
    assert!(told.summary.contains("12 packets were dropped"), "{}", told.summary);
    assert_eq!(
        told.todo.unwrap(),
        "if this is your VPN, run: postern client add NAME 192.0.2.9"
    );
}

#[test]
fn a_name_that_nobody_has() {
    let known = [
        "anna@contoso.example",
        "bert@contoso.example",
        "anna@fabrikam.example",
        "hanna@contoso.example",
    ];
    assert_eq!(
        similar("ana@contoso.example", known.into_iter()),
        ["anna@contoso.example"],
        "a short name may be one slip away"
    );
    assert_eq!(
        similar("anna@contoso.exmaple", known.into_iter()),
        ["anna@contoso.example", "anna@fabrikam.example"]
    );
    assert_eq!(
        similar("berta", ["bert", "berta", "gert", "robert"].into_iter()),
        ["bert", "gert"]
    );
    assert!(similar("", known.into_iter()).is_empty());
    let told = told(&UserStatus::default(), &[], &[], &["anna@fabrikam.example".to_owned()]);
    assert!(told.summary.ends_with("similar names: anna@fabrikam.example"));
}

#[test]
fn json_has_the_words_beside_the_reason() {
    let told = told(&usual(), &[attempt(Reason::WrongCode)], &[], &[]);
    let json = serde_json::to_value(&told).unwrap();
    assert_eq!(json["attempts"][0]["reason"], "wrong-code");
    assert!(json["attempts"][0]["what"].is_string() && json["attempts"][0]["todo"].is_string());
    assert_eq!(serde_json::from_value::<Explanation>(json).unwrap(), told);
}

#[test]
fn r13_r14_r19_nobody_is_told_to_log_in_where_no_login_can_succeed() {
    let domain = || "contoso.example".to_owned();
    let cases: [(UserStatus, &str, &str); 8] = [
        (
            UserStatus {
                silent: Some("The clock is not trusted. Confirm it.".to_owned()),
                ..usual()
            },
            "nobody is answered now: The clock is not trusted. Confirm it",
            "postern status",
        ),
        (
            UserStatus {
                directory: DirectoryStanding::NoTenant { domain: domain() },
                ..usual()
            },
            "no tenant is set up for contoso.example",
            "postern entra set --domain contoso.example",
        ),
        (
            UserStatus {
                directory: DirectoryStanding::Broken { domain: domain() },
                ..usual()
            },
            "cannot be asked as it is set up",
            "postern status",
        ),
        (
            UserStatus {
                directory: DirectoryStanding::Off { domain: domain() },
                ..usual()
            },
            "Entra is off for contoso.example",
            "postern entra prove anna@contoso.example",
        ),
        (
            UserStatus {
                directory: DirectoryStanding::Paused {
                    domain: domain(),
                    until: NOW,
                },
                exempt: true,
                ..usual()
            },
            "not asked for contoso.example until 2026-09-21 14:13:20",
            "wait",
        ),
        (
            UserStatus {
                directory: DirectoryStanding::UserPaused { until: NOW },
                ..usual()
            },
            "too many logins of anna@contoso.example",
            "over and over",
        ),
        (
            UserStatus {
                budget: BudgetStanding::KnownStations,
                ..usual()
            },
            "only devices of the last 30 days",
            "postern user unlock",
        ),
        (
            UserStatus {
                budget: BudgetStanding::Spent,
                ..usual()
            },
            "the directory is not asked",
            "postern user unlock",
        ),
    ];
    for (status, what, todo) in cases {
        let here = told(&status, &[], &[], &[]);
        assert!(here.summary.contains(what), "{}", here.summary);
        assert!(!here.summary.contains("may log in with"), "{}", here.summary);
        assert!(here.todo.unwrap_or_default().contains(todo), "{}", here.summary);
        // R4: a local password needs no directory, but the clock.
        let local = UserStatus {
            local_password: true,
            ..status.clone()
        };
        let may = told(&local, &[], &[], &[]).summary.contains("may log in with");
        assert_eq!(may, status.silent.is_none());
    }
}

#[test]
fn r18_an_open_bypass_code_is_told_beside_the_token() {
    let open = UserStatus {
        bypass: true,
        ..usual()
    };
    assert!(told(&open, &[], &[], &[]).summary.contains("or the bypass code"));
}
