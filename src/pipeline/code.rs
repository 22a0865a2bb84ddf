//! The code (R1, R5, R10, R16 to R18). In: [`Ready`]; out: the next step of the way: an end, or a password to be checked, with the
//! code's proof already in hand where the mode asks for it first. A code is spent here, by one compare-and-set, and only after the
//! right to ask the directory was taken: so none is burnt while the directory cannot be asked.

use std::time::Instant;

use subtle::ConstantTimeEq;

use super::challenge::{Challenges, Closed};
use super::decide::{Accept, CodeProof, Decision, ExemptGrant, ProofsDiffer, UnmatchedGrant};
use super::owed::{Owed, Owing};
use super::password::{Asked, Next, Reserved};
use super::ready::{Ready, locked, unavailable};
use super::request::Trace;
use super::user::{Way, typed_hash};
use super::{Ended, Refused, Staged};
use crate::audit::{Reason, SecondUsed, Spent, Stages};
use crate::factors::second::credential::{Kind, Shape, Split, scrv1, splits, whole};
use crate::factors::second::totp;
use crate::guard::{Guards, LockoutPermit, MissKind, Station, Subject, UserGuard};
use crate::seal::Sealer;
use crate::secret::Secret;
use crate::store::records::{ClientId, Mode, Order, Timestamp, Token};
use crate::store::{Spend, Store};

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
    Coded(CodeProof, Owing),
    /// Exempt.
    Exempt(ExemptGrant),
    /// Unmatched.
    Unmatched(UnmatchedGrant),
    /// The code is asked for after the password (mode challenge).
    Later,
}

/// How a field is to be read.
enum Reading<'f> {
    /// It is the code.
    Whole(&'f [u8]),
    /// Password and code in one.
    Field {
        field: &'f [u8],
        order: Order,
        delimiter: Option<char>,
    },
    /// They came apart (SCRV1).
    Apart { password: &'f [u8], code: &'f [u8] },
}

impl<'f> Reading<'f> {
    fn splits(&self, lengths: &[usize], bypass: bool) -> Vec<Split<'f>> {
        match *self {
            Reading::Whole(code) => whole(code, lengths, bypass).into_iter().collect(),
            Reading::Field {
                field,
                order,
                delimiter,
            } => splits(
                field,
                &Shape {
                    order,
                    delimiter,
                    lengths,
                    bypass,
                },
            )
            .collect(),
            Reading::Apart { password, code } => whole(code, lengths, bypass)
                .map(|split| Split { password, ..split })
                .into_iter()
                .collect(),
        }
    }
}

/// A right code, spent, with what was taken for it.
struct Found {
    proof: CodeProof,
    reserved: Reserved,
    password: Secret,
    owing: Owing,
}

impl Ready {
    /// The code, as the client's mode has it.
    pub fn code(self, tools: &Tools<'_>) -> Staged<Next> {
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
            owing,
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
            Other::Coded(proof, owing),
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

/// Whose codes would be right now.
struct Person<'a> {
    tokens: &'a [Token],
    subject: Subject,
    client: ClientId,
    station: Station,
    now: Timestamp,
}

/// A code that matches, not spent yet.
enum Match {
    Totp(Spent),
    Bypass,
}

impl Person<'_> {
    /// Looks for a right code, longest first (R5). `reserve` is asked with the password when one matches, before it is spent. All
    /// of it happens with the person's guard in hand, so that two logins of one person cannot pass each other.
    fn check(
        &self,
        tools: &Tools<'_>,
        reading: &Reading<'_>,
        reserve: impl FnOnce(&mut UserGuard, &[u8]) -> Result<Reserved, Reason>,
    ) -> Result<Found, Reason> {
        let missed = std::cell::Cell::new(false);
        let result = tools.guards.with(self.subject, |guard| {
            let permit = guard.lockouts.begin(self.station, self.now).map_err(locked)?;
            let bypass = guard.bypass.as_ref().is_some_and(|bypass| !bypass.expired(tools.at));
            let mut lengths: Vec<usize> = self
                .tokens
                .iter()
                .map(|token| usize::from(token.parameters.digits))
                .collect();
            lengths.sort_unstable();
            lengths.dedup();
            let splits = reading.splits(&lengths, bypass);
            let hit = splits
                .iter()
                .find_map(|split| self.find(tools, guard, split).map(|hit| (hit, split)));
            let Some((hit, split)) = hit else {
                return Err(self.miss(tools, guard, permit, &splits, &missed));
            };
            guard.lockouts.release(permit);
            let owing = Owing {
                subject: self.subject,
                client: self.client,
                typed: typed_hash(tools.sealer, &[split.password, b"\0", split.code].concat()),
            };
            if let Match::Totp(spent) = &hit
                && tools
                    .store
                    .seed(spent.mark)
                    .and_then(|seed| seed.last_step)
                    .is_some_and(|last| spent.step <= last)
            {
                // Spent, perhaps by this very login, which then heard "not available".
                let Some(proof) = tools.owed.take(&owing, tools.at) else {
                    return Err(Reason::CodeUsed {
                        mark: spent.mark,
                        step: spent.step,
                    });
                };
                return match reserve(guard, split.password) {
                    Ok(reserved) => Ok(Found {
                        proof,
                        reserved,
                        password: Secret::new(split.password.to_vec()),
                        owing,
                    }),
                    Err(reason) => {
                        tools.owed.keep(owing, proof, tools.at);
                        Err(reason)
                    }
                };
            }
            let reserved = reserve(guard, split.password)?;
            let proof = match hit {
                Match::Bypass => {
                    guard.bypass = None;
                    CodeProof::new(self.subject, SecondUsed::Bypass, None)
                }
                Match::Totp(spent) => match tools.store.spend(spent.mark, spent.step, spent.drift) {
                    Spend::Done => CodeProof::new(self.subject, SecondUsed::Totp, Some(spent)),
                    Spend::Already { .. } | Spend::Unknown => {
                        reserved.forget(guard);
                        return Err(Reason::CodeUsed {
                            mark: spent.mark,
                            step: spent.step,
                        });
                    }
                },
            };
            Ok(Found {
                proof,
                reserved,
                password: Secret::new(split.password.to_vec()),
                owing,
            })
        });
        if missed.get() {
            (tools.note)(Note::Miss(self.subject, self.station, MissKind::Code), self.now);
        }
        result
    }

