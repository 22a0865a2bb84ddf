//! A token with one profile. In: command APDUs; out: answers, and what its display shows. It keeps what the maker's notes say of
//! order and refusals: every configuration ends the authentication, and wipes the seed unless this model's time is free.

use super::cipher::{self, Key};
use super::codes::{self, Manner};
use super::{Applet, Challenges, Clock, answer};

/// The key of them all; the maker has published it.
pub const KEY: Key = [
    0x8a, 0xd2, 0x06, 0x88, 0x3c, 0xa3, 0x69, 0x48, 0x2a, 0xb2, 0x71, 0x82, 0xb6, 0xe8, 0x32, 0x24,
];

/// Serial numbers whose time may be set without losing the seed begin so.
const TIME_IS_FREE: [&str; 3] = ["8659600", "8659612", "8659632"];

const DONE: u16 = 0x9000;
const WRONG_LENGTH: u16 = 0x6700;
const REFUSED: u16 = 0x6983;
const WRONG_DATA: u16 = 0x6a80;
const UNKNOWN_COMMAND: u16 = 0x6d00;
const UNKNOWN_CLASS: u16 = 0x6e00;

/// Where an authentication stands; a contact begins with `Fresh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    Fresh,
    Asked([u8; 8]),
    Open,
    /// A wrong answer: nothing more in this contact.
    Refused,
}

/// Whether its display is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// As it must be to be programmed.
    On,
    /// No reader sees it.
    Off,
    /// A reader sees it, and it answers nothing.
    Deaf,
}

/// A clock that goes wrong by a little.
#[derive(Clone)]
pub struct Quartz {
    clock: Clock,
    /// Milliseconds since 1970: of the token and of the clock outside, when it was set.
    set: (i64, i64),
    /// Parts in a million by which it is fast.
    pub drift: i64,
}

impl Quartz {
    /// Ahead of the clock outside by so many seconds.
    pub fn ahead(clock: &Clock, seconds: i64) -> Quartz {
        let now = i64::try_from(clock()).unwrap();
        Quartz {
            clock: clock.clone(),
            set: (now + seconds * 1000, now),
            drift: 0,
        }
    }

    /// Sets it to seconds since 1970.
    pub fn set(&mut self, utc: u32) {
        self.set = (i64::from(utc) * 1000, i64::try_from((self.clock)()).unwrap());
    }

    /// Seconds since 1970, as the token counts.
    pub fn now(&self) -> u32 {
        let passed = i64::try_from((self.clock)()).unwrap() - self.set.1;
        let milliseconds = self.set.0 + passed + passed * self.drift / 1_000_000;
        u32::try_from(milliseconds / 1000).unwrap()
    }
}

/// The token.
pub struct Single {
    serial: String,
    /// Its clock.
    pub quartz: Quartz,
    /// Where its challenges come from.
    pub challenges: Challenges,
    /// Whether it is on.
    pub switch: Switch,
    /// What it holds.
    pub seed: Option<Vec<u8>>,
    /// How it makes codes.
    pub manner: Manner,
    /// How often a seed was written.
    pub seeds: u32,
    session: Session,
}

impl Single {
    /// From the drawer: switched on, without a seed, its clock right.
    pub fn new(serial: &str, clock: &Clock) -> Single {
        assert!(serial.is_ascii() && serial.len() < 256);
        Single {
            serial: serial.to_owned(),
            quartz: Quartz::ahead(clock, 0),
            challenges: Challenges::Random,
            switch: Switch::On,
            seed: None,
            manner: Manner::default(),
            seeds: 0,
            session: Session::Fresh,
        }
    }

    /// As its back says.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The code on the display and the seconds until the next; none without a seed.
    pub fn display(&self) -> Option<(String, u64)> {
        let now = u64::from(self.quartz.now());
        let seed = self.seed.as_ref()?;
        Some((codes::code(seed, self.manner, now), codes::left(self.manner, now)))
    }

