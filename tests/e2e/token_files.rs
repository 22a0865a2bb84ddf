//! Token files with peers that nobody here wrote: what python-pskc and pskctool write is read, what the box writes they read, and
//! RFC 6030's own figures. Exports that another box imports (R21, R25).

use std::path::{Path, PathBuf};
use std::process::Command;

use postern::control::client::Client;
use postern::control::{Answer, Request, TokenProgram, TotpParameters};
use postern::secret::Secret;
use serde_json::{Value, json};

use crate::harness::{Door, Rows, Said, repository, run, word};
use crate::lab::QUICK;
use crate::packet::{ACCEPT, Nas, REJECT};
use crate::totp::Token;
use std::os::unix::fs::PermissionsExt;

const ANNA: &str = "anna@contoso.example";
const BEN: &str = "ben@contoso.example";
const KEY: &str = "12345678901234567890123456789012";
const PASSPHRASE: &str = "three tall ladders";

/// python-pskc; what it said, if it was content.
pub(crate) fn peer(arguments: &[&str], input: &str) -> Said {
    let mut command = Command::new(repository(".peers/python/bin/python"));
    run(
        command.arg(repository("tests/peers/pskc_file.py")).args(arguments),
        input,
    )
}

/// A file that python-pskc wrote.
pub(crate) fn written(dir: &Path, name: &str, document: &Value) -> PathBuf {
    let path = dir.join(name);
    let said = peer(&["write", path.to_str().unwrap()], &document.to_string());
    assert_eq!(said.status, 0, "{said:?}");
    path
}

