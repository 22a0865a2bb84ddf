//! The host's name (RFC 1123 2.1). In: what an operator types; out: whether it can be one. Pure.

use crate::text::shown;

/// Letters, digits and hyphens, in labels of at most 63.
pub fn domain(name: &str) -> bool {
    let label = |label: &str| {
        let letters = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        letters && !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// A name that a host can have: 64 bytes at most, which is what the kernel holds.
///
/// # Errors
/// One line.
pub fn check(name: &str) -> Result<(), String> {
    let number = name
        .split('.')
        .next_back()
        .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if name.len() <= 64 && domain(name) && !number {
        return Ok(());
    }
    Err(format!(
        "{} cannot be a host's name: take letters, digits and hyphens, 64 at most, such as postern or box-1.contoso.example",
        match name {
            "" => "nothing".to_owned(),
            name => shown(name),
        }
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_rfc_1123_has_them() {
        let long = "a".repeat(64);
        let three = ["a".repeat(30), "b".repeat(33)].join(".");
        for (name, fits) in [
            ("postern", true),
            ("box-1.contoso.example", true),
            ("3com", true),
            (three.as_str(), true),
            (long.as_str(), false),
            ("", false),
            (".", false),
            ("-a", false),
            ("a-", false),
            ("a..b", false),
            ("a b", false),
            ("käfig", false),
            ("192.0.2.1", false),
            ("a\n", false),
        ] {
            assert_eq!(check(name).is_ok(), fits, "{name:?}");
        }
    }
}
