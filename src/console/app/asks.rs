//! Questions to posternd on their way. An answer goes to the screen that asked; what became of a change is said also where that
//! screen was left, since nobody would learn of it otherwise.

use super::{App, Tone};
use crate::console::event::Effect;
use crate::control::{Answer, Failure, FailureKind, Request};

/// Whose question it was.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asker {
    /// The application's own.
    Application,
    /// A screen's, under its tag.
    Layer(u64, u32),
}

/// A question on its way.
#[derive(Debug)]
pub(super) struct Question {
    asker: Asker,
    /// What is to be done, by its word and target, where it is a change.
    change: Option<String>,
}

impl App {
    pub(super) fn ask(&mut self, asker: Asker, request: Request, effects: &mut Vec<Effect>) {
        self.numbers += 1;
        let words = format!("{} {}", request.word(), request.target());
        let question = Question {
            asker,
            change: request.on_record().then(|| words.trim_end().to_owned()),
        };
        self.asks.insert(self.numbers, question);
        effects.push(Effect::Ask(self.numbers, Box::new(request)));
    }

    pub(super) fn answer(&mut self, number: u64, answer: Result<Answer, Failure>, effects: &mut Vec<Effect>) {
        let Some(question) = self.asks.remove(&number) else {
            return;
        };
        if let Err(failure) = &answer
            && failure.kind == FailureKind::LogInFirst
            && self.context.session.is_some()
        {
            let why = failure.message.clone();
            return self.lock(&why, effects);
        }
        let Asker::Layer(number, tag) = question.asker else {
            return;
        };
        match self.layers.iter_mut().find(|layer| layer.number == number) {
            Some(layer) => {
                let actions = layer.screen.answered(tag, answer, &self.context);
                self.apply_from(number, actions, effects);
            }
            None => self.answer_to_nobody(question.change, answer),
        }
    }

    /// The screen that asked was left.
    fn answer_to_nobody(&mut self, change: Option<String>, answer: Result<Answer, Failure>) {
        let Some(change) = change else { return };
        match answer {
            Err(failure) => self.say(Tone::Bad, format!("{change}: {}", failure.message)),
            Ok(Answer::Done { done }) => self.say(Tone::Done, done),
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
            // Its screen says what came of it.
            Ok(Answer::Prove(_) | Answer::Test(_)) => {}
            Ok(_) => self.say(Tone::Done, format!("{change}: done")),
        }
    }
}
