//! The directories that passwords are checked at: Microsoft Entra tenants, one for each domain. In: posternd's list; out: the one
//! that was chosen.
//!
//! ```text
//! Postern box-1 | Directories                              anna installer  14:05
//!
//!   Domain                            State          Since         Paused until
//! > contoso.example                   proven, on     1 Mar 09:05
//!   fabrikam.example                  off
//!   (add an Entra tenant)
//!
//! Enter open  a add  Esc back  ? help
//! ```

use ratatui::layout::Rect;

use super::directory::{Directory, state_look, state_word};
use super::directory_form::{DirectoryForm, SAVED};
use crate::console::action::{Action, Told};
use crate::console::guide::entra;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen, Topics};
use crate::console::widgets::asked::Asked;
use crate::console::widgets::columns::columns;
use crate::console::widgets::inset::{below, inset};
use crate::console::widgets::list::List;
use crate::control::{Answer, Failure, Request, Role, TenantInfo};
use crate::times::shown_near;

/// Rows above the list: a blank one and the headings.
const ABOVE: u16 = 2;

/// The list of tenants.
#[derive(Debug)]
pub struct Directories {
    tenants: Option<Vec<TenantInfo>>,
    list: List,
    asked: Asked,
}

impl Default for Directories {
    fn default() -> Self {
        Self::new()
    }
}

impl Directories {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self {
            tenants: None,
            list: List::default(),
            asked: Asked::new(0),
        }
    }

    fn here(&self) -> Option<&TenantInfo> {
        self.tenants.as_ref()?.get(self.list.at()?)
    }

    fn take(&mut self, tenants: Vec<TenantInfo>, context: &Context) {
        let domain = self.here().map(|tenant| tenant.domain.clone());
        // One row more for arrows and Enter: adding one.
        self.list
            .set_length(tenants.len() + usize::from(context.may(Role::Installer)));
        if let Some(at) = domain.and_then(|domain| tenants.iter().position(|tenant| tenant.domain == domain)) {
            self.list.go(at);
        }
        self.tenants = Some(tenants);
    }
}

