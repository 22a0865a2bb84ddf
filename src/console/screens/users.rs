//! Users: search as one types among all of them. In: what was typed, and a page of the names that contain it; out: one user, for what
//! the list was opened for. It never holds more than one page, whatever posternd holds.
//!
//! ```text
//! Postern box-1 | Users                                    anna installer  14:05
//!   Find [ann                                            ]  3 of 100,000
//!
//! > anna@contoso.example                            locked
//!   hanna@contoso.example
//!   joanna@contoso.example                          no token
//!
//! Enter open  Tab why  Esc back  ? help
//! ```

mod drawing;
mod many;
mod purpose;
mod window;

use super::confirm::Confirm;
use super::program::Program;
use super::why::Why;
use crate::console::action::{Action, Told, Tone};
use crate::console::key::Key;
use crate::console::page::Page;
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::field::{Field, name};
use crate::console::widgets::list::List;
use crate::control::{Answer, Failure, Request, Role, UserRow, UserSearch};
use crate::text::shown;

use drawing::HEAD;
pub use drawing::{grouped, state_words};
use many::Marks;
pub use purpose::Purpose;
use window::Window;

/// What a screen tells the list (or whoever opened it) when the user is dealt with: the list then closes too.
pub const FINISHED: u32 = 0xf1;

/// What the list tells when a user was chosen for a token of the drawer.
pub const ASSIGNEE: u32 = 0xf2;

/// The most characters of a name that are taken.
const NAME_MAX: usize = 253;
const LIST: u32 = 1;
const UNLOCK: u32 = 2;
const MAKE: u32 = 3;
/// Pages on which a marked user is looked for who is not where one was.
const PAGES_MAX: u8 = 4;

/// What is to be done with the marked user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// What the list was opened for.
    Act,
    /// Why somebody got in, or did not.
    Why,
}

/// The row where one is.
#[derive(Debug, PartialEq, Eq)]
enum Marked {
    /// A user.
    User(String),
    /// The name as typed, which no user has.
    Typed(String),
    /// Nobody.
    Nobody,
}

/// The list.
#[derive(Debug)]
pub struct Users {
    purpose: Purpose,
    field: Field,
    list: List,
    window: Option<Window>,
    /// How many users there are in all, once known.
    everybody: Option<usize>,
    asked: Asked,
    /// What was asked for last.
    wanted: UserSearch,
    /// Search and offset of the question that is on its way.
    flying: UserSearch,
    /// Enter or Tab was pressed before the answer to what had been typed was there.
    held: Option<Wish>,
    /// No key came since an unlock was asked for.
    is_untouched: bool,
    /// Pages that were asked for to find the marked user again.
    pages: u8,
    /// Who is to get a token, one after the other.
    marks: Marks,
}

impl Users {
    /// For a purpose.
    pub fn new(purpose: Purpose) -> Self {
        let nothing = UserSearch {
            search: String::new(),
            offset: 0,
            limit: 0,
            without_token: false,
        };
        Self {
            purpose,
            field: Field::new(NAME_MAX, name),
            list: List::new(0),
            window: None,
            everybody: None,
            asked: Asked::new(LIST),
            wanted: nothing.clone(),
            flying: nothing,
            held: None,
            is_untouched: false,
            pages: 0,
            marks: Marks::default(),
        }
    }

    /// Rows of the list on a screen of this size.
    fn height(context: &Context) -> u16 {
        context.size.1.saturating_sub(3).saturating_sub(HEAD).max(1)
    }

    /// Whether the first row makes a user of what was typed: no user has exactly this name.
    fn makes(&self) -> bool {
        let Some(window) = &self.window else { return false };
        self.purpose.makes() && !window.search.is_empty() && window.exact().is_none()
    }

    /// Rows before the users'.
    fn extra(&self) -> usize {
        usize::from(self.makes())
    }

    /// Asks for the page where one is, of what was typed.
    fn ask(&mut self, context: &Context) -> Vec<Action> {
        let is_same = self
            .window
            .as_ref()
            .is_some_and(|window| window.search == self.field.text());
        let offset = match is_same {
            true => self.list.top(Self::height(context)).saturating_sub(self.extra()),
            false => 0,
        };
        self.pages = 0;
        self.ask_at(offset, context)
    }

    /// Asks for the page that begins here.
    fn ask_at(&mut self, offset: usize, context: &Context) -> Vec<Action> {
        self.wanted = UserSearch {
            search: self.field.text().to_owned(),
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
            limit: u32::from(Self::height(context)),
            without_token: false,
        };
        let actions = self.asked.ask(Request::UserList(self.wanted.clone()));
        if !actions.is_empty() {
            self.flying = self.wanted.clone();
        }
        actions
    }

    /// Asks for another page where the marker went to one.
    fn ask_if_moved(&mut self, context: &Context) -> Vec<Action> {
        let top = self.list.top(Self::height(context)).saturating_sub(self.extra());
        let is_wanted = usize::try_from(self.wanted.offset) == Ok(top) && self.wanted.search == self.field.text();
        if is_wanted { Vec::new() } else { self.ask(context) }
    }

