//! A RADIUS client of the tests' own, made from RFC 2865 and RFC 3579 and nothing else: it can also say what is wrong on purpose.
//! Every reply is checked: Response Authenticator, and Message-Authenticator as the first attribute (R6).

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use md5::{Digest, Md5};

pub const ACCESS_REQUEST: u8 = 1;
pub const ACCEPT: u8 = 2;
pub const REJECT: u8 = 3;
pub const CHALLENGE: u8 = 11;
pub const STATUS_SERVER: u8 = 12;

pub const USER_NAME: u8 = 1;
pub const USER_PASSWORD: u8 = 2;
pub const REPLY_MESSAGE: u8 = 18;
pub const STATE: u8 = 24;
pub const CALLING_STATION: u8 = 31;
pub const NAS_IDENTIFIER: u8 = 32;
pub const PROXY_STATE: u8 = 33;
pub const EAP_MESSAGE: u8 = 79;
pub const MESSAGE_AUTHENTICATOR: u8 = 80;

/// How long a reply may take: the default reject delay, a slow directory and a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long nothing must come until it counts as silence.
pub const SILENCE: Duration = Duration::from_millis(700);

/// One attribute of a request, as it will be when the secret is known.
#[derive(Clone, Debug)]
enum Attr {
    Raw(u8, Vec<u8>),
    Password(Vec<u8>),
    Signed,
    WronglySigned,
}

/// A request before it is written.
#[derive(Clone, Debug)]
pub struct Request {
    pub code: u8,
    pub id: u8,
    pub authenticator: [u8; 16],
    attrs: Vec<Attr>,
}

/// 16 bytes that were not there before.
fn fresh() -> [u8; 16] {
    let mut bytes = [0; 16];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).unwrap();
    bytes
}

fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

fn hmac_md5(secret: &[u8], bytes: &[u8]) -> [u8; 16] {
    let mut mac = <Hmac<Md5> as Mac>::new_from_slice(secret).unwrap();
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

impl Request {
    /// An Access-Request, signed, without anything else.
    pub fn access() -> Request {
        Request::unsigned().signed()
    }

    /// An Access-Request without Message-Authenticator.
    pub fn unsigned() -> Request {
        static ID: AtomicU64 = AtomicU64::new(0);
        Request {
            code: ACCESS_REQUEST,
            id: ID.fetch_add(1, Ordering::Relaxed) as u8,
            authenticator: fresh(),
            attrs: Vec::new(),
        }
    }

    /// A signed login.
    pub fn login(user: &str, password: &str) -> Request {
        Request::access().user(user).password(password.as_bytes())
    }

    pub fn code(mut self, code: u8) -> Request {
        self.code = code;
        self
    }

    pub fn attr(mut self, kind: u8, value: &[u8]) -> Request {
        self.attrs.push(Attr::Raw(kind, value.to_vec()));
        self
    }

    pub fn user(self, name: &str) -> Request {
        self.attr(USER_NAME, name.as_bytes())
    }

    pub fn password(mut self, password: &[u8]) -> Request {
        self.attrs.push(Attr::Password(password.to_vec()));
        self
    }

    pub fn station(self, station: &str) -> Request {
        self.attr(CALLING_STATION, station.as_bytes())
    }

    pub fn signed(mut self) -> Request {
        self.attrs.push(Attr::Signed);
        self
    }

    pub fn wrongly_signed(mut self) -> Request {
        self.attrs.push(Attr::WronglySigned);
        self
    }

    /// The datagram. A password is padded with NULs to a multiple of 16 (RFC 2865 5.2); at least one block.
    pub fn bytes(&self, secret: &[u8]) -> Vec<u8> {
        let mut out = vec![self.code, self.id, 0, 0];
        out.extend(self.authenticator);
        let mut signatures = Vec::new();
        for attr in &self.attrs {
            match attr {
                Attr::Raw(kind, value) => push(&mut out, *kind, value),
                Attr::Password(plain) => {
                    let hidden = hide(plain, secret, &self.authenticator);
                    push(&mut out, USER_PASSWORD, &hidden);
                }
                Attr::Signed | Attr::WronglySigned => {
                    push(&mut out, MESSAGE_AUTHENTICATOR, &[0; 16]);
                    signatures.push((out.len() - 16, matches!(attr, Attr::Signed)));
                }
            }
        }
        let length = u16::try_from(out.len()).unwrap();
        out[2..4].copy_from_slice(&length.to_be_bytes());
        let mac = hmac_md5(secret, &out);
        for (at, right) in signatures {
            out[at..at + 16].copy_from_slice(&mac);
            out[at] ^= u8::from(!right);
        }
        out
    }
}

fn push(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    out.push(kind);
    out.push(u8::try_from(value.len() + 2).unwrap());
    out.extend(value);
}

/// RFC 2865 5.2.
pub fn hide(plain: &[u8], secret: &[u8], authenticator: &[u8; 16]) -> Vec<u8> {
    let mut padded = plain.to_vec();
    padded.resize(plain.len().max(1).next_multiple_of(16), 0);
    let mut last = *authenticator;
    let mut out = Vec::new();
    for block in padded.chunks(16) {
        let key = md5(&[secret, &last]);
        for (byte, k) in block.iter().zip(key) {
            out.push(byte ^ k);
        }
        last.copy_from_slice(&out[out.len() - 16..]);
    }
    out
}

/// A verified reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: u8,
    pub attrs: Vec<(u8, Vec<u8>)>,
    pub bytes: Vec<u8>,
    pub took: Duration,
    pub from: SocketAddr,
}

