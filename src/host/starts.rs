//! What postern-host does at a start, once, before posternd: `reset-if-asked`, `recover` and `trial`, each called by a unit of its own. In:
//! nothing but the machine; out: an exit status, by which the units behind it start or not.

use std::process::ExitCode;
use std::time::Duration;

use super::exec::{Machine, ThisMachine};
use super::update::trial::{self, Outcome, SYSTEMCTL};
use super::{files, recovery, reset, troubles};

/// There while the box is in recovery: posternd.service and postern-trial.service do not start then, postern-recover.service does.
pub const RECOVERING: &str = "/run/postern-host/recover-asked";
/// What the boot menu asked for in a start that could not open the data: done at the next one.
const ASKED: &str = "/efi/postern/asked";
/// The initrd could not open /var.
const VAR_LOST: &str = "/run/postern-host/var-lost";
/// While the box goes down nothing else begins.
const GOING_DOWN: Duration = Duration::from_secs(120);
/// The last line of what failed can be read for so long.
const READ_WAIT: Duration = Duration::from_secs(60);

/// What the boot menu asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    Recovery,
    Reset,
    /// It is asked for at the next start, which comes now.
    Again,
}

/// Does what `word` says; none where it is none of the three.
pub fn command(word: &str) -> Option<ExitCode> {
    Some(match word {
        "trial" => trial(&ThisMachine),
        "recover" => recover(&ThisMachine),
        "reset-if-asked" => reset_if_asked(&ThisMachine),
        _ => return None,
    })
}

/// The first start of a new version.
pub fn trial(machine: &dyn Machine) -> ExitCode {
    match trial::run(machine) {
        Outcome::Kept => ExitCode::SUCCESS,
        Outcome::Back => gone(),
    }
}

/// A new installer by the prepared stick; the box starts again in either case.
pub fn recover(machine: &dyn Machine) -> ExitCode {
    let recovered = recovery::recover(machine, &crate::clock::wall, recovery::STICK_WAIT);
    let recovered = recovered.map_err(|why| {
        tracing::error!("recovery: {why}");
        let todo = "The box starts as always in a minute; start it by its recovery entry to try again";
        troubles::raise(
            machine,
            troubles::trouble("recovery-failed", format!("Recovery failed: {why}"), todo),
        );
        std::thread::sleep(READ_WAIT);
    });
    reboot(machine);
    match recovered {
        Ok(()) => ExitCode::SUCCESS,
        Err(()) => ExitCode::FAILURE,
    }
}

/// At every start, before anything uses the data.
pub fn reset_if_asked(machine: &dyn Machine) -> ExitCode {
    let by_stick = match asked(machine) {
        Asked::Nothing => false,
        Asked::Reset => true,
        Asked::Recovery => {
            if let Err(error) = files::write(&machine.path(RECOVERING), b"", files::PUBLIC) {
                tracing::error!(%error, "{RECOVERING} could not be written: the box starts as always");
            }
            false
        }
        Asked::Again => {
            reboot(machine);
            return gone();
        }
    };
    match reset::if_asked(machine, by_stick, &crate::clock::wall, recovery::STICK_WAIT) {
        Ok(reset::Outcome::Nothing) => ExitCode::SUCCESS,
        Ok(reset::Outcome::Emptied) => gone(),
        Err(why) => {
            tracing::error!("factory reset: {why}");
            let todo = "The box starts again in a minute, and goes on with the reset if it had begun";
            troubles::raise(
                machine,
                troubles::trouble("reset-failed", format!("Factory reset failed: {why}"), todo),
            );
            std::thread::sleep(READ_WAIT);
            reboot(machine);
            gone()
        }
    }
}

/// By the boot line, or by what a start before has left. A boot entry of its own shows in PCR 12, and a TPM that wants that empty does not
/// give the key of the data then: so that start only leaves a word on the boot partition and the box starts once more, as always.
/// Whoever can write there can make the box wait for the stick, and no more: the stick is what counts.
fn asked(machine: &dyn Machine) -> Asked {
    let word = [
        (recovery::RECOVER_WORD, Asked::Recovery),
        (reset::RESET_WORD, Asked::Reset),
    ];
    let on_line = word.into_iter().find(|(word, _)| recovery::on_boot_line(machine, word));
    let place = machine.path(ASKED);
    if let Some((word, asked)) = on_line {
        if !machine.path(VAR_LOST).exists() {
            return asked;
        }
        return match files::keep(&place, word.as_bytes(), 0o700) {
            Ok(()) => Asked::Again,
            Err(error) => {
                tracing::error!(%error, "{ASKED} could not be written");
                asked
            }
        };
    }
    let left = files::read(machine, ASKED);
    if left.is_empty() {
        return Asked::Nothing;
    }
    // Once: a box that asked for the stick for ever would be of no use.
    let removed = files::remove(&place).and_then(|()| match place.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    });
    if let Err(error) = removed {
        tracing::error!(%error, "{ASKED} could not be removed: the box starts as always");
        return Asked::Nothing;
    }
    word.into_iter()
        .find(|(word, _)| *word == left)
        .map_or(Asked::Nothing, |(_, asked)| asked)
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::host::testing::Fake;

    #[test]
    fn r25_what_the_boot_menu_asks_is_done_once_in_a_start_that_has_its_data() {
        let fake = Fake::new();
        fake.put("/proc/cmdline", "quiet\n");
        assert_eq!(asked(&fake), Asked::Nothing);
        for (word, what) in [("postern.recover", Asked::Recovery), ("postern.reset", Asked::Reset)] {
            fake.put("/proc/cmdline", &format!("quiet {word}\n"));
            assert_eq!(asked(&fake), what);
            assert!(!fake.path(ASKED).exists());
            // The TPM did not give the key in this start: once more, as always.
            fake.put(VAR_LOST, "");
            assert_eq!(asked(&fake), Asked::Again);
            std::fs::remove_file(fake.path(VAR_LOST)).unwrap();
            fake.put("/proc/cmdline", "quiet\n");
            assert_eq!(asked(&fake), what);
            assert_eq!(asked(&fake), Asked::Nothing);
        }
        // Data that are lost for good: the reset goes on all the same.
        fake.put(VAR_LOST, "");
        fake.put(ASKED, "postern.reset");
        assert_eq!(asked(&fake), Asked::Reset);
        for bad in ["postern.reset now", "rm -rf /", "\n"] {
            fake.put(ASKED, bad);
            assert_eq!(asked(&fake), Asked::Nothing);
        }
    }
}
