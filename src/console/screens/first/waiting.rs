//! Step 8: waiting for the first login. In: what arrives, as it arrives: packets that led to no login, and logins; out: what is wrong
//! with each in words, what to do about it with one key, and, at last, that somebody was let in.
//!
//! ```text
//! Postern box-1 | Step 8 of 9: the first login             anna installer  14:05
//!
//!   Now log in at the VPN through gw-1: the user name, and in the password
//!   field the password with the code right behind it.
//!
//! > 14:04  192.0.2.77  3 packets
//!   A request came from 192.0.2.77, which is no client of this box
//!   - If this is your gateway: a adds it as a client.
//!
//!   14:03  anna@contoso.example through gw-1: refused
//!   The code was wrong ...
//!
//!   Go on without waiting
//! ```

use ratatui::layout::Rect;

use super::{DONE, LEAVE, LOGIN, common, go, hints, title};
use crate::console::action::Action;
use crate::console::key::Key;
use crate::console::page::{Look, Page, Sign};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::screens::client::Client;
use crate::console::screens::client_form::ClientForm;
use crate::console::screens::client_secret::ClientSecret;
use crate::console::screens::knocks::{self, ROWS, UNKNOWN, draw_knock};
use crate::console::screens::why::Why;
use crate::console::widgets::asked::Asked;
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::list::List;
use crate::control::{
    Answer, ClientInfo, Explanation, Failure, Knock, LogAsk, LogEntry, LogFilter, LogKind, Mode, Request, Timestamp,
};
use crate::text::shown;
use crate::times::shown_near;

const KNOCKS: u32 = 0;
const LOG: u32 = 1;
const CLIENTS: u32 = 2;
const EXPLAIN: u32 = 3;
/// Records that are looked through for logins.
const RECORDS: u32 = 60;
/// Rows of what to do at the VPN, with the blank one behind.
const HEAD: u16 = 3;
/// Packets that led to no login: the knocks tell of them, so their records would say it twice.
const DROPPED: [&str; 5] = [
    UNKNOWN,
    "wrong-secret",
    "no-message-authenticator",
    "unprotected-proxy",
    "malformed",
];

/// Something that arrived.
#[derive(Debug)]
enum Item {
    Knock(Knock),
    Login(LogEntry),
}

impl Item {
    fn at(&self) -> Timestamp {
        match self {
            Self::Knock(knock) => knock.last,
            Self::Login(entry) => entry.at,
        }
    }

    /// What it is known by while the list moves.
    fn key(&self) -> String {
        match self {
            Self::Knock(knock) => format!("{} {} {}", knock.address, knock.client, knock.reason),
            Self::Login(entry) => entry.seq.to_string(),
        }
    }
}

/// Waits for the first login.
#[derive(Debug)]
pub struct Waiting {
    knocks: Vec<Knock>,
    logins: Vec<LogEntry>,
    clients: Vec<ClientInfo>,
    items: Vec<Item>,
    /// What is known of the newest login that was refused, with its number.
    explained: Option<(u64, Explanation)>,
    asks_for: Option<u64>,
    /// The first answer about the log is there.
    known: bool,
    list: List,
    /// Somebody has moved the marker: from then on it stays on what it is on.
    moved: bool,
    asked: [Asked; 3],
}

/// A client that asks by a method which cannot be checked.
const NOT_PAP: &str = "not-pap";

