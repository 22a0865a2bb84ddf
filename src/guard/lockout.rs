//! Lockout (R17). Wrong codes and wrong local passwords count; spent codes, logins sent again and `unavailable` do not, and are
//! simply never told to this file.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Station;
use crate::store::records::Timestamp;

/// Wrong codes from one calling station (or client without one) that lock the user there.
pub const STATION_LIMIT: u16 = 10;
/// Wrong codes in all that lock the user at every station without an Accept in the last [`KNOWN_FOR`].
pub const USER_LIMIT: u16 = 50;
/// The first lock at a station.
pub const FIRST_LOCK: Duration = Duration::from_secs(15 * 60);
/// Locks double to this.
pub const LONGEST_LOCK: Duration = Duration::from_secs(24 * 3600);
/// A station is known for this long after an Accept.
pub const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// The same wrong code again counts once within this time. Longer would give a guesser free tries: a code that is wrong now may be
/// right in a later step. Two steps of 30 s cover a VPN client that repeats by itself.
pub const SAME_CODE: Duration = Duration::from_secs(60);

/// Stations remembered for one user; the one whose memory matters least goes first.
const STATIONS: usize = 48;
/// Wrong codes remembered for [`SAME_CODE`].
const SAME_CODES: usize = 16;

/// What was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MissKind {
    /// A code.
    Code,
    /// A local password.
    LocalPassword,
}

/// A lock that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// At this calling station.
    Station {
        /// Until then.
        until: Timestamp,
    },
    /// At this client, which names no calling stations.
    Client {
        /// Until then.
        until: Timestamp,
    },
    /// At every station that is not known; until an Accept elsewhere, or an unlock.
    User,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Seen {
    station: Station,
    accepted: Option<Timestamp>,
    wrong: u16,
    /// Attempts that are being checked now; they count as wrong until they end.
    #[serde(skip)]
    pending: u16,
    level: u8,
    until: Option<Timestamp>,
    last: Timestamp,
}

/// The lockouts of one user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Lockouts {
    stations: Vec<Seen>,
    wrong: u16,
    #[serde(skip)]
    pending: u16,
    #[serde(skip)]
    same: Vec<(u64, Station, Timestamp)>,
}

/// The right to check one code or local password; must end in [`Lockouts::miss`] or [`Lockouts::release`].
#[derive(Debug)]
#[must_use]
pub struct LockoutPermit {
    station: Station,
}

impl LockoutPermit {
    /// Where the attempt comes from.
    pub fn station(&self) -> Station {
        self.station
    }
}

impl Lockouts {
    /// Nothing counted and nobody known.
    pub fn is_blank(&self) -> bool {
        self.stations.is_empty() && self.wrong == 0
    }

    /// Whether an attempt is being checked now.
    pub fn is_pending(&self) -> bool {
        self.pending > 0
    }

    /// Whether stations that are not known are locked out.
    pub fn is_user_locked(&self) -> bool {
        self.wrong >= USER_LIMIT
    }

    /// Wrong ones in all since the last Accept.
    pub fn wrong(&self) -> u16 {
        self.wrong
    }

    /// Locks at single stations that stand now, with their ends.
    pub fn station_locks(&self, now: Timestamp) -> Vec<Timestamp> {
        self.stations
            .iter()
            .filter_map(|s| s.until)
            .filter(|until| *until > now)
            .collect()
    }

    /// Where something is counted or locked now: the place, wrong ones there, and until when.
    pub fn places(&self, now: Timestamp) -> Vec<(Station, u16, Option<Timestamp>)> {
        self.stations
            .iter()
            .map(|s| (s.station, s.wrong, s.until.filter(|until| *until > now)))
            .filter(|(_, wrong, until)| *wrong > 0 || until.is_some())
            .collect()
    }

    /// Whether the station had an Accept in the last 30 days.
    pub fn is_known(&self, station: Station, now: Timestamp) -> bool {
        self.seen(station)
            .and_then(|s| s.accepted)
            .is_some_and(|at| now.since(at) <= KNOWN_FOR)
    }

