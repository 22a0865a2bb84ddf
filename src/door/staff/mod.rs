//! Who works at the consoles: the names that are locked after wrong passwords, the sessions that stand, and refusals alike that are
//! counted together. In memory; what must outlive a restart stands in the operators' records. It checks no password and writes
//! nothing.

pub mod alike;
pub mod locks;
pub mod restore;
pub mod restricted;
pub mod seats;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::audit::OperatorAct;
use alike::Alike;
use locks::Locks;
use seats::Seats;

/// Passwords of operators that are checked at once: argon2id uses a core and 19 MiB each.
pub const CHECKS: usize = 2;

/// Everything about operators that is no record.
pub struct Staff {
    /// Names that are locked, or will be.
    pub locks: Locks,
    /// Sessions that stand.
    pub seats: Arc<Seats>,
    /// Refusals alike.
    pub alike: Alike,
    /// A place in it is needed to check a password.
    pub checks: Semaphore,
    /// Held by whoever reads an operator's record to write it.
    pub alone: Mutex<()>,
    /// What was done and could not be put on record yet: nothing more is done before it is.
    pub unwritten: Mutex<Vec<OperatorAct>>,
    /// There is no operator, but there was one, or the store was restored: only `control.sock` makes the next one (R24).
    pub shut: AtomicBool,
    /// After a restore no operator's code may be checked before the last steps were raised (R20).
    pub stale_steps: AtomicBool,
    /// Up to when the time that was running is taken from what is left in [`restricted`].
    pub counted: Mutex<Instant>,
}

impl Default for Staff {
    fn default() -> Self {
        Self {
            locks: Locks::default(),
            seats: Arc::default(),
            alike: Alike::default(),
            checks: Semaphore::new(CHECKS),
            alone: Mutex::default(),
            unwritten: Mutex::default(),
            shut: AtomicBool::default(),
            stale_steps: AtomicBool::default(),
            counted: Mutex::new(Instant::now()),
        }
    }
}
