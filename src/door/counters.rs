//! Counts since the start, for the status.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $shown:literal,)*) => {
        type Values = [u64; [$($shown,)*].len()];

        /// One number each; they only grow.
        #[derive(Default)]
        pub struct Counters { $($(#[$doc])* pub $name: Count,)* }

        impl Counters {
            /// All of them by their kebab-case names.
            pub fn all(&self) -> BTreeMap<String, u64> {
                Self::named(&self.values())
            }

            fn values(&self) -> Values {
                [$(self.$name.get(),)*]
            }

            fn named(values: &Values) -> BTreeMap<String, u64> {
                let names = [$($shown,)*];
                names.iter().map(|name| (*name).to_owned()).zip(values.iter().copied()).collect()
            }
        }
    };
}

/// Minutes that the last hour is made of.
const MINUTES: usize = 60;

/// What was counted at the beginning of each minute of the last hour, the present one included.
#[derive(Default)]
pub struct LastHour(Mutex<VecDeque<(u64, Values)>>);

impl LastHour {
    /// To be called about once a second, by a clock that nobody sets.
    pub fn tick(&self, counters: &Counters, since_start: Duration) {
        let minute = since_start.as_secs() / 60;
        let mut minutes = self.0.lock();
        if minutes.back().is_none_or(|(last, _)| *last < minute) {
            minutes.push_back((minute, counters.values()));
        }
        let oldest = (minute + 1).saturating_sub(MINUTES as u64);
        while minutes.front().is_some_and(|(first, _)| *first < oldest) && minutes.len() > 1 {
            minutes.pop_front();
        }
    }

    /// What was counted since its oldest minute, by the names of [`Counters::all`].
    pub fn told(&self, counters: &Counters) -> BTreeMap<String, u64> {
        let mut values = counters.values();
        if let Some((_, then)) = self.0.lock().front() {
            for (now, then) in values.iter_mut().zip(then) {
                *now = now.saturating_sub(*then);
            }
        }
        Counters::named(&values)
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hour_forgets_what_is_older() {
        let (counters, hour) = (Counters::default(), LastHour::default());
        let at = |minute: u64| Duration::from_secs(minute * 60 + 7);
        let told = |hour: &LastHour| hour.told(&counters)["accepts"];
        counters.accepts.add();
        assert_eq!(told(&hour), 1, "before the first look");
        let hour = LastHour::default();
        let fresh = Counters::default();
        hour.tick(&fresh, at(0));
        for minute in 1..=200 {
            hour.tick(&counters, at(minute));
            counters.accepts.add();
            hour.tick(&counters, at(minute));
            assert_eq!(
                told(&hour),
                if minute < 60 { minute + 1 } else { 60 },
                "minute {minute}"
            );
        }
        // Nothing for long: an hour later nothing is left but what has just come.
        hour.tick(&counters, at(400));
        counters.accepts.add();
        assert_eq!(told(&hour), 1);
        assert_eq!(counters.all().len(), hour.told(&counters).len());
    }
}
