//! How a token's clock goes, told from its logins. In: the time and the step of each code that was used, in order, and when the clock
//! was set; out: how far it is ahead, what it gains in a day, and when its codes will be refused. Pure; a forecast refuses nothing.
//!
//! A code of step s that comes at the box's time t proves that the token's clock is at least `s * period - t` ahead, since nobody types
//! a code before it is shown. It may be more: the step was half over, or the hand slow. So each login is a point below the true line,
//! and the line sought is the one that lies above all points and as near to them as it can: the edge of their upper hull over
//! the mean of their times (Moon, Skelly, Towsley, "Estimation and removal of clock skew from network delay measurements", 1999). A
//! slow hand makes a point that lies deeper, and moves nothing.

use std::time::Duration;

use super::totp::{DRIFT_MAX, WINDOW};
use crate::store::records::Timestamp;

/// How far ahead somebody wants to know it.
pub const HORIZON: Duration = Duration::from_secs(60 * 86_400);
/// With fewer logins nothing is told.
const LOGINS_MIN: u32 = 5;
/// The rate that n logins over some time tell is off by so many periods over that time and the root of n, hardly ever by more (measured
/// with simulated hands: see the tests).
const DOUBT: f64 = 5.0;
/// The quickest hand takes so long, in milliseconds; and the line lies lower than the clock by that, and by so much of a period over the
/// root of the number of logins, since few of them come at the beginning of a step (measured likewise).
const HAND_MS: f64 = 2_500.0;
const LOW: f64 = 0.9;
/// Most corners of the hull that are kept: it has some ten as a rule, whatever the number of logins.
const CORNERS_MAX: usize = 32;
/// The box's clock may be set right by so much backwards, or two logins be written the other way round; beyond it what was seen before
/// was seen by another clock.
const BACK_MAX_MS: u64 = 60_000;
const DAY_MS: f64 = 86_400_000.0;

/// A corner of the hull: seconds since the first login, milliseconds ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Corner {
    at: u32,
    ahead: i32,
}

/// The logins of one token, as far as they tell of its clock: some 200 bytes, however many they are.
#[derive(Clone, Debug)]
pub struct Trail {
    /// Seconds a code lasts.
    period: u8,
    logins: u32,
    first: Timestamp,
    last: Timestamp,
    /// Seconds from the first login to each, in all.
    sum: u64,
    /// The longest time without a login, in seconds.
    gap: u32,
    hull: Vec<Corner>,
}

/// What the logins tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// From so many logins.
    pub logins: u32,
    /// The last of them.
    pub last: Timestamp,
    /// The longest time without a login among them.
    pub gap: Duration,
    /// Milliseconds that the clock gains (positive) or loses in a day.
    pub millis_per_day: f64,
    /// Milliseconds that it was ahead at the last login.
    at_last: f64,
    period: u8,
}

/// Why codes will be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The clock will be as far off as the box follows, and as a resync reaches.
    Limit,
    /// Between two logins, or since the last one, it moves further than the window.
    Seldom,
}

/// When codes will be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// From then on most of them are; it may be past.
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
}

/// Milliseconds that a code of this step proves its token's clock to be ahead (or, negative, not more than so much behind), when it comes
/// now.
pub fn proven_ahead(period: u8, at: Timestamp, step: u64) -> i64 {
    let shown = step.saturating_mul(u64::from(period.max(1))).saturating_mul(1000);
    let (shown, at) = (i64::try_from(shown), i64::try_from(at.0));
    shown.unwrap_or(i64::MAX).saturating_sub(at.unwrap_or(i64::MAX))
}

impl Trail {
    /// Of a token whose codes last so many seconds.
    pub fn new(period: u8) -> Self {
        Self {
            period,
            logins: 0,
            first: Timestamp(0),
            last: Timestamp(0),
            sum: 0,
            gap: 0,
            hull: Vec::new(),
        }
    }

    /// A code of this step was used then.
    pub fn login(&mut self, at: Timestamp, step: u64) {
        let ahead = proven_ahead(self.period, at, step);
        // Further off than any window reaches: no code of a clock, whatever it was.
        let most = i64::from(self.period) * 1000 * (i64::from(DRIFT_MAX) + 4);
        if ahead.abs() > most {
            return;
        }
        if self.logins > 0 && at.0.saturating_add(BACK_MAX_MS) < self.last.0 {
            self.reset();
        }
        let at = if self.logins == 0 { at } else { at.max(self.last) };
        if self.logins == 0 {
            self.first = at;
            self.last = at;
        }
        self.logins = self.logins.saturating_add(1);
        let seconds = |since: Timestamp| u32::try_from(at.since(since).as_secs()).unwrap_or(u32::MAX);
        self.gap = self.gap.max(seconds(self.last));
        self.last = at;
        let corner = Corner {
            at: seconds(self.first),
            ahead: i32::try_from(ahead).unwrap_or_default(),
        };
        self.sum = self.sum.saturating_add(u64::from(corner.at));
        self.push(corner);
    }

    /// The token's clock was set: what was seen before says nothing.
    pub fn reset(&mut self) {
        *self = Self::new(self.period);
    }

