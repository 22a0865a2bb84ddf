//! Counter-based codes (RFC 4226). In: a seed, its parameters, the highest counter that was spent, and the bytes that came; out: the
//! counter they belong to. Pure, and in constant time as far as the code goes: every code of the window is computed and compared
//! whatever the first ones said. Never says that a code may be used: a counter is good once, and every one below it is void with
//! it (R16).

use subtle::{Choice, ConditionallySelectable};
use zeroize::Zeroizing;

use super::totp;
use crate::secret::Secret;
use crate::store::records::HotpParameters;

/// Codes that a login accepts: the expected one, and those after it (RFC 4226 7.2, look-ahead window s). A token in a pocket is
/// pressed now and then.
pub const LOOK_AHEAD: u64 = 10;

/// Spent codes that are known again, the last one included. Somebody presses twice and types the first, or a VPN client repeats an
/// old one; neither is a guess. Each code more that is known again is one hash more on every login, and nobody types one older.
pub const LOOK_BACK: u64 = 20;

/// Codes ahead that a resync searches for two that follow each other (RFC 4226 7.4), and a diagnosis for one.
pub const WIDE: u64 = 1_000;

/// The highest counter there is here; the store writes the one above it for "none yet".
pub const COUNTER_MAX: u64 = u64::MAX - 1;

/// The code of one counter. Digits outside 6 to 8, which no record holds, are taken as the nearest of these.
pub fn code_at(seed: &Secret, p: &HotpParameters, counter: u64) -> Zeroizing<String> {
    let arithmetic = totp::arithmetic(seed, p.algorithm, p.digits);
    Zeroizing::new(arithmetic.generate(counter).to_string())
}

/// The counter of the next code; above [`COUNTER_MAX`] there is none.
pub fn next(last: Option<u64>) -> u64 {
    last.map_or(0, |last| last.saturating_add(1))
}

/// The counter whose code this is: one of the [`LOOK_AHEAD`] that a login accepts, or one of the last [`LOOK_BACK`], which are spent.
/// Where two of them share the code by chance, the later one is meant, so that it is not good again.
pub fn check(seed: &Secret, p: &HotpParameters, last: Option<u64>, code: &[u8]) -> Option<u64> {
    let code = totp::digits(p.digits, code)?;
    let arithmetic = totp::arithmetic(seed, p.algorithm, p.digits);
    let (mut found, mut at) = (Choice::from(0), 0_u64);
    for counter in from_spent(last, LOOK_AHEAD) {
        let here = totp::has(&arithmetic, counter, code);
        at.conditional_assign(&counter, here);
        found |= here;
    }
    bool::from(found).then_some(at)
}

/// Resync: two codes that follow each other, the first perhaps spent already, the second no more than [`WIDE`] ahead of the expected
/// one. The counter to spend is the second's.
pub fn check_wide(seed: &Secret, p: &HotpParameters, last: Option<u64>, codes: [&[u8]; 2]) -> Option<u64> {
    let [first, second] = codes;
    let (first, second) = (totp::digits(p.digits, first)?, totp::digits(p.digits, second)?);
    let arithmetic = totp::arithmetic(seed, p.algorithm, p.digits);
    let (mut found, mut at, mut before) = (Choice::from(0), 0_u64, Choice::from(0));
    for counter in from_spent(last, WIDE + 1) {
        let here = before & totp::has(&arithmetic, counter, second);
        at.conditional_assign(&counter, here);
        found |= here;
        before = totp::has(&arithmetic, counter, first);
    }
    bool::from(found).then_some(at)
}

/// Diagnosis of a code that a login does not accept, never a reason to accept it: by how many codes its counter is ahead of the
/// expected one, [`WIDE`] at most; the nearest of several.
pub fn ahead(seed: &Secret, p: &HotpParameters, last: Option<u64>, code: &[u8]) -> Option<u64> {
    let code = totp::digits(p.digits, code)?;
    let arithmetic = totp::arithmetic(seed, p.algorithm, p.digits);
    let expected = next(last);
    let (mut found, mut at) = (Choice::from(0), 0_u64);
    for by in (0..=WIDE).rev() {
        // Beyond the last counter the sum stays there, and the nearest is taken.
        let here = totp::has(&arithmetic, expected.saturating_add(by).min(COUNTER_MAX), code);
        at.conditional_assign(&by, here);
        found |= here;
    }
    bool::from(found).then_some(at)
}

