//! From an answer to a login. In: what the directory said, the tenant's policies, and how the user stands in the store; out: an
//! [`Outcome`]. Pure; it makes no proof: the pipeline does, and only from [`Outcome::PasswordRight`].

use super::answer::Answer;
use super::table::{Cause, Verdict};
use crate::store::records::{Proof, Tenant};

/// How the user stands in this box's store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// In the store: with a token, or exempt from one by the operator's word.
    Known,
    /// Not in the store; the client lets such users in by the password alone (R2, `password-only`).
    Unmatched,
}

/// What an answer means for this login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The directory vouches for the password, and the policies let this kind of answer pass.
    PasswordRight,
    /// Access-Reject.
    Refused(Reason),
    /// Access-Reject and an alarm; not counted against the user.
    Configuration,
    /// Access-Reject; the breaker pauses this user (R14).
    BackOff,
    /// Access-Reject or silence, as the client says (R15); nothing is counted.
    Unavailable,
}

/// Why a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// By the table.
    Table(Cause),
    /// A token came: no second factor is enforced for this user at the directory, and the tenant does not allow that.
    WithoutMfa,
    /// The user has not registered for a second factor there, and the tenant does not allow that.
    NotRegistered,
    /// The directory uses a third party's second factor, and the tenant does not allow that.
    External,
    /// Not in the store, but the directory asks for a second factor: such a user must be enrolled (R2).
    MustEnrol,
}

impl Reason {
    /// Whether it counts against the user's budget (R14).
    pub fn counts(self) -> bool {
        matches!(self, Reason::Table(cause) if cause.counts())
    }

    /// Plain words for the log and the helpdesk.
    pub fn words(self) -> &'static str {
        match self {
            Reason::Table(cause) => cause.words(),
            Reason::WithoutMfa => {
                "the directory enforces no second factor for this user (to allow that: entra set --allow-without-mfa yes)"
            }
            Reason::NotRegistered => {
                "the user has not registered for a second factor at the directory (to allow that: --allow-unregistered yes)"
            }
            Reason::External => {
                "the directory asks for a third party's second factor (to allow that: --allow-external yes)"
            }
            Reason::MustEnrol => {
                "not enrolled here, but the directory asks for a second factor: the user must be enrolled"
            }
        }
    }
}

/// Applies the tenant's policies.
///
/// An unmatched user may come in by the password alone only where the directory itself is content with it, that is on a token; every
/// answer that asks for a second factor, or for registering one, refuses (R2). The policies of the tenant do not soften that: they
/// rest on this box's own second factor, which such a user does not have. Nor is `allow_without_mfa` asked for again, since
/// `password-only` says just that.
pub fn decide(answer: &Answer, tenant: &Tenant, user: Standing) -> Outcome {
    let allow = |switch: bool, reason: Reason| {
        if switch {
            Outcome::PasswordRight
        } else {
            Outcome::Refused(reason)
        }
    };
    match (answer.verdict, user) {
        (Verdict::Continue, Standing::Known) | (Verdict::Token, Standing::Unmatched) => Outcome::PasswordRight,
        (Verdict::Token, Standing::Known) => allow(tenant.allow_without_mfa, Reason::WithoutMfa),
        (Verdict::NotRegistered, Standing::Known) => allow(tenant.allow_unregistered, Reason::NotRegistered),
        (Verdict::External, Standing::Known) => allow(tenant.allow_external, Reason::External),
        (Verdict::Continue | Verdict::NotRegistered | Verdict::External, Standing::Unmatched) => {
            Outcome::Refused(Reason::MustEnrol)
        }
        (Verdict::Refuse(cause), _) => Outcome::Refused(Reason::Table(cause)),
        (Verdict::Configuration, _) => Outcome::Configuration,
        (Verdict::BackOff, _) => Outcome::BackOff,
        (Verdict::Unavailable, _) => Outcome::Unavailable,
    }
}

