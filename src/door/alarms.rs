//! What stands and wants somebody. In: alarms raised and cleared by their code; out: the list for the status, the gravest first.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::control::answers::Alarm;
use crate::store::records::Timestamp;

/// All alarms that stand.
#[derive(Default)]
pub struct Alarms {
    standing: Mutex<BTreeMap<String, (u8, Alarm)>>,
    moves: AtomicU64,
}

/// How grave: lower comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grave {
    /// Nobody can log in.
    Nobody = 0,
    /// Some cannot, or an attack may be under way.
    Some = 1,
    /// Somebody should look.
    Look = 2,
}

impl Alarms {
    /// Raises an alarm; one that stands keeps its time and takes the new words. True if it is new.
    pub fn raise(&self, code: &str, grave: Grave, what: String, todo: &str, now: Timestamp) -> bool {
        let mut standing = self.standing.lock();
        let before = standing.get(code);
        let since = before.map(|(_, alarm)| alarm.since);
        if before.is_none_or(|(_, alarm)| alarm.what != what || alarm.todo != todo) {
            self.move_on();
        }
        let alarm = Alarm {
            code: code.to_owned(),
            what,
            todo: todo.to_owned(),
            since: since.unwrap_or(now),
        };
        standing.insert(code.to_owned(), (grave as u8, alarm));
        since.is_none()
    }

    /// Clears one.
    pub fn clear(&self, code: &str) {
        if self.standing.lock().remove(code).is_some() {
            self.move_on();
        }
    }

    /// Clears all whose code begins so, but for those listed.
    pub fn clear_others(&self, prefix: &str, but: &[String]) {
        let mut standing = self.standing.lock();
        let before = standing.len();
        standing.retain(|code, _| !code.starts_with(prefix) || but.contains(code));
        if standing.len() != before {
            self.move_on();
        }
    }

    /// Grows whenever the list becomes another one.
    pub fn moves(&self) -> u64 {
        self.moves.load(Ordering::Relaxed)
    }

    fn move_on(&self) {
        self.moves.fetch_add(1, Ordering::Relaxed);
    }

    /// The list, the gravest first.
    pub fn list(&self) -> Vec<Alarm> {
        let standing = self.standing.lock();
        let mut all: Vec<_> = standing.values().cloned().collect();
        all.sort_by_key(|(grave, alarm)| (*grave, alarm.since));
        all.into_iter().map(|(_, alarm)| alarm).collect()
    }
}
