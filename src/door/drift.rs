//! The clocks of hardware tokens: what the journal's logins tell of them, worked out in the background. In: the journal and the tokens
//! with a serial number; out: the tokens whose codes will be refused soon, the soonest first, and one token's logins. It runs
//! beside the logins and for a quarter of one core at most: after each short stretch it rests three times as long as that took.

use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Door;
use super::alarms::Grave;
use super::events::{Event, decode};
use crate::factors::second::drift::{Estimate, HORIZON, Leaving, Trail};
use crate::journal::{JournalError, Order, OwnedEntry};
use crate::store::StoreError;
use crate::store::records::{OtpParameters, SeedMark, Timestamp, Token, TokenId, TokenStatus, TotpParameters, UserId};

/// The first look comes so long after the start, when the logins that waited for it are through.
const FIRST: Duration = Duration::from_secs(60);
/// Then one a day: no clock goes further wrong in a day than a forecast is off.
const EVERY: Duration = Duration::from_secs(86_400);
/// Again, where the clock is not trusted yet or the journal could not be read.
const AGAIN: Duration = Duration::from_secs(60);
/// Tokens in the list.
pub const LISTED: usize = 500;
/// Within this time somebody should act: an alarm stands.
const SOON: Duration = Duration::from_secs(14 * 86_400);
/// Work without a rest: journal entries, tokens.
const STRETCH: usize = 2_000;
const PAGE: usize = 1_000;
/// Rest after a stretch, in times of what it took.
const REST: u32 = 3;
/// Logins of one token that are looked at.
const POINTS_MAX: usize = 20_000;
/// A record is at most so much older than the token: clocks are set.
const SLACK: Duration = Duration::from_secs(86_400);

/// A token that leaves its window.
#[derive(Clone, Copy, Debug)]
pub struct Leaver {
    /// Which.
    pub token: TokenId,
    /// Whose.
    pub user: UserId,
    /// What its logins tell.
    pub estimate: Estimate,
    /// When, and why.
    pub leaving: Leaving,
}

/// What was worked out last.
#[derive(Clone, Debug, Default)]
pub struct Clocks {
    /// When; none: not yet.
    pub as_of: Option<Timestamp>,
    /// The soonest first, [`LISTED`] at most.
    pub soonest: Vec<Leaver>,
    /// How many there are.
    pub total: u64,
}

/// Shared with those who ask.
#[derive(Default)]
pub struct Kept(Mutex<Clocks>);

impl Kept {
    /// As it is now.
    pub fn list(&self) -> Clocks {
        self.0.lock().clone()
    }

    /// The token's clock was set, or the token is gone: the list says nothing of it any more.
    pub fn forget(&self, token: TokenId) {
        let mut clocks = self.0.lock();
        let before = clocks.soonest.len();
        clocks.soonest.retain(|one| one.token != token);
        clocks.total = clocks.total.saturating_sub((before - clocks.soonest.len()) as u64);
    }
}

/// What an entry of the journal says of a token's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// A code of this step came then.
    Code(Timestamp, u64),
    /// It was set.
    Set,
}

fn said(entry: &OwnedEntry) -> Option<(SeedMark, Said)> {
    match decode::<Event>(&entry.payload)? {
        Event::Attempt(attempt) => {
            let spent = attempt.spent?;
            Some((spent.mark, Said::Code(attempt.at, spent.step)))
        }
        Event::Spent(_, spent) => Some((spent.mark, Said::Code(entry.at, spent.step))),
        Event::ClockSet(_, mark) => Some((mark, Said::Set)),
        _ => None,
    }
}

/// A token that is looked at.
struct Watched {
    token: TokenId,
    user: UserId,
    trail: Trail,
}

type Watch = HashMap<SeedMark, Watched>;
type Entries = Box<dyn Iterator<Item = Result<OwnedEntry, JournalError>> + Send>;

/// Why a look was not finished.
#[derive(Debug, thiserror::Error)]
pub(in crate::door) enum Stopped {
    #[error("the clock is not trusted")]
    Clock,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("it failed")]
    Failed,
}

