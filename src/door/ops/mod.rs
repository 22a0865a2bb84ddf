//! What operators ask, done. In: a [`Request`] that the server has let through, and who asks; out: an [`Answer`] or one plain line,
//! after the record of what was done is on the disk (R23). It draws nothing, reads no file of an operator's (R25), and answers a secret only
//! where the request exists to show it once (R21).
//!
//! - `common` names, failures, secrets that the box makes
//! - `entry` operators at the door of a console; `operators` their records
//! - `clients`, `users`, `views`, `bypass`, `tokens`, `codes`, `hardware`, `drift`, `unassigned`, `import`, `export`, `entra`,
//!   `ask`, `status`, `knocks`, `host`, `backup` (with `settle`): one group of requests each
//! - `recover` the one thing that can be done in recovery

mod ask;
mod backup;
mod bypass;
mod clients;
mod codes;
mod common;
mod drift;
mod entra;
mod entry;
mod export;
mod hardware;
mod host;
mod import;
mod knocks;
mod operators;
mod recover;
mod settle;
mod status;
mod tokens;
mod unassigned;
mod users;
mod views;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::Door;
use super::staff::seats::Seat;
use crate::audit::OperatorAct;
use crate::control::operators::{Hello, LogIn, Moved, OperatorAdd, Session};
use crate::control::ops::{Answer, Failure, FailureKind, Request};
use crate::control::peer::{Door as Socket, Operations, Peer, Role, Standing, enough};
use crate::text::shown;
use common::Target;
use operators::Ready;

pub(super) use clients::SECRET_LENGTH;
pub(super) use common::{canonical, letters};
pub(super) use entry::{NOBODY, RECOVERED};
pub(super) use hardware::{removed_by, vendors_removed_by};
pub(super) use operators::role_word;
pub(in crate::door) use recover::ALARM as RECOVERY_ALARM;
pub use recover::Recovery;
pub(super) use status::because;
pub(super) use tokens::removal;
pub(super) use unassigned::printed;

/// Bytes of users' names in one record: half of what a record holds, so that the rest has room.
const NAMES_MAX: usize = crate::journal::PAYLOAD_MAX / 2;

/// Without a sign of its operator a console's session ends after this, where the settings say nothing.
pub const IDLE: Duration = Duration::from_secs(5 * 60);

/// On shutdown, what is under way has this long: longer than a directory is asked.
const STOP_WAIT: Duration = Duration::from_secs(15);

/// The box's operations: one for the daemon, shared by both control sockets.
pub struct DoorOps(Arc<Inner>);

struct Inner {
    door: Arc<Door>,
    /// Held by whoever changes records, so that none is changed between being read and being written.
    changes: Mutex<()>,
    /// Without a sign of its operator a console's session ends after this.
    idle: Duration,
    /// Where postern-host listens, on the appliance.
    host: PathBuf,
    /// Held to read by whatever is under way.
    under_way: Arc<tokio::sync::RwLock<()>>,
    /// Nothing more is changed.
    stopping: AtomicBool,
    /// A backup or a restore under way.
    desk: backup::Desk,
}

impl DoorOps {
    /// The operations of this box.
    pub fn new(door: Arc<Door>, idle: Duration, host: PathBuf) -> Self {
        Self(Arc::new(Inner {
            door,
            changes: Mutex::default(),
            idle,
            host,
            under_way: Arc::default(),
            stopping: AtomicBool::new(false),
            desk: backup::Desk::default(),
        }))
    }

    /// At the stop: from now on nothing is changed, and what is under way has ended and is on record when this returns. A directory
    /// that does not answer is not waited for any longer than [`STOP_WAIT`].
    pub async fn finish(&self) {
        self.0.stopping.store(true, Ordering::Release);
        let ended = tokio::time::timeout(STOP_WAIT, self.0.under_way.write());
        if ended.await.is_err() {
            tracing::warn!("an operator's request did not end in time");
        }
    }
}

