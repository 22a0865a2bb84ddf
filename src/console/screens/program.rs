//! A hardware token gets a new key and becomes somebody's: for one user, or for many, one after the other. In: users, what the
//! readers' thread tells, the code that the token shows; out: a pending token at posternd, its key in the token, and a token that
//! counts once its code was right. Whoever leaves in between loses nothing: what was begun waits as pending, and is said.
//!
//! ```text
//! Postern box-1 | Program a token                          anna installer  14:05
//!
//!   berta@contoso.example
//!
//!   Token     OTPC-P2-i 8659622012345
//!   Reader    USB Serial (/dev/ttyUSB0)
//!   Clock     12 s ahead of the box's
//!   Codes     SHA-1, 6 digits, 30 seconds
//!   Held by   nobody
//!
//!   Enter makes a new key, writes it and sets the token's clock ...
//! Enter write it  o other kind  Esc back  ? help
//! ```

mod answers;
mod drawing;
mod flow;
mod kind;
mod queue;
mod summary;
mod work;

use std::time::Duration;

use super::bench::Bench;
use super::clock::Clock;
use super::users::FINISHED;
use crate::console::action::{Action, Told};
use crate::console::key::Key;
use crate::console::page::Page;
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::list::List;
use crate::control::{
    Answer, ClockReport, Failure, Request, SerialReport, TokenId, TotpParameters, UserInfo, UserSearch,
};
use crate::tokens::desk;
use queue::{Outcome, Queue};
use summary::Summary;
use work::{Target, Work};

pub use work::{device_and_profile, device_words};

const CLOCK: u32 = 1;
const ADD_USER: u32 = 4;
const PROGRAM: u32 = 5;
const WRITTEN: u32 = 6;
const CONFIRM: u32 = 7;
const FORGET: u32 = 8;
const PEOPLE: u32 = 9;
const OVERWRITE: u32 = 20;
const REPLACE: u32 = 21;
const KIND: u32 = 22;

/// The most users that are taken in at once; afterwards one begins anew with those who are left.
const PEOPLE_MAX: u32 = crate::control::USERS_LIMIT_MAX;
/// posternd, or the token, has not answered for so long that whoever waits may leave.
const LATE: Duration = Duration::from_secs(10);

/// How far it is with the one whose turn it is.
#[derive(Debug)]
enum Stage {
    /// Who has no token is asked for, or shown: how many the search found in all, once known.
    Gather { search: String, total: Option<u64> },
    /// A token is waited for, or looked at.
    Look,
    /// posternd makes the user or the key; since when.
    Making(Target, Duration),
    /// The key goes to the token.
    Writing(Box<Work>),
    /// The token has it, and posternd is told; the failure, where it could not take that down.
    Noting(Box<Work>, Option<String>),
    /// The token shows codes: the first one is typed.
    Code(Box<Work>),
    /// The writing failed.
    Trouble(Box<Work>, desk::Trouble),
    /// It counts.
    Done(Box<Work>),
    /// Everybody had a turn, or the operator ended it.
    Summary(Summary),
}

/// The screen.
#[derive(Debug)]
pub struct Program {
    queue: Queue,
    /// The user is made with the first token.
    make: bool,
    /// Opened from a list of users, where another one can be chosen.
    is_from_list: bool,
    stage: Stage,
    bench: Bench,
    /// Among serial ports that may be readers.
    ports: List,
    /// Among the profiles of a token with several.
    profiles: List,
    parameters: TotpParameters,
    /// The box's clock, as posternd knows it.
    clock: Option<ClockReport>,
    clock_asked: Asked,
    /// Whose turn it is, as posternd knows the user.
    info: Option<Box<UserInfo>>,
    /// Who has the token that lies there.
    known: Option<SerialReport>,
    /// Reader and serial number of the token that was looked at last.
    seen: Option<(String, String)>,
    /// How often another token was looked at: an answer about an earlier one is known by it.
    looks: u32,
    /// The target of the question that stands on top.
    question: Option<Target>,
    /// The operator wants another token than the one that waits for its code.
    anew: bool,
    /// Jobs of the readers' thread, counted.
    jobs: u64,
    /// The token that the last of them is for, until it has ended.
    writing: Option<(String, TokenId)>,
}

impl Program {
    /// For a user who is there.
    pub fn new(name: &str) -> Self {
        Self::with(Queue::one(name), Stage::Look)
    }

    /// For somebody who is made with the token.
    pub fn make(name: &str) -> Self {
        Self {
            make: true,
            ..Self::new(name)
        }
    }

    /// For a user who may have a token that waits for its code, and is to have another one instead.
    pub fn anew(name: &str) -> Self {
        Self {
            anew: true,
            ..Self::new(name)
        }
    }