impl Screen for Directories {
    fn name(&self) -> &'static str {
        "directories"
    }

    fn title(&self) -> String {
        "Directories".to_owned()
    }

    fn refresh(&mut self, _context: &Context) -> Vec<Action> {
        self.asked.ask(Request::EntraShow { domain: None })
    }

    fn watches(&self) -> Topics {
        Topics {
            records: true,
            state: true,
            ..Topics::NONE
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if self.list.on(key, context.size.1.saturating_sub(3 + ABOVE)) {
            return Vec::new();
        }
        let add = || vec![Action::Open(Box::new(DirectoryForm::add()))];
        match (key, self.here()) {
            (Key::Esc, _) => vec![Action::Close],
            (Key::Enter, Some(tenant)) => vec![Action::Open(Box::new(Directory::new(&tenant.domain)))],
            (Key::Enter, None) if context.may(Role::Installer) && self.tenants.is_some() => add(),
            (Key::Char('a'), _) if context.may(Role::Installer) => add(),
            _ => Vec::new(),
        }
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, context: &Context) -> Vec<Action> {
        let mut actions = self.asked.landed();
        match answer {
            Ok(Answer::Tenants(list)) => self.take(list.tenants, context),
            Ok(_) => {}
            Err(failure) => actions.push(Action::Fail(failure)),
        }
        actions
    }

    fn told(&mut self, told: Told, _context: &Context) -> Vec<Action> {
        match told {
            // A new one is off until it is proven: that is what comes next.
            Told::Picked(SAVED, domain) => vec![Action::Open(Box::new(Directory::new(&domain)))],
            _ => Vec::new(),
        }
    }

    fn draw(&self, page: &mut Page<'_>, context: &Context) {
        let area = page.area();
        let mut inner = inset(area);
        let Some(tenants) = &self.tenants else {
            return page.line(inner, 0, "Asking posternd ...", Look::Plain);
        };
        let domain = 33u16.saturating_add(area.width.saturating_sub(80) / 2);
        let glyphs = page.caps().glyphs;
        let row = |cells: [&str; 4]| {
            let [a, b, c, d] = cells;
            columns(&[(a, domain), (b, 14), (c, 13), (d, 13)], glyphs)
        };
        if tenants.is_empty() {
            let words = "There is no directory. Passwords can be checked at Microsoft Entra ID; without a directory only users with a \
                         password in this box can log in, and gateways that check the password themselves.";
            let rows = page.wrapped(inner, words, Look::Plain);
            inner = below(inner, rows);
        } else {
            let heads = row(["Domain", "State", "Since", "Paused until"]);
            page.line(inner, 0, &heads, Look::Faint);
        }
        let list = Rect {
            x: area.x,
            width: area.width,
            ..below(inner, 1)
        };
        let near = |at| shown_near(at, context.now.wall, &context.zone);
        self.list.draw(page, list, |number| {
            let Some(tenant) = tenants.get(number) else {
                return ("(add an Entra tenant)".to_owned(), Look::Plain);
            };
            let since = tenant.state_since.map(near).unwrap_or_default();
            let paused = tenant.paused_until.map(near).unwrap_or_default();
            let text = row([&tenant.domain, state_word(tenant.state), &since, &paused]);
            (text.trim_end().to_owned(), state_look(tenant))
        });
    }

    fn hints(&self, context: &Context) -> Vec<Hint> {
        let mut hints = vec![("Enter", "open")];
        if context.may(Role::Installer) {
            hints.push(("a", "add"));
        }
        hints.push(("Esc", "back"));
        hints
    }

    fn help(&self) -> &'static [&'static str] {
        &[
            "A directory is where passwords are checked. Which one is asked follows from the domain of a user's name.",
            "off: not proven, so nobody is asked there. proven, on: a right and a wrong password were tried and answered as they have \
             to be. unproven, on: somebody switched it on without that, and an alarm says so.",
            "Paused: the directory does not answer or is busy; logins are refused without asking until then.",
            entra::NOT_POSSIBLE,
        ]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::console::guide::samples::{ago, tenant};
    use crate::console::testing::{Desk, NOON, snapshot};
    use crate::control::{TenantList, TenantState};

    fn open(desk: &mut Desk, tenants: Vec<TenantInfo>, role: Role) {
        desk.open(Box::new(Directories::new()), role);
        desk.answer(
            |r| matches!(r, Request::EntraShow { domain: None }),
            Ok(Answer::Tenants(TenantList { tenants })),
        );
    }

    #[test]
    fn the_screen_full_and_empty() {
        snapshot("directories", |desk| {
            let mut paused = tenant("fabrikam.example", TenantState::Proven);
            paused.paused_until = Some(NOON.plus(std::time::Duration::from_secs(30)));
            let mut old = tenant(
                "a-domain-with-a-rather-long-name.contoso.example",
                TenantState::Unproven,
            );
            old.state_since = Some(ago(90_000));
            let tenants = vec![
                old,
                tenant("contoso.example", TenantState::Proven),
                paused,
                tenant("tailspin.example", TenantState::Off),
            ];
            open(desk, tenants, Role::Installer);
            desk.keys(&[Key::Down]);
        });
        snapshot("directories-none", |desk| open(desk, Vec::new(), Role::Installer));
    }

    #[test]
    fn a_saved_one_opens_since_it_is_to_be_proven() {
        let mut desk = Desk::on(Box::new(Directories::new()), Role::Installer);
        desk.answer(|_| true, Ok(Answer::Tenants(TenantList { tenants: Vec::new() })));
        desk.keys(&[Key::Char('a')]);
        assert_eq!(desk.app.screen(), "directory-form");
        let info = tenant("contoso.example", TenantState::Off);
        desk.types("contoso.example");
        desk.keys(&[Key::Enter]);
        desk.types(&info.tenant);
        desk.keys(&[Key::Enter]);
        desk.types(&info.client_id);
        desk.keys(&[Key::Enter, Key::Enter]);
        desk.answer(
            |r| matches!(r, Request::EntraSet(_)),
            Ok(Answer::Tenant(Box::new(info))),
        );
        assert_eq!(desk.app.screen(), "directory");
    }
}
