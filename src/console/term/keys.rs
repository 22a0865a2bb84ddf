//! Bytes from a line made into keys. In: bytes as they were read, in pieces of any size, and the news that the line was silent;
//! out: [`Input`]. It reads nothing, knows no clock, and keeps at most one unfinished sequence.
//!
//! One rule stands above the others: a sequence that is not understood presses no key. So Alt with a key is dropped as a whole, an
//! answer of the terminal that nobody asked for is dropped as a whole, and a line break inside a paste is not Enter. What a split
//! into reads looks like changes nothing: only silence, told by [`Keys::timeout`], makes a lone ESC the key Esc.

use crate::console::key::Key;
use crate::console::term::SANE;

#[cfg(test)]
mod tests;

/// The most parameter bytes of a sequence that are kept; a longer one is swallowed to its end.
const LONGEST: usize = 32;
/// Silences of 50 ms after an ESC in which the rest of an arrow may still come: serial lines over a network collect bytes for so long.
/// It is dropped then, since its letters would be shortcuts.
const LATE_SILENCE: u8 = 10;
/// Silent times in a row that end a paste whose closing marker was lost: with 50 ms each, a second. Enter would be dead for ever.
const PASTE_SILENCE: u8 = 20;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
const DEL: u8 = 0x7f;

/// What the line said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed, or a character came out of a paste.
    Key(Key),
    /// The terminal says how large it is: columns, rows. Always within [`SANE`], asked for or late.
    Size(u16, u16),
}

/// Where in a sequence the bytes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte, as in the choice of a character set: to its final byte.
    Intermediate,
    /// After ESC [.
    Csi,
    /// After ESC O.
    Ss3,
    /// After ESC [ [: the Linux console's F1 to F5.
    Linux,
    /// A mouse report: so many bytes still to come.
    Mouse(u8),
    /// A string of the terminal (DCS, OSC and their like), to BEL or to the next ESC.
    Text,
    /// A character of more than one byte: bytes still to come, and whether it is dropped (it came after ESC).
    Utf8 { missing: u8, drop: bool },
}

/// The parser.
#[derive(Debug, Default)]
pub struct Keys {
    state: State,
    kept: Vec<u8>,
    /// More than [`LONGEST`] came: the sequence means nothing any more.
    too_long: bool,
    /// The byte before was CR: an LF now belongs to it.
    after_cr: bool,
    pasting: bool,
    silences: u8,
    /// An ESC was taken for the key; for so many silences more a sequence may still follow it, on a line that collects bytes.
    late: u8,
    /// What comes is the end of such a sequence, and no key.
    muted: bool,
}

