//! The clock gate (R19). In: what the box's clock says, what the monotonic clock says, and where the time comes from; out:
//! whether codes may be checked by it, and if not, why and what to do. This file is pure; [`reader`] asks the system and keeps
//! the newest trusted time on the disk. It never sets a clock.

pub mod reader;
mod words;

use std::time::Duration;

pub use reader::{Clock, ClockError, wall};
use serde::{Deserialize, Serialize};
pub use words::Report;

use crate::store::records::Timestamp;

/// The clock may be this much behind the newest trusted time.
pub const BACKWARDS: Duration = Duration::from_secs(30);

/// The clock may be this much ahead of the newest trusted time at the start, and of the monotonic clock while running; beyond it,
/// NTP or an operator must say that it is right.
pub const FORWARDS: Duration = Duration::from_secs(24 * 60 * 60);

/// 2026-01-01: no clock that shows less is right, since this program is younger. A clock whose battery is empty shows 1970,
/// 2000 or the like.
pub const FLOOR: Timestamp = Timestamp(1_767_225_600_000);

/// How a box gets its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Outside the image: somebody else looks after the system's clock, and it is trusted unless it jumps.
    System,
    /// The image: trusted from NTP since boot, or from a working hardware clock.
    Appliance,
}

/// Where the system's time comes from, as seen at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The system's clock, which somebody else looks after ([`Mode::System`]).
    System,
    /// NTP since boot, and when it last said so, by the box's clock.
    Ntp(Timestamp),
    /// Set from the hardware clock at boot.
    Rtc,
    /// From nowhere: the clock began at some moment of its own.
    None,
}

/// What a trusted time rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The system's clock, outside the image.
    System,
    /// NTP since boot.
    Ntp,
    /// The hardware clock.
    Rtc,
    /// An operator, by `postern time confirm`.
    Confirmed,
}

/// Why the clock is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing was observed yet.
    NotReadYet,
    /// Neither NTP since boot nor a hardware clock.
    NoSource,
    /// Before [`FLOOR`].
    TooEarly,
    /// More than [`BACKWARDS`] behind the newest trusted time.
    Backwards {
        /// By how much.
        by: Duration,
    },
    /// More than [`FORWARDS`] ahead of the newest trusted time, at the start.
    AheadAtStart {
        /// By how much.
        by: Duration,
    },
    /// Jumped more than [`FORWARDS`] ahead of the monotonic clock while running.
    JumpedAhead {
        /// By how much.
        by: Duration,
    },
    /// The file of the newest trusted time cannot be read as one.
    NewestLost,
}

/// Whether codes may be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Yes.
    Trusted(Basis),
    /// No: Access-Request and Status-Server are not answered, nothing is counted.
    Waiting(Why),
}

/// The newest trusted time as it was found at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// The box never had one.
    Never,
    /// This.
    Newest(Timestamp),
    /// There was one, and it cannot be read.
    Lost,
}

/// Two clocks at one moment of trust, and what it rests on.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    wall: Timestamp,
    monotonic: Duration,
    basis: Basis,
}

/// The gate. Time is an argument; one observation a second is meant, and one more whenever the clock jumps.
#[derive(Clone, Debug)]
pub struct ClockGate {
    newest: Option<Timestamp>,
    lost: bool,
    anchor: Option<Anchor>,
    synced: Option<Timestamp>,
    state: State,
}

impl ClockGate {
    /// A gate that has seen nothing yet but the newest trusted time of earlier days.
    pub fn new(remembered: Remembered) -> Self {
        Self {
            newest: match remembered {
                Remembered::Newest(at) => Some(at),
                Remembered::Never | Remembered::Lost => None,
            },
            lost: remembered == Remembered::Lost,
            anchor: None,
            synced: None,
            state: State::Waiting(Why::NotReadYet),
        }
    }

    /// What was decided last.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether codes may be checked, by what was decided last.
    pub fn is_trusted(&self) -> bool {
        matches!(self.state, State::Trusted(_))
    }

    /// The newest trusted time; to be kept outside the store (R20).
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Looks at the clocks: `wall` is the box's time, `monotonic` runs since boot and through sleep, and nobody can set it.
    pub fn observe(&mut self, wall: Timestamp, monotonic: Duration, source: Source) -> State {
        self.state = match self.judge(wall, monotonic, source) {
            Ok(anchor) => {
                self.anchor = Some(anchor);
                self.newest = self.newest.max(Some(wall));
                State::Trusted(anchor.basis)
            }
            Err(why) => State::Waiting(why),
        };
        self.state
    }

    /// An operator says that the box's clock is right now. It may be earlier than the newest trusted time: then that was wrong.
    ///
    /// # Errors
    /// [`Why::TooEarly`] before [`FLOOR`]: the clock must be set first.
    pub fn confirm(&mut self, wall: Timestamp, monotonic: Duration) -> Result<(), Why> {
        if wall < FLOOR {
            return Err(Why::TooEarly);
        }
        self.newest = Some(wall);
        self.lost = false;
        self.anchor = Some(Anchor {
            wall,
            monotonic,
            basis: Basis::Confirmed,
        });
        self.state = State::Trusted(Basis::Confirmed);
        Ok(())
    }

