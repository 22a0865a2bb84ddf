//! The store: users, tokens, clients, tenants, operators, settings in sled, secrets sealed (R21); beside them in memory the steps that are
//! spent (R16). In: changes, all or nothing; out: records and snapshots. Durable when a change returns. Never loses a seed's last
//! step, never sets itself aside unless corruption is proven (R20).

mod apply;
mod codec;
mod copy;
mod disk;
mod error;
mod index;
mod live;
mod mark;
mod open;
pub mod records;
mod recover;
mod seeds;

#[cfg(test)]
mod tests;

pub use error::{CopyError, OpenError, StoreError};
pub use live::Blob;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use crate::seal::Sealer;
use codec::{Key, Person};
use records::{
    Client, ClientId, Operator, OperatorId, SeedMark, SeedState, Settings, Tenant, Timestamp, Token, TokenId, User,
    UserId,
};

/// The schema this posternd writes.
pub const SCHEMA: u32 = 2;
/// The store's directory in the state directory.
pub const STORE_DIR: &str = "store";
/// The directory of sealed copies in the state directory.
pub const COPIES_DIR: &str = "copies";
/// Sealed copies that are kept, the newest ones.
pub const COPIES_KEPT: usize = 7;

/// What opening found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// How many users.
    pub users: usize,
    /// How many tokens.
    pub tokens: usize,
    /// The schema on the disk.
    pub schema: u32,
    /// The journal's position that was folded last; see [`Store::fold`].
    pub folded: u64,
    /// The store came from a copy, and R20 is not yet done: see [`Store::settle_restore`].
    pub restored: Option<Restored>,
}

/// Where a store came from that replaced a damaged one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// When the copy was made.
    pub copy_at: Timestamp,
    /// The journal's position folded in the copy: replay from there (R20).
    pub folded: u64,
}

/// What [`Store::open_or_recover`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// When the copy was made.
    pub copy_at: Timestamp,
    /// The journal's position folded in the copy: replay from there (R20).
    pub folded: u64,
    /// Where the damaged store now lies.
    pub set_aside: PathBuf,
    /// What was damaged.
    pub detail: String,
}

/// The outcome of spending a step (R16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spend {
    /// Spent now, by this call and no other.
    Done,
    /// This or a later step was spent before.
    Already {
        /// The highest step that was spent.
        last_step: u64,
    },
    /// No token has that seed.
    Unknown,
}

/// One change of a group; see [`Store::apply`].
#[derive(Clone, Debug)]
pub enum Change {
    /// The store gives the id.
    AddUser(User),
    /// Replaces the user of that id.
    PutUser(User),
    /// The user's tokens go too; what is remembered of their seeds stays.
    RemoveUser(UserId),
    /// The store gives the id and the mark. User 0 is the user added last in the same group.
    AddToken(Token),
    /// Replaces the token of that id.
    PutToken(Token),
    /// What is remembered of its seed stays.
    RemoveToken(TokenId),
    /// This step (of a counter token: this counter) of the seed and those before it are spent, on the disk with the rest of the group;
    /// never lowers anything. For a counter token that does not begin at 0.
    RaiseStep(SeedMark, u64),
    /// The store gives the id.
    AddClient(Client),
    /// Replaces the client of that id.
    PutClient(Client),
    /// Removes the client of that id.
    RemoveClient(ClientId),
    /// Adds the tenant, or replaces the one of that domain.
    PutTenant(Tenant),
    /// Removes the tenant of that domain.
    RemoveTenant(String),
    /// The store gives the id.
    AddOperator(Operator),
    /// Replaces the operator of that id.
    PutOperator(Operator),
    /// Removes the operator of that id.
    RemoveOperator(OperatorId),
    /// Replaces the settings.
    PutSettings(Settings),
}

/// The numbers that were given, in the order of the changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Of [`Change::AddUser`].
    pub users: Vec<UserId>,
    /// Of [`Change::AddToken`].
    pub tokens: Vec<TokenId>,
    /// Of [`Change::AddClient`].
    pub clients: Vec<ClientId>,
    /// Of [`Change::AddOperator`].
    pub operators: Vec<OperatorId>,
}

/// One blob of the caller's, or its removal (`None`); see [`Store::live_put`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The caller's kind.
    pub kind: u8,
    /// The caller's key, at most 255 bytes.
    pub key: Vec<u8>,
    /// The blob; `None` removes it.
    pub value: Option<Vec<u8>>,
}

/// The open store. Cheap to clone; closed when the last one is dropped.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

/// Small tables, given out whole and replaced when they change.
struct Snapshots {
    clients: Arc<Vec<Client>>,
    tenants: Arc<Vec<Tenant>>,
    operators: Arc<Vec<Operator>>,
    settings: Arc<Settings>,
}

struct Inner {
    disk: disk::Disk,
    mark: mark::Mark,
    sealer: Sealer,
    index: RwLock<index::Index>,
    snapshots: RwLock<Snapshots>,
    seeds: seeds::Seeds,
    pending: Mutex<live::Pending>,
    folded: AtomicU64,
    /// Groups of changes since the store was opened.
    moves: AtomicU64,
    /// Whoever changes sled holds this.
    writer: Mutex<open::Counters>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.0.disk.dir().display())
    }
}

