//! Every operation of the box as a type: what may be asked, what is answered, and how it fails. The daemon performs them
//! (`peer::Operations`); the command line and the console send them.

use serde::{Deserialize, Serialize};

use super::answers::{
    BypassCode, ChainReport, ClientInfo, ClientList, ClientMade, ClockReport, Explanation, ImportReport, LogPage, Pong,
    ProveReport, StatusReport, TenantInfo, TenantList, TestReport, TokenInfo, TokenList, TokenMade, UserInfo, UserList,
};
use super::asks::{
    ClientAdd, ClientSet, DirectoryLogin, EntraSet, ImportBatch, LogAsk, TokenAdd, UserAdd, UserSearch, UserSet,
};
use super::peer::Role;
use crate::secret::Secret;
use crate::store::records::TokenId;

/// An operation. The name of a user is what the operator typed: the daemon makes it canonical (R3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Is anyone there? Answer: [`Answer::Pong`].
    Ping,
    /// Health, clock, counters, alarms. Answer: [`Answer::Status`].
    Status,
    /// A new client. Answer: [`Answer::ClientMade`].
    ClientAdd(ClientAdd),
    /// All clients. Answer: [`Answer::Clients`].
    ClientList,
    /// One client. Answer: [`Answer::Client`].
    ClientShow {
        /// Which.
        name: String,
    },
    /// Change a client. Answer: [`Answer::Client`].
    ClientSet(ClientSet),
    /// Remove a client. Answer: [`Answer::Done`].
    ClientRemove {
        /// Which.
        name: String,
    },
    /// A new user. Answer: [`Answer::User`].
    UserAdd(UserAdd),
    /// A page of the users. Answer: [`Answer::Users`].
    UserList(UserSearch),
    /// One user. Answer: [`Answer::User`].
    UserShow {
        /// Who.
        name: String,
    },
    /// Change a user. Answer: [`Answer::User`].
    UserSet(UserSet),
    /// Refuse the user from now on. Answer: [`Answer::Done`].
    UserDisable {
        /// Who.
        name: String,
    },
    /// Undo a disable. Answer: [`Answer::Done`].
    UserEnable {
        /// Who.
        name: String,
    },
    /// Clear locks and the budget at the directory (R14, R17). Answer: [`Answer::Done`].
    UserUnlock {
        /// Who.
        name: String,
    },
    /// Remove a user and all tokens. Answer: [`Answer::Done`].
    UserRemove {
        /// Who.
        name: String,
    },
    /// A one-time code in the place of a token's (R18). Answer: [`Answer::Bypass`].
    UserBypass {
        /// Who.
        name: String,
        /// 1 to 60.
        minutes: u8,
    },
    /// A new token. Answer: [`Answer::TokenMade`].
    TokenAdd(TokenAdd),
    /// The first code of a pending token: it counts from now on; the code is spent (R16). Answer: [`Answer::Token`].
    TokenConfirm {
        /// Whose.
        user: String,
        /// What the token shows.
        #[serde(with = "super::wire::text")]
        code: Secret,
    },
    /// Two codes that follow one another: finds a token whose clock has drifted far; both are spent. Answer: [`Answer::Token`].
    TokenResync {
        /// Whose.
        user: String,
        /// What the token shows.
        #[serde(with = "super::wire::text")]
        first: Secret,
        /// What it shows next.
        #[serde(with = "super::wire::text")]
        second: Secret,
    },
    /// The tokens of a user. Answer: [`Answer::Tokens`].
    TokenList {
        /// Whose.
        user: String,
    },
    /// Remove a token. Answer: [`Answer::Done`].
    TokenRemove {
        /// Whose.
        user: String,
        /// Which.
        id: TokenId,
    },
    /// Rows of a token file. Answer: [`Answer::Import`].
    ImportBatch(ImportBatch),
    /// Make or change a tenant. Answer: [`Answer::Tenant`].
    EntraSet(EntraSet),
    /// Prove a tenant with one right and one wrong password (R13). Answer: [`Answer::Prove`], also where the proof failed.
    EntraProve(DirectoryLogin),
    /// What the directory says to one login. Answer: [`Answer::Test`].
    EntraTest(DirectoryLogin),
    /// All tenants, or the one of a domain. Answer: [`Answer::Tenants`].
    EntraShow {
        /// Only this one.
        domain: Option<String>,
    },
    /// Remove a tenant. Answer: [`Answer::Done`].
    EntraRemove {
        /// Which.
        domain: String,
    },
    /// The clock and whether it is trusted. Answer: [`Answer::Clock`].
    TimeShow,
    /// The operator has looked: the clock is right (R19). Answer: [`Answer::Clock`].
    TimeConfirm,
    /// A page of the audit log, or what comes next. Answer: [`Answer::Log`].
    Log(LogAsk),
    /// Check the chain of the audit log (R23). Answer: [`Answer::Chain`], also where it is broken.
    LogVerify,
    /// The last attempts of a user in plain words. Answer: [`Answer::Explanation`].
    Explain {
        /// Who.
        user: String,
    },
}

