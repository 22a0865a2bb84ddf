//! The further settings of a client: the second page, how both pages are filled from a client, and what stands on them as an
//! operation takes it. In: forms; out: fields, or the row and what is wrong with it.

use std::time::Duration;

use crate::console::widgets::field::{Field, any};
use crate::console::widgets::form::Form;
use crate::control::check;
use crate::control::{
    CHALLENGE_TIMEOUT, Charset, ClientFields, ClientInfo, DEADLINE, Delimiter, First, IN_FLIGHT, Mode, Order, PROMPT,
    REJECT_DELAY, Unavailable, Unmatched,
};
use crate::times::{parse_duration, shown_duration};

/// What `?` says of the second page.
pub(super) const HELP: [&str; 3] = [
    "These are right for nearly every gateway as they come. Esc goes back to the first page; what was typed stays.",
    "The time for the directory must be shorter than the time after which the gateway gives up or asks again. Times are written as \
     500ms, 2.5s or 1m.",
    "Unknown users let in by their password alone have no second factor: only for a while, and only where it must be.",
];

/// A row of the second page that was filled in wrong, and why.
pub(super) type Wrong = (&'static str, String);

fn time_character(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, '.' | 'm' | 's')
}

/// The second page, with what a new client has.
pub(super) fn more() -> Form {
    let time = |length| Field::new(length, time_character);
    Form::new()
        .choice(
            "order",
            "Order",
            &[
                ("password-code", "as in horse123456"),
                ("code-password", "as in 123456horse"),
            ],
            "For mode append: which comes first in the one field.",
        )
        .field(
            "delimiter",
            "Delimiter",
            Field::new(1, any),
            "A character that people type between the two, such as a comma; mostly none.",
        )
        .choice(
            "unmatched",
            "Unknown users",
            &[
                ("refuse", "names that are not in this box are refused"),
                ("password-only", "let in by the password alone"),
            ],
            "password-only has no second factor. It is meant for the time of a change-over.",
        )
        .field(
            "deadline",
            "Directory's time",
            time(8).with(&shown_duration(DEADLINE)),
            "How long a directory may take: shorter than the gateway's own time-out.",
        )
        .field(
            "delay",
            "Refusals after",
            time(8).with(&shown_duration(REJECT_DELAY)),
            "No refusal leaves earlier, so that guessing is slow and tells nothing.",
        )
        .choice(
            "unavailable",
            "Directory away",
            &[
                ("reject", "refuse"),
                ("drop", "say nothing, so that the gateway asks another"),
            ],
            "What a login hears while the directory does not answer.",
        )
        .field(
            "prompt",
            "Prompt",
            Field::new(120, any).with(PROMPT),
            "For mode challenge: what people read when the code is asked for.",
        )
        .field(
            "challenge",
            "Challenge stands",
            time(8).with(&shown_duration(CHALLENGE_TIMEOUT)),
            "For mode challenge: how long people have to type the code.",
        )
        .choice(
            "charset",
            "Characters",
            &[("utf8", "UTF-8"), ("latin1", "Latin-1, as some old gateways send")],
            "How names and passwords are written by the gateway.",
        )
        .field(
            "in-flight",
            "At once at most",
            Field::new(6, |c| c.is_ascii_digit()).with(&IN_FLIGHT.to_string()),
            "Logins of this client that may be under way at the same time.",
        )
        .choice(
            "then",
            "Then",
            &[("save", "all of it"), ("back", "to the first page")],
            "Left and Right choose, Enter does it.",
        )
}

/// Both pages as a client stands.
pub(super) fn fill(form: &mut Form, more: &mut Form, info: &ClientInfo) {
    form.set(
        "mode",
        match info.mode {
            Mode::Append => "append",
            Mode::Challenge => "challenge",
            Mode::CodeOnly => "code-only",
        },
    );
    form.set(
        "first",
        match info.first {
            First::Entra => "entra",
            First::Local => "local",
            First::None => "none",
        },
    );
    let required = info.require_message_authenticator;
    form.set("authenticator", if required { "required" } else { "not required" });
    if info.order == Order::CodePassword {
        more.set("order", "code-password");
    }
    more.set("delimiter", &info.delimiter.map(String::from).unwrap_or_default());
    if info.unmatched == Unmatched::PasswordOnly {
        more.set("unmatched", "password-only");
    }
    more.set("deadline", &shown_duration(info.deadline));
    more.set("delay", &shown_duration(info.reject_delay));
    if info.unavailable == Unavailable::Drop {
        more.set("unavailable", "drop");
    }
    more.set("prompt", &info.prompt);
    more.set("challenge", &shown_duration(info.challenge_timeout));
    if info.charset == Charset::Latin1 {
        more.set("charset", "latin1");
    }
    more.set("in-flight", &info.in_flight.to_string());
}

fn mode(form: &Form) -> Mode {
    match form.text("mode") {
        "challenge" => Mode::Challenge,
        "code-only" => Mode::CodeOnly,
        _ => Mode::Append,
    }
}

fn first(form: &Form) -> First {
    match form.text("first") {
        "local" => First::Local,
        "none" => First::None,
        _ => First::Entra,
    }
}

