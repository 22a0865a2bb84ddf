//! The way of a token, step by step: what each key and each answer leads to. Nothing here draws.

use super::{
    ADD_USER, CONFIRM, Clock, FINISHED, FORGET, OVERWRITE, Outcome, PROGRAM, Program, Stage, Summary, Target, WRITTEN,
    Work, work,
};
use crate::console::action::{Action, Told, Tone};
use crate::console::screen::Context;
use crate::console::screens::confirm::{Confirm, word_for};
use crate::control::{Request, TokenInfo, TokenProgramming, TokenSource, UserAdd};
use crate::text::shown;
use crate::tokens::desk;

/// Tags of questions about the user whose turn it is: the turn stands in the low half, so that a late answer is known.
pub(super) const USER: u32 = 1 << 16;
/// Tags of questions about a serial number, told apart in the same way.
pub(super) const SERIAL: u32 = 2 << 16;
/// The tag of what came too late for whoever waited.
pub(super) const LATE_WRITTEN: u32 = 3 << 16;
/// The low half.
pub(super) const LOW: u32 = 0xffff;

impl Program {
    /// The next one's turn begins, or begins anew.
    pub(super) fn look(&mut self) -> Vec<Action> {
        self.stage = Stage::Look;
        let mut actions = self.looked();
        actions.extend(self.ask_user());
        actions
    }

    /// Back to what lies there. Another token than the one that was looked at is looked at anew; of the same one is asked who has
    /// it by now. Whatever was typed meanwhile was not meant for this.
    pub(super) fn look_again(&mut self) -> Vec<Action> {
        self.stage = Stage::Look;
        if self.lies_there() != self.seen {
            return self.looked();
        }
        let mut actions = vec![Action::Unseen];
        actions.extend(self.ask_serial());
        actions
    }

    /// By what a token on a reader is known.
    fn lies_there(&self) -> Option<(String, String)> {
        let token = self.bench.token()?;
        Some((token.device.clone(), token.serial.clone()))
    }

    fn ask_serial(&self) -> Option<Action> {
        let serial = self.bench.token()?.serial.clone();
        Some(Action::Ask(SERIAL | self.looks, Request::SerialShow { serial }))
    }

    /// Another token lies there than before, or none: who has it is asked, and whoever presses Enter must have seen it.
    pub(super) fn looked(&mut self) -> Vec<Action> {
        self.known = None;
        self.seen = self.lies_there();
        self.looks = self.looks.wrapping_add(1) & LOW;
        self.keep_profile();
        let profiles = self.bench.token().map(|token| &token.profiles);
        let free = profiles.and_then(|all| all.iter().position(|profile| !profile.occupied));
        self.profiles.go(free.unwrap_or(0));
        let mut actions = vec![Action::Unseen];
        actions.extend(self.ask_serial());
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
    pub(super) fn question(&mut self, tag: u32, title: &str, lines: Vec<String>, target: Target) -> Vec<Action> {
        let holder = self
            .holders()
            .next()
            .map(|token| token.user.clone())
            .unwrap_or_default();
        let word = word_for(&holder, "replace").to_owned();
        self.question = Some(target);
        let mut actions = match self.stage {
            Stage::Look => Vec::new(),
            _ => self.look_again(),
        };
        actions.push(Action::Open(Box::new(Confirm::strong(tag, title, lines, &word))));
        actions
    }

    /// Yes to a question: the token it was about must still lie there.
    pub(super) fn agreed(&mut self, context: &Context, agree: impl FnOnce(&mut Target)) -> Vec<Action> {
        let Some(mut target) = self.question.take() else {
            return Vec::new();
        };
        if !target.is(self.bench.token()) {
            return vec![gone(&target)];
        }
        agree(&mut target);
        self.make_key(target, context)
    }

    /// posternd makes the key; the user before it, where nobody is called so.
    pub(super) fn make_key(&mut self, target: Target, context: &Context) -> Vec<Action> {
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
    pub(super) fn write(&mut self, mut made: TokenProgramming, context: &Context) -> Vec<Action> {
        let Stage::Making(target, _) = &self.stage else {
            // The run was ended meanwhile.
            let (user, serial) = (made.token.user, made.token.serial);
            self.queue.note_of(&user, &serial, Outcome::Begun, context.now.wall);
            let words = format!("{} is begun, and nothing was written to it", shown(&serial));
            return vec![Action::Say(Tone::Look, words)];
        };
        let target = target.clone();
        self.make = false;
        if !self.is_for(&made.token, &target) {
            let words = format!(
                "posternd answered with a key for {} of {}, not for what was asked: nothing was written",
                work::device_words(&made.token),
                shown(&made.token.user)
            );
            let mut actions = self.look_again();
            actions.push(Action::Say(Tone::Bad, words));
            return actions;
        }
        self.jobs = self.jobs.wrapping_add(1);
        let job = target.job(&mut made);
        self.writing = Some((made.token.user.clone(), made.token.id));
        self.queue.rename(&made.token.user);
        self.queue.note(&target.serial, Outcome::Begun, context.now.wall);
        self.stage = Stage::Writing(Box::new(Work::new(made, target, context.now.mono)));
        vec![Action::Reader(desk::Ask::Write(self.jobs, Box::new(job)))]
    }

    /// Whether what posternd made is for this token and, where the user is known by name, for that user: anything else would put
    /// a key into a token that the box takes for another.
    fn is_for(&self, made: &TokenInfo, target: &Target) -> bool {
        let is_profile = match made.source {
            TokenSource::Programmed(programmed) => programmed.profile == target.profile,
            TokenSource::App | TokenSource::File => false,
        };
        let is_user = self.info.as_ref().is_none_or(|info| info.row.name == made.user);
        made.serial == target.serial.trim() && is_profile && is_user
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
        let Stage::Trouble(work, trouble) = &self.stage else {
            return Vec::new();
        };
        if trouble.key_refused {
            // Every try brings the token nearer to refusing all keys.
            return Vec::new();
        }
        match &work.target {
            Some(target) if target.is(self.bench.token()) => {
                let mut target = target.clone();
                // The profile may hold the key of this very try by now.
                target.overwrite |= trouble.left == desk::Left::Unknown && target.profile.is_some();
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
    pub(super) fn confirm(&mut self, context: &Context) -> Vec<Action> {
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
        work.moved = context.now.mono;
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
                TokenSource::Programmed(programmed) => programmed.profile == profile,
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
}

/// The token that was meant was taken away.
pub(super) fn gone(target: &Target) -> Action {
    let words = format!(
        "{} no longer lies there: place it again, and press Enter",
        shown(&target.serial)
    );
    Action::Say(Tone::Bad, words)
}
