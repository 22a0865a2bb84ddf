//! How a token file is taken: when its tokens count, and what it does not say itself. In: keys, by the form; out: settings.

use crate::console::widgets::form::Form;
use crate::control::{Algorithm, TotpParameters};
use crate::enrol::batches::Settings;

/// How a file may be taken.
pub(super) fn options() -> Form {
    Form::new()
        .choice(
            "count",
            "The tokens count",
            &[("later", "each after its first code was typed"), ("at once", "without a first code")],
            "With `later` nobody can log in by a token that was handed to the wrong person: each is confirmed by its first code.",
        )
        .choice(
            "digits",
            "Digits of a code",
            &[("6", ""), ("8", "")],
            "As many as the token shows. What the file says itself goes first.",
        )
        .choice(
            "algorithm",
            "Hash",
            &[("SHA-1", "nearly every token"), ("SHA-256", ""), ("SHA-512", "")],
            "The maker of the tokens says it; where nothing is said, SHA-1. What the file says itself goes first.",
        )
}

/// What was chosen.
pub(super) fn settings(form: &Form, dry_run: bool) -> Settings {
    Settings {
        dry_run,
        active: form.text("count") == "at once",
        parameters: TotpParameters {
            digits: if form.text("digits") == "8" { 8 } else { 6 },
            algorithm: match form.text("algorithm") {
                "SHA-256" => Algorithm::Sha256,
                "SHA-512" => Algorithm::Sha512,
                _ => Algorithm::Sha1,
            },
            ..TotpParameters::default()
        },
    }
}
