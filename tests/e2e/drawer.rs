//! Hardware tokens at the box: a vendor's tokens without users, given out by serial number; tokens that are programmed here, with the
//! power gone between any two steps and in the middle of each.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use postern::control::client::Client;
use postern::control::{
    Answer, Failure, HardwareAsk, HardwareWhich, PageAsk, Request, TokenId, TokenInfo, TokenProgram, TokenProgramming,
    TokenSource, TokenStatus, TotpParameters,
};
use postern::secret::Secret;
use serde_json::{Value, json};

use crate::harness::{Door, Rows, run, word};
use crate::lab::QUICK;
use crate::packet::{ACCEPT, REJECT};
use crate::totp::{Token, early_in_a_step};

const ANNA: &str = "anna@contoso.example";
const BEN: &str = "ben@contoso.example";
const SERIAL: &str = "8659622000001";

fn ask(door: &Door, request: &Request) -> Result<Answer, Failure> {
    Client::connect(&door.control())?.ask(request)
}

/// A vendor's file without users, as `postern import` takes it; what the command says.
fn import(door: &Door, tokens: &[Token]) -> Value {
    let mut file = String::from("serial number,secret key,time interval,manufacturer,model\n");
    for (n, token) in tokens.iter().enumerate() {
        writeln!(file, "C301-{n},{},30,Token2,C301-i", token.base32()).unwrap();
    }
    let path = door.path().join("vendor.csv");
    std::fs::write(&path, file).unwrap();
    let said = door.cli(&["--json", "import", path.to_str().unwrap()]);
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

/// What `oathtool` says that this token shows now.
fn by_oathtool(token: &Token) -> String {
    let said = run(Command::new("oathtool").args(["-b", "--totp", &token.base32()]), "");
    assert_eq!(said.status, 0, "{said:?}");
    said.out.trim().to_owned()
}

#[test]
fn r16_a_vendor_s_token_goes_from_the_file_to_a_login() {
    let mut door = Door::open();
    let mut nas = door.client(
        "vpn",
        "127.0.0.1",
        &[["--mode", "code-only"].as_slice(), &QUICK].concat(),
    );
    door.user(ANNA);
    door.user(BEN);
    let tokens: Vec<Token> = (0..3).map(|_| Token::new()).collect();
    let told = import(&door, &tokens);
    assert_eq!((&told["added"], &told["unassigned"]), (&json!(3), &json!(3)), "{told}");
    // The power fails: what was answered is there.
    door.kill_and_reopen();
    nas.server = door.auth;
    let list = door.json(&["token", "unassigned"]);
    assert_eq!(
        (list["total"].as_u64(), word(&list["tokens"][0], "serial")),
        (Some(3), "C301-0".to_owned())
    );
    assert!(!list.to_string().contains(&tokens[0].base32()), "R21: no key in a list");
    let none = door.json(&["user", "list", "--without-token"]);
    assert_eq!(none["total"], 2);
    let given = door.json(&["token", "assign", ANNA, "c301-1"]);
    assert_eq!(
        (word(&given, "status"), word(&given, "serial")),
        ("pending".to_owned(), "C301-1".to_owned())
    );
    let taken = door.cli(&["token", "assign", BEN, "C301-1"]);
    assert!(taken.status == 1 && taken.err.contains(ANNA), "{taken:?}");
    door.kill_and_reopen();
    nas.server = door.auth;
    early_in_a_step();
    assert_eq!(nas.login(ANNA, &tokens[1].later(-1)), REJECT, "it does not count yet");
    let code = by_oathtool(&tokens[1]);
    door.ok(&["token", "confirm", ANNA, &code]);
    assert_eq!(nas.login(ANNA, &code), REJECT, "spent by the confirmation");
    assert_eq!(nas.login(ANNA, &tokens[1].later(1)), ACCEPT);
    // The key does not go to anybody else, nor back among those that nobody has.
    let told = import(&door, &tokens);
    assert_eq!(
        (&told["added"], &told["same"], &told["refused"]),
        (&json!(0), &json!(2), &json!(1)),
        "{told}"
    );
    let serial = door.json(&["token", "serial", "C301-1"]);
    assert_eq!(word(&serial["tokens"][0], "user"), ANNA);
    assert_eq!(serial["unassigned"].as_array().map(Vec::len), Some(0));
    door.ok(&["token", "forget", "C301-2"]);
    assert_eq!(door.json(&["token", "unassigned"])["total"], 1);
    assert_eq!(door.json(&["user", "list", "--without-token"])["total"], 1);
    let log = door.ok(&["log", "--user", ANNA]);
    assert!(log.contains("token assign") && log.contains("C301-1"), "{log}");
}

fn program(user: &str) -> Request {
    Request::TokenProgram(TokenProgram {
        user: user.to_owned(),
        serial: SERIAL.to_owned(),
        model: "OTPC-P2-i".to_owned(),
        profile: None,
        parameters: TotpParameters::default(),
        replace: true,
    })
}

fn programming(answer: Result<Answer, Failure>) -> TokenProgramming {
    match answer {
        Ok(Answer::TokenProgramming(made)) => *made,
        other => panic!("{other:?}"),
    }
}

fn written(user: &str, id: TokenId) -> Request {
    Request::TokenWritten {
        user: user.to_owned(),
        id,
    }
}

fn confirm(user: &str, code: &str) -> Request {
    Request::TokenConfirm {
        user: user.to_owned(),
        code: Secret::from(code),
    }
}

/// What the hardware token would hold, for the tests' own arithmetic.
fn in_hand(made: &TokenProgramming) -> Token {
    Token {
        seed: made.seed.expose().to_vec(),
        ..Token::new()
    }
}

/// Everybody's tokens with the serial number: those that count, and those that do not.
fn stand(door: &Door) -> (Vec<TokenInfo>, Vec<TokenInfo>) {
    let list = HardwareAsk {
        which: HardwareWhich::All,
        page: PageAsk {
            search: SERIAL.to_owned(),
            offset: 0,
            limit: 100,
        },
    };
    match ask(door, &Request::HardwareList(list)) {
        Ok(Answer::Hardware(list)) => list
            .tokens
            .into_iter()
            .partition(|token| token.status == TokenStatus::Active),
        other => panic!("{other:?}"),
    }
}

fn is_written(token: &TokenInfo) -> bool {
    matches!(token.source, TokenSource::Programmed(programmed) if programmed.written.is_some())
}

/// Asks, and kills the daemon so long afterwards; whether it had answered by then.
fn ask_and_kill(door: &mut Door, request: Request, after: Duration) -> bool {
    let control = door.control();
    let asking = std::thread::spawn(move || Client::connect(&control).and_then(|mut client| client.ask(&request)));
    std::thread::sleep(after);
    door.daemon.kill();
    let answered = asking.join().unwrap().is_ok();
    door.reopen();
    answered
}

/// Between two steps and in the middle of each: one token counts, at no time none or two, and nobody has two halves.
#[test]
fn r16_kill_9_while_a_token_is_programmed() {
    const ROUNDS: u64 = 24;
    let mut door = Door::open();
    let mut nas = door.client(
        "vpn",
        "127.0.0.1",
        &[["--mode", "code-only"].as_slice(), &QUICK].concat(),
    );
    door.user(ANNA);
    door.user(BEN);
    let made = programming(ask(&door, &program(BEN)));
    ask(&door, &confirm(BEN, &in_hand(&made).code())).unwrap();
    let (mut holder, mut held) = (BEN, in_hand(&made));
    let (mut rows, mut answered, mut moved) = (Rows::default(), 0, 0);
    for round in 0..ROUNDS {
        let next = if holder == BEN { ANNA } else { BEN };
        let after = Duration::from_micros(round * 7_919 % 12_000);
        let (mut latest, mut told) = (None, false);
        match round % 4 {
            0 => told = ask_and_kill(&mut door, program(next), after),
            step => {
                let made = programming(ask(&door, &program(next)));
                match step {
                    1 => door.kill_and_reopen(),
                    2 => told = ask_and_kill(&mut door, written(next, made.token.id), after),
                    _ => {
                        ask(&door, &written(next, made.token.id)).unwrap();
                        early_in_a_step();
                        let code = in_hand(&made).code();
                        told = ask_and_kill(&mut door, confirm(next, &code), after);
                    }
                }
                latest = Some(made);
            }
        }
        let (active, pending) = stand(&door);
        let row = format!("round {round}");
        rows.same(&format!("{row}: tokens that count"), 1, active.len());
        // One that was written stays until the hardware has taken the next one: its code may still be the one on the display.
        let halves = |user: &str, written: bool| {
            let same = |token: &&TokenInfo| token.user == user && is_written(token) == written;
            pending.iter().filter(same).count()
        };
        for user in [ANNA, BEN] {
            for written in [true, false] {
                rows.hold(&format!("{row}: two halves of {user}"), halves(user, written) <= 1);
            }
        }
        answered += u32::from(told);
        // What was answered is on the disk.
        let half = pending.iter().find(|token| token.user == next);
        match round % 4 {
            0 if told => rows.hold(&format!("{row}: begun"), half.is_some()),
            2 if told => rows.hold(&format!("{row}: written"), half.is_some_and(is_written)),
            3 if told => rows.hold(&format!("{row}: active"), half.is_none()),
            _ => {}
        }
        let now = active.first().map(|token| token.user.clone()).unwrap_or_default();
        match latest.filter(|made| active.iter().any(|token| token.id == made.token.id)) {
            // Only its own code makes it count, and then the other is gone.
            Some(made) => {
                rows.same(&format!("{row}: step"), 3, round % 4);
                rows.same(&format!("{row}: who"), next, now.as_str());
                (holder, held) = (next, in_hand(&made));
                moved += 1;
            }
            None => rows.same(&format!("{row}: who"), holder, now.as_str()),
        }
    }
    rows.end();
    println!("{ROUNDS} kills: {answered} steps answered before theirs, {moved} times the token moved");
    // At the end it works for whom it counts, and for nobody else.
    nas.server = door.auth;
    let next = if holder == BEN { ANNA } else { BEN };
    early_in_a_step();
    assert_eq!(nas.login(next, &held.later(1)), REJECT);
    assert_eq!(nas.login(holder, &held.later(1)), ACCEPT);
    let begun = programming(ask(&door, &program(next)));
    assert_eq!(
        nas.login(next, &in_hand(&begun).code()),
        REJECT,
        "no token is good before its code"
    );
    ask(&door, &confirm(next, &in_hand(&begun).code())).unwrap();
    assert_eq!(nas.login(next, &in_hand(&begun).later(1)), ACCEPT);
    let log = door.ok(&["log", "--user", holder]);
    assert!(
        log.contains("removes #"),
        "whoever lost a token finds it on record: {log}"
    );
}
