//! Operators who were made by recovery: for a day they take no secret out of the box and restore nothing, and for a week everybody is told
//! of the recovery. In: a name, as recovery makes the operator, or as such an operator gives somebody else rights; out: how much of that time
//! is left. It is time in which posternd runs, by the monotonic clock: who sets the box's clock shortens nothing. What is left is kept
//! in the store beside the operators' records, counted down in steps, so that a restart costs a step at most, and a box that is off counts
//! nothing. It goes by the name: whoever is removed and made again under it gains nothing.

use std::time::{Duration, Instant};

use crate::control::ops::Failure;
use crate::door::Door;
use crate::store::records::Timestamp;
use crate::store::{Live, StoreError};
use crate::text::shown;

/// Kind of the blobs: the operator's name, and the running time left in ms (big endian).
pub const LIVE_RESTRICTED: u8 = 4;
/// Kind of the blob of the last recovery that everybody is told of: when it was by its record, and the running time left, both in ms (big
/// endian).
const LIVE_TOLD: u8 = 5;
/// How long it lasts, in running time.
pub const RESTRICTED_FOR: Duration = Duration::from_secs(24 * 3600);
/// So long everybody is told at log-in, in running time.
pub const TOLD_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a blob says is left. What is no such time, as where an earlier posternd wrote until when, is all of it.
fn left(value: &[u8], whole: Duration) -> Duration {
    let left = value
        .try_into()
        .map_or(Duration::MAX, |ms| Duration::from_millis(u64::from_be_bytes(ms)));
    left.min(whole)
}

fn blob(left: Duration) -> Vec<u8> {
    u64::try_from(left.as_millis())
        .unwrap_or(u64::MAX)
        .to_be_bytes()
        .to_vec()
}

/// `24 more hours`, `1 more hour`, `59 more minutes`: rounded up.
fn more(left: Duration) -> String {
    let minutes = left.as_secs().div_ceil(60).max(1);
    let (count, unit) = match minutes {
        60.. => (minutes.div_ceil(60), "hour"),
        _ => (minutes, "minute"),
    };
    format!("{count} more {unit}{}", if count == 1 { "" } else { "s" })
}

impl Door {
    /// For [`RESTRICTED_FOR`] from now on the operator of this name exports, backs up and restores nothing. Call it before the operator
    /// is made: it is on the disk when this returns. Blocks.
    ///
    /// # Errors
    /// The store could not be written.
    pub fn restrict(&self, name: &str) -> Result<(), StoreError> {
        self.put_restricted(name, RESTRICTED_FOR, Instant::now())
    }

    fn put_restricted(&self, name: &str, left: Duration, now: Instant) -> Result<(), StoreError> {
        let mut counted = self.staff.counted.lock();
        // What ran before this began is not taken from it.
        self.count_down_to(&mut counted, now)?;
        self.store.live_put(vec![Live {
            kind: LIVE_RESTRICTED,
            key: name.as_bytes().to_vec(),
            value: Some(blob(left)),
        }])?;
        self.store.fold(self.store.folded())
    }

    /// Takes the running time since the last call from what is left: in memory, and on the disk with the next fold. Returns how long
    /// everybody is still told of a recovery; none: no longer.
    ///
    /// # Errors
    /// The store could not be read.
    pub(in crate::door) fn count_down(&self, now: Instant) -> Result<Option<Duration>, StoreError> {
        self.count_down_to(&mut self.staff.counted.lock(), now)?;
        let told = self.store.live_get(LIVE_TOLD, b"")?;
        Ok(told
            .and_then(|told| Some(left(told.get(8..)?, TOLD_FOR)))
            .filter(|left| !left.is_zero()))
    }

