//! What is let through and what is not.

use super::*;
use crate::secret::Secret;

#[test]
fn ranges_read_and_show() {
    for (text, shown) in [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("192.0.2.1/32", "192.0.2.1"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::/0", "::/0"),
        ("::1", "::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
    ] {
        let net = parse_net(text).unwrap();
        assert_eq!(net_text(&net), shown, "{text}");
        assert_eq!(parse_net(shown).unwrap(), net);
    }
}

#[test]
fn bad_ranges_are_refused() {
    for text in [
        "",
        "/",
        "192.0.2.1/33",
        "192.0.2.0/+24",
        "192.0.2.0/",
        "192.0.2.0/-1",
        "192.0.2.0/24/1",
        "2001:db8::/129",
        "vpn.example",
        "192.0.2",
        "::ffff:0.0.0.0/64",
        "fe80::1%eth0",
        " 192.0.2.1",
        "192.0.2.0/256",
    ] {
        assert!(parse_net(text).is_err(), "{text}");
    }
    let host_bits = parse_net("192.0.2.5/24").unwrap_err();
    assert!(host_bits.contains("192.0.2.0/24"), "{host_bits}");
}

#[test]
fn first_takes_what_is_built() {
    assert_eq!(parse_first("entra"), Ok(First::Entra));
    assert_eq!(parse_first("entra,local"), Ok(First::Entra));
    assert_eq!(parse_first("local,entra"), Ok(First::Entra));
    assert_eq!(parse_first("local"), Ok(First::Local));
    assert_eq!(parse_first("none"), Ok(First::None));
    for bad in [
        "",
        "ldap",
        "upstream",
        "entra,ldap",
        "none,entra",
        "entra,none",
        "entra,entra",
        "Entra",
        "entra,",
        "entra local",
    ] {
        assert!(parse_first(bad).is_err(), "{bad}");
    }
}

#[test]
fn r2_code_only_and_none_belong_together() {
    use Mode::{Append, Challenge, CodeOnly};
    let refuse = Unmatched::Refuse;
    assert_eq!(mode_and_first(Append, None, refuse).unwrap(), First::Entra);
    assert_eq!(
        mode_and_first(Challenge, Some(First::Local), refuse).unwrap(),
        First::Local
    );
    assert_eq!(mode_and_first(CodeOnly, None, refuse).unwrap(), First::None);
    assert_eq!(
        mode_and_first(CodeOnly, Some(First::None), refuse).unwrap(),
        First::None
    );
    assert_eq!(
        mode_and_first(Append, None, Unmatched::PasswordOnly).unwrap(),
        First::Entra
    );
    for (mode, first, unmatched) in [
        (CodeOnly, Some(First::Entra), refuse),
        (CodeOnly, Some(First::Local), refuse),
        (CodeOnly, None, Unmatched::PasswordOnly),
        (Append, Some(First::None), refuse),
        (Challenge, Some(First::None), refuse),
    ] {
        let failure = mode_and_first(mode, first, unmatched).unwrap_err();
        assert_eq!(failure.exit_status(), 2, "{mode:?} {first:?} {unmatched:?}");
    }
}

#[test]
fn fields_have_bounds() {
    let fields = ClientFields::default;
    assert!(client_fields(&fields()).is_ok());
    let bad = [
        ClientFields {
            secret: Some(Secret::from("")),
            ..fields()
        },
        ClientFields {
            secret: Some(Secret::from("two\nlines")),
            ..fields()
        },
        ClientFields {
            secret: Some(Secret::new(vec![b'x'; 129])),
            ..fields()
        },
        ClientFields {
            reject_delay: Some(Duration::from_secs(11)),
            ..fields()
        },
        ClientFields {
            deadline: Some(Duration::from_millis(99)),
            ..fields()
        },
        ClientFields {
            deadline: Some(Duration::from_secs(61)),
            ..fields()
        },
        ClientFields {
            challenge_timeout: Some(Duration::from_secs(4)),
            ..fields()
        },
        ClientFields {
            prompt: Some(String::new()),
            ..fields()
        },
        ClientFields {
            prompt: Some("a\nb".to_owned()),
            ..fields()
        },
        ClientFields {
            prompt: Some("x".repeat(254)),
            ..fields()
        },
        ClientFields {
            delimiter: Some(Delimiter::Is('7')),
            ..fields()
        },
        ClientFields {
            delimiter: Some(Delimiter::Is('\u{200b}')),
            ..fields()
        },
        ClientFields {
            in_flight: Some(0),
            ..fields()
        },
    ];
    for fields in bad {
        assert_eq!(client_fields(&fields).unwrap_err().exit_status(), 2, "{fields:?}");
    }
    assert!(
        client_fields(&ClientFields {
            delimiter: Some(Delimiter::Is(',')),
            ..fields()
        })
        .is_ok()
    );
    assert!(
        client_fields(&ClientFields {
            delimiter: Some(Delimiter::None),
            ..fields()
        })
        .is_ok()
    );
}

#[test]
fn names_and_codes() {
    assert!(client_name("vpn-1.example_x").is_ok());
    for bad in ["", "-v", "a b", "a/b", "a\n", &"x".repeat(65)] {
        assert!(client_name(bad).is_err(), "{bad:?}");
    }
    assert!(user_name("anna@contoso.example").is_ok() && user_name("CONTOSO\\änna").is_ok());
    for bad in ["", "  ", "anna\u{202e}", "a\0b", &"x".repeat(254)] {
        assert!(user_name(bad).is_err(), "{bad:?}");
    }
    assert_eq!(code("123 456").unwrap(), "123456");
    assert_eq!(code("12345678").unwrap(), "12345678");
    for bad in ["", "12345", "1234567", "12345a", "１２３４５６", "-12345"] {
        assert!(code(bad).is_err(), "{bad}");
    }
    assert!(bypass_minutes(0).is_err() && bypass_minutes(1).is_ok() && bypass_minutes(60).is_ok());
    assert!(bypass_minutes(61).is_err());
}
