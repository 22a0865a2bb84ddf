//! What a program of the box does to itself at its start.

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
