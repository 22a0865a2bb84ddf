//! Opening: every record is read and proven, the tables in memory are built. In: a directory and the box's key; out: an open
//! store, or the one reason why not. Writes nothing into a store that is there, but the leftovers it removes: a store of an older
//! schema is raised by [`Store::raise_schema`], or with the first change.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use super::codec::{self, COUNTERS, FOLDED, Key, META, Person, RESTORED};
use super::disk::{self, Disk};
use super::index::Index;
use super::live::Pending;
use super::mark::{self, Mark};
use super::records::{Client, Operator, SeedState, Settings, Tenant, Timestamp, Unassigned};
use super::seeds::Seeds;
use super::{Inner, OpenError, Opened, Restored, SCHEMA, Snapshots, Store, older};
use crate::seal::Sealer;

/// Which schema, which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) schema: u32,
    pub(super) key_id: [u8; 8],
}

/// What is counted, in the same batch as what it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counters {
    /// The last numbers given.
    pub(super) user: u64,
    pub(super) token: u64,
    pub(super) client: u64,
    /// How many there are.
    pub(super) users: u64,
    pub(super) tokens: u64,
    pub(super) clients: u64,
    pub(super) tenants: u64,
    /// Groups of changes since the store was made.
    pub(super) changes: u64,
    /// The last number given to an operator, and how many there are.
    pub(super) operator: u64,
    pub(super) operators: u64,
    /// Tokens that nobody has yet.
    pub(super) unassigned: u64,
}

impl Counters {
    fn read(bytes: &[u8]) -> Option<Self> {
        codec::decode(bytes).or_else(|| codec::unversioned(bytes).and_then(older::counters))
    }
}

/// What a store came from, in [`RESTORED`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct FromCopy {
    pub(super) copy_at: Timestamp,
    pub(super) folded: u64,
}

fn corrupt(what: impl Into<String>) -> OpenError {
    OpenError::Corrupt(what.into())
}

pub(super) fn open(dir: &Path, sealer: &Sealer, wait: Option<Duration>) -> Result<(Store, Opened), OpenError> {
    let fail = |e| OpenError::Io(dir.to_owned(), e);
    let prepared = disk::prepare(dir, wait)?;
    let marked = mark::read(dir, sealer).map_err(fail)?;
    if marked.flatten().is_some_and(|marked| marked.key_id != sealer.key_id()) {
        return Err(OpenError::WrongKey);
    }
    let disk = prepared.open()?;
    let get = |key: &[u8]| {
        let mut found = None;
        let read = disk.each(key, &mut |at, value| {
            found = (at == key).then(|| value.to_vec());
            Err(())
        });
        read.map(|_| found).map_err(|trouble| trouble.on_open(dir))
    };
    let schema = match get(META)? {
        Some(bytes) => check_meta(&bytes, sealer)?,
        None if marked.is_some() => return Err(corrupt("it lost everything that was written")),
        None => {
            begin(&disk, sealer)?;
            SCHEMA
        }
    };
    let counters: Counters = get(COUNTERS)?
        .and_then(|bytes| Counters::read(&bytes))
        .ok_or(corrupt("it lost its counters"))?;
    match marked {
        Some(None) => return Err(corrupt("its mark is not what was written")),
        Some(Some(marked)) if counters.changes < marked.count => {
            let lost = marked.count - counters.changes;
            return Err(corrupt(format!("it lost the last {lost} groups of changes")));
        }
        _ => {}
    }
    let folded = match get(FOLDED)? {
        Some(bytes) => codec::decode(&bytes).ok_or(corrupt("the journal's position does not decode"))?,
        None => 0,
    };
    let restored = match get(RESTORED)? {
        Some(bytes) => {
            let from: FromCopy = codec::decode(&bytes).ok_or(corrupt("where it came from does not decode"))?;
            Some(Restored {
                copy_at: from.copy_at,
                folded: from.folded,
            })
        }
        None => None,
    };
    let mut scan = Scan::default();
    let seeds = Seeds::new();
    disk.each(b"", &mut |key, value| scan.take(sealer, &seeds, key, value))
        .map_err(|trouble| trouble.on_open(dir))??;
    scan.check(&counters)?;
    scan.index.shrink();
    seeds.shrink();
    let mark = Mark::open(dir, sealer).map_err(fail)?;
    mark.set(counters.changes)
        .and_then(|()| disk::sync_dir(dir))
        .map_err(fail)?;
    let (users, tokens) = scan.index.counts();
    let snapshots = Snapshots {
        clients: Arc::new(scan.clients),
        tenants: Arc::new(scan.tenants),
        operators: Arc::new(scan.operators),
        settings: Arc::new(scan.settings),
    };
    let store = Store(Arc::new(Inner {
        disk,
        mark,
        sealer: sealer.clone(),
        index: RwLock::new(scan.index),
        snapshots: RwLock::new(snapshots),
        seeds,
        pending: Mutex::new(Pending::default()),
        folded: AtomicU64::new(folded),
        moves: AtomicU64::new(0),
        behind: AtomicBool::new(schema < SCHEMA),
        writer: Mutex::new(counters),
    }));
    Ok((
        store,
        Opened {
            users,
            tokens,
            schema,
            folded,
            restored,
        },
    ))
}

