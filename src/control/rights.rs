//! What each operation is called on record, what it is done to, who may ask for it, and whether it goes on record. One table each, so
//! that no operation can be without.

use super::ops::Request;
use super::peer::Role;
use crate::host::ops::HostRequest;

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
            Self::TokenProgram(_) => "token program",
            Self::TokenWritten { .. } => "token written",
            Self::TokenClockSet { .. } => "token clock",
            Self::SerialShow { .. } => "token serial",
            Self::TokenAssign(_) => "token assign",
            Self::UnassignedList(_) => "token unassigned",
            Self::UnassignedRemove { .. } => "token forget",
            Self::HardwareList(_) => "token hardware",
            Self::DriftList => "token drift",
            Self::DriftShow { .. } => "token drift",
            Self::Export(_) => "export",
            Self::MoltoKeySet { .. } => "token molto-key",
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
            Self::Backup(ask) => ask.word(),
            Self::Host(ask) => ask.word(),
        }
    }

    /// What it is done to, for the audit log: a user's, client's, operator's or domain's name as typed; empty where there is none.
    pub fn target(&self) -> &str {
        match self {
            Self::ClientAdd(ask) => &ask.name,
            Self::ClientSet(ask) => &ask.name,
            Self::UserAdd(ask) => &ask.name,
            Self::UserSet(ask) => &ask.name,
            Self::TokenAdd(ask) => &ask.user,
            Self::TokenProgram(ask) => &ask.user,
            Self::TokenAssign(ask) => &ask.user,
            Self::SerialShow { serial } | Self::UnassignedRemove { serial, .. } => serial,
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
            | Self::TokenWritten { user, .. }
            | Self::TokenClockSet { user, .. }
            | Self::DriftShow { user, .. }
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
            Self::Backup(ask) => ask.target(),
            Self::Host(ask) => ask.target(),
            Self::Export(ask) => ask.operator.as_deref().unwrap_or_default(),
            Self::Ping
            | Self::Status
            | Self::ClientList
            | Self::UserList(_)
            | Self::ImportBatch(_)
            | Self::UnassignedList(_)
            | Self::HardwareList(_)
            | Self::DriftList
            | Self::MoltoKeySet { .. }
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
            | Self::SerialShow { .. }
            | Self::UnassignedList(_)
            | Self::HardwareList(_)
            | Self::DriftList
            | Self::DriftShow { .. }
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
            Self::Backup(ask) => ask.needs(),
            Self::Host(ask) => ask.needs(),
            // A password or an exemption is a matter of policy, not of enrolling somebody.
            Self::UserAdd(ask) if ask.exempt || ask.password.is_some() => Role::Installer,
            Self::UserAdd(_)
            | Self::UserUnlock { .. }
            | Self::UserBypass { .. }
            | Self::TokenAdd(_)
            | Self::TokenConfirm { .. }
            | Self::TokenResync { .. }
            | Self::TokenRemove { .. }
            | Self::TokenProgram(_)
            | Self::TokenWritten { .. }
            | Self::TokenClockSet { .. }
            | Self::TokenAssign(_) => Role::Helpdesk,
            Self::ClientAdd(_)
            | Self::ClientSet(_)
            | Self::ClientRemove { .. }
            | Self::UserSet(_)
            | Self::UserDisable { .. }
            | Self::UserEnable { .. }
            | Self::UserRemove { .. }
            | Self::ImportBatch(_)
            | Self::UnassignedRemove { .. }
            | Self::Export(_)
            | Self::MoltoKeySet { .. }
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
            Self::Backup(ask) => ask.on_record(),
            // A look that is not everybody's.
            Self::OperatorList | Self::Host(HostRequest::Sticks) => false,
            _ => self.needs() != Role::Auditor,
        }
    }
}
