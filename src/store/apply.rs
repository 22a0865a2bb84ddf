//! Groups of changes: checked against what is there and against each other, written as one batch, then shown. In: changes; out:
//! the numbers given. All or nothing, and durable when it returns; nothing in memory moves before that.

mod tokens;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::codec::{self, COUNTERS, Key, META, Person, Sealed};
use super::open::{Counters, Meta};
use super::records::{
    Client, ClientId, Operator, OperatorId, SeedMark, Settings, Tenant, TokenId, Unassigned, User, UserId,
};
use super::{Applied, Change, Inner, SCHEMA, Store, StoreError};
use tokens::Seed;

impl Store {
    /// Makes a group of changes, all or none of them; on the disk when this returns. Names of users and clients and address ranges
    /// of clients stay unique, a seed stays in one token (R16), the generation of a user grows with every change to the user or
    /// the user's tokens. Marks and generations in the records given are not looked at: the store sets them. About 1,000 changes
    /// make a good group.
    pub fn apply(&self, changes: Vec<Change>) -> Result<Applied, StoreError> {
        let inner = &self.0;
        let mut counters = inner.writer.lock();
        if inner.disk.failed() {
            return Err(StoreError::Failed);
        }
        let mut stage = Stage::new(inner, *counters);
        changes.into_iter().try_for_each(|change| stage.change(change))?;
        let batch = stage.batch()?;
        let records = stage.people.len() + stage.seeds.len() + stage.unassigned.len();
        inner.commit(batch, records, &mut counters, stage.counters)?;
        let applied = stage.show();
        inner.moves.fetch_add(1, Ordering::Release);
        Ok(applied)
    }
}

impl Store {
    /// The store is of [`SCHEMA`] from now on, so that an older posternd does not open it; one that is already stays as it is. Any
    /// change does the same: whoever wants a copy that an older posternd reads makes it before ([`Store::copy_before_raise`]).
    pub fn raise_schema(&self) -> Result<(), StoreError> {
        let mut counters = self.0.writer.lock();
        if !self.0.behind.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut next = *counters;
        next.changes += 1;
        let mut batch = sled::Batch::default();
        batch.insert(COUNTERS, codec::encode(&next)?);
        self.0.commit(batch, 1, &mut counters, next)
    }
}

impl Inner {
    /// Writes a batch that holds `next` already.
    pub(super) fn commit(
        &self,
        mut batch: sled::Batch,
        records: usize,
        counters: &mut Counters,
        next: Counters,
    ) -> Result<(), StoreError> {
        if self.behind.load(Ordering::SeqCst) {
            // With the first record that an older posternd would not read, in one batch.
            let meta = Meta {
                schema: SCHEMA,
                key_id: self.sealer.key_id(),
            };
            batch.insert(META, codec::encode(&meta)?);
        }
        self.disk.write_many(batch, records)?;
        self.behind.store(false, Ordering::SeqCst);
        *counters = next;
        if let Err(e) = self.mark.set(next.changes) {
            // The change itself is on the disk; an older mark only proves less.
            tracing::error!("the store's mark cannot be written: {e}");
        }
        Ok(())
    }
}

/// A group in the making: what the records will be. `None` is gone.
struct Stage<'a> {
    inner: &'a Inner,
    counters: Counters,
    people: BTreeMap<UserId, Option<Person>>,
    owners: HashMap<TokenId, Option<UserId>>,
    names: HashMap<String, Option<UserId>>,
    seeds: HashMap<SeedMark, Seed>,
    unassigned: BTreeMap<SeedMark, Option<Unassigned>>,
    clients: Vec<Client>,
    touched_clients: BTreeSet<ClientId>,
    tenants: Vec<Tenant>,
    touched_tenants: BTreeSet<String>,
    operators: Vec<Operator>,
    touched_operators: BTreeSet<OperatorId>,
    settings: Option<Settings>,
    applied: Applied,
}

const USER: StoreError = StoreError::NotFound("user");
const TOKEN: StoreError = StoreError::NotFound("token");
const CLIENT: StoreError = StoreError::NotFound("client");
const TENANT: StoreError = StoreError::NotFound("tenant");
const OPERATOR: StoreError = StoreError::NotFound("operator");

