//! What happened to a token, in words. In: a fault and where it happened; out: one line that says what happened, what is in the
//! token, what to do.

use std::fmt::Display;

use super::Kind;
use crate::text::shown;
use crate::tokens::channel::LinkError;
use crate::tokens::desk::{Left, Trouble};
use crate::tokens::exchange::{Fault, status_words};

/// Where something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Look,
    Key,
    Configuration,
    KeyAgain,
    Seed,
    Clock,
    Deletion,
    CustomerKey,
    Retitle,
    Reset,
}

impl At {
    fn doing(self) -> &'static str {
        match self {
            At::Look => "while it was looked at",
            At::Key => "while it was asked whether it takes the key",
            At::Configuration => "while it was configured",
            At::KeyAgain => "after it was configured",
            At::Seed => "while its seed was written",
            At::Clock => "while its clock was set",
            At::Deletion => "while a seed was deleted",
            At::CustomerKey => "while it was given its customer key",
            At::Retitle => "while a title was written",
            At::Reset => "while it was reset",
        }
    }

    fn thing(self) -> &'static str {
        match self {
            At::Look => "to say what it is",
            At::Key | At::KeyAgain => "to be asked for its key",
            At::Configuration => "the configuration",
            At::Seed => "the seed",
            At::Retitle => "the title",
            At::Clock => "the time",
            At::Deletion => "to delete the seed",
            At::CustomerKey => "the customer key",
            At::Reset => "to be reset",
        }
    }
}

/// What the family's member is called.
fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Single => "the token",
        Kind::Molto2 => "the Molto-2",
    }
}

/// What happened.
fn what(kind: Kind, at: At, fault: &Fault) -> String {
    let (name, doing) = (name(kind), at.doing());
    match fault {
        Fault::Link(LinkError::TokenGone | LinkError::ReaderGone) if kind == Kind::Molto2 => {
            format!("the Molto-2 was unplugged {doing}")
        }
        Fault::Link(LinkError::TokenGone) => format!("{name} was taken away {doing}"),
        Fault::Link(LinkError::ReaderGone) => format!("the reader was unplugged {doing}"),
        Fault::Link(link @ (LinkError::Reader(_) | LinkError::Unfit(_))) => link.to_string(),
        Fault::Link(LinkError::Silent) => format!("{name} stopped answering {doing}"),
        Fault::Locked if kind == Kind::Single => {
            "the token does not take the maker's key and may be locked (6983)".into()
        }
        Fault::Locked => "the Molto-2 does not take the customer key and may be locked (6983)".into(),
        Fault::WrongKey { left: 0 } => format!("{name} does not take the key, and no try is left"),
        Fault::WrongKey { left: 1 } => format!("{name} does not take the key, and locks after one more try"),
        Fault::WrongKey { left } => format!("{name} does not take the key, and locks after {left} more tries"),
        Fault::Refused(status) => format!("{name} refuses {}: {}", at.thing(), status_words(*status)),
        Fault::Malformed => format!("{name} gave an answer that is in no notes {doing}"),
    }
}

/// What to do.
fn advice(kind: Kind, fault: &Fault) -> &'static str {
    match (fault, kind) {
        (Fault::Link(LinkError::TokenGone | LinkError::ReaderGone), Kind::Molto2) => "plug it in again and start over",
        (Fault::Link(LinkError::TokenGone | LinkError::Unfit(_)), _) => {
            "place it again, leave it there until it is done, and start over"
        }
        (Fault::Link(LinkError::ReaderGone), _) => "plug the reader in, place the token again and start over",
        (Fault::Link(LinkError::Reader(_)), _) => "unplug the reader, plug it in again and start over",
        (Fault::Link(LinkError::Silent), Kind::Single) => "switch it on, place it again and start over",
        (Fault::Link(LinkError::Silent), Kind::Molto2) => "unplug it, plug it in again and start over",
        (Fault::Locked | Fault::WrongKey { .. }, Kind::Single) => "do not try again, take another token",
        (Fault::Locked | Fault::WrongKey { .. }, Kind::Molto2) => {
            "do not try again before the right customer key is set; if nobody knows it, a factory reset empties the device"
        }
        (Fault::Refused(_) | Fault::Malformed, Kind::Single) => {
            "place it again and start over; if it does so again, take another"
        }
        (Fault::Refused(_) | Fault::Malformed, Kind::Molto2) => {
            "unplug it, plug it in again and start over; if it does so again, take another"
        }
    }
}

/// A try of the key was spent.
fn key_refused(fault: &Fault) -> bool {
    matches!(fault, Fault::Locked | Fault::WrongKey { .. })
}

/// Refused before anything was sent that changes a token.
pub(super) fn refused(why: impl Display) -> Trouble {
    Trouble {
        words: why.to_string(),
        left: Left::AsBefore,
        key_refused: false,
    }
}

