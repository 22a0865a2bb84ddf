//! What to type at the gateway. In: the client's address, the product, the secret if it was just made; out: the product's own menus
//! and commands with the box's address and port filled in.
//!
//! ```text
//! Postern box-1 | What to type at the gateway              anna installer  14:05
//!
//! > FortiGate
//!   Cisco ASA
//!   ...
//! ```

use std::net::IpAddr;

use ratatui::layout::Rect;

use crate::console::action::Action;
use crate::console::guide::address;
use crate::console::guide::gateways::{Gateway, Place, settings};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::list::List;
use crate::control::{Answer, Failure, Net, NetworkReport, Request};
use crate::secret::Secret;

/// What stands for the box's address before posternd has said it, or where it has none.
const UNKNOWN: &str = "ADDRESS-OF-THIS-BOX";

const NETWORK: u32 = 0;
const STATUS: u32 = 1;

/// The settings of a gateway.
#[derive(Debug)]
pub struct ClientGuide {
    net: Net,
    /// The product, if it was chosen.
    gateway: Option<Gateway>,
    /// It was chosen here, so that Esc goes back to the choice.
    chose: bool,
    list: List,
    secret: Option<Secret>,
    network: Option<NetworkReport>,
    /// Which of the box's addresses: the one that fits best, or one that the operator went on to.
    other: usize,
    port: u16,
}

impl ClientGuide {
    /// For a gateway at `net`; without a product it is chosen first.
    pub fn new(net: Net, gateway: Option<Gateway>, secret: Option<Secret>) -> Self {
        Self {
            net,
            gateway,
            chose: false,
            list: List::new(Gateway::ALL.len()),
            secret,
            network: None,
            other: 0,
            port: address::PORT,
        }
    }

    /// The box's addresses, the best one first.
    fn addresses(&self) -> Vec<IpAddr> {
        let Some(network) = &self.network else {
            return Vec::new();
        };
        let best = address::asked_at(network, Some(&self.net));
        let mut all = address::addresses(network);
        all.retain(|one| Some(*one) != best);
        best.into_iter().chain(all).collect()
    }

    fn address(&self) -> String {
        let all = self.addresses();
        let at = self.other % all.len().max(1);
        all.get(at).map_or(UNKNOWN.to_owned(), IpAddr::to_string)
    }

    fn draw_settings(&self, page: &mut Page<'_>, gateway: Gateway) {
        let area = page.area();
        let address = self.address();
        let secret = self.secret.as_ref().and_then(Secret::expose_str);
        let place = Place {
            address: &address,
            port: self.port,
            secret,
        };
        let text = settings(gateway, &place);
        // The longest guide needs nearly every row; the blank one above gives way first.
        let room = Rect {
            x: area.x.saturating_add(2),
            width: area.width.saturating_sub(2),
            ..area
        };
        let fits = text.lines().count() < usize::from(room.height);
        let room = if fits { below(room, 1) } else { room };
        for (row, line) in (0..room.height).zip(text.lines()) {
            let look = if row == 0 { Look::Strong } else { Look::Plain };
            page.line(room, row, line, look);
        }
    }
}

