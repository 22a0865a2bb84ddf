//! Tenants: set, show, remove. In: settings as an operator named them; out: the tenant without its secret, with what the operator
//! should know. A change of tenant ID, client ID, scope or authority takes the proof away (R13). It asks no directory: that is
//! `ask`.

use super::common::{Target, store_failure};
use super::status::{paused_until, state};
use crate::control::answers::{TenantInfo, TenantList};
use crate::control::asks::EntraSet;
use crate::control::ops::{Answer, Failure};
use crate::door::Door;
use crate::door::start::since::{add_word, word};
use crate::factors::first::entra::settings::{self, SettingsError};
use crate::factors::first::entra::{Directory, check_override};
use crate::names::Domains;
use crate::store::Change;
use crate::store::records::{Override, Proof, Tenant, UserId};
use crate::text::shown;

/// Wrong passwords in 24 h that an operator may allow (R14): half of it is kept for known stations, so one would let nobody new in,
/// and ten lock the account at Entra by its default.
const BUDGET_RANGE: std::ops::RangeInclusive<u8> = 2..=9;

/// `entra set`. The record's target says what was withdrawn or replaced: a restore reads it (R20).
pub(super) fn set(door: &Door, ask: EntraSet, target: &mut Target) -> Result<Answer, Failure> {
    let domain = settings::domain(&ask.domain).map_err(wrong)?;
    target.text.clone_from(&domain);
    let tenants = door.store.tenants();
    let before = tenants.iter().find(|tenant| tenant.domain == domain);
    let (mut tenant, mut warnings) = taken_over(before, &domain, &ask)?;
    tenant.default = match (ask.default, before) {
        (Some(default), _) => default,
        (None, Some(before)) => before.default,
        (None, None) => tenants.is_empty(),
    };
    for other in tenants.iter().filter(|other| other.domain != domain) {
        if let Some(prefix) = tenant.prefixes.iter().find(|prefix| other.prefixes.contains(prefix)) {
            return Err(Failure::refused(format!(
                "the prefix {} is listed for {} already: take it away there first, or names with it are ambiguous",
                shown(prefix),
                other.domain
            )));
        }
    }
    Directory::new(&tenant).map_err(|error| Failure::refused(error.to_string()))?;
    tenant.proof = proof(before, &tenant, ask.enable, &mut warnings);
    if let Some(before) = before {
        if settings::voids_proof(before, &tenant) || before.ca_pem != tenant.ca_pem {
            add_word(&mut target.text, word::ELSEWHERE);
        }
        if is_narrower(before, &tenant) {
            add_word(&mut target.text, word::NARROWED);
        }
    }

    let mut after: Vec<Tenant> = vec![tenant.clone()];
    for other in tenants.iter().filter(|other| other.domain != domain) {
        let default = other.default && !tenant.default;
        after.push(Tenant {
            default,
            ..other.clone()
        });
    }
    let domains = Domains::new(&after);
    warnings.extend(bare_names(&tenants, &door.domains(), &domains));
    let (renamed, mut changes) = renames(door, &domains)?;
    let changed = after.into_iter().filter(|one| {
        one.domain == domain
            || tenants
                .iter()
                .any(|old| old.domain == one.domain && old.default != one.default)
    });
    changes.extend(changed.map(Change::PutTenant));
    door.store.apply(changes).map_err(store_failure)?;
    door.refresh_tenants();
    renamed.iter().for_each(|user| door.person_changed(*user));
    if !renamed.is_empty() {
        let line = format!("{} users without a domain became NAME@{domain}", renamed.len());
        target.text.push_str(&format!(": {line}"));
        warnings.push(line);
    }
    let tenants = door.store.tenants();
    let tenant = tenants
        .iter()
        .find(|tenant| tenant.domain == domain)
        .cloned()
        .unwrap_or(tenant);
    let mut info = info(door, &tenant);
    info.warnings.splice(0..0, warnings);
    Ok(Answer::Tenant(Box::new(info)))
}

