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
    /// There was no connection through the proxy.
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
        Self::of_chain(error).unwrap_or(if error.is_connect() {
            Trouble::Unreachable
        } else {
            Trouble::Other
        })
    }

    /// Looks at the error and at those beneath it, down to the first that tells.
    fn of_chain(error: &(dyn Error + 'static)) -> Option<Trouble> {
        let mut next = Some(error);
        while let Some(current) = next {
            if let Some(tls) = current.downcast_ref::<rustls::Error>() {
                return Some(Trouble::Tls(shown(&tls.to_string())));
            }
            let told = match current.downcast_ref::<std::io::Error>() {
                // What an I/O error wraps is not its source but itself, and tells more than its kind.
                Some(io) => match io.get_ref() {
                    Some(inner) => Self::of_chain(inner).or_else(|| Self::of_kind(io.kind())),
                    None => Self::of_kind(io.kind()),
                },
                None => Self::of_text(current),
            };
            if told.is_some() {
                return told;
            }
            next = current.source();
        }
        None
    }

    fn of_kind(kind: ErrorKind) -> Option<Trouble> {
        match kind {
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
            Trouble::Proxy => f.write_str("no connection through the proxy"),
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Layer>>);

    #[test]
    fn r15_the_cause_is_found_beneath_other_errors() {
        let io = |kind| std::io::Error::from(kind);
        let of = |error: &(dyn Error + 'static)| Trouble::of_chain(error);
        assert_eq!(of(&io(ErrorKind::ConnectionRefused)), Some(Trouble::Refused));
        assert_eq!(of(&io(ErrorKind::NetworkUnreachable)), Some(Trouble::Unreachable));
        assert_eq!(of(&io(ErrorKind::ConnectionReset)), Some(Trouble::Closed));
        assert_eq!(
            of(&std::io::Error::other(io(ErrorKind::BrokenPipe))),
            Some(Trouble::Closed)
        );
        let tls = std::io::Error::other(std::io::Error::new(ErrorKind::InvalidData, rustls::Error::DecryptError));
        assert!(matches!(of(&tls), Some(Trouble::Tls(_))));
        let dns = Layer("client error (Connect)", Some(Box::new(Layer("dns error", None))));
        assert_eq!(of(&dns), Some(Trouble::Dns));
        assert_eq!(of(&Layer("something else", None)), None);
    }

    #[test]
    fn r22_an_unknown_authority_says_what_to_do() {
        let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let trouble = Trouble::of_chain(&unknown).expect("told");
        assert!(trouble.to_string().contains("--ca-file"), "{trouble}");
    }
}
