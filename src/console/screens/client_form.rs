//! A RADIUS client made or changed. In: what an installer types; out: the client, and where the box made the secret, the screen that
//! shows it once. What is rarely needed stands on a second page.
//!
//! ```text
//! Postern box-1 | Add a client                             anna installer  14:05
//!
//! > Name               [gw-1                                          ]
//!   Address            [192.0.2.10                                    ]
//!   Mode               < append > password and code in one field
//!   Password           < entra > checked at Entra
//!   Message-Auth.      < required > as every gateway of today can
//!   Then               < save > and the box makes the shared secret
//!
//!   The gateway's own address, or a network such as 192.0.2.0/24.
//!
//! Enter next, save  Left/Right choose  Esc back  F1 help
//! ```

mod fields;

use super::client::{RENAMED, mode_words};
use super::client_secret::ClientSecret;
use crate::console::action::{Action, Told, Tone};
use crate::console::guide::gateways::Gateway;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::Field;
use crate::console::widgets::form::{Form, Typed};
use crate::console::widgets::inset::{below, inset};
use crate::control::check::{NAME_MAX, client_name, net_text, parse_net};
use crate::control::{Answer, ClientAdd, ClientFields, ClientInfo, ClientSet, Failure, First, Mode, Request};

/// What the form is for.
#[derive(Debug)]
enum Purpose {
    /// A new client.
    Add,
    /// The first one, in the set-up: name, address and product, the rest follows from them.
    First(First),
    /// A change to this one.
    Edit(Box<ClientInfo>),
}

/// The form.
#[derive(Debug)]
pub struct ClientForm {
    purpose: Purpose,
    form: Form,
    more: Form,
    on_more: bool,
    /// What the form held as it came: only what differs is asked for.
    original: ClientFields,
    waiting: bool,
}

/// Characters of a client's name.
fn name_character(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '.' | '-' | '_')
}

/// Characters of an address or a network.
fn address_character(character: char) -> bool {
    character.is_ascii_hexdigit() || matches!(character, '.' | ':' | '/')
}

fn name_and_address() -> Form {
    Form::new()
        .field(
            "name",
            "Name",
            Field::new(NAME_MAX, name_character),
            "A word for it: letters, digits, dots and dashes, such as gw-1.",
        )
        .field(
            "address",
            "Address",
            Field::new(49, address_character),
            "The address that the gateway asks from, or a network such as 192.0.2.0/24.",
        )
}

fn with_settings(form: Form, last: &[(&str, &str)]) -> Form {
    form.choice(
        "mode",
        "Mode",
        &[
            ("append", mode_words(Mode::Append)),
            ("challenge", mode_words(Mode::Challenge)),
            ("code-only", mode_words(Mode::CodeOnly)),
        ],
        "append works with every gateway. challenge needs one that shows the question. code-only: the gateway has checked the \
         password itself.",
    )
    .choice(
        "first",
        "Password",
        &[
            ("entra", "checked at Entra"),
            ("local", "only users with a password in this box"),
            ("none", "not checked here; with code-only alone"),
        ],
        "A user with a password in this box is always checked against that, and nowhere else.",
    )
    .choice(
        "authenticator",
        "Message-Auth.",
        &[
            ("required", "as every gateway of today can"),
            ("not required", "a forged login cannot be told then"),
        ],
        "Without Message-Authenticator somebody on the way can turn a refusal into a yes (BlastRADIUS).",
    )
    .choice(
        "then",
        "Then",
        last,
        "Left and Right choose, Enter does it. The further settings are right for nearly everybody.",
    )
}

const MORE: (&str, &str) = ("more", "look at the further settings first");

impl ClientForm {
    /// A new client; its address where it is known.
    pub fn add(address: &str) -> Self {
        let form = with_settings(
            name_and_address(),
            &[("save", "and the box makes the shared secret"), MORE],
        );
        Self::new(Purpose::Add, form, fields::more(), address)
    }

    /// The first client, in the set-up; `first` says where passwords are checked.
    pub fn first(first: First, address: &str) -> Self {
        let products: Vec<(&str, &str)> = Gateway::ALL
            .iter()
            .map(|gateway| (gateway.name(), mode_words(gateway.mode())))
            .chain([(OTHER, mode_words(Mode::Append))])
            .collect();
        let form = name_and_address().choice(
            "product",
            "Product",
            &products,
            "Left and Right choose. The box then shows what to type there.",
        );
        Self::new(Purpose::First(first), form, fields::more(), address)
    }

    /// A change to a client.
    pub fn edit(info: &ClientInfo) -> Self {
        let mut form = with_settings(name_and_address(), &[("save", "what was changed"), MORE]);
        let mut more = fields::more();
        form.set("name", &info.name);
        fields::fill(&mut form, &mut more, info);
        Self::new(Purpose::Edit(Box::new(info.clone())), form, more, &net_text(&info.net))
    }

    fn new(purpose: Purpose, mut form: Form, more: Form, address: &str) -> Self {
        form.set("address", address);
        let original = fields::read(&form, &more).unwrap_or_default();
        Self {
            purpose,
            form,
            more,
            on_more: false,
            original,
            waiting: false,
        }
    }

    fn page(&mut self) -> &mut Form {
        match self.on_more {
            true => &mut self.more,
            false => &mut self.form,
        }
    }

