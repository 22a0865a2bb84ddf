//! The box behind its sockets: everything that the way of a packet and the operations share. In: datagrams (`flow`) and operations
//! (`ops`); out: replies to the outbox, records to the journals. It opens no socket and draws nothing.

pub mod alarms;
mod asking;
pub mod counters;
pub mod drift;
pub mod drops;
pub mod events;
mod firewall;
pub mod flow;
pub mod log;
pub mod network;
pub mod ops;
mod raise;
pub mod refusals;
pub mod reply;
pub mod staff;
pub mod start;
pub mod syslog;
mod trial;
pub mod upkeep;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;

use parking_lot::{Mutex, RwLock};
use tokio::sync::Semaphore;

use crate::audit::{Attempt, OperatorAct};
use crate::clock::Clock;
use crate::control::operators::Moved;
use crate::factors::first::entra::Directories;
use crate::guard::{ClientWatch, Guards, Subject};
use crate::journal::{Done, Journal, JournalError};
use crate::names::Domains;
use crate::pipeline::again::Again;
use crate::pipeline::challenge::Challenges;
use crate::pipeline::clients::ClientTable;
use crate::pipeline::code::Note;
use crate::pipeline::duplicates::Duplicates;
use crate::pipeline::owed::Owed;
use crate::seal::Sealer;
use crate::store::Store;
use crate::store::records::{Timestamp, UserId};

use alarms::{Alarms, Grave};
use counters::Counters;
use drops::Drops;
use events::{Event, OperatorEvent, encode};
use refusals::Refusals;
use reply::{Outgoing, Waiter};

/// How many argon2id hashes may wait for their turn; further ones get no answer, and the client asks again.
pub const HASHES_WAITING: usize = 64;

/// Where the box listens, for the status.
#[derive(Clone, Debug, Default)]
pub struct Listening {
    /// Authentication.
    pub auth: Vec<SocketAddr>,
    /// Accounting.
    pub acct: Vec<SocketAddr>,
}

/// The box.
pub struct Door {
    /// Records.
    pub store: Store,
    /// Lockouts, budgets, bypass codes, by person.
    pub guards: Guards,
    /// Many wrong users from one client.
    pub watch: ClientWatch,
    /// Tenants.
    pub directories: Directories,
    /// The clock and its gate.
    pub clock: Clock,
    /// What stands and wants somebody.
    pub alarms: Alarms,
    /// Counts.
    pub counters: Counters,
    /// The same for the last hour.
    last_hour: counters::LastHour,
    /// The start, by the monotonic clock.
    begun: std::time::Instant,
    /// Where it listens.
    pub listening: Mutex<Listening>,
    again: Again<Waiter>,
    challenges: Challenges,
    owed: Owed,
    duplicates: Duplicates,
    clients: RwLock<Arc<ClientTable>>,
    domains: RwLock<Arc<Domains>>,
    logins: Journal,
    operators: Journal,
    sealer: Sealer,
    bypass_key: [u8; 32],
    refusals: Refusals,
    drops: Drops,
    staff: staff::Staff,
    /// How the clocks of hardware tokens go.
    clocks: drift::Kept,
    /// Moves of the box's state that no alarm tells.
    state_moves: AtomicU64,
    /// What they were told from: the clock is trusted, requests are answered, which tenants are paused.
    last_state: Mutex<(bool, bool, Vec<String>)>,
    /// argon2id uses a core and 19 MiB each: as many at once as there are cores.
    hashing: Arc<Semaphore>,
    hashes_waiting: Arc<Semaphore>,
    /// After a restore without its journal no code may be checked before every token's last step was raised (R20).
    raise_steps: AtomicBool,
    /// The journal's alarm stands.
    journal_bad: AtomicBool,
    /// One fold at a time.
    folding: Mutex<()>,
    /// One copy of the store at a time.
    copying: Mutex<()>,
    /// A restore was decided: nobody is answered any more, and posternd starts anew.
    closing: AtomicBool,
    /// Told when it is to.
    pub(crate) restart: tokio::sync::Notify,
    /// Told when the clients change, on the appliance.
    firewall: firewall::Wall,
    /// Systemd's credentials directory, where there is one.
    credentials: Option<PathBuf>,
    /// The box's clock a second ago, in ms.
    last_second: AtomicU64,
    /// Logins whose password is being checked.
    asking: AtomicUsize,
    state_dir: PathBuf,
    since: Timestamp,
    outbox: mpsc::Sender<Outgoing>,
    runtime: tokio::runtime::Handle,
}

