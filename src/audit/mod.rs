//! The audit record (R23): one for each decision, in typed form. In: what a decision saw; out: a record for the journal, and
//! plain words for people (`words`). Never holds a password, a code or a secret.

pub mod explain;
pub mod words;

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::store::records::{ClientId, OperatorId, SeedMark, Timestamp, UserId};

/// What a client heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Access-Accept.
    Accept,
    /// Access-Reject.
    Reject,
    /// Access-Challenge.
    Challenge,
    /// Nothing.
    Silent,
}

/// What stood for the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirstUsed {
    /// Entra ID.
    Entra,
    /// The password in the box's own store.
    Local,
    /// The gateway checks it (client mode code-only, R2).
    Gateway,
}

/// What stood for the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecondUsed {
    /// A time-based code.
    Totp,
    /// A bypass code from the helpdesk (R18).
    Bypass,
    /// Nothing: the user is exempt (R2).
    Exempt,
    /// Nothing: the name is not in the store, and the client says `password-only` (R2).
    Unmatched,
    /// A counter token's code. (The journal knows variants by their place: new ones stand last.)
    Hotp,
}

/// A password method that cannot carry a code to a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// CHAP-Password (RFC 2865 5.3).
    Chap,
    /// MS-CHAP or MS-CHAPv2 (RFC 2548).
    MsChap,
    /// EAP-Message (RFC 3579).
    Eap,
    /// No password at all.
    Missing,
}

/// Why a directory could not be asked or gave no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DirectoryTrouble {
    /// No answer within the client's deadline.
    Timeout,
    /// The name of the authority was not found.
    Dns,
    /// The connection was refused or broken.
    Connection,
    /// Its certificate was not accepted.
    Certificate,
    /// 429: too many requests.
    Throttled,
    /// 5xx, or a body that is no answer.
    Broken,
    /// A code of the table that means "try again later".
    Transient,
}

