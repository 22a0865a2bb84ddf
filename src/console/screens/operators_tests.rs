use super::*;
use crate::console::testing::{Desk, NOON, snapshot};
use crate::control::{FailureKind, OperatorList, OperatorSet, Role};
use std::time::Duration;

fn operator(name: &str, role: Role) -> OperatorInfo {
    OperatorInfo {
        name: name.to_owned(),
        role,
        enabled: true,
        token: false,
        token_pending: false,
        locked_seconds: None,
        created: NOON.minus(Duration::from_secs(864_000)),
        last: Some(NOON.minus(Duration::from_secs(86_400))),
        lines: Vec::new(),
    }
}

fn operators() -> Vec<OperatorInfo> {
    vec![
        OperatorInfo {
            token: true,
            lines: vec!["ttyS0".to_owned(), "tty1".to_owned()],
            ..operator("anna", Role::Installer)
        },
        OperatorInfo {
            locked_seconds: Some(230),
            ..operator("berta", Role::Helpdesk)
        },
        OperatorInfo {
            enabled: false,
            token_pending: true,
            last: None,
            ..operator("carl.with-the-longest-name_1234567".get(..32).unwrap(), Role::Auditor)
        },
    ]
}

fn answer(desk: &mut Desk, operators: Vec<OperatorInfo>) {
    let answer = Answer::Operators(OperatorList { operators });
    desk.answer(|r| *r == Request::OperatorList, Ok(answer));
}

fn list() -> Desk {
    let mut desk = Desk::on(Box::new(Operators::new()), Role::Installer);
    answer(&mut desk, operators());
    desk
}

fn last(desk: &Desk) -> Request {
    desk.asked.last().map(|(_, request)| request.clone()).unwrap()
}

#[test]
fn the_marker_stays_with_its_operator() {
    let mut desk = list();
    desk.keys(&[Key::Down]);
    let effects = desk.app.open_for_test(Box::new(super::super::system::System::new()));
    drop(effects);
    desk.keys(&[Key::Esc]);
    let mut more = operators();
    more.insert(0, operator("aaron", Role::Auditor));
    answer(&mut desk, more);
    assert!(desk.text().contains("> berta"), "{}", desk.text());
}

#[test]
fn an_operator_is_added_and_a_refusal_loses_nothing_but_the_passwords() {
    let mut desk = list();
    desk.keys(&[Key::Char('n')]);
    desk.types("Dora");
    desk.keys(&[Key::Enter, Key::Right, Key::Enter]);
    desk.types("quiet lamp");
    assert!(desk.text().contains("10 of at least 12 characters."), "{}", desk.text());
    desk.types(" over stone");
    desk.keys(&[Key::Enter]);
    desk.types("quiet lamp over");
    desk.keys(&[Key::Enter]);
    assert!(desk.text().contains("The two differ"), "{}", desk.text());
    desk.types(" stone");
    desk.keys(&[Key::Enter]);
    let Request::OperatorAdd(add) = last(&desk) else {
        panic!("{:?}", desk.asked)
    };
    assert_eq!(
        (add.name.as_str(), add.role, add.line.as_str()),
        ("ora", Role::Auditor, "ttyS0")
    );
    assert_eq!(add.password.expose_str(), Some("quiet lamp over stone"));
    let failure = Failure::new(FailureKind::Exists, "there is an operator ora already");
    desk.answer(|r| matches!(r, Request::OperatorAdd(_)), Err(failure));
    let text = desk.text();
    assert!(
        text.contains("[ora ") && text.contains("< auditor >") && !text.contains('*'),
        "{text}"
    );
    assert!(text.contains("Not done: there is an operator ora already"));
}

#[test]
fn what_can_be_seen_to_be_wrong_is_not_asked() {
    let mut desk = list();
    desk.asked.clear();
    desk.keys(&[Key::Char('n')]);
    desk.types("d");
    desk.keys(&[Key::Enter, Key::Enter]);
    desk.types("quiet lamp over stone");
    desk.keys(&[Key::Enter]);
    desk.types("quiet lamp over stone");
    desk.keys(&[Key::Enter]);
    assert!(desk.asked.is_empty());
    assert!(
        desk.text().contains("> Name") && desk.text().contains("2 to 32"),
        "{}",
        desk.text()
    );
}

#[test]
fn r21_no_password_stands_in_what_a_form_prints() {
    let mut form = OperatorForm::own("anna");
    let desk = list();
    for character in "quiet lamp".chars() {
        form.on(Key::Char(character), desk.app.context());
    }
    let printed = format!("{form:?}");
    assert!(!printed.contains("quiet"), "{printed}");
    assert_eq!(form.secret_typed(), Some(10));
}

/// The second operator's screen, its list answered.
fn second() -> Desk {
    let mut desk = list();
    desk.keys(&[Key::Down, Key::Enter]);
    answer(&mut desk, operators());
    desk
}

