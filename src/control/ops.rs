//! Every operation of the box as a type: what may be asked, what is answered, and how it fails. The daemon performs them
//! (`peer::Operations`); the command line and the console send them.

use serde::{Deserialize, Serialize};

use super::answers::{
    BypassCode, ChainReport, ClientInfo, ClientList, ClientMade, ClockReport, Explanation, ImportReport, KnockList,
    LogPage, NetworkReport, Pong, ProveReport, StatusReport, TenantInfo, TenantList, TestReport, TokenInfo, TokenList,
    TokenMade, UserInfo, UserList,
};
use super::asks::{
    ClientAdd, ClientSet, DirectoryLogin, EntraSet, ImportBatch, LogAsk, TokenAdd, UserAdd, UserSearch, UserSet,
};
use super::operators::{
    Hello, LogIn, Moved, OperatorAdd, OperatorInfo, OperatorList, OperatorSet, OperatorTokenMade, Session,
};
use super::peer::Role;
use crate::secret::Secret;
use crate::store::records::TokenId;

pub use super::failure::{Failure, FailureKind};

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
    /// Change a client. Answer: [`Answer::Client`], or [`Answer::ClientMade`] where a secret was to be made.
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
    /// Who knocks: unknown sources, packets that could not be verified. Answer: [`Answer::Knocks`].
    Knocks,
    /// How the box stands on the network. Answer: [`Answer::Network`].
    Network,
    /// What anybody at a socket may know. Answer: [`Answer::Hello`].
    Hello,
    /// At `console.sock`: an operator logs in on this connection. Answer: [`Answer::Session`].
    LogIn(LogIn),
    /// Ends the session; the connection stays. Answer: [`Answer::Done`].
    LogOut,
    /// A key was pressed: the session's idle time begins anew. Answer: [`Answer::Done`].
    Stay,
    /// From now on the daemon sends [`Answer::Moved`] whenever something moved, at most twice a second, and [`Answer::Ended`] when
    /// the session ends, until the log-out. Answer: [`Answer::Moved`].
    Watch,
    /// A new operator. Answer: [`Answer::Operator`]; of the first one at `console.sock` [`Answer::Session`].
    OperatorAdd(OperatorAdd),
    /// All operators. Answer: [`Answer::Operators`].
    OperatorList,
    /// Change an operator. Answer: [`Answer::Operator`].
    OperatorSet(OperatorSet),
    /// An operator's own password, by the operator who is logged in. Answer: [`Answer::Done`].
    OperatorPassword {
        /// The one that was.
        #[serde(with = "super::wire::bytes")]
        old: Secret,
        /// The one from now on.
        #[serde(with = "super::wire::bytes")]
        new: Secret,
    },
    /// Clear an operator's lock. Answer: [`Answer::Done`].
    OperatorUnlock {
        /// Who.
        name: String,
    },
    /// Remove an operator; the last installer stays. Answer: [`Answer::Done`].
    OperatorRemove {
        /// Who.
        name: String,
    },
    /// A token for an operator's own login. Answer: [`Answer::OperatorToken`].
    OperatorTokenAdd {
        /// Whose.
        name: String,
    },
    /// Its first code: from now on it is asked at each login; the code is spent. Answer: [`Answer::Operator`].
    OperatorTokenConfirm {
        /// Whose.
        name: String,
        /// What the token shows.
        #[serde(with = "super::wire::text")]
        code: Secret,
    },
    /// No code at the login any more. Answer: [`Answer::Operator`].
    OperatorTokenRemove {
        /// Whose.
        name: String,
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
            Self::Knocks => "knocks",
            Self::Network => "network show",
            Self::Hello => "hello",
            Self::LogIn(_) => "log in",
            Self::LogOut => "log out",
            Self::Stay => "stay",
            Self::Watch => "watch",
            Self::OperatorAdd(_) => "operator add",
            Self::OperatorList => "operator list",
            Self::OperatorSet(_) => "operator set",
            Self::OperatorPassword { .. } => "operator password",
            Self::OperatorUnlock { .. } => "operator unlock",
            Self::OperatorRemove { .. } => "operator remove",
            Self::OperatorTokenAdd { .. } => "operator token add",
            Self::OperatorTokenConfirm { .. } => "operator token confirm",
            Self::OperatorTokenRemove { .. } => "operator token remove",
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
            Self::LogIn(ask) => &ask.name,
            Self::OperatorAdd(ask) => &ask.name,
            Self::OperatorSet(ask) => &ask.name,
            Self::OperatorUnlock { name }
            | Self::OperatorRemove { name }
            | Self::OperatorTokenAdd { name }
            | Self::OperatorTokenConfirm { name, .. }
            | Self::OperatorTokenRemove { name } => name,
            Self::EntraShow { domain } => domain.as_deref().unwrap_or_default(),
            Self::Ping
            | Self::Status
            | Self::ClientList
            | Self::UserList(_)
            | Self::ImportBatch(_)
            | Self::TimeShow
            | Self::TimeConfirm
            | Self::Log(_)
            | Self::LogVerify
            | Self::Knocks
            | Self::Network
            | Self::Hello
            | Self::LogOut
            | Self::Stay
            | Self::Watch
            | Self::OperatorList
            | Self::OperatorPassword { .. } => "",
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
            | Self::Explain { .. }
            | Self::Knocks
            | Self::Network
            | Self::Hello
            | Self::LogIn(_)
            | Self::LogOut
            | Self::Stay
            | Self::Watch
            | Self::OperatorPassword { .. } => Role::Auditor,
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
            | Self::TimeConfirm
            | Self::OperatorAdd(_)
            | Self::OperatorList
            | Self::OperatorSet(_)
            | Self::OperatorUnlock { .. }
            | Self::OperatorRemove { .. }
            | Self::OperatorTokenAdd { .. }
            | Self::OperatorTokenConfirm { .. }
            | Self::OperatorTokenRemove { .. } => Role::Installer,
        }
    }

    /// Whether it changes something or asks a directory: such requests go on record even where they are refused (R23).
    pub fn on_record(&self) -> bool {
        match self {
            Self::OperatorPassword { .. } => true,
            // A look that is not everybody's.
            Self::OperatorList => false,
            _ => self.needs() != Role::Auditor,
        }
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
    /// To [`Request::ClientAdd`], and to [`Request::ClientSet`] that made a secret.
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
    /// To [`Request::Knocks`].
    Knocks(KnockList),
    /// To [`Request::Network`].
    Network(NetworkReport),
    /// To [`Request::Hello`].
    Hello(Hello),
    /// To [`Request::LogIn`].
    Session(Session),
    /// To [`Request::Watch`], and unasked afterwards.
    Moved(Moved),
    /// Unasked after [`Request::Watch`]: the session has ended.
    Ended {
        /// Why, in plain words, one line.
        why: String,
    },
    /// To [`Request::OperatorAdd`], [`Request::OperatorSet`] and the token requests.
    Operator(OperatorInfo),
    /// To [`Request::OperatorList`].
    Operators(OperatorList),
    /// To [`Request::OperatorTokenAdd`].
    OperatorToken(OperatorTokenMade),
    /// Done, and one line of what was done.
    Done {
        /// Plain words, without a full stop: "anna@contoso.example is disabled".
        done: String,
    },
}
