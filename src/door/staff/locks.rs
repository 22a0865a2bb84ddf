//! The lockout of operators' names. In: tries, and how they ended; out: whether another one may be made now. A name that no
//! operator has is treated as any other, so that nobody learns which names there are. By the monotonic clock; bounded.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// So many wrong ones in a row lock a name, and so many more lock it for longer.
pub const WRONG_MAX: u32 = 5;
/// The first lock.
pub const FIRST_LOCK: Duration = Duration::from_secs(60);
/// Locks double to this. Whoever stands at a line can keep a name locked by typing on, so it is no longer than guessing needs: 480
/// tries a day at a password of twelve characters or more.
pub const LONGEST_LOCK: Duration = Duration::from_secs(15 * 60);
/// For each hour without a try the count goes back by one lock.
const FADES: Duration = Duration::from_secs(3600);
/// Names remembered: more than can be tried while the longest lock lasts, at two checks at once, so that no flood of invented names
/// makes a locked one fresh again and tells by that who is no operator.
const KEPT: usize = 150_000;
/// Characters of a name that are remembered; no operator's has as many.
const NAME_MAX: usize = 64;
/// While others try the same name: as many as may still be wrong are being checked.
const BUSY: Duration = Duration::from_secs(1);

#[derive(Clone, Copy)]
struct Name {
    known: bool,
    wrong: u32,
    checking: u32,
    until: Option<Instant>,
    last: Instant,
}

/// All names.
#[derive(Default)]
pub struct Locks(Mutex<HashMap<String, Name>>);

/// The right to check one password; ends as a wrong one in [`Try::wrong`], as a right one in [`Try::right`], and counts for nothing
/// where it is dropped.
#[must_use]
pub struct Try<'a> {
    locks: &'a Locks,
    name: String,
}

/// How long a name is locked that was wrong so often.
fn lock(wrong: u32) -> Option<Duration> {
    let round = (wrong / WRONG_MAX).checked_sub(1)?;
    Some(FIRST_LOCK.saturating_mul(1 << round.min(10)).min(LONGEST_LOCK))
}

impl Locks {
    /// At the start: a name with a lock behind it is locked for the first time's length. The lock itself may be long over, and after
    /// a power cut somebody may have to log in for the box to answer; but a restart gives no tries for nothing either.
    pub fn stand(&self, name: &str, wrong: u32, now: Instant) {
        let until = lock(wrong).map(|_| now + FIRST_LOCK);
        let stood = Name {
            known: true,
            wrong,
            checking: 0,
            until,
            last: now,
        };
        self.0.lock().insert(name.to_owned(), stood);
    }

    /// Begins a try at this name.
    ///
    /// # Errors
    /// How long it must wait.
    pub fn begin(&self, name: &str, known: bool, now: Instant) -> Result<Try<'_>, Duration> {
        let name: String = name.chars().take(NAME_MAX).collect();
        let mut names = self.0.lock();
        if !known && !names.contains_key(&name) {
            make_room(&mut names, now);
        }
        let one = names.entry(name.clone()).or_insert(Name {
            known,
            wrong: 0,
            checking: 0,
            until: None,
            last: now,
        });
        one.known = known;
        fade(one, now);
        if let Some(left) = left(one, now) {
            return Err(left);
        }
        if one.wrong % WRONG_MAX + one.checking >= WRONG_MAX {
            return Err(BUSY);
        }
        one.checking += 1;
        one.last = now;
        Ok(Try { locks: self, name })
    }

    /// For how long a name is locked; none: it is not.
    pub fn left(&self, name: &str, now: Instant) -> Option<Duration> {
        self.0.lock().get(name).and_then(|one| left(one, now))
    }

    /// Wrong ones in a row.
    pub fn wrong(&self, name: &str) -> u32 {
        self.0.lock().get(name).map_or(0, |one| one.wrong)
    }

    /// Nothing counts against the name any more.
    pub fn clear(&self, name: &str) {
        if let Some(one) = self.0.lock().get_mut(name) {
            one.wrong = 0;
            one.until = None;
        }
    }

    fn end(&self, name: &str, end: impl FnOnce(&mut Name) -> u32) -> u32 {
        let mut names = self.0.lock();
        let Some(one) = names.get_mut(name) else {
            return 0;
        };
        end(one)
    }
}

/// Quiet hours take locks off the count.
fn fade(one: &mut Name, now: Instant) {
    let hours = now.saturating_duration_since(one.last).as_secs() / FADES.as_secs();
    let locks = u32::try_from(hours).unwrap_or(u32::MAX);
    one.wrong = one.wrong.saturating_sub(locks.saturating_mul(WRONG_MAX));
}