/// `entra show`.
pub(super) fn show(door: &Door, domain: Option<&str>) -> Result<Answer, Failure> {
    let wanted = domain.map(settings::domain).transpose().map_err(wrong)?;
    let tenants = door.store.tenants();
    let tenants: Vec<TenantInfo> = tenants
        .iter()
        .filter(|tenant| wanted.as_ref().is_none_or(|domain| tenant.domain == *domain))
        .map(|tenant| info(door, tenant))
        .collect();
    match wanted {
        Some(domain) if tenants.is_empty() => Err(missing(&domain)),
        _ => Ok(Answer::Tenants(TenantList { tenants })),
    }
}

/// `entra remove`. The users stay.
pub(super) fn remove(door: &Door, domain: &str, target: &mut Target) -> Result<Answer, Failure> {
    let domain = settings::domain(domain).map_err(wrong)?;
    target.text.clone_from(&domain);
    let tenants = door.store.tenants();
    if !tenants.iter().any(|tenant| tenant.domain == domain) {
        return Err(missing(&domain));
    }
    let before = door.domains();
    door.store
        .apply(vec![Change::RemoveTenant(domain.clone())])
        .map_err(store_failure)?;
    door.refresh_tenants();
    let mut done =
        format!("tenant {domain} is removed; its users stay, and are refused unless they have a local password");
    if let Some(line) = bare_names(&tenants, &before, &door.domains()) {
        done = format!("{done}; {line}");
    }
    Ok(Answer::Done { done })
}

/// The domain that a name without one gets: a single tenant's, whether it is called the default or not.
fn default_of(domains: &Domains) -> Option<String> {
    let name = domains.canonical_str("anna").ok()?;
    name.domain().map(str::to_owned)
}

/// What a change does to names without a domain, where it does anything and there were tenants before.
fn bare_names(tenants: &[Tenant], before: &Domains, after: &Domains) -> Option<String> {
    match (default_of(before), default_of(after)) {
        (before, after) if before == after || tenants.is_empty() => None,
        (before, Some(after)) => {
            let instead = before.map_or_else(String::new, |before| format!(", no more to {before}"));
            Some(format!("names without a domain belong to {after} now{instead}"))
        }
        (Some(before), None) => Some(match after.canonical_str("anna") {
            Ok(_) => format!("names without a domain have none from now on, no more {before}"),
            Err(_) => format!(
                "names without a domain are refused now, no more taken for {before}'s: write NAME@DOMAIN, or run `postern entra set \
                 --domain DOMAIN --default yes`"
            ),
        }),
        (None, None) => None,
    }
}

/// There is no such tenant.
pub(super) fn missing(domain: &str) -> Failure {
    Failure::not_found(format!(
        "no tenant is set up for {}: look with `postern entra show`, or set it up with `postern entra set --domain {0}`",
        shown(domain)
    ))
}

fn wrong(error: SettingsError) -> Failure {
    match error {
        SettingsError::Connection(_) => Failure::refused(error.to_string()),
        _ => Failure::usage(error.to_string()),
    }
}

