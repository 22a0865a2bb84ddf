//! Who is there, in memory: names, generations, whose each token is. In: records as they are read or changed; out: numbers by
//! name, names by part. About 150 bytes a user; holds nothing secret.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::codec::Person;
use super::records::{TokenId, UserId};

struct Entry {
    name: Arc<str>,
    generation: u64,
}

/// All users.
#[derive(Default)]
pub(super) struct Index {
    users: HashMap<u64, Entry>,
    names: BTreeMap<Arc<str>, u64>,
    owners: HashMap<u64, u64>,
}

impl Index {
    /// Adds a user with the tokens, or takes over name, generation and new tokens.
    pub(super) fn put(&mut self, person: &Person) {
        let (id, name, generation) = (person.user.id.0, person.user.name.as_str(), person.user.generation);
        self.owners.extend(person.tokens.iter().map(|token| (token.id.0, id)));
        if let Some(entry) = self.users.get_mut(&id) {
            entry.generation = generation;
            if *entry.name == *name {
                return;
            }
        }
        let name: Arc<str> = name.into();
        self.forget_name(id);
        self.names.insert(Arc::clone(&name), id);
        self.users.insert(id, Entry { name, generation });
    }

    pub(super) fn remove(&mut self, id: UserId) {
        self.forget_name(id.0);
        self.users.remove(&id.0);
    }

    pub(super) fn remove_token(&mut self, token: TokenId) {
        self.owners.remove(&token.0);
    }

    /// Another user may have taken the name over in the same group: then it stays.
    fn forget_name(&mut self, id: u64) {
        if let Some(entry) = self.users.get(&id)
            && self.names.get(&entry.name) == Some(&id)
        {
            self.names.remove(&entry.name);
        }
    }

    pub(super) fn named(&self, name: &str) -> Option<UserId> {
        self.names.get(name).copied().map(UserId)
    }

    pub(super) fn generation(&self, id: UserId) -> Option<u64> {
        self.users.get(&id.0).map(|entry| entry.generation)
    }

    pub(super) fn owner(&self, token: TokenId) -> Option<UserId> {
        self.owners.get(&token.0).copied().map(UserId)
    }

    /// Users and tokens.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.users.len(), self.owners.len())
    }

    pub(super) fn search(&self, part: &str, offset: usize, limit: usize) -> (Vec<(UserId, String)>, usize) {
        if part.is_empty() {
            let page = self.names.iter().skip(offset).take(limit);
            return (
                page.map(|(name, id)| (UserId(*id), name.to_string())).collect(),
                self.names.len(),
            );
        }
        let (mut page, mut total) = (Vec::new(), 0);
        for (name, id) in self.names.iter().filter(|(name, _)| name.contains(part)) {
            if total >= offset && page.len() < limit {
                page.push((UserId(*id), name.to_string()));
            }
            total += 1;
        }
        (page, total)
    }

    pub(super) fn shrink(&mut self) {
        self.users.shrink_to_fit();
        self.owners.shrink_to_fit();
    }
}
