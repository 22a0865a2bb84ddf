//! Tests of the reading of answers.

use super::super::table::tests::FACTS;
use super::*;

const NONE: &BTreeMap<u32, Override> = &BTreeMap::new();

fn body(codes: &[u32]) -> Vec<u8> {
    format!(
        "{{\"error\":\"invalid_grant\",\"error_description\":\"AADSTS{}: text. Trace ID: x\",\"error_codes\":{codes:?},\
         \"timestamp\":\"2026-01-01 00:00:00Z\",\"trace_id\":\"t\",\
         \"correlation_id\":\"0A1B2C3D-0000-4000-8000-00000000000F\",\"suberror\":\"basic_action\"}}",
        codes.first().unwrap()
    )
    .into_bytes()
}

fn verdict(codes: &[u32]) -> Verdict {
    classify(400, None, &body(codes), NONE).verdict
}

fn one(code: u32, to: Override) -> BTreeMap<u32, Override> {
    BTreeMap::from([(code, to)])
}

#[test]
fn r12_every_code_is_classified_by_its_number() {
    for (codes, _, expected) in FACTS {
        for code in *codes {
            for status in [400, 401, 403] {
                let answer = classify(status, None, &body(&[*code]), NONE);
                assert_eq!(answer.verdict, *expected, "{code}");
                assert_eq!((answer.code, answer.codes.as_slice()), (Some(*code), &[*code][..]));
                assert!(answer.unlisted.is_empty() && !answer.overridden && answer.trouble.is_none());
            }
        }
    }
}

#[test]
fn r12_all_codes_must_go_on() {
    assert_eq!(verdict(&[50076, 50074]), Verdict::Continue);
    assert_eq!(verdict(&[50076, 50079]), Verdict::NotRegistered);
    assert_eq!(verdict(&[50158, 50076]), Verdict::External);
    assert_eq!(verdict(&[50079, 50158]), Verdict::Refuse(Cause::Mixed));
    assert_eq!(verdict(&[50079, 50158, 50076]), Verdict::Refuse(Cause::Mixed));
    assert_eq!(verdict(&[50076, 53003]), Verdict::Refuse(Cause::Blocked));
    assert_eq!(verdict(&[53003, 50076]), Verdict::Refuse(Cause::Blocked));
    assert_eq!(verdict(&[50076, 123_456]), Verdict::Refuse(Cause::Unlisted));
    assert_eq!(verdict(&[50076, 90033]), Verdict::Unavailable);
    assert_eq!(verdict(&[50076, 65001]), Verdict::Configuration);
    assert_eq!(verdict(&[50076, 50196]), Verdict::BackOff);
    for (codes, _, single) in FACTS {
        for code in *codes {
            let pair = verdict(&[50076, *code]);
            assert_eq!(pair, *single, "50076 adds nothing to {code}");
            assert_eq!(verdict(&[*code, 50076]), pair, "order decides nothing");
        }
    }
}

#[test]
fn r12_a_wrong_password_outranks_everything() {
    assert_eq!(verdict(&[70002, 50126]), Verdict::Refuse(Cause::WrongPassword));
    let answer = classify(400, None, &body(&[70002, 50126]), NONE);
    assert_eq!(answer.code, Some(50126));
    assert_eq!(answer.codes, [70002, 50126]);
    for (codes, _, _) in FACTS {
        for code in *codes {
            if *code != 50064 {
                assert_eq!(
                    verdict(&[*code, 50126]),
                    Verdict::Refuse(Cause::WrongPassword),
                    "{code}"
                );
            }
        }
    }
    assert_eq!(verdict(&[50053, 70002]), Verdict::Refuse(Cause::Locked));
}

#[test]
fn r12_interaction_required_is_not_read() {
    let blocked = br#"{"error":"interaction_required","error_codes":[53003],"error_description":"AADSTS50076: no"}"#;
    assert_eq!(
        classify(400, None, blocked, NONE).verdict,
        Verdict::Refuse(Cause::Blocked)
    );
    let wanted = br#"{"error":"invalid_grant","suberror":"basic_action","error_codes":[50076]}"#;
    assert_eq!(classify(400, None, wanted, NONE).verdict, Verdict::Continue);
}