    /// The lock that stands for this station now, if one does.
    pub fn locked(&self, station: Station, now: Timestamp) -> Option<Lock> {
        if let Some(until) = self.seen(station).and_then(|s| s.until).filter(|until| *until > now) {
            return Some(match station {
                Station::Calling(_) => Lock::Station { until },
                Station::Client(_) => Lock::Client { until },
            });
        }
        if self.wrong.saturating_add(self.pending) >= USER_LIMIT && !self.is_known(station, now) {
            return Some(Lock::User);
        }
        None
    }

    /// Begins the check of one code or local password. Attempts under way count as wrong ones, so that many at once get no more
    /// guesses than one after another.
    pub fn begin(&mut self, station: Station, now: Timestamp) -> Result<LockoutPermit, Lock> {
        if let Some(lock) = self.locked(station, now) {
            return Err(lock);
        }
        let seen = self.seen_mut(station, now);
        if seen.wrong.saturating_add(seen.pending) >= STATION_LIMIT {
            let until = now.plus(Duration::from_secs(1));
            return Err(match station {
                Station::Calling(_) => Lock::Station { until },
                Station::Client(_) => Lock::Client { until },
            });
        }
        seen.pending = seen.pending.saturating_add(1);
        self.pending = self.pending.saturating_add(1);
        Ok(LockoutPermit { station })
    }

    /// The attempt was no guess (right, spent, or not checked after all).
    pub fn release(&mut self, permit: LockoutPermit) {
        self.pending = self.pending.saturating_sub(1);
        if let Some(seen) = self.stations.iter_mut().find(|s| s.station == permit.station) {
            seen.pending = seen.pending.saturating_sub(1);
            if seen.accepted.is_none() && seen.wrong == 0 && seen.level == 0 && seen.pending == 0 {
                self.stations.retain(|s| s.station != permit.station);
            }
        }
    }

    /// Whether this very wrong code was counted a moment ago: then it counts no more.
    pub fn is_same_again(&self, what: u64, station: Station, now: Timestamp) -> bool {
        self.same
            .iter()
            .any(|(w, s, at)| *w == what && *s == station && now.since(*at) < SAME_CODE)
    }

    /// The attempt was wrong. `what` is a keyed hash of it. Returns whether it counted: the same one again does not.
    pub fn miss(&mut self, permit: LockoutPermit, what: u64, now: Timestamp) -> bool {
        let station = permit.station;
        let again = self.is_same_again(what, station, now);
        self.release(permit);
        if again {
            return false;
        }
        self.same.retain(|(_, _, at)| now.since(*at) < SAME_CODE);
        if self.same.len() >= SAME_CODES {
            self.same.remove(0);
        }
        self.same.push((what, station, now));
        self.count(station, now);
        true
    }

    /// Counts one wrong code: from [`Lockouts::miss`], and from the journal at start.
    pub fn count(&mut self, station: Station, now: Timestamp) {
        self.wrong = self.wrong.saturating_add(1).min(USER_LIMIT);
        let seen = self.seen_mut(station, now);
        seen.wrong = seen.wrong.saturating_add(1);
        seen.last = now;
        if seen.wrong >= STATION_LIMIT {
            seen.wrong = 0;
            let lasting = match station {
                Station::Calling(_) => FIRST_LOCK.saturating_mul(1 << seen.level.min(10)).min(LONGEST_LOCK),
                Station::Client(_) => FIRST_LOCK,
            };
            seen.level = seen.level.saturating_add(1);
            seen.until = Some(now.plus(lasting));
        }
    }

    /// As [`Lockouts::count`] from the journal at start: what a fold took in already is not counted again.
    pub fn count_once(&mut self, station: Station, at: Timestamp) {
        if self.seen(station).is_none_or(|seen| seen.last != at) {
            self.count(station, at);
        }
    }

