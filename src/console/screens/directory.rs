//! One Entra tenant in full. In: its domain; out: what was chosen to be done with it.
//!
//! ```text
//! Postern box-1 | Directory contoso.example                anna installer  14:05
//!
//!   State               off: nobody is asked there before it is proven (p)
//!
//!   Tenant ID           0a1b2c3d-1111-2222-3333-0123456789ab
//!   Client ID           4e5f6a7b-4444-5555-6666-ba9876543210
//!   Client secret       none: a public client
//!   Cloud               https://login.microsoftonline.com, scope openid
//!   Names without @     belong here
//!   Without MFA         refused
//!   Wrong passwords     6 for a user in 24 hours
//!
//! Enter what can be done  p prove  t test a login  e edit  o switch on  x remove
//! ```

use super::choose::Choose;
use super::confirm::{Confirm, word_for};
use super::directory_ask::DirectoryAsk;
use super::directory_form::DirectoryForm;
use crate::console::action::{Action, Told, Tone};
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::inset::inset;
use crate::console::widgets::scroll::{Paragraph, Scroll};
use crate::control::{Answer, EntraSet, Failure, FailureKind, Override, Request, Role, TenantInfo, TenantState};
use crate::times::shown_near;

const SHOW: u32 = 0;
const REMOVE: u32 = 1;
const ENABLE: u32 = 2;
const MENU: u32 = 3;

/// A state's word.
pub fn state_word(state: TenantState) -> &'static str {
    match state {
        TenantState::Off => "off",
        TenantState::Proven => "proven, on",
        TenantState::Unproven => "unproven, on",
    }
}

/// How a tenant's row looks; its words say it too.
pub fn state_look(tenant: &TenantInfo) -> Look {
    match (tenant.state, tenant.paused_until) {
        (TenantState::Proven, None) => Look::Plain,
        _ => Look::Warn,
    }
}

/// One tenant.
#[derive(Debug)]
pub struct Directory {
    domain: String,
    info: Option<Box<TenantInfo>>,
    /// What posternd said when it was changed; the next look would not say it again.
    said: Vec<String>,
    scroll: Scroll,
    asked: Asked,
}

fn field(label: &str, value: &str) -> Paragraph {
    super::client::field(label, value)
}

fn let_in(yes: bool) -> &'static str {
    if yes { "let in" } else { "refused" }
}

