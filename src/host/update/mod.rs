//! Updates: fetched, verified, written into the other slot, tried once, kept or not. In: a source that nobody trusts; out: a signed release
//! in the box's own storage, and only from there into the other slot, by systemd-sysupdate. It never writes the slot that runs, takes
//! no name or path from a caller, and takes nothing older than what runs.
//!
//! - [`manifest`] what a release says of itself, and who has signed it
//! - [`source`] the stick and the web: bytes that nobody has checked
//! - [`staging`] the box's own copy, checked
//! - [`slots`] which version runs, which waits, how the last update ended
//! - [`trial`] the first start of a new version

pub mod manifest;
pub mod slots;
pub mod source;
pub mod staging;
pub mod trial;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;

use super::exec::Machine;
use super::ops::{STICK_DIR, UpdateReport, UpdateSource, UpdateStage};
use crate::control::ops::Failure;
use crate::store::records::Timestamp;
use manifest::{KEYS_DIR, Keys, Manifest, UpdateError};
use slots::Applied;
use source::{Folder, Source, Web};
use staging::{STAGING_DIR, Staging};
use trial::SYSTEMCTL;

/// What writes partitions and the boot partition.
const SYSUPDATE: &str = "/usr/lib/systemd/systemd-sysupdate";
/// A slow eMMC writes 400 MB in it.
const WRITE_LIMIT: Duration = Duration::from_secs(20 * 60);

/// Updates of this machine: one for the program.
pub struct Updates {
    machine: Arc<dyn Machine>,
    state: Arc<State>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct State {
    stage: Mutex<UpdateStage>,
    stop: AtomicBool,
    /// The stick is read.
    from_stick: AtomicBool,
}

impl Updates {
    /// Finds what an earlier run fetched.
    pub fn new(machine: Arc<dyn Machine>) -> Self {
        let updates = Self {
            machine,
            state: Arc::default(),
            worker: Mutex::default(),
        };
        let stage = match updates.keys().and_then(|keys| updates.staging().known(&keys)) {
            Ok(Some(manifest)) => ready(&manifest),
            Ok(None) | Err(UpdateError::NoKeys(_)) => UpdateStage::Idle,
            Err(error) => failed(&error),
        };
        *updates.state.stage.lock() = stage;
        updates
    }

    /// How updates stand.
    pub fn show(&self) -> UpdateReport {
        let machine = self.machine.as_ref();
        let over = self.worker.lock().as_ref().is_some_and(JoinHandle::is_finished);
        let mut stage = self.state.stage.lock();
        if over && matches!(*stage, UpdateStage::Fetching { .. }) {
            self.state.from_stick.store(false, Ordering::Release);
            *stage = UpdateStage::Failed {
                why: "the copying ended by a fault of this program: fetch it again".to_owned(),
            };
        }
        let stage = stage.clone();
        UpdateReport {
            running: slots::running_text(machine),
            trial: slots::on_trial(machine),
            other: slots::other(machine),
            stage,
            last: slots::last(machine).map(|last| last.words),
        }
    }

    /// Whether the stick is read just now: it may not be released then.
    pub fn reads_stick(&self) -> bool {
        self.state.from_stick.load(Ordering::Acquire)
    }

    /// Begins to copy and verify, in the background.
    ///
    /// # Errors
    /// Something is under way, or it cannot begin.
    pub fn fetch(&self, from: &UpdateSource) -> Result<UpdateReport, Failure> {
        let mut worker = self.idle_worker()?;
        let keys = self.keys().map_err(refused)?;
        let running = slots::running(self.machine.as_ref()).ok_or_else(|| {
            Failure::failed("this image does not say which version it is: update it by writing a new one")
        })?;
        let source: Box<dyn FnOnce() -> Result<Box<dyn Source>, UpdateError> + Send> = match from {
            UpdateSource::Stick => {
                let (stick, keys) = (self.machine.path(STICK_DIR), keys.clone());
                self.state.from_stick.store(true, Ordering::Release);
                Box::new(move || newest(Folder::all(&stick)?, &keys))
            }
            UpdateSource::Url { url } => {
                let web = Web::new(url).map_err(|error| Failure::usage(error.to_string()))?;
                Box::new(move || Ok(Box::new(web)))
            }
        };
        let (state, staging) = (Arc::clone(&self.state), self.staging());
        state.stop.store(false, Ordering::Release);
        *state.stage.lock() = UpdateStage::Fetching { percent: 0 };
        let telling = Arc::clone(&state);
        let work = move || {
            let tell = |percent| *telling.stage.lock() = UpdateStage::Fetching { percent };
            let fetched =
                source().and_then(|mut source| staging.fetch(source.as_mut(), &keys, &running, &tell, &telling.stop));
            telling.from_stick.store(false, Ordering::Release);
            *telling.stage.lock() = match fetched {
                Ok(manifest) => ready(&manifest),
                Err(UpdateError::Stopped) => staging
                    .forget()
                    .map_or_else(|error| failed(&error), |()| UpdateStage::Idle),
                Err(error) => failed(&error),
            };
        };
        let started = std::thread::Builder::new().name("update".to_owned()).spawn(work);
        *worker = Some(started.map_err(|error| self.not_begun(&error))?);
        drop(worker);
        Ok(self.show())
    }

