//! Who asks, and what they may. In: a connection on one of the two sockets (R24); out: a [`Peer`] with [`Rights`], without which
//! no operation runs. Rights cannot be made outside this room: the server makes them from the socket's door, or from the role of an
//! operator whom posternd has checked on that connection.

use std::future::Future;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::operators::{Hello, LogIn, Moved, OperatorAdd, Session};
use super::ops::{Answer, Failure, FailureKind, Request};
pub use crate::store::records::Role;

/// Which socket the peer came through (R24).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// `control.sock`: the file's permissions decided, its peers are installers.
    Control,
    /// `console.sock`: its peers have no right until an operator has logged in.
    Console,
}

/// A role that was checked. Only the server can make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    role: Role,
}

impl Rights {
    /// What the door alone gives: everything at `control.sock`, nothing at `console.sock`.
    pub(in crate::control) fn by_door(door: Door) -> Option<Self> {
        match door {
            Door::Control => Some(Self { role: Role::Installer }),
            Door::Console => None,
        }
    }

    /// Of an operator whom posternd has checked on this connection (R24).
    pub(in crate::control) fn of_operator(role: Role) -> Self {
        Self { role }
    }

    /// For the tests of those who perform operations.
    #[cfg(test)]
    pub fn for_test(role: Role) -> Self {
        Self { role }
    }

    /// The role.
    pub fn role(self) -> Role {
        self.role
    }

    /// Whether the role is enough for the request.
    ///
    /// # Errors
    /// [`FailureKind::NotAllowed`] with the role that is needed.
    pub fn allow(self, request: &Request) -> Result<(), Failure> {
        enough(self.role, request.needs(), request.word())
    }
}

/// Whether a role is enough for what needs another.
///
/// # Errors
/// [`FailureKind::NotAllowed`] with the role that is needed.
pub fn enough(role: Role, needs: Role, word: &str) -> Result<(), Failure> {
    if role >= needs {
        return Ok(());
    }
    let whom = match needs {
        Role::Auditor => "an auditor",
        Role::Helpdesk => "the helpdesk or an installer",
        Role::Installer => "an installer",
    };
    Err(Failure::new(
        FailureKind::NotAllowed,
        format!("{word} is for {whom}: ask one to do it"),
    ))
}

/// Who asks. It exists only with rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The uid that the kernel names (SO_PEERCRED); 65534 from inside a user namespace. For the record, never for a decision (R24).
    pub uid: u32,
    /// Through which socket.
    pub door: Door,
    /// The operator who logged in on this connection; empty at `control.sock`.
    pub operator: String,
    /// The line that the operator's console stands on, shown text; empty at `control.sock`.
    pub line: String,
    /// The number of the operator's seat; 0 at `control.sock`.
    pub seat: u64,
    /// What the peer may.
    pub rights: Rights,
}

/// How an operator who logged in stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Name.
    pub operator: String,
    /// The console's line, shown text.
    pub line: String,
    /// The seat's number.
    pub seat: u64,
    /// The role as it is now.
    pub role: Role,
    /// A code is asked at the login.
    pub token: bool,
    /// Whether the clock is trusted now (R19).
    pub clock_trusted: bool,
}

/// The daemon's side: performs what the server has let through. The server has checked the peer's rights already.
pub trait Operations: Send + Sync + 'static {
    /// An operator who was checked, as long as the session stands; given up when it is dropped.
    type Seat: Send + Sync + 'static;

    /// Performs one operation. It runs to its end even if the peer goes away; a change that waits for another one is done only if
    /// its operator's session stands when its turn comes (R24).
    ///
    /// # Errors
    /// [`Failure`]: one plain line.
    fn perform(&self, by: &Peer, request: Request) -> impl Future<Output = Result<Answer, Failure>> + Send;

    /// What anybody at a socket may know.
    fn hello(&self) -> Hello;

    /// Checks an operator's name, password and code. It runs to its end, and is on record, even if the peer goes away.
    ///
    /// # Errors
    /// [`Failure`]: one plain line that does not say which of them was wrong.
    fn log_in(&self, uid: u32, ask: LogIn) -> impl Future<Output = Result<(Self::Seat, Session), Failure>> + Send;

    /// Makes the first operator, who is logged in by it.
    ///
    /// # Errors
    /// There is one already, or this cannot be one.
    fn first(&self, uid: u32, ask: OperatorAdd) -> impl Future<Output = Result<(Self::Seat, Session), Failure>> + Send;

    /// How the operator stands now.
    ///
    /// # Errors
    /// Why the session is over, in plain words: removed, disabled, another role, another password.
    fn standing(&self, seat: &Self::Seat) -> Result<Standing, String>;

    /// Puts on record that a session is over, and why.
    fn left(&self, uid: u32, seat: Self::Seat, why: &str) -> impl Future<Output = ()> + Send;

    /// Puts on record that a request was refused by the operator's role (R23).
    fn refused(&self, by: &Peer, request: &Request, failure: &Failure);

    /// What has moved so far.
    fn moved(&self) -> Moved;

    /// Without a sign of its operator, a session ends after this.
    fn idle(&self) -> Duration;
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn r24_the_console_door_gives_nothing() {
        assert_eq!(Rights::by_door(Door::Console), None);
        assert_eq!(Rights::by_door(Door::Control).unwrap().role(), Role::Installer);
    }

    #[test]
    fn roles_are_a_ladder() {
        let name = || "anna@contoso.example".to_owned();
        let look = Request::UserShow { name: name() };
        let help = Request::UserUnlock { name: name() };
        let change = Request::UserRemove { name: name() };
        let may = |role, request: &Request| Rights::for_test(role).allow(request).is_ok();
        for (role, expected) in [
            (Role::Auditor, [true, false, false]),
            (Role::Helpdesk, [true, true, false]),
            (Role::Installer, [true, true, true]),
        ] {
            assert_eq!(
                [may(role, &look), may(role, &help), may(role, &change)],
                expected,
                "{role:?}"
            );
        }
        let refused = Rights::for_test(Role::Auditor).allow(&help).unwrap_err();
        assert_eq!(refused.kind, FailureKind::NotAllowed);
        assert_eq!(refused.exit_status(), 1);
    }
}
