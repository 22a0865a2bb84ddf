//! What is done to a box in its life: an update that is kept and one that is not, a backup that goes to another box, recovery and
//! factory reset by the boot menu. Each by keys on its serial line and a stick in its USB socket.

use std::path::PathBuf;
use std::time::Duration;

use crate::line::key;
use crate::machine::{Appliance, BOOT, On, Vm};
use crate::packet::{ACCEPT, REJECT, Request};
use crate::people::{
    ANNA, COPIED, OPERATOR, PASSPHRASE, back_up, fetch_update, log_in, log_in_as, look_at_backup, mount, next_step,
    sees, set_up, settled, step, system,
};
use crate::totp::Token;

/// A release that is one version on, and one whose posternd ends at once; both signed by the key that the image trusts.
pub const NEXT: &str = "0.2.0";
const BROKEN: &str = "0.3.0";

pub fn release(version: &str) -> PathBuf {
    let releases =
        std::env::var_os("POSTERN_RELEASES").expect("POSTERN_RELEASES holds the releases: run scripts/test-image");
    let folder = PathBuf::from(releases).join(version).canonicalize().unwrap();
    assert!(
        folder.join("manifest.sig").exists(),
        "{} is no release",
        folder.display()
    );
    folder
}

fn with(sticks: &[PathBuf]) -> On {
    On {
        sticks: sticks.to_vec(),
        ..On::default()
    }
}

fn ask(vm: &Vm, secret: &[u8], code: &str) -> u8 {
    vm.nas(secret).ask(&Request::login(ANNA, code)).code
}

/// The next code is let in, and it again is not: seeds are open and spent codes are known.
fn lets_in_once(vm: &mut Vm, secret: &[u8], token: &Token) {
    vm.answers(secret);
    next_step();
    let code = token.code();
    assert_eq!(ask(vm, secret, &code), ACCEPT, "{}", vm.line.screen());
    assert_eq!(ask(vm, secret, &code), REJECT, "R16");
}

/// By the one stick that is plugged in, to the restart into the new version.
fn update(vm: &mut Vm, version: &str) {
    fetch_update(vm, version);
    println!("{}\n", vm.line.screen());
    let from = vm.line.came();
    vm.line.send("y");
    vm.restarts(from, COPIED);
}

#[test]
#[ignore = "wants an image: scripts/test-image"]
fn an_update_is_kept_when_radius_answers_and_goes_back_when_it_does_not() {
    let appliance = Appliance::new(8);
    let good = appliance.stick("good", 512, &[release(NEXT)]);
    let bad = appliance.stick("bad", 512, &[release(BROKEN)]);
    let mut vm = appliance.on(&with(std::slice::from_ref(&good)));
    let (secret, token) = set_up(&mut vm);
    lets_in_once(&mut vm, &secret, &token);
    let spent = token.code();
    vm.cut();
    // A second start before it, so that what is kept with the machine's ID was read once.
    let mut vm = appliance.on(&with(std::slice::from_ref(&good)));
    update(&mut vm, NEXT);
    let took = vm.answers(&secret);
    println!("{NEXT} answers {took:?} after the box went down");
    assert_eq!(ask(&vm, &secret, &spent), REJECT, "R16: over an update");
    lets_in_once(&mut vm, &secret, &token);
    system(&mut vm, "u", "| Update");
    sees(&mut vm.line, &format!("{NEXT} was kept"));
    println!("{}\n", vm.line.screen());
    vm.cut();
    // The one that is kept starts again, and takes the next update; that one does not answer its probe.
    let mut vm = appliance.on(&with(std::slice::from_ref(&bad)));
    lets_in_once(&mut vm, &secret, &token);
    update(&mut vm, BROKEN);
    let tried = vm.line.came();
    vm.restarts(tried, BOOT);
    let took = vm.answers(&secret);
    println!("{NEXT} answers again {took:?} after {BROKEN} gave up");
    lets_in_once(&mut vm, &secret, &token);
    system(&mut vm, "u", "| Update");
    sees(&mut vm.line, BROKEN);
    println!("{}\n", vm.line.screen());
    let screen = vm.line.screen();
    assert!(screen.contains(&format!("Runs          {NEXT}")), "{screen}");
    vm.cut();
    let mut vm = appliance.on(&On::default());
    lets_in_once(&mut vm, &secret, &token);
}

/// Chooses an entry of the boot menu; where /var is opened by a TPM that wants the usual entry, the box starts once more by itself.
fn by_entry(vm: &mut Vm, below: usize, tpm: bool) {
    vm.choose_entry(below);
    if tpm {
        let from = vm.line.came();
        vm.restarts(from, BOOT);
    }
}

/// Prepares the one stick that is plugged in.
fn prepare(vm: &mut Vm) {
    system(vm, "r", "| Recovery stick");
    step(&mut vm.line, key::ENTER, "| Prepare a recovery stick");
    vm.line.press("y");
    sees(&mut vm.line, "RECOVERY STICK");
    println!("{}\n", vm.line.screen());
}

