//! The further settings of a tenant: the second page, how it is filled from a tenant, and what stands on it as an operation takes
//! it. In: forms; out: settings, or the row and what is wrong with it. The client secret leaves the form when it is read.

use crate::console::widgets::field::{Field, any, digits, word};
use crate::console::widgets::form::Form;
use crate::control::{EntraSet, TenantInfo};
use crate::secret::Secret;
use crate::text::shown;

/// What `?` says of the second page.
pub(super) const HELP: [&str; 3] = [
    "These are right for nearly every organisation as they come. Esc goes back to the first page; what was typed stays.",
    "A client secret is needed only where the application is a confidential one; it is then made under Certificates & secrets in the \
     portal. Without one, public client flows have to be allowed there.",
    "Clouds: https://login.microsoftonline.com for nearly everybody, https://login.microsoftonline.us for the US government, \
     https://login.partner.microsoftonline.cn for China.",
];

/// A row that was filled in wrong, and why.
pub(super) type Wrong = (&'static str, String);

const PUBLIC: &str = "https://login.microsoftonline.com";
const SCOPE: &str = "openid";
const YES_NO: [(&str, &str); 2] = [("refused", ""), ("let in", "by password and code of this box")];

/// The second page, with what a new tenant has.
pub(super) fn more() -> Form {
    Form::new()
        .choice(
            "kind",
            "Application is",
            &[("public", "no client secret"), ("confidential", "with a client secret")],
            "As it was registered in the portal.",
        )
        .field(
            "secret",
            "Client secret",
            Field::secret(256, any),
            "For a confidential application. Left empty, the one that is known stays.",
        )
        .field(
            "authority",
            "Cloud",
            Field::new(200, word).with(PUBLIC),
            "Scheme and host of the login page; another one for the US government and China (help).",
        )
        .field(
            "scope",
            "Scope",
            Field::new(200, any).with(SCOPE),
            "What the box asks to be allowed; openid is enough to have a password checked.",
        )
        .choice(
            "default",
            "Names without @",
            &[
                ("as it is", "the first tenant takes them"),
                ("here", "they belong to this domain"),
                ("not here", ""),
            ],
            "Where a name without a domain belongs.",
        )
        .field(
            "prefixes",
            "Prefixes",
            Field::new(200, any),
            "NetBIOS names before a backslash that mean this domain, with commas between: CONTOSO.",
        )
        .choice(
            "without-mfa",
            "Users without MFA",
            &YES_NO,
            "Entra gave a token by the password alone: this person has no MFA there.",
        )
        .choice(
            "unregistered",
            "MFA not set up",
            &YES_NO,
            "Entra wants the person to set up MFA first (50079, 50072).",
        )
        .choice(
            "external",
            "MFA elsewhere",
            &YES_NO,
            "Entra sends the person to another maker's MFA (50158).",
        )
        .field(
            "budget",
            "Wrong passwords",
            Field::new(1, digits),
            "A user in 24 hours, 2 to 9, before this box asks no more; left empty 6, which stays well under Entra's lock of 10.",
        )
        .field(
            "proxy",
            "Proxy",
            Field::new(200, word),
            "http://HOST:PORT, if the box reaches the Internet only so.",
        )
        .choice(
            "then",
            "Then",
            &[("save", "all of it"), ("back", "to the first page")],
            "Left and Right choose, Enter does it.",
        )
}

fn let_in(yes: bool) -> &'static str {
    if yes { "let in" } else { "refused" }
}

/// The page as a tenant stands.
pub(super) fn fill(more: &mut Form, info: &TenantInfo) {
    more.set("kind", if info.confidential { "confidential" } else { "public" });
    more.set("authority", &info.authority);
    more.set("scope", &info.scope);
    more.set("default", if info.default { "here" } else { "not here" });
    more.set("prefixes", &info.prefixes.join(", "));
    more.set("without-mfa", let_in(info.allow_without_mfa));
    more.set("unregistered", let_in(info.allow_unregistered));
    more.set("external", let_in(info.allow_external));
    more.set("budget", &info.budget.to_string());
    more.set("proxy", info.proxy.as_deref().unwrap_or_default());
}

