//! A token file's way into the box: rows in batches that a frame holds, and the sum of what became of them. In: a file that was
//! read, the results of each batch; out: the batches, the counts, the lines to look at. It asks nobody itself: the command line and
//! the console both go by it.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use super::base32;
use super::rows::{Kind, Place, Row, TokenFile};
use crate::control::{
    HotpParameters, IMPORT_BATCH_MAX, ImportBatch, ImportRow, OtpParameters, RowOutcome, RowResult, TotpParameters,
};
use crate::text::shown;

/// Bytes of a batch as a frame, at most; well under what a frame takes.
const BATCH_BYTES: usize = 700_000;

/// Serial numbers of tokens of nobody that a summary names.
pub const NAMED: usize = 20;

/// How a file is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Says what would happen and writes nothing.
    pub dry_run: bool,
    /// The tokens count at once.
    pub active: bool,
    /// Hash and digits where the file does not say them.
    pub parameters: TotpParameters,
}

/// What must be known of a batch to count its results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Rows.
    pub rows: usize,
    /// The file's number of the last one.
    pub last: u64,
    /// Those with a short key, in order.
    short: Vec<u64>,
    /// What the file's reader had to say of single rows.
    notes: BTreeMap<u64, String>,
    /// The serial numbers of those without a user.
    serials: BTreeMap<u64, String>,
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
            notes: taken
                .iter()
                .filter_map(|row| Some((row.line, row.note.clone()?)))
                .collect(),
            serials: taken
                .iter()
                .filter(|row| row.user.is_empty())
                .map(|row| (row.line, shown(&row.serial)))
                .collect(),
            names: match self.settings.dry_run {
                true => taken.iter().map(|row| spelling(&row.user)).collect(),
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
        let algorithm = row.algorithm.unwrap_or(self.settings.parameters.algorithm);
        let digits = row.digits.unwrap_or(self.settings.parameters.digits);
        let (parameters, counter) = match row.kind {
            Kind::Totp { period } => {
                let parameters = TotpParameters {
                    algorithm,
                    digits,
                    period,
                };
                (OtpParameters::Totp(parameters), 0)
            }
            Kind::Hotp { counter } => (OtpParameters::Hotp(HotpParameters { algorithm, digits }), counter),
        };
        ImportRow {
            line: row.line,
            user: row.user.clone(),
            serial: row.serial.clone(),
            seed: row.seed.clone(),
            parameters,
            counter,
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
    200 + 2 * (row.user.len() + row.serial.len() + row.manufacturer.len() + row.model.len() + row.seed.len())
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
    /// What `lines` and the numbers of the notes count.
    pub place: Place,
    /// Lines with something on them, the header aside; or entries, or keys.
    pub lines: usize,
    /// Tokens written.
    pub added: usize,
    /// Those of them that are nobody's yet.
    pub unassigned: usize,
    /// The serial numbers of the first [`NAMED`] of these.
    pub unassigned_serials: Vec<String>,
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
    /// Worth knowing of the whole file.
    pub remarks: Vec<String>,
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
            place: file.place,
            lines: file.rows.len() + file.bad.len(),
            refused: file.bad.len(),
            notes: bad.collect(),
            remarks: file.notes.clone(),
            ..Self::default()
        }
    }

    /// Counts what became of a batch.
    pub fn count(&mut self, results: Vec<RowResult>, mut sent: Sent) {
        // Empty but in a dry run.
        let mut names = sent.names.into_iter();
        for mut result in results {
            let name = names.next();
            if let Some(own) = sent.notes.remove(&result.line) {
                result.note = Some(match result.note.take() {
                    Some(note) => format!("{note}; {own}"),
                    None => own,
                });
            }
            match result.outcome {
                RowOutcome::Added => {
                    self.added += 1;
                    self.short_keys += usize::from(sent.short.binary_search(&result.line).is_ok());
                    if let Some(serial) = sent.serials.remove(&result.line).filter(|_| result.unassigned) {
                        self.unassigned += 1;
                        if self.unassigned_serials.len() < NAMED {
                            self.unassigned_serials.push(serial);
                        }
                    }
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

    /// The tokens of nobody in one line, if there are some.
    pub fn nobodys(&self) -> Option<String> {
        let more = match self.unassigned.saturating_sub(self.unassigned_serials.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let what = if self.unassigned == 1 { "token is" } else { "tokens are" };
        (self.unassigned > 0).then(|| {
            format!(
                "{} {what} nobody's yet, to be given to users by serial number: {}{more}",
                self.unassigned,
                self.unassigned_serials.join(", ")
            )
        })
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
    use crate::control::Algorithm;
    use crate::secret::Secret;

    fn row(line: u64, user: &str) -> Row {
        Row {
            line,
            user: user.to_owned(),
            serial: format!("S{line}"),
            seed: Secret::new(vec![7; if line.is_multiple_of(2) { 10 } else { 20 }]),
            kind: Kind::Totp { period: 60 },
            algorithm: None,
            digits: None,
            manufacturer: "Acme".to_owned(),
            model: String::new(),
            note: None,
        }
    }

    fn added(line: u64) -> RowResult {
        RowResult {
            line,
            outcome: RowOutcome::Added,
            user_made: true,
            unassigned: false,
            note: None,
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
            ..TokenFile::default()
        };
        let mut summary = Summary::new(&file, true);
        let mut batches = Batches::new(file.rows, settings(true));
        let (_, sent) = batches.next_batch().unwrap();
        summary.count(vec![added(2), added(4)], sent);
        assert_eq!((summary.added, summary.users_made, summary.short_keys), (2, 1, 2));
    }

    #[test]
    fn what_the_file_says_stands_and_the_settings_fill_in_the_rest() {
        let settings = Settings {
            parameters: TotpParameters {
                algorithm: Algorithm::Sha512,
                digits: 8,
                period: 30,
            },
            ..settings(false)
        };
        let says = Row {
            algorithm: Some(Algorithm::Sha256),
            digits: Some(6),
            kind: Kind::Hotp { counter: 9 },
            ..row(3, "anna")
        };
        let (batch, _) = Batches::new(vec![row(1, "anna"), says], settings).next_batch().unwrap();
        let [open, said] = batch.rows.as_slice() else {
            panic!("{batch:?}")
        };
        let parameters = TotpParameters {
            period: 60,
            ..settings.parameters
        };
        assert_eq!((open.parameters, open.counter), (OtpParameters::Totp(parameters), 0));
        let parameters = HotpParameters {
            algorithm: Algorithm::Sha256,
            digits: 6,
        };
        assert_eq!((said.parameters, said.counter), (OtpParameters::Hotp(parameters), 9));
    }

    #[test]
    fn tokens_of_nobody_are_counted_and_named_and_notes_stay_with_their_rows() {
        let noted = Row {
            note: Some("it is good until 2031".to_owned()),
            ..row(5, "")
        };
        let rows: Vec<Row> = (10..40)
            .map(|line| row(line, ""))
            .chain([noted, row(50, "anna")])
            .collect();
        let file = TokenFile {
            rows,
            notes: vec!["the file is signed".to_owned()],
            ..TokenFile::default()
        };
        let mut summary = Summary::new(&file, false);
        let (_, sent) = Batches::new(file.rows, settings(false)).next_batch().unwrap();
        let mut results: Vec<RowResult> = (10..40)
            .chain([5])
            .map(|line| RowResult {
                unassigned: true,
                ..added(line)
            })
            .collect();
        results[0].outcome = RowOutcome::Same;
        results.push(RowResult {
            note: Some("the user is disabled".to_owned()),
            ..added(50)
        });
        summary.count(results, sent);
        summary.sort();
        assert_eq!((summary.added, summary.unassigned, summary.remarks.len()), (31, 30, 1));
        let line = summary.nobodys().unwrap();
        assert!(
            line.starts_with("30 tokens are nobody's yet") && line.contains("S11, S12"),
            "{line}"
        );
        assert!(line.ends_with("S30 and 10 more"), "{line}");
        let notes: Vec<_> = summary
            .notes
            .iter()
            .map(|note| (note.line, note.note.as_deref().unwrap()))
            .collect();
        assert_eq!(notes, [(5, "it is good until 2031"), (50, "the user is disabled")]);
    }
}
