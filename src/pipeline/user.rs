//! Name and user (R1, R3): the name made canonical, the user looked up. In: [`Login`]; out: [`Known`], whose person is either a user
//! who may log in here at all, or an unmatched name that the client's record lets try. Asks nobody outside the box.

use super::again::{Basis, LoginKey};
use super::decide::{CodeOnlyGrant, ExemptGrant, UnmatchedGrant};
use super::request::{Given, Login, Trace, first_u64};
use super::{Refused, Staged};
use crate::audit::{Reason, Stages};
use crate::guard::{Station, Subject};
use crate::names::{CanonicalName, Domains};
use crate::seal::Sealer;
use crate::secret::Secret;
use crate::store::Store;
use crate::store::records::{Mode, Token, TokenStatus, Unmatched, User};

/// A login whose name has its one spelling.
#[derive(Debug)]
pub struct Named {
    pub(super) login: Login,
    pub(super) name: CanonicalName,
    pub(super) subject: Subject,
    pub(super) user: Option<User>,
    pub(super) tokens: Vec<Token>,
    pub(super) basis: Basis,
}

/// How a person may come in. Among the tokens are those that wait for a resync: their codes are known, and not taken.
#[derive(Debug)]
pub enum Way {
    /// Code alone; the gateway checks the password (R2).
    CodeOnly(CodeOnlyGrant, Vec<Token>),
    /// Both.
    Both(Vec<Token>),
    /// Password alone, by the user's record (R2).
    Exempt(ExemptGrant),
    /// Password alone, by the client's record (R2).
    Unmatched(UnmatchedGrant),
}

/// A login of a person who may try here.
#[derive(Debug)]
pub struct Known {
    pub(super) trace: Trace,
    pub(super) name: CanonicalName,
    pub(super) subject: Subject,
    pub(super) station: Station,
    pub(super) field: Secret,
    pub(super) state: Option<Vec<u8>>,
    pub(super) login_key: Option<LoginKey>,
    pub(super) basis: Basis,
    pub(super) local_password: Option<Secret>,
    pub(super) way: Way,
}

impl Login {
    /// Makes the name canonical (R3) and looks it up. A store that cannot be read ends in silence.
    pub fn name(mut self, domains: &Domains, store: &Store, sealer: &Sealer) -> Staged<Named> {
        let name = match domains.canonical(&self.name, self.trace.client.record.charset) {
            Ok(name) => name,
            Err(error) => {
                let reason = if error.is_ambiguous() {
                    Reason::AmbiguousName
                } else {
                    Reason::BadName
                };
                return Err(Refused::reject(self.trace, reason));
            }
        };
        self.trace.name = crate::text::shown(name.as_str());
        self.trace.passed(Stages::NAME);
        if let Given::Other(method) = self.given {
            return Err(Refused::reject(self.trace, Reason::NotPap { method }));
        }
        let (user, tokens) = match store.user_and_tokens(name.as_str()) {
            Ok(Some((user, tokens))) => (Some(user), tokens),
            Ok(None) => (None, Vec::new()),
            Err(error) => {
                tracing::error!(%error, "the store cannot be read");
                return Err(Refused::silent(self.trace, Reason::StoreFailed));
            }
        };
        let subject = match &user {
            Some(user) => Subject::User(user.id),
            None => Subject::Name(half(&sealer.keyed_hash("name", name.as_str().as_bytes()))),
        };
        self.trace.user = user.as_ref().map(|user| user.id);
        self.trace.subject = Some(subject);
        let domain = name.domain().unwrap_or_default();
        let basis = Basis {
            user: user.as_ref().map(|user| (user.id.0, user.generation)),
            client: self.trace.client.record.generation,
            tenant: tenant_basis(store, domain),
        };
        Ok(Named {
            login: self,
            name,
            subject,
            user,
            tokens,
            basis,
        })
    }
}

impl Named {
    /// What identifies this login, should it be sent again (R9), and what its verdict stands on.
    pub fn again(&self, sealer: &Sealer) -> Option<LoginKey> {
        let identity = self.login.identity?;
        let mut bytes = identity.to_vec();
        bytes.extend_from_slice(self.name.as_str().as_bytes());
        Some(LoginKey(sealer.keyed_hash("again", &bytes)))
    }

    /// What this login's verdict stands on.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// The record so far.
    pub fn trace(&self) -> &Trace {
        &self.login.trace
    }

    /// User known, enabled, with a token that counts or waits for a resync (R1, R2).
    pub fn known(self, login_key: Option<LoginKey>) -> Staged<Known> {
        let Named {
            login,
            name,
            subject,
            user,
            tokens,
            basis,
        } = self;
        let Login {
            mut trace,
            given,
            state,
            station,
            ..
        } = login;
        let client = &trace.client.record;
        let Given::Field(field) = given else {
            return Err(Refused::reject(trace, Reason::UnreadablePassword));
        };
        let code_only = client.mode == Mode::CodeOnly;
        let (way, local_password) = match user {
            None if client.unmatched == Unmatched::PasswordOnly && !code_only => {
                (Way::Unmatched(UnmatchedGrant(subject)), None)
            }
            None => return Err(Refused::reject(trace, Reason::UnknownUser)),
            Some(user) if !user.enabled => return Err(Refused::reject(trace, Reason::UserDisabled)),
            Some(user) if user.exempt && code_only => {
                return Err(Refused::reject(trace, Reason::ExemptAtCodeOnly));
            }
            Some(user) if user.exempt => (Way::Exempt(ExemptGrant(subject)), user.local_password),
            Some(user) => {
                let has = |status| tokens.iter().any(|token| token.status == status);
                // Where all wait for a resync, a bypass code may still stand in (R18): the code's stage knows.
                if !has(TokenStatus::Active) && !has(TokenStatus::Resync) {
                    let reason = match has(TokenStatus::Pending) {
                        true => Reason::TokenPending,
                        false => Reason::NoToken,
                    };
                    return Err(Refused::reject(trace, reason));
                }
                let mut tokens = tokens;
                tokens.retain(|token| token.status != TokenStatus::Pending);
                match code_only {
                    true => (Way::CodeOnly(CodeOnlyGrant(()), tokens), None),
                    false => (Way::Both(tokens), user.local_password),
                }
            }
        };
        trace.passed(Stages::USER);
        if field.is_empty() {
            // R5; in code-only there is no code either.
            let reason = if code_only {
                Reason::NoCode
            } else {
                Reason::EmptyPassword
            };
            return Err(Refused::reject(trace, reason));
        }
        Ok(Known {
            trace,
            name,
            subject,
            station,
            field,
            state,
            login_key,
            basis,
            local_password,
            way,
        })
    }
}

/// The tenant's part of a [`Basis`].
pub fn tenant_basis(store: &Store, domain: &str) -> Option<(u64, u64)> {
    let tenants = store.tenants();
    let tenant = tenants.iter().find(|tenant| tenant.domain == domain)?;
    Some((tenant.created.0, tenant.generation))
}

/// Keyed hash of something that was typed, for "the same again".
pub(super) fn typed_hash(sealer: &Sealer, typed: &[u8]) -> u64 {
    first_u64(&sealer.keyed_hash("typed", typed))
}

fn half(hash: &[u8; 32]) -> [u8; 16] {
    let mut out = [0; 16];
    for (to, from) in out.iter_mut().zip(hash) {
        *to = *from;
    }
    out
}
