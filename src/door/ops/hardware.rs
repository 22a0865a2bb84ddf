//! Hardware tokens that this box programs: a seed for one that lies on a reader, the words that it was written, the change that makes it
//! count; whose serial number it is; the house's customer key. In: what the operator's program tells; out: tokens, and a seed this once
//! for the reader (R21). It never touches a reader, and believes of a token only what a code proves.

use super::codes::trusted;
use super::common::{Target, find, journal, store_failure};
use super::tokens::info;
use super::unassigned;
use crate::control::answers::{HardwareList, SerialReport, TokenInfo, TokenProgramming};
use crate::control::asks::{HardwareAsk, HardwareWhich, TokenProgram, USERS_LIMIT_MAX};
use crate::control::check;
use crate::control::ops::{Answer, Failure};
use crate::door::events::Event;
use crate::door::{Door, fill_random};
use crate::secret::Secret;
use crate::store::Change;
use crate::store::records::{
    Algorithm, OtpParameters, Programmed, SeedMark, Token, TokenId, TokenSource, TokenStatus, User,
};
use crate::text::shown;

/// In a record's words, before the tokens that went with an activation: a restore reads their numbers (R20).
const REMOVES: &str = " removes ";

/// `token program`: a new seed, as a pending token. What this user had begun for the same token goes, so that nobody has two halves.
pub(super) fn program(door: &Door, ask: TokenProgram, target: &mut Target) -> Result<Answer, Failure> {
    check::serial(&ask.serial)?;
    check::programmable(ask.profile, ask.parameters)?;
    let user = find(door, &ask.user, target)?;
    let who = shown(&user.name);
    if !user.enabled {
        return Err(Failure::refused(format!(
            "{who} is disabled: enable the user with `postern user enable` before giving out a token"
        )));
    }
    let now = trusted(door)?;
    let serial = ask.serial.trim().to_owned();
    let (begun, others): (Vec<_>, Vec<_>) = same(door, &serial, ask.profile)?
        .into_iter()
        .partition(|(holder, token)| holder.id == user.id && is_begun(token));
    if !ask.replace && others.iter().any(|(_, token)| token.status != TokenStatus::Pending) {
        return Err(in_use(&serial, &others));
    }
    let seed = new_seed(ask.parameters.algorithm);
    let mut token = Token {
        id: TokenId(0),
        user: user.id,
        parameters: ask.parameters.into(),
        mark: door.sealer.seed_mark(seed.expose()),
        seed,
        status: TokenStatus::Pending,
        serial,
        model: shown(ask.model.trim()),
        created: now,
        source: TokenSource::Programmed(Programmed {
            profile: ask.profile,
            written: None,
        }),
    };
    let mut changes: Vec<Change> = begun.iter().map(|(_, old)| Change::RemoveToken(old.id)).collect();
    changes.push(Change::AddToken(token.clone()));
    let applied = door.store.apply(changes).map_err(store_failure)?;
    token.id = applied.tokens.first().copied().unwrap_or(token.id);
    door.person_changed(user.id);
    target.text = format!("{} #{} ({})", user.name, token.id.0, printed(&token));
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
        let put = Change::PutToken(token.clone());
        door.store.apply(vec![put]).map_err(store_failure)?;
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
    /// Nobody's token that goes too.
    forgotten: bool,
}

/// The activation of a pending token. With one that was programmed here go, in the same change, the others that have its serial number
/// and profile, whoever's: the hardware held them before and does so no more.
pub(super) fn activation(door: &Door, pending: &Token) -> Result<Activation, Failure> {
    let mut token = pending.clone();
    token.status = TokenStatus::Active;
    let (mut others, mut marks): (Vec<_>, Vec<SeedMark>) = (Vec::new(), Vec::new());
    if let TokenSource::Programmed(programmed) = token.source {
        // Never reported as written, but the code proves it.
        token.source = TokenSource::Programmed(Programmed {
            written: programmed.written.or_else(|| Some(crate::clock::wall())),
            ..programmed
        });
        others = same(door, &token.serial, programmed.profile)?;
        others.retain(|(_, other)| other.id != token.id);
        if programmed.profile.is_none() {
            let rows = door.store.unassigned_with_serial(&token.serial).into_iter();
            marks.extend(rows.map(|row| row.mark));
        }
    }
    let mut changes = vec![Change::PutToken(token.clone())];
    changes.extend(others.iter().map(|(_, other)| Change::RemoveToken(other.id)));
    changes.extend(marks.iter().map(|mark| Change::RemoveUnassigned(*mark)));
    Ok(Activation {
        token,
        changes,
        others,
        forgotten: !marks.is_empty(),
    })
}

impl Activation {
    /// After it was done: whoever lost a token by it is told so in the record, and what hangs on them is void.
    pub(super) fn done(&self, door: &Door, target: &mut Target) {
        let mut words: Vec<String> = Vec::new();
        for (user, token) in &self.others {
            words.push(format!("#{} of {}", token.id.0, shown(&user.name)));
            let name = shown(&user.name);
            if !target.users.contains(&name) {
                target.users.push(name);
            }
            door.person_changed(user.id);
        }
        if self.forgotten {
            words.push("the vendor's seed that nobody had".to_owned());
        }
        if !words.is_empty() {
            let id = self.token.id.0;
            target.text = format!("{} #{id}{REMOVES}{}", target.text, words.join(" and "));
        }
    }
}

/// The numbers of the tokens that went with an activation, from the words of its record (R20).
pub(in crate::door) fn removed_by(target: &str) -> Vec<TokenId> {
    // A name holds no blank, so the first such word is the record's own.
    let Some((_, words)) = target.split_once(REMOVES) else {
        return Vec::new();
    };
    let number = |word: &str| word.strip_prefix('#')?.split_once(" of ")?.0.parse().ok();
    words.split(" and ").filter_map(number).map(TokenId).collect()
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

/// The tokens in the same place of the same hardware.
fn same(door: &Door, serial: &str, profile: Option<u8>) -> Result<Vec<(User, Token)>, Failure> {
    let mut found = door.store.with_serial(serial).map_err(store_failure)?;
    found.retain(|(_, token)| profile_of(token) == profile);
    Ok(found)
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

fn in_use(serial: &str, others: &[(User, Token)]) -> Failure {
    let counts = others.iter().filter(|(_, token)| token.status != TokenStatus::Pending);
    let whose: Vec<String> = counts
        .map(|(user, token)| format!("#{} of {}", token.id.0, shown(&user.name)))
        .collect();
    Failure::exists(format!(
        "{} is token {} and in use: if it is programmed anew, that one goes; say so with --replace, or take another token",
        shown(serial),
        whose.join(" and ")
    ))
}

/// What stands on a token, for a record: model and serial number.
pub(super) fn printed(token: &Token) -> String {
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
