//! The door, tested from outside: the two programs as they are built, real packets, real peers. Each test names the rule that it
//! holds (R1 to R25). Nothing here knows the library's insides, but that `desk` speaks the console's own types and `token_rig` goes
//! the box's own way to a token.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod apart;
mod desk;
mod eye;
mod harness;
mod lab;
#[path = "../line/mod.rs"]
#[allow(dead_code)] // The benchmark uses the rest.
mod line;
mod packet;
mod pcscd;
#[path = "../sim/mod.rs"]
#[allow(dead_code)] // The example uses the rest.
mod sim;
mod token_rig;
mod totp;

mod backup;
mod challenge;
mod cli;
mod clock;
mod codes;
mod console_bytes;
mod console_flows;
mod console_line;
mod console_secrets;
mod console_setup;
mod console_tmux;
mod console_tokens;
mod console_two;
mod drawer;
mod entra;
mod entra_client;
mod explain;
mod host;
mod hotp;
mod kill;
mod knocks;
mod linked;
mod login;
mod meanwhile;
mod operators;
mod outages;
mod qr;
mod races;
mod reader_rules;
mod readers;
mod real_peers;
mod repeats;
mod service;
mod sim_links;
mod sim_token;
mod sims;
mod syslog;
mod token_applets;
mod token_cuts;
mod token_export;
mod token_files;
mod token_links;
mod token_pcsc;
mod token_pcsc_apart;
mod units;
mod update;
mod wire;
