//! `import`: a batch of rows of a token file. In: rows, each with a name or none, a key and what is printed on the token; out: for each
//! row whether it was added, was there already, or why it was refused. A row without a name is a token of nobody until it is assigned;
//! a row with a name takes its token from nobody. The good rows are one change of the store; where that fails,
//! its halves are tried, so that a bad row loses only itself. A dry run writes nothing.

use std::collections::{BTreeSet, HashMap};

use super::common::{Target, name_failure, name_of, store_failure};
use super::tokens::{check_seed, counter_warning, seed_warning};
use super::unassigned::same_model;
use crate::control::answers::{ImportReport, RowOutcome, RowResult};
use crate::control::asks::{IMPORT_BATCH_MAX, ImportBatch, ImportRow};
use crate::control::check;
use crate::control::ops::{Answer, Failure};
use crate::door::Door;
use crate::factors::second::otp;
use crate::store::records::{
    OtpParameters, SeedMark, Timestamp, Token, TokenId, TokenSource, TokenStatus, Unassigned, User, UserId,
};
use crate::store::{Change, StoreError};
use crate::text::shown;

/// Users whom the record of a batch names in its words.
const NAMED: usize = 20;
/// Where a row's token goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum To {
    /// Nobody yet.
    Nobody,
    /// A user who is there.
    User(String, UserId),
    /// A user who is made with the first of the rows.
    New(String),
}

impl To {
    /// The canonical name; none: nobody.
    fn name(&self) -> Option<&str> {
        match self {
            To::Nobody => None,
            To::User(name, _) | To::New(name) => Some(name),
        }
    }
}

/// A row that can be written.
struct Good {
    /// Its place among the results.
    at: usize,
    to: To,
    /// The token; its user is set when it is written.
    token: Token,
    /// The counter of its next code.
    counter: u64,
    /// The seed was nobody's, and is the user's from then on.
    assigned: bool,
}

/// Serial number and model as they are compared: two makers may print the same number.
type Printed = (String, String);

/// What earlier rows of the batch will have done. A name is whose it will be; none: nobody's.
#[derive(Default)]
struct Staged {
    seeds: HashMap<SeedMark, (u64, Option<String>, OtpParameters)>,
    serials: HashMap<Printed, (u64, Option<String>)>,
}

/// One batch. `target` becomes the count for the record, and whose tokens were added.
pub(super) fn batch(door: &Door, batch: ImportBatch, target: &mut Target) -> Result<Answer, Failure> {
    let ImportBatch { rows, dry_run, active } = batch;
    target.text = format!("{} rows", rows.len());
    if rows.len() > IMPORT_BATCH_MAX {
        return Err(Failure::usage(format!(
            "a batch has {} rows: {IMPORT_BATCH_MAX} is the most",
            rows.len()
        )));
    }
    let now = crate::clock::wall();
    let (mut results, mut good, mut staged) = (Vec::with_capacity(rows.len()), Vec::new(), Staged::default());
    for row in rows {
        let at = results.len();
        let (line, checked) = (row.line, check(door, row, active, now, &mut staged));
        let (outcome, note, unassigned) = match checked {
            Ok(Checked::Good(row, note)) => {
                let unassigned = row.to == To::Nobody;
                good.push(Good { at, ..*row });
                (RowOutcome::Added, note, unassigned)
            }
            Ok(Checked::Same(note, unassigned)) => (RowOutcome::Same, note, unassigned),
            Err(note) => (RowOutcome::Refused, Some(note), false),
        };
        results.push(RowResult {
            line,
            outcome,
            user_made: false,
            unassigned,
            note,
        });
    }
    // The tokens of a user who is made stand right behind the user: nobody's and existing users' first, then each new one's.
    good.sort_by(|a, b| (&a.to, a.at).cmp(&(&b.to, b.at)));
    if dry_run {
        let (_, made) = changes(door, &good, now).map_err(store_failure)?;
        mark_made(&made, &mut results);
    } else {
        write(door, &good, now, &mut results)?;
        for row in &good {
            if let To::User(_, user) = row.to {
                door.person_changed(user);
            }
        }
    }
    let count = |outcome| results.iter().filter(|result| result.outcome == outcome).count();
    target.text = format!(
        "{} rows{}: {}, {} there already, {} refused",
        results.len(),
        if dry_run { ", dry run" } else { "" },
        added(&results),
        count(RowOutcome::Same),
        count(RowOutcome::Refused)
    );
    if !dry_run {
        // In the order of their names, each once.
        let added = good.iter().filter(|row| {
            let result = results.get(row.at);
            result.is_some_and(|result| result.outcome == RowOutcome::Added)
        });
        let names: BTreeSet<String> = added.filter_map(|row| row.to.name().map(shown)).collect();
        target.users.extend(names);
        name_some(target);
    }
    Ok(Answer::Import(ImportReport { results }))
}

