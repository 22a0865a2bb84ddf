//! The way of a token, step by step: what each key and each answer leads to. Nothing here draws.

use super::{
    ADD_USER, CLOCK, CONFIRM, Clock, FINISHED, FORGET, OVERWRITE, Outcome, PEOPLE, PROGRAM, Program, REPLACE, Stage,
    Summary, Target, WRITTEN, Work, work,
};
use crate::console::action::{Action, Told, Tone};
use crate::console::screen::Context;
use crate::console::screens::commands::of_user;
use crate::console::screens::confirm::{Confirm, word_for};
use crate::control::{Answer, Failure, FailureKind, Request, TokenInfo, TokenProgramming, TokenStatus, UserAdd};
use crate::text::shown;
use crate::tokens::desk;

/// Tags of questions about the user whose turn it is: the turn stands in the low half, so that a late answer is known.
const USER: u32 = 1 << 16;
/// Tags of questions about a serial number, told apart in the same way.
const SERIAL: u32 = 2 << 16;
/// The tag of what came too late for whoever waited.
const LATE_WRITTEN: u32 = 3 << 16;
/// The low half.
const LOW: u32 = 0xffff;

impl Program {
    /// The next one's turn begins, or begins anew.
    pub(super) fn look(&mut self) -> Vec<Action> {
        self.stage = Stage::Look;
        let mut actions = self.looked();
        actions.extend(self.ask_user());
        actions
    }

    /// Another token lies there than before, or none: who has it is asked, and whoever presses Enter must have seen it.
    pub(super) fn looked(&mut self) -> Vec<Action> {
        self.known = None;
        self.looks = self.looks.wrapping_add(1) & LOW;
        self.keep_profile();
        let profiles = self.bench.token().map(|token| &token.profiles);
        let free = profiles.and_then(|all| all.iter().position(|profile| !profile.occupied));
        self.profiles.go(free.unwrap_or(0));
        let mut actions = vec![Action::Unseen];
        if let Some(token) = self.bench.token() {
            let serial = token.serial.clone();
            actions.push(Action::Ask(SERIAL | self.looks, Request::SerialShow { serial }));
        }
        actions
    }

    /// As many profiles as the token has, told anew.
    pub(super) fn keep_profile(&mut self) {
        let profiles = self.bench.token().map_or(0, |token| token.profiles.len());
        self.profiles.set_length(profiles);
    }

    pub(super) fn ask_user(&self) -> Vec<Action> {
        let is_asked = matches!(self.stage, Stage::Look) && !self.make && !self.queue.is_over();
        let name = self.queue.name().to_owned();
        is_asked
            .then(|| Action::Ask(self.user_tag(), Request::UserShow { name }))
            .into_iter()
            .collect()
    }

    /// The profile that is meant, of a token with several.
    fn profile(&self) -> Option<&desk::Profile> {
        self.bench.token()?.profiles.get(self.profiles.at()?)
    }

    /// Enter while a token is looked at, or waited for.
    pub(super) fn begin(&mut self, context: &Context) -> Vec<Action> {
        if self.is_clock_wrong() {
            return vec![Action::Open(Box::new(Clock::new()))];
        }
        let Some(token) = self.bench.token() else {
            let offered = self.bench.offered();
            let port = self.ports.at().and_then(|at| offered.get(at));
            return match port {
                Some(port) => vec![
                    Action::Reader(desk::Ask::Use(port.device.clone())),
                    Action::Say(Tone::Look, format!("Asking at {} ...", shown(&port.device))),
                ],
                None => vec![Action::Say(
                    Tone::Look,
                    "Place the token on the reader first".to_owned(),
                )],
            };
        };
        if let Some(holder) = self.queue.holder(&token.serial) {
            let words = format!(
                "{} is for {} already: take another token",
                shown(&token.serial),
                shown(holder)
            );
            return vec![Action::Say(Tone::Look, words)];
        }
        let profile = self.profile();
        let target = Target::new(token, profile.map(|profile| profile.number), self.parameters);
        match profile {
            Some(profile) if profile.occupied => {
                let what = work::device_and_profile(&target.model, &target.serial, target.profile);
                let title = match profile.title.trim() {
                    "" => String::new(),
                    title => format!(", called {}", shown(title)),
                };
                let lines = vec![
                    format!("{what} holds a key already{title}."),
                    "It is lost, and whatever its codes were for needs another one.".to_owned(),
                ];
                self.question(OVERWRITE, "Write over a profile", lines, target)
            }
            Some(_) | None => self.make_key(target, context),
        }
    }

