//! What waits for a reply, and the reply's making. In: a decision's kind; out: signed bytes for the socket that was asked. All
//! Access-Rejects are alike (R11); Message-Authenticator comes first (R6, in `radius::reply`).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Door;
use crate::pipeline::again::Kept;
use crate::pipeline::clients::{ClientEntry, Slot};
use crate::pipeline::duplicates::Entry;
use crate::radius::kinds;
use crate::radius::reply::{Reply, ReplyTo, eap_failure};

/// Where a reply goes, and from where it leaves (R8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// To whom.
    pub source: SocketAddr,
    /// By which socket.
    pub socket: u16,
    /// From which address.
    pub local: Option<IpAddr>,
}

/// A verified request that waits for its reply. Dropped, it gives its place among those in flight back; who leaves it unanswered
/// also tells the memory of datagrams, with `let_go`.
pub struct Waiter {
    /// What a reply needs of it.
    pub to: ReplyTo,
    /// Its place in the memory of datagrams.
    pub entry: Entry,
    /// Whose it is.
    pub client: Arc<ClientEntry>,
    /// Where it came from.
    pub origin: Origin,
    /// When it came.
    pub at: Instant,
    /// Identifier of the EAP packet in it: the refusal says EAP-Failure (RFC 3579 2.6.3).
    pub eap: Option<u8>,
    /// Its place among the client's requests in flight.
    pub slot: Slot,
}

/// A reply's kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Access-Accept.
    Accept,
    /// Access-Reject.
    Reject,
    /// Access-Challenge.
    Challenge {
        /// State.
        state: [u8; 16],
        /// Reply-Message.
        prompt: String,
    },
    /// Accounting-Response.
    Accounting,
}

impl Kind {
    /// A verdict given again.
    pub fn of(kept: &Kept, prompt: &str) -> Self {
        match kept {
            Kept::Accept => Kind::Accept,
            Kept::Reject => Kind::Reject,
            Kept::Challenge(state) => Kind::Challenge {
                state: *state,
                prompt: prompt.to_owned(),
            },
        }
    }

    fn code(&self) -> u8 {
        match self {
            Kind::Accept => kinds::ACCESS_ACCEPT,
            Kind::Reject => kinds::ACCESS_REJECT,
            Kind::Challenge { .. } => kinds::ACCESS_CHALLENGE,
            Kind::Accounting => kinds::ACCOUNTING_RESPONSE,
        }
    }
}

/// For the outbox: a reply to make, or bytes to send once more.
pub enum Outgoing {
    /// Make, remember, send.
    Make(Box<Waiter>, Kind),
    /// A stored reply (R7).
    Again(Arc<[u8]>, Origin),
    /// The outbox ends.
    End,
}

impl Door {
    /// Hands a reply to the outbox, a reject not before its time (R11).
    pub(super) fn answer(&self, waiter: Waiter, kind: Kind, slowed: Duration) {
        let outgoing = |waiter| Outgoing::Make(Box::new(waiter), kind.clone());
        if kind != Kind::Reject {
            let _ = self.outbox.send(outgoing(waiter));
            return;
        }
        let due = waiter.at + waiter.client.record.reject_delay + slowed;
        if due <= Instant::now() {
            let _ = self.outbox.send(outgoing(waiter));
            return;
        }
        let (outbox, outgoing) = (self.outbox.clone(), outgoing(waiter));
        self.runtime.spawn(async move {
            tokio::time::sleep_until(due.into()).await;
            let _ = outbox.send(outgoing);
        });
    }

    /// Makes and remembers a reply's bytes; none if nobody waits for it any more.
    pub fn make(&self, waiter: &Waiter, kind: &Kind) -> Option<Arc<[u8]>> {
        let mut reply = Reply::new(kind.code(), &waiter.to);
        if let Kind::Challenge { state, prompt } = kind {
            reply = reply.attribute(kinds::STATE, state).reply_message(prompt);
        }
        if let (Kind::Reject, Some(identifier)) = (kind, waiter.eap) {
            reply = reply.attribute(kinds::EAP_MESSAGE, &eap_failure(identifier));
        }
        let bytes: Arc<[u8]> = match reply.sign(&waiter.client.secret) {
            Ok(bytes) => bytes.into(),
            Err(error) => {
                tracing::error!(%error, client = waiter.client.record.name, "a reply could not be made");
                self.duplicates.forget(waiter.entry);
                return None;
            }
        };
        self.duplicates.finish(waiter.entry, &bytes).then_some(bytes)
    }

    /// Lets a request go unanswered: the same datagram again is looked at anew.
    pub(super) fn let_go(&self, waiter: &Waiter) {
        self.duplicates.forget(waiter.entry);
    }
}
