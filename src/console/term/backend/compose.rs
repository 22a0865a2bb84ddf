//! From what the terminal shows to what it should show, in few bytes. In: a [`Terminal`] and the spots that are wanted; out: the
//! bytes, and the terminal as it is after them. Row by row; then each way of erasing the rest of the screen first is tried, and the
//! shortest is sent.
//!
//! Erasing always begins below the first row: several terminals put the whole screen into their scroll-back when they are told to
//! erase it from the top, and a key that was shown there must not stay.

use crossterm::terminal::{Clear, ClearType};
use zeroize::Zeroizing;

use super::moves::{Terminal, counted, sent};
use super::sgr::change;
use super::spot::{Look, Spot};

/// Below this many bytes nothing else is tried.
const SHORT: usize = 64;
/// What a move after erasing within a row is taken to cost.
const MOVE: usize = 5;
/// Bytes to erase a row and come to it.
const ROW: usize = 5;

/// Bytes set aside for a frame, so that what a screen shows (a key, it may be) is not copied about as it grows.
pub(super) const ROOM: usize = 16 * 1024;

/// An empty frame with room.
pub(super) fn room() -> Zeroizing<String> {
    Zeroizing::new(String::with_capacity(ROOM))
}

/// One way to the wanted screen.
pub(super) struct Composer<'a> {
    out: Zeroizing<String>,
    terminal: Terminal,
    wanted: &'a [Spot],
    /// Rows from the top to the last one with anything on it.
    used: usize,
}

/// Where a composition stood when a row began.
struct Mark {
    row: usize,
    bytes: usize,
    look: Option<Look>,
    at: Option<(usize, usize)>,
}

/// The bytes that make `wanted` out of `terminal`, which then shows it.
pub(super) fn compose(terminal: &mut Terminal, wanted: &[Spot]) -> Zeroizing<String> {
    let (columns, rows) = (terminal.columns, terminal.rows);
    if columns == 0 || rows == 0 {
        return Zeroizing::default();
    }
    break_wide(terminal, wanted);
    let used = wanted
        .iter()
        .rposition(|spot| *spot != Spot::BLANK)
        .map_or(0, |last| last / columns + 1);
    let before = terminal.clone();
    let mut best = Composer {
        out: room(),
        terminal: before.clone(),
        wanted,
        used,
    };
    let mut marks = Vec::with_capacity(rows);
    best.rows(0, usize::MAX, Some(&mut marks));
    if best.out.len() > SHORT {
        let whole = best.out.clone();
        for mark in &marks {
            let row = mark.row;
            if row == 0 || !erases(&before, wanted, row) {
                continue;
            }
            let mut other = Composer {
                out: {
                    let mut out = room();
                    out.push_str(whole.get(..mark.bytes).unwrap_or_default());
                    out
                },
                terminal: Terminal {
                    look: mark.look,
                    at: mark.at,
                    ..before.clone()
                },
                wanted,
                used,
            };
            other.believe_wanted(row);
            other.go(0, row);
            other.erase_below();
            other.rows(row, best.out.len(), None);
            if other.out.len() < best.out.len() {
                best = other;
            }
        }
    }
    *terminal = best.terminal;
    best.out
}

/// Half of a wide character cannot be kept: where one half changes, both are written anew.
fn break_wide(terminal: &mut Terminal, wanted: &[Spot]) {
    for index in 0..terminal.spots.len() {
        let pair = index..(index + 2).min(terminal.spots.len());
        let wide = matches!(terminal.spots.get(index), Some(Some(spot)) if spot.width == 2);
        if let (true, Some(shown), Some(wanted)) = (wide, terminal.spots.get_mut(pair.clone()), wanted.get(pair))
            && shown.iter().zip(wanted).any(|(shown, wanted)| *shown != Some(*wanted))
        {
            shown.fill(None);
        }
    }
}

