//! The password (R4, R12 to R15, R17). In: a login whose code is spent, or that needs none yet; out: a question for a directory or a
//! hash, and, with its answer, the end. It never waits itself: the server asks, and brings the answer back.

use std::time::Duration;

use super::again::{Basis, LoginKey};
use super::challenge::Open;
use super::code::{Note, Other, Tools, finish};
use super::decide::{Accept, Decision, PasswordProof};
use super::ready::{Checker, Ready, locked, paused, unavailable};
use super::request::Trace;
use super::user::typed_hash;
use super::{Ended, Refused};
use crate::audit::{DirectorySaid, DirectoryTrouble, FirstUsed, Reason, Stages};
use crate::factors::first::entra::{self, Answer, Cause, Directory, Outcome, Standing, Trouble, Verdict};
use crate::guard::{BudgetPermit, BudgetRefusal, LockoutPermit, MissKind, Station, Subject, UserGuard};
use crate::secret::Secret;
use crate::store::records::Timestamp;

/// The next step of the way.
#[derive(Debug)]
pub enum Next {
    /// Decided.
    Ended(Box<Ended>),
    /// A password is to be checked.
    Ask(Box<Asked>),
}

/// What was taken for the question, and is given back or counted with its answer.
#[derive(Debug)]
pub(super) enum Reserved {
    /// Nothing is asked.
    Nothing,
    /// A place among the local password's tries.
    Local(LockoutPermit),
    /// A place in the budget, and the breaker's leave.
    Entra(BudgetPermit, entra::Permit),
}

impl Reserved {
    /// Nothing was asked after all.
    pub(super) fn cancel(self, guard: &mut UserGuard, checker: &Checker) {
        match (self, checker) {
            (Reserved::Entra(budget, permit), Checker::Entra(directory)) => {
                guard.budget.release(budget);
                directory.breaker().lock().cancel(permit);
            }
            (reserved, _) => reserved.forget(guard),
        }
    }

    /// The same where the breaker is not at hand; its leave runs out by itself.
    pub(super) fn forget(self, guard: &mut UserGuard) {
        match self {
            Reserved::Nothing => {}
            Reserved::Local(permit) => guard.lockouts.release(permit),
            Reserved::Entra(budget, _) => guard.budget.release(budget),
        }
    }
}

impl Ready {
    /// Takes the right to ask (R14, R17), with the person's guard in hand.
    pub(super) fn reserve(
        &self,
        guard: &mut UserGuard,
        password: &[u8],
        tools: &Tools<'_>,
    ) -> Result<Reserved, Reason> {
        match &self.checker {
            Checker::Gateway => Ok(Reserved::Nothing),
            Checker::Local(_) => guard
                .lockouts
                .begin(self.station, self.now)
                .map(Reserved::Local)
                .map_err(locked),
            Checker::Entra(directory) => {
                let known = guard.lockouts.is_known(self.station, self.now);
                let what = typed_hash(tools.sealer, password);
                let budget = guard
                    .budget
                    .begin(what, directory.tenant().budget, known, self.now)
                    .map_err(|r| match r {
                        BudgetRefusal::SamePassword => Reason::WrongPasswordAgain,
                        BudgetRefusal::Spent { known_stations_may } => Reason::BudgetSpent { known_stations_may },
                    })?;
                match directory.breaker().lock().admit(tools.at, self.name.as_str()) {
                    Ok(permit) => Ok(Reserved::Entra(budget, permit)),
                    Err(pause) => {
                        guard.budget.release(budget);
                        Err(paused(pause, tools.at, self.now))
                    }
                }
            }
        }
    }
}

/// A login that waits for its password's verdict.
#[derive(Debug)]
pub struct Asked {
    trace: Trace,
    name: String,
    subject: Subject,
    station: Station,
    password: Secret,
    checker: Checker,
    reserved: Reserved,
    other: Other,
    login_key: Option<LoginKey>,
    basis: Basis,
    now: Timestamp,
}

/// What is to be asked, and whom.
#[derive(Debug)]
pub enum Question {
    /// This directory.
    Directory {
        /// Whom.
        directory: Box<Directory>,
        /// The name there.
        upn: String,
        /// The password.
        password: Secret,
        /// How long it may take.
        deadline: Duration,
    },
    /// This argon2id hash in PHC form, off the packet's threads.
    Hash {
        /// The hash.
        hash: Secret,
        /// The password.
        password: Secret,
    },
}

