//! Operators at the door of a console: the first one, logins, log-outs. In: a name, a password, a code; out: a seat and a session, or
//! one line that does not say what was wrong. A password is checked off the packet's threads, two at once; a name that nobody has
//! takes as long as one that somebody has. Every try goes on record (R23).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::common::store_failure;
use super::operators::{made, persist_wrong, role_word, used};
use super::{Inner, broken};
use crate::audit::OperatorAct;
use crate::control::check;
use crate::control::operators::{Hello, LogIn, Moved, OperatorAdd, Session};
use crate::control::ops::{Failure, FailureKind};
use crate::control::peer::{Role, Standing};
use crate::door::Door;
use crate::door::staff::locks::Try;
use crate::door::staff::seats::Seat;
use crate::factors::first::local;
use crate::secret::Secret;
use crate::store::Change;
use crate::store::records::{Operator, Timestamp};
use crate::text::shown;

/// What a name is checked against that no operator has: it fits no password, and takes as long.
pub(in crate::door) const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZWJvZHkgZWxzZSE$UG9zdGVybjogbm9ib2R5J3MgcGFzc3dvcmQuIE5v4oA";
/// The one thing that is said of a login that failed.
const WRONG: &str = "name, password or code is wrong";
/// What stands on record for a name that nobody has.
const UNKNOWN: &str = "(a name that nobody has)";
/// Characters of a line's name that are kept.
const LINE_MAX: usize = 24;

/// The operators' journal's word for an installer made by recovery; the record's target is the name.
pub(in crate::door) const RECOVERED: &str = "recovery operator";

/// How somebody becomes an operator without being let in by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// There is none yet (R24).
    FirstStart,
    /// The prepared stick was in the box, and that is on record.
    Recovery,
}

/// An operator who was checked.
struct Checked {
    operator: Operator,
    last: Option<Timestamp>,
    failures: u32,
    clock_only: bool,
}

/// Why one was not let in.
enum No {
    /// Counts; the word is for the record only.
    Wrong(&'static str),
    /// Counts for nothing.
    Failed(Failure),
}

impl Inner {
    pub(super) fn hello(&self) -> Hello {
        let door = &self.door;
        Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: super::status::host(),
            // A box that had operators is no first start, though none is there: the console asks for a login.
            operators: !door.store.operators().is_empty() || door.staff.shut.load(Ordering::Acquire),
            answering: door.answers(),
            clock_trusted: door.clock.is_trusted(),
        }
    }

    pub(super) fn moved(&self) -> Moved {
        self.door.moved()
    }

    /// How the operator of this seat stands now.
    pub(super) fn standing(&self, seat: &Seat) -> Result<Standing, String> {
        let operators = self.door.store.operators();
        let operator = self.door.staff.seats.standing(seat.number, &operators)?;
        Ok(Standing {
            operator: operator.name,
            line: seat.line.clone(),
            seat: seat.number,
            role: operator.role,
            token: operator.token.is_some_and(|token| token.confirmed),
            clock_trusted: self.door.clock.is_trusted(),
        })
    }

    /// A login, and its record.
    pub(super) async fn log_in(self: Arc<Self>, uid: u32, ask: LogIn) -> Result<(Seat, Session), Failure> {
        let name = shown(&ask.name.trim().to_ascii_lowercase());
        let line = shown_line(&ask.line);
        let known = self.door.store.operators().iter().any(|one| one.name == name);
        let act = OperatorAct {
            line: line.clone(),
            // What nobody is called is perhaps a password that was typed into the wrong field.
            target: if known { name.clone() } else { UNKNOWN.to_owned() },
            ..blank(uid, "log in")
        };
        let attempt = match self.door.staff.locks.begin(&name, known, Instant::now()) {
            Ok(attempt) => attempt,
            Err(left) => {
                self.failed(act, "the name is locked", !known);
                return Err(locked(left));
            }
        };
        let checked = {
            let Ok(_place) = self.door.staff.checks.acquire().await else {
                return Err(broken());
            };
            let (inner, name) = (Arc::clone(&self), name.clone());
            let check = tokio::task::spawn_blocking(move || inner.check(&name, &ask.password, ask.code.as_ref()));
            check.await.unwrap_or_else(|_| Err(No::Failed(broken())))
        };
        match checked {
            Err(No::Failed(failure)) => {
                self.failed(act, &failure.message, !known);
                Err(failure)
            }
            Err(No::Wrong(why)) => {
                self.wrong(attempt, &name);
                self.failed(act, why, !known);
                Err(Failure::refused(WRONG))
            }
            Ok(checked) => {
                attempt.right();
                self.seat(uid, line, checked).await
            }
        }
    }

