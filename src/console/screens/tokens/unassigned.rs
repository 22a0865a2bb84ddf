//! The drawer: tokens that came with a maker's file and that nobody has yet. In: a part of a serial number or model, and pages of
//! what has it; out: a token to be given to somebody, or one that is forgotten.
//!
//! ```text
//! Postern box-1 | In the drawer                            anna installer  14:05
//!   Find [                                               ]  40 found
//!
//! > 1100004821       Contoso HardwareKey       sha1, 6 digits, 30 s
//! ```

use super::assign::Assign;
use crate::console::action::{Action, Told, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::screens::confirm::Confirm;
use crate::console::widgets::columns::columns;
use crate::console::widgets::finder::{Finder, Found, height};
use crate::control::{Algorithm, Answer, Failure, OtpParameters, Request, Role, UnassignedInfo};
use crate::text::shown;

const LIST: u32 = 1;
const FORGET: u32 = 2;
/// Columns of serial number and model.
const SERIAL: u16 = 20;
const MODEL: u16 = 30;

impl Found for UnassignedInfo {
    fn mark(&self) -> String {
        format!("{} {}", self.serial, self.model)
    }

    fn is_typed(&self, text: &str) -> bool {
        self.serial == text
    }
}

/// The list.
#[derive(Debug)]
pub struct Drawer {
    finder: Finder<UnassignedInfo>,
    /// The one that goes, once that is confirmed.
    going: Option<UnassignedInfo>,
}

impl Drawer {
    /// Asks for the list itself.
    pub fn new() -> Self {
        Self {
            finder: Finder::new(LIST, Request::UnassignedList),
            going: None,
        }
    }

    fn choose(&mut self, context: &Context) -> Vec<Action> {
        let token = self.finder.enter().cloned();
        match token.filter(|_| context.may(Role::Helpdesk)) {
            Some(token) => vec![Action::Open(Box::new(Assign::of(&token.serial)))],
            None => Vec::new(),
        }
    }

    fn ask_forget(&mut self) -> Vec<Action> {
        let Some(token) = self.finder.here().cloned() else {
            return Vec::new();
        };
        let lines = vec![
            format!(
                "{} {} and its key are forgotten.",
                shown(&token.model),
                shown(&token.serial)
            ),
            "It can be given to nobody then, until its maker's file is imported again.".to_owned(),
        ];
        self.going = Some(token);
        vec![Action::Open(Box::new(Confirm::strong(
            FORGET,
            "Forget a token",
            lines,
            "forget",
        )))]
    }
}

/// How a token of nobody makes its codes, in a few words.
pub fn unassigned_kind(parameters: OtpParameters) -> String {
    let (algorithm, digits, moved) = match parameters {
        OtpParameters::Totp(totp) => (totp.algorithm, totp.digits, format!("{} s", totp.period)),
        OtpParameters::Hotp(hotp) => (hotp.algorithm, hotp.digits, "counter".to_owned()),
    };
    let hash = match algorithm {
        Algorithm::Sha1 => "sha1",
        Algorithm::Sha256 => "sha256",
        Algorithm::Sha512 => "sha512",
    };
    format!("{hash}, {digits} digits, {moved}")
}

impl Screen for Drawer {
    fn name(&self) -> &'static str {
        "tokens-drawer"
    }

    fn title(&self) -> String {
        "In the drawer".to_owned()
    }

    fn refresh(&mut self, context: &Context) -> Vec<Action> {
        self.finder.ask(height(context.size))
    }

    fn watches(&self) -> Topics {
        Topics::RECORDS
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        match key {
            Key::Esc => return vec![Action::Close],
            Key::Enter => return self.choose(context),
            Key::Delete if context.may(Role::Installer) && !self.finder.is_within() => return self.ask_forget(),
            _ => {}
        }
        self.finder.on(key, height(context.size)).unwrap_or_default()
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        match (tag, answer) {
            (LIST, Ok(Answer::Unassigned(list))) => {
                let (mut actions, granted) = self.finder.take(list.tokens, list.total, height(context.size));
                if granted {
                    actions.extend(self.choose(context));
                }
                actions
            }
            (LIST, Err(failure)) => {
                let mut actions = self.finder.failed();
                actions.push(Action::Fail(failure));
                actions
            }
            (FORGET, Ok(Answer::Done { done })) => {
                let mut actions = vec![Action::Say(Tone::Done, done)];
                actions.extend(self.finder.ask(height(context.size)));
                actions
            }
            (_, Ok(_)) => Vec::new(),
            (_, Err(failure)) => vec![Action::Fail(failure)],
        }
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        match (told, self.going.take()) {
            (Told::Yes(FORGET), Some(token)) => {
                let (serial, model) = (token.serial, Some(token.model));
                vec![Action::Ask(FORGET, Request::UnassignedRemove { serial, model })]
            }
            _ => Vec::new(),
        }
    }

    fn tick(&mut self, context: &Context) -> Vec<Action> {
        self.finder.tick(height(context.size))
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let glyphs = page.caps().glyphs;
        let rest = page.area().width.saturating_sub(SERIAL + MODEL + 4);
        let row = |token: &UnassignedInfo| {
            let (serial, model) = (shown(&token.serial), shown(&token.model));
            let kind = unassigned_kind(token.parameters);
            (
                columns(&[(&serial, SERIAL), (&model, MODEL), (&kind, rest)], glyphs),
                Look::Plain,
            )
        };
        let empty = "Nothing lies there. A maker's file without users, imported with i on the first screen, fills it.";
        self.finder.draw(page, row, empty);
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        let mut hints = Vec::new();
        if context.may(Role::Helpdesk) {
            hints.push(("Enter", "give it to somebody"));
        }
        if context.may(Role::Installer) {
            hints.push(("Del", "forget it"));
        }
        hints.extend([("type", "to find"), ("Up/Down", "choose"), ("Esc", "back")]);
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Tokens whose keys came with a maker's file and that have no user yet. Scan or type the serial number of one, press Enter, \
             and choose who gets it; it counts once its code was typed.",
            "An installer can forget one: its key goes, as if it had never been imported.",
        ]
    }

    fn types(&self, character: char) -> bool {
        self.finder.types(character)
    }
}
