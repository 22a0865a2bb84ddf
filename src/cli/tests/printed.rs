//! What is printed: text for people, documents for scripts, and what never appears.

use super::*;
use serde_json::json;

fn client() -> ClientInfo {
    ClientInfo {
        name: "vpn".to_owned(),
        net: check::parse_net("192.0.2.0/24").unwrap(),
        mode: Mode::Append,
        first: First::Entra,
        require_message_authenticator: true,
        order: Order::PasswordCode,
        delimiter: None,
        unmatched: Unmatched::Refuse,
        reject_delay: REJECT_DELAY,
        deadline: DEADLINE,
        unavailable: Unavailable::Reject,
        prompt: PROMPT.to_owned(),
        challenge_timeout: CHALLENGE_TIMEOUT,
        charset: Charset::Utf8,
        in_flight: IN_FLIGHT,
        created: NOW,
        secret_length: 32,
        last_packet: None,
        warnings: vec!["a warning".to_owned()],
        seen: crate::control::ClientSeen::default(),
    }
}

fn token(status: TokenStatus, digits: u8) -> TokenInfo {
    TokenInfo {
        id: TokenId(7),
        user: "anna@contoso.example".to_owned(),
        status,
        algorithm: Algorithm::Sha1,
        digits,
        period: Some(30),
        counter: None,
        serial: String::new(),
        model: String::new(),
        source: crate::control::TokenSource::App,
        created: NOW,
        drift_seconds: -30,
        last_code: None,
    }
}

fn made(digits: u8) -> Result<Answer, Failure> {
    Ok(Answer::TokenMade(Box::new(TokenMade {
        token: token(TokenStatus::Pending, digits),
        seed: Secret::from("12345678901234567890"),
        issuer: String::new(),
        warnings: Vec::new(),
    })))
}

const URI: &str = "otpauth://totp/Postern:anna@contoso.example?issuer=Postern&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn clock(trusted: bool) -> ClockReport {
    ClockReport {
        trusted,
        source: if trusted { "ntp" } else { "none" }.to_owned(),
        now: NOW,
        newest_seen: Some(NOW),
        waiting_for: (!trusted).then(|| "waits for NTP: or look at the clock, then `postern time confirm`".to_owned()),
    }
}

fn status(answering: bool) -> Result<Answer, Failure> {
    let alarm = Alarm {
        code: "clock-untrusted".to_owned(),
        what: "the clock is not trusted".to_owned(),
        todo: "postern time confirm".to_owned(),
        since: NOW,
    };
    Ok(Answer::Status(Box::new(StatusReport {
        answering,
        because: (!answering).then(|| "the clock is not trusted: postern time confirm".to_owned()),
        version: "0.1.0".to_owned(),
        since: NOW,
        clock: clock(answering),
        auth: vec!["[::]:1812".parse().unwrap()],
        acct: Vec::new(),
        users: 1,
        tokens: 2,
        clients: 0,
        tenants: vec![TenantHealth {
            domain: "contoso.example".to_owned(),
            state: TenantState::Off,
            paused_until: None,
        }],
        alarms: if answering { Vec::new() } else { vec![alarm] },
        counters: [("accepted".to_owned(), 3), ("rejected".to_owned(), 0)].into(),
        last_hour: std::collections::BTreeMap::new(),
    })))
}

