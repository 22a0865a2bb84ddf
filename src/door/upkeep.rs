//! What the box does by itself: looks at the clock each second, writes counted refusals, folds what was learned into the store, makes
//! the daily copy, prunes the journals, closes. Nothing on the packet's path waits for any of it.

use std::sync::Arc;
use std::time::Duration;

use super::Door;
use super::alarms::Grave;
use super::events::{Event, encode};
use super::start::{LIVE_GUARDS, copied_to};
use crate::factors::first::entra::{Answer, Directory, Verdict};
use crate::store::records::Timestamp;
use crate::store::{CopyError, Live, Store, StoreError};

/// Learned things are folded into the store this often; a restart reads the journal from there.
pub const FOLD_EVERY: Duration = Duration::from_secs(60);
/// A sealed copy of the store is made this often.
pub const COPY_EVERY: Duration = Duration::from_secs(24 * 3600);

impl Door {
    /// Once a second, until the task is dropped.
    pub async fn upkeep(self: Arc<Self>) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut folded = tokio::time::Instant::now();
        let mut copied: Option<tokio::time::Instant> = None;
        loop {
            second.tick().await;
            let door = Arc::clone(&self);
            let (fold, copy) = (
                folded.elapsed() >= FOLD_EVERY,
                copied.is_none_or(|at| at.elapsed() >= COPY_EVERY) && folded.elapsed() >= FOLD_EVERY,
            );
            if fold {
                folded = tokio::time::Instant::now();
            }
            if copy {
                copied = Some(folded);
            }
            let work = tokio::task::spawn_blocking(move || door.every_second(fold, copy));
            if let Err(error) = work.await {
                tracing::error!(%error, "upkeep stopped short");
            }
        }
    }

    fn every_second(&self, fold: bool, copy: bool) {
        let now = crate::clock::wall();
        self.last_hour.tick(&self.counters, self.begun.elapsed());
        if let Err(error) = self.clock.tick() {
            self.raise(
                "clock-file",
                Grave::Look,
                format!("The newest time cannot be kept: {error}"),
                "Make room on the disk",
                now,
            );
        } else {
            self.alarms.clear("clock-file");
        }
        match self.clock.report() {
            report if report.trusted => self.alarms.clear("clock"),
            report => {
                let todo = report
                    .todo
                    .unwrap_or_else(|| "Look with `postern time show`".to_owned());
                self.raise("clock", Grave::Nobody, report.words, &todo, now);
            }
        }
        if let Err(error) = self.raise_steps() {
            tracing::error!(%error, "last steps could not be raised");
        }
        self.tell_waiting();
        for attempt in self.refusals.due(now, false) {
            self.logins
                .append(now, encode(&Event::Attempt(Box::new(attempt))), None);
        }
        self.look_at_state();
        for act in self.staff.alike.due(now, false) {
            self.note_act(act);
        }
        let before = self.last_second.swap(now.0, std::sync::atomic::Ordering::AcqRel);
        if now.0.saturating_add(30_000) < before {
            self.guards.clamp(now);
        }
        if fold {
            self.count_restrictions();
        }
        if fold && let Err(error) = self.fold() {
            self.raise(
                "store",
                Grave::Some,
                format!("The store cannot be written: {error}"),
                "Make room on the disk",
                now,
            );
        } else if fold {
            self.alarms.clear("store");
        }
        let slowed: Vec<String> = self
            .store
            .clients()
            .iter()
            .filter(|client| !self.watch.slowed(client.id, now).is_zero())
            .map(|client| format!("many-wrong-users-{}", client.name))
            .collect();
        self.alarms.clear_others("many-wrong-users-", &slowed);
        if self.store.failed() {
            let what = "The store could not be written and takes no changes any more; logins go on".to_owned();
            self.raise(
                "store-failed",
                Grave::Some,
                what,
                "Make room on the disk, then restart posternd",
                now,
            );
        }
        if fold {
            self.prune(now);
        }
        if copy {
            if let Err(error) = crate::backup::swap::forget_before(&self.state_dir, false) {
                tracing::warn!(%error, "what was there before the last restore could not be removed");
            }
            self.copy(now);
        }
    }

    /// Time that ran is taken from what recovery forbids, and from how long everybody is told of it.
    fn count_restrictions(&self) {
        match self.count_down(std::time::Instant::now()) {
            Ok(Some(_)) => {}
            Ok(None) => self.alarms.clear(super::ops::RECOVERY_ALARM),
            Err(error) => tracing::warn!(%error, "what recovery forbids is not counted down"),
        }
    }

    /// A sealed copy of the store that says how far the operators' journal went: what they did later is told apart at a restore (R20).
    pub(in crate::door) fn copy_store(&self, now: Timestamp) -> Result<std::path::PathBuf, CopyError> {
        self.copied(|store| store.copy_daily(&self.state_dir, now))
    }

    /// As [`Door::copy_store`], wherever `copy` puts it.
    pub(in crate::door) fn copied<T>(&self, copy: impl FnOnce(&Store) -> Result<T, CopyError>) -> Result<T, CopyError> {
        let _alone = self.copying.lock();
        // Each change is in the store before its record is in the journal.
        let newest = *self.operators.newest().borrow();
        self.store.live_put(vec![copied_to(newest)])?;
        self.fold()?;
        let copied = copy(&self.store);
        // It is true of the copy only.
        self.store.live_put(vec![copied_to(u64::MAX)])?;
        copied
    }

    fn copy(&self, now: Timestamp) {
        match self.copy_store(now) {
            Ok(path) => {
                tracing::info!(path = %path.display(), "sealed copy of the store made");
                self.alarms.clear("copy");
            }
            Err(error) => {
                let what = format!("The daily copy of the store could not be made: {error}");
                self.raise("copy", Grave::Look, what, "Make room on the disk", now);
            }
        }
    }

    /// By size too, since a flood of refusals fills a disk faster than a day.
    fn prune(&self, now: Timestamp) {
        for journal in [&self.logins, &self.operators] {
            // What was not folded yet is not pruned.
            let floor = if std::ptr::eq(journal, &self.logins) {
                self.store.folded()
            } else {
                u64::MAX
            };
            if let Err(error) = journal.prune(now, floor) {
                tracing::warn!(%error, "old journal segments could not be removed");
            }
        }
    }

    /// Folds what was learned (last steps, lockouts, budgets) into the store, with the journal's position.
    pub(super) fn fold(&self) -> Result<(), StoreError> {
        let _alone = self.folding.lock();
        // Read first: what is learned from here on is replayed once more at the next start, which is told from what was folded by its time.
        let position = self.logins.newest().borrow().saturating_add(1);
        let blobs = self
            .guards
            .take_dirty()
            .into_iter()
            .filter_map(|(user, folded)| {
                let value = postcard::to_allocvec(&folded).ok()?;
                Some(Live {
                    kind: LIVE_GUARDS,
                    key: user.0.to_be_bytes().to_vec(),
                    value: Some(value),
                })
            })
            .collect();
        self.store.live_put(blobs)?;
        self.store.fold(position)
    }

    /// Waits until no directory and no hash is being asked, at most so long: those logins are still answered.
    pub fn settle(&self, at_most: Duration) {
        let until = std::time::Instant::now() + at_most;
        while self.asking.load(std::sync::atomic::Ordering::Acquire) > 0 && std::time::Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The clean end: counts are written, everything learned is folded, the journals are closed.
    pub fn close(&self) {
        let now = crate::clock::wall();
        for attempt in self.refusals.due(now, true) {
            self.logins
                .append(now, encode(&Event::Attempt(Box::new(attempt))), None);
        }
        for act in self.staff.alike.due(now, true) {
            self.note_act(act);
        }
        if let Err(error) = self.takes_records() {
            tracing::warn!(%error, "what operators did is not all on record");
        }
        self.system("stopped", "posternd stopped".to_owned());
        self.logins.close();
        self.operators.close();
        self.count_restrictions();
        if let Err(error) = self.fold() {
            tracing::warn!(%error, "not everything was folded; the journal has it");
        }
        if let Err(error) = self.clock.close() {
            tracing::warn!(%error, "the newest time was not kept");
        }
    }

    /// Looks at a directory's answer for what concerns everybody.
    pub(super) fn look_at(&self, directory: &Directory, answer: &Answer) {
        let (now, domain) = (crate::clock::wall(), &directory.tenant().domain);
        if self
            .directories
            .unproven(domain)
            .is_none_or(|d| !d.same_settings(directory.tenant()))
        {
            // Removed or changed while it was asked.
            return;
        }
        for code in &answer.unlisted {
            tracing::warn!(
                code,
                domain,
                "the directory answered a code that the table does not know"
            );
        }
        let setup = format!("entra-configuration-{domain}");
        match answer.verdict {
            Verdict::Configuration => {
                let code = answer.code.map(|code| format!("AADSTS{code}")).unwrap_or_default();
                let row = answer.code.and_then(crate::factors::first::entra::table::row);
                let meaning = row.map(|row| row.meaning).unwrap_or("a mistake in the set-up");
                let fix = row.and_then(|row| row.fix).unwrap_or("Look at the app registration");
                let what = format!("Entra refuses every login of {domain}: {code}, {meaning}");
                self.raise(&setup, Grave::Nobody, what, fix, now);
            }
            Verdict::Unavailable => {}
            _ => self.alarms.clear(&setup),
        }
        let flagged = format!("entra-address-{domain}");
        if directory.breaker().lock().address_flagged(std::time::Instant::now()) {
            let what = format!(
                "Several users of {domain} are locked at Entra (50053): this box's address may be flagged there"
            );
            let todo = "Look at the users' sign-in logs; exclude the box's address from the policy, or make it a trusted location";
            self.raise(&flagged, Grave::Some, what, todo, now);
        } else {
            self.alarms.clear(&flagged);
        }
        let outage = format!("entra-outage-{domain}");
        let paused = directory.breaker().lock().paused(std::time::Instant::now());
        match paused {
            Some(paused) => {
                let what = format!("Entra is not asked for {domain} at the moment: {}", paused.why.words());
                self.raise(
                    &outage,
                    Grave::Nobody,
                    what,
                    "Check the box's network and Microsoft's service health",
                    now,
                );
            }
            None if answer.verdict != Verdict::Unavailable => self.alarms.clear(&outage),
            None => {}
        }
    }
}
