//! One token's clock: how it went, login by login, when it leaves the window, and what can be done. In: what the list knows, and
//! posternd's history; out: the deed that is wanted.
//!
//! ```text
//! Postern box-1 | A token's clock                          anna installer  14:05
//!
//!   anna@contoso.example, OTPC-P2-i 8659622000001
//!   22 s ahead by 12 logins. If it goes on so, until 14 Mar.
//!   Its clock gains 1.2 s a day and will be further off than the box follows: ...
//!
//!   +30 |                                                             x
//!       |                                            x   x  x
//!     0 |--------x--x---x----x-------------------------------------------
//!       |  x
//!   -30 |
//!        1 Feb                                                     2 Mar
//!
//! > c Set its clock  ...
//! ```

use ratatui::layout::Rect;

use super::clock::TokenClock;
use super::{is_ours, keeps_key};
use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page, Sign};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::screens::codes::Codes;
use crate::console::screens::home::count;
use crate::console::screens::program::{Program, device_words};
use crate::console::screens::user::User;
use crate::console::widgets::asked::Asked;
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::menu::{Chose, Entry, Menu};
use crate::control::{Answer, DriftHistory, DriftInfo, DriftPoint, Failure, Request, Role};
use crate::text::shown;
use crate::times::shown_day;

/// Rows of the drawing above and below its middle.
const HALF: u16 = 3;
/// Columns of the drawing before its points.
const AXIS: u16 = 6;
/// Columns of the drawing at most.
const WIDE: u16 = 70;

/// The screen.
#[derive(Debug)]
pub struct Drift {
    info: DriftInfo,
    history: Option<DriftHistory>,
    asked: Asked,
    menu: Menu,
}

impl Drift {
    /// Of a token that is on the list.
    pub fn new(info: DriftInfo) -> Self {
        Self {
            info,
            history: None,
            asked: Asked::new(0),
            menu: Menu::default(),
        }
    }

    fn act(&self, letter: char) -> Vec<Action> {
        let token = &self.info.token;
        let screen: Box<dyn Screen> = match letter {
            'c' => Box::new(TokenClock::new(token)),
            'p' => Box::new(Program::new(&token.user)),
            'r' => Box::new(Codes::resync(&token.user)),
            'u' => Box::new(User::new(&token.user)),
            _ => return Vec::new(),
        };
        vec![Action::Open(screen)]
    }
}

/// What a clock gains or loses in a day: `+1.2 s`.
pub fn rate_words(millis: i32) -> String {
    let sign = if millis < 0 { '-' } else { '+' };
    let tenths = (millis.unsigned_abs() + 50) / 100;
    format!("{sign}{}.{} s", tenths / 10, tenths % 10)
}

/// How it stands, in a sentence.
fn standing(info: &DriftInfo, context: &Context) -> String {
    let offset = match info.offset_seconds {
        0 => "Right".to_owned(),
        ahead @ 1.. => format!("{ahead} s ahead"),
        behind => format!("{} s behind", behind.unsigned_abs()),
    };
    let logins = count(u64::from(info.logins), "login");
    let day = shown_day(info.leaves, context.now.wall, &context.zone);
    format!("{offset} by {logins}. If it goes on so, its codes are taken until {day}.")
}

/// posternd's words, with the key here for the command that they end in.
fn why(info: &DriftInfo) -> String {
    let commands = [(": postern token clock ", 'c'), (": postern token resync ", 'r')];
    let mut words = info.why.clone();
    for (command, key) in commands {
        if let Some(at) = words.find(command) {
            words.truncate(at);
            words.push_str(&format!(": {key}"));
        }
    }
    // A sentence begins with it.
    let mut rest = words.chars();
    let first = rest.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(rest).collect()
}

/// Where each login stands: columns from the first one to the last, rows from the most ahead to the most behind.
fn points(all: &[DriftPoint], width: u16) -> (Vec<(u16, u16)>, i32) {
    let most = all
        .iter()
        .map(|point| point.seconds.unsigned_abs())
        .max()
        .unwrap_or(0)
        .max(30);
    let most = i32::try_from(most).unwrap_or(i32::MAX);
    let first = all.first().map_or(0, |point| point.at.0);
    let span = all.last().map_or(0, |point| point.at.0.saturating_sub(first)).max(1);
    let last = u64::from(width.saturating_sub(1));
    let place = |point: &DriftPoint| {
        let x = u128::from(point.at.0.saturating_sub(first)) * u128::from(last) / u128::from(span);
        let half = i64::from(HALF);
        // Rounded to the nearest row, away from the middle on both sides alike.
        let rows = (i64::from(point.seconds) * half * 2 + i64::from(most) * i64::from(point.seconds.signum()))
            / (i64::from(most) * 2);
        let y = half - rows.clamp(-half, half);
        (u16::try_from(x).unwrap_or(0), u16::try_from(y).unwrap_or(0))
    };
    (all.iter().map(place).collect(), most)
}

