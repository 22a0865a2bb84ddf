//! Many wrong users from one client: an alarm, and rejects to that client leave later. Nobody else is locked out by it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use parking_lot::Mutex;

use crate::store::records::{ClientId, Timestamp};

/// Different names refused for their name or code from one client within [`WRONG_USERS_WINDOW`] that raise the alarm.
pub const WRONG_USERS_ALARM: usize = 30;
/// The time in which they count together.
pub const WRONG_USERS_WINDOW: Duration = Duration::from_secs(10 * 60);
/// By how much an Access-Reject to such a client is slowed, beside its reject delay: noticed by a guesser, within the 5 s that
/// Meraki and FortiGate wait.
pub const SLOWED_BY: Duration = Duration::from_secs(2);
const NAMES_KEPT: usize = 1_000;

struct Watched {
    since: Timestamp,
    names: HashSet<u64>,
    slowed_until: Timestamp,
}

/// The watch over all clients.
#[derive(Default)]
pub struct ClientWatch {
    clients: Mutex<HashMap<ClientId, Watched>>,
}

impl ClientWatch {
    /// A name was refused (unknown, or a wrong code). `name` is a keyed hash. True once, when the alarm is due.
    pub fn refused(&self, client: ClientId, name: u64, now: Timestamp) -> bool {
        let mut clients = self.clients.lock();
        let watched = clients.entry(client).or_insert_with(|| Watched {
            since: now,
            names: HashSet::new(),
            slowed_until: Timestamp(0),
        });
        if now.since(watched.since) >= WRONG_USERS_WINDOW {
            watched.since = now;
            watched.names.clear();
        }
        if watched.names.len() < NAMES_KEPT {
            watched.names.insert(name);
        }
        if watched.names.len() >= WRONG_USERS_ALARM {
            let first = watched.slowed_until <= now;
            watched.slowed_until = now.plus(WRONG_USERS_WINDOW);
            return first;
        }
        false
    }

    /// What an Access-Reject to this client waits beside its reject delay.
    pub fn slowed(&self, client: ClientId, now: Timestamp) -> Duration {
        match self.clients.lock().get(&client) {
            Some(watched) if watched.slowed_until > now => SLOWED_BY,
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn r17_many_wrong_users_slow_their_client_only() {
        let watch = ClientWatch::default();
        let now = Timestamp(1_800_000_000_000);
        let mut alarms = 0;
        for name in 0..100 {
            alarms += u32::from(watch.refused(ClientId(1), name, now));
        }
        assert_eq!(alarms, 1);
        assert_eq!(watch.slowed(ClientId(1), now), SLOWED_BY);
        assert_eq!(watch.slowed(ClientId(2), now), Duration::ZERO);
        assert_eq!(watch.slowed(ClientId(1), now.plus(WRONG_USERS_WINDOW)), Duration::ZERO);
    }

    #[test]
    fn one_user_with_many_failures_is_no_flood() {
        let watch = ClientWatch::default();
        let now = Timestamp(1_800_000_000_000);
        assert!((0..500).all(|_| !watch.refused(ClientId(1), 7, now)));
    }
}
