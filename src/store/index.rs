//! Who is there, in memory: names, generations, whose each token is, which serial number is whose, who has no token that counts. In:
//! records as they are read or changed; out: numbers by name or serial number, names by part. About 180 bytes a user; serial numbers
//! as hashes; holds nothing secret.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::codec::Person;
use super::drawer::Drawer;
use super::records::{Token, TokenId, TokenSource, TokenStatus, UserId};

struct Entry {
    name: Arc<str>,
    generation: u64,
}

/// A user by name, and what the lists ask for.
#[derive(Clone, Copy)]
struct Named {
    id: u64,
    /// Enabled, not exempt, and without a token that counts.
    bare: bool,
    /// Tokens with a serial number.
    hardware: u16,
    /// Tokens that were begun here and are not active yet.
    begun: u16,
}

impl Named {
    fn new(person: &Person) -> Self {
        let count = |which: fn(&Token) -> bool| {
            let count = person.tokens.iter().filter(|token| which(token)).count();
            u16::try_from(count).unwrap_or(u16::MAX)
        };
        let user = &person.user;
        Self {
            id: user.id.0,
            bare: user.enabled && !user.exempt && count(|token| token.status == TokenStatus::Active) == 0,
            hardware: count(is_hardware),
            begun: count(is_begun),
        }
    }
}

/// Whether it has a serial number.
pub(super) fn is_hardware(token: &Token) -> bool {
    !token.serial.is_empty()
}

/// Whether it was begun here and is not active yet.
pub(super) fn is_begun(token: &Token) -> bool {
    is_hardware(token) && token.status == TokenStatus::Pending && matches!(token.source, TokenSource::Programmed(_))
}

/// A serial number, or a part of one, as it is compared: whoever scans or types it does not care for case and blanks around it.
pub(super) fn fold(serial: &str) -> String {
    serial.trim().to_lowercase()
}

#[derive(Clone, Copy)]
struct Owner {
    user: u64,
    /// The hash of its serial number; 0 where it has none.
    serial: u64,
}

/// Whose tokens stand on a page: the user, how many of the user's are left out, how many are on it.
pub(super) type Share = (UserId, usize, usize);

/// All users.
#[derive(Default)]
pub(super) struct Index {
    users: HashMap<u64, Entry>,
    names: BTreeMap<Arc<str>, Named>,
    owners: HashMap<u64, Owner>,
    /// Hash of a serial number, and token.
    serials: BTreeSet<(u64, u64)>,
    hasher: RandomState,
    /// What nobody has yet.
    pub(super) drawer: Drawer,
}

impl Index {
    /// Adds a user with the tokens, or takes over name, generation, state and new tokens.
    pub(super) fn put(&mut self, person: &Person) {
        let (id, name, generation) = (person.user.id.0, person.user.name.as_str(), person.user.generation);
        person.tokens.iter().for_each(|token| self.put_token(id, token));
        let known = self.users.get(&id).filter(|entry| *entry.name == *name);
        let name = match known.map(|entry| Arc::clone(&entry.name)) {
            Some(name) => name,
            None => {
                self.forget_name(id);
                name.into()
            }
        };
        self.names.insert(Arc::clone(&name), Named::new(person));
        self.users.insert(id, Entry { name, generation });
    }

    fn put_token(&mut self, user: u64, token: &Token) {
        let serial = match is_hardware(token) {
            true => self.hash(&token.serial),
            false => 0,
        };
        let before = self.owners.insert(token.id.0, Owner { user, serial });
        let before = before.map_or(0, |owner| owner.serial);
        if before != serial {
            self.serials.remove(&(before, token.id.0));
            if serial != 0 {
                self.serials.insert((serial, token.id.0));
            }
        }
    }

    fn hash(&self, serial: &str) -> u64 {
        self.hasher.hash_one(fold(serial)).max(1)
    }

    pub(super) fn remove(&mut self, id: UserId) {
        self.forget_name(id.0);
        self.users.remove(&id.0);
    }

    pub(super) fn remove_token(&mut self, token: TokenId) {
        if let Some(owner) = self.owners.remove(&token.0) {
            self.serials.remove(&(owner.serial, token.0));
        }
    }

    /// Another user may have taken the name over in the same group: then it stays.
    fn forget_name(&mut self, id: u64) {
        if let Some(entry) = self.users.get(&id)
            && self.names.get(&entry.name).is_some_and(|named| named.id == id)
        {
            self.names.remove(&entry.name);
        }
    }

    pub(super) fn named(&self, name: &str) -> Option<UserId> {
        self.names.get(name).map(|named| UserId(named.id))
    }

    pub(super) fn generation(&self, id: UserId) -> Option<u64> {
        self.users.get(&id.0).map(|entry| entry.generation)
    }

    pub(super) fn owner(&self, token: TokenId) -> Option<UserId> {
        self.owners.get(&token.0).map(|owner| UserId(owner.user))
    }

    /// The tokens that may have a serial number, and whose they are: by its hash, so look at the records.
    pub(super) fn with_serial(&self, serial: &str) -> Vec<(TokenId, UserId)> {
        let hash = self.hash(serial);
        let found = self.serials.range((hash, 0)..=(hash, u64::MAX));
        found
            .filter_map(|(_, token)| Some((TokenId(*token), self.owner(TokenId(*token))?)))
            .collect()
    }

    /// Users and tokens.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.users.len(), self.owners.len())
    }

    /// By name; with `bare` only those who are enabled, not exempt and without a token that counts.
    pub(super) fn search(&self, part: &str, bare: bool, offset: usize, limit: usize) -> (Vec<(UserId, String)>, usize) {
        if part.is_empty() && !bare {
            let page = self.names.iter().skip(offset).take(limit);
            return (
                page.map(|(name, named)| (UserId(named.id), name.to_string())).collect(),
                self.names.len(),
            );
        }
        let (mut page, mut total) = (Vec::new(), 0);
        let found = |name: &str, named: &Named| (named.bare || !bare) && name.contains(part);
        for (name, named) in self.names.iter().filter(|(name, named)| found(name, named)) {
            if total >= offset && page.len() < limit {
                page.push((UserId(named.id), name.to_string()));
            }
            total += 1;
        }
        (page, total)
    }

    /// A page of the tokens with a serial number by their users' names, with `begun` of those begun here that are not active yet; and
    /// how many there are.
    pub(super) fn hardware(&self, begun: bool, offset: usize, limit: usize) -> (Vec<Share>, usize) {
        let (mut page, mut total) = (Vec::new(), 0);
        let end = offset.saturating_add(limit);
        for named in self.names.values() {
            let count = usize::from(if begun { named.begun } else { named.hardware });
            let (first, last) = (offset.max(total), end.min(total + count));
            if first < last {
                page.push((UserId(named.id), first - total, last - first));
            }
            total += count;
        }
        (page, total)
    }

    pub(super) fn shrink(&mut self) {
        self.users.shrink_to_fit();
        self.owners.shrink_to_fit();
    }
}