/// What is wrong with mode and first factor together (R2).
pub(super) fn mode_and_first(form: &Form) -> Option<String> {
    match (mode(form), first(form)) {
        (Mode::CodeOnly, First::None) => None,
        (Mode::CodeOnly, _) => Some("Mode code-only checks no password: choose none here, or another mode.".to_owned()),
        (_, First::None) => Some("Only mode code-only goes without a password: choose entra or local.".to_owned()),
        _ => None,
    }
}

/// A failure's line without the command line's dashes.
fn plain(message: &str) -> String {
    let mut letters = message.trim_start_matches('-').chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

fn checked(key: &'static str, fields: ClientFields) -> Result<ClientFields, Wrong> {
    match check::client_fields(&fields) {
        Ok(()) => Ok(fields),
        Err(failure) => Err((key, plain(&failure.message))),
    }
}

fn time(more: &Form, key: &'static str) -> Result<Duration, Wrong> {
    parse_duration(more.text(key)).map_err(|line| (key, line))
}

/// One row of the second page as a field of its own.
fn row(more: &Form, key: &'static str) -> Result<ClientFields, Wrong> {
    let mut fields = ClientFields::default();
    match key {
        "order" => {
            fields.order = Some(match more.text(key) {
                "code-password" => Order::CodePassword,
                _ => Order::PasswordCode,
            });
        }
        "delimiter" => {
            let delimiter = more.text(key).chars().next();
            fields.delimiter = Some(delimiter.map_or(Delimiter::None, Delimiter::Is));
        }
        "unmatched" => {
            fields.unmatched = Some(match more.text(key) {
                "password-only" => Unmatched::PasswordOnly,
                _ => Unmatched::Refuse,
            });
        }
        "deadline" => fields.deadline = Some(time(more, key)?),
        "delay" => fields.reject_delay = Some(time(more, key)?),
        "unavailable" => {
            fields.unavailable = Some(match more.text(key) {
                "drop" => Unavailable::Drop,
                _ => Unavailable::Reject,
            });
        }
        "prompt" => fields.prompt = Some(more.text(key).to_owned()),
        "challenge" => fields.challenge_timeout = Some(time(more, key)?),
        "charset" => {
            fields.charset = Some(match more.text(key) {
                "latin1" => Charset::Latin1,
                _ => Charset::Utf8,
            });
        }
        "in-flight" => {
            let number = more.text(key).parse();
            fields.in_flight = Some(number.map_err(|_| (key, "A number of 1 or more.".to_owned()))?);
        }
        _ => {}
    }
    checked(key, fields)
}

/// Says at a row of the second page what is wrong with it.
pub(super) fn check(more: &mut Form, key: &'static str) {
    let wrong = row(more, key).err().map(|(_, line)| line);
    more.set_wrong(key, wrong);
}

/// Everything that stands on both pages.
///
/// # Errors
/// The first row of the second page that is wrong.
pub(super) fn read(form: &Form, more: &Form) -> Result<ClientFields, Wrong> {
    let fields = ClientFields {
        mode: Some(mode(form)),
        first: Some(first(form)),
        require_message_authenticator: Some(form.text("authenticator") != "not required"),
        order: row(more, "order")?.order,
        delimiter: row(more, "delimiter")?.delimiter,
        unmatched: row(more, "unmatched")?.unmatched,
        reject_delay: row(more, "delay")?.reject_delay,
        deadline: row(more, "deadline")?.deadline,
        unavailable: row(more, "unavailable")?.unavailable,
        prompt: row(more, "prompt")?.prompt,
        challenge_timeout: row(more, "challenge")?.challenge_timeout,
        charset: row(more, "charset")?.charset,
        in_flight: row(more, "in-flight")?.in_flight,
        secret: None,
    };
    let unmatched = fields.unmatched.unwrap_or_default();
    match unmatched == Unmatched::PasswordOnly && fields.mode == Some(Mode::CodeOnly) {
        true => Err((
            "unmatched",
            "Mode code-only refuses unknown users: choose refuse.".to_owned(),
        )),
        false => Ok(fields),
    }
}

/// What differs from how it was; the rest is left as it is.
pub(super) fn changed(now: ClientFields, was: &ClientFields) -> ClientFields {
    fn kept<T: PartialEq>(now: Option<T>, was: &Option<T>) -> Option<T> {
        if now == *was { None } else { now }
    }
    ClientFields {
        secret: None,
        mode: kept(now.mode, &was.mode),
        first: kept(now.first, &was.first),
        require_message_authenticator: kept(now.require_message_authenticator, &was.require_message_authenticator),
        order: kept(now.order, &was.order),
        delimiter: kept(now.delimiter, &was.delimiter),
        unmatched: kept(now.unmatched, &was.unmatched),
        reject_delay: kept(now.reject_delay, &was.reject_delay),
        deadline: kept(now.deadline, &was.deadline),
        unavailable: kept(now.unavailable, &was.unavailable),
        prompt: kept(now.prompt, &was.prompt),
        challenge_timeout: kept(now.challenge_timeout, &was.challenge_timeout),
        charset: kept(now.charset, &was.charset),
        in_flight: kept(now.in_flight, &was.in_flight),
    }
}
