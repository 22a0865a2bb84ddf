//! The first start of a new version. In: a box that was started with a count; out: the version is kept, or the box starts again and the
//! boot loader takes the one before. posternd answers its own probe on a copy of the store first; only after the count is off does it open
//! the real one (R20: the schema is raised after the trial is kept). What hangs is restarted by the watchdog, and that ends the trial
//! just the same.

use std::time::Duration;

use super::manifest::UpdateError;
use super::slots;
use super::staging::{STAGING_DIR, Staging};
use crate::host::exec::Machine;
use crate::host::troubles;
use crate::store::records::Timestamp;
use crate::text::shown;

/// What starts units and the box.
pub const SYSTEMCTL: &str = "/usr/bin/systemctl";
/// Left by the initrd where it could not open /var.
const VAR_LOST: &str = "/run/postern-host/var-lost";
/// posternd as in its own unit, but with `--trial`.
const UNIT: &str = "posternd-trial.service";
/// What posternd says of a trial that failed, one line.
const WHY: &str = "/run/postern-trial/why";
/// Longer than the unit's own limit.
const LIMIT: Duration = Duration::from_secs(330);

/// How a start went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was no trial, or the version is kept: posternd may open its store.
    Kept,
    /// The box is starting again.
    Back,
}

/// `postern-host trial`, at every start before posternd.
pub fn run(machine: &dyn Machine) -> Outcome {
    if !slots::on_trial(machine) {
        if let Err(error) = slots::settle(machine) {
            tracing::error!("{error}");
        }
        return Outcome::Kept;
    }
    let version = slots::running_text(machine);
    tracing::info!(version, "this version runs on trial");
    match tried(machine) {
        Ok(()) => {
            // The next start would find it, too: what is kept is kept.
            if let Err(error) = kept(machine) {
                tracing::error!("{error}");
            }
            Outcome::Kept
        }
        Err(why) => {
            tracing::error!("the trial of {version} failed: {why}");
            back(machine, &why);
            Outcome::Back
        }
    }
}

/// posternd answers its probe, then the count goes.
fn tried(machine: &dyn Machine) -> Result<(), String> {
    // An empty store in memory would answer its probe: that is no sign that this version can have the box's data.
    if machine.path(VAR_LOST).exists() {
        return Err("it could not open the box's data".to_owned());
    }
    if troubles::list(machine).iter().any(|one| one.code == "key-lost") {
        return Err("it could not open the key of the box's records".to_owned());
    }
    if let Err(error) = machine.run_for(LIMIT, SYSTEMCTL, &["start", UNIT]) {
        let why = crate::host::files::read(machine, WHY);
        return Err(match why.is_empty() {
            true => format!("RADIUS did not answer its own probe ({error})"),
            false => why.lines().take(1).map(shown).collect(),
        });
    }
    slots::bless(machine)
        .map_err(|error| format!("RADIUS answers, but the boot loader's count could not be taken off: {error}"))?;
    if slots::on_trial(machine) {
        return Err("RADIUS answers, but the boot loader's count is still there".to_owned());
    }
    Ok(())
}

fn kept(machine: &dyn Machine) -> Result<(), UpdateError> {
    slots::settle(machine)?;
    Staging::new(machine.path(STAGING_DIR)).forget()
}

fn back(machine: &dyn Machine, why: &str) {
    let mut applied = slots::applied(machine).unwrap_or_else(|| slots::Applied {
        from: slots::UNKNOWN.to_owned(),
        to: slots::running_text(machine),
        at: Timestamp(0),
        failed: None,
    });
    applied.failed = Some(shown(why));
    if let Err(error) = slots::note_applied(machine, &applied) {
        tracing::error!("{error}");
    }
    if let Err(error) = machine.run(SYSTEMCTL, &["--no-block", "reboot"], b"") {
        tracing::error!(%error, "the box could not be restarted in order");
        let _ = machine.run(SYSTEMCTL, &["--force", "--no-block", "reboot"], b"");
    }
}
