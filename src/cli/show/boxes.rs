//! The box and its clients as text.

use jiff::tz::TimeZone;

use super::{count, field, word};
use crate::control::check::net_text;
use crate::control::{ClientInfo, ClientList, ClientMade, ClockReport, Mode, StatusReport, TenantState};
use crate::times::{shown_at, shown_duration, shown_with_zone};

/// Health first, then what wants somebody, then the rest.
pub fn status(report: &StatusReport, zone: &TimeZone) -> Vec<String> {
    let mut lines = Vec::new();
    if report.answering {
        lines.push("Answering".to_owned());
    } else {
        let why = report.because.as_deref().unwrap_or("see the log of posternd");
        lines.push(format!("NOT ANSWERING: {why}"));
    }
    if report.alarms.is_empty() {
        lines.push(field("Alarms", "none"));
    }
    for alarm in &report.alarms {
        lines.push(field(
            "Alarm",
            &format!("{} (since {})", alarm.what, shown_at(alarm.since, zone)),
        ));
        lines.push(field("", &format!("to do: {}", alarm.todo)));
    }
    lines.extend(clock(&report.clock, zone));
    lines.push(field(
        "Version",
        &format!("{}, started {}", report.version, shown_at(report.since, zone)),
    ));
    let list = |addresses: &[std::net::SocketAddr]| {
        let words: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        if words.is_empty() {
            "nowhere".to_owned()
        } else {
            words.join(", ")
        }
    };
    lines.push(field("Authentication", &list(&report.auth)));
    lines.push(field("Accounting", &list(&report.acct)));
    let held = [
        count(report.users, "user"),
        count(report.tokens, "token"),
        count(report.clients, "client"),
    ];
    lines.push(field("Holds", &held.join(", ")));
    for tenant in &report.tenants {
        let state = match (tenant.state, tenant.paused_until) {
            (TenantState::Off, _) => "off, not proven: run `postern entra prove USER`".to_owned(),
            (_, Some(until)) => format!("paused until {}", shown_at(until, zone)),
            (TenantState::Proven, None) => "on, proven".to_owned(),
            (TenantState::Unproven, None) => "on, but NOT PROVEN: run `postern entra prove USER`".to_owned(),
        };
        lines.push(field("Entra", &format!("{}: {state}", tenant.domain)));
    }
    for (name, value) in report.counters.iter().filter(|(_, value)| **value > 0) {
        lines.push(field(&format!("  {name}"), &value.to_string()));
    }
    lines
}

/// The clock.
pub fn clock(report: &ClockReport, zone: &TimeZone) -> Vec<String> {
    let now = shown_with_zone(report.now, zone);
    let state = if report.trusted {
        format!("{now}, trusted ({})", report.source)
    } else {
        format!("{now}, NOT TRUSTED ({})", report.source)
    };
    let mut lines = vec![field("Clock", &state)];
    if let Some(waiting) = &report.waiting_for {
        lines.push(field("", waiting));
    }
    if let (false, Some(newest)) = (report.trusted, report.newest_seen) {
        lines.push(field(
            "",
            &format!("the newest trusted time was {}", shown_at(newest, zone)),
        ));
    }
    lines
}

/// One client.
pub fn client(client: &ClientInfo, zone: &TimeZone) -> Vec<String> {
    let last = client
        .last_packet
        .map_or("none since posternd started".to_owned(), |at| shown_at(at, zone));
    let delimiter = client.delimiter.map_or("none".to_owned(), |c| c.to_string());
    vec![
        field("Client", &client.name),
        field("Address", &net_text(&client.net)),
        field("Mode", &word(&client.mode)),
        field("First factor", &word(&client.first)),
        field(
            "Message-Authenticator",
            if client.require_message_authenticator {
                "required"
            } else {
                "not required"
            },
        ),
        field("Order", &word(&client.order)),
        field("Delimiter", &delimiter),
        field("Unmatched users", &word(&client.unmatched)),
        field("Reject delay", &shown_duration(client.reject_delay)),
        field("Deadline", &shown_duration(client.deadline)),
        field("While unavailable", &word(&client.unavailable)),
        field("Prompt", &client.prompt),
        field("Challenge stands", &shown_duration(client.challenge_timeout)),
        field("Character set", &word(&client.charset)),
        field("In flight at most", &client.in_flight.to_string()),
        field("Secret", &format!("{} characters", client.secret_length)),
        field("Made", &shown_at(client.created, zone)),
        field("Last packet", &last),
    ]
}

/// All clients, a line each.
pub fn clients(list: &ClientList) -> Vec<String> {
    if list.clients.is_empty() {
        return vec!["no clients: add one with `postern client add NAME ADDRESS`".to_owned()];
    }
    list.clients
        .iter()
        .map(|client| {
            let without = if client.require_message_authenticator {
                ""
            } else {
                "  Message-Authenticator not required"
            };
            format!(
                "{:<20} {:<24} {:<10} {}{without}",
                client.name,
                net_text(&client.net),
                word(&client.mode),
                word(&client.first)
            )
        })
        .collect()
}

/// A new client, and what to type at the gateway.
pub fn client_made(made: &ClientMade) -> Vec<String> {
    let client = &made.client;
    let mut lines = vec![format!(
        "client {} may ask from {}, mode {}, first factor {}",
        client.name,
        net_text(&client.net),
        word(&client.mode),
        word(&client.first)
    )];
    if let Some(secret) = made.secret.as_ref().and_then(|secret| secret.expose_str()) {
        lines.extend([
            String::new(),
            "Shared secret, shown this once:".to_owned(),
            String::new(),
            format!("    {secret}"),
        ]);
    }
    let seconds = client.deadline.max(client.reject_delay).as_millis().div_ceil(1000) + 2;
    let authenticator = if client.require_message_authenticator {
        format!(
            "must be sent; if the gateway cannot: postern client set {} --require-message-authenticator no",
            client.name
        )
    } else {
        "not required: somebody on the way can forge an answer (Blast-RADIUS)".to_owned()
    };
    let what = match client.mode {
        Mode::Append => "users type password and code in one field",
        Mode::Challenge => "users type the password, then the code when asked; let it show challenges",
        Mode::CodeOnly => "the gateway checks the password itself and sends the code alone",
    };
    lines.extend([
        String::new(),
        "At the gateway:".to_owned(),
        field("  RADIUS server", "this box, UDP port 1812"),
        field("  Shared secret", "as above, without blanks"),
        field("  Method", "PAP"),
        field("  Timeout", &format!("{seconds} s or more for each try")),
        field("  Login", what),
        field("  Message-Authent.", &authenticator),
    ]);
    if made.secret.is_none() {
        lines.retain(|line| !line.starts_with("  Shared secret"));
    }
    lines
}
