//! The RADIUS clients: who may ask this box, and how each one does. In: posternd's list; out: the one that was chosen.
//!
//! ```text
//! Postern box-1 | Clients                                  anna installer  14:05
//!
//!   Name                 Address            Mode       Last packet  How it does
//! > gw-1                 192.0.2.10         append     13:58        fine
//!   gw-2                 192.0.2.11         challenge  13:01        wrong secret
//!   lab                  2001:db8:9::/64    code-only  -            nothing yet
//!   (add a client)
//!   (who knocks)
//!
//! Enter open  a add  k who knocks  Esc back  ? help
//! ```

use ratatui::layout::Rect;

use super::client::{Client, mode_word};
use super::client_form::ClientForm;
use super::knocks::Knocks;
use crate::console::action::Action;
use crate::console::guide::advice;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::columns::columns;
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::list::List;
use crate::control::check::net_text;
use crate::control::{Answer, ClientInfo, Failure, Request, Role};
use crate::times;

/// Rows above the list: a blank one and the headings.
const ABOVE: u16 = 2;

/// The list of clients.
#[derive(Debug)]
pub struct Clients {
    clients: Option<Vec<ClientInfo>>,
    list: List,
    asked: Asked,
}

impl Default for Clients {
    fn default() -> Self {
        Self::new()
    }
}

impl Clients {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self {
            clients: None,
            list: List::default(),
            asked: Asked::new(0),
        }
    }

    /// The client that the marker is on.
    fn here(&self) -> Option<&ClientInfo> {
        let clients = self.clients.as_ref()?;
        clients.get(self.list.at()?)
    }

    /// What stands below the clients, for arrows and Enter.
    fn extras(context: &Context) -> &'static [(char, &'static str)] {
        match context.may(Role::Installer) {
            true => &[('a', "(add a client)"), ('k', "(who knocks)")],
            false => &[('k', "(who knocks)")],
        }
    }

    /// The letter of what the marker is on, below the clients.
    fn extra(&self, context: &Context) -> Option<char> {
        let clients = self.clients.as_ref()?;
        let at = self.list.at()?.checked_sub(clients.len())?;
        Self::extras(context).get(at).map(|(letter, _)| *letter)
    }

    fn take(&mut self, clients: Vec<ClientInfo>, context: &Context) {
        let name = self.here().map(|client| client.name.clone());
        self.list.set_length(clients.len() + Self::extras(context).len());
        // The marker stays on the client, wherever its row is now.
        if let Some(at) = name.and_then(|name| clients.iter().position(|client| client.name == name)) {
            self.list.go(at);
        }
        self.clients = Some(clients);
    }
}