impl Door {
    /// Looks a minute after the start and then daily, until the task is dropped.
    pub async fn watch_clocks(self: Arc<Self>) {
        tokio::time::sleep(FIRST).await;
        loop {
            let begun = Instant::now();
            let next = match Arc::clone(&self).look_at_clocks().await {
                Ok(total) => {
                    let took_ms = begun.elapsed().as_millis();
                    tracing::info!(total, took_ms, "looked at the clocks of hardware tokens");
                    EVERY
                }
                Err(Stopped::Clock) => AGAIN,
                Err(error) => {
                    tracing::warn!(%error, "the clocks of hardware tokens could not be looked at");
                    AGAIN
                }
            };
            tokio::time::sleep(next).await;
        }
    }

    /// One look, in stretches with rests between; how many tokens leave their window.
    pub(in crate::door) async fn look_at_clocks(self: Arc<Self>) -> Result<u64, Stopped> {
        let now = self.clock.now().ok_or(Stopped::Clock)?;
        let mut watch = Watch::new();
        for page in 0.. {
            let (door, mut taken) = (Arc::clone(&self), std::mem::take(&mut watch));
            let (found, more) = rested(move || {
                let more = door.watch_page(page * PAGE, &mut taken)?;
                Ok::<_, Stopped>((taken, more))
            })
            .await?;
            watch = found;
            if !more {
                break;
            }
        }
        watch.shrink_to_fit();
        if !watch.is_empty() {
            watch = self.read_trails(watch).await?;
        }
        let door = Arc::clone(&self);
        let clocks = rested(move || door.leavers(&watch, now)).await?;
        let total = clocks.total;
        self.tell_clocks(&clocks, now);
        *self.clocks.0.lock() = clocks;
        Ok(total)
    }

    /// Takes a page of the tokens with a serial number; whether there are more.
    fn watch_page(&self, offset: usize, watch: &mut Watch) -> Result<bool, Stopped> {
        let (page, total) = self.store.hardware("", false, offset, PAGE)?;
        for (_, token) in page {
            if let Some(parameters) = ticking(&token) {
                let watched = Watched {
                    token: token.id,
                    user: token.user,
                    trail: Trail::new(parameters.period),
                };
                watch.insert(token.mark, watched);
            }
        }
        Ok(offset + PAGE < total)
    }

    /// Reads the journal from its beginning.
    async fn read_trails(self: &Arc<Self>, mut watch: Watch) -> Result<Watch, Stopped> {
        let mut entries: Entries = Box::new(self.logins.read(Order::Oldest, 0, u64::MAX));
        loop {
            let (back, rest, ended) = rested(move || {
                let ended = read_some(&mut entries, &mut watch)?;
                Ok::<_, Stopped>((watch, entries, ended))
            })
            .await?;
            if ended {
                return Ok(back);
            }
            (watch, entries) = (back, rest);
        }
    }

    /// The tokens that leave their window within [`HORIZON`], or left it no longer ago: what was put away a year ago is nobody's sorrow.
    fn leavers(&self, watch: &Watch, now: Timestamp) -> Result<Clocks, Stopped> {
        let (mut soonest, mut total) = (BinaryHeap::new(), 0);
        let mut found = HashMap::new();
        for (mark, watched) in watch {
            let Some((estimate, leaving)) = self.forecast(*mark, &watched.trail, now) else {
                continue;
            };
            if leaving.at > now.plus(HORIZON) || now.since(leaving.at) > HORIZON {
                continue;
            }
            let user = self.store.user(watched.user)?;
            if !user.is_some_and(|user| user.enabled) {
                continue;
            }
            total += 1;
            soonest.push((leaving.at, watched.token));
            found.insert(
                watched.token,
                Leaver {
                    token: watched.token,
                    user: watched.user,
                    estimate,
                    leaving,
                },
            );
            if soonest.len() > LISTED
                && let Some((_, last)) = soonest.pop()
            {
                found.remove(&last);
            }
        }
        let soonest = soonest.into_sorted_vec();
        Ok(Clocks {
            as_of: Some(now),
            soonest: soonest.iter().filter_map(|(_, token)| found.remove(token)).collect(),
            total,
        })
    }

