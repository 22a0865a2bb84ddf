//! What the programs of the package say of themselves, for their manual pages. In: nothing; out: a description of the arguments. `postern`
//! writes the pages of all of them and knows nothing else of the daemon.

use clap::CommandFactory;

/// Of `posternd`.
pub fn daemon() -> clap::Command {
    crate::config::Flags::command()
}
