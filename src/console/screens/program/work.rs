//! A token on its way: what is to be written where, what posternd made for it, how far the writing is, and its first code.

use std::time::Duration;

use crate::console::widgets::field::{Field, digits};
use crate::control::{TokenInfo, TokenProgram, TokenProgramming, TokenSource, TotpParameters};
use crate::tokens::desk::{Job, Left, Placed, Step};

/// The longest title of a profile, in bytes (maker's notes).
const TITLE_MAX: usize = 12;

/// Where a key is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub device: String,
    pub serial: String,
    pub model: String,
    pub profile: Option<u8>,
    pub parameters: TotpParameters,
    /// The operator was asked about the key in this profile.
    pub overwrite: bool,
    /// The operator was asked about who has the token.
    pub replace: bool,
}

impl Target {
    /// A token as it lies there.
    pub fn new(token: &Placed, profile: Option<u8>, parameters: TotpParameters) -> Self {
        Self {
            device: token.device.clone(),
            serial: token.serial.clone(),
            model: token.model.clone(),
            profile,
            parameters,
            overwrite: false,
            replace: false,
        }
    }

    /// Whether it is this token that lies there.
    pub fn is(&self, token: Option<&Placed>) -> bool {
        token.is_some_and(|token| token.device == self.device && token.serial == self.serial)
    }

    /// What posternd is asked.
    pub fn ask(&self, user: &str) -> TokenProgram {
        TokenProgram {
            user: user.to_owned(),
            serial: self.serial.clone(),
            model: self.model.clone(),
            profile: self.profile,
            parameters: self.parameters,
            replace: self.replace,
        }
    }

    /// What the readers' thread is asked: the only copy of the seed goes there.
    pub fn job(&self, made: &mut TokenProgramming) -> Job {
        Job {
            device: self.device.clone(),
            serial: self.serial.clone(),
            profile: self.profile,
            title: title(&made.token.user),
            parameters: self.parameters,
            seed: std::mem::take(&mut made.seed),
            customer_key: made.customer_key.take(),
            replace: self.overwrite,
        }
    }
}

/// What a profile is called: the user's name without its domain, as much as fits.
fn title(user: &str) -> String {
    let local = user.split('@').next().unwrap_or(user);
    let mut end = local.len().min(TITLE_MAX);
    while !local.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    local.get(..end).unwrap_or_default().to_owned()
}

/// A token that posternd made, or had.
#[derive(Debug)]
pub struct Work {
    /// Pending, until its code comes.
    pub token: TokenInfo,
    /// Tokens that go with that.
    pub replaces: Vec<TokenInfo>,
    /// Where it is written; none where it was written before.
    pub target: Option<Target>,
    /// The steps of the writing so far; the last one is under way.
    pub steps: Vec<Step>,
    /// When it last went on.
    pub moved: Duration,
    /// The code that is typed.
    pub code: Field,
    /// What was wrong with the last one.
    pub wrong: Option<String>,
    /// The code is on its way.
    pub is_checking: bool,
}

impl Work {
    /// What posternd has just made, to be written there.
    pub fn new(made: TokenProgramming, target: Target, now: Duration) -> Self {
        Self {
            replaces: made.replaces,
            target: Some(target),
            moved: now,
            ..Self::resumed(made.token)
        }
    }

    /// A token that was written before and waits for its code.
    pub fn resumed(token: TokenInfo) -> Self {
        Self {
            code: Field::new(usize::from(token.digits), digits),
            token,
            replaces: Vec::new(),
            target: None,
            steps: Vec::new(),
            moved: Duration::ZERO,
            wrong: None,
            is_checking: false,
        }
    }

    /// Model and serial number, with the profile where there are several.
    pub fn what(&self) -> String {
        device_words(&self.token)
    }
}

/// Model and serial number of a hardware token, with the profile where it has several.
pub fn device_words(token: &TokenInfo) -> String {
    let profile = match token.source {
        TokenSource::Programmed(programmed) => programmed.profile,
        TokenSource::App | TokenSource::File => None,
    };
    device_and_profile(&token.model, &token.serial, profile)
}

/// The same of its parts.
pub fn device_and_profile(model: &str, serial: &str, profile: Option<u8>) -> String {
    let mut words = String::new();
    if !model.is_empty() {
        words.push_str(&crate::text::shown(model));
        words.push(' ');
    }
    words.push_str(&crate::text::shown(serial));
    if let Some(profile) = profile {
        words.push_str(&format!(", profile {profile}"));
    }
    words
}

/// A hardware token of the user that was written here and waits for its code: the newest.
pub fn waiting(tokens: &[TokenInfo]) -> Option<&TokenInfo> {
    pending(tokens)
        .filter_map(|(token, written)| Some((token, written?)))
        .max_by_key(|(_, written)| *written)
        .map(|(token, _)| token)
}

/// A hardware token of the user that was begun here and is not known to hold its key.
pub fn begun(tokens: &[TokenInfo]) -> Option<&TokenInfo> {
    pending(tokens)
        .find(|(_, written)| written.is_none())
        .map(|(token, _)| token)
}

fn pending(tokens: &[TokenInfo]) -> impl Iterator<Item = (&TokenInfo, Option<crate::control::Timestamp>)> {
    tokens.iter().filter_map(|token| match token.source {
        TokenSource::Programmed(programmed) if token.status == crate::control::TokenStatus::Pending => {
            Some((token, programmed.written))
        }
        _ => None,
    })
}

/// A step in words, as what is done.
pub fn step_words(step: Step) -> &'static str {
    match step {
        Step::Authenticate => "Show the token that its key is known",
        Step::Configure => "Set hash, digits, seconds and clock",
        Step::AuthenticateAgain => "Show it once more",
        Step::Seed => "Write the new key",
        Step::Title => "Write the title of the profile",
        Step::Clock => "Set the clock",
    }
}

/// What is in the token after something failed, in words.
pub fn left_words(left: Left) -> &'static str {
    match left {
        Left::AsBefore => "The token holds what it held before: nothing was written.",
        Left::Unknown => "The token may hold no key, or the old or the new one: as it is, it is good for nobody.",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_cut_between_characters() {
        for (user, cut) in [
            ("anna@contoso.example", "anna"),
            ("maximiliana.bauer@contoso.example", "maximiliana."),
            ("ääääääää@contoso.example", "ääääää"),
            ("aääääääää", "aäääää"),
            ("@contoso.example", ""),
        ] {
            assert_eq!(title(user), cut, "{user}");
            assert!(title(user).len() <= TITLE_MAX);
        }
    }
}
