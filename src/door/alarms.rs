//! What stands and wants somebody. In: alarms raised and cleared by their code; out: the list for the status, the gravest first.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::control::answers::Alarm;
use crate::store::records::Timestamp;

/// All alarms that stand.
#[derive(Default)]
pub struct Alarms {
    standing: Mutex<BTreeMap<String, (u8, Alarm)>>,
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
        let since = standing.get(code).map(|(_, alarm)| alarm.since);
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
        self.standing.lock().remove(code);
    }

    /// Clears all whose code begins so, but for those listed.
    pub fn clear_others(&self, prefix: &str, but: &[String]) {
        self.standing
            .lock()
            .retain(|code, _| !code.starts_with(prefix) || but.contains(code));
    }

    /// The list, the gravest first.
    pub fn list(&self) -> Vec<Alarm> {
        let standing = self.standing.lock();
        let mut all: Vec<_> = standing.values().cloned().collect();
        all.sort_by_key(|(grave, alarm)| (*grave, alarm.since));
        all.into_iter().map(|(_, alarm)| alarm).collect()
    }
}
