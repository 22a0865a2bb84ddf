//! One record of the log in full.
//!
//! ```text
//! Postern box-1 | Log: 2026-03-02 14:04:10                 anna installer  14:05
//!
//!   When                2026-03-02 14:04:10 UTC
//!   User                anna@contoso.example
//!   Client              vpn
//!   From                192.0.2.7
//!   Outcome             refused
//!   What                Wrong code
//! ```

use ratatui::layout::Rect;

use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{LABEL, Look, Page, wrap};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::screens::why::{Why, outcome_look, outcome_words};
use crate::console::widgets::scroll::{Paragraph, Scroll};
use crate::control::{LogEntry, LogKind};
use crate::text::shown;
use crate::times::shown_with_zone;

/// The widest that a line is.
const WIDE: u16 = 120;

/// The screen.
#[derive(Debug)]
pub(super) struct Entry {
    entry: LogEntry,
    scroll: Scroll,
}

impl Entry {
    pub(super) fn new(entry: LogEntry) -> Self {
        Self {
            entry,
            scroll: Scroll::default(),
        }
    }

    fn area(area: Rect) -> Rect {
        Rect {
            x: area.x.saturating_add(2),
            y: area.y.saturating_add(1),
            width: area.width.saturating_sub(4).min(WIDE),
            height: area.height.saturating_sub(1),
        }
    }

    fn lines(&self, width: u16, context: &Context) -> Vec<Paragraph> {
        let entry = &self.entry;
        let mut lines = Vec::new();
        let mut field = |label: &str, value: &str, look: Look| {
            if value.is_empty() {
                return;
            }
            let mut label = label;
            for line in wrap(value, usize::from(width.saturating_sub(LABEL)).max(1)) {
                let columns = usize::from(LABEL);
                lines.push((format!("{label:<columns$}{line}"), look));
                label = "";
            }
        };
        let kind = match entry.kind {
            LogKind::Login => "a login",
            LogKind::Operator => "an operator's change",
            LogKind::System => "the box itself",
        };
        field("When", &shown_with_zone(entry.at, &context.zone), Look::Plain);
        field("Kind", kind, Look::Plain);
        field("Operator", &shown(&entry.by), Look::Plain);
        field("User", &shown(&entry.user), Look::Plain);
        field("Client", &shown(&entry.client), Look::Plain);
        field("From", &shown(&entry.station), Look::Plain);
        field("Outcome", outcome_words(&entry.outcome), outcome_look(&entry.outcome));
        field("What", &entry.words, Look::Strong);
        field("Reason", &entry.reason, Look::Plain);
        if let Some(code) = entry.directory_code {
            field("Directory's code", &format!("AADSTS{code}"), Look::Plain);
        }
        field(
            "Correlation ID",
            entry.correlation.as_deref().unwrap_or_default(),
            Look::Plain,
        );
        field("Passed", &entry.stages.join(", "), Look::Plain);
        if entry.count > 1 {
            field("Alike", &format!("{} within a minute", entry.count), Look::Plain);
        }
        field("Number", &entry.seq.to_string(), Look::Plain);
        lines
    }
}

impl Screen for Entry {
    fn name(&self) -> &'static str {
        "log-entry"
    }

    fn title(&self) -> String {
        "Log: one record".to_owned()
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        match key {
            Key::Esc | Key::Enter => vec![Action::Close],
            Key::Char('w') if !self.entry.user.is_empty() => {
                vec![Action::Open(Box::new(Why::new(&self.entry.user)))]
            }
            key => {
                let area = Self::area(Rect::new(0, 0, context.size.0, context.size.1.saturating_sub(3)));
                let rows = Scroll::rows(&self.lines(area.width, context), area.width);
                self.scroll.on(key, area.height, rows);
                Vec::new()
            }
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = Self::area(page.area());
        self.scroll.draw(page, area, &self.lines(area.width, context));
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        let mut hints = vec![("Esc", "back")];
        if !self.entry.user.is_empty() {
            hints.insert(0, ("w", "why"));
        }
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "One record of the log. Passed names the checks that the login got through, in their order. The correlation ID finds the login \
             in Entra's own sign-in log.",
        ]
    }
}
