//! One question at a time to posternd. While one is on its way, the newest wish waits and older wishes are forgotten: so a hurried
//! search asks twice, not once for each letter.

use crate::console::action::Action;
use crate::control::Request;

/// The questions of a screen under one tag.
#[derive(Debug)]
pub struct Asked {
    tag: u32,
    flying: bool,
    next: Option<Request>,
}

impl Asked {
    /// None was asked yet.
    pub fn new(tag: u32) -> Self {
        Self {
            tag,
            flying: false,
            next: None,
        }
    }

    /// Asks now, or as soon as the last answer is there.
    pub fn ask(&mut self, request: Request) -> Vec<Action> {
        if self.flying {
            self.next = Some(request);
            return Vec::new();
        }
        self.flying = true;
        vec![Action::Ask(self.tag, request)]
    }

    /// An answer is there: asks what waited.
    pub fn landed(&mut self) -> Vec<Action> {
        self.flying = false;
        match self.next.take() {
            Some(request) => self.ask(request),
            None => Vec::new(),
        }
    }

    /// A question is on its way.
    pub fn flying(&self) -> bool {
        self.flying
    }

    /// The answer that comes is not the newest wish.
    pub fn stale(&self) -> bool {
        self.next.is_some()
    }
}
