//! The words by which the plain enums of the records are typed on the command line.

use clap::ValueEnum;

use crate::control::{Algorithm, Charset, Mode, Order, Role, Unavailable, Unmatched};

/// The words of an enum of the records.
macro_rules! words {
    ($type:ty: $($variant:ident = $word:literal),+) => {
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$variant),+]
            }

            fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
                Some(clap::builder::PossibleValue::new(match self {
                    $(Self::$variant => $word),+
                }))
            }
        }
    };
}

words!(Mode: Append = "append", Challenge = "challenge", CodeOnly = "code-only");
words!(Order: PasswordCode = "password-code", CodePassword = "code-password");
words!(Unmatched: Refuse = "refuse", PasswordOnly = "password-only");
words!(Unavailable: Reject = "reject", Drop = "drop");
words!(Charset: Utf8 = "utf8", Latin1 = "latin1");
words!(Role: Installer = "installer", Helpdesk = "helpdesk", Auditor = "auditor");
words!(Algorithm: Sha1 = "sha1", Sha256 = "sha256", Sha512 = "sha512");