impl<'a> Stage<'a> {
    fn new(inner: &'a Inner, counters: Counters) -> Self {
        let snapshots = inner.snapshots.read();
        Self {
            inner,
            counters,
            people: BTreeMap::new(),
            owners: HashMap::new(),
            names: HashMap::new(),
            seeds: HashMap::new(),
            unassigned: BTreeMap::new(),
            clients: snapshots.clients.to_vec(),
            touched_clients: BTreeSet::new(),
            tenants: snapshots.tenants.to_vec(),
            touched_tenants: BTreeSet::new(),
            operators: snapshots.operators.to_vec(),
            touched_operators: BTreeSet::new(),
            settings: None,
            applied: Applied::default(),
        }
    }

    fn change(&mut self, change: Change) -> Result<(), StoreError> {
        match change {
            Change::AddUser(user) => self.add_user(user),
            Change::PutUser(user) => self.put_user(user),
            Change::RemoveUser(id) => self.remove_user(id),
            Change::AddToken(token) => self.add_token(token),
            Change::PutToken(token) => self.put_token(token),
            Change::RemoveToken(id) => self.remove_token(id),
            Change::AddUnassigned(token) => self.add_unassigned(token),
            Change::RemoveUnassigned(mark) => self.remove_unassigned(mark),
            Change::RaiseStep(mark, step) => {
                self.raise_step(mark, step);
                Ok(())
            }
            Change::BeginsAt(mark, counter) => {
                let counter = u32::try_from(counter).unwrap_or(u32::MAX);
                self.seeds.entry(mark).or_default().begins = Some(counter);
                Ok(())
            }
            Change::Resynced(mark) => {
                self.seeds.entry(mark).or_default().fresh = true;
                Ok(())
            }
            Change::ForgetDrift(mark) => {
                self.seeds.entry(mark).or_default().level = true;
                Ok(())
            }
            Change::AddClient(client) => self.add_client(client),
            Change::PutClient(client) => self.put_client(client),
            Change::RemoveClient(id) => {
                let at = self.clients.iter().position(|client| client.id == id).ok_or(CLIENT)?;
                self.clients.remove(at);
                self.touched_clients.insert(id);
                self.counters.clients -= 1;
                Ok(())
            }
            Change::PutTenant(tenant) => {
                self.put_tenant(tenant);
                Ok(())
            }
            Change::RemoveTenant(domain) => {
                let at = self
                    .tenants
                    .iter()
                    .position(|tenant| tenant.domain == domain)
                    .ok_or(TENANT)?;
                self.tenants.remove(at);
                self.touched_tenants.insert(domain);
                self.counters.tenants -= 1;
                Ok(())
            }
            Change::AddOperator(operator) => self.add_operator(operator),
            Change::KeepOperator(operator) => self.keep_operator(operator),
            Change::PutOperator(operator) => self.put_operator(operator),
            Change::RemoveOperator(id) => {
                let at = self.operators.iter().position(|one| one.id == id).ok_or(OPERATOR)?;
                self.operators.remove(at);
                self.touched_operators.insert(id);
                self.counters.operators -= 1;
                Ok(())
            }
            Change::PutSettings(settings) => {
                self.settings = Some(settings);
                Ok(())
            }
        }
    }

    /// The user as the group leaves it so far, to be changed further.
    fn person(&mut self, id: UserId) -> Result<&mut Person, StoreError> {
        let staged = match self.people.entry(id) {
            Entry::Occupied(staged) => staged.into_mut(),
            Entry::Vacant(free) => free.insert(self.inner.person(id)?),
        };
        staged.as_mut().ok_or(USER)
    }

    fn named(&self, name: &str) -> Option<UserId> {
        self.names
            .get(name)
            .copied()
            .unwrap_or_else(|| self.inner.index.read().named(name))
    }

    fn owner(&self, token: TokenId) -> Result<UserId, StoreError> {
        let owner = self.owners.get(&token).copied();
        owner
            .unwrap_or_else(|| self.inner.index.read().owner(token))
            .ok_or(TOKEN)
    }

