//! Times as people write and read them. In: words such as `2.5s`, `2h`, `today`, and the clock and zone to read them by; out:
//! durations and moments, and back. Pure.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Span, Zoned};

use crate::control::Timestamp;
use crate::text::shown;

/// `500ms`, `2.5s`, `1m`; a number without a unit is refused but for 0.
///
/// # Errors
/// One line.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("{} is no time: write 500ms, 2.5s or 1m", shown(text));
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let plain = |c: char| c.is_ascii_digit() || c == '.';
    if number.is_empty() || !number.chars().all(plain) {
        return Err(bad());
    }
    let number: f64 = number.parse().map_err(|_| bad())?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "" if number == 0.0 => 0.0,
        _ => return Err(bad()),
    };
    let exact = Duration::try_from_secs_f64(seconds).map_err(|_| bad())?;
    // A float is off by a nanosecond here and there; the box counts milliseconds.
    let millis = (exact.as_nanos() + 500_000) / 1_000_000;
    Ok(Duration::from_millis(u64::try_from(millis).map_err(|_| bad())?))
}

/// A moment from now back: `30m`, `2h`, `7d`, `today`, `yesterday`, `now`; or a date, a date and time (local where no offset is
/// given), RFC 3339.
///
/// # Errors
/// One line.
pub fn parse_since(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    let bad = || {
        format!(
            "{} is no time: write 30m, 2h, 7d, today, yesterday, 2026-03-01 or 2026-03-01T10:00:00Z",
            shown(text)
        )
    };
    let here = local(now, zone);
    let midnight = |day: Zoned| day.start_of_day().ok();
    let moment = match text {
        "now" => Some(here),
        "today" => midnight(here),
        "yesterday" => here.checked_sub(Span::new().days(1)).ok().and_then(midnight),
        _ => None,
    };
    if let Some(moment) = moment {
        return from_jiff(moment.timestamp()).ok_or_else(bad);
    }
    if let Some(seconds) = back(text) {
        return Ok(now.minus(Duration::from_secs(seconds)));
    }
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return from_jiff(moment).ok_or_else(bad);
    }
    let civil: jiff::civil::DateTime = text.parse().map_err(|_| bad())?;
    let zoned = civil.to_zoned(zone.clone()).map_err(|_| bad())?;
    from_jiff(zoned.timestamp()).ok_or_else(bad)
}

/// Seconds in `30m`, `2h`, `7d`.
fn back(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let number = text.strip_suffix(unit)?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds)
}

fn from_jiff(moment: jiff::Timestamp) -> Option<Timestamp> {
    u64::try_from(moment.as_millisecond()).ok().map(Timestamp)
}

fn local(at: Timestamp, zone: &TimeZone) -> Zoned {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_zoned(zone.clone())
}

/// A moment on a clock of the zone: `2026-03-01 10:31:04`.
pub fn shown_at(at: Timestamp, zone: &TimeZone) -> String {
    local(at, zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Hours and minutes on a clock of the zone: `10:31`.
pub fn shown_clock(at: Timestamp, zone: &TimeZone) -> String {
    local(at, zone).strftime("%H:%M").to_string()
}

/// A moment as one says it: `10:31` today, `1 Mar 10:31` this year, `1 Mar 2025` before.
pub fn shown_near(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (local(at, zone), local(now, zone));
    if at.date() == now.date() {
        at.strftime("%H:%M").to_string()
    } else if at.year() == now.year() {
        at.strftime("%-d %b %H:%M").to_string()
    } else {
        at.strftime("%-d %b %Y").to_string()
    }
}

/// A day as one says it: `1 Mar` this year, `1 Mar 2027` in another.
pub fn shown_day(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (local(at, zone), local(now, zone));
    let words = if at.year() == now.year() { "%-d %b" } else { "%-d %b %Y" };
    at.strftime(words).to_string()
}

/// With the zone's name behind: `2026-03-01 10:31:04 CET`.
pub fn shown_with_zone(at: Timestamp, zone: &TimeZone) -> String {
    local(at, zone).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// `2.5s`, `500ms`, `1m`: as [`parse_duration`] reads it.
pub fn shown_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis != 0 && millis.is_multiple_of(60_000) {
        format!("{}m", millis / 60_000)
    } else if millis.is_multiple_of(1000) {
        format!("{}s", millis / 1000)
    } else if millis > 1000 {
        format!("{}s", duration.as_secs_f64())
    } else {
        format!("{millis}ms")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_show() {
        for (text, millis, shown) in [
            ("1s", 1000, "1s"),
            ("2.5s", 2500, "2.5s"),
            ("500ms", 500, "500ms"),
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("60s", 60_000, "1m"),
            ("1.5m", 90_000, "90s"),
            ("0.1s", 100, "100ms"),
            ("1.001s", 1001, "1.001s"),
        ] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(duration.as_millis(), millis, "{text}");
            assert_eq!(shown_duration(duration), shown);
            assert_eq!(parse_duration(shown).unwrap(), duration);
        }
        for bad in [
            "",
            "s",
            "1",
            "-1s",
            "1h",
            "1 s",
            "1e3s",
            "infs",
            "nan",
            "1.2.3s",
            "99999999999999999999999s",
            "1sm",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn since_is_read_by_the_clock_and_the_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        // 2026-03-01T10:31:04.250Z is 11:31:04 there.
        let now = Timestamp(1_772_361_064_250);
        let at = |text: &str| parse_since(text, now, &zone).unwrap();
        assert_eq!(at("now"), now);
        assert_eq!(at("30m").0, now.0 - 1_800_000);
        assert_eq!(at("2h").0, now.0 - 7_200_000);
        assert_eq!(at("7d").0, now.0 - 604_800_000);
        assert_eq!(at("today").0, 1_772_319_600_000);
        assert_eq!(at("yesterday").0, 1_772_319_600_000 - 86_400_000);
        assert_eq!(at("2026-03-01"), at("today"));
        assert_eq!(at("2026-03-01 11:31"), at("2026-03-01T10:31:00Z"));
        assert_eq!(at("2026-03-01T10:31:04.250Z"), now);
        assert_eq!(at("2026-03-01T11:31:04.250+01:00"), now);
        assert_eq!(at("99999999d"), Timestamp(0));
        for bad in [
            "",
            "h",
            "2 h",
            "-2h",
            "1w",
            "soon",
            "2026-13-01",
            "1969-12-31T00:00:00Z",
            "99999999999999999999d",
        ] {
            assert!(parse_since(bad, now, &zone).is_err(), "{bad}");
        }
        assert_eq!(shown_at(now, &zone), "2026-03-01 11:31:04");
        assert_eq!(shown_at(Timestamp(u64::MAX), &TimeZone::UTC), "9999-12-30 22:00:00");
    }
}
