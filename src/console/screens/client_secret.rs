//! A shared secret, shown this once. In: one that posternd has just made, or the wish for a new one; out: the secret in groups of
//! four, and the gateway's settings with it filled in. It is gone from screen and memory when this closes.
//!
//! ```text
//! Postern box-1 | Shared secret of gw-1                    anna installer  14:05
//!
//!   This is the shared secret of gw-1. It is shown this once.
//!
//!       ABCD EFGH JKMN PQRS
//!       TUVW XYZ2 3456 7892
//!
//!   Type it at the gateway without the blanks: 32 characters ...
//!
//! Enter what to type at the gateway  Esc done, it is not shown again  ? help
//! ```

use zeroize::Zeroizing;

use super::client_guide::ClientGuide;
use super::confirm::{Confirm, word_for};
use crate::console::action::{Action, Told, Tone};
use crate::console::guide::gateways::Gateway;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::inset::{below, inset};
use crate::control::{Answer, ClientFields, ClientMade, ClientSet, Failure, Net, Request};
use crate::secret::Secret;

/// Groups on a row.
const GROUPS: usize = 4;

/// How far it is.
#[derive(Debug)]
enum Stage {
    /// A new one is wished for: asks first.
    Asking(Confirm),
    /// posternd makes it.
    Waiting,
    /// Here it is.
    Shown(Secret),
    /// The client was made with a secret that somebody gave.
    Given,
}

/// The secret of a client.
#[derive(Debug)]
pub struct ClientSecret {
    client: String,
    net: Net,
    gateway: Option<Gateway>,
    stage: Stage,
}

impl ClientSecret {
    /// Of a client that was just made; the product where it is known.
    pub fn made(made: ClientMade, gateway: Option<Gateway>) -> Self {
        Self {
            client: made.client.name,
            net: made.client.net,
            gateway,
            stage: made.secret.map_or(Stage::Given, Stage::Shown),
        }
    }

    /// A new one for a client, after a question.
    pub fn renew(client: &str, net: Net) -> Self {
        Self {
            client: client.to_owned(),
            net,
            gateway: None,
            stage: asking(client),
        }
    }

    fn guide(&self) -> Vec<Action> {
        let secret = match &self.stage {
            Stage::Shown(secret) => Some(secret.clone()),
            _ => None,
        };
        vec![Action::Open(Box::new(ClientGuide::new(self.net, self.gateway, secret)))]
    }
}

/// The old secret is void at once and nobody can read it out again, so a word must be typed.
fn asking(client: &str) -> Stage {
    let line = format!(
        "The box makes a new shared secret for {client} and shows it once. The old one is void at once: nobody logs in through \
         {client} until the new one is typed there too."
    );
    let title = format!("A new secret for {client}");
    Stage::Asking(Confirm::strong(0, &title, vec![line], word_for(client, "renew")))
}

/// A secret's characters in groups of four, some groups a row.
pub fn grouped(secret: &str) -> Vec<Zeroizing<String>> {
    let characters: Zeroizing<Vec<char>> = Zeroizing::new(secret.chars().collect());
    characters
        .chunks(4 * GROUPS)
        .map(|row| {
            let mut text = Zeroizing::new(String::with_capacity(row.len() * 4 + GROUPS));
            for (number, group) in row.chunks(4).enumerate() {
                if number > 0 {
                    text.push(' ');
                }
                text.extend(group);
            }
            text
        })
        .collect()
}

