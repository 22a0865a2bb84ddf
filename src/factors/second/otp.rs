//! One-time codes of either kind: moved by the time ([`super::totp`]) or by a counter ([`super::hotp`]). In: a seed, its parameters,
//! what is remembered of it, the time, and the bytes that came; out: the step or counter they belong to. Pure; never says that a
//! code may be used (R16).

use zeroize::Zeroizing;

use super::totp::{Candidate, Far};
use super::{hotp, totp};
use crate::secret::Secret;
use crate::store::records::{OtpParameters, SeedState, Timestamp};

/// The counter of a counter token's next code.
pub fn next_counter(state: &SeedState) -> u64 {
    hotp::next(state.last())
}

/// Whether these bytes are a code of this token about now: in the window of the time, or of the counter. It may be spent: whoever
/// asks looks at the last step.
pub fn check(seed: &Secret, p: &OtpParameters, now: Timestamp, state: &SeedState, code: &[u8]) -> Option<Candidate> {
    match p {
        OtpParameters::Totp(p) => totp::check(seed, p, now, state.drift, code),
        OtpParameters::Hotp(p) => hotp::check(seed, p, state.last(), code).map(counted),
    }
}

/// Resync: two codes that follow each other, in the wide window.
pub fn check_wide(
    seed: &Secret,
    p: &OtpParameters,
    now: Timestamp,
    state: &SeedState,
    codes: [&[u8]; 2],
) -> Option<Candidate> {
    match p {
        OtpParameters::Totp(p) => totp::check_wide(seed, p, now, codes),
        OtpParameters::Hotp(p) => hotp::check_wide(seed, p, state.last(), codes).map(counted),
    }
}

/// The code of one step or counter.
pub fn code_at(seed: &Secret, p: &OtpParameters, step: u64) -> Zeroizing<String> {
    match p {
        OtpParameters::Totp(p) => totp::code_at(seed, p, step),
        OtpParameters::Hotp(p) => hotp::code_at(seed, p, step),
    }
}

/// Diagnosis of a wrong code of a token that the time moves: the step within the wide window that it belongs to.
pub fn out_of_window(seed: &Secret, p: &OtpParameters, now: Timestamp, code: &[u8]) -> Option<Far> {
    match p {
        OtpParameters::Totp(p) => totp::out_of_window(seed, p, now, code),
        OtpParameters::Hotp(_) => None,
    }
}

/// Diagnosis of a wrong code of a counter token: by how many codes its counter is ahead of the expected one. A thousand hashes: for
/// codes that have been counted as wrong, so that nobody asks for it without end.
pub fn ahead(seed: &Secret, p: &OtpParameters, state: &SeedState, code: &[u8]) -> Option<u64> {
    match p {
        OtpParameters::Totp(_) => None,
        OtpParameters::Hotp(p) => hotp::ahead(seed, p, state.last(), code),
    }
}

fn counted(counter: u64) -> Candidate {
    Candidate {
        step: counter,
        drift: 0,
    }
}
