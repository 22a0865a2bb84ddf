//! Who knocks: packets that led to no login, since nobody knows their sender or they could not be verified. In: posternd's list,
//! newest first; out: a new client for an unknown address, or the client that is set wrong.
//!
//! ```text
//! Postern box-1 | Who knocks                               anna installer  14:05
//!
//! > 14:04  192.0.2.77  3 packets
//!   A request came from 192.0.2.77, which is no client of this box
//!   - a adds it as a client
//!
//!   14:01  192.0.2.11, client gw-2  12 packets
//!   The shared secret of gw-2 is not the one of this box
//!   - Enter opens the client: type the secret again there, or make a new one
//! ```

use ratatui::layout::Rect;

use super::client::Client;
use super::client_form::ClientForm;
use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page, Sign};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::inset::inset;
use crate::console::widgets::list::List;
use crate::control::{Answer, Failure, Knock, Request, Role};
use crate::times::shown_near;

/// The reason of a packet from an address that belongs to no client.
pub const UNKNOWN: &str = "unknown-client";
/// Rows of one knock, with the blank one behind it.
pub const ROWS: u16 = 4;

/// The knocks.
#[derive(Debug)]
pub struct Knocks {
    knocks: Option<Vec<Knock>>,
    list: List,
    asked: Asked,
}

impl Default for Knocks {
    fn default() -> Self {
        Self::new()
    }
}

/// The same knock as before, if posternd counts on.
fn same(a: &Knock, b: &Knock) -> bool {
    a.address == b.address && a.client == b.client && a.reason == b.reason
}

/// What to do about a knock here at the console.
pub fn todo(knock: &Knock, context: &Context) -> String {
    let installer = context.may(Role::Installer);
    match knock.reason.as_str() {
        UNKNOWN if installer => "If this is your gateway: a adds it as a client.".to_owned(),
        UNKNOWN => "If this is your gateway, an installer has to add it as a client.".to_owned(),
        "wrong-secret" if installer => {
            "Type the secret again at the gateway; or make a new one: Enter, then s.".to_owned()
        }
        _ if !knock.client.is_empty() => "Enter opens the client, which says more.".to_owned(),
        _ => knock.todo.clone(),
    }
}

/// A range for the form: posternd names the /64 of an IPv6 address without its length.
pub fn range(address: &str) -> String {
    match address.parse() {
        Ok(std::net::IpAddr::V6(_)) => format!("{address}/64"),
        _ => address.to_owned(),
    }
}

impl Knocks {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self {
            knocks: None,
            list: List::default(),
            asked: Asked::new(0),
        }
    }

    fn here(&self) -> Option<&Knock> {
        self.knocks.as_ref()?.get(self.list.at()?)
    }

    fn take(&mut self, knocks: Vec<Knock>) {
        let marked = self.here().cloned();
        self.list.set_length(knocks.len());
        if let Some(at) = marked.and_then(|marked| knocks.iter().position(|knock| same(knock, &marked))) {
            self.list.go(at);
        }
        self.knocks = Some(knocks);
    }

    fn page_of(rows: u16) -> u16 {
        (rows / ROWS).max(1)
    }
}