/// How many were added, and how many of them to nobody.
fn added(results: &[RowResult]) -> String {
    let added = results.iter().filter(|result| result.outcome == RowOutcome::Added);
    let (nobody, all) = (added.clone().filter(|result| result.unassigned).count(), added.count());
    match nobody {
        0 => format!("{all} added"),
        nobody => format!("{all} added ({nobody} unassigned)"),
    }
}

/// Says in words whose tokens were added, as far as a line holds them; the record has them all.
fn name_some(target: &mut Target) {
    let Some((first, rest)) = target.users.split_first() else {
        return;
    };
    target.text.push_str(", for ");
    target.text.push_str(first);
    for name in rest.iter().take(NAMED - 1) {
        target.text.push_str(", ");
        target.text.push_str(name);
    }
    match target.users.len().saturating_sub(NAMED) {
        0 => {}
        more => target.text.push_str(&format!(" and {more} more")),
    }
}

enum Checked {
    Good(Box<Good>, Option<String>),
    /// It is there already; whether it is nobody's.
    Same(Option<String>, bool),
}

/// One row by itself, and against the store and the rows before it. An error is the note of the refusal.
fn check(door: &Door, row: ImportRow, active: bool, now: Timestamp, staged: &mut Staged) -> Result<Checked, String> {
    let to = owner(door, &row)?;
    check_seed(&row.seed)?;
    check::otp_parameters(row.parameters)
        .and_then(|()| check::counter(row.parameters, row.counter))
        .map_err(|failure| failure.message)?;
    if !row.serial.trim().is_empty() {
        check::serial(&row.serial).map_err(|failure| failure.message)?;
    }
    let mark = door.sealer.seed_mark(row.seed.expose());
    let name = to.name().map(str::to_owned);
    if let Some((line, owner, parameters)) = staged.seeds.get(&mark) {
        return match *owner == name && *parameters == row.parameters {
            true => Ok(Checked::Same(
                Some(format!("the same as line {line}")),
                to == To::Nobody,
            )),
            false => Err(format!("the key is that of line {line}: one key is for one token")),
        };
    }
    if let Some(same) = held(door, &to, mark, row.parameters)? {
        return Ok(same);
    }
    let (mut serial, mut model) = (row.serial.trim().to_owned(), shown(&row.model));
    let waiting = door.store.unassigned(mark).map_err(|error| error.to_string())?;
    if let Some(waiting) = &waiting {
        if let Some(same) = nobodys(waiting, &to, &serial, row.parameters)? {
            return Ok(same);
        }
        // What is printed on it is known already.
        serial.clone_from(&waiting.serial);
        model.clone_from(&waiting.model);
    }
    if !serial.is_empty() {
        let printed = (serial.to_lowercase(), model.trim().to_lowercase());
        elsewhere(door, &to, &serial, &model, mark)?;
        if let Some((line, owner)) = staged.serials.get(&printed)
            && (*owner != name || owner.is_none())
        {
            return Err(format!(
                "serial number {} is that of line {line}: one token is for one user",
                shown(&serial)
            ));
        }
        staged.serials.insert(printed, (row.line, name.clone()));
    }
    staged.seeds.insert(mark, (row.line, name, row.parameters));
    let token = Token {
        id: TokenId(0),
        user: UserId(0),
        parameters: row.parameters,
        mark,
        status: match active {
            true => TokenStatus::Active,
            false => TokenStatus::Pending,
        },
        serial,
        model,
        created: now,
        source: TokenSource::File,
        seed: row.seed,
    };
    let note = seed_warning(&token.seed)
        .or_else(|| counter_warning(door, token.parameters, mark, row.counter))
        .or_else(|| disabled(door, &to));
    let good = Good {
        at: 0,
        to,
        token,
        counter: row.counter,
        assigned: waiting.is_some(),
    };
    Ok(Checked::Good(Box::new(good), note))
}