    /// The answer to what was typed is there, and has the row where one is.
    fn is_fresh(&self) -> bool {
        let is_answered = self
            .window
            .as_ref()
            .is_some_and(|window| window.search == self.field.text());
        is_answered && (self.list.at().is_none() || self.row().is_some() || self.marks_made())
    }

    /// Nobody else can be meant: a name typed in full, the only match, or somebody new.
    fn is_sure(&self) -> bool {
        let Some(window) = &self.window else { return false };
        match self.marked() {
            Marked::User(name) => window.is_single() || name == window.search.to_lowercase(),
            Marked::Typed(_) => true,
            Marked::Nobody => false,
        }
    }

    fn marks_made(&self) -> bool {
        let is_same = self
            .window
            .as_ref()
            .is_some_and(|window| window.search == self.field.text());
        is_same && self.makes() && self.list.at() == Some(0)
    }

    /// The user of the row where one is, if that row is here.
    fn row(&self) -> Option<&UserRow> {
        let at = self.list.at()?.checked_sub(self.extra())?;
        let window = self.window.as_ref()?;
        window.users.get(at.checked_sub(window.offset)?)
    }

    fn marked(&self) -> Marked {
        if let Some(row) = self.row() {
            return Marked::User(row.name.clone());
        }
        match &self.window {
            Some(window) if !window.search.is_empty() && (window.total == 0 || self.marks_made()) => {
                Marked::Typed(window.search.clone())
            }
            _ => Marked::Nobody,
        }
    }

    /// A page came. The marker is where nobody else can be meant, or where it was put, and nowhere else.
    fn take(&mut self, window: Window, context: &Context) -> Vec<Action> {
        if window.search.is_empty() {
            self.everybody = Some(window.total);
        }
        let is_same = self.window.as_ref().is_some_and(|old| old.search == window.search);
        let before = self.row().filter(|_| is_same).map(|row| row.name.clone());
        let did_make = is_same && self.marks_made();
        let is_turned = is_same && before.is_none() && !did_make && self.list.at().is_some();
        let meant = match &before {
            Some(name) => window.place(name),
            None if is_turned => None,
            None => window.exact(),
        };
        // Others came or went before the marked user, who stands on another page now.
        if let (Some(name), None) = (&before, meant)
            && let Some(offset) = window.toward(name, usize::from(Self::height(context)))
            && self.pages < PAGES_MAX
        {
            self.pages = self.pages.saturating_add(1);
            return self.ask_at(offset, context);
        }
        let (total, offset, is_single) = (window.total, window.offset, window.is_single());
        self.window = Some(window);
        let extra = self.extra();
        self.list.set_length(total.saturating_add(extra));
        match meant {
            Some(at) => self.list.go(at.saturating_add(extra)),
            None if is_turned => {}
            None if extra > 0 && (did_make || !is_same) => self.list.go(0),
            None if is_same => {
                if self.pages > 0 {
                    self.list.go(offset.saturating_add(extra));
                }
                self.list.unmark();
            }
            None => {
                self.list.go(0);
                if !is_single {
                    self.list.unmark();
                }
            }
        }
        // Rows that went take the marker to another page.
        self.ask_if_moved(context)
    }

    /// Enter or Tab. What is not on the screen yet is waited for.
    fn wish(&mut self, wish: Wish) -> Vec<Action> {
        self.held = None;
        if !self.is_fresh() {
            self.held = Some(wish);
            return Vec::new();
        }
        match (self.marked(), wish) {
            (Marked::Nobody, _) => self.choose_first(wish),
            (Marked::User(name) | Marked::Typed(name), Wish::Why) => vec![Action::Open(Box::new(Why::new(&name)))],
            (Marked::Typed(name), Wish::Act) if self.purpose.makes() => self.make(&name),
            // Perhaps another spelling of somebody: posternd knows all of them (R3), and says so where it is none.
            (Marked::User(name) | Marked::Typed(name), Wish::Act) => self.act(&name),
        }
    }

    /// What was waited for is there: the rows were not seen when the key was pressed, so that it takes none of several.
    fn granted(&mut self) -> Vec<Action> {
        match self.held {
            Some(wish) if self.is_fresh() => match self.is_sure() {
                true => self.wish(wish),
                false => {
                    self.held = None;
                    self.choose_first(wish)
                }
            },
            _ => Vec::new(),
        }
    }

    fn choose_first(&self, wish: Wish) -> Vec<Action> {
        if self.list.length() == 0 {
            return Vec::new();
        }
        let key = match wish {
            Wish::Act => "Enter",
            Wish::Why => "Tab",
        };
        let words = format!("Choose one with Up and Down, then press {key}");
        vec![Action::Say(Tone::Look, words)]
    }

    fn act(&mut self, name: &str) -> Vec<Action> {
        match self.purpose {
            Purpose::Unlock => {
                self.is_untouched = true;
                vec![Action::Ask(UNLOCK, Request::UserUnlock { name: name.to_owned() })]
            }
            Purpose::Assign => vec![Action::CloseWith(Told::Picked(ASSIGNEE, name.to_owned()))],
            purpose => purpose.screen(name).map(Action::Open).into_iter().collect(),
        }
    }

