//! What the terminal is believed to show, and the shortest way for its cursor from one place to another. Nothing here scrolls: LF is
//! used within the screen alone, and only from column 0, so that a program on the way that makes CR LF out of LF does no harm.

use crossterm::Command;
use crossterm::cursor::MoveTo;

use super::spot::{Look, Spot};

/// A terminal's tab stops.
const TAB: usize = 8;
/// A longer stretch is never rewritten to get past it: moving costs at most six bytes.
const REWRITTEN: usize = 6;

/// The terminal as it should be after the bytes that were composed.
#[derive(Clone, Debug)]
pub(super) struct Terminal {
    pub columns: usize,
    pub rows: usize,
    /// Row by row; `None` where it is not known.
    pub spots: Vec<Option<Spot>>,
    pub look: Option<Look>,
    /// Column and row of the cursor. In column `columns` it stands on the last one and wraps at the next character: how it moves
    /// from there differs between terminals, so it moves by CR or by an address.
    pub at: Option<(usize, usize)>,
}

impl Terminal {
    pub fn spot(&self, x: usize, y: usize) -> Option<Spot> {
        self.spots.get(y * self.columns + x).copied().flatten()
    }

    pub fn set(&mut self, x: usize, y: usize, spot: Option<Spot>) {
        if let Some(place) = self.spots.get_mut(y * self.columns + x) {
            *place = spot;
        }
    }

    /// The shortest way to a place on the screen.
    pub fn way(&self, x: usize, y: usize) -> String {
        let mut best = address(x, y);
        let mut offer = |way: Option<String>| {
            if let Some(way) = way.filter(|way| way.len() < best.len()) {
                best = way;
            }
        };
        let Some((from, row)) = self.at else { return best };
        let wraps = from >= self.columns;
        if row == y {
            if !wraps {
                offer(self.along(y, from, x));
            }
            offer(joined("\r", self.forward(y, 0, x)));
        } else if row < y {
            let down = "\n".repeat(y - row);
            let start = if from == 0 { "" } else { "\r" };
            offer(joined(&format!("{start}{down}"), self.forward(y, 0, x)));
            if !wraps {
                offer(joined(&counted(y - row, 'B'), self.along(y, from, x)));
            }
        } else if !wraps {
            offer(joined(&counted(row - y, 'A'), self.along(y, from, x)));
        }
        best
    }

    fn along(&self, y: usize, from: usize, to: usize) -> Option<String> {
        if to >= from {
            return self.forward(y, from, to);
        }
        let back = counted(from - to, 'D');
        let steps = "\x08".repeat((from - to).min(back.len()));
        Some(if from - to <= back.len() { steps } else { back })
    }

    /// To the right on a row: by count, by tab stops, or by writing what stands there.
    fn forward(&self, y: usize, from: usize, to: usize) -> Option<String> {
        let mut best = self.step(y, from, to);
        let stop = to / TAB;
        if stop > from / TAB {
            let tabs = "\t".repeat(stop - from / TAB);
            let by_tabs = tabs + &self.step(y, stop * TAB, to);
            if by_tabs.len() < best.len() {
                best = by_tabs;
            }
        }
        let beyond = (stop + 1) * TAB;
        if !to.is_multiple_of(TAB) && beyond < self.columns {
            let back = "\t".repeat(stop + 1 - from / TAB) + &"\x08".repeat(beyond - to);
            if back.len() < best.len() {
                best = back;
            }
        }
        Some(best)
    }

    fn step(&self, y: usize, from: usize, to: usize) -> String {
        if from == to {
            return String::new();
        }
        let by_count = counted(to - from, 'C');
        match self.rewritten(y, from, to) {
            Some(text) if text.len() <= by_count.len() => text,
            _ => by_count,
        }
    }

    /// What stands between two columns, if writing it again changes nothing.
    fn rewritten(&self, y: usize, from: usize, to: usize) -> Option<String> {
        if to - from > REWRITTEN || self.spot(from, y)?.is_half() || self.spot(to, y).is_some_and(|spot| spot.is_half())
        {
            return None;
        }
        let look = self.look?;
        let mut text = String::new();
        for x in from..to {
            let spot = self.spot(x, y)?;
            let free = spot.is_half() || (spot.is_simple() && spot.shown_by(look));
            if !free {
                return None;
            }
            text.push_str(spot.text());
        }
        Some(text)
    }
}

fn joined(first: &str, second: Option<String>) -> Option<String> {
    second.map(|second| format!("{first}{second}"))
}

/// A control sequence with a count; 1 is left out.
pub(super) fn counted(count: usize, letter: char) -> String {
    if count == 1 {
        format!("\x1b[{letter}")
    } else {
        format!("\x1b[{count}{letter}")
    }
}

/// The cursor by its address.
fn address(x: usize, y: usize) -> String {
    match (x, y) {
        (0, 0) => "\x1b[H".to_owned(),
        (0, _) => format!("\x1b[{}H", y + 1),
        (_, 0) => format!("\x1b[;{}H", x + 1),
        _ => sent(MoveTo(narrow(x), narrow(y))),
    }
}

fn narrow(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

/// The bytes of a command.
pub(super) fn sent(command: impl Command) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = command.write_ansi(&mut out);
    out
}
