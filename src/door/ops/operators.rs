//! Operators' records: add, list, set, password, unlock, remove, and their own tokens. In: what an installer asks, or an operator of
//! itself; out: the operator, or one line. At least one enabled installer stays. What ends a session ends it at once.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::common::{Target, store_failure};
use super::entry::{first_role, locked};
use crate::control::operators::{OperatorAdd, OperatorInfo, OperatorList, OperatorSet, OperatorTokenMade};
use crate::control::ops::{Answer, Failure, Request};
use crate::control::peer::{Door as Socket, Peer, Role};
use crate::control::{check, strength};
use crate::door::{Door, fill_random, random16};
use crate::enrol::otpauth::ISSUER;
use crate::factors::first::local;
use crate::factors::second::totp;
use crate::secret::Secret;
use crate::store::records::{Operator, OperatorId, OperatorToken, Timestamp, TotpParameters};
use crate::store::{Change, StoreError};
use crate::text::shown;

/// Bytes of a seed: what RFC 4226 4 (R6) recommends.
const SEED_LENGTH: usize = 20;

/// What of a request is slow, done before the lock of all changes is taken: nobody else's change waits for a hash.
pub(super) enum Ready {
    /// Nothing is.
    Nothing,
    /// A record that is not in the store yet.
    New(Box<Operator>),
    /// A new password's hash, and the generation of the record that it was made for.
    Hash(Secret, u64),
    /// Seeds for somebody whose password was checked.
    Export(Box<super::export::Checked>),
}

/// Whether a password is to be checked or hashed, or every token to be read.
pub(super) fn is_slow(request: &Request) -> bool {
    match request {
        Request::OperatorAdd(_) | Request::OperatorPassword { .. } | Request::Export(_) => true,
        Request::OperatorSet(ask) => ask.password.is_some(),
        _ => false,
    }
}

/// Does what is slow. Blocks.
pub(super) fn ready(door: &Door, by: &Peer, request: &Request) -> Result<Ready, Failure> {
    match request {
        Request::OperatorAdd(ask) => made(door, ask).map(|operator| Ready::New(Box::new(operator))),
        Request::OperatorSet(ask) => {
            let Some(password) = &ask.password else {
                return Ok(Ready::Nothing);
            };
            let operator = named(door, &ask.name)?;
            hashed(&operator.name, password).map(|hash| Ready::Hash(hash, operator.generation))
        }
        Request::OperatorPassword { old, new } => proven(door, by, old, new),
        Request::Export(ask) => super::export::ready(door, by, ask).map(|checked| Ready::Export(Box::new(checked))),
        _ => Ok(Ready::Nothing),
    }
}

/// Whoever has the rights by recovery gives none that go further.
pub(super) fn restrict_alike(door: &Door, by: &Peer, request: &Request) -> Result<(), Failure> {
    let there = |name: &str| door.store.operators().iter().any(|one| one.name == name);
    let gives = match request {
        Request::OperatorAdd(ask) => !there(&ask.name),
        Request::OperatorSet(ask) => there(&ask.name),
        _ => false,
    };
    if by.door != Socket::Console || !gives {
        return Ok(());
    }
    door.restrict_alike(&by.operator, request.target())
        .map_err(store_failure)
}

/// `operator add`. The record's target is `NAME, role ROLE`: a restore reads it (R20).
pub(super) fn add(door: &Door, ask: &OperatorAdd, ready: Ready, target: &mut Target) -> Result<Answer, Failure> {
    target.text.push_str(&format!(", role {}", role_word(ask.role)));
    let Ready::New(operator) = ready else {
        return Err(super::broken());
    };
    let operator = put_new(door, *operator)?;
    target.staff = Some(operator.id);
    Ok(answer(door, &operator))
}

/// A record that is not in the store yet. Slow: it makes a hash.
pub(super) fn made(door: &Door, ask: &OperatorAdd) -> Result<Operator, Failure> {
    strength::name(&ask.name).map_err(Failure::usage)?;
    if door.store.operators().iter().any(|one| one.name == ask.name) {
        return Err(exists(&ask.name));
    }
    first_role(door, ask.role)?;
    Ok(Operator {
        id: OperatorId(0),
        name: ask.name.clone(),
        role: ask.role,
        enabled: true,
        password: hashed(&ask.name, &ask.password)?,
        token: None,
        wrong: 0,
        failures: 0,
        last: None,
        created: crate::clock::wall(),
        generation: 1,
    })
}

