//! Backup and restore as operations: what is asked and answered. A file goes over the socket in pieces: whoever called opened it, with
//! their own rights, and posternd never does (R25).

use serde::{Deserialize, Serialize};

use super::wire;
use crate::secret::Secret;
use crate::store::records::{Role, Timestamp};

/// Most bytes of a file in one frame.
pub const PIECE_MAX: usize = 512 * 1024;

/// What is asked. Reading, sending and looking go with the ticket that the first request gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum BackupRequest {
    /// Make a backup. Answer: [`BackupAnswer::Made`].
    Make(BackupMake),
    /// A piece of it. Answer: [`BackupAnswer::Piece`]; the last one ends it.
    Read {
        /// Which.
        ticket: String,
        /// From this byte on.
        offset: u64,
    },
    /// A file is to be restored: it will be sent. Answer: [`BackupAnswer::Ticket`].
    Send {
        /// How large it is.
        bytes: u64,
    },
    /// A piece of it. Answer: [`BackupAnswer::Ticket`].
    Piece {
        /// To which.
        ticket: String,
        /// Where it goes; the pieces come in order.
        offset: u64,
        /// Its bytes, which are sealed.
        #[serde(with = "wire::bytes")]
        bytes: Secret,
    },
    /// The file is whole: prove it. Nothing is changed yet. Answer: [`BackupAnswer::Holds`].
    Look {
        /// Which.
        ticket: String,
        /// The file's passphrase.
        #[serde(with = "wire::bytes")]
        passphrase: Secret,
    },
    /// What was proven takes the place of everything in the box, and posternd starts anew. Answer: [`super::Answer::Done`].
    Restore(RestoreNow),
    /// Forget it. Answer: [`super::Answer::Done`].
    Drop {
        /// Which.
        ticket: String,
    },
}

/// A backup is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupMake {
    /// The installer whose password it is; at the console the one who is logged in. Root at `control.sock` needs neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// That installer's password.
    #[serde(default, with = "wire::bytes::option", skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// What the file is sealed under.
    #[serde(with = "wire::bytes")]
    pub passphrase: Secret,
}

/// A restore is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreNow {
    /// Of [`BackupRequest::Send`], looked at.
    pub ticket: String,
    /// At `control.sock` the installer whose password it is; root needs none, and at a console the login was enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// That installer's password.
    #[serde(default, with = "wire::bytes::option", skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
}

impl BackupRequest {
    /// The operation's word in the audit log, as on the command line.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Make(_) | Self::Read { .. } => "backup",
            _ => "restore",
        }
    }

    /// What it is done to, for the audit log.
    pub fn target(&self) -> &str {
        match self {
            Self::Make(BackupMake { operator, .. }) | Self::Restore(RestoreNow { operator, .. }) => {
                operator.as_deref().unwrap_or_default()
            }
            _ => "",
        }
    }

    /// The least role that may ask for it.
    pub fn needs(&self) -> Role {
        Role::Installer
    }

    /// What goes on record: secrets that leave, and a box that becomes another. The pieces between them belong to one of the two.
    pub fn on_record(&self) -> bool {
        matches!(self, Self::Make(_) | Self::Restore(_))
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupAnswer {
    /// To [`BackupRequest::Make`]: it can be read.
    Made(BackupMade),
    /// To [`BackupRequest::Read`].
    Piece {
        /// Sealed.
        #[serde(with = "wire::bytes")]
        bytes: Secret,
    },
    /// To [`BackupRequest::Send`] and [`BackupRequest::Piece`].
    Ticket {
        /// For what comes next.
        ticket: String,
        /// Bytes that have come.
        received: u64,
    },
    /// To [`BackupRequest::Look`].
    Holds(BackupHolds),
}

impl BackupAnswer {
    /// What forgets that which this answer goes on with: for an answer that nobody waits for any more.
    pub fn given_up(&self) -> Option<BackupRequest> {
        let ticket = match self {
            Self::Made(made) => &made.ticket,
            Self::Ticket { ticket, .. } => ticket,
            Self::Piece { .. } | Self::Holds(_) => return None,
        };
        let ticket = ticket.clone();
        Some(BackupRequest::Drop { ticket })
    }
}

/// A backup that waits to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupMade {
    /// For [`BackupRequest::Read`].
    pub ticket: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// What is in it.
    pub holds: BackupHolds,
}

/// Which of this box's own logs go on from those in a backup: each for itself, since one may be broken and the other whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoesOn {
    /// The log of logins: it stays, and tells which codes were spent since.
    pub logins: bool,
    /// The operators' log: it stays with the operators as they are, and what was disabled or removed since stays so.
    pub operators: bool,
}

impl GoesOn {
    /// The backup is of this box, and both logs are whole.
    pub const BOTH: Self = Self {
        logins: true,
        operators: true,
    };
    /// It is of another box, or of another past of this one.
    pub const NONE: Self = Self {
        logins: false,
        operators: false,
    };

    /// What becomes of the logs and the operators, in words for people.
    pub fn words(self) -> &'static str {
        match (self.logins, self.operators) {
            (true, true) => {
                "It is of this box, and its logs go on from it: logs and operators stay as they are now, and what was disabled or \
                 removed since stays so."
            }
            (false, true) => {
                "It is of this box, whose log of logins does not go on from it, and gives way: codes up to now count no more, and \
                 counter tokens wait for a resync. The operators and their log stay, and what was disabled or removed since stays so."
            }
            (true, false) => {
                "It is of this box, whose log of operators does not go on from it, and gives way with the operators: who was disabled \
                 or removed since is let in again. Look through users, clients and operators afterwards. The log of logins stays."
            }
            (false, false) => {
                "It is of another box, or of another past of this one: everything here goes, the logs and the operators too. Log in \
                 afterwards as one of the operators named above. Counter tokens then wait for a resync."
            }
        }
    }
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupHolds {
    /// The box it was made on.
    pub host: String,
    /// When.
    #[serde(with = "wire::when")]
    pub made: Timestamp,
    /// The posternd that made it.
    pub version: String,
    /// Users.
    pub users: u64,
    /// Their tokens.
    pub tokens: u64,
    /// RADIUS clients.
    pub clients: u64,
    /// Operators who can log in after it.
    pub operators: Vec<String>,
    /// Which of this box's own logs go on from it, and stay.
    pub goes_on: GoesOn,
    /// Its log was not whole when it was made.
    pub damaged: bool,
    /// How the machine was set that it was made on, line by line; a restore sets none of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub machine: Vec<String>,
}

impl BackupHolds {
    /// What whoever restores it on another box is to set there, in a sentence.
    pub fn machine_words(&self) -> Option<String> {
        match self.goes_on {
            GoesOn::NONE => crate::backup::machine::sentence(&self.machine),
            _ => None,
        }
    }
}
