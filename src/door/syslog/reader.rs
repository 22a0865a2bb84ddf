//! The journals as lines, from a position on. In: both journals; out: batches of lines and the position behind each. Reads the disk:
//! not for the runtime's own threads. It holds one segment of each journal in memory at most, and leaves no record out in silence.

use super::line::{LOGINS, OPERATORS, Origin};
use super::position::Position;
use crate::door::events::{Event, OperatorEvent, decode};
use crate::journal::{Journal, JournalError, Order, OwnedEntry};

/// The most lines of one journal in a batch ...
const LINES_MAX: usize = 256;
/// ... and the most records looked at for them.
const SCAN_MAX: usize = 4096;

type Entries = Box<dyn Iterator<Item = Result<OwnedEntry, JournalError>> + Send>;

/// Lines to send, oldest first in each journal.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) lines: Vec<String>,
    /// Once all of them are sent.
    pub(super) position: Position,
    /// There may be more at once.
    pub(super) more: bool,
}

/// Reads both journals.
pub(super) struct Reader {
    origin: Origin,
    logins: Source,
    operators: Source,
}

impl Reader {
    /// Begins behind `position`.
    pub(super) fn new(origin: Origin, logins: &Journal, operators: &Journal, position: Position) -> Self {
        Self {
            origin,
            logins: Source::new(logins, LOGINS, position.logins),
            operators: Source::new(operators, OPERATORS, position.operators),
        }
    }

    /// The next lines. After an error it goes on where it was.
    pub(super) fn batch(&mut self) -> Result<Batch, JournalError> {
        let (origin, mut lines) = (&self.origin, Vec::new());
        // Operators first: few, and a flood of logins must not hold them up.
        let more_operators = self
            .operators
            .take(origin, &mut lines, |entry| match decode(&entry.payload) {
                Some(OperatorEvent::Act(act)) => Some(origin.act(&act, entry.seq)),
                Some(OperatorEvent::System { at, code, words }) => Some(origin.system(at, &code, &words, entry.seq)),
                None => Some(origin.missing(entry.at, OPERATORS, entry.seq, entry.seq)),
            })?;
        let more_logins = self
            .logins
            .take(origin, &mut lines, |entry| match decode(&entry.payload) {
                Some(Event::Attempt(attempt)) => Some(origin.attempt(&attempt, entry.seq)),
                Some(Event::Accounting(accounting)) => Some(origin.accounting(entry.at, &accounting, entry.seq)),
                // The box's own notes for its guards: each stands beside an attempt or an act that is sent.
                Some(_) => None,
                None => Some(origin.missing(entry.at, LOGINS, entry.seq, entry.seq)),
            })?;
        Ok(Batch {
            lines,
            position: Position {
                logins: self.logins.last,
                operators: self.operators.last,
            },
            more: more_operators || more_logins,
        })
    }
}

struct Source {
    journal: Journal,
    name: &'static str,
    /// The last number that was looked at.
    last: u64,
    /// What is being read, and the newest number when that began.
    reading: Option<(Entries, u64)>,
}

impl Source {
    fn new(journal: &Journal, name: &'static str, last: u64) -> Self {
        let newest = *journal.newest().borrow();
        if last > newest {
            tracing::warn!("the journal of {name} was begun anew; it is sent from its first record");
        }
        Self {
            journal: journal.clone(),
            name,
            last: if last > newest { 0 } else { last },
            reading: None,
        }
    }