impl Request {
    /// The operation's word in the audit log, as on the command line.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Status => "status",
            Self::ClientAdd(_) => "client add",
            Self::ClientList => "client list",
            Self::ClientShow { .. } => "client show",
            Self::ClientSet(_) => "client set",
            Self::ClientRemove { .. } => "client remove",
            Self::UserAdd(_) => "user add",
            Self::UserList(_) => "user list",
            Self::UserShow { .. } => "user show",
            Self::UserSet(_) => "user set",
            Self::UserDisable { .. } => "user disable",
            Self::UserEnable { .. } => "user enable",
            Self::UserUnlock { .. } => "user unlock",
            Self::UserRemove { .. } => "user remove",
            Self::UserBypass { .. } => "user bypass",
            Self::TokenAdd(_) => "token add",
            Self::TokenConfirm { .. } => "token confirm",
            Self::TokenResync { .. } => "token resync",
            Self::TokenList { .. } => "token list",
            Self::TokenRemove { .. } => "token remove",
            Self::ImportBatch(_) => "import",
            Self::EntraSet(_) => "entra set",
            Self::EntraProve(_) => "entra prove",
            Self::EntraTest(_) => "entra test",
            Self::EntraShow { .. } => "entra show",
            Self::EntraRemove { .. } => "entra remove",
            Self::TimeShow => "time show",
            Self::TimeConfirm => "time confirm",
            Self::Log(_) => "log",
            Self::LogVerify => "log verify",
            Self::Explain { .. } => "explain",
        }
    }

    /// What it is done to, for the audit log: a user's, client's or domain's name as typed; empty where there is none.
    pub fn target(&self) -> &str {
        match self {
            Self::ClientAdd(ask) => &ask.name,
            Self::ClientSet(ask) => &ask.name,
            Self::UserAdd(ask) => &ask.name,
            Self::UserSet(ask) => &ask.name,
            Self::TokenAdd(ask) => &ask.user,
            Self::EntraSet(ask) => &ask.domain,
            Self::EntraProve(ask) | Self::EntraTest(ask) => &ask.user,
            Self::ClientShow { name }
            | Self::ClientRemove { name }
            | Self::UserShow { name }
            | Self::UserDisable { name }
            | Self::UserEnable { name }
            | Self::UserUnlock { name }
            | Self::UserRemove { name }
            | Self::UserBypass { name, .. } => name,
            Self::TokenConfirm { user, .. }
            | Self::TokenResync { user, .. }
            | Self::TokenList { user }
            | Self::TokenRemove { user, .. }
            | Self::Explain { user } => user,
            Self::EntraRemove { domain } => domain,
            Self::EntraShow { domain } => domain.as_deref().unwrap_or_default(),
            Self::Ping
            | Self::Status
            | Self::ClientList
            | Self::UserList(_)
            | Self::ImportBatch(_)
            | Self::TimeShow
            | Self::TimeConfirm
            | Self::Log(_)
            | Self::LogVerify => "",
        }
    }

    /// The least role that may ask for it (design: Roles).
    pub fn needs(&self) -> Role {
        match self {
            Self::Ping
            | Self::Status
            | Self::ClientList
            | Self::ClientShow { .. }
            | Self::UserList(_)
            | Self::UserShow { .. }
            | Self::TokenList { .. }
            | Self::EntraShow { .. }
            | Self::TimeShow
            | Self::Log(_)
            | Self::LogVerify
            | Self::Explain { .. } => Role::Auditor,
            // A password or an exemption is a matter of policy, not of enrolling somebody.
            Self::UserAdd(ask) if ask.exempt || ask.password.is_some() => Role::Installer,
            Self::UserAdd(_)
            | Self::UserUnlock { .. }
            | Self::UserBypass { .. }
            | Self::TokenAdd(_)
            | Self::TokenConfirm { .. }
            | Self::TokenResync { .. }
            | Self::TokenRemove { .. } => Role::Helpdesk,
            Self::ClientAdd(_)
            | Self::ClientSet(_)
            | Self::ClientRemove { .. }
            | Self::UserSet(_)
            | Self::UserDisable { .. }
            | Self::UserEnable { .. }
            | Self::UserRemove { .. }
            | Self::ImportBatch(_)
            | Self::EntraSet(_)
            | Self::EntraProve(_)
            | Self::EntraTest(_)
            | Self::EntraRemove { .. }
            | Self::TimeConfirm => Role::Installer,
        }
    }

    /// Whether it changes something or asks a directory: such requests go on record even where they are refused (R23).
    pub fn on_record(&self) -> bool {
        self.needs() != Role::Auditor
    }
}

