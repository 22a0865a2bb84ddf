//! Step 5: Microsoft Entra. In: where it stands; out: the way to the two IDs, the form for them, and the proof by a real login. It
//! may be skipped, for boxes whose users have passwords in them or whose gateways check passwords themselves.
//!
//! ```text
//! Postern box-1 | Step 5 of 9: Microsoft Entra             anna installer  14:05
//!
//!   1  Open https://entra.microsoft.com as an administrator ...
//!   ...
//!
//! > e Type the two IDs in
//!   s Skip: no passwords are checked at Entra
//! ```

use super::{Choices, ENTRA, LEAVE, common, go, hints, title};
use crate::console::action::{Action, Told};
use crate::console::guide::entra;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::screens::directory_ask::DirectoryAsk;
use crate::console::screens::directory_form::{DirectoryForm, SAVED};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::inset::{below, inset};
use crate::control::{Answer, Failure, Request, TenantInfo, TenantState};

/// Entra.
#[derive(Debug)]
pub struct Entra {
    tenants: Option<Vec<TenantInfo>>,
    asked: Asked,
    menu: Choices,
}

impl Entra {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self {
            tenants: None,
            asked: Asked::new(0),
            menu: Choices::default(),
        }
    }

    /// The tenant that this step is about: the first that is not proven, else the first.
    fn tenant(&self) -> Option<&TenantInfo> {
        let tenants = self.tenants.as_ref()?;
        let open = tenants.iter().find(|tenant| tenant.state == TenantState::Off);
        open.or_else(|| tenants.first())
    }

    fn take(&mut self, tenants: Vec<TenantInfo>) {
        self.tenants = Some(tenants);
        let state = self.tenant().map(|tenant| tenant.state);
        match state {
            None => self.menu.set(&[
                ('e', "Type the two IDs in"),
                ('s', "Skip: no passwords are checked at Entra"),
            ]),
            Some(TenantState::Off) => self.menu.set(&[
                ('p', "Prove it with a real login"),
                ('e', "Correct the IDs"),
                ('s', "Skip for now: it stays off until it is proven"),
            ]),
            Some(_) => self.menu.set(&[('n', "Go on"), ('a', "Add another tenant")]),
        }
    }

    fn chosen(&self, letter: char) -> Vec<Action> {
        let open = |screen: Box<dyn Screen>| vec![Action::Open(screen)];
        match (letter, self.tenant()) {
            ('p', Some(tenant)) => open(Box::new(DirectoryAsk::prove(&tenant.domain))),
            ('e', Some(tenant)) => open(Box::new(DirectoryForm::edit(tenant))),
            ('e' | 'a', _) => open(Box::new(DirectoryForm::add())),
            _ => go(ENTRA + 1),
        }
    }
}

impl Screen for Entra {
    fn name(&self) -> &'static str {
        "set-up-entra"
    }

    fn title(&self) -> String {
        title(ENTRA)
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        self.asked.ask(Request::EntraShow { domain: None })
    }

    fn watches(&self) -> Topics {
        Topics::RECORDS
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        if let Some(actions) = common(ENTRA, key) {
            return actions;
        }
        match self.menu.on(key) {
            Some(letter) => self.chosen(letter),
            None => Vec::new(),
        }
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let mut actions = self.asked.landed();
        match answer {
            Ok(Answer::Tenants(list)) => self.take(list.tenants),
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        match told {
            // What was typed in is tried at once.
            Told::Picked(SAVED, domain) => vec![Action::Open(Box::new(DirectoryAsk::prove(&domain)))],
            _ => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let mut area = inset(page.area());
        if self.tenants.is_none() {
            return page.line(area, 0, "Asking posternd ...", Look::Plain);
        }
        let (words, look) = match self.tenant() {
            None => (String::new(), Look::Plain),
            Some(tenant) if tenant.state == TenantState::Off => (
                format!(
                    "{} is typed in and still off. One real login proves that Entra tells right passwords from wrong ones; then it is \
                     on.",
                    tenant.domain
                ),
                Look::Warn,
            ),
            Some(tenant) if tenant.state == TenantState::Unproven => {
                (format!("{} is on, but was never proven.", tenant.domain), Look::Warn)
            }
            Some(tenant) => (
                format!("{} is proven and on: passwords are checked at Entra.", tenant.domain),
                Look::Good,
            ),
        };
        if words.is_empty() {
            for step in entra::STEPS {
                area = below(area, page.wrapped(area, step, Look::Plain));
            }
        } else {
            area = below(area, page.wrapped(area, &words, look));
        }
        self.menu.draw(page, below(area, 1));
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        hints(ENTRA, vec![("Enter", "take"), ("Up/Down", "choose")])
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "The box checks passwords at Microsoft Entra ID as an application that you register there once. It needs two IDs from the \
             portal, and people who have MFA there.",
            "To prove it, the box sends one login with the right password and one with a wrong one. Only if Entra tells them apart, \
             logins are checked there.",
            entra::NOT_POSSIBLE,
            LEAVE,
        ]
    }
}