impl Reply {
    pub fn all(&self, kind: u8) -> Vec<&[u8]> {
        self.attrs
            .iter()
            .filter(|(k, _)| *k == kind)
            .map(|(_, v)| v.as_slice())
            .collect()
    }

    pub fn state(&self) -> &[u8] {
        self.all(STATE).first().copied().expect("a State in the reply")
    }

    /// The reply without what must differ from one request to the next: for "are these two alike".
    pub fn shape(&self) -> (u8, Vec<(u8, usize)>) {
        (
            self.code,
            self.attrs.iter().map(|(kind, value)| (*kind, value.len())).collect(),
        )
    }
}

/// Reads a reply and checks both signatures; panics where a real client would drop it.
fn read(bytes: &[u8], request: &Request, secret: &[u8], took: Duration, from: SocketAddr) -> Reply {
    assert!(bytes.len() >= 20, "short reply: {bytes:02x?}");
    assert_eq!(
        usize::from(u16::from_be_bytes([bytes[2], bytes[3]])),
        bytes.len(),
        "length of the reply"
    );
    assert_eq!(bytes[1], request.id, "identifier of the reply");
    let mut attrs = Vec::new();
    let mut rest = &bytes[20..];
    while let [kind, length, ..] = rest {
        let length = usize::from(*length);
        assert!(
            length >= 2 && length <= rest.len(),
            "attribute of the reply: {rest:02x?}"
        );
        attrs.push((*kind, rest[2..length].to_vec()));
        rest = &rest[length..];
    }
    let expected = md5(&[&bytes[..4], &request.authenticator, &bytes[20..], secret]);
    assert_eq!(bytes[4..20], expected, "Response Authenticator");
    if [ACCEPT, REJECT, CHALLENGE].contains(&bytes[0]) {
        assert_eq!(
            attrs.first().map(|a| a.0),
            Some(MESSAGE_AUTHENTICATOR),
            "R6: Message-Authenticator comes first"
        );
        let mut zeroed = bytes.to_vec();
        zeroed[4..20].copy_from_slice(&request.authenticator);
        zeroed[22..38].fill(0);
        assert_eq!(
            attrs[0].1,
            hmac_md5(secret, &zeroed),
            "Message-Authenticator of the reply"
        );
        assert_eq!(attrs.iter().filter(|a| a.0 == MESSAGE_AUTHENTICATOR).count(), 1);
    }
    Reply {
        code: bytes[0],
        attrs,
        bytes: bytes.to_vec(),
        took,
        from,
    }
}

