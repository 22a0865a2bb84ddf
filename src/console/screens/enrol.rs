//! A new token for a user, confirmed by its first code. In: a name, and the code that the app shows; out: a token that counts. The
//! key stands on the screen once and is wiped with it. A token that was never confirmed is removed on leaving, unless it is to wait.
//!
//! ```text
//! Postern box-1 | Enrol                                    anna installer  14:05
//! █▀▀▀▀▀█ ▄▀ █▄ █▀▀▀▀▀█   anna@contoso.example
//! █ ███ █ █▄▀▄▀ █ ███ █
//! █ ▀▀▀ █ ▄ █ ▄ █ ▀▀▀ █   1 Scan this with the phone's app.
//! ▀▀▀▀▀▀▀ █▄▀ █ ▀▀▀▀▀▀▀     Or type this key:
//! ▀▄ ▄▀▄▀▀▄ ▀█▄▀▄ ▀▄▀▄▀     GEZD GNBV GY3T QOJQ
//! █▀▀▀▀▀█ ▄▀▄ ▄▀▄▀▄ ▀▄█     GEZD GNBV GY3T QOJQ
//! █ ███ █ ▀▄▀▄▀▀█▄▀▄▄▀█
//! █ ▀▀▀ █ █▀▄ ▄▀▄█▀▄ ▀▄   2 Type the code that the app shows.
//! ▀▀▀▀▀▀▀ ▀▀▀▀ ▀ ▀▀ ▀▀▀     [123456    ]
//! Enter confirm  s size  i invert  o other kind  Esc leave  ? help
//! ```

mod drawing;

use std::time::Duration;

use super::choose::Choose;
use super::token_kind::{TokenKind, parse_kind};
use super::users::FINISHED;
use crate::console::action::{Action, Told, Tone};
use crate::console::key::Key;
use crate::console::page::Page;
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, digits};
use crate::control::{
    Answer, Failure, FailureKind, OtpParameters, Request, Role, TokenAdd, TokenInfo, TokenMade, UserAdd,
};
use crate::enrol::otpauth::Uri;
use crate::enrol::qr::Qr;
use crate::text::shown;
use drawing::View;

const ADD_USER: u32 = 1;
const ADD_TOKEN: u32 = 2;
const CONFIRM: u32 = 3;
const REMOVE: u32 = 4;
const REPLACE: u32 = 5;
const LEAVE: u32 = 6;
const KIND: u32 = 7;

/// Making a token takes no longer, unless posternd is dead still.
const MAKING_MAX: Duration = Duration::from_secs(10);

/// What is to become of a token that was not confirmed.
const TAKE_AWAY: &str = "remove";
const USER_TOO: &str = "remove-user";
const KEEP: &str = "keep";

/// How far it is.
#[derive(Debug)]
enum Stage {
    /// Nothing was asked yet.
    Start,
    /// posternd makes it.
    Making,
    /// It waits for its first code.
    Made(Box<Made>),
    /// It could not be made, and why.
    Failed(String),
}

/// A token that waits for its first code.
#[derive(Debug)]
struct Made {
    token: TokenInfo,
    uri: Uri,
    /// None: the URI fits no code.
    qr: Option<Qr>,
    warnings: Vec<String>,
    code: Field,
    wrong: Option<String>,
    /// The code is on its way.
    checking: bool,
}

/// The screen.
#[derive(Debug)]
pub struct Enrol {
    name: String,
    /// The user is to be made first.
    make: bool,
    /// The user was made here.
    made_user: bool,
    parameters: OtpParameters,
    stage: Stage,
    /// When posternd was asked for it.
    since: Duration,
    view: View,
}

