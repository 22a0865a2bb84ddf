//! The code (R1, R5, R10, R16 to R18). In: [`Ready`]; out: the next step of the way: an end, or a password to be checked, with the
//! code's proof already in hand where the mode asks for it first. A code is spent here, by one compare-and-set, and only after the
//! right to ask the directory was taken: so none is burnt while the directory cannot be asked.

use std::time::Instant;

use super::challenge::{Challenges, Closed};
use super::decide::{Accept, CodeProof, Decision, ExemptGrant, ProofsDiffer, UnmatchedGrant};
use super::owed::{Debt, Owed};
use super::password::{Asked, Next, Reserved};
use super::person::{Found, Person, Reading};
use super::ready::{Ready, unavailable};
use super::request::Trace;
use super::user::{Way, typed_hash};
use super::{Ended, Refused, Staged};
use crate::audit::{Reason, Stages};
use crate::factors::second::credential::scrv1;
use crate::guard::{Guards, MissKind, Station, Subject, UserGuard};
use crate::seal::Sealer;
use crate::secret::Secret;
use crate::store::Store;
use crate::store::records::{Mode, Timestamp, TokenStatus};

/// Something the journal must know of, beside the decision itself, so that guards stand again after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// A wrong code or local password that counted (R17).
    Miss(Subject, Station, MissKind),
    /// A wrong password at the directory (R14).
    WrongPassword(Subject),
    /// A right one.
    RightPassword(Subject),
}

/// What the stages from the code on need of the box.
pub struct Tools<'a> {
    /// Seeds and their last steps.
    pub store: &'a Store,
    /// Lockouts, budgets, bypass codes.
    pub guards: &'a Guards,
    /// Open challenges.
    pub challenges: &'a Challenges,
    /// Codes spent for logins that heard "not available".
    pub owed: &'a Owed,
    /// Keyed hashes.
    pub sealer: &'a Sealer,
    /// Key of the bypass hashes.
    pub bypass_key: &'a [u8; 32],
    /// Takes notes for the journal.
    pub note: &'a (dyn Fn(Note, Timestamp) + Sync),
    /// Sixteen random bytes.
    pub random: &'a (dyn Fn() -> [u8; 16] + Sync),
    /// The monotonic clock now.
    pub at: Instant,
}

/// What must be said besides a password for an Accept.
#[derive(Debug)]
pub(super) enum Other {
    /// The code was right and is spent; with whom it is owed to if the directory cannot be asked.
    Coded(CodeProof, Debt),
    /// Exempt.
    Exempt(ExemptGrant),
    /// Unmatched.
    Unmatched(UnmatchedGrant),
    /// The code is asked for after the password (mode challenge).
    Later,
}

impl Ready {
    /// The code, as the client's mode has it.
    pub fn code(self, tools: &Tools<'_>) -> Staged<Next> {
        if self.only_waits(tools) {
            return Err(Refused::reject(self.trace, Reason::TokenNeedsResync));
        }
        let mode = self.trace.client.record.mode;
        let apart = match scrv1(self.field.expose()) {
            Some(Err(_)) => return Err(Refused::reject(self.trace, Reason::BadScrv1)),
            Some(Ok(apart)) => Some(apart),
            None => None,
        };
        match (mode, self.state.clone(), apart) {
            (Mode::Challenge, Some(state), None) => self.answer(&state, tools),
            // A State that this mode never gave out: its "password" may be a code and must not reach a directory (R10).
            (_, Some(_), _) => Err(Refused::reject(self.trace, Reason::UnknownState)),
            // Nothing but the code may stand there (R5).
            (Mode::CodeOnly, None, Some(_)) => Err(Refused::reject(self.trace, Reason::NoCode)),
            (Mode::CodeOnly, None, None) => self.code_only(tools),
            (_, None, Some((password, code))) => self.apart(&password, &code, tools),
            (Mode::Append, None, None) => self.append(tools),
            (Mode::Challenge, None, None) => {
                let password = self.field.clone();
                self.password_alone(password, tools)
            }
        }
    }

    /// Whether every token of the user waits for a resync (R20), and no bypass code stands in (R18): then no password is asked for.
    fn only_waits(&self, tools: &Tools<'_>) -> bool {
        let (Way::Both(tokens) | Way::CodeOnly(_, tokens)) = &self.way else {
            return false;
        };
        let bypass = |guard: &mut UserGuard| guard.bypass.as_ref().is_some_and(|bypass| !bypass.expired(tools.at));
        !tokens.iter().any(|token| token.status == TokenStatus::Active) && !tools.guards.with(self.subject, bypass)
    }

    /// Code-only: the field is the code.
    fn code_only(mut self, tools: &Tools<'_>) -> Staged<Next> {
        let Way::CodeOnly(grant, tokens) = self.way else {
            return Err(Refused::reject(self.trace, Reason::NoCode));
        };
        let person = Person {
            tokens: &tokens,
            subject: self.subject,
            client: self.trace.client.record.id,
            station: self.station,
            now: self.now,
        };
        match person.check(tools, &Reading::Whole(self.field.expose()), |_, _| {
            Ok(Reserved::Nothing)
        }) {
            Ok(found) => {
                self.trace.spent = found.proof.spent();
                self.trace.passed(Stages::CODE);
                finish(self.trace, Ok(Accept::code_only(grant, found.proof)))
            }
            Err(reason) => Err(Refused::reject(self.trace, reason)),
        }
    }

    /// Append: password and code in one field.
    fn append(self, tools: &Tools<'_>) -> Staged<Next> {
        let field = self.field.clone();
        if !matches!(self.way, Way::Both(_)) {
            return self.password_alone(field, tools);
        }
        let record = &self.trace.client.record;
        let reading = Reading::Field {
            field: field.expose(),
            order: record.order,
            delimiter: record.delimiter,
        };
        self.both(&reading, tools)
    }

