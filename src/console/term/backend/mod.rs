//! ratatui's backend for a slow line. In: the cells of frames; out: bytes, taken by the runner with [`Line::take`] and sent by somebody
//! else. It never asks the terminal anything, never waits, never fails, and sends nothing for a frame that changes nothing.
//!
//! Two grids: what was sent, and what is wanted. `flush` composes the way from one to the other.
//!
//! - `spot`    what a place of the screen shows on this line
//! - `sgr`     the look in force, changed by the shortest sequence
//! - `moves`   the cursor's shortest way
//! - `compose` the bytes of a frame
//!
//! What is taken must reach the line as a whole. When it did not (the line was flushed, something else wrote on it, the operator
//! pressed Ctrl-L), call [`Line::forget`].

mod compose;
mod moves;
mod sgr;
mod spot;
#[cfg(test)]
mod tests;

use std::convert::Infallible;

use crossterm::cursor::{Hide, Show};
use crossterm::terminal::Clear;
use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::{Cell, CellWidth};
use ratatui::layout::{Position, Size};

use self::compose::compose;
use self::compose::room;
use self::moves::{Terminal, sent};
use self::spot::Spot;
use crate::console::caps::Caps;
use zeroize::Zeroizing;

/// Erases the screen so that no terminal moves what stood there into its scroll-back: from the second row down, then the first row.
/// The look is plain and the cursor at the top left after it.
pub const ERASE: &str = "\x1b[m\x1b[2H\x1b[J\x1b[H\x1b[K";

/// The backend.
#[derive(Debug)]
pub struct Line {
    caps: Caps,
    columns: u16,
    rows: u16,
    wanted: Vec<Cell>,
    sent: Terminal,
    /// What the terminal shows is not known: it is erased first.
    forgotten: bool,
    /// Its scroll-back is to be erased too.
    wiped: bool,
    cursor: Position,
    cursor_wanted: bool,
    cursor_shown: Option<bool>,
    bytes: Zeroizing<Vec<u8>>,
}

impl Line {
    /// For a terminal of this size. Nothing is known of what it shows.
    pub fn new(caps: Caps, columns: u16, rows: u16) -> Self {
        let mut line = Self {
            caps,
            columns,
            rows,
            wanted: Vec::new(),
            sent: Terminal {
                columns: 0,
                rows: 0,
                spots: Vec::new(),
                look: None,
                at: None,
            },
            forgotten: true,
            wiped: false,
            cursor: Position::ORIGIN,
            cursor_wanted: false,
            cursor_shown: None,
            bytes: Zeroizing::default(),
        };
        line.resize(columns, rows);
        line
    }

    /// The terminal has another size: everything is drawn anew.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        (self.columns, self.rows) = (columns, rows);
        let places = usize::from(columns) * usize::from(rows);
        self.wanted = vec![Cell::EMPTY; places];
        self.sent = Terminal {
            columns: usize::from(columns),
            rows: usize::from(rows),
            spots: vec![None; places],
            look: None,
            at: None,
        };
        self.cursor = Position::ORIGIN;
        self.forget();
    }

    /// The line can show more or less from now on; the next flush sends what looks different.
    pub fn set_caps(&mut self, caps: Caps) {
        if caps.color != self.caps.color {
            // The look in force may have a colour, and a line without colours is not told to take one away either.
            self.sent.look = None;
        }
        self.caps = caps;
    }

    /// What the terminal shows is no longer known: the next flush erases it and sends everything.
    pub fn forget(&mut self) {
        self.forgotten = true;
        self.cursor_shown = None;
    }

    /// A key or a password was shown: as [`Line::forget`], and the scroll-back goes where the terminal can. A window that was made
    /// smaller may have put rows there.
    pub fn wipe(&mut self) {
        self.wiped = true;
        self.forget();
    }

    /// The bytes composed since the last call.
    pub fn take(&mut self) -> Zeroizing<Vec<u8>> {
        std::mem::take(&mut self.bytes)
    }

    fn shown(&self) -> Vec<Spot> {
        let mut spots = Vec::with_capacity(self.wanted.len());
        for row in self.wanted.chunks(usize::from(self.columns).max(1)) {
            spot::row(row, self.caps, &mut spots);
        }
        spots
    }

    fn compose(&mut self) -> Zeroizing<String> {
        let mut out = room();
        if std::mem::take(&mut self.forgotten) {
            out.push_str(ERASE);
            if std::mem::take(&mut self.wiped) {
                out.push_str(&sent(Clear(crossterm::terminal::ClearType::Purge)));
            }
            self.sent.spots.fill(Some(Spot::BLANK));
            self.sent.look = Some(spot::Look::PLAIN);
            self.sent.at = (self.columns > 0 && self.rows > 0).then_some((0, 0));
        }
        if !self.cursor_wanted && self.cursor_shown != Some(false) {
            out.push_str(&sent(Hide));
            self.cursor_shown = Some(false);
        }
        let wanted = self.shown();
        out.push_str(&compose(&mut self.sent, &wanted));
        if self.cursor_wanted && self.columns > 0 && self.rows > 0 {
            let at = (
                usize::from(self.cursor.x.min(self.columns - 1)),
                usize::from(self.cursor.y.min(self.rows - 1)),
            );
            if self.sent.at != Some(at) {
                out.push_str(&self.sent.way(at.0, at.1));
                self.sent.at = Some(at);
            }
        }
        if self.cursor_wanted && self.cursor_shown != Some(true) {
            out.push_str(&sent(Show));
            self.cursor_shown = Some(true);
        }
        out
    }

    fn index(&self, x: u16, y: u16) -> Option<usize> {
        (x < self.columns && y < self.rows).then(|| usize::from(y) * usize::from(self.columns) + usize::from(x))
    }
}

impl Backend for Line {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Infallible>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        for (x, y, cell) in content {
            let Some(index) = self.index(x, y) else { continue };
            // A control character has no width: `spot` replaces it.
            let wide = !cell.symbol().chars().any(char::is_control) && cell.cell_width() > 1;
            if let Some(place) = self.wanted.get_mut(index) {
                place.clone_from(cell);
            }
            // ratatui takes what is under a second half for blank and does not send it when the wide character goes.
            if let (true, Some(next)) = (wide && x + 1 < self.columns, self.wanted.get_mut(index + 1)) {
                next.reset();
            }
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.cursor_wanted = false;
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        self.cursor_wanted = true;
        Ok(())
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        Ok(self.cursor)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        self.cursor = position.into();
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, clear_type: ClearType) -> Result<(), Infallible> {
        let columns = usize::from(self.columns);
        let row = usize::from(self.cursor.y) * columns;
        let cursor = row + usize::from(self.cursor.x);
        let end = self.wanted.len();
        let span = match clear_type {
            ClearType::All => {
                self.forget();
                0..end
            }
            ClearType::AfterCursor => cursor..end,
            ClearType::BeforeCursor => 0..cursor + 1,
            ClearType::CurrentLine => row..row + columns,
            ClearType::UntilNewLine => cursor..row + columns,
        };
        let span = span.start.min(end)..span.end.min(end);
        self.wanted
            .get_mut(span)
            .unwrap_or_default()
            .iter_mut()
            .for_each(Cell::reset);
        Ok(())
    }

    fn size(&self) -> Result<Size, Infallible> {
        Ok(Size::new(self.columns, self.rows))
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        Ok(WindowSize {
            columns_rows: Size::new(self.columns, self.rows),
            pixels: Size::default(),
        })
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        let composed = self.compose();
        self.bytes.extend_from_slice(composed.as_bytes());
        Ok(())
    }
}
