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
            "token add anna --kind hotp --counter 9223372036854775807",
            add(6, check::COUNTER_MAX),
        ),
    ] {
        assert_eq!(run_with(line, &[], vec![made()]).asked, [asked], "{line}");
    }
    for line in [
        "token add anna --counter 5",
        "token add anna --kind totp --counter 0",
        "token add anna --kind hotp --period 30",
        "token add anna --kind hotp --counter 9223372036854775808",
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
