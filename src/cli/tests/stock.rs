//! Hardware tokens by serial number.

use super::*;

fn token(id: u64, user: &str, source: TokenSource, status: TokenStatus) -> TokenInfo {
    TokenInfo {
        id: TokenId(id),
        user: user.to_owned(),
        status,
        algorithm: Algorithm::Sha1,
        digits: 6,
        period: Some(30),
        counter: None,
        serial: "8659622000001".to_owned(),
        model: "OTPC-P2-i".to_owned(),
        source,
        created: NOW,
        drift_seconds: 0,
        last_code: None,
    }
}

fn programmed(profile: Option<u8>, written: Option<Timestamp>) -> TokenSource {
    TokenSource::Programmed(crate::control::Programmed { profile, written })
}

fn row(serial: &str) -> UnassignedInfo {
    UnassignedInfo {
        serial: serial.to_owned(),
        model: "Token2 C301-i".to_owned(),
        parameters: OtpParameters::default(),
        created: NOW,
    }
}

fn page(search: &str, offset: u32) -> PageAsk {
    PageAsk {
        search: search.to_owned(),
        offset,
        limit: USERS_LIMIT_MAX,
    }
}

#[test]
fn every_word_comes_to_its_request() {
    let assign = |model: Option<&str>| {
        Request::TokenAssign(TokenAssign {
            user: "anna".to_owned(),
            serial: "865".to_owned(),
            model: model.map(str::to_owned),
        })
    };
    let forget = |model: Option<&str>| Request::UnassignedRemove {
        serial: "865".to_owned(),
        model: model.map(str::to_owned),
    };
    let hardware = |which, search| {
        Request::HardwareList(HardwareAsk {
            which,
            page: page(search, 0),
        })
    };
    let users = |without_token| {
        Request::UserList(UserSearch {
            search: String::new(),
            offset: 0,
            limit: USERS_LIMIT_MAX,
            without_token,
        })
    };
    let key = Some(Secret::from("the key"));
    for (line, request) in [
        ("token assign anna 865", assign(None)),
        ("token assign anna 865 --model 'A b'", assign(Some("A b"))),
        ("token forget 865", forget(None)),
        ("token forget 865 --model X", forget(Some("X"))),
        (
            "token serial 865",
            Request::SerialShow {
                serial: "865".to_owned(),
            },
        ),
        ("token unassigned", Request::UnassignedList(page("", 0))),
        ("token unassigned --search c3", Request::UnassignedList(page("c3", 0))),
        ("token hardware", hardware(HardwareWhich::All, "")),
        (
            "token hardware --pending --search x",
            hardware(HardwareWhich::Pending, "x"),
        ),
        (
            "token molto-key --key-file f",
            Request::MoltoKeySet { key: key.clone() },
        ),
        ("token molto-key --key-file -", Request::MoltoKeySet { key }),
        ("token molto-key --default", Request::MoltoKeySet { key: None }),
        ("user list --without-token", users(true)),
        ("user list", users(false)),
    ] {
        let ran = run_with(line, &[("f", "the key"), ("-", "the key")], vec![done()]);
        assert_eq!(ran.asked, [request], "{line}");
    }
}

#[test]
fn wrong_words_ask_nobody() {
    let long = format!("token serial {}", "1".repeat(65));
    for line in [
        "token assign anna",
        "token assign '' 865",
        "token assign anna ' '",
        "token serial ''",
        long.as_str(),
        "token forget",
        "token molto-key",
        "token molto-key --default --key-file f",
        "token molto-key --key-file long",
        "token molto-key KEY",
    ] {
        let ran = run_with(line, &[("f", "k"), ("long", &"k".repeat(65))], vec![done()]);
        assert_eq!((ran.status, ran.asked.len()), (2, 0), "{line}: {}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{line}: {}", ran.err);
    }
}

#[test]
fn lists_are_read_to_their_end() {
    let rows = |from: usize, to: usize| {
        Ok(Answer::Unassigned(UnassignedList {
            tokens: (from..to).map(|n| row(&format!("S{n:04}"))).collect(),
            total: 1_001,
        }))
    };
    let ran = run_with("token unassigned", &[], vec![rows(0, 1_000), rows(1_000, 1_001)]);
    assert_eq!((ran.status, ran.out.lines().count(), ran.err.as_str()), (0, 1_001, ""));
    assert_eq!(ran.asked[1], Request::UnassignedList(page("", 1_000)));
    assert_eq!(
        ran.out.lines().last(),
        Some("S1000                    Token2 C301-i, sha1, 6 digits, 30 s, since 2026-03-01 10:31:04")
    );
    let ran = run_with("token unassigned --json", &[], vec![rows(0, 1_000), rows(1_000, 1_001)]);
    let json = ran.json();
    assert_eq!(json["total"], 1_001);
    assert_eq!(json["tokens"][1_000]["serial"], "S1000");
    let none = Ok(Answer::Hardware(HardwareList::default()));
    let ran = run_with("token hardware", &[], vec![none]);
    assert_eq!((ran.status, ran.out.as_str(), ran.err.as_str()), (0, "", "no tokens\n"));
}

#[test]
fn a_hardware_token_says_how_far_it_is() {
    use TokenStatus::{Active, Pending};
    let list = HardwareList {
        tokens: vec![
            token(1, "anna@contoso.example", programmed(None, None), Pending),
            token(2, "ben@contoso.example", programmed(Some(3), Some(NOW)), Pending),
            token(3, "carl@contoso.example", programmed(None, Some(NOW)), Active),
            token(4, "dora@contoso.example", TokenSource::File, Pending),
        ],
        total: 4,
    };
    let ran = run_with("token hardware", &[], vec![Ok(Answer::Hardware(list.clone()))]);
    let ends = [
        "never used, begun and not written: program it again",
        "never used, profile 3, written 2026-03-01 10:31:04: waits for its code",
        "never used, programmed here",
        "never used",
    ];
    for (line, end) in ran.out.lines().zip(ends) {
        assert!(line.ends_with(end), "{line}");
    }
    assert_eq!(
        ran.out.lines().next(),
        Some(
            "anna@contoso.example                     1 NOT CONFIRMED, OTPC-P2-i 8659622000001, sha1, 6 digits, 30 s, never used, \
             begun and not written: program it again"
        )
    );
    let report = SerialReport {
        tokens: vec![list.tokens[2].clone()],
        unassigned: vec![row("8659622000001")],
    };
    let ran = run_with("token serial 8659622000001", &[], vec![Ok(Answer::Serial(report))]);
    let mut lines = ran.out.lines();
    assert!(lines.next().unwrap().starts_with("carl@contoso.example "));
    assert!(lines.next().unwrap().starts_with("(unassigned) "));
    let none = Ok(Answer::Serial(SerialReport::default()));
    let ran = run_with("token serial 1", &[], vec![none]);
    assert_eq!((ran.status, ran.out.as_str()), (0, "no token has that serial number\n"));
}

#[test]
fn an_assigned_token_says_what_comes_next() {
    let given = token(7, "anna@contoso.example", TokenSource::File, TokenStatus::Pending);
    let ran = run_with("token assign anna 865", &[], vec![Ok(Answer::Token(Box::new(given)))]);
    assert_eq!(
        ran.out,
        "token 7 of anna@contoso.example is pending; no code of it has come yet\n\
         It counts after: postern token confirm anna@contoso.example CODE\n"
    );
}
