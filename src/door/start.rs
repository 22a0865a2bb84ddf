//! Opening the box: key, store, journals, clock; everything that was learned before stands again. In: a state directory; out: a
//! [`Door`], or one line that says why not. It never answers before all of it is read.

mod restored;
pub(in crate::door) mod since;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use parking_lot::{Mutex, RwLock};
use tokio::sync::Semaphore;

use super::events::{Event, OperatorEvent, decode};
use super::raise;
use super::reply::Outgoing;
use super::{Door, HASHES_WAITING, Listening};
use crate::audit::{Attempt, OperatorAct, Outcome};
use crate::backup::swap;
use crate::clock::{Clock, ClockError, Mode};
use crate::guard::{Folded, Guards, MissKind, Station, Subject};
use crate::journal::{self, Journal, Limits};
use crate::pipeline::request::station_key;
use crate::seal::{KeyError, MasterKey, Sealer};
use crate::store::records::{OperatorId, Timestamp, UserId};
use crate::store::{self, Live, Numbers, Store, StoreError};

/// Kind of the blobs that keep guards in the store.
pub const LIVE_GUARDS: u8 = 1;
/// Kind of the blob that says, in a copy, how far the operators' journal went when it was made.
pub const LIVE_COPIED: u8 = 2;
/// The operators' journal's word for a restore.
const RESTORED_CODE: &str = "alarm-store-restored";
/// The journal of logins, in the state directory.
pub const LOGINS_DIR: &str = "journal";
/// The journal of operators: a space of its own (R23).
pub const OPERATORS_DIR: &str = "operators";

/// Why the box does not open; each is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state directory.
    #[error("{0}: {1}")]
    State(PathBuf, io::Error),
    /// Its permissions (R21).
    #[error("{0} may be read by others (mode {1:04o}): run chmod 700 on it")]
    Permissions(PathBuf, u32),
    /// Somebody else's.
    #[error("{0} belongs to uid {1}, and posternd runs as uid {2}: run posternd as its owner, or change the owner")]
    Owner(PathBuf, u32, u32),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store.
    #[error(transparent)]
    Open(#[from] store::OpenError),
    /// Reading it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The copy before its schema is raised.
    #[error(
        "this posternd raises the store's schema, and the copy to be made before was not: {0}; make room on the disk"
    )]
    Copy(#[from] store::CopyError),
    /// A journal.
    #[error(transparent)]
    Journal(#[from] journal::OpenError),
    /// The clock's file.
    #[error(transparent)]
    Clock(#[from] ClockError),
}

/// What opens the box.
pub struct Start<'a> {
    /// Where everything lies.
    pub state_dir: &'a Path,
    /// systemd's credentials directory, where there is one.
    pub credentials: Option<&'a Path>,
    /// Whose clock it is.
    pub mode: Mode,
    /// Where replies go.
    pub outbox: mpsc::Sender<Outgoing>,
    /// For what waits.
    pub runtime: tokio::runtime::Handle,
}

/// Makes the state directory, or looks at its permissions.
pub fn state_dir(path: &Path) -> Result<(), StartError> {
    let io = |error| StartError::State(path.to_owned(), error);
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(io)?;
            return Ok(());
        }
        Err(error) => return Err(io(error)),
        Ok(metadata) => {
            let uid = nix::unistd::geteuid().as_raw();
            if metadata.uid() != uid {
                return Err(StartError::Owner(path.to_owned(), metadata.uid(), uid));
            }
            let mode = metadata.permissions().mode() & 0o7777;
            if mode & 0o077 != 0 {
                return Err(StartError::Permissions(path.to_owned(), mode));
            }
        }
    }
    Ok(())
}

/// What the journal told that is not kept elsewhere.
#[derive(Default)]
struct Replayed {
    events: u64,
    unknown: u64,
    /// The highest numbers in it.
    seen: Numbers,
}

