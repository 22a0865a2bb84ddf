//! When to leave a directory alone (R14). In: the time and what each question brought; out: whether the next may be asked now. One
//! [`Breaker`] a tenant. Pure: it reads no clock, and it never says anything of a password.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::answer::{Answer, RETRY_AFTER_MAX};
use super::table::{LOCKED, LOOP, Verdict};
use super::trouble::Trouble;

/// After so many answers in a row that were none, the tenant rests.
pub const OUTAGES: u32 = 5;
/// The first rest; each failed trial doubles it.
pub const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// The longest rest (R14).
pub const PAUSE_MAX: Duration = RETRY_AFTER_MAX;
/// A trial that nobody reported for so long is taken for lost.
pub const TRIAL_MAX: Duration = Duration::from_secs(30);
/// How long one user rests after a request loop.
pub const LOOP_PAUSE: Duration = Duration::from_secs(60);
/// The most users that rest at once; beyond them, who is free soonest is forgotten.
pub const LOOP_USERS: usize = 10_000;
/// So many different users with smart lockout ...
pub const LOCKED_USERS: usize = 3;
/// ... within this time mean that this box's address is flagged.
pub const LOCKED_WINDOW: Duration = Duration::from_secs(600);
/// How many locked users are remembered.
const LOCKED_KEPT: usize = 64;

/// Why a question is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The directory said: too many requests.
    Throttled,
    /// The directory does not answer.
    Outage,
    /// The directory saw a loop of requests for this user.
    Loop,
}

impl Why {
    /// Plain words.
    pub fn words(self) -> &'static str {
        match self {
            Why::Throttled => "the directory asked for fewer requests",
            Why::Outage => "the directory does not answer",
            Why::Loop => "the directory saw a loop of requests for this user",
        }
    }
}

/// Not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paused {
    /// Not before then.
    pub until: Instant,
    /// The cause.
    pub why: Why,
}

/// Leave to ask once. Hand it back with the answer; one that is lost costs nothing but time.
#[derive(Debug)]
#[must_use = "ask, then record the answer"]
pub struct Permit {
    round: u64,
    trial: bool,
}

#[derive(Debug)]
struct Rest {
    until: Instant,
    why: Why,
    /// When the one trial after the rest was let through.
    trial: Option<Instant>,
}

/// What is known of one tenant's state.
#[derive(Debug, Default)]
pub struct Breaker {
    rest: Option<Rest>,
    /// Grows with each rest: an answer to a question from before says nothing about what came since.
    round: u64,
    outages: u32,
    pause: Duration,
    loops: HashMap<String, Instant>,
    locked: HashMap<String, Instant>,
}

impl Breaker {
    /// Whether this user's password may be asked for now. After a rest one question is let through as a trial; the others wait for
    /// what it brings.
    ///
    /// # Errors
    /// Until when not, and why.
    pub fn admit(&mut self, now: Instant, user: &str) -> Result<Permit, Paused> {
        if let Some(until) = self.loops.get(user).copied() {
            if now < until {
                return Err(Paused { until, why: Why::Loop });
            }
            self.loops.remove(user);
        }
        let round = self.round;
        let Some(rest) = &mut self.rest else {
            return Ok(Permit { round, trial: false });
        };
        let until = match rest.trial {
            None => rest.until,
            Some(begun) => begun + TRIAL_MAX,
        };
        if now < until {
            return Err(Paused { until, why: rest.why });
        }
        rest.trial = Some(now);
        Ok(Permit { round, trial: true })
    }

    /// As [`Breaker::admit`] would answer, without taking the trial: for the status, and for the order of R1.
    pub fn paused(&self, now: Instant) -> Option<Paused> {
        let rest = self.rest.as_ref()?;
        let until = rest.trial.map_or(rest.until, |begun| begun + TRIAL_MAX);
        (now < until).then_some(Paused { until, why: rest.why })
    }

    /// Whether this user's password could be asked for now, without taking anything: R1 wants to know before the code is looked at.
    ///
    /// # Errors
    /// Until when not, and why.
    pub fn may(&self, now: Instant, user: &str) -> Result<(), Paused> {
        if let Some(until) = self.loops.get(user).copied().filter(|until| now < *until) {
            return Err(Paused { until, why: Why::Loop });
        }
        self.paused(now).map_or(Ok(()), Err)
    }

    /// Gives a leave back that was not used: a trial is there for the next one again.
    pub fn cancel(&mut self, permit: Permit) {
        if permit.trial
            && permit.round == self.round
            && let Some(rest) = &mut self.rest
        {
            rest.trial = None;
        }
    }

