use std::time::Duration;

use super::*;
use crate::console::testing::{Desk, NOON, snapshot};
use crate::control::{Algorithm, BudgetInfo, LockInfo, Role, TokenInfo, TokenStatus, UserRow};

const ANNA: &str = "anna@contoso.example";

fn token(id: u64, status: TokenStatus) -> TokenInfo {
    TokenInfo {
        id: TokenId(id),
        user: ANNA.to_owned(),
        status,
        algorithm: Algorithm::Sha1,
        digits: 6,
        period: Some(30),
        counter: None,
        serial: String::new(),
        model: String::new(),
        source: crate::control::TokenSource::App,
        created: NOON.minus(Duration::from_secs(86_400 * 3)),
        drift_seconds: 0,
        last_code: None,
    }
}

fn anna() -> UserInfo {
    UserInfo {
        row: UserRow {
            name: ANNA.to_owned(),
            enabled: true,
            exempt: false,
            local_password: false,
            active_tokens: 1,
            pending_tokens: 0,
            resync_tokens: 0,
            locked: false,
        },
        created: NOON.minus(Duration::from_secs(86_400 * 40)),
        tokens: vec![TokenInfo {
            last_code: Some(NOON.minus(Duration::from_secs(240))),
            drift_seconds: 30,
            ..token(3, TokenStatus::Active)
        }],
        locks: Vec::new(),
        budget: Some(BudgetInfo { spent: 1, of: 6 }),
        bypass_until: None,
    }
}

fn locked() -> UserInfo {
    let mut info = anna();
    info.row.locked = true;
    info.locks = vec![
        LockInfo {
            place: "at a calling station".to_owned(),
            wrong: 10,
            until: Some(NOON.plus(Duration::from_secs(900))),
        },
        LockInfo {
            place: "at every new station".to_owned(),
            wrong: 50,
            until: None,
        },
    ];
    info
}

fn busy() -> UserInfo {
    let mut info = locked();
    info.row.name = "a.very.long.name.of.björn.ångström.and.others@subsidiary.contoso.example".to_owned();
    info.row.pending_tokens = 1;
    info.row.active_tokens = 2;
    info.row.local_password = true;
    info.budget = None;
    info.bypass_until = Some(NOON.plus(Duration::from_secs(300)));
    info.tokens = vec![
        TokenInfo {
            serial: "1100004821".to_owned(),
            model: "Model c200 of a manufacturer".to_owned(),
            algorithm: Algorithm::Sha256,
            digits: 8,
            period: Some(60),
            drift_seconds: -120,
            ..anna().tokens[0].clone()
        },
        token(7, TokenStatus::Pending),
        token(12, TokenStatus::Active),
    ];
    info
}

fn shown_to(desk: &mut Desk, info: UserInfo, role: Role) {
    desk.open(Box::new(User::new(ANNA)), role);
    answer(desk, info);
}

fn answer(desk: &mut Desk, info: UserInfo) {
    desk.answer(
        |request| matches!(request, Request::UserShow { .. }),
        Ok(Answer::User(Box::new(info))),
    );
}

fn with(info: UserInfo, role: Role) -> Desk {
    let mut desk = Desk::new(80, 24, Default::default());
    shown_to(&mut desk, info, role);
    desk
}

fn done(desk: &mut Desk, words: &str) {
    desk.answer(
        |request| !matches!(request, Request::UserShow { .. } | Request::Stay | Request::Watch),
        Ok(Answer::Done { done: words.to_owned() }),
    );
}

#[test]
fn unlocking_is_one_key_and_what_was_done_is_said() {
    let mut desk = with(locked(), Role::Helpdesk);
    desk.keys(&[Key::Char('u')]);
    assert_eq!(desk.last_word(), "user unlock");
    done(&mut desk, "anna@contoso.example is unlocked");
    assert!(desk.text().contains("anna@contoso.example is unlocked"));
    answer(&mut desk, anna());
    assert!(desk.text().contains("May log in"));
    // And by the list: a locked user's first row.
    let mut desk = with(locked(), Role::Helpdesk);
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.last_word(), "user unlock");
}

#[test]
fn letters_and_the_list_do_the_same() {
    for (letter, screen) in [
        ('e', "enrol"),
        ('h', "program"),
        ('s', "tokens-serial"),
        ('r', "resync"),
        ('b', "bypass"),
        ('w', "why"),
        ('d', "confirm"),
        ('x', "confirm"),
        ('p', "local-password"),
        ('t', "confirm"),
    ] {
        let mut desk = with(anna(), Role::Installer);
        desk.keys(&[Key::Char(letter)]);
        assert_eq!(desk.app.screen(), screen, "{letter}");
        let mut desk = with(anna(), Role::Installer);
        for _ in 0..20 {
            let marked = desk
                .text()
                .lines()
                .any(|line| line.starts_with(&format!("> {letter} ")));
            if marked {
                break;
            }
            desk.keys(&[Key::Down]);
        }
        desk.keys(&[Key::Enter]);
        assert_eq!(desk.app.screen(), screen, "{letter} by the list");
    }
}

