//! A posternd for the tests of the set-up: it remembers what it is told, and answers by that.

use crate::console::event::Event;
use crate::console::guide::samples;
use crate::console::testing::{Desk, NOON};
use crate::control::{
    Algorithm, Answer, ClientInfo, ClientList, ClientMade, ExplainedAttempt, Explanation, Failure, First, Knock,
    KnockList, LogEntry, LogPage, Moved, Request, Session, TenantInfo, TenantList, TenantState, Timestamp, TokenId,
    TokenInfo, TokenMade, TokenStatus, UserInfo, UserList, UserRow,
};
use crate::secret::Secret;

/// The box.
pub struct Fake {
    pub operators: bool,
    pub clock: bool,
    pub tenants: Vec<TenantInfo>,
    pub clients: Vec<ClientInfo>,
    pub users: Vec<UserRow>,
    pub knocks: Vec<Knock>,
    pub log: Vec<LogEntry>,
    /// A local password that a user was made with.
    pub password: Option<String>,
    pub moves: u64,
    seq: u64,
}

fn token(user: &str, status: TokenStatus) -> TokenInfo {
    TokenInfo {
        id: TokenId(7),
        user: user.to_owned(),
        status,
        algorithm: Algorithm::Sha1,
        digits: 6,
        period: Some(30),
        counter: None,
        serial: String::new(),
        model: String::new(),
        source: crate::control::TokenSource::App,
        created: NOON,
        drift_seconds: 0,
        last_code: None,
    }
}

impl Fake {
    /// A box as it comes.
    pub fn new() -> Self {
        Self {
            operators: false,
            clock: false,
            tenants: Vec::new(),
            clients: Vec::new(),
            users: Vec::new(),
            knocks: Vec::new(),
            log: Vec::new(),
            password: None,
            moves: 0,
            seq: 0,
        }
    }

    /// Set up, but for the first login.
    pub fn ready(&mut self) {
        self.clock = true;
        self.add_tenant(true);
        self.add_client("gw-1", "192.0.2.10");
        self.add_user("anna@contoso.example", true);
    }

    pub fn add_tenant(&mut self, proven: bool) {
        let state = if proven { TenantState::Proven } else { TenantState::Off };
        self.tenants = vec![samples::tenant("contoso.example", state)];
    }

    pub fn add_client(&mut self, name: &str, net: &str) {
        let mut client = samples::client(name, net);
        client.last_packet = None;
        client.seen = Default::default();
        self.clients.push(client);
    }

    pub fn add_user(&mut self, name: &str, active: bool) {
        self.users.push(UserRow {
            name: name.to_owned(),
            enabled: true,
            exempt: false,
            local_password: false,
            active_tokens: u32::from(active),
            pending_tokens: u32::from(!active),
            resync_tokens: 0,
            locked: false,
        });
    }

    fn later(&mut self) -> Timestamp {
        self.seq += 1;
        NOON.plus(std::time::Duration::from_secs(self.seq))
    }

    pub fn knock(&mut self, address: &str, client: &str, reason: &str) {
        let mut knock = samples::knock(address, client, reason, 0);
        knock.last = self.later();
        self.knocks.insert(0, knock);
    }

    fn login(&mut self, outcome: &str, reason: &str, words: &str) {
        let at = self.later();
        let mut entry = samples::login(self.seq, "anna@contoso.example", outcome, reason, words, 0);
        entry.at = at;
        self.log.push(entry);
    }

    pub fn refuse(&mut self, reason: &str, words: &str) {
        self.login("reject", reason, words);
    }

    pub fn let_in(&mut self) {
        self.login("accept", "accepted", "Password and code were right");
    }

    /// Answers everything that was asked, and what is asked thereupon.
    pub fn answer(&mut self, desk: &mut Desk) {
        for _ in 0..100 {
            if desk.asked.is_empty() {
                return;
            }
            let (number, request) = desk.asked.remove(0);
            let answer = self.one(&request);
            desk.event(Event::Answer(number, Box::new(answer)));
        }
        panic!("the screens ask for ever");
    }

