//! Peers that nobody here wrote: radclient, pyrad, OpenSSH's sshd with PAM, FreeRADIUS as a proxy, an OAuth server from npm.
//! `scripts/setup test` installs them; their configurations stand in `tests/peers`.

use std::path::Path;
use std::process::Command;

use crate::harness::{Door, PASSWORD, Rows, Running, Said, free_port, repository, run};
use crate::lab::{Lab, QUICK, Site};
use crate::packet::Nas;

const USER: &str = "anna@contoso.example";

/// What radclient got: the name of the reply and its attributes in packet order.
#[derive(Debug)]
pub struct Heard {
    pub code: String,
    attributes: Vec<(String, String)>,
    said: Said,
}

/// radclient with these attributes ("Name=value, ..."); one try, six seconds.
pub fn radclient(secret_file: &str, server: &str, kind: &str, attributes: &str) -> Heard {
    let said = run(
        Command::new("radclient").args(["-x", "-r", "1", "-t", "6", "-S", secret_file, server, kind]),
        &format!("{attributes}\n"),
    );
    let mut code = String::new();
    let mut list = Vec::new();
    for line in said.out.lines() {
        if let Some(rest) = line.strip_prefix("Received ") {
            code = rest.split(' ').next().unwrap_or_default().to_owned();
        } else if let (false, Some((name, value))) = (code.is_empty(), line.trim().split_once(" = ")) {
            list.push((name.to_owned(), value.to_owned()));
        }
    }
    Heard {
        code,
        attributes: list,
        said,
    }
}

pub fn login_words(user: &str, credential: &str) -> String {
    format!("User-Name = \"{user}\", User-Password = \"{credential}\", Message-Authenticator = 0x00")
}

#[test]
fn radclient_logs_in_once() {
    let site = Site::open(&[]);
    let token = site.door.enrolled(USER);
    let (file, server) = (site.door.secret_file("vpn"), site.door.auth.to_string());
    let words = login_words(USER, &format!("{PASSWORD}{}", token.code()));
    let first = radclient(&file, &server, "auth", &words);
    assert_eq!(
        (first.code.as_str(), first.said.status),
        ("Access-Accept", 0),
        "{first:?}"
    );
    assert_eq!(first.attributes[0].0, "Message-Authenticator", "R6: {first:?}");
    let second = radclient(&file, &server, "auth", &words);
    assert_eq!(
        (second.code.as_str(), second.said.status),
        ("Access-Reject", 1),
        "{second:?}"
    );
    assert_eq!(site.door.reason(USER), "code-used");
    let status = radclient(&file, &server, "status", "Message-Authenticator = 0x00");
    assert_eq!(status.code, "Access-Accept", "{status:?}");
}

fn pyrad(server: &Nas, secret_file: &str, words: &[&str]) -> Said {
    let python = repository(".peers/python/bin/python");
    let mut command = Command::new(python);
    command.arg(repository("tests/peers/pyrad_login.py"));
    command.args([
        server.server.ip().to_string(),
        server.server.port().to_string(),
        secret_file.to_owned(),
    ]);
    run(command.args(words), "")
}

#[test]
fn pyrad_logs_in_with_append_and_with_challenge() {
    let site = Site::open(&[]);
    let token = site.door.enrolled(USER);
    let file = site.door.secret_file("vpn");
    let mut rows = Rows::default();
    let mut expect = |name: &str, words: &[&str], status: i32, out: &str| {
        let said = pyrad(&site.nas, &file, words);
        rows.same(name, status, said.status);
        rows.hold(&format!("{name}: {said:?}"), said.out.trim().ends_with(out));
    };
    let credential = format!("{PASSWORD}{}", token.code());
    expect(
        "append",
        &[USER, &credential],
        0,
        "Access-Accept message: - signed: True",
    );
    expect(
        "append again",
        &[USER, &credential],
        1,
        "Access-Reject message: - signed: True",
    );
    let later = format!("{PASSWORD}{}", token.later(1));
    let station = "Calling-Station-Id=192.0.2.7";
    expect(
        "from a station",
        &[USER, &later, station],
        0,
        "Access-Accept message: - signed: True",
    );
    expect(
        "sent again (R9)",
        &[USER, &later, station],
        0,
        "Access-Accept message: - signed: True",
    );
    site.door.ok(&[
        "client",
        "set",
        "vpn",
        "--mode",
        "challenge",
        "--prompt",
        "And the code",
    ]);
    let ben = site.door.enrolled("ben@contoso.example");
    expect(
        "challenge, wrong code",
        &["ben", PASSWORD, &ben.wrong()],
        1,
        "Access-Reject message: - signed: True",
    );
    expect(
        "challenge",
        &["ben", PASSWORD, &ben.code()],
        0,
        "Access-Accept message: - signed: True",
    );
    let said = pyrad(&site.nas, &file, &["ben", PASSWORD, &ben.later(1)]);
    rows.hold(
        &format!("prompt: {said:?}"),
        said.out
            .starts_with("Access-Challenge message: And the code signed: True\n"),
    );
    rows.end();
}

