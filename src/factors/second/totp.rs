//! Time-based codes (RFC 6238). In: a seed, its parameters, the time, what the token's clock was ahead at its last code, and the
//! bytes that came; out: the step they belong to. Pure, and in constant time as far as the code goes: every step of the window is
//! computed and compared whatever the first ones said. Never says that a code may be used: a step is good once (R16).

use std::cmp::Ordering;

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::store::records::{Algorithm, Timestamp, TotpParameters};

/// Steps on either side of the expected one that a login accepts (RFC 6238 5.2 advises one).
pub const WINDOW: i8 = 1;

/// Steps on either side of the box's own time that a resync searches, and a diagnosis of a wrong code: ten minutes where a code
/// lasts 30 s, twenty where it lasts 60 s. A hardware token loses that in five to ten years.
pub const WIDE: i8 = 20;

/// The furthest that a token's clock may be learned to be off, in steps: as far as a resync reaches. One login moves it by one
/// step at most.
pub const DRIFT_MAX: i8 = WIDE;

/// The shortest seed that is taken, in bytes.
pub const SEED_MIN: usize = 10;

/// A step whose code came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The step (RFC 6238 T), to be spent.
    pub step: u64,
    /// Steps by which the token's clock is ahead (positive) or behind, to be remembered with the spent step; see [`learn`].
    pub drift: i8,
}

/// A step outside the window whose code came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Far {
    /// The step. Where it was spent already, an old code was sent again and no clock is wrong.
    pub step: u64,
    /// Seconds from the box's present step to it: positive where the token is ahead.
    pub seconds: i32,
}

/// The step of a moment (RFC 6238 4.2, T0 = 0). A period of zero, which no record holds, counts as one second.
pub fn step_at(p: &TotpParameters, at: Timestamp) -> u64 {
    at.seconds() / u64::from(p.period.max(1))
}

/// When a step begins.
pub fn begins(p: &TotpParameters, step: u64) -> Timestamp {
    Timestamp(step.saturating_mul(u64::from(p.period.max(1))).saturating_mul(1000))
}

/// The code of one step, for tests of a token and for the screen that enrols it. Digits outside 6 to 8, which no record holds,
/// are taken as the nearest of these.
pub fn code_at(seed: &Secret, p: &TotpParameters, step: u64) -> Zeroizing<String> {
    Zeroizing::new(arithmetic(seed, p.algorithm, p.digits).generate(step).to_string())
}

/// Whether these bytes are a code of this token about now: one step either side of the box's time and what the token was ahead
/// at its last code. Where two steps of the window share the code by chance, the later one is meant, so that it is not good again.
pub fn check(seed: &Secret, p: &TotpParameters, now: Timestamp, drift: i8, code: &[u8]) -> Option<Candidate> {
    let code = digits(p.digits, code)?;
    let present = step_at(p, now);
    let drift = drift.clamp(-DRIFT_MAX, DRIFT_MAX);
    let seen = search(
        &arithmetic(seed, p.algorithm, p.digits),
        present,
        drift - WINDOW,
        drift + WINDOW,
        code,
    )?;
    Some(Candidate {
        step: present.checked_add_signed(i64::from(seen))?,
        drift: learn(drift, seen, late(p, now)),
    })
}

/// Resync: two codes that follow each other, the first as early as [`WIDE`] steps ago and the second as late as [`WIDE`] steps
/// ahead. The step to spend is the second's.
pub fn check_wide(seed: &Secret, p: &TotpParameters, now: Timestamp, codes: [&[u8]; 2]) -> Option<Candidate> {
    let [first, second] = codes;
    let (first, second) = (digits(p.digits, first)?, digits(p.digits, second)?);
    let present = step_at(p, now);
    let totp = arithmetic(seed, p.algorithm, p.digits);
    let (mut found, mut seen, mut before) = (Choice::from(0), 0i8, Choice::from(0));
    for offset in -WIDE..=WIDE {
        let here = before & matches(&totp, present, offset, second);
        seen.conditional_assign(&offset, here);
        found |= here;
        before = matches(&totp, present, offset, first);
    }
    bool::from(found).then_some(())?;
    Some(Candidate {
        step: present.checked_add_signed(i64::from(seen))?,
        drift: seen,
    })
}

