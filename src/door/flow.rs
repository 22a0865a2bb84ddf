//! A datagram's way through the box: the stages of `pipeline` in their order, with the waiting between them. In: bytes and where they
//! came from; out: a reply in the outbox after its record is on the disk, or silence. It decides nothing itself.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::alarms::Grave;
use super::events::{Accounting, Event};
use super::reply::{Kind, Origin, Outgoing, Waiter};
use super::{Door, random16};
use crate::audit::{Attempt, Outcome, Reason};
use crate::pipeline::Ended;
use crate::pipeline::again::{ACCEPT_REPEATS, Basis, Kept, Met, Place};
use crate::pipeline::code::Tools;
use crate::pipeline::decide::Decision;
use crate::pipeline::duplicates::{Key, Seen};
use crate::pipeline::password::Next;
use crate::pipeline::receive::{Arrival, Dropped, Service, Verified, shape};
use crate::pipeline::request::{first_u64, login};
use crate::radius::kinds;
use crate::radius::packet::Packet;
use crate::radius::reply::{ReplyTo, eap_identifier};
use crate::text::shown_bytes;

/// A login's place in the memory of logins (R9), if it has one.
pub(super) type Again = Option<(Place, Basis)>;

impl Door {
    /// Takes a datagram. Never waits and never fails.
    pub fn handle(self: &Arc<Self>, datagram: &[u8], arrival: &Arrival) {
        self.counters.received.add();
        let clients = self.clients();
        let verified = shape(datagram)
            .and_then(|shaped| shaped.client(&clients, arrival.source))
            .and_then(|from| from.verify(arrival.service));
        match verified {
            Ok(verified) => self.verified(&verified, arrival),
            Err(dropped) => self.dropped(dropped, arrival),
        }
    }

    fn verified(self: &Arc<Self>, verified: &Verified<'_>, arrival: &Arrival) {
        let (packet, client) = (verified.packet(), verified.client());
        if client.saw_packet(arrival.wall) {
            self.alarms.clear(&format!("client-{}", client.record.name));
        }
        let origin = Origin {
            source: arrival.source,
            socket: arrival.socket,
            local: arrival.local,
        };
        let key = Key {
            source: arrival.source,
            socket: arrival.socket,
            local: arrival.local,
            identifier: packet.identifier(),
        };
        let entry = match self.duplicates.meet(key, digest(packet.bytes()), arrival.at) {
            Seen::Fresh(entry) => entry,
            Seen::InFlight => return self.counters.duplicates.add(),
            Seen::Answered(bytes) => {
                self.counters.duplicates.add();
                let _ = self.outbox.send(Outgoing::Again(bytes, origin));
                return;
            }
        };
        let Some(slot) = client.slot() else {
            self.duplicates.forget(entry);
            self.counters.too_many.add();
            self.say_dropped(&Reason::TooMany, arrival, Some(&client.record.name), None);
            return;
        };
        let waiter = Waiter {
            to: ReplyTo::of(packet),
            entry,
            client: Arc::clone(client),
            origin,
            at: arrival.at,
            eap: eap_identifier(packet),
            slot,
        };
        client.seen().packet(packet);
        match packet.code() {
            kinds::STATUS_SERVER => self.status_server(waiter, arrival),
            kinds::ACCOUNTING_REQUEST => self.accounting(waiter, packet, arrival),
            _ => self.login(verified, waiter, arrival),
        }
    }

    fn status_server(self: &Arc<Self>, waiter: Waiter, arrival: &Arrival) {
        let kind = match arrival.service {
            Service::Authentication => Kind::Accept,
            Service::Accounting => Kind::Accounting,
        };
        // The watchdog wants sockets and store, never the clock (R19).
        if !waiter.client.is_probe {
            if !self.answers() {
                return self.let_go(&waiter);
            }
            self.counters.status_server.add();
        }
        let door = Arc::clone(self);
        // Through the journal's thread: a box that cannot record cannot answer logins, and says so by silence.
        self.logins.barrier(Box::new(move |result| match result {
            Ok(_) if !door.journal_bad.load(Ordering::Acquire) || waiter.client.is_probe => {
                door.answer(waiter, kind, Duration::ZERO);
            }
            _ => door.let_go(&waiter),
        }));
    }

