//! The box as a machine: what `postern-host`, the root helper, does for posternd on the appliance (network, names, time, power, USB
//! sticks, updates, recovery, the firewall). In: typed requests over `host.sock`, from posternd alone (R24); out: answers, and files
//! under `/run` and its own state directory. It takes no path and no command line from its caller, and reads no store.
//!
//! - [`ops`] what may be asked and what is answered: the types alone, for posternd, the console and the command line
//! - [`client`] posternd's side; [`server`] the socket; [`helper`] what is asked, done; [`boot`] what is done before anybody asks
//! - [`settings`] and [`troubles`] its two files; [`network`], [`name`], [`times`], [`ssh`], [`firewall`] one matter each
//! - [`exec`] the programs that it runs, by their own paths, with arguments that are made here; [`files`] how it writes files

pub mod boot;
pub mod client;
pub mod exec;
pub mod files;
pub mod firewall;
pub mod helper;
pub mod name;
pub mod network;
pub mod ops;
pub mod server;
pub mod settings;
pub mod ssh;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub mod testing;
pub mod times;
pub mod troubles;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use exec::ThisMachine;

/// The root helper of the appliance: does for posternd what wants root.
#[derive(Debug, Parser)]
#[command(name = "postern-host", version, disable_help_subcommand = true)]
struct Flags {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer at the socket that systemd hands over, or at another one
    Serve {
        /// A socket made by hand
        #[arg(long, value_name = "PATH")]
        socket: Option<PathBuf>,
        /// Who may ask besides root [default: the user postern]
        #[arg(long, value_name = "UID")]
        peer_uid: Option<u32>,
    },
    /// Put the settings where systemd looks for them, once at a boot
    Boot,
}

/// The whole program.
pub fn main() -> ExitCode {
    let flags = Flags::parse();
    let log = tracing_subscriber::fmt()
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    match std::env::var_os("JOURNAL_STREAM") {
        Some(_) => log.without_time().init(),
        None => log.init(),
    }
    let serve = Command::Serve {
        socket: None,
        peer_uid: None,
    };
    match flags.command.unwrap_or(serve) {
        Command::Boot => {
            boot::boot(&ThisMachine);
            ExitCode::SUCCESS
        }
        Command::Serve { socket, peer_uid } => match serve_at(socket, peer_uid) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tracing::error!("postern-host does not run: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

fn serve_at(socket: Option<PathBuf>, peer_uid: Option<u32>) -> std::io::Result<()> {
    let listener = match socket {
        Some(path) => server::bind(&path)?,
        None => server::inherited()?,
    };
    let postern = || {
        nix::unistd::User::from_name("postern")
            .ok()
            .flatten()
            .map(|user| user.uid.as_raw())
    };
    let posternd = peer_uid.or_else(postern);
    let mut helper = helper::Helper::open(Arc::new(ThisMachine));
    tracing::info!("ready");
    server::serve(&listener, &mut helper, posternd);
    Ok(())
}
