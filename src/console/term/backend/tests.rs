#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::num::NonZeroU16;

use ratatui::Terminal as Ratatui;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::*;
use crate::console::caps::{Color as Colors, Glyphs};

mod bytes;
mod random;

const ALL_CAPS: [Caps; 4] = [
    Caps {
        color: Colors::Mono,
        glyphs: Glyphs::Ascii,
    },
    Caps {
        color: Colors::Ansi16,
        glyphs: Glyphs::Ascii,
    },
    Caps {
        color: Colors::Mono,
        glyphs: Glyphs::Unicode,
    },
    Caps::FULL,
];

/// A console and the terminal at the other end of its line.
struct Bench {
    console: Ratatui<Line>,
    emulator: vt100::Parser,
    caps: Caps,
    screen: Buffer,
}

impl Bench {
    fn new(caps: Caps, columns: u16, rows: u16) -> Self {
        let Ok(console) = Ratatui::new(Line::new(caps, columns, rows));
        let mut bench = Self {
            console,
            emulator: emulator(columns, rows),
            caps,
            screen: Buffer::empty(Rect::new(0, 0, columns, rows)),
        };
        bench.draw(None);
        bench
    }

    /// Draws `screen`; the bytes it took. The terminal must then show it.
    fn draw(&mut self, cursor: Option<(u16, u16)>) -> Vec<u8> {
        let screen = self.screen.clone();
        let drawn = self.console.draw(|frame| {
            if let Some(at) = cursor {
                frame.set_cursor_position(at);
            }
            *frame.buffer_mut() = screen;
        });
        drawn.unwrap();
        let bytes = self.console.backend_mut().take();
        self.emulator.process(&bytes);
        self.check(cursor, &bytes);
        bytes.to_vec()
    }

    fn check(&self, cursor: Option<(u16, u16)>, bytes: &[u8]) {
        let shown = self.emulator.screen();
        let sent = String::from_utf8_lossy(bytes);
        let area = self.screen.area;
        for y in 0..area.height {
            let mut x = 0;
            while x < area.width {
                let cell = &self.screen[(x, y)];
                let width = cell.cell_width().clamp(1, 2);
                let expected = expected(cell, self.caps);
                let place = shown.cell(y, x).unwrap();
                let found = found(place);
                assert_eq!(found, expected, "column {x} row {y} after {sent:?}");
                x += width;
            }
        }
        if self.caps.color == Colors::Mono {
            assert!(!sent.contains("38;") && !colored(&sent), "no colour in {sent:?}");
        }
        if self.caps.glyphs == Glyphs::Ascii {
            assert!(sent.is_ascii(), "ASCII alone in {sent:?}");
        }
        assert_eq!(shown.scrollback_len(), 0, "nothing scrolled by {sent:?}");
        assert_eq!(shown.hide_cursor(), cursor.is_none());
        if let Some((x, y)) = cursor {
            assert_eq!(shown.cursor_position(), (y, x), "after {sent:?}");
        }
    }

    fn text(&mut self, x: u16, y: u16, text: &str) {
        self.screen.set_string(x, y, text, Style::new());
    }

    /// Another window, with something else on it.
    fn resize(&mut self, columns: u16, rows: u16) {
        self.emulator = emulator(columns, rows);
        self.console.backend_mut().resize(columns, rows);
        self.screen = Buffer::empty(Rect::new(0, 0, columns, rows));
    }
}

fn emulator(columns: u16, rows: u16) -> vt100::Parser {
    let size = |n| NonZeroU16::new(n).unwrap();
    let mut emulator = vt100::Parser::new(size(rows), size(columns), 100);
    emulator.process(b"left by somebody else\r\n\x1b[1;7mreversed");
    emulator.screen_mut().clear_scrollback();
    emulator
}

/// Whether a sequence of SGR sets a colour.
fn colored(sent: &str) -> bool {
    sent.split("\x1b[").skip(1).any(|rest| {
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap();
        rest[end..].starts_with('m') && rest[..end].split(';').any(|code| code.parse::<u8>().unwrap_or(0) >= 30)
    })
}

#[derive(Debug, PartialEq)]
struct Shown {
    text: String,
    fg: vt100::Color,
    bg: vt100::Color,
    bold: bool,
    dim: bool,
    underline: bool,
    reverse: bool,
}

impl Shown {
    /// A blank shows nothing of its letters.
    fn seen(self) -> Self {
        let blank = self.text == " ";
        let empty = blank && !self.underline && !self.reverse;
        Self {
            fg: if empty { vt100::Color::Default } else { self.fg },
            bold: self.bold && !empty,
            dim: self.dim && !blank,
            ..self
        }
    }
}

fn found(cell: &vt100::Cell) -> Shown {
    let text = if cell.has_contents() { cell.contents() } else { " " };
    Shown {
        text: text.to_owned(),
        fg: cell.fgcolor(),
        bg: cell.bgcolor(),
        bold: cell.bold(),
        dim: cell.dim(),
        underline: cell.underline(),
        reverse: cell.inverse(),
    }
    .seen()
}

