//! One line of typing. In: keys; out: text. A secret is shown as stars, and its memory is wiped.

use zeroize::Zeroizing;

use crate::console::key::Key;
use crate::console::page::{Look, Page, columns_of};
use crate::secret::Secret;

/// A line that is typed in.
#[derive(Clone)]
pub struct Field {
    text: Zeroizing<String>,
    /// Characters before the cursor.
    at: usize,
    max: usize,
    secret: bool,
    accepts: fn(char) -> bool,
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.secret {
            true => write!(f, "Field(..)"),
            false => write!(f, "Field({:?})", self.text.as_str()),
        }
    }
}

/// Any character that can be shown.
pub fn any(character: char) -> bool {
    !character.is_control()
}

/// Characters without spaces.
pub fn word(character: char) -> bool {
    !character.is_control() && !character.is_whitespace()
}

/// Characters of a user's or client's name: `?` stays free for help.
pub fn name(character: char) -> bool {
    word(character) && character != '?'
}

/// Digits.
pub fn digits(character: char) -> bool {
    character.is_ascii_digit()
}

impl Field {
    /// An empty field for `max` characters that `accepts` takes.
    pub fn new(max: usize, accepts: fn(char) -> bool) -> Self {
        // Room for all that fits, so that typing never leaves a copy behind.
        Self {
            text: Zeroizing::new(String::with_capacity(max.saturating_mul(4))),
            at: 0,
            max,
            secret: false,
            accepts,
        }
    }

    /// A field for a password or a code.
    pub fn secret(max: usize, accepts: fn(char) -> bool) -> Self {
        Self {
            secret: true,
            ..Self::new(max, accepts)
        }
    }

    /// With a text in it, the cursor behind.
    pub fn with(mut self, text: &str) -> Self {
        self.set(text);
        self
    }

    /// Another text, the cursor behind it.
    pub fn set(&mut self, text: &str) {
        self.clear();
        for character in text.chars().filter(|c| (self.accepts)(*c)).take(self.max) {
            self.text.push(character);
            self.at += 1;
        }
    }

    /// Nothing, and the memory wiped.
    pub fn clear(&mut self) {
        use zeroize::Zeroize;
        self.text.zeroize();
        self.at = 0;
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What was typed, as a secret.
    pub fn take_secret(&mut self) -> Secret {
        let secret = Secret::from(self.text.as_str());
        self.clear();
        secret
    }

    /// Nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// It holds a secret.
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// Characters before the cursor.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Whether the character may be typed here.
    pub fn accepts(&self, character: char) -> bool {
        (self.accepts)(character)
    }

    /// A key; answers whether the text changed. Keys that are not for a line of text change nothing.
    pub fn on(&mut self, key: Key) -> bool {
        let length = self.text.chars().count();
        match key {
            Key::Char(character) if self.accepts(character) && length < self.max => {
                let place = self.place(self.at);
                self.text.insert(place, character);
                self.at += 1;
                return true;
            }
            Key::Backspace if self.at > 0 => {
                self.at -= 1;
                let place = self.place(self.at);
                self.text.remove(place);
                return true;
            }
            Key::Delete if self.at < length => {
                let place = self.place(self.at);
                self.text.remove(place);
                return true;
            }
            Key::Ctrl('u') if length > 0 => {
                self.clear();
                return true;
            }
            Key::Left => self.at = self.at.saturating_sub(1),
            Key::Right => self.at = (self.at + 1).min(length),
            Key::Home => self.at = 0,
            Key::End => self.at = length,
            _ => {}
        }
        false
    }

    fn place(&self, characters: usize) -> usize {
        self.text
            .char_indices()
            .nth(characters)
            .map_or(self.text.len(), |(place, _)| place)
    }

    /// Draws the text in brackets over `width` columns, the end near the cursor where it is longer; with the cursor where it is
    /// being typed in.
    pub fn draw(&self, page: &mut Page<'_>, x: u16, y: u16, width: u16, focused: bool) {
        let inner = usize::from(width.saturating_sub(2));
        let shown: Zeroizing<Vec<char>> = Zeroizing::new(match self.secret {
            true => self.text.chars().map(|_| '*').collect(),
            false => self.text.chars().collect(),
        });
        // The cursor needs a column of its own behind the last character.
        let glyphs = page.caps().glyphs;
        let columns = |part: &[char]| part.iter().map(|c| columns_of(*c, glyphs)).sum::<usize>();
        let mut first = 0;
        while first < self.at && columns(shown.get(first..self.at).unwrap_or(&[])) + 1 > inner {
            first += 1;
        }
        let mut text = Zeroizing::new(String::with_capacity(inner * 4 + 2));
        text.push('[');
        let mut used = 0;
        for character in shown.iter().skip(first) {
            let wide = columns_of(*character, glyphs);
            if used + wide > inner {
                break;
            }
            text.push(*character);
            used += wide;
        }
        for _ in used..inner {
            text.push(' ');
        }
        text.push(']');
        page.put(x, y, width, &text, if focused { Look::Strong } else { Look::Plain });
        if focused {
            let before = columns(shown.get(first..self.at).unwrap_or(&[]));
            let column = u16::try_from(before).unwrap_or(0).saturating_add(1);
            page.set_cursor(x.saturating_add(column), y);
        }
    }
}