impl Keys {
    /// What these bytes say.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Input> {
        self.silences = 0;
        let mut out = Vec::new();
        for &byte in bytes {
            self.byte(byte, &mut out);
        }
        out
    }

    /// Whether something is unfinished, so that silence has a meaning.
    pub fn waiting(&self) -> bool {
        self.state != State::Ground || self.pasting || self.late > 0
    }

    /// The line was silent for 50 ms: a lone ESC was the key, anything else unfinished is dropped.
    pub fn timeout(&mut self) -> Vec<Input> {
        let mut out = Vec::new();
        self.late = self.late.saturating_sub(1);
        if self.state == State::Escape {
            self.press(Key::Esc, &mut out);
            self.late = LATE_SILENCE;
        }
        self.ground();
        if self.pasting {
            self.silences = self.silences.saturating_add(1);
            self.pasting = self.silences < PASTE_SILENCE;
        }
        out
    }

    fn ground(&mut self) {
        self.begin(State::Ground);
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.kept.clear();
        self.too_long = false;
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<Input>) {
        let after_cr = std::mem::take(&mut self.after_cr);
        let late = std::mem::take(&mut self.late) > 0;
        if self.state == State::Ground {
            self.muted = late && matches!(byte, b'[' | b'O');
            if self.muted {
                return self.escape(byte);
            }
        }
        if byte == ESC {
            // Also within a sequence: what came before it was cut off.
            return self.begin(State::Escape);
        }
        match self.state {
            State::Ground => self.plain(byte, after_cr, out),
            State::Escape => self.escape(byte),
            State::Intermediate => {
                if !(0x20..0x30).contains(&byte) {
                    self.ground();
                }
            }
            State::Csi => self.csi(byte, out),
            State::Ss3 => self.ss3(byte, out),
            State::Linux => {
                self.ground();
                if let b'A'..=b'E' = byte {
                    self.press(Key::F(byte - b'A' + 1), out);
                }
            }
            State::Mouse(1) => self.ground(),
            State::Mouse(left) => self.state = State::Mouse(left - 1),
            State::Text => {
                if byte == BEL || byte == 0x9c {
                    self.ground();
                }
            }
            State::Utf8 { missing, drop } => self.continued(byte, missing, drop, out),
        }
    }

    fn plain(&mut self, byte: u8, after_cr: bool, out: &mut Vec<Input>) {
        match byte {
            b'\r' => {
                self.after_cr = true;
                self.press(Key::Enter, out);
            }
            b'\n' if after_cr => {}
            b'\n' => self.press(Key::Enter, out),
            b'\t' => self.press(Key::Tab, out),
            0x08 | DEL => self.press(Key::Backspace, out),
            1..=26 => self.press(Key::Ctrl(char::from(byte - 1 + b'a')), out),
            b' '..DEL => self.character(char::from(byte), out),
            0x80..0xa0 => self.c1(byte),
            0xc2..0xf5 => self.lead(byte, false),
            _ => {}
        }
    }

    fn lead(&mut self, byte: u8, drop: bool) {
        let missing = match byte {
            0xc2..0xe0 => 1,
            0xe0..0xf0 => 2,
            _ => 3,
        };
        self.begin(State::Utf8 { missing, drop });
        self.kept.push(byte);
    }

    fn continued(&mut self, byte: u8, missing: u8, drop: bool, out: &mut Vec<Input>) {
        if !(0x80..0xc0).contains(&byte) {
            self.ground();
            return self.plain(byte, false, out);
        }
        self.kept.push(byte);
        if missing > 1 {
            self.state = State::Utf8 {
                missing: missing - 1,
                drop,
            };
            return;
        }
        let c = std::str::from_utf8(&self.kept)
            .ok()
            .and_then(|text| text.chars().next());
        self.ground();
        match c {
            Some(_) if drop => {}
            // U+0080 to U+009F: one terminal sends its introducers so, and what follows one must not become letters.
            Some(c) if c.is_control() => self.c1(u8::try_from(u32::from(c)).unwrap_or(0)),
            Some(c) => self.character(c, out),
            None => {}
        }
    }

    /// The one-byte forms of ESC [, ESC O and the rest, as a vt220 with 8-bit controls sends them.
    fn c1(&mut self, byte: u8) {
        match byte {
            0x8f => self.begin(State::Ss3),
            0x9b => self.begin(State::Csi),
            0x90 | 0x98 | 0x9d..=0x9f => self.begin(State::Text),
            _ => {}
        }
    }

    fn escape(&mut self, byte: u8) {
        match byte {
            b'[' => self.begin(State::Csi),
            b'O' => self.begin(State::Ss3),
            b'P' | b'X' | b']' | b'^' | b'_' => self.begin(State::Text),
            0x20..0x30 => self.begin(State::Intermediate),
            0xc2..0xf5 => self.lead(byte, true),
            _ => self.ground(),
        }
    }

    /// Keeps a parameter; whether it was one.
    fn keep(&mut self, byte: u8) -> bool {
        let parameter = (0x20..0x40).contains(&byte);
        if parameter {
            self.too_long |= self.kept.len() >= LONGEST;
            if !self.too_long {
                self.kept.push(byte);
            }
        }
        parameter
    }

    /// The numbers of a finished sequence, none left out and none beside them; nothing if it holds anything else.
    fn numbers(&mut self) -> Option<Vec<u16>> {
        let whole = !self.too_long;
        let kept = std::mem::take(&mut self.kept);
        self.ground();
        if kept.is_empty() {
            return whole.then(Vec::new);
        }
        let text = std::str::from_utf8(&kept).ok().filter(|_| whole)?;
        text.split(';')
            .map(|number| number.parse::<u16>().ok().filter(|_| !number.starts_with('+')))
            .collect()
    }

    fn csi(&mut self, byte: u8, out: &mut Vec<Input>) {
        if self.keep(byte) {
            return;
        }
        if self.kept.is_empty() && !self.too_long {
            match byte {
                b'[' => return self.begin(State::Linux),
                b'M' => return self.begin(State::Mouse(3)),
                _ => {}
            }
        }
        let Some(numbers) = self.numbers() else { return };
        match (byte, numbers.as_slice()) {
            (b'~', [200]) => {
                self.pasting = true;
                self.silences = 0;
            }
            (b'~', [201]) => self.pasting = false,
            (b't', [8, rows, columns]) | (b'R', [rows, columns]) if SANE.contains(rows) && SANE.contains(columns) => {
                out.push(Input::Size(*columns, *rows));
            }
            (b'~', [number] | [number, _]) => self.press_some(numbered(*number), out),
            // rxvt, with Ctrl and with Ctrl and Shift.
            (b'^' | b'@', [number]) => self.press_some(numbered(*number), out),
            (b'Z', [] | [1, _]) => self.press(Key::BackTab, out),
            (b'R', []) => self.press(Key::F(3), out),
            (b'a'..=b'd', []) | (b'A'..=b'Z', [] | [1] | [1, _]) => self.press_some(lettered(byte), out),
            _ => {}
        }
    }

    fn ss3(&mut self, byte: u8, out: &mut Vec<Input>) {
        if self.keep(byte) {
            return;
        }
        // With Ctrl some terminals put the modifier here: one or two numbers, whatever they are.
        if self.numbers().is_some_and(|numbers| numbers.len() <= 2) {
            self.press_some(lettered(byte).or_else(|| keypad(byte)), out);
        }
    }

    fn press_some(&mut self, key: Option<Key>, out: &mut Vec<Input>) {
        if let Some(key) = key {
            self.press(key, out);
        }
    }

    /// A paste holds characters alone: nothing in it moves, confirms or leaves.
    fn press(&mut self, key: Key, out: &mut Vec<Input>) {
        if !self.muted && (!self.pasting || matches!(key, Key::Char(_))) {
            out.push(Input::Key(key));
        }
    }

    fn character(&mut self, c: char, out: &mut Vec<Input>) {
        self.press(Key::Char(c), out);
    }
}