/// Written down a second time, in other words than the backend's.
fn expected(cell: &ratatui::buffer::Cell, caps: Caps) -> Shown {
    let colors = caps.color == Colors::Ansi16;
    let named = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    let color = |color: Color| match named.iter().position(|name| *name == color) {
        Some(number) if colors => vt100::Color::Idx(u8::try_from(number).unwrap()),
        _ => vt100::Color::Default,
    };
    let ascii = caps.glyphs == Glyphs::Ascii;
    let text = if ascii && !cell.symbol().is_ascii() {
        "?"
    } else {
        cell.symbol()
    };
    Shown {
        text: text.to_owned(),
        fg: color(cell.fg),
        bg: color(cell.bg),
        bold: cell.modifier.contains(Modifier::BOLD),
        dim: cell.modifier.contains(Modifier::DIM) && colors,
        underline: cell.modifier.contains(Modifier::UNDERLINED),
        reverse: cell.modifier.contains(Modifier::REVERSED),
    }
    .seen()
}

#[test]
fn a_screen_without_room_does_not_panic() {
    for (columns, rows) in [(0, 0), (1, 1), (0, 5), (5, 0), (1, 30), (200, 1), (2, 2)] {
        let Ok(mut console) = Ratatui::new(Line::new(Caps::FULL, columns, rows));
        for text in ["", "中文 abc", "xxxxxxxxx"] {
            console
                .draw(|frame| {
                    frame.set_cursor_position((3, 3));
                    let area = frame.area();
                    if area.width > 0 && area.height > 0 {
                        frame.buffer_mut().set_string(0, 0, text, Style::new().bold());
                        frame
                            .buffer_mut()
                            .set_string(area.width - 1, area.height - 1, text, Style::new());
                    }
                })
                .unwrap();
        }
        let line = console.backend_mut();
        let Ok(()) = line.draw([(9, 9, &Cell::new("x"))].into_iter());
        for clear_type in [
            ClearType::All,
            ClearType::AfterCursor,
            ClearType::BeforeCursor,
            ClearType::CurrentLine,
            ClearType::UntilNewLine,
        ] {
            let Ok(()) = line.clear_region(clear_type);
            let Ok(()) = line.flush();
        }
    }
}

/// R22 has escaped foreign text long before; here is the last place to hold it.
#[test]
fn r22_no_cell_can_steer_the_terminal() {
    for caps in ALL_CAPS {
        let mut line = Line::new(caps, 20, 1);
        let symbols = [
            "\x1b[2J",
            "\x07",
            "\u{9b}2J",
            "a\n",
            "\u{202e}",
            "x\u{202e}",
            "\u{301}",
            "\x7f",
        ];
        let cells: Vec<Cell> = symbols
            .iter()
            .map(|symbol| {
                let mut cell = Cell::EMPTY;
                cell.set_symbol(symbol);
                cell
            })
            .collect();
        let Ok(()) = line.draw((0..).zip(&cells).map(|(x, cell)| (x * 2, 0, cell)));
        let Ok(()) = line.flush();
        let sent = String::from_utf8(line.take().to_vec()).unwrap();
        let painted = sent.strip_prefix(ERASE).unwrap().strip_prefix("\x1b[?25l").unwrap();
        assert!(
            painted
                .chars()
                .all(|c| matches!(c, '?' | ' ' | 'a' | '\x1b' | '[' | 'C' | '0'..='9')),
            "{painted:?}"
        );
        assert_eq!(painted.matches('?').count(), 6, "{painted:?}");
    }
}

#[test]
fn what_a_line_can_show_changes_in_place() {
    let mut bench = Bench::new(ALL_CAPS[0], 80, 24);
    bench.text(0, 0, "plain words that every line can show");
    bench
        .screen
        .set_string(10, 5, "gefährlich ▀▄", Style::new().fg(Color::LightRed));
    bench.draw(None);
    for caps in ALL_CAPS {
        bench.caps = caps;
        bench.console.backend_mut().set_caps(caps);
        let bytes = bench.draw(None);
        assert!(bytes.len() < 60, "the words are not sent again: {}", bytes.len());
    }
}

#[test]
fn the_cursor_is_shown_hidden_and_moved_only_when_that_changes() {
    let mut bench = Bench::new(Caps::FULL, 80, 24);
    bench.text(2, 3, "Name:");
    assert!(bench.draw(Some((8, 3))).ends_with(b"\x1b[?25h"));
    assert!(bench.draw(Some((8, 3))).is_empty());
    bench.text(8, 3, "a");
    assert_eq!(bench.draw(Some((9, 3))), b"a", "a letter typed is a byte sent");
    assert_eq!(bench.draw(None), b"\x1b[?25l");
    let Ok(position) = bench.console.backend_mut().get_cursor_position();
    assert_eq!((position.x, position.y), (9, 3));
}

#[test]
fn after_forgetting_everything_is_sent_again() {
    let mut bench = Bench::new(Caps::FULL, 80, 24);
    bench.text(0, 0, "Status");
    bench.draw(None);
    bench
        .emulator
        .process(b"\x1b[24;1Hkernel: noise\r\nand more\x1b[31;44m\x1b[?25h");
    bench.console.backend_mut().forget();
    bench.emulator.screen_mut().clear_scrollback();
    let bytes = bench.draw(None);
    assert!(bytes.starts_with(ERASE.as_bytes()));
}

#[test]
fn wiping_takes_the_scroll_back_too() {
    let mut bench = Bench::new(Caps::FULL, 80, 24);
    bench.text(0, 0, "otpauth://");
    bench.draw(None);
    bench.screen.reset();
    bench.console.backend_mut().wipe();
    let wiped = String::from_utf8(bench.draw(None)).unwrap();
    assert!(wiped.starts_with(ERASE) && wiped.contains("\x1b[3J"), "{wiped:?}");
    // Whole-screen erasures are what terminals keep a copy of.
    assert!(!wiped.contains("\x1b[2J"), "{wiped:?}");
}
