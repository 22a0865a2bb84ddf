//! Bypass codes (R18): what a helpdesk tells a user whose token is at home. In: random bytes, or what a user typed; out: a code to
//! show once, its hash to keep, or whether the two agree. Pure; kept in memory alone, so that a restart voids them all.

use std::time::{Duration, Instant};

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::secret::Secret;

/// Characters of a bypass code: 49 bits.
pub const LENGTH: usize = 10;

/// Capitals and digits without those that look alike: no `0 O 1 I L`.
pub const ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/// How long one is good where the operator says nothing.
pub const DEFAULT: Duration = Duration::from_secs(5 * 60);
/// The shortest that an operator may ask for (R18).
pub const MIN: Duration = Duration::from_secs(60);
/// The longest (R18).
pub const MAX: Duration = Duration::from_secs(60 * 60);

/// Random bytes from here on would make the first letters of the alphabet more likely; they are drawn again.
const FAIR: u8 = 248;

/// A bypass code that was given out. Good once, until its time is over by the monotonic clock: whoever sets the box's clock back
/// gains nothing.
pub struct Bypass {
    hash: [u8; 32],
    expires: Instant,
}

impl Bypass {
    /// Keeps the hash of a code for this long, cut to [`MIN`] and [`MAX`].
    pub fn new(code: &Secret, key: &[u8; 32], now: Instant, good_for: Duration) -> Self {
        Self {
            hash: hash(code.expose(), key),
            expires: now + good_for.clamp(MIN, MAX),
        }
    }

    /// Whether what was typed is this code and its time is not over. Compared in constant time; capitals, blanks and dashes do not
    /// matter. The caller drops the record when this says yes and the code is spent: a code is good once.
    pub fn matches(&self, typed: &[u8], key: &[u8; 32], now: Instant) -> bool {
        let same = self.hash.ct_eq(&hash(typed, key));
        bool::from(same) && !self.expired(now)
    }

    /// Whether its time is over.
    pub fn expired(&self, now: Instant) -> bool {
        now >= self.expires
    }
}

impl std::fmt::Debug for Bypass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bypass(..)")
    }
}

/// A new code of [`LENGTH`] characters, each of [`ALPHABET`] as likely as the others. `random` fills what it is given from the
/// system's source.
pub fn generate(random: &mut dyn FnMut(&mut [u8])) -> Secret {
    let mut code = Vec::with_capacity(LENGTH);
    let mut bytes = [0u8; 32];
    while code.len() < LENGTH {
        random(&mut bytes);
        let fair = bytes.iter().filter(|byte| **byte < FAIR);
        let letters = fair.filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()));
        code.extend(letters.take(LENGTH - code.len()));
    }
    bytes.zeroize();
    Secret::new(code)
}

/// What is kept of a code: HMAC-SHA256 under a key that the daemon makes at its start, over the code without blanks, dashes and
/// lower case.
pub fn hash(code: &[u8], key: &[u8; 32]) -> [u8; 32] {
    let plain: Zeroizing<Vec<u8>> = Zeroizing::new(
        code.iter()
            .filter(|byte| !is_gap(**byte))
            .map(u8::to_ascii_uppercase)
            .collect(),
    );
    // RFC 2104 2: a key shorter than the block is filled up with zeros. Given as a block, it leaves no error to handle.
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mac = <Hmac<Sha256> as KeyInit>::new(&block);
    block.zeroize();
    mac.chain_update(plain.as_slice()).finalize().into_bytes().into()
}

/// Blanks and dashes, with which people write a long code in groups.
pub fn is_gap(byte: u8) -> bool {
    matches!(byte, b' ' | b'-')
}

/// Whether this is a character of a bypass code, in capitals or not.
pub fn is_letter(byte: u8) -> bool {
    ALPHABET.contains(&byte.to_ascii_uppercase())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn counting() -> impl FnMut(&mut [u8]) {
        let mut next = 0u8;
        move |bytes| {
            for byte in bytes {
                *byte = next;
                next = next.wrapping_add(7);
            }
        }
    }

    #[test]
    fn ten_characters_without_look_alikes() {
        let mut random = counting();
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..2_480 {
            let code = generate(&mut random);
            assert_eq!(code.len(), LENGTH);
            for byte in code.expose() {
                assert!(!b"0O1IL".contains(byte) && !byte.is_ascii_lowercase());
                *seen.entry(*byte).or_insert(0u32) += 1;
            }
        }
        assert_eq!(seen.len(), ALPHABET.len());
        assert!(ALPHABET.iter().all(|letter| is_letter(letter.to_ascii_lowercase())));
        assert!(!is_letter(b'0') && !is_letter(b'l') && !is_letter(0xff));
    }

    #[test]
    fn unfair_bytes_are_drawn_again() {
        let mut calls = 0;
        let code = generate(&mut |bytes: &mut [u8]| {
            calls += 1;
            bytes.fill(if calls == 1 { 255 } else { 30 });
        });
        assert_eq!((calls, code.expose()), (2, &b"ZZZZZZZZZZ"[..]));
    }

    #[test]
    fn the_hash_is_hmac_sha256() {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&[7; 32]).unwrap();
        mac.update(b"ABCDE23456");
        let expected: [u8; 32] = mac.finalize().into_bytes().into();
        assert_eq!(hash(b"abcde-23456", &[7; 32]), expected);
    }

    #[test]
    fn r18_good_until_its_time_is_over() {
        let (key, code, now) = ([1; 32], Secret::from("ABCDE23456"), Instant::now());
        let bypass = Bypass::new(&code, &key, now, DEFAULT);
        for typed in ["ABCDE23456", "abcde23456", "ABCDE-23456", "abc de2 345-6"] {
            assert!(bypass.matches(typed.as_bytes(), &key, now), "{typed}");
        }
        for typed in ["", "ABCDE23457", "ABCDE2345", "ABCDE234566", "ABCDE.23456"] {
            assert!(!bypass.matches(typed.as_bytes(), &key, now), "{typed}");
        }
        assert!(!bypass.matches(b"ABCDE23456", &[2; 32], now));
        assert!(bypass.matches(b"ABCDE23456", &key, now + DEFAULT - Duration::from_millis(1)));
        assert!(!bypass.matches(b"ABCDE23456", &key, now + DEFAULT));
    }

    #[test]
    fn r18_one_to_sixty_minutes() {
        let (key, code, now) = ([1; 32], Secret::from("ABCDE23456"), Instant::now());
        let short = Bypass::new(&code, &key, now, Duration::ZERO);
        assert!(!short.expired(now + Duration::from_secs(59)) && short.expired(now + MIN));
        let long = Bypass::new(&code, &key, now, Duration::from_secs(86_400));
        assert!(!long.expired(now + Duration::from_secs(3_599)) && long.expired(now + MAX));
    }

    #[test]
    fn r21_a_bypass_does_not_print() {
        let bypass = Bypass::new(&Secret::from("ABCDE23456"), &[1; 32], Instant::now(), DEFAULT);
        assert_eq!(format!("{bypass:?}"), "Bypass(..)");
    }
}
