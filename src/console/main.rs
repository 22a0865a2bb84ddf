//! The program: its arguments, its end. It leaves no shell, and a fault of its own leaves the line usable.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use super::args::Args;
use super::term::tty::Tty;
use super::{keeper, runner};

/// The whole program.
pub fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(error) = crate::process::forbid_core_files() {
        say(&format!("core files could not be forbidden: {error}"));
    }
    let ended = match keeper::is_child() {
        true => {
            keeper::end_with_keeper();
            runner::run(&args).map(|()| 0)
        }
        false => Tty::watch(args.tty.as_deref())
            .map_err(anyhow::Error::from)
            .and_then(keeper::keep),
    };
    match ended {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// One line, before the line is taken or after it was given back.
fn say(words: &str) {
    let _ = writeln!(std::io::stderr(), "postern-console: {words}");
}
