//! The appliance's firewall follows the clients. In: a word that they changed; out: who may send RADIUS, told to postern-host, again and
//! again until it is loaded. Where there is no postern-host nothing is done: a firewall of somebody's own is not touched.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::Door;
use super::alarms::Grave;
use crate::host::client;
use crate::host::ops::{Ask, Firewall};

/// After a failure it is tried again, later each time.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Who is told that the clients changed.
#[derive(Default)]
pub struct Wall(Notify);

impl Wall {
    /// They did.
    pub fn changed(&self) {
        self.0.notify_one();
    }
}

impl Door {
    /// Who may send RADIUS now.
    fn wall(&self) -> Firewall {
        let listening = self.listening.lock().clone();
        let mut ports: Vec<u16> = listening
            .auth
            .iter()
            .chain(&listening.acct)
            .map(|one| one.port())
            .collect();
        ports.sort_unstable();
        ports.dedup();
        Firewall {
            ports,
            clients: self.store.clients().iter().map(|client| client.net).collect(),
        }
    }

    /// Keeps the firewall, until the task is dropped.
    pub async fn keep_firewall(self: Arc<Self>, socket: PathBuf) {
        let mut loaded: Option<Firewall> = None;
        let mut wait = FIRST_WAIT;
        loop {
            let wanted = self.wall();
            if loaded.as_ref() == Some(&wanted) || !socket.exists() {
                self.firewall.0.notified().await;
                continue;
            }
            let (place, ask) = (socket.clone(), Ask::Firewall(wanted.clone()));
            let answer = tokio::task::spawn_blocking(move || client::ask(&place, &ask)).await;
            match answer {
                Ok(Ok(_)) => {
                    tracing::info!(clients = wanted.clients.len(), "the firewall is loaded");
                    self.alarms.clear("firewall");
                    (loaded, wait) = (Some(wanted), FIRST_WAIT);
                }
                Ok(Err(failure)) => {
                    tracing::warn!("the firewall does not follow the clients: {failure}");
                    // The first failure may be a helper that is just starting.
                    if wait > FIRST_WAIT {
                        self.raise(
                            "firewall",
                            Grave::Some,
                            format!("The firewall does not follow the clients: {failure}"),
                            "Restart the box if it stays so",
                            crate::clock::wall(),
                        );
                    }
                    let _ = tokio::time::timeout(wait, self.firewall.0.notified()).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                // The runtime ends.
                Err(_) => return,
            }
        }
    }
}
