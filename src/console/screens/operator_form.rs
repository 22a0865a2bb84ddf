//! What is typed about an operator: a new one, another role, a new password for somebody, one's own password. One form each; what
//! posternd refuses is said at the bottom, and nothing typed is lost but the passwords.
//!
//! ```text
//! Postern box-1 | New operator                             anna installer  14:05
//!
//!   Name               [berta                                         ]
//!   Role               < helpdesk > looks after users: enrol, unlock, bypass
//! > New password       [*******                                       ]
//!   The same again     [                                              ]
//!
//!   7 of at least 12 characters.
//! ```

use ratatui::layout::Rect;

use super::new_password;
use crate::console::action::{Action, Tone};
use crate::console::app::role_word;
use crate::console::key::Key;
use crate::console::page::{Look, Page};
use crate::console::screen::{Context, Hint, Screen};
use crate::console::widgets::field::{Field, any};
use crate::console::widgets::form::{Form, Typed};
use crate::control::{Answer, Failure, OperatorAdd, OperatorInfo, OperatorSet, Request, Role, strength};

/// The roles, least first as an installer adds them most.
const ROLES: [(&str, &str); 3] = [
    ("helpdesk", "looks after users: enrol, unlock, bypass"),
    ("auditor", "looks, and changes nothing"),
    ("installer", "everything"),
];

/// What the form is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum For {
    /// A new operator.
    Add,
    /// Another role for this one.
    Role(String),
    /// A new password for this one.
    Password(String),
    /// The password of who is logged in.
    Own(String),
}

/// One form about an operator.
#[derive(Debug)]
pub struct OperatorForm {
    what: For,
    form: Form,
    waiting: bool,
}

/// Characters of an operator's name.
fn name(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit() || matches!(character, '.' | '_' | '-')
}

impl OperatorForm {
    /// A new operator.
    pub fn add() -> Self {
        let form = Form::new().field(
            "name",
            "Name",
            Field::new(strength::NAME_RANGE.1, name),
            "2 to 32 of a-z 0-9 . _ - and a letter first: what is typed at the login.",
        );
        Self::of(For::Add, new_password::rows(roles(form)))
    }

    /// Another role.
    pub fn role(operator: &OperatorInfo) -> Self {
        let mut form = roles(Form::new());
        form.set("role", role_word(operator.role));
        Self::of(For::Role(operator.name.clone()), form)
    }

    /// A new password for somebody.
    pub fn password(name: &str) -> Self {
        Self::of(For::Password(name.to_owned()), new_password::rows(Form::new()))
    }

    /// The password of who is logged in.
    pub fn own(name: &str) -> Self {
        let form = Form::new().field(
            "old",
            "Password now",
            Field::secret(strength::PASSWORD_MAX, any),
            "The one you logged in with.",
        );
        Self::of(For::Own(name.to_owned()), new_password::rows(form))
    }

    fn of(what: For, form: Form) -> Self {
        Self {
            what,
            form,
            waiting: false,
        }
    }

    /// Whose password is typed.
    fn operator(&self) -> String {
        match &self.what {
            For::Add => self.form.text("name").to_owned(),
            For::Role(name) | For::Password(name) | For::Own(name) => name.clone(),
        }
    }

    /// Everything that can be seen to be wrong; the marker goes there.
    fn is_right(&mut self) -> bool {
        if self.what == For::Add {
            let wrong = strength::name(self.form.text("name")).err();
            self.form.set_wrong("name", wrong.map(str::to_owned));
            if self.form.go_to_wrong() {
                return false;
            }
        }
        let operator = self.operator();
        matches!(self.what, For::Role(_)) || new_password::check(&mut self.form, &operator)
    }

    fn request(&mut self, context: &Context) -> Request {
        let set = |name: &str| OperatorSet {
            name: name.to_owned(),
            role: None,
            enabled: None,
            password: None,
        };
        match &self.what {
            For::Add => Request::OperatorAdd(OperatorAdd {
                name: self.form.text("name").to_owned(),
                role: role_of(self.form.text("role")),
                password: self.form.take_secret("password"),
                line: context.line.clone(),
            }),
            For::Role(name) => Request::OperatorSet(OperatorSet {
                role: Some(role_of(self.form.text("role"))),
                ..set(name)
            }),
            For::Password(name) => Request::OperatorSet(OperatorSet {
                password: Some(self.form.take_secret("password")),
                ..set(name)
            }),
            For::Own(_) => Request::OperatorPassword {
                old: self.form.take_secret("old"),
                new: self.form.take_secret("password"),
            },
        }
    }

