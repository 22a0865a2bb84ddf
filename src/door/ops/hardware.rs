//! Hardware tokens that this box programs: a seed for one that lies on a reader, the words that it was written, the change that makes it
//! count; whose serial number it is; the house's customer key. In: what the operator's program tells; out: tokens, and a seed this once
//! for the reader (R21). It never touches a reader, and believes of a token only what a code proves.

use super::codes::trusted;
use super::common::{Target, find, journal, store_failure};
use super::tokens::{info, removal};
use super::unassigned;
use crate::control::answers::{HardwareList, SerialReport, TokenInfo, TokenProgramming};
use crate::control::asks::{HardwareAsk, HardwareWhich, TokenProgram, USERS_LIMIT_MAX};
use crate::control::check;
use crate::control::ops::{Answer, Failure};
use crate::door::events::Event;
use crate::door::{Door, fill_random};
use crate::secret::Secret;
use crate::store::records::{Algorithm, OtpParameters, Programmed, Token, TokenId, TokenSource, TokenStatus, User};
use crate::store::{Change, UnassignedRow};
use crate::text::shown;

/// In a record's words, before the tokens that went with an activation: a restore reads their numbers (R20).
pub(super) const REMOVES: &str = " removes ";
/// Before what stood on a vendor's token that nobody had, where its seed went.
pub(super) const VENDORS: &str = "the vendor's seed of ";

/// `token program`: a new seed, as a pending token. What this user had begun for the same token and no token ever took goes; one that
/// was written stays until this one is, since the hardware may hold it still.
pub(super) fn program(door: &Door, ask: TokenProgram, target: &mut Target) -> Result<Answer, Failure> {
    check::serial(&ask.serial)?;
    check::programmable(ask.profile, ask.parameters)?;
    let user = find(door, &ask.user, target)?;
    unassigned::enabled(&user)?;
    let now = trusted(door)?;
    let (serial, model) = (ask.serial.trim().to_owned(), shown(ask.model.trim()));
    let place = Place {
        serial: &serial,
        model: &model,
        profile: ask.profile,
    };
    let (begun, others): (Vec<_>, Vec<_>) = place
        .tokens(door)?
        .into_iter()
        .partition(|(holder, token)| holder.id == user.id && is_begun(token));
    let rows = place.rows(door);
    if !ask.replace && (others.iter().any(|(_, token)| !is_blank(token)) || !rows.is_empty()) {
        return Err(in_use(&serial, &others, &rows));
    }
    let seed = new_seed(ask.parameters.algorithm);
    let mut token = Token {
        id: TokenId(0),
        user: user.id,
        parameters: ask.parameters.into(),
        mark: door.sealer.seed_mark(seed.expose()),
        seed,
        status: TokenStatus::Pending,
        serial: serial.clone(),
        model: model.clone(),
        created: now,
        source: TokenSource::Programmed(Programmed {
            profile: ask.profile,
            written: None,
        }),
    };
    let mut changes: Vec<Change> = begun
        .iter()
        .filter(|(_, old)| is_blank(old))
        .map(|(_, old)| Change::RemoveToken(old.id))
        .collect();
    changes.push(Change::AddToken(token.clone()));
    let applied = door.store.apply(changes).map_err(store_failure)?;
    token.id = applied.tokens.first().copied().unwrap_or(token.id);
    door.person_changed(user.id);
    target.text = on_record(&user.name, &token);
    let words = whose(&others, &rows, target);
    if !words.is_empty() {
        target.text = format!("{} replaces {words}", target.text);
    }
    let customer_key = door.store.settings().molto_key.clone();
    Ok(Answer::TokenProgramming(Box::new(TokenProgramming {
        token: info(door, &user.name, &token),
        seed: token.seed,
        replaces: infos(door, &others),
        customer_key: customer_key.filter(|_| ask.profile.is_some()),
    })))
}

