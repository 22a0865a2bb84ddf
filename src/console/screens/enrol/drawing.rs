//! What the enrol screen looks like: where the QR code goes and where the words, for every size and every kind of line. A code is
//! drawn whole or not at all, since a phone cannot join two halves.

use ratatui::layout::Rect;
use zeroize::Zeroizing;

use super::{Enrol, Made, Stage};
use crate::console::caps::Glyphs;
use crate::console::page::{Look, Page};
use crate::console::screen::Context;
use crate::control::{Algorithm, OtpParameters};
use crate::enrol::base32::groups;
use crate::enrol::qr::{Drawn, Qr, Style};
use crate::text::shown;

/// The fewest columns that words beside a code need.
const BESIDE: u16 = 32;
/// Columns between a code and its words.
const GAP: u16 = 3;
/// Rows of the screen that are not the body's: title and keys.
const OUTSIDE: u16 = 2;

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum View {
    /// Two modules in a cell.
    #[default]
    Half,
    /// A module in two cells: full blocks, or ASCII.
    Large,
    /// The words alone, where no code fits beside them.
    Words,
}

impl View {
    /// This one, if it is to be had here; else the first that is.
    pub(super) fn shown(self, views: &[Self]) -> Self {
        match views.contains(&self) {
            true => self,
            false => views.first().copied().unwrap_or(Self::Words),
        }
    }

    /// The one after it.
    pub(super) fn next(self, views: &[Self]) -> Self {
        let here = self.shown(views);
        let at = views.iter().position(|view| *view == here).unwrap_or(0);
        views.get(at + 1).or(views.first()).copied().unwrap_or(Self::Words)
    }
}

/// Columns and rows of a code.
fn size(qr: &Qr, style: Style) -> (u16, u16) {
    let (columns, rows) = qr.size(style);
    (
        u16::try_from(columns).unwrap_or(u16::MAX),
        u16::try_from(rows).unwrap_or(u16::MAX),
    )
}

fn style_of(view: View, glyphs: Glyphs) -> Option<Style> {
    match (view, glyphs) {
        (View::Half, Glyphs::Unicode) => Some(Style::Half),
        (View::Large, Glyphs::Unicode) => Some(Style::Full),
        (View::Large, Glyphs::Ascii) => Some(Style::Ascii),
        (View::Half, Glyphs::Ascii) | (View::Words, _) => None,
    }
}

impl Enrol {
    /// What can be shown on this line, the usual one first.
    pub(super) fn views(&self, context: &Context) -> Vec<View> {
        let (columns, rows) = context.size;
        let rows = rows.saturating_sub(OUTSIDE);
        let qr = match &self.stage {
            Stage::Made(made) => made.qr.as_ref(),
            _ => None,
        };
        let Some(qr) = qr else { return vec![View::Words] };
        let mut views = Vec::new();
        let mut hides_words = false;
        for view in [View::Half, View::Large] {
            let Some(style) = style_of(view, context.caps.glyphs) else {
                continue;
            };
            let (wide, high) = size(qr, style);
            if wide <= columns && high <= rows {
                hides_words |= wide.saturating_add(GAP + BESIDE) > columns;
                views.push(view);
            }
        }
        if hides_words || views.is_empty() {
            views.push(View::Words);
        }
        views
    }

    pub(super) fn draw_all(&self, page: &mut Page<'_>, context: &Context) {
        let area = page.area();
        let inner = Rect {
            x: area.x.saturating_add(2),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(1),
        };
        let made = match &self.stage {
            Stage::Made(made) => made,
            Stage::Start | Stage::Making => {
                page.line(inner, 0, &shown(&self.name), Look::Strong);
                return page.line(inner, 2, "posternd makes the token ...", Look::Plain);
            }
            Stage::Failed(why) => {
                page.line(inner, 0, &shown(&self.name), Look::Strong);
                let below = down(inner, 2);
                let rows = page.wrapped(below, &format!("No token was made: {why}"), Look::Bad);
                return page.line(below, rows.saturating_add(1), "Esc goes back.", Look::Plain);
            }
        };
        let views = self.views(context);
        let view = self.view.shown(&views);
        let code = style_of(view, context.caps.glyphs).zip(made.qr.as_ref());
        let Some((style, qr)) = code else {
            return self.draw_words(page, inner, made, views.len() > 1);
        };
        let drawn = match context.qr_inverted {
            true => Drawn::Dark,
            false => Drawn::Light,
        };
        for (row, line) in (0..area.height).zip(qr.lines(style, drawn).iter()) {
            page.line(area, row, line, Look::Plain);
        }
        let (wide, _) = size(qr, style);
        let beside = Rect {
            x: area.x.saturating_add(wide).saturating_add(GAP),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(wide.saturating_add(GAP)).min(60),
            height: area.height.saturating_sub(1),
        };
        if beside.width >= BESIDE {
            self.draw_beside(page, beside, made);
        }
    }

