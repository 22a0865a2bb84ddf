//! Enrolment: what hands a token to a person. In: keys, names, token files; out: an `otpauth` URI, a QR code as lines of text,
//! rows ready for the store. Pure: no file is opened here, nothing is decided, nothing is stored.

pub mod azure_csv;
pub mod base32;
pub mod otpauth;
pub mod qr;
