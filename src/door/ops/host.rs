//! What operators ask of the machine. In: a request whose asker's right was checked; out: what postern-host answered, or one line. Not
//! every box has one: on a Debian box of somebody's own the system's tools set the machine. A clock that an operator has set by hand is
//! confirmed by it (R19).

use std::path::Path;
use std::sync::Arc;

use super::{Inner, broken, status};
use crate::control::ops::{Answer, Failure};
use crate::control::peer::Peer;
use crate::host::client;
use crate::host::ops::{Ask, HOST_SOCKET, HostRequest};

impl Inner {
    /// A change of the machine, as long as the operator may still ask for it and it can be put on record.
    pub(super) async fn host(self: &Arc<Self>, by: &Peer, ask: HostRequest) -> Result<Answer, Failure> {
        let (inner, by, needs, word) = (Arc::clone(self), by.clone(), ask.needs(), ask.word());
        let may = tokio::task::spawn_blocking(move || inner.still(&by, needs, word));
        may.await.unwrap_or_else(|_| Err(broken()))?;
        let set = matches!(ask, HostRequest::ClockSet { .. });
        let answer = self.host_asked(ask).await?;
        if set {
            let inner = Arc::clone(self);
            let confirmed = tokio::task::spawn_blocking(move || status::confirm_time(&inner.door));
            confirmed.await.unwrap_or_else(|_| Err(broken()))?;
        }
        Ok(answer)
    }

    /// A look at the machine.
    pub(super) async fn host_asked(&self, ask: HostRequest) -> Result<Answer, Failure> {
        let asked = tokio::task::spawn_blocking(move || client::ask(Path::new(HOST_SOCKET), &Ask::Operator(ask)));
        asked.await.unwrap_or_else(|_| Err(broken())).map(Answer::Host)
    }
}
