//! What programming looks like, stage by stage. Draws only; the state is its parent's.

use ratatui::layout::Rect;

use super::work::{left_words, step_words};
use super::{Program, Stage, Work, kind, work};
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint};
use crate::console::screens::bench::{Lying, clock_words, named};
use crate::console::screens::home::count;
use crate::console::screens::users::grouped;
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::rows::Rows;
use crate::control::{TokenInfo, TokenStatus};
use crate::text::shown;
use crate::times::shown_near;
use crate::tokens::desk::{Placed, Profile};

/// Columns of the labels.
const LABEL: u16 = 10;
/// Rows of a page of profiles, or of ports.
pub(super) const PROFILES: u16 = 6;

impl Program {
    pub(super) fn draw_all(&self, page: &mut Page<'_>, context: &Context) {
        let area = Rect {
            width: page.area().width.min(104),
            ..page.area()
        };
        let inner = inset(area);
        match &self.stage {
            Stage::Gather { search, total } => draw_gather(page, inner, search, *total),
            Stage::Summary(summary) => summary.draw(page, &self.queue),
            Stage::Look | Stage::Making(..) => self.draw_look(page, inner, context),
            Stage::Writing(work) => draw_writing(page, inner, work, None),
            Stage::Noting(work, failure) => draw_writing(page, inner, work, Some(failure.as_deref())),
            Stage::Code(work) => draw_code(page, inner, work, context),
            Stage::Trouble(work, trouble) => {
                let mut rows = Rows::new(page, inner, LABEL);
                rows.line(&shown(&work.token.user), Look::Strong);
                rows.gap();
                rows.line(&format!("NOT WRITTEN: {}", trouble.words), Look::Bad);
                rows.gap();
                rows.line(left_words(trouble.left), Look::Plain);
                rows.gap();
                let there = work.target.as_ref().is_some_and(|target| target.is(self.bench.token()));
                let words = match there {
                    _ if trouble.key_refused => format!(
                        "{} is not tried again here: every refused key brings it nearer to refusing all.",
                        work.what()
                    ),
                    true => format!(
                        "{} lies on the reader. Enter starts over, with another key.",
                        work.what()
                    ),
                    false => format!(
                        "Place {} on the reader again; then Enter starts over, with another key.",
                        work.what()
                    ),
                };
                rows.line(&words, Look::Plain);
                rows.gap();
                rows.line(
                    "n takes another token for this user, and forgets this one.",
                    Look::Plain,
                );
            }
            Stage::Done(work) => draw_done(page, inner, work),
        }
    }

    /// The user, and the token that lies there or what to do until one does.
    fn draw_look(&self, page: &mut Page<'_>, area: Rect, context: &Context) {
        let mut rows = Rows::new(page, area, LABEL);
        rows.line(&shown(self.queue.name()), Look::Strong);
        for (words, look) in self.user_words(context) {
            rows.line(&words, look);
        }
        rows.gap();
        if self.is_clock_wrong() {
            let words = "The box's clock is not trusted: codes follow it, so no token is programmed. Enter or c leads to the clock.";
            rows.line(words, Look::Bad);
            return;
        }
        let Some(token) = self.bench.token() else {
            if let Some(Lying::Unfit(why)) = self.bench.lying() {
                rows.line(&format!("What lies there cannot be programmed: {why}"), Look::Bad);
                rows.gap();
            }
            for words in self.bench.words() {
                rows.line(&words, Look::Plain);
            }
            rows.gap();
            let rest = rows.below();
            let offered = self.bench.offered();
            return self.ports.draw(page, beside(rest), |at| {
                let words = offered.get(at).map(|port| named(port));
                (words.unwrap_or_default(), Look::Plain)
            });
        };
        self.token_rows(&mut rows, token);
        rows.gap();
        if let Stage::Making(..) = self.stage {
            return rows.line("posternd makes the key ...", Look::Plain);
        }
        match self.queue.holder(&token.serial) {
            Some(holder) => {
                let words = format!(
                    "This one is for {} already. Take it away and place another token.",
                    shown(holder)
                );
                return rows.line(&words, Look::Warn);
            }
            None => rows.line(&self.what_happens(token), Look::Plain),
        }
        rows.gap();
        if token.profiles.is_empty() {
            let words = "Program away from others: whoever records the radio link can read the key.";
            return rows.line(words, Look::Plain);
        }
        let rest = rows.below();
        self.profiles.draw(page, beside(rest), |at| {
            let words = token.profiles.get(at).map(profile_words);
            (words.unwrap_or_default(), Look::Plain)
        });
    }