/// CSI number ~, as vt220, linux, xterm, rxvt and PuTTY count them.
fn numbered(number: u16) -> Option<Key> {
    Some(match number {
        1 | 7 => Key::Home,
        2 => Key::Insert,
        3 => Key::Delete,
        4 | 8 => Key::End,
        5 => Key::PageUp,
        6 => Key::PageDown,
        11 => Key::F(1),
        12 => Key::F(2),
        13 => Key::F(3),
        14 => Key::F(4),
        15 => Key::F(5),
        17 => Key::F(6),
        18 => Key::F(7),
        19 => Key::F(8),
        20 => Key::F(9),
        21 => Key::F(10),
        23 => Key::F(11),
        24 => Key::F(12),
        _ => return None,
    })
}

/// The keys that CSI and SS3 share. In lower case: rxvt with Shift or Ctrl.
fn lettered(byte: u8) -> Option<Key> {
    Some(match byte {
        b'A' | b'a' => Key::Up,
        b'B' | b'b' => Key::Down,
        b'C' | b'c' => Key::Right,
        b'D' | b'd' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        b'P' => Key::F(1),
        b'Q' => Key::F(2),
        b'S' => Key::F(4),
        _ => return None,
    })
}

/// SS3 alone: F3, PuTTY's F5 to F12 in its VT100+ mode, and the keypad in application mode.
fn keypad(byte: u8) -> Option<Key> {
    Some(match byte {
        b'R' => Key::F(3),
        b'T'..=b'[' => Key::F(byte - b'T' + 5),
        b'M' => Key::Enter,
        b'j'..=b'y' => Key::Char(char::from(byte - b'j' + b'*')),
        _ => return None,
    })
}
