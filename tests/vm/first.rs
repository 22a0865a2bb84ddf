//! From the first power-on to the first login, and again after a restart with nobody there.

use crate::machine::{Appliance, FAST, On, SLOW};
use crate::packet::{ACCEPT, REJECT, Request};
use crate::people::{ANNA, add_client, next_step, set_up};

fn from_power_on_to_accept(speed: u32) {
    let machine = Appliance::new(8);
    let on = On {
        speed: Some(speed),
        ..On::default()
    };
    let mut vm = machine.on(&on);
    let token = set_up(&mut vm);
    let secret = add_client(&mut vm);
    next_step();
    let code = token.code();
    let login = |vm: &crate::machine::Vm, code: &str| vm.nas(&secret).ask(&Request::login(ANNA, code)).code;
    assert_eq!(login(&vm, &code), ACCEPT, "{}", vm.line.screen());
    println!("first Accept {:?} after power-on", vm.started.elapsed());
    vm.cut();
    // Nobody is at the console, and the line is cut off from the start.
    let mut vm = machine.on(&On::default());
    println!("second boot: RADIUS answers after {:?}", vm.answers(&secret));
    assert_eq!(
        login(&vm, &code),
        REJECT,
        "R16: a spent code is good again after a power cut"
    );
    next_step();
    assert_eq!(login(&vm, &token.code()), ACCEPT);
}

#[test]
#[ignore = "wants an image: scripts/test-image"]
fn from_power_on_to_accept_at_115200_baud() {
    from_power_on_to_accept(FAST);
}

#[test]
#[ignore = "wants an image: scripts/test-image"]
fn from_power_on_to_accept_at_9600_baud() {
    from_power_on_to_accept(SLOW);
}
