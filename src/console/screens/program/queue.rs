//! Who gets a token here: one user, or many, one after the other, and what became of each. Pure.

use crate::control::Timestamp;

/// What became of a user here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Has a token, and its code was right.
    Confirmed,
    /// The token was written; its code is still to come.
    Written,
    /// The token was begun, and is not known to hold its key.
    Begun,
    /// Left out by the operator.
    Skipped,
}

impl Outcome {
    /// In words, with what is left to do.
    pub fn words(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Written => "waits for its code",
            Self::Begun => "begun: program it again",
            Self::Skipped => "skipped",
        }
    }
}

/// A user and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name: as posternd knows it, once it has answered.
    pub name: String,
    /// The serial number of the token; empty where none was begun.
    pub serial: String,
    /// None: the turn has not come.
    pub outcome: Option<Outcome>,
}

impl Person {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            serial: String::new(),
            outcome: None,
        }
    }
}

/// The users in their order.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    people: Vec<Person>,
    at: usize,
    is_many: bool,
    /// When the last one was dealt with.
    ended: Option<Timestamp>,
}

impl Queue {
    /// One user.
    pub fn one(name: &str) -> Self {
        Self {
            people: vec![Person::new(name)],
            ..Self::default()
        }
    }

    /// Many; a summary stands at their end.
    pub fn many(names: impl IntoIterator<Item = String>) -> Self {
        Self {
            people: names.into_iter().map(|name| Person::new(&name)).collect(),
            is_many: true,
            ..Self::default()
        }
    }

    /// More than one was meant, whoever is left.
    pub fn is_many(&self) -> bool {
        self.is_many
    }

    /// Whose turn it is; empty where everybody had it.
    pub fn name(&self) -> &str {
        self.people.get(self.at).map_or("", |person| person.name.as_str())
    }

    /// Which of how many it is, from 1.
    pub fn place(&self) -> (usize, usize) {
        (self.at.saturating_add(1).min(self.people.len()), self.people.len())
    }

    /// Everybody had a turn.
    pub fn is_over(&self) -> bool {
        self.at >= self.people.len()
    }

    /// The name as posternd knows it.
    pub fn rename(&mut self, name: &str) {
        if let Some(person) = self.people.get_mut(self.at) {
            name.clone_into(&mut person.name);
        }
    }

    /// What has become of whose turn it is, so far.
    pub fn note(&mut self, serial: &str, outcome: Outcome, now: Timestamp) {
        if let Some(person) = self.people.get_mut(self.at) {
            serial.clone_into(&mut person.serial);
            person.outcome = Some(outcome);
            self.ended = Some(now);
        }
    }

    /// What has become of a user of this run, whoever's turn it is by now.
    pub fn note_of(&mut self, user: &str, serial: &str, outcome: Outcome, now: Timestamp) {
        let mut people = self.people.iter_mut();
        if let Some(person) = people.find(|one| one.name == user && (one.serial.is_empty() || one.serial == serial)) {
            serial.clone_into(&mut person.serial);
            person.outcome = Some(outcome);
            self.ended = Some(now);
        }
    }

    /// The next one's turn. Who was begun stays so, everybody else who has nothing was skipped.
    pub fn next(&mut self, now: Timestamp) {
        if self.people.get(self.at).is_some_and(|person| person.outcome.is_none()) {
            self.note("", Outcome::Skipped, now);
        }
        self.at = self.at.saturating_add(1);
    }

    /// Who got the token with this serial number before, in this run.
    pub fn holder(&self, serial: &str) -> Option<&str> {
        let before = self.people.iter().take(self.at);
        let mut holders = before.filter(|person| {
            person.serial == serial && matches!(person.outcome, Some(Outcome::Confirmed | Outcome::Written))
        });
        holders.next_back().map(|person| person.name.as_str())
    }

    /// Everybody.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// Somebody's turn came to something.
    pub fn is_begun(&self) -> bool {
        self.people.iter().any(|person| person.outcome.is_some())
    }

    /// How many have this outcome.
    pub fn count(&self, outcome: Option<Outcome>) -> usize {
        self.people.iter().filter(|person| person.outcome == outcome).count()
    }

    /// When the last one was dealt with.
    pub fn ended(&self) -> Option<Timestamp> {
        self.ended
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    #[test]
    fn everybody_has_a_turn_and_an_outcome() {
        let mut queue = Queue::many(["anna", "bernd", "carla"].map(str::to_owned));
        assert_eq!((queue.name(), queue.place()), ("anna", (1, 3)));
        queue.note("1", Outcome::Written, NOW);
        queue.note("1", Outcome::Confirmed, NOW);
        queue.next(NOW);
        assert_eq!((queue.holder("1"), queue.holder("2")), (Some("anna"), None));
        queue.next(NOW);
        queue.note("2", Outcome::Begun, NOW);
        queue.next(NOW);
        assert!(queue.is_over() && queue.name().is_empty());
        assert_eq!(queue.place(), (3, 3));
        // What was begun and never written is nobody's yet: the same token may be tried again.
        assert_eq!(queue.holder("2"), None);
        let outcomes: Vec<_> = queue.people().iter().map(|person| person.outcome.unwrap()).collect();
        assert_eq!(outcomes, [Outcome::Confirmed, Outcome::Skipped, Outcome::Begun]);
    }
}