    /// For a token that was written before and waits for its code.
    pub fn resume(token: &crate::control::TokenInfo) -> Self {
        let work = Box::new(Work::resumed(token.clone()));
        Self::with(Queue::one(&token.user), Stage::Code(work))
    }

    /// For some users, one after the other.
    pub fn many(names: impl IntoIterator<Item = String>) -> Self {
        Self::with(Queue::many(names), Stage::Look)
    }

    /// For everybody without a token whose name contains this.
    pub fn without_token(search: &str) -> Self {
        let stage = Stage::Gather {
            search: search.to_owned(),
            total: None,
        };
        Self::with(Queue::many([]), stage)
    }

    /// Another user can be chosen afterwards.
    pub fn from_list(mut self) -> Self {
        self.is_from_list = true;
        self
    }

    fn with(queue: Queue, stage: Stage) -> Self {
        Self {
            queue,
            make: false,
            is_from_list: false,
            stage,
            bench: Bench::default(),
            ports: List::new(0),
            profiles: List::new(0),
            parameters: TotpParameters::default(),
            clock: None,
            clock_asked: Asked::new(CLOCK),
            info: None,
            known: None,
            seen: None,
            looks: 0,
            question: None,
            anew: false,
            jobs: 0,
            writing: None,
        }
    }

    fn is_clock_wrong(&self) -> bool {
        self.clock.as_ref().is_some_and(|clock| !clock.trusted)
    }

    /// posternd, or the token, is waited for: keys change nothing.
    fn is_held(&self) -> bool {
        match &self.stage {
            Stage::Making(..) | Stage::Writing(_) | Stage::Noting(_, None) => true,
            Stage::Code(work) => work.is_checking,
            _ => false,
        }
    }

    /// Nothing has come for so long that nobody is held here.
    fn is_late(&self, context: &Context) -> bool {
        let since = match &self.stage {
            Stage::Making(_, since) => *since,
            Stage::Writing(work) | Stage::Noting(work, None) => work.moved,
            Stage::Code(work) if work.is_checking => work.moved,
            _ => return true,
        };
        context.now.mono.saturating_sub(since) >= LATE
    }

    /// The users without a token, as they are found.
    fn gather(&self) -> Vec<Action> {
        match &self.stage {
            Stage::Gather { search, total: None } => vec![Action::Ask(
                PEOPLE,
                Request::UserList(UserSearch {
                    search: search.clone(),
                    offset: 0,
                    limit: PEOPLE_MAX,
                    without_token: true,
                }),
            )],
            _ => Vec::new(),
        }
    }

    fn on_look(&mut self, key: Key, context: &Context) -> Vec<Action> {
        match key {
            Key::Enter => self.begin(context),
            Key::Left | Key::Right if self.bench.is_several() => {
                self.bench.turn(key == Key::Right);
                self.looked()
            }
            Key::Char('o') if self.bench.token().is_some() => {
                let several = self.bench.token().is_some_and(|token| !token.profiles.is_empty());
                vec![Action::Open(Box::new(kind::choose(KIND, self.parameters, several)))]
            }
            Key::Char('s') if self.queue.is_many() => self.skip(context),
            Key::Char('c') if self.is_clock_wrong() => vec![Action::Open(Box::new(Clock::new()))],
            key => {
                match self.bench.token() {
                    Some(_) => self.profiles.on(key, drawing::PROFILES),
                    None => self.ports.on(key, drawing::PROFILES),
                };
                Vec::new()
            }
        }
    }

    fn on_code(&mut self, key: Key, context: &Context) -> Vec<Action> {
        let Stage::Code(work) = &mut self.stage else {
            return Vec::new();
        };
        match key {
            _ if work.is_checking => Vec::new(),
            Key::Enter => self.confirm(context),
            Key::Char('s') if self.queue.is_many() => self.skip(context),
            Key::Char('n') if work.target.is_none() => {
                self.anew = true;
                self.look()
            }
            key => {
                if work.code.on(key) {
                    work.wrong = None;
                }
                Vec::new()
            }
        }
    }

    fn on_trouble(&mut self, key: Key, context: &Context) -> Vec<Action> {
        match key {
            Key::Enter => self.start_over(context),
            Key::Char('n') => self.another_token(),
            Key::Char('s') if self.queue.is_many() => self.skip(context),
            _ => Vec::new(),
        }
    }

    fn on_done(&self, key: Key) -> Vec<Action> {
        let Stage::Done(work) = &self.stage else {
            return Vec::new();
        };
        match key {
            Key::Enter => vec![Action::CloseWith(Told::Picked(FINISHED, work.token.user.clone()))],
            Key::Char('n') if self.is_from_list => vec![Action::Close],
            _ => Vec::new(),
        }
    }
}

