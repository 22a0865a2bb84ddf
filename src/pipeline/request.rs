//! From a verified packet to a login. In: [`Verified`]; out: [`Login`], which owns what the later stages need, so that the datagram's
//! bytes may go. Decodes, and decides nothing.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use zeroize::Zeroize;

use super::again::LoginKey;
use super::clients::ClientEntry;
use super::receive::{Arrival, Verified};
use crate::audit::{Attempt, DirectorySaid, Method, Outcome, Reason, Spent, Stages};
use crate::guard::{Station, Subject};
use crate::radius::credential::Credential;
use crate::radius::kinds;
use crate::radius::packet::Packet;
use crate::radius::password::decode_user_password;
use crate::seal::Sealer;
use crate::secret::Secret;
use crate::store::records::{Charset, Timestamp, UserId};
use crate::text::{shown, shown_bytes};

/// What came where a password belongs.
#[derive(Debug)]
pub enum Given {
    /// PAP: the field, in UTF-8.
    Field(Secret),
    /// PAP that does not decode, or is no text (R5).
    Unreadable,
    /// Something else.
    Other(Method),
}

/// What is known of a login so far, for its audit record.
#[derive(Clone, Debug)]
pub struct Trace {
    /// When the packet came.
    pub wall: Timestamp,
    /// The same by the monotonic clock.
    pub at: Instant,
    /// Where from.
    pub source: IpAddr,
    /// The client.
    pub client: Arc<ClientEntry>,
    /// The name as far as it is known, shown text.
    pub name: String,
    /// The user, once known.
    pub user: Option<UserId>,
    /// Calling-Station-Id, shown text.
    pub station: String,
    /// NAS-Identifier or NAS-IP-Address, shown text.
    pub nas: String,
    /// What was passed.
    pub stages: Stages,
    /// What the directory said.
    pub directory: Option<DirectorySaid>,
    /// What was spent.
    pub spent: Option<Spent>,
    /// Whom guards count, once known.
    pub subject: Option<Subject>,
    /// Where guards count it.
    pub place: Station,
    /// The first step's place in the memory of logins, where this one answers its challenge.
    pub answers: Option<LoginKey>,
}

impl Trace {
    /// The audit record of a decision.
    pub fn attempt(&self, outcome: Outcome, reason: Reason, now: Instant) -> Attempt {
        Attempt {
            at: self.wall,
            took_ms: u32::try_from(now.saturating_duration_since(self.at).as_millis()).unwrap_or(u32::MAX),
            user: self.user,
            name: self.name.clone(),
            client: Some(self.client.record.id),
            client_name: self.client.record.name.clone(),
            source: Some(self.source),
            station: self.station.clone(),
            nas: self.nas.clone(),
            outcome,
            reason,
            stages: self.stages,
            directory: self.directory.clone(),
            spent: self.spent,
            count: 1,
        }
    }

    /// One more stage passed.
    pub fn passed(&mut self, stage: Stages) {
        self.stages = self.stages.and(stage);
    }
}

/// A login, before anything of it was believed.
#[derive(Debug)]
pub struct Login {
    /// For the record.
    pub trace: Trace,
    /// User-Name as it came.
    pub(super) name: Vec<u8>,
    /// The credential.
    pub(super) given: Given,
    /// State, if there was one.
    pub(super) state: Option<Vec<u8>>,
    /// Where lockouts count it.
    pub(super) station: Station,
    /// R9: keyed hash of everything but the name, which is canonical only later; none without Calling-Station-Id.
    pub(super) identity: Option<[u8; 32]>,
}

