//! A Molto-2: many profiles, a customer key, and a button for what must not happen by itself. In: command APDUs; out: answers, and
//! what its display shows. The notes leave open how many wrong answers it takes: here ten; what it says then is ISO 7816-4's.

use sha1::{Digest, Sha1};

use super::cipher::{self, Key};
use super::codes::{self, Manner};
use super::single::Quartz;
use super::{Applet, Challenges, Clock, answer};

/// The customer key that it is sold with.
pub const MAKERS_KEY: &[u8] = b"TOKEN2MOLTO1-KEY";

const TRIES: u8 = 10;
const DONE: u16 = 0x9000;
const WAITS_FOR_THE_BUTTON: u16 = 0x9060;
const WRONG_LENGTH: u16 = 0x6700;
const NOT_OPEN: u16 = 0x6982;
const LOCKED: u16 = 0x6983;
const WRONG_DATA: u16 = 0x6a80;
const NOTHING_THERE: u16 = 0x6a83;
const NO_SUCH_PROFILE: u16 = 0x6a86;
const UNKNOWN_COMMAND: u16 = 0x6d00;
const UNKNOWN_CLASS: u16 = 0x6e00;
/// A profile asked for with an Le.
const WRONG_FORM: u16 = 0x6ffb;

/// The cipher's key of a customer key.
pub fn key(customer: &[u8]) -> Key {
    Sha1::digest(customer)[..16].try_into().unwrap()
}

/// One profile.
#[derive(Clone)]
pub struct Profile {
    /// What its title is; zeros behind it are not kept.
    pub title: Vec<u8>,
    /// What it holds.
    pub seed: Option<Vec<u8>>,
    /// How it makes codes.
    pub manner: Manner,
    /// Its clock.
    pub quartz: Quartz,
    /// How often a seed was written.
    pub seeds: u32,
}

/// What waits for the button.
enum Waiting {
    Key(Key),
    Reset,
}

/// The token.
pub struct Molto2 {
    serial: String,
    clock: Clock,
    key: Key,
    tries: u8,
    challenge: Option<[u8; 8]>,
    open: bool,
    waiting: Option<Waiting>,
    /// Where its challenges come from.
    pub challenges: Challenges,
    /// By their numbers.
    pub profiles: Vec<Profile>,
}

impl Molto2 {
    /// With 50 or 100 profiles, all empty, under the maker's customer key.
    pub fn new(serial: &str, profiles: usize, clock: &Clock) -> Molto2 {
        let empty = Profile {
            title: Vec::new(),
            seed: None,
            manner: Manner::default(),
            quartz: Quartz::ahead(clock, 0),
            seeds: 0,
        };
        Molto2 {
            serial: serial.to_owned(),
            clock: clock.clone(),
            key: key(MAKERS_KEY),
            tries: TRIES,
            challenge: None,
            open: false,
            waiting: None,
            challenges: Challenges::Random,
            profiles: vec![empty; profiles],
        }
    }

    /// Under another customer key.
    pub fn set_customer_key(&mut self, customer: &[u8]) {
        self.key = key(customer);
    }

    /// As its back says.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The code of a profile and the seconds until the next; none without a seed.
    pub fn display(&self, profile: usize) -> Option<(String, u64)> {
        let profile = self.profiles.get(profile)?;
        let now = u64::from(profile.quartz.now());
        let seed = profile.seed.as_ref()?;
        Some((codes::code(seed, profile.manner, now), codes::left(profile.manner, now)))
    }

    /// Whether it asks for its button.
    pub fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// The button: what was asked for happens now.
    pub fn press(&mut self) {
        match self.waiting.take() {
            None => {}
            Some(Waiting::Key(key)) => (self.key, self.open) = (key, false),
            Some(Waiting::Reset) => *self = Molto2::new(&self.serial, self.profiles.len(), &self.clock),
        }
    }

    fn info(&self) -> Vec<u8> {
        let length = u8::try_from(self.serial.len()).unwrap();
        let time = Quartz::ahead(&self.clock, 0).now().to_be_bytes();
        [&[0, 0, 0, length], self.serial.as_bytes(), &[0, 0], &time].concat()
    }

    fn profile(&self, profile: &Profile) -> Vec<u8> {
        let seeded = profile.seed.is_some();
        let mut out = vec![0x95, 0x1f, 0x70, 0x1d, if seeded { 0x20 } else { 0x00 }];
        out.extend(&profile.title);
        out.resize(5 + 16, 0);
        out.extend(profile.quartz.now().to_be_bytes());
        out.extend(profile.quartz.now().to_be_bytes());
        out.extend([
            profile.manner.algorithm,
            profile.manner.step,
            profile.manner.digits,
            u8::from(seeded),
        ]);
        out
    }

    fn authenticate(&mut self, data: &[u8]) -> u16 {
        if self.tries == 0 {
            return LOCKED;
        }
        let Some(challenge) = self.challenge.take() else {
            return WRONG_DATA;
        };
        if cipher::encrypt(&self.key, &[challenge, [0; 8]].concat()) == data {
            (self.tries, self.open) = (TRIES, true);
            return DONE;
        }
        self.tries -= 1;
        0x6300 | u16::from(self.tries)
    }

