//! Keys that were meant for another screen. A question is answered by nobody who has not seen it, and the rest of what was being
//! typed when something else came up is not taken for more. In: when a screen was seen and when keys came; out: whether a key counts.

use std::time::Duration;

/// A question counts as read after so long without a key.
pub const READ: Duration = Duration::from_millis(400);
/// After a screen has come by itself, whoever was typing has stopped after so long without a key.
pub const STOPPED: Duration = Duration::from_millis(500);

/// What stands before a screen until somebody has seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Every key counts.
    Open,
    /// The frame that shows it has not left yet; afterwards there must be so long without a key.
    Unseen(Duration),
    /// It stands on the line since then.
    Seen {
        /// Without a key for so long.
        patience: Duration,
        /// By the clock that cannot be set.
        since: Duration,
    },
}

impl Gate {
    /// Whether a key that comes now counts, where the one before came then.
    pub fn lets(self, now: Duration, before: Duration) -> bool {
        match self {
            Self::Open => true,
            Self::Unseen(_) => false,
            Self::Seen { patience, since } => now.saturating_sub(since.max(before)) >= patience,
        }
    }

    /// The frame that shows the screen has left.
    pub fn see(&mut self, now: Duration) {
        if let Self::Unseen(patience) = *self {
            *self = Self::Seen { patience, since: now };
        }
    }
}
