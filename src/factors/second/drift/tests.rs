//! Simulated tokens of known drift in simulated hands, and what the logins tell of them.
#![allow(clippy::print_stdout)] // What was measured is for whoever reads it.

use super::*;
use crate::factors::second::totp;

const DAY: u64 = 86_400_000;
/// 2026-01-05T00:00:00Z.
const BEGIN: u64 = 1_767_571_200_000;

/// Numbers that look random, the same at each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most.max(1)
    }
}

/// A token, its owner's hand, and what the box has learned of it.
struct Token {
    ppm: f64,
    begun_ahead: f64,
    period: u8,
    random: Random,
    learned: i8,
    last_step: u64,
}

impl Token {
    fn new(ppm: f64, period: u8, seed: u64) -> Self {
        Self {
            ppm,
            begun_ahead: 0.0,
            period,
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            learned: 0,
            last_step: 0,
        }
    }

    /// Milliseconds ahead then.
    fn ahead(&self, at: u64) -> f64 {
        self.begun_ahead + (at - BEGIN) as f64 * self.ppm / 1e6
    }

    /// From reading to sending: some seconds; every fifth time half a minute and more.
    fn hand(&mut self) -> u64 {
        match self.random.below(5) {
            0 => 10_000 + self.random.below(25_000),
            _ => 2_500 + self.random.below(7_000),
        }
    }

    /// A login about then, as the box takes it: three tries, half a minute after each other.
    fn login(&mut self, at: u64) -> Option<(Timestamp, u64)> {
        let period = i64::from(self.period) * 1000;
        for attempt in 0..3 {
            let sent = at + attempt * 30_000 + self.random.below(30_000);
            let read = (sent - self.hand()) as i64 + self.ahead(sent).round() as i64;
            let (step, present) = (read / period, sent as i64 / period);
            let seen = i8::try_from(step - present).unwrap_or(i8::MAX);
            let is_late = sent as i64 % period >= period / 2;
            let near = (i16::from(seen) - i16::from(self.learned)).abs() <= i16::from(totp::WINDOW);
            if near && step as u64 > self.last_step {
                self.last_step = step as u64;
                self.learned = totp::learn(self.learned, seen, is_late);
                return Some((Timestamp(sent), step as u64));
            }
        }
        None
    }
}

/// How often somebody logs in.
#[derive(Clone, Copy, Debug)]
enum Use {
    /// Once or twice each working day.
    Daily,
    /// Once in five to nine days.
    Weekly,
    /// Once in three to seven weeks.
    Monthly,
}

impl Use {
    fn next(self, after: u64, random: &mut Random) -> u64 {
        match self {
            Use::Daily => {
                let next = after + DAY / 3 + random.below(DAY);
                let weekday = (next - BEGIN) / DAY % 7;
                if weekday >= 5 { next + 2 * DAY } else { next }
            }
            Use::Weekly => after + 5 * DAY + random.below(4 * DAY),
            Use::Monthly => after + 21 * DAY + random.below(28 * DAY),
        }
    }
}

/// The trail of so many days, and the time of the last login; it ends where the box let it in no more eight times in a row.
fn used(token: &mut Token, way: Use, days: u64) -> (Trail, u64) {
    let mut trail = Trail::new(token.period);
    let (mut at, mut last, mut refused) = (BEGIN + DAY / 3, BEGIN, 0);
    while at < BEGIN + days * DAY && refused < 8 {
        refused += 1;
        if let Some((when, step)) = token.login(at) {
            trail.login(when, step);
            (last, refused) = (when.0, 0);
        }
        at = way.next(at, &mut token.random);
    }
    (trail, last)
}

const PPMS: [f64; 15] = [
    0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 5.0, -5.0, 10.0, -10.0, 20.0, -20.0, 50.0, -50.0,
];

/// Of tokens of every drift in many hands, but for those that leave the window before the time is over: the share of `part` of the
/// errors lies below, of the rate in ppm and of the offset in seconds; and how many told something.
fn errors(way: Use, days: u64, period: u8, part: f64) -> (f64, f64, usize) {
    let (mut rates, mut offsets) = (Vec::new(), Vec::new());
    for ppm in PPMS {
        for seed in 1..=40 {
            let mut token = Token::new(ppm, period, seed * 31 + days);
            let (trail, last) = used(&mut token, way, days);
            let stays = last + 60 * DAY > BEGIN + days * DAY;
            let Some(estimate) = trail.estimate().filter(|_| stays) else {
                continue;
            };
            rates.push((estimate.millis_per_day / 86.4 - ppm).abs());
            offsets.push((estimate.ahead(Timestamp(last)) - token.ahead(last)).abs() / 1000.0);
        }
    }
    let at = |mut errors: Vec<f64>| {
        errors.sort_by(f64::total_cmp);
        let place = (errors.len().saturating_sub(1) as f64 * part) as usize;
        errors.get(place).copied().unwrap_or_default()
    };
    let told = rates.len();
    (at(rates), at(offsets), told)
}

