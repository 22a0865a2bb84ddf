//! A question before something is done. In: a title, what it means in a few lines; out: yes to the screen below, or nothing. What
//! cannot be undone asks for a word to be typed, so that no habit of pressing Enter does it.
//!
//! ```text
//! Postern box-1 | Disable anna@contoso.example             anna installer  14:05
//!
//!   Every login of anna@contoso.example is refused until an installer enables it again.
//!
//!   Enter or y: yes. Esc or n: no, nothing is changed.
//! ```

use ratatui::layout::Rect;

use crate::console::action::{Action, Told};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, any};

/// The most characters of a word that is to be typed.
const WORD_MAX: usize = 64;

/// A question with yes and no.
#[derive(Debug)]
pub struct Confirm {
    tag: u32,
    title: String,
    lines: Vec<String>,
    /// What must be typed, and what was.
    word: Option<(String, Field)>,
    /// Something else was typed than the word.
    wrong: bool,
}

impl Confirm {
    /// Asks; Enter or y tells the screen below [`Told::Yes`] with the tag. The lines say what it means, one paragraph each.
    pub fn new(tag: u32, title: &str, lines: Vec<String>) -> Self {
        Self {
            tag,
            title: title.to_owned(),
            lines,
            word: None,
            wrong: false,
        }
    }

    /// For what cannot be undone: the word must be typed before Enter means yes. It should be one that every keyboard has.
    pub fn strong(tag: u32, title: &str, lines: Vec<String>, word: &str) -> Self {
        let word: String = word.chars().take(WORD_MAX).collect();
        Self {
            word: Some((word, Field::new(WORD_MAX, any))),
            ..Self::new(tag, title, lines)
        }
    }
}

/// A word that the operator can type to confirm something about a name: the part before the `@`, or, where a keyboard may not have
/// its letters or it is long, the word of what is done.
pub fn word_for<'a>(name: &'a str, else_word: &'a str) -> &'a str {
    let local = name.split('@').next().unwrap_or(name);
    let is_easy = !local.is_empty() && local.len() <= 24 && local.bytes().all(|byte| byte.is_ascii_graphic());
    if is_easy { local } else { else_word }
}

