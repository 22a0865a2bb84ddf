//! Reading an answer of the token endpoint. In: HTTP status, `Retry-After`, body, the tenant's overrides; out: an [`Answer`] with
//! one verdict. It decides by the exact numbers in `error_codes` alone, never by `error` nor by a substring; of the body nothing is
//! kept but the numbers and the correlation ID, and a token is never copied out of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, Visitor};
use serde_json::Value;

use super::table::{self, Cause, Verdict};
use super::trouble::Trouble;
use crate::store::records::Override;

/// The longest body that is read, in bytes; Entra's are a few thousand.
pub const BODY_MAX: usize = 64 * 1024;
/// The longest pause that a `Retry-After` is taken for (R14).
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
/// The most codes of one answer that are kept for the log; all of them are judged.
pub const CODES_MAX: usize = 16;

/// What is kept of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it asks of the box.
    pub verdict: Verdict,
    /// The code that decided; none with a token or where no answer came.
    pub code: Option<u32>,
    /// All codes in their order, [`CODES_MAX`] at most.
    pub codes: Vec<u32>,
    /// Those that the table does not know: to be logged.
    pub unlisted: Vec<u32>,
    /// Microsoft's name of the request, a GUID in lower case.
    pub correlation: Option<String>,
    /// How long to leave the directory alone, [`RETRY_AFTER_MAX`] at most.
    pub retry_after: Option<Duration>,
    /// Whether an administrator's override had a part in the verdict.
    pub overridden: bool,
    /// Where the directory could not say: why.
    pub trouble: Option<Trouble>,
}

impl Answer {
    /// No answer, and why.
    pub fn none(trouble: Trouble) -> Answer {
        Answer {
            verdict: Verdict::Unavailable,
            code: None,
            codes: Vec::new(),
            unlisted: Vec::new(),
            correlation: None,
            retry_after: None,
            overridden: false,
            trouble: Some(trouble),
        }
    }

    /// Whether the directory named this code, whatever decided in the end.
    pub fn has(&self, code: u32) -> bool {
        self.codes.contains(&code)
    }
}

/// Why an override is not allowed (R12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// Only three listed codes may be made to go on.
    #[error("AADSTS{0} cannot be made to go on: only 50079, 50072, 50158 and codes that are not in the table can")]
    NotToContinue(u32),
    /// The budget and `entra prove` hang on it.
    #[error("AADSTS{0} cannot be overridden: it says that the password was wrong, and the budget counts by it")]
    WrongPassword(u32),
    /// A refusal may not be made less.
    #[error("AADSTS{0} refuses; an override can only make a verdict stricter")]
    NotStricter(u32),
}

/// Whether an administrator may give this code this verdict (R12): any may be made stricter, and to go on only 50079, 50072,
/// 50158 and codes that the table does not know. A wrong password stays one, or nothing would count it.
///
/// # Errors
/// Which rule forbids it.
pub fn check_override(code: u32, to: Override) -> Result<(), OverrideError> {
    let Some(row) = table::row(code) else {
        return Ok(());
    };
    match (row.verdict, to) {
        (Verdict::Refuse(cause), _) if cause.counts() => Err(OverrideError::WrongPassword(code)),
        (Verdict::NotRegistered | Verdict::External, _) => Ok(()),
        (_, Override::Continue) => Err(OverrideError::NotToContinue(code)),
        (Verdict::Refuse(_) | Verdict::Configuration, Override::Unavailable) => Err(OverrideError::NotStricter(code)),
        _ => Ok(()),
    }
}

/// Reads an answer. `retry_after` is that header's value in seconds; a date there is taken for none, since no clock comes in.
pub fn classify(status: u16, retry_after: Option<&str>, body: &[u8], overrides: &BTreeMap<u32, Override>) -> Answer {
    let mut answer = judge(status, body, overrides);
    answer.retry_after = retry_after
        .and_then(|value| value.trim().parse::<u32>().ok())
        .map(|seconds| Duration::from_secs(u64::from(seconds)).min(RETRY_AFTER_MAX));
    answer
}

fn judge(status: u16, body: &[u8], overrides: &BTreeMap<u32, Override>) -> Answer {
    if body.len() > BODY_MAX {
        return Answer::none(Trouble::TooLarge);
    }
    match status {
        200 => match object::<Success>(body) {
            Some(success) if success.is_token() => Answer {
                verdict: Verdict::Token,
                trouble: None,
                ..Answer::none(Trouble::NoToken)
            },
            Some(_) => Answer::none(Trouble::NoToken),
            None => Answer::none(Trouble::NotJson),
        },
        // A status that is no answer may still say why: kept for the log, without a part in the verdict.
        429 => unavailable(Trouble::Throttled, body),
        400..=499 => match object::<Failure>(body) {
            Some(failure) => failure.answer(overrides),
            None => Answer::none(Trouble::NotJson),
        },
        _ => unavailable(Trouble::Status(status), body),
    }
}

fn unavailable(trouble: Trouble, body: &[u8]) -> Answer {
    let said = match object::<Failure>(body) {
        Some(failure) => failure.answer(&BTreeMap::new()),
        None => Answer::none(Trouble::NotJson),
    };
    Answer {
        verdict: Verdict::Unavailable,
        trouble: Some(trouble),
        ..said
    }
}

/// Parses a JSON object. The parser would take a list for one too, field by field in their order.
fn object<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Option<T> {
    if !body.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    serde_json::from_slice(body).ok()
}