impl Directory {
    /// The tenant of this domain.
    pub fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            info: None,
            said: Vec::new(),
            scroll: Scroll::default(),
            asked: Asked::new(SHOW),
        }
    }

    fn paragraphs(&self, info: &TenantInfo, context: &Context) -> Vec<Paragraph> {
        let near = |at| shown_near(at, context.now.wall, &context.zone);
        let since = info
            .state_since
            .map(|at| format!(" since {}", near(at)))
            .unwrap_or_default();
        let state = match info.state {
            TenantState::Off => "off: nobody is asked there before it is proven (p)".to_owned(),
            TenantState::Proven => format!("on, proven{since}"),
            TenantState::Unproven => format!("on{since}, but not proven: prove it (p)"),
        };
        let mut lines = vec![(field("State", &state).0, state_look(info))];
        if let Some(until) = info.paused_until {
            let words = format!("until {}: it did not answer, or is busy", near(until));
            lines.push((field("Paused", &words).0, Look::Warn));
        }
        lines.push((String::new(), Look::Plain));
        lines.extend(settings(info));
        for warning in self
            .said
            .iter()
            .chain(info.warnings.iter().filter(|one| !self.said.contains(one)))
        {
            lines.push((String::new(), Look::Plain));
            lines.push((warning.clone(), Look::Warn));
        }
        lines
    }

    fn ask(&self, prove: bool) -> Vec<Action> {
        let screen = match prove {
            true => DirectoryAsk::prove(&self.domain),
            false => DirectoryAsk::test(&self.domain),
        };
        vec![Action::Open(Box::new(screen))]
    }

    /// Switching on needs a proof, or somebody who takes it on himself.
    fn switch(&self, info: &TenantInfo) -> Vec<Action> {
        if info.state != TenantState::Off {
            let words = "It is on. It goes off when its IDs, scope or cloud are changed, and when it is removed.";
            return vec![Action::Say(Tone::Look, words.to_owned())];
        }
        let lines = vec![
            format!(
                "Logins of {} are then checked at this tenant although nobody has seen that it refuses a wrong password. An alarm \
                 stands until it is proven.",
                self.domain
            ),
            "Proving it takes one login and is the better way: Esc, then p.".to_owned(),
        ];
        let title = format!("Switch {} on unproven", self.domain);
        vec![Action::Open(Box::new(Confirm::new(ENABLE, &title, lines)))]
    }

    /// What can be done, for arrows and Enter.
    fn choose(&self, info: &TenantInfo) -> Vec<Action> {
        let mut choices = vec![
            ("p", "Prove it: with it comes switching it on"),
            ("t", "Test a login"),
            ("e", "Edit the settings"),
        ];
        if info.state == TenantState::Off {
            choices.push(("o", "Switch it on unproven"));
        }
        choices.push(("x", "Remove the tenant"));
        let choices = choices
            .into_iter()
            .map(|(letter, words)| (letter.to_owned(), words.to_owned()))
            .collect();
        vec![Action::Open(Box::new(Choose::new(
            MENU,
            &self.title(),
            Vec::new(),
            choices,
        )))]
    }

    fn remove(&self) -> Vec<Action> {
        let lines = vec![format!(
            "The tenant of {} is removed. Its users stay, but nobody can check their passwords any more, so they cannot log in.",
            self.domain
        )];
        let title = format!("Remove {}", self.domain);
        let word = word_for(&self.domain, "remove");
        vec![Action::Open(Box::new(Confirm::strong(REMOVE, &title, lines, word)))]
    }
}

fn settings(info: &TenantInfo) -> Vec<Paragraph> {
    let mut lines = vec![
        field("Tenant ID", &info.tenant),
        field("Client ID", &info.client_id),
        field(
            "Client secret",
            if info.confidential {
                "set"
            } else {
                "none: a public client"
            },
        ),
        field("Cloud", &info.authority),
        field("Scope", &info.scope),
        field(
            "Names without @",
            if info.default {
                "belong here"
            } else {
                "do not belong here"
            },
        ),
        field("Without MFA", let_in(info.allow_without_mfa)),
    ];
    if info.allow_unregistered {
        lines.push(field("MFA not set up", let_in(true)));
    }
    if info.allow_external {
        lines.push(field("MFA elsewhere", let_in(true)));
    }
    lines.push(field(
        "Wrong passwords",
        &format!("{} for a user in 24 hours, then this box asks no more", info.budget),
    ));
    if !info.prefixes.is_empty() {
        lines.push(field("Prefixes", &info.prefixes.join(", ")));
    }
    if let Some(proxy) = &info.proxy {
        lines.push(field("Proxy", proxy));
    }
    if info.private_ca {
        lines.push(field("Certificates", "a private authority is trusted"));
    }
    for (code, verdict) in &info.overrides {
        let word = match verdict {
            Override::Continue => "goes on",
            Override::Refuse => "refuses",
            Override::Configuration => "refuses, with an alarm",
            Override::Unavailable => "counts as away",
        };
        lines.push(field("Override", &format!("AADSTS{code} {word}")));
    }
    lines
}

