//! Directories as text.

use jiff::tz::TimeZone;

use super::{field, word, yes_no};
use crate::control::{DirectoryAnswer, ProveReport, TenantInfo, TenantList, TenantState, TestReport};
use crate::times::shown_at;

/// One tenant.
pub fn tenant(tenant: &TenantInfo, zone: &TimeZone) -> Vec<String> {
    let since = tenant
        .state_since
        .map_or(String::new(), |at| format!(" since {}", shown_at(at, zone)));
    let state = match tenant.state {
        TenantState::Off => "off: run `postern entra prove USER`".to_owned(),
        TenantState::Proven => format!("on, proven{since}"),
        TenantState::Unproven => format!("on, but NOT PROVEN{since}: run `postern entra prove USER`"),
    };
    let mut lines = vec![field("Domain", &tenant.domain), field("State", &state)];
    if let Some(until) = tenant.paused_until {
        lines.push(field("Paused", &format!("until {}", shown_at(until, zone))));
    }
    lines.extend([
        field("Tenant", &tenant.tenant),
        field("Client ID", &tenant.client_id),
        field(
            "Client secret",
            if tenant.confidential {
                "set"
            } else {
                "none: a public client"
            },
        ),
        field("Authority", &tenant.authority),
        field("Scope", &tenant.scope),
        field(
            "Names without domain",
            if tenant.default {
                "belong here"
            } else {
                "do not belong here"
            },
        ),
        field("Without MFA", allowed(tenant.allow_without_mfa)),
        field("MFA not registered", allowed(tenant.allow_unregistered)),
        field("External MFA", allowed(tenant.allow_external)),
        field("Wrong passwords", &format!("{} a user in 24 hours", tenant.budget)),
    ]);
    if !tenant.prefixes.is_empty() {
        lines.push(field("Prefixes", &tenant.prefixes.join(", ")));
    }
    if let Some(proxy) = &tenant.proxy {
        lines.push(field("Proxy", proxy));
    }
    if tenant.private_ca {
        lines.push(field("Private authority", yes_no(true)));
    }
    for (code, verdict) in &tenant.overrides {
        lines.push(field("Override", &format!("{code} is {}", word(verdict))));
    }
    lines
}

fn allowed(yes: bool) -> &'static str {
    if yes { "let in" } else { "refused" }
}

/// Tenants, one after the other.
pub fn tenants(list: &TenantList, zone: &TimeZone) -> Vec<String> {
    if list.tenants.is_empty() {
        return vec!["no tenant: make one with `postern entra set`".to_owned()];
    }
    let mut lines = Vec::new();
    for one in &list.tenants {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(tenant(one, zone));
        lines.extend(one.warnings.iter().map(|line| field("Warning", line)));
    }
    lines
}

fn said(answer: &DirectoryAnswer) -> String {
    // Mostly the words name it themselves.
    let code = answer.code.map(|code| format!("AADSTS{code}"));
    let code = code.filter(|code| !answer.words.contains(code.as_str()));
    let code = code.map_or(String::new(), |code| format!("{code}: "));
    format!("{code}{} ({}, {} ms)", answer.words, answer.verdict, answer.took_ms)
}

fn correlation(answer: &DirectoryAnswer) -> Option<String> {
    answer.correlation.as_ref().map(|id| field("Correlation ID", id))
}

/// What a proof saw; the last word is said apart where it failed.
pub fn prove(report: &ProveReport) -> Vec<String> {
    let mut lines = vec![
        field("Asked as", &report.user),
        field("Right password", &said(&report.right)),
    ];
    lines.extend(correlation(&report.right));
    if let Some(wrong) = &report.wrong {
        lines.push(field("Wrong password", &said(wrong)));
        lines.extend(correlation(wrong));
    }
    if report.proven {
        lines.push(report.words.clone());
        if !report.todo.is_empty() {
            lines.push(format!("to do: {}", report.todo));
        }
    }
    lines
}

/// What a test saw.
pub fn test(report: &TestReport) -> Vec<String> {
    let mut lines = vec![
        field("Asked as", &report.user),
        field("Directory", &said(&report.answer)),
    ];
    lines.extend(correlation(&report.answer));
    lines.push(field("A login", &report.login));
    if !report.todo.is_empty() {
        lines.push(field("To do", &report.todo));
    }
    lines
}
