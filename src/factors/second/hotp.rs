//! Counter-based codes (RFC 4226). In: a seed, its parameters, the counter of the next code, and the bytes that came; out: the counter
//! they belong to. Pure, and in constant time as far as the code goes. Never says that a code may be used: a counter is good once
//! (R16), and every one below it with it.

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use super::totp;
use crate::secret::Secret;
use crate::store::records::{HotpParameters, TotpParameters};

/// Codes ahead of the expected one that a login accepts (RFC 4226 7.2, look-ahead window s): a token in a pocket is pressed now and
/// then.
pub const LOOK_AHEAD: u64 = 10;

/// Codes ahead that a resync searches for two that follow each other (RFC 4226 7.4), and a diagnosis of a wrong code.
pub const WIDE: u64 = 1_000;

/// The code of one counter.
pub fn code_at(seed: &Secret, p: &HotpParameters, counter: u64) -> Zeroizing<String> {
    totp::code_at(seed, &arithmetic(p), counter)
}

/// The counter whose code this is, from `next` on, [`LOOK_AHEAD`] codes at most.
pub fn check(seed: &Secret, p: &HotpParameters, next: u64, code: &[u8]) -> Option<u64> {
    search(seed, p, next, LOOK_AHEAD, code)
}

/// Resync: two codes that follow each other, [`WIDE`] ahead at most. The counter to spend is the second's.
pub fn check_wide(seed: &Secret, p: &HotpParameters, next: u64, codes: [&[u8]; 2]) -> Option<u64> {
    let [first, second] = codes;
    let (mut found, mut at, mut before) = (Choice::from(0), 0_u64, Choice::from(0));
    for ahead in 0..=WIDE {
        let counter = next.checked_add(ahead)?;
        let code = code_at(seed, p, counter);
        let here = before & code.as_bytes().ct_eq(second);
        at.conditional_assign(&counter, here);
        found |= here;
        before = code.as_bytes().ct_eq(first);
    }
    bool::from(found).then_some(at)
}

/// Diagnosis of a wrong code, never a reason to accept one: the counter within [`WIDE`] ahead that it belongs to.
pub fn out_of_window(seed: &Secret, p: &HotpParameters, next: u64, code: &[u8]) -> Option<u64> {
    search(seed, p, next, WIDE, code)
}

/// The first counter from `next` on, `ahead` codes in all, with this code. All are computed.
fn search(seed: &Secret, p: &HotpParameters, next: u64, ahead: u64, code: &[u8]) -> Option<u64> {
    let (mut found, mut at) = (Choice::from(0), 0_u64);
    for counter in (next..next.saturating_add(ahead)).rev() {
        let here = code_at(seed, p, counter).as_bytes().ct_eq(code);
        at.conditional_assign(&counter, here);
        found |= here;
    }
    bool::from(found).then_some(at)
}

fn arithmetic(p: &HotpParameters) -> TotpParameters {
    TotpParameters {
        algorithm: p.algorithm,
        digits: p.digits,
        period: 30,
    }
}
