//! Records as earlier schemas wrote them. In: plain bytes of an older version; out: the record as it is now. Nothing here is written any
//! more, and nothing here is changed: what lies on a disk somewhere stays as it was.

use serde::{Deserialize, Serialize};

use super::codec::{Person, exactly};
use super::open::Counters;
use super::records::{
    SeedMark, SeedState, Settings, Timestamp, Token, TokenId, TokenSource, TokenStatus, TotpParameters, User, UserId,
};
use crate::secret::Secret;

/// A user's record of schema 1 and 2: every token was moved by the time, and nothing said where its seed came from.
#[derive(Serialize, Deserialize)]
struct Person1 {
    user: User,
    tokens: Vec<Token1>,
}

#[derive(Serialize, Deserialize)]
struct Token1 {
    id: TokenId,
    user: UserId,
    parameters: TotpParameters,
    seed: Secret,
    mark: SeedMark,
    status: TokenStatus,
    serial: String,
    model: String,
    created: Timestamp,
}

/// Settings of schema 1 and 2.
#[derive(Serialize, Deserialize)]
struct Settings1 {
    issuer: String,
}

/// What was remembered of a seed in schema 1 and 2, where the time moved every token.
pub(super) fn seed(plain: &[u8]) -> Option<SeedState> {
    let (token, user, last_step, drift) = exactly(plain)?;
    Some(SeedState {
        token,
        user,
        last_step,
        drift,
        ..SeedState::default()
    })
}

/// A user's record of version 1.
pub(super) fn person(plain: &[u8]) -> Option<Person> {
    let Person1 { user, tokens } = exactly(plain)?;
    let tokens = tokens.into_iter().map(token).collect();
    Some(Person { user, tokens })
}

fn token(old: Token1) -> Token {
    Token {
        id: old.id,
        user: old.user,
        parameters: old.parameters.into(),
        seed: old.seed,
        mark: old.mark,
        status: old.status,
        // Serial numbers came from token files alone.
        source: match old.serial.is_empty() {
            true => TokenSource::App,
            false => TokenSource::File,
        },
        serial: old.serial,
        model: old.model,
        created: old.created,
    }
}

/// The settings' record of version 1.
pub(super) fn settings(plain: &[u8]) -> Option<Settings> {
    let Settings1 { issuer } = exactly(plain)?;
    Some(Settings {
        issuer,
        molto_key: None,
    })
}

/// What schema 2 counted, before there were tokens of nobody, and schema 1, before there were operators.
pub(super) fn counters(bytes: &[u8]) -> Option<Counters> {
    type Counters1 = (u64, u64, u64, u64, u64, u64, u64, u64);
    type Counters2 = (Counters1, u64, u64);
    let (one, operator, operators) = exactly::<Counters2>(bytes).or_else(|| Some((exactly(bytes)?, 0, 0)))?;
    let (user, token, client, users, tokens, clients, tenants, changes) = one;
    Some(Counters {
        user,
        token,
        client,
        users,
        tokens,
        clients,
        tenants,
        changes,
        operator,
        operators,
        unassigned: 0,
    })
}
