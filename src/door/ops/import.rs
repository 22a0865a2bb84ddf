//! `import`: a batch of rows of a token file. In: rows, each with a name, a key and what is printed on the token; out: for each row
//! whether it was added, was there already, or why it was refused. The good rows are one change of the store; where that fails,
//! they are tried one by one, so that a bad row loses only itself. A dry run writes nothing.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::common::{name_failure, name_of, store_failure};
use super::tokens::{check_seed, seed_warning};
use crate::control::answers::{ImportReport, RowOutcome, RowResult};
use crate::control::asks::{IMPORT_BATCH_MAX, ImportBatch, ImportRow};
use crate::control::check;
use crate::control::ops::{Answer, Failure};
use crate::door::Door;
use crate::store::records::{SeedMark, Timestamp, Token, TokenId, TokenStatus, TotpParameters, User, UserId};
use crate::store::{Change, StoreError};
use crate::text::{is_invisible, shown};

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
    serial: Option<u64>,
}

/// What earlier rows of the batch will have done.
#[derive(Default)]
struct Staged {
    seeds: HashMap<SeedMark, (u64, String, TotpParameters)>,
    serials: HashMap<u64, u64>,
}

/// One batch. `target` becomes the count for the record.
pub(super) fn batch(
    door: &Door,
    batch: ImportBatch,
    kept: &mut Option<Serials>,
    target: &mut String,
) -> Result<Answer, Failure> {
    let ImportBatch { rows, dry_run, active } = batch;
    *target = format!("{} rows", rows.len());
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
            note,
        });
    }
    // The tokens of a user who is made stand right behind the user: existing users first, then each new one.
    good.sort_by(|a, b| (a.user.is_none(), &a.name, a.at).cmp(&(b.user.is_none(), &b.name, b.at)));
    mark_made(&good, &mut results);
    if !dry_run {
        write(door, &good, now, &mut results)?;
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
    *target = format!(
        "{} rows{}: {} added, {} there already, {} refused",
        results.len(),
        if dry_run { ", dry run" } else { "" },
        count(RowOutcome::Added),
        count(RowOutcome::Same),
        count(RowOutcome::Refused)
    );
    Ok(Answer::Import(ImportReport { results }))
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
    check::parameters(row.parameters).map_err(|failure| failure.message)?;
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
    };
    let good = Good {
        at: 0,
        name: name.to_owned(),
        user: user.map(|user| user.id),
        token,
        serial,
    };
    Ok(Checked::Good(Box::new(good), note))
}

/// Whether a token has the seed already: the same one, or one that forbids this row (R16).
fn held(
    door: &Door,
    user: Option<&User>,
    mark: SeedMark,
    parameters: TotpParameters,
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

/// Says of the first row of each new user that the user is made.
fn mark_made(good: &[Good], results: &mut [RowResult]) {
    let mut before = None;
    for row in good.iter().filter(|row| row.user.is_none()) {
        let first = before != Some(&row.name);
        before = Some(&row.name);
        if let Some(result) = results.get_mut(row.at) {
            result.user_made = first;
        }
    }
}

/// Writes the good rows: as one change, or, where the store refuses that, one by one.
fn write(door: &Door, good: &[Good], now: Timestamp, results: &mut [RowResult]) -> Result<(), Failure> {
    let mut changes = Vec::with_capacity(good.len() * 2);
    let mut made: Option<&str> = None;
    for row in good {
        if row.user.is_none() && made != Some(&row.name) {
            made = Some(&row.name);
            changes.push(Change::AddUser(new_user(&row.name, now)));
        }
        changes.push(Change::AddToken(row.token.clone()));
    }
    if changes.is_empty() {
        return Ok(());
    }
    match door.store.apply(changes) {
        Ok(_) => {}
        Err(error) if is_final(&error) => return Err(store_failure(error)),
        Err(_) => one_by_one(door, good, now, results)?,
    }
    for user in good.iter().filter_map(|row| row.user) {
        door.person_changed(user);
    }
    Ok(())
}

fn one_by_one(door: &Door, good: &[Good], now: Timestamp, results: &mut [RowResult]) -> Result<(), Failure> {
    for row in good {
        let (outcome, user_made) = match write_one(door, row, now) {
            Ok(user_made) => (Ok(()), user_made),
            Err(error) if is_final(&error) => return Err(store_failure(error)),
            Err(error) => (Err(error.to_string()), false),
        };
        if let Some(result) = results.get_mut(row.at) {
            result.user_made = user_made;
            if let Err(note) = outcome {
                result.outcome = RowOutcome::Refused;
                result.note = Some(note);
            }
        }
    }
    Ok(())
}

/// Whether the user was made with it.
fn write_one(door: &Door, row: &Good, now: Timestamp) -> Result<bool, StoreError> {
    let user = match row.user {
        Some(user) => Some(user),
        // Made by an earlier row of the batch, perhaps.
        None => door.store.user_named(&row.name)?.map(|user| user.id),
    };
    let mut token = row.token.clone();
    let changes = match user {
        Some(user) => {
            token.user = user;
            vec![Change::AddToken(token)]
        }
        None => vec![Change::AddUser(new_user(&row.name, now)), Change::AddToken(token)],
    };
    door.store.apply(changes)?;
    Ok(user.is_none())
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