impl Inner {
    fn person(&self, id: UserId) -> Result<Option<Person>, StoreError> {
        self.record(Key::User(id))
    }

    fn record<T: serde::de::DeserializeOwned>(&self, key: Key<'_>) -> Result<Option<T>, StoreError> {
        let key = key.bytes();
        let found = self.disk.get(&key)?;
        found
            .map(|value| codec::open(&self.sealer, &key, &value).ok_or(StoreError::Damaged))
            .transpose()
    }
}

impl Store {
    /// Opens the store in `dir`, or makes it (its parent must be there). Reads every record once. Waits up to ten seconds for a
    /// process that is just ending.
    pub fn open(dir: &Path, sealer: &Sealer) -> Result<(Store, Opened), OpenError> {
        open::open(dir, sealer, None)
    }

    /// As [`Store::open`] for [`STORE_DIR`] in `state_dir`; a store that is proven corrupt is set aside as `store.corrupt-<ms>`,
    /// never deleted, and the newest copy in [`COPIES_DIR`] that opens takes its place (R20). `now` names what is set aside.
    pub fn open_or_recover(
        state_dir: &Path,
        sealer: &Sealer,
        now: Timestamp,
    ) -> Result<(Store, Opened, Option<Recovered>), OpenError> {
        recover::open_or_recover(state_dir, sealer, now)
    }

    /// A user by number.
    pub fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.0.person(id)?.map(|person| person.user))
    }

    /// A user by canonical name (R3).
    pub fn user_named(&self, canonical: &str) -> Result<Option<User>, StoreError> {
        Ok(self.user_and_tokens(canonical)?.map(|(user, _)| user))
    }

    /// A user by canonical name, and the user's tokens in the order they were added: one look for both.
    pub fn user_and_tokens(&self, canonical: &str) -> Result<Option<(User, Vec<Token>)>, StoreError> {
        let Some(id) = self.0.index.read().named(canonical) else {
            return Ok(None);
        };
        let person = self.0.person(id)?.filter(|person| person.user.name == canonical);
        Ok(person.map(|person| (person.user, person.tokens)))
    }

    /// A user's tokens, in the order they were added; none for an unknown user.
    pub fn tokens_of(&self, user: UserId) -> Result<Vec<Token>, StoreError> {
        Ok(self.0.person(user)?.map(|person| person.tokens).unwrap_or_default())
    }

    /// A token by number.
    pub fn token(&self, id: TokenId) -> Result<Option<Token>, StoreError> {
        let Some(user) = self.0.index.read().owner(id) else {
            return Ok(None);
        };
        Ok(self.tokens_of(user)?.into_iter().find(|token| token.id == id))
    }

    /// Users whose name contains `part` (all, if it is empty), by name: `limit` of them from `offset` on, and how many there are.
    pub fn search(&self, part: &str, offset: usize, limit: usize) -> (Vec<(UserId, String)>, usize) {
        self.0.index.read().search(part, offset, limit)
    }

    /// How many users and tokens there are.
    pub fn counts(&self) -> (usize, usize) {
        self.0.index.read().counts()
    }

    /// A user's generation, from memory (R9); none: there is no such user.
    pub fn generation(&self, user: UserId) -> Option<u64> {
        self.0.index.read().generation(user)
    }

    /// All clients, by number.
    pub fn clients(&self) -> Arc<Vec<Client>> {
        Arc::clone(&self.0.snapshots.read().clients)
    }

    /// All tenants, by domain.
    pub fn tenants(&self) -> Arc<Vec<Tenant>> {
        Arc::clone(&self.0.snapshots.read().tenants)
    }

    /// All operators, by number.
    pub fn operators(&self) -> Arc<Vec<Operator>> {
        Arc::clone(&self.0.snapshots.read().operators)
    }

    /// Grows with every group of changes: whoever looks at records looks again when it has.
    pub fn moves(&self) -> u64 {
        self.0.moves.load(Ordering::Acquire)
    }

    /// The settings.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.0.snapshots.read().settings)
    }

    /// What is remembered of a seed.
    pub fn seed(&self, mark: SeedMark) -> Option<SeedState> {
        self.0.seeds.get(mark)
    }

    /// Every seed, in no order; `each` must not call the store.
    pub fn each_seed(&self, each: &mut dyn FnMut(SeedMark, SeedState)) {
        self.0.seeds.each(each);
    }

    /// Spends a step if it and none after it was spent before: one compare-and-set (R16). In memory; the caller's journal entry
    /// makes it durable, and must be on the disk before anybody is told.
    pub fn spend(&self, mark: SeedMark, step: u64, drift: i8) -> Spend {
        self.0.seeds.spend(mark, step, drift)
    }

    /// The step and those before it are spent: a replayed entry, or R20. Never lowers anything; holds for seeds not seen before.
    pub fn raise_step(&self, mark: SeedMark, step: u64, drift: i8) {
        self.0.seeds.raise(mark, step, drift);
    }

    /// Whether a write failed since the store was opened: it takes no more changes until it is opened again.
    pub fn failed(&self) -> bool {
        self.0.disk.failed()
    }
}
