//! The set-up by keys, against a posternd that remembers what it was told.

mod fake;
mod screens;

use super::*;
use crate::console::testing::Desk;
use crate::control::{Hello, Moved, Role};
use fake::Fake;

/// A desk before anybody has logged in, on a box without an operator.
fn fresh_box() -> Desk {
    let mut desk = Desk::new(80, 24, crate::console::caps::Caps::default());
    let hello = Hello {
        operators: false,
        ..crate::console::testing::hello()
    };
    desk.event(crate::console::event::Event::Up(hello));
    let screen = begin();
    desk.push(screen);
    desk
}

/// Somebody is logged in, and the set-up is open.
fn open(desk: &mut Desk, fake: &mut Fake) {
    let screen = wizard();
    desk.open(screen, Role::Installer);
    fake.answer(desk);
}

fn set_up(fake: &mut Fake) -> Desk {
    let mut desk = Desk::new(80, 24, crate::console::caps::Caps::default());
    open(&mut desk, fake);
    desk
}

/// Keys, and whatever posternd answers to them.
fn keys(desk: &mut Desk, fake: &mut Fake, keys: &[Key]) {
    for key in keys {
        desk.keys(&[*key]);
        fake.answer(desk);
    }
}

fn types(desk: &mut Desk, fake: &mut Fake, text: &str) {
    desk.types(text);
    fake.answer(desk);
}

/// Something moved in the box: what shows it looks again.
fn moved(desk: &mut Desk, fake: &mut Fake) {
    fake.moves += 1;
    for records in [0, fake.moves] {
        desk.event(crate::console::event::Event::Moved(Moved {
            records,
            log: records,
            knocks: records,
            state: records,
        }));
    }
    fake.answer(desk);
}

const ENTER: Key = Key::Enter;

#[test]
fn the_first_operator_is_made_with_a_good_password_and_comes_in() {
    let mut fake = Fake::new();
    let mut desk = fresh_box();
    assert_eq!(desk.app.screen(), "set-up-operator");
    types(&mut desk, &mut fake, "anna");
    keys(&mut desk, &mut fake, &[ENTER]);
    types(&mut desk, &mut fake, "postern");
    assert!(desk.text().contains("shorter than 12 characters"), "as it is typed");
    keys(&mut desk, &mut fake, &[Key::Ctrl('u')]);
    types(&mut desk, &mut fake, "copper kettle 9 birds");
    assert!(desk.text().contains("The password is good."));
    keys(&mut desk, &mut fake, &[ENTER]);
    types(&mut desk, &mut fake, "copper x");
    assert!(desk.text().contains("This is not the same as above."));
    keys(&mut desk, &mut fake, &[ENTER]);
    assert!(!fake.operators, "two that differ make nobody");
    keys(&mut desk, &mut fake, &[Key::Ctrl('u')]);
    types(&mut desk, &mut fake, "copper kettle 9 birds");
    assert!(!format!("{:?}", desk.app).contains("kettle"));
    keys(&mut desk, &mut fake, &[ENTER]);
    assert!(fake.operators);
    assert!(desk.app.context().session.is_some());
    assert_ne!(desk.app.screen(), "set-up-operator");
}

#[test]
fn a_name_that_is_none_is_said() {
    let mut fake = Fake::new();
    let mut desk = fresh_box();
    types(&mut desk, &mut fake, "Anna9.");
    keys(&mut desk, &mut fake, &[ENTER]);
    // The capital was not taken.
    assert!(desk.text().contains("[nna9. "));
    keys(&mut desk, &mut fake, &[Key::Up, Key::Ctrl('u')]);
    types(&mut desk, &mut fake, "9");
    keys(&mut desk, &mut fake, &[ENTER, Key::Up]);
    assert!(desk.text().contains("begins with a letter"));
}