/// What python-pskc reads in a file.
pub(crate) fn read_by_peer(path: &Path, more: &[&str]) -> Vec<Value> {
    let said = peer(&[&["read", path.to_str().unwrap()], more].concat(), "");
    assert_eq!(said.status, 0, "{said:?}");
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// A key of a token, as python-pskc takes it.
pub(crate) fn key(token: &Token, serial: &str, user: &str) -> Value {
    json!({
        "id": serial, "serial": serial, "manufacturer": "Acme", "model": "One", "secret": hex(&token.seed), "algorithm": "totp",
        "algorithm_suite": format!("HMAC-{}", token.algorithm.to_uppercase()), "response_encoding": "DECIMAL",
        "response_length": token.digits, "time_interval": token.period, "time_offset": 0, "key_userid": user,
    })
}

pub(crate) fn file(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

pub(crate) fn codes_alone(door: &Door) -> Nas {
    let settings = [["--mode", "code-only"].as_slice(), &QUICK].concat();
    door.client("vpn", "127.0.0.1", &settings)
}

#[test]
fn what_python_pskc_writes_is_read_and_its_codes_log_in() {
    let door = Door::open();
    let nas = codes_alone(&door);
    let words = file(door.path(), "words", PASSPHRASE);
    let mut rows = Rows::default();
    let ways = [
        ("plain", json!({}), vec![]),
        ("aes128", json!({"key": KEY}), vec!["--key-file"]),
        (
            "aes192",
            json!({"key": "ab".repeat(24), "algorithm": "aes192-cbc", "mac": "hmac-sha256"}),
            vec!["--key-file"],
        ),
        (
            "aes256",
            json!({"key": "cd".repeat(32), "algorithm": "aes256-cbc", "mac": "hmac-sha512"}),
            vec!["--key-file"],
        ),
        (
            "wrapped",
            json!({"key": KEY, "algorithm": "kw-aes128"}),
            vec!["--key-file"],
        ),
        (
            "words",
            json!({"passphrase": PASSPHRASE}),
            vec!["--passphrase-file", &words],
        ),
        (
            "everything",
            json!({"passphrase": PASSPHRASE, "fields": ["secret", "counter", "time_interval", "time_offset"]}),
            vec!["--passphrase-file", &words],
        ),
    ];
    for (name, mut document, mut flags) in ways {
        // AES key wrap takes whole blocks of 8 bytes.
        let long = Token {
            seed: (0..24).map(|n| Token::new().seed[n % 20]).collect(),
            algorithm: "sha256",
            digits: 8,
            period: 60,
        };
        let user = format!("{name}@contoso.example");
        let counter = json!({
            "id": format!("C-{name}"), "serial": format!("C-{name}"), "algorithm": "hotp", "response_encoding": "DECIMAL",
            "secret": hex(&[long.seed.as_slice(), b"12345678"].concat()), "response_length": 6, "counter": 300,
        });
        document["keys"] = json!([key(&long, &format!("T-{name}"), &format!("UID={user}")), counter]);
        let path = written(door.path(), &format!("{name}.xml"), &document);
        let key_file = document["key"]
            .as_str()
            .map(|key| file(door.path(), &format!("{name}.key"), key));
        flags.extend(key_file.as_deref());
        let arguments = [
            ["--json", "import", path.to_str().unwrap(), "--active"].as_slice(),
            &flags,
        ]
        .concat();
        let said = door.cli(&arguments);
        let summary: Value = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"));
        let counts = ["added", "unassigned", "refused"].map(|count| summary[count].as_u64());
        rows.same(&format!("{name}: {summary}"), [Some(2), Some(1), Some(0)], counts);
        rows.same(name, ACCEPT, nas.login(&user, &long.code()));
        let serial = door.json(&["token", "serial", &format!("C-{name}")]);
        let hotp = &serial["unassigned"][0]["parameters"]["hotp"];
        rows.same(
            name,
            (Some(6), Some("sha1")),
            (hotp["digits"].as_u64(), hotp["algorithm"].as_str()),
        );
        // The counter came along: the code of 300 confirms it, the one before does not.
        let taker = format!("taker-{name}@contoso.example");
        door.user(&taker);
        door.ok(&["token", "assign", &taker, &format!("C-{name}")]);
        let shows = |at: u64| {
            let seed = data_encoding::BASE32_NOPAD.encode(&[long.seed.as_slice(), b"12345678"].concat());
            let said = run(
                Command::new("oathtool").args(["-b", "--hotp", &format!("-c{at}"), &seed]),
                "",
            );
            said.out.trim().to_owned()
        };
        rows.same(name, 1, door.cli(&["token", "confirm", &taker, &shows(299)]).status);
        rows.same(name, 0, door.cli(&["token", "confirm", &taker, &shows(300)]).status);
    }
    rows.end();
}

#[test]
fn a_file_that_was_changed_or_is_opened_wrongly_gives_nothing() {
    let door = Door::open();
    let token = Token::new();
    let document = json!({"passphrase": PASSPHRASE, "keys": [key(&token, "T1", ANNA)]});
    let path = written(door.path(), "tokens.xml", &document);
    let text = std::fs::read_to_string(&path).unwrap();
    let words = file(door.path(), "words", PASSPHRASE);
    let wrong = file(door.path(), "wrong", "three tall ladder");
    let key = file(door.path(), "key", KEY);
    let mac = text
        .split("<pskc:ValueMAC>")
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap()
        .to_owned();
    let other = if mac.starts_with('A') { "B" } else { "A" };
    let changed = file(
        door.path(),
        "changed.xml",
        &text.replace(&mac, &format!("{other}{}", &mac[1..])),
    );
    let unsigned = file(
        door.path(),
        "unsigned.xml",
        &text.replace(&format!("<pskc:ValueMAC>{mac}</pskc:ValueMAC>"), ""),
    );
    let path = path.to_str().unwrap();
    let mut rows = Rows::default();
    for (file, flags, line) in [
        (
            path,
            vec!["--passphrase-file", &wrong],
            "the passphrase is wrong, or the file was changed",
        ),
        (path, vec!["--key-file", &key], "is opened by a passphrase (\"Words\")"),
        (
            path,
            vec![],
            "is opened by a passphrase (\"Words\"), so name it with --passphrase-file",
        ),
        (
            changed.as_str(),
            vec!["--passphrase-file", &words],
            "the passphrase is wrong, or the file was changed",
        ),
    ] {
        let said = door.cli(&[["import", file, "--active"].as_slice(), &flags].concat());
        rows.same(&format!("{said:?}"), (1, 1), (said.status, said.err.lines().count()));
        rows.hold(&format!("{said:?}"), said.err.contains(line));
    }
    let said = door.cli(&["import", &unsigned, "--active", "--passphrase-file", &words]);
    rows.hold(
        &format!("{said:?}"),
        said.status == 1
            && said
                .out
                .contains("key 1: refused: serial number T1: Secret is encrypted"),
    );
    rows.same(
        "nobody was made",
        Some(0),
        door.json(&["user", "list"])["total"].as_u64(),
    );
    rows.same(
        "the right one",
        0,
        door.cli(&["import", path, "--passphrase-file", &words]).status,
    );
    rows.end();
}

#[test]
fn rfc_6030s_figures_on_the_command_line() {
    let door = Door::open();
    let key = file(door.path(), "key", KEY);
    let words = file(door.path(), "words", "qwerty");
    let mut rows = Rows::default();
    for (number, flags, added, unassigned, refused) in [
        (2, vec![], 0, 0, 1),
        (3, vec![], 1, 1, 0),
        (4, vec![], 0, 0, 1),
        (5, vec![], 1, 1, 1),
        (6, vec!["--key-file", &key], 1, 1, 0),
        (7, vec!["--passphrase-file", &words], 1, 1, 0),
        (9, vec![], 1, 1, 0),
        (10, vec![], 0, 0, 4),
    ] {
        let path = repository(&format!("tests/files/rfc6030/figure{number}.xml"));
        let arguments = ["--json", "import", path.to_str().unwrap(), "--dry-run"];
        let said = door.cli(&[arguments.as_slice(), &flags].concat());
        let summary: Value = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"));
        let counts = ["added", "unassigned", "refused"].map(|count| summary[count].as_u64().unwrap());
        rows.same(
            &format!("figure {number}: {summary}"),
            [added, unassigned, refused],
            counts,
        );
        rows.same(&format!("figure {number}"), i32::from(refused > 0), said.status);
    }
    let eight = repository("tests/files/rfc6030/figure8.xml");
    let said = door.cli(&["import", eight.to_str().unwrap(), "--key-file", &key]);
    rows.hold(
        &format!("{said:?}"),
        said.status == 1 && said.err.contains("certificate"),
    );
    rows.end();
}

/// A hardware token that was programmed at this box and confirmed.
pub(crate) fn programmed(
    door: &Door,
    user: &str,
    serial: &str,
    profile: Option<u8>,
    parameters: TotpParameters,
) -> Token {
    let ask = |request: Request| {
        let answer = Client::connect(&door.control()).and_then(|mut client| client.ask(&request));
        answer.unwrap_or_else(|failure| panic!("{}: {failure}", request.word()))
    };
    let Answer::TokenProgramming(made) = ask(Request::TokenProgram(TokenProgram {
        user: user.to_owned(),
        serial: serial.to_owned(),
        model: if profile.is_some() { "Molto-2" } else { "OTPC-P2-i" }.to_owned(),
        profile,
        parameters,
        replace: false,
    })) else {
        panic!("nothing to program");
    };
    let token = Token {
        seed: made.seed.expose().to_vec(),
        algorithm: match parameters.algorithm {
            postern::control::Algorithm::Sha1 => "sha1",
            postern::control::Algorithm::Sha256 => "sha256",
            postern::control::Algorithm::Sha512 => "sha512",
        },
        digits: u32::from(parameters.digits),
        period: u64::from(parameters.period),
    };
    let id = made.token.id;
    ask(Request::TokenWritten {
        user: user.to_owned(),
        id,
    });
    ask(Request::TokenConfirm {
        user: user.to_owned(),
        code: Secret::from(token.later(-1)),
    });
    token
}

/// Two users with a programmed token each; Ben's has 8 digits by SHA-256.
pub(crate) fn box_with_tokens() -> (Door, Token, Token) {
    let door = Door::open();
    door.user(ANNA);
    door.user(BEN);
    let anna = programmed(&door, ANNA, "8659622000001", None, TotpParameters::default());
    let other = TotpParameters {
        algorithm: postern::control::Algorithm::Sha256,
        digits: 8,
        period: 60,
    };
    let ben = programmed(&door, BEN, "2308368887222", Some(7), other);
    // What came from elsewhere stays in the box.
    door.token(ANNA);
    (door, anna, ben)
}

#[test]
fn what_the_box_writes_python_pskc_and_pskctool_read() {
    let (door, anna, ben) = box_with_tokens();
    let words = file(door.path(), "words", PASSPHRASE);
    let key = file(door.path(), "key", &format!("{KEY}\n"));
    let long_key = file(door.path(), "long", &"ab".repeat(32));
    let mut rows = Rows::default();
    for (name, flags, how) in [
        ("plain", vec!["--plain"], vec![]),
        (
            "words",
            vec!["--passphrase-file", &words],
            vec!["--passphrase", PASSPHRASE],
        ),
        ("key", vec!["--key-file", &key], vec!["--key", KEY]),
        ("long", vec!["--key-file", &long_key], vec!["--key", &"ab".repeat(32)]),
    ] {
        let path = door.path().join(format!("{name}.xml"));
        let said = door.cli(
            &[
                ["export", path.to_str().unwrap(), "--format", "pskc"].as_slice(),
                &flags,
            ]
            .concat(),
        );
        rows.same(&format!("{name}: {said:?}"), 0, said.status);
        rows.same(
            name,
            0o600,
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
        );
        let found = read_by_peer(&path, &how);
        for (key, token, serial, user, model) in [
            (&found[0], &anna, "8659622000001", ANNA, "OTPC-P2-i"),
            (&found[1], &ben, "2308368887222-7", BEN, "Molto-2"),
        ] {
            let wanted = json!({
                "serial": serial, "manufacturer": "Token2", "model": model, "user": format!("UID={user}"),
                "secret": hex(&token.seed), "algorithm": "totp", "suite": format!("HMAC-{}", token.algorithm.to_uppercase()),
                "digits": token.digits, "encoding": "DECIMAL", "interval": token.period, "counter": null, "usage": ["OTP"],
            });
            rows.same(name, &wanted, key);
        }
        rows.same(name, 2, found.len());
        // The schema of RFC 6030, by another hand; pskctool decrypts nothing.
        let valid = run(Command::new("pskctool").arg("--validate").arg(&path), "");
        rows.hold(
            &format!("{name}: {valid:?}"),
            valid.status == 0 && valid.out.trim() == "OK",
        );
        let text = std::fs::read_to_string(&path).unwrap();
        let shows = text.contains(&data_encoding::BASE64.encode(&anna.seed));
        rows.same(name, name == "plain", shows);
        // Another key opens nothing there either.
        if name == "key" {
            let bad = peer(&["read", path.to_str().unwrap(), "--key", &"00".repeat(16)], "");
            rows.hold(&format!("{bad:?}"), bad.status != 0);
        }
    }
    let plain = door.path().join("plain.xml");
    let said = run(Command::new("pskctool").args(["--info", "--strict"]).arg(&plain), "");
    for part in [
        "SerialNo: 2308368887222-7".to_owned(),
        format!("Key Secret (base64): {}", data_encoding::BASE64.encode(&ben.seed)),
        "Key User Id: UID=ben@contoso.example".to_owned(),
        "Response Format Length: 8".to_owned(),
    ] {
        rows.hold(
            &format!("{part}: {said:?}"),
            said.status == 0 && said.out.contains(&part),
        );
    }
    rows.end();
}

#[test]
fn r25_an_export_for_entra_logs_in_at_a_second_box() {
    let (door, anna, ben) = box_with_tokens();
    let csv = door.path().join("tokens.csv");
    let path = csv.to_str().unwrap();
    let said = door.cli(&["export", path]);
    assert_eq!(said.status, 1, "Ben's token is nothing for Entra: {said:?}");
    assert!(
        said.err.contains("left out: 2308368887222-7 of ben@contoso.example"),
        "{said:?}"
    );
    assert_eq!(std::fs::metadata(&csv).unwrap().permissions().mode() & 0o7777, 0o600);
    let text = std::fs::read_to_string(&csv).unwrap();
    assert_eq!(
        text,
        format!(
            "upn,serial number,secret key,time interval,manufacturer,model\r\n{ANNA},8659622000001,{},30,Token2,OTPC-P2-i\r\n",
            anna.base32()
        )
    );
    let again = door.cli(&["export", path]);
    assert!(again.status == 1 && again.err.contains("is there already"), "{again:?}");
    assert_eq!(std::fs::read_to_string(&csv).unwrap(), text);

    let second = Door::open();
    let nas = codes_alone(&second);
    second.ok(&["import", path, "--active"]);
    assert_eq!(nas.login(ANNA, &anna.code()), ACCEPT);
    let list = second.json(&["token", "list", ANNA]);
    assert_eq!(word(&list["tokens"][0], "model"), "Token2 OTPC-P2-i");
    // As PSKC the other one goes too.
    let pskc = door.path().join("tokens.xml");
    let words = file(door.path(), "words", PASSPHRASE);
    let flags = ["--format", "pskc", "--passphrase-file", &words];
    door.ok(&[["export", pskc.to_str().unwrap()].as_slice(), &flags].concat());
    let report = second.json(&[
        "import",
        pskc.to_str().unwrap(),
        "--active",
        "--passphrase-file",
        &words,
    ]);
    assert_eq!(
        (report["added"].as_u64(), report["same"].as_u64()),
        (Some(1), Some(1)),
        "{report}"
    );
    assert_eq!(nas.login(BEN, &ben.code()), ACCEPT);
    assert_eq!(nas.login(BEN, &ben.code()), REJECT, "R16");
    // On record at the first box, with whose seeds left; no seed stands there.
    let log = door.ok(&["log", "--user", BEN]);
    assert!(log.contains("export") && log.contains("2 seeds, as root"), "{log}");
    assert!(!door.ok(&["log"]).contains(&anna.base32()), "R21");
}
