//! By serial number: who has a token, or who gets one from the drawer. In: a number that is typed or scanned, and a user; out: a
//! token that waits for its first code, which is asked for at once.
//!
//! ```text
//! Postern box-1 | By serial number                         anna installer  14:05
//!
//!   Serial number [1100004821                    ]
//!
//! > 1100004821  Contoso HardwareKey  in the drawer: give it to somebody
//!
//! Enter give it to somebody  type another number  Esc back  ? help
//! ```

use ratatui::layout::Rect;

use super::hardware::state_words;
use super::unassigned::unassigned_kind;
use crate::console::action::{Action, Told, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::screens::codes::Codes;
use crate::console::screens::commands::of_user;
use crate::console::screens::program::device_words;
use crate::console::screens::user::User;
use crate::console::screens::users::{ASSIGNEE, Purpose, Users};
use crate::console::widgets::field::{Field, name};
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::list::List;
use crate::control::{Answer, Failure, Request, Role, SerialReport, TokenAssign, TokenInfo, UnassignedInfo};
use crate::text::shown;

const SHOW: u32 = 1;
const ASSIGN: u32 = 2;
/// The longest serial number that is taken.
const SERIAL_MAX: usize = 64;
/// Columns of the field.
const FIELD: u16 = 34;

/// Something that has the number.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Has {
    /// Somebody's token.
    User(TokenInfo),
    /// Nobody's.
    Nobody(UnassignedInfo),
}

/// How far it is.
#[derive(Debug)]
enum Stage {
    /// A number is typed.
    Typing,
    /// posternd is asked who has it.
    Asking,
    /// These have it.
    Found(Vec<Has>),
    /// It becomes somebody's.
    Giving,
}

/// The screen.
#[derive(Debug)]
pub struct Assign {
    /// Who gets it, where that is known already.
    user: Option<String>,
    field: Field,
    stage: Stage,
    list: List,
    /// The token of the drawer that was chosen.
    chosen: Option<UnassignedInfo>,
}

impl Assign {
    /// For a number that is not known yet.
    pub fn new() -> Self {
        Self {
            user: None,
            field: Field::new(SERIAL_MAX, name),
            stage: Stage::Typing,
            list: List::new(0),
            chosen: None,
        }
    }

    /// For this user.
    pub fn to(user: &str) -> Self {
        Self {
            user: Some(user.to_owned()),
            ..Self::new()
        }
    }

    /// For this number.
    pub fn of(serial: &str) -> Self {
        Self {
            field: Field::new(SERIAL_MAX, name).with(serial),
            stage: Stage::Asking,
            ..Self::new()
        }
    }

    fn show(&mut self) -> Vec<Action> {
        let serial = self.field.text().trim().to_owned();
        if serial.is_empty() {
            self.stage = Stage::Typing;
            return Vec::new();
        }
        self.stage = Stage::Asking;
        vec![Action::Ask(SHOW, Request::SerialShow { serial })]
    }

    fn found(&mut self, report: SerialReport) -> Vec<Action> {
        let users = report.tokens.into_iter().map(Has::User);
        let found: Vec<Has> = report.unassigned.into_iter().map(Has::Nobody).chain(users).collect();
        self.list = List::new(found.len());
        self.stage = Stage::Found(found);
        // What Enter does now was not on the screen when the number was scanned.
        vec![Action::Unseen]
    }

    fn here(&self) -> Option<&Has> {
        match &self.stage {
            Stage::Found(found) => found.get(self.list.at()?),
            _ => None,
        }
    }

    fn choose(&mut self, context: &Context) -> Vec<Action> {
        match self.here().cloned() {
            None => Vec::new(),
            Some(Has::User(token)) => vec![Action::Open(Box::new(User::new(&token.user)))],
            Some(Has::Nobody(_)) if !context.may(Role::Helpdesk) => Vec::new(),
            Some(Has::Nobody(token)) => {
                self.chosen = Some(token);
                match self.user.clone() {
                    Some(user) => self.give(user),
                    None => vec![Action::Open(Box::new(Users::new(Purpose::Assign)))],
                }
            }
        }
    }

    fn give(&mut self, user: String) -> Vec<Action> {
        let Some(token) = self.chosen.take() else {
            return Vec::new();
        };
        self.stage = Stage::Giving;
        let ask = TokenAssign {
            user,
            serial: token.serial,
            model: Some(token.model),
        };
        vec![Action::Ask(ASSIGN, Request::TokenAssign(ask))]
    }
}

