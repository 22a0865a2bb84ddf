//! What operators ask of the machine. In: a request whose asker's right was checked; out: what postern-host answered, or one line. Not
//! every box has one: on a Debian box of somebody's own the system's tools set the machine.

use super::Inner;
use crate::control::ops::{Answer, Failure};
use crate::control::peer::Peer;
use crate::host::ops::HostRequest;

impl Inner {
    /// A change of the machine, as long as the operator may still ask for it and it can be put on record.
    pub(super) async fn host(&self, by: &Peer, ask: HostRequest) -> Result<Answer, Failure> {
        self.still(by, ask.needs(), ask.word())?;
        self.host_asked(ask).await
    }

    /// A look at the machine.
    pub(super) async fn host_asked(&self, _ask: HostRequest) -> Result<Answer, Failure> {
        Err(Failure::failed(
            "this box is no appliance (postern-host does not run): set its network, clock and name with the system's own tools",
        ))
    }
}