#[test]
fn status_says_health_first() {
    let ran = run_with("status", &[], vec![status(true)]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert_eq!(
        ran.out,
        "Answering\n\
         Alarms                 none\n\
         Clock                  2026-03-01 10:31:04 UTC, trusted (ntp)\n\
         Version                0.1.0, started 2026-03-01 10:31:04\n\
         Authentication         [::]:1812\n\
         Accounting             nowhere\n\
         Holds                  1 user, 2 tokens, 0 clients\n\
         Entra                  contoso.example: off, not proven: run `postern entra prove USER`\n  \
         accepted             3\n"
    );
    let ran = run_with("status", &[], vec![status(false)]);
    let mut lines = ran.out.lines();
    assert_eq!(
        lines.next(),
        Some("NOT ANSWERING: the clock is not trusted: postern time confirm")
    );
    assert!(lines.next().unwrap().starts_with("Alarm  "));
    let json = run_with("status --json", &[], vec![status(false)]).json();
    assert_eq!(json["answering"], false);
    assert_eq!(json["alarms"][0]["code"], "clock-untrusted");
    assert_eq!(json["clock"]["now"], "2026-03-01T10:31:04.250Z");
    assert_eq!(json["counters"], json!({"accepted": 3, "rejected": 0}));
}

#[test]
fn a_made_secret_is_shown_with_what_to_type_and_stands_in_the_document() {
    let answer = |secret: Option<&str>| {
        Ok(Answer::ClientMade(Box::new(ClientMade {
            client: client(),
            secret: secret.map(Secret::from),
        })))
    };
    let line = "client add vpn 192.0.2.0/24";
    let ran = run_with(line, &[], vec![answer(Some("abcdefghijklmnop"))]);
    assert_eq!(ran.status, 0);
    assert!(ran.out.contains("\n    abcdefghijklmnop\n"), "{}", ran.out);
    assert!(
        ran.out.contains("PAP") && ran.out.contains("5 s or more"),
        "{}",
        ran.out
    );
    assert_eq!(ran.err, "warning: a warning\n");
    let without = run_with(line, &[], vec![answer(None)]);
    assert!(!without.out.contains("Shared secret"), "{}", without.out);
    let json = run_with(&format!("--json {line}"), &[], vec![answer(Some("abcdefghijklmnop"))]).json();
    assert_eq!(json["secret"], "abcdefghijklmnop");
    assert_eq!(
        json["client"],
        json!({
            "name": "vpn", "net": "192.0.2.0/24", "mode": "append", "first": "entra", "require_message_authenticator": true,
            "order": "password-code", "delimiter": null, "unmatched": "refuse", "reject_delay_ms": 1000, "deadline_ms": 2500,
            "unavailable": "reject", "prompt": PROMPT, "challenge_timeout_ms": 60_000, "charset": "utf8", "in_flight": 10_000,
            "created": "2026-03-01T10:31:04.250Z", "secret_length": 32, "last_packet": null, "warnings": ["a warning"],
            "seen": {
                "message_authenticator": null, "calling_station": null, "status_server": false, "wrong_secret": 0,
                "wrong_secret_last": null, "unprotected": 0, "unprotected_last": null,
            },
        })
    );
}

#[test]
fn a_new_token_shows_uri_key_and_qr() {
    let plain = run_with("token add anna", &[], vec![made(6)]);
    assert_eq!(
        plain.out,
        format!(
            "token 7 of anna@contoso.example is pending\n\
             URI                    {URI}\n\
             Key                    GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ\n\
             It counts after: postern token confirm anna@contoso.example CODE\n"
        ),
        "no QR code where nobody looks"
    );
    assert_eq!((plain.status, plain.err.as_str()), (0, ""));
    let rows = |ran: &Ran| {
        ran.out
            .lines()
            .filter(|line| line.chars().any(|c| "█▀▄".contains(c)))
            .count()
    };
    let terminal = View {
        terminal: true,
        ..view()
    };
    assert_eq!(
        rows(&run_in(terminal.clone(), "token add anna", &[], vec![made(6)])),
        21
    );
    assert_eq!(
        rows(&run_in(
            terminal.clone(),
            "token add anna --qr none",
            &[],
            vec![made(6)]
        )),
        0
    );
    assert_eq!(rows(&run_with("token add anna --qr full", &[], vec![made(6)])), 41);
    let ascii = View {
        utf8: false,
        colours: true,
        ..terminal
    };
    let ran = run_in(ascii, "token add anna", &[], vec![made(6)]);
    assert!(ran.out.is_ascii());
    assert_eq!(
        ran.out
            .lines()
            .filter(|line| line.starts_with("\u{1b}[97;40m##"))
            .count(),
        41
    );

    let json = run_with("--json token add anna", &[], vec![made(6)]).json();
    assert_eq!(json["key"], "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_eq!(json["uri"], URI);
    assert_eq!(
        (json["token"]["id"].as_u64(), json["token"]["status"].as_str()),
        (Some(7), Some("pending"))
    );
    assert!(json.get("qr").is_none());
    let json = run_with("--json token add anna --qr half", &[], vec![made(6)]).json();
    assert_eq!(json["qr"].as_array().unwrap().len(), 21);
}

#[test]
fn other_parameters_warn_of_microsoft_authenticator() {
    // What the daemon warns of is told once.
    let warned = || match made(8) {
        Ok(Answer::TokenMade(mut made)) => {
            made.warnings.push("some apps ignore digits".to_owned());
            Ok(Answer::TokenMade(made))
        }
        other => other,
    };
    let ran = run_with("token add anna --digits 8", &[], vec![warned()]);
    assert_eq!(ran.err, "warning: some apps ignore digits\n");
    let json = run_with("--json token add anna --digits 8", &[], vec![warned()]).json();
    assert_eq!(json["warnings"].as_array().unwrap().len(), 1);
}

fn prove(proven: bool) -> Result<Answer, Failure> {
    let said = |code, words: &str| DirectoryAnswer {
        verdict: "continue".to_owned(),
        code: Some(code),
        words: words.to_owned(),
        correlation: Some("c-1".to_owned()),
        took_ms: 230,
    };
    Ok(Answer::Prove(Box::new(ProveReport {
        domain: "contoso.example".to_owned(),
        user: "anna@contoso.example".to_owned(),
        right: said(50076, "MFA is required"),
        wrong: Some(said(50126, "the password is wrong")),
        proven,
        words: if proven { "Entra is on" } else { "Entra stays off" }.to_owned(),
        todo: if proven { "" } else { "turn MFA on" }.to_owned(),
    })))
}

#[test]
fn r13_a_proof_that_fails_is_exit_status_1() {
    let files = &[("-", "secret password")];
    let ran = run_with("entra prove anna", files, vec![prove(true)]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert!(
        ran.out.ends_with("Entra is on\n") && ran.out.contains("AADSTS50126"),
        "{}",
        ran.out
    );
    let ran = run_with("entra prove anna", files, vec![prove(false)]);
    assert_eq!(
        (ran.status, ran.err.as_str()),
        (1, "postern: Entra stays off: turn MFA on\n")
    );
    assert!(!ran.out.contains("secret password"));
    // As the daemon says it: whole sentences, which name the code themselves.
    let Ok(Answer::Prove(mut report)) = prove(false) else {
        panic!("no report")
    };
    report.words = "To the right password, Entra answered AADSTS50126: wrong. Entra stays off.".to_owned();
    report.todo = "Type it again.".to_owned();
    report.right.words = "Entra answered AADSTS50126: wrong.".to_owned();
    report.right.code = Some(50126);
    let ran = run_with("entra prove anna", files, vec![Ok(Answer::Prove(report))]);
    assert!(ran.err.ends_with("Entra stays off. Type it again.\n"), "{}", ran.err);
    assert!(
        ran.out
            .contains("Right password         Entra answered AADSTS50126: wrong. ("),
        "{}",
        ran.out
    );
    let ran = run_with("--json entra prove anna", files, vec![prove(false)]);
    assert_eq!((ran.status, ran.json()["proven"].as_bool()), (1, Some(false)));
}

#[test]
fn a_broken_log_is_exit_status_1() {
    let chain = |whole| {
        Ok(Answer::Chain(ChainReport {
            whole,
            records: 9,
            from: Some(NOW),
            to: None,
            words: "record 7 was changed".to_owned(),
        }))
    };
    let ran = run_with("log --verify", &[], vec![chain(false)]);
    assert_eq!((ran.status, ran.err.as_str()), (1, "postern: record 7 was changed\n"));
    assert!(
        ran.out.starts_with("the log is BROKEN: 9 records checked"),
        "{}",
        ran.out
    );
    assert_eq!(
        run_with("log --verify --json", &[], vec![chain(false)]).json()["whole"],
        false
    );
}

#[test]
fn a_failure_is_one_line_or_one_document_and_its_kind_decides_the_status() {
    for (kind, status) in [
        (FailureKind::Usage, 2),
        (FailureKind::Refused, 1),
        (FailureKind::NotFound, 1),
        (FailureKind::Exists, 1),
        (FailureKind::NotAllowed, 1),
        (FailureKind::Failed, 1),
        (FailureKind::Unreachable, 1),
    ] {
        let failure = Failure::new(kind, "two\nlines  here");
        let ran = run_with("user show anna", &[], vec![Err(failure.clone())]);
        assert_eq!(
            (ran.status, ran.out.as_str(), ran.err.as_str()),
            (status, "", "postern: two lines here\n")
        );
        let ran = run_with("--json user show anna", &[], vec![Err(failure)]);
        assert_eq!(ran.status, status);
        let word = serde_json::to_value(kind).unwrap();
        assert_eq!(
            ran.json(),
            json!({"error": {"kind": word, "message": "two lines here"}})
        );
    }
}

#[test]
fn a_user_is_shown_with_what_is_wrong() {
    let row = UserRow {
        name: "anna@contoso.example".to_owned(),
        enabled: false,
        exempt: false,
        local_password: true,
        active_tokens: 0,
        pending_tokens: 1,
        resync_tokens: 0,
        locked: true,
    };
    let user = UserInfo {
        row,
        created: NOW,
        tokens: vec![token(TokenStatus::Pending, 6)],
        locks: vec![LockInfo {
            place: "at station 192.0.2.7".to_owned(),
            wrong: 10,
            until: Some(NOW),
        }],
        budget: Some(BudgetInfo { spent: 2, of: 6 }),
        bypass_until: None,
    };
    let answer = || Ok(Answer::User(Box::new(user.clone())));
    let ran = run_with("user show anna", &[], vec![answer()]);
    for words in [
        "DISABLED",
        "in the box",
        "7 NOT CONFIRMED, app, sha1, 6 digits, 30 s, never used, 30 s behind",
        "at station 192.0.2.7 until 2026-03-01 10:31:04, 10 wrong codes",
        "2 of 6 in 24 hours",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    let json = run_with("user show anna --json", &[], vec![answer()]).json();
    assert_eq!(
        (json["name"].as_str(), json["locked"].as_bool()),
        (Some("anna@contoso.example"), Some(true))
    );
    assert_eq!(json["tokens"][0]["digits"], 6);
}

#[test]
fn explain_and_the_rest_read_as_sentences() {
    let explanation = Explanation {
        user: "anna@contoso.example".to_owned(),
        summary: "anna@contoso.example can log in".to_owned(),
        attempts: vec![ExplainedAttempt {
            at: NOW,
            outcome: "reject".to_owned(),
            reason: "code-used".to_owned(),
            what: "The code was used already.".to_owned(),
            todo: "Wait for the next code.".to_owned(),
            count: 7,
        }],
    };
    let ran = run_with("explain anna", &[], vec![Ok(Answer::Explanation(explanation))]);
    assert_eq!(
        ran.out,
        "anna@contoso.example can log in\n\n2026-03-01 10:31:04  reject  [7 alike]\n    The code was used already.\n    To do: Wait for the next \
         code.\n"
    );
    let bypass = BypassCode {
        user: "anna@contoso.example".to_owned(),
        code: Secret::from("ABCDE23456"),
        minutes: 5,
        until: NOW,
    };
    let ran = run_with("user bypass anna", &[], vec![Ok(Answer::Bypass(bypass.clone()))]);
    assert!(ran.out.contains("\n    ABCDE23456\n"), "{}", ran.out);
    let json = run_with("user bypass anna --json", &[], vec![Ok(Answer::Bypass(bypass))]).json();
    assert_eq!(json["code"], "ABCDE23456");
    let ran = run_with("user unlock anna", &[], vec![done()]);
    assert_eq!(ran.out, "it is done\n");
    assert_eq!(
        run_with("user unlock anna --json", &[], vec![done()]).json(),
        json!({"done": "it is done"})
    );
    let ran = run_with("time show", &[], vec![Ok(Answer::Clock(clock(false)))]);
    assert!(
        ran.out.contains("NOT TRUSTED") && ran.out.contains("waits for NTP"),
        "{}",
        ran.out
    );
    let ran = run_with("client show vpn", &[], vec![Ok(Answer::Client(Box::new(client())))]);
    assert!(ran.out.contains("Deadline               2.5s"), "{}", ran.out);
    let list = ClientList {
        clients: vec![client()],
    };
    let ran = run_with("client list", &[], vec![Ok(Answer::Clients(list))]);
    assert_eq!(
        ran.out.split_whitespace().collect::<Vec<_>>(),
        ["vpn", "192.0.2.0/24", "append", "entra"]
    );
}

#[test]
fn an_answer_to_something_else_is_a_failure() {
    for line in ["token add anna", "user list", "log"] {
        let ran = run_with(line, &[], vec![done()]);
        assert_eq!(ran.status, 1, "{line}");
        assert!(ran.err.contains("with something else"), "{}", ran.err);
    }
}
