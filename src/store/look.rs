//! What the store answers to a look: records by number, by name, by serial number, pages of lists. In: what is wanted; out: records and
//! rows. Changes nothing but what is spent in memory.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::codec::Key;
use super::drawer::UnassignedRow;
use super::index::{fold, is_begun, is_hardware};
use super::records::{
    Client, Operator, SeedMark, SeedState, Settings, Tenant, Token, TokenId, Unassigned, User, UserId,
};
use super::{Spend, Store, StoreError};

impl Store {
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
        self.0.index.read().search(part, false, offset, limit)
    }

    /// As [`Store::search`], of those who are enabled, not exempt and have no token that counts: from memory alone.
    pub fn search_without_token(&self, part: &str, offset: usize, limit: usize) -> (Vec<(UserId, String)>, usize) {
        self.0.index.read().search(part, true, offset, limit)
    }

    /// The tokens of users that have this serial number, and whose they are, by number. Case and blanks around it do not matter.
    pub fn with_serial(&self, serial: &str) -> Result<Vec<(User, Token)>, StoreError> {
        let found = self.0.index.read().with_serial(serial);
        let mut tokens = Vec::with_capacity(found.len());
        for (token, user) in found {
            let Some(person) = self.0.person(user)? else { continue };
            let token = person.tokens.into_iter().find(|one| one.id == token);
            tokens.extend(token.map(|token| (person.user, token)));
        }
        Ok(tokens)
    }

    /// The tokens with a serial number, or with `begun` those of them that were begun here and are not active yet; whose serial number,
    /// model or user's name contains `part` (all, if it is empty); by their users' names: `limit` of them from `offset` on, and how
    /// many there are. Only the records of the page are read.
    pub fn hardware(
        &self,
        part: &str,
        begun: bool,
        offset: usize,
        limit: usize,
    ) -> Result<(Vec<(String, Token)>, usize), StoreError> {
        let part = fold(part);
        let mut page = Vec::new();
        if part.is_empty() {
            let wanted = |token: &Token| if begun { is_begun(token) } else { is_hardware(token) };
            let (shares, total) = self.0.index.read().hardware(begun, offset, limit);
            for (user, out, on) in shares {
                let Some(person) = self.0.person(user)? else { continue };
                let tokens = person.tokens.into_iter().filter(&wanted).skip(out).take(on);
                page.extend(tokens.map(|token| (person.user.name.clone(), token)));
            }
            return Ok((page, total));
        }
        let mut found = self.0.index.read().search_hardware(&part, begun);
        // Not under the index's lock, for which logins would wait.
        found.sort_unstable();
        let total = found.len();
        for (_, user, token) in found.into_iter().skip(offset).take(limit) {
            let Some(person) = self.0.person(user)? else { continue };
            let token = person.tokens.into_iter().find(|one| one.id == token);
            page.extend(token.map(|token| (person.user.name, token)));
        }
        Ok((page, total))
    }

    /// The tokens of nobody that have this serial number; case and blanks around it do not matter.
    pub fn unassigned_with_serial(&self, serial: &str) -> Vec<UnassignedRow> {
        self.0.index.read().drawer.with_serial(serial)
    }

    /// A token that nobody has yet, with its seed.
    pub fn unassigned(&self, mark: SeedMark) -> Result<Option<Unassigned>, StoreError> {
        self.0.record(Key::Unassigned(mark))
    }

    /// Whether a seed is in a token that nobody has yet.
    pub fn is_unassigned(&self, mark: SeedMark) -> bool {
        self.0.index.read().drawer.holds(mark)
    }

    /// Tokens of nobody whose serial number or model contains `part` (all, if it is empty), by serial number: `limit` of them from
    /// `offset` on, and how many there are.
    pub fn search_unassigned(&self, part: &str, offset: usize, limit: usize) -> (Vec<UnassignedRow>, usize) {
        self.0.index.read().drawer.search(part, offset, limit)
    }

    /// How many tokens wait for a resync (R20).
    pub fn waiting_for_resync(&self) -> usize {
        self.0.index.read().resync()
    }

    /// Counters of this seed may have been spent that nobody knows of: no counter token of it counts before a resync (R20). In memory,
    /// What another memory of the seed knows is known here too, from the next [`Store::fold`] on on the disk: the higher of each (R20).
    pub fn merge_seed(&self, mark: SeedMark, from: SeedState) {
        self.0.seeds.merge(mark, from);
    }

    /// and on the disk with the next fold.
    pub fn make_stale(&self, mark: SeedMark) {
        self.0.seeds.stale(mark, true);
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
