//! Codes that an operator types: `token confirm` and `token resync`. In: codes as a token shows them; out: the token as it then
//! stands. Both spend what they took, on the disk before anybody hears (R16); neither counts a wrong code, since whoever asks may
//! make tokens anyway. The wide windows are used by `resync` alone: a single code among a thousand of a counter token would be
//! guessed once in a thousand times, and would then confirm a token that nobody has in hand; two are not guessed.

use zeroize::Zeroizing;

use super::common::{Target, find, journal_spent, store_failure};
use super::{hardware, tokens};
use crate::audit::Spent;
use crate::control::check;
use crate::control::ops::{Answer, Failure};
use crate::door::Door;
use crate::factors::second::totp::{self, Candidate};
use crate::factors::second::{hotp, otp};
use crate::guard::Subject;
use crate::secret::Secret;
use crate::store::records::{OtpParameters, Timestamp, Token, TokenStatus, User};
use crate::store::{Change, Spend};
use crate::text::shown;

/// `token confirm`: the first code of a pending token makes it count.
pub(super) fn confirm(door: &Door, name: &str, code: &Secret, target: &mut Target) -> Result<Answer, Failure> {
    let code = digits(code)?;
    let user = find(door, name, target)?;
    let now = trusted(door)?;
    let who = shown(&user.name);
    let all = door.store.tokens_of(user.id).map_err(store_failure)?;
    let (pending, active): (Vec<_>, Vec<_>) = all.into_iter().partition(|token| token.status == TokenStatus::Pending);
    let hit = pending.iter().find_map(|token| {
        let found = near(door, token, now, code.as_bytes())?;
        Some((token, found))
    });
    let Some((token, found)) = hit else {
        let already = active
            .iter()
            .find(|token| near(door, token, now, code.as_bytes()).is_some());
        return Err(match already {
            Some(token) if token.status == TokenStatus::Resync => Failure::refused(format!(
                "that code is of token #{} of {who}, which is confirmed already and needs a resync: run `postern token resync` with two \
                 codes that follow each other",
                token.id.0
            )),
            Some(token) => Failure::exists(format!(
                "that code is of token #{} of {who}, which is active already: there is nothing to confirm",
                token.id.0
            )),
            None if pending.is_empty() => Failure::refused(format!(
                "{who} has no token that waits for a confirmation: add one with `postern token add`"
            )),
            None => Failure::refused(diagnosis(door, &who, &pending, now, code.as_bytes())),
        });
    };
    if token.parameters.period().is_none() && door.store.seed(token.mark).is_some_and(|seed| seed.stale) {
        return Err(Failure::refused(format!(
            "that is a code of token #{} of {who}, but this box lost the record of the codes that were used: run `postern token \
             resync` with its next two codes, then confirm with the one after",
            token.id.0
        )));
    }
    let mut activation = hardware::activation(door, token)?;
    spend(door, &user, token, found)?;
    let changes = std::mem::take(&mut activation.changes);
    door.store.apply(changes).map_err(store_failure)?;
    target.text = hardware::on_record(&user.name, token);
    activation.done(door, target);
    door.person_changed(user.id);
    Ok(Answer::Token(Box::new(tokens::info(
        door,
        &user.name,
        &activation.token,
    ))))
}

/// `token resync`: two codes that follow each other find a token whose clock or counter is far off, and a counter token that waits for
/// it counts again (R20). A pending token is found too, or one whose clock drifted in the drawer could never be confirmed; it
/// stays pending until it is.
pub(super) fn resync(door: &Door, name: &str, codes: [&Secret; 2], target: &mut Target) -> Result<Answer, Failure> {
    let [first, second] = codes;
    let (first, second) = (digits(first)?, digits(second)?);
    if first == second {
        return Err(Failure::usage(
            "the two codes are the same: wait until the token shows the next one",
        ));
    }
    let user = find(door, name, target)?;
    let now = trusted(door)?;
    let who = shown(&user.name);
    let all = door.store.tokens_of(user.id).map_err(store_failure)?;
    if all.is_empty() {
        return Err(Failure::refused(format!(
            "{who} has no token: add one with `postern token add`"
        )));
    }
    let hit = all.iter().find_map(|token| {
        let state = door.store.seed(token.mark).unwrap_or_default();
        let found = otp::check_wide(
            &token.seed,
            &token.parameters,
            now,
            &state,
            [first.as_bytes(), second.as_bytes()],
        )?;
        Some((token, found))
    });
    let Some((token, found)) = hit else {
        return Err(Failure::refused(format!(
            "no token of {who} shows these two codes one after the other, within {}: type two that follow each other, the older \
             one first",
            reach(&all)
        )));
    };
    spend(door, &user, token, found)?;
    let mut token = token.clone();
    // After the codes are spent: where the power fails between, two more codes set it right.
    let mut changes = Vec::new();
    if door.store.seed(token.mark).is_some_and(|seed| seed.stale) {
        changes.push(Change::Resynced(token.mark));
    }
    if token.status == TokenStatus::Resync {
        token.status = TokenStatus::Active;
        changes.push(Change::PutToken(token.clone()));
    }
    if !changes.is_empty() {
        door.store.apply(changes).map_err(store_failure)?;
        door.tell_waiting();
    }
    door.person_changed(user.id);
    Ok(Answer::Token(Box::new(tokens::info(door, &user.name, &token))))
}

