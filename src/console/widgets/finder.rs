//! A list that follows what is typed, one page of it at a time, whatever posternd holds. In: keys, and pages; out: questions for
//! pages, and the row that was chosen. Enter waits for the answer to what was typed, as a scanner presses it at once, and then takes
//! a row only where no other can be meant.

use ratatui::layout::Rect;

use super::asked::Asked;
use super::field::{Field, name};
use super::inset::below;
use super::list::List;
use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screens::users::grouped;
use crate::control::{PageAsk, Request};
use crate::text::shown;

/// The most characters that are taken.
const TYPED_MAX: usize = 64;
/// Rows above the list: the field and a blank one.
pub const HEAD: u16 = 2;

/// A row of such a list.
pub trait Found {
    /// What no other row has: it is known by this when others come and go.
    fn mark(&self) -> String;

    /// Whether this was typed in full, or scanned.
    fn is_typed(&self, text: &str) -> bool;
}

/// One page and what it is a page of.
#[derive(Debug)]
struct Window<T> {
    search: String,
    offset: usize,
    rows: Vec<T>,
    total: usize,
}

/// The list.
#[derive(Debug)]
pub struct Finder<T> {
    request: fn(PageAsk) -> Request,
    field: Field,
    list: List,
    window: Option<Window<T>>,
    asked: Asked,
    /// What was asked for last, and what is on its way.
    wanted: PageAsk,
    flying: PageAsk,
    /// Enter was pressed before the answer was there.
    held: bool,
}

impl<T: Found> Finder<T> {
    /// Nothing was asked yet; pages are asked for under this tag.
    pub fn new(tag: u32, request: fn(PageAsk) -> Request) -> Self {
        let nothing = PageAsk {
            search: String::new(),
            offset: 0,
            limit: 0,
        };
        Self {
            request,
            field: Field::new(TYPED_MAX, name),
            list: List::new(0),
            window: None,
            asked: Asked::new(tag),
            wanted: nothing.clone(),
            flying: nothing,
            held: false,
        }
    }

    /// Asks for the page where one is.
    pub fn ask(&mut self, height: u16) -> Vec<Action> {
        let offset = match self.is_answered() {
            true => self.list.top(height),
            false => 0,
        };
        self.wanted = PageAsk {
            search: self.field.text().to_owned(),
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
            limit: u32::from(height),
        };
        let actions = self.asked.ask((self.request)(self.wanted.clone()));
        if !actions.is_empty() {
            self.flying = self.wanted.clone();
        }
        actions
    }

    fn is_answered(&self) -> bool {
        self.window
            .as_ref()
            .is_some_and(|window| window.search == self.field.text())
    }

    fn ask_if_moved(&mut self, height: u16) -> Vec<Action> {
        let is_wanted = usize::try_from(self.wanted.offset) == Ok(self.list.top(height))
            && self.wanted.search == self.field.text()
            && self.wanted.limit == u32::from(height);
        if is_wanted { Vec::new() } else { self.ask(height) }
    }

    /// A window that was made larger has room for more.
    pub fn tick(&mut self, height: u16) -> Vec<Action> {
        match self.wanted.limit == u32::from(height) {
            true => Vec::new(),
            false => self.ask(height),
        }
    }

    /// A key; none where it is the screen's.
    pub fn on(&mut self, key: Key, height: u16) -> Option<Vec<Action>> {
        if self.list.on(key, height) {
            self.held = false;
            return Some(self.ask_if_moved(height));
        }
        if self.field.on(key) {
            self.held = false;
            return Some(self.ask(height));
        }
        None
    }

    /// Enter: the row where one is, if the answer to what was typed is there; else it is waited for.
    pub fn enter(&mut self) -> Option<&T> {
        self.held = !self.is_answered();
        self.here()
    }

    /// The row where one is, of what was typed.
    pub fn here(&self) -> Option<&T> {
        if !self.is_answered() {
            return None;
        }
        let window = self.window.as_ref()?;
        window.rows.get(self.list.at()?.checked_sub(window.offset)?)
    }

