//! The line itself: bytes from a terminal made into keys, frames made into as few bytes as they need.
//!
//! In: a terminal device and the signals of the process; out: events for the runner, bytes for the device. It knows nothing of
//! screens, operators or posternd, and nothing here that can be made to wait by a line is ever waited for by the runner.
//!
//! - `keys`     bytes in, keys and sizes out; pure
//! - `backend`  ratatui's backend: two grids, and the shortest way from one to the other; pure
//! - `probe`    how large the terminal is; pure
//! - `tty`      the device: raw, and given back as it was
//! - `io`       the threads that read and write it

pub mod backend;
pub mod io;
pub mod keys;
pub mod probe;
pub mod tty;

#[cfg(test)]
mod tests;

/// Columns and rows that a terminal can have: what lies outside is a broken answer, or one that was made up to fill the memory.
pub const SANE: std::ops::RangeInclusive<u16> = 4..=500;