impl Door {
    /// Whether codes can be checked now: the clock is trusted (R19), and no restore waits for it (R20).
    pub fn answers(&self) -> bool {
        self.answers_at().is_some()
    }

    /// The time by which codes can be checked now; none where [`Door::answers`] says no.
    pub fn answers_at(&self) -> Option<Timestamp> {
        let waits = self.raise_steps.load(Ordering::Acquire) || self.closing.load(Ordering::Acquire);
        self.clock.now().filter(|_| !waits)
    }

    /// The clients as they are now.
    pub fn clients(&self) -> Arc<ClientTable> {
        Arc::clone(&self.clients.read())
    }

    /// The names' domains as they are now.
    pub fn domains(&self) -> Arc<Domains> {
        Arc::clone(&self.domains.read())
    }

    /// Makes the box itself a client, at one address and port, for the internal probe. It may ask nothing but Status-Server: no
    /// login of it gets past a table without users of its own, and its secret is known to nobody.
    pub fn add_probe(&self, source: SocketAddr, secret: crate::secret::Secret) {
        use crate::store::records as r;
        let like = r::Client {
            id: r::ClientId(0),
            name: "(internal probe)".to_owned(),
            net: crate::pipeline::clients::mask(source.ip(), 128),
            secret: secret.clone(),
            mode: r::Mode::CodeOnly,
            first: r::First::None,
            require_message_authenticator: true,
            order: r::Order::default(),
            delimiter: None,
            unmatched: r::Unmatched::Refuse,
            reject_delay: r::REJECT_DELAY,
            deadline: r::DEADLINE,
            unavailable: r::Unavailable::Reject,
            prompt: String::new(),
            challenge_timeout: r::CHALLENGE_TIMEOUT,
            charset: r::Charset::Utf8,
            in_flight: 4,
            created: self.since,
            generation: 0,
        };
        let mut table = self.clients.write();
        let newer = ClientTable::new(&self.store.clients(), &table).with_probe(source, secret, like);
        *table = Arc::new(newer);
    }

    /// Takes over changed client records.
    pub fn refresh_clients(&self) {
        let mut table = self.clients.write();
        let newer = ClientTable::new(&self.store.clients(), &table);
        *table = Arc::new(newer);
        drop(table);
        self.firewall.changed();
    }

    /// Takes over changed tenants, and says with an alarm which of them do not work or were never proven (R13).
    pub fn refresh_tenants(&self) {
        let tenants = self.store.tenants();
        *self.domains.write() = Arc::new(Domains::new(&tenants));
        let now = crate::clock::wall();
        let mut standing = Vec::new();
        for (domain, error) in self.directories.refresh(&tenants) {
            let code = format!("entra-setup-{domain}");
            let what = format!("The tenant of {domain} cannot be asked: {error}");
            self.raise(
                &code,
                Grave::Nobody,
                what,
                "Set it right with `postern entra set --domain DOMAIN`",
                now,
            );
            standing.push(code);
        }
        for tenant in tenants.iter() {
            use crate::store::records::Proof;
            if let Proof::Unproven(_) = tenant.proof {
                let code = format!("entra-unproven-{}", tenant.domain);
                let what = format!("Entra for {} was switched on without a proof", tenant.domain);
                self.raise(
                    &code,
                    Grave::Some,
                    what,
                    "Run `postern entra prove USER` with a right password",
                    now,
                );
                standing.push(code);
            }
            let softened: Vec<String> = tenant
                .overrides
                .iter()
                .filter(|(_, to)| **to == crate::store::records::Override::Continue)
                .map(|(code, _)| format!("AADSTS{code}"))
                .collect();
            if !softened.is_empty() {
                let code = format!("entra-override-{}", tenant.domain);
                let what = format!(
                    "For {}, {} let a login go on by an override",
                    tenant.domain,
                    softened.join(", ")
                );
                self.raise(
                    &code,
                    Grave::Look,
                    what,
                    "Take it away with `postern entra set --domain DOMAIN --override CODE=default` when it is no longer needed",
                    now,
                );
                standing.push(code);
            }
        }
        // What the old settings brought says nothing of the new ones; if it still holds, the next login says so.
        for prefix in ["entra-configuration-", "entra-outage-", "entra-address-"] {
            self.alarms.clear_others(prefix, &[]);
        }
        self.alarms.clear_others("entra-setup-", &standing);
        self.alarms.clear_others("entra-unproven-", &standing);
        self.alarms.clear_others("entra-override-", &standing);
    }

