//! Users: add, set, disable, enable, unlock, remove. In: a name as typed and what to change; out: the user, or one line of what was
//! done. After every change open challenges and kept verdicts of the user are void (R9).

use super::common::{Target, canonical, find, journal, store_failure};
use super::views;
use crate::control::asks::{PasswordChange, UserAdd, UserSet};
use crate::control::ops::{Answer, Failure};
use crate::door::events::Event;
use crate::door::start::LIVE_GUARDS;
use crate::door::start::since::{add_word, word};
use crate::door::{Door, random16};
use crate::factors::first::local;
use crate::guard::Subject;
use crate::secret::Secret;
use crate::store::records::{User, UserId};
use crate::store::{Change, Live, StoreError};
use crate::text::shown;

/// `user add`.
pub(super) fn add(door: &Door, ask: UserAdd, target: &mut Target) -> Result<Answer, Failure> {
    let name = canonical(door, &ask.name)?;
    target.named(&name);
    let exists = || {
        Failure::exists(format!(
            "there is a user {} already: look with `postern user show`, change it with `postern user set`",
            shown(name.as_str())
        ))
    };
    if door.store.user_named(name.as_str()).map_err(store_failure)?.is_some() {
        return Err(exists());
    }
    let mut user = User {
        id: UserId(0),
        name: name.as_str().to_owned(),
        enabled: true,
        exempt: ask.exempt,
        local_password: ask.password.as_ref().map(hashed).transpose()?,
        created: crate::clock::wall(),
        generation: 1,
    };
    let applied = door.store.apply(vec![Change::AddUser(user.clone())]);
    match applied {
        Ok(applied) => {
            user.id = applied.users.first().copied().unwrap_or(user.id);
            target.user = Some(user.id);
        }
        Err(StoreError::NameTaken) => return Err(exists()),
        Err(error) => return Err(store_failure(error)),
    }
    views::info(door, &user).map(|info| Answer::User(Box::new(info)))
}

/// `user set`. The record's target says what was withdrawn or replaced: a restore reads it (R20).
pub(super) fn set(door: &Door, ask: UserSet, target: &mut Target) -> Result<Answer, Failure> {
    if ask.exempt.is_none() && ask.password.is_none() {
        return Err(Failure::usage("nothing to set: name at least one setting"));
    }
    let mut user = find(door, &ask.name, target)?;
    match ask.exempt {
        Some(false) if user.exempt => add_word(&mut target.text, word::EXEMPTION),
        Some(true) if !user.exempt => add_word(&mut target.text, "exempt"),
        _ => {}
    }
    user.exempt = ask.exempt.unwrap_or(user.exempt);
    match ask.password {
        Some(PasswordChange::To(password)) => {
            add_word(&mut target.text, word::PASSWORD);
            user.local_password = Some(hashed(&password)?);
        }
        Some(PasswordChange::Remove) => {
            add_word(&mut target.text, word::NO_PASSWORD);
            user.local_password = None;
        }
        None => {}
    }
    put(door, &user)?;
    views::info(door, &user).map(|info| Answer::User(Box::new(info)))
}

/// `user enable` and `user disable`.
pub(super) fn enable(door: &Door, name: &str, enabled: bool, target: &mut Target) -> Result<Answer, Failure> {
    let mut user = find(door, name, target)?;
    user.enabled = enabled;
    put(door, &user)?;
    let word = if enabled { "enabled" } else { "disabled" };
    Ok(Answer::Done {
        done: format!("{} is {word}", shown(&user.name)),
    })
}

/// `user unlock`: locks (R17) and the budget at the directory (R14) are cleared.
pub(super) fn unlock(door: &Door, name: &str, target: &mut Target) -> Result<Answer, Failure> {
    let user = find(door, name, target)?;
    // In memory first: a fold in between must not take the journal's position without what stands there.
    door.guards.with(Subject::User(user.id), |guard| {
        guard.lockouts.unlock();
        guard.budget.reset();
    });
    journal(door, &Event::Unlocked(user.id))?;
    // Nothing in the record changes but its generation: a verdict "locked" that was kept is void (R9).
    put(door, &user)?;
    Ok(Answer::Done {
        done: format!(
            "{} is unlocked: wrong codes and wrong passwords count from zero",
            shown(&user.name)
        ),
    })
}

/// `user remove`. What is remembered of the seeds stays (R16).
pub(super) fn remove(door: &Door, name: &str, target: &mut Target) -> Result<Answer, Failure> {
    let user = find(door, name, target)?;
    door.store
        .apply(vec![Change::RemoveUser(user.id)])
        .map_err(store_failure)?;
    door.guards.forget(Subject::User(user.id));
    door.person_changed(user.id);
    let folded = Live {
        kind: LIVE_GUARDS,
        key: user.id.0.to_be_bytes().to_vec(),
        value: None,
    };
    door.store.live_put(vec![folded]).map_err(store_failure)?;
    journal(door, &Event::Removed(user.id))?;
    Ok(Answer::Done {
        done: format!("{} is removed, with all tokens", shown(&user.name)),
    })
}

fn put(door: &Door, user: &User) -> Result<(), Failure> {
    door.store
        .apply(vec![Change::PutUser(user.clone())])
        .map_err(store_failure)?;
    door.person_changed(user.id);
    Ok(())
}

/// A local password's hash. Slow: one operator's change at a time makes one.
fn hashed(password: &Secret) -> Result<Secret, Failure> {
    local::hash(password, &random16()).map_err(|error| match error {
        local::PasswordError::Hash => Failure::failed(error.to_string()),
        refused => Failure::refused(refused.to_string()),
    })
}