/// The last [`LOOK_BACK`] spent counters, then so many more.
fn from_spent(last: Option<u64>, ahead: u64) -> impl Iterator<Item = u64> {
    let first = next(last).saturating_sub(LOOK_BACK);
    let end = next(last).saturating_add(ahead - 1).min(COUNTER_MAX);
    first..=end
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::store::records::Algorithm;

    /// RFC 4226 appendix D: the codes of the counters 0 to 9 of the seed `12345678901234567890`.
    const APPENDIX_D: [&str; 10] = [
        "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489",
    ];

    fn p(digits: u8) -> HotpParameters {
        HotpParameters {
            algorithm: Algorithm::Sha1,
            digits,
        }
    }

    fn seed() -> Secret {
        Secret::from("12345678901234567890")
    }

    fn code(p: &HotpParameters, counter: u64) -> String {
        code_at(&seed(), p, counter).to_string()
    }

    fn found(last: Option<u64>, counter: u64) -> Option<u64> {
        check(&seed(), &p(8), last, code(&p(8), counter).as_bytes())
    }

    #[test]
    fn rfc4226_appendix_d() {
        for (counter, expected) in (0..).zip(APPENDIX_D) {
            assert_eq!(code(&p(6), counter), expected);
            assert_eq!(check(&seed(), &p(6), None, expected.as_bytes()), Some(counter));
        }
        // The table's decimal column, of which 8 digits are the last eight.
        for (counter, expected) in (0..).zip(["84755224", "94287082", "37359152", "26969429", "40338314"]) {
            assert_eq!(code(&p(8), counter), expected);
        }
    }

    #[test]
    fn r16_ten_codes_ahead_and_no_more() {
        for last in [
            None,
            Some(0),
            Some(4),
            Some(700),
            Some(u64::from(u32::MAX)),
            Some(1 << 53),
        ] {
            let expected = next(last);
            for skipped in 0..=12 {
                let counter = expected + skipped;
                assert_eq!(
                    found(last, counter),
                    (skipped < 10).then_some(counter),
                    "{last:?} {skipped}"
                );
            }
        }
    }

    #[test]
    fn r16_the_last_twenty_are_known_again_and_none_before() {
        for back in 0..=22 {
            let counter = 500 - back;
            assert_eq!(found(Some(500), counter), (back < 20).then_some(counter), "{back}");
        }
        // A young token has fewer.
        assert_eq!(found(Some(3), 0), Some(0));
        assert_eq!(found(None, 0), Some(0));
    }

    #[test]
    fn r16_of_two_counters_with_one_code_the_later_is_meant() {
        // By search: 6 digits repeat within the window of this seed once in some thousands.
        let p = p(6);
        let codes: Vec<String> = (0..60_000).map(|counter| code(&p, counter)).collect();
        let twin = |n: &usize| codes[n + 1..n + 10].contains(&codes[*n]);
        let first = (0..codes.len() - 10).find(twin).expect("no twins in 60,000 codes");
        let second = (first + 1..first + 10).find(|n| codes[*n] == codes[first]).unwrap();
        let last = (first as u64).checked_sub(1);
        let hit = check(&seed(), &p, last, codes[first].as_bytes()).unwrap();
        assert_eq!(hit, second as u64, "else the same code were good twice");
        // Spent and yet to come: the one to come.
        let hit = check(&seed(), &p, Some(first as u64), codes[first].as_bytes()).unwrap();
        assert_eq!(hit, second as u64);
        let hit = check(&seed(), &p, Some(second as u64), codes[first].as_bytes()).unwrap();
        assert_eq!(hit, second as u64, "spent");
        assert_eq!(
            ahead(&seed(), &p, last, codes[first].as_bytes()),
            Some(0),
            "the nearest"
        );
    }

    #[test]
    fn what_is_no_code_is_none() {
        let p = p(6);
        for bad in [
            "",
            "75522",
            "7552244",
            "75522a",
            "+55224",
            " 55224",
            "755 24",
            "７５５２２４",
        ] {
            assert_eq!(check(&seed(), &p, None, bad.as_bytes()), None, "{bad}");
            assert_eq!(ahead(&seed(), &p, None, bad.as_bytes()), None, "{bad}");
            let codes = [bad.as_bytes(), b"287082"];
            assert_eq!(check_wide(&seed(), &p, None, codes), None, "{bad}");
            let codes = [b"755224".as_slice(), bad.as_bytes()];
            assert_eq!(check_wide(&seed(), &p, None, codes), None, "{bad}");
        }
        assert_eq!(check(&seed(), &p, None, &[0xff; 6]), None);
        // Records never hold these; nothing breaks if one did, and no code is of such a token.
        for digits in [0, 5, 9, 10, 255] {
            let odd = HotpParameters { digits, ..p };
            assert!((6..=8).contains(&code(&odd, 1).len()));
            for code in ["755224", "84755224", "284755224", "1284755224"] {
                assert_eq!(check(&seed(), &odd, None, code.as_bytes()), None, "{digits}");
            }
        }
    }

    #[test]
    fn resync_takes_two_codes_that_follow_each_other_within_a_thousand() {
        let p = p(8);
        let pair = |last: Option<u64>, first: u64, second: u64| {
            let (first, second) = (code(&p, first), code(&p, second));
            check_wide(&seed(), &p, last, [first.as_bytes(), second.as_bytes()])
        };
        for first in [0, 1, 9, 10, 500, 998, 999] {
            assert_eq!(pair(None, first, first + 1), Some(first + 1), "{first}");
        }
        assert_eq!(pair(None, 1_000, 1_001), None);
        assert_eq!(pair(Some(41), 1_041, 1_042), Some(1_042));
        assert_eq!(pair(Some(41), 1_042, 1_043), None);
        for (first, second) in [(5, 5), (5, 7), (6, 5)] {
            assert_eq!(pair(None, first, second), None);
        }
        // The first was just used at a login; or both were, which whoever spends them is told.
        assert_eq!(pair(Some(41), 41, 42), Some(42));
        assert_eq!(pair(Some(41), 40, 41), Some(41));
        assert_eq!(pair(Some(41), 20, 21), None);
    }

    #[test]
    fn a_far_code_is_told_by_how_many_codes() {
        let p = p(8);
        for by in [0, 9, 10, 11, 999, 1_000] {
            let shown = code(&p, 42 + by);
            assert_eq!(ahead(&seed(), &p, Some(41), shown.as_bytes()), Some(by), "{by}");
        }
        assert_eq!(ahead(&seed(), &p, Some(41), code(&p, 42 + 1_001).as_bytes()), None);
        assert_eq!(ahead(&seed(), &p, Some(41), code(&p, 41).as_bytes()), None);
    }

    #[test]
    fn the_last_counters_there_are() {
        let p = p(8);
        for last in [COUNTER_MAX - 5, COUNTER_MAX - 1, COUNTER_MAX, u64::MAX] {
            for counter in [COUNTER_MAX - 3, COUNTER_MAX] {
                let hit = check(&seed(), &p, Some(last), code(&p, counter).as_bytes());
                assert_eq!(hit, Some(counter), "{last}");
            }
            // It means "none yet" in the store, and so is no counter.
            let beyond = code(&p, u64::MAX);
            assert_eq!(check(&seed(), &p, Some(last), beyond.as_bytes()), None, "{last}");
            let pair = [code(&p, COUNTER_MAX), beyond];
            assert_eq!(
                check_wide(&seed(), &p, Some(last), [pair[0].as_bytes(), pair[1].as_bytes()]),
                None
            );
        }
        let hit = ahead(&seed(), &p, Some(COUNTER_MAX - 5), code(&p, COUNTER_MAX).as_bytes());
        assert_eq!(hit, Some(4));
    }

    #[test]
    fn seeds_of_ten_bytes_and_of_a_hundred_and_every_hash_work() {
        for length in [totp::SEED_MIN, 16, 20, 32, 64, 65, 100] {
            for algorithm in [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512] {
                let (seed, p) = (Secret::new(vec![7; length]), HotpParameters { algorithm, digits: 8 });
                let shown = code_at(&seed, &p, 100);
                assert_eq!(check(&seed, &p, Some(99), shown.as_bytes()), Some(100));
            }
        }
    }
}
