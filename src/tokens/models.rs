//! Which tokens there are, by serial number, and what each can do (maker's notes). In: a serial number, or parameters; out: the
//! model, or why it cannot be programmed. Pure. None of these was tried as a physical token.

use serde::{Deserialize, Serialize};

use crate::store::records::{Algorithm, Timestamp, TotpParameters};

/// The two families, which speak differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One seed, over NFC.
    Single,
    /// A Molto-2 with its 50 or 100 profiles, over USB.
    Molto2,
}

/// A single-profile token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// What its serial number begins with.
    pub prefix: &'static str,
    /// As the maker calls it.
    pub name: &'static str,
    /// Its clock may be set and its seed stays. On all others whatever sets the time or the configuration wipes the seed.
    pub clock_free: bool,
}

/// Every single-profile token that can be programmed; a serial number that begins otherwise is refused.
pub const MODELS: &[Model] = &[
    model("8659612", "OTPC-P1-i", true),
    model("8659622", "OTPC-P2-i", false),
    model("8659621", "OTPC-P2-i-NB", false),
    model("8659600", "miniOTP-2-i", true),
    model("8659601", "miniOTP-3-i", false),
    model("8659609", "miniOTP-3-i-NB", false),
    model("8659610", "C301-i", false),
    model("8659632", "C302-i", true),
];

const fn model(prefix: &'static str, name: &'static str, clock_free: bool) -> Model {
    Model {
        prefix,
        name,
        clock_free,
    }
}

/// The model with this serial number; none: it is not known, and must not be written to.
pub fn by_serial(serial: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| serial.starts_with(model.prefix))
}

/// Profiles of the first Molto-2.
pub const MOLTO2_PROFILES: u8 = 50;

/// Profiles of a Molto-2v2, and of no device more.
pub const MOLTO2_V2_PROFILES: u8 = 100;

/// What a Molto-2 is called, by the number of its profiles: its serial number does not tell.
pub fn molto2_name(profiles: usize) -> &'static str {
    if profiles > usize::from(MOLTO2_PROFILES) {
        "Molto-2v2"
    } else {
        "Molto-2"
    }
}

/// What a family can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ability {
    /// What it is called in words.
    pub name: &'static str,
    /// Digits of a code, of those that the box knows.
    pub digits: &'static [u8],
    /// Hashes.
    pub algorithms: &'static [Algorithm],
    /// Seconds that a code lasts.
    pub periods: &'static [u8],
}

/// What every single-profile token can do.
pub const SINGLE: Ability = Ability {
    name: "a token with one profile",
    digits: &[6],
    algorithms: &[Algorithm::Sha1, Algorithm::Sha256],
    periods: &[30, 60],
};

/// What a Molto-2 can do. It also shows 4 and 10 digits, which no login here has.
pub const MOLTO2: Ability = Ability {
    name: "a Molto-2",
    digits: &[6, 8],
    algorithms: &[Algorithm::Sha1, Algorithm::Sha256],
    periods: &[30, 60],
};

impl Kind {
    /// What tokens of this family can do.
    pub fn ability(self) -> &'static Ability {
        match self {
            Kind::Single => &SINGLE,
            Kind::Molto2 => &MOLTO2,
        }
    }
}

impl Ability {
    /// Whether a token of this family can make such codes.
    ///
    /// # Errors
    /// One line: what it cannot do, and what to choose.
    pub fn check(&self, p: &TotpParameters) -> Result<(), String> {
        let Ability { name, .. } = self;
        if !self.digits.contains(&p.digits) {
            let can = self.digits.iter().map(u8::to_string).collect::<Vec<_>>().join(" or ");
            return Err(format!("{name} cannot show {} digits: choose {can}", p.digits));
        }
        if !self.algorithms.contains(&p.algorithm) {
            return Err(format!("{name} knows SHA-1 and SHA-256 only: choose one of them"));
        }
        if !self.periods.contains(&p.period) {
            return Err(format!("{name} cannot show a code for {} s: choose 30 or 60", p.period));
        }
        Ok(())
    }
}

