//! The factors: what proves a person.

pub mod first;
pub mod second;