impl Screen for Confirm {
    fn name(&self) -> &'static str {
        "confirm"
    }

    fn title(&self) -> String {
        self.title.clone()
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        let yes = || vec![Action::CloseWith(Told::Yes(self.tag))];
        match (&mut self.word, key) {
            (_, Key::Esc) | (None, Key::Char('n' | 'N')) => vec![Action::Close],
            (None, Key::Enter | Key::Char('y' | 'Y')) => yes(),
            (None, _) => Vec::new(),
            (Some((word, field)), Key::Enter) => {
                if field.text().trim() == word {
                    return yes();
                }
                self.wrong = true;
                Vec::new()
            }
            (Some((_, field)), key) => {
                if field.on(key) {
                    self.wrong = false;
                }
                Vec::new()
            }
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = page.area();
        let mut inner = Rect {
            x: area.x.saturating_add(2),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(4).min(100),
            height: area.height.saturating_sub(1),
        };
        let go_down = |inner: &mut Rect, rows: u16| {
            inner.y = inner.y.saturating_add(rows);
            inner.height = inner.height.saturating_sub(rows);
        };
        for line in &self.lines {
            let rows = page.wrapped(inner, line, Look::Plain);
            go_down(&mut inner, rows.saturating_add(1));
        }
        match &self.word {
            None => page.line(
                inner,
                0,
                "Enter or y: yes. Esc or n: no, nothing is changed.",
                Look::Strong,
            ),
            Some((word, field)) => {
                page.line(inner, 0, "This cannot be undone.", Look::Strong);
                page.line(
                    inner,
                    1,
                    &format!("To do it, type {word} and press Enter. Esc: nothing is changed."),
                    Look::Plain,
                );
                field.draw(page, inner.x, inner.y.saturating_add(3), inner.width.min(48), true);
                if self.wrong {
                    let words = format!("That is another word. Type {word}, or press Esc.");
                    page.line(inner, 5, &words, Look::Bad);
                }
            }
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        match self.word {
            None => vec![("Enter", "yes"), ("Esc", "no")],
            Some(_) => vec![("Enter", "do it"), ("Esc", "no, back")],
        }
    }

    fn help(&self) -> &'static [&'static str] {
        &["A question before something is done. Esc goes back, and nothing is changed."]
    }

    fn asks(&self) -> bool {
        true
    }

    fn types(&self, _character: char) -> bool {
        self.word.is_some()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::testing::{Desk, snapshot};
    use crate::control::Role;

    /// Tells which answer it got.
    #[derive(Debug, Default)]
    struct Below(Option<Told>);

    impl Screen for Below {
        fn name(&self) -> &'static str {
            "below"
        }
        fn title(&self) -> String {
            match &self.0 {
                Some(told) => format!("{told:?}"),
                None => "nothing".to_owned(),
            }
        }
        fn on(&mut self, _key: Key, _context: &Context) -> Vec<Action> {
            Vec::new()
        }
        fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
            self.0 = Some(told);
            Vec::new()
        }
        fn draw(&self, _page: &mut Page<'_>, _context: &Context) {}
        fn hints(&self, _context: &Context) -> Vec<Hint> {
            Vec::new()
        }
        fn help(&self) -> &'static [&'static str] {
            &[]
        }
    }

    fn desk(confirm: Confirm) -> Desk {
        let mut desk = Desk::on(Box::<Below>::default(), Role::Installer);
        let effects = desk.app.open_for_test(Box::new(confirm));
        assert!(effects.is_empty());
        desk
    }

    fn plain() -> Confirm {
        Confirm::new(
            7,
            "Disable anna@contoso.example",
            vec!["Every login of anna@contoso.example is refused until an installer enables it again.".to_owned()],
        )
    }

    fn strong() -> Confirm {
        Confirm::strong(
            8,
            "Remove anna@contoso.example",
            vec![
                "anna@contoso.example and all tokens go. Hardware tokens must be imported again to be used again."
                    .to_owned(),
            ],
            word_for("anna@contoso.example", "remove"),
        )
    }

    #[test]
    fn yes_is_told_and_no_is_not() {
        for (key, told) in [
            (Key::Enter, true),
            (Key::Char('y'), true),
            (Key::Esc, false),
            (Key::Char('n'), false),
        ] {
            let mut desk = desk(plain());
            desk.keys(&[Key::Char('x'), key]);
            assert_eq!(desk.text().contains("Yes(7)"), told, "{key:?}");
            assert_eq!(desk.app.screen(), "below");
        }
    }

    #[test]
    fn keys_from_before_the_question_was_read_are_no_answer() {
        let mut desk = Desk::on(Box::<Below>::default(), Role::Installer);
        desk.is_stalled = true;
        desk.app.open_for_test(Box::new(plain()));
        // The frame has not left, however long that takes.
        for key in [Key::Enter, Key::Char('y'), Key::Esc] {
            desk.burst(&[key], 5000);
            assert_eq!(desk.app.screen(), "confirm");
        }
        desk.is_stalled = false;
        desk.see();
        // It stands; somebody goes on typing a name, long past the time in which it can be read.
        desk.burst(&[Key::Char('y'); 9], 120);
        desk.burst(&[Key::Enter], 399);
        assert_eq!(desk.app.screen(), "confirm");
        desk.burst(&[Key::Char('y')], 400);
        assert!(desk.text().contains("Yes(7)"), "{}", desk.text());
    }

    #[test]
    fn a_word_is_typed_as_fast_as_one_likes_once_the_question_was_read() {
        let mut desk = desk(strong());
        desk.burst(&"anna".chars().map(Key::Char).collect::<Vec<_>>(), 10);
        desk.burst(&[Key::Enter], 10);
        assert_eq!(desk.app.screen(), "confirm");
        assert!(!desk.text().contains("another word"), "{}", desk.text());
        desk.burst(&[Key::Char('a')], 400);
        desk.burst(&"nna".chars().map(Key::Char).collect::<Vec<_>>(), 10);
        desk.burst(&[Key::Enter], 10);
        assert!(desk.text().contains("Yes(8)"));
    }

    #[test]
    fn what_cannot_be_undone_needs_its_word() {
        let mut desk = desk(strong());
        desk.keys(&[Key::Enter]);
        desk.types("ann");
        desk.keys(&[Key::Enter]);
        assert_eq!(desk.app.screen(), "confirm");
        assert!(desk.text().contains("That is another word"));
        desk.types("a");
        assert!(!desk.text().contains("That is another word"));
        desk.keys(&[Key::Enter]);
        assert!(desk.text().contains("Yes(8)"));
    }

    #[test]
    fn the_word_is_one_that_every_keyboard_has() {
        assert_eq!(word_for("anna@contoso.example", "remove"), "anna");
        assert_eq!(word_for("bernd", "remove"), "bernd");
        for name in [
            "änne@contoso.example",
            "@contoso.example",
            "",
            "an.extraordinarily.long.name@contoso.example",
        ] {
            assert_eq!(word_for(name, "remove"), "remove", "{name}");
        }
    }

    #[test]
    fn screens() {
        snapshot("confirm", |desk| desk.open(Box::new(plain()), Role::Installer));
        snapshot("confirm-strong", |desk| {
            desk.open(Box::new(strong()), Role::Installer);
            desk.types("anne");
            desk.keys(&[Key::Enter]);
        });
    }
}
