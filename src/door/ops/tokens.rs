//! Tokens: add, list, remove. In: a user, a seed or none; out: the token, and its seed this once (R21). One seed is in one token
//! (R16); what is remembered of a seed stays when its token goes.

use super::common::{Target, find, name_of, store_failure};
use crate::control::answers::{TokenInfo, TokenList, TokenMade};
use crate::control::asks::TokenAdd;
use crate::control::check;
use crate::control::ops::{Answer, Failure};
use crate::door::{Door, fill_random};
use crate::enrol::otpauth::ISSUER;
use crate::factors::second::otp;
use crate::factors::second::totp::{self, SEED_MIN};
use crate::secret::Secret;
use crate::store::records::{OtpParameters, SeedMark, Token, TokenId, TokenSource, TokenStatus, Unassigned, User};
use crate::store::{Change, StoreError};
use crate::text::shown;

/// Bytes of a seed that the box makes, whatever the hash: what RFC 4226 4 (R6) recommends, and a QR code that a console can draw.
const SEED_LENGTH: usize = 20;
/// The longest seed that is taken, in bytes.
const SEED_MAX: usize = 80;
/// Below this a warning is due: RFC 4226 4 (R6) requires 128 bits.
const SEED_WARN: usize = 16;

/// `token add`.
pub(super) fn add(door: &Door, ask: TokenAdd, target: &mut Target) -> Result<Answer, Failure> {
    check::otp_parameters(ask.parameters)?;
    check::counter(ask.parameters, ask.counter)?;
    if let Some(seed) = &ask.seed {
        check_seed(seed).map_err(Failure::usage)?;
    }
    let user = find(door, &ask.user, target)?;
    let given = ask.seed.is_some();
    let seed = ask.seed.unwrap_or_else(|| {
        let mut bytes = vec![0; SEED_LENGTH];
        fill_random(&mut bytes);
        Secret::new(bytes)
    });
    let mut token = Token {
        id: TokenId(0),
        user: user.id,
        parameters: ask.parameters,
        mark: door.sealer.seed_mark(seed.expose()),
        seed,
        status: if ask.active {
            TokenStatus::Active
        } else {
            TokenStatus::Pending
        },
        serial: String::new(),
        model: String::new(),
        created: crate::clock::wall(),
        source: TokenSource::App,
    };
    let mut changes = vec![Change::AddToken(token.clone())];
    if let OtpParameters::Hotp(_) = token.parameters {
        changes.push(Change::BeginsAt(token.mark, ask.counter));
    }
    let applied = door
        .store
        .apply(changes)
        .map_err(|error| taken(door, &user, token.mark, error))?;
    token.id = applied.tokens.first().copied().unwrap_or(token.id);
    if let Some(made) = door.store.token(token.id).map_err(store_failure)? {
        token.status = made.status;
    }
    door.person_changed(user.id);
    let mut warnings: Vec<String> = seed_warning(&token.seed).filter(|_| given).into_iter().collect();
    warnings.extend(parameters_warning(token.parameters));
    warnings.extend(counter_warning(door, token.parameters, token.mark, ask.counter));
    warnings.extend((token.status == TokenStatus::Resync).then(|| WAITS.to_owned()));
    let issuer = door.store.settings().issuer.clone();
    Ok(Answer::TokenMade(Box::new(TokenMade {
        token: info(door, &user.name, &token),
        seed: token.seed,
        issuer: if issuer.is_empty() { ISSUER.to_owned() } else { issuer },
        warnings,
    })))
}

/// R20: of a key that was here when the record was lost.
const WAITS: &str = "this box lost the record of the codes that were used: run `postern token resync` with two codes before the token counts";

/// `token list`.
pub(super) fn list(door: &Door, name: &str) -> Result<Answer, Failure> {
    let user = find(door, name, &mut Target::default())?;
    let mut tokens = door.store.tokens_of(user.id).map_err(store_failure)?;
    tokens.sort_by_key(|token| token.id);
    let tokens = tokens.iter().map(|token| info(door, &user.name, token)).collect();
    Ok(Answer::Tokens(TokenList { tokens }))
}

/// `token remove`. The record's target is `NAME #ID`: a restore reads the number (R20).
pub(super) fn remove(door: &Door, name: &str, id: TokenId, target: &mut Target) -> Result<Answer, Failure> {
    let user = find(door, name, target)?;
    target.text = format!("{} #{}", user.name, id.0);
    let tokens = door.store.tokens_of(user.id).map_err(store_failure)?;
    if !tokens.iter().any(|token| token.id == id) {
        return Err(Failure::not_found(format!(
            "{} has no token #{}: look with `postern token list`",
            shown(&user.name),
            id.0
        )));
    }
    let (mut changes, mut back) = (Vec::new(), "");
    for token in tokens.iter().filter(|token| token.id == id) {
        changes = removal(door, token);
        if changes.len() > 1 {
            back = ", and waits among the unassigned ones";
        }
    }
    door.store.apply(changes).map_err(store_failure)?;
    door.person_changed(user.id);
    let left = tokens
        .iter()
        .any(|token| token.id != id && token.status == TokenStatus::Active);
    let then = match left || user.exempt {
        true => "",
        false => "; the user has no active token now and is refused",
    };
    Ok(Answer::Done {
        done: format!("token #{} of {} is removed{back}{then}", id.0, shown(&user.name)),
    })
}