    /// A question whose yes goes on with this token.
    fn question(&mut self, tag: u32, title: &str, lines: Vec<String>, target: Target) -> Vec<Action> {
        let holder = self
            .holders()
            .next()
            .map(|token| token.user.clone())
            .unwrap_or_default();
        let word = word_for(&holder, "replace").to_owned();
        self.question = Some(target);
        self.stage = Stage::Look;
        vec![Action::Open(Box::new(Confirm::strong(tag, title, lines, &word)))]
    }

    /// Yes to a question: the token it was about must still lie there.
    pub(super) fn agreed(&mut self, context: &Context, agree: impl FnOnce(&mut Target)) -> Vec<Action> {
        let Some(mut target) = self.question.take() else {
            return Vec::new();
        };
        if !target.is(self.bench.token()) {
            let words = format!(
                "{} no longer lies there: place it again, and press Enter",
                shown(&target.serial)
            );
            return vec![Action::Say(Tone::Bad, words)];
        }
        agree(&mut target);
        self.make_key(target, context)
    }

    /// posternd makes the key; the user before it, where nobody is called so.
    fn make_key(&mut self, target: Target, context: &Context) -> Vec<Action> {
        let user = self.queue.name().to_owned();
        let action = match self.make {
            true => {
                let ask = UserAdd {
                    name: user,
                    password: None,
                    exempt: false,
                };
                Action::Ask(ADD_USER, Request::UserAdd(ask))
            }
            false => Action::Ask(PROGRAM, Request::TokenProgram(target.ask(&user))),
        };
        self.stage = Stage::Making(target, context.now.mono);
        vec![action]
    }

    /// posternd has made the key: it goes to the token.
    fn write(&mut self, mut made: TokenProgramming, context: &Context) -> Vec<Action> {
        let Stage::Making(target, _) = &self.stage else {
            return Vec::new();
        };
        let target = target.clone();
        self.make = false;
        self.jobs = self.jobs.wrapping_add(1);
        let job = target.job(&mut made);
        self.writing = Some((made.token.user.clone(), made.token.id));
        self.queue.rename(&made.token.user);
        self.queue.note(&target.serial, Outcome::Begun, context.now.wall);
        self.stage = Stage::Writing(Box::new(Work::new(made, target, context.now.mono)));
        vec![Action::Reader(desk::Ask::Write(self.jobs, Box::new(job)))]
    }

    /// The token has taken the key: posternd must know before anything else.
    pub(super) fn written(&mut self, context: &Context) -> Vec<Action> {
        let writing = self.writing.take();
        match std::mem::replace(&mut self.stage, Stage::Look) {
            Stage::Writing(work) => self.stage = Stage::Noting(work, None),
            // Nobody waits for it here any more; it then waits for its code all the same.
            other => {
                self.stage = other;
                let ask = writing.map(|(user, id)| Action::Ask(LATE_WRITTEN, Request::TokenWritten { user, id }));
                return ask.into_iter().collect();
            }
        }
        self.note_written(context)
    }

    /// Tells posternd, for the first time or once more.
    pub(super) fn note_written(&mut self, context: &Context) -> Vec<Action> {
        let Stage::Noting(work, failure) = &mut self.stage else {
            return Vec::new();
        };
        *failure = None;
        work.moved = context.now.mono;
        let (user, id) = (work.token.user.clone(), work.token.id);
        vec![Action::Ask(WRITTEN, Request::TokenWritten { user, id })]
    }

    /// The writing failed; what comes of the next key must have been read.
    pub(super) fn trouble(&mut self, trouble: desk::Trouble) -> Vec<Action> {
        self.writing = None;
        match std::mem::replace(&mut self.stage, Stage::Look) {
            Stage::Writing(work) => {
                self.stage = Stage::Trouble(work, trouble);
                vec![Action::Unseen]
            }
            other => {
                self.stage = other;
                Vec::new()
            }
        }
    }

    /// The same token again, from the beginning: with another key, since the first one may be in it in part.
    pub(super) fn start_over(&mut self, context: &Context) -> Vec<Action> {
        let Stage::Trouble(work, _) = &self.stage else {
            return Vec::new();
        };
        match &work.target {
            Some(target) if target.is(self.bench.token()) => {
                let target = target.clone();
                self.make_key(target, context)
            }
            _ => {
                let words = format!("Place {} on the reader first", work.what());
                vec![Action::Say(Tone::Look, words)]
            }
        }
    }

