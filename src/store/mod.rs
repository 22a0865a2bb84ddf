//! The store: users, tokens, clients, tenants, operators, settings in sled, secrets sealed (R21); beside them in memory the steps that are
//! spent (R16). In: changes, all or nothing; out: records and snapshots. Durable when a change returns. Never loses a seed's last
//! step, never sets itself aside unless corruption is proven (R20).

mod apply;
mod codec;
mod copy;
mod disk;
mod drawer;
mod error;
mod index;
mod live;
mod look;
mod mark;
mod older;
mod open;
pub mod records;
mod recover;
mod seeds;

#[cfg(test)]
mod tests;

pub use drawer::UnassignedRow;
pub use error::{CopyError, OpenError, StoreError};
pub use live::Blob;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use parking_lot::{Mutex, RwLock};

use crate::seal::Sealer;
use codec::{Key, Person, Sealed};
use records::{
    Client, ClientId, Operator, OperatorId, SeedMark, Settings, Tenant, Timestamp, Token, TokenId, Unassigned, User,
    UserId,
};

/// The schema this posternd writes.
pub const SCHEMA: u32 = 3;
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
    /// The schema on the disk. An older one than [`SCHEMA`] stays until [`Store::raise_schema`] or the first change.
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
    /// The store gives the id and the mark. User 0 is the user added last in the same group. A counter token of a seed whose counter
    /// may be behind does not count: it waits for a resync (R20).
    AddToken(Token),
    /// Replaces the token of that id.
    PutToken(Token),
    /// What is remembered of its seed stays.
    RemoveToken(TokenId),
    /// A token that nobody has yet. The store sets the mark; the codes before the counter of a counter token are not taken.
    AddUnassigned(Unassigned),
    /// The token that nobody has, by its seed's name; what is remembered of the seed stays.
    RemoveUnassigned(SeedMark),
    /// The counter of a counter token's first code, as somebody declares it: it may be lowered again, down to what was really spent
    /// (R16).
    BeginsAt(SeedMark, u64),
    /// Two codes have told where the counter of the token with this seed is: it may count again (R20).
    Resynced(SeedMark),
    /// The step (with a counter token the counter) and those before it are spent; never lowers anything (R16).
    RaiseStep(SeedMark, u64),
    /// What was learned of the clock of the token with this seed is void; its last step stays.
    ForgetDrift(SeedMark),
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
    /// An operator of another store of this box, under the number that is in every record (R20); the store gives it to nobody else.
    KeepOperator(Operator),
    /// Replaces the operator of that id.
    PutOperator(Operator),
    /// Removes the operator of that id.
    RemoveOperator(OperatorId),
    /// Replaces the settings.
    PutSettings(Settings),
}

/// The highest numbers of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Of users.
    pub user: u64,
    /// Of their tokens.
    pub token: u64,
    /// Of RADIUS clients.
    pub client: u64,
    /// Of operators.
    pub operator: u64,
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
    /// The schema on the disk is an older one: the next thing written raises it.
    behind: AtomicBool,
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

    fn record<T: Sealed>(&self, key: Key<'_>) -> Result<Option<T>, StoreError> {
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
}
