//! The table of clients as the packet's way needs it: by source address, longest prefix first, shared secrets made ready. In: the
//! store's records; out: a [`ClientEntry`] for an address. Rebuilt as a whole when a record changes.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::seen::Seen;
use crate::control::ClientSeen;
use crate::radius::shared_secret::SharedSecret;
use crate::secret::Secret;
use crate::store::records::{Client, ClientId, Net, Timestamp};

/// One client on the packet's way.
pub struct ClientEntry {
    /// Its record; the shared secret in it is only for whoever shows or seals it.
    pub record: Client,
    /// The same secret, ready for HMAC.
    pub secret: SharedSecret,
    /// Whether this is the box asking itself (watchdog).
    pub is_probe: bool,
    live: Arc<Live>,
}

/// What lives on while records change.
#[derive(Default)]
struct Live {
    in_flight: AtomicU32,
    last_packet: AtomicU64,
    alarmed: AtomicBool,
    seen: Seen,
}

impl std::fmt::Debug for ClientEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientEntry({})", self.record.name)
    }
}

/// A place among a client's requests in flight (R8); given back when dropped.
pub struct Slot(Arc<Live>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ClientEntry {
    /// Takes a place, unless the client has as many requests in flight as its record allows.
    pub fn slot(&self) -> Option<Slot> {
        if self.live.in_flight.fetch_add(1, Ordering::Relaxed) >= self.record.in_flight {
            self.live.in_flight.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Slot(Arc::clone(&self.live)))
    }

    /// A verified packet came. True if the client's alarm is to be cleared.
    pub fn saw_packet(&self, at: Timestamp) -> bool {
        self.live.last_packet.store(at.0, Ordering::Relaxed);
        self.live.alarmed.load(Ordering::Relaxed) && self.live.alarmed.swap(false, Ordering::Relaxed)
    }

    /// What it was seen to send.
    pub fn seen(&self) -> &Seen {
        &self.live.seen
    }

    /// A packet came that could not be verified. True if an alarm is due.
    pub fn saw_bad(&self) -> bool {
        !self.live.alarmed.swap(true, Ordering::Relaxed)
    }
}

/// All clients, by source.
#[derive(Default)]
pub struct ClientTable {
    /// Prefix lengths that occur, longest first, IPv4 and IPv6 apart.
    lengths: [Vec<u8>; 2],
    nets: HashMap<Net, Arc<ClientEntry>>,
    live: HashMap<ClientId, Arc<Live>>,
    probes: Vec<(SocketAddr, Arc<ClientEntry>)>,
}

impl ClientTable {
    /// The table of these records; requests in flight are carried over from the older one.
    pub fn new(records: &[Client], older: &ClientTable) -> Self {
        let mut table = Self {
            probes: older.probes.clone(),
            ..Self::default()
        };
        for record in records {
            let live = older.live.get(&record.id).cloned().unwrap_or_default();
            table.live.insert(record.id, Arc::clone(&live));
            let entry = ClientEntry {
                secret: SharedSecret::new(&record.secret),
                record: record.clone(),
                is_probe: false,
                live,
            };
            table.nets.insert(normal(record.net), Arc::new(entry));
        }
        for net in table.nets.keys() {
            if let Some(lengths) = table.lengths.get_mut(usize::from(net.address.is_ipv6()))
                && !lengths.contains(&net.length)
            {
                lengths.push(net.length);
            }
        }
        for lengths in &mut table.lengths {
            lengths.sort_unstable_by(|a, b| b.cmp(a));
        }
        table
    }

    /// The same table with the box itself as a client, at one address and port only.
    #[must_use]
    pub fn with_probe(mut self, source: SocketAddr, secret: Secret, like: Client) -> Self {
        let entry = ClientEntry {
            secret: SharedSecret::new(&secret),
            record: like,
            is_probe: true,
            live: Arc::default(),
        };
        self.probes.push((source, Arc::new(entry)));
        self
    }

    /// Whose address this is: the longest prefix. An IPv4-mapped source matches IPv4 clients (R8).
    pub fn find(&self, source: SocketAddr) -> Option<Arc<ClientEntry>> {
        if let Some((_, entry)) = self.probes.iter().find(|(probe, _)| *probe == source) {
            return Some(Arc::clone(entry));
        }
        let address = source.ip().to_canonical();
        let lengths = self.lengths.get(usize::from(address.is_ipv6()))?;
        lengths
            .iter()
            .find_map(|length| self.nets.get(&mask(address, *length)))
            .cloned()
    }

    /// By number.
    pub fn last_packet(&self, id: ClientId) -> Option<Timestamp> {
        let at = self.live.get(&id)?.last_packet.load(Ordering::Relaxed);
        (at != 0).then_some(Timestamp(at))
    }

    /// What a client was seen to send, by number.
    pub fn seen(&self, id: ClientId) -> ClientSeen {
        self.live.get(&id).map(|live| live.seen.told()).unwrap_or_default()
    }

    /// How many records.
    pub fn len(&self) -> usize {
        self.nets.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nets.is_empty()
    }
}

fn normal(net: Net) -> Net {
    mask(net.address, net.length)
}

/// The network of `length` bits that the address lies in.
pub fn mask(address: IpAddr, length: u8) -> Net {
    let length32 = u32::from(length);
    let address = match address {
        IpAddr::V4(a) => {
            IpAddr::from((a.to_bits() & u32::MAX.checked_shl(32 - length32.min(32)).unwrap_or(0)).to_be_bytes())
        }
        IpAddr::V6(a) => {
            IpAddr::from((a.to_bits() & u128::MAX.checked_shl(128 - length32.min(128)).unwrap_or(0)).to_be_bytes())
        }
    };
    Net { address, length }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
pub(crate) mod tests {
    use super::*;
    use crate::store::records::*;

    pub(crate) fn client(id: u64, net: &str) -> Client {
        let (address, length) = net.split_once('/').unwrap();
        Client {
            id: ClientId(id),
            name: format!("client{id}"),
            net: Net {
                address: address.parse().unwrap(),
                length: length.parse().unwrap(),
            },
            secret: "secret".into(),
            mode: Mode::Append,
            first: First::Entra,
            require_message_authenticator: true,
            order: Order::PasswordCode,
            delimiter: None,
            unmatched: Unmatched::Refuse,
            reject_delay: REJECT_DELAY,
            deadline: DEADLINE,
            unavailable: Unavailable::Reject,
            prompt: PROMPT.to_owned(),
            challenge_timeout: CHALLENGE_TIMEOUT,
            charset: Charset::Utf8,
            in_flight: 2,
            created: Timestamp(1),
            generation: 1,
        }
    }

    fn found(table: &ClientTable, source: &str) -> Option<u64> {
        table.find(source.parse().unwrap()).map(|entry| entry.record.id.0)
    }

    #[test]
    fn r8_longest_prefix_and_mapped_sources() {
        let records = [
            client(1, "0.0.0.0/0"),
            client(2, "192.0.2.0/24"),
            client(3, "192.0.2.7/32"),
            client(4, "2001:db8::/32"),
            client(5, "2001:db8::1/128"),
        ];
        let table = ClientTable::new(&records, &ClientTable::default());
        assert_eq!(found(&table, "198.51.100.1:1"), Some(1));
        assert_eq!(found(&table, "192.0.2.8:1"), Some(2));
        assert_eq!(found(&table, "192.0.2.7:1"), Some(3));
        assert_eq!(found(&table, "[::ffff:192.0.2.7]:1"), Some(3));
        assert_eq!(found(&table, "[2001:db8::2]:1"), Some(4));
        assert_eq!(found(&table, "[2001:db8::1]:1"), Some(5));
        assert_eq!(found(&table, "[2001:db9::1]:1"), None);
    }

    #[test]
    fn r8_the_limit_in_flight_survives_a_change_of_the_record() {
        let older = ClientTable::new(&[client(1, "192.0.2.7/32")], &ClientTable::default());
        let entry = older.find("192.0.2.7:1".parse().unwrap()).unwrap();
        let slots: Vec<_> = (0..2).map(|_| entry.slot().unwrap()).collect();
        assert!(entry.slot().is_none());
        let newer = ClientTable::new(&[client(1, "192.0.2.7/32")], &older);
        let entry = newer.find("192.0.2.7:1".parse().unwrap()).unwrap();
        assert!(entry.slot().is_none());
        drop(slots);
        assert!(entry.slot().is_some());
    }
}
