//! `operator` and `network`, from the typed words to the request, and what is printed.

use super::*;

const GOOD: &str = "correct horse battery";
const FILES: &[(&str, &str)] = &[("-", GOOD), ("f", "another good password"), ("weak", "password2026")];

fn add(role: Role, password: &str) -> Request {
    Request::OperatorAdd(OperatorAdd {
        name: "anna".to_owned(),
        role,
        password: Secret::from(password),
        line: String::new(),
    })
}

fn set(role: Option<Role>, enabled: Option<bool>, password: Option<&str>) -> Request {
    Request::OperatorSet(OperatorSet {
        name: "anna".to_owned(),
        role,
        enabled,
        password: password.map(Secret::from),
    })
}

fn info() -> OperatorInfo {
    OperatorInfo {
        name: "anna".to_owned(),
        role: Role::Installer,
        enabled: true,
        token: true,
        token_pending: false,
        locked_seconds: None,
        created: NOW,
        last: Some(NOW),
        lines: vec!["ttyS0".to_owned()],
    }
}

#[test]
fn every_command_comes_to_its_request() {
    let name = || "anna".to_owned();
    let table = [
        ("operator add anna --role installer", add(Role::Installer, GOOD)),
        (
            "operator add anna --role helpdesk --password-file -",
            add(Role::Helpdesk, GOOD),
        ),
        (
            "operator add anna --role auditor --password-file f",
            add(Role::Auditor, "another good password"),
        ),
        ("operator list", Request::OperatorList),
        ("operator set anna --role auditor", set(Some(Role::Auditor), None, None)),
        ("operator set anna --disable", set(None, Some(false), None)),
        (
            "operator set anna --enable --password-file f",
            set(None, Some(true), Some("another good password")),
        ),
        ("operator unlock anna", Request::OperatorUnlock { name: name() }),
        ("operator remove anna", Request::OperatorRemove { name: name() }),
        (
            "operator token add anna --qr none",
            Request::OperatorTokenAdd { name: name() },
        ),
        (
            "operator token confirm anna 123456",
            Request::OperatorTokenConfirm {
                name: name(),
                code: Secret::from("123456"),
            },
        ),
        (
            "operator token remove anna",
            Request::OperatorTokenRemove { name: name() },
        ),
        ("network show", Request::Network),
    ];
    for (line, request) in table {
        let ran = run_with(line, FILES, vec![done()]);
        assert_eq!(ran.asked, [request], "{line}: {}", ran.err);
    }
}

#[test]
fn wrong_usage_and_weak_passwords_are_told_before_anybody_is_asked() {
    for (line, status) in [
        ("operator add anna", 2),
        ("operator add Anna --role installer", 2),
        ("operator add anna --role root", 2),
        ("operator add anna --role installer --password-file weak", 1),
        ("operator set anna", 2),
        ("operator set anna --enable --disable", 2),
        ("operator set anna --password-file weak", 1),
        ("operator token confirm anna 12", 2),
        ("network", 2),
    ] {
        let ran = run_with(line, FILES, vec![done()]);
        assert_eq!((ran.status, ran.asked.len()), (status, 0), "{line}: {}", ran.err);
        assert!(!ran.err.contains("password2026"), "{}", ran.err);
    }
}

#[test]
fn operators_are_printed_and_a_key_only_where_it_is_made() {
    let list = || {
        Ok(Answer::Operators(OperatorList {
            operators: vec![info()],
        }))
    };
    let ran = run_with("operator list", &[], vec![list()]);
    let row = "anna                 installer  last login 2026-03-01 10:31:04, with a code, logged in at ttyS0\n";
    assert_eq!(ran.out, row);
    let json = run_with("--json operator list", &[], vec![list()]).json();
    assert_eq!(json["operators"][0]["role"], "installer");
    assert_eq!(json["operators"][0]["last"], "2026-03-01T10:31:04.250Z");
    let made = || {
        Ok(Answer::OperatorToken(OperatorTokenMade {
            operator: "anna".to_owned(),
            seed: Secret::from("12345678901234567890"),
            issuer: "Postern".to_owned(),
        }))
    };
    let uri = "otpauth://totp/Postern:anna?issuer=Postern&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let ran = run_with("operator token add anna", &[], vec![made()]);
    assert!(
        ran.out.contains(uri) && ran.out.contains("postern operator token confirm anna CODE"),
        "{}",
        ran.out
    );
    let ran = run_with("operator token add anna --qr half", &[], vec![made()]);
    assert!(
        ran.out.contains('\u{2588}') || ran.out.contains('\u{2580}'),
        "{}",
        ran.out
    );
    let json = run_with("--json operator token add anna", &[], vec![made()]).json();
    assert_eq!(
        (json["uri"].as_str(), json["operator"].as_str()),
        (Some(uri), Some("anna"))
    );
    let network = Answer::Network(NetworkReport {
        host: "box1".to_owned(),
        interfaces: vec![Interface {
            name: "eth0".to_owned(),
            up: true,
            mac: "02:00:00:00:00:01".to_owned(),
            addresses: vec!["192.0.2.7/24".to_owned()],
        }],
        gateways: vec!["192.0.2.1".to_owned()],
        dns: Vec::new(),
    });
    let ran = run_with("network show", &[], vec![Ok(network)]);
    for line in ["box1", "up, 192.0.2.7/24 (02:00:00:00:00:01)", "192.0.2.1", "none"] {
        assert!(ran.out.contains(line), "{}", ran.out);
    }
}
