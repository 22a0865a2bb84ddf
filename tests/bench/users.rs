//! The users of a load: names, seeds and codes, the same in every run. In: a number; out: a name, a seed, a code, or files that
//! the servers under load import. Which codes are still good is kept here too, since a code may be used once.

use std::io::Write;

use data_encoding::BASE32_NOPAD;
use ring::hmac;
use sha2::{Digest, Sha256};

/// Seconds of one step of the codes (RFC 6238 section 5.2).
pub const PERIOD: u64 = 30;
/// Digits of a code.
pub const DIGITS: usize = 6;
/// Seconds around a change of step in which only the codes are used that are good on both sides of it.
const GUARD: f64 = 0.5;

/// The name of user `i`.
pub fn name(i: usize) -> String {
    format!("user{i:06}@contoso.example")
}

/// The seed of user `i`: the first 20 bytes of SHA-256 over "postern-bench-i".
pub fn seed(i: usize) -> [u8; 20] {
    let digest: [u8; 32] = Sha256::digest(format!("postern-bench-{i}")).into();
    *digest.first_chunk().unwrap_or(&[0; 20])
}

/// The six-digit code of a seed at a step (RFC 4226 section 5.3, SHA-1).
pub fn code(seed: &[u8; 20], step: u64) -> [u8; DIGITS] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag.last().copied().unwrap_or(0) & 15);
    let four = tag
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .unwrap_or_default();
    let mut number = u32::from_be_bytes(four) & 0x7fff_ffff;
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789".get((number % 10) as usize).copied().unwrap_or(b'0');
        number /= 10;
    }
    digits
}

/// Writes the users as the CSV that the Azure portal takes.
pub fn write_azure_csv(out: &mut impl Write, users: usize) -> std::io::Result<()> {
    write!(out, "upn,serial number,secret key,time interval,manufacturer,model\r\n")?;
    for i in 0..users {
        let key = BASE32_NOPAD.encode(&seed(i));
        write!(out, "{},bench{i:06},{key},{PERIOD},Contoso,HardwareKey\r\n", name(i))?;
    }
    Ok(())
}

/// Writes the users as FreeRADIUS reads them (`rlm_files`).
pub fn write_freeradius(out: &mut impl Write, users: usize) -> std::io::Result<()> {
    for i in 0..users {
        writeln!(out, "{} TOTP-Secret := \"{}\"", name(i), BASE32_NOPAD.encode(&seed(i)))?;
    }
    Ok(())
}

/// Gives out users and codes in turn: each code once, oldest first, within the steps that the server takes.
pub struct Supply {
    users: Vec<User>,
    cursor: usize,
    /// Steps before and after the current one that may be used.
    back: u64,
    ahead: u64,
    /// Codes may be used again: for servers that do not spend them.
    reuse: bool,
    dry_at: Option<u64>,
}

struct User {
    index: usize,
    seed: [u8; 20],
    last: u64,
}

impl Supply {
    /// Every `lanes`-th user of `users`, beginning with number `lane`.
    pub fn new(users: usize, lane: usize, lanes: usize, back: u64, ahead: u64, reuse: bool) -> Self {
        let users = (lane..users).step_by(lanes).map(|index| User {
            index,
            seed: seed(index),
            last: 0,
        });
        Self {
            users: users.collect(),
            cursor: 0,
            back,
            ahead,
            reuse,
            dry_at: None,
        }
    }

    /// The next user's number and a code not used before; nothing when all that may be used now are.
    pub fn next(&mut self, unix_seconds: f64) -> Option<(usize, [u8; DIGITS])> {
        let period = PERIOD as f64;
        let late = ((unix_seconds + GUARD) / period) as u64;
        let early = ((unix_seconds - GUARD) / period) as u64;
        if self.reuse {
            let user = self.users.get(self.cursor)?;
            self.cursor = (self.cursor + 1) % self.users.len();
            return Some((user.index, code(&user.seed, (unix_seconds / period) as u64)));
        }
        // Around a change, the oldest good code is about to become too old and the newest is not good yet.
        let (oldest, newest) = (late - self.back, early + self.ahead);
        if self.dry_at == Some(newest) {
            return None;
        }
        for _ in 0..self.users.len() {
            let at = self.cursor;
            self.cursor = (self.cursor + 1) % self.users.len();
            let Some(user) = self.users.get_mut(at) else { break };
            let step = (user.last + 1).max(oldest);
            if step <= newest {
                user.last = step;
                return Some((user.index, code(&user.seed, step)));
            }
        }
        self.dry_at = Some(newest);
        None
    }
}
