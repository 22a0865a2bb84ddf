//! The application: all state of a console, changed by events alone and drawn without being changed. In: an [`Event`] and the
//! time; out: [`Effect`]s for the runner. Pure: the same events at the same times give the same screens, which is how a recorded
//! session is replayed.
//!
//! ```text
//! Postern box-1 | Users                                    anna installer  14:05
//! (the body: whatever the screen on top draws, 21 rows at least)
//! Unlocked anna@contoso.example                                       <- one note
//! Enter open  w why  Esc back  ? help                               <- what works
//! ```

mod actions;
mod asks;
mod draw;
mod gate;
mod readers;

use std::collections::HashMap;
use std::time::Duration;

use self::asks::{Asker, Question};
use self::gate::Gate;
use self::readers::{Job, Late, Made};
use super::action::{Action, Told, Tone};
use super::event::{Effect, Event, Now};
use super::key::Key;
use super::screen::{Context, Screen, Topics};
use super::screens::help::Help;
use super::screens::{first_screen, home, waiting};
use crate::control::{Answer, Moved, Request, Session};
use crate::times;

/// The smallest screen that is drawn on.
pub const COLUMNS_MIN: u16 = 80;
/// The same, in rows.
pub const ROWS_MIN: u16 = 24;
/// While keys are pressed, posternd hears of it so often, so that the session does not end.
const STAY_EVERY: Duration = Duration::from_secs(15);

/// A note that came by itself stands for so long whatever is typed.
const UNREAD: Duration = Duration::from_millis(300);
/// What the login says to somebody who was logged in when posternd went.
const RESTARTED: &str = "posternd was restarted: log in again";

/// A screen and its number, by which answers find it.
#[derive(Debug)]
struct Layer {
    number: u64,
    screen: Box<dyn Screen>,
    gate: Gate,
    /// The number under which what it shows waits to be seen.
    unseen: u64,
}

/// All state of a console.
#[derive(Debug)]
pub struct App {
    context: Context,
    layers: Vec<Layer>,
    numbers: u64,
    asks: HashMap<u64, Question>,
    /// What the readers' thread was asked to do.
    jobs: HashMap<u64, Job>,
    /// The token that posternd made with the answer that is handled now, for the job that writes it.
    made: Option<Made>,
    /// What became of jobs while nobody was logged in.
    late: Vec<Late>,
    /// When a token was being written last: nobody is locked out in the middle of it.
    last_job: Duration,
    /// Since when a screen works, without a rest.
    works_since: Option<Duration>,
    /// The readers' thread looks at the readers.
    watches: bool,
    /// A screen that reads was opened since.
    reads_anew: bool,
    note: Option<(Tone, String)>,
    /// When the note came by itself, so that the next key may not have been meant to take it away.
    note_at: Option<Duration>,
    help: Option<Help>,
    moved: Option<Moved>,
    last_key: Duration,
    last_stay: Duration,
    /// What is handled now is a key: whoever pressed it looks for what comes of it.
    by_key: bool,
    /// posternd went while somebody was logged in.
    cut_off: bool,
    may_quit: bool,
}

impl App {
    /// A console that has not heard from posternd yet. With `may_quit` Ctrl-C ends the program, for a run by hand.
    pub fn new(context: Context, may_quit: bool) -> Self {
        let mut app = Self {
            context,
            layers: Vec::new(),
            numbers: 0,
            asks: HashMap::new(),
            jobs: HashMap::new(),
            made: None,
            late: Vec::new(),
            last_job: Duration::ZERO,
            works_since: None,
            watches: false,
            reads_anew: false,
            note: None,
            note_at: None,
            help: None,
            moved: None,
            last_key: Duration::ZERO,
            last_stay: Duration::ZERO,
            by_key: false,
            cut_off: false,
            may_quit,
        };
        app.push(Box::new(waiting::Waiting::new("")));
        app
    }

