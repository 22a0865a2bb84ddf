//! What a line can show. Decided once for a line, toggled by one key, an argument of every draw.

use serde::{Deserialize, Serialize};

/// Colours of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Color {
    /// None: bold, underline and reverse alone.
    #[default]
    Mono,
    /// The 16 of SGR 30 to 37 and 90 to 97.
    Ansi16,
}

/// Characters of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Glyphs {
    /// 0x20 to 0x7e alone.
    #[default]
    Ascii,
    /// UTF-8 with lines and blocks.
    Unicode,
}

/// What a line can show. A serial line begins with the least, a Linux console with the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Caps {
    /// Colours.
    pub color: Color,
    /// Characters.
    pub glyphs: Glyphs,
}

impl Caps {
    /// The most there is.
    pub const FULL: Self = Self {
        color: Color::Ansi16,
        glyphs: Glyphs::Unicode,
    };

    /// The next of the four, for the key that toggles.
    pub fn next(self) -> Self {
        use Color::{Ansi16, Mono};
        use Glyphs::{Ascii, Unicode};
        let (color, glyphs) = match (self.color, self.glyphs) {
            (Mono, Ascii) => (Ansi16, Ascii),
            (Ansi16, Ascii) => (Mono, Unicode),
            (Mono, Unicode) => (Ansi16, Unicode),
            (Ansi16, Unicode) => (Mono, Ascii),
        };
        Self { color, glyphs }
    }

    /// In words: `mono, ASCII`.
    pub fn words(self) -> &'static str {
        match (self.color, self.glyphs) {
            (Color::Mono, Glyphs::Ascii) => "mono, ASCII",
            (Color::Ansi16, Glyphs::Ascii) => "colours, ASCII",
            (Color::Mono, Glyphs::Unicode) => "mono, Unicode",
            (Color::Ansi16, Glyphs::Unicode) => "colours, Unicode",
        }
    }
}