/// Diagnosis of a wrong code, never a reason to accept one: the step within [`WIDE`] of the box's time that it belongs to.
pub fn out_of_window(seed: &Secret, p: &TotpParameters, now: Timestamp, code: &[u8]) -> Option<Far> {
    let code = digits(p.digits, code)?;
    let present = step_at(p, now);
    let seen = search(&arithmetic(seed, p.algorithm, p.digits), present, -WIDE, WIDE, code)?;
    Some(Far {
        step: present.checked_add_signed(i64::from(seen))?,
        seconds: i32::from(seen) * i32::from(p.period),
    })
}

/// What to remember of a token's clock after a code that was `seen` steps from the box's time.
///
/// Ahead is proof: nobody types a code before it is shown. Behind may be a slow hand, so it counts only where `late` says that
/// the present step is half over; otherwise two slow logins would move the window away from a token that is right. One login
/// moves by one step at most, and never further than [`DRIFT_MAX`].
pub fn learn(old: i8, seen: i8, late: bool) -> i8 {
    let by = match seen.cmp(&old) {
        Ordering::Greater => 1,
        Ordering::Less if late => -1,
        _ => 0,
    };
    old.saturating_add(by).clamp(-DRIFT_MAX, DRIFT_MAX)
}

/// The highest step that a login at this moment could have spent (R20): after a restore every step up to it counts as spent.
pub fn highest_acceptable(p: &TotpParameters, now: Timestamp, drift: i8) -> u64 {
    step_at(p, now).saturating_add_signed(i64::from(drift.clamp(-DRIFT_MAX, DRIFT_MAX) + WINDOW))
}

/// Whether the present step is half over.
fn late(p: &TotpParameters, now: Timestamp) -> bool {
    let period = u64::from(p.period.max(1));
    now.seconds() % period >= period.div_ceil(2)
}

/// The bytes as text, if they are as many digits as this token has.
pub(super) fn digits(count: u8, code: &[u8]) -> Option<&str> {
    let sound = (6..=8).contains(&count) && code.len() == usize::from(count) && code.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(code).ok().filter(|_| sound)
}

/// The counter's arithmetic (RFC 4226 5.3): a step of one second, so that the time that totp-rs divides is the step itself. Its
/// own check of the seed's length is left out on purpose, since tokens of 10 bytes are in use.
pub(super) fn arithmetic(seed: &Secret, algorithm: Algorithm, digits: u8) -> Totp {
    Builder::new()
        .with_algorithm(match algorithm {
            Algorithm::Sha1 => totp_rs::Algorithm::SHA1,
            Algorithm::Sha256 => totp_rs::Algorithm::SHA256,
            Algorithm::Sha512 => totp_rs::Algorithm::SHA512,
        })
        .with_digits(digits.clamp(6, 8))
        .with_step_duration(1)
        .with_skew(0)
        .with_secret(seed.expose())
        .build_noncompliant()
}

/// Whether the step `present + offset` has this code. Steps before 1970 have none.
fn matches(totp: &Totp, present: u64, offset: i8, code: &str) -> Choice {
    match present.checked_add_signed(i64::from(offset)) {
        Some(step) => has(totp, step, code),
        None => Choice::from(0),
    }
}

/// Whether this step or counter has this code; totp-rs compares in constant time.
pub(super) fn has(totp: &Totp, step: u64, code: &str) -> Choice {
    u8::from(totp.check(code, step).is_some()).ct_eq(&1)
}

