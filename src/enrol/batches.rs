//! A token file's way into the box: rows in batches that a frame holds, and the sum of what became of them. In: a file that was
//! read, the results of each batch; out: the batches, the counts, the lines to look at. It asks nobody itself: the command line and
//! the console both go by it.

use std::collections::HashSet;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use super::azure_csv::{Row, TokenFile};
use super::base32;
use crate::control::{IMPORT_BATCH_MAX, ImportBatch, ImportRow, OtpParameters, RowOutcome, RowResult, TotpParameters};

/// Bytes of a batch as a frame, at most; well under what a frame takes.
const BATCH_BYTES: usize = 700_000;

/// What kind of file it is, by its first character that is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Lines with separators, or at least nothing else that is known.
    Csv,
    /// Graph's JSON.
    Json,
    /// PSKC and other XML.
    Xml,
}

impl Kind {
    /// Looks at a file's bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let plain = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match plain.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{' | b'[') => Self::Json,
            Some(b'<') => Self::Xml,
            _ => Self::Csv,
        }
    }
}

/// How a file is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Says what would happen and writes nothing.
    pub dry_run: bool,
    /// The tokens count at once.
    pub active: bool,
    /// Hash and digits; the period stands in the file.
    pub parameters: TotpParameters,
}

/// What must be known of a batch to count its results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Rows.
    pub rows: usize,
    /// The file's line of the last one.
    pub last: u64,
    /// The lines with a short key, in order.
    short: Vec<u64>,
    /// The users of a dry run, one for each row.
    names: Vec<String>,
}

/// The rows of a file, batch by batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batches {
    rows: Vec<Row>,
    at: usize,
    settings: Settings,
}

impl Batches {
    /// From the first row.
    pub fn new(rows: Vec<Row>, settings: Settings) -> Self {
        Self { rows, at: 0, settings }
    }

    /// The same rows again from the first one, otherwise.
    pub fn restart(&mut self, settings: Settings) {
        self.at = 0;
        self.settings = settings;
    }

    /// The rows are no longer needed: their keys are wiped.
    pub fn forget(&mut self) {
        self.rows = Vec::new();
        self.at = 0;
    }

    /// Rows in all.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The next rows, so many that a frame holds them; none at the end.
    pub fn next_batch(&mut self) -> Option<(ImportBatch, Sent)> {
        let rest = self.rows.get(self.at..).unwrap_or_default();
        let mut bytes = 0;
        let fit = rest
            .iter()
            .take(IMPORT_BATCH_MAX)
            .take_while(|row| {
                // The first one always fits: its line was 4,096 bytes at most.
                let is_first = bytes == 0;
                bytes += weight(row);
                is_first || bytes <= BATCH_BYTES
            })
            .count();
        let taken = rest.get(..fit).filter(|taken| !taken.is_empty())?;
        let sent = Sent {
            rows: taken.len(),
            last: taken.last().map_or(0, |row| row.line),
            short: taken
                .iter()
                .filter(|row| row.seed.len() < base32::KEY_WARN)
                .map(|row| row.line)
                .collect(),
            names: match self.settings.dry_run {
                true => taken.iter().map(|row| spelling(&row.upn)).collect(),
                false => Vec::new(),
            },
        };
        let batch = ImportBatch {
            rows: taken.iter().map(|row| self.row(row)).collect(),
            dry_run: self.settings.dry_run,
            active: self.settings.active,
        };
        self.at += fit;
        Some((batch, sent))
    }

    fn row(&self, row: &Row) -> ImportRow {
        ImportRow {
            line: row.line,
            user: row.upn.clone(),
            serial: row.serial.clone(),
            seed: row.seed.clone(),
            parameters: OtpParameters::Totp(TotpParameters {
                period: row.period,
                ..self.settings.parameters
            }),
            counter: 0,
            model: [row.manufacturer.as_str(), row.model.as_str()]
                .join(" ")
                .trim()
                .to_owned(),
        }
    }
}

/// Bytes that a row takes in a frame, at most: Base64 and JSON's escapes take up to twice the room; names of the fields and numbers
/// under 200 bytes.
fn weight(row: &Row) -> usize {
    200 + 2 * (row.upn.len() + row.serial.len() + row.manufacturer.len() + row.model.len() + row.seed.len())
}

/// One spelling of a name, near enough to the daemon's to count users with.
fn spelling(name: &str) -> String {
    name.nfkc().collect::<String>().to_lowercase()
}

