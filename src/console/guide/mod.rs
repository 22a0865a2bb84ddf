//! What an installer has to type elsewhere, and what a gateway's packets say of its settings. In: the box's address, what a client
//! was seen to send; out: text. Nothing here draws, asks or stores anything; a filled text may hold a secret and is wiped.
//!
//! - `gateways` the settings of each product, line by line; `address` which of the box's addresses a gateway has to ask
//! - `entra` where the IDs stand and how the application is registered
//! - `advice` what is wrong with a client, and what to do

pub mod address;
pub mod advice;
pub mod entra;
pub mod gateways;

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs
)]
pub mod samples;