/// A gateway: where it sends to and from, and its shared secret.
#[derive(Clone, Debug)]
pub struct Nas {
    pub server: SocketAddr,
    pub secret: Vec<u8>,
    pub source: IpAddr,
}

impl Nas {
    /// A socket of this gateway's, with a new port.
    pub fn socket(&self) -> UdpSocket {
        let socket = UdpSocket::bind((self.source, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    /// Sends a request from a new port and waits for the reply.
    pub fn ask(&self, request: &Request) -> Reply {
        self.ask_from(&self.socket(), request)
    }

    /// Sends a request from this port and waits for the reply.
    pub fn ask_from(&self, socket: &UdpSocket, request: &Request) -> Reply {
        self.try_from(socket, request, PATIENCE)
            .unwrap_or_else(|| panic!("no reply to {request:?}"))
    }

    /// The same, if a reply comes in time.
    pub fn try_from(&self, socket: &UdpSocket, request: &Request, patience: Duration) -> Option<Reply> {
        let start = Instant::now();
        // A daemon that is down answers with an ICMP error, which is silence here.
        let _ = socket.send_to(&request.bytes(&self.secret), self.server);
        self.collect(socket, request, start, patience)
    }

    /// The reply to a request that was sent from this port at `start`, if it comes in time.
    pub fn collect(&self, socket: &UdpSocket, request: &Request, start: Instant, patience: Duration) -> Option<Reply> {
        socket.set_read_timeout(Some(patience)).unwrap();
        let mut buffer = [0; 5000];
        let (length, from) = socket.recv_from(&mut buffer).ok()?;
        Some(read(&buffer[..length], request, &self.secret, start.elapsed(), from))
    }

    /// Whether nothing comes back.
    pub fn silent(&self, request: &Request) -> bool {
        self.silent_bytes(&request.bytes(&self.secret))
    }

    /// Whether nothing comes back to these bytes.
    pub fn silent_bytes(&self, bytes: &[u8]) -> bool {
        let socket = self.socket();
        socket.send_to(bytes, self.server).unwrap();
        socket.set_read_timeout(Some(SILENCE)).unwrap();
        socket.recv_from(&mut [0; 5000]).is_err()
    }

    /// Sends bytes and does not wait.
    pub fn throw(&self, bytes: &[u8]) {
        self.socket().send_to(bytes, self.server).unwrap();
    }

    /// The code of the reply to a login from a new port without Calling-Station-Id.
    pub fn login(&self, user: &str, password: &str) -> u8 {
        self.ask(&Request::login(user, password)).code
    }

    /// Whether the daemon answers a Status-Server: it is alive.
    pub fn alive(&self) -> bool {
        let request = Request::access().code(STATUS_SERVER);
        self.try_from(&self.socket(), &request, PATIENCE)
            .is_some_and(|reply| reply.code == ACCEPT)
    }
}

/// RFC 2865 7.1: the password of the first example packet, hidden.
#[test]
fn the_tests_packets_agree_with_rfc_2865() {
    let authenticator = [
        0x0f, 0x40, 0x3f, 0x94, 0x73, 0x97, 0x80, 0x57, 0xbd, 0x83, 0xd5, 0xcb, 0x98, 0xf4, 0x22, 0x7a,
    ];
    let hidden = [
        0x0d, 0xbe, 0x70, 0x8d, 0x93, 0xd4, 0x13, 0xce, 0x31, 0x96, 0xe4, 0x3f, 0x78, 0x2a, 0x0a, 0xee,
    ];
    assert_eq!(hide(b"arctangent", b"xyzzy5461", &authenticator), hidden);
}