/// What removes a token. A vendor's that was given out and never confirmed is nobody's again: to forget a vendor's key is an
/// installer's to do, with `token forget`.
pub(in crate::door) fn removal(door: &Door, token: &Token) -> Vec<Change> {
    let mut changes = vec![Change::RemoveToken(token.id)];
    let goes_back =
        token.status == TokenStatus::Pending && token.source == TokenSource::File && !token.serial.trim().is_empty();
    if goes_back {
        let counter = match token.parameters {
            OtpParameters::Hotp(_) => door.store.seed(token.mark).map_or(0, |seed| otp::next_counter(&seed)),
            OtpParameters::Totp(_) => 0,
        };
        changes.push(Change::AddUnassigned(Unassigned {
            serial: token.serial.clone(),
            model: token.model.clone(),
            parameters: token.parameters,
            counter,
            seed: token.seed.clone(),
            mark: token.mark,
            created: token.created,
        }));
    }
    changes
}

/// Whether these bytes can be a seed; else the line that says why not.
pub(super) fn check_seed(seed: &Secret) -> Result<(), String> {
    let bytes = seed.expose();
    if bytes.len() < SEED_MIN {
        return Err(format!(
            "the key has {} bytes: it takes {SEED_MIN} or more; is all of it there?",
            bytes.len()
        ));
    }
    if bytes.len() > SEED_MAX {
        return Err(format!(
            "the key has {} bytes: it takes {SEED_MAX} at most",
            bytes.len()
        ));
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return Err("the key is all zeros, which means \"none\" to a token: take the real one".to_owned());
    }
    Ok(())
}

/// Short, but taken.
pub(super) fn seed_warning(seed: &Secret) -> Option<String> {
    (seed.len() < SEED_WARN).then(|| {
        format!(
            "the key has {} bytes only: RFC 4226 requires {SEED_WARN}; replace the token when you can",
            seed.len()
        )
    })
}

/// R16: what the box has seen of a key stays, whatever is said of its counter.
pub(super) fn counter_warning(door: &Door, parameters: OtpParameters, mark: SeedMark, told: u64) -> Option<String> {
    let OtpParameters::Hotp(_) = parameters else {
        return None;
    };
    let seed = door.store.seed(mark)?.turned(true);
    let next = seed.last_step.map_or(0, |last| last.saturating_add(1));
    (next > told).then(|| {
        format!("this box has seen codes of this key before: its counter goes on from {next}, and codes before that stay used")
    })
}

fn parameters_warning(parameters: OtpParameters) -> Option<String> {
    if let OtpParameters::Hotp(_) = parameters {
        return Some(
            "some apps, Microsoft Authenticator among them, know no counter tokens and show codes that are refused: use a hardware \
             token, or an app that counts"
                .to_owned(),
        );
    }
    (parameters != OtpParameters::default()).then(|| {
        "some apps, Microsoft Authenticator among them, ignore hash, digits and period and show codes that are refused: use an \
         app that heeds them, or sha1, 6 digits and 30 s"
            .to_owned()
    })
}

/// What the store says of a seed that is taken, with who has it.
fn taken(door: &Door, user: &User, mark: SeedMark, error: StoreError) -> Failure {
    match error {
        StoreError::SeedTaken { user: holder } if holder == user.id => {
            let held = door.store.seed(mark).and_then(|seed| seed.token);
            let tokens = door.store.tokens_of(user.id).unwrap_or_default();
            let status = tokens.iter().find(|token| Some(token.id) == held);
            let state = match status.map(|token| token.status) {
                Some(TokenStatus::Pending) => "and waits for `postern token confirm`",
                Some(TokenStatus::Resync) => "and waits for `postern token resync`",
                Some(TokenStatus::Active) | None => "and is active",
            };
            Failure::exists(format!(
                "{} has that key already: it is in token #{} {state}",
                shown(&user.name),
                held.map_or(0, |id| id.0)
            ))
        }
        StoreError::SeedTaken { user: holder } => Failure::refused(format!(
            "that key is in a token of {} already, and one key is for one user: remove it there first",
            name_of(door, holder)
        )),
        StoreError::SeedUnassigned => {
            let token = door.store.unassigned(mark).ok().flatten();
            let serial = token.map(|token| token.serial).unwrap_or_default();
            Failure::refused(format!(
                "that key is in the unassigned token with serial number {}: give it out with `postern token assign`",
                shown(&serial)
            ))
        }
        other => store_failure(other),
    }
}

/// A token without its seed.
pub(super) fn info(door: &Door, user: &str, token: &Token) -> TokenInfo {
    let seed = door.store.seed(token.mark).unwrap_or_default();
    TokenInfo {
        id: token.id,
        user: user.to_owned(),
        status: token.status,
        algorithm: token.parameters.algorithm(),
        digits: token.parameters.digits(),
        period: token.parameters.period(),
        counter: match token.parameters {
            OtpParameters::Hotp(_) => Some(otp::next_counter(&seed)),
            OtpParameters::Totp(_) => None,
        },
        serial: shown(&token.serial),
        model: shown(&token.model),
        source: token.source,
        created: token.created,
        drift_seconds: i32::from(seed.drift) * i32::from(token.parameters.period().unwrap_or(0)),
        last_code: match token.parameters {
            OtpParameters::Totp(p) => seed.last_step.map(|step| totp::begins(&p, step)),
            OtpParameters::Hotp(_) => None,
        },
    }
}