/// How far a resync looks, with the tokens that there are.
fn reach(tokens: &[Token]) -> String {
    let counts = |token: &Token| matches!(token.parameters, OtpParameters::Hotp(_));
    let (clocks, counters) = (
        format!("{} steps of now", totp::WIDE),
        format!("{} codes of the last one", hotp::WIDE),
    );
    match (tokens.iter().any(counts), tokens.iter().all(counts)) {
        (false, _) => clocks,
        (true, true) => counters,
        (true, false) => format!("{clocks}, or within {counters}"),
    }
}

fn digits(code: &Secret) -> Result<Zeroizing<String>, Failure> {
    let text = code.expose_str().unwrap_or_default();
    check::code(text).map(Zeroizing::new)
}

/// The time, if codes can be checked by it now (R19, R20).
pub(super) fn trusted(door: &Door) -> Result<Timestamp, Failure> {
    match door.clock.now() {
        Some(now) if door.answers() => Ok(now),
        _ => Err(Failure::refused(super::status::because(door).unwrap_or_else(|| {
            "codes cannot be checked at the moment: look with `postern status`, then try again".to_owned()
        }))),
    }
}

/// Whether it is a code of this token about now, by what is remembered of the token's clock.
fn near(door: &Door, token: &Token, now: Timestamp, code: &[u8]) -> Option<Candidate> {
    let state = door.store.seed(token.mark).unwrap_or_default();
    otp::check(&token.seed, &token.parameters, now, &state, code)
}

/// Spends the step, durably (R16). With the person's guard in hand, as a login does it.
fn spend(door: &Door, user: &User, token: &Token, found: Candidate) -> Result<(), Failure> {
    let spent = door.guards.with(Subject::User(user.id), |_| {
        door.store.spend(token.mark, found.step, found.drift)
    });
    match spent {
        Spend::Done => journal_spent(
            door,
            user.id,
            Spent {
                mark: token.mark,
                step: found.step,
                drift: found.drift,
            },
        ),
        Spend::Already { .. } => Err(Failure::refused(
            "that code was used already, or one after it: wait for the token's next code",
        )),
        Spend::Unknown => Err(Failure::not_found(
            "the token was removed meanwhile: look with `postern token list`",
        )),
    }
}

/// Why a code confirms nothing.
fn diagnosis(door: &Door, who: &str, pending: &[Token], now: Timestamp, code: &[u8]) -> String {
    let far = pending.iter().find_map(|token| {
        let far = otp::out_of_window(&token.seed, &token.parameters, now, code)?;
        Some((token, far))
    });
    let Some((token, far)) = far else {
        let ahead = pending.iter().find_map(|token| {
            let state = door.store.seed(token.mark).unwrap_or_default();
            otp::ahead(&token.seed, &token.parameters, &state, code)
        });
        if let Some(codes) = ahead {
            return format!(
                "that is a code of the token, but its counter is {codes} codes ahead: run `postern token resync` with its next two codes, \
                 then confirm with the one after"
            );
        }
        return format!(
            "that is no code of a token of {who} that waits for a confirmation: check the user and the key, then type what it \
             shows now"
        );
    };
    let used = door.store.seed(token.mark).and_then(|seed| seed.last_step);
    if used.is_some_and(|last| far.step <= last) {
        return "that code was used already, or one after it: wait for the token's next code".to_owned();
    }
    let way = if far.seconds > 0 { "ahead of" } else { "behind" };
    format!(
        "that is a code of another time, {} s {way} this box's clock: type the newest one; if that fails too, run `postern token \
         resync` with two codes, then confirm",
        far.seconds.unsigned_abs()
    )
}
