//! What can be seen to be wrong before anything is asked. Both sides use it: the command line to answer at once, the daemon
//! because its word is what counts. In: what an operator named; out: nothing, or one line that says what is wrong. Pure.

pub mod machine;
mod otp;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::asks::{BYPASS_MINUTES_MAX, ClientFields, Delimiter};
use super::ops::Failure;
use crate::store::records::{First, Mode, Net, Unmatched};
use crate::text::{is_invisible, shown};

pub use otp::{
    COUNTER_MAX, CUSTOMER_KEY_MAX, PROFILES_MAX, counter, customer_key, otp_parameters, parameters, programmable,
    serial,
};

/// Most bytes of a shared secret (RFC 2865 sets no limit; gateways stop at 128 or before).
pub const SHARED_SECRET_MAX: usize = 128;
/// A shared secret below this is guessed offline from one packet (RFC 2865 3: "at least 16 octets").
pub const SHARED_SECRET_WARN: usize = 16;
/// Most bytes of a client's name or a serial number.
pub const NAME_MAX: usize = 64;
/// Most bytes of a user's name: User-Name holds 253 (RFC 2865 5.1).
pub const USER_NAME_MAX: usize = 253;
/// Most bytes of a prompt: one Reply-Message (RFC 2865 5.18).
pub const PROMPT_MAX: usize = 253;
/// The longest delay of an Access-Reject: clients give up after 3 to 10 s.
pub const REJECT_DELAY_MAX: Duration = Duration::from_secs(10);
/// The shortest and longest time a directory may have.
pub const DEADLINE_RANGE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));
/// The shortest and longest time a challenge may stand open.
pub const CHALLENGE_RANGE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(600));

/// The text of a range: `192.0.2.0/24`, and a single address without a length.
pub fn net_text(net: &Net) -> String {
    let whole = if net.address.is_ipv4() { 32 } else { 128 };
    if net.length == whole {
        net.address.to_string()
    } else {
        format!("{}/{}", net.address, net.length)
    }
}

/// `ADDRESS` or `ADDRESS/LENGTH`. An IPv4-mapped IPv6 address becomes IPv4 (R8).
///
/// # Errors
/// One line: not an address, length too great, host bits set.
pub fn parse_net(text: &str) -> Result<Net, String> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| {
        let what = Some(shown(text)).filter(|text| !text.is_empty());
        let what = what.unwrap_or_else(|| "nothing".to_owned());
        format!("{what} is not an IP address: write it as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/64")
    })?;
    let whole: u8 = if address.is_ipv4() { 32 } else { 128 };
    let mut length: u8 = match length {
        None => whole,
        Some(length) => length
            .parse()
            .ok()
            .filter(|l| *l <= whole && length.bytes().all(|b| b.is_ascii_digit()))
            .ok_or_else(|| format!("{} has a bad length: it is 0 to {whole} bits", shown(text)))?,
    };
    let mut address = address;
    if let IpAddr::V6(v6) = address
        && let Some(v4) = v6.to_ipv4_mapped()
    {
        if length < 96 {
            return Err(format!("{} spans more than IPv4: write the range as IPv4", shown(text)));
        }
        address = IpAddr::V4(v4);
        length -= 96;
    }
    let base = masked(address, length);
    if base != address {
        return Err(format!(
            "{} has bits set beyond its length: did you mean {base}/{length} or {address} alone?",
            shown(text)
        ));
    }
    Ok(Net { address, length })
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

/// The value of `--first`: `none`, or a list of what is built. Users with a local password are checked against it wherever they
/// come from (R4), so `local` beside a directory adds nothing.
///
/// # Errors
/// One line: unknown, not built yet, named twice, `none` with others.
pub fn parse_first(text: &str) -> Result<First, String> {
    let mut found: Vec<&str> = Vec::new();
    for word in text.split(',') {
        match word {
            "entra" | "local" | "none" => {}
            "ldap" | "upstream" => {
                return Err(format!(
                    "--first {word} is not built yet: it takes entra, local or none"
                ));
            }
            _ => {
                return Err(format!(
                    "--first does not know {}: it takes entra, local or none",
                    shown(word)
                ));
            }
        }
        if found.contains(&word) {
            return Err(format!("--first names {word} twice"));
        }
        found.push(word);
    }
    match (found.contains(&"none"), found.contains(&"entra"), found.len()) {
        (true, _, 1) => Ok(First::None),
        (true, _, _) => Err("--first none stands alone: leave the others out".to_owned()),
        (false, true, _) => Ok(First::Entra),
        (false, false, _) => Ok(First::Local),
    }
}

