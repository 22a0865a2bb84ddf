//! The customer key of this house's Molto-2 tokens: what posternd hands out with each job for one of them. In: a key, typed twice, or
//! that it is the maker's; out: posternd's word. The devices themselves must have the key already: nothing here changes them.
//!
//! ```text
//! Postern box-1 | Molto-2 key                              anna installer  14:05
//!
//! > Key                < ours >
//!   Customer key       [****************                              ]
//!   Once more          [****************                              ]
//! ```

use crate::console::action::{Action, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, any};
use crate::console::widgets::form::{Form, Typed};
use crate::console::widgets::inset::below;
use crate::control::{Answer, Failure, Request};

/// The longest key that is taken.
const KEY_MAX: usize = 64;
const OURS: &str = "ours";

/// The form.
#[derive(Debug)]
pub struct MoltoKey {
    form: Form,
    waiting: bool,
}

impl MoltoKey {
    /// Nothing typed.
    pub fn new() -> Self {
        let form = Form::new()
            .choice(
                "which",
                "Key",
                &[
                    (OURS, "one that this house has set in its devices"),
                    ("maker's", "as they come"),
                ],
                "Left and Right change it. With the maker's, Enter is enough.",
            )
            .field(
                "key",
                "Customer key",
                Field::secret(KEY_MAX, any),
                "As it was set in the devices, letter by letter.",
            )
            .field(
                "again",
                "Once more",
                Field::secret(KEY_MAX, any),
                "The same again: nobody can read what was typed.",
            );
        Self { form, waiting: false }
    }

    fn send(&mut self) -> Vec<Action> {
        if self.form.text("which") != OURS {
            self.waiting = true;
            return vec![Action::Ask(0, Request::MoltoKeySet { key: None })];
        }
        let wrong = match (self.form.text("key"), self.form.text("again")) {
            ("", _) => Some(("key", "Type the key, or choose the maker's above.")),
            (key, again) if key != again => Some(("again", "That is not the same as above.")),
            _ => None,
        };
        if let Some((field, words)) = wrong {
            self.form.set_wrong(field, Some(words.to_owned()));
            self.form.go(field);
            return Vec::new();
        }
        self.waiting = true;
        drop(self.form.take_secret("again"));
        let key = Some(self.form.take_secret("key"));
        vec![Action::Ask(0, Request::MoltoKeySet { key })]
    }
}

impl Screen for MoltoKey {
    fn name(&self) -> &'static str {
        "molto-key"
    }

    fn title(&self) -> String {
        "Molto-2 key".to_owned()
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        match key {
            Key::Esc => vec![Action::Close],
            _ if self.waiting => Vec::new(),
            Key::Enter if self.form.here() == "which" && self.form.text("which") != OURS => self.send(),
            key => match self.form.on(key) {
                Typed::Done => self.send(),
                _ => Vec::new(),
            },
        }
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        self.waiting = false;
        match answer {
            Ok(Answer::Done { done }) => vec![Action::Say(Tone::Done, done), Action::Close],
            Ok(_) => Vec::new(),
            Err(failure) => {
                self.form.go("key");
                self.form.set_wrong("key", Some(failure.message));
                Vec::new()
            }
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = below(page.area(), 1);
        self.form.draw(page, area, !self.waiting);
        let mut words = below(area, self.form.height().saturating_add(2));
        words.x = words.x.saturating_add(2);
        words.width = words.width.saturating_sub(4).min(100);
        page.wrapped(
            words,
            "The box proves this key to every Molto-2 that it programs. It changes no device: one that has another key refuses, and \
             may lock itself after some tries. `postern token device` sets a key in a device.",
            Look::Plain,
        );
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Enter", "next, set it"), ("Up/Down", "field"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "A Molto-2 takes nothing without its customer key. All come with the same one, the maker's, which everybody knows; a house \
             can set one of its own in its devices. The box must know which it is before it programs one.",
        ]
    }

    fn types(&self, character: char) -> bool {
        self.form.types(character)
    }

    fn secret_typed(&self) -> Option<usize> {
        self.form.secret_typed()
    }
}