/// Why a login ended as it did. The kebab-case name of the variant is the reason code of `--json`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    // Access-Accept
    /// Both factors, or a named exception of R2.
    Accepted {
        /// The password's side.
        first: FirstUsed,
        /// The code's side.
        second: SecondUsed,
    },
    /// The login was sent again in a new packet and heard the first one's verdict (R9).
    SentAgain {
        /// When the first packet came.
        first_at: Timestamp,
    },
    // Access-Challenge
    /// The password was right; the code is awaited.
    CodeAwaited,
    // The packet
    /// No client record has this source address.
    UnknownClient,
    /// The shared secret differs: the authenticator or the Message-Authenticator is wrong.
    WrongSecret,
    /// The client's record requires a Message-Authenticator and there is none (R6).
    NoMessageAuthenticator,
    /// Proxy-State, EAP-Message or Status-Server without Message-Authenticator (R6).
    UnprotectedProxy,
    /// Not a RADIUS packet.
    Malformed,
    /// More requests in flight than the client's record allows (R8).
    TooMany,
    /// CHAP, MS-CHAP, EAP or nothing where only PAP can work.
    NotPap {
        /// What came.
        method: Method,
    },
    // The name
    /// No User-Name, or one that cannot be a name.
    BadName,
    /// The name without a domain could mean several.
    AmbiguousName,
    /// Not in the store.
    UnknownUser,
    /// Disabled by an operator.
    UserDisabled,
    /// No token.
    NoToken,
    /// A token, but not confirmed yet.
    TokenPending,
    /// An exempt user at a code-only client (R2).
    ExemptAtCodeOnly,
    // Locks, clock, directory's state
    /// Too many wrong codes from this calling station (R17).
    StationLocked {
        /// Until then.
        until: Timestamp,
    },
    /// Too many wrong codes in all; stations that had an Accept in the last 30 days still may (R17).
    UserLocked {
        /// Until then; none: until an Accept or an unlock.
        until: Option<Timestamp>,
    },
    /// Too many wrong codes at this client, which sends no Calling-Station-Id (R17).
    ClientLocked {
        /// Until then.
        until: Timestamp,
    },
    /// The box's clock is not trusted: nothing is answered (R19).
    ClockUntrusted,
    /// The tenant is paused after 429 or an outage (R14).
    DirectoryPaused {
        /// Until then.
        until: Timestamp,
    },
    /// The directory saw a loop of this user's requests (50196) and the box waits (R14).
    UserPaused {
        /// Until then.
        until: Timestamp,
    },
    /// The user's budget of wrong passwords for 24 h is used up (R14).
    BudgetSpent {
        /// Whether the half that is kept for known stations is still there.
        known_stations_may: bool,
    },
    /// No tenant is set for the name's domain.
    NoTenant,
    /// The tenant was never proven (R13).
    EntraOff,
    /// The client's first factor is local, and the user has no local password.
    NoLocalPassword,
    // The credential
    /// Empty password (R5).
    EmptyPassword,
    /// A NUL inside the password (R5), or bytes that are no text: often a wrong shared secret.
    UnreadablePassword,
    /// `SCRV1:` that does not decode (R5).
    BadScrv1,
    /// Too short to hold a code, or the last characters are no code.
    NoCode,
    /// No code of any token of the user.
    WrongCode,
    /// The same wrong code again: does not count (R17).
    WrongCodeAgain,
    /// A code of a token of the user, outside the window: the token's clock has drifted. Counts as a wrong code.
    CodeOutOfWindow {
        /// Seconds by which the token is ahead (positive) or behind.
        seconds: i32,
    },
    /// The code was spent before (R16).
    CodeUsed {
        /// Which seed.
        mark: SeedMark,
        /// Which step.
        step: u64,
    },
    /// The answer to a challenge repeats the first password: the client cannot do challenges.
    PasswordInsteadOfCode,
    /// State that is not known here, or was answered already (R10).
    UnknownState,
    /// State of a challenge that ran out (R10).
    ExpiredState,
    /// State of another client, user or calling station (R10).
    ForeignState,
    // The password
    /// The local password is wrong.
    WrongLocalPassword,
    /// 50126 or 50064.
    WrongPassword,
    /// The directory said no to this very password a moment ago; it was not asked again.
    WrongPasswordAgain,
    /// The directory knows no such user.
    UnknownAtDirectory,
    /// 50053: smart lockout, or this box's address is flagged.
    LockedAtDirectory,
    /// 53003: Conditional Access.
    BlockedByPolicy,
    /// A device, app or risk policy.
    DeviceOrRiskPolicy,
    /// Expired, or must be changed or reset.
    PasswordExpired,
    /// 50057.
    DisabledAtDirectory,
    /// 50105.
    NotAssigned,
    /// 50020 and the like.
    WrongAccountKind,
    /// 80012.
    OutsideLogonHours,
    /// A token came: no MFA is enforced for this user, and the tenant's settings do not allow that.
    NoMfaAtDirectory,
    /// 50079, 50072.
    MfaNotRegistered,
    /// 50158.
    ExternalMfa,
    /// An unmatched user who has a second factor at Entra (R2).
    MustBeEnrolled,
    /// A code that the table does not know.
    UnlistedCode,
    /// A code that an administrator's override refuses (R12).
    RefusedByOverride,
    /// Several codes at once that ask for two different switches of the tenant.
    MixedCodes,
    /// A mistake in the tenant's set-up.
    DirectoryConfiguration,
    /// 50196.
    DirectoryBackOff,
    /// No verdict.
    DirectoryUnavailable {
        /// Why.
        trouble: DirectoryTrouble,
    },
    // The box itself
    /// User, token, client or tenant were changed while the login was under way.
    ChangedMeanwhile,
    /// The record could not be written; nothing was answered.
    StoreFailed,
    /// More password hashes at once than the box allows.
    Busy,
    // The journal knows variants by their place: new ones stand last
    /// A code of a counter token of the user, beyond the window: it was pressed many times. Counts as a wrong code.
    CounterAhead {
        /// By how many codes its counter is ahead of the expected one.
        codes: u32,
    },
    /// A counter token that is not to be trusted since the record of its codes was lost (R20): nothing else of the user counts, or the
    /// code that came was of it. Then it counts as a wrong one.
    TokenNeedsResync,
}

impl Reason {
    /// The kebab-case word of `--json` and filters.
    pub fn code(&self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(code)) => code,
            Ok(serde_json::Value::Object(map)) => map.keys().next().cloned().unwrap_or_default(),
            _ => String::new(),
        }
    }
}

/// What was passed, in the order of R1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stages(pub u16);

