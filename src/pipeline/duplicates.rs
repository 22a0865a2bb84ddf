//! Duplicates of a datagram (R7, RFC 5080 2.2.2). In: verified datagrams; out: whether this one is fresh, a twin of one in flight, or
//! was answered already, with the stored reply. Entered only after verification, so that nobody without the shared secret fills it.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A stored reply is given again for this long (R7).
pub const REPLY_KEPT: Duration = Duration::from_secs(30);
/// Most datagrams remembered, oldest out first (R7).
pub const DATAGRAMS_KEPT: usize = 100_000;

/// Whose datagram: source address and port, listening socket, identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Source address and port.
    pub source: SocketAddr,
    /// Number of the listening socket.
    pub socket: u16,
    /// The address that was asked.
    pub local: Option<IpAddr>,
    /// RADIUS identifier.
    pub identifier: u8,
}

/// What to do with a datagram.
#[derive(Debug)]
pub enum Seen {
    /// Not seen: go on, and [`Duplicates::finish`] with the [`Entry`].
    Fresh(Entry),
    /// Its twin is in flight; the twin's reply answers both.
    InFlight,
    /// Answered already: send this again.
    Answered(Arc<[u8]>),
}

/// The place a fresh datagram holds until it is answered or dropped.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    key: Key,
    number: u64,
}

struct Held {
    number: u64,
    hash: [u8; 16],
    at: Instant,
    reply: Option<Arc<[u8]>>,
}

#[derive(Default)]
struct Inner {
    held: HashMap<Key, Held>,
    order: VecDeque<(Instant, Key, u64)>,
    next: u64,
}

/// The memory of datagrams.
#[derive(Default)]
pub struct Duplicates {
    inner: Mutex<Inner>,
}

impl Duplicates {
    /// Meets a verified datagram. `hash` is over all its bytes. A different datagram with the same identifier from the same port
    /// takes the place of the older one, whose reply nobody awaits any more.
    pub fn meet(&self, key: Key, hash: [u8; 16], now: Instant) -> Seen {
        let mut guard = self.inner.lock();
        let inner = &mut *guard;
        inner.expire(now);
        if let Some(held) = inner.held.get(&key)
            && held.hash == hash
        {
            return match &held.reply {
                None => Seen::InFlight,
                Some(reply) => Seen::Answered(Arc::clone(reply)),
            };
        }
        inner.next += 1;
        let number = inner.next;
        inner.held.insert(
            key,
            Held {
                number,
                hash,
                at: now,
                reply: None,
            },
        );
        inner.order.push_back((now, key, number));
        Seen::Fresh(Entry { key, number })
    }

    /// The reply was made: keeps it. False if another datagram has taken the place: then the reply is not to be sent.
    pub fn finish(&self, entry: Entry, reply: &Arc<[u8]>) -> bool {
        match self.inner.lock().held.get_mut(&entry.key) {
            Some(held) if held.number == entry.number => {
                held.reply = Some(Arc::clone(reply));
                true
            }
            // Pushed out by the limit: nobody took its place, so the client still waits.
            None => true,
            Some(_) => false,
        }
    }

    /// Nothing will be sent: the same datagram again is fresh.
    pub fn forget(&self, entry: Entry) {
        let mut inner = self.inner.lock();
        if inner
            .held
            .get(&entry.key)
            .is_some_and(|held| held.number == entry.number)
        {
            inner.held.remove(&entry.key);
        }
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.inner.lock().held.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Inner {
    fn expire(&mut self, now: Instant) {
        while let Some((at, key, number)) = self.order.front().copied() {
            let old = now.saturating_duration_since(at) >= REPLY_KEPT;
            if !old && self.order.len() < DATAGRAMS_KEPT {
                break;
            }
            self.order.pop_front();
            if self
                .held
                .get(&key)
                .is_some_and(|held| held.number == number && held.at == at)
            {
                self.held.remove(&key);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn key(identifier: u8) -> Key {
        Key {
            source: "192.0.2.1:1024".parse().unwrap(),
            socket: 0,
            local: None,
            identifier,
        }
    }

    fn reply(n: u8) -> Arc<[u8]> {
        Arc::from([n].as_slice())
    }

    #[test]
    fn r7_a_twin_in_flight_joins_and_a_later_one_gets_the_stored_reply() {
        let d = Duplicates::default();
        let now = Instant::now();
        let Seen::Fresh(entry) = d.meet(key(1), [1; 16], now) else {
            panic!()
        };
        assert!(matches!(d.meet(key(1), [1; 16], now), Seen::InFlight));
        assert!(d.finish(entry, &reply(7)));
        let Seen::Answered(bytes) = d.meet(key(1), [1; 16], now + Duration::from_secs(29)) else {
            panic!()
        };
        assert_eq!(&*bytes, &[7]);
        assert!(matches!(d.meet(key(1), [1; 16], now + REPLY_KEPT), Seen::Fresh(_)));
    }

    #[test]
    fn r7_a_different_datagram_with_the_identifier_takes_its_place() {
        let d = Duplicates::default();
        let now = Instant::now();
        let Seen::Fresh(old) = d.meet(key(1), [1; 16], now) else {
            panic!()
        };
        let Seen::Fresh(new) = d.meet(key(1), [2; 16], now) else {
            panic!()
        };
        assert!(!d.finish(old, &reply(1)), "nobody waits for the old one");
        assert!(d.finish(new, &reply(2)));
    }

    #[test]
    fn r7_other_port_socket_or_address_is_another_datagram() {
        let d = Duplicates::default();
        let now = Instant::now();
        for other in [
            Key {
                source: "192.0.2.1:1025".parse().unwrap(),
                ..key(1)
            },
            Key { socket: 1, ..key(1) },
            Key {
                local: Some("127.0.0.2".parse().unwrap()),
                ..key(1)
            },
            key(1),
        ] {
            assert!(matches!(d.meet(other, [1; 16], now), Seen::Fresh(_)));
        }
    }

    #[test]
    fn r7_at_most_a_hundred_thousand() {
        let d = Duplicates::default();
        let now = Instant::now();
        for n in 0..DATAGRAMS_KEPT as u32 + 500 {
            let k = Key {
                source: SocketAddr::from((n.to_be_bytes(), 1812)),
                ..key(1)
            };
            assert!(matches!(d.meet(k, [1; 16], now), Seen::Fresh(_)));
        }
        assert!(d.len() <= DATAGRAMS_KEPT);
        let oldest = Key {
            source: SocketAddr::from((0u32.to_be_bytes(), 1812)),
            ..key(1)
        };
        assert!(matches!(d.meet(oldest, [1; 16], now), Seen::Fresh(_)));
    }

    #[test]
    fn a_dropped_request_is_fresh_again() {
        let d = Duplicates::default();
        let now = Instant::now();
        let Seen::Fresh(entry) = d.meet(key(1), [1; 16], now) else {
            panic!()
        };
        d.forget(entry);
        assert!(matches!(d.meet(key(1), [1; 16], now), Seen::Fresh(_)));
    }
}
