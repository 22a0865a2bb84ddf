//! The one table of what Entra's codes mean. In: an AADSTS number; out: its row, if it has one. It never looks at text of an
//! answer, and no other file knows a code's verdict. The rows follow Microsoft's list of sign-in codes; what is inferred from
//! practice rather than said there is marked [`Password::Inferred`].

/// What an answer asks of the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// HTTP 200 with a token: the password was right and no second factor is enforced for this user.
    Token,
    /// The password was right and the directory wants its second factor now.
    Continue,
    /// The password was right, but the user has yet to register for a second factor.
    NotRegistered,
    /// The password was right and a third party's second factor is asked for.
    External,
    /// Refused, and why.
    Refuse(Cause),
    /// A mistake in the set-up: refused, alarmed, never counted against the user.
    Configuration,
    /// The directory saw a loop of requests for this user (R14).
    BackOff,
    /// The directory could not say (R15).
    Unavailable,
}

/// Why a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The only one that counts against the user's budget (R14).
    WrongPassword,
    /// No such account in the directory, or no password stored for it.
    UnknownUser,
    /// Smart lockout, or this box's address is held to be malicious.
    Locked,
    /// Blocked by Conditional Access.
    Blocked,
    /// A device, app or risk policy.
    Policy,
    /// Expired, or must be changed or reset.
    PasswordExpired,
    /// The account is disabled.
    Disabled,
    /// The user is not assigned to the application.
    NotAssigned,
    /// A personal account, a guest, or an account of another tenant.
    WrongAccount,
    /// Outside the hours the user may log on.
    LogonHours,
    /// A code the table does not know, or one that was no number.
    Unlisted,
    /// An administrator's override says refuse.
    Overridden,
    /// Codes that ask for two different switches at once.
    Mixed,
}

impl Cause {
    /// Whether this is a wrong password for the budget of R14.
    pub fn counts(self) -> bool {
        self == Cause::WrongPassword
    }

    /// Plain words for the log and the helpdesk.
    pub fn words(self) -> &'static str {
        match self {
            Cause::WrongPassword => "wrong password",
            Cause::UnknownUser => "the directory does not know this user, or stores no password for the account",
            Cause::Locked => {
                "the account is locked by the directory's smart lockout, or this box's address is flagged there"
            }
            Cause::Blocked => "blocked by a Conditional Access policy",
            Cause::Policy => "refused by a device, app or risk policy of the directory",
            Cause::PasswordExpired => "password expired: the user must change it",
            Cause::Disabled => "the account is disabled in the directory",
            Cause::NotAssigned => "the user is not assigned to the application",
            Cause::WrongAccount => "a personal account, a guest, or an account of another tenant",
            Cause::LogonHours => "outside the user's logon hours",
            Cause::Unlisted => "the directory gave a code that this box does not know",
            Cause::Overridden => "refused by an override of this code",
            Cause::Mixed => "the directory gave several codes that do not go together",
        }
    }
}

/// What a code says of the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Password {
    /// It was right.
    Right,
    /// It was right as far as practice shows; no source says so outright.
    Inferred,
    /// It was wrong, or could not be checked in the cloud (a federated user).
    Wrong,
    /// It was not looked at.
    NotChecked,
    /// The code does not tell.
    Unknown,
}

impl Password {
    /// Plain words.
    pub fn words(self) -> &'static str {
        match self {
            Password::Right => "the password was right",
            Password::Inferred => "the password was right, as far as is known",
            Password::Wrong => "the password was wrong, or could not be checked there",
            Password::NotChecked => "the password was not checked",
            Password::Unknown => "this does not tell whether the password was right",
        }
    }
}

/// One code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The number after `AADSTS`.
    pub code: u32,
    /// What it means.
    pub meaning: &'static str,
    /// What it says of the password.
    pub password: Password,
    /// What it asks of the box where nothing overrides it.
    pub verdict: Verdict,
    /// What to do about it in the directory or here; every mistake in the set-up has one.
    pub fix: Option<&'static str>,
}

/// The row of a code, by its exact number.
pub fn row(code: u32) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.code == code)
}

/// All rows.
pub fn rows() -> &'static [Row] {
    TABLE
}

/// The code of a wrong password, which `entra prove` must see (R13).
pub const WRONG_PASSWORD: u32 = 50126;
/// The code of smart lockout: several users with it raise an alarm.
pub const LOCKED: u32 = 50053;
/// The code of a request loop: pauses that user (R14).
pub const LOOP: u32 = 50196;

const fn ok(code: u32, meaning: &'static str, verdict: Verdict) -> Row {
    Row {
        code,
        meaning,
        password: Password::Right,
        verdict,
        fix: None,
    }
}

const fn no(code: u32, password: Password, cause: Cause, meaning: &'static str) -> Row {
    Row {
        code,
        meaning,
        password,
        verdict: Verdict::Refuse(cause),
        fix: None,
    }
}