/// Puts it there.
pub(super) fn put_new(door: &Door, mut operator: Operator) -> Result<Operator, Failure> {
    let added = door.store.apply(vec![Change::AddOperator(operator.clone())]);
    let added = added.map_err(|error| match error {
        StoreError::OperatorNameTaken => exists(&operator.name),
        other => store_failure(other),
    })?;
    operator.id = added.operators.first().copied().unwrap_or(operator.id);
    door.staff.locks.stand(&operator.name, 0, Instant::now());
    Ok(operator)
}

/// `operator list`.
pub(super) fn list(door: &Door) -> Answer {
    let operators = door.store.operators();
    let mut operators: Vec<OperatorInfo> = operators.iter().map(|one| info(door, one)).collect();
    operators.sort_by(|a, b| a.name.cmp(&b.name));
    Answer::Operators(OperatorList { operators })
}

/// `operator set`. The record's target is `NAME, role ROLE, disabled`, as far as it was set: a restore reads it
/// (R20).
pub(super) fn set(
    door: &Door,
    by: &Peer,
    ask: &OperatorSet,
    ready: Ready,
    target: &mut Target,
) -> Result<Answer, Failure> {
    if ask.role.is_none() && ask.enabled.is_none() && ask.password.is_none() {
        return Err(Failure::usage("nothing to set: name at least one setting"));
    }
    let before = named(door, &ask.name)?;
    target.staff = Some(before.id);
    if let Some(role) = ask.role.filter(|role| *role != before.role) {
        target.text.push_str(&format!(", role {}", role_word(role)));
    }
    match ask.enabled {
        Some(true) if !before.enabled => target.text.push_str(", enabled"),
        Some(false) if before.enabled => target.text.push_str(", disabled"),
        _ => {}
    }
    if ask.password.is_some() {
        target.text.push_str(", password");
    }
    if by.operator == before.name {
        if ask.role.is_some_and(|role| role != before.role) || ask.enabled == Some(false) {
            return Err(Failure::refused(
                "nobody changes the own role or disables the own name: ask another installer",
            ));
        }
        if ask.password.is_some() {
            return Err(Failure::refused(
                "your own password is changed with the old one at hand: choose \"own password\"",
            ));
        }
    }
    change(door, &ask.name, |operator, others| {
        operator.role = ask.role.unwrap_or(operator.role);
        operator.enabled = ask.enabled.unwrap_or(operator.enabled);
        if let Ready::Hash(password, _) = ready {
            operator.password = password;
        }
        if operator.enabled && operator.password.is_empty() {
            return Err(Failure::refused(format!(
                "{} has no password since the store was restored: set one with --password-file",
                operator.name
            )));
        }
        stays(operator, others)
    })
    .map(|operator| answer(door, &operator))
}

/// The new password of an operator, who proved the old one.
fn proven(door: &Door, by: &Peer, old: &Secret, new: &Secret) -> Result<Ready, Failure> {
    if by.door != Socket::Console {
        return Err(Failure::usage(
            "it is for an operator at a console: here it is `postern operator set NAME --password-file FILE`",
        ));
    }
    let operator = named(door, &by.operator)?;
    if !operator.enabled {
        return Err(Failure::refused("the operator was disabled"));
    }
    // First: what is typed here is perhaps shown to be weak, and the old one was not wrong.
    strong(&operator.name, new)?;
    let attempt = door.staff.locks.begin(&operator.name, true, Instant::now());
    let attempt = attempt.map_err(locked)?;
    if !local::verify(&operator.password, old) {
        attempt.wrong(Instant::now());
        persist_wrong(door, &operator.name);
        return Err(Failure::refused("the old password is wrong"));
    }
    drop(attempt);
    hashed(&operator.name, new).map(|hash| Ready::Hash(hash, operator.generation))
}

/// An operator's own password, with the old one as proof. A restore reads the record of it (R20).
pub(super) fn password(door: &Door, by: &Peer, ready: Ready, target: &mut Target) -> Result<Answer, Failure> {
    let Ready::Hash(new, before) = ready else {
        return Err(super::broken());
    };
    let changed = change(door, &by.operator, |operator, _| {
        // The old password was proven to the record as it was.
        if operator.generation != before || !operator.enabled {
            return Err(Failure::refused("the operator was changed just now: log in again"));
        }
        operator.password = new;
        Ok(())
    })?;
    target.staff = Some(changed.id);
    door.staff.seats.renew(by.seat, before, &changed);
    Ok(Answer::Done {
        done: "your password is changed; your other sessions have ended".to_owned(),
    })
}