    /// The words beside a code.
    fn draw_beside(&self, page: &mut Page<'_>, area: Rect, made: &Made) {
        let mut rest = self.draw_who(page, area);
        step(page, &mut rest, "1 Scan this with the phone's app.", Look::Plain);
        let mut key = inset(rest, 2);
        step(page, &mut key, "Or type this key:", Look::Plain);
        step(page, &mut key, &lines_of_key(made.uri.key(), 1), Look::Strong);
        for words in kind(made).iter().chain(&made.warnings) {
            step(page, &mut key, words, Look::Warn);
        }
        (rest.y, rest.height) = (key.y.saturating_add(1), key.height.saturating_sub(1));
        step(page, &mut rest, "2 Type the code that the app shows:", Look::Plain);
        draw_code(page, inset(rest, 2), made);
    }

    /// The words alone: the key large, since it is all there is.
    fn draw_words(&self, page: &mut Page<'_>, area: Rect, made: &Made, has_code: bool) {
        let mut rest = self.draw_who(page, area);
        step(
            page,
            &mut rest,
            "1 Type this key into the app on the phone, for a time-based code:",
            Look::Plain,
        );
        let mut key = down(inset(rest, 6), 1);
        step(page, &mut key, &lines_of_key(made.uri.key(), 3), Look::Strong);
        let mut notes = inset(rest, 2);
        (notes.y, notes.height) = (key.y.saturating_add(1), key.height.saturating_sub(1));
        for words in kind(made).iter().chain(&made.warnings) {
            step(page, &mut notes, words, Look::Warn);
        }
        let why = match (has_code, &made.qr) {
            (true, _) => "Or scan the QR code: s shows it.".to_owned(),
            (false, None) => "This token fits no QR code.".to_owned(),
            (false, Some(qr)) => {
                let (wide, high) = size(qr, Style::Ascii);
                format!(
                    "For a QR code make this window {wide}x{} or larger, or press Ctrl-T until it says Unicode.",
                    high.saturating_add(OUTSIDE)
                )
            }
        };
        step(page, &mut notes, &why, Look::Plain);
        (rest.y, rest.height) = (notes.y.saturating_add(1), notes.height.saturating_sub(1));
        step(page, &mut rest, "2 Type the code that the app shows:", Look::Plain);
        draw_code(page, inset(rest, 2), made);
    }

    /// Whose token it is; answers what is left of the area.
    fn draw_who(&self, page: &mut Page<'_>, area: Rect) -> Rect {
        let mut rest = area;
        step(page, &mut rest, &shown(&self.name), Look::Strong);
        if self.made_user {
            step(page, &mut rest, "A new user, made just now.", Look::Plain);
        }
        down(rest, 1)
    }
}

/// The field for the code, and what was wrong with the last one.
fn draw_code(page: &mut Page<'_>, area: Rect, made: &Made) {
    made.code.draw(page, area.x, area.y, 12.min(area.width), !made.checking);
    let below = down(area, 2);
    if made.checking {
        page.line(below, 0, "Checking ...", Look::Plain);
    } else if let Some(wrong) = &made.wrong {
        page.wrapped(below, wrong, Look::Bad);
    }
}

/// Text over as many rows as it needs; the area shrinks from above.
fn step(page: &mut Page<'_>, rest: &mut Rect, text: &str, look: Look) {
    let rows = page.wrapped(*rest, text, look);
    *rest = down(*rest, rows);
}

fn inset(area: Rect, columns: u16) -> Rect {
    Rect {
        x: area.x.saturating_add(columns),
        width: area.width.saturating_sub(columns),
        ..area
    }
}

fn down(area: Rect, rows: u16) -> Rect {
    Rect {
        y: area.y.saturating_add(rows),
        height: area.height.saturating_sub(rows),
        ..area
    }
}

/// The key in groups of four, four groups to a line, so many blanks between; a blank line between lines where it is large.
fn lines_of_key(key: &str, blanks: usize) -> Zeroizing<String> {
    let grouped = groups(key);
    let mut out = Zeroizing::new(String::with_capacity(key.len() * 4));
    for (at, group) in grouped.split(' ').enumerate() {
        match at {
            0 => {}
            at if at.is_multiple_of(4) => out.push_str(if blanks > 1 { "\n\n" } else { "\n" }),
            _ => (0..blanks).for_each(|_| out.push(' ')),
        }
        out.push_str(group);
    }
    out
}

/// What the app must be told where it is not the usual kind.
fn kind(made: &Made) -> Option<String> {
    let token = &made.token;
    let is_usual = token.parameters() == OtpParameters::default();
    let moved = match token.period {
        Some(period) => format!("{period} seconds"),
        None => "by counter (HOTP)".to_owned(),
    };
    let hash = match token.algorithm {
        Algorithm::Sha1 => "SHA-1",
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha512 => "SHA-512",
    };
    (!is_usual).then(|| format!("{hash}, {} digits, {moved}.", token.digits))
}
