//! Enrolment: what hands a token to a person. In: keys, names, token files; out: an `otpauth` URI, a QR code as lines of text,
//! rows on their way to posternd. Pure: no file is opened here, nothing is decided, nothing is stored.

pub mod azure_csv;
pub mod base32;
pub mod batches;
pub mod otpauth;
pub mod qr;
