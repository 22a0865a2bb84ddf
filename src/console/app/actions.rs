//! What screens want done, done: one action after the other, and what an action brings with it before those that wait. In: actions
//! and the number of the screen they are of; out: effects, and another state.

use std::collections::VecDeque;

use super::App;
use super::asks::Asker;
use crate::console::action::{Action, Tone};
use crate::console::event::Effect;

impl App {
    /// Actions of the screen on top.
    pub(super) fn apply(&mut self, actions: Vec<Action>, effects: &mut Vec<Effect>) {
        let number = self.layers.last().map_or(0, |layer| layer.number);
        self.apply_from(number, actions, effects);
    }

    pub(super) fn apply_from(&mut self, number: u64, actions: Vec<Action>, effects: &mut Vec<Effect>) {
        let mut queue: VecDeque<(u64, Action)> = actions.into_iter().map(|action| (number, action)).collect();
        while let Some((number, action)) = queue.pop_front() {
            let mut more = |layer: u64, actions: Vec<Action>| {
                for action in actions.into_iter().rev() {
                    queue.push_front((layer, action));
                }
            };
            let is_top = self.layers.last().is_some_and(|layer| layer.number == number);
            match action {
                Action::Ask(tag, request) => self.ask(Asker::Layer(number, tag), request, effects),
                Action::Reader(ask) => self.ask_reader(number, ask, effects),
                Action::Unseen => self.unsee(number),
                // Only who is on top changes what is on top: a late answer to a screen below opens nothing over another.
                Action::Open(_) | Action::Replace(_) | Action::Home if !is_top => {}
                Action::Open(screen) => {
                    let (number, actions) = self.push(screen);
                    more(number, actions);
                }
                Action::Replace(screen) => {
                    self.pop(effects);
                    let (number, actions) = self.push(screen);
                    more(number, actions);
                }
                Action::Close | Action::CloseWith(_) if !is_top => {}
                Action::Close => {
                    if self.layers.len() > 1 {
                        self.pop(effects);
                        let (number, actions) = self.top_again(None);
                        more(number, actions);
                    }
                }
                Action::CloseWith(told) => {
                    if self.layers.len() > 1 {
                        self.pop(effects);
                        let (number, actions) = self.top_again(Some(told));
                        more(number, actions);
                    }
                }
                Action::Home => {
                    while self.layers.len() > 1 {
                        self.pop(effects);
                    }
                    let (number, actions) = self.top_again(None);
                    more(number, actions);
                }
                Action::Say(tone, words) => self.say(tone, words),
                Action::Fail(failure) => self.say(Tone::Bad, failure.message),
                Action::LoggedIn(session) => {
                    self.logged_in(session, effects);
                    return;
                }
                Action::LogOut => {
                    self.lock("Logged out", effects);
                    return;
                }
                Action::NextCaps => {
                    self.context.caps = self.context.caps.next();
                    self.say(Tone::Done, format!("This line: {}", self.context.caps.words()));
                    effects.push(Effect::Caps(self.context.caps));
                }
                Action::Wipe => effects.push(Effect::Wipe),
                Action::InvertQr => self.context.qr_inverted = !self.context.qr_inverted,
            }
        }
    }
}