/// A fault before anything was written, or where the token said that it did not do it.
pub(super) fn untouched(kind: Kind, at: At, fault: &Fault) -> Trouble {
    Trouble {
        words: format!(
            "{}; nothing was written: {}",
            what(kind, at, fault),
            advice(kind, fault)
        ),
        left: Left::AsBefore,
        key_refused: key_refused(fault),
    }
}

/// A fault after which `place` ("the token", "profile 3") may hold no seed.
pub(super) fn unsure(kind: Kind, at: At, place: &str, fault: &Fault) -> Trouble {
    let advice = match fault {
        Fault::Link(LinkError::TokenGone) if kind == Kind::Single => "place it again and start over",
        fault => advice(kind, fault),
    };
    Trouble {
        words: format!("{}; {place} may hold no seed: {advice}", what(kind, at, fault)),
        left: Left::Unknown,
        key_refused: key_refused(fault),
    }
}

/// A fault after which the clock may be the old or the new one.
pub(super) fn unsure_clock(kind: Kind, fault: &Fault) -> Trouble {
    Trouble {
        words: format!(
            "{}; its clock may be the old or the new one, its seed stays by the maker's notes: set the clock again, then check a code",
            what(kind, At::Clock, fault)
        ),
        left: Left::Unknown,
        key_refused: key_refused(fault),
    }
}

/// A fault after which a device may be the old or the new one; `state` says so, and what to do.
pub(super) fn unclear(at: At, fault: &Fault, state: &str) -> Trouble {
    Trouble {
        words: format!("{}; {state}", what(Kind::Molto2, at, fault)),
        left: Left::Unknown,
        key_refused: key_refused(fault),
    }
}

/// This model loses its seed with its time.
pub(super) fn clock_not_free(model: &str) -> Trouble {
    refused(format!(
        "a {model} loses its seed when its clock is set, so nothing was written: program it anew instead"
    ))
}

/// An empty profile has no clock that anybody looks at.
pub(super) fn clock_of_nothing(number: u8) -> Trouble {
    refused(format!(
        "profile {number} holds no seed: nothing was written, choose the profile whose clock is wrong"
    ))
}

/// Nobody said which profile.
pub(super) fn no_profile_said(free: Option<u8>) -> Trouble {
    refused(match free {
        Some(free) => format!("a Molto-2 has many profiles: choose one, {free} is the first that is free"),
        None => {
            "a Molto-2 has many profiles, and here all hold a seed: choose the one that may be written over".to_owned()
        }
    })
}

/// A profile that is not there.
pub(super) fn no_such_profile(number: u8, status: u16) -> Trouble {
    refused(format!(
        "this Molto-2 shows no profile {number}: {}; choose a lower number",
        status_words(status)
    ))
}

/// A profile that holds a seed which nobody gave up; `title` is shown text.
pub(super) fn occupied(number: u8, title: &str, free: Option<u8>) -> Trouble {
    let title = if title.is_empty() {
        String::new()
    } else {
        format!(" ({title})")
    };
    let other = match free {
        Some(free) => format!("profile {free} is free"),
        None => "no profile is free".to_owned(),
    };
    refused(format!(
        "profile {number}{title} holds a seed and nothing was written: {other}, or say that it may be written over"
    ))
}

/// What lies there and is nothing that we program.
pub(super) mod unfit {
    use super::super::Unfit;
    use super::{Fault, shown, status_words};
    use crate::tokens::single::Stranger;

    pub fn single(stranger: Stranger) -> Unfit {
        Unfit::Card(match stranger {
            Stranger::Fault(Fault::Link(link)) => return Unfit::Link(link),
            Stranger::Fault(Fault::Refused(status)) => format!(
                "this card is no token that can be programmed: {}; place a token of a known model that is switched on, and plug \
                 a Molto-2 in by USB",
                status_words(status)
            ),
            Stranger::Fault(_) => {
                "what lies there answers, but not as a token does: place a token of a known model that is switched on"
                    .to_owned()
            }
            Stranger::Unknown(serial) => format!(
                "no model is known whose serial number begins like {}, so nothing is written to it: take a token of a known model, \
                 and plug a Molto-2 in by USB",
                shown(&serial)
            ),
        })
    }

    pub fn molto2(fault: Fault) -> Unfit {
        Unfit::Card(match fault {
            Fault::Link(link) => return Unfit::Link(link),
            Fault::Refused(status) => format!("this is no Molto-2: {}; choose another reader", status_words(status)),
            _ => "what is there answers, but not as a Molto-2 does: choose another reader".to_owned(),
        })
    }

    pub fn not_molto2(model: &str) -> Unfit {
        Unfit::Card(format!(
            "this is a {model}, which has one profile: name its reader as one for such tokens (=single)"
        ))
    }

    pub fn without_profiles() -> Unfit {
        Unfit::Card("this Molto-2 shows no profile: unplug it, plug it in again, or take another".to_owned())
    }
}