/// The token has taken the seed, says the program at the reader: a code may confirm it now.
pub(super) fn written(door: &Door, name: &str, id: TokenId, target: &mut Target) -> Result<Answer, Failure> {
    let (user, mut token) = token_of(door, name, id, target)?;
    let TokenSource::Programmed(programmed) = token.source else {
        return Err(Failure::refused(format!(
            "token #{} of {} was not programmed on this box: there is nothing to write",
            id.0,
            shown(&user.name)
        )));
    };
    // One that counts was written: its code has come.
    if token.status == TokenStatus::Pending {
        token.source = TokenSource::Programmed(Programmed {
            written: Some(crate::clock::wall()),
            ..programmed
        });
        // What the hardware held before of the same user's. Numbers grow: what was begun later is not told of here.
        let mut old = Place::of(&token).tokens(door)?;
        old.retain(|(holder, old)| holder.id == user.id && old.id < token.id && is_begun(old));
        let mut changes = vec![Change::PutToken(token.clone())];
        changes.extend(old.iter().map(|(_, old)| Change::RemoveToken(old.id)));
        door.store.apply(changes).map_err(store_failure)?;
        let words = whose(&old, &[], target);
        if !words.is_empty() {
            target.text = format!("{}{REMOVES}{words}", target.text);
        }
        door.person_changed(user.id);
    }
    Ok(Answer::Token(Box::new(info(door, &user.name, &token))))
}

/// The token's clock was set to this box's: what was learned of it is void, on the disk when this returns. Its last step stays (R16).
pub(super) fn clock_set(door: &Door, name: &str, id: TokenId, target: &mut Target) -> Result<Answer, Failure> {
    let (user, token) = token_of(door, name, id, target)?;
    if let OtpParameters::Hotp(_) = token.parameters {
        return Err(Failure::refused(format!(
            "token #{} of {} has no clock: a counter moves its codes on",
            id.0,
            shown(&user.name)
        )));
    }
    trusted(door)?;
    let forget = Change::ForgetDrift(token.mark);
    door.store.apply(vec![forget]).map_err(store_failure)?;
    door.clocks.forget(token.id);
    journal(door, &Event::ClockSet(user.id, token.mark))?;
    door.person_changed(user.id);
    Ok(Answer::Token(Box::new(info(door, &user.name, &token))))
}

/// `token serial`: whose a serial number is.
pub(super) fn serial(door: &Door, serial: &str) -> Result<Answer, Failure> {
    check::serial(serial)?;
    let tokens = door.store.with_serial(serial).map_err(store_failure)?;
    Ok(Answer::Serial(SerialReport {
        tokens: infos(door, &tokens),
        unassigned: unassigned::rows(door.store.unassigned_with_serial(serial)),
    }))
}

/// `token hardware`.
pub(super) fn list(door: &Door, ask: &HardwareAsk) -> Result<Answer, Failure> {
    let part = unassigned::part(&ask.page.search);
    let (offset, limit) = (ask.page.offset as usize, ask.page.limit.min(USERS_LIMIT_MAX) as usize);
    let begun = ask.which == HardwareWhich::Pending;
    let (page, total) = door
        .store
        .hardware(&part, begun, offset, limit)
        .map_err(store_failure)?;
    Ok(Answer::Hardware(HardwareList {
        tokens: page.iter().map(|(user, token)| info(door, user, token)).collect(),
        total: total as u64,
    }))
}

/// `token molto-key`.
pub(super) fn molto_key(door: &Door, key: Option<Secret>, target: &mut Target) -> Result<Answer, Failure> {
    if let Some(key) = &key {
        check::customer_key(key.expose())?;
    }
    let whose = match &key {
        Some(_) => "a key of this house",
        None => "the maker's key",
    };
    whose.clone_into(&mut target.text);
    let mut settings = (*door.store.settings()).clone();
    settings.molto_key = key;
    let put = Change::PutSettings(settings);
    door.store.apply(vec![put]).map_err(store_failure)?;
    Ok(Answer::Done {
        done: format!("Molto-2 tokens are written with {whose} from now on"),
    })
}

/// What makes a pending token count.
pub(super) struct Activation {
    /// The token as it then stands.
    pub(super) token: Token,
    /// One group.
    pub(super) changes: Vec<Change>,
    /// What goes with it, and whose it was.
    others: Vec<(User, Token)>,
    /// Nobody's tokens that go too.
    rows: Vec<UnassignedRow>,
}