/// From the first screen of the set-up to the first login.
#[test]
fn the_whole_set_up_by_keys() {
    let mut fake = Fake::new();
    let mut desk = set_up(&mut fake);
    assert_eq!(desk.app.screen(), "set-up-line");
    // Down and up again: colours, and back.
    keys(&mut desk, &mut fake, &[Key::Down]);
    assert_eq!(desk.app.context().caps.words(), "colours, ASCII");
    keys(&mut desk, &mut fake, &[Key::Up]);
    assert_eq!(desk.app.context().caps.words(), "mono, ASCII");
    types(&mut desk, &mut fake, "@ # |");
    assert!(!desk.text().contains("keyboard is right"));
    types(&mut desk, &mut fake, " \\ { }");
    assert!(desk.text().contains("The keyboard is right."));
    keys(&mut desk, &mut fake, &[ENTER]);

    assert_eq!(desk.app.screen(), "set-up-clock");
    assert!(desk.text().contains("NOT TRUSTED"));
    keys(&mut desk, &mut fake, &[ENTER]);
    assert!(fake.clock, "the marked one is the confirmation");
    assert!(desk.text().contains("The clock is confirmed."));
    keys(&mut desk, &mut fake, &[ENTER]);

    assert_eq!(desk.app.screen(), "set-up-network");
    assert!(desk.text().contains("192.0.2.7/24"));
    keys(&mut desk, &mut fake, &[ENTER]);

    assert_eq!(desk.app.screen(), "set-up-entra");
    assert!(desk.text().contains("App registrations"));
    keys(&mut desk, &mut fake, &[ENTER]);
    types(&mut desk, &mut fake, "contoso.example");
    keys(&mut desk, &mut fake, &[ENTER]);
    types(&mut desk, &mut fake, "0a1b2c3d-1111-2222-3333-0123456789ab");
    keys(&mut desk, &mut fake, &[ENTER]);
    types(&mut desk, &mut fake, "4e5f6a7b-4444-5555-6666-ba9876543210");
    keys(&mut desk, &mut fake, &[ENTER, ENTER]);
    assert_eq!(
        desk.app.screen(),
        "directory-prove",
        "what was typed in is tried at once"
    );
    types(&mut desk, &mut fake, "anna");
    keys(&mut desk, &mut fake, &[ENTER]);
    types(&mut desk, &mut fake, "correct horse");
    keys(&mut desk, &mut fake, &[ENTER]);
    assert!(desk.text().contains("PROVEN: logins of contoso.example"));
    keys(&mut desk, &mut fake, &[ENTER]);
    assert!(desk.text().contains("is proven and on"));
    keys(&mut desk, &mut fake, &[ENTER]);

    assert_eq!(desk.app.screen(), "set-up-client");
    keys(&mut desk, &mut fake, &[ENTER]);
    types(&mut desk, &mut fake, "gw-1");
    keys(&mut desk, &mut fake, &[ENTER]);
    types(&mut desk, &mut fake, "192.0.2.10");
    keys(&mut desk, &mut fake, &[ENTER, ENTER]);
    assert!(desk.text().contains("ABCD EFGH JKMN PQRS"));
    keys(&mut desk, &mut fake, &[ENTER]);
    let text = desk.text();
    assert!(text.contains("set server 192.0.2.7") && text.contains(crate::console::guide::samples::SECRET));
    keys(&mut desk, &mut fake, &[ENTER, Key::Esc]);
    assert_eq!(desk.app.screen(), "set-up-client");
    assert!(desk.text().contains("gw-1 at 192.0.2.10 may ask this box."));
    assert!(!desk.text().contains("ABCD"));
    keys(&mut desk, &mut fake, &[ENTER]);

    assert_eq!(desk.app.screen(), "set-up-user");
    types(&mut desk, &mut fake, "anna");
    keys(&mut desk, &mut fake, &[ENTER]);
    assert_eq!(desk.app.screen(), "enrol");
    types(&mut desk, &mut fake, "123456");
    keys(&mut desk, &mut fake, &[ENTER]);
    assert_eq!(desk.app.screen(), "set-up-user");
    assert!(desk.text().contains("anna@contoso.example has a token that counts."));
    keys(&mut desk, &mut fake, &[ENTER]);

    assert_eq!(desk.app.screen(), "set-up-login");
    assert!(desk.text().contains("Nothing has come yet."));
    fake.let_in();
    moved(&mut desk, &mut fake);
    assert_eq!(desk.app.screen(), "set-up-let-in");
    assert!(desk.text().contains("THE FIRST LOGIN WAS LET IN"));
    keys(&mut desk, &mut fake, &[ENTER]);
    assert_eq!(desk.app.screen(), "set-up-done");
    keys(&mut desk, &mut fake, &[ENTER]);
    assert_eq!(desk.app.screen(), "home");
}