#[test]
fn r12_no_prefix_is_taken_for_a_code() {
    assert_eq!(verdict(&[530_031]), Verdict::Refuse(Cause::Policy));
    assert_eq!(verdict(&[530_033]), Verdict::Refuse(Cause::Unlisted));
    assert_eq!(verdict(&[500_760]), Verdict::Refuse(Cause::Unlisted));
    for (text, expected) in [
        ("AADSTS530031: no", Verdict::Refuse(Cause::Policy)),
        ("AADSTS50076: go", Verdict::Continue),
        ("AADSTS050076: go", Verdict::Continue),
        ("AADSTS500760: no", Verdict::Refuse(Cause::Unlisted)),
        ("AADSTS99999999999: too long a number", Verdict::Refuse(Cause::Unlisted)),
    ] {
        let json = format!("{{\"error\":\"x\",\"error_description\":\"{text}\"}}");
        assert_eq!(classify(400, None, json.as_bytes(), NONE).verdict, expected, "{text}");
    }
}

#[test]
fn r12_without_codes_only_an_anchored_number_counts() {
    for (codes, expected) in [("null", Verdict::Continue), ("[]", Verdict::Continue)] {
        let json = format!("{{\"error_codes\":{codes},\"error_description\":\"AADSTS50076: x\"}}");
        assert_eq!(classify(400, None, json.as_bytes(), NONE).verdict, expected);
    }
    for text in [
        " AADSTS50076: x",
        "see AADSTS50076: x",
        "AADSTS50076 x",
        "AADSTS: x",
        "aadsts50076: x",
        "AADSTS50076a: x",
        "AADSTS+50076: x",
        "",
    ] {
        let json = format!("{{\"error\":\"interaction_required\",\"error_description\":\"{text}\"}}");
        let answer = classify(400, None, json.as_bytes(), NONE);
        assert_eq!(answer, Answer::none(Trouble::NoCode), "{text}");
    }
}

#[test]
fn r12_codes_that_are_no_numbers_refuse() {
    for codes in [
        "[\"50076\"]",
        "[50076, \"x\"]",
        "[50076.0]",
        "[-1]",
        "[4294967296]",
        "50076",
        "\"50076\"",
        "{}",
        "[null]",
        "[[50076]]",
    ] {
        let json = format!("{{\"error_codes\":{codes},\"error_description\":\"AADSTS50076: x\"}}");
        let answer = classify(400, None, json.as_bytes(), NONE);
        assert_eq!(answer.verdict, Verdict::Refuse(Cause::Unlisted), "{codes}");
    }
    let many = vec![50076; 5000];
    assert_eq!(verdict(&many), Verdict::Continue);
    assert_eq!(classify(400, None, &body(&many), NONE).codes.len(), CODES_MAX);
    let mut hidden = many;
    hidden.push(53003);
    assert_eq!(
        verdict(&hidden),
        Verdict::Refuse(Cause::Blocked),
        "the last of many is judged too"
    );
}

#[test]
fn r12_a_key_that_stands_twice_is_no_answer() {
    let json = br#"{"error_codes":[53003],"error_codes":[50076]}"#;
    assert_eq!(classify(400, None, json, NONE), Answer::none(Trouble::NotJson));
    let json = br#"{"access_token":"","access_token":"t"}"#;
    assert_eq!(classify(200, None, json, NONE), Answer::none(Trouble::NotJson));
}

