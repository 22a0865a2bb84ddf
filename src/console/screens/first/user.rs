//! Step 7: the first user, with a token in an app. In: a name, and a password where no directory checks one; out: the screen with the
//! QR code.
//!
//! ```text
//! Postern box-1 | Step 7 of 9: the first user              anna installer  14:05
//!
//!   Take yourself, with your phone at hand ...
//!
//! > Name               [anna@contoso.example                          ]
//!
//!   As it is typed at the VPN. Empty: skip for now.
//! ```

use super::{Choices, LEAVE, USER, common, go, hints, title};
use crate::console::action::{Action, Told};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::screens::enrol::Enrol;
use crate::console::widgets::field::{Field, any};
use crate::console::widgets::form::{Form, Typed};
use crate::console::widgets::inset::{below, inset};
use crate::control::check::{USER_NAME_MAX, user_name};
use crate::control::{
    Answer, Failure, FailureKind, Request, TenantInfo, TenantState, UserAdd, UserInfo, UserRow, UserSearch,
};

const USERS: u32 = 0;
const TENANTS: u32 = 1;
const ADD: u32 = 2;
const SHOW: u32 = 3;
/// Users among whom somebody with a token is looked for.
const LIMIT: u32 = 200;

/// The first user.
#[derive(Debug)]
pub struct FirstUser {
    /// Somebody who has a token that counts.
    ready: Option<UserRow>,
    known: bool,
    /// The directory that is on, if one is.
    tenant: Option<TenantInfo>,
    form: Form,
    /// Somebody is there already, and another one is to be enrolled.
    another: bool,
    menu: Choices,
    waiting: bool,
}

fn form(local: bool) -> Form {
    let form = Form::new().field(
        "name",
        "Name",
        Field::new(USER_NAME_MAX, any),
        "As it is typed at the VPN. Empty and Enter: skip for now.",
    );
    match local {
        false => form,
        true => form.field(
            "password",
            "Password",
            Field::secret(128, any),
            "No directory is on, so the password is kept in this box: 12 characters or more.",
        ),
    }
}

impl FirstUser {
    /// Nothing is known yet.
    pub fn new() -> Self {
        let mut menu = Choices::default();
        menu.set(&[('n', "Go on"), ('a', "Enrol another person")]);
        Self {
            ready: None,
            known: false,
            tenant: None,
            form: form(false),
            another: false,
            menu,
            waiting: false,
        }
    }

    /// The form is on the screen.
    fn asks(&self) -> bool {
        self.known && (self.ready.is_none() || self.another)
    }

    /// The name with the directory's domain, where it has none and there is only one place where it can belong.
    fn name(&self) -> String {
        let name = self.form.text("name").trim();
        match &self.tenant {
            Some(tenant) if !name.contains(['@', '\\']) => format!("{name}@{}", tenant.domain),
            _ => name.to_owned(),
        }
    }

    fn take_tenants(&mut self, tenants: Vec<TenantInfo>) {
        let tenant = tenants
            .iter()
            .find(|tenant| tenant.state != TenantState::Off && tenant.default)
            .or_else(|| tenants.iter().find(|tenant| tenant.state != TenantState::Off));
        let is_local = tenant.is_none();
        if is_local != self.tenant.is_none() || !self.known {
            let typed = self.form.text("name").to_owned();
            self.form = form(is_local);
            self.form.set("name", &typed);
        }
        self.tenant = tenant.cloned();
        self.known = true;
    }

    fn enrol(&self, name: &str, make: bool) -> Vec<Action> {
        let screen = match make {
            true => Enrol::make(name),
            false => Enrol::new(name),
        };
        vec![Action::Open(Box::new(screen))]
    }

    fn send(&mut self) -> Vec<Action> {
        if self.form.text("name").trim().is_empty() {
            return go(USER + 1);
        }
        let name = self.name();
        if let Err(failure) = user_name(&name) {
            self.form.set_wrong("name", Some(failure.message));
            self.form.go("name");
            return Vec::new();
        }
        if self.tenant.is_none() && self.form.text("password").is_empty() {
            let wrong = "Without a directory a user needs a password here.".to_owned();
            self.form.set_wrong("password", Some(wrong));
            self.form.go("password");
            return Vec::new();
        }
        self.waiting = true;
        // Somebody may be there already, with a token or without.
        vec![Action::Ask(SHOW, Request::UserShow { name })]
    }