/// What came back.
#[derive(Debug)]
pub enum Answered {
    /// From the directory.
    Directory(Box<Answer>),
    /// Whether the hash is of this password.
    Hash(bool),
    /// Too many hashes were being checked.
    Busy,
}

impl Asked {
    pub(super) fn new(ready: Ready, password: Secret, reserved: Reserved, other: Other) -> Self {
        Self {
            name: ready.name.as_str().to_owned(),
            trace: ready.trace,
            subject: ready.subject,
            station: ready.station,
            password,
            checker: ready.checker,
            reserved,
            other,
            login_key: ready.login_key,
            basis: ready.basis,
            now: ready.now,
        }
    }

    /// The question; none for a login that asks nobody, which no stage makes.
    pub fn question(&self) -> Option<Question> {
        match &self.checker {
            Checker::Gateway => None,
            Checker::Local(hash) => Some(Question::Hash {
                hash: hash.clone(),
                password: self.password.clone(),
            }),
            Checker::Entra(directory) => Some(Question::Directory {
                directory: Box::new(directory.clone()),
                upn: self.name.clone(),
                password: self.password.clone(),
                deadline: self.trace.client.record.deadline,
            }),
        }
    }

    /// The domain of the name: whose tenant the verdict stands on.
    pub fn domain(&self) -> Option<String> {
        self.name.split_once('@').map(|(_, domain)| domain.to_owned())
    }

    /// Takes the answer.
    pub fn answered(mut self, answer: Answered, tools: &Tools<'_>) -> Box<Ended> {
        let reserved = std::mem::replace(&mut self.reserved, Reserved::Nothing);
        match (answer, reserved) {
            (Answered::Hash(right), Reserved::Local(permit)) => self.hashed(right, permit, tools),
            (Answered::Directory(answer), Reserved::Entra(budget, permit)) => {
                self.directory(&answer, budget, permit, tools)
            }
            (_, reserved) => {
                tools
                    .guards
                    .with(self.subject, |guard| reserved.cancel(guard, &self.checker));
                self.owe(tools);
                Refused::silent(self.trace, Reason::Busy)
            }
        }
    }

    /// No verdict (R15): a code that was spent for this login is kept for it, should it come again.
    fn not_available(mut self, reason: Reason, tools: &Tools<'_>) -> Box<Ended> {
        self.owe(tools);
        unavailable(self.trace, reason)
    }

    fn owe(&mut self, tools: &Tools<'_>) {
        match std::mem::replace(&mut self.other, Other::Later) {
            Other::Coded(proof, debt) => tools.owed.keep(debt, proof, tools.at),
            other => self.other = other,
        }
    }

    fn hashed(self, right: bool, permit: LockoutPermit, tools: &Tools<'_>) -> Box<Ended> {
        if right {
            tools.guards.with(self.subject, |guard| guard.lockouts.release(permit));
            return self.right(FirstUsed::Local, tools);
        }
        let what = typed_hash(tools.sealer, self.password.expose());
        if tools
            .guards
            .with(self.subject, |guard| guard.lockouts.miss(permit, what, self.now))
        {
            (tools.note)(
                Note::Miss(self.subject, self.station, MissKind::LocalPassword),
                self.now,
            );
        }
        Refused::reject(self.trace, Reason::WrongLocalPassword)
    }

    fn directory(
        mut self,
        answer: &Answer,
        budget: BudgetPermit,
        permit: entra::Permit,
        tools: &Tools<'_>,
    ) -> Box<Ended> {
        let Checker::Entra(directory) = &self.checker else {
            return Refused::silent(self.trace, Reason::Busy);
        };
        directory.breaker().lock().record(tools.at, permit, &self.name, answer);
        self.trace.directory = Some(DirectorySaid {
            code: answer.code,
            correlation: answer.correlation.clone(),
        });
        let standing = match self.subject {
            Subject::User(_) => Standing::Known,
            Subject::Name(_) => Standing::Unmatched,
        };
        let outcome = entra::decide(answer, directory.tenant(), standing);
        let wrong = matches!(answer.verdict, Verdict::Refuse(cause) if cause.counts());
        let right = matches!(
            answer.verdict,
            Verdict::Token | Verdict::Continue | Verdict::NotRegistered | Verdict::External
        );
        tools.guards.with(self.subject, |guard| match (wrong, right) {
            (true, _) => guard.budget.wrong(budget, self.now),
            (_, true) => guard.budget.right(budget),
            _ => guard.budget.release(budget),
        });
        if wrong {
            (tools.note)(Note::WrongPassword(self.subject), self.now);
        } else if right && !matches!(self.other, Other::Coded(..)) {
            // With a code the decision's own record says it.
            (tools.note)(Note::RightPassword(self.subject), self.now);
        }
        match outcome {
            Outcome::PasswordRight => self.right(FirstUsed::Entra, tools),
            Outcome::Refused(reason) => Refused::reject(self.trace, refused(reason)),
            Outcome::Configuration => Refused::reject(self.trace, Reason::DirectoryConfiguration),
            Outcome::BackOff => self.not_available(Reason::DirectoryBackOff, tools),
            Outcome::Unavailable => {
                let trouble = trouble(answer);
                self.not_available(Reason::DirectoryUnavailable { trouble }, tools)
            }
        }
    }

