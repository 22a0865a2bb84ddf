//! What operators withdrew since a copy was made, and what becomes of it after a restore (R20). In: their acts, by the journal; out: an
//! exemption that was withdrawn stays so, a local password or shared secret that was replaced counts no more, a directory that was removed or
//! set up anew is off until it is proven, and the words that say so. It gives nobody anything back.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::OperatorAct;
use crate::door::ops;
use crate::secret::Secret;
use crate::store::records::{Client, ClientId, Override, Proof, Tenant, Unmatched, User, UserId};
use crate::store::{Change, Store, StoreError};
use crate::text::shown;

/// So many names are said; the others are counted.
const NAMES: usize = 5;

/// Words behind the name in a record's target, which say what was withdrawn or replaced.
pub(in crate::door) mod word {
    /// `user set`: the user needs a code again (R2).
    pub(in crate::door) const EXEMPTION: &str = "exemption withdrawn";
    /// `user set`: another local password, or the first one.
    pub(in crate::door) const PASSWORD: &str = "password";
    /// `user set`: none any more, the directory is asked.
    pub(in crate::door) const NO_PASSWORD: &str = "password removed";
    /// `client set`: another shared secret.
    pub(in crate::door) const SECRET: &str = "secret";
    /// `client set`: a password alone lets nobody in any more (R2).
    pub(in crate::door) const UNMATCHED: &str = "unmatched users refused";
    /// `client set`: no packet without it (R6).
    pub(in crate::door) const AUTHENTICATOR: &str = "Message-Authenticator required";
    /// `entra set`: of another tenant, app or authority (R13).
    pub(in crate::door) const ELSEWHERE: &str = "set up anew";
    /// `entra set`: some are refused now who were let in.
    pub(in crate::door) const NARROWED: &str = "narrowed";
}

/// Puts a word behind what a record is about.
pub(in crate::door) fn add_word(target: &mut String, word: &str) {
    target.push_str(", ");
    target.push_str(word);
}

/// What was withdrawn since the copy.
#[derive(Debug, Default)]
pub(super) struct Withdrawn {
    exemptions: BTreeSet<UserId>,
    /// Whether another one was set last, or none.
    passwords: BTreeMap<UserId, bool>,
    secrets: BTreeSet<ClientId>,
    unmatched: BTreeSet<ClientId>,
    authenticators: BTreeSet<ClientId>,
    directories: BTreeSet<String>,
    narrowed: BTreeSet<String>,
}

impl Withdrawn {
    /// Takes note of an act that came after the copy.
    pub(super) fn read(&mut self, act: &OperatorAct) {
        // What follows a colon is said for people.
        let said = act.target.split(": ").next().unwrap_or_default();
        let mut words = said.split(", ");
        let name = words.next().unwrap_or_default();
        match (act.action.as_str(), act.user, act.client) {
            ("entra remove", ..) => drop(self.directories.insert(name.to_owned())),
            ("entra set", ..) => words.for_each(|word| match word {
                word::ELSEWHERE => drop(self.directories.insert(name.to_owned())),
                word::NARROWED => drop(self.narrowed.insert(name.to_owned())),
                _ => {}
            }),
            ("user set", Some(user), _) => words.for_each(|word| match word {
                word::EXEMPTION => drop(self.exemptions.insert(user)),
                word::PASSWORD => drop(self.passwords.insert(user, true)),
                word::NO_PASSWORD => drop(self.passwords.insert(user, false)),
                _ => {}
            }),
            ("client set", _, Some(client)) => words.for_each(|word| match word {
                word::SECRET => drop(self.secrets.insert(client)),
                word::UNMATCHED => drop(self.unmatched.insert(client)),
                word::AUTHENTICATOR => drop(self.authenticators.insert(client)),
                _ => {}
            }),
            _ => {}
        }
    }

    /// Withdraws it again in the store of the copy. Answers what is to be said of it, each part with what is to be done.
    pub(super) fn apply(&self, store: &Store) -> Result<Vec<String>, StoreError> {
        let mut said = Vec::new();
        let (mut changes, mut exempt, mut void) = (Vec::new(), Vec::new(), Vec::new());
        let users: BTreeSet<UserId> = self.exemptions.iter().chain(self.passwords.keys()).copied().collect();
        for id in users {
            let Some(before) = store.user(id)? else { continue };
            let after = self.user(before.clone());
            if before.exempt != after.exempt {
                exempt.push(shown(&after.name));
            }
            if before.local_password != after.local_password && after.local_password.is_some() {
                void.push(shown(&after.name));
            }
            if before != after {
                changes.push(Change::PutUser(after));
            }
        }
        let mut secrets = Vec::new();
        for before in store.clients().iter() {
            let after = self.client(before.clone());
            if self.secrets.contains(&before.id) {
                secrets.push(shown(&before.name));
            }
            if *before != after {
                changes.push(Change::PutClient(after));
            }
        }
        let mut directories = Vec::new();
        for before in store.tenants().iter() {
            let after = self.tenant(before.clone());
            if before.proof != after.proof {
                directories.push(shown(&before.domain));
            }
            if *before != after {
                changes.push(Change::PutTenant(after));
            }
        }
        for (names, what) in [
            (exempt, "no longer exempt, as was decided since"),
            (
                void,
                "local passwords that were replaced since, void until `postern user set NAME --password-file` sets one",
            ),
            (
                secrets,
                "shared secrets that were replaced since, void until `postern client set NAME` sets one",
            ),
            (
                directories,
                "directories that were removed or set up anew since, off until `postern entra prove`",
            ),
        ] {
            if !names.is_empty() {
                said.push(format!("{what}: {}", listed(&names)));
            }
        }
        if !changes.is_empty() {
            store.apply(changes)?;
        }
        Ok(said)
    }

    fn user(&self, mut user: User) -> User {
        user.exempt &= !self.exemptions.contains(&user.id);
        match self.passwords.get(&user.id) {
            // Checked against it alone (R4), and nothing fits it.
            Some(true) => user.local_password = Some(Secret::from(ops::NOBODY)),
            Some(false) => user.local_password = None,
            None => {}
        }
        user
    }

    fn client(&self, mut client: Client) -> Client {
        if self.secrets.contains(&client.id) {
            // Nobody knows this one.
            client.secret = ops::letters(ops::SECRET_LENGTH);
        }
        if self.unmatched.contains(&client.id) {
            client.unmatched = Unmatched::Refuse;
        }
        client.require_message_authenticator |= self.authenticators.contains(&client.id);
        client
    }

    fn tenant(&self, mut tenant: Tenant) -> Tenant {
        if self.directories.contains(&tenant.domain) {
            tenant.proof = Proof::Missing;
        }
        if self.narrowed.contains(&tenant.domain) {
            (
                tenant.allow_without_mfa,
                tenant.allow_unregistered,
                tenant.allow_external,
            ) = (false, false, false);
            tenant.overrides.retain(|_, to| *to != Override::Continue);
        }
        tenant
    }
}

fn listed(names: &[String]) -> String {
    let some = names
        .iter()
        .take(NAMES)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => some,
        more => format!("{some} and {more} more"),
    }
}