#[test]
fn r12_a_token_needs_a_200_and_a_token() {
    let token =
        br#"{"token_type":"Bearer","scope":"openid","expires_in":3599,"access_token":"eyJ0","id_token":"eyJ1"}"#;
    let answer = classify(200, None, token, NONE);
    assert_eq!((answer.verdict, &answer.trouble), (Verdict::Token, &None));
    assert!(!format!("{answer:?}").contains("eyJ"), "nothing of the token is kept");
    for status in [201, 202, 204, 302, 400, 500] {
        assert_eq!(
            classify(status, None, token, NONE).verdict,
            Verdict::Unavailable,
            "{status}"
        );
    }
    for (json, trouble) in [
        ("{}", Trouble::NoToken),
        (r#"{"access_token":""}"#, Trouble::NoToken),
        (r#"{"access_token":null}"#, Trouble::NoToken),
        (r#"{"id_token":"x"}"#, Trouble::NoToken),
        (r#"{"access_token":"x","error":"y"}"#, Trouble::NoToken),
        (r#"{"access_token":"x","error_codes":[53003]}"#, Trouble::NoToken),
        (r#"{"access_token":1}"#, Trouble::NotJson),
        (r#"{"access_token":["x"]}"#, Trouble::NotJson),
        (r#"{"access_token":"x""#, Trouble::NotJson),
        (r#"{"access_token":"x"} trailing"#, Trouble::NotJson),
        ("", Trouble::NotJson),
        ("<html>", Trouble::NotJson),
        ("[]", Trouble::NotJson),
        (r#"["token"]"#, Trouble::NotJson),
        (r#"[{"access_token":"x"}]"#, Trouble::NotJson),
    ] {
        let answer = classify(200, None, json.as_bytes(), NONE);
        assert_eq!(
            (answer.verdict, answer.trouble),
            (Verdict::Unavailable, Some(trouble)),
            "{json}"
        );
    }
}

#[test]
fn r15_what_is_no_answer_is_unavailable() {
    let go_on = body(&[50076]);
    for status in [429, 500, 502, 503, 504, 301, 302, 307, 100, 204, 600] {
        let answer = classify(status, None, &go_on, NONE);
        assert_eq!(answer.verdict, Verdict::Unavailable, "{status}");
        assert_eq!(answer.code, Some(50076), "kept for the log");
        assert!(answer.trouble.is_some());
    }
    let wrong = classify(503, None, &body(&[50126]), NONE);
    assert_eq!(
        (wrong.verdict, wrong.trouble),
        (Verdict::Unavailable, Some(Trouble::Status(503)))
    );
    for bad in [
        &b"<html></html>"[..],
        b"",
        b"null",
        b"50076",
        b"[[50076]]",
        b"[[50076], null, null]",
        b"\xff\xfe",
        b"{\"error_codes\":[50076]",
    ] {
        assert_eq!(classify(400, None, bad, NONE), Answer::none(Trouble::NotJson));
    }
    let mut long = go_on;
    long.resize(BODY_MAX + 1, b' ');
    assert_eq!(classify(400, None, &long, NONE), Answer::none(Trouble::TooLarge));
    long.truncate(BODY_MAX);
    assert_eq!(classify(400, None, &long, NONE).verdict, Verdict::Continue);
}

#[test]
fn r14_retry_after_is_kept_up_to_30_seconds() {
    let after = |text| classify(429, text, b"Too many requests", NONE).retry_after;
    assert_eq!(after(Some("7")), Some(Duration::from_secs(7)));
    assert_eq!(after(Some(" 7 ")), Some(Duration::from_secs(7)));
    assert_eq!(after(Some("4000000000")), Some(Duration::from_secs(30)));
    for odd in [
        None,
        Some("Wed, 21 Oct 2026 07:28:00 GMT"),
        Some("-1"),
        Some(""),
        Some("1.5"),
    ] {
        assert_eq!(after(odd), None);
    }
    assert_eq!(classify(429, Some("7"), b"", NONE).trouble, Some(Trouble::Throttled));
}

#[test]
fn r12_only_codes_and_correlation_are_kept() {
    let answer = classify(400, None, &body(&[50126]), NONE);
    assert_eq!(
        answer.correlation.as_deref(),
        Some("0a1b2c3d-0000-4000-8000-00000000000f")
    );
    assert!(!format!("{answer:?}").contains("Trace"));
    for odd in [
        "not-a-guid",
        "0a1b2c3d-0000-4000-8000-00000000000f\\n",
        "0a1b2c3d00004000800000000000000f",
        "",
    ] {
        let json = format!("{{\"error_codes\":[50126],\"correlation_id\":\"{odd}\"}}");
        let answer = classify(400, None, json.as_bytes(), NONE);
        assert_eq!((answer.correlation, answer.code), (None, Some(50126)), "{odd}");
    }
}

#[test]
fn r12_what_the_table_does_not_know_is_named() {
    let answer = classify(400, None, &body(&[50076, 1_234_567, 7]), NONE);
    assert_eq!(answer.unlisted, [1_234_567, 7]);
    assert_eq!(answer.verdict, Verdict::Refuse(Cause::Unlisted));
    assert_eq!(answer.code, Some(1_234_567));
}

#[test]
fn r12_to_continue_only_three_and_the_unlisted() {
    for (codes, _, _) in FACTS {
        for code in *codes {
            let allowed = [50079, 50072, 50158].contains(code);
            assert_eq!(check_override(*code, Override::Continue).is_ok(), allowed, "{code}");
            let answer = classify(400, None, &body(&[*code]), &one(*code, Override::Continue));
            let listed = classify(400, None, &body(&[*code]), NONE).verdict;
            let expected = if allowed { Verdict::Continue } else { listed };
            assert_eq!((answer.verdict, answer.overridden), (expected, allowed), "{code}");
        }
    }
    let answer = classify(400, None, &body(&[1_234_567]), &one(1_234_567, Override::Continue));
    assert_eq!((answer.verdict, answer.overridden), (Verdict::Continue, true));
    assert_eq!(answer.unlisted, [1_234_567], "still named in the log");
    let both = classify(
        400,
        None,
        &body(&[1_234_567, 50126]),
        &one(1_234_567, Override::Continue),
    );
    assert_eq!(both.verdict, Verdict::Refuse(Cause::WrongPassword));
}

#[test]
fn r12_a_verdict_may_be_made_stricter_only() {
    let to = |code, to| classify(400, None, &body(&[code]), &one(code, to)).verdict;
    assert_eq!(to(50076, Override::Refuse), Verdict::Refuse(Cause::Overridden));
    assert_eq!(to(50074, Override::Configuration), Verdict::Configuration);
    assert_eq!(to(50076, Override::Unavailable), Verdict::Unavailable);
    assert_eq!(to(90033, Override::Refuse), Verdict::Refuse(Cause::Overridden));
    assert_eq!(to(50105, Override::Configuration), Verdict::Configuration);
    assert_eq!(to(1_234_567, Override::Unavailable), Verdict::Unavailable);
    assert_eq!(to(53003, Override::Unavailable), Verdict::Refuse(Cause::Blocked));
    assert_eq!(
        check_override(53003, Override::Unavailable),
        Err(OverrideError::NotStricter(53003))
    );
    assert_eq!(
        check_override(65001, Override::Unavailable),
        Err(OverrideError::NotStricter(65001))
    );
    for code in [50126, 50064] {
        for to in [
            Override::Continue,
            Override::Refuse,
            Override::Configuration,
            Override::Unavailable,
        ] {
            assert_eq!(check_override(code, to), Err(OverrideError::WrongPassword(code)));
            let answer = classify(400, None, &body(&[code]), &one(code, to));
            assert_eq!(answer.verdict, Verdict::Refuse(Cause::WrongPassword));
        }
    }
}

proptest::proptest! {
    #[test]
    fn r15_no_body_goes_on_by_chance(status in 0u16..700, bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let answer = classify(status, None, &bytes, NONE);
        let fine = !matches!(answer.verdict, Verdict::Token | Verdict::Continue);
        proptest::prop_assert!(fine);
    }
}
