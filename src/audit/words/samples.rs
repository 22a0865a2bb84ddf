//! Attempts for tests: one of every reason.

use std::net::{IpAddr, Ipv4Addr};

use crate::audit::{
    Attempt, DirectorySaid, DirectoryTrouble, FirstUsed, Method, Outcome, Reason, SecondUsed, Spent, Stages,
};
use crate::store::records::{ClientId, SeedMark, Timestamp, UserId};

/// 2026-09-21 10:31:09 UTC.
pub(crate) const AT: Timestamp = Timestamp(1_789_986_669_000);
/// The step of 10:31:00 where a code lasts 30 s.
pub(crate) const STEP: u64 = 1_789_986_660 / 30;
pub(crate) const MARK: SeedMark = SeedMark([0xab; 16]);

/// A login of Anna's that ended so.
pub(crate) fn attempt(reason: Reason) -> Attempt {
    Attempt {
        at: AT,
        took_ms: 3,
        user: Some(UserId(1)),
        name: "anna@contoso.example".to_owned(),
        client: Some(ClientId(1)),
        client_name: "vpn1".to_owned(),
        source: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9))),
        station: "203.0.113.7".to_owned(),
        nas: "fw".to_owned(),
        outcome: outcome(&reason),
        reason,
        stages: Stages::default(),
        directory: None,
        spent: None,
        count: 1,
    }
}

/// The login that spent the code of [`STEP`], so many ms before [`AT`].
pub(crate) fn spender(before: u64) -> Attempt {
    Attempt {
        at: Timestamp(AT.0 - before),
        spent: Some(Spent {
            mark: MARK,
            step: STEP,
            drift: 0,
        }),
        ..attempt(Reason::Accepted {
            first: FirstUsed::Entra,
            second: SecondUsed::Totp,
        })
    }
}

/// What Entra says with it.
pub(crate) fn said(code: u32) -> Option<DirectorySaid> {
    Some(DirectorySaid {
        code: Some(code),
        correlation: Some("7f1c9e0a-3a44-4d1f-9a32-bb4b1f6ad0c9".to_owned()),
    })
}

/// What a client hears with this reason, as a rule. A new variant does not compile until it stands here; then it belongs into
/// [`all`] too, which a test counts.
pub(crate) fn outcome(reason: &Reason) -> Outcome {
    use Reason as R;
    match reason {
        R::Accepted { .. } | R::SentAgain { .. } => Outcome::Accept,
        R::CodeAwaited => Outcome::Challenge,
        R::UnknownClient | R::WrongSecret | R::NoMessageAuthenticator | R::UnprotectedProxy | R::Malformed => {
            Outcome::Silent
        }
        R::TooMany | R::ClockUntrusted | R::StoreFailed => Outcome::Silent,
        R::NotPap { .. } | R::BadName | R::AmbiguousName | R::UnknownUser | R::UserDisabled | R::NoToken => {
            Outcome::Reject
        }
        R::TokenPending | R::ExemptAtCodeOnly | R::StationLocked { .. } | R::UserLocked { .. } => Outcome::Reject,
        R::ClientLocked { .. } | R::DirectoryPaused { .. } | R::UserPaused { .. } => Outcome::Reject,
        R::BudgetSpent { .. } | R::NoTenant | R::EntraOff | R::NoLocalPassword | R::EmptyPassword => Outcome::Reject,
        R::UnreadablePassword | R::BadScrv1 | R::NoCode | R::WrongCode | R::WrongCodeAgain => Outcome::Reject,
        R::CodeOutOfWindow { .. } | R::CodeUsed { .. } | R::PasswordInsteadOfCode => Outcome::Reject,
        R::UnknownState | R::ExpiredState | R::ForeignState | R::WrongLocalPassword | R::WrongPassword => {
            Outcome::Reject
        }
        R::WrongPasswordAgain | R::UnknownAtDirectory | R::LockedAtDirectory | R::BlockedByPolicy => Outcome::Reject,
        R::DeviceOrRiskPolicy | R::PasswordExpired | R::DisabledAtDirectory | R::NotAssigned => Outcome::Reject,
        R::WrongAccountKind | R::OutsideLogonHours | R::NoMfaAtDirectory | R::MfaNotRegistered => Outcome::Reject,
        R::ExternalMfa
        | R::MustBeEnrolled
        | R::UnlistedCode
        | R::RefusedByOverride
        | R::MixedCodes
        | R::DirectoryConfiguration => Outcome::Reject,
        R::DirectoryBackOff | R::DirectoryUnavailable { .. } | R::ChangedMeanwhile | R::Busy => Outcome::Reject,
        R::CounterAhead { .. } | R::TokenNeedsResync => Outcome::Reject,
    }
}