    /// What every screen may look at.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The name of the screen on top.
    pub fn screen(&self) -> &'static str {
        self.top().map_or("", |screen| screen.name())
    }

    /// Characters before the cursor, where a secret is being typed.
    pub fn secret_typed(&self) -> Option<usize> {
        self.top().and_then(Screen::secret_typed)
    }

    /// Whether a character is a shortcut here, not a part of what is being typed.
    pub fn is_shortcut(&self, character: char) -> bool {
        let Some(top) = self.top() else { return false };
        let mut text = [0; 4];
        let text = character.encode_utf8(&mut text);
        let is_hint = character == '?' || top.hints(&self.context).iter().any(|(key, _)| *key == &*text);
        is_hint && !top.types(character)
    }

    /// The number of what stands on top, where it waits for its frame to have left: [`Event::Seen`] says so.
    pub fn unseen(&self) -> Option<u64> {
        let layer = self.layers.last().filter(|_| !self.is_small())?;
        matches!(layer.gate, Gate::Unseen(_)).then_some(layer.unseen)
    }

    /// Whether a key that comes now was meant for another screen than the one on top, and so changes nothing.
    pub fn is_shut(&self, now: Now) -> bool {
        self.layers
            .last()
            .is_some_and(|layer| !layer.gate.lets(now.mono, self.last_key))
    }

    /// The one place where the state changes.
    pub fn handle(&mut self, event: Event, now: Now) -> Vec<Effect> {
        self.context.now = now;
        self.by_key = matches!(event, Event::Key(_));
        let mut effects = Vec::new();
        match event {
            Event::Key(key) => self.key(key, &mut effects),
            Event::Seen(number) => {
                if let Some(layer) = self.layers.iter_mut().find(|layer| layer.unseen == number) {
                    layer.gate.see(now.mono);
                }
            }
            Event::Size(columns, rows) => self.context.size = (columns, rows),
            Event::Tick => self.tick(&mut effects),
            Event::Answer(number, answer) => {
                self.made = match answer.as_ref() {
                    Ok(Answer::TokenProgramming(made)) => Some(Made::of(&made.token)),
                    _ => None,
                };
                self.answer(number, *answer, &mut effects);
                self.made = None;
            }
            Event::Up(hello) => {
                self.context.up = true;
                self.context.hello = Some(hello);
                let why = std::mem::take(&mut self.cut_off).then_some(RESTARTED);
                let screen = first_screen(&self.context, why);
                self.start_with(screen, &mut effects);
            }
            Event::Down(why) => {
                self.context.up = false;
                self.context.silent = None;
                // The readers' thread goes on: what it tells of its jobs is kept.
                self.asks.clear();
                if self.context.session.take().is_some() {
                    self.cut_off = true;
                    effects.push(Effect::Wipe);
                }
                if self.screen() != waiting::NAME || self.layers.len() > 1 {
                    self.start_with(Box::new(waiting::Waiting::new(&why)), &mut effects);
                } else if let Some(layer) = self.layers.first_mut() {
                    layer.screen = Box::new(waiting::Waiting::new(&why));
                }
            }
            Event::Troubles(troubles) => self.context.troubles = troubles,
            Event::Moved(moved) => self.moved(moved, &mut effects),
            Event::Ended(why) => {
                if self.context.session.is_some() {
                    self.lock(&why, &mut effects);
                }
            }
            Event::Reader(told) => self.reader(told, &mut effects),
        }
        self.watch(&mut effects);
        effects
    }

    fn key(&mut self, key: Key, effects: &mut Vec<Effect>) {
        let is_shut = self.is_shut(self.context.now);
        self.last_key = self.context.now.mono;
        match key {
            Key::Ctrl('l') => return effects.push(Effect::Repaint),
            Key::Ctrl('t') => return self.apply(Vec::from([Action::NextCaps]), effects),
            Key::Ctrl('c') if self.may_quit => {
                effects.push(Effect::Wipe);
                return effects.push(Effect::Quit);
            }
            _ => {}
        }
        // Nobody types blindly.
        if self.is_small() || is_shut {
            return;
        }
        if let Some(layer) = self.layers.last_mut() {
            layer.gate = Gate::Open;
        }
        let now = self.context.now.mono;
        if self.note_at.is_none_or(|at| now.saturating_sub(at) >= UNREAD) {
            self.note = None;
        }
        self.stay(effects);
        if let Some(help) = &mut self.help {
            if !help.on(key, self.context.size) {
                self.help = None;
            }
            return;
        }
        let Some(layer) = self.layers.last_mut() else { return };
        let wants_help = match key {
            Key::F(1) => true,
            Key::Char('?') => !layer.screen.types('?'),
            _ => false,
        };
        if wants_help {
            self.help = Some(Help::of(layer.screen.as_ref(), &self.context));
            return;
        }
        let actions = layer.screen.on(key, &self.context);
        self.apply(actions, effects);
    }

    fn say(&mut self, tone: Tone, words: String) {
        self.note = Some((tone, words));
        self.note_at = (!self.by_key).then_some(self.context.now.mono);
    }

    /// Tells posternd that somebody is there, now or, where that was told just now, with a later tick: no key is lost.
    fn stay(&mut self, effects: &mut Vec<Effect>) {
        let now = self.context.now.mono;
        let is_due =
            self.last_key.max(self.last_job) > self.last_stay && now.saturating_sub(self.last_stay) >= STAY_EVERY;
        if is_due && self.context.session.is_some() {
            self.last_stay = now;
            self.ask(Asker::Application, Request::Stay, effects);
        }
    }

    fn tick(&mut self, effects: &mut Vec<Effect>) {
        self.note_jobs();
        if let Some(session) = &self.context.session {
            let idle = Duration::from_secs(u64::from(session.idle_seconds));
            if self.context.now.mono.saturating_sub(self.last_key.max(self.last_job)) >= idle {
                let why = format!("Locked: no key for {}", times::shown_duration(idle));
                return self.lock(&why, effects);
            }
        }
        self.stay(effects);
        self.listen();
        if let Some(layer) = self.layers.last_mut() {
            let actions = layer.screen.tick(&self.context);
            self.apply(actions, effects);
        }
    }

    fn moved(&mut self, moved: Moved, effects: &mut Vec<Effect>) {
        let before = self.moved.replace(moved);
        let Some(before) = before else { return };
        let topics = Topics {
            records: before.records != moved.records,
            log: before.log != moved.log,
            knocks: before.knocks != moved.knocks,
            state: before.state != moved.state,
        };
        if let Some(layer) = self.layers.last_mut()
            && layer.screen.watches().meets(topics)
        {
            let actions = layer.screen.refresh(&self.context);
            self.apply(actions, effects);
        }
    }

    fn logged_in(&mut self, session: Session, effects: &mut Vec<Effect>) {
        self.last_key = self.context.now.mono;
        self.last_stay = self.context.now.mono;
        self.moved = None;
        self.context.session = Some(session);
        let had_none = self.context.hello.as_ref().is_some_and(|hello| !hello.operators);
        if let Some(hello) = &mut self.context.hello {
            hello.operators = true;
        }
        effects.push(Effect::Repaint);
        self.ask(Asker::Application, Request::Watch, effects);
        let screens = home::after_login(&self.context, had_none);
        self.clear(effects);
        for screen in screens {
            let (number, actions) = self.push(screen);
            self.apply_from(number, actions, effects);
        }
        self.tell_late(effects);
    }

    /// Ends the session and shows the login: nothing of it stays on the screen or in memory.
    fn lock(&mut self, why: &str, effects: &mut Vec<Effect>) {
        // Answers that are still on their way belong to nobody.
        self.asks.clear();
        self.context.silent = None;
        if self.context.session.take().is_some() && self.context.up {
            self.ask(Asker::Application, Request::LogOut, effects);
        }
        effects.push(Effect::Wipe);
        let screen = first_screen(&self.context, Some(why));
        self.start_with(screen, effects);
    }

    /// Forgets every screen and begins with this one.
    fn start_with(&mut self, screen: Box<dyn Screen>, effects: &mut Vec<Effect>) {
        self.clear(effects);
        self.note = None;
        self.context.session = None;
        let (number, actions) = self.push(screen);
        // Nobody asked for this screen: the rest of a password may be on its way.
        if let Some(layer) = self.layers.last_mut().filter(|_| !self.by_key) {
            layer.gate = Gate::Unseen(gate::STOPPED);
        }
        self.apply_from(number, actions, effects);
    }

    fn clear(&mut self, effects: &mut Vec<Effect>) {
        self.help = None;
        while !self.layers.is_empty() {
            self.pop(effects);
        }
    }

    fn push(&mut self, mut screen: Box<dyn Screen>) -> (u64, Vec<Action>) {
        // What was explained is no longer on top.
        self.help = None;
        self.numbers += 1;
        let actions = screen.refresh(&self.context);
        self.reads_anew |= screen.reads();
        let gate = match screen.asks() {
            true => Gate::Unseen(gate::READ),
            false => Gate::Open,
        };
        self.layers.push(Layer {
            number: self.numbers,
            gate,
            unseen: self.numbers,
            screen,
        });
        (self.numbers, actions)
    }

    /// What the screen shows is another question from now on.
    fn unsee(&mut self, number: u64) {
        self.numbers += 1;
        if let Some(layer) = self.layers.iter_mut().find(|layer| layer.number == number) {
            (layer.gate, layer.unseen) = (Gate::Unseen(gate::READ), self.numbers);
        }
    }

    fn pop(&mut self, effects: &mut Vec<Effect>) {
        if let Some(layer) = self.layers.pop()
            && layer.screen.shows_secret()
        {
            effects.push(Effect::Wipe);
        }
    }

    fn top_again(&mut self, told: Option<Told>) -> (u64, Vec<Action>) {
        let Some(layer) = self.layers.last_mut() else {
            return (0, Vec::new());
        };
        let mut actions = Vec::new();
        if let Some(told) = told {
            actions.extend(layer.screen.told(told, &self.context));
        }
        actions.extend(layer.screen.refresh(&self.context));
        (layer.number, actions)
    }

    /// A note came by itself just now.
    #[cfg(test)]
    pub fn is_note_new(&self) -> bool {
        let now = self.context.now.mono;
        self.note.is_some() && self.note_at.is_some_and(|at| now.saturating_sub(at) < UNREAD)
    }

    /// What every screen may look at, for a test to set.
    #[cfg(test)]
    pub fn context_for_test(&mut self) -> &mut Context {
        &mut self.context
    }

    /// As after a login, without one.
    #[cfg(test)]
    pub fn log_in_for_test(&mut self, session: Session) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.logged_in(session, &mut effects);
        self.watch(&mut effects);
        effects
    }

    /// A screen on top, as if another had opened it.
    #[cfg(test)]
    pub fn open_for_test(&mut self, screen: Box<dyn Screen>) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.apply(vec![Action::Open(screen)], &mut effects);
        self.watch(&mut effects);
        effects
    }

    fn top(&self) -> Option<&dyn Screen> {
        self.layers.last().map(|layer| layer.screen.as_ref())
    }

    fn is_small(&self) -> bool {
        let (columns, rows) = self.context.size;
        columns < COLUMNS_MIN || rows < ROWS_MIN
    }
}

/// A role's word.
pub fn role_word(role: crate::control::Role) -> &'static str {
    match role {
        crate::control::Role::Auditor => "auditor",
        crate::control::Role::Helpdesk => "helpdesk",
        crate::control::Role::Installer => "installer",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
