//! What every kind of token file comes to: rows, and the places that are wrong, each with its number and reason. In: what a reader
//! made of one line, entry or key; out: the row, or why it is none. One bad place never loses the others. Nothing is guessed: what
//! a file does not say stays open, and a row without a user is nobody's until somebody is given it by its serial number.

use std::collections::HashMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::pskc::PskcError;
use crate::control::Algorithm;
use crate::secret::Secret;
use crate::text::{is_invisible, shown};

/// Most bytes of a file: 100,000 lines of CSV have about 10 MB, 25,000 keys of PSKC about 30 MB.
pub const FILE_MAX: usize = 32 * 1024 * 1024;
/// Most bytes of a user's name (User-Name, RFC 2865 5.1).
pub(super) const NAME_MAX: usize = 253;
/// Most bytes of a serial number, a manufacturer, a model.
pub(super) const FIELD_MAX: usize = 64;
/// So many wrong places are no token file any more; each costs memory.
const BAD_MAX: usize = 100_000;

/// What moves a token's codes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The time.
    Totp {
        /// 30 or 60 seconds.
        period: u8,
    },
    /// A counter.
    Hotp {
        /// Of the next code.
        counter: u64,
    },
}

/// One good line, entry or key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number in the file, as [`TokenFile::place`] counts.
    pub line: u64,
    /// The user's name as it stands there; empty: nobody's yet.
    pub user: String,
    /// The serial number; never empty where the user is.
    pub serial: String,
    /// The key, [`super::base32::KEY_MIN`] to [`super::base32::KEY_MAX`] bytes.
    pub seed: Secret,
    /// Time or counter.
    pub kind: Kind,
    /// The hash; none: the file does not say.
    pub algorithm: Option<Algorithm>,
    /// 6 or 8; none: the file does not say.
    pub digits: Option<u8>,
    /// May be empty.
    pub manufacturer: String,
    /// May be empty.
    pub model: String,
    /// Worth knowing of this one, shown text.
    pub note: Option<String>,
}

/// One bad line, entry or key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its number in the file, as [`TokenFile::place`] counts.
    pub line: u64,
    /// What is wrong; foreign text in it is shown text (R22), the key never stands in it.
    pub reason: String,
}

/// What the numbers of a file count, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Lines of text.
    #[default]
    Line,
    /// Entries of a JSON list.
    Entry,
    /// Keys of a PSKC file.
    Key,
}

impl Place {
    /// The word for one.
    pub fn word(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Entry => "entry",
            Self::Key => "key",
        }
    }

    /// The word for several.
    pub fn words(self) -> &'static str {
        match self {
            Self::Line => "lines",
            Self::Entry => "entries",
            Self::Key => "keys",
        }
    }
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenFile {
    /// What the numbers count.
    pub place: Place,
    /// The good ones, in the order of the file.
    pub rows: Vec<Row>,
    /// The bad ones, in the order of the file.
    pub bad: Vec<BadLine>,
    /// Worth knowing of the whole file, shown text.
    pub notes: Vec<String>,
}

/// What opens an encrypted file, and how it calls that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A key that was agreed on before.
    Key {
        /// Its name, shown text; may be empty.
        name: String,
    },
    /// A passphrase.
    Passphrase {
        /// Its name, shown text; may be empty.
        name: String,
    },
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Key { name } | Self::Passphrase { name }) = self;
        f.write_str(match self {
            Self::Key { .. } => "a key",
            Self::Passphrase { .. } => "a passphrase",
        })?;
        match name.as_str() {
            "" => Ok(()),
            name => write!(f, " (\"{name}\")"),
        }
    }
}

