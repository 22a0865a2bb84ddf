//! Requests, built and signed: for the probe that asks this server itself, for tests and for the load generator. In: identifier,
//! authenticator (random bytes, given by the caller) and attributes; out: signed bytes.

use super::reply::{finish, push, put_authenticator, put_message_authenticator, start};
use super::{Authenticator, BuildError, SharedSecret, encode_user_password, kinds};

/// A request in the making. Attributes stand in the order they were added, behind the Message-Authenticator.
#[derive(Clone)]
pub struct Request {
    bytes: Vec<u8>,
    authenticator: Authenticator,
    accounting: bool,
    signs_message: bool,
    error: Option<BuildError>,
}

impl Request {
    /// An Access-Request with a Message-Authenticator as first attribute. The authenticator must be unpredictable and never used
    /// twice under one secret (RFC 2865 section 3).
    pub fn access(identifier: u8, authenticator: Authenticator) -> Self {
        Self::start(kinds::ACCESS_REQUEST, identifier, authenticator, true)
    }

    /// An Access-Request as old gateways send it, without a Message-Authenticator.
    pub fn access_without_message_authenticator(identifier: u8, authenticator: Authenticator) -> Self {
        Self::start(kinds::ACCESS_REQUEST, identifier, authenticator, false)
    }

    /// A Status-Server (RFC 5997), which always has a Message-Authenticator.
    pub fn status_server(identifier: u8, authenticator: Authenticator) -> Self {
        Self::start(kinds::STATUS_SERVER, identifier, authenticator, true)
    }

    /// An Accounting-Request, whose authenticator is computed from its bytes (RFC 2866 section 3).
    pub fn accounting(identifier: u8) -> Self {
        Self::start(kinds::ACCOUNTING_REQUEST, identifier, [0; 16], false)
    }

    /// An Accounting-Request with a Message-Authenticator, computed over a zero authenticator.
    pub fn accounting_with_message_authenticator(identifier: u8) -> Self {
        Self::start(kinds::ACCOUNTING_REQUEST, identifier, [0; 16], true)
    }

    fn start(code: u8, identifier: u8, authenticator: Authenticator, signs_message: bool) -> Self {
        Self {
            bytes: start(code, identifier, &authenticator, signs_message),
            authenticator,
            accounting: code == kinds::ACCOUNTING_REQUEST,
            signs_message,
            error: None,
        }
    }

    /// Adds an attribute. A value over 253 bytes is an error that [`Request::sign`] tells.
    pub fn attribute(mut self, kind: u8, value: &[u8]) -> Self {
        if let Err(error) = push(&mut self.bytes, kind, value) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Adds a number of 32 bits.
    pub fn number(self, kind: u8, value: u32) -> Self {
        self.attribute(kind, &value.to_be_bytes())
    }

    /// Adds a User-Password, encoded for this request's authenticator. One over 128 bytes is an error that [`Request::sign`] tells.
    pub fn user_password(mut self, password: &[u8], secret: &SharedSecret) -> Self {
        match encode_user_password(password, &self.authenticator, secret) {
            Ok(value) => self.attribute(kinds::USER_PASSWORD, &value),
            Err(error) => {
                self.error.get_or_insert(error);
                self
            }
        }
    }

    /// The signed bytes.
    pub fn sign(mut self, secret: &SharedSecret) -> Result<Vec<u8>, BuildError> {
        finish(&mut self.bytes, self.error)?;
        if self.signs_message {
            put_message_authenticator(&mut self.bytes, secret);
        }
        if self.accounting {
            let authenticator = secret.md5_after(&[&self.bytes]);
            put_authenticator(&mut self.bytes, &authenticator);
        }
        Ok(self.bytes)
    }
}

/// Shows the size only.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