#[test]
fn each_role_is_offered_what_it_may() {
    let letters = |role| -> String {
        let desk = with(busy(), role);
        let rows = desk.text();
        let rows = rows.lines().skip(4).filter_map(|line| line.get(2..5));
        rows.map(str::trim)
            .filter(|letter| letter.len() == 1 || *letter == "Del")
            .collect()
    };
    assert_eq!(letters(Role::Auditor), "w");
    assert_eq!(letters(Role::Helpdesk), "uctehsrbw");
    assert_eq!(letters(Role::Installer), "uctehsrbwdxpDel");
    let mut desk = with(anna(), Role::Helpdesk);
    desk.keys(&[Key::Char('d'), Key::Char('x'), Key::Char('p'), Key::Delete]);
    assert_eq!((desk.app.screen(), desk.asked.len()), ("user", 0));
}

#[test]
fn a_token_whose_key_nobody_saw_can_be_removed_where_it_would_be_confirmed() {
    let mut info = anna();
    (info.row.active_tokens, info.row.pending_tokens) = (0, 1);
    info.tokens = vec![token(3, TokenStatus::Pending)];
    let mut desk = with(info.clone(), Role::Helpdesk);
    assert!(
        desk.text().contains("key never seen? remove the token"),
        "{}",
        desk.text()
    );
    desk.keys(&[Key::Down, Key::Enter]);
    assert!(desk.text().contains("Remove token #3"), "{}", desk.text());
    // The key of a device is in the device.
    info.tokens[0].serial = "1100004821".to_owned();
    assert!(!with(info, Role::Helpdesk).text().contains("key never seen"));
}

#[test]
fn disable_and_enable_ask_first() {
    let mut desk = with(anna(), Role::Installer);
    desk.keys(&[Key::Char('d')]);
    assert!(desk.asked.is_empty());
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.asked[0].1.word(), "user disable");
    let mut off = anna();
    off.row.enabled = false;
    let mut desk = with(off, Role::Installer);
    desk.keys(&[Key::Char('d')]);
    assert_eq!((desk.app.screen(), desk.asked.len()), ("confirm", 0));
    desk.keys(&[Key::Char('y')]);
    assert!(desk.asked.iter().any(|(_, request)| request.word() == "user enable"));
}

#[test]
fn an_enter_too_many_does_not_take_back_what_was_done() {
    let mut desk = with(anna(), Role::Installer);
    let to = |desk: &mut Desk, words: &str| {
        for _ in 0..12 {
            if desk
                .text()
                .lines()
                .any(|line| line.starts_with("> ") && line.contains(words))
            {
                return;
            }
            desk.keys(&[Key::Down]);
        }
        panic!("no {words}: {}", desk.text());
    };
    let mut off = anna();
    off.row.enabled = false;
    to(&mut desk, "Disable");
    desk.keys(&[Key::Enter, Key::Enter]);
    done(&mut desk, "anna@contoso.example is disabled");
    while desk.last_word() == "user show" {
        answer(&mut desk, off.clone());
    }
    assert!(desk.text().contains("Disabled"), "{}", desk.text());
    desk.keys(&[Key::Enter, Key::Enter, Key::Enter]);
    assert_eq!((desk.app.screen(), desk.asked.len()), ("user", 0), "{:?}", desk.asked);
    // An exemption answers with the user at once.
    let mut desk = with(anna(), Role::Installer);
    let mut exempt = anna();
    exempt.row.exempt = true;
    to(&mut desk, "Exempt");
    desk.keys(&[Key::Enter, Key::Enter]);
    desk.answer(
        |request| matches!(request, Request::UserSet(_)),
        Ok(Answer::User(Box::new(exempt.clone()))),
    );
    while desk.last_word() == "user show" {
        answer(&mut desk, exempt.clone());
    }
    desk.keys(&[Key::Enter, Key::Enter]);
    assert_eq!((desk.app.screen(), desk.asked.len()), ("user", 0), "{:?}", desk.asked);
    desk.keys(&[Key::Down]);
    assert!(desk.text().lines().any(|line| line.starts_with("> ")));
}

#[test]
fn r2_an_exemption_says_what_it_means_and_asks() {
    let mut desk = with(anna(), Role::Installer);
    desk.keys(&[Key::Char('x')]);
    assert!(desk.text().contains("password alone: no code is asked"));
    desk.keys(&[Key::Char('y')]);
    let Some((_, Request::UserSet(set))) = desk.asked.first() else {
        panic!("{:?}", desk.asked);
    };
    assert_eq!((set.exempt, &set.password), (Some(true), &None));
    let mut exempt = anna();
    exempt.row.exempt = true;
    desk.answer(
        |request| matches!(request, Request::UserSet(_)),
        Ok(Answer::User(Box::new(exempt))),
    );
    assert!(desk.text().contains("is exempt: no code is asked for"));
    desk.keys(&[Key::Char('x')]);
    assert_eq!(
        desk.asked.last().unwrap().1.word(),
        "user set",
        "taken back without a question"
    );
}

