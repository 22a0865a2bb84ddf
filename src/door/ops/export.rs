//! `export`: the seeds of the tokens that this box programmed (R25). In: an installer's password, and behind which token to go on;
//! out: tokens in the order of their numbers. Nothing else leaves: no app's seed, no vendor's, none that waits for its first code.
//! A wrong password counts as a wrong login, and every page is on record with the users whose seeds are on it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::common::{Target, store_failure};
use super::entry::{NOBODY, locked};
use super::operators::persist_wrong;
use crate::control::answers::{ExportPage, ExportRow};
use crate::control::asks::{EXPORT_LIMIT_MAX, ExportAsk};
use crate::control::ops::{Answer, Failure};
use crate::control::peer::{Door as Socket, Peer, Role};
use crate::door::Door;
use crate::factors::first::local;
use crate::secret::Secret;
use crate::store::records::{OperatorId, Token, TokenId, TokenSource, TokenStatus};
use crate::text::shown;

/// Users read at once while the tokens are gathered.
const PAGE: usize = 1_000;
/// Bytes of a page as a frame, at most; well under what a frame takes.
const PAGE_BYTES: usize = 700_000;
/// The superuser: such a peer can read the store's key and the store (R25).
const ROOT: u32 = 0;

/// A page that was gathered for somebody whose right to it was checked.
pub(super) struct Checked {
    /// The installer whose password it was, as the record stood then; none: root.
    by: Option<(OperatorId, u64)>,
    page: ExportPage,
    /// How the record says it.
    words: String,
}

/// Checks the password and gathers the page. Slow: it makes a hash and reads every token. Blocks.
pub(super) fn ready(door: &Door, by: &Peer, ask: &ExportAsk) -> Result<Checked, Failure> {
    let (by, how) = by_password(door, by, (ask.operator.as_deref(), ask.password.as_ref()))?;
    let page = page(door, ask.after)?;
    let from = match ask.after {
        None => String::new(),
        Some(after) => format!(" behind #{}", after.0),
    };
    let count = page.rows.len();
    let words = format!("{count} {}{from}{how}", if count == 1 { "seed" } else { "seeds" });
    Ok(Checked { by, page, words })
}

/// Whose password lets secrets leave the box or come into it (R25), as the record stood when it was checked (none: root), and how the
/// record says it. Wrong ones count. Blocks.
pub(super) fn by_password(
    door: &Door,
    by: &Peer,
    (operator, password): (Option<&str>, Option<&Secret>),
) -> Result<(Option<(OperatorId, u64)>, String), Failure> {
    const NAMELESS: &str = "seeds leave the box, and come into it, with an installer's password only: name the installer with --operator NAME";
    match installer(door, by, operator, password, NAMELESS)? {
        None => Ok((None, ", as root".to_owned())),
        Some(proven) => {
            door.unrestricted(&proven.name)?;
            let how = format!(", by the password of {}", shown(&proven.name));
            Ok((Some((proven.id, proven.generation)), how))
        }
    }
}

/// An installer whose password was typed, as the record stood then.
pub(super) struct Proven {
    name: String,
    id: OperatorId,
    generation: u64,
}

impl Proven {
    /// Whether the operator is still the same, enabled, and an installer.
    pub(super) fn stands(&self, door: &Door) -> bool {
        stands(door, self.id, self.generation)
    }
}

/// The installer who answers for what needs a password of its own; none for root at `control.sock`, who can read the store anyway.
/// Slow: it makes a hash. Blocks.
pub(super) fn installer(
    door: &Door,
    by: &Peer,
    operator: Option<&str>,
    password: Option<&Secret>,
    nameless: &str,
) -> Result<Option<Proven>, Failure> {
    let name = match (by.door, operator) {
        (Socket::Console, Some(other)) if other != by.operator => {
            return Err(Failure::usage("at a console it is your own password that is asked"));
        }
        (Socket::Console, _) => by.operator.clone(),
        (Socket::Control, Some(name)) => name.trim().to_ascii_lowercase(),
        (Socket::Control, None) if by.uid == ROOT => return Ok(None),
        (Socket::Control, None) => return Err(Failure::usage(nameless)),
    };
    let password = password.ok_or_else(|| Failure::usage("the installer's password is missing"))?;
    let (id, generation) = proven(door, &name, password)?;
    Ok(Some(Proven { name, id, generation }))
}

fn stands(door: &Door, id: OperatorId, generation: u64) -> bool {
    let operators = door.store.operators();
    let mut all = operators.iter();
    all.any(|one| (one.id, one.generation) == (id, generation) && one.enabled && one.role == Role::Installer)
}