    fn shown(&mut self, answer: Result<Answer, Failure>) -> Vec<Action> {
        self.waiting = false;
        match answer {
            Ok(Answer::User(user)) => self.there(&user),
            Err(failure) if failure.kind == FailureKind::NotFound => {
                let name = self.name();
                if self.tenant.is_some() {
                    return self.enrol(&name, true);
                }
                self.waiting = true;
                let password = self.form.take_secret("password");
                vec![Action::Ask(
                    ADD,
                    Request::UserAdd(UserAdd {
                        name,
                        password: Some(password),
                        exempt: false,
                    }),
                )]
            }
            Err(failure) => vec![Action::Fail(failure)],
            Ok(_) => Vec::new(),
        }
    }

    fn there(&mut self, user: &UserInfo) -> Vec<Action> {
        self.enrol(&user.row.name, false)
    }
}

impl Screen for FirstUser {
    fn name(&self) -> &'static str {
        "set-up-user"
    }

    fn title(&self) -> String {
        title(USER)
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        let search = UserSearch {
            search: String::new(),
            offset: 0,
            limit: LIMIT,
            without_token: false,
        };
        vec![
            Action::Ask(USERS, Request::UserList(search)),
            Action::Ask(TENANTS, Request::EntraShow { domain: None }),
        ]
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        if key == Key::Esc && self.another {
            self.another = false;
            return Vec::new();
        }
        if let Some(actions) = common(USER, key) {
            return actions;
        }
        if self.waiting || !self.known {
            return Vec::new();
        }
        if !self.asks() {
            return match self.menu.on(key) {
                Some('a') => {
                    self.another = true;
                    self.form = form(self.tenant.is_none());
                    Vec::new()
                }
                Some(_) => go(USER + 1),
                None => Vec::new(),
            };
        }
        match (self.form.on(key), key) {
            (Typed::Done, _) => self.send(),
            // Nobody is named: the rows below are of no use.
            (_, Key::Enter) if self.form.text("name").trim().is_empty() => self.send(),
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        match (tag, answer) {
            (SHOW, answer) => self.shown(answer),
            (USERS, Ok(Answer::Users(list))) => {
                self.ready = list.users.into_iter().find(|user| user.active_tokens > 0);
                Vec::new()
            }
            (TENANTS, Ok(Answer::Tenants(list))) => {
                self.take_tenants(list.tenants);
                Vec::new()
            }
            (ADD, Ok(Answer::User(user))) => {
                self.waiting = false;
                self.there(&user)
            }
            (_, Ok(_)) => Vec::new(),
            (_, Err(failure)) => {
                self.waiting = false;
                vec![Action::Fail(failure)]
            }
        }
    }

    fn told(&mut self, _told: Told, _context: &Context) -> Vec<Action> {
        // The code was confirmed; the list says so in a moment.
        self.another = false;
        Vec::new()
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = inset(page.area());
        if !self.known {
            return page.line(area, 0, "Asking posternd ...", Look::Plain);
        }
        if let Some(user) = self.ready.as_ref().filter(|_| !self.asks()) {
            let words = format!("{} has a token that counts.", user.name);
            let rows = page.wrapped(area, &words, Look::Good);
            let under = below(area, rows.saturating_add(1));
            return self.menu.draw(page, under);
        }
        let words = match self.tenant {
            Some(_) => {
                "Take somebody who can try the VPN now, best yourself, with the phone at hand: the box shows a QR code, and the app's \
                 first code confirms it. The person must be in Entra, with MFA there."
            }
            None => {
                "Take somebody who can try the VPN now, best yourself, with the phone at hand: the box shows a QR code, and the app's \
                 first code confirms it."
            }
        };
        let rows = page.wrapped(area, words, Look::Plain);
        let rest = below(area, rows.saturating_add(1));
        let form = ratatui::layout::Rect {
            x: rest.x.saturating_sub(2),
            width: rest.width.saturating_add(2),
            ..rest
        };
        self.form.draw(page, form, !self.waiting);
        if self.waiting {
            page.line(below(rest, 3), 0, "Asking posternd ...", Look::Plain);
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        match self.asks() {
            true => hints(USER, vec![("Enter", "next, show the QR code")]),
            false => hints(USER, vec![("Enter", "take"), ("Up/Down", "choose")]),
        }
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "A user is known by the name that is typed at the VPN. The token is an app on the phone (Microsoft Authenticator, Google \
             Authenticator or any other that scans a QR code), or a device that shows codes.",
            "Everybody else is enrolled the same way later: Enrol on the first screen, or Import for a file with many.",
            LEAVE,
        ]
    }

    fn types(&self, character: char) -> bool {
        self.asks() && self.form.types(character)
    }

    fn secret_typed(&self) -> Option<usize> {
        self.form.secret_typed().filter(|_| self.asks())
    }
}
