//! The first factor: the password.

pub mod entra;
pub mod local;
