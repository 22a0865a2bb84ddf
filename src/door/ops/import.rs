//! `import`: a batch of rows of a token file. In: rows, each with a name, a key and what is printed on the token; out: for each row
//! whether it was added, was there already, or why it was refused. The good rows are one change of the store; where that fails,
//! its halves are tried, so that a bad row loses only itself. A dry run writes nothing.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};

use super::common::{Target, name_failure, name_of, store_failure};
use super::tokens::{begins_at, check_seed, seed_warning};
use crate::control::answers::{ImportReport, RowOutcome, RowResult};
use crate::control::asks::{IMPORT_BATCH_MAX, ImportBatch, ImportRow};
use crate::control::check;
use crate::control::ops::{Answer, Failure};
use crate::door::Door;
use crate::store::records::{
    OtpParameters, SeedMark, Timestamp, Token, TokenId, TokenSource, TokenStatus, User, UserId,
};
use crate::store::{Change, StoreError};
use crate::text::{is_invisible, shown};

/// Users whom the record of a batch names in its words.
const NAMED: usize = 20;
/// Users read at once when the serial numbers are gathered.
const PAGE: usize = 1_000;

/// Which user has a hardware token with a serial number and model: hashes of both sides, 16 bytes each. The store has no such index,
/// since nothing but an import asks.
pub(super) struct Serials {
    hasher: RandomState,
    users: HashMap<u64, u64>,
}

impl Serials {
    /// Reads every token once: a second for 100,000.
    fn gather(door: &Door) -> Result<Self, StoreError> {
        let mut serials = Self {
            hasher: RandomState::new(),
            users: HashMap::new(),
        };
        let mut offset = 0;
        loop {
            let (page, total) = door.store.search("", offset, PAGE);
            for (user, name) in &page {
                for token in door.store.tokens_of(*user)? {
                    if let Some(key) = serials.key(&token.serial, &token.model) {
                        serials.users.insert(key, serials.name(name));
                    }
                }
            }
            offset += page.len();
            if page.is_empty() || offset >= total {
                return Ok(serials);
            }
        }
    }

    /// Two makers may print the same number, so the model belongs to it.
    fn key(&self, serial: &str, model: &str) -> Option<u64> {
        (!serial.is_empty()).then(|| self.hasher.hash_one((serial.to_lowercase(), model.to_lowercase())))
    }

    fn name(&self, canonical: &str) -> u64 {
        self.hasher.hash_one(canonical)
    }
}

/// A row that can be written.
struct Good {
    /// Its place among the results.
    at: usize,
    name: String,
    /// None: the user is made too.
    user: Option<UserId>,
    token: Token,
    /// Of the first code of a counter token.
    counter: u64,
    serial: Option<u64>,
}

/// What earlier rows of the batch will have done.
#[derive(Default)]
struct Staged {
    seeds: HashMap<SeedMark, (u64, String, OtpParameters)>,
    serials: HashMap<u64, u64>,
}

/// One batch. `target` becomes the count for the record, and whose tokens were added.
pub(super) fn batch(
    door: &Door,
    batch: ImportBatch,
    kept: &mut Option<Serials>,
    target: &mut Target,
) -> Result<Answer, Failure> {
    let ImportBatch { rows, dry_run, active } = batch;
    target.text = format!("{} rows", rows.len());
    if rows.len() > IMPORT_BATCH_MAX {
        return Err(Failure::usage(format!(
            "a batch has {} rows: {IMPORT_BATCH_MAX} is the most",
            rows.len()
        )));
    }
    let mut serials = match kept.take() {
        Some(serials) => serials,
        None => Serials::gather(door).map_err(store_failure)?,
    };
    let now = crate::clock::wall();
    let (mut results, mut good, mut staged) = (Vec::with_capacity(rows.len()), Vec::new(), Staged::default());
    for row in rows {
        let at = results.len();
        let (line, checked) = (row.line, check(door, row, active, now, &serials, &mut staged));
        let (outcome, note) = match checked {
            Ok(Checked::Good(row, note)) => {
                good.push(Good { at, ..*row });
                (RowOutcome::Added, note)
            }
            Ok(Checked::Same(note)) => (RowOutcome::Same, note),
            Err(note) => (RowOutcome::Refused, Some(note)),
        };
        results.push(RowResult {
            line,
            outcome,
            user_made: false,
            unassigned: false,
            note,
        });
    }
    // The tokens of a user who is made stand right behind the user: existing users first, then each new one.
    good.sort_by(|a, b| (a.user.is_none(), &a.name, a.at).cmp(&(b.user.is_none(), &b.name, b.at)));
    if dry_run {
        let (_, made) = changes(door, &good, now).map_err(store_failure)?;
        mark_made(&made, &mut results);
    } else {
        write(door, &good, now, &mut results)?;
        for user in good.iter().filter_map(|row| row.user) {
            door.person_changed(user);
        }
        for row in &good {
            let added = results
                .get(row.at)
                .is_some_and(|result| result.outcome == RowOutcome::Added);
            if let (true, Some(key)) = (added, row.serial) {
                serials.users.insert(key, serials.name(&row.name));
            }
        }
    }
    *kept = Some(serials);
    let count = |outcome| results.iter().filter(|result| result.outcome == outcome).count();
    target.text = format!(
        "{} rows{}: {} added, {} there already, {} refused",
        results.len(),
        if dry_run { ", dry run" } else { "" },
        count(RowOutcome::Added),
        count(RowOutcome::Same),
        count(RowOutcome::Refused)
    );
    if !dry_run {
        // In the order of their names, each once: `good` is sorted so but for the users who are made.
        let added = good.iter().filter(|row| {
            let result = results.get(row.at);
            result.is_some_and(|result| result.outcome == RowOutcome::Added)
        });
        let names: BTreeSet<String> = added.map(|row| shown(&row.name)).collect();
        target.users.extend(names);
        name_some(target);
    }
    Ok(Answer::Import(ImportReport { results }))
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
    Same(Option<String>),
}