    /// The moment of trust that this observation rests on, or why there is none.
    fn judge(&mut self, wall: Timestamp, monotonic: Duration, source: Source) -> Result<Anchor, Why> {
        if wall < FLOOR {
            return Err(Why::TooEarly);
        }
        if let Some(newest) = self.newest
            && wall.plus(BACKWARDS) < newest
        {
            return Err(Why::Backwards { by: newest.since(wall) });
        }
        let here = |basis| Anchor { wall, monotonic, basis };
        if let Source::Ntp(synced) = source
            && self.is_news(synced, wall)
        {
            self.synced = Some(synced);
            self.lost = false;
            return Ok(here(Basis::Ntp));
        }
        if self.lost {
            return Err(Why::NewestLost);
        }
        if let Some(anchor) = self.anchor {
            let expected = anchor.wall.plus(monotonic.saturating_sub(anchor.monotonic));
            // The moment of trust stays where it was, so that many small jumps are not smaller than one.
            return if wall > expected.plus(FORWARDS) {
                Err(Why::JumpedAhead {
                    by: wall.since(expected),
                })
            } else {
                Ok(anchor)
            };
        }
        let basis = match source {
            Source::System => Basis::System,
            Source::Ntp(_) => Basis::Ntp,
            Source::Rtc => Basis::Rtc,
            Source::None => return Err(Why::NoSource),
        };
        match self.newest {
            Some(newest) if wall > newest.plus(FORWARDS) => Err(Why::AheadAtStart { by: wall.since(newest) }),
            _ => Ok(here(basis)),
        }
    }