const fn setup(code: u32, password: Password, meaning: &'static str, fix: &'static str) -> Row {
    Row {
        code,
        meaning,
        password,
        verdict: Verdict::Configuration,
        fix: Some(fix),
    }
}

const fn away(code: u32, meaning: &'static str, fix: Option<&'static str>) -> Row {
    Row {
        code,
        meaning,
        password: Password::Unknown,
        verdict: Verdict::Unavailable,
        fix,
    }
}

const TENANT_FIX: &str =
    "check --tenant (the directory ID, or a verified domain) and --authority (a national cloud has its own)";
const APP_FIX: &str =
    "check --client-id and --tenant: the application must be registered, and enabled, in that directory";
const CONSENT_FIX: &str = "App registration, API permissions: grant admin consent for the scope that is asked for";
const SECRET_FIX: &str =
    "make a new client secret (App registration, Certificates & secrets) and set its value with --client-secret-file";
const FLOWS_FIX: &str =
    "\"Allow public client flows\" is off: App registration, Authentication, Advanced settings; or set a client secret";
const REQUEST_FIX: &str = "check --scope and --tenant; \"openid\" is enough as the scope";
const AGENT_FIX: &str = "look at the pass-through authentication agents: Entra Connect, User sign-in";
const GUEST_FIX: &str = "only members of this tenant can log in by password: no guests, no personal accounts";
const EXPIRED_FIX: &str = "the user changes the password at the directory's own sign-in page, then logs in again";
const POLICY_FIX: &str =
    "look at the user's sign-in log in Entra; exclude this application from the device or risk policy if that is meant";

use Cause::{
    Blocked, Disabled, Locked, LogonHours, NotAssigned, PasswordExpired, Policy, UnknownUser, WrongAccount,
    WrongPassword,
};
use Password::{Inferred, NotChecked, Right, Unknown, Wrong};