    /// What was done, in the box's own words where it gave them.
    fn done(&self, answer: Answer) -> String {
        match (answer, &self.what) {
            (Answer::Done { done }, _) => done,
            (Answer::Operator(one), For::Add) => {
                format!("{} may log in from now on, as {}", one.name, role_word(one.role))
            }
            (Answer::Operator(one), For::Role(_)) => format!("{} is {} now", one.name, a_role(one.role)),
            (Answer::Operator(one), _) => format!("{} has a new password", one.name),
            _ => "Done".to_owned(),
        }
    }
}

fn roles(form: Form) -> Form {
    form.choice("role", "Role", &ROLES, "Left and Right change it.")
}

fn role_of(word: &str) -> Role {
    match word {
        "installer" => Role::Installer,
        "helpdesk" => Role::Helpdesk,
        _ => Role::Auditor,
    }
}

fn a_role(role: Role) -> &'static str {
    match role {
        Role::Auditor => "an auditor",
        Role::Helpdesk => "of the helpdesk",
        Role::Installer => "an installer",
    }
}

impl Screen for OperatorForm {
    fn name(&self) -> &'static str {
        match self.what {
            For::Add => "operator-add",
            For::Role(_) => "operator-role",
            For::Password(_) => "operator-password",
            For::Own(_) => "own-password",
        }
    }

    fn title(&self) -> String {
        match &self.what {
            For::Add => "New operator".to_owned(),
            For::Role(name) => format!("Role of {name}"),
            For::Password(name) => format!("New password of {name}"),
            For::Own(_) => "Your password".to_owned(),
        }
    }

    fn on(&mut self, key: Key, context: &Context) -> Vec<Action> {
        if key == Key::Esc {
            return vec![Action::Close];
        }
        if self.waiting {
            return Vec::new();
        }
        match self.form.on(key) {
            Typed::Changed("name" | "password" | "again") if !matches!(self.what, For::Role(_)) => {
                let operator = self.operator();
                new_password::judge(&mut self.form, &operator);
            }
            Typed::Done if self.is_right() => {
                let request = self.request(context);
                self.form.take_secret("again");
                self.waiting = true;
                return vec![Action::Ask(0, request)];
            }
            _ => {}
        }
        Vec::new()
    }

    fn answered(&mut self, _tag: u32, answer: Result<Answer, Failure>, _context: &Context) -> Vec<Action> {
        self.waiting = false;
        match answer {
            Ok(answer) => vec![Action::Say(Tone::Done, self.done(answer)), Action::Close],
            Err(failure) => {
                let operator = self.operator();
                new_password::judge(&mut self.form, &operator);
                self.form.go(match self.what {
                    For::Add => "name",
                    For::Role(_) => "role",
                    For::Password(_) => "password",
                    For::Own(_) => "old",
                });
                vec![Action::Fail(failure)]
            }
        }
    }

    fn draw(&self, page: &mut Page<'_>, _context: &Context) {
        let area = page.area();
        let below = Rect {
            y: area.y.saturating_add(1),
            height: area.height.saturating_sub(1),
            ..area
        };
        self.form.draw(page, below, !self.waiting);
        if self.waiting {
            let y = below.y.saturating_add(self.form.height().saturating_sub(2));
            page.put(
                area.x.saturating_add(2),
                y,
                area.width,
                "Asking posternd ...",
                Look::Plain,
            );
        }
    }

    fn hints(&self, _context: &Context) -> Vec<Hint> {
        match self.what {
            For::Role(_) => vec![("Left/Right", "change"), ("Enter", "do it"), ("Esc", "back")],
            _ => vec![
                ("Enter", "next, at the end do it"),
                ("Up/Down", "field"),
                ("Esc", "back"),
            ],
        }
    }

    fn help(&self) -> &'static [&'static str] {
        match self.what {
            For::Add => &[
                "An operator logs in at this console by name and password. Tell the new one to set a password of their own: System, \
                 own password.",
                "An installer may do everything, the helpdesk looks after users, an auditor only looks.",
            ],
            For::Role(_) => &[
                "An installer may do everything, the helpdesk looks after users, an auditor only looks. Who is logged in has to log in \
                 again.",
            ],
            For::Password(_) | For::Own(_) => &[
                "A password has at least 12 characters and is none of the usual ones. Length is what helps; signs and digits need not be \
                 in it.",
            ],
        }
    }

    fn types(&self, character: char) -> bool {
        self.form.types(character)
    }

    fn secret_typed(&self) -> Option<usize> {
        self.form.secret_typed()
    }
}