    /// The first operator, who is logged in by it; by recovery a new installer, though there are others.
    pub(super) async fn first(self: Arc<Self>, uid: u32, ask: OperatorAdd, by: By) -> Result<(Seat, Session), Failure> {
        let line = shown_line(&ask.line);
        let named = format!("{}, role {}", shown(&ask.name), role_word(ask.role));
        let mut act = OperatorAct {
            line: line.clone(),
            target: UNKNOWN.to_owned(),
            ..blank(uid, "operator add")
        };
        let added = self.add_first(ask, by).await;
        match &added {
            Ok(operator) => {
                (act.target, act.staff) = (named, Some(operator.id));
                self.record(act).await?;
                if by == By::Recovery {
                    let target = operator.name.clone();
                    let line = line.clone();
                    self.record(OperatorAct {
                        line,
                        target,
                        ..blank(uid, RECOVERED)
                    })
                    .await?;
                }
            }
            Err(failure) => {
                act.result = Err(failure.message.clone());
                self.collect(act, true);
            }
        }
        let operator = added?;
        let checked = Checked {
            operator,
            last: None,
            failures: 0,
            clock_only: !self.door.clock.is_trusted(),
        };
        self.seat(uid, line, checked).await
    }

    /// The hash before, the record under the lock of all changes, so that of two consoles one makes the first operator.
    async fn add_first(self: &Arc<Self>, ask: OperatorAdd, by: By) -> Result<Operator, Failure> {
        self.may_be(by, ask.role)?;
        let Ok(_place) = self.door.staff.checks.acquire().await else {
            return Err(broken());
        };
        let inner = Arc::clone(self);
        let add = tokio::task::spawn_blocking(move || {
            let made = made(&inner.door, &ask);
            let _alone = inner.changes.lock();
            inner.may_be(by, ask.role)?;
            // Nobody could tell later where the first one came from.
            inner.recordable()?;
            let mut operator = made?;
            operator.last = Some(crate::clock::wall());
            if by == By::Recovery {
                inner.door.restrict(&operator.name).map_err(store_failure)?;
            }
            super::operators::put_new(&inner.door, operator)
        });
        add.await.unwrap_or_else(|_| Err(broken()))
    }

    fn may_be(&self, by: By, role: Role) -> Result<(), Failure> {
        if by == By::Recovery {
            return match role {
                Role::Installer => Ok(()),
                _ => Err(Failure::refused(
                    "recovery makes an installer: add the others afterwards",
                )),
            };
        }
        if self.door.staff.shut.load(Ordering::Acquire) {
            return Err(Failure::new(
                FailureKind::LogInFirst,
                "this box had operators: add one with `postern operator add` on the box itself",
            ));
        }
        if self.door.store.operators().is_empty() {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::LogInFirst,
            "there is an operator now: log in first",
        ))
    }

    /// The seat and the session of an operator who was checked, after the record is on the disk.
    async fn seat(&self, uid: u32, line: String, checked: Checked) -> Result<(Seat, Session), Failure> {
        let operator = checked.operator;
        let alone = if checked.clock_only { ", to the clock alone" } else { "" };
        let act = OperatorAct {
            operator: operator.name.clone(),
            line: line.clone(),
            target: format!("{}{alone}", operator.name),
            ..blank(uid, "log in")
        };
        let seat = self.door.staff.seats.take(&operator, line);
        self.record_some(act).await?;
        let session = Session {
            operator: operator.name,
            role: operator.role,
            clock_only: checked.clock_only,
            idle_seconds: u32::try_from(self.idle.as_secs()).unwrap_or(u32::MAX),
            last: checked.last,
            failures: checked.failures,
        };
        Ok((seat, session))
    }

    /// Password, then code. Blocks.
    fn check(&self, name: &str, password: &Secret, code: Option<&Secret>) -> Result<Checked, No> {
        let door = &self.door;
        let find = |operators: &[Operator]| operators.iter().find(|one| one.name == name).cloned();
        let found = find(&door.store.operators());
        let hash = found.as_ref().map(|one| one.password.clone());
        let hash = hash.filter(|hash| !hash.is_empty());
        let fits = local::verify(&hash.unwrap_or_else(|| Secret::from(NOBODY)), password);
        let Some(found) = found else {
            return Err(No::Wrong("there is no operator of that name"));
        };
        let clock = door.clock.now();
        let token = found.token.as_ref().is_some_and(|token| token.confirmed);
        // Whatever the password is: for a moment nobody with a token gets in, and hears no more than others.
        if token && clock.is_some() && door.staff.stale_steps.load(Ordering::Acquire) {
            return Err(No::Wrong("the store was restored, and old codes are being made void"));
        }
        if !fits {
            return Err(No::Wrong("wrong password"));
        }
        if !found.enabled {
            return Err(No::Wrong("the operator is disabled"));
        }
        let _alone = door.staff.alone.lock();
        // While the password was checked, the record may have become another one.
        let mut now = find(&door.store.operators())
            .filter(|now| (now.id, now.generation) == (found.id, found.generation))
            .ok_or(No::Wrong("the operator was changed while the password was checked"))?;
        let mut spent = false;
        if let Some(token) = now.token.as_mut().filter(|token| token.confirmed)
            && let Some(clock) = clock
        {
            let code = code.and_then(Secret::expose_str).map(check::code);
            let Some(Ok(code)) = code else {
                return Err(No::Wrong("no code"));
            };
            used(token, clock, &zeroize::Zeroizing::new(code)).map_err(No::Wrong)?;
            spent = true;
        }
        let (last, failures) = (now.last, now.failures);
        (now.last, now.failures, now.wrong) = (Some(crate::clock::wall()), 0, 0);
        let written = door.store.apply(vec![Change::PutOperator(now.clone())]);
        match written {
            Ok(_) => {}
            // A code that is not spent on the disk lets nobody in (R16).
            Err(error) if spent => return Err(No::Failed(store_failure(error))),
            Err(error) => tracing::error!(%error, "an operator's login could not be noted"),
        }
        Ok(Checked {
            operator: now,
            last,
            failures,
            clock_only: clock.is_none(),
        })
    }

    /// Counts a wrong one. It is written afterwards, so that an operator's name takes no longer than another.
    pub(super) fn wrong(self: &Arc<Self>, attempt: Try<'_>, name: &str) {
        attempt.wrong(Instant::now());
        let (inner, name) = (Arc::clone(self), name.to_owned());
        tokio::task::spawn_blocking(move || persist_wrong(&inner.door, &name));
    }

    /// A session is over.
    pub(super) async fn left(&self, uid: u32, seat: Seat, why: &str) {
        let act = OperatorAct {
            operator: seat.name.clone(),
            line: seat.line.clone(),
            target: match why {
                "" => String::new(),
                why => format!("({why})"),
            },
            ..blank(uid, "log out")
        };
        drop(seat);
        if let Err(failure) = self.record_some(act).await {
            tracing::error!("{failure}");
        }
    }

    fn failed(&self, act: OperatorAct, why: &str, stranger: bool) {
        let result = Err(why.to_owned());
        self.collect(OperatorAct { result, ..act }, stranger);
    }

    /// On record now, or counted with those alike.
    pub(super) fn collect(&self, act: OperatorAct, stranger: bool) {
        if let Some(act) = self.door.staff.alike.take(act, stranger) {
            self.door.note_act(act);
        }
    }

    /// On record now, or counted where it is one of too many (R23).
    async fn record_some(&self, act: OperatorAct) -> Result<(), Failure> {
        match self.door.staff.alike.take(act, false) {
            Some(act) => self.record(act).await,
            None => Ok(()),
        }
    }

    pub(super) async fn record(&self, act: OperatorAct) -> Result<(), Failure> {
        let action = act.action.clone();
        let written = self.door.record_act(act).await;
        written.map(drop).map_err(|error| {
            Failure::failed(format!(
                "{action}: it could not be put on record: {error}; make room on the disk"
            ))
        })
    }
}

