//! The way of a packet, one file a stage, in reading order (R1):
//!
//! | stage | file | makes |
//! |---|---|---|
//! | size and shape; client by source; authenticators | [`receive`], [`clients`] | [`receive::Verified`] |
//! | duplicate of a datagram (R7) | [`duplicates`] | [`duplicates::Entry`] |
//! | the login in it | [`request`] | [`request::Login`] |
//! | name made canonical; user looked up (R3) | [`user`] | [`user::Named`] |
//! | login sent again (R9) | [`again`] | - |
//! | user known, enabled, with a token | [`user`] | [`user::Known`] |
//! | lockout; clock; directory's breaker and budget | [`ready`] | [`ready::Ready`] |
//! | code, spent when it matches; challenges | [`code`], `person`, [`challenge`], [`owed`] | a code's proof |
//! | password, at the directory or here | [`password`] | a password's proof |
//! | the decision | [`decide`] | [`decide::Decision`] |
//!
//! Each stage takes what the one before made, and nothing else can make it. Time comes as an argument; nothing here waits: where a
//! directory must be asked, a stage hands out the question and takes the answer back.

pub mod again;
pub mod challenge;
pub mod clients;
pub mod code;
pub mod decide;
pub mod duplicates;
pub mod owed;
pub mod password;
mod person;
pub mod ready;
pub mod receive;
pub mod request;
pub mod seen;
pub mod user;

use crate::audit::Reason;
use decide::Decision;
use request::Trace;

/// A login that ended at some stage.
#[derive(Debug)]
pub struct Ended {
    /// For the record.
    pub trace: Trace,
    /// What the client hears.
    pub decision: Decision,
}

/// The same, from a stage that stopped it.
pub struct Refused;

impl Refused {
    /// Access-Reject.
    #[allow(clippy::new_ret_no_self)]
    pub(crate) fn reject(trace: Trace, reason: Reason) -> Box<Ended> {
        Box::new(Ended {
            trace,
            decision: Decision::Reject(reason),
        })
    }

    /// No answer.
    pub(crate) fn silent(trace: Trace, reason: Reason) -> Box<Ended> {
        Box::new(Ended {
            trace,
            decision: Decision::Silent(reason),
        })
    }
}

/// What a stage returns: the next stage's input, or the end.
pub type Staged<T> = Result<T, Box<Ended>>;
