//! What an operator types at `entra set`, checked. In: text; out: the value as it is stored, or one line that says what is wrong.
//! It stores nothing and reaches nothing; whether a tenant exists shows at `entra prove`.

use super::answer::guid;
use super::client::{self, SetupError};
use crate::store::records::Tenant;
use crate::text::shown;

/// Authority of the public cloud, the default.
pub const AUTHORITY_PUBLIC: &str = "https://login.microsoftonline.com";
/// Authority of the US government's cloud.
pub const AUTHORITY_US: &str = "https://login.microsoftonline.us";
/// Authority of the cloud in China (21Vianet).
pub const AUTHORITY_CHINA: &str = "https://login.partner.microsoftonline.cn";
/// The scope where the operator says nothing: enough to have the password checked, and no more.
pub const SCOPE: &str = "openid";
/// Wrong passwords in 24 h (R14).
pub const BUDGET: u8 = 6;
/// The same in the US government's cloud, whose smart lockout begins at 3 (R14).
pub const BUDGET_US: u8 = 2;

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Neither a GUID nor a domain.
    #[error("tenant {0} is neither a directory ID (a GUID) nor a verified domain")]
    Tenant(String),
    /// `common` or `consumers` (AADSTS9001023).
    #[error("tenant {0} cannot check passwords: give the directory ID or a verified domain")]
    TenantWithoutPasswords(String),
    /// Not a GUID.
    #[error("client ID {0} is no GUID: copy \"Application (client) ID\" from the App registration")]
    ClientId(String),
    /// Not a domain name.
    #[error("domain {0} is no domain name such as contoso.example")]
    Domain(String),
    /// Not a NetBIOS name.
    #[error(
        "prefix {0} is no NetBIOS domain name: up to 15 characters, none of them a blank or one of \\ / : * ? \" < > | @"
    )]
    Prefix(String),
    /// Not a scope (RFC 6749 3.3).
    #[error("scope {0} is no OAuth2 scope: words without quotes or backslashes, between them one blank")]
    Scope(String),
    /// Authority or proxy.
    #[error(transparent)]
    Connection(#[from] SetupError),
}

/// The tenant: a directory ID, a verified domain, or `organizations`; lower case.
///
/// # Errors
/// It is none of these, or one where passwords are never checked.
pub fn tenant(text: &str) -> Result<String, SettingsError> {
    let lower = text.trim().to_ascii_lowercase();
    match lower.as_str() {
        "common" | "consumers" => Err(SettingsError::TenantWithoutPasswords(lower)),
        "organizations" => Ok(lower),
        _ if guid(&lower).is_some() || is_domain(&lower) => Ok(lower),
        _ => Err(SettingsError::Tenant(shown(text))),
    }
}

/// The application (client) ID, lower case.
///
/// # Errors
/// It is no GUID.
pub fn client_id(text: &str) -> Result<String, SettingsError> {
    guid(text.trim()).ok_or_else(|| SettingsError::ClientId(shown(text)))
}

/// The domain of the users' names, lower case; a name with other letters than ASCII is written as its `xn--` form.
///
/// # Errors
/// It is no domain name.
pub fn domain(text: &str) -> Result<String, SettingsError> {
    let lower = text.trim().trim_start_matches('@').to_ascii_lowercase();
    if is_domain(&lower) {
        Ok(lower)
    } else {
        Err(SettingsError::Domain(shown(text)))
    }
}

/// A NetBIOS prefix (`CONTOSO` of `CONTOSO\anna`), lower case.
///
/// # Errors
/// It is none.
pub fn prefix(text: &str) -> Result<String, SettingsError> {
    let lower = text.trim().trim_end_matches('\\').to_lowercase();
    let fits = (1..=15).contains(&lower.chars().count());
    let bad =
        |c: char| c.is_control() || c.is_whitespace() || "\\/:*?\"<>|@".contains(c) || crate::text::is_invisible(c);
    if fits && !lower.contains(bad) {
        Ok(lower)
    } else {
        Err(SettingsError::Prefix(shown(text)))
    }
}

/// The authority: `public`, `usgov`, `china`, or a URL of scheme, host and port; `https`, or `http` to a loopback address (R13).
///
/// # Errors
/// It is no such URL.
pub fn authority(text: &str) -> Result<String, SettingsError> {
    Ok(match text.trim().to_ascii_lowercase().as_str() {
        "public" => AUTHORITY_PUBLIC.to_owned(),
        "usgov" => AUTHORITY_US.to_owned(),
        "china" => AUTHORITY_CHINA.to_owned(),
        _ => client::authority(text.trim())?
            .as_str()
            .trim_end_matches('/')
            .to_owned(),
    })
}

/// The proxy: `http://HOST:PORT`, with `USER:PASSWORD@` if it asks for one.
///
/// # Errors
/// It is no such URL.
pub fn proxy(text: &str) -> Result<String, SettingsError> {
    Ok(client::proxy(text.trim())?.as_str().trim_end_matches('/').to_owned())
}

/// The scope, and a note for the operator where something was left out of it: no refresh token is ever wanted.
///
/// # Errors
/// It is no scope.
pub fn scope(text: &str) -> Result<(String, Option<&'static str>), SettingsError> {
    let word = |word: &str| word.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    let all: Vec<&str> = text.split_ascii_whitespace().collect();
    let kept: Vec<&str> = all
        .iter()
        .copied()
        .filter(|word| !word.eq_ignore_ascii_case("offline_access"))
        .collect();
    if !all.iter().copied().all(word) {
        return Err(SettingsError::Scope(shown(text)));
    }
    let note = (kept.len() < all.len()).then_some("offline_access is left out: no refresh token is wanted");
    let joined = if kept.is_empty() {
        SCOPE.to_owned()
    } else {
        kept.join(" ")
    };
    Ok((joined, note))
}