/// An act of nobody's on nothing.
pub(super) fn blank(uid: u32, action: &str) -> OperatorAct {
    OperatorAct {
        at: crate::clock::wall(),
        uid,
        operator: String::new(),
        line: String::new(),
        action: action.to_owned(),
        target: String::new(),
        users: Vec::new(),
        user: None,
        client: None,
        staff: None,
        result: Ok(()),
        count: 1,
    }
}

/// The line of a console as it goes on record.
fn shown_line(line: &str) -> String {
    shown(line).chars().take(LINE_MAX).collect()
}

/// What is said of a name that is locked.
pub(super) fn locked(left: Duration) -> Failure {
    let seconds = left.as_secs_f64().ceil() as u64;
    let wait = match seconds {
        0..=1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        more => format!("{} minutes", more.div_ceil(60)),
    };
    Failure::refused(format!(
        "too many wrong passwords or codes for that name: wait {wait}, or ask an installer to unlock it"
    ))
}

/// A role that the first operator may have.
pub(super) fn first_role(door: &Door, role: Role) -> Result<(), Failure> {
    if role != Role::Installer && door.store.operators().is_empty() {
        return Err(Failure::refused(
            "the first operator is an installer: add that one first",
        ));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    /// A hash that does not parse would be compared in no time, and tell which names there are.
    #[test]
    fn r24_a_name_that_nobody_has_takes_as_long() {
        let nobody = argon2::password_hash::PasswordHash::new(NOBODY).unwrap();
        let made = local::hash(&"correct horse battery".into(), &[7; 16]).unwrap();
        let made = argon2::password_hash::PasswordHash::new(made.expose_str().unwrap()).unwrap();
        assert_eq!(
            (nobody.algorithm, nobody.version, &nobody.params),
            (made.algorithm, made.version, &made.params)
        );
        assert_eq!(nobody.hash.unwrap().len(), made.hash.unwrap().len());
        assert!(!local::verify(&NOBODY.into(), &"".into()));
    }
}
