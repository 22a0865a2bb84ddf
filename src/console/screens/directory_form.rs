//! An Entra tenant made or changed. In: what an installer copies from the portal; out: the tenant, still unproven. What is rarely
//! needed stands on a second page.
//!
//! ```text
//! Postern box-1 | Add an Entra tenant                      anna installer  14:05
//!
//! > Domain             [contoso.example                               ]
//!   Tenant ID          [0a1b2c3d-1111-2222-3333-0123456789ab          ]
//!   Client ID          [4e5f6a7b-4444-5555-6666-ba9876543210          ]
//!   Then               < save > and prove it next
//!
//!   What stands behind the @ in the users' names.
//! ```

mod fields;

use crate::console::action::{Action, Told, Tone};
use crate::console::guide::entra;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, word};
use crate::console::widgets::form::{Form, Typed};
use crate::console::widgets::inset::{below, inset};
use crate::control::{Answer, EntraSet, Failure, Request, TenantInfo};

/// The tenant was saved; told with its domain.
pub const SAVED: u32 = 1_000;

/// The form.
#[derive(Debug)]
pub struct DirectoryForm {
    before: Option<Box<TenantInfo>>,
    form: Form,
    more: Form,
    on_more: bool,
    waiting: bool,
}

fn first_page() -> Form {
    Form::new()
        .field(
            "domain",
            "Domain",
            Field::new(253, word),
            "What stands behind the @ in the users' names, such as contoso.example.",
        )
        .field(
            "tenant",
            "Tenant ID",
            Field::new(253, word),
            "Directory (tenant) ID, from the application's Overview page in the portal.",
        )
        .field(
            "client",
            "Client ID",
            Field::new(36, word),
            "Application (client) ID, from the same page.",
        )
        .choice(
            "then",
            "Then",
            &[
                ("save", "and prove it next"),
                ("more", "look at the further settings first"),
            ],
            "Left and Right choose, Enter does it. The further settings are right for nearly everybody.",
        )
}

impl DirectoryForm {
    /// A new tenant.
    pub fn add() -> Self {
        Self {
            before: None,
            form: first_page(),
            more: fields::more(),
            on_more: false,
            waiting: false,
        }
    }

    /// A change to a tenant; its domain stays, since that is what it is known by.
    pub fn edit(info: &TenantInfo) -> Self {
        let mut form = Self::add();
        form.form.set("domain", &info.domain);
        form.form.set("tenant", &info.tenant);
        form.form.set("client", &info.client_id);
        form.form.go("tenant");
        fields::fill(&mut form.more, info);
        form.before = Some(Box::new(info.clone()));
        form
    }

    fn page(&mut self) -> &mut Form {
        match self.on_more {
            true => &mut self.more,
            false => &mut self.form,
        }
    }

    /// Says at a row what is wrong with it: of one that is being typed only what cannot become right any more.
    fn check(&mut self, key: &'static str, whole: bool) {
        let text = self.form.text(key);
        let wrong = match key {
            "domain" if whole => entra::domain(text).err(),
            "domain" if text.contains('@') => entra::domain(text).err(),
            "tenant" if whole => entra::tenant_id(text).err(),
            "client" if whole || !entra::may_become_guid(text) => entra::client_id(text).err(),
            _ => None,
        };
        self.form.set_wrong(key, wrong);
    }

    /// A domain of an existing tenant cannot be typed over.
    fn is_fixed(&self) -> bool {
        self.before.is_some() && !self.on_more && self.form.here() == "domain"
    }

