//! A page to draw on: the cells of a screen, what the line can show, and how things look on it. Text from anywhere goes through
//! [`Page::put`], which lets no control character through and, on an ASCII line, spells every other character (R22).

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color as Ink, Modifier, Style};
use unicode_width::UnicodeWidthChar;

use super::action::Tone;
use super::caps::{Caps, Color, Glyphs};

/// How a piece of text looks. No look carries a meaning that no word carries too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// As it comes.
    Plain,
    /// A heading, a marked row, a key.
    Strong,
    /// A label, or what matters less.
    Faint,
    /// All is well.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong, or refused.
    Bad,
    /// What is being typed in.
    Field,
}

impl From<Tone> for Look {
    fn from(tone: Tone) -> Self {
        match tone {
            Tone::Done => Self::Good,
            Tone::Look => Self::Warn,
            Tone::Bad => Self::Bad,
        }
    }
}

impl Look {
    /// The style of it on a line.
    pub fn style(self, caps: Caps) -> Style {
        let plain = Style::new();
        let ink = |ink: Ink| match caps.color {
            Color::Ansi16 => plain.fg(ink),
            Color::Mono => plain,
        };
        match self {
            Self::Plain => plain,
            Self::Strong => plain.add_modifier(Modifier::BOLD),
            Self::Faint => ink(Ink::Cyan),
            Self::Good => ink(Ink::Green),
            Self::Warn => ink(Ink::Yellow),
            Self::Bad => ink(Ink::Red).add_modifier(Modifier::BOLD),
            Self::Field => plain.add_modifier(Modifier::UNDERLINED),
        }
    }
}

/// Signs that differ between ASCII and Unicode lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Before the row where one is.
    Marker,
    /// A horizontal rule.
    Horizontal,
    /// A vertical rule.
    Vertical,
    /// A part of a bar that is done.
    BarDone,
    /// A part of a bar that is not.
    BarLeft,
}

/// Cells to draw on.
#[derive(Debug)]
pub struct Page<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    caps: Caps,
    cursor: Option<Position>,
}

impl<'a> Page<'a> {
    /// The cells of an area; what lies outside cannot be drawn on.
    pub fn new(buffer: &'a mut Buffer, area: Rect, caps: Caps) -> Self {
        let area = area.intersection(buffer.area);
        Self {
            buffer,
            area,
            caps,
            cursor: None,
        }
    }

    /// Where the body lies: columns and rows as [`Page::put`] takes them.
    pub fn area(&self) -> Rect {
        self.area
    }

    /// What the line can show.
    pub fn caps(&self) -> Caps {
        self.caps
    }

    /// Where the cursor is wanted.
    pub fn cursor(&self) -> Option<Position> {
        self.cursor
    }

    /// The cursor stands here.
    pub fn set_cursor(&mut self, x: u16, y: u16) {
        self.cursor = self.area.contains(Position { x, y }).then_some(Position { x, y });
    }