/// The tenant with what was named taken over, and notes.
fn taken_over(before: Option<&Tenant>, domain: &str, ask: &EntraSet) -> Result<(Tenant, Vec<String>), Failure> {
    let mut warnings = Vec::new();
    let mut tenant = match before {
        Some(before) => before.clone(),
        None => fresh(domain, ask)?,
    };
    if let Some(text) = &ask.tenant {
        tenant.tenant = settings::tenant(text).map_err(wrong)?;
    }
    if let Some(text) = &ask.client_id {
        tenant.client_id = settings::client_id(text).map_err(wrong)?;
    }
    if let Some(secret) = &ask.client_secret {
        tenant.client_secret = (!secret.is_empty()).then(|| secret.clone());
    }
    let usual = settings::budget(&tenant.authority);
    if let Some(text) = &ask.authority {
        tenant.authority = settings::authority(text).map_err(wrong)?;
    }
    if let Some(text) = &ask.scope {
        let (scope, note) = settings::scope(text).map_err(wrong)?;
        tenant.scope = scope;
        warnings.extend(note.map(str::to_owned));
    }
    if let Some(pem) = &ask.ca_pem {
        tenant.ca_pem = (!pem.trim().is_empty()).then(|| pem.clone());
    }
    if let Some(text) = &ask.proxy {
        let text = text.trim();
        tenant.proxy = match text.is_empty() {
            true => None,
            false => Some(settings::proxy(text).map_err(wrong)?),
        };
    }
    if let Some(prefixes) = &ask.prefixes {
        let mut all = Vec::with_capacity(prefixes.len());
        for text in prefixes {
            all.push(settings::prefix(text).map_err(wrong)?);
        }
        all.sort_unstable();
        all.dedup();
        tenant.prefixes = all;
    }
    tenant.allow_without_mfa = ask.allow_without_mfa.unwrap_or(tenant.allow_without_mfa);
    tenant.allow_unregistered = ask.allow_unregistered.unwrap_or(tenant.allow_unregistered);
    tenant.allow_external = ask.allow_external.unwrap_or(tenant.allow_external);
    for (code, to) in &ask.overrides {
        match to {
            Some(to) => {
                check_override(*code, *to).map_err(|error| Failure::refused(error.to_string()))?;
                tenant.overrides.insert(*code, *to);
            }
            None => drop(tenant.overrides.remove(code)),
        }
    }
    match ask.budget {
        Some(budget) if !BUDGET_RANGE.contains(&budget) => {
            return Err(Failure::usage(format!(
                "--budget is {} to {}: ten wrong passwords lock an account at Entra",
                BUDGET_RANGE.start(),
                BUDGET_RANGE.end()
            )));
        }
        Some(budget) => tenant.budget = budget,
        // Another cloud, another smart lockout (R14); what an operator chose stays.
        None if tenant.budget == usual => tenant.budget = settings::budget(&tenant.authority),
        None => {}
    }
    Ok((tenant, warnings))
}

fn fresh(domain: &str, ask: &EntraSet) -> Result<Tenant, Failure> {
    if ask.tenant.is_none() || ask.client_id.is_none() {
        return Err(Failure::usage(format!(
            "{domain} is a new tenant: give its --tenant and --client-id, from the App registration in Entra"
        )));
    }
    Ok(Tenant {
        domain: domain.to_owned(),
        prefixes: Vec::new(),
        default: false,
        tenant: String::new(),
        client_id: String::new(),
        client_secret: None,
        authority: settings::AUTHORITY_PUBLIC.to_owned(),
        scope: settings::SCOPE.to_owned(),
        ca_pem: None,
        proxy: None,
        allow_without_mfa: false,
        allow_unregistered: false,
        allow_external: false,
        overrides: Default::default(),
        proof: Proof::Missing,
        budget: settings::budget(settings::AUTHORITY_PUBLIC),
        created: crate::clock::wall(),
        generation: 1,
    })
}

/// Whether somebody is refused now who was let in.
fn is_narrower(before: &Tenant, after: &Tenant) -> bool {
    let lets = |tenant: &Tenant, code: &u32| tenant.overrides.get(code) == Some(&Override::Continue);
    (before.allow_without_mfa && !after.allow_without_mfa)
        || (before.allow_unregistered && !after.allow_unregistered)
        || (before.allow_external && !after.allow_external)
        || before
            .overrides
            .keys()
            .any(|code| lets(before, code) && !lets(after, code))
}

/// What becomes of the proof (R13).
fn proof(before: Option<&Tenant>, after: &Tenant, enable: bool, warnings: &mut Vec<String>) -> Proof {
    let voided = before.is_some_and(|before| settings::voids_proof(before, after));
    if voided && before.is_some_and(|before| before.proof != Proof::Missing) {
        warnings.push("tenant, client ID, scope or authority changed: the proof is void".to_owned());
    }
    let kept = before.filter(|_| !voided).map_or(Proof::Missing, |before| before.proof);
    match kept {
        Proof::Missing if enable => Proof::Unproven(crate::clock::wall()),
        kept => kept,
    }
}