    /// The password is right: the end, or a challenge.
    fn right(mut self, by: FirstUsed, tools: &Tools<'_>) -> Box<Ended> {
        self.trace.passed(Stages::PASSWORD);
        let proof = PasswordProof::new(self.subject, by);
        let accept = match self.other {
            Other::Coded(code, _) => Accept::both(&proof, code),
            Other::Exempt(grant) => Accept::exempt(grant, &proof),
            Other::Unmatched(grant) => Accept::unmatched(grant, &proof),
            Other::Later => {
                let state = (tools.random)();
                let record = &self.trace.client.record;
                let open = Open {
                    client: record.id,
                    subject: self.subject,
                    station: self.station,
                    password: proof,
                    directory: self.trace.directory.clone(),
                    password_hash: typed_hash(tools.sealer, self.password.expose()),
                    login: self.login_key,
                    basis: self.basis,
                    until: tools.at + record.challenge_timeout,
                };
                let prompt = record.prompt.clone();
                tools.challenges.open(state, open, tools.at);
                return Box::new(Ended {
                    trace: self.trace,
                    decision: Decision::Challenge { state, prompt },
                });
            }
        };
        match finish(self.trace, accept) {
            Ok(Next::Ended(ended)) | Err(ended) => ended,
            Ok(Next::Ask(asked)) => Refused::silent(asked.trace, Reason::Busy),
        }
    }
}

/// The audit's word for what the directory's answer means.
fn refused(reason: entra::Reason) -> Reason {
    match reason {
        entra::Reason::WithoutMfa => Reason::NoMfaAtDirectory,
        entra::Reason::NotRegistered => Reason::MfaNotRegistered,
        entra::Reason::External => Reason::ExternalMfa,
        entra::Reason::MustEnrol => Reason::MustBeEnrolled,
        entra::Reason::Table(cause) => match cause {
            Cause::WrongPassword => Reason::WrongPassword,
            Cause::UnknownUser => Reason::UnknownAtDirectory,
            Cause::Locked => Reason::LockedAtDirectory,
            Cause::Blocked => Reason::BlockedByPolicy,
            Cause::Policy => Reason::DeviceOrRiskPolicy,
            Cause::PasswordExpired => Reason::PasswordExpired,
            Cause::Disabled => Reason::DisabledAtDirectory,
            Cause::NotAssigned => Reason::NotAssigned,
            Cause::WrongAccount => Reason::WrongAccountKind,
            Cause::LogonHours => Reason::OutsideLogonHours,
            Cause::Unlisted => Reason::UnlistedCode,
            Cause::Overridden => Reason::RefusedByOverride,
            Cause::Mixed => Reason::MixedCodes,
        },
    }
}

fn trouble(answer: &Answer) -> DirectoryTrouble {
    match &answer.trouble {
        Some(Trouble::Timeout) => DirectoryTrouble::Timeout,
        Some(Trouble::Dns) => DirectoryTrouble::Dns,
        Some(Trouble::Refused | Trouble::Unreachable | Trouble::Closed | Trouble::Proxy) => {
            DirectoryTrouble::Connection
        }
        Some(Trouble::Tls(_)) => DirectoryTrouble::Certificate,
        Some(Trouble::Throttled) => DirectoryTrouble::Throttled,
        Some(_) => DirectoryTrouble::Broken,
        None => DirectoryTrouble::Transient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r12_an_override_and_mixed_codes_are_not_told_as_an_unknown_code() {
        let said = |cause| refused(entra::Reason::Table(cause));
        assert_eq!(said(Cause::Unlisted), Reason::UnlistedCode);
        assert_eq!(said(Cause::Overridden), Reason::RefusedByOverride);
        assert_eq!(said(Cause::Mixed), Reason::MixedCodes);
    }
}
