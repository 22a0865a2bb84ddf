//! A person's codes (R5, R16 to R18). In: what was typed, and the person's tokens and guard; out: a right code's proof, spent by one
//! compare-and-set, or why there is none and whether that counts. It asks nobody; what must be taken before a code is spent is told
//! to it as a closure.

use subtle::ConstantTimeEq;

use super::code::{Note, Tools};
use super::decide::CodeProof;
use super::owed::{Debt, OWED_FOR, Owing};
use super::password::Reserved;
use super::ready::locked;
use super::user::typed_hash;
use crate::audit::{Reason, SecondUsed, Spent};
use crate::factors::second::credential::{Kind, Shape, Split, splits, whole};
use crate::factors::second::otp;
use crate::guard::{LockoutPermit, MissKind, Station, Subject, UserGuard};
use crate::secret::Secret;
use crate::store::Spend;
use crate::store::records::{ClientId, Order, OtpParameters, SeedMark, SeedState, Timestamp, Token, TokenStatus};

/// How a field is to be read.
pub(super) enum Reading<'f> {
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
pub(super) struct Found {
    pub(super) proof: CodeProof,
    pub(super) reserved: Reserved,
    pub(super) password: Secret,
    pub(super) debt: Debt,
}

/// Whose codes would be right now.
pub(super) struct Person<'a> {
    /// Those that count, and those that wait for a resync.
    pub(super) tokens: &'a [Token],
    pub(super) subject: Subject,
    pub(super) client: ClientId,
    pub(super) station: Station,
    pub(super) now: Timestamp,
}

/// A code that matches, not spent by this login yet.
enum Match {
    Otp(Spent, SecondUsed),
    Bypass,
}

/// What is remembered of a seed.
fn state(tools: &Tools<'_>, mark: SeedMark) -> SeedState {
    tools.store.seed(mark).unwrap_or_default()
}

fn is_spent(state: &SeedState, step: u64) -> bool {
    state.last().is_some_and(|last| step <= last)
}

