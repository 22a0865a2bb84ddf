//! Logins whose password is being checked: at a directory, or against a hash, off the packet's threads. In: a question of the
//! pipeline; out: its answer to the pipeline, and what was changed meanwhile held against the verdict.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Door;
use super::flow::Again;
use super::reply::Waiter;
use crate::audit::Reason;
use crate::pipeline::Ended;
use crate::pipeline::again::Basis;
use crate::pipeline::decide::Decision;
use crate::pipeline::password::{Answered, Asked, Question};
use crate::pipeline::user::tenant_basis;

/// One login whose password is being checked: the end of the box waits for it, for a while.
struct Asking(Arc<Door>);

impl Asking {
    fn one(door: &Arc<Door>) -> Self {
        door.asking.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(door))
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.asking.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Door {
    /// Asks the directory, or checks a hash, off the packet's threads.
    pub(super) fn ask(self: &Arc<Self>, asked: Box<Asked>, waiter: Waiter, again: Again, basis: Basis) {
        let door = Arc::clone(self);
        let asking = Asking::one(self);
        self.runtime.spawn(async move {
            let _asking = asking;
            let mut said = None;
            let tenant = asked.domain();
            let answered = match asked.question() {
                Some(Question::Directory {
                    directory,
                    upn,
                    password,
                    deadline,
                }) => {
                    door.counters.directory_asked.add();
                    let answer = directory.ask(&upn, &password, deadline).await;
                    said = Some((directory, answer.clone()));
                    Answered::Directory(Box::new(answer))
                }
                Some(Question::Hash { hash, password }) => door.hash(hash, password).await,
                None => Answered::Busy,
            };
            let ended = door.with_tools(|tools| asked.answered(answered, tools));
            if let Some((directory, answer)) = said {
                // After the breaker has heard of it.
                door.look_at(&directory, &answer);
            }
            let ended = door.still_welcome(ended, &basis, tenant.as_deref());
            door.ended(*ended, waiter, again);
        });
    }

    /// Asking takes seconds: what was changed meanwhile (user, tokens, client, tenant) holds for this login too.
    fn still_welcome(&self, mut ended: Box<Ended>, basis: &Basis, domain: Option<&str>) -> Box<Ended> {
        if !matches!(ended.decision, Decision::Accept(_) | Decision::Challenge { .. }) {
            return ended;
        }
        let clients = self.store.clients();
        let client = clients.iter().find(|client| client.id == ended.trace.client.record.id);
        let now = Basis {
            user: ended
                .trace
                .user
                .and_then(|user| self.store.generation(user).map(|generation| (user.0, generation))),
            client: client.map_or(0, |client| client.generation),
            tenant: tenant_basis(&self.store, domain.unwrap_or_default()),
        };
        if now != *basis {
            if let Decision::Challenge { state, .. } = &ended.decision {
                self.challenges.take(state);
            }
            ended.decision = Decision::Reject(Reason::ChangedMeanwhile);
        }
        ended
    }

    /// Checks an argon2id hash; as many at once as there are cores.
    async fn hash(&self, hash: crate::secret::Secret, password: crate::secret::Secret) -> Answered {
        let Ok(_waiting) = Arc::clone(&self.hashes_waiting).try_acquire_owned() else {
            return Answered::Busy;
        };
        let Ok(permit) = Arc::clone(&self.hashing).acquire_owned().await else {
            return Answered::Busy;
        };
        let checked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            crate::factors::first::local::verify(&hash, &password)
        });
        checked.await.map_or(Answered::Busy, Answered::Hash)
    }
}