fn wrong(more: &Form, key: &str) -> Option<String> {
    let text = more.text(key);
    match key {
        "authority" if !text.starts_with("https://") && !text.starts_with("http://") => {
            Some(format!("{} is no address: it begins with https://", shown(text)))
        }
        "scope" if text.trim().is_empty() => Some("The scope is missing: openid is the usual one.".to_owned()),
        "budget" if !text.is_empty() && !text.parse().is_ok_and(|number: u8| (2..=9).contains(&number)) => {
            Some("A number from 2 to 9.".to_owned())
        }
        "proxy" if !text.is_empty() && !text.starts_with("http://") && !text.starts_with("https://") => {
            Some(format!("{} is no proxy: write http://HOST:PORT", shown(text)))
        }
        _ => None,
    }
}

/// Says at a row what is wrong with it.
pub(super) fn check(more: &mut Form, key: &'static str) {
    let wrong = wrong(more, key);
    more.set_wrong(key, wrong);
}

/// What differs from the tenant as it was; of a new one, from how it comes.
///
/// # Errors
/// The first row that is wrong.
pub(super) fn read(more: &mut Form, before: Option<&TenantInfo>) -> Result<EntraSet, Wrong> {
    for key in ["authority", "scope", "budget", "proxy"] {
        if let Some(wrong) = wrong(more, key) {
            return Err((key, wrong));
        }
    }
    let was_confidential = before.is_some_and(|info| info.confidential);
    let confidential = more.text("kind") == "confidential";
    if confidential && !was_confidential && more.text("secret").is_empty() {
        return Err((
            "secret",
            "The client secret is missing: it is made in the portal.".to_owned(),
        ));
    }
    let given = more.take_secret("secret");
    let client_secret = match (confidential, was_confidential) {
        (true, _) => Some(given).filter(|secret| !secret.is_empty()),
        // Nothing in it makes the application a public one again.
        (false, true) => Some(Secret::default()),
        (false, false) => None,
    };
    let text = |key: &str, was: &str| {
        let now = more.text(key).trim();
        (now != was).then(|| now.to_owned())
    };
    let allowed = |key: &str, was: bool| {
        let now = more.text(key) == "let in";
        (now != was).then_some(now)
    };
    let default = match more.text("default") {
        "here" => Some(true),
        "not here" => Some(false),
        _ => None,
    };
    let prefixes: Vec<String> = more
        .text("prefixes")
        .split(',')
        .map(|one| one.trim().to_ascii_lowercase())
        .filter(|one| !one.is_empty())
        .collect();
    let had: Vec<String> = before.map_or(Vec::new(), |info| {
        info.prefixes.iter().map(|one| one.to_ascii_lowercase()).collect()
    });
    let budget: Option<u8> = more.text("budget").parse().ok();
    Ok(EntraSet {
        client_secret,
        authority: text("authority", before.map_or(PUBLIC, |info| &info.authority)),
        scope: text("scope", before.map_or(SCOPE, |info| &info.scope)),
        proxy: text(
            "proxy",
            before.and_then(|info| info.proxy.as_deref()).unwrap_or_default(),
        ),
        prefixes: (prefixes != had).then_some(prefixes),
        default: default.filter(|now| before.is_none_or(|info| info.default != *now)),
        allow_without_mfa: allowed("without-mfa", before.is_some_and(|info| info.allow_without_mfa)),
        allow_unregistered: allowed("unregistered", before.is_some_and(|info| info.allow_unregistered)),
        allow_external: allowed("external", before.is_some_and(|info| info.allow_external)),
        budget: budget.filter(|now| before.is_none_or(|info| info.budget != *now)),
        ..EntraSet::default()
    })
}
