//! What is dropped before it is verified: counted, one record and log line an hour for each cause and source, and the last knocks
//! kept for whoever looks for a gateway that does not get in. In: causes and sources; out: whether to say it now, and the list.
//! Bounded, since anybody may send anything.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::audit::Reason;
use crate::store::records::Timestamp;

/// One line for each cause and source in this time.
pub const LINE_EVERY: Duration = Duration::from_secs(3600);
/// Sources remembered; IPv6 by /64. The oldest goes first.
pub const SOURCES_KEPT: usize = 256;

type Key = (Discriminant<Reason>, IpAddr);

/// Datagrams from one source that were dropped for one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knocked {
    /// Why.
    pub reason: Reason,
    /// The source; of IPv6 its /64.
    pub network: IpAddr,
    /// The source of the last one.
    pub source: IpAddr,
    /// The client whose address it is; empty for none.
    pub client: String,
    /// The first.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
    /// How many.
    pub count: u64,
    at: Instant,
}

#[derive(Default)]
struct Inner {
    said: HashMap<Key, Instant>,
    knocks: HashMap<Key, Knocked>,
    /// The same from addresses of clients: no flood of invented sources pushes one out.
    clients: HashMap<Key, Knocked>,
}

/// What was said of whom, and who knocked.
#[derive(Default)]
pub struct Drops {
    inner: Mutex<Inner>,
    moves: AtomicU64,
}

impl Drops {
    /// Whether to say now that a datagram from `source` was dropped for `cause`.
    pub fn say(&self, cause: &Reason, source: IpAddr, now: Instant) -> bool {
        let key = (discriminant(cause), by_network(source));
        let mut inner = self.inner.lock();
        if let Some(at) = inner.said.get(&key)
            && now.saturating_duration_since(*at) < LINE_EVERY
        {
            return false;
        }
        if inner.said.len() >= SOURCES_KEPT && !inner.said.contains_key(&key) {
            // A flood of invented sources must not become a flood of lines: only what has aged makes room.
            let oldest = inner.said.iter().min_by_key(|(_, at)| **at);
            match oldest.map(|(key, at)| (*key, *at)) {
                Some((old, at)) if now.saturating_duration_since(at) >= Duration::from_secs(10) => {
                    inner.said.remove(&old);
                }
                _ => return false,
            }
        }
        inner.said.insert(key, now);
        true
    }

    /// Keeps a knock. Among strangers those make room first that knocked once, or not within the hour; of those, who knocked last
    /// longest ago. The addresses of clients have a list of their own.
    pub fn knock(&self, reason: &Reason, source: IpAddr, client: Option<&str>, at: Instant, wall: Timestamp) {
        self.moves.fetch_add(1, Ordering::Relaxed);
        let network = by_network(source);
        let key = (discriminant(reason), network);
        let client = client.unwrap_or_default();
        let mut inner = self.inner.lock();
        let Inner { knocks, clients, .. } = &mut *inner;
        let knocks = if client.is_empty() { knocks } else { clients };
        if let Some(known) = knocks.get_mut(&key) {
            (known.source, known.last, known.at) = (source, wall, at);
            known.count = known.count.saturating_add(1);
            if known.client != client {
                client.clone_into(&mut known.client);
            }
            return;
        }
        if knocks.len() >= SOURCES_KEPT {
            let again = |one: &Knocked| one.count > 1 && at.saturating_duration_since(one.at) < LINE_EVERY;
            let oldest = knocks.iter().min_by_key(|(_, one)| (again(one), one.at));
            let oldest = oldest.map(|(key, _)| *key);
            if let Some(oldest) = oldest {
                knocks.remove(&oldest);
            }
        }
        let new = Knocked {
            reason: reason.clone(),
            network,
            source,
            client: client.to_owned(),
            first: wall,
            last: wall,
            count: 1,
            at,
        };
        knocks.insert(key, new);
    }