impl Screen for Knocks {
    fn name(&self) -> &'static str {
        "knocks"
    }

    fn title(&self) -> String {
        "Who knocks".to_owned()
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        self.asked.ask(Request::Knocks)
    }

    fn watches(&self) -> Topics {
        Topics {
            records: true,
            knocks: true,
            ..Topics::NONE
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if self.list.on(key, Self::page_of(context.size.1.saturating_sub(4))) {
            return Vec::new();
        }
        let installer = context.may(Role::Installer);
        match (key, self.here()) {
            (Key::Esc, _) => vec![Action::Close],
            (Key::Char('a') | Key::Enter, Some(knock)) if knock.reason == UNKNOWN && installer => {
                vec![Action::Open(Box::new(ClientForm::add(&range(&knock.address))))]
            }
            (Key::Enter, Some(knock)) if !knock.client.is_empty() => {
                vec![Action::Open(Box::new(Client::new(&knock.client)))]
            }
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let mut actions = self.asked.landed();
        match answer {
            Ok(Answer::Knocks(list)) => self.take(list.knocks),
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = inset(page.area());
        let Some(knocks) = &self.knocks else {
            return page.line(area, 0, "Asking posternd ...", Look::Plain);
        };
        if knocks.is_empty() {
            let words = "Nobody. Every packet since posternd started came from a known client and was in order. If a gateway was set \
                         up and does not show here, its packets do not reach this box: check the address and the port there, and \
                         any firewall between.";
            page.wrapped(area, words, Look::Plain);
            return;
        }
        let height = Self::page_of(area.height);
        let top = self.list.top(height);
        for (place, (number, knock)) in (0..height).zip(knocks.iter().enumerate().skip(top)) {
            let y = area.y.saturating_add(place.saturating_mul(ROWS));
            let marked = self.list.at() == Some(number);
            let rows = Rect {
                y,
                height: ROWS,
                ..area
            };
            draw_knock(page, rows, knock, &todo(knock, context), marked, context);
        }
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        let mut hints = Vec::new();
        match self.here() {
            Some(knock) if knock.reason == UNKNOWN && context.may(Role::Installer) => {
                hints.push(("a", "add as client"))
            }
            Some(knock) if !knock.client.is_empty() => hints.push(("Enter", "open the client")),
            _ => {}
        }
        hints.extend([("Up/Down", "choose"), ("Esc", "back")]);
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Packets that reached this box and led to no login: from an address that is no client, with a wrong shared secret, or \
             without Message-Authenticator. The newest stand first, and the list moves while packets come.",
            "The box keeps the last 256 of them; IPv6 addresses are counted by their network of 64 bits.",
        ]
    }
}

/// A knock on three rows, with the marker before it.
pub fn draw_knock(page: &mut Page<'_>, area: Rect, knock: &Knock, todo: &str, marked: bool, context: &Context) {
    if marked {
        page.put(
            area.x.saturating_sub(2),
            area.y,
            1,
            page.sign(Sign::Marker),
            Look::Strong,
        );
    }
    let at = shown_near(knock.last, context.now.wall, &context.zone);
    let client = match knock.client.as_str() {
        "" => String::new(),
        client => format!(", client {client}"),
    };
    let packets = match knock.count {
        1 => "1 packet".to_owned(),
        count => format!("{count} packets"),
    };
    page.line(
        area,
        0,
        &format!("{at}  {}{client}  {packets}", knock.address),
        Look::Strong,
    );
    page.line(area, 1, &knock.what, Look::Warn);
    page.line(area, 2, &format!("- {todo}"), Look::Plain);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::guide::samples::knock;
    use crate::console::testing::{Desk, snapshot};
    use crate::control::{KnockList, Moved};

    fn knocks() -> Vec<Knock> {
        vec![
            knock("192.0.2.77", "", UNKNOWN, 1),
            knock("2001:db8:0:1::", "", UNKNOWN, 2),
            knock("192.0.2.11", "gw-2", "wrong-secret", 4),
            knock("192.0.2.12", "gw-3", "no-message-authenticator", 3000),
        ]
    }

    fn open(desk: &mut Desk, knocks: Vec<Knock>, role: Role) {
        desk.open(Box::new(Knocks::new()), role);
        desk.answer(|r| *r == Request::Knocks, Ok(Answer::Knocks(KnockList { knocks })));
    }

    #[test]
    fn the_screen_full_empty_and_without_rights() {
        snapshot("knocks", |desk| open(desk, knocks(), Role::Installer));
        snapshot("knocks-none", |desk| open(desk, Vec::new(), Role::Installer));
        snapshot("knocks-helpdesk", |desk| open(desk, knocks(), Role::Helpdesk));
    }

    #[test]
    fn one_key_opens_the_form_with_the_address() {
        let mut desk = Desk::on(Box::new(Knocks::new()), Role::Installer);
        desk.answer(|_| true, Ok(Answer::Knocks(KnockList { knocks: knocks() })));
        desk.keys(&[Key::Char('a')]);
        assert_eq!(desk.app.screen(), "client-form");
        assert!(desk.text().contains("[192.0.2.77 "));
        desk.keys(&[Key::Esc, Key::Down, Key::Char('a')]);
        assert!(desk.text().contains("[2001:db8:0:1::/64 "));
    }

    #[test]
    fn a_known_address_opens_its_client_and_adds_none() {
        let mut desk = Desk::on(Box::new(Knocks::new()), Role::Installer);
        desk.answer(|_| true, Ok(Answer::Knocks(KnockList { knocks: knocks() })));
        desk.keys(&[Key::Down, Key::Down, Key::Char('a')]);
        assert_eq!(desk.app.screen(), "knocks");
        desk.keys(&[Key::Enter]);
        assert_eq!(desk.app.screen(), "client");
    }

    #[test]
    fn it_is_live_and_the_marker_stays_on_its_knock() {
        let mut desk = Desk::on(Box::new(Knocks::new()), Role::Installer);
        desk.answer(|_| true, Ok(Answer::Knocks(KnockList { knocks: knocks() })));
        desk.event(crate::console::event::Event::Moved(Moved::default()));
        desk.event(crate::console::event::Event::Moved(Moved {
            knocks: 1,
            ..Moved::default()
        }));
        let mut newer = vec![knock("198.51.100.9", "", UNKNOWN, 0)];
        newer.extend(knocks());
        desk.answer(
            |r| *r == Request::Knocks,
            Ok(Answer::Knocks(KnockList { knocks: newer })),
        );
        let text = desk.text();
        assert!(text.contains("198.51.100.9"));
        let marked = text.lines().find(|line| line.starts_with('>')).unwrap();
        assert!(marked.contains("192.0.2.77"), "{marked}");
    }
}