impl Waiting {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self {
            knocks: Vec::new(),
            logins: Vec::new(),
            clients: Vec::new(),
            items: Vec::new(),
            explained: None,
            asks_for: None,
            known: false,
            list: List::new(1),
            moved: false,
            asked: [KNOCKS, LOG, CLIENTS].map(Asked::new),
        }
    }

    /// The login that was let in.
    fn accepted(&self) -> Option<&LogEntry> {
        self.logins.iter().find(|entry| entry.outcome == "accept")
    }

    fn here(&self) -> Option<&Item> {
        self.items.get(self.list.at()?)
    }

    fn client(&self, name: &str) -> Option<&ClientInfo> {
        self.clients.iter().find(|client| client.name == name)
    }

    /// The items anew from what is known, the newest first; the marker stays where somebody put it.
    fn sort(&mut self) {
        let marked = self.here().filter(|_| self.moved).map(Item::key);
        let logins = self.logins.iter().cloned().map(Item::Login);
        let mut items: Vec<Item> = self.knocks.iter().cloned().map(Item::Knock).chain(logins).collect();
        items.sort_by_key(|item| std::cmp::Reverse(item.at()));
        self.items = items;
        // One row more: going on without waiting.
        self.list.set_length(self.items.len() + 1);
        match marked.and_then(|key| self.items.iter().position(|item| item.key() == key)) {
            Some(at) => self.list.go(at),
            None if !self.moved => self.list.go(0),
            None => {}
        }
    }

    fn take_log(&mut self, entries: Vec<LogEntry>) -> Vec<Action> {
        let is_login = |entry: &LogEntry| {
            entry.kind == LogKind::Login && !(entry.outcome == "silent" && DROPPED.contains(&entry.reason.as_str()))
        };
        self.logins = entries.into_iter().rev().filter(is_login).collect();
        self.known = true;
        self.sort();
        let refused = self
            .logins
            .first()
            .filter(|entry| entry.outcome == "reject" && !entry.user.is_empty());
        match refused {
            Some(entry) if self.asks_for != Some(entry.seq) => {
                self.asks_for = Some(entry.seq);
                let user = entry.user.clone();
                vec![Action::Ask(EXPLAIN, Request::Explain { user })]
            }
            _ => Vec::new(),
        }
    }

    /// What to do about a login, in words.
    fn todo(&self, entry: &LogEntry) -> String {
        if entry.reason == NOT_PAP {
            return "Set PAP at the gateway: Enter says where.".to_owned();
        }
        let explained = self.explained.as_ref().filter(|(seq, _)| *seq == entry.seq);
        let attempt = explained.and_then(|(_, explanation)| explanation.attempts.first());
        match attempt.map(|attempt| attempt.todo.as_str()) {
            Some(todo) if !todo.is_empty() => crate::console::screens::commands::near_user(todo),
            _ if entry.user.is_empty() => "Enter opens the client.".to_owned(),
            _ => "Enter says more about it.".to_owned(),
        }
    }

    fn open(&self) -> Vec<Action> {
        let open = |screen: Box<dyn Screen>| vec![Action::Open(screen)];
        match self.here() {
            None => go(DONE),
            Some(Item::Knock(knock)) if knock.reason == UNKNOWN => self.add(),
            Some(Item::Knock(knock)) if knock.reason == "wrong-secret" => self.renew(),
            Some(Item::Knock(knock)) if !knock.client.is_empty() => open(Box::new(Client::new(&knock.client))),
            Some(Item::Login(entry)) if entry.reason == NOT_PAP || entry.user.is_empty() => {
                match self.client(&entry.client) {
                    Some(client) => open(Box::new(Client::new(&client.name))),
                    None => Vec::new(),
                }
            }
            Some(Item::Login(entry)) => open(Box::new(Why::new(&entry.user))),
            Some(Item::Knock(_)) => Vec::new(),
        }
    }

    /// The unknown address that is marked, or else the newest, as a client.
    fn add(&self) -> Vec<Action> {
        let unknown = |item: &Item| match item {
            Item::Knock(knock) if knock.reason == UNKNOWN => Some(knock.address.clone()),
            _ => None,
        };
        let address = self
            .here()
            .and_then(unknown)
            .or_else(|| self.items.iter().find_map(unknown));
        match address {
            Some(address) => {
                let form = ClientForm::add(&knocks::range(&address));
                vec![Action::Open(Box::new(form))]
            }
            None => Vec::new(),
        }
    }

    /// A new secret for the client whose secret is wrong.
    fn renew(&self) -> Vec<Action> {
        let wrong = |item: &Item| match item {
            Item::Knock(knock) if knock.reason == "wrong-secret" => self.client(&knock.client),
            _ => None,
        };
        let client = self
            .here()
            .and_then(wrong)
            .or_else(|| self.items.iter().find_map(wrong));
        match client {
            Some(client) => vec![Action::Open(Box::new(ClientSecret::renew(&client.name, client.net)))],
            None => Vec::new(),
        }
    }

    /// What to do at the VPN, by the newest client's mode.
    fn head(&self) -> String {
        let Some(client) = self.clients.iter().max_by_key(|client| client.created) else {
            return "No gateway is a client of this box yet. Try to log in at the VPN: its address then shows here, and one key adds \
                    it."
                .to_owned();
        };
        let how = match client.mode {
            Mode::Append => "the user name, and in the password field the password with the code right behind it",
            Mode::Challenge => "the user name and the password, then the code when it is asked for",
            Mode::CodeOnly => "as the gateway asks; what reaches this box is the code",
        };
        format!(
            "Now log in at the VPN through {}: {how}. What arrives shows here.",
            client.name
        )
    }

    /// Items that fit on the body of the screen, with one row for going on.
    fn fit(rows: u16) -> u16 {
        (rows.saturating_sub(HEAD + 1) / ROWS).max(1)
    }

    fn draw_accepted(&self, page: &mut Page<'_>, entry: &LogEntry, context: &Context) {
        let area = below(inset(page.area()), 4);
        let area = Rect {
            x: area.x.saturating_add(4),
            width: area.width.saturating_sub(4),
            ..area
        };
        let at = shown_near(entry.at, context.now.wall, &context.zone);
        page.line(area, 0, "THE FIRST LOGIN WAS LET IN", Look::Good);
        let words = format!("{} through {}, at {at}.", shown(&entry.user), shown(&entry.client));
        page.line(area, 2, &words, Look::Plain);
        page.line(
            area,
            4,
            "Gateway, directory, code and clock work together. Enter goes on.",
            Look::Plain,
        );
    }

    fn draw_login(&self, page: &mut Page<'_>, area: Rect, entry: &LogEntry, marked: bool, context: &Context) {
        if marked {
            page.put(
                area.x.saturating_sub(2),
                area.y,
                1,
                page.sign(Sign::Marker),
                Look::Strong,
            );
        }
        let at = shown_near(entry.at, context.now.wall, &context.zone);
        let outcome = match entry.outcome.as_str() {
            "reject" => "refused",
            "challenge" => "asked for the code",
            "silent" => "not answered",
            other => other,
        };
        let user = match entry.user.as_str() {
            "" => "(no name)",
            user => user,
        };
        let head = format!("{at}  {user} through {}: {outcome}", entry.client);
        page.line(area, 0, &head, Look::Strong);
        page.line(area, 1, &entry.words, Look::Warn);
        if entry.outcome == "reject" {
            page.line(area, 2, &format!("- {}", self.todo(entry)), Look::Plain);
        }
    }
}

