//! What a program of the box asks of the operating system: to keep its memory to itself, and random bytes.

use nix::sys::resource::{Resource, setrlimit};

/// No core file may hold a secret (R21): neither may the kernel write one, nor another process of the same user read our memory.
///
/// # Errors
/// The kernel refused the first of the two; the second was tried anyway.
pub fn forbid_core_files() -> nix::Result<()> {
    let first = nix::sys::prctl::set_dumpable(false);
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    first
}

/// Fills with random bytes from the operating system. Without them nothing may go on.
#[allow(clippy::panic)] // A box without randomness must not answer; the system's source does not fail once it is up.
pub fn fill_random(bytes: &mut [u8]) {
    use ring::rand::SecureRandom;
    if ring::rand::SystemRandom::new().fill(bytes).is_err() {
        panic!("the operating system gives no random bytes");
    }
}