fn draw_history(page: &mut Page<'_>, area: Rect, history: &DriftHistory, context: &Context) {
    let width = area.width.saturating_sub(AXIS).min(WIDE);
    let (points, most) = points(&history.points, width);
    let x = area.x.saturating_add(AXIS);
    for (row, label) in [
        (0, format!("+{most}")),
        (HALF, "0".to_owned()),
        (HALF * 2, format!("-{most}")),
    ] {
        page.line(area, row, &format!("{label:>5}"), Look::Faint);
    }
    let middle = page.sign(Sign::Horizontal).repeat(usize::from(width));
    let y = area.y.saturating_add(HALF);
    page.put(x, y, width, &middle, Look::Plain);
    for (column, row) in points {
        page.put(
            x.saturating_add(column),
            area.y.saturating_add(row),
            1,
            "x",
            Look::Strong,
        );
    }
    let ends = history.points.first().zip(history.points.last());
    if let Some((first, last)) = ends {
        let day = |point: &DriftPoint| shown_day(point.at, context.now.wall, &context.zone);
        let (first, last) = (day(first), day(last));
        let row = HALF * 2 + 1;
        let y = area.y.saturating_add(row);
        page.put(x, y, width, &first, Look::Faint);
        let wide = u16::try_from(last.len()).unwrap_or(0);
        page.put(
            x.saturating_add(width.saturating_sub(wide)),
            y,
            wide,
            &last,
            Look::Faint,
        );
    }
}

impl Screen for Drift {
    fn name(&self) -> &'static str {
        "tokens-clock-history"
    }

    fn title(&self) -> String {
        "A token's clock".to_owned()
    }

    fn refresh(&mut self, context: &Context) -> Vec<Action> {
        let mut entries: Vec<Entry> = Vec::new();
        if context.may(Role::Helpdesk) {
            if keeps_key(&self.info.token) {
                entries.push(('c', "Set its clock, and keep its key"));
            }
            if is_ours(&self.info.token) {
                entries.push(('p', "Program it anew, with another key"));
            }
            entries.push(('r', "Set it right by two codes, for now"));
        }
        entries.push(('u', "The user"));
        self.menu.set(&entries);
        let (user, id) = (self.info.token.user.clone(), self.info.token.id);
        self.asked.ask(Request::DriftShow { user, id })
    }

    fn watches(&self) -> Topics {
        Topics {
            records: true,
            ..Topics::LOG
        }
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        if key == Key::Esc {
            return vec![Action::Close];
        }
        match self.menu.on(key) {
            Chose::This(letter) => self.act(letter),
            Chose::Moved | Chose::NotMine => Vec::new(),
        }
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let mut actions = self.asked.landed();
        match answer {
            Ok(Answer::DriftHistory(history)) => self.history = Some(history),
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = inset(page.area());
        let token = &self.info.token;
        page.line(area, 0, &shown(&token.user), Look::Strong);
        page.line(area, 1, &device_words(token), Look::Plain);
        let width = area.width.min(100);
        let head = Rect {
            height: 4,
            width,
            ..below(area, 2)
        };
        let rows = page.wrapped(head, &standing(&self.info, context), Look::Plain);
        let words = Rect {
            height: head.height.saturating_sub(rows),
            ..below(head, rows)
        };
        page.wrapped(words, &why(&self.info), Look::Plain);
        let rest = below(area, 6);
        match &self.history {
            None => page.line(rest, 0, "Asking posternd ...", Look::Plain),
            Some(history) if history.points.is_empty() => {
                page.line(rest, 0, "No login is known since its clock was set.", Look::Plain);
            }
            Some(history) => draw_history(page, rest, history, context),
        }
        let menu = below(rest, HALF * 2 + 3);
        self.menu.draw(
            page,
            Rect {
                x: menu.x.saturating_sub(2),
                ..menu
            },
        );
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Enter", "do it"), ("Up/Down", "choose"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Each x is a login: how many seconds the token's clock was ahead (above the middle) or behind. A line that climbs or falls is \
             a clock that drifts; it goes on so until its codes are refused.",
            "Set its clock is best where the token allows it: place it on a reader, and its key stays. Other tokens are programmed \
             anew, which gives them another key and sets the clock. Two codes set the box right about the token, and last until it has \
             drifted on.",
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::control::Timestamp;

    #[test]
    fn rates_are_told_in_tenths_of_a_second() {
        for (millis, words) in [
            (0, "+0.0 s"),
            (1_249, "+1.2 s"),
            (-1_250, "-1.3 s"),
            (49, "+0.0 s"),
            (i32::MIN, "-2147483.6 s"),
        ] {
            assert_eq!(rate_words(millis), words);
        }
    }

    #[test]
    fn posternds_words_name_keys_and_no_commands() {
        let info = |why: &str| DriftInfo {
            why: why.to_owned(),
            ..super::super::tests::clocks::list().tokens[0].clone()
        };
        for (why, words) in [
            (
                "its clock gains 1.2 s a day: set its clock at a reader: postern token clock anna 3 --device DEVICE",
                "Its clock gains 1.2 s a day: set its clock at a reader: c",
            ),
            (
                "too much; set it right with two codes: postern token resync anna CODE CODE",
                "Too much; set it right with two codes: r",
            ),
            ("program this one anew", "Program this one anew"),
            ("", ""),
        ] {
            assert_eq!(super::why(&info(why)), words);
        }
    }

    #[test]
    fn every_login_has_its_place_in_the_drawing() {
        let point = |at, seconds| DriftPoint {
            at: Timestamp(at),
            seconds,
        };
        let all = [point(1_000, -60), point(2_000, 0), point(3_000, 29), point(5_000, 60)];
        let (places, most) = points(&all, 61);
        assert_eq!(most, 60);
        assert_eq!(places, [(0, 6), (15, 3), (30, 2), (60, 0)]);
        // One alone, or many at one time, stand somewhere too.
        assert_eq!(points(&[point(9, 5)], 61), (vec![(0, 2)], 30));
        assert_eq!(points(&[], 61), (Vec::new(), 30));
        let far = [point(0, i32::MIN), point(u64::MAX, i32::MAX)];
        assert!(points(&far, 61).0.iter().all(|(x, y)| *x <= 60 && *y <= 6));
    }
}