    fn user(&self, name: &str) -> Result<Answer, Failure> {
        let found = self.users.iter().find(|user| user.name == name);
        let row = found.ok_or_else(|| Failure::not_found("there is no such user"))?;
        Ok(Answer::User(Box::new(UserInfo {
            row: row.clone(),
            created: NOON,
            tokens: Vec::new(),
            locks: Vec::new(),
            budget: None,
            bypass_until: None,
        })))
    }

    fn made(&self, name: &str) -> Answer {
        let client = self.clients.iter().find(|client| client.name == name).unwrap().clone();
        Answer::ClientMade(Box::new(ClientMade {
            client,
            secret: Some(Secret::from(samples::SECRET)),
        }))
    }

    fn one(&mut self, request: &Request) -> Result<Answer, Failure> {
        Ok(match request {
            Request::OperatorAdd(add) => {
                assert!(!add.password.is_empty() && add.line == "ttyS0");
                self.operators = true;
                Answer::Session(Session {
                    operator: add.name.clone(),
                    ..crate::console::testing::session(add.role)
                })
            }
            Request::Watch => Answer::Moved(Moved::default()),
            Request::Status => Answer::Status(Box::new(samples::status())),
            Request::Network => Answer::Network(samples::network()),
            Request::TimeShow => Answer::Clock(samples::clock(self.clock)),
            Request::TimeConfirm => {
                self.clock = true;
                Answer::Clock(samples::clock(true))
            }
            Request::EntraShow { .. } => Answer::Tenants(TenantList {
                tenants: self.tenants.clone(),
            }),
            Request::EntraSet(set) => {
                assert_eq!(set.domain, "contoso.example");
                self.add_tenant(false);
                Answer::Tenant(Box::new(self.tenants[0].clone()))
            }
            Request::EntraProve(login) => {
                assert_eq!(login.user, "anna@contoso.example");
                self.add_tenant(true);
                Answer::Prove(Box::new(samples::proof(true)))
            }
            Request::ClientList => Answer::Clients(ClientList {
                clients: self.clients.clone(),
            }),
            Request::ClientShow { name } => {
                let found = self.clients.iter().find(|client| client.name == *name);
                Answer::Client(Box::new(found.unwrap().clone()))
            }
            Request::ClientAdd(add) => {
                self.add_client(&add.name, &crate::control::check::net_text(&add.net));
                self.clients[0].first = add.fields.first.unwrap_or(First::Entra);
                self.clients[0].mode = add.fields.mode.unwrap_or_default();
                self.made(&add.name)
            }
            Request::ClientSet(set) if set.make_secret => self.made(&set.name),
            Request::UserList(_) => Answer::Users(UserList {
                users: self.users.clone(),
                total: self.users.len() as u64,
            }),
            Request::UserShow { name } => return self.user(name),
            Request::UserAdd(add) => {
                let password = add.password.as_ref().and_then(Secret::expose_str);
                self.password = password.map(str::to_owned);
                self.add_user(&add.name, false);
                return self.user(&add.name);
            }
            Request::TokenAdd(add) => Answer::TokenMade(Box::new(TokenMade {
                token: token(&add.user, TokenStatus::Pending),
                seed: Secret::from("12345678901234567890"),
                issuer: "Postern".to_owned(),
                warnings: Vec::new(),
            })),
            Request::TokenConfirm { user, .. } => {
                for row in &mut self.users {
                    row.active_tokens = 1;
                }
                Answer::Token(Box::new(token(user, TokenStatus::Active)))
            }
            Request::Knocks => Answer::Knocks(KnockList {
                knocks: self.knocks.clone(),
            }),
            Request::Log(_) => Answer::Log(LogPage {
                entries: self.log.clone(),
                next: self.seq,
                more: false,
            }),
            Request::Explain { user } => Answer::Explanation(Explanation {
                user: user.clone(),
                summary: format!("{user} may log in"),
                attempts: vec![ExplainedAttempt {
                    at: NOON,
                    outcome: "reject".to_owned(),
                    reason: "wrong-code".to_owned(),
                    what: "The code was wrong".to_owned(),
                    todo: "type the code that the app shows now".to_owned(),
                    count: 1,
                }],
            }),
            Request::Hello => Answer::Hello(crate::console::testing::hello()),
            Request::Stay => Answer::Done { done: String::new() },
            Request::Host(_) => return Err(Failure::failed("this box is no appliance")),
            other => panic!("nobody expected {other:?}"),
        })
    }
}
