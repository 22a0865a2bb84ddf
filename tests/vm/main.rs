//! The appliance, tested from outside: the image booted in QEMU, its serial line typed at by a script, RADIUS asked over the network.
//! `scripts/test-image` builds what it needs and runs these; alone they are ignored, since they want an image.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../e2e/eye.rs"]
#[allow(dead_code)] // The end-to-end tests use the rest, here and below.
mod eye;
#[path = "../e2e/harness.rs"]
#[allow(dead_code)]
mod harness;
#[path = "../line/mod.rs"]
#[allow(dead_code)]
mod line;
#[path = "../e2e/packet.rs"]
#[allow(dead_code)]
mod packet;
#[path = "../e2e/totp.rs"]
#[allow(dead_code)]
mod totp;

#[allow(dead_code)]
mod machine;
mod menu;
mod monitor;
mod people;
mod stick;

mod cuts;
mod faults;
mod first;
mod timing;
mod upkeep;
