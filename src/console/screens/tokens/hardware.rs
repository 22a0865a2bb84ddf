//! Hardware tokens that users have: all of them, or those that were begun here and wait. In: a part of a name, model or serial
//! number, and pages of what has it; out: the user, or the token taken up where it stands.
//!
//! ```text
//! Postern box-1 | Tokens that wait                         anna installer  14:05
//!   Find [                                               ]  2 found
//!
//! > anna@contoso.example          OTPC-P2-i 8659622000001  waits for its code
//!   bernd@contoso.example         OTPC-P2-i 8659622000002  not written
//!
//! Enter go on with it  Del remove  Tab user  Esc back  ? help
//! ```

use crate::console::action::{Action, Told, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::screens::codes::Codes;
use crate::console::screens::confirm::Confirm;
use crate::console::screens::program::{Program, device_words};
use crate::console::screens::user::User;
use crate::console::widgets::columns::columns;
use crate::console::widgets::finder::{Finder, Found, height};
use crate::control::{
    Answer, Failure, HardwareAsk, HardwareWhich, PageAsk, Request, Role, TokenInfo, TokenSource, TokenStatus,
};
use crate::text::shown;

const LIST: u32 = 1;
const REMOVE: u32 = 2;
/// Columns of model and serial number, and of the state.
const DEVICE: u16 = 27;
const STATE: u16 = 18;

impl Found for TokenInfo {
    fn mark(&self) -> String {
        self.id.0.to_string()
    }

    fn is_typed(&self, text: &str) -> bool {
        self.serial == text
    }
}

/// The list.
#[derive(Debug)]
pub struct Hardware {
    which: HardwareWhich,
    finder: Finder<TokenInfo>,
    /// The one that goes, once that is confirmed.
    going: Option<TokenInfo>,
}

impl Hardware {
    /// All that users have.
    pub fn all() -> Self {
        let ask = |page: PageAsk| {
            Request::HardwareList(HardwareAsk {
                which: HardwareWhich::All,
                page,
            })
        };
        Self {
            which: HardwareWhich::All,
            finder: Finder::new(LIST, ask),
            going: None,
        }
    }

    /// Those that were begun here and wait.
    pub fn pending() -> Self {
        let ask = |page: PageAsk| {
            Request::HardwareList(HardwareAsk {
                which: HardwareWhich::Pending,
                page,
            })
        };
        Self {
            which: HardwareWhich::Pending,
            finder: Finder::new(LIST, ask),
            going: None,
        }
    }

    fn acts(&self, context: &Context) -> bool {
        self.which == HardwareWhich::Pending && context.may(Role::Helpdesk)
    }

    fn choose(&mut self, context: &Context) -> Vec<Action> {
        let acts = self.acts(context);
        let Some(token) = self.finder.enter() else {
            return Vec::new();
        };
        let screen: Box<dyn Screen> = match acts {
            true => go_on(token),
            false => Box::new(User::new(&token.user)),
        };
        vec![Action::Open(screen)]
    }

    fn ask_remove(&mut self) -> Vec<Action> {
        let Some(token) = self.finder.here().cloned() else {
            return Vec::new();
        };
        let lines = vec![
            format!("{} of {} does not count yet.", device_words(&token), shown(&token.user)),
            "It is forgotten: whatever key it holds is good for nobody. It can be programmed again at any time."
                .to_owned(),
        ];
        let title = format!("Remove token #{} of {}", token.id.0, shown(&token.user));
        self.going = Some(token);
        vec![Action::Open(Box::new(Confirm::new(REMOVE, &title, lines)))]
    }
}

/// The screen that takes up a token that waits.
fn go_on(token: &TokenInfo) -> Box<dyn Screen> {
    match token.source {
        TokenSource::Programmed(programmed) if programmed.written.is_none() => Box::new(Program::anew(&token.user)),
        TokenSource::Programmed(_) => Box::new(Program::resume(token)),
        // A maker's token: its code is all that is missing.
        TokenSource::App | TokenSource::File => Box::new(Codes::confirm(&token.user)),
    }
}

/// How a hardware token stands, in a few words.
pub fn state_words(token: &TokenInfo) -> &'static str {
    match (token.status, token.source) {
        (TokenStatus::Active, _) => "active",
        (TokenStatus::Resync, _) => "needs a resync",
        (TokenStatus::Pending, TokenSource::Programmed(programmed)) if programmed.written.is_none() => "not written",
        (TokenStatus::Pending, _) => "waits for its code",
    }
}

impl Screen for Hardware {
    fn name(&self) -> &'static str {
        match self.which {
            HardwareWhich::All => "tokens-hardware",
            HardwareWhich::Pending => "tokens-waiting",
        }
    }

    fn title(&self) -> String {
        match self.which {
            HardwareWhich::All => "Hardware tokens",
            HardwareWhich::Pending => "Tokens that wait",
        }
        .to_owned()
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
            Key::Delete if self.acts(context) && !self.finder.is_within() => return self.ask_remove(),
            Key::Tab => {
                let user = self.finder.here().map(|token| User::new(&token.user));
                return user.map(|user| Action::Open(Box::new(user))).into_iter().collect();
            }
            _ => {}
        }
        self.finder.on(key, height(context.size)).unwrap_or_default()
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        match (tag, answer) {
            (LIST, Ok(Answer::Hardware(list))) => {
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
            (REMOVE, Ok(Answer::Done { done })) => {
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
            (Told::Yes(REMOVE), Some(token)) => {
                let (user, id) = (token.user, token.id);
                vec![Action::Ask(REMOVE, Request::TokenRemove { user, id })]
            }
            _ => Vec::new(),
        }
    }

    fn tick(&mut self, context: &Context) -> Vec<Action> {
        self.finder.tick(height(context.size))
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let glyphs = page.caps().glyphs;
        let names = page.area().width.saturating_sub(DEVICE + STATE + 4).min(66);
        let row = |token: &TokenInfo| {
            let (user, device) = (shown(&token.user), device_words(token));
            let line = columns(
                &[(&user, names), (&device, DEVICE), (state_words(token), STATE)],
                glyphs,
            );
            (line, Look::Plain)
        };
        let empty = match self.which {
            HardwareWhich::All => "No user has a hardware token yet.",
            HardwareWhich::Pending => "No token waits: whatever was begun has been confirmed.",
        };
        self.finder.draw(page, row, empty);
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        match self.acts(context) {
            true => vec![
                ("Enter", "go on with it"),
                ("Del", "remove"),
                ("Tab", "the user"),
                ("type", "to find"),
                ("Esc", "back"),
            ],
            false => vec![
                ("Enter", "the user"),
                ("type", "to find"),
                ("Up/Down", "choose"),
                ("Esc", "back"),
            ],
        }
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Type or scan a part of a name, a model or a serial number: the list follows. Up and Down choose, Enter goes on.",
            "Not written: the writing was cut off, so place the token again, and it gets another key. Waits for its code: the token holds \
             its key, and counts once a code of it was typed.",
        ]
    }

    fn types(&self, character: char) -> bool {
        self.finder.types(character)
    }
}
