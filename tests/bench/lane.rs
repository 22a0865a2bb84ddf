//! One thread of a load. In: a server's address, a supply of codes, how many requests to keep outstanding; out: counts and times.
//! It verifies every reply, sends a datagram again as gateways do, and counts what is not answered in time; its place is then used
//! anew. During the warm-up the number outstanding rises step by step, since a burst would only fill the server's socket.

use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};
use postern::radius::{MessageAuthenticator, Request, SharedSecret, kinds, verify_reply};

use super::users::{self, Supply};

/// Requests outstanding on one port at most; identifiers have 256 values, and most of them rest before they are used again.
const PER_PORT: usize = 64;
/// Datagrams handed over in one system call.
const BATCH: usize = 64;

/// What one lane is asked to do.
#[derive(Clone)]
pub struct Plan {
    pub server: SocketAddr,
    /// The address to send from.
    pub source: IpAddr,
    pub secret: SharedSecret,
    pub outstanding: usize,
    pub warmup: Duration,
    pub measure: Duration,
    pub timeout: Duration,
    /// After how long a datagram is sent again, and after as long once more.
    pub retry: Duration,
    /// What stands before the code; empty for code alone.
    pub password: String,
    /// Access-Accepts without a Message-Authenticator are faults.
    pub strict: bool,
}

/// What one lane saw; the counts are of the measured time only.
#[derive(Default)]
pub struct Tally {
    pub accepts: u64,
    pub rejects: u64,
    pub challenges: u64,
    pub timeouts: u64,
    /// Datagrams sent again.
    pub resent: u64,
    /// Replies that do not verify, belong to no request or are of another kind.
    pub faults: u64,
    /// Of the replies, how many had no Message-Authenticator.
    pub unsigned: u64,
    /// Answers before the measured time began.
    pub warmup_answers: u64,
    /// Microseconds from sending to answer.
    pub latencies: Vec<u32>,
    pub measured: Duration,
    /// The codes ran out before the time.
    pub dry: bool,
    pub first_fault: Option<String>,
}

struct Flight {
    authenticator: [u8; 16],
    bytes: Vec<u8>,
    sent: Instant,
    resend: Instant,
}

struct Port {
    socket: UdpSocket,
    flights: Vec<Option<Flight>>,
    free: std::collections::VecDeque<u8>,
    room: usize,
}

impl Port {
    fn open(source: IpAddr, server: SocketAddr, room: usize) -> Result<Self> {
        let socket = UdpSocket::bind((source, 0)).context("bind a port")?;
        socket.connect(server).context("connect the port")?;
        socket.set_nonblocking(true)?;
        let flights = (0..256).map(|_| None).collect();
        Ok(Self {
            socket,
            flights,
            free: (0..=255).collect(),
            room,
        })
    }
}

/// Random enough for a load: unlike in every request.
struct Authenticators(u128);

impl Authenticators {
    fn next(&mut self) -> [u8; 16] {
        self.0 = self
            .0
            .wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645)
            .wrapping_add(0x9e37_79b9);
        self.0.to_le_bytes()
    }
}

