//! Token files in the form that Azure MFA takes (facts: entra). In: the bytes of a file; out: rows, and the lines that are wrong,
//! each with its number and reason. One bad line never loses the others: the file is cut into lines first, so that an open quote
//! ends with its line. Nothing is written or guessed here: 6 digits and SHA-1 are for the caller to say.
//!
//! Seen in real files and read: byte order mark, UTF-16 ("Unicode text" of a spreadsheet), CRLF, `;` or tab as separator, a line
//! `sep=;` first, columns in any order, more columns, `timeinterval`, quoted fields, keys in groups, lower case, padded,
//! `="0012"` around a serial number.

use std::borrow::Cow;
use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::base32;
use crate::secret::Secret;
use crate::text::{is_invisible, shown};

/// Most bytes of a file: 100,000 lines have about 10 MB.
pub const FILE_MAX: usize = 32 * 1024 * 1024;
/// Most bytes of a line.
const LINE_MAX: usize = 4096;
/// Most bytes of a user's name (User-Name, RFC 2865 5.1).
const UPN_MAX: usize = 253;
/// Most bytes of a serial number, a manufacturer, a model.
const FIELD_MAX: usize = 64;

/// One good line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number in the file, 1 for the first line.
    pub line: u64,
    /// The user's name as it stands there.
    pub upn: String,
    /// The serial number; may be empty.
    pub serial: String,
    /// The key, [`base32::KEY_MIN`] to [`base32::KEY_MAX`] bytes.
    pub seed: Secret,
    /// 30 or 60 seconds.
    pub period: u8,
    /// May be empty.
    pub manufacturer: String,
    /// May be empty.
    pub model: String,
}

/// One bad line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its number in the file, 1 for the first line.
    pub line: u64,
    /// What is wrong; foreign text in it is shown text (R22), the key never stands in it.
    pub reason: String,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenFile {
    /// The good lines, in the order of the file.
    pub rows: Vec<Row>,
    /// The bad lines, in the order of the file.
    pub bad: Vec<BadLine>,
}

/// Why a file cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// More than [`FILE_MAX`].
    #[error("the file is larger than 32 MiB: that is no token file, or split it")]
    TooLarge,
    /// No line with anything on it.
    #[error("the file is empty")]
    Empty,
    /// UTF-16 that is cut off or broken.
    #[error("the file is UTF-16 with a mistake in it: save it again as CSV UTF-8")]
    Utf16,
    /// NUL bytes: a spreadsheet's own format, or UTF-16 without a mark.
    #[error("the file is no text: save it as CSV UTF-8")]
    Binary,
    /// The first line is no header.
    #[error(
        "line {line} is no header ({missing} is missing): it names the columns upn, serial number, secret key, time interval, \
         manufacturer, model"
    )]
    Header {
        /// Where it was looked for.
        line: u64,
        /// The first column that is missing.
        missing: &'static str,
    },
    /// The header names a column twice.
    #[error("the header names the column {0} twice")]
    Twice(&'static str),
}

/// The columns that are read: their names without blanks, dashes and underscores, and whether they must be there.
const COLUMNS: [(&str, &str, bool); 6] = [
    ("upn", "upn", true),
    ("serialnumber", "serial number", true),
    ("secretkey", "secret key", true),
    ("timeinterval", "time interval", true),
    ("manufacturer", "manufacturer", false),
    ("model", "model", false),
];

/// Where the columns are, in the order of [`COLUMNS`].
type Places = [Option<usize>; COLUMNS.len()];

/// Reads a file.
///
/// # Errors
/// [`FileError`] where nothing can be read; a bad line is no error.
pub fn parse(bytes: &[u8]) -> Result<TokenFile, FileError> {
    if bytes.len() > FILE_MAX {
        return Err(FileError::TooLarge);
    }
    let text = as_utf8(bytes)?;
    let mut lines = lines(&text).filter(|(_, line)| !is_blank(line)).peekable();
    let hinted = lines.next_if(|(_, line)| separator_hint(line).is_some());
    let hint = hinted.and_then(|(_, line)| separator_hint(line));
    let (number, header) = lines.next().ok_or(FileError::Empty)?;
    let (separator, places) = read_header(number, header, hint)?;
    let mut file = TokenFile::default();
    let mut seen = Seen::default();
    for (number, line) in lines {
        let row = split(line, separator)
            .and_then(|fields| read_row(number, &fields, &places))
            .and_then(|row| seen.check(&row).map(|()| row));
        match row {
            Ok(row) => file.rows.push(row),
            Err(reason) => file.bad.push(BadLine { line: number, reason }),
        }
    }
    Ok(file)
}