    fn info(&self) -> Vec<u8> {
        let length = u8::try_from(self.serial.len()).unwrap();
        let time = self.quartz.now().to_be_bytes();
        [&[0, 0, 0, length], self.serial.as_bytes(), &[0, 0], &time].concat()
    }

    fn open(&mut self, data: &[u8]) -> u16 {
        let Session::Asked(challenge) = self.session else {
            return WRONG_DATA;
        };
        let right = cipher::encrypt(&KEY, &[challenge, [0; 8]].concat());
        let right = right == data;
        self.session = if right { Session::Open } else { Session::Refused };
        if right { DONE } else { REFUSED }
    }

    fn configure(&mut self, body: &[u8]) -> u16 {
        let &[
            0x81,
            0x11,
            0x1f,
            0x01,
            lit,
            0x0f,
            0x04,
            a,
            b,
            c,
            d,
            0x86,
            0x06,
            0x0a,
            0x01,
            algorithm,
            0x0d,
            0x01,
            step,
        ] = body
        else {
            return WRONG_DATA;
        };
        if lit > 3 || !matches!(algorithm, 1 | 2) || !matches!(step, 30 | 60) {
            return WRONG_DATA;
        }
        self.quartz.set(u32::from_be_bytes([a, b, c, d]));
        self.manner = Manner {
            algorithm,
            step,
            ..self.manner
        };
        if !TIME_IS_FREE.iter().any(|prefix| self.serial.starts_with(prefix)) {
            self.seed = None;
        }
        self.session = Session::Fresh;
        DONE
    }

    fn take_seed(&mut self, body: &[u8]) -> u16 {
        if body.is_empty() || body.len() > 64 || !body.len().is_multiple_of(16) {
            return WRONG_DATA;
        }
        let plain = cipher::decrypt(&KEY, body);
        let Some(seed) = cipher::unpadded(&plain).filter(|seed| !seed.is_empty()) else {
            return WRONG_DATA;
        };
        // Zeros alone mean "no seed".
        self.seed = seed.iter().any(|&byte| byte != 0).then(|| seed.to_vec());
        self.seeds += 1;
        DONE
    }

    fn signed(&mut self, head: [u8; 4], data: &[u8]) -> u16 {
        match self.session {
            Session::Refused => return WRONG_DATA,
            Session::Fresh | Session::Asked(_) => return REFUSED,
            Session::Open => {}
        }
        let Some(body) = cipher::opened(&KEY, head, data) else {
            return REFUSED;
        };
        match head {
            [_, 0xc5, 0x01, 0x00] => self.take_seed(body),
            [_, 0xd4, 0x00, 0x00] => self.configure(body),
            _ => UNKNOWN_COMMAND,
        }
    }
}

impl Applet for Single {
    fn apdu(&mut self, command: &[u8]) -> Vec<u8> {
        if self.switch == Switch::Deaf {
            return Vec::new();
        }
        let Some((head, data)) = cipher::split(command) else {
            return answer(&[], WRONG_LENGTH);
        };
        match (head, data) {
            ([0x80, 0x41, 0x00, 0x00], [0x02, 0x11]) => answer(&self.info(), DONE),
            ([0x80, 0x4b, 0x08, 0x00], [0x00]) => {
                let challenge = self.challenges.next();
                if self.session != Session::Refused {
                    self.session = Session::Asked(challenge);
                }
                answer(&challenge, DONE)
            }
            ([0x80, 0xce, 0x00, 0x00], data) => answer(&[], self.open(data)),
            ([0x80, 0x41 | 0x4b, ..], _) => answer(&[], WRONG_DATA),
            ([0x80, ..], _) => answer(&[], UNKNOWN_COMMAND),
            ([0x84, ..], data) => answer(&[], self.signed(head, data)),
            _ => answer(&[], UNKNOWN_CLASS),
        }
    }

    fn contact(&mut self) {
        self.session = Session::Fresh;
    }

    fn seen(&self) -> bool {
        self.switch != Switch::Off
    }
}
