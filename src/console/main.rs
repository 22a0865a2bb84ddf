//! The program: its arguments, its end. It leaves no shell, and a fault of its own leaves the line usable.

use std::process::ExitCode;

use clap::Parser;

use super::args::Args;
use super::term::tty::Tty;
use super::{keeper, runner};

/// The whole program.
#[allow(clippy::print_stderr)] // Before the line is taken, or after it was given back.
pub fn main() -> ExitCode {
    let args = Args::parse();
    if let Err(error) = crate::process::forbid_core_files() {
        eprintln!("postern-console: core files could not be forbidden: {error}");
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
            eprintln!("postern-console: {error}");
            ExitCode::FAILURE
        }
    }
}
