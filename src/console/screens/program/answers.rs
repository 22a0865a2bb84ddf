//! What posternd answered on the way of a token, and what comes of it in the stage that stands by then: a late answer is noted where
//! it belongs, and moves nothing on. In: answers and failures by their tags; out: the next stage, and what is said.

use super::flow::{LATE_WRITTEN, LOW, SERIAL, USER, gone};
use super::{ADD_USER, CLOCK, CONFIRM, FORGET, Outcome, PEOPLE, PROGRAM, Program, REPLACE, Stage, WRITTEN, Work, work};
use crate::console::action::{Action, Tone};
use crate::console::screen::Context;
use crate::console::screens::commands::of_user;
use crate::control::{Answer, Failure, FailureKind, Request, TokenInfo, TokenStatus};
use crate::text::shown;

impl Program {
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
            (ADD_USER, Answer::User(user)) => {
                let name = user.row.name.clone();
                if matches!(self.stage, Stage::Making(..)) {
                    self.info = Some(user);
                }
                return self.made_user(&name, context);
            }
            (PROGRAM, Answer::TokenProgramming(made)) => return self.write(*made, context),
            (WRITTEN, Answer::Token(token)) => return self.type_code(*token, context),
            (CONFIRM, Answer::Token(token)) => return self.confirmed(*token, context),
            (LATE_WRITTEN, Answer::Token(token)) => return self.written_late(&token, context),
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

    pub(super) fn user_tag(&self) -> u32 {
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

    /// Written, and nobody waits here for its code any more.
    fn written_late(&mut self, token: &TokenInfo, context: &Context) -> Vec<Action> {
        self.queue
            .note_of(&token.user, &token.serial, Outcome::Written, context.now.wall);
        let words = format!(
            "{} was written after all: it waits for its code",
            work::device_words(token)
        );
        vec![Action::Say(Tone::Look, words)]
    }

    fn type_code(&mut self, token: TokenInfo, context: &Context) -> Vec<Action> {
        match std::mem::replace(&mut self.stage, Stage::Look) {
            Stage::Noting(mut work, _) => {
                self.queue.note(&token.serial, Outcome::Written, context.now.wall);
                work.token = token;
                self.stage = Stage::Code(work);
                Vec::new()
            }
            other => {
                self.stage = other;
                self.written_late(&token, context)
            }
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
                if token.status != TokenStatus::Active {
                    return Vec::new();
                }
                // The run was ended meanwhile.
                let now = context.now.wall;
                self.queue.note_of(&token.user, &token.serial, Outcome::Confirmed, now);
                let words = format!("{} has {}", shown(&token.user), work::device_words(&token));
                vec![Action::Say(Tone::Done, words)]
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
                if !target.is(self.bench.token()) {
                    let mut actions = self.look_again();
                    actions.push(gone(&target));
                    return actions;
                }
                let mut lines: Vec<String> = self.holders().map(held_words).collect();
                if lines.is_empty() {
                    // How a command says it is nobody's business here.
                    lines.extend(failure.message.split(';').next().map(str::to_owned));
                }
                lines.push("Once the writing begins it makes no code any more that was good before.".to_owned());
                return self.question(REPLACE, "Somebody has this token", lines, target);
            }
            (ADD_USER | PROGRAM, Stage::Making(..)) => {
                let mut actions = self.look_again();
                actions.push(Action::Fail(failure));
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
