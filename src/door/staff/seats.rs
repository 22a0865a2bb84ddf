//! The sessions that stand at consoles. In: an operator who was checked; out: a seat, given up when it is dropped. How the operator
//! stands is told by the records as they are now.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::store::records::{Operator, OperatorId, Role};

#[derive(Clone)]
struct Sitting {
    operator: OperatorId,
    generation: u64,
    role: Role,
    line: String,
}

#[derive(Default)]
struct Inner {
    last: u64,
    sitting: BTreeMap<u64, Sitting>,
}

/// All of them.
#[derive(Default)]
pub struct Seats(Mutex<Inner>);

/// A session that stands.
pub struct Seat {
    seats: Arc<Seats>,
    /// Never given twice while the daemon runs, never 0.
    pub number: u64,
    /// Name.
    pub name: String,
    /// The console's line, shown text.
    pub line: String,
}

impl Seats {
    /// A seat for this operator.
    pub fn take(self: &Arc<Self>, operator: &Operator, line: String) -> Seat {
        let mut inner = self.0.lock();
        inner.last += 1;
        let number = inner.last;
        let sitting = Sitting {
            operator: operator.id,
            generation: operator.generation,
            role: operator.role,
            line: line.clone(),
        };
        inner.sitting.insert(number, sitting);
        Seat {
            seats: Arc::clone(self),
            number,
            name: operator.name.clone(),
            line,
        }
    }

    /// The operator's record as it is now, if the session still stands.
    ///
    /// # Errors
    /// Why it does not, in plain words.
    pub fn standing(&self, number: u64, operators: &[Operator]) -> Result<Operator, String> {
        let over = |why: &str| Err(why.to_owned());
        let Some(sitting) = self.0.lock().sitting.get(&number).cloned() else {
            return over("nobody sits there");
        };
        match operators.iter().find(|operator| operator.id == sitting.operator) {
            None => over("the operator was removed"),
            Some(operator) if !operator.enabled => over("the operator was disabled"),
            Some(operator) if operator.generation == sitting.generation => Ok(operator.clone()),
            Some(operator) if operator.role != sitting.role => over("the operator has another role now"),
            Some(_) => over("the operator was changed"),
        }
    }

    /// The session goes on after a change that its own operator made, if it stood by the generation that was before this change.
    pub fn renew(&self, number: u64, before: u64, operator: &Operator) {
        let mut inner = self.0.lock();
        let sitting = inner.sitting.get_mut(&number);
        if let Some(sitting) = sitting.filter(|sitting| sitting.generation == before) {
            sitting.generation = operator.generation;
        }
    }

    /// The lines of an operator's sessions.
    pub fn lines(&self, operator: &Operator) -> Vec<String> {
        let inner = self.0.lock();
        let of = inner
            .sitting
            .values()
            .filter(|one| one.operator == operator.id && one.generation == operator.generation);
        of.map(|one| one.line.clone()).collect()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.0.lock().sitting.remove(&self.number);
    }
}