/// One of every reason, and of those with several faces all of them.
pub(crate) fn all() -> Vec<Reason> {
    use Reason as R;
    let until = Timestamp(AT.0 + 900_000);
    let mut all = vec![
        R::SentAgain {
            first_at: Timestamp(AT.0 - 5_000),
        },
        R::CodeAwaited,
        R::UnknownClient,
        R::WrongSecret,
        R::NoMessageAuthenticator,
        R::UnprotectedProxy,
        R::Malformed,
        R::TooMany,
        R::BadName,
        R::AmbiguousName,
        R::UnknownUser,
        R::UserDisabled,
        R::NoToken,
        R::TokenPending,
        R::ExemptAtCodeOnly,
        R::StationLocked { until },
        R::UserLocked { until: Some(until) },
        R::UserLocked { until: None },
        R::ClientLocked { until },
        R::ClockUntrusted,
        R::DirectoryPaused { until },
        R::UserPaused { until },
        R::BudgetSpent {
            known_stations_may: true,
        },
        R::BudgetSpent {
            known_stations_may: false,
        },
        R::NoTenant,
        R::EntraOff,
        R::NoLocalPassword,
        R::EmptyPassword,
        R::UnreadablePassword,
        R::BadScrv1,
        R::NoCode,
        R::WrongCode,
        R::WrongCodeAgain,
        R::CodeOutOfWindow { seconds: 90 },
        R::CodeOutOfWindow { seconds: -90 },
        R::CodeUsed { mark: MARK, step: STEP },
        R::PasswordInsteadOfCode,
        R::UnknownState,
        R::ExpiredState,
        R::ForeignState,
        R::WrongLocalPassword,
        R::WrongPassword,
        R::WrongPasswordAgain,
        R::UnknownAtDirectory,
        R::LockedAtDirectory,
        R::BlockedByPolicy,
        R::DeviceOrRiskPolicy,
        R::PasswordExpired,
        R::DisabledAtDirectory,
        R::NotAssigned,
        R::WrongAccountKind,
        R::OutsideLogonHours,
        R::NoMfaAtDirectory,
        R::MfaNotRegistered,
        R::ExternalMfa,
        R::MustBeEnrolled,
        R::UnlistedCode,
        R::RefusedByOverride,
        R::MixedCodes,
        R::DirectoryConfiguration,
        R::DirectoryBackOff,
        R::ChangedMeanwhile,
        R::StoreFailed,
        R::Busy,
        R::CounterAhead { codes: 57 },
        R::TokenNeedsResync,
    ];
    for first in [FirstUsed::Entra, FirstUsed::Local, FirstUsed::Gateway] {
        for second in [
            SecondUsed::Totp,
            SecondUsed::Bypass,
            SecondUsed::Exempt,
            SecondUsed::Unmatched,
            SecondUsed::Hotp,
        ] {
            all.push(R::Accepted { first, second });
        }
    }
    all.extend([Method::Chap, Method::MsChap, Method::Eap, Method::Missing].map(|method| R::NotPap { method }));
    all.extend(
        [
            DirectoryTrouble::Timeout,
            DirectoryTrouble::Dns,
            DirectoryTrouble::Connection,
            DirectoryTrouble::Certificate,
            DirectoryTrouble::Throttled,
            DirectoryTrouble::Broken,
            DirectoryTrouble::Transient,
        ]
        .map(|trouble| R::DirectoryUnavailable { trouble }),
    );
    all
}