    /// Writes what was fetched into the other slot, in the background, and restarts the box into it.
    ///
    /// # Errors
    /// There is nothing to write, or something is under way, or the version that runs is itself on trial.
    pub fn apply(&self, now: Timestamp) -> Result<UpdateReport, Failure> {
        let mut worker = self.idle_worker()?;
        if slots::on_trial(self.machine.as_ref()) {
            return Err(Failure::refused(
                "the version that runs is on trial itself: wait until it is kept",
            ));
        }
        if !matches!(*self.state.stage.lock(), UpdateStage::Ready { .. }) {
            return Err(Failure::refused("there is no verified update: fetch one first"));
        }
        *self.state.stage.lock() = UpdateStage::Writing;
        let (machine, state) = (Arc::clone(&self.machine), Arc::clone(&self.state));
        let work = move || {
            if let Err(error) = write(machine.as_ref(), now) {
                slots::forget_applied(machine.as_ref());
                *state.stage.lock() = failed(&error);
            } else if let Err(error) = machine.run(SYSTEMCTL, &["--no-block", "reboot"], b"") {
                let why = format!("the update is written, but the box did not restart ({error}): restart it");
                *state.stage.lock() = UpdateStage::Failed { why };
            }
        };
        let started = std::thread::Builder::new().name("update".to_owned()).spawn(work);
        *worker = Some(started.map_err(|error| self.not_begun(&error))?);
        drop(worker);
        Ok(self.show())
    }

    /// Forgets what was fetched; copying that is under way is stopped.
    ///
    /// # Errors
    /// It is being written just now, or the disk.
    pub fn forget(&self) -> Result<UpdateReport, Failure> {
        if matches!(*self.state.stage.lock(), UpdateStage::Writing) {
            return Err(Failure::refused(
                "the update is being written just now: the box restarts soon",
            ));
        }
        self.state.stop.store(true, Ordering::Release);
        let worker = self.worker.lock();
        // What is under way removes its own pieces at the next of them.
        if worker.as_ref().is_none_or(JoinHandle::is_finished) {
            self.staging().forget().map_err(refused)?;
            *self.state.stage.lock() = UpdateStage::Idle;
        }
        drop(worker);
        Ok(self.show())
    }

    /// Waits until nothing is under way.
    pub fn wait(&self) {
        if let Some(worker) = self.worker.lock().take() {
            let _ = worker.join();
        }
    }

    fn idle_worker(&self) -> Result<parking_lot::MutexGuard<'_, Option<JoinHandle<()>>>, Failure> {
        let worker = self.worker.lock();
        match worker.as_ref() {
            Some(busy) if !busy.is_finished() => {
                Err(Failure::refused("an update is under way: wait for it, or drop it"))
            }
            _ => Ok(worker),
        }
    }

    fn not_begun(&self, error: &std::io::Error) -> Failure {
        self.state.from_stick.store(false, Ordering::Release);
        *self.state.stage.lock() = UpdateStage::Idle;
        Failure::failed(format!("it could not begin: {error}; try again"))
    }

    fn staging(&self) -> Staging {
        Staging::new(self.machine.path(STAGING_DIR))
    }

    fn keys(&self) -> Result<Keys, UpdateError> {
        Keys::load(&self.machine.path(KEYS_DIR))
    }
}

/// Everything is looked at again, on the box's own disk, before the program that looks at nothing is run.
fn write(machine: &dyn Machine, now: Timestamp) -> Result<(), UpdateError> {
    let keys = Keys::load(&machine.path(KEYS_DIR))?;
    let staging = Staging::new(machine.path(STAGING_DIR));
    let nothing = || UpdateError::Source("there is no verified update: fetch one first".to_owned());
    let manifest = staging.ready(&keys)?.ok_or_else(nothing)?;
    let running = slots::running(machine).ok_or_else(nothing)?;
    manifest.follows(&running)?;
    let version = manifest.version.to_string();
    let applied = Applied {
        from: running.to_string(),
        to: version.clone(),
        at: now,
        failed: None,
    };
    slots::note_applied(machine, &applied)?;
    let wrote = |error: super::exec::ExecError| UpdateError::Write(error.to_string());
    machine
        .run_for(WRITE_LIMIT, SYSUPDATE, &["update", &version])
        .map_err(wrote)?;
    let there = slots::kernels(machine);
    if !there
        .iter()
        .any(|kernel| kernel.version == manifest.version && kernel.left == Some(1))
    {
        return Err(UpdateError::Write(
            "no kernel image of it is on the boot partition".to_owned(),
        ));
    }
    Ok(())
}

/// The newest release of those on the stick that are signed and for this box; else what is wrong with the last.
fn newest(folders: Vec<Folder>, keys: &Keys) -> Result<Box<dyn Source>, UpdateError> {
    let mut best: Option<(Manifest, Folder)> = None;
    let mut wrong = UpdateError::Signature;
    for mut folder in folders {
        let manifest = folder
            .manifest()
            .and_then(|(bytes, signatures)| Manifest::parse(&bytes, &signatures, keys));
        match manifest {
            Ok(manifest) if best.as_ref().is_none_or(|(known, _)| known.version < manifest.version) => {
                best = Some((manifest, folder));
            }
            Ok(_) => {}
            Err(error) => wrong = error,
        }
    }
    best.map(|(_, folder)| Box::new(folder) as Box<dyn Source>).ok_or(wrong)
}

fn ready(manifest: &Manifest) -> UpdateStage {
    UpdateStage::Ready {
        version: manifest.version.to_string(),
        notes: manifest.shown_notes(),
    }
}

fn failed(error: &UpdateError) -> UpdateStage {
    tracing::warn!("update: {error}");
    UpdateStage::Failed { why: error.to_string() }
}

fn refused(error: UpdateError) -> Failure {
    Failure::failed(error.to_string())
}
