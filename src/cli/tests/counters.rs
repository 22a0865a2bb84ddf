//! Counter tokens: how they are asked for, and how they are shown.

use super::*;

fn add(digits: u8, counter: u64) -> Request {
    Request::TokenAdd(TokenAdd {
        user: "anna".to_owned(),
        seed: None,
        parameters: OtpParameters::Hotp(HotpParameters {
            algorithm: Algorithm::Sha1,
            digits,
        }),
        counter,
        active: false,
    })
}

fn token(status: TokenStatus, counter: u64) -> TokenInfo {
    TokenInfo {
        id: TokenId(7),
        user: "anna@contoso.example".to_owned(),
        status,
        algorithm: Algorithm::Sha1,
        digits: 6,
        period: None,
        counter: Some(counter),
        serial: String::new(),
        model: String::new(),
        source: TokenSource::App,
        created: NOW,
        drift_seconds: 0,
        last_code: None,
    }
}

fn made() -> Result<Answer, Failure> {
    Ok(Answer::TokenMade(Box::new(TokenMade {
        token: token(TokenStatus::Pending, 41),
        seed: Secret::from("12345678901234567890"),
        issuer: String::new(),
        warnings: vec!["some apps know no counter tokens".to_owned()],
    })))
}

#[test]
fn a_counter_token_is_asked_for_by_its_kind() {
    for (line, asked) in [
        ("token add anna --kind hotp", add(6, 0)),
        ("token add anna --kind hotp --counter 41 --digits 8", add(8, 41)),
        (
            "token add anna --kind hotp --counter 10000000",
            add(6, check::COUNTER_MAX),
        ),
    ] {
        assert_eq!(run_with(line, &[], vec![made()]).asked, [asked], "{line}");
    }
    for line in [
        "token add anna --counter 5",
        "token add anna --kind totp --counter 0",
        "token add anna --kind hotp --period 30",
        "token add anna --kind hotp --counter 10000001",
        "token add anna --kind hotp --counter -1",
        "token add anna --kind sms",
    ] {
        let ran = run_with(line, &[], vec![made()]);
        assert_eq!(
            (ran.status, ran.asked.len(), ran.err.lines().count()),
            (2, 0, 1),
            "{line}: {}",
            ran.err
        );
    }
}

#[test]
fn a_counter_token_is_shown_with_its_uri_and_its_counter() {
    let ran = run_with("token add anna --kind hotp --counter 41", &[], vec![made()]);
    let uri =
        "otpauth://hotp/Postern:anna@contoso.example?issuer=Postern&counter=41&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    assert!(ran.out.contains(uri), "{}", ran.out);
    assert!(ran.err.contains("know no counter tokens"), "{}", ran.err);
    let confirmed = Ok(Answer::Token(Box::new(token(TokenStatus::Active, 42))));
    let ran = run_with("token confirm anna 123456", &[], vec![confirmed]);
    assert_eq!(
        ran.out,
        "token 7 of anna@contoso.example is active; its next code is no. 42\n"
    );
    let list = TokenList {
        tokens: vec![token(TokenStatus::Resync, 42)],
    };
    let ran = run_with("token list anna", &[], vec![Ok(Answer::Tokens(list))]);
    assert_eq!(
        ran.out,
        "7 NEEDS A RESYNC, app, sha1, 6 digits, counter, next code is no. 42\n"
    );
    let row = UserRow {
        name: "anna@contoso.example".to_owned(),
        enabled: true,
        resync_tokens: 1,
        ..UserRow::default()
    };
    let users = UserList {
        users: vec![row],
        total: 1,
    };
    let ran = run_with("user list", &[], vec![Ok(Answer::Users(users))]);
    assert!(ran.out.contains("token needs a resync"), "{}", ran.out);
}

/// 2026-03-01T10:31:04Z, so many days on.
fn day(days: u64) -> Timestamp {
    Timestamp(NOW.0 + days * 86_400_000)
}

