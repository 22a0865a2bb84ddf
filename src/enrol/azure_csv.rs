//! Token files in the form that Azure MFA takes (facts: entra). In: the bytes of a file; out: rows, and the lines that are wrong,
//! each with its number and reason. One bad line never loses the others: the file is cut into lines first, so that an open quote
//! ends with its line. Nothing is written or guessed here: 6 digits and SHA-1 are for the caller to say, and a line without a user
//! (vendors sell such files) is a token of nobody.
//!
//! Seen in real files and read: byte order mark, UTF-16 ("Unicode text" of a spreadsheet), CRLF, `;` or tab as separator, a line
//! `sep=;` first, columns in any order, more columns, `timeinterval`, quoted fields, keys in groups, lower case, padded,
//! `="0012"` around a serial number.

use zeroize::Zeroizing;

use super::base32;
use super::rows::{Collector, FIELD_MAX, FileError, Kind, Place, Row, TokenFile, period, plain, user_name};
use super::token_file::lines;
use crate::text::shown;

/// Most bytes of a line.
const LINE_MAX: usize = 4096;

/// The columns that are read: their names without blanks, dashes and underscores, and whether they must be there.
const COLUMNS: [(&str, &str, bool); 6] = [
    ("upn", "upn", false),
    ("serialnumber", "serial number", true),
    ("secretkey", "secret key", true),
    ("timeinterval", "time interval", true),
    ("manufacturer", "manufacturer", false),
    ("model", "model", false),
];

/// Where the columns are, in the order of [`COLUMNS`].
type Places = [Option<usize>; COLUMNS.len()];

/// Reads the text of a file, UTF-8 without a mark.
///
/// # Errors
/// [`FileError`] where nothing can be read; a bad line is no error.
pub(super) fn parse(text: &[u8]) -> Result<TokenFile, FileError> {
    let mut lines = lines(text).filter(|(_, line)| !is_blank(line)).peekable();
    let hinted = lines.next_if(|(_, line)| separator_hint(line).is_some());
    let hint = hinted.and_then(|(_, line)| separator_hint(line));
    let (number, header) = lines.next().ok_or(FileError::Empty)?;
    let (separator, places) = read_header(number, header, hint)?;
    let mut found = Collector::new(Place::Line);
    for (number, line) in lines {
        let row = split(line, separator).and_then(|fields| read_row(number, &fields, &places));
        found.take(number, row)?;
    }
    Ok(found.done())
}

/// Nothing on it, or separators alone: what a spreadsheet leaves of a deleted row.
fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b',' | b';'))
}

/// A spreadsheet's first line `sep=;`.
fn separator_hint(line: &[u8]) -> Option<u8> {
    match line {
        [s, e, p, b'=', separator] if [s, e, p].map(u8::to_ascii_lowercase) == *b"sep" => Some(*separator),
        _ => None,
    }
}

fn read_header(number: u64, line: &[u8], hint: Option<u8>) -> Result<(u8, Places), FileError> {
    let mut missing = "serial number";
    let candidates = match hint {
        Some(separator) => vec![separator],
        None => vec![b',', b';', b'\t'],
    };
    for separator in candidates {
        let Ok(fields) = split(line, separator) else { continue };
        let mut places: Places = [None; COLUMNS.len()];
        for (place, field) in fields.iter().enumerate() {
            let name: String = field
                .chars()
                .filter(|c| !matches!(c, ' ' | '-' | '_' | '\u{a0}'))
                .flat_map(char::to_lowercase)
                .collect();
            for (slot, (plain, shown, _)) in places.iter_mut().zip(COLUMNS) {
                if plain == name && slot.replace(place).is_some() {
                    return Err(FileError::Twice(shown));
                }
            }
        }
        let gap = places
            .iter()
            .zip(COLUMNS)
            .find(|(place, (_, _, must))| *must && place.is_none());
        let [upn, ..] = places;
        let is_unclear = upn.is_none() && fields.iter().any(|field| may_name_users(field));
        match gap {
            // A column of users under another name must not make everybody's tokens nobody's.
            None if is_unclear => {
                return Err(FileError::Header {
                    line: number,
                    missing: "upn",
                });
            }
            None => return Ok((separator, places)),
            // The right separator finds at least the first column: what is missing then is worth telling.
            Some((_, (_, name, _))) if places.iter().flatten().count() > 1 => missing = name,
            Some(_) => {}
        }
    }
    Err(FileError::Header { line: number, missing })
}