impl Inner {
    /// A task of its own: neither a peer that goes away nor a stop comes between a change and its record.
    async fn task<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let under_way = Arc::clone(&self.under_way);
        let task = tokio::spawn(async move {
            let _under_way = under_way.read_owned().await;
            work.await
        });
        task.await.unwrap_or_else(|_| Err(broken()))
    }
}

impl Operations for DoorOps {
    type Seat = Seat;

    async fn perform(&self, by: &Peer, request: Request) -> Result<Answer, Failure> {
        let inner = Arc::clone(&self.0);
        if !request.on_record() {
            return inner.look(request).await;
        }
        let by = by.clone();
        self.0.task(inner.act(by, request)).await
    }

    fn hello(&self) -> Hello {
        self.0.hello()
    }

    async fn log_in(&self, uid: u32, ask: LogIn) -> Result<(Seat, Session), Failure> {
        self.0.task(Arc::clone(&self.0).log_in(uid, ask)).await
    }

    async fn first(&self, uid: u32, ask: OperatorAdd) -> Result<(Seat, Session), Failure> {
        self.0
            .task(Arc::clone(&self.0).first(uid, ask, entry::By::FirstStart))
            .await
    }

    fn standing(&self, seat: &Seat) -> Result<Standing, String> {
        self.0.standing(seat)
    }

    async fn left(&self, uid: u32, seat: Seat, why: &str) {
        self.0.left(uid, seat, why).await;
    }

    fn refused(&self, uid: u32, by: Option<&Standing>, request: &Request, failure: &Failure) {
        let mut act = OperatorAct {
            result: Err(failure.message.clone()),
            ..entry::blank(uid, request.word())
        };
        // Nobody's words are not written down.
        if let Some(by) = by {
            act.operator.clone_from(&by.operator);
            act.line.clone_from(&by.line);
            act.target = shown(request.target());
        }
        self.0.collect(act, by.is_none());
    }

    fn moved(&self) -> Moved {
        self.0.moved()
    }

    fn idle(&self) -> Duration {
        self.0.idle
    }
}

fn broken() -> Failure {
    Failure::failed("posternd failed at it: look at its log, and whether it was done, before trying again")
}

impl Inner {
    /// Looks only: nothing goes on record.
    async fn look(self: Arc<Self>, request: Request) -> Result<Answer, Failure> {
        match request {
            Request::Log(ask) => self.door.read_log(ask).await.map(Answer::Log),
            Request::LogVerify => self.door.verify_log().await.map(Answer::Chain),
            Request::Explain { user } => self.door.explain(&user).await.map(Answer::Explanation),
            Request::Host(ask) => self.host_asked(ask).await,
            Request::Backup(ask) => self.backup_piece(ask).await,
            other => {
                let looked = tokio::task::spawn_blocking(move || seen(&self.door, other));
                looked.await.unwrap_or_else(|_| Err(broken()))
            }
        }
    }