/// Whether logins may ask this tenant at all (R13).
pub fn is_on(tenant: &Tenant) -> bool {
    match tenant.proof {
        Proof::Missing => false,
        Proof::Proven(_) | Proof::Unproven(_) => true,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::super::table::rows;
    use super::super::trouble::Trouble;
    use super::*;
    use crate::store::records::Timestamp;

    pub(in super::super) fn sample() -> Tenant {
        Tenant {
            domain: "contoso.example".into(),
            prefixes: vec!["contoso".into()],
            default: true,
            tenant: "11111111-2222-3333-4444-555555555555".into(),
            client_id: "66666666-7777-8888-9999-aaaaaaaaaaaa".into(),
            client_secret: None,
            authority: "https://login.microsoftonline.com".into(),
            scope: "openid".into(),
            ca_pem: None,
            proxy: None,
            allow_without_mfa: false,
            allow_unregistered: false,
            allow_external: false,
            overrides: BTreeMap::new(),
            proof: Proof::Proven(Timestamp(1)),
            budget: 6,
            created: Timestamp(1),
            generation: 1,
        }
    }

    pub(in super::super) fn answer(verdict: Verdict, code: Option<u32>) -> Answer {
        Answer {
            verdict,
            code,
            codes: code.into_iter().collect(),
            trouble: None,
            ..Answer::none(Trouble::Other)
        }
    }

    fn open() -> Tenant {
        Tenant {
            allow_without_mfa: true,
            allow_unregistered: true,
            allow_external: true,
            ..sample()
        }
    }

    const ALL: [Verdict; 8] = [
        Verdict::Token,
        Verdict::Continue,
        Verdict::NotRegistered,
        Verdict::External,
        Verdict::Refuse(Cause::WrongPassword),
        Verdict::Configuration,
        Verdict::BackOff,
        Verdict::Unavailable,
    ];

    type Change = fn(&mut Tenant);

    #[test]
    fn r12_policies_are_closed_by_default() {
        let known = |verdict| decide(&answer(verdict, None), &sample(), Standing::Known);
        assert_eq!(known(Verdict::Continue), Outcome::PasswordRight);
        assert_eq!(known(Verdict::Token), Outcome::Refused(Reason::WithoutMfa));
        assert_eq!(known(Verdict::NotRegistered), Outcome::Refused(Reason::NotRegistered));
        assert_eq!(known(Verdict::External), Outcome::Refused(Reason::External));
        assert_eq!(known(Verdict::Configuration), Outcome::Configuration);
        assert_eq!(known(Verdict::BackOff), Outcome::BackOff);
        assert_eq!(known(Verdict::Unavailable), Outcome::Unavailable);
    }

    #[test]
    fn r12_each_switch_opens_its_own_answer_only() {
        let switches: [(Change, Verdict); 3] = [
            (|tenant| tenant.allow_without_mfa = true, Verdict::Token),
            (|tenant| tenant.allow_unregistered = true, Verdict::NotRegistered),
            (|tenant| tenant.allow_external = true, Verdict::External),
        ];
        for (set, opened) in switches {
            let mut tenant = sample();
            set(&mut tenant);
            for verdict in ALL {
                let right = decide(&answer(verdict, None), &tenant, Standing::Known) == Outcome::PasswordRight;
                assert_eq!(right, verdict == opened || verdict == Verdict::Continue, "{verdict:?}");
            }
        }
    }

    #[test]
    fn r2_an_unmatched_user_comes_in_on_a_token_alone() {
        for tenant in [sample(), open()] {
            for verdict in ALL {
                let outcome = decide(&answer(verdict, None), &tenant, Standing::Unmatched);
                assert_eq!(
                    outcome == Outcome::PasswordRight,
                    verdict == Verdict::Token,
                    "{verdict:?}"
                );
            }
            for code in [50076, 50074] {
                let outcome = decide(&answer(Verdict::Continue, Some(code)), &tenant, Standing::Unmatched);
                assert_eq!(outcome, Outcome::Refused(Reason::MustEnrol));
            }
        }
    }

    #[test]
    fn r15_nothing_but_a_right_password_goes_on_and_only_a_wrong_one_counts() {
        for row in rows() {
            for user in [Standing::Known, Standing::Unmatched] {
                let outcome = decide(&answer(row.verdict, Some(row.code)), &open(), user);
                let wanted = user == Standing::Known && [50076, 50074, 50079, 50072, 50158].contains(&row.code);
                assert_eq!(outcome == Outcome::PasswordRight, wanted, "{}", row.code);
                let counts = matches!(outcome, Outcome::Refused(reason) if reason.counts());
                assert_eq!(counts, [50126, 50064].contains(&row.code), "{}", row.code);
            }
        }
    }

    #[test]
    fn r13_without_proof_it_is_off() {
        let with = |proof| Tenant { proof, ..sample() };
        assert!(!is_on(&with(Proof::Missing)));
        assert!(is_on(&with(Proof::Proven(Timestamp(1)))));
        assert!(is_on(&with(Proof::Unproven(Timestamp(1)))));
    }
}