/// What was done with a file; the document of `postern import --json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Nothing was written.
    pub dry_run: bool,
    /// Lines with something on them, the header aside.
    pub lines: usize,
    /// Tokens written.
    pub added: usize,
    /// Users made.
    pub users_made: usize,
    /// Their names as far as a dry run needs them: what one batch would make, the next does not see.
    #[serde(skip)]
    new_users: HashSet<String>,
    /// Tokens that were there already.
    pub same: usize,
    /// Lines refused.
    pub refused: usize,
    /// Keys under 16 bytes among the tokens written.
    pub short_keys: usize,
    /// The lines that were refused, and those with a note.
    pub notes: Vec<RowResult>,
}

impl Summary {
    /// Of a file of which nothing was sent yet: its bad lines are refused already.
    pub fn new(file: &TokenFile, dry_run: bool) -> Self {
        let bad = file.bad.iter().map(|bad| RowResult {
            line: bad.line,
            outcome: RowOutcome::Refused,
            user_made: false,
            unassigned: false,
            note: Some(bad.reason.clone()),
        });
        Self {
            dry_run,
            lines: file.rows.len() + file.bad.len(),
            refused: file.bad.len(),
            notes: bad.collect(),
            ..Self::default()
        }
    }

    /// Counts what became of a batch.
    pub fn count(&mut self, results: Vec<RowResult>, sent: Sent) {
        // Empty but in a dry run.
        let mut names = sent.names.into_iter();
        for result in results {
            let name = names.next();
            match result.outcome {
                RowOutcome::Added => {
                    self.added += 1;
                    self.short_keys += usize::from(sent.short.binary_search(&result.line).is_ok());
                }
                RowOutcome::Same => self.same += 1,
                RowOutcome::Refused => self.refused += 1,
            }
            let seen = name.is_some_and(|name| result.user_made && !self.new_users.insert(name));
            self.users_made += usize::from(result.user_made && !seen);
            if result.note.is_some() || result.outcome == RowOutcome::Refused {
                self.notes.push(result);
            }
        }
    }

    /// At the end: the lines to look at in the order of the file.
    pub fn sort(&mut self) {
        self.notes.sort_by_key(|note| note.line);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn row(line: u64, upn: &str) -> Row {
        Row {
            line,
            upn: upn.to_owned(),
            serial: format!("S{line}"),
            seed: Secret::new(vec![7; if line.is_multiple_of(2) { 10 } else { 20 }]),
            period: 60,
            manufacturer: "Acme".to_owned(),
            model: String::new(),
        }
    }

    fn settings(dry_run: bool) -> Settings {
        Settings {
            dry_run,
            active: false,
            parameters: TotpParameters::default(),
        }
    }

    #[test]
    fn every_row_is_given_once_and_again_after_a_restart() {
        let wide = "x".repeat(2_000);
        let rows: Vec<Row> = (0..500).map(|line| row(line, &wide)).collect();
        let mut batches = Batches::new(rows, settings(true));
        for dry_run in [true, false] {
            batches.restart(settings(dry_run));
            let mut lines = Vec::new();
            while let Some((batch, sent)) = batches.next_batch() {
                assert!(batch.rows.len() > 1 && batch.rows.len() < 200, "{}", batch.rows.len());
                assert_eq!((batch.dry_run, sent.rows), (dry_run, batch.rows.len()));
                assert_eq!(sent.last, batch.rows.last().unwrap().line);
                assert!(
                    batch
                        .rows
                        .iter()
                        .all(|row| row.parameters.period() == Some(60) && row.model == "Acme")
                );
                lines.extend(batch.rows.iter().map(|row| row.line));
            }
            assert_eq!(lines, (0..500).collect::<Vec<u64>>());
        }
        assert!(Batches::new(Vec::new(), settings(true)).next_batch().is_none());
    }

    #[test]
    fn a_dry_run_counts_a_new_user_once() {
        let file = TokenFile {
            rows: vec![row(2, "Anna@contoso.example"), row(4, "anna@contoso.example")],
            bad: Vec::new(),
        };
        let mut summary = Summary::new(&file, true);
        let mut batches = Batches::new(file.rows, settings(true));
        let (_, sent) = batches.next_batch().unwrap();
        let added = |line| RowResult {
            line,
            outcome: RowOutcome::Added,
            user_made: true,
            unassigned: false,
            note: None,
        };
        summary.count(vec![added(2), added(4)], sent);
        assert_eq!((summary.added, summary.users_made, summary.short_keys), (2, 1, 2));
    }
}