impl Start<'_> {
    /// Opens the box.
    pub fn open(self) -> Result<Arc<Door>, StartError> {
        let now = crate::clock::wall();
        state_dir(self.state_dir)?;
        // Before anything is opened: a restore that was decided is brought in whole (R20).
        let brought =
            swap::finish(self.state_dir).map_err(|error| StartError::State(self.state_dir.to_owned(), error))?;
        let sealer = Sealer::new(&MasterKey::load(self.state_dir, self.credentials)?);
        let (store, opened, recovered) = Store::open_or_recover(self.state_dir, &sealer, now)?;
        let guards = Guards::default();
        for (key, blob) in store.live_scan(LIVE_GUARDS)? {
            if let (Ok(id), Ok(folded)) = (
                <[u8; 8]>::try_from(key.as_slice()),
                postcard::from_bytes::<Folded>(&blob),
            ) {
                guards.restore(Subject::User(UserId(u64::from_be_bytes(id))), folded);
            }
        }
        let mut replayed = Replayed::default();
        let (logins, opening) = Journal::open(
            &self.state_dir.join(LOGINS_DIR),
            &sealer.chain_key("logins"),
            Limits::default(),
            store.folded(),
            &mut |entry| replay(entry, &store, &guards, &sealer, &mut replayed),
        )?;
        let mut acts = Vec::new();
        // Which operators it knows, and whether there was one or a restore ever.
        let mut by_recovery = None;
        let (mut recorded, mut had) = (BTreeSet::new(), opened.restored.is_some());
        let (operators, operators_opening) = Journal::open(
            &self.state_dir.join(OPERATORS_DIR),
            &sealer.chain_key("operators"),
            Limits::default(),
            0,
            &mut |entry| match decode(entry.payload) {
                Some(OperatorEvent::Act(act)) if act.result.is_ok() => {
                    restored::see_act(&act, &mut replayed.seen);
                    if act.action == super::ops::RECOVERED {
                        by_recovery = Some((act.at, act.target.clone()));
                    }
                    if act.action == "operator add" {
                        had = true;
                        recorded.extend(act.staff);
                    }
                    if opened.restored.is_some() {
                        acts.push((entry.seq, act));
                    }
                }
                Some(OperatorEvent::System { code, .. }) => had |= code == RESTORED_CODE,
                _ => {}
            },
        )?;
        had |= !operators_opening.damage.is_empty();
        if opened.schema < store::SCHEMA {
            // What came from a copy has one that an older posternd reads. Each change is in the store before its record is in the
            // journal.
            if opened.restored.is_none() {
                let newest = *operators.newest().borrow();
                let copy = store.copy_before_raise(self.state_dir, now, &copied_to(newest))?;
                tracing::info!(
                    from = opened.schema,
                    to = store::SCHEMA,
                    ?copy,
                    "raising the store's schema"
                );
            }
            store.raise_schema()?;
        }
        // After a restore an empty journal is a lost one: something was on record when the copy was made.
        let lost = opened.restored.is_some() && opening.next_seq <= 1;
        let whole = !lost && raise::goes_on(&opening, store.folded());
        let raise = raise::is_due(&store, whole)?;
        tracing::info!(
            users = opened.users,
            tokens = opened.tokens,
            replayed = replayed.events,
            torn = opening.torn_bytes,
            "store and journal are open"
        );
        let mut bypass_key = [0; 32];
        super::fill_random(&mut bypass_key);
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let door = Arc::new(Door {
            guards,
            watch: Default::default(),
            directories: Default::default(),
            clock: Clock::open(self.mode, self.state_dir)?,
            alarms: Default::default(),
            counters: Default::default(),
            last_hour: Default::default(),
            begun: std::time::Instant::now(),
            listening: Mutex::new(Listening::default()),
            again: Default::default(),
            challenges: Default::default(),
            owed: Default::default(),
            duplicates: Default::default(),
            clients: RwLock::default(),
            domains: RwLock::default(),
            logins,
            operators,
            bypass_key,
            refusals: Default::default(),
            drops: Default::default(),
            staff: Default::default(),
            clocks: Default::default(),
            state_moves: Default::default(),
            last_state: Default::default(),
            hashing: Arc::new(Semaphore::new(cores)),
            hashes_waiting: Arc::new(Semaphore::new(HASHES_WAITING)),
            raise_steps: AtomicBool::new(raise),
            journal_bad: Default::default(),
            folding: Default::default(),
            copying: Default::default(),
            closing: Default::default(),
            restart: Default::default(),
            firewall: Default::default(),
            credentials: self.credentials.map(Path::to_owned),
            last_second: Default::default(),
            asking: Default::default(),
            state_dir: self.state_dir.to_owned(),
            since: now,
            outbox: self.outbox,
            runtime: self.runtime,
            store,
            sealer,
        });
        if opened.restored.is_some() {
            door.store.skip_numbers(replayed.seen)?;
            door.restored(recovered.as_ref(), !raise, &acts, brought.as_ref())?;
            if let Some(plan) = brought.filter(|_| recovered.is_none()) {
                door.tell_restore(&plan)?;
                // The copies of before went with the store that they are of.
                if let Err(error) = door.copy_store(now) {
                    tracing::warn!(%error, "the first copy of the restored store could not be made");
                }
            }
            // Their spent steps are in the store alone.
            let tokens = door.store.operators().iter().any(|operator| operator.token.is_some());
            door.staff.stale_steps.store(tokens, Ordering::Release);
            if !raise && !tokens {
                door.settle_restore()?;
            }
        } else if brought.is_some() {
            // A power cut came just before.
            door.settle_restore()?;
        }
        // Nobody at a console makes the first operator of a box that had some (R24).
        door.staff
            .shut
            .store(had && door.store.operators().is_empty(), Ordering::Release);
        if operators_opening.first_seq <= 1 && operators_opening.damage.is_empty() {
            door.record_found(&recorded);
        }
        for operator in door.store.operators().iter() {
            let (name, wrong) = (&operator.name, operator.wrong);
            door.staff.locks.stand(name, wrong, std::time::Instant::now());
        }
        for damage in opening.damage.iter().chain(&operators_opening.damage) {
            let todo = "Run `postern log --verify`; keep the files for whoever looks into it";
            door.raise(
                "journal-damage",
                super::alarms::Grave::Some,
                format!("The journal was damaged: {damage}"),
                todo,
                now,
            );
        }
        if let Some((at, name)) = &by_recovery {
            door.tell_recovered(*at, name, now)?;
        }
        if replayed.unknown > 0 {
            let what = format!(
                "{} records of the journal are of a newer version and were passed over",
                replayed.unknown
            );
            door.raise(
                "journal-newer",
                super::alarms::Grave::Some,
                what,
                "Run the newer posternd again",
                now,
            );
        }
        door.refresh_clients();
        door.refresh_tenants();
        Ok(door)
    }
}

