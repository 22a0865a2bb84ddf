//! Bypass codes (R18). In: a user and minutes; out: a code, shown this once. Kept in memory as a hash, by the monotonic clock, so
//! that a restart voids it.

use std::time::{Duration, Instant};

use super::common::{Target, find, store_failure};
use crate::control::answers::BypassCode;
use crate::control::check;
use crate::control::ops::{Answer, Failure};
use crate::door::{Door, fill_random};
use crate::factors::second::bypass::{Bypass, generate};
use crate::guard::Subject;
use crate::store::records::TokenStatus;
use crate::text::shown;

/// `user bypass`: a code in the place of a token's; one given before is void.
pub(super) fn give(door: &Door, name: &str, minutes: u8, target: &mut Target) -> Result<Answer, Failure> {
    check::bypass_minutes(minutes)?;
    let user = find(door, name, target)?;
    let who = shown(&user.name);
    if !user.enabled {
        return Err(Failure::refused(format!(
            "{who} is disabled, so no code helps: enable the user first with `postern user enable`"
        )));
    }
    if user.exempt {
        return Err(Failure::refused(format!(
            "{who} is exempt and needs no code: the password alone is enough"
        )));
    }
    let tokens = door.store.tokens_of(user.id).map_err(store_failure)?;
    // One that waits for a resync is a token all the same: until two codes come, this is what it is for.
    if !tokens.iter().any(|token| token.status != TokenStatus::Pending) {
        return Err(Failure::refused(format!(
            "{who} has no active token, and a bypass code only stands in for one: add one with `postern token add`, or confirm \
             it with `postern token confirm`"
        )));
    }
    let good_for = Duration::from_secs(u64::from(minutes) * 60);
    let code = generate(&mut fill_random);
    let until = crate::clock::wall().plus(good_for);
    let bypass = Bypass::new(&code, &door.bypass_key, Instant::now(), good_for);
    door.guards
        .with(Subject::User(user.id), |guard| guard.bypass = Some(bypass));
    Ok(Answer::Bypass(BypassCode {
        user: user.name,
        code,
        minutes,
        until,
    }))
}
