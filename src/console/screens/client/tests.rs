use super::*;
use crate::console::guide::samples::{ago, client};
use crate::console::testing::{Desk, snapshot};

fn show(desk: &mut Desk, info: ClientInfo, role: Role) {
    desk.open(Box::new(Client::new(&info.name)), role);
    desk.answer(
        |request| matches!(request, Request::ClientShow { .. }),
        Ok(Answer::Client(Box::new(info))),
    );
}

fn troubled() -> ClientInfo {
    let mut info = client("gw-2", "192.0.2.11");
    info.mode = Mode::Challenge;
    info.last_packet = None;
    info.seen.wrong_secret = 12;
    info.seen.wrong_secret_last = Some(ago(1));
    info.seen.calling_station = Some(false);
    info
}

#[test]
fn the_screen_well_and_in_trouble() {
    snapshot("client", |desk| {
        show(desk, client("gw-1", "192.0.2.10"), Role::Installer)
    });
    snapshot("client-trouble", |desk| show(desk, troubled(), Role::Installer));
    snapshot("client-changed", |desk| {
        let mut info = client("büro-köln", "2001:db8:9:1::/64");
        info.order = Order::CodePassword;
        info.delimiter = Some(',');
        info.unavailable = Unavailable::Drop;
        info.prompt = "Код из приложения".to_owned();
        info.charset = Charset::Latin1;
        info.in_flight = 50;
        info.require_message_authenticator = false;
        info.unmatched = Unmatched::PasswordOnly;
        info.seen.method = "MS-CHAP".to_owned();
        info.warnings =
            vec!["users that are not in the store come in by their password alone, without a second factor".to_owned()];
        show(desk, info, Role::Auditor);
    });
}

#[test]
fn removing_asks_for_the_name_and_goes_back() {
    let mut desk = Desk::on(
        Box::new(crate::console::screens::waiting::Waiting::new("")),
        Role::Installer,
    );
    show(&mut desk, client("gw-1", "192.0.2.10"), Role::Installer);
    desk.asked.clear();
    desk.keys(&[Key::Delete, Key::Enter]);
    assert_eq!(desk.app.screen(), "confirm");
    assert!(desk.asked.is_empty(), "Enter alone removes nothing");
    desk.types("gw-1");
    desk.keys(&[Key::Enter]);
    let done = "client gw-1 is removed".to_owned();
    desk.answer(
        |request| {
            *request
                == Request::ClientRemove {
                    name: "gw-1".to_owned(),
                }
        },
        Ok(Answer::Done { done }),
    );
    assert_ne!(desk.app.screen(), "client");
    assert!(desk.text().contains("client gw-1 is removed"));
}

#[test]
fn an_auditor_cannot_begin_a_change() {
    let mut desk = Desk::on(
        Box::new(crate::console::screens::waiting::Waiting::new("")),
        Role::Helpdesk,
    );
    show(&mut desk, client("gw-1", "192.0.2.10"), Role::Helpdesk);
    desk.keys(&[Key::Char('e'), Key::Char('s'), Key::Delete]);
    assert_eq!(desk.app.screen(), "client");
    // Arrows and Enter offer the guide alone.
    desk.keys(&[Key::Enter]);
    assert!(!desk.text().contains("Edit"));
    desk.keys(&[Key::Enter]);
    assert_eq!(desk.app.screen(), "client-guide-choice");
}

#[test]
fn one_that_was_removed_elsewhere_closes() {
    let mut desk = Desk::on(
        Box::new(crate::console::screens::waiting::Waiting::new("")),
        Role::Auditor,
    );
    desk.open(Box::new(Client::new("gw-1")), Role::Auditor);
    desk.answer(|_| true, Err(Failure::not_found("there is no client gw-1")));
    assert_ne!(desk.app.screen(), "client");
    assert!(desk.text().contains("there is no client gw-1"));
}

#[test]
fn the_last_row_says_what_enter_does_and_has_room_for_the_help() {
    let mut desk = Desk::on(
        Box::new(crate::console::screens::waiting::Waiting::new("")),
        Role::Installer,
    );
    show(&mut desk, client("gw-1", "192.0.2.10"), Role::Installer);
    let text = desk.text();
    let row = text.lines().last().unwrap_or_default();
    assert!(row.starts_with("Enter choose  e edit  "), "{row}");
    assert!(row.ends_with("x remove  Esc back  ? help"), "{row}");
}

#[test]
fn arrows_and_enter_do_everything() {
    let mut desk = Desk::on(
        Box::new(crate::console::screens::waiting::Waiting::new("")),
        Role::Installer,
    );
    for (downs, screen) in [
        (0, "client-form"),
        (1, "client-guide-choice"),
        (2, "client-secret-new"),
        (3, "confirm"),
    ] {
        show(&mut desk, client("gw-1", "192.0.2.10"), Role::Installer);
        desk.keys(&[Key::Enter]);
        desk.keys(&vec![Key::Down; downs]);
        desk.keys(&[Key::Enter]);
        assert_eq!(desk.app.screen(), screen);
    }
}