    /// SCRV1: password and code apart; understood wherever a password is.
    fn apart(self, password: &Secret, code: &Secret, tools: &Tools<'_>) -> Staged<Next> {
        if password.is_empty() {
            return Err(Refused::reject(self.trace, Reason::EmptyPassword));
        }
        if password.expose_str().is_none_or(|text| text.contains('\0')) {
            return Err(Refused::reject(self.trace, Reason::UnreadablePassword));
        }
        if !matches!(self.way, Way::Both(_)) {
            return self.password_alone(password.clone(), tools);
        }
        self.both(
            &Reading::Apart {
                password: password.expose(),
                code: code.expose(),
            },
            tools,
        )
    }

    /// Password and code: the code first (R1), and the directory's permit before the code is spent.
    fn both(mut self, reading: &Reading<'_>, tools: &Tools<'_>) -> Staged<Next> {
        let Way::Both(tokens) = &self.way else {
            return Err(Refused::reject(self.trace, Reason::NoToken));
        };
        let person = Person {
            tokens,
            subject: self.subject,
            client: self.trace.client.record.id,
            station: self.station,
            now: self.now,
        };
        let found = person.check(tools, reading, |guard, password| {
            if password.is_empty() {
                return Err(Reason::EmptyPassword);
            }
            self.reserve(guard, password, tools)
        });
        let Found {
            proof,
            reserved,
            password,
            debt,
        } = match found {
            Ok(found) => found,
            Err(reason) => return Err(stopped(self.trace, reason)),
        };
        self.trace.spent = proof.spent();
        self.trace.passed(Stages::CODE);
        Ok(Next::Ask(Box::new(Asked::new(
            self,
            password,
            reserved,
            Other::Coded(proof, debt),
        ))))
    }

    /// The password alone, now: exempt users, unmatched names, and everybody at the first step of a challenge.
    fn password_alone(mut self, password: Secret, tools: &Tools<'_>) -> Staged<Next> {
        let reserved = tools
            .guards
            .with(self.subject, |guard| self.reserve(guard, password.expose(), tools));
        let reserved = match reserved {
            Ok(reserved) => reserved,
            Err(reason) => return Err(stopped(self.trace, reason)),
        };
        let other = match std::mem::replace(&mut self.way, Way::Both(Vec::new())) {
            Way::Exempt(grant) => Other::Exempt(grant),
            Way::Unmatched(grant) => Other::Unmatched(grant),
            Way::Both(_) => Other::Later,
            Way::CodeOnly(..) => {
                tools
                    .guards
                    .with(self.subject, |guard| reserved.cancel(guard, &self.checker));
                return Err(Refused::reject(self.trace, Reason::NoCode));
            }
        };
        Ok(Next::Ask(Box::new(Asked::new(self, password, reserved, other))))
    }

    /// Challenge, second step: the field is the code, the State opens what was learned with the first (R10).
    fn answer(mut self, state: &[u8], tools: &Tools<'_>) -> Staged<Next> {
        let client = self.trace.client.record.id;
        let open = match tools
            .challenges
            .look(state, client, self.subject, self.station, tools.at)
        {
            Ok(open) => open,
            Err(closed) => {
                let reason = match closed {
                    Closed::Unknown => Reason::UnknownState,
                    Closed::Expired => Reason::ExpiredState,
                    Closed::Foreign => Reason::ForeignState,
                };
                return Err(Refused::reject(self.trace, reason));
            }
        };
        // Taken before the code is looked at: good for one answer, whatever that is.
        let (Some(_), Way::Both(tokens)) = (tools.challenges.take(state), &self.way) else {
            return Err(Refused::reject(self.trace, Reason::UnknownState));
        };
        self.trace.directory.clone_from(&open.directory);
        self.trace.answers = open.login;
        self.trace.passed(Stages::PASSWORD);
        if open.basis != self.basis {
            return Err(Refused::reject(self.trace, Reason::ChangedMeanwhile));
        }
        if typed_hash(tools.sealer, self.field.expose()) == open.password_hash {
            return Err(Refused::reject(self.trace, Reason::PasswordInsteadOfCode));
        }
        let person = Person {
            tokens,
            subject: self.subject,
            client: self.trace.client.record.id,
            station: self.station,
            now: self.now,
        };
        let found = person.check(tools, &Reading::Whole(self.field.expose()), |_, _| {
            Ok(Reserved::Nothing)
        });
        let proof = match found {
            Ok(found) => found.proof,
            Err(reason) => return Err(Refused::reject(self.trace, reason)),
        };
        self.trace.spent = proof.spent();
        self.trace.passed(Stages::CODE);
        finish(self.trace, Accept::both(&open.password, proof))
    }
}

/// A login that was stopped with the directory not asked: "not available" is as the client wants it (R15).
fn stopped(trace: Trace, reason: Reason) -> Box<Ended> {
    match reason {
        Reason::DirectoryPaused { .. } | Reason::UserPaused { .. } => unavailable(trace, reason),
        reason => Refused::reject(trace, reason),
    }
}

/// The end of a login that has all it needs.
pub(super) fn finish(trace: Trace, accept: Result<Accept, ProofsDiffer>) -> Staged<Next> {
    match accept {
        Ok(accept) => Ok(Next::Ended(Box::new(Ended {
            trace,
            decision: Decision::Accept(accept),
        }))),
        Err(error) => {
            tracing::error!(%error, "a login was stopped");
            Err(Refused::silent(trace, Reason::StoreFailed))
        }
    }
}
