//! The directory's answers, seen through the door: every row of the table and what may change it (R12), and the proof that
//! switches it on (R13).
use crate::harness::{Door, PASSWORD, Rows};
use crate::lab::{Lab, QUICK, Site, set_tenant};
use crate::packet::{ACCEPT, REJECT};

/// The table of codes: what the directory says to the right password, and what must go on record.
const TABLE: &[(&[u32], u8, &str)] = &[
    (&[50076, 50074], ACCEPT, "accepted"),
    (&[50079, 50072], REJECT, "mfa-not-registered"),
    (&[50158], REJECT, "external-mfa"),
    (&[53003], REJECT, "blocked-by-policy"),
    (
        &[
            53000, 53001, 53002, 53004, 53010, 53011, 530_031, 530_034, 530_035, 50131,
        ],
        REJECT,
        "device-or-risk-policy",
    ),
    (&[50055, 50144, 50135, 50125], REJECT, "password-expired"),
    (&[50057], REJECT, "disabled-at-directory"),
    (&[50105], REJECT, "not-assigned"),
    (&[50126, 50064], REJECT, "wrong-password"),
    (&[50034, 51004, 50014, 50056], REJECT, "unknown-at-directory"),
    (&[50053], REJECT, "locked-at-directory"),
    (&[50020, 500_208, 90072], REJECT, "wrong-account-kind"),
    (
        &[50059, 50128, 90002, 90019, 900_023, 90038],
        REJECT,
        "directory-configuration",
    ),
    (&[700_016, 500_011, 700_011, 70001], REJECT, "directory-configuration"),
    (
        &[65001, 65004, 90094, 650_056, 650_057],
        REJECT,
        "directory-configuration",
    ),
    (
        &[7_000_218, 700_025, 70002, 7_000_215, 7_000_222],
        REJECT,
        "directory-configuration",
    ),
    (&[70011, 900_144, 9_001_023, 50194], REJECT, "directory-configuration"),
    (&[50196], REJECT, "directory-back-off"),
    (
        &[80001, 80002, 80005, 80007, 80010, 80013, 80014],
        REJECT,
        "directory-unavailable",
    ),
    (&[80012], REJECT, "outside-logon-hours"),
    (
        &[90006, 90012, 90024, 90033, 90055, 90090, 50033, 50087],
        REJECT,
        "directory-unavailable",
    ),
    (&[99999, 53, 500_760], REJECT, "unlisted-code"),
];

#[test]
fn r12_every_row_of_the_table() {
    let site = Site::open(&[]);
    let door = &site.door;
    let authority = site.lab.authority();
    let mut rows = Rows::default();
    for (codes, reply, reason) in TABLE {
        for code in *codes {
            // What pauses a tenant must not pause the next row's: such rows have a tenant each.
            let domain = match *reason {
                "directory-unavailable" => format!("t{code}.example"),
                _ => "contoso.example".to_owned(),
            };
            if domain != "contoso.example" {
                let ids = [
                    "--tenant",
                    "11111111-2222-3333-4444-555555555555",
                    "--client-id",
                    "66666666-7777-8888-9999-aaaaaaaaaaaa",
                ];
                let place = ["--domain", &domain, "--authority", &authority, "--enable"];
                door.ok(&[["entra", "set"].as_slice(), &place, &ids].concat());
            }
            let user = format!("code-{code}@{domain}");
            let token = door.enrolled(&user);
            rows.same(
                &format!("{code}"),
                *reply,
                site.login(&user, &format!("{PASSWORD}{}", token.code())),
            );
            let (_, got, number) = door.last(&user);
            rows.same(&format!("{code}"), (*reason).to_owned(), got);
            rows.same(&format!("{code} on record"), Some(u64::from(*code)), number);
        }
    }
    rows.end();
}

