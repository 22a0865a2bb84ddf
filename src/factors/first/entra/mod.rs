//! First factor: Microsoft Entra ID, asked by the OAuth2 password grant (ROPC). In: a user's name in its directory form and a
//! password; out: what the directory's answer means for a login. It never says "let in": the pipeline makes the proof from an
//! [`Outcome`], and only from [`Outcome::PasswordRight`].
//!
//! The way of a question: [`Breaker::admit`] says whether the directory may be asked now, [`Directory::ask`] asks it once and
//! never again, [`answer::classify`] reads the answer by the one [`table`], [`decide`] applies the tenant's policies.
//! [`prove`] and [`settings`] serve `entra prove`, `entra test` and `entra set`.

pub mod answer;
pub mod breaker;
pub mod client;
pub mod decide;
pub mod directories;
pub mod prove;
pub mod settings;
pub mod table;
pub mod trouble;

pub use answer::{Answer, OverrideError, check_override};
pub use breaker::{Breaker, Paused, Permit, Why};
pub use client::{Directory, SetupError};
pub use decide::{Outcome, Reason, Standing, decide};
pub use directories::{Directories, Off};
pub use table::{Cause, Password, Row, Verdict};
pub use trouble::Trouble;