#[test]
fn the_rate_of_simulated_tokens_is_found() {
    // Half of the errors of the rate (ppm) lie below the first number, 99 of 100 below the second; then the same of the offset (s).
    let cases = [
        (Use::Daily, 90, 30, [0.6, 3.0], [8.0, 30.0]),
        (Use::Daily, 180, 30, [0.3, 1.0], [6.0, 20.0]),
        (Use::Daily, 360, 30, [0.1, 0.6], [5.0, 15.0]),
        (Use::Daily, 360, 60, [0.2, 0.8], [7.0, 25.0]),
        (Use::Weekly, 180, 30, [0.6, 3.0], [9.0, 30.0]),
        (Use::Weekly, 360, 30, [0.25, 1.0], [8.0, 30.0]),
        (Use::Weekly, 360, 60, [0.4, 2.0], [10.0, 50.0]),
        (Use::Monthly, 360, 30, [0.6, 2.5], [12.0, 40.0]),
    ];
    for (way, days, period, rate, offset) in cases {
        let [half, most] = [0.5, 0.99].map(|part| errors(way, days, period, part));
        println!(
            "{way:?}, {days} days, {period} s, {} tokens: rate off by {:.2} ppm, {:.2} at most; offset by {:.0} s, {:.0} at most",
            half.2, half.0, most.0, half.1, most.1
        );
        assert!(half.2 > 200, "{way:?} {days}: {} told something", half.2);
        assert!(
            half.0 < rate[0] && most.0 < rate[1],
            "{way:?} {days} {period}: {half:?} {most:?}"
        );
        assert!(
            half.1 < offset[0] && most.1 < offset[1],
            "{way:?} {days} {period}: {half:?} {most:?}"
        );
    }
}

#[test]
fn too_few_logins_or_too_short_a_time_tell_nothing() {
    let trail = |logins: u64, days: u64| {
        let (mut trail, mut token) = (Trail::new(30), Token::new(0.5, 30, logins));
        for n in 0..logins {
            let (at, step) = token.login(BEGIN + DAY + n * days * DAY / (logins - 1)).unwrap();
            trail.login(at, step);
        }
        trail.estimate()
    };
    assert_eq!(Trail::new(30).estimate(), None);
    assert_eq!(trail(4, 720), None, "four logins");
    assert_eq!(trail(5, 120), None, "five in four months");
    assert!(trail(5, 150).is_some());
    assert_eq!(trail(60, 30), None, "sixty in a month");
    assert!(trail(60, 50).is_some() && trail(400, 20).is_some());
}

#[test]
fn a_slow_hand_does_not_make_a_slow_clock() {
    // A right clock. Its owner reads the code at once in spring, and takes half a minute and more by winter but for every tenth time.
    let mut trail = Trail::new(30);
    let mut random = Random(77);
    for day in 0..300 {
        let at = BEGIN + day * DAY + random.below(DAY / 2);
        let slow = if random.below(10) == 0 {
            3_000
        } else {
            3_000 + day * 120
        };
        trail.login(Timestamp(at), (at - slow) / 30_000);
    }
    let rate = trail.estimate().unwrap().millis_per_day;
    assert!(rate.abs() < 40.0, "{rate} ms a day, where the hand lost 120");
}

#[test]
fn a_clock_that_was_set_begins_anew() {
    let mut token = Token::new(20.0, 30, 5);
    let (mut trail, last) = used(&mut token, Use::Daily, 180);
    let before = trail.estimate().unwrap();
    assert!(before.ahead(Timestamp(last)) > 250_000.0);
    let mut unset = trail.clone();
    trail.reset();
    assert_eq!(trail.estimate(), None);
    // The same token, whose clock is right again.
    let after = Token {
        begun_ahead: -token.ahead(last),
        learned: 0,
        ..token
    };
    let mut token = after;
    let mut newest = Timestamp(last);
    for day in 1..120 {
        let Some((at, step)) = token.login(last + day * DAY) else {
            continue;
        };
        trail.login(at, step);
        unset.login(at, step);
        newest = at;
    }
    let estimate = trail.estimate().unwrap();
    let rate = estimate.millis_per_day / 86.4;
    assert!((rate - 20.0).abs() < 2.0, "{rate} ppm");
    let off = |trail: &Trail| (trail.estimate().unwrap().ahead(newest) - token.ahead(newest.0)).abs() / 1000.0;
    assert!(off(&trail) < 15.0, "{} s", off(&trail));
    assert!(off(&unset) > 200.0, "it was told for nothing: {} s", off(&unset));
}