#[test]
fn r12_policies_and_overrides() {
    let site = Site::open(&[]);
    let door = &site.door;
    let set =
        |settings: &[&str]| door.cli(&[["entra", "set", "--domain", "contoso.example"].as_slice(), settings].concat());
    let mut rows = Rows::default();
    let mut serial = 0;
    let mut try_one = |rows: &mut Rows, name: &str, user: &str, reply: u8| {
        serial += 1;
        let token = door.token(user);
        rows.same(name, reply, site.login(user, &format!("{PASSWORD}{}", token.code())));
    };
    for user in [
        "token",
        "code-50079",
        "code-50158",
        "code-53003",
        "code-50076",
        "code-99999",
    ] {
        door.user(&format!("{user}@contoso.example"));
    }
    try_one(
        &mut rows,
        "a token without MFA is refused",
        "token@contoso.example",
        REJECT,
    );
    rows.same(
        "and on record",
        "no-mfa-at-directory".to_owned(),
        door.reason("token@contoso.example"),
    );
    rows.same("allow it", 0, set(&["--allow-without-mfa", "yes"]).status);
    try_one(
        &mut rows,
        "a token without MFA is let in",
        "token@contoso.example",
        ACCEPT,
    );
    for (user, code) in [
        ("code-50079@contoso.example", "50079"),
        ("code-50158@contoso.example", "50158"),
        ("code-99999@contoso.example", "99999"),
    ] {
        try_one(&mut rows, code, user, REJECT);
        rows.same("override", 0, set(&["--override", &format!("{code}=continue")]).status);
        try_one(&mut rows, &format!("{code} overridden"), user, ACCEPT);
    }
    rows.hold(
        "an alarm says so",
        !door.json(&["status"])["alarms"].as_array().unwrap().is_empty(),
    );
    rows.hold(
        "53003 can not go on",
        set(&["--override", "53003=continue"]).status != 0,
    );
    rows.hold(
        "50126 can not go on",
        set(&["--override", "50126=continue"]).status != 0,
    );
    try_one(&mut rows, "53003", "code-53003@contoso.example", REJECT);
    rows.same(
        "stricter is always possible",
        0,
        set(&["--override", "50076=refuse"]).status,
    );
    try_one(&mut rows, "50076 refused", "code-50076@contoso.example", REJECT);
    rows.end();
}

#[test]
fn r13_only_a_proven_tenant_is_asked() {
    let (door, lab) = (Door::open(), Lab::open());
    set_tenant(&door, &lab);
    let nas = door.client("vpn", "127.0.0.1", &QUICK);
    let user = "anna@contoso.example";
    let token = door.enrolled(user);
    let mut rows = Rows::default();
    let code = token.code();
    rows.same("not proven", REJECT, nas.login(user, &format!("{PASSWORD}{code}")));
    rows.same(
        "not proven",
        ("entra-off".to_owned(), 0),
        (door.reason(user), lab.seen(user)),
    );
    for (name, who, password) in [
        ("the password is wrong", "prove@contoso.example", "not it"),
        ("a user without MFA", "token@contoso.example", PASSWORD),
        ("a disabled user", "code-50057@contoso.example", PASSWORD),
        ("a mistake in the set-up", "code-7000218@contoso.example", PASSWORD),
        ("nobody answers", "http-503@contoso.example", PASSWORD),
    ] {
        let said = door.cli_in(&["entra", "prove", who], password);
        rows.same(name, 1, said.status);
        rows.hold(
            &format!("{name}: says something: {said:?}"),
            !said.err.trim().is_empty(),
        );
        rows.same(name, "off".to_owned(), state(&door));
    }
    let proven = Door::open();
    set_tenant(&proven, &lab);
    proven.ok_in(&["entra", "prove", "prove@contoso.example"], PASSWORD);
    rows.same("proven", "proven".to_owned(), state(&proven));
    let nas = proven.client("vpn", "127.0.0.1", &QUICK);
    let token = proven.enrolled(user);
    rows.same(
        "proven",
        ACCEPT,
        nas.login(user, &format!("{PASSWORD}{}", token.code())),
    );
    for change in [
        ["--tenant", "organizations"],
        ["--client-id", "66666666-7777-8888-9999-bbbbbbbbbbbb"],
        ["--scope", "User.Read"],
        ["--authority", "http://127.0.0.1:9"],
    ] {
        proven.ok_in(&["entra", "prove", "prove@contoso.example"], PASSWORD);
        rows.same("proven again", "proven".to_owned(), state(&proven));
        proven.ok(&[["entra", "set", "--domain", "contoso.example"].as_slice(), &change].concat());
        rows.same(&format!("{change:?} voids it"), "off".to_owned(), state(&proven));
        set_tenant(&proven, &lab);
        proven.ok(&["entra", "set", "--domain", "contoso.example", "--scope", "openid"]);
    }
    rows.end();
}

