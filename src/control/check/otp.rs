//! What a token of the box can be: hash, digits, period, counter, serial number. Pure.

use super::{Failure, NAME_MAX};
use crate::store::records::{Algorithm, OtpParameters, TotpParameters};
use crate::text::{is_invisible, shown};

/// The highest counter that a token may begin with: no key is pressed so often, and a number typed wrong is found out. Below every step
/// of the time ([`crate::store::records::TIME_STEPS`]).
pub const COUNTER_MAX: u64 = 10_000_000;

/// Profiles of the largest Molto-2.
pub const PROFILES_MAX: u8 = 100;
/// Most bytes of a customer key; the token keeps a hash of it only.
pub const CUSTOMER_KEY_MAX: usize = 64;

/// Whether a token of the box can make its codes so.
///
/// # Errors
/// [`super::super::FailureKind::Usage`].
pub fn otp_parameters(parameters: OtpParameters) -> Result<(), Failure> {
    match parameters {
        OtpParameters::Totp(p) => self::parameters(p),
        OtpParameters::Hotp(p) => self::parameters(TotpParameters {
            algorithm: p.algorithm,
            digits: p.digits,
            period: 30,
        }),
    }
}

/// Whether a token of the box can be of this hash, digits and period.
///
/// # Errors
/// One line.
pub fn parameters(parameters: TotpParameters) -> Result<(), Failure> {
    if !matches!(parameters.digits, 6 | 8) {
        return Err(Failure::usage("--digits is 6 or 8"));
    }
    if !matches!(parameters.period, 30 | 60) {
        return Err(Failure::usage("--period is 30 or 60"));
    }
    Ok(())
}

/// Whether such a token can begin with this counter; 0 where the time moves it.
///
/// # Errors
/// One line.
pub fn counter(parameters: OtpParameters, counter: u64) -> Result<(), Failure> {
    match parameters {
        OtpParameters::Totp(_) if counter != 0 => Err(Failure::usage(
            "a counter was named, but the time moves this token's codes: leave the counter out, or make it a counter token (hotp)",
        )),
        OtpParameters::Hotp(_) if counter > COUNTER_MAX => Err(Failure::usage(format!(
            "the counter is {COUNTER_MAX} at most: correct it"
        ))),
        _ => Ok(()),
    }
}

/// A serial number, as printed on a token or as the token says.
///
/// # Errors
/// [`super::super::FailureKind::Usage`]: empty, too long, or with a character that cannot be seen.
pub fn serial(serial: &str) -> Result<(), Failure> {
    if serial.trim().is_empty() {
        return Err(Failure::usage(
            "the serial number is empty: type what is printed on the token",
        ));
    }
    if serial.len() > NAME_MAX || serial.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Err(Failure::usage(format!(
            "the serial number {} is longer than {NAME_MAX} bytes or holds what cannot be seen",
            shown(serial)
        )));
    }
    Ok(())
}

/// Whether a hardware token can be programmed so: a single-profile token shows 6 digits, a profile of a Molto-2 6 or 8 (it can
/// more, the box does not); neither knows SHA-512.
///
/// # Errors
/// [`super::super::FailureKind::Usage`].
pub fn programmable(profile: Option<u8>, p: TotpParameters) -> Result<(), Failure> {
    parameters(p)?;
    if p.algorithm == Algorithm::Sha512 {
        return Err(Failure::usage("hardware tokens know no sha512: take sha1 or sha256"));
    }
    match profile {
        None if p.digits != 6 => Err(Failure::usage(
            "a single-profile token shows 6 digits: leave --digits out",
        )),
        Some(profile) if profile >= PROFILES_MAX => Err(Failure::usage(format!(
            "a token has {PROFILES_MAX} profiles at most: --profile is 0 to {}",
            PROFILES_MAX - 1
        ))),
        _ => Ok(()),
    }
}

/// The customer key of Molto-2 tokens.
///
/// # Errors
/// [`super::super::FailureKind::Usage`]: empty or too long.
pub fn customer_key(key: &[u8]) -> Result<(), Failure> {
    if key.is_empty() || key.len() > CUSTOMER_KEY_MAX {
        return Err(Failure::usage(format!(
            "the customer key has {} bytes: it is 1 to {CUSTOMER_KEY_MAX}, as it was set on the tokens",
            key.len()
        )));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::store::records::HotpParameters;

    fn hotp(digits: u8) -> OtpParameters {
        OtpParameters::Hotp(HotpParameters {
            algorithm: Algorithm::Sha1,
            digits,
        })
    }

    #[test]
    fn a_counter_token_has_six_or_eight_digits_and_a_counter() {
        let totp = OtpParameters::default();
        assert!(otp_parameters(hotp(6)).is_ok() && otp_parameters(hotp(8)).is_ok() && otp_parameters(totp).is_ok());
        assert!(otp_parameters(hotp(7)).is_err());
        assert!(counter(totp, 0).is_ok() && counter(hotp(6), 0).is_ok() && counter(hotp(6), COUNTER_MAX).is_ok());
        assert!(counter(totp, 1).is_err() && counter(hotp(6), COUNTER_MAX + 1).is_err());
    }

    #[test]
    fn serial_numbers_and_customer_keys() {
        assert!(serial("8659622000001").is_ok() && serial("A-1 b").is_ok());
        for bad in ["", " ", "a\nb", "a\u{202e}b", &"1".repeat(65)] {
            assert!(serial(bad).is_err(), "{bad:?}");
        }
        assert!(customer_key(b"k").is_ok() && customer_key(&[1; 64]).is_ok());
        assert!(customer_key(b"").is_err() && customer_key(&[1; 65]).is_err());
    }

    #[test]
    fn only_what_a_hardware_token_can_do_is_programmed() {
        let p = |algorithm, digits, period| TotpParameters {
            algorithm,
            digits,
            period,
        };
        use Algorithm::{Sha1, Sha256, Sha512};
        for (profile, good) in [
            (None, p(Sha1, 6, 30)),
            (None, p(Sha256, 6, 60)),
            (Some(0), p(Sha1, 8, 30)),
            (Some(99), p(Sha256, 6, 60)),
        ] {
            assert!(programmable(profile, good).is_ok(), "{profile:?} {good:?}");
        }
        for (profile, bad) in [
            (None, p(Sha1, 8, 30)),
            (None, p(Sha512, 6, 30)),
            (Some(1), p(Sha512, 6, 30)),
            (Some(1), p(Sha1, 4, 30)),
            (Some(1), p(Sha1, 10, 30)),
            (Some(1), p(Sha1, 6, 15)),
            (Some(100), p(Sha1, 6, 30)),
        ] {
            let failure = programmable(profile, bad).unwrap_err();
            assert_eq!(failure.exit_status(), 2, "{profile:?} {bad:?}");
        }
    }
}
