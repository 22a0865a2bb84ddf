//! Whose records of the log are shown: one user's, one client's, or those of both.
//!
//! ```text
//! Postern box-1 | Log: filter                              anna installer  14:05
//!
//! > User               [anna@contoso.example                          ]
//!   Client             [                                              ]
//! ```

use ratatui::layout::Rect;

use crate::console::action::{Action, Told};
use crate::console::key::Key;
use crate::console::page::Page;
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, name};
use crate::console::widgets::form::{Form, Typed};
use crate::control::LogFilter;

/// The most characters of a name.
const NAME_MAX: usize = 253;
/// Between the two names in what is told; no name holds it.
const BETWEEN: char = '\n';

/// The screen.
#[derive(Debug)]
pub(super) struct Filter {
    tag: u32,
    form: Form,
}

impl Filter {
    /// From what it was; what it is to be is told with the tag, for [`read`].
    pub(super) fn new(tag: u32, now: &LogFilter) -> Self {
        let field = |text: &Option<String>| Field::new(NAME_MAX, name).with(text.as_deref().unwrap_or_default());
        let form = Form::new()
            .field(
                "user",
                "User",
                field(&now.user),
                "The whole name; empty for every user. Enter goes on.",
            )
            .field(
                "client",
                "Client",
                field(&now.client),
                "The client's name, or the address of an unknown one; empty for every client. Enter shows the records.",
            );
        Self { tag, form }
    }
}

/// What was told.
pub(super) fn read(told: &str) -> LogFilter {
    let (user, client) = told.split_once(BETWEEN).unwrap_or((told, ""));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    LogFilter {
        user: some(user),
        client: some(client),
        since: None,
    }
}

impl Screen for Filter {
    fn name(&self) -> &'static str {
        "log-filter"
    }

    fn title(&self) -> String {
        "Log: filter".to_owned()
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        if key == Key::Esc {
            return vec![Action::Close];
        }
        match self.form.on(key) {
            Typed::Done => {
                let told = format!("{}{BETWEEN}{}", self.form.text("user"), self.form.text("client"));
                vec![Action::CloseWith(Told::Picked(self.tag, told))]
            }
            _ => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = page.area();
        let form = Rect {
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(2).min(100),
            height: area.height.saturating_sub(1),
            ..area
        };
        self.form.draw(page, form, true);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![
            ("Enter", "next, show"),
            ("Ctrl-U", "empty the field"),
            ("Esc", "leave it as it was"),
        ]
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Shows the records of one user, of one client, or of one user through one client. Empty fields let everything through.",
        ]
    }

    fn types(&self, character: char) -> bool {
        self.form.types(character)
    }
}