#[test]
fn the_boxs_clock_set_back_begins_anew_and_a_second_does_not() {
    let mut trail = Trail::new(30);
    for day in 0..100 {
        trail.login(Timestamp(BEGIN + day * DAY), (BEGIN + day * DAY) / 30_000);
    }
    trail.login(Timestamp(BEGIN + 99 * DAY - 30_000), (BEGIN + 99 * DAY) / 30_000);
    assert_eq!(trail.estimate().unwrap().logins, 101);
    trail.login(Timestamp(BEGIN + 50 * DAY), (BEGIN + 50 * DAY) / 30_000);
    assert_eq!((trail.logins, trail.estimate()), (1, None));
    // What no clock shows is no login: the step of a counter, say.
    trail.login(Timestamp(BEGIN + 51 * DAY), 57);
    trail.login(Timestamp(BEGIN + 51 * DAY), u64::MAX);
    assert_eq!(trail.logins, 1);
}

#[test]
fn a_trail_takes_the_same_room_however_long_it_is() {
    // Points on a bow: each is a corner.
    let mut trail = Trail::new(60);
    for n in 0..20_000_u64 {
        let at = BEGIN + n * 600_000;
        let bow = -(n as f64 / 20_000.0 - 0.5).powi(2) * 2_000_000.0;
        let step = (at as f64 + bow) as u64 / 60_000;
        trail.login(Timestamp(at), step);
    }
    assert!(
        trail.hull.len() <= CORNERS_MAX && trail.hull.len() > 5,
        "{}",
        trail.hull.len()
    );
    assert!(trail.hull.capacity() * size_of::<Corner>() + size_of::<Trail>() <= 600);
    let rate = trail.estimate().unwrap().millis_per_day;
    assert!(
        rate.abs() < 3_000.0,
        "level over its middle, where its ends fall by 14,400: {rate}"
    );
    // What is kept lies above all that is not, as far as corners that were dropped let it.
    let rights: Vec<i64> = trail.hull.array_windows().map(|[a, b, c]| cross(*a, *b, *c)).collect();
    assert!(rights.iter().all(|turn| *turn < 0), "{rights:?}");
}

/// How many of 400 codes read at random moments about then the box takes, with what it has learned.
fn taken(token: &mut Token, at: u64) -> usize {
    let period = i64::from(token.period) * 1000;
    let near = |token: &mut Token| {
        let sent = at + token.random.below(DAY);
        let read = (sent - token.hand()) as i64 + token.ahead(sent).round() as i64;
        let seen = read / period - sent as i64 / period;
        (seen - i64::from(token.learned)).abs() <= i64::from(totp::WINDOW)
    };
    (0..400).filter(|_| near(token)).count()
}

#[test]
fn a_token_at_the_limit_is_foretold_two_months_before() {
    for (ppm, period) in [(20.0, 30), (-20.0, 30), (35.0, 30), (-35.0, 60), (50.0, 60)] {
        for seed in 1..=10 {
            let mut token = Token::new(ppm, period, seed);
            let (_, end) = used(&mut token, Use::Daily, 1_500);
            let days = (end - BEGIN) / DAY;
            let mut token = Token::new(ppm, period, seed);
            let (trail, last) = used(&mut token, Use::Daily, days - 60);
            let leaving = trail
                .estimate()
                .unwrap()
                .leaves(token.learned, Timestamp(last))
                .unwrap();
            assert_eq!(leaving.cause, Cause::Limit, "{ppm} ppm");
            let off = (leaving.at.0 as f64 - end as f64) / DAY as f64;
            println!(
                "{ppm} ppm, {period} s: the box let it in for {days} days; 60 days before, the forecast was off by {off:.0}"
            );
            // It tells when most codes are refused; a slow hand gets in for some days more with a clock that is ahead.
            assert!(
                off > -35.0 && off < 15.0,
                "{ppm} ppm, {period} s, {days} days: off by {off} days"
            );
        }
    }
}