    fn accounting(self: &Arc<Self>, waiter: Waiter, packet: &Packet<'_>, arrival: &Arrival) {
        let text = |kind| packet.first(kind).map(shown_bytes).unwrap_or_default();
        let status = match packet.first_u32(kinds::ACCT_STATUS_TYPE) {
            Some(kinds::ACCT_START) => "start".to_owned(),
            Some(kinds::ACCT_STOP) => "stop".to_owned(),
            Some(kinds::ACCT_INTERIM_UPDATE) => "interim-update".to_owned(),
            Some(kinds::ACCT_ON) => "on".to_owned(),
            Some(kinds::ACCT_OFF) => "off".to_owned(),
            Some(other) => other.to_string(),
            None => "missing".to_owned(),
        };
        let event = Event::Accounting(Accounting {
            client: waiter.client.record.name.clone(),
            user: text(kinds::USER_NAME),
            station: text(kinds::CALLING_STATION_ID),
            session: text(kinds::ACCT_SESSION_ID),
            status,
            seconds: packet.first_u32(kinds::ACCT_SESSION_TIME),
        });
        let door = Arc::clone(self);
        // RFC 2866 2: an answer says that it was recorded.
        self.record(
            arrival.wall,
            &event,
            Some(Box::new(move |result| match result {
                Ok(_) => {
                    door.counters.accounting.add();
                    door.answer(waiter, Kind::Accounting, Duration::ZERO);
                }
                Err(_) => door.let_go(&waiter),
            })),
        );
    }

    fn login(self: &Arc<Self>, verified: &Verified<'_>, waiter: Waiter, arrival: &Arrival) {
        let login = login(verified, arrival, &self.sealer);
        let Some(now) = self.answers_at() else {
            // Nobody hears anything, known or not: so a gateway turns to its second server (R19), and learns no names (R11).
            let decision = Decision::Silent(Reason::ClockUntrusted);
            let trace = login.trace;
            return self.ended(Ended { trace, decision }, waiter, None);
        };
        let named = match login.name(&self.domains(), &self.store, &self.sealer) {
            Ok(named) => named,
            Err(ended) => return self.ended(*ended, waiter, None),
        };
        let mut waiter = waiter;
        let basis = named.basis();
        let key = named.again(&self.sealer);
        let mut again = None;
        if let Some(key) = key {
            match self.again.meet(key, basis, waiter, arrival.at, arrival.wall) {
                Met::First(first, place) => {
                    waiter = first;
                    again = Some((place, basis));
                }
                Met::Joined => return self.counters.sent_again.add(),
                Met::Enough(waiter) => return self.let_go(&waiter),
                Met::Verdict { kept, first_at, waiter } => {
                    self.counters.sent_again.add();
                    let prompt = waiter.client.record.prompt.clone();
                    let reason = Reason::SentAgain { first_at };
                    let decision = Decision::Again { kept, prompt, reason };
                    let trace = named.trace().clone();
                    return self.ended(Ended { trace, decision }, waiter, None);
                }
            }
        }
        let next = named
            .known(key)
            .and_then(|known| known.ready(&self.guards, Some(now), &self.directories, arrival.at))
            .and_then(|ready| self.with_tools(|tools| ready.code(tools)));
        match next {
            Ok(Next::Ended(ended)) | Err(ended) => self.ended(*ended, waiter, again),
            Ok(Next::Ask(asked)) => self.ask(asked, waiter, again, basis),
        }
    }

