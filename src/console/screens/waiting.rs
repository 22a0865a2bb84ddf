//! posternd is not there, or not yet. Nothing can be done here but wait; it goes on by itself.
//!
//! ```text
//! Postern | Waiting                                                          14:05
//!
//!   Waiting for posternd.
//!
//!   posternd does not answer yet (no one at /run/postern/console.sock)
//!   This screen goes on by itself as soon as it does.
//!
//!   posternd does not answer, and nor is any login answered. What is wrong:
//!
//!   The disk that holds users and tokens cannot be opened.
//!   To do: Start the box once more; if this stays, ...
//! ```
//!
//! What postern-host has found wrong stands in the place of the bare line.

use ratatui::layout::Rect;

use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::rows::Rows;
use crate::control::Trouble;

/// Its name.
pub const NAME: &str = "waiting";

/// Waits for posternd.
#[derive(Debug)]
pub struct Waiting {
    why: String,
}

impl Waiting {
    /// With what is known of why, one line.
    pub fn new(why: &str) -> Self {
        Self { why: why.to_owned() }
    }
}

/// What is wrong and what to do, one after the other.
fn draw_troubles(page: &mut Page<'_>, area: Rect, troubles: &[Trouble]) {
    let mut rows = Rows::new(page, area, 0);
    rows.line(
        "posternd does not answer, and nor is any login answered. What is wrong:",
        Look::Strong,
    );
    for trouble in troubles {
        rows.gap();
        rows.line(&trouble.what, Look::Bad);
        rows.line(&format!("To do: {}", trouble.todo), Look::Plain);
    }
    rows.gap();
    rows.line(
        "This screen goes on by itself as soon as posternd answers.",
        Look::Plain,
    );
}

impl Screen for Waiting {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self) -> String {
        "Waiting".to_owned()
    }

    fn on(&mut self, _key: Key, _context: &Context) -> Vec<Action> {
        Vec::new()
    }

    /// Nothing is taken here, but somebody may go on with a password without looking.
    fn secret_typed(&self) -> Option<usize> {
        Some(0)
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = page.area();
        let inner = Rect {
            x: area.x.saturating_add(2),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(4),
            height: area.height.saturating_sub(1),
        };
        if !context.troubles.is_empty() {
            return draw_troubles(page, inner, &context.troubles);
        }
        page.line(inner, 0, "Waiting for posternd.", Look::Strong);
        let mut below = inner;
        below.y = below.y.saturating_add(2);
        below.height = below.height.saturating_sub(2);
        let used = match self.why.is_empty() {
            true => 0,
            false => page.wrapped(below, &self.why, Look::Warn),
        };
        page.line(
            below,
            used,
            "This screen goes on by itself as soon as posternd answers.",
            Look::Plain,
        );
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        Vec::new()
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "posternd is the part of Postern that answers RADIUS. It is starting, or it has stopped; the console goes on as soon as it \
             answers.",
            "If this stays for more than a minute, the box has a fault: `journalctl -u postern` on a box with a shell says more.",
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use crate::console::event::Event;
    use crate::console::testing::{Desk, hello, snapshot};
    use crate::control::Trouble;

    fn trouble() -> Vec<Trouble> {
        vec![Trouble {
            code: "key-lost".to_owned(),
            what: "The TPM does not give out the key of this box's disk: it was cleared, or the disk comes from another box.".to_owned(),
            todo: "Put the disk back into its own box; or empty this one (boot menu, Factory reset) and restore a backup".to_owned(),
        }]
    }

    fn down(desk: &mut Desk) {
        desk.event(Event::Down(
            "posternd does not answer yet (no one at /run/postern/console.sock)".to_owned(),
        ));
    }

    #[test]
    fn what_is_wrong_stands_in_the_place_of_the_bare_line_until_it_is_over() {
        let mut desk = Desk::new(80, 24, Default::default());
        down(&mut desk);
        assert!(desk.text().contains("Waiting for posternd."));
        desk.event(Event::Troubles(trouble()));
        let text = desk.text();
        assert!(
            text.contains("nor is any login answered") && text.contains("The TPM does not give out"),
            "{text}"
        );
        assert!(
            text.contains("To do: Put the disk back") && !text.contains("console.sock"),
            "{text}"
        );
        desk.event(Event::Troubles(Vec::new()));
        assert!(desk.text().contains("no one at /run/postern/console.sock"));
        desk.event(Event::Up(hello()));
        assert_eq!(desk.app.screen(), "login");
    }

    #[test]
    fn screens() {
        snapshot("waiting-trouble", |desk| {
            down(desk);
            desk.event(Event::Troubles(trouble()));
        });
    }
}