    /// Takes in what a question brought.
    pub fn record(&mut self, now: Instant, permit: Permit, user: &str, answer: &Answer) {
        if answer.verdict == Verdict::BackOff || answer.has(LOOP) {
            self.rest_user(now, user);
        }
        if answer.has(LOCKED) {
            self.saw_locked(now, user);
        }
        if permit.round != self.round {
            // Asked before the rest. It may make a wish for more quiet known, nothing else.
            if let (Some(rest), Some(wish)) = (&mut self.rest, answer.retry_after)
                && answer.verdict == Verdict::Unavailable
            {
                rest.until = rest.until.max(now + wish.min(PAUSE_MAX));
            }
            return;
        }
        if answer.verdict != Verdict::Unavailable {
            self.outages = 0;
            self.pause = Duration::ZERO;
            self.rest = None;
            return;
        }
        self.outages = self.outages.saturating_add(1);
        let throttled = answer.trouble == Some(Trouble::Throttled);
        if permit.trial || throttled || answer.retry_after.is_some() || self.outages >= OUTAGES {
            self.pause = (self.pause * 2).clamp(PAUSE_FIRST, PAUSE_MAX);
            let pause = answer
                .retry_after
                .map_or(self.pause, |wish| wish.clamp(PAUSE_FIRST, PAUSE_MAX));
            self.round += 1;
            self.rest = Some(Rest {
                until: now + pause,
                why: if throttled { Why::Throttled } else { Why::Outage },
                trial: None,
            });
        }
    }

    /// Whether so many users met smart lockout of late that this box's address must be the reason.
    pub fn address_flagged(&self, now: Instant) -> bool {
        let recent = self
            .locked
            .values()
            .filter(|at| now.saturating_duration_since(**at) < LOCKED_WINDOW);
        recent.count() >= LOCKED_USERS
    }

    fn rest_user(&mut self, now: Instant, user: &str) {
        if self.loops.len() >= LOOP_USERS {
            self.loops.retain(|_, until| now < *until);
        }
        if self.loops.len() >= LOOP_USERS {
            forget_oldest(&mut self.loops);
        }
        self.loops.insert(user.to_owned(), now + LOOP_PAUSE);
    }

    fn saw_locked(&mut self, now: Instant, user: &str) {
        self.locked
            .retain(|_, at| now.saturating_duration_since(*at) < LOCKED_WINDOW);
        if self.locked.len() >= LOCKED_KEPT {
            forget_oldest(&mut self.locked);
        }
        self.locked.insert(user.to_owned(), now);
    }
}

