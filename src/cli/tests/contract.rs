//! Every command of the contract as a line, and the request that it comes to.

use super::*;

const SECRET: &[(&str, &str)] = &[
    ("f", "0123456789abcdef"),
    ("-", "typed"),
    ("ca.pem", "-----BEGIN CERTIFICATE-----\n"),
];

fn fields() -> ClientFields {
    ClientFields::default()
}

fn client_add(net: &str, fields: ClientFields) -> Request {
    Request::ClientAdd(ClientAdd {
        name: "vpn".to_owned(),
        net: check::parse_net(net).unwrap(),
        fields: ClientFields {
            first: fields.first.or(Some(First::Entra)),
            ..fields
        },
    })
}

fn client_set(fields: ClientFields) -> Request {
    Request::ClientSet(ClientSet {
        name: "vpn".to_owned(),
        rename: None,
        net: None,
        fields,
        make_secret: false,
    })
}

fn token_add(seed: Option<&[u8]>, algorithm: Algorithm, digits: u8, period: u8, active: bool) -> Request {
    Request::TokenAdd(TokenAdd {
        user: "anna".to_owned(),
        seed: seed.map(|seed| Secret::new(seed.to_vec())),
        parameters: TotpParameters {
            algorithm,
            digits,
            period,
        }
        .into(),
        counter: 0,
        active,
    })
}

fn login(password: &str) -> DirectoryLogin {
    DirectoryLogin {
        user: "anna".to_owned(),
        password: Secret::from(password),
    }
}

fn log(filter: LogFilter, after: Option<u64>, limit: u32) -> Request {
    Request::Log(LogAsk {
        filter,
        after,
        limit,
        wait_ms: 0,
    })
}

fn entra(set: EntraSet) -> Request {
    Request::EntraSet(EntraSet {
        domain: "contoso.example".to_owned(),
        ..set
    })
}

