//! Clocks of hardware tokens as text.

use jiff::tz::TimeZone;

use super::count;
use crate::control::{DriftHistory, DriftInfo, DriftList};
use crate::times::shown_at;

/// The tokens that leave their window, the soonest first.
pub fn list(list: &DriftList, zone: &TimeZone) -> Vec<String> {
    let Some(as_of) = list.as_of else {
        return vec!["not worked out yet since posternd started: ask again in some minutes".to_owned()];
    };
    let as_of = shown_at(as_of, zone);
    if list.tokens.is_empty() {
        return vec![format!(
            "no hardware token's codes will be refused within 60 days for its clock, by the logins until {as_of}"
        )];
    }
    let mut lines: Vec<String> = list.tokens.iter().flat_map(|one| row(one, zone)).collect();
    let shown = list.tokens.len() as u64;
    let first = if shown < list.total {
        format!("; the first {shown} are shown")
    } else {
        String::new()
    };
    lines.push(format!(
        "{} in all, by the logins until {as_of}{first}",
        count(list.total, "token")
    ));
    lines
}

fn row(one: &DriftInfo, zone: &TimeZone) -> [String; 2] {
    let token = &one.token;
    let device = [token.model.as_str(), token.serial.as_str()].join(" ");
    [
        format!(
            "{}  {} #{} {}: {}, {}, {}",
            shown_at(one.leaves, zone),
            token.user,
            token.id.0,
            device.trim(),
            offset(one.offset_seconds),
            rate(one.millis_per_day),
            count(u64::from(one.logins), "login")
        ),
        format!("    {}", one.why),
    ]
}

/// One token's logins, and what they tell.
pub fn history(history: &DriftHistory, zone: &TimeZone) -> Vec<String> {
    let point = |point: &crate::control::DriftPoint| format!("{}  {}", shown_at(point.at, zone), offset(point.seconds));
    let mut lines: Vec<String> = history.points.iter().map(point).collect();
    if lines.is_empty() {
        lines.push("no login with this token is on record".to_owned());
    }
    lines.push(match (history.millis_per_day, history.leaves) {
        (None, _) => "too few logins, or too near each other, to tell how its clock goes".to_owned(),
        (Some(millis), None) => format!("its clock: {}", rate(millis)),
        (Some(millis), Some(leaves)) => format!(
            "its clock: {}; if it goes on so, its codes will be refused from {} on",
            rate(millis),
            shown_at(leaves, zone)
        ),
    });
    lines
}

fn offset(seconds: i32) -> String {
    match seconds {
        0 => "right".to_owned(),
        ahead @ 1.. => format!("{ahead} s ahead"),
        behind => format!("{} s behind", behind.unsigned_abs()),
    }
}

/// To a tenth of a second.
fn rate(millis_per_day: i32) -> String {
    let tenths = (millis_per_day.unsigned_abs() + 50) / 100;
    let way = match (tenths, millis_per_day > 0) {
        (0, _) => return "keeps time to a tenth of a second a day".to_owned(),
        (_, true) => "gains",
        (_, false) => "loses",
    };
    format!("{way} {}.{} s a day", tenths / 10, tenths % 10)
}
