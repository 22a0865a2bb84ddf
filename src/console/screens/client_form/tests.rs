use super::*;
use crate::console::guide::samples::{SECRET, client};
use crate::console::testing::{Desk, snapshot};
use crate::control::{ClientMade, Delimiter, Order, Role};
use crate::secret::Secret;

fn desk(form: ClientForm) -> Desk {
    Desk::on(Box::new(form), Role::Installer)
}

fn asked(desk: &Desk) -> &Request {
    &desk.asked.last().expect("something was asked").1
}

#[test]
fn the_pages() {
    snapshot("client-form", |desk| {
        desk.open(Box::new(ClientForm::add("192.0.2.77")), Role::Installer)
    });
    snapshot("client-form-wrong", |desk| {
        desk.open(Box::new(ClientForm::add("192.0.2.7/24")), Role::Installer);
        desk.keys(&[Key::Down, Key::Down, Key::Up]);
    });
    snapshot("client-form-first", |desk| {
        desk.open(Box::new(ClientForm::first(First::Entra, "")), Role::Installer);
        desk.types("gw-1");
        desk.keys(&[Key::Down, Key::Down, Key::Right]);
    });
    snapshot("client-form-more", |desk| {
        let info = client("gw-1", "192.0.2.10");
        desk.open(Box::new(ClientForm::edit(&info)), Role::Installer);
        desk.keys(&[
            Key::Down,
            Key::Down,
            Key::Down,
            Key::Down,
            Key::Down,
            Key::Right,
            Key::Enter,
        ]);
    });
}

#[test]
fn a_new_client_with_the_defaults_names_nothing_but_name_and_address() {
    let mut desk = desk(ClientForm::add(""));
    desk.types("gw-1");
    desk.keys(&[Key::Enter]);
    desk.types("192.0.2.10");
    desk.keys(&[Key::Enter, Key::Enter, Key::Enter, Key::Enter, Key::Enter]);
    let wanted = ClientAdd {
        name: "gw-1".to_owned(),
        net: parse_net("192.0.2.10").unwrap(),
        fields: ClientFields::default(),
    };
    assert_eq!(*asked(&desk), Request::ClientAdd(wanted));
    let made = ClientMade {
        client: client("gw-1", "192.0.2.10"),
        secret: Some(Secret::from(SECRET)),
    };
    desk.answer(
        |r| matches!(r, Request::ClientAdd(_)),
        Ok(Answer::ClientMade(Box::new(made))),
    );
    assert_eq!(desk.app.screen(), "client-secret");
}

#[test]
fn r2_code_only_implies_none_and_nothing_else_may() {
    let mut desk = desk(ClientForm::add("192.0.2.10"));
    desk.types("gw-1");
    // Left from append is code-only.
    desk.keys(&[Key::Down, Key::Down, Key::Left]);
    assert!(desk.text().contains("< none >"));
    desk.keys(&[Key::Down, Key::Left]);
    assert!(desk.text().contains("Mode code-only checks no password"));
    desk.keys(&[Key::Up, Key::Right]);
    assert!(
        desk.text().contains("< local >"),
        "what was chosen stays where it is no contradiction"
    );
    desk.keys(&[Key::Left, Key::Down, Key::Down, Key::Down, Key::Enter]);
    let Request::ClientAdd(add) = asked(&desk) else {
        panic!()
    };
    assert_eq!(
        (add.fields.mode, add.fields.first),
        (Some(Mode::CodeOnly), Some(First::None))
    );
}

#[test]
fn what_is_wrong_is_said_at_its_row_and_nothing_typed_is_lost() {
    let mut desk = desk(ClientForm::add(""));
    desk.types("-gw");
    assert!(desk.text().contains("-gw is no name for a client"), "as it is typed");
    desk.keys(&[Key::Enter]);
    desk.types("192.0.2.7/24");
    desk.keys(&[Key::Enter, Key::Enter, Key::Enter, Key::Enter, Key::Enter]);
    assert!(desk.asked.is_empty());
    assert!(desk.text().contains("> Name"), "goes to the first wrong row");
    desk.keys(&[Key::Home, Key::Delete, Key::Down]);
    assert!(desk.text().contains("did you mean 192.0.2.0/24"));
    assert!(desk.text().contains("[192.0.2.7/24 "));
}

#[test]
fn only_what_was_changed_is_asked_for() {
    let info = client("gw-1", "192.0.2.10");
    let mut desk = desk(ClientForm::edit(&info));
    let to_then = [Key::Down; 5];
    desk.keys(&to_then);
    desk.keys(&[Key::Right, Key::Enter]);
    assert_eq!(desk.app.screen(), "client-form-more");
    // Order and delimiter, then straight to the last row.
    desk.keys(&[Key::Right, Key::Down, Key::Char(','), Key::Down]);
    desk.keys(&[Key::Down; 8]);
    desk.keys(&[Key::Enter]);
    let wanted = ClientSet {
        name: "gw-1".to_owned(),
        rename: None,
        net: None,
        fields: ClientFields {
            order: Some(Order::CodePassword),
            delimiter: Some(Delimiter::Is(',')),
            ..ClientFields::default()
        },
        make_secret: false,
    };
    assert_eq!(*asked(&desk), Request::ClientSet(wanted));
}

#[test]
fn nothing_changed_asks_nothing() {
    let info = client("gw-1", "192.0.2.10");
    let mut desk = desk(ClientForm::edit(&info));
    desk.keys(&[Key::Down; 5]);
    desk.keys(&[Key::Enter]);
    assert!(desk.asked.is_empty());
    assert!(desk.text().contains("Nothing was changed."));
}

#[test]
fn a_wrong_time_on_the_second_page_is_said_there() {
    let mut desk = desk(ClientForm::add("192.0.2.10"));
    desk.types("gw-1");
    desk.keys(&[Key::Down; 5]);
    desk.keys(&[Key::Right, Key::Enter, Key::Down, Key::Down, Key::Down]);
    desk.keys(&[Key::Backspace]);
    desk.keys(&[Key::Down; 7]);
    desk.keys(&[Key::Enter]);
    assert!(desk.asked.is_empty());
    assert!(desk.text().contains("2.5 is no time: write 500ms, 2.5s or 1m"));
    desk.keys(&[Key::Esc]);
    assert_eq!(
        desk.app.screen(),
        "client-form",
        "Esc goes to the first page, and what was typed stays"
    );
    assert!(desk.text().contains("[gw-1 "));
}

#[test]
fn a_failure_leaves_the_form_as_it_is() {
    let mut desk = desk(ClientForm::first(First::Local, "192.0.2.10"));
    desk.types("gw-1");
    desk.keys(&[Key::Enter, Key::Enter, Key::Enter]);
    let Request::ClientAdd(add) = asked(&desk) else {
        panic!()
    };
    assert_eq!(add.fields.mode, Some(Mode::Challenge), "FortiGate's mode");
    assert_eq!(add.fields.first, Some(First::Local));
    desk.answer(
        |_| true,
        Err(Failure::exists("there is a client gw-1 already: choose another name")),
    );
    assert!(desk.text().contains("Not done: there is a client gw-1 already"));
    assert!(desk.text().contains("[gw-1 "));
}
