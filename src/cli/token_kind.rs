//! How a new token makes its codes, as it is typed. In: words; out: parameters, and where a counter begins.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::args::number;
use crate::control::{Algorithm, Failure, HotpParameters, OtpParameters, TotpParameters, check};

/// What a token file does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub struct ParameterArgs {
    /// Hash of the codes
    #[arg(long, default_value = "sha1")]
    pub algorithm: Algorithm,
    /// Digits of a code
    #[arg(long, default_value = "6", value_parser = PossibleValuesParser::new(["6", "8"]).map(number))]
    pub digits: u8,
}

/// What moves a token's codes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The time (RFC 6238)
    Totp,
    /// A counter (RFC 4226); some apps do not know it
    Hotp,
}

/// How a new token makes its codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub struct KindArgs {
    /// What moves the codes on
    #[arg(long, default_value = "totp")]
    kind: Kind,
    /// Hash and digits.
    #[command(flatten)]
    parameters: ParameterArgs,
    /// Seconds a code lasts, of a totp token [default: 30]
    #[arg(long, value_parser = PossibleValuesParser::new(["30", "60"]).map(number))]
    period: Option<u8>,
    /// Counter of the next code, of a hotp token [default: 0]
    #[arg(long, value_name = "N")]
    counter: Option<u64>,
}

impl KindArgs {
    /// The parameters and the counter, 0 where the time moves the codes on.
    ///
    /// # Errors
    /// One line: what does not fit together.
    pub fn understood(self) -> Result<(OtpParameters, u64), Failure> {
        let ParameterArgs { algorithm, digits } = self.parameters;
        let parameters = match (self.kind, self.period, self.counter) {
            (Kind::Totp, _, Some(_)) => return Err(Failure::usage("--counter needs --kind hotp")),
            (Kind::Hotp, Some(_), _) => {
                return Err(Failure::usage(
                    "--period is for --kind totp: the codes of a hotp token last until they are used",
                ));
            }
            (Kind::Totp, period, None) => OtpParameters::Totp(TotpParameters {
                algorithm,
                digits,
                period: period.unwrap_or(TotpParameters::default().period),
            }),
            (Kind::Hotp, None, _) => OtpParameters::Hotp(HotpParameters { algorithm, digits }),
        };
        let counter = self.counter.unwrap_or(0);
        check::counter(parameters, counter)?;
        Ok((parameters, counter))
    }
}