/// Whether this test may go on: sshd with PAM wants root, for a mount namespace.
fn rooted() -> bool {
    if nix::unistd::geteuid().is_root() {
        return true;
    }
    let left_out = std::env::var_os("POSTERN_WITHOUT_ROOT").is_some();
    assert!(
        left_out,
        "this test wants root; set POSTERN_WITHOUT_ROOT=1 to leave it out"
    );
    println!("left out: not root");
    false
}

/// sshd with pam_radius_auth in front of a door.
struct Sshd {
    process: Running,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Sshd {
    fn start(door: &Door, account: &str) -> Sshd {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut process = Running::start(
            Command::new(repository("tests/peers/sshd/start"))
                .arg(dir.path())
                .args([
                    port.to_string(),
                    door.auth.to_string(),
                    door.secret_file("vpn"),
                    account.to_owned(),
                ]),
        );
        assert!(process.wait_for("Server listening"), "{}", process.said());
        Sshd {
            process,
            port,
            _dir: dir,
        }
    }

    fn login(&self, account: &str, answers: &[&str]) -> Said {
        let mut command = Command::new(repository("tests/peers/sshd/login"));
        run(
            command.args([self.port.to_string(), account.to_owned()]).args(answers),
            "",
        )
    }
}

#[test]
fn sshd_with_pam_logs_in_with_append_and_with_challenge() {
    if !rooted() {
        return;
    }
    // Debian's pam_radius_auth sends no Message-Authenticator.
    let site = Site::open(&["--require-message-authenticator", "no"]);
    let token = site.door.enrolled(USER);
    let sshd = Sshd::start(&site.door, "anna");
    let mut rows = Rows::default();
    let mut expect = |name: &str, answers: &[&str], fine: bool| {
        let said = sshd.login("anna", answers);
        rows.same(name, fine, said.status == 0 && said.out.contains("logged in as anna"));
        if fine != (said.status == 0) {
            rows.hold(&format!("{said:?}\n{}", sshd.process.said()), false);
        }
        said
    };
    expect("append", &[&format!("{PASSWORD}{}", token.code())], true);
    expect("append, wrong code", &[&format!("{PASSWORD}{}", token.wrong())], false);
    expect("append, wrong password", &[&format!("wrong{}", token.later(1))], false);
    site.door.ok(&[
        "client",
        "set",
        "vpn",
        "--mode",
        "challenge",
        "--prompt",
        "Your code, please",
    ]);
    let second = site.door.token(USER);
    let said = expect("challenge", &[PASSWORD, &second.code()], true);
    assert!(said.err.contains("Your code, please"), "{said:?}");
    expect("challenge, used code", &[PASSWORD, &second.code()], false);
    expect("challenge, wrong password", &["wrong", &second.later(1)], false);
    rows.end();
    let stations: Vec<_> = site
        .door
        .logins(USER)
        .iter()
        .map(|entry| entry["station"].clone())
        .collect();
    assert!(
        stations.iter().all(|station| station == "127.0.0.1"),
        "sshd names the calling station: {stations:?}"
    );
}

#[test]
fn freeradius_as_a_proxy_in_front() {
    let site = Site::open(&[]);
    let token = site.door.enrolled(USER);
    let dir = tempfile::tempdir().unwrap();
    let port = free_port().to_string();
    let mut proxy = Running::start(
        Command::new(repository("tests/peers/freeradius/start"))
            .arg(dir.path())
            .args([&port, "between", "127.0.0.1", &site.door.auth.port().to_string()])
            .arg(String::from_utf8(site.nas.secret.clone()).unwrap()),
    );
    assert!(proxy.wait_for("Ready to process requests"), "{}", proxy.said());
    let file = dir.path().join("between");
    std::fs::write(&file, "between").unwrap();
    let server = format!("127.0.0.1:{port}");
    let ask = |user: &str, credential: &str, more: &str| {
        let words = format!("{}{more}", login_words(user, credential));
        radclient(file.to_str().unwrap(), &server, "auth", &words)
    };
    let credential = format!("{PASSWORD}{}", token.code());
    let heard = ask(USER, &credential, ", Proxy-State = 0xabcd");
    assert_eq!(heard.code, "Access-Accept", "{heard:?}\n{}", proxy.said());
    assert!(
        heard.attributes.contains(&("Proxy-State".into(), "0xabcd".into())),
        "{heard:?}"
    );
    assert!(
        proxy.said().contains("Postern-Test-Rack"),
        "the proxy added its own attribute"
    );
    assert_eq!(ask(USER, &credential, "").code, "Access-Reject");
    assert_eq!(site.door.reason(USER), "code-used");

    site.door.ok(&["client", "set", "vpn", "--mode", "challenge"]);
    let heard = ask(USER, PASSWORD, "");
    assert_eq!(heard.code, "Access-Challenge", "{heard:?}");
    let state = &heard
        .attributes
        .iter()
        .find(|(name, _)| name == "State")
        .expect("a State through the proxy")
        .1;
    let heard = ask(USER, &token.later(1), &format!(", State = {state}"));
    assert_eq!(heard.code, "Access-Accept", "{heard:?}\n{}", proxy.said());
}

/// oauth2-mock-server at Entra's path.
fn mock_tenant(dir: &Path) -> (Running, String) {
    let port_file = dir.join("mock-port");
    let mut process = Running::start(
        Command::new("node")
            .arg(repository("tests/peers/mock-tenant.js"))
            .arg(&port_file)
            .env("NODE_PATH", repository(".peers/node/node_modules")),
    );
    assert!(process.wait_until(|_| port_file.exists()), "{}", process.said());
    let port = std::fs::read_to_string(port_file).unwrap();
    (process, format!("http://127.0.0.1:{port}"))
}

#[test]
fn an_oauth_server_nobody_here_wrote() {
    let door = Door::open();
    let (_mock, authority) = mock_tenant(door.path());
    let ids = [
        "--tenant",
        "11111111-2222-3333-4444-555555555555",
        "--client-id",
        "66666666-7777-8888-9999-aaaaaaaaaaaa",
    ];
    let place = ["--domain", "contoso.example", "--authority", &authority];
    door.ok(&[["entra", "set"].as_slice(), &place, &ids].concat());
    let refused = door.cli_in(&["entra", "prove", USER], PASSWORD);
    assert_eq!(refused.status, 1, "R13: a token proves nothing: {refused:?}");
    let refused = door.cli_in(&["entra", "prove", "mfa-always@contoso.example"], PASSWORD);
    assert_eq!(refused.status, 1, "R13: 50076 to a wrong password too: {refused:?}");
    door.ok_in(&["entra", "prove", "mfa-prove@contoso.example"], PASSWORD);
    let nas = door.client("vpn", "127.0.0.1", &QUICK);
    let mut rows = Rows::default();
    for (user, password, code, reason, number) in [
        ("mfa-anna@contoso.example", PASSWORD, 2, "accepted", Some(50076)),
        ("mfa-ben@contoso.example", "wrong", 3, "wrong-password", Some(50126)),
        (USER, PASSWORD, 3, "no-mfa-at-directory", None),
    ] {
        let token = door.enrolled(user);
        rows.same(user, code, nas.login(user, &format!("{password}{}", token.code())));
        let (_, told, directory) = door.last(user);
        rows.same(user, (reason, number), (told.as_str(), directory));
    }
    rows.end();
}

#[test]
fn the_laboratory_tenant_answers_an_ordinary_http_client() {
    let lab = Lab::open();
    let url = format!(
        "{}/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token",
        lab.authority()
    );
    let fields = [
        "grant_type=password",
        "client_id=66666666-7777-8888-9999-aaaaaaaaaaaa",
        "scope=openid",
    ];
    for (password, code) in [(PASSWORD, 50076), ("wrong", 50126)] {
        let mut command = Command::new("curl");
        command.args(["-s", "--noproxy", "*", "--data-urlencode", &format!("username={USER}")]);
        command.args(["--data-urlencode", &format!("password={password}")]);
        for field in fields {
            command.args(["-d", field]);
        }
        let said = run(command.arg(&url), "");
        let answer: serde_json::Value =
            serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"));
        assert_eq!(answer["error_codes"][0], code, "{answer}");
    }
    assert_eq!(lab.seen(USER), 2);
}