    /// A sign in the line's characters.
    pub fn sign(&self, sign: Sign) -> &'static str {
        match (sign, self.caps.glyphs) {
            (Sign::Marker, Glyphs::Ascii) => ">",
            (Sign::Marker, Glyphs::Unicode) => "►",
            (Sign::Horizontal, Glyphs::Ascii) => "-",
            (Sign::Horizontal, Glyphs::Unicode) => "─",
            (Sign::Vertical, Glyphs::Ascii) => "|",
            (Sign::Vertical, Glyphs::Unicode) => "│",
            (Sign::BarDone, Glyphs::Ascii) => "#",
            (Sign::BarDone, Glyphs::Unicode) => "█",
            (Sign::BarLeft, Glyphs::Ascii) => ".",
            (Sign::BarLeft, Glyphs::Unicode) => "░",
        }
    }

    /// Text at a place, `width` columns at most and never beyond the area; answers the column behind it. What does not fit ends
    /// in a tilde, so that nobody takes a part for the whole.
    pub fn put(&mut self, x: u16, y: u16, width: u16, text: &str, look: Look) -> u16 {
        if y < self.area.top() || y >= self.area.bottom() || x < self.area.left() {
            return x;
        }
        let width = width.min(self.area.right().saturating_sub(x));
        let text = fitted(text, usize::from(width), self.caps.glyphs);
        let style = look.style(self.caps);
        self.buffer.set_stringn(x, y, &text, usize::from(width), style).0
    }

    /// A whole row of an area.
    pub fn line(&mut self, area: Rect, row: u16, text: &str, look: Look) {
        if row < area.height {
            self.put(area.x, area.y.saturating_add(row), area.width, text, look);
        }
    }

    /// Text broken at spaces over the rows of an area; answers how many rows it took.
    pub fn wrapped(&mut self, area: Rect, text: &str, look: Look) -> u16 {
        let lines = wrap(&spelled(text, self.caps.glyphs), usize::from(area.width));
        for (row, line) in (0..area.height).zip(&lines) {
            self.line(area, row, line, look);
        }
        u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height)
    }

    /// A name and its value, the values in one column.
    pub fn field(&mut self, area: Rect, row: u16, label: &str, value: &str, look: Look) {
        if row >= area.height {
            return;
        }
        let y = area.y.saturating_add(row);
        self.put(area.x, y, LABEL.min(area.width), label, Look::Faint);
        let x = area.x.saturating_add(LABEL);
        self.put(x, y, area.right().saturating_sub(x), value, look);
    }

    /// A note that ends in this row, over whatever stands there: a long one takes more rows above, since a sentence cut short helps
    /// nobody.
    pub fn note(&mut self, area: Rect, last: u16, text: &str, look: Look) {
        let width = usize::from(area.width);
        let mut lines = wrap(&spelled(text, self.caps.glyphs), width);
        lines.truncate(usize::from(NOTE_ROWS));
        for (up, line) in (0..).zip(lines.iter().rev()) {
            let y = last.saturating_sub(up);
            self.put(area.x, y, area.width, &" ".repeat(width), Look::Plain);
            self.put(area.x, y, area.width, line, look);
        }
    }

    /// Blanks over an area.
    pub fn blank(&mut self, area: Rect) {
        let blanks = " ".repeat(usize::from(area.width));
        for row in 0..area.height {
            self.line(area, row, &blanks, Look::Plain);
        }
    }

    /// A rule over a whole row of an area.
    pub fn rule(&mut self, area: Rect, row: u16) {
        let line = self.sign(Sign::Horizontal).repeat(usize::from(area.width));
        self.line(area, row, &line, Look::Plain);
    }

    /// A rule down a column.
    pub fn fence(&mut self, x: u16, top: u16, bottom: u16) {
        let sign = self.sign(Sign::Vertical);
        for y in top..bottom {
            self.put(x, y, 1, sign, Look::Plain);
        }
    }

    /// A bar of `done` parts in `whole`.
    pub fn bar(&mut self, x: u16, y: u16, width: u16, done: u64, whole: u64) {
        let filled = match whole {
            0 => 0,
            whole => u64::from(width).saturating_mul(done.min(whole)) / whole,
        };
        let filled = usize::try_from(filled).unwrap_or(0);
        let mut text = self.sign(Sign::BarDone).repeat(filled);
        text.push_str(
            &self
                .sign(Sign::BarLeft)
                .repeat(usize::from(width).saturating_sub(filled)),
        );
        self.put(x, y, width, &text, Look::Plain);
    }
}

/// The most rows of a note.
const NOTE_ROWS: u16 = 4;
/// Columns of the labels in [`Page::field`].
pub const LABEL: u16 = 20;