    /// Who knocked, the newest first.
    pub fn knocks(&self) -> Vec<Knocked> {
        let inner = self.inner.lock();
        let mut all: Vec<Knocked> = inner.knocks.values().chain(inner.clients.values()).cloned().collect();
        drop(inner);
        all.sort_by_key(|one| std::cmp::Reverse(one.at));
        all
    }

    /// Grows with every knock.
    pub fn moves(&self) -> u64 {
        self.moves.load(Ordering::Relaxed)
    }
}

/// An IPv4 address as it is, an IPv6 address by its /64: who has one of those has them all.
pub fn by_network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn one_line_an_hour_for_each_cause_and_source() {
        let d = Drops::default();
        let now = Instant::now();
        let a: IpAddr = "192.0.2.1".parse().unwrap();
        assert!(d.say(&Reason::WrongSecret, a, now));
        assert!(!d.say(&Reason::WrongSecret, a, now));
        assert!(d.say(&Reason::Malformed, a, now));
        assert!(d.say(&Reason::WrongSecret, a, now + LINE_EVERY));
        let (x, y): (IpAddr, IpAddr) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        assert!(d.say(&Reason::WrongSecret, x, now));
        assert!(!d.say(&Reason::WrongSecret, y, now));
    }

    #[test]
    fn a_flood_of_sources_is_not_a_flood_of_lines() {
        let d = Drops::default();
        let now = Instant::now();
        let lines = (0..100_000u32)
            .filter(|n| d.say(&Reason::UnknownClient, IpAddr::from(n.to_be_bytes()), now))
            .count();
        assert_eq!(lines, SOURCES_KEPT);
    }

    #[test]
    fn knocks_are_counted_by_cause_and_network_and_stand_newest_first() {
        let d = Drops::default();
        let begun = Instant::now();
        let knock = |ms: u64, reason: &Reason, source: &str, client: Option<&str>| {
            let at = begun + Duration::from_millis(ms);
            d.knock(reason, source.parse().unwrap(), client, at, Timestamp(1000 + ms));
        };
        knock(1, &Reason::UnknownClient, "2001:db8:0:1::7", None);
        knock(2, &Reason::UnknownClient, "192.0.2.1", None);
        knock(3, &Reason::WrongSecret, "192.0.2.1", Some("vpn"));
        knock(4, &Reason::UnknownClient, "2001:db8:0:1::9", None);
        let all = d.knocks();
        let told: Vec<_> = all
            .iter()
            .map(|k| (k.network.to_string(), k.source.to_string(), k.client.as_str(), k.count))
            .collect();
        let own = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let ((a, b), (c, e)) = (own("2001:db8:0:1::", "2001:db8:0:1::9"), own("192.0.2.1", "192.0.2.1"));
        assert_eq!(told, [(a, b, "", 2), (c.clone(), e.clone(), "vpn", 1), (c, e, "", 1)]);
        assert_eq!((all[0].first, all[0].last), (Timestamp(1001), Timestamp(1004)));
        assert_eq!(d.moves(), 4);
    }

    #[test]
    fn a_source_that_knocks_again_and_a_client_s_outlast_a_flood_of_invented_ones() {
        let d = Drops::default();
        let begun = Instant::now();
        let gateway: IpAddr = "192.0.2.1".parse().unwrap();
        let client: IpAddr = "192.0.2.2".parse().unwrap();
        d.knock(&Reason::WrongSecret, client, Some("vpn"), begun, Timestamp(0));
        for n in 0..10_000u32 {
            let at = begun + Duration::from_millis(u64::from(n));
            let source = IpAddr::from((0x0a00_0000 + n).to_be_bytes());
            d.knock(&Reason::UnknownClient, source, None, at, Timestamp(u64::from(n)));
            if n < 200 && n % 100 == 0 {
                d.knock(&Reason::UnknownClient, gateway, None, at, Timestamp(u64::from(n)));
            }
        }
        let all = d.knocks();
        assert_eq!(all.len(), SOURCES_KEPT + 1);
        assert_eq!(all.iter().find(|one| one.source == gateway).unwrap().count, 2);
        assert!(all.iter().any(|one| one.source == client), "a client's address stays");
    }
}