/// A column that is perhaps the users', though it is not called upn.
fn may_name_users(field: &str) -> bool {
    let field = field.to_lowercase();
    ["user", "upn", "mail", "account", "name", "owner", "assign"]
        .iter()
        .any(|word| field.contains(word))
}

/// The fields of one line, trimmed.
fn split(line: &[u8], separator: u8) -> Result<Zeroizing<Vec<String>>, String> {
    if line.len() > LINE_MAX {
        return Err("the line is longer than 4,096 bytes".to_owned());
    }
    let text = std::str::from_utf8(line).map_err(|_| "the line is not UTF-8: save the file as CSV UTF-8".to_owned())?;
    if !text.contains('"') {
        // Nearly every line; a CSV reader costs more to set up than such a line to read.
        let fields = text.split(char::from(separator));
        return Ok(Zeroizing::new(fields.map(|field| field.trim().to_owned()).collect()));
    }
    if quotes_open(text, char::from(separator)) {
        return Err("a quote is opened and not closed".to_owned());
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .buffer_capacity(LINE_MAX)
        .from_reader(line);
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(true) => Ok(Zeroizing::new(
            record.iter().map(|field| field.trim().to_owned()).collect(),
        )),
        _ => Err("the line cannot be read".to_owned()),
    }
}

/// Whether a quoted field reaches the end of the line without its closing quote (RFC 4180 2: quotes inside are doubled, which
/// closes the field and opens it again).
fn quotes_open(line: &str, separator: char) -> bool {
    let (mut quoted, mut before) = (false, separator);
    let mut was_quoted = false;
    for c in line.chars() {
        if c == '"' && (quoted || was_quoted || before == separator) {
            quoted = !quoted;
            was_quoted = true;
        } else if c == separator && !quoted {
            was_quoted = false;
        }
        before = c;
    }
    quoted
}

fn read_row(line: u64, fields: &[String], places: &Places) -> Result<Row, String> {
    let [upn, serial, key, interval, manufacturer, model] =
        places.map(|place| place.and_then(|place| fields.get(place)).map_or("", String::as_str));
    if fields.len() == 1 {
        return Err("the line has one field only: is the separator another one here?".to_owned());
    }
    let user = if is_placeholder(upn) { "" } else { upn };
    user_name(user)?;
    let serial = unwrapped(serial);
    plain("serial number", serial, FIELD_MAX)?;
    if is_scientific(serial) {
        return Err(format!(
            "the serial number {} was changed by a spreadsheet: take it from the original file",
            shown(serial)
        ));
    }
    plain("manufacturer", manufacturer, FIELD_MAX)?;
    plain("model", model, FIELD_MAX)?;
    let period = period("time interval", interval)?;
    let seed = base32::decode(key).map_err(|e| e.to_string())?;
    Ok(Row {
        line,
        user: user.to_owned(),
        serial: serial.to_owned(),
        seed,
        kind: Kind::Totp { period },
        algorithm: None,
        digits: None,
        manufacturer: manufacturer.to_owned(),
        model: model.to_owned(),
        note: None,
    })
}

/// What vendors write where the buyer is to write a name: nothing, the name of the column, a sign, words in brackets.
fn is_placeholder(upn: &str) -> bool {
    let bracketed = [('<', '>'), ('[', ']'), ('{', '}')]
        .iter()
        .any(|(first, last)| upn.starts_with(*first) && upn.ends_with(*last));
    bracketed
        || matches!(
            upn.to_ascii_lowercase().as_str(),
            "upn" | "-" | "--" | "?" | "*" | "n/a"
        )
}

/// A number that a spreadsheet was told to leave alone: `="0012"` or `'0012`.
fn unwrapped(text: &str) -> &str {
    let inner = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    inner.or_else(|| text.strip_prefix('\'')).unwrap_or(text)
}

/// `8.65961E+12`: what a spreadsheet makes of a long number.
fn is_scientific(text: &str) -> bool {
    text.to_ascii_uppercase()
        .split_once("E+")
        .is_some_and(|(mantissa, exponent)| {
            mantissa.contains(['.', ',']) && !exponent.is_empty() && exponent.bytes().all(|b| b.is_ascii_digit())
        })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#[path = "azure_csv_tests.rs"]
mod tests;