/// The text in the line's characters. On an ASCII line a foreign letter is written as its number, `\u{f6}`, as
/// [`crate::text::shown`] does with what nobody can see: so that no name looks like another.
pub fn spelled(text: &str, glyphs: Glyphs) -> Cow<'_, str> {
    if glyphs == Glyphs::Unicode || text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().saturating_mul(3));
    for character in text.chars() {
        match character {
            '…' => out.push('~'),
            c if c.is_ascii() || c.is_control() => out.push(c),
            c => out.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(out)
}

/// Columns that a character takes on the line.
pub fn columns_of(character: char, glyphs: Glyphs) -> usize {
    match character {
        '…' => 1,
        c if glyphs == Glyphs::Ascii && !c.is_ascii() && !c.is_control() => c.escape_unicode().count(),
        c => c.width().unwrap_or(0),
    }
}

/// The text as the line can show it, in `width` columns.
fn fitted(text: &str, width: usize, glyphs: Glyphs) -> String {
    let text = spelled(text, glyphs);
    let mut out = String::with_capacity(text.len());
    let mut used = 0;
    for character in text.chars() {
        let character = if character.is_control() { '?' } else { character };
        let columns = character.width().unwrap_or(0);
        if used + columns > width {
            // Room for the tilde: the last character goes.
            while used + 1 > width {
                let Some(last) = out.pop() else { return out };
                used -= last.width().unwrap_or(0);
            }
            out.push('~');
            return out;
        }
        used += columns;
        out.push(character);
    }
    out
}

/// Text as lines of at most `width` columns, broken at spaces; a longer word is broken anywhere. The blanks that a paragraph begins
/// with stand before each of its lines.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if width == 0 {
        return lines;
    }
    for paragraph in text.split('\n') {
        let plain = paragraph.trim_start_matches(' ');
        let indent = paragraph.len() - plain.len();
        if indent > 0 && indent < width && !plain.is_empty() {
            let inner = wrap(plain, width - indent).into_iter();
            lines.extend(inner.map(|line| " ".repeat(indent) + &line));
            continue;
        }
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split(' ') {
            let columns: usize = word.chars().map(|c| c.width().unwrap_or(0)).sum();
            let space = usize::from(used > 0);
            if used + space + columns <= width {
                if space == 1 {
                    line.push(' ');
                }
                line.push_str(word);
                used += space + columns;
                continue;
            }
            if used > 0 {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            for character in word.chars() {
                let columns = character.width().unwrap_or(0);
                if used + columns > width {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push(character);
                used += columns;
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::widgets::field::{Field, any};

    #[test]
    fn text_is_wrapped_at_spaces_and_loses_nothing() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrap("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(wrap("  one two\nb", 5), ["  one", "  two", "b"]);
        assert_eq!(wrap("    a", 3), ["a"]);
        assert_eq!(wrap("x", 0), Vec::<String>::new());
    }

    #[test]
    fn r22_no_control_character_reaches_a_cell() {
        let area = Rect::new(0, 0, 10, 1);
        for (caps, wanted) in [(Caps::default(), r"a?b\u{f6}c"), (Caps::FULL, "a?böc     ")] {
            let mut buffer = Buffer::empty(area);
            Page::new(&mut buffer, area, caps).put(0, 0, 10, "a\u{1b}böc", Look::Plain);
            let row: String = (0..10).map(|x| buffer[(x, 0)].symbol().to_owned()).collect();
            assert_eq!(row, wanted);
        }
    }

    #[test]
    fn r22_no_name_looks_like_another_on_an_ascii_line() {
        let area = Rect::new(0, 0, 30, 2);
        let drawn = |draw: fn(&mut Page<'_>, Rect, &str), name: &str| -> Vec<String> {
            let mut buffer = Buffer::empty(area);
            draw(&mut Page::new(&mut buffer, area, Caps::default()), area, name);
            (0..2)
                .map(|y| (0..30).map(|x| buffer[(x, y)].symbol().to_owned()).collect())
                .collect()
        };
        let draws: [fn(&mut Page<'_>, Rect, &str); 3] = [
            |page, area, name| page.line(area, 1, name, Look::Plain),
            |page, area, name| _ = page.wrapped(area, &format!("The user {name} goes."), Look::Plain),
            |page, area, name| page.note(area, 1, &format!("The user {name} is gone."), Look::Plain),
        ];
        for draw in draws {
            let (one, other) = (drawn(draw, "jörg@contoso"), drawn(draw, "järg@contoso"));
            assert!(one.concat().contains(r"j\u{f6}rg@contoso"), "{one:?}");
            assert!(other.concat().contains(r"j\u{e4}rg@contoso"), "{other:?}");
        }
        // The cursor of who types it stands behind what is drawn.
        let mut buffer = Buffer::empty(area);
        let mut page = Page::new(&mut buffer, area, Caps::default());
        let typed = Field::new(20, any).with("jö");
        typed.draw(&mut page, 0, 0, 20, true);
        assert_eq!(page.cursor(), Some(Position { x: 8, y: 0 }));
        assert_eq!(columns_of('ö', Glyphs::Ascii), spelled("ö", Glyphs::Ascii).len());
        assert_eq!(columns_of('ö', Glyphs::Unicode), 1);
    }

    #[test]
    fn what_does_not_fit_says_so() {
        assert_eq!(fitted("abcdef", 4, Glyphs::Ascii), "abc~");
        assert_eq!(fitted("abcd", 4, Glyphs::Ascii), "abcd");
        assert_eq!(fitted("日本語", 5, Glyphs::Unicode), "日本~");
        assert_eq!(fitted("ab", 0, Glyphs::Ascii), "");
    }

    #[test]
    fn a_long_note_takes_rows_above_and_covers_them() {
        let area = Rect::new(0, 0, 10, 3);
        let mut buffer = Buffer::empty(area);
        let mut page = Page::new(&mut buffer, area, Caps::FULL);
        page.put(0, 1, 10, "xxxxxxxxxx", Look::Plain);
        page.note(area, 2, "one two three", Look::Plain);
        let row = |y: u16| -> String { (0..10).map(|x| buffer[(x, y)].symbol().to_owned()).collect() };
        assert_eq!((row(1).as_str(), row(2).as_str()), ("one two   ", "three     "));
    }

    #[test]
    fn an_area_of_nothing_takes_everything() {
        let area = Rect::new(0, 0, 0, 0);
        let mut buffer = Buffer::empty(area);
        let mut page = Page::new(&mut buffer, area, Caps::FULL);
        page.put(5, 5, 10, "text", Look::Plain);
        page.rule(area, 0);
        page.bar(0, 0, 10, 1, 0);
        page.set_cursor(0, 0);
        assert_eq!(page.cursor(), None);
    }
}