/// The activation of a pending token. With one that was programmed here go, in the same change, the others that have its serial number
/// and profile, whoever's: the hardware held them before and does so no more. A vendor's seed that came after it was begun, and so was
/// in no question, is nobody's then.
pub(super) fn activation(door: &Door, pending: &Token) -> Result<Activation, Failure> {
    let mut token = pending.clone();
    token.status = TokenStatus::Active;
    let (mut others, mut rows) = (Vec::new(), Vec::new());
    if let TokenSource::Programmed(programmed) = token.source {
        // Never reported as written, but the code proves it.
        token.source = TokenSource::Programmed(Programmed {
            written: programmed.written.or_else(|| Some(crate::clock::wall())),
            ..programmed
        });
        let place = Place::of(&token);
        others = place.tokens(door)?;
        others.retain(|(_, other)| other.id != token.id);
        rows = place.rows(door);
        rows.retain(|row| row.created <= token.created);
    }
    let mut changes = vec![Change::PutToken(token.clone())];
    for (_, other) in &others {
        match other.created <= token.created {
            true => changes.push(Change::RemoveToken(other.id)),
            false => changes.extend(removal(door, other)),
        }
    }
    changes.extend(rows.iter().map(|row| Change::RemoveUnassigned(row.mark)));
    Ok(Activation {
        token,
        changes,
        others,
        rows,
    })
}

impl Activation {
    /// After it was done: whoever lost a token by it is told so in the record, and what hangs on them is void.
    pub(super) fn done(&self, door: &Door, target: &mut Target) {
        for (user, _) in &self.others {
            door.person_changed(user.id);
        }
        let words = whose(&self.others, &self.rows, target);
        if !words.is_empty() {
            target.text = format!("{}{REMOVES}{words}", target.text);
        }
    }
}

/// What goes from a token that is programmed anew, for a record, with everybody whose it was among the record's users.
fn whose(others: &[(User, Token)], rows: &[UnassignedRow], target: &mut Target) -> String {
    let mut words: Vec<String> = Vec::new();
    for (user, token) in others {
        let name = shown(&user.name);
        words.push(format!("#{} of {name}", token.id.0));
        if !target.users.contains(&name) {
            target.users.push(name);
        }
    }
    let vendors = rows.iter().map(|row| unassigned::printed(&row.serial, &row.model));
    words.extend(vendors.map(|printed| format!("{VENDORS}{printed}")));
    words.join(" and ")
}

/// The numbers of the tokens that went with an activation, from the words of its record (R20).
pub(in crate::door) fn removed_by(target: &str) -> Vec<TokenId> {
    let words = removed_words(target).split(VENDORS).next().unwrap_or_default();
    let number = |word: &str| word.strip_prefix('#')?.split_once(" of ")?.0.parse().ok();
    words.split(" and ").filter_map(number).map(TokenId).collect()
}

/// What stood on the vendors' tokens that went with an activation, from the same words.
pub(in crate::door) fn vendors_removed_by(target: &str) -> Vec<&str> {
    let vendors = removed_words(target).split(VENDORS).skip(1);
    vendors
        .map(|words| words.strip_suffix(" and ").unwrap_or(words))
        .collect()
}

/// A name holds no blank, and [`unassigned::printed`] no such word: the first one is the record's own.
fn removed_words(target: &str) -> &str {
    target.split_once(REMOVES).map_or("", |(_, words)| words)
}

/// 20 bytes for SHA-1, 32 for SHA-256: as long as the hash (RFC 6238 5.1).
fn new_seed(algorithm: Algorithm) -> Secret {
    let mut bytes = vec![
        0;
        match algorithm {
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 | Algorithm::Sha512 => 32,
        }
    ];
    fill_random(&mut bytes);
    Secret::new(bytes)
}

/// A place for a seed in hardware.
struct Place<'a> {
    serial: &'a str,
    model: &'a str,
    profile: Option<u8>,
}

impl<'a> Place<'a> {
    fn of(token: &'a Token) -> Self {
        Self {
            serial: &token.serial,
            model: &token.model,
            profile: profile_of(token),
        }
    }