impl Screen for ClientSecret {
    fn name(&self) -> &'static str {
        match self.stage {
            Stage::Asking(_) | Stage::Waiting => "client-secret-new",
            Stage::Shown(_) | Stage::Given => "client-secret",
        }
    }

    fn title(&self) -> String {
        match self.stage {
            Stage::Asking(_) | Stage::Waiting => format!("A new secret for {}", self.client),
            Stage::Shown(_) | Stage::Given => format!("Shared secret of {}", self.client),
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if let Stage::Asking(confirm) = &mut self.stage {
            let actions = confirm.on(key, context);
            if !matches!(actions.first(), Some(Action::CloseWith(Told::Yes(_)))) {
                return actions;
            }
            self.stage = Stage::Waiting;
            let set = ClientSet {
                name: self.client.clone(),
                rename: None,
                net: None,
                fields: ClientFields::default(),
                make_secret: true,
            };
            return vec![Action::Ask(0, Request::ClientSet(set))];
        }
        match (&self.stage, key) {
            // Whoever leaves now has a gateway with a secret that nobody saw, unless there is none to come.
            (Stage::Waiting, Key::Esc) if context.silent.is_some() => vec![Action::Close],
            (Stage::Waiting, _) => Vec::new(),
            (_, Key::Esc) => vec![Action::Close],
            (Stage::Shown(_) | Stage::Given, Key::Enter | Key::Char('g')) => self.guide(),
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        match answer {
            Ok(Answer::ClientMade(made)) => {
                self.stage = made.secret.map_or(Stage::Given, Stage::Shown);
                vec![Action::Say(Tone::Done, format!("{} has a new secret.", self.client))]
            }
            Ok(_) => vec![Action::Close],
            Err(failure) => {
                self.stage = asking(&self.client);
                vec![Action::Fail(failure)]
            }
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = inset(page.area());
        match &self.stage {
            Stage::Asking(confirm) => confirm.draw(page, context),
            Stage::Waiting => page.line(area, 0, "Asking posternd ...", Look::Plain),
            Stage::Given => page.line(area, 0, "The client has the secret that was given for it.", Look::Plain),
            Stage::Shown(secret) => {
                let words = format!("This is the shared secret of {}. It is shown this once.", self.client);
                page.line(area, 0, &words, Look::Plain);
                let secret = secret.expose_str().unwrap_or_default();
                let rows = grouped(secret);
                let length = secret.chars().count();
                for (row, text) in (2..).zip(&rows) {
                    let y = area.y.saturating_add(row);
                    page.put(area.x.saturating_add(4), y, area.width, text, Look::Strong);
                }
                let after = u16::try_from(rows.len()).unwrap_or(0).saturating_add(3);
                let words = format!(
                    "At the gateway it is typed without the blanks: {length} characters, capital letters and digits. Enter shows \
                     the settings of your gateway with it filled in; from there it can also be copied. If it gets lost, a new one \
                     can be made at any time."
                );
                page.wrapped(below(area, after), &words, Look::Plain);
            }
        }
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        match &self.stage {
            Stage::Asking(confirm) => confirm.hints(context),
            Stage::Waiting => Vec::new(),
            Stage::Shown(_) => vec![
                ("Enter", "what to type at the gateway"),
                ("Esc", "done, it is not shown again"),
            ],
            Stage::Given => vec![("Enter", "what to type at the gateway"), ("Esc", "done")],
        }
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "The shared secret is what the gateway and this box know and nobody else: by it they recognise each other. It has to be \
             the same on both sides, to the last character.",
            "It is shown only here and only now. If it is lost, make a new one at the client with s.",
        ]
    }

    fn asks(&self) -> bool {
        matches!(self.stage, Stage::Asking(_))
    }

    fn types(&self, character: char) -> bool {
        matches!(&self.stage, Stage::Asking(confirm) if confirm.types(character))
    }

    fn shows_secret(&self) -> bool {
        matches!(self.stage, Stage::Shown(_))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::event::Effect;
    use crate::console::guide::samples::{SECRET, client};
    use crate::console::testing::{Desk, snapshot};
    use crate::control::Role;

    fn made(secret: bool) -> ClientMade {
        ClientMade {
            client: client("gw-1", "192.0.2.10"),
            secret: secret.then(|| Secret::from(SECRET)),
        }
    }

    #[test]
    fn the_screen_asking_and_showing() {
        snapshot("client-secret-new", |desk| {
            let net = client("gw-1", "192.0.2.10").net;
            desk.open(Box::new(ClientSecret::renew("gw-1", net)), Role::Installer);
        });
        snapshot("client-secret", |desk| {
            desk.open(Box::new(ClientSecret::made(made(true), None)), Role::Installer);
        });
    }

    #[test]
    fn r21_it_is_shown_in_groups_once_and_wiped() {
        let net = client("gw-1", "192.0.2.10").net;
        let mut desk = Desk::on(Box::new(ClientSecret::renew("gw-1", net)), Role::Installer);
        assert!(desk.asked.is_empty(), "not before the question is answered");
        desk.keys(&[Key::Enter]);
        desk.types("y");
        assert!(desk.asked.is_empty(), "no habit of a key makes one");
        desk.keys(&[Key::Backspace]);
        desk.types("gw-1");
        desk.keys(&[Key::Enter]);
        desk.answer(
            |request| matches!(request, Request::ClientSet(set) if set.make_secret && set.name == "gw-1"),
            Ok(Answer::ClientMade(Box::new(made(true)))),
        );
        assert!(desk.text().contains("ABCD EFGH JKMN PQRS\n"));
        assert!(!format!("{:?}", desk.app).contains(SECRET));
        desk.effects.clear();
        desk.keys(&[Key::Esc]);
        assert!(desk.effects.contains(&Effect::Wipe));
        assert!(!desk.text().contains("ABCD"));
    }
}
