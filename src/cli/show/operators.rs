//! Operators and the network as text.

use jiff::tz::TimeZone;

use super::{field, word};
use crate::control::{NetworkReport, OperatorInfo, OperatorList, OperatorTokenMade};
use crate::enrol::base32;
use crate::times::shown_at;

/// One operator.
pub fn operator(operator: &OperatorInfo, zone: &TimeZone) -> Vec<String> {
    let token = match (operator.token, operator.token_pending) {
        (true, _) => "a code is asked at each login",
        (false, true) => "waits for its first code",
        (false, false) => "none: the password alone is asked",
    };
    let mut lines = vec![
        field("Operator", &operator.name),
        field("Role", &word(&operator.role)),
        field("State", if operator.enabled { "enabled" } else { "DISABLED" }),
        field("Token", token),
        field("Made", &shown_at(operator.created, zone)),
        field(
            "Last login",
            &operator.last.map_or("never".to_owned(), |at| shown_at(at, zone)),
        ),
    ];
    if let Some(seconds) = operator.locked_seconds {
        lines.push(field("LOCKED", &format!("for {seconds} s more")));
    }
    if !operator.lines.is_empty() {
        lines.push(field("Logged in at", &operator.lines.join(", ")));
    }
    lines
}

/// All of them, a line each.
pub fn operators(list: &OperatorList, zone: &TimeZone) -> Vec<String> {
    if list.operators.is_empty() {
        return vec!["no operator: the console makes the first one, or `postern operator add`".to_owned()];
    }
    let row = |one: &OperatorInfo| {
        let mut words = vec![one.last.map_or("never logged in".to_owned(), |at| {
            format!("last login {}", shown_at(at, zone))
        })];
        if !one.enabled {
            words.push("DISABLED".to_owned());
        }
        if one.locked_seconds.is_some() {
            words.push("LOCKED".to_owned());
        }
        match (one.token, one.token_pending) {
            (true, _) => words.push("with a code".to_owned()),
            (false, true) => words.push("token not confirmed".to_owned()),
            (false, false) => {}
        }
        if !one.lines.is_empty() {
            words.push(format!("logged in at {}", one.lines.join(", ")));
        }
        format!("{:<20} {:<10} {}", one.name, word(&one.role), words.join(", "))
    };
    list.operators.iter().map(row).collect()
}

/// A new token without its QR code.
pub fn operator_token(made: &OperatorTokenMade, uri: &str) -> Vec<String> {
    let mut lines = vec![format!("token of operator {}, shown this once", made.operator)];
    if !uri.is_empty() {
        lines.push(field("URI", uri));
    }
    lines.push(field("Key", &base32::groups(&base32::encode(&made.seed))));
    lines
}

/// How the box stands on the network.
pub fn network(report: &NetworkReport) -> Vec<String> {
    let mut lines = vec![field("Host name", &report.host)];
    for interface in &report.interfaces {
        let state = if interface.up { "up" } else { "DOWN" };
        let addresses = match interface.addresses.as_slice() {
            [] => "no address".to_owned(),
            some => some.join(", "),
        };
        let mac = match interface.mac.as_str() {
            "" => String::new(),
            mac => format!(" ({mac})"),
        };
        lines.push(field(&interface.name, &format!("{state}, {addresses}{mac}")));
    }
    let list = |list: &[String]| match list {
        [] => "none".to_owned(),
        some => some.join(", "),
    };
    lines.push(field("Gateway", &list(&report.gateways)));
    lines.push(field("Name server", &list(&report.dns)));
    lines
}
