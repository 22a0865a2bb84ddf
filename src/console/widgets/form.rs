//! Several fields, one below the other, with choices between them. Up, Down and Tab go from one to the next, Left and Right change
//! a choice, Enter goes on and at the last row is the answer; Esc is left to the screen.

use ratatui::layout::Rect;

use super::field::Field;
use crate::console::key::Key;
use crate::console::page::{Look, Page, Sign};
use crate::secret::Secret;

/// What a row is for typing.
#[derive(Clone, Debug)]
enum Kind {
    Field(Field),
    Choice { options: Vec<(String, String)>, at: usize },
}

/// A row of a form.
#[derive(Clone, Debug)]
struct Row {
    key: &'static str,
    label: &'static str,
    kind: Kind,
    /// What to know of it, shown while it is being typed in.
    hint: String,
    /// What is wrong with it.
    wrong: Option<String>,
}

/// What a key came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Nothing here: the key is the screen's.
    NotMine,
    /// The marker moved, or nothing changed.
    Moved,
    /// The value of this row changed.
    Changed(&'static str),
    /// Enter at the last row.
    Done,
}

/// Fields and choices.
#[derive(Clone, Debug, Default)]
pub struct Form {
    rows: Vec<Row>,
    at: usize,
}

impl Form {
    /// An empty form.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a field more. `key` names it, `label` stands before it (18 columns), `hint` below the form while it is typed in.
    pub fn field(mut self, key: &'static str, label: &'static str, field: Field, hint: &str) -> Self {
        self.rows.push(Row {
            key,
            label,
            kind: Kind::Field(field),
            hint: hint.to_owned(),
            wrong: None,
        });
        self
    }

    /// With a choice more: each option has a word (its value) and a few words that explain it.
    pub fn choice(mut self, key: &'static str, label: &'static str, options: &[(&str, &str)], hint: &str) -> Self {
        let options = options
            .iter()
            .map(|(word, words)| ((*word).to_owned(), (*words).to_owned()))
            .collect();
        self.rows.push(Row {
            key,
            label,
            kind: Kind::Choice { options, at: 0 },
            hint: hint.to_owned(),
            wrong: None,
        });
        self
    }

    /// The text of a field, or the word of a choice; empty for a key that is not there.
    pub fn text(&self, key: &str) -> &str {
        match self.row(key).map(|row| &row.kind) {
            Some(Kind::Field(field)) => field.text(),
            Some(Kind::Choice { options, at }) => options.get(*at).map_or("", |(word, _)| word),
            None => "",
        }
    }

    /// The text of a secret field, which is empty afterwards.
    pub fn take_secret(&mut self, key: &str) -> Secret {
        match self.row_mut(key).map(|row| &mut row.kind) {
            Some(Kind::Field(field)) => field.take_secret(),
            _ => Secret::default(),
        }
    }

    /// Sets a field's text, or chooses the option of this word.
    pub fn set(&mut self, key: &str, text: &str) {
        match self.row_mut(key).map(|row| &mut row.kind) {
            Some(Kind::Field(field)) => field.set(text),
            Some(Kind::Choice { options, at }) => {
                if let Some(found) = options.iter().position(|(word, _)| word == text) {
                    *at = found;
                }
            }
            None => {}
        }
    }

    /// Says something else of a row while it is typed in.
    pub fn set_hint(&mut self, key: &str, hint: &str) {
        if let Some(row) = self.row_mut(key) {
            row.hint = hint.to_owned();
        }
    }

    /// Says what is wrong with a row, or that nothing is.
    pub fn set_wrong(&mut self, key: &str, wrong: Option<String>) {
        if let Some(row) = self.row_mut(key) {
            row.wrong = wrong;
        }
    }

    /// Something is said to be wrong.
    pub fn is_wrong(&self) -> bool {
        self.rows.iter().any(|row| row.wrong.is_some())
    }

    /// Goes to a row.
    pub fn go(&mut self, key: &str) {
        if let Some(at) = self.rows.iter().position(|row| row.key == key) {
            self.at = at;
        }
    }

    /// Goes to the first row with something wrong; answers whether there is one.
    pub fn go_to_wrong(&mut self) -> bool {
        match self.rows.iter().position(|row| row.wrong.is_some()) {
            Some(at) => {
                self.at = at;
                true
            }
            None => false,
        }
    }