/// The schema, if this posternd reads it and the key is the right one.
fn check_meta(bytes: &[u8], sealer: &Sealer) -> Result<u32, OpenError> {
    let meta: Meta = codec::decode(bytes).ok_or(corrupt("its head does not decode"))?;
    if meta.schema > SCHEMA {
        return Err(OpenError::NewerSchema {
            found: meta.schema,
            known: SCHEMA,
        });
    }
    if meta.key_id != sealer.key_id() {
        return Err(OpenError::WrongKey);
    }
    Ok(meta.schema)
}

/// The first records of a new store.
fn begin(disk: &Disk, sealer: &Sealer) -> Result<(), OpenError> {
    let mut any = false;
    let looked = disk.each(b"", &mut |_, _| {
        any = true;
        Err(())
    });
    if looked.is_err() || any {
        return Err(corrupt("it lost its head"));
    }
    let mut batch = sled::Batch::default();
    let meta = Meta {
        schema: SCHEMA,
        key_id: sealer.key_id(),
    };
    let written = codec::encode(&meta)
        .and_then(|bytes| {
            batch.insert(META, bytes);
            codec::encode(&Counters::default())
        })
        .and_then(|bytes| {
            batch.insert(COUNTERS, bytes);
            disk.write(batch)
        });
    written.map_err(|e| OpenError::Io(disk.dir().to_owned(), std::io::Error::other(e.to_string())))
}

/// What the scan has seen.
#[derive(Default)]
struct Scan {
    index: Index,
    clients: Vec<Client>,
    tenants: Vec<Tenant>,
    operators: Vec<Operator>,
    settings: Settings,
}

impl Scan {
    fn take(&mut self, sealer: &Sealer, seeds: &Seeds, bytes: &[u8], value: &[u8]) -> Result<(), OpenError> {
        let bad = |what: &str| corrupt(format!("{what} does not open"));
        let key = Key::parse(bytes).ok_or_else(|| corrupt("it holds a record of no known kind"))?;
        match key {
            Key::User(id) => {
                let person: Option<Person> = codec::open(sealer, bytes, value);
                let person = person
                    .filter(|person| person.user.id == id)
                    .ok_or_else(|| bad(&format!("user {}", id.0)))?;
                if self.index.named(&person.user.name).is_some() {
                    return Err(corrupt(format!("user {} has another's name", id.0)));
                }
                for token in &person.tokens {
                    if token.user != id || seeds.get(token.mark).is_some_and(|state| state.token.is_some()) {
                        return Err(corrupt(format!("token {} is another's", token.id.0)));
                    }
                    // The tokens of nobody stand before the users.
                    if self.index.drawer.holds(token.mark) {
                        return Err(corrupt(format!("token {} is nobody's too", token.id.0)));
                    }
                    seeds.hold(token.mark, Some(token.id), Some(id));
                    let counts = token.parameters.period().is_none();
                    if seeds.get(token.mark).is_some_and(|state| state.counts != counts) {
                        seeds.turn(token.mark, counts);
                    }
                }
                self.index.put(&person);
            }
            Key::Client(id) => {
                let client: Option<Client> = codec::open(sealer, bytes, value);
                self.clients.push(
                    client
                        .filter(|c| c.id == id)
                        .ok_or_else(|| bad(&format!("client {}", id.0)))?,
                );
            }
            Key::Tenant(domain) => {
                let tenant: Option<Tenant> = codec::open(sealer, bytes, value);
                self.tenants
                    .push(tenant.filter(|t| t.domain == domain).ok_or_else(|| bad("a tenant"))?);
            }
            Key::Operator(id) => {
                let operator: Option<Operator> = codec::open(sealer, bytes, value);
                let operator = operator.filter(|operator| operator.id == id);
                self.operators
                    .push(operator.ok_or_else(|| bad(&format!("operator {}", id.0)))?);
            }
            Key::Unassigned(mark) => {
                let token: Option<Unassigned> = codec::open(sealer, bytes, value);
                let token = token.filter(|token| token.mark == mark);
                self.index
                    .drawer
                    .put(&token.ok_or_else(|| bad("a token that nobody has yet"))?);
            }
            Key::Settings => self.settings = codec::open(sealer, bytes, value).ok_or_else(|| bad("the settings"))?,
            Key::Seed(mark) => {
                // Who holds it now, the users' own records say, which stand behind the seeds.
                let state = codec::decode_seed(value).ok_or_else(|| bad("a seed's last step"))?;
                seeds.load(mark, SeedState { token: None, ..state });
            }
            Key::Live(..) => drop(codec::unversioned(value).ok_or_else(|| bad("a note of posternd's"))?),
            Key::Meta => {}
        }
        Ok(())
    }

    fn check(&self, counters: &Counters) -> Result<(), OpenError> {
        let (users, tokens) = self.index.counts();
        let (clients, tenants, operators) = (self.clients.len(), self.tenants.len(), self.operators.len());
        let unassigned = self.index.drawer.len();
        let seen = [users, tokens, clients, tenants, operators, unassigned].map(|n| n as u64);
        let counted = [
            counters.users,
            counters.tokens,
            counters.clients,
            counters.tenants,
            counters.operators,
            counters.unassigned,
        ];
        if seen != counted {
            return Err(corrupt(format!(
                "{counted:?} users, tokens, clients, tenants, operators, tokens of nobody were counted, {seen:?} are there"
            )));
        }
        Ok(())
    }
}