/// The highest offset in `from..=to` whose step has this code. All are computed.
fn search(totp: &Totp, present: u64, from: i8, to: i8, code: &str) -> Option<i8> {
    let (mut found, mut seen) = (Choice::from(0), 0i8);
    for offset in from..=to {
        let here = matches(totp, present, offset, code);
        seen.conditional_assign(&offset, here);
        found |= here;
    }
    bool::from(found).then_some(seen)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn p(algorithm: Algorithm, digits: u8, period: u8) -> TotpParameters {
        TotpParameters {
            algorithm,
            digits,
            period,
        }
    }

    fn usual() -> TotpParameters {
        TotpParameters::default()
    }

    fn seed() -> Secret {
        Secret::from("12345678901234567890")
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp(seconds * 1000 + 999)
    }

    fn code(p: &TotpParameters, step: u64) -> String {
        code_at(&seed(), p, step).to_string()
    }

    #[test]
    fn rfc6238_appendix_b() {
        let seeds = [
            (Algorithm::Sha1, "12345678901234567890"),
            (Algorithm::Sha256, "12345678901234567890123456789012"),
            (
                Algorithm::Sha512,
                "1234567890123456789012345678901234567890123456789012345678901234",
            ),
        ];
        let table = [
            (59, ["94287082", "46119246", "90693936"]),
            (1_111_111_109, ["07081804", "68084774", "25091201"]),
            (1_111_111_111, ["14050471", "67062674", "99943326"]),
            (1_234_567_890, ["89005924", "91819424", "93441116"]),
            (2_000_000_000, ["69279037", "90698825", "38618901"]),
            (20_000_000_000, ["65353130", "77737706", "47863826"]),
        ];
        for (time, codes) in table {
            for ((algorithm, seed), expected) in seeds.iter().zip(codes) {
                let (p, seed) = (p(*algorithm, 8, 30), Secret::from(*seed));
                let step = step_at(&p, at(time));
                assert_eq!(code_at(&seed, &p, step).as_str(), expected);
                assert_eq!(check(&seed, &p, at(time), 0, expected.as_bytes()).unwrap().step, step);
            }
        }
    }

    #[test]
    fn rfc4226_appendix_d() {
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489",
        ];
        for (counter, expected) in (0..).zip(codes) {
            assert_eq!(code(&usual(), counter), expected);
        }
    }

    #[test]
    fn r16_one_step_either_side_and_no_more() {
        for period in [30, 60] {
            for digits in [6, 8] {
                let p = p(Algorithm::Sha1, digits, period);
                let now = at(1_700_000_000);
                let present = step_at(&p, now);
                for off in -5i64..=5 {
                    let step = present.checked_add_signed(off).unwrap();
                    let got = check(&seed(), &p, now, 0, code(&p, step).as_bytes()).map(|c| c.step);
                    assert_eq!(got, (off.abs() <= 1).then_some(step), "{off}");
                    let got = check(&seed(), &p, now, 3, code(&p, step).as_bytes()).map(|c| c.step);
                    assert_eq!(got, (2..=4).contains(&off).then_some(step), "{off}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_code_is_none() {
        let p = usual();
        let now = at(59);
        for bad in [
            "",
            "28708",
            "2870822",
            "28708a",
            "+87082",
            " 87082",
            "287 82",
            "２８７０８２",
        ] {
            assert_eq!(check(&seed(), &p, now, 0, bad.as_bytes()), None, "{bad}");
            assert_eq!(out_of_window(&seed(), &p, now, bad.as_bytes()), None);
        }
        assert_eq!(check(&seed(), &p, now, 0, &[0xff; 6]), None);
        assert!(check(&seed(), &p, now, 0, b"287082").is_some());
        // Records never hold these; nothing breaks if one did.
        for odd in [TotpParameters { digits: 0, ..p }, TotpParameters { digits: 10, ..p }] {
            assert_eq!(check(&seed(), &odd, now, 0, b"0000000000"), None);
            assert!(code_at(&seed(), &odd, 1).len() >= 6);
        }
        assert_eq!(step_at(&TotpParameters { period: 0, ..p }, at(5)), 5);
    }

    #[test]
    fn seeds_of_ten_bytes_and_of_a_hundred_work() {
        for length in [SEED_MIN, 16, 20, 32, 64, 65, 100] {
            let seed = Secret::new(vec![7; length]);
            let code = code_at(&seed, &usual(), 100);
            assert_eq!(check(&seed, &usual(), at(3000), 0, code.as_bytes()).unwrap().step, 100);
        }
    }

    #[test]
    fn the_first_and_the_last_moment() {
        let p = usual();
        assert_eq!(check(&seed(), &p, Timestamp(0), 0, b"755224").unwrap().step, 0);
        assert_eq!(check(&seed(), &p, Timestamp(0), -DRIFT_MAX, b"755224"), None);
        assert_eq!(check(&seed(), &p, Timestamp(u64::MAX), 127, b"755224"), None);
        assert_eq!(highest_acceptable(&p, Timestamp(0), 0), 1);
    }

    #[test]
    fn drift_is_learned_by_one_step_at_most_and_within_bounds() {
        assert_eq!(learn(0, 1, false), 1);
        assert_eq!(learn(0, 3, false), 1);
        assert_eq!(learn(0, 0, true), 0);
        assert_eq!(learn(DRIFT_MAX, DRIFT_MAX + 1, true), DRIFT_MAX);
        assert_eq!(learn(-DRIFT_MAX, -DRIFT_MAX - 1, true), -DRIFT_MAX);
        // A slow hand is no slow clock.
        assert_eq!(learn(0, -1, false), 0);
        assert_eq!(learn(0, -1, true), -1);
    }

    #[test]
    fn a_drifting_token_is_followed_and_a_slow_hand_is_not_locked_out() {
        let p = usual();
        // A token that loses a second with each login, 10 minutes in all: every login works.
        let mut drift = 0;
        for lost in 0..590u64 {
            let now = 1_700_000_000 + lost * 86_400 + lost % 30;
            let shown = step_at(&p, at(now - lost));
            let found = check(&seed(), &p, at(now), drift, code(&p, shown).as_bytes());
            drift = found.unwrap_or_else(|| panic!("after {lost} s with {drift}")).drift;
        }
        assert_eq!(drift, -19);
        // A right token, typed up to a whole period after it was shown, then at once: every login works.
        let mut drift = 0;
        for n in 0..3_000u64 {
            let now = 1_700_000_000 + n * 3_607;
            let slow = if n % 5 == 4 { 0 } else { n % 30 };
            let shown = step_at(&p, at(now - slow));
            let found = check(&seed(), &p, at(now), drift, code(&p, shown).as_bytes());
            drift = found.unwrap_or_else(|| panic!("login {n} with {drift}")).drift;
        }
    }

    #[test]
    fn resync_takes_two_codes_that_follow_each_other() {
        let p = usual();
        let now = at(1_700_000_000);
        let present = step_at(&p, now);
        let pair = |first: i64, second: i64| {
            let first = code(&p, present.checked_add_signed(first).unwrap());
            let second = code(&p, present.checked_add_signed(second).unwrap());
            check_wide(&seed(), &p, now, [first.as_bytes(), second.as_bytes()])
        };
        for start in -20..=19 {
            let step = present.checked_add_signed(start + 1).unwrap();
            let drift = i8::try_from(start + 1).unwrap();
            assert_eq!(pair(start, start + 1), Some(Candidate { step, drift }), "{start}");
        }
        assert_eq!(pair(-21, -20), None);
        assert_eq!(pair(20, 21), None);
        assert_eq!(pair(3, 3), None);
        assert_eq!(pair(3, 5), None);
        assert_eq!(pair(4, 3), None);
        // What was learned there is what the next login is looked for with.
        let drift = pair(11, 12).unwrap().drift;
        let next = code(&p, present + 13);
        assert_eq!(
            check(&seed(), &p, at(1_700_000_030), drift, next.as_bytes())
                .unwrap()
                .step,
            present + 13
        );
    }

    #[test]
    fn a_far_code_is_told_by_its_seconds() {
        let now = at(1_700_000_000);
        for (period, off, seconds) in [(30, -3i64, -90), (30, 20, 600), (60, -20, -1200), (60, 2, 120)] {
            let p = p(Algorithm::Sha256, 6, period);
            let step = step_at(&p, now).checked_add_signed(off).unwrap();
            let shown = code(&p, step);
            assert_eq!(
                out_of_window(&seed(), &p, now, shown.as_bytes()),
                Some(Far { step, seconds })
            );
            assert_eq!(check(&seed(), &p, now, 0, shown.as_bytes()), None);
        }
        let p = usual();
        let beyond = code(&p, step_at(&p, now) + 21);
        assert_eq!(out_of_window(&seed(), &p, now, beyond.as_bytes()), None);
    }

    #[test]
    fn r20_the_highest_step_is_the_last_that_check_takes() {
        let p = usual();
        let now = at(1_700_000_000);
        for drift in [-20, -3, 0, 7, 20] {
            let top = highest_acceptable(&p, now, drift);
            assert_eq!(
                check(&seed(), &p, now, drift, code(&p, top).as_bytes()).unwrap().step,
                top
            );
            assert_eq!(check(&seed(), &p, now, drift, code(&p, top + 1).as_bytes()), None);
        }
    }

    #[test]
    fn begins_is_the_inverse_of_step_at() {
        let p = p(Algorithm::Sha1, 6, 60);
        assert_eq!(step_at(&p, begins(&p, 12_345)), 12_345);
        assert_eq!(begins(&p, 2), Timestamp(120_000));
    }
}