    /// What is not as usual with the user.
    fn user_words(&self, context: &Context) -> Vec<(String, Look)> {
        let mut lines = Vec::new();
        if self.make {
            lines.push(("Not on the box yet: made with the token.".to_owned(), Look::Plain));
        }
        let Some(info) = &self.info else { return lines };
        if !info.row.enabled {
            lines.push((
                "Disabled: every login is refused, with a token too.".to_owned(),
                Look::Warn,
            ));
        }
        if let Some(token) = work::begun(&info.tokens) {
            let at = shown_near(token.created, context.now.wall, &context.zone);
            let words = format!(
                "{} was begun {at} and is not known to hold its key: program it again.",
                work::device_words(token)
            );
            lines.push((words, Look::Warn));
        }
        if info.row.active_tokens > 0 {
            let has = count(u64::from(info.row.active_tokens), "token");
            lines.push((format!("Has {has} already; this one is one more."), Look::Plain));
        }
        lines
    }

    fn token_rows(&self, rows: &mut Rows<'_, '_>, token: &Placed) {
        let what = work::device_and_profile(&token.model, &token.serial, None);
        rows.field("Token", &what, Look::Strong);
        let reader = self.bench.reader(&token.device).map_or(token.device.clone(), named);
        let more = match self.bench.is_several() {
            true => "; Left/Right: another",
            false => "",
        };
        rows.field("Reader", &format!("{}{more}", shown(&reader)), Look::Plain);
        if let Some(ahead) = token.clock_ahead {
            let words = match ahead {
                0 => "right, by the box's".to_owned(),
                ahead => format!("{} of the box's", clock_words(ahead)),
            };
            rows.field("Clock", &words, Look::Plain);
        }
        rows.field("Codes", &kind::words(self.parameters), Look::Plain);
        match &self.known {
            None => rows.field("Held by", "...", Look::Plain),
            Some(report) => {
                let mut holders = self.holders().peekable();
                if holders.peek().is_none() {
                    let words = match report.unassigned.is_empty() {
                        true => "nobody",
                        false => "nobody; its maker's key is known here, and is lost",
                    };
                    rows.field("Held by", words, Look::Plain);
                }
                for holder in holders {
                    rows.field("Held by", &holder_words(holder), Look::Warn);
                }
            }
        }
    }

    /// What Enter will do, in words.
    fn what_happens(&self, token: &Placed) -> String {
        let who = shown(self.queue.name());
        let place = match self.profiles.at().and_then(|at| token.profiles.get(at)) {
            Some(profile) => format!(" to profile {}", profile.number),
            None => String::new(),
        };
        let lost = match token.profiles.is_empty() {
            true => " The key that it holds now is lost.",
            false => "",
        };
        format!(
            "Enter makes a new key, writes it{place} and sets the clock.{lost} Then type the code that the token shows: with that \
             it becomes the token of {who}."
        )
    }

    pub(super) fn all_hints(&self, context: &Context) -> Vec<Hint> {
        let is_many = self.queue.is_many();
        let skip = is_many.then_some(("s", "skip"));
        let end = if is_many { ("Esc", "end") } else { ("Esc", "back") };
        let mut hints: Vec<Hint> = Vec::new();
        match &self.stage {
            Stage::Gather { total: Some(1..), .. } => hints.extend([("Enter", "begin"), ("Esc", "back")]),
            Stage::Gather { .. } => hints.push(("Esc", "back")),
            Stage::Look if self.is_clock_wrong() => hints.extend([("Enter", "the clock"), end]),
            Stage::Look => {
                match self.bench.token() {
                    Some(token) => {
                        hints.push(("Enter", "write it"));
                        if !token.profiles.is_empty() {
                            hints.push(("Up/Down", "profile"));
                        }
                        hints.push(("o", "other kind"));
                    }
                    None if !self.bench.offered().is_empty() => {
                        hints.extend([("Enter", "ask at this port"), ("Up/Down", "choose")]);
                    }
                    None => {}
                }
                hints.extend(skip);
                hints.push(end);
            }
            _ if self.is_held() => {
                if self.is_late(context) {
                    hints.push(end);
                }
            }
            Stage::Making(..) | Stage::Writing(_) => {}
            Stage::Noting(..) => hints.extend([("Enter", "again"), end]),
            Stage::Code(work) => {
                hints.push(("Enter", "confirm"));
                if work.target.is_none() {
                    hints.push(("n", "another token"));
                }
                hints.extend(skip);
                hints.push(end);
            }
            Stage::Trouble(_, trouble) => {
                if !trouble.key_refused {
                    hints.push(("Enter", "start over"));
                }
                hints.push(("n", "another token"));
                hints.extend(skip);
                hints.push(end);
            }
            Stage::Done(_) => {
                hints.push(("Enter", "done"));
                if self.is_from_list {
                    hints.push(("n", "another user"));
                }
            }
            Stage::Summary(_) => {
                hints.extend([("Enter", "done"), ("w", "write it to a stick"), ("Up/Down", "more")]);
            }
        }
        hints
    }
}

/// Rows with a marker begin at the left edge.
fn beside(area: Rect) -> Rect {
    Rect {
        x: area.x.saturating_sub(2),
        width: area.width.saturating_add(2),
        height: area.height.min(PROFILES),
        ..area
    }
}