/// One row by itself, and against the store and the rows before it. An error is the note of the refusal.
fn check(
    door: &Door,
    row: ImportRow,
    active: bool,
    now: Timestamp,
    serials: &Serials,
    staged: &mut Staged,
) -> Result<Checked, String> {
    let name = door
        .domains()
        .canonical_str(&row.user)
        .map_err(|error| name_failure(&row.user, &error).message)?;
    check_seed(&row.seed)?;
    check::otp_parameters(row.parameters)
        .and_then(|()| check::counter(row.parameters, row.counter))
        .map_err(|failure| failure.message)?;
    if row.serial.len() > check::NAME_MAX || row.serial.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Err(format!(
            "the serial number {} is longer than {} bytes or holds what cannot be seen",
            shown(&row.serial),
            check::NAME_MAX
        ));
    }
    let name = name.as_str();
    let user = door.store.user_named(name).map_err(|error| error.to_string())?;
    let mark = door.sealer.seed_mark(row.seed.expose());
    if let Some((line, owner, parameters)) = staged.seeds.get(&mark) {
        return match owner == name && *parameters == row.parameters {
            true => Ok(Checked::Same(Some(format!("the same as line {line}")))),
            false => Err(format!("the key is that of line {line}: one key is for one token")),
        };
    }
    if let Some(same) = held(door, user.as_ref(), mark, row.parameters)? {
        return Ok(same);
    }
    let model = shown(&row.model);
    let (serial, owner) = (serials.key(&row.serial, &model), serials.name(name));
    if let Some(key) = serial {
        let holder = staged.serials.get(&key).or_else(|| serials.users.get(&key));
        if holder.is_some_and(|holder| *holder != owner) {
            return Err(format!(
                "serial number {} is another user's token: correct the file, or remove it there first",
                shown(&row.serial)
            ));
        }
        staged.serials.insert(key, owner);
    }
    staged.seeds.insert(mark, (row.line, name.to_owned(), row.parameters));
    let disabled = user.as_ref().is_some_and(|user| !user.enabled);
    let note = seed_warning(&row.seed).or_else(|| disabled.then(|| "the user is disabled".to_owned()));
    let token = Token {
        id: TokenId(0),
        user: user.as_ref().map_or(UserId(0), |user| user.id),
        parameters: row.parameters,
        seed: row.seed,
        mark,
        status: if active {
            TokenStatus::Active
        } else {
            TokenStatus::Pending
        },
        serial: row.serial,
        model,
        created: now,
        source: TokenSource::File,
    };
    let good = Good {
        at: 0,
        name: name.to_owned(),
        user: user.map(|user| user.id),
        token,
        counter: row.counter,
        serial,
    };
    Ok(Checked::Good(Box::new(good), note))
}

/// Whether a token has the seed already: the same one, or one that forbids this row (R16).
fn held(
    door: &Door,
    user: Option<&User>,
    mark: SeedMark,
    parameters: OtpParameters,
) -> Result<Option<Checked>, String> {
    let seed = door.store.seed(mark);
    let Some((id, holder)) = seed.and_then(|seed| seed.token.zip(seed.user)) else {
        return Ok(None);
    };
    if user.is_none_or(|user| user.id != holder) {
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
            Ok(Some(Checked::Same(note)))
        }
        _ => Err(format!(
            "the key is in token #{} of the user already, with another hash, digits or period: remove that one first",
            id.0
        )),
    }
}

/// The good rows as one change of the store, and the places of those rows whose user is made with them.
fn changes(door: &Door, good: &[Good], now: Timestamp) -> Result<(Vec<Change>, Vec<usize>), StoreError> {
    let (mut changes, mut places) = (Vec::with_capacity(good.len() * 2), Vec::new());
    // The new user whom the rows just looked at are for; the number, where an earlier part of the batch made the user.
    let mut last: Option<(&str, Option<UserId>)> = None;
    for row in good {
        let mut token = row.token.clone();
        if row.user.is_none() {
            let made = match last.filter(|(name, _)| *name == row.name) {
                Some((_, made)) => made,
                None => {
                    let made = door.store.user_named(&row.name)?.map(|user| user.id);
                    if made.is_none() {
                        changes.push(Change::AddUser(new_user(&row.name, now)));
                        places.push(row.at);
                    }
                    last = Some((&row.name, made));
                    made
                }
            };
            token.user = made.unwrap_or(UserId(0));
        }
        changes.extend(begins_at(token.mark, row.counter));
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