/// `operator unlock`.
pub(super) fn unlock(door: &Door, name: &str) -> Result<Answer, Failure> {
    let operator = named(door, name)?;
    door.staff.locks.clear(&operator.name);
    change(door, name, |operator, _| {
        operator.wrong = 0;
        Ok(())
    })?;
    Ok(Answer::Done {
        done: format!(
            "{} is unlocked: wrong passwords and codes count from zero",
            operator.name
        ),
    })
}

/// `operator remove`.
pub(super) fn remove(door: &Door, by: &Peer, name: &str, target: &mut Target) -> Result<Answer, Failure> {
    if by.operator == name {
        return Err(Failure::refused("nobody removes the own name: ask another installer"));
    }
    let _alone = door.staff.alone.lock();
    let operators = door.store.operators();
    let mut gone = find(&operators, name)?.clone();
    target.staff = Some(gone.id);
    gone.enabled = false;
    stays(&gone, &operators)?;
    let removed = door.store.apply(vec![Change::RemoveOperator(gone.id)]);
    removed.map_err(store_failure)?;
    door.staff.locks.clear(name);
    Ok(Answer::Done {
        done: format!("operator {name} is removed; sessions of that name have ended"),
    })
}

/// `operator token add`: it counts after its first code.
pub(super) fn token_add(door: &Door, name: &str) -> Result<Answer, Failure> {
    let mut seed = vec![0; SEED_LENGTH];
    fill_random(&mut seed);
    let seed = Secret::new(seed);
    let operator = change(door, name, |operator, _| {
        if operator.token.as_ref().is_some_and(|token| token.confirmed) {
            return Err(Failure::exists(format!(
                "{} has a token already: take it away first with `postern operator token remove`",
                operator.name
            )));
        }
        operator.token = Some(OperatorToken {
            seed: seed.clone(),
            confirmed: false,
            last_step: 0,
        });
        Ok(())
    })?;
    let issuer = door.store.settings().issuer.clone();
    Ok(Answer::OperatorToken(OperatorTokenMade {
        operator: operator.name,
        seed,
        issuer: if issuer.is_empty() { ISSUER.to_owned() } else { issuer },
    }))
}

/// `operator token confirm`: the code is spent (R16). A restore reads the record of it (R20).
pub(super) fn token_confirm(door: &Door, name: &str, code: &Secret, target: &mut Target) -> Result<Answer, Failure> {
    let code = check::code(code.expose_str().unwrap_or_default()).map(zeroize::Zeroizing::new)?;
    let clock = door.clock.now().ok_or_else(|| {
        Failure::refused("codes cannot be checked while the clock is not trusted: look with `postern time show`")
    })?;
    let operator = change(door, name, |operator, _| {
        let Some(token) = operator.token.as_mut() else {
            return Err(Failure::not_found(format!(
                "{} has no token: add one with `postern operator token add`",
                operator.name
            )));
        };
        if token.confirmed {
            return Err(Failure::exists(format!(
                "the token of {} is confirmed already: there is nothing to do",
                operator.name
            )));
        }
        used(token, clock, &code).map_err(|_| {
            Failure::refused("that is no code of this token now: type what it shows, and check the time of the phone")
        })?;
        token.confirmed = true;
        Ok(())
    })?;
    target.staff = Some(operator.id);
    Ok(answer(door, &operator))
}

/// `operator token remove`. A restore reads the record of it (R20).
pub(super) fn token_remove(door: &Door, name: &str, target: &mut Target) -> Result<Answer, Failure> {
    let operator = change(door, name, |operator, _| match operator.token.take() {
        Some(_) => Ok(()),
        None => Err(Failure::not_found(format!("{} has no token", operator.name))),
    })?;
    target.staff = Some(operator.id);
    Ok(answer(door, &operator))
}

/// Whether it is a code of this token about now that was not spent; spends it in the record, which is to be written (R16).
pub(super) fn used(token: &mut OperatorToken, now: Timestamp, code: &str) -> Result<(), &'static str> {
    let found = totp::check(&token.seed, &TotpParameters::default(), now, 0, code.as_bytes());
    let step = found.ok_or("wrong code")?.step;
    if step <= token.last_step {
        return Err("the code was used before");
    }
    token.last_step = step;
    Ok(())
}