fn draw_gather(page: &mut Page<'_>, area: Rect, search: &str, total: Option<u64>) {
    let whose = match search {
        "" => String::new(),
        search => format!(", whose names contain {}", shown(search)),
    };
    let mut rows = Rows::new(page, area, LABEL);
    let Some(total) = total else {
        return rows.line("Asking who has no token ...", Look::Plain);
    };
    if total == 0 {
        let words = match search {
            "" => "Everybody who may log in has a token.".to_owned(),
            search => format!("Nobody whose name contains {} is without a token.", shown(search)),
        };
        return rows.line(&words, Look::Plain);
    }
    let most = u64::from(super::PEOPLE_MAX);
    let found = grouped(usize::try_from(total).unwrap_or(usize::MAX));
    let words = match total {
        1 => format!("1 user has no token{whose}."),
        _ if total > most => format!("{found} users have no token{whose}. The first {most} are taken now, by name."),
        _ => format!("{found} users have no token{whose}."),
    };
    rows.line(&words, Look::Strong);
    rows.gap();
    rows.line(
        "One after the other: place a token, press Enter, type the code that it shows, press Enter, and take the next token. s leaves \
         somebody out. Esc ends it at any time; a table at the end says who has which.",
        Look::Plain,
    );
    rows.gap();
    rows.line("Enter begins.", Look::Plain);
}

/// The steps so far; `noted` is there once the token has taken the key: with a failure where posternd could not take that down.
fn draw_writing(page: &mut Page<'_>, area: Rect, work: &Work, noted: Option<Option<&str>>) {
    let mut rows = Rows::new(page, area, LABEL);
    rows.line(&shown(&work.token.user), Look::Strong);
    rows.line(&work.what(), Look::Plain);
    rows.gap();
    rows.line("Leave the token where it is.", Look::Strong);
    rows.gap();
    let last = work.steps.len().saturating_sub(1);
    for (number, step) in work.steps.iter().enumerate() {
        let is_done = noted.is_some() || number < last;
        rows.line(
            &format!("{}{}", step_words(*step), if is_done { ": done" } else { " ..." }),
            Look::Plain,
        );
    }
    match noted {
        None => {}
        Some(None) => rows.line("Take it down in the box ...", Look::Plain),
        Some(Some(failure)) => {
            rows.gap();
            rows.line(
                &format!("The token holds the new key, but the box did not take that down: {failure}"),
                Look::Bad,
            );
            rows.gap();
            rows.line("Enter tries again.", Look::Plain);
        }
    }
}

fn draw_code(page: &mut Page<'_>, area: Rect, work: &Work, context: &Context) {
    let mut rows = Rows::new(page, area, LABEL);
    rows.line(&shown(&work.token.user), Look::Strong);
    rows.gap();
    let words = match (&work.target, work.token.source) {
        (None, crate::control::TokenSource::Programmed(programmed)) => {
            let at = programmed.written.unwrap_or(work.token.created);
            let at = shown_near(at, context.now.wall, &context.zone);
            format!("{} was written {at} and waits for its code.", work.what())
        }
        _ => format!("{} holds its new key. It does not count yet.", work.what()),
    };
    rows.line(&words, Look::Plain);
    for token in &work.replaces {
        let words = format!("With its code token #{} of {} ends.", token.id.0, shown(&token.user));
        rows.line(&words, Look::Warn);
    }
    rows.gap();
    rows.line("Let the token show a code, and type it:", Look::Plain);
    let rest = rows.below();
    work.code
        .draw(page, rest.x, rest.y, 12.min(rest.width), !work.is_checking);
    let rest = below(rest, 2);
    if work.is_checking {
        page.line(rest, 0, "Checking ...", Look::Plain);
    } else if let Some(wrong) = &work.wrong {
        page.wrapped(rest, wrong, Look::Bad);
    }
}

fn draw_done(page: &mut Page<'_>, area: Rect, work: &Work) {
    let mut rows = Rows::new(page, area, LABEL);
    rows.line(&format!("{} has a token.", shown(&work.token.user)), Look::Good);
    rows.gap();
    rows.field(
        "Token",
        &format!("{} (#{})", work.what(), work.token.id.0),
        Look::Strong,
    );
    rows.gap();
    for token in &work.replaces {
        let words = format!(
            "Token #{} of {} is gone: this one took its place.",
            token.id.0,
            shown(&token.user)
        );
        rows.line(&words, Look::Warn);
    }
    rows.line("It counts from now on: hand it over.", Look::Plain);
}

fn holder_words(token: &TokenInfo) -> String {
    let state = match token.status {
        TokenStatus::Active => "active",
        TokenStatus::Pending => "not confirmed",
        TokenStatus::Resync => "needs a resync",
    };
    format!("{}, token #{}, {state}", shown(&token.user), token.id.0)
}

fn profile_words(profile: &Profile) -> String {
    let title = shown(profile.title.trim());
    let state = match (profile.occupied, title.is_empty()) {
        (true, true) => "holds a key".to_owned(),
        (true, false) => format!("holds a key: {title}"),
        (false, _) => "free".to_owned(),
    };
    format!("{:>3}  {state}", profile.number)
}