/// UTF-8 without its mark; UTF-16 with a mark is turned into it. A line that is no UTF-8 is found later, by itself.
fn as_utf8(bytes: &[u8]) -> Result<Cow<'_, [u8]>, FileError> {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, odd) = rest.as_chunks::<2>();
        if !odd.is_empty() {
            return Err(FileError::Utf16);
        }
        let units = pairs.iter().map(|pair| unit(*pair));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.map(|text| Cow::Owned(text.into_bytes()))
            .map_err(|_| FileError::Utf16)
    };
    let plain = match bytes {
        [0xff, 0xfe, rest @ ..] => return wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => rest,
        rest => rest,
    };
    if plain.contains(&0) {
        return Err(FileError::Binary);
    }
    Ok(Cow::Borrowed(plain))
}

/// The lines with their numbers, without line ends. LF and CRLF; CR alone where there is no LF at all.
fn lines(text: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let end = if text.contains(&b'\n') { b'\n' } else { b'\r' };
    text.split(move |byte| *byte == end)
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .zip(1..)
        .map(|(line, number)| (number, line))
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
    let mut missing = "upn";
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
        match gap {
            None => return Ok((separator, places)),
            // The right separator finds at least the first column: what is missing then is worth telling.
            Some((_, (_, name, _))) if places.iter().flatten().count() > 1 => missing = name,
            Some(_) => {}
        }
    }
    Err(FileError::Header { line: number, missing })
}

/// The fields of one line, trimmed.
fn split(line: &[u8], separator: u8) -> Result<Vec<String>, String> {
    if line.len() > LINE_MAX {
        return Err("the line is longer than 4,096 bytes".to_owned());
    }
    let text = std::str::from_utf8(line).map_err(|_| "the line is not UTF-8: save the file as CSV UTF-8".to_owned())?;
    if !text.contains('"') {
        // Nearly every line; a CSV reader costs more to set up than such a line to read.
        return Ok(text
            .split(char::from(separator))
            .map(|field| field.trim().to_owned())
            .collect());
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
        Ok(true) => Ok(record.iter().map(|field| field.trim().to_owned()).collect()),
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
    if upn.is_empty() {
        return Err("there is no user name (upn)".to_owned());
    }
    plain("user name", upn, UPN_MAX)?;
    if upn.contains(char::is_whitespace) {
        return Err(format!("the user name {} has a blank in it", shown(upn)));
    }
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
    let period = match interval {
        "30" => 30,
        "60" => 60,
        "" => return Err("there is no time interval: it is 30 or 60".to_owned()),
        other => return Err(format!("the time interval {} is neither 30 nor 60", shown(other))),
    };
    let seed = base32::decode(key).map_err(|e| e.to_string())?;
    Ok(Row {
        line,
        upn: upn.to_owned(),
        serial: serial.to_owned(),
        seed,
        period,
        manufacturer: manufacturer.to_owned(),
        model: model.to_owned(),
    })
}

fn plain(what: &str, text: &str, most: usize) -> Result<(), String> {
    if text.len() > most {
        return Err(format!("the {what} is longer than {most} bytes"));
    }
    if text.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Err(format!(
            "the {what} {} holds a character that cannot be seen",
            shown(text)
        ));
    }
    Ok(())
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

/// What stood in the good lines so far.
#[derive(Default)]
struct Seen {
    /// By number, maker and model: two makers may print the same number.
    serials: HashMap<[String; 3], u64>,
    /// By the key's hash, so that no second copy of a key is made.
    keys: HashMap<[u8; 32], u64>,
}

impl Seen {
    fn check(&mut self, row: &Row) -> Result<(), String> {
        let serial = [&row.serial, &row.manufacturer, &row.model].map(|part| part.to_lowercase());
        if let Some(line) = self.serials.get(&serial) {
            return Err(format!(
                "the serial number {} is in line {line} already",
                shown(&row.serial)
            ));
        }
        let hash: [u8; 32] = Sha256::digest(row.seed.expose()).into();
        if let Some(line) = self.keys.get(&hash) {
            return Err(format!("the same key is in line {line} already"));
        }
        if !row.serial.is_empty() {
            self.serials.insert(serial, row.line);
        }
        self.keys.insert(hash, row.line);
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#[path = "azure_csv_tests.rs"]
mod tests;
