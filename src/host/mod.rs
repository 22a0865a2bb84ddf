//! The box as a machine: what `postern-host`, the root helper, does for posternd on the appliance (network, names, time, power, USB
//! sticks, updates, recovery, the firewall). In: typed requests over `host.sock`, from posternd alone (R24); out: answers, and files
//! under `/run` and its own state directory. It takes no path and no command line from its caller, and reads no store.
//!
//! - [`ops`] what may be asked and what is answered: the types alone, for posternd, the console and the command line
//! - [`client`] posternd's side; [`server`] the socket; [`helper`] what is asked, done
//! - [`boot`] once at each start; [`starts`] trials of updates, recovery and reset, before posternd
//! - [`settings`] what is kept; [`network`], [`name`], [`times`], [`ssh`], [`firewall`], [`stick`], [`update`], [`recovery`], [`reset`] one matter each
//! - [`exec`] the programs that it runs, by their own paths, with arguments that are made here; [`files`], [`troubles`]

pub mod boot;
pub mod client;
pub mod exec;
pub mod files;
pub mod firewall;
pub mod helper;
pub mod name;
pub mod network;
pub mod ops;
pub mod recovery;
pub mod reset;
pub mod server;
pub mod settings;
pub mod ssh;
pub mod starts;
pub mod stick;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::new_without_default
)]
pub mod testing;
pub mod times;
pub mod troubles;
pub mod update;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

/// The root helper of a Postern appliance: obeys posternd alone.
#[derive(Debug, Parser)]
#[command(name = "postern-host", version, max_term_width = 100)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Answers posternd on the socket that systemd gives as standard input
    Serve {
        /// Make the socket here instead
        #[arg(long, value_name = "PATH")]
        socket: Option<PathBuf>,
        /// The uid that may ask besides root; without it, the user postern's
        #[arg(long, value_name = "UID")]
        peer_uid: Option<u32>,
    },
    /// Once at each start, before the network and posternd: puts the kept settings in place
    Boot,
    /// At the first start of an update: keeps it if it answers, else goes back
    Trial,
    /// From the boot entry: makes one installer for whoever has the prepared stick
    Recover,
    /// At each start: empties the box if that was asked for
    ResetIfAsked,
}

/// The whole program.
pub fn main() -> ExitCode {
    let args = Args::parse();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_target(false)
        .with_ansi(false)
        .without_time()
        .with_writer(std::io::stderr)
        .init();
    if let Err(error) = crate::process::forbid_core_files() {
        tracing::warn!(%error, "core files could not be forbidden");
    }
    // One TLS provider for the whole process; a second one would be refused.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let word = match args.command {
        Command::Serve { socket, peer_uid } => {
            return match serve_at(socket, peer_uid) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    tracing::error!("postern-host does not run: {error}");
                    ExitCode::FAILURE
                }
            };
        }
        Command::Boot => {
            boot::boot(&exec::ThisMachine);
            return ExitCode::SUCCESS;
        }
        Command::Trial => "trial",
        Command::Recover => "recover",
        Command::ResetIfAsked => "reset-if-asked",
    };
    starts::command(word).unwrap_or(ExitCode::FAILURE)
}

fn serve_at(socket: Option<PathBuf>, peer_uid: Option<u32>) -> std::io::Result<()> {
    let listener = match socket {
        Some(path) => server::bind(&path)?,
        None => server::inherited()?,
    };
    let postern = || {
        let user = nix::unistd::User::from_name("postern").ok().flatten();
        user.map(|user| user.uid.as_raw())
    };
    let posternd = peer_uid.or_else(postern);
    let mut helper = helper::Helper::open(Arc::new(exec::ThisMachine));
    tracing::info!("ready");
    server::serve(&listener, &mut helper, posternd);
    Ok(())
}
