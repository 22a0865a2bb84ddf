//! Which file is read, or into which folder one is written: what lies on sticks, and behind it one row more for a path that is typed. In:
//! what is looked for, and its words; out: a path that somebody chose. Looks; changes nothing.
//!
//! ```text
//!   Where to? A new file is made there with everything of this box.
//!
//! > /media/stick
//!   Another folder: type its path
//! ```

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ratatui::layout::Rect;

use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::Context;
use crate::console::widgets::field::{Field, any};
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::list::List;
use crate::control::Failure;
use crate::text::shown;

/// Folders and files are looked at again after so long: a stick may have been plugged in.
const AGAIN: Duration = Duration::from_secs(3);
/// The longest path that can be typed.
const PATH_MAX: usize = 200;
/// Rows above the list.
const ABOVE_LIST: u16 = 5;

/// Names the path that was chosen; answers where a form stands below it.
pub fn draw_chosen(page: &mut Page<'_>, area: Rect, words: &str, path: &Path) -> Rect {
    let line = format!("{words} {}", shown(&path.to_string_lossy()));
    page.line(inset(area), 0, &line, Look::Plain);
    Rect {
        width: area.width.saturating_sub(2).min(100),
        ..below(area, 3)
    }
}

/// Says that what was chosen or typed is not what was wanted; one stays where one is.
pub fn is_no(path: &Path, wanted: &str) -> Vec<Action> {
    let line = format!("{} is no {wanted}", shown(&path.to_string_lossy()));
    vec![Action::Fail(Failure::refused(line))]
}

/// Something that can be chosen.
pub trait Item: Debug {
    /// Where it lies.
    fn path(&self) -> &Path;
    /// Its row.
    fn row(&self) -> String;
}

impl Item for PathBuf {
    fn path(&self) -> &Path {
        self
    }

    fn row(&self) -> String {
        shown(&self.to_string_lossy())
    }
}

/// What is said around it.
#[derive(Debug)]
pub struct Words {
    /// Where nothing was found.
    pub none: &'static str,
    /// Above what was found.
    pub some: &'static str,
    /// The row for what is not in the list.
    pub other: &'static str,
    /// Above the path that is typed.
    pub path: &'static str,
    /// Below it.
    pub example: &'static str,
}

/// A folder into which a file is written; what stands above the list is each screen's own.
pub const FOLDER: Words = Words {
    none: "",
    some: "",
    other: "Another folder: type its path",
    path: "The path of a folder on this box:",
    example: "Such as /home/anna. The console writes there as its own user.",
};

/// What a key came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Picked {
    /// Nothing yet.
    Not,
    /// Nothing is wanted here any more.
    Back,
    /// This path: of the list, or as it was typed, which may be anything.
    Path(PathBuf),
}

/// The list, and the path.
#[derive(Debug)]
pub struct Pick<T> {
    words: &'static Words,
    find: fn(&[PathBuf]) -> Vec<T>,
    found: Vec<T>,
    looked_at: Duration,
    list: List,
    typed: Option<Field>,
}

impl<T: Item> Pick<T> {
    /// Among what is found in the folders of the context.
    pub fn new(words: &'static Words, find: fn(&[PathBuf]) -> Vec<T>) -> Self {
        Self {
            words,
            find,
            found: Vec::new(),
            looked_at: Duration::ZERO,
            list: List::new(1),
            typed: None,
        }
    }

    /// Looks what is there now.
    pub fn look(&mut self, context: &Context) {
        self.looked_at = context.now.mono;
        let here = self.list.at().and_then(|at| self.found.get(at));
        let here = here.map(|item| item.path().to_owned());
        self.found = (self.find)(&context.import_dirs);
        self.list.set_length(self.found.len().saturating_add(1));
        let Some(here) = here else { return };
        // By its path: a file that is still being copied grows.
        match self.found.iter().position(|one| one.path() == here) {
            Some(at) => self.list.go(at),
            // It was pulled out: Enter must not find what took its row.
            None => self.list.unmark(),
        }
    }

    /// Time passes.
    pub fn tick(&mut self, context: &Context) {
        if self.typed.is_none() && context.now.mono.saturating_sub(self.looked_at) >= AGAIN {
            self.look(context);
        }
    }

