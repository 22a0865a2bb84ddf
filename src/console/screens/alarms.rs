//! What stands and wants somebody: every alarm, the gravest first, each with what to do.
//!
//! ```text
//! Postern box-1 | Alarms                                   anna installer  14:05
//!
//!   No time server was reached since the box started ...
//!   Since 13:50. To do: Let the box reach a time server; or ...
//!
//!   The store cannot be written: no space left on device
//!   Since 1 Mar 10:31. To do: Make room on the disk
//! ```

use ratatui::layout::Rect;

use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::scroll::{Paragraph, Scroll};
use crate::control::{Alarm, Answer, Failure, Request};
use crate::times::shown_near;

/// What posternd names by its command, and where the console has it.
const PLACES: [(&str, &str); 5] = [
    ("run: postern time confirm", "confirm it (System, Clock)"),
    ("Run `postern entra prove USER`", "Prove it (Directories)"),
    ("`postern entra set --domain DOMAIN`", "Directories"),
    ("Run `postern log --verify`", "Check the log (System)"),
    ("Look with `postern time show`", "Look at the clock (System, Clock)"),
];

/// posternd's words, with the console's places for its commands.
pub fn here(words: &str) -> String {
    let mut words = words.to_owned();
    for (command, place) in PLACES {
        if words.contains(command) {
            words = words.replace(command, place);
        }
    }
    words
}

/// When it began and what to do.
pub fn todo(alarm: &Alarm, context: &Context) -> String {
    let since = shown_near(alarm.since, context.now.wall, &context.zone);
    format!("Since {since}. To do: {}", here(&alarm.todo))
}

/// All alarms.
#[derive(Debug)]
pub struct Alarms {
    alarms: Option<Vec<Alarm>>,
    asked: Asked,
    scroll: Scroll,
}

impl Alarms {
    /// With those that are known; it asks for the newest itself.
    pub fn new(alarms: Option<Vec<Alarm>>) -> Self {
        Self {
            alarms,
            asked: Asked::new(0),
            scroll: Scroll::default(),
        }
    }

    fn paragraphs(&self, context: &Context) -> Vec<Paragraph> {
        let alarms = match &self.alarms {
            None => return Vec::new(),
            Some(alarms) if alarms.is_empty() => {
                return vec![("No alarm stands.".to_owned(), Look::Good)];
            }
            Some(alarms) => alarms,
        };
        let mut paragraphs = Vec::new();
        for alarm in alarms {
            paragraphs.push((here(&alarm.what), Look::Warn));
            paragraphs.push((todo(alarm, context), Look::Plain));
            paragraphs.push((String::new(), Look::Plain));
        }
        paragraphs.pop();
        paragraphs
    }
}

/// The text's place in a body of this size.
fn inner(area: Rect) -> Rect {
    Rect {
        x: area.x.saturating_add(2),
        y: area.y.saturating_add(1),
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(1),
    }
}

impl Screen for Alarms {
    fn name(&self) -> &'static str {
        "alarms"
    }

    fn title(&self) -> String {
        "Alarms".to_owned()
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        self.asked.ask(Request::Status)
    }

    fn watches(&self) -> Topics {
        Topics {
            state: true,
            ..Topics::NONE
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if key == Key::Esc {
            return vec![Action::Close];
        }
        let (columns, rows) = context.size;
        let area = inner(Rect::new(0, 0, columns, rows.saturating_sub(3)));
        let paragraphs = self.paragraphs(context);
        self.scroll.on(key, area.height, Scroll::rows(&paragraphs, area.width));
        Vec::new()
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let mut actions = self.asked.landed();
        match answer {
            Ok(Answer::Status(report)) => self.alarms = Some(report.alarms),
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = inner(page.area());
        self.scroll.draw(page, area, &self.paragraphs(context));
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Up/Down", "more"), ("Esc", "back")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "An alarm stands until what it says is over: posternd takes it away by itself. The gravest stands first.",
            "Each says since when it stands and what to do.",
        ]
    }
}
