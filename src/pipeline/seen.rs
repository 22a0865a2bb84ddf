//! What a client was seen to send, for whoever sets a gateway up. In: packets on their way; out: the last of each trait. In memory
//! since the start; a few relaxed atomics on the packet's way, and a lock only where the gateway's name becomes another one.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::request::nas;
use crate::audit::Reason;
use crate::control::ClientSeen;
use crate::radius::credential::Credential;
use crate::radius::kinds;
use crate::radius::packet::Packet;
use crate::store::records::Timestamp;

/// An Access-Request came at all.
const ASKED: u8 = 1;
const PROTECTED: u8 = 1 << 1;
const STATION: u8 = 1 << 2;
const STATUS_SERVER: u8 = 1 << 3;
/// The method in the upper half.
const METHOD: u8 = 4;
/// By the number in the flags; 0 before the first one.
const METHODS: [&str; 6] = ["", "PAP", "CHAP", "MS-CHAP", "EAP", "none"];

/// Of one client.
#[derive(Default)]
pub struct Seen {
    flags: AtomicU8,
    /// A hash of the gateway's name, which changes seldom.
    named: AtomicU64,
    hasher: RandomState,
    nas: Mutex<String>,
    wrong_secret: Drop,
    unprotected: Drop,
}

#[derive(Default)]
struct Drop {
    count: AtomicU64,
    last: AtomicU64,
}

impl Drop {
    fn add(&self, at: Timestamp) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.last.store(at.0, Ordering::Relaxed);
    }

    fn told(&self) -> (u64, Option<Timestamp>) {
        let last = self.last.load(Ordering::Relaxed);
        let count = self.count.load(Ordering::Relaxed);
        (count, (last != 0).then_some(Timestamp(last)))
    }
}

impl Seen {
    /// A verified packet.
    pub fn packet(&self, packet: &Packet<'_>) {
        match packet.code() {
            kinds::ACCESS_REQUEST => {}
            kinds::STATUS_SERVER => {
                self.flags.fetch_or(STATUS_SERVER, Ordering::Relaxed);
                return;
            }
            _ => return,
        }
        let has = |kind| packet.first(kind).is_some_and(|value| !value.is_empty());
        let method: u8 = match Credential::of(packet) {
            Credential::Pap(_) => 1,
            Credential::Chap => 2,
            Credential::MsChap | Credential::MsChapV2 => 3,
            Credential::Eap => 4,
            Credential::None => 5,
        };
        let bit = |bit, set| if set { bit } else { 0 };
        let flags = ASKED
            | bit(PROTECTED, has(kinds::MESSAGE_AUTHENTICATOR))
            | bit(STATION, has(kinds::CALLING_STATION_ID))
            | method << METHOD;
        self.put(flags);
        let name = (packet.first(kinds::NAS_IDENTIFIER), packet.first(kinds::NAS_IP_ADDRESS));
        let hash = self.hasher.hash_one(name) | 1;
        if self.named.load(Ordering::Relaxed) != hash {
            *self.nas.lock() = nas(packet);
            self.named.store(hash, Ordering::Relaxed);
        }
    }

    /// A packet that could not be verified.
    pub fn dropped(&self, reason: &Reason, at: Timestamp) {
        match reason {
            Reason::WrongSecret => self.wrong_secret.add(at),
            Reason::NoMessageAuthenticator | Reason::UnprotectedProxy => self.unprotected.add(at),
            _ => {}
        }
    }

    /// For people.
    pub fn told(&self) -> ClientSeen {
        let flags = self.flags.load(Ordering::Relaxed);
        let asked = |bit| (flags & ASKED != 0).then_some(flags & bit != 0);
        let (wrong_secret, wrong_secret_last) = self.wrong_secret.told();
        let (unprotected, unprotected_last) = self.unprotected.told();
        // Only Access-Requests that came without one are dropped for it.
        let protected = asked(PROTECTED).or((unprotected > 0).then_some(false));
        ClientSeen {
            message_authenticator: protected,
            method: METHODS
                .get(usize::from(flags >> METHOD))
                .copied()
                .unwrap_or_default()
                .to_owned(),
            calling_station: asked(STATION),
            nas: self.nas.lock().clone(),
            status_server: flags & STATUS_SERVER != 0,
            wrong_secret,
            wrong_secret_last,
            unprotected,
            unprotected_last,
        }
    }

    /// What is as it was is not written: the cores would fight over it.
    fn put(&self, flags: u8) {
        let before = self.flags.load(Ordering::Relaxed);
        if before & !STATUS_SERVER != flags {
            self.flags.store(flags | before & STATUS_SERVER, Ordering::Relaxed);
        }
    }
}
