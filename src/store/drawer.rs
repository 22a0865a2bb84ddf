//! Tokens that nobody has yet, in memory: what is printed on them, without their seeds. In: records as they are read or changed; out:
//! rows by serial number. About 200 bytes a token; holds nothing secret.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::index::fold;
use super::records::{OtpParameters, SeedMark, Timestamp, Unassigned};

/// A token that nobody has yet, without its seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnassignedRow {
    /// What is printed on it.
    pub serial: String,
    /// Manufacturer and model.
    pub model: String,
    /// How it makes its codes.
    pub parameters: OtpParameters,
    /// When the record was made.
    pub created: Timestamp,
    /// Its seed's name, by which [`super::Store::unassigned`] finds the whole of it.
    pub mark: SeedMark,
}

/// All of them.
#[derive(Default)]
pub(super) struct Drawer {
    /// By serial number in lower case; two makers may print the same one.
    rows: BTreeMap<(Arc<str>, SeedMark), UnassignedRow>,
    serials: HashMap<SeedMark, Arc<str>>,
}

impl Drawer {
    pub(super) fn put(&mut self, token: &Unassigned) {
        self.remove(token.mark);
        let serial: Arc<str> = fold(&token.serial).into();
        self.serials.insert(token.mark, Arc::clone(&serial));
        let row = UnassignedRow {
            serial: token.serial.clone(),
            model: token.model.clone(),
            parameters: token.parameters,
            created: token.created,
            mark: token.mark,
        };
        self.rows.insert((serial, token.mark), row);
    }

    pub(super) fn remove(&mut self, mark: SeedMark) {
        if let Some(serial) = self.serials.remove(&mark) {
            self.rows.remove(&(serial, mark));
        }
    }

    pub(super) fn holds(&self, mark: SeedMark) -> bool {
        self.serials.contains_key(&mark)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn with_serial(&self, serial: &str) -> Vec<UnassignedRow> {
        let serial: Arc<str> = fold(serial).into();
        let first = (Arc::clone(&serial), SeedMark([0; 16]));
        let last = (serial, SeedMark([u8::MAX; 16]));
        self.rows.range(first..=last).map(|(_, row)| row.clone()).collect()
    }

    /// Those whose serial number or model contains `part`, by serial number.
    pub(super) fn search(&self, part: &str, offset: usize, limit: usize) -> (Vec<UnassignedRow>, usize) {
        let part = fold(part);
        let (mut page, mut total) = (Vec::new(), 0);
        let found = |serial: &str, row: &UnassignedRow| {
            part.is_empty() || serial.contains(&part) || row.model.to_lowercase().contains(&part)
        };
        for (_, row) in self.rows.iter().filter(|((serial, _), row)| found(serial, row)) {
            if total >= offset && page.len() < limit {
                page.push(row.clone());
            }
            total += 1;
        }
        (page, total)
    }
}