impl Screen for ClientGuide {
    fn name(&self) -> &'static str {
        match self.gateway {
            Some(_) => "client-guide",
            None => "client-guide-choice",
        }
    }

    fn title(&self) -> String {
        match self.gateway {
            Some(gateway) => format!("What to type at {}", gateway.name()),
            None => "What to type at the gateway".to_owned(),
        }
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        vec![
            Action::Ask(NETWORK, Request::Network),
            Action::Ask(STATUS, Request::Status),
        ]
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        match (self.gateway, key) {
            (Some(_), Key::Esc | Key::Enter) if self.chose => {
                self.gateway = None;
                self.chose = false;
            }
            (_, Key::Esc) | (Some(_), Key::Enter) => return vec![Action::Close],
            (Some(_), Key::Char('a') | Key::Right) => self.other = self.other.saturating_add(1),
            (Some(_), _) => {}
            (None, Key::Enter) => {
                self.gateway = self.list.at().and_then(|at| Gateway::ALL.get(at).copied());
                self.chose = true;
            }
            (None, key) => {
                self.list.on(key, 20);
            }
        }
        Vec::new()
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        match answer {
            Ok(Answer::Network(network)) => self.network = Some(network),
            Ok(Answer::Status(status)) => self.port = address::port(&status.auth),
            Ok(_) => {}
            Err(failure) => return vec![Action::Fail(failure)],
        }
        Vec::new()
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        if let Some(gateway) = self.gateway {
            return self.draw_settings(page, gateway);
        }
        let area = page.area();
        let inner = inset(area);
        page.line(inner, 0, "Which gateway is it?", Look::Plain);
        let list = Rect {
            x: area.x,
            width: area.width,
            ..below(inner, 2)
        };
        self.list.draw(page, list, |at| {
            (
                Gateway::ALL.get(at).map_or("", |gateway| gateway.name()).to_owned(),
                Look::Plain,
            )
        });
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        match self.gateway {
            Some(_) => {
                let mut hints = vec![("Enter", "done")];
                if self.addresses().len() > 1 {
                    hints.push(("Right", "another address of this box"));
                }
                hints.push(("Esc", "back"));
                hints
            }
            None => vec![("Enter", "show"), ("Up/Down", "choose"), ("Esc", "back")],
        }
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "These are the product's own menus and commands, with this box's address and port filled in. The shared secret is filled \
             in only where it was just made; otherwise SECRET stands for it.",
            "If the box has several addresses, the one in the gateway's own network is taken; Right (or a) goes on to the next.",
            "Any other product: give it this box's address, UDP port 1812, the shared secret, PAP, 5 s for a try and 2 or 3 tries, and \
             Message-Authenticator.",
        ]
    }

    fn shows_secret(&self) -> bool {
        self.secret.is_some()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::guide::samples::{SECRET, client, network, status};
    use crate::console::testing::{Desk, snapshot};
    use crate::control::Role;

    fn open(desk: &mut Desk, gateway: Option<Gateway>, secret: Option<&str>) {
        let net = client("gw-1", "192.0.2.10").net;
        desk.open(
            Box::new(ClientGuide::new(net, gateway, secret.map(Secret::from))),
            Role::Installer,
        );
        desk.answer(|r| *r == Request::Network, Ok(Answer::Network(network())));
        desk.answer(|r| *r == Request::Status, Ok(Answer::Status(Box::new(status()))));
    }

    #[test]
    fn the_choice_and_every_product() {
        snapshot("client-guide-choice", |desk| open(desk, None, None));
        for gateway in Gateway::ALL {
            let name = gateway.name().to_lowercase().replace([' ', '/'], "-");
            snapshot(&format!("client-guide-{name}"), |desk| {
                open(desk, Some(gateway), Some(SECRET))
            });
        }
    }

    #[test]
    fn every_line_of_every_guide_is_on_the_smallest_screen() {
        for gateway in Gateway::ALL {
            let mut desk = Desk::on(
                Box::new(crate::console::screens::waiting::Waiting::new("")),
                Role::Installer,
            );
            open(&mut desk, Some(gateway), Some(SECRET));
            let place = Place {
                address: "192.0.2.7",
                port: 1812,
                secret: Some(SECRET),
            };
            for line in settings(gateway, &place).lines() {
                assert!(desk.text().contains(line.trim_end()), "{gateway:?} lost {line}");
            }
            assert!(desk.painted() <= 1_500, "{gateway:?} takes {} bytes", desk.painted());
        }
    }

    #[test]
    fn esc_goes_back_to_the_choice_and_then_away() {
        let mut desk = Desk::on(
            Box::new(crate::console::screens::waiting::Waiting::new("")),
            Role::Installer,
        );
        open(&mut desk, None, None);
        desk.keys(&[Key::Down, Key::Enter]);
        assert!(desk.text().contains("aaa-server POSTERN (inside) host 192.0.2.7"));
        assert!(desk.text().contains("key SECRET"));
        desk.keys(&[Key::Esc]);
        assert_eq!(desk.app.screen(), "client-guide-choice");
        desk.keys(&[Key::Esc]);
        assert_eq!(desk.app.screen(), "home");
    }
}