/// What is looked at of a 200. A key that stands twice is an error of the parser, so it cannot hide another.
#[derive(Deserialize)]
struct Success {
    #[serde(default)]
    access_token: Filled,
    #[serde(default)]
    error: Option<IgnoredAny>,
    #[serde(default)]
    error_codes: Option<IgnoredAny>,
}

impl Success {
    fn is_token(&self) -> bool {
        self.access_token.0 && self.error.is_none() && self.error_codes.is_none()
    }
}

/// Whether a string stood there and was not empty. The string itself is passed over where it lies.
#[derive(Default)]
struct Filled(bool);

impl<'de> Deserialize<'de> for Filled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Look;
        impl Visitor<'_> for Look {
            type Value = Filled;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E>(self, text: &str) -> Result<Filled, E> {
                Ok(Filled(!text.is_empty()))
            }
            fn visit_unit<E>(self) -> Result<Filled, E> {
                Ok(Filled(false))
            }
        }
        deserializer.deserialize_any(Look)
    }
}

/// What is looked at of an error.
#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    error_codes: Option<Value>,
    #[serde(default)]
    error_description: Option<String>,
    #[serde(default)]
    correlation_id: Option<String>,
}

impl Failure {
    fn answer(&self, overrides: &BTreeMap<u32, Override>) -> Answer {
        let correlation = self.correlation_id.as_deref().and_then(guid);
        let found = self.codes();
        if found.is_empty() {
            return Answer {
                correlation,
                ..Answer::none(Trouble::NoCode)
            };
        }
        let numbers: Vec<u32> = found.iter().copied().flatten().collect();
        let mut best: Option<Judged> = None;
        let mut overridden = false;
        for code in found {
            let next = Judged::of(code, overrides);
            overridden |= next.overridden;
            best = Some(match best {
                None => next,
                Some(so_far) => so_far.with(next),
            });
        }
        let (verdict, code) = match best {
            Some(judged) => (judged.verdict, judged.code),
            None => (Verdict::Refuse(Cause::Unlisted), None),
        };
        Answer {
            verdict,
            code,
            unlisted: numbers
                .iter()
                .copied()
                .filter(|code| table::row(*code).is_none())
                .take(CODES_MAX)
                .collect(),
            codes: numbers.into_iter().take(CODES_MAX).collect(),
            correlation,
            retry_after: None,
            overridden,
            trouble: None,
        }
    }

    /// The codes in their order; `None` for one that is no number of ours, which nothing but a refusal can answer.
    fn codes(&self) -> Vec<Option<u32>> {
        match &self.error_codes {
            None | Some(Value::Null) => self.described().into_iter().collect(),
            Some(Value::Array(list)) if list.is_empty() => self.described().into_iter().collect(),
            Some(Value::Array(list)) => list
                .iter()
                .map(|value| value.as_u64().and_then(|n| u32::try_from(n).ok()))
                .collect(),
            Some(_) => vec![None],
        }
    }

    /// `^AADSTS(\d+):` of the description, where no `error_codes` came.
    fn described(&self) -> Option<Option<u32>> {
        let rest = self.error_description.as_deref()?.strip_prefix("AADSTS")?;
        let (digits, _) = rest.split_once(':')?;
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse().ok())
    }
}

struct Judged {
    verdict: Verdict,
    code: Option<u32>,
    overridden: bool,
}

impl Judged {
    fn of(code: Option<u32>, overrides: &BTreeMap<u32, Override>) -> Judged {
        let Some(number) = code else {
            return Judged {
                verdict: Verdict::Refuse(Cause::Unlisted),
                code,
                overridden: false,
            };
        };
        let listed = table::row(number).map_or(Verdict::Refuse(Cause::Unlisted), |row| row.verdict);
        // What the rule forbids is passed over here too, however it came into the store.
        let to = overrides.get(&number).filter(|to| check_override(number, **to).is_ok());
        let verdict = match to {
            None => listed,
            Some(Override::Continue) => Verdict::Continue,
            Some(Override::Refuse) => Verdict::Refuse(Cause::Overridden),
            Some(Override::Configuration) => Verdict::Configuration,
            Some(Override::Unavailable) => Verdict::Unavailable,
        };
        Judged {
            verdict,
            code,
            overridden: to.is_some(),
        }
    }

    /// The verdict of both: what goes on needs both, everything else outranks it.
    fn with(self, other: Judged) -> Judged {
        use Verdict::{External, NotRegistered};
        if let (NotRegistered, External) | (External, NotRegistered) = (self.verdict, other.verdict) {
            return Judged {
                verdict: Verdict::Refuse(Cause::Mixed),
                ..self
            };
        }
        if rank(other.verdict) > rank(self.verdict) {
            other
        } else {
            self
        }
    }
}

/// Which of two codes decides (R12): a wrong password before all, a mistake in the set-up before what is not known, and going on
/// last. [`Verdict::Token`] never comes from a code.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Refuse(Cause::WrongPassword) => 9,
        Verdict::Refuse(Cause::Locked) => 8,
        Verdict::BackOff => 7,
        Verdict::Refuse(Cause::Unlisted | Cause::Mixed) => 3,
        Verdict::Refuse(_) => 6,
        Verdict::Configuration => 5,
        Verdict::Unavailable => 4,
        Verdict::NotRegistered | Verdict::External => 2,
        Verdict::Token => 1,
        Verdict::Continue => 0,
    }
}

/// The text as a lower-case GUID, if it is one: 8-4-4-4-12 hexadecimal digits.
pub(super) fn guid(text: &str) -> Option<String> {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths_fit = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
    let digits = groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()));
    (lengths_fit && digits).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
