//! What a token of the box can be: hash, digits, period, counter. Pure.

use super::Failure;
use crate::store::records::{OtpParameters, TotpParameters};

/// The highest counter that a token may begin with: token files know no higher one (RFC 6030 4.2, `xs:long`).
pub const COUNTER_MAX: u64 = i64::MAX.unsigned_abs();

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
        OtpParameters::Hotp(_) if counter > COUNTER_MAX => {
            Err(Failure::usage(format!("the counter is {COUNTER_MAX} at most")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::store::records::{Algorithm, HotpParameters};

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
}