/// Whether the operator who proved a password is still the same; root always is.
pub(super) fn unchanged(door: &Door, proven: Option<(OperatorId, u64)>) -> Result<(), Failure> {
    match proven {
        Some((id, generation)) if !stands(door, id, generation) => {
            Err(Failure::refused("the operator was changed just now: try again"))
        }
        _ => Ok(()),
    }
}

/// Whether it is the password of an enabled installer. Wrong ones count as at a login; a right one does not clear the count: a code
/// may be asked there besides, and guessing that one must not become free by this.
fn proven(door: &Door, name: &str, password: &Secret) -> Result<(OperatorId, u64), Failure> {
    let found = door.store.operators().iter().find(|one| one.name == name).cloned();
    let attempt = door.staff.locks.begin(name, found.is_some(), Instant::now());
    let attempt = attempt.map_err(locked)?;
    let hash = found.as_ref().map(|one| one.password.clone());
    let hash = hash.filter(|hash| !hash.is_empty());
    let fits = local::verify(&hash.unwrap_or_else(|| Secret::from(NOBODY)), password);
    // The right password of somebody else is answered and counted as a wrong one: no answer here confirms a password.
    match found.filter(|one| fits && one.enabled && one.role == Role::Installer) {
        Some(one) => Ok((one.id, one.generation)),
        None => {
            attempt.wrong(Instant::now());
            persist_wrong(door, name);
            Err(Failure::refused("name or password is wrong"))
        }
    }
}

/// Answers what was gathered, under the lock of all changes: the operator may have been changed since.
pub(super) fn answer(door: &Door, checked: Checked, target: &mut Target) -> Result<Answer, Failure> {
    unchanged(door, checked.by)?;
    target.staff = checked.by.map(|(id, _)| id);
    let users: BTreeSet<String> = checked.page.rows.iter().map(|row| shown(&row.user)).collect();
    target.users = users.into_iter().collect();
    target.text = checked.words;
    Ok(Answer::Export(checked.page))
}

/// The tokens with a higher number than `after`, as many as one answer holds.
fn page(door: &Door, after: Option<TokenId>) -> Result<ExportPage, Failure> {
    // The lowest numbers so far, one more than a page takes: with it the next page is known to hold something.
    let mut lowest: BTreeMap<TokenId, ExportRow> = BTreeMap::new();
    let (mut offset, mut total) = (0, 0);
    loop {
        let (users, all) = door.store.search("", offset, PAGE);
        for (user, name) in &users {
            for token in door.store.tokens_of(*user).map_err(store_failure)? {
                let Some(profile) = leaves(&token) else { continue };
                total += 1;
                if after.is_some_and(|after| token.id <= after) {
                    continue;
                }
                lowest.insert(token.id, row(door, name, profile, token));
                if lowest.len() > EXPORT_LIMIT_MAX + 1 {
                    lowest.pop_last();
                }
            }
        }
        offset += users.len();
        if users.is_empty() || offset >= all {
            break;
        }
    }
    let mut bytes = 0;
    let (mut rows, mut next) = (Vec::new(), None);
    for row in lowest.into_values() {
        bytes += weight(&row);
        if rows.len() >= EXPORT_LIMIT_MAX || (bytes > PAGE_BYTES && !rows.is_empty()) {
            next = rows.last().map(|row: &ExportRow| row.id);
            break;
        }
        rows.push(row);
    }
    Ok(ExportPage { rows, next, total })
}

/// The profile of a token that leaves; none if it stays. Time moves the codes of all that are programmed here, so none of them ever waits
/// for a resync, as counter tokens do after a loss.
fn leaves(token: &Token) -> Option<Option<u8>> {
    match (token.source, token.status) {
        (TokenSource::Programmed(programmed), TokenStatus::Active) => Some(programmed.profile),
        _ => None,
    }
}

fn row(door: &Door, user: &str, profile: Option<u8>, token: Token) -> ExportRow {
    let spent = door.store.seed(token.mark).and_then(|seed| seed.last());
    ExportRow {
        id: token.id,
        user: user.to_owned(),
        serial: token.serial,
        profile,
        model: token.model,
        parameters: token.parameters,
        counter: match token.parameters.period() {
            Some(_) => 0,
            None => spent.map_or(0, |spent| spent.saturating_add(1)),
        },
        seed: token.seed,
    }
}

/// Bytes that a row takes in a frame, at most.
fn weight(row: &ExportRow) -> usize {
    250 + 2 * (row.user.len() + row.serial.len() + row.model.len() + row.seed.len())
}