    /// How many were found.
    pub fn total(&self) -> Option<usize> {
        self.window.as_ref().map(|window| window.total)
    }

    /// A question under the tag was answered with a failure.
    pub fn failed(&mut self) -> Vec<Action> {
        self.held = false;
        self.land()
    }

    fn land(&mut self) -> Vec<Action> {
        let actions = self.asked.landed();
        if !actions.is_empty() {
            self.flying = self.wanted.clone();
        }
        actions
    }

    /// A page came. Answers also whether Enter waited for it, and the row where one is now is meant by it.
    pub fn take(&mut self, rows: Vec<T>, total: u64, height: u16) -> (Vec<Action>, bool) {
        let of = self.flying.clone();
        let is_stale = self.asked.stale();
        let mut actions = self.land();
        if is_stale {
            return (actions, false);
        }
        let before = self.here().map(Found::mark);
        let is_same = self.window.as_ref().is_some_and(|window| window.search == of.search);
        let window = Window {
            offset: usize::try_from(of.offset).unwrap_or(0),
            total: usize::try_from(total).unwrap_or(usize::MAX),
            search: of.search,
            rows,
        };
        let exact = window.rows.iter().position(|row| row.is_typed(&window.search));
        let offset = window.offset;
        let is_sure = exact.is_some() || window.total == 1;
        self.list.set_length(window.total);
        match (is_same, &before, exact) {
            // What one was at stays marked; where it is gone nothing is, since another row stands in its place.
            (true, Some(mark), _) => match window.rows.iter().position(|row| row.mark() == *mark) {
                Some(at) => self.list.go(at.saturating_add(offset)),
                None => self.list.unmark(),
            },
            // Turned to another page.
            (true, None, _) => {}
            (false, _, Some(at)) => self.list.go(at.saturating_add(offset)),
            (false, _, None) => self.list.go(0),
        }
        self.window = Some(window);
        // Rows that went take the marker to another page.
        actions.extend(self.ask_if_moved(height));
        let is_granted = std::mem::take(&mut self.held) && is_sure && self.here().is_some();
        (actions, is_granted)
    }

    /// The field, how many were found, and the rows of the page: `row` gives the text of one and how it looks, `empty` stands where
    /// there is none.
    pub fn draw(&self, page: &mut Page<'_>, row: impl Fn(&T) -> (String, Look), empty: &str) {
        let area = page.area();
        page.put(area.x.saturating_add(2), area.y, 5, "Find", Look::Faint);
        let width = area.width.saturating_sub(32).min(64);
        self.field.draw(page, area.x.saturating_add(7), area.y, width, true);
        let Some(window) = &self.window else { return };
        let x = area.x.saturating_add(7).saturating_add(width).saturating_add(2);
        let count = format!("{} found", grouped(window.total));
        page.put(x, area.y, area.right().saturating_sub(x), &count, Look::Plain);
        let rest = below(area, HEAD);
        if window.total == 0 {
            let inner = Rect {
                x: rest.x.saturating_add(2),
                width: rest.width.saturating_sub(4).min(100),
                ..rest
            };
            let words = match window.search.as_str() {
                "" => empty.to_owned(),
                search => format!("Nothing with {} in it was found.", shown(search)),
            };
            page.wrapped(inner, &words, Look::Plain);
            return;
        }
        self.list.draw(page, rest, |number| {
            let found = number.checked_sub(window.offset).and_then(|at| window.rows.get(at));
            found.map_or((String::new(), Look::Plain), &row)
        });
    }

    /// The cursor stands within what was typed, so that Delete is for that.
    pub fn is_within(&self) -> bool {
        self.field.at() < self.field.text().chars().count()
    }

    /// Whether the character is for the field.
    pub fn types(&self, character: char) -> bool {
        self.field.accepts(character)
    }
}