    fn find(&self, tools: &Tools<'_>, guard: &UserGuard, split: &Split<'_>) -> Option<Match> {
        match split.kind {
            Kind::Bypass => {
                let bypass = guard.bypass.as_ref()?;
                bypass
                    .matches(split.code, tools.bypass_key, tools.at)
                    .then_some(Match::Bypass)
            }
            Kind::Totp => self.tokens.iter().find_map(|token| {
                let drift = tools.store.seed(token.mark).map(|seed| seed.drift).unwrap_or_default();
                let found = totp::check(&token.seed, &token.parameters, self.now, drift, split.code)?;
                Some(Match::Totp(Spent {
                    mark: token.mark,
                    step: found.step,
                    drift: found.drift,
                }))
            }),
        }
    }

    /// The code that was spent last, sent again however much later: OpenVPN does so each time it makes new keys.
    fn last_again(&self, tools: &Tools<'_>, splits: &[Split<'_>]) -> Option<Reason> {
        self.tokens.iter().find_map(|token| {
            let step = tools.store.seed(token.mark)?.last_step?;
            let code = totp::code_at(&token.seed, &token.parameters, step);
            let again = |split: &Split<'_>| bool::from(split.code.ct_eq(code.as_bytes()));
            splits
                .iter()
                .any(again)
                .then_some(Reason::CodeUsed { mark: token.mark, step })
        })
    }

    /// No code matched: why, and whether it counts (R17).
    fn miss(
        &self,
        tools: &Tools<'_>,
        guard: &mut UserGuard,
        permit: LockoutPermit,
        splits: &[Split<'_>],
        missed: &std::cell::Cell<bool>,
    ) -> Reason {
        let Some(longest) = splits.first() else {
            guard.lockouts.release(permit);
            return Reason::NoCode;
        };
        let far = splits.iter().find_map(|split| {
            self.tokens.iter().find_map(|token| {
                let far = totp::out_of_window(&token.seed, &token.parameters, self.now, split.code)?;
                Some((token.mark, far))
            })
        });
        if let Some((mark, far)) = &far
            && tools
                .store
                .seed(*mark)
                .and_then(|seed| seed.last_step)
                .is_some_and(|last| far.step <= last)
        {
            // An old code sent again; OpenVPN does so when it makes new keys. Spent codes never count.
            guard.lockouts.release(permit);
            return Reason::CodeUsed {
                mark: *mark,
                step: far.step,
            };
        }
        if let Some(spent) = self.last_again(tools, splits) {
            guard.lockouts.release(permit);
            return spent;
        }
        if !guard
            .lockouts
            .miss(permit, typed_hash(tools.sealer, longest.code), self.now)
        {
            return Reason::WrongCodeAgain;
        }
        missed.set(true);
        match far {
            Some((_, far)) => Reason::CodeOutOfWindow { seconds: far.seconds },
            None => Reason::WrongCode,
        }
    }
}
