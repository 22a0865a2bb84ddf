//! Simulated tokens and readers, for the tests and for `scripts/run --sim-token`. Written from the maker's published notes, not from
//! `src/tokens`, with frames, ciphers and codes of their own, so that the box's encoder is not its own judge; both are pinned to the
//! same vectors. Nothing here was compared with physical tokens.
//!
//! - `single`, `molto2` what a token does with a command: [`Applet`]s
//! - `chip` a PN532 (`frame`), with a plan of what goes wrong (`faults`), and as a `reader` on a PTY (`pty`); `vpcd` a card in pcscd's
//!   virtual reader: both serve any applet that lies in a [`Field`]
//! - `cipher` SM4 as the notes use it; `codes` RFC 6238

pub mod chip;
pub mod cipher;
pub mod codes;
pub mod faults;
pub mod frame;
pub mod molto2;
pub mod pty;
pub mod reader;
pub mod single;
pub mod vpcd;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 by a clock that stands outside the token: what moves its own clock on.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// This machine's clock.
pub fn wall_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(since.as_millis()).unwrap()
    })
}

/// Where a token gets its challenges.
#[derive(Clone, Copy, Debug)]
pub enum Challenges {
    /// A new one each time.
    Random,
    /// Always this one, for transcripts.
    Fixed([u8; 8]),
    /// Another one each time, the same ones each time, with zeros in them: for a test that must be the same each time.
    Counted(u8),
}

impl Challenges {
    /// The next one.
    pub fn next(&mut self) -> [u8; 8] {
        match self {
            Self::Fixed(bytes) => *bytes,
            Self::Counted(number) => {
                *number += 1;
                [*number, 0, *number ^ 0x55, 0, 0, 0xff, *number, 0]
            }
            Self::Random => {
                let mut bytes = [0; 8];
                ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes).unwrap();
                bytes
            }
        }
    }
}

/// What a token does with a command, whatever brings it.
pub trait Applet: Send {
    /// One command APDU; the answer with its status word. Nothing at all: it does not answer.
    fn apdu(&mut self, command: &[u8]) -> Vec<u8>;

    /// It comes into a reader's field, or is powered: whatever was begun before is forgotten.
    fn contact(&mut self);

    /// Whether a reader sees it at all.
    fn seen(&self) -> bool {
        true
    }

    /// What an NFC reader is told of it; bit 0x20: it takes APDUs.
    fn sak(&self) -> u8 {
        0x20
    }
}

/// A token that several hold: the reader it lies on and the one who looks at its display.
pub type Token = Arc<Mutex<dyn Applet>>;

/// Locks what no test leaves broken.
pub fn lock<T: ?Sized>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
struct Lying {
    token: Option<Token>,
    /// Grows whenever something is placed or taken, so that a reader knows a token that was away for a moment.
    times: u64,
}

/// What lies on a reader.
#[derive(Clone, Default)]
pub struct Field(Arc<Mutex<Lying>>);

impl Field {
    /// With a token on it.
    pub fn with<A: Applet + 'static>(token: &Arc<Mutex<A>>) -> Field {
        let field = Field::default();
        field.place(token.clone());
        field
    }

    /// Puts a token there; whatever lay there is away.
    pub fn place(&self, token: Token) {
        let mut lying = lock(&self.0);
        lying.token = Some(token);
        lying.times += 1;
    }

    /// Takes away what lies there.
    pub fn take(&self) {
        let mut lying = lock(&self.0);
        lying.token = None;
        lying.times += 1;
    }

    /// The token that a reader sees there, and how often something was placed or taken.
    pub fn look(&self) -> (u64, Option<Token>) {
        let lying = lock(&self.0);
        let seen = lying.token.clone().filter(|token| lock(token).seen());
        (lying.times, seen)
    }
}

/// Data and status word in one.
pub(crate) fn answer(data: &[u8], status: u16) -> Vec<u8> {
    [data, &status.to_be_bytes()].concat()
}
