//! Who is there, in memory: names, each user's tokens and generation. In: records as they are read or changed; out: numbers by
//! name, names by part, what hangs on a user. About 200 bytes a user; holds nothing secret.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::records::{TokenId, UserId};

/// One user. Most have one token, which stands here; the rest stands apart.
struct Entry {
    name: Arc<str>,
    generation: u64,
    token: u64,
    more: Vec<u64>,
}

/// All users.
#[derive(Default)]
pub(super) struct Index {
    users: HashMap<u64, Entry>,
    names: BTreeMap<Arc<str>, u64>,
    owners: HashMap<u64, u64>,
}

impl Index {
    /// Adds a user, or takes over the new name and generation of one.
    pub(super) fn put(&mut self, id: UserId, name: &str, generation: u64) {
        if let Some(entry) = self.users.get_mut(&id.0) {
            entry.generation = generation;
            if *entry.name != *name {
                let name: Arc<str> = name.into();
                // Another user may have taken the old name over in the same group.
                if self.names.get(&entry.name) == Some(&id.0) {
                    self.names.remove(&entry.name);
                }
                self.names.insert(Arc::clone(&name), id.0);
                entry.name = name;
            }
            return;
        }
        let name: Arc<str> = name.into();
        self.names.insert(Arc::clone(&name), id.0);
        self.users.insert(
            id.0,
            Entry {
                name,
                generation,
                token: 0,
                more: Vec::new(),
            },
        );
    }

    pub(super) fn remove(&mut self, id: UserId) {
        for token in self.tokens(id) {
            self.owners.remove(&token.0);
        }
        if let Some(entry) = self.users.remove(&id.0)
            && self.names.get(&entry.name) == Some(&id.0)
        {
            self.names.remove(&entry.name);
        }
    }

    /// False: there is no such user.
    pub(super) fn put_token(&mut self, user: UserId, token: TokenId) -> bool {
        let Some(entry) = self.users.get_mut(&user.0) else {
            return false;
        };
        if self.owners.insert(token.0, user.0).is_some() {
            return true;
        }
        if entry.token == 0 {
            entry.token = token.0;
        } else {
            entry.more.push(token.0);
        }
        true
    }

    pub(super) fn remove_token(&mut self, token: TokenId) {
        let Some(user) = self.owners.remove(&token.0) else {
            return;
        };
        let Some(entry) = self.users.get_mut(&user) else { return };
        entry.more.retain(|id| *id != token.0);
        if entry.token == token.0 {
            entry.token = if entry.more.is_empty() { 0 } else { entry.more.remove(0) };
        }
        if entry.more.is_empty() {
            entry.more = Vec::new();
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

    /// A user's tokens, in the order they were added.
    pub(super) fn tokens(&self, id: UserId) -> Vec<TokenId> {
        let Some(entry) = self.users.get(&id.0) else {
            return Vec::new();
        };
        let more = entry.more.iter().copied();
        [entry.token]
            .into_iter()
            .filter(|id| *id != 0)
            .chain(more)
            .map(TokenId)
            .collect()
    }

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