static TABLE: &[Row] = &[
    ok(50076, "multi-factor authentication is required", Verdict::Continue),
    ok(50074, "strong authentication is required", Verdict::Continue),
    ok(
        50079,
        "the user must first register for multi-factor authentication",
        Verdict::NotRegistered,
    ),
    ok(
        50072,
        "the user must first register for multi-factor authentication",
        Verdict::NotRegistered,
    ),
    ok(
        50158,
        "an external challenge (a third party's second factor) is asked for",
        Verdict::External,
    ),
    Row {
        fix: Some("the user's sign-in log in Entra names the Conditional Access policy that blocks"),
        ..no(53003, Right, Blocked, "blocked by a Conditional Access policy")
    },
    policy(53000, "the device is not compliant"),
    policy(53001, "the device is not joined to the domain"),
    policy(53002, "the app is not an approved one"),
    policy(53004, "registering a second factor is blocked because of risk"),
    policy(
        53010,
        "registering a second factor is asked for from a trusted place or device",
    ),
    policy(53011, "the user is blocked because of risk"),
    policy(530031, "an access policy does not allow a token"),
    policy(530034, "blocked because of suspicious activity"),
    policy(530035, "blocked by the security defaults"),
    policy(50131, "a Conditional Access policy was not met"),
    expired(50055, "the password has expired"),
    expired(50144, "the password has expired in Active Directory"),
    expired(50135, "the password must be changed because of risk"),
    expired(50125, "the password must be reset, or registered for a reset"),
    no(50057, Unknown, Disabled, "the account is disabled"),
    Row {
        fix: Some("Enterprise applications, Users and groups: assign the user, if the user is meant to log in"),
        ..no(
            50105,
            Inferred,
            NotAssigned,
            "the user is not assigned to the application",
        )
    },
    Row {
        fix: Some(
            "a federated (AD FS) user is answered alike: there the home-realm policy must set AllowCloudPasswordValidation",
        ),
        ..no(50126, Wrong, WrongPassword, "wrong user name or password")
    },
    no(50064, Wrong, WrongPassword, "the credential did not validate"),
    no(50034, NotChecked, UnknownUser, "no such account in this directory"),
    no(51004, NotChecked, UnknownUser, "no such account in this directory"),
    no(50014, NotChecked, UnknownUser, "the account is not ready to log in"),
    no(50056, NotChecked, UnknownUser, "no password is stored for the account"),
    Row {
        fix: Some(
            "wait a minute and do not try again at once; if several users have it, this box's address is flagged: see the \
                   risky sign-ins and the named locations in Entra",
        ),
        ..no(
            50053,
            Unknown,
            Locked,
            "the account is locked, or the request came from an address with malicious activity",
        )
    },
    guest(50020, "the account is one of another identity provider or tenant"),
    guest(500208, "the account's domain is not a valid login domain for its type"),
    guest(90072, "the account belongs to another tenant and is no guest here"),
    tenant(50059, "the request names no tenant"),
    tenant(50128, "the domain names no tenant"),
    tenant(90002, "the tenant was not found"),
    tenant(90019, "the request names no tenant"),
    tenant(900023, "the tenant is neither an ID nor a verified domain"),
    tenant(90038, "the tenant belongs to another cloud"),
    setup(
        700016,
        Unknown,
        "the application was not found in this directory",
        APP_FIX,
    ),
    setup(
        500011,
        Unknown,
        "the resource was not found in this directory",
        "check --scope: the resource it names must exist in the tenant",
    ),
    setup(
        700011,
        Unknown,
        "the application was not found in this directory",
        APP_FIX,
    ),
    setup(70001, Unknown, "the application is not found or disabled", APP_FIX),
    setup(65001, Unknown, "nobody consented to the application", CONSENT_FIX),
    setup(
        65004,
        Unknown,
        "the user declined to consent to the application",
        CONSENT_FIX,
    ),
    setup(
        90094,
        Unknown,
        "an administrator must consent to the application",
        CONSENT_FIX,
    ),
    setup(
        650056,
        Unknown,
        "the application lacks permissions or consent",
        CONSENT_FIX,
    ),
    setup(
        650057,
        Unknown,
        "the application's permissions do not list the resource",
        CONSENT_FIX,
    ),
    setup(7000218, NotChecked, "a client secret is asked for", FLOWS_FIX),
    setup(
        700025,
        NotChecked,
        "the client is public, so it must not send a secret",
        "remove the client secret here, or register the application as a confidential one",
    ),
    setup(70002, NotChecked, "the client's credentials are not valid", SECRET_FIX),
    setup(7000215, NotChecked, "the client secret is wrong", SECRET_FIX),
    setup(7000222, NotChecked, "the client secret has expired", SECRET_FIX),
    setup(70011, NotChecked, "the scope is not valid", REQUEST_FIX),
    setup(900144, NotChecked, "the request lacks a parameter", REQUEST_FIX),
    setup(
        9001023,
        NotChecked,
        "passwords cannot be checked at \"common\" or \"consumers\"",
        "set --tenant to the directory ID or a verified domain",
    ),
    setup(
        50194,
        NotChecked,
        "the application belongs to one tenant and was asked at \"common\"",
        "set --tenant to the directory ID or a verified domain",
    ),
    Row {
        fix: Some("wait a minute; if it comes again, the VPN sends logins again too fast: raise its RADIUS timeout"),
        ..away_unchecked(50196, "the directory saw a loop of requests", Verdict::BackOff)
    },
    away(
        80001,
        "the pass-through agent cannot reach Active Directory",
        Some(AGENT_FIX),
    ),
    away(80002, "the pass-through agent's check timed out", Some(AGENT_FIX)),
    away(80005, "the pass-through agent had an error", Some(AGENT_FIX)),
    away(
        80007,
        "the pass-through agent cannot check the password",
        Some(AGENT_FIX),
    ),
    away(
        80010,
        "the pass-through agent cannot decrypt the password",
        Some(AGENT_FIX),
    ),
    away(
        80013,
        "the pass-through agent's clock differs from Active Directory's",
        Some(AGENT_FIX),
    ),
    away(80014, "the pass-through agent took too long", Some(AGENT_FIX)),
    no(
        80012,
        Unknown,
        LogonHours,
        "outside the hours in which the user may log on",
    ),
    away(90006, "a service of the directory failed for the moment", None),
    away(90012, "the request timed out inside the directory", None),
    away(90024, "the directory has too many requests for now", None),
    away(
        90033,
        "a service of the directory is not available for the moment",
        None,
    ),
    away(90055, "the tenant has too many requests for now", None),
    away(90090, "a service of the directory failed for the moment", None),
    away(50033, "a service of the directory failed for the moment", None),
    away(50087, "the sign-in service failed for the moment", None),
];

const fn policy(code: u32, meaning: &'static str) -> Row {
    Row {
        fix: Some(POLICY_FIX),
        ..no(code, Inferred, Policy, meaning)
    }
}

const fn expired(code: u32, meaning: &'static str) -> Row {
    Row {
        fix: Some(EXPIRED_FIX),
        ..no(code, Right, PasswordExpired, meaning)
    }
}

const fn guest(code: u32, meaning: &'static str) -> Row {
    Row {
        fix: Some(GUEST_FIX),
        ..no(code, Unknown, WrongAccount, meaning)
    }
}

const fn tenant(code: u32, meaning: &'static str) -> Row {
    setup(code, NotChecked, meaning, TENANT_FIX)
}

const fn away_unchecked(code: u32, meaning: &'static str, verdict: Verdict) -> Row {
    Row {
        code,
        meaning,
        password: NotChecked,
        verdict,
        fix: None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub(super) mod tests;
