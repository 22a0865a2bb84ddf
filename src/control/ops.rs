//! Every operation of the box as a type: what may be asked, what is answered, and how it fails. The daemon performs them
//! (`peer::Operations`); the command line and the console send them.

use serde::{Deserialize, Serialize};

use super::answers::{
    BypassCode, ChainReport, ClientInfo, ClientList, ClientMade, ClockReport, DriftHistory, DriftList, Explanation,
    ExportPage, HardwareList, ImportReport, KnockList, LogPage, NetworkReport, Pong, ProveReport, SerialReport,
    StatusReport, TenantInfo, TenantList, TestReport, TokenInfo, TokenList, TokenMade, TokenProgramming,
    UnassignedList, UserInfo, UserList,
};
use super::asks::{
    ClientAdd, ClientSet, DirectoryLogin, EntraSet, ExportAsk, HardwareAsk, ImportBatch, LogAsk, PageAsk, TokenAdd,
    TokenAssign, TokenProgram, UserAdd, UserSearch, UserSet,
};
use super::backup::{BackupAnswer, BackupRequest};
use super::operators::{
    Hello, LogIn, Moved, OperatorAdd, OperatorInfo, OperatorList, OperatorSet, OperatorTokenMade, Session,
};
use crate::host::ops::{HostAnswer, HostRequest};
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
    /// A new seed for a hardware token that lies on a reader, as a pending token; what this user had pending for the same token goes.
    /// Refused while the clock is not trusted. Answer: [`Answer::TokenProgramming`].
    TokenProgram(TokenProgram),
    /// The hardware token has taken the seed: now a code may confirm it. Answer: [`Answer::Token`].
    TokenWritten {
        /// Whose.
        user: String,
        /// Which.
        id: TokenId,
    },
    /// The clock of a hardware token was set to this box's: what was learned of its drift is void. Answer: [`Answer::Token`].
    TokenClockSet {
        /// Whose.
        user: String,
        /// Which.
        id: TokenId,
    },
    /// What the box knows of a serial number. Answer: [`Answer::Serial`].
    SerialShow {
        /// As printed on the token, or as the token says.
        serial: String,
    },
    /// A vendor's token from the drawer becomes a user's: pending, until its code confirms it. Answer: [`Answer::Token`].
    TokenAssign(TokenAssign),
    /// Tokens that nobody has yet. Answer: [`Answer::Unassigned`].
    UnassignedList(PageAsk),
    /// Forget a token that nobody has. Answer: [`Answer::Done`].
    UnassignedRemove {
        /// Its serial number.
        serial: String,
        /// Its model, where two makers print the same number.
        model: Option<String>,
    },
    /// Hardware tokens that users have. Answer: [`Answer::Hardware`].
    HardwareList(HardwareAsk),
    /// Tokens whose clocks leave the window within 60 days. Answer: [`Answer::Drift`].
    DriftList,
    /// How one token's clock went, login by login. Answer: [`Answer::DriftHistory`].
    DriftShow {
        /// Whose.
        user: String,
        /// Which.
        id: TokenId,
    },
    /// Seeds of the tokens that this box programmed (R25). Answer: [`Answer::Export`].
    Export(ExportAsk),
    /// The customer key of this house's Molto-2 tokens, from now on. Answer: [`Answer::Done`].
    MoltoKeySet {
        /// The key; none: the maker's.
        #[serde(
            default,
            with = "super::wire::bytes::option",
            skip_serializing_if = "Option::is_none"
        )]
        key: Option<Secret>,
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
    /// Backup and restore. Answer: [`Answer::Backup`], or [`Answer::Done`].
    Backup(BackupRequest),
    /// What the machine is asked: network, name, time, power, sticks, updates, on the appliance. Answer: [`Answer::Host`].
    Host(HostRequest),
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
    /// To requests that leave one token changed: [`Request::TokenConfirm`], [`Request::TokenResync`], [`Request::TokenWritten`],
    /// [`Request::TokenClockSet`], [`Request::TokenAssign`].
    Token(Box<TokenInfo>),
    /// To [`Request::TokenList`].
    Tokens(TokenList),
    /// To [`Request::TokenProgram`].
    TokenProgramming(Box<TokenProgramming>),
    /// To [`Request::SerialShow`].
    Serial(SerialReport),
    /// To [`Request::UnassignedList`].
    Unassigned(UnassignedList),
    /// To [`Request::HardwareList`].
    Hardware(HardwareList),
    /// To [`Request::DriftList`].
    Drift(DriftList),
    /// To [`Request::DriftShow`].
    DriftHistory(DriftHistory),
    /// To [`Request::Export`].
    Export(ExportPage),
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
    /// To [`Request::Backup`].
    Backup(BackupAnswer),
    /// To [`Request::Host`].
    Host(HostAnswer),
    /// Done, and one line of what was done.
    Done {
        /// Plain words, without a full stop: "anna@contoso.example is disabled".
        done: String,
    },
}