    fn signed(&mut self, head: [u8; 4], data: &[u8]) -> u16 {
        if !self.open {
            return NOT_OPEN;
        }
        let Some(body) = cipher::opened(&self.key, head, data) else {
            return LOCKED;
        };
        let [_, ins, p1, number] = head;
        if (ins, p1, number) == (0xd7, 0x00, 0x00) {
            return self.ask_for_key(body);
        }
        let key = self.key;
        let Some(profile) = self.profiles.get_mut(usize::from(number)) else {
            return NO_SUCH_PROFILE;
        };
        match (ins, p1) {
            (0xc5, 0x01) => take_seed(profile, &key, body),
            (0xd5, 0x00) => take_title(profile, &key, body),
            (0xd4, 0x01) => configure(profile, body),
            _ => UNKNOWN_COMMAND,
        }
    }

    fn ask_for_key(&mut self, body: &[u8]) -> u16 {
        if body.len() != 32 {
            return WRONG_DATA;
        }
        let plain = cipher::decrypt(&self.key, body);
        match cipher::unpadded(&plain) {
            Some([0x00, key @ ..]) if key.len() == 16 => {
                self.waiting = Some(Waiting::Key(key.try_into().unwrap()));
                WAITS_FOR_THE_BUTTON
            }
            _ => WRONG_DATA,
        }
    }

    fn plain(&mut self, head: [u8; 4], data: &[u8]) -> Vec<u8> {
        let number = usize::from(head[3]);
        match (head, data) {
            ([_, 0x41, 0x00, 0x00], []) => answer(&self.info(), DONE),
            ([_, 0x41, 0x00, _], [0x70]) => match self.profiles.get(number) {
                Some(profile) => answer(&self.profile(profile), DONE),
                None => answer(&[], NO_SUCH_PROFILE),
            },
            ([_, 0x4b, 0x08, 0x00], []) => {
                let challenge = self.challenges.next();
                (self.challenge, self.open) = (Some(challenge), false);
                answer(&challenge, DONE)
            }
            ([_, 0xce, 0x00, 0x00], data) if data.len() == 16 => answer(&[], self.authenticate(data)),
            ([_, 0xe6, 0x00, _], []) => match self.profiles.get_mut(number) {
                None => answer(&[], NO_SUCH_PROFILE),
                Some(profile) if profile.seed.is_none() => answer(&[], NOTHING_THERE),
                Some(profile) => {
                    profile.seed = None;
                    answer(&[], DONE)
                }
            },
            ([_, 0x56, 0x00, 0x00], []) => {
                self.waiting = Some(Waiting::Reset);
                answer(&[], WAITS_FOR_THE_BUTTON)
            }
            ([_, 0x41 | 0x4b | 0xce | 0xe6 | 0x56, ..], _) => answer(&[], WRONG_DATA),
            _ => answer(&[], UNKNOWN_COMMAND),
        }
    }
}

fn take_seed(profile: &mut Profile, key: &Key, body: &[u8]) -> u16 {
    if body.is_empty() || body.len() > 64 || !body.len().is_multiple_of(16) {
        return WRONG_DATA;
    }
    let plain = cipher::decrypt(key, body);
    let Some(seed) = cipher::unpadded(&plain).filter(|seed| !seed.is_empty()) else {
        return WRONG_DATA;
    };
    profile.seed = seed.iter().any(|&byte| byte != 0).then(|| seed.to_vec());
    profile.seeds += 1;
    DONE
}

fn take_title(profile: &mut Profile, key: &Key, body: &[u8]) -> u16 {
    if body.len() != 16 {
        return WRONG_DATA;
    }
    let plain = cipher::decrypt(key, body);
    match cipher::unpadded(&plain) {
        Some(title) if title.len() <= 12 && std::str::from_utf8(title).is_ok() => {
            profile.title = title.to_vec();
            DONE
        }
        _ => WRONG_DATA,
    }
}

fn configure(profile: &mut Profile, body: &[u8]) -> u16 {
    match *body {
        [0x81, 0x06, 0x0f, 0x04, a, b, c, d] => {
            profile.quartz.set(u32::from_be_bytes([a, b, c, d]));
            DONE
        }
        [
            0x81,
            0x14,
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
            0x09,
            0x0a,
            0x01,
            algorithm,
            0x0b,
            0x01,
            digits,
            0x0d,
            0x01,
            step,
        ] if lit <= 3 && matches!(algorithm, 1 | 2) && matches!(digits, 4 | 6 | 8 | 10) && matches!(step, 30 | 60) => {
            profile.quartz.set(u32::from_be_bytes([a, b, c, d]));
            profile.manner = Manner {
                algorithm,
                digits,
                step,
            };
            DONE
        }
        _ => WRONG_DATA,
    }
}

impl Applet for Molto2 {
    fn apdu(&mut self, command: &[u8]) -> Vec<u8> {
        // A profile's block takes no Le behind its one byte of data.
        if let [0x80, 0x41, _, _, 0x01, 0x70, _] = command {
            return answer(&[], WRONG_FORM);
        }
        match cipher::split(command) {
            None => answer(&[], WRONG_LENGTH),
            Some((head, data)) if head[0] == 0x80 => self.plain(head, data),
            Some((head, data)) if head[0] == 0x84 => answer(&[], self.signed(head, data)),
            Some(_) => answer(&[], UNKNOWN_CLASS),
        }
    }

    fn contact(&mut self) {
        (self.challenge, self.open) = (None, false);
    }
}