    /// The row where one is.
    pub fn here(&self) -> &'static str {
        self.rows.get(self.at).map_or("", |row| row.key)
    }

    /// Whether the character would be typed into the row where one is.
    pub fn types(&self, character: char) -> bool {
        match self.rows.get(self.at).map(|row| &row.kind) {
            Some(Kind::Field(field)) => field.accepts(character),
            _ => false,
        }
    }

    /// Characters before the cursor in the row where one is.
    pub fn typed_at(&self) -> usize {
        match self.rows.get(self.at).map(|row| &row.kind) {
            Some(Kind::Field(field)) => field.at(),
            _ => 0,
        }
    }

    /// Characters before the cursor, where a secret is being typed.
    pub fn secret_typed(&self) -> Option<usize> {
        match self.rows.get(self.at).map(|row| &row.kind) {
            Some(Kind::Field(field)) if field.is_secret() => Some(field.at()),
            _ => None,
        }
    }

    /// A key.
    pub fn on(&mut self, key: Key) -> Typed {
        let last = self.rows.len().saturating_sub(1);
        match key {
            Key::Up | Key::BackTab => self.at = self.at.saturating_sub(1),
            Key::Down | Key::Tab => self.at = (self.at + 1).min(last),
            Key::Enter if self.at >= last => return Typed::Done,
            Key::Enter => self.at += 1,
            _ => return self.typed(key),
        }
        Typed::Moved
    }

    fn typed(&mut self, key: Key) -> Typed {
        let Some(row) = self.rows.get_mut(self.at) else {
            return Typed::NotMine;
        };
        match &mut row.kind {
            Kind::Field(field) => {
                if field.on(key) {
                    row.wrong = None;
                    return Typed::Changed(row.key);
                }
                match key {
                    Key::Left | Key::Right | Key::Home | Key::End | Key::Backspace | Key::Delete | Key::Char(_) => {
                        Typed::Moved
                    }
                    _ => Typed::NotMine,
                }
            }
            Kind::Choice { options, at } => {
                let step = match key {
                    Key::Left => options.len().saturating_sub(1),
                    Key::Right | Key::Char(' ') => 1,
                    _ => return Typed::NotMine,
                };
                *at = (*at + step) % options.len().max(1);
                row.wrong = None;
                Typed::Changed(row.key)
            }
        }
    }

    /// Rows that it takes: one each, and two for what is known or wrong.
    pub fn height(&self) -> u16 {
        u16::try_from(self.rows.len()).unwrap_or(u16::MAX).saturating_add(3)
    }

    /// Draws it from the top of the area; below, what is wrong with the row where one is, or what to know of it. `live` is false
    /// where another part of the screen has the cursor.
    pub fn draw(&self, page: &mut Page<'_>, area: Rect, live: bool) {
        for (line, (number, row)) in (0..area.height).zip(self.rows.iter().enumerate()) {
            let y = area.y.saturating_add(line);
            let here = live && number == self.at;
            if here {
                page.put(area.x, y, 1, page.sign(Sign::Marker), Look::Strong);
            }
            page.put(area.x.saturating_add(2), y, 18, row.label, Look::Faint);
            let x = area.x.saturating_add(21);
            let width = area.right().saturating_sub(x);
            match &row.kind {
                Kind::Field(field) => field.draw(page, x, y, width.min(48), here),
                Kind::Choice { options, at } => {
                    let (word, words) = options.get(*at).map_or(("", ""), |(a, b)| (a.as_str(), b.as_str()));
                    let look = if here { Look::Strong } else { Look::Plain };
                    let behind = page.put(x, y, width, &format!("< {word} >"), look);
                    let rest = area.right().saturating_sub(behind);
                    page.put(behind.saturating_add(1), y, rest.saturating_sub(1), words, Look::Plain);
                }
            }
            if row.wrong.is_some() && !here {
                page.put(area.right().saturating_sub(7), y, 7, " wrong", Look::Bad);
            }
        }
        let rows = u16::try_from(self.rows.len()).unwrap_or(u16::MAX);
        let below = Rect {
            x: area.x.saturating_add(2),
            y: area.y.saturating_add(rows).saturating_add(1),
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(rows).saturating_sub(1).min(4),
        };
        let Some(row) = self.rows.get(self.at).filter(|_| live) else {
            return;
        };
        match &row.wrong {
            Some(wrong) => page.wrapped(below, wrong, Look::Bad),
            None => page.wrapped(below, &row.hint, Look::Plain),
        };
    }

    fn row(&self, key: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.key == key)
    }

    fn row_mut(&mut self, key: &str) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.key == key)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::super::field;
    use super::*;

    fn form() -> Form {
        Form::new()
            .field("name", "Name", Field::new(10, field::name), "a name")
            .choice(
                "mode",
                "Mode",
                &[("append", "in one field"), ("challenge", "two steps")],
                "",
            )
            .field("password", "Password", Field::secret(10, field::any), "")
    }

    #[test]
    fn enter_goes_on_and_ends_at_the_last_row() {
        let mut form = form();
        assert_eq!(form.on(Key::Char('a')), Typed::Changed("name"));
        assert_eq!(form.on(Key::Enter), Typed::Moved);
        assert_eq!(form.on(Key::Right), Typed::Changed("mode"));
        assert_eq!(form.text("mode"), "challenge");
        assert_eq!(form.on(Key::Enter), Typed::Moved);
        assert!(form.types('?'));
        assert_eq!(form.on(Key::Char('?')), Typed::Changed("password"));
        assert_eq!(form.secret_typed(), Some(1));
        assert_eq!(form.on(Key::Enter), Typed::Done);
        assert_eq!(form.text("name"), "a");
        assert_eq!(form.take_secret("password").expose(), b"?");
        assert_eq!(form.text("password"), "");
    }

    #[test]
    fn r21_a_form_does_not_print_a_secret() {
        let mut form = form();
        form.go("password");
        form.on(Key::Char('q'));
        assert!(!format!("{form:?}").contains('q'));
    }

    #[test]
    fn keys_that_are_not_for_typing_are_the_screens() {
        let mut form = form();
        assert_eq!(form.on(Key::Esc), Typed::NotMine);
        assert_eq!(form.on(Key::Ctrl('l')), Typed::NotMine);
        assert_eq!(
            form.on(Key::Char(' ')),
            Typed::Moved,
            "a name takes no space, and nobody else either"
        );
    }
}