fn state(door: &Door) -> String {
    door.json(&["entra", "show"])["tenants"][0]["state"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn r13_plain_http_goes_to_loopback_alone() {
    let door = Door::open();
    let ids = [
        "--domain",
        "contoso.example",
        "--tenant",
        "contoso.example",
        "--client-id",
        "66666666-7777-8888-9999-aaaaaaaaaaaa",
    ];
    let set = |authority: &str| door.cli(&[["entra", "set", "--authority", authority].as_slice(), &ids].concat());
    let mut rows = Rows::default();
    for (authority, fine) in [
        ("http://127.0.0.1:9", true),
        ("http://192.0.2.1", false),
        ("http://login.example", false),
        ("http://127.0.0.1.example", false),
        ("https://127.0.0.1@login.example", false),
        ("https://login.example/path", false),
        ("ftp://127.0.0.1", false),
        ("https://login.example", true),
    ] {
        let said = set(authority);
        rows.same(authority, fine, said.status == 0);
        rows.hold(
            &format!("{authority}: one line: {said:?}"),
            fine || said.err.trim().lines().count() == 1,
        );
    }
    rows.end();
}

#[test]
fn a_private_authority_over_tls() {
    let lab = Lab::open_with(&["--tls"]);
    let site = Site::with_lab(lab, &[]);
    let token = site.door.enrolled("anna@contoso.example");
    assert_eq!(site.login("anna", &format!("{PASSWORD}{}", token.code())), ACCEPT);
    // Without the authority's certificate nothing is sent.
    let authority = site.lab.authority();
    let ids = [
        "--tenant",
        "11111111-2222-3333-4444-555555555555",
        "--client-id",
        "66666666-7777-8888-9999-aaaaaaaaaaaa",
    ];
    site.door.ok(&[
        ["entra", "set", "--domain", "other.example", "--authority", &authority].as_slice(),
        &ids,
    ]
    .concat());
    let said = site.door.cli_in(&["entra", "prove", "prove@other.example"], PASSWORD);
    assert_eq!(said.status, 1, "{said:?}");
}

#[test]
fn several_tenants_are_chosen_by_the_domain() {
    let site = Site::open(&[]);
    let door = &site.door;
    let other = Lab::open_with(&["--password", "other words"]);
    let authority = other.authority();
    let ids = [
        "--tenant",
        "11111111-2222-3333-4444-555555555555",
        "--client-id",
        "66666666-7777-8888-9999-aaaaaaaaaaaa",
    ];
    door.ok(&[
        [
            "entra",
            "set",
            "--domain",
            "fabrikam.example",
            "--authority",
            &authority,
        ]
        .as_slice(),
        &ids,
    ]
    .concat());
    door.ok_in(&["entra", "prove", "prove@fabrikam.example"], "other words");
    let mut rows = Rows::default();
    for (user, right) in [
        ("anna@contoso.example", PASSWORD),
        ("anna@fabrikam.example", "other words"),
    ] {
        let token = door.enrolled(user);
        rows.same(user, ACCEPT, site.login(user, &format!("{right}{}", token.code())));
    }
    rows.same(
        "asked at home",
        (1, 0),
        (
            site.lab.seen("anna@contoso.example"),
            site.lab.seen("anna@fabrikam.example"),
        ),
    );
    rows.same("asked there", 1, other.seen("anna@fabrikam.example"));
    rows.same("a bare name is ambiguous now", REJECT, site.login("anna", "x123456"));
    rows.end();
}

#[test]
fn entra_test_says_in_words_what_a_login_would_do() {
    let site = Site::open(&[]);
    let mut rows = Rows::default();
    for (user, password, passes) in [
        ("anna@contoso.example", PASSWORD, true),
        ("anna@contoso.example", "blue kettle 7731", false),
        ("token@contoso.example", PASSWORD, false),
        ("code-53003@contoso.example", PASSWORD, false),
    ] {
        let said = site.door.cli_in(&["--json", "entra", "test", user], password);
        let report: serde_json::Value = serde_json::from_str(&said.out).unwrap_or_default();
        rows.same(user, Some(passes), report["would_pass"].as_bool());
        rows.hold(
            &format!("{user}: {said:?}"),
            report["login"].as_str().is_some_and(|words| words.len() > 10),
        );
        rows.hold("the password is not in the answer", !said.out.contains(password));
    }
    rows.end();
}
