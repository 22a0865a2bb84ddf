//! Enrolment: what hands a token to a person. In: keys, names, token files; out: an `otpauth` URI, a QR code as lines of text,
//! rows on their way to posternd, token files. Pure but for `new_file`, which writes the one file that somebody asked for: nothing is
//! decided, nothing is stored.
//!
//! - `token_file` reads a token file of any kind: `azure_csv`, `graph_json`, `pskc`, `otpauth_list` make `rows` of it
//! - `batches` carries the rows to posternd
//! - `export` and `azure_write` make a token file, `new_file` puts it where it is to lie
//! - `otpauth`, `qr`, `base32` show one token

pub mod azure_csv;
pub mod azure_write;
pub mod base32;
pub mod batches;
pub mod export;
mod graph_json;
pub mod new_file;
pub mod otpauth;
mod otpauth_list;
pub mod pskc;
pub mod qr;
pub mod rows;
pub mod token_file;
mod wiped;
