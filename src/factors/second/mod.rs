//! The second factor: what came in the place of a code, and whether it is one. In: bytes, seeds, the time; out: the step that
//! matched, or nothing. Pure; whether a step was spent before is the journal's to say (R16).

pub mod bypass;
pub mod credential;
pub mod drift;
pub mod hotp;
pub mod otp;
pub mod totp;
