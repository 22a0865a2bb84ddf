//! Groups of changes: checked against what is there and against each other, written as one batch, then shown. In: changes; out:
//! the numbers given. All or nothing, and durable when it returns; nothing in memory moves before that.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::codec::{self, COUNTERS, Key, Person};
use super::open::Counters;
use super::records::{
    Client, ClientId, Operator, OperatorId, SeedMark, Settings, Tenant, Token, TokenId, User, UserId,
};
use super::{Applied, Change, Inner, Store, StoreError};

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
        let records = stage.people.len() + stage.holders.len() + stage.steps.len();
        inner.commit(batch, records, &mut counters, stage.counters)?;
        let applied = stage.show();
        inner.moves.fetch_add(1, Ordering::Release);
        Ok(applied)
    }
}

impl Inner {
    /// Writes a batch that holds `next` already.
    pub(super) fn commit(
        &self,
        batch: sled::Batch,
        records: usize,
        counters: &mut Counters,
        next: Counters,
    ) -> Result<(), StoreError> {
        self.disk.write_many(batch, records)?;
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
    holders: HashMap<SeedMark, (Option<TokenId>, Option<UserId>)>,
    steps: HashMap<SeedMark, u64>,
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
            holders: HashMap::new(),
            steps: HashMap::new(),
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
            Change::RaiseStep(mark, step) => {
                let highest = self.steps.entry(mark).or_insert(step);
                *highest = step.max(*highest);
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

    /// The seed goes to this token, unless another one holds it.
    fn take_seed(&mut self, mark: SeedMark, token: TokenId, user: UserId) -> Result<(), StoreError> {
        let held = match self.holders.get(&mark) {
            Some(held) => *held,
            None => self
                .inner
                .seeds
                .get(mark)
                .map_or((None, None), |state| (state.token, state.user)),
        };
        if let (Some(_), Some(user)) = held {
            return Err(StoreError::SeedTaken { user });
        }
        self.holders.insert(mark, (Some(token), Some(user)));
        Ok(())
    }

    /// The token goes; last step and last holder of its seed are kept (R16).
    fn let_go(&mut self, token: &Token) {
        self.holders.insert(token.mark, (None, Some(token.user)));
        self.owners.insert(token.id, None);
        self.counters.tokens -= 1;
    }

    fn add_token(&mut self, mut token: Token) -> Result<(), StoreError> {
        if token.user == UserId(0) {
            token.user = self.applied.users.last().copied().ok_or(USER)?;
        }
        self.person(token.user)?;
        token.id = TokenId(self.counters.token + 1);
        token.mark = self.inner.sealer.seed_mark(token.seed.expose());
        self.take_seed(token.mark, token.id, token.user)?;
        self.counters.token += 1;
        self.counters.tokens += 1;
        self.applied.tokens.push(token.id);
        self.owners.insert(token.id, Some(token.user));
        let person = self.person(token.user)?;
        person.user.generation += 1;
        person.tokens.push(token);
        Ok(())
    }

    fn put_token(&mut self, mut token: Token) -> Result<(), StoreError> {
        let owner = self.owner(token.id)?;
        if owner != token.user {
            return Err(StoreError::OtherUser);
        }
        token.mark = self.inner.sealer.seed_mark(token.seed.expose());
        let find = |person: &Person| person.tokens.iter().position(|old| old.id == token.id).ok_or(TOKEN);
        let person = self.person(owner)?;
        let at = find(person)?;
        let old = person.tokens.get(at).ok_or(TOKEN)?.mark;
        if old != token.mark {
            self.take_seed(token.mark, token.id, owner)?;
            self.holders.insert(old, (None, Some(owner)));
        }
        let person = self.person(owner)?;
        person.user.generation += 1;
        *person.tokens.get_mut(at).ok_or(TOKEN)? = token;
        Ok(())
    }

    fn remove_token(&mut self, id: TokenId) -> Result<(), StoreError> {
        let owner = self.owner(id)?;
        let person = self.person(owner)?;
        let at = person.tokens.iter().position(|token| token.id == id).ok_or(TOKEN)?;
        let token = person.tokens.remove(at);
        person.user.generation += 1;
        self.let_go(&token);
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
        // Who holds a seed stands in the user's record; only what nobody holds needs one of its own, besides those with steps.
        let released = self.holders.iter().filter(|(_, (token, _))| token.is_none());
        let marks: BTreeSet<&SeedMark> = released.map(|(mark, _)| mark).chain(self.steps.keys()).collect();
        for mark in marks {
            let mut state = self.inner.seeds.get(*mark).unwrap_or_default();
            if let Some((token, user)) = self.holders.get(mark) {
                (state.token, state.user) = (*token, *user);
            }
            state.last_step = state.last_step.max(self.steps.get(mark).copied());
            batch.insert(Key::Seed(*mark).bytes(), codec::encode(&state)?);
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
        for (mark, (token, user)) in self.holders {
            self.inner.seeds.hold(mark, token, user);
        }
        for (mark, step) in self.steps {
            self.inner.seeds.raise(mark, step, 0);
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

fn put<T: serde::Serialize>(
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