    /// Two makers may print the same number; one model is written with its maker's name and without, or nowhere.
    fn is_of(&self, model: &str) -> bool {
        let (one, other) = (self.model.trim().to_lowercase(), model.trim().to_lowercase());
        let named = |long: &str, short: &str| long.strip_suffix(short).is_some_and(|maker| maker.ends_with(' '));
        one.is_empty() || other.is_empty() || one == other || named(&one, &other) || named(&other, &one)
    }

    /// The tokens of users that are in it.
    fn tokens(&self, door: &Door) -> Result<Vec<(User, Token)>, Failure> {
        let mut found = door.store.with_serial(self.serial).map_err(store_failure)?;
        found.retain(|(_, token)| profile_of(token) == self.profile && self.is_of(&token.model));
        Ok(found)
    }

    /// The vendors' seeds that nobody has and that are in it.
    fn rows(&self, door: &Door) -> Vec<UnassignedRow> {
        if self.profile.is_some() {
            return Vec::new();
        }
        let mut rows = door.store.unassigned_with_serial(self.serial);
        rows.retain(|row| self.is_of(&row.model));
        rows
    }
}

fn profile_of(token: &Token) -> Option<u8> {
    match token.source {
        TokenSource::Programmed(programmed) => programmed.profile,
        TokenSource::App | TokenSource::File => None,
    }
}

/// Begun here, and not yet proven by a code.
fn is_begun(token: &Token) -> bool {
    token.status == TokenStatus::Pending && matches!(token.source, TokenSource::Programmed(_))
}

/// Begun here, and no token is known to have taken it.
fn is_blank(token: &Token) -> bool {
    let blank = matches!(token.source, TokenSource::Programmed(programmed) if programmed.written.is_none());
    blank && token.status == TokenStatus::Pending
}

fn in_use(serial: &str, others: &[(User, Token)], rows: &[UnassignedRow]) -> Failure {
    let holders = others.iter().filter(|(_, token)| !is_blank(token));
    let mut held: Vec<String> = holders
        .map(|(user, token)| {
            let state = match token.status {
                TokenStatus::Pending => "which waits for its code",
                TokenStatus::Active | TokenStatus::Resync => "in use",
            };
            format!("token #{} of {}, {state}", token.id.0, shown(&user.name))
        })
        .collect();
    let vendors = rows.iter().map(|row| unassigned::printed(&row.serial, &row.model));
    held.extend(vendors.map(|printed| format!("the unassigned token {printed} with its vendor's key")));
    let goes = if held.len() > 1 { "those go" } else { "that one goes" };
    Failure::exists(format!(
        "{} is {}: if it is programmed anew, {goes}; say so with --replace, or take another token",
        shown(serial),
        held.join(" and ")
    ))
}

/// A token on a record: `NAME #ID`, and what stands on it.
pub(super) fn on_record(user: &str, token: &Token) -> String {
    match printed(token).as_str() {
        "" => format!("{user} #{}", token.id.0),
        printed => format!("{user} #{} ({printed})", token.id.0),
    }
}

/// What stands on a token, for a record: model and serial number.
fn printed(token: &Token) -> String {
    unassigned::printed(&token.serial, &token.model)
}

fn infos(door: &Door, tokens: &[(User, Token)]) -> Vec<TokenInfo> {
    tokens
        .iter()
        .map(|(user, token)| info(door, &user.name, token))
        .collect()
}

/// A token of a user's, both noted in `target` as `NAME #ID`.
fn token_of(door: &Door, name: &str, id: TokenId, target: &mut Target) -> Result<(User, Token), Failure> {
    let user = find(door, name, target)?;
    target.text = format!("{} #{}", user.name, id.0);
    let tokens = door.store.tokens_of(user.id).map_err(store_failure)?;
    let token = tokens.into_iter().find(|token| token.id == id);
    let token = token.ok_or_else(|| {
        Failure::not_found(format!(
            "{} has no token #{}, perhaps since it was programmed once more: look with `postern token list`",
            shown(&user.name),
            id.0
        ))
    })?;
    Ok((user, token))
}
