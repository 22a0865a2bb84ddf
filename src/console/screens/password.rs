//! A new password of an operator, typed twice: what is said while it is typed, and what is wrong with it at the end. In: a form
//! with the rows `password` and `again`; out: hints and wrong lines on them. Nothing typed is kept here.

use crate::console::widgets::field::{Field, any};
use crate::console::widgets::form::Form;

/// Said before anything is typed.
const HINT: &str = "At least 12 characters, none of the usual ones. Four words that do not belong together are good.";

/// Adds both rows.
pub fn rows(form: Form) -> Form {
    form.field(
        "password",
        "New password",
        Field::secret(strength::PASSWORD_MAX, any),
        HINT,
    )
    .field(
        "again",
        "The same again",
        Field::secret(strength::PASSWORD_MAX, any),
        "Once more, so that no slip of a finger locks anybody out.",
    )
}

/// After a key: says how far it is, or what is wrong already.
pub fn judge(form: &mut Form, operator: &str) {
    let password = form.text("password");
    let length = password.chars().count();
    let (hint, wrong) = match length {
        0 => (HINT.to_owned(), None),
        length if length < strength::PASSWORD_MIN => {
            let hint = format!("{length} of at least {} characters.", strength::PASSWORD_MIN);
            (hint, None)
        }
        _ => match strength::password(operator, password) {
            Ok(()) => ("That is a good length; go on.".to_owned(), None),
            Err(wrong) => (String::new(), Some(wrong.to_owned())),
        },
    };
    let differs = !password.starts_with(form.text("again"));
    form.set_hint("password", &hint);
    form.set_wrong("password", wrong);
    form.set_wrong("again", differs.then(|| "That is another one than above.".to_owned()));
}

/// At the end: whether it can be sent; if not, the marker stands at what is wrong.
pub fn check(form: &mut Form, operator: &str) -> bool {
    let wrong = strength::password(operator, form.text("password")).err();
    let differs = form.text("password") != form.text("again");
    form.set_wrong("password", wrong.map(str::to_owned));
    form.set_wrong(
        "again",
        (wrong.is_none() && differs).then(|| "The two differ: type the same password again.".to_owned()),
    );
    !form.go_to_wrong()
}

/// What a password may be, until posternd's own judgement stands in [`crate::control`].
pub mod strength {
    /// The shortest password of an operator, in characters.
    pub const PASSWORD_MIN: usize = 12;
    /// The longest, in bytes.
    pub const PASSWORD_MAX: usize = 120;
    /// The longest name of an operator.
    pub const NAME_MAX: usize = 32;

    /// Whether this can be an operator's name.
    ///
    /// # Errors
    /// One line: what a name is.
    pub fn name(name: &str) -> Result<(), &'static str> {
        let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
        let begins = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        match begins && (2..=32).contains(&name.len()) && name.bytes().all(sound) {
            true => Ok(()),
            false => Err("an operator's name is 2 to 32 of a-z 0-9 . _ - and begins with a letter"),
        }
    }

    /// Whether this can be the password of the operator of that name.
    ///
    /// # Errors
    /// One line: what is wrong with it.
    pub fn password(_operator: &str, password: &str) -> Result<(), &'static str> {
        match password.chars().count() {
            0..PASSWORD_MIN => Err("the password is shorter than 12 characters: take a longer one, such as four words"),
            _ => Ok(()),
        }
    }
}