fn left(one: &Name, now: Instant) -> Option<Duration> {
    let left = one.until?.saturating_duration_since(now);
    (!left.is_zero()).then_some(left)
}

/// Only names that nobody has make room, and none of which a password is being checked: first all that no lock can stand for.
fn make_room(names: &mut HashMap<String, Name>, now: Instant) {
    if names.len() < KEPT {
        return;
    }
    let young = |one: &Name| now.saturating_duration_since(one.last) < LONGEST_LOCK;
    names.retain(|_, one| one.known || one.checking > 0 || young(one));
    if names.len() < KEPT {
        return;
    }
    let idle = names.iter().filter(|(_, one)| !one.known && one.checking == 0);
    let oldest = idle.min_by_key(|(_, one)| one.last).map(|(name, _)| name.clone());
    if let Some(oldest) = oldest {
        names.remove(&oldest);
    }
}

impl Try<'_> {
    /// It was wrong. How many in a row that makes.
    pub fn wrong(self, now: Instant) -> u32 {
        self.locks.end(&self.name, |one| {
            one.wrong = one.wrong.saturating_add(1);
            one.last = now;
            if one.wrong.is_multiple_of(WRONG_MAX) {
                one.until = lock(one.wrong).map(|length| now + length);
            }
            one.wrong
        })
    }

    /// It was right: the count begins anew.
    pub fn right(self) {
        self.locks.clear(&self.name);
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        self.locks.end(&self.name, |one| {
            one.checking = one.checking.saturating_sub(1);
            0
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn five_wrong_ones_lock_for_a_minute_and_five_more_for_two() {
        for known in [true, false] {
            let locks = Locks::default();
            let mut now = Instant::now();
            for minutes in [1, 2, 4, 8, 15, 15] {
                for _ in 0..5 {
                    let _ = locks.begin("anna", known, now).ok().unwrap().wrong(now);
                }
                assert_eq!(locks.begin("anna", known, now).err(), Some(minutes * MINUTE));
                assert_eq!(locks.left("anna", now), Some(minutes * MINUTE));
                now += minutes * MINUTE;
            }
            locks.begin("anna", known, now).ok().unwrap().right();
            for _ in 0..4 {
                let _ = locks.begin("anna", known, now).ok().unwrap().wrong(now);
            }
            assert!(locks.begin("anna", known, now).is_ok(), "a right one begins anew");
        }
    }

    #[test]
    fn quiet_hours_take_locks_off_the_count() {
        let locks = Locks::default();
        let start = Instant::now();
        locks.stand("anna", 41, start);
        assert_eq!(locks.left("anna", start), Some(FIRST_LOCK), "however many there were");
        drop(locks.begin("anna", true, start + 8 * FADES).ok().unwrap());
        assert_eq!(locks.wrong("anna"), 1);
    }

    #[test]
    fn guesses_at_once_get_no_more_tries_than_one_after_another() {
        let locks = Locks::default();
        let now = Instant::now();
        let tries: Vec<_> = (0..200).filter_map(|_| locks.begin("anna", true, now).ok()).collect();
        assert_eq!(tries.len(), 5);
        drop(tries);
        assert!(locks.begin("anna", true, now).is_ok(), "given up, not counted");
    }

    #[test]
    fn a_restart_begins_the_lock_again_and_an_unlock_ends_it() {
        let locks = Locks::default();
        let now = Instant::now();
        locks.stand("anna", 12, now);
        locks.stand("ben", 4, now);
        assert_eq!(locks.left("anna", now), Some(MINUTE));
        assert_eq!(locks.left("ben", now), None);
        locks.clear("anna");
        assert!(locks.begin("anna", true, now).is_ok());
    }

    #[test]
    fn invented_names_take_bounded_room_and_push_no_operator_out() {
        let locks = Locks::default();
        let now = Instant::now();
        locks.stand("anna", 5, now);
        for _ in 0..5 {
            let _ = locks.begin("nobody", false, now).ok().unwrap().wrong(now);
        }
        for n in 0..(KEPT as u64 + 100) {
            if n == 5000 {
                assert!(
                    locks.begin("nobody", false, now).is_err(),
                    "still locked, as a name that somebody has"
                );
            }
            let at = now
                + if n < 1000 {
                    Duration::from_millis(n)
                } else {
                    2 * LONGEST_LOCK
                };
            let _ = locks.begin(&format!("nobody{n}"), false, at).ok().unwrap().wrong(at);
        }
        assert!(
            locks.0.lock().len() <= KEPT - 800,
            "what no lock stands for any more went first"
        );
        assert!(locks.left("anna", now).is_some());
    }
}
