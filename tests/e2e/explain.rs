//! `postern explain`: every cause provoked for real, then told with its reason code, what happened, and what to do.

use std::time::Duration;

use serde_json::Value;

use crate::harness::PASSWORD;
use crate::lab::{QUICK, Site};
use crate::packet::{ACCEPT, CHALLENGE, Nas, Request, STATE};
use crate::totp::Token;

/// A box with a client of each mode.
struct World {
    site: Site,
    append: Nas,
    challenge: Nas,
    code_only: Nas,
}

impl World {
    fn open() -> World {
        let site = Site::open(&[]);
        let make = |name: &str, address: &str, mode: &str| Nas {
            source: address.parse().unwrap(),
            ..site.door.client(
                name,
                address,
                &[["--mode", mode, "--challenge-timeout", "5s"].as_slice(), &QUICK].concat(),
            )
        };
        let challenge = make("steps", "127.0.0.2", "challenge");
        let code_only = make("gate", "127.0.0.3", "code-only");
        let append = site.nas.clone();
        World {
            site,
            append,
            challenge,
            code_only,
        }
    }

    fn enrolled(&self, user: &str) -> Token {
        self.site.door.enrolled(user)
    }

    fn login(&self, user: &str, credential: &str) -> u8 {
        self.append.login(user, credential)
    }

    /// A first step that is challenged: its State.
    fn state(&self, user: &str) -> Vec<u8> {
        let reply = self.challenge.ask(&Request::login(user, PASSWORD));
        assert_eq!(reply.code, CHALLENGE, "{user}");
        reply.state().to_vec()
    }

    fn answer(&self, user: &str, state: &[u8], code: &str) -> u8 {
        self.challenge.ask(&Request::login(user, code).attr(STATE, state)).code
    }

    /// The user is enrolled, and sends the right password and a right code: what the directory says decides.
    fn directory(&self, user: &str) {
        let token = self.enrolled(user);
        self.login(user, &format!("{PASSWORD}{}", token.code()));
    }
}

