//! One RADIUS client in full: its settings, what it was seen to send, and what to do about that. In: its name; out: what was chosen
//! to be changed.
//!
//! ```text
//! Postern box-1 | Client gw-1                              anna installer  14:05
//!
//!   (what makes logins fail stands here, with what to do)
//!
//!   Address             192.0.2.10
//!   Mode                append: password and code in one field
//!   Password            at Entra, or in this box for those who have one here
//!   Message-Auth.       required
//!   Unknown users       refused
//!   Times               2.5s for the directory, 1s before a refusal leaves
//!
//!   Last packet         13:58
//!   Sends               PAP, Message-Authenticator, no Calling-Station-Id; fw-1
//!
//!   The gateway does not say where a person calls from ...
//!   - Switch it on if the gateway can ...
//!
//! Enter choose  e edit  g what to type  s new secret  x remove  Esc back  ? help
//! ```

use super::choose::Choose;
use super::client_form::ClientForm;
use super::client_guide::ClientGuide;
use super::client_secret::ClientSecret;
use super::confirm::{Confirm, word_for};
use crate::console::action::{Action, Told, Tone};
use crate::console::guide::advice;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::inset::inset;
use crate::console::widgets::scroll::{Paragraph, Scroll};
use crate::control::check::net_text;
use crate::control::{
    Answer, CHALLENGE_TIMEOUT, Charset, ClientInfo, Failure, FailureKind, First, IN_FLIGHT, Mode, Order, PROMPT,
    Request, Role, Unavailable, Unmatched,
};
use crate::times::{shown_duration, shown_near};

/// The client is asked for under this tag, its removal under the next.
const SHOW: u32 = 0;
const REMOVE: u32 = 1;
/// The form has given the client this name.
pub const RENAMED: u32 = 2;
/// One of what can be done was chosen.
const MENU: u32 = 3;

/// A mode's word.
pub fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Append => "append",
        Mode::Challenge => "challenge",
        Mode::CodeOnly => "code-only",
    }
}

/// What a mode means for people at the VPN.
pub fn mode_words(mode: Mode) -> &'static str {
    match mode {
        Mode::Append => "password and code in one field",
        Mode::Challenge => "the code is asked for in a second step",
        Mode::CodeOnly => "the code alone; the gateway checks the password",
    }
}

/// One client.
#[derive(Debug)]
pub struct Client {
    client: String,
    info: Option<Box<ClientInfo>>,
    scroll: Scroll,
    asked: Asked,
}

impl Client {
    /// The client of this name.
    pub fn new(name: &str) -> Self {
        Self {
            client: name.to_owned(),
            info: None,
            scroll: Scroll::default(),
            asked: Asked::new(SHOW),
        }
    }

    fn paragraphs(&self, info: &ClientInfo, context: &Context) -> Vec<Paragraph> {
        let mut lines = Vec::new();
        let (grave, other): (Vec<_>, Vec<_>) = advice::advice(info).into_iter().partition(|one| one.grave);
        // Whoever looks since logins fail reads why first.
        for one in grave {
            lines.extend(told(one, Look::Bad));
            lines.push((String::new(), Look::Plain));
        }
        lines.extend(settings(info));
        lines.extend(seen(info, context));
        for one in other {
            lines.push((String::new(), Look::Plain));
            lines.extend(told(one, Look::Warn));
        }
        lines
    }
}

/// What can be done, for arrows and Enter: the letter and its words.
fn choices(context: &Context) -> Vec<(String, String)> {
    let all = [
        ("e", "Edit the settings", Role::Installer),
        ("g", "See what to type at the gateway", Role::Auditor),
        ("s", "Make a new shared secret", Role::Installer),
        ("x", "Remove the client", Role::Installer),
    ];
    all.into_iter()
        .filter(|(.., role)| context.may(*role))
        .map(|(letter, words, _)| (letter.to_owned(), words.to_owned()))
        .collect()
}

/// A piece of advice as paragraphs.
fn told(advice: advice::Advice, look: Look) -> Vec<Paragraph> {
    let mut lines = vec![(advice.what, look)];
    if !advice.todo.is_empty() {
        lines.push((format!("- {}", advice.todo), Look::Plain));
    }
    lines
}

/// A label and what stands behind it.
pub fn field(label: &str, value: &str) -> Paragraph {
    (format!("{label:<20}{value}"), Look::Plain)
}

/// The settings; those that are as they come are left out where hardly anybody changes them.
fn settings(info: &ClientInfo) -> Vec<Paragraph> {
    let mut lines = vec![
        field("Address", &net_text(&info.net)),
        field("Mode", &format!("{}: {}", mode_word(info.mode), mode_words(info.mode))),
        field(
            "Password",
            match info.first {
                First::Entra => "at Entra, or in this box for those who have one here",
                First::Local => "in this box alone",
                First::None => "not checked here",
            },
        ),
        field(
            "Message-Auth.",
            if info.require_message_authenticator {
                "required"
            } else {
                "not required"
            },
        ),
        field(
            "Unknown users",
            match info.unmatched {
                Unmatched::Refuse => "refused",
                Unmatched::PasswordOnly => "let in by their password alone",
            },
        ),
        field(
            "Times",
            &format!(
                "{} for the directory, {} before a refusal leaves",
                shown_duration(info.deadline),
                shown_duration(info.reject_delay)
            ),
        ),
    ];
    if info.order == Order::CodePassword {
        lines.push(field("Order", "the code first, then the password"));
    }
    if let Some(delimiter) = info.delimiter {
        lines.push(field("Delimiter", &delimiter.to_string()));
    }
    if info.unavailable == Unavailable::Drop {
        lines.push(field(
            "Directory away",
            "no answer, so that the gateway asks its second server",
        ));
    }
    if info.prompt != PROMPT {
        lines.push(field("Prompt", &info.prompt));
    }
    if info.challenge_timeout != CHALLENGE_TIMEOUT {
        lines.push(field("Challenge stands", &shown_duration(info.challenge_timeout)));
    }
    if info.charset == Charset::Latin1 {
        lines.push(field("Characters", "Latin-1"));
    }
    if info.in_flight != IN_FLIGHT {
        lines.push(field("At once at most", &info.in_flight.to_string()));
    }
    lines.push(field("Secret", &format!("{} characters", info.secret_length)));
    lines
}