/// Users without a domain, who were added while there was no tenant: now that their bare names mean a domain, they get it, or
/// nobody would find them (R3).
fn renames(door: &Door, domains: &Domains) -> Result<(Vec<UserId>, Vec<Change>), Failure> {
    let (mut renamed, mut changes) = (Vec::new(), Vec::new());
    let (all, _) = door.store.search("", 0, usize::MAX);
    for (id, name) in all.into_iter().filter(|(_, name)| !name.contains('@')) {
        // Without a default such a name means nobody, as before.
        let Ok(new) = domains.canonical_str(&name) else {
            continue;
        };
        if new.as_str() == name {
            continue;
        }
        if door.store.user_named(new.as_str()).map_err(store_failure)?.is_some() {
            return Err(Failure::refused(format!(
                "{} and {} are both users here and would become one: remove one of them first",
                shown(&name),
                shown(new.as_str())
            )));
        }
        if let Some(mut user) = door.store.user(id).map_err(store_failure)? {
            user.name = new.as_str().to_owned();
            renamed.push(id);
            changes.push(Change::PutUser(user));
        }
    }
    Ok((renamed, changes))
}

/// A tenant without its secret.
fn info(door: &Door, tenant: &Tenant) -> TenantInfo {
    let (state, state_since) = state(tenant);
    TenantInfo {
        domain: tenant.domain.clone(),
        state,
        state_since,
        paused_until: paused_until(door, tenant),
        tenant: tenant.tenant.clone(),
        client_id: tenant.client_id.clone(),
        confidential: tenant.client_secret.is_some(),
        authority: tenant.authority.clone(),
        scope: tenant.scope.clone(),
        private_ca: tenant.ca_pem.is_some(),
        proxy: tenant.proxy.as_deref().map(without_password),
        prefixes: tenant.prefixes.clone(),
        default: default_of(&door.domains()).is_some_and(|domain| domain == tenant.domain),
        allow_without_mfa: tenant.allow_without_mfa,
        allow_unregistered: tenant.allow_unregistered,
        allow_external: tenant.allow_external,
        overrides: tenant.overrides.clone(),
        budget: tenant.budget,
        warnings: standing(tenant),
    }
}

/// A proxy's password is as secret as any other (R21).
fn without_password(proxy: &str) -> String {
    let Ok(mut url) = reqwest::Url::parse(proxy) else {
        return "set".to_owned();
    };
    match url.set_password(None) {
        Ok(()) => shown(url.as_str().trim_end_matches('/')),
        Err(()) => "set".to_owned(),
    }
}

/// What an operator should know of a tenant as it stands.
fn standing(tenant: &Tenant) -> Vec<String> {
    let mut lines = Vec::new();
    match tenant.proof {
        Proof::Missing => {
            lines.push(
                "off: no login asks it until `postern entra prove USER` has seen it tell right from wrong".to_owned(),
            );
        }
        Proof::Unproven(_) => {
            lines.push("on without a proof: run `postern entra prove USER` with a right password".to_owned());
        }
        Proof::Proven(_) => {}
    }
    for (on, what) in [
        (
            tenant.allow_without_mfa,
            "users for whom Entra enforces no second factor are let in",
        ),
        (
            tenant.allow_unregistered,
            "users who have not registered for a second factor at Entra are let in",
        ),
        (
            tenant.allow_external,
            "users whose second factor at Entra is a third party's are let in",
        ),
    ] {
        if on {
            lines.push(format!("{what}, with password and code"));
        }
    }
    let softened = tenant.overrides.iter().filter(|(_, to)| **to == Override::Continue);
    lines.extend(softened.map(|(code, _)| format!("AADSTS{code} lets a login go on, by an override")));
    let usual = settings::budget(&tenant.authority);
    if tenant.budget > usual {
        lines.push(format!(
            "the budget of {} wrong passwords is above the usual {usual}: Entra may lock accounts before the box stops asking",
            tenant.budget
        ));
    }
    lines
}