fn drifting() -> DriftInfo {
    DriftInfo {
        token: TokenInfo {
            period: Some(30),
            counter: None,
            serial: "8659622000001".to_owned(),
            model: "OTPC-P2-i".to_owned(),
            ..token(TokenStatus::Active, 0)
        },
        offset_seconds: -40,
        millis_per_day: -1_728,
        logins: 1,
        last: NOW,
        leaves: day(13),
        why: "its clock loses 1.7 s a day: give the user another token".to_owned(),
    }
}

#[test]
fn clocks_are_asked_for_and_listed_with_what_to_do() {
    let answer = |list| vec![Ok(Answer::Drift(list))];
    let none = DriftList::default();
    let ran = run_with("token drift", &[], answer(none.clone()));
    assert_eq!(ran.asked, [Request::DriftList]);
    assert_eq!(
        ran.out,
        "not worked out yet since posternd started: ask again in some minutes\n"
    );
    let empty = DriftList {
        as_of: Some(NOW),
        ..none.clone()
    };
    let ran = run_with("token drift", &[], answer(empty));
    assert_eq!(
        ran.out,
        "no hardware token's codes will be refused within 60 days for its clock, by the logins until 2026-03-01 10:31:04\n"
    );
    let list = DriftList {
        as_of: Some(NOW),
        tokens: vec![drifting()],
        total: 1_204,
    };
    let ran = run_with("token drift", &[], answer(list.clone()));
    assert_eq!(
        ran.out,
        "2026-03-14 10:31:04  anna@contoso.example #7 OTPC-P2-i 8659622000001: 40 s behind, loses 1.7 s a day, 1 login\n    \
         its clock loses 1.7 s a day: give the user another token\n\
         1204 tokens in all, by the logins until 2026-03-01 10:31:04; the first 1 are shown\n"
    );
    let ran = run_with("--json token drift", &[], answer(list));
    let document = ran.json();
    assert_eq!(
        (
            document["total"].as_u64(),
            document["tokens"][0]["millis_per_day"].as_i64()
        ),
        (Some(1_204), Some(-1_728))
    );
}

#[test]
fn one_tokens_clock_is_shown_login_by_login() {
    let point = |days, seconds| DriftPoint { at: day(days), seconds };
    let history = DriftHistory {
        points: vec![point(0, 0), point(1, 30), point(2, -30)],
        millis_per_day: Some(96),
        leaves: Some(day(40)),
    };
    let answer = |history| vec![Ok(Answer::DriftHistory(history))];
    let ran = run_with("token drift anna 7", &[], answer(history.clone()));
    let show = Request::DriftShow {
        user: "anna".to_owned(),
        id: TokenId(7),
    };
    assert_eq!(ran.asked, [show]);
    assert_eq!(
        ran.out,
        "2026-03-01 10:31:04  right\n2026-03-02 10:31:04  30 s ahead\n2026-03-03 10:31:04  30 s behind\n\
         its clock: gains 0.1 s a day; if it goes on so, its codes will be refused from 2026-04-10 10:31:04 on\n"
    );
    let few = DriftHistory {
        points: Vec::new(),
        millis_per_day: None,
        leaves: None,
    };
    let ran = run_with("token drift anna 7", &[], answer(few));
    assert!(
        ran.out.starts_with("no login") && ran.out.contains("too few logins"),
        "{}",
        ran.out
    );
    let right = DriftHistory {
        millis_per_day: Some(-49),
        leaves: None,
        ..history
    };
    let ran = run_with("token drift anna 7", &[], answer(right));
    assert!(
        ran.out
            .ends_with("its clock: keeps time to a tenth of a second a day\n"),
        "{}",
        ran.out
    );
    for line in ["token drift anna", "token drift anna seven", "token drift '' 7"] {
        let ran = run_with(line, &[], Vec::new());
        assert_eq!((ran.status, ran.asked.len()), (2, 0), "{line}");
    }
}
