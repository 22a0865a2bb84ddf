//! Over the real pcscd, what keeps apart: another program's token, two tokens at once, and the clock that is set alone.

use crate::harness::run;
use crate::pcscd::{MOLTO, NFC, Pcscd};
use crate::sim::molto2::Molto2;
use crate::sim::single::Quartz;
use crate::sim::{Field, lock, wall_clock};
use crate::token_pcsc::*;
use crate::totp::now;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

#[test]
fn a_token_that_another_program_has_open_is_left_to_it() {
    let pcscd = Pcscd::start(MOLTO);
    let molto = Arc::new(Mutex::new(Molto2::new("84101000000001", 50, &wall_clock())));
    lock(&molto).profiles[7].seed = Some(vec![7; 20]);
    let _slot = pcscd.slot(MOLTO, &Field::with(&molto));
    let postern = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        pcscd.with(command.args(arguments));
        command
    };
    pcscd.wait("the token", |_| {
        run(&mut postern(&["token", "device", "show", "--device", "pcsc"]), "").status == 0
    });
    let mut holder = postern(&["token", "device", "reset", "--device", "pcsc", "--yes"]);
    let mut holder = holder
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    pcscd.wait("the button", |_| lock(&molto).waits());
    let said = run(&mut postern(&["token", "device", "show", "--device", "pcsc"]), "");
    assert!(
        said.status == 1 && said.err.contains("another program has the token open"),
        "{said:?}"
    );
    lock(&molto).press();
    assert!(holder.wait().unwrap().success());
    let said = run(&mut postern(&["token", "device", "show", "--device", "pcsc"]), "");
    assert_eq!(said.status, 0, "{said:?}");
}

#[test]
fn of_two_tokens_none_is_taken_by_chance() {
    let pcscd = Pcscd::start(NFC);
    let (first, second) = (Field::with(&single(SERIAL)), Field::with(&single(FREE)));
    let (_one, _two) = (pcscd.slot(NFC, &first), pcscd.second_slot(NFC, &second));
    let show = |device: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        run(
            pcscd.with(command.args(["token", "device", "show", "--device", device])),
            "",
        )
    };
    pcscd.wait("both tokens", |_| {
        show("pcsc").err.contains("several readers may be meant")
    });
    for device in ["pcsc", "pcsc:virtual"] {
        let said = show(device);
        assert!(
            said.status == 1
                && said
                    .err
                    .contains("name one as pcsc:NAME: Virtual PCD 00 00, Virtual PCD 00 01"),
            "{said:?}"
        );
    }
    for (device, serial) in [("pcsc:00 00", SERIAL), ("pcsc:Virtual PCD 00 01", FREE)] {
        let said = show(device);
        assert!(said.status == 0 && said.out.contains(serial), "{said:?}");
    }
    first.take();
    pcscd.wait("the first to go", |_| show("pcsc").out.contains(FREE));
}

#[test]
fn r19_the_clock_alone_is_set_over_pcscd() {
    let (door, _) = door();
    let pcscd = Pcscd::start(NFC);
    let token = single(FREE);
    let field = Field::with(&token);
    let _slot = pcscd.slot(NFC, &field);
    let said = programs(&door, &pcscd, &token, &[]);
    assert_eq!(said.status, 0, "{said:?}");
    let seed = lock(&token).seed.clone();
    lock(&token).quartz = Quartz::ahead(&wall_clock(), -400);
    let id = door.json(&["token", "list", USER])["tokens"][0]["id"].to_string();
    let mut command = door.postern(&["token", "clock", USER, &id, "--device", "pcsc"]);
    let said = run(pcscd.with(&mut command), "");
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.err.contains("6 min behind"), "{said:?}");
    let clock = u64::from(lock(&token).quartz.now());
    assert!(clock.abs_diff(now()) <= 2, "{clock}");
    assert_eq!(lock(&token).seed, seed, "its seed stays");
}
