//! The firewall of the appliance knows the clients. In: the client records, each time they change; out: word to postern-host, again and
//! again until it has taken it. On a box without postern-host nothing is sent: the firewall there is its owner's.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Door;
use crate::host::client;
use crate::host::ops::{Ask, Firewall};

/// After a try that failed, doubled up to [`RETRY_MAX`].
const RETRY: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// Where there is no postern-host it is looked for this often: its socket may come later.
const LOOK: Duration = Duration::from_secs(10);

impl Door {
    /// Keeps the firewall as the clients are. Never ends.
    pub async fn keep_firewall(self: Arc<Self>, socket: PathBuf) {
        let mut retry = RETRY;
        loop {
            let wanted = self.firewall();
            let path = socket.clone();
            let told = tokio::task::spawn_blocking(move || {
                client::is_there(&path).then(|| client::ask(&path, &Ask::Firewall(wanted)))
            });
            let wait = match told.await {
                Ok(Some(Ok(_))) => {
                    retry = RETRY;
                    None
                }
                Ok(Some(Err(failure))) => {
                    tracing::warn!("the firewall does not know the clients yet: {failure}");
                    let wait = retry;
                    retry = (retry * 2).min(RETRY_MAX);
                    Some(wait)
                }
                Ok(None) | Err(_) => Some(LOOK),
            };
            match wait {
                None => self.clients_moved.notified().await,
                Some(wait) => {
                    let _ = tokio::time::timeout(wait, self.clients_moved.notified()).await;
                }
            }
        }
    }

    /// What is to be let in now.
    fn firewall(&self) -> Firewall {
        let listening = self.listening.lock();
        let mut ports: Vec<u16> = listening
            .auth
            .iter()
            .chain(&listening.acct)
            .map(|address| address.port())
            .collect();
        drop(listening);
        ports.sort_unstable();
        ports.dedup();
        let clients = self.store.clients().iter().map(|client| client.net).collect();
        Firewall { ports, clients }
    }
}