/// Runs the plan to its end: warm-up, measured time, then waits for what is outstanding.
pub fn run(plan: &Plan, mut supply: Supply) -> Result<Tally> {
    let count = plan.outstanding.div_ceil(PER_PORT).max(1);
    let mut ports = Vec::new();
    for i in 0..count {
        let room = plan.outstanding / count + usize::from(i < plan.outstanding % count);
        ports.push(Port::open(plan.source, plan.server, room)?);
    }
    let mut random = [0; 16];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut random)
        .ok()
        .context("no random numbers")?;
    let mut authenticators = Authenticators(u128::from_le_bytes(random) | 1);
    let mut inbox = vec![[0_u8; 4096]; BATCH];
    let mut tally = Tally::default();

    let start = Instant::now();
    let measured_from = start + plan.warmup;
    let mut end = measured_from + plan.measure;
    let mut next_sweep = start + Duration::from_millis(100);
    loop {
        let now = Instant::now();
        let sending = now < end && !tally.dry;
        if sending {
            let share = share_of_room(now.duration_since(start), plan.warmup);
            for port in &mut ports {
                if !fill(port, share, plan, &mut supply, &mut authenticators)? {
                    tally.dry = true;
                    end = Instant::now().max(measured_from);
                    break;
                }
            }
        } else if ports.iter().all(|port| port.free.len() == 256) {
            break;
        }
        let mut waiting: Vec<PollFd<'_>> = ports
            .iter()
            .map(|port| PollFd::new(port.socket.as_fd(), PollFlags::POLLIN))
            .collect();
        poll(&mut waiting, PollTimeout::from(10_u8)).context("poll")?;
        let ready: Vec<bool> = waiting.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        for (port, _) in ports.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            drain(port, plan, &mut inbox, (measured_from, end), &mut tally)?;
        }
        if Instant::now() >= next_sweep {
            next_sweep = Instant::now() + Duration::from_millis(100);
            for port in &mut ports {
                sweep(port, plan, (measured_from, end), &mut tally);
            }
        }
    }
    tally.measured = end.saturating_duration_since(measured_from);
    Ok(tally)
}

/// How much of the room is used: all of it from half of the warm-up on.
fn share_of_room(since_start: Duration, warmup: Duration) -> f64 {
    let ramp = warmup.as_secs_f64() / 2.0;
    if ramp > 0.0 {
        (since_start.as_secs_f64() / ramp).min(1.0)
    } else {
        1.0
    }
}

/// Sends until the port's share of its room is used; false when there are no more codes.
fn fill(
    port: &mut Port,
    share: f64,
    plan: &Plan,
    supply: &mut Supply,
    authenticators: &mut Authenticators,
) -> Result<bool> {
    let room = (port.room as f64 * share).ceil() as usize;
    while 256 - port.free.len() < room {
        let wanted = (room - (256 - port.free.len())).min(BATCH);
        let mut datagrams: Vec<(u8, [u8; 16], Vec<u8>)> = Vec::with_capacity(wanted);
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock stands before 1970")?
            .as_secs_f64();
        for _ in 0..wanted {
            let Some((user, code)) = supply.next(unix) else { break };
            let Some(identifier) = port.free.pop_front() else { break };
            let authenticator = authenticators.next();
            let bytes = request(plan, identifier, authenticator, user, &code)?;
            datagrams.push((identifier, authenticator, bytes));
        }
        if datagrams.is_empty() {
            return Ok(false);
        }
        let slices: Vec<[IoSlice<'_>; 1]> = datagrams.iter().map(|(_, _, bytes)| [IoSlice::new(bytes)]).collect();
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(slices.len(), None);
        let nobody = vec![None; slices.len()];
        let now = Instant::now();
        let sent = match sendmmsg(
            port.socket.as_raw_fd(),
            &mut headers,
            &slices,
            nobody,
            [],
            MsgFlags::empty(),
        ) {
            Ok(results) => results.count(),
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::ECONNREFUSED) => 0,
            Err(error) => return Err(error).context("send"),
        };
        let all = sent == slices.len();
        // What could not be sent now is sent when its time to be sent again comes.
        for (identifier, authenticator, bytes) in datagrams {
            if let Some(flight) = port.flights.get_mut(usize::from(identifier)) {
                let resend = now + plan.retry;
                *flight = Some(Flight {
                    authenticator,
                    bytes,
                    sent: now,
                    resend,
                });
            }
        }
        if !all {
            break;
        }
    }
    Ok(true)
}

