//! One user: how the user stands, the tokens, and everything that can be done, as letters and as a list. In: posternd's view of the
//! user; out: one request for each thing that is done.
//!
//! ```text
//! Postern box-1 | User                                     anna installer  14:05
//!
//!   anna@contoso.example
//!   May log in with password and code.
//!
//! > e   New token             Password  at the directory
//!   h   Hardware token                  1 of 6 wrong ones in 24 hours
//!   s   By serial number
//!   r   Set a token right
//!   b   Bypass code
//!   u   Unlock                Token #3  active, app
//!   w   Why                             sha1, 6 digits, 30 s
//!   d   Disable                         last code 14:01, clock 2 s ahead
//!   x   Exempt from codes
//!   p   Local password        Made      1 Feb 10:00
//!   t   Remove a token
//!   Del Remove the user
//!
//! Enter do it  Up/Down choose  Esc back  ? help
//! ```

mod deeds;
mod facts;

use ratatui::layout::Rect;

use super::bypass::Bypass;
use super::choose::Choose;
use super::codes::Codes;
use super::commands::at_user;
use super::confirm::{Confirm, word_for};
use super::enrol::Enrol;
use super::local_password::LocalPassword;
use super::program::Program;
use super::tokens::{Assign, TokenClock, keeps_key};
use super::why::Why;
use crate::console::action::{Action, Told, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page, Sign};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::list::List;
use crate::console::widgets::scroll::Scroll;
use crate::control::{Answer, Failure, FailureKind, PasswordChange, Request, TokenId, UserInfo, UserSet};
use crate::text::shown;
use deeds::Deed;

const SHOW: u32 = 1;
const DO: u32 = 2;
const SET: u32 = 3;
const REMOVE: u32 = 4;
const DISABLE: u32 = 10;
const EXEMPT: u32 = 11;
const NO_PASSWORD: u32 = 12;
const WHICH_TOKEN: u32 = 13;
const PASSWORD: u32 = 14;
const ENABLE: u32 = 15;
const WHICH_CLOCK: u32 = 16;

/// Columns of the list of what can be done.
const LIST: u16 = 27;
/// Rows above the list: a blank one, name, state, a blank one.
const HEAD: u16 = 4;

/// The screen.
#[derive(Debug)]
pub struct User {
    name: String,
    info: Option<Box<UserInfo>>,
    asked: Asked,
    list: List,
    scroll: Scroll,
    /// The token that is to go, once that is confirmed.
    going: Option<TokenId>,
}