    /// The clock was set back: no time that is kept lies ahead of it.
    pub fn clamp(&mut self, now: Timestamp) {
        for seen in &mut self.stations {
            seen.accepted = seen.accepted.map(|at| at.min(now));
            seen.last = seen.last.min(now);
            seen.until = seen.until.map(|until| until.min(now.plus(LONGEST_LOCK)));
        }
        self.same.clear();
    }

    /// An Access-Accept: the only thing that resets. Other stations keep their own counts and locks: an Accept here says nothing
    /// about a guesser there.
    pub fn accept(&mut self, station: Station, now: Timestamp) {
        self.wrong = 0;
        let seen = self.seen_mut(station, now);
        seen.accepted = Some(now);
        seen.last = now;
        seen.wrong = 0;
        seen.level = 0;
        seen.until = None;
    }

    /// `user unlock`: every count and lock goes, what is known of stations stays.
    pub fn unlock(&mut self) {
        self.wrong = 0;
        self.same.clear();
        self.stations.retain_mut(|s| {
            s.wrong = 0;
            s.level = 0;
            s.until = None;
            s.accepted.is_some() || s.pending > 0
        });
    }

    fn seen(&self, station: Station) -> Option<&Seen> {
        self.stations.iter().find(|s| s.station == station)
    }

    fn seen_mut(&mut self, station: Station, now: Timestamp) -> &mut Seen {
        if let Some(at) = self.stations.iter().position(|s| s.station == station) {
            return self.at(at);
        }
        if self.stations.len() >= STATIONS {
            // Locked stations matter most, then those with an Accept, then the newest.
            let out = self
                .stations
                .iter()
                .enumerate()
                .filter(|(_, s)| s.pending == 0)
                .min_by_key(|(_, s)| (s.until.is_some_and(|u| u > now), s.accepted, s.last))
                .map(|(i, _)| i);
            if let Some(out) = out {
                self.stations.swap_remove(out);
            }
        }
        self.stations.push(Seen {
            station,
            accepted: None,
            wrong: 0,
            pending: 0,
            level: 0,
            until: None,
            last: now,
        });
        let last = self.stations.len().saturating_sub(1);
        self.at(last)
    }

