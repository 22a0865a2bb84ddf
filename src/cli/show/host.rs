//! The machine as text: its settings, sticks, updates.

use jiff::tz::TimeZone;

use crate::control::HostAnswer;

/// The lines of what postern-host answered.
pub(super) fn answer(answer: &HostAnswer, _zone: &TimeZone) -> Vec<String> {
    match answer {
        HostAnswer::Done { done } => vec![done.clone()],
        HostAnswer::Report(_) | HostAnswer::Sticks(_) | HostAnswer::Update(_) => Vec::new(),
    }
}
