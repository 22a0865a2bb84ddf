//! What a place of the screen shows, as this line can show it. In: ratatui's cells and what the line can do; out: [`Spot`]s, alike
//! if they look alike. Nothing that leaves here can steer a terminal.

use ratatui::buffer::{Cell, CellWidth};
use ratatui::style::{Color, Modifier};

use crate::console::caps::{Caps, Color as Colors, Glyphs};
use crate::text::is_invisible;

/// Bytes of the longest symbol that is sent: a letter with a few marks on it. A longer one is a `?`.
const SYMBOL: usize = 14;
/// Sent in place of what the line cannot show.
const REPLACEMENT: &str = "?";

/// How a place looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// One of the 16, or the terminal's own.
    pub fg: Option<u8>,
    pub bg: Option<u8>,
    pub bold: bool,
    pub dim: bool,
    pub underline: bool,
    pub reverse: bool,
}

impl Look {
    pub const PLAIN: Self = Self {
        fg: None,
        bg: None,
        bold: false,
        dim: false,
        underline: false,
        reverse: false,
    };

    /// Whether a blank in this look shows nothing, so that erasing does the same.
    pub fn leaves_blank(self) -> bool {
        self.bg.is_none() && !self.underline && !self.reverse
    }

    fn of(cell: &Cell, caps: Caps) -> Self {
        let has = |modifier| cell.modifier.contains(modifier);
        let colors = caps.color == Colors::Ansi16;
        Self {
            fg: color(cell.fg).filter(|_| colors),
            bg: color(cell.bg).filter(|_| colors),
            bold: has(Modifier::BOLD),
            // A vt220 has no faint; where there are colours there is one.
            dim: has(Modifier::DIM) && colors,
            underline: has(Modifier::UNDERLINED),
            reverse: has(Modifier::REVERSED),
        }
    }
}

/// The 16 colours by their numbers. A colour that is none of them is left to the terminal.
fn color(color: Color) -> Option<u8> {
    Some(match color {
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
        Color::Indexed(number @ 0..16) => number,
        Color::Reset | Color::Indexed(_) | Color::Rgb(..) => return None,
    })
}

/// What a place shows. The second half of a wide character is a spot without text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    bytes: [u8; SYMBOL],
    len: u8,
    /// Columns it takes: 1 or 2; 0 for a second half.
    pub width: u8,
    pub look: Look,
}

impl Spot {
    /// An erased place.
    pub const BLANK: Self = Self::new(" ", 1, Look::PLAIN);

    const fn new(text: &str, width: u8, look: Look) -> Self {
        let from = text.as_bytes();
        let mut bytes = [0; SYMBOL];
        let (to, _) = bytes.split_at_mut(from.len());
        to.copy_from_slice(from);
        Self {
            bytes,
            len: from.len() as u8,
            width,
            look,
        }
    }

    /// The second half of a wide character.
    fn half(look: Look) -> Self {
        Self::new("", 0, look)
    }

    fn blank(look: Look) -> Self {
        // Without a background, a line or reversed colours there is nothing to see, whatever the letters' look.
        let look = if look.underline || look.reverse {
            Look { dim: false, ..look }
        } else {
            Look {
                bg: look.bg,
                ..Look::PLAIN
            }
        };
        Self::new(" ", 1, look)
    }

    pub fn text(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or(REPLACEMENT)
    }

    pub fn is_half(&self) -> bool {
        self.width == 0
    }

    pub fn is_space(&self) -> bool {
        self.text() == " "
    }

    /// One character: every terminal agrees on where the cursor is after it.
    pub fn is_simple(&self) -> bool {
        self.text().chars().nth(1).is_none()
    }

    /// Whether it looks the same written with this look: a space shows neither weight nor colour of letters.
    pub fn shown_by(&self, look: Look) -> bool {
        if self.is_space() && !self.look.underline && !self.look.reverse {
            self.look.bg == look.bg && !look.underline && !look.reverse
        } else {
            self.look == look
        }
    }
}

/// A row of cells as this line shows it: as many spots as cells.
pub(super) fn row(cells: &[Cell], caps: Caps, out: &mut Vec<Spot>) {
    let mut x = 0;
    while let Some(cell) = cells.get(x) {
        let look = Look::of(cell, caps);
        let (text, width) = symbol(cell, caps);
        let fits = x + usize::from(width) <= cells.len();
        x += usize::from(width.max(1));
        match (text, width) {
            (" ", 1) | (_, 0) => out.push(Spot::blank(look)),
            (REPLACEMENT, 2) if fits => out.extend([Spot::new(REPLACEMENT, 1, look), Spot::blank(look)]),
            (text, 2) if fits => out.extend([Spot::new(text, 2, look), Spot::half(look)]),
            (_, 2) => out.push(Spot::blank(look)),
            (text, _) => out.push(Spot::new(text, 1, look)),
        }
    }
}

/// The text of a cell and the columns it takes; nothing in it can steer a terminal.
fn symbol(cell: &Cell, caps: Caps) -> (&str, u8) {
    let text = cell.symbol();
    if let [byte] = text.as_bytes() {
        let shown = if byte.is_ascii_control() { REPLACEMENT } else { text };
        return (shown, 1);
    }
    if text.chars().any(char::is_control) {
        return (REPLACEMENT, 1);
    }
    let width = match cell.cell_width() {
        0 => 0,
        1 => 1,
        _ => 2,
    };
    let shown = text.len() <= SYMBOL
        && match caps.glyphs {
            Glyphs::Ascii => text.is_ascii(),
            Glyphs::Unicode => !text.chars().any(is_invisible),
        };
    (if shown { text } else { REPLACEMENT }, width)
}