impl Door {
    /// An operator who stands in the store without a record, since a power cut came between the two, or since a restore made one, goes
    /// on record now.
    fn record_found(&self, recorded: &BTreeSet<OperatorId>) {
        for operator in self.store.operators().iter().filter(|one| !recorded.contains(&one.id)) {
            self.note_act(OperatorAct {
                at: crate::clock::wall(),
                uid: nix::unistd::geteuid().as_raw(),
                operator: String::new(),
                line: "(found without a record)".to_owned(),
                action: "operator add".to_owned(),
                target: format!("{}, role {}", operator.name, super::ops::role_word(operator.role)),
                users: Vec::new(),
                user: None,
                client: None,
                staff: Some(operator.id),
                result: Ok(()),
                count: 1,
            });
        }
    }
}

/// The blob of [`LIVE_COPIED`].
pub(in crate::door) fn copied_to(seq: u64) -> Live {
    Live {
        kind: LIVE_COPIED,
        key: Vec::new(),
        value: Some(seq.to_be_bytes().to_vec()),
    }
}

/// One entry of the journal of logins, at start.
fn replay(entry: journal::Entry<'_>, store: &Store, guards: &Guards, sealer: &Sealer, replayed: &mut Replayed) {
    replayed.events += 1;
    let Some(event) = decode::<Event>(entry.payload) else {
        replayed.unknown += 1;
        return;
    };
    restored::see_event(&event, &mut replayed.seen);
    let guard =
        |user: UserId, act: &dyn Fn(&mut crate::guard::UserGuard)| guards.with(Subject::User(user), |guard| act(guard));
    match event {
        Event::Attempt(attempt) => {
            if let Some(spent) = attempt.spent {
                store.raise_step(spent.mark, spent.step, spent.drift);
            }
            if let (Outcome::Accept, Some(user)) = (attempt.outcome, attempt.user)
                && let crate::audit::Reason::Accepted { first, .. } = attempt.reason
                && let Some(station) = station(&attempt, sealer)
            {
                guard(user, &|guard| {
                    guard.lockouts.accept(station, attempt.at);
                    if first == crate::audit::FirstUsed::Entra {
                        guard.budget.reset();
                    }
                });
            }
        }
        Event::Miss(user, station, MissKind::Code | MissKind::LocalPassword) => {
            guard(user, &|guard| guard.lockouts.count_once(station, entry.at));
        }
        Event::WrongPassword(user) => guard(user, &|guard| guard.budget.count_once(entry.at)),
        Event::RightPassword(user) => guard(user, &|guard| guard.budget.reset()),
        Event::Unlocked(user) => guard(user, &|guard| {
            guard.lockouts.unlock();
            guard.budget.reset();
        }),
        Event::Spent(_, spent) => store.raise_step(spent.mark, spent.step, spent.drift),
        Event::Removed(user) => guards.forget(Subject::User(user)),
        Event::Accounting(_) | Event::Voided | Event::ClockSet(..) => {}
    }
}

fn station(attempt: &Attempt, sealer: &Sealer) -> Option<Station> {
    match attempt.station.as_str() {
        "" => attempt.client.map(Station::Client),
        shown => Some(Station::Calling(station_key(shown, sealer))),
    }
}

/// When the box was opened.
impl Door {
    /// The wall clock at the start.
    pub fn since(&self) -> Timestamp {
        self.since
    }
}