impl Screen for Assign {
    fn name(&self) -> &'static str {
        "tokens-serial"
    }

    fn title(&self) -> String {
        match &self.user {
            Some(user) => format!("A token for {}", shown(user)),
            None => "By serial number".to_owned(),
        }
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        match self.stage {
            // Back from the user: it may have changed hands.
            Stage::Found(_) | Stage::Asking => self.show(),
            Stage::Typing | Stage::Giving => Vec::new(),
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        match (key, &self.stage) {
            (Key::Esc, _) => return vec![Action::Close],
            (_, Stage::Giving) => {}
            (Key::Enter, Stage::Typing) => return self.show(),
            (Key::Enter, Stage::Found(found)) if found.is_empty() => return self.show(),
            (Key::Enter, _) => return self.choose(context),
            (Key::Up | Key::Down, Stage::Found(_)) => {
                self.list.on(key, 10);
            }
            // The next number is scanned over the last one.
            (Key::Char(_), Stage::Found(_)) => {
                self.field.clear();
                self.field.on(key);
                self.stage = Stage::Typing;
            }
            (key, _) => {
                if self.field.on(key) {
                    self.stage = Stage::Typing;
                }
            }
        }
        Vec::new()
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        match (tag, answer, &self.stage) {
            (SHOW, Ok(Answer::Serial(report)), Stage::Asking) => self.found(report),
            (ASSIGN, Ok(Answer::Token(token)), _) => {
                let words = format!("{} is for {}: type its code", device_words(&token), shown(&token.user));
                vec![
                    Action::Replace(Box::new(Codes::confirm(&token.user))),
                    Action::Say(Tone::Done, words),
                ]
            }
            (SHOW, Err(mut failure), Stage::Asking) | (ASSIGN, Err(mut failure), _) => {
                failure.message = of_user(&failure.message);
                self.stage = Stage::Typing;
                vec![Action::Fail(failure)]
            }
            _ => Vec::new(),
        }
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        match told {
            Told::Picked(ASSIGNEE, user) => self.give(user),
            _ => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = inset(page.area());
        page.put(area.x, area.y, 14, "Serial number", Look::Faint);
        let is_typing = !matches!(self.stage, Stage::Giving);
        self.field.draw(
            page,
            area.x.saturating_add(14),
            area.y,
            FIELD.min(area.width),
            is_typing,
        );
        let rest = below(area, 2);
        match &self.stage {
            Stage::Typing => {
                let words = match (&self.user, context.may(Role::Helpdesk)) {
                    (Some(user), _) => format!(
                        "Type or scan the number that is printed on a token of the drawer: it becomes a token of {}.",
                        shown(user)
                    ),
                    (None, true) => {
                        "Type or scan the number that is printed on the token: who has it is shown, and one of the \
                                     drawer can be given to somebody."
                            .to_owned()
                    }
                    (None, false) => {
                        "Type or scan the number that is printed on the token: who has it is shown.".to_owned()
                    }
                };
                page.wrapped(rest, &words, Look::Plain);
            }
            Stage::Asking | Stage::Giving => page.line(rest, 0, "Asking posternd ...", Look::Plain),
            Stage::Found(found) if found.is_empty() => {
                let words = format!(
                    "Nobody has {}, and it is not in the drawer. To make it somebody's, import its maker's file, or program it with \
                     a new key (p on the first screen).",
                    shown(self.field.text())
                );
                page.wrapped(rest, &words, Look::Plain);
            }
            Stage::Found(found) => {
                let rows = Rect {
                    x: rest.x.saturating_sub(2),
                    width: rest.width.saturating_add(2),
                    ..rest
                };
                self.list.draw(page, rows, |at| {
                    found
                        .get(at)
                        .map_or((String::new(), Look::Plain), |has| (words(has), Look::Plain))
                });
            }
        }
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        let mut hints = match (&self.stage, self.here()) {
            (Stage::Typing, _) => vec![("Enter", "who has it")],
            (_, Some(Has::User(_))) => vec![("Enter", "the user")],
            (_, Some(Has::Nobody(_))) if context.may(Role::Helpdesk) => match self.user {
                Some(_) => vec![("Enter", "give it")],
                None => vec![("Enter", "give it to somebody")],
            },
            _ => Vec::new(),
        };
        if matches!(self.stage, Stage::Found(_)) {
            hints.push(("type", "another number"));
        }
        hints.push(("Esc", "back"));
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "The number stands on the token. A barcode scanner types it and presses Enter. A token of the drawer came with its maker's \
             file: choose who gets it, and type the code that it shows. It counts from then on.",
            "A token that has no key here is programmed instead: p on the first screen.",
        ]
    }

    fn types(&self, character: char) -> bool {
        self.field.accepts(character)
    }
}

impl Default for Assign {
    fn default() -> Self {
        Self::new()
    }
}

/// Who has it, and how that stands.
fn words(has: &Has) -> String {
    match has {
        Has::User(token) => format!(
            "{}: {}, {}",
            device_words(token),
            shown(&token.user),
            state_words(token)
        ),
        Has::Nobody(token) => {
            let kind = unassigned_kind(token.parameters);
            format!(
                "{} {}: in the drawer, {kind}",
                shown(&token.model),
                shown(&token.serial)
            )
        }
    }
}