/// The budget of wrong passwords for an authority (R14).
pub fn budget(authority: &str) -> u8 {
    let host = reqwest::Url::parse(authority)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    match host.as_deref() {
        Some(host) if host == "login.microsoftonline.us" || host.ends_with(".microsoftonline.us") => BUDGET_US,
        _ => BUDGET,
    }
}

/// Whether this change takes the tenant's proof away (R13).
pub fn voids_proof(before: &Tenant, after: &Tenant) -> bool {
    before.tenant != after.tenant
        || before.client_id != after.client_id
        || before.scope != after.scope
        || before.authority != after.authority
}

/// A DNS name of two labels or more, the last not a number, in lower case (RFC 1123 2.1).
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last_is_name = text
        .rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().any(|b| b.is_ascii_lowercase()));
    text.len() <= 253 && text.contains('.') && last_is_name && text.split('.').all(label)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::super::decide::tests::sample;
    use super::*;
    use crate::secret::Secret;

    type Change = fn(&mut Tenant);

    #[test]
    fn r13_tenant() {
        for (typed, kept) in [
            (
                " 11111111-2222-3333-4444-55555555555A ",
                "11111111-2222-3333-4444-55555555555a",
            ),
            ("Contoso.Example", "contoso.example"),
            ("organizations", "organizations"),
        ] {
            assert_eq!(tenant(typed).unwrap(), kept);
        }
        for never in ["common", "Consumers"] {
            assert!(
                tenant(never)
                    .unwrap_err()
                    .to_string()
                    .contains("cannot check passwords")
            );
        }
        for bad in [
            "",
            "contoso",
            "a b.example",
            "..",
            "../x.y",
            "10.0.0.1",
            "a/b.example",
            "contoso.example/",
        ] {
            assert!(matches!(tenant(bad), Err(SettingsError::Tenant(_))), "{bad}");
        }
    }

    #[test]
    fn r13_client_id_and_domain() {
        assert_eq!(
            client_id("66666666-7777-8888-9999-AAAAAAAAAAAA").unwrap(),
            "66666666-7777-8888-9999-aaaaaaaaaaaa"
        );
        for bad in [
            "",
            "66666666777788889999aaaaaaaaaaaa",
            "66666666-7777-8888-9999-aaaaaaaaaaag",
        ] {
            assert!(client_id(bad).is_err());
        }
        assert_eq!(domain("@Contoso.Example").unwrap(), "contoso.example");
        let long = format!("{}.example", "a".repeat(64));
        for bad in [
            "contoso",
            "-a.example",
            "a-.example",
            "ä.example",
            "a..example",
            long.as_str(),
            "anna@contoso.example",
        ] {
            assert!(domain(bad).is_err(), "{bad}");
        }
        assert_eq!(prefix("CONTOSO\\").unwrap(), "contoso");
        for bad in ["", "a b", "a\\b", "a@b", "aaaaaaaaaaaaaaaa"] {
            assert!(prefix(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn r13_authority() {
        for (typed, kept) in [
            ("public", AUTHORITY_PUBLIC),
            ("USGov", AUTHORITY_US),
            ("china", AUTHORITY_CHINA),
            ("https://Login.MicrosoftOnline.com/", AUTHORITY_PUBLIC),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("https://login.microsoftonline.com:443", AUTHORITY_PUBLIC),
        ] {
            assert_eq!(authority(typed).unwrap(), kept);
        }
        for bad in [
            "http://login.microsoftonline.com",
            "http://localhost",
            "login.microsoftonline.com",
            "https://x/y",
        ] {
            assert!(authority(bad).is_err(), "{bad}");
        }
        assert_eq!(proxy("http://10.0.0.1:3128/").unwrap(), "http://10.0.0.1:3128");
        assert!(proxy("socks5://10.0.0.1").is_err());
    }

    #[test]
    fn r13_no_refresh_token_is_asked_for() {
        assert_eq!(scope("").unwrap(), (SCOPE.into(), None));
        assert_eq!(scope(" openid  profile ").unwrap(), ("openid profile".into(), None));
        let (kept, note) = scope("openid offline_access").unwrap();
        assert_eq!(kept, "openid");
        assert!(note.unwrap().contains("offline_access"));
        assert_eq!(scope("Offline_Access").unwrap().0, SCOPE);
        assert_eq!(
            scope("https://graph.microsoft.com/.default").unwrap().0,
            "https://graph.microsoft.com/.default"
        );
        for bad in ["open\"id", "open\\id", "öpenid"] {
            assert!(scope(bad).is_err());
        }
    }

    #[test]
    fn r14_the_budget_is_2_in_the_us_governments_cloud() {
        assert_eq!(budget(AUTHORITY_PUBLIC), 6);
        assert_eq!(budget(AUTHORITY_CHINA), 6);
        assert_eq!(budget(AUTHORITY_US), 2);
        assert_eq!(budget("https://login.microsoftonline.us:443/"), 2);
        assert_eq!(budget("https://login.microsoftonline.us.example"), 6);
    }

    #[test]
    fn r13_what_voids_the_proof() {
        let changes: [(Change, bool); 8] = [
            (|t| t.tenant = "organizations".into(), true),
            (|t| t.client_id = "x".into(), true),
            (|t| t.scope = "x".into(), true),
            (|t| t.authority = "x".into(), true),
            (|t| t.proxy = Some("x".into()), false),
            (|t| t.client_secret = Some(Secret::from("x")), false),
            (|t| t.allow_external = true, false),
            (|t| t.generation = 9, false),
        ];
        for (change, expected) in changes {
            let mut after = sample();
            change(&mut after);
            assert_eq!(voids_proof(&sample(), &after), expected);
        }
    }
}
