//! The directory's answers, seen through the door: every row of the table (R12), proof (R13), budget and pauses (R14), and what
//! happens when nobody answers (R15).

use std::time::{Duration, Instant};

use crate::harness::{Door, PASSWORD, Rows};
use crate::lab::{Lab, QUICK, Site, set_tenant};
use crate::packet::{ACCEPT, CALLING_STATION, CHALLENGE, REJECT, Request, SILENCE, STATE};

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
        ["--client-id", "other"],
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
        "x",
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
fn r14_the_budget_of_wrong_passwords() {
    let site = Site::open(&["--mode", "challenge"]);
    let door = &site.door;
    let user = "anna@contoso.example";
    let token = door.enrolled(user);
    let known = "192.0.2.1";
    let try_one = |station: &str, password: &str| {
        let reply = site
            .nas
            .ask(&Request::login(user, password).attr(CALLING_STATION, station.as_bytes()));
        (reply.code, door.reason(user), site.lab.seen(user))
    };
    let challenge = site.nas.ask(&Request::login(user, PASSWORD).station(known));
    let answer = Request::login(user, &token.code())
        .station(known)
        .attr(STATE, challenge.state());
    assert_eq!(site.nas.ask(&answer).code, ACCEPT);
    let mut rows = Rows::default();
    let refused = |reason: &str, seen| (REJECT, reason.to_owned(), seen);
    for n in 1..=3 {
        rows.same(
            &format!("stranger's try {n}"),
            refused("wrong-password", 1 + n),
            try_one("192.0.2.66", &format!("wrong {n}")),
        );
    }
    rows.same(
        "half is kept for known stations",
        refused("budget-spent", 4),
        try_one("192.0.2.66", "wrong 4"),
    );
    rows.same(
        "even with the right one",
        refused("budget-spent", 4),
        try_one("192.0.2.67", PASSWORD),
    );
    for n in 4..=6 {
        rows.same(
            &format!("known station's try {n}"),
            refused("wrong-password", 1 + n),
            try_one(known, &format!("wrong {n}")),
        );
    }
    rows.same("all spent", refused("budget-spent", 7), try_one(known, PASSWORD));
    door.ok(&["user", "unlock", user]);
    rows.same(
        "unlocked",
        (CHALLENGE, "code-awaited".to_owned(), 8),
        try_one(known, PASSWORD),
    );
    rows.end();
}

#[test]
fn r14_r1_a_throttled_tenant_is_left_alone_and_no_code_is_burnt() {
    let site = Site::open(&[]);
    let door = &site.door;
    let [busy, anna] = ["http-429-2@contoso.example", "anna@contoso.example"].map(|user| (user, door.enrolled(user)));
    assert_eq!(site.login(busy.0, &format!("{PASSWORD}{}", busy.1.code())), REJECT);
    assert_eq!(door.reason(busy.0), "directory-unavailable");
    let credential = format!("{PASSWORD}{}", anna.1.code());
    assert_eq!(site.login(anna.0, &credential), REJECT);
    assert_eq!(
        (door.reason(anna.0), site.lab.seen(anna.0)),
        ("directory-paused".to_owned(), 0)
    );
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(
        site.login(anna.0, &credential),
        ACCEPT,
        "Retry-After is over; the same code still opens"
    );
}

#[test]
fn r15_unavailable_is_a_reject_or_silence_and_never_an_accept() {
    let site = Site::open(&["--deadline", "500ms"]);
    let door = &site.door;
    let mut rows = Rows::default();
    let users: Vec<_> = ["slow-5000", "http-500", "http-503"]
        .iter()
        .map(|name| format!("{name}@contoso.example"))
        .map(|user| (door.enrolled(&user), user))
        .collect();
    for (token, user) in &users {
        let start = Instant::now();
        rows.same(user, REJECT, site.login(user, &format!("{PASSWORD}{}", token.code())));
        rows.hold(
            &format!("{user}: {:?}", start.elapsed()),
            start.elapsed() < Duration::from_millis(1200),
        );
        let reason = door.reason(user);
        rows.hold(
            &format!("{user}: {reason}"),
            ["directory-unavailable", "directory-paused"].contains(&reason.as_str()),
        );
        rows.same(
            "nothing is counted",
            0,
            door.json(&["user", "show", user])["locks"].as_array().unwrap().len(),
        );
    }
    door.ok(&["client", "set", "vpn", "--unavailable", "drop"]);
    for (token, user) in &users {
        let request = Request::login(user, &format!("{PASSWORD}{}", token.later(1)));
        rows.hold(
            user,
            site.nas
                .try_from(&site.nas.socket(), &request, SILENCE + Duration::from_millis(600))
                .is_none(),
        );
    }
    rows.end();
}

#[test]
fn r15_a_directory_that_is_gone_lets_nobody_in() {
    let mut site = Site::open(&[]);
    let user = "anna@contoso.example";
    let token = site.door.enrolled(user);
    site.lab.process.kill();
    assert_eq!(site.login(user, &format!("{PASSWORD}{}", token.code())), REJECT);
    assert_eq!(site.door.reason(user), "directory-unavailable");
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
fn r14_several_users_locked_at_once_raise_an_alarm() {
    let site = Site::open(&[]);
    let door = &site.door;
    let before = door.json(&["status"])["alarms"].as_array().unwrap().len();
    for user in [
        "code-50053@contoso.example",
        "codes-50053@contoso.example",
        "nocodes-50053@contoso.example",
    ] {
        let token = door.enrolled(user);
        assert_eq!(site.login(user, &format!("{PASSWORD}{}", token.code())), REJECT);
        assert_eq!(door.reason(user), "locked-at-directory", "{user}");
    }
    let alarms = door.json(&["status"])["alarms"].clone();
    assert!(alarms.as_array().unwrap().len() > before, "{alarms}");
}

#[test]
fn entra_test_says_in_words_what_a_login_would_do() {
    let site = Site::open(&[]);
    let mut rows = Rows::default();
    for (user, password, passes) in [
        ("anna@contoso.example", PASSWORD, true),
        ("anna@contoso.example", "wrong", false),
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
