//! Step 2: what this line shows, and whether its keyboard is the right one. In: keys; out: the line's colours and characters, which
//! are remembered for it.
//!
//! ```text
//! Postern box-1 | Step 2 of 9: this line                   anna installer  14:05
//!
//!   Go down a step at a time and look at the sample behind the marker ...
//!
//!   mono, ASCII
//! > colours, ASCII     |--| > ##..  strong  green  yellow  red
//!   mono, Unicode
//!   colours, Unicode
//!
//!   Now type these six:  @ # | \ { }
//!   You see              [                    ]
//! ```

use ratatui::layout::Rect;

use super::{LEAVE, LINE, common, go, hints, title};
use crate::console::action::Action;
use crate::console::caps::{Caps, Color, Glyphs};
use crate::console::key::Key;
use crate::console::page::{Look, Page, Sign};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, any};
use crate::console::widgets::inset::{below, inset};

/// For who has a backup of the box that this one follows: the rest of the set-up is not for them.
const TAKE_OVER: &str = "Does this box follow another, with a backup on a stick? Ctrl-X leaves the set-up; then y System, s Stick, e Restore.";
/// The four, in the order in which the key that toggles goes through them.
const ALL: [Caps; 4] = {
    const fn caps(color: Color, glyphs: Glyphs) -> Caps {
        Caps { color, glyphs }
    }
    [
        caps(Color::Mono, Glyphs::Ascii),
        caps(Color::Ansi16, Glyphs::Ascii),
        caps(Color::Mono, Glyphs::Unicode),
        caps(Color::Ansi16, Glyphs::Unicode),
    ]
};
/// Signs that stand elsewhere on the keyboards of other countries.
const SIGNS: &str = "@#|\\{}";

/// The line.
#[derive(Debug)]
pub struct Line {
    typed: Field,
}

impl Line {
    /// Nothing is typed yet.
    pub fn new() -> Self {
        Self {
            typed: Field::new(20, any),
        }
    }

    /// What was typed, without blanks.
    fn signs(&self) -> String {
        self.typed.text().chars().filter(|c| !c.is_whitespace()).collect()
    }

    fn draw_keyboard(&self, page: &mut Page<'_>, area: Rect, context: &Context) {
        page.put(
            area.x,
            area.y,
            area.width,
            "Now type these six:  @ # | \\ { }",
            Look::Plain,
        );
        let row = area.y.saturating_add(1);
        let x = page.put(area.x, row, 20, "You see:", Look::Plain);
        let x = x.max(area.x.saturating_add(21));
        self.typed.draw(page, x, row, 22, true);
        let under = below(area, 3);
        let signs = self.signs();
        if signs == SIGNS {
            page.line(under, 0, "The keyboard is right.", Look::Good);
        } else if !SIGNS.starts_with(&signs) {
            page.wrapped(under, advice(&context.line), Look::Warn);
        }
    }
}

/// Where the keyboard is set, by the kind of line.
fn advice(line: &str) -> &'static str {
    let number = line.strip_prefix("tty").and_then(|rest| rest.chars().next());
    if number.is_some_and(|c| c.is_ascii_digit()) {
        "If other signs appear than stand on the keys: this screen has the keyboard layout of another country. It is set on the box: \
         localectl set-keymap and the country's letters. Until then keep to letters and digits in passwords."
    } else {
        "If other signs appear than stand on the keys: the layout is that of the computer you sit at. Set its keyboard right, or in \
         the terminal program. Until then keep to letters and digits in passwords."
    }
}

fn at(caps: Caps) -> usize {
    ALL.iter().position(|one| *one == caps).unwrap_or(0)
}

impl Screen for Line {
    fn name(&self) -> &'static str {
        "set-up-line"
    }

    fn title(&self) -> String {
        title(LINE)
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        let steps = match key {
            Key::Enter => return go(LINE + 1),
            Key::Up if at(context.caps) > 0 => ALL.len() - 1,
            Key::Down if at(context.caps) + 1 < ALL.len() => 1,
            Key::Up | Key::Down => 0,
            key => {
                if let Some(actions) = common(LINE, key) {
                    return actions;
                }
                self.typed.on(key);
                0
            }
        };
        (0..steps).map(|_| Action::NextCaps).collect()
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = inset(page.area());
        let words = "Go down a step at a time and look at the sample behind the marker. Where it is not drawn well (strange signs, \
                     gaps in the line, no colours), go up again; Ctrl-L paints the screen anew. The box remembers it for this line.";
        let rows = page.wrapped(area, words, Look::Plain);
        let list = below(area, rows.saturating_add(1));
        for (row, caps) in (0..).zip(ALL) {
            let y = list.y.saturating_add(row);
            page.put(list.x, y, 17, caps.words(), Look::Plain);
            // A line is sent nothing that it is not set to show: only the sample of what it is set to tells anything.
            if caps == context.caps {
                let marker = page.sign(Sign::Marker);
                page.put(list.x.saturating_sub(2), y, 1, marker, Look::Strong);
                draw_sample(page, list.x.saturating_add(19), y);
            }
        }
        self.draw_keyboard(page, below(list, 6), context);
        page.wrapped(below(list, 12), TAKE_OVER, Look::Plain);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        hints(LINE, vec![("Enter", "go on"), ("Up/Down", "choose")])
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Every line has its own: a serial line may show letters only, a screen at the box colours and lines. Ctrl-T changes it at \
             any time.",
            "Unicode lets QR codes be half as large, so that they fit on a small screen. Nothing is shown by colour alone.",
            LEAVE,
        ]
    }

    fn types(&self, character: char) -> bool {
        self.typed.accepts(character)
    }
}

/// Signs and looks, in a row.
fn draw_sample(page: &mut Page<'_>, x: u16, y: u16) {
    let rule = page.sign(Sign::Horizontal);
    let signs = [
        page.sign(Sign::Vertical),
        rule,
        rule,
        page.sign(Sign::Vertical),
        " ",
        page.sign(Sign::Marker),
        " ",
        page.sign(Sign::BarDone),
        page.sign(Sign::BarDone),
        page.sign(Sign::BarLeft),
        page.sign(Sign::BarLeft),
    ]
    .concat();
    let mut x = page.put(x, y, 12, &signs, Look::Plain).saturating_add(2);
    if page.caps().glyphs == Glyphs::Unicode {
        x = page.put(x, y, 12, "äöü é ñ", Look::Plain).saturating_add(2);
    }
    for (words, look) in [
        ("strong", Look::Strong),
        ("green", Look::Good),
        ("yellow", Look::Warn),
        ("red", Look::Bad),
    ] {
        if look == Look::Strong || page.caps().color == Color::Ansi16 {
            x = page.put(x, y, 8, words, look).saturating_add(2);
        }
    }
}
