//! How each step looks, in each state that matters.

use super::*;
use crate::console::testing::snapshot;

/// The set-up of a box, at the step where it begins, and keys from there.
fn at(name: &str, prepare: impl Fn(&mut Fake), then: impl Fn(&mut Desk, &mut Fake)) {
    snapshot(name, |desk| {
        let mut fake = Fake::new();
        fake.clock = true;
        prepare(&mut fake);
        open(desk, &mut fake);
        then(desk, &mut fake);
        // On a line of 9600 baud a step is there in a second and a half.
        if desk.app.context().size == (80, 24) {
            assert!(desk.painted() <= 1_500, "{name} takes {} bytes", desk.painted());
        }
    });
}

fn ready(fake: &mut Fake) {
    fake.ready();
}

fn nothing(_: &mut Fake) {}

fn stay(_: &mut Desk, _: &mut Fake) {}

#[test]
fn step_1_the_first_operator() {
    let begun = |desk: &mut Desk| {
        let screen = begin();
        desk.push(screen);
    };
    snapshot("first-1-operator", begun);
    snapshot("first-1-operator-weak", |desk| {
        begun(desk);
        desk.types("anna");
        desk.keys(&[ENTER]);
        desk.types("Summer2026!");
    });
    snapshot("first-1-operator-good", |desk| {
        begun(desk);
        desk.types("anna");
        desk.keys(&[ENTER]);
        desk.types("copper kettle 9 birds");
        desk.keys(&[ENTER]);
        desk.types("copper kettle 9 birds");
    });
}

#[test]
fn step_2_this_line() {
    at("first-2-line", nothing, stay);
    at("first-2-line-keyboard", nothing, |desk, fake| types(desk, fake, "\"#|"));
}

#[test]
fn step_3_the_clock() {
    at("first-3-clock", nothing, |desk, fake| keys(desk, fake, &[ENTER]));
    at(
        "first-3-clock-not-trusted",
        |fake| fake.clock = false,
        |desk, fake| keys(desk, fake, &[ENTER]),
    );
}

#[test]
fn step_4_the_network() {
    at("first-4-network", nothing, |desk, fake| {
        keys(desk, fake, &[ENTER, ENTER])
    });
}

#[test]
fn step_5_entra() {
    at("first-5-entra", nothing, |desk, fake| {
        keys(desk, fake, &[ENTER, ENTER, ENTER])
    });
    at("first-5-entra-off", |fake| fake.add_tenant(false), stay);
    at(
        "first-5-entra-proven",
        |fake| fake.add_tenant(true),
        |desk, fake| keys(desk, fake, &[Key::Esc]),
    );
}

#[test]
fn step_6_the_client() {
    at("first-6-client", |fake| fake.add_tenant(true), stay);
    at("first-6-client-there", ready, |desk, fake| {
        keys(desk, fake, &[Key::Esc, Key::Esc])
    });
}

#[test]
fn step_7_the_user() {
    let prepared = |fake: &mut Fake| {
        fake.add_tenant(true);
        fake.add_client("gw-1", "192.0.2.10");
    };
    at("first-7-user", prepared, stay);
    at(
        "first-7-user-local",
        |fake| {
            fake.add_client("gw-1", "192.0.2.10");
            fake.clients[0].first = crate::control::First::Local;
        },
        |desk, fake| {
            types(desk, fake, "berta");
            keys(desk, fake, &[ENTER]);
        },
    );
    at("first-7-user-there", ready, |desk, fake| keys(desk, fake, &[Key::Esc]));
}

#[test]
fn step_8_the_first_login() {
    at("first-8-login", ready, stay);
    at(
        "first-8-login-full",
        |fake| {
            fake.ready();
            fake.knock("2001:db8:0:1::", "", "unknown-client");
            fake.refuse("wrong-code", "The code is not one of anna@contoso.example's tokens");
            fake.knock("192.0.2.10", "gw-1", "wrong-secret");
            fake.knock("192.0.2.10", "gw-1", "no-message-authenticator");
            fake.knock("192.0.2.77", "", "unknown-client");
        },
        stay,
    );
    at(
        "first-8-login-no-client",
        |fake| {
            fake.add_tenant(true);
            fake.add_user("anna@contoso.example", true);
            fake.knock("192.0.2.77", "", "unknown-client");
        },
        |desk, fake| keys(desk, fake, &[Key::Char('s'), ENTER]),
    );
    at("first-8-login-let-in", ready, |desk, fake| {
        fake.let_in();
        moved(desk, fake);
    });
}

#[test]
fn step_9_done() {
    at(
        "first-9-done",
        |fake| {
            fake.ready();
            fake.let_in();
        },
        stay,
    );
}