fn request(plan: &Plan, identifier: u8, authenticator: [u8; 16], user: usize, code: &[u8]) -> Result<Vec<u8>> {
    let mut password = [0_u8; 128];
    let length = plan.password.len() + code.len();
    let typed = password.get_mut(..length).context("the password is too long")?;
    for (to, from) in typed.iter_mut().zip(plan.password.bytes().chain(code.iter().copied())) {
        *to = from;
    }
    let station = format!("198.18.{}.{}", user / 256 % 256, user % 256);
    let request = Request::access(identifier, authenticator)
        .attribute(kinds::USER_NAME, users::name(user).as_bytes())
        .user_password(typed, &plan.secret)
        .attribute(kinds::NAS_IDENTIFIER, b"bench")
        .attribute(kinds::CALLING_STATION_ID, station.as_bytes());
    Ok(request.sign(&plan.secret)?)
}

/// Reads all that has come.
fn drain(
    port: &mut Port,
    plan: &Plan,
    inbox: &mut [[u8; 4096]],
    window: (Instant, Instant),
    tally: &mut Tally,
) -> Result<()> {
    loop {
        let lengths: Vec<usize> = {
            let mut slices: Vec<[IoSliceMut<'_>; 1]> = inbox.iter_mut().map(|b| [IoSliceMut::new(b)]).collect();
            let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(slices.len(), None);
            let fd = port.socket.as_raw_fd();
            match recvmmsg(fd, &mut headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None) {
                Ok(results) => results.map(|message| message.bytes).collect(),
                Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::ECONNREFUSED | nix::errno::Errno::EINTR) => {
                    return Ok(());
                }
                Err(error) => return Err(error).context("receive"),
            }
        };
        let now = Instant::now();
        for (bytes, length) in inbox.iter().zip(&lengths) {
            let reply = bytes.get(..*length).unwrap_or_default();
            take(port, plan, reply, now, now >= window.0 && now < window.1, tally);
        }
        if lengths.len() < BATCH {
            return Ok(());
        }
    }
}

/// Counts one reply, if it belongs to a request and verifies.
fn take(port: &mut Port, plan: &Plan, reply: &[u8], now: Instant, counts: bool, tally: &mut Tally) {
    let place = reply.get(1).copied();
    let flight = place.and_then(|identifier| port.flights.get_mut(usize::from(identifier)));
    let (Some(identifier), Some(flight)) = (place, flight) else {
        return fault(tally, "a reply without identifier");
    };
    let Some(waiting) = flight.as_ref() else {
        return fault(tally, "a reply to no request");
    };
    let signed = match verify_reply(reply, &waiting.authenticator, &plan.secret) {
        Ok(signed) => signed,
        Err(error) => return fault(tally, &error.to_string()),
    };
    let latency = now.duration_since(waiting.sent);
    *flight = None;
    port.free.push_back(identifier);
    if plan.strict && signed == MessageAuthenticator::Absent {
        return fault(tally, "a reply without Message-Authenticator");
    }
    if !counts {
        tally.warmup_answers += 1;
        return;
    }
    tally.unsigned += u64::from(signed == MessageAuthenticator::Absent);
    match reply.first().copied() {
        Some(kinds::ACCESS_ACCEPT) => tally.accepts += 1,
        Some(kinds::ACCESS_REJECT) => tally.rejects += 1,
        Some(kinds::ACCESS_CHALLENGE) => tally.challenges += 1,
        _ => return fault(tally, "a reply of another kind"),
    }
    tally
        .latencies
        .push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
}

fn fault(tally: &mut Tally, what: &str) {
    tally.faults += 1;
    tally.first_fault.get_or_insert_with(|| what.to_owned());
}

/// Sends again what waits for long, and gives up what was not answered in time.
fn sweep(port: &mut Port, plan: &Plan, window: (Instant, Instant), tally: &mut Tally) {
    let now = Instant::now();
    for (identifier, place) in (0..=255).zip(port.flights.iter_mut()) {
        let Some(flight) = place.as_mut() else { continue };
        if now >= flight.sent + plan.timeout {
            if flight.sent >= window.0 && flight.sent < window.1 {
                tally.timeouts += 1;
            }
            *place = None;
            port.free.push_back(identifier);
        } else if now >= flight.resend && port.socket.send(&flight.bytes).is_ok() {
            flight.resend = now + plan.retry;
            tally.resent += 1;
        }
    }
}