/// Whose a row's token is to be.
fn owner(door: &Door, row: &ImportRow) -> Result<To, String> {
    if row.user.trim().is_empty() {
        return match row.serial.trim().is_empty() {
            false => Ok(To::Nobody),
            true => {
                Err("the row has neither a user nor a serial number, by which it could be given out later".to_owned())
            }
        };
    }
    let name = door
        .domains()
        .canonical_str(&row.user)
        .map_err(|error| name_failure(&row.user, &error).message)?;
    let user = door
        .store
        .user_named(name.as_str())
        .map_err(|error| error.to_string())?;
    let name = name.as_str().to_owned();
    Ok(match user {
        Some(user) => To::User(name, user.id),
        None => To::New(name),
    })
}

fn disabled(door: &Door, to: &To) -> Option<String> {
    let To::User(_, id) = to else { return None };
    let user = door.store.user(*id).ok()??;
    (!user.enabled).then(|| "the user is disabled".to_owned())
}

/// Whether a user's token has the seed already: the same one, or one that forbids this row (R16).
fn held(door: &Door, to: &To, mark: SeedMark, parameters: OtpParameters) -> Result<Option<Checked>, String> {
    let seed = door.store.seed(mark);
    let Some((id, holder)) = seed.and_then(|seed| seed.token.zip(seed.user)) else {
        return Ok(None);
    };
    if !matches!(to, To::User(_, user) if *user == holder) {
        return Err(format!(
            "the key is in a token of {} already: remove it there first",
            name_of(door, holder)
        ));
    }
    let tokens = door.store.tokens_of(holder).map_err(|error| error.to_string())?;
    match tokens.iter().find(|token| token.id == id) {
        Some(token) if token.parameters == parameters => {
            let pending = token.status == TokenStatus::Pending;
            let note = pending.then(|| format!("token #{} waits for `postern token confirm`", id.0));
            Ok(Some(Checked::Same(note, false)))
        }
        _ => Err(format!(
            "the key is in token #{} of the user already, with another hash, digits or period: remove that one first",
            id.0
        )),
    }
}

/// A seed that is nobody's: there already, or to be given to the row's user by this row, if it is the same token.
fn nobodys(waiting: &Unassigned, to: &To, serial: &str, parameters: OtpParameters) -> Result<Option<Checked>, String> {
    let there = shown(&waiting.serial);
    if !serial.is_empty() && serial.to_lowercase() != waiting.serial.to_lowercase() {
        return Err(format!(
            "the key is in the unassigned token with serial number {there}: correct the file, or forget that one first"
        ));
    }
    if waiting.parameters != parameters {
        return Err(format!(
            "the key is in the unassigned token {there} with another hash, digits or period: forget that one first"
        ));
    }
    Ok((*to == To::Nobody).then_some(Checked::Same(None, true)))
}

/// Whether what is printed on the token stands on another one.
fn elsewhere(door: &Door, to: &To, serial: &str, model: &str, mark: SeedMark) -> Result<(), String> {
    let holders = door.store.with_serial(serial).map_err(|error| error.to_string())?;
    for (user, token) in &holders {
        let (id, who) = (token.id.0, shown(&user.name));
        if programmed_over(token) {
            return Err(format!(
                "serial number {} was programmed on this box as token #{id} of {who}: the vendor's key is in it no more",
                shown(serial)
            ));
        }
        if same_model(&token.model, model) && to.name() != Some(&user.name) {
            return Err(format!(
                "serial number {} is another user's token, #{id} of {who}: correct the file, or remove it there first",
                shown(serial)
            ));
        }
    }
    let waiting = door.store.unassigned_with_serial(serial);
    let mut others = waiting.iter().filter(|row| row.mark != mark);
    match others.any(|row| same_model(&row.model, model)) {
        true => Err(format!(
            "serial number {} is an unassigned token's with another key: forget that one first",
            shown(serial)
        )),
        false => Ok(()),
    }
}

