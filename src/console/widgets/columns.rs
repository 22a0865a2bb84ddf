//! A row of a table: cells of fixed widths, one blank between them. A cell that does not fit ends in a tilde.

use unicode_width::UnicodeWidthChar;

use crate::console::caps::Glyphs;
use crate::console::page::spelled;

/// The cells as one line, in the line's characters. The last one is not padded, so that no blanks are sent for it.
pub fn columns(cells: &[(&str, u16)], glyphs: Glyphs) -> String {
    let mut line = String::new();
    for (number, (text, width)) in cells.iter().enumerate() {
        let text = spelled(text, glyphs);
        let width = usize::from(*width);
        let last = number + 1 == cells.len();
        let all: usize = text.chars().map(|c| c.width().unwrap_or(0)).sum();
        let room = if all > width { width.saturating_sub(1) } else { width };
        let mut used = 0;
        for character in text.chars() {
            let wide = character.width().unwrap_or(0);
            if used + wide > room {
                break;
            }
            line.push(character);
            used += wide;
        }
        if all > width && width > 0 {
            line.push('~');
            used += 1;
        }
        if !last {
            line.push_str(&" ".repeat(width.saturating_sub(used) + 1));
        }
    }
    line
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn cells_keep_their_columns() {
        assert_eq!(columns(&[("ab", 4), ("c", 3), ("d", 9)], Glyphs::Unicode), "ab   c   d");
        assert_eq!(columns(&[("abcdef", 4), ("x", 1)], Glyphs::Unicode), "abc~ x");
        assert_eq!(columns(&[("日本語", 5), ("x", 1)], Glyphs::Unicode), "日本~ x");
        assert_eq!(columns(&[("jö", 8), ("x", 1)], Glyphs::Ascii), r"j\u{f6}  x");
        assert_eq!(columns(&[("a", 0), ("b", 1)], Glyphs::Unicode), " b");
    }
}
