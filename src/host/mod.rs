//! The box as a machine: what `postern-host`, the root helper, does for posternd on the appliance (network, names, time, power, USB
//! sticks, updates, recovery, the firewall). In: typed requests over `host.sock`, from posternd alone (R24); out: answers, and files
//! under `/run` and its own state directory. It takes no path and no command line from its caller, and reads no store.
//!
//! - [`ops`] what may be asked and what is answered: the types alone, for posternd, the console and the command line
//! - [`exec`] the programs that it runs, by their own paths, with arguments that are made here

pub mod exec;
pub mod files;
pub mod network;
pub mod ops;
pub mod recovery;
pub mod reset;
pub mod settings;
pub mod starts;
pub mod stick;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub mod testing;
pub mod troubles;
pub mod update;

/// The whole program.
pub fn main() -> std::process::ExitCode {
    tracing::error!("postern-host has nothing to do yet");
    std::process::ExitCode::FAILURE
}
