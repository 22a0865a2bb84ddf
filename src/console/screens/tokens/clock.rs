//! The clock of a token set right, and its key kept: for tokens that allow it. In: a token that somebody has, and what lies on the
//! reader; out: the box's time in the token, and posternd told of it. A token that would lose its key is not touched: it leads to
//! where it is programmed anew.
//!
//! ```text
//! Postern box-1 | Set a token's clock                      anna installer  14:05
//!
//!   anna@contoso.example
//!   C301-i 8659610000001
//!
//!   It lies on USB Serial (/dev/ttyUSB0), 41 s ahead of the box's clock.
//!   Enter sets its clock. Its key stays, and its codes are taken as before.
//! ```

use std::time::Duration;

use crate::console::action::{Action, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::screens::bench::{Bench, Lying, clock_words, named};
use crate::console::screens::clock::Clock;
use crate::console::screens::program::{Program, device_words};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::field::{Field, any};
use crate::console::widgets::inset::inset;
use crate::console::widgets::list::List;
use crate::console::widgets::rows::Rows;
use crate::control::{Answer, ClockReport, Failure, Request, TokenInfo, TokenSource, TotpParameters};
use crate::text::shown;
use crate::tokens::desk;

const CLOCK: u32 = 1;
const SET: u32 = 2;
/// The longest customer key that is taken.
const KEY_MAX: usize = 64;
/// The token has not answered for so long that whoever waits may leave.
const LATE: Duration = Duration::from_secs(10);

/// How far it is.
#[derive(Debug)]
enum Stage {
    /// The token is waited for, or lies there.
    Look,
    /// Its clock is being set, since then.
    Setting(Duration),
    /// It is set, and posternd is told; the failure, where it could not take that down.
    Noting(Option<String>),
    /// It failed.
    Trouble(desk::Trouble),
}

/// The screen.
#[derive(Debug)]
pub struct TokenClock {
    token: TokenInfo,
    stage: Stage,
    bench: Bench,
    ports: List,
    /// Of a Molto-2, where it is not the maker's.
    customer_key: Field,
    clock: Option<ClockReport>,
    asked: Asked,
    jobs: u64,
}

impl TokenClock {
    /// Of a token that somebody has.
    pub fn new(token: &TokenInfo) -> Self {
        Self {
            token: token.clone(),
            stage: Stage::Look,
            bench: Bench::default(),
            ports: List::new(0),
            customer_key: Field::secret(KEY_MAX, any),
            clock: None,
            asked: Asked::new(CLOCK),
            jobs: 0,
        }
    }

    fn is_clock_wrong(&self) -> bool {
        self.clock.as_ref().is_some_and(|clock| !clock.trusted)
    }

    /// The token that it is about lies there.
    fn is_here(&self) -> bool {
        self.bench
            .token()
            .is_some_and(|placed| placed.serial == self.token.serial)
    }

    /// It lies there and keeps its key.
    fn can_set(&self) -> bool {
        self.is_here() && self.bench.token().is_some_and(|placed| placed.clock_free) && !self.is_clock_wrong()
    }

    /// A customer key may be needed.
    fn takes_key(&self) -> bool {
        self.can_set() && self.bench.token().is_some_and(|placed| !placed.profiles.is_empty())
    }

    fn set(&mut self, context: &Context) -> Vec<Action> {
        let Some(placed) = self.bench.token() else {
            return Vec::new();
        };
        let Some(period) = self.token.period else {
            return vec![Action::Say(
                Tone::Look,
                "This token counts its codes: it has no clock".to_owned(),
            )];
        };
        self.jobs = self.jobs.wrapping_add(1);
        let device = placed.device.clone();
        let key = self.customer_key.take_secret();
        self.stage = Stage::Setting(context.now.mono);
        vec![Action::Reader(desk::Ask::SetClock {
            number: self.jobs,
            device,
            serial: self.token.serial.clone(),
            profile: match self.token.source {
                TokenSource::Programmed(programmed) => programmed.profile,
                TokenSource::App | TokenSource::File => None,
            },
            parameters: TotpParameters {
                algorithm: self.token.algorithm,
                digits: self.token.digits,
                period,
            },
            customer_key: (!key.is_empty()).then_some(key),
        })]
    }

    fn note(&mut self) -> Vec<Action> {
        self.stage = Stage::Noting(None);
        let (user, id) = (self.token.user.clone(), self.token.id);
        vec![Action::Ask(SET, Request::TokenClockSet { user, id })]
    }

    fn enter(&mut self, context: &Context) -> Vec<Action> {
        if self.is_clock_wrong() {
            return vec![Action::Open(Box::new(Clock::new()))];
        }
        if self.bench.token().is_none() {
            let offered = self.bench.offered();
            let port = self.ports.at().and_then(|at| offered.get(at));
            let ask = port.map(|port| Action::Reader(desk::Ask::Use(port.device.clone())));
            return ask.into_iter().collect();
        }
        match (self.is_here(), self.can_set()) {
            (false, _) => vec![Action::Say(
                Tone::Look,
                format!("Place {} on the reader", device_words(&self.token)),
            )],
            (true, true) => self.set(context),
            // It would lose its key: that is another deed.
            (true, false) => vec![Action::Replace(Box::new(Program::new(&self.token.user)))],
        }
    }

    /// What lies there, and what Enter does.
    fn words(&self) -> Vec<(String, Look)> {
        let Some(placed) = self.bench.token() else {
            let mut words: Vec<_> = self
                .bench
                .words()
                .into_iter()
                .map(|words| (words, Look::Plain))
                .collect();
            if let Some(Lying::Unfit(why)) = self.bench.lying() {
                words.insert(0, (format!("What lies there is no such token: {why}"), Look::Bad));
            }
            return words;
        };
        if !self.is_here() {
            let other = shown(&placed.serial);
            return vec![(
                format!(
                    "{} {other} lies there. Take it away, and place the one above.",
                    shown(&placed.model)
                ),
                Look::Warn,
            )];
        }
        let reader = self.bench.reader(&placed.device).map_or(placed.device.clone(), named);
        let clock = match placed.clock_ahead {
            Some(0) => ", its clock is right by the box's".to_owned(),
            Some(ahead) => format!(", its clock {} of the box's", clock_words(ahead)),
            None => String::new(),
        };
        let mut words = vec![(format!("It lies on {}{clock}.", shown(&reader)), Look::Plain)];
        words.push(match placed.clock_free {
            true => (
                "Enter sets its clock. Its key stays, and its codes are taken as before.".to_owned(),
                Look::Plain,
            ),
            false => (
                "A token of this model loses its key when its clock is set. Enter leads to where it is programmed anew, with another \
                 key; until then nothing is changed."
                    .to_owned(),
                Look::Warn,
            ),
        });
        words
    }
}

impl Screen for TokenClock {
    fn name(&self) -> &'static str {
        "token-clock"
    }

    fn title(&self) -> String {
        "Set a token's clock".to_owned()
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        self.asked.ask(Request::TimeShow)
    }

    fn watches(&self) -> Topics {
        Topics {
            state: true,
            ..Topics::NONE
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        match (key, &self.stage) {
            (Key::Esc, Stage::Setting(since)) if context.now.mono.saturating_sub(*since) < LATE => Vec::new(),
            (Key::Esc, Stage::Setting(_) | Stage::Noting(_)) => {
                let words = format!(
                    "The clock of {} may be set, and the box does not know it: set it again",
                    device_words(&self.token)
                );
                vec![Action::Say(Tone::Look, words), Action::Close]
            }
            (Key::Esc, _) => vec![Action::Close],
            (Key::Enter, Stage::Look) => self.enter(context),
            (Key::Enter, Stage::Noting(Some(_))) => self.note(),
            // Every try brings the token nearer to refusing all keys.
            (Key::Enter, Stage::Trouble(trouble)) if !trouble.key_refused => {
                self.stage = Stage::Look;
                vec![Action::Unseen]
            }
            (key, Stage::Look) if self.takes_key() => {
                self.customer_key.on(key);
                Vec::new()
            }
            (key, Stage::Look) => {
                self.ports.on(key, 10);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let mut actions = if tag == CLOCK { self.asked.landed() } else { Vec::new() };
        match (tag, answer) {
            (CLOCK, Ok(Answer::Clock(report))) => self.clock = Some(report),
            (SET, Ok(Answer::Token(token))) => {
                let words = format!("The clock of {} is set to the box's", device_words(&token));
                actions.extend([Action::Say(Tone::Done, words), Action::Close]);
            }
            (SET, Err(failure)) => {
                self.stage = Stage::Noting(Some(failure.message));
                actions.push(Action::Unseen);
            }
            (_, Err(failure)) => actions.push(Action::Fail(failure)),
            (_, Ok(_)) => {}
        }
        actions
    }

    fn reads(&self) -> bool {
        true
    }

    fn reader(&mut self, told: &desk::Told, _context: &Context) -> Vec<Action> {
        let is_other = self.bench.take(told);
        self.ports.set_length(self.bench.offered().len());
        match (told, &self.stage) {
            (desk::Told::Written(number, _), Stage::Setting(_)) if *number == self.jobs => self.note(),
            (desk::Told::Failed(number, trouble), Stage::Setting(_)) if *number == self.jobs => {
                self.stage = Stage::Trouble(trouble.clone());
                vec![Action::Unseen]
            }
            (_, Stage::Look) if is_other => {
                self.customer_key.clear();
                vec![Action::Unseen]
            }
            _ => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let mut area = inset(page.area());
        area.width = area.width.min(100);
        let mut rows = Rows::new(page, area, 0);
        rows.line(&shown(&self.token.user), Look::Strong);
        rows.line(&device_words(&self.token), Look::Plain);
        rows.gap();
        match &self.stage {
            Stage::Look if self.is_clock_wrong() => {
                let words = "The box's clock is not trusted, so no token is set by it. Enter leads to the clock.";
                rows.line(words, Look::Bad);
            }
            Stage::Look => {
                for (words, look) in self.words() {
                    rows.line(&words, look);
                }
                rows.gap();
                let takes_key = self.takes_key();
                if takes_key {
                    rows.line(
                        "Customer key of this Molto-2. An empty field tries the maker's key: where this house has set its own, type that \
                         one, since every wrong key brings the token nearer to refusing all.",
                        Look::Plain,
                    );
                }
                let rest = rows.below();
                if takes_key {
                    return self.customer_key.draw(page, rest.x, rest.y, rest.width.min(40), true);
                }
                let offered = self.bench.offered();
                if self.bench.token().is_none() {
                    let rest = ratatui::layout::Rect {
                        x: rest.x.saturating_sub(2),
                        ..rest
                    };
                    self.ports.draw(page, rest, |at| {
                        let words = offered.get(at).map(|port| shown(&named(port)));
                        (words.unwrap_or_default(), Look::Plain)
                    });
                }
            }
            Stage::Setting(_) => rows.line("Setting its clock: leave the token where it is ...", Look::Strong),
            Stage::Noting(None) => rows.line("Its clock is set. posternd takes that down ...", Look::Plain),
            Stage::Noting(Some(failure)) => {
                let words = format!("Its clock is set, but the box did not take that down: {failure}");
                rows.line(&words, Look::Bad);
                rows.gap();
                rows.line("Enter tries again.", Look::Plain);
            }
            Stage::Trouble(trouble) => {
                rows.line(&format!("NOT SET: {}", trouble.words), Look::Bad);
                rows.gap();
                rows.line(
                    match trouble.left {
                        desk::Left::AsBefore => "The token is as it was before: nothing was written.",
                        desk::Left::Unknown => {
                            "Whether the clock was set is not known. Try again, or program the token anew."
                        }
                    },
                    Look::Plain,
                );
                rows.gap();
                rows.line(
                    match trouble.key_refused {
                        true => {
                            "It is not tried again here: every refused key brings it nearer to refusing all. Find the key that it has \
                             been given before you come back."
                        }
                        false => "Enter looks at the token again.",
                    },
                    Look::Plain,
                );
            }
        }
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        let enter = match &self.stage {
            Stage::Look if self.is_clock_wrong() => Some("the clock"),
            Stage::Look if self.can_set() => Some("set its clock"),
            Stage::Look if self.is_here() => Some("program it anew"),
            Stage::Look if !self.bench.offered().is_empty() && self.bench.token().is_none() => Some("ask at this port"),
            Stage::Trouble(trouble) if trouble.key_refused => None,
            Stage::Noting(Some(_)) | Stage::Trouble(_) => Some("again"),
            Stage::Look | Stage::Setting(_) | Stage::Noting(None) => None,
        };
        let mut hints: Vec<Hint> = enter.map(|words| ("Enter", words)).into_iter().collect();
        let is_held = matches!(self.stage, Stage::Setting(since) if context.now.mono.saturating_sub(since) < LATE);
        if !is_held {
            hints.push(("Esc", "back"));
        }
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Sets the clock of a token to the box's and keeps its key: its user goes on as before. Some models lose their key when their \
             clock is set; those are programmed anew instead, and this screen changes nothing about them.",
            "It must be the very token: the serial number is compared before anything is written.",
        ]
    }

    fn asks(&self) -> bool {
        true
    }

    fn types(&self, character: char) -> bool {
        matches!(self.stage, Stage::Look) && self.takes_key() && self.customer_key.accepts(character)
    }

    fn secret_typed(&self) -> Option<usize> {
        (matches!(self.stage, Stage::Look) && self.takes_key()).then(|| self.customer_key.at())
    }
}
