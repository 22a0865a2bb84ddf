//! Logins in one packet: password and code, and what stands for either (R1 to R5, R11, R16).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::harness::{PASSWORD, Rows};
use crate::lab::Site;
use crate::packet::{ACCEPT, REJECT, REPLY_MESSAGE, Request};
use crate::totp::{Token, now};

/// Users with a token each, and the time that "now" means in a table, so that a step that ends meanwhile changes nothing.
struct Table<'a> {
    site: &'a Site,
    tokens: BTreeMap<&'a str, Token>,
    time: u64,
}

impl<'a> Table<'a> {
    fn new(site: &'a Site, enrolled: &[&'a str]) -> Table<'a> {
        let token = |name: &&'a str| (*name, site.door.enrolled(&full(name)));
        Table {
            site,
            tokens: enrolled.iter().map(token).collect(),
            time: now(),
        }
    }

    /// One part of a credential: a word of the table's, or what it is in quotes.
    fn part(&self, user: &str, word: &str) -> String {
        let token = || self.tokens.get(user).unwrap_or_else(|| panic!("{user} has no token"));
        match word {
            "password" => PASSWORD.to_owned(),
            "now" => token().at(self.time),
            "next" => token().at(self.time + 30),
            "wrong" => token().wrong(),
            "scrv1" => scrv1(PASSWORD, &token().at(self.time)),
            "scrv1-empty" => scrv1("", &token().at(self.time)),
            "scrv1-nul" => scrv1(&format!("{PASSWORD}\0x"), &token().at(self.time)),
            quoted => quoted.trim_matches('\'').to_owned(),
        }
    }

    /// Tries `what it is | user | credential | reply | reason | requests the directory has seen of the user`, line by line.
    fn try_all(&self, lines: &str) {
        let mut rows = Rows::default();
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let [name, user, credential, reply, reason, asked] = line.split('|').map(str::trim).collect::<Vec<_>>()[..]
            else {
                panic!("six columns: {line}");
            };
            let credential: String = credential.split('+').map(|word| self.part(user, word)).collect();
            let wanted = if reply == "accept" { ACCEPT } else { REJECT };
            rows.same(name, wanted, self.site.login(user, &credential));
            rows.same(name, reason.to_owned(), self.site.door.reason(&full(user)));
            rows.same(
                &format!("{name}: directory"),
                asked.parse().unwrap(),
                self.site.lab.seen(&full(user)),
            );
        }
        rows.end();
    }
}

fn full(user: &str) -> String {
    format!("{user}@contoso.example")
}

fn scrv1(password: &str, code: &str) -> String {
    let base64 = data_encoding::BASE64;
    format!(
        "SCRV1:{}:{}",
        base64.encode(password.as_bytes()),
        base64.encode(code.as_bytes())
    )
}

#[test]
fn r1_r2_r5_r16_append_mode() {
    let site = Site::open(&[]);
    let door = &site.door;
    let table = Table::new(&site, &["anna", "ben", "cleo", "dora", "emil", "fay"]);
    door.user("notoken@contoso.example");
    door.user("pending@contoso.example");
    door.ok(&["token", "add", "pending@contoso.example", "--qr", "none"]);
    door.ok(&["user", "disable", "fay@contoso.example"]);
    table.try_all(
        "
        both right                    | anna    | password+now      | accept | accepted         | 1
        R16: the same code            | anna    | password+now      | reject | code-used        | 1
        R16: with another password    | anna    | 'other'+now       | reject | code-used        | 1
        the next code                 | anna    | password+next     | accept | accepted         | 2
        R1: wrong code                | ben     | password+wrong    | reject | wrong-code       | 0
        R17: the same wrong code      | ben     | password+wrong    | reject | wrong-code-again | 0
        wrong password                | ben     | 'wrong'+now       | reject | wrong-password   | 1
        R16: that code is spent       | ben     | password+now      | reject | code-used        | 1
        no code                       | cleo    | password          | reject | no-code          | 0
        R5: a code alone              | cleo    | now               | reject | empty-password   | 0
        R5: nothing                   | cleo    | ''                | reject | empty-password   | 0
        R5: no code is burnt by it    | cleo    | password+now      | accept | accepted         | 1
        unknown                       | nobody  | password+'123456' | reject | unknown-user     | 0
        disabled                      | fay     | password+now      | reject | user-disabled    | 0
        no token                      | notoken | password+'123456' | reject | no-token         | 0
        a token not confirmed         | pending | password+'123456' | reject | token-pending    | 0
        SCRV1                         | dora    | scrv1             | accept | accepted         | 1
        SCRV1 again                   | dora    | scrv1             | reject | code-used        | 1
        R5: SCRV1 that is none        | emil    | 'SCRV1:%%:'+now   | reject | bad-scrv1        | 0
        R5: SCRV1, empty password     | emil    | scrv1-empty       | reject | empty-password   | 0
        R5: SCRV1, NUL inside         | emil    | scrv1-nul         | reject | unreadable-password | 0
        ",
    );
}

