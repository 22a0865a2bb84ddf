//! `explain`: a user's last attempts and present standing. In: a name as typed; out: plain words, newest attempt first. Reads the
//! journal backwards, a bounded stretch of it.

use std::sync::Arc;
use std::time::Instant;

use jiff::tz::TimeZone;

use super::{SCAN_MAX, fix, outcome, unreadable};
use crate::audit::explain::{BudgetStanding, DirectoryStanding, Lock, Surroundings, UserStatus, explain, similar};
use crate::audit::words::Teller;
use crate::audit::{Attempt, Outcome};
use crate::control::answers::{ExplainedAttempt, Explanation};
use crate::control::ops::Failure;
use crate::door::Door;
use crate::door::events::{Event, decode};
use crate::door::ops::{because, canonical};
use crate::factors::first::entra::{Off, Why};
use crate::guard::{BudgetRefusal, Station, Subject};
use crate::journal::Order;
use crate::names::CanonicalName;
use crate::pipeline::request::station_key;
use crate::store::records::{Timestamp, TokenStatus, UserId};

/// Attempts that `explain` tells.
const EXPLAINED: usize = 10;
/// Records of the same user around them, to tell who used a code before.
const AROUND: usize = 100;

impl Door {
    /// The last attempts of a user in plain words.
    pub async fn explain(self: &Arc<Self>, user: &str) -> Result<Explanation, Failure> {
        let (door, user) = (Arc::clone(self), user.to_owned());
        tokio::task::spawn_blocking(move || door.explain_now(&user))
            .await
            .map_err(unreadable)?
    }

    fn explain_now(&self, typed: &str) -> Result<Explanation, Failure> {
        let name = canonical(self, typed)?;
        let shown = crate::text::shown(name.as_str());
        let user = self.store.user_named(name.as_str()).map_err(unreadable)?;
        let id = user.as_ref().map(|user| user.id);
        let (mut attempts, mut dropped, mut oldest) = (Vec::new(), Vec::new(), self.since);
        for entry in self.logins.read(Order::Newest, 0, u64::MAX).take(SCAN_MAX) {
            let entry = entry.map_err(unreadable)?;
            oldest = entry.at;
            if attempts.len() >= AROUND {
                break;
            }
            if let Some(Event::Attempt(attempt)) = decode::<Event>(&entry.payload) {
                if (id.is_some() && attempt.user == id) || attempt.name == shown {
                    attempts.push(*attempt);
                } else if attempt.name.is_empty() && attempt.outcome == Outcome::Silent && dropped.len() < EXPLAINED {
                    dropped.push(*attempt);
                }
            }
        }
        let now = crate::clock::wall();
        let status = match &user {
            None => UserStatus::default(),
            Some(user) => {
                let tokens = self.store.tokens_of(user.id).map_err(unreadable)?;
                let count = |status| tokens.iter().filter(|token| token.status == status).count();
                let (directory, budget) = match user.local_password {
                    // R4: no directory is asked.
                    Some(_) => Default::default(),
                    None => self.directory_of(&name, user.id, now),
                };
                UserStatus {
                    known: true,
                    enabled: user.enabled,
                    exempt: user.exempt,
                    local_password: user.local_password.is_some(),
                    active_tokens: count(TokenStatus::Active),
                    pending_tokens: count(TokenStatus::Pending),
                    resync_tokens: count(TokenStatus::Resync),
                    bypass: self
                        .guards
                        .look(Subject::User(user.id), |guard| {
                            guard
                                .bypass
                                .as_ref()
                                .is_some_and(|bypass| !bypass.expired(Instant::now()))
                        })
                        .unwrap_or_default(),
                    locks: self.locks_of(user.id, &attempts, now),
                    budget,
                    directory,
                    silent: because(self),
                }
            }
        };
        let near = match user {
            Some(_) => Vec::new(),
            None => {
                let part: String = name.as_str().chars().take(2).collect();
                let (names, _) = self.store.search(&part, 0, 10_000);
                similar(name.as_str(), names.iter().map(|(_, name)| name.as_str()))
            }
        };
        let zone = TimeZone::system();
        let teller = Teller { zone: &zone, fix: &fix };
        let around = Surroundings {
            since: oldest,
            now,
            dropped: &dropped,
            similar: &near,
        };
        let told = explain(name.as_str(), &status, &attempts, &around, &teller);
        let mut summary = told.summary;
        if let Some(todo) = told.todo {
            summary = format!("{summary}: {todo}");
        }
        let attempts = told
            .attempts
            .into_iter()
            .take(EXPLAINED)
            .map(|attempt| ExplainedAttempt {
                at: attempt.at,
                outcome: outcome(attempt.outcome),
                reason: attempt.reason,
                what: attempt.words.what,
                todo: attempt.words.todo.unwrap_or_default(),
                count: attempt.count,
            })
            .collect();
        Ok(Explanation {
            user: told.user,
            summary,
            attempts,
        })
    }