impl Stages {
    /// The names of the bits, lowest first.
    pub const NAMES: [&'static str; 9] = [
        "shape",
        "client",
        "authenticator",
        "name",
        "user",
        "lockout",
        "clock",
        "code",
        "password",
    ];
    /// Size and shape.
    pub const SHAPE: Stages = Stages(1);
    /// Client by source.
    pub const CLIENT: Stages = Stages(1 << 1);
    /// Request authenticator and Message-Authenticator.
    pub const AUTHENTICATOR: Stages = Stages(1 << 2);
    /// Name made canonical.
    pub const NAME: Stages = Stages(1 << 3);
    /// User known, enabled, with a token.
    pub const USER: Stages = Stages(1 << 4);
    /// Lockout.
    pub const LOCKOUT: Stages = Stages(1 << 5);
    /// Clock, directory's breaker and budget.
    pub const CLOCK: Stages = Stages(1 << 6);
    /// Code right and spent.
    pub const CODE: Stages = Stages(1 << 7);
    /// Password right.
    pub const PASSWORD: Stages = Stages(1 << 8);

    /// With this one too.
    #[must_use]
    pub fn and(self, other: Stages) -> Stages {
        Stages(self.0 | other.0)
    }

    /// The names of what was passed.
    pub fn names(self) -> Vec<&'static str> {
        Self::NAMES
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, name)| *name)
            .collect()
    }
}

/// What a directory said, as far as it is kept: its code and its correlation ID.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectorySaid {
    /// AADSTS number.
    pub code: Option<u32>,
    /// The correlation ID, for a support call.
    pub correlation: Option<String>,
}

/// A code that was spent with this decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Which seed.
    pub mark: SeedMark,
    /// The step (RFC 6238 T).
    pub step: u64,
    /// Steps by which the token was ahead or behind.
    pub drift: i8,
}

/// One decision about one login. All text is already shown text (R22).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When the packet came.
    pub at: Timestamp,
    /// Milliseconds to the decision (not to the reply: a reject waits, R11).
    pub took_ms: u32,
    /// The user, where the name is in the store.
    pub user: Option<UserId>,
    /// The name: canonical where it could be made, else as it came.
    pub name: String,
    /// The client's number.
    pub client: Option<ClientId>,
    /// The client's name; empty for an unknown source.
    pub client_name: String,
    /// Where the datagram came from.
    pub source: Option<IpAddr>,
    /// Calling-Station-Id; empty where there was none.
    pub station: String,
    /// NAS-Identifier or NAS-IP-Address; empty where there was none.
    pub nas: String,
    /// What the client heard.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// What was passed.
    pub stages: Stages,
    /// What the directory said, if it was asked.
    pub directory: Option<DirectorySaid>,
    /// The code that was spent.
    pub spent: Option<Spent>,
    /// How many alike this record stands for (R23): the first is written at once with 1, the rest of its minute as one record.
    pub count: u32,
}

/// What an operator did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorAct {
    /// When.
    pub at: Timestamp,
    /// The peer's uid on the socket, as the kernel says.
    pub uid: u32,
    /// The operator's name where one logged in; empty on the command line.
    pub operator: String,
    /// The line that the operator's console stands on, shown text; empty on the command line.
    pub line: String,
    /// The operation's word, such as `user disable`.
    pub action: String,
    /// What it was done to, shown text.
    pub target: String,
    /// The users it was done to, by name: canonical as it was then, shown text.
    pub users: Vec<String>,
    /// The number of the one user: a name may change, this does not (R20).
    pub user: Option<UserId>,
    /// The number of the client.
    pub client: Option<ClientId>,
    /// The number of the operator it was done to (R20).
    pub staff: Option<OperatorId>,
    /// Done, or the line that refused it.
    pub result: Result<(), String>,
    /// How many alike this record stands for (R23): of failed logins and refusals at a console more than one may be.
    pub count: u32,
}

impl OperatorAct {
    /// Who did it, for people: `anna at ttyS0`, or `uid 1000`.
    pub fn by(&self) -> String {
        match (self.operator.is_empty(), self.line.is_empty()) {
            (false, false) => format!("{} at {}", self.operator, self.line),
            (false, true) => self.operator.clone(),
            (true, false) => format!("somebody at {}", self.line),
            (true, true) => format!("uid {}", self.uid),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Accept => "Access-Accept",
            Outcome::Reject => "Access-Reject",
            Outcome::Challenge => "Access-Challenge",
            Outcome::Silent => "no answer",
        })
    }
}
