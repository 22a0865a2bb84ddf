//! Questions to posternd on their way. An answer goes to the screen that asked; what became of a change is said also where that
//! screen was left, since nobody would learn of it otherwise.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::{App, Tone};
use crate::console::event::{Effect, Now};
use crate::console::screens::home;
use crate::control::{Answer, Failure, FailureKind, HostAnswer, HostRequest, Request};

/// An answer takes no longer, but for those that wait for others than posternd.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whose question it was.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asker {
    /// The application's own.
    Application,
    /// A screen's, under its tag.
    Layer(u64, u32),
}

/// How soon an answer is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// At once.
    Short,
    /// Whenever a directory has answered, or a long file or log is through.
    Long,
    /// What moves is the answer.
    Never,
}

/// A question on its way.
#[derive(Debug)]
pub(super) struct Question {
    asker: Asker,
    /// What is to be done, by its word and target, where it is a change.
    change: Option<String>,
    asked: Now,
    pace: Pace,
}

impl App {
    pub(super) fn ask(&mut self, asker: Asker, request: Request, effects: &mut Vec<Effect>) {
        self.numbers += 1;
        let words = format!("{} {}", request.word(), request.target());
        let question = Question {
            asker,
            change: request.on_record().then(|| words.trim_end().to_owned()),
            asked: self.context.now,
            pace: pace(&request),
        };
        self.asks.insert(self.numbers, question);
        effects.push(Effect::Ask(self.numbers, Box::new(request)));
    }

    pub(super) fn answer(&mut self, number: u64, answer: Result<Answer, Failure>, effects: &mut Vec<Effect>) {
        let Some(question) = self.asks.remove(&number) else {
            return;
        };
        self.listen();
        if let Err(failure) = &answer
            && failure.kind == FailureKind::LogInFirst
            && self.context.session.is_some()
        {
            let why = failure.message.clone();
            return self.lock(&why, effects);
        }
        if let Ok(Answer::Host(HostAnswer::Report(report))) = &answer {
            self.set_zone(&report.zone);
        }
        let Asker::Layer(number, tag) = question.asker else {
            return;
        };
        match self.layers.iter_mut().find(|layer| layer.number == number) {
            Some(layer) => {
                let actions = layer.screen.answered(tag, answer, &self.context);
                self.apply_from(number, actions, effects);
            }
            None => {
                // What was begun is nobody's: posternd need not keep it.
                if let Ok(Answer::Backup(begun)) = &answer
                    && let Some(drop) = begun.given_up()
                {
                    return self.ask(Asker::Application, Request::Backup(drop), effects);
                }
                self.answer_to_nobody(question.change, answer);
            }
        }
    }

    /// The box's zone may have been set since this program started.
    fn set_zone(&mut self, name: &str) {
        if !name.is_empty()
            && self.context.zone.iana_name() != Some(name)
            && let Ok(zone) = TimeZone::get(name)
        {
            self.context.zone = zone;
        }
    }

    /// Whether posternd owes an answer for too long: known to every screen, and said where the first one does not say it.
    pub(super) fn listen(&mut self) {
        let all = || self.asks.values();
        // Answers come in the order of the questions: behind a long one all wait.
        let is_busy = all().any(|question| question.pace == Pace::Long);
        let due = all().filter(|question| question.pace == Pace::Short && !is_busy);
        let oldest = due.map(|question| question.asked).min_by_key(|asked| asked.mono);
        let now = self.context.now;
        let silent = oldest.filter(|asked| now.mono.saturating_sub(asked.mono) >= PATIENCE);
        let before = std::mem::replace(&mut self.context.silent, silent.map(|asked| asked.wall));
        let Some(since) = self.context.silent.or(before) else {
            return;
        };
        let words = home::no_answer(since, &self.context);
        let is_said = self.note.as_ref().is_some_and(|(_, note)| *note == words);
        match self.context.silent {
            None if is_said => self.note = None,
            Some(_) if self.note.is_none() && self.screen() != home::NAME => self.say(Tone::Look, words),
            _ => {}
        }
    }

    /// The screen that asked was left.
    fn answer_to_nobody(&mut self, change: Option<String>, answer: Result<Answer, Failure>) {
        let Some(change) = change else { return };
        match answer {
            Err(failure) => self.say(Tone::Bad, format!("{change}: {}", failure.message)),
            Ok(Answer::Host(HostAnswer::Report(report))) if report.reverts_in.is_some() => {
                let words = "The network has changed, and is taken back unless it is confirmed: System, Network";
                self.say(Tone::Look, words.to_owned());
            }
            Ok(Answer::Done { done } | Answer::Host(HostAnswer::Done { done })) => self.say(Tone::Done, done),
            Ok(Answer::TokenMade(_) | Answer::OperatorToken(_)) => {
                let words = format!("{change}: done, but its key was not shown: remove the token and make another");
                self.say(Tone::Look, words);
            }
            Ok(Answer::ClientMade(made)) if made.secret.is_some() => {
                let words = format!("{change}: done, but its new secret was not shown: make another");
                self.say(Tone::Look, words);
            }
            Ok(Answer::Bypass(_)) => {
                let words = format!("{change}: done, but the code was not shown: make another");
                self.say(Tone::Look, words);
            }
            Ok(Answer::TokenProgramming(_)) => {
                let words = format!("{change}: begun, but nothing was written: program it again");
                self.say(Tone::Look, words);
            }
            // Its screen says what came of it.
            Ok(Answer::Prove(_) | Answer::Test(_)) => {}
            Ok(_) => self.say(Tone::Done, format!("{change}: done")),
        }
    }
}

fn pace(request: &Request) -> Pace {
    match request {
        Request::Watch => Pace::Never,
        // A look at the machine is quick, a stick is not.
        Request::Host(HostRequest::Show | HostRequest::UpdateShow) => Pace::Short,
        Request::Host(_) => Pace::Long,
        Request::EntraProve(_) | Request::EntraTest(_) | Request::ImportBatch(_) | Request::LogVerify => Pace::Long,
        _ => Pace::Short,
    }
}