    /// Does something, and writes the record of it before anybody hears (R23); what failed at a console may be counted only.
    async fn act(self: Arc<Self>, by: Peer, request: Request) -> Result<Answer, Failure> {
        let action = request.word().to_owned();
        let own = matches!(request, Request::OperatorPassword { .. });
        let mut target = Target {
            text: shown(if own { &by.operator } else { request.target() }),
            ..Target::default()
        };
        let result = match request {
            Request::EntraProve(login) => self.prove(&by, login, &mut target).await,
            Request::EntraTest(login) => self.test(login, &mut target).await,
            Request::Host(ask) => self.host(&by, ask, &mut target).await,
            Request::Backup(ask) => self.backup(&by, ask, &mut target).await,
            other => match self.ready(&by, other).await {
                Err(failure) => Err(failure),
                Ok((other, ready)) => {
                    let (inner, mut named, peer) = (Arc::clone(&self), Target::default(), by.clone());
                    named.text.clone_from(&target.text);
                    let done =
                        tokio::task::spawn_blocking(move || (inner.change(&peer, other, ready, &mut named), named));
                    match done.await {
                        Ok((result, named)) => {
                            target = named;
                            result
                        }
                        Err(_) => Err(broken()),
                    }
                }
            },
        };
        let begun = target.begun;
        let mut users = target.users.into_iter().peekable();
        let mut act = OperatorAct {
            at: crate::clock::wall(),
            uid: by.uid,
            operator: by.operator.clone(),
            line: by.line.clone(),
            action,
            target: target.text,
            users: some(&mut users),
            user: target.user,
            client: target.client,
            staff: target.staff,
            result: recorded(&result),
            count: 1,
        };
        if act.result.is_err() && by.door == Socket::Console && !begun {
            // Nothing was changed, and whoever sits there can fail a thousand times a second.
            self.collect(act, false);
            return result;
        }
        let mut written = self.door.record_act(act.clone()).await;
        // More names than one record holds: the others follow.
        while users.peek().is_some() && written.is_ok() {
            act.users = some(&mut users);
            written = self.door.record_act(act.clone()).await;
        }
        if written.is_err() && act.result.is_ok() {
            let mut unwritten = self.door.staff.unwritten.lock();
            unwritten.push(act.clone());
            while users.peek().is_some() {
                act.users = some(&mut users);
                unwritten.push(act.clone());
            }
        }
        match (written, result) {
            (Ok(_), result) => result,
            (Err(_), Err(failure)) => Err(failure),
            (Err(error), Ok(_)) => Err(Failure::failed(format!(
                "it was done, but could not be put on record: {error}; make room on the disk"
            ))),
        }
    }

    /// What of a request is slow, before the lock of all changes is taken.
    async fn ready(self: &Arc<Self>, by: &Peer, request: Request) -> Result<(Request, Ready), Failure> {
        if !operators::is_slow(&request) {
            return Ok((request, Ready::Nothing));
        }
        let Ok(_place) = self.door.staff.checks.acquire().await else {
            return Err(broken());
        };
        let (inner, by) = (Arc::clone(self), by.clone());
        let done = tokio::task::spawn_blocking(move || {
            let ready = operators::ready(&inner.door, &by, &request)?;
            Ok((request, ready))
        });
        done.await.unwrap_or_else(|_| Err(broken()))
    }

    /// Whether it may still be done, under the lock of all changes: it may have waited, and the operator may be removed, disabled or
    /// of another role since (R24); and what cannot be put on record is not done (R23). Blocks.
    fn still(&self, by: &Peer, needs: Role, word: &str) -> Result<(), Failure> {
        self.recordable()?;
        if by.door == Socket::Control {
            return Ok(());
        }
        let standing = self.door.staff.seats.standing(by.seat, &self.door.store.operators());
        let operator = standing.map_err(|why| {
            Failure::new(
                FailureKind::LogInFirst,
                format!("it was not done, since the session has ended ({why}): log in first"),
            )
        })?;
        enough(operator.role, needs, word)
    }

    /// Whether anything may be changed now. Blocks.
    fn recordable(&self) -> Result<(), Failure> {
        if self.stopping.load(Ordering::Acquire) {
            return Err(Failure::failed(
                "nothing was changed: posternd stops; try again when it runs again",
            ));
        }
        self.door.takes_records().map_err(|error| {
            Failure::failed(format!(
                "nothing was changed, since it could not be put on record: {error}; make room on the disk"
            ))
        })
    }

