//! Who is there, in memory: names, generations, whose each token is, which serial number is whose, who has no token that counts. In:
//! records as they are read or changed; out: numbers by name or serial number, names by part. About 180 bytes a user, 100 more where
//! the token has a serial number; holds nothing secret.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
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
    /// Enabled, not exempt, and without a token that counts or waits for a resync.
    bare: bool,
    /// Tokens that wait for a resync.
    resync: u16,
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
            bare: user.enabled && !user.exempt && count(|token| token.status != TokenStatus::Pending) == 0,
            resync: count(|token| token.status == TokenStatus::Resync),
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

/// Whose a token is, and what a search in the hardware tokens looks at.
struct Owner {
    user: u64,
    /// In lower case; none: an app.
    serial: Option<Box<str>>,
    /// In lower case; there are few of them.
    model: Arc<str>,
    begun: bool,
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
    models: HashSet<Arc<str>>,
    hasher: RandomState,
    /// Tokens that wait for a resync.
    resync: usize,
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
        let named = Named::new(person);
        self.resync += usize::from(named.resync);
        let before = self.names.insert(Arc::clone(&name), named);
        self.resync -= before.map_or(0, |before| usize::from(before.resync));
        self.users.insert(id, Entry { name, generation });
    }

    fn put_token(&mut self, user: u64, token: &Token) {
        let model = self.model(&token.model);
        let owner = Owner {
            user,
            serial: is_hardware(token).then(|| fold(&token.serial).into()),
            model,
            begun: is_begun(token),
        };
        let serial = owner.serial.as_deref().map(|serial| self.hash(serial));
        if let Some(before) = self.owners.insert(token.id.0, owner) {
            self.forget_serial(before.serial.as_deref(), token.id.0);
        }
        if let Some(serial) = serial {
            self.serials.insert((serial, token.id.0));
        }
    }

    fn model(&mut self, model: &str) -> Arc<str> {
        let model = fold(model);
        if let Some(known) = self.models.get(model.as_str()) {
            return Arc::clone(known);
        }
        let model: Arc<str> = model.into();
        self.models.insert(Arc::clone(&model));
        model
    }

    fn hash(&self, folded: &str) -> u64 {
        self.hasher.hash_one(folded)
    }

    fn forget_serial(&mut self, folded: Option<&str>, token: u64) {
        if let Some(folded) = folded {
            self.serials.remove(&(self.hash(folded), token));
        }
    }

    pub(super) fn remove(&mut self, id: UserId) {
        self.forget_name(id.0);
        self.users.remove(&id.0);
    }

    pub(super) fn remove_token(&mut self, token: TokenId) {
        if let Some(owner) = self.owners.remove(&token.0) {
            self.forget_serial(owner.serial.as_deref(), token.0);
        }
    }

    /// Another user may have taken the name over in the same group: then it stays.
    fn forget_name(&mut self, id: u64) {
        if let Some(entry) = self.users.get(&id)
            && self.names.get(&entry.name).is_some_and(|named| named.id == id)
        {
            let before = self.names.remove(&entry.name);
            self.resync -= before.map_or(0, |before| usize::from(before.resync));
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

    /// The tokens that have a serial number, and whose they are.
    pub(super) fn with_serial(&self, serial: &str) -> Vec<(TokenId, UserId)> {
        let serial = fold(serial);
        let hash = self.hash(&serial);
        let found = self.serials.range((hash, 0)..=(hash, u64::MAX));
        let whose = |(_, token): &(u64, u64)| {
            let owner = self.owners.get(token)?;
            let is = owner.serial.as_deref() == Some(serial.as_str());
            is.then_some((TokenId(*token), UserId(owner.user)))
        };
        found.filter_map(whose).collect()
    }

    /// The tokens with a serial number, or with `begun` those begun here that are not active yet, whose serial number, model or user's
    /// name contains `part`, which is folded: with their users' names and in no order, since logins wait while this is looked through.
    pub(super) fn search_hardware(&self, part: &str, begun: bool) -> Vec<(Arc<str>, UserId, TokenId)> {
        let models: HashSet<&Arc<str>> = self.models.iter().filter(|model| model.contains(part)).collect();
        let fits = |(token, owner): (&u64, &Owner)| {
            let serial = owner.serial.as_deref().filter(|_| owner.begun || !begun)?;
            let name = &self.users.get(&owner.user)?.name;
            let found = serial.contains(part) || models.contains(&owner.model) || name.contains(part);
            found.then(|| (Arc::clone(name), UserId(owner.user), TokenId(*token)))
        };
        self.owners.iter().filter_map(fits).collect()
    }

    /// Tokens that wait for a resync.
    pub(super) fn resync(&self) -> usize {
        self.resync
    }

    /// Users and tokens.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.users.len(), self.owners.len())
    }

    /// By name; with `bare` only those who are enabled, not exempt and without a token that counts
    /// or waits for a resync.
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
