//! Counts since the start, for the status.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $shown:literal,)*) => {
        /// One number each; they only grow.
        #[derive(Default)]
        pub struct Counters { $($(#[$doc])* pub $name: Count,)* }

        impl Counters {
            /// All of them by their kebab-case names.
            pub fn all(&self) -> BTreeMap<String, u64> {
                BTreeMap::from([$(($shown.to_owned(), self.$name.get()),)*])
            }
        }
    };
}

/// A number that only grows.
#[derive(Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

counters! {
    /// Datagrams received.
    received = "received",
    /// Access-Accepts decided.
    accepts = "accepts",
    /// Access-Rejects decided.
    rejects = "rejects",
    /// Access-Challenges decided.
    challenges = "challenges",
    /// Verified requests left unanswered on purpose.
    silent = "silent",
    /// Datagrams seen before (R7).
    duplicates = "duplicates",
    /// Logins sent again in a new packet (R9).
    sent_again = "sent-again",
    /// Datagrams dropped before they were verified.
    dropped = "dropped",
    /// Dropped: no client has the source address.
    unknown_clients = "dropped-unknown-client",
    /// Dropped: wrong authenticator.
    wrong_secrets = "dropped-wrong-secret",
    /// Dropped: no Message-Authenticator.
    unprotected = "dropped-no-message-authenticator",
    /// Dropped: no RADIUS packet.
    malformed = "dropped-malformed",
    /// Dropped: too many in flight.
    too_many = "dropped-too-many",
    /// Status-Server requests answered.
    status_server = "status-server",
    /// Accounting requests answered.
    accounting = "accounting",
    /// Questions to directories.
    directory_asked = "directory-asked",
    /// Receive errors.
    receive_errors = "receive-errors",
    /// Replies that could not be sent.
    send_errors = "send-errors",
}