fn forget_oldest(map: &mut HashMap<String, Instant>) {
    let oldest = map.iter().min_by_key(|(_, at)| **at).map(|(user, _)| user.clone());
    if let Some(user) = oldest {
        map.remove(&user);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::super::decide::tests::answer;
    use super::super::table::Cause;
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn down() -> Answer {
        Answer::none(Trouble::Timeout)
    }

    fn fine() -> Answer {
        answer(Verdict::Refuse(Cause::WrongPassword), Some(50126))
    }

    fn throttled(after: Option<u64>) -> Answer {
        Answer {
            retry_after: after.map(seconds),
            ..Answer::none(Trouble::Throttled)
        }
    }

    fn ask(breaker: &mut Breaker, now: Instant, answer: &Answer) {
        let permit = breaker.admit(now, "anna").expect("not paused");
        breaker.record(now, permit, "anna", answer);
    }

    fn until(breaker: &mut Breaker, now: Instant) -> Option<Paused> {
        breaker.admit(now, "anna").err()
    }

    #[test]
    fn r14_an_outage_pauses_after_some_in_a_row_and_the_pause_grows_to_30_seconds() {
        let mut breaker = Breaker::default();
        let mut now = Instant::now();
        for _ in 0..OUTAGES - 1 {
            ask(&mut breaker, now, &down());
        }
        assert_eq!(breaker.paused(now), None);
        ask(&mut breaker, now, &down());
        for expected in [1, 2, 4, 8, 16, 30, 30] {
            let end = now + seconds(expected);
            let paused = Some(Paused {
                until: end,
                why: Why::Outage,
            });
            assert_eq!(breaker.paused(now), paused);
            assert_eq!(until(&mut breaker, end - Duration::from_millis(1)), paused);
            now = end;
            ask(&mut breaker, now, &down());
        }
    }

    #[test]
    fn r14_one_answer_between_starts_the_count_again() {
        let mut breaker = Breaker::default();
        let now = Instant::now();
        for _ in 0..10 {
            for _ in 0..OUTAGES - 1 {
                ask(&mut breaker, now, &down());
            }
            ask(&mut breaker, now, &fine());
        }
        assert_eq!(breaker.paused(now), None);
    }

    #[test]
    fn r14_one_trial_after_a_pause_and_its_answer_decides() {
        let mut breaker = Breaker::default();
        let start = Instant::now();
        ask(&mut breaker, start, &throttled(Some(7)));
        let end = start + seconds(7);
        let trial = breaker.admit(end, "anna").expect("the trial");
        let waiting = until(&mut breaker, end + seconds(1)).expect("others wait");
        assert_eq!(waiting.until, end + TRIAL_MAX);
        breaker.record(end + seconds(2), trial, "anna", &fine());
        assert_eq!(breaker.paused(end + seconds(2)), None);
        ask(&mut breaker, end + seconds(2), &throttled(None));
        let again = breaker.paused(end + seconds(2)).expect("paused");
        assert_eq!(again.until, end + seconds(3), "the pause begins short again");
    }

    #[test]
    fn r14_a_lost_trial_does_not_stop_the_tenant_for_good() {
        let mut breaker = Breaker::default();
        let start = Instant::now();
        ask(&mut breaker, start, &throttled(Some(1)));
        let trial = breaker.admit(start + seconds(1), "anna").expect("the trial");
        drop(trial);
        assert!(until(&mut breaker, start + seconds(30)).is_some());
        assert!(breaker.admit(start + seconds(31), "anna").is_ok());
    }

    #[test]
    fn r14_retry_after_is_honoured_up_to_30_seconds() {
        for (asked, given) in [(Some(7), 7), (Some(0), 1), (Some(3600), 30), (None, 1)] {
            let mut breaker = Breaker::default();
            let now = Instant::now();
            ask(&mut breaker, now, &throttled(asked));
            let paused = breaker.paused(now).expect("paused");
            assert_eq!((paused.until, paused.why), (now + seconds(given), Why::Throttled));
        }
        let mut breaker = Breaker::default();
        let now = Instant::now();
        let busy = Answer {
            retry_after: Some(seconds(5)),
            ..Answer::none(Trouble::Status(503))
        };
        ask(&mut breaker, now, &busy);
        assert_eq!(breaker.paused(now).map(|p| p.until), Some(now + seconds(5)));
    }

    #[test]
    fn r14_answers_to_questions_from_before_the_pause_do_not_stretch_it() {
        let mut breaker = Breaker::default();
        let now = Instant::now();
        let permits: Vec<Permit> = (0..1000).map(|_| breaker.admit(now, "anna").expect("free")).collect();
        for permit in permits {
            breaker.record(now + seconds(2), permit, "anna", &down());
        }
        assert_eq!(
            breaker.paused(now + seconds(2)).map(|p| p.until),
            Some(now + seconds(3))
        );
        let late: Vec<Permit> = {
            let mut other = Breaker::default();
            let late = (0..2).map(|_| other.admit(now, "anna").expect("free")).collect();
            ask(&mut other, now, &throttled(Some(2)));
            breaker = other;
            late
        };
        let answers = [fine(), throttled(Some(9))];
        for (permit, answer) in late.into_iter().zip(&answers) {
            breaker.record(now + seconds(1), permit, "anna", answer);
        }
        assert_eq!(
            breaker.paused(now).map(|p| p.until),
            Some(now + seconds(10)),
            "only a longer wish counts"
        );
    }

    #[test]
    fn r14_a_loop_pauses_that_user_alone() {
        let mut breaker = Breaker::default();
        let now = Instant::now();
        ask(&mut breaker, now, &answer(Verdict::BackOff, Some(50196)));
        let paused = until(&mut breaker, now + seconds(59)).expect("paused");
        assert_eq!((paused.until, paused.why), (now + LOOP_PAUSE, Why::Loop));
        assert!(breaker.admit(now, "berta").is_ok());
        assert!(breaker.admit(now + LOOP_PAUSE, "anna").is_ok());
        assert_eq!(breaker.paused(now), None);
    }

    #[test]
    fn r14_the_users_at_rest_are_bounded() {
        let mut breaker = Breaker::default();
        let now = Instant::now();
        for n in 0..LOOP_USERS as u64 + 5 {
            let at = now + Duration::from_millis(n);
            let user = format!("user{n}");
            let permit = breaker.admit(at, &user).expect("free");
            breaker.record(at, permit, &user, &answer(Verdict::BackOff, Some(50196)));
        }
        assert_eq!(breaker.loops.len(), LOOP_USERS);
        assert!(
            breaker.admit(now + seconds(20), "user0").is_ok(),
            "the oldest is forgotten"
        );
        assert!(breaker.admit(now + seconds(20), "user10004").is_err());
    }

    #[test]
    fn r14_three_locked_users_in_ten_minutes_flag_the_address() {
        let locked = answer(Verdict::Refuse(Cause::Locked), Some(50053));
        let mut breaker = Breaker::default();
        let now = Instant::now();
        let meet = |breaker: &mut Breaker, at, user: &str| {
            let permit = breaker.admit(at, user).expect("free");
            breaker.record(at, permit, user, &locked);
        };
        for _ in 0..5 {
            meet(&mut breaker, now, "anna");
        }
        meet(&mut breaker, now, "berta");
        assert!(!breaker.address_flagged(now));
        meet(&mut breaker, now + seconds(599), "carla");
        assert!(breaker.address_flagged(now + seconds(599)));
        assert!(!breaker.address_flagged(now + seconds(600)), "two are too old");
        meet(&mut breaker, now + seconds(700), "anna");
        assert!(!breaker.address_flagged(now + seconds(700)));
        for n in 0..1000 {
            meet(&mut breaker, now + seconds(700), &format!("user{n}"));
        }
        assert!(breaker.locked.len() <= LOCKED_KEPT);
    }
}