    /// Whether NTP has spoken since the last time it was heard, and about this very time: a clock that was set by hand after
    /// NTP's last word is not NTP's time.
    fn is_news(&self, synced: Timestamp, wall: Timestamp) -> bool {
        Some(synced) > self.synced && synced <= wall.plus(BACKWARDS) && wall < synced.plus(FORWARDS)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp(1_790_000_000_000);
    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(86_400);

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn fresh() -> ClockGate {
        ClockGate::new(Remembered::Never)
    }

    fn known() -> ClockGate {
        ClockGate::new(Remembered::Newest(NOON))
    }

    fn trusted(state: State) -> bool {
        matches!(state, State::Trusted(_))
    }

    #[test]
    fn r19_nothing_is_trusted_before_it_was_read() {
        assert_eq!(fresh().state(), State::Waiting(Why::NotReadYet));
    }

    #[test]
    fn r19_ntp_rtc_or_the_system_are_trusted_and_nothing_else() {
        assert_eq!(
            fresh().observe(NOON, secs(9), Source::System),
            State::Trusted(Basis::System)
        );
        assert_eq!(fresh().observe(NOON, secs(9), Source::Rtc), State::Trusted(Basis::Rtc));
        assert_eq!(
            fresh().observe(NOON, secs(9), Source::Ntp(NOON)),
            State::Trusted(Basis::Ntp)
        );
        assert_eq!(
            fresh().observe(NOON, secs(9), Source::None),
            State::Waiting(Why::NoSource)
        );
    }

    #[test]
    fn r19_a_clock_older_than_the_program_is_wrong_whoever_says_so() {
        for source in [Source::System, Source::Rtc, Source::Ntp(Timestamp(0)), Source::None] {
            assert_eq!(
                fresh().observe(Timestamp(86_400_000), secs(9), source),
                State::Waiting(Why::TooEarly)
            );
        }
        assert_eq!(fresh().confirm(Timestamp(86_400_000), secs(9)), Err(Why::TooEarly));
    }

    #[test]
    fn r19_thirty_seconds_backwards_are_tolerated() {
        let mut gate = known();
        assert!(trusted(gate.observe(NOON.minus(secs(30)), secs(9), Source::System)));
        assert_eq!(gate.newest(), Some(NOON), "the newest does not go back");
        let back = NOON.minus(secs(31));
        assert_eq!(
            gate.observe(back, secs(10), Source::System),
            State::Waiting(Why::Backwards { by: secs(31) })
        );
        // NTP does not talk it away either; when the clock has caught up, all is well.
        assert!(!trusted(gate.observe(back, secs(11), Source::Ntp(back))));
        assert!(trusted(gate.observe(NOON.minus(secs(29)), secs(13), Source::System)));
    }

    #[test]
    fn r19_more_than_a_day_forward_at_the_start_waits() {
        for source in [Source::System, Source::Rtc] {
            assert!(trusted(known().observe(NOON.plus(DAY), secs(9), source)));
            let later = NOON.plus(DAY + secs(1));
            let mut gate = known();
            assert_eq!(
                gate.observe(later, secs(9), source),
                State::Waiting(Why::AheadAtStart { by: DAY + secs(1) })
            );
            assert_eq!(gate.newest(), Some(NOON), "an untrusted time is not remembered");
            let ntp = later.plus(secs(5));
            assert_eq!(
                gate.observe(ntp, secs(14), Source::Ntp(ntp)),
                State::Trusted(Basis::Ntp)
            );
            assert_eq!(gate.newest(), Some(ntp));
        }
    }

    #[test]
    fn r19_more_than_a_day_forward_while_running_waits() {
        let mut gate = fresh();
        gate.observe(NOON, secs(0), Source::System);
        let jump = NOON.plus(DAY + HOUR);
        assert_eq!(
            gate.observe(jump, HOUR - secs(1), Source::System),
            State::Waiting(Why::JumpedAhead { by: DAY + secs(1) })
        );
        // Back again, and it is trusted as before.
        assert!(trusted(gate.observe(NOON.plus(HOUR), HOUR, Source::System)));
        // A day that really passed is no jump.
        assert!(trusted(gate.observe(NOON.plus(DAY * 400), DAY * 400, Source::System)));
    }

    #[test]
    fn r19_small_jumps_add_up() {
        let mut gate = fresh();
        gate.observe(NOON, secs(0), Source::Rtc);
        assert!(trusted(gate.observe(NOON.plus(HOUR * 20), secs(1), Source::Rtc)));
        assert!(!trusted(gate.observe(NOON.plus(HOUR * 40), secs(2), Source::Rtc)));
    }

    #[test]
    fn r19_a_clock_set_by_hand_after_ntp_is_not_ntps() {
        let mut gate = fresh();
        assert!(trusted(gate.observe(NOON, secs(0), Source::Ntp(NOON))));
        let jump = NOON.plus(DAY * 3);
        assert!(!trusted(gate.observe(jump, secs(1), Source::Ntp(NOON))));
        // The same after a restart of the daemon.
        let mut gate = known();
        assert!(!trusted(gate.observe(jump, secs(1), Source::Ntp(NOON))));
        // NTP's next word about that time is.
        assert!(trusted(gate.observe(
            jump.plus(secs(64)),
            secs(65),
            Source::Ntp(jump.plus(secs(60)))
        )));
        // A word from the future is none: the clock was set back since.
        let mut gate = fresh();
        assert_eq!(
            gate.observe(NOON, secs(1), Source::Ntp(NOON.plus(DAY))),
            State::Trusted(Basis::Ntp)
        );
        assert!(gate.synced.is_none());
    }

    #[test]
    fn r19_a_confirmation_holds_by_the_monotonic_clock() {
        let mut gate = fresh();
        assert!(!trusted(gate.observe(NOON, secs(5), Source::None)));
        gate.confirm(NOON, secs(6)).unwrap();
        assert_eq!(gate.state(), State::Trusted(Basis::Confirmed));
        assert_eq!(
            gate.observe(NOON.plus(HOUR), secs(6) + HOUR, Source::None),
            State::Trusted(Basis::Confirmed)
        );
        assert!(!trusted(gate.observe(NOON.plus(DAY * 2), secs(7) + HOUR, Source::None)));
        assert!(!trusted(gate.observe(NOON, secs(8) + HOUR, Source::None)));
        // NTP takes over when it comes.
        let later = NOON.plus(HOUR * 2);
        assert_eq!(
            gate.observe(later, secs(6) + HOUR * 2, Source::Ntp(later)),
            State::Trusted(Basis::Ntp)
        );
        // After a restart the confirmation is gone.
        let mut gate = ClockGate::new(Remembered::Newest(later));
        assert_eq!(
            gate.observe(later, secs(5), Source::None),
            State::Waiting(Why::NoSource)
        );
    }

    #[test]
    fn r19_a_confirmation_may_go_back_and_forth() {
        let mut gate = known();
        let back = NOON.minus(DAY * 30);
        assert!(!trusted(gate.observe(back, secs(1), Source::Rtc)));
        gate.confirm(back, secs(2)).unwrap();
        assert_eq!(gate.newest(), Some(back));
        assert!(trusted(gate.observe(back.plus(secs(1)), secs(3), Source::Rtc)));
        let mut gate = known();
        let ahead = NOON.plus(DAY * 30);
        assert!(!trusted(gate.observe(ahead, secs(1), Source::Rtc)));
        gate.confirm(ahead, secs(2)).unwrap();
        assert!(trusted(gate.observe(ahead.plus(secs(1)), secs(3), Source::Rtc)));
    }

    #[test]
    fn r19_a_lost_newest_time_waits_for_ntp_or_a_confirmation() {
        let mut gate = ClockGate::new(Remembered::Lost);
        assert_eq!(
            gate.observe(NOON, secs(1), Source::System),
            State::Waiting(Why::NewestLost)
        );
        assert!(trusted(gate.observe(NOON, secs(2), Source::Ntp(NOON))));
        let mut gate = ClockGate::new(Remembered::Lost);
        gate.confirm(NOON, secs(1)).unwrap();
        assert!(trusted(gate.observe(NOON, secs(2), Source::System)));
    }
}