impl Screen for Clients {
    fn name(&self) -> &'static str {
        "clients"
    }

    fn title(&self) -> String {
        "Clients".to_owned()
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        self.asked.ask(Request::ClientList)
    }

    fn watches(&self) -> Topics {
        Topics {
            records: true,
            knocks: true,
            ..Topics::NONE
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if self.list.on(key, context.size.1.saturating_sub(3 + ABOVE)) {
            return Vec::new();
        }
        match key {
            Key::Esc => vec![Action::Close],
            Key::Enter => match (self.here(), self.extra(context)) {
                (Some(client), _) => vec![Action::Open(Box::new(Client::new(&client.name)))],
                (None, Some(letter)) => self.on(Key::Char(letter), context),
                (None, None) => Vec::new(),
            },
            Key::Char('a') if context.may(Role::Installer) => vec![Action::Open(Box::new(ClientForm::add("")))],
            Key::Char('k') => vec![Action::Open(Box::new(Knocks::new()))],
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        let mut actions = self.asked.landed();
        match answer {
            Ok(Answer::Clients(list)) => self.take(list.clients, context),
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = page.area();
        let Some(clients) = &self.clients else {
            return page.line(inset(area), 0, "Asking posternd ...", Look::Plain);
        };
        // What a wide screen has more goes to names and addresses.
        let more = area.width.saturating_sub(80) / 2;
        let (name, address) = (20u16.saturating_add(more), 18u16.saturating_add(more));
        let glyphs = page.caps().glyphs;
        let row = |cells: [&str; 5]| {
            let [a, b, c, d, e] = cells;
            columns(&[(a, name), (b, address), (c, 10), (d, 12), (e, 14)], glyphs)
        };
        let heads = row(["Name", "Address", "Mode", "Last packet", "How it does"]);
        let mut inner = inset(area);
        if clients.is_empty() {
            let words =
                "There is no client yet. A client is a VPN gateway, or anything else that asks this box by RADIUS.";
            let rows = page.wrapped(inner, words, Look::Plain);
            inner = below(inner, rows);
        } else {
            page.line(inner, 0, &heads, Look::Faint);
        }
        let list = Rect {
            x: area.x,
            width: area.width,
            ..below(inner, 1)
        };
        self.list.draw(page, list, |number| {
            let Some(client) = clients.get(number) else {
                let extra = number
                    .checked_sub(clients.len())
                    .and_then(|at| Self::extras(context).get(at));
                return (extra.map_or("", |(_, words)| words).to_owned(), Look::Plain);
            };
            let last = client.last_packet.map_or("-".to_owned(), |at| {
                times::shown_near(at, context.now.wall, &context.zone)
            });
            let text = row([
                &client.name,
                &net_text(&client.net),
                mode_word(client.mode),
                &last,
                advice::word(client),
            ]);
            let look = if advice::is_wrong(client) {
                Look::Warn
            } else {
                Look::Plain
            };
            (text, look)
        });
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        let mut hints = vec![("Enter", "open")];
        if context.may(Role::Installer) {
            hints.push(("a", "add"));
        }
        hints.extend([("k", "who knocks"), ("Esc", "back")]);
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Clients are the VPN gateways and programs that may ask this box by RADIUS. Each is known by its address and by a secret \
             that only it and this box know.",
            "The last column says how each one does since posternd started. fine: its packets are in order. wrong secret: the secret \
             there is another one. unprotected: it sends no Message-Authenticator and has to. sends CHAP: PAP has to be set there. \
             nothing yet: no packet came. Enter tells more and says what to do.",
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::guide::samples::{ago, client};
    use crate::console::testing::{Desk, snapshot};
    use crate::control::{ClientList, Mode};

    fn list() -> Vec<ClientInfo> {
        let mut second = client("gw-2", "192.0.2.11");
        second.mode = Mode::Challenge;
        second.seen.wrong_secret = 4;
        second.seen.wrong_secret_last = Some(ago(1));
        let mut lab = client("a-laboratory-with-a-long-name", "2001:db8:9:1::/64");
        lab.mode = Mode::CodeOnly;
        lab.last_packet = None;
        lab.seen = Default::default();
        let mut old = client("büro-köln", "198.51.100.0/24");
        old.seen.method = "MS-CHAP".to_owned();
        old.last_packet = Some(ago(3000));
        vec![lab, old, client("gw-1", "192.0.2.10"), second]
    }

    fn open(desk: &mut Desk, clients: Vec<ClientInfo>, role: Role) {
        desk.open(Box::new(Clients::new()), role);
        desk.answer(
            |request| *request == Request::ClientList,
            Ok(Answer::Clients(ClientList { clients })),
        );
    }

    #[test]
    fn the_screen_full_empty_and_without_rights() {
        snapshot("clients", |desk| {
            open(desk, list(), Role::Installer);
            desk.keys(&[Key::Down]);
        });
        snapshot("clients-none", |desk| open(desk, Vec::new(), Role::Installer));
        snapshot("clients-auditor", |desk| open(desk, list(), Role::Auditor));
    }

    #[test]
    fn the_marker_stays_on_its_client_when_one_comes_before_it() {
        let mut desk = Desk::on(Box::new(Clients::new()), Role::Auditor);
        let answer = |clients| Ok(Answer::Clients(ClientList { clients }));
        desk.answer(|_| true, answer(vec![client("gw-1", "192.0.2.10")]));
        desk.event(crate::console::event::Event::Moved(Default::default()));
        desk.event(crate::console::event::Event::Moved(crate::control::Moved {
            records: 1,
            ..Default::default()
        }));
        desk.answer(
            |_| true,
            answer(vec![client("a", "192.0.2.9"), client("gw-1", "192.0.2.10")]),
        );
        desk.keys(&[Key::Enter]);
        assert_eq!(desk.app.screen(), "client");
        assert!(desk.asked.iter().any(|(_, r)| *r
            == Request::ClientShow {
                name: "gw-1".to_owned()
            }));
    }

    #[test]
    fn a_full_list_is_small_enough_for_a_slow_line() {
        let mut desk = Desk::on(Box::new(Clients::new()), Role::Installer);
        let clients = (10..40)
            .map(|n| client(&format!("gateway-{n}"), &format!("192.0.2.{n}")))
            .collect();
        desk.answer(|_| true, Ok(Answer::Clients(ClientList { clients })));
        assert!(desk.text().contains("gateway-28"), "the screen is full");
        assert!(desk.painted() <= 1_500, "{}", desk.painted());
    }

    #[test]
    fn an_auditor_is_offered_no_change() {
        let mut desk = Desk::on(Box::new(Clients::new()), Role::Auditor);
        desk.answer(|_| true, Ok(Answer::Clients(ClientList { clients: Vec::new() })));
        desk.keys(&[Key::Char('a')]);
        assert_eq!(desk.app.screen(), "clients");
        assert!(!desk.text().contains("add"));
        desk.keys(&[Key::Enter]);
        assert_eq!(
            desk.app.screen(),
            "knocks",
            "arrows and Enter reach what the letters do"
        );
    }
}
