//! What postern-host does at a start, once, before posternd: `trial`, `recover` and `reset-if-asked`, each called by a unit of its own. In:
//! nothing but the machine; out: an exit status, by which the units behind it start or not.

use std::process::ExitCode;
use std::time::Duration;

use super::exec::{Machine, ThisMachine};
use super::update::trial::{self, Outcome, SYSTEMCTL};
use super::{recovery, reset, troubles};

/// While the box goes down nothing else begins.
const GOING_DOWN: Duration = Duration::from_secs(120);
/// The last line of a recovery that failed can be read for so long.
const READ_WAIT: Duration = Duration::from_secs(60);

/// Does what `word` says; none where it is none of these.
pub fn command(word: &str) -> Option<ExitCode> {
    let machine = &ThisMachine;
    Some(match word {
        "trial" => match trial::run(machine) {
            Outcome::Kept => ExitCode::SUCCESS,
            Outcome::Back => gone(),
        },
        "recover" => {
            let recovered = recovery::recover(machine, &crate::clock::wall, recovery::STICK_WAIT);
            let result = recovered.map_err(|why| {
                tracing::error!("recovery: {why}");
                let todo = "The box starts as always in a minute; start it by its recovery entry to try again";
                troubles::raise(
                    machine,
                    troubles::trouble("recovery-failed", format!("Recovery failed: {why}"), todo),
                );
                std::thread::sleep(READ_WAIT);
            });
            reboot(machine);
            if result.is_ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        "reset-if-asked" => match reset::if_asked(machine, &crate::clock::wall, recovery::STICK_WAIT) {
            Ok(reset::Outcome::Nothing) => ExitCode::SUCCESS,
            Ok(reset::Outcome::Emptied) => gone(),
            Err(why) => {
                tracing::error!("factory reset: {why}");
                let todo = "The box starts as always in a minute, or goes on with the reset where it had begun";
                troubles::raise(
                    machine,
                    troubles::trouble("reset-failed", format!("Factory reset failed: {why}"), todo),
                );
                std::thread::sleep(READ_WAIT);
                reboot(machine);
                gone()
            }
        },
        _ => return None,
    })
}

fn reboot(machine: &dyn Machine) {
    if let Err(error) = machine.run(SYSTEMCTL, &["--no-block", "reboot"], b"") {
        tracing::error!(%error, "the box did not restart");
    }
}

/// The box is going down: what waits for this unit must not start on the way.
fn gone() -> ExitCode {
    std::thread::sleep(GOING_DOWN);
    ExitCode::FAILURE
}
