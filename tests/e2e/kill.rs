//! kill -9 in the middle of the work, again and again: no code is good twice, nothing acknowledged is lost, the store opens each
//! time (R16, R20, R23). `POSTERN_KILL_ROUNDS` says how often (50).

use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use crate::harness::{Door, word};
use crate::lab::QUICK;
use crate::packet::{ACCEPT, Nas, REJECT, Request};
use crate::totp::Token;

/// Between two logins: 200 a second.
const PAUSE: Duration = Duration::from_millis(5);
/// A round's load ends between these.
const SHORTEST: u64 = 150;
const LONGEST: u64 = 650;

struct Login {
    user: usize,
    code: String,
    request: Request,
    socket: UdpSocket,
    sent: Instant,
}

fn name(user: usize) -> String {
    format!("user{user}@contoso.example")
}

/// Sends one after another until the time is over.
fn load(nas: &Nas, tokens: &[Token], next: &mut usize, time: Duration) -> Vec<Login> {
    let start = Instant::now();
    let mut logins = Vec::new();
    while start.elapsed() < time {
        let user = *next;
        *next += 1;
        let code = tokens[user].code();
        let request = Request::login(&name(user), &code);
        let socket = nas.socket();
        socket.send_to(&request.bytes(&nas.secret), nas.server).unwrap();
        logins.push(Login {
            user,
            code,
            request,
            socket,
            sent: Instant::now(),
        });
        std::thread::sleep(PAUSE);
    }
    logins
}

/// The codes of the replies to these logins, sent all at once.
fn send_again(nas: &Nas, logins: &[&Login]) -> Vec<u8> {
    let sent: Vec<_> = logins
        .iter()
        .map(|login| {
            let request = Request::login(&name(login.user), &login.code);
            let socket = nas.socket();
            socket.send_to(&request.bytes(&nas.secret), nas.server).unwrap();
            (request, socket, Instant::now())
        })
        .collect();
    sent.iter()
        .map(|(request, socket, start)| {
            let reply = nas.collect(socket, request, *start, Duration::from_secs(10));
            reply.expect("a reply after the restart").code
        })
        .collect()
}

#[test]
fn r16_r20_r23_kill_9_while_logins_run() {
    let rounds: usize = std::env::var("POSTERN_KILL_ROUNDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(50);
    let mut door = Door::open();
    let mut nas = door.client(
        "vpn",
        "127.0.0.1",
        &[["--mode", "code-only"].as_slice(), &QUICK].concat(),
    );
    let tokens: Vec<Token> = (0..rounds * LONGEST as usize / 5 + rounds)
        .map(|_| Token::new())
        .collect();
    let mut file = String::from("upn,serial number,secret key,time interval,manufacturer,model\n");
    for (user, token) in tokens.iter().enumerate() {
        writeln!(file, "{},{user},{},30,Test,Key", name(user), token.base32()).unwrap();
    }
    let path = door.path().join("tokens.csv");
    std::fs::write(&path, file).unwrap();
    door.ok(&["import", path.to_str().unwrap(), "--format", "azure-csv", "--active"]);

    let (mut next, mut accepted_in_all, mut unanswered_in_all) = (0, 0, 0);
    for round in 0..rounds {
        let first = next;
        let since = jiff::Timestamp::now() - Duration::from_secs(1);
        let time = SHORTEST + (round as u64 * 7919) % (LONGEST - SHORTEST);
        let logins = load(&nas, &tokens, &mut next, Duration::from_millis(time));
        door.daemon.kill();
        // What was answered before the kill is in the sockets.
        let (mut accepted, mut unanswered) = (Vec::new(), Vec::new());
        for login in &logins {
            match nas
                .collect(&login.socket, &login.request, login.sent, Duration::from_millis(1))
                .map(|reply| reply.code)
            {
                Some(ACCEPT) => accepted.push(login),
                Some(code) => panic!("round {round}: {} got {code}", name(login.user)),
                None => unanswered.push(login),
            }
        }
        door.reopen();
        nas.server = door.auth;
        let verdicts = send_again(&nas, &accepted);
        assert!(
            verdicts.iter().all(|code| *code == REJECT),
            "R16, round {round}: a code was good twice: {verdicts:?}"
        );
        // One whose answer was lost may have been spent or not; after this it is, for certain.
        send_again(&nas, &unanswered);
        let verdicts = send_again(&nas, &unanswered);
        assert!(
            verdicts.iter().all(|code| *code == REJECT),
            "R16, round {round}: good twice: {verdicts:?}"
        );

        let on_record: HashSet<String> = records(&door, since)
            .iter()
            .filter(|entry| entry["outcome"] == "accept")
            .map(|entry| word(entry, "user"))
            .collect();
        for login in &accepted {
            assert!(
                on_record.contains(&name(login.user)),
                "R23, round {round}: {} of {first}..{next} is lost",
                name(login.user)
            );
        }
        accepted_in_all += accepted.len();
        unanswered_in_all += unanswered.len();
    }
    let verified = door.cli(&["log", "--verify"]);
    assert_eq!(verified.status, 0, "R23: {verified:?}");
    println!("{rounds} kills: {accepted_in_all} logins accepted before one, {unanswered_in_all} cut off by one");
    assert!(accepted_in_all > rounds * 10, "the load was no load: {accepted_in_all}");
}

/// What is on record since then.
fn records(door: &Door, since: jiff::Timestamp) -> Vec<serde_json::Value> {
    let page = door.json(&["log", "--since", &format!("{since:.0}")]);
    page["entries"].as_array().unwrap_or_else(|| panic!("{page}")).clone()
}

#[test]
fn r16_a_clean_stop_loses_nothing_either() {
    let mut door = Door::open();
    let mut nas = door.client(
        "vpn",
        "127.0.0.1",
        &[["--mode", "code-only"].as_slice(), &QUICK].concat(),
    );
    let token = door.enrolled("anna@contoso.example");
    let code = token.code();
    assert_eq!(nas.login("anna@contoso.example", &code), ACCEPT);
    assert_eq!(door.daemon.terminate(), Some(0), "{}", door.daemon.said());
    door.reopen();
    nas.server = door.auth;
    assert_eq!(nas.login("anna@contoso.example", &code), REJECT);
    assert_eq!(door.reason("anna@contoso.example"), "code-used");
}