/// How a hash is written; none: no token has it.
pub fn algorithm_byte(algorithm: Algorithm) -> Option<u8> {
    match algorithm {
        Algorithm::Sha1 => Some(1),
        Algorithm::Sha256 => Some(2),
        Algorithm::Sha512 => None,
    }
}

/// 2020-01-01T00:00:00Z: a clock that says less was never set.
pub const EARLIEST: u32 = 1_577_836_800;

/// A time as a token takes it: seconds since 1970 in 32 bits, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenTime(u32);

impl TokenTime {
    /// The box's time, if a token can be set to it.
    ///
    /// # Errors
    /// One line: before 2020 or after 2106-02-07.
    pub fn of(now: Timestamp) -> Result<TokenTime, String> {
        match u32::try_from(now.seconds()) {
            Ok(seconds) if seconds >= EARLIEST => Ok(TokenTime(seconds)),
            Ok(_) => Err("the box's clock says a year before 2020: set it before tokens are programmed".to_owned()),
            Err(_) => Err("the box's clock says a year after 2106, which no token can hold: set it right".to_owned()),
        }
    }

    /// The four bytes, highest first.
    pub fn bytes(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn models_are_known_by_their_serial_numbers() {
        for (serial, name, free) in [
            ("86596120000001", "OTPC-P1-i", true),
            ("86596220000001", "OTPC-P2-i", false),
            ("86596210000001", "OTPC-P2-i-NB", false),
            ("86596000000001", "miniOTP-2-i", true),
            ("86596010000001", "miniOTP-3-i", false),
            ("86596090000001", "miniOTP-3-i-NB", false),
            ("86596100000001", "C301-i", false),
            ("86596320000001", "C302-i", true),
        ] {
            let model = by_serial(serial).unwrap();
            assert_eq!((model.name, model.clock_free), (name, free), "{serial}");
        }
        for unknown in ["", "865962", "8659623000000", "18659622", "x", "8659 622"] {
            assert_eq!(by_serial(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn what_a_token_cannot_do_is_refused() {
        let p = |algorithm, digits, period| TotpParameters {
            algorithm,
            digits,
            period,
        };
        for period in [30, 60] {
            for algorithm in [Algorithm::Sha1, Algorithm::Sha256] {
                assert_eq!(SINGLE.check(&p(algorithm, 6, period)), Ok(()));
                assert!(SINGLE.check(&p(algorithm, 8, period)).is_err());
                assert_eq!(MOLTO2.check(&p(algorithm, 8, period)), Ok(()));
                assert!(MOLTO2.check(&p(algorithm, 7, period)).is_err());
            }
            assert!(SINGLE.check(&p(Algorithm::Sha512, 6, period)).is_err());
            assert!(MOLTO2.check(&p(Algorithm::Sha512, 6, period)).is_err());
        }
        for period in [0, 29, 45, 90] {
            assert!(SINGLE.check(&p(Algorithm::Sha1, 6, period)).is_err());
        }
        assert_eq!(
            SINGLE.check(&p(Algorithm::Sha1, 8, 30)).unwrap_err(),
            "a token with one profile cannot show 8 digits: choose 6"
        );
        // What passes can be written.
        for ability in [SINGLE, MOLTO2] {
            assert!(ability.algorithms.iter().all(|a| algorithm_byte(*a).is_some()));
        }
    }

    #[test]
    fn a_time_that_no_token_can_hold_is_refused() {
        let of = |seconds: u64| TokenTime::of(Timestamp(seconds * 1000 + 999));
        assert!(of(u64::from(EARLIEST) - 1).unwrap_err().contains("before 2020"));
        assert_eq!(of(u64::from(EARLIEST)).unwrap().bytes(), [0x5e, 0x0b, 0xe1, 0x00]);
        assert_eq!(of(u64::from(u32::MAX)).unwrap().bytes(), [0xff; 4]);
        assert!(of(u64::from(u32::MAX) + 1).unwrap_err().contains("after 2106"));
        assert!(TokenTime::of(Timestamp(u64::MAX)).is_err());
    }
}
