//! What the commands show. In: what lies on a reader, what the box knows; out: lines. Pure.

use crate::control::{Algorithm, TokenInfo, TokenSource, TokenStatus, TotpParameters};
use crate::text::shown;
use crate::tokens::desk::{Placed, Reader};
use crate::tokens::program::Kind;

/// A reader: how it is named, what it is, why it cannot be used.
pub fn reader(reader: &Reader) -> String {
    let state = match (&reader.trouble, reader.proven) {
        (Some(trouble), _) => format!("cannot be used: {trouble}"),
        (None, true) => "reader".to_owned(),
        (None, false) => "not asked: name it to use it".to_owned(),
    };
    // The name stands in the device already where pcscd knows it.
    let name = match reader.device.split_once(':') {
        Some(("pcsc", name)) if shown(name) == reader.name => String::new(),
        _ => format!(" ({})", shown(&reader.name)),
    };
    format!("{}{name}: {state}", shown(&reader.device))
}

/// A token that lies on a reader, in one line.
pub fn placed(placed: &Placed) -> String {
    let mut line = format!("{} {}", placed.model, shown(&placed.serial));
    if let Some(ahead) = placed.clock_ahead {
        line.push_str(&format!(", {}", drift(ahead)));
    }
    line
}

/// How far a token's clock is from the box's.
pub fn drift(ahead: i64) -> String {
    let seconds = ahead.unsigned_abs();
    let far = match seconds {
        0 => return "its clock is right".to_owned(),
        1..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    };
    format!("its clock is {far} {}", if ahead > 0 { "ahead" } else { "behind" })
}

/// What will be written, for whom.
pub fn will_be(user: &str, kind: Kind, profile: Option<u8>, p: TotpParameters) -> Vec<String> {
    let hash = match p.algorithm {
        Algorithm::Sha1 => "SHA-1",
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha512 => "SHA-512",
    };
    let place = profile.map_or("it gets".to_owned(), |number| format!("its profile {number} gets"));
    let mut lines = vec![format!(
        "{place} a new seed for {}: {hash}, {} digits, {} s; what it held before is gone then",
        shown(user),
        p.digits,
        p.period
    )];
    if kind == Kind::Single {
        lines.push(
            "whoever records the radio between reader and token can read the seed: program it away from others"
                .to_owned(),
        );
    }
    lines
}

/// A token of the box, as one speaks of it.
pub fn token(token: &TokenInfo) -> String {
    let state = match token.status {
        TokenStatus::Active => "which counts",
        TokenStatus::Pending => "which waits for its code",
        TokenStatus::Resync => "which needs a resync",
    };
    format!("token {} of {}, {state}", token.id.0, shown(&token.user))
}

/// A hardware token that the box has, by what is printed on it.
pub fn hardware(token: &TokenInfo) -> String {
    let profile = match token.source {
        TokenSource::Programmed(programmed) => programmed.profile,
        TokenSource::App | TokenSource::File => None,
    };
    let place = profile.map_or(String::new(), |number| format!(", profile {number}"));
    format!("{} {}{place}", token.model, shown(&token.serial))
        .trim()
        .to_owned()
}
