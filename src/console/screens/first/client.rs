//! Step 6: the first RADIUS client. In: which clients there are; out: the short form, which leads to the secret and to the settings
//! of the product.
//!
//! ```text
//! Postern box-1 | Step 6 of 9: the first client            anna installer  14:05
//!
//!   Your VPN gateway asks this box by RADIUS: it is a client of the box ...
//!
//! > a Add the gateway
//!   k See who knocks: the gateway may have asked already
//!   s Skip for now
//! ```

use super::{CLIENT, Choices, LEAVE, common, go, hints, title};
use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::screens::client_form::ClientForm;
use crate::console::screens::client_guide::ClientGuide;
use crate::console::screens::client_secret::ClientSecret;
use crate::console::screens::knocks::Knocks;
use crate::console::widgets::asked::Asked;
use crate::console::widgets::inset::{below, inset};
use crate::control::check::net_text;
use crate::control::{Answer, ClientInfo, Failure, First, Request, TenantState};

const CLIENTS: u32 = 0;
const TENANTS: u32 = 1;

/// The first client.
#[derive(Debug)]
pub struct FirstClient {
    clients: Option<Vec<ClientInfo>>,
    /// Where passwords are checked: at Entra where a tenant is there, else in this box.
    first: First,
    asked: Asked,
    menu: Choices,
}

impl FirstClient {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self {
            clients: None,
            first: First::Local,
            asked: Asked::new(CLIENTS),
            menu: Choices::default(),
        }
    }

    /// The one that was made last.
    fn newest(&self) -> Option<&ClientInfo> {
        self.clients.as_ref()?.iter().max_by_key(|client| client.created)
    }

    fn take(&mut self, clients: Vec<ClientInfo>) {
        match clients.is_empty() {
            true => self.menu.set(&[
                ('a', "Add the gateway"),
                ('k', "See who knocks: it may have asked already"),
                ('s', "Skip for now"),
            ]),
            false => self.menu.set(&[
                ('n', "Go on"),
                ('g', "See again what to type at the gateway"),
                ('r', "Make a new secret, if the one shown is lost"),
                ('a', "Add another client"),
            ]),
        }
        self.clients = Some(clients);
    }

    fn chosen(&self, letter: char) -> Vec<Action> {
        let open = |screen: Box<dyn Screen>| vec![Action::Open(screen)];
        match (letter, self.newest()) {
            ('a', _) => open(Box::new(ClientForm::first(self.first, ""))),
            ('k', _) => open(Box::<Knocks>::default()),
            ('g', Some(client)) => open(Box::new(ClientGuide::new(client.net, None, None))),
            ('r', Some(client)) => open(Box::new(ClientSecret::renew(&client.name, client.net))),
            _ => go(CLIENT + 1),
        }
    }
}

impl Screen for FirstClient {
    fn name(&self) -> &'static str {
        "set-up-client"
    }

    fn title(&self) -> String {
        title(CLIENT)
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        let mut actions = self.asked.ask(Request::ClientList);
        actions.push(Action::Ask(TENANTS, Request::EntraShow { domain: None }));
        actions
    }

    fn watches(&self) -> Topics {
        Topics::RECORDS
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        if let Some(actions) = common(CLIENT, key) {
            return actions;
        }
        match self.menu.on(key) {
            Some(letter) => self.chosen(letter),
            None => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            CLIENTS => self.asked.landed(),
            _ => Vec::new(),
        };
        match answer {
            Ok(Answer::Clients(list)) => self.take(list.clients),
            Ok(Answer::Tenants(list)) => {
                let on = list.tenants.iter().any(|tenant| tenant.state != TenantState::Off);
                self.first = if on { First::Entra } else { First::Local };
            }
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = inset(page.area());
        let Some(clients) = &self.clients else {
            return page.line(area, 0, "Asking posternd ...", Look::Plain);
        };
        let rows = match self.newest() {
            None => page.wrapped(
                area,
                "Your VPN gateway asks this box by RADIUS: it is a client of the box. The box has to know its address, and both have to \
                 know one secret. The box makes the secret, shows it once, and says what to type at your product.",
                Look::Plain,
            ),
            Some(client) => {
                let more = match clients.len() {
                    1 => String::new(),
                    number => format!(" It is the newest of {number}."),
                };
                let words = format!("{} at {} may ask this box.{more}", client.name, net_text(&client.net));
                page.wrapped(area, &words, Look::Good)
            }
        };
        let under = below(area, rows.saturating_add(1));
        self.menu.draw(page, under);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        hints(CLIENT, vec![("Enter", "take"), ("Up/Down", "choose")])
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "A client is whatever asks this box by RADIUS: mostly a VPN gateway. It is known by the address that its packets come from \
             and by the shared secret.",
            "Without a directory that is on, the first client asks for passwords that are kept in this box; that can be changed at the \
             client later.",
            LEAVE,
        ]
    }
}
