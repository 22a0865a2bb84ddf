//! Operators who were made by recovery: for a day they take no secret out of the box and restore nothing. In: a name, as recovery makes
//! the operator, or as such an operator gives somebody else rights; out: until when. Kept in the store beside the operators' records, so
//! that a restart changes nothing. It goes by the name: whoever is removed and made again under it gains nothing.

use std::time::Duration;

use crate::control::ops::Failure;
use crate::door::Door;
use crate::store::records::Timestamp;
use crate::store::{Live, StoreError};
use crate::text::shown;
use crate::times::shown_at;

/// Kind of the blobs: the operator's name, and until when in ms since 1970 (big endian); 0 while the clock was never trusted since.
pub const LIVE_RESTRICTED: u8 = 4;
/// How long it lasts, by a trusted clock.
pub const RESTRICTED_FOR: Duration = Duration::from_secs(24 * 3600);

impl Door {
    /// For [`RESTRICTED_FOR`] from now on the operator of this name exports, backs up and restores nothing. Call it before the operator
    /// is made: it is on the disk when this returns. Blocks.
    ///
    /// # Errors
    /// The store could not be written.
    pub fn restrict(&self, name: &str) -> Result<(), StoreError> {
        // A clock that nobody trusts says nothing of when a day is over: the day begins once it is.
        let until = self.clock.now().map_or(Timestamp(0), |now| now.plus(RESTRICTED_FOR));
        self.put_restricted(name, until)
    }

    fn put_restricted(&self, name: &str, until: Timestamp) -> Result<(), StoreError> {
        let value = Some(until.0.to_be_bytes().to_vec());
        self.store.live_put(vec![Live {
            kind: LIVE_RESTRICTED,
            key: name.as_bytes().to_vec(),
            value,
        }])?;
        self.store.fold(self.store.folded())
    }

    /// Until when the operator of this name is restricted; none: not, or no more. 0 while the clock is not trusted.
    ///
    /// # Errors
    /// The store could not be read.
    pub fn restricted_until(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        let Some(value) = self.store.live_get(LIVE_RESTRICTED, name.as_bytes())? else {
            return Ok(None);
        };
        let until = value.as_slice().try_into().map_or(0, u64::from_be_bytes);
        match (self.clock.now(), until) {
            (None, _) => Ok(Some(Timestamp(0))),
            (Some(_), 0) => {
                self.restrict(name)?;
                Ok(self.clock.now().map(|now| now.plus(RESTRICTED_FOR)))
            }
            (Some(now), until) => Ok(Some(Timestamp(until)).filter(|until| now < *until)),
        }
    }

    /// Whether the operator of this name may take secrets out of the box, or put others in.
    ///
    /// # Errors
    /// One line: until when not, and what to do.
    pub fn unrestricted(&self, name: &str) -> Result<(), Failure> {
        let failed = |error: StoreError| Failure::failed(error.to_string());
        let Some(until) = self.restricted_until(name).map_err(failed)? else {
            return Ok(());
        };
        let when = match until.0 {
            0 => "for 24 hours after the clock is trusted".to_owned(),
            _ => format!("until {} UTC", shown_at(until, &jiff::tz::TimeZone::UTC)),
        };
        Err(Failure::refused(format!(
            "{} has the rights by recovery and cannot export, back up or restore {when}: ask another installer, or wait",
            shown(name)
        )))
    }

    /// `by` gave rights to `name` (made the operator, or changed role or password): what holds for the one holds for the other, or a
    /// restricted operator would only have to make another one.
    ///
    /// # Errors
    /// The store could not be read or written.
    pub fn restrict_alike(&self, by: &str, name: &str) -> Result<(), StoreError> {
        let Some(until) = self.restricted_until(by)? else {
            return Ok(());
        };
        match self.restricted_until(name)? {
            Some(own) if own >= until => Ok(()),
            _ => self.put_restricted(name, until),
        }
    }
}
