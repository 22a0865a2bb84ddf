//! From the first power-on to the first login, and again after a restart with nobody there.

use crate::machine::{Appliance, FAST, On, SLOW};
use crate::packet::{ACCEPT, REJECT, Request};
use crate::people::{ANNA, PASSWORD, next_step, set_up_wholly};

fn from_power_on_to_accept(speed: u32) {
    let machine = Appliance::new(8);
    let on = On {
        speed: Some(speed),
        ..On::default()
    };
    let mut vm = machine.on(&on);
    let (secret, token) = set_up_wholly(&mut vm);
    let spent = format!("{PASSWORD}{}", token.code());
    vm.cut();
    // Nobody is at the console.
    let mut vm = machine.on(&On::default());
    println!("second boot: RADIUS answers after {:?}", vm.answers(&secret));
    let login = |credential: &str| vm.nas(&secret).ask(&Request::login(ANNA, credential)).code;
    assert_eq!(
        login(&spent),
        REJECT,
        "R16: a spent code is good again after a power cut"
    );
    next_step();
    assert_eq!(login(&format!("{PASSWORD}{}", token.code())), ACCEPT);
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