    /// Whether a login of this user would ask a directory now, and whether its wrong passwords allow that: as `ready` looks at it.
    fn directory_of(&self, name: &CanonicalName, user: UserId, now: Timestamp) -> (DirectoryStanding, BudgetStanding) {
        let at = Instant::now();
        let domain = name.domain().unwrap_or_default();
        let shown = crate::text::shown(domain);
        let directory = match self.directories.get(domain) {
            Ok(directory) => directory,
            Err(Off::Unproven) => return (DirectoryStanding::Off { domain: shown }, BudgetStanding::Left),
            Err(Off::NoTenant) => {
                let set = self.store.tenants().iter().any(|tenant| tenant.domain == domain);
                let standing = match set {
                    true => DirectoryStanding::Broken { domain: shown },
                    false => DirectoryStanding::NoTenant { domain: shown },
                };
                return (standing, BudgetStanding::Left);
            }
        };
        let standing = match directory.breaker().lock().may(at, name.as_str()) {
            Ok(()) => DirectoryStanding::Fine,
            Err(paused) => {
                let until = now.plus(paused.until.saturating_duration_since(at));
                match paused.why {
                    Why::Loop => DirectoryStanding::UserPaused { until },
                    Why::Throttled | Why::Outage => DirectoryStanding::Paused { domain: shown, until },
                }
            }
        };
        let limit = directory.tenant().budget;
        let refused = self
            .guards
            .look(Subject::User(user), |guard| guard.budget.may(limit, false, now).err())
            .flatten();
        let budget = match refused {
            Some(BudgetRefusal::Spent {
                known_stations_may: true,
            }) => BudgetStanding::KnownStations,
            Some(BudgetRefusal::Spent { .. }) => BudgetStanding::Spent,
            Some(BudgetRefusal::SamePassword) | None => BudgetStanding::Left,
        };
        (standing, budget)
    }

    /// The locks that stand for a user, with the names of their places as far as the records tell them.
    fn locks_of(&self, user: UserId, attempts: &[Attempt], now: Timestamp) -> Vec<Lock> {
        self.guards
            .look(Subject::User(user), |guard| {
                let mut locks: Vec<Lock> = guard
                    .lockouts
                    .places(now)
                    .into_iter()
                    .filter_map(|(station, _, until)| {
                        let until = until?;
                        Some(match station {
                            Station::Calling(_) => Lock::Station {
                                station: self.station_name(station, attempts),
                                until,
                            },
                            Station::Client(_) => Lock::Client {
                                client: self.station_name(station, attempts),
                                until,
                            },
                        })
                    })
                    .collect();
                if guard.lockouts.is_user_locked() {
                    locks.push(Lock::User { until: None });
                }
                locks
            })
            .unwrap_or_default()
    }

    /// A lockout's place in words: guards keep hashes of calling stations, the records their text.
    pub(in crate::door) fn station_name(&self, station: Station, attempts: &[Attempt]) -> String {
        match station {
            Station::Client(id) => {
                let clients = self.store.clients();
                clients
                    .iter()
                    .find(|client| client.id == id)
                    .map_or_else(|| "a removed client".to_owned(), |c| c.name.clone())
            }
            Station::Calling(key) => attempts
                .iter()
                .find(|attempt| !attempt.station.is_empty() && station_key(&attempt.station, &self.sealer) == key)
                .map_or_else(|| "an earlier station".to_owned(), |attempt| attempt.station.clone()),
        }
    }
}
