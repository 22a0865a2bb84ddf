//! Postern
pub mod control;
pub mod enrol;
pub mod factors;
pub mod journal;
pub mod pipeline;
pub mod radius;
pub mod secret;
pub mod store;
pub mod text;