impl Screen for Program {
    fn name(&self) -> &'static str {
        match &self.stage {
            Stage::Gather { .. } | Stage::Look | Stage::Making(..) => "program",
            Stage::Writing(_) | Stage::Noting(..) => "program-writing",
            Stage::Code(_) => "program-code",
            Stage::Trouble(..) => "program-trouble",
            Stage::Done(_) => "program-done",
            Stage::Summary(_) => "program-summary",
        }
    }

    fn title(&self) -> String {
        match (&self.stage, self.queue.is_many()) {
            (_, false) => "Program a token".to_owned(),
            (Stage::Gather { .. }, true) => "Program tokens".to_owned(),
            (Stage::Summary(_), true) => "Programmed tokens".to_owned(),
            (_, true) => {
                let (at, of) = self.queue.place();
                format!("Program: user {at} of {of}")
            }
        }
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        let mut actions = self.clock_asked.ask(Request::TimeShow);
        actions.extend(self.gather());
        if self.info.is_none() {
            actions.extend(self.ask_user());
        }
        actions
    }

    fn watches(&self) -> Topics {
        Topics {
            state: true,
            ..Topics::NONE
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if key == Key::Esc {
            return self.leave(context);
        }
        match &mut self.stage {
            Stage::Gather { total, .. } => match (key, *total) {
                (Key::Enter, Some(1..)) => self.look(),
                _ => Vec::new(),
            },
            Stage::Look => self.on_look(key, context),
            Stage::Making(..) | Stage::Writing(_) | Stage::Noting(_, None) => Vec::new(),
            Stage::Noting(..) if key == Key::Enter => self.note_written(context),
            Stage::Noting(..) => Vec::new(),
            Stage::Code(_) => self.on_code(key, context),
            Stage::Trouble(..) => self.on_trouble(key, context),
            Stage::Done(_) => self.on_done(key),
            Stage::Summary(summary) => summary.on(key, &self.queue, context),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            CLOCK => self.clock_asked.landed(),
            _ => Vec::new(),
        };
        actions.extend(match answer {
            Ok(answer) => self.done(tag, answer, context),
            Err(failure) => self.failed(tag, failure, context),
        });
        actions
    }

    fn told(&mut self, told: Told, context: &Context) -> Vec<Action> {
        match told {
            Told::Yes(OVERWRITE) => self.agreed(context, |target| target.overwrite = true),
            Told::Yes(REPLACE) => self.agreed(context, |target| target.replace = true),
            Told::Picked(KIND, kind) => {
                self.parameters = kind::chosen(&kind).unwrap_or(self.parameters);
                Vec::new()
            }
            told => match &mut self.stage {
                Stage::Summary(summary) => summary.told(&told, &self.queue, context),
                _ => Vec::new(),
            },
        }
    }

    fn reads(&self) -> bool {
        !matches!(self.stage, Stage::Summary(_))
    }

    fn reader(&mut self, told: &desk::Told, context: &Context) -> Vec<Action> {
        let is_other = self.bench.take(told);
        self.ports.set_length(self.bench.offered().len());
        match told {
            desk::Told::Step(number, step) if *number == self.jobs => {
                if let Stage::Writing(work) = &mut self.stage {
                    work.steps.push(*step);
                    work.moved = context.now.mono;
                }
                Vec::new()
            }
            desk::Told::Written(number, _) if *number == self.jobs => self.written(context),
            desk::Told::Failed(number, trouble) if *number == self.jobs => self.trouble(trouble.clone()),
            _ if is_other && matches!(self.stage, Stage::Look) => self.looked(),
            _ => {
                self.keep_profile();
                Vec::new()
            }
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        self.draw_all(page, context);
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        self.all_hints(context)
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Place the token on the reader and look whether it is the one in your hand: model and serial number stand on it. Enter makes \
             a new key and writes it; then type the code that the token shows. Only with that it becomes the user's.",
            "Nothing is lost by leaving: a token that was written waits for its code (here, at the user with c, or under Tokens); one \
             that was taken away in the middle is programmed again. A token is always believed only by its code.",
            "Most tokens keep no old key: what they held before is gone once the writing begins. Program away from others, since \
             whoever records the radio link of an NFC token can read the key. USB tokens have no radio.",
        ]
    }

    fn secret_typed(&self) -> Option<usize> {
        match &self.stage {
            // Shown as it is typed, since it is good once; a record keeps a stand-in all the same.
            Stage::Code(work) => Some(work.code.at()),
            _ => None,
        }
    }

    /// The key that opened it must not write.
    fn asks(&self) -> bool {
        true
    }

    fn types(&self, character: char) -> bool {
        match &self.stage {
            Stage::Code(work) => work.code.accepts(character),
            _ => false,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