impl Enrol {
    /// For a user who is there.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            make: false,
            made_user: false,
            parameters: OtpParameters::default(),
            stage: Stage::Start,
            since: Duration::ZERO,
            view: View::default(),
        }
    }

    /// For somebody who is made first.
    pub fn make(name: &str) -> Self {
        Self {
            make: true,
            ..Self::new(name)
        }
    }

    fn add_token(&mut self) -> Vec<Action> {
        self.stage = Stage::Making;
        let ask = TokenAdd {
            user: self.name.clone(),
            seed: None,
            parameters: self.parameters,
            counter: 0,
            active: false,
        };
        vec![Action::Ask(ADD_TOKEN, Request::TokenAdd(ask))]
    }

    fn made(&mut self, made: TokenMade) {
        let (parameters, counter) = (made.token.parameters(), made.token.counter.unwrap_or(0));
        let uri = Uri::new(&made.issuer, &made.token.user, &made.seed, parameters, counter);
        self.name.clone_from(&made.token.user);
        self.stage = Stage::Made(Box::new(Made {
            qr: Qr::new(&uri).ok(),
            uri,
            warnings: made.warnings,
            code: Field::new(usize::from(made.token.digits), digits),
            token: made.token,
            wrong: None,
            checking: false,
        }));
    }

    /// The code, as typed, to posternd.
    fn confirm(&mut self) -> Vec<Action> {
        let Stage::Made(made) = &mut self.stage else {
            return Vec::new();
        };
        let typed = made.code.text().len();
        if typed != usize::from(made.token.digits) {
            made.wrong = Some(match typed {
                0 => format!("Type the {} digits that the app shows now.", made.token.digits),
                _ => format!("A code of this token has {} digits.", made.token.digits),
            });
            return Vec::new();
        }
        made.checking = true;
        let request = Request::TokenConfirm {
            user: self.name.clone(),
            code: made.code.take_secret(),
        };
        vec![Action::Ask(CONFIRM, request)]
    }

    /// posternd does not answer, and may have made it all the same.
    fn give_up(&self) -> Vec<Action> {
        let words = format!(
            "A token of {} may have been made: if there is one, remove it at the user, with t",
            shown(&self.name)
        );
        vec![Action::Say(Tone::Look, words), Action::Close]
    }

    /// What is to become of the token that nobody confirmed.
    fn leave(&self, context: &Context) -> Vec<Action> {
        let Stage::Made(made) = &self.stage else {
            return vec![Action::Close];
        };
        let who = shown(&self.name);
        let lines = vec![format!(
            "Token #{} of {who} does not count yet: it waits for its first code.",
            made.token.id.0
        )];
        let mut choices = vec![(TAKE_AWAY.to_owned(), "Remove the token".to_owned())];
        if self.made_user && context.may(Role::Installer) {
            choices.push((
                USER_TOO.to_owned(),
                format!("Remove the token and the new user {who} too"),
            ));
        }
        choices.push((
            KEEP.to_owned(),
            "Keep it: its first code is confirmed later, at the user".to_owned(),
        ));
        let screen = Choose::new(LEAVE, "The token is not confirmed", lines, choices);
        vec![Action::Open(Box::new(screen))]
    }

    fn left(&mut self, word: &str) -> Vec<Action> {
        let Stage::Made(made) = &self.stage else {
            return vec![Action::Close];
        };
        let (user, id) = (self.name.clone(), made.token.id);
        match word {
            TAKE_AWAY => vec![Action::Ask(REMOVE, Request::TokenRemove { user, id })],
            USER_TOO => vec![Action::Ask(REMOVE, Request::UserRemove { name: user })],
            _ => {
                let words = format!(
                    "Token #{} of {} waits for its first code: confirm it at the user, with c",
                    id.0,
                    shown(&user)
                );
                vec![Action::Say(Tone::Look, words), Action::Close]
            }
        }
    }

    /// Another hash, length or time: what was made goes, since a key is never used twice.
    fn replace(&mut self, kind: &str) -> Vec<Action> {
        let Some(parameters) = parse_kind(kind).filter(|parameters| *parameters != self.parameters) else {
            return Vec::new();
        };
        let Stage::Made(made) = &self.stage else {
            return Vec::new();
        };
        self.parameters = parameters;
        let (user, id) = (self.name.clone(), made.token.id);
        self.stage = Stage::Making;
        // What was made is gone, and its key from the screen at once, whatever becomes of the next one.
        vec![Action::Wipe, Action::Ask(REPLACE, Request::TokenRemove { user, id })]
    }

    fn failed(&mut self, tag: u32, failure: Failure) -> Vec<Action> {
        match (tag, &mut self.stage) {
            // Another spelling of somebody who is there: the token is for that user, whose name stands on the screen.
            (ADD_USER, _) if failure.kind == FailureKind::Exists => self.add_token(),
            (CONFIRM, Stage::Made(made)) => {
                made.checking = false;
                let is_clock = failure.message.contains("of another time");
                let mut wrong = failure.message;
                if is_clock {
                    wrong.push_str(". Is the phone's clock set by the network?");
                }
                made.wrong = Some(wrong);
                Vec::new()
            }
            (REMOVE, _) => vec![Action::Fail(failure)],
            (_, stage) => {
                *stage = Stage::Failed(failure.message);
                Vec::new()
            }
        }
    }
}

/// A token as it stands after a code of it was taken, in one line.
pub fn told_token(token: &TokenInfo) -> String {
    let state = match token.status {
        crate::control::TokenStatus::Active => "is active",
        crate::control::TokenStatus::Pending => "still waits for its confirmation",
        crate::control::TokenStatus::Resync => "still needs a resync",
    };
    let moved = match (token.drift_seconds, token.counter) {
        (_, Some(counter)) => format!("; its next code is no. {counter}"),
        (0, None) => String::new(),
        (ahead @ 1.., None) => format!("; its clock is {ahead} s ahead"),
        (behind, None) => format!("; its clock is {} s behind", behind.unsigned_abs()),
    };
    format!("Token #{} of {} {state}{moved}", token.id.0, shown(&token.user))
}

