//! Lockout, clock, the directory's breaker and the user's budget (R1). In: [`Known`]; out: [`Ready`]: the code may be looked at now.
//! It takes no permit yet, so that nothing needs to be given back when the code is wrong.

use std::time::Instant;

use super::again::{Basis, LoginKey};
use super::user::{Known, Way};
use super::{Refused, Staged};
use crate::audit::{Reason, Stages};
use crate::factors::first::entra::{Directories, Directory, Off, Paused, Why};
use crate::guard::{BudgetRefusal, Guards, Lock, Station, Subject};
use crate::names::CanonicalName;
use crate::secret::Secret;
use crate::store::records::{First, Timestamp, Unavailable};

use super::request::Trace;

/// Where this login's password is checked.
#[derive(Debug)]
pub(super) enum Checker {
    /// By the gateway (R2).
    Gateway,
    /// Against the local hash alone (R4): argon2id in PHC form.
    Local(Secret),
    /// At the tenant of the name's domain.
    Entra(Directory),
}

/// A login whose code may be looked at.
#[derive(Debug)]
pub struct Ready {
    pub(super) trace: Trace,
    pub(super) name: CanonicalName,
    pub(super) subject: Subject,
    pub(super) station: Station,
    pub(super) field: Secret,
    pub(super) state: Option<Vec<u8>>,
    pub(super) login_key: Option<LoginKey>,
    pub(super) basis: Basis,
    pub(super) way: Way,
    pub(super) checker: Checker,
    /// The time, trusted (R19).
    pub(super) now: Timestamp,
}

/// What the directory's pause means for a login (R14, R15).
pub(super) fn paused(paused: Paused, now: Instant, wall: Timestamp) -> Reason {
    let until = wall.plus(paused.until.saturating_duration_since(now));
    match paused.why {
        Why::Loop => Reason::UserPaused { until },
        Why::Throttled | Why::Outage => Reason::DirectoryPaused { until },
    }
}

/// "Not available" as the client wants to hear it (R15).
pub(super) fn unavailable(trace: Trace, reason: Reason) -> Box<super::Ended> {
    match trace.client.record.unavailable {
        Unavailable::Reject => Refused::reject(trace, reason),
        Unavailable::Drop => Refused::silent(trace, reason),
    }
}

pub(super) fn locked(lock: Lock) -> Reason {
    match lock {
        Lock::Station { until } => Reason::StationLocked { until },
        Lock::Client { until } => Reason::ClientLocked { until },
        Lock::User => Reason::UserLocked { until: None },
    }
}

impl Known {
    /// Lockout (R17), clock (R19), breaker and budget (R14), in that order.
    pub fn ready(
        self,
        guards: &Guards,
        trusted: Option<Timestamp>,
        directories: &Directories,
        at: Instant,
    ) -> Staged<Ready> {
        let Known {
            mut trace,
            name,
            subject,
            station,
            field,
            state,
            login_key,
            basis,
            local_password,
            way,
        } = self;
        let Some(now) = trusted else {
            return Err(Refused::silent(trace, Reason::ClockUntrusted));
        };
        if let Some(lock) = guards
            .look(subject, |guard| guard.lockouts.locked(station, now))
            .flatten()
        {
            return Err(Refused::reject(trace, locked(lock)));
        }
        trace.passed(Stages::LOCKOUT);
        let checker = match (&way, local_password, trace.client.record.first) {
            (Way::CodeOnly(..), _, _) => Checker::Gateway,
            (_, Some(hash), _) => Checker::Local(hash),
            (_, None, First::Local | First::None) => return Err(Refused::reject(trace, Reason::NoLocalPassword)),
            (_, None, First::Entra) => match directories.get(name.domain().unwrap_or_default()) {
                Ok(directory) => Checker::Entra(directory),
                Err(Off::NoTenant) => return Err(Refused::reject(trace, Reason::NoTenant)),
                Err(Off::Unproven) => return Err(Refused::reject(trace, Reason::EntraOff)),
            },
        };
        // The answer to a challenge asks no directory.
        if let (Checker::Entra(directory), None) = (&checker, &state) {
            if let Err(pause) = directory.breaker().lock().may(at, name.as_str()) {
                return Err(unavailable(trace, paused(pause, at, now)));
            }
            let limit = directory.tenant().budget;
            let refused = guards
                .look(subject, |guard| {
                    guard
                        .budget
                        .may(limit, guard.lockouts.is_known(station, now), now)
                        .err()
                })
                .flatten();
            if let Some(BudgetRefusal::Spent { known_stations_may }) = refused {
                return Err(Refused::reject(trace, Reason::BudgetSpent { known_stations_may }));
            }
        }
        trace.passed(Stages::CLOCK);
        Ok(Ready {
            trace,
            name,
            subject,
            station,
            field,
            state,
            login_key,
            basis,
            way,
            checker,
            now,
        })
    }
}
