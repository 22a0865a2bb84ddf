//! A new password of an operator, typed twice: what is said while it is typed, and what is wrong with it at the end. In: a form
//! with the rows `password` and `again`; out: hints and wrong lines on them. Nothing typed is kept here.

use crate::console::widgets::field::{Field, any};
use crate::console::widgets::form::Form;
use crate::control::strength;

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