impl Screen for Directory {
    fn name(&self) -> &'static str {
        "directory"
    }

    fn title(&self) -> String {
        format!("Directory {}", self.domain)
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        self.asked.ask(Request::EntraShow {
            domain: Some(self.domain.clone()),
        })
    }

    fn watches(&self) -> Topics {
        Topics {
            records: true,
            state: true,
            ..Topics::NONE
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        let Some(info) = self.info.as_ref().filter(|_| key != Key::Esc) else {
            return match key {
                Key::Esc => vec![Action::Close],
                _ => Vec::new(),
            };
        };
        if context.may(Role::Installer) {
            match key {
                Key::Char('p') => return self.ask(true),
                Key::Char('t') => return self.ask(false),
                Key::Enter => return self.choose(info),
                Key::Char('e') => return vec![Action::Open(Box::new(DirectoryForm::edit(info)))],
                Key::Char('o') => return self.switch(info),
                Key::Delete | Key::Char('x') => return self.remove(),
                _ => {}
            }
        }
        let area = inset(ratatui::layout::Rect::new(
            0,
            0,
            context.size.0,
            context.size.1.saturating_sub(3),
        ));
        let rows = Scroll::rows(&self.paragraphs(info, context), area.width);
        self.scroll.on(key, area.height, rows);
        Vec::new()
    }

    fn answered(&mut self, tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        let mut actions = match tag {
            SHOW => self.asked.landed(),
            _ => Vec::new(),
        };
        match answer {
            Ok(Answer::Tenants(list)) => match list.tenants.into_iter().find(|one| one.domain == self.domain) {
                Some(info) => self.info = Some(Box::new(info)),
                // Somebody removed it on another line.
                None => actions.push(Action::Close),
            },
            Ok(Answer::Tenant(info)) => {
                self.said.clone_from(&info.warnings);
                self.info = Some(info);
                let words = format!("{} is on, unproven.", self.domain);
                actions.push(Action::Say(Tone::Look, words));
            }
            Ok(Answer::Done { done }) => actions.extend([Action::Close, Action::Say(Tone::Done, done)]),
            Ok(_) => {}
            Err(failure) if tag == SHOW && failure.kind == FailureKind::NotFound => {
                actions.extend([Action::Close, Action::Fail(failure)]);
            }
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn told(&mut self, told: Told, context: &Context) -> Vec<Action> {
        match told {
            Told::Yes(REMOVE) => vec![Action::Ask(
                REMOVE,
                Request::EntraRemove {
                    domain: self.domain.clone(),
                },
            )],
            Told::Yes(ENABLE) => vec![Action::Ask(
                ENABLE,
                Request::EntraSet(EntraSet {
                    domain: self.domain.clone(),
                    enable: true,
                    ..EntraSet::default()
                }),
            )],
            Told::Picked(MENU, letter) => match letter.chars().next() {
                Some(letter) => self.on(Key::Char(letter), context),
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = inset(page.area());
        match &self.info {
            Some(info) => self.scroll.draw(page, area, &self.paragraphs(info, context)),
            None => page.line(area, 0, "Asking posternd ...", Look::Plain),
        }
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        let mut hints = Vec::new();
        if context.may(Role::Installer) {
            hints.extend([
                ("Enter", "what can be done"),
                ("p", "prove"),
                ("t", "test a login"),
                ("e", "edit"),
            ]);
            if self.info.as_ref().is_some_and(|info| info.state == TenantState::Off) {
                hints.push(("o", "switch on"));
            }
            hints.push(("x", "remove"));
        }
        hints.push(("Esc", "back"));
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "p proves the tenant: it sends one login with the right password and one with a wrong one. Only if both answers are as \
             they have to be, the tenant goes on. t sends one login and says what the answer means.",
            "A change of tenant ID, client ID, scope or cloud takes the proof away. o switches on without a proof, after a question.",
            "Overrides of single answers and a private certificate authority are set on the command line: postern entra set.",
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::guide::samples::tenant;
    use crate::console::testing::{Desk, NOON, snapshot};
    use crate::control::TenantList;

    fn show(desk: &mut Desk, info: TenantInfo, role: Role) {
        desk.open(Box::new(Directory::new(&info.domain)), role);
        let tenants = vec![info];
        desk.answer(
            |r| matches!(r, Request::EntraShow { domain: Some(_) }),
            Ok(Answer::Tenants(TenantList { tenants })),
        );
    }

    #[test]
    fn the_screen_off_on_and_with_everything_set() {
        snapshot("directory", |desk| {
            show(desk, tenant("contoso.example", TenantState::Proven), Role::Installer);
        });
        snapshot("directory-off", |desk| {
            show(desk, tenant("contoso.example", TenantState::Off), Role::Installer);
        });
        snapshot("directory-all", |desk| {
            let mut info = tenant("fabrikam.example", TenantState::Unproven);
            info.paused_until = Some(NOON.plus(std::time::Duration::from_secs(30)));
            info.confidential = true;
            info.allow_unregistered = true;
            info.allow_external = true;
            info.prefixes = vec!["FABRIKAM".to_owned(), "FAB".to_owned()];
            info.proxy = Some("http://192.0.2.80:3128".to_owned());
            info.overrides.insert(50_158, Override::Continue);
            info.warnings = vec!["a user without MFA in Entra is refused: most need MFA there first".to_owned()];
            show(desk, info, Role::Auditor);
        });
    }

    #[test]
    fn r13_switching_on_unproven_asks_first() {
        let mut desk = Desk::on(
            Box::new(crate::console::screens::waiting::Waiting::new("")),
            Role::Installer,
        );
        show(&mut desk, tenant("contoso.example", TenantState::Off), Role::Installer);
        desk.asked.clear();
        desk.keys(&[Key::Char('o')]);
        assert_eq!(desk.app.screen(), "confirm");
        assert!(desk.asked.is_empty());
        desk.keys(&[Key::Char('y')]);
        let wanted = EntraSet {
            domain: "contoso.example".to_owned(),
            enable: true,
            ..EntraSet::default()
        };
        let info = tenant("contoso.example", TenantState::Unproven);
        desk.answer(
            |r| *r == Request::EntraSet(wanted.clone()),
            Ok(Answer::Tenant(Box::new(info))),
        );
        assert!(desk.text().contains("not proven"));
    }

    #[test]
    fn one_that_is_on_says_how_it_goes_off() {
        let mut desk = Desk::on(
            Box::new(crate::console::screens::waiting::Waiting::new("")),
            Role::Installer,
        );
        show(
            &mut desk,
            tenant("contoso.example", TenantState::Proven),
            Role::Installer,
        );
        desk.keys(&[Key::Char('o')]);
        assert!(desk.text().contains("It is on."));
    }

    #[test]
    fn arrows_and_enter_do_everything() {
        let mut desk = Desk::on(
            Box::new(crate::console::screens::waiting::Waiting::new("")),
            Role::Installer,
        );
        let screens = [
            "directory-prove",
            "directory-test",
            "directory-form",
            "confirm",
            "confirm",
        ];
        for (downs, screen) in screens.into_iter().enumerate() {
            show(&mut desk, tenant("contoso.example", TenantState::Off), Role::Installer);
            desk.keys(&[Key::Enter]);
            desk.keys(&vec![Key::Down; downs]);
            desk.keys(&[Key::Enter]);
            assert_eq!(desk.app.screen(), screen);
        }
    }

    #[test]
    fn removing_asks_for_a_word() {
        let mut desk = Desk::on(
            Box::new(crate::console::screens::waiting::Waiting::new("")),
            Role::Installer,
        );
        show(
            &mut desk,
            tenant("contoso.example", TenantState::Proven),
            Role::Installer,
        );
        desk.asked.clear();
        desk.keys(&[Key::Delete, Key::Enter]);
        assert!(desk.asked.is_empty());
        desk.types("contoso.example");
        desk.keys(&[Key::Enter]);
        let done = "contoso.example is removed".to_owned();
        desk.answer(|r| matches!(r, Request::EntraRemove { .. }), Ok(Answer::Done { done }));
        assert_ne!(desk.app.screen(), "directory");
    }
}
