//! The store: users, tokens, clients, tenants, settings in sled, secrets sealed (R21); beside them in memory the steps that are
//! spent (R16). In: changes, all or nothing; out: records and snapshots. Durable when a change returns. Never loses a seed's last
//! step, never sets itself aside unless corruption is proven (R20).

mod error;
pub mod records;

pub use error::{CopyError, OpenError, StoreError};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::seal::Sealer;
use records::{Client, ClientId, SeedMark, SeedState, Settings, Tenant, Timestamp, Token, TokenId, User, UserId};

/// The schema this posternd writes.
pub const SCHEMA: u32 = 1;
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
#[allow(missing_docs)]
pub enum Change {
    /// Id 0: the store gives one.
    AddUser(User),
    PutUser(User),
    RemoveUser(UserId),
    /// Id 0: the store gives one. User 0: the user added last in the same group.
    AddToken(Token),
    PutToken(Token),
    RemoveToken(TokenId),
    AddClient(Client),
    PutClient(Client),
    RemoveClient(ClientId),
    PutTenant(Tenant),
    RemoveTenant(String),
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

/// The open store. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<()>);

#[allow(missing_docs, unused_variables)]
impl Store {
    pub fn open(dir: &Path, sealer: &Sealer) -> Result<(Store, Opened), OpenError> {
        todo!()
    }
    /// `now` names what is set aside.
    pub fn open_or_recover(
        state_dir: &Path,
        sealer: &Sealer,
        now: Timestamp,
    ) -> Result<(Store, Opened, Option<Recovered>), OpenError> {
        todo!()
    }
    pub fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        todo!()
    }
    pub fn user_named(&self, canonical: &str) -> Result<Option<User>, StoreError> {
        todo!()
    }
    pub fn tokens_of(&self, user: UserId) -> Result<Vec<Token>, StoreError> {
        todo!()
    }
    /// Users whose name has `part` in it, by name, and how many there are in all.
    pub fn search(&self, part: &str, offset: usize, limit: usize) -> (Vec<(UserId, String)>, usize) {
        todo!()
    }
    pub fn clients(&self) -> Arc<Vec<Client>> {
        todo!()
    }
    pub fn tenants(&self) -> Arc<Vec<Tenant>> {
        todo!()
    }
    pub fn settings(&self) -> Arc<Settings> {
        todo!()
    }
    pub fn generation(&self, user: UserId) -> Option<u64> {
        todo!()
    }
    pub fn seed(&self, mark: SeedMark) -> Option<SeedState> {
        todo!()
    }
    pub fn spend(&self, mark: SeedMark, step: u64, drift: i8) -> Spend {
        todo!()
    }
    pub fn raise_step(&self, mark: SeedMark, step: u64, drift: i8) {
        todo!()
    }
    pub fn fold(&self, position: u64) -> Result<(), StoreError> {
        todo!()
    }
    pub fn folded(&self) -> u64 {
        todo!()
    }
    pub fn live_get(&self, kind: u8, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        todo!()
    }
    pub fn live_put(&self, batch: Vec<Live>) -> Result<(), StoreError> {
        todo!()
    }
    /// Key and blob.
    pub fn live_scan(&self, kind: u8) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        todo!()
    }
    pub fn apply(&self, changes: Vec<Change>) -> Result<Applied, StoreError> {
        todo!()
    }
    /// A sealed copy at `path`.
    pub fn copy_to(&self, path: &Path, now: Timestamp) -> Result<(), CopyError> {
        todo!()
    }
    /// A sealed copy `copies/store-<ms>.sealed`; the oldest beyond [`COPIES_KEPT`] go.
    pub fn copy_daily(&self, state_dir: &Path, now: Timestamp) -> Result<PathBuf, CopyError> {
        todo!()
    }
    /// Makes a store in `into_dir`, which must not exist, from a copy: the copy's time and folded position.
    pub fn restore_copy(path: &Path, into_dir: &Path, sealer: &Sealer) -> Result<(Timestamp, u64), CopyError> {
        todo!()
    }
}