#[test]
fn every_command_comes_to_its_request() {
    let name = || "anna".to_owned();
    let vpn = || "vpn".to_owned();
    let second = std::time::Duration::from_secs;
    let table = [
        ("status", Request::Status),
        ("client add vpn 192.0.2.1", client_add("192.0.2.1", fields())),
        ("client add vpn 2001:db8::/64", client_add("2001:db8::/64", fields())),
        (
            "client add vpn 192.0.2.0/24 --secret-file f --mode challenge --first entra,local --require-message-authenticator no \
             --order code-password --delimiter , --unmatched-users password-only --reject-delay 0 --deadline 5s \
             --unavailable drop --prompt 'Your code' --challenge-timeout 1m --charset latin1 --in-flight 5",
            client_add(
                "192.0.2.0/24",
                ClientFields {
                    secret: Some(Secret::from("0123456789abcdef")),
                    mode: Some(Mode::Challenge),
                    first: Some(First::Entra),
                    require_message_authenticator: Some(false),
                    order: Some(Order::CodePassword),
                    delimiter: Some(Delimiter::Is(',')),
                    unmatched: Some(Unmatched::PasswordOnly),
                    reject_delay: Some(second(0)),
                    deadline: Some(second(5)),
                    unavailable: Some(Unavailable::Drop),
                    prompt: Some("Your code".to_owned()),
                    challenge_timeout: Some(second(60)),
                    charset: Some(Charset::Latin1),
                    in_flight: Some(5),
                },
            ),
        ),
        (
            "client add vpn ::1 --mode code-only --secret-file -",
            client_add(
                "::1",
                ClientFields {
                    secret: Some(Secret::from("typed")),
                    mode: Some(Mode::CodeOnly),
                    first: Some(First::None),
                    ..fields()
                },
            ),
        ),
        (
            "client add vpn ::1 --mode code-only --first none --unmatched-users refuse",
            client_add(
                "::1",
                ClientFields {
                    mode: Some(Mode::CodeOnly),
                    first: Some(First::None),
                    unmatched: Some(Unmatched::Refuse),
                    ..fields()
                },
            ),
        ),
        (
            "client add vpn ::1 --first local --mode append --deadline 2.5s --delimiter ''",
            client_add(
                "::1",
                ClientFields {
                    mode: Some(Mode::Append),
                    first: Some(First::Local),
                    deadline: Some(std::time::Duration::from_millis(2500)),
                    delimiter: Some(Delimiter::None),
                    ..fields()
                },
            ),
        ),
        ("client list", Request::ClientList),
        ("client show vpn", Request::ClientShow { name: vpn() }),
        (
            "client set vpn --rename gate --address 192.0.2.9",
            Request::ClientSet(ClientSet {
                name: vpn(),
                rename: Some("gate".to_owned()),
                net: Some(check::parse_net("192.0.2.9").unwrap()),
                fields: fields(),
                make_secret: false,
            }),
        ),
        (
            "client set vpn --require-message-authenticator yes",
            client_set(ClientFields {
                require_message_authenticator: Some(true),
                ..fields()
            }),
        ),
        (
            "client set vpn --mode code-only",
            client_set(ClientFields {
                mode: Some(Mode::CodeOnly),
                first: Some(First::None),
                ..fields()
            }),
        ),
        (
            "client set vpn --mode append",
            client_set(ClientFields {
                mode: Some(Mode::Append),
                ..fields()
            }),
        ),
        ("client remove vpn", Request::ClientRemove { name: vpn() }),
        (
            "user add anna",
            Request::UserAdd(UserAdd {
                name: name(),
                password: None,
                exempt: false,
            }),
        ),
        (
            "user add anna --password-file - --exempt",
            Request::UserAdd(UserAdd {
                name: name(),
                password: Some(Secret::from("typed")),
                exempt: true,
            }),
        ),
        ("user show anna", Request::UserShow { name: name() }),
        (
            "user set anna --exempt no",
            Request::UserSet(UserSet {
                name: name(),
                exempt: Some(false),
                password: None,
            }),
        ),
        (
            "user set anna --exempt yes --password-file f",
            Request::UserSet(UserSet {
                name: name(),
                exempt: Some(true),
                password: Some(PasswordChange::To(Secret::from("0123456789abcdef"))),
            }),
        ),
        (
            "user set anna --no-password",
            Request::UserSet(UserSet {
                name: name(),
                exempt: None,
                password: Some(PasswordChange::Remove),
            }),
        ),
        ("user disable anna", Request::UserDisable { name: name() }),
        ("user enable anna", Request::UserEnable { name: name() }),
        ("user unlock anna", Request::UserUnlock { name: name() }),
        ("user remove anna", Request::UserRemove { name: name() }),
        (
            "user bypass anna",
            Request::UserBypass {
                name: name(),
                minutes: 5,
            },
        ),
        (
            "user bypass anna --minutes 60",
            Request::UserBypass {
                name: name(),
                minutes: 60,
            },
        ),
        ("token add anna", token_add(None, Algorithm::Sha1, 6, 30, false)),
        (
            "token add anna --secret GEZDGNBVGY3TQOJQ --algorithm sha256 --digits 8 --period 60 --qr none --active",
            token_add(Some(b"1234567890"), Algorithm::Sha256, 8, 60, true),
        ),
        (
            "token confirm anna 123456",
            Request::TokenConfirm {
                user: name(),
                code: Secret::from("123456"),
            },
        ),
        (
            "token confirm anna '123 456'",
            Request::TokenConfirm {
                user: name(),
                code: Secret::from("123456"),
            },
        ),
        (
            "token resync anna 12345678 87654321",
            Request::TokenResync {
                user: name(),
                first: Secret::from("12345678"),
                second: Secret::from("87654321"),
            },
        ),
        ("token list anna", Request::TokenList { user: name() }),
        (
            "token remove anna 7",
            Request::TokenRemove {
                user: name(),
                id: TokenId(7),
            },
        ),
        (
            "entra set --tenant T --client-id C --domain contoso.example",
            entra(EntraSet {
                tenant: Some("T".to_owned()),
                client_id: Some("C".to_owned()),
                ..EntraSet::default()
            }),
        ),
        (
            "entra set --domain contoso.example --authority http://127.0.0.1:8080 --scope openid --client-secret-file f \
             --allow-without-mfa yes --allow-unregistered no --allow-external yes --ca-file ca.pem --proxy '' --prefix CONTOSO \
             --prefix OLD --default yes --override 50079=continue --override AADSTS50158=default --budget 2 --enable",
            entra(EntraSet {
                authority: Some("http://127.0.0.1:8080".to_owned()),
                scope: Some("openid".to_owned()),
                client_secret: Some(Secret::from("0123456789abcdef")),
                allow_without_mfa: Some(true),
                allow_unregistered: Some(false),
                allow_external: Some(true),
                ca_pem: Some("-----BEGIN CERTIFICATE-----\n".to_owned()),
                proxy: Some(String::new()),
                prefixes: Some(vec!["CONTOSO".to_owned(), "OLD".to_owned()]),
                default: Some(true),
                overrides: [(50079, Some(Override::Continue)), (50158, None)].into(),
                budget: Some(2),
                enable: true,
                ..EntraSet::default()
            }),
        ),
        (
            "entra set --domain contoso.example --no-client-secret --prefix ''",
            entra(EntraSet {
                client_secret: Some(Secret::from("")),
                prefixes: Some(Vec::new()),
                ..EntraSet::default()
            }),
        ),
        ("entra prove anna", Request::EntraProve(login("typed"))),
        ("entra test anna", Request::EntraTest(login("typed"))),
        ("entra show", Request::EntraShow { domain: None }),
        (
            "entra show contoso.example",
            Request::EntraShow {
                domain: Some("contoso.example".to_owned()),
            },
        ),
        (
            "entra remove contoso.example",
            Request::EntraRemove {
                domain: "contoso.example".to_owned(),
            },
        ),
        ("time show", Request::TimeShow),
        ("time confirm", Request::TimeConfirm),
        ("log", log(LogFilter::default(), None, 100)),
        ("log --limit 7", log(LogFilter::default(), None, 7)),
        ("log --follow", log(LogFilter::default(), None, 10)),
        (
            "log --user anna --client vpn --since 2h",
            log(
                LogFilter {
                    user: Some(name()),
                    client: Some(vpn()),
                    since: Some(Timestamp(NOW.0 - 7_200_000)),
                },
                Some(0),
                500,
            ),
        ),
        ("log --verify", Request::LogVerify),
        ("explain anna", Request::Explain { user: name() }),
    ];
    for (line, expected) in table {
        let ran = run_with(line, SECRET, Vec::new());
        assert_eq!(ran.asked.first(), Some(&expected), "{line}: {}", ran.err);
        assert_eq!(ran.status, 1, "{line}: the script has no answer");
        assert_eq!(ran.socket.as_deref(), Some(Path::new("/run/postern/control.sock")));
    }
}