/// The reason's code, words of which one must be told, and how it comes about: for the user `NAME@contoso.example`.
type Cause = (&'static str, &'static [&'static str], &'static str, fn(&World, &str));

const CAUSES: &[Cause] = &[
    ("accepted", &["let in", "accept", "logged in"], "fine", |w, u| {
        let token = w.enrolled(u);
        assert_eq!(w.login(u, &format!("{PASSWORD}{}", token.code())), ACCEPT);
    }),
    ("code-used", &["already used"], "twice", |w, u| {
        let token = w.enrolled(u);
        let credential = format!("{PASSWORD}{}", token.code());
        w.login(u, &credential);
        w.login(u, &credential);
    }),
    ("sent-again", &["again"], "again", |w, u| {
        let token = w.enrolled(u);
        let request = || Request::login(u, &format!("{PASSWORD}{}", token.code())).station("192.0.2.7");
        w.append.ask(&request());
        w.append.ask(&request());
    }),
    ("wrong-code", &["code"], "wrongcode", |w, u| {
        let token = w.enrolled(u);
        w.login(u, &format!("{PASSWORD}{}", token.wrong()));
    }),
    ("wrong-code-again", &["same", "again"], "wrongagain", |w, u| {
        let token = w.enrolled(u);
        w.login(u, &format!("{PASSWORD}{}", token.wrong()));
        w.login(u, &format!("{PASSWORD}{}", token.wrong()));
    }),
    ("code-out-of-window", &["clock", "resync"], "drifted", |w, u| {
        let token = w.enrolled(u);
        w.login(u, &format!("{PASSWORD}{}", token.later(10)));
    }),
    ("wrong-password", &["password"], "wrongpassword", |w, u| {
        let token = w.enrolled(u);
        w.login(u, &format!("wrong{}", token.code()));
    }),
    ("wrong-local-password", &["password"], "local", |w, u| {
        w.site
            .door
            .ok_in(&["user", "add", u, "--password-file", "-"], "tall stairs down\n");
        let token = w.site.door.token(u);
        w.login(u, &format!("wrong{}", token.code()));
    }),
    ("user-disabled", &["disabled", "enable"], "disabled", |w, u| {
        let token = w.enrolled(u);
        w.site.door.ok(&["user", "disable", u]);
        w.login(u, &format!("{PASSWORD}{}", token.code()));
    }),
    ("no-token", &["token add", "no token"], "notoken", |w, u| {
        w.site.door.user(u);
        w.login(u, &format!("{PASSWORD}123456"));
    }),
    ("token-pending", &["confirm"], "pending", |w, u| {
        w.site.door.user(u);
        w.site.door.ok(&["token", "add", u, "--qr", "none"]);
        w.login(u, &format!("{PASSWORD}123456"));
    }),
    ("no-code", &["code"], "nocode", |w, u| {
        w.enrolled(u);
        w.login(u, PASSWORD);
    }),
    ("empty-password", &["password"], "empty", |w, u| {
        let token = w.enrolled(u);
        w.login(u, &token.code());
    }),
    (
        "bad-scrv1",
        &["scrv1", "static challenge", "static-challenge"],
        "scrv",
        |w, u| {
            w.enrolled(u);
            w.login(u, "SCRV1:%:%");
        },
    ),
    ("unreadable-password", &["secret", "character"], "nul", |w, u| {
        w.enrolled(u);
        w.append.ask(&Request::access().user(u).password(b"corr\0ect123456"));
    }),
    ("client-locked", &["unlock", "lock"], "locked", |w, u| {
        let token = w.enrolled(u);
        for code in token.wrongs(11) {
            w.login(u, &format!("{PASSWORD}{code}"));
        }
    }),
    ("station-locked", &["unlock", "lock"], "stationlocked", |w, u| {
        let token = w.enrolled(u);
        for code in token.wrongs(11) {
            w.append
                .ask(&Request::login(u, &format!("{PASSWORD}{code}")).station("192.0.2.9"));
        }
    }),
    ("not-pap", &["pap"], "chap", |w, u| {
        w.enrolled(u);
        w.append.ask(&Request::access().user(u).attr(3, &[7; 17]));
    }),
    ("exempt-at-code-only", &["exempt"], "exempt", |w, u| {
        w.site.door.ok(&["user", "add", u, "--exempt"]);
        w.code_only.login(u, "123456");
    }),
    ("code-awaited", &["code"], "awaited", |w, u| {
        w.enrolled(u);
        w.state(u);
    }),
    ("password-instead-of-code", &["append"], "repeated", |w, u| {
        w.enrolled(u);
        let state = w.state(u);
        w.answer(u, &state, PASSWORD);
    }),
    ("unknown-state", &["question"], "unknownstate", |w, u| {
        w.enrolled(u);
        w.answer(u, &[1; 16], "123456");
    }),
    ("expired-state", &["challenge", "late"], "expired", |w, u| {
        let token = w.enrolled(u);
        let state = w.state(u);
        std::thread::sleep(Duration::from_millis(5300));
        w.answer(u, &state, &token.code());
    }),
    ("foreign-state", &["device"], "foreign", |w, u| {
        w.enrolled(u);
        w.enrolled("foreign2@contoso.example");
        let state = w.state("foreign2@contoso.example");
        w.answer(u, &state, "123456");
    }),
    ("budget-spent", &["unlock"], "budget", |w, u| {
        w.enrolled(u);
        for n in 0..4 {
            w.challenge.login(u, &format!("wrong {n}"));
        }
    }),
    (
        "mfa-not-registered",
        &["mfa", "register"],
        "code-50079",
        World::directory,
    ),
    (
        "external-mfa",
        &["mfa", "external", "third"],
        "code-50158",
        World::directory,
    ),
    (
        "blocked-by-policy",
        &["conditional access"],
        "code-53003",
        World::directory,
    ),
    ("device-or-risk-policy", &["policy"], "code-53000", World::directory),
    ("password-expired", &["expired"], "code-50055", World::directory),
    ("disabled-at-directory", &["disabled"], "code-50057", World::directory),
    ("not-assigned", &["assign"], "code-50105", World::directory),
    (
        "unknown-at-directory",
        &["entra", "directory"],
        "code-50034",
        World::directory,
    ),
    ("locked-at-directory", &["lock"], "code-50053", World::directory),
    ("wrong-account-kind", &["account"], "code-50020", World::directory),
    ("outside-logon-hours", &["hours"], "code-80012", World::directory),
    (
        "directory-configuration",
        &["public client"],
        "code-7000218",
        World::directory,
    ),
    ("unlisted-code", &["99999"], "code-99999", World::directory),
    (
        "no-mfa-at-directory",
        &["mfa", "allow-without-mfa"],
        "token",
        World::directory,
    ),
    ("directory-back-off", &["loop", "wait"], "code-50196", World::directory),
    // These pause the tenant: last.
    (
        "directory-unavailable",
        &["directory", "entra"],
        "http-429-20",
        World::directory,
    ),
    ("directory-paused", &["paus", "until"], "afterwards", World::directory),
];

#[test]
fn every_cause_is_told_with_what_to_do() {
    assert!(CAUSES.len() >= 20);
    let world = World::open();
    let mut wrong = Vec::new();
    for (reason, keywords, name, provoke) in CAUSES {
        let user = format!("{name}@contoso.example");
        provoke(&world, &user);
        let told = world.site.door.json(&["explain", &user]);
        let Some(last) = told["attempts"].get(0) else {
            wrong.push(format!("{reason}: nothing told: {told}"));
            continue;
        };
        let text = |field: &str| last[field].as_str().unwrap_or_default().to_owned();
        let words = format!("{} {}", text("what"), text("todo")).to_lowercase();
        if text("reason") != *reason {
            wrong.push(format!("{reason}: told as {}: {words}", text("reason")));
        }
        if !keywords.iter().any(|keyword| words.contains(keyword)) {
            wrong.push(format!("{reason}: none of {keywords:?} in: {words}"));
        }
        let nothing_to_do = ["accepted", "code-awaited", "sent-again"].contains(reason);
        if text("what").is_empty() || (text("todo").is_empty() && !nothing_to_do) {
            wrong.push(format!("{reason}: nothing to do? {last}"));
        }
        if words.contains(PASSWORD) || words.contains("tall stairs down") {
            wrong.push(format!("{reason}: a password is told"));
        }
        let plain = world.site.door.ok(&["explain", &user]);
        if !plain.contains(&text("what")) {
            wrong.push(format!("{reason}: the plain text does not say it: {plain}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_log_names_what_has_no_user() {
    let site = Site::open(&[]);
    let stranger = Nas {
        source: "127.0.0.77".parse().unwrap(),
        ..site.nas.clone()
    };
    assert!(stranger.silent(&Request::login("anna", "x")));
    let forger = Nas {
        secret: b"another".to_vec(),
        ..site.nas.clone()
    };
    assert!(forger.silent(&Request::login("anna", "x")));
    assert!(site.nas.silent(&Request::unsigned().user("anna").password(b"x")));
    site.login("nobody@contoso.example", "x123456");
    let entries = site.door.json(&["log"])["entries"].clone();
    let told: Vec<&str> = entries
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["reason"].as_str())
        .collect();
    let said = site.door.daemon.said();
    for reason in [
        "unknown-client",
        "wrong-secret",
        "no-message-authenticator",
        "unknown-user",
    ] {
        let words = reason.replace('-', " ");
        assert!(
            told.contains(&reason) || said.contains(reason) || said.to_lowercase().contains(&words),
            "{reason}: {told:?}\n{said}"
        );
    }
    let words: Vec<&Value> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["words"])
        .collect();
    assert!(
        words
            .iter()
            .all(|words| words.as_str().is_some_and(|words| !words.is_empty())),
        "{words:?}"
    );
}