    /// Back to the list from whatever came after it.
    pub fn again(&mut self) {
        self.typed = None;
    }

    /// A key.
    pub fn on(&mut self, key: Key, context: &Context) -> Picked {
        match (&mut self.typed, key) {
            (None, Key::Esc) => return Picked::Back,
            (Some(_), Key::Esc) => self.typed = None,
            (Some(field), Key::Enter) => {
                let path = field.text().trim();
                if !path.is_empty() {
                    return Picked::Path(PathBuf::from(path));
                }
            }
            (Some(field), key) => {
                field.on(key);
            }
            (None, Key::Enter) => match self.list.at() {
                None => {}
                Some(at) => match self.found.get(at) {
                    Some(item) => return Picked::Path(item.path().to_owned()),
                    None => self.typed = Some(Field::new(PATH_MAX, any)),
                },
            },
            (None, key) => {
                let height = context.size.1.saturating_sub(3).saturating_sub(ABOVE_LIST);
                self.list.on(key, height);
            }
        }
        Picked::Not
    }

    /// Whether it takes a character.
    pub fn types(&self, character: char) -> bool {
        self.typed.as_ref().is_some_and(|field| field.accepts(character))
    }

    /// The list, or the path.
    pub fn draw(&self, page: &mut Page<'_>) {
        let area = page.area();
        let inner = inset(area);
        if let Some(field) = &self.typed {
            page.line(inner, 0, self.words.path, Look::Plain);
            field.draw(page, inner.x, inner.y.saturating_add(2), inner.width, true);
            page.line(inner, 4, self.words.example, Look::Plain);
            return;
        }
        let words = match self.found.is_empty() {
            true => self.words.none,
            false => self.words.some,
        };
        let above = Rect {
            height: inner.height.min(ABOVE_LIST - 2),
            ..inner
        };
        page.wrapped(above, words, Look::Plain);
        self.list.draw(page, below(area, ABOVE_LIST), |number| {
            let text = match self.found.get(number) {
                None => self.words.other.to_owned(),
                Some(item) => item.row(),
            };
            (text, Look::Plain)
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use std::fs;

    use super::*;
    use crate::console::testing::context;

    static WORDS: Words = Words {
        none: "nothing",
        some: "something",
        ..FOLDER
    };

    fn folders(dirs: &[PathBuf]) -> Vec<PathBuf> {
        dirs.iter().filter(|dir| dir.is_dir()).cloned().collect()
    }

    #[test]
    fn what_was_pulled_out_is_chosen_by_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        let mut context = context();
        context.import_dirs = vec![one.clone(), two.clone()];
        fs::create_dir(&one).unwrap();
        fs::create_dir(&two).unwrap();
        let mut pick = Pick::new(&WORDS, folders);
        pick.look(&context);
        assert_eq!(pick.on(Key::Enter, &context), Picked::Path(one.clone()));
        fs::remove_dir(&one).unwrap();
        // Looked at again after some seconds, not at once.
        pick.tick(&context);
        assert_eq!(pick.on(Key::Enter, &context), Picked::Path(one));
        context.now.mono += AGAIN;
        pick.tick(&context);
        assert_eq!(pick.on(Key::Enter, &context), Picked::Not);
        pick.on(Key::Down, &context);
        assert_eq!(pick.on(Key::Enter, &context), Picked::Path(two));
    }

    #[test]
    fn a_path_is_typed_behind_the_list_and_esc_goes_one_step_back() {
        let mut pick = Pick::new(&WORDS, folders);
        let context = context();
        assert!(!pick.types('x'));
        assert_eq!(pick.on(Key::Enter, &context), Picked::Not);
        assert!(pick.types('x'));
        assert_eq!(pick.on(Key::Enter, &context), Picked::Not, "an empty path is none");
        for letter in " /a".chars() {
            pick.on(Key::Char(letter), &context);
        }
        assert_eq!(pick.on(Key::Enter, &context), Picked::Path("/a".into()));
        assert_eq!(pick.on(Key::Esc, &context), Picked::Not);
        assert_eq!(pick.on(Key::Esc, &context), Picked::Back);
    }
}