#[test]
fn the_operators_menu_says_what_may_be_done_now() {
    let mut desk = second();
    assert!(desk.text().contains("u Unlock") && desk.text().contains("d Disable"));
    assert!(!desk.text().contains("No token"));
    desk.keys(&[Key::Char('u')]);
    assert_eq!(last(&desk).word(), "operator unlock");
    let done = Answer::Done {
        done: "berta is unlocked".to_owned(),
    };
    desk.answer(|r| r.word() == "operator unlock", Ok(done));
    assert!(desk.text().contains("berta is unlocked"));
    let mut now = operators();
    now[1].locked_seconds = None;
    now[1].token = true;
    answer(&mut desk, now);
    assert!(!desk.text().contains("u Unlock") && desk.text().contains("n No token any more"));
}

#[test]
fn disabling_and_removing_ask_first_and_enabling_does_not() {
    let mut desk = second();
    desk.asked.clear();
    desk.keys(&[Key::Char('x'), Key::Esc]);
    assert!(!desk.asked.iter().any(|(_, r)| r.word() == "operator remove"));
    desk.keys(&[Key::Char('x'), Key::Enter, Key::Char('y'), Key::Enter]);
    assert_eq!(desk.app.screen(), "confirm", "it takes the name, not a habit");
    desk.keys(&[Key::Backspace]);
    desk.types("berta");
    desk.keys(&[Key::Enter]);
    let done = Answer::Done {
        done: "berta is removed".to_owned(),
    };
    desk.answer(|r| r.word() == "operator remove", Ok(done));
    assert_eq!(desk.app.screen(), "operators");
    assert!(desk.text().contains("berta is removed"));

    let mut desk = second();
    desk.keys(&[Key::Char('d'), Key::Enter]);
    let wanted = |enabled| {
        Request::OperatorSet(OperatorSet {
            name: "berta".to_owned(),
            role: None,
            enabled: Some(enabled),
            password: None,
        })
    };
    let disabled = OperatorInfo {
        enabled: false,
        ..operator("berta", Role::Helpdesk)
    };
    desk.answer(|r| *r == wanted(false), Ok(Answer::Operator(disabled)));
    assert!(desk.text().contains("berta is disabled") && desk.text().contains("e Enable"));
    desk.keys(&[Key::Char('e')]);
    assert_eq!(last(&desk), wanted(true));
}

#[test]
fn a_role_is_changed_by_arrows() {
    let mut desk = second();
    desk.keys(&[Key::Char('r'), Key::Left, Key::Enter]);
    let Request::OperatorSet(set) = last(&desk) else {
        panic!("{:?}", desk.asked)
    };
    assert_eq!((set.name.as_str(), set.role), ("berta", Some(Role::Installer)));
    let changed = Answer::Operator(operator("berta", Role::Installer));
    desk.answer(|r| matches!(r, Request::OperatorSet(_)), Ok(changed));
    assert_eq!(desk.app.screen(), "operator");
    assert!(desk.text().contains("berta is an installer now"));
}

#[test]
fn a_lock_that_runs_out_is_seen_to() {
    let mut desk = list();
    desk.wait(31);
    let mut now = operators();
    now[1].locked_seconds = None;
    answer(&mut desk, now);
    assert!(!desk.text().contains("locked"), "{}", desk.text());
    desk.wait(60);
    assert!(
        desk.asked.iter().all(|(_, r)| *r != Request::OperatorList),
        "nobody is locked"
    );
}

#[test]
fn an_operator_who_is_gone_closes_the_screen() {
    let mut desk = list();
    desk.keys(&[Key::Down, Key::Enter]);
    answer(&mut desk, operators().into_iter().take(1).collect());
    assert_eq!(desk.app.screen(), "operators");
    assert!(desk.text().contains("berta is not an operator any more"));
}

#[test]
fn screens() {
    snapshot("operators", |desk| {
        desk.open(Box::new(Operators::new()), Role::Installer);
        answer(desk, operators());
    });
    snapshot("operator", |desk| {
        desk.open(Box::new(Operators::new()), Role::Installer);
        answer(desk, operators());
        desk.keys(&[Key::Down, Key::Enter]);
        answer(desk, operators());
    });
    snapshot("operator-add", |desk| {
        desk.open(Box::new(OperatorForm::add()), Role::Installer);
        desk.types("dora");
        desk.keys(&[Key::Enter, Key::Enter]);
        desk.types("quiet l");
    });
    snapshot("operator-role", |desk| {
        desk.open(
            Box::new(OperatorForm::role(&operator("berta", Role::Helpdesk))),
            Role::Installer,
        );
    });
    snapshot("own-password", |desk| {
        desk.open(Box::new(OperatorForm::own("anna")), Role::Helpdesk);
        desk.types("the old password");
        desk.keys(&[Key::Enter]);
        desk.types("quiet lamp over stone");
        desk.keys(&[Key::Enter]);
        desk.types("quiet lamb");
    });
}