    /// Another token for the same user: what was begun goes, so that nobody has two halves.
    pub(super) fn another_token(&mut self) -> Vec<Action> {
        let Stage::Trouble(work, _) = &self.stage else {
            return Vec::new();
        };
        let (user, id) = (work.token.user.clone(), work.token.id);
        let mut actions = vec![Action::Ask(FORGET, Request::TokenRemove { user, id })];
        actions.extend(self.look());
        actions
    }

    /// The code, as typed, to posternd.
    pub(super) fn confirm(&mut self) -> Vec<Action> {
        let Stage::Code(work) = &mut self.stage else {
            return Vec::new();
        };
        let digits = work.token.digits;
        if work.code.text().len() != usize::from(digits) {
            work.wrong = Some(match work.code.is_empty() {
                true => format!("Type the {digits} digits that the token shows now."),
                false => format!("A code of this token has {digits} digits."),
            });
            return Vec::new();
        }
        work.is_checking = true;
        let request = Request::TokenConfirm {
            user: work.token.user.clone(),
            code: work.code.take_secret(),
        };
        vec![Action::Ask(CONFIRM, request)]
    }

    /// Whoever else has the token that lies there, as far as is known.
    pub(super) fn holders(&self) -> impl Iterator<Item = &TokenInfo> {
        let profile = self.profile().map(|profile| profile.number);
        let report = self.known.as_ref();
        report
            .into_iter()
            .flat_map(|report| &report.tokens)
            .filter(move |token| match token.source {
                crate::control::TokenSource::Programmed(programmed) => programmed.profile == profile,
                _ => true,
            })
    }

    /// The next one's turn, whatever became of this one.
    pub(super) fn skip(&mut self, context: &Context) -> Vec<Action> {
        self.queue.next(context.now.wall);
        self.info = None;
        self.anew = false;
        match self.queue.is_over() {
            true => self.sum_up(),
            false => self.look(),
        }
    }

    fn sum_up(&mut self) -> Vec<Action> {
        self.stage = Stage::Summary(Summary::default());
        vec![Action::Unseen]
    }

    /// Esc: nothing is lost, and what is left is said.
    pub(super) fn leave(&mut self, context: &Context) -> Vec<Action> {
        if !self.is_late(context) {
            return Vec::new();
        }
        if self.queue.is_many() && self.queue.is_begun() && !matches!(self.stage, Stage::Summary(_)) {
            return self.sum_up();
        }
        let words = match &self.stage {
            Stage::Code(work) => format!(
                "{} of {} waits for its code: type it here, at the user (c) or under Tokens",
                work.what(),
                shown(&work.token.user)
            ),
            Stage::Writing(work) | Stage::Noting(work, _) | Stage::Trouble(work, _) => format!(
                "{} of {} is begun and may hold no key: program it again, here or under Tokens",
                work.what(),
                shown(&work.token.user)
            ),
            Stage::Making(target, _) => format!(
                "A token of {} may have been begun; nothing was written to {}",
                shown(self.queue.name()),
                shown(&target.serial)
            ),
            Stage::Done(work) => {
                return vec![Action::CloseWith(Told::Picked(FINISHED, work.token.user.clone()))];
            }
            Stage::Gather { .. } | Stage::Look | Stage::Summary(_) => return vec![Action::Close],
        };
        vec![Action::Say(Tone::Look, words), Action::Close]
    }

    /// posternd answered, and it went well.
    pub(super) fn done(&mut self, tag: u32, answer: Answer, context: &Context) -> Vec<Action> {
        match (tag, answer) {
            (CLOCK, Answer::Clock(report)) => self.clock = Some(report),
            (PEOPLE, Answer::Users(found)) => {
                if let Stage::Gather { total, .. } = &mut self.stage {
                    *total = Some(found.total);
                    self.queue = super::Queue::many(found.users.into_iter().map(|row| row.name));
                    return vec![Action::Unseen];
                }
            }
            (ADD_USER, Answer::User(user)) => return self.made_user(&user.row.name.clone(), context),
            (PROGRAM, Answer::TokenProgramming(made)) => return self.write(*made, context),
            (WRITTEN, Answer::Token(token)) => self.type_code(*token, context),
            (CONFIRM, Answer::Token(token)) => return self.confirmed(*token, context),
            (LATE_WRITTEN, Answer::Token(token)) => {
                let words = format!(
                    "{} was written after all: it waits for its code",
                    work::device_words(&token)
                );
                return vec![Action::Say(Tone::Look, words)];
            }
            (FORGET, Answer::Done { done }) => return vec![Action::Say(Tone::Done, done)],
            (tag, Answer::User(info)) if self.user_tag() == tag => {
                self.queue.rename(&info.row.name);
                self.info = Some(info);
                self.take_up();
            }
            (tag, Answer::Serial(report)) if tag == (SERIAL | self.looks) => self.known = Some(report),
            _ => {}
        }
        Vec::new()
    }