#[test]
fn it_is_left_at_any_step_and_taken_up_at_the_first_that_is_not_done() {
    let mut fake = Fake::new();
    fake.clock = true;
    let mut desk = set_up(&mut fake);
    assert_eq!(desk.app.screen(), "set-up-line");
    keys(&mut desk, &mut fake, &[ENTER, ENTER, ENTER]);
    assert_eq!(desk.app.screen(), "set-up-entra");
    keys(&mut desk, &mut fake, &[Key::Ctrl('x')]);
    assert_eq!(desk.app.screen(), "home");
    assert!(desk.text().contains("The set-up waits: s on the first screen"));

    // Somebody typed the tenant in on another line.
    fake.add_tenant(false);
    open(&mut desk, &mut fake);
    assert_eq!(desk.app.screen(), "set-up-entra");
    assert!(desk.text().contains("still off"));
    fake.add_tenant(true);
    open(&mut desk, &mut fake);
    assert_eq!(desk.app.screen(), "set-up-client");
    fake.add_client("gw-1", "192.0.2.10");
    open(&mut desk, &mut fake);
    assert_eq!(desk.app.screen(), "set-up-user");
    fake.add_user("anna@contoso.example", true);
    open(&mut desk, &mut fake);
    assert_eq!(desk.app.screen(), "set-up-login");
    fake.clock = false;
    open(&mut desk, &mut fake);
    assert_eq!(
        desk.app.screen(),
        "set-up-clock",
        "a clock that lost its trust comes first again"
    );
    fake.clock = true;
    fake.let_in();
    open(&mut desk, &mut fake);
    assert_eq!(desk.app.screen(), "set-up-done");
}

#[test]
fn esc_goes_back_a_step_and_at_the_first_one_away() {
    let mut fake = Fake::new();
    fake.clock = true;
    let mut desk = set_up(&mut fake);
    keys(&mut desk, &mut fake, &[ENTER, ENTER, ENTER]);
    for screen in ["set-up-network", "set-up-clock", "set-up-line", "home"] {
        keys(&mut desk, &mut fake, &[Key::Esc]);
        assert_eq!(desk.app.screen(), screen);
    }
}

#[test]
fn every_step_that_may_be_skipped_is_skipped_and_the_end_is_reached() {
    let mut fake = Fake::new();
    fake.clock = true;
    let mut desk = set_up(&mut fake);
    keys(&mut desk, &mut fake, &[ENTER, ENTER, ENTER]);
    keys(&mut desk, &mut fake, &[Key::Char('s')]);
    assert_eq!(desk.app.screen(), "set-up-client");
    keys(&mut desk, &mut fake, &[Key::Char('s')]);
    assert_eq!(desk.app.screen(), "set-up-user");
    keys(&mut desk, &mut fake, &[ENTER]);
    assert_eq!(desk.app.screen(), "set-up-login");
    assert!(desk.text().contains("No gateway is a client of this box yet."));
    // Nothing came: the marker stands on going on.
    keys(&mut desk, &mut fake, &[ENTER]);
    assert_eq!(desk.app.screen(), "set-up-done");
}

#[test]
fn without_a_directory_the_client_is_local_and_the_user_has_a_password_here() {
    let mut fake = Fake::new();
    fake.clock = true;
    let mut desk = set_up(&mut fake);
    keys(&mut desk, &mut fake, &[ENTER, ENTER, ENTER, Key::Char('s'), ENTER]);
    types(&mut desk, &mut fake, "gw-1");
    keys(&mut desk, &mut fake, &[ENTER]);
    types(&mut desk, &mut fake, "192.0.2.10");
    keys(&mut desk, &mut fake, &[ENTER, ENTER, Key::Esc, ENTER]);
    assert_eq!(fake.clients[0].first, crate::control::First::Local);
    assert_eq!(desk.app.screen(), "set-up-user");
    types(&mut desk, &mut fake, "berta");
    keys(&mut desk, &mut fake, &[ENTER, ENTER]);
    assert!(
        desk.text()
            .contains("Without a directory a user needs a password here.")
    );
    types(&mut desk, &mut fake, "a long password here");
    keys(&mut desk, &mut fake, &[ENTER]);
    assert_eq!(desk.app.screen(), "enrol");
    assert_eq!(fake.password.as_deref(), Some("a long password here"));
}