/// A single-profile token that was written here and whose code has come.
fn programmed_over(token: &Token) -> bool {
    let programmed = matches!(token.source, TokenSource::Programmed(one) if one.profile.is_none());
    programmed && token.status != TokenStatus::Pending
}

/// The good rows as one change of the store, and the places of those rows whose user is made with them.
fn changes(door: &Door, good: &[Good], now: Timestamp) -> Result<(Vec<Change>, Vec<usize>), StoreError> {
    let (mut changes, mut places) = (Vec::with_capacity(good.len() * 2), Vec::new());
    // The new user whom the rows just looked at are for; the number, where an earlier part of the batch made the user.
    let mut last: Option<(&str, Option<UserId>)> = None;
    for row in good {
        let mut token = row.token.clone();
        match &row.to {
            To::Nobody => {
                changes.push(Change::AddUnassigned(unassigned(token, row.counter)));
                continue;
            }
            To::User(_, id) => token.user = *id,
            To::New(name) => {
                let made = match last.filter(|(known, _)| known == name) {
                    Some((_, made)) => made,
                    None => {
                        let made = door.store.user_named(name)?.map(|user| user.id);
                        if made.is_none() {
                            changes.push(Change::AddUser(new_user(name, now)));
                            places.push(row.at);
                        }
                        last = Some((name, made));
                        made
                    }
                };
                token.user = made.unwrap_or(UserId(0));
            }
        }
        if row.assigned {
            changes.push(Change::RemoveUnassigned(token.mark));
        }
        if token.parameters.period().is_none() {
            // A file with users may have no column for it: what was told of the vendor's token stands.
            let known = door.store.seed(token.mark).filter(|_| row.assigned);
            let begins = known.map_or(0, |seed| otp::next_counter(&seed)).max(row.counter);
            changes.push(Change::BeginsAt(token.mark, begins));
        }
        changes.push(Change::AddToken(token));
    }
    Ok((changes, places))
}

/// Writes the good rows: as one change, or, where the store refuses that, each half for itself, down to the row that is at fault.
fn write(door: &Door, good: &[Good], now: Timestamp, results: &mut [RowResult]) -> Result<(), Failure> {
    if good.is_empty() {
        return Ok(());
    }
    let (changes, made) = changes(door, good, now).map_err(store_failure)?;
    match (door.store.apply(changes), good) {
        (Ok(_), _) => mark_made(&made, results),
        (Err(error), _) if is_final(&error) => return Err(store_failure(error)),
        (Err(error), [row]) => {
            if let Some(result) = results.get_mut(row.at) {
                result.outcome = RowOutcome::Refused;
                result.note = Some(error.to_string());
            }
        }
        (Err(_), several) => {
            let (first, second) = several.split_at(several.len() / 2);
            write(door, first, now, results)?;
            write(door, second, now, results)?;
        }
    }
    Ok(())
}

/// Says of a new user's first row that the user is made.
fn mark_made(places: &[usize], results: &mut [RowResult]) {
    for at in places {
        if let Some(result) = results.get_mut(*at) {
            result.user_made = true;
        }
    }
}

/// Nothing would be better with the next row.
fn is_final(error: &StoreError) -> bool {
    matches!(error, StoreError::Io(_) | StoreError::Failed)
}

fn unassigned(token: Token, counter: u64) -> Unassigned {
    Unassigned {
        serial: token.serial,
        model: token.model,
        parameters: token.parameters,
        counter,
        seed: token.seed,
        mark: token.mark,
        created: token.created,
    }
}

fn new_user(name: &str, now: Timestamp) -> User {
    User {
        id: UserId(0),
        name: name.to_owned(),
        enabled: true,
        exempt: false,
        local_password: None,
        created: now,
        generation: 1,
    }
}