impl Screen for Waiting {
    fn name(&self) -> &'static str {
        match self.accepted() {
            Some(_) => "set-up-let-in",
            None => "set-up-login",
        }
    }

    fn title(&self) -> String {
        title(LOGIN)
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        let log = LogAsk {
            filter: LogFilter::default(),
            after: None,
            limit: RECORDS,
            wait_ms: 0,
        };
        let requests = [Request::Knocks, Request::Log(log), Request::ClientList];
        self.asked
            .iter_mut()
            .zip(requests)
            .flat_map(|(asked, request)| asked.ask(request))
            .collect()
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
        if let Some(actions) = common(LOGIN, key) {
            return actions;
        }
        if self.accepted().is_some() {
            return match key {
                Key::Enter => go(DONE),
                _ => Vec::new(),
            };
        }
        if self.list.on(key, Self::fit(context.size.1.saturating_sub(4))) {
            self.moved = true;
            return Vec::new();
        }
        match key {
            Key::Enter => self.open(),
            Key::Char('a') => self.add(),
            Key::Char('s') => self.renew(),
            Key::Char('n') => go(DONE),
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let at = usize::try_from(tag).unwrap_or(usize::MAX);
        let mut actions = self.asked.get_mut(at).map(Asked::landed).unwrap_or_default();
        match answer {
            Ok(Answer::Knocks(list)) => {
                self.knocks = list.knocks;
                self.sort();
            }
            Ok(Answer::Log(page)) => actions.extend(self.take_log(page.entries)),
            Ok(Answer::Clients(list)) => self.clients = list.clients,
            Ok(Answer::Explanation(explanation)) => {
                self.explained = self.asks_for.map(|seq| (seq, explanation));
            }
            Ok(_) => {}
            // The line in the list is enough where it cannot be explained.
            Err(_) if tag == EXPLAIN => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        if let Some(entry) = self.accepted() {
            return self.draw_accepted(page, entry, context);
        }
        let area = inset(page.area());
        page.wrapped(
            Rect {
                height: area.height.min(2),
                ..area
            },
            &self.head(),
            Look::Plain,
        );
        let body = below(area, HEAD);
        if self.items.is_empty() && self.known {
            let words = "Nothing has come yet. If you have tried already: the packets do not reach this box. Look at the address and \
                         the port at the gateway, and at any firewall between.";
            page.wrapped(body, words, Look::Plain);
        }
        let height = Self::fit(area.height);
        let on = self.list.at().unwrap_or(0);
        // Going on stands below every page; the page is that of the item nearest to it.
        let last = self.items.len().saturating_sub(1);
        let per = usize::from(height);
        let top = on.min(last) / per * per;
        for (place, (number, item)) in (0..height).zip(self.items.iter().enumerate().skip(top)) {
            let y = body.y.saturating_add(place.saturating_mul(ROWS));
            let row = Rect {
                y,
                height: ROWS,
                ..body
            };
            match item {
                Item::Knock(knock) => {
                    let todo = match knock.reason.as_str() {
                        "wrong-secret" => "Type the secret again at the gateway, or make a new one: s.".to_owned(),
                        _ => knocks::todo(knock, context),
                    };
                    draw_knock(page, row, knock, &todo, on == number, context);
                }
                Item::Login(entry) => self.draw_login(page, row, entry, on == number, context),
            }
        }
        let y = page.area().bottom().saturating_sub(1);
        if on == self.items.len() {
            page.put(area.x.saturating_sub(2), y, 1, page.sign(Sign::Marker), Look::Strong);
        }
        page.put(area.x, y, area.width, "Go on without waiting", Look::Plain);
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        if self.accepted().is_some() {
            return hints(LOGIN, vec![("Enter", "go on")]);
        }
        let own = match self.here() {
            Some(Item::Knock(knock)) if knock.reason == UNKNOWN => ("a", "add as client"),
            Some(Item::Knock(knock)) if knock.reason == "wrong-secret" => ("s", "new secret"),
            Some(_) => ("Enter", "more"),
            None => ("Enter", "go on"),
        };
        hints(LOGIN, vec![own, ("n", "go on")])
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "Try to log in at the VPN now. Every packet that reaches this box shows here within a second, with what is wrong and what \
             to do; a login that was let in ends the waiting.",
            "If nothing shows, nothing arrives: the gateway has another address or port for this box, or a firewall drops the \
             packets (UDP port 1812).",
            "a adds an unknown address as a client. s makes a new secret where the secret is wrong. Enter opens what is marked.",
            LEAVE,
        ]
    }
}