    /// Changes something. `target` becomes what the record names: the canonical name, where there is one.
    fn change(&self, by: &Peer, request: Request, ready: Ready, target: &mut Target) -> Result<Answer, Failure> {
        let door = &self.door;
        let _alone = self.changes.lock();
        self.still(by, request.needs(), request.word())?;
        let ready = match ready {
            Ready::Export(checked) => return export::answer(door, *checked, target),
            other => other,
        };
        operators::restrict_alike(door, by, &request)?;
        match request {
            Request::ClientAdd(ask) => clients::add(door, ask, target),
            Request::ClientSet(ask) => clients::set(door, ask, target),
            Request::ClientRemove { name } => clients::remove(door, &name, target),
            Request::UserAdd(ask) => users::add(door, ask, target),
            Request::UserSet(ask) => users::set(door, ask, target),
            Request::UserDisable { name } => users::enable(door, &name, false, target),
            Request::UserEnable { name } => users::enable(door, &name, true, target),
            Request::UserUnlock { name } => users::unlock(door, &name, target),
            Request::UserRemove { name } => users::remove(door, &name, target),
            Request::UserBypass { name, minutes } => bypass::give(door, &name, minutes, target),
            Request::TokenAdd(ask) => tokens::add(door, ask, target),
            Request::TokenRemove { user, id } => tokens::remove(door, &user, id, target),
            Request::TokenConfirm { user, code } => codes::confirm(door, &user, &code, target),
            Request::TokenResync { user, first, second } => codes::resync(door, &user, [&first, &second], target),
            Request::TokenProgram(ask) => hardware::program(door, ask, target),
            Request::TokenWritten { user, id } => hardware::written(door, &user, id, target),
            Request::TokenClockSet { user, id } => hardware::clock_set(door, &user, id, target),
            Request::MoltoKeySet { key } => hardware::molto_key(door, key, target),
            Request::TokenAssign(ask) => unassigned::assign(door, &ask, target),
            Request::UnassignedRemove { serial, model } => unassigned::remove(door, &serial, model.as_deref(), target),
            Request::ImportBatch(batch) => import::batch(door, batch, target),
            Request::EntraSet(ask) => entra::set(door, ask, target),
            Request::EntraRemove { domain } => entra::remove(door, &domain, target),
            Request::TimeConfirm => status::confirm_time(door),
            Request::OperatorAdd(ask) => operators::add(door, &ask, ready, target),
            Request::OperatorSet(ask) => operators::set(door, by, &ask, ready, target),
            Request::OperatorPassword { .. } => operators::password(door, by, ready, target),
            Request::OperatorUnlock { name } => operators::unlock(door, &name),
            Request::OperatorRemove { name } => operators::remove(door, by, &name, target),
            Request::OperatorTokenAdd { name } => operators::token_add(door, &name),
            Request::OperatorTokenConfirm { name, code } => operators::token_confirm(door, &name, &code, target),
            Request::OperatorTokenRemove { name } => operators::token_remove(door, &name, target),
            other => seen(door, other),
        }
    }
}

/// How it ended, for the record: a proof that failed is an answer, but not done (R13).
fn recorded(result: &Result<Answer, Failure>) -> Result<(), String> {
    match result {
        Ok(Answer::Prove(report)) if !report.proven => Err(format!("not proven: {}", report.words)),
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.message.clone()),
    }
}

/// As many names as stand in one record.
fn some(names: &mut impl Iterator<Item = String>) -> Vec<String> {
    let mut bytes = 0;
    let mut some = Vec::new();
    while bytes < NAMES_MAX {
        let Some(name) = names.next() else { break };
        bytes += name.len();
        some.push(name);
    }
    some
}

/// Answers what needs a look only.
fn seen(door: &Door, request: Request) -> Result<Answer, Failure> {
    match request {
        Request::Ping => Ok(status::ping()),
        Request::Status => Ok(status::status(door)),
        Request::TimeShow => Ok(status::time(door)),
        Request::Knocks => Ok(knocks::list(door)),
        Request::OperatorList => Ok(operators::list(door)),
        Request::Network => Ok(Answer::Network(crate::door::network::report())),
        Request::ClientList => Ok(clients::list(door)),
        Request::ClientShow { name } => clients::show(door, &name),
        Request::UserList(search) => views::list(door, &search),
        Request::UserShow { name } => views::show(door, &name),
        Request::TokenList { user } => tokens::list(door, &user),
        Request::DriftList => drift::list(door),
        Request::DriftShow { user, id } => drift::show(door, &user, id),
        Request::SerialShow { serial } => hardware::serial(door, &serial),
        Request::HardwareList(ask) => hardware::list(door, &ask),
        Request::UnassignedList(ask) => Ok(unassigned::list(door, &ask)),
        Request::EntraShow { domain } => entra::show(door, domain.as_deref()),
        other => Err(Failure::usage(format!("{} cannot be asked in this way", other.word()))),
    }
}