    /// Somebody new. Where other names contain this one, a part of a name may have been typed, so that it asks first.
    fn make(&self, name: &str) -> Vec<Action> {
        let others = self.window.as_ref().map_or(0, |window| window.total);
        if others == 0 {
            return self.purpose.make(name).map(Action::Open).into_iter().collect();
        }
        let title = format!("Make a new user {}", shown(name));
        let names = match others {
            1 => "One user's name contains".to_owned(),
            more => format!("The names of {} users contain", grouped(more)),
        };
        let lines = vec![
            format!("Nobody is called exactly {}. {names} it.", shown(name)),
            "Yes makes a new user of this name. No goes back to choose one who is there.".to_owned(),
        ];
        vec![Action::Open(Box::new(Confirm::new(MAKE, &title, lines)))]
    }
}

impl Screen for Users {
    fn name(&self) -> &'static str {
        "users"
    }

    fn title(&self) -> String {
        self.purpose.title().to_owned()
    }

    fn refresh(&mut self, context: &Context) -> Vec<Action> {
        self.ask(context)
    }

    fn watches(&self) -> Topics {
        Topics::RECORDS
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        self.is_untouched = false;
        match key {
            Key::Esc if !self.marks.is_empty() => {
                self.marks = Marks::default();
                return Vec::new();
            }
            Key::Esc => return vec![Action::Close],
            Key::Enter if !self.marks.is_empty() => {
                let names = std::mem::take(&mut self.marks).names();
                return vec![Action::Open(Box::new(Program::many(names)))];
            }
            Key::Enter => return self.wish(Wish::Act),
            Key::Tab => return self.wish(Wish::Why),
            Key::Char(' ') if self.purpose == Purpose::Program => return self.mark(context),
            Key::F(2) if self.purpose == Purpose::Program => {
                return vec![Action::Open(Box::new(Program::without_token(self.field.text())))];
            }
            _ => {}
        }
        if self.list.on(key, Self::height(context)) {
            self.held = None;
            return self.ask_if_moved(context);
        }
        if self.field.on(key) {
            self.held = None;
            return self.ask(context);
        }
        Vec::new()
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        match (tag, answer) {
            (LIST, answer) => {
                let of = self.flying.clone();
                let is_stale = self.asked.stale();
                let mut actions = self.asked.landed();
                if !actions.is_empty() {
                    self.flying = self.wanted.clone();
                }
                match answer {
                    Ok(Answer::Users(found)) => {
                        let window = Window {
                            search: of.search,
                            offset: usize::try_from(of.offset).unwrap_or(0),
                            total: usize::try_from(found.total).unwrap_or(usize::MAX),
                            users: found.users,
                        };
                        if !is_stale {
                            actions.extend(self.take(window, context));
                        } else if window.search.is_empty() {
                            self.everybody = Some(window.total);
                        }
                        actions.extend(self.granted());
                    }
                    Ok(_) => {}
                    Err(failure) => {
                        self.held = None;
                        actions.push(Action::Fail(failure));
                    }
                }
                actions
            }
            // The list stays: keys that are typed ahead are the next name here, and shortcuts on the first screen.
            (_, Ok(Answer::Done { done })) => {
                let mut actions = vec![Action::Say(Tone::Done, done)];
                if self.is_untouched {
                    self.field.clear();
                    actions.extend(self.ask(context));
                }
                actions
            }
            (_, Ok(_)) => Vec::new(),
            (_, Err(failure)) => vec![Action::Fail(failure)],
        }
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        match told {
            Told::Yes(MAKE) => {
                let screen = self.purpose.make(self.field.text());
                screen.map(Action::Open).into_iter().collect()
            }
            Told::Picked(FINISHED, _) => vec![Action::Close],
            Told::Yes(_) | Told::Picked(..) => Vec::new(),
        }
    }

    fn tick(&mut self, context: &Context) -> Vec<Action> {
        // A window that was made larger has room for more.
        match self.wanted.limit == u32::from(Self::height(context)) {
            true => Vec::new(),
            false => self.ask(context),
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        self.draw_all(page);
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        if !self.marks.is_empty() {
            return vec![
                ("Enter", "program the marked"),
                ("Space", "mark or not"),
                ("Esc", "unmark all"),
            ];
        }
        let mut hints = vec![("Enter", self.purpose.enter())];
        if self.purpose == Purpose::Program {
            hints.extend([
                ("Space", "mark several"),
                ("F2", "all without a token"),
                ("Esc", "back"),
            ]);
            return hints;
        }
        if self.purpose != Purpose::Why && context.may(Role::Auditor) {
            hints.push(("Tab", "why"));
        }
        hints.extend([("type", "to find"), ("Up/Down", "choose"), ("Esc", "back")]);
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        self.purpose.help()
    }

    fn types(&self, character: char) -> bool {
        self.field.accepts(character)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
