//! The console: the whole box from a screen or a serial line, for people who have never seen it and people in a hurry.
//!
//! In: keys from the line, answers from posternd; out: a screen. It knows posternd by [`crate::control`] alone, over `console.sock`
//! (R24), reads no store, and never leads to a shell.
//!
//! ```text
//! line -> term -> event -> app -> screen on top -> actions -> app -> effects -> runner -> term, link, readers
//!                   ^                                                                  |
//!                   +---------------- link <- posternd, readers <- tokens <------------+
//! ```
//!
//! - `args`, `main`, `keeper` the program; `lines` what each line was told to show
//! - `key`, `caps`, `term` what a line says and shows
//! - `event` what can happen; `app` all state, which events alone change; `runner` the loop around it; `link` the way to posternd,
//!   `troubles` what is wrong where there is no posternd, `readers` the way to hardware tokens
//! - `screen` what a screen is, `action` what it wants done, `page` what it draws on; `screens` all of them; `widgets` their parts;
//!   `guide` what has to be typed elsewhere

pub mod action;
pub mod app;
pub mod args;
pub mod caps;
pub mod event;
pub mod guide;
pub mod keeper;
pub mod key;
pub mod lines;
pub mod link;
mod main;
pub mod page;
pub mod readers;
pub mod record;
pub mod runner;
pub mod screen;
pub mod screens;
pub mod term;
pub mod widgets;

pub use main::main;

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs
)]
pub mod testing;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod document;
