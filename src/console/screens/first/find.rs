//! How far the box is. In: what posternd knows of it; out: the first step that is not done, in the place of this screen.
//!
//! ```text
//! Postern box-1 | Set-up                                   anna installer  14:05
//!
//!   Looking how far this box is ...
//! ```

use super::{CLIENT, CLOCK, DONE, ENTRA, LEAVE, LINE, LOGIN, NETWORK, USER, go, leave};
use crate::console::action::Action;
use crate::console::guide::address;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::inset::inset;
use crate::control::{Answer, Failure, First, LogAsk, LogFilter, Request, TenantState, UserSearch};

/// What is looked at, as the tags of the questions.
const CLOCK_TAG: u32 = 0;
const NETWORK_TAG: u32 = 1;
const TENANTS_TAG: u32 = 2;
const CLIENTS_TAG: u32 = 3;
const USERS_TAG: u32 = 4;
const LOG_TAG: u32 = 5;
const TAGS: usize = 6;

/// Users among whom somebody with a token is looked for.
const USERS: u32 = 200;
/// Records among which a login that was let in is looked for.
const RECORDS: u32 = 200;

/// How far a box is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Far {
    clock: bool,
    network: bool,
    /// A tenant is there, and one is on.
    tenant: bool,
    directory: bool,
    clients: bool,
    /// A client has its passwords checked at Entra.
    wants_directory: bool,
    users: bool,
    token: bool,
    login: bool,
}

impl Far {
    /// The first step that is not done.
    fn step(self) -> usize {
        // Nobody remembers what a line shows well; where somebody has worked already, it was looked at.
        let touched = self.tenant || self.clients || self.users;
        let steps = [
            (LINE, touched),
            (CLOCK, self.clock),
            (NETWORK, self.network),
            (ENTRA, self.directory || (self.clients && !self.wants_directory)),
            (CLIENT, self.clients),
            (USER, self.token),
            (LOGIN, self.login),
        ];
        let open = steps.into_iter().find(|(_, done)| !done);
        open.map_or(DONE, |(step, _)| step)
    }
}

/// Looks how far the box is.
#[derive(Debug, Default)]
pub struct Find {
    far: Far,
    answers: usize,
}

impl Find {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn take(&mut self, answer: Answer) {
        let far = &mut self.far;
        match answer {
            Answer::Clock(report) => far.clock = report.trusted,
            Answer::Network(network) => far.network = !address::addresses(&network).is_empty(),
            Answer::Tenants(list) => {
                far.tenant = !list.tenants.is_empty();
                far.directory = list.tenants.iter().any(|tenant| tenant.state != TenantState::Off);
            }
            Answer::Clients(list) => {
                far.clients = !list.clients.is_empty();
                far.wants_directory = list.clients.iter().any(|client| client.first == First::Entra);
            }
            Answer::Users(list) => {
                far.users = list.total > 0;
                far.token = list.users.iter().any(|user| user.active_tokens > 0);
            }
            Answer::Log(page) => far.login = page.entries.iter().any(|entry| entry.outcome == "accept"),
            _ => {}
        }
    }
}

impl Screen for Find {
    fn name(&self) -> &'static str {
        "set-up"
    }

    fn title(&self) -> String {
        "Set-up".to_owned()
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        let users = UserSearch {
            search: String::new(),
            offset: 0,
            limit: USERS,
            without_token: false,
        };
        let log = LogAsk {
            filter: LogFilter::default(),
            after: None,
            limit: RECORDS,
            wait_ms: 0,
        };
        self.answers = 0;
        vec![
            Action::Ask(CLOCK_TAG, Request::TimeShow),
            Action::Ask(NETWORK_TAG, Request::Network),
            Action::Ask(TENANTS_TAG, Request::EntraShow { domain: None }),
            Action::Ask(CLIENTS_TAG, Request::ClientList),
            Action::Ask(USERS_TAG, Request::UserList(users)),
            Action::Ask(LOG_TAG, Request::Log(log)),
        ]
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        match key {
            Key::Esc | Key::Ctrl('x') => leave(),
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        self.answers += 1;
        // What cannot be known counts as not done: its step says why.
        if let Ok(answer) = answer {
            self.take(answer);
        }
        match self.answers {
            TAGS => go(self.far.step()),
            _ => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        page.line(inset(page.area()), 0, "Looking how far this box is ...", Look::Plain);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![("Esc", "leave")]
    }

    fn help(&self) -> &'static [&'static str] {
        &[LEAVE]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn the_set_up_begins_at_the_first_step_that_is_not_done() {
        let fresh = Far {
            clock: true,
            network: true,
            ..Far::default()
        };
        assert_eq!(fresh.step(), LINE, "nobody has worked here yet");
        let tenant = Far { tenant: true, ..fresh };
        assert_eq!(tenant.step(), ENTRA, "typed in and not proven");
        assert_eq!(Far { clock: false, ..tenant }.step(), CLOCK);
        assert_eq!(
            Far {
                network: false,
                ..tenant
            }
            .step(),
            NETWORK
        );
        let proven = Far {
            directory: true,
            ..tenant
        };
        assert_eq!(proven.step(), CLIENT);
        let local = Far { clients: true, ..fresh };
        assert_eq!(local.step(), USER, "a box whose clients ask no directory needs none");
        let wants = Far {
            wants_directory: true,
            ..local
        };
        assert_eq!(wants.step(), ENTRA);
        let token = Far {
            clients: true,
            users: true,
            token: true,
            ..proven
        };
        assert_eq!(token.step(), LOGIN);
        assert_eq!(Far { login: true, ..token }.step(), DONE);
    }
}
