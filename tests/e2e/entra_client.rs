//! The Entra client against servers that answer: the laboratory tenant, plain and over TLS, and npm's oauth2-mock-server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use postern::factors::first::entra::{
    Answer, Cause, Directory, Outcome, Reason, Standing, Trouble, Verdict, decide, prove, table,
};
use postern::secret::Secret;
use postern::store::records::{Override, Proof, Tenant, Timestamp};

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const CLIENT_ID: &str = "66666666-7777-8888-9999-aaaaaaaaaaaa";
const RIGHT: &str = "correct horse";
const DEADLINE: Duration = Duration::from_secs(5);

/// A server that ends with the test.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(command: &mut Command) -> Server {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim()
            .strip_prefix("ready ")
            .unwrap_or_else(|| panic!("{command:?} said {line:?}"))
            .to_owned();
        Server { child, url }
    }

    fn lab(flags: &[&str]) -> Server {
        let mut program = std::env::current_exe().unwrap();
        program.pop();
        program.pop();
        program.push("examples/lab-tenant");
        assert!(
            program.exists(),
            "{} is missing: cargo build --example lab-tenant",
            program.display()
        );
        Server::start(Command::new(program).arg("--until-stdin-closes").args(flags))
    }

    fn oauth2_mock() -> Server {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let peers = std::env::var_os("POSTERN_PEERS").map_or_else(|| here.join(".peers"), PathBuf::from);
        let module = peers.join("node/node_modules/oauth2-mock-server");
        assert!(
            module.exists(),
            "{} is missing: scripts/test installs it",
            module.display()
        );
        Server::start(
            Command::new("node")
                .arg(here.join("tests/lab/oauth2-mock.js"))
                .arg(module)
                .arg(TENANT),
        )
    }

    async fn requests(&self, user: &str) -> u64 {
        self.number(&format!("/lab/requests?user={user}"), "count").await
    }

    async fn number(&self, path: &str, name: &str) -> u64 {
        let url = format!("{}{path}", self.url);
        let body: serde_json::Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        body[name].as_u64().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tenant(authority: &str) -> Tenant {
    Tenant {
        domain: "contoso.example".into(),
        prefixes: Vec::new(),
        default: true,
        tenant: TENANT.into(),
        client_id: CLIENT_ID.into(),
        client_secret: None,
        authority: authority.into(),
        scope: "openid".into(),
        ca_pem: None,
        proxy: None,
        allow_without_mfa: false,
        allow_unregistered: false,
        allow_external: false,
        overrides: BTreeMap::new(),
        proof: Proof::Proven(Timestamp(1)),
        budget: 6,
        created: Timestamp(1),
        generation: 1,
    }
}

fn directory(authority: &str) -> Directory {
    Directory::new(&tenant(authority)).unwrap()
}

async fn ask(directory: &Directory, local: &str, password: &str) -> Answer {
    directory
        .ask(&format!("{local}@contoso.example"), &Secret::from(password), DEADLINE)
        .await
}

#[tokio::test]
async fn r12_every_code_of_the_table_over_http() {
    let lab = Server::lab(&[]);
    let directory = directory(&lab.url);
    for row in table::rows() {
        let name = format!("code-{}", row.code);
        let answer = ask(&directory, &name, RIGHT).await;
        assert_eq!(answer.verdict, row.verdict, "{}", row.code);
        assert_eq!(answer.code, Some(row.code));
        assert!(answer.correlation.is_some());
        let wrong = ask(&directory, &name, "wrong").await;
        let looked_at = matches!(
            row.password,
            table::Password::Right | table::Password::Inferred | table::Password::Wrong
        ) || [50057, 80012].contains(&row.code);
        let expected = match (row.code, looked_at) {
            (_, true) => 50126,
            (code, false) => code,
        };
        assert_eq!(wrong.code, Some(expected), "{} with a wrong password", row.code);
        assert_eq!(
            lab.requests(&format!("{name}@contoso.example")).await,
            2,
            "one request a question"
        );
    }
}

#[tokio::test]
async fn r12_odd_answers_over_http() {
    let lab = Server::lab(&[]);
    let directory = directory(&lab.url);
    let verdict = async |local: &str| ask(&directory, local, RIGHT).await.verdict;
    assert_eq!(verdict("anna").await, Verdict::Continue);
    assert_eq!(
        ask(&directory, "anna", "wrong").await.verdict,
        Verdict::Refuse(Cause::WrongPassword)
    );
    assert_eq!(
        verdict("codes-70002-50126").await,
        Verdict::Refuse(Cause::WrongPassword)
    );
    assert_eq!(verdict("codes-50076-53003").await, Verdict::Refuse(Cause::Blocked));
    assert_eq!(verdict("codes-50076-50074").await, Verdict::Continue);
    assert_eq!(verdict("nocodes-50076").await, Verdict::Continue);
    assert_eq!(verdict("nocodes-530031").await, Verdict::Refuse(Cause::Policy));
    assert_eq!(verdict("federated").await, Verdict::Refuse(Cause::WrongPassword));
    assert_eq!(verdict("code-1234567").await, Verdict::Refuse(Cause::Unlisted));
    assert_eq!(verdict("token").await, Verdict::Token);
}

#[tokio::test]
async fn r15_what_is_no_answer_is_unavailable() {
    let lab = Server::lab(&[]);
    let directory = directory(&lab.url);
    for (local, trouble) in [
        ("http-503", Trouble::Status(503)),
        ("http-302", Trouble::Status(302)),
        ("html", Trouble::NotJson),
        ("empty200", Trouble::NoToken),
        ("huge", Trouble::TooLarge),
        ("reset", Trouble::Closed),
        ("redirect", Trouble::Status(307)),
    ] {
        // The second time over a connection that was kept open, where one is.
        for _ in 0..2 {
            assert_eq!(ask(&directory, "anna", RIGHT).await.verdict, Verdict::Continue);
            assert_eq!(
                ask(&directory, local, RIGHT).await,
                Answer::none(trouble.clone()),
                "{local}"
            );
        }
        let asked = lab.requests(&format!("{local}@contoso.example")).await;
        assert_eq!(asked, 2, "{local}: nothing is tried again");
    }
    let limited = ask(&directory, "http-429-7", RIGHT).await;
    assert_eq!(limited.trouble, Some(Trouble::Throttled));
    assert_eq!(limited.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(
        lab.number("/lab/requests", "trapped").await,
        0,
        "no redirect is followed (R13)"
    );
}

#[tokio::test]
async fn r15_the_deadline_covers_everything() {
    let lab = Server::lab(&[]);
    let directory = directory(&lab.url);
    let begun = Instant::now();
    let answer = directory
        .ask(
            "slow-5000@contoso.example",
            &Secret::from(RIGHT),
            Duration::from_millis(300),
        )
        .await;
    assert_eq!(answer, Answer::none(Trouble::Timeout));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(ask(&directory, "slow-300", RIGHT).await.verdict, Verdict::Continue);
}

#[tokio::test]
async fn r15_nobody_there() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let answer = ask(&directory(&format!("http://{closed}")), "anna", RIGHT).await;
    assert_eq!(answer, Answer::none(Trouble::Refused));
    // One who accepts and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = directory(&format!("http://{}", silent.local_addr().unwrap()));
    let answer = silent
        .ask("anna@contoso.example", &Secret::from(RIGHT), Duration::from_millis(200))
        .await;
    assert_eq!(answer, Answer::none(Trouble::Timeout));
}

#[tokio::test]
async fn r13_a_private_authority_over_tls() {
    let scratch = tempfile::tempdir().unwrap();
    let ca = scratch.path().join("ca.pem");
    let lab = Server::lab(&["--tls", "--ca-file", ca.to_str().unwrap()]);
    assert!(lab.url.starts_with("https://"));
    let trusting = Tenant {
        ca_pem: Some(std::fs::read_to_string(&ca).unwrap()),
        ..tenant(&lab.url)
    };
    let trusting = Directory::new(&trusting).unwrap();
    assert_eq!(ask(&trusting, "anna", RIGHT).await.verdict, Verdict::Continue);
    assert_eq!(ask(&trusting, "token", RIGHT).await.verdict, Verdict::Token);
    assert_eq!(ask(&trusting, "reset", RIGHT).await, Answer::none(Trouble::Closed));

    let answer = ask(&directory(&lab.url), "anna", RIGHT).await;
    assert_eq!(answer.verdict, Verdict::Unavailable);
    let Some(Trouble::Tls(why)) = &answer.trouble else {
        panic!("{answer:?}");
    };
    assert!(why.contains("UnknownIssuer"), "{why}");
    // One who speaks no TLS.
    let plain = Server::lab(&[]);
    let answer = ask(&directory(&plain.url.replace("http:", "https:")), "anna", RIGHT).await;
    assert!(matches!(answer.trouble, Some(Trouble::Tls(_))), "{answer:?}");
}

#[tokio::test]
async fn r12_a_wrong_setup_is_a_mistake_in_the_setup() {
    let lab = Server::lab(&[]);
    type Change = fn(&mut Tenant);
    let changes: [(Change, u32); 4] = [
        (|t| t.tenant = "99999999-2222-3333-4444-555555555555".into(), 90002),
        (|t| t.tenant = "common".into(), 9_001_023),
        (|t| t.client_id = "99999999-7777-8888-9999-aaaaaaaaaaaa".into(), 700_016),
        (|t| t.client_secret = Some(Secret::from("s")), 700_025),
    ];
    for (change, code) in changes {
        let mut changed = tenant(&lab.url);
        change(&mut changed);
        let answer = ask(&Directory::new(&changed).unwrap(), "anna", RIGHT).await;
        assert_eq!((answer.verdict, answer.code), (Verdict::Configuration, Some(code)));
    }
    let confidential = Server::lab(&["--client-secret", "p+q& r=s%"]);
    for (secret, code) in [
        (None, 7_000_218),
        (Some("wrong"), 7_000_215),
        (Some("p+q& r=s%"), 50076),
    ] {
        let with = Tenant {
            client_secret: secret.map(Secret::from),
            ..tenant(&confidential.url)
        };
        let answer = ask(&Directory::new(&with).unwrap(), "anna", RIGHT).await;
        assert_eq!(answer.code, Some(code));
    }
}

#[tokio::test]
async fn r12_overrides_reach_the_answer() {
    let lab = Server::lab(&[]);
    let mut changed = tenant(&lab.url);
    changed.overrides = BTreeMap::from([
        (50158, Override::Continue),
        (53003, Override::Continue),
        (50076, Override::Refuse),
    ]);
    let directory = Directory::new(&changed).unwrap();
    assert_eq!(ask(&directory, "code-50158", RIGHT).await.verdict, Verdict::Continue);
    assert_eq!(
        ask(&directory, "code-53003", RIGHT).await.verdict,
        Verdict::Refuse(Cause::Blocked)
    );
    assert_eq!(
        ask(&directory, "code-50076", RIGHT).await.verdict,
        Verdict::Refuse(Cause::Overridden)
    );
    assert_eq!(
        ask(&directory, "code-50158", "wrong").await.verdict,
        Verdict::Refuse(Cause::WrongPassword)
    );
}

#[tokio::test]
async fn r13_proving_a_tenant() {
    let lab = Server::lab(&[]);
    let directory = directory(&lab.url);
    let wrong_password = prove::wrong_password(&[9; prove::WRONG_LENGTH]);
    let both = async |local: &str, password: &str| {
        let right = ask(&directory, local, password).await;
        let upn = format!("{local}@contoso.example");
        let wrong = directory.ask(&upn, &wrong_password, DEADLINE).await;
        prove::prove(&right, &wrong)
    };
    assert!(both("anna", RIGHT).await.is_ok());
    assert!(
        both("anna", "mistyped")
            .await
            .unwrap_err()
            .join(" ")
            .contains("That password is wrong")
    );
    assert!(
        both("token", RIGHT)
            .await
            .unwrap_err()
            .join(" ")
            .contains("Require MFA")
    );
    assert!(
        both("code-7000218", RIGHT)
            .await
            .unwrap_err()
            .join(" ")
            .contains("Allow public client flows")
    );
    assert!(both("slow-1", RIGHT).await.is_ok());
    assert!(both("html", RIGHT).await.is_err());
}

#[tokio::test]
async fn r13_the_proxy_comes_from_the_settings() {
    let lab = Server::lab(&[]);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let through = Tenant {
        proxy: Some(lab.url.clone()),
        ..tenant(&format!("http://{closed}"))
    };
    let answer = ask(&Directory::new(&through).unwrap(), "anna", RIGHT).await;
    assert_eq!(
        answer.verdict,
        Verdict::Continue,
        "the proxy answered in the place of a closed port"
    );
    assert_eq!(lab.requests("anna@contoso.example").await, 1);

    // And never from the environment: this program again, with one set that leads nowhere.
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "entra_client::r13_child_asks_directly", "--ignored"])
        .env("POSTERN_TEST_LAB", &lab.url);
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        child.env(name, format!("http://{closed}"));
    }
    let output = child.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(lab.requests("berta@contoso.example").await, 1);
}