impl User {
    /// Of this name, in any spelling that posternd knows (R3).
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            info: None,
            asked: Asked::new(SHOW),
            list: List::new(0),
            scroll: Scroll::default(),
            going: None,
        }
    }

    fn deeds(&self, context: &Context) -> Vec<Deed> {
        match &self.info {
            Some(info) => deeds::of(info, context),
            None => Vec::new(),
        }
    }

    /// Does one of them, or asks first.
    fn act(&mut self, deed: Deed) -> Vec<Action> {
        let Some(info) = &self.info else { return Vec::new() };
        let (name, who) = (self.name.clone(), shown(&self.name));
        let open = |screen: Box<dyn Screen>| vec![Action::Open(screen)];
        let ask = |tag, title: &str, lines: &[&str]| {
            let lines = lines.iter().map(|line| (*line).to_owned()).collect();
            open(Box::new(Confirm::new(tag, &format!("{title} {who}"), lines)))
        };
        match deed {
            Deed::Enrol => open(Box::new(Enrol::new(&name))),
            Deed::Program => open(Box::new(Program::new(&name))),
            Deed::Assign => open(Box::new(Assign::to(&name))),
            Deed::Clock => self.which_clock(),
            Deed::Confirm => open(Box::new(Codes::confirm(&name))),
            Deed::Resync => open(Box::new(Codes::resync(&name))),
            Deed::Bypass => open(Box::new(Bypass::new(&name))),
            Deed::Why => open(Box::new(Why::new(&name))),
            Deed::Unlock => vec![Action::Ask(DO, Request::UserUnlock { name })],
            // Its letter is that of Disable: a key too many must not take that back.
            Deed::Enable => ask(
                ENABLE,
                "Enable",
                &[&format!(
                    "{who} may log in again, with the tokens and settings that are there."
                )],
            ),
            Deed::Disable => ask(
                DISABLE,
                "Disable",
                &[&format!(
                    "Every login of {who} is refused until an installer enables the user again. Tokens and settings stay."
                )],
            ),
            Deed::NotExempt => self.set(Some(false), None),
            Deed::Exempt => ask(
                EXEMPT,
                "Exempt",
                &[
                    &format!(
                        "{who} then logs in with the password alone: no code is asked for, so nothing protects the account if \
                     the password is known to others."
                    ),
                    "A client that asks for the code alone (code-only) refuses exempt users. The log says at every login that no code was asked \
                     for.",
                ],
            ),
            Deed::Password if info.row.local_password => {
                let choices = vec![
                    ("set".to_owned(), "Set another one".to_owned()),
                    (
                        "remove".to_owned(),
                        "Remove it: the directory is asked from then on".to_owned(),
                    ),
                ];
                let lines = vec![format!("{who} has a password on this box.")];
                open(Box::new(Choose::new(PASSWORD, "Local password", lines, choices)))
            }
            Deed::Password => open(Box::new(LocalPassword::new(&name))),
            Deed::RemoveToken => self.which_token(),
            Deed::Remove => {
                let lines = vec![format!(
                    "{who} and all tokens are removed: logins are refused from then on. The log keeps what happened. A token's code \
                     that was used is never taken again."
                )];
                let title = format!("Remove {who}");
                open(Box::new(Confirm::strong(
                    REMOVE,
                    &title,
                    lines,
                    word_for(&self.name, "remove"),
                )))
            }
        }
    }

    /// Which token is to go; a single one needs no choice.
    fn which_token(&mut self) -> Vec<Action> {
        let Some(info) = &self.info else { return Vec::new() };
        let choices: Vec<_> = info
            .tokens
            .iter()
            .map(|token| (token.id.0.to_string(), facts::token_line(token)))
            .collect();
        match choices.as_slice() {
            [] => Vec::new(),
            [(only, _)] => self.ask_token(&only.clone()),
            _ => {
                let lines = vec![format!("Which token of {} is to go?", shown(&self.name))];
                vec![Action::Open(Box::new(Choose::new(
                    WHICH_TOKEN,
                    "Remove a token",
                    lines,
                    choices,
                )))]
            }
        }
    }

    /// Whose clock is to be set; a single one needs no choice.
    fn which_clock(&self) -> Vec<Action> {
        let Some(info) = &self.info else { return Vec::new() };
        let tokens: Vec<_> = info.tokens.iter().filter(|token| keeps_key(token)).collect();
        match tokens.as_slice() {
            [] => Vec::new(),
            [only] => vec![Action::Open(Box::new(TokenClock::new(only)))],
            several => {
                let choices = several
                    .iter()
                    .map(|token| (token.id.0.to_string(), facts::token_line(token)));
                let lines = vec![format!("Which token's clock of {}?", shown(&self.name))];
                let screen = Choose::new(WHICH_CLOCK, "Set a token's clock", lines, choices.collect());
                vec![Action::Open(Box::new(screen))]
            }
        }
    }

    fn ask_token(&mut self, id: &str) -> Vec<Action> {
        let (Some(info), Ok(id)) = (&self.info, id.parse()) else {
            return Vec::new();
        };
        let Some(token) = info.tokens.iter().find(|token| token.id == TokenId(id)) else {
            return Vec::new();
        };
        self.going = Some(token.id);
        let is_last = facts::is_last(info, token.id);
        let mut lines = vec![format!("Token {}", facts::token_line(token))];
        lines.push("Its codes are refused from then on. Its key cannot be brought back.".to_owned());
        if is_last {
            lines.push("It is the only one that counts: without another one every login is refused.".to_owned());
        }
        let title = format!("Remove token #{id} of {}", shown(&self.name));
        vec![Action::Open(Box::new(Confirm::new(WHICH_TOKEN, &title, lines)))]
    }

    fn set(&self, exempt: Option<bool>, password: Option<PasswordChange>) -> Vec<Action> {
        let name = self.name.clone();
        let set = UserSet { name, exempt, password };
        vec![Action::Ask(SET, Request::UserSet(set))]
    }

    fn show(&mut self) -> Vec<Action> {
        self.asked.ask(Request::UserShow {
            name: self.name.clone(),
        })
    }

    /// The marker stays at what it was at, though more or fewer things can be done now. Where that is gone nothing is marked: what
    /// stands in its place is often the opposite.
    fn take(&mut self, info: Box<UserInfo>, context: &Context) {
        let before = self.list.at().and_then(|at| self.deeds(context).get(at).copied());
        self.name.clone_from(&info.row.name);
        self.info = Some(info);
        let deeds = self.deeds(context);
        self.list.set_length(deeds.len());
        let Some(before) = before else { return };
        match deeds.iter().position(|deed| *deed == before) {
            Some(at) => self.list.go(at),
            None => self.list.unmark(),
        }
    }

    /// Where the facts stand.
    fn facts_area(body: Rect) -> Rect {
        let x = body.x.saturating_add(LIST).saturating_add(1);
        let y = body.y.saturating_add(HEAD);
        Rect {
            x,
            y,
            width: body.right().saturating_sub(x).min(80),
            height: body.bottom().saturating_sub(y),
        }
    }
}

