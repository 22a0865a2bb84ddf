//! Why a directory could not say anything. In: an error of the HTTP library, or a status; out: one plain word for operators.
//! Never carries a URL's query, a body, or anything of the request.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;

use crate::text::shown;

/// What stood between the question and an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// The deadline passed.
    Timeout,
    /// The authority's name has no address.
    Dns,
    /// Nothing listens there.
    Refused,
    /// There is no way there.
    Unreachable,
    /// TLS failed; what the library said, safe to show.
    Tls(String),
    /// The connection ended before the answer did.
    Closed,
    /// The proxy did not let the request through.
    Proxy,
    /// Throttled: HTTP 429.
    Throttled,
    /// Another HTTP status that is no answer.
    Status(u16),
    /// The body is no JSON object of the known shape.
    NotJson,
    /// The body is longer than [`super::answer::BODY_MAX`].
    TooLarge,
    /// HTTP 200 without an access token.
    NoToken,
    /// An error without any AADSTS code: whatever answers there is not Entra.
    NoCode,
    /// Anything else.
    Other,
}

impl Trouble {
    /// Reads an error of the HTTP library.
    pub fn of(error: &reqwest::Error) -> Trouble {
        if error.is_timeout() {
            return Trouble::Timeout;
        }
        if error.is_dns() {
            return Trouble::Dns;
        }
        let mut next: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(current) = next {
            if let Some(tls) = current.downcast_ref::<rustls::Error>() {
                return Trouble::Tls(shown(&tls.to_string()));
            }
            if let Some(io) = current.downcast_ref::<std::io::Error>() {
                if let Some(trouble) = Self::of_io(io) {
                    return trouble;
                }
            } else if let Some(trouble) = Self::of_text(current) {
                return trouble;
            }
            next = current.source();
        }
        if error.is_connect() {
            Trouble::Unreachable
        } else {
            Trouble::Other
        }
    }

    fn of_io(io: &std::io::Error) -> Option<Trouble> {
        if let Some(tls) = io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Some(Trouble::Tls(shown(&tls.to_string())));
        }
        match io.kind() {
            ErrorKind::ConnectionRefused => Some(Trouble::Refused),
            ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable | ErrorKind::AddrNotAvailable => {
                Some(Trouble::Unreachable)
            }
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::NotConnected => Some(Trouble::Closed),
            ErrorKind::TimedOut => Some(Trouble::Timeout),
            _ => None,
        }
    }

    /// The library below keeps these kinds to itself; its words are all there is. They only choose an operator's word.
    fn of_text(error: &(dyn Error + 'static)) -> Option<Trouble> {
        let text = error.to_string();
        if text.starts_with("dns error") {
            Some(Trouble::Dns)
        } else if text.contains("before message completed") {
            Some(Trouble::Closed)
        } else if text.starts_with("tunnel error") || text.contains("proxy auth") {
            Some(Trouble::Proxy)
        } else {
            None
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Timeout => f.write_str("no answer in time"),
            Trouble::Dns => f.write_str("its name has no address (check DNS)"),
            Trouble::Refused => f.write_str("connection refused"),
            Trouble::Unreachable => f.write_str("not reachable (check the network)"),
            Trouble::Tls(why) => {
                write!(f, "TLS failed: {why}")?;
                if why.contains("UnknownIssuer") {
                    f.write_str(" (if its authority is a private one, name it with --ca-file)")?;
                }
                Ok(())
            }
            Trouble::Closed => f.write_str("the connection was closed before the answer came"),
            Trouble::Proxy => f.write_str("the proxy refused the connection"),
            Trouble::Throttled => f.write_str("too many requests (HTTP 429)"),
            Trouble::Status(status) => write!(f, "HTTP status {status}"),
            Trouble::NotJson => f.write_str("the answer is not what Entra sends (no JSON)"),
            Trouble::TooLarge => f.write_str("the answer is too long to come from Entra"),
            Trouble::NoToken => f.write_str("HTTP 200 without a token"),
            Trouble::NoCode => f.write_str("an error without a code: this is not Entra (check --authority)"),
            Trouble::Other => f.write_str("the request failed"),
        }
    }
}