#[test]
fn an_unknown_address_is_added_by_one_key_while_waiting() {
    let mut fake = Fake::new();
    fake.ready();
    let mut desk = set_up(&mut fake);
    assert_eq!(desk.app.screen(), "set-up-login");
    fake.knock("192.0.2.77", "", "unknown-client");
    moved(&mut desk, &mut fake);
    assert!(desk.text().contains("192.0.2.77, which is no client of this box"));
    keys(&mut desk, &mut fake, &[Key::Char('a')]);
    assert_eq!(desk.app.screen(), "client-form");
    assert!(desk.text().contains("[192.0.2.77 "));
}

#[test]
fn a_wrong_secret_offers_a_new_one_while_waiting() {
    let mut fake = Fake::new();
    fake.ready();
    let mut desk = set_up(&mut fake);
    fake.knock("192.0.2.10", "gw-1", "wrong-secret");
    moved(&mut desk, &mut fake);
    assert!(
        desk.text()
            .contains("The shared secret of gw-1 is not the one of this box")
    );
    keys(
        &mut desk,
        &mut fake,
        &"sgw-1".chars().map(Key::Char).collect::<Vec<_>>(),
    );
    keys(&mut desk, &mut fake, &[ENTER]);
    assert!(desk.text().contains("ABCD EFGH JKMN PQRS"));
    keys(&mut desk, &mut fake, &[Key::Esc]);
    assert_eq!(desk.app.screen(), "set-up-login");
}

#[test]
fn a_refused_login_is_explained_while_waiting_and_an_accepted_one_ends_it() {
    let mut fake = Fake::new();
    fake.ready();
    let mut desk = set_up(&mut fake);
    fake.refuse("wrong-code", "The code was wrong");
    moved(&mut desk, &mut fake);
    let text = desk.text();
    assert!(text.contains("anna@contoso.example through gw-1: refused") && text.contains("The code was wrong"));
    assert!(
        text.contains("type the code that the app shows now"),
        "what to do, by Explain"
    );
    keys(&mut desk, &mut fake, &[ENTER]);
    assert_eq!(desk.app.screen(), "why");
    keys(&mut desk, &mut fake, &[Key::Esc]);
    fake.refuse(
        "not-pap",
        "gw-1 sends CHAP, which cannot carry a password to the directory",
    );
    moved(&mut desk, &mut fake);
    assert!(desk.text().contains("Set PAP at the gateway"));
    keys(&mut desk, &mut fake, &[ENTER]);
    assert_eq!(desk.app.screen(), "client");
    keys(&mut desk, &mut fake, &[Key::Esc]);
    fake.let_in();
    moved(&mut desk, &mut fake);
    assert!(desk.text().contains("THE FIRST LOGIN WAS LET IN"));
}

#[test]
fn the_marker_stays_where_somebody_put_it_while_packets_come() {
    let mut fake = Fake::new();
    fake.ready();
    let mut desk = set_up(&mut fake);
    fake.knock("192.0.2.77", "", "unknown-client");
    fake.knock("192.0.2.78", "", "unknown-client");
    moved(&mut desk, &mut fake);
    keys(&mut desk, &mut fake, &[Key::Down]);
    let marked = |desk: &Desk| {
        desk.text()
            .lines()
            .find(|line| line.starts_with('>'))
            .unwrap()
            .to_owned()
    };
    let before = marked(&desk);
    fake.knock("192.0.2.79", "", "unknown-client");
    moved(&mut desk, &mut fake);
    assert!(desk.text().contains("192.0.2.79"));
    assert_eq!(marked(&desk), before);
}