#[test]
fn a_token_that_is_used_so_seldom_that_it_leaves_between_is_foretold() {
    for (way, ppm, period) in [
        (Use::Weekly, 8.0, 30),
        (Use::Weekly, -20.0, 60),
        (Use::Monthly, 8.0, 30),
        (Use::Monthly, -8.0, 30),
        (Use::Monthly, 15.0, 60),
        (Use::Monthly, -15.0, 60),
    ] {
        let mut off = Vec::new();
        for seed in 1..=60 {
            let mut token = Token::new(ppm, period, seed);
            let (trail, last) = used(&mut token, way, 300);
            let Some(estimate) = trail.estimate() else { continue };
            let (step, per_day) = (f64::from(period) * 1000.0, ppm * 86.4);
            // Used as often as before it stays; put away it leaves.
            let soon = estimate.leaves(token.learned, Timestamp(last + DAY));
            if estimate.gap.as_secs_f64() < 0.4 * (1.5 * step / per_day).abs() * 86_400.0 {
                assert_ne!(soon.map(|leaving| leaving.cause), Some(Cause::Seldom), "{way:?} {ppm}");
            }
            let put_away = Timestamp(last + (3.0 * step / per_day.abs()) as u64 * DAY);
            let leaving = estimate.leaves(token.learned, put_away).unwrap();
            assert_eq!(leaving.cause, Cause::Seldom, "{way:?} {ppm}");
            let from = token.ahead(last) - f64::from(token.learned) * step;
            let days = (1.5 * step * per_day.signum() - from) / per_day;
            off.push((leaving.at.0 - last) as f64 / DAY as f64 - days);
            // What is foretold is the time from which most codes are refused.
            let at = |steps: f64| last + ((days + steps * step / per_day.abs()).max(0.0) * DAY as f64) as u64;
            let (before, after) = (taken(&mut token, at(-0.6)), taken(&mut token, at(0.6)));
            // One that stood at the edge at its last login has no time before.
            let was_inside = days > 0.6 * step / per_day.abs();
            assert!(
                (before > 200 || !was_inside) && after < 200,
                "{way:?} {ppm} {seed}: {before} {after}"
            );
        }
        off.sort_by(f64::total_cmp);
        assert!(off.len() >= 20, "{way:?} {ppm}: {}", off.len());
        let [early, half, late] = [5, 50, 95].map(|part| off[(off.len() - 1) * part / 100]);
        println!(
            "{way:?}, {ppm} ppm, {period} s, {} tokens: off by {half:.0} days, nine of ten by {early:.0} to {late:.0}",
            off.len()
        );
        let step_days = f64::from(period) * 1000.0 / (ppm.abs() * 86.4);
        assert!(half.abs() < 0.3 * step_days, "{way:?} {ppm}: {half} days");
        assert!(
            early > -step_days && late < 1.5 * step_days,
            "{way:?} {ppm}: {early} to {late} days"
        );
    }
}

#[test]
fn who_logs_in_each_day_is_not_foretold_to_leave_between() {
    for ppm in [5.0, -5.0, 20.0, -20.0] {
        for seed in 1..=20 {
            let mut token = Token::new(ppm, 30, seed);
            let (trail, last) = used(&mut token, Use::Daily, 120);
            let estimate = trail.estimate().unwrap();
            let leaves = |days: u64| estimate.leaves(token.learned, Timestamp(last + days * DAY)).unwrap();
            assert_eq!(leaves(1).cause, Cause::Limit);
            assert!(leaves(1).at.0 > last + 60 * DAY);
            // On leave for a season.
            assert_eq!(leaves(220).cause, Cause::Seldom);
        }
    }
    // A clock that is out already, and one that goes right.
    let estimate = Estimate {
        logins: 50,
        last: Timestamp(BEGIN),
        gap: Duration::from_secs(86_400),
        millis_per_day: 1.0,
        at_last: 50_000.0,
        period: 30,
    };
    let now = Timestamp(BEGIN + 2 * DAY);
    let out = estimate.leaves(0, now).unwrap();
    assert_eq!((out.at, out.cause), (Timestamp(BEGIN), Cause::Seldom));
    let right = Estimate {
        millis_per_day: 0.0,
        at_last: 0.0,
        ..estimate
    };
    assert_eq!(right.leaves(0, now), None);
}
