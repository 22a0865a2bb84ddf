//! Postern
pub mod audit;
pub mod cli;
pub mod clock;
pub mod control;
pub mod door;
pub mod enrol;
pub mod factors;
pub mod guard;
pub mod journal;
pub mod names;
pub mod pipeline;
pub mod radius;
pub mod seal;
pub mod secret;
pub mod store;
pub mod text;