    /// Raises an alarm; a new one goes on record.
    pub fn raise(&self, code: &str, grave: Grave, what: String, todo: &str, now: Timestamp) {
        if self.alarms.raise(code, grave, what.clone(), todo, now) {
            tracing::warn!(alarm = code, "{what}. {todo}");
            self.system(&format!("alarm-{code}"), what);
        }
    }

    /// Writes a record of the box itself.
    pub fn system(&self, code: &str, words: String) {
        let at = crate::clock::wall();
        let event = OperatorEvent::System {
            at,
            code: code.to_owned(),
            words,
        };
        self.operators.append(at, encode(&event), None);
    }

    /// Writes what an operator did; on the disk when this returns.
    pub async fn record_act(&self, act: OperatorAct) -> Result<u64, JournalError> {
        self.operators
            .append_durable(act.at, encode(&OperatorEvent::Act(act)))
            .await
    }

    /// Whether what operators do can be put on record now; what was done and is not on record yet goes first. Blocks.
    pub(in crate::door) fn takes_records(&self) -> Result<(), JournalError> {
        let mut unwritten = self.staff.unwritten.lock();
        while let Some(act) = unwritten.first().cloned() {
            self.operators.append_wait(act.at, encode(&OperatorEvent::Act(act)))?;
            unwritten.remove(0);
        }
        drop(unwritten);
        let (done, outcome) = mpsc::sync_channel(1);
        self.operators
            .barrier(Box::new(move |result| drop(done.send(result.map(drop)))));
        outcome.recv().unwrap_or(Err(JournalError::Closed))
    }

    /// Looks whether the box's state has become another one.
    pub(in crate::door) fn look_at_state(&self) {
        let at = std::time::Instant::now();
        let paused = |domain: &String| {
            let directory = self.directories.unproven(domain);
            directory.is_some_and(|directory| directory.breaker().lock().paused(at).is_some())
        };
        let tenants = self.store.tenants();
        let domains = tenants.iter().map(|tenant| tenant.domain.clone()).filter(paused);
        let state = (self.clock.is_trusted(), self.answers(), domains.collect());
        let mut last = self.last_state.lock();
        if *last != state {
            *last = state;
            self.state_moves.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes an act of nobody's doing (a failed login, a refusal), without waiting for the disk.
    fn note_act(&self, act: OperatorAct) {
        self.operators.append(act.at, encode(&OperatorEvent::Act(act)), None);
    }

    /// What has moved so far, for those who look.
    pub fn moved(&self) -> Moved {
        Moved {
            records: self.store.moves(),
            log: self
                .logins
                .newest()
                .borrow()
                .wrapping_add(*self.operators.newest().borrow()),
            knocks: self.drops.moves(),
            state: self
                .alarms
                .moves()
                .wrapping_add(self.state_moves.load(Ordering::Relaxed)),
        }
    }

    /// Writes an event of a login; durable with the next group, or with `done`.
    fn record(&self, at: Timestamp, event: &Event, done: Option<Done>) {
        self.logins.append(at, encode(event), done);
    }

    /// The record of an attempt, unless it is counted with those alike (R23).
    fn record_attempt(&self, attempt: Attempt, done: Option<Done>) {
        match (self.refusals.take(attempt), done) {
            (Some(attempt), done) => self.record(attempt.at, &Event::Attempt(Box::new(attempt)), done),
            // Counted only; but while the journal refuses, nothing is answered.
            (None, Some(done)) if self.journal_bad.load(Ordering::Acquire) => self.logins.barrier(done),
            (None, Some(done)) => done(Ok(0)),
            (None, None) => {}
        }
    }

    /// What a stage noted, so that guards stand again after a restart. Names that are not in the store are not kept.
    fn note(&self, note: Note, at: Timestamp) {
        let event = match note {
            Note::Miss(Subject::User(user), station, kind) => Event::Miss(user, station, kind),
            Note::WrongPassword(Subject::User(user)) => Event::WrongPassword(user),
            Note::RightPassword(Subject::User(user)) => Event::RightPassword(user),
            _ => return,
        };
        self.record(at, &event, None);
    }

    /// Voids what hangs on a person whose record changed: open challenges; verdicts are void by their generation (R9).
    pub fn person_changed(&self, user: UserId) {
        self.challenges.void(Some(Subject::User(user)));
    }
}

pub use crate::process::fill_random;

/// Sixteen bytes from the operating system.
pub fn random16() -> [u8; 16] {
    let mut bytes = [0; 16];
    fill_random(&mut bytes);
    bytes
}