/// Whether a row holds something that must go.
fn erases(terminal: &Terminal, wanted: &[Spot], row: usize) -> bool {
    let span = row * terminal.columns..(row + 1) * terminal.columns;
    let shown = terminal.spots.get(span.clone()).unwrap_or_default();
    let wanted = wanted.get(span).unwrap_or_default();
    shown
        .iter()
        .zip(wanted)
        .any(|(shown, wanted)| *wanted == Spot::BLANK && *shown != Some(Spot::BLANK))
}

impl Composer<'_> {
    fn wanted(&self, x: usize, y: usize) -> Spot {
        self.wanted
            .get(y * self.terminal.columns + x)
            .copied()
            .unwrap_or(Spot::BLANK)
    }

    fn differs(&self, x: usize, y: usize) -> bool {
        self.terminal.spot(x, y) != Some(self.wanted(x, y))
    }

    fn row_differs(&self, y: usize) -> bool {
        (0..self.terminal.columns).any(|x| self.differs(x, y))
    }

    /// The rows above `row` are as wanted.
    fn believe_wanted(&mut self, row: usize) {
        for (shown, wanted) in self
            .terminal
            .spots
            .iter_mut()
            .zip(self.wanted)
            .take(row * self.terminal.columns)
        {
            *shown = Some(*wanted);
        }
    }

    /// Everything from a row on, given up when it is no shorter than `limit`.
    fn rows(&mut self, from: usize, limit: usize, mut marks: Option<&mut Vec<Mark>>) {
        let mut y = from;
        while y < self.terminal.rows && self.out.len() < limit {
            let block = self.block(y);
            if let Some(marks) = marks.as_deref_mut() {
                marks.push(Mark {
                    row: y,
                    bytes: self.out.len(),
                    look: self.terminal.look,
                    at: self.terminal.at,
                });
            }
            match block {
                Some(rows) => {
                    self.empty_block(y, rows);
                    y += rows;
                }
                None => {
                    self.row(y);
                    y += 1;
                }
            }
        }
    }

    /// How many rows from here are to become empty with others below them, if that is worth a block operation.
    fn block(&self, y: usize) -> Option<usize> {
        if y == 0 || y >= self.used {
            return None;
        }
        let empty = |y: &usize| (0..self.terminal.columns).all(|x| self.wanted(x, *y) == Spot::BLANK);
        let rows = (y..self.used).take_while(empty).count();
        let changed: Vec<usize> = (y..y + rows).filter(|y| self.row_differs(*y)).collect();
        let rows = changed.last()? + 1 - y;
        let cost = 2 * counted(rows, 'M').len();
        (changed.first() == Some(&y) && changed.len() * ROW > cost + MOVE).then_some(rows)
    }

    /// Rows taken out and put in again: what is below goes up and comes back.
    fn empty_block(&mut self, y: usize, rows: usize) {
        self.go(0, y);
        self.erasing();
        self.out.push_str(&counted(rows, 'M'));
        self.out.push_str(&counted(rows, 'L'));
        for y in y..y + rows {
            self.believe_blank(0, y);
        }
    }

    fn row(&mut self, y: usize) {
        let columns = self.terminal.columns;
        let tail = (0..columns)
            .rev()
            .find(|x| self.wanted(*x, y) != Spot::BLANK)
            .map_or(0, |last| last + 1);
        let mut x = 0;
        while x < tail {
            if !self.differs(x, y) || self.wanted(x, y).is_half() {
                x += 1;
                continue;
            }
            let gap = self.gap(x, y, tail);
            if gap > counted(gap, 'X').len() + self.erasing_costs() + MOVE {
                self.go(x, y);
                self.erasing();
                self.out.push_str(&counted(gap, 'X'));
                (x..x + gap).for_each(|x| self.terminal.set(x, y, Some(Spot::BLANK)));
            } else {
                self.put(x, y);
            }
        }
        self.tail(y, tail);
    }

    /// How many blanks from here are to be written, to the last one that is not there yet.
    fn gap(&self, x: usize, y: usize, tail: usize) -> usize {
        let blank = (x..tail).take_while(|x| self.wanted(*x, y) == Spot::BLANK).count();
        (x..x + blank)
            .rev()
            .find(|x| self.differs(*x, y))
            .map_or(0, |last| last + 1 - x)
    }

    /// The end of a row, blank from `tail` on.
    fn tail(&mut self, y: usize, tail: usize) {
        let columns = self.terminal.columns;
        let Some(first) = (tail..columns).find(|x| self.differs(*x, y)) else {
            return;
        };
        let below = y > 0 && y + 1 >= self.used && (y + 1..self.terminal.rows).any(|y| self.row_differs(y));
        let last = (first..columns).rev().find(|x| self.differs(*x, y)).unwrap_or(first);
        if !below && last + 1 - first <= sent(Clear(ClearType::UntilNewLine)).len() + self.erasing_costs() {
            for x in first..=last {
                if self.differs(x, y) {
                    self.put(x, y);
                }
            }
            return;
        }
        // Anywhere between the text and the first place that changes will do.
        let here = self.terminal.at.map_or(first, |(x, _)| x.clamp(tail, first));
        let from = [first, tail, here]
            .into_iter()
            .min_by_key(|x| self.terminal.way(*x, y).len())
            .unwrap_or(first);
        self.go(from, y);
        if below {
            self.erase_below();
        } else {
            self.erasing();
            self.out.push_str(&sent(Clear(ClearType::UntilNewLine)));
            self.believe_blank(from, y);
        }
    }

    fn believe_blank(&mut self, from: usize, y: usize) {
        for x in from..self.terminal.columns {
            self.terminal.set(x, y, Some(Spot::BLANK));
        }
    }

    /// From the cursor to the end of the screen.
    fn erase_below(&mut self) {
        self.erasing();
        self.out.push_str(&sent(Clear(ClearType::FromCursorDown)));
        let Some((x, y)) = self.terminal.at else { return };
        let from = y * self.terminal.columns + x;
        self.terminal
            .spots
            .iter_mut()
            .skip(from)
            .for_each(|spot| *spot = Some(Spot::BLANK));
    }

    fn go(&mut self, x: usize, y: usize) {
        if self.terminal.at != Some((x, y)) {
            self.out.push_str(&self.terminal.way(x, y));
            self.terminal.at = Some((x, y));
        }
    }

    fn put(&mut self, x: usize, y: usize) {
        let spot = self.wanted(x, y);
        self.go(x, y);
        self.look(&spot);
        self.out.push_str(spot.text());
        for x in x..x + usize::from(spot.width) {
            self.terminal.set(x, y, Some(self.wanted(x, y)));
        }
        // After a letter with marks on it terminals disagree on the column.
        self.terminal.at = spot.is_simple().then_some((x + usize::from(spot.width), y));
    }

    /// Sets a look that shows this spot.
    fn look(&mut self, spot: &Spot) {
        if self.terminal.look.is_some_and(|now| spot.shown_by(now)) {
            return;
        }
        let kept = self.terminal.look.map(|now| Look {
            bg: spot.look.bg,
            underline: false,
            reverse: false,
            ..now
        });
        let choices = [Some(spot.look), kept.filter(|kept| spot.shown_by(*kept))];
        self.choose(choices);
    }

    /// Sets a look in which erased places are plain, whether the terminal erases with its background or not.
    fn erasing(&mut self) {
        if !self.terminal.look.is_some_and(Look::leaves_blank) {
            self.choose([Some(Look::PLAIN), self.kept_plain()]);
        }
    }

    fn erasing_costs(&self) -> usize {
        match self.terminal.look {
            Some(look) if look.leaves_blank() => 0,
            now => change(now, Look::PLAIN).len(),
        }
    }

    fn kept_plain(&self) -> Option<Look> {
        self.terminal.look.map(|now| Look {
            bg: None,
            underline: false,
            reverse: false,
            ..now
        })
    }

    fn choose(&mut self, choices: [Option<Look>; 2]) {
        let now = self.terminal.look;
        let best = choices
            .into_iter()
            .flatten()
            .map(|look| (change(now, look), look))
            .min_by_key(|(bytes, _)| bytes.len());
        if let Some((bytes, look)) = best {
            self.out.push_str(&bytes);
            self.terminal.look = Some(look);
        }
    }
}
