//! Vendors' tokens that nobody has yet: listed, assigned by serial number, forgotten. In: what is printed on a token; out: rows without
//! seeds, or the token as it then is a user's. A seed is with a user or with nobody (R16): to assign is one change of the store.

use unicode_normalization::UnicodeNormalization;

use super::common::{Target, find, store_failure};
use super::hardware;
use super::tokens::info;
use crate::control::answers::{UnassignedInfo, UnassignedList};
use crate::control::asks::{PageAsk, TokenAssign, USERS_LIMIT_MAX};
use crate::control::check;
use crate::control::ops::{Answer, Failure};
use crate::door::Door;
use crate::store::records::{Token, TokenId, TokenSource, TokenStatus, Unassigned, User, UserId};
use crate::store::{Change, UnassignedRow};
use crate::text::shown;

/// `token unassigned`.
pub(super) fn list(door: &Door, ask: &PageAsk) -> Answer {
    let limit = ask.limit.min(USERS_LIMIT_MAX) as usize;
    let (page, total) = door
        .store
        .search_unassigned(&part(&ask.search), ask.offset as usize, limit);
    Answer::Unassigned(UnassignedList {
        tokens: rows(page),
        total: total as u64,
    })
}

/// `token assign`: pending, until its code confirms it.
pub(super) fn assign(door: &Door, ask: &TokenAssign, target: &mut Target) -> Result<Answer, Failure> {
    check::serial(&ask.serial)?;
    let user = find(door, &ask.user, target)?;
    enabled(&user)?;
    let row = the_one(door, &ask.serial, ask.model.as_deref())?;
    let whole = door.store.unassigned(row.mark).map_err(store_failure)?;
    let Some(whole) = whole else {
        return Err(Failure::not_found("somebody else has just assigned or removed it"));
    };
    let mut token = token(whole, user.id, TokenStatus::Pending);
    let changes = vec![Change::RemoveUnassigned(row.mark), Change::AddToken(token.clone())];
    let applied = door.store.apply(changes).map_err(store_failure)?;
    token.id = applied.tokens.first().copied().unwrap_or(token.id);
    door.person_changed(user.id);
    target.text = format!(
        "{} #{} ({})",
        user.name,
        token.id.0,
        printed(&token.serial, &token.model)
    );
    Ok(Answer::Token(Box::new(info(door, &user.name, &token))))
}

/// `token forget`. The record says what stands on it: a restore finds it by that (R20).
pub(super) fn remove(door: &Door, serial: &str, model: Option<&str>, target: &mut Target) -> Result<Answer, Failure> {
    check::serial(serial)?;
    let row = the_one(door, serial, model)?;
    target.text = printed(&row.serial, &row.model);
    let remove = Change::RemoveUnassigned(row.mark);
    door.store.apply(vec![remove]).map_err(store_failure)?;
    Ok(Answer::Done {
        done: format!("{} is forgotten: nobody can be given it any more", target.text),
    })
}

/// What stands on a token: model and serial number, for a record and for people.
pub(in crate::door) fn printed(serial: &str, model: &str) -> String {
    let printed = format!("{} {}", shown(model), shown(serial));
    // A restore reads what else stands in a record: nobody's model says that.
    let plain = printed.replace(hardware::REMOVES, " ").replace(hardware::VENDORS, "");
    plain.trim().to_owned()
}

/// A token of nobody's as a user's. What of its counter is spent stands with its seed.
pub(super) fn token(from: Unassigned, user: UserId, status: TokenStatus) -> Token {
    Token {
        id: TokenId(0),
        user,
        parameters: from.parameters,
        seed: from.seed,
        mark: from.mark,
        status,
        serial: from.serial,
        model: from.model,
        created: crate::clock::wall(),
        source: TokenSource::File,
    }
}

/// Whether a token may be given to this user.
pub(super) fn enabled(user: &User) -> Result<(), Failure> {
    match user.enabled {
        true => Ok(()),
        false => Err(Failure::refused(format!(
            "{} is disabled: enable the user with `postern user enable` before giving out a token",
            shown(&user.name)
        ))),
    }
}

/// What a list is searched for, as it is compared.
pub(super) fn part(search: &str) -> String {
    search.trim().nfkc().collect::<String>().to_lowercase()
}

/// Rows as they are answered.
pub(super) fn rows(rows: Vec<UnassignedRow>) -> Vec<UnassignedInfo> {
    let row = |row: UnassignedRow| UnassignedInfo {
        serial: shown(&row.serial),
        model: shown(&row.model),
        parameters: row.parameters,
        created: row.created,
    };
    rows.into_iter().map(row).collect()
}

/// Whether two models are one to whoever types them.
pub(super) fn same_model(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// The one token that is meant.
fn the_one(door: &Door, serial: &str, model: Option<&str>) -> Result<UnassignedRow, Failure> {
    let mut rows = door.store.unassigned_with_serial(serial);
    if let Some(model) = model {
        rows.retain(|row| same_model(&row.model, model));
    }
    match rows.as_slice() {
        [row] => Ok(row.clone()),
        [] => Err(none(door, serial, model)),
        [first, second, ..] => Err(Failure::refused(format!(
            "several tokens have serial number {}: say which with --model, {} or {}",
            shown(serial),
            quoted(&first.model),
            quoted(&second.model)
        ))),
    }
}

fn quoted(model: &str) -> String {
    format!("'{}'", shown(model))
}

fn none(door: &Door, serial: &str, model: Option<&str>) -> Failure {
    let of = model.map_or(String::new(), |model| format!(" of model {}", quoted(model)));
    let holders = door.store.with_serial(serial).unwrap_or_default();
    Failure::not_found(match holders.first() {
        Some((user, token)) => format!(
            "no unassigned token{of} has serial number {}: it is token #{} of {}",
            shown(serial),
            token.id.0,
            shown(&user.name)
        ),
        None => format!(
            "no unassigned token{of} has serial number {}: look with `postern token unassigned`, or import the vendor's file \
             without users",
            shown(serial)
        ),
    })
}