    pub(super) fn with_tools<R>(&self, act: impl FnOnce(&Tools<'_>) -> R) -> R {
        act(&Tools {
            store: &self.store,
            guards: &self.guards,
            challenges: &self.challenges,
            owed: &self.owed,
            sealer: &self.sealer,
            bypass_key: &self.bypass_key,
            note: &|note, at| self.note(note, at),
            random: &random16,
            at: Instant::now(),
        })
    }

    /// A decision: remembered, recorded, and answered after its record is on the disk (R16, R23).
    pub(super) fn ended(self: &Arc<Self>, ended: Ended, waiter: Waiter, again: Again) {
        let Ended { mut trace, decision } = ended;
        let (outcome, reason, kind, kept) = match decision {
            Decision::Accept(accept) => {
                trace.spent = accept.spent();
                if let Some(subject) = trace.subject {
                    self.guards.with(subject, |guard| {
                        guard.lockouts.accept(trace.place, trace.wall);
                    });
                }
                self.counters.accepts.add();
                (Outcome::Accept, accept.reason(), Some(Kind::Accept), Some(Kept::Accept))
            }
            Decision::Reject(reason) => {
                self.counters.rejects.add();
                let kept = (!is_unavailable(&reason)).then_some(Kept::Reject);
                (Outcome::Reject, reason, Some(Kind::Reject), kept)
            }
            Decision::Challenge { state, prompt } => {
                self.counters.challenges.add();
                let kind = Kind::Challenge { state, prompt };
                (
                    Outcome::Challenge,
                    Reason::CodeAwaited,
                    Some(kind),
                    Some(Kept::Challenge(state)),
                )
            }
            Decision::Silent(reason) => {
                self.counters.silent.add();
                (Outcome::Silent, reason, None, None)
            }
            Decision::Again { kept, prompt, reason } => {
                let outcome = match kept {
                    Kept::Accept => Outcome::Accept,
                    Kept::Reject => Outcome::Reject,
                    Kept::Challenge(_) => Outcome::Challenge,
                };
                (outcome, reason, Some(Kind::of(&kept, &prompt)), None)
            }
        };
        if let Some(first_step) = trace.answers {
            self.again.answered(first_step);
        }
        let slowed = self.watch_client(&trace.name, &reason, &waiter);
        let attempt = trace.attempt(outcome, reason, Instant::now());
        tracing::debug!(
            user = attempt.name,
            client = attempt.client_name,
            reason = attempt.reason.code(),
            "decided"
        );
        let door = Arc::clone(self);
        let done: crate::journal::Done = Box::new(move |result| {
            let mut waiters = vec![waiter];
            if let Some((place, basis)) = again {
                // What is not on the disk is given to nobody, now or later (R16).
                let kept = kept.filter(|_| result.is_ok()).map(|kept| (kept, basis));
                waiters.extend(door.again.ended(place, kept));
            }
            let answered = if kind == Some(Kind::Accept) {
                1 + usize::from(ACCEPT_REPEATS)
            } else {
                usize::MAX
            };
            for (number, waiter) in waiters.into_iter().enumerate() {
                if number >= answered {
                    door.let_go(&waiter);
                    continue;
                }
                match (&result, &kind) {
                    (Ok(_), Some(kind)) => {
                        door.journal_works();
                        door.answer(waiter, kind.clone(), slowed);
                    }
                    (Ok(_), None) => door.let_go(&waiter),
                    (Err(error), _) => {
                        door.let_go(&waiter);
                        door.journal_failed(error);
                    }
                }
            }
        });
        self.record_attempt(attempt, Some(done));
    }

    /// Many wrong users from one client (R17): how much its rejects are slowed.
    fn watch_client(&self, name: &str, reason: &Reason, waiter: &Waiter) -> Duration {
        let (client, now) = (&waiter.client.record, crate::clock::wall());
        let suspicious = matches!(
            reason,
            Reason::UnknownUser
                | Reason::WrongCode
                | Reason::WrongLocalPassword
                | Reason::WrongPassword
                | Reason::NoToken
        );
        let refused = || {
            let hash = first_u64(&self.sealer.keyed_hash("name", name.as_bytes()));
            self.watch.refused(client.id, hash, now)
        };
        if suspicious && refused() {
            let what = format!(
                "Many different users fail at {}: somebody may be guessing names",
                client.name
            );
            let todo =
                "Look at `postern log --client NAME`; its rejects are slowed meanwhile, nobody is locked out by it";
            self.raise(
                &format!("many-wrong-users-{}", client.name),
                Grave::Some,
                what,
                todo,
                now,
            );
        }
        self.watch.slowed(client.id, now)
    }

    /// A datagram that was not verified: counted, and said once an hour.
    fn dropped(&self, dropped: Dropped, arrival: &Arrival) {
        self.counters.dropped.add();
        match dropped.reason {
            Reason::UnknownClient => self.counters.unknown_clients.add(),
            Reason::WrongSecret => self.counters.wrong_secrets.add(),
            Reason::NoMessageAuthenticator | Reason::UnprotectedProxy => self.counters.unprotected.add(),
            _ => self.counters.malformed.add(),
        }
        if let Some(client) = dropped.client.as_ref().filter(|client| client.saw_bad()) {
            let name = &client.record.name;
            let (what, todo) = match dropped.reason {
                Reason::WrongSecret => (
                    "with another shared secret",
                    "Type the shared secret anew on both sides",
                ),
                Reason::NoMessageAuthenticator => (
                    "without Message-Authenticator",
                    "Update it, or `postern client set NAME --require-message-authenticator no` if it cannot send one",
                ),
                _ => ("that cannot be used", "Look at `postern log --client NAME`"),
            };
            let what = format!("{name} sends packets {what}: they are dropped");
            self.raise(&format!("client-{name}"), Grave::Some, what, todo, arrival.wall);
        }
        // A packet without a shape has not been looked up yet.
        let unshaped = dropped.client.is_none() && dropped.reason == Reason::Malformed;
        let client = dropped
            .client
            .or_else(|| unshaped.then(|| self.clients().find(arrival.source)).flatten());
        if let Some(client) = &client {
            client.seen().dropped(&dropped.reason, arrival.wall);
        }
        let client = client.as_ref().map(|client| client.record.name.as_str());
        let source = arrival.source.ip().to_canonical();
        self.drops
            .knock(&dropped.reason, source, client, arrival.at, arrival.wall);
        self.say_dropped(&dropped.reason, arrival, client, dropped.detail.as_deref());
    }

    fn say_dropped(&self, reason: &Reason, arrival: &Arrival, client: Option<&str>, detail: Option<&str>) {
        let source: IpAddr = arrival.source.ip().to_canonical();
        if !self.drops.say(reason, source, arrival.at) {
            return;
        }
        tracing::warn!(%source, client, reason = reason.code(), detail, "dropped; further ones of this kind are counted");
        let attempt = Attempt {
            at: arrival.wall,
            took_ms: 0,
            user: None,
            name: String::new(),
            client: None,
            client_name: client.unwrap_or_default().to_owned(),
            source: Some(source),
            station: String::new(),
            nas: String::new(),
            outcome: Outcome::Silent,
            reason: reason.clone(),
            stages: crate::audit::Stages::default(),
            directory: None,
            spent: None,
            count: 1,
        };
        self.record(arrival.wall, &Event::Attempt(Box::new(attempt)), None);
    }

    fn journal_works(&self) {
        if self.journal_bad.swap(false, Ordering::AcqRel) {
            self.alarms.clear("journal");
        }
    }

    fn journal_failed(&self, error: &crate::journal::JournalError) {
        self.journal_bad.store(true, Ordering::Release);
        let what = format!("Logins cannot be recorded, so none is answered: {error}");
        self.raise(
            "journal",
            Grave::Nobody,
            what,
            "Make room on the disk, or replace it",
            crate::clock::wall(),
        );
    }
}

/// "Not available" is not kept for a login sent again (R9).
fn is_unavailable(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::DirectoryUnavailable { .. }
            | Reason::DirectoryPaused { .. }
            | Reason::UserPaused { .. }
            | Reason::DirectoryBackOff
    )
}

fn digest(bytes: &[u8]) -> [u8; 16] {
    let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
    let mut out = [0; 16];
    for (to, from) in out.iter_mut().zip(hash.as_ref()) {
        *to = *from;
    }
    out
}