fn recovery_and_reset(tpm: bool) {
    let off = On { tpm, ..On::default() };
    let (appliance, secret, token) = settled(&off);
    let stick = appliance.stick("keys", 64, &[]);
    let on = On {
        sticks: vec![stick.clone()],
        ..off.clone()
    };
    let mut vm = appliance.on(&on);
    prepare(&mut vm);
    vm.cut();
    // Without the stick the entry waits for it, and nobody is let in or made.
    let mut vm = appliance.on(&off);
    by_entry(&mut vm, 1, tpm);
    assert!(vm.line.sees_within("stick", BOOT), "{}", vm.line.screen());
    println!("{}\n", vm.line.screen());
    let code = token.code();
    let nas = vm.nas(&secret);
    let reply = nas.try_from(&nas.socket(), &Request::login(ANNA, &code), Duration::from_secs(3));
    assert!(reply.is_none(), "RADIUS is silent meanwhile");
    vm.cut();
    let mut vm = appliance.on(&off);
    lets_in_once(&mut vm, &secret, &token);
    vm.cut();
    // With it: a new installer, once.
    let mut vm = appliance.on(&on);
    by_entry(&mut vm, 1, tpm);
    assert!(vm.line.sees_within("The same again", BOOT), "{}", vm.line.screen());
    println!("{}\n", vm.line.screen());
    vm.line.press("otto\rnine white horses\r");
    let from = vm.line.came();
    vm.line.send("nine white horses\r");
    vm.restarts(from, BOOT);
    lets_in_once(&mut vm, &secret, &token);
    assert!(
        log_in_as(&mut vm.line, "otto", "nine white horses"),
        "{}",
        vm.line.screen()
    );
    println!("{}\n", vm.line.screen());
    step(&mut vm.line, "y", "| System");
    vm.line.press("b");
    vm.line.press(key::ENTER);
    println!("{}\n", vm.line.screen());
    vm.cut();
    let record = appliance.read_stick(&stick, "postern-record.txt");
    println!("{record}");
    assert!(record.contains("recovery"), "{record}");
    // It was good once. Another is prepared, and empties the box.
    let mut vm = appliance.on(&on);
    prepare(&mut vm);
    vm.cut();
    let mut vm = appliance.on(&on);
    by_entry(&mut vm, 2, tpm);
    assert!(vm.line.sees_within("Step 1 of 9", BOOT * 2), "{}", vm.line.screen());
    vm.cut();
    let record = appliance.read_stick(&stick, "postern-record.txt");
    assert!(record.contains("factory reset"), "{record}");
    let mut vm = appliance.on(&off);
    assert!(vm.line.sees_within("Step 1 of 9", BOOT), "{}", vm.line.screen());
}

#[test]
#[ignore = "wants an image: scripts/test-image"]
fn recovery_and_reset_want_the_stick_and_are_on_record() {
    recovery_and_reset(true);
}

#[test]
#[ignore = "wants an image: scripts/test-image"]
fn recovery_and_reset_without_a_tpm() {
    recovery_and_reset(false);
}

#[test]
#[ignore = "wants an image: scripts/test-image"]
fn a_backup_on_a_stick_makes_another_box_this_one() {
    let (first, secret, token) = settled(&On::default());
    let stick = first.stick("backup", 64, &[]);
    let mut vm = first.on(&with(std::slice::from_ref(&stick)));
    lets_in_once(&mut vm, &secret, &token);
    let spent = token.code();
    assert!(log_in(&mut vm.line), "{}", vm.line.screen());
    mount(&mut vm);
    back_up(&mut vm);
    println!("{}\n", vm.line.screen());
    vm.cut();
    // Another box, of another TPM, with its own first operator.
    let other = Appliance::new(4);
    let carried = other.folder().join("carried.stick");
    std::fs::copy(&stick, &carried).unwrap();
    let mut vm = other.on(&with(&[carried]));
    assert!(vm.line.sees_within("Step 1 of 9", BOOT), "{}", vm.line.screen());
    vm.line.settle();
    vm.line.press(&format!("otto\r{PASSPHRASE}\r"));
    step(&mut vm.line, &format!("{PASSPHRASE}\r"), "Step 2 of 9");
    vm.line.press(key::ESC);
    println!("{}\n", vm.line.screen());
    mount(&mut vm);
    look_at_backup(&mut vm);
    vm.line.send("restore\r");
    assert!(vm.line.sees_within("is restored", COPIED), "{}", vm.line.screen());
    println!("{}\n", vm.line.screen());
    vm.answers(&secret);
    assert_eq!(
        ask(&vm, &secret, &spent),
        REJECT,
        "R20: a code that was spent at the other box"
    );
    // This box cannot know what was spent since the backup: all that the window could have taken is void.
    next_step();
    next_step();
    lets_in_once(&mut vm, &secret, &token);
    assert!(log_in_as(&mut vm.line, OPERATOR, PASSPHRASE), "{}", vm.line.screen());
    vm.cut();
    let mut vm = other.on(&On::default());
    lets_in_once(&mut vm, &secret, &token);
}