impl Screen for User {
    fn name(&self) -> &'static str {
        "user"
    }

    fn title(&self) -> String {
        "User".to_owned()
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        self.show()
    }

    fn watches(&self) -> Topics {
        Topics {
            records: true,
            ..Topics::LOG
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        let deeds = self.deeds(context);
        let height = u16::try_from(deeds.len()).unwrap_or(1);
        match key {
            Key::Esc => return vec![Action::Close],
            Key::Enter => {
                if let Some(deed) = self.list.at().and_then(|at| deeds.get(at)) {
                    return self.act(*deed);
                }
            }
            Key::PageUp | Key::PageDown => {
                let body = Rect::new(0, 0, context.size.0, context.size.1.saturating_sub(3));
                let area = Self::facts_area(body);
                if let Some(info) = &self.info {
                    let rows = Scroll::rows(&facts::lines(info, area.width, context), area.width);
                    self.scroll.on(key, area.height, rows);
                }
            }
            key if self.list.on(key, height) => {}
            key => {
                if let Some(at) = deeds.iter().position(|deed| deed.key() == key) {
                    self.list.go(at);
                    return deeds.get(at).map(|deed| self.act(*deed)).unwrap_or_default();
                }
            }
        }
        Vec::new()
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        let mut actions = if tag == SHOW { self.asked.landed() } else { Vec::new() };
        match (tag, answer) {
            (SHOW, Ok(Answer::User(info))) => self.take(info, context),
            (SHOW, Err(failure)) => {
                let is_gone = failure.kind == FailureKind::NotFound;
                actions.push(Action::Fail(failure));
                if is_gone || self.info.is_none() {
                    actions.push(Action::Close);
                }
            }
            (REMOVE, Ok(Answer::Done { done })) => {
                actions.extend([Action::Say(Tone::Done, done), Action::Close]);
            }
            (_, Ok(Answer::Done { done })) => {
                actions.push(Action::Say(Tone::Done, done));
                actions.extend(self.show());
            }
            (SET, Ok(Answer::User(info))) => {
                let before = self.info.as_ref().is_some_and(|info| info.row.exempt);
                let who = shown(&info.row.name);
                let words = match (before, info.row.exempt) {
                    (false, true) => format!("{who} is exempt: no code is asked for"),
                    (true, false) => format!("{who} is asked for a code again"),
                    _ => format!("{who} has no password on this box any more: the directory is asked"),
                };
                self.take(info, context);
                actions.push(Action::Say(Tone::Done, words));
                actions.extend(self.show());
            }
            (_, Ok(_)) => {}
            (_, Err(mut failure)) => {
                failure.message = at_user(&failure.message);
                actions.push(Action::Fail(failure));
            }
        }
        actions
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        let name = self.name.clone();
        match told {
            Told::Yes(ENABLE) => vec![Action::Ask(DO, Request::UserEnable { name })],
            Told::Yes(DISABLE) => vec![Action::Ask(DO, Request::UserDisable { name })],
            Told::Yes(EXEMPT) => self.set(Some(true), None),
            Told::Yes(NO_PASSWORD) => self.set(None, Some(PasswordChange::Remove)),
            Told::Yes(REMOVE) => vec![Action::Ask(REMOVE, Request::UserRemove { name })],
            Told::Yes(WHICH_TOKEN) => match self.going.take() {
                Some(id) => vec![Action::Ask(DO, Request::TokenRemove { user: name, id })],
                None => Vec::new(),
            },
            Told::Picked(WHICH_TOKEN, id) => self.ask_token(&id),
            Told::Picked(WHICH_CLOCK, id) => {
                let tokens = self.info.iter().flat_map(|info| &info.tokens);
                let chosen = tokens.filter(|token| token.id.0.to_string() == id);
                let mut screens = chosen.map(|token| Action::Open(Box::new(TokenClock::new(token))));
                screens.next().into_iter().collect()
            }
            Told::Picked(PASSWORD, word) if word == "set" => {
                vec![Action::Open(Box::new(LocalPassword::new(&name)))]
            }
            Told::Picked(PASSWORD, _) => {
                let title = format!("Remove the password of {}", shown(&name));
                let lines = vec!["From then on the directory is asked for this user's password.".to_owned()];
                vec![Action::Open(Box::new(Confirm::new(NO_PASSWORD, &title, lines)))]
            }
            Told::Yes(_) | Told::Picked(..) => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = page.area();
        let x = area.x.saturating_add(2);
        let width = area.width.saturating_sub(4);
        page.put(x, area.y.saturating_add(1), width, &shown(&self.name), Look::Strong);
        let Some(info) = &self.info else { return };
        let (words, look) = facts::standing(info);
        page.put(x, area.y.saturating_add(2), width, words, look);
        let top = area.y.saturating_add(HEAD);
        let bottom = area.bottom();
        for (y, (number, deed)) in (top..bottom).zip(self.deeds(context).iter().enumerate()) {
            if self.list.at() == Some(number) {
                page.put(area.x, y, 1, page.sign(Sign::Marker), Look::Strong);
            }
            page.put(x, y, 3, deed.letter(), Look::Strong);
            page.put(
                x.saturating_add(4),
                y,
                LIST.saturating_sub(6),
                deed.words(),
                Look::Plain,
            );
        }
        let facts = Self::facts_area(area);
        self.scroll.draw(page, facts, &facts::lines(info, facts.width, context));
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        // The letters stand in the list.
        vec![
            ("Enter", "do it"),
            ("Up/Down", "choose"),
            ("Page Down", "more about the user"),
            ("Esc", "back"),
        ]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "One user. On the left what can be done: press its letter, or go to it and press Enter. On the right what is known. Page Down \
             shows the rest of it.",
            "Set a token right is for a token whose clock or counter is far off: it takes two codes. A bypass code lets a user in once whose token \
             is at home. Unlock takes away locks after wrong codes, and lets wrong passwords count from zero.",
            "Disable refuses every login and keeps everything. Exempt asks for no code. A local password is kept on this box, and no \
             directory is asked. These are an installer's.",
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