    fn add_user(&mut self, mut user: User) -> Result<(), StoreError> {
        if self.named(&user.name).is_some() {
            return Err(StoreError::NameTaken);
        }
        self.counters.user += 1;
        self.counters.users += 1;
        user.id = UserId(self.counters.user);
        user.generation = 1;
        self.names.insert(user.name.clone(), Some(user.id));
        self.applied.users.push(user.id);
        self.people.insert(
            user.id,
            Some(Person {
                user,
                tokens: Vec::new(),
            }),
        );
        Ok(())
    }

    fn put_user(&mut self, mut user: User) -> Result<(), StoreError> {
        let old = self.person(user.id)?.user.name.clone();
        if old != user.name {
            if self.named(&user.name).is_some() {
                return Err(StoreError::NameTaken);
            }
            self.names.insert(old, None);
            self.names.insert(user.name.clone(), Some(user.id));
        }
        let person = self.person(user.id)?;
        user.generation = person.user.generation + 1;
        person.user = user;
        Ok(())
    }

    fn remove_user(&mut self, id: UserId) -> Result<(), StoreError> {
        let person = self.person(id)?;
        let name = std::mem::take(&mut person.user.name);
        for token in std::mem::take(&mut person.tokens) {
            self.let_go(&token);
        }
        self.names.insert(name, None);
        self.people.insert(id, None);
        self.counters.users -= 1;
        Ok(())
    }

    fn fits(&self, client: &Client) -> Result<(), StoreError> {
        let others = || self.clients.iter().filter(|other| other.id != client.id);
        if others().any(|other| other.name == client.name) {
            return Err(StoreError::ClientNameTaken);
        }
        if others().any(|other| other.net == client.net) {
            return Err(StoreError::NetTaken);
        }
        Ok(())
    }

    fn add_client(&mut self, mut client: Client) -> Result<(), StoreError> {
        client.id = ClientId(self.counters.client + 1);
        client.generation = 1;
        self.fits(&client)?;
        self.counters.client += 1;
        self.counters.clients += 1;
        self.applied.clients.push(client.id);
        self.touched_clients.insert(client.id);
        self.clients.push(client);
        Ok(())
    }

    fn put_client(&mut self, mut client: Client) -> Result<(), StoreError> {
        self.fits(&client)?;
        let old = self.clients.iter_mut().find(|old| old.id == client.id).ok_or(CLIENT)?;
        client.generation = old.generation + 1;
        self.touched_clients.insert(client.id);
        *old = client;
        Ok(())
    }

    fn put_tenant(&mut self, mut tenant: Tenant) {
        self.touched_tenants.insert(tenant.domain.clone());
        match self.tenants.binary_search_by(|old| old.domain.cmp(&tenant.domain)) {
            Ok(at) => {
                if let Some(old) = self.tenants.get_mut(at) {
                    tenant.generation = old.generation + 1;
                    *old = tenant;
                }
            }
            Err(at) => {
                tenant.generation = 1;
                self.counters.tenants += 1;
                self.tenants.insert(at, tenant);
            }
        }
    }

    fn alone(&self, operator: &Operator) -> Result<(), StoreError> {
        let same = |other: &&Operator| other.id != operator.id && other.name == operator.name;
        match self.operators.iter().find(same) {
            Some(_) => Err(StoreError::OperatorNameTaken),
            None => Ok(()),
        }
    }

    fn add_operator(&mut self, mut operator: Operator) -> Result<(), StoreError> {
        operator.id = OperatorId(self.counters.operator + 1);
        operator.generation = 1;
        self.alone(&operator)?;
        self.counters.operator += 1;
        self.counters.operators += 1;
        self.applied.operators.push(operator.id);
        self.touched_operators.insert(operator.id);
        self.operators.push(operator);
        Ok(())
    }

