//! What operators ask of the machine. In: a request whose asker's right was checked; out: what postern-host answered, or one line. Not
//! every box has one: on a Debian box of somebody's own the system's tools set the machine.

use std::sync::Arc;

use super::common::Target;
use super::entry::blank;
use super::export::installer;
use super::{Inner, broken};
use crate::audit::OperatorAct;
use crate::control::ops::{Answer, Failure};
use crate::control::peer::Peer;
use crate::host::client;
use crate::host::ops::{Ask, HostRequest};
use crate::secret::Secret;

/// What the record before a factory reset says; how the helper took it follows in another one.
const RESET_BEGINS: &str = "begins: everything is deleted at the next start";

impl Inner {
    /// A change of the machine, as long as the operator may still ask for it and it can be put on record.
    pub(super) async fn host(
        self: &Arc<Self>,
        by: &Peer,
        ask: HostRequest,
        target: &mut Target,
    ) -> Result<Answer, Failure> {
        let ask = match ask {
            HostRequest::FactoryReset { operator, password } => self.may_reset(by, operator, password).await?,
            other => other,
        };
        let (inner, peer, needs, word) = (Arc::clone(self), by.clone(), ask.needs(), ask.word());
        let still = tokio::task::spawn_blocking(move || inner.still(&peer, needs, word));
        still.await.unwrap_or_else(|_| Err(broken()))?;
        if matches!(ask, HostRequest::FactoryReset { .. }) {
            self.begin_reset(by, word, target).await?;
        }
        self.host_asked(ask).await
    }

    /// R25: emptying the box asks for an installer's password, as an export does. It goes no further than here.
    async fn may_reset(
        &self,
        by: &Peer,
        operator: Option<String>,
        password: Option<Secret>,
    ) -> Result<HostRequest, Failure> {
        const NAMELESS: &str =
            "a factory reset asks for an installer's password: name the installer with --operator NAME";
        let Ok(_place) = self.door.staff.checks.acquire().await else {
            return Err(broken());
        };
        let (door, by) = (Arc::clone(&self.door), by.clone());
        let checked = tokio::task::spawn_blocking(move || {
            match installer(&door, &by, operator.as_deref(), password.as_ref(), NAMELESS)? {
                Some(proven) if !proven.stands(&door) => {
                    Err(Failure::refused("the operator was changed just now: try again"))
                }
                _ => Ok(()),
            }
        });
        checked.await.unwrap_or_else(|_| Err(broken()))?;
        Ok(HostRequest::FactoryReset {
            operator: None,
            password: None,
        })
    }

    /// The record of a reset comes first: the helper restarts the box, and there may be no time for one afterwards.
    async fn begin_reset(self: &Arc<Self>, by: &Peer, word: &str, target: &mut Target) -> Result<(), Failure> {
        let act = OperatorAct {
            operator: by.operator.clone(),
            line: by.line.clone(),
            target: RESET_BEGINS.to_owned(),
            ..blank(by.uid, word)
        };
        self.record(act).await?;
        target.begun = true;
        Ok(())
    }

    /// A look at the machine.
    pub(super) async fn host_asked(&self, ask: HostRequest) -> Result<Answer, Failure> {
        let socket = self.host.clone();
        let answered = tokio::task::spawn_blocking(move || client::ask(&socket, &Ask::Operator(ask)));
        answered.await.unwrap_or_else(|_| Err(broken())).map(Answer::Host)
    }
}
