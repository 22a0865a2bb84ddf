//! Hardware tokens as text: whose they are, what nobody has yet.

use jiff::tz::TimeZone;

use super::people::token_line;
use super::{parameters, word};
use crate::control::{OtpParameters, SerialReport, TokenInfo, TokenSource, TokenStatus, UnassignedInfo};
use crate::times::shown_at;

/// A token of a user's in a list: the user, the token, how far it is.
pub fn hardware_row(token: &TokenInfo, zone: &TimeZone) -> String {
    let mut line = format!("{:<40} {}", token.user, token_line(token, zone));
    if let TokenSource::Programmed(programmed) = token.source {
        if let Some(profile) = programmed.profile {
            line.push_str(&format!(", profile {profile}"));
        }
        line.push_str(&match (token.status, programmed.written) {
            (TokenStatus::Pending, None) => ", begun and not written: program it again".to_owned(),
            (TokenStatus::Pending, Some(at)) => format!(", written {}: waits for its code", shown_at(at, zone)),
            (TokenStatus::Active | TokenStatus::Resync, _) => ", programmed here".to_owned(),
        });
    }
    line
}

/// A token that nobody has yet.
pub fn unassigned_row(token: &UnassignedInfo, zone: &TimeZone) -> String {
    let p = token.parameters;
    let kind = match p {
        OtpParameters::Totp(_) => p.period(),
        OtpParameters::Hotp(_) => None,
    };
    format!(
        "{:<24} {}, {}, since {}",
        token.serial,
        token.model,
        parameters(&word(&p.algorithm()), p.digits(), kind),
        shown_at(token.created, zone)
    )
}

/// What is known of a serial number.
pub fn serial(report: &SerialReport, zone: &TimeZone) -> Vec<String> {
    if report.tokens.is_empty() && report.unassigned.is_empty() {
        return vec!["no token has that serial number".to_owned()];
    }
    let users = report.tokens.iter().map(|token| hardware_row(token, zone));
    let nobody = report.unassigned.iter();
    let nobody = nobody.map(|token| format!("{:<40} {}", "(unassigned)", unassigned_row(token, zone)));
    users.chain(nobody).collect()
}