#[test]
fn wrong_usage_asks_nobody_and_is_one_line() {
    let lines = [
        "clients list",
        "status extra",
        "--nonsense status",
        "client add vpn",
        "client add vpn vpn.example",
        "client add vpn 192.0.2.5/24",
        "client add 'a b' 192.0.2.1",
        "client add vpn 192.0.2.1 --first ldap",
        "client add vpn 192.0.2.1 --first upstream",
        "client add vpn 192.0.2.1 --first entra,ldap",
        "client add vpn 192.0.2.1 --first none",
        "client add vpn 192.0.2.1 --mode challenge --first none",
        "client add vpn 192.0.2.1 --mode code-only --first entra",
        "client add vpn 192.0.2.1 --mode code-only --unmatched-users password-only",
        "client add vpn 192.0.2.1 --mode chap",
        "client add vpn 192.0.2.1 --reject-delay 1",
        "client add vpn 192.0.2.1 --reject-delay 11s",
        "client add vpn 192.0.2.1 --delimiter ab",
        "client add vpn 192.0.2.1 --require-message-authenticator maybe",
        "client set vpn",
        "client set vpn --mode code-only --first entra",
        "user add ''",
        "user set anna",
        "user set anna --no-password --password-file f",
        "user bypass anna --minutes 0",
        "user bypass anna --minutes 61",
        "token add anna --secret GEZD --secret-file f",
        "token add anna --secret GEZD",
        "token add anna --secret 01890189018901890189",
        "token add anna --digits 7",
        "token add anna --period 45",
        "token add anna --algorithm md5",
        "token add anna --qr png",
        "token confirm anna 12345",
        "token confirm anna",
        "token resync anna 123456",
        "token resync anna 123456 123456",
        "token resync anna 123456 12345678",
        "token remove anna seven",
        "token program anna",
        "import x --format odt",
        "import x --key-file f --passphrase-file f",
        "import",
        "export",
        "export x --format graph-json",
        "export x --passphrase-file f",
        "export x --plain",
        "export x --format pskc",
        "export x --format pskc --plain --key-file f",
        "export x --format pskc --key-file f --passphrase-file f",
        "backup",
        "restore",
        "restore a b",
        "ldap show",
        "upstream show",
        "sms show",
        "email show",
        "entra set --tenant T",
        "entra set --domain d --override 50079",
        "entra set --domain d --override 50079=maybe",
        "entra set --domain d --override 1=refuse --override 1=continue",
        "entra set --domain d --budget 0",
        "entra set --domain d --ca-file f",
        "log --since soon",
        "log --limit 0",
        "log --verify --follow",
        "explain",
        "completions cobol",
    ];
    for line in lines {
        let ran = run_with(line, SECRET, vec![done()]);
        assert_eq!(ran.status, 2, "{line}: {} {}", ran.out, ran.err);
        assert_eq!(ran.asked, [], "{line}");
        assert_eq!(ran.out, "", "{line}");
        assert_eq!(ran.err.lines().count(), 1, "{line}: {}", ran.err);
        assert!(
            ran.err.starts_with("postern: ") && ran.err.len() > 25,
            "{line}: {}",
            ran.err
        );
        // The same as a document.
        let ran = run_with(&format!("--json {line}"), SECRET, vec![done()]);
        assert_eq!(
            (ran.status, ran.json()["error"]["kind"].as_str()),
            (2, Some("usage")),
            "{line}"
        );
    }
}

#[test]
fn r21_wrong_usage_does_not_repeat_a_key() {
    let ran = run_with("token add anna --secret GEZDGNBVGY3TQOJ1", &[], Vec::new());
    assert!(!ran.err.contains("GEZD"), "{}", ran.err);
}

#[test]
fn the_socket_is_the_named_one_then_the_environment_then_the_default() {
    let path = |text: &str| Some(PathBuf::from(text));
    assert_eq!(run_with("--control /x status", &[], Vec::new()).socket, path("/x"));
    assert_eq!(run_with("status --control /x", &[], Vec::new()).socket, path("/x"));
    assert_eq!(socket(path("/x"), path("/e")), PathBuf::from("/x"));
    assert_eq!(socket(None, path("/e")), PathBuf::from("/e"));
    assert_eq!(socket(None, None), PathBuf::from("/run/postern/control.sock"));
}

#[test]
fn r25_a_file_that_cannot_be_read_asks_nobody() {
    let ran = run_with("client add vpn ::1 --secret-file none", &[], vec![done()]);
    assert_eq!((ran.status, ran.asked.len()), (1, 0));
    assert!(ran.err.contains("none is not there"), "{}", ran.err);
}