/// Why a file cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// More than [`FILE_MAX`].
    #[error("the file is larger than 32 MiB: that is no token file, or split it")]
    TooLarge,
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// UTF-16 that is cut off or broken.
    #[error("the file is UTF-16 with a mistake in it: save it again as UTF-8")]
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
    /// Hardly anything in it is right.
    #[error("more than 100,000 {0} are wrong: that is no token file")]
    AllWrong(&'static str),
    /// JSON that ends too early or is broken.
    #[error(
        "line {line}, character {column}: there the JSON breaks off or goes wrong; take the whole file from where it came"
    )]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// JSON of something else.
    #[error("the JSON is neither a token, nor a list of tokens, nor an object with a list called value")]
    NoTokens,
    /// It is encrypted, and nothing was given that opens it.
    #[error("the file is encrypted: it is opened by {0}")]
    Wanted(Wanted),
    /// It is encrypted, and the other thing was given.
    #[error("the file is opened by {0}, and by nothing else")]
    Other(Wanted),
    /// What was given does not open it, or everything in it was changed.
    #[error("the {0} is wrong, or the file was changed: nothing of it was taken")]
    Wrong(&'static str),
    /// It is not encrypted, and something was given that would open it.
    #[error(
        "the file is not encrypted, though a key or passphrase was given: is it the right file? If so, leave that out"
    )]
    NotEncrypted,
    /// What is wrong with a PSKC file.
    #[error(transparent)]
    Pskc(#[from] PskcError),
}

/// Gathers what a reader finds, and checks what concerns more than one place.
#[derive(Debug)]
pub(super) struct Collector {
    file: TokenFile,
    seen: Seen,
}

impl Collector {
    pub(super) fn new(place: Place) -> Self {
        Self {
            file: TokenFile {
                place,
                ..TokenFile::default()
            },
            seen: Seen::default(),
        }
    }

    /// What was made of the place of this number.
    pub(super) fn take(&mut self, number: u64, row: Result<Row, String>) -> Result<(), FileError> {
        let place = self.file.place;
        let row = row.and_then(|row| somebodys(row).and_then(|row| self.seen.check(&row, place).map(|()| row)));
        match row {
            Ok(row) => self.file.rows.push(row),
            Err(_) if self.file.bad.len() >= BAD_MAX => return Err(FileError::AllWrong(place.words())),
            Err(reason) => self.file.bad.push(BadLine { line: number, reason }),
        }
        Ok(())
    }

    /// Something about the whole file.
    pub(super) fn note(&mut self, note: String) {
        self.file.notes.push(note);
    }

    pub(super) fn done(self) -> TokenFile {
        self.file
    }
}

/// A token that is nobody's is found again by its serial number alone.
fn somebodys(row: Row) -> Result<Row, String> {
    match row.user.is_empty() && row.serial.is_empty() {
        true => Err("there is neither a user name nor a serial number: nobody could be given it".to_owned()),
        false => Ok(row),
    }
}

/// What stood in the good places so far.
#[derive(Debug, Default)]
struct Seen {
    /// By number, maker and model: two makers may print the same number.
    serials: HashMap<[String; 3], u64>,
    /// By the key's hash, so that no second copy of a key is made.
    keys: HashMap<[u8; 32], u64>,
}

impl Seen {
    fn check(&mut self, row: &Row, place: Place) -> Result<(), String> {
        let word = place.word();
        let serial = [&row.serial, &row.manufacturer, &row.model].map(|part| part.to_lowercase());
        if let Some(line) = self.serials.get(&serial) {
            return Err(format!(
                "the serial number {} is in {word} {line} already",
                shown(&row.serial)
            ));
        }
        let hash: [u8; 32] = Sha256::digest(row.seed.expose()).into();
        if let Some(line) = self.keys.get(&hash) {
            return Err(format!("the same key is in {word} {line} already"));
        }
        if !row.serial.is_empty() {
            self.serials.insert(serial, row.line);
        }
        self.keys.insert(hash, row.line);
        Ok(())
    }
}

/// Text that fits and can be seen.
pub(super) fn plain(what: &str, text: &str, most: usize) -> Result<(), String> {
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

/// A user's name: a word that can be seen. Empty is nobody.
pub(super) fn user_name(text: &str) -> Result<(), String> {
    plain("user name", text, NAME_MAX)?;
    match text.contains(char::is_whitespace) {
        true => Err(format!("the user name {} has a blank in it", shown(text))),
        false => Ok(()),
    }
}

/// Seconds that a code lasts.
pub(super) fn period(what: &str, text: &str) -> Result<u8, String> {
    match text {
        "30" => Ok(30),
        "60" => Ok(60),
        "" => Err(format!("there is no {what}: it is 30 or 60")),
        other => Err(format!("the {what} {} is neither 30 nor 60", shown(other))),
    }
}
