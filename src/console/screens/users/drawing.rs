//! What the list of users looks like: the field and how many were found, then a name to a row with what is not as usual behind it.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthChar;

use super::{Purpose, Users};
use crate::console::page::{Look, Page, Sign};
use crate::control::UserRow;
use crate::text::shown;

/// Rows above the list: the field and a blank one.
pub(super) const HEAD: u16 = 2;
/// Columns for the words behind a name.
const WORDS: u16 = 32;

impl Users {
    pub(super) fn draw_all(&self, page: &mut Page<'_>) {
        let area = page.area();
        self.draw_head(page, area);
        let below = Rect {
            y: area.y.saturating_add(HEAD),
            height: area.height.saturating_sub(HEAD),
            ..area
        };
        if let Some(words) = self.empty_words() {
            let inner = Rect {
                x: below.x.saturating_add(2),
                width: below.width.saturating_sub(2),
                ..below
            };
            page.wrapped(inner, &words, Look::Plain);
        }
        let Some(window) = &self.window else { return };
        let extra = self.extra();
        let names = below.width.saturating_sub(2 + WORDS).min(66);
        let top = self.list.top(below.height);
        for (line, number) in (0..below.height).zip(top..self.list.length()) {
            let y = below.y.saturating_add(line);
            let x = below.x.saturating_add(2);
            let row = number
                .checked_sub(extra)
                .and_then(|at| window.users.get(at.checked_sub(window.offset)?));
            if self.list.at() == Some(number) {
                page.put(below.x, y, 1, page.sign(Sign::Marker), Look::Strong);
            }
            let Some(row) = row else {
                if number < extra {
                    let words = format!("+ make {} and {}", shown(&window.search), self.purpose.enter());
                    page.put(x, y, below.width.saturating_sub(2), &words, Look::Strong);
                }
                continue;
            };
            if self.marks.has(&row.name) {
                page.put(below.x.saturating_add(1), y, 1, "+", Look::Strong);
            }
            let (words, name) = (state_words(row), shown(&row.name));
            // A name takes the room that the words leave.
            let room = match words.is_empty() {
                true => below.width.saturating_sub(2),
                false => names.max(columns(&name).min(below.width.saturating_sub(4).saturating_sub(columns(&words)))),
            };
            page.put(x, y, room, &name, Look::Plain);
            let x = x.saturating_add(room).saturating_add(1);
            let look = match row.locked || !row.enabled {
                true => Look::Warn,
                false => Look::Plain,
            };
            page.put(x, y, below.right().saturating_sub(x), &words, look);
        }
    }

    fn draw_head(&self, page: &mut Page<'_>, area: Rect) {
        page.put(area.x.saturating_add(2), area.y, 5, "Find", Look::Faint);
        let width = area.width.saturating_sub(32).min(64);
        self.field.draw(page, area.x.saturating_add(7), area.y, width, true);
        let found = self.window.as_ref().map(|window| window.total);
        let count = match (found, self.everybody) {
            (None, _) => String::new(),
            _ if !self.marks.is_empty() => format!("{} marked", grouped(self.marks.count())),
            (Some(found), Some(all)) if found != all => format!("{} of {}", grouped(found), grouped(all)),
            (Some(1), _) => "1 user".to_owned(),
            (Some(found), _) => format!("{} users", grouped(found)),
        };
        let x = area.x.saturating_add(7).saturating_add(width).saturating_add(2);
        page.put(x, area.y, area.right().saturating_sub(x), &count, Look::Plain);
    }

    /// What stands where no row does.
    fn empty_words(&self) -> Option<String> {
        let window = self.window.as_ref().filter(|window| window.total == 0)?;
        Some(match (window.search.as_str(), self.purpose) {
            ("", purpose) if purpose.makes() => "There are no users yet. Type a name and press Enter.".to_owned(),
            ("", _) => "There are no users yet. Enrol, on the first screen, makes the first one.".to_owned(),
            (_, purpose) if purpose.makes() => return None,
            (search, Purpose::Why) => format!(
                "No name contains {}. Enter: why a login of this name is refused.",
                shown(search)
            ),
            (search, _) => format!("No name contains {}.", shown(search)),
        })
    }
}

/// A number with commas: `100,000`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// What is not as usual with a user, the gravest first; nothing for one who has a token and may log in.
pub fn state_words(row: &UserRow) -> String {
    let mut words = Vec::new();
    if !row.enabled {
        words.push("disabled");
    }
    if row.locked {
        words.push("locked");
    }
    match (row.active_tokens, row.pending_tokens) {
        (0, _) if row.exempt => {}
        (0, _) if row.resync_tokens > 0 => words.push("token needs a resync"),
        (0, 0) => words.push("no token"),
        (0, _) => words.push("token not confirmed"),
        _ => {}
    }
    if row.exempt {
        words.push("exempt");
    }
    if row.local_password {
        words.push("local password");
    }
    words.join(", ")
}

/// Columns that a text takes.
fn columns(text: &str) -> u16 {
    let columns: usize = text.chars().map(|c| c.width().unwrap_or(0)).sum();
    u16::try_from(columns).unwrap_or(u16::MAX)
}