/// Writes how many wrong ones stand against an operator's name. Blocks.
pub(super) fn persist_wrong(door: &Door, name: &str) {
    let written = change(door, name, |operator, _| {
        operator.wrong = door.staff.locks.wrong(name);
        operator.failures = operator.failures.saturating_add(1);
        Ok(())
    });
    if let Err(failure) = written
        && failure.kind != crate::control::ops::FailureKind::NotFound
    {
        tracing::error!("a wrong password of an operator could not be noted: {failure}");
    }
}

/// Changes a record, alone.
fn change(
    door: &Door,
    name: &str,
    act: impl FnOnce(&mut Operator, &[Operator]) -> Result<(), Failure>,
) -> Result<Operator, Failure> {
    let _alone = door.staff.alone.lock();
    let operators = door.store.operators();
    let mut operator = find(&operators, name)?.clone();
    act(&mut operator, &operators)?;
    let put = door.store.apply(vec![Change::PutOperator(operator)]);
    put.map_err(store_failure)?;
    find(&door.store.operators(), name).cloned()
}

/// At least one enabled installer stays.
fn stays(changed: &Operator, all: &[Operator]) -> Result<(), Failure> {
    let rules = |one: &Operator| one.enabled && one.role == Role::Installer;
    let others = all.iter().filter(|one| one.id != changed.id);
    let was = all.iter().any(|one| one.id == changed.id && rules(one));
    if was && !rules(changed) && !others.into_iter().any(rules) {
        return Err(Failure::refused(format!(
            "{} is the last installer who can log in: make another one first",
            changed.name
        )));
    }
    Ok(())
}

fn find<'a>(operators: &'a [Operator], name: &str) -> Result<&'a Operator, Failure> {
    operators.iter().find(|one| one.name == name).ok_or_else(|| {
        Failure::not_found(format!(
            "there is no operator {}: look with `postern operator list`",
            shown(name)
        ))
    })
}

fn named(door: &Door, name: &str) -> Result<Operator, Failure> {
    find(&door.store.operators(), name).cloned()
}

fn exists(name: &str) -> Failure {
    Failure::exists(format!(
        "there is an operator {name} already: change that one with `postern operator set`"
    ))
}

fn strong(name: &str, password: &Secret) -> Result<(), Failure> {
    let text = password.expose_str().filter(|text| !text.contains('\0'));
    let text = text.ok_or_else(|| Failure::refused("the password is no text"))?;
    strength::password(name, text).map_err(Failure::refused)
}

fn hashed(name: &str, password: &Secret) -> Result<Secret, Failure> {
    strong(name, password)?;
    local::hash(password, &random16()).map_err(|error| Failure::failed(error.to_string()))
}

fn answer(door: &Door, operator: &Operator) -> Answer {
    Answer::Operator(info(door, operator))
}

fn info(door: &Door, operator: &Operator) -> OperatorInfo {
    let left = door.staff.locks.left(&operator.name, Instant::now());
    OperatorInfo {
        name: operator.name.clone(),
        role: operator.role,
        enabled: operator.enabled,
        token: operator.token.as_ref().is_some_and(|token| token.confirmed),
        token_pending: operator.token.as_ref().is_some_and(|token| !token.confirmed),
        locked_seconds: left.map(|left| left.as_millis().div_ceil(1000) as u64),
        created: operator.created,
        last: operator.last,
        lines: door.staff.seats.lines(operator),
    }
}

/// As it is typed.
pub(in crate::door) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Auditor => "auditor",
        Role::Helpdesk => "helpdesk",
        Role::Installer => "installer",
    }
}

impl Door {
    /// After a restore: the last step of each operator's token becomes the highest that its window could have accepted by now (R20).
    pub(in crate::door) fn raise_operators(&self, now: Timestamp) -> Result<(), StoreError> {
        let _alone = self.staff.alone.lock();
        let highest = totp::highest_acceptable(&TotpParameters::default(), now, 0);
        let mut changes = Vec::new();
        for operator in self.store.operators().iter() {
            let mut operator = operator.clone();
            if let Some(token) = operator.token.as_mut().filter(|token| token.last_step < highest) {
                token.last_step = highest;
                changes.push(Change::PutOperator(operator));
            }
        }
        if !changes.is_empty() {
            self.store.apply(changes)?;
        }
        self.staff.stale_steps.store(false, Ordering::Release);
        Ok(())
    }
}