/// Rows of a page of such a list, on a screen of this size.
pub fn height(size: (u16, u16)) -> u16 {
    size.1.saturating_sub(3).saturating_sub(HEAD).max(1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    impl Found for String {
        fn mark(&self) -> String {
            self.clone()
        }
        fn is_typed(&self, text: &str) -> bool {
            self == text
        }
    }

    fn finder() -> Finder<String> {
        Finder::new(1, Request::UnassignedList)
    }

    fn asked(actions: &[Action]) -> Option<(String, u32)> {
        match actions {
            [Action::Ask(1, Request::UnassignedList(ask))] => Some((ask.search.clone(), ask.offset)),
            [] => None,
            other => panic!("{other:?}"),
        }
    }

    fn page(all: &[&str], search: &str, offset: usize) -> (Vec<String>, u64) {
        let found: Vec<String> = all
            .iter()
            .filter(|one| one.contains(search))
            .map(|one| (*one).to_owned())
            .collect();
        let rows = found.iter().skip(offset).take(3).cloned().collect();
        (rows, found.len() as u64)
    }

    #[test]
    fn what_was_scanned_is_chosen_although_enter_came_before_the_answer() {
        let all = ["100", "1001", "2100"];
        let mut finder = finder();
        finder.ask(3);
        let (rows, total) = page(&all, "", 0);
        finder.take(rows, total, 3);
        for digit in "100".chars() {
            finder.on(Key::Char(digit), 3);
        }
        assert_eq!(finder.enter(), None, "the rows are of nothing typed");
        // The answer to the first letter, then that to all.
        let (rows, total) = page(&all, "1", 0);
        let (actions, granted) = finder.take(rows, total, 3);
        assert_eq!((asked(&actions), granted), (Some(("100".to_owned(), 0)), false));
        let (rows, total) = page(&all, "100", 0);
        let (_, granted) = finder.take(rows, total, 3);
        assert!(granted);
        assert_eq!(finder.here().map(String::as_str), Some("100"));
    }

    #[test]
    fn a_part_of_a_number_chooses_nothing_before_it_was_seen() {
        let all = ["1001", "2100"];
        let mut finder = finder();
        finder.on(Key::Char('1'), 3);
        assert_eq!(finder.enter(), None);
        let (rows, total) = page(&all, "1", 0);
        let (_, granted) = finder.take(rows, total, 3);
        assert!(!granted);
        assert_eq!(finder.enter().map(String::as_str), Some("1001"), "now it was seen");
    }

    #[test]
    fn the_marker_stays_at_its_row_and_nothing_takes_the_place_of_one_that_went() {
        let mut finder = finder();
        finder.ask(3);
        let (rows, total) = page(&["a", "b", "c"], "", 0);
        finder.take(rows, total, 3);
        finder.on(Key::Down, 3);
        finder.ask(3);
        let (rows, total) = page(&["0", "a", "b", "c"], "", 0);
        finder.take(rows, total, 3);
        assert_eq!(finder.here().map(String::as_str), Some("b"));
        finder.ask(3);
        let (rows, total) = page(&["0", "a", "c"], "", 0);
        finder.take(rows, total, 3);
        assert_eq!(finder.enter(), None);
    }

    #[test]
    fn pages_come_one_by_one() {
        let all = ["a", "b", "c", "d", "e"];
        let mut finder = finder();
        finder.ask(3);
        let (rows, total) = page(&all, "", 0);
        finder.take(rows, total, 3);
        assert_eq!(asked(&finder.on(Key::Down, 3).unwrap()), None);
        assert_eq!(asked(&finder.on(Key::PageDown, 3).unwrap()), Some((String::new(), 3)));
        let (rows, total) = page(&all, "", 3);
        finder.take(rows, total, 3);
        assert_eq!(finder.here().map(String::as_str), Some("e"));
        assert_eq!(finder.on(Key::Esc, 3).map(|_| ()), None);
    }
}