    /// True if there is more.
    fn take(
        &mut self,
        origin: &Origin,
        lines: &mut Vec<String>,
        line: impl Fn(&OwnedEntry) -> Option<String>,
    ) -> Result<bool, JournalError> {
        let most = lines.len() + LINES_MAX;
        for _ in 0..SCAN_MAX {
            if lines.len() >= most {
                return Ok(true);
            }
            let (mut entries, to) = match self.reading.take() {
                Some(reading) => reading,
                None => {
                    let to = *self.journal.newest().borrow();
                    if to <= self.last {
                        return Ok(false);
                    }
                    let entries = self.journal.read(Order::Oldest, self.last.saturating_add(1), to);
                    (Box::new(entries) as Entries, to)
                }
            };
            match entries.next().transpose()? {
                Some(entry) => {
                    let expected = self.last.saturating_add(1);
                    if entry.seq > expected {
                        lines.push(origin.missing(entry.at, self.name, expected, entry.seq - 1));
                    }
                    lines.extend(line(&entry));
                    self.last = entry.seq;
                    self.reading = Some((entries, to));
                }
                None if self.last < to => {
                    let now = crate::clock::wall();
                    lines.push(origin.missing(now, self.name, self.last.saturating_add(1), to));
                    self.last = to;
                }
                None => {}
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::audit::Reason;
    use crate::audit::words::samples::{AT, attempt};
    use crate::door::events::encode;
    use crate::journal::Limits;
    use crate::store::records::UserId;
    use std::path::Path;
    use zeroize::Zeroizing;

    fn journal(dir: &Path) -> Journal {
        let small = Limits {
            segment_bytes: 4096,
            keep_bytes: 8192,
            ..Limits::default()
        };
        Journal::open(dir, &Zeroizing::new([7; 32]), small, 0, &mut |_| {})
            .unwrap()
            .0
    }

    fn reader(logins: &Journal, operators: &Journal, position: Position) -> Reader {
        Reader::new(Origin::new("box1", 1), logins, operators, position)
    }

    fn login(journal: &Journal) {
        let event = Event::Attempt(Box::new(attempt(Reason::WrongCode)));
        journal.append_wait(AT, encode(&event)).unwrap();
    }

    fn system(journal: &Journal, code: &str) {
        let event = OperatorEvent::System {
            at: AT,
            code: code.into(),
            words: "words".into(),
        };
        journal.append_wait(AT, encode(&event)).unwrap();
    }

    fn position(logins: u64, operators: u64) -> Position {
        Position { logins, operators }
    }

    #[test]
    fn r23_each_record_once_and_from_where_it_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let (logins, operators) = (journal(&dir.path().join("a")), journal(&dir.path().join("b")));
        let mut first = reader(&logins, &operators, Position::default());
        assert_eq!(first.batch().unwrap(), Batch::default());
        login(&logins);
        logins
            .append_wait(AT, encode(&Event::WrongPassword(UserId(1))))
            .unwrap();
        system(&operators, "started");
        let batch = first.batch().unwrap();
        assert_eq!(batch.lines.len(), 2, "the guards' notes stay here: {:?}", batch.lines);
        assert!(batch.lines[0].contains(" started [") && batch.lines[1].contains(" wrong-code ["));
        assert_eq!((batch.position, batch.more), (position(2, 1), false));
        assert!(first.batch().unwrap().lines.is_empty());
        login(&logins);
        let again = reader(&logins, &operators, batch.position).batch().unwrap();
        assert_eq!(again.lines.len(), 1, "{:?}", again.lines);
        assert!(again.lines[0].contains("seq=\"3\""));
        assert_eq!(first.batch().unwrap(), again, "the first reader sees the same");
        let anew = reader(&logins, &operators, position(90, 1)).batch().unwrap();
        assert_eq!(anew.lines.len(), 2, "a journal begun anew is sent wholly");
    }

    #[test]
    fn a_batch_is_bounded_and_a_flood_holds_up_no_operator() {
        let dir = tempfile::tempdir().unwrap();
        let (logins, operators) = (journal(&dir.path().join("a")), journal(&dir.path().join("b")));
        for _ in 0..LINES_MAX {
            login(&logins);
        }
        login(&logins);
        system(&operators, "started");
        let mut reader = reader(&logins, &operators, Position::default());
        let batch = reader.batch().unwrap();
        assert!(batch.more && batch.lines[0].contains(" started ["));
        assert_eq!(batch.lines.len(), LINES_MAX + 1);
        let rest = reader.batch().unwrap();
        assert_eq!((rest.lines.len(), rest.more), (1, false));
    }

    #[test]
    fn what_was_pruned_unsent_or_cannot_be_read_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let (logins, operators) = (journal(&dir.path().join("a")), journal(&dir.path().join("b")));
        for _ in 0..200 {
            login(&logins);
        }
        assert!(logins.prune(AT, u64::MAX).unwrap() > 0);
        let mut lines = Vec::new();
        let mut behind = reader(&logins, &operators, position(3, 0));
        loop {
            let batch = behind.batch().unwrap();
            lines.extend(batch.lines);
            if !batch.more {
                assert_eq!(batch.position, position(200, 0));
                break;
            }
        }
        assert!(
            lines[0].contains(" records-missing [") && lines[0].contains("from=\"4\""),
            "{}",
            lines[0]
        );
        assert!(lines[1].contains(" wrong-code ["), "{}", lines[1]);
        operators.append_wait(AT, vec![99, 1, 2]).unwrap();
        let newer = behind.batch().unwrap();
        assert!(newer.lines[0].contains(" records-missing ["), "{:?}", newer.lines);
        // The end of the journal is destroyed while it is open.
        let before = behind.batch().unwrap().position;
        login(&logins);
        let newest = std::fs::read_dir(dir.path().join("a"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "jrn"))
            .max()
            .unwrap();
        let bytes = std::fs::read(&newest).unwrap();
        std::fs::write(&newest, &bytes[..bytes.len() - 5]).unwrap();
        let damaged = behind.batch().unwrap();
        assert!(damaged.lines[0].contains(" records-missing ["), "{:?}", damaged.lines);
        assert_eq!(
            damaged.position.logins,
            before.logins + 1,
            "it does not stay there for ever"
        );
        assert!(!damaged.more);
    }
}