/// Reads the login out of a verified Access-Request.
pub fn login(verified: &Verified<'_>, arrival: &Arrival, sealer: &Sealer) -> Login {
    let (packet, client) = (verified.packet(), verified.client());
    let station = packet
        .first(kinds::CALLING_STATION_ID)
        .filter(|value| !value.is_empty());
    let station_shown = station.map(shown_bytes).unwrap_or_default();
    let given = given(packet, client);
    let identity = station.map(|_| identity(packet, client, &given, sealer));
    let place = match station {
        Some(_) => Station::Calling(station_key(&station_shown, sealer)),
        None => Station::Client(client.record.id),
    };
    Login {
        trace: Trace {
            wall: arrival.wall,
            at: arrival.at,
            source: arrival.source.ip(),
            client: Arc::clone(client),
            name: packet.first(kinds::USER_NAME).map(shown_bytes).unwrap_or_default(),
            user: None,
            nas: nas(packet),
            stages: Stages::SHAPE.and(Stages::CLIENT).and(Stages::AUTHENTICATOR),
            directory: None,
            spent: None,
            station: station_shown,
            subject: None,
            place,
            answers: None,
        },
        name: packet.first(kinds::USER_NAME).unwrap_or_default().to_vec(),
        given,
        state: packet.first(kinds::STATE).map(<[u8]>::to_vec),
        station: place,
        identity,
    }
}

/// How lockouts name a calling station: by its shown text, letters folded, so that the journal's records lead to the same key.
pub fn station_key(shown: &str, sealer: &Sealer) -> u64 {
    first_u64(&sealer.keyed_hash("station", shown.to_lowercase().as_bytes()))
}

/// The first eight bytes of a hash as a number.
pub fn first_u64(hash: &[u8; 32]) -> u64 {
    hash.iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte))
}

fn given(packet: &Packet<'_>, client: &ClientEntry) -> Given {
    match Credential::of(packet) {
        Credential::Pap(value) => {
            let Ok(field) = decode_user_password(value, packet.authenticator(), &client.secret) else {
                return Given::Unreadable;
            };
            match client.record.charset {
                Charset::Utf8 if field.expose_str().is_some() => Given::Field(field),
                Charset::Utf8 => Given::Unreadable,
                Charset::Latin1 => {
                    let mut text: String = field.expose().iter().map(|byte| char::from(*byte)).collect();
                    let secret = Secret::new(text.as_bytes().to_vec());
                    text.zeroize();
                    Given::Field(secret)
                }
            }
        }
        Credential::Chap => Given::Other(Method::Chap),
        Credential::MsChap | Credential::MsChapV2 => Given::Other(Method::MsChap),
        Credential::Eap => Given::Other(Method::Eap),
        Credential::None => Given::Other(Method::Missing),
    }
}

fn identity(packet: &Packet<'_>, client: &ClientEntry, given: &Given, sealer: &Sealer) -> [u8; 32] {
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(256));
    bytes.extend_from_slice(&client.record.id.0.to_be_bytes());
    let parts = [
        kinds::NAS_IDENTIFIER,
        kinds::NAS_IP_ADDRESS,
        kinds::CALLING_STATION_ID,
        kinds::STATE,
    ];
    for value in parts.map(|kind| packet.first(kind)) {
        // Absent and empty differ.
        bytes.push(u8::from(value.is_some()));
        bytes.extend_from_slice(&(value.unwrap_or_default().len() as u64).to_be_bytes());
        bytes.extend_from_slice(value.unwrap_or_default());
    }
    match given {
        Given::Field(field) => bytes.extend_from_slice(field.expose()),
        Given::Unreadable | Given::Other(_) => bytes.extend_from_slice(packet.authenticator()),
    }
    sealer.keyed_hash("login", &bytes)
}

/// NAS-Identifier or NAS-IP-Address, shown text.
pub(super) fn nas(packet: &Packet<'_>) -> String {
    if let Some(name) = packet.first(kinds::NAS_IDENTIFIER).filter(|value| !value.is_empty()) {
        return shown_bytes(name);
    }
    match packet
        .first(kinds::NAS_IP_ADDRESS)
        .and_then(|value| <[u8; 4]>::try_from(value).ok())
    {
        Some(address) => shown(&Ipv4Addr::from(address).to_string()),
        None => String::new(),
    }
}
