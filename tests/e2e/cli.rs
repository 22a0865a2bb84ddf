//! The command line contract: exit statuses, one-line errors, `--json`, import, files and their permissions (R20, R21, R24).

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{Door, PASSWORD, Rows, Running, run};
use crate::lab::Site;
use crate::packet::ACCEPT;
use crate::totp::Token;

#[test]
fn exit_statuses_and_one_line_errors() {
    let door = Door::open();
    door.client("vpn", "127.0.0.1", &[]);
    door.user("anna@contoso.example");
    let mut rows = Rows::default();
    let table: &[(&[&str], i32)] = &[
        (&["status"], 0),
        (&["client", "list"], 0),
        (&["client", "show", "vpn"], 0),
        (&["user", "list"], 0),
        (&["user", "show", "anna@contoso.example"], 0),
        (&["token", "list", "anna@contoso.example"], 0),
        (&["time", "show"], 0),
        (&["log"], 0),
        (&["log", "--verify"], 0),
        (&["entra", "show"], 0),
        (&["explain", "anna@contoso.example"], 0),
        (&["client", "show", "nothing"], 1),
        (&["client", "add", "vpn", "192.0.2.1"], 1),
        (&["client", "add", "other", "127.0.0.1"], 1),
        (&["user", "add", "anna@contoso.example"], 1),
        (&["user", "show", "nobody@contoso.example"], 1),
        (&["user", "disable", "nobody@contoso.example"], 1),
        (&["token", "add", "nobody@contoso.example"], 1),
        (&["token", "confirm", "anna@contoso.example", "123456"], 1),
        (&["token", "remove", "anna@contoso.example", "999"], 1),
        (&["import", "/nonexistent/file.csv"], 1),
        (
            &[
                "client",
                "add",
                "nosecret",
                "192.0.2.7",
                "--secret-file",
                "/nonexistent",
            ],
            1,
        ),
        (&[], 2),
        (&["nonsense"], 2),
        (&["client", "add", "x"], 2),
        (&["client", "add", "x", "not-an-address"], 2),
        (&["client", "add", "x", "192.0.2.1/33"], 2),
        (&["client", "add", "x", "192.0.2.1", "--mode", "nonsense"], 2),
        (&["client", "add", "x", "192.0.2.1", "--first", "ldap"], 2),
        (&["client", "add", "x", "192.0.2.1", "--first", "none"], 2),
        (&["client", "add", "x", "192.0.2.1", "--reject-delay", "soon"], 2),
        (&["token", "add", "anna@contoso.example", "--digits", "7"], 2),
        (&["token", "add", "anna@contoso.example", "--secret", "not base32!"], 2),
        (&["user", "bypass", "anna@contoso.example", "--minutes", "61"], 2),
    ];
    for (arguments, status) in table {
        let said = door.cli(arguments);
        rows.same(&format!("{arguments:?}: {said:?}"), *status, said.status);
        if *status == 1 {
            rows.same(
                &format!("{arguments:?}: one line: {:?}", said.err),
                1,
                said.err.trim().lines().count(),
            );
            let json = door.cli(&[["--json"].as_slice(), arguments].concat());
            let document: Result<Value, _> = serde_json::from_str(&json.out);
            rows.hold(
                &format!("{arguments:?}: an error is JSON too: {json:?}"),
                document.is_ok_and(|d| d.to_string().contains("error")),
            );
            rows.same(&format!("{arguments:?} --json"), 1, json.status);
        }
        if *status == 0 {
            let json = door.cli(&[["--json"].as_slice(), arguments].concat());
            rows.hold(
                &format!("{arguments:?}: JSON: {json:?}"),
                serde_json::from_str::<Value>(&json.out).is_ok(),
            );
        }
    }
    rows.end();
}

#[test]
fn nobody_at_the_socket_is_one_line() {
    let said = run(
        Command::new(env!("CARGO_BIN_EXE_postern")).args(["--control", "/nonexistent/control.sock", "status"]),
        "",
    );
    assert_eq!((said.status, said.err.trim().lines().count()), (1, 1), "{said:?}");
}