    #[allow(clippy::indexing_slicing)] // `at` was just found or pushed.
    fn at(&mut self, at: usize) -> &mut Seen {
        &mut self.stations[at]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::store::records::ClientId;

    const HOME: Station = Station::Calling(1);
    const AWAY: Station = Station::Calling(2);
    const BARE: Station = Station::Client(ClientId(7));
    const T: Timestamp = Timestamp(1_800_000_000_000);

    fn miss_n(l: &mut Lockouts, station: Station, n: u64, now: Timestamp) {
        for i in 0..n {
            let permit = l.begin(station, now).expect("not locked yet");
            assert!(l.miss(permit, now.0.wrapping_mul(1000) + i, now));
        }
    }

    #[test]
    fn r17_ten_wrong_codes_lock_the_station_and_only_it() {
        let mut l = Lockouts::default();
        miss_n(&mut l, HOME, 10, T);
        assert_eq!(
            l.locked(HOME, T),
            Some(Lock::Station {
                until: T.plus(FIRST_LOCK)
            })
        );
        assert_eq!(l.locked(AWAY, T), None);
        assert_eq!(l.locked(HOME, T.plus(FIRST_LOCK)), None);
    }

    #[test]
    fn r17_station_locks_double_to_a_day() {
        let mut l = Lockouts::default();
        let mut now = T;
        let mut minutes = Vec::new();
        for _ in 0..4 {
            miss_n(&mut l, HOME, 10, now);
            let Some(Lock::Station { until }) = l.locked(HOME, now) else {
                panic!("not locked")
            };
            minutes.push(until.since(now).as_secs() / 60);
            now = until;
        }
        assert_eq!(minutes, [15, 30, 60, 120]);
        let mut s = Lockouts::default();
        for level in 0..12 {
            for _ in 0..10 {
                s.count(HOME, T);
            }
            let _ = level;
        }
        assert_eq!(s.station_locks(T), [T.plus(LONGEST_LOCK)]);
    }

    #[test]
    fn r17_without_a_station_fifteen_minutes_and_no_doubling() {
        let mut l = Lockouts::default();
        let mut now = T;
        for _ in 0..3 {
            miss_n(&mut l, BARE, 10, now);
            assert_eq!(
                l.locked(BARE, now),
                Some(Lock::Client {
                    until: now.plus(FIRST_LOCK)
                })
            );
            now = now.plus(FIRST_LOCK);
        }
    }

    #[test]
    fn r17_fifty_in_all_lock_unknown_stations_but_not_a_known_one() {
        let mut l = Lockouts::default();
        l.accept(HOME, T);
        for i in 0..50 {
            l.count(Station::Calling(100 + i % 10), T);
        }
        assert_eq!(l.locked(AWAY, T), Some(Lock::User));
        assert_eq!(l.locked(HOME, T), None);
        assert_eq!(
            l.locked(HOME, T.plus(KNOWN_FOR).plus(Duration::from_secs(1))),
            Some(Lock::User)
        );
        l.accept(HOME, T);
        assert_eq!(l.locked(AWAY, T), None);
    }

    #[test]
    fn r17_the_same_wrong_code_counts_once_for_a_minute() {
        let mut l = Lockouts::default();
        for n in 0..20 {
            let permit = l.begin(HOME, T).unwrap();
            assert_eq!(l.miss(permit, 42, T), n == 0);
        }
        let later = T.plus(SAME_CODE);
        let permit = l.begin(HOME, later).unwrap();
        assert!(
            l.miss(permit, 42, later),
            "a code that was wrong may be right in a later step: it counts again"
        );
        assert_eq!(l.wrong(), 2);
    }

    #[test]
    fn r17_many_at_once_get_no_more_guesses() {
        let mut l = Lockouts::default();
        let permits: Vec<_> = (0..10).map(|_| l.begin(HOME, T).unwrap()).collect();
        assert!(l.begin(HOME, T).is_err());
        for permit in permits {
            l.release(permit);
        }
        assert!(l.begin(HOME, T).is_ok());
    }

    #[test]
    fn r17_only_an_accept_resets() {
        let mut l = Lockouts::default();
        miss_n(&mut l, HOME, 9, T);
        let permit = l.begin(HOME, T).unwrap();
        l.release(permit);
        assert_eq!(l.wrong(), 9);
        l.accept(HOME, T);
        assert_eq!(l.wrong(), 0);
        miss_n(&mut l, HOME, 9, T.plus(SAME_CODE));
        assert_eq!(l.locked(HOME, T), None);
    }

    #[test]
    fn r17_an_accept_elsewhere_does_not_free_a_guesser() {
        let mut l = Lockouts::default();
        miss_n(&mut l, AWAY, 10, T);
        l.accept(HOME, T);
        assert!(matches!(l.locked(AWAY, T), Some(Lock::Station { .. })));
    }

    #[test]
    fn r17_a_flood_of_stations_does_not_push_out_a_lock() {
        let mut l = Lockouts::default();
        miss_n(&mut l, AWAY, 10, T);
        for i in 0..39 {
            l.count(Station::Calling(1000 + i), T.plus(Duration::from_secs(1)));
        }
        for i in 0..200 {
            l.count(Station::Calling(2000 + i), T.plus(Duration::from_secs(1)));
        }
        assert!(matches!(l.locked(AWAY, T), Some(Lock::Station { .. })));
        assert!(l.stations.len() <= STATIONS);
    }

    #[test]
    fn unlock_clears_and_keeps_what_is_known() {
        let mut l = Lockouts::default();
        l.accept(HOME, T);
        miss_n(&mut l, HOME, 10, T);
        l.unlock();
        assert_eq!(l.locked(HOME, T), None);
        assert!(l.is_known(HOME, T));
        assert_eq!(l.wrong(), 0);
    }
}
