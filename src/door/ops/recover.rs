//! A box in recovery. In: a console that nobody is logged in at; out: one new installer, and nothing else: no look at a user, no login, no
//! other request, at neither socket. Whoever comes to log in later is told of it for a week.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::DoorOps;
use super::entry::By;
use crate::control::operators::{Hello, LogIn, Moved, OperatorAdd, Session};
use crate::control::ops::{Answer, Failure, Request};
use crate::control::peer::{Operations, Peer, Standing};
use crate::door::Door;
use crate::door::alarms::Grave;
use crate::door::staff::seats::Seat;
use crate::store::StoreError;
use crate::store::records::Timestamp;
use crate::text::shown;
use crate::times::shown_at;

/// The alarm's code.
pub(in crate::door) const ALARM: &str = "recovery";

/// The operations of a box in recovery.
pub struct Recovery {
    ops: Arc<DoorOps>,
    made: watch::Sender<bool>,
    busy: AtomicBool,
}

impl Recovery {
    /// Of this box. The sender hears when the installer is made.
    pub fn new(ops: Arc<DoorOps>, made: watch::Sender<bool>) -> Self {
        Self {
            ops,
            made,
            busy: AtomicBool::new(false),
        }
    }
}

fn refused() -> Failure {
    Failure::refused(
        "the box is in recovery: it makes a new installer and does nothing else; it starts as always afterwards",
    )
}

impl Operations for Recovery {
    type Seat = Seat;

    async fn perform(&self, _by: &Peer, _request: Request) -> Result<Answer, Failure> {
        Err(refused())
    }

    fn hello(&self) -> Hello {
        // The console then asks for a new operator.
        Hello {
            operators: *self.made.borrow(),
            ..self.ops.hello()
        }
    }

    async fn log_in(&self, _uid: u32, _ask: LogIn) -> Result<(Seat, Session), Failure> {
        Err(refused())
    }

    async fn first(&self, uid: u32, ask: OperatorAdd) -> Result<(Seat, Session), Failure> {
        // One, from whichever console is first.
        if self.busy.swap(true, Ordering::AcqRel) {
            return Err(refused());
        }
        let inner = Arc::clone(&self.ops.0);
        let made = self.ops.0.task(inner.first(uid, ask, By::Recovery)).await;
        match &made {
            Ok(_) => drop(self.made.send(true)),
            Err(_) => self.busy.store(false, Ordering::Release),
        }
        made
    }

    fn standing(&self, seat: &Seat) -> Result<Standing, String> {
        self.ops.standing(seat)
    }

    async fn left(&self, uid: u32, seat: Seat, why: &str) {
        self.ops.left(uid, seat, why).await;
    }

    fn refused(&self, uid: u32, by: Option<&Standing>, request: &Request, failure: &Failure) {
        self.ops.refused(uid, by, request, failure);
    }

    fn moved(&self) -> Moved {
        self.ops.moved()
    }

    fn idle(&self) -> Duration {
        self.ops.idle()
    }
}

impl Door {
    /// For a week of running time after a recovery everybody who logs in hears of it.
    pub(in crate::door) fn tell_recovered(&self, at: Timestamp, name: &str, now: Timestamp) -> Result<(), StoreError> {
        if self.told_left(at)?.is_none() {
            return Ok(());
        }
        let when = shown_at(at, &jiff::tz::TimeZone::UTC);
        let what = format!(
            "{} was made an installer by recovery, with the prepared stick, {when} UTC",
            shown(name)
        );
        let todo = "If none of you did that, remove that operator and find out who was at the box; prepare a new stick";
        self.raise(ALARM, Grave::Some, what, todo, now);
        Ok(())
    }
}