#[tokio::test]
#[ignore = "a part of r13_the_proxy_comes_from_the_settings, which starts it"]
async fn r13_child_asks_directly() {
    let lab = std::env::var("POSTERN_TEST_LAB").unwrap();
    assert_eq!(ask(&directory(&lab), "berta", RIGHT).await.verdict, Verdict::Continue);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_a_thousand_at_once() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let lab = Server::lab(&["--delay", "200ms"]);
    let directory = directory(&lab.url);
    let begun = Instant::now();
    let mut questions = tokio::task::JoinSet::new();
    for n in 0..1000 {
        let directory = directory.clone();
        questions.spawn(async move { ask(&directory, &format!("user{n}"), RIGHT).await.verdict });
    }
    let verdicts = questions.join_all().await;
    assert_eq!(verdicts, vec![Verdict::Continue; 1000]);
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    assert_eq!(lab.number("/lab/requests", "count").await, 1000);
}

#[tokio::test]
async fn r12_a_server_made_by_others() {
    let server = Server::oauth2_mock();
    let directory = directory(&server.url);
    let token = ask(&directory, "anna", RIGHT).await;
    assert_eq!((token.verdict, token.code), (Verdict::Token, None));
    let closed = decide(&token, directory.tenant(), Standing::Known);
    assert_eq!(closed, Outcome::Refused(Reason::WithoutMfa), "refused by default");
    let open = Tenant {
        allow_without_mfa: true,
        ..tenant(&server.url)
    };
    assert_eq!(decide(&token, &open, Standing::Known), Outcome::PasswordRight);

    let answer = ask(&directory, "code-50076", RIGHT).await;
    assert_eq!((answer.verdict, answer.code), (Verdict::Continue, Some(50076)));
    assert_eq!(
        answer.correlation.as_deref(),
        Some("00000000-0000-4000-8000-00000000abcd")
    );
    let answer = ask(&directory, "code-50126", RIGHT).await;
    assert_eq!(answer.verdict, Verdict::Refuse(Cause::WrongPassword));

    // Another tenant's path is not served there: a page with status 404.
    let lost = Tenant {
        tenant: "fabrikam.example".into(),
        ..tenant(&server.url)
    };
    let answer = ask(&Directory::new(&lost).unwrap(), "anna", RIGHT).await;
    assert_eq!(answer, Answer::none(Trouble::NotJson));
}