    /// What is wrong with a row, said at the row; nothing is said of one that nobody has filled yet.
    fn check(&mut self, key: &'static str, empty_too: bool) {
        let text = self.form.text(key);
        let wrong = match key {
            "name" if empty_too || !text.is_empty() => client_name(text).err().map(|failure| failure.message),
            "address" if empty_too || !text.is_empty() => parse_net(text).err(),
            "first" | "mode" => fields::mode_and_first(&self.form),
            _ => None,
        };
        let key = if key == "mode" { "first" } else { key };
        self.form.set_wrong(key, wrong);
    }

    /// A choice that follows from another.
    fn follow(&mut self, changed: &'static str) {
        if changed != "mode" {
            return;
        }
        // R2: code-only checks no password, and only it may.
        match (self.form.text("mode"), self.form.text("first")) {
            ("code-only", _) => self.form.set("first", "none"),
            (_, "none") => self.form.set("first", "entra"),
            _ => {}
        }
    }

    /// Everything is checked; what stands is asked for.
    fn save(&mut self) -> Vec<Action> {
        for key in ["name", "address", "first"] {
            self.check(key, true);
        }
        if self.form.go_to_wrong() {
            self.on_more = false;
            return Vec::new();
        }
        let fields = match fields::read(&self.form, &self.more) {
            Ok(fields) => fields,
            Err((key, wrong)) => {
                self.on_more = true;
                self.more.set_wrong(key, Some(wrong));
                self.more.go(key);
                return Vec::new();
            }
        };
        let Ok(net) = parse_net(self.form.text("address")) else {
            return Vec::new();
        };
        let name = self.form.text("name").to_owned();
        let request = match &self.purpose {
            Purpose::Add => Request::ClientAdd(ClientAdd {
                name,
                net,
                fields: fields::changed(fields, &self.original),
            }),
            Purpose::First(first) => Request::ClientAdd(ClientAdd {
                name,
                net,
                fields: ClientFields {
                    mode: self.gateway().map(Gateway::mode),
                    first: Some(*first),
                    ..ClientFields::default()
                },
            }),
            Purpose::Edit(info) => {
                let set = ClientSet {
                    name: info.name.clone(),
                    rename: (info.name != name).then_some(name),
                    net: (info.net != net).then_some(net),
                    fields: fields::changed(fields, &self.original),
                    make_secret: false,
                };
                if set.rename.is_none() && set.net.is_none() && set.fields == ClientFields::default() {
                    return vec![
                        Action::Close,
                        Action::Say(Tone::Look, "Nothing was changed.".to_owned()),
                    ];
                }
                Request::ClientSet(set)
            }
        };
        self.waiting = true;
        vec![Action::Ask(0, request)]
    }

    /// The product that was chosen in the set-up.
    fn gateway(&self) -> Option<Gateway> {
        Gateway::named(self.form.text("product"))
    }

    fn done(&mut self) -> Vec<Action> {
        if self.on_more {
            if self.more.text("then") == "back" {
                self.on_more = false;
                return Vec::new();
            }
            return self.save();
        }
        if self.form.text("then") == "more" {
            self.on_more = true;
            return Vec::new();
        }
        self.save()
    }
}

/// Any other gateway.
const OTHER: &str = "another";

impl Screen for ClientForm {
    fn name(&self) -> &'static str {
        match self.on_more {
            true => "client-form-more",
            false => "client-form",
        }
    }

    fn title(&self) -> String {
        match &self.purpose {
            Purpose::Add => "Add a client".to_owned(),
            Purpose::First(_) => "The first client".to_owned(),
            Purpose::Edit(info) => format!("Change client {}", info.name),
        }
    }

    fn on(&mut self, key: Key, _context: &Context) -> Vec<Action> {
        if self.waiting {
            // What was asked for is not taken back; what became of it is said.
            return match key {
                Key::Esc => vec![Action::Close],
                _ => Vec::new(),
            };
        }
        let before = self.page().here();
        match self.page().on(key) {
            Typed::Changed(row) if !self.on_more => {
                self.follow(row);
                // A name is right or wrong at each character; an address only when it is whole.
                if row != "address" {
                    self.check(row, false);
                }
            }
            Typed::Changed(_) => {}
            Typed::Moved if self.on_more => fields::check(&mut self.more, before),
            Typed::Moved => self.check(before, false),
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
            Ok(Answer::ClientMade(made)) => {
                let gateway = self.gateway();
                vec![Action::Replace(Box::new(ClientSecret::made(*made, gateway)))]
            }
            Ok(Answer::Client(info)) => {
                let done = Action::Say(Tone::Done, format!("Client {} is changed.", info.name));
                vec![Action::CloseWith(Told::Picked(RENAMED, info.name)), done]
            }
            Ok(_) => Vec::new(),
            Err(failure) => vec![Action::Fail(failure)],
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = inset(page.area());
        let area = ratatui::layout::Rect {
            x: area.x.saturating_sub(2),
            width: area.width.saturating_add(2),
            ..area
        };
        let form = if self.on_more { &self.more } else { &self.form };
        form.draw(page, area, !self.waiting);
        if self.waiting {
            let rest = below(inset(page.area()), form.height().saturating_sub(1));
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
            false => &[
                "A client is a gateway that asks this box. Its address is the one that its packets come from; where several share a \
                 secret, a network such as 192.0.2.0/24 is taken, and the narrowest one counts.",
                "Mode says how the code comes: append behind the password in one field, challenge in a second step, code-only where \
                 the gateway has checked the password before.",
                "The box makes the shared secret and shows it once, after saving.",
            ],
        }
    }

    fn types(&self, character: char) -> bool {
        match self.on_more {
            true => self.more.types(character),
            false => self.form.types(character),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