impl Screen for Enrol {
    fn name(&self) -> &'static str {
        "enrol"
    }

    fn title(&self) -> String {
        "Enrol".to_owned()
    }

    fn refresh(&mut self, context: &Context) -> Vec<Action> {
        if matches!(self.stage, Stage::Start) {
            self.since = context.now.mono;
        }
        match (&self.stage, self.make) {
            (Stage::Start, true) => {
                self.stage = Stage::Making;
                let ask = UserAdd {
                    name: self.name.clone(),
                    password: None,
                    exempt: false,
                };
                vec![Action::Ask(ADD_USER, Request::UserAdd(ask))]
            }
            (Stage::Start, false) => self.add_token(),
            _ => Vec::new(),
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        let views = self.views(context);
        let Stage::Made(made) = &mut self.stage else {
            // Neither an Enter too many nor a hurried Esc must leave a token behind that nobody saw.
            let is_late = context.now.mono.saturating_sub(self.since) >= MAKING_MAX;
            return match (key, &self.stage) {
                (Key::Esc, Stage::Making) if is_late => self.give_up(),
                (Key::Esc, Stage::Making) => Vec::new(),
                (Key::Esc, _) | (Key::Enter, Stage::Failed(_)) => vec![Action::Close],
                _ => Vec::new(),
            };
        };
        if made.checking {
            return Vec::new();
        }
        match key {
            Key::Esc => return self.leave(context),
            Key::Enter => return self.confirm(),
            Key::Char('i') => return vec![Action::InvertQr],
            Key::Char('s') => self.view = self.view.next(&views),
            Key::Char('o') => return vec![Action::Open(Box::new(TokenKind::new(KIND, self.parameters)))],
            key => {
                let typed = made.code.on(key);
                if typed {
                    made.wrong = None;
                }
                // Where there is no room for both, whoever types has scanned already.
                if typed && views.contains(&View::Words) {
                    self.view = View::Words;
                }
            }
        }
        Vec::new()
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        match (tag, answer) {
            (_, Err(failure)) => self.failed(tag, failure),
            (ADD_USER, Ok(Answer::User(user))) => {
                self.made_user = true;
                self.name = user.row.name;
                self.add_token()
            }
            (ADD_TOKEN, Ok(Answer::TokenMade(made))) => {
                self.made(*made);
                Vec::new()
            }
            (CONFIRM, Ok(Answer::Token(token))) => vec![
                Action::Say(Tone::Done, told_token(&token)),
                Action::CloseWith(Told::Picked(FINISHED, token.user)),
            ],
            (REMOVE, Ok(Answer::Done { done })) => vec![Action::Say(Tone::Done, done), Action::Close],
            (REPLACE, Ok(Answer::Done { .. })) => self.add_token(),
            _ => Vec::new(),
        }
    }

    fn told(&mut self, told: Told, context: &Context) -> Vec<Action> {
        match told {
            Told::Picked(LEAVE, word) => self.left(&word),
            Told::Picked(KIND, kind) => {
                self.since = context.now.mono;
                self.replace(&kind)
            }
            _ => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        self.draw_all(page, context);
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        if !matches!(self.stage, Stage::Made(_)) {
            let is_late = context.now.mono.saturating_sub(self.since) >= MAKING_MAX;
            return match self.stage {
                Stage::Making if !is_late => Vec::new(),
                _ => vec![("Esc", "back")],
            };
        }
        let views = self.views(context);
        let mut hints = vec![("Enter", "confirm")];
        if views.len() > 1 {
            hints.push(match self.view.shown(&views).next(&views) {
                View::Words => ("s", "words, code field"),
                View::Half => ("s", "smaller"),
                View::Large => ("s", "larger"),
            });
        }
        if views.iter().any(|view| *view != View::Words) {
            hints.push(("i", "invert"));
        }
        hints.extend([("o", "other kind"), ("Esc", "leave")]);
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "The user opens an authenticator app, scans the QR code or types the key, and reads you the code that the app then shows. \
             Enter confirms it: from then on the token counts. Until then it does not.",
            "If a phone does not read the QR code, press i: it is then drawn dark on light, as some screens need it. On a line \
             without Unicode the code needs a window of 82x43; Ctrl-T changes what the line shows.",
            "o makes another kind of token: another hash, 8 digits, 60 seconds, or a counter. Most apps know the usual kind alone.",
        ]
    }

    fn takes_note(&self) -> bool {
        true
    }

    /// A code is shown as it is typed, since it is good once and the person reads along; a record keeps a stand-in all the same.
    fn secret_typed(&self) -> Option<usize> {
        match &self.stage {
            Stage::Made(made) => Some(made.code.at()),
            _ => None,
        }
    }

    fn shows_secret(&self) -> bool {
        matches!(self.stage, Stage::Made(_) | Stage::Making)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
