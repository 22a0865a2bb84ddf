//! What a display shows: RFC 6238 over RFC 4226, by `ring`.

use ring::hmac;

/// How codes are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// As the tokens count them: 1 SHA-1, 2 SHA-256.
    pub algorithm: u8,
    /// Digits of a code.
    pub digits: u8,
    /// Seconds that a code lasts.
    pub step: u8,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            algorithm: 1,
            digits: 6,
            step: 30,
        }
    }
}

/// The code at a time in seconds since 1970.
pub fn code(seed: &[u8], manner: Manner, time: u64) -> String {
    let hash = match manner.algorithm {
        1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        2 => hmac::HMAC_SHA256,
        other => panic!("no such hash: {other}"),
    };
    let counter = (time / u64::from(manner.step)).to_be_bytes();
    let tag = hmac::sign(&hmac::Key::new(hash, seed), &counter);
    let tag = tag.as_ref();
    let offset = usize::from(tag[tag.len() - 1] & 0x0f);
    let word = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    let digits = usize::from(manner.digits);
    let code = u64::from(word) % 10_u64.pow(u32::from(manner.digits));
    format!("{code:0digits$}")
}

/// Seconds until the next code.
pub fn left(manner: Manner, time: u64) -> u64 {
    u64::from(manner.step) - time % u64::from(manner.step)
}