    /// What a token's logins tell, and when it leaves its window.
    pub(in crate::door) fn forecast(
        &self,
        mark: SeedMark,
        trail: &Trail,
        now: Timestamp,
    ) -> Option<(Estimate, Leaving)> {
        let estimate = trail.estimate()?;
        let learned = self.store.seed(mark).map(|seed| seed.drift).unwrap_or_default();
        Some((estimate, estimate.leaves(learned, now)?))
    }

    fn tell_clocks(&self, clocks: &Clocks, now: Timestamp) {
        let is_soon = |one: &&Leaver| one.leaving.at >= now && one.leaving.at <= now.plus(SOON);
        match clocks.soonest.iter().filter(is_soon).count() {
            0 => self.alarms.clear("token-clocks"),
            count => {
                let tokens = if count == 1 {
                    "token's clock leaves"
                } else {
                    "tokens' clocks leave"
                };
                let what = format!("{count} hardware {tokens} the window within two weeks: codes will be refused");
                let todo = "Look at `postern token drift`, which says what to do about each";
                self.raise("token-clocks", Grave::Look, what, todo, now);
            }
        }
    }

    /// The logins of one token since its clock was set, oldest first, and those before; blocks for as long as its journal takes.
    pub(in crate::door) fn trail_of(&self, token: &Token, p: &TotpParameters) -> Result<Course, JournalError> {
        let mut points = Vec::new();
        let mut since_set = None;
        for entry in self.logins.read(Order::Newest, 0, u64::MAX) {
            let entry = entry?;
            if entry.at.plus(SLACK) < token.created || points.len() >= POINTS_MAX {
                break;
            }
            match said(&entry) {
                Some((mark, Said::Code(at, step))) if mark == token.mark => points.push((at, step)),
                Some((mark, Said::Set)) if mark == token.mark && since_set.is_none() => since_set = Some(points.len()),
                _ => {}
            }
        }
        let mut trail = Trail::new(p.period);
        let own = since_set.unwrap_or(points.len());
        for (at, step) in points.iter().take(own).rev() {
            trail.login(*at, *step);
        }
        points.reverse();
        Ok(Course { trail, points })
    }
}

/// One token's logins.
pub(in crate::door) struct Course {
    /// What they tell since its clock was set.
    pub(in crate::door) trail: Trail,
    /// Time and step of each, oldest first.
    pub(in crate::door) points: Vec<(Timestamp, u64)>,
}

/// How a token that the time moves, and that counts, makes its codes.
fn ticking(token: &Token) -> Option<TotpParameters> {
    match token.parameters {
        OtpParameters::Totp(parameters) if token.status == TokenStatus::Active => Some(parameters),
        _ => None,
    }
}

/// A stretch of the journal; whether it was the last.
fn read_some(entries: &mut Entries, watch: &mut Watch) -> Result<bool, JournalError> {
    for _ in 0..STRETCH {
        let Some(entry) = entries.next().transpose()? else {
            return Ok(true);
        };
        let Some((mark, said)) = said(&entry) else { continue };
        let Some(watched) = watch.get_mut(&mark) else { continue };
        match said {
            Said::Code(at, step) => watched.trail.login(at, step),
            Said::Set => watched.trail.reset(),
        }
    }
    Ok(false)
}

/// Works on a thread that may block, then rests.
async fn rested<T: Send + 'static>(work: impl FnOnce() -> Result<T, Stopped> + Send + 'static) -> Result<T, Stopped> {
    let begun = Instant::now();
    let done = tokio::task::spawn_blocking(work).await;
    tokio::time::sleep(begun.elapsed() * REST).await;
    done.unwrap_or(Err(Stopped::Failed))
}
