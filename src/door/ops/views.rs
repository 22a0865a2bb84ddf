//! Users as operators see them. In: the store and the guards; out: rows, and one user in full with locks, budget and bypass code
//! (never the code itself). Changes nothing.

use std::time::{Duration, Instant};

use unicode_normalization::UnicodeNormalization;

use super::common::{Target, find, store_failure};
use super::tokens;
use crate::control::answers::{BudgetInfo, LockInfo, UserInfo, UserList, UserRow};
use crate::control::asks::{USERS_LIMIT_MAX, UserSearch};
use crate::control::ops::{Answer, Failure};
use crate::door::Door;
use crate::factors::second::bypass::{self, Bypass};
use crate::guard::{Lock, Lockouts, STATION_LIMIT, Station, Subject};
use crate::store::records::{Timestamp, Token, TokenStatus, User};

/// `user list`.
pub(super) fn list(door: &Door, search: &UserSearch) -> Result<Answer, Failure> {
    let part: String = search.search.nfkc().collect::<String>().to_lowercase();
    let limit = search.limit.min(USERS_LIMIT_MAX) as usize;
    let offset = search.offset as usize;
    let (page, total) = match search.without_token {
        true => door.store.search_without_token(&part, offset, limit),
        false => door.store.search(&part, offset, limit),
    };
    let now = crate::clock::wall();
    let mut users = Vec::with_capacity(page.len());
    for (id, _) in page {
        // Gone between the two looks: no row.
        if let Some(user) = door.store.user(id).map_err(store_failure)? {
            let tokens = door.store.tokens_of(id).map_err(store_failure)?;
            users.push(row(door, &user, &tokens, now));
        }
    }
    Ok(Answer::Users(UserList {
        users,
        total: total as u64,
    }))
}

/// `user show`.
pub(super) fn show(door: &Door, name: &str) -> Result<Answer, Failure> {
    let user = find(door, name, &mut Target::default())?;
    info(door, &user).map(|info| Answer::User(Box::new(info)))
}

fn row(door: &Door, user: &User, tokens: &[Token], now: Timestamp) -> UserRow {
    let count =
        |status| u32::try_from(tokens.iter().filter(|token| token.status == status).count()).unwrap_or(u32::MAX);
    let locked = door.guards.look(Subject::User(user.id), |guard| {
        guard.lockouts.is_user_locked() || !guard.lockouts.station_locks(now).is_empty()
    });
    UserRow {
        name: user.name.clone(),
        enabled: user.enabled,
        exempt: user.exempt,
        local_password: user.local_password.is_some(),
        active_tokens: count(TokenStatus::Active),
        pending_tokens: count(TokenStatus::Pending),
        resync_tokens: count(TokenStatus::Resync),
        locked: locked.unwrap_or(false),
    }
}

/// One user in full.
pub(super) fn info(door: &Door, user: &User) -> Result<UserInfo, Failure> {
    let tokens = door.store.tokens_of(user.id).map_err(store_failure)?;
    let (now, at) = (crate::clock::wall(), Instant::now());
    let seen = door.guards.look(Subject::User(user.id), |guard| {
        let bypass = guard.bypass.as_ref().filter(|bypass| !bypass.expired(at));
        (
            locks(door, &guard.lockouts, now),
            guard.budget.used(now),
            bypass.map(|bypass| now.plus(left(bypass, at))),
        )
    });
    let (locks, used, bypass_until) = seen.unwrap_or_default();
    Ok(UserInfo {
        row: row(door, user, &tokens, now),
        created: user.created,
        tokens: tokens
            .iter()
            .map(|token| tokens::info(door, &user.name, token))
            .collect(),
        locks,
        budget: budget(door, user, used),
        bypass_until,
    })
}

/// A user with a local password never asks a directory (R4), and so has no budget there.
fn budget(door: &Door, user: &User, used: usize) -> Option<BudgetInfo> {
    let (_, domain) = user.name.split_once('@').filter(|_| user.local_password.is_none())?;
    let tenants = door.store.tenants();
    let tenant = tenants.iter().find(|tenant| tenant.domain == domain)?;
    Some(BudgetInfo {
        spent: u8::try_from(used).unwrap_or(u8::MAX),
        of: tenant.budget,
    })
}

/// The locks that stand (R17). Calling stations are known by their hashes alone; clients by name.
fn locks(door: &Door, lockouts: &Lockouts, now: Timestamp) -> Vec<LockInfo> {
    let mut locks = Vec::new();
    if lockouts.is_user_locked() {
        locks.push(LockInfo {
            place: "at every new station".to_owned(),
            wrong: u32::from(lockouts.wrong()),
            until: None,
        });
    }
    let lock = |place: String, until| LockInfo {
        place,
        wrong: u32::from(STATION_LIMIT),
        until: Some(until),
    };
    let mut ends = lockouts.station_locks(now);
    for client in door.store.clients().iter() {
        if let Some(Lock::Client { until }) = lockouts.locked(Station::Client(client.id), now) {
            locks.push(lock(format!("at client {}", client.name), until));
            if let Some(at) = ends.iter().position(|end| *end == until) {
                ends.swap_remove(at);
            }
        }
    }
    ends.sort_unstable();
    locks.extend(
        ends.into_iter()
            .map(|until| lock("at a calling station".to_owned(), until)),
    );
    locks
}

/// How long a bypass code is still good, in whole seconds: it tells only whether its time is over.
fn left(bypass: &Bypass, at: Instant) -> Duration {
    let most = bypass::MAX.as_secs();
    let seconds = (0..most).find(|seconds| bypass.expired(at + Duration::from_secs(*seconds)));
    Duration::from_secs(seconds.unwrap_or(most))
}