#[test]
fn r21_secrets_are_shown_once_and_lie_nowhere_in_clear() {
    let site = Site::open(&[]);
    let door = &site.door;
    let made = door.json(&["client", "add", "made", "192.0.2.1"]);
    let secret = made["secret"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    assert_eq!(secret.len(), 32);
    let token = door.enrolled("anna@contoso.example");
    door.ok_in(
        &["user", "add", "local@contoso.example", "--password-file", "-"],
        "tall stairs down\n",
    );
    door.ok_in(
        &[
            "entra",
            "set",
            "--domain",
            "contoso.example",
            "--client-secret-file",
            "-",
        ],
        "entra secret words\n",
    );
    assert_eq!(site.login("nobody", &format!("{PASSWORD}123456")), 3);
    let vpn = String::from_utf8(site.nas.secret.clone()).unwrap();
    let mut rows = Rows::default();
    for arguments in [
        ["client", "list"].as_slice(),
        &["client", "show", "made"],
        &["client", "show", "vpn"],
        &["user", "show", "anna@contoso.example"],
        &["user", "show", "local@contoso.example"],
        &["token", "list", "anna@contoso.example"],
        &["entra", "show"],
        &["log"],
        &["status"],
        &["explain", "anna@contoso.example"],
    ] {
        let text = door.ok(arguments) + &door.ok(&[["--json"].as_slice(), arguments].concat());
        for (name, word) in [
            ("a client's", &secret),
            ("a client's", &vpn),
            ("a seed", &token.base32()),
            ("a password", &"tall stairs down".into()),
            ("a password", &PASSWORD.to_owned()),
            ("a tenant's", &"entra secret words".into()),
        ] {
            rows.hold(&format!("{arguments:?} shows {name}"), !text.contains(word.as_str()));
        }
    }
    for file in files(&door.path().join("state")) {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        rows.hold(&format!("{} is {mode:o}", file.display()), mode & 0o077 == 0);
        let bytes = std::fs::read(&file).unwrap();
        for word in [
            secret.as_bytes(),
            vpn.as_bytes(),
            &token.seed,
            token.base32().as_bytes(),
            b"tall stairs down",
            b"entra secret words",
            PASSWORD.as_bytes(),
        ] {
            let found = bytes.windows(word.len()).any(|window| window == word);
            rows.hold(
                &format!("{} holds {}", file.display(), String::from_utf8_lossy(word)),
                !found,
            );
        }
    }
    let socket = std::fs::metadata(door.control()).unwrap().permissions().mode() & 0o777;
    rows.hold(&format!("R24: the socket is {socket:o}"), socket & 0o007 == 0);
    let said = door.daemon.said();
    rows.hold(
        "the daemon's log",
        ![PASSWORD, "tall stairs down", &vpn, &secret]
            .iter()
            .any(|word| said.contains(word)),
    );
    rows.end();
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}

/// posternd on this state, until it ends by itself.
fn refused_start(door: &Door) -> (Option<i32>, String) {
    let port = crate::harness::free_port();
    let mut daemon = Running::start(
        Command::new(env!("CARGO_BIN_EXE_posternd"))
            .arg("--state-dir")
            .arg(door.path().join("state"))
            .arg("--control")
            .arg(door.path().join("second.sock"))
            .args(["--auth", &format!("127.0.0.1:{port}"), "--acct", "127.0.0.1:0"]),
    );
    assert!(!daemon.wait_for(" ready "), "it started: {}", daemon.said());
    (daemon.child.wait().unwrap().code(), daemon.said())
}

#[test]
fn r20_a_second_daemon_on_the_same_state_is_refused_with_one_line() {
    let door = Door::open();
    let nas = door.client("vpn", "127.0.0.1", &[]);
    let (status, said) = refused_start(&door);
    assert_eq!((status, said.trim().lines().count()), (Some(1), 1), "{said}");
    assert!(nas.alive(), "the first goes on");
    door.ok(&["status"]);
}

#[test]
fn r21_a_key_that_others_can_read_is_refused_with_one_line() {
    let mut door = Door::open();
    door.daemon.terminate();
    let key = files(&door.path().join("state"))
        .into_iter()
        .find(|file| {
            file.file_name()
                .is_some_and(|name| name.to_string_lossy().contains("key"))
        })
        .expect("a key file");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let (status, said) = refused_start(&door);
    assert_eq!((status, said.trim().lines().count()), (Some(1), 1), "{said}");
    assert!(
        said.contains("0600") || said.contains("600"),
        "it says what to do: {said}"
    );
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    door.reopen();
    door.ok(&["status"]);
}

fn import(door: &Door, name: &str, content: &str, flags: &[&str]) -> (i32, Value) {
    let file = door.path().join(name);
    std::fs::write(&file, content).unwrap();
    let mut arguments = vec!["--json", "import", file.to_str().unwrap()];
    arguments.extend(flags);
    let said = door.cli(&arguments);
    let report = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {said:?}"));
    (said.status, report)
}

fn users(door: &Door) -> u64 {
    door.json(&["status"])["users"].as_u64().unwrap()
}

#[test]
fn import_takes_the_files_real_shapes() {
    let site = Site::open(&[]);
    let door = &site.door;
    let tokens: Vec<Token> = (0..6).map(|_| Token::new()).collect();
    let key = |n: usize| tokens[n].base32();
    let grouped: String = key(4)
        .to_lowercase()
        .as_bytes()
        .chunks(4)
        .map(|g| String::from_utf8_lossy(g).into_owned() + " ")
        .collect();
    let header = "upn,serial number,secret key,time interval,manufacturer,model";
    let mut rows = Rows::default();
    for (n, (name, content)) in [
        (
            "plain",
            format!("{header}\nu0@contoso.example,1,{},30,Contoso,HardwareKey\n", key(0)),
        ),
        (
            "BOM and CRLF",
            format!(
                "\u{feff}{header}\r\nu1@contoso.example,2,{},30,Contoso,HardwareKey\r\n",
                key(1)
            ),
        ),
        (
            "semicolons",
            format!(
                "{}\nu2@contoso.example;3;{};30;Contoso;HardwareKey\n",
                header.replace(',', ";"),
                key(2)
            ),
        ),
        (
            "timeinterval",
            format!(
                "{}\nu3@contoso.example,4,{},30,Contoso,HardwareKey\n",
                header.replace("time interval", "timeinterval"),
                key(3)
            ),
        ),
        (
            "grouped and quoted",
            format!("{header}\n\"u4@contoso.example\",\"5\",\"{grouped}\",\"30\",\"Contoso, Inc.\",\"Key\"\n"),
        ),
        (
            "padded",
            format!("{header}\nU5@CONTOSO.example,6,{}======,30,Contoso,HardwareKey", key(5)),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let before = users(door);
        let (status, report) = import(
            door,
            "tokens.csv",
            &content,
            &["--format", "azure-csv", "--active", "--dry-run"],
        );
        rows.same(&format!("{name}: dry run: {report}"), 0, status);
        rows.same(&format!("{name}: a dry run writes nothing"), before, users(door));
        let (status, report) = import(door, "tokens.csv", &content, &["--active"]);
        rows.same(&format!("{name}: {report}"), 0, status);
        rows.same(name, before + 1, users(door));
        rows.same(
            name,
            ACCEPT,
            site.login(&format!("u{n}"), &format!("{PASSWORD}{}", tokens[n].code())),
        );
    }
    rows.end();
    let (status, _) = import(door, "tokens.csv", "who,what\nanna,x\n", &["--format", "azure-csv"]);
    assert_eq!(status, 1, "no header");
}

#[test]
fn import_of_100_000_lines_with_every_tenth_broken() {
    let door = Door::open();
    let mut content = String::from("upn,serial number,secret key,time interval,manufacturer,model\n");
    let kinds = ["not base32 at all!", "", "ABC"];
    for n in 0..100_000 {
        let token = Token::new();
        let key = if n % 10 == 9 {
            kinds[n / 10 % 3].to_owned()
        } else {
            token.base32()
        };
        writeln!(content, "user{n}@contoso.example,{n},{key},30,Contoso,HardwareKey").unwrap();
    }
    let start = std::time::Instant::now();
    let (status, report) = import(&door, "big.csv", &content, &["--format", "azure-csv"]);
    println!("100,000 lines in {:?}", start.elapsed());
    assert_eq!(status, 1, "some were refused");
    assert_eq!(users(&door), 90_000);
    let text = report.to_string();
    assert!(
        text.contains("\"line\":11") && text.contains("\"line\":100001"),
        "each bad line by its number: {}",
        &text[..500.min(text.len())]
    );
    let broken = text.matches("\"line\":").count();
    assert!(broken >= 10_000, "{broken} lines told");
    // The box goes on as ever.
    let nas = door.client("vpn", "127.0.0.1", &[]);
    assert!(nas.alive());
}

#[test]
fn r24_what_operators_do_is_on_record() {
    let door = Door::open();
    door.user("anna@contoso.example");
    door.ok(&["user", "disable", "anna@contoso.example"]);
    door.cli(&["user", "disable", "nobody@contoso.example"]);
    let log = door.json(&["log"]);
    let entries = log["entries"].as_array().unwrap();
    let operators: Vec<&Value> = entries.iter().filter(|entry| entry["kind"] == "operator").collect();
    let uid = format!("uid {}", nix::unistd::getuid());
    for (word, outcome) in [
        ("user add", "done"),
        ("user disable", "done"),
        ("user disable", "refused"),
    ] {
        let found = operators.iter().any(|e| {
            e["reason"] == word && e["outcome"] == outcome && e["by"].as_str().is_some_and(|by| by.contains(&uid))
        });
        assert!(found, "{word} {outcome}: {operators:?}");
    }
}

#[test]
fn the_configuration_file_and_the_flags_say_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let port = crate::harness::free_port();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let config = format!(
        "state-dir = \"{}\"\ncontrol = \"{}\"\nauth = [\"127.0.0.1:{port}\"]\nacct = [\"127.0.0.1:{}\"]\n",
        path("state"),
        path("c.sock"),
        crate::harness::free_port()
    );
    std::fs::write(path("postern.toml"), &config).unwrap();
    let start = |arguments: &[&str]| {
        let mut daemon = Running::start(Command::new(env!("CARGO_BIN_EXE_posternd")).args(arguments));
        let ready = daemon.wait_for(" ready ");
        (ready, daemon)
    };
    let (ready, mut daemon) = start(&["--config", &path("postern.toml")]);
    assert!(ready, "{}", daemon.said());
    let status = run(
        Command::new(env!("CARGO_BIN_EXE_postern")).args(["--control", &path("c.sock"), "--json", "status"]),
        "",
    );
    assert!(status.out.contains(&format!("127.0.0.1:{port}")), "{status:?}");
    assert_eq!(daemon.terminate(), Some(0));
    std::fs::write(path("postern.toml"), format!("{config}colour = \"blue\"\n")).unwrap();
    let (ready, daemon) = start(&["--config", &path("postern.toml")]);
    assert!(
        !ready && daemon.said().contains("colour"),
        "an unknown key is refused by name: {}",
        daemon.said()
    );
}

#[test]
fn completions_and_manual_pages() {
    let dir = tempfile::tempdir().unwrap();
    let postern = |arguments: &[&str]| run(Command::new(env!("CARGO_BIN_EXE_postern")).args(arguments), "");
    let mut rows = Rows::default();
    for shell in ["bash", "zsh", "fish"] {
        let said = postern(&["completions", shell]);
        rows.hold(shell, said.status == 0 && said.out.contains("bypass"));
        if shell == "bash" {
            rows.same(
                "bash reads it",
                0,
                run(Command::new("bash").args(["-n", "-s"]), &said.out).status,
            );
        }
    }
    let said = postern(&["man"]);
    rows.hold("a manual page", said.status == 0 && said.out.contains(".TH"));
    rows.same("all of them", 0, postern(&["man", dir.path().to_str().unwrap()]).status);
    rows.hold("one a command", files(dir.path()).len() > 10);
    rows.end();
}