#[test]
fn r4_a_local_password_and_a_breakglass_user_need_no_directory() {
    let site = Site::open(&[]);
    let door = &site.door;
    let mut table = Table::new(&site, &["anna"]);
    door.ok_in(
        &["user", "add", "local@contoso.example", "--password-file", "-"],
        "tall stairs down\n",
    );
    table.tokens.insert("local", door.token("local@contoso.example"));
    door.ok_in(
        &[
            "user",
            "add",
            "glass@contoso.example",
            "--password-file",
            "-",
            "--exempt",
        ],
        "in an emergency\n",
    );
    table.try_all(
        "
        R4: the directory's password  | local | password+now          | reject | wrong-local-password | 0
        R4: the local one             | local | 'tall stairs down'+next    | accept | accepted             | 0
        R4: nobody else has it        | anna  | 'tall stairs down'+now     | reject | wrong-password       | 1
        R2: break-glass               | glass | 'in an emergency'     | accept | accepted             | 0
        break-glass, wrong            | glass | 'in a hurry'          | reject | wrong-local-password | 0
        R5: break-glass, empty        | glass | ''                    | reject | empty-password       | 0
        ",
    );
}

#[test]
fn r2_exempt_and_unmatched_users_have_the_password_alone() {
    let site = Site::open(&["--unmatched-users", "password-only"]);
    let door = &site.door;
    door.ok(&["user", "add", "exempt@contoso.example", "--exempt"]);
    // Without this no user who has no second factor at Entra could ever pass.
    door.ok(&[
        "entra",
        "set",
        "--domain",
        "contoso.example",
        "--allow-without-mfa",
        "yes",
    ]);
    Table::new(&site, &[]).try_all(
        "
        exempt                             | exempt     | password | accept | accepted         | 1
        unmatched without a second factor  | token      | password | accept | accepted         | 1
        unmatched with one: 50076          | code-50076 | password | reject | must-be-enrolled | 1
        unmatched with one: 50074          | code-50074 | password | reject | must-be-enrolled | 1
        unmatched, wrong password          | anna       | 'wrong'  | reject | wrong-password   | 1
        ",
    );
}

#[test]
fn r2_code_only_asks_no_directory_and_makes_no_exception() {
    let site = Site::open(&["--mode", "code-only"]);
    let door = &site.door;
    door.ok(&["user", "add", "exempt@contoso.example", "--exempt"]);
    Table::new(&site, &["anna", "ben"]).try_all(
        "
        code       | anna   | now      | accept | accepted            | 0
        R16: again | anna   | now      | reject | code-used           | 0
        wrong      | ben    | wrong    | reject | wrong-code          | 0
        exempt     | exempt | password | reject | exempt-at-code-only | 0
        unmatched  | nobody | '123456' | reject | unknown-user        | 0
        ",
    );
    for mode in ["append", "challenge"] {
        let said = door.cli(&["client", "add", "x", "192.0.2.9", "--first", "none", "--mode", mode]);
        assert_eq!(said.status, 2, "R2: {mode}: {said:?}");
    }
}

