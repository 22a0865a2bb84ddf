//! What is dropped before it is verified: counted, and one record and log line an hour for each cause and source. In: causes and
//! sources; out: whether to say it now. Bounded, since anybody may send anything.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// One line for each cause and source in this time.
pub const LINE_EVERY: Duration = Duration::from_secs(3600);
/// Sources remembered; IPv6 by /64. The oldest goes first.
pub const SOURCES_KEPT: usize = 256;

#[derive(Default)]
struct Inner {
    said: HashMap<(String, IpAddr), Instant>,
}

/// What was said of whom.
#[derive(Default)]
pub struct Drops(Mutex<Inner>, AtomicU64);

impl Drops {
    /// Grows with every datagram that is dropped.
    pub fn moves(&self) -> u64 {
        self.1.load(Ordering::Relaxed)
    }

    /// Whether to say now that a datagram from `source` was dropped for `cause`.
    pub fn say(&self, cause: &str, source: IpAddr, now: Instant) -> bool {
        self.1.fetch_add(1, Ordering::Relaxed);
        let key = (cause.to_owned(), by_network(source));
        let mut inner = self.0.lock();
        if let Some(at) = inner.said.get(&key)
            && now.saturating_duration_since(*at) < LINE_EVERY
        {
            return false;
        }
        if inner.said.len() >= SOURCES_KEPT && !inner.said.contains_key(&key) {
            // A flood of invented sources must not become a flood of lines: only what has aged makes room.
            let oldest = inner
                .said
                .iter()
                .min_by_key(|(_, at)| **at)
                .map(|(key, at)| (key.clone(), *at));
            match oldest {
                Some((old, at)) if now.saturating_duration_since(at) >= Duration::from_secs(10) => {
                    inner.said.remove(&old);
                }
                _ => return false,
            }
        }
        inner.said.insert(key, now);
        true
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
        assert!(d.say("wrong-secret", a, now));
        assert!(!d.say("wrong-secret", a, now));
        assert!(d.say("malformed", a, now));
        assert!(d.say("wrong-secret", a, now + LINE_EVERY));
        let (x, y): (IpAddr, IpAddr) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        assert!(d.say("wrong-secret", x, now));
        assert!(!d.say("wrong-secret", y, now));
    }

    #[test]
    fn a_flood_of_sources_is_not_a_flood_of_lines() {
        let d = Drops::default();
        let now = Instant::now();
        let lines = (0..100_000u32)
            .filter(|n| d.say("unknown-client", IpAddr::from(n.to_be_bytes()), now))
            .count();
        assert_eq!(lines, SOURCES_KEPT);
    }
}
