//! The decision. In: proofs; out: an [`Accept`], which nothing else can make. Both proofs, or a named exception of R2, each with a
//! grant that only the stage which read the record can hand out. Never looks at a packet, never asks anybody.

use crate::audit::{FirstUsed, Reason, SecondUsed, Spent};
use crate::guard::Subject;

/// The password was right. Made only where a directory or the local hash said so.
#[derive(Clone, Debug)]
pub struct PasswordProof {
    subject: Subject,
    by: FirstUsed,
}

impl PasswordProof {
    /// Only for the stage that checked it.
    pub(super) fn new(subject: Subject, by: FirstUsed) -> Self {
        Self { subject, by }
    }

    /// Whose password.
    pub fn subject(&self) -> Subject {
        self.subject
    }
}

/// The code was right, and is spent now.
#[derive(Debug)]
pub struct CodeProof {
    subject: Subject,
    by: SecondUsed,
    spent: Option<Spent>,
}

impl CodeProof {
    /// Only for the stage that spent it.
    pub(super) fn new(subject: Subject, by: SecondUsed, spent: Option<Spent>) -> Self {
        Self { subject, by, spent }
    }

    /// What was spent; a bypass code has no step.
    pub fn spent(&self) -> Option<Spent> {
        self.spent
    }
}

/// The client's record says code-only: the gateway has checked the password (R2).
#[derive(Debug)]
pub struct CodeOnlyGrant(pub(super) ());

/// The user's record says exempt (R2).
#[derive(Debug)]
pub struct ExemptGrant(pub(super) Subject);

/// The name is not in the store, and the client's record says password-only (R2).
#[derive(Debug)]
pub struct UnmatchedGrant(pub(super) Subject);

/// An Access-Accept. Its four makers are the whole of R2.
#[derive(Debug)]
pub struct Accept {
    first: FirstUsed,
    second: SecondUsed,
    spent: Option<Spent>,
}

/// The proofs in hand are not of one person: a fault of the program, never of the user.
#[derive(Debug, thiserror::Error)]
#[error("the two proofs are of different persons")]
pub struct ProofsDiffer;

impl Accept {
    /// Both proofs.
    pub fn both(password: &PasswordProof, code: CodeProof) -> Result<Accept, ProofsDiffer> {
        if password.subject != code.subject {
            return Err(ProofsDiffer);
        }
        Ok(Accept {
            first: password.by,
            second: code.by,
            spent: code.spent,
        })
    }

    /// The code alone, by the client's record.
    pub fn code_only(_grant: CodeOnlyGrant, code: CodeProof) -> Accept {
        Accept {
            first: FirstUsed::Gateway,
            second: code.by,
            spent: code.spent,
        }
    }

    /// The password alone, by the user's record.
    pub fn exempt(grant: ExemptGrant, password: &PasswordProof) -> Result<Accept, ProofsDiffer> {
        if password.subject != grant.0 {
            return Err(ProofsDiffer);
        }
        Ok(Accept {
            first: password.by,
            second: SecondUsed::Exempt,
            spent: None,
        })
    }

    /// The password alone, by the client's record.
    pub fn unmatched(grant: UnmatchedGrant, password: &PasswordProof) -> Result<Accept, ProofsDiffer> {
        if password.subject != grant.0 {
            return Err(ProofsDiffer);
        }
        Ok(Accept {
            first: password.by,
            second: SecondUsed::Unmatched,
            spent: None,
        })
    }

    /// For the audit record.
    pub fn reason(&self) -> Reason {
        Reason::Accepted {
            first: self.first,
            second: self.second,
        }
    }

    /// What was spent for it.
    pub fn spent(&self) -> Option<Spent> {
        self.spent
    }
}

/// What the client hears, and why.
#[derive(Debug)]
pub enum Decision {
    /// Access-Accept.
    Accept(Accept),
    /// Access-Reject; all alike on the wire (R11).
    Reject(Reason),
    /// Access-Challenge with this State.
    Challenge {
        /// The State (R10).
        state: [u8; 16],
        /// The Reply-Message.
        prompt: String,
    },
    /// Nothing at all.
    Silent(Reason),
    /// A verdict given again (R9).
    Again {
        /// What it was.
        kept: super::again::Kept,
        /// The challenge's Reply-Message, if it was one.
        prompt: String,
        /// For the record.
        reason: Reason,
    },
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::store::records::UserId;

    const ANNA: Subject = Subject::User(UserId(1));
    const BERT: Subject = Subject::User(UserId(2));

    #[test]
    fn r2_both_proofs_must_be_of_one_person() {
        let password = PasswordProof::new(ANNA, FirstUsed::Entra);
        assert!(Accept::both(&password, CodeProof::new(ANNA, SecondUsed::Totp, None)).is_ok());
        assert!(Accept::both(&password, CodeProof::new(BERT, SecondUsed::Totp, None)).is_err());
        assert!(Accept::exempt(ExemptGrant(BERT), &password).is_err());
        assert!(Accept::unmatched(UnmatchedGrant(BERT), &password).is_err());
    }

    #[test]
    fn r2_each_exception_shows_in_the_record() {
        let password = PasswordProof::new(ANNA, FirstUsed::Local);
        let reasons = [
            Accept::exempt(ExemptGrant(ANNA), &password).unwrap().reason(),
            Accept::unmatched(UnmatchedGrant(ANNA), &password).unwrap().reason(),
            Accept::code_only(CodeOnlyGrant(()), CodeProof::new(ANNA, SecondUsed::Totp, None)).reason(),
        ];
        assert_eq!(
            reasons,
            [
                Reason::Accepted {
                    first: FirstUsed::Local,
                    second: SecondUsed::Exempt
                },
                Reason::Accepted {
                    first: FirstUsed::Local,
                    second: SecondUsed::Unmatched
                },
                Reason::Accepted {
                    first: FirstUsed::Gateway,
                    second: SecondUsed::Totp
                },
            ]
        );
    }
}