/// The rule of R2 on mode, first factor and unmatched users. `first` is what the operator named, if anything; the answer is what
/// stands then.
///
/// # Errors
/// [`super::FailureKind::Usage`] for `code-only` with a first factor, `none` without `code-only`, and `code-only` with
/// `password-only`.
pub fn mode_and_first(mode: Mode, first: Option<First>, unmatched: Unmatched) -> Result<First, Failure> {
    let first = match (mode, first) {
        (Mode::CodeOnly, None | Some(First::None)) => First::None,
        (Mode::CodeOnly, Some(_)) => {
            return Err(Failure::usage(
                "mode code-only checks no password: leave --first out, or choose mode append or challenge",
            ));
        }
        (_, Some(First::None)) => {
            return Err(Failure::usage(
                "--first none goes with --mode code-only alone: name a first factor, or choose that mode",
            ));
        }
        (_, Some(first)) => first,
        (_, None) => First::default(),
    };
    if mode == Mode::CodeOnly && unmatched == Unmatched::PasswordOnly {
        return Err(Failure::usage(
            "mode code-only refuses users that are not in the store: leave --unmatched-users password-only out",
        ));
    }
    Ok(first)
}

/// The fields of a client, each for itself.
///
/// # Errors
/// [`super::FailureKind::Usage`] with the field and its bounds.
pub fn client_fields(fields: &ClientFields) -> Result<(), Failure> {
    if let Some(secret) = &fields.secret {
        shared_secret(secret.expose())?;
    }
    if let Some(delay) = fields.reject_delay
        && delay > REJECT_DELAY_MAX
    {
        return Err(Failure::usage(
            "--reject-delay is 0 to 10s: gateways give up after that",
        ));
    }
    range("--deadline", fields.deadline, DEADLINE_RANGE)?;
    range("--challenge-timeout", fields.challenge_timeout, CHALLENGE_RANGE)?;
    if let Some(prompt) = &fields.prompt
        && (prompt.is_empty() || prompt.len() > PROMPT_MAX || prompt.chars().any(char::is_control))
    {
        return Err(Failure::usage("--prompt is one line of 1 to 253 bytes"));
    }
    if let Some(Delimiter::Is(c)) = fields.delimiter
        && (c.is_control() || c.is_alphanumeric() || is_invisible(c))
    {
        return Err(Failure::usage(
            "--delimiter is one character that is neither letter, digit nor control character, or '' for none",
        ));
    }
    if fields.in_flight == Some(0) {
        return Err(Failure::usage("--in-flight is 1 or more"));
    }
    Ok(())
}

fn range(name: &str, value: Option<Duration>, (least, most): (Duration, Duration)) -> Result<(), Failure> {
    match value {
        Some(value) if value < least || value > most => Err(Failure::usage(format!("{name} is {least:?} to {most:?}"))),
        _ => Ok(()),
    }
}

/// A RADIUS shared secret (RFC 2865 3: not empty).
///
/// # Errors
/// [`super::FailureKind::Usage`]: empty, too long, or with a control character, which no gateway can be told.
pub fn shared_secret(secret: &[u8]) -> Result<(), Failure> {
    if secret.is_empty() {
        return Err(Failure::usage(
            "the shared secret is empty: give one of 16 characters or more",
        ));
    }
    if secret.len() > SHARED_SECRET_MAX {
        return Err(Failure::usage(
            "the shared secret is longer than 128 bytes: gateways do not take that",
        ));
    }
    if secret.iter().any(u8::is_ascii_control) {
        return Err(Failure::usage(
            "the shared secret holds a line break or another control character: put it on one line alone",
        ));
    }
    Ok(())
}

/// The name of a client: what an operator can type and read.
///
/// # Errors
/// [`super::FailureKind::Usage`].
pub fn client_name(name: &str) -> Result<(), Failure> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(plain) || name.starts_with('-') {
        return Err(Failure::usage(format!(
            "{} is no name for a client: use letters, digits, dots, dashes and underscores, 64 bytes at most",
            if name.is_empty() { "''".to_owned() } else { shown(name) }
        )));
    }
    Ok(())
}

/// A user's name as typed: whether it can be one at all. The canonical form is the daemon's matter (R3).
///
/// # Errors
/// [`super::FailureKind::Usage`].
pub fn user_name(name: &str) -> Result<(), Failure> {
    if name.trim().is_empty() {
        return Err(Failure::usage("the user's name is empty"));
    }
    if name.len() > USER_NAME_MAX {
        return Err(Failure::usage(
            "the user's name is longer than 253 bytes: RADIUS cannot carry it",
        ));
    }
    if name.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Err(Failure::usage(format!(
            "the user's name {} holds a character that cannot be seen: type it again by hand",
            shown(name)
        )));
    }
    Ok(())
}

/// How long a bypass code is good for (R18).
///
/// # Errors
/// [`super::FailureKind::Usage`].
pub fn bypass_minutes(minutes: u8) -> Result<(), Failure> {
    if (1..=BYPASS_MINUTES_MAX).contains(&minutes) {
        Ok(())
    } else {
        Err(Failure::usage("--minutes is 1 to 60"))
    }
}

/// A code as a person types it: blanks within are dropped.
///
/// # Errors
/// [`super::FailureKind::Usage`]: not 6 or 8 digits.
pub fn code(text: &str) -> Result<String, Failure> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if matches!(digits.len(), 6 | 8) && digits.bytes().all(|b| b.is_ascii_digit()) {
        Ok(digits)
    } else {
        Err(Failure::usage("a code is 6 or 8 digits, as the token shows it"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