    fn keep_operator(&mut self, operator: Operator) -> Result<(), StoreError> {
        if self.operators.iter().any(|one| one.id == operator.id) {
            return Err(StoreError::OperatorNameTaken);
        }
        self.alone(&operator)?;
        self.counters.operator = self.counters.operator.max(operator.id.0);
        self.counters.operators += 1;
        self.touched_operators.insert(operator.id);
        self.operators.push(operator);
        Ok(())
    }

    fn put_operator(&mut self, mut operator: Operator) -> Result<(), StoreError> {
        self.alone(&operator)?;
        let old = self.operators.iter_mut().find(|old| old.id == operator.id);
        let old = old.ok_or(OPERATOR)?;
        // What a login writes (times, counts, a spent step) ends no session.
        let same = (old.role, old.enabled, &old.password) == (operator.role, operator.enabled, &operator.password);
        operator.generation = old.generation + u64::from(!same);
        self.touched_operators.insert(operator.id);
        *old = operator;
        Ok(())
    }

    /// Everything as sled will have it.
    fn batch(&mut self) -> Result<sled::Batch, StoreError> {
        let mut batch = sled::Batch::default();
        let sealer = &self.inner.sealer;
        for (id, person) in &self.people {
            put(&mut batch, sealer, Key::User(*id), person.as_ref())?;
        }
        for (mark, seed) in self.seeds.iter().filter(|(_, seed)| seed.needs_record()) {
            let state = seed.after(self.inner.seeds.get(*mark).unwrap_or_default());
            batch.insert(Key::Seed(*mark).bytes(), codec::encode_seed(&state)?);
        }
        for (mark, token) in &self.unassigned {
            put(&mut batch, sealer, Key::Unassigned(*mark), token.as_ref())?;
        }
        for id in &self.touched_clients {
            put(
                &mut batch,
                sealer,
                Key::Client(*id),
                self.clients.iter().find(|client| client.id == *id),
            )?;
        }
        for domain in &self.touched_tenants {
            put(
                &mut batch,
                sealer,
                Key::Tenant(domain),
                self.tenants.iter().find(|tenant| tenant.domain == *domain),
            )?;
        }
        for id in &self.touched_operators {
            let operator = self.operators.iter().find(|operator| operator.id == *id);
            put(&mut batch, sealer, Key::Operator(*id), operator)?;
        }
        if let Some(settings) = &self.settings {
            put(&mut batch, sealer, Key::Settings, Some(settings))?;
        }
        self.counters.changes += 1;
        batch.insert(COUNTERS, codec::encode(&self.counters)?);
        Ok(batch)
    }

    /// The same in memory.
    fn show(self) -> Applied {
        let mut index = self.inner.index.write();
        for (mark, seed) in &self.seeds {
            seed.show(*mark, &self.inner.seeds);
        }
        for (mark, token) in &self.unassigned {
            match token {
                Some(token) => index.drawer.put(token),
                None => index.drawer.remove(*mark),
            }
        }
        for token in self
            .owners
            .iter()
            .filter_map(|(token, owner)| owner.is_none().then_some(token))
        {
            index.remove_token(*token);
        }
        self.people.values().flatten().for_each(|person| index.put(person));
        for id in self
            .people
            .iter()
            .filter_map(|(id, person)| person.is_none().then_some(id))
        {
            index.remove(*id);
        }
        drop(index);
        let mut snapshots = self.inner.snapshots.write();
        if !self.touched_clients.is_empty() {
            snapshots.clients = Arc::new(self.clients);
        }
        if !self.touched_tenants.is_empty() {
            snapshots.tenants = Arc::new(self.tenants);
        }
        if !self.touched_operators.is_empty() {
            snapshots.operators = Arc::new(self.operators);
        }
        if let Some(settings) = self.settings {
            snapshots.settings = Arc::new(settings);
        }
        self.applied
    }
}

fn put<T: Sealed>(
    batch: &mut sled::Batch,
    sealer: &crate::seal::Sealer,
    key: Key<'_>,
    record: Option<&T>,
) -> Result<(), StoreError> {
    let key = key.bytes();
    match record {
        Some(record) => {
            let sealed = codec::seal(sealer, &key, record)?;
            batch.insert(key, sealed);
        }
        None => batch.remove(key),
    }
    Ok(())
}