impl Person<'_> {
    /// Looks for a right code, longest first (R5). `reserve` is asked with the password when one matches, before it is spent. All
    /// of it happens with the person's guard in hand, so that two logins of one person cannot pass each other.
    pub(super) fn check(
        &self,
        tools: &Tools<'_>,
        reading: &Reading<'_>,
        reserve: impl FnOnce(&mut UserGuard, &[u8]) -> Result<Reserved, Reason>,
    ) -> Result<Found, Reason> {
        let missed = std::cell::Cell::new(false);
        let mut wrong = None;
        let result = tools.guards.with(self.subject, |guard| {
            let permit = guard.lockouts.begin(self.station, self.now).map_err(locked)?;
            let bypass = guard.bypass.as_ref().is_some_and(|bypass| !bypass.expired(tools.at));
            let mut lengths: Vec<usize> = self
                .tokens
                .iter()
                .map(|token| usize::from(token.parameters.digits()))
                .collect();
            lengths.sort_unstable();
            lengths.dedup();
            let splits = reading.splits(&lengths, bypass);
            let hit = splits
                .iter()
                .find_map(|split| self.find(tools, guard, split).map(|hit| (hit, split)));
            let Some((hit, split)) = hit else {
                let reason = self.miss(tools, guard, permit, &splits, &missed);
                if reason == Reason::WrongCode {
                    wrong = Some(splits);
                }
                return Err(reason);
            };
            guard.lockouts.release(permit);
            let owing = Owing {
                subject: self.subject,
                client: self.client,
                typed: typed_hash(tools.sealer, &[split.password, b"\0", split.code].concat()),
            };
            if let Match::Otp(spent, _) = &hit
                && is_spent(&state(tools, spent.mark), spent.step)
            {
                // Spent, perhaps by this very login, which then heard "not available".
                let Some((proof, debt)) = tools.owed.take(owing, tools.at) else {
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
                        debt,
                    }),
                    Err(reason) => {
                        tools.owed.keep(debt, proof, tools.at);
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
                Match::Otp(spent, kind) => match tools.store.spend(spent.mark, spent.step, spent.drift) {
                    Spend::Done => CodeProof::new(self.subject, kind, Some(spent)),
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
                debt: Debt {
                    owing,
                    until: tools.at + OWED_FOR,
                },
            })
        });
        if missed.get() {
            (tools.note)(Note::Miss(self.subject, self.station, MissKind::Code), self.now);
        }
        match (result, wrong) {
            // A thousand hashes, for the record alone: after the guard is let go, and only of what is counted and so ends in a lock.
            (Err(Reason::WrongCode), Some(splits)) => Err(self.counter(tools, &splits).unwrap_or(Reason::WrongCode)),
            (result, _) => result,
        }
    }

    fn find(&self, tools: &Tools<'_>, guard: &UserGuard, split: &Split<'_>) -> Option<Match> {
        match split.kind {
            Kind::Bypass => {
                let bypass = guard.bypass.as_ref()?;
                bypass
                    .matches(split.code, tools.bypass_key, tools.at)
                    .then_some(Match::Bypass)
            }
            Kind::Otp => {
                let mut old = None;
                for token in self.tokens.iter().filter(|token| token.status == TokenStatus::Active) {
                    let state = state(tools, token.mark);
                    let Some(found) = otp::check(&token.seed, &token.parameters, self.now, &state, split.code) else {
                        continue;
                    };
                    let spent = Spent {
                        mark: token.mark,
                        step: found.step,
                        drift: found.drift,
                    };
                    let kind = match token.parameters {
                        OtpParameters::Totp(_) => SecondUsed::Totp,
                        OtpParameters::Hotp(_) => SecondUsed::Hotp,
                    };
                    if !is_spent(&state, found.step) {
                        return Some(Match::Otp(spent, kind));
                    }
                    // By chance another token may show this code too, and fresh.
                    old.get_or_insert(Match::Otp(spent, kind));
                }
                old
            }
        }
    }

    /// Each token with each reading of what was typed.
    fn each<'s, 'f>(
        &'s self,
        splits: &'s [Split<'f>],
    ) -> impl Iterator<Item = (&'s Token, &'s Split<'f>)> + use<'s, 'f> {
        let with = |token| splits.iter().map(move |split| (token, split));
        self.tokens.iter().flat_map(with)
    }

    /// A spent code of a token that waits for a resync; those of the others are found with the right ones.
    fn spent_waiting(&self, tools: &Tools<'_>, splits: &[Split<'_>]) -> Option<Reason> {
        let mut waiting = self
            .each(splits)
            .filter(|(token, _)| token.status == TokenStatus::Resync);
        waiting.find_map(|(token, split)| {
            let state = state(tools, token.mark);
            let found = otp::check(&token.seed, &token.parameters, self.now, &state, split.code)?;
            is_spent(&state, found.step).then_some(Reason::CodeUsed {
                mark: token.mark,
                step: found.step,
            })
        })
    }

    /// A wrong code that is one of a counter token all the same: far ahead of what is expected, or of one that waits for a resync.
    fn counter(&self, tools: &Tools<'_>, splits: &[Split<'_>]) -> Option<Reason> {
        self.each(splits).find_map(|(token, split)| {
            let codes = otp::ahead(&token.seed, &token.parameters, &state(tools, token.mark), split.code)?;
            Some(match token.status {
                TokenStatus::Resync => Reason::TokenNeedsResync,
                TokenStatus::Active | TokenStatus::Pending => Reason::CounterAhead {
                    codes: u32::try_from(codes).unwrap_or(u32::MAX),
                },
            })
        })
    }

    /// The code that was spent last, sent again however much later: OpenVPN does so each time it makes new keys.
    fn last_again(&self, tools: &Tools<'_>, splits: &[Split<'_>]) -> Option<Reason> {
        self.tokens.iter().find_map(|token| {
            let step = state(tools, token.mark).last()?;
            let code = otp::code_at(&token.seed, &token.parameters, step);
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
                let far = otp::out_of_window(&token.seed, &token.parameters, self.now, split.code)?;
                Some((token.mark, far))
            })
        });
        if let Some((mark, far)) = &far
            && is_spent(&state(tools, *mark), far.step)
        {
            // An old code sent again; OpenVPN does so when it makes new keys. Spent codes never count.
            guard.lockouts.release(permit);
            return Reason::CodeUsed {
                mark: *mark,
                step: far.step,
            };
        }
        if let Some(spent) = self
            .spent_waiting(tools, splits)
            .or_else(|| self.last_again(tools, splits))
        {
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
        if let Some((_, far)) = far {
            return Reason::CodeOutOfWindow { seconds: far.seconds };
        }
        Reason::WrongCode
    }
}