fn seen(info: &ClientInfo, context: &Context) -> Vec<Paragraph> {
    let last = info.last_packet.map_or("none since posternd started".to_owned(), |at| {
        shown_near(at, context.now.wall, &context.zone)
    });
    let mut lines = vec![(String::new(), Look::Plain), field("Last packet", &last)];
    let seen = &info.seen;
    if seen.method.is_empty() {
        return lines;
    }
    let method = match seen.method.as_str() {
        "none" => "no password",
        method => method,
    };
    let mut words = vec![method.to_owned()];
    if let Some(sent) = seen.message_authenticator {
        words.push(
            if sent {
                "Message-Authenticator"
            } else {
                "no Message-Authenticator"
            }
            .to_owned(),
        );
    }
    if let Some(sent) = seen.calling_station {
        words.push(
            if sent {
                "Calling-Station-Id"
            } else {
                "no Calling-Station-Id"
            }
            .to_owned(),
        );
    }
    if seen.status_server {
        words.push("Status-Server".to_owned());
    }
    lines.push(field("Sends", &words.join(", ")));
    if !seen.nas.is_empty() {
        lines.push(field("Calls itself", &seen.nas));
    }
    lines
}

impl Screen for Client {
    fn name(&self) -> &'static str {
        "client"
    }

    fn title(&self) -> String {
        format!("Client {}", self.client)
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        self.asked.ask(Request::ClientShow {
            name: self.client.clone(),
        })
    }

    fn watches(&self) -> Topics {
        Topics {
            records: true,
            log: true,
            knocks: true,
            ..Topics::NONE
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        let Some(info) = &self.info else {
            return match key {
                Key::Esc => vec![Action::Close],
                _ => Vec::new(),
            };
        };
        let installer = context.may(Role::Installer);
        match key {
            Key::Esc => vec![Action::Close],
            Key::Enter => {
                let title = format!("Client {}", info.name);
                let choices = choices(context);
                vec![Action::Open(Box::new(Choose::new(MENU, &title, Vec::new(), choices)))]
            }
            Key::Char('g') => vec![Action::Open(Box::new(ClientGuide::new(info.net, None, None)))],
            Key::Char('e') if installer => vec![Action::Open(Box::new(ClientForm::edit(info)))],
            Key::Char('s') if installer => vec![Action::Open(Box::new(ClientSecret::renew(&info.name, info.net)))],
            Key::Delete | Key::Char('x') if installer => {
                let word = word_for(&info.name, "remove");
                let lines = vec![format!(
                    "{} at {} is removed. Nobody logs in through it any more, and its shared secret is forgotten.",
                    info.name,
                    net_text(&info.net)
                )];
                let title = format!("Remove client {}", info.name);
                vec![Action::Open(Box::new(Confirm::strong(REMOVE, &title, lines, word)))]
            }
            _ => {
                let area = inset(ratatui::layout::Rect::new(
                    0,
                    0,
                    context.size.0,
                    context.size.1.saturating_sub(3),
                ));
                let rows = Scroll::rows(&self.paragraphs(info, context), area.width);
                self.scroll.on(key, area.height, rows);
                Vec::new()
            }
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            SHOW => self.asked.landed(),
            _ => Vec::new(),
        };
        match answer {
            Ok(Answer::Client(info)) => self.info = Some(info),
            Ok(Answer::Done { done }) => actions.extend([Action::Close, Action::Say(Tone::Done, done)]),
            Ok(_) => {}
            // Somebody removed it on another line.
            Err(failure) if tag == SHOW && failure.kind == FailureKind::NotFound => {
                actions.extend([Action::Close, Action::Fail(failure)]);
            }
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn told(&mut self, told: Told, context: &Context) -> Vec<Action> {
        match told {
            Told::Yes(REMOVE) => vec![Action::Ask(
                REMOVE,
                Request::ClientRemove {
                    name: self.client.clone(),
                },
            )],
            Told::Picked(RENAMED, name) => {
                self.client = name;
                Vec::new()
            }
            Told::Picked(MENU, letter) => match letter.chars().next() {
                Some(letter) => self.on(Key::Char(letter), context),
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = inset(page.area());
        match &self.info {
            Some(info) => self.scroll.draw(page, area, &self.paragraphs(info, context)),
            None => page.line(area, 0, "Asking posternd ...", Look::Plain),
        }
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        let mut hints = Vec::new();
        if context.may(Role::Installer) {
            hints.extend([
                ("Enter", "choose"),
                ("e", "edit"),
                ("g", "what to type"),
                ("s", "new secret"),
                ("x", "remove"),
            ]);
        } else {
            hints.push(("g", "what to type at the gateway"));
        }
        hints.push(("Esc", "back"));
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "One client: what makes logins fail stands first, with what to do; then its settings here, and what it was seen to send \
             since posternd started. It changes by itself while packets come.",
            "The shared secret cannot be shown again. If it is lost, s makes a new one, which then has to be typed at the gateway.",
            "x (or Delete) removes the client, after a question.",
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
