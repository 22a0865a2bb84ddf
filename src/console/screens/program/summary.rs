//! What became of everybody, as a table that can be paged through and written to a stick. No secret stands in it.

use ratatui::layout::Rect;

use super::queue::{Outcome, Queue};
use crate::console::action::{Action, Told, Tone};
use crate::console::caps::Glyphs;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::Context;
use crate::console::screens::choose::Choose;
use crate::console::screens::sticks;
use crate::console::widgets::columns::columns;
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::scroll::{Paragraph, Scroll};
use crate::control::Failure;
use crate::text::shown;
use crate::times::{shown_at, shown_with_zone};

/// To which stick the table is written.
const WHERE: u32 = 30;
/// Rows above the table.
const ABOVE: u16 = 4;
/// Columns of the serial number and of the outcome.
const SERIAL: u16 = 14;
const OUTCOME: u16 = 23;

/// The table.
#[derive(Debug, Default)]
pub struct Summary {
    scroll: Scroll,
}

impl Summary {
    pub(super) fn on(&mut self, key: Key, queue: &Queue, context: &Context) -> Vec<Action> {
        match key {
            Key::Enter => return vec![Action::Close],
            Key::Char('w' | 'W') => return ask_where(context),
            key => {
                let height = context.size.1.saturating_sub(4 + ABOVE);
                let width = context.size.0.saturating_sub(4);
                self.scroll.on(key, height, table(queue, width, Glyphs::Unicode).len());
            }
        }
        Vec::new()
    }

    pub(super) fn told(&mut self, told: &Told, queue: &Queue, context: &Context) -> Vec<Action> {
        let Told::Picked(WHERE, folder) = told else {
            return Vec::new();
        };
        let (name, text) = (file_name(queue, context), file(queue, context));
        match sticks::write(std::path::Path::new(folder), &name, text.as_bytes()) {
            Ok(path) => {
                let words = format!("Written: {}", shown(&path.to_string_lossy()));
                vec![Action::Say(Tone::Done, words)]
            }
            Err(line) => vec![Action::Fail(Failure::failed(line))],
        }
    }

    pub(super) fn draw(&self, page: &mut Page<'_>, queue: &Queue) {
        let area = inset(page.area());
        page.wrapped(Rect { height: 2, ..area }, &sum(queue), Look::Strong);
        let glyphs = page.caps().glyphs;
        let rest = below(area, ABOVE - 1);
        self.scroll.draw(page, rest, &table(queue, rest.width, glyphs));
    }
}

fn ask_where(context: &Context) -> Vec<Action> {
    let folders = sticks::folders(&context.import_dirs);
    let choices: Vec<_> = folders
        .iter()
        .filter_map(|folder| Some((folder.to_str()?.to_owned(), shown(folder.to_str()?))))
        .collect();
    if choices.is_empty() {
        let words = "No USB stick is there: plug one in, then press w again";
        return vec![Action::Say(Tone::Look, words.to_owned())];
    }
    let lines = vec![
        "The table of names, serial numbers and outcomes is written as a text file. No key stands in it.".to_owned(),
    ];
    vec![Action::Open(Box::new(Choose::new(
        WHERE,
        "Write the table to",
        lines,
        choices,
    )))]
}

/// How many came to what.
fn sum(queue: &Queue) -> String {
    let parts = [
        (Some(Outcome::Confirmed), "confirmed"),
        (Some(Outcome::Written), "without their code yet"),
        (Some(Outcome::Begun), "to be programmed again"),
        (Some(Outcome::Skipped), "skipped"),
        (None, "not reached"),
    ];
    let counted = parts
        .iter()
        .map(|(outcome, words)| (queue.count(*outcome), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"));
    let counted: Vec<String> = counted.collect();
    format!("Of {} users: {}.", queue.people().len(), counted.join(", "))
}

fn outcome(outcome: Option<Outcome>) -> (&'static str, Look) {
    match outcome {
        Some(outcome @ Outcome::Confirmed) => (outcome.words(), Look::Plain),
        Some(outcome) => (outcome.words(), Look::Warn),
        None => ("not reached", Look::Plain),
    }
}

/// A line for each user.
fn table(queue: &Queue, width: u16, glyphs: Glyphs) -> Vec<Paragraph> {
    let names = width.saturating_sub(SERIAL + OUTCOME + 2).min(66);
    let rows = queue.people().iter().map(|person| {
        let (words, look) = outcome(person.outcome);
        let cells = [
            (shown(&person.name), names),
            (shown(&person.serial), SERIAL),
            (words.to_owned(), OUTCOME),
        ];
        let cells: Vec<(&str, u16)> = cells.iter().map(|(text, width)| (text.as_str(), *width)).collect();
        (columns(&cells, glyphs), look)
    });
    rows.collect()
}

/// When the last one was dealt with.
fn ended(queue: &Queue, context: &Context) -> crate::control::Timestamp {
    queue.ended().unwrap_or(context.now.wall)
}

fn file_name(queue: &Queue, context: &Context) -> String {
    let at = shown_at(ended(queue, context), &context.zone);
    let digits: String = at.chars().filter(char::is_ascii_digit).collect();
    let (day, time) = digits.split_at_checked(8).unwrap_or((&digits, ""));
    format!("postern-tokens-{day}-{time}.txt")
}

/// The table as a text file, in lines that every editor reads.
fn file(queue: &Queue, context: &Context) -> String {
    let host = context.hello.as_ref().map_or("", |hello| hello.host.as_str());
    let who = context.session.as_ref().map_or("", |session| session.operator.as_str());
    let at = shown_with_zone(ended(queue, context), &context.zone);
    let names = queue.people().iter().map(|person| shown(&person.name).chars().count());
    let width = names.max().unwrap_or(0);
    let mut lines = vec![
        format!("Tokens programmed at {} by {}, {at}", shown(host), shown(who)),
        sum(queue),
        String::new(),
    ];
    lines.extend(queue.people().iter().map(|person| {
        let (words, _) = outcome(person.outcome);
        format!(
            "{:<width$}  {:<14}  {words}",
            shown(&person.name),
            shown(&person.serial)
        )
    }));
    lines.push(String::new());
    lines.join("\r\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::testing::{NOON, context, hello, session};
    use crate::control::Role;

    #[test]
    fn the_file_says_who_got_what_and_is_named_by_its_time() {
        let context = Context {
            hello: Some(hello()),
            session: Some(session(Role::Helpdesk)),
            ..context()
        };
        let mut queue = Queue::many(["anna@contoso.example", "bernd\u{202e}", "carla"].map(str::to_owned));
        queue.note("8659622000001", Outcome::Confirmed, NOON);
        queue.next(NOON);
        queue.note("8659622000002", Outcome::Written, NOON);
        assert_eq!(file_name(&queue, &context), "postern-tokens-20260302-140500.txt");
        let text = file(&queue, &context);
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(
            lines,
            [
                "Tokens programmed at box-1 by anna, 2026-03-02 14:05:00 UTC",
                "Of 3 users: 1 confirmed, 1 without their code yet, 1 not reached.",
                "",
                "anna@contoso.example  8659622000001   confirmed",
                "bernd\\u{202e}         8659622000002   waits for its code",
                "carla                                 not reached",
                "",
            ]
        );
    }
}