    fn count_down_to(&self, counted: &mut Instant, now: Instant) -> Result<(), StoreError> {
        let ran = now.saturating_duration_since(*counted);
        let mut fewer = Vec::new();
        for (key, value) in self.store.live_scan(LIVE_RESTRICTED)? {
            let left = left(&value, RESTRICTED_FOR).saturating_sub(ran);
            let value = (!left.is_zero()).then(|| blob(left));
            let kind = LIVE_RESTRICTED;
            fewer.push(Live { kind, key, value });
        }
        for (key, value) in self.store.live_scan(LIVE_TOLD)? {
            if let Some((of, still)) = value.split_at_checked(8) {
                let still = left(still, TOLD_FOR);
                // Told to the end, it stays: the journal still holds the recovery.
                if !still.is_zero() {
                    let value = Some([of, &blob(still.saturating_sub(ran))].concat());
                    let kind = LIVE_TOLD;
                    fewer.push(Live { kind, key, value });
                }
            }
        }
        if !fewer.is_empty() {
            self.store.live_put(fewer)?;
        }
        *counted = now.max(*counted);
        Ok(())
    }

    /// How long everybody is to be told of the last recovery on record, which was `at`; one that the store knows nothing of is told of as
    /// long as one that just was. None: long enough.
    ///
    /// # Errors
    /// The store could not be read.
    pub(in crate::door) fn told_left(&self, at: Timestamp) -> Result<Option<Duration>, StoreError> {
        let of = at.0.to_be_bytes();
        let known = self
            .store
            .live_get(LIVE_TOLD, b"")?
            .filter(|value| value.starts_with(&of));
        if known.is_none() {
            self.store.live_put(vec![Live {
                kind: LIVE_TOLD,
                key: Vec::new(),
                value: Some([&of[..], &blob(TOLD_FOR)].concat()),
            }])?;
        }
        self.count_down(Instant::now())
    }

    /// How much running time the operator of this name is still restricted for; none: not, or no more.
    ///
    /// # Errors
    /// The store could not be read.
    pub fn restricted_left(&self, name: &str, now: Instant) -> Result<Option<Duration>, StoreError> {
        let counted = self.staff.counted.lock();
        let Some(value) = self.store.live_get(LIVE_RESTRICTED, name.as_bytes())? else {
            return Ok(None);
        };
        let left = left(&value, RESTRICTED_FOR).saturating_sub(now.saturating_duration_since(*counted));
        Ok(Some(left).filter(|left| !left.is_zero()))
    }

    /// Whether the operator of this name may take secrets out of the box, or put others in.
    ///
    /// # Errors
    /// One line: how long not, and what to do.
    pub fn unrestricted(&self, name: &str) -> Result<(), Failure> {
        let left = self.restricted_left(name, Instant::now());
        let Some(left) = left.map_err(|error| Failure::failed(error.to_string()))? else {
            return Ok(());
        };
        Err(Failure::refused(format!(
            "{} has the rights by recovery and cannot export, back up or restore until this box has run for {}, whatever its clock says: \
             ask another installer, or wait",
            shown(name),
            more(left)
        )))
    }

    /// `by` gave rights to `name` (made the operator, or changed role or password): what holds for the one holds for the other, or a
    /// restricted operator would only have to make another one.
    ///
    /// # Errors
    /// The store could not be read or written.
    pub fn restrict_alike(&self, by: &str, name: &str) -> Result<(), StoreError> {
        let now = Instant::now();
        let Some(left) = self.restricted_left(by, now)? else {
            return Ok(());
        };
        match self.restricted_left(name, now)? {
            Some(own) if own >= left => Ok(()),
            _ => self.put_restricted(name, left, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said_in_words_and_never_as_less() {
        let words = |secs| more(Duration::from_secs(secs));
        assert_eq!(words(24 * 3600), "24 more hours");
        assert_eq!(words(23 * 3600 + 1), "24 more hours");
        assert_eq!(words(3601), "2 more hours");
        assert_eq!(words(3600), "1 more hour");
        assert_eq!(words(3540), "59 more minutes");
        assert_eq!(words(1), "1 more minute");
    }

    #[test]
    fn what_is_no_such_time_is_all_of_it() {
        let until = 1_790_000_000_000_u64.to_be_bytes();
        assert_eq!(left(&until, RESTRICTED_FOR), RESTRICTED_FOR);
        assert_eq!(left(b"short", RESTRICTED_FOR), RESTRICTED_FOR);
        assert_eq!(
            left(&blob(Duration::from_secs(60)), RESTRICTED_FOR),
            Duration::from_secs(60)
        );
    }
}