/// What the daemon answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// To [`Request::Ping`].
    Pong(Pong),
    /// To [`Request::Status`].
    Status(Box<StatusReport>),
    /// To [`Request::ClientAdd`].
    ClientMade(Box<ClientMade>),
    /// To [`Request::ClientShow`] and [`Request::ClientSet`].
    Client(Box<ClientInfo>),
    /// To [`Request::ClientList`].
    Clients(ClientList),
    /// To [`Request::UserAdd`], [`Request::UserShow`] and [`Request::UserSet`].
    User(Box<UserInfo>),
    /// To [`Request::UserList`].
    Users(UserList),
    /// To [`Request::UserBypass`].
    Bypass(BypassCode),
    /// To [`Request::TokenAdd`].
    TokenMade(Box<TokenMade>),
    /// To [`Request::TokenConfirm`] and [`Request::TokenResync`].
    Token(Box<TokenInfo>),
    /// To [`Request::TokenList`].
    Tokens(TokenList),
    /// To [`Request::ImportBatch`].
    Import(ImportReport),
    /// To [`Request::EntraSet`].
    Tenant(Box<TenantInfo>),
    /// To [`Request::EntraShow`].
    Tenants(TenantList),
    /// To [`Request::EntraProve`].
    Prove(Box<ProveReport>),
    /// To [`Request::EntraTest`].
    Test(Box<TestReport>),
    /// To [`Request::TimeShow`] and [`Request::TimeConfirm`].
    Clock(ClockReport),
    /// To [`Request::Log`].
    Log(LogPage),
    /// To [`Request::LogVerify`].
    Chain(ChainReport),
    /// To [`Request::Explain`].
    Explanation(Explanation),
    /// Done, and one line of what was done.
    Done {
        /// Plain words, without a full stop: "anna@contoso.example is disabled".
        done: String,
    },
}

/// What kind of failure; `postern` ends with 2 for [`FailureKind::Usage`] and with 1 for the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The request itself cannot be right.
    Usage,
    /// A rule forbids it.
    Refused,
    /// There is no such user, client, token or tenant.
    NotFound,
    /// There is one already.
    Exists,
    /// The peer has no right to ask this (R24).
    NotAllowed,
    /// The box could not do it: a disk, a directory, a time-out.
    Failed,
    /// Nobody answered on the socket, or something else did.
    Unreachable,
}

/// Why something was not done: one plain line that says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// The line; foreign text in it is already shown text (R22).
    pub message: String,
}

impl Failure {
    /// A failure of some kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The request itself cannot be right.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// A rule forbids it.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Refused, message)
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(FailureKind::NotFound, message)
    }

    /// There is one already.
    pub fn exists(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Exists, message)
    }

    /// The box could not do it.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Failed, message)
    }

    /// The program's exit status (design: command line contract).
    pub fn exit_status(&self) -> u8 {
        match self.kind {
            FailureKind::Usage => 2,
            _ => 1,
        }
    }
}