    /// Keeps the upper hull: from the left, edges fall more and more.
    fn push(&mut self, new: Corner) {
        if let Some(last) = self.hull.last()
            && last.at == new.at
        {
            if last.ahead >= new.ahead {
                return;
            }
            self.hull.pop();
        }
        while let [.., before, last] = self.hull.as_slice()
            && !is_above(*before, *last, new)
        {
            self.hull.pop();
        }
        self.hull.push(new);
        if self.hull.len() > CORNERS_MAX {
            self.drop_flattest();
        }
    }

    /// The corner whose going lowers the hull least.
    fn drop_flattest(&mut self) {
        let flattest = self
            .hull
            .array_windows()
            .map(|[a, b, c]| area(*a, *b, *c))
            .enumerate()
            .min_by_key(|(_, area)| *area);
        if let Some((at, _)) = flattest {
            self.hull.remove(at + 1);
        }
    }

    /// What the logins tell; none where they are so few, or so near each other, that a forecast over [`HORIZON`] could be off by more
    /// than a step.
    pub fn estimate(&self) -> Option<Estimate> {
        let doubt = DOUBT / f64::from(self.logins).sqrt() / self.last.since(self.first).as_secs_f64();
        if self.logins < LOGINS_MIN || doubt * HORIZON.as_secs_f64() > 1.0 {
            return None;
        }
        let mean = self.sum / u64::from(self.logins);
        let edges = || self.hull.array_windows::<2>();
        let over = edges().find(|[_, right]| u64::from(right.at) > mean);
        let [left, right] = over.or_else(|| edges().next_back())?;
        let seconds = f64::from(right.at.saturating_sub(left.at).max(1));
        let per_second = f64::from(right.ahead.saturating_sub(left.ahead)) / seconds;
        let end = self.last.since(self.first).as_secs_f64();
        let low = HAND_MS + LOW * f64::from(self.period) * 1_000.0 / f64::from(self.logins).sqrt();
        Some(Estimate {
            logins: self.logins,
            last: self.last,
            gap: Duration::from_secs(u64::from(self.gap)),
            millis_per_day: per_second * 86_400.0,
            at_last: low + f64::from(left.ahead) + per_second * (end - f64::from(left.at)),
            period: self.period,
        })
    }
}

impl Estimate {
    /// Milliseconds by which the clock is ahead (positive) or behind then, if it goes on so.
    pub fn ahead(&self, at: Timestamp) -> f64 {
        let days = |millis: u64| millis as f64 / DAY_MS;
        self.at_last + self.millis_per_day * (days(at.0) - days(self.last.0))
    }

    /// When its codes will be refused, if it goes on so. `learned`: the steps by which the box takes it to be ahead since the last login.
    pub fn leaves(&self, learned: i8, now: Timestamp) -> Option<Leaving> {
        let period = f64::from(self.period) * 1000.0;
        // Half a step beyond the window every second code is refused, and those of slow hands with them.
        let room = (f64::from(WINDOW) + 0.5) * period;
        let steps = |steps: i8| f64::from(steps) * period;
        let limit = self.reaches(0.0, steps(DRIFT_MAX) + room).map(|at| Leaving {
            at,
            cause: Cause::Limit,
        });
        let idle = self.gap.max(now.since(self.last));
        let seldom = self
            .reaches(steps(learned.clamp(-DRIFT_MAX, DRIFT_MAX)), room)
            .filter(|at| at.since(self.last) <= idle)
            .map(|at| Leaving {
                at,
                cause: Cause::Seldom,
            });
        match (limit, seldom) {
            (Some(limit), Some(seldom)) if seldom.at < limit.at => Some(seldom),
            (limit, seldom) => limit.or(seldom),
        }
    }

    /// When it is so far from there, on the side to which it goes; the last login's time where it was already then.
    fn reaches(&self, centre: f64, room: f64) -> Option<Timestamp> {
        let from = self.at_last - centre;
        let way = room * self.millis_per_day.signum() - from;
        let days = way / self.millis_per_day;
        if from.abs() >= room || days <= 0.0 {
            return Some(self.last);
        }
        // Beyond a century nobody waits for it, and a clock that keeps time never comes there.
        let millis = (days * DAY_MS).round();
        (days < 36_500.0).then(|| Timestamp(self.last.0.saturating_add(millis as u64)))
    }
}

/// Twice the area of the triangle.
fn area(a: Corner, b: Corner, c: Corner) -> i64 {
    cross(a, b, c).abs()
}

/// Whether `b` lies above the line from `a` to `c`.
fn is_above(a: Corner, b: Corner, c: Corner) -> bool {
    cross(a, b, c) < 0
}

/// Negative where the way from `a` over `b` to `c` turns right.
fn cross(a: Corner, b: Corner, c: Corner) -> i64 {
    let along = |to: Corner| i64::from(to.at) - i64::from(a.at);
    let up = |to: Corner| i64::from(to.ahead) - i64::from(a.ahead);
    along(b) * up(c) - up(b) * along(c)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