    fn user_tag(&self) -> u32 {
        let (turn, _) = self.queue.place();
        USER | (u32::try_from(turn).unwrap_or(0) & LOW)
    }

    /// Where a token of this user was written already, its code is all that is missing.
    fn take_up(&mut self) {
        let Some(info) = self
            .info
            .as_ref()
            .filter(|_| !self.anew && matches!(self.stage, Stage::Look))
        else {
            return;
        };
        if let Some(token) = work::waiting(&info.tokens) {
            self.stage = Stage::Code(Box::new(Work::resumed(token.clone())));
        }
    }

    /// The user is there now, made or met under another spelling.
    fn made_user(&mut self, name: &str, context: &Context) -> Vec<Action> {
        self.make = false;
        self.queue.rename(name);
        let Stage::Making(target, _) = &self.stage else {
            return Vec::new();
        };
        let target = target.clone();
        self.make_key(target, context)
    }

    fn type_code(&mut self, token: TokenInfo, context: &Context) {
        match std::mem::replace(&mut self.stage, Stage::Look) {
            Stage::Noting(mut work, _) => {
                self.queue.note(&token.serial, Outcome::Written, context.now.wall);
                work.token = token;
                self.stage = Stage::Code(work);
            }
            other => self.stage = other,
        }
    }

    fn confirmed(&mut self, token: TokenInfo, context: &Context) -> Vec<Action> {
        match std::mem::replace(&mut self.stage, Stage::Look) {
            Stage::Code(mut work) if token.status == TokenStatus::Active => {
                self.queue.note(&token.serial, Outcome::Confirmed, context.now.wall);
                work.token = token;
                if !self.queue.is_many() {
                    self.stage = Stage::Done(work);
                    return vec![Action::Unseen];
                }
                let words = format!("{} has {}", shown(&work.token.user), work.what());
                let mut actions = vec![Action::Say(Tone::Done, words)];
                actions.extend(self.skip(context));
                actions
            }
            Stage::Code(mut work) => {
                work.is_checking = false;
                work.wrong = Some(crate::console::screens::enrol::told_token(&token));
                self.stage = Stage::Code(work);
                Vec::new()
            }
            other => {
                self.stage = other;
                Vec::new()
            }
        }
    }

    /// posternd answered with a failure.
    pub(super) fn failed(&mut self, tag: u32, mut failure: Failure, context: &Context) -> Vec<Action> {
        failure.message = of_user(&failure.message);
        match (tag, &mut self.stage) {
            // Another spelling of somebody who is there: the token is for that user, whose name stands on the screen.
            (ADD_USER, Stage::Making(..)) if failure.kind == FailureKind::Exists => {
                let name = self.queue.name().to_owned();
                return self.made_user(&name, context);
            }
            (PROGRAM, Stage::Making(target, _)) if failure.kind == FailureKind::Exists && !target.replace => {
                let target = target.clone();
                let mut lines: Vec<String> = self.holders().map(held_words).collect();
                if lines.is_empty() {
                    // How a command says it is nobody's business here.
                    lines.extend(failure.message.split(';').next().map(str::to_owned));
                }
                lines.push("Once the writing begins it makes no code any more that was good before.".to_owned());
                return self.question(REPLACE, "Somebody has this token", lines, target);
            }
            (ADD_USER | PROGRAM, stage) => {
                *stage = Stage::Look;
                let mut actions = vec![Action::Fail(failure)];
                // Perhaps the clock: then the screen says so.
                actions.extend(self.clock_asked.ask(Request::TimeShow));
                return actions;
            }
            (WRITTEN, Stage::Noting(_, why)) => {
                *why = Some(failure.message);
                return vec![Action::Unseen];
            }
            (CONFIRM, Stage::Code(work)) => {
                work.is_checking = false;
                work.wrong = Some(failure.message);
                return Vec::new();
            }
            // A look that failed changes nothing; the next one asks again.
            (tag, _) if tag & !LOW == SERIAL => return Vec::new(),
            _ => {}
        }
        vec![Action::Fail(failure)]
    }
}

/// Who has a token, and how that stands.
fn held_words(token: &TokenInfo) -> String {
    let state = match token.status {
        TokenStatus::Active => "logs in with it",
        TokenStatus::Pending => "waits for its first code",
        TokenStatus::Resync => "waits for a resync of it",
    };
    let what = work::device_words(token);
    format!(
        "{what} is {}'s, who {state} (token #{}).",
        shown(&token.user),
        token.id.0
    )
}