#[test]
fn append_mode_knows_orders_and_delimiters() {
    let site = Site::open(&["--order", "code-password", "--delimiter", ","]);
    let door = &site.door;
    let anna = door.enrolled("anna@contoso.example");
    let ben = door.enrolled("ben@contoso.example");
    assert_eq!(site.login("anna", &format!("{},{PASSWORD}", anna.code())), ACCEPT);
    assert_eq!(site.login("ben", &format!("{PASSWORD},{}", ben.code())), REJECT);
    door.ok(&["client", "set", "vpn", "--order", "password-code"]);
    assert_eq!(site.login("ben", &format!("{PASSWORD},{}", ben.code())), ACCEPT);
    door.ok(&["client", "set", "vpn", "--delimiter", ""]);
    assert_eq!(site.login("ben", &format!("{PASSWORD}{}", ben.later(1))), ACCEPT);
}

#[test]
fn r3_all_spellings_of_a_name_are_one_user() {
    let site = Site::open(&[]);
    let door = &site.door;
    let user = "anna@contoso.example";
    let token = door.enrolled(user);
    let mut rows = Rows::default();
    let code = token.code();
    rows.same(
        "CONTOSO\\anna",
        ACCEPT,
        site.login("CONTOSO\\anna", &format!("{PASSWORD}{code}")),
    );
    let on_record = || {
        door.logins(user)
            .iter()
            .filter_map(|entry| entry["count"].as_u64())
            .sum::<u64>()
    };
    for (n, spelling) in [
        "anna",
        "ANNA",
        "Anna@Contoso.Example",
        "contoso\\ANNA",
        "ａｎｎａ@contoso.example",
    ]
    .iter()
    .enumerate()
    {
        rows.same(spelling, REJECT, site.login(spelling, &format!("{PASSWORD}{code}")));
        rows.same(spelling, "code-used".to_owned(), door.reason(user));
        rows.hold(&format!("{spelling}: on {user}'s record"), n > 0 || on_record() > 1);
    }
    let next = format!("{PASSWORD}{}", token.later(1));
    rows.same("a prefix of nobody's", REJECT, site.login("FABRIKAM\\anna", &next));
    rows.same(
        "one user in all",
        1,
        door.json(&["user", "list"])["users"].as_array().unwrap().len(),
    );
    rows.same(
        "added again in capitals",
        1,
        door.cli(&["user", "add", "ANNA@contoso.example"]).status,
    );
    rows.end();
}

#[test]
fn r11_all_rejects_look_alike_and_none_leaves_early() {
    let site = Site::open(&["--reject-delay", "1s"]);
    let door = &site.door;
    let [anna, ben, fay] = ["anna", "ben", "fay"].map(|name| door.enrolled(&full(name)));
    door.user("notoken@contoso.example");
    door.ok(&["user", "disable", "fay@contoso.example"]);
    let tries = [
        ("unknown", "nobody", format!("{PASSWORD}123456")),
        ("disabled", "fay", format!("{PASSWORD}{}", fay.code())),
        ("no token", "notoken", format!("{PASSWORD}123456")),
        ("wrong code", "anna", format!("{PASSWORD}{}", anna.wrong())),
        ("wrong password", "ben", format!("wrong{}", ben.code())),
        ("no code", "anna", "x".into()),
        ("refused by policy", "code-53003", format!("{PASSWORD}123456")),
        ("no such domain", "anna@fabrikam.example", format!("{PASSWORD}123456")),
        ("bad name", "@@", format!("{PASSWORD}123456")),
    ];
    let ask = |user: &str, credential: &str| site.nas.ask(&Request::login(user, credential));
    let replies: Vec<_> = std::thread::scope(|scope| {
        let each = tries
            .iter()
            .map(|(name, user, credential)| (*name, scope.spawn(|| ask(user, credential))));
        let started: Vec<_> = each.collect();
        started
            .into_iter()
            .map(|(name, thread)| (name, thread.join().unwrap()))
            .collect()
    });
    let mut rows = Rows::default();
    for (name, reply) in &replies {
        rows.same(name, replies[0].1.shape(), reply.shape());
        rows.same(name, REJECT, reply.code);
        rows.hold(
            &format!("{name}: no reason goes out"),
            reply.all(REPLY_MESSAGE).is_empty(),
        );
        rows.hold(
            &format!("{name}: after {:?}", reply.took),
            reply.took >= Duration::from_secs(1),
        );
        rows.hold(
            &format!("{name}: late: {:?}", reply.took),
            reply.took < Duration::from_millis(1600),
        );
    }
    rows.end();
}
