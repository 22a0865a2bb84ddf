//! Whether a key may be used, and when (RFC 6030 5). In: its `Policy`, its device's dates, and the time; out: nothing, a note, or why
//! not. What is not understood forbids (RFC 6030 5): whoever wrote it meant to restrict something. The box itself ends no token on a
//! date: that there is one is told, once for the whole file.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::xml::{Element, Space};
use crate::control::Timestamp;
use crate::text::shown;

/// What stands in a policy.
const KNOWN: [&str; 5] = [
    "StartDate",
    "ExpiryDate",
    "PINPolicy",
    "KeyUsage",
    "NumberOfTransactions",
];
/// What a PIN's policy may say without the box having to know the PIN.
const PIN_KNOWN: [&str; 6] = [
    "PINKeyId",
    "PINUsageMode",
    "MaxFailedAttempts",
    "MinLength",
    "MaxLength",
    "PINEncoding",
];

/// When a key ends, and how that stands in the file.
pub(super) type End = (Timestamp, String);

/// What to know of the keys that end.
pub(super) fn note(ends: &[End]) -> Option<String> {
    let (_, first) = ends.iter().min_by_key(|(at, _)| *at)?;
    Some(format!(
        "{} of the keys have a date on which they end, the first {first}: the box does not end them by itself",
        ends.len()
    ))
}

/// Whether the key may be used now; when it ends, if it does.
pub(super) fn allows(key: &Element, device: Option<&Element>, now: Timestamp) -> Result<Option<End>, String> {
    let policy = key.one(Space::Pskc, "Policy")?;
    if let Some(policy) = policy {
        let unknown = |child: &&Element| child.space != Space::Pskc || !KNOWN.contains(&child.name.as_str());
        if let Some(child) = policy.children.iter().find(unknown) {
            return Err(format!(
                "its policy has {}, which is not known here",
                shown(&child.name)
            ));
        }
        let mut usages = policy.all(Space::Pskc, "KeyUsage").map(Element::text).peekable();
        if usages.peek().is_some() && !usages.any(|usage| usage == "OTP") {
            return Err("it is for something else than one-time passwords".to_owned());
        }
        if policy.one(Space::Pskc, "NumberOfTransactions")?.is_some() {
            return Err("it may be used a certain number of times only, which is not counted here".to_owned());
        }
        if let Some(pin) = policy.one(Space::Pskc, "PINPolicy")? {
            pin_stays_in_the_token(pin)?;
        }
    }
    let mut soonest: Option<End> = None;
    for (whose, element) in [("it", policy), ("its device", device)] {
        let Some(element) = element else { continue };
        let (begin, end) = (date(element, "StartDate")?, date(element, "ExpiryDate")?);
        if let Some((_, text)) = begin.filter(|(begin, _)| *begin > now) {
            return Err(format!("{whose} is good from {text} on: import it then"));
        }
        if let Some((end, text)) = end {
            if end <= now {
                return Err(format!("{whose} was good until {text}"));
            }
            if soonest.as_ref().is_none_or(|(soonest, _)| end < *soonest) {
                soonest = Some((end, text));
            }
        }
    }
    Ok(soonest)
}

/// A PIN that the token asks for is the token's matter; one that is sent along would have to be checked here.
fn pin_stays_in_the_token(pin: &Element) -> Result<(), String> {
    let is_known = pin.children.is_empty() && pin.attributes().all(|name| PIN_KNOWN.contains(&name));
    match pin.attribute("PINUsageMode") {
        Some("Local") | None if is_known => Ok(()),
        Some(mode) if is_known => Err(format!(
            "its codes come with a PIN ({}), which is not checked here",
            shown(mode)
        )),
        _ => Err("its PIN's policy is not known here".to_owned()),
    }
}

/// A date, and how it stands there. Without a zone it is UTC; a date alone is its first moment.
fn date(element: &Element, name: &'static str) -> Result<Option<End>, String> {
    let text = element.text_of(name)?;
    if text.is_empty() {
        return Ok(None);
    }
    let utc = |date: DateTime| TimeZone::UTC.to_timestamp(date).ok();
    let at = (text.parse::<jiff::Timestamp>().ok())
        .or_else(|| text.parse::<DateTime>().ok().and_then(utc))
        .or_else(|| {
            text.parse::<Date>()
                .ok()
                .and_then(|date| utc(date.to_datetime(jiff::civil::Time::midnight())))
        });
    let at = at.ok_or_else(|| format!("its {name} {} is no date", shown(text)))?;
    // Before 1970 is before everything.
    let at = Timestamp(u64::try_from(at.as_millisecond()).unwrap_or(0));
    Ok(Some((at, shown(text))))
}