#[test]
fn one_of_several_tokens_is_chosen_and_its_removal_confirmed() {
    let mut desk = with(busy(), Role::Helpdesk);
    desk.keys(&[Key::Char('t')]);
    assert_eq!(desk.app.screen(), "choose");
    desk.keys(&[Key::Down, Key::Enter]);
    assert!(desk.text().contains("Remove token #7"));
    assert!(!desk.text().contains("the only one"));
    desk.keys(&[Key::Enter]);
    assert!(
        desk.asked
            .iter()
            .any(|(_, request)| matches!(request, Request::TokenRemove { id: TokenId(7), .. }))
    );
    // The last one that counts says so.
    let mut desk = with(anna(), Role::Helpdesk);
    desk.keys(&[Key::Char('t')]);
    assert!(desk.text().contains("the only one that counts"));
}

#[test]
fn removing_a_user_takes_a_word_and_closes_the_screen() {
    let mut desk = with(anna(), Role::Installer);
    desk.keys(&[Key::Delete, Key::Enter]);
    desk.types("anna");
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.asked[0].1.word(), "user remove");
    done(&mut desk, "anna@contoso.example is removed, with all tokens");
    assert!(desk.text().contains("is removed"));
    assert_eq!(desk.app.screen(), "home");
}

#[test]
fn a_local_password_can_be_taken_away_again() {
    let mut info = anna();
    info.row.local_password = true;
    let mut desk = with(info, Role::Installer);
    desk.keys(&[Key::Char('p'), Key::Down, Key::Enter, Key::Enter]);
    let set = desk.asked.iter().find_map(|(_, request)| match request {
        Request::UserSet(set) => Some(set.password.clone()),
        _ => None,
    });
    assert_eq!(set, Some(Some(PasswordChange::Remove)));
}

#[test]
fn a_user_who_is_gone_closes_the_screen() {
    let mut desk = Desk::on(Box::new(User::new("nobody")), Role::Helpdesk);
    desk.answer(|_| true, Err(Failure::not_found("there is no user nobody")));
    assert!(desk.text().contains("there is no user nobody"));
    assert_eq!(desk.app.screen(), "home");
}

#[test]
fn the_standing_names_the_gravest_first() {
    let with = |change: fn(&mut UserInfo)| {
        let mut info = anna();
        change(&mut info);
        facts::standing(&info).0
    };
    assert!(with(|_| ()).starts_with("May log in"));
    assert!(with(|info| info.row.locked = true).starts_with("Locked"));
    assert!(with(|info| info.row.active_tokens = 0).starts_with("No token"));
    assert!(with(|info| (info.row.active_tokens, info.row.pending_tokens) = (0, 1)).starts_with("Token not confirmed"));
    assert!(with(|info| (info.row.active_tokens, info.row.resync_tokens) = (0, 1)).starts_with("Token needs a resync"));
    assert!(with(|info| info.row.exempt = true).starts_with("Exempt"));
    assert!(with(|info| (info.row.enabled, info.row.locked) = (false, true)).starts_with("Disabled"));
    assert!(with(|info| info.budget = Some(BudgetInfo { spent: 6, of: 6 })).starts_with("Too many wrong passwords"));
}

#[test]
fn screens() {
    snapshot("user", |desk| shown_to(desk, anna(), Role::Installer));
    snapshot("user-locked", |desk| shown_to(desk, locked(), Role::Helpdesk));
    snapshot("user-busy", |desk| shown_to(desk, busy(), Role::Installer));
    snapshot("user-auditor", |desk| shown_to(desk, anna(), Role::Auditor));
    snapshot("user-new", |desk| {
        let mut info = anna();
        (info.tokens, info.row.active_tokens) = (Vec::new(), 0);
        shown_to(desk, info, Role::Helpdesk);
    });
    snapshot("user-hardware", |desk| {
        let mut info = anna();
        (info.row.active_tokens, info.row.pending_tokens) = (0, 2);
        let hardware = |id, serial: &str, written| TokenInfo {
            serial: serial.to_owned(),
            model: "OTPC-P2-i".to_owned(),
            source: crate::control::TokenSource::Programmed(crate::control::Programmed { profile: None, written }),
            ..token(id, TokenStatus::Pending)
        };
        let written = Some(NOON.minus(Duration::from_secs(600)));
        info.tokens = vec![
            hardware(3, "8659622000001", written),
            hardware(4, "8659622000002", None),
        ];
        shown_to(desk, info, Role::Helpdesk);
    });
    snapshot("user-remove-token", |desk| {
        shown_to(desk, busy(), Role::Helpdesk);
        desk.keys(&[Key::Char('t')]);
    });
    snapshot("user-exempt", |desk| {
        shown_to(desk, anna(), Role::Installer);
        desk.keys(&[Key::Char('x')]);
    });
}