    fn save(&mut self) -> Vec<Action> {
        for key in ["domain", "tenant", "client"] {
            self.check(key, true);
        }
        if self.form.go_to_wrong() {
            self.on_more = false;
            return Vec::new();
        }
        let before = self.before.as_deref();
        let mut set = match fields::read(&mut self.more, before) {
            Ok(set) => set,
            Err((key, wrong)) => {
                self.on_more = true;
                self.more.set_wrong(key, Some(wrong));
                self.more.go(key);
                return Vec::new();
            }
        };
        let lower = |key| self.form.text(key).to_ascii_lowercase();
        set.domain = lower("domain");
        let (tenant, client) = (lower("tenant"), lower("client"));
        set.tenant = before.is_none_or(|info| info.tenant != tenant).then_some(tenant);
        set.client_id = before.is_none_or(|info| info.client_id != client).then_some(client);
        let nothing = EntraSet {
            domain: set.domain.clone(),
            ..EntraSet::default()
        };
        if before.is_some() && set == nothing {
            let words = "Nothing was changed.".to_owned();
            return vec![Action::Close, Action::Say(Tone::Look, words)];
        }
        self.waiting = true;
        vec![Action::Ask(0, Request::EntraSet(set))]
    }

    fn done(&mut self) -> Vec<Action> {
        match (self.on_more, self.page().text("then")) {
            (true, "back") => self.on_more = false,
            (false, "more") => self.on_more = true,
            _ => return self.save(),
        }
        Vec::new()
    }
}

impl Screen for DirectoryForm {
    fn name(&self) -> &'static str {
        match self.on_more {
            true => "directory-form-more",
            false => "directory-form",
        }
    }

    fn title(&self) -> String {
        match &self.before {
            None => "Add an Entra tenant".to_owned(),
            Some(info) => format!("Change {}", info.domain),
        }
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        if self.waiting {
            return Vec::new();
        }
        let types = matches!(key, Key::Char(_) | Key::Backspace | Key::Delete | Key::Ctrl('u'));
        if types && self.is_fixed() {
            let words = "The domain stays: for another one add another tenant.".to_owned();
            return vec![Action::Say(Tone::Look, words)];
        }
        let before = self.page().here();
        match self.page().on(key) {
            Typed::Changed(row) if !self.on_more => self.check(row, false),
            Typed::Changed(_) => {}
            Typed::Moved if self.on_more => fields::check(&mut self.more, before),
            // A row that nobody has filled yet is no mistake.
            Typed::Moved if !self.form.text(before).is_empty() => self.check(before, true),
            Typed::Moved => {}
            Typed::Done => return self.done(),
            Typed::NotMine if key == Key::Esc && self.on_more => self.on_more = false,
            Typed::NotMine if key == Key::Esc => return vec![Action::Close],
            Typed::NotMine => {}
        }
        Vec::new()
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        self.waiting = false;
        match answer {
            Ok(Answer::Tenant(info)) => {
                let mut words = format!("{} is saved.", info.domain);
                if let Some(warning) = info.warnings.first() {
                    words = format!("{words} {warning}");
                }
                vec![
                    Action::CloseWith(Told::Picked(SAVED, info.domain)),
                    Action::Say(Tone::Done, words),
                ]
            }
            Ok(_) => Vec::new(),
            Err(failure) => vec![Action::Fail(failure)],
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let inner = inset(page.area());
        let area = ratatui::layout::Rect {
            x: inner.x.saturating_sub(2),
            width: inner.width.saturating_add(2),
            ..inner
        };
        let form = if self.on_more { &self.more } else { &self.form };
        form.draw(page, area, !self.waiting);
        if self.waiting {
            let rest = below(inner, form.height().saturating_sub(1));
            page.line(rest, 0, "Asking posternd ...", Look::Plain);
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        vec![
            ("Enter", "next, save at the end"),
            ("Up/Down", "row"),
            ("Left/Right", "choose"),
            ("Esc", "back"),
        ]
    }

    fn help(&self) -> &'static [&'static str] {
        match self.on_more {
            true => &fields::HELP,
            false => &entra::STEPS,
        }
    }

    fn types(&self, character: char) -> bool {
        match self.on_more {
            true => self.more.types(character),
            false => self.form.types(character),
        }
    }

    fn secret_typed(&self) -> Option<usize> {
        match self.on_more {
            true => self.more.secret_typed(),
            false => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
